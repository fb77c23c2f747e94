//! `stand-in`: what one decision without the ledger costs, and how soon a server that starts without its ledger makes them. The run under
//! load, with its kills, is `outage`.

mod deciding;
mod starting;

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::figure::{Figure, Unit};
use crate::figures::setup::{self, Setting, SetupArguments};
use crate::outage::stage::{Engine, Stage};
use crate::problem::Problem;
use crate::report::{self, Form, micros};
use crate::stand_in::deciding::Deciding;
use crate::stand_in::starting::{Start, Started};

/// How long a server may take to get ready: it imports a million cards at most.
const READY_MAX: Duration = Duration::from_secs(1800);
/// How many of a thousand callbacks the rules allow: all.
const APPROVE_PER_MILLE: u16 = 1000;
/// Fewer cards would be at their cap at once.
const CARDS_MIN: u64 = 300;
/// Room in the spool.
const CALLBACKS: u64 = 100_000;
const DECISION_NS_MAX: u64 = 2_000;
const START_NS_MAX: u64 = 250_000_000;

/// Arguments of `stand-in`.
#[derive(Debug, Args)]
pub struct StandInArguments {
    /// How many decisions are timed.
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
    decisions: u64,
    /// How many cards the server knows that is started without its ledger, each with an account; 0 leaves the start out.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    cards: u64,
    #[command(flatten)]
    setup: SetupArguments,
}

/// Measures, prints, and stops everything that it started, also when it is interrupted.
///
/// # Errors
/// What could not be started or measured, or that what is held is not what was told.
pub async fn run(arguments: &StandInArguments) -> Result<(), Problem> {
    let setting = arguments.setup.setting(APPROVE_PER_MILLE, READY_MAX)?;
    setup::unless_interrupted(measure(&setting, arguments)).await
}

async fn measure(setting: &Setting, arguments: &StandInArguments) -> Result<(), Problem> {
    let form = arguments.setup.form();
    if (1..CARDS_MIN).contains(&arguments.cards) {
        return Err(Problem::new(format!("--cards: with fewer than {CARDS_MIN}, caps are full before anything is measured")));
    }
    let deciding = deciding::measure(arguments.decisions)?;
    let started = match arguments.cards {
        0 => None,
        cards => Some(start(setting, arguments, cards).await?),
    };
    let report = Report { conditions: vec![setting.cores_line()], deciding, started };
    report.print(form)?;
    report.verdict()
}

async fn start(setting: &Setting, arguments: &StandInArguments, cards: u64) -> Result<Started, Problem> {
    let mut stage = Stage::set(&arguments.setup.work_dir()?, Engine::Embedded, cards, CALLBACKS).await?;
    if arguments.setup.keep {
        stage.bench.keep();
    }
    let start = Start { setting, stage: &stage, cards, form: arguments.setup.form() };
    let started = start.measure().await?;
    stage.end().await?;
    Ok(started)
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    conditions: Vec<String>,
    deciding: Deciding,
    started: Option<Started>,
}

impl Report {
    fn figures(&self) -> Vec<Figure> {
        let unit = Unit::Nanoseconds;
        let mut figures = vec![Figure::at_most("stand-in with caps: a decision", unit, DECISION_NS_MAX, self.deciding.median_ns)];
        figures.extend(
            self.deciding
                .allocations
                .map(|allocations| Figure::at_most("stand-in with caps: allocations in all", Unit::Count, 0, allocations)),
        );
        if let Some(started) = &self.started {
            figures.push(Figure::at_most("start: first approval by stand-in", unit, START_NS_MAX, started.approved_ns));
            figures.push(Figure::at_most("start: first answer told again", unit, START_NS_MAX, started.told_again_ns));
        }
        figures
    }

    fn lines(&self) -> Vec<String> {
        let Deciding { decisions, approved, declined, rows, caps, slowest_ns, allocations, .. } = &self.deciding;
        let mut lines = vec![
            format!("{decisions} decisions by a table of {rows} rows and {caps} caps: {approved} approved, {declined} not"),
            format!("  in batches of a thousand; the median is told, the slowest had {} a decision", micros(*slowest_ns)),
        ];
        if allocations.is_none() {
            lines.push("  allocations are counted in builds with --features count-allocations".to_owned());
        }
        let Some(started) = &self.started else { return lines };
        let Started { cards, listening_ns, waited_ns, declined_before, told_approved, told_otherwise, .. } = started;
        lines.extend([
            format!("a start with {cards} cards while the ledger hangs, from before the process exists"),
            format!("  listening after {}; a question waits {} for its ledger first", micros(*listening_ns), micros(*waited_ns)),
            format!("  declined before the first approval: {declined_before}"),
            format!("  approved before the kill: {told_approved}; told otherwise after it: {told_otherwise}"),
            format!("  approved, minor units: {}, held in the end: {}", started.approved_minor, started.held_minor),
        ]);
        lines
    }

    fn print(&self, form: Form) -> Result<(), Problem> {
        match form {
            Form::Json => report::json(&serde_json::json!({ "figures": self.figures(), "report": self })),
            Form::Table => {
                self.conditions.iter().try_for_each(|line| report::line(line))?;
                report::line("")?;
                self.figures().iter().try_for_each(|figure| report::line(&figure.line()))?;
                report::line("")?;
                self.lines().iter().try_for_each(|line| report::line(line))
            }
        }
    }

    fn verdict(&self) -> Result<(), Problem> {
        self.deciding.verdict()?;
        self.started.iter().try_for_each(Started::verdict)
    }
}
