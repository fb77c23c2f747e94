//! A journal whose oldest records were dropped: whatever was reached when the process ended, and whether the projection is
//! there or not, memory is what it was.

use super::files::without_names;
use super::histories::{assert_alike, tell_story};
use super::*;
use crate::journal::store::FILE as JOURNAL;
use crate::journal::{Checkpoint, JournalError, Tail, state_file};
use crate::ledger::embedded::projection::checkpoint::draw;
use crate::ledger::embedded::projection::schema;

/// How far a trim comes before the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nothing,
    HalfAState,
    Drawn,
    Announced,
    Begun,
    APiece,
    Everything,
}

const ALL: [Reached; 7] = [
    Reached::Nothing,
    Reached::HalfAState,
    Reached::Drawn,
    Reached::Announced,
    Reached::Begun,
    Reached::APiece,
    Reached::Everything,
];

/// A ledger with a history: open and ended holds, keys, limits, messages, standings.
fn lived_in() -> Bench {
    let mut bench = Bench::with(100_000);
    for number in 0..8 {
        bench.decide(&format!("p{number}"), 1_000 + number);
        bench.pass(Duration::from_secs(60));
    }
    assert_eq!(bench.finding(&tell("cleared", captured("p0", 1_000))), None);
    bench.done(&order("released", "p1", Order::Release)).unwrap();
    bench.finding(&tell("frozen", Fact::Card { card: id("c"), status: CardStatus::Frozen }));
    bench.decide("declined", 5);
    bench.finding(&tell("thawed", Fact::Card { card: id("c"), status: CardStatus::Active }));
    bench.done(&kept("something new")).unwrap();
    bench.pass(Duration::from_secs(3_600));
    bench.catch_up();
    bench
}

impl Bench {
    /// Trims everything before a record, up to there.
    fn trim(&mut self, record: i64, reached: Reached) -> Option<Checkpoint> {
        let directory = self.directory.path().to_owned();
        if reached == Reached::Nothing {
            return None;
        }
        if reached == Reached::HalfAState {
            std::fs::write(state_file::part_in(&directory), [1; 5_000]).unwrap();
            return None;
        }
        let to = Tail::open(&directory).unwrap().joint_before(record).unwrap();
        let checkpoint = draw(&directory, to, self.now, &|| true).unwrap();
        self.carry_out(&checkpoint, reached);
        Some(checkpoint)
    }

    fn carry_out(&mut self, checkpoint: &Checkpoint, reached: Reached) {
        let acts = [Act::Announce(Box::new(checkpoint.clone())), Act::BeginAt(Box::new(checkpoint.clone()))];
        if reached >= Reached::Announced {
            self.done(&acts[0]).unwrap();
        }
        if reached >= Reached::Begun {
            self.done(&acts[1]).unwrap();
        }
        if reached >= Reached::APiece {
            let journal = rusqlite::Connection::open(self.directory.path().join(JOURNAL)).unwrap();
            journal.execute("DELETE FROM journal WHERE first = 1", []).unwrap();
        }
        if reached == Reached::Everything {
            while self.done(&Act::TakeAway).unwrap() != Answer::TakenAway(0) {}
        }
    }

    fn lose_the_projection(&self) {
        schema::throw_away(self.directory.path()).unwrap();
    }
}

#[test]
fn memory_is_what_it_was_whatever_was_reached() {
    for reached in ALL {
        for lost in [false, true] {
            let mut bench = lived_in();
            let before = bench.memory();
            bench.trim(9, reached);
            bench.stop();
            if lost {
                bench.lose_the_projection();
            }
            let said = bench.start();
            let begun = reached >= Reached::Begun;
            assert_eq!(said.is_some(), lost && begun, "{reached:?} {said:?}");
            if lost {
                let projected = if begun { 8 } else { 0 };
                assert_eq!(bench.follower.as_ref().unwrap().projected(), projected, "{reached:?}");
            }
            assert_eq!(without_names(bench.memory()), without_names(before), "{reached:?}, lost: {lost}");
            bench.catch_up();
            assert_eq!(bench.restored(), bench.memory(), "{reached:?}, lost: {lost}");
            // And the next trim finds its way from there.
            let before = bench.memory();
            bench.trim(12, Reached::Everything).unwrap();
            bench.stop();
            bench.lose_the_projection();
            assert!(bench.start().is_some());
            assert_eq!(without_names(bench.memory()), without_names(before), "{reached:?}, lost: {lost}");
        }
    }
}

#[test]
fn any_history_goes_on_from_any_checkpoint_as_from_its_beginning() {
    for (seed, closed_kept) in [(30, 600), (31, 600), (32, 0), (33, 0)] {
        let mut bench = tell_story(seed, 1_000, Duration::from_secs(closed_kept));
        for part in [4, 2] {
            let what = format!("seed {seed}, part {part}");
            let journal = Tail::open(bench.directory.path()).unwrap();
            let first = journal.start().unwrap().next;
            let to = journal.joint_before(first + (bench.recorded() - first) / part).unwrap();
            let checkpoint = draw(bench.directory.path(), to, bench.now, &|| true).unwrap();
            let lived = bench.memory();
            // What is in the state is fingerprinted by a key of its own, which the next one goes on with.
            bench.key = key_in(&bench, &checkpoint);
            let expected = (first == 1).then(|| bench.replayed());
            bench.carry_out(&checkpoint, Reached::Everything);
            bench.stop();
            bench.lose_the_projection();
            assert!(bench.start().is_some(), "{what}");
            assert_eq!(bench.follower.as_ref().unwrap().projected(), checkpoint.record - 1, "{what}");
            bench.catch_up();
            if let Some(expected) = expected {
                assert_alike(&bench.restored(), &expected, &what);
            }
            assert_eq!(without_names(bench.memory()), without_names(lived), "{what}");
            bench.assert_decided_again(&what);
        }
    }
}

fn key_in(bench: &Bench, checkpoint: &Checkpoint) -> NameKey {
    let state = schema::open_state(bench.directory.path(), checkpoint.record).unwrap();
    crate::ledger::embedded::projection::find::key(&state).unwrap()
}

#[test]
fn what_memory_let_go_of_is_found_after_the_projection_is_lost() {
    let mut bench = lived_in();
    bench.trim(9, Reached::Everything).unwrap();
    bench.stop();
    bench.lose_the_projection();
    bench.start();
    bench.catch_up();
    assert_eq!(bench.finding(&tell("cleared", captured("p0", 1_000))), Some(Finding::HeardBefore), "a message");
    assert_eq!(bench.reader().hold(1).unwrap().unwrap().hold.status, HoldStatus::Captured);
    assert_eq!(bench.decide("p2", 1_002), yes(1_002), "a key");
    assert_eq!(bench.memory().next_hold, 9, "it was not placed again");
}

#[test]
fn nothing_goes_that_the_projection_has_not_followed() {
    let mut bench = lived_in();
    bench.decide("later", 700);
    let next = bench.recorded() + 1;
    let to = Tail::open(bench.directory.path()).unwrap().joint_before(next).unwrap();
    let checkpoint = draw(bench.directory.path(), to, bench.now, &|| true).unwrap();
    bench.done(&Act::Announce(Box::new(checkpoint.clone()))).unwrap();
    assert_eq!(bench.done(&Act::BeginAt(Box::new(checkpoint.clone()))), Err(LedgerError::Unavailable));
    bench.catch_up();
    bench.commit();
    bench.done(&Act::BeginAt(Box::new(checkpoint))).unwrap();
}

#[test]
fn who_stops_leaves_everything_as_it_was() {
    let bench = lived_in();
    let to = Tail::open(bench.directory.path()).unwrap().joint_before(9).unwrap();
    assert!(draw(bench.directory.path(), to, bench.now, &|| false).is_err());
    assert!(!state_file::path_of(bench.directory.path(), 9).exists());
    draw(bench.directory.path(), to, bench.now, &|| true).unwrap();
}

#[test]
fn a_trimmed_journal_without_its_state_does_not_start() {
    type Loss = fn(&std::path::Path);
    let losses: [(&str, Loss); 2] = [
        ("is not there", |path| std::fs::remove_file(path).unwrap()),
        ("is not what stood for", |path| std::fs::write(path, "rubbish").unwrap()),
    ];
    for (said, loss) in losses {
        for lost in [false, true] {
            let mut bench = lived_in();
            bench.trim(9, Reached::Everything).unwrap();
            bench.stop();
            loss(&state_file::path_of(bench.directory.path(), 9));
            if lost {
                bench.lose_the_projection();
            }
            let refused = Follower::open(bench.directory.path()).unwrap_err();
            assert!(refused.to_string().contains(said) && refused.to_string().contains("restore"), "{refused}");
        }
    }
}

#[test]
fn a_state_that_was_changed_in_place_is_found_by_the_proof_and_by_whoever_copies_it() {
    let mut bench = lived_in();
    bench.trim(9, Reached::Everything).unwrap();
    bench.stop();
    let path = state_file::path_of(bench.directory.path(), 9);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let proof = Tail::open(bench.directory.path()).unwrap().prove_state();
    bench.lose_the_projection();
    for refused in [proof, Follower::open(bench.directory.path()).map(drop)] {
        assert!(matches!(refused, Err(JournalError::StateChanged { record: 9, .. })), "{refused:?}");
    }
}

#[test]
fn a_state_of_another_format_is_refused_and_kept() {
    let mut bench = lived_in();
    let checkpoint = bench.trim(9, Reached::Drawn).unwrap();
    let path = state_file::path_of(bench.directory.path(), 9);
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let (sha256, bytes) = state_file::measure(&path).unwrap();
    let state = crate::journal::CheckpointState { sha256, bytes, ..checkpoint.state_of(&path).unwrap() };
    let checkpoint = Checkpoint { state: state.written(), ..checkpoint };
    bench.engine().log.begin_at(&checkpoint).unwrap();
    bench.stop();
    bench.lose_the_projection();
    let refused = Follower::open(bench.directory.path()).unwrap_err();
    assert!(matches!(refused, JournalError::StateOfOtherFormat { record: 9, .. }), "{refused}");
    assert!(path.exists());
}
