//! Webhooks, as operators want them: a letter at once, and an endpoint that is told again; and what a refund says of what was taken.

use serde_json::{Value, json};

use crate::support::postgres::Postgres;
use crate::support::{Marqeta, Workplace};
use crate::webhooks::{Endpoint, responder_on, telling};

/// The letters that wait, once there are so many.
fn letters(workplace: &Workplace, count: usize) -> Vec<Value> {
    loop {
        let listed = workplace.run(&["webhooks", "list", "--json"]);
        let lines = String::from_utf8(listed.stdout).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let letters: Vec<_> = lines.filter(|line| line["letter"].is_i64()).collect();
        if letters.len() >= count {
            return letters;
        }
    }
}

fn retry(workplace: &Workplace, letter: &Value) -> String {
    let retried = workplace.run(&["webhooks", "retry", &letter["letter"].to_string()]);
    assert!(retried.status.success(), "{retried:?}");
    String::from_utf8(retried.stdout).unwrap()
}

/// What operators left for whoever tells an endpoint, and nobody took yet.
fn words(postgres: &Postgres) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, driving) = tokio_postgres::connect(&postgres.connection(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(driving);
        client.query_one("SELECT count(*) FROM holdfast.webhook_replay", &[]).await.unwrap().get(0)
    })
}

#[test]
fn with_the_shared_ledger_whoever_tells_an_endpoint_does_what_an_operator_wants() {
    let Some(postgres) = Postgres::start() else { return };
    let endpoint = Endpoint::start(500);
    let workplace = responder_on(&postgres, &endpoint);
    let server = workplace.serve();
    let mut client = server.client();
    let bought = Marqeta::purchase("1", "2.00");
    assert_eq!(client.post("/marqeta/jit", &bought.body()).status, 200);
    assert_eq!(endpoint.next().answered, 500);
    let capture = bought.follower("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", "2.00");
    assert_eq!(client.post("/marqeta/webhook", &crate::support::callbacks::transactions(&[capture])).status, 200);
    let letters = letters(&workplace, 2);
    let (first, second) = (&letters[0], &letters[1]);
    let behind = format!("once letter {} is sent", first["letter"]);
    assert!(retry(&workplace, second).contains(&behind), "{letters:?}");
    endpoint.answer(200);
    assert!(retry(&workplace, first).contains("is due"));
    let taken = endpoint.taken(2);
    assert_eq!([taken[0].id(), taken[1].id()].map(Value::from), [first["event"].clone(), second["event"].clone()]);

    let tested = workplace.run(&["webhooks", "test", "--endpoint", "office"]);
    assert!(tested.status.success() && !String::from_utf8_lossy(&tested.stdout).contains("not told"), "{tested:?}");
    // Whoever tells the endpoint takes that word.
    while words(&postgres) > 0 {}
    assert!(server.terminate().success());
}

#[test]
fn a_refund_of_a_sale_tells_what_was_debited() {
    let endpoint = Endpoint::start(200);
    let workplace = telling(&endpoint, "");
    workplace.edit("holdfast.toml", |text| text.replace("\"authorization.approved\", ", "\"payment.refunded\", "));
    let server = workplace.serve();
    let mut client = server.client();
    let sale = json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": "7.00", "card_token": "card_sandbox_demo"}});
    let sale = client.post("/api/payment/sale", &sale.to_string()).json();
    let refund = json!({"id": sale["id"], "amount": "3.00", "reason": "returned"});
    let refunded = client.post("/api/payment/refund", &refund.to_string());
    assert_eq!(refunded.status, 200, "{refunded:?}");
    let event = endpoint.next().json();
    let standing = &event["data"]["standing"];
    assert_eq!(event["type"], "payment.refunded");
    let numbers = ["authorized", "held", "debited", "captured", "refunded"].map(|name| standing[name].as_i64().unwrap());
    assert_eq!(numbers, [700, 0, 700, 0, 300], "{event}");
    assert!(server.terminate().success());
}
