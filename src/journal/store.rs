//! How the journal is kept: SQLite, write-ahead log, synced before a group is acknowledged.
//!
//! One table, one row a commit group, keyed by the counter of the group's first record; each row carries the hash of the
//! row before it. A row a group saves a statement and the B-tree's work for every record, and any operator can open
//! the file. Nothing here understands a record.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::chain;
use super::checkpoint::{self, Checkpointer, Duty};
use super::error::JournalError;
use super::log::{EachGroup, Log};
use super::rulesets::{self, KeptRuleset};
use super::schema::{self, Contents};

/// The file's name in the data directory.
pub const FILE: &str = "journal.sqlite";

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
    path: PathBuf,
    sync: Sync,
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
        let (connection, contents) = schema::connect(&path, sync)?;
        if contents == Contents::Nothing {
            schema::make(&connection).map_err(JournalError::disk(&path))?;
        }
        let checkpointer = Checkpointer::start(&path, schema::synchronous(sync));
        let (next, chain) = chain::end(&connection).map_err(JournalError::disk(&path))?;
        Ok(Journal { path, sync, connection, _lock: lock, checkpointer, duty: Duty::None, next, chain })
    }
}

impl Log for Journal {
    fn place(&self) -> &Path {
        &self.path
    }

    fn next(&self) -> i64 {
        self.next
    }

    fn chain(&self) -> &[u8; 32] {
        &self.chain
    }

    fn append(&mut self, records: u32, bytes: &[u8]) -> Result<(), JournalError> {
        let chain = chain::link(&self.chain, self.next, bytes);
        self.connection
            .prepare_cached("INSERT INTO journal (first, records, chain, body) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut statement| statement.execute(params![self.next, records, &chain[..], bytes]))
            .map_err(JournalError::disk(&self.path))?;
        self.next = self.next.saturating_add(i64::from(records));
        self.chain = chain;
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
        Vec::new()
    }

    fn read(&self, from: i64, each: &mut EachGroup<'_>) -> Result<(), JournalError> {
        chain::walk(&self.connection, &self.path, from, each)
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        let (connection, contents) = schema::connect(&self.path, self.sync)?;
        if contents == Contents::Nothing {
            // Somebody took the file away. Beginning a new one would forget what was acknowledged.
            return Err(JournalError::Foreign(self.path.clone()));
        }
        (self.next, self.chain) = chain::end(&connection).map_err(JournalError::disk(&self.path))?;
        self.connection = connection;
        Ok(())
    }

    fn keep_ruleset(&mut self, ruleset: &KeptRuleset) -> Result<(), JournalError> {
        rulesets::keep(&self.connection, ruleset).map_err(JournalError::disk(&self.path))
    }

    fn rulesets(&self, program: &str) -> Result<Vec<KeptRuleset>, JournalError> {
        rulesets::of(&self.connection, program).map_err(JournalError::disk(&self.path))
    }
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
