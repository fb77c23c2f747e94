//! What a look at a ledger that is away says, and what operators see of one that says itself that it cannot answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_core::hold::{Fact, MovementCause};
use serde_json::Value;

use super::process::{Caller, Process};
use crate::clock;
use crate::fixture::{origin, told, usd};
use crate::journal::MemoryDisk;
use crate::ledger::{LedgerError, Writes};
use crate::responder::Leaving;
use crate::responder::breaker::{BreakerIs, Response};
use crate::responder::looking::{Look, Proof};
use crate::spool::Away;

/// How long the answer to a look may take here.
const PROBE_MAX: Duration = Duration::from_millis(100);

pub(super) fn paused<T>(play: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        // While it runs, time moves by hand only.
        let (keep, kept) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || kept.recv());
        let played = play.await;
        drop(keep);
        played
    })
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
fn a_question_that_waits_in_vain_blames_the_ledger_where_it_was_asked_and_heard_nothing() {
    // The spool's disk may keep from it what it is to hear, and of many entries it hears one after the other.
    for (is_asked, hears, opens) in [(false, false, false), (true, true, false), (true, false, true)] {
        paused(async {
            let (caller, mut process) = (Caller::new(), process().await);
            let unheard = Arc::clone(&process.responder.unheard);
            let fee = Fact::Debited { payment: None, amount: usd(1), cause: MovementCause::Fee };
            unheard.waiting.waits(&origin(), &told("fee", fee), None);
            unheard.is_asked.store(is_asked, Ordering::Release);
            for number in 1..=3 {
                process.send(number, caller.question(number), clock::now());
                process.turn().await;
                unheard.entries_heard.fetch_add(u64::from(hears), Ordering::AcqRel);
                tokio::time::advance(Duration::from_millis(101)).await;
                process.turn().await;
            }
            assert_eq!(is_open(&process), opens, "asked: {is_asked}, hears: {hears}");
            process.open_disk();
        });
    }
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

#[test]
fn an_outage_that_a_start_finds_goes_on_until_the_ledger_has_written() {
    paused(async {
        let before = process().await;
        let since = clock::utc();
        before.responder.spool.reader().unwrap().note_away(&Away { since, until: None }).unwrap();
        let (directory, disk) = before.crash();
        let process = Process::start(&Caller::new(), directory, disk).await;
        let standing = || process.responder.in_stand_in(&crate::fixture::program(), clock::utc()).map(|standing| standing.since);
        assert_eq!(standing(), Some(since), "it says that it is ready, and has written nothing yet");
        let begin = || match process.responder.begin_proof() {
            Proof::Out(answer) => answer,
            Proof::Needless | Proof::NotYet => panic!("nothing is to be proved"),
        };
        process.ledger.refuse(true);
        assert!(matches!(process.responder.begin_proof(), Proof::NotYet));
        process.ledger.refuse(false);
        process.responder.wrote(&Err(LedgerError::Unavailable));
        let answer = begin();
        process.ledger.reach().await;
        assert_eq!(standing(), Some(since));
        process.ledger.come_back();
        process.responder.wrote(&answer.await);
        assert_eq!(standing(), None);
        assert!(matches!(process.responder.begin_proof(), Proof::Needless));
    });
}

/// How an outage in which the process stops is noted: whether its end is, and what operators are told.
async fn leaves(waits: bool, hears: bool) -> (bool, usize) {
    let (caller, mut process) = (Caller::new(), process().await);
    process.open_disk();
    process.ledger.refuse(true);
    if waits {
        process.send(1, caller.question(1), clock::now());
        while process.turn().await.is_empty() {
            std::thread::yield_now();
        }
    }
    let since = clock::utc();
    process.responder.spool.reader().unwrap().note_away(&Away { since, until: None }).unwrap();
    let leaving = Leaving::look(&process.responder, since).unwrap().unwrap();
    process.ledger.refuse(!hears);
    while hears && !process.is_done() {
        process.reconcile().await;
        process.ledger.reach().await;
        process.ledger.come_back();
        process.turn().await;
    }
    let ended = leaving.close(clock::utc()).unwrap();
    let away = process.responder.spool.reader().unwrap().away().unwrap();
    (away.last().unwrap().until.is_some(), ended.len())
}

#[test]
fn an_outage_in_which_the_process_stops_is_over_where_the_ledger_heard_what_waited() {
    for (waits, hears, expected) in [(true, true, (true, 1)), (true, false, (false, 0)), (false, false, (false, 0))] {
        assert_eq!(paused(leaves(waits, hears)), expected, "{waits} {hears}");
    }
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
