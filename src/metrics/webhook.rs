//! Webhooks: what each endpoint took, what waits for it, and how far it is behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

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

/// A number that two couriers of an endpoint have a part in.
#[derive(Debug, Clone)]
struct Shared {
    gauge: Gauge,
    parts: Arc<[AtomicU32; 2]>,
}

impl Shared {
    fn new(gauge: Gauge) -> Self {
        Shared { gauge, parts: Arc::default() }
    }

    fn set(&self, courier: Courier, part: u32) {
        let [files, database] = &*self.parts;
        match courier {
            Courier::OfFiles => files.store(part, Ordering::Relaxed),
            Courier::OfDatabase => database.store(part, Ordering::Relaxed),
        }
        let all = files.load(Ordering::Relaxed).saturating_add(database.load(Ordering::Relaxed));
        self.gauge.set(f64::from(all));
    }
}

/// Which of an endpoint's couriers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Courier {
    OfFiles,
    OfDatabase,
}

/// One endpoint's metrics, as one of its couriers has them.
#[derive(Debug, Clone)]
pub struct EndpointMetrics {
    courier: Courier,
    delivered: Counter,
    failed: Counter,
    waiting: Shared,
    dead: Shared,
    lag: Gauge,
    lost: Counter,
    circuit: Shared,
}

impl EndpointMetrics {
    /// For the courier that tells from files, and for the one that tells from a database.
    pub(super) fn new(registry: &Registry, endpoint: &str) -> (Self, Self) {
        let labels = [("endpoint", endpoint)];
        let of_files = EndpointMetrics {
            courier: Courier::OfFiles,
            delivered: registry.counter(&DELIVERED, &labels),
            failed: registry.counter(&FAILED, &labels),
            waiting: Shared::new(registry.gauge(&WAITING, &labels)),
            dead: Shared::new(registry.gauge(&DEAD, &labels)),
            lag: registry.gauge(&LAG, &labels),
            lost: registry.counter(&LOST, &labels),
            circuit: Shared::new(registry.gauge(&CIRCUIT, &labels)),
        };
        let of_database = EndpointMetrics { courier: Courier::OfDatabase, ..of_files.clone() };
        (of_files, of_database)
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
        self.waiting.set(self.courier, waiting);
        self.dead.set(self.courier, dead);
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
        self.circuit.set(self.courier, u32::from(open));
    }

    /// Another responder tells it by now, and shows how far.
    pub fn is_told_elsewhere(&self) {
        self.letters(0, 0);
        self.circuit(false);
        self.lag(0);
    }
}
