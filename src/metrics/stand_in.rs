//! Stand-in as a whole: who is stood in for, since when, and by whose hand. Single answers are counted with the
//! decisions.

use std::sync::Arc;

use ::metrics::Gauge;
use holdfast_core::{PlatformName, ProgramId, Timestamp};

use super::registry::{Family, Kind, Registry};

const SINCE: Family = Family {
    name: "holdfast_stand_in_since_seconds",
    help: "Since when the program is stood in for as a whole, as its ledger is away or starts, or an operator switched to that, in seconds since 1970; 0 while it is not",
    kind: Kind::Gauge,
};
const SWITCHED: Family = Family {
    name: "holdfast_stand_in_switched",
    help: "1 while an operator has switched stand-in on for the platform's questions",
    kind: Kind::Gauge,
};
const BREAKER_OPEN: Family = Family {
    name: "holdfast_breaker_open",
    help: "1 while the breaker is open, so that nobody waits for the ledger",
    kind: Kind::Gauge,
};

pub(super) const FAMILIES: &[Family] = &[SINCE, SWITCHED, BREAKER_OPEN];

/// The metrics of stand-in.
#[derive(Debug)]
pub struct StandInMetrics {
    registry: Arc<Registry>,
    breaker_open: Gauge,
}

impl StandInMetrics {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        StandInMetrics { registry: Arc::clone(registry), breaker_open: registry.gauge(&BREAKER_OPEN, &[]) }
    }

    /// Since when the breaker is open, if it is.
    pub fn breaker(&self, since: Option<Timestamp>) {
        self.breaker_open.set(as_gauge(since.is_some()));
    }

    /// Since when a program is stood in for.
    pub fn program(&self, program: &ProgramId, since: Option<Timestamp>) {
        let labels = [("program", program.as_str())];
        let seconds = since.map_or(0, |since| since.unix_micros().checked_div(1_000_000).unwrap_or(0));
        self.registry.gauge(&SINCE, &labels).set(whole(seconds));
    }

    /// Until when an operator has switched stand-in on for a platform's questions, if one has.
    pub fn switched(&self, program: &ProgramId, platform: &PlatformName, until: Option<Timestamp>) {
        let labels = [("program", program.as_str()), ("platform", platform.as_str())];
        self.registry.gauge(&SWITCHED, &labels).set(as_gauge(until.is_some()));
    }
}

fn as_gauge(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// Gauges are floats, which hold whole numbers exactly far beyond any moment.
#[expect(clippy::cast_precision_loss, reason = "shown, never counted with")]
fn whole(number: i64) -> f64 {
    number as f64
}
