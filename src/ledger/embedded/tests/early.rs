//! Memory as it is seen before the ledger is ready.

use holdfast_core::hold::{CardStatus, Fact};
use holdfast_core::stand_in::Sight;
use holdfast_core::{AuthorizationRequest, Decision};

use super::engine::Engine;
use super::*;
use crate::fixture::once_free;
use crate::ledger::embedded::projection::read;
use crate::ledger::sight::{Lasts, LongerAgo, Seen};
use crate::ledger::{Counted, Glimpse};

const PROJECTION: [&str; 3] = ["projection.sqlite", "projection.sqlite-wal", "projection.sums"];

fn early(directory: &Path) -> Early {
    Early { data: directory.to_owned(), sync: Sync::Full, window: Arc::new(Window::new()) }
}

fn look(early: &Early, request: &AuthorizationRequest) -> Seen {
    match early.window.look(&origin(), request) {
        Glimpse::Seen(seen) => seen,
        Glimpse::Nothing | Glimpse::Busy => panic!("nothing is shown"),
    }
}

fn copy(names: &[&str], from: &Path, to: &Path) {
    for name in names {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

fn until_projected(house: &House) {
    let directory = house.directory.path();
    while read::Reader::open(directory).unwrap().projected().unwrap().saturating_add(1) < house.next() {
        std::thread::yield_now();
    }
}

#[test]
fn what_the_projection_has_not_followed_is_seen_all_the_same() {
    let mut house = House::with(1_000);
    let first = purchase("first", 300);
    assert_eq!(house.decide(first), approved(300));
    until_projected(&house);
    house.ledger = None;
    let (directory, aside) = (house.directory.path().to_owned(), tempfile::tempdir().unwrap());
    let kept: Vec<_> = PROJECTION.into_iter().filter(|name| directory.join(name).exists()).collect();
    copy(&kept, &directory, aside.path());
    house.start().unwrap();
    house.tell("freeze", Fact::Card { card: id("c"), status: CardStatus::Frozen });
    house.ledger = None;
    // As if it had not followed the last records yet.
    for name in PROJECTION {
        // One that is not there is gone already.
        let _ = std::fs::remove_file(directory.join(name));
    }
    copy(&kept, aside.path(), &directory);
    let early = early(&directory);
    let shown = std::cell::Cell::new(0);
    assert_eq!(early.show(|| shown.set(shown.get() + 1)).unwrap(), EarlySight::Shown);
    assert_eq!(shown.get(), 1);
    let (seen, new) = (look(&early, &first), look(&early, &purchase("new", 1)));
    assert!(matches!(seen.snapshot.card, Sight::Seen(card) if card.status == CardStatus::Frozen), "{seen:?}");
    assert!(matches!(new.snapshot.account, Sight::Seen(account) if account.available == usd(700)), "{new:?}");
    assert_eq!(seen.answered.map(|answered| answered.decision), Some(Decision::Approve { amount: usd(300) }));
    assert_eq!((seen.lasts, new.answered, new.longer_ago), (Lasts::Yes, None, LongerAgo::No));
    // The ledger's own memory takes its place.
    house.start().unwrap();
    assert!(house.ledger.as_ref().unwrap().early().is_some());
}

/// Opens what a ledger writes to behind what `shared` shows, and goes on.
fn go_on(directory: &Path, shared: &Shared) -> Remembered {
    let journal = once_free(|| Journal::open_claimed(Claim::on(directory)?, Sync::Full));
    let (follower, _) = Follower::open(directory).unwrap();
    remember(shared, Box::new(journal), Some(follower), &crate::fixture::Silent).unwrap()
}

fn closed_after(house: &mut House, key: &str, amount: i64) -> (PathBuf, Shared) {
    assert_eq!(house.decide(purchase(key, amount)), approved(amount));
    until_projected(house);
    house.ledger = None;
    (house.directory.path().to_owned(), Shared::new())
}

fn available(engine: &Engine) -> i64 {
    let state = engine.state();
    let account = state.account_named(&id("demo"), &id("a")).unwrap();
    state.account(account).unwrap().account.available()
}

#[test]
fn the_ledger_goes_on_with_what_was_read_early() {
    let mut house = House::with(1_000);
    let (directory, shared) = closed_after(&mut house, "first", 300);
    let early = Early { data: directory.clone(), sync: Sync::Full, window: Arc::clone(&shared.window) };
    shared.window.expect();
    std::thread::scope(|threads| {
        threads.spawn(|| early.show(|| {}).unwrap());
        let gone_on = go_on(&directory, &shared);
        assert_eq!(shared.window.look(&origin(), &purchase("k", 1)), Glimpse::Busy, "memory was read twice");
        assert_eq!(shared.window.counted(&origin(), &purchase("k", 1), &[]), Counted::Busy, "whoever works on it has it");
        assert_eq!(available(&gone_on.engine), 700);
    });
}

#[test]
fn what_was_read_of_another_journal_is_read_again() {
    let mut house = House::with(1_000);
    let (directory, shared) = closed_after(&mut house, "first", 300);
    let early = Early { data: directory, sync: Sync::Full, window: Arc::clone(&shared.window) };
    early.show(|| {}).unwrap();
    house.start().unwrap();
    let (directory, _) = closed_after(&mut house, "second", 100);
    assert_eq!(available(&go_on(&directory, &shared).engine), 600);
}

#[test]
fn whoever_gives_up_reading_early_is_waited_for_no_more() {
    let mut house = House::with(1_000);
    let (directory, shared) = closed_after(&mut house, "first", 300);
    shared.window.expect();
    std::thread::scope(|threads| {
        let early = Early { data: directory.clone(), sync: Sync::Full, window: Arc::clone(&shared.window) };
        threads.spawn(move || drop(early));
        assert_eq!(available(&go_on(&directory, &shared).engine), 700);
    });
}

#[test]
fn a_ledger_that_closes_waits_for_nobody_who_reads_early() {
    let mut house = House::with(1_000);
    until_projected(&house);
    house.ledger = None;
    let settings = house.settings();
    let (ledger, opening) = Embedded::start(settings).unwrap();
    let early = ledger.early();
    // As where a start gives up before anybody has read.
    drop(ledger);
    drop((opening, early));
}

#[test]
fn nothing_is_shown_of_a_journal_that_lost_its_end() {
    let mut house = House::with(1_000);
    until_projected(&house);
    house.ledger = None;
    let directory = house.directory.path().to_owned();
    Connection::open(directory.join(FILE)).unwrap().execute("DELETE FROM journal", []).unwrap();
    let early = early(&directory);
    assert!(early.show(|| panic!("it is shown")).is_err());
    assert_eq!(early.window.look(&origin(), &purchase("k", 1)), Glimpse::Nothing);
}

#[test]
#[ignore = "a measurement: prints how long it takes to see 100,000 cards"]
fn a_hundred_thousand_cards() {
    let mut house = House::with(1_000);
    for page in 0..100 {
        let rows = (page * 1_000..page * 1_000 + 1_000).flat_map(|number| {
            let name = format!("a{number}");
            [account(&name, 1_000), card(&format!("c{number}"), &name, Some(&format!("h{number}")))]
        });
        house.enter(rows.collect()).unwrap();
    }
    until_projected(&house);
    house.ledger = None;
    let early = early(house.directory.path());
    let (began, mut shown) = (clock::instant(), None);
    early.show(|| shown = Some(clock::instant() - began)).unwrap();
    println!("100,000 cards are seen after {:?}, and every name after {:?}", shown.unwrap(), clock::instant() - began);
}
