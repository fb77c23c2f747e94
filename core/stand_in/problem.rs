//! What can be wrong with a stand-in table, as values: whoever reads one adds the place in the file.

use std::fmt;

use super::caps::{CAP_SECONDS_MAX, EXPOSURE};
use super::policy::{CAPS_MAX, ROWS_MAX};
use crate::ids::RuleId;
use crate::rules::RulesetProblem;

/// One thing that is wrong with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandInError {
    /// Which of its parts.
    pub place: StandInPlace,
    /// The part's name, where it has one.
    pub id: Option<RuleId>,
    /// What.
    pub problem: StandInProblem,
}

/// A part of a table, by its position from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandInPlace {
    /// The whole.
    Table,
    /// The exposure cap.
    Exposure,
    /// A row.
    Row(usize),
    /// A cap.
    Cap(usize),
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandInProblem {
    /// Something that can be wrong with a ruleset, too.
    Shared(RulesetProblem),
    /// Something approves, and nothing says how much may be at risk.
    NoExposureCap,
    /// More rows than [`ROWS_MAX`].
    TooManyRows,
    /// More caps than [`CAPS_MAX`].
    TooManyCaps,
    /// Rows and caps share their names, and this one is taken.
    DuplicateId,
    /// A cap with the exposure cap's name.
    NameOfExposure,
    /// A cap of zero, which is a row.
    ZeroMaximum,
    /// A cap that counts for longer than is remembered.
    WindowTooLong,
    /// An approval of at most nothing.
    NothingApproved,
    /// A reason that only the ledger can have.
    ReasonNotForRows,
    /// A card's age with neither end.
    NoAge,
    /// A least age above the greatest.
    AgeReversed,
}

impl fmt::Display for StandInProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StandInProblem::Shared(problem) => return fmt::Display::fmt(problem, f),
            StandInProblem::NoExposureCap => {
                "approves without an `exposure_max`: write at the top of the file how much money an outage may put at risk"
            }
            StandInProblem::TooManyRows => return write!(f, "is one too many: a table has at most {ROWS_MAX} rows"),
            StandInProblem::TooManyCaps => return write!(f, "is one too many: a table has at most {CAPS_MAX} caps"),
            StandInProblem::DuplicateId => "has the id of an earlier row or cap",
            StandInProblem::NameOfExposure => return write!(f, "is called `{EXPOSURE}`, as only the exposure cap is"),
            StandInProblem::ZeroMaximum => "must be more than zero; to approve nothing at all, write a row that declines",
            StandInProblem::WindowTooLong => {
                return write!(f, "counts for longer than is remembered: at most {} days", CAP_SECONDS_MAX.div_euclid(86_400));
            }
            StandInProblem::NothingApproved => "must be more than zero: an approval of nothing is a decline",
            StandInProblem::ReasonNotForRows => "is not a reason that a row can have",
            StandInProblem::NoAge => "has neither `min` nor `max`",
            StandInProblem::AgeReversed => "has a `min` above its `max`",
        })
    }
}

impl fmt::Display for StandInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.place, self.id) {
            (StandInPlace::Table, _) => f.write_str("the table")?,
            (StandInPlace::Exposure, _) => f.write_str("the exposure cap")?,
            (StandInPlace::Row(_), Some(id)) => write!(f, "row `{id}`")?,
            (StandInPlace::Cap(_), Some(id)) => write!(f, "cap `{id}`")?,
            (StandInPlace::Row(index), None) => write!(f, "row {index}")?,
            (StandInPlace::Cap(index), None) => write!(f, "cap {index}")?,
        }
        write!(f, " {}", self.problem)
    }
}

impl std::error::Error for StandInError {}
