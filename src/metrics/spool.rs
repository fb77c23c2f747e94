//! The spool: how much it holds, and what its disk does.

use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram};

use super::registry::{Family, Kind, Registry, record_seconds};

const COMMIT_EDGES: &[f64] = &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

const ENTRIES: Family = Family {
    name: "holdfast_spool_entries",
    help: "Stand-in answers and notifications that the ledger has not heard",
    kind: Kind::Gauge,
};
const ASIDE: Family = Family {
    name: "holdfast_spool_set_aside",
    help: "Entries that the ledger refused for good: somebody has to look at them",
    kind: Kind::Gauge,
};
const ENTRIES_MAX: Family = Family {
    name: "holdfast_spool_entries_max",
    help: "How many entries the spool holds; seven eighths of it mean decline",
    kind: Kind::Gauge,
};
const KEPT: Family =
    Family { name: "holdfast_spool_kept_total", help: "Entries that were made durable in the spool", kind: Kind::Counter };
const COMMIT_SECONDS: Family = Family {
    name: "holdfast_spool_commit_seconds",
    help: "What one transaction of the spool took, sync included",
    kind: Kind::Histogram(COMMIT_EDGES),
};
const FAILURES: Family = Family {
    name: "holdfast_spool_failures_total",
    help: "Transactions that the spool's disk did not take; they are tried again",
    kind: Kind::Counter,
};

pub(super) const FAMILIES: &[Family] = &[ENTRIES, ASIDE, ENTRIES_MAX, KEPT, COMMIT_SECONDS, FAILURES];

/// The spool's metrics.
#[derive(Debug, Clone)]
pub struct SpoolMetrics {
    entries: Gauge,
    aside: Gauge,
    entries_max: Gauge,
    kept: Counter,
    commit_seconds: Histogram,
    failures: Counter,
}

impl SpoolMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        SpoolMetrics {
            entries: registry.gauge(&ENTRIES, &[]),
            aside: registry.gauge(&ASIDE, &[]),
            entries_max: registry.gauge(&ENTRIES_MAX, &[]),
            kept: registry.counter(&KEPT, &[]),
            commit_seconds: registry.histogram(&COMMIT_SECONDS, &[]),
            failures: registry.counter(&FAILURES, &[]),
        }
    }

    /// One transaction that made so many entries durable.
    pub fn committed(&self, entries: usize, took: Duration) {
        self.kept.increment(u64::try_from(entries).unwrap_or(u64::MAX));
        record_seconds(&self.commit_seconds, took);
    }

    /// The disk said no.
    pub fn failed(&self) {
        self.failures.increment(1);
    }

    /// How much is in it.
    pub fn filled(&self, waiting: i64, aside: i64, entries_max: i64) {
        self.entries.set(as_gauge(waiting));
        self.aside.set(as_gauge(aside));
        self.entries_max.set(as_gauge(entries_max));
    }
}

/// Gauges are floats; counts of entries are far below what one holds exactly.
fn as_gauge(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
