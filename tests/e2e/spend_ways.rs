//! A policy of several ways (`any_of`) on which something counts: which one a payment takes, what that leaves, and who has to look.

use std::time::Duration;

use serde_json::{Value, json};

use crate::spend::{Caller, id};
use crate::spend_reserved::Spending;
use crate::support::Workplace;
use crate::support::server::Server;

/// At the hardware store 50.00 in all, or what is sold at 5734 up to 100.00 in all, of which a person sees what is above 80.00.
fn policy() -> Value {
    let budget =
        |amount: i64| json!({"template": "budget", "parameters": {"amount": amount, "currency": "USD", "window": "lifetime"}});
    json!({"template": "any_of", "parameters": {"policies": [
        {"template": "all_of", "parameters": {"policies": [
            {"template": "merchant_lock", "parameters": {"merchants": ["Hardware Store"]}}, budget(5_000)]}},
        {"template": "all_of", "parameters": {"policies": [
            {"template": "mcc_allowlist", "parameters": {"mccs": ["5734"]}}, budget(10_000),
            {"template": "human_review", "parameters": {"amount": 8_000, "currency": "USD"}}]}},
    ]}})
}

fn spending(server: &Server, mode: &str) -> Spending {
    let (mut owner, processor) = (Caller::demo(server, "enterprise"), Caller::demo(server, "processor"));
    let new = json!({"agent_id": "ag_demo", "mode": mode, "policy": policy()});
    let authority = id(&owner.made("/v1/spending-authorities", &new));
    let new = json!({"spending_authority_id": authority, "issuing_platform": "MARQETA", "instrument_kind": "instrument",
        "instrument_id": format!("wallet-{mode}")});
    let binding = id(&owner.made("/v1/bindings", &new));
    Spending { owner, processor, authority, binding }
}

/// A payment at the hardware store, which sells software too; what is said, and its name.
fn pay(spending: &mut Spending, merchant: &str, amount: i64) -> (String, String) {
    let asked = json!({"binding_id": spending.binding, "issuing_platform": "MARQETA", "amount": amount, "currency": "USD",
        "merchant": merchant, "mcc": "5734"});
    let said = spending.processor.made("/v1/authorize", &asked);
    let text = |name: &str| said[name].as_str().unwrap().to_owned();
    (text("reason_code"), text("request_id"))
}

fn intend(spending: &mut Spending, merchant: &str, amount: i64) -> Value {
    let intent = json!({"spending_authority_id": spending.authority, "amount": amount, "currency": "USD", "mcc": "5734",
        "merchant": merchant});
    spending.owner.made("/v1/authorize-intent", &intent)
}

/// What an intent is, why, and what the limits of its way have left.
fn shown(intent: &Value) -> (&str, &str, Vec<(&str, i64)>) {
    let left = intent["remaining_limits"].as_array().unwrap().iter();
    let left = left.map(|limit| (limit["limit"].as_str().unwrap(), limit["amount"].as_i64().unwrap())).collect();
    (intent["status"].as_str().unwrap(), intent["reason_code"].as_str().unwrap(), left)
}

/// What is listed of decisions by now, the latest first: the way that each took, and what would have been said.
fn listed(spending: &mut Spending, count: usize) -> Vec<(Value, Value)> {
    let path = format!("/v1/authorizations?spending_authority_id={}", spending.authority);
    let began = holdfast::clock::instant();
    loop {
        let answer = spending.owner.get(&path).json();
        let items = answer["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
        if items.len() == count {
            return items.iter().map(|item| (item["policy_way"].clone(), item["would_have_declined_with"].clone())).collect();
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{path}: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const HARDWARE: &str = "Hardware Store";
const SOFTWARE: &str = "Software Store";
const FIRST: &str = "budget-way-1-lifetime";
const SECOND: &str = "budget-way-2-lifetime";

#[test]
fn a_payment_takes_the_first_way_that_has_room_and_counts_on_it_alone() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = spending(&server, "enforce");
    let said = |code: &str, said: (String, String)| {
        assert_eq!(said.0, code);
        said.1
    };
    assert_eq!(shown(&intend(&mut spending, HARDWARE, 4_000)), ("open", "POLICY_MATCH", vec![(FIRST, 5_000)]));
    assert_eq!(shown(&intend(&mut spending, HARDWARE, 6_000)), ("open", "POLICY_MATCH", vec![(SECOND, 10_000)]));
    let first = said("POLICY_MATCH", pay(&mut spending, HARDWARE, 4_000));
    said("POLICY_MATCH", pay(&mut spending, HARDWARE, 4_000));
    said("POLICY_MATCH", pay(&mut spending, SOFTWARE, 5_000));
    said("LIMIT_REACHED", pay(&mut spending, HARDWARE, 1_001));
    said("POLICY_MATCH", pay(&mut spending, HARDWARE, 1_000));
    said("POLICY_MATCH", pay(&mut spending, HARDWARE, 1_000));
    said("LIMIT_REACHED", pay(&mut spending, HARDWARE, 1));
    // What is reversed comes back where it was counted.
    let event = json!({"event_id": "r-1", "type": "reversal", "amount": 4_000, "currency": "USD"});
    spending.processor.made(&format!("/v1/authorizations/{first}/events"), &event);
    said("LIMIT_REACHED", pay(&mut spending, SOFTWARE, 1));
    assert_eq!(shown(&intend(&mut spending, HARDWARE, 4_000)), ("open", "POLICY_MATCH", vec![(FIRST, 4_000)]));
    said("POLICY_MATCH", pay(&mut spending, HARDWARE, 4_000));
    let ways: Vec<_> = listed(&mut spending, 9).into_iter().rev().map(|(way, _)| way).collect();
    assert_eq!(json!(ways), json!([1, 2, 2, null, 1, 2, null, null, 1]));
}

#[test]
fn a_person_is_asked_only_where_no_way_lets_it_pass_without_and_one_would_with() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = spending(&server, "enforce");
    assert_eq!(shown(&intend(&mut spending, SOFTWARE, 8_000)), ("open", "POLICY_MATCH", vec![(SECOND, 10_000)]));
    assert_eq!(shown(&intend(&mut spending, SOFTWARE, 8_001)), ("pending_review", "REVIEW_REQUIRED", vec![(SECOND, 10_000)]));
    assert_eq!(shown(&intend(&mut spending, SOFTWARE, 10_001)), ("not_eligible", "LIMIT_REACHED", vec![(SECOND, 10_000)]));
    // The first way is open to it and full, and a person may open the second.
    assert_eq!(shown(&intend(&mut spending, HARDWARE, 9_000)), ("pending_review", "REVIEW_REQUIRED", vec![(SECOND, 10_000)]));
    assert_eq!(pay(&mut spending, HARDWARE, 9_000).0, "LIMIT_REACHED");
    assert_eq!(pay(&mut spending, SOFTWARE, 9_000).0, "REVIEW_REQUIRED");
    let elsewhere = json!({"binding_id": spending.binding, "issuing_platform": "MARQETA", "amount": 100, "currency": "USD",
        "merchant": "Bakery", "mcc": "5462"});
    assert_eq!(spending.processor.made("/v1/authorize", &elsewhere)["reason_code"], "POLICY_VIOLATION");
}

#[test]
fn in_observe_what_would_have_let_it_pass_counts_and_survives_a_restart() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = spending(&server, "observe");
    for amount in [5_000, 6_000, 5_000] {
        assert_eq!(pay(&mut spending, HARDWARE, amount).0, "OBSERVE_ONLY");
    }
    let first = listed(&mut spending, 3);
    let (none, full) = (Value::Null, json!("LIMIT_REACHED"));
    assert_eq!(first, [(json!(1), full), (json!(2), none.clone()), (json!(1), none)]);
    assert!(server.terminate().success());
    // What was chosen then is chosen again.
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{replay:?}");
    let server = workplace.serve();
    spending = Spending { owner: spending.owner.again(&server), processor: spending.processor.again(&server), ..spending };
    assert_eq!(pay(&mut spending, SOFTWARE, 4_000).0, "OBSERVE_ONLY");
    assert_eq!(listed(&mut spending, 4)[0], (json!(2), Value::Null), "60.00 of 100.00 were counted there");
}

#[test]
fn too_many_ways_are_refused_where_they_stand() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    let ways: Vec<_> =
        (1..=9).map(|amount| json!({"template": "human_review", "parameters": {"amount": amount, "currency": "USD"}})).collect();
    let new = json!({"policy": {"template": "any_of", "parameters": {"policies": ways}}});
    let answer = owner.post("/v1/policies", &new);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.json()["errors"][0]["path"], "policy.parameters.policies", "{answer:?}");
}
