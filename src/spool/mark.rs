//! How far the spool was synced, kept outside of its write-ahead log: a file beside it, `spool.sqlite-mark`.
//!
//! A log that lost its end, or a copy from before, is whole in itself; only somebody else's word can tell that more was durable. The mark
//! is written after a commit that was synced, in place and without a sync of its own: a process that dies leaves it exact, and a power cut
//! may leave it behind the spool, never ahead. Two slots take turns, so that one that is torn leaves the other. It says whose it is:
//! beside another spool it says nothing.
//!
//! What counts is the number that the next entry gets. A transaction that only lets entries go leaves that as it is: what it let go comes
//! to the ledger once more, which knows it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::SpoolError;
use super::{Settings, Sync};

/// What its file's name ends in, behind the spool's.
const SUFFIX: &str = "-mark";

/// The number of this file's format. A newer one is refused; every format keeps magic, number and sum where they are.
const FORMAT: i32 = 1;

const MAGIC: &[u8; 4] = b"HFSM";

/// A slot: magic, format, sequence, the number that the next entry gets, the digest of the spool's name; zeros; the sum in the last
/// eight bytes.
const SLOT_BYTES: usize = 128;
const SUM_AT: usize = 120;

/// Slots lie this far apart, so that no sector or page holds both.
const SLOT_DISTANCE: u64 = 4096;

/// How far a spool was synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Synced {
    /// Which spool it is of: the digest of its name.
    of: [u8; 32],
    /// The number that its next entry got.
    next: i64,
}

impl Synced {
    /// A spool of this name, whose next entry gets that number.
    pub fn of(name: &str, next: i64) -> Self {
        Synced { of: Sha256::digest(name).into(), next }
    }

    /// How far the spool of this one was synced by the other's word, if that is of the same spool and further.
    fn falls_short_of(&self, marked: &Synced) -> Option<i64> {
        (self.of == marked.of && self.next < marked.next).then_some(marked.next)
    }
}

/// The mark, open for writing.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
    sequence: u64,
}

impl Mark {
    /// Opens, or makes, the mark of a spool that is there.
    ///
    /// # Errors
    /// The spool ends before what the mark says; or the disk.
    pub fn open(spool: &Path, synced: &Synced) -> Result<Self, SpoolError> {
        let path = path_of(spool);
        let failed = |error| SpoolError::Path(path.clone(), error);
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let file = options.open(&path).map_err(failed)?;
        let found = read(&path, &file)?;
        if let Some((_, marked)) = &found {
            must_reach(spool, synced, marked)?;
        }
        let mut mark = Mark { file, sequence: found.map_or(0, |(sequence, _)| sequence) };
        // Both, so that neither needs room later.
        mark.write(synced).and_then(|()| mark.write(synced)).map_err(failed)?;
        Ok(mark)
    }

    /// Says how far the spool is synced now.
    pub fn write(&mut self, synced: &Synced) -> io::Result<()> {
        self.sequence = self.sequence.saturating_add(1);
        self.file.write_all_at(&slot(self.sequence, synced), (self.sequence % 2).saturating_mul(SLOT_DISTANCE))
    }
}

/// Somebody says that what a spool has is all that there is.
///
/// # Errors
/// The disk.
pub(super) fn accept(spool: &Path, synced: &Synced) -> Result<(), SpoolError> {
    let path = path_of(spool);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SpoolError::Path(path, error)),
        Ok(()) | Err(_) => Mark::open(spool, synced).map(drop),
    }
}

/// What the mark of a spool says, changing nothing. Read before the spool is: a server may be writing both.
///
/// # Errors
/// The disk, or a newer format.
pub(super) fn peek(spool: &Path) -> Result<Option<Synced>, SpoolError> {
    let path = path_of(spool);
    match File::open(&path) {
        Ok(file) => Ok(read(&path, &file)?.map(|(_, marked)| marked)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SpoolError::Path(path, error)),
    }
}

/// What an operator should read where a spool that something was put into had no mark before it was opened.
pub(super) fn remark(settings: &Settings, marked: Option<&Synced>, next: i64) -> Option<String> {
    let is_missed = settings.sync == Sync::Full && marked.is_none() && next > 1;
    let mark = path_of(&settings.path);
    is_missed.then(|| {
        format!("{}: is not there, or damaged, and is begun anew: a loss at the spool's end would not show", mark.display())
    })
}

/// Makes sure that a spool has all that its mark says.
///
/// # Errors
/// It ends before.
pub(super) fn must_reach(spool: &Path, synced: &Synced, marked: &Synced) -> Result<(), SpoolError> {
    match synced.falls_short_of(marked) {
        Some(marked) => Err(SpoolError::CutShort { path: spool.to_owned(), next: synced.next, marked }),
        None => Ok(()),
    }
}

fn path_of(spool: &Path) -> PathBuf {
    let mut name = OsString::from(spool);
    name.push(SUFFIX);
    PathBuf::from(name)
}

/// The newest slot that is whole, and its place in the sequence. A mark that cannot be read is none: it stands for nothing that was told.
fn read(path: &Path, file: &File) -> Result<Option<(u64, Synced)>, SpoolError> {
    let mut newest: Option<(u64, Synced)> = None;
    for place in [0, SLOT_DISTANCE] {
        let mut bytes = [0; SLOT_BYTES];
        match file.read_exact_at(&mut bytes, place) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            Err(error) => return Err(SpoolError::Path(path.to_owned(), error)),
        }
        match parse(&bytes) {
            Some((format, ..)) if format > FORMAT => {
                return Err(SpoolError::Newer { path: path.to_owned(), format, ours: FORMAT });
            }
            Some((_, sequence, synced)) if newest.is_none_or(|(newest, _)| newest < sequence) => {
                newest = Some((sequence, synced));
            }
            Some(_) | None => {}
        }
    }
    Ok(newest)
}

fn slot(sequence: u64, synced: &Synced) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    let fields = MAGIC
        .iter()
        .copied()
        .chain(FORMAT.to_le_bytes())
        .chain(sequence.to_le_bytes())
        .chain(synced.next.to_le_bytes())
        .chain(synced.of);
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
    let (next, rest) = rest.split_first_chunk()?;
    let (of, _) = rest.split_first_chunk()?;
    let whole = magic == MAGIC && slot.ends_with(&sum(slot));
    let synced = Synced { of: *of, next: i64::from_le_bytes(*next) };
    whole.then_some((i32::from_le_bytes(*format), u64::from_le_bytes(*sequence), synced))
}

fn sum(slot: &[u8; SLOT_BYTES]) -> [u8; 8] {
    let digest = Sha256::digest(slot.get(..SUM_AT).unwrap_or_default());
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_slot_counts_and_only_beside_its_own_spool() {
        let directory = tempfile::tempdir().unwrap();
        let spool = directory.path().join("spool.sqlite");
        assert_eq!(peek(&spool).unwrap(), None);
        let mut mark = Mark::open(&spool, &Synced::of("one", 1)).unwrap();
        mark.write(&Synced::of("one", 5)).unwrap();
        mark.write(&Synced::of("one", 9)).unwrap();
        assert_eq!(peek(&spool).unwrap(), Some(Synced::of("one", 9)));
        let short = Mark::open(&spool, &Synced::of("one", 8)).unwrap_err().to_string();
        assert!(short.contains("up to 7") && short.contains("up to 8"), "{short}");
        // The newer of the two is torn.
        let newest = (mark.sequence % 2) * SLOT_DISTANCE;
        mark.file.write_all_at(b"torn", newest + 20).unwrap();
        assert_eq!(peek(&spool).unwrap(), Some(Synced::of("one", 5)));
        assert!(Mark::open(&spool, &Synced::of("one", 4)).is_err());
        accept(&spool, &Synced::of("one", 4)).unwrap();
        Mark::open(&spool, &Synced::of("one", 4)).unwrap();
        Mark::open(&spool, &Synced::of("another", 2)).unwrap();
        assert_eq!(peek(&spool).unwrap(), Some(Synced::of("another", 2)));
        std::fs::write(path_of(&spool), [0; 8192]).unwrap();
        assert_eq!(peek(&spool).unwrap(), None, "nothing that can be read says nothing");
    }

    #[test]
    fn a_newer_format_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let spool = directory.path().join("spool.sqlite");
        let mark = Mark::open(&spool, &Synced::of("one", 1)).unwrap();
        let mut newer = slot(9, &Synced::of("one", 2));
        newer[4] = 2;
        let sum = sum(&newer);
        newer[SUM_AT..].copy_from_slice(&sum);
        mark.file.write_all_at(&newer, 0).unwrap();
        assert!(matches!(peek(&spool), Err(SpoolError::Newer { format: 2, ours: 1, .. })));
    }
}
