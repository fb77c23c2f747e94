//! The spool's tables: what they are, whose file it is, how SQLite is set up on it, and the way from an older format. Nothing here
//! knows a row.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::SpoolError;
use super::file::{Held, Sync};
use crate::private_file;

/// The number of these tables, in SQLite's `user_version`.
const FORMAT: i32 = 5;

/// "HFS1", in SQLite's `application_id`: the file is ours.
const APPLICATION: i32 = 0x4846_5331;

const TABLES: &str = "
-- What the ledger has not heard, in the order in which it came.
CREATE TABLE entry (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,        -- when it came, microseconds since 1970-01-01T00:00:00Z
    body BLOB NOT NULL,         -- postcard
    digest BLOB NOT NULL        -- the first 8 bytes of the body's SHA-256
) STRICT;
-- What the ledger refused for good. Somebody has to look at it.
CREATE TABLE aside (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    digest BLOB NOT NULL,
    set_aside_at INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
-- Approvals that the ledger has confirmed, of formats before 5: caps of time count them on.
CREATE TABLE confirmed (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
-- One row: numbers are never given twice, also when every row has left.
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), next INTEGER NOT NULL) STRICT;
INSERT INTO meta VALUES (1, 1);
";

/// What format 2 has besides.
const TABLES_OF_2: &str = "
-- Entries that somebody brought back after the ledger had refused them: who, and why. Kept for good.
CREATE TABLE brought_back (
    number INTEGER PRIMARY KEY, -- as it waits now
    was INTEGER NOT NULL,       -- as it was set aside
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;
-- Stand-in that was switched on by hand: one row each time, kept for good.
CREATE TABLE switch (
    number INTEGER PRIMARY KEY,
    program TEXT NOT NULL,
    platform TEXT,              -- none: every platform of the program
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,     -- when it ends by itself
    by TEXT NOT NULL,
    why TEXT NOT NULL,
    off_at INTEGER,             -- when somebody ended it before
    off_by TEXT,
    off_why TEXT
) STRICT;
-- Which request of the management API switched what: sent again, it switches nothing again.
CREATE TABLE switch_key (
    program TEXT NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    switch INTEGER NOT NULL,
    PRIMARY KEY (program, key)
) STRICT, WITHOUT ROWID;
";

/// What format 3 has besides.
const TABLES_OF_3: &str = "
-- One row: what tells this spool from every other one.
CREATE TABLE name (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT;
INSERT INTO name VALUES (1, lower(hex(randomblob(16))));
";

/// What format 4 has besides.
const TABLES_OF_4: &str = "
-- From when to when the ledger was not asked because it did not answer.
CREATE TABLE away (
    since INTEGER PRIMARY KEY,
    until INTEGER               -- none: until now, or nobody was there to see its end
) STRICT;
-- What responders that share a ledger call that switching on; none: nobody else knows of it.
ALTER TABLE switch ADD COLUMN shared TEXT;
";

/// What format 5 has besides.
const TABLES_OF_5: &str = "
-- Approvals that the ledger has confirmed, as caps of time count them on: nothing else of what was told.
CREATE TABLE counted (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,         -- postcard
    digest BLOB NOT NULL
) STRICT;
";

/// What a file is.
pub(super) enum Found {
    Spool,
    /// One of an older format.
    Older(i32),
    Nothing,
}

pub(super) fn look(connection: &Connection, path: &Path) -> Result<Found, SpoolError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(SpoolError::disk(path));
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?, tables) {
        (APPLICATION, FORMAT, _) => Ok(Found::Spool),
        (APPLICATION, format @ 1..FORMAT, _) => Ok(Found::Older(format)),
        (0, 0, 0) => Ok(Found::Nothing),
        (APPLICATION, format, _) => Err(SpoolError::Newer { path: path.to_owned(), format, ours: FORMAT }),
        (_, _, _) => Err(SpoolError::Foreign(path.to_owned())),
    }
}

/// Whether the file that is there has ever been a spool: one that has nothing in it lost what it had, or was never one.
pub(super) fn is_begun(path: &Path) -> Result<bool, SpoolError> {
    let connection = connect(path, Sync::Full).map_err(SpoolError::disk(path))?;
    // Whoever opens it next goes on with its log: to bring that into the file waits for the disk.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(SpoolError::disk(path))?;
    Ok(match look(&connection, path)? {
        Found::Spool | Found::Older(_) => true,
        Found::Nothing => false,
    })
}

pub(super) fn connect(path: &Path, sync: Sync) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    connection.execute_batch(match sync {
        Sync::Full => "PRAGMA synchronous = FULL",
        Sync::None => "PRAGMA synchronous = OFF",
    })?;
    Ok(connection)
}

pub(super) fn count(connection: &Connection) -> rusqlite::Result<Held> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
    Ok(Held { waiting: number("SELECT count(*) FROM entry")?, aside: number("SELECT count(*) FROM aside")? })
}

pub(super) fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(TABLES_OF_2)?;
    transaction.execute_batch(TABLES_OF_3)?;
    transaction.execute_batch(TABLES_OF_4)?;
    transaction.execute_batch(TABLES_OF_5)?;
    transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}"))?;
    transaction.commit()
}

/// Brings a file of an older format to this one.
pub(super) fn make_newer(connection: &Connection, from: i32) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    if from < 2 {
        transaction.execute_batch(TABLES_OF_2)?;
    }
    if from < 3 {
        transaction.execute_batch(TABLES_OF_3)?;
    }
    if from < 4 {
        transaction.execute_batch(TABLES_OF_4)?;
    }
    transaction.execute_batch(TABLES_OF_5)?;
    transaction.execute_batch(&format!("PRAGMA user_version = {FORMAT}"))?;
    transaction.commit()
}

/// The spool is its owner's alone; SQLite's own files follow it. One that is there is not opened: closing it again would take away
/// the locks that SQLite has on it in this process, and with them another process could take away its log.
pub(super) fn make_private_file(path: &Path) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    private_file::make(path)
}
