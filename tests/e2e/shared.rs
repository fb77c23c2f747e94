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
pub const COVERED: &str = "[[row]]\nid = 'covered'\nwhen = { balance_within = '1h', amount = { max = '400.00' }, card_used = true }\nanswer = 'approve'\n";

/// A demo server on that database.
pub fn bench_on(postgres: &Postgres) -> Bench {
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
    let before = Marqeta::purchase("before", "100.00");
    let first = bench.ask(&before);
    assert_eq!(first.status, 200);
    let declined = bench.ask(&Marqeta::purchase("declined", "5000.00"));
    assert_eq!(declined.status, 402);
    while bench.available_seen() != Some(90_000) {
        std::thread::yield_now();
    }
    postgres.signal(Signal::STOP);
    assert_eq!(bench.ask(&before).body, first.body, "a retry hears what the ledger answered");
    assert_eq!(bench.ask(&Marqeta::purchase("declined", "5000.00")).body, declined.body);
    assert_eq!(bench.ask(&Marqeta::purchase("before", "100.01")).status, 402, "that is another question");
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
    // Whoever probes moves nothing.
    for probe in 0.. {
        if bench.metric("holdfast_breaker_open ", "") == 0.0 {
            break;
        }
        let asked = Marqeta::purchase(&format!("probe {probe}"), "1.00").card("card-demo-frozen");
        assert_eq!(bench.ask(&asked).status, 402);
    }
    assert_eq!(bench.ask(&Marqeta::purchase("too much", "200.01")).status, 402, "by the ledger");
    assert_eq!(bench.ask(&Marqeta::purchase("the rest", "200.00")).status, 200);
    bench.app.drain();
}

/// Without agent spend: which cards are under an authority is not known without the database.
pub fn without_agents(text: String) -> String {
    let (before, agents) = text.split_once("\n[agents]").expect("the demo has agent spend");
    let after = agents.find("\n[").map_or("", |next| &agents[next..]);
    format!("{before}{after}")
}

#[test]
fn who_starts_while_the_database_is_away_stands_in_on_what_an_earlier_process_saw() {
    let Some(postgres) = Postgres::start() else { return };
    let workplace = workplace_on(&postgres);
    workplace.edit("holdfast.toml", |text| without_agents(short_budget(text)));
    let bench = Bench::on(workplace, Fault::None);
    assert!(bench.publish_table(COVERED).status.success());
    let before = Marqeta::purchase("before", "100.00");
    let first = bench.ask(&before);
    assert_eq!(first.status, 200);
    while bench.available_seen() != Some(90_000) {
        std::thread::yield_now();
    }
    let workplace = bench.stop();
    postgres.signal(Signal::STOP);
    let mut bench = Bench::begun_on(workplace, Fault::None);
    // Later than this process's start, whatever the platform's clock says.
    let later = holdfast::clock::utc().saturating_add(std::time::Duration::from_secs(30));
    let mut probes = 0;
    let approved = loop {
        probes += 1;
        let covered = Marqeta::purchase(&format!("covered {probes}"), "300.00").created(later);
        let answer = bench.ask(&covered);
        if answer.status == 200 {
            break (covered, answer);
        }
        // The file is still being read.
        assert!(probes < 1_000, "{answer:?}");
    };
    assert_eq!(bench.ask(&approved.0).body, approved.1.body, "a retry hears the same");
    assert_eq!(bench.ask(&Marqeta::purchase("at any time", "1.00")).status, 402, "another responder may have answered it");
    assert_eq!(bench.ask(&before).body, first.body, "what an earlier process was told is heard again");
    let ask = |id: &str, amount: &str| bench.ask(&Marqeta::purchase(id, amount).created(later)).status;
    assert_eq!(ask("beyond the row", "400.01"), 402);
    assert_eq!(bench.ask(&Marqeta::purchase("frozen", "1.00").card("card-demo-frozen").created(later)).status, 402);
    assert_eq!(bench.ask(&Marqeta::purchase("nobody", "1.00").card("card-nobody").created(later)).status, 402);
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 30_000);
    postgres.signal(Signal::CONT);
    bench.until_ready();
    bench.until_heard();
    bench.until_adopted();
    assert_eq!(bench.held(), 10_000 + 30_000, "what was told is what is held");
    assert_eq!(bench.ask(&approved.0).body, approved.1.body);
    assert_eq!(bench.ask(&before).status, 200, "by the ledger");
    bench.app.drain();
}

/// How many answers a start without the database would know.
fn answers_kept(workplace: &Workplace) -> i64 {
    let file = workplace.data().join("last-seen.sqlite");
    // Each row has a list of them, and a list begins with how many it has.
    let many = "SELECT coalesce(sum(CAST(hex(substr(answers, 1, 1)) AS INTEGER)), 0) FROM answer";
    let count = |file: rusqlite::Connection| file.query_row(many, [], |row| row.get(0));
    // It is made, and written anew, meanwhile.
    if file.exists() { rusqlite::Connection::open(file).and_then(count).unwrap_or(0) } else { 0 }
}

/// Whose cards are under an authority is in the database, too: what is new waits for that. What was answered does not.
#[test]
fn with_agent_spend_who_starts_while_the_database_is_away_answers_and_becomes_whole_by_itself() {
    let Some(postgres) = Postgres::start() else { return };
    let bench = Bench::on(workplace_on(&postgres), Fault::None);
    assert!(bench.publish_table(COVERED).status.success());
    let (before, bound) = (Marqeta::purchase("before", "100.00"), Marqeta::purchase("bound", "1.00").card("card-demo-2"));
    let too_much = Marqeta::purchase("too much", "5000.00");
    let (first, declined) = (bench.ask(&before), bench.ask(&too_much));
    assert_eq!((first.status, declined.status), (200, 402));
    while bench.available_seen() != Some(90_000) || answers_kept(&bench.workplace) != 2 {
        std::thread::yield_now();
    }
    let workplace = bench.stop();
    postgres.signal(Signal::STOP);
    let mut bench = Bench::begun_on(workplace, Fault::None);
    // It came before anybody knew that its card is bound, and is not decided past that whenever the database comes.
    let asking = std::thread::spawn({
        let (listen, body) = (bench.app.listen, bound.body());
        move || crate::support::Client::connect(listen).post("/marqeta/jit", &body)
    });
    assert_eq!(bench.ask(&before).body, first.body, "what an earlier process was told is heard again");
    assert_eq!(bench.ask(&too_much).body, declined.body);
    assert_eq!(bench.ask(&Marqeta::purchase("before", "100.01")).status, 402, "that is another question");
    let later = holdfast::clock::utc().saturating_add(std::time::Duration::from_secs(30));
    let early = bench.ask(&Marqeta::purchase("early", "1.00").created(later));
    assert_eq!(early.status, 402, "it is answered, and not past an authority that nobody knows");
    postgres.signal(Signal::CONT);
    bench.until_ready();
    assert_eq!(asking.join().unwrap().status, 402);
    bench.until_heard();
    bench.until_adopted();
    assert_eq!(bench.held(), 10_000, "what was told is what is held");
    assert_eq!(bench.ask(&before).body, first.body);
    assert_eq!(bench.ask(&Marqeta::purchase("after", "100.00")).status, 200);
    bench.app.drain();
}

fn say_to(postgres: &Postgres, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, driving) = tokio_postgres::connect(&postgres.connection(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(driving);
        for statement in [sql, "SELECT pg_reload_conf()"] {
            client.execute(statement, &[]).await.unwrap();
        }
    });
}

/// Commits wait for a standby that is not there, and whatever only reads is answered all the while.
#[test]
fn an_outage_is_not_over_as_the_database_reads_and_is_once_it_commits() {
    let Some(postgres) = Postgres::start() else { return };
    let bench = bench_on(&postgres);
    let since = || bench.status()["stand_in"]["demo"]["since"].clone();
    say_to(&postgres, "ALTER SYSTEM SET synchronous_standby_names = '*'");
    let began = holdfast::clock::instant();
    let mut asked = 0;
    while since().is_null() {
        assert!(began.elapsed().as_secs() < 20, "nobody sees that it hangs");
        bench.ask(&Marqeta::purchase(&format!("hung {asked}"), "1.00"));
        asked += 1;
    }
    // From here on nobody asks, and it is looked at.
    let (began, first) = (holdfast::clock::instant(), since());
    while began.elapsed().as_secs() < 8 {
        assert_eq!(since(), first, "it goes on: {}", bench.status());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    say_to(&postgres, "ALTER SYSTEM RESET synchronous_standby_names");
    let back = holdfast::clock::instant();
    while !since().is_null() {
        assert!(back.elapsed().as_secs() < 20, "nobody sees that it is back: {}", bench.status());
        std::thread::yield_now();
    }
    bench.app.drain();
}
