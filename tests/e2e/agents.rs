//! What agents may spend, at both doors: the table of cases over sockets, one payment for both doors, instruments that are none of ours,
//! retries, tokens. The server runs in this process, so that its objects can be put where the store would put them.

use std::sync::Arc;
use std::time::Duration;

use holdfast::agent::registry::Registry;
use holdfast::app::App;
use holdfast::clock;
use holdfast::config::{Config, Overrides};
use holdfast_adapters::Secret;
use holdfast_adapters::token::{self, Caller, Grant, SharedKey};
use holdfast_core::agent::{
    AgentId, Authority, AuthorityId, Binding, BindingId, BindingStatus, CompiledPolicy, CredentialId, Door, Environment,
    Instrument, InstrumentId, InstrumentKind, Intent, IntentNeed, IntentReference, IntentStatus, KeyId, Mode, OrganizationId,
    OrganizationKind, Owner, PolicyId, Scope, ScopeSet, Status, Template,
};
use holdfast_core::rules::Zone;
use holdfast_core::{Currency, Merchant, MerchantName, Money, PlatformName, ProgramId, Timestamp};
use serde_json::{Value, json};

use crate::support::{BackOffice, Client, Marqeta, Response, Workplace};

const SECRET: &[u8] = b"a shared secret of the processor";

/// A server with agents, in this process.
struct House {
    app: Option<App>,
    _workplace: Workplace,
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.drain();
        }
    }
}

fn platform(name: &str) -> PlatformName {
    PlatformName::new(name).unwrap()
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

/// At most 100.00 USD at 5734 and 5411, and above 60.00 somebody looks at it.
fn demo_policy() -> Value {
    json!({ "template": "all_of", "parameters": { "policies": [
        { "template": "max_amount", "parameters": { "amount": 10_000, "currency": "USD" } },
        { "template": "mcc_allowlist", "parameters": { "mccs": ["5734", "5411"] } },
        { "template": "human_review", "parameters": { "amount": 6_000, "currency": "USD" } },
    ] } })
}

fn compiled(authority: &str, template: &Value) -> Arc<CompiledPolicy> {
    let owner = Owner {
        authority: AuthorityId::new(authority).unwrap(),
        policy: PolicyId::new(&format!("pol_{authority}")).unwrap(),
        program: ProgramId::new("demo").unwrap(),
        currency: Currency::USD,
    };
    let zones = |_: &str| Some(Arc::new(Zone::utc()));
    Arc::new(CompiledPolicy::new(&Template::read(template, &zones).unwrap(), &owner).unwrap())
}

fn authority(id: &str, template: Option<&Value>) -> Authority {
    Authority {
        id: AuthorityId::new(id).unwrap(),
        organization: OrganizationId::new("ent_1").unwrap(),
        environment: Environment::Sandbox,
        agent: AgentId::new("ag_1").unwrap(),
        mode: Mode::Enforce,
        status: Status::Active,
        intent_need: IntentNeed::NotRequired,
        policy: template.map(|template| compiled(id, template)),
    }
}

fn binding(id: &str, authority: &str, issued_by: &str, instrument: &str) -> Binding {
    Binding {
        id: BindingId::new(id).unwrap(),
        organization: OrganizationId::new("ent_1").unwrap(),
        environment: Environment::Sandbox,
        authority: AuthorityId::new(authority).unwrap(),
        instrument: Instrument {
            platform: platform(issued_by),
            kind: InstrumentKind::Card,
            id: InstrumentId::new(instrument).unwrap(),
        },
        status: BindingStatus::Active,
        door: Door::Authorize,
        made_at: Timestamp::from_unix_seconds(1),
    }
}

fn intent(reference: &str, authority: &str, minor: i64) -> Intent {
    Intent {
        reference: IntentReference::new(reference).unwrap(),
        organization: OrganizationId::new("ent_1").unwrap(),
        environment: Environment::Sandbox,
        authority: AuthorityId::new(authority).unwrap(),
        binding: None,
        amount: usd(minor),
        merchant: Merchant { name: MerchantName::of("Software Store"), ..Merchant::default() },
        status: IntentStatus::Open,
        expires_at: clock::utc().saturating_add(Duration::from_secs(3600)),
    }
}

impl House {
    fn new() -> Self {
        let workplace = Workplace::demo();
        workplace.edit("holdfast.toml", |text| {
            let without = text.split("\n[agents]\n").next().unwrap().to_owned();
            let rest = text.split_once("\n[agents]\n").and_then(|(_, rest)| rest.find("\n[").map(|end| rest[end..].to_owned()));
            format!(
                "{without}{}\n[agents]\nkey = \"file:demo/secrets/agents_key\"\nsandbox = \"demo\"\n",
                rest.unwrap_or_default()
            )
        });
        let free = Some("127.0.0.1:0".parse().unwrap());
        let overrides = Overrides { listen: free, ops_listen: free, api_listen: free, data: Some(workplace.data()) };
        let config = Config::load(&workplace.config(), overrides).unwrap_or_else(|errors| panic!("{errors}"));
        let mut app = App::start(config, |ledger| ledger).unwrap_or_else(|error| panic!("{error}"));
        let starting = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        starting.block_on(app.until_ready()).unwrap_or_else(|error| panic!("{error}"));
        let house = House { app: Some(app), _workplace: workplace };
        house.put_credential("key_1", "proc_1", Environment::Sandbox, &[Scope::Authorize]);
        house.put_credential("key_2", "proc_2", Environment::Sandbox, &[Scope::Authorize]);
        house.put_credential("key_3", "ent_1", Environment::Sandbox, &[Scope::Setup, Scope::Intents]);
        house.put_credential("key_4", "proc_1", Environment::Production, &[Scope::Authorize]);
        for issued_by in ["marqeta", "stripe"] {
            let (processor, enterprise) = (OrganizationId::new("proc_1").unwrap(), OrganizationId::new("ent_1").unwrap());
            let grant = Grant { environment: Environment::Sandbox, processor, enterprise, platform: platform(issued_by) };
            house.registry().put_grant(grant);
        }
        house.registry().put_authority(authority("sa_1", Some(&demo_policy())).into());
        house.registry().put_binding(binding("bind_1", "sa_1", "marqeta", "card-demo-1").into());
        house
    }

    fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    fn registry(&self) -> &Registry {
        &self.app().agents().unwrap().registry
    }

    fn put_credential(&self, key: &str, organization: &str, environment: Environment, scopes: &[Scope]) {
        let kind = if organization.starts_with("proc") { OrganizationKind::Processor } else { OrganizationKind::Enterprise };
        let caller = Caller {
            credential: CredentialId::new(&format!("cred_{key}")).unwrap(),
            organization: OrganizationId::new(organization).unwrap(),
            kind,
            environment,
            scopes: ScopeSet::of(scopes),
        };
        let shared = SharedKey { secret: Secret::new(SECRET), caller, expires_at: None };
        self.registry().put_credential(KeyId::new(key).unwrap(), shared.into());
    }

    fn put_intent(&self, intent: Intent) {
        self.registry().put_intent(intent.into());
    }

    fn processor(&self) -> Processor {
        self.processor_with("key_1")
    }

    fn processor_with(&self, key: &str) -> Processor {
        let token = token::sign(&KeyId::new(key).unwrap(), &Secret::new(SECRET), clock::utc(), Duration::from_secs(300)).unwrap();
        Processor { client: Client::connect_as(self.app().listen, None), token }
    }

    fn marqeta(&self, purchase: &Marqeta) -> Response {
        Client::connect(self.app().listen).post("/marqeta/jit", &purchase.body())
    }

    /// What is held on an account.
    fn held(&self, account: &str) -> i64 {
        BackOffice::demo(self.app().api_listen).found(&format!("/v1/accounts/{account}"))["held"].as_i64().unwrap()
    }
}

/// A processor, on one connection.
struct Processor {
    client: Client,
    token: String,
}

impl Processor {
    fn ask(&mut self, path: &str, headers: &[(&str, &str)], body: &Value) -> Response {
        let bearer = format!("Bearer {}", self.token);
        let headers = [&[("Authorization", bearer.as_str()), ("Content-Type", "application/json")], headers].concat();
        self.client.ask("POST", path, &headers, &body.to_string())
    }

    /// A decision on an ordinary payment with these fields besides, or instead: `APPROVE POLICY_MATCH`.
    fn authorize(&mut self, fields: &Value) -> (String, Value) {
        self.authorize_named(None, fields)
    }

    fn authorize_named(&mut self, key: Option<&str>, fields: &Value) -> (String, Value) {
        let headers: Vec<_> = key.map(|key| ("Idempotency-Key", key)).into_iter().collect();
        let answer = self.ask("/v1/authorize", &headers, &payment(fields));
        assert_eq!(answer.status, 200, "{answer:?}");
        let said = answer.json();
        (format!("{} {}", said["decision"].as_str().unwrap(), said["reason_code"].as_str().unwrap()), said)
    }

    fn event(&mut self, request_id: &str, body: &Value) {
        let answer = self.ask(&format!("/v1/authorizations/{request_id}/events"), &[], body);
        assert_eq!((answer.status, answer.json()["recorded"].as_bool()), (200, Some(true)), "{answer:?}");
    }
}

fn payment(fields: &Value) -> Value {
    let mut body =
        json!({ "issuing_platform": "MARQETA", "amount": 4_999, "currency": "USD", "mcc": "5734", "merchant": "Software Store" });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn every_case_of_the_table_is_answered_over_sockets() {
    let house = House::new();
    let registry = house.registry();
    for (id, mode, status, need, template) in [
        ("sa_observe", Mode::Observe, Status::Active, IntentNeed::Required, Some(demo_policy())),
        ("sa_suspended", Mode::Observe, Status::Suspended, IntentNeed::NotRequired, Some(demo_policy())),
        ("sa_empty", Mode::Enforce, Status::Active, IntentNeed::NotRequired, None),
        ("sa_needy", Mode::Enforce, Status::Active, IntentNeed::Required, Some(demo_policy())),
    ] {
        let authority = Authority { mode, status, intent_need: need, ..authority(id, template.as_ref()) };
        registry.put_authority(authority.into());
        registry.put_binding(binding(&id.replace("sa_", "bind_"), id, "stripe", &format!("card-of-{id}")).into());
    }
    registry
        .put_binding(Binding { status: BindingStatus::Suspended, ..binding("bind_off", "sa_1", "stripe", "card-off") }.into());
    registry.put_binding(
        Binding {
            organization: OrganizationId::new("ent_2").unwrap(),
            ..binding("bind_theirs", "sa_1", "marqeta", "card-theirs")
        }
        .into(),
    );
    registry.put_binding(binding("bind_watched", "sa_observe", "marqeta", "crd_demo_1").into());
    registry.put_binding(binding("bind_frozen", "sa_1", "marqeta", "card-demo-frozen").into());
    let reviewed = Intent { status: IntentStatus::Approved, ..intent("intent_reviewed", "sa_1", 9_000) };
    let pending = Intent { status: IntentStatus::PendingReview, ..intent("intent_pending", "sa_1", 4_999) };
    let expired = Intent { expires_at: Timestamp::from_unix_seconds(1), ..intent("intent_expired", "sa_1", 4_999) };
    let elsewhere = intent("intent_elsewhere", "sa_needy", 4_999);
    let mine = Intent { binding: BindingId::new("bind_1").ok(), ..intent("intent_mine", "sa_1", 4_999) };
    [reviewed, pending, expired, elsewhere, mine].into_iter().for_each(|intent| house.put_intent(intent));
    let mut processor = house.processor();
    let cases = [
        ("within the policy", json!({ "binding_id": "bind_1" }), "APPROVE POLICY_MATCH"),
        ("by its instrument", json!({ "instrument_id": "card-demo-1" }), "APPROVE POLICY_MATCH"),
        ("by an intent alone", json!({ "intent_reference": "intent_mine" }), "APPROVE POLICY_MATCH"),
        ("the same intent again", json!({ "intent_reference": "intent_mine" }), "DECLINE INTENT_USED"),
        ("a check of nothing", json!({ "binding_id": "bind_1", "amount": 0 }), "APPROVE POLICY_MATCH"),
        ("above the maximum", json!({ "binding_id": "bind_1", "amount": 10_001 }), "DECLINE POLICY_VIOLATION_AMOUNT"),
        ("in another currency", json!({ "binding_id": "bind_1", "currency": "EUR" }), "DECLINE PROGRAM_RULE"),
        ("at another kind of shop", json!({ "binding_id": "bind_1", "mcc": "5812" }), "DECLINE POLICY_VIOLATION_MCC"),
        ("of a shop that says nothing", json!({ "binding_id": "bind_1", "mcc": null }), "DECLINE POLICY_VIOLATION_MCC"),
        (
            "above what needs no review",
            json!({ "binding_id": "bind_1", "amount": 6_001, "merchant": "Grocer" }),
            "DECLINE REVIEW_REQUIRED",
        ),
        (
            "reviewed",
            json!({ "binding_id": "bind_1", "amount": 9_000, "intent_reference": "intent_reviewed" }),
            "APPROVE POLICY_MATCH",
        ),
        ("not reviewed yet", json!({ "binding_id": "bind_1", "intent_reference": "intent_pending" }), "DECLINE REVIEW_REQUIRED"),
        ("an old intent", json!({ "binding_id": "bind_1", "intent_reference": "intent_expired" }), "DECLINE INTENT_EXPIRED"),
        (
            "another authority's intent",
            json!({ "binding_id": "bind_1", "intent_reference": "intent_elsewhere" }),
            "DECLINE INTENT_MISMATCH",
        ),
        ("no such intent", json!({ "binding_id": "bind_1", "intent_reference": "intent_0" }), "DECLINE INTENT_NOT_FOUND"),
        ("no such intent, and nothing else", json!({ "intent_reference": "intent_0" }), "DECLINE INTENT_NOT_FOUND"),
        ("no such binding", json!({ "binding_id": "bind_0" }), "DECLINE BINDING_NOT_FOUND"),
        ("no such instrument", json!({ "instrument_id": "card-0" }), "DECLINE BINDING_NOT_FOUND"),
        ("of another platform", json!({ "binding_id": "bind_1", "issuing_platform": "STRIPE" }), "DECLINE BINDING_NOT_FOUND"),
        ("of an enterprise that grants nothing", json!({ "binding_id": "bind_theirs" }), "DECLINE BINDING_NOT_FOUND"),
        (
            "two that do not agree",
            json!({ "binding_id": "bind_1", "instrument_id": "card-demo-frozen" }),
            "DECLINE INTENT_MISMATCH",
        ),
        ("a frozen card", json!({ "binding_id": "bind_frozen" }), "DECLINE CARD_BLOCKED"),
        ("no policy", json!({ "binding_id": "bind_empty", "issuing_platform": "STRIPE" }), "DECLINE NO_POLICY"),
        (
            "an authority that is off",
            json!({ "binding_id": "bind_suspended", "issuing_platform": "STRIPE" }),
            "DECLINE AUTHORITY_SUSPENDED",
        ),
        (
            "a binding that is off",
            json!({ "binding_id": "bind_off", "issuing_platform": "STRIPE" }),
            "DECLINE AUTHORITY_SUSPENDED",
        ),
        (
            "observed",
            json!({ "binding_id": "bind_observe", "issuing_platform": "STRIPE", "mcc": "5812", "amount": 70_000 }),
            "APPROVE OBSERVE_ONLY",
        ),
        ("observed, against the program's rules", json!({ "binding_id": "bind_watched", "mcc": "7995" }), "DECLINE PROGRAM_RULE"),
        (
            "which are about the program's money",
            json!({ "binding_id": "bind_observe", "issuing_platform": "STRIPE", "mcc": "7995", "currency": "EUR" }),
            "APPROVE OBSERVE_ONLY",
        ),
        (
            "without the intent that it needs, at another shop",
            json!({ "binding_id": "bind_needy", "issuing_platform": "STRIPE", "merchant": "Grocer" }),
            "DECLINE INTENT_REQUIRED",
        ),
        (
            "with the only intent that fits",
            json!({ "binding_id": "bind_needy", "issuing_platform": "STRIPE" }),
            "APPROVE POLICY_MATCH",
        ),
        ("which is gone then", json!({ "binding_id": "bind_needy", "issuing_platform": "STRIPE" }), "DECLINE INTENT_REQUIRED"),
    ];
    for (case, fields, expected) in cases {
        let (said, answer) = processor.authorize(&fields);
        assert_eq!(said, expected, "{case}: {answer}");
    }
    assert_eq!(house.processor_with("key_2").authorize(&json!({ "binding_id": "bind_1" })).0, "DECLINE BINDING_NOT_FOUND");
}

/// How a question leads to its authority, and what is said whatever policy and intent are: nothing where those decide.
const LOOKUPS: [(&str, Option<&str>); 7] = [
    ("binding", None),
    ("instrument", None),
    ("both", None),
    ("intent", None),
    ("two bindings", Some("INTENT_MISMATCH")),
    ("no binding", Some("BINDING_NOT_FOUND")),
    ("no instrument", Some("BINDING_NOT_FOUND")),
];

/// The intent of a case; `None` where none is named, or none is there.
fn intent_in(state: &str, reference: &str, authority: &str) -> Option<Intent> {
    let anywhere = Intent { merchant: Merchant::default(), ..intent(reference, authority, 4_999) };
    Some(match state {
        "none" | "unknown" => return None,
        "open" | "used" => anywhere,
        "approved" => Intent { status: IntentStatus::Approved, ..anywhere },
        "pending" => Intent { status: IntentStatus::PendingReview, ..anywhere },
        "denied" => Intent { status: IntentStatus::Denied, ..anywhere },
        "cancelled" => Intent { status: IntentStatus::Cancelled, ..anywhere },
        "expired" => Intent { expires_at: Timestamp::from_unix_seconds(1), ..anywhere },
        "mismatched" => Intent { amount: usd(100), ..anywhere },
        other => panic!("no state: {other}"),
    })
}

/// The same table that the evaluator is tried with: every policy, mode, lookup and state of an intent, over sockets.
#[test]
fn every_policy_by_mode_by_lookup_by_intent_over_sockets() {
    let house = House::new();
    let policies: Value = serde_json::from_str(include_str!("../../core/agent/govern/policies.json")).unwrap();
    let mut lines = include_str!("../../core/agent/govern/cases.txt").lines().filter(|line| !line.starts_with('#'));
    let states: Vec<_> = lines.next().unwrap().split_whitespace().skip(1).collect();
    house.registry().put_binding(binding("bind_other", "sa_1", "stripe", "card-other").into());
    let mut processor = house.processor();
    let mut tried = 0;
    for line in lines {
        let (policy, expected) = line.split_once(' ').unwrap();
        let (id, bound, card) = (format!("sa_{policy}"), format!("bind_{policy}"), format!("card-of-{policy}"));
        let template = Some(&policies[policy]).filter(|template| !template.is_null());
        house.registry().put_binding(binding(&bound, &id, "stripe", &card).into());
        let observing = |mode| house.registry().put_authority(Authority { mode, ..authority(&id, template) }.into());
        // What has counted before.
        observing(Mode::Observe);
        assert_eq!(
            processor.authorize(&json!({"binding_id": bound, "issuing_platform": "STRIPE", "amount": 2})).0,
            "APPROVE OBSERVE_ONLY"
        );
        for (state, expected) in states.iter().zip(expected.split_whitespace()) {
            for (mode, (lookup, always)) in Mode::ALL.iter().flat_map(|mode| LOOKUPS.map(|lookup| (*mode, lookup))) {
                if lookup == "intent" && *state == "none" {
                    continue;
                }
                tried += 1;
                let reference = format!("intent_{tried}");
                let known = intent_in(state, &reference, &id);
                known.into_iter().for_each(|intent| house.put_intent(intent));
                let mut asked = json!({"issuing_platform": "STRIPE"});
                if *state != "none" {
                    asked["intent_reference"] = json!(reference);
                }
                if *state == "used" {
                    observing(Mode::Observe);
                    let first = json!({"issuing_platform": "STRIPE", "binding_id": bound, "intent_reference": reference});
                    assert_eq!(processor.authorize(&first).0, "APPROVE OBSERVE_ONLY");
                }
                match lookup {
                    "binding" => asked["binding_id"] = json!(bound),
                    "instrument" => asked["instrument_id"] = json!(card),
                    "both" => (asked["binding_id"], asked["instrument_id"]) = (json!(bound), json!(card)),
                    "two bindings" => (asked["binding_id"], asked["instrument_id"]) = (json!(bound), json!("card-other")),
                    "no binding" => asked["binding_id"] = json!("bind_0"),
                    "no instrument" => asked["instrument_id"] = json!("card-0"),
                    _ => {}
                }
                observing(mode);
                // By an intent alone nothing leads to an authority that could observe.
                let nowhere = (lookup == "intent" && *state == "unknown").then_some("INTENT_NOT_FOUND");
                let code = match (always.or(nowhere), mode) {
                    (Some(always), _) => always,
                    (None, Mode::Observe) => "OBSERVE_ONLY",
                    (None, Mode::Enforce) => expected,
                };
                let verb = if matches!(code, "OBSERVE_ONLY" | "POLICY_MATCH") { "APPROVE" } else { "DECLINE" };
                let (said, answer) = processor.authorize(&asked);
                assert_eq!(said, format!("{verb} {code}"), "{policy}, {mode:?}, {lookup}, {state}: {answer}");
            }
        }
    }
    assert_eq!(tried, 13 * 2 * (10 * LOOKUPS.len() - 1));
}

#[test]
fn an_answer_names_everything_that_a_processor_keeps() {
    let house = House::new();
    house.put_intent(intent("intent_1", "sa_1", 4_999));
    let fields = json!({ "binding_id": "bind_1", "intent_reference": "intent_1", "correlation_id": "corr-1" });
    let (_, said) = house.processor().authorize(&fields);
    let known = json!({ "decision": "APPROVE", "reason_code": "POLICY_MATCH", "request_id": said["request_id"], "approved_amount": 4_999,
        "currency": "USD", "policy_id": "pol_sa_1", "binding_id": "bind_1", "intent_reference": "intent_1", "correlation_id": "corr-1" });
    assert_eq!(said, known);
    let answer =
        house.processor().ask("/v1/authorize", &[("X-Correlation-Id", "trace-7")], &payment(&json!({ "binding_id": "bind_1" })));
    assert_eq!(answer.json()["correlation_id"], "trace-7");
}

#[test]
fn a_retry_hears_the_same_whatever_has_changed() {
    let house = House::new();
    house.put_intent(intent("intent_1", "sa_1", 4_999));
    let mut processor = house.processor();
    let fields = json!({ "binding_id": "bind_1", "intent_reference": "intent_1" });
    let (_, first) = processor.authorize_named(Some("order-1"), &fields);
    let refused = json!({ "binding_id": "bind_1", "mcc": "5812" });
    let (_, no) = processor.authorize_named(Some("order-2"), &refused);
    house.registry().put_authority(Authority { mode: Mode::Observe, ..authority("sa_1", None) }.into());
    assert_eq!(processor.authorize_named(Some("order-1"), &fields).1, first);
    assert_eq!(processor.authorize_named(Some("order-2"), &refused).1, no);
    assert_eq!(no["policy_id"], "pol_sa_1");
    let other = payment(&json!({ "binding_id": "bind_1", "amount": 5_000 }));
    let conflict = processor.ask("/v1/authorize", &[("Idempotency-Key", "order-1")], &other);
    assert_eq!((conflict.status, conflict.json()["code"].as_str()), (409, Some("idempotency_conflict")), "{conflict:?}");
    assert_eq!(house.held("acct-demo-1"), 4_999, "one payment was made");
    assert_eq!(processor.authorize(&fields).0, "APPROVE OBSERVE_ONLY", "without a key it is another one");
}

#[test]
fn the_policy_decides_at_the_cards_own_platform_too() {
    let house = House::new();
    let said = |purchase: Marqeta| house.marqeta(&purchase).json()["jit_funding"]["decline_reason"].clone();
    assert_eq!(said(Marqeta::purchase("1", "40.00")), Value::Null);
    assert_eq!(said(Marqeta::purchase("2", "100.01")), "AMOUNT_LIMIT_EXCEEDED");
    assert_eq!(said(Marqeta::purchase("3", "40.00").mcc("5812")), "INVALID_MERCHANT");
    assert_eq!(said(Marqeta::purchase("4", "60.01")), "TRANSACTION_NOT_PERMITTED");
    house.registry().put_authority(Authority { mode: Mode::Observe, ..authority("sa_1", Some(&demo_policy())) }.into());
    assert_eq!(said(Marqeta::purchase("5", "100.01").mcc("5812")), Value::Null);
}

#[test]
fn what_comes_through_both_doors_is_one_payment() {
    for (door, first) in [
        (Door::Platform, Door::Platform),
        (Door::Platform, Door::Authorize),
        (Door::Authorize, Door::Platform),
        (Door::Authorize, Door::Authorize),
    ] {
        let house = House::new();
        let once = json!({ "template": "one_time" });
        house.registry().put_authority(authority("sa_1", Some(&once)).into());
        house.registry().put_binding(Binding { door, ..binding("bind_1", "sa_1", "marqeta", "card-demo-1") }.into());
        let purchase = Marqeta::purchase("1", "49.99");
        let by_platform = || assert_eq!(house.marqeta(&purchase).status, 200, "{door:?} first {first:?}");
        let by_processor = || {
            let fields = json!({ "binding_id": "bind_1", "platform_transaction_token": purchase.token(), "mcc": "5411" });
            assert_eq!(house.processor().authorize(&fields).0, "APPROVE POLICY_MATCH", "{door:?} first {first:?}");
        };
        match first {
            Door::Platform => {
                by_platform();
                by_processor();
            }
            Door::Authorize => {
                by_processor();
                by_platform();
            }
        }
        assert_eq!(house.held("acct-demo-1"), 4_999, "{door:?} first {first:?}");
        let another = json!({ "binding_id": "bind_1" });
        assert_eq!(house.processor().authorize(&another).0, "DECLINE LIMIT_REACHED", "{door:?} first {first:?}");
        assert_eq!(house.marqeta(&Marqeta::purchase("2", "1.00")).status, 402, "{door:?} first {first:?}");
    }
}

#[test]
fn an_instrument_that_is_none_of_ours_has_a_budget_all_the_same() {
    let house = House::new();
    let budget = json!({ "template": "budget", "parameters": { "amount": 10_000, "currency": "USD", "window": "month" } });
    house.registry().put_authority(authority("sa_out", Some(&budget)).into());
    house.registry().put_binding(binding("bind_out", "sa_out", "stripe", "card-out").into());
    let mut processor = house.processor();
    let ask = |processor: &mut Processor, minor: i64| {
        processor.authorize(&json!({ "binding_id": "bind_out", "issuing_platform": "Stripe", "amount": minor }))
    };
    let (said, first) = ask(&mut processor, 6_000);
    assert_eq!(said, "APPROVE POLICY_MATCH");
    assert_eq!(ask(&mut processor, 4_001).0, "DECLINE LIMIT_REACHED");
    let (said, second) = ask(&mut processor, 4_000);
    assert_eq!(said, "APPROVE POLICY_MATCH");
    let id = |answer: &Value| answer["request_id"].as_str().unwrap().to_owned();
    let part = json!({ "type": "reversal", "event_id": "1", "amount": 1_000, "currency": "USD" });
    processor.event(&id(&first), &part);
    processor.event(&id(&first), &part);
    assert_eq!(ask(&mut processor, 1_001).0, "DECLINE LIMIT_REACHED", "an event is applied once");
    let reversal = json!({ "type": "reversal", "event_id": "2" });
    for (caller, request) in [(&mut house.processor_with("key_2"), id(&first)), (&mut processor, "nobody".to_owned())] {
        let answer = caller.ask(&format!("/v1/authorizations/{request}/events"), &[], &reversal);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")), "{answer:?}");
    }
    assert_eq!(ask(&mut processor, 1_001).0, "DECLINE LIMIT_REACHED", "another processor's event is about another payment");
    processor.event(&id(&second), &json!({ "type": "clearing", "event_id": "1", "amount": 3_000, "currency": "USD" }));
    assert_eq!(ask(&mut processor, 2_001).0, "DECLINE LIMIT_REACHED");
    processor.event(&id(&first), &json!({ "type": "expiry", "event_id": "3" }));
    assert_eq!(ask(&mut processor, 7_000).0, "APPROVE POLICY_MATCH", "3,000 of 10,000 are spent");
    assert_eq!(ask(&mut processor, 1).0, "DECLINE LIMIT_REACHED");
    for account in ["acct-demo-1", "acct-demo-2"] {
        assert_eq!(house.held(account), 0, "no money of ours is held");
    }
}

#[test]
fn an_intent_has_one_payment_and_gets_it_back() {
    let house = House::new();
    house.put_intent(intent("intent_1", "sa_1", 4_999));
    let fields = json!({ "binding_id": "bind_1", "intent_reference": "intent_1" });
    let asked: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| house.processor().authorize(&fields))).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let winners: Vec<_> = asked.iter().filter(|(said, _)| said == "APPROVE POLICY_MATCH").collect();
    let losers = asked.iter().filter(|(said, _)| said == "DECLINE INTENT_USED").count();
    let [(_, winner)] = winners.as_slice() else { panic!("{asked:?}") };
    assert_eq!(losers, 7);
    let request_id = winner["request_id"].as_str().unwrap();
    house.processor().event(request_id, &json!({ "type": "reversal", "event_id": "1" }));
    let (said, again) = house.processor().authorize(&json!({ "binding_id": "bind_1" }));
    assert_eq!(
        (said.as_str(), &again["intent_reference"]),
        ("APPROVE POLICY_MATCH", &json!("intent_1")),
        "found by what it is for"
    );
    assert_eq!(house.processor().authorize(&fields).0, "DECLINE INTENT_USED");
}

#[test]
fn tokens_that_are_none_are_401_and_others_403() {
    let house = House::new();
    let mut client = Client::connect_as(house.app().listen, None);
    let body = payment(&json!({ "binding_id": "bind_1" })).to_string();
    let mut said = |authorization: Option<&str>| {
        let headers: Vec<_> = authorization.map(|value| ("Authorization", value)).into_iter().collect();
        let answer = client.ask("POST", "/v1/authorize", &headers, &body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        (answer.status, answer.json()["code"].as_str().unwrap().to_owned())
    };
    let sign = |key: &str, secret: &[u8], at: Timestamp, life: u64| {
        let token = token::sign(&KeyId::new(key).unwrap(), &Secret::new(secret), at, Duration::from_secs(life)).unwrap();
        format!("Bearer {token}")
    };
    let now = clock::utc();
    let ago = |seconds| now.saturating_sub(Duration::from_secs(seconds));
    assert_eq!(said(None), (401, "token_missing".to_owned()));
    assert_eq!(said(Some("Basic ZGVtbzp4")), (401, "token_unreadable".to_owned()));
    assert_eq!(said(Some(&sign("key_1", b"another secret", now, 60))), (401, "token_signature".to_owned()));
    assert_eq!(said(Some(&sign("key_0", SECRET, now, 60))), (401, "key_unknown".to_owned()));
    assert_eq!(said(Some(&sign("key_1", SECRET, ago(200), 60))), (401, "token_expired".to_owned()));
    assert_eq!(said(Some(&sign("key_3", SECRET, now, 60))), (403, "scope_missing".to_owned()));
    assert_eq!(said(Some(&sign("key_4", SECRET, now, 60))).0, 503, "no program decides in production here");
    let good = sign("key_1", SECRET, now, 60);
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(said(Some(&format!("{signed}."))), (401, "token_signature".to_owned()));
    house.registry().remove_credential(&KeyId::new("key_1").unwrap());
    assert_eq!(said(Some(&good)), (401, "key_unknown".to_owned()), "a revoked credential is gone at once");
}
