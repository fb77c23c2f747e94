//! What is left of a payment once what its caller wrote was erased: everything that is no person's, at either door, to whoever asks
//! again, and in the event that is told of it.

use serde_json::{Value, json};

use crate::shared::workplace_on;
use crate::support::http::demo_authorization;
use crate::support::postgres::Postgres;
use crate::support::{Client, Response, Workplace};
use crate::webhooks::{Endpoint, telling_of};

const AUTH: &str = "/api/payment/auth";

fn keyed(client: &mut Client, key: &str, body: &Value) -> Response {
    client.ask("POST", AUTH, &[("Idempotency-Key", key), ("Authorization", &demo_authorization())], &body.to_string())
}

fn asked_for(amount: &str, more: &Value) -> Value {
    let mut body = json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": amount, "card_token": "card_sandbox_demo",
        "customer_name": "John Doe", "description": "For John", "order_number": "Order124", "gateway_id": "gateway-1"}});
    body["data"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn result(id: &Value, indicator: &str, transaction: &str) -> String {
    json!({"id": id, "three_d_secure": {"electronic_commerce_indicator": indicator, "transaction_id": transaction,
        "cardholder_authentication": "BwABBJQ1AgAAAAAgJDUCAAAAAAA="}})
    .to_string()
}

fn erase(workplace: &Workplace) {
    let erased = workplace.run(&["erase", "--program", "demo", "--data", workplace.data().to_str().unwrap()]);
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
}

/// What a payment's answer says that is nobody's text: without the receipts, which print some.
fn nobodys(answer: &Value) -> Value {
    let mut response = answer["auth_response"].clone();
    let members = response.as_object_mut().unwrap();
    members.remove("customer_receipt").unwrap();
    members.remove("merchant_receipt").unwrap();
    response
}

fn fees_outlive_it_on(workplace: &Workplace) {
    let server = workplace.serve();
    let mut client = server.client();
    let fees = json!({"pre_settlement_fee_charge": "5.00", "post_settlement_fee_charge": "7.50", "sales_tax": "10.00",
        "other_tax": [{"name": "Tax of John", "amount": "0.20"}], "currency_code": "USD"});
    let body = asked_for("100.00", &fees);
    let paid = keyed(&mut client, "fees", &body).json();
    assert_eq!(paid["auth_response"]["net_payout_amount"], "87.50", "{paid}");
    let path = format!("/api/payment/{}", paid["id"].as_str().unwrap());
    let before = client.get(&path).json();
    erase(workplace);
    let again = keyed(&mut client, "fees", &body);
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:?}");
    for left in [client.get(&path).json(), again.json()] {
        assert_eq!(nobodys(&left), nobodys(&before));
        assert_eq!(left["currency_code"], "USD");
        assert!(!left.to_string().contains("John") && !left.to_string().contains("Order124"), "{left}");
        let receipt = left["auth_response"]["customer_receipt"].as_str().unwrap();
        for line in [
            "Demo Store",
            "1 Harbor Street",
            "VISA 1111",
            "SUBTOTAL: USD $89.80",
            "SALES TAX: USD $10.00",
            "OTHER TAX: USD $0.20",
        ] {
            assert!(receipt.contains(line), "{line}: {receipt}");
        }
    }
    let capture = json!({"id": paid["id"], "amount": "50.00"}).to_string();
    let captured = client.post("/api/payment/capture", &capture).json();
    let net = (&captured["auth_response"]["net_settlement_amount"], &captured["auth_response"]["net_payout_amount"]);
    assert_eq!(net, (&json!("45.00"), &json!("37.50")), "{captured}");
    assert!(server.terminate().success());
}

#[test]
fn fees_outlive_the_texts() {
    fees_outlive_it_on(&Workplace::demo());
}

#[test]
fn fees_outlive_the_texts_on_the_shared_ledger() {
    let Some(postgres) = Postgres::start() else { return };
    fees_outlive_it_on(&workplace_on(&postgres));
}

#[test]
fn what_was_known_stays_and_a_later_profile_says_the_rest() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let paid = keyed(&mut client, "k", &asked_for("1.00", &json!({}))).json();
    let path = format!("/api/payment/{}", paid["id"].as_str().unwrap());
    let wanted = json!({"amount": 100, "currency": "USD", "merchant": "merchant-demo", "source": "PIdemo1",
        "additional_buyer_charges": {"cc_surcharge_amount": 5}, "tags": {"for": "John"}});
    let other = client.post("/payments/na/authorizations", &wanted.to_string()).json();
    workplace.edit("demo/profiles.toml", |text| {
        text.replace("Demo Store", "Other Store")
            .replace("America/New_York", "Asia/Tokyo")
            .replace("APdemo1", "APother")
            .replace("POSTAL_CODE_AND_STREET_MATCH", "NO_MATCH")
            .replace("last_four = \"1111\"", "last_four = \"2222\"")
    });
    let (profiles, data) = (workplace.path("config/demo/profiles.toml"), workplace.data());
    let (profiles, data) = (profiles.to_str().unwrap(), data.to_str().unwrap());
    let import = ["import", "--program", "demo", "--profiles", profiles, "--data", data];
    let imported = workplace.run(&import);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    erase(&workplace);
    let left = client.get(&path).json();
    for field in ["transaction_timestamp", "address_verification_code", "card_holder_verification_code", "card_type"] {
        assert_eq!(left["auth_response"][field], paid["auth_response"][field], "{field}: as it was known then");
    }
    assert_eq!(left["auth_response"]["masked_card_number"], "2222", "as the profile says now");
    assert!(left["auth_response"]["customer_receipt"].as_str().unwrap().contains("Other Store"), "{left}");
    let left = client.get(&format!("/payments/na/authorizations/{}", other["id"].as_str().unwrap())).json();
    for field in ["application", "address_verification", "amount_requested", "additional_buyer_charges", "currency"] {
        assert_eq!(left[field], other[field], "{field}");
    }
    assert_eq!(left["tags"], json!({}));
    assert!(server.terminate().success());
}

fn an_event_says_what_is_shown_on(workplace: Workplace, endpoint: &Endpoint) {
    let workplace = telling_of(workplace, endpoint, "");
    workplace.edit("holdfast.toml", |text| text.replace("\"hold.captured\", \"hold.released\"", "\"PAYMENT_AUTH\""));
    let server = workplace.serve();
    let mut client = server.client();
    let fees = json!({"pre_settlement_fee_charge": "5.00", "sales_tax": "1.00"});
    let paid = keyed(&mut client, "told", &asked_for("20.00", &fees)).json();
    assert_eq!(paid["auth_response"]["status"], "PASS", "{paid}");
    while endpoint.next().answered != 503 {}
    erase(&workplace);
    endpoint.answer(200);
    let told = loop {
        let got = endpoint.next();
        // On a busy machine there may be others: stand-in was entered, or left.
        if got.answered == 200 && got.json()["data"]["auth_response"].is_object() {
            break got.json();
        }
    };
    let shown = client.get(&format!("/api/payment/{}", paid["id"].as_str().unwrap())).json();
    assert_eq!(told["data"]["auth_response"], shown["auth_response"], "as whoever asks is shown it");
    let data = &told["data"];
    let others = (&data["account_id"], &data["sales_tax"], &data["customer_name"]);
    assert_eq!(others, (&json!("APdemo1"), &json!("1.00"), &Value::Null), "{told}");
    assert!(server.terminate().success());
}

#[test]
fn an_event_that_is_told_afterwards_says_what_is_shown() {
    an_event_says_what_is_shown_on(Workplace::demo(), &Endpoint::start(503));
}

#[test]
fn an_event_that_is_told_afterwards_says_what_is_shown_on_the_shared_ledger() {
    let Some(postgres) = Postgres::start() else { return };
    an_event_says_what_is_shown_on(workplace_on(&postgres), &Endpoint::start(503));
}

fn a_result_hears_the_same_on(workplace: &Workplace) {
    let server = workplace.serve();
    let mut client = server.client();
    let mut body = asked_for("3.00", &json!({}));
    body["attempt_3d_secure"] = json!(true);
    let begun = keyed(&mut client, "decided", &body).json();
    let failed = keyed(&mut client, "failed", &body).json();
    let waits = keyed(&mut client, "waits", &body).json();
    let decide = |client: &mut Client, id: &Value, indicator: &str, transaction: &str| {
        client.post("/api/payment/3ds", &result(id, indicator, transaction))
    };
    let paid = decide(&mut client, &begun["id"], "AUTHENTICATED", "acs-1");
    assert_eq!(paid.json()["auth_response"]["status"], "PASS", "{paid:?}");
    let declined = decide(&mut client, &failed["id"], "NOT_AUTHENTICATED", "acs-2");
    assert_eq!(declined.json()["auth_response"]["response_code"], "D0059", "{declined:?}");
    erase(workplace);

    // Decided: the same result hears the same, another one is refused, and so does whoever asks for the payment again.
    for (id, (indicator, transaction), before) in
        [(&begun["id"], ("AUTHENTICATED", "acs-1"), &paid), (&failed["id"], ("NOT_AUTHENTICATED", "acs-2"), &declined)]
    {
        let again = decide(&mut client, id, indicator, transaction);
        assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")), "{again:?}");
        assert_eq!(nobodys(&again.json()), nobodys(&before.json()));
        for (indicator, transaction) in [("ATTEMPTED", transaction), (indicator, "acs-3")] {
            let other = decide(&mut client, id, indicator, transaction);
            assert_eq!((other.status, &other.json()["response_code"]), (409, &json!("E0409")), "{other:?}");
        }
    }
    let again = keyed(&mut client, "decided", &body);
    assert_eq!((again.status, &again.json()["auth_response"]["status"]), (200, &json!("PASS")), "{again:?}");

    // Waiting: it is gone, whoever asks how, and its key is not free for something else.
    let path = format!("/api/payment/{}", waits["id"].as_str().unwrap());
    let gone =
        [client.get(&path), decide(&mut client, &waits["id"], "AUTHENTICATED", "acs-4"), keyed(&mut client, "waits", &body)];
    for gone in &gone {
        assert_eq!((gone.status, &gone.json()["response_code"]), (404, &json!("E0404")), "{gone:?}");
    }
    assert!(gone[2].json()["response_message"].as_str().unwrap().contains("erased"), "{gone:?}");
    let mut at_once = body.clone();
    at_once["attempt_3d_secure"] = json!(false);
    let mut more = body;
    more["data"]["transaction_amount"] = json!("3.01");
    for other in [at_once, more] {
        let conflict = keyed(&mut client, "waits", &other);
        assert_eq!((conflict.status, &conflict.json()["response_code"]), (409, &json!("E0409")), "{conflict:?}");
    }
    assert!(server.terminate().success());
}

#[test]
fn the_same_result_hears_the_same_and_what_waited_is_gone() {
    a_result_hears_the_same_on(&Workplace::demo());
}

#[test]
fn the_same_result_hears_the_same_and_what_waited_is_gone_on_the_shared_ledger() {
    let Some(postgres) = Postgres::start() else { return };
    a_result_hears_the_same_on(&workplace_on(&postgres));
}
