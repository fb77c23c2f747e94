//! How far the journal was synced, kept outside of its write-ahead log: `journal.mark`.
//!
//! A journal that lost its end is whole in itself; only somebody else's word can tell that more was acknowledged. The mark
//! is written after every sync, in place and without a sync of its own: a process that dies leaves it exact, and a power cut
//! may leave it behind the journal, never ahead. Two slots take turns, so that one that is torn leaves the other.
//!
//! A slot's sum is the beginning of its SHA-256, the journal's own hash: nothing is gained by a second algorithm.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::JournalError;

/// The file's name in the data directory.
pub const FILE: &str = "journal.mark";

/// The number of this file's format. A newer one is refused; every format keeps magic, number and sum where they are.
const FORMAT: i32 = 1;

const MAGIC: &[u8; 4] = b"HFMK";

/// A slot: magic, format, sequence, last record, chain; zeros; the sum in the last eight bytes.
const SLOT_BYTES: usize = 128;
const SUM_AT: usize = 120;

/// Slots lie this far apart, so that no sector or page holds both.
const SLOT_DISTANCE: u64 = 4096;

/// The last group that was synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// Its last record.
    pub last: i64,
    /// Its hash.
    pub chain: [u8; 32],
}

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing: there is none yet.
    Nothing,
    /// Nothing that can be read.
    Damaged,
    /// How far the journal was synced.
    Synced(Synced),
}

/// The mark, open for writing.
#[derive(Debug)]
pub(super) struct Mark {
    path: PathBuf,
    file: File,
    sequence: u64,
}

impl Mark {
    /// Opens, or makes, the mark of a data directory, and tells what it says.
    pub fn open(directory: &Path) -> Result<(Mark, Found), JournalError> {
        let path = directory.join(FILE);
        let failed = |error| JournalError::Directory(path.clone(), error);
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let file = options.open(&path).map_err(failed)?;
        let (sequence, found) = read(&path, &file)?;
        Ok((Mark { path, file, sequence }, found))
    }

    /// Says how far the journal is synced now.
    pub fn write(&mut self, synced: &Synced) -> io::Result<()> {
        self.sequence = self.sequence.saturating_add(1);
        self.file.write_all_at(&slot(self.sequence, synced), (self.sequence % 2).saturating_mul(SLOT_DISTANCE))
    }

    /// A second handle, for whoever makes the file durable.
    pub fn handle(&self) -> Result<File, JournalError> {
        self.file.try_clone().map_err(|error| JournalError::Directory(self.path.clone(), error))
    }

    /// Makes the file durable.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// What the mark of a data directory says, changing nothing.
pub(super) fn peek(directory: &Path) -> Result<Found, JournalError> {
    let path = directory.join(FILE);
    match File::open(&path) {
        Ok(file) => Ok(read(&path, &file)?.1),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(JournalError::Directory(path, error)),
    }
}

/// The newest slot that is whole, and its place in the sequence.
fn read(path: &Path, file: &File) -> Result<(u64, Found), JournalError> {
    let failed = |error| JournalError::Directory(path.to_owned(), error);
    let mut newest: Option<(u64, Synced)> = None;
    for place in [0, SLOT_DISTANCE] {
        let mut bytes = [0; SLOT_BYTES];
        match file.read_exact_at(&mut bytes, place) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            Err(error) => return Err(failed(error)),
        }
        match parse(&bytes) {
            Some((format, ..)) if format > FORMAT => {
                return Err(JournalError::Newer { path: path.to_owned(), format, ours: FORMAT });
            }
            Some((_, sequence, synced)) if newest.is_none_or(|(newest, _)| newest < sequence) => {
                newest = Some((sequence, synced));
            }
            Some(_) | None => {}
        }
    }
    match newest {
        Some((sequence, synced)) => Ok((sequence, Found::Synced(synced))),
        None if file.metadata().map_err(failed)?.len() == 0 => Ok((0, Found::Nothing)),
        None => Ok((0, Found::Damaged)),
    }
}

fn slot(sequence: u64, synced: &Synced) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    let fields = MAGIC
        .iter()
        .copied()
        .chain(FORMAT.to_le_bytes())
        .chain(sequence.to_le_bytes())
        .chain(synced.last.to_le_bytes())
        .chain(synced.chain);
    slot.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
    let sum = sum(&slot);
    slot.iter_mut().skip(SUM_AT).zip(sum).for_each(|(byte, field)| *byte = field);
    slot
}

/// Format, sequence and content of a slot that is whole.
fn parse(slot: &[u8; SLOT_BYTES]) -> Option<(i32, u64, Synced)> {
    let (magic, rest) = slot.split_first_chunk()?;
    let (format, rest) = rest.split_first_chunk()?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (last, rest) = rest.split_first_chunk()?;
    let (chain, _) = rest.split_first_chunk()?;
    let whole = magic == MAGIC && slot.ends_with(&sum(slot));
    let synced = Synced { last: i64::from_le_bytes(*last), chain: *chain };
    whole.then_some((i32::from_le_bytes(*format), u64::from_le_bytes(*sequence), synced))
}

fn sum(slot: &[u8; SLOT_BYTES]) -> [u8; 8] {
    let digest = Sha256::digest(slot.get(..SUM_AT).unwrap_or_default());
    digest.first_chunk().copied().unwrap_or_default()
}
