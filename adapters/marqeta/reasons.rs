//! Why we decline, in Marqeta's words: `decline_reason` of the answer. Exhaustive: a new reason must be thought about here.
//!
//! Source: Marqeta OpenAPI, CoreAPI 3.0.40, schema `jit_funding_api.decline_reason`. Which of our reasons means which of
//! theirs is our choice; the last five of their list came after January 2024 and are used only where a program turns them
//! on.

use holdfast_core::DeclineReason;

/// Which of Marqeta's reasons a program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// Those that every program knows.
    Classic,
    /// With those added after January 2024 (`BLOCKED_BY_ISSUER` and its neighbours).
    Extended,
}

impl Vocabulary {
    /// The `decline_reason` for a reason of ours.
    pub const fn decline_reason(self, reason: DeclineReason) -> &'static str {
        match reason {
            DeclineReason::InsufficientFunds => "INSUFFICIENT_FUNDS",
            DeclineReason::AmountAboveMaximum
            | DeclineReason::AmountLimitReached
            | DeclineReason::PolicyAmount
            | DeclineReason::PolicyLimitReached => "AMOUNT_LIMIT_EXCEEDED",
            DeclineReason::AmountBelowMinimum | DeclineReason::AmountTooLarge => "INVALID_AMOUNT",
            DeclineReason::CountLimitReached => "TRANSACTION_COUNT_LIMIT_EXCEEDED",
            DeclineReason::MerchantCategoryNotAllowed
            | DeclineReason::MerchantNotAllowed
            | DeclineReason::MerchantCountryNotAllowed
            | DeclineReason::PolicyMerchantCategory
            | DeclineReason::PolicyMerchant => "INVALID_MERCHANT",
            DeclineReason::CrossBorderNotAllowed
            | DeclineReason::EntryModeNotAllowed
            | DeclineReason::CashNotAllowed
            | DeclineReason::QuasiCashNotAllowed
            | DeclineReason::WalletNotAllowed
            | DeclineReason::OutsideAllowedHours
            | DeclineReason::CurrencyNotAllowed
            | DeclineReason::TransactionNotPermitted
            | DeclineReason::AuthorizationUnknown
            | DeclineReason::AuthorizationOver
            | DeclineReason::CaptureAboveAuthorized
            | DeclineReason::RefundAboveCaptured
            | DeclineReason::LedgerUnavailable
            | DeclineReason::NotDurable
            | DeclineReason::LeftToPlatform
            | DeclineReason::LeftUnanswered
            | DeclineReason::AnswerUnknown
            | DeclineReason::PolicyOther
            | DeclineReason::PolicyMissing
            | DeclineReason::AuthoritySuspended
            | DeclineReason::BindingUnknown
            | DeclineReason::IntentUnknown
            | DeclineReason::IntentExpired
            | DeclineReason::IntentUsed
            | DeclineReason::IntentMismatched
            | DeclineReason::IntentRequired
            | DeclineReason::ReviewRequired => "TRANSACTION_NOT_PERMITTED",
            DeclineReason::CardUnknown | DeclineReason::CardClosed | DeclineReason::AccountUnknown => "INVALID_CARD",
            DeclineReason::CardNotActive => "CARD_NOT_ACTIVE",
            DeclineReason::CardFrozen | DeclineReason::CardLost | DeclineReason::CardStolen => match self {
                Vocabulary::Classic => "CARD_NOT_ACTIVE",
                Vocabulary::Extended => "BLOCKED_BY_ISSUER",
            },
            DeclineReason::CardExpired => "EXPIRED_CARD",
            DeclineReason::CardholderNotActive => "CARDHOLDER_NOT_ACTIVE",
            DeclineReason::AccountFrozen => match self {
                Vocabulary::Classic => "TRANSACTION_NOT_PERMITTED",
                Vocabulary::Extended => "BLOCKED_BY_ISSUER",
            },
            DeclineReason::AccountClosed => "CLOSED_ACCOUNT",
            DeclineReason::ConflictingDuplicate => "DUPLICATE_TRANSACTION",
            DeclineReason::SuspectedFraud => "SUSPECTED_FRAUD",
        }
    }
}
