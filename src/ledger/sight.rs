//! Looking at a ledger without asking it: what stand-in knows of a card, its account and a key while the ledger cannot answer.
//! A look never waits for a disk, and changes nothing.

use holdfast_core::hold::{Answered, LimitUse, Retold};
use holdfast_core::stand_in::Snapshot;
use holdfast_core::{AccountId, CardholderToken, Decision};

/// What a look comes to.
#[expect(clippy::large_enum_variant, reason = "it lives on the stack for one look, and is nearly always the large one")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Glimpse {
    /// Whoever works on what is looked at has it: look again in a moment.
    Busy,
    /// There is nothing to look at: the ledger is starting, or has no memory of its own.
    #[default]
    Nothing,
    /// This is how it was.
    Seen(Seen),
}

/// What limits have counted, as far as that is to be seen without asking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Counted {
    /// Whoever works on it has it: look again in a moment. What was spent is not known.
    Busy,
    /// There is nothing to look at: the ledger is starting, or has no memory of its own.
    #[default]
    Never,
    /// This is how much, in the order of the limits.
    Seen(Vec<LimitUse>),
}

/// Whose money an event is about, as far as that is to be seen without asking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MoneyOf {
    /// Whoever works on what is looked at has it: look again in a moment.
    Busy,
    /// Nobody can tell.
    #[default]
    NotSeen,
    /// This account's.
    Account(AccountId, Covered),
}

/// How much of it the balance that is seen has in it already, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Covered {
    /// By what its payment is known from others of the account, where that is seen.
    pub payment: Option<u128>,
    /// By what it is known besides, as one of which something was approved that the ledger has yet to hear.
    pub besides: Option<u128>,
    /// What is held of it, or was debited ahead of its completion.
    pub held: i64,
    /// What was authorized of it, and may still be captured or was; of one that is over, what was captured.
    pub authorized: i64,
    /// What was approved of it to the question that the event records as ended.
    pub asked: i64,
}

/// What was seen around one question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The card and its account, as if this very question had not been asked yet.
    pub snapshot: Snapshot,
    /// What was answered to the question's key.
    pub answered: Option<Answered>,
    /// What is said to it again, where the platform had a word on its payment.
    pub again: Option<Decision>,
    /// What was heard of its payment, where that is there.
    pub retold: Option<Retold>,
    /// Whether that lasts.
    pub lasts: Lasts,
    /// Whether there may be an answer that a look does not reach.
    pub longer_ago: LongerAgo,
    /// Whose the card is, as far as anybody told.
    pub owner: Option<CardholderToken>,
    /// For how much the payment that it names was opened before, in minor units; 0 if it is not there, or over.
    pub stands: i64,
    /// What the ledger says to it by what it heard of the payment before, whatever rules, limits and funds think; nothing where they decide.
    pub by_word: Option<Decision>,
}

/// Whether an answer that is seen is durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lasts {
    /// Yes, or it is a decline.
    #[default]
    Yes,
    /// An approval on its way to the disk: a crash may take it away, and nobody has heard it.
    NotYet,
}

/// Whether a question's key may have been answered longer ago than a look reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LongerAgo {
    /// Certainly not, or the answer is seen.
    #[default]
    No,
    /// It was, or looks as if it was: where it is kept is not looked at.
    Perhaps,
}
