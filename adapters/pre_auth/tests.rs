//! Every constraint of a check broken one by one, by its field.

use holdfast_core::{AuthorizationKind, Currency};
use serde_json::Value;

use super::*;
use crate::payment::CheckCall;

fn asked(body: &Value) -> Result<(AuthorizationKind, i64), String> {
    asked_at(CHECK, body).map(|(kind, minor, _)| (kind, minor))
}

fn asked_at(route: u8, body: &Value) -> Result<(AuthorizationKind, i64, bool), String> {
    let adapter = build(&Settings::defaults(Currency::USD)).unwrap_or_else(|_| panic!("defaults are refused"));
    let (headers, body) = (HeaderMap::new(), body.to_string());
    let callback = Callback { route, segment: "", query: "", headers: &headers, body: body.as_bytes() };
    match adapter.decode(&Authentic::accept(callback)) {
        Ok(Inbound::Check(CheckCall { request, number, .. })) => Ok((request.kind, request.amount.minor(), number.is_some())),
        Ok(other) => panic!("{other:?}"),
        Err(malformed) => Err(malformed.path),
    }
}

#[test]
fn every_constraint_is_held_and_the_field_is_named() {
    let sound = json!({"transaction_type": "sale", "merchant_id": "m", "data": {"card_token": "c", "transaction_amount": "1.4",
        "currency": "USD", "cardholder_name": "John Doe", "card_exp": "12/27", "ip_address": "100.43.79.254"}});
    assert_eq!(asked(&sound), Ok((AuthorizationKind::Purchase, 140)));
    for (pointer, value, path) in [
        ("/transaction_type", json!("gift"), "transaction_type"),
        ("/transaction_type", Value::Null, "transaction_type"),
        ("/merchant_id", Value::Null, "merchant_id"),
        ("/data", Value::Null, "data"),
        ("/data/card_token", Value::Null, "data.card_token"),
        ("/data/transaction_amount", Value::Null, "data.transaction_amount"),
        ("/data/transaction_amount", json!("1234567890123"), "data.transaction_amount"),
        ("/data/currency", json!("ZZZ"), "data.currency"),
        ("/data/card_exp", json!("13/27"), "data.card_exp"),
        ("/data/card_exp", json!("12-27"), "data.card_exp"),
        ("/data/ip_address", json!("here"), "data.ip_address"),
        ("/data/card_number", json!("4111111111111111"), "data.card_number"),
        // The field is refused, whatever is in it: not every brand is known.
        ("/data/card_number", json!("9999999999999995"), "data.card_number"),
        ("/data/card_number", json!("4111111111111112"), "data.card_number"),
        ("/data/card_number", json!(1), "data.card_number"),
        ("/card_number", json!("9999999999999995"), "card_number"),
    ] {
        let mut body = sound.clone();
        let (above, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(above).unwrap()[name] = value.clone();
        assert_eq!(asked(&body), Err(path.to_owned()), "{pointer} = {value}");
    }
    let refund = json!({"transaction_type": "refund", "id": "p", "amount": "5.00", "reason": "r"});
    assert_eq!(asked(&refund), Ok((AuthorizationKind::Credit, 500)));
    for (name, value) in [("amount", "0"), ("amount", "0.00"), ("card_number", "9999999999999995")] {
        let mut body = refund.clone();
        body[name] = json!(value);
        assert_eq!(asked(&body), Err(name.to_owned()), "{name} = {value}");
    }
    for word in ["auth", "capture"] {
        let mut body = sound.clone();
        body["transaction_type"] = json!(word);
        assert_eq!(asked(&body), Ok((AuthorizationKind::Purchase, 140)));
    }
}

#[test]
fn what_the_payments_own_door_refuses_is_refused_by_its_field() {
    let sound = |word: &str| {
        json!({"transaction_type": word, "merchant_id": "m", "attempt_3d_secure": true, "transaction_monitoring_bypass": false,
            "data": {"card_token": "c", "transaction_amount": "10.00", "order_number": "Order124", "description": "", "metadata": {},
                "other_tax": [{"name": "CRV", "amount": "0.20"}], "items": [{"quantity": "2", "unit_cost": "4.90"}]}})
    };
    for (pointer, value, path) in [
        ("/attempt_3d_secure", json!("yes"), "attempt_3d_secure"),
        ("/transaction_monitoring_bypass", json!("yes"), "transaction_monitoring_bypass"),
        ("/data/order_number", json!("a-b"), "data.order_number"),
        ("/data/description", json!("x".repeat(256)), "data.description"),
        ("/data/metadata", json!([]), "data.metadata"),
        ("/data/sales_tax", json!("10.01"), "data.sales_tax"),
        ("/data/other_tax", json!([{"name": "CRV", "amount": "11.00"}]), "data.other_tax[0].amount"),
        ("/data/other_tax", json!([{"name": "CRV", "amount": "6"}, {"name": "x", "amount": "6"}]), "data.transaction_amount"),
        ("/data/other_tax", json!([{"amount": "1"}]), "data.other_tax[0].name"),
        ("/data/items", json!([{"quantity": "x"}]), "data.items[0].quantity"),
    ] {
        let (above, name) = pointer.rsplit_once('/').unwrap();
        for word in ["sale", "auth", "capture"] {
            let mut body = sound(word);
            assert_eq!(asked(&body), Ok((AuthorizationKind::Purchase, 1_000)));
            body.pointer_mut(above).unwrap()[name] = value.clone();
            // At its own door a capture has an amount and nothing else.
            let expected = if word == "capture" { Ok((AuthorizationKind::Purchase, 1_000)) } else { Err(path.to_owned()) };
            assert_eq!(asked(&body), expected, "{word}: {pointer} = {value}");
        }
    }
}

#[test]
fn a_card_number_is_taken_on_its_own_listener_only_and_with_its_holder() {
    let sound = json!({"transaction_type": "auth", "merchant_id": "m", "data": {"card_number": "4111111111111111",
        "cardholder_name": "John Doe", "card_exp": "12/27", "currency_code": "USD", "transaction_amount": "5.50", "cvv": "123"}});
    assert_eq!(asked_at(CHECK_BY_NUMBER, &sound), Ok((AuthorizationKind::Purchase, 550, true)));
    assert_eq!(asked(&sound), Err("data.card_number".to_owned()));
    for (name, value, path) in [
        ("card_number", json!("4111111111111112"), "data.card_number"),
        ("card_number", json!(41), "data.card_number"),
        ("card_number", Value::Null, "data.card_token"),
        ("cardholder_name", Value::Null, "data.cardholder_name"),
        ("cardholder_name", json!("4111 1111 1111 1111"), "data.cardholder_name"),
        ("card_exp", Value::Null, "data.card_exp"),
        ("card_token", json!("c"), "data.card_number"),
        ("reference", json!("x4111111111111111"), "data.reference"),
    ] {
        let mut body = sound.clone();
        body["data"][name] = value.clone();
        assert_eq!(asked_at(CHECK_BY_NUMBER, &body), Err(path.to_owned()), "{name} = {value}");
    }
    let mut by_token = sound;
    by_token["data"] = json!({"card_token": "c", "transaction_amount": "5.50"});
    assert_eq!(asked_at(CHECK_BY_NUMBER, &by_token), Ok((AuthorizationKind::Purchase, 550, false)));
}
