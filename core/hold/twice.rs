//! A payment that is asked for once more, under another key.
//!
//! Where a platform names each payment by the key of the question that opens it, a second question that leads to the same payment is
//! no second payment: something between the platform and us, or the platform itself, asked again. It hears what the first one
//! heard, and moves nothing. Where payments have names of their own, another question adds to its payment, and is none of this.

use super::asked::{Asked, conflict, moves_money};
use super::life::{Hold, Role, StepId, Steps};
use super::outcome::Outcome;
use super::state::{Account, Slice};
use crate::authorization::{AuthorizationKind, AuthorizationRequest, PartialApproval};
use crate::decision::{Basis, Decision};

/// The answer to a question whose payment another question opened; nothing if it is no such question.
pub(super) fn asked_before(slice: &Slice<'_>, asked: &Asked<'_>) -> Option<Outcome> {
    let request = asked.request;
    if !names_its_payment(request) {
        return None;
    }
    let (account, hold) = slice.account.zip(slice.hold)?;
    if !is_there(&hold) || account.currency != request.amount.currency() {
        return None;
    }
    let steps = Steps::of(slice.steps);
    let (amount, placement) = steps
        .placements()
        .filter(|(id, placement)| placement.role == Role::Opening && *id != StepId::of(&request.key))
        .map(|(id, placement)| (steps.amount_of(id, &placement), placement))
        .find(|(amount, _)| *amount > 0)?;
    if placement.posting != request.posting {
        // Another method's question is another message of the payment.
        return None;
    }
    Some(same_again(request, &account, amount))
}

/// Whether the question opens a payment, and that has no other first name than the question's key.
fn names_its_payment(request: &AuthorizationRequest) -> bool {
    moves_money(request.kind)
        && request.kind != AuthorizationKind::Incremental
        && request.payment.authorization.as_str() == request.key.as_str()
}

/// What was released is asked for anew.
const fn is_there(hold: &Hold) -> bool {
    hold.is_under_way() || hold.captured > 0
}

fn same_again(request: &AuthorizationRequest, account: &Account, amount: i64) -> Outcome {
    let asked = request.amount.minor();
    if asked == amount || (asked > amount && request.partial_approval == PartialApproval::Supported) {
        let decision = Decision::Approve { amount: account.money(amount) };
        return Outcome { decision: Some((decision, Basis::Replay)), ..Outcome::default() };
    }
    conflict()
}
