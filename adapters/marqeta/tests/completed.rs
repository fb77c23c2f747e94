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
