//! Agent spend on the shared ledger: what is changed at one responder decides at every other one.

use serde_json::{Value, json};

use crate::faults::Fault;
use crate::shared::{bench_on, workplace_on};
use crate::spend::{Caller, code, modelled};
use crate::spend_reserved::Spending;
use crate::stand_in::ALL;
use crate::support::postgres::Postgres;

/// Asks again and again, each time for a new payment, until the answer has that reason. What is declined moves nothing.
fn until(processor: &mut Caller, binding: &str, reason: &str) -> Value {
    let question = json!({"binding_id": binding, "issuing_platform": "MARQETA", "amount": 1_000, "currency": "USD"});
    loop {
        let answer = processor.made("/v1/authorize", &question);
        if answer["reason_code"] == json!(reason) {
            return answer;
        }
        std::thread::yield_now();
    }
}

#[test]
fn what_one_responder_is_told_every_other_one_decides_by() {
    let Some(postgres) = Postgres::start() else { return };
    let (here, there) = (workplace_on(&postgres), workplace_on(&postgres));
    let (one, other) = (here.serve(), there.serve());
    let (mut owner, mut processor) = (Caller::demo(&one, "enterprise"), Caller::demo(&other, "processor"));
    let [_, authority, policy, binding] = modelled("ent_demo", &mut owner, "card-demo-1");

    let approved = until(&mut processor, &binding, "POLICY_MATCH");
    assert_eq!((&approved["decision"], &approved["policy_id"]), (&json!("APPROVE"), &json!(policy)));
    let path = format!("/v1/spending-authorities/{authority}");
    let suspended = owner.ask("PATCH", &path, &[], &json!({"version": 1, "status": "suspended"}));
    assert_eq!(suspended.status, 200, "{suspended:?}");
    let declined = until(&mut processor, &binding, "AUTHORITY_SUSPENDED");
    assert_eq!(declined["decision"], json!("DECLINE"));

    // A version that was read at one is old at the other.
    let mut elsewhere = Caller::demo(&other, "enterprise");
    let old = elsewhere.ask("PATCH", &path, &[], &json!({"version": 1, "status": "active"}));
    assert_eq!(code(&old), (409, "version_conflict".to_owned()));
    let key = [("Idempotency-Key", "reader")];
    let made = owner.ask("POST", "/v1/credentials", &key, &json!({"scopes": ["read"]})).json();
    let again = elsewhere.ask("POST", "/v1/credentials", &key, &json!({"scopes": ["read"]})).json();
    assert_eq!(again["id"], made["id"], "a key makes it once, wherever it is sent");
    let mut reader = Caller::new(&other, made["api_key"].as_str().unwrap(), made["shared_secret"].as_str().unwrap());
    while reader.get("/v1/bindings").status != 200 {
        std::thread::yield_now();
    }
    owner.made(&format!("/v1/credentials/{}/revoke", made["id"].as_str().unwrap()), &json!({}));
    while reader.get("/v1/bindings").status == 200 {
        std::thread::yield_now();
    }
    assert_eq!(code(&reader.get("/v1/bindings")), (401, "key_unknown".to_owned()));

    // A retry at another responder hears the same words, once that has seen the record.
    let again = json!({"binding_id": binding, "issuing_platform": "MARQETA", "amount": 1_000, "currency": "USD"});
    let key = [("Idempotency-Key", "a question of its own")];
    let said = processor.ask("POST", "/v1/authorize", &key, &again);
    let request = said.json()["request_id"].as_str().unwrap().to_owned();
    let mut there_too = Caller::demo(&one, "processor");
    while there_too.get(&format!("/v1/authorizations/{request}")).status != 200 {
        std::thread::yield_now();
    }
    assert_eq!(owner.ask("PATCH", &path, &[], &json!({"version": 2, "status": "active"})).status, 200);
    assert_eq!(there_too.ask("POST", "/v1/authorize", &key, &again).body, said.body);
    for caller in [&mut owner, &mut elsewhere] {
        // Each responder has a table of its own, a moment later.
        while caller.get(&format!("/v1/authorizations/{request}")).status != 200 {
            std::thread::yield_now();
        }
        let listed = caller.get("/v1/authorizations").json()["items"].as_array().unwrap().clone();
        assert!(
            listed.iter().any(|line| line["request_id"] == json!(request) && line["reason_code"] == json!("AUTHORITY_SUSPENDED"))
        );
        // The month has what was decided, wherever.
        let counts = |sums: &Value| (sums["authorizations"].clone(), sums["approved"].clone());
        let (usage, metrics) = (caller.get("/v1/usage").json(), caller.get("/v1/metrics").json());
        let months = usage["items"].as_array().unwrap();
        assert_eq!((months.len(), counts(&months[0])), (1, counts(&metrics)), "{usage} {metrics}");
        assert!(metrics["approved"].as_i64() >= Some(1) && metrics["declined"].as_i64() >= Some(1), "{metrics}");
    }
    assert_eq!(owner.ask("PATCH", &path, &[], &json!({"version": 3, "status": "suspended"})).status, 200);
    assert_eq!(until(&mut processor, &binding, "AUTHORITY_SUSPENDED")["decision"], json!("DECLINE"));

    // A responder that starts later has all of it.
    assert!(other.terminate().success());
    let other = there.serve();
    let mut processor = Caller::demo(&other, "processor");
    let question = json!({"binding_id": binding, "issuing_platform": "MARQETA", "amount": 1_000, "currency": "USD"});
    assert_eq!(processor.made("/v1/authorize", &question)["reason_code"], json!("AUTHORITY_SUSPENDED"));
    assert!(!there.data().join("agents.sqlite").exists());
}

#[test]
fn what_is_reserved_at_one_responder_is_its_payments_at_every_other_one() {
    let Some(postgres) = Postgres::start() else { return };
    let (here, there) = (workplace_on(&postgres), workplace_on(&postgres));
    let (one, other) = (here.serve(), there.serve());
    let mut spending = Spending::new(&one, "enforce");
    let kept = spending.intend(6_000, true);
    assert_eq!((&kept["eligible"], &kept["reserved"]), (&json!(true), &json!(true)), "{kept}");
    spending.processor = Caller::demo(&other, "processor");
    let mut heard = |amount: i64, intent: Option<&Value>| loop {
        let reason = spending.reason(amount, intent);
        // What was made at the other one is known here within a second.
        if reason != "BINDING_NOT_FOUND" && reason != "INTENT_NOT_FOUND" {
            break reason;
        }
        std::thread::yield_now();
    };
    assert_eq!(heard(4_001, None), "LIMIT_REACHED");
    assert_eq!(heard(6_000, Some(&kept)), "POLICY_MATCH");
    assert_eq!(heard(6_000, Some(&kept)), "INTENT_USED");
    assert_eq!(heard(4_000, None), "POLICY_MATCH");
    assert_eq!(heard(1, None), "LIMIT_REACHED");
}

#[test]
fn what_stand_in_answered_is_listed_and_repeated_in_its_words_at_every_responder() {
    let Some(postgres) = Postgres::start() else { return };
    let bench = bench_on(&postgres);
    assert!(bench.publish_table(ALL).status.success());
    let here = bench.client().address();
    let (mut owner, mut processor) = (Caller::demo_at(here, "enterprise"), Caller::demo_at(here, "processor"));
    let policy = json!({"template": "max_amount", "parameters": {"amount": 10_000, "currency": "USD"}});
    let authority = owner.made("/v1/spending-authorities", &json!({"agent_id": "ag_demo", "mode": "enforce", "policy": policy}));
    let instrument = json!({"spending_authority_id": authority["id"], "issuing_platform": "MARQETA",
        "instrument_kind": "instrument", "instrument_id": "wallet"});
    let binding = owner.made("/v1/bindings", &instrument)["id"].clone();
    let question = json!({"binding_id": binding, "issuing_platform": "MARQETA", "amount": 1_000, "currency": "USD"});
    until(&mut processor, binding.as_str().unwrap(), "POLICY_MATCH");

    bench.faulty.set(Fault::Unavailable);
    // Where the budget is remembered stand-in knows once this responder has seen it.
    let (key, said) = (0..)
        .map(|number| {
            let key = format!("while it is away {number}");
            let said = processor.ask("POST", "/v1/authorize", &[("Idempotency-Key", &key)], &question).json();
            (key, said)
        })
        .find(|(_, said)| said["decision"] == json!("APPROVE"))
        .unwrap();
    let key = [("Idempotency-Key", key.as_str())];
    assert_eq!((&said["reason_code"], &said["stand_in"]), (&json!("STAND_IN"), &json!("ledger_unavailable")), "{said}");
    bench.faulty.set(Fault::None);
    bench.until_heard();

    let there = workplace_on(&postgres);
    let other = there.serve();
    let mut elsewhere = Caller::demo(&other, "processor");
    let path = format!("/v1/authorizations/{}", said["request_id"].as_str().unwrap());
    for caller in [&mut owner, &mut processor, &mut elsewhere] {
        while caller.get(&path).status != 200 {
            std::thread::yield_now();
        }
        let listed = caller.get(&path).json();
        assert_eq!((&listed["reason_code"], &listed["latency_micros"]), (&json!("STAND_IN"), &Value::Null), "{listed}");
        assert_eq!(caller.get("/v1/metrics").json()["approved"], json!(2));
    }
    let again = elsewhere.ask("POST", "/v1/authorize", &key, &question).json();
    let words =
        |said: &Value| ["decision", "reason_code", "request_id", "policy_id", "binding_id"].map(|name| said[name].clone());
    assert_eq!(words(&again), words(&said));
    bench.app.drain();
}

#[test]
fn a_name_that_no_database_takes_is_nobodys() {
    let Some(postgres) = Postgres::start() else { return };
    let workplace = workplace_on(&postgres);
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    for path in ["policies", "agents", "intents", "authorizations", "credentials", "spending-authorities", "bindings"] {
        let read = owner.get(&format!("/v1/{path}/%00"));
        assert_eq!(read.status, 404, "{path}: {read:?}");
    }
    for query in ["intents?spending_authority_id", "bindings?spending_authority_id", "authorizations?binding_id"] {
        let read = owner.get(&format!("/v1/{query}=%00"));
        assert_eq!(read.status, 400, "{query}: {read:?}");
    }
    let instrument = json!({"issuing_platform": "MARQETA", "instrument_id": "card-demo-1", "spending_authority_id": "\u{0}"});
    for (path, body) in [
        ("authorize-intent", json!({"spending_authority_id": "\u{0}", "amount": 100, "currency": "USD"})),
        (
            "authorize-intent",
            json!({"spending_authority_id": "sa_demo", "binding_id": "\u{0}", "amount": 100, "currency": "USD"}),
        ),
        ("spending-authorities", json!({"agent_id": "\u{0}", "mode": "enforce"})),
        ("spending-authorities", json!({"agent_id": "ag_demo", "mode": "enforce", "policy_id": "\u{0}"})),
        ("bindings", instrument),
    ] {
        let refused = owner.post(&format!("/v1/{path}"), &body);
        assert_eq!(refused.status, 400, "{path} {body}: {refused:?}");
    }
}
