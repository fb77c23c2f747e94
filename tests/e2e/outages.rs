//! What an operator sees of an outage, and does about it: the report, the spool, the stop-list. The server runs in this process, so
//! that its ledger can be made to fail.

use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};

use crate::faults::{Bench, Fault, ample_budget, short_budget};
use crate::stand_in::ALL;
use crate::support::{Marqeta, Workplace};

impl Bench {
    pub fn lines(&self, arguments: &[&str]) -> Vec<String> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?} {output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        self.lines(arguments).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn until_set_aside(&self, entries: f64) {
        while self.metric("holdfast_spool_set_aside ", "") != entries || self.metric("holdfast_spool_entries ", "") != 0.0 {
            std::thread::yield_now();
        }
    }
}

fn spool_of(workplace: &Workplace) -> rusqlite::Connection {
    rusqlite::Connection::open(workplace.data().join("spool.sqlite")).unwrap()
}

/// A server whose ledger knows the key of an approval in its spool with another question, answered by that ledger or without it.
fn with_a_conflict(other_one: Fault) -> Bench {
    let first = Bench::new(ample_budget);
    assert!(first.publish_table(ALL).status.success());
    first.faulty.set(Fault::Unavailable);
    assert_eq!(first.ask(&Marqeta::purchase("k", "10.00")).status, 200);
    let first = first.stop();
    let row = spool_of(&first)
        .query_row("SELECT at, body, digest FROM entry", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?))
        })
        .unwrap();
    let second = Bench::new(ample_budget);
    assert!(second.publish_table(ALL).status.success());
    second.faulty.set(other_one);
    assert_eq!(second.ask(&Marqeta::purchase("k", "11.00")).status, 200);
    second.faulty.set(Fault::None);
    second.until_heard();
    let second = second.stop();
    let spool = spool_of(&second);
    let next: i64 = spool.query_row("SELECT next FROM meta", [], |row| row.get(0)).unwrap();
    spool.execute("INSERT INTO entry VALUES (?1, ?2, ?3, ?4)", rusqlite::params![next, row.0, row.1, row.2]).unwrap();
    spool.execute("UPDATE meta SET next = next + 1", []).unwrap();
    Bench::on(second, Fault::None)
}

/// As when two responders that share a ledger are asked two questions under one key.
#[test]
fn what_was_set_aside_is_in_the_report_also_where_its_key_was_told_another_answer() {
    let bench = with_a_conflict(Fault::Unavailable);
    bench.until_set_aside(1.0);
    let report = bench.json(&["stand-in", "report", "--json"]);
    assert_eq!(report[0]["set_aside"], json!({"count": 1, "amount_minor": 1_000}), "{report:?}");
    assert_eq!(report[0]["approved"], json!({"count": 2, "amount_minor": 2_100}), "{report:?}");
    assert_eq!(report[0]["loss_max_minor"], 1_000);
    bench.app.drain();
}

#[test]
fn what_the_ledger_refuses_is_listed_and_brought_back_by_hand() {
    let bench = with_a_conflict(Fault::None);
    bench.until_set_aside(1.0);
    let listed = bench.json(&["spool", "--json"]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    let (says, reason) = (&listed[0]["says"], &listed[0]["set_aside"]["reason"]);
    assert_eq!((says, reason), (&json!("approved 10.00 USD"), &json!("the ledger knows its key with another question")));
    assert_eq!(bench.status()["spool"], json!({"waiting": 0, "set_aside": 1, "entries_max": 100_000}));
    let lines = bench.lines(&["spool"]);
    assert!(lines[0].starts_with("entry 1  ") && lines[0].contains("marqeta: approved 10.00 USD, payment "), "{lines:?}");
    assert_eq!(lines[2..], ["waiting    0 entries, no money approved", "set aside  1 entries, 10.00 USD approved"]);
    let retry = |number: &str| bench.run(&["spool", "retry", number, "--by", "ann", "--why", "again"]);
    let refused = retry("7");
    assert_eq!(refused.status.code(), Some(1));
    let problem = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(problem.trim_end(), "entry 7 of the spool is not set aside; `holdfast spool` lists those that are");
    let back = retry("1");
    assert_eq!(String::from_utf8(back.stdout).unwrap(), "entry 1 waits for the ledger again, as entry 3\n");
    // Nothing has changed: it is refused again.
    bench.until_set_aside(1.0);
    assert_eq!(bench.json(&["spool", "--json"])[0]["entry"], 3);
    let report = bench.json(&["stand-in", "report", "--json"]);
    assert_eq!(report[0]["set_aside"], json!({"count": 1, "amount_minor": 1_000}), "{report:?}");
    assert_eq!(report[0]["loss_max_minor"], 1_000);
    // While no server runs, too.
    let workplace = bench.stop();
    let data = workplace.data();
    let retry = ["spool", "retry", "3", "--by", "ann", "--why", "again", "--data", data.to_str().unwrap()];
    assert!(workplace.run(&retry).status.success());
    assert_eq!(workplace.run(&retry).status.code(), Some(1));
    let bench = Bench::on(workplace, Fault::Deaf);
    let lines = bench.lines(&["spool"]);
    assert!(lines[1].starts_with("  was entry 3, retried by ann at ") && lines[1].ends_with(": again"), "{lines:?}");
    bench.app.drain();
}

#[test]
fn a_report_tells_of_an_outage_what_it_cost() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    assert_eq!(bench.lines(&["stand-in", "report"]), ["nothing: the ledger answered every question"]);
    assert_eq!(bench.ask(&Marqeta::purchase("before", "700.00")).status, 200);
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&Marqeta::purchase("is there", "250.00")).status, 200);
    assert_eq!(bench.ask(&Marqeta::purchase("more than is there", "100.00")).status, 200);
    assert_eq!(bench.ask(&Marqeta::purchase("bet", "70.00").mcc("7995")).status, 402);
    let during = &bench.json(&["stand-in", "report", "--json"])[0];
    assert_eq!(during["waiting"], json!({"count": 2, "amount_minor": 35_000}), "{during}");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    let reports = bench.json(&["stand-in", "report", "--program", "demo", "--since", "2026-03-14", "--json"]);
    let [report] = reports.as_slice() else { panic!("{reports:?}") };
    let expected = json!({
        "program": "demo", "from": report["from"], "to": report["to"], "last_answer": report["last_answer"],
        "causes": {"ledger_unavailable": 3}, "switched": [],
        "currency": "USD",
        "approved": {"count": 2, "amount_minor": 35_000}, "declined": {"count": 1, "amount_minor": 7_000},
        "left_to_platform": {"count": 0, "amount_minor": 0},
        "by": [
            {"answer": "approve", "by": "row all", "count": 2, "amount_minor": 35_000},
            {"answer": "decline", "by": report["by"][1]["by"], "count": 1, "amount_minor": 7_000},
        ],
        "waiting": {"count": 0, "amount_minor": 0}, "over_limit": {"count": 1, "amount_minor": 5_000},
        "set_aside": {"count": 0, "amount_minor": 0}, "exposure_max_minor": 35_000, "loss_max_minor": 5_000,
    });
    assert_eq!(*report, expected);
    let moment = |name: &str| report[name].as_str().unwrap().to_owned();
    assert!(moment("from") < moment("last_answer") && moment("last_answer") <= moment("to"), "{report}");
    assert!(bench.lines(&["stand-in", "report"]).contains(&"loss at most                                  50.00 USD".to_owned()));
    assert_eq!(bench.run(&["stand-in", "report", "--since", "2999-01-01"]).status.code(), Some(1), "that is still to come");
    assert_eq!(bench.run(&["stand-in", "report", "--program", "gone"]).status.code(), Some(1));
    bench.app.drain();
}

/// Nobody asks any more, and the ledger is back: that is seen, and told.
#[test]
fn an_outage_ends_although_nobody_asks() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Hung);
    let mut asked = 0;
    while bench.status()["breaker"]["open_since"].is_null() {
        bench.ask(&Marqeta::purchase(&format!("away-{asked}"), "1.00"));
        asked += 1;
    }
    // One that is over before it was looked at a second time ends, for the report, with its last answer.
    let noted = || spool_of(&bench.workplace).query_row("SELECT count(*) FROM away", [], |row| row.get::<_, u32>(0)).unwrap();
    while noted() == 0 {
        std::thread::yield_now();
    }
    let to = |report: &Value| report["to"].as_str().unwrap().to_owned();
    let last_answer = to(&bench.json(&["stand-in", "report", "--json"])[0]);
    let back = holdfast::clock::instant();
    bench.faulty.set(Fault::None);
    while !bench.status()["breaker"]["open_since"].is_null() {
        assert!(back.elapsed().as_secs() < 20, "nobody sees that it is back");
        std::thread::yield_now();
    }
    while to(&bench.json(&["stand-in", "report", "--json"])[0]) <= last_answer {
        assert!(back.elapsed().as_secs() < 20, "the report does not tell when it was back");
    }
    assert_eq!(bench.ask(&Marqeta::purchase("back", "1.00")).status, 200);
    bench.app.drain();
}

/// Whoever restarts a server because of its ledger ends the outage with that, and not with the last answer before.
#[test]
fn an_outage_that_a_start_ends_lasts_until_the_ledger_is_ready() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    let mut asked = 0;
    while bench.status()["breaker"]["open_since"].is_null() {
        // A decline: an account with money at risk is not asked about any more, and nobody fails.
        bench.ask(&Marqeta::purchase(&format!("away-{asked}"), "1.00").mcc("7995"));
        asked += 1;
        assert!(asked < 1_000, "the breaker does not open");
    }
    let noted = || spool_of(&bench.workplace).query_row("SELECT count(*) FROM away", [], |row| row.get::<_, u32>(0)).unwrap();
    while noted() == 0 {
        std::thread::yield_now();
    }
    let to = |bench: &Bench| bench.json(&["stand-in", "report", "--json"])[0]["to"].as_str().unwrap().to_owned();
    let last_answer = to(&bench);
    let mut bench = Bench::begun_on(bench.stop(), Fault::None);
    let starting = holdfast::clock::utc().to_string();
    assert!(last_answer < starting);
    bench.until_ready();
    let ready = holdfast::clock::instant();
    while to(&bench) < starting {
        assert!(ready.elapsed().as_secs() < 20, "the report does not tell when it was ready: {} {starting}", to(&bench));
        std::thread::yield_now();
    }
    bench.until_heard();
    let reports = bench.json(&["stand-in", "report", "--json"]);
    assert_eq!(reports.len(), 1, "it is one outage: {reports:?}");
    bench.app.drain();
}

#[test]
fn who_looks_while_a_server_starts_sees_that_it_stands_in() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let mut bench = Bench::begun_on(bench.stop(), Fault::Unavailable);
    let during = bench.status();
    assert_eq!(during["stand_in"]["demo"]["cause"], "starting", "{during}");
    assert!(during["stand_in"]["demo"]["since"].is_string(), "{during}");
    bench.faulty.set(Fault::None);
    bench.until_ready();
    assert_eq!(bench.status()["stand_in"]["demo"]["cause"], Value::Null);
    bench.app.drain();
}

/// Whoever asks once more is shown when the hold ends, as whoever asked first was.
#[test]
fn a_payment_that_the_ledger_has_not_heard_of_shows_when_its_hold_ends() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    let body =
        json!({"amount": 500, "currency": "USD", "idempotency_id": "once", "merchant": "merchant-demo", "source": "PIdemo1"});
    for time in ["first", "again"] {
        let paid = bench.client().post("/payments/na/authorizations", &body.to_string()).json();
        assert_eq!((&paid["state"], paid["expires_at"].is_string()), (&json!("SUCCEEDED"), true), "{time}: {paid}");
    }
    bench.app.drain();
}

/// A ledger that comes to the same answer, too late to tell it, takes nothing from the report.
#[test]
fn an_answer_that_the_ledger_gave_too_is_in_the_report() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::AnswersWithheld);
    assert_eq!(bench.ask(&Marqeta::purchase("late", "10.00")).status, 200);
    let body =
        json!({"amount": 500, "currency": "USD", "idempotency_id": "late too", "merchant": "merchant-demo", "source": "PIdemo1"});
    let paid = bench.client().post("/payments/na/authorizations", &body.to_string()).json();
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(bench.held(), 1_000, "held once");
    assert_eq!(paid["state"], "SUCCEEDED", "{paid}");
    let report = &bench.json(&["stand-in", "report", "--json"])[0];
    assert_eq!(report["approved"], json!({"count": 2, "amount_minor": 1_500}), "{report}");
    assert_eq!(report["waiting"]["count"], 0, "{report}");
    // The ledger hears of the first while the second is asked, or not.
    assert!(report["exposure_max_minor"].as_i64().unwrap() >= 1_000, "{report}");
    let replayed = bench.lines(&["replay"]);
    assert!(replayed.iter().any(|line| line.split_whitespace().eq(["differ", "0"])), "{replayed:?}");
    let told = bench.lines(&["explain", "jit-late"]);
    assert!(told.iter().any(|line| line.contains("by stand-in (row all")), "{told:?}");
    bench.app.drain();
}

#[test]
fn a_time_at_which_it_was_switched_on_is_an_outage_of_its_own() {
    let bench = Bench::new(ample_budget);
    let switch = ["stand-in", "on", "--program", "demo", "--for", "30m", "--by", "ann", "--why", "a drill"];
    assert!(bench.run(&switch).status.success());
    let report = &bench.json(&["stand-in", "report", "--json"])[0];
    assert_eq!((&report["causes"], &report["switched"][0]["why"]), (&json!({}), &json!("a drill")), "{report}");
    assert_eq!(report["last_answer"], json!(null), "nobody asked");
    bench.app.drain();
}

#[test]
fn the_stop_list_has_every_barred_card_also_one_frozen_while_the_ledger_is_away() {
    let bench = Bench::new(ample_budget);
    let list = || bench.lines(&["stop-list", "--program", "demo"]);
    let before = list();
    assert_eq!(before[0], "card,reason,account");
    assert!(before.contains(&"card-demo-frozen,card_frozen,acct-demo-1".to_owned()), "{before:?}");
    assert!(!before.iter().any(|line| line.starts_with("card-demo-1,")), "{before:?}");
    bench.faulty.set(Fault::Unavailable);
    let freeze = json!({"cardtransitions": [{"token": "ct-9", "card_token": "card-demo-1",
        "user_token": "user-demo-1", "state": "SUSPENDED", "created_time": "2026-03-14T16:00:00Z"}]});
    assert_eq!(bench.client().post("/marqeta/webhook", &freeze.to_string()).status, 200);
    let frozen = "card-demo-1,card_frozen,acct-demo-1".to_owned();
    assert!(list().contains(&frozen), "{:?}", list());
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert!(list().contains(&frozen), "{:?}", list());
    let json = bench.json(&["stop-list", "--program", "demo", "--format", "json"]);
    assert!(json.contains(&json!({"card": "card-demo-1", "reason": "card_frozen", "account": "acct-demo-1"})), "{json:?}");
    assert_eq!(bench.run(&["stop-list", "--program", "gone"]).status.code(), Some(1));
    bench.app.drain();
}

#[test]
fn a_running_server_keeps_its_locks_so_that_nobody_else_takes_its_logs_away() {
    let bench = Bench::new(ample_budget);
    // Whoever switches, reads or restarts opens files once more in the server's process.
    let signed = ["--program", "demo", "--by", "ann", "--why", "a drill"];
    assert!(bench.run(&[&["stand-in", "on", "--for", "1h"], &signed[..]].concat()).status.success());
    let bench = Bench::on(bench.stop(), Fault::None);
    assert!(bench.run(&[&["stand-in", "off"], &signed[..]].concat()).status.success());
    assert_eq!(bench.ask(&Marqeta::purchase("any", "10.00")).status, 200);
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    for file in ["spool.sqlite", "journal.sqlite"] {
        let inode = std::fs::metadata(bench.workplace.data().join(file)).unwrap().ino();
        let held = |line: &str| line.contains("POSIX") && line.contains(&format!(":{inode} "));
        assert!(locks.lines().any(held), "{file} is open, and another process would take it for abandoned");
    }
    bench.app.drain();
}

/// Without its spool nobody knows what was told: a server does not start as if nothing had been.
#[test]
fn a_server_does_not_start_without_the_spool_that_it_had() {
    let workplace = Workplace::demo();
    workplace.serve().kill();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(workplace.data().join(format!("spool.sqlite{suffix}")));
    }
    let data = workplace.data();
    let of_data = |arguments: &[&str]| workplace.run(&[arguments, &["--data", data.to_str().unwrap()]].concat());
    let any = "127.0.0.1:0";
    let refused = of_data(&["serve", "--listen", any, "--ops-listen", any, "--api-listen", any]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("spool.sqlite: is missing"), "{said}");
    // Nor does anybody tell of another one as if it were that.
    let elsewhere = Workplace::demo();
    elsewhere.serve().kill();
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("spool.sqlite{suffix}");
        let _ = std::fs::copy(elsewhere.data().join(&file), data.join(&file));
    }
    let switch = ["stand-in", "on", "--program", "demo", "--by", "ann", "--why", "a drill", "--for", "1h"];
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/config/stand-in/cautious.toml");
    let publish = ["stand-in", "publish", table, "--program", "demo", "--by", "ann", "--why", "a drill"];
    let history = ["stand-in", "history", "--program", "demo"];
    let rollback = ["stand-in", "rollback", "--program", "demo", "--by", "ann", "--why", "a drill"];
    let stop_list = ["stop-list", "--program", "demo"];
    for looks in [&["spool"][..], &["stand-in", "report"], &stop_list, &switch, &publish, &history, &rollback] {
        let refused = of_data(looks);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(1) && said.contains("spool.sqlite: is another spool"), "{looks:?}: {said}");
    }
    let accepted = of_data(&["spool", "accept-new", "--by", "ann", "--why", "its disk burnt"]);
    assert!(accepted.status.success(), "{accepted:?}");
    workplace.serve().kill();
    workplace.serve().kill();
    // And beside a ledger that is gone, what was told is somebody's to look at, at every start.
    std::fs::create_dir(workplace.path("kept")).unwrap();
    let kept = workplace.path("kept/spool.sqlite");
    std::fs::rename(data.join("spool.sqlite"), &kept).unwrap();
    let spool = rusqlite::Connection::open(&kept).unwrap();
    spool.execute("INSERT INTO entry VALUES (1, 0, x'00', x'00')", []).unwrap();
    drop(spool);
    workplace.edit("holdfast.toml", |text| text.replacen("#path = \"spool.sqlite\"", &format!("path = {kept:?}"), 1));
    std::fs::remove_dir_all(&data).unwrap();
    for _ in 0..2 {
        let refused = of_data(&["serve", "--listen", any, "--ops-listen", any, "--api-listen", any]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(1) && said.contains("this ledger is new"), "{said}");
    }
    assert!(of_data(&["spool", "accept-new", "--by", "ann", "--why", "the ledger is lost"]).status.success());
    // Not behind a server's back: what says how far the spool goes is that one's.
    let server = workplace.serve();
    let refused = of_data(&["spool", "accept-new", "--by", "ann", "--why", "again"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("is in use by another server"), "{said}");
    server.kill();
}
