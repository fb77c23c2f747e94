//! Why we decline, in Apto's words. Exhaustive: a new reason of ours has to be thought about here.

use holdfast_core::DeclineReason;

/// The one code that Apto is known to take for a declined answer (a partner answers it whatever the reason).
pub(super) const DECLINE_CODE: &str = "decline_nsf";

/// The phrase that goes into V3's `decline_reason` and the older `message`: stable, for people who read Apto's dashboard.
pub(super) const fn phrase(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::InsufficientFunds => "Insufficient funds",
        DeclineReason::AmountAboveMaximum => "Amount above the maximum",
        DeclineReason::AmountBelowMinimum => "Amount below the minimum",
        DeclineReason::AmountLimitReached => "Spend limit reached",
        DeclineReason::CountLimitReached => "Transaction count limit reached",
        DeclineReason::MerchantCategoryNotAllowed => "Merchant category not allowed",
        DeclineReason::MerchantNotAllowed => "Merchant not allowed",
        DeclineReason::MerchantCountryNotAllowed => "Merchant country not allowed",
        DeclineReason::CrossBorderNotAllowed => "International payment not allowed",
        DeclineReason::EntryModeNotAllowed => "Card entry mode not allowed",
        DeclineReason::CashNotAllowed => "Cash not allowed",
        DeclineReason::QuasiCashNotAllowed => "Quasi-cash not allowed",
        DeclineReason::WalletNotAllowed => "Wallet not allowed",
        DeclineReason::OutsideAllowedHours => "Outside the allowed hours",
        DeclineReason::CurrencyNotAllowed => "Currency not allowed",
        DeclineReason::TransactionNotPermitted => "Transaction not permitted",
        DeclineReason::CardUnknown => "Unknown card",
        DeclineReason::CardNotActive => "Card not activated",
        DeclineReason::CardFrozen => "Card frozen",
        DeclineReason::CardLost => "Card reported lost",
        DeclineReason::CardStolen => "Card reported stolen",
        DeclineReason::CardExpired => "Card expired",
        DeclineReason::CardClosed => "Card closed",
        DeclineReason::CardholderNotActive => "Cardholder not active",
        DeclineReason::AccountUnknown => "Unknown account",
        DeclineReason::AccountFrozen => "Account frozen",
        DeclineReason::AccountClosed => "Account closed",
        DeclineReason::AuthorizationUnknown => "Unknown authorization",
        DeclineReason::AuthorizationOver => "Authorization is over",
        DeclineReason::CaptureAboveAuthorized => "Capture above the authorized amount",
        DeclineReason::RefundAboveCaptured => "Refund above the captured amount",
        DeclineReason::ConflictingDuplicate => "Same id with other content",
        DeclineReason::AmountTooLarge => "Amount too large",
        DeclineReason::SuspectedFraud => "Suspected fraud",
        DeclineReason::LedgerUnavailable => "Balance could not be checked",
        DeclineReason::NotDurable => "Decision could not be recorded",
        DeclineReason::AnswerUnknown => "Earlier answer could not be looked up",
        DeclineReason::LeftToPlatform => "Left to the platform",
        DeclineReason::LeftUnanswered => "Left unanswered",
        DeclineReason::PolicyAmount => "Amount not allowed by the spending policy",
        DeclineReason::PolicyMerchantCategory => "Merchant category not allowed by the spending policy",
        DeclineReason::PolicyMerchant => "Merchant not allowed by the spending policy",
        DeclineReason::PolicyOther => "Not allowed by the spending policy",
        DeclineReason::PolicyLimitReached => "Limit of the spending policy reached",
        DeclineReason::PolicyMissing => "No spending policy",
        DeclineReason::AuthoritySuspended => "Spending authority suspended",
        DeclineReason::BindingUnknown => "No spending authority",
        DeclineReason::IntentUnknown => "Unknown intent",
        DeclineReason::IntentExpired => "Intent expired",
        DeclineReason::IntentUsed => "Intent already used",
        DeclineReason::IntentMismatched => "Payment does not match its intent",
        DeclineReason::IntentRequired => "Intent required",
        DeclineReason::ReviewRequired => "Review required",
    }
}

/// The error code of V2's and V1's 403, out of the five in the interface file of a partner of Apto's.
pub(super) const fn legacy_code(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::InsufficientFunds => "low_balance",
        DeclineReason::LedgerUnavailable
        | DeclineReason::NotDurable
        | DeclineReason::AnswerUnknown
        | DeclineReason::LeftToPlatform
        | DeclineReason::LeftUnanswered => "balance_check_failed",
        DeclineReason::CardUnknown | DeclineReason::AccountUnknown => "unknown_user",
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
        | DeclineReason::AccountFrozen
        | DeclineReason::AccountClosed
        | DeclineReason::AuthorizationUnknown
        | DeclineReason::AuthorizationOver
        | DeclineReason::CaptureAboveAuthorized
        | DeclineReason::RefundAboveCaptured
        | DeclineReason::ConflictingDuplicate
        | DeclineReason::AmountTooLarge
        | DeclineReason::SuspectedFraud
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
        | DeclineReason::ReviewRequired => "authorization_failed",
    }
}
