//! Whose the keys of orders are at the gateway's door: the mount's, or each merchant's.

use serde_json::{Value, json};

use crate::support::http::demo_authorization;
use crate::support::server::balance;
use crate::support::{BackOffice, Client, Response, Workplace};

fn each_merchants(workplace: &Workplace) {
    workplace.edit("holdfast.toml", |text| {
        text.replace(
            "platform = \"payment_gateway\"\n",
            "platform = \"payment_gateway\"\nsettings = { idempotency = \"merchant\" }\n",
        )
    });
}

fn sell(client: &mut Client, merchant: &str) -> Value {
    let body = json!({"merchant_id": merchant, "data": {"transaction_amount": "10.00", "card_token": "card_sandbox_demo"}});
    client.post("/api/payment/sale", &body.to_string()).json()["id"].clone()
}

fn refund(client: &mut Client, key: &str, id: &Value, amount: &str) -> Response {
    let headers = [("Idempotency-Key", key), ("Authorization", &demo_authorization())];
    client.ask("POST", "/api/payment/refund", &headers, &json!({"id": id, "amount": amount}).to_string())
}

#[test]
fn two_merchants_may_use_the_same_key_of_an_order() {
    let workplace = Workplace::demo();
    each_merchants(&workplace);
    let server = workplace.serve();
    let corner = json!({"name": "Corner Books", "mcc": "5942", "country": "USA", "time_zone": "America/Chicago"});
    let headers = [("Idempotency-Key", "corner"), ("Content-Type", "application/json")];
    let put = BackOffice::of(&server).raw("PUT", "/v1/merchants/corner", &headers, &corner.to_string());
    assert_eq!(put.status, 200, "{put:?}");
    let mut client = server.client();
    let [one, other] = ["merchant-demo", "corner"].map(|merchant| sell(&mut client, merchant));
    for id in [&one, &other] {
        for replayed in [None, Some("true")] {
            let answer = refund(&mut client, "refund-1", id, "1.00");
            assert_eq!((answer.status, answer.header("idempotency-replayed")), (200, replayed), "{answer:?}");
        }
        assert_eq!(refund(&mut client, "refund-1", id, "2.00").status, 409, "with other content");
    }
    let another = sell(&mut client, "corner");
    assert_eq!(refund(&mut client, "refund-1", &another, "1.00").status, 409, "of the same merchant");
    assert_eq!(balance(&workplace, "acct-demo-4").0, 100_000 - 3_000 + 200);
}

/// What was ordered when keys were the mount's is known afterwards, too.
#[test]
fn an_order_of_the_mounts_keys_is_not_obeyed_twice() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let id = sell(&mut server.client(), "merchant-demo");
    assert_eq!(refund(&mut server.client(), "refund-1", &id, "1.00").status, 200);
    assert!(server.terminate().success());
    each_merchants(&workplace);
    let server = workplace.serve();
    let again = refund(&mut server.client(), "refund-1", &id, "1.00");
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")), "{again:?}");
    assert_eq!(balance(&workplace, "acct-demo-4").0, 99_100);
}
