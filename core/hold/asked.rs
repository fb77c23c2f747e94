//! Asked events: an authorization is decided, in the order in which it arrives, and its hold placed in the same act.
//!
//! [`answer`] is a column of guards; their order is the order of precedence and is tested.

use std::time::Duration;

use arrayvec::ArrayVec;
use smallvec::SmallVec;

use super::earlier;
use super::life::{Hold, Placement, Role, Step, StepId, Steps, What, fold};
use super::mutant::{self, Mutant};
use super::outcome::{Finding, Outcome};
use super::question;
use super::state::{Account, Answered, Counted, Slice};
use super::told::take;
use super::twice;
use super::ways::{self, Taken};
use super::word::{adopted, approved, most};
use crate::agent::{Weight, named_number};
use crate::authorization::{AuthorizationKind, AuthorizationRequest, Expiry, Padding, PartialApproval, Posting};
use crate::decision::{Basis, Decision, DeclineReason};
use crate::question_digest::QuestionDigest;
use crate::rules::{HoldPolicy, LIMITS_MAX, LimitCheck, Proceed, Verdict, Way};
use crate::time::Timestamp;

/// A question with the rules' opinion of it, for the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The question.
    pub request: &'a AuthorizationRequest,
    /// Its digest, made once.
    pub digest: QuestionDigest,
    /// When its callback arrived.
    pub asked_at: Timestamp,
    /// What the rules think.
    pub verdict: &'a Verdict,
    /// Whether an approval moves anything.
    pub weight: Weight,
}

/// Decides an authorization: our answer, or what the platform's own word on the payment makes of it. A preview is the same decision,
/// remembered under its key, and nothing else of it.
pub(super) fn decide(slice: &Slice<'_>, asked: &Asked<'_>) -> Outcome {
    let outcome = adopted(slice, asked, answer(slice, asked));
    match asked.weight {
        Weight::Moves | Weight::Joins => outcome,
        Weight::Preview => Outcome { counted: named(slice, asked, &outcome), ..said_only(outcome) },
    }
}

/// An approval that moves nothing still tells for which intent its payment is: the first one that is told stays.
fn named(slice: &Slice<'_>, asked: &Asked<'_>, outcome: &Outcome) -> SmallVec<[Counted; LIMITS_MAX]> {
    let (Some((Decision::Approve { .. }, basis)), Verdict::Proceed(proceed)) = (outcome.decision, asked.verdict) else {
        return SmallVec::new();
    };
    if basis == Basis::Replay {
        return SmallVec::new();
    }
    let free = proceed.limits.iter().zip(slice.uses).filter(|(_, used)| used.count == 0);
    let name = |check: &LimitCheck| {
        let LimitCheck { counter, scope, window, .. } = *check;
        let amount = named_number(check)?;
        Some(Counted { placement: StepId::of(&asked.request.key), counter, scope, window, amount, count: 1 })
    };
    free.filter_map(|(check, _)| name(check)).collect()
}

/// What was said, without what it would have moved.
fn said_only(outcome: Outcome) -> Outcome {
    let Outcome { decision, answered, finding, way, .. } = outcome;
    Outcome { decision, answered, finding, way, ..Outcome::default() }
}

/// Our answer. Key, card, account, rules, payment, limits, funds: the first to object is the reason.
fn answer(slice: &Slice<'_>, asked: &Asked<'_>) -> Outcome {
    let request = asked.request;
    if let Some(answered) = slice.answered.filter(|_| !mutant::is(Mutant::RetryDecidedAfresh)) {
        return repeat(&answered, &asked.digest);
    }
    if let Some(step) = step_of(slice, StepId::of(&request.key)) {
        return recall(slice, step);
    }
    let question = question::of_request(slice.steps, request);
    if let Some(step) = step_of(slice, question).filter(|_| question::is_of_key(question, request)) {
        return recall(slice, step);
    }
    let told = earlier::told_before(slice, asked).or_else(|| twice::recorded_before(slice, asked));
    if let Some(again) = told.or_else(|| twice::asked_before(slice, asked)) {
        return again;
    }
    let decline = |reason, basis| declined_by(&asked.digest, asked.asked_at, reason, basis);
    if let (AuthorizationKind::Unknown, Verdict::Decline { reason, rule }) = (request.kind, asked.verdict) {
        // Whose card it would have been does not matter: it is declined for what it is.
        return decline(*reason, Basis::Rule(*rule));
    }
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
    let proceed = match asked.verdict {
        Verdict::Decline { reason, rule } => return decline(*reason, Basis::Rule(*rule)),
        Verdict::Proceed(proceed) => proceed,
    };
    if asked.weight != Weight::Moves && is_held(slice, request) {
        // The other door asked first: its payment has its place in every limit, and its money. What rules and policy think is asked at each.
        let answered = Answered {
            digest: asked.digest.kept(),
            asked_at: asked.asked_at,
            decision: Decision::Approve { amount: request.amount },
        };
        return Outcome { decision: Some((answered.decision, Basis::Ledger)), answered: Some(answered), ..Outcome::default() };
    }
    let cost = match cost(slice, request, asked.asked_at) {
        Ok(cost) => cost,
        Err(reason) => return decline(reason, Basis::Ledger),
    };
    // What was taken or held before we were asked is not needed again.
    let there = account.available().saturating_sub(cost).saturating_add(request.amount.minor());
    match grant(slice, there, cost, request, proceed) {
        Ok(taken) => {
            let left = there.saturating_sub(taken.amount);
            let taken = Taken { amount: taken.amount.min(most(slice, request)), ..taken };
            approve(slice, &account, asked, proceed, &taken, left)
        }
        Err((reason, basis)) => decline(reason, basis),
    }
}

/// Whether the payment that a question would open is there, for as much.
pub(super) fn is_held(slice: &Slice<'_>, request: &AuthorizationRequest) -> bool {
    let opens = request.kind.moves_money() && request.kind != AuthorizationKind::Incremental && request.amount.minor() > 0;
    opens && slice.hold.is_some_and(|hold| hold.is_under_way() && hold.authorized.max(hold.captured) >= request.amount.minor())
}

/// What is approved becomes a step of the payment; what needs no money only counts. `left` is available after it.
fn approve(slice: &Slice<'_>, account: &Account, asked: &Asked<'_>, proceed: &Proceed, taken: &Taken, left: i64) -> Outcome {
    let (request, Taken { way, amount }) = (asked.request, *taken);
    let decision = Decision::Approve { amount: account.money(amount) };
    let answered = Answered { digest: asked.digest.kept(), asked_at: asked.asked_at, decision };
    let places = places(slice, question::of_request(slice.steps, request), &proceed.limits, way);
    let placed = if request.kind.moves_money() && amount > 0 {
        // What is held on top is a wish, never a reason to decline.
        let policy = proceed.hold.for_approved(amount, request.amount.minor());
        let policy = HoldPolicy { extra: policy.extra.min(left).max(0), ..policy };
        take(slice, account, asked_now(slice, request, placing(slice, request, asked.asked_at, amount, &policy)), &places)
    } else {
        let spendable = mutant::is(Mutant::CreditSpendable) && request.kind == AuthorizationKind::Credit;
        Ok(Outcome { posted: if spendable { amount } else { 0 }, ..count_only(request, &places) })
    };
    match placed {
        Ok(outcome) => {
            Outcome { decision: Some((decision, Basis::Ledger)), answered: Some(answered), finding: None, way, ..outcome }
        }
        Err(_) => declined_by(&asked.digest, asked.asked_at, DeclineReason::AmountTooLarge, Basis::Ledger),
    }
}

/// The step of the payment that a key made.
pub(super) fn step_of<'a>(slice: &Slice<'a>, id: StepId) -> Option<&'a Step> {
    slice.steps.iter().find(|step| step.id == id)
}

/// The answer to a key that was forgotten: its step remembers what was approved, if it was a question's.
fn recall(slice: &Slice<'_>, step: &Step) -> Outcome {
    let (What::Placed(_), Some(account)) = (step.what, slice.account) else { return conflict() };
    let decision = match Steps::of(slice.steps).approved_to(step.id) {
        None | Some(0) => Decision::Decline { reason: DeclineReason::AnswerUnknown },
        Some(amount) => Decision::Approve { amount: account.money(amount) },
    };
    Outcome { decision: Some((decision, Basis::Replay)), ..Outcome::default() }
}

/// The same key again: the same answer if it is the same question, a refusal if it is another.
pub(super) fn repeat(answered: &Answered, digest: &QuestionDigest) -> Outcome {
    if digest.is_of(&answered.digest) {
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
pub(super) fn declined_by(digest: &QuestionDigest, asked_at: Timestamp, reason: DeclineReason, basis: Basis) -> Outcome {
    let decision = Decision::Decline { reason };
    let answered = Answered { digest: digest.kept(), asked_at, decision };
    Outcome { decision: Some((decision, basis)), answered: Some(answered), ..Outcome::default() }
}

/// What an approval in full would take from what is available, if the payment may still be opened or added to.
///
/// It may not be if its steps (told before the question, perhaps) leave nothing of what would be approved held or captured.
fn cost(slice: &Slice<'_>, request: &AuthorizationRequest, asked_at: Timestamp) -> Result<i64, DeclineReason> {
    if !request.kind.moves_money() {
        return Ok(0);
    }
    let before = slice.hold.unwrap_or(Hold::NONE);
    if request.kind == AuthorizationKind::Incremental && !before.is_under_way() {
        return Err(DeclineReason::AuthorizationUnknown);
    }
    let amount = request.amount.minor();
    let step = asked_now(slice, request, placing(slice, request, asked_at, amount, &HoldPolicy::PLAIN));
    let after = fold(&Steps::with(slice.steps, step)).map_err(|_| DeclineReason::AmountTooLarge)?;
    // What was taken of it, by the platform's own approval, is of this question: it counts where that counts.
    let is_taken = || after.captured > 0 && approved(slice, request).is_some();
    if !after.is_under_way() && after.captured < after.authorized.max(amount) && !is_taken() {
        return Err(DeclineReason::AuthorizationOver);
    }
    let held = i128::from(after.held).saturating_sub(i128::from(before.held));
    let cost = before.effect().saturating_sub(after.effect()).saturating_add(held);
    i64::try_from(cost).map_err(|_| DeclineReason::AmountTooLarge)
}

/// How much can be approved, and on which way: all that was asked or, where program, terminal and platform allow it, what limits and
/// funds leave of it. `there` is the most that funds allow.
fn grant(
    slice: &Slice<'_>,
    there: i64,
    cost: i64,
    request: &AuthorizationRequest,
    proceed: &Proceed,
) -> Result<Taken, (DeclineReason, Basis)> {
    let asked = request.amount.minor();
    let opens = counted_amount(request) > 0 && request.kind != AuthorizationKind::Incremental;
    let taken = ways::take(slice, request, proceed);
    if opens && cost <= 0 && !Steps::of(slice.steps).opened() {
        // The platform approved or took it before its question reached us: the money is where it should be.
        let way = taken.map_or(proceed.first_way(), |taken| taken.way);
        return Ok(Taken { way, amount: asked });
    }
    let taken = taken?;
    if (asked == 0 || !request.kind.moves_money()) && !mutant::is(Mutant::VerificationNeedsFunds) {
        // A question for nothing needs no funds, however far below zero they are.
        return Ok(Taken { amount: asked, ..taken });
    }
    let amount = within(slice, taken.amount, there, request, proceed);
    amount.map(|amount| Taken { amount, ..taken }).ok_or((DeclineReason::InsufficientFunds, Basis::Ledger))
}

/// `amount` if `left` has room for it, else `left` if so little may be approved. A payment of which something was told
/// before is approved in full or not at all: less might cost as much, as where a total was told of what is asked now.
pub(super) fn within(
    slice: &Slice<'_>,
    amount: i64,
    left: i64,
    request: &AuthorizationRequest,
    proceed: &Proceed,
) -> Option<i64> {
    if amount <= left {
        return Some(amount);
    }
    let allowed = request.partial_approval == PartialApproval::Supported
        && request.kind != AuthorizationKind::Incremental
        && slice.steps.is_empty();
    proceed.hold.partial_min.filter(|least| allowed && left > 0 && left >= *least).map(|_| left)
}

/// The step of an approval.
pub(super) fn placing(
    slice: &Slice<'_>,
    request: &AuthorizationRequest,
    asked_at: Timestamp,
    amount: i64,
    policy: &HoldPolicy,
) -> Step {
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
        // The merchant's amount is of all that was asked for.
        original: request.original.filter(|_| amount == request.amount.minor()),
    };
    let placement = match request.padding {
        Padding::None if held => Placement { extra: policy.extra, ..placement },
        Padding::None | Padding::ByPlatform => placement,
    };
    let at = request.occurred_at.map_or(asked_at, |stamp| stamp.unless_far_ahead_of(asked_at));
    Step { id: question::of_request(slice.steps, request), at, what: What::Placed(placement) }
}

/// A placement that is asked for, or adopted, now: what adds to a payment adds to all that is known of it, whatever clocks say,
/// so that it holds what it is approved for; but where the platform told before that this question added, it adds there, as what is said of
/// the payment later has it in it. So does another question about a payment that we opened before. Where the platform
/// tells no time of its question, ours counts to the second, as theirs does of what follows: that must not come to lie before it. Nor does
/// a question lie behind those of its own second, or what was said of them: what then ends the payment ends all of it.
pub(super) fn asked_now(slice: &Slice<'_>, request: &AuthorizationRequest, step: Step) -> Step {
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
    let at = steps.said_to_add_at(step.id).unwrap_or_else(|| steps.after_what_settled(at));
    Step { at, what: What::Placed(placement), ..step }
}

/// The places in which a question counts on a way, with nothing in them yet. One that counted before counts where it did.
pub(super) fn places(
    slice: &Slice<'_>,
    placement: StepId,
    limits: &[LimitCheck],
    way: Option<Way>,
) -> ArrayVec<Counted, LIMITS_MAX> {
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
    let counts = |check: &&LimitCheck| !check.scope.is_of_payment() && check.counts_on(way);
    limits.iter().filter(counts).take(LIMITS_MAX).map(place).collect()
}

/// What needs no money counts as a transaction where its kind is one and it was approved, and has no hold.
///
/// Nor has it a place where what it counted is kept, so that it stays counted when the answer turns out to be one that nobody
/// heard. No money is concerned; a limit on the number of transactions is at most stricter by one, until its window ends, and
/// attempts to verify a card are what such limits are for. To give it back, every engine would keep a row for every
/// verification.
pub(super) fn count_only(request: &AuthorizationRequest, places: &[Counted]) -> Outcome {
    let count = i32::from(transactions(request.kind));
    let counted = places.iter().filter(|_| count > 0).map(|place| Counted { amount: 0, count, ..*place });
    Outcome { counted: counted.collect(), ..Outcome::default() }
}

pub(super) fn counted_amount(request: &AuthorizationRequest) -> i64 {
    if request.kind.moves_money() { request.amount.minor() } else { 0 }
}

/// How many transactions this kind is for a count limit: an increment is part of an earlier one.
pub(super) const fn transactions(kind: AuthorizationKind) -> u8 {
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
