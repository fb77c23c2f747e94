//! Looking at a ledger without asking it: what stand-in knows of a card, its account and a key while the ledger cannot answer.
//! A look never waits for a disk, and changes nothing.

use holdfast_core::hold::{Answered, LimitUse, ToldAnswer, ToldEvent};
use holdfast_core::stand_in::{Acquaintance, AddsTo, Sight, Snapshot};
use holdfast_core::{AccountId, CardholderToken, Decision, Money};

use super::{Act, Adopt, Origin};

/// What a look comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Glimpse<T = Seen> {
    /// Whoever works on what is looked at has it: look again in a moment.
    Busy,
    /// There is nothing to look at: the ledger is starting, or has no memory of its own.
    #[default]
    Nothing,
    /// This is how it was.
    Seen(T),
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
    Account(AccountId),
}

/// Something that the ledger has yet to hear.
#[derive(Debug, Clone)]
pub enum ToHear {
    /// An answer that a platform heard without it.
    Answer(Box<Adopt>),
    /// A fact that a platform told.
    Fact(Origin, Box<ToldEvent>),
}

impl ToHear {
    /// How it hears that.
    #[must_use]
    pub fn act(&self) -> Act {
        match self {
            ToHear::Answer(adopt) => Act::Adopt(Adopt::clone(adopt)),
            ToHear::Fact(origin, event) => Act::Tell(*origin, **event),
        }
    }

    /// The fact, if it is one.
    #[must_use]
    pub fn into_fact(self) -> Option<(Origin, Box<ToldEvent>)> {
        match self {
            ToHear::Answer(_) => None,
            ToHear::Fact(origin, event) => Some((origin, event)),
        }
    }
}

/// What is not in what is seen ahead, as nobody can tell without the ledger what it comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How much of it there is.
    pub count: usize,
    /// How much of an account's money it may take at most, in minor units.
    pub takes: i64,
}

impl LeftOut {
    /// This, too.
    pub fn add(&mut self, one: &ToHear) {
        self.count = self.count.saturating_add(1);
        self.takes = self.takes.saturating_add(match one {
            ToHear::Answer(adopt) => match adopt.told {
                ToldAnswer::Approved { amount } => amount.minor().max(0),
                ToldAnswer::Declined { .. } => 0,
            },
            ToHear::Fact(_, event) => event.fact.takes_at_most().map_or(0, Money::minor).max(0),
        });
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: LeftOut) -> LeftOut {
        LeftOut { count: self.count.saturating_add(other.count), takes: self.takes.saturating_add(other.takes) }
    }
}

/// What will be seen around one question once the ledger has heard what waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead {
    /// What can be spent of its account; nothing where that is not seen.
    pub available: Option<Money>,
    /// Of an increment, whether what it adds to is there.
    pub adds_to: AddsTo,
    /// What the question hears again, where the platform had a word on its payment.
    pub again: Option<Decision>,
    /// For how much the payment that it names was opened, in minor units; 0 if it is not there, or over.
    pub stands: i64,
    /// What the ledger will say to it by the platform's word; nothing where rules, limits and funds decide.
    pub by_word: Option<Decision>,
    /// Whether its card was used before.
    pub used: Acquaintance,
    /// Whether the card paid its merchant before.
    pub merchant: Acquaintance,
    /// What of it is not in this.
    pub left_out: LeftOut,
}

impl Ahead {
    /// Where nothing waits that is about it, but for what is left out.
    #[must_use]
    pub fn of(seen: &Seen, left_out: LeftOut) -> Self {
        let available = match seen.snapshot.account {
            Sight::Seen(account) => Some(account.available),
            Sight::NotSeen | Sight::Absent => None,
        };
        let used = match seen.snapshot.card {
            Sight::Seen(card) => card.used,
            Sight::NotSeen | Sight::Absent => Acquaintance::NotKnown,
        };
        let Seen { snapshot: Snapshot { adds_to, merchant, .. }, again, stands, by_word, .. } = *seen;
        Ahead { available, adds_to, again, stands, by_word, used, merchant, left_out }
    }
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
