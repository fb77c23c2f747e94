//! The snapshot's file: SQLite, write-ahead log. A crash leaves the last moment that was written whole, or an earlier one; a file that is
//! damaged is made anew. Nothing here knows a ledger.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_core::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, params};

use super::rows::{
    put_accounts, put_answered, put_answers, put_cards, put_rulesets, read_accounts, read_answered, read_answers, read_cards,
    read_rulesets,
};
use super::{Note, Place, Snapshot};
use crate::ledger::embedded::state::NameKey;
use crate::private_file;

/// The number of these tables, and of those of [`super::own`], in SQLite's `user_version`.
pub(super) const FORMAT: i32 = 3;

/// "HFL1", in SQLite's `application_id`: the file is ours.
const APPLICATION: i32 = 0x4846_4c31;

/// Cards, and accounts, that a file keeps: as many as are read at a start without a database.
pub(super) const ROWS_MAX: i64 = 1 << 19;

/// How many rows are written before it is looked whether there are too many.
const LOOK_AFTER: usize = 100_000;

/// How long answered keys are kept.
const ANSWERED_KEPT: Duration = Duration::from_secs(48 * 3600);

/// How long answers are kept: platforms ask again within minutes.
const ANSWERS_KEPT: Duration = Duration::from_secs(600);

const TABLES: &str = "
-- One row: which database it is of, what keys its numbers, and when all of this was so.
CREATE TABLE moment (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    database TEXT NOT NULL,
    key BLOB NOT NULL,
    as_of INTEGER NOT NULL      -- microseconds since 1970-01-01T00:00:00Z, like all times here
) STRICT;
-- Rows that change get a new number: the least numbers are those that did not pass by for long.
CREATE TABLE card (
    number INTEGER PRIMARY KEY,
    program TEXT NOT NULL,
    token TEXT NOT NULL,
    account INTEGER,
    status TEXT NOT NULL,
    cardholder TEXT NOT NULL,   -- the owner's status
    owner TEXT,
    since INTEGER NOT NULL,
    used INTEGER NOT NULL,
    merchants BLOB NOT NULL,    -- numbers of four bytes, the latest first
    others INTEGER NOT NULL,
    UNIQUE (program, token)
) STRICT;
CREATE TABLE account (
    number INTEGER PRIMARY KEY,
    id INTEGER NOT NULL UNIQUE, -- the database's number of it
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    posted INTEGER NOT NULL,
    held INTEGER NOT NULL,
    credit_line INTEGER NOT NULL,
    changes INTEGER NOT NULL    -- how many records had changed it
) STRICT;
-- Keys that were answered, as numbers of eight bytes.
CREATE TABLE answered (number INTEGER PRIMARY KEY, seen_at INTEGER NOT NULL, keys BLOB NOT NULL) STRICT;
CREATE INDEX answered_by_time ON answered (seen_at);
-- What was answered to the latest of these keys: postcard.
CREATE TABLE answer (number INTEGER PRIMARY KEY, seen_at INTEGER NOT NULL, answers BLOB NOT NULL) STRICT;
CREATE INDEX answer_by_time ON answer (seen_at);
CREATE TABLE ruleset (
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    kind TEXT NOT NULL,
    program TEXT NOT NULL,
    source TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    published_by TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;
";

/// What is wrong with a snapshot. Nothing of it is an error of whoever asks.
#[derive(Debug)]
pub enum SnapshotError {
    /// SQLite or the disk.
    Disk(PathBuf, rusqlite::Error),
    /// It cannot be made or taken away.
    Path(PathBuf, std::io::Error),
    /// It is somebody else's file.
    Foreign(PathBuf),
    /// A newer program wrote it.
    Newer(PathBuf, i32),
}

impl SnapshotError {
    pub(super) fn disk(path: &Path) -> impl Fn(rusqlite::Error) -> SnapshotError + Copy + '_ {
        |error| SnapshotError::Disk(path.to_owned(), error)
    }

    /// Whether its pages are not what SQLite left.
    pub(super) fn is_damage(&self) -> bool {
        let SnapshotError::Disk(_, error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotError::Disk(path, error) if self.is_damage() => {
                write!(f, "{}: {error}; take it away: a responder that reads the database makes it anew", path.display())
            }
            SnapshotError::Disk(path, error) => write!(f, "{}: {error}; is its disk full?", path.display()),
            SnapshotError::Path(path, error) => write!(f, "{}: {error}", path.display()),
            SnapshotError::Foreign(path) => write!(f, "{}: is not a file of Holdfast; take it away", path.display()),
            SnapshotError::Newer(path, format) => write!(
                f,
                "{}: has format {format}, this program reads up to {FORMAT}; take it away, or start the newer program",
                path.display()
            ),
        }
    }
}

impl std::error::Error for SnapshotError {}

/// A file that is written to.
pub(super) struct Writing {
    connection: Connection,
    /// Rows since it was last looked whether there are too many.
    rows: usize,
    rows_max: i64,
}

impl Writing {
    /// Everything comes anew: what is there is as it was until the next moment that is whole.
    pub fn begin(place: &Place) -> Result<Self, SnapshotError> {
        let begun = Writing::at(place).and_then(|writing| writing.clear(place).map(|()| writing));
        match begun {
            Err(error) if error.is_damage() => {
                take_away(&place.path)?;
                let writing = Writing::at(place)?;
                writing.clear(place).map(|()| writing)
            }
            begun => begun,
        }
    }

    fn at(place: &Place) -> Result<Self, SnapshotError> {
        let path = &place.path;
        private_file::make(path).map_err(|error| SnapshotError::Path(path.clone(), error))?;
        let mut connection = connect(path)?;
        let mut found = look(&connection, path)?;
        if let Found::Older = found {
            drop(connection);
            take_away(path)?;
            private_file::make(path).map_err(|error| SnapshotError::Path(path.clone(), error))?;
            connection = connect(path)?;
            found = Found::Nothing;
        }
        if let Found::Nothing = found {
            let tables = format!("BEGIN; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; COMMIT");
            connection.execute_batch(&tables).map_err(SnapshotError::disk(path))?;
        }
        Ok(Writing { connection, rows: 0, rows_max: ROWS_MAX })
    }

    /// Begins a transaction in which nothing is there.
    fn clear(&self, place: &Place) -> Result<(), SnapshotError> {
        let nothing = "BEGIN IMMEDIATE; DELETE FROM moment; DELETE FROM card; DELETE FROM account; DELETE FROM answered;
            DELETE FROM answer; DELETE FROM ruleset";
        self.connection.execute_batch(nothing).map_err(SnapshotError::disk(&place.path))
    }

    /// Writes a note. Rows become visible with the moment at which they are right.
    pub fn put(&mut self, place: &Place, note: Note) -> Result<(), SnapshotError> {
        self.write(place, note).map_err(SnapshotError::disk(&place.path))
    }

    fn write(&mut self, place: &Place, note: Note) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
        }
        match note {
            Note::Anew | Note::Read(_) => Ok(()),
            Note::Cards(cards) => {
                self.rows = self.rows.saturating_add(cards.len());
                put_cards(&self.connection, &cards)
            }
            Note::Accounts(accounts) => {
                self.rows = self.rows.saturating_add(accounts.len());
                put_accounts(&self.connection, &accounts)
            }
            Note::Answered(keys) => put_answered(&self.connection, &keys),
            Note::Answers(answers) => put_answers(&self.connection, &answers),
            Note::Rulesets(rulesets) => put_rulesets(&self.connection, &rulesets),
            Note::Right(as_of, key) => self.is_right(place, as_of, key),
        }
    }

    fn is_right(&mut self, place: &Place, as_of: Timestamp, NameKey(one, two): NameKey) -> rusqlite::Result<()> {
        let key = [one.to_be_bytes(), two.to_be_bytes()].concat();
        let moment = "INSERT OR REPLACE INTO moment VALUES (1, ?1, ?2, ?3)";
        self.connection.execute(moment, params![place.database, key, as_of.unix_micros()])?;
        // What came since the last moment, and what has had its time.
        for (table, kept) in [("answered", ANSWERED_KEPT), ("answer", ANSWERS_KEPT)] {
            let came = format!("UPDATE {table} SET seen_at = ?1 WHERE seen_at = 0");
            self.connection.execute(&came, [as_of.unix_micros()])?;
            let gone = format!("DELETE FROM {table} WHERE seen_at > 0 AND seen_at < ?1");
            self.connection.execute(&gone, [as_of.saturating_sub(kept).unix_micros()])?;
        }
        if self.rows >= LOOK_AFTER {
            self.forget_oldest()?;
            self.rows = 0;
        }
        self.connection.execute_batch("COMMIT")
    }

    fn forget_oldest(&self) -> rusqlite::Result<()> {
        for table in ["card", "account"] {
            let oldest = format!(
                "DELETE FROM {table} WHERE number IN (SELECT number FROM {table} ORDER BY number
                 LIMIT max(0, (SELECT count(*) FROM {table}) - ?1))"
            );
            self.connection.execute(&oldest, [self.rows_max])?;
        }
        Ok(())
    }

    /// As if that many rows fitted, and it is always looked.
    #[cfg(test)]
    pub fn of_at_most(mut self, rows_max: i64) -> Self {
        (self.rows, self.rows_max) = (LOOK_AFTER, rows_max);
        self
    }
}

pub(super) fn read(place: &Place) -> Result<Option<Snapshot>, SnapshotError> {
    let path = &place.path;
    if !path.exists() {
        return Ok(None);
    }
    let connection = connect_as_it_is(path)?;
    match look(&connection, path)? {
        Found::Nothing | Found::Older => Ok(None),
        Found::Snapshot => {
            let said = SnapshotError::disk(path);
            // One moment for all of it.
            let transaction = connection.unchecked_transaction().map_err(said)?;
            read_all(&transaction, &place.database).map_err(said)
        }
    }
}

fn read_all(connection: &Connection, database: &str) -> rusqlite::Result<Option<Snapshot>> {
    let moment = "SELECT as_of, key FROM moment WHERE database = ?1";
    let moment: Option<(i64, Vec<u8>)> =
        connection.query_row(moment, [database], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((as_of, key)) = moment else { return Ok(None) };
    let (Some(one), Some(two)) = (key.first_chunk(), key.last_chunk()) else { return Ok(None) };
    Ok(Some(Snapshot {
        as_of: Timestamp::from_unix_micros(as_of),
        key: NameKey(u64::from_be_bytes(*one), u64::from_be_bytes(*two)),
        cards: read_cards(connection)?,
        accounts: read_accounts(connection)?,
        answered: read_answered(connection)?,
        answers: read_answers(connection)?,
        rulesets: read_rulesets(connection)?,
    }))
}

/// What a file is.
enum Found {
    Snapshot,
    /// One of an older program: it can be made anew.
    Older,
    Nothing,
}

fn look(connection: &Connection, path: &Path) -> Result<Found, SnapshotError> {
    // Of one moment: a process may be making it now.
    let moment = connection.unchecked_transaction().map_err(SnapshotError::disk(path))?;
    let number = |sql: &str| moment.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(SnapshotError::disk(path));
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?, tables) {
        (APPLICATION, FORMAT, _) => Ok(Found::Snapshot),
        (APPLICATION, format, _) if format < FORMAT => Ok(Found::Older),
        (0, 0, 0) => Ok(Found::Nothing),
        (APPLICATION, format, _) => Err(SnapshotError::Newer(path.to_owned(), format)),
        (_, _, _) => Err(SnapshotError::Foreign(path.to_owned())),
    }
}

/// Opens a file as it is: two that set it up at once are in each other's way, and one of them may be making it.
pub(super) fn connect_as_it_is(path: &Path) -> Result<Connection, SnapshotError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(SnapshotError::disk(path))
}

/// The same, and sets it up.
pub(super) fn connect(path: &Path) -> Result<Connection, SnapshotError> {
    let said = SnapshotError::disk(path);
    let connection = connect_as_it_is(path)?;
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(said)?;
    // What this responder did is taken away when a moment has it: a power cut must not cost that moment.
    connection.execute_batch("PRAGMA synchronous = FULL").map_err(said)?;
    Ok(connection)
}

pub(super) fn take_away(path: &Path) -> Result<(), SnapshotError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(SnapshotError::Path(path.to_owned(), error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
