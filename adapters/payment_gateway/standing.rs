//! How a payment stands, in words and amounts: the interface tells what was answered, and nothing of what became of it. All of it is ours.

use holdfast_core::Decision;
use holdfast_core::hold::{Hold, HoldStatus};
use serde::Serialize;

use super::fields::decimal;
use super::told::Told;
use crate::payment::{Payment, Standing};

/// What was authorized, captured and refunded, and what is still open: to be captured or let go of; and the state.
#[derive(Serialize)]
pub(super) struct Shown {
    authorized_amount: String,
    captured_amount: String,
    open_amount: String,
    refunded_amount: String,
    state: &'static str,
}

/// What a merchant took of a payment, by a capture or at its decision, refunds aside.
pub(super) const fn taken(hold: &Hold) -> i64 {
    hold.captured.saturating_add(hold.ahead)
}

/// What of a payment is still to be captured or let go of. More is held where rules hold something extra: that is no part of the payment.
pub(super) fn open(hold: &Hold, approved: i64) -> i64 {
    hold.held.min(approved)
}

/// How it stands.
pub(super) fn shown(payment: &Payment, told: &Told<'_>) -> Shown {
    let approved = payment.approved().map_or(0, |approved| approved.minor());
    let state = state(payment, told);
    let (captured, refunded, open) = match payment.hold {
        Some(hold) => (taken(&hold), hold.refunded, open(&hold, approved)),
        None if state == "captured" => (approved, 0, 0),
        None => (0, 0, approved),
    };
    Shown {
        authorized_amount: decimal(approved, told.currency),
        captured_amount: decimal(captured, told.currency),
        open_amount: decimal(open, told.currency),
        refunded_amount: decimal(refunded, told.currency),
        state,
    }
}

/// One word for it.
pub(super) fn state(payment: &Payment, told: &Told<'_>) -> &'static str {
    match payment.standing {
        Standing::Awaiting { .. } => return "pending_3dsauth",
        Standing::Unauthenticated | Standing::Decided(Decision::Decline { .. }) => return "declined",
        Standing::Decided(Decision::Approve { .. }) => {}
    }
    match payment.hold {
        // Just decided, or decided without the ledger, which has yet to hear of it.
        None if is_sale(payment, told) => "captured",
        None => "authorized",
        Some(hold) => match hold.status {
            _ if hold.refunded > 0 && hold.refunded >= taken(&hold) => "refunded",
            _ if hold.refunded > 0 => "partially_refunded",
            _ if taken(&hold) > 0 => "captured",
            HoldStatus::Captured => "captured",
            HoldStatus::Released => "voided",
            HoldStatus::Expired => "expired",
            HoldStatus::Open | HoldStatus::Unplaced => "authorized",
        },
    }
}

/// Whether it was debited at once.
pub(super) fn is_sale(payment: &Payment, told: &Told<'_>) -> bool {
    told.was_sale || payment.hold.is_some_and(|hold| hold.ahead > 0)
}
