//! Our reasons in the interface's words: `A0000` for success, as it says; the other response codes are ours, the host's are ISO 8583's.

use holdfast_core::DeclineReason;

/// What is answered to a payment that was approved: response code, message, host's code.
pub(super) const SUCCESS: (&str, &str, &str) = ("A0000", "Success", "00");

/// What is answered to one that waits for its payer to be authenticated.
pub(super) const AWAITING: (&str, &str, &str) = ("P0001", "Payer authentication is pending", "");

/// What is answered to one whose payer was not authenticated in time.
pub(super) const UNAUTHENTICATED: (&str, &str, &str) = ("D0082", "Payer was not authenticated in time", "");

/// What is answered to one that was declined.
pub(super) const fn declined(reason: DeclineReason) -> (&'static str, &'static str, &'static str) {
    match reason {
        DeclineReason::InsufficientFunds => ("D0051", "Insufficient funds", "51"),
        DeclineReason::CardUnknown | DeclineReason::AccountUnknown => ("D0014", "Invalid card", "14"),
        DeclineReason::CardExpired => ("D0054", "Expired card", "54"),
        DeclineReason::CardLost => ("D0041", "Lost card", "41"),
        DeclineReason::CardStolen => ("D0043", "Stolen card", "43"),
        DeclineReason::AmountLimitReached
        | DeclineReason::AmountAboveMaximum
        | DeclineReason::PolicyAmount
        | DeclineReason::PolicyLimitReached => ("D0061", "Exceeds the amount limit", "61"),
        DeclineReason::CountLimitReached => ("D0065", "Exceeds the frequency limit", "65"),
        DeclineReason::SuspectedFraud => ("D0059", "Suspected fraud", "59"),
        DeclineReason::MerchantNotAllowed => ("D0003", "Merchant not enabled", "03"),
        DeclineReason::TransactionNotPermitted
        | DeclineReason::CurrencyNotAllowed
        | DeclineReason::CashNotAllowed
        | DeclineReason::QuasiCashNotAllowed
        | DeclineReason::MerchantCategoryNotAllowed
        | DeclineReason::MerchantCountryNotAllowed
        | DeclineReason::CrossBorderNotAllowed
        | DeclineReason::EntryModeNotAllowed
        | DeclineReason::PolicyMerchantCategory
        | DeclineReason::PolicyMerchant
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
        | DeclineReason::WalletNotAllowed
        | DeclineReason::OutsideAllowedHours => ("D0057", "Transaction not permitted", "57"),
        DeclineReason::LedgerUnavailable
        | DeclineReason::NotDurable
        | DeclineReason::AnswerUnknown
        | DeclineReason::LeftToPlatform
        | DeclineReason::LeftUnanswered => ("D0091", "Issuer unavailable", "91"),
        DeclineReason::AmountBelowMinimum | DeclineReason::AmountTooLarge => ("D0013", "Invalid amount", "13"),
        DeclineReason::CardNotActive
        | DeclineReason::CardFrozen
        | DeclineReason::CardClosed
        | DeclineReason::CardholderNotActive
        | DeclineReason::AccountFrozen
        | DeclineReason::AccountClosed
        | DeclineReason::AuthorizationUnknown
        | DeclineReason::ConflictingDuplicate
        | DeclineReason::AuthorizationOver
        | DeclineReason::CaptureAboveAuthorized
        | DeclineReason::RefundAboveCaptured => ("D0005", "Do not honor", "05"),
    }
}

/// How the interface writes what an address came to: letters as card networks use them.
pub(super) const fn address_code(result: crate::payment::AddressVerification) -> &'static str {
    match result {
        crate::payment::AddressVerification::PostalCodeAndStreetMatch => "X",
        crate::payment::AddressVerification::PostalCodeMatch => "Z",
        crate::payment::AddressVerification::StreetMatch => "A",
        crate::payment::AddressVerification::NoMatch => "N",
        crate::payment::AddressVerification::Unavailable => "U",
    }
}

/// How it writes what a security code came to.
pub(super) const fn security_code(result: crate::payment::SecurityCodeVerification) -> &'static str {
    match result {
        crate::payment::SecurityCodeVerification::Matched => "M",
        crate::payment::SecurityCodeVerification::NotMatched => "N",
        crate::payment::SecurityCodeVerification::Unavailable => "U",
    }
}
