//! How much this process takes on at once. Beyond it, stand-in answers at once instead of letting everyone wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The acts that are with the ledger now, and how many may be.
#[derive(Debug)]
pub struct InFlight {
    now: AtomicU32,
    max: u32,
}

/// One act's place. It goes with the act's ticket, so that an act which nobody waits for any more still counts until the
/// ledger is done with it.
#[derive(Debug)]
pub struct Permit(Arc<InFlight>);

impl InFlight {
    /// Nothing in flight, at most `max`.
    #[must_use]
    pub fn new(max: u32) -> Arc<Self> {
        Arc::new(InFlight { now: AtomicU32::new(0), max })
    }

    /// A place, if one is left.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Option<Permit> {
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        let permit = Permit(Arc::clone(self));
        // Dropping the permit gives back what was taken.
        (before < self.max).then_some(permit)
    }

    /// How many are in flight.
    #[must_use]
    pub fn now(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_place_is_given_once() {
        let in_flight = InFlight::new(2);
        let first = in_flight.enter();
        let second = in_flight.enter();
        assert!(first.is_some() && second.is_some());
        assert!(in_flight.enter().is_none());
        assert_eq!(in_flight.now(), 2);
        drop(first);
        assert!(in_flight.enter().is_some());
    }
}
