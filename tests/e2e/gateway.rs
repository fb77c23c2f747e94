//! The gateway's door and the check of rules beside it: their documents' examples in order, what may be done with a payment
//! afterwards, and that a check moves nothing.

use serde_json::{Value, json};

use crate::support::http::demo_authorization;
use crate::support::server::balance;
use crate::support::{Client, Response, Workplace};

const AUTH: &str = "/api/payment/auth";
const CHECK: &str = "/transaction-monitoring/pre-auth";

fn money(workplace: &Workplace) -> (i64, i64, i64) {
    balance(workplace, "acct-demo-4")
}

fn asked(client: &mut Client, path: &str, body: &Value) -> Value {
    let answer = client.post(path, &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn refused(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["response_code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn an_authorization_as_the_document_shows_it_and_what_may_be_done_with_it() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let basic = json!({"merchant_id": "merchant-demo", "data": {
        "transaction_amount": "110.00", "card_token": "card_sandbox_demo", "order_number": "Order124",
        "description": "Payment for the services", "customer_name": "John Doe", "ip_address": "10.10.10.10", "sales_tax": "10",
        "internal_transaction_id": "987654321", "currency_code": "USD"}});
    let paid = asked(&mut client, AUTH, &basic);
    for (field, value) in [
        ("merchant_id", "merchant-demo"),
        ("token", "card_sandbox_demo"),
        ("currency_code", "USD"),
        ("internal_transaction_id", "987654321"),
        ("order_number", "Order124"),
        ("customer_name", "John Doe"),
    ] {
        assert_eq!(paid[field], value, "{field}");
    }
    let response = &paid["auth_response"];
    for (field, value) in [
        ("status", "PASS"),
        ("response_code", "A0000"),
        ("response_message", "Success"),
        ("host_response_code", "00"),
        ("transaction_amount", "110.00"),
        ("processed_amount", "110.00"),
        ("total_amount", "110.00"),
        ("card_type", "visa"),
        ("masked_card_number", "1111"),
        ("address_verification_code", "X"),
        ("card_holder_verification_code", "M"),
    ] {
        assert_eq!(response[field], value, "{field}");
    }
    let receipt = response["customer_receipt"].as_str().unwrap();
    assert!(receipt.lines().all(|line| line.chars().count() == 36), "{receipt}");
    assert!(receipt.contains("Demo Store") && receipt.contains("TOTAL: USD $110.00"), "{receipt}");
    assert_eq!(money(&workplace), (100_000, 11_000, 89_000));

    // Captured once, in part; the rest is free at once, and what was captured can be given back.
    let id = paid["id"].clone();
    let more = client.post("/api/payment/capture", &json!({"id": id, "amount": "110.01"}).to_string());
    assert_eq!(refused(&more), (422, "E0422".to_owned()));
    let captured = asked(&mut client, "/api/payment/capture", &json!({"id": id, "amount": "100.00"}));
    assert_eq!(captured["auth_response"]["processed_amount"], "100.00");
    assert_eq!(captured["internal_transaction_id"], "987654321");
    assert_eq!(money(&workplace), (90_000, 0, 90_000));
    let refund = asked(&mut client, "/api/payment/refund", &json!({"id": id, "amount": "5.00", "reason": "Item returned"}));
    assert_eq!(
        (&refund["internal_transaction_id"], &refund["auth_response"]["processed_amount"]),
        (&json!("987654321"), &json!("5.00"))
    );
    assert_eq!(money(&workplace).0, 90_500);
    let too_much = client.post("/api/payment/refund", &json!({"id": id, "amount": "95.01"}).to_string());
    assert_eq!(refused(&too_much), (422, "E0422".to_owned()));
    let void = client.post("/api/payment/void", &json!({"id": id}).to_string());
    assert_eq!((refused(&void), &void.json()["reason"]), ((422, "E0422".to_owned()), &json!("captured")));

    // Voided.
    let other = asked(&mut client, AUTH, &basic);
    assert_ne!(other["id"], id, "without a key each call is a payment of its own");
    asked(&mut client, "/api/payment/void", &json!({"id": other["id"]}));
    assert_eq!(money(&workplace).1, 0);
    assert_eq!(client.get(&format!("/api/payment/{}", other["id"].as_str().unwrap())).status, 200);
    let nobody = json!({"id": "9fff410f-1903-8178-8714-71c90e677b81", "amount": "1.00"}).to_string();
    assert_eq!(refused(&client.post("/api/payment/capture", &nobody)), (404, "E0404".to_owned()));
}

/// Fees of 5.00 and 7.50 are amounts, not rates: what is captured pays them as far as it reaches.
fn smaller_captures_pay_fees_whole(client: &mut Client) {
    for (captured, settled, paid_out) in [("50.00", "45.00", "37.50"), ("9.00", "4.00", "0.00"), ("4.00", "0.00", "0.00")] {
        let body = json!({"merchant_id": "merchant-demo", "data": {
            "transaction_amount": "100.00", "card_token": "card_sandbox_demo",
            "pre_settlement_fee_charge": "5.00", "post_settlement_fee_charge": "7.50"}});
        let id = asked(client, AUTH, &body)["id"].clone();
        let net = |answer: &Value| {
            let response = &answer["auth_response"];
            (response["net_settlement_amount"].clone(), response["net_payout_amount"].clone())
        };
        let answer = asked(client, "/api/payment/capture", &json!({"id": id, "amount": captured}));
        assert_eq!(net(&answer), (json!(settled), json!(paid_out)), "{captured}");
        let shown = client.get(&format!("/api/payment/{}", id.as_str().unwrap())).json();
        assert_eq!(net(&shown), (json!(settled), json!(paid_out)), "{captured}, as it stands");
        let refund = asked(client, "/api/payment/refund", &json!({"id": id, "amount": "1.00", "reason": "late"}));
        assert_eq!(net(&refund), (Value::Null, Value::Null), "a refund gives no fee back");
    }
}

#[test]
fn what_is_captured_pays_fees_whole_as_far_as_it_reaches() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    smaller_captures_pay_fees_whole(&mut server.client());
    assert!(server.terminate().success());
}

#[test]
fn items_fees_and_sales() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let items = json!({"merchant_id": "merchant-demo", "browser_info": "COLLECTED USING CLIENT BROWSER",
        "data": {"transaction_amount": "200.20", "card_token": "card_sandbox_demo", "description": "Payment for the services",
            "items": [{"name": "Sample", "unit_cost": "95.00", "quantity": 2, "total_amount": "190.00"}],
            "sales_tax": "10.00", "other_tax": [{"name": "CRV", "amount": "0.20"}],
            "metadata": {"customer_id": "123", "email": "someone@example.com"}}});
    let paid = asked(&mut client, AUTH, &items);
    assert!(paid.get("currency_code").is_none(), "it was not sent");
    assert_eq!(paid["metadata"]["customer_id"], "123");
    assert_eq!(paid["auth_response"]["items"][0]["quantity"], 2);
    let receipt = paid["auth_response"]["merchant_receipt"].as_str().unwrap();
    assert!(receipt.contains("SUBTOTAL: USD $190.00") && receipt.contains("CRV: USD $0.20"), "{receipt}");
    let commented = "{\n\"merchant_id\": \"merchant-demo\", //included\n\"data\": {}}";
    let answer = client.post(AUTH, commented);
    assert_eq!(answer.status, 400);
    assert!(answer.json()["response_message"].as_str().unwrap().contains("from line 2, column 33 on"), "{answer:?}");

    let (_, held, _) = money(&workplace);
    let sale = json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": "100.00", "card_token": "card_sandbox_demo",
        "pre_settlement_fee_charge": "5.00", "post_settlement_fee_charge": "7.50"}});
    let sold = asked(&mut client, "/api/payment/sale", &sale);
    let response = &sold["auth_response"];
    assert_eq!((&response["net_settlement_amount"], &response["net_payout_amount"]), (&json!("95.00"), &json!("87.50")));
    assert_eq!(money(&workplace), (90_000, held, 90_000 - held), "the customer pays all of it");
    let declined =
        json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": "740.00", "card_token": "card_sandbox_demo"}});
    let declined = asked(&mut client, AUTH, &declined);
    assert_eq!(
        (&declined["auth_response"]["status"], &declined["auth_response"]["response_code"]),
        (&json!("FAIL"), &json!("D0051"))
    );
    assert!(declined["auth_response"].get("auth_code").is_none());
}

#[test]
fn a_sale_is_given_back_once_and_a_key_is_one_order() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let keyed = |client: &mut Client, path: &str, key: &str, body: &Value| {
        let path = format!("/api/payment{path}");
        client.ask("POST", &path, &[("Idempotency-Key", key), ("Authorization", &demo_authorization())], &body.to_string())
    };
    let pay = |amount: &str| json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": amount, "card_token": "card_sandbox_demo"}});
    let sold = keyed(&mut client, "/sale", "k", &pay("100.00"));
    assert_eq!((sold.status, money(&workplace)), (200, (90_000, 0, 90_000)));
    let id = sold.json()["id"].clone();
    let conflict = (409, "E0409".to_owned());
    assert_eq!(refused(&keyed(&mut client, "/auth", "k", &pay("100.00"))), conflict, "a sale is no authorization");
    assert_eq!(money(&workplace), (90_000, 0, 90_000));

    let refund = |amount: &str| json!({"id": id, "amount": amount});
    for _ in 0..2 {
        assert_eq!(keyed(&mut client, "/refund", "r", &refund("20.00")).status, 200);
        assert_eq!(money(&workplace), (92_000, 0, 92_000), "debited by the sale, given back once");
    }
    assert_eq!(refused(&keyed(&mut client, "/refund", "r", &refund("19.00"))), conflict);
    assert_eq!(refused(&keyed(&mut client, "/capture", "r", &refund("20.00"))), conflict);
    assert_eq!(refused(&keyed(&mut client, "/void", "r", &json!({"id": id}))), conflict);
    let other = keyed(&mut client, "/sale", "k2", &pay("50.00")).json()["id"].clone();
    assert_eq!(refused(&keyed(&mut client, "/refund", "r", &json!({"id": other, "amount": "20.00"}))), conflict);
    let too_much = (422, "E0422".to_owned());
    assert_eq!(refused(&keyed(&mut client, "/refund", "r2", &refund("80.01"))), too_much);
    assert_eq!(refused(&keyed(&mut client, "/void", "v", &json!({"id": id}))), too_much, "some of it was given back already");
    assert_eq!(keyed(&mut client, "/refund", "r3", &refund("80.00")).status, 200);
    assert_eq!(keyed(&mut client, "/void", "v2", &json!({"id": other})).status, 200);
    assert_eq!(money(&workplace), (100_000, 0, 100_000));
}

#[test]
fn rules_ask_what_payment_doors_tell() {
    let workplace = Workplace::demo();
    workplace.edit("rules/demo.toml", |rules| {
        format!(
            "{rules}\n[[rule]]\nid = \"surcharge\"\nsurcharge = {{ percent_max = \"4\" }}\n\
             [[rule]]\nid = \"gratuity\"\ngratuity = {{ percent_max = \"25\" }}\n\
             [[rule]]\nid = \"fees\"\nfees = {{ percent_max = \"10\" }}\n\
             [[rule]]\nid = \"items\"\nitems = {{ max = 1 }}\n\
             [[rule]]\nid = \"verified\"\naddress_verification = {{ allow = [\"POSTAL_CODE_AND_STREET_MATCH\"] }}\n\
             [[rule]]\nid = \"network\"\nip_address = {{ deny = [\"203.0.113.0/24\"] }}\n\
             [[limit]]\nid = \"rush\"\nscope = \"ip_address\"\nwindow = \"lifetime\"\ncount_max = 2\n"
        )
    });
    let server = workplace.serve();
    let mut client = server.client();
    let with = |field: &str, value: Value| {
        let mut data = json!({"transaction_amount": "100.00", "card_token": "card_sandbox_demo"});
        data[field] = value;
        json!({"merchant_id": "merchant-demo", "transaction_type": "auth", "data": data})
    };
    let items = json!([{"name": "one"}, {"name": "two"}]);
    for (field, value, rule) in [
        ("surcharge_amount", json!("4.00"), "surcharge"),
        ("gratuity", json!("20.01"), "gratuity"),
        ("post_settlement_fee_charge", json!("10.01"), "fees"),
        ("items", items, "items"),
        ("ip_address", json!("203.0.113.9"), "network"),
    ] {
        let body = with(field, value);
        let checked = asked(&mut client, CHECK, &body);
        let rules: Vec<&Value> = checked["triggered_rules"].as_array().unwrap().iter().map(|found| &found["rule"]).collect();
        assert_eq!(rules, [rule], "{field}");
        assert_eq!(asked(&mut client, AUTH, &body)["auth_response"]["status"], "FAIL", "{field}");
    }
    // Within all of them, and the third time too often from one address.
    let body = with("ip_address", json!("198.51.100.9"));
    assert_eq!(asked(&mut client, CHECK, &body)["processing_status"], "allow");
    for expected in ["PASS", "PASS", "FAIL"] {
        assert_eq!(asked(&mut client, AUTH, &body)["auth_response"]["status"], expected);
    }
    // A check says so beforehand, and leaves the count as it is.
    for address in ["198.51.100.9", "198.51.100.10"] {
        let checked = asked(&mut client, CHECK, &with("ip_address", json!(address)));
        let rush = json!([{"rule": "rush", "decision": "decline", "reason": "count_limit_reached", "description": null}]);
        let (expected, status) = if address.ends_with("9") { (rush, "decline") } else { (json!([]), "allow") };
        assert_eq!((&checked["triggered_rules"], &checked["processing_status"]), (&expected, &json!(status)), "{address}");
        assert_eq!(checked["limits_checked"], true);
    }
    assert_eq!(asked(&mut client, AUTH, &with("description", json!("no address")))["auth_response"]["status"], "PASS");
    // What the journal keeps of it decides the same again.
    assert!(server.terminate().success());
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap(), "--json"]);
    let replayed: Value = serde_json::from_slice(&replay.stdout).unwrap();
    assert_eq!((&replayed["decided"], &replayed["differing"]), (&json!(9), &json!(0)), "{replay:?}");
}

#[test]
fn a_check_lists_the_rules_that_match_and_moves_nothing() {
    let workplace = Workplace::demo();
    workplace.edit("rules/demo.toml", |rules| {
        format!("{rules}\n[[rule]]\nid = \"on-trial\"\ndescription = \"Small ones\"\nenforcement = \"observe\"\namount = {{ min = \"10.00\" }}\n")
    });
    let server = workplace.serve();
    let mut client = server.client();
    let check = |amount: &str| {
        json!({"transaction_type": "sale", "merchant_id": "merchant-demo",
            "data": {"card_token": "card_sandbox_demo", "transaction_amount": amount, "ip_address": "100.43.79.254"}})
    };
    let allowed = asked(&mut client, CHECK, &check("1.4"));
    assert_eq!((&allowed["processing_status"], &allowed["transaction_status"]), (&json!("allow"), &json!("preauth")));
    let rules = allowed["triggered_rules"].as_array().unwrap();
    assert_eq!(
        rules,
        &[json!({"rule": "on-trial", "decision": "observe", "reason": "amount_below_minimum", "description": "Small ones"})]
    );
    assert_eq!(allowed["roc_text_data"].as_str().unwrap().len(), 12);
    let declined = asked(&mut client, CHECK, &check("751.00"));
    assert_eq!((&declined["processing_status"], &declined["transaction_status"]), (&json!("decline"), &json!("failed")));
    assert_eq!(declined["triggered_rules"][0]["rule"], "amount-max");
    let refund = json!({"transaction_type": "refund", "id": "09536b98-d422-45e4-98b1-9068623ac509", "amount": "5.00", "reason": "Item retuned"});
    assert_eq!(asked(&mut client, CHECK, &refund)["processing_status"], "allow");
    let by_number = json!({"transaction_type": "auth", "merchant_id": "merchant-demo",
        "data": {"card_number": "4111111111111111", "transaction_amount": "5.50"}});
    let answer = client.post(CHECK, &by_number.to_string());
    assert_eq!((answer.status, &answer.json()["field"]), (400, &json!("data.card_number")));
    assert!(!answer.body.contains("1111"), "{answer:?}");
    assert_eq!(money(&workplace), (100_000, 0, 100_000));
}

const CAVV: &str = "BwABBJQ1AgAAAAAgJDUCAAAAAAA=";

fn with_key(client: &mut Client, key: &str, body: &Value) -> Response {
    client.ask("POST", AUTH, &[("Idempotency-Key", key), ("Authorization", &demo_authorization())], &body.to_string())
}

fn result(id: &Value, indicator: &str) -> Value {
    json!({"id": id, "three_d_secure": {"electronic_commerce_indicator": indicator, "transaction_id": "EaOMucALHQqLAEGAgk",
        "cardholder_authentication": CAVV}})
}

#[test]
fn a_payment_waits_for_its_payer_and_is_decided_once() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let asked_for = |amount: &str| {
        json!({"merchant_id": "merchant-demo", "attempt_3d_secure": true, "browser_info": "COLLECTED USING CLIENT BROWSER",
            "data": {"transaction_amount": amount, "card_token": "card_sandbox_demo", "order_number": "Order124"}})
    };
    let begun = with_key(&mut client, "order-124", &asked_for("200.20"));
    let begun = begun.json();
    assert_eq!(begun["auth_response"]["status"], "PENDING_3DSAUTH", "{begun}");
    assert!(begun["three_d_secure"]["expires_at"].is_string() && begun["auth_response"].get("auth_code").is_none(), "{begun}");
    assert_eq!(with_key(&mut client, "order-124", &asked_for("200.20")).json(), begun, "the same key is the same payment");
    assert_eq!(with_key(&mut client, "order-124", &asked_for("200.21")).status, 409);
    let mut at_once = asked_for("200.20");
    at_once["attempt_3d_secure"] = json!(false);
    assert_eq!(with_key(&mut client, "order-124", &at_once).status, 409);
    assert_eq!(money(&workplace), (100_000, 0, 100_000), "nothing is held");
    let id = &begun["id"];
    let capture = json!({"id": id, "amount": "1.00"}).to_string();
    let early = client.post("/api/payment/capture", &capture);
    assert_eq!((refused(&early), &early.json()["reason"]), ((422, "E0422".to_owned()), &json!("pending_3dsauth")));

    // It waits on after a restart, and goes on under its id.
    drop(client);
    assert!(server.terminate().success());
    let server = workplace.serve();
    let mut client = server.client();
    let path = format!("/api/payment/{}", id.as_str().unwrap());
    assert_eq!(client.get(&path).json()["auth_response"]["status"], "PENDING_3DSAUTH");
    let paid = asked(&mut client, "/api/payment/3ds", &result(id, "AUTHENTICATED"));
    assert_eq!((&paid["id"], &paid["auth_response"]["status"]), (id, &json!("PASS")), "{paid}");
    assert_eq!(paid["three_d_secure"]["electronic_commerce_indicator"], "AUTHENTICATED");
    assert_eq!(money(&workplace), (100_000, 20_020, 79_980));
    assert_eq!(asked(&mut client, "/api/payment/3ds", &result(id, "AUTHENTICATED"))["auth_response"]["status"], "PASS");
    assert_eq!(client.post("/api/payment/3ds", &result(id, "ATTEMPTED").to_string()).status, 409, "it is decided once");
    assert_eq!(money(&workplace).1, 20_020);
    assert_eq!(with_key(&mut client, "order-124", &asked_for("200.20")).json()["auth_response"]["status"], "PASS");

    // Whoever was not authenticated does not pay; what waits for nothing goes on with nothing.
    let other = with_key(&mut client, "order-125", &asked_for("1.00")).json();
    let failed = asked(&mut client, "/api/payment/3ds", &result(&other["id"], "NOT_AUTHENTICATED"));
    assert_eq!(
        (&failed["auth_response"]["status"], &failed["auth_response"]["response_code"]),
        (&json!("FAIL"), &json!("D0059")),
        "{failed}"
    );
    let plain = asked(&mut client, AUTH, &at_once);
    assert_eq!(plain["auth_response"]["status"], "PASS");
    let waits_not = client.post("/api/payment/3ds", &result(&plain["id"], "AUTHENTICATED").to_string());
    assert_eq!((refused(&waits_not), &waits_not.json()["reason"]), ((422, "E0422".to_owned()), &json!("waits_for_nothing")));
    let nobody = json!("9fff410f-1903-8178-8714-71c90e677b81");
    let unknown = client.post("/api/payment/3ds", &result(&nobody, "AUTHENTICATED").to_string());
    assert_eq!(refused(&unknown), (404, "E0404".to_owned()));
    assert!(server.terminate().success());
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap(), "--json"]);
    let replayed: Value = serde_json::from_slice(&replay.stdout).unwrap();
    assert_eq!((&replayed["decided"], &replayed["differing"]), (&json!(4), &json!(0)), "{replay:?}");
    for file in std::fs::read_dir(workplace.data()).unwrap() {
        let path = file.unwrap().path();
        let holds = path.is_file() && String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(CAVV);
        assert!(!holds, "{} has the authentication value", path.display());
    }
}

#[test]
fn what_callers_wrote_is_erased_and_the_payments_stay() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let data = workplace.data();
    let erase = |what: &[&str]| {
        let erased = workplace.run(&[&["erase"], what, &["--data", data.to_str().unwrap()]].concat());
        String::from_utf8(erased.stdout).unwrap()
    };
    let pay = |client: &mut Client| {
        let body = json!({"merchant_id": "merchant-demo", "data": {"transaction_amount": "1.00", "card_token": "card_sandbox_demo",
            "customer_name": "John Doe"}});
        let paid = asked(client, AUTH, &body);
        assert_eq!(paid["customer_name"], "John Doe");
        format!("/api/payment/{}", paid["id"].as_str().unwrap())
    };
    // The demo's agent spend has three texts, all of one day.
    let nothing = "0 texts erased\n";
    for (nobodys, said, theirs, texts) in [
        (["--person", "user-demo-1"], nothing, ["--person", "user-demo-4"], 1),
        (["--person", "PIdemo1"], nothing, ["--person", "card_sandbox_demo"], 1),
        // A misspelled name is refused, and does not look like one whose texts are gone.
        (["--organization", "APnobody"], "", ["--organization", "APdemo1"], 1),
        (["--before", "2026-01-01T00:00:00Z"], nothing, ["--before", "2100-01-01T00:00:00Z"], 4),
        (["--program", "other"], "", ["--program", "demo"], 1),
    ] {
        let path = pay(&mut client);
        assert_eq!(erase(&nobodys), said, "{nobodys:?}");
        assert_eq!(client.get(&path).json()["customer_name"], "John Doe");
        assert_eq!(erase(&theirs), format!("{texts} texts erased\n"), "{theirs:?}");
        let left = client.get(&path).json();
        assert_eq!((&left["customer_name"], &left["auth_response"]["status"]), (&Value::Null, &json!("PASS")), "{theirs:?}");
    }
    assert_eq!(money(&workplace), (100_000, 500, 99_500));
    // A payment that waits cannot go on without what was asked for.
    let waits = json!({"merchant_id": "merchant-demo", "attempt_3d_secure": true,
        "data": {"transaction_amount": "1.00", "card_token": "card_sandbox_demo"}});
    let waits = asked(&mut client, AUTH, &waits);
    assert_eq!(erase(&["--person", "user-demo-4"]), "1 texts erased\n");
    let gone = client.post("/api/payment/3ds", &result(&waits["id"], "AUTHENTICATED").to_string());
    assert_eq!(refused(&gone), (404, "E0404".to_owned()));
}

#[test]
fn rules_are_bypassed_by_those_who_may_and_that_is_recorded() {
    let workplace = Workplace::demo();
    workplace.edit("holdfast.toml", |text| {
        let trusted = "[[program.mount.basic]]\nuser = \"trusted\"\npassword = \"file:demo/secrets/platform_password\"\n\
                       bypass_rules = true\n\n[[program.mount]]\nplatform = \"pre_auth\"";
        text.replace("[[program.mount]]\nplatform = \"pre_auth\"", trusted)
    });
    let server = workplace.serve();
    let password = std::fs::read_to_string(workplace.path("config/demo/secrets/platform_password")).unwrap();
    let login = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("trusted:{}", password.trim_end()));
    let mut trusted = Client::connect_as(server.listen, Some(format!("Basic {login}")));
    let mut client = server.client();
    let body = |bypass: bool| {
        json!({"merchant_id": "merchant-demo", "transaction_monitoring_bypass": bypass,
            "data": {"transaction_amount": "751.00", "card_token": "card_sandbox_demo", "surcharge_amount": "1.00"}})
    };
    let declined = [(true, &mut client), (false, &mut trusted)].map(|(bypass, by)| asked(by, AUTH, &body(bypass)));
    for declined in &declined {
        assert_eq!(declined["auth_response"]["response_code"], "D0061", "{declined}");
    }
    let paid = asked(&mut trusted, AUTH, &body(true));
    assert_eq!(paid["auth_response"]["status"], "PASS", "{paid}");
    // It goes on past the rules, too, if it had to wait.
    let mut waits = body(true);
    waits["attempt_3d_secure"] = json!(true);
    waits["data"]["transaction_amount"] = json!("752.00");
    let waits = asked(&mut trusted, AUTH, &waits);
    let broke = asked(&mut client, "/api/payment/3ds", &result(&waits["id"], "AUTHENTICATED"));
    assert_eq!(broke["auth_response"]["response_code"], "D0051", "no rule said no, and there is not that much left: {broke}");
    assert!(server.terminate().success());
    let data = workplace.data();
    let data = data.to_str().unwrap();
    let id = paid["id"].as_str().unwrap();
    let told = String::from_utf8(workplace.run(&["explain", id, "--data", data]).stdout).unwrap();
    assert!(told.contains("bypass the program's rules, and did") && told.contains("besides: surcharge 1.00 USD"), "{told}");
    let refused = declined[0]["id"].as_str().unwrap();
    let told = String::from_utf8(workplace.run(&["explain", refused, "--data", data]).stdout).unwrap();
    assert!(told.contains("wanted to bypass the program's rules, and may not"), "{told}");
    let told = workplace.run(&["explain", id, "--data", data, "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&told["moments"][0]["rules_bypassed"], &told["moments"][0]["checkout"]["surcharge"]),
        (&json!(true), &json!(100))
    );
    let replay = workplace.run(&["replay", "--data", data, "--json"]);
    let replayed: Value = serde_json::from_slice(&replay.stdout).unwrap();
    assert_eq!((&replayed["decided"], &replayed["differing"]), (&json!(4), &json!(0)), "{replay:?}");
}

/// What is refused as a card number was in memory, whether or not a listener for numbers is on.
#[test]
fn where_a_payment_door_is_mounted_no_core_image_is_left() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().skip(1).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    assert!(server.terminate().success());
}
