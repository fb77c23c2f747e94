//! Webhooks: what each state and type tells the ledger, and under which keys.

use holdfast_core::hold::{CardStatus, CardholderStatus, Fact, RecordedOutcome, ToldEvent};
use holdfast_core::{Currency, Money, Posting};

use super::super::meaning::{Kind, Meaning, State};
use super::super::webhook::{Kyc, card_status, kyc_status};
use super::{WEBHOOK, adapter, decode, fixture, told};
use crate::inbound::{Inbound, Notice};

/// One event in a line: its fact, and its key where the platform gave it.
fn line(event: &ToldEvent) -> String {
    let payment = |payment: Option<holdfast_core::PaymentRef>| payment.map_or("-".into(), |it| it.authorization.to_string());
    let key = match event.key.as_str() {
        key if key.starts_with("adj_") || key.starts_with("stlmnt_") => format!(" by {key}"),
        _ => String::new(),
    };
    let fact = match event.fact {
        Fact::Recorded { payment, asked, increments, outcome } => {
            assert_eq!(increments, None, "Apto has no increments of their own kind");
            format!("recorded {} {asked} {}", payment.authorization, outcome_text(outcome))
        }
        Fact::Reduced { payment, by, original } => {
            let original = original.map(|original| format!(", {original}")).unwrap_or_default();
            format!("reduced {} {by}{original}", payment.authorization)
        }
        Fact::Replaced { payment, total } => format!("replaced {} {total}", payment.authorization),
        Fact::Released { payment, cause } => format!("released {} {cause:?}", payment.authorization),
        Fact::Captured { payment: of, amount, finality } => format!("captured {} {amount} {finality:?}", payment(of)),
        Fact::Completed { payment, amount } => format!("completed {} {amount}", payment.authorization),
        Fact::Credited { payment: of, amount, cause } => format!("credited {} {amount} {cause:?}", payment(of)),
        Fact::Debited { payment: of, amount, cause } => format!("debited {} {amount} {cause:?}", payment(of)),
        Fact::Card { card, status } => format!("card {card} {}", status.name()),
        Fact::Cardholder { cardholder, status } => format!("cardholder {cardholder} {}", status.name()),
        Fact::Account { account, status } => format!("account {account} {}", status.name()),
        Fact::SettlementAnnounced { total } => format!("settlement {total} day {:?}", event.settlement_day),
    };
    format!("{fact}{key}")
}

fn outcome_text(outcome: RecordedOutcome) -> String {
    match outcome {
        RecordedOutcome::Approved { amount } => format!("approved {amount}"),
        RecordedOutcome::ApprovedByStandIn { amount, posting } => format!("stand-in {amount} {posting:?}"),
        RecordedOutcome::Declined => "declined".into(),
    }
}

/// A notification in lines.
fn lines(notices: &[Notice]) -> Vec<String> {
    let mut lines = Vec::new();
    for notice in notices {
        match notice {
            Notice::Told(_) | Notice::OfOurs(_) => lines.extend(notice.events().iter().map(line)),
            Notice::Nothing => lines.push("nothing".into()),
            Notice::Unrecognized(unrecognized) => lines.push(format!("unrecognized {}", unrecognized.problem)),
        }
    }
    lines
}

fn of_fixture(name: &str) -> Vec<String> {
    let fixture = fixture(name);
    match fixture.decode() {
        Ok(Inbound::Notification { notices, .. }) => lines(&notices),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_state_and_type() {
    use Meaning::{Authorized, AuthorizedAnew, Credited, Declined, Nothing, Reversed, Settled, Unknown};
    // type, while pending, when complete; when declined it is declined, whatever its type.
    let rows = [
        ("pending", Authorized, AuthorizedAnew),
        ("reversal", Nothing, Reversed),
        ("purchase", Authorized, Settled),
        ("pin_purchase", Authorized, Settled),
        ("refund", Nothing, Credited),
        ("decline", Unknown, Unknown),
        ("balance_inquiry", Nothing, Nothing),
        ("balance_unquiry", Nothing, Nothing),
        ("withdrawal", Authorized, Settled),
        ("credit", Nothing, Credited),
        ("debit", Authorized, Settled),
        ("non_financial", Nothing, Nothing),
        ("unsupported", Nothing, Nothing),
        ("other", Unknown, Unknown),
        ("time_travel", Unknown, Unknown),
    ];
    for (kind, pending, complete) in rows {
        for spelling in [kind.to_owned(), kind.to_uppercase()] {
            let kind = Kind::of(&spelling);
            assert_eq!(Meaning::of(State::of("Pending").unwrap(), kind), pending, "pending {spelling}");
            assert_eq!(Meaning::of(State::of("COMPLETE").unwrap(), kind), complete, "complete {spelling}");
            assert_eq!(Meaning::of(State::of("declined").unwrap(), kind), Declined, "declined {spelling}");
        }
    }
    assert_eq!(State::of("undecided"), None);
}

#[test]
fn every_snapshot_tells_its_facts_in_order() {
    // Nothing tells a capture that comes later from the one that was booked: somebody has to look.
    const WITHOUT: &str = "unrecognized transaction.adjustments move nothing: booked by billing_amount; adjustments that come \
                           later are booked besides";
    let cases: &[(&str, &[&str])] = &[
        ("webhook_pending", &["recorded txn_a001 txn_a001 approved 23.75 USD", "captured txn_a001 23.75 USD More by adj_e001"]),
        (
            "webhook_release_cross_currency",
            &[
                "recorded txn_e041 txn_e041 approved 42.10 USD",
                "reduced txn_e041 57.90 USD, 44.90 GBP by adj_e041b",
                "reduced txn_e041 2.10 USD by adj_e041c",
            ],
        ),
        ("webhook_pending_pin_purchase", &["recorded txn_e002 txn_e002 approved 40.00 USD"]),
        ("webhook_pending_stand_in", &["recorded txn_e003 txn_e003 stand-in 18.40 USD Hold"]),
        ("webhook_pending_stand_in_captured", &["recorded txn_e004 txn_e004 stand-in 18.40 USD Immediate"]),
        ("webhook_pending_reversal", &["nothing"]),
        ("webhook_pending_zero", &["nothing"]),
        ("webhook_pending_credit", &["nothing"]),
        ("webhook_declined", &["recorded txn_e008 txn_e008 declined"]),
        (
            "webhook_declined_after_authorization",
            &[
                "captured txn_e009 23.75 USD More by adj_e009a",
                "credited txn_e009 23.75 USD NetworkSettlement by adj_e009b",
                "recorded txn_e009 txn_e009 declined",
                "released txn_e009 Reversed",
            ],
        ),
        (
            "webhook_complete_purchase_two_adjustments",
            &[
                "captured txn_e010 18.40 USD More by adj_e010a",
                "credited txn_e010 3.40 USD NetworkSettlement by adj_e010b",
                "replaced txn_e010 18.40 USD",
            ],
        ),
        (
            "webhook_complete_purchase_tip",
            &[
                "captured txn_e011 23.75 USD More by adj_e011a",
                "captured txn_e011 3.75 USD More by adj_e011b",
                "replaced txn_e011 27.50 USD",
            ],
        ),
        (
            "webhook_complete_pin_purchase_no_adjustments",
            &["captured txn_e012 31.00 USD More", "replaced txn_e012 31.00 USD", WITHOUT],
        ),
        (
            "webhook_complete_hold_and_release",
            &[
                "reduced txn_e013 100.00 USD by adj_e013b",
                "captured txn_e013 42.10 USD More by adj_e013c",
                "replaced txn_e013 42.10 USD",
            ],
        ),
        ("webhook_complete_withdrawal", &["captured txn_e014 60.00 USD More by adj_e014", "replaced txn_e014 60.00 USD"]),
        ("webhook_complete_reversal", &["released txn_e015 Reversed"]),
        ("webhook_complete_refund", &["credited txn_e016 23.75 USD NetworkSettlement by adj_e016"]),
        ("webhook_complete_credit", &["credited txn_e017 250.00 USD NetworkSettlement", WITHOUT]),
        ("webhook_complete_debit", &["captured txn_e018 250.00 USD More", "replaced txn_e018 250.00 USD", WITHOUT]),
        ("webhook_complete_pending", &["recorded txn_e019 txn_e019 approved 55.00 USD", "replaced txn_e019 55.00 USD"]),
        ("webhook_balance_inquiry", &["nothing"]),
        ("webhook_non_financial", &["nothing"]),
        ("webhook_unsupported", &["nothing"]),
        (
            "webhook_unknown_type",
            &[
                "captured txn_e023 5.00 USD More by adj_e023",
                "unrecognized transaction.type is unknown, or unknown in this state",
            ],
        ),
        ("webhook_unknown_state", &["unrecognized transaction.state is unknown"]),
        (
            "webhook_unknown_adjustment",
            &["captured txn_e025 6.00 USD More by adj_e025a", "unrecognized transaction.adjustments.adjustment.type is unknown"],
        ),
        (
            "webhook_amounts_disagree",
            &[
                "captured txn_e026 23.57 USD More by adj_e026",
                "replaced txn_e026 23.57 USD",
                "unrecognized transaction.billing_amount is not the sum of transaction.adjustments",
            ],
        ),
        ("webhook_shared_key", &["recorded txn_c001 hold-77001 approved 23.75 USD"]),
        ("webhook_no_transaction_id", &["unrecognized transaction.id is missing"]),
        ("webhook_settlement", &["settlement 8214.66 USD day Some(20523) by stlmnt_e028"]),
        ("webhook_settlement_without_total", &["unrecognized settlement.total_balance_due is not a decimal number"]),
        ("webhook_card_frozen", &["card crd_4a0c frozen"]),
        ("webhook_card_activated", &["card crd_4a0c active"]),
        ("webhook_card_created", &["card crd_4a0c unactivated"]),
        ("webhook_card_closed", &["card crd_4a0c closed"]),
        ("webhook_card_unknown_status", &["unrecognized card.status is unknown"]),
        ("webhook_cardholder_passed", &["cardholder crdhldr_77d1 active"]),
        ("webhook_cardholder_under_review", &["cardholder crdhldr_77d1 unverified"]),
        ("webhook_cardholder_no_status", &["nothing"]),
        ("webhook_unknown_kind", &["unrecognized the body has none of transaction, cardholder, card, settlement"]),
        ("webhook_no_data", &["unrecognized event.data is missing"]),
        ("webhook_not_json", &["unrecognized the body is not JSON"]),
    ];
    for (name, expected) in cases {
        assert_eq!(of_fixture(name), *expected, "{name}");
    }
    let covered = cases.iter().map(|(name, _)| *name).collect::<std::collections::BTreeSet<_>>();
    for fixture in super::fixtures().iter().filter(|fixture| fixture.name.starts_with("webhook_")) {
        assert!(covered.contains(fixture.name.as_str()), "{} has no row", fixture.name);
    }
}

#[test]
fn what_is_kept_of_the_unknown_has_no_person_in_it() {
    let fixture = fixture("webhook_unknown_kind");
    let notices = told(adapter().as_ref(), &fixture.body);
    let [Notice::Unrecognized(kept)] = notices.as_slice() else { panic!("{notices:?}") };
    assert_eq!(
        kept.redacted,
        r#"{"event":{"id":"evt_e036","created_at":"2026-03-10T09:00:01Z","event_type":"reward_update","data_type":"reward","data":{"reward":{"id":"rwd_1","amount":5.00,"cardholder_email":"…","note":"…"}}}}"#
    );
}

/// Apto sends identity documents along: their numbers are no identifiers of ours.
#[test]
fn a_document_is_no_identifier() {
    let odd = r#"{"cardholder":{"id":"crdhldr_1","kyc_status":"LEVITATING","document_id":"X1234567","tax_id":"912-70-0000",
        "birth_date":"1990-01-02","address":{"postal_code":"97201","country_code":"USA"}}}"#;
    let notices = told(adapter().as_ref(), odd);
    let [Notice::Unrecognized(kept)] = notices.as_slice() else { panic!("{notices:?}") };
    assert_eq!(
        kept.redacted,
        r#"{"id":"crdhldr_1","kyc_status":"…","document_id":"…","tax_id":"…","birth_date":"…","address":{"postal_code":"…","country_code":"…"}}"#
    );
}

fn transaction(state: &str, kind: &str, billing: &str, adjustments: &str) -> String {
    format!(
        r#"{{"transaction":{{"id":"txn_1","idempotency_key":null,"state":"{state}","type":"{kind}","card_id":"crd_1",
           "cardholder_id":"ch_1","network":"VISA","created_at":"2026-03-10T09:00:00+00:00",
           "billing_amount":{billing},"adjustments":{adjustments}}}}}"#
    )
}

fn events(body: &str) -> Vec<ToldEvent> {
    let notices = told(adapter().as_ref(), body);
    notices.iter().flat_map(Notice::events).copied().collect()
}

fn keys(body: &str) -> Vec<String> {
    events(body).iter().map(|event| event.key.to_string()).collect()
}

#[test]
fn a_redelivery_has_the_same_keys_and_another_snapshot_has_others() {
    let capture = r#"[{"adjustment":{"id":"adj_1","type":"capture","billing_amount":{"amount":-5.00}}}]"#;
    let both = r#"[{"adjustment":{"id":"adj_1","type":"capture","billing_amount":{"amount":-5.00}}},
                   {"adjustment":{"id":"adj_2","type":"capture","billing_amount":{"amount":-1.00}}}]"#;
    let first = keys(&transaction("complete", "purchase", r#"{"amount":-5.00}"#, capture));
    assert_eq!(first, keys(&transaction("complete", "purchase", r#"{"amount":-5.00}"#, capture)));
    let second = keys(&transaction("complete", "purchase", r#"{"amount":-6.00}"#, both));
    assert_eq!((first.len(), second.len()), (2, 3));
    assert_eq!(first[0], "adj_1");
    assert_eq!(second[..2], ["adj_1", "adj_2"]);
    assert_ne!(first[1], second[2]);
}

#[test]
fn an_adjustment_that_is_listed_twice_counts_once_in_what_is_settled() {
    let capture =
        |amount: &str| format!(r#"{{"adjustment":{{"id":"adj_1","type":"capture","billing_amount":{{"amount":{amount}}}}}}}"#);
    for second in ["-5.00", "-7.00"] {
        let twice = format!("[{},{}]", capture("-5.00"), capture(second));
        let told = events(&transaction("complete", "purchase", r#"{"amount":-5.00}"#, &twice));
        let total =
            |event: &ToldEvent| if let Fact::Replaced { total, .. } = event.fact { Some(total.to_string()) } else { None };
        assert_eq!(told.iter().filter_map(total).collect::<Vec<_>>(), ["5.00 USD"], "{second}");
    }
}

#[test]
fn the_second_envelope_names_the_snapshot() {
    let data = transaction("complete", "reversal", r#"{"amount":0}"#, "[]");
    let event = |id: &str| format!(r#"{{"event":{{"id":"{id}","created_at":"2026-03-10T10:00:00-02:00","data":{data}}}}}"#);
    assert_eq!(keys(&event("evt_1")), keys(&event("evt_1")));
    assert_ne!(keys(&event("evt_1")), keys(&event("evt_2")));
    assert_ne!(keys(&event("evt_1")), keys(&data));
    // When it was announced is when it happened. The first envelope only knows when the transaction began, and when its
    // adjustments were made: what was asked for, or told, since is reversed too, so that it is of when it arrives.
    assert_eq!(events(&event("evt_1"))[0].occurred_at.unwrap().to_string(), "2026-03-10T12:00:00.000000Z");
    assert_eq!(events(&data)[0].occurred_at, None);
    let released =
        r#"[{"adjustment":{"id":"adj_1","type":"release","created_at":"2026-03-10T09:30:00Z","billing_amount":{"amount":5}}}]"#;
    let later = events(&transaction("complete", "reversal", r#"{"amount":0}"#, released));
    assert_eq!(later[0].occurred_at.unwrap().to_string(), "2026-03-10T09:30:00.000000Z");
    assert_eq!(later[1].occurred_at, None);
}

#[test]
fn a_payment_without_adjustments_is_booked_once() {
    let booked = |amount: &str| keys(&transaction("complete", "purchase", &format!(r#"{{"amount":{amount}}}"#), "[]"));
    assert_eq!(booked("-5.00")[0], booked("-6.00")[0]);
    assert_ne!(booked("-5.00")[1], booked("-6.00")[1]);
    for absent in ["null", "[]"] {
        assert_eq!(events(&transaction("complete", "purchase", r#"{"amount":-5}"#, absent)).len(), 2, "{absent}");
    }
}

#[test]
fn whose_money_and_which_network() {
    let told = events(&transaction("pending", "pending", r#"{"currency":"USD","amount":-5.00}"#, "[]"));
    let [event] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(event.subject.card.unwrap().as_str(), "crd_1");
    assert_eq!(event.subject.cardholder.unwrap().as_str(), "ch_1");
    assert_eq!(event.network.unwrap().as_str(), "VISA");
    assert_eq!(event.settlement_day, None);
}

#[test]
fn what_contradicts_itself_moves_nothing_and_is_listed() {
    let capture = |amount: &str| format!(r#"[{{"adjustment":{{"id":"adj_1","type":"capture","billing_amount":{amount}}}}}]"#);
    let refund = r#"[{"adjustment":{"id":"adj_1","type":"refund","billing_amount":{"amount":-5}}}]"#;
    let five = r#"{"amount":-5}"#;
    let wrong_sign = "unrecognized transaction.adjustments.adjustment.billing_amount has the wrong sign for its type";
    let cases: Vec<(String, &str)> = vec![
        (transaction("complete", "purchase", five, &capture(r#"{"amount":5}"#)), wrong_sign),
        (transaction("complete", "refund", r#"{"amount":5}"#, refund), wrong_sign),
        (
            transaction("complete", "purchase", five, &capture("null")),
            "unrecognized transaction.adjustments.adjustment.billing_amount is missing",
        ),
        (
            transaction("complete", "purchase", five, &capture(r#"{"currency":"EURO","amount":-5}"#)),
            "unrecognized transaction.adjustments.adjustment.billing_amount.currency is not a currency of ISO 4217",
        ),
        (
            transaction("complete", "purchase", r#"{"amount":5}"#, "[]"),
            "unrecognized transaction.billing_amount has the wrong sign for its type",
        ),
        (
            transaction("complete", "credit", five, "[]"),
            "unrecognized transaction.billing_amount has the wrong sign for its type",
        ),
        (transaction("complete", "debit", "null", "[]"), "unrecognized transaction.billing_amount is missing"),
        (transaction("pending", "pending", "null", "[]"), "unrecognized transaction.billing_amount is missing"),
        (transaction("complete", "purchase", five, "{}"), "unrecognized transaction.adjustments has a value of the wrong type"),
    ];
    for (body, expected) in cases {
        assert_eq!(lines(&told(adapter().as_ref(), &body)), [expected], "{body}");
    }
}

#[test]
fn a_decline_frees_the_hold_whatever_else_is_odd() {
    let told = lines(&told(adapter().as_ref(), &transaction("declined", "time_travel", r#""-5.00""#, "[]")));
    assert_eq!(told, ["recorded txn_1 txn_1 declined"]);
}

#[test]
fn many_adjustments_are_told_in_several_notices() {
    let many: Vec<String> = (0..20)
        .map(|n| format!(r#"{{"adjustment":{{"id":"adj_{n}","type":"capture","billing_amount":{{"amount":-1}}}}}}"#))
        .collect();
    let body = transaction("complete", "purchase", r#"{"amount":-20}"#, &format!("[{}]", many.join(",")));
    let notices = told(adapter().as_ref(), &body);
    assert_eq!(notices.len(), 3);
    let told = events(&body);
    assert_eq!(told.len(), 21);
    let total = Money::from_minor(2_000, Currency::USD);
    assert!(matches!(told[20].fact, Fact::Replaced { total: told, .. } if told == total), "{:?}", told[20]);
}

#[test]
fn both_names_of_stand_in() {
    for (flags, stood_in) in [
        (r#""apto_stand_in":true"#, true),
        (r#""shift_stand_in":true"#, true),
        (r#""shift_stand_in":false,"apto_stand_in":true"#, true),
        (r#""shift_stand_in":null,"apto_stand_in":false"#, false),
        (r#""livemode":true"#, false),
    ] {
        let body = transaction("pending", "purchase", r#"{"amount":-5}"#, "[]").replacen("\"id\"", &format!("{flags},\"id\""), 1);
        let amount = Money::from_minor(500, Currency::USD);
        let expected = if stood_in {
            RecordedOutcome::ApprovedByStandIn { amount, posting: Posting::Hold }
        } else {
            RecordedOutcome::Approved { amount }
        };
        let told = events(&body);
        assert!(matches!(told[0].fact, Fact::Recorded { outcome, .. } if outcome == expected), "{flags}: {told:?}");
    }
}

#[test]
fn a_second_freeze_is_another_event_where_the_envelope_names_it() {
    let card = r#"{"card":{"id":"crd_1","status":"USERFROZEN"}}"#;
    let event = |id: &str| format!(r#"{{"event":{{"id":"{id}","data":{card}}}}}"#);
    assert_eq!(keys(&event("evt_1")), keys(&event("evt_1")));
    assert_ne!(keys(&event("evt_1")), keys(&event("evt_2")));
    assert_eq!(keys(card), keys(card));
    assert_ne!(keys(card), keys(&card.replace("USERFROZEN", "ACTIVATED")));
}

#[test]
fn statuses_of_cards_and_cardholders() {
    let cards = [
        ("CREATED", Some(CardStatus::Unactivated)),
        ("ACTIVATED", Some(CardStatus::Active)),
        ("active", Some(CardStatus::Active)),
        ("NEEDSPIN", Some(CardStatus::Active)),
        ("DEACTIVATED", Some(CardStatus::Frozen)),
        ("inactive", Some(CardStatus::Frozen)),
        ("USERFROZEN", Some(CardStatus::Frozen)),
        ("ADMINFROZEN", Some(CardStatus::Frozen)),
        ("CLOSED", Some(CardStatus::Closed)),
        ("cancelled", Some(CardStatus::Closed)),
        ("laminated", None),
    ];
    for (text, status) in cards {
        assert_eq!(card_status(text), status, "{text}");
    }
    let unverified = Some(Kyc::Standing(CardholderStatus::Unverified));
    let cardholders = [
        ("PASSED", Some(Kyc::Standing(CardholderStatus::Active))),
        ("NOT_CHECKED", unverified),
        ("UPLOAD_FILE", unverified),
        ("UNDER_REVIEW", unverified),
        ("RESUBMIT_DETAILS", unverified),
        ("REJECTED", Some(Kyc::Standing(CardholderStatus::Suspended))),
        ("NOT_APPLICABLE", Some(Kyc::SaysNothing)),
        ("TEMPORARY_ERROR", Some(Kyc::SaysNothing)),
        ("ASTRAL", None),
    ];
    for (text, status) in cardholders {
        assert_eq!(kyc_status(text), status, "{text}");
    }
}

/// What is damaged in a text that nobody has to read keeps nothing from its account; what is damaged in a name does.
#[test]
fn half_a_character_and_bytes_that_are_not_utf8() {
    let transaction = |id: &str, more: &str| {
        format!(
            r#"{{"transaction":{{"id":"{id}","state":"complete","type":"purchase","billing_amount":{{"currency":"USD","amount":-5.00}}{more},
            "adjustments":[{{"adjustment":{{"id":"adj_1","type":"capture","billing_amount":{{"currency":"USD","amount":-5.00}}}}}}]}}}}"#
        )
    };
    let adapter = adapter();
    let whole = lines(&told(adapter.as_ref(), &transaction("txn_1", "")));
    assert_eq!(whole[0], "captured txn_1 5.00 USD More by adj_1");
    for more in [r#","network":"\ud800""#, r#","merchant_name":"CAF\ud83d""#, r#","card_id":"\udc00""#] {
        assert_eq!(lines(&told(adapter.as_ref(), &transaction("txn_1", more))), whole, "{more}");
    }
    let bytes = |body: String| -> Vec<u8> { body.bytes().map(|byte| if byte == b'?' { 0xe9 } else { byte }).collect() };
    let notices = |body: &[u8]| match decode(adapter.as_ref(), WEBHOOK, "", "", body) {
        Ok(Inbound::Notification { notices, .. }) => lines(&notices),
        other => panic!("{other:?}"),
    };
    assert_eq!(notices(&bytes(transaction("txn_1", r#","merchant_name":"CAF?""#))), whole);
    let problem = "unrecognized transaction.id has a value of the wrong type";
    assert_eq!(notices(&bytes(transaction("txn_?", ""))), [problem]);
    assert_eq!(notices(b"\xe9"), ["unrecognized the body is not UTF-8"]);
}
