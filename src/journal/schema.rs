//! The file: whose it is, which schema it has, and how SQLite is set up on it.
//!
//! A file is looked at before anything in it is changed: another program's is left as it is.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::JournalError;
use super::store::Sync;

/// The number of this schema, in SQLite's `user_version`. A newer one is refused.
pub(super) const SCHEMA: i32 = 1;

/// "HFJ1", in SQLite's `application_id`: the file is ours.
const APPLICATION: i32 = 0x4846_4a31;

/// The size of a page, in bytes. A commit group takes a few pages; each costs two writes.
pub(super) const PAGE_BYTES: i32 = 16_384;

/// Pages in the write-ahead log after which the writer copies it by itself: only if the copier never comes that far.
const CHECKPOINT_PAGES: i32 = 16_384;

/// What a file holds that may become, or is, a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    Nothing,
    Journal,
}

/// Opens the file, having looked at what it holds before anything in it is changed.
pub(super) fn connect(path: &Path, sync: Sync) -> Result<(Connection, Contents), JournalError> {
    make_private_file(path).map_err(|error| JournalError::Directory(path.to_owned(), error))?;
    let disk = JournalError::disk(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(disk)?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(disk);
    let (application, schema) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let contents = match (application, schema, number("SELECT count(*) FROM sqlite_schema")?) {
        (APPLICATION, SCHEMA, _) => Contents::Journal,
        (APPLICATION, newer, _) if newer > SCHEMA => return Err(JournalError::Newer(path.to_owned(), newer)),
        (0, 0, 0) => Contents::Nothing,
        (_, _, _) => return Err(JournalError::Foreign(path.to_owned())),
    };
    // The size counts for a file that is made now; one that is there keeps its own.
    connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES}")).map_err(disk)?;
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(disk)?;
    let synchronous = synchronous(sync);
    connection
        .execute_batch(&format!("PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"))
        .map_err(disk)?;
    Ok((connection, contents))
}

/// Makes the tables of an empty file.
pub(super) fn make(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN;
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {SCHEMA};
         -- One row a commit group. `chain` is SHA-256 of the row before, this row's `first` and its `body`.
         CREATE TABLE journal (
             first INTEGER PRIMARY KEY, -- the counter of the group's first record
             records INTEGER NOT NULL,  -- how many records it holds
             chain BLOB NOT NULL,
             body BLOB NOT NULL
         ) STRICT;
         -- Every ruleset that was ever published.
         CREATE TABLE ruleset (
             number INTEGER PRIMARY KEY,
             hash BLOB NOT NULL,
             program TEXT NOT NULL,
             source TEXT NOT NULL,
             published_at TEXT NOT NULL,
             published_by TEXT NOT NULL,
             why TEXT NOT NULL
         ) STRICT;
         COMMIT;"
    ))
}

pub(super) fn synchronous(sync: Sync) -> &'static str {
    match sync {
        Sync::Full => "FULL",
        Sync::None => "OFF",
    }
}

/// The journal is its owner's alone, also in a directory that others may read; SQLite's own files follow it.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::File::options().create(true).truncate(false).write(true).mode(0o600).open(path).map(|_| ())
}
