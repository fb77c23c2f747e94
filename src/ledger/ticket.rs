//! How an act travels to a ledger and its answer back: a pooled ticket, and one wake for all that a ledger completes at
//! once.
//!
//! Waking a task from another thread costs a system call. A ledger completes whole batches, so it puts the wakers of a
//! worker's tasks into that worker's [`Mailbox`] and wakes the worker once; the worker's pump then wakes its own tasks,
//! which costs nothing. Nothing here knows what an act means.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Act, Answer, LedgerError};
use crate::ledger::permit::Permit;

/// One act on its way to a ledger, and what became of it.
#[derive(Debug)]
pub struct Ticket {
    /// Locked by the ledger as long as it works on it, which may be as long as its disk takes: never together with `progress`.
    act: Mutex<Act>,
    progress: Mutex<Progress>,
    home: Option<Arc<Mailbox>>,
}

/// What became of the act: locked for a moment only, for whoever looks is a worker.
#[derive(Debug, Default)]
struct Progress {
    answer: Option<Result<Answer, LedgerError>>,
    waiting: Option<Waker>,
    /// The act's place among those in flight; given back when the ledger is done, whoever waits.
    permit: Option<Permit>,
}

impl Ticket {
    /// A ticket of its own, outside any pool; its waiter is woken directly.
    #[must_use]
    pub fn new(act: Act) -> Arc<Self> {
        Arc::new(Ticket { act: Mutex::new(act), progress: Mutex::default(), home: None })
    }

    /// Gives the engine the act to work on. The act stays in the ticket.
    pub fn with_act<T>(&self, work: impl FnOnce(&mut Act) -> T) -> T {
        // A panic while an act was worked on is answered by whoever caught it; the ticket itself is still whole.
        work(&mut self.act.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for what becomes of a ticket. Dropping it cancels nothing.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Wait(Arc<Ticket>);

impl Wait {
    /// Waits on a submitted ticket.
    pub fn on(ticket: Arc<Ticket>) -> Self {
        Wait(ticket)
    }
}

impl Future for Wait {
    type Output = Result<Answer, LedgerError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.0.lock();
        if let Some(answer) = inner.answer.take() {
            return Poll::Ready(answer);
        }
        match &mut inner.waiting {
            Some(waiting) => waiting.clone_from(context.waker()),
            waiting @ None => *waiting = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

/// Where a worker's completed tickets wake it.
#[derive(Debug, Default)]
pub struct Mailbox {
    arrived: Mutex<Arrived>,
}

#[derive(Debug, Default)]
struct Arrived {
    wakers: Vec<Waker>,
    pump: Option<Waker>,
}

impl Mailbox {
    /// Wakes the worker's own tasks, for ever: the worker runs this beside its connections.
    pub async fn pump(&self) {
        let mut wakers = Vec::new();
        std::future::poll_fn(|context| {
            {
                let mut arrived = self.lock();
                std::mem::swap(&mut arrived.wakers, &mut wakers);
                arrived.pump = Some(context.waker().clone());
            }
            wakers.drain(..).for_each(Waker::wake);
            Poll::<()>::Pending
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a ledger has completed and not yet announced.
#[derive(Debug, Default)]
pub struct Completions {
    mailboxes: Vec<Arc<Mailbox>>,
}

impl Completions {
    /// Completes a ticket. Its waiter learns of it at the next [`Completions::announce`].
    pub fn complete(&mut self, ticket: &Ticket, answer: Result<Answer, LedgerError>) {
        let (waiting, _permit) = {
            let mut inner = ticket.lock();
            inner.answer = Some(answer);
            (inner.waiting.take(), inner.permit.take())
        };
        if let Some(waker) = waiting {
            self.wake(waker, ticket.home.as_ref());
        }
    }

    /// Wakes whoever waits for something that is complete: through the mailbox of its worker at the next [`Completions::announce`],
    /// else at once.
    pub fn wake(&mut self, waker: Waker, home: Option<&Arc<Mailbox>>) {
        let Some(home) = home else {
            waker.wake();
            return;
        };
        home.lock().wakers.push(waker);
        if !self.mailboxes.iter().any(|mailbox| Arc::ptr_eq(mailbox, home)) {
            self.mailboxes.push(Arc::clone(home));
        }
    }

    /// Wakes every worker that has something completed, once.
    pub fn announce(&mut self) {
        for mailbox in self.mailboxes.drain(..) {
            let pump = mailbox.lock().pump.take();
            if let Some(pump) = pump {
                pump.wake();
            }
        }
    }
}

/// A worker's tickets, used again and again.
#[derive(Debug)]
pub struct Pool {
    resting: Vec<Arc<Ticket>>,
    mailbox: Arc<Mailbox>,
    resting_max: usize,
}

impl Pool {
    /// A pool whose tickets wake their waiters through `mailbox`, and that keeps at most `resting_max` of them.
    #[must_use]
    pub fn new(mailbox: Arc<Mailbox>, resting_max: usize) -> Self {
        Pool { resting: Vec::new(), mailbox, resting_max }
    }

    /// A ticket for an act that has a place in flight.
    pub fn take(&mut self, act: Act, permit: Permit) -> Arc<Ticket> {
        // A ticket whose waiter gave up may still be with the ledger: only one that nobody else holds is used again.
        if let Some(mut ticket) = self.resting.pop()
            && let Some(free) = Arc::get_mut(&mut ticket)
        {
            // An act is large: it is moved once, to where it stays.
            *free.act.get_mut().unwrap_or_else(PoisonError::into_inner) = act;
            let progress = free.progress.get_mut().unwrap_or_else(PoisonError::into_inner);
            *progress = Progress { permit: Some(permit), ..Progress::default() };
            return ticket;
        }
        let progress = Progress { permit: Some(permit), ..Progress::default() };
        Arc::new(Ticket { act: Mutex::new(act), progress: Mutex::new(progress), home: Some(Arc::clone(&self.mailbox)) })
    }

    /// Takes a ticket back once its answer is known.
    pub fn give_back(&mut self, ticket: Arc<Ticket>) {
        if self.resting.len() < self.resting_max {
            self.resting.push(ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::permit::InFlight;

    fn permit() -> Permit {
        InFlight::new(1).enter().unwrap()
    }

    #[tokio::test]
    async fn one_announcement_wakes_every_waiter_of_a_worker() {
        let mailbox = Arc::new(Mailbox::default());
        let mut pool = Pool::new(Arc::clone(&mailbox), 4);
        let tickets: Vec<_> = (0..3).map(|_| pool.take(Act::Rest, permit())).collect();
        let local = tokio::task::LocalSet::new();
        let waits: Vec<_> = tickets.iter().map(|ticket| local.spawn_local(Wait::on(Arc::clone(ticket)))).collect();
        local.spawn_local({
            let mailbox = Arc::clone(&mailbox);
            async move { mailbox.pump().await }
        });
        let ledger = std::thread::spawn(move || {
            let mut completions = Completions::default();
            for ticket in &tickets {
                completions.complete(ticket, Ok(Answer::Recorded(None)));
            }
            completions.announce();
        });
        local
            .run_until(async {
                for wait in waits {
                    assert_eq!(wait.await.unwrap(), Ok(Answer::Recorded(None)));
                }
            })
            .await;
        ledger.join().unwrap();
    }

    #[test]
    fn whoever_waits_can_look_while_the_ledger_works() {
        let ticket = Ticket::new(Act::Rest);
        let mut wait = std::pin::pin!(Wait::on(Arc::clone(&ticket)));
        let mut context = Context::from_waker(Waker::noop());
        // With one lock for both, this would wait for itself.
        let looked = ticket.with_act(|_| wait.as_mut().poll(&mut context));
        assert_eq!(looked, Poll::Pending);
        Completions::default().complete(&ticket, Ok(Answer::Recorded(None)));
        assert_eq!(wait.poll(&mut context), Poll::Ready(Ok(Answer::Recorded(None))));
    }

    #[test]
    fn a_ticket_that_the_ledger_still_holds_is_not_used_again() {
        let mut pool = Pool::new(Arc::new(Mailbox::default()), 4);
        let ticket = pool.take(Act::Rest, permit());
        let with_the_ledger = Arc::clone(&ticket);
        pool.give_back(ticket);
        let next = pool.take(Act::Rest, permit());
        assert!(!Arc::ptr_eq(&next, &with_the_ledger));
    }
}
