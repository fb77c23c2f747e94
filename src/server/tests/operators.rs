//! The operators' listener.

use super::*;

fn start(status: Option<&'static str>) -> (SocketAddr, ops::Operators) {
    start_with(status, || {})
}

fn start_with(status: Option<&'static str>, upkeep: impl Fn() + Send + Sync + 'static) -> (SocketAddr, ops::Operators) {
    let bound = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = bound.addr;
    let pages = ops::Pages {
        metrics: Box::new(|| "holdfast_build_info 1\n".to_owned()),
        status: Box::new(move || status.map(str::to_owned)),
        upkeep: Box::new(upkeep),
    };
    (addr, ops::serve(bound, pages, 64).unwrap())
}

#[test]
fn shows_its_pages_and_nothing_else() {
    let (addr, operators) = start(Some("{\"ledger\":\"up\"}"));
    let mut caller = Caller::connect(addr);
    let cases = [
        ("/metrics", 200, "holdfast_build_info 1\n", Some("text/plain; version=0.0.4; charset=utf-8")),
        ("/status", 200, "{\"ledger\":\"up\"}", Some("application/json")),
        ("/healthz", 200, "ok\n", Some("text/plain; charset=utf-8")),
        ("/", 404, "", None),
        ("/metrics/", 404, "", None),
    ];
    for (path, status, body, content_type) in cases {
        let heard = caller.get(path);
        assert_eq!((heard.status, heard.body.as_str(), heard.header("content-type")), (status, body, content_type), "{path}");
    }
    let heard = caller.post("/metrics", "x");
    assert_eq!((heard.status, heard.header("allow")), (405, Some("GET, HEAD")));
    drop(operators);
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_status_that_is_not_there_is_not_found() {
    let (addr, _operators) = start(None);
    assert_eq!(Caller::connect(addr).get("/status").status, 404);
}

#[test]
fn upkeep_runs_without_being_asked() {
    let (told, runs) = channel();
    let (_, _operators) = start_with(None, move || told.send(()).unwrap_or_default());
    for _ in 0..2 {
        runs.recv_timeout(PATIENCE).unwrap();
    }
}
