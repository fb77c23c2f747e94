//! What a merchant's side does with a payment at the gateway's door: in the payment's own currency, once or twice as it is meant, and
//! shown as it stands afterwards.

use serde_json::{Value, json};

use crate::support::server::balance;
use crate::support::{BackOffice, Client, Response, Workplace};

fn pay(client: &mut Client, route: &str, amount: &str, currency: &str) -> Value {
    let body = json!({"merchant_id": "merchant-demo", "data": {
        "transaction_amount": amount, "card_token": "card_sandbox_demo", "currency_code": currency}});
    let answer = client.post(&format!("/api/payment/{route}"), &body.to_string());
    assert_eq!((answer.status, &answer.json()["auth_response"]["status"]), (200, &json!("PASS")), "{answer:?}");
    answer.json()
}

fn order(client: &mut Client, route: &str, body: &Value) -> Response {
    client.post(&format!("/api/payment/{route}"), &body.to_string())
}

fn shown(client: &mut Client, id: &Value) -> Value {
    client.get(&format!("/api/payment/{}", id.as_str().unwrap())).json()
}

/// The demo in another currency: a hundred thousand of its minor units, or of its major ones, on each account.
fn demo_in(currency: &str, amounts: [&str; 2]) -> Workplace {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| {
        let (before, rest) = text.split_once("[agents]").unwrap();
        let (_, after) = rest.split_once("[[program]]").unwrap();
        format!("{before}[[program]]{after}").replace("currency = \"USD\"", &format!("currency = \"{currency}\""))
    });
    workplace.edit("demo/accounts.csv", |text| {
        text.replace("USD", currency)
            .replace(",1000.00,0.00", &format!(",{},0", amounts[0]))
            .replace("500.00,0.00", &format!("{},0", amounts[0]))
    });
    // Amounts of rules and of stand-in's table are the currency's, whatever they are: here they are all alike.
    for file in ["rules/demo.toml", "stand-in/cautious.toml"] {
        workplace.edit(file, |text| {
            let parts: Vec<String> = text.replace("USD", currency).split('"').map(str::to_owned).collect();
            let is_amount = |part: &str| part.ends_with(".00") && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let changed = parts.iter().map(|part| if is_amount(part) { amounts[1] } else { part.as_str() });
            changed.collect::<Vec<_>>().join("\"")
        });
    }
    workplace
}

#[test]
fn captures_and_refunds_are_in_the_currency_of_their_payment() {
    let yen = demo_in("JPY", ["100000", "75000"]);
    let server = yen.serve();
    let mut client = server.client();
    let id = pay(&mut client, "auth", "1000", "JPY")["id"].clone();
    let refused = order(&mut client, "capture", &json!({"id": id, "amount": "10.5"}));
    assert_eq!((refused.status, &refused.json()["field"]), (400, &json!("amount")), "a yen has no hundredths");
    let captured = order(&mut client, "capture", &json!({"id": id, "amount": "10"})).json();
    assert_eq!(captured["auth_response"]["processed_amount"], "10");
    assert_eq!(balance(&yen, "acct-demo-4").0, 99_990);
    assert_eq!(order(&mut client, "refund", &json!({"id": id, "amount": "4.00"})).status, 200);
    assert_eq!(balance(&yen, "acct-demo-4").0, 99_994);
    assert!(server.terminate().success());

    let dinars = demo_in("KWD", ["100", "75"]);
    let server = dinars.serve();
    let mut client = server.client();
    let id = pay(&mut client, "sale", "5.125", "KWD")["id"].clone();
    for (amount, posted) in [("1.23", 96_105), ("1.234", 97_339)] {
        assert_eq!(order(&mut client, "refund", &json!({"id": id, "amount": amount})).status, 200);
        assert_eq!(balance(&dinars, "acct-demo-4").0, posted, "{amount}");
    }
}

#[test]
fn what_was_refused_may_be_asked_again_and_two_refunds_are_two() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let id = pay(&mut client, "auth", "100.00", "USD")["id"].clone();
    let refund = |reason: &str| json!({"id": id, "amount": "5.00", "reason": reason});
    let replayed = |answer: &Response| answer.header("idempotency-replayed").map(str::to_owned);
    // Nothing was captured: refused, and not for ever.
    assert_eq!(order(&mut client, "refund", &refund("Item returned")).status, 422);
    assert_eq!(order(&mut client, "capture", &json!({"id": id, "amount": "100.00"})).status, 200);
    let first = order(&mut client, "refund", &refund("Item returned"));
    assert_eq!((first.status, replayed(&first), balance(&workplace, "acct-demo-4").0), (200, None, 90_500));
    // The same again is the same one, and says so; for another reason it is another one.
    let again = order(&mut client, "refund", &refund("Item returned"));
    assert_eq!((again.status, replayed(&again), balance(&workplace, "acct-demo-4").0), (200, Some("true".to_owned()), 90_500));
    let other = order(&mut client, "refund", &refund("Second item returned"));
    assert_eq!((other.status, replayed(&other), balance(&workplace, "acct-demo-4").0), (200, None, 91_000));
    let receipt = other.json()["auth_response"]["customer_receipt"].as_str().unwrap().to_owned();
    assert!(receipt.contains("CREDIT - REFUND") && receipt.contains(" TOTAL: USD $5.00 "), "this one:\n{receipt}");
    assert!(server.terminate().success());
    let server = workplace.serve();
    let again = order(&mut server.client(), "refund", &refund("Second item returned"));
    assert_eq!(
        (replayed(&again), balance(&workplace, "acct-demo-4").0),
        (Some("true".to_owned()), 91_000),
        "after a restart, too"
    );
}

#[test]
fn a_payment_is_shown_as_it_stands() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let standing = |answer: &Value| {
        let standing = &answer["standing"];
        ["state", "captured_amount", "refunded_amount", "open_amount"].map(|name| standing[name].as_str().unwrap().to_owned())
    };
    let printed = |answer: &Value| answer["auth_response"]["customer_receipt"].as_str().unwrap().to_owned();
    let paid = pay(&mut client, "auth", "100.00", "USD");
    let id = paid["id"].clone();
    let amounts = |state: &str, rest: [&str; 3]| [state, rest[0], rest[1], rest[2]].map(str::to_owned);
    assert_eq!(standing(&paid), amounts("authorized", ["0.00", "0.00", "100.00"]));
    assert_eq!(standing(&shown(&mut client, &id)), standing(&paid));
    let captured = order(&mut client, "capture", &json!({"id": id, "amount": "60.00"})).json();
    assert_eq!(standing(&captured), amounts("captured", ["60.00", "0.00", "0.00"]));
    assert!(printed(&captured).contains(" TOTAL: USD $60.00 ") && printed(&captured).contains("CREDIT - CAPTURE"));
    assert_eq!(order(&mut client, "refund", &json!({"id": id, "amount": "20.00"})).status, 200);
    let now = shown(&mut client, &id);
    assert_eq!(standing(&now), amounts("partially_refunded", ["60.00", "20.00", "0.00"]));
    assert!(printed(&now).contains("CREDIT - CAPTURE") && printed(&now).contains("REFUNDED: USD $20.00"), "{}", printed(&now));
    assert_eq!(order(&mut client, "refund", &json!({"id": id, "amount": "40.00"})).status, 200);
    assert_eq!(standing(&shown(&mut client, &id))[0], "refunded");

    let other = pay(&mut client, "auth", "10.00", "USD")["id"].clone();
    let voided = order(&mut client, "void", &json!({"id": other})).json();
    assert_eq!(standing(&voided), amounts("voided", ["0.00", "0.00", "0.00"]));
    assert!(printed(&shown(&mut client, &other)).contains("CREDIT - VOID"));
    let sold = pay(&mut client, "sale", "10.00", "USD");
    assert_eq!(standing(&sold), amounts("captured", ["10.00", "0.00", "0.00"]));
    let now = shown(&mut client, &sold["id"]);
    assert_eq!(standing(&now), standing(&sold));
    assert!(printed(&now).contains("CREDIT - SALE"), "{}", printed(&now));
}

#[test]
fn a_credential_does_what_it_has_permission_for() {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| {
        let (before, after) = text.split_once("path = \"/api/payment\"").unwrap();
        let (login, rest) = after.split_once("password =").unwrap();
        format!("{before}path = \"/api/payment\"{login}permissions = [\"authorize\", \"read\"]\npassword ={rest}")
    });
    let server = workplace.serve();
    let mut client = server.client();
    let id = pay(&mut client, "auth", "10.00", "USD")["id"].clone();
    for (route, body) in [
        ("capture", json!({"id": id, "amount": "10.00"})),
        ("void", json!({"id": id})),
        ("refund", json!({"id": id, "amount": "1.00"})),
        (
            "sale",
            json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": "1.00", "card_token": "card_sandbox_demo"}}),
        ),
    ] {
        let answer = order(&mut client, route, &body);
        assert_eq!((answer.status, &answer.json()["response_code"]), (403, &json!("E0403")), "{route}: {answer:?}");
    }
    assert_eq!(shown(&mut client, &id)["standing"]["state"], "authorized", "nothing was done");
    // At the other doors everything is as it was.
    let other = json!({"amount": 100, "currency": "USD", "merchant": "merchant-demo", "source": "PIdemo1"}).to_string();
    let created = client.post("/payments/na/transfers", &other);
    assert_eq!(created.status, 201, "{created:?}");
}

#[test]
fn a_check_is_found_again_and_says_what_the_door_would() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let mut check = |more: Value| {
        let mut body = json!({"transaction_type": "sale", "merchant_id": "merchant-demo",
            "data": {"card_token": "card_sandbox_demo", "transaction_amount": "1.40"}});
        for (name, value) in more.as_object().unwrap() {
            body["data"][name] = value.clone();
        }
        let answer = client.post("/transaction-monitoring/pre-auth", &body.to_string());
        (answer.status, answer.json())
    };
    let (status, expired) = check(json!({"card_exp": "11/20"}));
    assert_eq!(
        (status, &expired["processing_status"], &expired["triggered_rules"][0]["rule"]),
        (200, &json!("decline"), &json!("card:expired"))
    );
    let (status, refused) = check(json!({"currency": "USD", "currency_code": "CAD"}));
    assert_eq!((status, &refused["field"]), (400, &json!("data.currency_code")));
    let (status, foreign) = check(json!({"currency": "EUR"}));
    assert_eq!((status, &foreign["processing_status"]), (200, &json!("decline")), "{foreign}");
    assert_eq!(foreign["triggered_rules"].as_array().unwrap().last().unwrap()["rule"], "account:currency", "{foreign}");
    let (status, refused) = check(json!({"order_number": "a-b"}));
    assert_eq!((status, &refused["field"]), (400, &json!("data.order_number")));
    let (_, allowed) = check(json!({"card_exp": "11/59"}));
    assert_eq!(allowed["processing_status"], "allow");
    // A refund as the interface shows it names neither merchant nor card.
    let refund = json!({"transaction_type": "refund", "id": "09536b98-d422-45e4-98b1-9068623ac509", "amount": "5.00", "reason": "Item retuned"});
    let refund = client.post("/transaction-monitoring/pre-auth", &refund.to_string()).json();
    assert_eq!(refund["processing_status"], "allow", "{refund}");
    // Nobody waits for a check to be written: it goes with whatever is written next.
    pay(&mut client, "auth", "1.00", "USD");
    assert!(server.terminate().success());
    for (answer, told) in [
        (&expired, "declined\n    by card:expired"),
        (&allowed, "allowed"),
        (&refund, "\"id\":\"09536b98-d422-45e4-98b1-9068623ac509\""),
    ] {
        for name in ["roc_text_data", "transaction_id"] {
            for elsewhere in [["--program", "other"], ["--platform", "marqeta"]] {
                let data = workplace.data();
                let asked = ["explain", answer[name].as_str().unwrap(), "--data", data.to_str().unwrap()];
                let output = workplace.run(&[&asked[..], &elsewhere[..]].concat());
                assert_eq!(output.status.code(), Some(1), "{elsewhere:?}");
            }
            let output =
                workplace.run(&["explain", answer[name].as_str().unwrap(), "--data", workplace.data().to_str().unwrap()]);
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                text.contains(told) && text.contains("nothing moved"),
                "{name} of {answer}: {text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn a_settlement_file_may_call_a_payment_by_the_check_before_it() {
    // Where it is noon, so that no day and no settlement day ends while the test runs. POSIX counts hours to the west.
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let (zone, today) = (format!("Etc/GMT{:+}", now.hour() - 12), now.date().to_string());
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| {
        text.replace("# [program.settlement_file]", "[program.settlement_file]")
            .replace("# payment = \"transaction_token\"", "payment = \"roc\" #")
            .replace("# amount = \"amount\"", "amount = \"amount\"")
            .replace("time_zone = \"America/New_York\"", &format!("time_zone = \"{zone}\""))
    });
    let server = workplace.serve();
    let mut client = server.client();
    let mut pay = |route: &str, amount: &str| {
        let data = json!({"card_token": "card_sandbox_demo", "transaction_amount": amount});
        let check = json!({"transaction_type": route, "merchant_id": "merchant-demo", "data": data});
        let roc = client.post("/transaction-monitoring/pre-auth", &check.to_string()).json()["roc_text_data"].clone();
        let mut asked = json!({"merchant_id": "merchant-demo", "data": data});
        asked["data"]["roc_text_data"] = roc.clone();
        let paid = client.post(&format!("/api/payment/{route}"), &asked.to_string()).json();
        assert_eq!((&paid["auth_response"]["status"], &paid["roc_text_data"]), (&json!("PASS"), &roc), "{paid}");
        let roc = roc.as_str().unwrap().to_owned();
        (paid["id"].clone(), roc)
    };
    let ((_, sold), (held, authorized)) = (pay("sale", "20.00"), pay("auth", "30.00"));
    assert_eq!(order(&mut client, "capture", &json!({"id": held, "amount": "25.00"})).status, 200);
    assert!(server.terminate().success());
    let data = workplace.data().to_str().unwrap().to_owned();
    let erase = ["erase", "--program", "demo", "--data", &data];
    assert!(workplace.run(&erase).status.success());
    let file = workplace.data().join("settled.csv");
    std::fs::write(&file, format!("roc,amount\n{sold},20.00\n{authorized},25.00\n")).unwrap();
    let output = workplace.run(&[
        "settlement",
        "--program",
        "demo",
        "--day",
        &today,
        "--file",
        file.to_str().unwrap(),
        "--platform",
        "payment_gateway",
        "--json",
        "--data",
        &data,
    ]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["file"], json!({"matching": 2, "differences": []}), "{told:#}");
    assert!(output.status.success());
}

#[test]
fn a_payment_of_nothing_is_voided_and_neither_captured_nor_refunded() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let [one, other] = [(); 2].map(|()| pay(&mut client, "auth", "0.00", "USD")["id"].clone());
    for (route, message) in
        [("capture", "The amount is more than was authorized"), ("refund", "More would be given back than was taken")]
    {
        let refused = order(&mut client, route, &json!({"id": one, "amount": "1.00"}));
        assert_eq!((refused.status, &refused.json()["response_message"]), (422, &json!(message)), "{route}");
    }
    let key = [("Idempotency-Key", "void-it"), ("Authorization", &crate::support::http::demo_authorization())];
    let void = |client: &mut Client, id: &Value| client.ask("POST", "/api/payment/void", &key, &json!({"id": id}).to_string());
    for _ in 0..2 {
        let voided = void(&mut client, &one);
        assert_eq!((voided.status, &voided.json()["status"]), (200, &shown(&mut client, &one)["status"]), "{voided:?}");
    }
    assert_eq!(void(&mut client, &other).status, 409, "the key is the first one's");
}

#[test]
fn what_an_operator_released_is_not_told_to_be_anything_else() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let id = pay(&mut client, "auth", "5.00", "USD")["id"].clone();
    let mut office = BackOffice::of(&server);
    let holds = office.found("/v1/holds?account_id=acct-demo-4&status=open")["holds"].clone();
    let hold = holds.as_array().unwrap().iter().find(|hold| hold["payment"] == id).unwrap().clone();
    office.made(&format!("/v1/holds/{}/release", hold["hold_id"]), "release", &json!({"reason": "asked by phone"}));
    assert_eq!(shown(&mut client, &id)["standing"]["state"], "voided");
    let refused = order(&mut client, "capture", &json!({"id": id, "amount": "5.00"}));
    let message = "The payment was voided, or released by an operator";
    assert_eq!((refused.status, &refused.json()["response_message"]), (422, &json!(message)));
}
