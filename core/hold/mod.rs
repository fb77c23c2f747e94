//! The hold engine: what an event does to money. Pure, so that every ledger, and replay, share it.
//!
//! [`apply`] is the whole truth. An engine loads the [`Slice`] that an [`Event`] concerns, applies, and stores the
//! [`Outcome`]; nothing here remembers anything.
//!
//! Invariant: for every event, the account's posted amount changes by [`Outcome::posted`] and its held amount by
//! [`Outcome::held`], which is also what the hold's `held` changes by.

mod account;
mod asked;
mod event;
mod outcome;
mod state;
mod told;

pub use account::{AccountStatus, CardStatus, CardholderStatus};
pub use asked::{Adoption, Asked};
pub use event::{Fact, Finality, MovementCause, RecordedOutcome, ReleaseCause, Subject, ToldAnswer, ToldEvent};
pub use outcome::{Finding, Outcome, Standing};
pub use state::{Account, Answered, Card, Counted, Heard, Hold, HoldOrigin, HoldStatus, LimitUse, Slice};

/// One thing that may change money.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// May this be paid?
    Asked(Asked<'a>),
    /// This was answered, somewhere else or without the ledger.
    Adopt(Adoption<'a>),
    /// This happened.
    Told(&'a ToldEvent),
}

/// What an event does to its slice. Deterministic, without allocation; what needs a date has it in the event.
#[must_use]
pub fn apply(slice: &Slice<'_>, event: &Event<'_>) -> Outcome {
    match event {
        Event::Asked(asked) => asked::decide(slice, asked),
        Event::Adopt(adoption) => asked::adopt(slice, adoption),
        Event::Told(told) => told::tell(slice, told),
    }
}

#[cfg(test)]
mod tests;
