//! Concurrent authorizations never hold more than is there.

use std::sync::Barrier;

use crate::support::{Marqeta, Workplace, server};

#[test]
fn concurrent_authorizations_never_hold_more_than_is_there() {
    const CALLERS: usize = 16;
    const EACH: usize = 25;
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let start = Barrier::new(CALLERS);
    // 400 times 7.77 is three times what is there.
    let approved: usize = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (server, start) = (&server, &start);
                scope.spawn(move || {
                    let mut client = server.client();
                    start.wait();
                    (0..EACH)
                        .filter(|index| {
                            let request = Marqeta::purchase(&format!("{caller}-{index}"), "7.77");
                            client.post("/marqeta/jit", &request.body()).status == 200
                        })
                        .count()
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    assert_eq!(approved, 128, "1,000.00 holds 128 times 7.77");
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 128 * 777, 100_000 - 128 * 777));
}
