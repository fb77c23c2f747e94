//! Settlement: what is due to each network for a day, the movements behind it, and how the platform's own file compares.
//!
//! Due is a sum over the journal's records, never a row that every movement updates: of all counter-entries only those whose
//! cause is network settlement are due; funding, fees, disputes and stand-in loss are shown beside them. Which day a movement
//! belongs to, [`settlement_day`](crate::settlement_day) says.

mod called;
mod checked;
mod day;
mod file;
mod joined;
mod names;
mod reconcile;
pub mod report;

#[cfg(test)]
mod tests;

pub use called::Called;
pub use checked::Checked;
pub use day::{Announced, Before, Cause, Day, Float, Movement, Question, Summing, of_day};
pub use file::{FileColumns, FileProblem, FileRow, Sign, read_file};
pub use names::message_name;
pub use reconcile::{Difference, Elsewhere, Reconciled, Verdict, reconcile};
