//! Answers that were told without the ledger: it is made to agree with what was heard, over the limit if need be. Nothing is decided
//! here.

use super::asked::{asked_now, count_only, is_held, places, placing, step_of};
use super::earlier;
use super::event::ToldAnswer;
use super::life::{Placement, Step, StepId, Steps, What};
use super::mutant::{self, Mutant};
use super::outcome::{Finding, Outcome};
use super::question;
use super::state::{Answered, Slice};
use super::told::{corrected, take};
use super::twice;
use super::word::is_of_what_was_told;
use crate::agent::Weight;
use crate::authorization::AuthorizationRequest;
use crate::decision::Decision;
use crate::money::Money;
use crate::question_digest::QuestionDigest;
use crate::rules::{HoldPolicy, Verdict};
use crate::time::Timestamp;

/// An answer that a platform heard, for the ledger to agree with.
#[derive(Debug, Clone, Copy)]
pub struct Adoption<'a> {
    /// The question.
    pub request: &'a AuthorizationRequest,
    /// Its digest.
    pub digest: QuestionDigest,
    /// When its callback arrived.
    pub asked_at: Timestamp,
    /// What was heard.
    pub told: ToldAnswer,
    /// What the rules thought, where they were asked: an approval counts in their limits, over them if need be.
    pub verdict: Option<&'a Verdict>,
    /// Whether an approval moves anything.
    pub weight: Weight,
}

/// Makes the ledger agree with what was told, over the limit if need be. It is the only repair there is.
pub(super) fn adopt(slice: &Slice<'_>, adoption: &Adoption<'_>) -> Outcome {
    let decision = adoption.told.decision();
    match slice.answered {
        Some(ours) if !adoption.digest.is_of(&ours.digest) => return Outcome::nothing(Finding::Conflict),
        Some(ours) if ours.decision == decision && is_booked(slice, adoption) => {
            return Outcome::nothing(Finding::HeardBefore);
        }
        Some(ours) if is_settled(slice, adoption, &ours.decision) => return Outcome::nothing(Finding::HeardBefore),
        // An earlier callback was told yes, and a retry of it heard no, or less, while the ledger was away. What the first
        // one heard stays true: only the platform's word releases it. (The same callback's approval is one that nobody
        // heard.)
        Some(_) if mutant::is(Mutant::RetryReleases) => {}
        Some(ours) if ours.asked_at != adoption.asked_at && approves_more(&ours.decision, &decision) => {
            return Outcome::nothing(Finding::ApprovedBefore);
        }
        Some(_) | None => {}
    }
    let id = earlier::of_request(slice, adoption.request);
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
    let decision = corrected(decision, &known(slice, &outcome), id);
    let asked_at = remembered.map_or(adoption.asked_at, |ours| ours.asked_at);
    outcome.answered = Some(Answered { digest: adoption.digest.kept(), asked_at, decision });
    outcome
}

/// Whether an answer that is remembered under its key is all that there is to adopt. An approval that led to no account, or that the
/// account could not take, is remembered (a retry hears it again) and is held nowhere: it is adopted once it can be.
fn is_booked(slice: &Slice<'_>, adoption: &Adoption<'_>) -> bool {
    let ToldAnswer::Approved { amount } = adoption.told else { return true };
    if adoption.weight == Weight::Preview {
        return true;
    }
    if slice.account.is_none_or(|account| account.currency != amount.currency()) {
        // It is nobody's; and what is there of another currency is none of it.
        return false;
    }
    let request = adoption.request;
    if amount.is_zero() || !request.kind.moves_money() {
        return true;
    }
    let (id, steps) = (earlier::of_request(slice, request), Steps::of(slice.steps));
    // The platform's word made a step of its own, whatever it calls the question; what another question opened, or another door, has
    // that one's.
    step_of(slice, id).is_some()
        || steps.last_word(id).is_some()
        || is_of_what_was_told(&steps, request, amount)
        || twice::opened_by_another(slice, request)
        || (adoption.weight == Weight::Joins && slice.hold.is_some())
}

/// The payment's steps with the one that an outcome adds.
fn known<'a>(slice: &Slice<'a>, outcome: &Outcome) -> Steps<'a> {
    outcome.step.map_or(Steps::of(slice.steps), |step| Steps::with(slice.steps, step))
}

/// Whether what was told is what is remembered once the platform's word corrected it, of a question for which nothing is placed: it was
/// adopted, or asked, and found to be of what another one opened.
fn is_settled(slice: &Slice<'_>, adoption: &Adoption<'_>, ours: &Decision) -> bool {
    let ToldAnswer::Approved { amount } = adoption.told else { return false };
    let id = earlier::of_request(slice, adoption.request);
    let is_its_money = slice.account.is_some_and(|account| account.currency == amount.currency());
    let steps = Steps::of(slice.steps);
    is_its_money
        && steps.last_word(id).is_some()
        && step_of(slice, id).is_none()
        && corrected(Decision::Approve { amount }, &steps, id) == *ours
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
    let is_anothers = placed && !question::is_of_key(id, request);
    let amount = match adoption.told {
        ToldAnswer::Approved { amount } if amount.is_negative() => return Outcome::nothing(Finding::AmountTooLarge),
        // The transaction's money is there: another key asked for it.
        ToldAnswer::Approved { amount } if is_anothers && amount.minor() <= amount_placed(slice, id) => {
            return twice::known_as_well(slice);
        }
        ToldAnswer::Approved { amount } => amount,
        ToldAnswer::Declined { .. } if !placed || is_anothers => return Outcome::default(),
        ToldAnswer::Declined { .. } => Money::zero(request.amount.currency()),
    };
    let account = match slice.account {
        None => return Outcome::nothing(Finding::AccountUnknown),
        Some(account) if account.currency != amount.currency() => return Outcome::nothing(Finding::CurrencyMismatch),
        Some(account) => account,
    };
    if earlier::is_told_here(slice, request) {
        // It is held where it was told.
        return Outcome::default();
    }
    if twice::is_recorded_beside(slice, request) || (!placed && twice::is_held_by_another(slice, request, amount.minor())) {
        return if amount.is_zero() { Outcome::default() } else { twice::known_as_well(slice) };
    }
    let (policy, limits, way) = match adoption.verdict {
        Some(Verdict::Proceed(proceed)) => {
            let policy = proceed.hold.for_approved(amount.minor(), request.amount.minor());
            (HoldPolicy { extra: 0, ..policy }, proceed.limits.as_slice(), proceed.first_way())
        }
        Some(Verdict::Decline { .. }) | None => (HoldPolicy::PLAIN, [].as_slice(), None),
    };
    let places = places(slice, id, limits, way);
    // An answer takes no other way when it is told again, and what nobody heard takes none.
    let way = way.filter(|_| !placed);
    if !placed && (amount.is_zero() || !request.kind.moves_money()) {
        return Outcome { way, ..count_only(request, &places) };
    }
    let step = placing(slice, request, adoption.asked_at, amount.minor(), &policy);
    let step = if placed { as_placed(slice, step) } else { asked_now(slice, request, step) };
    match take(slice, &account, step, &places) {
        Ok(outcome) => Outcome { way, ..outcome },
        Err(finding) => Outcome::nothing(finding),
    }
}

/// What stands of a placement; nothing if there is none.
fn amount_placed(slice: &Slice<'_>, id: StepId) -> i64 {
    match step_of(slice, id).map(|step| step.what) {
        Some(What::Placed(placement)) => Steps::of(slice.steps).amount_of(id, &placement),
        Some(_) | None => 0,
    }
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
