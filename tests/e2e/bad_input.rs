//! What a stranger, or a confused platform, gets; and that nothing of it reaches the ledger.

use crate::support::{Apto, Client, Marqeta, Workplace, server};

#[test]
fn strangers_get_401_and_a_counter() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let body = Marqeta::purchase("1", "10.00").body();
    let credentials = [
        None,
        Some("Basic ".to_owned()),
        Some("Basic !!!".to_owned()),
        Some("Bearer abc".to_owned()),
        // demo:wrong, and :
        Some("Basic ZGVtbzp3cm9uZw==".to_owned()),
        Some("Basic Og==".to_owned()),
    ];
    let strangers = credentials.len();
    for authorization in credentials {
        for path in ["/marqeta/jit", "/marqeta/webhook", "/apto/v3/authorize", "/apto/webhook"] {
            let mut client = Client::connect_as(server.listen, authorization.clone());
            let answer = client.post(path, &body);
            assert_eq!(answer.status, 401, "{path} {authorization:?} {answer:?}");
        }
    }
    assert_eq!(server.metric("holdfast_refusals_total", &[]), (strangers * 4) as f64);
    assert_eq!(server.metric("holdfast_decisions_total", &[]), 0.0);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 0, 100_000));
}

#[test]
fn what_is_no_question_is_declined_whatever_it_lacks_and_holds_nothing() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let good: serde_json::Value = serde_json::from_str(&Marqeta::purchase("1", "10.00").body()).unwrap();
    let mut bodies = vec![r#"{"gpa_order":{"jit_funding":{"method":"pgfs.something.new"}}}"#.to_owned()];
    let mut unknown = good.clone();
    unknown["gpa_order"]["jit_funding"]["method"] = "pgfs.something.new".into();
    unknown["gpa_order"]["jit_funding"]["token"] = "another-conversation".into();
    unknown["card_token"] = "nobodys-card".into();
    unknown["gpa_order"]["jit_funding"].as_object_mut().unwrap().remove("amount");
    bodies.push(unknown.to_string());
    for state in ["CLEARED", "COMPLETION", "DECLINED", "ERROR"] {
        let mut decided = good.clone();
        decided["state"] = state.into();
        bodies.push(decided.to_string());
    }
    for body in &bodies {
        let answer = client.post("/marqeta/jit", body);
        let reason = answer.json()["jit_funding"]["decline_reason"].clone();
        assert_eq!((answer.status, reason), (402, "TRANSACTION_NOT_PERMITTED".into()), "{body}");
    }
    assert_eq!(server.metric("holdfast_unknown_methods_total", &[]), bodies.len() as f64);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 0, 100_000));
    // The conversation is still to come.
    assert_eq!(client.post("/marqeta/jit", &good.to_string()).status, 200);
    let mut later = good;
    later["state"] = "SOMETHING_NEW".into();
    assert_eq!(client.post("/marqeta/jit", &later.to_string()).status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 1000, 99_000));
}

#[test]
fn what_is_not_understood_is_named_by_its_path_and_never_its_value() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    let good = Marqeta::purchase("1", "10.00").body();
    let replace = |from: &str, to: &str| {
        let changed = good.replace(from, to);
        assert_ne!(changed, good, "{from}");
        changed
    };
    let cases = [
        ("not json at all".to_owned(), ""),
        (good[..good.len() / 2].to_owned(), ""),
        (replace("\"jit-1\"", "{\"secret-value\":1}"), "jit_funding.token"),
        (replace("\"pgfs.authorization\"", "17.5"), "jit_funding.method"),
        (good.replace("\"amount\":10.0,\"method\"", "\"amount\":-10.0,\"method\""), "jit_funding.amount"),
        (good.replace("\"amount\":10.0,\"method\"", "\"amount\":10.005,\"method\""), "jit_funding.amount"),
        (good.replace("USD", "QQQ"), "currency_code"),
    ];
    for (body, path) in cases {
        let answer = client.post("/marqeta/jit", &body);
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(answer.body.contains(path), "{path}: {answer:?}");
        for value in ["secret-value", "17.5", "10.005", "QQQ"] {
            assert!(!answer.body.contains(value), "{answer:?}");
        }
    }
    client.send("POST", "/marqeta/jit", &[0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]);
    assert_eq!(client.receive().unwrap().status, 400);
    let apto = Apto::purchase("1", "-5.00").body().replace("\"id\":\"auth_1\",", "");
    let answer = client.post("/apto/v3/authorize", &apto);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("authorization.id"), "{answer:?}");
    assert_eq!(server.metric("holdfast_decisions_total", &[]), 0.0);
}

#[test]
fn a_body_that_does_not_come_is_told_as_what_it_is() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let mut client = server.client();
    // Longer than what is sent: the rest never comes.
    client.send_head("POST", "/marqeta/jit", 1000);
    let slow = client.receive().unwrap();
    assert_eq!((slow.status, slow.json()["error_code"].as_str()), (408, Some("408")), "{slow:?}");
}

#[test]
fn a_stranger_is_one_whatever_its_body_is() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    for length in [1000, 1_000_000_000] {
        for authorization in [None, Some("Basic ZGVtbzp3cm9uZw==".to_owned())] {
            let mut client = Client::connect_as(server.listen, authorization);
            // The rest never comes.
            client.send_head("POST", "/marqeta/jit", length);
            assert_eq!(client.receive().unwrap().status, 401, "{length}");
        }
    }
    assert_eq!(server.metric("holdfast_refusals_total", &["cause=\"missing\""]), 2.0);
    assert_eq!(server.metric("holdfast_refusals_total", &["cause=\"wrong\""]), 2.0);
}

#[test]
fn http_manners() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    assert_eq!(server.client().post("/nowhere", "{}").status, 404);
    let wrong_method = server.client().get("/marqeta/jit");
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, Some("POST")));
    let huge = format!("{{\"padding\":\"{}\"}}", "x".repeat(1_200_000));
    let mut client = server.client();
    client.send("POST", "/marqeta/jit", huge.as_bytes());
    assert_eq!(client.receive().unwrap().status, 413);
}
