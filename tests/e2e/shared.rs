//! The shared ledger while its database says nothing: the stand-in table answers on what was last seen of cards and accounts, and
//! afterwards everybody agrees. The server runs in this process, PostgreSQL beside it.

use holdfast::config::{Config, Overrides};
use holdfast::ledger::postgres::connect::Database;
use holdfast::ledger::postgres::migrate;
use rustix::process::Signal;

use crate::faults::{Bench, Fault, short_budget};
use crate::support::postgres::Postgres;
use crate::support::{Marqeta, Workplace};

/// What a balance that is known, and not for long, covers; and nothing else.
const COVERED: &str = "[[row]]\nid = 'covered'\nwhen = { balance_within = '1h', amount = { max = '400.00' }, card_used = true }\nanswer = 'approve'\n";

/// A demo server on that database.
fn bench_on(postgres: &Postgres) -> Bench {
    let workplace = workplace_on(postgres);
    workplace.edit("holdfast.toml", short_budget);
    Bench::on(workplace, Fault::None)
}

/// A demo configuration of a responder on that database, which has its schema.
pub fn workplace_on(postgres: &Postgres) -> Workplace {
    let workplace = Workplace::demo();
    std::fs::write(workplace.path("config/connection"), postgres.connection()).unwrap();
    workplace.edit("holdfast.toml", |text| {
        let text = text.replacen("#engine = \"embedded\"", "engine = \"postgres\"", 1);
        text.replacen("# [ledger.postgres]\n", "[ledger.postgres]\nconnection = \"file:connection\"\n", 1)
    });
    let config = Config::load(&workplace.config(), Overrides::default()).unwrap_or_else(|errors| panic!("{errors}"));
    let shared = config.ledger.postgres.unwrap();
    let database = Database::new(shared.connection, &shared.roots).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(migrate::bring(&database)).unwrap();
    workplace
}

#[test]
fn what_was_last_seen_covers_is_approved_while_the_database_says_nothing_and_is_held_afterwards() {
    let Some(postgres) = Postgres::start() else { return };
    let bench = bench_on(&postgres);
    assert!(bench.publish_table(COVERED).status.success());
    // 1000.00 are there.
    assert_eq!(bench.ask(&Marqeta::purchase("before", "100.00")).status, 200);
    while bench.available_seen() != Some(90_000) {
        std::thread::yield_now();
    }
    postgres.signal(Signal::STOP);
    let covered = Marqeta::purchase("covered", "300.00");
    let approved = bench.ask(&covered);
    assert_eq!(approved.status, 200, "{approved:?}");
    assert_eq!(bench.ask(&covered).body, approved.body, "a retry hears the same");
    assert_eq!(bench.ask(&Marqeta::purchase("covered too", "400.00")).status, 200);
    assert_eq!(
        bench.ask(&Marqeta::purchase("not covered", "300.00")).status,
        402,
        "with what was approved since, it is too much"
    );
    assert_eq!(bench.ask(&Marqeta::purchase("beyond the row", "400.01")).status, 402);
    assert_eq!(bench.ask(&Marqeta::purchase("frozen", "1.00").card("card-demo-frozen")).status, 402);
    assert_eq!(bench.ask(&Marqeta::purchase("nobody", "1.00").card("card-nobody")).status, 402);
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 70_000);
    assert_eq!(bench.metric("holdfast_late_answers_total", ""), 0.0);
    postgres.signal(Signal::CONT);
    bench.until_heard();
    bench.until_adopted();
    assert_eq!(bench.held(), 10_000 + 70_000, "what was told is what is held");
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 0);
    assert_eq!(bench.ask(&covered).body, approved.body);
    assert_eq!(bench.ask(&Marqeta::purchase("too much", "200.01")).status, 402, "by the ledger");
    assert_eq!(bench.ask(&Marqeta::purchase("the rest", "200.00")).status, 200);
    bench.app.drain();
}
