//! What stays as it is while things around it change: intents, budgets, policies in use, and older objects.

use serde_json::{Value, json};

use crate::spend::{Caller, code, id};
use crate::spend_reserved::Spending;
use crate::support::Workplace;

/// Changes bodies of a stopped server's objects.
pub fn rewrite(workplace: &Workplace, id: &str, change: &str) {
    let store = rusqlite::Connection::open(workplace.data().join("agents.sqlite")).unwrap();
    let sql = format!("UPDATE object SET body = {change} WHERE id = ?1");
    assert_eq!(store.execute(&sql, [id]).unwrap(), 1);
}

impl Spending {
    pub fn again(self, server: &crate::support::server::Server) -> Self {
        Spending { owner: self.owner.again(server), processor: self.processor.again(server), ..self }
    }

    fn reverse(&mut self, request: &Value, event: &str) {
        let path = format!("/v1/authorizations/{}/events", request.as_str().unwrap());
        self.processor.made(&path, &json!({"type": "reversal", "event_id": event}));
    }
}

#[test]
fn a_full_reversal_gives_an_intent_back_until_its_time_is_over() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let intent = spending.intend(4_000, false);
    let (reason, first) = spending.pay(4_000, Some(&intent));
    assert_eq!(reason, "POLICY_MATCH");
    assert_eq!(spending.reason(4_000, Some(&intent)), "INTENT_USED");
    spending.reverse(&first, "r-1");
    let (reason, second) = spending.pay(4_000, Some(&intent));
    assert_eq!(reason, "POLICY_MATCH", "it is there again");
    assert_eq!(spending.reason(4_000, Some(&intent)), "INTENT_USED");
    assert!(server.terminate().success());
    let reference = intent["intent_reference"].as_str().unwrap();
    rewrite(&workplace, reference, "json_set(body, '$.expires_at', '2024-01-01T00:00:00Z')");
    let server = workplace.serve();
    let mut spending = spending.again(&server);
    spending.reverse(&second, "r-2");
    assert_eq!(spending.reason(4_000, Some(&intent)), "INTENT_EXPIRED");
    assert_eq!(spending.reason(10_000, None), "POLICY_MATCH", "the budget came back all the same");
}

#[test]
fn lists_and_sums_are_of_what_was_asked_for() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut one, mut other) = (Spending::new(&server, "enforce"), Spending::new(&server, "observe"));
    let (open, cancelled, others) = (one.intend(1_000, false), one.intend(2_000, false), other.intend(3_000, false));
    let reference = |intent: &Value| intent["intent_reference"].as_str().unwrap().to_owned();
    one.owner.made(&format!("/v1/intents/{}/cancel", reference(&cancelled)), &json!({}));
    let authority = one.authority.clone();
    let mut listed = |query: &str| -> Vec<String> {
        let items = one.owner.get(&format!("/v1/intents?{query}")).json()["items"].as_array().unwrap().clone();
        items.iter().map(id).collect()
    };
    assert_eq!(listed("status=open"), [reference(&open), reference(&others)]);
    assert_eq!(listed("status=cancelled"), [reference(&cancelled)]);
    assert_eq!(listed(&format!("spending_authority_id={authority}")), [reference(&open), reference(&cancelled)]);
    assert_eq!(listed(&format!("spending_authority_id={authority}&status=open")), [reference(&open)]);
    assert_eq!(listed("spending_authority_id=sa_nobody"), Vec::<String>::new());

    assert_eq!(one.reason(1_000, Some(&open)), "POLICY_MATCH");
    assert_eq!(one.reason(9_001, None), "LIMIT_REACHED");
    assert_eq!(other.reason(10_001, None), "OBSERVE_ONLY");
    let seen = |caller: &mut Caller, query: &str| caller.get(&format!("/v1/metrics?{query}")).json();
    while seen(&mut one.owner, "")["authorizations"] != json!(3) {
        std::thread::yield_now();
    }
    let (binding, reference) = (one.binding.clone(), reference(&open));
    for (query, all, approved) in [
        (format!("spending_authority_id={authority}"), 2, 1),
        (format!("binding_id={binding}"), 2, 1),
        (format!("intent_reference={reference}"), 1, 1),
        ("decision=DECLINE".to_owned(), 1, 0),
        ("reason_code=OBSERVE_ONLY".to_owned(), 1, 1),
        (format!("spending_authority_id={authority}&reason_code=OBSERVE_ONLY"), 0, 0),
        ("since=2024-01-01T00:00:00Z".to_owned(), 3, 2),
        ("until=2024-01-01T00:00:00Z".to_owned(), 0, 0),
    ] {
        let sums = seen(&mut one.owner, &query);
        let counted = (&sums["authorizations"], &sums["approved"], &sums["declined"]);
        assert_eq!(counted, (&json!(all), &json!(approved), &json!(all - approved)), "{query}: {sums}");
        let lines = one.owner.get(&format!("/v1/authorizations?{query}")).json()["items"].as_array().unwrap().len();
        assert_eq!(json!(lines), json!(all), "{query}");
    }
    let sums = seen(&mut one.owner, &format!("spending_authority_id={authority}"));
    assert_eq!(sums["reasons"], json!({"POLICY_MATCH": 1, "LIMIT_REACHED": 1}));
    let usage = one.owner.get("/v1/usage").json()["items"].clone();
    assert_eq!((&usage[0]["authorizations"], &usage[0]["approved"]), (&json!(3), &json!(2)), "{usage}");
}

#[test]
fn a_policy_in_use_is_not_archived_and_a_budget_stays_with_what_it_counts() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let path = format!("/v1/spending-authorities/{}", spending.authority);
    let policy = spending.owner.get(&path).json()["policy_id"].as_str().unwrap().to_owned();
    let archive = format!("/v1/policies/{policy}/archive");
    assert_eq!(code(&spending.owner.post(&archive, &json!({}))), (409, "state_conflict".to_owned()));
    assert_eq!(spending.reason(6_000, None), "POLICY_MATCH");

    // A higher maximum, and a rule beside it: 60.00 are spent all the same.
    let budget = json!({"template": "budget", "parameters": {"amount": 12_000, "currency": "USD", "window": "lifetime"}});
    let most = json!({"template": "max_amount", "parameters": {"amount": 7_000, "currency": "USD"}});
    let all = json!({"template": "all_of", "parameters": {"policies": [most, budget]}});
    let edit = json!({"version": 1, "policy": all});
    let edited = spending.owner.ask("PATCH", &format!("/v1/policies/{policy}"), &[], &edit);
    assert_eq!((edited.status, &edited.json()["policy_version"]), (200, &json!(2)), "{edited:?}");
    assert_eq!(spending.reason(6_001, None), "LIMIT_REACHED");
    assert_eq!(spending.reason(7_001, None), "POLICY_VIOLATION_AMOUNT");
    assert_eq!(spending.reason(6_000, None), "POLICY_MATCH");

    assert_eq!(spending.owner.post(&format!("{path}/archive"), &json!({})).status, 200);
    assert_eq!(spending.owner.made(&archive, &json!({}))["status"], json!("archived"));
    assert_eq!(spending.reason(1, None), "AUTHORITY_SUSPENDED");
}

#[test]
fn a_credential_that_is_older_than_its_makers_name_shows_none() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    let made = owner.made("/v1/credentials", &json!({"scopes": ["read"]}));
    assert!(made["created_by"].is_string(), "{made}");
    assert!(server.terminate().success());
    rewrite(&workplace, &id(&made), "json_remove(body, '$.created_by')");
    let server = workplace.serve();
    let shown = owner.again(&server).get(&format!("/v1/credentials/{}", id(&made))).json();
    assert_eq!(shown.get("created_by"), Some(&Value::Null), "{shown}");
}

/// After a change of the program's rules, or an update, which left a policy no room: whoever starts the server hears which.
#[test]
fn a_start_says_which_policy_has_more_budgets_than_there_is_room_for() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    let budget = |hours| {
        json!({"template": "budget", "parameters": {"amount": 1_000, "currency": "USD", "window": "rolling",
        "rolling_seconds": 3_600 * hours}})
    };
    let policies: Vec<_> = (1..4).map(budget).collect();
    let policy = json!({"template": "all_of", "parameters": {"policies": policies}});
    let authority = owner.made("/v1/spending-authorities", &json!({"agent_id": "ag_demo", "policy": policy}));
    workplace.edit("rules/demo.toml", |text| {
        let limit =
            |number| format!("\n[[limit]]\nid = \"more-{number}\"\nscope = \"card\"\nwindow = \"day\"\ncount_max = 1000\n");
        let there = text.matches("[[limit]]").count();
        text + &(there..11).map(limit).collect::<String>()
    });
    workplace.publish("config/rules/demo.toml");
    assert!(server.terminate().success());
    let wanted = format!(
        "spending authority {}: policy {} has 3 budgets and counts, and beside the 11 limits of program demo there is room for 2",
        id(&authority),
        authority["policy_id"].as_str().unwrap()
    );
    let said = workplace.said_at_start();
    assert!(said.lines().any(|line| line.contains(&wanted) && line.contains("POLICY_VIOLATION")), "{said}");
}
