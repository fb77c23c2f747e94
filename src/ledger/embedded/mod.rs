//! The embedded ledger: one process, no other service.
//!
//! Open state lives in memory ([`state`]) and is applied by one writer thread ([`writer`]), which makes each group of
//! records durable in the journal before it completes their tickets. At start the state is rebuilt from the journal.
//! Workers hand tickets over through [`queue`] and never wait for anything here.

mod acts;
mod counters;
mod queue;
mod rebuild;
mod state;
mod undo;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use self::queue::Queue;
use self::writer::Writer;
use super::{Ledger, Readiness, Ticket};
use crate::journal::{Journal, JournalError, Log, Sync};

/// How the embedded ledger is set up.
pub struct Settings {
    /// The directory of the journal; made if it is not there.
    pub data: PathBuf,
    /// Whether groups are synced before they are acknowledged.
    pub sync: Sync,
    /// The most records in one commit group.
    pub commit_records_max: u32,
    /// Told of every commit.
    pub observer: Box<dyn Observer>,
}

/// Who is told what the ledger does.
pub trait Observer: Send {
    /// A group was committed.
    fn committed(&self, records: u32, took: Duration);
    /// The journal ends with this record now, and its last group has this hash.
    fn head(&self, _last: i64, _chain: &[u8; 32]) {}
    /// The ledger became, or ceased to be, able to answer.
    fn readiness(&self, readiness: Readiness);
    /// Something that an operator should read.
    fn say(&self, message: &str);
}

/// The embedded ledger, running.
pub struct Embedded {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the workers and the writer share.
struct Shared {
    queue: Queue,
    readiness: AtomicU8,
}

impl Shared {
    fn readiness(&self) -> Readiness {
        match self.readiness.load(Ordering::Acquire) {
            0 => Readiness::Starting,
            1 => Readiness::Ready,
            _ => Readiness::Unavailable,
        }
    }

    fn set_readiness(&self, readiness: Readiness) {
        let number = match readiness {
            Readiness::Starting => 0,
            Readiness::Ready => 1,
            Readiness::Unavailable => 2,
        };
        self.readiness.store(number, Ordering::Release);
    }
}

/// Resolves when the state is rebuilt, or with why it cannot be.
pub type Opening = oneshot::Receiver<Result<(), JournalError>>;

impl Embedded {
    /// Opens the journal and begins to rebuild the state behind the caller's back.
    ///
    /// # Errors
    /// The data directory cannot be used, is in use, or is a newer program's.
    pub fn start(settings: Settings) -> Result<(Self, Opening), JournalError> {
        let journal = Journal::open(&settings.data, settings.sync)?;
        Embedded::start_on(Box::new(journal), settings.commit_records_max, settings.observer)
    }

    /// Begins to rebuild the state from a log that is open already.
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn start_on(
        log: Box<dyn Log>,
        commit_records_max: u32,
        observer: Box<dyn Observer>,
    ) -> Result<(Self, Opening), JournalError> {
        let shared = Arc::new(Shared { queue: Queue::new(), readiness: AtomicU8::new(0) });
        let (opened, opening) = oneshot::channel();
        let writer = Writer::new(Arc::clone(&shared), log, commit_records_max, observer);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run(opened))
            .map_err(|error| JournalError::Directory(PathBuf::from("ledger thread"), error))?;
        Ok((Embedded { shared, thread: Some(thread) }, opening))
    }
}

impl Drop for Embedded {
    /// Finishes what was submitted, then closes the journal.
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Ledger for Embedded {
    fn submit(&self, ticket: Arc<Ticket>) {
        self.shared.queue.push(ticket);
    }

    fn nudge(&self) {
        self.shared.queue.nudge();
    }

    fn readiness(&self) -> Readiness {
        self.shared.readiness()
    }
}

#[cfg(test)]
mod tests;
