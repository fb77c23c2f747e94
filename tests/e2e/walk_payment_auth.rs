//! The document of `/api/payment/auth` walked in its order: amounts as it writes them, its fees, its two example requests (one with a
//! comment, which JSON does not have), and what its account has of network tokenization. Then the example requests of
//! `/transaction-monitoring/pre-auth`. Card numbers there: `card_numbers.rs`; the webhook event: `webhooks.rs`.

use serde_json::{Value, json};

use crate::support::server::balance;
use crate::support::{BackOffice, Client, Workplace};

const AUTH: &str = "/api/payment/auth";

fn asked(client: &mut Client, path: &str, body: &Value) -> Value {
    let answer = client.post(path, &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn payment(amount: &str, more: Value) -> Value {
    let mut data = json!({"transaction_amount": amount, "card_token": "card_sandbox_demo"});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"merchant_id": "merchant-demo", "data": data})
}

#[test]
fn every_example_and_constraint_in_the_documents_order() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let held = || balance(&workplace, "acct-demo-4").1;

    // "1 and 1.00 both will be considered $1.00 and 0.10 will be 10 cents."
    for (amount, minor) in [("1", 100), ("1.00", 100), ("0.10", 10), ("1.4", 140)] {
        let before = held();
        let paid = asked(&mut client, AUTH, &payment(amount, json!({})));
        assert_eq!((held() - before, &paid["auth_response"]["status"]), (minor, &json!("PASS")), "{amount}");
        asked(&mut client, "/api/payment/void", &json!({"id": paid["id"]}));
    }
    for amount in ["", "1,00", "-1.00", "1.001", "$1.00", "1234567890.12"] {
        let answer = client.post(AUTH, &payment(amount, json!({})).to_string());
        assert_eq!(answer.status, 400, "{amount}: {answer:?}");
    }

    // The fees of its two examples: the customer pays 100.00 in full.
    for (fee, amount, field, net) in [
        ("pre_settlement_fee_charge", "5.00", "net_settlement_amount", "95.00"),
        ("post_settlement_fee_charge", "7.50", "net_payout_amount", "92.50"),
    ] {
        let before = held();
        let paid = asked(&mut client, AUTH, &payment("100.00", json!({fee: amount})));
        assert_eq!((held() - before, &paid["auth_response"][field]), (10_000, &json!(net)), "{fee}: {paid}");
        for wrong in ["100.01", "-1", "none"] {
            assert_eq!(client.post(AUTH, &payment("100.00", json!({fee: wrong})).to_string()).status, 400, "{fee} = {wrong}");
        }
        // "If set to zero or omitted", there is none.
        let free = asked(&mut client, AUTH, &payment("1.00", json!({fee: "0"})));
        assert_eq!(free["auth_response"]["status"], "PASS", "{fee}");
    }

    // "Example Request", and every field of the answer that is required.
    let example = payment(
        "110.00",
        json!({"order_number": "Order124", "description": "Payment for the services",
        "customer_name": "John Doe", "ip_address": "10.10.10.10", "sales_tax": "10", "internal_transaction_id": "987654321",
        "currency_code": "USD"}),
    );
    let paid = asked(&mut client, AUTH, &example);
    for field in ["id", "transaction_id", "merchant_id", "token"] {
        assert!(paid[field].is_string(), "{field}: {paid}");
    }
    for field in [
        "status",
        "response_code",
        "response_message",
        "task_id",
        "transaction_timestamp",
        "card_type",
        "masked_card_number",
        "customer_receipt",
        "merchant_receipt",
    ] {
        assert!(paid["auth_response"][field].is_string(), "{field}: {paid}");
    }
    assert_eq!(paid["auth_response"]["partial_payment"], false);

    // "Example Request with items": waits for its payer; with the comment of the document it is no JSON.
    let mut items = payment(
        "200.20",
        json!({"description": "Payment for the services", "sales_tax": "10.00",
        "items": [{"name": "Sample", "unit_cost": "95.00", "quantity": 2, "total_amount": "190.00"}],
        "other_tax": [{"name": "CRV", "amount": "0.20"}], "metadata": {"customer_id": "123", "email": "[email protected]"}}),
    );
    items["attempt_3d_secure"] = json!(true);
    items["browser_info"] = json!("COLLECTED USING CLIENT BROWSER");
    let before = held();
    let begun = asked(&mut client, AUTH, &items);
    assert_eq!((held(), &begun["auth_response"]["status"]), (before, &json!("PENDING_3DSAUTH")), "{begun}");
    let result = |indicator: &str| {
        json!({"id": begun["id"], "three_d_secure": {"electronic_commerce_indicator": indicator,
        "transaction_id": "EaOMucALHQqLAEGAgk", "cardholder_authentication": "BwABBJQ1AgAAAAAgJDUCAAAAAAA="}})
    };
    let paid = asked(&mut client, "/api/payment/3ds", &result("AUTHENTICATED"));
    assert_eq!(
        (&paid["id"], &paid["metadata"]["email"], &paid["auth_response"]["items"][0]["quantity"]),
        (&begun["id"], &json!("[email protected]"), &json!(2))
    );
    assert_eq!(held() - before, 20_020);
    let another = client.post("/api/payment/3ds", &result("ATTEMPTED").to_string());
    assert_eq!(
        (another.status, &another.json()["response_message"]),
        (409, &json!("It came before with other content: the Idempotency-Key, or the result of the payer's authentication"))
    );
    let commented = items.to_string().replace("\"190.00\"", "\"190.00\" //included in the transaction amount\n");
    let answer = client.post(AUTH, &commented);
    assert!(answer.status == 400 && answer.body.contains("is not JSON from line 1"), "{answer:?}");
}

#[test]
fn network_tokenization_is_a_setting_of_the_merchant_and_of_nothing_else() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut office = BackOffice::of(&server);
    let mut put = |path: &str, key: &str, body: Value| {
        office.raw("PUT", path, &[("Idempotency-Key", key), ("Content-Type", "application/json")], &body.to_string())
    };
    let merchant = json!({"name": "Demo Store", "mcc": "5734", "country": "USA", "time_zone": "America/New_York",
        "network_tokenization": "automatic"});
    let shown = put("/v1/merchants/merchant-demo", "on", merchant.clone());
    assert_eq!((shown.status, &shown.json()["network_tokenization"]), (200, &json!("automatic")));
    let mut wrong = merchant;
    wrong["network_tokenization"] = json!("sometimes");
    assert_eq!(put("/v1/merchants/merchant-demo", "wrong", wrong).status, 400);
    let elsewhere = json!({"brand": "visa", "last_four": "1111", "network_tokenization": "automatic"});
    assert_eq!(put("/v1/instruments/PIdemo1", "elsewhere", elsewhere).status, 400);
    // It decides nothing.
    let paid = asked(&mut server.client(), AUTH, &payment("1.00", json!({})));
    assert_eq!(paid["auth_response"]["status"], "PASS");
}

#[test]
fn each_type_of_a_check_in_the_documents_order() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let check = |kind: &str, data: Value| json!({"transaction_type": kind, "merchant_id": "merchant-demo", "data": data});
    let sale = json!({"card_token": "card_sandbox_demo", "transaction_amount": "1.4", "ip_address": "100.43.79.254"});
    let auth = json!({"card_token": "card_sandbox_demo", "cardholder_name": "John Doe", "card_exp": "12/27", "currency_code": "USD",
        "transaction_amount": "5.50", "ip_address": "100.43.79.254"});
    let refund = json!({"transaction_type": "refund", "id": "09536b98-d422-45e4-98b1-9068623ac509", "amount": "5.00",
        "reason": "Item retuned"});
    for body in [check("sale", sale), check("auth", auth.clone()), check("capture", auth), refund] {
        let told = asked(&mut client, "/transaction-monitoring/pre-auth", &body);
        assert_eq!((&told["processing_status"], &told["transaction_status"]), (&json!("allow"), &json!("preauth")), "{body}");
        assert!(told["roc_text_data"].is_string() && told["transaction_id"].is_string() && told["triggered_rules"].is_array());
    }
    assert_eq!(balance(&workplace, "acct-demo-4"), (100_000, 0, 100_000));
}
