//! Where a journal begins whose oldest groups were dropped: what they amounted to, and the hash that the rest follows from.
//!
//! When to drop, and what the state says, others decide: to this file it is bytes.

use rusqlite::{OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use super::chain::Groups;
use super::error::JournalError;
use super::schema::SCHEMA;
use super::store::Journal;
use crate::clock;

/// What stands for the groups that were dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The first record that is kept.
    pub record: i64,
    /// The hash of the last group that was dropped.
    pub chain: [u8; 32],
    /// What the dropped groups amounted to.
    pub state: Vec<u8>,
}

impl Checkpoint {
    /// Covers the state too, which no later group does.
    fn seal(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.record.to_le_bytes());
        digest.update(self.chain);
        digest.update(&self.state);
        digest.finalize().into()
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

    /// Drops every group before the one that begins with `record`, and keeps `state` in their place, in one transaction.
    ///
    /// # Errors
    /// No group ends right before `record`, or the disk: nothing is dropped.
    pub fn drop_before(&mut self, record: i64, state: &[u8]) -> Result<(), JournalError> {
        let groups = Groups { connection: &self.connection, path: &self.path, schema: SCHEMA };
        let joint = groups.before(record)?;
        if joint.next != record {
            return Err(JournalError::NoBoundary { path: self.path.clone(), record });
        }
        let checkpoint = Checkpoint { record, chain: joint.chain, state: state.to_vec() };
        let drop = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            transaction.execute("DELETE FROM checkpoint", [])?;
            transaction.execute(
                "INSERT INTO checkpoint (record, chain, state, seal, made_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![record, &checkpoint.chain[..], state, &checkpoint.seal()[..], clock::utc().to_string()],
            )?;
            transaction.execute("DELETE FROM journal WHERE first < ?1", params![record])?;
            transaction.commit()
        };
        drop().map_err(JournalError::disk(&self.path))
    }
}
