//! From when to when the ledger did not answer, in the spool's file: it is to be told also after a restart, and cannot be written where the
//! ledger is. Nothing here knows what an outage is.

use holdfast_core::Timestamp;
use rusqlite::params;

use super::{File, SpoolError};

/// One time that the ledger was not asked because it did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// Since when.
    pub since: Timestamp,
    /// When it answered again; `None` if nobody saw that, or not yet.
    pub until: Option<Timestamp>,
}

impl File {
    /// Notes it; the same beginning is the same time. Durable when this returns.
    ///
    /// # Errors
    /// The disk.
    pub fn note_away(&self, away: &Away) -> Result<(), SpoolError> {
        let row = params![away.since.unix_micros(), away.until.map(|until| until.unix_micros())];
        let noted = self.connection().execute("INSERT OR REPLACE INTO away VALUES (?1, ?2)", row);
        noted.map(drop).map_err(SpoolError::disk(self.path()))
    }

    /// Every time, the oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn away(&self) -> Result<Vec<Away>, SpoolError> {
        self.rows("SELECT since, until FROM away ORDER BY since", [], |row| {
            let until: Option<i64> = row.get(1)?;
            Ok(Away { since: row.get(0).map(Timestamp::from_unix_micros)?, until: until.map(Timestamp::from_unix_micros) })
        })
    }
}
