//! Our reasons in the platform's codes. Exhaustive: a new reason of ours does not compile until it has a code here.

use holdfast_core::DeclineReason;

/// The platform's code.
pub(super) const fn code(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::InsufficientFunds => "insufficient_funds",
        DeclineReason::AmountAboveMaximum
        | DeclineReason::AmountBelowMinimum
        | DeclineReason::AmountTooLarge
        | DeclineReason::AmountLimitReached
        | DeclineReason::CountLimitReached => "limit_reached",
        DeclineReason::MerchantCategoryNotAllowed
        | DeclineReason::MerchantNotAllowed
        | DeclineReason::MerchantCountryNotAllowed => "merchant_not_allowed",
        DeclineReason::CrossBorderNotAllowed
        | DeclineReason::EntryModeNotAllowed
        | DeclineReason::CashNotAllowed
        | DeclineReason::QuasiCashNotAllowed
        | DeclineReason::WalletNotAllowed
        | DeclineReason::OutsideAllowedHours
        | DeclineReason::CurrencyNotAllowed
        | DeclineReason::TransactionNotPermitted => "not_permitted",
        DeclineReason::CardUnknown
        | DeclineReason::CardNotActive
        | DeclineReason::CardFrozen
        | DeclineReason::CardLost
        | DeclineReason::CardStolen
        | DeclineReason::CardExpired
        | DeclineReason::CardClosed => "card_not_usable",
        DeclineReason::CardholderNotActive
        | DeclineReason::AccountUnknown
        | DeclineReason::AccountFrozen
        | DeclineReason::AccountClosed => "account_not_usable",
        DeclineReason::AuthorizationUnknown | DeclineReason::AuthorizationOver => "authorization_unknown",
        DeclineReason::CaptureAboveAuthorized | DeclineReason::RefundAboveCaptured => "limit_reached",
        DeclineReason::PolicyAmount | DeclineReason::PolicyLimitReached => "limit_reached",
        DeclineReason::PolicyMerchantCategory | DeclineReason::PolicyMerchant => "merchant_not_allowed",
        DeclineReason::PolicyOther
        | DeclineReason::PolicyMissing
        | DeclineReason::AuthoritySuspended
        | DeclineReason::BindingUnknown
        | DeclineReason::IntentUnknown
        | DeclineReason::IntentExpired
        | DeclineReason::IntentUsed
        | DeclineReason::IntentMismatched
        | DeclineReason::IntentRequired
        | DeclineReason::ReviewRequired => "not_permitted",
        DeclineReason::ConflictingDuplicate => "conflicting_duplicate",
        DeclineReason::SuspectedFraud => "suspected_fraud",
        DeclineReason::LedgerUnavailable
        | DeclineReason::NotDurable
        | DeclineReason::AnswerUnknown
        | DeclineReason::LeftToPlatform
        | DeclineReason::LeftUnanswered => "system_error",
    }
}
