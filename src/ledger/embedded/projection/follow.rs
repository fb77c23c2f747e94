//! Follows the journal: reads what was committed, by a connection of its own, and applies it in batches. Whoever drives it (its
//! thread, a test) says how far the journal is durable; nothing beyond that is read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::apply::Applying;
use super::batch::Batch;
use super::find::Finder;
use super::whole::Wholeness;
use super::{restore, schema, words};
use crate::journal::{Checkpoint, Group, JournalError, Record, Tail, state_file};
use crate::ledger::embedded::state::{Fingerprint, NameKey, State};

/// Records that make a batch: enough to share the pages of indices that a transaction writes, few enough to be in memory at
/// once.
pub(super) const BATCH_RECORDS: i64 = 8_192;

/// Records for which there is room from batch to batch; an import's group may have more.
const RECORDS_KEPT: usize = 8_192;

/// Why the projection could not follow.
#[derive(Debug)]
pub enum FollowError {
    /// The journal cannot be read.
    Journal(JournalError),
    /// The projection cannot be written now; a full disk may have room again.
    Disk(rusqlite::Error),
    /// What is in the projection does not follow from the journal.
    Damaged(rusqlite::Error),
}

impl fmt::Display for FollowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FollowError::Journal(error) => write!(f, "the projection cannot follow: {error}"),
            FollowError::Disk(error) => write!(f, "the projection cannot be written: {error}; is the disk full?"),
            FollowError::Damaged(error) => {
                write!(f, "the projection is damaged ({error}) and thrown away")
            }
        }
    }
}

impl std::error::Error for FollowError {}

impl From<rusqlite::Error> for FollowError {
    fn from(error: rusqlite::Error) -> Self {
        if schema::is_damage(&error) { FollowError::Damaged(error) } else { FollowError::Disk(error) }
    }
}

/// The projection of a data directory, open for following.
pub struct Follower {
    directory: PathBuf,
    journal: Tail,
    connection: Connection,
    mark: restore::Mark,
    whole: Arc<Wholeness>,
    /// The record with which one that is made anew has everything that the thrown away one had.
    whole_from: Option<i64>,
    /// The records of the batch that is read.
    records: Vec<(i64, Record)>,
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("directory", &self.directory).field("mark", &self.mark).finish_non_exhaustive()
    }
}

impl Follower {
    /// Opens, or makes, the projection of a data directory whose journal is open, and reads memory from it. What cannot be
    /// used is thrown away, and said.
    ///
    /// # Errors
    /// The disk, or the projection of a newer program, which is left as it is. A journal that ends before what was made from it.
    pub fn open(directory: &Path) -> Result<(Self, Option<String>), JournalError> {
        let journal = Tail::open(directory)?;
        let checkpoint = journal.checkpoint()?;
        if let Some(checkpoint) = &checkpoint {
            // Also where the projection needs it no more: nobody goes on beside a journal that could not be made anew.
            checkpoint.must_have_state(directory)?;
        }
        // Its mark may be gone with its end: what was made from it knows how far it went.
        if let Some(record) = state_file::latest(directory)? {
            journal.must_reach(record, &state_file::path_of(directory, record))?;
        }
        let (connection, other_format) = schema::open(directory, &journal)?;
        let disk = |error| JournalError::disk(&schema::path_in(directory))(error);
        let follower = |connection, mark, journal| Follower {
            directory: directory.to_owned(),
            journal,
            connection,
            mark,
            whole: Arc::default(),
            whole_from: None,
            records: Vec::new(),
        };
        let followed = restore::mark(&connection);
        if let Ok(mark) = &followed {
            journal.must_reach(mark.end.next, &schema::path_in(directory))?;
        }
        let why = match followed {
            Ok(mark) if journal.passes(&mark.end)? => {
                return Ok((follower(connection, mark, journal), other_format.map(|why| thrown_away(directory, &why))));
            }
            Ok(mark) if mark.end.next == 1 => "was not there".to_owned(),
            Ok(mark) => format!("has record {}, which is not in this journal", mark.end.next.saturating_sub(1)),
            Err(error) if schema::is_damage(&error) => format!("is damaged ({error})"),
            Err(error) => return Err(disk(error)),
        };
        drop(connection);
        let connection = begin_anew(directory, checkpoint.as_ref())?;
        let mark = restore::mark(&connection).map_err(disk)?;
        let said = match &checkpoint {
            Some(Checkpoint { record, .. }) => {
                let path = schema::path_in(directory);
                format!("{}: {why}; it is made anew from the checkpoint at record {record} and the journal", path.display())
            }
            None => thrown_away(directory, &why),
        };
        Ok((follower(connection, mark, journal), Some(said)))
    }

    /// Memory as it was at the mark. A projection from which it cannot be read is thrown away, and said.
    ///
    /// # Errors
    /// The disk.
    pub fn restore(&mut self) -> Result<(State, Option<String>), JournalError> {
        match restore::state(&self.connection, &self.mark) {
            Ok(state) => Ok((state, None)),
            Err(error) if schema::is_damage(&error) => {
                self.begin_anew()?;
                let beginning = restore::state(&self.connection, &self.mark).map_err(|error| self.disk(error))?;
                Ok((beginning, Some(thrown_away(&self.directory, &format!("is damaged ({error})")))))
            }
            Err(error) => Err(self.disk(error)),
        }
    }

    fn begin_anew(&mut self) -> Result<(), JournalError> {
        self.connection = begin_anew(&self.directory, self.journal.checkpoint()?.as_ref())?;
        self.mark = restore::mark(&self.connection).map_err(|error| self.disk(error))?;
        Ok(())
    }

    /// Throws away what does not follow from the journal, and begins anew: under the same key, for memory has names under it.
    /// Until it has record `whole_from`, nothing can be looked up in it.
    ///
    /// # Errors
    /// The disk; nothing can be looked up any more.
    pub fn make_anew(&mut self, whole_from: i64) -> Result<(), JournalError> {
        self.whole.lost();
        self.whole_from = Some(whole_from);
        let NameKey(one, two) = self.mark.key;
        let secret = words::bytes_of(Fingerprint([one, two]));
        // Closed before its file is taken away.
        self.connection = Connection::open_in_memory().map_err(|error| self.disk(error))?;
        self.begin_anew()?;
        if let Some(checkpoint) = self.journal.checkpoint()?
            && self.mark.key != NameKey(one, two)
        {
            // Its names cannot be turned into others.
            let path = state_file::path_of(&self.directory, checkpoint.record);
            let why = "its names are under another key than memory's: only a start, which takes that key, can go on with it";
            return Err(JournalError::Directory(path, std::io::Error::other(why)));
        }
        self.connection.execute("UPDATE meta SET secret = ?1", [&secret[..]]).map_err(|error| self.disk(error))?;
        self.mark = restore::mark(&self.connection).map_err(|error| self.disk(error))?;
        Ok(())
    }

    /// Whether it is made anew, and has not yet everything again.
    pub fn is_made_anew(&self) -> bool {
        self.whole_from.is_some()
    }

    /// Whoever looks things up in it.
    ///
    /// # Errors
    /// The disk.
    pub fn finder(&self) -> Result<Finder, JournalError> {
        Finder::open(&self.directory, Arc::clone(&self.whole))
    }

    fn disk(&self, error: rusqlite::Error) -> JournalError {
        JournalError::disk(&schema::path_in(&self.directory))(error)
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What keys the fingerprints in it.
    #[cfg(test)]
    pub fn key(&self) -> NameKey {
        self.mark.key
    }

    /// Up to which record everything is in the projection.
    pub fn projected(&self) -> i64 {
        self.mark.end.next.saturating_sub(1)
    }

    /// Follows the journal by one batch, never past `recorded`; up to which record that is.
    ///
    /// # Errors
    /// See [`FollowError`]; nothing of the batch is applied then.
    pub fn follow(&mut self, recorded: i64) -> Result<i64, FollowError> {
        let Follower { journal, connection, mark, records, .. } = self;
        follow_batch(journal, connection, mark, records, recorded)?;
        if self.whole_from.is_some_and(|record| self.projected() >= record) {
            self.whole_from = None;
            self.whole.made();
        }
        Ok(self.projected())
    }

    /// Takes the file away, so that the next start makes it anew. Nothing can be looked up in it any more.
    pub fn throw_away(self) {
        self.whole.lost();
        // What cannot be taken away is found damaged again.
        let _ = schema::throw_away(&self.directory);
    }
}

/// Throws the projection away and begins where the journal does.
fn begin_anew(directory: &Path, checkpoint: Option<&Checkpoint>) -> Result<Connection, JournalError> {
    match checkpoint {
        Some(checkpoint) => schema::begin_with(directory, checkpoint),
        None => schema::begin_anew(directory),
    }
}

/// Follows by one batch, whoever's tables they are; `records` is room for what is read.
///
/// # Errors
/// See [`FollowError`]; nothing of the batch is applied then.
pub(super) fn follow_batch(
    journal: &Tail,
    connection: &Connection,
    mark: &mut restore::Mark,
    records: &mut Vec<(i64, Record)>,
    recorded: i64,
) -> Result<(), FollowError> {
    records.clear();
    let end = journal
        .read(mark.end, recorded, BATCH_RECORDS, &mut |first, bytes| {
            let group = Group::open(bytes).map_err(|error| journal.unreadable(first, error))?;
            for (number, record) in (first..).zip(group) {
                records.push((number, record.map_err(|error| journal.unreadable(first, error))?));
            }
            Ok(())
        })
        .map_err(FollowError::Journal)?;
    if end == mark.end {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    let mut batch = Batch::new(&transaction, mark.next_hold);
    for (number, record) in records.iter() {
        if let Some(program) = &record.program {
            Applying { batch: &mut batch, key: mark.key, number: *number, record, program }.apply()?;
        }
    }
    let next_hold = batch.finish(&end)?;
    transaction.commit()?;
    records.clear();
    records.shrink_to(RECORDS_KEPT);
    *mark = restore::Mark { end, next_hold, ..*mark };
    Ok(())
}

fn thrown_away(directory: &Path, why: &str) -> String {
    format!("{}: {why}; it was thrown away and is made anew from the journal", schema::path_in(directory).display())
}
