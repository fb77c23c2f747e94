//! Callers: strangers refused, callbacks not understood, and questions asked twice.

use ::metrics::Counter;
use holdfast_adapters::Refusal;

use super::Mount;
use super::registry::{Family, Kind, Registry};

const REFUSALS: Family = Family {
    name: "holdfast_refusals_total",
    help: "Callbacks answered 401 because their caller could not be verified, by cause",
    kind: Kind::Counter,
};
const MALFORMED: Family = Family {
    name: "holdfast_malformed_total",
    help: "Authentic callbacks answered 400 because they were not understood",
    kind: Kind::Counter,
};
const UNKNOWN_METHODS: Family = Family {
    name: "holdfast_unknown_methods_total",
    help: "Authorizations declined because their method is unknown to this version",
    kind: Kind::Counter,
};
const DUPLICATES: Family = Family {
    name: "holdfast_duplicates_total",
    help: "Authorizations asked again after they were answered, and given the same answer",
    kind: Kind::Counter,
};
const JOINS: Family = Family {
    name: "holdfast_joins_total",
    help: "Authorizations asked again while the first was still being decided, which got the first one's answer",
    kind: Kind::Counter,
};
const CONFLICTS: Family = Family {
    name: "holdfast_conflicts_total",
    help: "Authorizations whose key had come before with other content, and which were refused",
    kind: Kind::Counter,
};

pub(super) const FAMILIES: &[Family] = &[REFUSALS, MALFORMED, UNKNOWN_METHODS, DUPLICATES, JOINS, CONFLICTS];

/// One mount's counters of callers.
#[derive(Debug)]
pub(super) struct CallerMetrics {
    refusals: [Counter; Refusal::ALL.len()],
    pub(super) malformed: Counter,
    pub(super) unknown_methods: Counter,
    pub(super) duplicates: Counter,
    pub(super) joins: Counter,
    pub(super) conflicts: Counter,
}

impl CallerMetrics {
    pub(super) fn new(registry: &Registry, mount: &Mount) -> Self {
        CallerMetrics {
            refusals: Refusal::ALL.map(|cause| registry.counter(&REFUSALS, &mount.labels_and("cause", cause.name()))),
            malformed: registry.counter(&MALFORMED, &mount.labels()),
            unknown_methods: registry.counter(&UNKNOWN_METHODS, &mount.labels()),
            duplicates: registry.counter(&DUPLICATES, &mount.labels()),
            joins: registry.counter(&JOINS, &mount.labels()),
            conflicts: registry.counter(&CONFLICTS, &mount.labels()),
        }
    }

    pub(super) fn refused(&self, cause: Refusal) {
        let place = Refusal::ALL.iter().position(|known| *known == cause.counted());
        if let Some(counter) = place.and_then(|place| self.refusals.get(place)) {
            counter.increment(1);
        }
    }
}
