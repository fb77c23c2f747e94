//! The figures of `shared`, each beside its target.

use super::{Measured, SharedArguments};
use crate::figures::rounds::median;
use crate::problem::Problem;
use crate::report::{self, decimal, hundredths, micros};

/// What is printed.
pub struct Figures(Vec<String>);

/// Whether a figure met its target.
const fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

fn times(hundredths: u64) -> String {
    format!("{} ×", decimal(hundredths))
}

/// The median of what pairs of turns came to, in hundredths.
fn ratio(ours: &[u64], theirs: &[u64]) -> u64 {
    median(ours.iter().zip(theirs).map(|(one, other)| hundredths(u128::from(*one), u128::from(*other))))
}

impl Figures {
    /// Of what was measured.
    pub fn of(measured: &Measured, arguments: &SharedArguments) -> Self {
        let middle = |values: &[u64]| median(values.iter().copied());
        let mut lines = vec![
            format!(
                "{} rounds of {} s, {} connections to the database, {} callers, {} accounts; nobody on a core of their own",
                arguments.rounds, arguments.seconds, arguments.connections, arguments.callers, arguments.accounts
            ),
            String::new(),
            format!("{:<34}{:>14}{:>14}{:>12}   target", "", "pgbench", "holdfast", "ratio"),
        ];
        let mut row = |name: &str, theirs: String, ours: String, ratio: u64, target: &str, is_met: bool| {
            lines.push(format!("{name:<34}{theirs:>14}{ours:>14}{:>12}   {target}: {}", times(ratio), met(is_met)));
        };
        let many = ratio(&measured.ours, &measured.bare);
        let (theirs, ours) = (middle(&measured.bare).to_string(), middle(&measured.ours).to_string());
        row("decisions a second", theirs, ours, many, "at least 0.90 ×", many >= 90);
        let hot = ratio(&measured.ours_hot, &measured.bare_hot);
        let (theirs, ours) = (middle(&measured.bare_hot).to_string(), middle(&measured.ours_hot).to_string());
        row("  all on one account", theirs, ours, hot, "at least 5.00 ×", hot >= 500);
        let late = ratio(&measured.ours_open, &measured.bare_open);
        let (theirs, ours) = (micros(middle(&measured.bare_open)), micros(middle(&measured.ours_open)));
        row("p99 at half of its own capacity", theirs, ours, late, "at most 2.00 ×", late <= 200);
        let (theirs, ours) = (format!("{}/s", measured.rates.0), format!("{}/s", measured.rates.1));
        lines.push(format!("{:<34}{theirs:>14}{ours:>14}", "  that is"));
        let cpu = ratio(&measured.cpu, &measured.cpu_floor);
        lines.push(String::new());
        lines.push(format!("{:<34}{:>14}{:>14}{:>12}   target", "", "hyper floor", "holdfast", "ratio"));
        let (theirs, ours) = (micros(middle(&measured.cpu_floor)), micros(middle(&measured.cpu)));
        lines.push(format!(
            "{:<34}{theirs:>14}{ours:>14}{:>12}   at most 2.50 ×: {}",
            "responder's CPU a request",
            times(cpu),
            met(cpu <= 250)
        ));
        lines.push(format!("late {}, missing {}, refused {}", measured.late, measured.missing, measured.refused));
        Figures(lines)
    }

    /// To standard output.
    ///
    /// # Errors
    /// Nobody reads it.
    pub fn print(&self) -> Result<(), Problem> {
        self.0.iter().try_for_each(|line| report::line(line))
    }
}
