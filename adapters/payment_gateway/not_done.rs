//! Why what was asked of a payment is not done: a reason and a message for each state that it may be in. The interface's documents name
//! none; the words are those of `standing.state`, where a state is why.

use holdfast_core::hold::HoldStatus;
use holdfast_core::{Decision, DeclineReason};

use super::order;
use crate::payment::{NotDone, Payment, Standing};

/// How it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    /// What programs go by.
    pub reason: &'static str,
    /// What people read.
    pub message: &'static str,
}

const fn refusal(status: u16, reason: &'static str, message: &'static str) -> Refusal {
    Refusal { status, reason, message }
}

const CONFLICT: Refusal = refusal(
    409,
    "conflict",
    "It came before with other content: the Idempotency-Key, or the result of the payer's authentication",
);
const UNKNOWN: Refusal = refusal(404, "unknown", "There is no payment of this id");
/// It waited, and nobody can decide what nobody knows any more.
const ERASED: Refusal =
    refusal(404, "erased", "What was asked for under this key was erased while it waited: there is no such payment");
const ABOVE_AUTHORIZED: Refusal = refusal(422, "amount_above_authorized", "The amount is more than was authorized");
const ABOVE_CAPTURED: Refusal = refusal(422, "refund_above_captured", "More would be given back than was taken");
const CAPTURED: Refusal = refusal(422, "captured", "The payment was captured");
/// The merchant's side voided it, or an operator released it.
const VOIDED: Refusal = refusal(422, "voided", "The payment was voided, or released by an operator");
const EXPIRED: Refusal = refusal(422, "expired", "The payment's authorization has expired");
const DECLINED: Refusal = refusal(422, "declined", "The payment was declined");
const WAITS: Refusal = refusal(422, "pending_3dsauth", "The payment waits for its payer to be authenticated");
const WAITED_IN_VAIN: Refusal = refusal(422, "not_authenticated_in_time", "The payment's payer was not authenticated in time");
const WAITS_FOR_NOTHING: Refusal =
    refusal(422, "waits_for_nothing", "The payment does not wait for its payer to be authenticated");
const NOT_ALLOWED: Refusal = refusal(422, "not_allowed", "The payment does not allow this");

impl Refusal {
    /// Why something is not done that was asked for in this dialect.
    pub(super) fn of(NotDone { reason, payment }: &NotDone<'_>, dialect: u8) -> Self {
        let is_result = dialect == order::dialect_of(super::AUTHENTICATED);
        match (reason, payment) {
            (DeclineReason::ConflictingDuplicate, _) => CONFLICT,
            (DeclineReason::AuthorizationUnknown, None) if !order::is_order(dialect) => ERASED,
            (DeclineReason::AuthorizationUnknown, None) => UNKNOWN,
            (DeclineReason::AuthorizationUnknown, Some(_)) if is_result => WAITS_FOR_NOTHING,
            (DeclineReason::AuthorizationUnknown, Some(payment)) => without_a_hold(payment),
            // A result that comes too late: whatever else a payment is, it waited for one.
            (DeclineReason::AuthorizationOver, _) if is_result => WAITED_IN_VAIN,
            (DeclineReason::AuthorizationOver, payment) => payment.map_or(NOT_ALLOWED, ended),
            (reason, _) => whatever_its_state(*reason),
        }
    }

    /// The interface's code: that of the status.
    pub(super) const fn code(self) -> &'static str {
        match self.status {
            404 => "E0404",
            409 => "E0409",
            _ => "E0422",
        }
    }
}

/// A payment of which the ledger has nothing to capture, to let go of or to give back.
const fn without_a_hold(payment: &Payment) -> Refusal {
    match payment.standing {
        Standing::Awaiting { .. } => WAITS,
        Standing::Unauthenticated => WAITED_IN_VAIN,
        Standing::Decided(Decision::Decline { .. }) => DECLINED,
        Standing::Decided(Decision::Approve { .. }) => NOT_ALLOWED,
    }
}

/// A payment that is over.
fn ended(payment: &Payment) -> Refusal {
    match payment.hold.map(|hold| hold.status) {
        Some(HoldStatus::Captured) => CAPTURED,
        Some(HoldStatus::Released) => VOIDED,
        Some(HoldStatus::Expired) => EXPIRED,
        // It is under way again by now.
        Some(HoldStatus::Open | HoldStatus::Unplaced) | None => NOT_ALLOWED,
    }
}

const fn whatever_its_state(reason: DeclineReason) -> Refusal {
    match reason {
        DeclineReason::CaptureAboveAuthorized => ABOVE_AUTHORIZED,
        DeclineReason::RefundAboveCaptured => ABOVE_CAPTURED,
        DeclineReason::ConflictingDuplicate
        | DeclineReason::AuthorizationOver
        | DeclineReason::InsufficientFunds
        | DeclineReason::AmountAboveMaximum
        | DeclineReason::AmountBelowMinimum
        | DeclineReason::AmountLimitReached
        | DeclineReason::CountLimitReached
        | DeclineReason::MerchantCategoryNotAllowed
        | DeclineReason::MerchantNotAllowed
        | DeclineReason::MerchantCountryNotAllowed
        | DeclineReason::CrossBorderNotAllowed
        | DeclineReason::EntryModeNotAllowed
        | DeclineReason::CashNotAllowed
        | DeclineReason::QuasiCashNotAllowed
        | DeclineReason::WalletNotAllowed
        | DeclineReason::OutsideAllowedHours
        | DeclineReason::CurrencyNotAllowed
        | DeclineReason::TransactionNotPermitted
        | DeclineReason::CardUnknown
        | DeclineReason::CardNotActive
        | DeclineReason::CardFrozen
        | DeclineReason::CardLost
        | DeclineReason::CardStolen
        | DeclineReason::CardExpired
        | DeclineReason::CardClosed
        | DeclineReason::CardholderNotActive
        | DeclineReason::AccountUnknown
        | DeclineReason::AccountFrozen
        | DeclineReason::AccountClosed
        | DeclineReason::AuthorizationUnknown
        | DeclineReason::AmountTooLarge
        | DeclineReason::PolicyAmount
        | DeclineReason::PolicyMerchantCategory
        | DeclineReason::PolicyMerchant
        | DeclineReason::PolicyLimitReached
        | DeclineReason::PolicyOther
        | DeclineReason::PolicyMissing
        | DeclineReason::AuthoritySuspended
        | DeclineReason::BindingUnknown
        | DeclineReason::IntentUnknown
        | DeclineReason::IntentExpired
        | DeclineReason::IntentUsed
        | DeclineReason::IntentMismatched
        | DeclineReason::IntentRequired
        | DeclineReason::ReviewRequired
        | DeclineReason::SuspectedFraud
        | DeclineReason::LedgerUnavailable
        | DeclineReason::NotDurable
        | DeclineReason::LeftToPlatform
        | DeclineReason::LeftUnanswered
        | DeclineReason::AnswerUnknown => NOT_ALLOWED,
    }
}
