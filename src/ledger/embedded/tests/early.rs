//! Memory as it is seen before the ledger is ready.

use holdfast_core::hold::{CardStatus, Fact};
use holdfast_core::stand_in::Sight;
use holdfast_core::{AuthorizationRequest, Decision};

use super::*;
use crate::ledger::Glimpse;
use crate::ledger::embedded::projection::read;
use crate::ledger::sight::{Lasts, LongerAgo, Seen};

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
