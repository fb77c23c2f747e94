//! Webhooks: what each endpoint took, what waits for it, and how far it is behind.

use ::metrics::{Counter, Gauge};

use super::registry::{Family, Kind, Registry};

const DELIVERED: Family =
    Family { name: "holdfast_webhook_delivered_total", help: "Events that an endpoint took", kind: Kind::Counter };
const FAILED: Family = Family {
    name: "holdfast_webhook_failed_total",
    help: "Events that an endpoint did not take; they are sent again",
    kind: Kind::Counter,
};
const WAITING: Family = Family {
    name: "holdfast_webhook_waiting",
    help: "Events that were not taken at once, and those that wait behind them",
    kind: Kind::Gauge,
};
const DEAD: Family = Family {
    name: "holdfast_webhook_dead",
    help: "Events that were refused too often: somebody has to look at them",
    kind: Kind::Gauge,
};
const LAG: Family = Family {
    name: "holdfast_webhook_lag_records",
    help: "Durable records of the journal that an endpoint was not told yet",
    kind: Kind::Gauge,
};
const LOST: Family = Family {
    name: "holdfast_webhook_lost_records_total",
    help: "Records that the journal dropped before an endpoint was told",
    kind: Kind::Counter,
};
const CIRCUIT: Family = Family {
    name: "holdfast_webhook_circuit_open",
    help: "1 while an endpoint that does not answer is only tried from time to time",
    kind: Kind::Gauge,
};

pub(super) const FAMILIES: &[Family] = &[DELIVERED, FAILED, WAITING, DEAD, LAG, LOST, CIRCUIT];

/// One endpoint's metrics.
#[derive(Debug, Clone)]
pub struct EndpointMetrics {
    delivered: Counter,
    failed: Counter,
    waiting: Gauge,
    dead: Gauge,
    lag: Gauge,
    lost: Counter,
    circuit: Gauge,
}

impl EndpointMetrics {
    pub(super) fn new(registry: &Registry, endpoint: &str) -> Self {
        let labels = [("endpoint", endpoint)];
        EndpointMetrics {
            delivered: registry.counter(&DELIVERED, &labels),
            failed: registry.counter(&FAILED, &labels),
            waiting: registry.gauge(&WAITING, &labels),
            dead: registry.gauge(&DEAD, &labels),
            lag: registry.gauge(&LAG, &labels),
            lost: registry.counter(&LOST, &labels),
            circuit: registry.gauge(&CIRCUIT, &labels),
        }
    }

    /// It took one.
    pub fn delivered(&self) {
        self.delivered.increment(1);
    }

    /// It did not.
    pub fn failed(&self) {
        self.failed.increment(1);
    }

    /// So many letters wait, and so many are dead.
    pub fn letters(&self, waiting: u32, dead: u32) {
        self.waiting.set(f64::from(waiting));
        self.dead.set(f64::from(dead));
    }

    /// It is so many records behind.
    pub fn lag(&self, records: i64) {
        self.lag.set(f64::from(u32::try_from(records).unwrap_or(if records < 0 { 0 } else { u32::MAX })));
    }

    /// So many records can never be told.
    pub fn lost(&self, records: i64) {
        self.lost.increment(u64::try_from(records).unwrap_or(0));
    }

    /// Whether it is only tried from time to time.
    pub fn circuit(&self, open: bool) {
        self.circuit.set(f64::from(u8::from(open)));
    }
}
