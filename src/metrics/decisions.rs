//! Decisions: how many, what, why, how fast, and how close to the deadline.
//!
//! Recording allocates nothing and hashes no labels, but for the first decision with a combination of outcome, reason and
//! basis, which registers its counter.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::metrics::{Counter, Histogram};
use holdfast_core::{Basis, Decision, DeclineReason, StandInCause};

use super::Mount;
use super::registry::{Family, Kind, Registry, record_seconds};

/// Where platforms' budgets and our own targets lie; 1.9 s and 2.9 s are what is left of 2 s and 3 s.
const LATENCY_EDGES: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 1.9, 2.9, 5.9];
/// Phases are mostly a matter of microseconds; the ledger's is a disk's.
const PHASE_EDGES: &[f64] = &[
    0.000_000_5,
    0.000_001,
    0.000_002_5,
    0.000_005,
    0.000_01,
    0.000_025,
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.002_5,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    1.9,
    2.9,
];
/// The first edge holds the late ones.
const SLACK_EDGES: &[f64] = &[0.0, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 1.9, 2.9, 5.9];

const DECISIONS: Family = Family {
    name: "holdfast_decisions_total",
    help: "Authorizations answered, by what was answered, why, and what the answer rests on; a key that came before with something else is a conflict, and no decline",
    kind: Kind::Counter,
};
const DECISION_SECONDS: Family = Family {
    name: "holdfast_decision_seconds",
    help: "From the callback's head received to its answer ready",
    kind: Kind::Histogram(LATENCY_EDGES),
};
const PHASE_SECONDS: Family = Family {
    name: "holdfast_phase_seconds",
    help: "What each phase of answering an authorization took",
    kind: Kind::Histogram(PHASE_EDGES),
};
const SLACK_SECONDS: Family = Family {
    name: "holdfast_deadline_slack_seconds",
    help: "What was left of the platform's budget when the answer was ready; the bucket at 0 holds the late ones",
    kind: Kind::Histogram(SLACK_EDGES),
};
const LATE: Family = Family {
    name: "holdfast_late_answers_total",
    help: "Answers that were ready only after the moment by which the platform wants them",
    kind: Kind::Counter,
};
const STAND_INS: Family =
    Family { name: "holdfast_stand_ins_total", help: "Authorizations decided without the ledger, by cause", kind: Kind::Counter };

const ABSTAINED: Family = Family {
    name: "holdfast_stand_in_abstained_total",
    help: "Authorizations that stand-in left to the platform's own stand-in: mode drop",
    kind: Kind::Counter,
};

pub(super) const FAMILIES: &[Family] = &[DECISIONS, DECISION_SECONDS, PHASE_SECONDS, SLACK_SECONDS, LATE, STAND_INS, ABSTAINED];

/// What one answered authorization leaves behind.
#[derive(Debug, Clone, Copy)]
pub struct CallbackRecord<'a> {
    /// What was answered.
    pub decision: Decision,
    /// What the answer rests on.
    pub basis: &'a Basis,
    /// From the head received to the answer ready.
    pub latency: Duration,
    /// Where the time went.
    pub phases: Phases,
    /// Whether the answer was ready in time.
    pub punctuality: Punctuality,
}

/// How long each phase took; zero for one that the callback did not go through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Proving the caller.
    pub verify: Duration,
    /// Understanding the callback.
    pub decode: Duration,
    /// Evaluating the rules.
    pub rules: Duration,
    /// Waiting for the ledger, whether it answered or not.
    pub ledger: Duration,
    /// Writing the answer.
    pub encode: Duration,
}

/// How an answer stands to its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Punctuality {
    /// Ready with this much left.
    InTime {
        /// Until `answer_by`.
        slack: Duration,
    },
    /// Ready after `answer_by`.
    Late,
}

/// The histograms of the phases, shared by all mounts.
#[derive(Debug, Clone)]
pub(super) struct PhaseHistograms {
    verify: Histogram,
    decode: Histogram,
    rules: Histogram,
    ledger: Histogram,
    encode: Histogram,
}

impl PhaseHistograms {
    pub(super) fn new(registry: &Registry) -> Self {
        let phase = |name| registry.histogram(&PHASE_SECONDS, &[("phase", name)]);
        PhaseHistograms {
            verify: phase("verify"),
            decode: phase("decode"),
            rules: phase("rules"),
            ledger: phase("ledger"),
            encode: phase("encode"),
        }
    }

    /// A phase that was not gone through has no sample.
    fn record(&self, phases: &Phases) {
        let samples = [
            (&self.verify, phases.verify),
            (&self.decode, phases.decode),
            (&self.rules, phases.rules),
            (&self.ledger, phases.ledger),
            (&self.encode, phases.encode),
        ];
        for (histogram, duration) in samples {
            if !duration.is_zero() {
                record_seconds(histogram, duration);
            }
        }
    }
}

/// Outcomes with their reason, as one number: approved is 0, declined for the nth reason is n + 1.
const OUTCOMES: usize = DeclineReason::ALL.len().saturating_add(1);
const BASES: usize = 5;

/// One mount's counters of decisions.
#[derive(Debug)]
pub(super) struct DecisionMetrics {
    registry: Arc<Registry>,
    mount: Mount,
    decisions: [OnceLock<Counter>; OUTCOMES * BASES],
    latency: Histogram,
    slack: Histogram,
    late: Counter,
    stand_ins: [Counter; StandInCause::ALL.len()],
    abstained: Counter,
    phases: PhaseHistograms,
}

impl DecisionMetrics {
    pub(super) fn new(registry: &Arc<Registry>, mount: &Mount, phases: &PhaseHistograms) -> Self {
        let metrics = DecisionMetrics {
            registry: Arc::clone(registry),
            mount: *mount,
            decisions: [const { OnceLock::new() }; OUTCOMES * BASES],
            latency: registry.histogram(&DECISION_SECONDS, &mount.labels()),
            slack: registry.histogram(&SLACK_SECONDS, &mount.labels()),
            late: registry.counter(&LATE, &mount.labels()),
            stand_ins: StandInCause::ALL.map(|cause| registry.counter(&STAND_INS, &mount.labels_and("cause", cause.name()))),
            abstained: registry.counter(&ABSTAINED, &mount.labels()),
            phases: phases.clone(),
        };
        // So that the family is there, and a rate over it right, before the first callback.
        metrics.count(None, &Basis::Ledger, 0);
        metrics
    }

    pub(super) fn abstained(&self) {
        self.abstained.increment(1);
    }

    pub(super) fn record(&self, record: &CallbackRecord<'_>) {
        let reason = match record.decision {
            Decision::Approve { .. } => None,
            Decision::Decline { reason } => Some(reason),
        };
        self.count(reason, record.basis, 1);
        if let Some(cause) = record.basis.stand_in_cause()
            && let Some(counter) = self.stand_ins.get(cause as usize)
        {
            counter.increment(1);
        }
        record_seconds(&self.latency, record.latency);
        self.phases.record(&record.phases);
        match record.punctuality {
            Punctuality::InTime { slack } => record_seconds(&self.slack, slack),
            Punctuality::Late => {
                self.slack.record(0.0);
                self.late.increment(1);
            }
        }
    }

    fn count(&self, reason: Option<DeclineReason>, basis: &Basis, by: u64) {
        let outcome_index = reason.map_or(0, |reason| (reason as usize).saturating_add(1));
        let basis_index: usize = match basis {
            Basis::Rule(_) => 0,
            Basis::Limit(_) => 1,
            Basis::Ledger => 2,
            Basis::Replay => 3,
            Basis::StandIn(_) | Basis::StandInTable(_) => 4,
        };
        let index = outcome_index.saturating_mul(BASES).saturating_add(basis_index);
        if let Some(cell) = self.decisions.get(index) {
            cell.get_or_init(|| self.register(reason, basis)).increment(by);
        }
    }

    #[cold]
    fn register(&self, reason: Option<DeclineReason>, basis: &Basis) -> Counter {
        let outcome = match reason {
            None => "approve",
            // Somebody used a key twice: no word on a payment.
            Some(DeclineReason::ConflictingDuplicate) => "conflict",
            Some(_) => "decline",
        };
        let reason = reason.map_or("none", DeclineReason::name);
        let [program, platform] = self.mount.labels();
        let labels = [program, platform, ("outcome", outcome), ("reason", reason), ("basis", basis.name())];
        self.registry.counter(&DECISIONS, &labels)
    }
}
