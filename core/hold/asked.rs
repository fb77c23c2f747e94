//! Asked events: an authorization is decided, in the order in which it arrives, and its hold placed in the same act.
//!
//! [`answer`] is a column of guards; their order is the order of precedence and is tested.

use std::time::Duration;

use arrayvec::ArrayVec;

use super::event::ToldAnswer;
use super::life::{Hold, Placement, Role, Step, StepId, Steps, What, fold};
use super::mutant::{self, Mutant};
use super::outcome::{Finding, Outcome};
use super::state::{Account, Answered, Counted, LimitUse, Slice};
use super::told::{corrected, take};
use super::twice;
use super::word::adopted;
use crate::agent::Weight;
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
    /// Whether an approval moves anything.
    pub weight: Weight,
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
    /// Whether an approval moves anything.
    pub weight: Weight,
}

/// Decides an authorization: our answer, or what the platform's own word on the payment makes of it. A preview is the same decision,
/// remembered under its key, and nothing else of it.
pub(super) fn decide(slice: &Slice<'_>, asked: &Asked<'_>) -> Outcome {
    let outcome = adopted(slice, asked, answer(slice, asked));
    match asked.weight {
        Weight::Moves | Weight::Joins => outcome,
        Weight::Preview => said_only(outcome),
    }
}

/// What was said, without what it would have moved.
fn said_only(outcome: Outcome) -> Outcome {
    let Outcome { decision, answered, finding, .. } = outcome;
    Outcome { decision, answered, finding, ..Outcome::default() }
}

/// Our answer. Key, card, account, rules, payment, limits, funds: the first to object is the reason.
fn answer(slice: &Slice<'_>, asked: &Asked<'_>) -> Outcome {
    let request = asked.request;
    if let Some(answered) = slice.answered.filter(|_| !mutant::is(Mutant::RetryDecidedAfresh)) {
        return repeat(&answered, asked.digest);
    }
    if let Some(step) = step_of(slice, StepId::of(&request.key)) {
        return recall(slice, step);
    }
    if let Some(again) = twice::asked_before(slice, asked) {
        return again;
    }
    let decline = |reason, basis| declined_by(asked.digest, asked.asked_at, reason, basis);
    let Some(card) = slice.card else {
        return match asked.verdict {
            // Nothing that was named led to a card: whoever looked for one knows why.
            Verdict::Decline { reason, rule } if request.presents_nothing() => decline(*reason, Basis::Rule(*rule)),
            Verdict::Decline { .. } | Verdict::Proceed(_) => decline(DeclineReason::CardUnknown, Basis::Ledger),
        };
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
    if asked.weight != Weight::Moves && is_held(slice, request) {
        // The other door asked first: its payment was looked at by everybody, and has its place in every limit, and its money.
        let answered =
            Answered { digest: asked.digest, asked_at: asked.asked_at, decision: Decision::Approve { amount: request.amount } };
        return Outcome { decision: Some((answered.decision, Basis::Ledger)), answered: Some(answered), ..Outcome::default() };
    }
    let proceed = match asked.verdict {
        Verdict::Decline { reason, rule } => return decline(*reason, Basis::Rule(*rule)),
        Verdict::Proceed(proceed) => proceed,
    };
    let cost = match cost(slice, request, asked.asked_at) {
        Ok(cost) => cost,
        Err(reason) => return decline(reason, Basis::Ledger),
    };
    // What was taken or held before we were asked is not needed again.
    let there = account.available().saturating_sub(cost).saturating_add(request.amount.minor());
    match grant(slice, there, cost, request, proceed) {
        Ok(amount) => approve(slice, &account, asked, proceed, amount, there.saturating_sub(amount)),
        Err((reason, basis)) => decline(reason, basis),
    }
}

/// Whether the payment that a question would open is there, for as much.
fn is_held(slice: &Slice<'_>, request: &AuthorizationRequest) -> bool {
    let opens = moves_money(request.kind) && request.kind != AuthorizationKind::Incremental && request.amount.minor() > 0;
    opens && slice.hold.is_some_and(|hold| hold.is_under_way() && hold.authorized.max(hold.captured) >= request.amount.minor())
}

/// What is approved becomes a step of the payment; what needs no money only counts. `left` is available after it.
fn approve(slice: &Slice<'_>, account: &Account, asked: &Asked<'_>, proceed: &Proceed, amount: i64, left: i64) -> Outcome {
    let request = asked.request;
    let decision = Decision::Approve { amount: account.money(amount) };
    let answered = Answered { digest: asked.digest, asked_at: asked.asked_at, decision };
    let places = places(slice, StepId::of(&request.key), &proceed.limits);
    let placed = if moves_money(request.kind) && amount > 0 {
        // What is held on top is a wish, never a reason to decline.
        let policy = HoldPolicy { extra: proceed.hold.extra.min(left).max(0), ..proceed.hold };
        take(slice, account, asked_now(slice, request, placing(request, asked.asked_at, amount, &policy)), &places)
    } else {
        let spendable = mutant::is(Mutant::CreditSpendable) && request.kind == AuthorizationKind::Credit;
        Ok(Outcome { posted: if spendable { amount } else { 0 }, ..count_only(request, &places) })
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
        Some(ours) if ours.decision == decision && is_booked(slice, adoption) => {
            return Outcome::nothing(Finding::HeardBefore);
        }
        // An earlier callback was told yes, and a retry of it heard no, or less, while the ledger was away. What the first
        // one heard stays true: only the platform's word releases it. (The same callback's approval is one that nobody
        // heard.)
        Some(_) if mutant::is(Mutant::RetryReleases) => {}
        Some(ours) if ours.asked_at != adoption.asked_at && approves_more(&ours.decision, &decision) => {
            return Outcome::nothing(Finding::ApprovedBefore);
        }
        Some(_) | None => {}
    }
    let id = StepId::of(&adoption.request.key);
    if step_of(slice, id).is_some_and(|step| !matches!(step.what, What::Placed(_))) {
        return Outcome::nothing(Finding::Conflict);
    }
    let mut outcome = match adoption.weight {
        Weight::Joins if step_of(slice, id).is_none() && is_held(slice, adoption.request) => Outcome::default(),
        Weight::Moves | Weight::Joins => agree(slice, adoption, id),
        Weight::Preview => Outcome::default(),
    };
    // What could not be booked when it was first heard is nobody's other word now.
    let remembered = slice.answered.filter(|ours| ours.decision == decision);
    if slice.answered.is_some() && remembered.is_none() && outcome.finding.is_none() {
        outcome.finding = Some(Finding::AdoptedOverOurs);
    }
    // The platform's word may have come first.
    let word = Steps::of(slice.steps).last_word(id).zip(slice.account);
    let decision = word.map_or(decision, |(word, account)| corrected(decision, word, account.currency));
    let asked_at = remembered.map_or(adoption.asked_at, |ours| ours.asked_at);
    outcome.answered = Some(Answered { digest: adoption.digest, asked_at, decision });
    outcome
}

/// Whether an answer that is remembered under its key is all that there is to adopt. An approval that led to no account, or that the
/// account could not take, is remembered (a retry hears it again) and is held nowhere: it is adopted once it can be.
fn is_booked(slice: &Slice<'_>, adoption: &Adoption<'_>) -> bool {
    let ToldAnswer::Approved { amount } = adoption.told else { return true };
    if adoption.weight == Weight::Preview {
        return true;
    }
    let request = adoption.request;
    if amount.is_zero() || !moves_money(request.kind) {
        return slice.account.is_some_and(|account| account.currency == amount.currency());
    }
    let id = StepId::of(&request.key);
    // The platform's word made a step of its own; what another question opened, or another door, has that one's.
    step_of(slice, id).is_some()
        || Steps::of(slice.steps).last_word(id).is_some()
        || twice::opened_by_another(slice, request)
        || (adoption.weight == Weight::Joins && slice.hold.is_some())
}

/// Whether an answer leaves more to be captured than another.
fn approves_more(one: &Decision, other: &Decision) -> bool {
    match (one, other) {
        (Decision::Approve { amount: one }, Decision::Approve { amount: other }) => one.minor() > other.minor(),
        (Decision::Approve { .. }, Decision::Decline { .. }) => true,
        (Decision::Decline { .. }, _) => false,
    }
}

/// The placement of an adopted answer: what was told, or nothing instead of what nobody heard.
fn agree(slice: &Slice<'_>, adoption: &Adoption<'_>, id: StepId) -> Outcome {
    let request = adoption.request;
    let placed = step_of(slice, id).is_some();
    let amount = match adoption.told {
        ToldAnswer::Approved { amount } if amount.is_negative() => return Outcome::nothing(Finding::AmountTooLarge),
        ToldAnswer::Approved { amount } => amount,
        ToldAnswer::Declined { .. } if !placed => return Outcome::default(),
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
    let places = places(slice, id, limits);
    if !placed && (amount.is_zero() || !moves_money(request.kind)) {
        return count_only(request, &places);
    }
    let step = placing(request, adoption.asked_at, amount.minor(), &policy);
    let step = if placed { as_placed(slice, step) } else { asked_now(slice, request, step) };
    match take(slice, &account, step, &places) {
        Ok(outcome) => outcome,
        Err(finding) => Outcome::nothing(finding),
    }
}

/// The step of the payment that a key made.
pub(super) fn step_of<'a>(slice: &Slice<'a>, id: StepId) -> Option<&'a Step> {
    slice.steps.iter().find(|step| step.id == id)
}

/// The answer to a key that was forgotten: its step remembers what was approved, if it was a question's.
fn recall(slice: &Slice<'_>, step: &Step) -> Outcome {
    let What::Placed(placement) = step.what else { return conflict() };
    let Some(account) = slice.account else { return conflict() };
    let amount = Steps::of(slice.steps).amount_of(step.id, &placement);
    let decision = match amount {
        0 => Decision::Decline { reason: DeclineReason::AnswerUnknown },
        amount => Decision::Approve { amount: account.money(amount) },
    };
    Outcome { decision: Some((decision, Basis::Replay)), ..Outcome::default() }
}

/// The same key again: the same answer if it is the same question, a refusal if it is another.
pub(super) fn repeat(answered: &Answered, digest: ContentDigest) -> Outcome {
    if answered.digest == digest {
        return Outcome { decision: Some((answered.decision, Basis::Replay)), ..Outcome::default() };
    }
    conflict()
}

/// The refusal of a key that means something else already.
pub(super) fn conflict() -> Outcome {
    let decision = Decision::Decline { reason: DeclineReason::ConflictingDuplicate };
    Outcome { decision: Some((decision, Basis::Ledger)), finding: Some(Finding::Conflict), ..Outcome::default() }
}

/// A decline, remembered under its key.
pub(super) fn declined_by(digest: ContentDigest, asked_at: Timestamp, reason: DeclineReason, basis: Basis) -> Outcome {
    let decision = Decision::Decline { reason };
    let answered = Answered { digest, asked_at, decision };
    Outcome { decision: Some((decision, basis)), answered: Some(answered), ..Outcome::default() }
}

/// What an approval in full would take from what is available, if the payment may still be opened or added to.
///
/// It may not be if its steps (told before the question, perhaps) leave nothing of what would be approved held or captured.
fn cost(slice: &Slice<'_>, request: &AuthorizationRequest, asked_at: Timestamp) -> Result<i64, DeclineReason> {
    if !moves_money(request.kind) {
        return Ok(0);
    }
    let before = slice.hold.unwrap_or(Hold::NONE);
    if request.kind == AuthorizationKind::Incremental && !before.is_under_way() {
        return Err(DeclineReason::AuthorizationUnknown);
    }
    let amount = request.amount.minor();
    let step = asked_now(slice, request, placing(request, asked_at, amount, &HoldPolicy::PLAIN));
    let after = fold(&Steps::with(slice.steps, step)).map_err(|_| DeclineReason::AmountTooLarge)?;
    if !after.is_under_way() && after.captured < after.authorized.max(amount) {
        return Err(DeclineReason::AuthorizationOver);
    }
    let held = i128::from(after.held).saturating_sub(i128::from(before.held));
    let cost = before.effect().saturating_sub(after.effect()).saturating_add(held);
    i64::try_from(cost).map_err(|_| DeclineReason::AmountTooLarge)
}

/// How much can be approved: all that was asked or, where program, terminal and platform allow it, what limits and funds
/// leave of it. `there` is the most that funds allow.
fn grant(
    slice: &Slice<'_>,
    there: i64,
    cost: i64,
    request: &AuthorizationRequest,
    proceed: &Proceed,
) -> Result<i64, (DeclineReason, Basis)> {
    let asked = request.amount.minor();
    let opens = counted_amount(request) > 0 && request.kind != AuthorizationKind::Incremental;
    if opens && cost <= 0 && !Steps::of(slice.steps).opened() {
        // The platform approved or took it before its question reached us: the money is where it should be.
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
            most = within(most, left, cost, request, proceed).ok_or((check.scope.amount_reason(), Basis::Limit(check.limit)))?;
        }
        if count > 0 && check.count_max.is_some_and(|count_max| used.count.saturating_add(count) > count_max) {
            return Err((check.scope.count_reason(), Basis::Limit(check.limit)));
        }
    }
    if !moves_money(request.kind) && !mutant::is(Mutant::VerificationNeedsFunds) {
        return Ok(asked);
    }
    within(most, there, cost, request, proceed).ok_or((DeclineReason::InsufficientFunds, Basis::Ledger))
}

/// Why an authority that only observes would have declined what is approved here: the first of its limits that is passed.
#[must_use]
pub fn would_pass(request: &AuthorizationRequest, verdict: &Verdict, uses: &[LimitUse]) -> Option<DeclineReason> {
    let Verdict::Proceed(proceed) = verdict else { return None };
    let (amount, count) = (counted_amount(request), u32::from(transactions(request.kind)));
    proceed.limits.iter().enumerate().find_map(|(place, check)| {
        if !check.scope.is_of_authority() || check.enforcement == Enforcement::Enforce {
            return None;
        }
        uses.get(place).copied().unwrap_or_default().passes(check, amount, count)
    })
}

/// `amount` if `left` has room for it, else `left` if so little may be approved. A payment of which something was told
/// before is approved in full or not at all: less might cost as much.
fn within(amount: i64, left: i64, cost: i64, request: &AuthorizationRequest, proceed: &Proceed) -> Option<i64> {
    if amount <= left {
        return Some(amount);
    }
    let allowed = request.partial_approval == PartialApproval::Supported
        && request.kind != AuthorizationKind::Incremental
        && cost == request.amount.minor();
    proceed.hold.partial_min.filter(|least| allowed && left > 0 && left >= *least).map(|_| left)
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
        transactions: if mutant::is(Mutant::IncrementIsTransaction) { 1 } else { transactions(request.kind) },
        expires_at: held.then(|| asked_at.saturating_add(Duration::from_secs(u64::from(life)))),
        original: request.original,
    };
    let placement = match request.padding {
        Padding::None if held => Placement { extra: policy.extra, ..placement },
        Padding::None | Padding::ByPlatform => placement,
    };
    let at = request.occurred_at.map_or(asked_at, |stamp| stamp.unless_far_ahead_of(asked_at));
    Step { id: StepId::of(&request.key), at, what: What::Placed(placement) }
}

/// A placement that is asked for, or adopted, now: what adds to a payment adds to all that is known of it, whatever clocks say,
/// so that it holds what it is approved for. So does another question about a payment that we opened before. Where the platform
/// tells no time of its question, ours counts to the second, as theirs does of what follows: that must not come to lie before it. Nor does
/// a question lie behind those of its own second, or what was said of them: what then ends the payment ends all of it.
fn asked_now(slice: &Slice<'_>, request: &AuthorizationRequest, step: Step) -> Step {
    let What::Placed(placement) = step.what else { return step };
    let steps = Steps::of(slice.steps);
    if mutant::is(Mutant::AddedBeforeTotals) || (placement.role == Role::Opening && !steps.opened()) {
        return step;
    }
    let placement = Placement { role: Role::Increment, ..placement };
    let at = match request.occurred_at {
        Some(_) => step.at,
        None => Timestamp::from_unix_seconds(step.at.unix_seconds()),
    };
    Step { at: steps.after_what_settled(at), what: What::Placed(placement), ..step }
}

/// A placement that is there already: it stays what it was to its payment.
fn as_placed(slice: &Slice<'_>, step: Step) -> Step {
    match (step.what, step_of(slice, step.id).map(|known| known.what)) {
        (What::Placed(placement), Some(What::Placed(known))) => {
            Step { what: What::Placed(Placement { role: known.role, ..placement }), ..step }
        }
        (_, _) => step,
    }
}

/// The places in which a question counts, with nothing in them yet. One that counted before counts where it did.
fn places(slice: &Slice<'_>, placement: StepId, limits: &[LimitCheck]) -> ArrayVec<Counted, LIMITS_MAX> {
    if slice.counted.iter().any(|counted| counted.placement == placement) {
        return ArrayVec::new();
    }
    let place = |check: &LimitCheck| Counted {
        placement,
        counter: check.counter,
        scope: check.scope,
        window: check.window,
        amount: 0,
        count: 0,
    };
    // What a payment has is known of its hold.
    limits.iter().filter(|check| !check.scope.is_of_payment()).take(LIMITS_MAX).map(place).collect()
}

/// What needs no money counts as a transaction where its kind is one and it was approved, and has no hold.
///
/// Nor has it a place where what it counted is kept, so that it stays counted when the answer turns out to be one that nobody
/// heard. No money is concerned; a limit on the number of transactions is at most stricter by one, until its window ends, and
/// attempts to verify a card are what such limits are for. To give it back, every engine would keep a row for every
/// verification.
fn count_only(request: &AuthorizationRequest, places: &[Counted]) -> Outcome {
    let count = i32::from(transactions(request.kind));
    let counted = places.iter().filter(|_| count > 0).map(|place| Counted { amount: 0, count, ..*place });
    Outcome { counted: counted.collect(), ..Outcome::default() }
}

fn counted_amount(request: &AuthorizationRequest) -> i64 {
    if moves_money(request.kind) { request.amount.minor() } else { 0 }
}

/// Whether this kind needs funds. Credits are not spendable until they clear, and are not held either.
pub(super) const fn moves_money(kind: AuthorizationKind) -> bool {
    match kind {
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::Incremental => true,
        AuthorizationKind::AccountVerification
        | AuthorizationKind::Credit
        | AuthorizationKind::BalanceInquiry
        | AuthorizationKind::Unknown => false,
    }
}

/// How many transactions this kind is for a count limit: an increment is part of an earlier one.
const fn transactions(kind: AuthorizationKind) -> u8 {
    match kind {
        AuthorizationKind::Incremental
        | AuthorizationKind::Credit
        | AuthorizationKind::BalanceInquiry
        | AuthorizationKind::Unknown => 0,
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::AccountVerification => 1,
    }
}
