//! The answer, and why. Every reason is a full phrase of the field, fit to be pasted into a support ticket.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::RuleId;
use crate::money::Money;
use crate::rules::RulesetHash;

/// What the platform is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// Yes, for this much: less than asked only where the request allows a partial approval, or the platform itself recorded less;
    /// never more.
    Approve {
        /// What may be taken.
        amount: Money,
    },
    /// No.
    Decline {
        /// Why not.
        reason: DeclineReason,
    },
}

impl Decision {
    /// `approve` or `decline`, for metrics and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Decision::Approve { .. } => "approve",
            Decision::Decline { .. } => "decline",
        }
    }

    /// The answer to a question of so much: no more than that is said yes to.
    #[must_use]
    pub fn at_most(self, asked: Money) -> Self {
        match self {
            Decision::Approve { amount } if amount.currency() == asked.currency() && amount.minor() > asked.minor() => {
                Decision::Approve { amount: asked }
            }
            Decision::Approve { .. } | Decision::Decline { .. } => self,
        }
    }
}

macro_rules! decline_reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Why an authorization is declined. The order of the journal's encoding is the order of declaration: new
        /// reasons go to the end.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum DeclineReason { $($(#[$doc])* $variant,)* }

        impl DeclineReason {
            /// All reasons, in the order of declaration.
            pub const ALL: &'static [DeclineReason] = &[$(DeclineReason::$variant,)*];

            /// The reason as metrics, listings and rulesets write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(DeclineReason::$variant => $name,)* }
            }
        }
    };
}

decline_reasons! {
    /// The account has less available than was asked.
    InsufficientFunds = "insufficient_funds",
    /// A rule allows no amount this high.
    AmountAboveMaximum = "amount_above_maximum",
    /// A rule allows no amount this low.
    AmountBelowMinimum = "amount_below_minimum",
    /// A limit on the sum of amounts would be passed.
    AmountLimitReached = "amount_limit_reached",
    /// A limit on the number of transactions would be passed.
    CountLimitReached = "count_limit_reached",
    /// A rule does not allow what this merchant sells.
    MerchantCategoryNotAllowed = "merchant_category_not_allowed",
    /// A rule does not allow this merchant, by identifier or name.
    MerchantNotAllowed = "merchant_not_allowed",
    /// A rule does not allow merchants in this country.
    MerchantCountryNotAllowed = "merchant_country_not_allowed",
    /// A rule does not allow payments across a border.
    CrossBorderNotAllowed = "cross_border_not_allowed",
    /// A rule does not allow the way in which the card was presented.
    EntryModeNotAllowed = "entry_mode_not_allowed",
    /// A rule allows no cash.
    CashNotAllowed = "cash_not_allowed",
    /// A rule allows nothing that turns into cash.
    QuasiCashNotAllowed = "quasi_cash_not_allowed",
    /// A rule does not allow wallets, or allows only them.
    WalletNotAllowed = "wallet_not_allowed",
    /// A rule allows no payment at this day or hour.
    OutsideAllowedHours = "outside_allowed_hours",
    /// A rule does not allow this currency, or the request's is not the account's.
    CurrencyNotAllowed = "currency_not_allowed",
    /// A rule does not allow this kind of transaction, or the platform asks for something unknown to us.
    TransactionNotPermitted = "transaction_not_permitted",
    /// No such card in this program, or none of whom was named as its owner.
    CardUnknown = "card_unknown",
    /// The card exists but has not been activated.
    CardNotActive = "card_not_active",
    /// The card is blocked for now.
    CardFrozen = "card_frozen",
    /// The card is reported lost.
    CardLost = "card_lost",
    /// The card is reported stolen.
    CardStolen = "card_stolen",
    /// The card is past its expiry.
    CardExpired = "card_expired",
    /// The card is closed for good.
    CardClosed = "card_closed",
    /// The card's owner is suspended or closed.
    CardholderNotActive = "cardholder_not_active",
    /// The card leads to no account.
    AccountUnknown = "account_unknown",
    /// The account is blocked for now.
    AccountFrozen = "account_frozen",
    /// The account is closed for good.
    AccountClosed = "account_closed",
    /// An increment of a payment that was never authorized, or is over.
    AuthorizationUnknown = "authorization_unknown",
    /// The same key came with other content.
    ConflictingDuplicate = "conflicting_duplicate",
    /// The amount is beyond what can be counted.
    AmountTooLarge = "amount_too_large",
    /// A rule's author suspects fraud.
    SuspectedFraud = "suspected_fraud",
    /// The ledger did not answer, and stand-in does not approve.
    LedgerUnavailable = "ledger_unavailable",
    /// An approval could not be made durable anywhere in time.
    NotDurable = "not_durable",
    /// Whether this question was answered before could not be found out in time.
    AnswerUnknown = "answer_unknown",
    /// The payment is over: released, expired, or captured to the end.
    AuthorizationOver = "authorization_over",
    /// More is to be captured than is authorized and tolerated.
    CaptureAboveAuthorized = "capture_above_authorized",
    /// More is to be given back than was captured.
    RefundAboveCaptured = "refund_above_captured",
    /// The authority's policy allows no amount like this.
    PolicyAmount = "policy_amount",
    /// The authority's policy does not allow what this merchant sells.
    PolicyMerchantCategory = "policy_merchant_category",
    /// The authority's policy does not allow this merchant.
    PolicyMerchant = "policy_merchant",
    /// The authority's policy does not allow this country, time or currency.
    PolicyOther = "policy_other",
    /// A budget or count of the authority's policy would be passed.
    PolicyLimitReached = "policy_limit_reached",
    /// The authority enforces, and has no policy.
    PolicyMissing = "policy_missing",
    /// The spending authority, or what hangs on it, is suspended or archived.
    AuthoritySuspended = "authority_suspended",
    /// No binding leads from what was presented to a spending authority.
    BindingUnknown = "binding_unknown",
    /// No such intent, or not one of this authority.
    IntentUnknown = "intent_unknown",
    /// The intent's time is over.
    IntentExpired = "intent_expired",
    /// The intent was used by another payment.
    IntentUsed = "intent_used",
    /// The payment is not what the intent was for, or what identifies it does not agree.
    IntentMismatched = "intent_mismatched",
    /// The authority asks for an intent, and none fits.
    IntentRequired = "intent_required",
    /// A person has to look at it first.
    ReviewRequired = "review_required",
    /// Nobody was told anything: it was left to the platform, with the status 503. Never an answer on the wire.
    LeftToPlatform = "left_to_platform",
    /// The same, without a word: the connection was closed.
    LeftUnanswered = "left_unanswered",
}

impl fmt::Display for DeclineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// A rule of the program declined.
    Rule(RuleId),
    /// A limit of the program was reached.
    Limit(RuleId),
    /// The ledger looked at status and funds and answered.
    Ledger,
    /// Told before; the same answer again.
    Replay,
    /// Declined without the ledger, and without asking a stand-in table.
    StandIn(StandInCause),
    /// Decided without the ledger, by the program's stand-in table.
    StandInTable(StandInBasis),
}

impl Basis {
    /// `rule`, `limit`, `ledger`, `replay` or `stand_in`, for metrics and listings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Basis::Rule(_) => "rule",
            Basis::Limit(_) => "limit",
            Basis::Ledger => "ledger",
            Basis::Replay => "replay",
            Basis::StandIn(_) | Basis::StandInTable(_) => "stand_in",
        }
    }

    /// Why the ledger was not asked, where it was not.
    #[must_use]
    pub const fn stand_in_cause(&self) -> Option<StandInCause> {
        match self {
            Basis::StandIn(cause) | Basis::StandInTable(StandInBasis { cause, .. }) => Some(*cause),
            Basis::Rule(_) | Basis::Limit(_) | Basis::Ledger | Basis::Replay => None,
        }
    }
}

/// What an answer of stand-in rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandInBasis {
    /// Why the ledger was not asked.
    pub cause: StandInCause,
    /// What in the table decided.
    pub by: StandInBy,
    /// Which version of the table.
    pub table: RulesetHash,
}

/// What in a stand-in table decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StandInBy {
    /// Nothing in it: card, owner, account or currency are not such that anything could be approved, as far as is known.
    Standing,
    /// Nothing in it: this rule of the program's ruleset declined.
    Rule(RuleId),
    /// Nothing in it: the program's rules could not be asked.
    NoVerdict,
    /// The first row that matched.
    Row(RuleId),
    /// No row matched.
    NoRow,
    /// A cap that an approval would have passed.
    Cap(RuleId),
    /// As many approvals are counted as there is room for.
    Full,
    /// Its mode: `decline`.
    ModeDecline,
    /// Its mode: `approve`.
    ModeApprove,
    /// Its mode: `drop`.
    ModeDrop,
}

impl StandInBy {
    /// As metrics and listings write it; rows, caps and rules have a name of their own besides.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            StandInBy::Standing => "standing",
            StandInBy::Rule(_) => "rule",
            StandInBy::NoVerdict => "no_verdict",
            StandInBy::Row(_) => "row",
            StandInBy::NoRow => "no_row",
            StandInBy::Cap(_) => "cap",
            StandInBy::Full => "full",
            StandInBy::ModeDecline => "mode_decline",
            StandInBy::ModeApprove => "mode_approve",
            StandInBy::ModeDrop => "mode_drop",
        }
    }

    /// The row, cap or rule.
    #[must_use]
    pub const fn id(&self) -> Option<RuleId> {
        match self {
            StandInBy::Row(id) | StandInBy::Cap(id) | StandInBy::Rule(id) => Some(*id),
            StandInBy::Standing
            | StandInBy::NoVerdict
            | StandInBy::NoRow
            | StandInBy::Full
            | StandInBy::ModeDecline
            | StandInBy::ModeApprove
            | StandInBy::ModeDrop => None,
        }
    }
}

/// Why the ledger was not asked, or not waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StandInCause {
    /// The process has begun and its ledger is not ready.
    Starting,
    /// The ledger had not answered at `decide_by`.
    DeadlinePassed,
    /// The ledger said that it cannot answer.
    LedgerUnavailable,
    /// More was in flight than this process takes on.
    Overloaded,
    /// A bug, caught.
    Panicked,
    /// An operator's switch.
    Switched,
}

impl StandInCause {
    /// All causes, in the order of declaration.
    pub const ALL: [StandInCause; 6] = [
        StandInCause::Starting,
        StandInCause::DeadlinePassed,
        StandInCause::LedgerUnavailable,
        StandInCause::Overloaded,
        StandInCause::Panicked,
        StandInCause::Switched,
    ];

    /// The cause as metrics and listings write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            StandInCause::Starting => "starting",
            StandInCause::DeadlinePassed => "deadline_passed",
            StandInCause::LedgerUnavailable => "ledger_unavailable",
            StandInCause::Overloaded => "overloaded",
            StandInCause::Panicked => "panicked",
            StandInCause::Switched => "switched",
        }
    }
}
