//! The only file that writes to standard output: runs as tables for people or as one line of JSON for machines.
//!
//! Figures are whole numbers of small units, so that nothing here needs a float.

use std::io::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::drive::Tally;
use crate::problem::Problem;

/// How a command prints its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A table.
    Table,
    /// One line of JSON.
    Json,
}

/// Prints one line on standard output.
///
/// # Errors
/// Nobody reads it any more.
pub fn line(text: &str) -> Result<(), Problem> {
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.write_all(b"\n"))
        .and_then(|()| output.flush())
        .map_err(Problem::doing("writing to standard output"))
}

/// Prints a value as one line of JSON.
///
/// # Errors
/// Nobody reads it any more.
pub fn json<T: Serialize>(value: &T) -> Result<(), Problem> {
    line(&serde_json::to_string(value).map_err(Problem::doing("writing JSON"))?)
}

/// Latencies at the percentiles that people watch, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half of the answers came within this.
    pub p50_ns: u64,
    /// Nine of ten.
    pub p90_ns: u64,
    /// Ninety-nine of a hundred.
    pub p99_ns: u64,
    /// All but one of a thousand.
    pub p999_ns: u64,
    /// All.
    pub max_ns: u64,
}

impl Percentiles {
    /// The percentiles of a run.
    pub fn of(tally: &Tally) -> Self {
        let at = |quantile| tally.latency.value_at_quantile(quantile);
        Percentiles { p50_ns: at(0.5), p90_ns: at(0.9), p99_ns: at(0.99), p999_ns: at(0.999), max_ns: tally.latency.max() }
    }
}

/// One run, as it is printed.
#[derive(Debug, Serialize)]
pub struct RunReport {
    /// `open` or `closed`.
    pub run: &'static str,
    /// The fixed arrival rate of an open loop.
    pub rate_per_second: Option<u32>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Answers a second.
    pub answers_per_second: u64,
    /// Requests whose time came.
    pub due: u64,
    /// Answers that say yes,
    pub approved: u64,
    /// no,
    pub declined: u64,
    /// or neither.
    pub refused: u64,
    /// Requests without an answer.
    pub missing: u64,
    /// Answers after the deadline.
    pub late: u64,
    /// What counts as late, in milliseconds.
    pub deadline_ms: u64,
    /// How much was approved, in minor units.
    pub approved_minor: i64,
    /// Latencies: from the intended time in an open loop, from the sending in a closed one.
    #[serde(flatten)]
    pub latency: Percentiles,
    /// Whether requests were prepared copies; if not, rendering them took time of the load's core.
    pub requests_copied: bool,
    /// Why the first missing answer is missing.
    pub first_missing: Option<String>,
}

impl RunReport {
    /// Prints it.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub fn print(&self, form: Form) -> Result<(), Problem> {
        match form {
            Form::Json => json(self),
            Form::Table => self.table().iter().try_for_each(|(name, value)| line(&format!("{name:<22} {value}"))),
        }
    }

    fn table(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("requests due", self.due.to_string()),
            ("approved", self.approved.to_string()),
            ("declined", self.declined.to_string()),
            ("refused", self.refused.to_string()),
            ("missing", self.missing.to_string()),
            ("late", format!("{} (after {} ms)", self.late, self.deadline_ms)),
            ("answers a second", self.answers_per_second.to_string()),
        ];
        rows.extend(self.rate_per_second.map(|rate| ("arrival rate", format!("{rate}/s"))));
        rows.extend([
            ("p50", micros(self.latency.p50_ns)),
            ("p90", micros(self.latency.p90_ns)),
            ("p99", micros(self.latency.p99_ns)),
            ("p99.9", micros(self.latency.p999_ns)),
            ("longest", micros(self.latency.max_ns)),
        ]);
        rows.extend(self.first_missing.iter().map(|why| ("first missing", why.clone())));
        if !self.requests_copied {
            rows.push(("note", "requests were rendered one by one: the load's core had that work too".to_owned()));
        }
        rows
    }
}

/// So many a second, rounded down; 0 if no time passed.
pub fn per_second(count: u64, took: Duration) -> u64 {
    let nanos = u128::from(count).saturating_mul(1_000_000_000).checked_div(took.as_nanos());
    nanos.and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
}

/// A duration in nanoseconds; as many as there can be if it is longer.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// `whole / parts` in hundredths, rounded down; 0 if there are no parts.
pub fn hundredths(whole: u128, parts: u128) -> u64 {
    whole.saturating_mul(100).checked_div(parts).and_then(|quotient| u64::try_from(quotient).ok()).unwrap_or(0)
}

/// Hundredths as people read them: `183` is `1.83`.
pub fn decimal(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Nanoseconds as microseconds or milliseconds, whichever reads better.
pub fn micros(nanos: u64) -> String {
    match nanos {
        0..10_000_000 => format!("{}.{} µs", nanos / 1000, (nanos % 1000) / 100),
        _ => format!("{} ms", decimal(nanos / 10_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        // 1 µs … 1000 µs, one each; three significant digits are exact below 2048 of the unit, so 1 in 1000 may be off.
        let mut tally = Tally::new().unwrap();
        for micros in 1..=1000_u64 {
            tally.latency.record(micros * 1000).unwrap();
        }
        let found = Percentiles::of(&tally);
        for (value, expected) in [
            (found.p50_ns, 500_000),
            (found.p90_ns, 900_000),
            (found.p99_ns, 990_000),
            (found.p999_ns, 999_000),
            (found.max_ns, 1_000_000),
        ] {
            assert!(tally.latency.equivalent(value, expected), "{value} is not {expected}");
        }
    }

    #[test]
    fn small_units_read_well() {
        for (nanos, text) in
            [(0, "0.0 µs"), (999, "0.9 µs"), (198_460, "198.4 µs"), (9_999_999, "9999.9 µs"), (1_234_567_890, "1234.56 ms")]
        {
            assert_eq!(micros(nanos), text);
        }
        assert_eq!(decimal(hundredths(11, 6)), "1.83");
        assert_eq!(hundredths(1, 0), 0);
        assert_eq!(per_second(1500, Duration::from_millis(500)), 3000);
        assert_eq!(per_second(1, Duration::ZERO), 0);
    }
}
