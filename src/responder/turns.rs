//! In which order questions go on that waited together: whoever has the least time goes first, and whoever gives up leaves its turn.
//! Nothing here decides.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::clock::Instant;

/// Those that wait until something has come, and then for their turn. One is called at a time: woken all together, they would reach
/// their answers together, the first no sooner than the last, and whoever asks meanwhile behind them.
#[derive(Debug)]
pub struct Turns {
    queue: Mutex<Queue>,
    /// How many wait at most.
    waiting_max: usize,
}

/// So many wait that nobody else may: each keeps a connection, and those who still come need some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// By when an answer is owed, and which of several owed by then came first.
type Place = (Instant, u64);

#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<Place, Waker>,
    /// Who was called and has not gone on yet.
    called: Option<Place>,
    next: u64,
    gate: Gate,
}

/// Whether anybody goes on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Gate {
    #[default]
    Closed,
    Open,
}

impl Turns {
    /// Nobody waits yet, and no more than so many ever do.
    #[must_use]
    pub fn of_at_most(waiting_max: usize) -> Self {
        Turns { queue: Mutex::default(), waiting_max }
    }

    /// What is waited for has come.
    pub fn open(&self) {
        let mut queue = self.lock();
        queue.gate = Gate::Open;
        if queue.called.is_none() {
            self.call_next(queue);
        }
    }

    /// Waits for the turn of a question that is to be decided by then. Whoever gives up waiting leaves its turn to the next.
    pub fn by(&self, decide_by: Instant) -> Turn<'_> {
        Turn { turns: self, decide_by, place: None }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls whoever has the least time.
    fn call_next(&self, mut queue: MutexGuard<'_, Queue>) {
        let next = queue.waiting.pop_first();
        queue.called = next.as_ref().map(|(place, _)| *place);
        drop(queue);
        if let Some((_, waker)) = next {
            waker.wake();
        }
    }
}

/// One that waits for its turn.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Turn<'t> {
    turns: &'t Turns,
    decide_by: Instant,
    /// In the queue, or called.
    place: Option<Place>,
}

impl Future for Turn<'_> {
    type Output = Result<(), TooMany>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut queue = self.turns.lock();
        match self.place {
            None if queue.waiting.len() >= self.turns.waiting_max => Poll::Ready(Err(TooMany)),
            None => {
                let place = (self.decide_by, queue.next);
                queue.next = queue.next.saturating_add(1);
                queue.waiting.insert(place, context.waker().clone());
                if queue.gate == Gate::Open && queue.called.is_none() {
                    self.turns.call_next(queue);
                } else {
                    drop(queue);
                }
                self.place = Some(place);
                Poll::Pending
            }
            Some(place) if queue.called == Some(place) => {
                // The next one is woken now and runs after this one, which goes on to its answer.
                self.turns.call_next(queue);
                self.place = None;
                Poll::Ready(Ok(()))
            }
            Some(place) => {
                queue.waiting.insert(place, context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut queue = self.turns.lock();
        if queue.called == Some(place) {
            self.turns.call_next(queue);
        } else {
            queue.waiting.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::Duration;

    use tokio::task::LocalSet;
    use tokio::time::timeout_at;

    use super::*;
    use crate::clock;

    /// In which order those that have so many milliseconds go on, who all wait when what they wait for comes. Each lets the others run
    /// once it goes on, as one that asks the ledger does.
    async fn order(budgets_ms: &[u64]) -> Vec<u64> {
        let (turns, went_on) = (Rc::new(Turns::of_at_most(100)), Rc::new(RefCell::new(Vec::new())));
        let now = clock::instant();
        let set = LocalSet::new();
        for ms in budgets_ms.iter().copied() {
            let (turns, went_on) = (Rc::clone(&turns), Rc::clone(&went_on));
            set.spawn_local(async move {
                let by = now.checked_add(Duration::from_millis(ms)).unwrap();
                if timeout_at(by, turns.by(by)).await == Ok(Ok(())) {
                    went_on.borrow_mut().push(ms);
                }
            });
        }
        set.run_until(tokio::time::sleep(Duration::from_millis(100))).await;
        assert!(went_on.borrow().is_empty(), "nothing has come");
        turns.open();
        set.await;
        Rc::try_unwrap(went_on).unwrap().into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_the_least_time_goes_first() {
        assert_eq!(order(&[2_500, 2_400, 150, 900, 50, 151, 2_500]).await, [150, 151, 900, 2_400, 2_500, 2_500]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_leaves_its_turn() {
        let turns = Turns::of_at_most(100);
        turns.open();
        let now = clock::instant();
        let mut context = Context::from_waker(Waker::noop());
        let (mut called, mut waits) = (Box::pin(turns.by(now)), Box::pin(turns.by(now)));
        let mut gives_up = Box::pin(turns.by(now));
        for turn in [&mut called, &mut gives_up, &mut waits] {
            assert!(turn.as_mut().poll(&mut context).is_pending());
        }
        drop(gives_up);
        assert!(waits.as_mut().poll(&mut context).is_pending(), "somebody else is called");
        drop(called);
        assert!(waits.as_mut().poll(&mut context).is_ready());
        assert!(turns.lock().called.is_none() && turns.lock().waiting.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_behind_too_many() {
        let turns = Turns::of_at_most(2);
        let mut context = Context::from_waker(Waker::noop());
        let waits = || Box::pin(turns.by(clock::instant()));
        let (mut first, mut second, mut third) = (waits(), waits(), waits());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert_eq!(third.as_mut().poll(&mut context), Poll::Ready(Err(TooMany)));
        drop(first);
        assert!(waits().as_mut().poll(&mut context).is_pending(), "one has left");
        turns.open();
        assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    }
}
