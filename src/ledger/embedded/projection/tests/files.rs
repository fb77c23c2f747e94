//! The projection's file: what becomes of it when it is missing, damaged, another program's, or ahead of the journal.

use rusqlite::Connection;

use super::*;
use crate::journal::JournalError;
use crate::journal::store::FILE as JOURNAL;
use crate::ledger::embedded::projection::read::{ReadError, Reader};
use crate::ledger::embedded::projection::schema::{FILE, FORMAT};

/// A ledger with a hold, everything projected, and stopped.
fn stopped() -> (Bench, Picture) {
    let mut bench = Bench::with(1_000);
    bench.decide("p", 600);
    bench.catch_up();
    let memory = bench.memory();
    bench.stop();
    (bench, memory)
}

fn change(bench: &Bench, sql: &str) {
    Connection::open(bench.directory.path().join(FILE)).unwrap().execute_batch(sql).unwrap();
}

/// Fingerprints have another key after a projection was made anew.
pub(super) fn without_names(picture: Picture) -> impl PartialEq + std::fmt::Debug {
    let Picture { programs, accounts, cards, cardholders, next_hold, counters, .. } = picture;
    let holds: Vec<_> = picture.holds.into_values().map(|row| (row.number, row.account, row.hold, row.steps)).collect();
    (programs, accounts, cards, cardholders, next_hold, counters, holds)
}

#[test]
fn one_that_cannot_be_used_is_made_anew_and_said() {
    for damage in [
        "PRAGMA user_version = 0",
        "PRAGMA application_id = 5",
        "DROP TABLE hold",
        "DELETE FROM meta",
        "UPDATE meta SET secret = x'01'",
        "UPDATE account SET status = 'no such word'",
        "UPDATE hold SET life = x'ff'",
        "DELETE FROM account; INSERT INTO account VALUES (7, 'demo', 'a', 'USD', 'active', 0, 0, 0, 0, 0)",
        "UPDATE meta SET next = 100",
        "UPDATE meta SET chain = zeroblob(32)",
    ] {
        let (mut bench, memory) = stopped();
        change(&bench, damage);
        let said = bench.start().unwrap_or_else(|| panic!("{damage}: not said"));
        assert!(said.contains("thrown away"), "{said}");
        assert_eq!(bench.follower.as_ref().unwrap().projected(), 0, "{damage}");
        assert_eq!(without_names(bench.memory()), without_names(memory), "{damage}");
        bench.catch_up();
        assert_eq!(bench.restored(), bench.replayed(), "{damage}");
        assert_eq!(bench.restart(), None, "{damage}: said once");
    }
}

#[test]
fn rubbish_is_made_anew() {
    let (mut bench, _) = stopped();
    std::fs::write(bench.directory.path().join(FILE), [7; 9_000]).unwrap();
    assert!(bench.start().is_some());
    bench.catch_up();
    assert_eq!(bench.reader().account(0).unwrap().unwrap().account.held, 600);
}

#[test]
fn a_missing_one_is_made_without_a_word() {
    let (mut bench, _) = stopped();
    std::fs::remove_file(bench.directory.path().join(FILE)).unwrap();
    assert_eq!(bench.start(), None);
}

#[test]
fn a_newer_one_is_refused_and_left_alone() {
    let (bench, _) = stopped();
    change(&bench, "PRAGMA user_version = 99");
    let _journal = Journal::open(bench.directory.path(), Sync::None).unwrap();
    let refused = Follower::open(bench.directory.path()).unwrap_err();
    assert!(matches!(refused, JournalError::Newer { format: 99, .. }), "{refused}");
    assert!(matches!(Reader::open(bench.directory.path()), Err(ReadError::Missing)));
    change(&bench, &format!("PRAGMA user_version = {FORMAT}"));
    assert_eq!(bench.restored_without_engine(), 3);
}

impl Bench {
    fn restored_without_engine(&self) -> i64 {
        let (follower, said) = Follower::open(self.directory.path()).unwrap();
        assert_eq!(said, None);
        follower.projected()
    }
}

#[test]
fn one_that_is_ahead_of_its_journal_is_made_anew() {
    let (mut bench, _) = stopped();
    // The journal lost its last group, and its mark with it.
    let journal = Connection::open(bench.directory.path().join(JOURNAL)).unwrap();
    journal.execute("DELETE FROM journal WHERE first = (SELECT max(first) FROM journal)", []).unwrap();
    drop(journal);
    for entry in std::fs::read_dir(bench.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none() && !path.ends_with("lock") {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert!(bench.start().unwrap().contains("not in this journal"));
    assert_eq!(bench.memory().accounts[0].account.held, 0);
    bench.catch_up();
    assert_eq!(bench.restored(), bench.replayed());
}

#[test]
fn a_batch_that_fails_leaves_nothing_behind() {
    let mut bench = Bench::with(1_000);
    bench.catch_up();
    bench.decide("p", 600);
    change(&bench, "CREATE TRIGGER obstacle BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'full'); END");
    let recorded = bench.recorded();
    assert!(bench.follower.as_mut().unwrap().follow(recorded).is_err());
    assert_eq!(bench.reader().account(0).unwrap().unwrap().account.held, 0);
    change(&bench, "DROP TRIGGER obstacle");
    bench.catch_up();
    assert_eq!(bench.reader().account(0).unwrap().unwrap().account.held, 600);
    assert_eq!(bench.restored(), bench.replayed());
}

#[test]
fn nothing_is_read_beyond_what_is_durable() {
    let mut bench = Bench::with(1_000);
    let before = bench.recorded();
    bench.decide("p", 600);
    assert_eq!(bench.follower.as_mut().unwrap().follow(before).unwrap(), before);
    assert_eq!(bench.reader().hold(1).unwrap(), None);
}
