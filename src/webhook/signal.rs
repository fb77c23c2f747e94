//! What is told and is no record of the journal: a program's stand-in, entered and left, intents that people reviewed, and payments that
//! wait for their payer. Kept beside the letters, so that it is told after a restart too. Nothing here sends anything.

use std::path::Path;

use holdfast_core::{ProgramId, StandInCause, Timestamp};
use rusqlite::{OptionalExtension as _, params};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answered::AnsweredPayment;
use super::event::{Event, EventKind, id_of, sequence_of, sequence_of_payment};
use super::outbox::{Outbox, OutboxError, program};
use super::store::Trouble;
use crate::agent::registry::Programs;
use crate::agent::store::sqlite::reviews;
use crate::journal::{Tail, WaitLine};

/// How far the store of agent spend was followed. A table of its own: files that are older have none.
const REVIEWS: &str =
    "CREATE TABLE IF NOT EXISTS reviews (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL) STRICT";

/// How far the journal's lines about payments that wait were followed. A table of its own, too.
const WAITS: &str = "CREATE TABLE IF NOT EXISTS waits (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL) STRICT";

/// So many of those lines are read at once.
const WAITS_PORTION: u32 = 256;

/// What a program's stand-in did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It began.
    Entered {
        /// Whose.
        program: ProgramId,
        /// Since when.
        since: Timestamp,
        /// Why.
        cause: StandInCause,
    },
    /// It ended, or was found to have ended while no process ran.
    Left {
        /// Whose.
        program: ProgramId,
        /// When.
        at: Timestamp,
        /// Money that was approved and that the ledger has yet to confirm, in minor units of the program's currency.
        exposure_minor: i64,
    },
    /// Somebody reviewed an intent: which one, and how, the store of agent spend says.
    Reviewed,
}

/// Where signals are left, by anybody and without waiting.
#[derive(Debug, Clone)]
pub struct Signals(mpsc::UnboundedSender<Signal>);

impl Signals {
    /// Somewhere to leave signals, and where they are taken.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Signal>) {
        let (leave, take) = mpsc::unbounded_channel();
        (Signals(leave), take)
    }

    /// Leaves one.
    pub fn leave(&self, signal: Signal) {
        // Nobody takes it once the server stops.
        let _ = self.0.send(signal);
    }
}

impl Outbox {
    /// Keeps a signal, of this responder where it is one of several. One that says nothing new is not kept: neither that stand-in began
    /// which an earlier process told of and which goes on, nor that one ended which nobody was told of.
    ///
    /// # Errors
    /// The disk.
    pub fn keep(&self, signal: &Signal, node: Option<&str>) -> Result<(), OutboxError> {
        let keep = || {
            let transaction = self.connection().unchecked_transaction()?;
            let known = |program: &ProgramId| {
                let sql = "SELECT since FROM standing WHERE program = ?1";
                transaction.query_row(sql, [program.as_str()], |row| row.get::<_, i64>(0)).optional()
            };
            let kept = match signal {
                // Kept by [`Outbox::follow_reviews`].
                Signal::Reviewed => None,
                Signal::Entered { program, .. } if known(program)?.is_some() => None,
                Signal::Entered { program, since, cause } => {
                    let sql = "INSERT INTO standing VALUES (?1, ?2)";
                    transaction.execute(sql, params![program.as_str(), since.unix_micros()])?;
                    let data = json!({ "program": program.as_str(), "since": since.to_string(), "cause": cause.name() });
                    Some((*since, *program, EventKind::StandInEntered, data))
                }
                Signal::Left { program, at, exposure_minor } => match known(program)? {
                    None => None,
                    Some(since) => {
                        transaction.execute("DELETE FROM standing WHERE program = ?1", [program.as_str()])?;
                        let since = Timestamp::from_unix_micros(since);
                        let data = json!({
                            "program": program.as_str(),
                            "since": since.to_string(),
                            "until": at.to_string(),
                            "exposure_minor": exposure_minor,
                        });
                        Some((*at, *program, EventKind::StandInLeft, data))
                    }
                },
            };
            if let Some((at, program, kind, mut data)) = kept {
                if let (Some(node), Value::Object(data)) = (node, &mut data) {
                    data.insert("node".to_owned(), json!(node));
                }
                let sql = "INSERT INTO signal (at, program, kind, data) VALUES (?1, ?2, ?3, ?4)";
                transaction.execute(sql, params![at.unix_micros(), program.as_str(), kind.name(), data.to_string()])?;
            }
            transaction.commit()
        };
        keep().map_err(|error| self.failed(error))
    }

    /// Keeps what was reviewed since the last time, by the store of agent spend beside this file: each review once, also where the server
    /// ended between the two. Of a store that was never followed nothing is told that was before.
    ///
    /// # Errors
    /// The disk.
    pub fn follow_reviews(&self, programs: &Programs) -> Result<(), OutboxError> {
        let Some(directory) = self.directory() else { return Ok(()) };
        while self.follow_some_reviews(directory, programs).map_err(|error| self.failed(error))? {}
        Ok(())
    }

    /// As many as are read at once; whether there may be more.
    fn follow_some_reviews(&self, directory: &Path, programs: &Programs) -> rusqlite::Result<bool> {
        let transaction = self.connection().unchecked_transaction()?;
        transaction.execute_batch(REVIEWS)?;
        let known = transaction.query_row("SELECT last FROM reviews", [], |row| row.get(0)).optional()?;
        let (mut last, reviews) = match known {
            None => (reviews::last(directory)?, Vec::new()),
            Some(last) => (last, reviews::after(directory, last)?),
        };
        let any = !reviews.is_empty();
        for review in reviews {
            last = last.max(review.number);
            let Some(program) = review.environment.and_then(|environment| programs.of(environment)) else { continue };
            let (kind, at) = (EventKind::IntentReviewed.name(), review.at.unix_micros());
            let sql = "INSERT INTO signal (at, program, kind, data) VALUES (?1, ?2, ?3, ?4)";
            transaction.execute(sql, params![at, program.as_str(), kind, review.told(&program).to_string()])?;
        }
        transaction.execute("INSERT OR REPLACE INTO reviews VALUES (1, ?1)", [last])?;
        transaction.commit()?;
        Ok(any)
    }

    /// From now on payments that wait are told, unless they are already; nothing is told that was before.
    ///
    /// # Errors
    /// The disk.
    pub fn begin_waits(&self, journal: &Tail) -> Result<(), OutboxError> {
        // What cannot be read now is read when there is something to tell.
        let Ok(last) = journal.last_wait() else { return Ok(()) };
        let begin = || {
            self.connection().execute_batch(WAITS)?;
            self.connection().execute("INSERT OR IGNORE INTO waits VALUES (1, ?1)", [last])
        };
        begin().map(drop).map_err(|error| self.failed(error))
    }

    /// Keeps what became of payments that wait since the last time, by the journal: each line once, whoever looks.
    ///
    /// # Errors
    /// A disk.
    pub fn follow_waits(&self, journal: &Tail) -> Result<(), Trouble> {
        let sql = "SELECT last FROM waits";
        let known = self.connection().prepare_cached(sql).and_then(|mut known| known.query_row([], |row| row.get(0)));
        let mut last: i64 = known.map_err(|error| self.failed(error))?;
        while journal.last_wait()? > last {
            let lines = journal.waits_after(last, WAITS_PORTION)?;
            let Some(to) = lines.last().map(|line| line.number) else { return Ok(()) };
            self.keep_waits(&lines, to).map_err(|error| self.failed(error))?;
            last = to;
        }
        Ok(())
    }

    fn keep_waits(&self, lines: &[WaitLine], to: i64) -> rusqlite::Result<()> {
        let transaction = self.connection().unchecked_transaction()?;
        for WaitLine { program, at, told, .. } in lines {
            let sql = "INSERT INTO signal (at, program, kind, data) VALUES (?1, ?2, ?3, ?4)";
            let kind = EventKind::PaymentAuth.name();
            transaction.prepare_cached(sql)?.execute(params![at.unix_micros(), program.as_str(), kind, told])?;
        }
        transaction.execute("UPDATE waits SET last = ?1", [to])?;
        transaction.commit()
    }

    /// Signals behind one, in order, as events.
    ///
    /// # Errors
    /// The disk.
    pub fn signals(&self, after: i64, most: u32) -> Result<Vec<(i64, Event)>, OutboxError> {
        let sql = "SELECT number, at, program, kind, data FROM signal WHERE number > ?1 ORDER BY number LIMIT ?2";
        self.signal_rows(sql, params![after, most])
    }

    /// One signal, as an event.
    ///
    /// # Errors
    /// The disk.
    pub fn signal(&self, number: i64) -> Result<Option<Event>, OutboxError> {
        let sql = "SELECT number, at, program, kind, data FROM signal WHERE number = ?1";
        Ok(self.signal_rows(sql, [number])?.pop().map(|(_, event)| event))
    }

    fn signal_rows(&self, sql: &str, values: impl rusqlite::Params) -> Result<Vec<(i64, Event)>, OutboxError> {
        let read = || self.connection().prepare_cached(sql)?.query_map(values, event)?.collect::<rusqlite::Result<_>>();
        read().map_err(|error| self.failed(error))
    }
}

fn event(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, Event)> {
    let (number, micros, program): (i64, i64, _) = (row.get(0)?, row.get(1)?, program(row, 2)?);
    let (kind, data): (String, String) = (row.get(3)?, row.get(4)?);
    let kept = Kept { number, at: Timestamp::from_unix_micros(micros), program, kind: &kind, data: &data };
    Ok((number, kept.event().ok_or(rusqlite::Error::InvalidQuery)?))
}

/// A signal as it is kept.
pub(super) struct Kept<'a> {
    pub number: i64,
    pub at: Timestamp,
    pub program: ProgramId,
    pub kind: &'a str,
    pub data: &'a str,
}

impl Kept<'_> {
    /// What is told of it; nothing if it was not written by this program.
    pub fn event(&self) -> Option<Event> {
        let Kept { number, at, program, .. } = *self;
        let kind = EventKind::from_name(self.kind)?;
        let data: Value = serde_json::from_str(self.data).ok()?;
        if kind == EventKind::PaymentAuth {
            return of_waiting(program, at, data);
        }
        let id = id_of(&["signal", program.as_str(), &number.to_string(), &at.unix_micros().to_string()]);
        let sequence = match data.get("intent_reference").and_then(Value::as_str) {
            Some(intent) => sequence_of(&["intent", program.as_str(), intent]),
            None => sequence_of(&["stand-in", program.as_str()]),
        };
        Some(Event { id, kind, program, sequence, at, data, answered: None })
    }
}

/// It goes in the order of its payment's records.
fn of_waiting(program: ProgramId, at: Timestamp, data: Value) -> Option<Event> {
    let (answered, waiting) = AnsweredPayment::of_waiting(&data)?;
    let platform = answered.platform.as_str();
    let id = id_of(&["waiting", program.as_str(), platform, answered.id.as_str(), waiting.name()]);
    let sequence = sequence_of_payment(&program, platform, &answered.id);
    Some(Event { id, kind: EventKind::PaymentAuth, program, sequence, at, data, answered: Some(answered) })
}
