//! What a platform tells while the spool's disk hangs is no word yet: it may be answered 503 in the end.

use std::time::Duration;

use super::looking::paused;
use super::process::{Caller, Ended, Heard, Process, RECORDS};
use crate::clock;
use crate::journal::MemoryDisk;
use crate::responder::breaker::Response;
use crate::spool::gate::Say;

fn statuses(heard: &[Heard]) -> Vec<(u64, Option<u16>)> {
    heard.iter().map(|heard| (heard.number, heard.said.as_ref().map(|(status, _)| *status))).collect()
}

#[test]
fn a_word_decides_once_it_is_durable() {
    paused(async {
        let caller = Caller::new();
        let mut process = Process::start(&caller, tempfile::tempdir().unwrap(), MemoryDisk::new()).await;
        process.enter_card().await;
        process.ledger.refuse(true);
        (0..3).for_each(|_| process.responder.breaker.heard_of(Response::Failed, clock::instant()));
        // Three questions that stand-in approves are all that its cap allows.
        for number in 1..=3 {
            process.send(number, caller.question(number), clock::now());
            process.turn().await;
            process.disk_says(Say::Write);
            assert_eq!(statuses(&process.turn().await), [(number, Some(200))]);
        }
        // What the platform recorded goes past caps, but not before it is kept: it is answered 503 in the end, and then its disk is back.
        process.send(RECORDS + 4, caller.recorded(4, Ended::Approved), clock::now());
        process.turn().await;
        assert!(process.asks(), "the message waits for its disk");
        tokio::time::advance(Duration::from_millis(3_900)).await;
        process.send(4, caller.question(4), clock::now());
        assert!(process.turn().await.is_empty());
        tokio::time::advance(Duration::from_millis(150)).await;
        assert_eq!(statuses(&process.turn().await), [(RECORDS + 4, Some(503))]);
        process.disk_says(Say::Fail);
        process.disk_says(Say::Write);
        assert_eq!(statuses(&process.turn().await), [(4, Some(402))]);
        process.open_disk();
        process.send(RECORDS + 5, caller.recorded(5, Ended::Approved), clock::now());
        let mut heard = Vec::new();
        while heard.is_empty() {
            heard = process.turn().await;
        }
        assert_eq!(statuses(&heard), [(RECORDS + 5, Some(200))]);
        process.send(5, caller.question(5), clock::now());
        let mut heard = Vec::new();
        while heard.is_empty() {
            heard = process.turn().await;
        }
        assert_eq!(statuses(&heard), [(5, Some(200))], "now it is a word");
    });
}
