//! A payment that is asked for once more, under another key.
//!
//! Where a platform names each payment by the key of the question that opens it, a second question that leads to the same payment is
//! no second payment: something between the platform and us, or the platform itself, asked again. It hears what the first one
//! heard, and moves nothing; and hears it again, whatever becomes of the payment meanwhile. Where payments have names of their own,
//! another question adds to its payment, and is none of this. The same goes for an increment that has a transaction of its own.

use super::asked::{Asked, declined_by};
use super::earlier;
use super::life::{Hold, Placement, Role, Step, StepId, Steps, Word};
use super::mutant::{self, Mutant};
use super::outcome::{Finding, Outcome};
use super::question;
use super::state::{Account, Answered, Slice};
use crate::authorization::{AuthorizationKind, AuthorizationRequest, PartialApproval};
use crate::decision::{Basis, Decision, DeclineReason};

/// The answer to a question whose payment another question opened; nothing if it is no such question.
pub(super) fn asked_before(slice: &Slice<'_>, asked: &Asked<'_>) -> Option<Outcome> {
    let request = asked.request;
    if request.kind == AuthorizationKind::Incremental {
        return added_before(slice, asked);
    }
    if !names_its_payment(slice.steps, request) {
        return None;
    }
    let (account, hold) = slice.account.zip(slice.hold)?;
    if !is_there(&hold) || account.currency != request.amount.currency() {
        return None;
    }
    let steps = Steps::of(slice.steps);
    let (id, placement) = steps
        .placements()
        .filter(|(id, placement)| placement.role == Role::Opening && *id != StepId::of(&request.key))
        .find(|(id, placement)| steps.amount_of(*id, placement) > 0)?;
    if placement.posting != request.posting {
        // Another method's question is another message of the payment.
        return None;
    }
    Some(same_again(slice, asked, &account, First::of(&steps, id, &placement)))
}

/// The answer to a question that the platform recorded as approved before it came, where another one opened the payment: what was
/// recorded is held with that, and where that is over, it is not asked for anew.
pub(super) fn recorded_before(slice: &Slice<'_>, asked: &Asked<'_>) -> Option<Outcome> {
    let (account, recorded) = recorded_of_ours(slice, asked.request)?;
    if !slice.hold.as_ref().is_some_and(is_there) {
        return Some(declined_by(&asked.digest, asked.asked_at, DeclineReason::TransactionNotPermitted, Basis::Ledger));
    }
    let decision = Decision::Approve { amount: account.money(recorded) };
    let answered = Answered { digest: asked.digest.kept(), asked_at: asked.asked_at, decision };
    Some(Outcome { decision: Some((decision, Basis::Ledger)), answered: Some(answered), ..Outcome::default() })
}

/// Whether the platform recorded a question as approved for which nothing is placed, of a payment that another one opened and that is
/// there.
pub(super) fn is_recorded_beside(slice: &Slice<'_>, request: &AuthorizationRequest) -> bool {
    slice.hold.as_ref().is_some_and(is_there) && recorded_of_ours(slice, request).is_some()
}

/// How much the platform recorded as approved of a question for which nothing is placed, of a payment that another one opened.
fn recorded_of_ours(slice: &Slice<'_>, request: &AuthorizationRequest) -> Option<(Account, i64)> {
    let (steps, question) = (Steps::of(slice.steps), StepId::of(&request.key));
    let opens = request.kind.moves_money() && request.kind != AuthorizationKind::Incremental;
    if !opens || mutant::is(Mutant::RecordedQuestionAdds) || !steps.opened() || steps.placements().any(|(id, _)| id == question) {
        return None;
    }
    let account = slice.account.filter(|account| account.currency == request.amount.currency())?;
    let recorded = steps.last_word(question)?.approves().filter(|minor| *minor > 0)?;
    Some((account, recorded))
}

/// The answer to an increment whose transaction another key brought before; nothing if none did.
fn added_before(slice: &Slice<'_>, asked: &Asked<'_>) -> Option<Outcome> {
    let request = asked.request;
    let account = slice.account.filter(|account| account.currency == request.amount.currency())?;
    let (steps, question) = (Steps::of(slice.steps), question::of_request(slice.steps, request));
    if question == StepId::of(&request.key) {
        return None;
    }
    if steps.last_word(question) == Some(Word::Declined) {
        // The platform's word on the transaction, whoever asked: nothing is held for it.
        return Some(declined_by(&asked.digest, asked.asked_at, DeclineReason::TransactionNotPermitted, Basis::Ledger));
    }
    let (_, placement) = steps.placements().find(|(id, _)| *id == question)?;
    Some(same_again(slice, asked, &account, First::of(&steps, question, &placement)))
}

/// Whether what a question asks for is what another one opened.
pub(super) fn opened_by_another(slice: &Slice<'_>, request: &AuthorizationRequest) -> bool {
    names_its_payment(slice.steps, request)
        && Steps::of(slice.steps)
            .placements()
            .any(|(id, placement)| placement.role == Role::Opening && id != StepId::of(&request.key))
}

/// Whether what was told yes to under one key is money that another question of the same payment holds already: two openings of one
/// payment are the same question, and of one method its money is taken once.
pub(super) fn is_held_by_another(slice: &Slice<'_>, request: &AuthorizationRequest, minor: i64) -> bool {
    let steps = Steps::of(slice.steps);
    let mut others = steps.placements().filter(|(id, placement)| {
        placement.role == Role::Opening && *id != StepId::of(&request.key) && placement.posting == request.posting
    });
    names_its_payment(slice.steps, request)
        && slice.hold.as_ref().is_some_and(is_there)
        && others.any(|(id, placement)| steps.amount_of(id, &placement) >= minor)
}

/// Whether the question opens a payment, and that has no other first name than the question's key. What the platform told to add to this
/// payment has names of its own here, and is not what opened it.
fn names_its_payment(steps: &[Step], request: &AuthorizationRequest) -> bool {
    request.kind.moves_money()
        && request.kind != AuthorizationKind::Incremental
        && request.payment.authorization.as_str() == request.key.as_str()
        && !earlier::is_said_to_add(steps, request)
}

/// What was released is asked for anew.
const fn is_there(hold: &Hold) -> bool {
    hold.is_under_way() || hold.captured > 0
}

/// What is known of the question that came first.
struct First {
    /// What was approved to it; nothing where only the platform's word approves it.
    approved: Option<i64>,
    /// What it amounts to by the platform's last word, or else by ours.
    recorded: i64,
}

impl First {
    fn of(steps: &Steps<'_>, id: StepId, placement: &Placement) -> Self {
        First { approved: Some(placement.amount).filter(|amount| *amount > 0), recorded: steps.amount_of(id, placement) }
    }

    /// What a question hears that is the first one once more: what that heard, whatever the platform recorded of it since. One for just
    /// what was recorded, or for a part of what only the platform approved, is told that. Nothing if it is another question.
    fn heard_by(&self, request: &AuthorizationRequest) -> Option<i64> {
        let wanted = request.amount.minor();
        let may_be_less =
            request.kind != AuthorizationKind::Incremental && request.partial_approval == PartialApproval::Supported;
        match self.approved {
            Some(approved) if wanted == approved || wanted == self.recorded => Some(wanted),
            Some(approved) => (wanted > approved && may_be_less).then_some(approved),
            None if (1..=self.recorded).contains(&wanted) => Some(wanted),
            None => may_be_less.then_some(self.recorded),
        }
    }
}

/// The first one's answer, remembered under this key as well: told once, it is told again. Who was told yes calls the payment by the name
/// of this question, too; what was refused is no name of it.
fn same_again(slice: &Slice<'_>, asked: &Asked<'_>, account: &Account, first: First) -> Outcome {
    let (decision, named, finding) = match first.heard_by(asked.request) {
        Some(minor) => (Decision::Approve { amount: account.money(minor) }, known_as_well(slice), None),
        None => {
            let refused = Decision::Decline { reason: DeclineReason::ConflictingDuplicate };
            (refused, Outcome::default(), Some(Finding::Conflict))
        }
    };
    let answered = Answered { digest: asked.digest.kept(), asked_at: asked.asked_at, decision };
    Outcome { decision: Some((decision, Basis::Ledger)), answered: Some(answered), finding, ..named }
}

/// Nothing moves, and the payment is known by the names of this question from now on: what follows may use no other.
pub(super) fn known_as_well(slice: &Slice<'_>) -> Outcome {
    Outcome { hold: slice.hold, ..Outcome::default() }
}
