//! While a start is not over, operators see that, whatever the ledger says of itself; and what it takes up of an earlier process counts once.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::hold::{Answered, ToldAnswer};
use holdfast_core::{AccountId, Basis, StandInCause};
use serde_json::Value;

use super::process::{Caller, Process, Silent, live, platform};
use crate::clock;
use crate::config::BreakerConfig;
use crate::fixture::{origin, program, purchase, usd};
use crate::journal::MemoryDisk;
use crate::ledger::{Adopt, Ledger as _, Readiness};
use crate::responder::{Breaker, Earlier, Stage, ToldBook, Unheard};
use crate::spool::{Entry, FILE, Kept, Settings, Spool, Sync};

#[test]
fn a_ledger_is_not_shown_as_ready_before_questions_reach_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let process = Process::start(&Caller::new(), tempfile::tempdir().unwrap(), MemoryDisk::new()).await;
        assert_eq!(process.ledger.readiness(), Readiness::Ready);
        let shown = || serde_json::from_str::<Value>(&process.responder.status()).unwrap()["ledger"].clone();
        for (stage, expected) in [(Stage::Starting, "starting"), (Stage::Foreseen, "starting"), (Stage::Open, "ready")] {
            process.stage.send_replace(stage);
            assert_eq!(shown(), expected, "{stage:?}");
        }
    });
}

fn approval(key: &str) -> Adopt {
    let request = purchase(key, 1_000);
    let (digest, received_at) = (request.content_digest(), clock::utc());
    let (told, basis) = (ToldAnswer::Approved { amount: usd(1_000) }, Basis::StandIn(StandInCause::LedgerUnavailable));
    Adopt { origin: origin(), request, digest, verdict: None, told, basis, governed: None, received_at, slip: None }
}

/// What is seen of its account has the money of what the ledger took over in the moment before a kill.
#[test]
fn what_the_ledger_was_seen_to_have_taken_over_counts_once_against_its_account() {
    let directory = tempfile::tempdir().unwrap();
    let settings = || Settings { path: directory.path().join(FILE), sync: Sync::None, entries_max: 64 };
    let account = AccountId::new("acct").unwrap();
    let approvals = ["taken over", "for less", "not heard"].map(approval);
    let spool = Spool::open(settings(), Arc::new(Silent), |_, _, _| ()).unwrap();
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
    let spool = Spool::open(settings(), Arc::new(Silent), remember).unwrap();
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
}
