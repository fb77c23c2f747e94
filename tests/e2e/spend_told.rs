//! What agent spend tells others: reviews to webhooks, and the right reason from stand-in. And what may not be bound.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::faults::{Bench, Fault, short_budget};
use crate::spend::{Caller, code, member, modelled};
use crate::stand_in::ALL;
use crate::support::{Marqeta, Workplace};
use crate::webhooks::{Endpoint, telling};

#[test]
fn a_review_is_told_to_who_asks_for_it() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    workplace.edit("holdfast.toml", |text| text.replace("\"stand_in.left\"]\nsecrets", "\"intent.reviewed\"]\nsecrets"));
    let server = workplace.serve();
    let (organization, mut owner) = crate::spend::enterprise(&workplace, &server, "ada@example.com");
    let [_, authority, ..] = modelled(&organization, &mut owner, "card-demo-1");
    let mut reviewer = member(&workplace, &server, &mut owner, "bob@example.com", "reviewer");
    let mut review = |word: &str| -> Value {
        let intent = json!({"spending_authority_id": authority, "amount": 6_000, "currency": "USD", "merchant": "Secret Store"});
        let reference = owner.made("/v1/authorize-intent", &intent)["intent_reference"].clone();
        reviewer.made(&format!("/v1/intents/{}/{word}", reference.as_str().unwrap()), &json!({"note": "because"}));
        reference
    };
    for (word, decision) in [("approve", "approved"), ("deny", "denied")] {
        let reference = review(word);
        let got = endpoint.next();
        assert!(!got.body.contains("Secret Store") && !got.body.contains("because"), "{got:?}");
        let body = got.json();
        assert_eq!(body["type"], json!("intent.reviewed"));
        let data = &body["data"];
        assert_eq!((&data["intent_reference"], &data["decision"]), (&reference, &json!(decision)), "{data}");
        assert_eq!((&data["amount"]["minor"], &data["organization_id"]), (&json!(6_000), &json!(organization)));
    }
    // The next start tells none of them again.
    assert!(server.terminate().success());
    let server = workplace.serve();
    owner = owner.again(&server);
    reviewer = reviewer.again(&server);
    let intent = json!({"spending_authority_id": authority, "amount": 6_001, "currency": "USD"});
    let reference = owner.made("/v1/authorize-intent", &intent)["intent_reference"].clone();
    reviewer.made(&format!("/v1/intents/{}/approve", reference.as_str().unwrap()), &json!({}));
    assert_eq!(endpoint.next().json()["data"]["intent_reference"], reference);
}

#[test]
fn stand_in_blocks_no_card_where_nothing_leads_to_one() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let on = bench.run(&["stand-in", "on", "--program", "demo", "--for", "30m", "--by", "ann", "--why", "a new disk"]);
    assert!(on.status.success());
    let mut processor = Caller::demo_at(bench.client().address(), "processor");
    let reason = |processor: &mut Caller, field: &str, id: &str| {
        let mut asked = json!({"issuing_platform": "MARQETA", "amount": 100, "currency": "USD", "mcc": "5734"});
        asked[field] = json!(id);
        processor.made("/v1/authorize", &asked)["reason_code"].clone()
    };
    assert_eq!(reason(&mut processor, "binding_id", "bind_nobody"), "BINDING_NOT_FOUND");
    assert_eq!(reason(&mut processor, "instrument_id", "card-nobody"), "BINDING_NOT_FOUND");
    assert_eq!(reason(&mut processor, "intent_reference", "intent_nobody"), "INTENT_NOT_FOUND");
    bench.app.drain();
}

/// One key is one question while the ledger says nothing, too: each is answered, and the other one hears that the key is taken.
#[test]
fn one_key_is_one_question_while_the_ledger_hangs_and_afterwards() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let mut processor = Caller::demo_at(bench.client().address(), "processor");
    let question = |more: Value| {
        let mut asked =
            json!({"binding_id": "bind_demo", "issuing_platform": "MARQETA", "amount": 100, "currency": "USD", "mcc": "5734"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked
    };
    let (without, with) = (question(json!({})), question(json!({"platform_transaction_token": "a-token"})));
    let ask = |processor: &mut Caller, key: &str, asked: &Value| {
        processor.ask("POST", "/v1/authorize", &[("Idempotency-Key", key)], asked)
    };
    bench.faulty.set(Fault::Hung);
    let cases = [("one", &without, &with), ("two", &with, &without)];
    let told = cases.map(|(key, first, _)| ask(&mut processor, key, first));
    for (told, (key, _, other)) in told.iter().zip(cases) {
        assert_eq!((told.status, &told.json()["reason_code"]), (200, &json!("STAND_IN")), "{told:?}");
        assert_eq!(code(&ask(&mut processor, key, other)), (409, "idempotency_conflict".to_owned()), "{key}");
    }
    bench.faulty.set(Fault::None);
    bench.until_heard();
    for (told, (key, first, other)) in told.iter().zip(cases) {
        assert_eq!(code(&ask(&mut processor, key, other)), (409, "idempotency_conflict".to_owned()), "{key}");
        assert_eq!(ask(&mut processor, key, first).json()["decision"], told.json()["decision"], "{key}");
    }
    bench.app.drain();
}

/// Of an instrument whose platform never calls nothing is known before its first payment: no card is unknown, and the policy's word is said.
#[test]
fn what_a_policy_declines_is_said_in_stand_in_of_instruments_elsewhere_too() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let mut owner = Caller::demo_at(bench.client().address(), "enterprise");
    let policy = json!({"template": "max_amount", "parameters": {"amount": 10_000, "currency": "USD"}});
    let authority = owner.made("/v1/spending-authorities", &json!({"agent_id": "ag_demo", "mode": "enforce", "policy": policy}));
    let card = json!({"spending_authority_id": authority["id"], "issuing_platform": "LITHIC", "instrument_id": "lithic-card"});
    let binding = owner.made("/v1/bindings", &card)["id"].clone();
    owner.made("/v1/grants", &json!({"processor_id": "proc_demo", "issuing_platform": "LITHIC"}));
    bench.faulty.set(Fault::Unavailable);
    let mut processor = Caller::demo_at(bench.client().address(), "processor");
    let mut said = |amount: i64| {
        let asked = json!({"binding_id": binding, "issuing_platform": "LITHIC", "amount": amount, "currency": "USD"});
        let said = processor.made("/v1/authorize", &asked);
        (said["decision"].clone(), said["reason_code"].clone(), said["stand_in"].clone())
    };
    let why = json!("ledger_unavailable");
    assert_eq!(said(10_001), (json!("DECLINE"), json!("POLICY_VIOLATION_AMOUNT"), why.clone()));
    assert_eq!(said(100), (json!("DECLINE"), json!("STAND_IN"), why));
    bench.app.drain();
}

/// What stand-in approves counts in the budget of its authority, on top of what the ledger was last seen to have counted, also after a
/// restart, and until the ledger counts it.
#[test]
fn stand_in_keeps_to_an_authoritys_budget() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let mut owner = Caller::demo_at(bench.client().address(), "enterprise");
    let policy = json!({"template": "budget", "parameters": {"amount": 10_000, "currency": "USD", "window": "lifetime"}});
    let authority = owner.made("/v1/spending-authorities", &json!({"agent_id": "ag_demo", "mode": "enforce", "policy": policy}));
    let card = json!({"spending_authority_id": authority["id"], "issuing_platform": "MARQETA", "instrument_id": "card-demo-1"});
    let binding = owner.made("/v1/bindings", &card)["id"].clone();
    let ask = |bench: &Bench, key: &str, amount: &str| bench.ask(&Marqeta::purchase(key, amount)).status;
    assert_eq!(ask(&bench, "1", "40.00"), 200);
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(ask(&bench, "2", "50.00"), 200, "by stand-in");
    assert_eq!(ask(&bench, "3", "10.01"), 402);
    assert_eq!(ask(&bench, "4", "9.00"), 200);
    let mut processor = Caller::demo_at(bench.client().address(), "processor");
    let mut said = |amount: i64| {
        let asked = json!({"binding_id": binding, "issuing_platform": "MARQETA", "amount": amount, "currency": "USD"});
        let said = processor.made("/v1/authorize", &asked);
        (said["decision"].clone(), said["reason_code"].clone(), said["stand_in"].clone())
    };
    let why = json!("ledger_unavailable");
    assert_eq!(said(101), (json!("DECLINE"), json!("LIMIT_REACHED"), why.clone()));
    assert_eq!(said(100), (json!("APPROVE"), json!("STAND_IN"), why));
    let again = |bench: &Bench| {
        let asked = json!({"binding_id": binding, "issuing_platform": "MARQETA", "amount": 101, "currency": "USD"});
        let mut processor = Caller::demo_at(bench.client().address(), "processor");
        processor.ask("POST", "/v1/authorize", &[("Idempotency-Key", "once")], &asked).json()
    };
    let first = again(&bench);
    assert_eq!(first["stand_in"], json!("ledger_unavailable"), "{first}");
    // Another process, and still no ledger.
    let bench = Bench::on(bench.stop(), Fault::Deaf);
    assert_eq!(again(&bench), first, "a retry hears the same");
    assert_eq!(ask(&bench, "5", "1.01"), 402);
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert_eq!(again(&bench), first, "also when the ledger has heard it");
    assert_eq!((ask(&bench, "6", "1.01"), ask(&bench, "7", "1.00"), bench.held()), (402, 200, 10_000));
    bench.app.drain();
}

/// A processor asks about a payment, and then its platform does, of a binding whose own door is the processor's: stand-in approves one payment,
/// for one intent, within one budget.
#[test]
fn what_both_doors_ask_about_in_stand_in_is_one_payment() {
    let bench = Bench::new(short_budget);
    assert!(bench.publish_table(ALL).status.success());
    let mut owner = Caller::demo_at(bench.client().address(), "enterprise");
    let policy = json!({"template": "budget", "parameters": {"amount": 10_000, "currency": "USD", "window": "lifetime"}});
    let new = json!({"agent_id": "ag_demo", "mode": "enforce", "require_intent": true, "policy": policy});
    let authority = owner.made("/v1/spending-authorities", &new)["id"].clone();
    let card = json!({"spending_authority_id": authority, "issuing_platform": "MARQETA", "instrument_id": "card-demo-1",
        "authoritative_door": "authorize"});
    let binding = owner.made("/v1/bindings", &card)["id"].clone();
    let mut pay = |key: &str| {
        let intent = json!({"spending_authority_id": authority, "amount": 4_000, "currency": "USD"});
        (owner.made("/v1/authorize-intent", &intent)["intent_reference"].clone(), Marqeta::purchase(key, "40.00"))
    };
    let (before, during) = (pay("before"), pay("during"));
    let ask = |(intent, payment): &(Value, Marqeta)| {
        let mut processor = Caller::demo_at(bench.client().address(), "processor");
        let asked = json!({"binding_id": binding, "issuing_platform": "MARQETA", "amount": 4_000, "currency": "USD",
            "intent_reference": intent, "platform_transaction_token": payment.token()});
        processor.made("/v1/authorize", &asked)["reason_code"].clone()
    };
    assert_eq!(ask(&before), json!("POLICY_MATCH"));
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(bench.ask(&before.1).status, 200, "the ledger has it already");
    assert_eq!(ask(&during), json!("STAND_IN"));
    assert_eq!(bench.ask(&during.1).status, 200, "stand-in has approved it already");
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert_eq!(bench.held(), 8_000);
    assert_eq!(bench.status()["stand_in"]["demo"]["exposure_minor"], 0, "the ledger has heard all of it");
    bench.app.drain();
}

/// What intents keep of an account's money is nobody else's, also while the ledger cannot be asked.
#[test]
fn what_is_reserved_is_not_there_for_others_in_stand_in() {
    let bench = Bench::new(short_budget);
    let covered = "[[row]]\nid = 'covered'\nwhen = { balance_within = '24h' }\nanswer = 'approve'\n";
    assert!(bench.publish_table(covered).status.success());
    let mut owner = Caller::demo_at(bench.client().address(), "enterprise");
    for _ in 0..9 {
        let intent =
            json!({"spending_authority_id": "sa_demo", "amount": 10_000, "currency": "USD", "mcc": "5734", "reserve": true});
        assert_eq!(owner.made("/v1/authorize-intent", &intent)["reserved"], json!(true));
    }
    bench.faulty.set(Fault::Unavailable);
    let pay = |key: &str| {
        let asked = Marqeta { user: "user-demo-2".into(), ..Marqeta::purchase(key, "60.00").card("card-demo-2").mcc("5734") };
        bench.ask(&asked).status
    };
    assert_eq!(pay("fits"), 200, "of 1,000.00 there are 100.00 left");
    assert_eq!(pay("does not"), 402);
    bench.app.drain();
}

/// What was not told never helps an approval: nobody can say that a merchant of no country is at home.
#[test]
fn a_country_that_was_not_told_is_no_home_in_stand_in() {
    let bench = Bench::new(short_budget);
    let abroad =
        "[[row]]\nid = 'abroad'\nwhen = { cross_border = true }\nanswer = 'decline'\nreason = 'cross_border_not_allowed'\n";
    assert!(bench.publish_table(&format!("{abroad}{ALL}")).status.success());
    let mut processor = Caller::demo_at(bench.client().address(), "processor");
    let mut decision = |country: Option<&str>| {
        let mut asked =
            json!({"binding_id": "bind_demo", "issuing_platform": "MARQETA", "amount": 100, "currency": "USD", "mcc": "5734"});
        if let Some(country) = country {
            asked["merchant_country"] = json!(country);
        }
        let said = processor.made("/v1/authorize", &asked);
        (said["decision"].clone(), said["reason_code"].clone())
    };
    assert_eq!(decision(None), (json!("APPROVE"), json!("POLICY_MATCH")), "the ledger was asked");
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(decision(None), (json!("DECLINE"), json!("STAND_IN")));
    assert_eq!(decision(Some("CAN")), (json!("DECLINE"), json!("STAND_IN")));
    assert_eq!(decision(Some("USA")), (json!("APPROVE"), json!("STAND_IN")));
    bench.app.drain();
}

/// Where accounts are bound, whose money a card pays with is seen in the ledger's memory, and so is that there is no such card.
#[test]
fn whose_account_a_card_is_of_is_looked_at_and_not_asked_for() {
    let bench = Bench::new(short_budget);
    let mut owner = Caller::demo_at(bench.client().address(), "enterprise");
    let account = json!({"spending_authority_id": "sa_demo", "issuing_platform": "MARQETA", "instrument_kind": "account",
        "instrument_id": "acct-demo-1"});
    owner.made("/v1/bindings", &account);
    assert_eq!(bench.ask(&Marqeta::purchase("1", "100.00")).status, 200);
    assert_eq!(bench.ask(&Marqeta::purchase("2", "100.01")).status, 402, "the account's policy");
    assert_eq!(bench.ask(&Marqeta::purchase("3", "1.00").card("card-nobody")).status, 402);
    assert!(!bench.faulty.balances_asked.load(Ordering::SeqCst));
    bench.app.drain();
}

#[test]
fn who_is_not_listed_binds_no_card_of_ours() {
    let workplace = Workplace::demo();
    workplace
        .edit("holdfast.toml", |text| text.replace("# card_enterprises = [\"ent_demo\"]", "card_enterprises = [\"ent_demo\"]"));
    let server = workplace.serve();
    let mut demo = Caller::demo(&server, "enterprise");
    let (organization, mut other) = crate::spend::enterprise(&workplace, &server, "eve@example.com");
    let agent = other.made(&format!("/v1/enterprises/{organization}/agents"), &json!({"name": "bot"}));
    let authority = other.made("/v1/spending-authorities", &json!({"agent_id": agent["id"]}));
    let bind = |caller: &mut Caller, authority: &Value, platform: &str| {
        let new = json!({"spending_authority_id": authority, "issuing_platform": platform, "instrument_id": "card-demo-1"});
        caller.post("/v1/bindings", &new)
    };
    assert_eq!(code(&bind(&mut other, &authority["id"], "MARQETA")), (403, "card_not_yours".to_owned()));
    assert_eq!(bind(&mut other, &authority["id"], "STRIPE").status, 201, "nobody calls here about these");
    assert_eq!(bind(&mut demo, &json!("sa_demo"), "marqeta").status, 201);
    assert_eq!(bind(&mut demo, &json!("sa_demo"), "STRIPE").status, 409, "it has a binding");
}
