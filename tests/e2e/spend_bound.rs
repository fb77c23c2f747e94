//! Whose a card is: one binding at all platforms of its program, and of several that are there all the same the one that was first.

use serde_json::{Value, json};

use crate::spend::{Caller, code, enterprise, id};
use crate::spend_kept::rewrite;
use crate::support::server::{Server, balance};
use crate::support::{Apto, Marqeta, Workplace};

/// The demo's enterprise with a policy of at most 100.00, another one whose authority only observes, and the demo's processor.
struct Two {
    demo: Caller,
    enforced: String,
    other: Caller,
    observed: String,
    processor: Caller,
}

impl Two {
    fn new(workplace: &Workplace, server: &Server) -> Self {
        let mut demo = Caller::demo(server, "enterprise");
        let policy = json!({"template": "max_amount", "parameters": {"amount": 10_000, "currency": "USD"}});
        let new = json!({"agent_id": "ag_demo", "mode": "enforce", "policy": policy});
        let enforced = id(&demo.made("/v1/spending-authorities", &new));
        let (organization, mut other) = enterprise(workplace, server, "eve@example.com");
        let agent = other.made(&format!("/v1/enterprises/{organization}/agents"), &json!({"name": "bot"}));
        let observed = id(&other.made("/v1/spending-authorities", &json!({"agent_id": agent["id"], "mode": "observe"})));
        for platform in ["MARQETA", "APTO"] {
            other.made("/v1/grants", &json!({"processor_id": "proc_demo", "issuing_platform": platform}));
        }
        Two { demo, enforced, other, observed, processor: Caller::demo(server, "processor") }
    }

    fn again(self, server: &Server) -> Self {
        let (demo, other, processor) = (self.demo.again(server), self.other.again(server), self.processor.again(server));
        Two { demo, other, processor, ..self }
    }

    fn demo_binds(&mut self, platform: &str, kind: &str, instrument: &str) -> (u16, Value) {
        bound(&mut self.demo, &self.enforced, platform, kind, instrument)
    }

    fn other_binds(&mut self, platform: &str, kind: &str, instrument: &str) -> (u16, Value) {
        bound(&mut self.other, &self.observed, platform, kind, instrument)
    }

    fn authorize(&mut self, binding: &Value, platform: &str) -> String {
        let asked = json!({"binding_id": binding["id"], "issuing_platform": platform, "amount": 20_000, "currency": "USD"});
        self.processor.made("/v1/authorize", &asked)["reason_code"].as_str().unwrap().to_owned()
    }

    /// A binding that an older version would have made: of another platform when it was made, and of this one now.
    fn made_before_that_was_looked_at(&mut self, workplace: &Workplace, binding: &Value, platform: &str) {
        rewrite(workplace, binding["id"].as_str().unwrap(), &format!("json_set(body, '$.issuing_platform', '{platform}')"));
    }
}

fn bound(caller: &mut Caller, authority: &str, platform: &str, kind: &str, instrument: &str) -> (u16, Value) {
    let new = json!({"spending_authority_id": authority, "issuing_platform": platform, "instrument_kind": kind,
        "instrument_id": instrument});
    let answer = caller.post("/v1/bindings", &new);
    (answer.status, answer.json())
}

#[test]
fn what_is_bound_is_so_at_every_platform_of_its_program() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut two = Two::new(&workplace, &server);
    for platform in ["MARQETA", "APTO", "AUTHORIZATIONS", "PAYMENT_GATEWAY", "PRE_AUTH"] {
        for kind in ["card", "token", "account"] {
            let (status, said) = two.other_binds(platform, kind, "card-demo-2");
            assert_eq!((status, &said["code"]), (409, &json!("taken")), "{platform} {kind}: {said}");
        }
        assert_eq!(two.demo_binds(platform, "card", "card-demo-2").0, 409, "its owner's second one, too");
    }
    let (status, elsewhere) = two.other_binds("LITHIC", "card", "card-demo-2");
    assert_eq!(status, 201, "nobody calls about that: {elsewhere}");
    // Archived, it is free at all of them; and bound at another one it is not free at the first.
    two.demo.made("/v1/bindings/bind_demo/archive", &json!({}));
    let (status, apto) = two.other_binds("APTO", "card", "card-demo-2");
    assert_eq!(status, 201, "{apto}");
    assert_eq!(two.demo_binds("MARQETA", "card", "card-demo-2").0, 409);
    two.other.made(&format!("/v1/bindings/{}/archive", apto["id"].as_str().unwrap()), &json!({}));
    assert_eq!(two.demo_binds("MARQETA", "card", "card-demo-2").0, 201);
}

#[test]
fn of_two_bindings_of_one_card_the_first_decides_at_every_door() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut two = Two::new(&workplace, &server);
    let (_, first) = two.demo_binds("MARQETA", "card", "crd_demo_1");
    let (_, second) = two.other_binds("LITHIC", "card", "crd_demo_1");
    assert!(server.terminate().success());
    two.made_before_that_was_looked_at(&workplace, &second, "APTO");
    let server = workplace.serve();
    let mut two = two.again(&server);
    assert_eq!(two.authorize(&second, "APTO"), "BINDING_NOT_FOUND");
    assert_eq!(two.authorize(&first, "MARQETA"), "POLICY_VIOLATION_AMOUNT");
    let asked = server.client().post("/apto/v3/authorize", &Apto::purchase("1", "-200.00").body());
    assert_eq!(asked.json()["authorization"]["approved"], json!(false), "its own platform is asked about the first one, too");
    assert_eq!(balance(&workplace, "acct-demo-2").1, 0);
    let intent = json!({"spending_authority_id": two.observed, "binding_id": second["id"], "amount": 20_000, "currency": "USD",
        "reserve": true});
    let intent = two.other.made("/v1/authorize-intent", &intent);
    assert_eq!((&intent["eligible"], &intent["reason_code"]), (&json!(false), &json!("BINDING_NOT_FOUND")), "{intent}");
    assert_eq!(balance(&workplace, "acct-demo-2").1, 0);
    // Once the first one is archived, the second leads.
    two.demo.made(&format!("/v1/bindings/{}/archive", first["id"].as_str().unwrap()), &json!({}));
    assert_eq!(two.authorize(&second, "APTO"), "OBSERVE_ONLY");
}

#[test]
fn a_card_of_an_account_that_another_enterprise_has_bound_stays_with_its_policy() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut two = Two::new(&workplace, &server);
    let (status, account) = two.demo_binds("MARQETA", "account", "acct-demo-1");
    assert_eq!(status, 201, "{account}");
    for platform in ["MARQETA", "APTO"] {
        let (status, said) = two.other_binds(platform, "card", "card-demo-1");
        assert_eq!((status, &said["code"]), (409, &json!("taken")), "{said}");
    }
    assert_eq!(two.other_binds("MARQETA", "card", "card-demo-2").0, 409, "that has a binding");
    assert_eq!(two.other_binds("MARQETA", "card", "card-unheard").0, 201, "no account is known of it");
    // Bound where nobody looked: the account was bound first.
    let (_, card) = two.other_binds("LITHIC", "card", "card-demo-1");
    assert!(server.terminate().success());
    two.made_before_that_was_looked_at(&workplace, &card, "MARQETA");
    let server = workplace.serve();
    let mut two = two.again(&server);
    let refused = server.client().post("/marqeta/jit", &Marqeta::purchase("1", "200.00").body());
    assert_eq!(refused.json()["jit_funding"]["decline_reason"], json!("AMOUNT_LIMIT_EXCEEDED"), "{refused:?}");
    assert_eq!(two.authorize(&card, "MARQETA"), "BINDING_NOT_FOUND");
    let intent = json!({"spending_authority_id": two.observed, "binding_id": card["id"], "amount": 20_000, "currency": "USD",
        "reserve": true});
    let intent = two.other.made("/v1/authorize-intent", &intent);
    assert_eq!((&intent["eligible"], &intent["reason_code"]), (&json!(false), &json!("BINDING_NOT_FOUND")), "{intent}");
    assert_eq!(balance(&workplace, "acct-demo-1").1, 0, "nothing of it is reserved");
    assert_eq!(server.client().post("/marqeta/jit", &Marqeta::purchase("2", "100.00").body()).status, 200);
    // The other way round the card's own goes on.
    two.demo.made(&format!("/v1/bindings/{}/archive", account["id"].as_str().unwrap()), &json!({}));
    assert_eq!(two.demo_binds("MARQETA", "account", "acct-demo-1").0, 201);
    assert_eq!(two.authorize(&card, "MARQETA"), "OBSERVE_ONLY");
    assert_eq!(server.client().post("/marqeta/jit", &Marqeta::purchase("3", "200.00").body()).status, 200);
    assert_eq!(code(&two.other.get("/v1/bindings")).0, 200);
}
