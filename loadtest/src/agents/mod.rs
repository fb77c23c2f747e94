//! `agents`: what a decision under a spending authority costs. A processor asks `/v1/authorize`, with a bearer token, about as many
//! authorities and bindings as are wanted, each with a policy of five rules; the bare floor takes turns with it. Then policies are
//! changed, to see how soon a change is in force and what many of them cost. It ends by comparing the holds in the ledger with the
//! approvals received.

mod changes;
mod office;

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::agents::changes::{Changes, Plan};
use crate::figure::{Figure, Unit};
use crate::figures::bench::{Bench, People, Sync};
use crate::figures::contender::{Contender, Turn};
use crate::figures::rounds::{self, median};
use crate::figures::setup::{self, Setting, SetupArguments};
use crate::problem::Problem;
use crate::progress;
use crate::report::{self, Form, decimal, hundredths};

/// How long a server may take to enter a million authorities.
const READY_MAX: Duration = Duration::from_secs(1800);
/// The most that a request may cost of the floor's, in hundredths.
const TARGET_HUNDREDTHS: u64 = 260;

/// Arguments of `agents`.
#[derive(Debug, Args)]
pub struct AgentsArguments {
    #[command(flatten)]
    setup: SetupArguments,
    /// How many spending authorities there are, each with a policy, a binding and a card of its own.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    authorities: u64,
    /// The share of questions that ask for an amount which the policy allows.
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = crate::arguments::per_mille)]
    approve_share: u16,
    /// How many changes of a policy are watched until they are in force; 0 leaves out everything about changes.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    changes: u32,
    /// How many pairs of runs in open loop there are, without changes and with them.
    #[arg(long, value_name = "COUNT", default_value = "5")]
    pairs: NonZeroU32,
    /// How many changes a second there are in the latter.
    #[arg(long, value_name = "COUNT", default_value = "100")]
    changes_a_second: NonZeroU32,
}

impl AgentsArguments {
    fn plan(&self) -> Option<Plan> {
        let AgentsArguments { pairs, changes_a_second: per_second, .. } = *self;
        NonZeroU32::new(self.changes).map(|changes| Plan { changes, pairs, per_second })
    }
}

/// Measures, prints, and stops everything that it started, also when it is interrupted.
///
/// # Errors
/// What could not be started or measured, or that the ledger disagrees with what was heard.
pub async fn run(arguments: &AgentsArguments) -> Result<(), Problem> {
    let AgentsArguments { setup, authorities, approve_share, .. } = arguments;
    let setting = setup.setting(*approve_share, READY_MAX)?;
    let mut bench = Bench::write(&setup.work_dir()?, People { accounts: *authorities, cards: *authorities })?;
    if setup.keep {
        bench.keep();
    }
    bench.write_agents()?;
    setup::unless_interrupted(measure(&setting, &bench, arguments)).await
}

async fn measure(setting: &Setting, bench: &Bench, arguments: &AgentsArguments) -> Result<(), Problem> {
    let form = arguments.setup.form();
    let mut contenders = vec![Contender::floor(setting, bench).await?, Contender::holdfast(setting, bench, Sync::Full).await?];
    rounds::take_turns(setting, &mut contenders).await?;
    let changes = match (arguments.plan(), contenders.last_mut()) {
        (Some(plan), Some(ours)) => {
            let changing = changes::measure(setting, bench, ours, plan);
            Some(progress::wait(form, "changing policies", changing).await?)
        }
        (Some(_) | None, _) => None,
    };
    for contender in &mut contenders {
        contender.read_holds(setting, bench).await?;
    }
    let figures = Figures::of(setting, arguments.authorities, &contenders, changes);
    for contender in contenders {
        contender.stop().await?;
    }
    figures.print(form)?;
    figures.verdict()
}

/// What was measured; medians are over the turns.
#[derive(Debug, Serialize)]
struct Figures {
    conditions: String,
    authorities: u64,
    floor_cpu_ns_per_request: u64,
    cpu_ns_per_request: u64,
    /// Median of the ratios to the floor's turn in the same round.
    cpu_of_floor_hundredths: u64,
    answers_per_second: u64,
    approved: u64,
    declined: u64,
    refused: u64,
    missing: u64,
    approved_minor: i64,
    held_minor: i64,
    changes: Option<Changes>,
}

impl Figures {
    fn of(setting: &Setting, authorities: u64, contenders: &[Contender], changes: Option<Changes>) -> Self {
        let turns = |place: usize| contenders.get(place).map_or(&[][..], |contender| &contender.turns);
        let (floor, ours) = (turns(0), turns(1));
        let ratio = |(one, other): (&Turn, &Turn)| {
            hundredths(u128::from(one.cpu_ns_per_request()), u128::from(other.cpu_ns_per_request()))
        };
        let sum = |count: fn(&Turn) -> u64| ours.iter().map(count).fold(0, u64::saturating_add);
        let last = contenders.get(1);
        Figures {
            conditions: setting.cores_line(),
            authorities,
            floor_cpu_ns_per_request: median(floor.iter().map(Turn::cpu_ns_per_request)),
            cpu_ns_per_request: median(ours.iter().map(Turn::cpu_ns_per_request)),
            cpu_of_floor_hundredths: median(ours.iter().zip(floor).map(ratio)),
            answers_per_second: median(ours.iter().map(|turn| report::per_second(turn.tally.answered(), turn.tally.took))),
            approved: sum(|turn| turn.tally.approved),
            declined: sum(|turn| turn.tally.declined),
            refused: sum(|turn| turn.tally.refused),
            missing: last.map_or(0, |contender| contender.missing),
            approved_minor: last.map_or(0, |contender| contender.approved_minor),
            held_minor: last.and_then(|contender| contender.held_minor).unwrap_or(0),
            changes,
        }
    }

    fn figures(&self) -> Vec<Figure> {
        let (unit, measured) = (Unit::HundredthsOfTimes, self.cpu_of_floor_hundredths);
        let cpu = Figure::at_most("/v1/authorize: CPU, of the floor's", unit, TARGET_HUNDREDTHS, measured);
        [cpu].into_iter().chain(self.changes.iter().flat_map(Changes::figures)).collect()
    }

    fn print(&self, form: Form) -> Result<(), Problem> {
        if form == Form::Json {
            return report::json(&serde_json::json!({ "figures": self.figures(), "report": self }));
        }
        report::line(&self.conditions)?;
        report::line(&format!("{} authorities, each with a binding and a policy of five rules", self.authorities))?;
        report::line("")?;
        self.figures().iter().try_for_each(|figure| report::line(&figure.line()))?;
        report::line("")?;
        let micros = |ns: u64| decimal(ns / 10);
        report::line(&format!("floor:    {} us of CPU a request", micros(self.floor_cpu_ns_per_request)))?;
        report::line(&format!("holdfast: {} us of CPU a request", micros(self.cpu_ns_per_request)))?;
        report::line(&format!(
            "{} answers a second; {} approved, {} declined, {} missing",
            self.answers_per_second, self.approved, self.declined, self.missing
        ))?;
        self.changes.iter().flat_map(Changes::lines).try_for_each(|line| report::line(&line))
    }

    fn verdict(&self) -> Result<(), Problem> {
        if self.refused > 0 {
            return Err(Problem::new(format!("{} questions were refused instead of decided", self.refused)));
        }
        if self.held_minor != self.approved_minor {
            let Figures { held_minor, approved_minor, missing, .. } = self;
            return Err(Problem::new(format!(
                "the ledger holds {held_minor}, and {approved_minor} was approved (minor units; {missing} answers were missing)"
            )));
        }
        self.changes.iter().try_for_each(Changes::verdict)
    }
}
