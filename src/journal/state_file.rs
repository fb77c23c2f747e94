//! What the dropped groups of a journal amounted to: a file of its own, which the checkpoint names by its hash. It is written
//! once and never changed, and a journal that begins at a checkpoint is nothing without it. Nothing here knows what is in it.
//!
//! It is on the disk, whole and under its real name, before a journal begins to rely on it, and it goes only when none does.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use holdfast_core::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::error::JournalError;
use super::retention::Checkpoint;
use crate::private_file;

const BEGINNING: &str = "checkpoint-";
const ENDING: &str = ".sqlite";

/// The file while it is written.
const PART: &str = "checkpoint.part";

/// The table in which a backup carries it.
pub(super) const BACKUP_TABLE: &str = "checkpoint_state";

/// Bytes that are read, and that are kept in a row, at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What a checkpoint says of its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The file's SHA-256.
    pub sha256: [u8; 32],
    /// Its length.
    pub bytes: u64,
    /// When the last record was written that was dropped.
    pub at: Timestamp,
    /// How many accounts, cards and open holds there were.
    pub accounts: u64,
    /// Cards.
    pub cards: u64,
    /// Open holds.
    pub holds_open: u64,
}

impl State {
    /// As the checkpoint has it: JSON, which any operator can read who opens the journal.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        let State { sha256, bytes, at, accounts, cards, holds_open } = self;
        let at = at.unix_micros();
        let object = json!({"sha256": hexadecimal(sha256), "bytes": bytes, "at_unix_micros": at, "accounts": accounts,
            "cards": cards, "holds_open": holds_open});
        object.to_string().into_bytes()
    }

    fn read(bytes: &[u8]) -> Option<State> {
        let object: Value = serde_json::from_slice(bytes).ok()?;
        let number = |key: &str| object.get(key).and_then(Value::as_u64);
        Some(State {
            sha256: from_hexadecimal(object.get("sha256")?.as_str()?)?,
            bytes: number("bytes")?,
            at: Timestamp::from_unix_micros(object.get("at_unix_micros")?.as_i64()?),
            accounts: number("accounts")?,
            cards: number("cards")?,
            holds_open: number("holds_open")?,
        })
    }
}

/// A hash as people read it.
#[must_use]
pub fn hexadecimal(hash: &[u8; 32]) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // A text takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hexadecimal(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes().as_chunks::<2>().0;
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.iter().map(byte).collect::<Option<Vec<u8>>>()?.try_into().ok()
}

/// The file of the checkpoint at that record.
#[must_use]
pub fn path_of(directory: &Path, record: i64) -> PathBuf {
    directory.join(format!("{BEGINNING}{record}{ENDING}"))
}

/// Where one is written.
#[must_use]
pub fn part_in(directory: &Path) -> PathBuf {
    directory.join(PART)
}

impl Checkpoint {
    /// What it says of its state.
    ///
    /// # Errors
    /// It says nothing that is understood: `journal` is changed.
    pub fn state_of(&self, journal: &Path) -> Result<State, JournalError> {
        State::read(&self.state).ok_or_else(|| JournalError::Broken(journal.to_owned(), self.record))
    }

    /// Makes sure that its state is there, as far as that can be seen at once.
    ///
    /// # Errors
    /// It is not there, or of another length.
    pub fn must_have_state(&self, directory: &Path) -> Result<(), JournalError> {
        let path = path_of(directory, self.record);
        let expected = self.state_of(&path)?.bytes;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() == expected => Ok(()),
            Ok(_) => Err(JournalError::StateChanged { path, record: self.record }),
            Err(error) => Err(missing(path, self.record, error)),
        }
    }

    /// Makes sure that its state is what it was when the groups before it were dropped.
    ///
    /// # Errors
    /// It is not there, or was changed.
    pub fn prove_state(&self, directory: &Path) -> Result<(), JournalError> {
        self.copy_state(directory, &mut io::sink())
    }

    /// Copies its state, and proves what was copied.
    ///
    /// # Errors
    /// The disk; it is not there, or was changed.
    pub fn copy_state(&self, directory: &Path, to: &mut dyn io::Write) -> Result<(), JournalError> {
        let path = path_of(directory, self.record);
        let expected = self.state_of(&path)?.sha256;
        let file = File::open(&path).map_err(|error| missing(path.clone(), self.record, error))?;
        let mut proving = Proving::default();
        each_chunk(file, |chunk| {
            proving.take(chunk);
            to.write_all(chunk)
        })
        .map_err(|error| JournalError::Directory(path.clone(), error))?;
        if proving.finish().0 == expected { Ok(()) } else { Err(JournalError::StateChanged { path, record: self.record }) }
    }
}

fn missing(path: PathBuf, record: i64, error: io::Error) -> JournalError {
    if error.kind() == io::ErrorKind::NotFound {
        JournalError::StateMissing { path, record }
    } else {
        JournalError::Directory(path, error)
    }
}

#[derive(Default)]
struct Proving {
    digest: Sha256,
    bytes: u64,
}

impl Proving {
    fn take(&mut self, chunk: &[u8]) {
        self.digest.update(chunk);
        self.bytes = self.bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(0));
    }

    fn finish(self) -> ([u8; 32], u64) {
        (self.digest.finalize().into(), self.bytes)
    }
}

fn each_chunk(mut file: File, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some([]) | None => return Ok(()),
            Some(chunk) => each(chunk)?,
        }
    }
}

/// The hash and the length of a file.
///
/// # Errors
/// The disk.
pub fn measure(path: &Path) -> io::Result<([u8; 32], u64)> {
    let mut proving = Proving::default();
    each_chunk(File::open(path)?, |chunk| {
        proving.take(chunk);
        Ok(())
    })?;
    Ok(proving.finish())
}

/// Gives a file that is whole its real name, and is sure that it stays there.
///
/// # Errors
/// The disk.
pub fn install(part: &Path, directory: &Path, record: i64) -> Result<(), JournalError> {
    let path = path_of(directory, record);
    let install = || {
        File::open(part)?.sync_all()?;
        fs::rename(part, &path)?;
        File::open(directory)?.sync_all()
    };
    install().map_err(|error| JournalError::Directory(path.clone(), error))
}

/// Takes away every state that no journal of the directory relies on, and what was begun of one.
///
/// # Errors
/// The disk.
pub fn throw_away_others(directory: &Path, keep: Option<i64>) -> Result<(), JournalError> {
    let failed = |error| JournalError::Directory(directory.to_owned(), error);
    let kept = keep.map(|record| path_of(directory, record));
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let ours = name.starts_with(PART) || number_in(name).is_some();
        if ours && Some(&path) != kept.as_ref() {
            fs::remove_file(&path).map_err(|error| JournalError::Directory(path.clone(), error))?;
        }
    }
    Ok(())
}

/// The latest record that a state in a directory stands for everything before.
///
/// # Errors
/// The disk.
pub fn latest(directory: &Path) -> Result<Option<i64>, JournalError> {
    let failed = |error| JournalError::Directory(directory.to_owned(), error);
    let mut latest = None;
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        latest = latest.max(name.to_str().and_then(number_in));
    }
    Ok(latest)
}

fn number_in(name: &str) -> Option<i64> {
    name.strip_prefix(BEGINNING)?.strip_suffix(ENDING)?.parse().ok()
}

/// Takes a state into a backup.
pub(super) fn into_backup(backup: &Connection, checkpoint: &Checkpoint, directory: &Path) -> Result<(), JournalError> {
    let disk = |error: rusqlite::Error| JournalError::disk(backup.path().map(Path::new).unwrap_or(directory))(error);
    let table = format!("CREATE TABLE {BACKUP_TABLE} (part INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT");
    let transaction = backup.unchecked_transaction().map_err(disk)?;
    transaction.execute_batch(&table).map_err(disk)?;
    let mut rows = Rows { transaction: &transaction };
    checkpoint.copy_state(directory, &mut rows)?;
    transaction.commit().map_err(disk)
}

/// A table that takes what is written, a row each time.
struct Rows<'c> {
    transaction: &'c Connection,
}

impl io::Write for Rows<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transaction
            .prepare_cached(&format!("INSERT INTO {BACKUP_TABLE} (bytes) VALUES (?1)"))
            .and_then(|mut statement| statement.execute(params![bytes]))
            .map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes a state out of a backup at `path`, and proves it.
pub(super) fn from_backup(
    backup: &Connection,
    path: &Path,
    checkpoint: &Checkpoint,
    to: &mut dyn io::Write,
) -> Result<(), JournalError> {
    let record = checkpoint.record;
    let disk = JournalError::disk(path);
    let mut proving = Proving::default();
    let mut statement = backup.prepare(&format!("SELECT bytes FROM {BACKUP_TABLE} ORDER BY part")).map_err(disk)?;
    let mut rows = statement.query([]).map_err(disk)?;
    while let Some(row) = rows.next().map_err(disk)? {
        let changed = |_| JournalError::StateChanged { path: path.to_owned(), record };
        let chunk = row.get_ref(0).map_err(disk)?.as_blob().map_err(changed)?;
        proving.take(chunk);
        to.write_all(chunk).map_err(|error| JournalError::Directory(path.to_owned(), error))?;
    }
    if proving.finish().0 == checkpoint.state_of(path)?.sha256 {
        Ok(())
    } else {
        Err(JournalError::StateChanged { path: path.to_owned(), record })
    }
}

/// Writes a state under the name that it has while it is written, and then gives it its real one.
pub(super) fn write_anew(
    directory: &Path,
    record: i64,
    write: impl FnOnce(&mut dyn io::Write) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let part = part_in(directory);
    let failed = |error| JournalError::Directory(part.clone(), error);
    private_file::make_new(&part).map_err(failed)?;
    let mut file = File::options().write(true).open(&part).map_err(failed)?;
    let written = write(&mut file).and_then(|()| install(&part, directory, record));
    if written.is_err() {
        // Whatever is left of it is of no use.
        let _ = fs::remove_file(&part);
    }
    written
}
