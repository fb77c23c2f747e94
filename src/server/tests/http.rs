//! Requests and answers as they should be, and as they should not.

use std::net::Shutdown;

use super::*;

#[test]
fn a_callback_reaches_the_responder_whole_and_its_answer_the_caller() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    let heard = caller.get("/thing/a%20b/part?x=1&y=2");
    assert_eq!((heard.status, heard.body.as_str()), (402, "7 a%20b x=1&y=2 tester"));
    assert_eq!(heard.header("content-type"), Some("application/json"));
    assert_eq!(heard.header("x-signature"), Some("abc"));
    assert!(heard.header("date").is_some_and(|date| date.ends_with(" GMT")), "{heard:?}");
    assert_eq!(heard.header("user-agent"), None, "a request's headers are not the answer's");
    server.drain_and_expect(&[]);
}

#[test]
fn a_connection_serves_many_requests() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    for number in 0..50 {
        let body = format!("{{\"number\":{number}}}");
        assert_eq!(caller.post("/echo", &body).body, body);
        assert_eq!(caller.get("/healthz").status, 200);
    }
    assert_eq!(server.responder.answered.load(Ordering::SeqCst), 50, "/healthz asks nobody");
}

#[test]
fn what_was_asked_before_a_worker_was_there_was_received_then() {
    let bound = bind("127.0.0.1:0".parse().unwrap()).unwrap().taking_early(9).unwrap();
    let mut early = Caller::connect(bound.addr);
    early.send(post("/echo", "early"));
    let mut silent = Caller::connect(bound.addr);
    while bound.early.as_ref().unwrap().taken() < 2 {
        thread::yield_now();
    }
    let asked = clock::instant();
    let server = Harness::serve(bound, Limits::default(), None, 1, None);
    assert_eq!(early.hear().unwrap().unwrap().body, "early");
    let answered = clock::instant();
    // Who asks later asks then, also on a connection that was there early.
    assert_eq!(early.post("/echo", "again").body, "again");
    assert_eq!(silent.post("/echo", "late").body, "late");
    let received = server.responder.received.lock().unwrap().clone();
    assert!(
        received[0] <= asked && received[1..].iter().all(|received| *received >= answered),
        "{received:?} {asked:?} {answered:?}"
    );
    server.drain_and_expect(&[]);
}

#[test]
fn an_answers_buffer_serves_the_next_answer() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    assert_eq!(caller.post("/capacity", "").body, "new");
    assert_eq!(caller.post("/capacity", "").body, "used again");
}

#[test]
fn connections_are_dealt_to_the_workers_in_turn() {
    let server = Harness::start_with(Limits::default(), None, 3);
    let workers: Vec<String> = (0..6).map(|_| server.caller().post("/worker", "").body).collect();
    assert_eq!(workers, ["0", "1", "2", "0", "1", "2"]);
}

#[test]
fn pipelined_requests_are_answered_in_order_and_none_waits_for_the_next_to_arrive() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    let third = post("/echo", "three");
    let (begun, rest) = third.split_at(25);
    caller.send([post("/echo", "one"), post("/echo", "two"), begun.to_owned()].concat());
    assert_eq!(caller.hear().unwrap().unwrap().body, "one");
    assert_eq!(caller.hear().unwrap().unwrap().body, "two");
    caller.send(rest);
    assert_eq!(caller.hear().unwrap().unwrap().body, "three");
    // And an answer is not held back by a complete request that takes its time.
    caller.send([post("/echo", "four"), post("/gated", "five"), post("/echo", "six")].concat());
    assert_eq!(caller.hear().unwrap().unwrap().body, "four");
    server.responder.gate.add_permits(1);
    assert_eq!(caller.hear().unwrap().unwrap().body, "five");
    assert_eq!(caller.hear().unwrap().unwrap().body, "six");
}

#[test]
fn bodies_come_whole_however_they_are_sent() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    let chunked = |chunks: &str| format!("POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
    let long = "x".repeat(200_000);
    let cases = [
        (post("/echo", ""), ""),
        (post("/echo", &long), long.as_str()),
        (chunked("0\r\n\r\n"), ""),
        (chunked("5\r\nhello\r\n0\r\n\r\n"), "hello"),
        (chunked("5\r\nhello\r\n1;note=1\r\n,\r\n6\r\n world\r\n0\r\nx-trailer: 1\r\n\r\n"), "hello, world"),
    ];
    for (request, body) in &cases {
        caller.send(request);
        let heard = caller.hear().unwrap().unwrap();
        assert!(heard.status == 200 && heard.body == *body, "{}", heard.body.len());
    }
    // Byte by byte, each in a segment of its own.
    for byte in post("/echo", "slowly").as_bytes() {
        caller.send([*byte]);
    }
    assert_eq!(caller.hear().unwrap().unwrap().body, "slowly");
}

#[test]
fn a_caller_that_asks_first_is_told_to_go_on() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    caller.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!(caller.hear().unwrap().unwrap().status, 100);
    caller.send("ok");
    assert_eq!(caller.hear().unwrap().unwrap().body, "ok");
}

#[test]
fn what_is_not_served_is_refused_without_asking_anyone() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    let heard = caller.post("/nothing", "x");
    assert_eq!((heard.status, heard.header("content-type")), (404, Some("text/plain")));
    assert!(heard.body.starts_with("no platform calls at this path"), "{heard:?}");
    let heard = caller.get("/echo");
    assert_eq!((heard.status, heard.header("allow")), (405, Some("POST")));
    assert_eq!((heard.header("content-type"), heard.body.as_str()), (Some("application/json"), "{\"mount\":7}"), "in its words");
    let heard = caller.post("/thing/1", "x");
    assert_eq!((heard.status, heard.body.as_str()), (404, "{\"mount\":7}"), "below its mount");
    let heard = caller.post("/thing/1/part", "x");
    assert_eq!((heard.status, heard.header("allow")), (405, Some("GET")));
    let heard = caller.post("/healthz", "x");
    assert_eq!((heard.status, heard.header("allow")), (405, Some("GET, HEAD")));
    // Until here all bodies were there, and the connection goes on. One that is not there is not waited for, and the caller is told.
    for request in [
        "POST /nothing HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhe",
        "POST /thing/1/part HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n",
        "POST /nothing HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n",
        "POST /nothing HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n",
    ] {
        let mut caller = server.caller();
        caller.send(request);
        let heard = caller.hear().unwrap().unwrap();
        assert!(matches!(heard.status, 404 | 405) && heard.header("connection") == Some("close"), "{request}: {heard:?}");
        caller.expect_end();
    }
    let heard = caller.post("/nothing", "x");
    assert_eq!((heard.status, heard.header("connection")), (404, None));
    caller.send("HEAD /healthz HTTP/1.1\r\nhost: h\r\n\r\n");
    assert_eq!(caller.hear().unwrap().unwrap().status, 200);
    assert_eq!(server.responder.answered.load(Ordering::SeqCst), 0);
    server.drain_and_expect(&[
        (r#"http_refusals_total{cause="path_unknown"}"#, "6"),
        (r#"http_refusals_total{cause="method_not_allowed"}"#, "4"),
    ]);
}

#[test]
fn what_is_not_http_is_refused_and_counted() {
    let server = Harness::start(Limits::default());
    let cases: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a client that thinks this is TLS\r\n\r\n",
        b"\x00\xff\xfe\r\n\r\n",
        b"POST /echo\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /echo HTTP/1.1\r\ncontent-length: many\r\n\r\n",
        b"POST /echo HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ];
    for bytes in cases {
        let mut caller = server.caller();
        caller.send(bytes);
        assert_eq!(caller.hear().unwrap().unwrap().status, 400, "{:?}", String::from_utf8_lossy(bytes));
        caller.expect_end();
    }
    // Ends that are nobody's fault but the caller's own are not refusals.
    drop(server.caller());
    server.caller().send("POST /ec");
    assert_eq!(server.responder.answered.load(Ordering::SeqCst), 0);
    server.drain_and_expect(&[(r#"http_refusals_total{cause="head_unreadable"}"#, "6")]);
}

#[test]
fn a_body_that_ends_early_is_refused() {
    let server = Harness::start(Limits::default());
    let requests = [
        "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        "POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ];
    for request in requests {
        let mut caller = server.caller();
        caller.send(request);
        caller.stream.shutdown(Shutdown::Write).unwrap();
        let heard = caller.hear().unwrap().unwrap();
        assert_eq!((heard.status, heard.body.as_str()), (400, "{\"mount\":7}"));
        caller.expect_end();
    }
    let mut caller = server.caller();
    caller.send("POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nnot a size\r\n");
    assert_eq!(caller.hear().unwrap().unwrap().status, 400);
    caller.expect_end();
    assert_eq!(server.responder.answered.load(Ordering::SeqCst), 0);
    server.drain_and_expect(&[(r#"http_refusals_total{cause="body_truncated"}"#, "4")]);
}

#[test]
fn a_caller_that_has_said_its_last_word_still_gets_its_answer() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    caller.send(post("/gated", "last"));
    caller.stream.shutdown(Shutdown::Write).unwrap();
    server.wait_for_gated();
    server.responder.gate.add_permits(1);
    assert_eq!(caller.hear().unwrap().unwrap().body, "last");
    caller.expect_end();
}

#[test]
fn a_caller_that_goes_away_does_not_cancel_its_callback() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    caller.send(post("/gated", "gone"));
    server.wait_for_gated();
    drop(caller);
    server.responder.gate.add_permits(1);
    let responder = Arc::clone(&server.responder);
    server.drain_and_expect(&[]);
    assert_eq!(responder.answered.load(Ordering::SeqCst), 1);
}

#[test]
fn a_panic_costs_one_answer_and_is_counted() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    assert_eq!(caller.post("/panic", "x").status, 500);
    assert_eq!(caller.post("/echo", "still here").body, "still here");
    server.drain_and_expect(&[("panics_total", "1")]);
}

#[test]
fn silence_is_the_connections_end_without_a_byte() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    assert_eq!(caller.post("/echo", "one").body, "one");
    caller.send(post("/silence", "two"));
    caller.expect_end();
    server.drain_and_expect(&[]);
}

#[test]
fn a_caller_that_wants_the_connection_closed_gets_its_answer_first() {
    let server = Harness::start(Limits::default());
    for version in ["1.0", "1.1"] {
        let mut caller = server.caller();
        caller.send(format!("POST /echo HTTP/{version}\r\nhost: h\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"));
        assert_eq!(caller.hear().unwrap().unwrap().body, "ok");
        caller.expect_end();
    }
}
