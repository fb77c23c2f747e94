//! What operators watch: every family of series, one file each, and the handles that record into them.
//!
//! Handles are made at start-up and kept where they are used: recording hashes no labels, takes no lock and allocates
//! nothing but the blocks of 64 samples in which the exporter buffers histograms until [`Metrics::run_upkeep`] or
//! [`Metrics::render`] empties them. Nothing here is awaited, and nothing here decides anything. Labels never carry what a
//! caller wrote.
//!
//! `## Metrics` in the README has one row for each family.

mod api;
mod callers;
mod decisions;
mod info;
mod ledger;
mod notifications;
mod registry;
mod server;
mod spool;
mod stand_in;
mod telemetry;
#[cfg(test)]
mod tests;
mod webhook;

use std::fmt;
use std::sync::Arc;

use holdfast_adapters::Refusal;
use holdfast_core::{PlatformName, ProgramId};

pub use api::ApiMetrics;
use callers::CallerMetrics;
pub use decisions::{CallbackRecord, Phases, Punctuality};
use decisions::{DecisionMetrics, PhaseHistograms};
use info::InfoMetrics;
pub use ledger::{LedgerMetrics, LedgerStanding};
use notifications::NotificationMetrics;
pub use notifications::NotificationResult;
use registry::Registry;
pub use server::{ConnectionRefusal, HttpRefusal, ServerMetrics};
pub use spool::SpoolMetrics;
pub use stand_in::StandInMetrics;
pub use telemetry::TelemetryMetrics;
pub use webhook::EndpointMetrics;

/// Everything that is measured in this process.
#[derive(Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    mounts: Box<[Arc<MountMetrics>]>,
    info: InfoMetrics,
    /// The server's.
    pub server: ServerMetrics,
    /// The ledger's.
    pub ledger: LedgerMetrics,
    /// The spool's.
    pub spool: SpoolMetrics,
    /// Stand-in's.
    pub stand_in: StandInMetrics,
    /// The management API's.
    pub api: ApiMetrics,
    /// Telemetry's.
    pub telemetry: TelemetryMetrics,
}

/// Why the metrics could not be set up: a family's own declaration is wrong.
#[derive(Debug)]
pub struct MetricsError(metrics_exporter_prometheus::BuildError);

impl fmt::Display for MetricsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metrics cannot be set up: {}", self.0)
    }
}

impl std::error::Error for MetricsError {}

impl Metrics {
    /// Sets up every family, with the series of each mount. Several can live in one process.
    ///
    /// # Errors
    /// A family has no bucket edges; that is a bug of this program.
    pub fn new(mounts: &[(ProgramId, PlatformName)]) -> Result<Arc<Metrics>, MetricsError> {
        let families = [
            decisions::FAMILIES,
            callers::FAMILIES,
            notifications::FAMILIES,
            ledger::FAMILIES,
            spool::FAMILIES,
            stand_in::FAMILIES,
            server::FAMILIES,
            api::FAMILIES,
            telemetry::FAMILIES,
            webhook::FAMILIES,
            info::FAMILIES,
        ];
        let registry = Arc::new(Registry::new(&families).map_err(MetricsError)?);
        let phases = PhaseHistograms::new(&registry);
        let stand_in = StandInMetrics::new(&registry);
        for (program, platform) in mounts {
            // So that the families are there before anything happens.
            stand_in.program(program, None);
            stand_in.switched(program, platform, None);
        }
        let mounts = mounts
            .iter()
            .map(|(program, platform)| Mount { program: *program, platform: *platform })
            .map(|mount| Arc::new(MountMetrics::new(&registry, &mount, &phases)))
            .collect();
        Ok(Arc::new(Metrics {
            mounts,
            info: InfoMetrics::new(&registry),
            server: ServerMetrics::new(&registry),
            spool: SpoolMetrics::new(&registry),
            stand_in,
            ledger: LedgerMetrics::new(&registry),
            api: ApiMetrics::new(&registry),
            telemetry: TelemetryMetrics::new(&registry),
            registry,
        }))
    }

    /// The metrics of a mount, by its index in what [`Metrics::new`] was given. Keep it.
    #[must_use]
    pub fn mount(&self, index: usize) -> Option<Arc<MountMetrics>> {
        self.mounts.get(index).cloned()
    }

    /// The metrics of a webhook's endpoint. Keep it.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> (EndpointMetrics, EndpointMetrics) {
        EndpointMetrics::new(&self.registry, name)
    }

    /// From now on this ruleset decides for the program.
    pub fn ruleset(&self, program: ProgramId, hash: &str) {
        self.info.ruleset(program, hash);
    }

    /// From now on this stand-in table decides for the program, or for its platform where that has one of its own.
    pub fn stand_in_table(&self, program: ProgramId, platform: Option<PlatformName>, hash: &str) {
        self.info.stand_in_table(program, platform, hash);
    }

    /// So much is at risk for a program, in minor units of its currency.
    pub fn exposure(&self, program: ProgramId, minor: i64) {
        self.info.exposure(program, minor);
    }

    /// Everything, in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        InfoMetrics::without_former(self.registry.render())
    }

    /// Moves buffered samples into their buckets. Call it every second or so, away from the workers: until then every
    /// sample takes 16 bytes.
    pub fn run_upkeep(&self) {
        self.registry.run_upkeep();
    }
}

/// The metrics of one mount: of one platform that calls for one program.
#[derive(Debug)]
pub struct MountMetrics {
    decisions: DecisionMetrics,
    callers: CallerMetrics,
    notifications: NotificationMetrics,
}

impl MountMetrics {
    fn new(registry: &Arc<Registry>, mount: &Mount, phases: &PhaseHistograms) -> Self {
        MountMetrics {
            decisions: DecisionMetrics::new(registry, mount, phases),
            callers: CallerMetrics::new(registry, mount),
            notifications: NotificationMetrics::new(registry, mount),
        }
    }

    /// An authorization was answered. A stand-in is counted by its cause as well, a late answer as late.
    pub fn record(&self, record: &CallbackRecord<'_>) {
        self.decisions.record(record);
    }

    /// Stand-in gave no decision, so that the platform's own speaks.
    pub fn abstained(&self) {
        self.decisions.abstained();
    }

    /// A stranger was refused.
    pub fn refused(&self, cause: Refusal) {
        self.callers.refused(cause);
    }

    /// An authentic callback was not understood.
    pub fn malformed(&self) {
        self.callers.malformed.increment(1);
    }

    /// An authorization asked for something that this version does not know.
    pub fn unknown_method(&self) {
        self.callers.unknown_methods.increment(1);
    }

    /// A question was asked again after its answer.
    pub fn duplicate(&self) {
        self.callers.duplicates.increment(1);
    }

    /// A question was asked again before its answer.
    pub fn joined(&self) {
        self.callers.joins.increment(1);
    }

    /// A key came again with other content.
    pub fn conflict(&self) {
        self.callers.conflicts.increment(1);
    }

    /// One element of a notification was dealt with.
    pub fn notification(&self, result: NotificationResult) {
        self.notifications.record(result);
    }
}

/// Whose series these are.
#[derive(Debug, Clone, Copy)]
struct Mount {
    program: ProgramId,
    platform: PlatformName,
}

impl Mount {
    fn labels(&self) -> [(&'static str, &str); 2] {
        [("program", self.program.as_str()), ("platform", self.platform.as_str())]
    }

    fn labels_and<'a>(&'a self, name: &'static str, value: &'a str) -> [(&'static str, &'a str); 3] {
        let [program, platform] = self.labels();
        [program, platform, (name, value)]
    }
}
