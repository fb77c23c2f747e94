//! What support looks for: a payment by what its processor calls it, what an observed authority would have declined, who did what, and
//! which keys are over.

use std::time::Duration;

use serde_json::{Value, json};

use crate::spend::{Caller, code, id, modelled};
use crate::spend_people::printed;
use crate::support::Workplace;

/// A list, once it has so many.
fn until(caller: &mut Caller, path: &str, count: usize) -> Vec<Value> {
    let began = holdfast::clock::instant();
    loop {
        let items = caller.found(path)["items"].as_array().unwrap().clone();
        if items.len() == count {
            return items;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{path}: {items:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn lines(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_payment_is_found_by_the_text_by_which_its_processor_follows_it() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut owner, mut processor) = (Caller::demo(&server, "enterprise"), Caller::demo(&server, "processor"));
    let asked = |correlation: Value| {
        json!({"binding_id": "bind_demo", "issuing_platform": "MARQETA", "amount": 100, "currency": "USD", "mcc": "5734",
            "correlation_id": correlation})
    };
    let named = processor.made("/v1/authorize", &asked(json!("order 77/\u{e9}")))["request_id"].clone();
    let by_header = [("X-Correlation-Id", "trace-8")];
    let header = processor.ask("POST", "/v1/authorize", &by_header, &asked(Value::Null)).json()["request_id"].clone();
    processor.made("/v1/authorize", &asked(json!(" ")));
    until(&mut owner, "/v1/authorizations", 3);
    let found = |caller: &mut Caller, text: &str| {
        let items = caller.found(&format!("/v1/authorizations?correlation_id={text}"))["items"].as_array().unwrap().clone();
        items.into_iter().map(|item| item["request_id"].clone()).collect::<Vec<_>>()
    };
    for caller in [&mut owner, &mut processor] {
        assert_eq!(found(caller, "order%2077%2F%C3%A9"), std::slice::from_ref(&named));
        assert_eq!(found(caller, "trace-8"), std::slice::from_ref(&header));
        assert!(found(caller, "order%2077").is_empty(), "it is the whole text or nothing");
    }
    assert_eq!(owner.found("/v1/metrics?correlation_id=trace-8")["authorizations"], json!(1));
    let too_long = format!("/v1/authorizations?correlation_id={}", "x".repeat(129));
    assert_eq!(owner.get(&too_long).json()["errors"][0]["path"], json!("correlation_id"));
    assert_eq!(owner.get("/v1/authorizations?correlation_id=").status, 400);

    // The operator finds it, too; and so does everybody after a restart.
    let by_operator = ["organization", "authorizations", "proc_demo", "--correlation-id", "order 77/\u{e9}"];
    assert_eq!(lines(&printed(&workplace, &by_operator))[0]["request_id"], named);
    assert!(server.terminate().success());
    let everywhere = ["journal.sqlite", "insight.sqlite", "agents.sqlite"].map(|name| std::fs::read(workplace.data().join(name)));
    for file in everywhere.into_iter().flatten() {
        assert!(!file.windows(8).any(|window| window == b"order 77"), "the text itself is kept nowhere");
    }
    let server = workplace.serve();
    assert_eq!(found(&mut owner.again(&server), "trace-8"), [header]);
}

#[test]
fn what_enforce_would_have_declined_is_found() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut owner, mut processor) = (Caller::demo(&server, "enterprise"), Caller::demo(&server, "processor"));
    let authority = owner.found("/v1/spending-authorities/sa_demo");
    let observe = json!({"version": authority["version"], "mode": "observe"});
    assert_eq!(owner.ask("PATCH", "/v1/spending-authorities/sa_demo", &[], &observe).status, 200);
    let asked = |mcc: &str| json!({"binding_id": "bind_demo", "issuing_platform": "MARQETA", "amount": 100, "currency": "USD", "mcc": mcc});
    let fits = processor.made("/v1/authorize", &asked("5734"))["request_id"].clone();
    let other = processor.made("/v1/authorize", &asked("5812"))["request_id"].clone();
    until(&mut owner, "/v1/authorizations", 2);
    let mut found = |query: &str| {
        let items = owner.found(&format!("/v1/authorizations?{query}"))["items"].as_array().unwrap().clone();
        items.into_iter().map(|item| item["request_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(found("would_have_declined=true"), std::slice::from_ref(&other));
    assert_eq!(found("would_have_declined=false"), [fits]);
    assert_eq!(found("would_have_declined_with=POLICY_VIOLATION_MCC"), std::slice::from_ref(&other));
    assert!(found("would_have_declined_with=POLICY_VIOLATION_AMOUNT").is_empty());
    assert_eq!(owner.get("/v1/authorizations?would_have_declined=perhaps").status, 400);
    let by_operator = lines(&printed(&workplace, &["organization", "authorizations", "ent_demo", "--would-have-declined"]));
    assert_eq!(by_operator.iter().map(|line| &line["request_id"]).collect::<Vec<_>>(), [&other]);
}

#[test]
fn who_did_what_is_found_by_whom_by_when_and_by_the_kind_of_object() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    let before = jiff::Timestamp::now();
    let [agent, authority, policy, binding] = modelled("ent_demo", &mut owner, "card-demo-1");
    let key = owner.made("/v1/credentials", &json!({"scopes": ["setup", "read"]}));
    let mut backend = Caller::new(&server, key["api_key"].as_str().unwrap(), key["shared_secret"].as_str().unwrap());
    backend.made("/v1/enterprises/ent_demo/agents", &json!({"name": "by a backend"}));
    let after = jiff::Timestamp::now() + Duration::from_secs(1);
    let list = |owner: &mut Caller, query: &str| owner.found(&format!("/v1/audit?{query}"))["items"].as_array().unwrap().clone();
    let made = list(&mut owner, &format!("since={before}"));
    let ids: Vec<_> = made.iter().map(|deed| deed["id"].as_str().unwrap()).collect();
    assert!([&agent, &authority, &policy, &binding].iter().all(|id| ids.contains(&id.as_str())), "{ids:?}");
    assert!(list(&mut owner, &format!("since={after}")).is_empty());
    assert_eq!(list(&mut owner, &format!("since={before}&until={after}")).len(), made.len());
    let bindings = list(&mut owner, &format!("object=binding&since={before}"));
    assert!(!bindings.is_empty() && bindings.iter().all(|deed| deed["object"] == "binding"), "{bindings:?}");
    // Whoever it was, as `who` says; and a page of it goes on as any other.
    let who = made[0]["who"].as_str().unwrap();
    let all = list(&mut owner, &format!("who={who}"));
    assert!(!all.is_empty() && all.iter().all(|deed| deed["who"] == who), "{all:?}");
    let others: Vec<_> = made.iter().filter(|deed| deed["who"] != who).map(|deed| deed["who"].as_str().unwrap()).collect();
    let other = others.first().expect("two did something");
    let mut gathered = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = owner.found(&format!("/v1/audit?who={other}&since={before}&limit=1{cursor}"));
        gathered.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(gathered.len(), others.iter().filter(|who| who == &other).count());
    let lines_of =
        lines(&printed(&workplace, &["organization", "audit", "ent_demo", "--who", other, "--since", &before.to_string()]));
    assert_eq!(lines_of, gathered);
    let of_kind = ["organization", "audit", "ent_demo", "--object", "binding", "--id", &binding];
    assert_eq!(lines(&printed(&workplace, &of_kind)).len(), list(&mut owner, &format!("id={binding}")).len());
    assert_eq!(owner.found(&format!("/v1/activity?who={who}&limit=1"))["items"][0]["who"], json!(who));
    let wrong = owner.get("/v1/audit?object=card&since=yesterday").json();
    let paths: Vec<_> = wrong["errors"].as_array().unwrap().iter().map(|error| error["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["object", "since"]);
}

#[test]
fn a_key_whose_time_is_over_is_shown_so() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    let soon = jiff::Timestamp::now() + Duration::from_secs(2);
    let short = owner.made("/v1/credentials", &json!({"scopes": ["read"], "expires_at": soon.to_string()}));
    let long = owner.made("/v1/credentials", &json!({"scopes": ["read"], "expires_at": "2999-01-01T00:00:00Z"}));
    // On a slow machine its time may be over before it is shown.
    assert!([json!("active"), json!("expired")].contains(&short["status"]), "{short}");
    assert_eq!(long["status"], json!("active"));
    let expired = until(&mut owner, "/v1/credentials?status=expired", 1);
    assert_eq!((&expired[0]["id"], &expired[0]["status"]), (&short["id"], &json!("expired")));
    let path = format!("/v1/credentials/{}", id(&short));
    assert_eq!(owner.found(&path)["status"], json!("expired"));
    let active = owner.found("/v1/credentials?status=active");
    let ids: Vec<_> = active["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert!(ids.contains(&long["id"]) && !ids.contains(&short["id"]), "{active}");
    // A page of one passes it over.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.found(&format!("/v1/credentials?status=active&limit=1{cursor}"));
        paged.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, ids);
    let by_operator = lines(&printed(&workplace, &["credential", "list", "--organization", "ent_demo"]));
    let of_short = by_operator.iter().find(|line| line["id"] == short["id"]).unwrap();
    assert_eq!(of_short["status"], json!("expired"));
    // It can be revoked all the same, once.
    assert_eq!(owner.made(&format!("{path}/revoke"), &json!({}))["status"], json!("revoked"));
    assert_eq!(code(&owner.post(&format!("{path}/revoke"), &json!({}))), (410, "archived".to_owned()));
    assert_eq!(owner.found("/v1/credentials?status=expired")["items"], json!([]));
}
