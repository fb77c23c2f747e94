//! An endpoint's events and letters in the files of this responder: the embedded ledger's journal, and the outbox. Beside a shared
//! ledger there is no journal, and only signals are told from here.

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use holdfast_core::Timestamp;

use super::event::{Event, EventKind};
use super::feed::{Feed, Subscription};
use super::letter::{Changes, Cursor, Letter, Replay, Source, Spot};
use super::outbox::Outbox;
use super::store::{Portion, Trouble};
use crate::remnant::Reader;

/// As many signals are read at once.
const SIGNALS_MAX: u32 = 64;

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// The journal's file in this directory.
    Of(PathBuf),
    /// From nowhere: the shared ledger's are told from its database.
    Elsewhere,
}

/// The files, as one endpoint's courier has them.
pub struct Beside {
    /// The endpoint's name.
    pub endpoint: String,
    /// Its letters.
    pub outbox: Rc<Outbox>,
    /// Its records.
    pub records: Records,
    /// Once it has begun.
    pub feed: Option<Feed>,
}

impl Beside {
    pub(super) fn begin(&mut self) -> Result<(Cursor, HashMap<u64, u32>), Trouble> {
        let cursor = self.outbox.enter(&self.endpoint, 1)?;
        if let Records::Of(directory) = &self.records {
            self.feed = Some(Feed::open(directory, cursor.next)?);
        }
        Ok((cursor, self.outbox.sequences(&self.endpoint)?))
    }

    /// A payment begins to wait before the record that decides it, and `last` was known before: so what is told of that is found first.
    pub(super) fn read(&mut self, from: Cursor, last: i64, subscription: &Subscription) -> Result<Portion, Trouble> {
        if let Some(feed) = &self.feed {
            self.outbox.follow_waits(feed.journal())?;
        }
        let signals = self.outbox.signals(from.signal, SIGNALS_MAX)?;
        let full = signals.len() >= usize::try_from(SIGNALS_MAX).unwrap_or(usize::MAX);
        let signals_to = signals.last().map_or(from.signal, |(number, _)| *number);
        let signals = signals.into_iter().filter(|(_, event)| subscription.wants(event)).collect();
        let portion = Portion { signals, signals_to, ..Portion::nothing(from) };
        let Some(feed) = self.feed.as_mut().filter(|_| !full) else { return Ok(portion) };
        let read = feed.read(last, subscription)?;
        let events = read.events.into_iter().map(|(record, event)| (Spot::of(record), event)).collect();
        Ok(Portion { events, next: feed.next(), dropped: read.dropped, ..portion })
    }

    pub(super) fn read_again(
        &self,
        replay: Replay,
        last: i64,
        subscription: &Subscription,
    ) -> Result<(Vec<(Spot, Event)>, i64), Trouble> {
        let over = replay.last.saturating_add(1);
        let Some(feed) = &self.feed else { return Ok((Vec::new(), over)) };
        let mut feed = feed.again_from(replay.next)?;
        let portion = feed.read(replay.last.min(last), subscription)?;
        let next = if feed.next() == replay.next { over } else { feed.next() };
        Ok((portion.events.into_iter().map(|(record, event)| (Spot::of(record), event)).collect(), next))
    }

    pub(super) fn event_of(&self, letter: &Letter) -> Result<Option<Event>, Trouble> {
        match (letter.source, &self.feed) {
            (Source::Record(spot), Some(feed)) => {
                let event = feed.event(spot.record)?;
                let in_its_words = letter.kind == EventKind::PaymentAuth;
                Ok(event.map(|event| if in_its_words { event.in_words_of_its_door() } else { event }))
            }
            (Source::Record(_), None) => Ok(None),
            (Source::Signal(number), _) => Ok(self.outbox.signal(number)?),
        }
    }

    pub(super) fn body(&self, event: &Event, reader: &Reader) -> Result<Vec<u8>, Trouble> {
        self.feed.as_ref().map_or_else(|| Ok(event.body()), |feed| Ok(feed.body(event, reader)?))
    }

    pub(super) fn change(&self, now: Timestamp, changes: &Changes) -> Result<(), Trouble> {
        Ok(self.outbox.change(&self.endpoint, now, changes)?)
    }

    pub(super) fn due(&self, now: Timestamp, most: usize) -> Result<Vec<Letter>, Trouble> {
        Ok(self.outbox.due(&self.endpoint, now, most)?)
    }

    pub(super) fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Trouble> {
        Ok(self.outbox.next_due(&self.endpoint, now)?)
    }

    pub(super) fn counts(&self) -> Result<(u32, u32), Trouble> {
        Ok(self.outbox.counts(&self.endpoint)?)
    }

    pub(super) fn replay(&self) -> Result<Option<Replay>, Trouble> {
        Ok(self.outbox.replay(&self.endpoint)?)
    }

    pub(super) fn word(&self) -> Result<bool, Trouble> {
        Ok(self.outbox.word(&self.endpoint)?)
    }

    pub(super) fn version(&self) -> Result<i64, Trouble> {
        Ok(self.outbox.version()?)
    }

    pub(super) fn lag(&self, place: i64, last: i64) -> Option<i64> {
        self.feed.as_ref().map(|_| last.saturating_sub(place.saturating_sub(1)))
    }
}
