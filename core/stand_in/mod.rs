//! Deciding without the ledger: what a program wants answered when its ledger cannot be asked. Pure; who asks, and why, is
//! the responder's business.

use crate::decision::{Decision, DeclineReason, StandInCause};

/// What a program wants answered without its ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandInPolicy {
    /// No, whatever is asked.
    Decline,
}

/// Decides without the ledger.
#[must_use]
pub const fn stand_in(policy: &StandInPolicy, cause: StandInCause) -> Decision {
    let reason = match cause {
        StandInCause::Starting
        | StandInCause::DeadlinePassed
        | StandInCause::LedgerUnavailable
        | StandInCause::Overloaded
        | StandInCause::Panicked
        | StandInCause::Switched => DeclineReason::LedgerUnavailable,
    };
    match policy {
        StandInPolicy::Decline => Decision::Decline { reason },
    }
}
