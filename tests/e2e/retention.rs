//! The journal's oldest records go, beside a running server and without one, and nobody notices.

use std::path::Path;
use std::process::Output;

use holdfast::journal::{GroupWriter, Journal, Log as _, Reader, Sync};
use holdfast_core::Timestamp;
use serde_json::Value;

use crate::support::callbacks::transactions;
use crate::support::{Marqeta, Workplace, server};

const HOUR_SECONDS: u64 = 3_600;

fn ask(workplace: &Workplace, arguments: &[&str]) -> Output {
    let data = workplace.data();
    workplace.run(&[arguments, &["--data", data.to_str().unwrap()]].concat())
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&text(output)).unwrap()
}

/// The same journal, each record written so many hours earlier.
fn aged(data: &Path, hours: impl Fn(i64) -> u64) {
    let young = data.with_extension("young");
    std::fs::rename(data, &young).unwrap();
    let reader = Reader::open(&young).unwrap();
    let mut journal = Journal::open(data, Sync::Full).unwrap();
    for ruleset in reader.rulesets().unwrap() {
        journal.keep_ruleset(ruleset);
    }
    let mut older = |numbered: holdfast::journal::Numbered<'_>| {
        let (mut record, at): (_, Timestamp) = (numbered.record.clone(), numbered.record.at);
        record.at = at.saturating_sub(std::time::Duration::from_secs(hours(numbered.number) * HOUR_SECONDS));
        let mut group = GroupWriter::default();
        group.push(&record.as_written()).unwrap();
        journal.append(group.records(), group.bytes())
    };
    reader.records(i64::MAX, &mut |_, _, _| {}, &mut older).unwrap();
}

/// A server which keeps so many days, and whose accounts came as many days ago and some hours.
fn workplace_that_keeps(days: u32) -> Workplace {
    let workplace = Workplace::demo();
    assert!(workplace.serve().terminate().success());
    aged(&workplace.data(), |_| u64::from(days) * 24 + 6);
    workplace.edit("holdfast.toml", |text| text.replacen("\nrules = ", &format!("\njournal_keep_days = {days}\nrules = "), 1));
    workplace
}

#[test]
fn a_running_server_drops_its_oldest_records_and_starts_again_without_them() {
    let workplace = workplace_that_keeps(36);
    let server = workplace.serve();
    let mut client = server.client();
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("before", "40.00").body()).status, 200);
    let before = json(&ask(&workplace, &["journal", "verify", "--json"]));
    let old = before["last"].as_i64().unwrap() - 1;

    let planned = json(&ask(&workplace, &["journal", "trim", "--dry-run", "--json"]));
    assert_eq!((planned["dropped"].as_i64(), planned["first"].as_i64()), (Some(old), Some(old + 1)), "{planned}");
    assert_eq!(planned["because"], "program demo keeps its records for 36 days");
    assert_eq!(json(&ask(&workplace, &["journal", "verify", "--json"])), before, "nothing was done");

    let done = json(&ask(&workplace, &["journal", "trim", "--json"]));
    assert_eq!(
        (&done["dropped"], &done["first"], &done["records"]),
        (&planned["dropped"], &planned["first"], &2.into()),
        "{done}"
    );
    let proven = json(&ask(&workplace, &["journal", "verify", "--json"]));
    assert_eq!((&proven["first"], &proven["checkpoint"]), (&done["first"], &done["checkpoint"]));
    assert!(workplace.data().join(done["checkpoint"]["file"].as_str().unwrap()).exists());
    assert!(text(&ask(&workplace, &["journal", "trim"])).starts_with("dropped      nothing\n"));

    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("after", "2.00").body()).status, 200);
    let balance = server::balance(&workplace, "acct-demo-1");
    let replayed = json(&ask(&workplace, &["replay", "--json"]));
    assert_eq!((&replayed["decided"], &replayed["differing"]), (&2.into(), &0.into()), "{replayed}");
    assert!(text(&ask(&workplace, &["explain", "jit-before"])).contains("Answered: approved for 40.00 USD"));
    let nobody = ask(&workplace, &["explain", "nobody"]);
    let told = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(told.contains(&format!("the journal begins with record {}", old + 1)), "{told}");
    let (day, old_day) = ("2099-01-01", "2020-01-01");
    assert_eq!(
        json(&ask(&workplace, &["settlement", "--program", "demo", "--day", day, "--json"]))["due"],
        serde_json::json!([])
    );
    let refused = ask(&workplace, &["settlement", "--program", "demo", "--day", old_day]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("--day: 2020-01-01 is not whole"), "{told}");
    server.kill();

    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(workplace.data().join(format!("projection.sqlite{suffix}")));
    }
    let server = workplace.serve();
    assert_eq!(server::balance(&workplace, "acct-demo-1"), balance, "also without the projection");
    let mut client = server.client();
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("before", "40.00").body()).status, 200, "a retry");
    assert_eq!(server::balance(&workplace, "acct-demo-1"), balance);
    assert!(server.terminate().success());
}

/// What the hold list calls a payment may stand in no record that is left.
#[test]
fn a_payment_is_explained_by_a_name_that_only_dropped_records_have() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let purchase = Marqeta::purchase("old", "40.00");
    assert_eq!(client.post("/marqeta/jit", &purchase.body()).status, 200);
    let follower = |kind: &str, method: &str| purchase.follower(kind, "COMPLETION", method, "40.00");
    let clearing = follower("authorization.clearing", "pgfs.authorization.capture");
    assert_eq!(client.post("/marqeta/webhook", &transactions(std::slice::from_ref(&clearing))).status, 200);
    assert!(server.terminate().success());
    aged(&workplace.data(), |_| 40 * 24);
    workplace.edit("holdfast.toml", |text| text.replacen("\nrules = ", "\njournal_keep_days = 36\nrules = ", 1));
    let server = workplace.serve();
    text(&ask(&workplace, &["journal", "trim"]));
    // Of the payment it names the clearing alone.
    let mut refund = follower("refund", "pgfs.refund");
    refund["preceding_related_transaction_token"] = clearing["token"].clone();
    refund["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("original_jit_funding_token");
    assert_eq!(server.client().post("/marqeta/webhook", &transactions(&[refund])).status, 200);
    let told = text(&ask(&workplace, &["explain", "jit-old"]));
    assert!(told.contains("40.00 USD") && told.contains("refund"), "{told}");
    assert!(server.terminate().success());
}

#[test]
fn a_closed_directory_is_trimmed_and_does_not_start_without_its_state() {
    let workplace = workplace_that_keeps(39);
    let done = text(&ask(&workplace, &["journal", "trim"]));
    assert!(done.contains("checkpoint   at record ") && done.contains("because      that is the journal's end"), "{done}");
    let backup = workplace.path("trimmed.backup");
    assert!(text(&ask(&workplace, &["backup", backup.to_str().unwrap()])).contains("checkpoint   at record "));
    let proven = json(&ask(&workplace, &["journal", "verify", "--json"]));
    let state = workplace.data().join(proven["checkpoint"]["file"].as_str().unwrap());
    std::fs::rename(&state, workplace.path("hidden")).unwrap();
    let refused = ask(&workplace, &[&["serve"], &server::FREE_PORTS[..]].concat());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("is not there, and stands for everything before record"), "{told}");

    std::fs::rename(workplace.data(), workplace.path("lost")).unwrap();
    let (from, data) = (backup.to_str().unwrap(), workplace.data());
    let restore = ["restore", from, "--json", "--data", data.to_str().unwrap()];
    let restored = std::process::Command::new(server::HOLDFAST).args(restore).output().unwrap();
    assert_eq!(json(&restored)["checkpoint"], proven["checkpoint"]);
    let server = workplace.serve();
    assert_eq!(server.client().post("/marqeta/jit", &Marqeta::purchase("one", "1.00").body()).status, 200);
    assert!(server.terminate().success());
}

#[test]
fn what_is_shorter_than_keys_and_holds_need_is_refused() {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| text.replacen("\nrules = ", "\njournal_keep_days = 30\nrules = ", 1));
    let refused = workplace.run(&["check"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("journal_keep_days: must be at least 36: holds wait 35 days"), "{told}");
}

#[test]
fn a_server_drops_by_itself_what_could_have_gone_a_day_ago() {
    let workplace = Workplace::demo();
    assert!(workplace.serve().terminate().success());
    aged(&workplace.data(), |record| if record < 4 { 80 * 24 } else { 60 * 24 });
    workplace.edit("holdfast.toml", |text| text.replacen("\nrules = ", "\njournal_keep_days = 70\nrules = ", 1));
    let server = workplace.serve();
    // What the journal keeps is shown once the trim is over.
    let days = |server: &server::Server| server.metric("holdfast_journal_oldest_seconds", &[]) / (24.0 * HOUR_SECONDS as f64);
    let mut looks = 0;
    while !(59.0..61.0).contains(&days(&server)) {
        looks += 1;
        assert!(looks < 50_000, "nothing is dropped");
    }
    assert_eq!(json(&ask(&workplace, &["journal", "verify", "--json"]))["first"], 4);
    assert!(server.metric("holdfast_journal_kept_records", &[]) >= 1.0);
    assert!(server.metric("holdfast_journal_kept_bytes", &[]) > 0.0);
    assert!(server.terminate().success());
}

#[test]
fn a_server_that_is_killed_while_it_drops_starts_again_as_it_was() {
    let workplace = workplace_that_keeps(36);
    let server = workplace.serve();
    assert_eq!(server.client().post("/marqeta/jit", &Marqeta::purchase("one", "40.00").body()).status, 200);
    assert!(server.terminate().success());
    let first = json(&ask(&workplace, &["journal", "trim", "--dry-run", "--json"]))["first"].as_i64().unwrap();
    let untouched = workplace.path("untouched");
    std::fs::rename(workplace.data(), &untouched).unwrap();
    let state = format!("checkpoint-{first}.sqlite");
    for seen in ["checkpoint.part", &state, "projection.sqlite"] {
        let _ = std::fs::remove_dir_all(workplace.data());
        let mut restore = std::process::Command::new(server::HOLDFAST);
        restore.arg("restore").arg(&untouched).arg("--data").arg(workplace.data());
        assert!(restore.output().unwrap().status.success());
        let server = workplace.serve();
        let mut trim = std::process::Command::new(server::HOLDFAST);
        trim.args(["journal", "trim", "--data"]).arg(workplace.data()).stderr(std::process::Stdio::null());
        let mut trim = trim.stdout(std::process::Stdio::null()).spawn().unwrap();
        while !workplace.data().join(seen).exists() && trim.try_wait().unwrap().is_none() {}
        server.kill();
        trim.wait().unwrap();
        assert!(text(&ask(&workplace, &["journal", "verify"])).contains("head number"), "{seen}");
        let server = workplace.serve();
        assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 4_000, 96_000), "{seen}");
        assert!(text(&ask(&workplace, &["journal", "trim", "--json"])).contains("because"), "{seen}");
        assert_eq!(json(&ask(&workplace, &["journal", "verify", "--json"]))["first"], first, "{seen}");
        assert_eq!(json(&ask(&workplace, &["replay", "--json"]))["differing"], 0, "{seen}");
        assert!(server.terminate().success());
    }
}
