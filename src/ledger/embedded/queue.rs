//! The way from the workers to the writer: a list that the writer takes whole.
//!
//! A push wakes nobody, so that a worker's whole turn costs one wake ([`Queue::nudge`]); only a list that has become long
//! is announced at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ledger::Ticket;

/// A list this long is worth a wake of its own.
const LONG: usize = 48;

/// Tickets on their way to the writer.
pub struct Queue {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

struct Inner {
    tickets: Vec<Arc<Ticket>>,
    writer: WriterIs,
    open: bool,
    interrupted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WriterIs {
    Busy,
    Asleep,
}

/// What the writer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Some tickets, or none after a while.
    Some,
    /// Nothing; from [`Queue::take`]: and nothing will come any more.
    Nothing,
}

impl Queue {
    /// An open, empty queue.
    pub fn new() -> Self {
        let inner = Inner { tickets: Vec::new(), writer: WriterIs::Busy, open: true, interrupted: false };
        Queue { inner: Mutex::new(inner), arrived: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a ticket.
    pub fn push(&self, ticket: Arc<Ticket>) {
        let mut inner = self.lock();
        inner.tickets.push(ticket);
        if inner.tickets.len() >= LONG {
            self.wake(inner);
        }
    }

    /// Wakes the writer if it sleeps and something waits.
    pub fn nudge(&self) {
        let inner = self.lock();
        if !inner.tickets.is_empty() {
            self.wake(inner);
        }
    }

    /// Wakes the writer although nothing was added: something else is there for it.
    pub fn interrupt(&self) {
        let mut inner = self.lock();
        inner.interrupted = true;
        self.wake(inner);
    }

    /// Nothing comes any more; what is there is still taken.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.open = false;
        self.wake(inner);
    }

    fn wake(&self, mut inner: MutexGuard<'_, Inner>) {
        if inner.writer == WriterIs::Asleep {
            inner.writer = WriterIs::Busy;
            drop(inner);
            self.arrived.notify_one();
        }
    }

    /// Takes what is there into `into` (empty), without sleeping; [`Taken::Nothing`] if there is nothing now.
    pub fn take_ready(&self, into: &mut Vec<Arc<Ticket>>) -> Taken {
        let mut inner = self.lock();
        if inner.tickets.is_empty() {
            return Taken::Nothing;
        }
        std::mem::swap(&mut inner.tickets, into);
        Taken::Some
    }

    /// Takes all tickets into `into` (empty), sleeping until there are some, or `patience` is over.
    pub fn take(&self, into: &mut Vec<Arc<Ticket>>, patience: Option<Duration>) -> Taken {
        let mut inner = self.lock();
        while inner.tickets.is_empty() && inner.open && !inner.interrupted {
            inner.writer = WriterIs::Asleep;
            inner = match patience {
                None => self.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let (inner, timed_out) = self.arrived.wait_timeout(inner, patience).unwrap_or_else(PoisonError::into_inner);
                    if timed_out.timed_out() {
                        let mut inner = inner;
                        inner.writer = WriterIs::Busy;
                        return Taken::Some;
                    }
                    inner
                }
            };
        }
        inner.writer = WriterIs::Busy;
        let interrupted = std::mem::take(&mut inner.interrupted);
        if inner.tickets.is_empty() && !interrupted {
            return Taken::Nothing;
        }
        std::mem::swap(&mut inner.tickets, into);
        Taken::Some
    }
}
