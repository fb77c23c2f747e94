//! `webhooks.sqlite`: how far each endpoint has been told the journal, and the letters that could not be delivered at once. A
//! letter says which record it is about, never what it says: its body is made anew each time.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use holdfast_core::{ProgramId, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, Transaction, params};

use super::circuit::ATTEMPTS_MAX;
use super::event::EventKind;
use super::letter::{Changes, Cursor, Letter, Replay, Retried, Source, Spot, Standing};
use crate::private_file;

/// The file's name in the data directory.
pub const FILE: &str = "webhooks.sqlite";

/// "HFW1", in SQLite's `application_id`: the file is ours.
const APPLICATION: i32 = 0x4846_5731;
/// The number of these tables, in SQLite's `user_version`.
const FORMAT: i32 = 1;

const TABLES: &str = "
-- How far an endpoint has been told: the next record of the journal, the last signal.
CREATE TABLE endpoint (
    name TEXT PRIMARY KEY,
    next INTEGER NOT NULL,
    signal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- What could not be delivered at once, and what waits behind it.
CREATE TABLE letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint TEXT NOT NULL,
    record INTEGER,                 -- the journal's record that it is about,
    signal INTEGER,                 -- or the signal
    event TEXT NOT NULL,            -- its name: evt_…
    kind TEXT NOT NULL,
    sequence INTEGER NOT NULL,      -- letters of one sequence go one after the other
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,       -- microseconds since 1970-01-01T00:00:00Z
    since INTEGER NOT NULL,
    problem TEXT NOT NULL,          -- of the last attempt
    dead INTEGER NOT NULL
) STRICT;
CREATE INDEX letter_due ON letter (endpoint, dead, next_at);
CREATE INDEX letter_order ON letter (endpoint, sequence, dead, id);
-- Records that somebody wants sent once more.
CREATE TABLE replay (
    id INTEGER PRIMARY KEY,
    endpoint TEXT NOT NULL,
    next INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
-- What is no record of the journal: stand-in, entered and left.
CREATE TABLE signal (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    program TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
-- The programs that were told to be in stand-in, and since when.
CREATE TABLE standing (program TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

const LETTER: &str =
    "SELECT id, endpoint, record, signal, event, kind, sequence, attempts, next_at, since, problem, dead FROM letter";

/// Why the outbox cannot be used.
#[derive(Debug)]
pub enum OutboxError {
    /// The file cannot be made.
    Path(PathBuf, std::io::Error),
    /// The disk.
    Disk(PathBuf, rusqlite::Error),
    /// It is not ours, or a newer program's.
    Foreign(PathBuf),
}

impl fmt::Display for OutboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutboxError::Path(path, error) => write!(f, "{}: cannot be made: {error}", path.display()),
            OutboxError::Disk(path, error) => write!(f, "{}: {error}", path.display()),
            OutboxError::Foreign(path) => {
                write!(f, "{}: is no file of webhooks, or a newer program's; move it away", path.display())
            }
        }
    }
}

impl std::error::Error for OutboxError {}

/// The file, open.
#[derive(Debug)]
pub struct Outbox {
    path: PathBuf,
    connection: Connection,
}

impl Outbox {
    /// Opens, or makes, the file of a data directory.
    ///
    /// # Errors
    /// See [`OutboxError`].
    pub fn open(directory: &Path) -> Result<Self, OutboxError> {
        let path = directory.join(FILE);
        private_file::make(&path).map_err(|error| OutboxError::Path(path.clone(), error))?;
        Outbox::connect(path)
    }

    /// Opens it if it is there.
    ///
    /// # Errors
    /// See [`OutboxError`].
    pub fn open_if_there(directory: &Path) -> Result<Option<Self>, OutboxError> {
        let path = directory.join(FILE);
        if path.exists() { Outbox::connect(path).map(Some) } else { Ok(None) }
    }

    fn connect(path: PathBuf) -> Result<Self, OutboxError> {
        let disk = |error| OutboxError::Disk(path.clone(), error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(disk)?;
        let set_up = || {
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
            connection.execute_batch("PRAGMA synchronous = FULL")?;
            let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
            Ok((number("PRAGMA application_id")?, number("PRAGMA user_version")?, number("SELECT count(*) FROM sqlite_schema")?))
        };
        match set_up().map_err(disk)? {
            (APPLICATION, FORMAT, _) => {}
            (0, 0, 0) => make_tables(&connection).map_err(disk)?,
            (_, _, _) => return Err(OutboxError::Foreign(path)),
        }
        Ok(Outbox { path, connection })
    }

    fn disk(&self) -> impl Fn(rusqlite::Error) -> OutboxError + '_ {
        |error| OutboxError::Disk(self.path.clone(), error)
    }

    /// How far an endpoint has been told; one that is new begins at that record, and with the next signal.
    ///
    /// # Errors
    /// The disk.
    pub fn enter(&self, endpoint: &str, next: i64) -> Result<Cursor, OutboxError> {
        let enter = || {
            let sql = "INSERT OR IGNORE INTO endpoint VALUES (?1, ?2, (SELECT ifnull(max(number), 0) FROM signal))";
            self.connection.execute(sql, params![endpoint, next])?;
            let read = |row: &Row<'_>| Ok(Cursor { next: row.get(0)?, signal: row.get(1)? });
            self.connection.query_row("SELECT next, signal FROM endpoint WHERE name = ?1", [endpoint], read)
        };
        enter().map_err(self.disk())
    }

    /// Changes what there is to change for an endpoint, all of it or nothing.
    ///
    /// # Errors
    /// The disk: nothing was changed.
    pub fn change(&self, endpoint: &str, now: Timestamp, changes: &Changes) -> Result<(), OutboxError> {
        let change = || {
            let transaction = self.connection.unchecked_transaction()?;
            apply(&transaction, endpoint, now, changes)?;
            transaction.commit()
        };
        change().map_err(self.disk())
    }

    /// Letters that are due, the oldest first; of each sequence only the first that waits.
    ///
    /// # Errors
    /// The disk.
    pub fn due(&self, endpoint: &str, now: Timestamp, most: usize) -> Result<Vec<Letter>, OutboxError> {
        let sql = format!(
            "{LETTER} WHERE endpoint = ?1 AND dead = 0 AND next_at <= ?2 AND id = (SELECT min(id) FROM letter AS first
             WHERE first.endpoint = letter.endpoint AND first.sequence = letter.sequence AND first.dead = 0)
             ORDER BY next_at, id LIMIT ?3"
        );
        self.letters(&sql, params![endpoint, now.unix_micros(), i64::try_from(most).unwrap_or(i64::MAX)])
    }

    /// When the next letter is due that is not due yet.
    ///
    /// # Errors
    /// The disk.
    pub fn next_due(&self, endpoint: &str, now: Timestamp) -> Result<Option<Timestamp>, OutboxError> {
        let sql = "SELECT min(next_at) FROM letter WHERE endpoint = ?1 AND dead = 0 AND next_at > ?2";
        let at = self.connection.query_row(sql, params![endpoint, now.unix_micros()], |row| row.get::<_, Option<i64>>(0));
        Ok(at.map_err(self.disk())?.map(Timestamp::from_unix_micros))
    }

    /// How many letters wait in each sequence.
    ///
    /// # Errors
    /// The disk.
    pub fn sequences(&self, endpoint: &str) -> Result<HashMap<u64, u32>, OutboxError> {
        let sql = "SELECT sequence, count(*) FROM letter WHERE endpoint = ?1 AND dead = 0 GROUP BY sequence";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map([endpoint], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)))?;
            rows.collect::<rusqlite::Result<HashMap<u64, u32>>>()
        };
        read().map_err(self.disk())
    }

    /// How many letters wait, and how many are dead.
    ///
    /// # Errors
    /// The disk.
    pub fn counts(&self, endpoint: &str) -> Result<(u32, u32), OutboxError> {
        let sql = "SELECT count(*) FILTER (WHERE dead = 0), count(*) FILTER (WHERE dead = 1) FROM letter WHERE endpoint = ?1";
        self.connection.query_row(sql, [endpoint], |row| Ok((row.get(0)?, row.get(1)?))).map_err(self.disk())
    }

    /// Every letter, the oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn all(&self) -> Result<Vec<Letter>, OutboxError> {
        self.letters(&format!("{LETTER} ORDER BY id"), params![])
    }

    fn letters(&self, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Letter>, OutboxError> {
        let read = || self.connection.prepare_cached(sql)?.query_map(values, letter)?.collect::<rusqlite::Result<_>>();
        read().map_err(self.disk())
    }

    /// How far every endpoint has been told.
    ///
    /// # Errors
    /// The disk.
    pub fn endpoints(&self) -> Result<Vec<(String, Cursor)>, OutboxError> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT name, next, signal FROM endpoint ORDER BY name")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, Cursor { next: row.get(1)?, signal: row.get(2)? })))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(self.disk())
    }

    /// A letter is due at once, with all its attempts before it.
    ///
    /// # Errors
    /// The disk.
    pub fn retry(&self, id: i64) -> Result<Retried, OutboxError> {
        let retry = || {
            let transaction = self.connection.unchecked_transaction()?;
            let sql = "UPDATE letter SET dead = 0, attempts = 0, next_at = ?2 WHERE id = ?1";
            if transaction.execute(sql, params![id, Letter::ASKED_FOR.unix_micros()])? == 0 {
                return Ok(Retried::Unknown);
            }
            let sql = "SELECT min(first.id) FROM letter JOIN letter AS first ON first.endpoint = letter.endpoint
                AND first.sequence = letter.sequence AND first.dead = 0 WHERE letter.id = ?1";
            let first: i64 = transaction.query_row(sql, [id], |row| row.get(0))?;
            transaction.commit()?;
            Ok(if first == id { Retried::Due } else { Retried::Behind(first) })
        };
        retry().map_err(self.disk())
    }

    /// Takes an operator's word that the endpoint takes events, if there is one.
    ///
    /// # Errors
    /// The disk.
    pub fn word(&self, endpoint: &str) -> Result<bool, OutboxError> {
        let sql = "DELETE FROM replay WHERE endpoint = ?1 AND next > last";
        self.connection.execute(sql, [endpoint]).map(|taken| taken > 0).map_err(self.disk())
    }

    /// An endpoint's records from one to another are sent once more.
    ///
    /// # Errors
    /// The disk.
    pub fn ask_for_replay(&self, endpoint: &str, next: i64, last: i64) -> Result<(), OutboxError> {
        let sql = "INSERT INTO replay (endpoint, next, last) VALUES (?1, ?2, ?3)";
        self.connection.execute(sql, params![endpoint, next, last]).map(drop).map_err(self.disk())
    }

    /// The oldest replay of an endpoint.
    ///
    /// # Errors
    /// The disk.
    pub fn replay(&self, endpoint: &str) -> Result<Option<Replay>, OutboxError> {
        let sql = "SELECT id, next, last FROM replay WHERE endpoint = ?1 ORDER BY id LIMIT 1";
        let read = |row: &Row<'_>| Ok(Replay { id: row.get(0)?, next: row.get(1)?, last: row.get(2)? });
        self.connection.query_row(sql, [endpoint], read).optional().map_err(self.disk())
    }

    /// A number that changes whenever another process has changed the file.
    ///
    /// # Errors
    /// The disk.
    pub fn version(&self) -> Result<i64, OutboxError> {
        self.connection.query_row("PRAGMA data_version", [], |row| row.get(0)).map_err(self.disk())
    }

    /// The data directory.
    pub(super) fn directory(&self) -> Option<&Path> {
        self.path.parent()
    }

    /// The file's own connection, for what is kept beside the letters.
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What its errors are.
    pub(super) fn failed(&self, error: rusqlite::Error) -> OutboxError {
        OutboxError::Disk(self.path.clone(), error)
    }
}

fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}"))?;
    transaction.commit()
}

fn apply(transaction: &Transaction<'_>, endpoint: &str, now: Timestamp, changes: &Changes) -> rusqlite::Result<()> {
    if let Some(Cursor { next, signal }) = changes.cursor {
        let sql = "UPDATE endpoint SET next = ?2, signal = ?3 WHERE name = ?1";
        transaction.prepare_cached(sql)?.execute(params![endpoint, next, signal])?;
    }
    let sql = "INSERT INTO letter (endpoint, record, signal, event, kind, sequence, attempts, next_at, since, problem, dead)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let mut write = transaction.prepare_cached(sql)?;
    for letter in &changes.written {
        let (record, signal) = match letter.source {
            Source::Record(spot) => (Some(spot.record), None),
            Source::Signal(signal) => (None, Some(signal)),
        };
        write.execute(params![
            endpoint,
            record,
            signal,
            letter.event,
            letter.kind.name(),
            letter.sequence.cast_signed(),
            letter.attempts,
            letter.next_at.unix_micros(),
            now.unix_micros(),
            letter.problem,
            letter.attempts >= ATTEMPTS_MAX,
        ])?;
    }
    for id in &changes.delivered {
        transaction.prepare_cached("DELETE FROM letter WHERE id = ?1")?.execute([id])?;
    }
    for (id, attempts, next_at, problem) in &changes.refused {
        let sql = "UPDATE letter SET attempts = ?2, next_at = ?3, problem = ?4, dead = ?5 WHERE id = ?1";
        let dead = *attempts >= ATTEMPTS_MAX;
        transaction.prepare_cached(sql)?.execute(params![id, attempts, next_at.unix_micros(), problem, dead])?;
    }
    match changes.replayed {
        Some(Replay { id, next, last }) if next > last => {
            transaction.execute("DELETE FROM replay WHERE id = ?1", [id])?;
        }
        Some(Replay { id, next, .. }) => {
            transaction.execute("UPDATE replay SET next = ?2 WHERE id = ?1", [id, next])?;
        }
        None => {}
    }
    Ok(())
}

fn letter(row: &Row<'_>) -> rusqlite::Result<Letter> {
    let (record, signal): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
    let kind: String = row.get(5)?;
    let source = record.map(|record| Source::Record(Spot::of(record))).or(signal.map(Source::Signal));
    let dead: bool = row.get(11)?;
    let (source, kind) = source.zip(EventKind::from_name(&kind)).ok_or(rusqlite::Error::InvalidQuery)?;
    Ok(Letter {
        id: row.get(0)?,
        endpoint: row.get(1)?,
        source,
        event: row.get(4)?,
        kind,
        sequence: row.get::<_, i64>(6)?.cast_unsigned(),
        attempts: row.get(7)?,
        next_at: Timestamp::from_unix_micros(row.get(8)?),
        since: Timestamp::from_unix_micros(row.get(9)?),
        problem: row.get(10)?,
        standing: if dead { Standing::Dead } else { Standing::Waiting },
    })
}

/// A program's name, as a row has it.
pub(super) fn program(row: &Row<'_>, column: usize) -> rusqlite::Result<ProgramId> {
    let name: String = row.get(column)?;
    ProgramId::try_from(name.as_str()).map_err(|_| rusqlite::Error::InvalidQuery)
}
