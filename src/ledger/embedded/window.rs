//! Where the writer leaves its memory whenever it waits, for a disk or for work: others may look at it there in the meantime.
//!
//! While the writer works, memory is away, for less than a millisecond at a time. Whoever looks holds the writer back for a few
//! lookups; whoever looks ahead, for the copy of a few rows of each of some hundred entries that wait at most.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};

use holdfast_core::hold::ToldEvent;
use holdfast_core::rules::LimitCheck;
use holdfast_core::{AuthorizationRequest, Timestamp};

use super::ahead::Copied;
use super::at_disk::AtDisk;
use super::naming::{payments_of, subject_of};
use super::projection::Mark;
use super::state::{GoneNames, State};
use crate::journal::Joint;
use crate::ledger::Origin;
use crate::ledger::sight::{Ahead, Counted, Glimpse, MoneyOf, ToHear};

/// The window.
#[derive(Debug)]
pub struct Window {
    behind: Mutex<Behind>,
    /// Rings when nobody reads memory for the writer any more.
    read: Condvar,
    /// Since when the writer is at its disk, memory left here meanwhile.
    pub disk: AtDisk,
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
    /// Nothing yet: somebody is to read memory.
    Expected,
    /// Memory that was read before the writer was ready.
    Early(AsOf, Span),
    /// The writer works on it.
    Away,
    Memory(AsOf),
}

/// Which moment memory is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// It is as it was then, at the latest.
    pub at: Timestamp,
    /// Approvals of callbacks that were received from then on are not durable yet.
    pub approvals_until: Option<Timestamp>,
}

/// What memory was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// As the projection had it,
    pub mark: Mark,
    /// and the journal from there to here.
    pub end: Joint,
}

impl AsOf {
    /// Memory of this moment, all of it durable.
    pub const fn durable(at: Timestamp) -> Self {
        AsOf { at, approvals_until: None }
    }
}

impl Window {
    /// A window that shows nothing yet.
    pub fn new() -> Self {
        Window {
            behind: Mutex::new(Behind { state: empty(), shows: Shows::Nothing }),
            read: Condvar::new(),
            disk: AtDisk::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Behind> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves memory here, until what is returned is dropped: nobody can work on it, or leave it here once more, before that.
    pub fn show<'a>(&'a self, state: &'a mut Box<State>, as_of: AsOf) -> Shown<'a> {
        self.exchange(state, Shows::Memory(as_of));
        Shown { window: self, state }
    }

    fn exchange(&self, state: &mut Box<State>, shows: Shows) {
        let mut behind = self.lock();
        let early = match behind.shows {
            Shows::Early(..) => Some(std::mem::replace(&mut behind.state, empty())),
            Shows::Nothing | Shows::Expected | Shows::Away | Shows::Memory(_) => None,
        };
        std::mem::swap(&mut behind.state, state);
        behind.shows = shows;
        // Letting go of it takes longer than anybody should wait for a look.
        drop(behind);
        drop(early);
    }

    /// Somebody is to read memory: whoever needs it waits for that instead of reading it once more.
    pub fn expect(&self) {
        let mut behind = self.lock();
        if matches!(behind.shows, Shows::Nothing) {
            behind.shows = Shows::Expected;
        }
    }

    /// Nobody reads memory any more, whatever came of it.
    pub fn expect_no_more(&self) {
        let mut behind = self.lock();
        if matches!(behind.shows, Shows::Expected) {
            behind.shows = Shows::Nothing;
        }
        drop(behind);
        self.read.notify_all();
    }

    /// Leaves memory here that was read before the writer's was there; nothing once that is.
    pub fn show_early(&self, state: Box<State>, as_of: AsOf, span: Span) {
        let mut behind = self.lock();
        if matches!(behind.shows, Shows::Nothing | Shows::Expected) {
            behind.state = state;
            behind.shows = Shows::Early(as_of, span);
        }
        drop(behind);
        self.read.notify_all();
    }

    /// Memory that was read early, as soon as nobody is to read it any more; nothing if nobody did. For the writer.
    pub fn await_early(&self) -> Option<Foreseen<'_>> {
        let expected = |behind: &mut Behind| matches!(behind.shows, Shows::Expected);
        let behind = self.read.wait_while(self.lock(), expected).unwrap_or_else(PoisonError::into_inner);
        match behind.shows {
            Shows::Early(_, span) => Some(Foreseen { window: self, span }),
            Shows::Nothing | Shows::Expected | Shows::Away | Shows::Memory(_) => None,
        }
    }

    /// The names of what early memory had let go of were read.
    pub fn early_names(&self, names: GoneNames) {
        let mut behind = self.lock();
        if matches!(behind.shows, Shows::Early(..)) {
            behind.state.gone_before(names);
        }
    }

    /// What limits of a question have counted.
    pub fn counted(&self, origin: &Origin, request: &AuthorizationRequest, limits: &[LimitCheck]) -> Counted {
        let Some(behind) = self.glance() else { return Counted::Busy };
        match behind.shows {
            Shows::Nothing | Shows::Expected => Counted::Never,
            Shows::Away => Counted::Busy,
            Shows::Early(..) | Shows::Memory(_) => Counted::Seen(behind.state.counted(origin, request, limits)),
        }
    }

    /// Whose money an event is about.
    pub fn account_of(&self, origin: &Origin, event: &ToldEvent) -> MoneyOf {
        let Some(behind) = self.glance() else { return MoneyOf::Busy };
        let state = match behind.shows {
            Shows::Nothing | Shows::Expected => return MoneyOf::NotSeen,
            Shows::Away => return MoneyOf::Busy,
            Shows::Early(..) | Shows::Memory(_) => &behind.state,
        };
        let (platform, names) = (origin.platform.as_ref(), payments_of(origin.platform.as_ref(), event));
        let names = (names.0.as_ref(), names.1.as_ref());
        let located = state.locate_told(&origin.program, platform, &subject_of(event), names);
        let account = located.account.and_then(|index| state.account(index));
        account.map_or(MoneyOf::NotSeen, |row| MoneyOf::Account(row.id))
    }

    /// Memory, if nobody has it just now.
    fn glance(&self) -> Option<MutexGuard<'_, Behind>> {
        match self.behind.try_lock() {
            Ok(behind) => Some(behind),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// What is to be seen around a question.
    pub fn look(&self, origin: &Origin, request: &AuthorizationRequest) -> Glimpse {
        let Some(behind) = self.glance() else { return Glimpse::Busy };
        match behind.shows {
            Shows::Nothing | Shows::Expected => Glimpse::Nothing,
            Shows::Away => Glimpse::Busy,
            Shows::Early(as_of, _) | Shows::Memory(as_of) => Glimpse::Seen(behind.state.seen(origin, request, as_of)),
        }
    }

    /// What will be seen around a question once this was heard, too.
    pub fn look_ahead(&self, origin: &Origin, request: &AuthorizationRequest, to_hear: &[ToHear]) -> Glimpse<Ahead> {
        let Some(behind) = self.glance() else { return Glimpse::Busy };
        let as_of = match behind.shows {
            Shows::Nothing | Shows::Expected => return Glimpse::Nothing,
            Shows::Away => return Glimpse::Busy,
            Shows::Early(as_of, _) | Shows::Memory(as_of) => as_of,
        };
        let copied = Copied::of(&behind.state, to_hear, origin, request);
        // The writer may have its memory back by now.
        drop(behind);
        Glimpse::Seen(copied.ahead(to_hear, origin, request, as_of))
    }
}

/// What stands in memory's place.
fn empty() -> Box<State> {
    Box::new(State::new((0, 0)))
}

/// Memory that was read early, and is shown until the writer takes it.
#[derive(Debug)]
pub struct Foreseen<'a> {
    window: &'a Window,
    /// What it was read from.
    pub span: Span,
}

impl Foreseen<'_> {
    /// Takes it, to work on it.
    pub fn take(self) -> Box<State> {
        let mut behind = self.window.lock();
        behind.shows = Shows::Away;
        std::mem::replace(&mut behind.state, empty())
    }
}

/// Memory that was left in a window; dropped, it is taken away again.
#[must_use = "memory is taken away at once"]
#[derive(Debug)]
pub struct Shown<'a> {
    window: &'a Window,
    state: &'a mut Box<State>,
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.window.exchange(self.state, Shows::Away);
    }
}
