//! The projection's file: what becomes of it when it is missing, damaged, another program's, or ahead of the journal.

use std::path::PathBuf;

use rusqlite::Connection;

use super::*;
use crate::journal::JournalError;
use crate::journal::store::FILE as JOURNAL;
use crate::ledger::embedded::cold::Need;
use crate::ledger::embedded::projection::follow::FollowError;
use crate::ledger::embedded::projection::read::{ReadError, Reader};
use crate::ledger::embedded::projection::schema::{FILE, FORMAT};
use crate::ledger::embedded::projection::sums::Sums;

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
    // As if the projection had written it so itself.
    Sums::begin(bench.directory.path()).unwrap();
}

/// The files of the projection with what is in them.
fn files(bench: &Bench) -> Vec<(PathBuf, Vec<u8>)> {
    let paths =
        [FILE.to_owned(), format!("{FILE}-wal"), "projection.sums".to_owned()].map(|name| bench.directory.path().join(name));
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn a_bit_that_flips_anywhere_is_never_believed() {
    for copied in [true, false] {
        let mut bench = Bench::with(1_000_000);
        for number in 0..120 {
            bench.decide(&format!("p{number}"), 7);
            if number % 9 == 0 {
                bench.catch_up();
            }
        }
        bench.catch_up();
        if copied {
            bench.follower.as_mut().unwrap().copy_pages().unwrap();
        }
        let (balances, replayed) = (without_names(bench.memory()), without_names(bench.replayed()));
        assert_eq!(balances, replayed);
        bench.stop();
        let (whole, mut found) = (files(&bench), 0);
        for (path, bytes) in &whole {
            let step = (bytes.len() / 90).max(1);
            for place in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
                for (path, bytes) in &whole {
                    std::fs::write(path, bytes).unwrap();
                }
                let _ = std::fs::remove_file(bench.directory.path().join(format!("{FILE}-shm")));
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << (place % 8);
                std::fs::write(path, damaged).unwrap();
                found += u32::from(bench.start().is_some());
                bench.catch_up();
                assert_eq!(without_names(bench.restored()), balances, "{}: {place}, {copied}", path.display());
                assert_eq!(bench.reader().account(0).unwrap().unwrap().account.held, 840, "{}: {place}", path.display());
                bench.stop();
            }
        }
        assert!(found > 90, "{found} of them were said");
    }
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
        "DELETE FROM account; INSERT INTO account VALUES (7, 'demo', 'a', 'USD', 'active', 0, 0, 0, 0, 0, NULL, NULL)",
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
    std::fs::remove_file(bench.directory.path().join(format!("{FILE}-wal"))).unwrap();
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
fn a_journal_that_ends_before_its_projection_stops_the_start() {
    for (loss, last, older) in [("last group", 2, false), ("last group", 2, true), ("everything", 0, false)] {
        let (mut bench, _) = stopped();
        let directory = bench.directory.path().to_owned();
        if older {
            change(&bench, "PRAGMA user_version = 4");
        }
        // The journal lost its end, and its mark with it.
        std::fs::remove_file(directory.join("journal.mark")).unwrap();
        if last == 0 {
            std::fs::remove_file(directory.join(JOURNAL)).unwrap();
        } else {
            let journal = Connection::open(directory.join(JOURNAL)).unwrap();
            journal.execute("DELETE FROM journal WHERE first = (SELECT max(first) FROM journal)", []).unwrap();
        }
        let journal = Journal::open(&directory, Sync::None).unwrap();
        for attempt in 0..2 {
            let refused = Follower::open(&directory).unwrap_err();
            let told = refused.to_string();
            assert!(
                matches!(refused, JournalError::EndsBefore { last: there, proven: 3, .. } if there == last),
                "{loss}, {attempt}: {told}"
            );
            assert!(told.contains("restore the data directory from a backup"), "{told}");
        }
        drop(journal);
        // Whoever means it says so.
        std::fs::remove_file(directory.join(FILE)).unwrap();
        assert_eq!(bench.start(), None);
        bench.catch_up();
        assert_eq!(bench.restored(), bench.replayed());
    }
}

#[test]
fn a_journal_that_ends_before_a_checkpoint_stops_the_start() {
    let (bench, _) = stopped();
    let proof = crate::journal::state_file::path_of(bench.directory.path(), 5);
    std::fs::write(&proof, "stands for records 1 to 4").unwrap();
    let refused = Follower::open(bench.directory.path()).unwrap_err();
    assert!(matches!(refused, JournalError::EndsBefore { last: 3, proven: 4, .. }), "{refused}");
    std::fs::rename(&proof, crate::journal::state_file::path_of(bench.directory.path(), 4)).unwrap();
    assert!(Follower::open(bench.directory.path()).is_ok());
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

#[test]
fn one_that_is_damaged_while_the_ledger_goes_on_is_made_anew_under_it() {
    let mut bench = Bench::keeping_closed(Duration::ZERO);
    bench.furnish(1_000);
    bench.decide("p", 600);
    bench.finding(&tell("clear", captured("p", 400)));
    bench.catch_up();
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.engine().state.sizes().holds, 0, "memory has let go of it");
    let finder = bench.finder();
    let names = bench.key.payment(&program(), origin().platform.as_ref(), &payment("p"));
    let need = Need { payment: names.iter().collect(), ..Need::default() };
    assert!(finder.find(&need).unwrap().hold.is_some());
    // A row that the next record is about goes away.
    bench.decide("q", 100);
    bench.catch_up();
    change(&bench, "DELETE FROM hold");
    bench.finding(&tell("clear-q", captured("q", 100)));
    let recorded = bench.recorded();
    let follower = bench.follower.as_mut().unwrap();
    let damaged = follower.follow(recorded).unwrap_err();
    assert!(matches!(damaged, FollowError::Damaged(_)), "{damaged}");
    follower.make_anew(recorded).unwrap();
    // Its emptiness says nothing of what was let go of: a message about it is not taken for one about nothing.
    let refused = finder.find(&need).unwrap_err().to_string();
    assert!(refused.contains("made anew"), "{refused}");
    bench.catch_up();
    assert!(!bench.follower.as_ref().unwrap().is_made_anew());
    assert_eq!(finder.find(&need).unwrap().hold.unwrap().0.hold.captured, 400, "under the names that memory has");
    assert_eq!(bench.finding(&tell("late", captured("p", 50))), Some(Finding::CapturedAfterEnd));
    bench.catch_up();
    assert_eq!(bench.restored(), bench.replayed());
    assert_eq!(bench.restart(), None);
}

#[test]
fn a_start_far_behind_does_not_take_old_messages_for_new_ones() {
    let mut bench = Bench::with(1_000);
    let load = || Fact::Credited { payment: None, amount: usd(50), cause: MovementCause::Funding };
    let long_ago = Some(bench.now);
    let told = || Act::Tell(origin(), event("load", long_ago, load()));
    assert_eq!(bench.finding(&told()), None);
    bench.catch_up();
    bench.pass(Duration::from_secs(50 * 3_600));
    bench.stop();
    std::fs::remove_file(bench.directory.path().join(FILE)).unwrap();
    bench.start();
    bench.pass(Duration::ZERO);
    let name = bench.key.told(&program(), origin().platform.as_ref(), &id("load"));
    assert!(bench.engine().state.was_told(name), "nobody else has it yet");
    assert_eq!(bench.finding(&told()), Some(Finding::HeardBefore));
    bench.catch_up();
    bench.pass(Duration::ZERO);
    assert!(!bench.engine().state.was_told(name), "it may go now");
    assert_eq!(bench.finding(&told()), Some(Finding::HeardBefore));
}
