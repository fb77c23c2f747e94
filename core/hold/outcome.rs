//! What an event did, as plain values: an engine stores it, the journal records it, replay compares it.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::account::{AccountStatus, CardStatus, CardholderStatus};
use super::event::MovementCause;
use super::life::{Hold, Step};
use super::state::{Answered, Counted, Mark};
use crate::decision::{Basis, Decision};
use crate::rules::{LIMITS_MAX, Way};

/// What an event did to its slice. Applying it again to the same slice is the engine's write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// For asked events and orders: what to answer, and why.
    pub decision: Option<(Decision, Basis)>,
    /// The key's new answer, where it has one now that it had not.
    pub answered: Option<Answered>,
    /// What was added to the account's posted amount, in minor units.
    pub posted: i64,
    /// What was added to the account's held amount, in minor units.
    pub held: i64,
    /// What `posted` is balanced against; there is one exactly when `posted` is not zero.
    pub cause: Option<MovementCause>,
    /// What becomes part of the payment's steps.
    pub step: Option<Step>,
    /// What stands of the payment now: with every step, and where the payment is known by one more name from now on.
    pub hold: Option<Hold>,
    /// What limits counted more, or less.
    pub counted: SmallVec<[Counted; LIMITS_MAX]>,
    /// What now stands differently, and by which message.
    pub standing: Option<(Standing, Mark)>,
    /// What somebody should know about it.
    pub finding: Option<Finding>,
    /// Of several ways the one that an approval took. Recorded on a line of its own.
    #[serde(skip)]
    pub way: Option<Way>,
}

/// A change of standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The card's status; a card that was unknown is known from now on.
    Card(CardStatus),
    /// The cardholder's.
    Cardholder(CardholderStatus),
    /// The account's.
    Account(AccountStatus),
}

/// What somebody should know about an applied event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Finding {
    /// The same message came before; nothing was done.
    HeardBefore,
    /// The same key came with other content; nothing was done.
    Conflict,
    /// Nobody knows the payment: what was told about its hold moved nothing.
    PaymentUnknown,
    /// Debited without an authorization of ours.
    ForcePosted,
    /// More was captured than authorized.
    CapturedAboveAuthorized,
    /// Captured although its hold was over.
    CapturedAfterEnd,
    /// The platform recorded another outcome than ours; its word was adopted.
    AdoptedOverOurs,
    /// The subject leads to no account: kept, and moved nothing.
    AccountUnknown,
    /// In another currency than the account: kept, and moved nothing.
    CurrencyMismatch,
    /// Beyond what can be counted: kept, and moved nothing.
    AmountTooLarge,
    /// A retry was told no without the ledger, but the question had been told yes before: that stays.
    ApprovedBefore,
    /// A newer message told of this standing before: nothing was changed.
    Superseded,
    /// The platform never told how the payment ended: what it held was released after the longest time.
    NeverEnded,
}

impl Finding {
    /// Whether what was told is kept and moved nothing, so that somebody has to look: whose money it is, or which, is not clear.
    #[must_use]
    pub const fn is_not_booked(self) -> bool {
        match self {
            Finding::PaymentUnknown | Finding::AccountUnknown | Finding::CurrencyMismatch | Finding::AmountTooLarge => true,
            Finding::HeardBefore
            | Finding::Conflict
            | Finding::ForcePosted
            | Finding::CapturedAboveAuthorized
            | Finding::CapturedAfterEnd
            | Finding::AdoptedOverOurs
            | Finding::ApprovedBefore
            | Finding::Superseded
            | Finding::NeverEnded => false,
        }
    }

    /// As listings write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Finding::HeardBefore => "heard_before",
            Finding::Conflict => "conflict",
            Finding::PaymentUnknown => "payment_unknown",
            Finding::ForcePosted => "force_posted",
            Finding::CapturedAboveAuthorized => "captured_above_authorized",
            Finding::CapturedAfterEnd => "captured_after_end",
            Finding::AdoptedOverOurs => "adopted_over_ours",
            Finding::AccountUnknown => "account_unknown",
            Finding::CurrencyMismatch => "currency_mismatch",
            Finding::AmountTooLarge => "amount_too_large",
            Finding::ApprovedBefore => "approved_before",
            Finding::Superseded => "superseded",
            Finding::NeverEnded => "never_ended",
        }
    }
}

impl Outcome {
    /// Nothing happened, and this is why.
    #[must_use]
    pub fn nothing(finding: Finding) -> Self {
        Outcome { finding: Some(finding), ..Outcome::default() }
    }
}
