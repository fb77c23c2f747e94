//! Orders about a payment of nothing: it verifies a card and places no hold, so that the ledger knows of none to void or capture.

use holdfast_adapters::Payment;
use holdfast_core::hold::Order;
use holdfast_core::{Basis, Decision, DeclineReason};

/// What is told of an order, by what the ledger said. To let go of nothing is done already; whatever is to be captured or refunded is more
/// than there is.
pub(super) fn told(payment: &Payment, order: &Order, (said, basis): (Decision, Basis)) -> (Decision, Basis) {
    let unknown = Decision::Decline { reason: DeclineReason::AuthorizationUnknown };
    let Some(nothing) = payment.approved().filter(|amount| amount.is_zero() && payment.hold.is_none() && said == unknown) else {
        return (said, basis);
    };
    let told = match order {
        Order::Release => Decision::Approve { amount: nothing },
        Order::Capture { .. } => Decision::Decline { reason: DeclineReason::CaptureAboveAuthorized },
        Order::Refund { .. } => Decision::Decline { reason: DeclineReason::RefundAboveCaptured },
    };
    (told, basis)
}
