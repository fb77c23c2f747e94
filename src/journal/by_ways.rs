//! What a record says of several ways, on a line of its own: which were open, which limit is on which, and which one was taken.

use arrayvec::ArrayVec;
use holdfast_core::hold::Outcome;
use holdfast_core::rules::{LIMITS_MAX, Proceed, Verdict, Way, Ways};
use serde::{Deserialize, Serialize};

use super::record::{Body, BodyRef};

/// Several ways of a question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ByWays {
    /// Those that were open.
    open: Option<Ways>,
    /// Those of each limit, in the verdict's order.
    limits: ArrayVec<Option<Ways>, LIMITS_MAX>,
    /// The one that was taken.
    taken: Option<Way>,
}

impl ByWays {
    fn of(verdict: Option<&Verdict>, outcome: &Outcome) -> Option<Self> {
        let Some(Verdict::Proceed(proceed)) = verdict else { return None };
        let open = proceed.ways?;
        let limits = proceed.limits.iter().map(|check| check.ways).collect();
        Some(ByWays { open: Some(open), limits, taken: outcome.way })
    }

    fn tell(&self, proceed: &mut Proceed, outcome: &mut Outcome) {
        proceed.ways = self.open;
        proceed.limits.iter_mut().zip(&self.limits).for_each(|(check, ways)| check.ways = *ways);
        outcome.way = self.taken;
    }
}

impl BodyRef<'_> {
    /// What is said of several ways, where there were.
    pub(super) fn by_ways(&self) -> Option<ByWays> {
        match self {
            BodyRef::Decided { verdict, outcome, .. } => ByWays::of(Some(verdict), outcome),
            BodyRef::Adopted { verdict, outcome, .. } => ByWays::of(*verdict, outcome),
            BodyRef::Told { .. }
            | BodyRef::Ordered { .. }
            | BodyRef::Kept { .. }
            | BodyRef::AccountEntered { .. }
            | BodyRef::CardEntered { .. }
            | BodyRef::RulesPublished
            | BodyRef::Opened
            | BodyRef::Trimmed { .. }
            | BodyRef::Joined { .. }
            | BodyRef::Reassigned { .. } => None,
        }
    }
}

impl Body {
    /// Gives its verdict and its outcome what stands on a line of its own.
    pub(super) fn went(&mut self, by_ways: Option<&ByWays>) {
        let Some(by_ways) = by_ways else { return };
        match self {
            Body::Decided { verdict: Verdict::Proceed(proceed), outcome, .. }
            | Body::Adopted { verdict: Some(Verdict::Proceed(proceed)), outcome, .. } => by_ways.tell(proceed, outcome),
            Body::Decided { .. }
            | Body::Adopted { .. }
            | Body::Told { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. } => {}
        }
    }
}
