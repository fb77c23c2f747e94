//! `outage`: what platforms hear while the ledger's disk or database hangs, while it comes back, and across a kill; and whether the ledger
//! ends up with what they heard. One server, two mounts with deadlines of 200 ms and of 3 s, open loop at half of its capacity.

pub mod asking;
mod compare;
mod grounds;
pub mod holds;
mod phases;
mod report;
mod script;
pub mod stage;

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::figures::setup::{self, Setting, SetupArguments};
use crate::outage::report::Lateness;
use crate::outage::script::Script;
use crate::outage::stage::{Engine, Stage};
use crate::problem::Problem;

/// How long a server may take to get ready.
const READY_MAX: Duration = Duration::from_secs(120);
/// How many of a thousand callbacks the rules allow.
const APPROVE_PER_MILLE: u16 = 950;
/// Callbacks for each card of a run: enough for stand-in to meet the cap of many cards.
const CALLBACKS_A_CARD: u64 = 8;

/// Arguments of `outage`.
#[derive(Debug, Args)]
pub struct OutageArguments {
    /// How many callbacks are sent, both mounts together; those that warm the server up are not counted.
    #[arg(long, default_value = "200000")]
    callbacks: NonZeroU64,
    /// Which ledger hangs: the embedded one's disk, or a PostgreSQL of this run's own.
    #[arg(long, value_enum, default_value = "embedded")]
    ledger: Engine,
    /// How many are due each second; if not said, half of what the server does in closed loop, and few enough for ten seconds.
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<NonZeroU32>,
    /// Counts late answers, and does not fail because of them: for a machine that is busy with other things, or a program built
    /// without optimization.
    #[arg(long)]
    machine_is_busy: bool,
    #[command(flatten)]
    setup: SetupArguments,
}

/// Runs the outage, prints every count, and stops everything that it started, also when it is interrupted.
///
/// # Errors
/// What could not be started, or a count that must be zero and is not.
pub async fn run(arguments: &OutageArguments) -> Result<(), Problem> {
    let setting = arguments.setup.setting(APPROVE_PER_MILLE, READY_MAX)?;
    let work_dir = arguments.setup.work_dir()?;
    setup::unless_interrupted(measure(&setting, arguments, work_dir)).await
}

async fn measure(setting: &Setting, arguments: &OutageArguments, work_dir: PathBuf) -> Result<(), Problem> {
    let callbacks = arguments.callbacks.get();
    let cards = callbacks.checked_div(CALLBACKS_A_CARD).unwrap_or(0).clamp(2, 1_000_000);
    // Room for what warms the server up, too.
    let mut stage = Stage::set(&work_dir, arguments.ledger, cards, callbacks.saturating_add(100_000)).await?;
    if arguments.setup.keep {
        stage.bench.keep();
    }
    stage.migrate(&setting.holdfast).await?;
    let script = Script { setting, stage: &stage, callbacks, rate: arguments.rate, form: arguments.setup.form() };
    let findings = script.play().await?;
    stage.end().await?;
    findings.print()?;
    findings.verdict(if arguments.machine_is_busy { Lateness::OfTheMachine } else { Lateness::OfTheServer })
}
