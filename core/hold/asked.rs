//! Asked events: an authorization is decided, in the order in which it arrives, and its hold placed in the same act.
//!
//! [`decide`] is a column of guards; their order is the order of precedence and is tested.

use super::event::{MovementCause, ToldAnswer};
use super::outcome::{Finding, Outcome};
use super::state::{Account, Answered, Counted, Hold, HoldOrigin, HoldStatus, Slice};
use crate::authorization::{AuthorizationKind, AuthorizationRequest, ContentDigest, Posting};
use crate::decision::{Basis, Decision, DeclineReason};
use crate::money::Money;
use crate::rules::{Enforcement, LimitScope, Proceed, Verdict};
use crate::time::Timestamp;

/// A question with the rules' opinion of it, for the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The question.
    pub request: &'a AuthorizationRequest,
    /// Its digest, made once.
    pub digest: ContentDigest,
    /// When its callback arrived.
    pub asked_at: Timestamp,
    /// What the rules think.
    pub verdict: &'a Verdict,
}

/// An answer that a platform heard, for the ledger to agree with.
#[derive(Debug, Clone, Copy)]
pub struct Adoption<'a> {
    /// The question.
    pub request: &'a AuthorizationRequest,
    /// Its digest.
    pub digest: ContentDigest,
    /// When its callback arrived.
    pub asked_at: Timestamp,
    /// What was heard.
    pub told: ToldAnswer,
}

/// Decides an authorization. Key, card, account, rules, payment, limits, funds: the first to object is the reason.
pub(super) fn decide(slice: &Slice<'_>, asked: &Asked<'_>) -> Outcome {
    let request = asked.request;
    if let Some(answered) = slice.answered {
        return repeat(&answered, asked.digest);
    }
    let decline = |reason, basis| declined(asked, reason, basis);
    let Some(card) = slice.card else {
        return decline(DeclineReason::CardUnknown, Basis::Ledger);
    };
    if let Some(reason) = card.status.bar().or(card.cardholder.bar()) {
        return decline(reason, Basis::Ledger);
    }
    let Some(account) = slice.account else {
        return decline(DeclineReason::AccountUnknown, Basis::Ledger);
    };
    if let Some(reason) = account.status.bar() {
        return decline(reason, Basis::Ledger);
    }
    if request.amount.currency() != account.currency {
        return decline(DeclineReason::CurrencyNotAllowed, Basis::Ledger);
    }
    if request.amount.is_negative() {
        return decline(DeclineReason::AmountTooLarge, Basis::Ledger);
    }
    let proceed = match asked.verdict {
        Verdict::Decline { reason, rule } => return decline(*reason, Basis::Rule(*rule)),
        Verdict::Proceed(proceed) => proceed,
    };
    if request.kind == AuthorizationKind::Incremental && !slice.hold.is_some_and(|hold| hold.status == HoldStatus::Open) {
        return decline(DeclineReason::AuthorizationUnknown, Basis::Ledger);
    }
    if let Some(hold) = slice.hold.filter(|hold| already_told(hold, request, request.amount)) {
        return confirm(asked, hold);
    }
    if let Some((reason, basis)) = limit_reached(slice, proceed, request) {
        return decline(reason, basis);
    }
    let amount = request.amount.minor();
    if moves_money(request.kind) && amount > account.available() {
        return decline(DeclineReason::InsufficientFunds, Basis::Ledger);
    }
    place(slice, &account, request, proceed)
        .map(|outcome| approved(outcome, asked, Basis::Ledger))
        .unwrap_or_else(|_| decline(DeclineReason::AmountTooLarge, Basis::Ledger))
}

/// Makes the ledger agree with what was told, over the limit if need be. It is the only repair there is.
pub(super) fn adopt(slice: &Slice<'_>, adoption: &Adoption<'_>) -> Outcome {
    let decision = match adoption.told {
        ToldAnswer::Approved { amount } => Decision::Approve { amount },
        ToldAnswer::Declined { reason } => Decision::Decline { reason },
    };
    match slice.answered {
        Some(ours) if ours.digest != adoption.digest => return Outcome::nothing(Finding::Conflict),
        Some(ours) if ours.decision == decision => return Outcome::nothing(Finding::HeardBefore),
        // An earlier callback was told yes, and a retry of it heard no while the ledger was away. What the first one heard
        // stays true: only the platform's word releases it. (The same callback's approval is one that nobody heard.)
        Some(Answered { decision: Decision::Approve { .. }, asked_at, .. })
            if asked_at != adoption.asked_at && matches!(adoption.told, ToldAnswer::Declined { .. }) =>
        {
            return Outcome::nothing(Finding::ApprovedBefore);
        }
        Some(_) | None => {}
    }
    let (mut outcome, placed) = match adoption.told {
        ToldAnswer::Approved { amount } => adopt_approval(slice, adoption.request, amount),
        ToldAnswer::Declined { .. } => (take_back(slice, slice.answered.map_or(0, |ours| ours.placed)), 0),
    };
    if slice.answered.is_some() && outcome.finding.is_none() {
        outcome.finding = Some(Finding::AdoptedOverOurs);
    }
    outcome.answered = Some(Answered { digest: adoption.digest, asked_at: adoption.asked_at, decision, placed });
    outcome
}

/// Reserves what was told, whatever is available: what differs from our own approval where there was one. Also says how
/// much of the payment's hold is this key's from now on.
fn adopt_approval(slice: &Slice<'_>, request: &AuthorizationRequest, told: Money) -> (Outcome, i64) {
    let (ours, placed) = match slice.answered {
        Some(Answered { decision: Decision::Approve { amount }, placed, .. }) => (amount.minor(), placed),
        Some(Answered { decision: Decision::Decline { .. }, .. }) | None => (0, 0),
    };
    let account = match slice.account {
        None => return (Outcome::nothing(Finding::AccountUnknown), placed),
        Some(account) if account.currency != told.currency() => return (Outcome::nothing(Finding::CurrencyMismatch), placed),
        Some(_) if told.is_negative() => return (Outcome::nothing(Finding::AmountTooLarge), placed),
        Some(account) => account,
    };
    if let Some(hold) = slice.hold.filter(|hold| slice.answered.is_none() && already_told(hold, request, told)) {
        let confirmed = Outcome { hold: Some(Hold { origin: HoldOrigin::Asked, ..hold }), ..Outcome::default() };
        return (confirmed, hold.held.saturating_add(hold.ahead));
    }
    let more = told.minor().saturating_sub(ours);
    if !moves_money(request.kind) || more == 0 {
        return (Outcome::default(), placed);
    }
    if more < 0 {
        let less = more.saturating_neg().min(placed);
        return (take_back(slice, less), placed.saturating_sub(less));
    }
    match place_amount(slice, &account, more, request.posting, HoldOrigin::Asked, Outcome::default()) {
        Ok(outcome) => (outcome, placed.saturating_add(more)),
        Err(finding) => (Outcome::nothing(finding), placed),
    }
}

/// The same key again: the same answer if it is the same question, a refusal if it is another.
fn repeat(answered: &Answered, digest: ContentDigest) -> Outcome {
    if answered.digest == digest {
        return Outcome { decision: Some((answered.decision, Basis::Replay)), ..Outcome::default() };
    }
    let conflict = Decision::Decline { reason: DeclineReason::ConflictingDuplicate };
    Outcome { decision: Some((conflict, Basis::Ledger)), finding: Some(Finding::Conflict), ..Outcome::default() }
}

fn declined(asked: &Asked<'_>, reason: DeclineReason, basis: Basis) -> Outcome {
    let decision = Decision::Decline { reason };
    let answered = Answered { digest: asked.digest, asked_at: asked.asked_at, decision, placed: 0 };
    Outcome { decision: Some((decision, basis)), answered: Some(answered), ..Outcome::default() }
}

fn approved(mut outcome: Outcome, asked: &Asked<'_>, basis: Basis) -> Outcome {
    let decision = Decision::Approve { amount: asked.request.amount };
    let placed = placed_by(&outcome);
    outcome.decision = Some((decision, basis));
    outcome.answered = Some(Answered { digest: asked.digest, asked_at: asked.asked_at, decision, placed });
    outcome
}

/// What an outcome placed: newly held, or debited at once.
fn placed_by(outcome: &Outcome) -> i64 {
    outcome.held.max(0).saturating_add(outcome.posted.min(0).saturating_neg())
}

/// The platform recorded this payment before its question reached us: the money is where it should be.
fn already_told(hold: &Hold, request: &AuthorizationRequest, amount: Money) -> bool {
    hold.origin == HoldOrigin::Told && request.kind != AuthorizationKind::Incremental && hold.authorized == amount.minor()
}

fn confirm(asked: &Asked<'_>, hold: Hold) -> Outcome {
    let outcome = Outcome { hold: Some(Hold { origin: HoldOrigin::Asked, ..hold }), ..Outcome::default() };
    let mut outcome = approved(outcome, asked, Basis::Ledger);
    if let Some(answered) = &mut outcome.answered {
        answered.placed = hold.held.saturating_add(hold.ahead);
    }
    outcome
}

/// Whether this kind needs funds. Credits are not spendable until they clear, and are not held either.
const fn moves_money(kind: AuthorizationKind) -> bool {
    match kind {
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::Incremental => true,
        AuthorizationKind::AccountVerification | AuthorizationKind::Credit | AuthorizationKind::BalanceInquiry => false,
    }
}

/// How many transactions this kind is for a count limit: an increment is part of an earlier one.
const fn transactions(kind: AuthorizationKind) -> u32 {
    match kind {
        AuthorizationKind::Incremental | AuthorizationKind::Credit | AuthorizationKind::BalanceInquiry => 0,
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::AccountVerification => 1,
    }
}

fn limit_reached(slice: &Slice<'_>, proceed: &Proceed, request: &AuthorizationRequest) -> Option<(DeclineReason, Basis)> {
    proceed.limits.iter().enumerate().find_map(|(index, check)| {
        if check.enforcement == Enforcement::Observe {
            return None;
        }
        let used = slice.uses.get(index).copied().unwrap_or_default();
        // A limit that is passed already (it may have been lowered) refuses only what would add to it.
        let (amount, count) = (counted_amount(request), transactions(request.kind));
        let reason = if amount > 0 && check.amount_max.is_some_and(|amount_max| used.amount.saturating_add(amount) > amount_max) {
            DeclineReason::AmountLimitReached
        } else if count > 0 && check.count_max.is_some_and(|count_max| used.count.saturating_add(count) > count_max) {
            DeclineReason::CountLimitReached
        } else {
            return None;
        };
        Some((reason, Basis::Limit(check.limit)))
    })
}

fn counted_amount(request: &AuthorizationRequest) -> i64 {
    if moves_money(request.kind) { request.amount.minor() } else { 0 }
}

/// Counts in the limits, and places or adds to the payment's hold.
fn place(slice: &Slice<'_>, account: &Account, request: &AuthorizationRequest, proceed: &Proceed) -> Result<Outcome, Finding> {
    let mut outcome = Outcome::default();
    for check in &proceed.limits {
        let amount = counted_amount(request);
        let count = i32::try_from(transactions(request.kind)).unwrap_or(0);
        if amount != 0 || count != 0 {
            outcome.counted.push(Counted { counter: check.counter, scope: check.scope, window: check.window, amount, count });
        }
    }
    let amount = request.amount.minor();
    if !moves_money(request.kind) || amount == 0 {
        return Ok(outcome);
    }
    place_amount(slice, account, amount, request.posting, HoldOrigin::Asked, outcome)
}

/// The money part of placing: held, or debited ahead of its completion.
pub(super) fn place_amount(
    slice: &Slice<'_>,
    account: &Account,
    amount: i64,
    posting: Posting,
    origin: HoldOrigin,
    mut outcome: Outcome,
) -> Result<Outcome, Finding> {
    let mut hold =
        slice.hold.unwrap_or(Hold { posting, origin, status: HoldStatus::Open, authorized: 0, held: 0, ahead: 0, captured: 0 });
    hold.status = HoldStatus::Open;
    hold.authorized = hold.authorized.checked_add(amount).ok_or(Finding::AmountTooLarge)?;
    match posting {
        Posting::Hold => {
            hold.held = hold.held.checked_add(amount).ok_or(Finding::AmountTooLarge)?;
            account.held.checked_add(amount).ok_or(Finding::AmountTooLarge)?;
            outcome.held = amount;
        }
        Posting::Immediate => {
            hold.ahead = hold.ahead.checked_add(amount).ok_or(Finding::AmountTooLarge)?;
            account.posted.checked_sub(amount).ok_or(Finding::AmountTooLarge)?;
            outcome.posted = amount.saturating_neg();
            outcome.cause = Some(MovementCause::NetworkSettlement);
        }
    }
    outcome.hold = Some(hold);
    Ok(outcome)
}

/// Takes back up to `amount` of what a payment reserved or debited ahead, and returns it to the limits it was counted in.
pub(super) fn take_back(slice: &Slice<'_>, amount: i64) -> Outcome {
    let Some(mut hold) = slice.hold.filter(|_| amount > 0) else {
        return Outcome::default();
    };
    let from_held = hold.held.min(amount);
    let from_ahead = hold.ahead.min(amount.saturating_sub(from_held));
    if slice.account.is_some_and(|account| account.posted.checked_add(from_ahead).is_none()) {
        return Outcome::nothing(Finding::AmountTooLarge);
    }
    hold.held = hold.held.saturating_sub(from_held);
    hold.ahead = hold.ahead.saturating_sub(from_ahead);
    hold.authorized = hold.authorized.saturating_sub(amount).max(0);
    let over = hold.held == 0 && hold.ahead == 0 && hold.captured == 0;
    if over {
        hold.status = HoldStatus::Released;
    }
    let mut outcome = Outcome {
        held: from_held.saturating_neg(),
        posted: from_ahead,
        cause: (from_ahead != 0).then_some(MovementCause::NetworkSettlement),
        hold: Some(hold),
        ..Outcome::default()
    };
    return_to_limits(slice, from_held.saturating_add(from_ahead), over, &mut outcome);
    outcome
}

/// Money returned to a limit goes to the window it was counted in; a payment that is over altogether is no transaction.
pub(super) fn return_to_limits(slice: &Slice<'_>, amount: i64, over: bool, outcome: &mut Outcome) {
    let mut left_by_counter: [(Option<(crate::rules::CounterKey, LimitScope)>, i64); crate::rules::LIMITS_MAX] =
        [(None, amount); crate::rules::LIMITS_MAX];
    // The latest window first: an increment's money is the first to come back.
    for counted in slice.counted.iter().rev() {
        let key = Some((counted.counter, counted.scope));
        let Some((slot, left)) = left_by_counter.iter_mut().find(|(slot, _)| *slot == key || slot.is_none()) else {
            return;
        };
        *slot = key;
        let returned = counted.amount.min(*left).max(0);
        *left = left.saturating_sub(returned);
        let count = if over { counted.count } else { 0 };
        if returned != 0 || count != 0 {
            let change = Counted { amount: returned.saturating_neg(), count: count.saturating_neg(), ..*counted };
            if outcome.counted.try_push(change).is_err() {
                return;
            }
        }
    }
}
