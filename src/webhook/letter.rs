//! Letters: events that could not be told at once, and what one turn changes about them. Values only; [`outbox`](super::outbox) and
//! [`shared`](super::shared) keep them.

use holdfast_core::Timestamp;

use super::event::EventKind;

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// From where reading has to begin to meet it: its number in a journal's file, its transaction in a database.
    pub place: i64,
    /// Its number.
    pub record: i64,
}

impl Spot {
    /// A record of a journal's file.
    #[must_use]
    pub const fn of(record: i64) -> Self {
        Spot { place: record, record }
    }
}

/// What a letter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A record of the journal.
    Record(Spot),
    /// A signal, by its number.
    Signal(i64),
}

/// What becomes of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is sent when it is due.
    Waiting,
    /// It was refused too often.
    Dead,
}

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its number.
    pub id: i64,
    /// To whom.
    pub endpoint: String,
    /// About what.
    pub source: Source,
    /// The event's name.
    pub event: String,
    /// What it is about.
    pub kind: EventKind,
    /// What it waits its turn in.
    pub sequence: u64,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next.
    pub next_at: Timestamp,
    /// Since when it waits.
    pub since: Timestamp,
    /// Why it was not taken the last time; empty if it was not sent yet.
    pub problem: String,
    /// Whether it waits.
    pub standing: Standing,
}

impl Letter {
    /// The [`next_at`](Letter::next_at) of one that an operator wants sent: it is tried at once, also where its endpoint takes nothing.
    pub const ASKED_FOR: Timestamp = Timestamp::EPOCH;

    /// Whether an operator wants it sent.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        self.next_at == Letter::ASKED_FOR
    }
}

/// What became of an operator's wish that a letter be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It is due.
    Due,
    /// Another one of its payment waits before it: that letter's number.
    Behind(i64),
    /// There is no such letter.
    Unknown,
}

/// A letter to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLetter {
    /// About what.
    pub source: Source,
    /// The event's name.
    pub event: String,
    /// What it is about.
    pub kind: EventKind,
    /// What it waits its turn in.
    pub sequence: u64,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next.
    pub next_at: Timestamp,
    /// Why it was not taken.
    pub problem: String,
}

/// How far an endpoint has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Where its next record is to be looked for, as [`Spot::place`].
    pub next: i64,
    /// The last signal; in a database, the transaction from which on signals are to be told.
    pub signal: i64,
}

/// Records that somebody wants sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// Its number.
    pub id: i64,
    /// The next of them,
    pub next: i64,
    /// and the last.
    pub last: i64,
}

impl Replay {
    /// The first and the last record of a replay of none: what an operator leaves to whoever tells the endpoint, once it took a test.
    pub const OF_NOTHING: (i64, i64) = (1, 0);
}

/// What one transaction changes for an endpoint.
#[derive(Debug, Default)]
pub struct Changes {
    /// How far it has been told now.
    pub cursor: Option<Cursor>,
    /// Letters that come.
    pub written: Vec<NewLetter>,
    /// Letters that were taken.
    pub delivered: Vec<i64>,
    /// Letters that were refused once more: attempts so far, when they are sent next, and why.
    pub refused: Vec<(i64, u32, Timestamp, String)>,
    /// How far a replay has come.
    pub replayed: Option<Replay>,
}

impl Changes {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cursor.is_none()
            && self.written.is_empty()
            && self.delivered.is_empty()
            && self.refused.is_empty()
            && self.replayed.is_none()
    }
}
