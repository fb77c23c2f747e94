//! Where a journal begins whose oldest groups were dropped: what they amounted to, and the hash that the rest follows from.
//!
//! First the beginning is moved, in one small transaction; what lies before it is nobody's from then on, and is taken away in
//! pieces, so that the writer is never kept for long. When to drop, and what the state says, others decide: to this file the
//! state is bytes.

use std::fmt;

use holdfast_core::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::chain::{Groups, Joint};
use super::error::JournalError;
use super::store::Journal;
use crate::clock;

/// Bytes of groups that are taken away at once, and groups of which the sizes are looked at for it.
const PIECE_BYTES_MAX: i64 = 2 << 20;
const PIECE_GROUPS_MAX: i64 = 256;

/// What stands for the groups that were dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The first record that is kept.
    pub record: i64,
    /// The hash of the last group that was dropped.
    pub chain: [u8; 32],
    /// What the dropped groups amounted to: see [`State`](super::state_file::State).
    pub state: Vec<u8>,
}

impl Checkpoint {
    /// Covers the state too; a record behind it names this hash, so that the chain covers both.
    #[must_use]
    pub fn seal(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.record.to_le_bytes());
        digest.update(self.chain);
        digest.update(&self.state);
        digest.finalize().into()
    }

    /// Where the journal begins.
    #[must_use]
    pub const fn joint(&self) -> Joint {
        Joint { next: self.record, chain: self.chain }
    }
}

/// From which record on a journal tells, where its oldest ones were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begins {
    /// The first record that is kept.
    pub record: i64,
    /// When the last one before it was written.
    pub at: Timestamp,
}

impl fmt::Display for Begins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal begins with record {}; what was recorded up to {} was dropped", self.record, self.at)
    }
}

impl Groups<'_> {
    /// What stands for the groups that were dropped, if any were.
    pub(super) fn checkpoint(&self) -> Result<Option<Checkpoint>, JournalError> {
        if self.schema < 2 {
            return Ok(None);
        }
        let sql = "SELECT record, chain, state, seal FROM checkpoint ORDER BY record DESC LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(Checkpoint, [u8; 32])> {
            Ok((Checkpoint { record: row.get(0)?, chain: row.get(1)?, state: row.get(2)? }, row.get(3)?))
        };
        let found = self.connection.query_row(sql, [], read).optional();
        match found.map_err(|error| JournalError::damage(self.path, 1, error))? {
            Some((checkpoint, seal)) if checkpoint.seal() != seal => {
                Err(JournalError::Broken(self.path.to_owned(), checkpoint.record))
            }
            Some((checkpoint, _)) => Ok(Some(checkpoint)),
            None => Ok(None),
        }
    }
}

impl Journal {
    /// What stands for the groups that were dropped, if any were.
    ///
    /// # Errors
    /// The disk, or a checkpoint that is damaged.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, JournalError> {
        self.groups().checkpoint()
    }

    pub(super) fn move_beginning(&self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        let Checkpoint { record, chain, state } = checkpoint;
        // Before its beginning nothing is left that could be looked at.
        if *record < self.groups().start()?.next || self.groups().before(*record)? != checkpoint.joint() {
            return Err(JournalError::NoBoundary { path: self.path.clone(), record: *record });
        }
        let begin = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            transaction.execute("DELETE FROM checkpoint", [])?;
            transaction.execute(
                "INSERT INTO checkpoint (record, chain, state, seal, made_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![record, &chain[..], state, &checkpoint.seal()[..], clock::utc().to_string()],
            )?;
            transaction.commit()
        };
        begin().map_err(JournalError::disk(&self.path))
    }

    /// How many groups before the beginning were taken away now; 0 once none is left.
    pub(super) fn take_a_piece_away(&self) -> Result<u64, JournalError> {
        let start = self.groups().start()?.next;
        let take = || -> rusqlite::Result<u64> {
            let sql = "SELECT first, length(body) FROM journal WHERE first < ?1 ORDER BY first LIMIT ?2";
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(params![start, PIECE_GROUPS_MAX])?;
            let (mut last, mut bytes) = (None, 0_i64);
            while bytes < PIECE_BYTES_MAX
                && let Some(row) = rows.next()?
            {
                last = Some(row.get::<_, i64>(0)?);
                bytes = bytes.saturating_add(row.get(1)?);
            }
            drop(rows);
            let Some(last) = last else { return Ok(0) };
            let taken = self.connection.execute("DELETE FROM journal WHERE first <= ?1", params![last])?;
            Ok(u64::try_from(taken).unwrap_or(0))
        };
        take().map_err(JournalError::disk(&self.path))
    }
}
