//! Reads the journal's file while its writer goes on: for whoever follows it. Never writes, and never keeps the writer's
//! write-ahead log from being used again for longer than a portion takes.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::chain::{Groups, Joint};
use super::error::JournalError;
use super::log::EachGroup;
use super::pages;
use super::retention::Checkpoint;
use super::schema::SCHEMA;
use super::slips::{self, Slip, SlipsWanted};
use super::store::FILE;
use super::waits::{self, WaitLine};

/// The journal of a data directory, open for reading.
pub struct Tail {
    path: PathBuf,
    connection: Connection,
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Tail {
    /// Opens the journal of a data directory, which its writer has open.
    ///
    /// # Errors
    /// The disk.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(JournalError::disk(&path))?;
        Ok(Tail { path, connection })
    }

    fn groups(&self) -> Groups<'_> {
        Groups { connection: &self.connection, path: &self.path, schema: SCHEMA }
    }

    /// Where the journal begins.
    ///
    /// # Errors
    /// The disk.
    pub fn start(&self) -> Result<Joint, JournalError> {
        self.groups().start()
    }

    /// Where it ends now.
    ///
    /// # Errors
    /// The disk, or the row of the last group.
    pub fn end(&self) -> Result<Joint, JournalError> {
        self.groups().end()
    }

    /// Makes sure that the journal has every record before `next`, as the file that was made from them proves.
    ///
    /// # Errors
    /// It ends before; or the disk.
    pub fn must_reach(&self, next: i64, proof: &Path) -> Result<(), JournalError> {
        let end = self.end()?;
        if end.next >= next {
            return Ok(());
        }
        let (last, proven) = (end.next.saturating_sub(1), next.saturating_sub(1));
        Err(JournalError::EndsBefore { path: self.path.clone(), last, proof: proof.to_owned(), proven })
    }

    /// Where the group ends that is the last before this record.
    ///
    /// # Errors
    /// The disk, or the group's row.
    pub fn joint_before(&self, record: i64) -> Result<Joint, JournalError> {
        self.groups().before(record)
    }

    /// Where the group ends that is the last before the one that holds this record.
    ///
    /// # Errors
    /// The disk, or the group's row.
    pub fn joint_before_group_of(&self, record: i64) -> Result<Joint, JournalError> {
        self.groups().before_group_of(record)
    }

    /// What a caller wrote about a payment of a door of ours.
    ///
    /// # Errors
    /// The disk.
    pub fn slip(&self, wanted: &SlipsWanted) -> Result<Option<Slip>, JournalError> {
        let mut found = slips::find(&self.connection, wanted).map_err(JournalError::disk(&self.path))?;
        Ok(found.slips.pop().map(|(_, slip)| slip))
    }

    /// The number of the last line about payments that wait; 0 if there is none.
    ///
    /// # Errors
    /// The disk.
    pub fn last_wait(&self) -> Result<i64, JournalError> {
        waits::last(&self.connection).map_err(JournalError::disk(&self.path))
    }

    /// Lines about payments that wait, behind one of them and in order.
    ///
    /// # Errors
    /// The disk.
    pub fn waits_after(&self, number: i64, most: u32) -> Result<Vec<WaitLine>, JournalError> {
        waits::after(&self.connection, number, most).map_err(JournalError::disk(&self.path))
    }

    /// What its file takes, less the room that is free in it.
    ///
    /// # Errors
    /// The disk.
    pub fn bytes(&self) -> Result<u64, JournalError> {
        let number = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let pages = number("PRAGMA page_count").and_then(|all| Ok(all.saturating_sub(number("PRAGMA freelist_count")?)));
        let bytes = pages.and_then(|pages| Ok(pages.saturating_mul(number("PRAGMA page_size")?)));
        Ok(u64::try_from(bytes.map_err(JournalError::disk(&self.path))?).unwrap_or(0))
    }

    /// What stands for the groups that were dropped, if any were.
    ///
    /// # Errors
    /// The disk, or a checkpoint that is damaged.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, JournalError> {
        self.groups().checkpoint()
    }

    /// Proves what stands for the groups that were dropped, if any were.
    ///
    /// # Errors
    /// It is not there, or was changed.
    pub fn prove_state(&self) -> Result<(), JournalError> {
        let directory = self.path.parent().unwrap_or(Path::new(""));
        self.checkpoint()?.map_or(Ok(()), |checkpoint| checkpoint.prove_state(directory))
    }

    /// Whether the journal goes through this joint: whoever followed it up to there may go on.
    ///
    /// # Errors
    /// The disk, or the journal is damaged there.
    pub fn passes(&self, joint: &Joint) -> Result<bool, JournalError> {
        self.groups().before(joint.next).map(|there| there == *joint)
    }

    /// Reads groups behind a joint: none that begins behind record `last`, none once there are `enough` records. Gives where
    /// they end; the joint itself if there are none.
    ///
    /// # Errors
    /// The disk, a broken chain, or what `each` says.
    pub fn read(&self, from: Joint, last: i64, enough: i64, each: &mut EachGroup<'_>) -> Result<Joint, JournalError> {
        self.groups().portion(from, last, enough, each)
    }

    /// Proves every group up to record `last`: whoever begins behind them must not pass over damage in them.
    ///
    /// # Errors
    /// The disk, or a broken chain with its position.
    pub fn prove(&self, last: i64) -> Result<(), JournalError> {
        let mut joint = self.groups().start()?;
        loop {
            let end = self.groups().portion(joint, last, i64::MAX, &mut |_, _| Ok(()))?;
            if end == joint {
                return Ok(());
            }
            joint = end;
        }
    }

    /// Proves the pages that records are in, and will be appended to.
    ///
    /// # Errors
    /// The disk, or the first page that is damaged.
    pub fn prove_pages(&self) -> Result<(), JournalError> {
        pages::prove(&self.connection, &self.path)
    }

    /// An error of this journal's records.
    #[must_use]
    pub fn unreadable(&self, first: i64, error: super::RecordError) -> JournalError {
        JournalError::Unreadable(self.path.clone(), first, error)
    }
}
