//! What completes a payment, and which payment a message that completes one is about.

use super::*;

/// What the webhook tells of one transaction with these members besides, a line a notice.
fn told(kind: &str, token: &str, more: &str) -> Vec<String> {
    let body = format!(
        r#"{{"transactions":[{{"type":"{kind}","state":"COMPLETION","token":"{token}","user_token":"u","amount":7,"currency_code":"USD"{more}}}]}}"#
    );
    match decode(&with(&[]), WEBHOOK, body.as_bytes()) {
        Ok(Inbound::Notification { notices, .. }) => notices.iter().flat_map(lines).collect(),
        other => panic!("{more}: {other:?}"),
    }
}

/// The order of a message, with the JIT funding that it has.
fn order(jit: &str) -> String {
    format!(r#","gpa_order":{{"jit_funding":{{{jit}}}}}"#)
}

#[test]
fn a_completion_that_follows_another_message_completes_that_ones_payment() {
    let funding = order(r#""token":"j2","method":"pgfs.auth_plus_capture","original_jit_funding_token":"j1""#);
    let after = r#","preceding_related_transaction_token":"t1""#;
    let stood_in = r#","standin_approved_by":"MARQETA""#;
    for (more, said) in [
        (format!("{after}{funding}"), "completed j1/t1 7.00 USD"),
        (after.to_owned(), "completed /t1 7.00 USD"),
        (format!("{after}{stood_in}"), "completed /t1 7.00 USD"),
    ] {
        assert_eq!(told("pindebit", "t2", &more), [said], "{more}");
    }
}

#[test]
fn a_clearing_that_names_no_other_message_is_of_the_payment_that_its_own_tokens_name() {
    let capture = r#""method":"pgfs.authorization.capture""#;
    for (more, said) in [
        (String::new(), "captured /t1 7.00 USD More"),
        (order(capture), "captured /t1 7.00 USD More"),
        (order(&format!(r#""token":"j1",{capture}"#)), "captured j1/t1 7.00 USD More"),
        // The first message may carry its own JIT token as the first one of the chain.
        (order(&format!(r#""token":"j1","original_jit_funding_token":"j1",{capture}"#)), "captured j1/t1 7.00 USD More"),
        (r#","preceding_related_transaction_token":"t1""#.to_owned(), "captured /t1 7.00 USD More"),
        // What names another message is of that one's payment.
        (order(&format!(r#""token":"j2","original_jit_funding_token":"j1",{capture}"#)), "captured j1 7.00 USD More"),
        (r#","preceding_related_transaction_token":"t0""#.to_owned(), "captured /t0 7.00 USD More"),
        // A force post says by its method that there is none.
        (order(r#""token":"j1","method":"pgfs.force_capture""#), "captured - 7.00 USD More"),
    ] {
        assert_eq!(told("authorization.clearing", "t1", &more), [said], "{more}");
    }
}

#[test]
fn clearings_of_one_payment_that_are_all_called_by_its_token_are_told_apart_by_their_number() {
    let key = |more: &str| {
        let body = format!(
            r#"{{"transactions":[{{"type":"authorization.clearing","state":"COMPLETION","token":"t1","user_token":"u","amount":7,"currency_code":"USD"{more}}}]}}"#
        );
        let Ok(Inbound::Notification { notices, .. }) = decode(&with(&[]), WEBHOOK, body.as_bytes()) else { panic!("{body}") };
        let Some(Notice::Told(events)) = notices.first() else { panic!("{body}") };
        events[0].key.to_string()
    };
    let part = |number: &str| format!(r#","multi_clearing_sequence_number":"{number}","multi_clearing_sequence_count":"3""#);
    let first = "t1/authorization.clearing/COMPLETION";
    for (more, expected) in [
        (String::new(), first.to_owned()),
        (part("1"), first.to_owned()),
        (part("2"), format!("{first}#2")),
        (part("3"), format!("{first}#3")),
        (part("many"), first.to_owned()),
        // One that follows another message has a token of its own.
        (format!(r#"{},"preceding_related_transaction_token":"t0""#, part("2")), first.to_owned()),
    ] {
        assert_eq!(key(&more), expected, "{more}");
    }
}

/// No document gives the transaction's amount a sign. What moved has one, and of a clearing it is not read.
#[test]
fn a_negative_amount_is_kept_and_moves_nothing() {
    let link = r#","preceding_related_transaction_token":"t0""#;
    let jit = order(r#""token":"j1","method":"pgfs.authorization","amount":7"#);
    let impact = |minor: &str| format!(r#"{link},"gpa":{{"currency_code":"USD","impacted_amount":{minor}}}"#);
    let said = |kind: &str, state: &str, amount: &str, more: &str| {
        let body = format!(
            r#"{{"transactions":[{{"type":"{kind}","state":"{state}","token":"t1","user_token":"u","amount":{amount},"currency_code":"USD"{more}}}]}}"#
        );
        let Ok(Inbound::Notification { notices, .. }) = decode(&with(&[]), WEBHOOK, body.as_bytes()) else { panic!("{body}") };
        notices.iter().flat_map(lines).collect::<Vec<_>>().join("; ")
    };
    let kept = "unrecognized: `amount` is negative";
    for (kind, state, more) in [
        ("authorization.clearing", "COMPLETION", link),
        ("authorization.clearing", "COMPLETION", &impact("-7")),
        ("refund", "COMPLETION", link),
        ("refund", "COMPLETION", &impact("7")),
        ("pindebit", "COMPLETION", link),
        ("authorization.reversal", "PENDING", link),
        ("authorization.reversal", "CLEARED", link),
        ("authorization.advice", "PENDING", link),
        ("authorization", "PENDING", ""),
        ("authorization", "PENDING", &jit),
        ("dispute.debit", "COMPLETION", link),
    ] {
        assert_eq!(said(kind, state, "-7", more), kept, "{kind} {state} {more}");
        assert!(!said(kind, state, "7", more).starts_with("unrecognized"), "{kind} {state} {more}");
    }
    // What has no amount to say says the rest.
    assert_eq!(said("authorization", "DECLINED", "-7", &jit), "recorded j1/t1 asked j1 declined");
    assert_eq!(said("authorization.reversal.issuerexpiration", "CLEARED", "-7", link), "released /t0 Expired");
    // The sign of what moved: of a movement it is the direction, and no credit has the one of a debit.
    assert_eq!(said("adjustment.debit", "COMPLETION", "-7", &impact("-7")), "debited /t0 7.00 USD Funding");
    for kind in ["refund", "original.credit.auth_plus_capture", "original.credit.authorization.clearing"] {
        assert_eq!(said(kind, "COMPLETION", "7", &impact("-7")), "unrecognized: `gpa.impacted_amount` is negative", "{kind}");
    }
    assert_eq!(said("authorization.clearing", "COMPLETION", "7", &impact("7")), "captured /t0 7.00 USD More");
}
