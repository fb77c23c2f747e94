//! A journal that lost its end, or was damaged under it: what is told, and that nothing is passed over.
//!
//! A crash is a copy of the files as they are while the journal is open.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::mark;
use super::super::store::FILE;
use super::*;

const WAL: &str = "journal.sqlite-wal";

/// What a frame of the write-ahead log takes.
const FRAME: u64 = 24 + 16_384;

/// The files of a directory as a crash leaves them.
fn crashed(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in [FILE, WAL, mark::FILE] {
        fs::copy(directory.join(file), copy.path().join(file)).unwrap();
    }
    copy
}

fn append(journal: &mut Journal, records: usize) {
    let group = group(&vec![record(Body::Opened); records]);
    journal.append(group.records(), group.bytes()).unwrap();
}

/// A crash after three groups (records 1 to 3, 4, and 5 to 6), with the mark as it was before the last of them.
fn crashed_in_the_last_group() -> (TempDir, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    append(&mut journal, 3);
    append(&mut journal, 1);
    let mark_before = fs::read(directory.path().join(mark::FILE)).unwrap();
    append(&mut journal, 2);
    (crashed(directory.path()), mark_before)
}

fn cut(file: &Path, by: u64) {
    let file = fs::File::options().write(true).open(file).unwrap();
    file.set_len(file.metadata().unwrap().len() - by).unwrap();
}

fn flip(file: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], at).unwrap();
}

#[test]
fn a_crash_between_two_groups_loses_nothing_and_says_nothing() {
    let (directory, _) = crashed_in_the_last_group();
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert_eq!((journal.next(), journal.remarks()), (7, vec![]));
}

#[test]
fn a_torn_last_group_is_cut_off_and_told() {
    for by in [1, 4_000, FRAME - 24, FRAME - 20] {
        let (directory, mark_before) = crashed_in_the_last_group();
        fs::write(directory.path().join(mark::FILE), mark_before).unwrap();
        cut(&directory.path().join(WAL), by);
        let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
        assert_eq!(journal.next(), 5, "cut by {by}");
        let [remark] = &journal.remarks()[..] else { panic!("one remark") };
        assert!(remark.contains(&format!("1 frames ({} bytes) at the end are not whole", FRAME - by)), "{remark}");
        // It goes on from there.
        append(&mut journal, 1);
        drop(journal);
        let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
        assert_eq!((journal.next(), journal.remarks()), (6, vec![]));
    }
}

#[test]
fn a_group_that_was_torn_by_a_flipped_bit_is_told_too() {
    let (directory, mark_before) = crashed_in_the_last_group();
    fs::write(directory.path().join(mark::FILE), mark_before).unwrap();
    let wal = directory.path().join(WAL);
    flip(&wal, fs::metadata(&wal).unwrap().len() - 9_000);
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert_eq!(journal.next(), 5);
    assert!(journal.remarks()[0].contains(&format!("1 frames ({FRAME} bytes)")));
}

#[test]
fn frames_of_an_earlier_generation_are_not_torn() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    for _ in 0..8 {
        append(&mut journal, 1);
    }
    // The log is copied into the file and begun anew: the rest of it is old.
    checkpoint::copy(&journal.connection).unwrap();
    append(&mut journal, 1);
    let copy = crashed(directory.path());
    assert!(fs::metadata(copy.path().join(WAL)).unwrap().len() > 4 * FRAME);
    let mut journal = Journal::open(copy.path(), Sync::Full).unwrap();
    assert_eq!((journal.next(), journal.remarks()), (10, vec![]));
}

#[test]
fn a_journal_that_ends_before_what_was_synced_is_refused_and_kept() {
    for cut_by in [1, FRAME, 2 * FRAME] {
        let (directory, _) = crashed_in_the_last_group();
        let wal = directory.path().join(WAL);
        cut(&wal, cut_by);
        let before = fs::read(&wal).unwrap();
        let error = Journal::open(directory.path(), Sync::Full).unwrap_err();
        let last = if cut_by == 2 * FRAME { 3 } else { 4 };
        assert!(
            matches!(error, JournalError::EndsEarly { last: ends, synced: 6, torn, .. } if ends == last && torn.is_some() == (cut_by == 1)),
            "{error}"
        );
        let told = error.to_string();
        assert!(told.contains(&format!("ends with record {last}, but everything up to record 6")), "{told}");
        assert_eq!(fs::read(&wal).unwrap(), before, "what is left is evidence");
    }
}

#[test]
fn a_log_that_is_damaged_in_the_middle_is_refused() {
    let (directory, _) = crashed_in_the_last_group();
    let wal = directory.path().join(WAL);
    flip(&wal, fs::metadata(&wal).unwrap().len() - FRAME - 9_000);
    let error = Journal::open(directory.path(), Sync::Full).unwrap_err();
    let torn = TornEnd { frames: 2, bytes: 2 * FRAME };
    assert!(matches!(error, JournalError::EndsEarly { last: 3, synced: 6, torn: Some(found), .. } if found == torn), "{error}");
}

#[test]
fn a_log_without_its_header_is_refused() {
    for at in [0, 17, 25] {
        let (directory, _) = crashed_in_the_last_group();
        flip(&directory.path().join(WAL), at);
        let error = Journal::open(directory.path(), Sync::Full).unwrap_err();
        assert!(matches!(error, JournalError::EndsEarly { synced: 6, torn: Some(_), .. }), "{error}");
    }
}

#[test]
fn a_journal_that_is_gone_while_its_mark_is_there_is_not_begun_anew() {
    let (directory, _) = crashed_in_the_last_group();
    fs::remove_file(directory.path().join(FILE)).unwrap();
    fs::remove_file(directory.path().join(WAL)).unwrap();
    for _ in 0..2 {
        let error = Journal::open(directory.path(), Sync::Full).unwrap_err();
        assert!(matches!(error, JournalError::EndsEarly { last: 0, synced: 6, .. }), "{error}");
    }
}

#[test]
fn another_journal_in_its_place_is_refused() {
    let (directory, _) = crashed_in_the_last_group();
    let other = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(other.path(), Sync::Full).unwrap();
    for records in [3, 3, 4] {
        append(&mut journal, records);
    }
    drop(journal);
    fs::copy(directory.path().join(mark::FILE), other.path().join(mark::FILE)).unwrap();
    let error = Journal::open(other.path(), Sync::Full).unwrap_err();
    assert!(matches!(error, JournalError::Replaced { record: 6, .. }), "{error}");
}

fn marked(directory: &Path) -> mark::Found {
    mark::Mark::open(directory).unwrap().1
}

#[test]
fn a_torn_mark_leaves_the_one_before_it() {
    let (directory, _) = crashed_in_the_last_group();
    let mark = directory.path().join(mark::FILE);
    let whole = fs::read(&mark).unwrap();
    // The third group wrote the second slot; the second one the first.
    for (at, synced) in [(4096 + 20, 4), (20, 6)] {
        fs::write(&mark, &whole).unwrap();
        flip(&mark, at);
        let found = marked(directory.path());
        assert!(matches!(found, mark::Found::Synced(found) if found.last == synced), "{at}: {found:?}");
    }
    fs::write(&mark, &whole).unwrap();
    flip(&mark, 20);
    flip(&mark, 4096 + 20);
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert!(journal.remarks()[0].contains("journal.mark: is damaged and is begun anew"));
    append(&mut journal, 1);
    assert!(matches!(marked(directory.path()), mark::Found::Synced(found) if found.last == 7));
}

#[test]
fn a_mark_of_a_newer_program_is_refused() {
    use sha2::Digest as _;
    let (directory, _) = crashed_in_the_last_group();
    let mark = directory.path().join(mark::FILE);
    let mut bytes = fs::read(&mark).unwrap();
    bytes[4] = 2;
    let sum = sha2::Sha256::digest(&bytes[..120]);
    bytes[120..128].copy_from_slice(&sum[..8]);
    fs::write(&mark, bytes).unwrap();
    let error = Journal::open(directory.path(), Sync::Full).unwrap_err();
    assert!(matches!(error, JournalError::Newer { format: 2, ours: 1, .. }), "{error}");
}

#[test]
fn a_journal_without_its_mark_goes_on_and_says_so() {
    let (directory, _) = crashed_in_the_last_group();
    fs::remove_file(directory.path().join(mark::FILE)).unwrap();
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert!(journal.remarks()[0].contains("journal.mark: is not there"));
}

#[test]
fn a_last_group_that_was_changed_is_refused_at_once() {
    for change in [
        "UPDATE journal SET records = 9 WHERE first = 5",
        "UPDATE journal SET chain = zeroblob(32) WHERE first = 5",
        "UPDATE journal SET chain = x'00' WHERE first = 5",
    ] {
        let (directory, _) = crashed_in_the_last_group();
        assert_eq!(Connection::open(directory.path().join(FILE)).unwrap().execute(change, []).unwrap(), 1);
        let error = Journal::open(directory.path(), Sync::Full).unwrap_err();
        assert!(matches!(error, JournalError::Broken(_, 5)), "{change}: {error}");
    }
}

/// Every group of a directory, or why it cannot be told.
fn everything(directory: &Path) -> Result<Vec<(i64, Vec<u8>)>, JournalError> {
    let mut groups = Vec::new();
    let journal = Journal::open(directory, Sync::Full)?;
    journal.read(1, &mut |first, bytes| {
        groups.push((first, bytes.to_vec()));
        Ok(())
    })?;
    Ok(groups)
}

#[test]
fn no_damaged_page_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    // Large enough for rows that overflow their page, and for a tree of more than one level.
    for records in [600, 1, 900, 5, 700, 300, 2000] {
        append(&mut journal, records);
    }
    drop(journal);
    let whole = everything(directory.path()).unwrap();
    let file = directory.path().join(FILE);
    let bytes = fs::read(&file).unwrap();
    let (mut refused, mut unharmed) = (0, 0);
    // Densely where SQLite's own structures are, at each page's beginning; and all through.
    let places = (0..bytes.len()).filter(|at| at % 16_384 < 24 || at % 211 == 0);
    for at in places {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        fs::write(&file, damaged).unwrap();
        match everything(directory.path()) {
            Ok(read) => {
                assert_eq!(read, whole, "flipped at {at}");
                unharmed += 1;
            }
            Err(error) => {
                assert!(
                    !matches!(error, JournalError::Disk(..) | JournalError::Directory(..)),
                    "flipped at {at}, and said to be the disk's: {error}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 100 && unharmed > 100, "{refused} refused, {unharmed} unharmed");
}
