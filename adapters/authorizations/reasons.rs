//! Our reasons in the interface's words: its three failure codes for what is declined, and codes of our own for what is refused.

use holdfast_core::DeclineReason;

/// The `failure_code` and `failure_message` of a decline.
pub(super) const fn failure(reason: DeclineReason) -> (&'static str, &'static str) {
    match reason {
        DeclineReason::InsufficientFunds => ("INSUFFICIENT_FUNDS", "Insufficient funds"),
        DeclineReason::CardUnknown => ("INVALID_CARD", "Invalid card number"),
        DeclineReason::AmountAboveMaximum
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
        | DeclineReason::ConflictingDuplicate
        | DeclineReason::AmountTooLarge
        | DeclineReason::SuspectedFraud
        | DeclineReason::LedgerUnavailable
        | DeclineReason::NotDurable
        | DeclineReason::LeftToPlatform
        | DeclineReason::LeftUnanswered
        | DeclineReason::AnswerUnknown
        | DeclineReason::AuthorizationOver
        | DeclineReason::CaptureAboveAuthorized
        | DeclineReason::RefundAboveCaptured
        | DeclineReason::PolicyAmount
        | DeclineReason::PolicyMerchantCategory
        | DeclineReason::PolicyMerchant
        | DeclineReason::PolicyOther
        | DeclineReason::PolicyLimitReached
        | DeclineReason::PolicyMissing
        | DeclineReason::AuthoritySuspended
        | DeclineReason::BindingUnknown
        | DeclineReason::IntentUnknown
        | DeclineReason::IntentExpired
        | DeclineReason::IntentUsed
        | DeclineReason::IntentMismatched
        | DeclineReason::IntentRequired
        | DeclineReason::ReviewRequired => ("CARD_DECLINED", "Do not honor"),
    }
}

/// What was asked of a payment and is not done: status, code and message.
pub(super) struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: &'static str,
}

const fn refusal(status: u16, code: &'static str, message: &'static str) -> Refusal {
    Refusal { status, code, message }
}

/// No such payment.
pub(super) const UNKNOWN: Refusal = refusal(404, "NOT_FOUND", "There is no authorization of this id");
/// The same key came with other content.
pub(super) const CONFLICT: Refusal = refusal(409, "IDEMPOTENCY_CONFLICT", "The idempotency_id came before with other content");
/// It was declined.
pub(super) const NOT_SUCCEEDED: Refusal =
    refusal(422, "AUTHORIZATION_FAILED", "The authorization was declined; there is nothing to capture or void");
/// It was captured.
pub(super) const CAPTURED: Refusal = refusal(422, "ALREADY_CAPTURED", "The authorization is captured");
/// It was voided.
pub(super) const VOIDED: Refusal = refusal(422, "ALREADY_VOIDED", "The authorization is voided");
/// An operator released it.
pub(super) const RELEASED: Refusal =
    refusal(422, "AUTHORIZATION_RELEASED", "The authorization was released by an operator and holds nothing any more");
/// It expired.
pub(super) const EXPIRED: Refusal = refusal(422, "AUTHORIZATION_EXPIRED", "The authorization has expired");
/// More is to be captured than is there.
pub(super) const TOO_MUCH: Refusal =
    refusal(422, "CAPTURE_AMOUNT_TOO_LARGE", "capture_amount is more than the authorization, its surcharge included");
/// Whatever else.
pub(super) const REFUSED: Refusal = refusal(422, "NOT_POSSIBLE", "The authorization does not allow this");
