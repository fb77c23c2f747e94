//! The document of `authorizations` walked from its first example to its last error, with its own amounts: its examples, its use
//! cases, the workflow of an order, the retry that succeeds in the end, and the three ways to fail.

use serde_json::{Value, json};

use crate::support::server::balance;
use crate::support::{Client, Response, Workplace};

const PATH: &str = "/payments/na/authorizations";

fn body(amount: i64, more: Value) -> Value {
    let mut body = json!({"amount": amount, "currency": "USD", "merchant": "merchant-demo", "source": "PIdemo1"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn ask(client: &mut Client, amount: i64, more: Value) -> Response {
    client.post(PATH, &body(amount, more).to_string())
}

fn succeeded(client: &mut Client, amount: i64, more: Value) -> Value {
    let answer = ask(client, amount, more);
    assert_eq!((answer.status, &answer.json()["state"]), (201, &json!("SUCCEEDED")), "{answer:?}");
    answer.json()
}

fn update(client: &mut Client, authorization: &Value, order: Value) -> Value {
    let answer = client.put(&format!("{PATH}/{}", authorization["id"].as_str().unwrap()), &order.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[test]
fn every_example_and_use_case_in_the_documents_order() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let money = || balance(&workplace, "acct-demo-4");

    // "Example Requests", and every field of "Example Response".
    let basic = succeeded(&mut client, 100, json!({"tags": {"order_number": "21DFASJSAKAS"}}));
    let fields = [
        "id",
        "created_at",
        "updated_at",
        "amount",
        "amount_requested",
        "application",
        "currency",
        "expires_at",
        "state",
        "merchant",
        "source",
        "address_verification",
        "security_code_verification",
        "is_void",
        "void_state",
        "tags",
        "trace_id",
        "transfer",
        "_links",
    ];
    assert!(fields.iter().all(|field| basic.get(field).is_some()), "{basic}");
    let three_d_secure = json!({"cardholder_authentication": "BwABBJQ1AgAAAAAgJDUCAAAAAAA=",
        "electronic_commerce_indicator": "AUTHENTICATED", "transaction_id": "EaOMucALHQqLAEGAgk"});
    succeeded(&mut client, 100, json!({"3d_secure_authentication": three_d_secure}));
    let surcharged = succeeded(&mut client, 100, json!({"additional_buyer_charges": {"cc_surcharge_amount": 10}}));
    assert_eq!(
        (&surcharged["amount"], &surcharged["additional_buyer_charges"]["cc_surcharge_amount"]),
        (&json!(110), &json!(10))
    );
    // Its sums differ, as the document's do.
    let purchase = json!({"customer_reference_number": "CUST123", "sales_tax": 10, "item_data": [{"amount_excluding_sales_tax": 100,
        "amount_including_sales_tax": 110, "commodity_code": "CODE123", "description": "Product description", "quantity": 1,
        "unit_of_measure": "EA"}]});
    let detailed = succeeded(&mut client, 100, json!({"additional_purchase_data": purchase}));
    assert_eq!(detailed["additional_purchase_data"], purchase);
    assert_eq!(money(), (100_000, 410, 99_590));

    // "Authorization with Idempotency".
    let order = json!({"idempotency_id": "order-7", "tags": {"order_id": "7"}});
    let once = succeeded(&mut client, 5_000, order.clone());
    assert_eq!(succeeded(&mut client, 5_000, order), once);
    // "3D Secure Authorization", each outcome that the document names.
    for indicator in ["AUTHENTICATED", "ATTEMPTED", "NOT_AUTHENTICATED"] {
        let mut told = three_d_secure.clone();
        told["electronic_commerce_indicator"] = json!(indicator);
        let secure =
            succeeded(&mut client, 10_000, json!({"3d_secure_authentication": told, "tags": {"secure_transaction": "true"}}));
        assert_eq!(secure["3d_secure_authentication"]["electronic_commerce_indicator"], indicator);
        update(&mut client, &secure, json!({"void_me": true}));
    }
    // "Authorization with Surcharge": held, and taken, on top.
    let tags = json!({"base_amount": "10000", "surcharge": "350", "total": "10350"});
    let charged = succeeded(&mut client, 10_000, json!({"additional_buyer_charges": {"cc_surcharge_amount": 350}, "tags": tags}));
    assert_eq!((&charged["amount"], &charged["tags"]), (&json!(10_350), &tags));
    let captured = update(&mut client, &charged, json!({"capture_amount": 10_350}));
    assert!(captured["transfer"].is_string() && captured["is_void"] == false, "{captured}");
    // "Level 3 Processing Authorization".
    let item = |net: i64, gross: i64, code: &str, name: &str, quantity: i64| {
        json!({"amount_excluding_sales_tax": net,
        "amount_including_sales_tax": gross, "commodity_code": code, "description": name, "quantity": quantity, "unit_of_measure": "EA"})
    };
    let items = [item(15_000, 16_500, "WIDGET-A", "Premium Widget", 10), item(8_500, 9_350, "GADGET-B", "Standard Gadget", 5)];
    let level_three = succeeded(
        &mut client,
        25_000,
        json!({"additional_purchase_data": {"customer_reference_number": "PO-12345",
        "sales_tax": 2_000, "item_data": items}, "tags": {"transaction_type": "b2b", "po_number": "PO-12345"}}),
    );
    assert_eq!(level_three["additional_purchase_data"]["item_data"].as_array().map(Vec::len), Some(2));
    assert_eq!(money(), (89_650, 30_410, 59_240));

    // "Complete authorization workflow": authorized, checked, kept, captured in part.
    let order =
        succeeded(&mut client, 40_000, json!({"idempotency_id": "order-8", "tags": {"order_id": "8", "customer_id": "c"}}));
    assert_eq!(
        (&order["address_verification"], &order["security_code_verification"]),
        (&json!("POSTAL_CODE_AND_STREET_MATCH"), &json!("MATCHED"))
    );
    update(&mut client, &order, json!({"capture_amount": 39_000}));
    assert_eq!(money(), (50_650, 30_410, 20_240), "what is not captured is free at once");

    // "Retry Failed Authorizations": two fail, and the third finds the money that a void gave back.
    let attempts: Vec<u16> = (1..=3)
        .map(|attempt| {
            if attempt == 3 {
                update(&mut client, &level_three, json!({"void_me": true}));
            }
            ask(&mut client, 45_000, json!({"tags": {"attempt": attempt.to_string()}})).status
        })
        .collect();
    assert_eq!(attempts, [402, 402, 201]);

    // "Error Responses".
    let failed = |answer: Response| {
        let told = answer.json();
        [told["state"].clone(), told["failure_code"].clone(), told["failure_message"].clone()]
    };
    let broke = failed(ask(&mut client, 45_000, json!({})));
    assert_eq!(broke, [json!("FAILED"), json!("INSUFFICIENT_FUNDS"), json!("Insufficient funds")]);
    let nobody = failed(ask(&mut client, 100, json!({"source": "PInobody"})));
    assert_eq!(nobody, [json!("FAILED"), json!("INVALID_CARD"), json!("Invalid card number")]);
    let above = failed(ask(&mut client, 75_100, json!({})));
    assert_eq!(above, [json!("FAILED"), json!("CARD_DECLINED"), json!("Do not honor")]);

    // Nobody may have rules skipped here, whatever is sent.
    let bypassed = failed(ask(&mut client, 75_100, json!({"transaction_monitoring_bypass": true})));
    assert_eq!(bypassed, above);
}

#[test]
fn credentials_of_other_doors_cannot_bypass_rules() {
    for platform in ["authorizations", "pre_auth", "marqeta"] {
        let workplace = Workplace::demo();
        workplace.edit("holdfast.toml", |text| {
            let (before, after) = text.split_once(&format!("platform = \"{platform}\"")).unwrap();
            let after = after.replacen(
                "password = \"file:demo/secrets/platform_password\"",
                "password = \"file:demo/secrets/platform_password\"\nbypass_rules = true",
                1,
            );
            format!("{before}platform = \"{platform}\"{after}")
        });
        let output = workplace.run(&["check"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("none of its callers can have rules bypassed"), "{platform}: {told}");
    }
}
