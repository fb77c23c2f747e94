//! Authorize requests of the three generations, and balance reads.

use holdfast_core::{
    AuthorizationKind, CardholderToken, Country, CrossBorder, Currency, EntryMode, MerchantCategoryCode, MerchantName, Money,
    Posting,
};

use super::{AUTHORIZE, BALANCES, LEGACY_AUTHORIZE, adapter, adapter_with, asked, decode, fixture};
use crate::inbound::{Inbound, Malformed};
use crate::settings::SettingValue;

fn v3(amount: &str, merchant: &str, transaction: &str) -> String {
    format!(
        r#"{{"authorization":{{"id":"auth_1","transaction_id":"txn_1","cardholder_id":"ch_1","card_id":"crd_1",
           "billing_amount":{amount},"merchant_data":{merchant},"transaction_data":{transaction}}}}}"#
    )
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

#[test]
fn a_current_request_is_read_field_by_field() {
    let fixture = fixture("v3_purchase_chip");
    let (request, echo) = asked(fixture.adapter().as_ref(), AUTHORIZE, "", &fixture.body).unwrap();
    assert_eq!(request.key.as_str(), "auth_a001");
    assert_eq!(request.payment.authorization.as_str(), "txn_a001");
    assert_eq!(request.card.unwrap().as_str(), "crd_4a0c");
    assert_eq!(request.cardholder.unwrap().as_str(), "crdhldr_77d1");
    assert_eq!((request.kind, request.posting, request.amount), (AuthorizationKind::Purchase, Posting::Hold, usd(2375)));
    assert_eq!(request.merchant.name, MerchantName::of("mill street bakery"));
    assert_eq!(request.merchant.mcc, MerchantCategoryCode::from_number(5462));
    assert_eq!(request.merchant.country, Country::new("USA"));
    assert_eq!((request.entry_mode, request.cross_border), (EntryMode::Chip, CrossBorder::No));
    assert_eq!(request.network.unwrap().as_str(), "MASTERCARD");
    assert!(echo.is_empty());
}

#[test]
fn the_sign_carries_the_direction() {
    let cases = [
        (r#"{"currency":"USD","amount":-18.4}"#, AuthorizationKind::Purchase, usd(1840)),
        (r#"{"currency":null,"amount":"-5.00"}"#, AuthorizationKind::Purchase, usd(500)),
        (r#"{"amount":"-5"}"#, AuthorizationKind::Purchase, usd(500)),
        (r#"{"currency":"USD","amount":0}"#, AuthorizationKind::AccountVerification, usd(0)),
        (r#"{"currency":"USD","amount":-0.0}"#, AuthorizationKind::AccountVerification, usd(0)),
        (r#"{"currency":"USD","amount":7}"#, AuthorizationKind::Credit, usd(700)),
        (
            r#"{"currency":"JPY","amount":-500}"#,
            AuthorizationKind::Purchase,
            Money::from_minor(500, Currency::from_alpha("JPY").unwrap()),
        ),
    ];
    for (amount, kind, expected) in cases {
        let (request, _) = asked(adapter().as_ref(), AUTHORIZE, "", &v3(amount, "null", "null")).unwrap();
        assert_eq!((request.kind, request.amount), (kind, expected), "{amount}");
    }
}

#[test]
fn the_local_amount_where_it_is_another_one() {
    let cases = [
        (r#"{"currency":"GBP","amount":-95.00}"#, Some("95.00 GBP")),
        (r#"{"currency":"gbp","amount":"95"}"#, Some("95.00 GBP")),
        (r#"{"currency":"JPY","amount":-1250}"#, Some("1250 JPY")),
        (r#"{"currency":"USD","amount":-95.00}"#, None),
        (r#"{"currency":"GBP","amount":0.0}"#, None),
        (r#"{"currency":null,"amount":-95.00}"#, None),
        (r#"{"amount":-95.00}"#, None),
        (r#"{"currency":"GBP"}"#, None),
        (r#"{"currency":"GBP","amount":null}"#, None),
        (r#"{"currency":"JPY","amount":-1250.5}"#, None),
        (r#"{"currency":"QQQ","amount":-95.00}"#, None),
        (r#"{"currency":{},"amount":-95.00}"#, None),
        ("-95.00", None),
        ("[]", None),
        ("null", None),
    ];
    for (local, expected) in cases {
        let body = v3(&format!(r#"{{"currency":"USD","amount":-120.40}},"local_amount":{local}"#), "null", "null");
        let (request, _) = asked(adapter().as_ref(), AUTHORIZE, "", &body).unwrap();
        assert_eq!(request.original.map(|original| original.to_string()).as_deref(), expected, "{local}");
        assert_eq!(request.amount, usd(12_040), "{local}");
    }
    // A null currency is dollars in the billing amount, and no currency in the local one.
    let body = v3(r#"{"currency":"CAD","amount":-5},"local_amount":{"currency":null,"amount":-5}"#, "null", "null");
    assert_eq!(asked(adapter().as_ref(), AUTHORIZE, "", &body).unwrap().0.original, None);
    let body = v3(r#"{"currency":null,"amount":-5},"local_amount":{"currency":"USD","amount":-5}"#, "null", "null");
    assert_eq!(asked(adapter().as_ref(), AUTHORIZE, "", &body).unwrap().0.original, None);
}

#[test]
fn debits_are_captured_where_the_program_says_so() {
    let capturing = adapter_with(&[("capture_at_authorization", SettingValue::Switch(true))]);
    for (amount, posting) in [("-1", Posting::Immediate), ("0", Posting::Hold), ("1", Posting::Hold)] {
        let body = v3(&format!(r#"{{"amount":{amount}}}"#), "null", "null");
        assert_eq!(asked(capturing.as_ref(), AUTHORIZE, "", &body).unwrap().0.posting, posting, "{amount}");
    }
}

#[test]
fn entry_mode_and_border_with_their_nulls() {
    let cases = [
        ("null", EntryMode::Ecommerce, CrossBorder::NotTold),
        (r#"{"card_present":null,"ecommerce":null,"emv":null,"international":null}"#, EntryMode::Ecommerce, CrossBorder::NotTold),
        (r#"{"card_present":true,"ecommerce":null,"emv":true,"international":false}"#, EntryMode::Chip, CrossBorder::No),
        (r#"{"card_present":true,"ecommerce":true,"emv":true}"#, EntryMode::Chip, CrossBorder::NotTold),
        (r#"{"card_present":true,"emv":null,"international":true}"#, EntryMode::MagneticStripe, CrossBorder::Yes),
        (r#"{"card_present":true,"emv":false}"#, EntryMode::MagneticStripe, CrossBorder::NotTold),
        (r#"{"card_present":false,"ecommerce":true}"#, EntryMode::Ecommerce, CrossBorder::NotTold),
        (r#"{"card_present":false,"ecommerce":false}"#, EntryMode::Keyed, CrossBorder::NotTold),
    ];
    for (transaction, entry_mode, cross_border) in cases {
        let body = v3(r#"{"amount":-1}"#, "null", transaction);
        let (request, _) = asked(adapter().as_ref(), AUTHORIZE, "", &body).unwrap();
        assert_eq!((request.entry_mode, request.cross_border), (entry_mode, cross_border), "{transaction}");
    }
}

#[test]
fn the_category_tells_cash() {
    let cases = [
        ("6010", AuthorizationKind::CashWithdrawal),
        ("\"6011\"", AuthorizationKind::CashWithdrawal),
        ("6050", AuthorizationKind::QuasiCash),
        ("6051", AuthorizationKind::QuasiCash),
        ("6012", AuthorizationKind::Purchase),
        ("null", AuthorizationKind::Purchase),
    ];
    for (mcc, kind) in cases {
        let body = v3(r#"{"amount":-1}"#, &format!(r#"{{"mcc":{mcc}}}"#), "null");
        assert_eq!(asked(adapter().as_ref(), AUTHORIZE, "", &body).unwrap().0.kind, kind, "{mcc}");
    }
    // Whatever the merchant sells: money to the cardholder is a credit, and zero a verification.
    let atm = r#"{"mcc":6011}"#;
    for (amount, kind) in [("1", AuthorizationKind::Credit), ("0", AuthorizationKind::AccountVerification)] {
        let body = v3(&format!(r#"{{"amount":{amount}}}"#), atm, "null");
        assert_eq!(asked(adapter().as_ref(), AUTHORIZE, "", &body).unwrap().0.kind, kind, "{amount}");
    }
}

#[test]
fn an_older_request_is_read_field_by_field() {
    let fixture = fixture("v2_debit");
    let (request, echo) = asked(fixture.adapter().as_ref(), LEGACY_AUTHORIZE, &fixture.segment, &fixture.body).unwrap();
    assert_eq!(request.key.as_str(), "hold-77001");
    assert_eq!(request.payment.authorization.as_str(), "txn_c001");
    assert_eq!(request.card, None);
    assert_eq!(request.cardholder.unwrap().as_str(), "5b1c7e52-2f0e-4d5a-9c3b-7a10b7a6f001");
    assert_eq!((request.kind, request.amount), (AuthorizationKind::Purchase, usd(2375)));
    assert_eq!(request.merchant.name, MerchantName::of("MILL STREET BAKERY"));
    assert_eq!(request.entry_mode, EntryMode::Chip);
    assert_eq!(echo, [r#"transaction_id="txn_c001""#, r#"idempotency_key="hold-77001""#]);
}

#[test]
fn the_oldest_request_tells_no_entry_mode_and_a_raw_name() {
    let fixture = fixture("v1_debit");
    let (request, _) = asked(fixture.adapter().as_ref(), LEGACY_AUTHORIZE, "u%40x", &fixture.body).unwrap();
    assert_eq!((request.kind, request.amount), (AuthorizationKind::Purchase, usd(600)));
    assert_eq!((request.entry_mode, request.cross_border), (EntryMode::Unknown, CrossBorder::NotTold));
    assert_eq!(request.merchant.name, MerchantName::of("MILL STREET BAKERY PORTLAND ORUS"));
    assert_eq!(request.cardholder, CardholderToken::new("u@x").ok());
}

#[test]
fn older_requests_have_a_type_and_no_sign() {
    let body = |direction: &str, amount: &str| {
        format!(
            r#"{{"type":"{direction}","amount":{amount},"currency":"USD","transaction_id":"t","idempotency_key":"k","merchant":"m"}}"#
        )
    };
    let cases = [
        ("debit", "\"1.00\"", Ok((AuthorizationKind::Purchase, usd(100)))),
        ("Credit", "1", Ok((AuthorizationKind::Credit, usd(100)))),
        ("debit", "\"0.00\"", Ok((AuthorizationKind::AccountVerification, usd(0)))),
        ("debit", "\"-1.00\"", Err("`amount` is negative")),
        ("credit", "-1", Err("`amount` is negative")),
        ("refund", "1", Err("`type` is neither debit nor credit")),
        ("debit", "\"1.005\"", Err("`amount` has more decimal places than its currency")),
    ];
    for (direction, amount, expected) in cases {
        let read = asked(adapter().as_ref(), LEGACY_AUTHORIZE, "u", &body(direction, amount));
        let read = read.map(|(request, _)| (request.kind, request.amount)).map_err(|malformed| malformed.to_string());
        assert_eq!(read, expected.map_err(ToOwned::to_owned), "{direction} {amount}");
    }
}

#[test]
fn a_malformed_request_names_its_field_and_never_its_value() {
    let cases = [
        ("malformed_missing_field", "`authorization.transaction_id` is missing"),
        ("malformed_missing_amount", "`authorization.billing_amount.amount` is missing"),
        ("malformed_amount", "`authorization.billing_amount.amount` is not a decimal number"),
        ("malformed_precision", "`authorization.billing_amount.amount` has more decimal places than its currency"),
        ("malformed_currency", "`authorization.billing_amount.currency` is not a currency of ISO 4217"),
        ("malformed_wrong_type", "`authorization.card_id` has a value of the wrong type"),
        ("malformed_category", "`authorization.merchant_data.mcc` is not a merchant category"),
        ("malformed_merchant", "`authorization.merchant_data` is not an object"),
        ("malformed_v2_category", "`mcc` is not a merchant category"),
        ("malformed_identifier", "`authorization.id` is empty"),
        ("malformed_not_json", "the body is not JSON"),
        ("malformed_truncated", "the body is not JSON"),
        ("malformed_no_generation", "`authorization` is missing"),
        ("malformed_v2_negative", "`amount` is negative"),
        ("malformed_v2_direction", "`type` is neither debit nor credit"),
        ("malformed_v2_missing_amount", "`amount` is missing"),
        ("malformed_legacy_switched_off", "the body came to a route that is switched off"),
        ("malformed_balances", "`cardholder_id` is missing"),
    ];
    for (name, expected) in cases {
        assert_eq!(fixture(name).decode().unwrap_err().to_string(), expected, "{name}");
    }
    let not_text = decode(adapter().as_ref(), AUTHORIZE, "", "", b"{\"authorization\":\"\xff\"}").unwrap_err();
    assert_eq!(not_text.to_string(), "the body is not UTF-8");
}

#[test]
fn what_an_older_request_lacks_is_named_on_either_route() {
    let fields = ["type", "amount", "currency", "transaction_id", "idempotency_key"];
    let values = [r#""debit""#, r#""5.00""#, r#""USD""#, r#""txn_1""#, r#""hold-1""#];
    for lacking in fields {
        let others = fields.iter().zip(values).filter(|(field, _)| **field != lacking);
        let members: Vec<String> = others.map(|(field, value)| format!("\"{field}\":{value}")).collect();
        let body = format!("{{{}}}", members.join(","));
        for (route, segment) in [(AUTHORIZE, ""), (LEGACY_AUTHORIZE, "ch_1")] {
            let refused = asked(adapter().as_ref(), route, segment, &body).unwrap_err();
            assert_eq!(refused, Malformed::field(lacking, "is missing"), "{body}");
        }
    }
    // What is of no generation is what its route is for.
    let missing = |route, segment| asked(adapter().as_ref(), route, segment, "{}").unwrap_err().path;
    assert_eq!((missing(AUTHORIZE, ""), missing(LEGACY_AUTHORIZE, "ch_1")), ("authorization".to_owned(), "type".to_owned()));
}

#[test]
fn an_older_body_on_the_current_route_obeys_the_setting() {
    let current_only = adapter_with(&[("legacy_routes", SettingValue::Switch(false))]);
    let body = fixture("v2_debit").body;
    assert!(asked(adapter().as_ref(), AUTHORIZE, "", &body).is_ok());
    assert_eq!(asked(current_only.as_ref(), AUTHORIZE, "", &body).unwrap_err().to_string(), "`authorization` is missing");
}

#[test]
fn a_balance_read_names_its_cardholder() {
    let cases = [
        ("cardholder_id=ch_1", Some("ch_1")),
        ("a=b&cardholder_id=ch%5F1&c", Some("ch_1")),
        ("cardholder_id=", None),
        ("cardholder_id", None),
        ("cardholder_id=%ff", None),
        ("xcardholder_id=ch_1", None),
        ("xcardholder_id=ch_2&cardholder_id=ch_1", Some("ch_1")),
        ("cardholder_id=ch_1&cardholder_id=ch_2", None),
        ("cardholder_id=ch_1&a=b&cardholder_id=ch_1", None),
        ("cardholder_id=ch_1&cardholder_id", None),
        ("", None),
    ];
    for (query, expected) in cases {
        let read = match decode(adapter().as_ref(), BALANCES, "", query, b"") {
            Ok(Inbound::Balance(call)) => call.cardholder,
            Ok(other) => panic!("{other:?}"),
            Err(malformed) => {
                assert_eq!(malformed.path, "cardholder_id");
                None
            }
        };
        assert_eq!(read, expected.map(|token| CardholderToken::new(token).unwrap()), "{query}");
    }
}
