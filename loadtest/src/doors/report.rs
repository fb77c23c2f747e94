//! What `doors` prints: each door's cost beside its target, what that is made of, and the outbox.

use serde::Serialize;

use crate::doors::Pair;
use crate::doors::outbox::Outbox;
use crate::doors::stage::Door;
use crate::figure::{Figure, Unit};
use crate::figures::bench::Bench;
use crate::figures::contender::{Contender, Turn};
use crate::figures::rounds::median;
use crate::figures::setup::Setting;
use crate::problem::Problem;
use crate::report::{self, Form, decimal, hundredths, per_second};

/// A door that holds money, in hundredths of the floor's CPU time a request.
const HOLDS_MAX: u64 = 260;
/// A check against 200 rules.
const CHECKS_MAX: u64 = 220;

/// Everything that a run tells.
#[derive(Debug, Serialize)]
pub struct Report {
    conditions: Vec<String>,
    doors: Vec<Column>,
    /// Filled in when it was watched.
    pub outbox: Option<Outbox>,
}

/// One door. Medians are over its turns.
#[derive(Debug, Clone, Serialize)]
struct Column {
    door: Door,
    request_bytes: usize,
    floor_cpu_ns_per_request: u64,
    cpu_ns_per_request: u64,
    /// Median of the ratios to the floor's turn in the same round, with what the server does later.
    cpu_of_floor_hundredths: u64,
    answers_per_second: u64,
    approved: u64,
    declined: u64,
    refused: u64,
    missing: u64,
    journal_records: u64,
    approved_minor: i64,
    held_minor: i64,
    requests_copied: bool,
}

impl Column {
    fn of(pair: &Pair) -> Self {
        let Pair { door, floor, holdfast, records } = pair;
        let ratio = |(own, floor): (&Turn, &Turn)| {
            hundredths(u128::from(own.cpu_ns_per_request()), u128::from(floor.cpu_ns_per_request()))
        };
        let rate = |turn: &Turn| per_second(turn.tally.answered(), turn.tally.took);
        Column {
            door: *door,
            request_bytes: holdfast.request_bytes(),
            floor_cpu_ns_per_request: median(floor.turns.iter().map(Turn::cpu_ns_per_request)),
            cpu_ns_per_request: median(holdfast.turns.iter().map(Turn::cpu_ns_per_request)),
            cpu_of_floor_hundredths: median(holdfast.turns.iter().zip(&floor.turns).map(ratio)),
            answers_per_second: median(holdfast.turns.iter().map(rate)),
            approved: holdfast.approved,
            declined: holdfast.declined,
            refused: holdfast.refused,
            missing: holdfast.missing,
            journal_records: *records,
            approved_minor: holdfast.approved_minor,
            held_minor: holdfast.held_minor.unwrap_or(0),
            requests_copied: [floor, holdfast].into_iter().all(Contender::requests_are_copied),
        }
    }

    fn figure(&self) -> Figure {
        let (unit, measured) = (Unit::HundredthsOfTimes, self.cpu_of_floor_hundredths);
        match self.door {
            Door::Authorizations => Figure::at_most("/authorizations: CPU, of the floor's", unit, HOLDS_MAX, measured),
            Door::PaymentGateway => Figure::at_most("/api/payment/auth: CPU, of the floor's", unit, HOLDS_MAX, measured),
            Door::PreAuth => Figure::at_most("pre-auth, 200 rules: CPU, of the floor's", unit, CHECKS_MAX, measured),
        }
    }

    /// What the ledger has to hold: a check moves nothing.
    const fn expected_minor(&self) -> i64 {
        match self.door {
            Door::Authorizations | Door::PaymentGateway => self.approved_minor,
            Door::PreAuth => 0,
        }
    }

    /// How many records the journal must have: checks are kept beside it, where nothing counts them.
    const fn expected_records(&self) -> u64 {
        match self.door {
            Door::Authorizations | Door::PaymentGateway => self.approved.saturating_add(self.declined),
            Door::PreAuth => 0,
        }
    }

    /// Whether every question was decided, recorded, and held as it was told.
    fn verdict(&self) -> Result<(), Problem> {
        let wrong = |sentence: String| Err(Problem::new(format!("{:?}: {sentence}", self.door)));
        if self.refused > 0 {
            return wrong(format!("{} questions were refused instead of decided", self.refused));
        }
        if self.held_minor != self.expected_minor() {
            let (held, expected, missing) = (self.held_minor, self.expected_minor(), self.missing);
            return wrong(format!("the ledger holds {held} instead of {expected} (minor units; {missing} answers were missing)"));
        }
        if self.journal_records < self.expected_records() {
            return wrong(format!("the journal has {} records of {} answers", self.journal_records, self.expected_records()));
        }
        Ok(())
    }
}

/// A row's name, and how it reads in a column.
type Row = (&'static str, fn(&Column) -> String);

const ROWS: &[Row] = &[
    ("bytes a request", |door| door.request_bytes.to_string()),
    ("floor's CPU a request", |door| format!("{} µs", decimal(door.floor_cpu_ns_per_request / 10))),
    ("server's CPU a request", |door| format!("{} µs", decimal(door.cpu_ns_per_request / 10))),
    ("answers a second", |door| door.answers_per_second.to_string()),
    ("approved", |door| door.approved.to_string()),
    ("declined", |door| door.declined.to_string()),
    ("refused", |door| door.refused.to_string()),
    ("missing", |door| door.missing.to_string()),
    ("records of them in the journal", |door| door.journal_records.to_string()),
    ("approved, minor units", |door| door.approved_minor.to_string()),
    ("held in the ledger", |door| door.held_minor.to_string()),
    ("holds agree", |door| if door.held_minor == door.expected_minor() { "yes".to_owned() } else { "NO".to_owned() }),
];

impl Report {
    /// Works out the figures of the doors.
    pub fn of(setting: &Setting, benches: &[(Door, Bench)], pairs: &[Pair]) -> Self {
        let Setting { rounds, seconds, connections, .. } = setting;
        let mut conditions = vec![
            format!("{rounds} rounds of {seconds} s, {connections} connections, {} ‰ to be approved", setting.approve_per_mille),
            setting.cores_line(),
        ];
        if benches.iter().any(|(_, bench)| bench.is_in_memory()) {
            conditions
                .push("THE LEDGERS ARE IN MEMORY: their syncs cost nothing; say --work-dir with a directory on a disk".into());
        }
        let doors: Vec<Column> = pairs.iter().map(Column::of).collect();
        if !doors.iter().all(|door| door.requests_copied) {
            conditions.push("requests were rendered one by one: the load's core had that work too".into());
        }
        Report { conditions, doors, outbox: None }
    }

    fn figures(&self) -> Vec<Figure> {
        let outbox = self.outbox.iter().flat_map(Outbox::figures);
        self.doors.iter().map(Column::figure).chain(outbox).collect()
    }

    /// Prints it.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub fn print(&self, form: Form) -> Result<(), Problem> {
        match form {
            Form::Json => report::json(&serde_json::json!({ "figures": self.figures(), "report": self })),
            Form::Table => {
                self.conditions.iter().try_for_each(|line| report::line(line))?;
                report::line("")?;
                self.figures().iter().try_for_each(|figure| report::line(&figure.line()))?;
                report::line("")?;
                report::line(&row("", self.doors.iter().map(|door| format!("{:?}", door.door))))?;
                for (name, cell) in ROWS {
                    report::line(&row(name, self.doors.iter().map(cell)))?;
                }
                let Some(outbox) = &self.outbox else { return Ok(()) };
                report::line("")?;
                outbox.lines().iter().try_for_each(|line| report::line(line))
            }
        }
    }

    /// Whether ledgers and endpoint agree with what was told.
    ///
    /// # Errors
    /// They do not.
    pub fn verdict(&self) -> Result<(), Problem> {
        self.doors.iter().try_for_each(Column::verdict)?;
        self.outbox.iter().try_for_each(Outbox::verdict)
    }
}

fn row(name: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: String = cells.map(|cell| format!("{cell:>18}")).collect();
    format!("{name:<32}{cells}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(door: Door) -> Column {
        Column {
            door,
            request_bytes: 1500,
            floor_cpu_ns_per_request: 10_000,
            cpu_ns_per_request: 24_000,
            cpu_of_floor_hundredths: 240,
            answers_per_second: 1000,
            approved: 9,
            declined: 1,
            refused: 0,
            missing: 0,
            journal_records: 10,
            approved_minor: 900,
            held_minor: if door == Door::PreAuth { 0 } else { 900 },
            requests_copied: true,
        }
    }

    #[test]
    fn a_door_whose_ledger_or_journal_disagrees_is_no_figure() {
        for door in Door::ALL {
            let fine = column(door);
            assert!(fine.verdict().is_ok(), "{door:?}");
            assert!(Column { held_minor: fine.held_minor + 1, ..fine.clone() }.verdict().is_err(), "{door:?}: one hold too many");
            let unrecorded = Column { journal_records: 9, ..fine.clone() }.verdict();
            assert_eq!(unrecorded.is_err(), door != Door::PreAuth, "{door:?}: one is not recorded");
            assert!(Column { refused: 1, ..fine }.verdict().is_err(), "{door:?}: one was refused");
        }
    }

    #[test]
    fn what_checks_may_cost_is_less() {
        let met = Door::ALL.map(|door| column(door).figure().line().ends_with("  met"));
        assert_eq!(met, [true, true, false]);
    }
}
