//! Rows that would approve what the program's own rules or limits let not through. The rules stay the stronger ones (nothing that
//! they decline is approved), so such a row promises more than it gives; limits, which only the ledger counts, it passes.
//!
//! For people, not for the request path: authorizations are made up of the values that row and ruleset name, and both are asked.

use crate::authorization::{
    AuthorizationKind, AuthorizationRequest, CrossBorder, EntryMode, Expiry, Padding, PartialApproval, PaymentRef, Posting,
    Wallet,
};
use crate::checkout::Checkout;
use crate::decision::{StandInBy, StandInCause};
use crate::hold::{AccountStatus, CardStatus, CardholderStatus};
use crate::ids::{AccountId, AuthorizationId, IdempotencyKey, PlatformName, ProgramId, RuleId};
use crate::merchant::{Country, Merchant, MerchantCategoryCode};
use crate::money::Money;
use crate::rules::{Check, Enforcement, LimitCheck, Listed, MccEntry, MccSet, NoTrace, Ruleset, RulesetParts, Verdict, evaluate};
use crate::time::Timestamp;

use super::bounds::{is_transaction, most_within};
use super::caps::Caps;
use super::decide::stand_in;
use super::policy::{Row, RowAnswer, StandInPolicy};
use super::proposal::StandInAnswer;
use super::snapshot::{AccountSight, Acquaintance, AddsTo, CardSight, Sight, Snapshot};

/// The most authorizations that are made up for one row.
const EXAMPLES_MAX: usize = 100_000;
/// The most that could be told at a payment door that is tried for one amount.
const CHECKOUTS_MAX: usize = 200;
/// The most that are tried at every hour of a week.
const HOURLY_MAX: usize = 200;
/// Countries that are tried besides those that are named: where a list is of nearly all, one of them is not on it.
const ORDINARY: [&str; 12] = ["USA", "FRA", "JPN", "BRA", "ZAF", "AUS", "IND", "CHN", "RUS", "IRN", "CUB", "TUV"];
const HOUR_SECONDS: i64 = 3600;
const WEEK_HOURS: i64 = 168;

/// What a row does that a rule or a limit does not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Than {
    /// It approves what the rule declines.
    Rule,
    /// Of one subject of the limit, in one of its windows, the caps let through more money than the limit.
    Amount {
        /// The limit's.
        limit: Money,
        /// The caps', while the ledger is away.
        caps: Money,
    },
    /// The same of transactions.
    Count {
        /// The limit's.
        limit: u32,
        /// The caps'; `None` where none of them stops it.
        caps: Option<u64>,
    },
}

/// A row that approves more than the rules let through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Looser {
    /// Which row.
    pub row: RuleId,
    /// The rule or limit that is stricter.
    pub than: RuleId,
    /// What of it is.
    pub by: Than,
    /// An authorization that shows it: the row approves it, the rule declines it or the limit may.
    pub example: AuthorizationRequest,
    /// When it would be asked.
    pub at: Timestamp,
}

/// Every row with every rule and limit that is stricter than it, each with the first example that shows it; as if the table decided by
/// its rows, whatever its mode.
#[must_use]
pub fn looser_rows(policy: &StandInPolicy, ruleset: &Ruleset, now: Timestamp) -> Vec<Looser> {
    let policy = &policy.by_rows();
    let mut found = Vec::new();
    let Ok(platform) = PlatformName::new("example") else { return found };
    for row in policy.rows().iter().filter(|row| row.approves()) {
        let mut known: Vec<(RuleId, bool)> = Vec::new();
        let mut note = |looser: Looser| {
            let which = (looser.than, matches!(looser.by, Than::Count { .. }));
            if !known.contains(&which) {
                known.push(which);
                found.push(looser);
            }
        };
        let asked = Examples { policy, ruleset, row, platform, nothing: without_rules(ruleset) };
        let examples: Vec<AuthorizationRequest> = asked.all();
        let hours = (0..WEEK_HOURS).map(|hour| now.unix_seconds().saturating_add(hour.saturating_mul(HOUR_SECONDS)));
        let at_hours = hours.map(Timestamp::from_unix_seconds);
        let hourly = at_hours.flat_map(|at| examples.iter().take(HOURLY_MAX).map(move |example| (at, example)));
        for (at, example) in examples.iter().map(|example| (now, example)).chain(hourly) {
            asked.hold_against_rules(at, example).into_iter().for_each(&mut note);
        }
    }
    found
}

/// Authorizations that one row could be about.
struct Examples<'a> {
    policy: &'a StandInPolicy,
    ruleset: &'a Ruleset,
    row: &'a Row,
    platform: PlatformName,
    /// A ruleset that objects to nothing.
    nothing: Option<Ruleset>,
}

/// An authorization that a row is about, if anything is.
pub(super) fn example_of(policy: &StandInPolicy, row: &Row) -> Option<AuthorizationRequest> {
    let platform = PlatformName::new("example").ok()?;
    let ruleset = Ruleset::new(RulesetParts {
        hash: policy.hash(),
        program: ProgramId::new("example").ok()?,
        currency: policy.currency(),
        country: policy.country(),
        rules: Vec::new(),
        limits: Vec::new(),
        holds: Vec::new(),
        partial_approval: None,
    });
    let asked = Examples { policy, ruleset: &ruleset.ok()?, row, platform, nothing: None };
    let within = |example: &AuthorizationRequest| {
        row.conditions().amount.is_none_or(|range| {
            let minor = example.amount.minor();
            range.min().is_none_or(|min| minor >= min.minor()) && range.max().is_none_or(|max| minor <= max.minor())
        })
    };
    asked.all().into_iter().find(within)
}

impl Examples<'_> {
    /// What is stricter than the row on this authorization.
    fn hold_against_rules(&self, at: Timestamp, example: &AuthorizationRequest) -> Vec<Looser> {
        let snapshot = self.snapshot(at);
        // The row's own opinion, as if no rule objected.
        let permissive = self.nothing.as_ref().map(|nothing| evaluate(nothing, example, at, &mut NoTrace));
        let cause = StandInCause::LedgerUnavailable;
        let proposal = stand_in(self.policy, &self.platform, example, permissive.as_ref(), &snapshot, cause, at).uncapped();
        let (StandInAnswer::Approve { .. }, StandInBy::Row(row)) = proposal else { return Vec::new() };
        if row != self.row.id() {
            return Vec::new();
        }
        let looser = |than, by| Looser { row, than, by, example: *example, at };
        match evaluate(self.ruleset, example, at, &mut NoTrace) {
            Verdict::Decline { rule, .. } => vec![looser(rule, Than::Rule)],
            Verdict::Proceed(proceed) => {
                let enforced = proceed.limits.iter().filter(|check| check.enforcement == Enforcement::Enforce);
                enforced.flat_map(|check| self.hold_against_limit(check, example).map(|by| looser(check.limit, by))).collect()
            }
        }
    }

    /// In what the caps let through more than a limit.
    fn hold_against_limit(&self, check: &LimitCheck, example: &AuthorizationRequest) -> impl Iterator<Item = Than> + use<> {
        let limit = self.ruleset.limits().iter().find(|limit| limit.id() == check.limit);
        let least = self.row.conditions().amount.and_then(|range| range.min()).map_or(0, Money::minor);
        let most = limit.map(|limit| most_within(self.policy.caps(), example.kind, least, check.scope, limit.window()));
        let currency = self.policy.currency();
        let amount = check.amount_max.zip(most).and_then(|(limit, most)| {
            let caps = most.amount.unwrap_or(i64::MAX);
            let [limit, caps] = [limit, caps].map(|minor| Money::from_minor(minor, currency));
            (limit.minor() < caps.minor()).then_some(Than::Amount { limit, caps })
        });
        let count = check.count_max.zip(most).filter(|_| is_transaction(example.kind)).and_then(|(limit, most)| {
            let is_looser = most.count.is_none_or(|caps| u64::from(limit) < caps);
            is_looser.then_some(Than::Count { limit, caps: most.count })
        });
        amount.into_iter().chain(count)
    }

    /// All that the row asks to be known, known to its liking.
    fn snapshot(&self, at: Timestamp) -> Snapshot {
        let conditions = self.row.conditions();
        let age = conditions.card_age.map_or(0, |age| age.seconds_min.or(age.seconds_max).unwrap_or(0));
        let since = at.saturating_sub(std::time::Duration::from_secs(u64::from(age)));
        let met = |wanted: Option<bool>| if wanted == Some(false) { Acquaintance::New } else { Acquaintance::Known };
        let (status, cardholder) = (CardStatus::Active, CardholderStatus::Active);
        let card = CardSight { status, cardholder, as_of: at, since: Some(since), used: met(conditions.card_used) };
        let available = Money::from_minor(i64::MAX, self.policy.currency());
        let account = AccountId::new("example")
            .map_or(Sight::NotSeen, |id| Sight::Seen(AccountSight { id, status: AccountStatus::Active, available, as_of: at }));
        Snapshot { card: Sight::Seen(card), account, merchant: met(conditions.merchant_known), adds_to: AddsTo::Open }
    }

    fn all(&self) -> Vec<AuthorizationRequest> {
        let when = &self.row.conditions().when;
        let kinds = AuthorizationKind::ALL.into_iter().filter(|kind| when.kinds.is_none_or(|kinds| kinds.contains(*kind)));
        let modes: Vec<_> =
            EntryMode::ALL.into_iter().filter(|mode| when.entry_modes.is_none_or(|modes| modes.contains(*mode))).collect();
        let (categories, countries, amounts) = (self.categories(), self.countries(), self.amounts());
        let mut all = Vec::new();
        for kind in kinds {
            for mcc in &categories {
                for country in &countries {
                    for amount in &amounts {
                        let checkouts = self.checkouts(*amount);
                        for mode in &modes {
                            let Some(example) = self.example(kind, *mcc, *country, *amount, *mode) else { continue };
                            let room = EXAMPLES_MAX.saturating_sub(all.len());
                            all.extend(checkouts.iter().take(room).map(|checkout| with(example, *checkout)));
                        }
                    }
                }
            }
        }
        all
    }

    fn example(
        &self,
        kind: AuthorizationKind,
        mcc: Option<MerchantCategoryCode>,
        country: Option<Country>,
        amount: Money,
        entry_mode: EntryMode,
    ) -> Option<AuthorizationRequest> {
        let when = &self.row.conditions().when;
        let moves_nothing = matches!(kind, AuthorizationKind::AccountVerification | AuthorizationKind::BalanceInquiry);
        Some(AuthorizationRequest {
            key: IdempotencyKey::new("example").ok()?,
            payment: PaymentRef::of(AuthorizationId::new("example").ok()?),
            increments: None,
            kind,
            posting: when.posting.unwrap_or(Posting::Hold),
            card: None,
            cardholder: None,
            amount: if moves_nothing { Money::zero(amount.currency()) } else { amount },
            original: None,
            padding: Padding::None,
            expiry: Expiry::Told,
            merchant: Merchant { id: None, name: None, mcc, country },
            entry_mode,
            wallet: when.wallet.unwrap_or(Wallet::None),
            cross_border: CrossBorder::NotTold,
            partial_approval: PartialApproval::NotSupported,
            network: when.networks.as_ref().and_then(|set| set.iter().next()).copied(),
            occurred_at: None,
            checkout: None,
        })
    }

    /// What could be told at a payment door, if row, rules or limits ask for that: nothing, and each thing that one of them names, in
    /// every way that they tell apart.
    fn checkouts(&self, amount: Money) -> Vec<Option<Checkout>> {
        let own = self.row.conditions().when.checkout.iter();
        let of_rules = self.ruleset.rules().iter().flat_map(|rule| {
            let checked =
                if let Check::Checkout(Listed::Allow(asked) | Listed::Deny(asked)) = rule.check() { Some(asked) } else { None };
            checked.into_iter().chain(rule.conditions().into_iter().flat_map(|when| &when.checkout))
        });
        let of_limits = self.ruleset.limits().iter().flat_map(|limit| &limit.conditions().checkout);
        let mut all = vec![Checkout::NOTHING_TOLD];
        let mut any = false;
        for condition in own.chain(of_rules).chain(of_limits) {
            any = true;
            let further: Vec<Checkout> = all.iter().flat_map(|told| condition.examples(told, amount)).collect();
            let new: Vec<Checkout> = further.into_iter().filter(|told| !all.contains(told)).collect();
            all.extend(new.into_iter().take(CHECKOUTS_MAX.saturating_sub(all.len())));
        }
        let all = all.into_iter().filter(|_| any).map(Some);
        [None].into_iter().chain(all).collect()
    }

    /// What the row lists, and of what the rules list what the row lets through.
    fn categories(&self) -> Vec<Option<MerchantCategoryCode>> {
        let row = self.row.conditions().when.mcc.as_ref();
        let in_rules = self.ruleset.rules().iter().flat_map(|rule| {
            let checked = if let Check::Mcc(Listed::Allow(set) | Listed::Deny(set)) = rule.check() { Some(set) } else { None };
            checked.into_iter().chain(rule.conditions().and_then(|when| when.mcc.as_ref()))
        });
        let ends = |set: &MccSet| set.entries().iter().flat_map(ends_of).collect::<Vec<_>>();
        let ordinary = MerchantCategoryCode::from_number(5999);
        let named = row.into_iter().chain(in_rules).flat_map(ends).chain(ordinary);
        let mut all: Vec<_> = named.filter(|code| row.is_none_or(|set| set.contains(*code))).map(Some).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Of the countries that the row lets through, one for each way to be on and off the lists of rules and limits, and one that is
    /// on none; and those at home and abroad.
    fn countries(&self) -> Vec<Option<Country>> {
        let row = self.row.conditions().when.countries.as_ref();
        let of_rules = self.ruleset.rules().iter().flat_map(|rule| {
            let checked =
                if let Check::MerchantCountry(Listed::Allow(set) | Listed::Deny(set)) = rule.check() { Some(set) } else { None };
            checked.into_iter().chain(rule.conditions().and_then(|when| when.countries.as_ref()))
        });
        let of_limits = self.ruleset.limits().iter().filter_map(|limit| limit.conditions().countries.as_ref());
        let lists: Vec<_> = of_rules.chain(of_limits).collect();
        let home = self.policy.country();
        let named = row.into_iter().chain(lists.iter().copied()).flat_map(|set| set.iter().copied());
        let all = ORDINARY.into_iter().filter_map(Country::new).chain(home).chain(named);
        let mut chosen: Vec<Option<Country>> = Vec::new();
        let mut seen: Vec<Vec<bool>> = Vec::new();
        for country in all.filter(|country| row.is_none_or(|set| set.contains(country))) {
            let on_lists = lists.iter().map(|list| list.contains(&country)).chain([home == Some(country)]).collect();
            if !seen.contains(&on_lists) {
                seen.push(on_lists);
                chosen.push(Some(country));
            }
        }
        chosen
    }

    /// The ends of the row's amounts, and those of the rules' with what is one minor unit beside them.
    fn amounts(&self) -> Vec<Money> {
        let currency = self.policy.currency();
        let range = self.row.conditions().amount;
        let up_to = match self.row.answer() {
            RowAnswer::ApproveUpTo(most) => Some(most),
            RowAnswer::Approve | RowAnswer::Decline(_) => None,
        };
        let own = [range.and_then(|range| range.min()), range.and_then(|range| range.max()), up_to];
        let in_rules = self
            .ruleset
            .rules()
            .iter()
            .filter_map(|rule| if let Check::Amount(range) = rule.check() { Some([range.min(), range.max()]) } else { None });
        let named = own.into_iter().chain(in_rules.flatten()).chain([most_at_once(self.policy.caps())]).flatten();
        let beside = named.flat_map(|amount| [-1, 0, 1].map(|by| amount.minor().saturating_add(by)));
        let mut all: Vec<i64> = beside.chain([100]).filter(|minor| *minor >= 0).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|minor| Money::from_minor(minor, currency)).collect()
    }
}

/// The example with what is told at a payment door.
fn with(example: AuthorizationRequest, checkout: Option<Checkout>) -> AuthorizationRequest {
    AuthorizationRequest { checkout, ..example }
}

fn without_rules(ruleset: &Ruleset) -> Option<Ruleset> {
    let parts = RulesetParts {
        hash: ruleset.hash(),
        program: ruleset.program(),
        currency: ruleset.currency(),
        country: ruleset.country(),
        rules: Vec::new(),
        limits: Vec::new(),
        holds: Vec::new(),
        partial_approval: None,
    };
    Ruleset::new(parts).ok()
}

fn ends_of(entry: &MccEntry) -> Vec<MerchantCategoryCode> {
    match entry {
        MccEntry::Code(code) => vec![*code],
        MccEntry::Range(first, last) => vec![*first, *last],
        MccEntry::Group(group) => {
            let ends = group.ranges.iter().flat_map(|&(first, last)| [first, last]);
            ends.filter_map(MerchantCategoryCode::from_number).collect()
        }
    }
}

/// The most that one card can be given before a cap stops it.
fn most_at_once(caps: &Caps) -> Option<Money> {
    let amounts = caps.caps.iter().filter_map(|cap| cap.amount_max).chain(caps.exposure_max);
    amounts.min_by_key(|amount| amount.minor())
}
