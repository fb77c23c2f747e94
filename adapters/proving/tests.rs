//! What only this platform does: fetch, call back, signed answers.

use holdfast_core::{Currency, Decision};

use super::wire::{raw_text, read};
use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_500_966);

fn keyring() -> Keyring {
    Keyring {
        signing: vec![Secret::new(*b"asked")],
        answering: vec![Secret::new(*b"answered"), Secret::new(*b"older")],
        ..Keyring::default()
    }
}

fn adapter() -> Box<dyn Adapter> {
    build(&Settings::defaults(Currency::USD)).unwrap()
}

fn approved() -> Answer<'static> {
    let decision = Decision::Approve { amount: Money::from_minor(2745, Currency::USD) };
    Answer::Decided { decision, reference: DecisionReference::from_digest([1; 16]), balance: None, said: None }
}

#[test]
fn an_answer_is_signed_with_the_first_answering_key_and_its_own_time() {
    let mut body = Vec::new();
    let reply = adapter().encode(&Echo::default(), &approved(), &keyring(), NOW, &mut body);
    let headers: HeaderMap = reply.headers.into_iter().collect();
    let callback = Callback { route: AUTHORIZE, segment: "", query: "", headers: &headers, body: &body };
    let answered = |key: &[u8]| Keyring { signing: vec![Secret::new(key)], ..Keyring::default() };
    let verify = |key: &[u8], at| standard_webhooks::verify(callback, &answered(key), at).map(|_| ());
    assert_eq!(verify(b"answered", NOW), Ok(()));
    assert_eq!(verify(b"older", NOW), Err(Refusal::WrongSignature));
    assert_eq!(verify(b"answered", NOW.saturating_add(Duration::from_secs(301))), Err(Refusal::Stale));
}

#[test]
fn the_same_answer_is_the_same_but_for_the_signatures_time() {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let later = NOW.saturating_add(Duration::from_secs(7));
    let one = adapter().encode(&Echo::default(), &approved(), &keyring(), NOW, &mut first);
    let two = adapter().encode(&Echo::default(), &approved(), &keyring(), later, &mut second);
    assert_eq!(first, second);
    let value = |reply: &Reply, name| reply.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.clone());
    assert_eq!(value(&one, standard_webhooks::ID), value(&two, standard_webhooks::ID));
    assert_ne!(value(&one, standard_webhooks::TIMESTAMP), value(&two, standard_webhooks::TIMESTAMP));
    assert_ne!(value(&one, standard_webhooks::SIGNATURE), value(&two, standard_webhooks::SIGNATURE));
}

#[test]
fn without_an_answering_key_nothing_is_signed() {
    let reply = adapter().encode(&Echo::default(), &approved(), &Keyring::default(), NOW, &mut Vec::new());
    assert!(reply.headers.is_empty());
}

#[test]
fn a_retry_keeps_its_key() {
    let (mut headers, mut body) = (HeaderMap::new(), Vec::new());
    let route = adapter().sample_authorization(1, "card-1", "holder-1", Money::from_minor(1, Currency::USD), &mut body);
    headers.insert(standard_webhooks::ID, HeaderValue::from_static("first-attempt"));
    adapter().prove(route, &mut headers, &mut body, &keyring(), NOW);
    let callback = Callback { route, segment: "", query: "", headers: &headers, body: &body };
    let authentic = adapter().verify(callback, &keyring(), NOW).unwrap();
    let Ok(Inbound::Authorization(call)) = adapter().decode(&authentic) else { panic!("no authorization") };
    assert_eq!(call.request.key.as_str(), "first-attempt");
}

#[test]
fn what_was_fetched_must_be_what_was_asked_for() {
    let headers: HeaderMap = [("webhook-id".parse().unwrap(), HeaderValue::from_static("msg-1"))].into_iter().collect();
    let authorization = r#""authorization":{"payment":"pay-1","card":"card-1","amount":1,"currency":"USD"}"#;
    let asked = r#"{"type":"decision.requested","decision":"dec-1"}"#;
    let cases = [
        (asked, format!(r#"{{"id":"dec-1",{authorization}}}"#), None),
        (asked, format!(r#"{{"id":"dec-2",{authorization}}}"#), Some(Malformed::field("id", "is another decision's"))),
        (asked, format!("{{{authorization}}}"), Some(Malformed::field("id", "is missing"))),
        (asked, r#"{"id":"dec-1"}"#.to_owned(), Some(Malformed::field("authorization", "is missing"))),
        (asked, "<html>".to_owned(), Some(Malformed::field("", "is not JSON"))),
        // An escape is the same id, but has no raw form to repeat.
        (asked, format!(r#"{{"id":"dec\u002d1",{authorization}}}"#), Some(Malformed::field("id", "has an escape"))),
    ];
    for (thin, fetched, expected) in cases {
        let callback = Callback { route: EVENTS, segment: "", query: "", headers: &headers, body: thin.as_bytes() };
        let outcome = adapter().decode_fetched(&Authentic::accept(callback), fetched.as_bytes()).err();
        assert_eq!(outcome, expected, "{fetched}");
    }
}

#[test]
fn a_decisions_id_cannot_lead_elsewhere() {
    let headers: HeaderMap = [("webhook-id".parse().unwrap(), HeaderValue::from_static("msg-1"))].into_iter().collect();
    for id in ["../cards/1", "a/b", "a?b=c", "a#b", "", "a b", "%2e%2e", "é"] {
        let body = format!(r#"{{"type":"decision.requested","decision":"{id}"}}"#);
        let callback = Callback { route: EVENTS, segment: "", query: "", headers: &headers, body: body.as_bytes() };
        let outcome = adapter().decode(&Authentic::accept(callback)).map(|_| ());
        assert_eq!(outcome, Err(Malformed::field("decision", "is not a decision's id")), "{id}");
    }
}

#[test]
fn a_raw_text_has_its_quotes() {
    assert_eq!(raw_text(br#"{"xdec":1,"id":"dec"}"#, "dec"), Some(r#""dec""#));
    assert_eq!(raw_text(br#"{"id":"d\u0065c"}"#, "dec"), None);
    assert_eq!(raw_text(b"dec", "dec"), None);
}

#[test]
fn depth_counts_brackets_outside_of_texts() {
    let nested = |depth: usize| format!(r#"{{"unread":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(read(nested(31).as_bytes(), |_| Ok(())).is_ok());
    assert_eq!(read(nested(32).as_bytes(), |_| Ok(())), Err(Malformed::field("", "is nested too deeply")));
    let text = format!(r#"{{"unread":"\"{}\\"}}"#, "[".repeat(1000));
    assert!(read(text.as_bytes(), |_| Ok(())).is_ok());
}

#[test]
fn the_buffer_is_used_again_and_not_mixed_up() {
    let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(100_000));
    for (body, expected) in [(long.as_str(), 100_000), (r#"{"type":"ping"}"#, 4), (r#"{"typ"#, 0), (r#"{"type":"pong"}"#, 4)] {
        let length = read(body.as_bytes(), |message| Ok(message.kind.text().map_or(0, str::len)));
        assert_eq!(length.unwrap_or(0), expected);
    }
}
