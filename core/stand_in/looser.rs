//! Rows that would approve what the program's own rules or limits let not through. The rules stay the stronger ones (nothing that
//! they decline is approved), so such a row promises more than it gives; limits, which only the ledger counts, it passes.
//!
//! For people, not for the request path: authorizations are made up of the values that row and ruleset name (`examples`), and both are
//! asked, at every moment that the hours of row and rules tell apart.

use crate::authorization::AuthorizationRequest;
use crate::decision::{StandInBy, StandInCause};
use crate::hold::{AccountStatus, CardStatus, CardholderStatus};
use crate::ids::{AccountId, PlatformName, RuleId};
use crate::money::Money;
use crate::rules::{Enforcement, LimitCheck, NoTrace, Ruleset, RulesetParts, Verdict, evaluate};
use crate::time::Timestamp;

use super::bounds::{is_transaction, most_within};
use super::decide::stand_in;
use super::examples::Examples;
use super::policy::{Row, StandInPolicy};
use super::proposal::StandInAnswer;
use super::snapshot::{AccountSight, Acquaintance, AddsTo, CardSight, Sight, Snapshot};

/// The most that are tried of what one rule or limit names besides.
const NAMED_MAX: usize = 5_000;
/// The most that are tried at another moment than the first.
const LATER_MAX: usize = 2_000;
/// A prime, so that no value is left out of what is tried of many.
const STRIDE: usize = 7_919;

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
        let asked = Asked { policy, ruleset, row, platform, nothing: without_rules(ruleset) };
        let examples = Examples { policy, ruleset, row };
        let moments = examples.moments(now);
        for (place, named) in examples.named().iter().enumerate() {
            let all = examples.all(named);
            // What all rules are tried with first, whole.
            let at_first = if place == 0 { all.len() } else { NAMED_MAX };
            for (turn, at) in moments.iter().enumerate() {
                let most = if turn == 0 { at_first } else { LATER_MAX };
                spread(&all, most).flat_map(|example| asked.hold_against_rules(*at, example)).for_each(&mut note);
            }
        }
    }
    found
}

/// So many of them from everywhere; all of them in their order, if they are no more.
fn spread<T>(all: &[T], most: usize) -> impl Iterator<Item = &T> {
    let stride = if all.len() <= most { 1 } else { STRIDE };
    let place = move |index: usize| all.get(index.saturating_mul(stride).checked_rem(all.len())?);
    (0..all.len().min(most)).filter_map(place)
}

/// A row and the rules that it is held against.
struct Asked<'a> {
    policy: &'a StandInPolicy,
    ruleset: &'a Ruleset,
    row: &'a Row,
    platform: PlatformName,
    /// A ruleset that objects to nothing.
    nothing: Option<Ruleset>,
}

impl Asked<'_> {
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
        let account = AccountId::new("example").map_or(Sight::NotSeen, |id| {
            Sight::Seen(AccountSight { id, status: AccountStatus::Active, available, as_of: at, let_go: None })
        });
        Snapshot { card: Sight::Seen(card), account, merchant: met(conditions.merchant_known), adds_to: AddsTo::Open }
    }
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
