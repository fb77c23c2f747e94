//! A real ledger that keeps to a script: when an act reaches it, and when its answer comes back.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use holdfast_core::AuthorizationRequest;

use crate::clock::{self, Instant};
use crate::journal::{MemoryDisk, Sync};
use crate::ledger::embedded::{Embedded, Observer};
use crate::ledger::{
    Act, Ahead, Answer, Completions, Glimpse, Ledger, LedgerError, Origin, Readiness, Ticket, ToHear, Wait, Writes,
};

struct Silent;

impl Observer for Silent {
    fn committed(&self, _records: u32, _took: Duration) {}
    fn readiness(&self, _readiness: Readiness) {}
    fn expired(&self, _holds: usize) {}
    fn say(&self, _message: &str) {}
}

/// The ledger, and what is on its way there and back.
pub struct Scripted {
    inner: Embedded,
    ways: Mutex<Ways>,
}

#[derive(Default)]
struct Ways {
    there: Vec<Arc<Ticket>>,
    back: Vec<(Arc<Ticket>, Result<Answer, LedgerError>)>,
    refuses: bool,
    /// What its reads say of its writes, where that is not the same.
    writes: Option<Writes>,
    /// How many acts were refused.
    refused: usize,
}

/// Now on the clock that nobody stops: the ledger's own thread reads that one.
fn real_time() -> Instant {
    std::thread::spawn(clock::instant).join().unwrap()
}

impl Scripted {
    /// A ledger that has read its disk.
    pub async fn on(disk: &MemoryDisk) -> Arc<Self> {
        let log = Box::new(disk.open(Sync::Full).unwrap());
        let (inner, opening) = Embedded::start_on(log, 256, Box::new(Silent)).unwrap();
        opening.await.unwrap().unwrap();
        Arc::new(Scripted { inner, ways: Mutex::default() })
    }

    fn ways(&self) -> MutexGuard<'_, Ways> {
        self.ways.lock().unwrap()
    }

    /// Whatever is on its way reaches the ledger, which does it; what it says stays here.
    pub async fn reach(&self) {
        let there = std::mem::take(&mut self.ways().there);
        let now = clock::instant();
        let doing: Vec<_> = there.into_iter().map(|ticket| (self.hand_over(&ticket, now), ticket)).collect();
        self.inner.nudge();
        for (done, ticket) in doing {
            let answer = done.await;
            self.ways().back.push((ticket, answer));
        }
    }

    /// Submits a ticket's act under another one.
    fn hand_over(&self, ticket: &Ticket, now: Instant) -> Wait {
        let mut act = ticket.with_act(|act| std::mem::replace(act, Act::Rest));
        if let Act::Decide(decide) = &mut act {
            // Whether it is past its time is the script's to say, and what that means the ledger's.
            let real = real_time();
            decide.not_after = if now > decide.not_after { real } else { real + Duration::from_secs(3600) };
        }
        let twin = Ticket::new(act);
        self.inner.submit(Arc::clone(&twin));
        Wait::on(twin)
    }

    /// What the ledger said comes back.
    pub fn come_back(&self) {
        let mut completions = Completions::default();
        for (ticket, answer) in std::mem::take(&mut self.ways().back) {
            completions.complete(&ticket, answer);
        }
        completions.announce();
    }

    /// How many acts are on their way, there or back.
    pub fn out(&self) -> usize {
        let ways = self.ways();
        ways.there.len() + ways.back.len()
    }

    /// How many acts were refused.
    pub fn refused(&self) -> usize {
        self.ways().refused
    }

    /// From now on it says that it cannot, or takes acts again.
    pub fn refuse(&self, refuses: bool) {
        self.ways().refuses = refuses;
    }

    /// From now on its reads say no more than this of its writes.
    pub fn shows_of_writes(&self, writes: Writes) {
        self.ways().writes = Some(writes);
    }

    /// Asks the ledger itself.
    pub async fn ask(&self, act: Act) -> Answer {
        crate::ledger::ask(&self.inner, act).await.unwrap()
    }
}

impl Ledger for Scripted {
    fn submit(&self, ticket: Arc<Ticket>) {
        let mut ways = self.ways();
        if !ways.refuses {
            ways.there.push(ticket);
            return;
        }
        ways.refused += 1;
        let mut completions = Completions::default();
        completions.complete(&ticket, Err(LedgerError::Unavailable));
        completions.announce();
    }

    fn nudge(&self) {}

    fn readiness(&self) -> Readiness {
        if self.ways().refuses { Readiness::Unavailable } else { Readiness::Ready }
    }

    fn writes(&self) -> Writes {
        self.ways().writes.unwrap_or(Writes::AsItReads)
    }

    fn look(&self, origin: &Origin, request: &AuthorizationRequest) -> Glimpse {
        loop {
            match self.inner.look(origin, request) {
                // A moment of the ledger's own thread, which no script knows.
                Glimpse::Busy => std::thread::yield_now(),
                glimpse @ (Glimpse::Nothing | Glimpse::Seen(_)) => return glimpse,
            }
        }
    }

    fn look_ahead(&self, origin: &Origin, request: &AuthorizationRequest, to_hear: &[ToHear]) -> Glimpse<Ahead> {
        loop {
            match self.inner.look_ahead(origin, request, to_hear) {
                Glimpse::Busy => std::thread::yield_now(),
                glimpse @ (Glimpse::Nothing | Glimpse::Seen(_)) => return glimpse,
            }
        }
    }
}
