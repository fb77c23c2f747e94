//! The reason codes of `/v1`: what a decision and its basis are called there. Every reason of ours has one, and each says where to look.

use serde::{Deserialize, Serialize};

use crate::decision::{Basis, Decision, DeclineReason, StandInBasis, StandInBy};

use super::governed::Governed;
use super::words::Mode;

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal: $meaning:literal,)*) => {
        /// Why, as `/v1` says it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ReasonCode { $($(#[$doc])* $variant,)* }

        impl ReasonCode {
            /// All of them.
            pub const ALL: &'static [ReasonCode] = &[$(ReasonCode::$variant,)*];

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(ReasonCode::$variant => $code,)* }
            }

            /// What it means, in a sentence for documents and listings.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(ReasonCode::$variant => $meaning,)* }
            }

            /// By its code.
            #[must_use]
            pub fn named(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.code() == code)
            }
        }
    };
}

reason_codes! {
    /// Approved by the policy.
    PolicyMatch = "POLICY_MATCH": "The payment keeps to the active policy, and nothing else stands against it.",
    /// The amount.
    PolicyViolationAmount = "POLICY_VIOLATION_AMOUNT": "The amount is not one that the policy allows.",
    /// The merchant category.
    PolicyViolationMcc = "POLICY_VIOLATION_MCC": "The policy does not allow what the merchant sells.",
    /// The merchant.
    PolicyViolationMerchant = "POLICY_VIOLATION_MERCHANT": "The policy does not allow this merchant.",
    /// Approved, because the authority observes.
    ObserveOnly = "OBSERVE_ONLY": "The authority is in observe mode: approved, and what its policy says is recorded.",
    /// No policy.
    NoPolicy = "NO_POLICY": "The authority has no active policy.",
    /// Something else in the policy.
    PolicyViolation = "POLICY_VIOLATION": "The policy does not allow the country, the time or the currency; or none of several ways that it leaves open (`any_of`) fits, each for another reason.",
    /// A budget or count.
    LimitReached = "LIMIT_REACHED": "A budget or a count of the policy would be passed.",
    /// The intent.
    IntentNotFound = "INTENT_NOT_FOUND": "There is no such intent that this payment could be for.",
    /// The intent's time.
    IntentExpired = "INTENT_EXPIRED": "The intent's time is over.",
    /// The intent's one payment.
    IntentUsed = "INTENT_USED": "Another payment has used the intent.",
    /// The intent, or what was sent beside it.
    IntentMismatch = "INTENT_MISMATCH": "The payment is not what the intent was for, or the references that were sent do not agree.",
    /// An intent.
    IntentRequired = "INTENT_REQUIRED": "The authority asks for an intent, and none fits.",
    /// A person.
    ReviewRequired = "REVIEW_REQUIRED": "A reviewer has to approve an intent for it first.",
    /// The authority.
    AuthoritySuspended = "AUTHORITY_SUSPENDED": "The spending authority, or the binding, is suspended or archived.",
    /// The binding.
    BindingNotFound = "BINDING_NOT_FOUND": "Nothing that was sent leads to a spending authority which this processor may ask about.",
    /// The card, its owner or its account.
    CardBlocked = "CARD_BLOCKED": "The card, its owner or its account is not active.",
    /// The account's money.
    InsufficientFunds = "INSUFFICIENT_FUNDS": "The account has less available than was asked.",
    /// The program's rules.
    ProgramRule = "PROGRAM_RULE": "A rule of the card program declined, whatever the policy says.",
    /// The program's limits.
    ProgramLimit = "PROGRAM_LIMIT": "A limit of the card program would be passed.",
    /// Stand-in.
    StandIn = "STAND_IN": "The ledger could not be asked in time: stand-in approved within its caps and the policy's budgets, or nothing allowed it to.",
    /// Idempotency.
    DuplicateConflict = "DUPLICATE_CONFLICT": "The same idempotency key came with other content.",
    /// Approved, and no policy had a word in it.
    Approved = "APPROVED": "Approved by the card program; no spending authority is concerned.",
}

impl ReasonCode {
    /// What a decision is called.
    #[must_use]
    pub fn of(decision: &Decision, basis: &Basis, governed: Option<&Governed>) -> Self {
        let mode = governed.and_then(|governed| governed.authority.map(|_| governed.mode));
        ReasonCode::under(decision, basis, mode)
    }

    /// What a decision is called under an authority in this mode; without one nobody's policy was asked.
    #[must_use]
    pub const fn under(decision: &Decision, basis: &Basis, mode: Option<Mode>) -> Self {
        match decision {
            Decision::Approve { .. } => match (basis, mode) {
                (Basis::StandIn(_) | Basis::StandInTable(_), _) => ReasonCode::StandIn,
                (Basis::Rule(_) | Basis::Limit(_) | Basis::Ledger | Basis::Replay, Some(Mode::Observe)) => {
                    ReasonCode::ObserveOnly
                }
                (Basis::Rule(_) | Basis::Limit(_) | Basis::Ledger | Basis::Replay, Some(Mode::Enforce)) => {
                    ReasonCode::PolicyMatch
                }
                (Basis::Rule(_) | Basis::Limit(_) | Basis::Ledger | Basis::Replay, None) => ReasonCode::Approved,
            },
            Decision::Decline { reason } => {
                let code = ReasonCode::of_decline(*reason);
                // What the policy's budgets and the intent said in stand-in stays what it is.
                if is_of_the_table(basis) && is_of_the_program(code) { ReasonCode::StandIn } else { code }
            }
        }
    }

    /// What a reason of ours is called.
    #[must_use]
    pub const fn of_decline(reason: DeclineReason) -> Self {
        match reason {
            DeclineReason::PolicyAmount => ReasonCode::PolicyViolationAmount,
            DeclineReason::PolicyMerchantCategory => ReasonCode::PolicyViolationMcc,
            DeclineReason::PolicyMerchant => ReasonCode::PolicyViolationMerchant,
            DeclineReason::PolicyOther => ReasonCode::PolicyViolation,
            DeclineReason::PolicyLimitReached => ReasonCode::LimitReached,
            DeclineReason::PolicyMissing => ReasonCode::NoPolicy,
            DeclineReason::AuthoritySuspended => ReasonCode::AuthoritySuspended,
            DeclineReason::BindingUnknown => ReasonCode::BindingNotFound,
            DeclineReason::IntentUnknown => ReasonCode::IntentNotFound,
            DeclineReason::IntentExpired => ReasonCode::IntentExpired,
            DeclineReason::IntentUsed => ReasonCode::IntentUsed,
            DeclineReason::IntentMismatched => ReasonCode::IntentMismatch,
            DeclineReason::IntentRequired => ReasonCode::IntentRequired,
            DeclineReason::ReviewRequired => ReasonCode::ReviewRequired,
            DeclineReason::InsufficientFunds => ReasonCode::InsufficientFunds,
            DeclineReason::AmountLimitReached | DeclineReason::CountLimitReached => ReasonCode::ProgramLimit,
            DeclineReason::CardUnknown
            | DeclineReason::CardNotActive
            | DeclineReason::CardFrozen
            | DeclineReason::CardLost
            | DeclineReason::CardStolen
            | DeclineReason::CardExpired
            | DeclineReason::CardClosed
            | DeclineReason::CardholderNotActive
            | DeclineReason::AccountUnknown
            | DeclineReason::AccountFrozen
            | DeclineReason::AccountClosed => ReasonCode::CardBlocked,
            DeclineReason::AmountAboveMaximum
            | DeclineReason::AmountBelowMinimum
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
            | DeclineReason::AuthorizationUnknown
            | DeclineReason::AuthorizationOver
            | DeclineReason::CaptureAboveAuthorized
            | DeclineReason::RefundAboveCaptured
            | DeclineReason::AmountTooLarge
            | DeclineReason::SuspectedFraud => ReasonCode::ProgramRule,
            DeclineReason::LedgerUnavailable
            | DeclineReason::NotDurable
            | DeclineReason::AnswerUnknown
            | DeclineReason::LeftToPlatform
            | DeclineReason::LeftUnanswered => ReasonCode::StandIn,
            DeclineReason::ConflictingDuplicate => ReasonCode::DuplicateConflict,
        }
    }
}

/// Whether a stand-in table, its caps, its mode or its absence decided, and not what was known of the card or what the rules said.
const fn is_of_the_table(basis: &Basis) -> bool {
    match basis {
        Basis::StandInTable(StandInBasis { by, .. }) => match by {
            StandInBy::NoVerdict
            | StandInBy::Row(_)
            | StandInBy::NoRow
            | StandInBy::Cap(_)
            | StandInBy::Full
            | StandInBy::ModeDecline
            | StandInBy::ModeApprove
            | StandInBy::ModeDrop => true,
            StandInBy::Standing | StandInBy::Rule(_) => false,
        },
        Basis::Rule(_) | Basis::Limit(_) | Basis::Ledger | Basis::Replay | Basis::StandIn(_) => false,
    }
}

/// Whether a code says that the card's program declined, by whatever reason its table gives.
const fn is_of_the_program(code: ReasonCode) -> bool {
    matches!(code, ReasonCode::ProgramRule | ReasonCode::ProgramLimit | ReasonCode::CardBlocked | ReasonCode::InsufficientFunds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_can_be_heard_but_those_of_approvals_are_no_decline() {
        let of_declines: Vec<_> = DeclineReason::ALL.iter().map(|reason| ReasonCode::of_decline(*reason)).collect();
        let approvals = [ReasonCode::PolicyMatch, ReasonCode::ObserveOnly, ReasonCode::Approved];
        for code in ReasonCode::ALL {
            assert_eq!(ReasonCode::named(code.code()), Some(*code));
            assert_ne!(of_declines.contains(code), approvals.contains(code), "{}", code.code());
        }
    }

    #[test]
    fn what_a_stand_in_table_declines_is_no_rule_of_the_program_whatever_reason_it_gives() {
        let id = |name: &str| crate::RuleId::new(name).unwrap();
        let code = |by, reason| {
            let cause = crate::StandInCause::DeadlinePassed;
            let basis = Basis::StandInTable(StandInBasis { cause, by, table: crate::rules::RulesetHash::from_bytes([7; 32]) });
            ReasonCode::under(&Decision::Decline { reason }, &basis, Some(Mode::Enforce))
        };
        for by in [StandInBy::Row(id("no-cross-border")), StandInBy::NoRow, StandInBy::Cap(id("card")), StandInBy::ModeDecline] {
            for reason in [
                DeclineReason::CrossBorderNotAllowed,
                DeclineReason::AmountLimitReached,
                DeclineReason::InsufficientFunds,
                DeclineReason::LedgerUnavailable,
            ] {
                assert_eq!(code(by, reason), ReasonCode::StandIn, "{by:?} {reason:?}");
            }
            assert_eq!(code(by, DeclineReason::PolicyLimitReached), ReasonCode::LimitReached, "the policy's budget");
        }
        assert_eq!(code(StandInBy::Standing, DeclineReason::CardFrozen), ReasonCode::CardBlocked);
        assert_eq!(code(StandInBy::Rule(id("mcc")), DeclineReason::MerchantCategoryNotAllowed), ReasonCode::ProgramRule);
        assert_eq!(code(StandInBy::Rule(id("mcc")), DeclineReason::PolicyMerchantCategory), ReasonCode::PolicyViolationMcc);
    }
}
