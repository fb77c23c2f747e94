//! What was noted is read back as of its last whole moment, by whoever it is for; what was done since is read with it, or nothing is; and a
//! file that is no good costs the copy only.

use holdfast_core::hold::{Account, AccountStatus, CardStatus, CardholderStatus};
use holdfast_core::stand_in::Acquaintance;
use holdfast_core::{ContentDigest, Decision};

use super::*;
use crate::journal::KeptKind;
use crate::ledger::conformance::{id, program, usd};
use crate::ledger::embedded::state::Merchants;
use crate::ledger::postgres::fresh::{AccountNow, News};
use crate::ledger::postgres::tests::conforming::Nobody;

const KEY: NameKey = NameKey(3, 4);

fn place(directory: &Path) -> Place {
    Place::beside(&directory.join("spool.sqlite"), "ours".to_owned())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(second)
}

fn card(token: &str, status: CardStatus) -> (ProgramId, CardToken, CardSeen) {
    let seen = CardSeen {
        account: Some(7),
        status,
        cardholder: CardholderStatus::Active,
        owner: Some(id("h")),
        since: at(1),
        used: Acquaintance::Known,
        merchants: Merchants::restored([9, 8], true),
    };
    (program(), id(token), seen)
}

fn account(number: i64, posted: i64) -> (i64, AccountSeen) {
    let account = Account { currency: usd(0).currency(), posted, held: 30, credit_line: 5, status: AccountStatus::Active };
    (number, AccountSeen { id: id("a"), now: AccountNow { account, changes: 3 } })
}

fn approved(minor: i64) -> Answered {
    let decision = Decision::Approve { amount: usd(minor) };
    Answered { digest: ContentDigest::from_bytes([7; 16]), asked_at: at(1), decision }
}

fn ruleset(source: &str) -> KeptRuleset {
    KeptRuleset {
        kind: KeptKind::StandIn,
        hash: [5; 32],
        program: "demo".to_owned(),
        source: source.to_owned(),
        published_at: at(2),
        published_by: "somebody".to_owned(),
        why: "because".to_owned(),
    }
}

/// Writes all of it, as a responder does that then stops.
fn written(place: &Place, notes: Vec<Note>) {
    let snapshots = Snapshots::start(place.clone(), Arc::new(Nobody)).unwrap();
    notes.into_iter().for_each(|note| snapshots.note(note));
}

fn first_moment() -> Vec<Note> {
    vec![
        Note::Anew,
        Note::Accounts(vec![account(7, 100)]),
        Note::Cards(vec![card("c", CardStatus::Active), card("d", CardStatus::Closed)]),
        Note::Answered(vec![1, u64::MAX]),
        Note::Answers(vec![(1, approved(1))]),
        Note::Rulesets(vec![ruleset("one")]),
        Note::Right(at(10), KEY),
    ]
}

#[test]
fn what_was_noted_is_read_as_of_its_last_moment() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    assert_eq!(file::read(&place).unwrap(), None, "there is nothing");
    let later = [
        Note::Cards(vec![card("c", CardStatus::Frozen)]),
        Note::Accounts(vec![account(7, 50)]),
        Note::Answered(vec![2]),
        Note::Answers(vec![(2, approved(2))]),
        Note::Rulesets(vec![ruleset("two")]),
        Note::Right(at(11), KEY),
        // Its moment never comes.
        Note::Cards(vec![card("c", CardStatus::Lost)]),
    ];
    written(&place, first_moment().into_iter().chain(later).collect());
    let kept = file::read(&place).unwrap().expect("it was written");
    assert_eq!((kept.as_of, kept.key), (at(11), KEY));
    assert_eq!(kept.cards, [card("c", CardStatus::Frozen), card("d", CardStatus::Closed)], "the latest first");
    assert_eq!(kept.accounts, [account(7, 50)]);
    assert_eq!((kept.answered, kept.rulesets), (vec![1, u64::MAX, 2], vec![ruleset("two")]));
    assert_eq!(kept.answers, [(1, approved(1)), (2, approved(2))]);
    let others = Place { database: "another".to_owned(), ..place };
    assert_eq!(file::read(&others).unwrap(), None);
}

#[test]
fn what_comes_anew_replaces_what_was_there_once_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    written(&place, first_moment());
    written(&place, vec![Note::Anew, Note::Cards(vec![card("e", CardStatus::Active)])]);
    assert_eq!(file::read(&place).unwrap().unwrap().as_of, at(10), "it was cut off");
    written(&place, vec![Note::Anew, Note::Cards(vec![card("e", CardStatus::Active)]), Note::Right(at(20), KEY)]);
    let kept = file::read(&place).unwrap().unwrap();
    assert_eq!((kept.as_of, kept.cards), (at(20), vec![card("e", CardStatus::Active)]));
    assert!(kept.accounts.is_empty() && kept.answered.is_empty() && kept.rulesets.is_empty());
}

#[test]
fn keys_go_after_two_days_and_rows_that_did_not_pass_by_for_long_when_there_are_too_many() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    let mut writing = Writing::begin(&place).unwrap().of_at_most(2);
    for note in first_moment().into_iter().skip(1) {
        writing.put(&place, note).unwrap();
    }
    let cards = ["c", "e", "c"].map(|token| card(token, CardStatus::Active)).to_vec();
    writing = writing.of_at_most(2);
    for note in [Note::Cards(cards), Note::Answered(vec![3]), Note::Right(at(10 + 48 * 3600 + 1), KEY)] {
        writing.put(&place, note).unwrap();
    }
    let kept = file::read(&place).unwrap().unwrap();
    assert_eq!(kept.cards, [card("c", CardStatus::Active), card("e", CardStatus::Active)]);
    assert_eq!(kept.answered, [3]);
    assert_eq!(kept.answers, [], "nobody asks again after ten minutes");
}

#[test]
fn a_damaged_file_is_made_anew_and_a_newer_or_foreign_one_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    std::fs::write(&place.path, vec![7_u8; 8_192]).unwrap();
    assert!(file::read(&place).is_err());
    written(&place, first_moment());
    let older = rusqlite::Connection::open(&place.path).unwrap();
    older.execute_batch("DROP TABLE answer; PRAGMA user_version = 1").unwrap();
    drop(older);
    assert_eq!(file::read(&place).unwrap(), None, "an older program's");
    written(&place, first_moment());
    assert_eq!(file::read(&place).unwrap().unwrap().as_of, at(10));
    let change = |sql: &str| rusqlite::Connection::open(&place.path).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 4");
    written(&place, first_moment());
    let newer = file::read(&place).unwrap_err().to_string();
    assert!(newer.contains("has format 4") && newer.contains("take it away"), "{newer}");
    change("PRAGMA user_version = 1; PRAGMA application_id = 1");
    assert!(file::read(&place).unwrap_err().to_string().contains("is not a file of Holdfast"));
}

#[test]
fn a_disk_that_fails_leaves_it_torn_until_everything_comes_anew() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::beside(&directory.path().join("away/spool.sqlite"), "ours".to_owned());
    let snapshots = Snapshots::start(place.clone(), Arc::new(Nobody)).unwrap();
    snapshots.note(Note::Anew);
    while !snapshots.wants_all() {
        std::thread::yield_now();
    }
    std::fs::create_dir(directory.path().join("away")).unwrap();
    snapshots.note(Note::Right(at(9), KEY));
    first_moment().into_iter().for_each(|note| snapshots.note(note));
    assert!(!snapshots.wants_all());
    drop(snapshots);
    assert_eq!(file::read(&place).unwrap().unwrap().as_of, at(10));
}

/// That many looks had begun.
fn looks(many: u64) -> Look {
    let mut fresh = Fresh::of_at_most(1);
    (0..many).map(|_| fresh.begin_look()).last().unwrap_or_else(|| fresh.hear(program(), &News::default()))
}

/// Something that an act left behind.
fn act(name: &str) -> OwnAct {
    (program(), News { cards: vec![(id(name), CardStatus::Frozen)], accounts: vec![(7, account(7, 1).1.now)], ..News::default() })
}

fn acts_of(place: &Place) -> Option<Vec<OwnAct>> {
    Snapshot::read_with_own(place).unwrap().map(|(_, acts)| acts)
}

/// A process that begins with such a look.
fn looking(place: &Place) -> Snapshots {
    let snapshots = Snapshots::start(place.clone(), Arc::new(Nobody)).unwrap();
    first_moment().into_iter().for_each(|note| snapshots.note(note));
    snapshots.note(Note::Read(looks(1)));
    snapshots
}

fn until_kept(snapshots: &Snapshots, look: u64, name: &str, keep: Keep) {
    let kept = snapshots.own.note(looks(look), act(name), keep);
    kept.expect("it is to be waited for").blocking_recv().unwrap();
}

#[test]
fn what_was_done_is_read_until_a_look_that_began_later_is_in_the_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    written(&place, first_moment());
    assert_eq!(acts_of(&place), None, "nobody knows what was done since");
    let process = looking(&place);
    assert!(process.own.note(looks(0), act("before"), Keep::Soon).is_none());
    while acts_of(&place).is_none() {
        std::thread::yield_now();
    }
    until_kept(&process, 1, "one", Keep::Written);
    until_kept(&process, 2, "two", Keep::Synced);
    let acts = acts_of(&place).unwrap();
    assert!(acts.ends_with(&[act("one"), act("two")]), "{acts:?}");
    process.note(Note::Right(at(12), KEY));
    process.note(Note::Read(looks(2)));
    while acts_of(&place) != Some(vec![act("two")]) {
        std::thread::yield_now();
    }
    let others = Place { database: "another".to_owned(), ..place.clone() };
    assert_eq!(own::read(&others).unwrap(), Some(vec![]));
    drop(process);
    // The next process's own come behind, and one look of it has all.
    let next = Snapshots::start(place.clone(), Arc::new(Nobody)).unwrap();
    until_kept(&next, 0, "three", Keep::Written);
    assert_eq!(acts_of(&place), Some(vec![act("two"), act("three")]));
    drop(next);
    drop(looking(&place));
    assert_eq!(acts_of(&place), Some(vec![]));
}

#[test]
fn where_something_that_was_done_is_lost_nothing_is_read_until_a_look_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = place(directory.path());
    let process = looking(&place);
    while acts_of(&place).is_none() {
        std::thread::yield_now();
    }
    until_kept(&process, 1, "one", Keep::Written);
    let file = place.path.with_file_name("own-acts.sqlite");
    // As a disk that fails does.
    rusqlite::Connection::open(&file).unwrap().execute_batch("DROP TABLE own").unwrap();
    until_kept(&process, 2, "two", Keep::Synced);
    assert!(!file.exists());
    assert_eq!(acts_of(&place), None);
    process.note(Note::Read(looks(2)));
    until_kept(&process, 3, "three", Keep::Written);
    assert!(!file.exists(), "that look may not have had all of it");
    process.note(Note::Read(looks(3)));
    while acts_of(&place).is_none() {
        std::thread::yield_now();
    }
    until_kept(&process, 3, "four", Keep::Written);
    assert_eq!(acts_of(&place), Some(vec![act("three"), act("four")]));
    drop(process);
    // A file that the next process cannot go on with has not what that does.
    rusqlite::Connection::open(&file).unwrap().execute_batch("DROP TABLE own").unwrap();
    drop(Snapshots::start(place.clone(), Arc::new(Nobody)).unwrap());
    assert_eq!(acts_of(&place), None);
    drop(looking(&place));
    assert_eq!(acts_of(&place), Some(vec![]));
    // Somebody else's stays.
    rusqlite::Connection::open(&file).unwrap().execute_batch("PRAGMA application_id = 1").unwrap();
    drop(looking(&place));
    assert!(Snapshot::read_with_own(&place).unwrap_err().to_string().contains("is not a file of Holdfast"));
}
