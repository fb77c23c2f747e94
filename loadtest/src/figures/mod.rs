//! `figures`: every figure of the benchmark by one command. Servers on one core, the load on another; the bare floor,
//! Holdfast, and Holdfast with a journal that is not synced take turns, so that each figure comes as a ratio to a floor that
//! was measured under the same conditions. It ends by comparing the holds in the ledgers with the approvals received.

mod allocations;
pub mod bench;
pub mod contender;
pub mod keys;
pub mod ledger;
pub mod metrics;
pub mod rounds;
pub mod setup;
mod table;

use std::time::Duration;

use clap::Args;

use crate::figures::bench::{Bench, People, Sync};
use crate::figures::contender::Contender;
use crate::figures::setup::{Setting, SetupArguments};
use crate::figures::table::Figures;
use crate::problem::Problem;
use crate::report::Form;

/// How long a server may take to get ready, with as many accounts as `figures` can have.
const READY_MAX: Duration = Duration::from_secs(60);

/// Arguments of `figures`.
#[derive(Debug, Args)]
pub struct FiguresArguments {
    #[command(flatten)]
    setup: SetupArguments,
    /// How many accounts there are, each with one card.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    accounts: u64,
    /// The share of callbacks that ask for an amount which the ruleset allows.
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = crate::arguments::per_mille)]
    approve_share: u16,
    /// Counts heap allocations a request instead of measuring time. Both programs must be built with the feature
    /// `count-allocations`, which makes them slower.
    #[arg(long)]
    allocations: bool,
}

/// Measures, prints, and stops everything that it started, also when it is interrupted.
///
/// # Errors
/// What could not be started or measured, or that a ledger disagrees with what was heard.
pub async fn run(arguments: &FiguresArguments) -> Result<(), Problem> {
    let FiguresArguments { setup, accounts, approve_share, allocations } = arguments;
    let setting = setup.setting(*approve_share, READY_MAX)?;
    let mut bench = Bench::write(&setup.work_dir()?, People { accounts: *accounts, cards: *accounts })?;
    if setup.keep {
        bench.keep();
    }
    setup::unless_interrupted(measure(&setting, &bench, *allocations, setup.form())).await
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
