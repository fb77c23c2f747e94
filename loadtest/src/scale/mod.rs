//! `scale`: what a large population costs, by one command. How fast a server comes back that was killed with as many holds
//! under way, what memory an account takes, and whether answers are as many and as prompt among millions of accounts as among
//! thousands. Each figure is printed beside its target.

mod population;
mod report;
mod restart;

use std::time::Duration;

use clap::Args;

use crate::figures::bench::{Bench, People, Sync};
use crate::figures::setup::{self, Setting, SetupArguments};
use crate::problem::Problem;
use crate::report::Form;
use crate::scale::report::ScaleReport;

/// How long a server may take to get ready: a first start imports ten million rows.
const READY_MAX: Duration = Duration::from_secs(3600);

/// Every callback of a scale run asks for what is approved: each leaves an open hold.
const APPROVE_PER_MILLE: u16 = 1000;

/// The most cards that pay: callbacks have room for six digits of a card's number.
const CARDS_MAX: u64 = 1_000_000;

/// Arguments of `scale`.
#[derive(Debug, Args)]
pub struct ScaleArguments {
    #[command(flatten)]
    setup: SetupArguments,
    #[command(flatten)]
    sizes: Sizes,
    /// The sizes that the targets are meant for: a million accounts and holds for the restart, ten million accounts for the
    /// rest. Takes a quarter of an hour or more, and some 20 GB of disk.
    #[arg(long, conflicts_with_all = ["accounts", "holds", "large"])]
    full: bool,
}

/// How much of everything there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Sizes {
    /// Restart: how many accounts, each with a card.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(2..=CARDS_MAX))]
    pub accounts: u64,
    /// Restart: how many holds are open, at least.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub holds: u64,
    /// Memory and throughput: the small population, each account with a card.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=CARDS_MAX))]
    pub small: u64,
    /// Memory and throughput: how many accounts the large population has. It has as many cards as the small one.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(3..))]
    pub large: u64,
}

impl ScaleArguments {
    fn sizes(&self) -> Sizes {
        if self.full { Sizes { accounts: 1_000_000, holds: 1_000_000, large: 10_000_000, ..self.sizes } } else { self.sizes }
    }
}

/// Measures, prints, and stops everything that it started, also when it is interrupted.
///
/// # Errors
/// What could not be started or measured, or that the ledger lost a hold.
pub async fn run(arguments: &ScaleArguments) -> Result<(), Problem> {
    let sizes = arguments.sizes();
    if sizes.large <= sizes.small {
        return Err(Problem::new("--large must be larger than --small"));
    }
    let setting = arguments.setup.setting(APPROVE_PER_MILLE, READY_MAX)?;
    setup::unless_interrupted(measure(&setting, &arguments.setup, sizes)).await
}

async fn measure(setting: &Setting, setup: &SetupArguments, sizes: Sizes) -> Result<(), Problem> {
    let (work_dir, form) = (setup.work_dir()?, setup.form());
    let bench = |people| -> Result<Bench, Problem> {
        let mut bench = Bench::write(&work_dir, people)?;
        if setup.keep {
            bench.keep();
        }
        Ok(bench)
    };
    let restarted = {
        let bench = bench(People { accounts: sizes.accounts, cards: sizes.accounts })?;
        restart::measure(setting, &bench, sizes.holds, form).await?
    };
    let small = bench(People { accounts: sizes.small, cards: sizes.small })?;
    let large = bench(People { accounts: sizes.large, cards: sizes.small })?;
    let measured = population::measure(setting, &small, &large, form).await?;
    let report = ScaleReport::of(setting, &small, sizes, restarted, measured);
    report.print(form)?;
    report.verdict()
}

/// What is measured is durable.
const SYNC: Sync = Sync::Full;

/// Shows a step that takes its time.
async fn step<T>(form: Form, name: &str, work: impl Future<Output = T>) -> T {
    crate::progress::wait(form, name, work).await
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        scale: ScaleArguments,
    }

    #[test]
    fn full_is_what_the_targets_are_meant_for() {
        let sizes = |words: &[&str]| Line::try_parse_from(words).map(|line| line.scale.sizes());
        let full = sizes(&["x", "--full", "--small", "5000"]).unwrap();
        assert_eq!(full, Sizes { accounts: 1_000_000, holds: 1_000_000, small: 5_000, large: 10_000_000 });
        assert_eq!(sizes(&["x", "--holds", "7"]).unwrap().holds, 7);
        for wrong in [&["x", "--full", "--holds", "7"][..], &["x", "--accounts", "1000001"], &["x", "--large", "2"]] {
            assert!(sizes(wrong).is_err(), "{wrong:?}");
        }
    }
}
