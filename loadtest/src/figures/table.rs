//! The figures as they are printed: one column a contender, every cost beside its ratio to the floor.

use std::time::Duration;

use serde::Serialize;

use crate::figures::bench::{Bench, Sync};
use crate::figures::contender::{Contender, Kind, Turn};
use crate::figures::rounds::median;
use crate::figures::setup::Setting;
use crate::problem::Problem;
use crate::report::{self, Form, Percentiles, decimal, hundredths, micros};

/// All figures of one measurement.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Under what conditions they were taken.
    conditions: Vec<String>,
    /// One a contender, the floor first.
    columns: Vec<Column>,
}

/// What was measured of one contender. Medians are over its turns.
#[derive(Debug, Serialize)]
struct Column {
    name: &'static str,
    /// Median of the server's CPU time over the answers, with what it does for them later.
    server_cpu_ns_per_request: u64,
    /// Median of the ratios to the floor's turn in the same round.
    server_cpu_of_floor_hundredths: u64,
    /// The same of its CPU time until the last answer.
    server_cpu_at_once_of_floor_hundredths: u64,
    answers_per_second: u64,
    answers_of_floor_hundredths: u64,
    /// How much of its core the server used, and the load of its own.
    server_busy_percent: u64,
    load_busy_percent: u64,
    open_rate_per_second: u32,
    #[serde(flatten)]
    open: Option<Percentiles>,
    open_late: u64,
    journal_records_per_second: Option<u64>,
    journal_syncs_per_second: Option<u64>,
    /// Of all turns in closed loop.
    approved: u64,
    declined: u64,
    refused: u64,
    /// Of everything that was sent, warming up included.
    missing: u64,
    approved_minor: i64,
    held_minor: Option<i64>,
}

impl Figures {
    /// Works out the figures.
    pub fn of(setting: &Setting, bench: &Bench, contenders: &[Contender]) -> Self {
        let floor = contenders.iter().find(|contender| contender.kind == Kind::Floor).map_or(&[][..], |floor| &floor.turns);
        let columns = contenders.iter().map(|contender| Column::of(contender, floor)).collect();
        Figures { conditions: conditions(setting, bench, contenders), columns }
    }

    /// Prints them.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub fn print(&self, form: Form) -> Result<(), Problem> {
        match form {
            Form::Json => report::json(self),
            Form::Table => {
                self.conditions.iter().try_for_each(|condition| report::line(condition))?;
                report::line("")?;
                let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
                report::line(&row("", &names))?;
                for (name, cell) in ROWS {
                    let cells: Vec<String> = self.columns.iter().map(cell).collect();
                    report::line(&row(name, &cells))?;
                }
                Ok(())
            }
        }
    }

    /// Whether every callback was decided, and every ledger holds what was approved.
    ///
    /// # Errors
    /// Callbacks were refused, so that the figures are not those of decisions; or the holds differ.
    pub fn verdict(&self) -> Result<(), Problem> {
        for column in &self.columns {
            if column.refused > 0 {
                return Err(Problem::new(format!(
                    "{}: {} callbacks were refused instead of decided",
                    column.name, column.refused
                )));
            }
            let Some(held) = column.held_minor else { continue };
            if held != column.approved_minor {
                let (name, approved, missing) = (column.name, column.approved_minor, column.missing);
                return Err(Problem::new(format!(
                    "{name}: the ledger holds {held}, and {approved} was approved (minor units; {missing} answers were missing)"
                )));
            }
        }
        Ok(())
    }
}

impl Column {
    fn of(contender: &Contender, floor: &[Turn]) -> Self {
        let turns = &contender.turns;
        let medians = |figure: fn(&Turn) -> u64| median(turns.iter().map(figure));
        let ratios = |figure: fn(&Turn) -> u64| {
            median(turns.iter().zip(floor).map(|(own, floor)| hundredths(u128::from(figure(own)), u128::from(figure(floor)))))
        };
        let total = |count: fn(&Turn) -> u64| turns.iter().map(count).fold(0, u64::saturating_add);
        let (journaled, synced) = match contender.kind {
            Kind::Floor => (false, false),
            Kind::Holdfast(Sync::Full) => (true, true),
            Kind::Holdfast(Sync::None) => (true, false),
        };
        Column {
            name: match contender.kind {
                Kind::Floor => "floor",
                Kind::Holdfast(Sync::Full) => "holdfast",
                Kind::Holdfast(Sync::None) => "not synced",
            },
            server_cpu_ns_per_request: medians(Turn::cpu_ns_per_request),
            server_cpu_of_floor_hundredths: ratios(Turn::cpu_ns_per_request),
            server_cpu_at_once_of_floor_hundredths: ratios(server_cpu_at_once_ns),
            answers_per_second: medians(answers_per_second),
            answers_of_floor_hundredths: ratios(answers_per_second),
            server_busy_percent: medians(|turn| hundredths(turn.server_cpu.as_nanos(), turn.tally.took.as_nanos())),
            load_busy_percent: medians(|turn| hundredths(turn.load_cpu.as_nanos(), turn.tally.took.as_nanos())),
            open_rate_per_second: contender.open_rate,
            open: contender.open.as_ref().map(Percentiles::of),
            open_late: contender.open.as_ref().map_or(0, |tally| tally.late),
            journal_records_per_second: journaled
                .then(|| medians(|turn| report::per_second(turn.journal.records, turn.tally.took))),
            journal_syncs_per_second: synced.then(|| medians(|turn| report::per_second(turn.journal.commits, turn.tally.took))),
            approved: total(|turn| turn.tally.approved),
            declined: total(|turn| turn.tally.declined),
            refused: total(|turn| turn.tally.refused),
            missing: contender.missing,
            approved_minor: contender.approved_minor,
            held_minor: contender.held_minor,
        }
    }

    fn open(&self, percentile: fn(&Percentiles) -> u64) -> String {
        self.open.as_ref().map_or_else(absent, |open| micros(percentile(open)))
    }

    /// In hundredths of a percent.
    fn approved_share(&self) -> u64 {
        let decided = u128::from(self.approved).saturating_add(u128::from(self.declined));
        hundredths(u128::from(self.approved).saturating_mul(100), decided)
    }

    fn holds_agree(&self) -> String {
        match self.held_minor {
            None => absent(),
            Some(held) if held == self.approved_minor => "yes".to_owned(),
            Some(_) => "NO".to_owned(),
        }
    }
}

fn server_cpu_at_once_ns(turn: &Turn) -> u64 {
    a_request(turn.server_cpu, turn)
}

fn a_request(time: Duration, turn: &Turn) -> u64 {
    let nanos = time.as_nanos().checked_div(u128::from(turn.tally.answered()));
    nanos.and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(0)
}

fn answers_per_second(turn: &Turn) -> u64 {
    report::per_second(turn.tally.answered(), turn.tally.took)
}

/// A row's name, and how it reads in a column.
type Row = (&'static str, fn(&Column) -> String);

const ROWS: &[Row] = &[
    ("server CPU a request", |column| format!("{} µs", decimal(column.server_cpu_ns_per_request / 10))),
    ("  against the floor", |column| format!("{} ×", decimal(column.server_cpu_of_floor_hundredths))),
    ("  without what it does later", |column| format!("{} ×", decimal(column.server_cpu_at_once_of_floor_hundredths))),
    ("answers a second", |column| column.answers_per_second.to_string()),
    ("  against the floor", |column| format!("{} ×", decimal(column.answers_of_floor_hundredths))),
    ("server's core busy", |column| format!("{} %", column.server_busy_percent)),
    ("load's core busy", |column| format!("{} %", column.load_busy_percent)),
    ("open loop, half of capacity", |column| format!("{}/s", column.open_rate_per_second)),
    ("  p50", |column| column.open(|open| open.p50_ns)),
    ("  p99", |column| column.open(|open| open.p99_ns)),
    ("  p99.9", |column| column.open(|open| open.p999_ns)),
    ("  late", |column| column.open_late.to_string()),
    ("journal records a second", |column| column.journal_records_per_second.map_or_else(absent, |rate| rate.to_string())),
    ("journal syncs a second", |column| column.journal_syncs_per_second.map_or_else(absent, |rate| rate.to_string())),
    ("approved, closed loop", |column| column.approved.to_string()),
    ("declined", |column| column.declined.to_string()),
    ("  approved of these", |column| format!("{} %", decimal(column.approved_share()))),
    ("refused", |column| column.refused.to_string()),
    ("missing, of everything", |column| column.missing.to_string()),
    ("approved, minor units", |column| column.approved_minor.to_string()),
    ("held in the ledger", |column| column.held_minor.map_or_else(absent, |held| held.to_string())),
    ("holds agree", Column::holds_agree),
];

fn absent() -> String {
    "–".to_owned()
}

fn row(name: &str, cells: &[impl AsRef<str>]) -> String {
    let cells: String = cells.iter().map(|cell| format!("{:>18}", cell.as_ref())).collect();
    format!("{name:<30}{cells}")
}

fn conditions(setting: &Setting, bench: &Bench, contenders: &[Contender]) -> Vec<String> {
    let (rounds, seconds, connections) = (setting.rounds, setting.seconds, setting.connections);
    let approve = setting.approve_per_mille;
    let bytes = contenders.first().map_or(0, Contender::request_bytes);
    let mut lines = vec![format!(
        "{rounds} rounds of {seconds} s, {connections} connections, {bytes} bytes a request, {}.{} % to be approved",
        approve / 10,
        approve % 10
    )];
    lines.push(setting.cores_line());
    if bench.is_in_memory() {
        lines.push("THE LEDGERS ARE IN MEMORY: their syncs cost nothing; say --work-dir with a directory on a disk".to_owned());
    }
    if !contenders.iter().all(Contender::requests_are_copied) {
        lines.push("requests were rendered one by one: the load's core had that work too".to_owned());
    }
    lines
}
