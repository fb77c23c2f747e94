//! The life of one payment's hold, as the fold of its steps.
//!
//! A hold is never patched: whatever is asked or told about a payment becomes a [`Step`], the steps are put in their own
//! order (not that of their arrival, see `steps`), and `fold` says what stands after them. What an event does to an account
//! is the difference of two folds. That a message comes twice, late, or before the one that it follows can therefore not
//! matter: nothing here knows in what order steps came.

mod fold;
mod steps;

use serde::{Deserialize, Serialize};

use super::event::{Finality, MovementCause, ReleaseCause};
use crate::authorization::Posting;
use crate::ids::{AuthorizationId, IdempotencyKey};
use crate::money::Money;
use crate::time::Timestamp;

pub(super) use fold::{Overflow, captured_of, fold, has_ended, kept};
pub(super) use steps::Steps;
pub use steps::{Seat, ends_at, put, seat};

/// Names a step within its payment: a digest of its key. Not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId(pub u64);

impl StepId {
    /// The name of the step that a question or an order with this key makes. The same in every process and version.
    #[must_use]
    pub fn of(key: &IdempotencyKey) -> Self {
        StepId::digest(&[key.as_str()])
    }

    /// The name of the step that a told message makes: platforms use the key of a question again for what they tell of it.
    #[must_use]
    pub fn of_message(key: &IdempotencyKey) -> Self {
        // No key begins with a zero byte, so that no question has a message's name.
        StepId::digest(&["\0", key.as_str()])
    }

    /// The name of the step that an increment makes which has a transaction of its own: half of it is the transaction's.
    pub(super) fn of_increment(transaction: &AuthorizationId, key: &IdempotencyKey) -> Self {
        // No key, and no message, begins with these.
        let (StepId(transaction), StepId(key)) = (StepId::digest(&["\0\0", transaction.as_str()]), StepId::of(key));
        StepId((transaction & StepId::TRANSACTION) | (key & !StepId::TRANSACTION))
    }

    /// Whether both are of one transaction's increment ([`StepId::of_increment`]).
    pub(super) const fn is_of_transaction_of(self, other: StepId) -> bool {
        (self.0 ^ other.0) & StepId::TRANSACTION == 0
    }

    /// Whether both are of questions under one key, whatever transaction an increment has.
    pub(super) const fn is_of_key_of(self, other: StepId) -> bool {
        (self.0 ^ other.0) & !StepId::TRANSACTION == 0
    }

    const TRANSACTION: u64 = 0xffff_ffff_0000_0000;

    fn digest(parts: &[&str]) -> Self {
        use std::hash::Hasher as _;
        // The key of the hash is a constant of the journal's format.
        let mut hasher = siphasher::sip::SipHasher13::new_with_keys(0x486f_6c64_6661_7374, 0x5374_6570);
        parts.iter().for_each(|part| hasher.write(part.as_bytes()));
        StepId(hasher.finish())
    }
}

/// One thing that happened to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name; a payment has each name once.
    pub id: StepId,
    /// When, by the platform's clock; where it does not tell, when it arrived.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

impl Step {
    /// The question that opened the payment by this step: by our approval, or by the platform's word.
    pub(super) const fn opens(&self) -> Option<StepId> {
        self.of_role(Role::Opening)
    }

    /// The question that added to the payment by this step.
    pub(super) const fn adds(&self) -> Option<StepId> {
        self.of_role(Role::Increment)
    }

    const fn of_role(&self, wanted: Role) -> Option<StepId> {
        let (question, role) = match self.what {
            What::Placed(Placement { amount: 0, .. }) => return None,
            What::Placed(Placement { role, .. }) => (self.id, role),
            What::Recorded { asked, role, .. } => (asked, role),
            What::Reduced { .. } | What::Totalled { .. } | What::Released { .. } | What::Captured { .. } | What::Moved { .. } => {
                return None;
            }
        };
        match (role, wanted) {
            (Role::Opening, Role::Opening) | (Role::Increment, Role::Increment) => Some(question),
            (Role::Opening, Role::Increment) | (Role::Increment, Role::Opening) => None,
        }
    }

    /// Whether it is an approval that nobody heard.
    pub(super) const fn is_unheard(&self) -> bool {
        matches!(self.what, What::Placed(Placement { amount: 0, .. }))
    }

    /// Whether the platform says by this step that the question added to the payment.
    pub(super) fn says_added(&self, question: StepId) -> bool {
        matches!(self.what, What::Recorded { .. }) && self.adds() == Some(question)
    }
}

/// What happened to a payment. Amounts in minor units of the account's currency, never negative unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// We approved, or told that we did.
    Placed(Placement),
    /// The platform recorded how a question ended that it asked, or would have asked, under this name.
    Recorded {
        /// The question.
        asked: StepId,
        /// Whether it opened the payment or added to it.
        role: Role,
        /// How it ended.
        word: Word,
    },
    /// Less is wanted than was authorized.
    Reduced {
        /// By how much.
        by: i64,
        /// The same in the merchant's currency, where told: a reversal in full is in full whatever the rate is now.
        original: Option<Money>,
    },
    /// So much is authorized in total, whatever was before.
    Totalled {
        /// How much; what was captured counts towards it.
        total: i64,
    },
    /// Nothing more will be captured.
    Released {
        /// Why.
        cause: ReleaseCause,
    },
    /// The merchant took money.
    Captured {
        /// How much.
        amount: i64,
        /// Whether it was the last time.
        finality: Finality,
    },
    /// Money moved that belongs to the payment and is not its capture: a refund, a chargeback, a fee.
    Moved {
        /// How much; negative if it left the account.
        amount: i64,
        /// What it is balanced against.
        cause: MovementCause,
    },
}

/// What we approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// How much. Zero undoes it: the answer was an approval that nobody heard.
    pub amount: i64,
    /// Held on top, for a tip or a rate that moves; nobody's to capture as of right.
    pub extra: i64,
    /// How much more than authorized may be captured without a word.
    pub tolerance: i64,
    /// How it leaves the account.
    pub posting: Posting,
    /// Whether it opened the payment or added to it.
    pub role: Role,
    /// How many transactions it is for limits on their number.
    pub transactions: u8,
    /// When it is released if nobody says anything.
    pub expires_at: Option<Timestamp>,
    /// The amount in the merchant's currency, where that is another one.
    pub original: Option<Money>,
}

/// What a question is to its payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// It opens it. Openings come first, whatever their time: a platform's clock may be behind ours.
    Opening,
    /// It adds to it: an increment, or another question about a payment that we opened before. Asked, it lies after everything
    /// that was known then.
    Increment,
}

/// How a question ended, by the platform's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// Approved by us.
    Approved {
        /// For how much.
        amount: i64,
    },
    /// Approved in our stead.
    StoodIn {
        /// For how much.
        amount: i64,
        /// How it leaves the account.
        posting: Posting,
    },
    /// Declined, by anyone.
    Declined,
}

impl Word {
    /// How much it says was approved.
    pub(in crate::hold) const fn approves(self) -> Option<i64> {
        match self {
            Word::Approved { amount } | Word::StoodIn { amount, .. } => Some(amount),
            Word::Declined => None,
        }
    }
}

/// What stands after a payment's steps. Amounts in minor units of the account's currency, never negative unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// How approved amounts leave the account.
    pub posting: Posting,
    /// Where in its one life it is.
    pub status: HoldStatus,
    /// What is authorized in total, captures included, reversals taken off.
    pub authorized: i64,
    /// What is held now.
    pub held: i64,
    /// What was debited at the decision and waits for its completion ([`Posting::Immediate`]).
    pub ahead: i64,
    /// What was captured.
    pub captured: i64,
    /// What of it came back by refunds.
    pub refunded: i64,
    /// What else moved, negative if it left the account; refunds included.
    pub moved: i64,
    /// How much more than authorized may be captured without a word.
    pub tolerance: i64,
    /// When it is released if nobody says anything.
    pub expires_at: Option<Timestamp>,
}

/// Where a hold is in its one life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HoldStatus {
    /// Told of, and never placed, or by an approval that nobody heard.
    Unplaced,
    /// More may be captured.
    Open,
    /// Captured to the end, or debited at its decision.
    Captured,
    /// Reversed, declined after all, or released by an operator.
    Released,
    /// Nobody captured it in time.
    Expired,
}

impl HoldStatus {
    /// All of them, in the order of declaration.
    pub const ALL: [HoldStatus; 5] =
        [HoldStatus::Unplaced, HoldStatus::Open, HoldStatus::Captured, HoldStatus::Released, HoldStatus::Expired];

    /// As listings write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            HoldStatus::Unplaced => "unplaced",
            HoldStatus::Open => "open",
            HoldStatus::Captured => "captured",
            HoldStatus::Released => "released",
            HoldStatus::Expired => "expired",
        }
    }
}

impl Hold {
    /// What a payment is that nobody has said anything about.
    pub const NONE: Hold = Hold {
        posting: Posting::Hold,
        status: HoldStatus::Unplaced,
        authorized: 0,
        held: 0,
        ahead: 0,
        captured: 0,
        refunded: 0,
        moved: 0,
        tolerance: 0,
        expires_at: None,
    };

    /// What it has done to the account's posted amount so far.
    ///
    /// Wide, so that the difference of two is exact.
    #[must_use]
    pub fn effect(&self) -> i128 {
        i128::from(self.moved).saturating_sub(i128::from(self.captured)).saturating_sub(i128::from(self.ahead))
    }

    /// What of the payment was spent, or may still be; what was held on top is nobody's spending.
    #[must_use]
    pub fn spoken_for(&self) -> i64 {
        if self.is_under_way() { self.authorized.max(self.captured) } else { self.captured }
    }

    /// Whether it may be added to, or captured, as of right.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        matches!(self.status, HoldStatus::Open) || self.ahead > 0
    }
}
