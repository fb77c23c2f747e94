//! The hold engine.

mod account;
mod event;

pub use account::{AccountStatus, CardStatus, CardholderStatus};
pub use event::{Fact, Finality, MovementCause, RecordedOutcome, ReleaseCause, Subject, ToldAnswer, ToldEvent};
