//! What can be wrong with a journal: whose fault it is, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::fault;
use super::group::RecordError;
use super::wal::TornEnd;

/// What went wrong with the journal, and with whom the fault lies: the disk, or the file.
#[derive(Debug)]
pub enum JournalError {
    /// SQLite or the disk: full, gone, not writable.
    Disk(PathBuf, rusqlite::Error),
    /// The data directory cannot be made or read.
    Directory(PathBuf, std::io::Error),
    /// The file is not a journal of ours.
    Foreign(PathBuf),
    /// The file was written by a newer program.
    Newer {
        /// The file.
        path: PathBuf,
        /// The number of its format.
        format: i32,
        /// The newest that this program reads.
        ours: i32,
    },
    /// SQLite finds the file's pages damaged, where this record should be if it is known.
    Corrupt(PathBuf, Option<i64>, rusqlite::Error),
    /// Its records may be whole, and its pages are not: what is appended could be written over them.
    Pages(PathBuf, String),
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
        /// What was cut off from the end of its write-ahead log.
        torn: Option<TornEnd>,
    },
    /// The journal ends before a record that another file of its directory was made from: acknowledged movements are missing.
    EndsBefore {
        /// The file.
        path: PathBuf,
        /// The last record that it holds.
        last: i64,
        /// The file that proves more.
        proof: PathBuf,
        /// The record that it was made up to.
        proven: i64,
    },
    /// The journal reaches the last record that was synced, but not by the group that was.
    Replaced {
        /// The file.
        path: PathBuf,
        /// That record.
        record: i64,
    },
    /// The journal's beginning can only be dropped up to a group's end.
    NoBoundary {
        /// The file.
        path: PathBuf,
        /// The record that no group begins with.
        record: i64,
    },
    /// The journal's oldest records were dropped while they were read.
    DroppedMeanwhile {
        /// The file.
        path: PathBuf,
        /// The first record that is kept.
        record: i64,
    },
    /// What stands for the dropped records is not there.
    StateMissing {
        /// The file that should be there.
        path: PathBuf,
        /// The first record that is kept.
        record: i64,
    },
    /// What stands for the dropped records is not what it was.
    StateChanged {
        /// The file.
        path: PathBuf,
        /// The first record that is kept.
        record: i64,
    },
    /// What stands for the dropped records is of a format that this program does not read.
    StateOfOtherFormat {
        /// The file.
        path: PathBuf,
        /// The first record that is kept.
        record: i64,
    },
    /// No record behind the checkpoint names it: it was put there by other means.
    Unannounced {
        /// The file.
        path: PathBuf,
        /// The first record that is kept.
        record: i64,
    },
    /// The text of a published ruleset or stand-in table is not what its hash says.
    RulesetChanged {
        /// The file.
        path: PathBuf,
        /// Which one.
        ruleset: String,
    },
    /// A file or a table that a backup carries besides the journal is not what was put there.
    PieceDamaged {
        /// The backup.
        path: PathBuf,
        /// Which one.
        name: String,
    },
    /// Another process has it open for writing.
    InUse(PathBuf),
    /// The simulated disk failed, as it was told to.
    Simulated(&'static str),
}

impl JournalError {
    /// SQLite's word on the file at `path`.
    pub(crate) fn disk(path: &Path) -> impl Fn(rusqlite::Error) -> JournalError + Copy + '_ {
        |error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => JournalError::Foreign(path.to_owned()),
            Some(ErrorCode::DatabaseCorrupt) => JournalError::Corrupt(path.to_owned(), None, error),
            Some(_) | None => JournalError::Disk(path.to_owned(), error),
        }
    }

    /// The same, with what was cut off from the journal's end where that explains it.
    pub(super) fn with_torn(mut self, cut: Option<TornEnd>) -> JournalError {
        if let JournalError::EndsEarly { torn, .. } = &mut self {
            *torn = cut;
        }
        self
    }

    /// SQLite's word on the place where this record should be.
    pub(super) fn damage(path: &Path, record: i64, error: rusqlite::Error) -> JournalError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                JournalError::Corrupt(path.to_owned(), Some(record), error)
            }
            Some(_) => JournalError::Disk(path.to_owned(), error),
            // What is there is of another type or size than we write.
            None => JournalError::Broken(path.to_owned(), record),
        }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Disk(path, error) => write!(f, "{}: {error}; {}", path.display(), fault::hint(error)),
            JournalError::Directory(path, error) => write!(f, "{}: {error}", path.display()),
            JournalError::Foreign(path) => write!(
                f,
                "{}: is not a Holdfast journal; point `ledger.data` at another directory, or restore the journal from a backup \
                 if it was one",
                path.display()
            ),
            JournalError::Newer { path, format, ours } => write!(
                f,
                "{}: was written by a newer Holdfast (format {format}, this one reads up to {ours}); start that one",
                path.display()
            ),
            JournalError::Corrupt(path, record, error) => {
                write!(f, "{}: its pages are damaged", path.display())?;
                if let Some(record) = record {
                    write!(f, " where record {record} should be")?;
                }
                write!(f, " ({error}); restore it from a backup")
            }
            JournalError::Pages(path, what) => write!(
                f,
                "{}: its pages are damaged ({what}): what is appended could be written over what is there; go on with a backup that \
                 is whole",
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
            JournalError::EndsEarly { path, last, synced, torn } => {
                write!(
                    f,
                    "{}: ends with record {last}, but everything up to record {synced} was synced: acknowledged movements \
                     are missing",
                    path.display()
                )?;
                if let Some(torn) = torn {
                    write!(f, " (its write-ahead log ends with {torn} that are not whole)")?;
                }
                f.write_str("; keep these files, and restore the data directory from a backup")
            }
            JournalError::EndsBefore { path, last, proof, proven } => write!(
                f,
                "{}: ends with record {last}, but {} was made from it up to record {proven}: acknowledged movements are missing; \
                 keep these files, and restore the data directory from a backup, or put the right journal back (with its -wal \
                 file); only if this is the journal that you mean to go on with, take {} away",
                path.display(),
                proof.display(),
                proof.display()
            ),
            JournalError::Replaced { path, record } => write!(
                f,
                "{}: the group that ends with record {record} is not the one that was synced: another journal was put in its \
                 place; put the right one back, or use `holdfast restore` with a backup",
                path.display()
            ),
            JournalError::NoBoundary { path, record } => {
                write!(f, "{}: no group begins with record {record}; drop up to one that does", path.display())
            }
            JournalError::DroppedMeanwhile { path, record } => {
                write!(f, "{}: what was before record {record} was dropped while it was read; ask again", path.display())
            }
            JournalError::StateMissing { path, record } => write!(
                f,
                "{}: is not there, and stands for everything before record {record}: put it back beside the journal, or restore \
                 the data directory from a backup",
                path.display()
            ),
            JournalError::StateChanged { path, record } => write!(
                f,
                "{}: is not what stood for everything before record {record}: it is damaged or was changed; restore the data \
                 directory from a backup",
                path.display()
            ),
            JournalError::StateOfOtherFormat { path, record } => write!(
                f,
                "{}: stands for everything before record {record}, in a format that this version does not read; start the \
                 version that wrote it",
                path.display()
            ),
            JournalError::Unannounced { path, record } => write!(
                f,
                "{}: no record names the checkpoint at record {record} that it begins with: the checkpoint was changed; restore \
                 the data directory from a backup",
                path.display()
            ),
            JournalError::RulesetChanged { path, ruleset } => write!(
                f,
                "{}: table `ruleset`: the text of {ruleset} is not what its hash says: it was changed or is damaged; restore the \
                 data directory from a backup",
                path.display()
            ),
            JournalError::PieceDamaged { path, name } => write!(
                f,
                "{}: what it has of {name} is not what was backed up: it is damaged or was changed; use another backup",
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
