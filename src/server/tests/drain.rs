//! The drain: it loses no answer, and it ends.

use std::thread;

use super::*;

#[test]
fn a_callback_under_way_is_answered_and_its_connection_closed() {
    let server = Harness::start(Limits::default());
    let mut caller = server.caller();
    caller.send(post("/gated", "under way"));
    server.wait_for_gated();
    server.begin_drain();
    server.responder.gate.add_permits(1);
    let heard = caller.hear().unwrap().unwrap();
    assert_eq!((heard.body.as_str(), heard.header("connection")), ("under way", Some("close")));
    caller.expect_end();
    assert_eq!(server.drain().0, Drained { abandoned: 0 });
}

#[test]
fn a_request_of_which_a_byte_has_arrived_is_answered() {
    let server = Harness::start(Limits::default());
    let request = post("/echo", "half of it");
    // One inside its head on a new connection, one on a used one, one inside its body.
    let mut callers: Vec<(Caller, &str)> = [20, 20, request.len() - 3]
        .into_iter()
        .enumerate()
        .map(|(index, cut)| {
            let mut caller = server.caller();
            if index > 0 {
                assert_eq!(caller.post("/echo", "before").body, "before");
            }
            let (begun, rest) = request.split_at(cut);
            caller.send(begun);
            (caller, rest)
        })
        .collect();
    // An answer on another connection, later than all of those bytes: the server has one thread, and has seen them.
    let mut idle = server.caller();
    assert_eq!(idle.post("/echo", "after").body, "after");
    server.begin_drain();
    // An idle connection's end shows that the grace is over; those with a byte are still there.
    idle.expect_end();
    for (caller, rest) in &mut callers {
        caller.send(rest);
        let heard = caller.hear().unwrap().unwrap();
        assert_eq!((heard.body.as_str(), heard.header("connection")), ("half of it", Some("close")));
    }
    for (caller, _) in callers {
        caller.expect_end();
    }
    assert_eq!(server.drain().0, Drained { abandoned: 0 });
}

#[test]
fn idle_connections_are_closed_cleanly_and_new_ones_refused() {
    let server = Harness::start(Limits::default());
    let mut used = server.caller();
    assert_eq!(used.get("/healthz").status, 200);
    let unused = server.caller();
    server.begin_drain();
    used.expect_end();
    unused.expect_end();
    // The listener is gone once the accepting thread is; that it is gone the drain's end shows.
    let addr = server.addr;
    assert_eq!(server.drain().0, Drained { abandoned: 0 });
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_drain_ends_even_if_a_callback_does_not() {
    let server = Harness::start(Limits { drain_max: Duration::from_millis(200), ..Limits::default() });
    let mut caller = server.caller();
    caller.send(post("/gated", "never"));
    server.wait_for_gated();
    assert_eq!(server.drain().0, Drained { abandoned: 1 });
    // Cut off, but with no byte of an answer.
    assert!(!matches!(caller.hear(), Ok(Some(_))));
}

#[test]
fn a_drain_under_load_loses_no_answer() {
    let server = Harness::start_with(Limits::default(), None, 2);
    let (addr, heard_by_all) = (server.addr, Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..32)
        .map(|number| {
            let heard_by_all = Arc::clone(&heard_by_all);
            thread::spawn(move || post_until_the_end(addr, number, &heard_by_all))
        })
        .collect();
    while heard_by_all.load(Ordering::SeqCst) < 2000 {
        thread::yield_now();
    }
    let responder = Arc::clone(&server.responder);
    assert_eq!(server.drain().0, Drained { abandoned: 0 });
    for caller in callers {
        caller.join().expect("no caller heard half an answer");
    }
    // Every answer that was made was heard.
    assert_eq!(heard_by_all.load(Ordering::SeqCst), responder.answered.load(Ordering::SeqCst));
}

/// Posts on one connection for as long as it lasts.
fn post_until_the_end(addr: SocketAddr, number: usize, heard_by_all: &AtomicUsize) {
    let mut caller = Caller::connect(addr);
    for round in 0.. {
        let body = format!("{{\"caller\":{number},\"round\":{round},\"padding\":\"{}\"}}", "x".repeat(2000));
        if caller.stream.write_all(post("/echo", &body).as_bytes()).is_err() {
            return;
        }
        match caller.hear() {
            Ok(Some(heard)) => {
                assert_eq!(heard.body, body);
                heard_by_all.fetch_add(1, Ordering::SeqCst);
            }
            Ok(None) => return,
            // The request met a connection that was closed already: not read, not answered, not half answered either.
            Err(_) => {
                assert!(caller.unread.is_empty(), "{}", String::from_utf8_lossy(&caller.unread));
                return;
            }
        }
    }
}
