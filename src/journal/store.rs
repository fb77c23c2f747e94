//! How the journal is kept: SQLite, write-ahead log, synced before a group is acknowledged.
//!
//! One table, one row a commit group, keyed by the counter of the group's first record; each row carries the hash of the
//! row before it. A row a group saves a statement and the B-tree's work for every record, and any operator can open
//! the file. Nothing here understands a record.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_core::Timestamp;
use rusqlite::{Connection, params};

use super::chain::{self, Groups, Joint, LINK};
use super::checkpoint::{self, Checkpointer, Duty};
use super::error::JournalError;
use super::log::{EachGroup, Log};
use super::mark::{Found, Mark, Synced};
use super::operations::{self, Noted, Operation};
use super::remarks::Remarks;
use super::retention::Checkpoint;
use super::room::{self, Room};
use super::rulesets::{self, KeptRuleset};
use super::schema::{self, SCHEMA};
use super::slips::{self, Erase, Slip, SlipsFound, SlipsWanted, Which};
use super::{waits, wal};
use crate::private_file;

/// The file's name in the data directory.
pub const FILE: &str = "journal.sqlite";

/// The file that is locked by whoever writes.
pub(super) const LOCK: &str = "lock";

/// Whether a group is synced to the disk before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Yes. The only setting for money.
    Full,
    /// No: a power cut loses what was acknowledged. For benchmarks.
    None,
}

/// The journal, open for appending.
pub struct Journal {
    pub(super) path: PathBuf,
    sync: Sync,
    pub(super) connection: Connection,
    /// Held as long as the journal is open: two writers on one directory are refused.
    _lock: std::fs::File,
    mark: Mark,
    checkpointer: Checkpointer,
    duty: Duty,
    room: Room,
    end: Joint,
    /// Rulesets that the next group brings.
    brought: Vec<KeptRuleset>,
    /// What callers wrote about what the next group decides.
    slips: Vec<Arc<Slip>>,
    remarks: Remarks,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).field("end", &self.end).finish_non_exhaustive()
    }
}

/// A data directory that is nobody else's to write: what can be known of it before its disk has to answer.
#[derive(Debug)]
pub struct Claim {
    directory: PathBuf,
    lock: std::fs::File,
}

impl Claim {
    /// Makes the directory if it is not there, and keeps other writers out.
    ///
    /// # Errors
    /// It cannot be made, or is in use.
    pub fn on(directory: &Path) -> Result<Self, JournalError> {
        make_private(directory).map_err(|error| JournalError::Directory(directory.to_owned(), error))?;
        Ok(Claim { directory: directory.to_owned(), lock: lock(directory)? })
    }
}

impl Journal {
    /// Opens, or makes, the journal of a data directory; brings one of an older schema to this one.
    ///
    /// # Errors
    /// See [`JournalError`]. A file that is refused is left as it is.
    pub fn open(directory: &Path, sync: Sync) -> Result<Self, JournalError> {
        Journal::open_claimed(Claim::on(directory)?, sync)
    }

    /// The same, in a directory that is claimed. It waits for the disk as long as that takes.
    ///
    /// # Errors
    /// See [`JournalError`]. A file that is refused is left as it is.
    pub fn open_claimed(Claim { directory, lock }: Claim, sync: Sync) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        let (mark, found) = Mark::open(&directory)?;
        let log = wal::path_of(&path);
        // SQLite cuts it off without a word when it opens the file.
        let torn = wal::torn_end(&log).map_err(|error| JournalError::Directory(log, error))?;
        let (connection, schema) = schema::connect(&path, sync)?;
        let end = settle(&connection, &path, schema, &found).map_err(|error| error.with_torn(torn))?;
        sync_what_was_found(&path, sync)?;
        let mut remarks = Remarks::default();
        remarks.on_opening(&path, torn, schema, &found, end.next);
        let checkpointer = Checkpointer::start(&path, schema::synchronous(sync), mark.handle()?);
        let (duty, brought, slips) = (Duty::None, Vec::new(), Vec::new());
        Ok(Journal {
            path,
            sync,
            connection,
            _lock: lock,
            mark,
            checkpointer,
            duty,
            room: Room::Perhaps,
            end,
            brought,
            slips,
            remarks,
        })
    }

    pub(super) fn groups(&self) -> Groups<'_> {
        Groups { connection: &self.connection, path: &self.path, schema: SCHEMA }
    }

    /// Writes a group, and what it brings in the same transaction.
    fn write(&self, records: u32, chain: &[u8; 32], bytes: &[u8], brought: &[KeptRuleset]) -> rusqlite::Result<()> {
        let transaction = match (brought, self.slips.as_slice()) {
            // One statement is a transaction of its own.
            ([], []) => None,
            ([..], [..]) => Some(self.connection.unchecked_transaction()?),
        };
        brought.iter().try_for_each(|ruleset| rulesets::keep(&self.connection, ruleset))?;
        self.slips.iter().try_for_each(|slip| slips::keep(&self.connection, slip))?;
        self.connection
            .prepare_cached("INSERT INTO journal (first, records, chain, link, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![self.end.next, records, &chain[..], LINK, bytes])?;
        transaction.map_or(Ok(()), rusqlite::Transaction::commit)
    }

    fn write_slips(&self) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        self.slips.iter().try_for_each(|slip| slips::keep(&self.connection, slip))?;
        transaction.commit()
    }

    fn try_to_reopen(&mut self) -> Result<(), JournalError> {
        let (connection, schema) = schema::connect(&self.path, self.sync)?;
        if schema == 0 {
            // Somebody took the file away. Beginning a new one would forget what was acknowledged.
            return Err(JournalError::Foreign(self.path.clone()));
        }
        let last = self.end.next.saturating_sub(1);
        let known = Found::Synced(Synced { last, chain: self.end.chain });
        self.end = settle(&connection, &self.path, schema, &known)?;
        self.connection = connection;
        Ok(())
    }

    /// A group that is durable stays so whatever becomes of the mark: one that falls behind only promises less.
    fn move_mark(&mut self) {
        let Sync::Full = self.sync else { return };
        let synced = Synced { last: self.end.next.saturating_sub(1), chain: self.end.chain };
        match self.mark.write(&synced) {
            Ok(()) => self.remarks.mark_moved(),
            Err(error) => self.remarks.mark_stuck(&error),
        }
    }
}

/// Finds where an opened file ends, having made sure that nothing is missing there, and brings it to this schema.
fn settle(connection: &Connection, path: &Path, schema: i32, found: &Found) -> Result<Joint, JournalError> {
    let synced = match found {
        Found::Synced(synced) => *synced,
        Found::Nothing | Found::Damaged => Synced { last: 0, chain: [0; 32] },
    };
    if schema == 0 && synced.last > 0 {
        return Err(JournalError::EndsEarly { path: path.to_owned(), last: 0, synced: synced.last, torn: None });
    }
    if schema > 0 {
        Groups { connection, path, schema }.must_reach(&synced)?;
    }
    let disk = JournalError::disk(path);
    schema::migrate(connection, schema).map_err(disk)?;
    schema::accept(connection).map_err(disk)?;
    Groups { connection, path, schema: SCHEMA }.end()
}

/// A process that died may have written a group and not synced it. What is read of it is answered from, so it has to be
/// durable first.
fn sync_what_was_found(path: &Path, sync: Sync) -> Result<(), JournalError> {
    let Sync::Full = sync else { return Ok(()) };
    let log = wal::path_of(path);
    match std::fs::File::open(&log).and_then(|file| file.sync_data()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(JournalError::Directory(log, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // A mark that is older after a power cut only promises less.
        let _ = self.mark.sync();
    }
}

impl Log for Journal {
    fn place(&self) -> &Path {
        &self.path
    }

    fn next(&self) -> i64 {
        self.end.next
    }

    fn chain(&self) -> &[u8; 32] {
        &self.end.chain
    }

    fn append(&mut self, records: u32, bytes: &[u8]) -> Result<(), JournalError> {
        let Joint { next: first, chain } = self.end;
        let chain = chain::link(&chain, first, records.into(), bytes);
        // Whatever becomes of the group, the next one does not bring them.
        let brought = std::mem::take(&mut self.brought);
        self.write(records, &chain, bytes, &brought).map_err(JournalError::disk(&self.path))?;
        // Those of a group that failed go with the next one: a decline that was told is recorded there.
        self.slips.clear();
        self.end = Joint { next: first.saturating_add(records.into()), chain };
        self.move_mark();
        self.duty = self.checkpointer.appended(bytes.len());
        Ok(())
    }

    fn tidy(&mut self) {
        match std::mem::replace(&mut self.duty, Duty::None) {
            // A log that cannot be copied now grows; the next append says so if the disk is at fault.
            Duty::CopyTheRest => drop(checkpoint::copy(&self.connection)),
            Duty::None => {}
        }
    }

    fn remarks(&mut self) -> Vec<String> {
        self.remarks.take()
    }

    fn read(&self, from: i64, each: &mut EachGroup<'_>) -> Result<(), JournalError> {
        self.groups().walk(from, each)
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        let reopened = self.try_to_reopen();
        self.remarks.on_reopening(reopened.as_ref().err());
        reopened
    }

    fn keep_ruleset(&mut self, ruleset: KeptRuleset) {
        self.brought.push(ruleset);
    }

    fn keep_slip(&mut self, slip: Arc<Slip>) {
        self.slips.push(slip);
    }

    fn keep_slips_now(&mut self) -> Result<(), JournalError> {
        if self.slips.is_empty() {
            return Ok(());
        }
        let kept = self.write_slips();
        kept.map_err(JournalError::disk(&self.path))?;
        self.slips.clear();
        Ok(())
    }

    fn begin_slip(&mut self, slip: &Arc<Slip>) -> Result<SlipsFound, JournalError> {
        waits::begin(&self.connection, slip).map_err(JournalError::disk(&self.path))
    }

    fn end_waits(&mut self, asked_until: Timestamp) -> Result<u64, JournalError> {
        waits::end(&self.connection, asked_until).map_err(JournalError::disk(&self.path))
    }

    fn slips(&self, wanted: &SlipsWanted) -> Result<SlipsFound, JournalError> {
        let mut found = slips::find(&self.connection, wanted).map_err(JournalError::disk(&self.path))?;
        if let (Which::Named(_), []) = (wanted.which, found.slips.as_slice()) {
            // A decline is told before its group is written.
            found.slips.extend(self.slips.iter().filter(|slip| wanted.has(0, slip)).map(|slip| (0, Slip::clone(slip))));
        }
        Ok(found)
    }

    fn erase_slips(&mut self, which: &Erase) -> Result<u64, JournalError> {
        let erased = slips::erase(&self.connection, which).map_err(JournalError::disk(&self.path))?;
        // Those of declines that are told and not written yet, too.
        let mut waiting: u64 = 0;
        for slip in self.slips.iter_mut().filter(|slip| slip.body.is_some() && which.has(slip)) {
            *slip = Arc::new(Slip { body: None, ..Slip::clone(slip) });
            waiting = waiting.saturating_add(1);
        }
        Ok(erased.saturating_add(waiting))
    }

    fn rulesets(&self, program: &str) -> Result<Vec<KeptRuleset>, JournalError> {
        rulesets::of(&self.connection, program).map_err(JournalError::disk(&self.path))
    }

    fn note(&mut self, operation: &Operation) -> Result<Noted, JournalError> {
        operations::note(&self.connection, operation).map_err(JournalError::disk(&self.path))
    }

    fn noted(&self, id: &[u8; 16]) -> Result<Option<Timestamp>, JournalError> {
        let found = operations::find(&self.connection, id).map_err(JournalError::disk(&self.path))?;
        Ok(found.map(|operation| operation.at))
    }

    fn begin_at(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        self.move_beginning(checkpoint)
    }

    fn take_away(&mut self) -> Result<u64, JournalError> {
        self.room = Room::Perhaps;
        self.take_a_piece_away()
    }

    fn has_room(&self) -> bool {
        self.room == Room::Perhaps
    }

    fn give_room_back(&mut self) {
        // Room that cannot be given back now stays; the next append says what is wrong with the disk.
        let (room, pages) = room::give_a_piece_back(&self.connection).unwrap_or((Room::None, 0));
        self.room = room;
        if pages > 0 {
            // Else the log would grow by all of them before the next group has it copied.
            self.duty = self.checkpointer.grew(pages.unsigned_abs());
            self.tidy();
        }
    }
}

/// The data directory is its owner's alone.
pub(super) fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Keeps other writers out as long as the file is open.
pub(super) fn lock(directory: &Path) -> Result<std::fs::File, JournalError> {
    let path = directory.join(LOCK);
    let locked = private_file::lock(&path).map_err(|error| JournalError::Directory(path.clone(), error))?;
    locked.ok_or_else(|| JournalError::InUse(directory.to_owned()))
}
