//! The journal's chain and its partitions: a walk proves what was chained, and finds whatever was done to it.

use holdfast_core::stand_in::Sight;
use tokio_postgres::{Client as Connection, NoTls};

use super::conforming::start;
use super::server::{Server, run, shared};
use crate::ledger::conformance::*;
use crate::ledger::postgres::Postgres;
use crate::ledger::postgres::chaining::{Proven, Unproven, chain_next, compare_balances, verify};
use crate::ledger::{Glimpse, Ledger};

struct Desk<'l>(&'l Postgres);

impl Client for Desk<'_> {
    fn ledger(&self) -> &dyn Ledger {
        self.0
    }
}

async fn connect(server: &Server, name: &str) -> Connection {
    let (client, connection) = server.config(name).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Chains whatever can be, whoever else does.
fn chain_all(server: &Server, name: &str) {
    let at = server.reach(name).whereabouts();
    run(async {
        let mut client = connect(server, name).await;
        while !matches!(chain_next(&mut client, &at).await, Ok(0)) {}
    });
}

fn walk(server: &Server, name: &str) -> Result<Proven, Unproven> {
    let at = server.reach(name).whereabouts();
    run(async { verify(&connect(server, name).await, &at, |_, _| {}).await })
}

/// A database with some decisions of two responders, in several groups.
fn furnished(server: &Server) -> String {
    let name = server.database();
    let responders = [start(server, &name, 2), start(server, &name, 2)];
    Desk(&responders[0]).enter(vec![account("a", 1_000), card("c", "a", None)]).unwrap();
    for number in 0..20_usize {
        Desk(&responders[number % 2]).decide(purchase(&number.to_string(), 1));
        if number % 6 == 0 {
            until_chained(server, &name);
        }
    }
    drop(responders);
    until_chained(server, &name);
    name
}

/// Transactions of other tests' databases are of the same server: while one is open, nothing behind it is chained.
fn until_chained(server: &Server, name: &str) {
    chain_all(server, name);
    while walk(server, name).unwrap().not_chained > 0 {
        std::thread::yield_now();
        chain_all(server, name);
    }
}

#[test]
fn what_was_done_to_a_chained_record_is_found() {
    let Some(server) = shared() else { return };
    let name = furnished(server);
    let proven = walk(server, &name).unwrap();
    assert_eq!((proven.records, proven.not_chained, proven.dropped_groups), (22, 0, 0));
    assert!(proven.groups >= 4, "{proven:?}");
    let decided = "WHERE kind = 'decided' AND key = '13'";
    for (done, undone) in [
        (format!("UPDATE holdfast.record SET body = set_byte(body, 9, get_byte(body, 9) # 1) {decided}"), None),
        (
            format!("UPDATE holdfast.record SET at = at + interval '1 microsecond' {decided}"),
            Some(format!("UPDATE holdfast.record SET at = at - interval '1 microsecond' {decided}")),
        ),
        (
            format!(
                "INSERT INTO holdfast.record SELECT at, id + 1, program, platform, kind, 'more', account, account_change, card,
                hold, decision, reason, posted, held, cause, finding, transaction, body FROM holdfast.record {decided}"
            ),
            Some("DELETE FROM holdfast.record WHERE key = 'more'".to_owned()),
        ),
        (
            format!(
                "CREATE TABLE public.aside AS SELECT * FROM holdfast.record {decided}; DELETE FROM holdfast.record {decided}"
            ),
            Some("INSERT INTO holdfast.record SELECT * FROM public.aside".to_owned()),
        ),
    ] {
        server.run_sql(&name, &done);
        let found = walk(server, &name);
        assert!(matches!(found, Err(Unproven::Changed(number)) if number > 1), "{done}: {found:?}");
        // The first one is its own inverse.
        server.run_sql(&name, undone.as_ref().unwrap_or(&done));
        assert_eq!(walk(server, &name).as_ref(), Ok(&proven));
    }
    for (column, changed) in [
        ("decision", "'decline'"),
        ("reason", "'card_lost'"),
        ("held", "held + 1"),
        ("posted", "1"),
        ("cause", "'fee'"),
        ("key", "'other'"),
        ("card", "card + 1"),
        ("hold", "NULL"),
        ("finding", "'force_post'"),
        ("platform", "NULL"),
    ] {
        server.run_sql(&name, &format!("CREATE TABLE public.{column} AS SELECT * FROM holdfast.record {decided}"));
        server.run_sql(&name, &format!("UPDATE holdfast.record SET {column} = {changed} {decided}"));
        let found = walk(server, &name);
        assert!(matches!(found, Err(Unproven::ColumnChanged(_, which)) if which == column), "{column}: {found:?}");
        server.run_sql(
            &name,
            &format!(
                "UPDATE holdfast.record r SET {column} = b.{column} FROM public.{column} b WHERE r.at = b.at AND r.id = b.id"
            ),
        );
        assert_eq!(walk(server, &name).as_ref(), Ok(&proven));
    }
    for changed in ["account_change + 1", "account_change - 1", "0", "1000000"] {
        server.run_sql(&name, &format!("UPDATE holdfast.record SET account_change = {changed} {decided}"));
        let found = walk(server, &name);
        assert!(matches!(found, Err(Unproven::OrderChanged(_))), "{changed}: {found:?}");
        server.run_sql(
            &name,
            "UPDATE holdfast.record r SET account_change = b.account_change FROM public.held b WHERE r.at = b.at AND r.id = b.id",
        );
        assert_eq!(walk(server, &name).as_ref(), Ok(&proven));
    }
    let balances = || run(async { compare_balances(&connect(server, &name).await, &server.reach(&name).whereabouts()).await });
    assert_eq!(balances(), Ok((1, vec![])));
    server.run_sql(&name, "UPDATE holdfast.account SET held = held + 1");
    let (accounts, differing) = balances().unwrap();
    assert_eq!(
        (accounts, differing.as_slice()),
        (1, ["a (demo): posted 1000, held 21; by its records 1000 and 20".to_owned()].as_slice())
    );
    server.run_sql(&name, "DELETE FROM holdfast.chain WHERE number = 2");
    assert_eq!(walk(server, &name), Err(Unproven::Missing(2)));
}

#[test]
fn old_partitions_go_once_they_are_chained_and_the_rest_is_still_proven() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let ask =
        |sql: &'static str| -> i64 { run(async { connect(server, &name).await.query_one(sql, &[]).await.unwrap().get(0) }) };
    let made = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'holdfast.record'::regclass";
    assert_eq!(ask(made), 4, "three months, and all others");
    server.run_sql(
        &name,
        "CREATE TABLE holdfast.record_2020_01 PARTITION OF holdfast.record FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z')",
    );
    let ledger = start(server, &name, 2);
    let desk = Desk(&ledger);
    desk.enter(vec![account("a", 1_000), card("c", "a", None)]).unwrap();
    assert_eq!(desk.decide(purchase("new", 1)), approved(1));
    let in_other = "SELECT count(*) FROM holdfast.record_other";
    assert_eq!(ask(in_other), 0, "this month has a partition of its own");
    drop(ledger);
    server.run_sql(&name, "TRUNCATE holdfast.chain; UPDATE holdfast.record SET at = '2020-01-05Z' WHERE kind <> 'decided'");
    assert_eq!(ask("SELECT holdfast.drop_partitions(now())"), 0, "it is not chained");
    until_chained(server, &name);
    assert_eq!(walk(server, &name).map(|proven| proven.records), Ok(3));
    let ledger = start(server, &name, 2);
    assert_eq!(Desk(&ledger).decide(purchase("newer", 1)), approved(1));
    drop(ledger);
    until_chained(server, &name);
    assert_eq!(ask("SELECT holdfast.drop_partitions('2020-01-31Z')"), 0, "it has not ended by then");
    assert_eq!(ask("SELECT holdfast.drop_partitions(now())"), 2);
    let proven = walk(server, &name).unwrap();
    assert_eq!(
        (proven.records, proven.groups, proven.dropped_groups),
        (1, 2, 1),
        "the newer one; the first group is only linked"
    );
    assert_eq!(ask(made), 4);
    assert_eq!(ask("SELECT records FROM holdfast.dropped WHERE partition = 'record_2020_01'"), 2);
}

#[test]
fn a_ruleset_that_was_changed_is_found() {
    let Some(server) = shared() else { return };
    let name = furnished(server);
    let publish = "INSERT INTO holdfast.ruleset (number, hash, program, source, kind, published_at, published_by, why)
        SELECT count(*) + 1, sha256('# rules'), 'p', $1::text, 'rules', now(), 'ann', 'a test' FROM holdfast.ruleset";
    let add = |source: &str| run(async { connect(server, &name).await.execute(publish, &[&source]).await }).unwrap();
    assert_eq!(add("# rules"), 1);
    assert!(walk(server, &name).is_ok());
    assert_eq!(add("# other"), 1);
    let found = walk(server, &name).unwrap_err();
    assert!(matches!(&found, Unproven::RulesetChanged(which) if which.contains("of program `p`")), "{found}");
}

/// As a dump of a cluster leaves it that counted a billion transactions more.
#[test]
fn a_database_that_came_from_another_cluster_goes_on_counting() {
    let Some(server) = shared() else { return };
    let name = furnished(server);
    let before = walk(server, &name).unwrap();
    server.run_sql(
        &name,
        "UPDATE holdfast.record SET transaction = (transaction::text::bigint + 1000000000)::text::xid8;
         UPDATE holdfast.chain SET upto = upto + 1000000000",
    );
    for round in 0..2 {
        let responders = [start(server, &name, 2), start(server, &name, 2)];
        for (number, responder) in responders.iter().enumerate() {
            assert_eq!(Desk(responder).decide(purchase(&format!("more {round} {number}"), 1)), approved(1));
        }
        // What one does, the others see.
        let left = usd(1_000 - 20 - 2 * (round + 1));
        let sees = |responder: &Postgres| match responder.look(&origin(), &purchase("any", 1)) {
            Glimpse::Seen(seen) => matches!(seen.snapshot.account, Sight::Seen(account) if account.available == left),
            Glimpse::Busy | Glimpse::Nothing => false,
        };
        while !responders.iter().all(sees) {
            std::thread::yield_now();
        }
        drop(responders);
        until_chained(server, &name);
    }
    let proven = walk(server, &name).unwrap();
    assert_eq!((proven.records, proven.not_chained), (before.records + 4, 0));
    assert!(proven.groups > before.groups);
}
