//! What a payment has counted in limits: as much of it as was spent or may still be, in the windows it was counted in.
//!
//! Money that comes back returns to the window it was counted in, the latest placement's first; a payment that is over
//! without a capture is no transaction. Nothing here knows what a limit allows.

use smallvec::SmallVec;

use super::life::{Hold, HoldStatus, Placement, Steps, What};
use super::state::Counted;
use crate::rules::LIMITS_MAX;

/// What counters must change by so that they say what the payment is now.
///
/// `known` is what its placements have counted so far, `new` the places in which a new one counts, with nothing in them yet.
pub(super) fn changes(steps: &Steps<'_>, hold: &Hold, known: &[Counted], new: &[Counted]) -> SmallVec<[Counted; LIMITS_MAX]> {
    let mut changes = SmallVec::new();
    if known.is_empty() && new.is_empty() {
        return changes;
    }
    let mut left = spoken_for(hold);
    for step in steps.iter() {
        let What::Placed(placement) = step.what else { continue };
        let amount = steps.amount_of(step.id, &placement);
        let counts = amount.min(left);
        left = left.saturating_sub(counts);
        let transactions = transactions(hold, &placement, amount);
        for counted in known.iter().chain(new).filter(|counted| counted.placement == step.id) {
            let change = Counted {
                amount: counts.saturating_sub(counted.amount),
                count: transactions.saturating_sub(counted.count),
                ..*counted
            };
            if change.amount != 0 || change.count != 0 {
                changes.push(change);
            }
        }
    }
    changes
}

/// What of the payment was spent, or may still be; what was held on top is nobody's spending.
fn spoken_for(hold: &Hold) -> i64 {
    if hold.is_under_way() { hold.authorized.max(hold.captured) } else { hold.captured }
}

fn transactions(hold: &Hold, placement: &Placement, amount: i64) -> i32 {
    match hold.status {
        HoldStatus::Released | HoldStatus::Expired | HoldStatus::Unplaced => 0,
        HoldStatus::Open | HoldStatus::Captured if amount == 0 => 0,
        HoldStatus::Open | HoldStatus::Captured => i32::from(placement.transactions),
    }
}
