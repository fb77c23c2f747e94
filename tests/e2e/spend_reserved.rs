//! What intents reserve: budgets, and the money of our own accounts, until their payment, their end or their cancelling.

use serde_json::{Value, json};

use crate::spend::{Caller, code, enterprise, id, member, modelled};
use crate::support::Workplace;
use crate::support::server::Server;

/// An authority with a budget of 100.00 a month, and what it pays with at `/v1/authorize`.
pub struct Spending {
    pub owner: Caller,
    pub processor: Caller,
    pub authority: String,
    pub binding: String,
}

impl Spending {
    pub fn new(server: &Server, mode: &str) -> Self {
        let (mut owner, processor) = (Caller::demo(server, "enterprise"), Caller::demo(server, "processor"));
        let policy = json!({"template": "budget", "parameters": {"amount": 10_000, "currency": "USD", "window": "lifetime"}});
        let new = json!({"agent_id": "ag_demo", "mode": mode, "policy": policy});
        let authority = id(&owner.made("/v1/spending-authorities", &new));
        let new = json!({"spending_authority_id": authority, "issuing_platform": "MARQETA", "instrument_kind": "instrument",
            "instrument_id": format!("wallet-{mode}")});
        let binding = id(&owner.made("/v1/bindings", &new));
        Spending { owner, processor, authority, binding }
    }

    pub fn intend(&mut self, amount: i64, reserve: bool) -> Value {
        let intent = json!({"spending_authority_id": self.authority, "amount": amount, "currency": "USD", "reserve": reserve});
        self.owner.made("/v1/authorize-intent", &intent)
    }

    pub fn pay(&mut self, amount: i64, intent: Option<&Value>) -> (Value, Value) {
        let mut asked = json!({"binding_id": self.binding, "issuing_platform": "MARQETA", "amount": amount, "currency": "USD"});
        if let Some(intent) = intent {
            asked["intent_reference"] = intent["intent_reference"].clone();
        }
        let said = self.processor.made("/v1/authorize", &asked);
        (said["reason_code"].clone(), said["request_id"].clone())
    }

    pub fn reason(&mut self, amount: i64, intent: Option<&Value>) -> Value {
        self.pay(amount, intent).0
    }
}

#[test]
fn what_is_reserved_is_for_its_payment_alone() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let free = spending.intend(6_000, false);
    assert_eq!((&free["reserved"], &free["remaining_limits"][0]["amount"]), (&json!(false), &json!(10_000)));
    let kept = spending.intend(6_000, true);
    assert_eq!((&kept["eligible"], &kept["reserved"]), (&json!(true), &json!(true)), "{kept}");
    let more = spending.intend(6_000, true);
    assert_eq!(
        (&more["eligible"], &more["reason_code"], &more["reserved"]),
        (&json!(false), &json!("LIMIT_REACHED"), &json!(false))
    );
    assert_eq!(more["remaining_limits"][0]["amount"], json!(4_000));
    assert_eq!(spending.reason(6_000, Some(&free)), "LIMIT_REACHED", "who reserved nothing has nothing");
    assert_eq!(spending.reason(4_001, None), "LIMIT_REACHED");
    assert!(server.terminate().success());

    let server = workplace.serve();
    let (owner, processor) = (Caller::demo(&server, "enterprise"), Caller::demo(&server, "processor"));
    let mut spending = Spending { owner, processor, ..spending };
    assert_eq!(spending.reason(6_001, Some(&kept)), "INTENT_MISMATCH");
    let (reason, request) = spending.pay(5_000, Some(&kept));
    assert_eq!(reason, "POLICY_MATCH");
    assert_eq!(spending.reason(5_000, Some(&kept)), "INTENT_USED");
    assert_eq!(spending.reason(5_000, None), "POLICY_MATCH", "what the payment did not need is free");
    assert_eq!(spending.reason(1, None), "LIMIT_REACHED");
    // A reversal gives the intent and the budget back, and no reservation.
    let told = json!({"type": "reversal", "event_id": "reversal-1"});
    assert_eq!(spending.processor.post(&format!("/v1/authorizations/{}/events", request.as_str().unwrap()), &told).status, 200);
    assert_eq!(spending.reason(5_000, None), "POLICY_MATCH");
    assert_eq!(spending.reason(5_000, Some(&kept)), "LIMIT_REACHED");
    // A reservation is no authorization, and the journal decided again says the same.
    let listed = |owner: &mut Caller| owner.get("/v1/authorizations?limit=100").json()["items"].as_array().unwrap().len();
    while listed(&mut spending.owner) < 9 {
        std::thread::yield_now();
    }
    assert_eq!(listed(&mut spending.owner), 9);
    assert!(server.terminate().success());
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

#[test]
fn what_is_cancelled_is_free_and_money_of_ours_is_held() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let kept = spending.intend(10_000, true);
    assert_eq!(spending.reason(1, None), "LIMIT_REACHED");
    let cancel = format!("/v1/intents/{}/cancel", kept["intent_reference"].as_str().unwrap());
    let key = [("Idempotency-Key", "cancel-1")];
    for _ in 0..2 {
        let cancelled = spending.owner.ask("POST", &cancel, &key, &json!({}));
        assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelled")), "{cancelled:?}");
    }
    assert_eq!(spending.reason(10_000, Some(&kept)), "INTENT_NOT_FOUND");
    assert_eq!(spending.reason(10_000, None), "POLICY_MATCH");

    // The demo's card has 1,000.00 in our own ledger, of which one payment may be a tenth.
    let mut keep = |reserve: bool| {
        let intent =
            json!({"spending_authority_id": "sa_demo", "amount": 10_000, "currency": "USD", "mcc": "5734", "reserve": reserve});
        spending.owner.made("/v1/authorize-intent", &intent)["reason_code"].clone()
    };
    for _ in 0..10 {
        assert_eq!(keep(true), "POLICY_MATCH");
    }
    assert_eq!((keep(true), keep(false)), (json!("INSUFFICIENT_FUNDS"), json!("INSUFFICIENT_FUNDS")));
}

#[test]
fn an_intent_says_whether_its_amount_is_kept_now_and_a_retry_hears_what_has_become_of_it() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let intent = json!({"spending_authority_id": spending.authority, "amount": 500, "currency": "USD", "reserve": true});
    let (path, key) = ("/v1/authorize-intent", [("Idempotency-Key", "the-agents-own")]);
    let kept = spending.owner.ask("POST", path, &key, &intent).json();
    let shown = |spending: &mut Spending| {
        let again = spending.owner.ask("POST", path, &key, &intent).json();
        let name = kept["intent_reference"].as_str().unwrap();
        let got = spending.owner.get(&format!("/v1/intents/{name}")).json();
        let of = |answer: &Value| (answer["status"].clone(), answer["reserved"].clone());
        assert_eq!(of(&again), of(&got));
        of(&got)
    };
    assert_eq!(shown(&mut spending), (json!("open"), json!(true)));
    let (reason, request) = spending.pay(500, Some(&kept));
    assert_eq!(reason, "POLICY_MATCH");
    assert_eq!(shown(&mut spending), (json!("used"), json!(false)));
    let told = json!({"type": "reversal", "event_id": "all of it"});
    spending.processor.made(&format!("/v1/authorizations/{}/events", request.as_str().unwrap()), &told);
    assert_eq!(shown(&mut spending), (json!("open"), json!(false)), "the intent is back, and no reservation");
    let cancel = format!("/v1/intents/{}/cancel", kept["intent_reference"].as_str().unwrap());
    assert_eq!(spending.owner.made(&cancel, &json!({}))["reserved"], json!(false));
    assert_eq!(shown(&mut spending), (json!("cancelled"), json!(false)));
}

#[test]
fn observe_says_what_its_limits_would_have() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "observe");
    for amount in [9_000, 2_000, 500] {
        assert_eq!(spending.reason(amount, None), "OBSERVE_ONLY");
    }
    let listed = loop {
        let listed = spending.owner.get("/v1/authorizations").json()["items"].clone();
        if listed.as_array().unwrap().len() == 3 {
            break listed;
        }
        std::thread::yield_now();
    };
    let would: Vec<_> = listed.as_array().unwrap().iter().map(|item| item["would_have_declined_with"].clone()).collect();
    assert_eq!(
        would,
        [json!("LIMIT_REACHED"), json!("LIMIT_REACHED"), Value::Null],
        "shadow counters count what passed them, too"
    );
    assert_eq!(spending.owner.get("/v1/metrics").json()["would_have_declined"], json!(2));
}

#[test]
fn what_a_reviewer_approves_is_kept_then() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (organization, mut owner) = enterprise(&workplace, &server, "ada@example.com");
    let [_, authority, ..] = modelled(&organization, &mut owner, "card-demo-1");
    let mut reviewer = member(&workplace, &server, &mut owner, "bob@example.com", "reviewer");
    let intend = |owner: &mut Caller, amount: i64, reserve: bool| {
        let intent = json!({"spending_authority_id": authority, "amount": amount, "currency": "USD", "reserve": reserve});
        let made = owner.made("/v1/authorize-intent", &intent);
        (made["intent_reference"].as_str().unwrap().to_owned(), made)
    };
    let left = |owner: &mut Caller| intend(owner, 1, false).1["remaining_limits"][0]["amount"].clone();
    let (first, made) = intend(&mut owner, 9_000, true);
    assert_eq!((&made["status"], &made["reserved"]), (&json!("pending_review"), &json!(false)));
    assert_eq!(left(&mut owner), json!(30_000), "what waits keeps nothing");
    let approved = reviewer.made(&format!("/v1/intents/{first}/approve"), &json!({}));
    assert_eq!((&approved["status"], &approved["reserved"]), (&json!("approved"), &json!(true)));
    assert_eq!(left(&mut owner), json!(21_000));
    // What is not there any more cannot be kept: it waits on, and may be approved once there is room.
    let (large, _) = intend(&mut owner, 9_999, true);
    let (between, made) = intend(&mut owner, 5_000, true);
    let (again, _) = intend(&mut owner, 5_000, true);
    let (third, _) = intend(&mut owner, 5_000, true);
    assert_eq!(made["reserved"], json!(true));
    let refused = reviewer.post(&format!("/v1/intents/{large}/approve"), &json!({}));
    assert_eq!(code(&refused), (409, "not_reserved".to_owned()), "{refused:?}");
    assert_eq!(owner.get(&format!("/v1/intents/{large}")).json()["status"], json!("pending_review"));
    for intent in [between, again, third] {
        owner.made(&format!("/v1/intents/{intent}/cancel"), &json!({}));
    }
    assert_eq!(reviewer.made(&format!("/v1/intents/{large}/approve"), &json!({}))["reserved"], json!(true));
    assert_eq!(left(&mut owner), json!(11_001));
}
