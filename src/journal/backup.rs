//! A copy of a journal in one file, made while it is being written, and back from such a file to a data directory.
//!
//! A backup is an SQLite file of its own, without a write-ahead log beside it: groups, rulesets, the checkpoint with its
//! state, stores that lie [beside] it, and in a table of its own the mark, so that a backup that lost its end is refused as a journal is. Both ways end with a walk along
//! the chain of what was written; until then it has another name.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, params};

use super::beside;
use super::error::JournalError;
use super::fault;
use super::mark::{self, Mark, Synced};
use super::proofs;
use super::reader::{BACKUP_TABLE, Progress, Reader, Stage, Verified};
use super::state_file;
use super::store::{self, FILE};
use crate::{clock, private_file};

/// Pages that are copied between two words of progress.
const STEP_PAGES: i32 = 512;

/// Why there is no copy; what was begun is taken away again.
#[derive(Debug)]
pub enum CopyError {
    /// One of the two journals.
    Journal(JournalError),
    /// What is to be restored, or proven, is a copy of a journal that is not whole.
    NotWhole(Box<Path>, JournalError),
    /// A file or directory.
    File(PathBuf, io::Error),
    /// What would be written is there already.
    Exists(PathBuf),
    /// A journal is restored into an empty directory only.
    NotEmpty(PathBuf),
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CopyError::Journal(error) => error.fmt(f),
            CopyError::NotWhole(path, error) => write!(
                f,
                "{}: is not a whole backup: {}; nothing in it can be relied on: copy it again from where it was made, or take another \
                 backup",
                path.display(),
                fault::of(error).unwrap_or_else(|| error.to_string())
            ),
            CopyError::File(path, error) => write!(f, "{}: {error}", path.display()),
            CopyError::Exists(path) => {
                write!(f, "{}: is there already, and is not overwritten; name another file, or remove it", path.display())
            }
            CopyError::NotEmpty(path) => {
                write!(f, "{}: is not empty; a backup is restored into an empty directory only", path.display())
            }
        }
    }
}

impl std::error::Error for CopyError {}

impl CopyError {
    /// Why a journal could not be read: where it is a file of its own, of a backup no other one can be asked.
    #[must_use]
    pub fn reading(place: &Path, error: JournalError) -> Self {
        if place.is_file() && fault::of(&error).is_some() {
            CopyError::NotWhole(place.into(), error)
        } else {
            CopyError::Journal(error)
        }
    }
}

impl From<JournalError> for CopyError {
    fn from(error: JournalError) -> Self {
        CopyError::Journal(error)
    }
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the journal was proven to hold.
    pub journal: Verified,
    /// The files beside it of which nothing proves that they are what was backed up.
    pub unproven: Vec<String>,
}

/// Copies the journal of a data directory, in use or not, and the stores of these names beside it, into a new file; a directory gets one that is named after the last
/// record. Gives the file, and what it was proven to hold. The writer is not held up: it appends while one state is copied.
///
/// # Errors
/// See [`CopyError`].
pub fn backup(data: &Path, to: &Path, others: &[&str], progress: &mut Progress<'_>) -> Result<(PathBuf, Verified), CopyError> {
    // The state that one state of the journal relies on may go while it is copied; what came in its place is there then.
    match back_up_once(data, to, others, progress) {
        Err(CopyError::Journal(JournalError::StateMissing { .. })) => back_up_once(data, to, others, progress),
        once => once,
    }
}

fn back_up_once(data: &Path, to: &Path, others: &[&str], progress: &mut Progress<'_>) -> Result<(PathBuf, Verified), CopyError> {
    let source = Reader::open(data)?;
    let failed = JournalError::disk(to);
    // One state for the whole of the copy, however much is appended meanwhile.
    let reading = source.connection.unchecked_transaction().map_err(failed)?;
    source.must_reach_mark()?;
    let end = source.end()?;
    let last = end.next.saturating_sub(1);
    let file = if to.is_dir() { to.join(format!("holdfast-{last}.backup")) } else { to.to_owned() };
    let verified = written_as(&file, |part| {
        let mut target = copy(&source.connection, part, progress)?;
        name_mark(&mut target, &Synced { last, chain: end.chain }).map_err(JournalError::disk(part))?;
        if let Some(checkpoint) = source.checkpoint()? {
            state_file::into_backup(&target, &checkpoint, source.directory())?;
        }
        beside::into_backup(&target, part, source.directory(), others)?;
        others.iter().try_for_each(|name| beside::prove(&target, part, name))?;
        drop(target);
        Ok(Reader::open(part)?.called(source.path()).verify(progress)?)
    })?;
    drop(reading);
    Ok((file, verified))
}

/// Makes a data directory from a backup, with the stores of these names if it has them. Gives what it was proven to hold.
///
/// # Errors
/// See [`CopyError`]; a backup that is damaged is not restored in part.
pub fn restore(from: &Path, data: &Path, others: &[&str], progress: &mut Progress<'_>) -> Result<Restored, CopyError> {
    restore_once(from, data, others, progress).map_err(|error| match error {
        CopyError::Journal(error) => CopyError::reading(from, error),
        CopyError::NotWhole(..) | CopyError::File(..) | CopyError::Exists(_) | CopyError::NotEmpty(_) => error,
    })
}

fn restore_once(from: &Path, data: &Path, others: &[&str], progress: &mut Progress<'_>) -> Result<Restored, CopyError> {
    let failed = |error| CopyError::File(data.to_owned(), error);
    match fs::read_dir(data).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(CopyError::NotEmpty(data.to_owned())),
        Ok(false) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let made: Vec<&Path> = data.ancestors().take_while(|place| !place.as_os_str().is_empty() && !place.exists()).collect();
    let source = Reader::open(from)?;
    source.must_reach_mark()?;
    store::make_private(data).map_err(failed)?;
    // Where somebody else has it, nothing in it is ours.
    let _lock = store::lock(data)?;
    let mut make = || -> Result<Restored, CopyError> {
        let restored = written_as(&data.join(FILE), |part| {
            let target = copy(&source.connection, part, progress)?;
            drop(target);
            take_state_in(&source, data)?;
            let unproven = beside::restore(&source.connection, from, data, others)?;
            // With the backup's own mark, before that is taken out.
            let journal = Reader::open(part)?.called(source.path()).verify(progress)?;
            let target = Connection::open(part).map_err(JournalError::disk(part))?;
            let tables =
                [BACKUP_TABLE, state_file::BACKUP_TABLE, beside::TABLE].map(|table| format!("DROP TABLE IF EXISTS {table}"));
            target.execute_batch(&tables.join(";")).map_err(JournalError::disk(part))?;
            Ok(Restored { journal, unproven })
        })?;
        let (mut mark, _) = Mark::open(data)?;
        let Verified { last, head, .. } = restored.journal;
        mark.write(&Synced { last, chain: head }).and_then(|()| mark.sync()).map_err(failed)?;
        sync_directory(data)?;
        Ok(restored)
    };
    let restored = make();
    if restored.is_err() {
        // The directory is as empty as it was, or neither it nor those above it are there, so that restoring can be tried again.
        [store::LOCK, FILE, mark::FILE].iter().for_each(|name| drop(fs::remove_file(data.join(name))));
        let _ = state_file::throw_away_others(data, None);
        beside::throw_away(data, others);
        made.iter().for_each(|place| drop(fs::remove_dir(place)));
    }
    restored
}

/// Writes the state that the restored journal will rely on, before there is one.
fn take_state_in(source: &Reader, data: &Path) -> Result<(), JournalError> {
    let Some(checkpoint) = source.checkpoint()? else { return Ok(()) };
    let carried = source.carries_state()?;
    state_file::write_anew(data, checkpoint.record, |file| {
        if carried {
            state_file::from_backup(&source.connection, source.path(), &checkpoint, file)
        } else {
            checkpoint.copy_state(source.directory(), file)
        }
    })
}

/// Writes a file under a name of its own, and gives it its real one when it is whole and on the disk.
fn written_as<T>(file: &Path, write: impl FnOnce(&Path) -> Result<T, CopyError>) -> Result<T, CopyError> {
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    for path in [file, &part] {
        if path.exists() {
            return Err(CopyError::Exists(path.to_owned()));
        }
    }
    let failed = |error| CopyError::File(part.clone(), error);
    let written = private_file::make_new(&part).map_err(failed).and_then(|()| write(&part)).and_then(|value| {
        File::open(&part).and_then(|written| written.sync_all()).map_err(failed)?;
        fs::rename(&part, file).map_err(failed)?;
        sync_directory(file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        Ok(value)
    });
    if written.is_err() {
        // Whatever is left of it is of no use, with what SQLite kept beside it.
        for more in ["", "-wal", "-shm", "-journal"] {
            let mut left = part.as_os_str().to_owned();
            left.push(more);
            let _ = fs::remove_file(left);
        }
    }
    written
}

/// Copies the pages of one state, and makes the copy a file that stands alone.
fn copy(source: &Connection, to: &Path, progress: &mut Progress<'_>) -> Result<Connection, JournalError> {
    // What cannot be read is the source's.
    let read_from = source.path().map_or_else(|| to.to_owned(), PathBuf::from);
    let disk = |error: rusqlite::Error| {
        let path = if fault::is_of_reading(&error) { read_from.as_path() } else { to };
        JournalError::disk(path)(error)
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(to, flags).map_err(disk)?;
    let copying = Backup::new(source, &mut target).map_err(disk)?;
    while copying.step(STEP_PAGES).map_err(disk)? != StepResult::Done {
        let at = copying.progress();
        let (all, left) = (u64::try_from(at.pagecount).unwrap_or(0), u64::try_from(at.remaining).unwrap_or(0));
        progress(Stage::Copying, all.saturating_sub(left), all);
    }
    drop(copying);
    let _: String = target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).map_err(disk)?;
    Ok(target)
}

/// Writes into a backup how far it reaches.
fn name_mark(target: &mut Connection, synced: &Synced) -> rusqlite::Result<()> {
    let transaction = target.transaction()?;
    let (column, proofs) = (proofs::COLUMN, proofs::of(&transaction)?);
    transaction.execute_batch(&format!(
        "DROP TABLE IF EXISTS {BACKUP_TABLE};
         CREATE TABLE {BACKUP_TABLE} (
             last INTEGER NOT NULL, -- the last record of this backup
             chain BLOB NOT NULL,   -- the hash of its last group
             made_at TEXT NOT NULL,
             {column} TEXT NOT NULL -- what proves the tables that no chain covers
         ) STRICT"
    ))?;
    transaction.execute(
        &format!("INSERT INTO {BACKUP_TABLE} (last, chain, made_at, {column}) VALUES (?1, ?2, ?3, ?4)"),
        params![synced.last, &synced.chain[..], clock::utc().to_string(), proofs],
    )?;
    transaction.commit()
}

fn sync_directory(directory: &Path) -> Result<(), CopyError> {
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(|error| CopyError::File(directory.to_owned(), error))
}
