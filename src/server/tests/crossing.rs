//! Requests that are no callbacks: answered beside the workers, which never wait for them.

use ::http::Response;
use ::http::request::Parts;
use bytes::Bytes;

use super::*;

#[derive(Debug)]
struct Near;

impl NearSide for Near {
    fn refuse(&self, why: NotCrossed) -> Response<Bytes> {
        let status = match why {
            NotCrossed::Body(fault) => fault.status(),
            NotCrossed::Full | NotCrossed::Stopping => 503,
            NotCrossed::TooLate => 504,
            NotCrossed::NotThisWay => 405,
        };
        Response::builder().status(status).body(Bytes::from(format!("{why:?}"))).unwrap()
    }

    fn refuse_stranger(&self, head: &Parts) -> Option<Response<Bytes>> {
        let is_one = head.headers.contains_key("x-stranger");
        is_one.then(|| Response::builder().status(401).body(Bytes::from_static(b"who are you?")).unwrap())
    }
}

fn beside(answer_max: Duration) -> (Harness, Crossings) {
    let (bridge, crossings) = Bridge::new("/v1/", 100, answer_max, Arc::new(Near));
    (Harness::start_beside(Limits::default(), None, 1, Some(bridge)), crossings)
}

#[test]
fn a_request_crosses_whole_and_its_answer_comes_back_while_callbacks_go_on() {
    let (server, mut crossings) = beside(PATIENCE);
    let (mut one, mut other) = (server.caller(), server.caller());
    one.send("PATCH /v1/things/1?x=2 HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\nx-a: b\r\n\r\nhello");
    let Crossing { request, answer } = crossings.blocking_recv().unwrap();
    assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("PATCH", "/v1/things/1?x=2"));
    assert_eq!((request.headers()["x-a"].as_bytes(), request.body().as_ref()), (&b"b"[..], &b"hello"[..]));
    // The only worker is free.
    assert_eq!(other.post("/echo", "in between").body, "in between");
    let response = Response::builder().status(201).header("x-c", "d").body(Bytes::from_static(b"made")).unwrap();
    answer.send(response).unwrap();
    let heard = one.hear().unwrap().unwrap();
    assert_eq!((heard.status, heard.body.as_str(), heard.header("x-c")), (201, "made", Some("d")));
    assert_eq!(one.post("/echo", "kept open").body, "kept open");
    assert_eq!(one.get("/v2/things").status, 404, "not below the prefix");
}

#[test]
fn what_does_not_cross_is_answered_on_this_side() {
    let (server, mut crossings) = beside(Duration::ZERO);
    let mut caller = server.caller();
    let heard = caller.post("/v1/things", "late");
    assert_eq!((heard.status, heard.body.as_str()), (504, "TooLate"));
    assert!(crossings.try_recv().unwrap().answer.is_closed());
    let heard = caller.post("/v1/things", &"x".repeat(101));
    assert_eq!((heard.status, heard.body.as_str()), (413, "Body(TooLarge)"));
    assert_eq!(heard.header("connection"), Some("close"));
    caller.expect_end();
    let mut caller = server.caller();
    drop(crossings);
    let heard = caller.post("/v1/things", "");
    assert_eq!((heard.status, heard.body.as_str()), (503, "Stopping"));
    server.drain_and_expect(&[("http_refusals_total{cause=\"body_too_large\"}", "1")]);
}

#[test]
fn no_more_wait_than_there_is_room_for() {
    let (server, mut crossings) = beside(PATIENCE * 6);
    let mut waiting: Vec<Caller> = (0..256).map(|_| server.caller()).collect();
    for caller in &mut waiting {
        caller.send(post("/v1/things", ""));
    }
    while crossings.len() < 256 {
        thread::yield_now();
    }
    let heard = server.caller().post("/v1/things", "");
    assert_eq!(heard.status, 503);
    assert_eq!(heard.body, "Full");
    // In the order in which they crossed, which need not be that of their callers.
    for _ in &waiting {
        crossings.blocking_recv().unwrap().answer.send(Response::new(Bytes::new())).unwrap();
    }
    for caller in &mut waiting {
        assert_eq!(caller.hear().unwrap().unwrap().status, 200);
    }
    server.drain_and_expect(&[("http_refusals_total{cause=\"too_many\"}", "1")]);
}

/// Nobody waits for a stranger's body, nor says what is wrong with it.
#[test]
fn a_stranger_is_told_that_and_not_what_is_wrong_with_the_body() {
    let (server, mut crossings) = beside(PATIENCE);
    for length in [5, 101] {
        let mut caller = server.caller();
        caller.send(format!("POST /v1/things HTTP/1.1\r\nhost: h\r\nx-stranger: 1\r\ncontent-length: {length}\r\n\r\n"));
        let heard = caller.hear().unwrap().unwrap();
        assert_eq!((heard.status, heard.body.as_str()), (401, "who are you?"));
        assert_eq!(heard.header("connection"), Some("close"));
        caller.expect_end();
    }
    assert!(crossings.try_recv().is_err(), "nothing crosses");
    let (_, text) = server.drain();
    assert!(text.contains("holdfast_spend_refusals_total 2\n"), "{text}");
}
