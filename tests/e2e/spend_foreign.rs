//! Ids in bodies: one that is another organization's is told as one that is nobody's.

use serde_json::{Value, json};

use crate::spend::{code, enterprise, id, modelled};
use crate::support::Workplace;

#[test]
fn a_body_that_names_what_is_anothers_hears_what_an_unknown_name_hears() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (organization, mut owner) = enterprise(&workplace, &server, "ada@example.com");
    let [agent, authority, _, binding] = modelled(&organization, &mut owner, "card-demo-1");
    let authority_path = format!("/v1/spending-authorities/{authority}");
    let binding_path = format!("/v1/bindings/{binding}");
    let intent = json!({"spending_authority_id": authority, "amount": 1, "currency": "USD"});
    let cases = [
        ("POST", "/v1/spending-authorities", json!({}), "agent_id", "ag_demo"),
        ("POST", "/v1/spending-authorities", json!({"agent_id": agent}), "policy_id", "pol_demo"),
        ("PATCH", &authority_path, json!({"version": 1}), "policy_id", "pol_demo"),
        ("POST", "/v1/bindings", json!({"issuing_platform": "X", "instrument_id": "i"}), "spending_authority_id", "sa_demo"),
        ("PATCH", &binding_path, json!({"version": 1}), "spending_authority_id", "sa_demo"),
        ("POST", "/v1/authorize-intent", intent.clone(), "spending_authority_id", "sa_demo"),
        ("POST", "/v1/authorize-intent", intent, "binding_id", "bind_demo"),
        ("POST", "/v1/grants", json!({"issuing_platform": "X"}), "processor_id", "ent_demo"),
    ];
    for (method, path, body, field, anothers) in cases {
        let nobodys = anothers.replace("demo", "nobody");
        let mut hears = |named: &str| -> Value {
            let mut body = body.clone();
            body[field] = json!(named);
            let answer = owner.ask(method, path, &[], &body);
            assert_eq!(code(&answer), (404, "not_found".to_owned()), "{method} {path} {body}");
            assert_eq!(answer.json()["errors"][0]["path"], json!(field), "{method} {path} {body}");
            answer.json()
        };
        assert_eq!(hears(anothers), hears(&nobodys), "{method} {path}");
    }
    assert_eq!(owner.get(&binding_path).json()["version"], json!(1), "nothing was changed");
    assert_eq!(id(&owner.get(&authority_path).json()), authority);
}
