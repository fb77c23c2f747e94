//! The spool's file: SQLite, write-ahead log, synced before an entry counts as durable. One row an entry, in the order in
//! which they came; rows leave when the ledger has heard them. Nothing here understands an entry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_core::Timestamp;
use rusqlite::{Connection, params};

use super::entry::{Entry, Unreadable, digest_of};
use super::error::SpoolError;
use super::mark::Mark;
use super::rows::row;
use crate::ledger::Erase;

use super::schema::{Found, connect, count, look, make_newer, make_private_file, make_tables};

/// The file's name where nobody names one.
pub const FILE: &str = "spool.sqlite";

/// Whether an entry is synced to the disk before it counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Yes. The only setting for money.
    Full,
    /// No. For benchmarks.
    None,
}

/// A row, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub number: i64,
    /// When it came.
    pub at: Timestamp,
    /// The entry's bytes.
    pub body: Vec<u8>,
    /// Their digest, as written.
    pub digest: Vec<u8>,
}

impl Row {
    /// What it says.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn entry(&self) -> Result<Entry, Unreadable> {
        Entry::from_bytes(&self.body, &self.digest)
    }
}

/// Where a row that the ledger has not heard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits for the ledger.
    Waiting,
    /// The ledger refused it for good.
    Aside(Refused),
}

/// Why the ledger refused something for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It knows its key with another question: the key is that one's.
    AnothersKey,
    /// For whatever else.
    Otherwise,
}

impl Refused {
    /// The reason that is kept of what is refused for another's key.
    pub(super) const ANOTHERS_KEY: &'static str = "the ledger knows its key with another question";

    /// What a reason says: it is all that is kept of it.
    pub(super) fn for_reason(reason: &str) -> Self {
        if reason == Refused::ANOTHERS_KEY { Refused::AnothersKey } else { Refused::Otherwise }
    }
}

/// A row that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// The row.
    pub row: Row,
    /// When it was set aside.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
}

/// What changes in one transaction.
#[derive(Debug)]
pub struct Changes {
    /// New rows: number, when it came, body.
    pub add: Vec<(i64, Timestamp, Arc<[u8]>)>,
    /// Rows that the ledger has heard, or that nobody stands by.
    pub forget: Vec<i64>,
    /// Rows of approvals that the ledger has confirmed, with what stays of them: how they count.
    pub confirm: Vec<(i64, Vec<u8>)>,
    /// Confirmed approvals of an earlier time count nowhere any more.
    pub confirmed_since: Timestamp,
    /// Rows that the ledger refused for good, when, and why.
    pub set_aside: Vec<(i64, Timestamp, String)>,
    /// Rows that were set aside and shall wait again, under a new number.
    pub bring_back: Vec<BringBack>,
    /// What callers wrote, as far as it is to go.
    pub erase: Vec<Erase>,
    /// The number that the next entry gets afterwards.
    pub next: i64,
}

/// A row that was set aside, and waits again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BringBack {
    /// As it was set aside.
    pub was: i64,
    /// As it waits now.
    pub number: i64,
    /// When it was brought back.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What a transaction left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    /// How many rows there are.
    pub held: Held,
    /// The new numbers of those that were brought back.
    pub back: Vec<i64>,
    /// How many texts went, for each erasure.
    pub erased: Vec<u64>,
}

/// Whatever makes changes durable: the file, or in tests a disk that fails when it is told to.
pub(super) trait Disk: Send {
    /// Makes the changes durable, all or none.
    ///
    /// # Errors
    /// See [`SpoolError`]. Whether the changes are there all the same is not known: the same rows are written again, or
    /// forgotten.
    fn change(&mut self, changes: &Changes) -> Result<Changed, SpoolError>;
}

/// How many rows there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// That wait for the ledger.
    pub waiting: i64,
    /// That were set aside.
    pub aside: i64,
}

/// The file, open.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    pub(super) sync: Sync,
    connection: Connection,
    /// Known to whoever counted: that reads every page of the file, which most who open it have no need for.
    held: Option<Held>,
    trust: Trust,
    /// Where its log is.
    log: PathBuf,
    /// What it and its log were when they were opened: whoever takes them away takes what is written from then on with them.
    was: Identities,
    /// Says how far it is synced.
    pub(super) mark: Option<(String, Mark)>,
}

/// Which file is at the spool's path, and which at its log's: device and inode of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identities([(u64, u64); 2]);

/// Where its log is: beside the file itself, wherever a link to that is.
fn log_of(path: &Path) -> PathBuf {
    let mut log = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
    log.push("-wal");
    log.into()
}

/// What is at the file's path, and at its log's.
fn identities(path: &Path, log: &Path) -> Option<Identities> {
    use std::os::unix::fs::MetadataExt as _;
    let of = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    Some(Identities([of(path)?, of(log)?]))
}

/// Another one in its place is another spool, and nothing is tried with it.
fn must_be(path: &Path, log: &Path, was: Identities) -> Result<(), SpoolError> {
    if identities(path, log) == Some(was) { Ok(()) } else { Err(SpoolError::TakenAway(path.to_owned())) }
}

/// Whether the connection may be used as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Sound,
    /// Its last transaction failed: it is opened anew first.
    Failed,
}

impl File {
    /// Opens, or makes, the file.
    ///
    /// # Errors
    /// See [`SpoolError`].
    pub fn open(path: &Path, sync: Sync) -> Result<Self, SpoolError> {
        make_private_file(path).map_err(|error| SpoolError::Path(path.to_owned(), error))?;
        let disk = SpoolError::disk(path);
        let connection = connect(path, sync).map_err(disk)?;
        match look(&connection, path)? {
            Found::Spool => {}
            Found::Older(format) => make_newer(&connection, format).map_err(disk)?,
            Found::Nothing => make_tables(&connection).map_err(disk)?,
        }
        let log = log_of(path);
        let was = identities(path, &log).ok_or_else(|| SpoolError::TakenAway(path.to_owned()))?;
        Ok(File { path: path.to_owned(), log, sync, connection, held: None, trust: Trust::Sound, was, mark: None })
    }

    /// Opens a file that this process has open already. One that was taken away, or that another one is in the place of, is not touched:
    /// opened, it would have the log's index anew under whoever still works with the first one.
    ///
    /// # Errors
    /// See [`SpoolError`].
    pub fn open_again(path: &Path, sync: Sync, was: Identities) -> Result<Self, SpoolError> {
        must_be(path, &log_of(path), was)?;
        let file = File::open(path, sync)?;
        if file.was == was { Ok(file) } else { Err(SpoolError::TakenAway(path.to_owned())) }
    }

    /// Which one it is.
    #[must_use]
    pub const fn identities(&self) -> Identities {
        self.was
    }

    /// Opens the file if there is one: whoever only reads makes none.
    ///
    /// # Errors
    /// See [`SpoolError`].
    pub fn open_if_there(path: &Path) -> Result<Option<Self>, SpoolError> {
        path.exists().then(|| File::open_whole(path, Sync::Full)).transpose()
    }

    /// Opens the file anew. One that was taken away is not made again: that would forget what was told. Until it is there again nothing is
    /// tried with the connection that failed.
    fn reopen(&mut self) -> Result<(), SpoolError> {
        must_be(&self.path, &self.log, self.was)?;
        let connection = connect(&self.path, self.sync).map_err(SpoolError::disk(&self.path))?;
        match look(&connection, &self.path)? {
            Found::Spool | Found::Older(_) => {}
            Found::Nothing => return Err(SpoolError::Foreign(self.path.clone())),
        }
        must_be(&self.path, &self.log, self.was)?;
        self.held = None;
        self.connection = connection;
        self.trust = Trust::Sound;
        Ok(())
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What tells it from every other one.
    ///
    /// # Errors
    /// The disk.
    pub fn name(&self) -> Result<String, SpoolError> {
        self.connection.query_row("SELECT name FROM name", [], |row| row.get(0)).map_err(SpoolError::disk(&self.path))
    }

    /// Whether it has anything that was told: what waits, what was set aside, and what was confirmed of late.
    ///
    /// # Errors
    /// The disk.
    pub fn has_told(&self) -> Result<bool, SpoolError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM entry) OR EXISTS (SELECT 1 FROM aside) OR EXISTS (SELECT 1 FROM confirmed)
            OR EXISTS (SELECT 1 FROM counted)";
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(SpoolError::disk(&self.path))
    }

    /// Whether it has what only a responder with a ledger behind it leaves there: approvals, and what a ledger has confirmed or refused.
    ///
    /// # Errors
    /// The disk.
    pub fn knew_a_ledger(&self) -> Result<bool, SpoolError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM aside) OR EXISTS (SELECT 1 FROM confirmed) OR EXISTS (SELECT 1 FROM counted)";
        if self.connection.query_row(sql, [], |row| row.get(0)).map_err(SpoolError::disk(&self.path))? {
            return Ok(true);
        }
        for row in self.waiting() {
            if row?.entry().is_ok_and(|entry| entry.approved().is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The number that the next entry gets.
    ///
    /// # Errors
    /// The disk.
    pub fn next(&self) -> Result<i64, SpoolError> {
        self.connection.query_row("SELECT next FROM meta", [], |row| row.get(0)).map_err(SpoolError::disk(&self.path))
    }

    /// How many rows there are. Reads every page.
    ///
    /// # Errors
    /// The disk.
    pub fn count(&self) -> Result<Held, SpoolError> {
        count(&self.connection).map_err(SpoolError::disk(&self.path))
    }

    /// Whoever read every row counted them.
    pub(super) fn has_counted(&mut self, held: Held) {
        self.held = Some(held);
    }

    fn try_to_change(&self, changes: &Changes) -> rusqlite::Result<Changed> {
        let Held { mut waiting, mut aside } = self.held.map_or_else(|| count(&self.connection), Ok)?;
        let rows = |changed: usize| i64::try_from(changed).unwrap_or(i64::MAX);
        let transaction = self.connection.unchecked_transaction()?;
        let back = bring_back(&transaction, &changes.bring_back)?;
        {
            // A disk that failed may have the row all the same, and then it is this one.
            let mut add = transaction.prepare_cached("INSERT OR IGNORE INTO entry VALUES (?1, ?2, ?3, ?4)")?;
            for (number, at, body) in &changes.add {
                let added = add.execute(params![number, at.unix_micros(), &body[..], &digest_of(body)[..]])?;
                waiting = waiting.saturating_add(rows(added));
            }
            let keep = "INSERT OR IGNORE INTO aside SELECT number, at, body, digest, ?2, ?3 FROM entry WHERE number = ?1";
            let mut keep = transaction.prepare_cached(keep)?;
            for (number, at, reason) in &changes.set_aside {
                aside = aside.saturating_add(rows(keep.execute(params![number, at.unix_micros(), reason])?));
            }
            let confirm = "INSERT OR IGNORE INTO counted SELECT number, at, ?2, ?3 FROM entry WHERE number = ?1";
            let mut confirm = transaction.prepare_cached(confirm)?;
            for (number, body) in &changes.confirm {
                confirm.execute(params![number, body, &digest_of(body)[..]])?;
            }
            let mut forget = transaction.prepare_cached("DELETE FROM entry WHERE number = ?1")?;
            let confirmed = changes.confirm.iter().map(|(number, _)| number);
            let set_aside = changes.set_aside.iter().map(|(number, _, _)| number);
            for number in changes.forget.iter().chain(confirmed).chain(set_aside) {
                waiting = waiting.saturating_sub(rows(forget.execute([number])?));
            }
            if !changes.confirm.is_empty() {
                let most = rows(changes.confirm.len()).saturating_mul(2);
                for table in ["confirmed", "counted"] {
                    // In the order of telling, so that the old ones are the first ones.
                    let first = format!("SELECT number FROM {table} ORDER BY number LIMIT ?2");
                    let old = format!("DELETE FROM {table} WHERE at < ?1 AND number IN ({first})");
                    transaction.prepare_cached(&old)?.execute([changes.confirmed_since.unix_micros(), most])?;
                }
            }
            // A disk that said no may have it further than what is tried again: numbers are given once.
            transaction.prepare_cached("UPDATE meta SET next = max(next, ?1)")?.execute([changes.next])?;
        }
        let erased = changes.erase.iter().map(|which| erase(&transaction, which)).collect::<rusqlite::Result<Vec<u64>>>()?;
        transaction.commit()?;
        if !changes.erase.is_empty() {
            // The log has them, too; a reader in its way leaves that to the next checkpoint.
            let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        waiting = waiting.saturating_add(rows(back.moved));
        aside = aside.saturating_sub(rows(back.moved));
        Ok(Changed { held: Held { waiting, aside }, back: back.numbers, erased })
    }
}

/// Erases texts in every row that has one of them; how many went.
fn erase(transaction: &rusqlite::Transaction<'_>, which: &Erase) -> rusqlite::Result<u64> {
    let mut erased: u64 = 0;
    // What is overwritten leaves nothing to be read.
    transaction.execute_batch("PRAGMA secure_delete = ON")?;
    for table in ["entry", "aside", "confirmed"] {
        let found = {
            let mut statement = transaction.prepare(&format!("SELECT number, at, body, digest FROM {table}"))?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(columns) = rows.next()? {
                let row = row(columns)?;
                let without = row.entry().ok().and_then(|entry| entry.without(which));
                found.extend(without.and_then(|entry| Some((row.number, entry.to_bytes().ok()?))));
            }
            found
        };
        let mut write = transaction.prepare(&format!("UPDATE {table} SET body = ?2, digest = ?3 WHERE number = ?1"))?;
        for (number, body) in &found {
            write.execute(params![number, &body[..], &digest_of(body)[..]])?;
        }
        // Those of confirmed approvals are the ledger's by now, and counted there.
        if table != "confirmed" {
            erased = erased.saturating_add(u64::try_from(found.len()).unwrap_or(u64::MAX));
        }
    }
    transaction.execute_batch("PRAGMA secure_delete = OFF")?;
    Ok(erased)
}

/// What was brought back.
struct Back {
    /// Rows that were moved by this transaction.
    moved: usize,
    /// The numbers of all that wait now: a disk that failed may have moved some before.
    numbers: Vec<i64>,
}

fn bring_back(transaction: &rusqlite::Transaction<'_>, wanted: &[BringBack]) -> rusqlite::Result<Back> {
    let mut back = Back { moved: 0, numbers: Vec::new() };
    for BringBack { was, number, at, by, why } in wanted {
        let keep = "INSERT OR IGNORE INTO entry SELECT ?2, at, body, digest FROM aside WHERE number = ?1";
        let moved = transaction.execute(keep, [was, number])?;
        if moved > 0 {
            transaction.execute("DELETE FROM aside WHERE number = ?1", [was])?;
            let note = "INSERT INTO brought_back VALUES (?1, ?2, ?3, ?4, ?5)";
            transaction.execute(note, params![number, was, at.unix_micros(), by, why])?;
        }
        back.moved = back.moved.saturating_add(moved);
        let noted = "SELECT count(*) FROM brought_back WHERE number = ?1 AND was = ?2";
        if transaction.query_row(noted, [number, was], |row| row.get::<_, i64>(0))? > 0 {
            back.numbers.push(*number);
        }
    }
    Ok(back)
}

impl Disk for File {
    fn change(&mut self, changes: &Changes) -> Result<Changed, SpoolError> {
        if self.trust == Trust::Failed {
            self.reopen()?;
        }
        must_be(&self.path, &self.log, self.was)?;
        match self.try_to_change(changes) {
            Ok(changed) => {
                self.held = Some(changed.held);
                self.follow(changes.next);
                Ok(changed)
            }
            Err(error) => {
                self.trust = Trust::Failed;
                Err(SpoolError::disk(&self.path)(error))
            }
        }
    }
}
