//! What the platform told to add to one payment, and says of another one by now: it is one amount, and goes over to where it is said
//! to be, with every word on it. Both payments stand after it as if those words had been said so from the beginning; what was cleared or
//! given back of one of them stays with it. Nothing here finds names.

use smallvec::SmallVec;

use super::joining::{Part, becomes};
use super::life::{Role, Step, StepId, Steps, What, put};
use super::outcome::Outcome;
use super::state::Account;

/// What the platform said of an increment.
pub type Words = SmallVec<[Step; 2]>;

/// Everything that was said of a question in a payment's steps, as it is known where it goes: there the question has this name.
#[must_use]
pub fn words_on(steps: &[Step], question: StepId, becomes: StepId) -> Words {
    let words = steps.iter().filter_map(|step| match step.what {
        What::Recorded { asked, role, word }
            if asked == question
                || (role == Role::Opening && asked.is_of_key_of(question) && Steps::of(steps).is_added(asked)) =>
        {
            Some(Step { what: What::Recorded { asked: becomes, role: Role::Increment, word }, ..*step })
        }
        What::Recorded { .. }
        | What::Placed(_)
        | What::Reduced { .. }
        | What::Totalled { .. }
        | What::Released { .. }
        | What::Captured { .. }
        | What::Moved { .. } => None,
    });
    words.collect()
}

/// What becomes of a payment without these words; `None` if that is beyond what can be counted.
#[must_use]
pub fn without(account: &Account, gives: &Part<'_>, words: &[Step]) -> Option<Outcome> {
    let is_left = |step: &&Step| !words.iter().any(|word| word.id == step.id);
    let steps: SmallVec<[Step; 8]> = gives.steps.iter().filter(is_left).copied().collect();
    becomes(account, (gives.hold.effect(), gives.hold.held), gives.counted, &steps)
}

/// What becomes of a payment with them. As [`without`].
#[must_use]
pub fn with(account: &Account, takes: &Part<'_>, words: &[Step]) -> Option<Outcome> {
    let mut steps: SmallVec<[Step; 8]> = takes.steps.iter().copied().collect();
    words.iter().for_each(|word| put(&mut steps, *word));
    becomes(account, (takes.hold.effect(), takes.hold.held), takes.counted, &steps)
}
