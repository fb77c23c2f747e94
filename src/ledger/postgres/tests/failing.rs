//! A database that is there, and does not take what acts write: it is not told to be well before it is, and what is wrong with one
//! account is nobody else's trouble.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_postgres::{Config, NoTls};

use super::server::{PASSWORD, Server, run, shared};
use crate::journal::KeptKind;
use crate::ledger::conformance::*;
use crate::ledger::embedded::Observer;
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::migrate::{look, must_be_whole};
use crate::ledger::postgres::trouble::Trouble;
use crate::ledger::postgres::{Patience, Postgres, Settings};
use crate::ledger::{Act, KeptRuleset, Ledger, LedgerError, Readiness};

struct Desk(Postgres);

impl Client for Desk {
    fn ledger(&self) -> &dyn Ledger {
        &self.0
    }
}

/// Keeps what it is told, and counts how often the ledger became ready.
#[derive(Default)]
struct Listening {
    said: Mutex<Vec<String>>,
    ready: AtomicU32,
}

impl Observer for Listening {
    fn committed(&self, _records: u32, _took: Duration) {}
    fn expired(&self, _holds: usize) {}
    fn readiness(&self, readiness: Readiness) {
        self.ready.fetch_add(u32::from(readiness == Readiness::Ready), Ordering::Relaxed);
    }
    fn say(&self, message: &str) {
        self.said.lock().unwrap().push(message.to_owned());
    }
}

/// A responder of this user's, with an account `a` and its card `c`.
fn furnished(config: Config) -> (Desk, Arc<Listening>) {
    furnished_with(config, 4)
}

fn furnished_with(config: Config, connections_max: usize) -> (Desk, Arc<Listening>) {
    let observer = Arc::new(Listening::default());
    let (ledger, opening) = Postgres::start(Settings {
        database: Database::new(config, &[]).unwrap(),
        connections_max,
        node: "test".to_owned(),
        journal_keep_days: None,
        patience: Patience::None,
        snapshot: None,
        observer: Arc::clone(&observer) as _,
    })
    .unwrap();
    opening.blocking_recv().unwrap().unwrap();
    let desk = Desk(ledger);
    desk.enter(vec![account("a", 1_000), card("c", "a", None), account("b", 1_000), card("d", "b", None)]).unwrap();
    (desk, observer)
}

fn until(done: impl Fn() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}

fn ask_number(server: &Server, name: &str, sql: &str) -> i64 {
    run(async {
        let (client, connection) = server.config(name).connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one(sql, &[]).await.unwrap().get(0)
    })
}

#[test]
fn a_disk_that_stays_full_is_not_told_to_have_room() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let (desk, observer) = furnished(server.config(&name));
    // A sequence counts also what is taken back.
    server.run_sql(
        &name,
        "CREATE SEQUENCE public.tries;
         CREATE FUNCTION public.is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM nextval('public.tries');
             RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
         END $$;
         CREATE TRIGGER is_full BEFORE INSERT ON holdfast.record FOR EACH ROW EXECUTE FUNCTION public.is_full()",
    );
    assert_eq!(desk.act(Act::Decide(asked(purchase("1", 1)))), Err(LedgerError::Unavailable));
    until(|| ask_number(server, &name, "SELECT last_value FROM public.tries") >= 5);
    assert_eq!((desk.ledger().readiness(), observer.ready.load(Ordering::Relaxed)), (Readiness::Unavailable, 1));
    let said = observer.said.lock().unwrap().clone();
    assert!(said.iter().any(|line| line.contains("stays unavailable") && line.contains("no room left on its disk")), "{said:?}");
    server.run_sql(&name, "DROP TRIGGER is_full ON holdfast.record");
    until(|| desk.ledger().readiness() == Readiness::Ready);
    assert_eq!(desk.decide(purchase("1", 1)), approved(1));
    assert_eq!(observer.ready.load(Ordering::Relaxed), 2);
    assert_eq!(ask_number(server, &name, "SELECT count(*) FROM holdfast.record WHERE kind = 'trial'"), 0, "it is taken back");
}

#[test]
fn a_database_that_comes_back_without_syncs_is_not_ready() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let (desk, observer) = furnished(server.config(&name));
    server.run_sql("postgres", &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    server.run_sql("postgres", &cut);
    let names_it = |line: &String| line.contains("stays unavailable") && line.contains("synchronous_commit");
    until(|| observer.said.lock().unwrap().iter().any(names_it));
    assert_eq!(desk.act(Act::Decide(asked(purchase("1", 1)))), Err(LedgerError::Unavailable));
    assert_eq!((desk.ledger().readiness(), observer.ready.load(Ordering::Relaxed)), (Readiness::Unavailable, 1));
    server.run_sql("postgres", &format!("ALTER DATABASE {name} RESET synchronous_commit"));
    until(|| desk.ledger().readiness() == Readiness::Ready);
    assert_eq!(desk.decide(purchase("1", 1)), approved(1));
}

#[test]
fn what_a_commit_is_worth_does_not_change_under_a_connection() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let pool = || Database::new(server.config(&name), &[]).unwrap().pool(1).unwrap();
    let whose = "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'";
    let whose: String = run(async { pool().get().await.unwrap().query_one(whose, &[]).await.unwrap().get(0) });
    assert_eq!(whose, "session", "a reload of the configuration leaves it");
    server.run_sql("postgres", &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    assert!(run(async { pool().get().await.is_err() }), "one that acknowledges what is on no disk is not lent");
}

#[test]
fn a_right_that_was_taken_away_is_named_until_it_is_there_again() {
    let Some(server) = shared() else { return };
    let name = server.database();
    server.run_sql("postgres", &format!("CREATE ROLE taken_{name} LOGIN PASSWORD '{PASSWORD}' IN ROLE holdfast_responder"));
    let mut config = server.config(&name);
    config.user(format!("taken_{name}"));
    let (desk, observer) = furnished(config);
    server.run_sql(&name, "REVOKE EXECUTE ON FUNCTION holdfast.decide FROM holdfast_responder");
    assert_eq!(desk.act(Act::Decide(asked(purchase("1", 1)))), Err(LedgerError::Unavailable));
    let names_it = |line: &String| line.contains("stays unavailable") && line.contains("EXECUTE on function holdfast.decide");
    until(|| observer.said.lock().unwrap().iter().any(names_it));
    assert_eq!((desk.ledger().readiness(), observer.ready.load(Ordering::Relaxed)), (Readiness::Unavailable, 1));
    server.run_sql(&name, "GRANT EXECUTE ON FUNCTION holdfast.decide TO holdfast_responder");
    until(|| desk.ledger().readiness() == Readiness::Ready);
    assert_eq!(desk.decide(purchase("1", 1)), approved(1));
}

#[test]
fn who_cannot_hear_of_what_others_publish_says_so_each_time() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let (desk, observer) = furnished(server.config(&name));
    let told = || {
        let is_it = |line: &&String| line.starts_with("which rules and tables others publish is not known here: ");
        observer.said.lock().unwrap().iter().filter(is_it).count()
    };
    for round in 1..=2_u8 {
        server.run_sql(&name, "ALTER TABLE holdfast.ruleset RENAME TO ruleset_away");
        until(|| told() >= usize::from(round));
        server.run_sql(&name, "ALTER TABLE holdfast.ruleset_away RENAME TO ruleset");
        let (program, published_at, text) = ("demo".to_owned(), now(), String::new);
        let (source, published_by, why) = (text(), text(), text());
        let ruleset = KeptRuleset { hash: [round; 32], kind: KeptKind::Rules, program, source, published_at, published_by, why };
        let heard = *desk.0.publications().borrow();
        desk.act(Act::Publish(Box::new(ruleset), None)).unwrap();
        until(|| *desk.0.publications().borrow() > heard);
    }
    assert_eq!(told(), 2, "once for as long as it lasts");
}

#[test]
fn an_account_that_somebody_holds_on_to_is_nobody_elses_trouble() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let (desk, observer) = furnished(server.config(&name));
    run(async {
        let (client, connection) = server.config(&name).connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; SELECT FROM holdfast.account WHERE name = 'a' FOR UPDATE").await.unwrap();
        let waiting = submit(desk.ledger(), Act::Decide(asked(purchase("1", 1))));
        assert_eq!(desk.decide(with_card("d", purchase("2", 1))), approved(1));
        assert_eq!(wait(waiting), Err(LedgerError::Unavailable));
        assert_eq!(desk.decide(with_card("d", purchase("3", 1))), approved(1));
        let said = observer.said.lock().unwrap().clone();
        assert_eq!((desk.ledger().readiness(), observer.ready.load(Ordering::Relaxed)), (Readiness::Ready, 1), "{said:?}");
        assert!(said.iter().any(|line| line.contains("one act took longer than it may")), "{said:?}");
        client.batch_execute("COMMIT").await.unwrap();
    });
    assert_eq!(desk.decide(purchase("1", 1)), approved(1));
}

#[test]
fn a_connection_on_which_an_act_goes_on_is_lent_to_nobody() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let (desk, observer) = furnished_with(server.config(&name), 2);
    server.run_sql(
        &name,
        "CREATE FUNCTION public.dawdles() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_sleep(45) WHERE NEW.key = 'slow';
             RETURN NEW;
         END $$;
         CREATE TRIGGER dawdles BEFORE INSERT ON holdfast.record FOR EACH ROW EXECUTE FUNCTION public.dawdles()",
    );
    assert_eq!(desk.act(Act::Decide(asked(purchase("slow", 1)))), Err(LedgerError::Unavailable));
    // One after the other, they take each connection in turn.
    for key in ["1", "2", "3", "4"] {
        assert_eq!(desk.decide(with_card("d", purchase(key, 1))), approved(1));
    }
    assert_eq!((desk.ledger().readiness(), observer.ready.load(Ordering::Relaxed)), (Readiness::Ready, 1));
}

#[test]
fn without_an_index_a_view_or_a_check_the_ledger_works_and_says_so() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let check = "ALTER TABLE holdfast.hold DROP CONSTRAINT hold_status_check";
    server.run_sql(&name, &format!("DROP INDEX holdfast.hold_due; DROP VIEW holdfast.movement; {check}"));
    let lacking = "constraint holdfast.hold.hold_status_check, index holdfast.hold_due, view holdfast.movement";
    let looked = run(look(&server.reach(&name))).unwrap_err();
    assert!(matches!(&looked, Trouble::Incomplete(what, _) if what == lacking), "{looked}");
    assert_eq!(run(must_be_whole(&server.reach(&name))), Err(looked));
    let (_desk, observer) = furnished(server.config(&name));
    let said = observer.said.lock().unwrap().clone();
    assert!(said.iter().any(|words| words.contains("the ledger works meanwhile") && words.contains(lacking)), "{said:?}");
}
