//! Agent spend over real sockets: the way through the integration checklist, who sees what, and what no token gets.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use holdfast_adapters::{Secret, token};
use holdfast_core::Timestamp;
use holdfast_core::agent::KeyId;
use serde_json::{Value, json};

use crate::support::http::Response;
use crate::support::server::Server;
use crate::support::{Client, Workplace};

/// Somebody with a credential, on one connection.
pub struct Caller {
    client: Client,
    token: String,
}

fn bearer(key: &str, secret: &str) -> String {
    let now = jiff::Timestamp::now().as_microsecond();
    let secret = Secret::new(secret.as_bytes());
    token::sign(&KeyId::new(key).unwrap(), &secret, Timestamp::from_unix_micros(now), Duration::from_secs(3600)).unwrap()
}

impl Caller {
    pub fn new(server: &Server, key: &str, secret: &str) -> Self {
        Self::at(server.listen, key, secret)
    }

    pub fn at(listen: SocketAddr, key: &str, secret: &str) -> Self {
        Caller { client: Client::connect_as(listen, None), token: format!("Bearer {}", bearer(key, secret)) }
    }

    /// The same, at another process.
    pub fn again(self, server: &Server) -> Self {
        Caller { client: Client::connect_as(server.listen, None), ..self }
    }

    /// The same credential, on a connection of its own.
    pub fn twin(&self, server: &Server) -> Self {
        Caller { client: Client::connect_as(server.listen, None), token: self.token.clone() }
    }

    pub fn demo(server: &Server, who: &str) -> Self {
        Self::demo_at(server.listen, who)
    }

    pub fn demo_at(listen: SocketAddr, who: &str) -> Self {
        let read = |what: &str| {
            let path = format!("{}/config/demo/secrets/{who}_{what}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).unwrap().trim_end().to_owned()
        };
        Self::at(listen, &read("api_key"), &read("shared_secret"))
    }

    pub fn ask(&mut self, method: &str, path: &str, more: &[(&str, &str)], body: &Value) -> Response {
        let mut headers = vec![("Authorization", self.token.as_str()), ("Content-Type", "application/json")];
        headers.extend_from_slice(more);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.client.ask(method, path, &headers, &body)
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.ask("GET", path, &[], &Value::Null)
    }

    pub fn found(&mut self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Response {
        self.ask("POST", path, &[], body)
    }

    pub fn made(&mut self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body);
        assert!(matches!(answer.status, 200 | 201), "{path}: {answer:?}");
        answer.json()
    }
}

pub fn code(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

pub fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// An enterprise made by an operator, with its owner's own credential.
pub fn enterprise(workplace: &Workplace, server: &Server, owner: &str) -> (String, Caller) {
    organization_with_key(workplace, server, "enterprise", owner)
}

/// An organization made by an operator, with its owner's own credential.
pub fn organization_with_key(workplace: &Workplace, server: &Server, kind: &str, owner: &str) -> (String, Caller) {
    let data = workplace.data();
    let arguments = ["organization", "create", "--kind", kind, "--name", "Example", "--owner", owner, "--by", "ann"];
    let output = workplace.run(&[&arguments[..], &["--data", data.to_str().unwrap()]].concat());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let (object, invitation) = handed_over(&printed);
    let organization = id(&object);
    let mut stranger = Client::connect_as(server.listen, None);
    let body = json!({"token": invitation, "name": "Ada"}).to_string();
    let accept = [("Content-Type", "application/json")];
    let accepted = stranger.ask("POST", "/v1/invitations/accept", &accept, &body);
    assert_eq!(accepted.status, 201, "{accepted:?}");
    assert_eq!(stranger.ask("POST", "/v1/invitations/accept", &accept, &body).status, 404, "an invitation is accepted once");
    let accepted = accepted.json();
    assert_eq!((&accepted["member"]["email"], &accepted["member"]["name"]), (&json!(owner), &json!("Ada")));
    let text = |name: &str| accepted[name].as_str().unwrap();
    (organization, Caller::new(server, text("api_key"), text("shared_secret")))
}

/// What an operator is shown of somebody who is invited: the object, and the invitation that is to be handed over.
pub fn handed_over(printed: &str) -> (Value, &str) {
    let (object, rest) = printed.split_once('\n').unwrap();
    (serde_json::from_str(object).unwrap(), rest.trim_end().rsplit(' ').next().unwrap())
}

/// Somebody whom a caller invites, and to whom an operator brings the invitation.
pub fn member(workplace: &Workplace, server: &Server, inviting: &mut Caller, email: &str, role: &str) -> Caller {
    let invited = inviting.made("/v1/members", &json!({"email": email, "role": role}));
    assert_eq!((&invited["invitation_by"], &invited["invitation"]), (&json!("operator"), &Value::Null), "{invited}");
    let data = workplace.data();
    let output = workplace.run(&["organization", "invitation", &id(&invited), "--by", "ann", "--data", data.to_str().unwrap()]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let body = json!({"token": handed_over(&printed).1}).to_string();
    let accept = [("Content-Type", "application/json")];
    let accepted = Client::connect_as(server.listen, None).ask("POST", "/v1/invitations/accept", &accept, &body).json();
    let text = |name: &str| accepted[name].as_str().unwrap_or_else(|| panic!("{accepted}"));
    Caller::new(server, text("api_key"), text("shared_secret"))
}

/// An agent, an authority with a policy, and a binding of a card; their ids.
pub fn modelled(organization: &str, caller: &mut Caller, card: &str) -> [String; 4] {
    let agent = caller.made(&format!("/v1/enterprises/{organization}/agents"), &json!({"name": "bot", "description": "buys"}));
    let policy = json!({"template": "all_of", "parameters": {"policies": [
        {"template": "max_amount", "parameters": {"amount": 10_000, "currency": "USD"}},
        {"template": "budget", "parameters": {"amount": 30_000, "currency": "USD", "window": "month"}},
        {"template": "human_review", "parameters": {"amount": 5_000, "currency": "USD"}},
    ]}});
    let authority = caller.made(
        "/v1/spending-authorities",
        &json!({"agent_id": id(&agent), "mode": "enforce", "policy": policy, "name": "software"}),
    );
    let binding = caller.made(
        "/v1/bindings",
        &json!({"spending_authority_id": id(&authority), "issuing_platform": "MARQETA", "instrument_id": card}),
    );
    [id(&agent), id(&authority), authority["policy_id"].as_str().unwrap().to_owned(), id(&binding)]
}

#[test]
fn from_an_invitation_to_a_reviewed_intent() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (organization, mut owner) = enterprise(&workplace, &server, "ada@example.com");
    let [_, authority, policy, binding] = modelled(&organization, &mut owner, "card-demo-1");

    let intent = |amount: i64| {
        json!({"spending_authority_id": authority, "amount": amount, "currency": "USD", "mcc": "5734",
            "merchant": "Software Store", "intent_ttl_seconds": 3600})
    };
    let small = owner.made("/v1/authorize-intent", &intent(4_999));
    assert_eq!(
        (&small["eligible"], &small["status"], &small["reason_code"]),
        (&json!(true), &json!("open"), &json!("POLICY_MATCH"))
    );
    assert_eq!(small["policy_id"], json!(policy));
    assert_eq!(small["remaining_limits"][0]["amount"], json!(30_000), "an intent reserves nothing");
    let large = owner.made("/v1/authorize-intent", &intent(10_001));
    assert_eq!((&large["eligible"], &large["reason_code"]), (&json!(false), &json!("POLICY_VIOLATION_AMOUNT")));
    let reviewed = owner.made("/v1/authorize-intent", &intent(5_001));
    assert_eq!((&reviewed["eligible"], &reviewed["status"]), (&json!(true), &json!("pending_review")));

    // Whoever asked does not approve; a reviewer who was invited does.
    let reference = reviewed["intent_reference"].as_str().unwrap();
    let approve = format!("/v1/intents/{reference}/approve");
    assert_eq!(code(&owner.post(&approve, &json!({}))), (403, "own_intent".to_owned()));
    let mut reviewer = member(&workplace, &server, &mut owner, "bob@example.com", "reviewer");
    assert_eq!(code(&reviewer.post("/v1/authorize-intent", &intent(1))), (403, "scope_missing".to_owned()));
    let approved = reviewer.made(&approve, &json!({"note": "fine"}));
    assert_eq!((&approved["status"], &approved["review_note"]), (&json!("approved"), &json!("fine")));
    assert_eq!(code(&reviewer.post(&approve, &json!({}))), (409, "state_conflict".to_owned()));

    // Versions, archiving, and the trail of it.
    let path = format!("/v1/bindings/{binding}");
    assert_eq!(code(&owner.ask("PATCH", &path, &[("If-Match", "\"9\"")], &json!({"status": "suspended"}))).1, "version_conflict");
    assert_eq!(owner.ask("PATCH", &path, &[("If-Match", "\"1\"")], &json!({"status": "suspended"})).status, 200);
    assert_eq!(owner.made(&format!("{path}/archive"), &json!({}))["status"], json!("archived"));
    assert_eq!(code(&owner.ask("PATCH", &path, &[], &json!({"version": 3}))), (410, "archived".to_owned()));
    assert_eq!(owner.found(&path)["status"], json!("archived"), "it stays readable");
    let trail = owner.found(&format!("/v1/audit?id={binding}"));
    let actions: Vec<_> = trail["items"].as_array().unwrap().iter().map(|deed| deed["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["binding.archived", "binding.updated", "binding.created"]);
    assert_eq!(trail["items"][1]["before"]["status"], json!("active"));

    // All of it is there after a restart, and nothing that is sealed is in the file.
    assert!(server.terminate().success());
    let file = std::fs::read(workplace.data().join("agents.sqlite")).unwrap();
    for text in ["ada@example.com", "Software Store", "buys"] {
        assert!(!file.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
    let server = workplace.serve();
    owner.client = Client::connect_as(server.listen, None);
    assert_eq!(owner.found(&format!("/v1/intents/{reference}"))["merchant"], json!("Software Store"));
    let data = workplace.data();
    let erased = workplace.run(&["erase", "--person", "bob@example.com", "--data", data.to_str().unwrap()]);
    assert_eq!(String::from_utf8_lossy(&erased.stdout), "1 texts erased\n");
    let members = owner.found("/v1/members");
    assert_eq!((&members["items"][0]["email"], &members["items"][1]["email"]), (&json!("ada@example.com"), &Value::Null));
}

#[test]
fn a_processors_question_is_decided_and_listed() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let intent = owner_intent(&server);
    let mut processor = Caller::demo(&server, "processor");
    let asked = |amount: i64, mcc: &str| {
        json!({"intent_reference": intent, "binding_id": "bind_demo", "issuing_platform": "MARQETA", "amount": amount,
            "currency": "USD", "mcc": mcc, "merchant": "Software Store"})
    };
    let approved = processor.made("/v1/authorize", &asked(4_999, "5734"));
    assert_eq!((&approved["decision"], &approved["reason_code"]), (&json!("APPROVE"), &json!("POLICY_MATCH")), "{approved}");
    let declined = processor.made(
        "/v1/authorize",
        &json!({"binding_id": "bind_demo", "issuing_platform": "MARQETA",
        "amount": 4_999, "currency": "USD", "mcc": "5812"}),
    );
    assert_eq!(
        (&declined["decision"], &declined["reason_code"]),
        (&json!("DECLINE"), &json!("POLICY_VIOLATION_MCC")),
        "{declined}"
    );
    let mut owner = Caller::demo(&server, "enterprise");
    let list = loop {
        let list = owner.found("/v1/authorizations");
        if list["items"].as_array().unwrap().len() == 2 {
            break list;
        }
        std::thread::yield_now();
    };
    assert_eq!((&list["items"][0]["decision"], &list["items"][1]["amount"]), (&json!("DECLINE"), &json!(4_999)));
    let request = approved["request_id"].as_str().unwrap();
    assert_eq!(owner.found(&format!("/v1/authorizations/{request}"))["processor_id"], json!("proc_demo"));
    assert_eq!(owner.found("/v1/authorizations?decision=APPROVE")["items"].as_array().unwrap().len(), 1);
    let metrics = processor.found("/v1/metrics");
    assert_eq!((&metrics["authorizations"], &metrics["approval_rate_basis_points"]), (&json!(2), &json!(5_000)));
    assert_eq!(metrics["reasons"], json!({"POLICY_MATCH": 1, "POLICY_VIOLATION_MCC": 1}));
    assert_eq!(owner.found("/v1/usage")["items"][0]["authorizations"], json!(2));
}

#[test]
fn a_key_makes_a_change_once() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut demo = Caller::demo(&server, "enterprise");
    let key = [("Idempotency-Key", "agent-1")];
    let new = json!({"name": "one"});
    let first = demo.ask("POST", "/v1/enterprises/ent_demo/agents", &key, &new);
    let again = demo.ask("POST", "/v1/enterprises/ent_demo/agents", &key, &new);
    assert_eq!((first.status, again.status, first.json()), (201, 201, again.json()));
    let other = demo.ask("POST", "/v1/enterprises/ent_demo/agents", &key, &json!({"name": "two"}));
    assert_eq!(code(&other), (409, "idempotency_conflict".to_owned()));
    assert_eq!(demo.found("/v1/enterprises/ent_demo/agents")["items"].as_array().unwrap().len(), 2, "the demo's, and this one");
    let secret = demo.ask("POST", "/v1/credentials", &[("Idempotency-Key", "c")], &json!({"scopes": ["read"]}));
    assert!(secret.json()["shared_secret"].is_string());
    let again = demo.ask("POST", "/v1/credentials", &[("Idempotency-Key", "c")], &json!({"scopes": ["read"]}));
    assert_eq!(
        (again.json()["id"].clone(), &again.json()["shared_secret"]),
        (secret.json()["id"].clone(), &Value::Null),
        "told once"
    );
    let beyond = demo.post("/v1/credentials", &json!({"scopes": ["review"]}));
    assert_eq!(code(&beyond), (403, "scope_missing".to_owned()), "nobody gives what they do not have");
    let made = secret.json();
    let mut reader = Caller::new(&server, made["api_key"].as_str().unwrap(), made["shared_secret"].as_str().unwrap());
    assert_eq!(reader.get("/v1/bindings").status, 200);
    demo.made(&format!("/v1/credentials/{}/revoke", id(&made)), &json!({}));
    assert_eq!(code(&reader.get("/v1/bindings")), (401, "key_unknown".to_owned()), "revoked, it proves nothing");
}

#[test]
fn an_organization_sees_nothing_of_another_ones() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (organization, mut owner) = enterprise(&workplace, &server, "eve@example.com");
    let intent = owner_intent(&server);
    let others = ["ag_demo", "sa_demo", "pol_demo", "bind_demo", intent.as_str()];
    let paths = [
        format!("/v1/enterprises/ent_demo/agents/{}", others[0]),
        format!("/v1/enterprises/{organization}/agents/{}", others[0]),
        format!("/v1/spending-authorities/{}", others[1]),
        format!("/v1/policies/{}", others[2]),
        format!("/v1/bindings/{}", others[3]),
        format!("/v1/intents/{}", others[4]),
    ];
    for path in &paths {
        assert_eq!(code(&owner.get(path)), (404, "not_found".to_owned()), "{path}");
        for act in ["archive", "cancel", "approve", "deny", "versions"] {
            let answer = owner.post(&format!("{path}/{act}"), &json!({}));
            assert!(matches!(answer.status, 404 | 405), "{path}/{act}: {answer:?}");
        }
        let changed = owner.ask("PATCH", path, &[], &json!({"version": 1}));
        assert!(matches!(changed.status, 404 | 405), "{path}: {changed:?}");
    }
    for list in
        ["spending-authorities", "policies", "bindings", "intents", "grants", "members", "credentials", "audit", "activity"]
    {
        let found = owner.get(&format!("/v1/{list}"));
        assert!(found.status == 200 && !found.body.contains("demo"), "{list}: {found:?}");
    }
    assert_eq!(owner.get("/v1/enterprises/ent_demo/agents").status, 404);
    let foreign = [
        ("/v1/spending-authorities", json!({"agent_id": "ag_demo"})),
        ("/v1/bindings", json!({"spending_authority_id": "sa_demo", "issuing_platform": "X", "instrument_id": "i"})),
    ];
    for (path, body) in foreign {
        assert_eq!(code(&owner.post(path, &body)), (404, "not_found".to_owned()), "{path}");
    }
    let body = json!({"spending_authority_id": "sa_demo", "amount": 1, "currency": "USD"});
    assert_eq!(owner.post("/v1/authorize-intent", &body).status, 404);
    // The processor sees its grant, and none of the objects.
    let mut processor = Caller::demo(&server, "processor");
    assert_eq!(processor.found("/v1/grants")["items"][0]["issuing_platform"], json!("MARQETA"));
    assert_eq!(processor.get("/v1/bindings/bind_demo").status, 404);
    assert_eq!(code(&processor.post("/v1/bindings", &json!({}))), (403, "scope_missing".to_owned()));
}

fn owner_intent(server: &Server) -> String {
    let body = json!({"spending_authority_id": "sa_demo", "amount": 4_999, "currency": "USD", "mcc": "5734"});
    let validated = Caller::demo(server, "enterprise").made("/v1/authorize-intent", &body);
    assert_eq!(validated["reason_code"], json!("POLICY_MATCH"), "{validated}");
    validated["intent_reference"].as_str().unwrap().to_owned()
}

#[test]
fn no_token_but_a_right_one_gets_in() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let demo = Caller::demo(&server, "enterprise");
    let (head, rest) = demo.token.trim_start_matches("Bearer ").split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIn0";
    let mut client = Client::connect_as(server.listen, None);
    let mut asked = |token: Option<String>| {
        let header = token.unwrap_or_default();
        let headers: &[(&str, &str)] = if header.is_empty() { &[] } else { &[("Authorization", &header)] };
        code(&client.ask("GET", "/v1/bindings", headers, ""))
    };
    let wrong = [
        (None, "token_missing"),
        (Some("Basic YTpi".to_owned()), "token_unreadable"),
        (Some(format!("Bearer {head}.{claims}")), "token_unreadable"),
        (Some(format!("Bearer {head}.{claims}.")), "token_signature"),
        (Some(format!("Bearer {none}.{claims}.{signature}")), "token_algorithm"),
        (Some(format!("Bearer {}", bearer("key_demo_enterprise", "guessed"))), "token_signature"),
        (Some(format!("Bearer {}", bearer("key_nobody", "guessed"))), "key_unknown"),
    ];
    for (token, expected) in wrong {
        assert_eq!(asked(token), (401, expected.to_owned()));
    }
    // These need none.
    for open in ["/v1/policy-templates", "/v1/openapi.json"] {
        assert_eq!(client.ask("GET", open, &[], "").status, 200);
    }
}

#[test]
fn what_is_wrong_with_a_request_is_told_field_by_field() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut demo = Caller::demo(&server, "enterprise");
    let paths = |answer: &Response| {
        assert_eq!(answer.status, 400, "{answer:?}");
        let mut text = String::new();
        for error in answer.json()["errors"].as_array().unwrap() {
            write!(text, "{} ", error["path"].as_str().unwrap()).unwrap();
        }
        text
    };
    let nothing = demo.post("/v1/authorize-intent", &json!({}));
    assert_eq!(paths(&nothing), "spending_authority_id amount currency ");
    let wrong = json!({"spending_authority_id": "sa_demo", "amount": -1, "currency": "XXQ", "mcc": "grocery", "merchant": "",
        "intent_ttl_seconds": 1, "more": true});
    let wrong = demo.post("/v1/authorize-intent", &wrong);
    assert_eq!(paths(&wrong), "amount currency mcc merchant intent_ttl_seconds more ");
    let number =
        json!({"spending_authority_id": "sa_demo", "amount": 1, "currency": "USD", "merchant": "Store 4242 4242 4242 4242"});
    let number = demo.post("/v1/authorize-intent", &number);
    assert_eq!(paths(&number), "merchant ");
    let mut processor = Caller::demo(&server, "processor");
    let wrong = processor.post("/v1/authorize", &json!({"amount": "1", "currency": "XXQ", "mcc": "grocery", "occurred_at": 7}));
    let mut told: Vec<_> = paths(&wrong).split_whitespace().map(str::to_owned).collect();
    told.sort();
    assert_eq!(told, ["amount", "currency", "issuing_platform", "mcc", "occurred_at"]);
    let wrong = processor.post("/v1/authorizations/r/events", &json!({"type": "gift", "amount": 0, "currency": "XXQ"}));
    let mut told: Vec<_> = paths(&wrong).split_whitespace().map(str::to_owned).collect();
    told.sort();
    assert_eq!(told, ["amount", "currency", "event_id", "type"]);
    let policy = json!({"policy": {"template": "any_of", "parameters": {"policies": [
        {"template": "max_amount", "parameters": {"amount": 0, "currency": "USD"}}, {"template": "unheard", "parameters": {}}]}}});
    let policy = demo.post("/v1/policies", &policy);
    assert_eq!(paths(&policy), "policy.parameters.policies[0].parameters.amount policy.parameters.policies[1].template ");
    let card = json!({"spending_authority_id": "sa_demo", "issuing_platform": "MARQETA", "instrument_id": "4111111111111111"});
    let card = demo.post("/v1/bindings", &card);
    assert_eq!(paths(&card), "instrument_id ");
    assert!(!card.body.contains("4111"), "no value is told back");
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(70_000));
    let headers = [("Authorization", demo.token.as_str()), ("Content-Type", "application/json")];
    let large = demo.client.ask("POST", "/v1/enterprises/ent_demo/agents", &headers, &large);
    assert_eq!(code(&large), (413, "body_too_large".to_owned()));
    let mut demo = Caller::demo(&server, "enterprise");
    let taken = json!({"spending_authority_id": "sa_demo", "issuing_platform": "marqeta", "instrument_id": "card-demo-2"});
    assert_eq!(code(&demo.post("/v1/bindings", &taken)), (409, "taken".to_owned()));
}

/// The integration guide's own lines make a token that gets in, by the library that they name.
#[test]
fn the_guides_javascript_makes_a_token_that_gets_in() {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/target/jsonwebtoken");
    if !std::path::Path::new(place).join("node_modules/jsonwebtoken").is_dir() {
        assert!(
            std::env::var_os("HOLDFAST_TEST_ALL").is_none(),
            "`npm install --prefix target/jsonwebtoken jsonwebtoken@9.0.2` first"
        );
        eprintln!("skipped: needs node, and jsonwebtoken in target/jsonwebtoken");
        return;
    }
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let read =
        |file: &str| std::fs::read_to_string(workplace.path("config/demo/secrets").join(file)).unwrap().trim_end().to_owned();
    let script = format!("{place}/token.mjs");
    std::fs::write(&script, include_str!("spend_node.js")).unwrap();
    let mut node = std::process::Command::new("node");
    node.arg(&script)
        .env("AUCTRA_API_KEY", read("enterprise_api_key"))
        .env("AUCTRA_SHARED_SECRET", read("enterprise_shared_secret"));
    let output = node.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = format!("Bearer {}", String::from_utf8(output.stdout).unwrap());
    let answer = Client::connect_as(server.listen, None).ask("GET", "/v1/organization", &[("Authorization", &token)], "");
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!("ent_demo")));
}

/// A retry hears the bytes of the first answer, although the process began anew and the policy is another one by now.
#[test]
fn a_retry_after_a_restart_hears_the_same_words_under_another_policy() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (mut owner, mut processor) = (Caller::demo(&server, "enterprise"), Caller::demo(&server, "processor"));
    let [_, authority, _, binding] = modelled("ent_demo", &mut owner, "card-demo-1");
    let question =
        |amount: i64| json!({"binding_id": binding, "issuing_platform": "MARQETA", "amount": amount, "currency": "USD"});
    let asked = |processor: &mut Caller, key: &str, amount| {
        let answer = processor.ask("POST", "/v1/authorize", &[("Idempotency-Key", key)], &question(amount));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    // A decline is written right behind its answer: what is approved after it is answered once both are.
    let (declined, approved) = (asked(&mut processor, "declined", 20_000), asked(&mut processor, "approved", 1_000));
    assert!(approved.contains("POLICY_MATCH") && declined.contains("POLICY_VIOLATION_AMOUNT"), "{approved} {declined}");
    let policy = json!({"template": "max_amount", "parameters": {"amount": 500, "currency": "USD"}});
    let other = json!({"version": 1, "policy": policy, "mode": "observe"});
    let path = format!("/v1/spending-authorities/{authority}");
    assert_eq!(owner.ask("PATCH", &path, &[], &other).status, 200);
    // As a process that is killed.
    server.kill();
    let server = workplace.serve();
    let mut processor = Caller::demo(&server, "processor");
    assert_eq!(asked(&mut processor, "approved", 1_000), approved);
    assert_eq!(asked(&mut processor, "declined", 20_000), declined);
    assert!(asked(&mut processor, "new", 1_000).contains("OBSERVE_ONLY"));
}

/// Beside the program's own limits and the intent's there is room for so many: who writes more hears of it, and no cardholder does.
#[test]
fn a_policy_with_more_budgets_than_there_is_room_for_is_refused() {
    let workplace = Workplace::demo();
    workplace.edit("rules/demo.toml", |text| {
        let limit =
            |number| format!("\n[[limit]]\nid = \"more-{number}\"\nscope = \"card\"\nwindow = \"day\"\ncount_max = 1000\n");
        let there = text.matches("[[limit]]").count();
        text + &(there..11).map(limit).collect::<String>()
    });
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    let budgets = |many: i64| {
        let budget = |hours| {
            json!({"template": "budget", "parameters": {"amount": 1_000, "currency": "USD", "window": "rolling",
            "rolling_seconds": 3_600 * hours}})
        };
        let policies: Vec<_> = (1..=many).map(budget).collect();
        json!({"name": "many", "policy": {"template": "all_of", "parameters": {"policies": policies}}})
    };
    let refused = owner.post("/v1/policies", &budgets(5));
    assert_eq!(code(&refused), (400, "bad_request".to_owned()));
    let path = "policy.parameters.policies[2].template";
    assert_eq!(refused.json()["errors"][0]["path"], json!(path), "{refused:?}");
    let authority = json!({"agent_id": "ag_demo", "policy": budgets(3)["policy"]});
    assert_eq!(owner.post("/v1/spending-authorities", &authority).json()["errors"][0]["path"], json!(path));
    assert!(refused.body.contains("there is room for 2"), "{refused:?}");
    owner.made("/v1/policies", &budgets(2));
}

/// Nobody waits for a stranger's body, nor tells what is wrong with it.
#[test]
fn a_stranger_is_told_that_before_the_body_is_read() {
    use std::io::{Read as _, Write as _};
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let asked = |path: &str, length: usize| {
        let mut stream = std::net::TcpStream::connect(server.listen).unwrap();
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    // One that does not come, and one that is too large.
    for length in [100, 10_000_000] {
        let answer = asked("/v1/authorize-intent", length);
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("\"code\":\"token_missing\""), "{answer}");
        assert!(answer.contains("application/problem+json") && answer.contains("www-authenticate"), "{answer}");
        // At the one route that the workers answer, too.
        let answer = asked("/v1/authorize", length);
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("\"code\":\"token_missing\""), "{answer}");
        assert!(answer.contains("www-authenticate: Bearer realm=\"holdfast\""), "{answer}");
    }
    let wrong = Client::connect_as(server.listen, None).get("/v1/authorize");
    assert_eq!((code(&wrong), wrong.header("allow")), ((405, "method_not_allowed".to_owned()), Some("POST")), "{wrong:?}");
    assert_eq!(wrong.header("content-type"), Some("application/problem+json"));
    let answer = asked("/v1/invitations/accept", 10_000_000);
    assert!(answer.starts_with("HTTP/1.1 413 "), "that one needs no token: {answer}");
    assert!(server.ops("/metrics").body.contains("holdfast_spend_refusals_total 2\n"));
}
