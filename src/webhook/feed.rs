//! Reads an endpoint's events from the journal, from its place on. Reads only what is durable, and writes nothing.

use std::path::{Path, PathBuf};

use holdfast_core::ProgramId;

use super::body::OfDoor;
use super::event::{Event, EventKind};
use crate::journal::{Group, JournalError, Tail};
use crate::remnant::Reader;

/// How many records are read at once, about: a group is read whole.
const PORTION: i64 = 256;

/// Which events an endpoint wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Whose.
    pub program: ProgramId,
    /// Of which kinds.
    pub kinds: Vec<EventKind>,
}

impl Subscription {
    /// Whether it wants this one.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        event.program == self.program && self.kinds.contains(&event.kind)
    }

    /// An event as the endpoint wants it, if it does: in the words of its door where it asks for these.
    #[must_use]
    pub fn taken(&self, event: Event) -> Option<Event> {
        let event = if self.kinds.contains(&EventKind::PaymentAuth) { event.in_words_of_its_door() } else { event };
        self.wants(&event).then_some(event)
    }
}

/// A place in the journal.
#[derive(Debug)]
pub struct Feed {
    directory: PathBuf,
    journal: Tail,
    next: i64,
}

/// What was read of the journal.
#[derive(Debug, Default)]
pub struct Portion {
    /// What is wanted of it, with its record.
    pub events: Vec<(i64, Event)>,
    /// Records that are not there any more, if the place was before them.
    pub dropped: Option<i64>,
}

impl Feed {
    /// Opens the journal of a data directory at a record.
    ///
    /// # Errors
    /// The disk.
    pub fn open(directory: &Path, next: i64) -> Result<Self, JournalError> {
        Ok(Feed { directory: directory.to_owned(), journal: Tail::open(directory)?, next })
    }

    /// The same journal, from another record on.
    ///
    /// # Errors
    /// The disk.
    pub fn again_from(&self, next: i64) -> Result<Self, JournalError> {
        Feed::open(&self.directory, next)
    }

    /// The next record.
    #[must_use]
    pub const fn next(&self) -> i64 {
        self.next
    }

    /// Reads some more, up to `last`, which is durable. Nothing if there is nothing more.
    ///
    /// # Errors
    /// The disk, or damage.
    pub fn read(&mut self, last: i64, subscription: &Subscription) -> Result<Portion, JournalError> {
        let mut portion = Portion::default();
        let first = self.journal.start()?.next;
        if self.next < first {
            portion.dropped = Some(first.saturating_sub(self.next));
            self.next = first;
        }
        if self.next > last {
            return Ok(portion);
        }
        self.each(self.next, last, PORTION, &mut |number, event| {
            portion.events.extend(subscription.taken(event).map(|event| (number, event)));
        })
        .map(|end| self.next = end)?;
        Ok(portion)
    }

    /// The event of one record; `None` if it is not there any more.
    ///
    /// # Errors
    /// The disk, or damage.
    pub fn event(&self, record: i64) -> Result<Option<Event>, JournalError> {
        let mut found = None;
        if record >= self.journal.start()?.next {
            self.each(record, record, 1, &mut |number, event| {
                if number == record {
                    found = Some(event);
                }
            })?;
        }
        Ok(found)
    }

    /// The journal, for what is not in its records.
    pub(super) const fn journal(&self) -> &Tail {
        &self.journal
    }

    /// The body of an event.
    ///
    /// # Errors
    /// The disk.
    pub fn body(&self, event: &Event, reader: &Reader) -> Result<Vec<u8>, JournalError> {
        let Some(of_door) = OfDoor::of(event) else { return Ok(event.body()) };
        Ok(of_door.body(self.journal.slip(&of_door.wanted())?.as_ref(), reader))
    }

    /// Shows every event from a record on, of the groups that have `enough` records together. Gives the record behind them.
    fn each(&self, from: i64, last: i64, enough: i64, each: &mut dyn FnMut(i64, Event)) -> Result<i64, JournalError> {
        let joint = self.journal.joint_before_group_of(from)?;
        let end = self.journal.read(joint, last, enough, &mut |first, bytes| {
            let unreadable = |error| self.journal.unreadable(first, error);
            for (number, record) in (first..).zip(Group::open(bytes).map_err(unreadable)?) {
                let record = record.map_err(unreadable)?;
                if number >= from
                    && let Some(event) = Event::of_record(number, &record)
                {
                    each(number, event);
                }
            }
            Ok(())
        })?;
        Ok(end.next.max(from))
    }
}
