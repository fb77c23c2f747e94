//! What only helps to decide a question is asked of a ledger as long as that is waited for, and no longer than a moment where stand-in answers:
//! whoever pays at a door waits for neither.

use std::time::Duration;

use holdfast_adapters::Echo;

use super::process::{Caller, PATIENCE, Process};
use crate::clock;
use crate::fixture::program;
use crate::journal::MemoryDisk;
use crate::responder::breaker::Response;
use crate::spool::{Scope, Turn};

/// How long a payment door waits for a ledger that is silent about whether a payment of that name waits for its payer.
async fn waits(process: &Process, caller: &Caller) -> Duration {
    let began = clock::instant();
    let mount = &process.responder.mounts[0];
    let (echo, mut body) = (Echo::default(), Vec::new());
    let refused = process.responder.refused_for_one_that_waits(mount, &caller.request(1), &echo, &mut body).await;
    assert!(refused.is_none(), "nobody said that it waits");
    clock::instant() - began
}

#[test]
fn a_payment_door_waits_for_a_silent_ledger_only_where_the_ledger_answers() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let caller = Caller::new();
        let process = Process::start(&caller, tempfile::tempdir().unwrap(), MemoryDisk::new()).await;
        let (to_decide, a_moment) = (PATIENCE.budget - PATIENCE.reserve, Duration::from_millis(100));
        assert_eq!(waits(&process, &caller).await, to_decide, "it may answer");

        let turn = |on_until| {
            let (by, why) = ("somebody".to_owned(), "a test".to_owned());
            let turn = Turn { scope: Scope { program: program(), platform: None }, on_until, by, why, key: None };
            process.responder.switchboard.turn(&turn, clock::utc()).unwrap();
        };
        turn(Some(clock::utc().saturating_add(Duration::from_secs(600))));
        assert_eq!(waits(&process, &caller).await, a_moment, "stand-in was switched on");
        turn(None);
        assert_eq!(waits(&process, &caller).await, to_decide);

        for _ in 0..3 {
            process.responder.breaker.heard_of(Response::Failed, clock::instant());
        }
        assert_eq!(waits(&process, &caller).await, a_moment, "the breaker is open");
    });
}
