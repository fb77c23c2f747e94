//! Old groups are dropped, and what is left can still be proven.

use rusqlite::Connection;

use super::super::store::FILE;
use super::*;

/// Three groups: records 1 to 3, 4, and 5 to 6.
fn three_groups(directory: &std::path::Path) -> Journal {
    let mut journal = Journal::open(directory, Sync::Full).unwrap();
    for records in [3, 1, 2] {
        let group = group(&vec![record(Body::Opened); records]);
        journal.append(group.records(), group.bytes()).unwrap();
    }
    journal
}

fn firsts(log: &dyn Log, from: i64) -> Result<Vec<i64>, JournalError> {
    let mut firsts = Vec::new();
    let each = &mut |first, _: &[u8]| {
        firsts.push(first);
        Ok(())
    };
    log.read(from, each)?;
    Ok(firsts)
}

fn verify(directory: &std::path::Path) -> Result<Verified, JournalError> {
    Reader::open(directory)?.verify(&mut |_, _, _| {})
}

fn operator(directory: &std::path::Path, change: &str) {
    assert_eq!(Connection::open(directory.join(FILE)).unwrap().execute(change, []).unwrap(), 1, "{change}");
}

#[test]
fn a_journal_begins_where_its_oldest_groups_were_dropped() {
    // The record that announces it is the seventh.
    for (record, left) in [(4, vec![4, 5, 7]), (5, vec![5, 7]), (7, vec![7])] {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = three_groups(directory.path());
        assert_eq!(journal.checkpoint().unwrap(), None);
        let checkpoint = trim(&mut journal, directory.path(), record).unwrap();
        let end = (journal.next(), *journal.chain());
        for reopened in [false, true] {
            if reopened {
                drop(journal);
                journal = Journal::open(directory.path(), Sync::Full).unwrap();
            }
            assert_eq!((firsts(&journal, 1).unwrap(), firsts(&journal, 6).unwrap().last()), (left.clone(), Some(&7)));
            assert_eq!((journal.next(), *journal.chain()), end, "it goes on where it was");
            assert_eq!(journal.checkpoint().unwrap(), Some(checkpoint.clone()));
            let verified = verify(directory.path()).unwrap();
            assert_eq!((verified.first, verified.last, verified.checkpoint), (record, 7, Some(checkpoint.clone())));
        }
        trim(&mut journal, directory.path(), 8).unwrap();
        assert_eq!(firsts(&journal, 1).unwrap(), [8]);
        assert_eq!(verify(directory.path()).unwrap().first, 8);
    }
}

#[test]
fn whatever_was_reached_when_the_process_ended_is_a_whole_journal() {
    for reached in 0..4 {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = three_groups(directory.path());
        let checkpoint = if reached > 0 { Some(announced(&mut journal, directory.path(), 5).unwrap()) } else { None };
        if reached > 1 {
            journal.begin_at(checkpoint.as_ref().unwrap()).unwrap();
        }
        if reached > 2 {
            operator(directory.path(), "DELETE FROM journal WHERE first = 1");
        }
        drop(journal);
        let begins = if reached > 1 { 5 } else { 1 };
        let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
        assert_eq!(verify(directory.path()).unwrap().first, begins, "step {reached}");
        assert_eq!(firsts(&journal, 1).unwrap().first(), Some(&begins));
        assert_eq!(journal.take_away().unwrap(), [0, 0, 2, 1][reached], "what is left of it is found again");
        assert_eq!(journal.take_away().unwrap(), 0);
        trim(&mut journal, directory.path(), 7).unwrap();
        assert_eq!(verify(directory.path()).unwrap().first, 7, "and the next trim goes on");
    }
}

#[test]
fn nothing_is_dropped_in_the_middle_of_a_group_or_twice() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    let honest = announced(&mut journal, directory.path(), 5).unwrap();
    for record in [0, 2, 3, 6, 9] {
        let error = journal.begin_at(&Checkpoint { record, ..honest.clone() }).unwrap_err();
        assert!(matches!(error, JournalError::NoBoundary { .. }), "{record}: {error}");
    }
    let error = journal.begin_at(&Checkpoint { chain: [1; 32], ..honest.clone() }).unwrap_err();
    assert!(matches!(error, JournalError::NoBoundary { record: 5, .. }), "{error}");
    assert_eq!(firsts(&journal, 1).unwrap(), [1, 4, 5, 7]);
    trim(&mut journal, directory.path(), 7).unwrap();
    assert!(matches!(journal.begin_at(&honest), Err(JournalError::NoBoundary { record: 5, .. })), "it does not go back");
}

#[test]
fn a_changed_checkpoint_is_refused() {
    for change in [
        "UPDATE checkpoint SET state = x'00'",
        "UPDATE checkpoint SET chain = zeroblob(32)",
        "UPDATE checkpoint SET record = 5",
        "UPDATE checkpoint SET seal = zeroblob(32)",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = three_groups(directory.path());
        trim(&mut journal, directory.path(), 4).unwrap();
        operator(directory.path(), change);
        assert!(matches!(journal.checkpoint(), Err(JournalError::Broken(..))), "{change}");
    }
}

#[test]
fn a_checkpoint_that_was_sealed_anew_is_not_the_one_that_the_chain_names() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    let checkpoint = trim(&mut journal, directory.path(), 4).unwrap();
    let path = state_file::path_of(directory.path(), 4);
    std::fs::write(&path, "a richer account").unwrap();
    assert!(matches!(verify(directory.path()), Err(JournalError::StateChanged { record: 4, .. })));
    let (sha256, bytes) = state_file::measure(&path).unwrap();
    let state = CheckpointState { sha256, bytes, ..checkpoint.state_of(&path).unwrap() };
    let forged = Checkpoint { state: state.written(), ..checkpoint };
    let file = Connection::open(directory.path().join(FILE)).unwrap();
    file.execute("UPDATE checkpoint SET state = ?1, seal = ?2", (&forged.state, &forged.seal()[..])).unwrap();
    assert_eq!(journal.checkpoint().unwrap(), Some(forged), "in itself it is whole");
    let refused = verify(directory.path()).unwrap_err();
    assert!(matches!(refused, JournalError::Unannounced { record: 4, .. }), "{refused}");
}

#[test]
fn a_state_that_is_gone_is_missed() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    let checkpoint = trim(&mut journal, directory.path(), 4).unwrap();
    checkpoint.must_have_state(directory.path()).unwrap();
    std::fs::remove_file(state_file::path_of(directory.path(), 4)).unwrap();
    for missed in [checkpoint.must_have_state(directory.path()), verify(directory.path()).map(drop)] {
        let missed = missed.unwrap_err();
        assert!(matches!(missed, JournalError::StateMissing { record: 4, .. }), "{missed}");
        assert!(missed.to_string().contains("checkpoint-4.sqlite: is not there"), "{missed}");
    }
}

#[test]
fn what_is_left_must_follow_from_the_checkpoint() {
    for change in ["UPDATE checkpoint SET chain = zeroblob(32)", "DELETE FROM checkpoint", "DELETE FROM journal WHERE first = 4"]
    {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = three_groups(directory.path());
        trim(&mut journal, directory.path(), 4).unwrap();
        operator(directory.path(), change);
        assert!(matches!(firsts(&journal, 1), Err(JournalError::Broken(..))), "{change}");
    }
}

#[test]
fn who_reads_while_it_is_dropped_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    let reader = Tail::open(directory.path()).unwrap();
    let behind_the_first = reader.joint_before(4).unwrap();
    trim(&mut journal, directory.path(), 5).unwrap();
    let refused = reader.read(behind_the_first, i64::MAX, 10, &mut |_, _| Ok(())).unwrap_err();
    assert!(matches!(refused, JournalError::DroppedMeanwhile { record: 5, .. }), "{refused}");
}

#[test]
fn pieces_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path(), Sync::None).unwrap();
    for _ in 0..600 {
        let group = group(&[record(Body::Opened)]);
        journal.append(group.records(), group.bytes()).unwrap();
    }
    let checkpoint = announced(&mut journal, directory.path(), 601).unwrap();
    journal.begin_at(&checkpoint).unwrap();
    assert_eq!([(); 4].map(|()| journal.take_away().unwrap()), [256, 256, 88, 0]);
}

#[test]
fn room_is_given_back_in_pieces_but_for_some_and_the_rest_is_still_proven() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path(), Sync::None).unwrap();
    for _ in 0..120 {
        let group = group(&vec![record(Body::Opened); 2_000]);
        journal.append(group.records(), group.bytes()).unwrap();
    }
    let pages = |journal: &Journal, what: &str| -> i64 {
        journal.connection.query_row(&format!("PRAGMA {what}"), [], |row| row.get(0)).unwrap()
    };
    let give_all_back = |journal: &mut Journal| {
        (0..)
            .take_while(|_| {
                journal.has_room() && {
                    journal.give_room_back();
                    true
                }
            })
            .count()
    };
    assert_eq!(give_all_back(&mut journal), 1, "one look, and nothing to give");
    let before = pages(&journal, "page_count");
    let checkpoint = announced(&mut journal, directory.path(), 200_001).unwrap();
    journal.begin_at(&checkpoint).unwrap();
    while journal.take_away().unwrap() > 0 {}
    let free = pages(&journal, "freelist_count");
    assert!(free > 200, "{free} of {before}");
    let pieces = give_all_back(&mut journal);
    assert!(i64::try_from(pieces).unwrap() >= free / 64, "{pieces}");
    assert!(!journal.has_room());
    assert_eq!(pages(&journal, "freelist_count"), 4);
    assert!(pages(&journal, "page_count") < before - free + 16);
    assert_eq!(verify(directory.path()).unwrap().first, 200_001);
    let group = group(&[record(Body::Opened)]);
    journal.append(group.records(), group.bytes()).unwrap();
    drop(journal);
    assert_eq!(verify(directory.path()).unwrap().last, 240_002);
    assert!(std::fs::metadata(directory.path().join(FILE)).unwrap().len() < u64::try_from(before).unwrap() * 16_384 / 2);
}

#[test]
fn a_file_of_an_older_program_keeps_its_size() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    journal.connection.execute_batch("PRAGMA auto_vacuum = NONE; VACUUM").unwrap();
    let checkpoint = announced(&mut journal, directory.path(), 5).unwrap();
    journal.begin_at(&checkpoint).unwrap();
    while journal.take_away().unwrap() > 0 {}
    assert!(journal.has_room());
    journal.give_room_back();
    assert!(!journal.has_room());
    drop(journal);
    // As the README says how to bring it here.
    let file = Connection::open(directory.path().join(FILE)).unwrap();
    file.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM").unwrap();
    assert_eq!(file.query_row("PRAGMA auto_vacuum", [], |row| row.get::<_, i64>(0)).unwrap(), 2);
    drop(file);
    let journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert_eq!(firsts(&journal, 1).unwrap(), [5, 7]);
    assert_eq!(verify(directory.path()).unwrap().first, 5);
}
