//! Every constraint of the interface broken one by one, by its field; and receipts.

use holdfast_core::hold::{Hold, HoldStatus};
use holdfast_core::{AuthorizationRequest, Checkout, Currency, Decision, DeclineReason, Posting, ThreeDSecure};
use http::HeaderMap;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::receipt::{COLUMNS, print};
use super::*;
use crate::answer::DecisionReference;
use crate::payment::{
    AddressVerification, NotDone, OrderAmount, Ordered, Payment, PaymentCall, PaymentTurn, SecurityCodeVerification, Seen,
    Standing, Written,
};
use crate::proof::RuleBypass;
use crate::settings::SettingValue;

fn sound() -> Value {
    json!({
        "merchant_id": "m-1", "transaction_monitoring_bypass": false, "attempt_3d_secure": true, "browser_info": "x",
        "data": {
            "transaction_amount": "110.00", "card_token": "card_1", "order_number": "Order124", "description": "Services",
            "customer_name": "John Doe", "ip_address": "10.10.10.10", "sales_tax": "10", "internal_transaction_id": "987",
            "currency_code": "USD", "gratuity": "1.00", "service_charge": "1.00", "surcharge_amount": "1.00",
            "pre_settlement_fee_charge": "5.00", "post_settlement_fee_charge": "7.50", "gateway_id": "g",
            "fraud_monitor_session_id": "f", "additional_data": {}, "metadata": {"a": 1},
            "other_tax": [{"name": "CRV", "amount": "0.20"}],
            "items": [{"name": "Sample", "unit_cost": "95.00", "quantity": "2", "is_service": "false", "tax_rate": "8.25",
                "tax_amount": "1.00", "total_amount": "95.00", "description": "d"}]
        }
    })
}

fn decode<T>(route: u8, headers: &HeaderMap, body: &str, look: impl FnOnce(Result<Inbound<'_>, Malformed>) -> T) -> T {
    let adapter = build(&Settings::defaults(Currency::USD)).unwrap_or_else(|_| panic!("defaults are refused"));
    let callback = Callback { route, segment: "", query: "", headers, body: body.as_bytes() };
    look(adapter.decode(&Authentic::accept(callback)))
}

/// The amount in minor units, or the field that is wrong.
fn asked(body: &Value) -> Result<i64, String> {
    decode(AUTH, &HeaderMap::new(), &body.to_string(), |inbound| match inbound {
        Ok(Inbound::Payment(PaymentCall { call, .. })) => Ok(call.request.amount.minor()),
        Ok(other) => panic!("{other:?}"),
        Err(malformed) => Err(malformed.path),
    })
}

fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut body = sound();
    let (above, name) = pointer.rsplit_once('/').unwrap();
    match (body.pointer_mut(above).unwrap(), value) {
        (Value::Object(members), Some(value)) => drop(members.insert(name.to_owned(), value)),
        (Value::Object(members), None) => drop(members.remove(name)),
        (other, _) => panic!("{other}"),
    }
    body
}

#[test]
fn amounts_are_texts_of_twelve_characters() {
    for (text, minor) in [("1.00", 100), ("1", 100), ("0.10", 10), (".5", 50), ("110.", 11_000), ("999999999.99", 99_999_999_999)]
    {
        let body = json!({"merchant_id": "m", "data": {"transaction_amount": text, "card_token": "c"}});
        assert_eq!(asked(&body), Ok(minor), "{text}");
    }
    for wrong in ["", ".", "1.2.3", "-1", "+1", "1e2", "1,00", "1.001", "1234567890.12", " 1", "１"] {
        let path = Err("data.transaction_amount".to_owned());
        assert_eq!(asked(&with("/data/transaction_amount", Some(json!(wrong)))), path, "{wrong}");
    }
    assert_eq!(asked(&with("/data/transaction_amount", Some(json!(110)))), Err("data.transaction_amount".to_owned()));
}

#[test]
fn every_constraint_is_held_and_the_field_is_named() {
    assert_eq!(asked(&sound()), Ok(11_000));
    for name in ["/merchant_id", "/data", "/data/transaction_amount", "/data/card_token"] {
        assert_eq!(asked(&with(name, None)), Err(name.trim_start_matches('/').replace('/', ".")));
    }
    let long = |length: usize| json!("x".repeat(length));
    for (pointer, value, path) in [
        ("/merchant_id", long(41), "merchant_id"),
        ("/transaction_monitoring_bypass", json!("yes"), "transaction_monitoring_bypass"),
        ("/attempt_3d_secure", json!(1), "attempt_3d_secure"),
        ("/data/currency_code", json!("ZZZ"), "data.currency_code"),
        ("/data/card_token", json!(""), "data.card_token"),
        ("/data/order_number", json!("Order-124"), "data.order_number"),
        ("/data/order_number", long(21), "data.order_number"),
        ("/data/description", long(256), "data.description"),
        ("/data/customer_name", long(101), "data.customer_name"),
        ("/data/internal_transaction_id", json!(987), "data.internal_transaction_id"),
        ("/data/ip_address", json!("10.10.10"), "data.ip_address"),
        ("/data/sales_tax", json!("111"), "data.sales_tax"),
        ("/data/gratuity", json!("-1"), "data.gratuity"),
        ("/data/service_charge", json!(1), "data.service_charge"),
        ("/data/surcharge_amount", json!("110.01"), "data.surcharge_amount"),
        ("/data/pre_settlement_fee_charge", json!("110.01"), "data.pre_settlement_fee_charge"),
        ("/data/post_settlement_fee_charge", json!("-1"), "data.post_settlement_fee_charge"),
        ("/data/post_settlement_fee_charge", json!("110.01"), "data.post_settlement_fee_charge"),
        ("/data/metadata", json!("x"), "data.metadata"),
        ("/data/additional_data", json!([]), "data.additional_data"),
        ("/data/gratuity", json!("98.01"), "data.transaction_amount"),
        ("/data/other_tax", json!([{"name": "CRV", "amount": "98.00"}]), "data.transaction_amount"),
        ("/data/other_tax", json!([{"name": "CRV"}]), "data.other_tax[0].amount"),
        ("/data/other_tax", json!([{"amount": "1"}]), "data.other_tax[0].name"),
        ("/data/items", json!({}), "data.items"),
        ("/data/items", json!([1]), "data.items[0]"),
        ("/data/items", json!([{"quantity": -1}]), "data.items[0].quantity"),
        ("/data/items", json!([{}, {"is_service": "perhaps"}]), "data.items[1].is_service"),
        ("/data/items", json!([{"unit_cost": "a"}]), "data.items[0].unit_cost"),
        ("/data/items", json!([{"quantity": "1.5.0"}]), "data.items[0].quantity"),
        ("/data/items", json!([{"quantity": 0}]), "data.items[0].quantity"),
        ("/data/items", json!([{"quantity": "0.00"}]), "data.items[0].quantity"),
        ("/data/items", json!([{"tax_rate": "high"}]), "data.items[0].tax_rate"),
        ("/data/items", json!([{"tax_rate": "%%.."}]), "data.items[0].tax_rate"),
        ("/data/items", json!([{"tax_rate": "8.2.5"}]), "data.items[0].tax_rate"),
        ("/data/items", json!([{"tax_rate": "."}]), "data.items[0].tax_rate"),
        ("/data/items", json!([{"tax_rate": -8.25}]), "data.items[0].tax_rate"),
        ("/data/roc_text_data", json!("00000001234"), "data.roc_text_data"),
        ("/data/roc_text_data", json!("00000001234x"), "data.roc_text_data"),
        ("/data/roc_text_data", json!("0000000123456"), "data.roc_text_data"),
        ("/data/metadata", json!({"note": "4111-1111-1111-1111"}), "data.metadata.note"),
    ] {
        assert_eq!(asked(&with(pointer, Some(value.clone()))), Err(path.to_owned()), "{pointer} = {value}");
    }
    // As ordinary clients write them: what they have nothing for is empty, and numbers are numbers.
    for (pointer, value) in [
        ("/data/description", json!("")),
        ("/data/description", json!("two\r\nlines")),
        ("/data/gratuity", json!("")),
        ("/data/ip_address", json!("")),
        ("/data/currency_code", json!("")),
        ("/data/order_number", json!("")),
        ("/data/roc_text_data", json!("")),
        ("/data/roc_text_data", json!("000000012345")),
        ("/data/items", json!([{"tax_rate": 8.25, "quantity": 1.5}, {"quantity": 2.0}, {"quantity": "2.50"}, {"name": ""}])),
        // Each is at most the amount; together they leave nothing to be paid out.
        ("/data/post_settlement_fee_charge", json!("110.00")),
    ] {
        assert_eq!(asked(&with(pointer, Some(value.clone()))), Ok(11_000), "{pointer} = {value}");
    }
    for fee in ["0", "0.00"] {
        assert_eq!(asked(&with("/data/pre_settlement_fee_charge", Some(json!(fee)))), Ok(11_000), "a fee of nothing is none");
    }
}

#[test]
fn the_same_key_is_the_same_payment() {
    let name = |key: Option<&str>| {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert("idempotency-key", key.parse().unwrap());
        }
        decode(AUTH, &headers, &sound().to_string(), |inbound| match inbound {
            Ok(Inbound::Payment(asked)) => Ok((asked.call.request.payment.authorization, asked.unnamed.is_some())),
            Ok(other) => panic!("{other:?}"),
            Err(malformed) => Err(malformed.to_string()),
        })
    };
    assert_eq!(name(Some("a")), name(Some("a")));
    let mut headers = HeaderMap::new();
    headers.insert("idempotency-key", "a".parse().unwrap());
    let at_the_other_route = decode(SALE, &headers, &sound().to_string(), |inbound| match inbound {
        Ok(Inbound::Payment(asked)) => (asked.call.request.key.to_string(), asked.slip.text),
        other => panic!("{other:?}"),
    });
    let name_of_it = name(Some("a")).unwrap().0.to_string();
    assert_eq!(at_the_other_route.0, name_of_it, "the same payment");
    assert!(at_the_other_route.1.contains("\"kind\":1"), "and other content");
    assert_ne!(name(Some("a")), name(Some("b")));
    assert!(name(None).unwrap().1);
    assert_eq!(name(Some("4111111111111111")), Err("`idempotency-key` has a card number in it".to_owned()));
}

#[test]
fn orders_name_a_payment_and_an_amount() {
    const ID: &str = "9fff410f-1903-8178-8714-71c90e677b81";
    let of = |route, body: Value| {
        decode(route, &HeaderMap::new(), &body.to_string(), |inbound| match inbound {
            Ok(Inbound::Order(order)) => Ok((order.payment.to_string(), order.order)),
            Ok(other) => panic!("{other:?}"),
            Err(malformed) => Err(malformed.path),
        })
    };
    let decimal = |text| OrderAmount::Decimal(arrayvec::ArrayString::from(text).unwrap());
    let id = ID.to_owned();
    assert_eq!(of(CAPTURE, json!({"id": ID, "amount": "1.50"})), Ok((id.clone(), Ordered::Capture(decimal("1.50")))));
    assert_eq!(of(VOID, json!({"id": ID})), Ok((id.clone(), Ordered::Void)));
    assert_eq!(of(REFUND, json!({"id": ID, "amount": "5.00", "reason": "r"})), Ok((id, Ordered::Refund(decimal("5.00")))));
    assert_eq!(of(CAPTURE, json!({"id": ID})), Err("amount".to_owned()));
    assert_eq!(of(CAPTURE, json!({"id": ID, "amount": "0"})), Err("amount".to_owned()));
    assert_eq!(of(VOID, json!({})), Err("id".to_owned()));
    assert_eq!(of(VOID, json!({"id": "nonsense"})).unwrap().0, "payment-of-nobody");
}

/// A key is one order; its content is what the ledger compares. Without one the content is the key.
#[test]
fn the_same_key_is_the_same_order_whatever_it_says() {
    const IDS: [&str; 2] = ["9fff410f-1903-8178-8714-71c90e677b81", "9fff410f-1903-8178-8714-71c90e677b82"];
    let key_of = |key: Option<&str>, route, id: &str, amount: &str| {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert("idempotency-key", key.parse().unwrap());
        }
        decode(route, &headers, &json!({"id": id, "amount": amount}).to_string(), |inbound| match inbound {
            Ok(Inbound::Order(order)) => order.key,
            other => panic!("{other:?}"),
        })
    };
    let contents = [(REFUND, IDS[0], "3.00"), (REFUND, IDS[0], "2.00"), (REFUND, IDS[1], "3.00"), (CAPTURE, IDS[0], "3.00")];
    let first = key_of(Some("a"), REFUND, IDS[0], "3.00");
    for (route, id, amount) in contents {
        assert_eq!(key_of(Some("a"), route, id, amount), first);
        assert_ne!(key_of(Some("b"), route, id, amount), first);
    }
    let unnamed = contents.map(|(route, id, amount)| key_of(None, route, id, amount));
    assert!((1..4).all(|place| unnamed[place] != unnamed[0]));
    assert_eq!(key_of(None, REFUND, IDS[0], "3.00"), unnamed[0]);
}

#[test]
fn a_receipt_has_36_columns_however_long_its_lines_are() {
    let address = ["200 Epcot Center Dr".to_owned(), "Orlando, FL 32836".to_owned()];
    let bill = [("SUBTOTAL".into(), "USD $100.00".to_owned()), ("TOTAL".into(), "USD $110.00".to_owned())];
    let slip = receipt::Slip {
        merchant: "Sandbox US Merchant",
        address: &address,
        phone: Some("800-490-8514"),
        at: "2025-04-02 05:57 PM",
        transaction: "SALE",
        number: "47649279",
        order: Some("Order124"),
        description: Some("Payment for the services, all of them, at length"),
        card: Some("VISA 1111".to_owned()),
        bill: &bill,
        result: "APPROVED",
    };
    let both = print(&slip);
    for (printed, whose) in [(both.customer, "Customer Copy"), (both.merchant, "Merchant Copy")] {
        assert!(printed.lines().all(|line| line.chars().count() == COLUMNS), "{printed}");
        for part in ["        Sandbox US Merchant         ", "           CREDIT - SALE            ", "TOTAL: USD $110.00", whose]
        {
            assert!(printed.contains(part), "{part} is not in\n{printed}");
        }
    }
    // Wide letters take two columns, and an amount stays in one piece whatever its line is called.
    let (merchant, tax) = ("東京の大きなお店、とても長い名前の本店", "A TAX WITH A LONG NAME FOR ITS LINE");
    let printed = print(&receipt::Slip { merchant, bill: &[(tax.into(), "JPY 1234567".to_owned())], ..slip }).customer;
    assert!(printed.lines().all(|line| line.width() == COLUMNS), "{printed}");
    assert!(printed.contains(" JPY 1234567 "), "{printed}");
    // What turns the rest of a line around, breaks it or hides in it is a blank; what is combined with a letter stays.
    let merchant = "A\u{202e}B\u{200b}C\u{2066}D\u{feff}E\u{2028}F\u{7f}G e\u{301}";
    let printed = print(&receipt::Slip { merchant, card: None, bill: &[], ..slip }).customer;
    assert_eq!(printed.lines().next().map(str::trim), Some("A B C D E F G e\u{301}"));
    assert!(printed.lines().all(|line| line.width() == COLUMNS), "{printed}");
    assert_eq!(receipt::local(Timestamp::from_unix_seconds(1_743_616_640), "America/New_York").1, "2025-04-02 01:57 PM");
}

#[test]
fn a_result_of_authentication_is_held_to_its_constraints() {
    const ID: &str = "9fff410f-1903-8178-8714-71c90e677b81";
    let cavv = "BwABBJQ1AgAAAAAgJDUCAAAAAAA=";
    let of = |result: Value| {
        let body = json!({ "id": ID, "three_d_secure": result }).to_string();
        decode(AUTHENTICATED, &HeaderMap::new(), &body, |inbound| match inbound {
            Ok(Inbound::Authenticated(told)) => Ok((told.payment.to_string(), told.authentication.outcome.name())),
            Ok(other) => panic!("{other:?}"),
            Err(malformed) => Err(malformed.path),
        })
    };
    let sound =
        json!({"electronic_commerce_indicator": "AUTHENTICATED", "transaction_id": "t", "cardholder_authentication": cavv});
    assert_eq!(of(sound), Ok((ID.to_owned(), "AUTHENTICATED")));
    let without = json!({"electronic_commerce_indicator": "NOT_AUTHENTICATED", "transaction_id": "t"});
    assert_eq!(of(without), Ok((ID.to_owned(), "NOT_AUTHENTICATED")));
    for (result, field) in [
        (json!({"transaction_id": "t"}), "electronic_commerce_indicator"),
        (json!({"electronic_commerce_indicator": "NOT_TOLD", "transaction_id": "t"}), "electronic_commerce_indicator"),
        (json!({"electronic_commerce_indicator": "ATTEMPTED"}), "transaction_id"),
        (json!({"electronic_commerce_indicator": "AUTHENTICATED", "transaction_id": "t"}), "cardholder_authentication"),
        (
            json!({"electronic_commerce_indicator": "ATTEMPTED", "transaction_id": "t", "cardholder_authentication": "AAAA"}),
            "cardholder_authentication",
        ),
    ] {
        assert_eq!(of(result), Err(format!("three_d_secure.{field}")));
    }
}

#[test]
fn a_payment_goes_on_as_it_was_asked_for() {
    let begun = decode(AUTH, &HeaderMap::new(), &sound().to_string(), |inbound| match inbound {
        Ok(Inbound::Payment(asked)) => (asked.call.request, asked.slip, asked.turn),
        other => panic!("{other:?}"),
    });
    let (request, slip, turn) = begun;
    assert_eq!(turn, PaymentTurn::OnceAuthenticated);
    let outcome = ThreeDSecure::Attempted;
    let authentication = Authentication { outcome, transaction: "t-1".to_owned() };
    let resumed = ask::resume(request.payment.authorization, &slip, &authentication).unwrap();
    let checkout = request.checkout.map(|checkout| Checkout { three_d_secure: outcome, ..checkout });
    assert_eq!(resumed.call.request, AuthorizationRequest { checkout, ..request });
    assert_eq!((resumed.turn, resumed.unnamed.is_none()), (PaymentTurn::AtOnce, true));
    // Told once more, it is the same question.
    let again = ask::resume(request.payment.authorization, &resumed.slip, &authentication).unwrap();
    assert_eq!(again.slip, resumed.slip);
}

#[test]
fn a_mount_that_ignores_3d_secure_decides_at_once() {
    let settings = |value: &str| {
        let values = std::iter::once(("three_d_secure".to_owned(), SettingValue::Text(value.to_owned()))).collect();
        Options::parse(&Settings { currency: Currency::USD, values })
    };
    assert_eq!(settings("ignored").map(|options| options.three_d_secure), Ok(options::ThreeDSecureIs::Ignored));
    assert_eq!(settings("perhaps").map_err(|errors| errors.len()), Err(1));
    let headers = HeaderMap::new();
    let body = sound().to_string();
    match ask::decode(body.as_bytes(), &headers, (Kind::Auth, RuleBypass::Refused), settings("ignored").unwrap()) {
        Ok(Inbound::Payment(asked)) => assert_eq!(asked.turn, PaymentTurn::AtOnce),
        other => panic!("{other:?}"),
    }
}

fn payment_of(asked: Slip) -> Payment {
    Payment {
        id: AuthorizationId::new("cd9f4405-a5c9-40a1-999d-7587f34e7b42").unwrap(),
        reference: DecisionReference::from_digest([7; 16]),
        merchant: asked.merchant,
        source: asked.source,
        asked_at: Timestamp::EPOCH,
        changed_at: Timestamp::EPOCH,
        standing: Standing::Decided(Decision::Approve { amount: Money::from_minor(11_000, Currency::USD) }),
        hold: None,
        expires_at: None,
        written: Some(Written {
            text: asked.text,
            seen: Seen {
                application: Some("account".to_owned()),
                merchant_name: "Store".to_owned(),
                address: Vec::new(),
                phone: None,
                time_zone: "UTC".to_owned(),
                brand: None,
                last_four: None,
                address_verification: AddressVerification::Unavailable,
                security_code_verification: SecurityCodeVerification::Unavailable,
            },
            awaited: None,
        }),
        released_by: None,
        ordered: None,
    }
}

#[test]
fn metadata_is_given_back_digit_by_digit() {
    let metadata = r#"{"big":12345678901234567890123,"price":1.10,"text":"a \"b\" c"}"#;
    let body = sound().to_string().replace(r#"{"a":1}"#, &metadata.replace(":", " : "));
    let slip = decode(AUTH, &HeaderMap::new(), &body, |inbound| match inbound {
        Ok(Inbound::Payment(asked)) => asked.slip,
        other => panic!("{other:?}"),
    });
    let answered = |payment: &Payment| {
        let mut body = Vec::new();
        answer::encode(&Echo::default(), &Answer::Payment(payment), &mut body);
        String::from_utf8(body).unwrap()
    };
    let payment = payment_of(slip);
    for told in [answered(&payment), String::from_utf8(answer::event("uid", 0, &payment)).unwrap()] {
        assert!(told.contains(metadata), "{told}");
        assert!(serde_json::from_str::<Value>(&told).is_ok(), "{told}");
    }
}

#[test]
fn members_stand_in_the_order_of_their_names() {
    let slip = decode(AUTH, &HeaderMap::new(), &sound().to_string(), |inbound| match inbound {
        Ok(Inbound::Payment(asked)) => asked.slip,
        other => panic!("{other:?}"),
    });
    let until = Timestamp::EPOCH;
    let declined = Standing::Decided(Decision::Decline { reason: DeclineReason::CardLost });
    for standing in [payment_of(slip.clone()).standing, declined, Standing::Awaiting { until }, Standing::Unauthenticated] {
        let payment = Payment { standing, ..payment_of(slip.clone()) };
        let mut body = Vec::new();
        answer::encode(&Echo::default(), &Answer::Payment(&payment), &mut body);
        let told: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), told.to_string());
        let event: Value = serde_json::from_slice(&answer::event("uid", 0, &payment)).unwrap();
        let data = event["data"].to_string();
        assert!(String::from_utf8(answer::event("uid", 0, &payment)).unwrap().ends_with(&format!("\"data\":{data}}}")));
        let beside = ["account_id", "gateway_id", "payment_id", "sales_tax"];
        assert!(beside.iter().all(|name| event["data"].get(name).is_some() && told.get(name).is_none()), "{event}");
        assert!(["id", "standing"].iter().all(|name| event["data"].get(name).is_none() && told.get(name).is_some()), "{event}");
    }
}

#[test]
fn what_is_held_beyond_the_payment_is_nobodys_to_be_paid() {
    let asked = decode(AUTH, &HeaderMap::new(), &sound().to_string(), |inbound| match inbound {
        Ok(Inbound::Payment(asked)) => asked.slip,
        other => panic!("{other:?}"),
    });
    let decided = payment_of(asked);
    let shown = |hold: Option<Hold>| {
        let mut body = Vec::new();
        let payment = Payment { hold, ..decided.clone() };
        answer::encode(&Echo::default(), &Answer::Payment(&payment), &mut body);
        let shown: Value = serde_json::from_slice(&body).unwrap();
        let net = ["net_settlement_amount", "net_payout_amount"].map(|name| shown["auth_response"][name].clone());
        (net, shown["standing"]["open_amount"].clone())
    };
    let open = Hold {
        posting: Posting::Hold,
        status: HoldStatus::Open,
        authorized: 11_000,
        held: 13_750,
        ahead: 0,
        captured: 0,
        refunded: 0,
        moved: 0,
        tolerance: 0,
        expires_at: None,
    };
    let told = ([json!("105.00"), json!("97.50")], json!("110.00"));
    assert_eq!(shown(None), told, "just decided");
    assert_eq!(shown(Some(open)), told, "a quarter more is held");
    let captured = Hold { status: HoldStatus::Captured, held: 0, captured: 11_000, ..open };
    assert_eq!(shown(Some(captured)).0, told.0, "captured");
    for refunded in [1, 11_000] {
        let refunded = Hold { refunded, ..captured };
        assert_eq!(shown(Some(refunded)).0, [Value::Null, Value::Null], "what was refunded is settled by itself");
    }
    let let_go_of = Hold { status: HoldStatus::Released, held: 0, ..open };
    assert_eq!(shown(Some(let_go_of)), ([json!("0.00"), json!("0.00")], json!("0.00")));
}

#[test]
fn the_event_has_what_its_document_shows() {
    let asked = decode(AUTH, &HeaderMap::new(), &sound().to_string(), |inbound| match inbound {
        Ok(Inbound::Payment(asked)) => asked.slip,
        other => panic!("{other:?}"),
    });
    let payment = payment_of(asked);
    let event = |payment: &Payment| serde_json::from_slice::<Value>(&answer::event("9fff410f", 0, payment)).unwrap();
    let told = event(&payment);
    assert_eq!((&told["event_uid"], &told["event"]), (&json!("9fff410f"), &json!("PAYMENT_AUTH")));
    for name in [
        "token",
        "sales_tax",
        "account_id",
        "gateway_id",
        "payment_id",
        "description",
        "merchant_id",
        "currency_code",
        "order_number",
        "auth_response",
        "customer_name",
        "transaction_id",
        "internal_transaction_id",
    ] {
        assert!(!told["data"][name].is_null(), "{name} of {told}");
    }
    assert!(told["data"].get("id").is_none());
    let erased = event(&Payment { written: None, ..payment });
    assert_eq!(erased["data"]["auth_response"]["status"], "PASS", "what was erased is not needed for that");
    assert!(erased["data"]["customer_name"].is_null() && erased["data"]["account_id"].is_null());
}

#[test]
fn each_state_that_refuses_an_order_says_which_it_is() {
    let asked = decode(AUTH, &HeaderMap::new(), &sound().to_string(), |inbound| match inbound {
        Ok(Inbound::Payment(asked)) => asked.slip,
        other => panic!("{other:?}"),
    });
    let approved = payment_of(asked);
    let standing = |standing| Payment { standing, ..approved.clone() };
    let over = |status| Payment { hold: Some(Hold { status, ..Hold::NONE }), ..approved.clone() };
    let (waits, in_vain) = (standing(Standing::Awaiting { until: Timestamp::EPOCH }), standing(Standing::Unauthenticated));
    let declined = standing(Standing::Decided(Decision::Decline { reason: DeclineReason::InsufficientFunds }));
    let states = [HoldStatus::Captured, HoldStatus::Released, HoldStatus::Expired].map(over);
    let [captured, voided, expired] = &states;
    let (unknown, is_over) = (DeclineReason::AuthorizationUnknown, DeclineReason::AuthorizationOver);
    let orders = &[CAPTURE, VOID, REFUND].map(order::dialect_of)[..];
    let (above, result, question) = (&orders[..1], &[order::dialect_of(AUTHENTICATED)][..], &[Kind::Auth.number()][..]);
    for (dialects, reason, payment, told) in [
        (orders, is_over, Some(captured), (422, "captured", "The payment was captured")),
        (orders, is_over, Some(voided), (422, "voided", "The payment was voided, or released by an operator")),
        (orders, is_over, Some(expired), (422, "expired", "The payment's authorization has expired")),
        (orders, unknown, Some(&waits), (422, "pending_3dsauth", "The payment waits for its payer to be authenticated")),
        (
            orders,
            unknown,
            Some(&in_vain),
            (422, "not_authenticated_in_time", "The payment's payer was not authenticated in time"),
        ),
        (orders, unknown, Some(&declined), (422, "declined", "The payment was declined")),
        (orders, unknown, Some(&approved), (422, "not_allowed", "The payment does not allow this")),
        (orders, unknown, None, (404, "unknown", "There is no payment of this id")),
        (
            above,
            DeclineReason::CaptureAboveAuthorized,
            Some(&approved),
            (422, "amount_above_authorized", "The amount is more than was authorized"),
        ),
        (
            orders,
            DeclineReason::RefundAboveCaptured,
            Some(captured),
            (422, "refund_above_captured", "More would be given back than was taken"),
        ),
        (
            result,
            is_over,
            Some(&in_vain),
            (422, "not_authenticated_in_time", "The payment's payer was not authenticated in time"),
        ),
        (
            result,
            unknown,
            Some(&approved),
            (422, "waits_for_nothing", "The payment does not wait for its payer to be authenticated"),
        ),
        (
            question,
            unknown,
            None,
            (404, "erased", "What was asked for under this key was erased while it waited: there is no such payment"),
        ),
    ] {
        for dialect in dialects {
            let mut body = Vec::new();
            let echo = Echo { dialect: *dialect, ..Echo::default() };
            let reply = answer::encode(&echo, &Answer::NotDone(NotDone { reason, payment }), &mut body);
            let (status, reason, message) = told;
            let shown: Value = serde_json::from_slice(&body).unwrap();
            let code = format!("E0{status}");
            assert_eq!(
                (reply.status, shown),
                (status, json!({"status": "FAIL", "response_code": code, "reason": reason, "response_message": message}))
            );
        }
    }
}
