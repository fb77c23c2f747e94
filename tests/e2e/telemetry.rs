//! Telemetry: exactly one line an authentic callback, which says what was answered byte for byte, and nothing that it must not say.

use std::sync::Barrier;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::http::Response;
use crate::support::{Apto, Client, Marqeta, Workplace};

/// The demo with telemetry.
fn watched() -> Workplace {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| format!("{text}\n[telemetry]\nfile = \"telemetry.jsonl\"\n"));
    workplace
}

fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

fn lines(workplace: &Workplace) -> Vec<Value> {
    let text = std::fs::read_to_string(workplace.data().join("telemetry.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_authentic_callback_leaves_one_line_with_the_digest_of_its_answer() {
    let workplace = watched();
    let server = workplace.serve();
    let mut client = server.client();
    let approved = Marqeta::purchase("1", "50.00");
    let declined = Marqeta::purchase("2", "5.00").mcc("7995");
    let webhook = json!({"cardtransitions": [{"token": "ct-1", "card_token": "card-demo-1", "user_token": "user-demo-1",
        "state": "SUSPENDED", "created_time": "2026-03-14T16:00:00Z"}]});
    let answers: Vec<(Response, Value)> = vec![
        (client.post("/marqeta/jit", &approved.body()), json!(["authorization", "approve", null, "ledger", null])),
        (client.post("/marqeta/jit", &approved.body()), json!(["authorization", "approve", null, "replay", null])),
        (
            client.post("/marqeta/jit", &declined.body()),
            json!(["authorization", "decline", "merchant_category_not_allowed", "rule", "no-gambling"]),
        ),
        (
            client.post("/marqeta/jit", &Marqeta { amount: "51.00".into(), ..approved.clone() }.body()),
            json!(["authorization", "decline", "conflicting_duplicate", "ledger", null]),
        ),
        (
            client.post("/apto/v3/authorize", &Apto::purchase("1", "-5.00").body()),
            json!(["authorization", "approve", null, "ledger", null]),
        ),
        (client.get("/apto/v3/balances?cardholder_id=crdhldr_demo_1"), json!(["balance_read", null, null, null, null])),
        (client.post("/marqeta/webhook", &webhook.to_string()), json!(["notification", null, null, null, null])),
        (client.post("/marqeta/jit", "{"), json!(["malformed", null, null, null, null])),
    ];
    let stranger = Client::connect_as(server.listen, None).post("/marqeta/jit", &approved.body());
    assert_eq!(stranger.status, 401, "and no line: whoever can reach the listener could wash out all the others");
    assert_eq!(server.metric("holdfast_telemetry_dropped_total", &[]), 0.0);
    assert!(server.terminate().success());

    let lines = lines(&workplace);
    assert_eq!(lines.len(), answers.len(), "{lines:#?}");
    for (line, (answer, expected)) in lines.iter().zip(&answers) {
        let what = ["kind", "decision", "reason", "basis", "because_of"].map(|key| line[key].clone());
        assert_eq!(&json!(what), expected, "{line} of {answer:?}");
        assert_eq!((&line["status"], &line["answer_sha256"]), (&json!(answer.status), &json!(sha256(&answer.body))), "{line}");
        let is_question = line["kind"] == "authorization";
        assert_eq!((line["slack_us"].as_i64().is_some(), line["key_sha256"].is_string()), (is_question, is_question), "{line}");
        let phases: u64 =
            ["verify_us", "decode_us", "rules_us", "ledger_us", "encode_us"].iter().map(|key| line[key].as_u64().unwrap()).sum();
        assert!(phases <= line["latency_us"].as_u64().unwrap() && line["received_at"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    assert_eq!(lines[0]["key_sha256"], sha256(&approved.jit_token()));
    assert_eq!(lines[0]["answer_sha256"], lines[1]["answer_sha256"], "a duplicate hears the same bytes");
}

#[test]
fn duplicates_in_flight_leave_a_line_each() {
    const CALLERS: usize = 12;
    let workplace = watched();
    let server = workplace.serve();
    let body = Marqeta::purchase("1", "3.00").body();
    let start = Barrier::new(CALLERS);
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let call = || {
            let mut client = server.client();
            start.wait();
            client.post("/marqeta/jit", &body)
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(call)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert!(server.terminate().success());
    let digests: Vec<_> = lines(&workplace).iter().map(|line| line["answer_sha256"].clone()).collect();
    assert_eq!(digests, vec![json!(sha256(&answers[0].body)); CALLERS]);
}

#[test]
fn no_line_has_a_token_a_name_a_secret_or_a_raw_key() {
    let workplace = watched();
    let server = workplace.serve();
    let request = Marqeta::purchase("1", "50.00");
    assert_eq!(server.client().post("/marqeta/jit", &request.body()).status, 200);
    assert_eq!(server.client().post("/apto/v3/authorize", &Apto::purchase("1", "-5.00").body()).status, 200);
    assert!(server.terminate().success());
    let text = std::fs::read_to_string(workplace.data().join("telemetry.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 2);
    let password = std::fs::read_to_string(workplace.path("config/demo/secrets/platform_password")).unwrap();
    for secret in [
        "card-demo",
        "crd_demo",
        "user-demo",
        "crdhldr",
        "CORNER",
        "mid-000123",
        "jit-1",
        "tx-1",
        "auth_1",
        "5411",
        password.trim(),
    ] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[test]
fn without_the_section_there_is_no_file() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    assert_eq!(server.client().post("/marqeta/jit", &Marqeta::purchase("1", "5.00").body()).status, 200);
    assert!(server.terminate().success());
    let names = std::fs::read_dir(workplace.data()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.contains("jsonl")));
}
