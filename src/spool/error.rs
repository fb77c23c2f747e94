//! What can be wrong with a spool: where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// What whoever has looked at it does.
const ACCEPT: &str =
    "run `holdfast spool accept-new --by WHO --why TEXT`, and settle with the platform what was told in the last outage";

/// What went wrong with the spool.
#[derive(Debug)]
pub enum SpoolError {
    /// SQLite or the disk: full, gone, not writable.
    Disk(PathBuf, rusqlite::Error),
    /// Its directory cannot be made, or the file not opened.
    Path(PathBuf, std::io::Error),
    /// Another server has it.
    InUse(PathBuf),
    /// The file is not a spool of ours.
    Foreign(PathBuf),
    /// The data directory had a spool, and there is none.
    Lost(PathBuf),
    /// It, or its log, was taken away or replaced while it was written.
    TakenAway(PathBuf),
    /// It has nothing in it, and the data directory had one.
    Empty(PathBuf),
    /// It is another one than the data directory had.
    Another(PathBuf),
    /// It ends before what was durable in it.
    CutShort {
        /// The file.
        path: PathBuf,
        /// The number that its next entry would get.
        next: i64,
        /// The number that it got once.
        marked: i64,
    },
    /// It has entries, and the ledger is new.
    OfAnotherLedger(PathBuf),
    /// SQLite finds its pages damaged.
    Damaged(PathBuf, rusqlite::Error),
    /// The file was written by a newer program.
    Newer {
        /// The file.
        path: PathBuf,
        /// The number of its format.
        format: i32,
        /// The newest that this program reads.
        ours: i32,
    },
}

impl SpoolError {
    /// SQLite's word on the file at `path`.
    pub(super) fn disk(path: &Path) -> impl Fn(rusqlite::Error) -> SpoolError + Copy + '_ {
        |error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => SpoolError::Foreign(path.to_owned()),
            Some(ErrorCode::DatabaseCorrupt) => SpoolError::Damaged(path.to_owned(), error),
            Some(_) | None => SpoolError::Disk(path.to_owned(), error),
        }
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpoolError::Disk(path, error) => {
                write!(f, "{}: the spool cannot be read or written: {error}; is its disk full?", path.display())
            }
            SpoolError::Path(path, error) => write!(f, "{}: the spool cannot be opened: {error}", path.display()),
            SpoolError::InUse(path) => write!(
                f,
                "{}: is in use by another server; each has a data directory and a spool of its own: stop that one, or name others at \
                 --data and spool.path",
                path.display()
            ),
            SpoolError::Foreign(path) => {
                write!(f, "{}: is not a spool of Holdfast; name another path at spool.path", path.display())
            }
            SpoolError::Lost(path) => write!(
                f,
                "{}: is missing, and this data directory had a spool: what platforms were told and the ledger has not heard was in it. Bring \
                 it back, or name where it is at spool.path; if it is lost, {ACCEPT}",
                path.display()
            ),
            SpoolError::TakenAway(path) => write!(
                f,
                "{0}: it or {0}-wal was taken away, or replaced, while this server writes them: whatever is written would go with them, so that \
                 nothing is told that has to be kept. Move both back as they were, and it goes on; else stop the server, which drains what it can",
                path.display()
            ),
            SpoolError::Empty(path) => write!(
                f,
                "{0}: has nothing in it, and this data directory had a spool: what platforms were told and the ledger has not heard was in it, \
                 or in {0}-wal, which belongs to it and may have been left behind. Bring both back; if they are lost, {ACCEPT}",
                path.display()
            ),
            SpoolError::Another(path) => write!(
                f,
                "{}: is another spool than this data directory had: what platforms were told and the ledger has not heard was in that \
                 one. Bring it back, or name where it is at spool.path; if it is lost, {ACCEPT}",
                path.display()
            ),
            SpoolError::CutShort { path, next, marked } => write!(
                f,
                "{0}: has lost its end: it has given numbers up to {1} to its entries, and was durable with numbers up to {2} ({0}-mark says \
                 so): {0}-wal was left behind or cut, or this is an older copy. What platforms were told in between is not in it. Bring back \
                 the spool with its -wal as they were; if they are lost, {ACCEPT}",
                path.display(),
                next.saturating_sub(1),
                marked.saturating_sub(1)
            ),
            SpoolError::OfAnotherLedger(path) => write!(
                f,
                "{}: has answers that platforms were told, and this ledger is new: is this the right data directory, or was the ledger \
                 lost? Bring it back (`holdfast restore`), or name another path at spool.path; if what is in the spool is for this \
                 ledger, {ACCEPT}",
                path.display()
            ),
            SpoolError::Damaged(path, error) => write!(
                f,
                "{}: is damaged ({error}); what platforms were told may be in it: keep the file, and name another path at \
                 spool.path to start without it",
                path.display()
            ),
            SpoolError::Newer { path, format, ours } => write!(
                f,
                "{}: has format {format}, this program reads up to {ours}; start the newer program that wrote it",
                path.display()
            ),
        }
    }
}

impl std::error::Error for SpoolError {}
