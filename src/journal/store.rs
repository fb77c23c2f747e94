//! How the journal is kept: SQLite, write-ahead log, synced before a group is acknowledged.
//!
//! One table, one row a commit group, keyed by the counter of the group's first record; each row carries the hash of the
//! row before it. A row a group saves a statement and the B-tree's work for every record, and any operator can open
//! the file. Nothing here understands a record.

use std::fmt;
use std::path::{Path, PathBuf};

use holdfast_core::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::checkpoint::{self, Checkpointer, Duty};
use super::record::RecordError;

/// The file's name in the data directory.
pub const FILE: &str = "journal.sqlite";

/// The number of this schema, in SQLite's `user_version`. A newer one is refused.
const SCHEMA: i32 = 1;

/// "HFJ1", in SQLite's `application_id`: the file is ours.
const APPLICATION: i32 = 0x4846_4a31;

/// The size of a page, in bytes. A commit group takes a few pages; each costs two writes.
const PAGE_BYTES: i32 = 16_384;

/// Pages in the write-ahead log after which the writer copies it by itself: only if the copier never comes that far.
const CHECKPOINT_PAGES: i32 = 16_384;

/// Whether a group is synced to the disk before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Yes. The only setting for money.
    Full,
    /// No: a power cut loses what was acknowledged. For benchmarks.
    None,
}

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
    /// Another process has it open for writing.
    InUse(PathBuf),
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
            JournalError::InUse(path) => {
                write!(f, "{}: is in use by another Holdfast; stop that one, or choose another data directory", path.display())
            }
        }
    }
}

impl std::error::Error for JournalError {}

/// The journal, open for appending.
pub struct Journal {
    path: PathBuf,
    connection: Connection,
    /// Held as long as the journal is open: two writers on one directory are refused.
    _lock: std::fs::File,
    checkpointer: Checkpointer,
    duty: Duty,
    next: i64,
    chain: [u8; 32],
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Journal {
    /// Opens, or makes, the journal of a data directory.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn open(directory: &Path, sync: Sync) -> Result<Self, JournalError> {
        make_private(directory).map_err(|error| JournalError::Directory(directory.to_owned(), error))?;
        let lock = lock(directory)?;
        let path = directory.join(FILE);
        let (connection, contents) = connect(&path, sync)?;
        if contents == Contents::Nothing {
            connection.execute_batch(&schema_sql()).map_err(|error| JournalError::Disk(path.clone(), error))?;
        }
        let checkpointer = Checkpointer::start(&path, synchronous(sync));
        let mut journal = Journal { path, connection, _lock: lock, checkpointer, duty: Duty::None, next: 1, chain: [0; 32] };
        journal.seek_end()?;
        Ok(journal)
    }

    /// Opens the file afresh after a failure, and says where the log really ends.
    ///
    /// # Errors
    /// The disk still fails.
    pub fn reopen(&mut self, sync: Sync) -> Result<(), JournalError> {
        let (connection, contents) = connect(&self.path, sync)?;
        match contents {
            Contents::Journal => self.connection = connection,
            // Somebody took the file away. Beginning a new one would forget what was acknowledged.
            Contents::Nothing => return Err(JournalError::Foreign(self.path.clone())),
        }
        self.seek_end()
    }

    /// An error of this file's chain.
    #[must_use]
    pub fn broken(&self, first: i64) -> JournalError {
        JournalError::Broken(self.path.clone(), first)
    }

    /// An error of this file's records.
    #[must_use]
    pub fn unreadable(&self, first: i64, error: RecordError) -> JournalError {
        JournalError::Unreadable(self.path.clone(), first, error)
    }

    /// The counter that the next record gets; the first record is 1.
    #[must_use]
    pub const fn next(&self) -> i64 {
        self.next
    }

    /// The hash of the last group.
    #[must_use]
    pub const fn chain(&self) -> &[u8; 32] {
        &self.chain
    }

    /// Appends a group; when this returns it is on the disk (unless [`Sync::None`]).
    ///
    /// # Errors
    /// The group is not acknowledged. Whether it is on the disk all the same, only [`Journal::reopen`] tells.
    pub fn append(&mut self, records: u32, bytes: &[u8]) -> Result<(), JournalError> {
        let chain = link(&self.chain, self.next, bytes);
        self.connection
            .prepare_cached("INSERT INTO journal (first, records, chain, body) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut statement| statement.execute(params![self.next, records, &chain[..], bytes]))
            .map_err(|error| JournalError::Disk(self.path.clone(), error))?;
        self.next = self.next.saturating_add(i64::from(records));
        self.chain = chain;
        let page = u64::from(PAGE_BYTES.unsigned_abs());
        let pages = u64::try_from(bytes.len()).unwrap_or(u64::MAX).div_ceil(page).saturating_add(1);
        self.duty = self.checkpointer.appended(pages);
        Ok(())
    }

    /// Does what is to be done between two groups, when nobody waits for one.
    pub fn tidy(&mut self) {
        match std::mem::replace(&mut self.duty, Duty::None) {
            // A log that cannot be copied now grows; the next append says so if the disk is at fault.
            Duty::CopyTheRest => drop(checkpoint::copy(&self.connection)),
            Duty::None => {}
        }
    }

    /// Reads every group from the one that holds record `from` on, in order, checking the chain.
    ///
    /// # Errors
    /// The disk, a broken chain, or what `each` says of a group's bytes.
    pub fn read<E: From<JournalError>>(&self, from: i64, mut each: impl FnMut(i64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let disk = |error| JournalError::Disk(self.path.clone(), error);
        let from = self.group_with(from).map_err(disk)?;
        let mut chain = self.chain_before(from).map_err(disk)?;
        let mut statement = self
            .connection
            .prepare("SELECT first, records, chain, body FROM journal WHERE first >= ?1 ORDER BY first")
            .map_err(disk)?;
        let mut rows = statement.query(params![from]).map_err(disk)?;
        let mut expected = None;
        while let Some(row) = rows.next().map_err(disk)? {
            let first: i64 = row.get(0).map_err(disk)?;
            let records: i64 = row.get(1).map_err(disk)?;
            let linked: [u8; 32] = row.get(2).map_err(|_| self.broken(first))?;
            let body = row.get_ref(3).and_then(|body| body.as_blob().map_err(Into::into)).map_err(disk)?;
            if link(&chain, first, body) != linked || expected.is_some_and(|expected: i64| expected != first) {
                return Err(self.broken(first).into());
            }
            chain = linked;
            expected = Some(first.saturating_add(records));
            each(first, body)?;
        }
        Ok(())
    }

    /// Keeps the source of a ruleset, by its hash. Kept before it is used, so that a record never names an unknown one.
    ///
    /// # Errors
    /// The disk.
    pub fn keep_ruleset(&mut self, ruleset: &KeptRuleset) -> Result<(), JournalError> {
        self.connection
            .execute(
                "INSERT INTO ruleset (hash, program, source, published_at, published_by, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    &ruleset.hash[..],
                    ruleset.program,
                    ruleset.source,
                    ruleset.published_at.to_string(),
                    ruleset.published_by,
                    ruleset.why
                ],
            )
            .map(|_| ())
            .map_err(|error| JournalError::Disk(self.path.clone(), error))
    }

    /// Every publication of a program's rulesets, oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn rulesets(&self, program: &str) -> Result<Vec<KeptRuleset>, JournalError> {
        let read = || -> rusqlite::Result<Vec<KeptRuleset>> {
            let mut statement = self.connection.prepare(
                "SELECT hash, program, source, published_at, published_by, why FROM ruleset WHERE program = ?1 ORDER BY number",
            )?;
            let rows = statement.query_map(params![program], |row| {
                let published_at: String = row.get(3)?;
                Ok(KeptRuleset {
                    hash: row.get(0)?,
                    program: row.get(1)?,
                    source: row.get(2)?,
                    published_at: published_at
                        .parse::<jiff::Timestamp>()
                        .map_or(Timestamp::EPOCH, |at| Timestamp::from_unix_micros(at.as_microsecond())),
                    published_by: row.get(4)?,
                    why: row.get(5)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| JournalError::Disk(self.path.clone(), error))
    }

    fn seek_end(&mut self) -> Result<(), JournalError> {
        let last: Option<(i64, i64, [u8; 32])> = self
            .connection
            .query_row("SELECT first, records, chain FROM journal ORDER BY first DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()
            .map_err(|error| JournalError::Disk(self.path.clone(), error))?;
        (self.next, self.chain) = match last {
            Some((first, records, chain)) => (first.saturating_add(records), chain),
            None => (1, [0; 32]),
        };
        Ok(())
    }

    /// Where the group begins that holds a record; the record itself if there is none.
    fn group_with(&self, record: i64) -> rusqlite::Result<i64> {
        self.connection
            .query_row("SELECT max(first) FROM journal WHERE first <= ?1", params![record], |row| row.get::<_, Option<i64>>(0))
            .map(|first| first.unwrap_or(record))
    }

    fn chain_before(&self, first: i64) -> rusqlite::Result<[u8; 32]> {
        self.connection
            .query_row("SELECT chain FROM journal WHERE first < ?1 ORDER BY first DESC LIMIT 1", params![first], |row| row.get(0))
            .optional()
            .map(|chain| chain.unwrap_or([0; 32]))
    }
}

/// A ruleset as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRuleset {
    /// SHA-256 of its source.
    pub hash: [u8; 32],
    /// Whose it is.
    pub program: String,
    /// The file's text.
    pub source: String,
    /// When.
    pub published_at: Timestamp,
    /// By whom, as they said.
    pub published_by: String,
    /// Why, as they said.
    pub why: String,
}

/// The hash that ties a group to the one before it, and to its place.
fn link(before: &[u8; 32], first: i64, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(first.to_le_bytes());
    digest.update(body);
    digest.finalize().into()
}

fn schema_sql() -> String {
    format!(
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
    )
}

fn synchronous(sync: Sync) -> &'static str {
    match sync {
        Sync::Full => "FULL",
        Sync::None => "OFF",
    }
}

/// What a file holds that may become, or is, a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    Nothing,
    Journal,
}

/// Opens the file, having looked at what it holds before anything in it is changed.
fn connect(path: &Path, sync: Sync) -> Result<(Connection, Contents), JournalError> {
    make_private_file(path).map_err(|error| JournalError::Directory(path.to_owned(), error))?;
    let disk = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => JournalError::Foreign(path.to_owned()),
        Some(_) | None => JournalError::Disk(path.to_owned(), error),
    };
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

/// The journal is its owner's alone, also in a directory that others may read; SQLite's own files follow it.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::File::options().create(true).truncate(false).write(true).mode(0o600).open(path).map(|_| ())
}

/// The data directory is its owner's alone.
fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn lock(directory: &Path) -> Result<std::fs::File, JournalError> {
    let path = directory.join("lock");
    let failed = |error| JournalError::Directory(path.clone(), error);
    let file = std::fs::File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(JournalError::InUse(directory.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}
