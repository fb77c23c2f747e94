//! A program's stand-in as its mounts share it: the tables in force, and what their caps have counted. The decision itself is the
//! core's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use holdfast_core::agent::Weight;
use holdfast_core::rules::{RulesetHash, Verdict, Way, Ways};
use holdfast_core::stand_in::{
    CapCounters, Caps, Conditions, LetGo, Proposal, Share, Snapshot, StandInAnswer, StandInPolicy, StoodIn, ToldApproval,
    ToldName, stand_in,
};
use holdfast_core::{AccountId, AuthorizationRequest, PlatformName, StandInCause, Timestamp};

use super::budgets::{Budgets, Spending};
use crate::journal::KeptKind;
use crate::ledger::Origin;

/// How often what was told is counted beside the questions, before they are kept waiting for it.
const RECOUNTS_MAX: usize = 4;

/// The stand-in of one program.
pub struct StandIn {
    /// The program's own first, then those of platforms that have one of their own.
    tables: Box<[StandInTable]>,
    caps: Mutex<CapCounters>,
    /// What counts in agents' budgets until the ledger has heard it; taken within `caps`.
    budgets: Mutex<Budgets>,
    /// As [`StandIn::exposure`], to be looked at by every callback.
    exposed: AtomicI64,
    /// Approvals that the ledger refused for good: at risk, and on their way to nobody.
    aside: Mutex<HashMap<ToldName, (AccountId, i64)>>,
    /// The sum of those.
    aside_minor: AtomicI64,
    told_max: usize,
    /// What of each cap is this responder's.
    share: Share,
}

/// What stand-in says to a question.
#[derive(Debug)]
pub struct Said {
    /// Its answer.
    pub stood_in: StoodIn,
    /// The name of what caps counted.
    pub counted: Option<ToldName>,
    /// Of several ways the one that an approval took.
    pub way: Option<Way>,
}

/// One table: the program's, or one platform's.
pub struct StandInTable {
    /// Whose; `None` for the program's, which is for every platform that has none of its own.
    pub platform: Option<PlatformName>,
    /// The version that decides, swapped whole; without one everything is declined.
    pub in_force: ArcSwapOption<StandInPolicy>,
    /// The text of the configured table, which an empty ledger starts with; `None` if none is configured.
    pub configured: Option<Box<str>>,
}

impl StandInTable {
    /// As what its versions are kept.
    #[must_use]
    pub const fn kind(&self) -> KeptKind {
        match self.platform {
            None => KeptKind::StandIn,
            Some(platform) => KeptKind::StandInOf(platform),
        }
    }
}

impl StandIn {
    /// With these tables, of which the first is the program's, and that share of their caps. At most so many approvals are counted at
    /// a time.
    #[must_use]
    pub fn new(tables: Vec<StandInTable>, share: Share, told_max: usize) -> Self {
        let caps = Mutex::new(CapCounters::new(&[], share, told_max));
        let stand_in = StandIn {
            tables: tables.into_boxed_slice(),
            caps,
            budgets: Mutex::default(),
            exposed: AtomicI64::new(0),
            aside: Mutex::default(),
            aside_minor: AtomicI64::new(0),
            told_max,
            share,
        };
        let caps_in_force = stand_in.caps_in_force();
        stand_in.caps().follow(&caps_in_force.iter().collect::<Vec<_>>());
        stand_in
    }

    /// The tables, the program's first.
    #[must_use]
    pub const fn tables(&self) -> &[StandInTable] {
        &self.tables
    }

    /// Decides a question that the ledger did not: by the platform's table, within the caps; `None` without a table. The name is
    /// that of what was counted: an approval that is not told after all has to be given back under it. It is of whoever's act it becomes:
    /// of the card's own platform, where a processor asked about that one's payment. With it goes the way that an approval took.
    #[must_use]
    pub fn decide(
        &self,
        platform: &PlatformName,
        (origin, request): (&Origin, &AuthorizationRequest),
        verdict: Option<&Verdict>,
        (snapshot, spending): (&Snapshot, &Spending<'_>),
        cause: StandInCause,
        now: Timestamp,
    ) -> Option<Said> {
        let own = self.tables.iter().position(|table| table.platform.as_ref() == Some(platform));
        let place = own.unwrap_or(0);
        let in_force = &self.tables.get(place)?.in_force;
        let whose = origin.platform.as_ref().unwrap_or(platform);
        let propose = |policy: &StandInPolicy| stand_in(policy, whose, request, verdict, snapshot, cause, now);
        let policy = in_force.load_full()?;
        let proposal = propose(&policy);
        // Only for as long as it takes to look up and add a few numbers.
        let mut caps = self.caps();
        let proposal = of_version_in_force((&policy, proposal), &in_force.load_full()?, propose);
        let mut budgets = self.budgets();
        let name = ToldName::of(whose, &request.key);
        let way = match proposal.uncapped() {
            (StandInAnswer::Approve { amount }, _) => budgets.way(&name, (origin, request), amount.minor(), spending),
            (StandInAnswer::Decline { .. } | StandInAnswer::Abstain(_), _) => Ok(None),
        };
        let way = match way {
            Ok(way) => way,
            Err(reason) => return Some(Said { stood_in: proposal.refused(reason), counted: None, way: None }),
        };
        let (counted, proposal) = match spending.weight {
            Weight::Moves | Weight::Joins => (proposal.name(), proposal),
            // Its payment comes through another door, and counts there.
            Weight::Preview => (proposal.name(), proposal.moving_nothing()),
        };
        let stood_in = caps.try_take(place, &proposal);
        self.show_exposure(&caps);
        if let StandInAnswer::Approve { amount } = stood_in.answer {
            budgets.take(name, (origin, request), amount.minor(), (spending, way));
        }
        Some(Said { stood_in, counted, way })
    }

    /// An approval that an earlier process told and the ledger has yet to hear counts in budgets.
    pub fn restore_budgets(&self, name: ToldName, asked: (&Origin, &AuthorizationRequest), amount: i64, spending: &Spending<'_>) {
        // The limits of another way than it took are not among those that were kept.
        let way = spending.ways.and_then(Ways::first);
        self.budgets().take(name, asked, amount, (spending, way));
    }

    fn budgets(&self) -> MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An approval was not told after all.
    pub fn give_back(&self, name: &ToldName) {
        let mut caps = self.caps();
        caps.give_back(name);
        self.show_exposure(&caps);
        self.budgets().is_heard(name);
    }

    /// The platform recorded an approval as declined: nothing will be held for it.
    pub fn undone(&self, name: &ToldName) {
        let mut caps = self.caps();
        caps.give_back(name);
        self.show_exposure(&caps);
        self.show_aside(&caps, &self.aside());
        self.budgets().is_heard(name);
    }

    /// The ledger has confirmed an approval.
    pub fn settle(&self, name: &ToldName) {
        let mut caps = self.caps();
        caps.settle(name);
        self.show_exposure(&caps);
        self.budgets().is_heard(name);
    }

    /// Begins with what was told before this process, in the order of telling.
    pub fn restore(&self, told: impl IntoIterator<Item = ToldApproval>, now: Timestamp) {
        let caps = self.caps_in_force();
        let tables: Vec<&Caps> = caps.iter().collect();
        let restored = CapCounters::restored(&tables, self.share, self.told_max, told, now);
        let mut counters = self.caps();
        self.show_exposure(&restored);
        self.show_aside(&restored, &self.aside());
        *counters = restored;
    }

    /// Lets go of what counts in no cap any more. Call it every second or so, away from the workers.
    pub fn forget(&self, now: Timestamp) {
        self.caps().forget(now);
    }

    /// The money that was approved and not confirmed, in minor units of the program's currency.
    #[must_use]
    pub fn exposure(&self) -> i64 {
        self.exposed.load(Ordering::Acquire)
    }

    fn show_exposure(&self, caps: &CapCounters) {
        self.exposed.store(caps.exposure(), Ordering::Release);
    }

    /// Of that, what is on its way to the ledger.
    #[must_use]
    pub fn in_transit(&self) -> i64 {
        self.exposure().saturating_sub(self.aside_minor.load(Ordering::Acquire)).max(0)
    }

    /// Of that, what is of one account.
    #[must_use]
    pub fn in_transit_of(&self, account: &AccountId) -> i64 {
        let caps = self.caps();
        let aside = self.aside();
        let of_account = aside.iter().filter(|(name, (of, _))| of == account && caps.is_unconfirmed(name));
        of_account.fold(caps.exposure_of(account), |left, (_, (_, minor))| left.saturating_sub(*minor))
    }

    /// Whether the table that is in force for a platform asks for balances.
    #[must_use]
    pub fn looks_at_balances(&self, platform: &PlatformName) -> bool {
        self.asks(platform, |conditions| conditions.balance_age_seconds_max.is_some())
    }

    /// Whether it asks for what a card did before.
    #[must_use]
    pub fn looks_at_acquaintances(&self, platform: &PlatformName) -> bool {
        self.asks(platform, |conditions| conditions.card_used.is_some() || conditions.merchant_known.is_some())
    }

    fn asks(&self, platform: &PlatformName, wanted: impl Fn(&Conditions) -> bool) -> bool {
        let own = self.tables.iter().find(|table| table.platform.as_ref() == Some(platform));
        let in_force = own.or(self.tables.first()).and_then(|table| table.in_force.load_full());
        in_force.is_some_and(|policy| policy.rows().iter().any(|row| wanted(row.conditions())))
    }

    /// How much of these approvals of an account is not confirmed yet, and how much of the account's was let go of by the same moment.
    #[must_use]
    pub fn approved_of(&self, account: &AccountId, approved: &[(ToldName, i64)]) -> (i64, LetGo) {
        let caps = self.caps();
        let unconfirmed = approved.iter().filter(|(name, _)| caps.is_unconfirmed(name));
        (unconfirmed.fold(0, |sum: i64, (_, minor)| sum.saturating_add(*minor)), caps.let_go(account))
    }

    /// The ledger refused an approval of so much for good.
    pub fn set_aside(&self, name: ToldName, account: AccountId, minor: i64) {
        let caps = self.caps();
        let mut aside = self.aside();
        aside.insert(name, (account, minor));
        self.show_aside(&caps, &aside);
    }

    /// It is brought to the ledger again.
    pub fn brought_again(&self, name: &ToldName) {
        // Nearly always there is none.
        if self.aside().is_empty() {
            return;
        }
        let caps = self.caps();
        let mut aside = self.aside();
        aside.remove(name);
        self.show_aside(&caps, &aside);
    }

    /// What was never counted, or is confirmed by now, is no part of the exposure, and is not taken off it.
    fn show_aside(&self, caps: &CapCounters, aside: &HashMap<ToldName, (AccountId, i64)>) {
        let counted = aside.iter().filter(|(name, _)| caps.is_unconfirmed(name));
        let sum = counted.fold(0, |sum: i64, (_, (_, minor))| sum.saturating_add(*minor));
        self.aside_minor.store(sum, Ordering::Release);
    }

    fn aside(&self) -> MutexGuard<'_, HashMap<ToldName, (AccountId, i64)>> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table of a kind, if there is one.
    #[must_use]
    pub fn table(&self, kind: KeptKind) -> Option<&StandInTable> {
        self.tables.iter().find(|table| table.kind() == kind)
    }

    /// From now on this version decides; what was told counts on under its caps. Questions are not kept waiting for the counting,
    /// unless the ledger confirms answers all the while.
    pub fn put_in_force(&self, kind: KeptKind, policy: Arc<StandInPolicy>) {
        let Some(place) = self.tables.iter().position(|table| table.kind() == kind) else { return };
        if self.is_in_force(place, &policy) {
            return;
        }
        for _ in 0..RECOUNTS_MAX {
            let remembered = self.caps().remembered();
            let mut recounted = remembered.recounted(&self.caps_with(place, &policy).iter().collect::<Vec<_>>());
            let mut caps = self.caps();
            if caps.take_over(&mut recounted).is_ok() {
                return self.store(place, policy);
            }
        }
        let mut caps = self.caps();
        caps.follow(&self.caps_with(place, &policy).iter().collect::<Vec<_>>());
        self.store(place, policy);
    }

    /// A start puts in force what its foresight put there already: its caps have followed.
    fn is_in_force(&self, place: usize, policy: &StandInPolicy) -> bool {
        let in_force = self.tables.get(place).and_then(|table| table.in_force.load_full());
        in_force.is_some_and(|in_force| in_force.hash() == policy.hash())
    }

    /// While the counters are held: what a version proposes is held against its own caps.
    fn store(&self, place: usize, policy: Arc<StandInPolicy>) {
        if let Some(table) = self.tables.get(place) {
            table.in_force.store(Some(policy));
        }
    }

    /// The caps of each table, by its place, with this version in one of them.
    fn caps_with(&self, place: usize, policy: &StandInPolicy) -> Vec<Caps> {
        let mut caps = self.caps_in_force();
        if let Some(caps) = caps.get_mut(place) {
            *caps = policy.caps().clone();
        }
        caps
    }

    /// Which version is in force for whom, for `/status`.
    pub fn versions(&self) -> impl Iterator<Item = (KeptKind, Option<RulesetHash>)> {
        self.tables.iter().map(|table| (table.kind(), table.in_force.load().as_ref().map(|policy| policy.hash())))
    }

    /// The caps of each table, by its place.
    fn caps_in_force(&self) -> Vec<Caps> {
        let caps = |table: &StandInTable| table.in_force.load().as_ref().map(|policy| policy.caps().clone()).unwrap_or_default();
        self.tables.iter().map(caps).collect()
    }

    /// Whoever panicked while counting had counted or not; both are whole.
    fn caps(&self) -> MutexGuard<'_, CapCounters> {
        self.caps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What another version than the one whose caps are counted proposes is not asked of those: the one that was put in force meanwhile is.
fn of_version_in_force(
    (policy, proposal): (&Arc<StandInPolicy>, Proposal),
    in_force: &Arc<StandInPolicy>,
    propose: impl FnOnce(&StandInPolicy) -> Proposal,
) -> Proposal {
    if Arc::ptr_eq(policy, in_force) { proposal } else { propose(in_force) }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus};
    use holdfast_core::rules::{NoTrace, evaluate};
    use holdfast_core::stand_in::{AccountSight, Acquaintance, AddsTo, CardSight, Sight};
    use holdfast_core::{Country, Currency, ProgramId};

    use super::*;
    use crate::clock;
    use crate::config::ruleset::{Home, read_kept};
    use crate::config::stand_in as tables;
    use crate::fixture::{origin, program, purchase, usd};
    use crate::ledger::Counted;

    const TABLE: &str = "currency = 'USD'\ncountry = 'USA'\nexposure_max = '50.00'\n[[row]]\nid = 'all'\nanswer = 'approve'\n";

    fn known(now: Timestamp) -> Snapshot {
        let (status, cardholder, used) = (CardStatus::Active, CardholderStatus::Active, Acquaintance::Known);
        let account = AccountSight {
            id: AccountId::new("a").unwrap(),
            status: AccountStatus::Active,
            available: usd(1_000_000),
            as_of: now,
            let_go: None,
        };
        let card = CardSight { status, cardholder, as_of: now, since: None, used };
        Snapshot {
            card: Sight::Seen(card),
            account: Sight::Seen(account),
            merchant: Acquaintance::NotKnown,
            adds_to: AddsTo::NotKnown,
        }
    }

    /// How many questions of 10.00 each one of so many responders approves, where all of them may approve 50.00, and how much is at risk then.
    fn approves(program: ProgramId, share: Share, weight: Weight) -> (usize, i64) {
        let home = Home { program, currency: Currency::USD, country: Country::new("USA").unwrap() };
        let Ok(policy) = tables::read("table.toml", TABLE, &home) else { panic!("the table does not load") };
        let table = StandInTable { platform: None, in_force: ArcSwapOption::from_pointee(policy), configured: None };
        let stand_in = StandIn::new(vec![table], share, 100);
        stand_in.restore([], clock::utc());
        let Ok(rules) = read_kept("rules", "currency = 'USD'\ncountry = 'USA'\n", program) else { panic!("no rules") };
        let (platform, now) = (PlatformName::new("marqeta").unwrap(), clock::utc());
        let is_approved = |number: &u32| {
            let request = purchase(&format!("key-{number}"), 1_000);
            let verdict = evaluate(&rules, &request, now, &mut NoTrace);
            let cause = StandInCause::LedgerUnavailable;
            let spending = Spending::of(Some(&verdict), &Counted::Never, weight);
            let said = stand_in.decide(&platform, (&origin(), &request), Some(&verdict), (&known(now), &spending), cause, now);
            matches!(said.unwrap().stood_in.answer, StandInAnswer::Approve { .. })
        };
        let approved = (0..10).filter(is_approved).count();
        (approved, stand_in.exposure())
    }

    /// Its payment comes through another door, and counts there.
    #[test]
    fn a_preview_takes_no_exposure_and_no_cap() {
        assert_eq!(approves(program(), Share::WHOLE, Weight::Moves), (5, 5_000));
        assert_eq!(approves(program(), Share::WHOLE, Weight::Preview), (10, 0));
    }

    /// What the ledger refused may never have been counted here: it hides nothing of what is on its way.
    #[test]
    fn what_is_set_aside_and_was_not_counted_is_not_taken_off_what_is_on_its_way() {
        let home = Home { program: program(), currency: Currency::USD, country: Country::new("USA").unwrap() };
        let Ok(policy) = tables::read("table.toml", TABLE, &home) else { panic!("the table does not load") };
        let table = StandInTable { platform: None, in_force: ArcSwapOption::from_pointee(policy), configured: None };
        let stand_in = StandIn::new(vec![table], Share::WHOLE, 100);
        let (platform, now, account) = (PlatformName::new("marqeta").unwrap(), clock::utc(), AccountId::new("a").unwrap());
        let told = |key: &str| ToldApproval::of(&platform, &purchase(key, 700), &account, usd(700), now);
        stand_in.set_aside(ToldName::of(&platform, &purchase("aside", 1).key), account, 700);
        stand_in.restore([told("aside"), told("on its way")].into_iter().flatten(), now);
        assert_eq!((stand_in.exposure(), stand_in.in_transit(), stand_in.in_transit_of(&account)), (1_400, 700, 700));
        stand_in.set_aside(ToldName::of(&platform, &purchase("never counted", 1).key), account, 5_000);
        assert_eq!((stand_in.exposure(), stand_in.in_transit(), stand_in.in_transit_of(&account)), (1_400, 700, 700));
    }

    /// Its caps are gone by then, or others: the version that was read before would approve past them.
    #[test]
    fn what_an_older_version_proposed_is_asked_of_the_one_that_is_in_force_by_now() {
        let home = Home { program: program(), currency: Currency::USD, country: Country::new("USA").unwrap() };
        let [before, now] = [TABLE, "currency = 'USD'\ncountry = 'USA'\n"].map(|text| {
            let Ok(policy) = tables::read("table.toml", text, &home) else { panic!("the table does not load") };
            Arc::new(policy)
        });
        let (platform, at, request) = (PlatformName::new("marqeta").unwrap(), clock::utc(), purchase("key", 1_000));
        let Ok(rules) = read_kept("rules", "currency = 'USD'\ncountry = 'USA'\n", program()) else { panic!("no rules") };
        let verdict = evaluate(&rules, &request, at, &mut NoTrace);
        let propose = |policy: &StandInPolicy| {
            let cause = StandInCause::LedgerUnavailable;
            stand_in(policy, &platform, &request, Some(&verdict), &known(at), cause, at)
        };
        let approves = |proposal: &Proposal| matches!(proposal.uncapped().0, StandInAnswer::Approve { .. });
        assert!(approves(&of_version_in_force((&before, propose(&before)), &before, propose)));
        assert!(!approves(&of_version_in_force((&before, propose(&before)), &now, propose)));
    }

    #[test]
    fn responders_that_share_a_ledger_never_pass_a_cap_together() {
        let one_of = |responders| approves(program(), Share::one_of(NonZeroU32::new(responders).unwrap()), Weight::Moves).1;
        assert_eq!(one_of(1), 5_000);
        assert_eq!([one_of(2), one_of(2)].iter().sum::<i64>(), 4_000, "each has 25.00, which two questions fit into");
        assert_eq!(one_of(6), 0);
    }
}
