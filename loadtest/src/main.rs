//! Load generator and benchmark driver for Holdfast: arguments to subcommand. It never links the responder.
//!
//! Suggested reading order: `schedule`, `client`, `drive` (the loops and what they count), `callbacks` (what is sent),
//! `recognition` (what answers say), `floor`, then `figures` and the other measurements: `scale`, `outage`, `shared`, `agents`,
//! `doors`, `stand_in`, `replay`.

mod agents;
mod allocations;
mod arguments;
mod callbacks;
mod client;
mod clock;
mod doors;
mod drive;
mod figure;
mod figures;
mod floor;
mod outage;
mod postgres;
mod problem;
mod process;
mod progress;
mod recognition;
mod replay;
mod report;
mod scale;
mod schedule;
mod shared;
mod stand_in;
#[cfg(test)]
mod trial_platform;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser as _;
use tokio::task::LocalSet;

use crate::arguments::{Arguments, ClosedArguments, Command, OpenArguments};
use crate::drive::{Load, Run, Tally};
use crate::problem::Problem;
use crate::report::{Percentiles, RunReport};
use crate::schedule::Schedule;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Problem::doing("starting the runtime")(error)),
    };
    let ended = LocalSet::new().block_on(&runtime, dispatch(arguments.into_command()));
    // A thread may still be reading standard input; it must not keep the process.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => fail(&problem),
    }
}

fn fail(problem: &Problem) -> ExitCode {
    eprintln!("holdfast-loadtest: {problem}");
    ExitCode::FAILURE
}

async fn dispatch(command: Command) -> Result<(), Problem> {
    match command {
        Command::Floor(floor) => floor::run(floor.listen).await,
        Command::Run(arguments) => run_open(&arguments).await,
        Command::Closed(arguments) => run_closed(&arguments).await,
        Command::Figures(arguments) => figures::run(&arguments).await,
        Command::Scale(arguments) => scale::run(&arguments).await,
        Command::Outage(arguments) => outage::run(&arguments).await,
        Command::Agents(arguments) => agents::run(&arguments).await,
        Command::Shared(arguments) => shared::run(&arguments).await,
        Command::Doors(arguments) => doors::run(&arguments).await,
        Command::StandIn(arguments) => stand_in::run(&arguments).await,
        Command::Replay(arguments) => replay::run(&arguments).await,
    }
}

async fn run_open(arguments: &OpenArguments) -> Result<(), Problem> {
    let load = arguments.load.prepare().await?;
    let run = Run::start(&load)?;
    let form = arguments.load.form();
    let length = Duration::from_secs(u64::from(arguments.load.seconds.get()));
    let schedule = Schedule::new(arguments.rate, arguments.load.seconds);
    let tally = progress::show(&run, length, form, until_interrupted(&load, drive::open(&run, schedule))).await;
    report_of("open", Some(arguments.rate.get()), &load, &tally).print(form)?;
    answered(&tally)
}

async fn run_closed(arguments: &ClosedArguments) -> Result<(), Problem> {
    let load = arguments.load.prepare().await?;
    let run = Run::start(&load)?;
    let form = arguments.load.form();
    let length = Duration::from_secs(u64::from(arguments.load.seconds.get()));
    let tally = progress::show(&run, length, form, until_interrupted(&load, drive::closed(&run, length))).await;
    report_of("closed", None, &load, &tally).print(form)?;
    answered(&tally)
}

/// Figures of a run in which nobody answered are figures of nothing.
fn answered(tally: &Tally) -> Result<(), Problem> {
    if tally.answered() > 0 {
        return Ok(());
    }
    let why = tally.first_missing.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    Err(Problem::new(format!("nothing was answered{why}: does a server listen there, and is it the right one?")))
}

/// Lets Ctrl-C end a run early: what is out is still waited for, and the report is of what was sent.
async fn until_interrupted<T>(load: &Rc<Load>, run: impl Future<Output = T>) -> T {
    let stopping = Rc::clone(load);
    let interrupt = tokio::task::spawn_local(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stopping.stopping.set(true);
        }
    });
    let done = run.await;
    interrupt.abort();
    done
}

fn report_of(run: &'static str, rate: Option<u32>, load: &Load, tally: &Tally) -> RunReport {
    RunReport {
        run,
        rate_per_second: rate,
        took_ms: u64::try_from(tally.took.as_millis()).unwrap_or(u64::MAX),
        answers_per_second: report::per_second(tally.answered(), tally.took),
        due: tally.due,
        approved: tally.approved,
        declined: tally.declined,
        refused: tally.refused,
        missing: tally.missing,
        late: tally.late,
        deadline_ms: u64::try_from(load.patience.deadline.as_millis()).unwrap_or(u64::MAX),
        approved_minor: tally.approved_minor,
        latency: Percentiles::of(tally),
        requests_copied: load.callbacks.are_copied(),
        first_missing: tally.first_missing.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_an_answer_fails_and_says_so() {
        let mut tally = Tally::new().unwrap();
        tally.missing = 3;
        tally.first_missing = Some("connection refused".to_owned());
        let problem = answered(&tally).unwrap_err().to_string();
        assert!(problem.starts_with("nothing was answered (connection refused)"), "{problem}");
        tally.declined = 1;
        assert!(answered(&tally).is_ok());
    }
}
