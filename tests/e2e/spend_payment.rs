//! One payment of an agent from its first question to its last event: what is added to it, whose intent it has, by which door it comes.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::spend::{Caller, code, id};
use crate::support::server::{Server, balance};
use crate::support::{Client, Marqeta, Workplace};

/// The demo's enterprise and processor, with an authority of their own for the card `card-demo-1`.
struct Stage {
    owner: Caller,
    processor: Caller,
    platform: RefCell<Client>,
    authority: String,
    binding: String,
}

fn all_of(policies: Value) -> Value {
    json!({"template": "all_of", "parameters": {"policies": policies}})
}

fn at_most(amount: i64) -> Value {
    json!({"template": "max_amount", "parameters": {"amount": amount, "currency": "USD"}})
}

impl Stage {
    fn new(server: &Server, policy: Value, require_intent: bool, binding: Value) -> Self {
        let mut owner = Caller::demo(server, "enterprise");
        let new = json!({"agent_id": "ag_demo", "mode": "enforce", "policy": policy, "require_intent": require_intent});
        let authority = id(&owner.made("/v1/spending-authorities", &new));
        let mut new = json!({"spending_authority_id": authority, "issuing_platform": "MARQETA", "instrument_id": "card-demo-1"});
        for (field, value) in binding.as_object().unwrap() {
            new[field] = value.clone();
        }
        let binding = id(&owner.made("/v1/bindings", &new));
        let (processor, platform) = (Caller::demo(server, "processor"), RefCell::new(server.client()));
        Stage { owner, processor, platform, authority, binding }
    }

    /// The same at a process that began anew.
    fn again(self, server: &Server) -> Self {
        let (owner, processor) = (self.owner.again(server), self.processor.again(server));
        Stage { owner, processor, platform: RefCell::new(server.client()), ..self }
    }

    /// Why the card's own platform hears no; nothing if it hears yes.
    fn asked_by_platform(&self, purchase: &Marqeta) -> Option<String> {
        let answer = self.platform.borrow_mut().post("/marqeta/jit", &purchase.body());
        let reason = answer.json()["jit_funding"]["decline_reason"].as_str().map(str::to_owned);
        assert_eq!(answer.status, if reason.is_some() { 402 } else { 200 }, "{answer:?}");
        reason
    }

    fn intent(&mut self, amount: i64) -> String {
        let intent =
            json!({"spending_authority_id": self.authority, "amount": amount, "currency": "USD", "merchant": "Corner Grocery"});
        let made = self.owner.made("/v1/authorize-intent", &intent);
        assert_eq!(made["eligible"], json!(true), "{made}");
        made["intent_reference"].as_str().unwrap().to_owned()
    }

    fn asked(&self, more: Value) -> Value {
        let mut asked = json!({"binding_id": self.binding, "issuing_platform": "MARQETA", "amount": 5_000, "currency": "USD",
            "mcc": "5411", "merchant": "Corner Grocery"});
        for (field, value) in more.as_object().unwrap() {
            asked[field] = value.clone();
        }
        asked
    }

    fn authorize(&mut self, more: Value) -> Value {
        let asked = self.asked(more);
        self.processor.made("/v1/authorize", &asked)
    }

    fn reason(&mut self, more: Value) -> String {
        self.authorize(more)["reason_code"].as_str().unwrap().to_owned()
    }

    fn event(&mut self, request: &Value, event: Value) -> (u16, String) {
        code(&self.processor.post(&format!("/v1/authorizations/{}/events", request["request_id"].as_str().unwrap()), &event))
    }
}

/// The policy's maximum, the intent's amount and what needs no person are of the payment, whatever it is approved in.
#[test]
fn increments_are_judged_with_their_payment() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let review = json!({"template": "human_review", "parameters": {"amount": 8_000, "currency": "USD"}});
    let mut stage = Stage::new(&server, all_of(json!([at_most(10_000), review])), false, json!({}));
    let opening = Marqeta::purchase("1", "49.00");
    let add = |id: &str, amount: &str, of: &Marqeta| Marqeta::increment(id, amount, of);
    assert_eq!(stage.asked_by_platform(&opening), None);
    assert_eq!(stage.asked_by_platform(&add("2", "51.01", &opening)).as_deref(), Some("AMOUNT_LIMIT_EXCEEDED"));
    assert!(stage.asked_by_platform(&add("3", "31.01", &opening)).is_some(), "above 80.00 a person has to look");
    assert_eq!(stage.asked_by_platform(&add("4", "31.00", &opening)), None);
    assert!(stage.asked_by_platform(&add("5", "0.01", &opening)).is_some());
    // Under an intent, also after a restart: as much as that was for.
    let _intent = stage.intent(5_000);
    let opening = Marqeta::purchase("6", "30.00");
    assert_eq!(stage.asked_by_platform(&opening), None);
    server.kill();
    let server = workplace.serve();
    let stage = stage.again(&server);
    assert!(stage.asked_by_platform(&add("7", "20.01", &opening)).is_some());
    assert_eq!(stage.asked_by_platform(&add("8", "20.00", &opening)), None);
    let (_, held, _) = balance(&workplace, "acct-demo-1");
    assert_eq!(held, 8_000 + 5_000);
}

/// What has its platform's name is that platform's to tell of, also where it is held by what the processor asked.
#[test]
fn a_payment_that_its_platform_tells_of_is_not_told_of_here() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut stage = Stage::new(&server, at_most(10_000), false, json!({"authoritative_door": "authorize"}));
    let purchase = Marqeta::purchase("1", "50.00");
    let joined = stage.authorize(json!({"platform_transaction_token": purchase.token()}));
    let alone = stage.authorize(json!({}));
    let declined = stage.authorize(json!({"amount": 10_001, "platform_transaction_token": "another"}));
    let reversal = |name: &str| json!({"type": "reversal", "event_id": name});
    let refused = (409, "told_by_platform".to_owned());
    assert_eq!(stage.event(&joined, reversal("1")), refused);
    assert_eq!(stage.event(&declined, reversal("2")), (404, "not_found".to_owned()));
    while stage.processor.get(&format!("/v1/authorizations/{}", alone["request_id"].as_str().unwrap())).status != 200 {
        std::thread::yield_now();
    }
    server.kill();
    let server = workplace.serve();
    let mut stage = stage.again(&server);
    assert_eq!(stage.event(&joined, reversal("1")), refused, "also after a restart");
    assert_eq!(stage.event(&alone, reversal("3")).0, 200);
    let (_, held, _) = balance(&workplace, "acct-demo-1");
    assert_eq!(held, 5_000);
}

/// A token makes another question of it, under whatever name that is held: whichever came first is the key's.
#[test]
fn one_key_with_a_token_and_without_is_not_one_question() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let stage = Stage::new(&server, at_most(10_000), false, json!({"authoritative_door": "authorize"}));
    let ask = |processor: &mut Caller, key: &str, asked: &Value| {
        processor.ask("POST", "/v1/authorize", &[("Idempotency-Key", key)], asked)
    };
    let (without, with) = (stage.asked(json!({})), stage.asked(json!({"platform_transaction_token": "a-token"})));
    let mut stage = stage;
    let told = [("one", &without), ("two", &with)].map(|(key, asked)| ask(&mut stage.processor, key, asked).json());
    assert!(told.iter().all(|told| told["decision"] == json!("APPROVE")), "{told:?}");
    let told_anew = |stage: &mut Stage, (key, first, other): (&str, &Value, &Value), told: &Value| {
        let refused = ask(&mut stage.processor, key, other);
        assert_eq!(code(&refused), (409, "idempotency_conflict".to_owned()), "{key}");
        assert_eq!(ask(&mut stage.processor, key, first).json()["request_id"], told["request_id"], "{key}");
    };
    for (case, told) in [("one", &without, &with), ("two", &with, &without)].into_iter().zip(&told) {
        told_anew(&mut stage, case, told);
    }
    server.kill();
    let server = workplace.serve();
    let mut stage = stage.again(&server);
    for (case, told) in [("one", &without, &with), ("two", &with, &without)].into_iter().zip(&told) {
        told_anew(&mut stage, case, told);
    }
    assert_eq!(balance(&workplace, "acct-demo-1").1, 10_000, "each was held once");
}

/// Of both at once one is answered, and the other one hears that the key is taken.
#[test]
fn one_key_with_a_token_and_without_at_once_is_held_once() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let stage = Stage::new(&server, at_most(10_000), false, json!({"authoritative_door": "authorize"}));
    let asked = |name: &str| stage.asked(json!({"amount": 100, "platform_transaction_token": name}));
    for round in 0..20 {
        let questions = [stage.asked(json!({"amount": 100})), asked(&format!("a-token-{round}"))];
        let answers = questions.each_ref().map(|asked| {
            let mut processor = Caller::demo(&server, "processor");
            (asked, move |asked: &Value| {
                processor.ask("POST", "/v1/authorize", &[("Idempotency-Key", &format!("key-{round}"))], asked).status
            })
        });
        let mut said = std::thread::scope(|scope| {
            let asking = answers.map(|(asked, mut ask)| scope.spawn(move || ask(asked)));
            asking.map(|thread| thread.join().unwrap())
        });
        said.sort_unstable();
        assert_eq!(said, [200, 409], "round {round}");
    }
    assert_eq!(balance(&workplace, "acct-demo-1").1, 2_000);
}

/// Which intents are used is the ledger's to know: a process that begins anew knows it, too.
#[test]
fn a_restart_forgets_no_intent_that_was_used() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut stage = Stage::new(&server, at_most(10_000), true, json!({}));
    let used = stage.intent(5_000);
    assert_eq!(stage.asked_by_platform(&Marqeta::purchase("1", "50.00")), None);
    let open = stage.intent(5_000);
    server.kill();
    let server = workplace.serve();
    let mut stage = stage.again(&server);
    let said = stage.authorize(json!({}));
    assert_eq!((&said["reason_code"], &said["intent_reference"]), (&json!("POLICY_MATCH"), &json!(open)), "one is free");
    assert_eq!(stage.asked_by_platform(&Marqeta::purchase("2", "50.00")), None);
    assert_eq!(stage.reason(json!({})), "INTENT_REQUIRED", "none is");
    assert_eq!(stage.reason(json!({"intent_reference": used})), "INTENT_USED");
    assert_eq!(stage.reason(json!({"intent_reference": open})), "INTENT_USED");
}

#[test]
fn who_named_no_intent_never_hears_that_it_is_used_and_a_reversal_in_parts_gives_it_back() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut stage =
        Stage::new(&server, at_most(10_000), false, json!({"instrument_kind": "instrument", "instrument_id": "wallet-1"}));
    let intent = stage.intent(5_000);
    let with = stage.authorize(json!({}));
    assert_eq!(with["intent_reference"], json!(intent));
    let without = stage.authorize(json!({}));
    assert_eq!((&without["reason_code"], &without["intent_reference"]), (&json!("POLICY_MATCH"), &Value::Null));
    for (event, amount) in [("a", 2_000), ("b", 3_000)] {
        let reversal = json!({"type": "reversal", "event_id": event, "amount": amount, "currency": "USD"});
        assert_eq!(stage.event(&with, reversal).0, 200);
    }
    assert_eq!(stage.authorize(json!({}))["intent_reference"], json!(intent));
}

/// An intent alone is enough where one active binding of its authority is of the platform.
#[test]
fn an_intent_alone_leads_to_the_only_active_binding_of_its_platform() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut stage = Stage::new(&server, at_most(10_000), false, json!({}));
    let intent = stage.intent(5_000);
    let by_intent = |stage: &mut Stage| {
        let asked = json!({"intent_reference": intent, "issuing_platform": "MARQETA", "amount": 0, "currency": "USD", "mcc": "5411",
            "merchant": "Corner Grocery"});
        let said = stage.processor.made("/v1/authorize", &asked);
        (said["reason_code"].as_str().unwrap().to_owned(), said["binding_id"].as_str().unwrap_or_default().to_owned())
    };
    let bind = |stage: &mut Stage, platform: &str, instrument: &str| {
        let new = json!({"spending_authority_id": stage.authority, "issuing_platform": platform, "instrument_id": instrument});
        id(&stage.owner.made("/v1/bindings", &new))
    };
    let suspend = |stage: &mut Stage, binding: &str| {
        let change = json!({"version": 1, "status": "suspended"});
        assert_eq!(stage.owner.ask("PATCH", &format!("/v1/bindings/{binding}"), &[], &change).status, 200);
    };
    bind(&mut stage, "LITHIC", "card-elsewhere");
    let (first, found) = (stage.binding.clone(), |binding: &str| ("POLICY_MATCH".to_owned(), binding.to_owned()));
    assert_eq!(by_intent(&mut stage), found(&first), "one is of the platform");
    let second = bind(&mut stage, "MARQETA", "card-demo-frozen-not");
    assert_eq!(by_intent(&mut stage).0, "BINDING_NOT_FOUND", "two are");
    suspend(&mut stage, &second);
    assert_eq!(by_intent(&mut stage), found(&first), "and one of them is active");
    suspend(&mut stage, &first);
    assert_eq!(by_intent(&mut stage).0, "BINDING_NOT_FOUND", "neither is");
    stage.owner.made(&format!("/v1/bindings/{second}/archive"), &json!({}));
    assert_eq!(by_intent(&mut stage), ("AUTHORITY_SUSPENDED".to_owned(), first));
}

/// A platform that was told yes takes the money: it is held, whatever door counts.
#[test]
fn a_callback_never_approves_without_holding() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut stage = Stage::new(&server, at_most(50_000), false, json!({"authoritative_door": "authorize"}));
    let held = || balance(&workplace, "acct-demo-1").1;
    let mine = Marqeta::purchase("1", "400.00");
    assert_eq!(stage.asked_by_platform(&mine), None);
    assert_eq!(held(), 40_000);
    let token = json!({"platform_transaction_token": mine.token(), "amount": 40_000});
    assert_eq!((stage.reason(token.clone()), stage.reason(token)), ("POLICY_MATCH".to_owned(), "POLICY_MATCH".to_owned()));
    assert_eq!(held(), 40_000, "it is one payment, however often it is asked about");
    let denied = json!({"platform_transaction_token": mine.token(), "amount": 40_000, "mcc": "7995"});
    assert_eq!(stage.reason(denied), "PROGRAM_RULE", "what a door says of it is looked at, though the other one said otherwise");
    assert_eq!(stage.asked_by_platform(&Marqeta::increment("2", "50.00", &mine)), None);
    assert_eq!(held(), 45_000, "what is added to it is held, too");
    let other = Marqeta::purchase("3", "300.00");
    assert_eq!(stage.reason(json!({"platform_transaction_token": other.token(), "amount": 30_000})), "POLICY_MATCH");
    assert_eq!(stage.asked_by_platform(&other), None);
    assert_eq!(held(), 75_000);
    let funds = stage.asked_by_platform(&Marqeta::purchase("4", "300.00"));
    assert_eq!(funds.as_deref(), Some("INSUFFICIENT_FUNDS"));
    // An intent is validated against that money, too.
    let intent = json!({"spending_authority_id": stage.authority, "amount": 40_000, "currency": "USD", "reserve": true});
    assert_eq!(stage.owner.made("/v1/authorize-intent", &intent)["reason_code"], json!("INSUFFICIENT_FUNDS"));
    drop(stage);
    assert!(server.terminate().success());
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "what joined is decided alike again: {}", String::from_utf8_lossy(&replay.stdout));
}

/// What a processor says of a payment, its platform's question is about, too: here which of two alike intents it is for, of a merchant that
/// the network calls something else.
#[test]
fn an_intent_that_is_named_for_a_payment_is_so_at_both_doors() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut stage = Stage::new(&server, at_most(10_000), true, json!({}));
    let (one, other) = (stage.intent(5_000), stage.intent(5_000));
    let payment = Marqeta::purchase("1", "50.00").mcc("5734");
    let named = json!({"intent_reference": other, "platform_transaction_token": payment.token()});
    assert_eq!(stage.reason(named), "POLICY_MATCH");
    // Also to a process that was not there.
    server.kill();
    let server = workplace.serve();
    let mut stage = stage.again(&server);
    assert_eq!(stage.asked_by_platform(&payment), None);
    assert_eq!(stage.reason(json!({"intent_reference": other})), "INTENT_USED");
    assert_eq!(stage.reason(json!({"intent_reference": one})), "POLICY_MATCH");
    let abroad = json!({"spending_authority_id": stage.authority, "amount": 5_000, "currency": "USD", "merchant": "Hardware"});
    let abroad = stage.owner.made("/v1/authorize-intent", &abroad)["intent_reference"].clone();
    let payment = Marqeta::purchase("2", "50.00");
    let token = payment.token();
    let named = json!({"intent_reference": abroad, "platform_transaction_token": token, "merchant": "hardware"});
    assert_eq!(stage.reason(named), "POLICY_MATCH");
    assert_eq!(stage.asked_by_platform(&payment), None);
}

#[test]
fn a_door_at_which_nothing_could_move_is_refused() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut owner = Caller::demo(&server, "enterprise");
    let mut bind = |platform: &str, kind: &str, door: Option<&str>| {
        let mut new = json!({"spending_authority_id": "sa_demo", "issuing_platform": platform, "instrument_kind": kind,
            "instrument_id": format!("{platform}-{kind}-{}", door.unwrap_or("usual"))});
        if let Some(door) = door {
            new["authoritative_door"] = json!(door);
        }
        let answer = owner.post("/v1/bindings", &new);
        let said = answer.json();
        let named = said["authoritative_door"].as_str().or(said["code"].as_str()).unwrap().to_owned();
        (answer.status, named, id_of(&said))
    };
    fn id_of(said: &Value) -> String {
        said["id"].as_str().unwrap_or_default().to_owned()
    }
    let refused = (409, "door_not_possible".to_owned(), String::new());
    assert_eq!(bind("LITHIC", "card", Some("platform")), refused, "it never calls");
    assert_eq!(bind("MARQETA", "instrument", Some("platform")), refused, "no callback names it");
    assert_eq!(bind("MARQETA", "account", Some("authorize")), refused, "it pays where its cards do");
    let (status, door, lithic) = bind("LITHIC", "card", None);
    assert_eq!((status, door.as_str()), (201, "authorize"));
    assert_eq!(bind("MARQETA", "account", None).1, "platform");
    assert_eq!(bind("MARQETA", "card", None).1, "platform");
    assert_eq!(bind("MARQETA", "card", Some("authorize")).1, "authorize");
    let change = json!({"version": 1, "authoritative_door": "platform"});
    assert_eq!(code(&owner.ask("PATCH", &format!("/v1/bindings/{lithic}"), &[], &change)), (409, "door_not_possible".to_owned()));
}

/// The program's rules are about the program's money: elsewhere the policy decides, and the journal decides alike again.
#[test]
fn no_rule_of_the_program_is_asked_about_money_elsewhere() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut stage = Stage::new(&server, at_most(90_000), false, json!({"issuing_platform": "LITHIC"}));
    stage.owner.made("/v1/grants", &json!({"processor_id": "proc_demo", "issuing_platform": "LITHIC"}));
    let asked = |amount: i64, currency: &str| json!({"issuing_platform": "LITHIC", "amount": amount, "currency": currency, "mcc": "7995"});
    assert_eq!(stage.reason(asked(80_000, "USD")), "POLICY_MATCH", "the demo's rules decline above 750.00, and gambling");
    assert_eq!(stage.reason(asked(90_001, "USD")), "POLICY_VIOLATION_AMOUNT");
    assert_eq!(stage.reason(asked(100, "EUR")), "POLICY_VIOLATION", "the policy is in USD");
    let intent = |amount: i64| json!({"spending_authority_id": stage.authority, "amount": amount, "currency": "USD", "mcc": "7995", "reserve": true});
    assert_eq!(stage.owner.made("/v1/authorize-intent", &intent(80_000))["reason_code"], json!("POLICY_MATCH"));
    let free = json!({"agent_id": "ag_demo", "mode": "enforce", "policy": {"template": "one_time", "parameters": {}}});
    let free = id(&stage.owner.made("/v1/spending-authorities", &free));
    let binding = json!({"spending_authority_id": free, "issuing_platform": "MARQETA", "instrument_kind": "instrument",
        "instrument_id": "wallet-1"});
    stage.binding = id(&stage.owner.made("/v1/bindings", &binding));
    let euros = json!({"issuing_platform": "MARQETA", "amount": 80_000, "currency": "EUR", "mcc": "7995"});
    assert_eq!(stage.reason(euros), "POLICY_MATCH");
    drop(stage);
    assert!(server.terminate().success());
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

/// A platform that never calls has no other word on its payments than the processor's: what that asks again under one token is one payment.
#[test]
fn a_token_of_a_platform_that_never_calls_is_one_payment() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let policy = json!({"template": "budget", "parameters": {"amount": 10_000, "currency": "USD", "window": "lifetime"}});
    let elsewhere = json!({"issuing_platform": "LITHIC", "instrument_id": "lithic-card"});
    let mut stage = Stage::new(&server, policy, false, elsewhere);
    stage.owner.made("/v1/grants", &json!({"processor_id": "proc_demo", "issuing_platform": "LITHIC"}));
    let ask = |stage: &mut Stage, amount: i64, token: &str| {
        stage.authorize(json!({"issuing_platform": "LITHIC", "amount": amount, "platform_transaction_token": token}))
    };
    let first = ask(&mut stage, 4_000, "one");
    assert_eq!(first["reason_code"], json!("POLICY_MATCH"), "{first}");
    let again = ask(&mut stage, 4_000, "one");
    assert_eq!((&again["reason_code"], first["request_id"] == again["request_id"]), (&json!("POLICY_MATCH"), false));
    assert_eq!(ask(&mut stage, 6_001, "two")["reason_code"], json!("LIMIT_REACHED"));
    assert_eq!(ask(&mut stage, 6_000, "two")["reason_code"], json!("POLICY_MATCH"));
    assert_eq!(ask(&mut stage, 3_000, "one")["reason_code"], json!("POLICY_MATCH"), "it is there, and adds nothing");
    assert_eq!(ask(&mut stage, 1, "three")["reason_code"], json!("LIMIT_REACHED"));
    // What is given back is given back once, under the name of what holds it.
    let reversal = |name: &str| json!({"type": "reversal", "event_id": name});
    assert_eq!(stage.event(&again, reversal("1")), (404, "not_found".to_owned()));
    assert_eq!(stage.event(&first, reversal("2")).0, 200);
    assert_eq!(ask(&mut stage, 4_001, "three")["reason_code"], json!("LIMIT_REACHED"));
    assert_eq!(ask(&mut stage, 4_000, "three")["reason_code"], json!("POLICY_MATCH"));
}

/// An account's binding is for every card that pays from it, but for those with one of their own.
#[test]
fn an_accounts_policy_holds_for_its_cards() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let account = json!({"instrument_kind": "account", "instrument_id": "acct-demo-1"});
    let mut stage = Stage::new(&server, at_most(10_000), false, account);
    assert_eq!(stage.asked_by_platform(&Marqeta::purchase("1", "100.01")).as_deref(), Some("AMOUNT_LIMIT_EXCEEDED"));
    assert_eq!(stage.asked_by_platform(&Marqeta::purchase("2", "100.00")), None);
    assert_eq!(balance(&workplace, "acct-demo-1").1, 10_000);
    let new = json!({"agent_id": "ag_demo", "mode": "enforce", "policy": at_most(20_000)});
    let own = id(&stage.owner.made("/v1/spending-authorities", &new));
    let card = json!({"spending_authority_id": own, "issuing_platform": "MARQETA", "instrument_id": "card-demo-1"});
    stage.owner.made("/v1/bindings", &card);
    assert_eq!(stage.asked_by_platform(&Marqeta::purchase("3", "200.00")), None, "the card's own comes first");
}
