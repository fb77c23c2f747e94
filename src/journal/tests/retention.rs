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

#[test]
fn a_journal_begins_where_its_oldest_groups_were_dropped() {
    for (record, left) in [(1, vec![1, 4, 5]), (4, vec![4, 5]), (5, vec![5]), (7, vec![])] {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = three_groups(directory.path());
        let end = (journal.next(), *journal.chain());
        assert_eq!(journal.checkpoint().unwrap(), None);
        journal.drop_before(record, b"what they amount to").unwrap();
        for reopened in [false, true] {
            if reopened {
                drop(journal);
                journal = Journal::open(directory.path(), Sync::Full).unwrap();
            }
            assert_eq!(firsts(&journal, 1).unwrap(), left);
            assert_eq!((journal.next(), *journal.chain()), end, "the end stays where it was");
            let checkpoint = journal.checkpoint().unwrap().unwrap();
            assert_eq!((checkpoint.record, &checkpoint.state[..]), (record, &b"what they amount to"[..]));
        }
        let group = group(&[record_of_nothing()]);
        journal.append(group.records(), group.bytes()).unwrap();
        assert_eq!(firsts(&journal, 7).unwrap(), [7]);
        journal.drop_before(7, b"more").unwrap();
        assert_eq!((firsts(&journal, 1).unwrap(), journal.checkpoint().unwrap().unwrap().record), (vec![7], 7));
    }
}

fn record_of_nothing() -> Record {
    record(Body::Opened)
}

#[test]
fn nothing_is_dropped_in_the_middle_of_a_group() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    for record in [0, 2, 3, 6, 8] {
        let error = journal.drop_before(record, b"").unwrap_err();
        assert!(matches!(error, JournalError::NoBoundary { .. }), "{record}: {error}");
    }
    assert_eq!(firsts(&journal, 1).unwrap(), [1, 4, 5]);
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
        journal.drop_before(4, b"state").unwrap();
        assert_eq!(Connection::open(directory.path().join(FILE)).unwrap().execute(change, []).unwrap(), 1);
        assert!(matches!(journal.checkpoint(), Err(JournalError::Broken(..))), "{change}");
    }
}

#[test]
fn what_is_left_must_follow_from_the_checkpoint() {
    for change in ["UPDATE checkpoint SET chain = zeroblob(32)", "DELETE FROM checkpoint", "DELETE FROM journal WHERE first = 4"]
    {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = three_groups(directory.path());
        journal.drop_before(4, b"state").unwrap();
        assert_eq!(Connection::open(directory.path().join(FILE)).unwrap().execute(change, []).unwrap(), 1);
        assert!(matches!(firsts(&journal, 1), Err(JournalError::Broken(..))), "{change}");
    }
}
