//! While a start is not over, operators see that, whatever the ledger says of itself; and what it takes up of an earlier process counts once.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::hold::{Answered, ToldAnswer};
use holdfast_core::{AccountId, Basis, Decision, DeclineReason, StandInCause};
use serde_json::Value;

use super::looking::paused;
use super::process::{Caller, PATIENCE, Process, Silent, live, platform};
use crate::clock;
use crate::config::BreakerConfig;
use crate::fixture::{origin, program, purchase, usd};
use crate::journal::MemoryDisk;
use crate::ledger::{Adopt, Ledger as _, Readiness};
use crate::responder::told::Name;
use crate::responder::{Breaker, Earlier, Stage, Told, ToldBook, Unheard};
use crate::spool::{Entry, FILE, Heard as _, Kept, Refused, Settings, Spool, Standing, Sync};

#[test]
fn a_ledger_is_not_shown_as_ready_before_questions_reach_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let process = Process::start(&Caller::new(), tempfile::tempdir().unwrap(), MemoryDisk::new()).await;
        assert_eq!(process.ledger.readiness(), Readiness::Ready);
        let shown = || serde_json::from_str::<Value>(&process.responder.status()).unwrap()["ledger"].clone();
        let stages = [
            (Stage::Recalling, "starting"),
            (Stage::Starting, "starting"),
            (Stage::Foreseen, "starting"),
            (Stage::Open, "ready"),
        ];
        for (stage, expected) in stages {
            process.stage.send_replace(stage);
            assert_eq!(shown(), expected, "{stage:?}");
        }
    });
}

/// A server that listens, and has yet to read what was told before it.
async fn recalling(caller: &Caller) -> Process {
    let process = Process::start(caller, tempfile::tempdir().unwrap(), MemoryDisk::new()).await;
    process.stage.send_replace(Stage::Recalling);
    process
}

/// What an earlier process told is read.
fn recall_approval(process: &Process, caller: &Caller, number: u64) {
    let request = caller.request(number);
    let (decision, basis) = (Decision::Approve { amount: request.amount }, Basis::StandIn(StandInCause::LedgerUnavailable));
    let asked_at = Some(clock::utc().saturating_sub(Duration::from_secs(60)));
    let name = Name { principal: 0, key: request.key };
    process.responder.unheard.book.restore(name, request.content_digest(), Told { decision, basis, asked_at });
}

#[test]
fn what_was_told_before_is_waited_for_and_told_again() {
    paused(async {
        let caller = Caller::new();
        let mut process = recalling(&caller).await;
        process.send(1, caller.question(1), clock::now());
        assert!(process.turn().await.is_empty(), "what it is to hear is not known");
        recall_approval(&process, &caller, 1);
        process.stage.send_replace(Stage::Starting);
        let heard = process.turn().await;
        assert_eq!(heard[0].said.as_ref().map(|(status, _)| *status), Some(200), "it was approved: {heard:?}");
        assert_eq!((process.ledger.out(), process.spooled().len()), (0, 0));
    });
}

#[test]
fn what_is_not_known_in_time_is_declined_and_stays_so_here() {
    paused(async {
        let caller = Caller::new();
        let mut process = recalling(&caller).await;
        process.send(1, caller.question(1), clock::now());
        assert!(process.turn().await.is_empty());
        tokio::time::advance(PATIENCE.budget.saturating_sub(PATIENCE.reserve)).await;
        assert!(process.turn().await.is_empty(), "it waits for the spool's disk");
        recall_approval(&process, &caller, 1);
        process.open_disk();
        let mut heard = process.turn().await;
        while heard.is_empty() {
            heard = process.turn().await;
        }
        assert_ne!(heard[0].said.as_ref().map(|(status, _)| *status), Some(200), "{heard:?}");
        assert!(matches!(process.spooled()[..], [ref entry] if entry.is_decline()), "and that is durable");
        // An earlier word than that is no longer the last one.
        recall_approval(&process, &caller, 1);
        process.stage.send_replace(Stage::Starting);
        process.send(1, caller.question(1), clock::now());
        let again = process.turn().await;
        assert_eq!(again[0].said, heard[0].said);
    });
}

#[test]
fn a_message_waits_for_what_was_told_before_it_or_comes_again() {
    paused(async {
        let caller = Caller::new();
        let mut process = recalling(&caller).await;
        process.send(0, caller.freeze(), clock::now());
        assert!(process.turn().await.is_empty());
        tokio::time::advance(Duration::from_secs(4)).await;
        let heard = process.turn().await;
        assert_eq!(heard[0].said.as_ref().map(|(status, _)| *status), Some(503));
        assert!(process.spooled().is_empty());
        process.send(0, caller.freeze(), clock::now());
        assert!(process.turn().await.is_empty());
        assert_eq!(process.ledger.out(), 0);
        process.stage.send_replace(Stage::Starting);
        process.open_disk();
        let mut heard = process.turn().await;
        while heard.is_empty() {
            heard = process.turn().await;
        }
        // What a start still puts into the ledger comes before it.
        assert_eq!(heard[0].said.as_ref().map(|(status, _)| *status), Some(200));
        assert_eq!((process.ledger.out(), process.spooled().len()), (0, 1));
    });
}

fn approval(key: &str) -> Adopt {
    let request = purchase(key, 1_000);
    let (digest, received_at) = (request.content_digest(), clock::utc());
    let (told, basis) = (ToldAnswer::Approved { amount: usd(1_000) }, Basis::StandIn(StandInCause::LedgerUnavailable));
    Adopt { origin: origin(), request, digest, verdict: None, told, basis, governed: None, received_at, slip: None }
}

/// A decline that is set aside, as the ledger knows its key with another question, is no answer of that key: neither from then on, nor after
/// the next start.
#[test]
fn a_decline_that_is_set_aside_keeps_its_key_from_nobody() {
    let (live, _) = live(&Caller::new());
    let ms = Duration::from_millis;
    let breaker =
        || Arc::new(Breaker::new(BreakerConfig { failures: 3, stall: ms(700), probe_every: ms(250), probe_max: ms(100) }));
    let started = || Unheard::new(ToldBook::new(64), vec![(program(), platform())], vec![Arc::clone(&live)], breaker());
    let told = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };
    let declined = Adopt { told, ..approval("shared") };
    let name = Name { principal: 0, key: declined.request.key };
    let entry = Entry::Told(Box::new(declined), None);

    let unheard = started();
    unheard.remember(&entry, clock::utc(), Standing::Waiting, &mut Earlier::default());
    assert!(unheard.book.told(&name).is_some(), "it was told");
    unheard.refused(&entry, Refused::Otherwise);
    assert!(unheard.book.told(&name).is_some(), "the ledger tripped over it, and nobody else has the key");
    unheard.refused(&entry, Refused::AnothersKey);
    assert_eq!((unheard.book.told(&name), unheard.book.waiting()), (None, 0));

    let unheard = started();
    unheard.remember(&entry, clock::utc(), Standing::Aside(Refused::AnothersKey), &mut Earlier::default());
    assert_eq!((unheard.book.told(&name), unheard.book.waiting()), (None, 0));
    // What was approved stays told, until somebody has looked at it.
    let entry = Entry::Told(Box::new(approval("shared")), None);
    unheard.remember(&entry, clock::utc(), Standing::Aside(Refused::AnothersKey), &mut Earlier::default());
    assert!(unheard.book.told(&name).is_some());
}

/// What is seen of its account has the money of what the ledger took over in the moment before a kill.
#[test]
fn what_the_ledger_was_seen_to_have_taken_over_counts_once_against_its_account() {
    let directory = tempfile::tempdir().unwrap();
    let settings = || Settings { path: directory.path().join(FILE), sync: Sync::None, entries_max: 64 };
    let account = AccountId::new("acct").unwrap();
    let approvals = ["taken over", "for less", "not heard"].map(approval);
    let spool = Spool::open(settings(), Arc::new(Silent)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for adopt in &approvals {
        let put = spool.put(Entry::Told(Box::new(adopt.clone()), Some(account)), clock::utc());
        let in_time = clock::instant().checked_add(Duration::from_secs(20)).unwrap();
        assert_eq!(runtime.block_on(put.durable_by(in_time)), Kept::Durable);
    }
    drop(spool);

    let (live, _) = live(&Caller::new());
    let ms = Duration::from_millis;
    let breaker = Arc::new(Breaker::new(BreakerConfig { failures: 3, stall: ms(700), probe_every: ms(250), probe_max: ms(100) }));
    let unheard = Unheard::new(ToldBook::new(64), vec![(program(), platform())], vec![Arc::clone(&live)], breaker);
    let mut earlier = Earlier::default();
    let remember = |entry: &_, at, standing| unheard.remember(entry, at, standing, &mut earlier);
    let spool = Spool::open(settings(), Arc::new(Silent)).unwrap();
    spool.recall(remember).unwrap();
    unheard.count(&spool, earlier, clock::utc()).unwrap();
    assert_eq!(live.stand_in.in_transit_of(&account), 3_000);

    let answered = |of: &Adopt, minor| {
        let decision = ToldAnswer::Approved { amount: usd(minor) }.decision();
        Answered { digest: of.digest.kept(), asked_at: of.received_at, decision }
    };
    let seen = [(&approvals[0], 1_000), (&approvals[1], 999)].map(|(of, minor)| (of.request.key, answered(of, minor)));
    let file = spool.reader().unwrap();
    let known = |key: &_| seen.iter().find(|(of, _)| of == key).map(|(_, answered)| *answered);
    unheard.was_taken_over(&file, |of, key| known(key).filter(|_| *of == origin())).unwrap();
    assert_eq!(live.stand_in.in_transit_of(&account), 2_000, "only what was told is what is held");
    // One that came too early for what was told before it, and was declined, is not what settles that.
    let declined = Adopt { told: ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable }, ..approvals[2].clone() };
    unheard.heard(&Entry::Told(Box::new(declined), None));
    assert_eq!(live.stand_in.in_transit_of(&account), 2_000);
    unheard.heard(&Entry::Told(Box::new(approvals[2].clone()), Some(account)));
    assert_eq!(live.stand_in.in_transit_of(&account), 1_000);
}
