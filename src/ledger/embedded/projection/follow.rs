//! Follows the journal: reads what was committed, by a connection of its own, and applies it in batches. Whoever drives it (its
//! thread, a test) says how far the journal is durable; nothing beyond that is read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::apply::Applying;
use super::batch::Batch;
use super::find::Finder;
use super::lately::Lately;
use super::names::{self, Merging};
use super::sums::{self, Sums};
use super::whole::Wholeness;
use super::{restore, schema, words};
use crate::journal::{Checkpoint, Group, JournalError, Tail, state_file};
use crate::ledger::embedded::state::{Fingerprint, NameKey, State};
use crate::ledger::embedded::window::Span;

/// Records that make a batch: enough to share the pages that a transaction writes, few enough to be followed soon.
pub(super) const BATCH_RECORDS: i64 = 8_192;

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

/// Whether memory was read from what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HasBeenRead {
    Yes,
    No,
}

/// The projection of a data directory, open for following.
pub struct Follower {
    directory: PathBuf,
    journal: Tail,
    connection: Connection,
    sums: Sums,
    mark: restore::Mark,
    whole: Arc<Wholeness>,
    /// The record with which one that is made anew has everything that the thrown away one had.
    whole_from: Option<i64>,
    progress: Option<Progress>,
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
        let follower = |(connection, sums), mark, journal| Follower {
            directory: directory.to_owned(),
            journal,
            connection,
            sums,
            mark,
            whole: Arc::default(),
            whole_from: None,
            progress: None,
        };
        let followed = restore::mark(&connection);
        if let Ok(mark) = &followed {
            journal.must_reach(mark.end.next, &schema::path_in(directory))?;
        }
        let proven = Sums::prove(directory).map_err(sums_failed(directory))?;
        let why = match (followed, proven) {
            // One that was made this moment has no sums yet.
            (Ok(mark), proven) if (proven.is_ok() || mark.end.next == 1) && journal.passes(&mark.end)? => {
                let kept = match proven {
                    Ok(sums) => schema::copy_by_hand(&connection).map(|()| (connection, sums)).map_err(disk)?,
                    Err(_) => keep_sums(directory, connection)?,
                };
                return Ok((follower(kept, mark, journal), other_format.map(|why| thrown_away(directory, &why))));
            }
            (Ok(mark), _) if mark.end.next == 1 => "was not there".to_owned(),
            (Ok(_), Err(why)) => format!("is damaged ({why})"),
            (Ok(mark), Ok(_)) => format!("has record {}, which is not in this journal", mark.end.next.saturating_sub(1)),
            (Err(error), _) if schema::is_damage(&error) => format!("is damaged ({error})"),
            (Err(error), _) => return Err(disk(error)),
        };
        drop(connection);
        let anew = begin_anew(directory, checkpoint.as_ref())?;
        let mark = restore::mark(&anew.0).map_err(disk)?;
        let said = match &checkpoint {
            Some(Checkpoint { record, .. }) => {
                let path = schema::path_in(directory);
                format!("{}: {why}; it is made anew from the checkpoint at record {record} and the journal", path.display())
            }
            None => thrown_away(directory, &why),
        };
        Ok((follower(anew, mark, journal), Some(said)))
    }

    /// Whether memory of this span is what [`Follower::restore`] and the journal behind it give.
    ///
    /// # Errors
    /// The disk.
    pub fn has_been_read(&self, span: &Span) -> Result<HasBeenRead, JournalError> {
        let same = span.mark == self.mark && self.journal.passes(&span.end)?;
        Ok(if same { HasBeenRead::Yes } else { HasBeenRead::No })
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
        self.progress = None;
        (self.connection, self.sums) = begin_anew(&self.directory, self.journal.checkpoint()?.as_ref())?;
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
        let Follower { journal, connection, mark, progress, .. } = self;
        follow_batch(journal, connection, mark, progress, recorded)?;
        if self.sums.is_due().map_err(self.sums_failed())? {
            self.copy_pages()?;
        }
        if self.whole_from.is_some_and(|record| self.projected() >= record) {
            self.whole_from = None;
            self.whole.made();
        }
        Ok(self.projected())
    }

    fn sums_failed(&self) -> impl Fn(std::io::Error) -> FollowError {
        let failed = sums_failed(&self.directory);
        move |error| FollowError::Journal(failed(error))
    }

    /// Has the pages that gathered in the write-ahead log copied to the file, as far as nobody reads what was there.
    ///
    /// # Errors
    /// The disk.
    pub fn copy_pages(&mut self) -> Result<(), FollowError> {
        self.sums.before_copying().map_err(self.sums_failed())?;
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Takes the file away, so that the next start makes it anew. Nothing can be looked up in it any more.
    pub fn throw_away(self) {
        self.whole.lost();
        // What cannot be taken away is found damaged again.
        let _ = schema::throw_away(&self.directory);
    }
}

/// Throws the projection away and begins where the journal does.
fn begin_anew(directory: &Path, checkpoint: Option<&Checkpoint>) -> Result<(Connection, Sums), JournalError> {
    let connection = match checkpoint {
        Some(checkpoint) => schema::begin_with(directory, checkpoint),
        None => schema::begin_anew(directory),
    };
    keep_sums(directory, connection?)
}

/// Begins to keep the sums of a projection that was made this moment.
fn keep_sums(directory: &Path, connection: Connection) -> Result<(Connection, Sums), JournalError> {
    schema::copy_by_hand(&connection).map_err(JournalError::disk(&schema::path_in(directory)))?;
    let sums = Sums::begin(directory).map_err(sums_failed(directory))?;
    Ok((connection, sums))
}

fn sums_failed(directory: &Path) -> impl Fn(std::io::Error) -> JournalError {
    let path = sums::path_in(directory);
    move |error| JournalError::Directory(path.clone(), error)
}

/// What a follower remembers from batch to batch of what it has written.
#[derive(Debug)]
pub(super) struct Progress {
    lately: Lately,
    merging: Option<Merging>,
}

impl Progress {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        names::forget_unfinished(connection)?;
        Ok(Progress { lately: Lately::read(connection)?, merging: None })
    }
}

/// Follows by one batch, whoever's tables they are. `progress` is nothing at first, and after an error.
///
/// # Errors
/// See [`FollowError`]; nothing of the batch is applied then.
pub(super) fn follow_batch(
    journal: &Tail,
    connection: &Connection,
    mark: &mut restore::Mark,
    progress: &mut Option<Progress>,
    recorded: i64,
) -> Result<(), FollowError> {
    let transaction = connection.unchecked_transaction()?;
    let mut now = progress.take().map_or_else(|| Progress::read(&transaction), Ok)?;
    let mut batch = Batch::new(&transaction, &mut now.lately, mark.next_hold);
    let (mut written, mut room) = (Ok(()), None);
    let end = journal
        .read(mark.end, recorded, BATCH_RECORDS, &mut |first, bytes| {
            let mut group = Group::open(bytes).map_err(|error| journal.unreadable(first, error))?;
            for number in first.. {
                let Some(record) = group.read(&mut room) else { break };
                let record = record.map_err(|error| journal.unreadable(first, error))?;
                // After a failure the rest is only passed by.
                if let (Ok(()), Some(program)) = (&written, &record.program) {
                    written = Applying { batch: &mut batch, key: mark.key, number, record, program }.apply();
                }
            }
            Ok(())
        })
        .map_err(FollowError::Journal)?;
    written?;
    if end != mark.end {
        let (next_hold, merging) = batch.finish(&end, now.merging.take())?;
        now.merging = merging;
        transaction.commit()?;
        *mark = restore::Mark { end, next_hold, ..*mark };
    } else {
        drop(batch);
    }
    *progress = Some(now);
    Ok(())
}

fn thrown_away(directory: &Path, why: &str) -> String {
    format!("{}: {why}; it was thrown away and is made anew from the journal", schema::path_in(directory).display())
}
