//! What is running: the program's version, and the rules of each program.

use std::sync::{Arc, Mutex, PoisonError};

use ::metrics::Gauge;
use holdfast_core::ProgramId;

use super::registry::{Family, Kind, Registry};

const BUILD_INFO: Family =
    Family { name: "holdfast_build_info", help: "1, with the version that is running as its label", kind: Kind::Gauge };
const RULESET_INFO: Family = Family {
    name: "holdfast_ruleset_info",
    help: "1 for the ruleset that decides for the program, 0 for those that did since the start",
    kind: Kind::Gauge,
};

pub(super) const FAMILIES: &[Family] = &[BUILD_INFO, RULESET_INFO];

/// Which rulesets decide.
#[derive(Debug)]
pub(super) struct InfoMetrics {
    registry: Arc<Registry>,
    current: Mutex<Vec<(ProgramId, Gauge)>>,
}

impl InfoMetrics {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        registry.gauge(&BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION"))]).set(1.0);
        InfoMetrics { registry: Arc::clone(registry), current: Mutex::new(Vec::new()) }
    }

    pub(super) fn ruleset(&self, program: ProgramId, hash: &str) {
        let gauge = self.registry.gauge(&RULESET_INFO, &[("program", program.as_str()), ("hash", hash)]);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // The old one first: the same ruleset may be published again.
        if let Some((_, former)) = current.iter().find(|(known, _)| *known == program) {
            former.set(0.0);
        }
        gauge.set(1.0);
        current.retain(|(known, _)| *known != program);
        current.push((program, gauge));
    }
}
