//! How entries come to the spool's writer: a queue, and what becomes of each. Whoever stands in waits for its entry no longer
//! than it may; an approval that is not durable by then is given up, and the writer takes back what it wrote of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use holdfast_core::Timestamp;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::{Counting, Entry};
use crate::clock::Instant;
use crate::ledger::{Completions, Erase, Mailbox};

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const DURABLE: u8 = 2;
const REFUSED: u8 = 3;
const GIVEN_UP: u8 = 4;

/// An entry on its way into the spool.
#[derive(Debug)]
pub struct Put {
    /// What it says.
    pub entry: Entry,
    /// When it came.
    pub at: Timestamp,
    written: Option<Arc<[u8]>>,
    state: AtomicU8,
    waiting: Mutex<Option<Waker>>,
    /// Through which worker's mailbox whoever waits is woken; at once without one.
    home: Option<Arc<Mailbox>>,
}

/// Whether an entry is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is.
    Durable,
    /// It is not.
    NotDurable,
}

impl Put {
    pub(super) fn new(entry: Entry, at: Timestamp, home: Option<Arc<Mailbox>>, written: Option<Arc<[u8]>>) -> Arc<Self> {
        Arc::new(Put { entry, at, written, state: AtomicU8::new(WAITING), waiting: Mutex::default(), home })
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> Result<Arc<[u8]>, postcard::Error> {
        self.written.as_ref().map_or_else(|| self.entry.to_bytes(), |written| Ok(Arc::clone(written)))
    }

    /// Waits until the entry is durable or cannot become so, at the longest until `by`. One that is not durable by then may become
    /// so later, unless it is given up. Only the one that waits last is woken.
    pub async fn durable_by(&self, by: Instant) -> Kept {
        // A wait that ends early and a wait that times out are told apart by what became of the entry.
        let _ = timeout_at(by, std::future::poll_fn(|context| self.poll_settled(context))).await;
        match self.state.load(Ordering::Acquire) {
            DURABLE => Kept::Durable,
            _ => Kept::NotDurable,
        }
    }

    fn poll_settled(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.waiting();
        // Looked at while the place to wait in is held: whoever settles it looks there afterwards.
        if matches!(self.state.load(Ordering::Acquire), DURABLE | REFUSED | GIVEN_UP) {
            return Poll::Ready(());
        }
        match &mut *waiting {
            Some(waiting) => waiting.clone_from(context.waker()),
            waiting @ None => *waiting = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody stands by the entry any more, unless it is durable by now: otherwise it never will be.
    pub fn give_up(&self) -> Kept {
        let give_up = |state| (state != DURABLE).then_some(GIVEN_UP);
        match self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, give_up) {
            Ok(_) => Kept::NotDurable,
            Err(_) => Kept::Durable,
        }
    }

    /// Whether it was not given up.
    pub(super) fn is_stood_by(&self) -> bool {
        self.state.load(Ordering::Acquire) != GIVEN_UP
    }

    /// The writer takes it into a transaction; not if it was given up.
    pub(super) fn take(&self) -> Taking {
        let take = |state| (state != GIVEN_UP).then_some(TAKEN);
        match self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, take) {
            Ok(_) => Taking::Taken,
            Err(_) => Taking::GivenUp,
        }
    }

    /// The transaction that took it is durable, or failed. Says whether somebody still stands by it; whoever waits hears it with the
    /// next announcement.
    pub(super) fn settled(&self, how: Settled, completions: &mut Completions) -> Taking {
        let to = match how {
            Settled::Durable => DURABLE,
            Settled::Refused => REFUSED,
        };
        let settled = self.state.compare_exchange(TAKEN, to, Ordering::AcqRel, Ordering::Acquire);
        let waiting = self.waiting().take();
        if let Some(waker) = waiting {
            completions.wake(waker, self.home.as_ref());
        }
        match settled {
            Ok(_) => Taking::Taken,
            Err(_) => Taking::GivenUp,
        }
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Durable,
    Refused,
}

/// Whether somebody stands by an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    Taken,
    GivenUp,
}

/// One thing for the writer to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Make an entry durable.
    Put(Arc<Put>),
    /// The ledger has heard these.
    Forget(Vec<i64>),
    /// The ledger has confirmed these approvals.
    Confirm(Vec<Counting>),
    /// The ledger refused this one for good.
    SetAside(i64, Timestamp, String),
    /// Somebody wants this one, which was set aside, to wait again.
    BringBack(Back),
    /// What callers wrote is to go.
    Erase(Erasing),
}

/// An entry that is to wait again, and who wants to know under which number it does; nobody hears of one that was not set aside.
#[derive(Debug)]
pub(super) struct Back {
    pub was: i64,
    pub at: Timestamp,
    pub by: String,
    pub why: String,
    pub waits: oneshot::Sender<i64>,
}

/// Texts that are to go, and who wants to know how many did.
#[derive(Debug)]
pub(super) struct Erasing {
    pub which: Erase,
    pub gone: oneshot::Sender<u64>,
}

/// The writer's queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    comes: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    jobs: VecDeque<Job>,
    closed: bool,
    /// The writer sleeps. Else nobody needs to wake it, which would cost a system call for each job.
    sleeps: bool,
    /// It has nothing to do until something comes.
    #[cfg(test)]
    idle: bool,
}

/// Whether more may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Open,
    Closed,
}

impl Queue {
    pub fn push(&self, job: Job) {
        let mut inner = self.lock();
        inner.jobs.push_back(job);
        // Once for all that come until it is awake.
        if std::mem::take(&mut inner.sleeps) {
            self.comes.notify_one();
        }
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.comes.notify_one();
    }

    /// What came since, without waiting; how much that is.
    pub fn take_ready(&self, into: &mut Vec<Job>) -> usize {
        let mut inner = self.lock();
        let came = inner.jobs.len();
        into.extend(inner.jobs.drain(..));
        came
    }

    /// Everything that waits; waits for something at most so long.
    pub fn take(&self, into: &mut Vec<Job>, patience: Duration) -> Flow {
        let sleep = |inner: &mut Inner| {
            let sleeps = inner.jobs.is_empty() && !inner.closed;
            inner.sleeps = sleeps;
            #[cfg(test)]
            {
                inner.idle = sleeps && patience >= Duration::from_secs(1);
            }
            sleeps
        };
        let (mut inner, _) = self.comes.wait_timeout_while(self.lock(), patience, sleep).unwrap_or_else(PoisonError::into_inner);
        inner.sleeps = false;
        #[cfg(test)]
        {
            inner.idle = false;
        }
        into.extend(inner.jobs.drain(..));
        if inner.closed { Flow::Closed } else { Flow::Open }
    }

    /// Whether the writer has nothing to do, and nothing waits for it.
    #[cfg(test)]
    pub fn is_at_rest(&self) -> bool {
        let inner = self.lock();
        inner.idle && inner.jobs.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
