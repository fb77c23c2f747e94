//! Payments that wait for their payer, as far as that is to be told: a line when one begins to wait, written with what its caller
//! wrote, and one when it has waited in vain. Both are told as decisions are, by whoever follows this table. Nothing here decides, and
//! a line has no text that anybody wrote.

use std::time::Duration;

use holdfast_core::{ProgramId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Value, json};

use super::slips::{self, Slip, SlipsFound, SlipsWanted, Which};

/// How long a payment waits for its payer.
pub const WAITS_MAX: Duration = Duration::from_secs(15 * 60);

/// So many payments are found at once to have waited in vain: nobody waits for longer than that takes.
pub(crate) const ENDED_MAX: i64 = 256;

/// What a journal's file has for them, since its sixth schema.
pub(super) const TABLE: &str = "-- Payments that wait for their payer, and what is to be told of them; see waits.rs.
     ALTER TABLE slip ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
     CREATE INDEX slip_waits ON slip (at) WHERE waits = 1;
     CREATE TABLE wait (
         number INTEGER PRIMARY KEY, -- in the order in which they are told
         program TEXT NOT NULL,
         at INTEGER NOT NULL,        -- when it happened, in microseconds since 1970
         told TEXT NOT NULL          -- which payment, and what became of it: JSON
     ) STRICT;";

/// What there is to tell of a payment that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// It began to.
    Begins,
    /// It did for as long as it may, and nobody decided it.
    InVain,
}

impl Waiting {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Waiting::Begins => "begins",
            Waiting::InVain => "in_vain",
        }
    }

    /// What a word says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Waiting::Begins, Waiting::InVain].into_iter().find(|waiting| waiting.name() == name)
    }

    /// When it happened to a payment that was asked for at this moment.
    #[must_use]
    pub fn at(self, asked_at: Timestamp) -> Timestamp {
        match self {
            Waiting::Begins => asked_at,
            Waiting::InVain => asked_at.saturating_add(WAITS_MAX),
        }
    }

    /// What is kept to be told: names and a moment.
    #[must_use]
    pub fn told(self, slip: &Slip) -> Value {
        json!({
            "platform": slip.platform.as_str(),
            "payment": slip.payment.as_str(),
            "merchant": slip.merchant.as_str(),
            "source": slip.source.as_str(),
            "asked_at_us": slip.at.unix_micros(),
            "waiting": self.name(),
        })
    }
}

/// A line, with its number: what is told goes by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitLine {
    /// Its number.
    pub number: i64,
    /// Whose payment it is.
    pub program: ProgramId,
    /// When it happened.
    pub at: Timestamp,
    /// As [`Waiting::told`].
    pub told: String,
}

/// Keeps what a caller wrote about a payment that waits, and the line that says so, unless the payment has something: that stays.
/// Finds what it has.
pub(super) fn begin(connection: &Connection, slip: &Slip) -> rusqlite::Result<SlipsFound> {
    let transaction = connection.unchecked_transaction()?;
    if slips::begin(connection, slip)? {
        note(connection, slip, Waiting::Begins)?;
    }
    transaction.commit()?;
    let Slip { program, platform, payment, .. } = *slip;
    slips::find(connection, &SlipsWanted { program, platform, which: Which::Named(payment) })
}

/// Notes some of the payments that were asked for until then and that nobody decided; how many.
pub(super) fn end(connection: &Connection, asked_until: Timestamp) -> rusqlite::Result<u64> {
    let ended = slips::waiting(connection, asked_until, ENDED_MAX)?;
    if ended.is_empty() {
        return Ok(0);
    }
    let transaction = connection.unchecked_transaction()?;
    for (number, slip) in &ended {
        connection.prepare_cached("UPDATE slip SET waits = 0 WHERE number = ?1")?.execute([number])?;
        note(connection, slip, Waiting::InVain)?;
    }
    transaction.commit()?;
    Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
}

fn note(connection: &Connection, slip: &Slip, waiting: Waiting) -> rusqlite::Result<()> {
    let (at, told) = (waiting.at(slip.at).unix_micros(), waiting.told(slip).to_string());
    let sql = "INSERT INTO wait (program, at, told) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![slip.program.as_str(), at, told]).map(drop)
}

/// The last line's number; 0 if there is none.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<i64> {
    let last = connection.prepare_cached("SELECT max(number) FROM wait")?.query_row([], |row| row.get(0)).optional()?;
    Ok(last.flatten().unwrap_or(0))
}

/// Lines behind one, in order.
pub(super) fn after(connection: &Connection, number: i64, most: u32) -> rusqlite::Result<Vec<WaitLine>> {
    let sql = "SELECT number, program, at, told FROM wait WHERE number > ?1 ORDER BY number LIMIT ?2";
    let read = |row: &rusqlite::Row<'_>| {
        let program: String = row.get(1)?;
        let program = ProgramId::try_from(program.as_str()).map_err(|_| rusqlite::Error::InvalidQuery)?;
        Ok(WaitLine { number: row.get(0)?, program, at: Timestamp::from_unix_micros(row.get(2)?), told: row.get(3)? })
    };
    connection.prepare_cached(sql)?.query_map(params![number, most], read)?.collect()
}
