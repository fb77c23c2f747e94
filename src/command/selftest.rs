//! `holdfast selftest`: the ledger's engine against an independent model, from one seed.

use std::io;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use holdfast_core::hold::mutant::{self, Mutant};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Failure;
use crate::clock;
use crate::simulation::{self, Report};

const EXAMPLES: &str = "\
Examples:
  holdfast selftest
  holdfast selftest --seed 7 --steps 10000000 --json | jq .steps_per_second

Random programs, platforms and cardholders do everything that a ledger has to bear, on a simulated disk that fails; after every
step money, holds, limits and answers are compared with a model written apart from the engine. The same seed is the same run.

Exit codes:
  0  no difference
  1  a difference: the seed, the step, what was expected and the events before it
  2  the command line is not understood";

/// Tries the ledger's engine against an independent model; touches no data.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Selftest {
    /// Where chance begins.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many events.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Puts a known bug back, to see it found; only in builds with the feature `mutants`.
    #[arg(long, value_name = "NAME", hide = true, value_parser = mutants())]
    mutant: Option<String>,
}

fn mutants() -> PossibleValuesParser {
    PossibleValuesParser::new(Mutant::ALL.iter().map(|mutant| mutant.name()))
}

impl Selftest {
    pub(super) fn run(self, output: &mut dyn io::Write) -> Result<(), Failure> {
        if let Some(name) = &self.mutant
            && !mutant::put_back(Mutant::ALL.iter().copied().find(|mutant| mutant.name() == name))
        {
            return Err(Failure::told("this build has no mutants; build it with `--features mutants`"));
        }
        let bar = if self.json { ProgressBar::hidden() } else { ProgressBar::new(self.steps) };
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} steps, {per_sec}") {
            bar.set_style(style);
        }
        let began = clock::instant();
        let found = simulation::run(self.seed, self.steps, |done| bar.set_position(done));
        let took = clock::instant().saturating_duration_since(began);
        bar.finish_and_clear();
        match found {
            Ok(report) if self.json => Ok(writeln!(output, "{}", as_json(self.seed, &report, took))?),
            Ok(report) => Ok(write!(output, "{}", as_table(self.seed, &report, took))?),
            Err(difference) => Err(Failure::told(format!("seed {}: {difference}", self.seed).trim_end())),
        }
    }
}

fn steps_per_second(report: &Report, took: Duration) -> u64 {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    report.steps.saturating_mul(1_000_000).checked_div(micros).unwrap_or(0)
}

fn changed_percent(report: &Report) -> u64 {
    report.changed.saturating_mul(100).checked_div(report.steps).unwrap_or(0)
}

fn as_json(seed: u64, report: &Report, took: Duration) -> serde_json::Value {
    json!({
        "seed": seed,
        "steps": report.steps,
        "steps_per_second": steps_per_second(report, took),
        "changed": report.changed,
        "worlds": report.worlds,
        "restarts": report.restarts,
        "faults": report.faults,
        "torn": report.torn,
        "same_time": report.same_time,
        "joined": report.joined,
        "contrary": report.contrary,
        "expired": report.expired,
        "looked_for": report.looked_for,
        "found": report.found,
        "kinds": report.kinds,
    })
}

fn as_table(seed: u64, report: &Report, took: Duration) -> String {
    use std::fmt::Write as _;
    let Report { steps, worlds, restarts, faults, torn, same_time, joined, expired, found, .. } = report;
    let (rate, changed) = (steps_per_second(report, took), changed_percent(report));
    let mut table = format!(
        "seed {seed}: {steps} steps without a difference, {rate} a second\n{changed} % changed state; {worlds} worlds, \
         {restarts} restarts, {faults} failed groups, {torn} torn writes, {same_time} messages of the very time of another, \
         {joined} payments of two names joined, {expired} holds expired, {found} times something of old was found\n"
    );
    for (kind, count) in &report.kinds {
        // Writing to a string does not fail.
        let _ = writeln!(table, "  {kind:<24}{count:>12}");
    }
    table
}
