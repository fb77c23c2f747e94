//! What a line says, that the queue and the file have their bounds, and what a crash leaves.

use std::fs;

use holdfast_core::{Basis, Timestamp};
use holdfast_core::{Currency, Decision, DeclineReason, IdempotencyKey, Money, PlatformName, ProgramId, RuleId, StandInCause};
use serde_json::{Value, json};

use super::*;
use crate::metrics::Phases;

fn record() -> Record {
    let us = Duration::from_micros;
    Record {
        received_at: Timestamp::from_unix_micros(1_773_500_966_535_897),
        program: ProgramId::new("demo").unwrap(),
        platform: PlatformName::new("marqeta").unwrap(),
        kind: Kind::Authorization,
        key: Some(IdempotencyKey::new("abc").unwrap()),
        said: Some(Said::of(200, b"")),
        decided: Some((Decision::Approve { amount: Money::from_decimal("1", Currency::USD).unwrap() }, Basis::Ledger)),
        latency: us(812),
        phases: Phases { verify: us(1), decode: us(2), rules: us(3), ledger: Duration::from_nanos(4999), encode: us(5) },
        slack_us: Some(-7),
    }
}

fn metrics() -> Arc<Metrics> {
    Metrics::new(&[]).unwrap()
}

fn line(record: &Record) -> Value {
    let mut lines = Vec::new();
    record.write_line(&mut lines);
    assert_eq!((lines.last(), lines.iter().filter(|byte| **byte == b'\n').count()), (Some(&b'\n'), 1));
    serde_json::from_slice(&lines).unwrap()
}

/// The value of the counter of dropped records.
fn dropped(metrics: &Metrics) -> String {
    let page = metrics.render();
    page.lines().find_map(|line| line.strip_prefix("holdfast_telemetry_dropped_total ")).unwrap().to_owned()
}

#[test]
fn a_line_says_what_was_answered_why_and_how_long_it_took() {
    // The digests are those that `printf abc | sha256sum` and `printf '' | sha256sum` print.
    assert_eq!(
        line(&record()),
        json!({
            "received_at": "2026-03-14T15:09:26.535897Z", "program": "demo", "platform": "marqeta", "kind": "authorization",
            "key_sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "status": 200, "answer_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "decision": "approve", "basis": "ledger", "latency_us": 812, "verify_us": 1, "decode_us": 2, "rules_us": 3,
            "ledger_us": 4, "encode_us": 5, "slack_us": -7
        })
    );
    let declined = |reason, basis| line(&Record { decided: Some((Decision::Decline { reason }, basis)), ..record() });
    let by_rule = declined(DeclineReason::MerchantCategoryNotAllowed, Basis::Rule(RuleId::new("no-gambling").unwrap()));
    assert_eq!(
        (&by_rule["decision"], &by_rule["reason"], &by_rule["basis"], &by_rule["because_of"]),
        (&json!("decline"), &json!("merchant_category_not_allowed"), &json!("rule"), &json!("no-gambling"))
    );
    let stand_in = declined(DeclineReason::InsufficientFunds, Basis::StandIn(StandInCause::Overloaded));
    assert_eq!((&stand_in["basis"], &stand_in["because_of"]), (&json!("stand_in"), &json!("overloaded")));

    let bare = Record { kind: Kind::Malformed, key: None, said: None, decided: None, slack_us: None, ..record() };
    let keys: Vec<_> = line(&bare).as_object().unwrap().keys().cloned().collect();
    let always = ["decode_us", "encode_us", "kind", "latency_us", "ledger_us", "platform", "program", "received_at", "rules_us"];
    assert_eq!(keys, [&always[..], &["verify_us"]].concat());
}

#[test]
fn a_full_queue_drops_and_counts() {
    let metrics = metrics();
    let (telemetry, waiting) = Telemetry::with_room_for(2, Arc::clone(&metrics));
    for _ in 0..5 {
        telemetry.leave(record());
    }
    assert_eq!((waiting.try_iter().count(), dropped(&metrics)), (2, "3".to_owned()));
}

#[test]
fn everything_that_was_left_is_written_before_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("telemetry.jsonl");
    let metrics = metrics();
    let (telemetry, writing) = start(&path, 1 << 20, Arc::clone(&metrics), |problem| panic!("{problem}")).unwrap();
    for _ in 0..1000 {
        telemetry.leave(record());
    }
    drop(telemetry);
    writing.finish();
    assert_eq!((fs::read_to_string(&path).unwrap().lines().count(), dropped(&metrics)), (1000, "0".to_owned()));
}

#[test]
fn a_file_that_cannot_be_written_is_told_once_and_its_records_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    // Full at once, and what it is to become is a directory with something in it.
    let path = directory.path().join("telemetry.jsonl");
    fs::write(&path, "{}\n").unwrap();
    fs::create_dir_all(directory.path().join("telemetry.jsonl.1/full")).unwrap();
    let metrics = metrics();
    let (telemetry, waiting) = Telemetry::with_room_for(400, Arc::clone(&metrics));
    // More than fit one batch.
    for _ in 0..400 {
        telemetry.leave(record());
    }
    drop(telemetry);
    let told = std::cell::RefCell::new(Vec::new());
    let file = BoundedFile::open(&path, 1).unwrap();
    write_all(&waiting, file, &metrics, |problem| told.borrow_mut().push(problem.to_owned()));
    let told = told.into_inner();
    assert_eq!((told.len(), dropped(&metrics)), (1, "400".to_owned()), "{told:?}");
    assert!(told[0].starts_with("telemetry is dropped: ") && told[0].contains("telemetry.jsonl cannot be written: "), "{told:?}");
}

#[test]
fn a_file_keeps_its_bound_and_one_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let (path, before) = (directory.path().join("t.jsonl"), directory.path().join("t.jsonl.1"));
    let mut file = BoundedFile::open(&path, 10).unwrap();
    let mut states = Vec::new();
    for lines in ["aaaa\n", "bbbb\n", "cccc\n", "longer than ten\n", "dddd\n"] {
        file.append(lines.as_bytes()).unwrap();
        states.push((fs::read_to_string(&before).unwrap_or_default(), fs::read_to_string(&path).unwrap()));
    }
    let states: Vec<_> = states.iter().map(|(before, now)| (before.as_str(), now.as_str())).collect();
    assert_eq!(
        states,
        [
            ("", "aaaa\n"),
            ("", "aaaa\nbbbb\n"),
            ("aaaa\nbbbb\n", "cccc\n"),
            ("cccc\n", "longer than ten\n"),
            ("longer than ten\n", "dddd\n")
        ]
    );
    // The size is known again after a restart.
    let mut file = BoundedFile::open(&path, 10).unwrap();
    file.append(b"eeee\n").unwrap();
    file.append(b"f\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "f\n");
}

#[test]
fn half_a_line_that_a_crash_left_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.jsonl");
    for (left, kept) in [("{}\n{\"half", "{}\n"), ("{\"half", ""), ("{}\n", "{}\n"), ("", "")] {
        fs::write(&path, left).unwrap();
        BoundedFile::open(&path, 100).unwrap().append(b"[]\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{kept}[]\n"), "{left:?}");
    }
}
