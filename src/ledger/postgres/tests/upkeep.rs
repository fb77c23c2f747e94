//! What one responder does for all, and what nobody waits for for ever.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_core::rules::{CounterKey, HoldPolicy, LimitCheck, Window};
use holdfast_core::{AuthorizationRequest, Expiry, Timestamp};
use rustix::process::Signal;

use super::server::{Server, run, shared};
use crate::ledger::conformance::*;
use crate::ledger::embedded::Observer;
use crate::ledger::postgres::migrate::{bring, look};
use crate::ledger::postgres::tests::conforming::{Nobody, start};
use crate::ledger::postgres::trouble::Trouble;
use crate::ledger::postgres::{Patience, Postgres, Settings};
use crate::ledger::{Act, Decide, Ledger, Readiness};

struct Desk(Postgres);

impl Client for Desk {
    fn ledger(&self) -> &dyn Ledger {
        &self.0
    }
}

/// Keeps what it is told.
#[derive(Default)]
struct Listening(Mutex<Vec<String>>);

impl Observer for Listening {
    fn committed(&self, _records: u32, _took: Duration) {}
    fn readiness(&self, _readiness: Readiness) {}
    fn expired(&self, _holds: usize) {}
    fn say(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

/// A responder whose words are kept.
fn listened_to(server: &Server, name: &str) -> (Desk, Arc<Listening>) {
    let observer = Arc::new(Listening::default());
    let (node, patience) = ("test".to_owned(), Patience::None);
    let settings = Settings {
        database: server.reach(name),
        connections_max: 2,
        node,
        journal_keep_days: None,
        patience,
        snapshot: None,
        observer: Arc::clone(&observer) as _,
    };
    let (ledger, opening) = Postgres::start(settings).unwrap();
    opening.blocking_recv().unwrap().unwrap();
    (Desk(ledger), observer)
}

#[test]
fn a_damaged_hold_keeps_no_other_from_its_end() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let (desk, observer) = listened_to(server, &name);
    desk.enter(vec![account("a", 1_000), card("c", "a", None)]).unwrap();
    for key in ["1", "2", "3"] {
        let request = AuthorizationRequest { expiry: Expiry::Ours, ..purchase(key, 100) };
        let policy = HoldPolicy { lifetime_seconds: 40 * 86_400, ..HoldPolicy::PLAIN };
        let decide = Decide { verdict: proceed(&request, &[], policy), ..asked(request) };
        assert_eq!(said(desk.act(Act::Decide(decide))), approved(100));
    }
    server.run_sql(
        &name,
        "UPDATE holdfast.hold SET life = '\\xff' WHERE payment = '2';
         UPDATE holdfast.hold SET expires_at = now() - interval '1 hour'",
    );
    assert!(desk.act(Act::Rest).is_ok() && desk.act(Act::Rest).is_ok());
    assert_eq!(desk.balance(), (1_000, 100), "the damaged one is left");
    let told = observer.0.lock().unwrap().clone();
    let of_it: Vec<_> = told.iter().filter(|line| line.contains("is not released; all others are")).collect();
    assert!(of_it.len() == 1 && of_it[0].contains("something in hold"), "{told:?}");
}

/// Whoever has the lease goes by the database's clock: one whose own is far ahead would release everybody's holds.
#[test]
fn what_is_due_the_databases_clock_says() {
    let Some(server) = shared() else { return };
    let name = server.database();
    // Found before the server's own: a database whose clock is forty days behind this machine's.
    server.run_sql(
        &name,
        "CREATE SCHEMA late;
         CREATE FUNCTION late.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
             $$ SELECT pg_catalog.clock_timestamp() - interval '40 days' $$;
         GRANT USAGE ON SCHEMA late TO public",
    );
    server.run_sql("postgres", &format!("ALTER DATABASE {name} SET search_path = late, pg_catalog"));
    let (desk, observer) = listened_to(server, &name);
    desk.enter(vec![account("a", 1_000), card("c", "a", None)]).unwrap();
    assert_eq!(desk.decide(AuthorizationRequest { expiry: Expiry::Ours, ..purchase("1", 100) }), approved(100));
    let apart = |line: &String| line.starts_with("this machine's clock shows ");
    while !observer.0.lock().unwrap().iter().any(apart) {
        std::thread::yield_now();
    }
    server.run_sql(&name, "UPDATE holdfast.hold SET expires_at = now() - interval '30 days'");
    assert!(desk.act(Act::Rest).is_ok());
    assert_eq!(desk.balance(), (1_000, 100), "ten days are left there");
    server.run_sql(&name, "UPDATE holdfast.hold SET expires_at = now() - interval '41 days'");
    assert!(desk.act(Act::Rest).is_ok());
    assert_eq!(desk.balance(), (1_000, 0));
    assert_eq!(observer.0.lock().unwrap().iter().filter(|line| apart(line)).count(), 1, "once");
}

#[test]
fn who_runs_on_a_newer_schema_says_so_and_stands_back() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let (desk, observer) = listened_to(server, &name);
    desk.enter(vec![account("a", 1_000), card("c", "a", None)]).unwrap();
    server.run_sql(&name, "INSERT INTO holdfast.migration (number, what, program) SELECT max(number) + 1, 'of tomorrow', '9.9' FROM holdfast.migration");
    while desk.ledger().readiness() == Readiness::Ready {
        std::thread::yield_now();
    }
    let newer = |line: &String| line.starts_with("the ledger is unavailable: ") && line.contains("newer than this program's");
    assert!(observer.0.lock().unwrap().iter().any(newer));
    server.run_sql(&name, "DELETE FROM holdfast.migration WHERE what = 'of tomorrow'");
    while desk.ledger().readiness() != Readiness::Ready {
        std::thread::yield_now();
    }
    assert_eq!(desk.decide(purchase("1", 100)), approved(100));
}

/// However much there is to be dropped, it goes a batch at a time, and what has to be done every second is.
#[test]
fn counters_without_an_end_keep_no_hold_from_its_own() {
    let Some(server) = shared() else { return };
    let name = server.database();
    server.run_sql(
        &name,
        "INSERT INTO holdfast.counter (counter, scope, subject, kind, slots, amounts, counts, over_at)
             SELECT number, 'card', 0, 'since', '{0}', '{0}', '{0}', now() - interval '1 day' FROM generate_series(1, 10000) AS number;
         CREATE FUNCTION public.comes_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO holdfast.counter SELECT OLD.*;
             RETURN NULL;
         END $$;
         CREATE TRIGGER comes_again AFTER DELETE ON holdfast.counter FOR EACH ROW EXECUTE FUNCTION public.comes_again()",
    );
    let desk = Desk(start(server, &name, 2));
    desk.enter(vec![account("a", 1_000), card("c", "a", None)]).unwrap();
    // Twice: at the first time the counters may not have been looked at yet.
    for key in ["1", "2"] {
        assert_eq!(desk.decide(AuthorizationRequest { expiry: Expiry::Ours, ..purchase(key, 100) }), approved(100));
        server.run_sql(&name, "UPDATE holdfast.hold SET expires_at = now() - interval '1 hour' WHERE status = 'open'");
        while desk.balance() != (1_000, 0) {
            std::thread::yield_now();
        }
    }
    assert_eq!(desk.ledger().readiness(), Readiness::Ready);
}

#[test]
fn what_limits_have_counted_in_windows_that_are_over_is_dropped() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let desk = Desk(start(server, &name, 2));
    desk.enter(vec![account("a", 1_000), card("c", "a", None)]).unwrap();
    let (seconds, number) = (now().unix_seconds(), |sql: &str| -> i64 {
        run(async {
            let (client, connection) = server.config(&name).connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.query_one(sql, &[]).await.unwrap().get(0)
        })
    });
    let windows = [
        Window::Since(Timestamp::from_unix_seconds(seconds.div_euclid(86_400) * 86_400)),
        Window::Rolling { bucket: seconds.div_euclid(3_600), buckets: 24 },
        Window::Lifetime,
    ];
    let ask = |key: &str, from: u64| {
        let checks: Vec<LimitCheck> =
            (from..).zip(windows).map(|(number, window)| LimitCheck { counter: CounterKey(number), ..limit(window) }).collect();
        assert_eq!(said(desk.act(Act::Decide(limited(purchase(key, 10), &checks)))), approved(10));
    };
    // By the database's function, which makes the rows and then changes them; and by the engine, which increments need.
    ask("1", 1);
    ask("2", 1);
    let checks = [LimitCheck { counter: CounterKey(7), ..limit(windows[1]) }];
    assert_eq!(said(desk.act(Act::Decide(limited(increment("3", "1", 10), &checks)))), approved(10));
    let over = |days: &str| format!("SELECT count(*) FROM holdfast.counter WHERE over_at < now() + interval '{days}'");
    assert_eq!(number("SELECT count(*) FROM holdfast.counter"), 4);
    assert_eq!(["2 days", "4 days", "33 days", "35 days"].map(|days| number(&over(days))), [0, 2, 2, 3]);
    assert_eq!(
        number("SELECT holdfast.drop_counters(now() + interval '1 year', 100)"),
        0,
        "no clock but the database's is believed"
    );
    server.run_sql(&name, "UPDATE holdfast.counter SET over_at = over_at - interval '30 days'");
    // The ledger may be at it, too: it drops them when it starts.
    while number("SELECT count(*) FROM holdfast.counter") > 2 {
        number("SELECT holdfast.drop_counters(now(), 1)");
    }
    assert_eq!(number("SELECT count(*) FROM holdfast.counter WHERE over_at < now()"), 0);
    ask("4", 1);
}

#[test]
fn nobody_waits_for_a_stopped_server_for_ever() {
    let Some(server) = Server::start(&[]) else { return };
    server.run_sql("postgres", "CREATE DATABASE ledger");
    run(bring(&server.reach("ledger"))).unwrap();
    let ledger = start(&server, "ledger", 2);
    server.signal(Signal::STOP);
    let looked = run(look(&server.reach("ledger")));
    assert!(matches!(looked, Err(Trouble::Unreachable(..))), "{looked:?}");
    let (node, patience) = ("second".to_owned(), Patience::None);
    let settings = Settings {
        database: server.reach("ledger"),
        connections_max: 2,
        node,
        journal_keep_days: None,
        patience,
        snapshot: None,
        observer: Arc::new(Nobody),
    };
    let (second, opening) = Postgres::start(settings).unwrap();
    assert!(matches!(opening.blocking_recv().unwrap(), Err(Trouble::Unreachable(..))));
    // Both end, though nobody answers them.
    drop((second, ledger));
    server.signal(Signal::CONT);
}

#[test]
fn a_responder_that_was_silent_too_long_takes_another_number() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let first = start(server, &name, 1);
    server.run_sql(&name, "UPDATE holdfast.node SET seen_at = now() - interval '1 hour'");
    let second = start(server, &name, 1);
    let numbers = || -> Vec<i16> {
        run(async {
            let (client, connection) = server.config(&name).connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            let rows = client.query("SELECT number FROM holdfast.node ORDER BY number", &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    };
    // The first one says that it runs every second, and finds its number taken.
    while numbers() != [0, 1] {
        std::thread::yield_now();
    }
    drop((first, second));
}
