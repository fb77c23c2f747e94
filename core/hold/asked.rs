//! Asked events: an authorization is decided, in the order in which it arrives, and its hold placed in the same act.
//!
//! [`decide`] is a column of guards; their order is the order of precedence and is tested.

use std::time::Duration;

use arrayvec::ArrayVec;

use super::event::ToldAnswer;
use super::life::{Hold, HoldStatus, Placement, Role, Step, StepId, Steps, What, Word};
use super::outcome::{Finding, Outcome};
use super::state::{Account, Answered, Counted, Slice};
use super::told::take;
use crate::authorization::{AuthorizationKind, AuthorizationRequest, ContentDigest, Expiry, Padding, PartialApproval, Posting};
use crate::decision::{Basis, Decision, DeclineReason};
use crate::money::Money;
use crate::rules::{Enforcement, HoldPolicy, LIMITS_MAX, LimitCheck, Proceed, Verdict};
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
    /// What the rules thought, where they were asked: an approval counts in their limits, over them if need be.
    pub verdict: Option<&'a Verdict>,
}

/// Decides an authorization. Key, card, account, rules, payment, limits, funds: the first to object is the reason.
pub(super) fn decide(slice: &Slice<'_>, asked: &Asked<'_>) -> Outcome {
    let request = asked.request;
    if let Some(answered) = slice.answered {
        return repeat(&answered, asked.digest);
    }
    let decline = |reason, basis| declined_by(asked.digest, asked.asked_at, reason, basis);
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
    if let Err(reason) = payment_allows(slice, request) {
        return decline(reason, Basis::Ledger);
    }
    match grant(slice, &account, request, proceed) {
        Ok(amount) => approve(slice, &account, asked, proceed, amount),
        Err((reason, basis)) => decline(reason, basis),
    }
}

/// What is approved becomes a step of the payment; what needs no money only counts.
fn approve(slice: &Slice<'_>, account: &Account, asked: &Asked<'_>, proceed: &Proceed, amount: i64) -> Outcome {
    let request = asked.request;
    let decision = Decision::Approve { amount: account.money(amount) };
    let answered = Answered { digest: asked.digest, asked_at: asked.asked_at, decision };
    let id = StepId::of(&request.key);
    let places = places(id, &proceed.limits);
    let placed = if moves_money(request.kind) && amount > 0 {
        // What is held on top is a wish, never a reason to decline.
        let left = account.available().saturating_add(unasked(slice)).saturating_sub(amount);
        let policy = HoldPolicy { extra: proceed.hold.extra.min(left).max(0), ..proceed.hold };
        take(slice, account, placing(request, asked.asked_at, amount, &policy), &places)
    } else {
        Ok(counted_only(request.kind, &places))
    };
    match placed {
        Ok(outcome) => Outcome { decision: Some((decision, Basis::Ledger)), answered: Some(answered), finding: None, ..outcome },
        Err(_) => declined_by(asked.digest, asked.asked_at, DeclineReason::AmountTooLarge, Basis::Ledger),
    }
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
    let mut outcome = agree(slice, adoption);
    if slice.answered.is_some() && outcome.finding.is_none() {
        outcome.finding = Some(Finding::AdoptedOverOurs);
    }
    outcome.answered = Some(Answered { digest: adoption.digest, asked_at: adoption.asked_at, decision });
    outcome
}

/// The placement of an adopted answer: what was told, or nothing instead of what nobody heard.
fn agree(slice: &Slice<'_>, adoption: &Adoption<'_>) -> Outcome {
    let request = adoption.request;
    let id = StepId::of(&request.key);
    let amount = match adoption.told {
        ToldAnswer::Approved { amount } if !amount.is_negative() => amount,
        ToldAnswer::Approved { .. } => return Outcome::nothing(Finding::AmountTooLarge),
        ToldAnswer::Declined { .. } if !slice.steps.iter().any(|step| step.id == id) => return Outcome::default(),
        ToldAnswer::Declined { .. } => Money::zero(request.amount.currency()),
    };
    let account = match slice.account {
        None => return Outcome::nothing(Finding::AccountUnknown),
        Some(account) if account.currency != amount.currency() => return Outcome::nothing(Finding::CurrencyMismatch),
        Some(account) => account,
    };
    let (policy, limits) = match adoption.verdict {
        Some(Verdict::Proceed(proceed)) => (HoldPolicy { extra: 0, ..proceed.hold }, proceed.limits.as_slice()),
        Some(Verdict::Decline { .. }) | None => (HoldPolicy::PLAIN, [].as_slice()),
    };
    let mut places = places(id, limits);
    places.retain(|place| !slice.counted.iter().any(|counted| counted.same_place(place)));
    if !moves_money(request.kind) {
        return if slice.answered.is_none() { counted_only(request.kind, &places) } else { Outcome::default() };
    }
    let step = placing(request, adoption.asked_at, amount.minor(), &policy);
    match take(slice, &account, step, &places) {
        Ok(outcome) => outcome,
        Err(finding) => Outcome::nothing(finding),
    }
}

/// The same key again: the same answer if it is the same question, a refusal if it is another.
pub(super) fn repeat(answered: &Answered, digest: ContentDigest) -> Outcome {
    if answered.digest == digest {
        return Outcome { decision: Some((answered.decision, Basis::Replay)), ..Outcome::default() };
    }
    let conflict = Decision::Decline { reason: DeclineReason::ConflictingDuplicate };
    Outcome { decision: Some((conflict, Basis::Ledger)), finding: Some(Finding::Conflict), ..Outcome::default() }
}

/// A decline, remembered under its key.
pub(super) fn declined_by(digest: ContentDigest, asked_at: Timestamp, reason: DeclineReason, basis: Basis) -> Outcome {
    let decision = Decision::Decline { reason };
    let answered = Answered { digest, asked_at, decision };
    Outcome { decision: Some((decision, basis)), answered: Some(answered), ..Outcome::default() }
}

/// Whether the payment may still be opened, or added to. One that the platform ended before it asked is over: what was
/// approved of it would not be held.
fn payment_allows(slice: &Slice<'_>, request: &AuthorizationRequest) -> Result<(), DeclineReason> {
    let hold = slice.hold.unwrap_or(Hold::NONE);
    match (request.kind, hold.status) {
        (AuthorizationKind::Incremental, _) if !hold.is_under_way() => Err(DeclineReason::AuthorizationUnknown),
        (_, HoldStatus::Released | HoldStatus::Expired) if moves_money(request.kind) => Err(DeclineReason::AuthorizationOver),
        (_, HoldStatus::Captured)
            if moves_money(request.kind) && !hold.is_under_way() && hold.captured < request.amount.minor() =>
        {
            Err(DeclineReason::AuthorizationOver)
        }
        (_, _) => Ok(()),
    }
}

/// How much can be approved: all that was asked or, where program, terminal and platform allow it, what limits and funds
/// leave of it.
fn grant(
    slice: &Slice<'_>,
    account: &Account,
    request: &AuthorizationRequest,
    proceed: &Proceed,
) -> Result<i64, (DeclineReason, Basis)> {
    let asked = request.amount.minor();
    if recorded_already(slice, request) {
        return Ok(asked);
    }
    let mut most = asked;
    for (place, check) in proceed.limits.iter().enumerate() {
        if check.enforcement == Enforcement::Observe {
            continue;
        }
        let used = slice.uses.get(place).copied().unwrap_or_default();
        // A limit that is passed already (it may have been lowered) refuses only what would add to it.
        let (amount, count) = (counted_amount(request), u32::from(transactions(request.kind)));
        if amount > 0
            && let Some(amount_max) = check.amount_max
        {
            let left = amount_max.saturating_sub(used.amount);
            most = within(most, left, request, proceed).ok_or((DeclineReason::AmountLimitReached, Basis::Limit(check.limit)))?;
        }
        if count > 0 && check.count_max.is_some_and(|count_max| used.count.saturating_add(count) > count_max) {
            return Err((DeclineReason::CountLimitReached, Basis::Limit(check.limit)));
        }
    }
    if !moves_money(request.kind) {
        return Ok(asked);
    }
    // What a clearing took before its authorization asked is not needed again.
    let ahead_of_us = unasked(slice);
    let there = account.available().saturating_add(ahead_of_us);
    within(most, there, request, proceed).ok_or((DeclineReason::InsufficientFunds, Basis::Ledger))
}

/// `amount` if `left` has room for it, else `left` if so little may be approved.
fn within(amount: i64, left: i64, request: &AuthorizationRequest, proceed: &Proceed) -> Option<i64> {
    if amount <= left {
        return Some(amount);
    }
    let allowed = request.partial_approval == PartialApproval::Supported && request.kind != AuthorizationKind::Incremental;
    proceed.hold.partial_min.filter(|least| allowed && left > 0 && left >= *least).map(|_| left)
}

/// What of the payment was taken or held although we had not been asked yet.
fn unasked(slice: &Slice<'_>) -> i64 {
    match slice.hold {
        Some(hold) if !Steps::of(slice.steps).opened() => hold.captured.saturating_add(hold.held).saturating_add(hold.ahead),
        Some(_) | None => 0,
    }
}

/// The platform recorded this payment as approved before its question reached us: the money is where it should be.
fn recorded_already(slice: &Slice<'_>, request: &AuthorizationRequest) -> bool {
    request.kind != AuthorizationKind::Incremental
        && slice.hold.is_some_and(|hold| hold.is_under_way() && hold.authorized == request.amount.minor())
        && !Steps::of(slice.steps).opened()
        && slice.steps.iter().any(|step| {
            matches!(step.what, What::Recorded { role: Role::Opening, word: Word::Approved { .. } | Word::StoodIn { .. }, .. })
        })
}

/// The step of an approval.
fn placing(request: &AuthorizationRequest, asked_at: Timestamp, amount: i64, policy: &HoldPolicy) -> Step {
    let held = request.posting == Posting::Hold;
    let life = match request.expiry {
        Expiry::Told => policy.safety_timer_seconds,
        Expiry::Ours => policy.lifetime_seconds,
    };
    let placement = Placement {
        amount,
        extra: 0,
        tolerance: policy.tolerance,
        posting: request.posting,
        role: if request.kind == AuthorizationKind::Incremental { Role::Increment } else { Role::Opening },
        transactions: transactions(request.kind),
        expires_at: held.then(|| asked_at.saturating_add(Duration::from_secs(u64::from(life)))),
        original: request.original,
    };
    let placement = match request.padding {
        Padding::None if held => Placement { extra: policy.extra, ..placement },
        Padding::None | Padding::ByPlatform => placement,
    };
    Step { id: StepId::of(&request.key), at: request.occurred_at.unwrap_or(asked_at), what: What::Placed(placement) }
}

/// The places in which a question counts, with nothing in them yet.
fn places(placement: StepId, limits: &[LimitCheck]) -> ArrayVec<Counted, LIMITS_MAX> {
    let place = |check: &LimitCheck| Counted {
        placement,
        counter: check.counter,
        scope: check.scope,
        window: check.window,
        amount: 0,
        count: 0,
    };
    limits.iter().take(LIMITS_MAX).map(place).collect()
}

/// What needs no money counts as a transaction where its kind is one, and has no hold.
fn counted_only(kind: AuthorizationKind, places: &[Counted]) -> Outcome {
    let count = i32::from(transactions(kind));
    let counted = places.iter().filter(|_| count != 0).map(|place| Counted { count, ..*place }).collect();
    Outcome { counted, ..Outcome::default() }
}

fn counted_amount(request: &AuthorizationRequest) -> i64 {
    if moves_money(request.kind) { request.amount.minor() } else { 0 }
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
const fn transactions(kind: AuthorizationKind) -> u8 {
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
