//! Settlement: what is due to each network for a day, the movements behind it, and how the platform's own file compares.
//!
//! Due is a sum over the journal's records, never a row that every movement updates: of all counter-entries only those whose
//! cause is network settlement are due; funding, fees, disputes and stand-in loss are shown beside them. A movement belongs
//! to the day on which the platform says that the network settles it, or else to the day of the program's [`Cutoff`]: [`When`]
//! says so, to everybody who tells a day.

mod cutoff;
mod day;
mod file;
mod reconcile;
pub mod report;
mod when;

#[cfg(test)]
mod tests;

pub use cutoff::{Cutoff, TimeOfDay, date_of, days};
pub use day::{Announced, Before, Cause, Day, Float, Movement, Question, Summing, message_name, of_day};
pub use file::{FileColumns, FileProblem, FileRow, Sign, read_file};
pub use reconcile::{Difference, Reconciled, Verdict, reconcile};
pub use when::{When, completed_on, is_debited_at_once, network_of};
