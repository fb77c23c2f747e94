//! Reads a journal beside whoever writes it, and proves it from its first group to its last. Nothing here changes a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};

use super::chain::{Groups, Joint};
use super::error::JournalError;
use super::group::Group;
use super::mark::{self, Found, Synced};
use super::pages;
use super::proofs;
use super::record::Body;
use super::retention::Checkpoint;
use super::schema;
use super::state_file;
use super::store::FILE;

/// What takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Pages are copied.
    Copying,
    /// The chain is walked.
    Proving,
    /// Records are read.
    Reading,
}

/// Told how far a step has come: what is done, and of how much.
pub type Progress<'a> = dyn FnMut(Stage, u64, u64) + 'a;

/// A journal, open for reading.
pub struct Reader {
    path: PathBuf,
    pub(super) connection: Connection,
    schema: i32,
    /// What it must reach.
    synced: Synced,
    /// Where it lies.
    directory: PathBuf,
    /// Where it began when it was opened: whoever reads it all holds on to that.
    start: Joint,
}

/// What a journal was proven to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The counter of the first record; higher than 1 if older ones were dropped.
    pub first: i64,
    /// The counter of the last record; one before `first` if there is none.
    pub last: i64,
    /// How many commit groups there are.
    pub groups: u64,
    /// The versions of Holdfast that wrote them.
    pub engines: BTreeSet<String>,
    /// The hash of the last group, which stands for everything before it.
    pub head: [u8; 32],
    /// What stands for the records before `first`, proven too.
    pub checkpoint: Option<Checkpoint>,
}

impl Verified {
    /// How many records there are.
    #[must_use]
    pub const fn records(&self) -> i64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

impl Reader {
    /// Opens the journal of a data directory, which may be in use, or a file of one: a backup.
    ///
    /// # Errors
    /// It is not there, not ours, or a newer program's.
    pub fn open(place: &Path) -> Result<Self, JournalError> {
        let (path, found) = if place.is_dir() {
            // Before anything of the journal is read: it may grow meanwhile, and never shrink.
            (place.join(FILE), mark::peek(place)?)
        } else {
            (place.to_owned(), Found::Nothing)
        };
        if let Err(error) = std::fs::metadata(&path) {
            return Err(JournalError::Directory(path, error));
        }
        let (connection, schema) = schema::connect_reading(&path)?;
        let synced = match found {
            Found::Synced(synced) => synced,
            Found::Nothing | Found::Damaged => backup_mark(&connection, &path)?,
        };
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let start = Groups { connection: &connection, path: &path, schema }.start()?;
        Ok(Reader { path, connection, schema, synced, directory, start })
    }

    /// The same, called otherwise in errors: a copy by what it is a copy of.
    pub(super) fn called(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// What errors call it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that nothing is missing at its end.
    ///
    /// # Errors
    /// Something is; or the disk.
    pub(crate) fn must_reach_mark(&self) -> Result<(), JournalError> {
        self.groups().must_reach(&self.synced)
    }

    /// The last record that was acknowledged as durable, as far as its mark tells.
    pub(crate) const fn synced(&self) -> i64 {
        self.synced.last
    }

    /// The last record that is durable now; 0 if there is none.
    ///
    /// # Errors
    /// The disk, or the row of the last group.
    pub fn last(&self) -> Result<i64, JournalError> {
        Ok(self.end()?.next.saturating_sub(1))
    }

    /// Where it ends now.
    pub(super) fn end(&self) -> Result<Joint, JournalError> {
        self.groups().end()
    }

    /// Walks the whole chain and opens every record; what is appended meanwhile is walked, too. Proves the rulesets that records name, and of a
    /// backup whatever else it has.
    ///
    /// # Errors
    /// The place of the first damage, or what is missing at the end.
    pub fn verify(&self, progress: &mut Progress<'_>) -> Result<Verified, JournalError> {
        let groups = self.groups();
        self.must_reach_mark()?;
        let checkpoint = self.begins_with()?;
        if let Some(checkpoint) = &checkpoint {
            self.prove_state(checkpoint)?;
        }
        self.prove_rulesets()?;
        proofs::prove(&self.connection, &self.path)?;
        // What the chain says of it, last.
        let mut announced = None;
        let (start, end) = (self.start, groups.end()?);
        let mut verified = Verified {
            first: start.next,
            last: start.next.saturating_sub(1),
            groups: 0,
            engines: BTreeSet::new(),
            head: [0; 32],
            checkpoint,
        };
        groups.walk_from(start, &mut |first, bytes| {
            let unreadable = |error| JournalError::Unreadable(self.path.clone(), first, error);
            let group = Group::open(bytes).map_err(unreadable)?;
            if !verified.engines.contains(group.engine) {
                verified.engines.insert(group.engine.to_owned());
            }
            if first != verified.last.saturating_add(1) {
                return Err(JournalError::Broken(self.path.clone(), first));
            }
            let mut last = verified.last;
            for record in group {
                if let Body::Trimmed { record, seal, .. } = record.map_err(unreadable)?.body
                    && record == start.next
                {
                    announced = Some(seal);
                }
                last = last.saturating_add(1);
            }
            (verified.last, verified.groups) = (last, verified.groups.saturating_add(1));
            progress(Stage::Proving, distance(start.next, last.saturating_add(1)), distance(start.next, end.next));
            Ok(())
        })?;
        // Where the last group ends by its row, and by the records in it.
        let joint = groups.before(verified.last.saturating_add(1))?;
        if joint.next != verified.last.saturating_add(1) {
            return Err(JournalError::Broken(self.path.clone(), joint.next));
        }
        if let Some(record) =
            verified.checkpoint.as_ref().filter(|known| Some(known.seal()) != announced).map(|known| known.record)
        {
            return Err(JournalError::Unannounced { path: self.path.clone(), record });
        }
        pages::prove(&self.connection, &self.path)?;
        verified.head = joint.chain;
        Ok(verified)
    }

    /// The checkpoint at which it began when it was opened.
    ///
    /// # Errors
    /// The disk, a checkpoint that is damaged, or more was dropped since.
    pub fn begins_with(&self) -> Result<Option<Checkpoint>, JournalError> {
        let checkpoint = self.groups().checkpoint()?;
        match &checkpoint {
            Some(known) if known.record > self.start.next => {
                Err(JournalError::DroppedMeanwhile { path: self.path.clone(), record: known.record })
            }
            Some(_) | None => Ok(checkpoint),
        }
    }

    /// Where it began when it was opened.
    pub(super) fn start(&self) -> Joint {
        self.start
    }

    /// Proves what stands for the groups that were dropped: in a backup it is with them, else it lies beside them.
    fn prove_state(&self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        if self.carries_state()? {
            state_file::from_backup(&self.connection, &self.path, checkpoint, &mut std::io::sink())
        } else {
            checkpoint.prove_state(&self.directory)
        }
    }

    /// Whether the state of the checkpoint is in this very file.
    pub(super) fn carries_state(&self) -> Result<bool, JournalError> {
        self.connection.table_exists(None, state_file::BACKUP_TABLE).map_err(JournalError::disk(&self.path))
    }

    /// Where it lies.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn schema(&self) -> i32 {
        self.schema
    }

    pub(super) fn groups(&self) -> Groups<'_> {
        Groups { connection: &self.connection, path: &self.path, schema: self.schema }
    }
}

fn distance(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

/// The table in which a backup carries its own mark.
pub(super) const BACKUP_TABLE: &str = "backup";

/// How far a backup reaches; nothing for a file that is not one.
fn backup_mark(connection: &Connection, path: &Path) -> Result<Synced, JournalError> {
    let disk = JournalError::disk(path);
    let nothing = Synced { last: 0, chain: [0; 32] };
    let named = connection.table_exists(None, BACKUP_TABLE).map_err(disk)?;
    if !named {
        return Ok(nothing);
    }
    let read = |row: &rusqlite::Row<'_>| Ok(Synced { last: row.get(0)?, chain: row.get(1)? });
    let mark = connection.query_row(&format!("SELECT last, chain FROM {BACKUP_TABLE}"), [], read).optional();
    mark.map(|mark| mark.unwrap_or(nothing)).map_err(|error| JournalError::damage(path, 1, error))
}
