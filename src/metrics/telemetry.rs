//! Telemetry's own loss.

use ::metrics::Counter;

use super::registry::{Family, Kind, Registry};

const DROPPED: Family = Family {
    name: "holdfast_telemetry_dropped_total",
    help: "Telemetry records that were not written: the queue was full, or the file could not be written",
    kind: Kind::Counter,
};

pub(super) const FAMILIES: &[Family] = &[DROPPED];

/// What telemetry records into.
#[derive(Debug)]
pub struct TelemetryMetrics {
    dropped: Counter,
}

impl TelemetryMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        TelemetryMetrics { dropped: registry.counter(&DROPPED, &[]) }
    }

    /// So many records will never be written.
    pub fn dropped(&self, records: u64) {
        self.dropped.increment(records);
    }
}
