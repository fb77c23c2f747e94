//! Where the writer leaves its memory whenever it waits, for a disk or for work: others may look at it there in the meantime.
//!
//! While the writer works, memory is away, for less than a millisecond at a time. Whoever looks holds the writer back for a few
//! lookups at most.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use holdfast_core::{AuthorizationRequest, Timestamp};

use super::state::State;
use crate::ledger::Origin;
use crate::ledger::sight::Glimpse;

/// The window.
#[derive(Debug)]
pub struct Window {
    behind: Mutex<Behind>,
}

#[derive(Debug)]
struct Behind {
    /// The writer's memory, or an empty one in its place.
    state: Box<State>,
    shows: Shows,
}

#[derive(Debug, Clone, Copy)]
enum Shows {
    /// There never was anything.
    Nothing,
    /// The writer works on it.
    Away,
    /// Memory as it was at that moment, at the latest.
    Memory(Timestamp),
}

impl Window {
    /// A window that shows nothing yet.
    pub fn new() -> Self {
        Window { behind: Mutex::new(Behind { state: Box::new(State::new((0, 0))), shows: Shows::Nothing }) }
    }

    fn lock(&self) -> MutexGuard<'_, Behind> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves memory here.
    pub fn show(&self, state: &mut Box<State>, as_of: Timestamp) {
        let mut behind = self.lock();
        std::mem::swap(&mut behind.state, state);
        behind.shows = Shows::Memory(as_of);
    }

    /// Takes it away again.
    pub fn take_away(&self, state: &mut Box<State>) {
        let mut behind = self.lock();
        std::mem::swap(&mut behind.state, state);
        behind.shows = Shows::Away;
    }

    /// What is to be seen around a question.
    pub fn look(&self, origin: &Origin, request: &AuthorizationRequest) -> Glimpse {
        let behind = match self.behind.try_lock() {
            Ok(behind) => behind,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Glimpse::Busy,
        };
        match behind.shows {
            Shows::Nothing => Glimpse::Nothing,
            Shows::Away => Glimpse::Busy,
            Shows::Memory(as_of) => Glimpse::Seen(behind.state.seen(origin, request, as_of)),
        }
    }
}
