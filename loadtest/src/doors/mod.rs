//! `doors`: what an answer of each payment door costs beside the bare floor, which answers the same requests in turns with it; and
//! whether webhooks keep up with a door. It ends by comparing ledgers and events with what was told.

mod outbox;
mod receiver;
mod report;
mod stage;

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use crate::doors::report::Report;
use crate::doors::stage::{Door, Told};
use crate::figures::bench::{Bench, People, Sync};
use crate::figures::contender::Contender;
use crate::figures::metrics::Journal;
use crate::figures::rounds;
use crate::figures::setup::{self, Setting, SetupArguments};
use crate::problem::Problem;
use crate::progress;

/// How long a server may take to get ready.
const READY_MAX: Duration = Duration::from_secs(120);

/// Arguments of `doors`.
#[derive(Debug, Args)]
pub struct DoorsArguments {
    #[command(flatten)]
    setup: SetupArguments,
    /// How many accounts there are, each with one card and its instrument.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=100_000))]
    accounts: u64,
    /// The share of questions that ask for an amount which the ruleset allows.
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = crate::arguments::per_mille)]
    approve_share: u16,
    /// How long the outbox is watched, at half of its door's capacity; 0 leaves it out.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    outbox_seconds: u32,
}

/// Measures, prints, and stops everything that it started, also when it is interrupted.
///
/// # Errors
/// What could not be started or measured, or that a ledger or an endpoint disagrees with what was heard.
pub async fn run(arguments: &DoorsArguments) -> Result<(), Problem> {
    let setting = arguments.setup.setting(arguments.approve_share, READY_MAX)?;
    let work_dir = arguments.setup.work_dir()?;
    setup::unless_interrupted(measure(&setting, arguments, &work_dir)).await
}

/// What was measured of one door: the floor's turns, and the door's.
struct Pair {
    door: Door,
    floor: Contender,
    holdfast: Contender,
    /// What its journal has in the end, without what was imported.
    records: u64,
}

async fn measure(setting: &Setting, arguments: &DoorsArguments, work_dir: &Path) -> Result<(), Problem> {
    let (form, people) = (arguments.setup.form(), People { accounts: arguments.accounts, cards: arguments.accounts });
    let mut benches = Vec::new();
    for door in Door::ALL {
        let mut bench = stage::write(work_dir, door, people, Told::Nobody)?;
        if arguments.setup.keep {
            bench.keep();
        }
        benches.push((door, bench));
    }
    let pairs = progress::wait(form, "the doors take turns", pairs(setting, &benches)).await?;
    let capacity_half = pairs.iter().find(|pair| pair.door == outbox::DOOR).map(|pair| pair.holdfast.open_rate);
    let mut report = Report::of(setting, &benches, &pairs);
    for Pair { floor, holdfast, .. } in pairs {
        floor.stop().await?;
        holdfast.stop().await?;
    }
    if let (Some(rate), Some(seconds)) = (capacity_half.and_then(NonZeroU32::new), NonZeroU32::new(arguments.outbox_seconds)) {
        report.outbox = Some(outbox::measure(setting, work_dir, people, (rate, seconds), form).await?);
    }
    report.print(form)?;
    report.verdict()
}

/// Starts a floor and a server for each door, lets all of them take turns, and asks the ledgers what they hold.
async fn pairs(setting: &Setting, benches: &[(Door, Bench)]) -> Result<Vec<Pair>, Problem> {
    let (mut contenders, mut imported) = (Vec::new(), Vec::new());
    for (_, bench) in benches {
        // Each floor answers its door's own requests.
        contenders.push(Contender::floor(setting, bench).await?);
        let holdfast = Contender::holdfast(setting, bench, Sync::Full).await?;
        let answers = holdfast.approved.saturating_add(holdfast.declined);
        imported.push(Journal::read(holdfast.counters()).await?.records.saturating_sub(answers));
        contenders.push(holdfast);
    }
    rounds::take_turns_closed(setting, &mut contenders).await?;
    let (mut pairs, mut contenders) = (Vec::new(), contenders.into_iter());
    for ((door, bench), imported) in benches.iter().zip(imported) {
        let (Some(floor), Some(mut holdfast)) = (contenders.next(), contenders.next()) else { break };
        holdfast.read_holds(setting, bench).await?;
        let records = Journal::read(holdfast.counters()).await?.records.saturating_sub(imported);
        pairs.push(Pair { door: *door, floor, holdfast, records });
    }
    Ok(pairs)
}
