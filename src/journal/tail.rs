//! The journal as whoever follows it reads it, while its writer goes on. Never writes, and never keeps the writer's
//! write-ahead log from being used again for longer than a portion takes.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::chain::{Groups, Joint};
use super::error::JournalError;
use super::log::EachGroup;
use super::schema::SCHEMA;
use super::store::FILE;

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

    /// An error of this journal's records.
    #[must_use]
    pub fn unreadable(&self, first: i64, error: super::RecordError) -> JournalError {
        JournalError::Unreadable(self.path.clone(), first, error)
    }
}
