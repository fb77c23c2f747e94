//! The follower's thread beside a running ledger, through the ledger's seam. Waits for signals, never for time.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::ledger::embedded::cold::Need;
use crate::ledger::embedded::projection::read::Reader;
use crate::ledger::embedded::projection::schema::FILE;
use crate::ledger::embedded::projection::thread::run;
use crate::ledger::embedded::{Embedded, Observer, Settings, Shared};
use crate::ledger::{Readiness, ask};

struct Watcher {
    anew: Sender<()>,
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

    fn projection_anew(&self) {
        let _ = self.anew.send(());
    }

    fn say(&self, message: &str) {
        let _ = self.said.send(message.to_owned());
    }
}

struct Running {
    ledger: Embedded,
    anew: Receiver<()>,
    projected: Receiver<(i64, i64)>,
    said: Receiver<String>,
}

fn start(data: &Path) -> Running {
    let ((to_projected, projected), (to_said, said), (to_anew, anew)) = (channel(), channel(), channel());
    let observer = Box::new(Watcher { anew: to_anew, projected: to_projected, said: to_said });
    let settings = Settings { data: data.to_owned(), sync: Sync::None, commit_records_max: 256, observer };
    let (ledger, opening) = Embedded::start(settings).unwrap();
    opening.blocking_recv().unwrap().unwrap();
    Running { ledger, anew, projected, said }
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

#[test]
fn damage_is_repaired_while_the_ledger_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path());
    running.act(Act::Enter(Origin::of(program()), vec![account("a", 1_000), card("c", "a", None)])).unwrap();
    running.until(2);
    let operator = rusqlite::Connection::open(directory.path().join(FILE)).unwrap();
    operator.execute_batch("DROP TABLE movement").unwrap();
    running.act(decide(purchase("p", 600), &[], clock::utc())).unwrap();
    running.anew.recv().unwrap();
    while !running.said.recv().unwrap().contains("has everything again") {}
    let kept = Reader::open(directory.path()).unwrap().account(0).unwrap().unwrap();
    assert_eq!((kept.account.posted, kept.account.held), (1_000, 600));
    // What is looked up is looked for in the new one, and followed there.
    assert_eq!(running.act(tell("force", captured("nobody's", 10))), Ok(Answer::Recorded(Some(Finding::ForcePosted))));
    running.until(4);
    assert_eq!(Reader::open(directory.path()).unwrap().account(0).unwrap().unwrap().account.posted, 990);
    drop(running.ledger);
    assert!(start(directory.path()).said.try_iter().all(|said| !said.contains("projection")));
}

#[test]
fn damage_that_comes_with_what_the_journal_says_is_not_repaired_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(directory.path());
    running.act(Act::Enter(Origin::of(program()), vec![account("a", 1_000), card("c", "a", None)])).unwrap();
    running.until(2);
    drop(running.ledger);
    let (mut follower, _) = Follower::open(directory.path()).unwrap();
    follower.make_anew(2).unwrap();
    let finder = follower.finder().unwrap();
    rusqlite::Connection::open(directory.path().join(FILE)).unwrap().execute_batch("DROP TABLE movement").unwrap();
    let shared = Shared::new();
    shared.recorded.store(2, Ordering::Release);
    let (to_said, said) = channel();
    let observer = Watcher { anew: channel().0, projected: channel().0, said: to_said };
    run(follower, &shared, &observer);
    let said: Vec<_> = said.try_iter().collect();
    assert!(matches!(said.as_slice(), [only] if only.contains("the next start makes it anew")), "{said:?}");
    assert!(finder.find(&Need::default()).is_err(), "nothing is looked up in what is not whole");
}
