//! What is asked once counts once: one key, one intent; two reviewers; a key that came before with another question; events that say
//! something else; and money that is elsewhere is in nobody's books.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::spend::{Caller, code, enterprise, id, modelled};
use crate::spend_reserved::Spending;
use crate::support::server::Server;
use crate::support::{Client, Workplace};

/// A member with a role, by an address.
fn member(server: &Server, owner: &mut Caller, email: &str, role: &str) -> Caller {
    let invited = owner.made("/v1/members", &json!({"email": email, "role": role}));
    let body = json!({"token": invited["invitation"]}).to_string();
    let accept = [("Content-Type", "application/json")];
    let accepted = Client::connect_as(server.listen, None).ask("POST", "/v1/invitations/accept", &accept, &body).json();
    Caller::new(server, accepted["api_key"].as_str().unwrap(), accepted["shared_secret"].as_str().unwrap())
}

/// The same call by several at once; what each hears.
fn at_once<T: Send>(callers: &mut [Caller], call: impl Fn(&mut Caller) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(callers.len());
    std::thread::scope(|scope| {
        let calls: Vec<_> = callers
            .iter_mut()
            .map(|caller| {
                scope.spawn(|| {
                    barrier.wait();
                    call(caller)
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

#[test]
fn one_key_reserves_once_however_many_send_it_at_once() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let intent = json!({"spending_authority_id": spending.authority, "amount": 2_000, "currency": "USD", "reserve": true});
    let mut callers: Vec<_> = (0..8).map(|_| Caller::demo(&server, "enterprise")).collect();
    let answers = at_once(&mut callers, |caller| {
        caller.ask("POST", "/v1/authorize-intent", &[("Idempotency-Key", "one-key")], &intent).json()
    });
    for answer in &answers {
        assert_eq!((&answer["intent_reference"], &answer["reserved"]), (&answers[0]["intent_reference"], &json!(true)));
    }
    assert_eq!(spending.intend(1, false)["remaining_limits"][0]["amount"], json!(8_000), "one of eight reserved");
}

#[test]
fn what_one_reviewer_keeps_another_one_who_was_late_does_not_give_back() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (organization, mut owner) = enterprise(&workplace, &server, "ada@example.com");
    let [_, authority, ..] = modelled(&organization, &mut owner, "card-demo-1");
    let mut reviewers: Vec<_> =
        (0..2).map(|number| member(&server, &mut owner, &format!("reviewer-{number}@example.com"), "reviewer")).collect();
    let ask = |owner: &mut Caller, amount: i64, reserve: bool| {
        let intent = json!({"spending_authority_id": authority, "amount": amount, "currency": "USD", "reserve": reserve});
        owner.made("/v1/authorize-intent", &intent)
    };
    for round in 1..=4 {
        let waits = ask(&mut owner, 6_000, true);
        let path = format!("/v1/intents/{}/approve", waits["intent_reference"].as_str().unwrap());
        let mut heard = at_once(&mut reviewers, |reviewer| reviewer.post(&path, &json!({})).status);
        heard.sort_unstable();
        assert_eq!(heard, [200, 409]);
        let left = ask(&mut owner, 1, false)["remaining_limits"][0]["amount"].clone();
        assert_eq!(left, json!(30_000 - 6_000 * round), "round {round}");
    }
}

/// What is listed of a decision, once the list has it.
fn listed(caller: &mut Caller, request: &Value) -> Value {
    let path = format!("/v1/authorizations/{}", request.as_str().unwrap());
    loop {
        let found = caller.get(&path);
        if found.status == 200 {
            return found.json();
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_key_belongs_to_what_was_asked_first() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let (one, other) = (spending.intend(500, false), spending.intend(500, false));
    let mut asked = json!({"binding_id": spending.binding, "issuing_platform": "MARQETA", "amount": 400, "currency": "USD",
        "intent_reference": one["intent_reference"]});
    let ask = |processor: &mut Caller, asked: &Value| {
        let answer = processor.ask("POST", "/v1/authorize", &[("Idempotency-Key", "key-1")], asked);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let first = ask(&mut spending.processor, &asked);
    assert_eq!(first["reason_code"], json!("POLICY_MATCH"));
    let same = asked.clone();
    let mut refused = Vec::new();
    for (field, value) in [("intent_reference", other["intent_reference"].clone()), ("amount", json!(401)), ("merchant", json!("M"))] {
        asked = same.clone();
        asked[field] = value;
        let conflict = ask(&mut spending.processor, &asked);
        assert_eq!((&conflict["decision"], &conflict["reason_code"]), (&json!("DECLINE"), &json!("DUPLICATE_CONFLICT")), "{field}");
        assert_ne!(conflict["request_id"], first["request_id"]);
        refused.push(conflict["request_id"].clone());
    }
    // Each refusal is listed under its own name, and the first answer stays what it was: also once the list was read again.
    for request in &refused {
        assert_eq!(listed(&mut spending.processor, request)["reason_code"], json!("DUPLICATE_CONFLICT"));
    }
    assert_eq!(listed(&mut spending.processor, &first["request_id"])["decision"], json!("APPROVE"));
    assert_eq!(ask(&mut spending.processor, &same), first);
    // What the question led to is gone by now; what was asked is the same.
    let archive = format!("/v1/bindings/{}/archive", spending.binding);
    assert_eq!(spending.owner.post(&archive, &json!({})).status, 200);
    assert_eq!(ask(&mut spending.processor, &same), first);
    assert!(server.terminate().success());
    let server = workplace.serve();
    let mut processor = Caller::demo(&server, "processor");
    assert_eq!(ask(&mut processor, &same), first);
    assert!(server.terminate().success());
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

#[test]
fn an_event_says_one_thing_and_no_more_than_was_authorized() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let (reason, request) = spending.pay(9_000, None);
    assert_eq!(reason, "POLICY_MATCH");
    let path = format!("/v1/authorizations/{}/events", request.as_str().unwrap());
    let mut tell = |event: Value| {
        let answer = spending.processor.post(&path, &event);
        (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
    };
    let clearing = |name: &str, amount: i64, currency: &str, is_final: bool| {
        json!({"type": "clearing", "event_id": name, "amount": amount, "currency": currency, "final": is_final})
    };
    let (recorded, refused) = ((200, String::new()), |code: &str| (409, code.to_owned()));
    assert_eq!(tell(clearing("c-1", 100, "EUR", true)), refused("currency_mismatch"));
    assert_eq!(tell(json!({"type": "reversal", "event_id": "c-1", "amount": 1, "currency": "EUR"})), refused("currency_mismatch"));
    assert_eq!(tell(clearing("c-1", 90_000, "USD", true)), refused("clearing_above_authorized"));
    assert_eq!(tell(clearing("c-1", 5_000, "USD", false)), recorded, "what was refused left nothing behind");
    assert_eq!(tell(clearing("c-1", 5_000, "USD", false)), recorded, "told again");
    assert_eq!(tell(clearing("c-1", 5_001, "USD", false)), refused("event_conflict"));
    assert_eq!(tell(json!({"type": "reversal", "event_id": "c-1"})), refused("event_conflict"));
    assert_eq!(tell(clearing("c-2", 50_000, "USD", true)), refused("clearing_above_authorized"));
    assert_eq!(tell(clearing("c-2", 4_000, "USD", true)), recorded);
    assert_eq!(spending.reason(1_001, None), "LIMIT_REACHED");

    // That money is elsewhere: neither balances nor a settlement know of it.
    let data = workplace.data();
    let ask = |arguments: &[&str]| {
        let output = workplace.run(&[arguments, &["--data", data.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let balances = ask(&["balance", "--all"]);
    assert!(balances.contains("acct-demo-1") && !balances.contains("outside-"), "{balances}");
    // Whichever of the two days its cut-off counts it to.
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for day in [today, today.tomorrow().unwrap()] {
        let day = ask(&["settlement", "--program", "demo", "--day", &day.to_string(), "--json"]);
        assert_eq!(serde_json::from_str::<Value>(&day).unwrap()["due"], json!([]), "{day}");
        assert!(!day.contains("outside-"), "{day}");
    }
}

#[test]
fn all_that_is_wrong_is_told_and_a_name_of_any_form_may_be_nobodys() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut processor = Caller::demo(&server, "processor");
    let wrong = json!({"issuing_platform": "MARQETA", "amount": 1_000_000_000_000_i64, "currency": "XXQ", "mcc": "x"});
    let answer = processor.post("/v1/authorize", &wrong);
    assert_eq!(code(&answer), (400, "bad_request".to_owned()));
    let paths: Vec<_> = answer.json()["errors"].as_array().unwrap().iter().map(|error| error["path"].clone()).collect();
    assert_eq!(paths, ["amount", "currency", "mcc", ""]);
    let long = "n".repeat(200);
    for (field, reason) in [("binding_id", "BINDING_NOT_FOUND"), ("instrument_id", "BINDING_NOT_FOUND"), ("intent_reference", "INTENT_NOT_FOUND")] {
        let mut asked = json!({"issuing_platform": "MARQETA", "amount": 1, "currency": "USD"});
        asked[field] = json!(long);
        let said = processor.made("/v1/authorize", &asked);
        assert_eq!((&said["decision"], &said["reason_code"]), (&json!("DECLINE"), &json!(reason)));
        asked[field] = json!("4111111111111111");
        assert_eq!(processor.post("/v1/authorize", &asked).status, 400, "a card's number is no name");
    }
}
