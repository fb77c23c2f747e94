//! Every constraint of the interface broken one by one, by its field; and what names are made of.

use holdfast_core::{AuthorizationId, Currency, Decision, DeclineReason, Money};
use http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::answer::DecisionReference;
use crate::payment::{
    AddressVerification, OrderAmount, Ordered, Page, Payment, PaymentCall, SecurityCodeVerification, Seen, Slip, Standing,
    Written,
};

fn adapter() -> Box<dyn Adapter> {
    build(&Settings::defaults(Currency::USD)).unwrap_or_else(|_| panic!("defaults are refused"))
}

fn decode<T>(route: u8, segment: &str, query: &str, body: &str, look: impl FnOnce(Result<Inbound<'_>, Malformed>) -> T) -> T {
    let headers = HeaderMap::new();
    let callback = Callback { route, segment, query, headers: &headers, body: body.as_bytes() };
    look(adapter().decode(&Authentic::accept(callback)))
}

fn sound() -> Value {
    json!({
        "amount": 100, "currency": "USD", "merchant": "MU1", "source": "PI1", "idempotency_id": "order-1",
        "tags": { "order": "1" },
        "additional_buyer_charges": { "cc_surcharge_amount": 10 },
        "3d_secure_authentication": {
            "cardholder_authentication": "BwABBJQ1AgAAAAAgJDUCAAAAAAA=", "electronic_commerce_indicator": "AUTHENTICATED",
            "transaction_id": "EaOMuc"
        },
        "additional_purchase_data": {
            "customer_reference_number": "CUST123", "sales_tax": 10,
            "item_data": [{
                "amount_excluding_sales_tax": 100, "amount_including_sales_tax": 110, "commodity_code": "CODE123",
                "description": "Product", "quantity": 1, "unit_of_measure": "EA"
            }]
        }
    })
}

/// The payment that a body asks for, or the field that is wrong.
fn asked(body: &Value) -> Result<(AuthorizationIdAndSlip, Money), String> {
    decode(CREATE, "", "", &body.to_string(), |inbound| match inbound {
        Ok(Inbound::Payment(PaymentCall { call, slip, .. })) => {
            Ok(((call.request.payment.authorization.to_string(), slip.text), call.request.amount))
        }
        Ok(other) => panic!("{other:?}"),
        Err(malformed) => Err(malformed.path),
    })
}

type AuthorizationIdAndSlip = (String, String);

/// Puts a value at a pointer, or takes what is there away.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut body = sound();
    let (above, name) = pointer.rsplit_once('/').unwrap();
    let members = body.pointer_mut(above).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    body
}

#[test]
fn every_required_field_is_named_when_it_is_missing() {
    for name in ["amount", "currency", "merchant", "source"] {
        assert_eq!(asked(&with(&format!("/{name}"), None)), Err(name.to_owned()));
        assert_eq!(asked(&with(&format!("/{name}"), Some(Value::Null))), Err(name.to_owned()));
    }
    for name in ["cardholder_authentication", "electronic_commerce_indicator", "transaction_id"] {
        let path = format!("3d_secure_authentication.{name}");
        assert_eq!(asked(&with(&format!("/3d_secure_authentication/{name}"), None)), Err(path));
    }
}

#[test]
fn every_constraint_is_held_and_the_field_is_named() {
    let long = |length: usize| json!("x".repeat(length));
    let many: serde_json::Map<_, _> = (0..51).map(|number| (format!("t{number}"), json!("x"))).collect();
    let cases = [
        ("/amount", json!("100"), "amount"),
        ("/amount", json!(-1), "amount"),
        ("/amount", json!(1.5), "amount"),
        ("/currency", json!("ZZZ"), "currency"),
        ("/currency", json!(840), "currency"),
        ("/merchant", json!(""), "merchant"),
        ("/merchant", long(41), "merchant"),
        ("/source", json!(7), "source"),
        ("/source", long(65), "source"),
        ("/idempotency_id", json!(""), "idempotency_id"),
        ("/idempotency_id", long(256), "idempotency_id"),
        ("/idempotency_id", json!(7), "idempotency_id"),
        ("/tags", json!([]), "tags"),
        ("/tags", json!(many), "tags"),
        ("/tags/order", json!(["7"]), "tags.order"),
        ("/tags/order", Value::Null, "tags.order"),
        ("/idempotency_id", json!(""), "idempotency_id"),
        ("/tags/order", long(501), "tags.order"),
        ("/additional_buyer_charges", json!(7), "additional_buyer_charges"),
        ("/additional_buyer_charges/cc_surcharge_amount", json!(-1), "additional_buyer_charges.cc_surcharge_amount"),
        ("/additional_buyer_charges/cc_surcharge_amount", json!("1"), "additional_buyer_charges.cc_surcharge_amount"),
        ("/3d_secure_authentication", json!("x"), "3d_secure_authentication"),
        (
            "/3d_secure_authentication/cardholder_authentication",
            json!("not base64 at all"),
            "3d_secure_authentication.cardholder_authentication",
        ),
        (
            "/3d_secure_authentication/electronic_commerce_indicator",
            json!("05"),
            "3d_secure_authentication.electronic_commerce_indicator",
        ),
        ("/3d_secure_authentication/transaction_id", long(65), "3d_secure_authentication.transaction_id"),
        ("/additional_purchase_data/sales_tax", json!(-1), "additional_purchase_data.sales_tax"),
        ("/additional_purchase_data/customer_reference_number", json!(1), "additional_purchase_data.customer_reference_number"),
        ("/additional_purchase_data/item_data", json!({}), "additional_purchase_data.item_data"),
        ("/additional_purchase_data/item_data", json!([7]), "additional_purchase_data.item_data[0]"),
        ("/additional_purchase_data/item_data", json!([{"quantity": 0}]), "additional_purchase_data.item_data[0].quantity"),
        (
            "/additional_purchase_data/item_data",
            json!([{}, {"amount_excluding_sales_tax": -1}]),
            "additional_purchase_data.item_data[1].amount_excluding_sales_tax",
        ),
    ];
    for (pointer, value, path) in cases {
        assert_eq!(asked(&with(pointer, Some(value.clone()))), Err(path.to_owned()), "{pointer} = {value}");
    }
    let too_much = with("/amount", Some(json!(i64::MAX)));
    assert_eq!(asked(&too_much), Err("additional_buyer_charges.cc_surcharge_amount".to_owned()));
}

#[test]
fn the_amount_is_with_its_surcharge_and_nothing_is_kept_of_the_authentication_value() {
    let ((_, text), amount) = asked(&sound()).unwrap();
    assert_eq!(amount.minor(), 110);
    assert!(!text.contains("BwABBJQ1"), "{text}");
    assert!(text.contains("EaOMuc") && text.contains("CUST123"), "{text}");
}

#[test]
fn the_same_id_is_the_same_payment_and_the_same_text_however_it_was_written() {
    let ((id, text), _) = asked(&sound()).unwrap();
    let turned: Vec<String> = sound()
        .as_object()
        .unwrap()
        .iter()
        .rev()
        .map(|(name, value)| format!("{}: {value}", Value::from(name.as_str())))
        .collect();
    let turned = format!("{{ {} }}", turned.join(", "));
    let again = decode(CREATE, "", "", &turned, |inbound| match inbound {
        Ok(Inbound::Payment(asked)) => (asked.call.request.payment.authorization.to_string(), asked.slip.text),
        other => panic!("{other:?}"),
    });
    assert_eq!(again, (id.clone(), text.clone()));
    let ((other, _), _) = asked(&with("/idempotency_id", Some(json!("order-2")))).unwrap();
    assert_ne!(other, id);
    let ((same, changed), _) = asked(&with("/tags/order", Some(json!("2")))).unwrap();
    assert_eq!(same, id, "the id names it, whatever else is said");
    assert_ne!(changed, text, "and what else is said is compared");
    let tags = |tags: Option<Value>| asked(&with("/tags", tags)).unwrap();
    assert_eq!(tags(Some(json!({}))), tags(None), "no tags are no tags");
    assert!(tags(Some(json!({"order": 7, "gift": true}))).0.1.contains("\"order\":7"));
    assert!(names::is_name(&id, Kind::Authorization) && !names::is_name(&id, Kind::Transfer), "{id}");
}

#[test]
fn without_an_id_each_call_is_a_payment_of_its_own() {
    decode(CREATE, "", "", &with("/idempotency_id", None).to_string(), |inbound| {
        let Ok(Inbound::Payment(PaymentCall { unnamed: Some(make), .. })) = inbound else { panic!("{inbound:?}") };
        let (one, other) = (make(b"one").unwrap(), make(b"other").unwrap());
        assert_ne!(one, other);
        assert_eq!(make(b"one").unwrap(), one);
    });
}

#[test]
fn an_order_is_a_capture_or_a_void_and_not_both() {
    let of = |body: Value| {
        decode(UPDATE, "AU0123456789abcdefABCDEF", "", &body.to_string(), |inbound| match inbound {
            Ok(Inbound::Order(order)) => Ok((order.order, order.key.to_string())),
            Ok(other) => panic!("{other:?}"),
            Err(malformed) => Err(malformed.to_string()),
        })
    };
    let capture = |minor: i64| (Ordered::Capture(OrderAmount::Minor(minor)), format!("capture-AU0123456789abcdefABCDEF-{minor}"));
    assert_eq!(of(json!({"capture_amount": 5})), Ok(capture(5)));
    assert_eq!(of(json!({"void_me": true})), Ok((Ordered::Void, "void-AU0123456789abcdefABCDEF".to_owned())));
    for (body, told) in [
        (json!({}), "`capture_amount` is missing, and so is `void_me`"),
        (json!({"void_me": false}), "`capture_amount` is missing, and so is `void_me`"),
        (json!({"void_me": "yes"}), "`void_me` is neither true nor false"),
        (json!({"capture_amount": 0}), "`capture_amount` is less than 1"),
        (json!({"capture_amount": "5"}), "`capture_amount` is not a whole number"),
        (json!({"capture_amount": 5, "void_me": true}), "`void_me` is there beside `capture_amount`"),
    ] {
        assert_eq!(of(body), Err(told.to_owned()));
    }
}

#[test]
fn a_moment_of_a_list_is_as_long_as_answers_write_it() {
    let wanted = |query: &str| {
        decode(LIST, "", query, "", |inbound| match inbound {
            Ok(Inbound::List(list)) => {
                (list.wanted.since.map(Timestamp::unix_micros), list.wanted.until.map(Timestamp::unix_micros))
            }
            other => panic!("{other:?}"),
        })
    };
    for (moment, since, until) in [
        ("1970-01-01T00:00:02.345Z", 2_345_000, 2_345_999),
        ("1970-01-01T00:00:02Z", 2_000_000, 2_000_999),
        ("1970-01-01T00:00:02.345678Z", 2_345_678, 2_345_999),
    ] {
        let query = format!("created_at.gte={moment}&created_at.lte={moment}");
        assert_eq!(wanted(&query), (Some(since), Some(until)), "{moment}");
    }
}

#[test]
fn filters_that_are_none_are_named() {
    for (query, path) in [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=%2B5", "limit"),
        ("after_cursor=7", "after_cursor"),
        ("after_cursor=c-1", "after_cursor"),
        ("after_cursor=c%2B5", "after_cursor"),
        ("state=OPEN", "state"),
        ("created_at.gte=yesterday", "created_at.gte"),
        ("merchant=", "merchant"),
        ("source=4111111111111111", "source"),
        ("sort=up", "sort"),
        ("limit=1&limit=2", "limit"),
        ("state=FAILED&limit=1&state=FAILED", "state"),
        ("created_at.lte=2026-01-01T00:00:00Z&created_at.lte=2026-02-01T00:00:00Z", "created_at.lte"),
    ] {
        let found = decode(LIST, "", query, "", |inbound| inbound.err().map(|malformed| malformed.path));
        assert_eq!(found.as_deref(), Some(path), "{query}");
    }
}

#[test]
fn links_are_an_address() {
    for (links, good) in
        [("https://api.example/payments/na", true), ("ftp://x", false), ("api.example", false), ("https://a b", false)]
    {
        let values = std::collections::BTreeMap::from([("links".to_owned(), crate::SettingValue::Text(links.to_owned()))]);
        assert_eq!(build(&Settings { currency: Currency::USD, values }).is_ok(), good, "{links}");
    }
}

#[test]
fn an_id_is_the_mounts_or_each_merchants() {
    let name = |setting: &str, merchant: &str| {
        let values = std::iter::once(("idempotency".to_owned(), crate::SettingValue::Text(setting.to_owned()))).collect();
        let adapter = build(&Settings { currency: Currency::USD, values }).unwrap_or_else(|_| panic!("{setting} is refused"));
        let body = with("/merchant", Some(json!(merchant))).to_string();
        let headers = HeaderMap::new();
        let callback = Callback { route: CREATE, segment: "", query: "", headers: &headers, body: body.as_bytes() };
        match adapter.decode(&Authentic::accept(callback)) {
            Ok(Inbound::Payment(asked)) => asked.call.request.payment.authorization.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(name("mount", "m-1"), name("mount", "m-2"), "the second one is a conflict");
    assert_ne!(name("merchant", "m-1"), name("merchant", "m-2"));
    assert_eq!(name("merchant", "m-1"), name("merchant", "m-1"));
    let values = std::iter::once(("idempotency".to_owned(), crate::SettingValue::Text("nobody".to_owned()))).collect();
    assert!(build(&Settings { currency: Currency::USD, values }).is_err());
}

fn payment_of(slip: Slip) -> Payment {
    let seen = Seen {
        application: None,
        merchant_name: "Store".to_owned(),
        address: Vec::new(),
        phone: None,
        time_zone: "UTC".to_owned(),
        brand: None,
        last_four: None,
        address_verification: AddressVerification::Unavailable,
        security_code_verification: SecurityCodeVerification::Unavailable,
    };
    Payment {
        id: AuthorizationId::new("AU0123456789abcdefghijkl").unwrap(),
        reference: DecisionReference::from_digest([7; 16]),
        merchant: slip.merchant,
        source: slip.source,
        asked_at: Timestamp::EPOCH,
        changed_at: Timestamp::EPOCH,
        standing: Standing::Decided(Decision::Approve { amount: Money::from_minor(110, Currency::USD) }),
        hold: None,
        expires_at: None,
        written: Some(Written { text: slip.text, seen, awaited: None }),
        released_by: None,
        ordered: None,
    }
}

#[test]
fn tags_and_purchase_data_are_given_back_digit_by_digit() {
    let tags = r#"{"big":12345678901234567890123,"price":1.10,"scale":1E2,"text":"a \"b\" c"}"#;
    let purchase = r#"{"item_data":[{"quantity":1.50}],"sales_tax":10}"#;
    let mut body = with("/tags", Some(json!("its tags")));
    body["additional_purchase_data"] = json!("its purchase");
    let spaced = |text: &str| text.replace(":", " : ");
    let body = body.to_string().replace(r#""its tags""#, &spaced(tags)).replace(r#""its purchase""#, &spaced(purchase));
    let slip = decode(CREATE, "", "", &body, |inbound| match inbound {
        Ok(Inbound::Payment(asked)) => asked.slip,
        other => panic!("{other:?}"),
    });
    let payment = payment_of(slip);
    let answered = |answer: &Answer<'_>, dialect| {
        let (adapter, mut body) = (adapter(), Vec::new());
        let echo = Echo { dialect, ..Echo::default() };
        adapter.encode(&echo, answer, &Keyring::default(), Timestamp::EPOCH, &mut body);
        String::from_utf8(body).unwrap()
    };
    let page = Page { payments: vec![payment.clone(), payment.clone()], next: None };
    for (told, many) in [
        (answered(&Answer::Payment(&payment), dialect(Kind::Authorization, Asked::New)), 1),
        (answered(&Answer::Payments(&page), dialect(Kind::Authorization, Asked::Later)), 2),
    ] {
        assert_eq!((told.matches(tags).count(), told.matches(purchase).count()), (many, many), "{told}");
        assert_eq!(told.matches(r#""tags":"#).count(), many, "{told}");
        assert!(serde_json::from_str::<Value>(&told).is_ok(), "{told}");
    }
    // What says the same either way is kept once.
    let plain = asked(&sound()).unwrap().0.1;
    assert!(!plain.contains("as_written"), "{plain}");
    // And members stand in the order of their names.
    let written = Written { text: plain, ..payment.written.clone().unwrap() };
    let declined = Standing::Decided(Decision::Decline { reason: DeclineReason::InsufficientFunds });
    for standing in [payment.standing, declined] {
        let payment = Payment { standing, written: Some(written.clone()), ..payment.clone() };
        for kind in [Kind::Authorization, Kind::Transfer] {
            let mut told = Vec::new();
            shown::write(&payment, kind, &adapter_options(), &mut told);
            let value: Value = serde_json::from_slice(&told).unwrap();
            assert_eq!(String::from_utf8(told).unwrap(), value.to_string());
        }
    }
}

fn adapter_options() -> Options {
    Options::parse(&Settings::defaults(Currency::USD)).unwrap_or_else(|_| panic!("defaults are refused"))
}
