//! What `scale` prints: the conditions, each figure beside its target, and what the figures are made of.

use serde::Serialize;

use crate::figure::{Figure, Unit};
use crate::figures::bench::Bench;
use crate::figures::setup::Setting;
use crate::problem::Problem;
use crate::process::Memory;
use crate::report::{self, Form, hundredths, micros};
use crate::scale::Sizes;
use crate::scale::population::{Answers, Population, Populations};
use crate::scale::restart::Restart;

const LISTENING_NS_MAX: u64 = 250_000_000;
const READY_NS_MAX: u64 = 10_000_000_000;
const ACCOUNT_BYTES_MAX: u64 = 250;
/// 85 %, in hundredths of a percent.
const THROUGHPUT_MIN: u64 = 8_500;
const STALL_NS_MAX: u64 = 50_000_000;

/// Everything that a scale run tells.
#[derive(Debug, Serialize)]
pub struct ScaleReport {
    conditions: Vec<String>,
    figures: Vec<Figure>,
    accounts: u64,
    small: u64,
    large: u64,
    restart: Restart,
    populations: Populations,
}

impl ScaleReport {
    /// Works out the figures.
    pub fn of(setting: &Setting, bench: &Bench, sizes: Sizes, restart: Restart, populations: Populations) -> Self {
        let figures = figures(sizes, &restart, &populations);
        let Sizes { accounts, small, large, .. } = sizes;
        ScaleReport { conditions: conditions(setting, bench, sizes), figures, accounts, small, large, restart, populations }
    }

    /// Prints it.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub fn print(&self, form: Form) -> Result<(), Problem> {
        match form {
            Form::Json => report::json(self),
            Form::Table => {
                let figures = self.figures.iter().map(Figure::line);
                let blank = || std::iter::once(String::new());
                let all = self.conditions.iter().cloned().chain(blank()).chain(figures).chain(blank());
                all.chain(self.restart_lines())
                    .chain(blank())
                    .chain(self.population_lines())
                    .try_for_each(|line| report::line(&line))
            }
        }
    }

    /// Whether the restarted ledger holds what was approved.
    ///
    /// # Errors
    /// It does not.
    pub fn verdict(&self) -> Result<(), Problem> {
        let Restart { approved_minor, held_minor, .. } = self.restart;
        if approved_minor == held_minor {
            return Ok(());
        }
        Err(Problem::new(format!("after the restart {held_minor} is held, and {approved_minor} was approved (minor units)")))
    }

    fn restart_lines(&self) -> Vec<String> {
        let restart = &self.restart;
        let answered = if restart.stood_in_while_starting { "from stand-in, cause starting" } else { "by the ledger" };
        let agree = if restart.approved_minor == restart.held_minor { "yes" } else { "NO" };
        vec![
            format!("restart: {} accounts and cards, {} open holds", self.accounts, restart.holds_open),
            pair("  records that the projection had not", restart.records_not_projected.to_string()),
            pair("  the first callback was answered", answered.to_owned()),
            pair("  memory when ready, at most so far", memory(restart.memory)),
            pair("  holds are those approved before", agree.to_owned()),
        ]
    }

    fn population_lines(&self) -> Vec<String> {
        let Populations { floor, small, large } = &self.populations;
        let names = ["floor".to_owned(), self.small.to_string(), self.large.to_string()];
        let mut lines = vec![row("accounts", &names)];
        let both = |name: &str, figure: fn(&Population) -> String| row(name, &["–".to_owned(), figure(small), figure(large)]);
        let all = |name: &str, figure: fn(&Answers) -> String| {
            row(name, &[figure(floor), figure(&small.answers), figure(&large.answers)])
        };
        lines.extend([
            both("first start, with its import", |of| micros(of.start.import_ns)),
            both("  until it was projected", |of| micros(of.start.projection_ns)),
            both("  memory then", |of| mebibytes(of.start.after_import.resident)),
            both("  most so far", |of| mebibytes(of.start.after_import.peak)),
            both("start afresh", |of| micros(of.start.start_ns)),
            both("  memory then", |of| mebibytes(of.start.after_start.resident)),
            both("  most so far", |of| mebibytes(of.start.after_start.peak)),
            both("memory after all turns", |of| mebibytes(of.after_turns.resident)),
            all("answers a second, closed loop", |of| of.answers_per_second.to_string()),
            all("  longest time between two", |of| micros(of.closed_longest_gap_ns)),
            all("open loop, half of capacity", |of| format!("{}/s", of.open_rate_per_second)),
            all("  p50", |of| of.open.map_or_else(String::new, |open| micros(open.p50_ns))),
            all("  p99", |of| of.open.map_or_else(String::new, |open| micros(open.p99_ns))),
            all("  p99.9", |of| of.open.map_or_else(String::new, |open| micros(open.p999_ns))),
            all("  longest", |of| micros(of.longest_ns())),
            all("  longest time between two", |of| micros(of.open_longest_gap_ns)),
            all("missing", |of| of.missing.to_string()),
        ]);
        lines
    }
}

fn figures(sizes: Sizes, restart: &Restart, populations: &Populations) -> Vec<Figure> {
    let Populations { small, large, .. } = populations;
    let of_small = hundredths(
        u128::from(large.answers.answers_per_second).saturating_mul(100),
        u128::from(small.answers.answers_per_second),
    );
    let account = account_bytes(sizes, small.start.after_start, large.start.after_start);
    vec![
        Figure::at_most("restart: listening", Unit::Nanoseconds, LISTENING_NS_MAX, restart.listening_ns),
        Figure::at_most("restart: /healthz answered", Unit::Nanoseconds, LISTENING_NS_MAX, restart.healthy_ns),
        Figure::at_most("restart: first callback's answer", Unit::Nanoseconds, restart.deadline_ns, restart.answer_took_ns),
        Figure::at_most("restart: ready", Unit::Nanoseconds, READY_NS_MAX, restart.ready_ns),
        Figure::at_most("memory an account", Unit::Bytes, ACCOUNT_BYTES_MAX, account),
        Figure::at_least("throughput, of the small population's", Unit::HundredthsOfPercent, THROUGHPUT_MIN, of_small),
        Figure::at_most("longest latency, open loop", Unit::Nanoseconds, STALL_NS_MAX, large.answers.longest_ns()),
        Figure::at_most("longest time between two answers", Unit::Nanoseconds, STALL_NS_MAX, large.answers.open_longest_gap_ns),
    ]
}

/// What the accounts take that only the large population has, rounded up.
fn account_bytes(sizes: Sizes, small: Memory, large: Memory) -> u64 {
    let more = sizes.large.saturating_sub(sizes.small).max(1);
    large.resident.saturating_sub(small.resident).div_ceil(more)
}

fn conditions(setting: &Setting, bench: &Bench, sizes: Sizes) -> Vec<String> {
    let Setting { rounds, seconds, connections, .. } = setting;
    let mut lines = vec![
        format!("{rounds} rounds of {seconds} s, {connections} connections, every callback to be approved"),
        setting.cores_line(),
        format!("the large population has {} cards, spread over its accounts; its other accounts have none", sizes.small),
        "memory an account: what the server has after a start, large less small, by the accounts between".to_owned(),
    ];
    if bench.is_in_memory() {
        lines.push("THE LEDGERS ARE IN MEMORY: their syncs cost nothing; say --work-dir with a directory on a disk".to_owned());
    }
    lines
}

fn pair(name: &str, value: String) -> String {
    format!("{name:<44}{value}")
}

fn row(name: &str, cells: &[String; 3]) -> String {
    let cells: String = cells.iter().map(|cell| format!("{cell:>16}")).collect();
    format!("{name:<34}{cells}")
}

fn memory(of: Memory) -> String {
    format!("{}, {}", mebibytes(of.resident), mebibytes(of.peak))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_takes_what_only_the_large_population_has() {
        let sizes = Sizes { accounts: 2, holds: 1, small: 10_000, large: 110_000 };
        let memory = |resident| Memory { resident, peak: u64::MAX };
        assert_eq!(account_bytes(sizes, memory(50_000_000), memory(75_000_000)), 250);
        assert_eq!(account_bytes(sizes, memory(50_000_000), memory(75_000_001)), 251, "never rounded down");
        assert_eq!(account_bytes(sizes, memory(50), memory(20)), 0);
    }
}
