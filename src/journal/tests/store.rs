//! The journal on a disk against damage, strangers and second writers.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;

use super::super::store::FILE;
use super::*;

/// A journal of three groups: records 1 to 3, 4, and 5 to 6.
fn three_groups(directory: &Path) -> Journal {
    let mut journal = Journal::open(directory, Sync::None).unwrap();
    for records in [3, 1, 2] {
        let group = group(&vec![record(Body::Opened); records]);
        journal.append(group.records(), group.bytes()).unwrap();
    }
    journal
}

fn read_from(journal: &Journal, from: i64) -> Result<Vec<i64>, JournalError> {
    let mut firsts = Vec::new();
    journal.read(from, &mut |first, _| {
        firsts.push(first);
        Ok(())
    })?;
    Ok(firsts)
}

#[test]
fn a_changed_row_breaks_the_chain_there() {
    for (change, place) in [
        ("UPDATE journal SET body = x'0100' WHERE first = 1", 1),
        ("UPDATE journal SET body = CAST(body || x'00' AS BLOB) WHERE first = 4", 4),
        ("UPDATE journal SET chain = zeroblob(32) WHERE first = 4", 4),
        ("UPDATE journal SET chain = x'00' WHERE first = 5", 5),
        ("DELETE FROM journal WHERE first = 1", 4),
        ("DELETE FROM journal WHERE first = 4", 5),
        ("UPDATE journal SET first = 50 WHERE first = 5", 50),
        ("UPDATE journal SET records = 2 WHERE first = 4", 4),
        // The last group's number of records has no group after it that would tell.
        ("UPDATE journal SET records = 9 WHERE first = 5", 5),
        ("UPDATE journal SET records = 0 WHERE first = 5", 5),
        ("UPDATE journal SET link = 1 WHERE first = 4", 4),
        ("UPDATE journal SET link = 3 WHERE first = 4", 4),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let journal = three_groups(directory.path());
        let operator = Connection::open(directory.path().join(FILE)).unwrap();
        assert_eq!(operator.execute(change, []).unwrap(), 1);
        let error = read_from(&journal, 1).unwrap_err();
        assert!(matches!(error, JournalError::Broken(_, first) if first == place), "{change}: {error}");
    }
}

#[test]
fn files_that_are_not_ours_are_refused_and_left_as_they_are() {
    for (sql, expected) in [
        ("CREATE TABLE theirs (x); PRAGMA journal_mode = DELETE", "is not a Holdfast journal"),
        ("PRAGMA application_id = 7; PRAGMA user_version = 1", "is not a Holdfast journal"),
        ("PRAGMA user_version = 1", "is not a Holdfast journal"),
        ("PRAGMA application_id = 1212566065; PRAGMA user_version = 8", "newer Holdfast (format 8, this one reads up to 7)"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = Journal::open(directory.path(), Sync::Full).unwrap_err().to_string();
        assert!(error.contains(expected), "{sql}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{sql}");
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE), "a letter to the operator, and no database at all, of some length".repeat(20))
        .unwrap();
    let error = Journal::open(directory.path(), Sync::Full).unwrap_err();
    assert!(matches!(error, JournalError::Foreign(_)), "{error}");
}

#[test]
fn one_writer_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert!(matches!(Journal::open(directory.path(), Sync::Full), Err(JournalError::InUse(_))));
    drop(journal);
    Journal::open(directory.path(), Sync::Full).unwrap();
}

#[test]
fn directory_and_files_are_their_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("deep/data");
    let mut journal = Journal::open(&directory, Sync::Full).unwrap();
    journal.append(1, group(&[record(Body::Opened)]).bytes()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in [FILE, "journal.sqlite-wal", "journal.sqlite-shm"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_journal_that_was_taken_away_is_not_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    for file in [FILE, "journal.sqlite-wal", "journal.sqlite-shm"] {
        std::fs::remove_file(directory.path().join(file)).unwrap();
    }
    assert!(journal.reopen().is_err());
    assert_eq!(journal.next(), 7);
}

#[test]
fn a_record_is_found_by_its_counter() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    let by = |number: u8| Operation {
        program: "a".to_owned(),
        key: number.to_string(),
        request: [number; 32],
        who: format!("operator {number}"),
        why: "because".to_owned(),
        at: Timestamp::EPOCH,
    };
    journal.note(&by(5)).unwrap();
    let at = Timestamp::from_unix_seconds;
    for numbers in [1..4, 4..5, 5..7] {
        let records: Vec<_> = numbers
            .map(|number| {
                let operator = Some(by(u8::try_from(number).unwrap()).id()).filter(|_| number >= 5);
                Record { at: at(number), operator, ..record(Body::Opened) }
            })
            .collect();
        let group = group(&records);
        journal.append(group.records(), group.bytes()).unwrap();
    }
    let reader = Reader::open(directory.path()).unwrap();
    let found: Vec<_> = (0..8).map(|number| reader.record(number).unwrap().map(|record| record.at)).collect();
    let expected: Vec<_> = (0..8).map(|number| (1..7).contains(&number).then(|| at(number))).collect();
    assert_eq!(found, expected);
    let behind: Vec<_> = (4..7).map(|number| reader.operation_behind(number).unwrap()).collect();
    // What is behind the last one was never noted.
    assert_eq!(behind, [None, Some(by(5)), None]);
}
