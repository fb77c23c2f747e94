//! Times one decision of stand-in: the table, and the caps that count it. The rules' verdict and what was last known of the card are
//! there already, as they are for the server. Nothing here asks a server.

use std::time::Duration;

use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus};
use holdfast_core::rules::{
    AmountRange, LimitScope, MccEntry, MccSet, NoTrace, Ruleset, RulesetHash, RulesetParts, Verdict, When, evaluate,
};
use holdfast_core::stand_in::{
    AccountSight, Acquaintance, AddsTo, Cap, CapCounters, CapWindow, Caps, CardSight, Conditions, Mode, Row, RowAnswer, Share,
    Sight, Snapshot, StandInAnswer, StandInParts, StandInPolicy, stand_in,
};
use holdfast_core::{
    AccountId, AuthorizationId, AuthorizationKind, AuthorizationRequest, CardToken, Country, CrossBorder, Currency,
    DeclineReason, EntryMode, Expiry, IdempotencyKey, Merchant, MerchantCategoryCode, Money, Padding, PartialApproval,
    PaymentRef, PlatformName, Posting, ProgramId, RuleId, StandInCause, Timestamp, Wallet,
};
use serde::Serialize;

use crate::allocations;
use crate::clock::Clock;
use crate::figures::rounds::median;
use crate::problem::Problem;
use crate::report::nanos;

/// How many decisions are timed together: a clock costs about as much as a part of one.
const BATCH: u64 = 1000;
/// How many of a thousand ask for more than rows and caps allow.
const TOO_MUCH_PER_MILLE: u64 = 300;
/// How far requests are apart: within the longest window of the caps there are as many as are remembered by default, or nearly.
const APART: Duration = Duration::from_secs(1);
/// How many approvals are remembered: what `[responder] told_max` is by default.
const TOLD_MAX: usize = 100_000;
/// How many of the table's rows do not apply before the one that does.
const ROWS_BEFORE: usize = 20;
const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_500_966);

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Deciding {
    /// Decisions in all.
    pub decisions: u64,
    /// Approvals among them, and what else there was.
    pub approved: u64,
    pub declined: u64,
    /// Rows and caps of the table.
    pub rows: usize,
    pub caps: usize,
    /// Nanoseconds a decision: the median batch, and the slowest.
    pub median_ns: u64,
    pub slowest_ns: u64,
    /// In all of them; `None` in builds that do not count.
    pub allocations: Option<u64>,
}

/// Decides so many times, in whole batches.
///
/// # Errors
/// The table does not hold, which it does.
pub fn measure(decisions: u64) -> Result<Deciding, Problem> {
    let (policy, rules, platform) = (policy()?, ruleset()?, named(PlatformName::new("marqeta"))?);
    let mut counters = CapCounters::new(&[policy.caps()], Share::WHOLE, TOLD_MAX);
    let (mut batches, mut allocations) = (Vec::new(), allocations::so_far().map(|_| 0_u64));
    let (mut approved, mut declined, mut first) = (0_u64, 0_u64, 0_u64);
    while first < decisions {
        let asked =
            (first..first.saturating_add(BATCH)).map(|number| Asked::of(number, &rules)).collect::<Result<Vec<_>, _>>()?;
        let (before, clock) = (allocations::so_far(), Clock::start());
        for asked in &asked {
            match asked.decide(&policy, &platform, &mut counters) {
                StandInAnswer::Approve { .. } => approved = approved.saturating_add(1),
                StandInAnswer::Decline { .. } | StandInAnswer::Abstain(_) => declined = declined.saturating_add(1),
            }
        }
        let (took, after) = (clock.elapsed(), allocations::so_far());
        batches.push(nanos(took).checked_div(BATCH).unwrap_or(0));
        if let (Some(all), Some(before), Some(after)) = (&mut allocations, before, after) {
            *all = all.saturating_add(u64::try_from(after.saturating_sub(before)).unwrap_or(u64::MAX));
        }
        first = first.saturating_add(BATCH);
    }
    Ok(Deciding {
        decisions: first,
        approved,
        declined,
        rows: ROWS_BEFORE.saturating_add(1),
        caps: policy.caps().caps.len(),
        median_ns: median(batches.iter().copied()),
        slowest_ns: batches.iter().copied().max().unwrap_or(0),
        allocations,
    })
}

impl Deciding {
    /// Whether what was timed is what stand-in does: approve within caps, and decline.
    ///
    /// # Errors
    /// It is not.
    pub fn verdict(&self) -> Result<(), Problem> {
        let Deciding { approved, declined, .. } = self;
        if approved.saturating_mul(2) < *declined || *declined == 0 {
            return Err(Problem::new(format!(
                "{approved} approvals and {declined} declines are not what stand-in says in an outage"
            )));
        }
        Ok(())
    }
}

/// A question with all that is known of it.
struct Asked {
    request: AuthorizationRequest,
    snapshot: Snapshot,
    verdict: Verdict,
    now: Timestamp,
}

impl Asked {
    fn of(number: u64, rules: &Ruleset) -> Result<Self, Problem> {
        let now = NOW.saturating_add(APART.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX)));
        let too_much = number % 1000 < TOO_MUCH_PER_MILLE;
        let request = request(number, usd(if too_much { 90_000 } else { 2_000 }))?;
        let snapshot = snapshot(number, now)?;
        let verdict = evaluate(rules, &request, now, &mut NoTrace);
        Ok(Asked { request, snapshot, verdict, now })
    }

    /// The table's proposal, taken if the caps allow it, and confirmed as the ledger does later.
    fn decide(&self, policy: &StandInPolicy, platform: &PlatformName, counters: &mut CapCounters) -> StandInAnswer {
        let Asked { request, snapshot, verdict, now } = self;
        let cause = StandInCause::LedgerUnavailable;
        let proposal = stand_in(policy, platform, request, Some(verdict), snapshot, cause, *now);
        let said = counters.try_take(0, &proposal);
        if let Some(name) = proposal.name() {
            counters.settle(&name);
        }
        said.answer
    }
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn named<T, E: std::fmt::Debug>(made: Result<T, E>) -> Result<T, Problem> {
    made.map_err(|error| Problem::new(format!("making the table of stand-in: {error:?}")))
}

/// Rows that do not apply, one that approves what is covered by the last known balance, and caps of all kinds.
fn policy() -> Result<StandInPolicy, Problem> {
    let gambling = named(MccSet::new(vec![named(MccEntry::parse("gambling"))?]))?;
    let elsewhere = Conditions { when: When { mcc: Some(gambling), ..When::default() }, ..Conditions::default() };
    let covered = Conditions {
        amount: Some(named(AmountRange::new(None, Some(usd(10_000))))?),
        balance_age_seconds_max: Some(3600),
        card_used: Some(true),
        ..Conditions::default()
    };
    let mut rows = Vec::new();
    for number in 0..ROWS_BEFORE {
        let decline = RowAnswer::Decline(DeclineReason::SuspectedFraud);
        rows.push(Row::new(named(RuleId::new(&format!("row-{number}")))?, elsewhere.clone(), decline));
    }
    rows.push(Row::new(named(RuleId::new("covered"))?, covered, RowAnswer::Approve));
    let mut caps = Vec::new();
    for (name, scope, window) in [
        ("card-hour", LimitScope::Card, CapWindow::Last(3_600)),
        ("account-day", LimitScope::Account, CapWindow::Last(86_400)),
        ("card-open", LimitScope::Card, CapWindow::Unconfirmed),
    ] {
        let (amount_max, count_max) = (Some(usd(1_000_000)), Some(900));
        caps.push(Cap { id: named(RuleId::new(name))?, description: None, scope, window, amount_max, count_max });
    }
    let caps = Caps { exposure_max: Some(usd(100_000_000)), caps };
    let (hash, country) = (RulesetHash::of(""), Country::new("USA"));
    named(StandInPolicy::new(StandInParts { hash, currency: Currency::USD, country, mode: Mode::Rules, rows, caps }))
}

fn ruleset() -> Result<Ruleset, Problem> {
    let (hash, program) = (RulesetHash::of(""), named(ProgramId::new("bench"))?);
    let (currency, country, partial_approval) = (Currency::USD, Country::new("USA"), None);
    let (rules, limits, holds) = (vec![], vec![], vec![]);
    named(Ruleset::new(RulesetParts { hash, program, currency, country, rules, limits, holds, partial_approval }))
}

fn request(number: u64, amount: Money) -> Result<AuthorizationRequest, Problem> {
    Ok(AuthorizationRequest {
        key: named(IdempotencyKey::new(&format!("key-{number}")))?,
        payment: PaymentRef::of(named(AuthorizationId::new(&format!("payment-{number}")))?),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: Some(named(CardToken::new(&format!("card-{}", number % 10_000)))?),
        cardholder: None,
        amount,
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant { mcc: MerchantCategoryCode::new("5411"), country: Country::new("USA"), ..Merchant::default() },
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    })
}

fn snapshot(number: u64, now: Timestamp) -> Result<Snapshot, Problem> {
    let (status, cardholder, used) = (CardStatus::Active, CardholderStatus::Active, Acquaintance::Known);
    let card = CardSight { status, cardholder, as_of: now, since: None, used };
    let id = named(AccountId::new(&format!("account-{}", number % 10_000)))?;
    let account = AccountSight { id, status: AccountStatus::Active, available: usd(1_000_000), as_of: now, let_go: None };
    Ok(Snapshot { card: Sight::Seen(card), account: Sight::Seen(account), merchant: Acquaintance::Known, adds_to: AddsTo::Open })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_timed_is_approvals_and_declines_of_the_amounts_that_were_meant() {
        let measured = measure(3_000).unwrap();
        assert_eq!((measured.decisions, measured.approved, measured.declined), (3000, 2100, 900));
        assert!(measured.verdict().is_ok());
        assert!(Deciding { approved: 0, declined: 3000, ..measured }.verdict().is_err(), "caps that are full are no figure");
    }
}
