//! What has become of intents, as their owner sees it: used by a payment, given back by a reversal, over.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::shared::workplace_on;
use crate::spend::{Caller, code, id};
use crate::spend_kept::rewrite;
use crate::spend_reserved::Spending;
use crate::support::Workplace;
use crate::support::postgres::Postgres;
use crate::support::server::Server;

impl Spending {
    fn status(&mut self, intent: &str) -> Value {
        self.owner.get(&format!("/v1/intents/{intent}")).json()["status"].clone()
    }

    fn in_status(&mut self, status: &str) -> Vec<String> {
        let (mut found, mut query) = (Vec::new(), format!("status={status}&limit=1"));
        loop {
            let page = self.owner.get(&format!("/v1/intents?{query}")).json();
            for item in page["items"].as_array().unwrap() {
                assert_eq!(item["status"], json!(status));
                found.push(id(item));
            }
            let Some(cursor) = page["next_cursor"].as_str() else { return found };
            query = format!("status={status}&limit=1&cursor={cursor}");
        }
    }

    fn cancel(&mut self, intent: &str) -> (u16, String) {
        code(&self.owner.post(&format!("/v1/intents/{intent}/cancel"), &json!({})))
    }
}

fn reference(intent: &Value) -> String {
    intent["intent_reference"].as_str().unwrap().to_owned()
}

/// An intent's payment, its reversal, and the next one.
fn used_and_given_back(spending: &mut Spending) {
    let (used, open, reserved) = (spending.intend(4_000, false), spending.intend(500, false), spending.intend(1_000, true));
    let names = [&used, &open, &reserved].map(reference);
    let [used_name, open_name, reserved_name] = names.clone();
    assert_eq!(spending.in_status("open"), names);
    let (reason, request) = spending.pay(4_000, Some(&used));
    assert_eq!(reason, "POLICY_MATCH");
    assert_eq!(spending.status(&used_name), "used");
    assert_eq!(spending.in_status("used"), [used_name.as_str()]);
    assert_eq!(spending.in_status("open"), [open_name.as_str(), reserved_name.as_str()]);
    assert_eq!(spending.cancel(&used_name), (409, "intent_used".to_owned()));
    assert_eq!(spending.reason(4_000, Some(&used)), "INTENT_USED", "it is not taken back");

    let told = |kind: &str| json!({"type": kind, "event_id": kind});
    let events = format!("/v1/authorizations/{}/events", request.as_str().unwrap());
    spending.processor.made(&events, &told("reversal"));
    assert_eq!(spending.status(&used_name), "open");
    let (reason, request) = spending.pay(4_000, Some(&used));
    assert_eq!(reason, "POLICY_MATCH");
    let events = format!("/v1/authorizations/{}/events", request.as_str().unwrap());
    let cleared = json!({"type": "clearing", "event_id": "clearing", "amount": 4_000, "currency": "USD"});
    spending.processor.made(&events, &cleared);
    assert_eq!(spending.status(&used_name), "used");
    assert_eq!(spending.reason(1_000, Some(&reserved)), "POLICY_MATCH");
    assert_eq!(spending.in_status("used"), [used_name.as_str(), reserved_name.as_str()]);
    assert_eq!(spending.cancel(&reserved_name), (409, "intent_used".to_owned()));
    assert_eq!(spending.cancel(&open_name).0, 200);
    assert_eq!(spending.status(&open_name), "cancelled");
    assert_eq!(spending.in_status("open"), Vec::<String>::new());
}

#[test]
fn an_intent_shows_that_a_payment_has_it_and_is_not_taken_back_then() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    used_and_given_back(&mut spending);

    // More of them than the ledger is asked about at once.
    let mut many: Vec<_> = (0..40).map(|_| spending.intend(10, false)).collect();
    let some: Vec<_> = many.split_off(30);
    for intent in &some {
        assert_eq!(spending.reason(10, Some(intent)), "POLICY_MATCH");
    }
    assert_eq!(spending.in_status("open"), many.iter().map(reference).collect::<Vec<_>>());
    assert_eq!(spending.in_status("used").split_off(2), some.iter().map(reference).collect::<Vec<_>>());
}

#[test]
fn an_intent_shows_that_its_time_is_over_unless_it_was_used() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let (used, over, open) = (spending.intend(4_000, false), spending.intend(500, false), spending.intend(600, false));
    assert_eq!(spending.reason(4_000, Some(&used)), "POLICY_MATCH");
    assert!(server.terminate().success());
    let (used, over, open) = (reference(&used), reference(&over), reference(&open));
    for intent in [&used, &over] {
        rewrite(&workplace, intent, "json_set(body, '$.expires_at', '2024-01-01T00:00:00Z')");
    }
    let server = workplace.serve();
    let mut spending = spending.again(&server);
    assert_eq!(
        (spending.status(&used), spending.status(&over), spending.status(&open)),
        (json!("used"), json!("expired"), json!("open"))
    );
    assert_eq!(spending.in_status("expired"), [over.as_str()]);
    assert_eq!(spending.in_status("used"), [used.as_str()]);
    assert_eq!(spending.in_status("open"), [open.as_str()]);
    assert_eq!(spending.cancel(&over), (409, "intent_expired".to_owned()));
    assert_eq!(spending.cancel(&used), (409, "intent_used".to_owned()));
    let all = spending.owner.get("/v1/intents").json()["items"].as_array().unwrap().len();
    assert_eq!(all, 3);
}

#[test]
fn the_shared_ledger_knows_which_intents_are_used() {
    let Some(postgres) = Postgres::start() else { return };
    let workplace = workplace_on(&postgres);
    let server = workplace.serve();
    used_and_given_back(&mut Spending::new(&server, "enforce"));
}

/// Cancelled at one server, paid with at another, at the same time and right behind it: whoever is told yes has it alone.
fn one_of_a_cancel_and_payments_wins(mut spending: Spending, cancels_at: &Server, pays_at: &Server) {
    for round in 0..30 {
        let intent = spending.intend(100, round % 2 == 0);
        let name = reference(&intent);
        let path = format!("/v1/intents/{name}/cancel");
        let asked = json!({"binding_id": spending.binding, "issuing_platform": "MARQETA", "amount": 100, "currency": "USD",
            "intent_reference": name});
        let start = Barrier::new(5);
        let payers: Vec<_> = (0..4).map(|_| spending.processor.twin(pays_at)).collect();
        let mut canceller = spending.owner.twin(cancels_at);
        let (cancelled, paid) = std::thread::scope(|scope| {
            let payers: Vec<_> = payers
                .into_iter()
                .map(|mut payer| {
                    let (start, asked) = (&start, &asked);
                    scope.spawn(move || {
                        start.wait();
                        [payer.made("/v1/authorize", asked), payer.made("/v1/authorize", asked)]
                    })
                })
                .collect();
            start.wait();
            let cancelled = canceller.post(&path, &json!({}));
            let after = spending.processor.twin(pays_at).made("/v1/authorize", &asked);
            let paid: Vec<_> = payers.into_iter().flat_map(|payer| payer.join().unwrap()).chain([after]).collect();
            (code(&cancelled), paid)
        });
        let approved: Vec<_> = paid.iter().filter(|said| said["decision"] == json!("APPROVE")).collect();
        match cancelled.0 {
            200 => assert_eq!(approved.len(), 0, "round {round}: cancelled and paid"),
            // Where the ledger was late, what it decided was told to nobody.
            409 if paid.iter().any(|said| !said["stand_in"].is_null()) => assert!(approved.len() <= 1, "round {round}"),
            _ => assert_eq!((cancelled, approved.len()), ((409, "intent_used".to_owned()), 1), "round {round}"),
        }
        for said in approved {
            // So that the budget lasts; and what was given back may be cancelled, whatever was said before.
            let events = format!("/v1/authorizations/{}/events", said["request_id"].as_str().unwrap());
            spending.processor.made(&events, &json!({"type": "reversal", "event_id": "reversal"}));
            assert_eq!(spending.cancel(&name).0, 200);
        }
        assert_eq!(spending.status(&name), "cancelled");
    }
    // What was reserved is free, and nothing of all this is listed as a payment.
    assert_eq!(spending.reason(10_000, None), "POLICY_MATCH");
    let listed = spending.owner.get("/v1/authorizations?limit=100").json()["items"].as_array().unwrap().clone();
    assert!(listed.iter().all(|item| item["amount"] != json!(1)), "{listed:?}");
}

#[test]
fn of_a_cancel_and_payments_at_once_one_wins() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    one_of_a_cancel_and_payments_wins(Spending::new(&server, "enforce"), &server, &server);
    assert!(server.terminate().success());
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

#[test]
fn of_a_cancel_here_and_payments_elsewhere_one_wins() {
    let Some(postgres) = Postgres::start() else { return };
    let (here, there) = (workplace_on(&postgres), workplace_on(&postgres));
    let (one, other) = (here.serve(), there.serve());
    let mut spending = Spending::new(&one, "enforce");
    spending.processor = Caller::demo(&other, "processor");
    while spending.processor.made(
        "/v1/authorize",
        &json!({"binding_id": spending.binding, "issuing_platform": "MARQETA",
        "amount": 0, "currency": "USD"}),
    )["reason_code"]
        != json!("POLICY_MATCH")
    {
        std::thread::yield_now();
    }
    one_of_a_cancel_and_payments_wins(spending, &one, &other);
}
