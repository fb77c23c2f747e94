//! What a look at a ledger that is away says, and what operators see of one that says itself that it cannot answer.

use std::time::Duration;

use serde_json::Value;

use super::process::{Caller, Process};
use crate::clock;
use crate::journal::MemoryDisk;
use crate::ledger::Writes;
use crate::responder::breaker::{BreakerIs, Response};
use crate::responder::looking::Look;

/// How long the answer to a look may take here.
const PROBE_MAX: Duration = Duration::from_millis(100);

fn paused<T>(play: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(play)
}

async fn process() -> Process {
    Process::start(&Caller::new(), tempfile::tempdir().unwrap(), MemoryDisk::new()).await
}

fn open_the_breaker(process: &Process) {
    for _ in 0..3 {
        process.responder.breaker.heard_of(Response::Failed, clock::instant());
    }
    assert!(is_open(process));
}

fn is_open(process: &Process) -> bool {
    process.responder.breaker.is() != BreakerIs::Closed
}

/// A look is answered so long after it began, and meanwhile something happens.
async fn look(process: &Process, took: Duration, meanwhile: impl FnOnce()) {
    tokio::time::advance(Duration::from_millis(250)).await;
    let Look { began, answer } = process.responder.look_at_ledger().expect("a look would tell something");
    process.ledger.reach().await;
    tokio::time::advance(took).await;
    meanwhile();
    process.ledger.come_back();
    process.responder.looked(began, answer.await);
}

#[test]
fn a_look_that_hung_with_everything_else_ends_no_outage() {
    paused(async {
        let process = process().await;
        open_the_breaker(&process);
        look(&process, Duration::ZERO, || process.ledger.refuse(true)).await;
        assert!(is_open(&process), "it was read before the ledger said that it cannot answer");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(process.responder.look_at_ledger().is_none(), "it says itself that it cannot answer");
        process.ledger.refuse(false);
        look(&process, PROBE_MAX + Duration::from_millis(1), || {}).await;
        assert!(is_open(&process), "it came back late");
        look(&process, PROBE_MAX, || {}).await;
        assert!(!is_open(&process));
    });
}

#[test]
fn a_look_at_a_ledger_that_reads_while_its_writes_wait_ends_an_outage_once_a_write_is_proved() {
    paused(async {
        let process = process().await;
        let before = clock::instant();
        tokio::time::advance(Duration::from_millis(1)).await;
        open_the_breaker(&process);
        for wrote in [None, Some(before)] {
            process.ledger.shows_of_writes(Writes::Proved(wrote));
            look(&process, Duration::ZERO, || {}).await;
            assert!(is_open(&process), "{wrote:?}");
        }
        process.ledger.shows_of_writes(Writes::Proved(Some(clock::instant())));
        look(&process, Duration::ZERO, || {}).await;
        assert!(!is_open(&process));
    });
}

#[test]
fn a_ledger_that_says_that_it_is_away_is_stood_in_for_although_hardly_anybody_asks() {
    paused(async {
        let process = process().await;
        let standing = || {
            let status: Value = serde_json::from_str(&process.responder.status()).unwrap();
            (status["stand_in"]["demo"]["since"].clone(), status["stand_in"]["demo"]["cause"].clone())
        };
        assert_eq!(standing(), (Value::Null, Value::Null));
        process.ledger.refuse(true);
        let (since, cause) = standing();
        assert_eq!(cause, "ledger_unavailable");
        assert!(since.is_string());
        // The breaker opens later, and may close later: it is one outage.
        open_the_breaker(&process);
        assert_eq!(standing().0, since);
        process.ledger.refuse(false);
        assert_eq!(standing().0, since);
        look(&process, Duration::ZERO, || {}).await;
        assert_eq!(standing(), (Value::Null, Value::Null));
    });
}

/// After a look two questions come at once: the first is with the ledger, which answers to it or hangs again. How many are with the ledger
/// then, and how long those that were answered took.
async fn two_after_a_look(answers: bool) -> (usize, Vec<(u64, Duration)>) {
    let (caller, mut process) = (Caller::new(), process().await);
    process.open_disk();
    open_the_breaker(&process);
    look(&process, Duration::ZERO, || {}).await;
    assert!(!is_open(&process));
    let now = clock::now();
    [1, 2].into_iter().for_each(|number| process.send(number, caller.question(number), now));
    assert!(process.turn().await.is_empty(), "both wait");
    assert_eq!(process.ledger.out(), 1);
    let mut heard = Vec::new();
    if answers {
        process.ledger.reach().await;
        process.ledger.come_back();
        heard.extend(process.turn().await);
    } else {
        tokio::time::advance(PROBE_MAX).await;
        while heard.len() < 2 {
            heard.extend(process.turn().await);
        }
    }
    let took = heard.iter().map(|heard| (heard.number, heard.at - heard.received.instant)).collect();
    (process.ledger.out(), took)
}

#[test]
fn whoever_asks_while_another_question_finds_out_waits_for_that_and_no_longer() {
    let (with_ledger, took) = paused(two_after_a_look(true));
    assert_eq!((with_ledger, took), (1, vec![(1, Duration::ZERO)]), "the second one goes to the ledger, too");
    let (with_ledger, mut took) = paused(two_after_a_look(false));
    took.sort();
    assert_eq!((with_ledger, took), (1, vec![(1, PROBE_MAX), (2, PROBE_MAX)]), "it hangs again, and both are stood in for");
}
