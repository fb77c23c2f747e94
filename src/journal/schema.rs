//! The file: whose it is, which schema it has, how it comes from an older one, and how SQLite is set up on it.
//!
//! A file is looked at before anything in it is changed: another program's is left as it is, and so is a newer one.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::JournalError;
use super::slips;
use super::store::Sync;
use super::waits;
use crate::private_file;

/// The number of this schema, in SQLite's `user_version`. A newer one is refused, an older one is brought here.
pub(super) const SCHEMA: i32 = 7;

/// "HFJ1", in SQLite's `application_id`: the file is ours.
const APPLICATION: i32 = 0x4846_4a31;

/// The size of a page, in bytes. A commit group takes a few pages; each costs two writes.
pub(super) const PAGE_BYTES: i32 = 16_384;

/// Pages in the write-ahead log after which the writer copies it by itself: only if the copier never comes that far.
const CHECKPOINT_PAGES: i32 = 16_384;

/// From each schema to the next, beginning with an empty file. A step is never changed: a new file goes through all of them,
/// so that it cannot differ from one that has grown old.
pub(super) const STEPS: [&str; 7] = [
    "-- One row a commit group. `chain` ties it to the row before.
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
     ) STRICT;",
    "-- Which fields `chain` covers, see chain.rs. What was written before stays as it was linked.
     ALTER TABLE journal ADD COLUMN link INTEGER NOT NULL DEFAULT 1;
     -- Where the journal begins if its oldest groups were dropped; at most one row.
     CREATE TABLE checkpoint (
         record INTEGER PRIMARY KEY, -- the first record that is kept
         chain BLOB NOT NULL,        -- of the last group that was dropped
         state BLOB NOT NULL,        -- what the dropped groups amount to
         seal BLOB NOT NULL,         -- SHA-256 of the three
         made_at TEXT NOT NULL
     ) STRICT;",
    "-- What operators did; records name it by its id.
     CREATE TABLE operation (
         id BLOB PRIMARY KEY,
         program TEXT NOT NULL,
         key TEXT NOT NULL,     -- the caller's idempotency key
         request BLOB NOT NULL, -- SHA-256 of what was asked
         who TEXT NOT NULL,
         why TEXT NOT NULL,
         at INTEGER NOT NULL    -- microseconds since 1970
     ) STRICT, WITHOUT ROWID;",
    "-- Stand-in tables are kept as rulesets are: what a row is, see rulesets.rs.
     ALTER TABLE ruleset ADD COLUMN kind TEXT NOT NULL DEFAULT 'rules';",
    slips::TABLE,
    waits::TABLE,
    slips::LASTING,
];

/// Opens the file for writing, having looked at what it holds before anything in it is changed. Gives the schema that it
/// has, 0 for an empty file. Until [`accept`], closing it leaves the write-ahead log where it is: it may be evidence.
pub(super) fn connect(path: &Path, sync: Sync) -> Result<(Connection, i32), JournalError> {
    private_file::make(path).map_err(|error| JournalError::Directory(path.to_owned(), error))?;
    let disk = JournalError::disk(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(disk)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(disk)?;
    let schema = schema_of(&connection, path)?;
    // The size counts for a file that is made now; one that is there keeps its own.
    connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES}")).map_err(disk)?;
    if schema == 0 {
        // SQLite would write it anew into a file that is there: whatever that is, it may be evidence.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(disk)?;
    }
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(disk)?;
    let synchronous = synchronous(sync);
    connection
        .execute_batch(&format!(
            // What is erased leaves nothing to be read; nothing else is ever changed in place.
            "PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; PRAGMA secure_delete = FAST"
        ))
        .map_err(disk)?;
    Ok((connection, schema))
}

/// Opens the file for reading, beside whoever writes it. Gives the schema that it has.
pub(super) fn connect_reading(path: &Path) -> Result<(Connection, i32), JournalError> {
    let disk = JournalError::disk(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(disk)?;
    match schema_of(&connection, path)? {
        0 => Err(JournalError::Foreign(path.to_owned())),
        schema => Ok((connection, schema)),
    }
}

/// The file is the journal that it should be: from now on closing it copies the write-ahead log into it.
pub(super) fn accept(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(|_| ())
}

/// Brings a file of an older schema, or an empty one, to this one: all of the way, or not at all.
pub(super) fn migrate(connection: &Connection, schema: i32) -> rusqlite::Result<()> {
    let done = usize::try_from(schema).unwrap_or(usize::MAX);
    let steps: Vec<_> = STEPS.iter().copied().skip(done).collect();
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(&steps.join("\n"))?;
    transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA}"))?;
    transaction.commit()
}

fn schema_of(connection: &Connection, path: &Path) -> Result<i32, JournalError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(JournalError::disk(path));
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?, number("SELECT count(*) FROM sqlite_schema")?) {
        (APPLICATION, schema @ 1..=SCHEMA, _) => Ok(schema),
        (APPLICATION, format, _) if format > SCHEMA => Err(JournalError::Newer { path: path.to_owned(), format, ours: SCHEMA }),
        (0, 0, 0) => Ok(0),
        (_, _, _) => Err(JournalError::Foreign(path.to_owned())),
    }
}

pub(super) fn synchronous(sync: Sync) -> &'static str {
    match sync {
        Sync::Full => "FULL",
        Sync::None => "OFF",
    }
}
