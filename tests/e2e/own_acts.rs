//! What a responder of the shared ledger did just before it was killed, where the database goes away with it: the next process knows it, and
//! stands in on that.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::faults::short_budget;
use crate::shared::{COVERED, without_agents, workplace_on};
use crate::stand_in::HEAD;
use crate::support::http::Client;
use crate::support::postgres::Postgres;
use crate::support::server::balance;
use crate::support::{BackOffice, Marqeta, Workplace};

/// When all of it was so that was last kept, once that many cards that have paid are in it.
fn kept_at(workplace: &Workplace, cards: i64) -> Option<i64> {
    let (file, own) = (workplace.data().join("last-seen.sqlite"), workplace.data().join("own-acts.sqlite"));
    if !file.exists() || !own.exists() {
        return None;
    }
    let sql = "SELECT as_of FROM moment WHERE (SELECT count(*) FROM card WHERE used = 1) = ?1";
    rusqlite::Connection::open(&file).ok()?.query_row(sql, [cards], |row| row.get(0)).ok()
}

fn until_kept_later(workplace: &Workplace, cards: i64, before: Option<i64>) -> i64 {
    loop {
        match kept_at(workplace, cards) {
            Some(kept) if Some(kept) > before => return kept,
            Some(_) | None => std::thread::yield_now(),
        }
    }
}

#[test]
fn what_was_acknowledged_just_before_a_kill_is_known_to_a_start_without_the_database() {
    let Some(postgres) = Postgres::start() else { return };
    let workplace = workplace_on(&postgres);
    workplace.edit("holdfast.toml", |text| without_agents(short_budget(text)));
    workplace.edit("demo/cards.csv", |text| format!("{text}card-demo-3,acct-demo-1,user-demo-1,active\n"));
    let server = workplace.serve();
    std::fs::write(workplace.path("table.toml"), format!("{HEAD}{COVERED}")).unwrap();
    let (table, data) = (workplace.path("table.toml"), workplace.data());
    let publish = ["stand-in", "publish", table.to_str().unwrap(), "--program", "demo", "--by", "a test", "--why", "to see"];
    assert!(workplace.run(&[&publish[..], &["--data", data.to_str().unwrap()]].concat()).status.success());
    let ask = |client: &mut Client, purchase: &Marqeta| client.post("/marqeta/jit", &purchase.body());
    let mut client = server.client();
    assert_eq!(ask(&mut client, &Marqeta::purchase("seen", "100.00")).status, 200);
    assert_eq!(ask(&mut client, &Marqeta::purchase("seen too", "1.00").card("card-demo-3")).status, 200);
    let mut office = BackOffice::demo(server.api_listen);
    let seen = until_kept_later(&workplace, 2, None);
    // Half a second is left until the next look.
    until_kept_later(&workplace, 2, Some(seen));
    let told = Marqeta::purchase("told", "500.00");
    let first = ask(&mut client, &told);
    assert_eq!(first.status, 200);
    assert_eq!(office.made("/v1/cards/card-demo-3/freeze", "k-1", &json!({"reason": "stolen"}))["status"], "frozen");
    postgres.signal(Signal::STOP);
    server.kill();

    let (mut child, address, _lines) = workplace.listen_by(&[]);
    let mut client = Client::connect(address);
    // Later than this process's start, whatever the platform's clock says.
    let later = holdfast::clock::utc().saturating_add(Duration::from_secs(30));
    let mut probes = 0;
    while ask(&mut client, &Marqeta::purchase(&format!("covered {probes}"), "300.00").created(later)).status != 200 {
        // The files are still being read.
        probes += 1;
        assert!(probes < 1_000);
    }
    let too_much = ask(&mut client, &Marqeta::purchase("too much", "350.00").created(later));
    assert_eq!(too_much.status, 402, "500.00 were taken just before");
    let frozen = ask(&mut client, &Marqeta::purchase("frozen", "1.00").card("card-demo-3").created(later));
    assert_eq!(frozen.json()["jit_funding"]["decline_reason"], "CARD_NOT_ACTIVE", "{frozen:?}");
    assert_eq!(ask(&mut client, &told).body, first.body, "it is heard again");
    let listed = workplace.run(&["stop-list", "--program", "demo", "--data", data.to_str().unwrap()]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("card-demo-3,card_frozen,acct-demo-1"), "{listed}");
    child.kill().unwrap();
    child.wait().unwrap();

    postgres.signal(Signal::CONT);
    let server = workplace.serve();
    while server.metric("holdfast_spool_entries ", &[]) != 0.0 {
        std::thread::yield_now();
    }
    let (_, held, _) = balance(&workplace, "acct-demo-1");
    assert_eq!(held, 10_000 + 100 + 50_000 + 30_000, "what was told is what is held");
    assert_eq!(ask(&mut server.client(), &told).status, 200, "by the ledger");
}
