//! What changes money: events that are asked (we answer) and events that are told (we believe).
//!
//! Adapters make told events from notifications; the responder makes asked ones from authorizations. Amounts are never
//! negative: the event's name carries the direction. Nothing here applies an event.

use serde::{Deserialize, Serialize};

use super::account::{AccountStatus, CardStatus, CardholderStatus};
use crate::authorization::PaymentRef;
use crate::decision::{Decision, DeclineReason};
use crate::ids::{AccountId, CardToken, CardholderToken, IdempotencyKey, NetworkName};
use crate::money::Money;
use crate::time::Timestamp;

/// Something a platform, or an operator, states as a fact. It cannot be refused; the same key is applied once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldEvent {
    /// The platform's id of this message, or one made of what identifies it; applied once.
    pub key: IdempotencyKey,
    /// When it happened, by the platform's clock.
    pub occurred_at: Option<Timestamp>,
    /// The card network, where told: settlement is due per network.
    pub network: Option<NetworkName>,
    /// The day on which the network settles it, where told: days since 1970-01-01.
    pub settlement_day: Option<i32>,
    /// Whose money it is. A payment that the ledger knows overrides it.
    pub subject: Subject,
    /// What happened.
    pub fact: Fact,
}

/// Whose money an event is about, by whatever the platform names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Our own name of the account; operators know it, platforms do not.
    pub account: Option<AccountId>,
    /// The card.
    pub card: Option<CardToken>,
    /// The card's owner.
    pub cardholder: Option<CardholderToken>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// The platform recorded how an authorization ended. Adopted over what we think we answered.
    Recorded {
        /// The payment it was about.
        payment: PaymentRef,
        /// The key under which we were, or would have been, asked.
        asked: IdempotencyKey,
        /// For an increment: the payment that it adds to, which is then the one that counts.
        increments: Option<PaymentRef>,
        /// How it ended.
        outcome: RecordedOutcome,
    },
    /// The hold becomes this much smaller (partial reversal).
    Reduced {
        /// The payment whose hold it is.
        payment: PaymentRef,
        /// By how much.
        by: Money,
        /// The same in the merchant's currency, where that is another one and told.
        original: Option<Money>,
    },
    /// The hold becomes this total (advice), larger or smaller.
    Replaced {
        /// The payment whose hold it is.
        payment: PaymentRef,
        /// The new total of what has been authorized; what was captured already counts towards it.
        total: Money,
    },
    /// Nothing more will be captured: what is still held is free again, what was debited ahead of its capture comes back.
    Released {
        /// The payment whose hold it is.
        payment: PaymentRef,
        /// Why.
        cause: ReleaseCause,
    },
    /// The merchant takes money (clearing). Always posts in full; an unknown payment makes it a force post.
    Captured {
        /// The payment; `None` for a force post, which never had an authorization.
        payment: Option<PaymentRef>,
        /// How much.
        amount: Money,
        /// Whether more may come.
        finality: Finality,
    },
    /// A single message was completed. Debited at its decision already, it moves nothing; never decided here, it posts.
    Completed {
        /// The payment.
        payment: PaymentRef,
        /// How much.
        amount: Money,
    },
    /// Money comes to the account.
    Credited {
        /// The payment it belongs to, where the platform links it.
        payment: Option<PaymentRef>,
        /// How much.
        amount: Money,
        /// Where it comes from.
        cause: MovementCause,
    },
    /// Money leaves the account without a card being presented: a reversed credit, a fee, an adjustment.
    Debited {
        /// The payment it belongs to, where the platform links it.
        payment: Option<PaymentRef>,
        /// How much.
        amount: Money,
        /// Where it goes.
        cause: MovementCause,
    },
    /// A card exists, with this status (and this account, where the teller knows it).
    Card {
        /// The card.
        card: CardToken,
        /// Its status from now on.
        status: CardStatus,
    },
    /// A cardholder exists, with this status.
    Cardholder {
        /// The cardholder.
        cardholder: CardholderToken,
        /// Their status from now on.
        status: CardholderStatus,
    },
    /// An account's status from now on.
    Account {
        /// The account.
        account: AccountId,
        /// Its status.
        status: AccountStatus,
    },
    /// The platform announces a settlement (Apto's daily event). Recorded for reconciliation; moves nothing.
    SettlementAnnounced {
        /// What it says is due, negative if it is due to us.
        total: Money,
    },
}

impl Fact {
    /// The payment whose hold it concerns, and the increment's own name where it is about one.
    #[must_use]
    pub const fn payments(&self) -> (Option<&PaymentRef>, Option<&PaymentRef>) {
        match self {
            Fact::Recorded { payment, increments: Some(original), .. } => (Some(original), Some(payment)),
            Fact::Recorded { payment, increments: None, .. }
            | Fact::Reduced { payment, .. }
            | Fact::Replaced { payment, .. }
            | Fact::Released { payment, .. }
            | Fact::Completed { payment, .. } => (Some(payment), None),
            Fact::Captured { payment, .. } | Fact::Credited { payment, .. } | Fact::Debited { payment, .. } => {
                (payment.as_ref(), None)
            }
            Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } | Fact::SettlementAnnounced { .. } => (None, None),
        }
    }

    /// How much of what its account shows it may take at most, whatever is held already.
    #[must_use]
    pub const fn takes_at_most(&self) -> Option<Money> {
        match *self {
            Fact::Captured { amount, .. }
            | Fact::Completed { amount, .. }
            | Fact::Replaced { total: amount, .. }
            | Fact::Debited { amount, .. } => Some(amount),
            Fact::Recorded { outcome, .. } => match outcome {
                RecordedOutcome::Approved { amount } | RecordedOutcome::ApprovedByStandIn { amount, .. } => Some(amount),
                RecordedOutcome::Declined => None,
            },
            Fact::Reduced { .. }
            | Fact::Released { .. }
            | Fact::Credited { .. }
            | Fact::Card { .. }
            | Fact::Cardholder { .. }
            | Fact::Account { .. }
            | Fact::SettlementAnnounced { .. } => None,
        }
    }

    /// Whether less of a payment may be there after it than before.
    #[must_use]
    pub const fn lessens(&self) -> bool {
        match self {
            Fact::Recorded { outcome, increments, .. } => matches!(outcome, RecordedOutcome::Declined) && increments.is_none(),
            Fact::Reduced { .. } | Fact::Replaced { .. } | Fact::Released { .. } | Fact::Completed { .. } => true,
            Fact::Captured { finality, .. } => matches!(finality, Finality::Final),
            Fact::Credited { .. }
            | Fact::Debited { .. }
            | Fact::Card { .. }
            | Fact::Cardholder { .. }
            | Fact::Account { .. }
            | Fact::SettlementAnnounced { .. } => false,
        }
    }

    /// Whether it may move, hold or free anybody's money.
    #[must_use]
    pub const fn is_about_money(&self) -> bool {
        match self {
            Fact::Recorded { .. }
            | Fact::Reduced { .. }
            | Fact::Replaced { .. }
            | Fact::Released { .. }
            | Fact::Completed { .. }
            | Fact::Captured { .. }
            | Fact::Credited { .. }
            | Fact::Debited { .. } => true,
            Fact::Card { .. } | Fact::Cardholder { .. } | Fact::Account { .. } | Fact::SettlementAnnounced { .. } => false,
        }
    }

    /// What it says of a card's, an owner's or an account's standing, if that is what it is about.
    #[must_use]
    pub const fn standing(&self) -> Option<StandingOf> {
        match *self {
            Fact::Card { card, status } => Some(StandingOf::Card(card, status)),
            Fact::Cardholder { cardholder, status } => Some(StandingOf::Cardholder(cardholder, status)),
            Fact::Account { account, status } => Some(StandingOf::Account(account, status)),
            Fact::Recorded { .. }
            | Fact::Reduced { .. }
            | Fact::Replaced { .. }
            | Fact::Released { .. }
            | Fact::Captured { .. }
            | Fact::Completed { .. }
            | Fact::Credited { .. }
            | Fact::Debited { .. }
            | Fact::SettlementAnnounced { .. } => None,
        }
    }
}

impl StandingOf {
    /// Whether nothing may be authorized with it.
    #[must_use]
    pub const fn bars(self) -> bool {
        match self {
            StandingOf::Card(_, status) => status.bar().is_some(),
            StandingOf::Cardholder(_, status) => status.bar().is_some(),
            StandingOf::Account(_, status) => status.bar().is_some(),
        }
    }
}

/// Whose standing is told, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingOf {
    /// A card's.
    Card(CardToken, CardStatus),
    /// A cardholder's.
    Cardholder(CardholderToken, CardholderStatus),
    /// An account's.
    Account(AccountId, AccountStatus),
}

/// How an authorization ended, by the platform's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordedOutcome {
    /// As approved by us, for this much in total under this key. Under one that we were not asked by, of the payment as a whole by then: so much
    /// is held of it at least, what we approved included.
    Approved {
        /// How much the platform holds for it.
        amount: Money,
    },
    /// Approved by someone who stood in for us: booked unconditionally.
    ApprovedByStandIn {
        /// How much the platform holds for it.
        amount: Money,
        /// How it leaves the account.
        posting: crate::authorization::Posting,
    },
    /// Declined, by us or by anyone; nothing may be held for it.
    Declined,
}

/// Whether a payment can be captured again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finality {
    /// The platform said that this is the last one: the rest of the hold is free.
    Final,
    /// More may come; the rest stays held.
    More,
}

/// Why a hold ends without being captured in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReleaseCause {
    /// The merchant or the acquirer reversed it.
    Reversed,
    /// The platform let it expire.
    Expired,
    /// An operator, or the program through a door of ours, released it.
    Operator,
    /// The platform says that it was declined.
    Declined,
    /// The platform never told how it ended.
    SafetyTimer,
}

/// What a movement is balanced against: every posted amount has a counter-entry by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MovementCause {
    /// Purchases, refunds and cash that a network settles. The only cause that is settlement due.
    NetworkSettlement,
    /// Loads, imports, direct deposits and manual entries.
    Funding,
    /// Fees of the program or the platform.
    Fee,
    /// Chargebacks, their reversals and provisional credit.
    Dispute,
    /// What stand-in approved and nobody repaid.
    StandInLoss,
}

/// What a program orders about a payment whose life is ours to lead. It is asked, not told: it can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Take money; never more than authorized and tolerated.
    Capture {
        /// How much.
        amount: Money,
        /// Whether it is the last time.
        finality: Finality,
    },
    /// Let go of what is held.
    Release,
    /// Give money back; never more than was captured, or debited at the decision, less what was given back.
    Refund {
        /// How much.
        amount: Money,
    },
}

/// The answer that a platform heard, as the ledger must make it true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToldAnswer {
    /// It heard yes, for this much.
    Approved {
        /// How much.
        amount: Money,
    },
    /// It heard no.
    Declined {
        /// Why.
        reason: DeclineReason,
    },
}

impl ToldAnswer {
    /// As whoever decides says it.
    #[must_use]
    pub const fn decision(self) -> Decision {
        match self {
            ToldAnswer::Approved { amount } => Decision::Approve { amount },
            ToldAnswer::Declined { reason } => Decision::Decline { reason },
        }
    }
}
