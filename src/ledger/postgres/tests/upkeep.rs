//! What one responder does for all, and what nobody waits for for ever.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_core::rules::HoldPolicy;
use holdfast_core::{AuthorizationRequest, Expiry};
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

#[test]
fn a_damaged_hold_keeps_no_other_from_its_end() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let observer = Arc::new(Listening::default());
    let (node, patience) = ("test".to_owned(), Patience::None);
    let settings = Settings {
        database: server.reach(&name),
        connections_max: 2,
        node,
        journal_keep_days: None,
        patience,
        snapshot: None,
        observer: Arc::clone(&observer) as _,
    };
    let (ledger, opening) = Postgres::start(settings).unwrap();
    opening.blocking_recv().unwrap().unwrap();
    let desk = Desk(ledger);
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
