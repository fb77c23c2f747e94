//! `replay`: how fast a whole journal is decided again. A real server fills it and is stopped; `holdfast replay` then reads it, on
//! one core. It never writes to the journal itself.

use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::figure::{Figure, Unit};
use crate::figures::bench::{Bench, People, Sync};
use crate::figures::contender::Contender;
use crate::figures::metrics::Journal;
use crate::figures::rounds::median;
use crate::figures::setup::{self, Setting, SetupArguments};
use crate::problem::Problem;
use crate::process;
use crate::progress;
use crate::report::{self, Form, micros, nanos, per_second};

/// How long a server may take to get ready, with as many accounts as there can be.
const READY_MAX: Duration = Duration::from_secs(600);
/// How long callbacks are sent before the records are counted.
const SLICE: Duration = Duration::from_millis(500);
/// How many of a thousand callbacks the rules allow.
const APPROVE_PER_MILLE: u16 = 950;
/// A million records in ten seconds.
const RECORDS_PER_SECOND_MIN: u64 = 100_000;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// How many records the journal gets, at least.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    /// How many accounts there are, each with one card.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    accounts: u64,
    #[command(flatten)]
    setup: SetupArguments,
}

/// Fills, replays, prints, and stops everything that it started, also when it is interrupted.
///
/// # Errors
/// What could not be started or measured; that the ledger disagrees with what was heard; that a record is missing or came out
/// differently.
pub async fn run(arguments: &ReplayArguments) -> Result<(), Problem> {
    let ReplayArguments { records, accounts, setup } = arguments;
    let setting = setup.setting(APPROVE_PER_MILLE, READY_MAX)?;
    let mut bench = Bench::write(&setup.work_dir()?, People { accounts: *accounts, cards: *accounts })?;
    if setup.keep {
        bench.keep();
    }
    setup::unless_interrupted(measure(&setting, &bench, *records, setup.form())).await
}

async fn measure(setting: &Setting, bench: &Bench, records: u64, form: Form) -> Result<(), Problem> {
    let mut contender = Contender::holdfast(setting, bench, Sync::Full).await?;
    let filled = fill(&mut contender, records, form).await?;
    contender.read_holds(setting, bench).await?;
    let (approved_minor, held_minor) = (contender.approved_minor, contender.held_minor.unwrap_or(0));
    progress::wait(form, "stopping", contender.stop()).await?;
    let mut rounds = Vec::new();
    for _ in 0..setting.rounds.get() {
        rounds.push(progress::wait(form, "replaying", replay(setting, bench)).await?);
    }
    let report = Report::of(setting, bench, filled, &rounds, (approved_minor, held_minor));
    report.print(form)?;
    report.verdict()
}

/// Lets callbacks be decided at full speed until the journal has so many records; how many it has.
async fn fill(contender: &mut Contender, wanted: u64, form: Form) -> Result<u64, Problem> {
    let bar = progress::counting(form, "filling the journal", wanted);
    let mut written = Journal::read(contender.counters()).await?.records;
    while written < wanted {
        contender.warm_up(SLICE).await?;
        let now = Journal::read(contender.counters()).await?.records;
        if now == written {
            return Err(Problem::new("the journal does not grow any more; look at the server's log (--keep)"));
        }
        written = now;
        bar.set_position(written);
    }
    bar.finish_and_clear();
    contender.until_nothing_is_left().await?;
    Ok(Journal::read(contender.counters()).await?.records)
}

/// What `holdfast replay --json` says on its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Said {
    read: u64,
    decided: u64,
    differing: u64,
}

/// One replay.
#[derive(Debug, Clone, Copy)]
struct Round {
    said: Said,
    took: Duration,
}

async fn replay(setting: &Setting, bench: &Bench) -> Result<Round, Problem> {
    let what = "replaying the journal (holdfast replay --json)";
    let command = bench.command(&setting.holdfast, &["replay", "--json"], Sync::Full);
    let clock = Clock::start();
    let output = process::output(command, setting.cores).await?;
    let took = clock.elapsed();
    let text = String::from_utf8_lossy(&output.stdout);
    // It ends with 1 if something differs, and says what; that is judged when everything is printed.
    match text.lines().last().map(serde_json::from_str) {
        Some(Ok(said)) => Ok(Round { said, took }),
        Some(Err(_)) | None => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Problem::new(format!("{what}: {}: {}", output.status, said.trim())))
        }
    }
}

/// What is printed; the time is the median of the rounds.
#[derive(Debug, Serialize)]
struct Report {
    conditions: Vec<String>,
    figures: Vec<Figure>,
    /// What the server said that it had written.
    records_written: u64,
    records_read: u64,
    records_decided: u64,
    differing: u64,
    took_ns: u64,
    approved_minor: i64,
    held_minor: i64,
}

impl Report {
    fn of(setting: &Setting, bench: &Bench, written: u64, rounds: &[Round], (approved, held): (i64, i64)) -> Self {
        let took = Duration::from_nanos(median(rounds.iter().map(|round| nanos(round.took))));
        let least = |count: fn(&Said) -> u64| rounds.iter().map(|round| count(&round.said)).min().unwrap_or(0);
        let differing = rounds.iter().map(|round| round.said.differing).max().unwrap_or(0);
        let (read, decided) = (least(|said| said.read), least(|said| said.decided));
        let rate = per_second(read, took);
        let mut conditions = vec![
            format!("a journal of {written} records, replayed {} times; the median is told", rounds.len()),
            setting.cores_line(),
        ];
        if bench.is_in_memory() {
            conditions.push("THE JOURNAL IS IN MEMORY; say --work-dir with a directory on a disk".to_owned());
        }
        Report {
            conditions,
            figures: vec![
                Figure::at_least("replay: records a second", Unit::PerSecond, RECORDS_PER_SECOND_MIN, rate),
                Figure::at_most("replay: records that came out differently", Unit::Count, 0, differing),
            ],
            records_written: written,
            records_read: read,
            records_decided: decided,
            differing,
            took_ns: nanos(took),
            approved_minor: approved,
            held_minor: held,
        }
    }

    fn print(&self, form: Form) -> Result<(), Problem> {
        match form {
            Form::Json => report::json(self),
            Form::Table => {
                self.conditions.iter().try_for_each(|line| report::line(line))?;
                report::line("")?;
                self.figures.iter().try_for_each(|figure| report::line(&figure.line()))?;
                let Report { records_read: read, records_decided: decided, differing, .. } = self;
                report::line("")?;
                report::line(&format!("{read} records read and {decided} decided again in {}", micros(self.took_ns)))?;
                report::line(&format!("differ: {}", if *differing == 0 { "nothing".to_owned() } else { differing.to_string() }))
            }
        }
    }

    fn verdict(&self) -> Result<(), Problem> {
        let Report { records_written: written, records_read: read, differing, approved_minor, held_minor, .. } = self;
        if approved_minor != held_minor {
            return Err(Problem::new(format!("the ledger held {held_minor}, and {approved_minor} was approved (minor units)")));
        }
        if read < written {
            return Err(Problem::new(format!("replay read {read} records of {written}")));
        }
        if *differing > 0 {
            return Err(Problem::new(format!("{differing} records came out differently")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(written: u64, said: Said, money: (i64, i64)) -> Report {
        let report = |rounds: &[Round]| {
            let work_dir = tempfile::tempdir().unwrap();
            let bench = Bench::write(work_dir.path(), People { accounts: 2, cards: 2 }).unwrap();
            let setting = Setting {
                holdfast: "holdfast".into(),
                floor: "floor".into(),
                rounds: std::num::NonZeroU32::MIN,
                seconds: std::num::NonZeroU32::MIN,
                connections: std::num::NonZeroUsize::MIN,
                cores: process::Cores { server: None, load: None },
                not_pinned: None,
                approve_per_mille: APPROVE_PER_MILLE,
                ready_max: READY_MAX,
            };
            Report::of(&setting, &bench, written, rounds, money)
        };
        report(&[Round { said, took: Duration::from_millis(10) }, Round { said, took: Duration::from_secs(10) }])
    }

    #[test]
    fn a_journal_that_is_short_or_differs_or_disagrees_is_no_figure() {
        let whole = Said { read: 1001, decided: 900, differing: 0 };
        assert!(report(1000, whole, (5, 5)).verdict().is_ok());
        assert!(report(1002, whole, (5, 5)).verdict().is_err(), "records are missing");
        assert!(report(1000, Said { differing: 1, ..whole }, (5, 5)).verdict().is_err(), "one differs");
        assert!(report(1000, whole, (5, 4)).verdict().is_err(), "a hold is missing");
    }

    #[test]
    fn the_summary_is_read_as_replay_writes_it() {
        let line = r#"{"read":12,"decided":9,"differing":1,"owed":0,"written_by":["0.1.0"],"decided_by":"0.1.0"}"#;
        assert_eq!(serde_json::from_str::<Said>(line).unwrap(), Said { read: 12, decided: 9, differing: 1 });
    }
}
