//! The drain: how everything in the server learns that it is time to stop, and how long it has.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clock::{self, Instant};

/// Whether the server is draining. Shared by all its threads.
#[derive(Debug, Default)]
pub(super) struct Drain {
    /// Until when, once it has begun.
    until: OnceLock<Instant>,
    notify: Notify,
}

impl Drain {
    /// Begins the drain; it began only once.
    pub(super) fn begin(&self, for_max: Duration) {
        let now = clock::instant();
        self.until.get_or_init(|| now.checked_add(for_max).unwrap_or(now));
        self.notify.notify_waiters();
    }

    pub(super) fn begun(&self) -> bool {
        self.until.get().is_some()
    }

    /// The moment by which all must be done; the past, if no drain has begun.
    pub(super) fn until(&self) -> Instant {
        self.until.get().copied().unwrap_or_else(clock::instant)
    }

    /// Completes when a drain begins after this call. Whoever waits looks at [`Drain::begun`] as well, afterwards.
    pub(super) fn notified(&self) -> Notified<'_> {
        self.notify.notified()
    }
}
