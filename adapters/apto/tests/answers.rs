//! Answers of each dialect, errors, settings, and the platform's own side: proof and sample.

use std::collections::BTreeSet;

use holdfast_core::{AccountId, Currency, Decision, DeclineReason, Money, Timestamp};
use http::HeaderMap;

use super::super::reasons::{DECLINE_CODE, legacy_code, phrase};
use super::super::{Dialect, PLATFORM, WEBHOOK};
use super::{AUTHORIZE, BALANCES, adapter, adapter_with, asked, decode, encode, fixture, reference};
use crate::answer::{AccountBalance, Answer, Echo, Refused};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::proof::{BasicCredential, Keyring, Refusal, Secret};
use crate::settings::{SettingValue, Settings};

const REFERENCE: &str = "07070707-0707-8707-8707-070707070707";

fn decided(decision: Decision) -> Answer<'static> {
    Answer::Decided { decision, reference: reference(), balance: None, said: None }
}

fn approved() -> Answer<'static> {
    decided(Decision::Approve { amount: Money::from_minor(100, Currency::USD) })
}

fn declined(reason: DeclineReason) -> Answer<'static> {
    decided(Decision::Decline { reason })
}

fn v3() -> Echo<'static> {
    Echo { dialect: Dialect::V3.number(), ..Echo::default() }
}

#[test]
fn a_current_request_hears_200_either_way() {
    let (reply, body) = encode(adapter().as_ref(), &v3(), &approved());
    assert_eq!(reply.status, 200);
    assert_eq!(body, format!(r#"{{"authorization":{{"approved":true,"external_authorization_id":"{REFERENCE}"}}}}"#));

    let (reply, body) = encode(adapter().as_ref(), &v3(), &declined(DeclineReason::InsufficientFunds));
    assert_eq!(reply.status, 200);
    assert_eq!(
        body,
        format!(
            r#"{{"authorization":{{"approved":false,"decline_reason":"Insufficient funds","decline_reason_code":"decline_nsf","external_authorization_id":"{REFERENCE}"}}}}"#
        )
    );
}

#[test]
fn an_older_request_hears_200_or_403() {
    let fixture = fixture("v1_keys_repeated_as_they_came");
    let Ok(Inbound::Authorization(call)) = fixture.decode() else { panic!() };
    let (reply, body) = encode(adapter().as_ref(), &call.echo, &approved());
    assert_eq!(reply.status, 200);
    let key = r"hold-\u0037\/7";
    assert_eq!(body, format!(r#"{{"transaction_id":"txn_c007","idempotency_key":"{key}","id":"{REFERENCE}"}}"#));
    // The key itself is what the escapes stand for.
    assert_eq!(call.request.key.as_str(), "hold-7/7");

    let (reply, body) = encode(adapter().as_ref(), &call.echo, &declined(DeclineReason::InsufficientFunds));
    assert_eq!(reply.status, 403);
    assert_eq!(body, r#"{"errors":[{"code":"low_balance","message":"Insufficient funds"}]}"#);
}

#[test]
fn every_reason_encodes_and_is_told_apart() {
    const LEGACY_CODES: [&str; 5] =
        ["low_balance", "balance_check_failed", "authorization_failed", "malformed_request", "unknown_user"];
    let phrases: BTreeSet<&str> = DeclineReason::ALL.iter().map(|reason| phrase(*reason)).collect();
    assert_eq!(phrases.len(), DeclineReason::ALL.len());
    for reason in DeclineReason::ALL.iter().copied() {
        assert!(LEGACY_CODES.contains(&legacy_code(reason)), "{reason}");
        let (_, body) = encode(adapter().as_ref(), &v3(), &declined(reason));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["authorization"]["approved"], false, "{reason}");
        assert_eq!(body["authorization"]["decline_reason"], phrase(reason), "{reason}");
        assert_eq!(body["authorization"]["decline_reason_code"], DECLINE_CODE, "{reason}");
    }
}

#[test]
fn older_codes_by_cause() {
    let cases = [
        (DeclineReason::InsufficientFunds, "low_balance"),
        (DeclineReason::LedgerUnavailable, "balance_check_failed"),
        (DeclineReason::NotDurable, "balance_check_failed"),
        (DeclineReason::AnswerUnknown, "balance_check_failed"),
        (DeclineReason::CardUnknown, "unknown_user"),
        (DeclineReason::AccountUnknown, "unknown_user"),
        (DeclineReason::CardFrozen, "authorization_failed"),
        (DeclineReason::ConflictingDuplicate, "authorization_failed"),
    ];
    for (reason, code) in cases {
        assert_eq!(legacy_code(reason), code, "{reason}");
    }
}

#[test]
fn a_program_chooses_its_decline_codes() {
    let codes = [("card_frozen", "decline_inactive_card"), ("suspected_fraud", "decline_\"59\"")];
    let codes = codes.iter().map(|(name, code)| ((*name).to_owned(), (*code).to_owned())).collect();
    let adapter = adapter_with(&[("decline_codes", SettingValue::Table(codes))]);
    let cases = [
        (DeclineReason::CardFrozen, "decline_inactive_card"),
        (DeclineReason::SuspectedFraud, "decline_\"59\""),
        (DeclineReason::InsufficientFunds, "decline_nsf"),
    ];
    for (reason, code) in cases {
        let (_, body) = encode(adapter.as_ref(), &v3(), &declined(reason));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["authorization"]["decline_reason_code"], code, "{reason}");
    }
}

#[test]
fn every_wrong_setting_is_named() {
    let codes = [("card_frozen", ""), ("cardfrozen", "decline_misc"), ("card_lost", "decline misc")];
    let codes = codes.iter().map(|(name, code)| ((*name).to_owned(), (*code).to_owned())).collect();
    let mut settings = Settings::defaults(Currency::USD);
    settings.values.insert("legacy_routes".into(), SettingValue::Text("yes".into()));
    settings.values.insert("capture_at_authorization".into(), SettingValue::Integer(1));
    settings.values.insert("decline_codes".into(), SettingValue::Table(codes));
    settings.values.insert("retries".into(), SettingValue::Integer(3));
    let errors = (PLATFORM.build)(&settings).err().unwrap();
    let keys: BTreeSet<&str> = errors.iter().map(|error| error.key.as_str()).collect();
    let expected = [
        "capture_at_authorization",
        "decline_codes.card_frozen",
        "decline_codes.card_lost",
        "decline_codes.cardfrozen",
        "legacy_routes",
        "retries",
    ];
    assert_eq!(keys, BTreeSet::from(expected));
}

#[test]
fn balances_are_one_entry_an_account() {
    let usd = |minor| Money::from_minor(minor, Currency::USD);
    let accounts = [
        AccountBalance {
            account: AccountId::new("acct-1").unwrap(),
            posted: usd(44_000),
            held: usd(2_745),
            available: usd(41_255),
            usable: true,
        },
        AccountBalance {
            account: AccountId::new("acct \"2\"").unwrap(),
            posted: usd(-1_05),
            held: usd(0),
            available: usd(-1_05),
            usable: false,
        },
        AccountBalance {
            account: AccountId::new("acct-3").unwrap(),
            posted: usd(25_00),
            held: usd(5_00),
            available: usd(20_00),
            usable: false,
        },
    ];
    let Ok(Inbound::Balance(call)) = decode(adapter().as_ref(), BALANCES, "", "cardholder_id=ch%5F1", b"") else { panic!() };
    let (reply, body) = encode(adapter().as_ref(), &call.echo, &Answer::Balances(&accounts));
    assert_eq!(reply.status, 200);
    assert_eq!(
        body,
        concat!(
            r#"{"cardholder_id":"ch_1","balances":["#,
            r#"{"balance":{"id":"acct-1","name":"acct-1","state":"valid","balance":{"currency":"USD","amount":440.00},"#,
            r#""amount_spendable":{"currency":"USD","amount":412.55},"amount_held":{"currency":"USD","amount":27.45}}},"#,
            r#"{"balance":{"id":"acct \"2\"","name":"acct \"2\"","state":"invalid","balance":{"currency":"USD","amount":-1.05},"#,
            r#""amount_spendable":{"currency":"USD","amount":-1.05},"amount_held":{"currency":"USD","amount":0.00}}},"#,
            r#"{"balance":{"id":"acct-3","name":"acct-3","state":"invalid","balance":{"currency":"USD","amount":25.00},"#,
            r#""amount_spendable":{"currency":"USD","amount":0.00},"amount_held":{"currency":"USD","amount":5.00}}}]}"#,
        )
    );
    let (reply, body) = encode(adapter().as_ref(), &call.echo, &Answer::Balances(&[]));
    assert_eq!((reply.status, body.as_str()), (200, r#"{"cardholder_id":"ch_1","balances":[]}"#));
}

#[test]
fn a_webhook_hears_ok() {
    let Ok(Inbound::Notification { echo, .. }) = decode(adapter().as_ref(), WEBHOOK, "", "", b"") else { panic!() };
    let (reply, body) = encode(adapter().as_ref(), &echo, &Answer::Acknowledged);
    assert_eq!((reply.status, reply.content_type, body.as_str()), (200, "text/plain", "Ok"));
}

#[test]
fn refusals_have_the_shape_of_errors() {
    let malformed = Malformed::field("authorization.\"id\"", "is missing");
    let cases = [
        (Refused::NotAuthentic, 401, "authorization_failed", "the login is missing or wrong"),
        (Refused::Malformed(malformed), 400, "malformed_request", "`authorization.\"id\"` is missing"),
        (Refused::NoRoute, 404, "malformed_request", "there is nothing at this path"),
        (Refused::NotThisWay, 405, "malformed_request", "this path is not called with this method"),
        (Refused::TooSlow, 408, "malformed_request", "the body did not arrive in time"),
        (Refused::TooLarge, 413, "malformed_request", "the body is too large"),
        (Refused::TooEarly, 425, "authorization_failed", "the same request is being decided"),
        (Refused::NotDurable, 503, "not_recorded", "the notification could not be recorded; send it again"),
        (Refused::Unavailable, 503, "balance_check_failed", "the balance cannot be looked up now"),
    ];
    for (refused, status, code, message) in cases {
        let mut body = Vec::new();
        let reply = adapter().refuse(&refused, &mut body);
        assert_eq!(reply.status, status, "{refused:?}");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body, serde_json::json!({"errors": [{"code": code, "message": message}]}), "{refused:?}");
    }
}

fn keyring(user: &str, password: &str) -> Keyring {
    let password = Secret::new(password.as_bytes());
    Keyring {
        basic: vec![BasicCredential::new(user, &password)],
        headers: vec![("x-apto-mount".to_owned(), Secret::new(&b"demo"[..]))],
        ..Keyring::default()
    }
}

#[test]
fn what_proves_is_accepted_and_nothing_else_on_any_route() {
    let (ours, other) = (keyring("apto", "one"), keyring("apto", "two"));
    for route in PLATFORM.routes {
        let mut headers = HeaderMap::new();
        let mut body = b"{}".to_vec();
        let verdict = |headers: &HeaderMap, body: &[u8], keyring: &Keyring| {
            let callback = Callback { route: route.id, segment: "", query: "", headers, body };
            adapter().verify(callback, keyring, Timestamp::EPOCH).map(|_| ())
        };
        assert_eq!(verdict(&headers, &body, &ours), Err(Refusal::Missing));
        adapter().prove(route.id, &mut headers, &mut body, &ours, Timestamp::EPOCH);
        assert_eq!(body, b"{}", "Basic proves nothing in the body");
        assert_eq!(verdict(&headers, &body, &ours), Ok(()));
        assert_eq!(verdict(&headers, &body, &other), Err(Refusal::Wrong));
        headers.remove("x-apto-mount");
        assert_eq!(verdict(&headers, &body, &ours), Err(Refusal::Wrong));
    }
}

#[test]
fn samples_are_real_and_share_no_key() {
    let amount = Money::from_minor(1234, Currency::USD);
    let mut keys = BTreeSet::new();
    for variation in [0, 1, 999, u64::MAX] {
        let mut body = Vec::new();
        assert_eq!(adapter().sample_authorization(variation, "crd_demo_1", "crdhldr_demo_1", amount, &mut body), AUTHORIZE);
        assert!((1_000..=2_500).contains(&body.len()), "{} bytes", body.len());
        let (request, _) = asked(adapter().as_ref(), AUTHORIZE, "", std::str::from_utf8(&body).unwrap()).unwrap();
        assert_eq!(request.card.unwrap().as_str(), "crd_demo_1");
        assert_eq!(request.cardholder.unwrap().as_str(), "crdhldr_demo_1");
        assert_eq!(request.amount, amount);
        assert_eq!(request.merchant.mcc.unwrap().number(), 5411);
        assert!(keys.insert(request.key.as_str().to_owned()) && keys.insert(request.payment.authorization.as_str().to_owned()));
    }
}
