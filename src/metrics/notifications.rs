//! Notifications: what platforms told us, and what became of it.

use ::metrics::Counter;

use super::Mount;
use super::registry::{Family, Kind, Registry};

const NOTIFICATIONS: Family = Family {
    name: "holdfast_notifications_total",
    help: "Elements of platforms' notifications, by what became of them",
    kind: Kind::Counter,
};
const UNRECOGNIZED: Family = Family {
    name: "holdfast_unrecognized_total",
    help: "Elements of notifications that were not understood: kept, acknowledged and listed",
    kind: Kind::Counter,
};

pub(super) const FAMILIES: &[Family] = &[NOTIFICATIONS, UNRECOGNIZED];

/// What became of one element of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationResult {
    /// The ledger applied it.
    Applied,
    /// The ledger did not hear it; it is durable in the spool, and the ledger hears it later.
    Spooled,
    /// The ledger had applied it before.
    Duplicate,
    /// Understood, and nothing to do with money or standing.
    Nothing,
    /// Understood and recorded, but it could not be booked: no account, another currency, beyond what can be counted, or something else
    /// than the same message told before.
    NotBooked,
    /// Not understood; kept.
    Unrecognized,
    /// Could not be made durable; the platform was answered 503 and sends it again.
    NotDurable,
}

impl NotificationResult {
    /// All results, in the order of declaration.
    pub const ALL: [NotificationResult; 7] = [
        NotificationResult::Applied,
        NotificationResult::Spooled,
        NotificationResult::Duplicate,
        NotificationResult::Nothing,
        NotificationResult::NotBooked,
        NotificationResult::Unrecognized,
        NotificationResult::NotDurable,
    ];

    /// The result as metrics write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NotificationResult::Applied => "applied",
            NotificationResult::Spooled => "spooled",
            NotificationResult::Duplicate => "duplicate",
            NotificationResult::Nothing => "nothing",
            NotificationResult::NotBooked => "not_booked",
            NotificationResult::Unrecognized => "unrecognized",
            NotificationResult::NotDurable => "not_durable",
        }
    }
}

/// One mount's counters of notifications.
#[derive(Debug)]
pub(super) struct NotificationMetrics {
    results: [Counter; NotificationResult::ALL.len()],
    unrecognized: Counter,
}

impl NotificationMetrics {
    pub(super) fn new(registry: &Registry, mount: &Mount) -> Self {
        NotificationMetrics {
            results: NotificationResult::ALL
                .map(|result| registry.counter(&NOTIFICATIONS, &mount.labels_and("result", result.name()))),
            unrecognized: registry.counter(&UNRECOGNIZED, &mount.labels()),
        }
    }

    pub(super) fn record(&self, result: NotificationResult) {
        if let Some(counter) = self.results.get(result as usize) {
            counter.increment(1);
        }
        if result == NotificationResult::Unrecognized {
            self.unrecognized.increment(1);
        }
    }
}
