//! What is running: the program's version, and the rules of each program.

use std::sync::{Arc, Mutex, PoisonError};

use ::metrics::Gauge;
use holdfast_core::{PlatformName, ProgramId};

use super::registry::{Family, Kind, Registry};

const BUILD_INFO: Family =
    Family { name: "holdfast_build_info", help: "1, with the version that is running as its label", kind: Kind::Gauge };
const RULESET_INFO: Family =
    Family { name: "holdfast_ruleset_info", help: "1 for the ruleset that decides for the program", kind: Kind::Gauge };

const STAND_IN_INFO: Family = Family {
    name: "holdfast_stand_in_info",
    help: "1 for the stand-in table in force for the program (and the platform, where it has its own)",
    kind: Kind::Gauge,
};

const EXPOSURE: Family = Family {
    name: "holdfast_stand_in_exposure_minor",
    help: "Money that stand-in approved and the ledger has not confirmed, in minor units of the program's currency",
    kind: Kind::Gauge,
};

pub(super) const FAMILIES: &[Family] = &[BUILD_INFO, RULESET_INFO, STAND_IN_INFO, EXPOSURE];

/// Which rulesets decide.
#[derive(Debug)]
pub(super) struct InfoMetrics {
    registry: Arc<Registry>,
    current: Mutex<Vec<(Whose, Gauge)>>,
}

/// Whose version a gauge shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Rules(ProgramId),
    StandIn(ProgramId, Option<PlatformName>),
}

impl InfoMetrics {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        registry.gauge(&BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION"))]).set(1.0);
        InfoMetrics { registry: Arc::clone(registry), current: Mutex::new(Vec::new()) }
    }

    pub(super) fn ruleset(&self, program: ProgramId, hash: &str) {
        let gauge = self.registry.gauge(&RULESET_INFO, &[("program", program.as_str()), ("hash", hash)]);
        self.shows(Whose::Rules(program), gauge);
    }

    pub(super) fn stand_in_table(&self, program: ProgramId, platform: Option<PlatformName>, hash: &str) {
        let name = platform.as_ref().map_or("", PlatformName::as_str);
        let labels = [("program", program.as_str()), ("platform", name), ("hash", hash)];
        self.shows(Whose::StandIn(program, platform), self.registry.gauge(&STAND_IN_INFO, &labels));
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats; no answer depends on it")]
    pub(super) fn exposure(&self, program: ProgramId, minor: i64) {
        self.registry.gauge(&EXPOSURE, &[("program", program.as_str())]).set(minor as f64);
    }

    /// What is exposed, without the versions that decide no more: the recorder keeps every series that it ever had, as 0.
    pub(super) fn without_former(text: String) -> String {
        let families = [RULESET_INFO.name, STAND_IN_INFO.name];
        let is_former = |line: &str| line.ends_with(" 0") && families.iter().any(|family| line.starts_with(family));
        if !text.lines().any(is_former) {
            return text;
        }
        text.lines().filter(|line| !is_former(line)).flat_map(|line| [line, "\n"]).collect()
    }

    fn shows(&self, whose: Whose, gauge: Gauge) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // The old one first: the same version may be published again.
        if let Some((_, former)) = current.iter().find(|(known, _)| *known == whose) {
            former.set(0.0);
        }
        gauge.set(1.0);
        current.retain(|(known, _)| *known != whose);
        current.push((whose, gauge));
    }
}
