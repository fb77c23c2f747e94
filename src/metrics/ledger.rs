//! The ledger: whether it answers, what its commits cost, and what it has yet to hear.

use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram};

use super::registry::{Family, Kind, Registry, record_seconds};

const COMMIT_EDGES: &[f64] =
    &[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
const RECORD_EDGES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

const COMMIT_SECONDS: Family = Family {
    name: "holdfast_ledger_commit_seconds",
    help: "What one group commit of the journal took, sync included",
    kind: Kind::Histogram(COMMIT_EDGES),
};
const COMMIT_RECORDS: Family = Family {
    name: "holdfast_ledger_commit_records",
    help: "How many records one group commit of the journal carried",
    kind: Kind::Histogram(RECORD_EDGES),
};
const UP: Family = Family {
    name: "holdfast_ledger_up",
    help: "1 while the ledger answers, 0 while it is starting, hanging or away",
    kind: Kind::Gauge,
};
const TOLD_PENDING: Family = Family {
    name: "holdfast_told_pending",
    help: "Stand-in answers that platforms heard and the ledger has not yet adopted",
    kind: Kind::Gauge,
};

const EXPIRED: Family =
    Family { name: "holdfast_holds_expired_total", help: "Holds released because their time had come", kind: Kind::Counter };

const NEVER_ENDED: Family = Family {
    name: "holdfast_holds_never_ended_total",
    help: "Holds that the safety timer released: their platform never told how the payment ended",
    kind: Kind::Counter,
};

const JOURNAL_RECORDS: Family = Family {
    name: "holdfast_journal_records",
    help: "The counter of the last record that the journal has committed",
    kind: Kind::Gauge,
};
const JOURNAL_HEAD: Family = Family {
    name: "holdfast_journal_head",
    help: "The first 48 bits of the hash of the journal's last group, as a number",
    kind: Kind::Gauge,
};

const KEPT_RECORDS: Family =
    Family { name: "holdfast_journal_kept_records", help: "Records that the journal keeps", kind: Kind::Gauge };
const KEPT_BYTES: Family =
    Family { name: "holdfast_journal_kept_bytes", help: "What they take in the journal's file", kind: Kind::Gauge };
const OLDEST_SECONDS: Family = Family {
    name: "holdfast_journal_oldest_seconds",
    help: "The age of the oldest record that the journal keeps",
    kind: Kind::Gauge,
};

const PROJECTION_LAG: Family = Family {
    name: "holdfast_projection_lag_records",
    help: "Records that are durable in the journal and not yet in the projection",
    kind: Kind::Gauge,
};

const PROJECTION_ANEW: Family = Family {
    name: "holdfast_projection_rebuilds_total",
    help: "How often the projection was found damaged and made anew while the ledger went on",
    kind: Kind::Counter,
};

pub(super) const FAMILIES: &[Family] = &[
    COMMIT_SECONDS,
    COMMIT_RECORDS,
    UP,
    TOLD_PENDING,
    EXPIRED,
    NEVER_ENDED,
    JOURNAL_RECORDS,
    JOURNAL_HEAD,
    KEPT_RECORDS,
    KEPT_BYTES,
    OLDEST_SECONDS,
    PROJECTION_LAG,
    PROJECTION_ANEW,
];

/// The ledger's metrics.
#[derive(Debug, Clone)]
pub struct LedgerMetrics {
    commit_seconds: Histogram,
    commit_records: Histogram,
    up: Gauge,
    told_pending: Gauge,
    expired: Counter,
    never_ended: Counter,
    journal_records: Gauge,
    journal_head: Gauge,
    kept_records: Gauge,
    kept_bytes: Gauge,
    oldest_seconds: Gauge,
    projection_lag: Gauge,
    projection_anew: Counter,
}

/// Whether the ledger answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerStanding {
    /// It does.
    Up,
    /// It is starting or away.
    Down,
}

impl LedgerMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        LedgerMetrics {
            commit_seconds: registry.histogram(&COMMIT_SECONDS, &[]),
            commit_records: registry.histogram(&COMMIT_RECORDS, &[]),
            up: registry.gauge(&UP, &[]),
            told_pending: registry.gauge(&TOLD_PENDING, &[]),
            expired: registry.counter(&EXPIRED, &[]),
            never_ended: registry.counter(&NEVER_ENDED, &[]),
            journal_records: registry.gauge(&JOURNAL_RECORDS, &[]),
            journal_head: registry.gauge(&JOURNAL_HEAD, &[]),
            kept_records: registry.gauge(&KEPT_RECORDS, &[]),
            kept_bytes: registry.gauge(&KEPT_BYTES, &[]),
            oldest_seconds: registry.gauge(&OLDEST_SECONDS, &[]),
            projection_lag: registry.gauge(&PROJECTION_LAG, &[]),
            projection_anew: registry.counter(&PROJECTION_ANEW, &[]),
        }
    }

    /// One group commit of so many records.
    pub fn committed(&self, took: Duration, records: u32) {
        record_seconds(&self.commit_seconds, took);
        self.commit_records.record(f64::from(records));
    }

    /// The ledger came up or went away.
    pub fn standing(&self, standing: LedgerStanding) {
        self.up.set(match standing {
            LedgerStanding::Up => 1.0,
            LedgerStanding::Down => 0.0,
        });
    }

    /// So many holds were released because their time had come.
    pub fn expired(&self, holds: usize) {
        self.expired.increment(u64::try_from(holds).unwrap_or(u64::MAX));
    }

    /// So many holds were released by the safety timer.
    pub fn never_ended(&self, holds: usize) {
        self.never_ended.increment(u64::try_from(holds).unwrap_or(u64::MAX));
    }

    /// The journal ends with this record, and its last group's hash begins with this number.
    pub fn journal(&self, last: i64, head: u64) {
        self.journal_records.set(last as f64);
        // 48 bits: a gauge holds them without loss.
        self.journal_head.set(head as f64);
    }

    /// The journal keeps so many records, which take so much, and whose oldest is so old.
    pub fn kept(&self, records: i64, bytes: u64, age: Option<Duration>) {
        self.kept_records.set(records as f64);
        self.kept_bytes.set(bytes as f64);
        self.oldest_seconds.set(age.unwrap_or_default().as_secs_f64());
    }

    /// So many records are not in the projection yet.
    pub fn projection_lag(&self, records: i64) {
        self.projection_lag.set(f64::from(u32::try_from(records).unwrap_or(if records < 0 { 0 } else { u32::MAX })));
    }

    /// The projection was found damaged, and is made anew.
    pub fn projection_anew(&self) {
        self.projection_anew.increment(1);
    }

    /// So many told stand-in answers wait for the ledger.
    pub fn told_pending(&self, answers: u32) {
        self.told_pending.set(f64::from(answers));
    }
}
