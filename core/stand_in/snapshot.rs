//! What is known without the ledger, as of when: read from memory at the moment of the question.

use crate::hold::{AccountStatus, CardStatus, CardholderStatus};
use crate::ids::AccountId;
use crate::money::Money;
use crate::time::Timestamp;

use super::counters::LetGo;

/// Something that may have been looked at or not, and may be there or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sight<T> {
    /// Nobody could look: whether it is there is not known.
    #[default]
    NotSeen,
    /// It is not there.
    Absent,
    /// It is there, and this is how it was.
    Seen(T),
}

/// A card as last known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardSight {
    /// Its status.
    pub status: CardStatus,
    /// Its owner's; active where nobody ever told.
    pub cardholder: CardholderStatus,
    /// When both were so, at the latest: their age counts from here.
    pub as_of: Timestamp,
    /// When the card was first heard of; `None` where that is not known.
    pub since: Option<Timestamp>,
    /// Whether something was ever approved for it.
    pub used: Acquaintance,
}

/// An account as last known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountSight {
    /// Its name: what caps per account count by.
    pub id: AccountId,
    /// Its status.
    pub status: AccountStatus,
    /// What could be spent then: posted less held, and the credit line. What stand-in approved since is not in it.
    pub available: Money,
    /// When that was so, at the latest.
    pub as_of: Timestamp,
    /// How much of what stand-in approved was let go of by then: what is let go of since, `available` does not have in it. `None` where nothing
    /// is let go of meanwhile.
    pub let_go: Option<LetGo>,
}

/// Whether two have met before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Acquaintance {
    /// They have.
    Known,
    /// They have not.
    New,
    /// That is not known.
    #[default]
    NotKnown,
}

/// Whether what a question would add to is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddsTo {
    /// A payment that was approved, and is neither over nor taken back, as far as anything tells.
    Open,
    /// One that was approved; but a message that the ledger has yet to hear ends or lessens one of the same card or cardholder: by which of
    /// its names it may be this one, only the ledger knows.
    Perhaps,
    /// That is not known.
    #[default]
    NotKnown,
}

/// What is known around one question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The card; where the platform names only its owner, a card that is as the owner is.
    pub card: Sight<CardSight>,
    /// The account behind it.
    pub account: Sight<AccountSight>,
    /// Whether the card has paid this merchant before.
    pub merchant: Acquaintance,
    /// Of an increment, the payment that it adds to.
    pub adds_to: AddsTo,
}
