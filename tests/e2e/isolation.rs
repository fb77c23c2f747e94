//! Two enterprises and a processor without a grant: none of them sees or changes anything of another one's, by whatever route. The routes
//! are those of the served description, so that a new one is tried, too, and fails here until somebody says how.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::spend::{Caller, enterprise, id, organization_with_key};
use crate::support::Workplace;
use crate::support::server::Server;

/// The methods that a description can have.
const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];

/// What a route takes, by its schema's name: something that would be done, if the object were one's own.
fn body_of(schema: &str) -> Value {
    match schema {
        "" => Value::Null,
        "AgentChange" | "AuthorityChange" => json!({"version": 1, "name": "mine now"}),
        "BindingChange" => json!({"version": 1, "status": "suspended"}),
        "PolicyChange" => {
            json!({"version": 1, "policy": {"template": "max_amount", "parameters": {"amount": 1, "currency": "USD"}}})
        }
        "NewAgent" => json!({"name": "mine", "description": "buys"}),
        "PaymentEvent" => json!({"type": "reversal", "event_id": "mine"}),
        "Review" => json!({"version": 1, "note": "mine"}),
        other => panic!("say in this test what a route takes that wants {other}"),
    }
}

/// Every object of the demo's enterprise, by the parameter that names its kind.
fn objects(server: &Server) -> BTreeMap<&'static str, String> {
    let (mut owner, mut processor) = (Caller::demo(server, "enterprise"), Caller::demo(server, "processor"));
    let first = |caller: &mut Caller, path: &str| id(&caller.get(path).json()["items"][0]);
    let question =
        json!({"binding_id": "bind_demo", "issuing_platform": "MARQETA", "amount": 1_000, "currency": "USD", "mcc": "5734"});
    let decided = processor.made("/v1/authorize", &question);
    let request = decided["request_id"].as_str().unwrap().to_owned();
    while owner.get(&format!("/v1/authorizations/{request}")).status != 200 {
        std::thread::yield_now();
    }
    let intent = json!({"spending_authority_id": "sa_demo", "amount": 4_999, "currency": "USD", "mcc": "5734"});
    let intent = owner.made("/v1/authorize-intent", &intent)["intent_reference"].as_str().unwrap().to_owned();
    let invited = owner.made("/v1/members", &json!({"email": "eve@example.com", "role": "developer"}));
    BTreeMap::from([
        ("request_id", request),
        ("intent_reference", intent),
        ("member_id", id(invited.get("member").unwrap_or(&invited))),
        ("enterprise_id", "ent_demo".to_owned()),
        ("binding_id", "bind_demo".to_owned()),
        ("spending_authority_id", "sa_demo".to_owned()),
        ("agent_id", first(&mut owner, "/v1/enterprises/ent_demo/agents")),
        ("policy_id", first(&mut owner, "/v1/policies")),
        ("credential_id", first(&mut owner, "/v1/credentials")),
        ("grant_id", first(&mut owner, "/v1/grants")),
    ])
}

/// A route: its method, its path, the parameters in that, and the name of what it takes.
struct Described {
    method: String,
    path: String,
    parameters: Vec<String>,
    takes: String,
}

fn described(server: &Server) -> Vec<Described> {
    let mut anybody = Caller::demo(server, "enterprise");
    let description = anybody.get("/v1/openapi.json").json();
    let mut routes = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        let parameters = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(str::to_owned);
        let parameters: Vec<_> = parameters.collect();
        for (method, operation) in operations.as_object().unwrap().iter().filter(|(method, _)| METHODS.contains(&method.as_str()))
        {
            let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
            let takes = schema.rsplit('/').next().unwrap_or_default().to_owned();
            routes.push(Described { method: method.to_uppercase(), path: path.clone(), parameters: parameters.clone(), takes });
        }
    }
    routes
}

/// Tries every route that names something, with every name of somebody else's in each place.
fn nothing_is_found(
    caller: &mut Caller,
    own: &str,
    routes: &[Described],
    others: &BTreeMap<&'static str, String>,
    allowed: &[u16],
) -> usize {
    let mut tried = 0;
    for route in routes.iter().filter(|route| !route.parameters.is_empty()) {
        let last = route.parameters.last().unwrap();
        assert!(others.contains_key(last.as_str()), "say in this test whose {last} is tried at {}", route.path);
        for other in others.values() {
            let mut path = route.path.replace(&format!("{{{last}}}"), other);
            for before in &route.parameters[..route.parameters.len() - 1] {
                assert_eq!(before, "enterprise_id", "{}", route.path);
                path = path.replace("{enterprise_id}", own);
            }
            let answer = caller.ask(&route.method, &path, &[], &body_of(&route.takes));
            // What only processors do is forbidden to an enterprise, whatever is named.
            let forbidden = route.takes == "PaymentEvent" && answer.status == 403;
            assert!(forbidden || allowed.contains(&answer.status), "{} {path}: {answer:?}", route.method);
            assert!(!answer.body.contains("bot") && !answer.body.contains("MARQETA"), "{} {path}: {answer:?}", route.method);
            tried += 1;
        }
        if let [first, _] = &route.parameters[..] {
            // The whole path is somebody else's.
            let path = route
                .path
                .replace("{enterprise_id}", &others["enterprise_id"])
                .replace(&format!("{{{last}}}"), &others[last.as_str()]);
            let answer = caller.ask(&route.method, &path, &[], &body_of(&route.takes));
            assert!(first == "enterprise_id" && allowed.contains(&answer.status), "{} {path}: {answer:?}", route.method);
        }
    }
    tried
}

/// Lists and sums have nothing of it.
fn nothing_is_listed(caller: &mut Caller, routes: &[Described], others: &BTreeMap<&'static str, String>) {
    let lists =
        routes.iter().filter(|route| route.method == "GET" && route.parameters.is_empty() && !route.path.ends_with(".json"));
    for route in lists {
        let answer = caller.get(&route.path);
        // What is for the other kind of organization is forbidden.
        assert!(matches!(answer.status, 200 | 403), "{}: {answer:?}", route.path);
        for other in others.values() {
            assert!(!answer.body.contains(&format!("\"{other}\"")), "{}: {answer:?}", route.path);
        }
    }
    assert_eq!(caller.get("/v1/metrics").json()["authorizations"].as_i64().unwrap_or(0), 0);
}

/// What somebody else's names do in a body.
fn nothing_is_taken(caller: &mut Caller, own: &str) {
    let policy = json!({"template": "max_amount", "parameters": {"amount": 1, "currency": "USD"}});
    let agent = id(&caller.made(&format!("/v1/enterprises/{own}/agents"), &json!({"name": "mine", "description": "buys"})));
    let authority = json!({"agent_id": agent, "mode": "enforce", "policy": policy, "name": "mine"});
    let mine = id(&caller.made("/v1/spending-authorities", &authority));
    let bodies = [
        ("/v1/bindings", json!({"spending_authority_id": "sa_demo", "issuing_platform": "MARQETA", "instrument_id": "card-x"})),
        // The card is bound already.
        ("/v1/bindings", json!({"spending_authority_id": mine, "issuing_platform": "MARQETA", "instrument_id": "card-demo-2"})),
        ("/v1/authorize-intent", json!({"spending_authority_id": "sa_demo", "amount": 1, "currency": "USD"})),
        ("/v1/authorize-intent", json!({"binding_id": "bind_demo", "amount": 1, "currency": "USD"})),
        (
            "/v1/authorize-intent",
            json!({"spending_authority_id": mine, "binding_id": "bind_demo", "amount": 1, "currency": "USD"}),
        ),
    ];
    for (path, body) in bodies {
        let answer = caller.post(path, &body);
        assert!(matches!(answer.status, 400 | 404 | 409), "{path} {body}: {answer:?}");
    }
}

#[test]
fn no_route_leads_to_another_organizations_objects() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let others = objects(&server);
    let routes = described(&server);
    let mut owner = Caller::demo(&server, "enterprise");
    let seen = |owner: &mut Caller| -> Vec<String> {
        let paths = [
            format!("/v1/enterprises/ent_demo/agents/{}", others["agent_id"]),
            format!("/v1/policies/{}", others["policy_id"]),
            format!("/v1/grants/{}", others["grant_id"]),
            format!("/v1/intents/{}", others["intent_reference"]),
            format!("/v1/members/{}", others["member_id"]),
            format!("/v1/authorizations/{}", others["request_id"]),
            "/v1/spending-authorities/sa_demo".to_owned(),
            "/v1/bindings/bind_demo".to_owned(),
        ];
        paths.map(|path| owner.get(&path)).map(|answer| format!("{} {}", answer.status, answer.body)).into()
    };
    let before = seen(&mut owner);
    assert!(before.iter().all(|answer| answer.starts_with("200 ")), "{before:?}");

    let (own, mut neighbour) = enterprise(&workplace, &server, "ada@example.com");
    let tried = nothing_is_found(&mut neighbour, &own, &routes, &others, &[404]);
    assert!(tried > 150, "only {tried} were tried");
    // Connected only now: a connection that has never asked anything is not kept for long.
    let (processor, mut stranger) = organization_with_key(&workplace, &server, "processor", "bob@example.com");
    // What only enterprises do is forbidden to it, whatever is named.
    nothing_is_found(&mut stranger, &processor, &routes, &others, &[403, 404]);
    nothing_is_listed(&mut neighbour, &routes, &others);
    nothing_is_listed(&mut stranger, &routes, &others);
    nothing_is_taken(&mut neighbour, &own);
    // A processor's event about another one's payment finds nothing, and gives nothing back.
    let events = format!("/v1/authorizations/{}/events", others["request_id"]);
    let reversal = json!({"type": "reversal", "event_id": "mine"});
    assert_eq!(stranger.post(&events, &reversal).status, 404);
    // Without a grant the binding is unknown to a processor.
    let question = json!({"binding_id": "bind_demo", "issuing_platform": "MARQETA", "amount": 1_000, "currency": "USD"});
    let answer = stranger.post("/v1/authorize", &question);
    let said = answer.json();
    assert!(answer.status == 403 || said["reason_code"] == json!("BINDING_NOT_FOUND"), "{answer:?}");
    assert_eq!(seen(&mut owner), before, "nothing changed");
}
