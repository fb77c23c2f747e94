//! The hold engine: what an event does to money. Pure, so that every ledger, and replay, share it.
//!
//! [`apply`] is the whole truth. An engine loads the [`Slice`] that an [`Event`] concerns, applies, and stores the
//! [`Outcome`]; nothing here remembers anything. A payment's hold is the fold of its steps ([`life`]), so that what is told
//! twice, late or in another order ends in the same state.
//!
//! Invariant: for every event, the account's posted amount changes by [`Outcome::posted`] and its held amount by
//! [`Outcome::held`], which is also what the hold's `held` changes by.

mod account;
mod adopting;
mod asked;
mod earlier;
mod event;
mod handing_over;
mod joining;
pub mod life;
mod limits;
pub mod mutant;
mod order;
mod outcome;
mod question;
mod state;
mod told;
mod twice;
mod ways;
mod word;

pub use account::{AccountStatus, CardStatus, CardholderStatus};
pub use adopting::Adoption;
pub use asked::Asked;
pub use earlier::{
    Belongs, KnownOf, ToldToAdd, belongs, is_placed, is_told_to_add, knows_added, knows_increment, knows_question,
    name_where_it_is_asked, name_where_it_is_said, opens_its_own, told_to_add,
};
pub use event::{
    Fact, Finality, MovementCause, Order, RecordedOutcome, ReleaseCause, StandingOf, Subject, ToldAnswer, ToldEvent,
};
pub use handing_over::{Words, with, without, words_on};
pub use joining::{Part, are_two, join};
pub use life::{Hold, HoldStatus, Step, StepId, What};
pub use order::Ordered;
pub use outcome::{Finding, Outcome, Standing};
pub use question::{is_added_by, is_opened_by};
pub use state::{Account, Answered, Card, Counted, FoundBy, Heard, LimitUse, Mark, Slice};
pub use told::{contradicts, objection};
pub use ways::{way_with_room, would_pass};

use crate::time::Timestamp;

/// One thing that may change money.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// May this be paid?
    Asked(Asked<'a>),
    /// May this be done with a payment of ours?
    Ordered(Ordered<'a>),
    /// This was answered, somewhere else or without the ledger.
    Adopt(Adoption<'a>),
    /// This happened.
    Told(&'a ToldEvent),
}

/// What an event that is applied `now` does to its slice. Deterministic; without allocation for what is asked.
#[must_use]
pub fn apply(slice: &Slice<'_>, event: &Event<'_>, now: Timestamp) -> Outcome {
    match event {
        Event::Asked(asked) => asked::decide(slice, asked),
        Event::Ordered(ordered) => order::obey(slice, ordered, now),
        Event::Adopt(adoption) => adopting::adopt(slice, adoption),
        Event::Told(told) => told::tell(slice, told, now),
    }
}

#[cfg(test)]
mod tests;
