//! What the platform's word on a payment makes of our answer to a question about it, whichever came first.
//!
//! Where it names the question and says that it was declined, no approval of it is kept (see `told`). Here is the rest, which is looked
//! at anew each time: what the platform approved over our answer, in its word on the question or, where its messages do not carry the
//! questions' keys, on the payment; and a question that comes after the word.

use super::asked::{Asked, declined_by};
use super::earlier;
use super::life::{Steps, Word};
use super::mutant::{self, Mutant};
use super::outcome::{Finding, Outcome};
use super::state::{Answered, Slice};
use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::decision::{Basis, Decision, DeclineReason};
use crate::money::Money;

/// The answer that the platform's word leaves of ours. A refused key stays refused: it means another question.
pub(super) fn adopted(slice: &Slice<'_>, asked: &Asked<'_>, outcome: Outcome) -> Outcome {
    match outcome.decision {
        // The platform recorded it in the account's currency, and nobody hears of money that it did not ask for.
        Some((Decision::Approve { amount }, basis)) if amount.currency() != asked.request.amount.currency() => {
            let decision = Decision::Decline { reason: DeclineReason::CurrencyNotAllowed };
            Outcome { decision: Some((decision, basis)), ..outcome }
        }
        Some((Decision::Approve { .. }, Basis::Replay)) if is_undone(slice, asked) => {
            let decision = Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
            Outcome { decision: Some((decision, Basis::Replay)), ..outcome }
        }
        // Nothing would be held for it: the word counts, whichever came first.
        Some((Decision::Approve { .. }, basis)) if basis != Basis::Replay && was_declined(slice, asked) => {
            declined_by(&asked.digest, asked.asked_at, DeclineReason::TransactionNotPermitted, Basis::Ledger)
        }
        // As much as the platform recorded, and never more than is asked for.
        Some((decision, basis)) if decision != decision.at_most(asked.request.amount) && !mutant::is(Mutant::MoreThanAsked) => {
            let decision = decision.at_most(asked.request.amount);
            let answered = outcome.answered.map(|answered| Answered { decision, ..answered });
            Outcome { decision: Some((decision, basis)), answered, ..outcome }
        }
        // A key, or an increment's other key, that was refused for meaning another question is refused each time.
        Some((Decision::Decline { reason }, basis)) if reason != DeclineReason::ConflictingDuplicate => {
            let Some(amount) = approved(slice, asked.request).filter(|_| is_left(slice, asked.request)) else { return outcome };
            let decision = Decision::Approve { amount }.at_most(asked.request.amount);
            let answered = outcome.answered.map(|answered| Answered { decision, ..answered });
            // What it holds is told, and held already.
            Outcome { decision: Some((decision, basis_of(basis))), answered, finding: Some(Finding::AdoptedOverOurs), ..outcome }
        }
        Some(_) | None => outcome,
    }
}

/// The most that a question may be approved for: as much as the platform recorded of it before it came. More is not held for it.
pub(super) fn most(slice: &Slice<'_>, request: &AuthorizationRequest) -> i64 {
    let word = Steps::of(slice.steps).last_word(earlier::of_request(slice, request));
    word.and_then(Word::approves).unwrap_or(i64::MAX)
}

/// No rule and no limit approves: what is there does.
const fn basis_of(declined: Basis) -> Basis {
    match declined {
        Basis::Replay => Basis::Replay,
        Basis::Ledger | Basis::Rule(_) | Basis::Limit(_) | Basis::StandIn(_) | Basis::StandInTable(_) => Basis::Ledger,
    }
}

/// Whether the platform said later that the payment was declined, and nothing was taken for it: nothing is held for an approval
/// that is repeated.
fn is_undone(slice: &Slice<'_>, asked: &Asked<'_>) -> bool {
    let taken = slice.hold.is_some_and(|hold| hold.captured > 0);
    let (steps, question) = (Steps::of(slice.steps), earlier::of_request(slice, asked.request));
    // What was approved by the word on the payment, and by nothing of ours, goes with it.
    let by_the_word =
        || asked.request.kind.moves_money() && !steps.placed(question) && steps.opening_word() == Some(Word::Declined);
    !taken && (steps.declined_after(question) || was_declined(slice, asked) || by_the_word())
}

/// Whether the platform recorded this very question as declined.
fn was_declined(slice: &Slice<'_>, asked: &Asked<'_>) -> bool {
    Steps::of(slice.steps).last_word(earlier::of_request(slice, asked.request)) == Some(Word::Declined)
}

/// How much of what was approved this question is about, if that is still there: what was approved to the question itself, by us or by
/// the platform's word, or what is asked of a payment that we did not open.
pub(super) fn approved(slice: &Slice<'_>, request: &AuthorizationRequest) -> Option<Money> {
    let steps = Steps::of(slice.steps);
    let (account, hold) = slice.account.zip(slice.hold)?;
    let is_there = hold.is_under_way() || hold.captured > 0;
    if mutant::is(Mutant::RecordedYesDeclined)
        || !is_there
        || !request.kind.moves_money()
        || request.amount.currency() != account.currency
    {
        return None;
    }
    let question = earlier::of_request(slice, request);
    if steps.last_word(question).is_some() {
        return steps.approved_to(question).map(|minor| account.money(minor));
    }
    is_of_what_was_told(&steps, request, request.amount).then_some(request.amount)
}

/// Whether as much of what a question added to its payment is held, or was captured, as would be said of it. What opened a payment is left as
/// long as that is there.
fn is_left(slice: &Slice<'_>, request: &AuthorizationRequest) -> bool {
    let (steps, question) = (Steps::of(slice.steps), earlier::of_request(slice, request));
    let recorded = steps.last_word(question).and_then(Word::approves).unwrap_or(0);
    !steps.adds(question)
        || mutant::is(Mutant::RestSaysYes)
        || earlier::left_of(slice, question) >= recorded.min(request.amount.minor())
}

/// Whether an amount is of a payment that only the platform's word opened: what is approved of it is held by that word.
pub(super) fn is_of_what_was_told(steps: &Steps<'_>, request: &AuthorizationRequest, amount: Money) -> bool {
    let opens = request.kind != AuthorizationKind::Incremental && !steps.opened();
    let told = steps.opening_word().filter(|_| opens).and_then(|word| word.approves());
    told.is_some_and(|told| (1..=told).contains(&amount.minor()))
}
