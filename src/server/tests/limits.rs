//! Every limit, from both sides.

use super::*;
use crate::clock::instant;

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_body_above_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let server = Harness::start(Limits { body_bytes_max: 10, ..Limits::default() });
    assert_eq!(server.caller().post("/echo", "0123456789").body, "0123456789");
    let chunked = "POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
    let cases = [
        post("/echo", "0123456789a"),
        // Refused before any of it has been sent.
        "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000000000\r\n\r\n".to_owned(),
        "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 11\r\nexpect: 100-continue\r\n\r\n".to_owned(),
        format!("{chunked}b\r\n0123456789a\r\n"),
        format!("{chunked}6\r\n012345\r\n5\r\n67890\r\n"),
    ];
    for request in &cases {
        let mut caller = server.caller();
        caller.send(request);
        let heard = caller.hear().unwrap().unwrap();
        assert_eq!((heard.status, heard.body.as_str()), (413, "{\"mount\":7}"), "{request}");
        assert_eq!(heard.header("connection"), Some("close"));
        caller.expect_end();
    }
    assert_eq!(server.responder.answered.load(Ordering::SeqCst), 1);
    server.drain_and_expect(&[(r#"http_refusals_total{cause="body_too_large"}"#, "5")]);
}

#[test]
fn a_stranger_by_the_head_alone_is_told_so_whatever_its_body_is() {
    let server = Harness::start(Limits { body_bytes_max: 10, body_read_max: Duration::from_secs(600), ..Limits::default() });
    let head = |rest: &str| format!("POST /echo HTTP/1.1\r\nhost: h\r\nx-stranger: 1\r\n{rest}");
    let cases = [
        head("content-length: 1000000000000\r\n\r\n"),
        head("transfer-encoding: chunked\r\n\r\nb\r\n0123456789a\r\n"),
        // The rest never comes.
        head("content-length: 5\r\n\r\n"),
        head("transfer-encoding: chunked\r\n\r\n1\r\n0\r\n"),
    ];
    for request in &cases {
        let mut caller = server.caller();
        caller.send(request);
        let heard = caller.hear().unwrap().unwrap();
        assert_eq!((heard.status, heard.body.as_str()), (401, "who are you?"), "{request}");
        caller.expect_end();
    }
    server.drain_and_expect(&[(r#"http_refusals_total{cause="body_too_large"}"#, "0")]);
}

#[test]
fn a_caller_that_is_still_sending_when_it_is_refused_is_not_cut_off() {
    let server = Harness::start(Limits { body_bytes_max: 10, ..Limits::default() });
    let mut caller = server.caller();
    caller.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 200000\r\n\r\n");
    assert_eq!(caller.hear().unwrap().unwrap().status, 413);
    // A reset would make one of these fail, and could have overtaken the answer.
    for _ in 0..20 {
        caller.send([b'x'; 10_000]);
    }
    caller.expect_end();
}

#[test]
fn a_head_above_the_limit_is_refused() {
    let server = Harness::start(Limits { head_bytes_max: 9000, ..Limits::default() });
    let head = |bytes: usize| format!("GET /thing/1/part HTTP/1.1\r\nhost: h\r\nuser-agent: {}", "x".repeat(bytes));
    let mut caller = server.caller();
    caller.send(head(8500) + "\r\n\r\n");
    assert_eq!(caller.hear().unwrap().unwrap().status, 402);
    let many: String = (0..101).map(|number| format!("x-{number}: 1\r\n")).collect();
    for request in [head(20_000), format!("GET /thing/1/part HTTP/1.1\r\n{many}\r\n")] {
        let mut caller = server.caller();
        caller.send(request);
        assert_eq!(caller.hear().unwrap().unwrap().status, 431);
        caller.expect_end();
    }
    server.drain_and_expect(&[(r#"http_refusals_total{cause="head_too_large"}"#, "2")]);
}

#[test]
fn a_head_that_does_not_arrive_in_time_is_refused() {
    let server = Harness::start(Limits { head_read_max: SHORT, ..Limits::default() });
    let mut caller = server.caller();
    caller.send("POST /echo HTTP/1.1\r\nhos");
    assert_eq!(caller.hear().unwrap().unwrap().status, 408);
    caller.expect_end();
    // The same on a connection that has served before.
    let mut caller = server.caller();
    assert_eq!(caller.post("/echo", "quick").body, "quick");
    caller.send("P");
    assert_eq!(caller.hear().unwrap().unwrap().status, 408);
    caller.expect_end();
    server.drain_and_expect(&[(r#"http_refusals_total{cause="head_too_slow"}"#, "2")]);
}

#[test]
fn a_head_that_trickles_is_refused_all_the_same() {
    let server = Harness::start(Limits { head_read_max: SHORT, ..Limits::default() });
    let mut caller = server.caller();
    caller.send("POST /echo HTTP/1.1\r\nx: ");
    caller.stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let begun = instant();
    let heard = loop {
        match caller.hear() {
            Ok(heard) => break heard.unwrap(),
            // Nothing yet: another byte. Every one of them is progress of a kind.
            Err(_) => drop(caller.stream.write_all(b"x")),
        }
        assert!(begun.elapsed() < PATIENCE, "it may trickle for ever");
    };
    assert_eq!(heard.status, 408);
}

#[test]
fn an_idle_connection_outlives_the_limit_of_a_head_but_not_its_own() {
    let idle_max = Duration::from_millis(400);
    let server = Harness::start(Limits { head_read_max: SHORT, idle_max, ..Limits::default() });
    // Warmed with /healthz, as platforms do it.
    let begun = instant();
    let mut caller = server.caller();
    assert_eq!(caller.get("/healthz").status, 200);
    caller.expect_end();
    assert!(begun.elapsed() >= idle_max, "closed after {:?}", begun.elapsed());
    server.drain_and_expect(&[]);
}

#[test]
fn a_connection_that_never_asks_anything_has_a_heads_time_and_no_more() {
    // Idle connections may stay for longer than the test waits.
    let server = Harness::start(Limits { head_read_max: SHORT, idle_max: 10 * PATIENCE, ..Limits::default() });
    server.caller().expect_end();
    // Nor does a first byte begin its time anew: what trickles is over by then, too.
    let begun = instant();
    let mut caller = server.caller();
    caller.send("P");
    assert_eq!(caller.hear().unwrap().unwrap().status, 408);
    assert!(begun.elapsed() >= SHORT, "closed after {:?}", begun.elapsed());
    caller.expect_end();
    // One that has asked is kept warm.
    let mut kept = server.caller();
    assert_eq!(kept.get("/healthz").status, 200);
    server.caller().expect_end();
    assert_eq!(kept.get("/healthz").status, 200);
    server.drain_and_expect(&[(r#"http_refusals_total{cause="head_too_slow"}"#, "3")]);
}

#[test]
fn every_request_begins_the_idle_time_anew() {
    let idle_max = Duration::from_millis(600);
    let server = Harness::start(Limits { idle_max, ..Limits::default() });
    let mut caller = server.caller();
    // Longer than the limit in all, with requests in between.
    let begun = instant();
    let mut last = begun;
    while begun.elapsed() < 2 * idle_max {
        last = instant();
        assert_eq!(caller.get("/healthz").status, 200);
    }
    caller.expect_end();
    assert!(last.elapsed() >= idle_max, "closed after {:?}", last.elapsed());
}

#[test]
fn a_callback_that_is_being_answered_is_not_idle() {
    let server = Harness::start(Limits { head_read_max: SHORT, idle_max: SHORT, ..Limits::default() });
    let mut waiting = server.caller();
    waiting.send(post("/gated", "patience"));
    server.wait_for_gated();
    // A connection that was opened later is closed for being idle; by then the waiting one has outlived the limit.
    server.caller().expect_end();
    server.responder.gate.add_permits(1);
    assert_eq!(waiting.hear().unwrap().unwrap().body, "patience");
    waiting.expect_end();
}

#[test]
fn a_body_that_does_not_arrive_in_time_is_refused() {
    let server = Harness::start(Limits { body_read_max: SHORT, ..Limits::default() });
    let requests = [
        "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ];
    for request in requests {
        let mut caller = server.caller();
        caller.send(request);
        let heard = caller.hear().unwrap().unwrap();
        assert_eq!((heard.status, heard.body.as_str()), (408, "{\"mount\":7}"));
        caller.expect_end();
    }
    assert_eq!(server.responder.answered.load(Ordering::SeqCst), 0);
    server.drain_and_expect(&[(r#"http_refusals_total{cause="body_too_slow"}"#, "3")]);
}

#[test]
fn connections_beyond_the_limit_are_closed_at_once_until_one_ends() {
    let server = Harness::start(Limits { connections_max: 2, ..Limits::default() });
    let mut first = server.caller();
    let mut second = server.caller();
    assert_eq!(first.get("/healthz").status, 200);
    assert_eq!(second.get("/healthz").status, 200);
    server.caller().expect_end();
    assert_eq!(second.get("/healthz").status, 200);
    drop(first);
    // The server hears of the end in its own time.
    let begun = instant();
    loop {
        let mut third = server.caller();
        // Writing to a connection that the server has closed may fail, too.
        if third.stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n").is_ok()
            && let Ok(Some(heard)) = third.hear()
        {
            assert_eq!(heard.status, 200);
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "nobody is let in");
    }
    let (_, text) = server.drain();
    assert!(text.contains("holdfast_connections 0"), "{text}");
    assert!(!text.contains(r#"holdfast_connections_refused_total{cause="limit"} 0"#), "{text}");
}
