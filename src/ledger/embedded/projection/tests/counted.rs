//! What limits have counted in windows that are over leaves memory and the projection; what still counts stays.

use holdfast_core::stand_in::{Acquaintance, Sight};

use super::*;
use crate::ledger::embedded::counters::Counter;
use crate::ledger::embedded::projection::schema::{FILE, FORMAT};
use crate::ledger::embedded::projection::sums::Sums;
use crate::ledger::embedded::window::AsOf;

const DAY: Duration = Duration::from_secs(86_400);

/// A limit of merchants, each with a counter of its own.
fn of_merchant(merchant: u64, window: Window) -> LimitCheck {
    LimitCheck {
        limit: id("limit"),
        counter: CounterKey(merchant),
        scope: LimitScope::Merchant,
        window,
        amount_max: Some(1_000),
        count_max: None,
        enforcement: Enforcement::Enforce,
        still: StillOpen::default(),
        ways: None,
    }
}

fn today(bench: &Bench) -> Window {
    Window::Since(Timestamp::from_unix_seconds(bench.now.unix_seconds().div_euclid(86_400) * 86_400))
}

fn hours(bench: &Bench) -> Window {
    Window::Rolling { bucket: bench.now.unix_seconds().div_euclid(3_600), buckets: 24 }
}

fn counts(bench: &mut Bench, key: &str, check: LimitCheck) {
    let act = decide(purchase(key, 10), &[check], bench.now);
    assert!(matches!(bench.done(&act), Ok(Answer::Decided { decision: Decision::Approve { .. }, .. })));
}

fn in_memory(bench: &mut Bench) -> usize {
    bench.engine().state.picture().counters.len()
}

/// How many rows the projection has of them.
fn rows(bench: &Bench) -> i64 {
    let connection = rusqlite::Connection::open(bench.directory.path().join(FILE)).unwrap();
    connection.query_row("SELECT count(*) FROM counter", [], |row| row.get(0)).unwrap()
}

#[test]
fn what_counts_no_more_leaves_memory_and_the_projection() {
    let mut bench = Bench::with(1_000_000);
    for merchant in 0..20 {
        let window = if merchant % 2 == 0 { today(&bench) } else { hours(&bench) };
        counts(&mut bench, &format!("p{merchant}"), of_merchant(merchant, window));
        bench.catch_up();
    }
    counts(&mut bench, "ever", of_merchant(99, Window::Lifetime));
    bench.catch_up();
    assert_eq!(in_memory(&mut bench), 21);
    assert!(rows(&bench) >= 16, "{}", rows(&bench));
    bench.pass(DAY * 2);
    assert_eq!(in_memory(&mut bench), 21, "a question that waited may still name its window");
    bench.pass(DAY * 2);
    assert_eq!(in_memory(&mut bench), 11, "the rolling ones are over");
    bench.pass(DAY * 40);
    assert_eq!(in_memory(&mut bench), 1, "a lifetime is not");
    // The projection looks at a few with every batch; those that wait on pages have no row yet.
    for record in 0..40 {
        counts(&mut bench, &format!("later {record}"), of_merchant(99, Window::Lifetime));
        bench.catch_up();
    }
    assert_eq!(rows(&bench), 1);
    assert_eq!(bench.restart(), None);
    assert_eq!(in_memory(&mut bench), 1);
}

#[test]
fn what_comes_back_to_a_window_that_is_over_is_forgotten() {
    let mut bench = Bench::with(1_000_000);
    let (window, check) = (today(&bench), of_merchant(1, today(&bench)));
    counts(&mut bench, "p", check);
    bench.catch_up();
    bench.pass(DAY * 40);
    assert_eq!(in_memory(&mut bench), 0);
    let released = Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed };
    assert_eq!(bench.finding(&tell("back", released)), None);
    assert_eq!(in_memory(&mut bench), 0);
    let check = of_merchant(1, today(&bench));
    counts(&mut bench, "q", check);
    let counter = bench.engine().state.picture().counters.into_values().next();
    let Window::Since(today) = today(&bench) else { panic!("{window:?}") };
    assert_eq!(counter, Some(Counter::Since(today, LimitUse { amount: 10, count: 1 })));
}

#[test]
fn a_group_that_is_given_up_takes_its_own_counters_with_it() {
    let mut bench = Bench::with(1_000_000);
    let check = of_merchant(1, today(&bench));
    counts(&mut bench, "p", check);
    bench.pass(DAY * 2);
    let act = decide(purchase("q", 10), &[of_merchant(2, today(&bench))], bench.now);
    bench.act(&act).unwrap();
    let Engine { state, undo, .. } = bench.engine();
    state.undo_to(undo, 0);
    assert_eq!(in_memory(&mut bench), 1);
    bench.engine().group.clear();
    bench.pass(DAY * 40);
    assert_eq!(in_memory(&mut bench), 0);
}

#[test]
fn a_projection_without_an_end_of_counters_is_gone_on_with() {
    let mut bench = Bench::with(1_000_000);
    let check = of_merchant(1, hours(&bench));
    counts(&mut bench, "p", check);
    bench.catch_up();
    bench.stop();
    let file = rusqlite::Connection::open(bench.directory.path().join(FILE)).unwrap();
    file.execute_batch("PRAGMA user_version = 6").unwrap();
    drop(file);
    // As if the projection had written it so itself.
    Sums::begin(bench.directory.path()).unwrap();
    assert_eq!(bench.start(), None, "nothing is thrown away");
    let number: i32 = bench.reader_of_file("PRAGMA user_version");
    assert_eq!(number, FORMAT, "an older program cannot read what is written from now on");
    assert_eq!(in_memory(&mut bench), 1);
}

/// What was kept of merchants before anybody counted how often a card met them, in rows and on pages, is taken over: they stay met.
#[test]
fn a_projection_that_does_not_count_how_often_merchants_were_met_is_gone_on_with() {
    let mut bench = Bench::with(1_000_000);
    bench.act(&Act::Enter(Origin::of(program()), vec![card("d", "a", Some("h"))])).unwrap();
    let paying = |card: &str, key: &str| {
        let merchant = Merchant { id: Some(id("grocer")), ..Merchant::default() };
        AuthorizationRequest { merchant, card: Some(id(card)), ..purchase(key, 10) }
    };
    for (card, key) in [("c", "p"), ("d", "q")] {
        let act = decide(paying(card, key), &[], bench.now);
        assert!(matches!(bench.done(&act), Ok(Answer::Decided { decision: Decision::Approve { .. }, .. })));
    }
    bench.catch_up();
    let met = bench.engine().state.merchant(&program(), &paying("c", "p")).unwrap();
    bench.stop();
    let file = rusqlite::Connection::open(bench.directory.path().join(FILE)).unwrap();
    file.execute_batch(
        "DROP TABLE card_acted; DELETE FROM lately WHERE kind = 5; PRAGMA user_version = 7;
        CREATE TABLE card_merchants (card INTEGER PRIMARY KEY, merchants BLOB NOT NULL) STRICT",
    )
    .unwrap();
    let kept: ([u32; 8], bool) = ([met, 0, 0, 0, 0, 0, 0, 0], false);
    let row = postcard::to_allocvec(&kept).unwrap();
    file.execute("INSERT INTO card_merchants VALUES (0, ?1)", [row]).unwrap();
    let page = postcard::to_allocvec(&[(1_u32, kept)].to_vec()).unwrap();
    file.execute("INSERT INTO lately (kind, page) VALUES (4, ?1)", [page]).unwrap();
    drop(file);
    Sums::begin(bench.directory.path()).unwrap();
    let declined = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };
    for (card, key, again) in [("c", "p", "r"), ("d", "q", "s")] {
        // As an older version would have gone on, and as this one does after a second start, whatever is taken back.
        for _ in 0..2 {
            assert_eq!(bench.restart(), None, "nothing is thrown away");
            let seen = bench.engine().state.seen(&origin(), &paying(card, again), AsOf::durable(Timestamp::EPOCH)).snapshot;
            let Sight::Seen(sight) = seen.card else { panic!("{seen:?}") };
            assert_eq!((sight.used, seen.merchant), (Acquaintance::Known, Acquaintance::Known));
        }
        let now = bench.now;
        bench.act(&adopt(paying(card, key), declined, now)).unwrap();
        bench.catch_up();
        let seen = bench.engine().state.seen(&origin(), &paying(card, again), AsOf::durable(Timestamp::EPOCH)).snapshot;
        assert_eq!(seen.merchant, Acquaintance::Known, "it was not counted: it stays");
    }
    assert_eq!(bench.reader_of_file("SELECT count(*) FROM sqlite_schema WHERE name = 'card_merchants'"), 0);
}

impl Bench {
    fn reader_of_file(&self, sql: &str) -> i32 {
        let connection = rusqlite::Connection::open(self.directory.path().join(FILE)).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
