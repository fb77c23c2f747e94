//! What people said to intents, as the store's trail has it: read by whoever tells it on. Nothing here writes.

use std::path::Path;

use holdfast_core::agent::Environment;
use holdfast_core::{ProgramId, Timestamp};
use rusqlite::{Connection, OpenFlags, Row as Columns};
use serde_json::{Value, json};

use super::FILE;
use super::read::{environment_of, moment};

/// The most that is read at once.
const MOST: i64 = 1_000;

/// One review.
#[derive(Debug)]
pub struct Review {
    /// Its place in the trail.
    pub number: i64,
    /// Where the intent lives.
    pub environment: Option<Environment>,
    /// When.
    pub at: Timestamp,
    pub(crate) organization: String,
    pub(crate) who: String,
    pub(crate) action: String,
    pub(crate) intent: String,
    pub(crate) body: String,
}

impl Review {
    /// Whether it is one: other deeds have the same columns.
    #[must_use]
    pub(crate) fn is_review(&self) -> bool {
        matches!(self.action.as_str(), "intent.approved" | "intent.denied")
    }

    /// What is told of it: names and numbers, and no text that anybody wrote.
    #[must_use]
    pub fn told(&self, program: &ProgramId) -> Value {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let of_body = |field: &str| body.get(field).cloned().unwrap_or_default();
        json!({
            "program": program.as_str(),
            "intent_reference": self.intent,
            "decision": self.action.trim_start_matches("intent."),
            "organization_id": self.organization,
            "spending_authority_id": of_body("spending_authority_id"),
            "amount": { "currency": of_body("currency"), "minor": of_body("amount") },
            "expires_at": of_body("expires_at"),
            "reviewed_at": self.at.to_string(),
            "reviewed_by": self.who,
        })
    }
}

/// The last thing that was done so far, whatever it was.
///
/// # Errors
/// The disk.
pub fn last(directory: &Path) -> rusqlite::Result<i64> {
    open(directory)?.query_row("SELECT ifnull(max(number), 0) FROM deed", [], |row| row.get(0))
}

/// Reviews behind a place in the trail, in order.
///
/// # Errors
/// The disk.
pub fn after(directory: &Path, place: i64) -> rusqlite::Result<Vec<Review>> {
    let connection = open(directory)?;
    let sql = "SELECT number, environment, at, organization, who, action, id, ifnull(after, '{}') FROM deed
        WHERE number > ?1 AND action IN ('intent.approved', 'intent.denied') ORDER BY number LIMIT ?2";
    connection.prepare(sql)?.query_map([place, MOST], review)?.collect()
}

fn open(directory: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(directory.join(FILE), flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

fn review(columns: &Columns<'_>) -> rusqlite::Result<Review> {
    Ok(Review {
        number: columns.get(0)?,
        environment: environment_of(columns.get(1)?),
        at: moment(columns, 2)?,
        organization: columns.get(3)?,
        who: columns.get(4)?,
        action: columns.get(5)?,
        intent: columns.get(6)?,
        body: columns.get(7)?,
    })
}
