//! `figures`: every figure of the benchmark by one command. Servers on one core, the load on another; the bare floor,
//! Holdfast, and Holdfast with a journal that is not synced take turns, so that each figure comes as a ratio to a floor that
//! was measured under the same conditions. It ends by comparing the holds in the ledgers with the approvals received.

mod allocations;
mod bench;
mod contender;
mod ledger;
mod metrics;
mod rounds;
mod table;

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::figures::bench::{Bench, Sync};
use crate::figures::contender::Contender;
use crate::figures::table::Figures;
use crate::problem::Problem;
use crate::process::{self, Cores};
use crate::report::Form;

/// Arguments of `figures`.
#[derive(Debug, Args)]
pub struct FiguresArguments {
    /// The `holdfast` to measure; if not said, the one beside this program.
    #[arg(long, value_name = "PATH")]
    holdfast: Option<PathBuf>,
    /// The program that serves the floor; if not said, this one.
    #[arg(long, value_name = "PATH")]
    floor_binary: Option<PathBuf>,
    /// How many times the contenders take turns.
    #[arg(long, default_value = "3")]
    rounds: NonZeroU32,
    /// How long each turn takes.
    #[arg(long, default_value = "5")]
    seconds: NonZeroU32,
    /// How many keep-alive connections.
    #[arg(long, default_value = "64")]
    connections: NonZeroUsize,
    /// How many accounts there are, each with one card.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    accounts: u64,
    /// The share of callbacks that ask for an amount which the ruleset allows.
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = crate::arguments::per_mille)]
    approve_share: u16,
    /// The core of the servers.
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    server_core: usize,
    /// The core of the load.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    load_core: usize,
    /// Where to make the directory for configuration, ledgers and logs; if not said, beside this program. It should be on the
    /// disk whose syncs are to be measured, not in memory.
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Leaves that directory behind.
    #[arg(long)]
    keep: bool,
    /// Counts heap allocations a request instead of measuring time. Both programs must be built with the feature
    /// `count-allocations`, which makes them slower.
    #[arg(long)]
    allocations: bool,
    /// Prints one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What all parts of a measurement need to know.
pub struct Setting {
    /// What is measured.
    pub holdfast: PathBuf,
    /// What serves the floor.
    pub floor: PathBuf,
    /// How many turns.
    pub rounds: NonZeroU32,
    /// How long each.
    pub seconds: NonZeroU32,
    /// Over how many connections.
    pub connections: NonZeroUsize,
    /// Where everybody runs.
    pub cores: Cores,
    /// Why somebody is not where they should be.
    pub not_pinned: Option<String>,
    /// How many of a thousand callbacks are to be approved.
    pub approve_per_mille: u16,
}

/// Measures, prints, and stops everything that it started, also when it is interrupted.
///
/// # Errors
/// What could not be started or measured, or that a ledger disagrees with what was heard.
pub async fn run(arguments: &FiguresArguments) -> Result<(), Problem> {
    let setting = arguments.setting()?;
    let work_dir = match &arguments.work_dir {
        Some(directory) => directory.clone(),
        None => beside_this_program("")?,
    };
    let mut bench = Bench::write(&work_dir, arguments.accounts)?;
    if arguments.keep {
        bench.keep();
    }
    let form = if arguments.json { Form::Json } else { Form::Table };
    let mut terminated = signal(SignalKind::terminate()).map_err(Problem::doing("waiting for SIGTERM"))?;
    // Whichever branch ends first, the other one's servers are dropped, and so killed.
    tokio::select! {
        done = measure(&setting, &bench, arguments.allocations, form) => done,
        _ = tokio::signal::ctrl_c() => Err(Problem::new("interrupted")),
        _ = terminated.recv() => Err(Problem::new("terminated")),
    }
}

async fn measure(setting: &Setting, bench: &Bench, counts: bool, form: Form) -> Result<(), Problem> {
    if counts {
        return allocations::measure(setting, bench).await?.print(form);
    }
    let mut contenders = vec![
        Contender::floor(setting, bench).await?,
        Contender::holdfast(setting, bench, Sync::Full).await?,
        Contender::holdfast(setting, bench, Sync::None).await?,
    ];
    rounds::take_turns(setting, &mut contenders).await?;
    for contender in &mut contenders {
        contender.read_holds(setting, bench).await?;
    }
    let figures = Figures::of(setting, bench, &contenders);
    for contender in contenders {
        contender.stop().await?;
    }
    figures.print(form)?;
    figures.verdict()
}

impl FiguresArguments {
    fn setting(&self) -> Result<Setting, Problem> {
        let holdfast = self.holdfast.clone().map_or_else(|| beside_this_program("holdfast"), Ok)?;
        if !holdfast.is_file() {
            let path = holdfast.display();
            return Err(Problem::new(format!(
                "{path} is not there: build it (cargo build --profile dist) or say --holdfast PATH"
            )));
        }
        let floor = self.floor_binary.clone().map_or_else(this_program, Ok)?;
        let (cores, not_pinned) = self.cores();
        let (rounds, seconds, connections, approve_per_mille) = (self.rounds, self.seconds, self.connections, self.approve_share);
        Ok(Setting { holdfast, floor, rounds, seconds, connections, cores, not_pinned, approve_per_mille })
    }

    /// Pins the load to its core, after trying the servers' one. Where that is not possible nobody is pinned.
    fn cores(&self) -> (Cores, Option<String>) {
        if self.server_core == self.load_core {
            return (Cores { server: None, load: None }, Some("servers and load were given the same core".to_owned()));
        }
        match process::pin(self.server_core).and_then(|()| process::pin(self.load_core)) {
            Ok(()) => (Cores { server: Some(self.server_core), load: Some(self.load_core) }, None),
            Err(problem) => (Cores { server: None, load: None }, Some(problem.to_string())),
        }
    }
}

fn this_program() -> Result<PathBuf, Problem> {
    std::env::current_exe().map_err(Problem::doing("finding this program"))
}

fn beside_this_program(name: &str) -> Result<PathBuf, Problem> {
    let program = this_program()?;
    Ok(program.parent().unwrap_or(Path::new(".")).join(name))
}
