//! Two payments that turn out to be one: what was told of it came under different names, and before the message that says that they
//! are the same. Its steps are put together, and it stands as if they had come under one name. Nothing here finds names.

use smallvec::SmallVec;

use super::event::MovementCause;
use super::life::{Hold, Step, StepId, Steps, fold, put};
use super::limits;
use super::mutant::{self, Mutant};
use super::outcome::Outcome;
use super::state::{Account, Counted};
use crate::ids::IdempotencyKey;

/// What is known of a payment.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// What stands of it.
    pub hold: Hold,
    /// Its steps, in their order.
    pub steps: &'a [Step],
    /// What it has counted in limits.
    pub counted: &'a [Counted],
}

impl Part<'_> {
    /// What is known of a payment that nobody has told of.
    pub const NOTHING: Part<'static> = Part { hold: Hold::NONE, steps: &[], counted: &[] };

    /// Whether all that is known of it was told: we approved nothing of it. What we approved twice, by two questions, was two payments to
    /// us, and stays two: only what was merely told goes over to another.
    #[must_use]
    pub fn is_told_only(&self) -> bool {
        self.counted.iter().all(|counted| counted.amount == 0 && counted.count == 0)
            && Steps::of(self.steps).placements().next().is_none()
    }
}

/// Whether two payments were opened by questions of their own, by our approval or by the platform's word: that this one is said to add to both
/// makes them no one payment. What it opened itself is none of the two.
#[must_use]
pub fn are_two(one: &[Step], other: &[Step], added: &IdempotencyKey) -> bool {
    let added = StepId::of(added);
    let opened = |steps: &[Step], question: StepId| openings(steps).any(|known| known == question);
    let mut first = openings(one).filter(|question| *question != added).peekable();
    first.peek().is_some() && openings(other).any(|question| question != added) && !first.any(|question| opened(other, question))
}

/// The questions that opened a payment.
fn openings(steps: &[Step]) -> impl Iterator<Item = StepId> {
    let known = Steps::of(steps);
    steps.iter().filter_map(Step::opens).filter(move |question| known.placed(*question) || !known.is_added(*question))
}

/// What becomes of a payment that takes over the steps of another one of its account, of which nothing is left. What moves is the
/// difference between the payment and its parts. `None` if the other one stays a payment of its own, or if that is beyond what can be
/// counted.
#[must_use]
pub fn join(account: &Account, takes: &Part<'_>, gives: &Part<'_>) -> Option<Outcome> {
    if !gives.is_told_only() || mutant::is(Mutant::NamesNotJoined) {
        return None;
    }
    let mut steps: SmallVec<[Step; 8]> = takes.steps.iter().copied().collect();
    gives.steps.iter().for_each(|step| put(&mut steps, *step));
    let held = takes.hold.held.checked_add(gives.hold.held)?;
    becomes(account, (takes.hold.effect().saturating_add(gives.hold.effect()), held), takes.counted, &steps)
}

/// What becomes of a payment that has these steps from now on: the difference between that and the effect, and what was held, before.
/// `None` if that is beyond what can be counted.
pub(super) fn becomes(account: &Account, (effect, held): (i128, i64), counted: &[Counted], steps: &[Step]) -> Option<Outcome> {
    let steps = Steps::of(steps);
    let after = fold(&steps).ok()?;
    let posted = i64::try_from(after.effect().saturating_sub(effect)).ok()?;
    let held = after.held.checked_sub(held)?;
    account.posted.checked_add(posted)?;
    account.held.checked_add(held)?;
    let counted = limits::changes(&steps, &after, counted, &[]).ok()?;
    let cause = (posted != 0).then_some(MovementCause::NetworkSettlement);
    Some(Outcome { posted, held, cause, hold: Some(after), counted, ..Outcome::default() })
}
