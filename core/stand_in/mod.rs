//! Deciding without the ledger: what a program wants answered when its ledger cannot be asked. Pure; who asks, and why, is
//! the responder's business.
//!
//! A [`StandInPolicy`] is one version of a program's stand-in table: rows, caps, a mode. [`stand_in`](stand_in()) asks it about one
//! request and gives a [`Proposal`], which is not an answer yet: only [`CapCounters::try_take`] makes one of it, because every
//! approval has to fit into the caps that count what was told before.
//!
//! Reading order: `decide`, `policy`, `conditions`, `snapshot`, `proposal`, `caps`, `told`, `counters`; then what people ask of a table:
//! `describe`, `unreachable`, `examples`, `looser`.
//!
//! # What a row does when a datum is not known
//!
//! What is not known never helps an approval: a row that approves does not apply, a row that declines does. (The rules of a
//! ruleset differ: there the ledger still has a word.)
//!
//! # What comes before any row or mode
//!
//! Card, owner and account as last known, the currency, the rules' verdict: in this order, and as the ledger would decline.

mod bounds;
mod caps;
mod conditions;
mod counters;
mod decide;
mod describe;
mod examples;
mod fingerprint;
mod looser;
mod policy;
mod problem;
mod proposal;
mod snapshot;
mod told;
mod unreachable;

#[cfg(test)]
mod tests;

pub use caps::{CAP_SECONDS_MAX, Cap, CapWindow, Caps, EXPOSURE, Share};
pub use conditions::{AgeRange, Conditions, Fit};
pub use counters::{CapCounters, LetGo, Outdated, Recounted, Remembered};
pub use decide::stand_in;
pub use looser::{Looser, Than, looser_rows};
pub use policy::{CAPS_MAX, Mode, ROWS_MAX, Row, RowAnswer, Silence, StandInParts, StandInPolicy};
pub use problem::{StandInError, StandInPlace, StandInProblem};
pub use proposal::{Proposal, StandInAnswer, StoodIn};
pub use snapshot::{AccountSight, Acquaintance, AddsTo, CardSight, Sight, Snapshot};
pub use told::{Taken, ToldApproval, ToldName};
pub use unreachable::{Unreachable, unreachable_rows};
