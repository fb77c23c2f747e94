//! What a payment has counted in limits: as much of it as was spent or may still be, in the windows it was counted in.
//!
//! Money that comes back returns to the window it was counted in, the latest placement's first; a payment that is over
//! without a capture is no transaction, but to an authority's own limits, and to an intent, where it only expired: it may still
//! be captured. What platforms tell above what was approved counts too. Nothing here knows what a limit allows.

use smallvec::SmallVec;

use super::life::{Hold, HoldStatus, Overflow, Placement, Steps, kept};
use super::mutant::{self, Mutant};
use super::state::Counted;
use crate::rules::{LIMITS_MAX, LimitScope};

/// What counters must change by so that they say what the payment is now.
///
/// `known` is what its placements have counted so far, `new` the places in which a new one counts, with nothing in them
/// yet. Those are told even where they count nothing: the payment may come back.
///
/// # Errors
/// A sum is beyond what can be counted.
pub(super) fn changes(
    steps: &Steps<'_>,
    hold: &Hold,
    known: &[Counted],
    new: &[Counted],
) -> Result<SmallVec<[Counted; LIMITS_MAX]>, Overflow> {
    let mut changes = SmallVec::new();
    if known.is_empty() && new.is_empty() {
        return Ok(changes);
    }
    let mut left = Left::of(steps, hold)?;
    let mut first =
        steps.placements().map(|(id, _)| id).find(|id| known.iter().chain(new).any(|counted| counted.placement == *id));
    for (id, placement) in steps.placements_with_unheard() {
        // What nobody heard counts nothing, whatever the platform says of it: as if it had never been asked.
        let is_heard = placement.amount != 0;
        let amount = if is_heard { steps.amount_of(id, &placement) } else { 0 };
        let mut counts = if is_heard { left.take(amount, kept(steps, id)?) } else { 0 };
        if first == Some(id) && !mutant::is(Mutant::ExcessNotCounted) {
            counts = counts.saturating_add(left.excess);
            first = None;
        }
        let change = |counted: &Counted| Counted {
            amount: counts.saturating_sub(counted.amount),
            count: transactions(hold, &placement, amount, counted.scope).saturating_sub(counted.count),
            ..*counted
        };
        let of_this = |counted: &&Counted| counted.placement == id;
        changes.extend(known.iter().filter(of_this).map(change).filter(|change| change.amount != 0 || change.count != 0));
        changes.extend(new.iter().filter(of_this).map(change));
    }
    Ok(changes)
}

/// What is left of a payment to be shared out among its placements.
struct Left {
    /// What they kept.
    kept: i64,
    /// What was taken although it had been reversed.
    beyond: i64,
    /// What was told above all that they were, an advice or a tip: it counts where the payment began to, and stays there.
    excess: i64,
}

impl Left {
    fn of(steps: &Steps<'_>, hold: &Hold) -> Result<Self, Overflow> {
        let (mut all, mut amounts) = (0_i64, 0_i64);
        for (id, placement) in steps.placements() {
            all = all.saturating_add(kept(steps, id)?);
            amounts = amounts.saturating_add(steps.amount_of(id, &placement));
        }
        let spoken_for = spoken_for(hold);
        let excess = spoken_for.saturating_sub(amounts).max(0);
        Ok(Left { kept: spoken_for.min(all), beyond: spoken_for.saturating_sub(all).max(0), excess })
    }

    /// The next placement's share: of what it kept first, and never more than it was.
    fn take(&mut self, amount: i64, kept: i64) -> i64 {
        let of_kept = self.kept.min(kept);
        let of_beyond = self.beyond.min(amount.saturating_sub(kept));
        self.kept = self.kept.saturating_sub(of_kept);
        self.beyond = self.beyond.saturating_sub(of_beyond);
        of_kept.saturating_add(of_beyond)
    }
}

/// What of the payment counts.
fn spoken_for(hold: &Hold) -> i64 {
    if mutant::is(Mutant::LimitGetsNothingBack) { hold.authorized.max(hold.captured) } else { hold.spoken_for() }
}

fn transactions(hold: &Hold, placement: &Placement, amount: i64, scope: LimitScope) -> i32 {
    // Who is asked for one payment, and no more, must not be asked for two because the first is cleared late.
    let may_come_back = scope.is_of_authority() && hold.authorized > 0;
    match hold.status {
        HoldStatus::Released | HoldStatus::Unplaced => 0,
        HoldStatus::Expired if !may_come_back => 0,
        HoldStatus::Open | HoldStatus::Captured | HoldStatus::Expired if amount == 0 => 0,
        HoldStatus::Open | HoldStatus::Captured | HoldStatus::Expired => i32::from(placement.transactions),
    }
}
