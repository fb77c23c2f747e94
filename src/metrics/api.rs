//! The management API: what was asked, and how it was answered.

use std::sync::Arc;

use super::registry::{Family, Kind, Registry};

const REQUESTS: Family = Family {
    name: "holdfast_api_requests_total",
    help: "Requests to the management API, by route and by the class of the answer's status",
    kind: Kind::Counter,
};

pub(super) const FAMILIES: &[Family] = &[REQUESTS];

/// The management API's counters.
#[derive(Debug, Clone)]
pub struct ApiMetrics {
    registry: Arc<Registry>,
}

impl ApiMetrics {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        let metrics = ApiMetrics { registry: Arc::clone(registry) };
        // There from the start, so that a rate over it is right from the first stranger on.
        metrics.count("none", "4xx", 0);
        metrics
    }

    /// A request was answered. `route` is one of ours as the router has it, or `none`.
    pub fn answered(&self, route: &str, status: u16) {
        let class = match status {
            0..300 => "2xx",
            300..500 => "4xx",
            500.. => "5xx",
        };
        self.count(route, class, 1);
    }

    fn count(&self, route: &str, status: &str, more: u64) {
        self.registry.counter(&REQUESTS, &[("route", route), ("status", status)]).increment(more);
    }
}
