//! Where families come from: a name, a help text and a kind, declared once; handles, made once and kept.
//!
//! Nothing here runs on the path of a callback: whoever records keeps the handle that it got at start-up.

use std::fmt;
use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// What kind of series a family has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts samples by the upper edges of these buckets.
    Histogram(&'static [f64]),
}

/// One family of series, as `/metrics` shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
}

/// The exporter's recorder, which every handle writes to.
pub(super) struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

/// Who asks for a handle; the exporter shows none of it.
const METADATA: Metadata<'static> = Metadata::new("holdfast", Level::INFO, None);

impl Registry {
    /// A registry of its own: several can live in one process, as tests want it.
    pub(super) fn new(families: &[&[Family]]) -> Result<Registry, BuildError> {
        let mut builder = PrometheusBuilder::new();
        for family in families.iter().copied().flatten() {
            if let Kind::Histogram(edges) = family.kind {
                builder = builder.set_buckets_for_metric(Matcher::Full(family.name.to_owned()), edges)?;
            }
        }
        let recorder = builder.build_recorder();
        for family in families.iter().copied().flatten() {
            match family.kind {
                Kind::Counter => recorder.describe_counter(family.name.into(), None, family.help.into()),
                Kind::Gauge => recorder.describe_gauge(family.name.into(), None, family.help.into()),
                Kind::Histogram(_) => recorder.describe_histogram(family.name.into(), None, family.help.into()),
            }
        }
        let handle = recorder.handle();
        Ok(Registry { recorder, handle })
    }

    /// A counter of the family with these labels, at zero if it is new.
    pub(super) fn counter(&self, family: &Family, labels: &[(&'static str, &str)]) -> Counter {
        self.recorder.register_counter(&key(family, labels), &METADATA)
    }

    /// A gauge of the family with these labels, at zero if it is new.
    pub(super) fn gauge(&self, family: &Family, labels: &[(&'static str, &str)]) -> Gauge {
        self.recorder.register_gauge(&key(family, labels), &METADATA)
    }

    /// A histogram of the family with these labels.
    pub(super) fn histogram(&self, family: &Family, labels: &[(&'static str, &str)]) -> Histogram {
        self.recorder.register_histogram(&key(family, labels), &METADATA)
    }

    /// Everything, in the Prometheus text format.
    pub(super) fn render(&self) -> String {
        self.handle.render()
    }

    /// Moves the samples that histograms have buffered into their buckets.
    pub(super) fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

fn key(family: &Family, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<Label> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(family.name, labels)
}

/// Records a duration in seconds, the unit of every `_seconds` family.
pub(super) fn record_seconds(histogram: &Histogram, duration: Duration) {
    histogram.record(duration.as_secs_f64());
}
