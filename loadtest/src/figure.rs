//! A figure beside its target. Nothing is rounded in anybody's favour: what is measured is compared as it is.

use serde::Serialize;

use crate::report::{decimal, micros};

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// Hundredths of a percent.
    HundredthsOfPercent,
    /// Hundredths of how many times as much.
    HundredthsOfTimes,
    /// So many a second.
    PerSecond,
    /// So many.
    Count,
}

/// Which side of its target a figure must be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// No more than it.
    AtMost,
    /// No less.
    AtLeast,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figure {
    name: &'static str,
    unit: Unit,
    bound: Bound,
    target: u64,
    measured: u64,
    met: bool,
}

impl Figure {
    /// A figure that must not be more than its target.
    pub const fn at_most(name: &'static str, unit: Unit, target: u64, measured: u64) -> Self {
        Figure { name, unit, bound: Bound::AtMost, target, measured, met: measured <= target }
    }

    /// A figure that must not be less than its target.
    pub const fn at_least(name: &'static str, unit: Unit, target: u64, measured: u64) -> Self {
        Figure { name, unit, bound: Bound::AtLeast, target, measured, met: measured >= target }
    }

    /// As a line of a table.
    pub fn line(&self) -> String {
        let bound = match self.bound {
            Bound::AtMost => "at most",
            Bound::AtLeast => "at least",
        };
        let target = format!("{bound} {}", self.unit.write(self.target));
        let met = if self.met { "met" } else { "MISSED" };
        format!("{:<44}{target:>22}{:>16}  {met}", self.name, self.unit.write(self.measured))
    }
}

impl Unit {
    fn write(self, value: u64) -> String {
        match self {
            Unit::Nanoseconds => micros(value),
            Unit::Bytes => format!("{value} B"),
            Unit::HundredthsOfPercent => format!("{} %", decimal(value)),
            Unit::HundredthsOfTimes => format!("{} ×", decimal(value)),
            Unit::PerSecond => format!("{value}/s"),
            Unit::Count => value.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_itself_is_met_and_one_beyond_it_is_not() {
        for (measured, most, least) in [(249, true, false), (250, true, true), (251, false, true)] {
            assert_eq!(Figure::at_most("x", Unit::Bytes, 250, measured).met, most, "{measured}");
            assert_eq!(Figure::at_least("x", Unit::Bytes, 250, measured).met, least, "{measured}");
        }
    }

    #[test]
    fn a_line_says_target_measured_and_whether_it_is_met() {
        let line = |figure: Figure| figure.line().split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(line(Figure::at_most("a", Unit::Bytes, 250, 300)), "a at most 250 B 300 B MISSED");
        assert_eq!(line(Figure::at_least("b", Unit::HundredthsOfPercent, 8500, 9134)), "b at least 85.00 % 91.34 % met");
        assert_eq!(line(Figure::at_most("d", Unit::HundredthsOfTimes, 260, 261)), "d at most 2.60 × 2.61 × MISSED");
        assert_eq!(line(Figure::at_least("e", Unit::PerSecond, 100, 100)), "e at least 100/s 100/s met");
        assert_eq!(line(Figure::at_most("f", Unit::Count, 0, 1)), "f at most 0 1 MISSED");
        assert_eq!(line(Figure::at_most("c", Unit::Nanoseconds, 250_000_000, 1_500)), "c at most 250.00 ms 1.5 µs met");
    }
}
