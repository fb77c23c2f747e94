//! The projection's file: whose it is, which format it has, what its tables are, and how SQLite is set up on it.
//!
//! Everything in it follows from the journal, so a file that is older or damaged is thrown away and made anew; only a newer
//! program's is refused. Nothing here knows a record.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{lately, sums};
use crate::journal::{Checkpoint, JournalError, Tail, state_file};
use crate::private_file;

/// The file's name in the data directory.
pub const FILE: &str = "projection.sqlite";

/// The number of these tables, in SQLite's `user_version`. There is no way from one to the next but from the journal; a
/// checkpoint's state has them too and nothing to be made from, so that whoever changes them has to bring that along.
pub(super) const FORMAT: i32 = 8;

/// The oldest whose tables are the same and whose columns are read like ours: 6 has no counter that says when it is over, 7 does not count
/// how often a card met whom it paid.
pub(super) const FORMAT_READ: i32 = 6;

/// "HFP1", in SQLite's `application_id`: the file is ours.
pub(super) const APPLICATION: i32 = 0x4846_5031;

/// Pages in the write-ahead log after which the follower copies it.
const CHECKPOINT_PAGES: i32 = 4_096;

/// The follower's cache, in KiB.
const CACHE_KIB: i32 = 65_536;

/// Moments are microseconds since 1970-01-01T00:00:00Z, days are days since then, amounts minor units of the account's
/// currency. Numbers of accounts, cards, cardholders and holds are the journal's.
const TABLES: &str = "
-- One row: how far the journal was followed.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    next INTEGER NOT NULL,      -- the journal's first record that is not in here
    chain BLOB NOT NULL,        -- the hash of the journal's group before it
    next_hold INTEGER NOT NULL, -- the number that the next hold gets
    secret BLOB NOT NULL,       -- keys the fingerprints in this file: 128 random bits, made once
    merging INTEGER             -- the run that others are being merged into: not there yet
) STRICT;
CREATE TABLE account (
    number INTEGER PRIMARY KEY,
    program TEXT NOT NULL,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    posted INTEGER NOT NULL,
    held INTEGER NOT NULL,
    credit_line INTEGER NOT NULL,
    told_at INTEGER NOT NULL,   -- by which message the status was told
    told_by INTEGER NOT NULL,
    last_hold INTEGER,          -- the newest on it; each names the one before it
    last_movement INTEGER       -- its record, likewise
) STRICT;
CREATE INDEX account_by_name ON account (program, name);
CREATE INDEX account_by_program ON account (program, number);
CREATE TABLE cardholder (
    number INTEGER PRIMARY KEY,
    program TEXT NOT NULL,
    token TEXT NOT NULL,
    status TEXT,                -- none where nobody ever told
    told_at INTEGER,
    told_by INTEGER
) STRICT;
CREATE TABLE card (
    number INTEGER PRIMARY KEY,
    program TEXT NOT NULL,
    token TEXT NOT NULL,
    account INTEGER,
    cardholder INTEGER,
    status TEXT NOT NULL,
    told_at INTEGER NOT NULL,
    told_by INTEGER NOT NULL,
    since INTEGER NOT NULL,     -- when it was first heard of
    used INTEGER,               -- when a payment was placed with it for the first time
    last_hold INTEGER           -- the newest that counts for it; each names the one before it
) STRICT;
CREATE INDEX card_by_token ON card (program, token);
CREATE INDEX card_by_account ON card (account, number);
CREATE TABLE hold (
    number INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    card INTEGER,
    status TEXT NOT NULL,
    changed_by INTEGER NOT NULL, -- the record that changed it last
    network TEXT,               -- the first that was told
    older_of_account INTEGER,   -- the hold before it on its account
    older_of_card INTEGER,      -- and the one before it that counts for its card
    life BLOB NOT NULL          -- all that is known of it: whose, its times and records, hold, steps, counted, names (postcard)
) STRICT;
CREATE INDEX hold_open ON hold (number) WHERE status = 'open';
-- Holds that ended, by the record that ended them, as long as memory wants them after a start.
CREATE TABLE ended (record INTEGER PRIMARY KEY, at INTEGER NOT NULL, hold INTEGER NOT NULL) STRICT;
-- What limits have counted: `scope` says what `subject` numbers.
CREATE TABLE counter (
    counter INTEGER NOT NULL,
    scope TEXT NOT NULL,
    subject INTEGER NOT NULL,
    used BLOB NOT NULL,         -- by window (postcard)
    PRIMARY KEY (counter, scope, subject)
) STRICT, WITHOUT ROWID;
-- What was answered to asked keys of late, in the order of their age, many to a row: they are only ever read all together.
CREATE TABLE asked (
    record INTEGER PRIMARY KEY, -- of the page's last answer
    at INTEGER NOT NULL,        -- when that was
    page BLOB NOT NULL          -- when, fingerprint, answer (postcard)
) STRICT;
-- Which hold a payment's name leads to, and what was answered to every asked key that there ever was: in runs, each in the order
-- of its names, the latest with the highest number.
CREATE TABLE name_run (run INTEGER PRIMARY KEY, level INTEGER NOT NULL, pages INTEGER NOT NULL, names INTEGER NOT NULL) STRICT;
-- The pages of runs: the run in the upper half of the number, the place in it in the lower one.
CREATE TABLE name_page (page INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
-- Money, use of cards and counters as batches left them: what is here counts instead of what the rows say (postcard).
CREATE TABLE lately (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, page BLOB NOT NULL) STRICT;
-- Messages that were told, in the order of their age, as long as memory remembers them.
CREATE TABLE told (record INTEGER PRIMARY KEY, at INTEGER NOT NULL, name BLOB NOT NULL) STRICT;
-- Those of them that became no payment's step, which would remember them: for ever.
CREATE TABLE told_for_ever (name BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
-- What changed an account's money: one row a record.
CREATE TABLE movement (
    record INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    program TEXT NOT NULL,
    account INTEGER NOT NULL,
    hold INTEGER,
    posted INTEGER NOT NULL,    -- what was added to what is posted
    held INTEGER NOT NULL,      -- what was added to what is held
    cause TEXT,                 -- what `posted` is balanced against
    network TEXT,               -- its own, or else its payment's
    currency TEXT NOT NULL,
    settlement_day INTEGER,     -- as the platform told it
    happened_at INTEGER NOT NULL, -- without it, the day is that of this moment, by the program's cut-off
    at_once INTEGER NOT NULL,   -- 1 if the decision debited it: a completion may tell the day
    posted_after INTEGER NOT NULL,
    held_after INTEGER NOT NULL,
    finding TEXT,               -- what somebody should know about it
    older INTEGER               -- the movement before it on its account
) STRICT;
-- All that sums need, so that they read no row.
CREATE INDEX movement_by_day ON movement (program, settlement_day, network, currency, cause, posted)
    WHERE posted <> 0 AND settlement_day IS NOT NULL;
CREATE INDEX movement_by_moment ON movement (program, happened_at, network, currency, cause, posted)
    WHERE posted <> 0 AND settlement_day IS NULL;
INSERT INTO meta VALUES (1, 1, zeroblob(32), 1, randomblob(16), NULL);
";

/// What came to the format without another number: whoever lacks it has none of it.
const LATER_TABLES: &str = "
-- Whom a card paid last: numbers that merchants come to under `secret`, and how often (postcard).
CREATE TABLE IF NOT EXISTS card_acted (card INTEGER PRIMARY KEY, merchants BLOB NOT NULL) STRICT;
-- What a message of `told_for_ever` said: a digest, by which one of the same name that says something else is known.
CREATE TABLE IF NOT EXISTS told_content (name BLOB PRIMARY KEY, content INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// The projection's file of a data directory.
pub(super) fn path_in(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// What is there where the projection should be.
#[derive(Debug)]
enum Format {
    Ours,
    Empty,
    Newer(i32),
    /// Another program's, or an older one of ours.
    Other,
}

/// Opens, or makes, the projection of a data directory; says why one that was there had to be thrown away.
///
/// # Errors
/// The disk, or a newer program's file, which is left as it is. A journal that ends before what was made from it.
pub(super) fn open(directory: &Path, journal: &Tail) -> Result<(Connection, Option<String>), JournalError> {
    let path = path_in(directory);
    private_file::make(&path).map_err(|error| JournalError::Directory(path.clone(), error))?;
    match try_to_open(&path) {
        Ok((connection, Format::Ours | Format::Empty)) => Ok((connection, None)),
        Ok((_, Format::Newer(format))) => Err(JournalError::Newer { path, format, ours: FORMAT }),
        Ok((connection, Format::Other)) => {
            // An older one of ours says as well how far the journal was.
            let next = connection.query_row("SELECT next FROM meta", [], |row| row.get::<_, i64>(0));
            drop(connection);
            if let Ok(next) = next {
                journal.must_reach(next, &path)?;
            }
            begin_anew(directory).map(|connection| (connection, Some("has another format".to_owned())))
        }
        Err(error) if is_damage(&error) => {
            begin_anew(directory).map(|connection| (connection, Some(format!("is damaged ({error})"))))
        }
        Err(error) => Err(JournalError::disk(&path)(error)),
    }
}

/// Throws away what is there and makes an empty projection.
///
/// # Errors
/// The disk.
pub(super) fn begin_anew(directory: &Path) -> Result<Connection, JournalError> {
    let path = path_in(directory);
    let anew = throw_away(directory).and_then(|()| private_file::make(&path));
    anew.map_err(|error| JournalError::Directory(path.clone(), error))?;
    let (connection, _) = try_to_open(&path).map_err(JournalError::disk(&path))?;
    Ok(connection)
}

/// Throws away what is there, and begins with a checkpoint's state.
///
/// # Errors
/// The disk, or the state, which is proven.
pub(super) fn begin_with(directory: &Path, checkpoint: &Checkpoint) -> Result<Connection, JournalError> {
    let path = path_in(directory);
    let failed = |error| JournalError::Directory(path.clone(), error);
    throw_away(directory).map_err(failed)?;
    // A copy that is cut short is another journal's projection, or damaged: it is thrown away at the next start.
    open_copy(directory, checkpoint, &path)
}

/// A copy of a checkpoint's state, open for writing.
pub(super) fn open_copy(directory: &Path, checkpoint: &Checkpoint, to: &Path) -> Result<Connection, JournalError> {
    let failed = |error| JournalError::Directory(to.to_owned(), error);
    private_file::make(to).map_err(failed)?;
    let mut file = std::fs::File::options().write(true).truncate(true).open(to).map_err(failed)?;
    checkpoint.copy_state(directory, &mut file)?;
    drop(file);
    match try_to_open(to).map_err(JournalError::disk(to))? {
        (connection, Format::Ours) => Ok(connection),
        (_, Format::Empty | Format::Newer(_) | Format::Other) => Err(JournalError::StateOfOtherFormat {
            path: state_file::path_of(directory, checkpoint.record),
            record: checkpoint.record,
        }),
    }
}

/// Has nobody but whoever keeps the sums of its pages copy them out of the write-ahead log.
pub(super) fn copy_by_hand(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0")
}

/// An empty projection at another place.
pub(super) fn open_empty(at: &Path) -> Result<Connection, JournalError> {
    private_file::make(at).map_err(|error| JournalError::Directory(at.to_owned(), error))?;
    try_to_open(at).map(|(connection, _)| connection).map_err(JournalError::disk(at))
}

/// Makes it a file that stands alone, and closes it.
pub(super) fn close_alone(connection: Connection) -> rusqlite::Result<()> {
    let _: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    connection.close().map_err(|(_, error)| error)
}

/// Opens a checkpoint's state for reading only.
pub(super) fn open_state(directory: &Path, record: i64) -> Result<Connection, JournalError> {
    let path = state_file::path_of(directory, record);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(JournalError::disk(&path))?;
    match format_of(&connection).map_err(JournalError::disk(&path))? {
        Format::Ours => Ok(connection),
        Format::Empty | Format::Newer(_) | Format::Other => Err(JournalError::StateOfOtherFormat { path, record }),
    }
}

/// Takes the file away. Whoever has it open still reads it.
pub(super) fn throw_away(directory: &Path) -> std::io::Result<()> {
    let with = |suffix: &str| {
        let mut name = path_in(directory).into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    for path in [sums::path_in(directory), with(""), with("-wal"), with("-shm")] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Whether the fault lies with what is in the file, and not with the disk: then the journal makes it anew.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                // A table or column of ours is not there.
                | ErrorCode::Unknown
        ),
        // What is there is of another type than we write, or is not there.
        None => true,
    }
}

fn try_to_open(path: &Path) -> rusqlite::Result<(Connection, Format)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let format = format_of(&connection)?;
    if matches!(format, Format::Ours | Format::Empty) {
        let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        // What a power cut takes away here is in the journal.
        connection.execute_batch(&format!(
            "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; PRAGMA cache_size = -{CACHE_KIB}"
        ))?;
    }
    if matches!(format, Format::Empty) {
        make_tables(&connection)?;
    }
    if matches!(format, Format::Ours | Format::Empty) {
        connection.execute_batch(LATER_TABLES)?;
        // From here on an older program cannot read what is written.
        if connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0))? != FORMAT {
            let transaction = connection.unchecked_transaction()?;
            lately::take_over_uncounted(&transaction)?;
            transaction.execute_batch(&format!("PRAGMA user_version = {FORMAT}"))?;
            transaction.commit()?;
        }
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok((connection, format))
}

fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}"))?;
    transaction.commit()
}

/// Whether a table is there that came later.
pub(super) fn has(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = ?1", [table], |row| row.get(0))
}

fn format_of(connection: &Connection) -> rusqlite::Result<Format> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    Ok(match (number("PRAGMA application_id")?, number("PRAGMA user_version")?, tables) {
        (APPLICATION, FORMAT_READ..=FORMAT, _) => Format::Ours,
        (APPLICATION, format, _) if format > FORMAT => Format::Newer(format),
        (0, 0, 0) => Format::Empty,
        (_, _, _) => Format::Other,
    })
}

/// Opens the projection for reading only. `None` if there is none of this format.
pub(super) fn open_to_read(directory: &Path) -> rusqlite::Result<Option<Connection>> {
    let path = path_in(directory);
    if !path.exists() {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(matches!(format_of(&connection)?, Format::Ours).then_some(connection))
}
