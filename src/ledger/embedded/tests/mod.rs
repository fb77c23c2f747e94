//! The embedded ledger before the laws of all ledgers ([`conforming`]), and what is its own: its groups, its journal's file,
//! what it does when that cannot be written.
//!
//! Nothing here waits for time: tests wait for answers, and for what the ledger tells its [`Observer`].

mod ahead;
mod conforming;
mod early;
mod groups;
mod looking;
mod trouble;

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::journal::store::FILE;
use crate::ledger::conformance::*;
use crate::ledger::{Act, Answer, KeptKind, KeptRuleset, RowsEntered};

/// What the next commit of the ledger does before it goes on.
type Interruption = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

struct Watcher {
    commits: Sender<u32>,
    readiness: Sender<Readiness>,
    on_commit: Interruption,
    on_say: Interruption,
}

fn take(interruption: &Interruption) -> Option<Box<dyn FnOnce() + Send>> {
    interruption.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Observer for Watcher {
    fn committed(&self, records: u32, _took: Duration) {
        // Taken before the commit is told, so that a test can set the next one as soon as it knows.
        let interruption = take(&self.on_commit);
        let _ = self.commits.send(records);
        interruption.into_iter().for_each(|run| run());
    }

    fn readiness(&self, readiness: Readiness) {
        let _ = self.readiness.send(readiness);
    }

    fn expired(&self, _holds: usize) {}

    fn say(&self, _message: &str) {
        take(&self.on_say).into_iter().for_each(|run| run());
    }
}

struct House {
    directory: TempDir,
    ledger: Option<Embedded>,
    commits: Receiver<u32>,
    readiness: Receiver<Readiness>,
    on_commit: Interruption,
    on_say: Interruption,
    commit_records_max: u32,
}

impl Client for House {
    fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_ref().unwrap()
    }
}

impl House {
    fn with_groups_of(commit_records_max: u32) -> Self {
        let (_, commits) = mpsc::channel();
        let (_, readiness) = mpsc::channel();
        let mut house = House {
            directory: tempfile::tempdir().unwrap(),
            ledger: None,
            commits,
            readiness,
            on_commit: Interruption::default(),
            on_say: Interruption::default(),
            commit_records_max,
        };
        house.start().unwrap();
        house
    }

    /// A ledger with an account `a` of so much, and its card `c` of the cardholder `h`.
    fn with(balance: i64) -> Self {
        House::with_groups_of(256).furnished(balance)
    }

    fn furnished(self, balance: i64) -> Self {
        let entered = self.enter(vec![account("a", balance), card("c", "a", Some("h"))]);
        assert_eq!(entered, Ok(Answer::Entered(RowsEntered { accounts: 1, cards: 1, cards_moved: 0, bars_kept: 0 })));
        assert_eq!(self.commits.recv().unwrap(), 2);
        self
    }

    fn settings(&mut self) -> Settings {
        let (commits, readiness);
        (commits, self.commits) = mpsc::channel();
        (readiness, self.readiness) = mpsc::channel();
        let (on_commit, on_say) = (Arc::clone(&self.on_commit), Arc::clone(&self.on_say));
        Settings {
            data: self.directory.path().to_owned(),
            sync: Sync::Full,
            commit_records_max: self.commit_records_max,
            observer: Box::new(Watcher { commits, readiness, on_commit, on_say }),
        }
    }

    fn start(&mut self) -> Result<(), JournalError> {
        let (ledger, opening) = Embedded::start(self.settings())?;
        self.ledger = Some(ledger);
        let opened = opening.blocking_recv().unwrap();
        let expected = if opened.is_ok() { Readiness::Ready } else { Readiness::Unavailable };
        assert_eq!(self.readiness.recv().unwrap(), expected);
        opened
    }

    fn restart(&mut self) {
        self.ledger = None;
        self.start().unwrap();
    }

    /// The same file, as an operator opens it.
    fn operator(&self) -> Connection {
        Connection::open(self.directory.path().join(FILE)).unwrap()
    }

    /// The number of the next record.
    fn next(&self) -> i64 {
        self.operator().query_row("SELECT max(first + records) FROM journal", [], |row| row.get(0)).unwrap()
    }

    /// Submits acts that the ledger takes as one batch, having done `before` while it could not take them. Returns their
    /// answers.
    fn batch(&self, before: impl FnOnce(), acts: impl FnOnce() -> Vec<Act>) -> Vec<Result<Answer, LedgerError>> {
        self.commits.try_iter().for_each(drop);
        let (release, released) = mpsc::channel::<()>();
        *self.on_commit.lock().unwrap() = Some(Box::new(move || released.recv().unwrap_or_default()));
        let first = Ticket::new(Act::Keep(origin(), not_understood("something to commit")));
        self.ledger().submit(Arc::clone(&first));
        self.ledger().nudge();
        assert_eq!(self.commits.recv().unwrap(), 1);
        before();
        let tickets: Vec<_> = acts().into_iter().map(Ticket::new).collect();
        tickets.iter().for_each(|ticket| self.ledger().submit(Arc::clone(ticket)));
        drop(release);
        assert_eq!(wait(first), Ok(Answer::Recorded(None)));
        tickets.into_iter().map(wait).collect()
    }

    fn becomes(&self, readiness: Readiness) {
        assert_eq!(self.readiness.recv().unwrap(), readiness);
    }
}
