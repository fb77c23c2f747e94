//! Stand-in switched by hand, from the command line and through the management API. The server runs in this process, so that its
//! ledger can be made to fail.

use std::sync::atomic::Ordering;

use rustix::process::Signal;
use serde_json::json;

use crate::faults::{Bench, Fault, ample_budget};
use crate::shared::bench_on;
use crate::stand_in::ALL;
use crate::support::postgres::Postgres;
use crate::support::{BackOffice, Marqeta};

const SIGNED: [&str; 4] = ["--by", "ann", "--why", "a new disk"];

impl Bench {
    fn switch(&self, arguments: &[&str]) -> Result<String, (Option<i32>, String)> {
        let output = self.run(&[&["stand-in"], arguments, &SIGNED].concat());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err((output.status.code(), text(output.stderr))) }
    }

    fn switched(&self, platform: &str) -> f64 {
        self.metric("holdfast_stand_in_switched", &format!("platform=\"{platform}\""))
    }
}

#[test]
fn switched_on_no_question_goes_to_the_ledger_until_it_is_switched_off() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    let before = Marqeta::purchase("before", "10.00");
    let heard = bench.ask(&before);
    assert_eq!(heard.status, 200, "{heard:?}");
    assert_eq!(bench.status()["stand_in"]["demo"]["switched"], json!([]));
    let on = bench.switch(&["on", "--program", "demo", "--for", "30m"]).unwrap();
    assert!(on.starts_with("program demo: stand-in is on since "), "{on}");
    bench.faulty.asked.store(false, Ordering::SeqCst);
    assert_eq!(bench.ask(&Marqeta::purchase("during", "20.00")).status, 200);
    assert_eq!(bench.ask(&before).body, heard.body, "told before, by the ledger");
    assert!(!bench.faulty.asked.load(Ordering::SeqCst), "the ledger was asked");
    assert_eq!(bench.metric("holdfast_stand_ins_total", "platform=\"marqeta\",cause=\"switched\""), 1.0);
    let status = bench.status();
    let shown = &status["stand_in"]["demo"];
    assert_eq!((&shown["cause"], &shown["switched"][0]["by"]), (&json!("switched"), &json!("ann")), "{status}");
    assert_eq!((bench.switched("marqeta"), bench.switched("apto")), (1.0, 1.0));
    // The ledger is well: it hears what was told, and messages, at once.
    bench.until_heard();
    assert_eq!(bench.held(), 3_000);
    assert_eq!(bench.client().post("/marqeta/webhook", "{\"transactions\":[]}").status, 200);
    // Another process: still on.
    let bench = Bench::on(bench.stop(), Fault::None);
    assert_eq!(bench.ask(&Marqeta::purchase("after a restart", "20.00")).status, 200);
    assert!(!bench.faulty.asked.load(Ordering::SeqCst));
    let off = bench.switch(&["off", "--program", "demo"]).unwrap();
    assert!(off.starts_with("program demo: stand-in is off since "), "{off}");
    assert_eq!(bench.ask(&Marqeta::purchase("afterwards", "10.00")).status, 200);
    assert!(bench.faulty.asked.load(Ordering::SeqCst));
    assert_eq!(bench.switched("marqeta"), 0.0);
    bench.app.drain();
}

#[test]
fn a_switch_is_for_one_platform_and_ends_by_itself() {
    let bench = Bench::new(ample_budget);
    bench.switch(&["on", "--program", "demo", "--platform", "apto", "--for", "1h"]).unwrap();
    assert_eq!(bench.ask(&Marqeta::purchase("not apto", "10.00")).status, 200);
    assert!(bench.faulty.asked.load(Ordering::SeqCst));
    bench.switch(&["on", "--program", "demo", "--platform", "marqeta", "--for", "1s"]).unwrap();
    while bench.switched("marqeta") != 0.0 {
        std::thread::yield_now();
    }
    assert_eq!(bench.ask(&Marqeta::purchase("over", "10.00")).status, 200);
    // It is over: it can be switched on again.
    bench.switch(&["on", "--program", "demo", "--platform", "marqeta", "--for", "1h"]).unwrap();
    assert_eq!(bench.ask(&Marqeta::purchase("on again", "60.00")).status, 402, "the demo's table");
    assert_eq!(bench.metric("holdfast_stand_ins_total", "cause=\"switched\""), 1.0);
    bench.app.drain();
}

#[test]
fn what_cannot_be_switched_says_why() {
    let bench = Bench::new(ample_budget);
    let refused = |arguments: &[&str], part: &str| {
        let (code, problem) = bench.switch(arguments).unwrap_err();
        assert_eq!(code, Some(1), "{problem}");
        assert!(problem.contains(part), "{problem}");
    };
    let hour = ["--for", "1h"];
    refused(&["off", "--program", "demo"], "stand-in is not switched on for program demo: there is nothing to switch off");
    refused(&[&["on", "--program", "gone"][..], &hour].concat(), "there is no program `gone`; the configuration has demo");
    refused(
        &[&["on", "--program", "demo", "--platform", "visa"][..], &hour].concat(),
        "no platform `visa` calls for program `demo`; marqeta, apto, authorizations, payment_gateway, pre_auth, agent_spend does",
    );
    refused(&["on", "--program", "demo", "--until", "2026-03-14"], "2026-03-14T00:00:00.000000Z is past");
    refused(&["on", "--program", "demo", "--for", "0s"], "is past: stand-in would end before it begins");
    refused(&["on", "--program", "demo", "--for", "8d"], "more than 7 days away");
    bench.switch(&[&["on", "--program", "demo"][..], &hour].concat()).unwrap();
    refused(&[&["on", "--program", "demo"][..], &hour].concat(), "is switched on already for program demo, by ann since ");
    refused(&["off", "--program", "demo", "--platform", "apto"], "nothing to switch off; it is for program demo, until ");
    // Two at the same moment: one of them is done.
    bench.switch(&["off", "--program", "demo"]).unwrap();
    let both = std::thread::scope(|scope| {
        let turns = [(); 2].map(|()| scope.spawn(|| bench.switch(&["on", "--program", "demo", "--for", "1h"]).is_ok()));
        turns.map(|turn| turn.join().unwrap())
    });
    assert_eq!(both.iter().filter(|done| **done).count(), 1, "{both:?}");
    // While no server runs, the same is done on the file.
    let workplace = bench.stop();
    let data = workplace.data();
    let off = [&["stand-in", "off", "--program", "demo", "--data", data.to_str().unwrap()], &SIGNED[..]].concat();
    assert!(workplace.run(&off).status.success());
    assert_eq!(workplace.run(&off).status.code(), Some(1));
}

#[test]
fn the_management_api_switches_while_the_ledger_is_away_and_only_once_a_key() {
    let bench = Bench::new(ample_budget);
    bench.faulty.set(Fault::Unavailable);
    let mut office = BackOffice::demo(bench.app.api_listen);
    let until = "2999-01-01T00:00:00Z";
    let on = json!({"until": until, "reason": "drill"});
    assert_eq!(office.refused("/v1/stand-in/on", "far", &on), (409, "not_switched".to_owned()));
    let past = json!({"until": "2026-03-14T00:00:00Z", "reason": "drill"});
    assert_eq!(office.refused("/v1/stand-in/on", "past", &past), (409, "not_switched".to_owned()));
    let soon = holdfast::clock::utc().saturating_add(std::time::Duration::from_secs(3_600)).to_string();
    let on = json!({"until": soon, "reason": "drill"});
    let made = office.made("/v1/stand-in/on", "k-1", &on);
    assert_eq!((&made["on"], &made["why"]), (&json!(true), &json!("drill")), "{made}");
    assert_eq!(office.made("/v1/stand-in/on", "k-1", &on), made, "once");
    let other = json!({"until": soon, "reason": "another"});
    assert_eq!(office.refused("/v1/stand-in/on", "k-1", &other), (409, "idempotency_conflict".to_owned()));
    assert_eq!(office.refused("/v1/stand-in/on", "k-2", &other), (409, "not_switched".to_owned()));
    assert_eq!(office.found("/v1/stand-in")["switches"][0]["since"], made["since"]);
    let off = office.made("/v1/stand-in/off", "k-3", &json!({"reason": "done"}));
    assert_eq!((&off["on"], &off["off_why"]), (&json!(false), &json!("done")), "{off}");
    assert_eq!(office.found("/v1/stand-in")["switches"], json!([]));
    // Sent again after its end, it does not begin again.
    assert_eq!(office.made("/v1/stand-in/on", "k-1", &on)["on"], json!(false));
    bench.app.drain();
}

#[test]
fn responders_on_one_database_are_switched_together_and_each_alone_while_it_says_nothing() {
    let Some(postgres) = Postgres::start() else { return };
    let (one, other) = (bench_on(&postgres), bench_on(&postgres));
    let on = |bench: &Bench| bench.status()["stand_in"]["demo"]["switched"].as_array().unwrap().len();
    let until = |bench: &Bench, count: usize| {
        let began = holdfast::clock::instant();
        while on(bench) != count {
            assert!(began.elapsed().as_secs() < 20, "what another responder switched is not followed");
            std::thread::yield_now();
        }
    };
    let (switch_on, off) = (["on", "--program", "demo", "--for", "30m"], ["off", "--program", "demo"]);
    let said = one.switch(&switch_on).unwrap();
    assert!(said.ends_with("that is at every responder on this database, within two seconds\n"), "{said}");
    until(&other, 1);
    assert!(other.switch(&switch_on).unwrap_err().1.contains("is switched on already for program demo, by ann"));
    postgres.signal(Signal::STOP);
    let said = other.switch(&off).unwrap();
    assert!(said.contains("\nthat is here only, at the responder of this data directory"), "{said}");
    assert_eq!((on(&one), on(&other)), (1, 0), "what was last known stays");
    postgres.signal(Signal::CONT);
    let said = other.switch(&off).unwrap();
    assert!(said.contains("\nthat is at every responder"), "{said}");
    until(&one, 0);
    // Another process of one that was away meanwhile knows it, too.
    assert!(one.switch(&switch_on).is_ok());
    until(&other, 1);
    let other = Bench::on(other.stop(), Fault::None);
    assert_eq!(on(&other), 1);
    assert!(one.switch(&off).is_ok());
    until(&other, 0);
    one.app.drain();
    other.app.drain();
}

#[test]
fn what_was_switched_here_only_while_the_database_was_away_is_off_when_all_are_switched_off() {
    let Some(postgres) = Postgres::start() else { return };
    let (one, other) = (bench_on(&postgres), bench_on(&postgres));
    let on = |bench: &Bench| bench.status()["stand_in"]["demo"]["switched"].as_array().unwrap().len();
    let until = |bench: &Bench, count: usize| {
        let began = holdfast::clock::instant();
        while on(bench) != count {
            assert!(began.elapsed().as_secs() < 20, "{} are on and not {count}: {}", on(bench), bench.status());
            std::thread::yield_now();
        }
    };
    let (switch_on, off) = (["on", "--program", "demo", "--for", "30m"], ["off", "--program", "demo"]);
    // Said again once the database answers, where it was said, or at another responder.
    for again_at in [&one, &other] {
        postgres.signal(Signal::STOP);
        let said = one.switch(&switch_on).unwrap();
        assert!(said.contains("\nthat is here only"), "{said}");
        postgres.signal(Signal::CONT);
        let said = again_at.switch(&switch_on).unwrap();
        assert!(said.contains("\nthat is at every responder"), "{said}");
        until(&other, 1);
        let said = other.switch(&off).unwrap();
        assert!(said.contains("\nthat is at every responder"), "{said}");
        until(&one, 0);
        until(&other, 0);
    }
    // Where nothing is on for all, nobody else is told, and nobody is told that they are.
    postgres.signal(Signal::STOP);
    assert!(one.switch(&switch_on).is_ok() && other.switch(&switch_on).is_ok());
    postgres.signal(Signal::CONT);
    for (off_at, left) in [(&one, (0, 1)), (&other, (0, 0))] {
        let said = off_at.switch(&off).unwrap();
        assert!(said.contains("\nthat is here only"), "{said}");
        assert_eq!((on(&one), on(&other)), left);
    }
    assert!(one.switch(&off).is_err(), "nothing is on");
    one.app.drain();
    other.app.drain();
}
