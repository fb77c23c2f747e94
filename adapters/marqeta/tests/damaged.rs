//! What was damaged on its way, or cut: the rest of it is understood.

use super::*;

/// What a webhook tells, a line a notice.
fn told(body: &[u8]) -> Vec<String> {
    match decode(&with(&[]), WEBHOOK, body) {
        Ok(Inbound::Notification { notices, .. }) => notices.iter().flat_map(lines).collect(),
        other => panic!("{other:?}"),
    }
}

/// A clearing with these members besides.
fn clearing(token: &str, more: &str) -> String {
    format!(
        r#"{{"type":"authorization.clearing","state":"COMPLETION","token":"{token}","preceding_related_transaction_token":"first",
            "user_token":"u","card_token":"c","amount":20.0,"currency_code":"USD"{more}}}"#
    )
}

fn batch(elements: &[&str]) -> String {
    format!(r#"{{"transactions":[{}]}}"#, elements.join(","))
}

#[test]
fn half_a_character_in_what_is_optional_counts_as_absent() {
    let fixture = named("purchase_v2");
    let whole = call(&fixture).request;
    let cut = fixture.body.replace(r#""network": "VISA""#, r#""network": "VI\ud83d""#);
    assert_ne!(cut, fixture.body);
    let Ok(Inbound::Authorization(call)) = decode(&fixture.settings, JIT, cut.as_bytes()) else { panic!("{cut}") };
    assert_eq!(call.request, AuthorizationRequest { network: None, ..whole });

    let cut = fixture.body.replacen(&format!("\"{}\"", whole.key), r#""\ud83d""#, 1);
    assert_ne!(cut, fixture.body);
    let path = "gpa_order.jit_funding.token";
    let refused = decode(&fixture.settings, JIT, cut.as_bytes()).err();
    assert_eq!(refused, Some(Malformed::field(path, "is not an identifier")));
}

#[test]
fn half_a_character_in_a_clearing_does_not_keep_it_from_its_account() {
    let whole = told(batch(&[&clearing("a", "")]).as_bytes());
    for more in [
        r#","network":"\ud800""#,
        r#","card_acceptor":{"name":"CAF\ud83d","mid":"\ud800"}"#,
        r#","is_final_clearing":"\ud800""#,
        r#","digital_wallet_token":"\ud800""#,
        r#","gpa":{"currency_code":"USD","name":"\udc00"}"#,
        r#","zz":"\ud800""#,
    ] {
        assert_eq!(told(batch(&[&clearing("a", more)]).as_bytes()), whole, "{more}");
    }
}

#[test]
fn a_byte_that_is_not_utf8_keeps_nothing_else_from_its_account() {
    let (a, b) = (clearing("a", r#","card_acceptor":{"name":"CAF?"}"#), clearing("b", ""));
    let whole = told(batch(&[&a, &b]).as_bytes());
    let damaged = |text: &str, with: &str| text.replace(with, &with.replace('?', "\u{0}"));
    let bytes = |text: String| text.bytes().map(|byte| if byte == 0 { 0xff } else { byte }).collect::<Vec<u8>>();

    // In a text that is not read, everything is booked.
    assert_eq!(told(&bytes(damaged(&batch(&[&a, &b]), "CAF?"))), whole);
    // In what has to be known, that event is kept, and the others are booked.
    let odd = clearing("a?", "");
    let found = told(&bytes(damaged(&batch(&[&odd, &b]), "a?")));
    assert_eq!(found, ["unrecognized: `token` is missing", &whole[1]]);
    // Where it is not JSON, or cannot be told what it was, all of it is kept.
    assert_eq!(told(b"{\"transactions\":[\xff]}"), ["unrecognized: the body is not UTF-8"]);
}

/// It is what moved. Where it is there and is no amount, the transaction's own may be another: the event is kept for somebody to look at.
#[test]
fn an_impacted_amount_that_is_none_is_not_replaced_by_another() {
    let kept = |problem: &str| vec![format!("unrecognized: `gpa.{problem}")];
    let cases = [
        (r#","gpa":{"impacted_amount":-19.5}"#, vec!["captured /first 19.50 USD More"]),
        (r#","gpa":{"impacted_amount":null}"#, vec!["captured /first 20.00 USD More"]),
        (r#","gpa":{}"#, vec!["captured /first 20.00 USD More"]),
        ("", vec!["captured /first 20.00 USD More"]),
    ];
    for (more, expected) in cases {
        assert_eq!(told(batch(&[&clearing("a", more)]).as_bytes()), expected, "{more}");
    }
    for (gpa, problem) in [
        (r#"{"impacted_amount":"-19,5"}"#, "impacted_amount` is not a decimal number"),
        (r#"{"impacted_amount":"\ud800"}"#, "impacted_amount` is not a decimal number"),
        (r#"{"impacted_amount":{}}"#, "impacted_amount` is not a decimal number"),
        (r#"{"impacted_amount":true}"#, "impacted_amount` is not a decimal number"),
        (r#"{"impacted_amount":-19.505}"#, "impacted_amount` has more decimal places than its currency"),
        (r#"{"impacted_amount":-19.5,"currency_code":"ZZZ"}"#, "currency_code` is not a currency of ISO 4217"),
    ] {
        let found = told(batch(&[&clearing("a", &format!(r#","gpa":{gpa}"#))]).as_bytes());
        assert_eq!(found, kept(problem), "{gpa}");
    }
}
