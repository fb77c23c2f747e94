//! What is asked once counts once: one key, one intent; two reviewers; a key that came before with another question; events that say
//! something else; and money that is elsewhere is in nobody's books.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::spend::{Caller, code, enterprise, id, member, modelled};
use crate::spend_reserved::Spending;
use crate::support::Workplace;

/// The same call by several at once; what each hears.
fn at_once<T: Send>(callers: &mut [Caller], call: impl Fn(&mut Caller) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(callers.len());
    std::thread::scope(|scope| {
        let calls: Vec<_> = callers
            .iter_mut()
            .map(|caller| {
                scope.spawn(|| {
                    barrier.wait();
                    call(caller)
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

#[test]
fn one_key_reserves_once_however_many_send_it_at_once() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let intent = json!({"spending_authority_id": spending.authority, "amount": 2_000, "currency": "USD", "reserve": true});
    let mut callers: Vec<_> = (0..8).map(|_| Caller::demo(&server, "enterprise")).collect();
    let answers = at_once(&mut callers, |caller| {
        caller.ask("POST", "/v1/authorize-intent", &[("Idempotency-Key", "one-key")], &intent).json()
    });
    for answer in &answers {
        assert_eq!((&answer["intent_reference"], &answer["reserved"]), (&answers[0]["intent_reference"], &json!(true)));
    }
    assert_eq!(spending.intend(1, false)["remaining_limits"][0]["amount"], json!(8_000), "one of eight reserved");
}

#[test]
fn what_one_reviewer_keeps_another_one_who_was_late_does_not_give_back() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (organization, mut owner) = enterprise(&workplace, &server, "ada@example.com");
    let [_, authority, ..] = modelled(&organization, &mut owner, "card-demo-1");
    let mut reviewers: Vec<_> = (0..2)
        .map(|number| member(&workplace, &server, &mut owner, &format!("reviewer-{number}@example.com"), "reviewer"))
        .collect();
    let ask = |owner: &mut Caller, amount: i64, reserve: bool| {
        let intent = json!({"spending_authority_id": authority, "amount": amount, "currency": "USD", "reserve": reserve});
        owner.made("/v1/authorize-intent", &intent)
    };
    for round in 1..=4 {
        let waits = ask(&mut owner, 6_000, true);
        let path = format!("/v1/intents/{}/approve", waits["intent_reference"].as_str().unwrap());
        let mut heard = at_once(&mut reviewers, |reviewer| reviewer.post(&path, &json!({})).status);
        heard.sort_unstable();
        assert_eq!(heard, [200, 409]);
        let left = ask(&mut owner, 1, false)["remaining_limits"][0]["amount"].clone();
        assert_eq!(left, json!(30_000 - 6_000 * round), "round {round}");
    }
}

/// What is listed of a decision, once the list has it.
fn listed(caller: &mut Caller, request: &Value) -> Value {
    let path = format!("/v1/authorizations/{}", request.as_str().unwrap());
    loop {
        let found = caller.get(&path);
        if found.status == 200 {
            return found.json();
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_key_belongs_to_what_was_asked_first() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let (one, other) = (spending.intend(500, false), spending.intend(500, false));
    let same = json!({"binding_id": spending.binding, "issuing_platform": "MARQETA", "amount": 400, "currency": "USD",
        "intent_reference": one["intent_reference"]});
    let ask =
        |processor: &mut Caller, asked: &Value| processor.ask("POST", "/v1/authorize", &[("Idempotency-Key", "key-1")], asked);
    let first = ask(&mut spending.processor, &same).json();
    assert_eq!(first["reason_code"], json!("POLICY_MATCH"));
    for (field, value) in [
        ("intent_reference", other["intent_reference"].clone()),
        ("amount", json!(401)),
        ("merchant", json!("M")),
        ("merchant_country", json!("FRA")),
        ("binding_id", json!("n".repeat(200))),
    ] {
        let mut asked = same.clone();
        asked[field] = value;
        let conflict = ask(&mut spending.processor, &asked);
        assert_eq!(code(&conflict), (409, "idempotency_conflict".to_owned()), "{field}");
    }
    // The first answer stays what it was, and is the only one: also once the list was read again.
    let next = spending.pay(1, None).1;
    assert_eq!(listed(&mut spending.processor, &next)["decision"], json!("APPROVE"));
    assert_eq!(listed(&mut spending.processor, &first["request_id"])["decision"], json!("APPROVE"));
    let all = spending.processor.get(&format!("/v1/authorizations?binding_id={}", spending.binding)).json();
    let all: Vec<_> = all["items"].as_array().unwrap().iter().map(|listed| &listed["request_id"]).collect();
    assert_eq!(all, [&next, &first["request_id"]]);
    assert_eq!(ask(&mut spending.processor, &same).json(), first);
    // What the question led to is gone by now; what was asked is the same.
    let archive = format!("/v1/bindings/{}/archive", spending.binding);
    assert_eq!(spending.owner.post(&archive, &json!({})).status, 200);
    assert_eq!(ask(&mut spending.processor, &same).json(), first);
    assert!(server.terminate().success());
    let server = workplace.serve();
    let mut processor = Caller::demo(&server, "processor");
    assert_eq!(ask(&mut processor, &same).json(), first);
    assert!(server.terminate().success());
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

#[test]
fn an_event_says_one_thing_and_no_more_than_was_authorized() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let (reason, request) = spending.pay(9_000, None);
    assert_eq!(reason, "POLICY_MATCH");
    let path = format!("/v1/authorizations/{}/events", request.as_str().unwrap());
    let mut tell = |event: Value| {
        let answer = spending.processor.post(&path, &event);
        (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
    };
    let clearing = |name: &str, amount: i64, currency: &str, is_final: bool| {
        json!({"type": "clearing", "event_id": name, "amount": amount, "currency": currency, "final": is_final,
        "occurred_at": "2024-03-14T10:00:00Z"})
    };
    let (recorded, refused) = ((200, String::new()), |code: &str| (409, code.to_owned()));
    assert_eq!(tell(clearing("c-1", 100, "EUR", true)), refused("currency_mismatch"));
    assert_eq!(
        tell(json!({"type": "reversal", "event_id": "c-1", "amount": 1, "currency": "EUR"})),
        refused("currency_mismatch")
    );
    assert_eq!(tell(clearing("c-1", 90_000, "USD", true)), refused("clearing_above_authorized"));
    assert_eq!(tell(clearing("c-1", 5_000, "USD", false)), recorded, "what was refused left nothing behind");
    assert_eq!(tell(clearing("c-1", 5_000, "USD", false)), recorded, "told again");
    assert_eq!(tell(clearing("c-1", 5_001, "USD", false)), refused("event_conflict"));
    assert_eq!(tell(json!({"type": "reversal", "event_id": "c-1"})), refused("event_conflict"));
    assert_eq!(tell(clearing("c-2", 50_000, "USD", true)), refused("clearing_above_authorized"));
    assert_eq!(tell(clearing("c-2", 4_000, "USD", true)), recorded);
    assert_eq!(spending.reason(1_001, None), "LIMIT_REACHED");

    // That money is elsewhere: neither balances nor a settlement know of it.
    let data = workplace.data();
    let ask = |arguments: &[&str]| {
        let output = workplace.run(&[arguments, &["--data", data.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let balances = ask(&["balance", "--all"]);
    assert!(balances.contains("acct-demo-1") && !balances.contains("outside-"), "{balances}");
    let day = ask(&["settlement", "--program", "demo", "--day", "2024-03-14", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&day).unwrap()["due"], json!([]), "{day}");
    assert!(!day.contains("outside-"), "{day}");
}

#[test]
fn a_full_reversal_leaves_nothing_to_clear_however_it_is_told() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut spending = Spending::new(&server, "enforce");
    let of = |amount: i64| json!({"type": "reversal", "amount": amount, "currency": "USD"});
    for back in [vec![json!({"type": "reversal"})], vec![of(900)], vec![of(500), of(400)]] {
        let (reason, request) = spending.pay(900, None);
        assert_eq!(reason, "POLICY_MATCH");
        let path = format!("/v1/authorizations/{}/events", request.as_str().unwrap());
        for (number, event) in back.iter().enumerate() {
            let mut event = event.clone();
            event["event_id"] = json!(format!("back-{number}"));
            assert_eq!(spending.processor.post(&path, &event).status, 200, "{event}");
        }
        let clearing = json!({"type": "clearing", "event_id": "late", "amount": 900, "currency": "USD"});
        let refused = spending.processor.post(&path, &clearing);
        assert_eq!(code(&refused), (409, "clearing_above_authorized".to_owned()), "{back:?}");
    }
    assert_eq!(spending.reason(10_000, None), "POLICY_MATCH", "the whole budget is there again");
}

#[test]
fn all_that_is_wrong_is_told_and_a_name_of_any_form_may_be_nobodys() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut processor = Caller::demo(&server, "processor");
    let wrong = json!({"issuing_platform": "MARQETA", "amount": 1_000_000_000_000_i64, "currency": "XXQ", "mcc": "x"});
    let answer = processor.post("/v1/authorize", &wrong);
    assert_eq!(code(&answer), (400, "bad_request".to_owned()));
    let paths: Vec<_> = answer.json()["errors"].as_array().unwrap().iter().map(|error| error["path"].clone()).collect();
    assert_eq!(paths, ["amount", "currency", "mcc", ""]);
    let long = "n".repeat(200);
    for (field, reason) in
        [("binding_id", "BINDING_NOT_FOUND"), ("instrument_id", "BINDING_NOT_FOUND"), ("intent_reference", "INTENT_NOT_FOUND")]
    {
        let mut asked = json!({"issuing_platform": "MARQETA", "amount": 1, "currency": "USD"});
        asked[field] = json!(long);
        let said = processor.made("/v1/authorize", &asked);
        assert_eq!((&said["decision"], &said["reason_code"]), (&json!("DECLINE"), &json!(reason)));
        asked[field] = json!("4111111111111111");
        assert_eq!(processor.post("/v1/authorize", &asked).status, 400, "a card's number is no name");
    }
}

#[test]
fn whoever_asked_reviews_by_no_hand_of_theirs_and_what_they_made_goes_with_them() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (organization, mut owner) = enterprise(&workplace, &server, "ada@example.com");
    let [_, authority, ..] = modelled(&organization, &mut owner, "card-demo-1");
    let mut other = member(&workplace, &server, &mut owner, "bob@example.com", "owner");
    let made = owner.made("/v1/credentials", &json!({"scopes": ["intents", "review", "read", "credentials"]}));
    let mut backend = Caller::new(&server, made["api_key"].as_str().unwrap(), made["shared_secret"].as_str().unwrap());
    let second = backend.made("/v1/credentials", &json!({"scopes": ["review", "read"]}));
    assert_eq!((&second["created_by"], &made["member_id"]), (&made["created_by"], &Value::Null));
    let mut second = Caller::new(&server, second["api_key"].as_str().unwrap(), second["shared_secret"].as_str().unwrap());
    let wait = |caller: &mut Caller| {
        let intent = json!({"spending_authority_id": authority, "amount": 6_000, "currency": "USD"});
        let waits = caller.made("/v1/authorize-intent", &intent);
        assert_eq!(waits["status"], json!("pending_review"));
        format!("/v1/intents/{}/approve", waits["intent_reference"].as_str().unwrap())
    };
    let refused = (403, "own_intent".to_owned());
    let (of_owner, of_backend) = (wait(&mut owner), wait(&mut backend));
    for path in [&of_owner, &of_backend] {
        for caller in [&mut owner, &mut backend, &mut second] {
            assert_eq!(code(&caller.post(path, &json!({}))), refused);
        }
        assert_eq!(other.post(path, &json!({})).status, 200);
    }

    // A developer revokes what is theirs, and what backends use; an owner everything.
    let mut developer = member(&workplace, &server, &mut owner, "carl@example.com", "developer");
    let listed = developer.get("/v1/credentials").json()["items"].clone();
    let own = |member: &Value| {
        let found = listed.as_array().unwrap().iter().find(|credential| credential["member_id"] == *member);
        format!("/v1/credentials/{}/revoke", id(found.unwrap()))
    };
    let owners = own(&made["created_by"]);
    assert_eq!(code(&developer.post(&owners, &json!({}))), (403, "owner_needed".to_owned()));
    assert_eq!(owner.get("/v1/policies").status, 200);

    // Whoever leaves takes what they made along, and of the last two owners one stays.
    let members = owner.get("/v1/members?status=active").json()["items"].clone();
    let owners: Vec<String> =
        members.as_array().unwrap().iter().filter(|member| member["role"] == json!("owner")).map(id).collect();
    let other_id = owners.iter().find(|id| made["created_by"] != json!(id)).unwrap().clone();
    let ada = made["created_by"].as_str().unwrap().to_owned();
    let mut both = [owner, other];
    let heard = {
        let [owner, other] = &mut both;
        let barrier = Barrier::new(2);
        let remove = |caller: &mut Caller, whom: &str| {
            barrier.wait();
            caller.post(&format!("/v1/members/{whom}/remove"), &json!({})).status
        };
        std::thread::scope(|scope| {
            let first = scope.spawn(|| remove(owner, &other_id));
            let second = remove(other, &ada);
            [first.join().unwrap(), second]
        })
    };
    assert!(heard.contains(&200) && heard.iter().any(|status| [401, 409].contains(status)), "{heard:?}");
    let [owner, other] = &mut both;
    let (left, lost) = if heard[0] == 200 { (owner, other) } else { (other, owner) };
    assert_eq!(lost.get("/v1/policies").status, 401);
    let active = left.get("/v1/members?status=active").json()["items"].clone();
    assert_eq!(active.as_array().unwrap().iter().filter(|member| member["role"] == json!("owner")).count(), 1);
    let expected = if heard[0] == 200 { 200 } else { 401 };
    assert_eq!([backend.get("/v1/policies").status, second.get("/v1/policies").status], [expected; 2]);
}

/// What was made while its maker was being removed is revoked as all the rest of theirs.
#[test]
fn who_is_removed_leaves_no_credential_that_was_made_meanwhile() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (_, mut owner) = enterprise(&workplace, &server, "ada@example.com");
    for round in 0..6 {
        let active = |owner: &mut Caller| -> Vec<String> {
            owner.get("/v1/members?status=active").json()["items"].as_array().unwrap().iter().map(id).collect()
        };
        let before = active(&mut owner);
        let mut leaving = member(&workplace, &server, &mut owner, &format!("dora{round}@example.com"), "owner");
        let dora = active(&mut owner).into_iter().find(|id| !before.contains(id)).unwrap();
        let barrier = Barrier::new(2);
        let made: Vec<Value> = std::thread::scope(|scope| {
            let making = scope.spawn(|| {
                barrier.wait();
                let new = json!({"scopes": ["read", "setup", "members", "credentials"], "own": true});
                let answers = std::iter::repeat_with(|| leaving.post("/v1/credentials", &new)).take(12);
                answers.take_while(|answer| answer.status == 201).map(|answer| answer.json()).collect()
            });
            barrier.wait();
            assert_eq!(owner.post(&format!("/v1/members/{dora}/remove"), &json!({})).status, 200);
            making.join().unwrap()
        });
        for one in &made {
            let text = |field: &str| one[field].as_str().unwrap().to_owned();
            let mut caller = Caller::new(&server, &text("api_key"), &text("shared_secret"));
            assert_eq!(caller.get("/v1/policies").status, 401, "{round}: of {}", made.len());
        }
    }
}

#[test]
fn nothing_is_given_to_what_is_archived_at_the_same_time() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (organization, mut owner) = enterprise(&workplace, &server, "ada@example.com");
    let [agent, authority, _, binding] = modelled(&organization, &mut owner, "card-demo-1");
    let mut archiver = owner.twin(&server);
    for _ in 0..5 {
        let policy = json!({"policy": {"template": "one_time"}});
        let policy = id(&owner.made("/v1/policies", &policy));
        let known = owner.get(&format!("/v1/spending-authorities/{authority}")).json();
        let change = json!({"policy_id": policy, "version": known["version"]});
        let barrier = Barrier::new(2);
        let [assigned, archived] = std::thread::scope(|scope| {
            let archive = scope.spawn(|| {
                barrier.wait();
                archiver.post(&format!("/v1/policies/{policy}/archive"), &json!({})).status
            });
            barrier.wait();
            let assigned = owner.ask("PATCH", &format!("/v1/spending-authorities/{authority}"), &[], &change).status;
            [assigned, archive.join().unwrap()]
        });
        assert!(matches!((assigned, archived), (200, 409) | (410, 200)), "{assigned} {archived}");
    }
    assert_eq!(owner.post(&format!("/v1/bindings/{binding}/archive"), &json!({})).status, 200);
    assert_eq!(owner.post(&format!("/v1/enterprises/{organization}/agents/{agent}/archive"), &json!({})).status, 200);
    let new = json!({"spending_authority_id": authority, "issuing_platform": "MARQETA", "instrument_id": "card-demo-1"});
    assert_eq!(owner.post("/v1/bindings", &new).status, 410, "its agent is archived");
}

#[test]
fn what_cannot_be_meant_is_refused_and_no_card_number_is_kept() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let (organization, mut owner) = enterprise(&workplace, &server, "ada@example.com");
    let paths = |answer: &crate::support::http::Response| -> Vec<String> {
        assert_eq!(answer.status, 400, "{answer:?}");
        answer.json()["errors"].as_array().unwrap().iter().map(|error| error["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(&owner.get("/v1/authorizations?decision=xyz&reason_code=foo")), ["decision", "reason_code"]);
    assert_eq!(owner.get("/v1/metrics?decision=DECLINE&reason_code=NO_POLICY").status, 200);
    assert_eq!(paths(&owner.get("/v1/intents?status=active")), ["status"], "no intent is that");
    assert_eq!(owner.get("/v1/intents?status=not_eligible").status, 200);
    let long = json!({"spending_authority_id": "sa_1", "amount": 1, "currency": "USD", "intent_ttl_seconds": 10_000_000_000_i64});
    assert_eq!(paths(&owner.post("/v1/authorize-intent", &long)), ["intent_ttl_seconds"]);
    let agents = format!("/v1/enterprises/{organization}/agents");
    let agent = json!({"name": "bot", "description": "buys"});
    let refused = owner.ask("POST", &agents, &[("Idempotency-Key", "order-4111111111111111")], &agent);
    assert_eq!(paths(&refused), ["Idempotency-Key"]);
    let lock = json!({"policy": {"template": "merchant_lock", "parameters": {"merchants": ["4111 1111 1111 1111"]}}});
    assert_eq!(owner.post("/v1/policies", &lock).status, 400);

    let made = owner.made(&agents, &agent);
    assert_eq!(made["description"], json!("buys"));
    let path = format!("{agents}/{}", id(&made));
    let key = ("Idempotency-Key", "take-it-away");
    let change = json!({"description": null});
    let unsure = owner.ask("PATCH", &path, &[("If-Match", "\"1\"")], &json!({"description": null, "version": 2}));
    assert_eq!(paths(&unsure), ["If-Match"]);
    let never = owner.ask("PATCH", &path, &[], &json!({"description": null, "version": 10_000_000_000_i64}));
    assert_eq!(code(&never), (409, "version_conflict".to_owned()));
    let changed = owner.ask("PATCH", &path, &[key, ("If-Match", "\"1\"")], &change);
    assert_eq!((changed.status, &changed.json()["description"]), (200, &Value::Null), "{changed:?}");
    let other = owner.ask("PATCH", &path, &[key, ("If-Match", "\"2\"")], &change);
    assert_eq!(code(&other), (409, "idempotency_conflict".to_owned()));
}
