//! On which day, and over which network, money is settled: said once, for the projection, the API and the settlement alike. A
//! movement belongs to the day on which the platform says that the network settles it, or else to the day of the program's
//! [`Cutoff`]: [`When`] says so, to everybody who tells a day. Knows no sums.

mod cutoff;
mod when;

pub use cutoff::{Cutoff, TimeOfDay, date_of, days};
pub use when::{When, completed_on, is_debited_at_once, network_of};
