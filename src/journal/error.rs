//! What can be wrong with a journal: whose fault it is, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::group::RecordError;
use super::schema::SCHEMA;

/// What went wrong with the journal, and with whom the fault lies: the disk, or the file.
#[derive(Debug)]
pub enum JournalError {
    /// SQLite or the disk: full, gone, not writable.
    Disk(PathBuf, rusqlite::Error),
    /// The data directory cannot be made or read.
    Directory(PathBuf, std::io::Error),
    /// The file is not a journal of ours.
    Foreign(PathBuf),
    /// The file was written by a newer program; the number is its schema.
    Newer(PathBuf, i32),
    /// The chain of hashes breaks at the group that begins with this record.
    Broken(PathBuf, i64),
    /// A group that the chain confirms cannot be read; the number is its first record's.
    Unreadable(PathBuf, i64, RecordError),
    /// The journal ends before a record that was acknowledged as synced: acknowledged movements are missing.
    EndsEarly {
        /// The file.
        path: PathBuf,
        /// The last record that it holds.
        last: i64,
        /// The last record that was synced.
        synced: i64,
    },
    /// Another process has it open for writing.
    InUse(PathBuf),
    /// The simulated disk failed, as it was told to.
    Simulated(&'static str),
}

impl JournalError {
    /// SQLite's word on the file at `path`.
    pub(super) fn disk(path: &Path) -> impl Fn(rusqlite::Error) -> JournalError + Copy + '_ {
        |error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => JournalError::Foreign(path.to_owned()),
            Some(_) | None => JournalError::Disk(path.to_owned(), error),
        }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Disk(path, error) => write!(f, "{}: {error}; is the disk full, or not writable?", path.display()),
            JournalError::Directory(path, error) => write!(f, "{}: {error}", path.display()),
            JournalError::Foreign(path) => {
                write!(f, "{}: is not a Holdfast journal; point `ledger.data` at another directory", path.display())
            }
            JournalError::Newer(path, schema) => write!(
                f,
                "{}: was written by a newer Holdfast (schema {schema}, this one reads {SCHEMA}); start that one",
                path.display()
            ),
            JournalError::Broken(path, first) => write!(
                f,
                "{}: the group that begins with record {first} does not follow from the one before it: the file is damaged or \
                 was changed; restore it from a backup",
                path.display()
            ),
            JournalError::Unreadable(path, first, error) => {
                write!(f, "{}: the group that begins with record {first} {error}", path.display())
            }
            JournalError::EndsEarly { path, last, synced } => write!(
                f,
                "{}: ends with record {last}, but everything up to record {synced} was synced: acknowledged movements are \
                 missing; restore the data directory from a backup",
                path.display()
            ),
            JournalError::InUse(path) => {
                write!(f, "{}: is in use by another Holdfast; stop that one, or choose another data directory", path.display())
            }
            JournalError::Simulated(fault) => write!(f, "the simulated disk: {fault}"),
        }
    }
}

impl std::error::Error for JournalError {}
