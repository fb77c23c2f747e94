//! Where an endpoint's events come from, and where its place and its letters are kept: the files of this responder, or the shared
//! ledger's database. One or the other, and the courier does not know which.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use holdfast_core::Timestamp;

use super::beside::Beside;
use super::event::Event;
use super::feed::Subscription;
use super::letter::{Changes, Cursor, Letter, Replay, Spot};
use super::outbox::OutboxError;
use super::shared::Shared;
use crate::journal::JournalError;
use crate::ledger::postgres::trouble::Trouble as DatabaseTrouble;
use crate::remnant::Reader;

/// Why a turn could not be done.
#[derive(Debug)]
pub enum Trouble {
    /// The journal.
    Journal(JournalError),
    /// The outbox.
    Outbox(OutboxError),
    /// The database.
    Database(DatabaseTrouble),
    /// Another responder tells the endpoint by now.
    NotOurs,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Journal(error) => error.fmt(f),
            Trouble::Outbox(error) => error.fmt(f),
            Trouble::Database(trouble) => trouble.fmt(f),
            Trouble::NotOurs => f.write_str("another responder tells it by now"),
        }
    }
}

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        Trouble::Journal(error)
    }
}

impl From<OutboxError> for Trouble {
    fn from(error: OutboxError) -> Self {
        Trouble::Outbox(error)
    }
}

impl From<DatabaseTrouble> for Trouble {
    fn from(trouble: DatabaseTrouble) -> Self {
        Trouble::Database(trouble)
    }
}

/// What to do about trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterTrouble {
    /// Wait, and go on with what is on its way.
    GoOn,
    /// Leave it, and begin anew from what is kept: what became of the last change is not known, or somebody else tells the endpoint.
    BeginAnew,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Portion {
    /// Signals that are wanted, each with its number: told before the events.
    pub signals: Vec<(i64, Event)>,
    /// How far signals are read now.
    pub signals_to: i64,
    /// Events that are wanted, each with its record, in the order of every payment's.
    pub events: Vec<(Spot, Event)>,
    /// Where reading goes on.
    pub next: i64,
    /// Records that are not there any more, if the place was before them.
    pub dropped: Option<i64>,
}

impl Portion {
    /// Nothing, behind a place.
    #[must_use]
    pub fn nothing(from: Cursor) -> Self {
        Portion { next: from.next, signals_to: from.signal, ..Portion::default() }
    }
}

/// One or the other.
pub enum Store {
    /// Files beside the embedded ledger, or beside a responder's own stand-in.
    Beside(Beside),
    /// The shared ledger's database.
    Shared(Shared),
}

impl Store {
    /// How far the endpoint was told, and how many letters wait in each sequence.
    ///
    /// # Errors
    /// The disk, or the database.
    pub async fn begin(&mut self) -> Result<(Cursor, HashMap<u64, u32>), Trouble> {
        match self {
            Store::Beside(beside) => beside.begin(),
            Store::Shared(shared) => shared.begin().await,
        }
    }

    /// Makes sure that the endpoint is still ours to tell.
    ///
    /// # Errors
    /// It is not, or the database does not say.
    pub async fn keep(&mut self) -> Result<(), Trouble> {
        match self {
            Store::Beside(_) => Ok(()),
            Store::Shared(shared) => shared.keep().await,
        }
    }

    /// Whether the endpoint is ours to tell at this moment.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        match self {
            Store::Beside(_) => true,
            Store::Shared(shared) => shared.is_ours(),
        }
    }

    /// What comes next: signals, and then events of records, of a journal's file up to record `last`.
    ///
    /// # Errors
    /// The disk, the database, or damage.
    pub async fn read(&mut self, from: Cursor, last: i64, subscription: &Subscription) -> Result<Portion, Trouble> {
        match self {
            Store::Beside(beside) => beside.read(from, last, subscription),
            Store::Shared(shared) => shared.read(from, subscription).await,
        }
    }

    /// Some events of a replay, and where it goes on.
    ///
    /// # Errors
    /// The disk, the database, or damage.
    pub async fn read_again(
        &self,
        replay: Replay,
        last: i64,
        subscription: &Subscription,
    ) -> Result<(Vec<(Spot, Event)>, i64), Trouble> {
        match self {
            Store::Beside(beside) => beside.read_again(replay, last, subscription),
            Store::Shared(shared) => shared.read_again(replay, subscription).await,
        }
    }

    /// What a letter says; `None` if what it is about is not there any more.
    ///
    /// # Errors
    /// The disk, the database, or damage.
    pub async fn event_of(&self, letter: &Letter) -> Result<Option<Event>, Trouble> {
        match self {
            Store::Beside(beside) => beside.event_of(letter),
            Store::Shared(shared) => shared.event_of(letter).await,
        }
    }

    /// What is sent of an event.
    ///
    /// # Errors
    /// The disk, or the database.
    pub async fn body(&self, event: &Event, reader: &Reader) -> Result<Vec<u8>, Trouble> {
        match self {
            Store::Beside(beside) => beside.body(event, reader),
            Store::Shared(shared) => shared.body(event, reader).await,
        }
    }

    /// Changes what there is to change, all of it or nothing.
    ///
    /// # Errors
    /// The disk: nothing was changed. The database: perhaps it was.
    pub async fn change(&self, now: Timestamp, changes: &Changes) -> Result<(), Trouble> {
        match self {
            Store::Beside(beside) => beside.change(now, changes),
            Store::Shared(shared) => shared.change(now, changes).await,
        }
    }

    /// Letters that are due, the oldest first; of each sequence only the first that waits.
    ///
    /// # Errors
    /// The disk, or the database.
    pub async fn due(&self, now: Timestamp, most: usize) -> Result<Vec<Letter>, Trouble> {
        match self {
            Store::Beside(beside) => beside.due(now, most),
            Store::Shared(shared) => shared.due(now, most).await,
        }
    }

    /// When the next letter is due that is not due yet.
    ///
    /// # Errors
    /// The disk, or the database.
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Trouble> {
        match self {
            Store::Beside(beside) => beside.next_due(now),
            Store::Shared(shared) => shared.next_due(now).await,
        }
    }

    /// How many letters wait, and how many are dead.
    ///
    /// # Errors
    /// The disk, or the database.
    pub async fn counts(&self) -> Result<(u32, u32), Trouble> {
        match self {
            Store::Beside(beside) => beside.counts(),
            Store::Shared(shared) => shared.counts().await,
        }
    }

    /// The oldest replay that somebody wants.
    ///
    /// # Errors
    /// The disk, or the database.
    pub async fn replay(&self) -> Result<Option<Replay>, Trouble> {
        match self {
            Store::Beside(beside) => beside.replay(),
            Store::Shared(shared) => shared.replay().await,
        }
    }

    /// Takes an operator's word that the endpoint takes events, if there is one.
    ///
    /// # Errors
    /// The disk, or the database.
    pub async fn word(&self) -> Result<bool, Trouble> {
        match self {
            Store::Beside(beside) => beside.word(),
            Store::Shared(shared) => shared.word().await,
        }
    }

    /// A number that changes when somebody else may have changed letters.
    ///
    /// # Errors
    /// The disk.
    pub fn version(&self, now: Timestamp) -> Result<i64, Trouble> {
        match self {
            Store::Beside(beside) => beside.version(),
            // Nobody says so; it is looked every second.
            Store::Shared(_) => Ok(now.unix_micros().div_euclid(1_000_000)),
        }
    }

    /// How many durable records the endpoint was not told, if that is known now.
    ///
    /// # Errors
    /// The database.
    pub async fn lag(&mut self, place: i64, last: i64) -> Result<Option<i64>, Trouble> {
        match self {
            Store::Beside(beside) => Ok(beside.lag(place, last)),
            Store::Shared(shared) => shared.lag(place).await,
        }
    }

    /// How often it is looked for something new that nobody tells of.
    #[must_use]
    pub const fn look_every(&self) -> Duration {
        match self {
            Store::Beside(_) => Duration::from_secs(1),
            Store::Shared(_) => Shared::LOOK_EVERY,
        }
    }

    /// What to do about trouble with it.
    #[must_use]
    pub const fn after_trouble(&self) -> AfterTrouble {
        match self {
            Store::Beside(_) => AfterTrouble::GoOn,
            Store::Shared(_) => AfterTrouble::BeginAnew,
        }
    }
}
