//! The follower's thread beside a running ledger, through the ledger's seam. Waits for signals, never for time.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::ledger::embedded::projection::read::Reader;
use crate::ledger::embedded::{Embedded, Observer, Settings};
use crate::ledger::{Readiness, ask};

struct Watcher {
    projected: Sender<(i64, i64)>,
    said: Sender<String>,
}

impl Observer for Watcher {
    fn committed(&self, _records: u32, _took: Duration) {}
    fn readiness(&self, _readiness: Readiness) {}
    fn expired(&self, _holds: usize) {}

    fn projected(&self, record: i64, lag: i64) {
        let _ = self.projected.send((record, lag));
    }

    fn say(&self, message: &str) {
        let _ = self.said.send(message.to_owned());
    }
}

struct Running {
    ledger: Embedded,
    projected: Receiver<(i64, i64)>,
    said: Receiver<String>,
}

fn start(data: &Path) -> Running {
    let ((to_projected, projected), (to_said, said)) = (channel(), channel());
    let observer = Box::new(Watcher { projected: to_projected, said: to_said });
    let settings = Settings { data: data.to_owned(), sync: Sync::None, commit_records_max: 256, observer };
    let (ledger, opening) = Embedded::start(settings).unwrap();
    opening.blocking_recv().unwrap().unwrap();
    Running { ledger, projected, said }
}

impl Running {
    fn act(&self, act: Act) -> Result<Answer, LedgerError> {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(ask(&self.ledger, act))
    }

    /// Waits until a record is projected.
    fn until(&self, record: i64) {
        while self.projected.recv().unwrap().0 < record {}
    }
}

#[test]
fn what_is_committed_is_projected_and_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path());
    running.act(Act::Enter(Origin::of(program()), vec![account("a", 1_000), card("c", "a", None)])).unwrap();
    running.until(2);
    assert_eq!(Reader::open(directory.path()).unwrap().account(0).unwrap().unwrap().account.posted, 1_000);
    running.act(decide(purchase("p", 600), &[], clock::utc())).unwrap();
    drop(running.ledger);
    // Closing finishes what is committed.
    assert_eq!(Reader::open(directory.path()).unwrap().projected().unwrap(), 3);
    let again = start(directory.path());
    assert!(again.said.try_iter().all(|said| !said.contains("projection")));
    // An unknown payment is looked for on the finder's thread, and posts all the same.
    assert_eq!(again.act(tell("force", captured("nobody's", 10))), Ok(Answer::Recorded(Some(Finding::ForcePosted))));
    assert_eq!(again.act(tell("clear", captured("p", 600))), Ok(Answer::Recorded(None)));
    again.until(5);
    let reader = Reader::open(directory.path()).unwrap();
    let kept = reader.account(0).unwrap().unwrap();
    assert_eq!((kept.account.posted, kept.account.held), (390, 0));
    assert_eq!(reader.hold(1).unwrap().unwrap().hold.status, HoldStatus::Captured);
}

#[test]
fn the_lag_is_told_and_comes_back_to_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path());
    running.act(Act::Enter(Origin::of(program()), vec![account("a", 1_000), card("c", "a", None)])).unwrap();
    let told: Vec<_> = running.projected.iter().take_while(|(record, _)| *record < 2).collect();
    assert!(told.contains(&(0, 2)) || told.iter().any(|(_, lag)| *lag > 0), "{told:?}");
    drop(running.ledger);
}
