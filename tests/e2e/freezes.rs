//! What operators bar by the management API while the ledger is away: it holds at once, is there after a restart, and the ledger hears
//! of it once, with who and why. The server runs in this process, so that its ledger can be made to fail.

use holdfast::journal::Reader;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::faults::{Bench, Fault, ample_budget, short_budget};
use crate::shared::bench_on;
use crate::stand_in::ALL;
use crate::support::http::Response;
use crate::support::postgres::Postgres;
use crate::support::{BackOffice, Marqeta, Workplace};

const CARD: &str = "/v1/cards/card-demo-1";

fn reason(why: &str) -> Value {
    json!({ "reason": why })
}

impl Bench {
    fn office(&self) -> BackOffice {
        BackOffice::demo(self.app.api_listen)
    }

    /// A question of the frozen card is declined for that.
    fn is_frozen(&self, id: &str) {
        let declined = self.ask(&Marqeta::purchase(id, "10.00"));
        assert_eq!(declined.json()["jit_funding"]["decline_reason"], "CARD_NOT_ACTIVE", "{id}: {declined:?}");
    }
}

/// It holds here, and says so.
fn holds_here(answer: &Response) -> Value {
    assert_eq!((answer.status, answer.header("retry-after")), (202, Some("1")), "{answer:?}");
    assert_eq!(answer.json()["waits_for"], "ledger", "{answer:?}");
    answer.json()
}

/// What the responder saw is in its file, too.
fn until_kept(workplace: &Workplace) {
    let file = workplace.data().join("last-seen.sqlite");
    let kept = || {
        let file = rusqlite::Connection::open(&file).ok()?;
        file.query_row("SELECT (SELECT count(*) FROM card) * (SELECT count(*) FROM moment)", [], |row| row.get::<_, i64>(0)).ok()
    };
    while !file.exists() || kept().is_none_or(|rows| rows == 0) || !workplace.data().join("own-acts.sqlite").exists() {
        std::thread::yield_now();
    }
}

/// Who and why, and how many records of an operator's there are that changed a standing.
fn noted(workplace: &Workplace) -> Vec<(String, String, String)> {
    let journal = rusqlite::Connection::open(workplace.data().join("journal.sqlite")).unwrap();
    let mut statement = journal.prepare("SELECT key, who, why FROM operation WHERE who = 'demo-operator' ORDER BY at").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_freeze_holds_here_at_once_outlives_a_restart_and_is_the_ledgers_once() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let (mut office, freeze) = (bench.office(), format!("{CARD}/freeze"));
    // Whose card it is can be told without the ledger once what was imported has come to the projection.
    while bench.metric("holdfast_projection_lag_records ", "") != 0.0 || office.found(CARD)["as_of"] == 0 {
        std::thread::yield_now();
    }
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&Marqeta::purchase("before", "10.00")).status, 200);
    let frozen = holds_here(&office.change(&freeze, "k-1", &reason("reported stolen")));
    assert_eq!((&frozen["status"], &frozen["account_id"]), (&json!("frozen"), &json!("acct-demo-1")), "{frozen}");
    bench.is_frozen("at once");
    let seen = office.found(CARD);
    assert_eq!((&seen["status"], &seen["waits_for"]), (&json!("frozen"), &json!("ledger")), "{seen}");
    // Sent again it waits once; the key is taken; and what loosens something needs the ledger.
    holds_here(&office.change(&freeze, "k-1", &reason("reported stolen")));
    let conflict = (409, "idempotency_conflict".to_owned());
    assert_eq!(office.refused(&freeze, "k-1", &reason("another reason")), conflict);
    assert_eq!(office.refused("/v1/cards/nobody/freeze", "k-2", &reason("no such card")), (404, "not_found".to_owned()));
    let away = (503, "ledger_unavailable".to_owned());
    assert_eq!(office.refused(&format!("{CARD}/unfreeze"), "k-3", &reason("found")), away);
    let entries = bench.lines(&["spool"]);
    assert_eq!(entries.iter().filter(|line| line.contains("by demo-operator: reported stolen")).count(), 1, "{entries:?}");
    let stopped: Vec<_> = bench.lines(&["stop-list", "--program", "demo"]);
    assert!(stopped.contains(&"card-demo-1,card_frozen,acct-demo-1".to_owned()), "{stopped:?}");
    // Beside the two questions that were answered here.
    assert_eq!(entries.iter().filter(|line| line.starts_with("entry ")).count(), 3, "{entries:?}");

    let bench = Bench::on(bench.stop(), Fault::Deaf);
    bench.is_frozen("after a restart");
    let mut office = bench.office();
    assert_eq!(office.refused(&freeze, "k-1", &reason("another reason")), conflict, "the key is known after a restart");
    bench.faulty.set(Fault::None);
    bench.until_heard();
    bench.is_frozen("by the ledger");
    let seen = office.found(CARD);
    assert_eq!((&seen["status"], &seen["waits_for"]), (&json!("frozen"), &Value::Null), "{seen}");
    assert_eq!(office.made(&freeze, "k-1", &reason("reported stolen"))["status"], "frozen");
    assert_eq!(office.refused(&freeze, "k-1", &reason("another reason")), conflict);
    assert_eq!(office.made(&format!("{CARD}/unfreeze"), "k-3", &reason("found"))["status"], "active");
    // The same freeze once more is not another one.
    assert_eq!(office.made(&freeze, "k-1", &reason("reported stolen"))["status"], "active");
    assert_eq!(bench.ask(&Marqeta::purchase("after", "10.00")).status, 200);
    let text = |text: &str| text.to_owned();
    let expected =
        [(text("k-1"), text("demo-operator"), text("reported stolen")), (text("k-3"), text("demo-operator"), text("found"))];
    assert_eq!(noted(&bench.stop()), expected);
}

#[test]
fn a_ledger_that_hangs_hears_of_a_freeze_twice_and_does_it_once() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Hung);
    let mut office = bench.office();
    holds_here(&office.change(&format!("{CARD}/freeze"), "k-1", &reason("lost")));
    bench.is_frozen("while it hangs");
    let account = json!({"status": "frozen", "reason": "fraud"});
    let frozen = holds_here(&office.change("/v1/accounts/acct-demo-2/status", "k-2", &account));
    assert_eq!(frozen, json!({"account_id": "acct-demo-2", "status": "frozen", "waits_for": "ledger"}));
    // What does not follow the ledger any more, as it hangs, has all the same everything that there is.
    let unknown = (404, "not_found".to_owned());
    assert_eq!(office.refused("/v1/accounts/nobody-s/status", "k-3", &account), unknown);
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert_eq!(office.found(CARD)["status"], "frozen");
    assert_eq!(office.found("/v1/accounts/acct-demo-2")["status"], "frozen");
    let workplace = bench.stop();
    let keys: Vec<_> = noted(&workplace).into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, ["k-1", "k-2"]);
    // Each is one record, whichever way it came first.
    let reader = Reader::open(&workplace.data()).unwrap();
    let mut of_operators = 0;
    let counted = reader.records(i64::MAX, &mut |_, _, _| (), &mut |numbered| {
        of_operators += usize::from(numbered.record.operator.is_some());
        Ok(())
    });
    counted.unwrap();
    assert_eq!(of_operators, 2);
}

#[test]
fn what_the_spool_cannot_take_is_not_acknowledged_and_holds_nowhere() {
    let bench = Bench::new(|text| ample_budget(text).replacen("#entries_max = 100000", "entries_max = 1", 1));
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    let mut office = bench.office();
    holds_here(&office.change("/v1/cards/card-demo-2/freeze", "k-1", &reason("the only place")));
    let full = (503, "spool_unavailable".to_owned());
    assert_eq!(office.refused(&format!("{CARD}/freeze"), "k-2", &reason("one too many")), full);
    assert_eq!(office.found(CARD)["status"], "active");
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert_eq!(office.made(&format!("{CARD}/freeze"), "k-2", &reason("one too many"))["status"], "frozen");
    bench.app.drain();
}

#[test]
fn on_the_shared_ledger_a_freeze_holds_while_the_database_says_nothing() {
    let Some(postgres) = Postgres::start() else { return };
    let bench = bench_on(&postgres);
    assert!(bench.publish_table(ALL).status.success());
    assert_eq!(bench.ask(&Marqeta::purchase("seen", "10.00")).status, 200);
    let mut office = bench.office();
    // What it last saw is right, and says that nobody was asked of the next question.
    while bench.available_seen() != Some(99_000) {
        std::thread::yield_now();
    }
    until_kept(&bench.workplace);
    postgres.signal(Signal::STOP);
    holds_here(&office.change(&format!("{CARD}/freeze"), "k-1", &reason("reported stolen")));
    bench.is_frozen("at once");
    // What is asked of it while the database says nothing is answered from what this responder saw and told, and says so.
    let lists = |arguments: &[&str]| {
        let output = bench.run(arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, listed, said) = lists(&["stop-list", "--program", "demo"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(listed.contains("card-demo-1,card_frozen,acct-demo-1"), "{listed}");
    assert!(said.contains("listed is what this responder last saw of the cards"), "{said}");
    let (code, report, said) = lists(&["stand-in", "report"]);
    assert!(
        code == Some(0) && report.contains("declined") && said.contains("only what this responder's spool has"),
        "{report} {said}"
    );
    // Whether there is such an account, nobody can say now, and the answer says that.
    let mistyped = json!({"status": "frozen", "reason": "fraud"});
    let unknown = holds_here(&office.change("/v1/accounts/acct-demo-l/status", "k-3", &mistyped));
    assert!(unknown["note"].as_str().unwrap().contains("nobody could look up"), "{unknown}");
    postgres.signal(Signal::CONT);
    bench.until_heard();
    let aside = bench.lines(&["spool"]);
    assert!(aside.iter().any(|line| line.contains("the ledger cannot do it: account_unknown")), "{aside:?}");
    let seen = office.found(CARD);
    assert_eq!((&seen["status"], &seen["waits_for"]), (&json!("frozen"), &Value::Null), "{seen}");
    assert_eq!(office.made(&format!("{CARD}/freeze"), "k-1", &reason("reported stolen"))["status"], "frozen");
    assert_eq!(office.made(&format!("{CARD}/unfreeze"), "k-2", &reason("found"))["status"], "active");
    bench.app.drain();
}
