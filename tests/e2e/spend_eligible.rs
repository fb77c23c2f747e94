//! What `POST /v1/authorize-intent` says of what could not be paid: not eligible, whoever would look at it, and what there is room for.

use serde_json::{Value, json};

use crate::spend::{Caller, id};
use crate::support::Workplace;
use crate::support::server::Server;

struct Asking {
    owner: Caller,
    authority: String,
}

impl Asking {
    /// An authority with a budget of 500.00, and a person for what is above 100.00, bound to one instrument.
    fn new(server: &Server, instrument: &str, kind: &str) -> Self {
        let mut owner = Caller::demo(server, "enterprise");
        let policy = json!({"template": "all_of", "parameters": {"policies": [
            {"template": "human_review", "parameters": {"amount": 10_000, "currency": "USD"}},
            {"template": "max_amount", "parameters": {"amount": 70_000, "currency": "USD"}},
            {"template": "budget", "parameters": {"amount": 50_000, "currency": "USD", "window": "lifetime"}},
        ]}});
        let new = json!({"agent_id": "ag_demo", "mode": "enforce", "policy": policy});
        let authority = id(&owner.made("/v1/spending-authorities", &new));
        let new = json!({"spending_authority_id": authority, "issuing_platform": "MARQETA", "instrument_kind": kind,
            "instrument_id": instrument});
        owner.made("/v1/bindings", &new);
        Asking { owner, authority }
    }

    fn said(&mut self, amount: i64) -> (bool, String, String, Value) {
        let intent = json!({"spending_authority_id": self.authority, "amount": amount, "currency": "USD", "mcc": "5734"});
        let said = self.owner.made("/v1/authorize-intent", &intent);
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        (said["eligible"] == json!(true), text("status"), text("reason_code"), said["remaining_limits"][0]["amount"].clone())
    }
}

#[test]
fn what_could_not_be_paid_waits_for_no_reviewer() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let said = |eligible: bool, status: &str, reason: &str| (eligible, status.to_owned(), reason.to_owned(), json!(50_000));
    for (instrument, kind) in [("card-demo-1", "card"), ("wallet-1", "instrument")] {
        let mut asking = Asking::new(&server, instrument, kind);
        assert_eq!(asking.said(10_000), said(true, "open", "POLICY_MATCH"), "{kind}");
        assert_eq!(asking.said(50_000), said(true, "pending_review", "REVIEW_REQUIRED"), "{kind}");
        assert_eq!(asking.said(50_001), said(false, "not_eligible", "LIMIT_REACHED"), "{kind}");
        assert_eq!(asking.said(70_001), said(false, "not_eligible", "POLICY_VIOLATION_AMOUNT"), "{kind}");
    }
    let mut frozen = Asking::new(&server, "card-demo-frozen", "card");
    for amount in [10_000, 20_000] {
        assert_eq!(frozen.said(amount), said(false, "not_eligible", "CARD_BLOCKED"), "of {amount}");
    }
}
