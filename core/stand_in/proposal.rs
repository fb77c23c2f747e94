//! What a table thinks of a question, and what becomes of it once the caps have been asked.

use crate::decision::{Basis, DeclineReason, StandInBasis, StandInBy, StandInCause};
use crate::money::Money;
use crate::rules::RulesetHash;

use super::counters::LetGo;
use super::policy::Silence;
use super::told::{ToldApproval, ToldName};

/// What the platform is told without the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandInAnswer {
    /// Yes, for this much.
    Approve {
        /// What may be taken.
        amount: Money,
    },
    /// No.
    Decline {
        /// Why not.
        reason: DeclineReason,
    },
    /// Nothing: the platform's own stand-in is to speak. Leaves no hold.
    Abstain(Silence),
}

/// What a table thinks. An approval is none before the caps have been asked: only
/// [`CapCounters::try_take`](super::CapCounters::try_take) makes an answer of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Proposal {
    pub(super) answer: StandInAnswer,
    pub(super) by: StandInBy,
    pub(super) cause: StandInCause,
    pub(super) table: RulesetHash,
    /// How an approval counts in caps; `None` if it counts nowhere, or is none.
    pub(super) approval: Option<ToldApproval>,
    /// What the account must cover together with what else stand-in approved for it, where a row asks for that.
    pub(super) covered_by: Option<(i64, Option<LetGo>)>,
}

impl Proposal {
    /// What it comes to if no cap objects, and what decided.
    #[must_use]
    pub const fn uncapped(&self) -> (StandInAnswer, StandInBy) {
        (self.answer, self.by)
    }

    /// The name under which an approval is counted; `None` if it counts nowhere, or is none.
    #[must_use]
    pub fn name(&self) -> Option<ToldName> {
        self.approval.map(|approval| approval.name())
    }

    /// The same, of a question whose approval moves nothing: it counts nowhere.
    pub fn moving_nothing(self) -> Self {
        Proposal { approval: None, covered_by: None, ..self }
    }

    /// A decline in its place, by what is counted elsewhere.
    #[must_use]
    pub const fn refused(&self, reason: DeclineReason) -> StoodIn {
        self.declined(reason, self.by)
    }

    pub(super) const fn answered(&self) -> StoodIn {
        self.answered_otherwise(self.answer, self.by)
    }

    pub(super) const fn declined(&self, reason: DeclineReason, by: StandInBy) -> StoodIn {
        self.answered_otherwise(StandInAnswer::Decline { reason }, by)
    }

    const fn answered_otherwise(&self, answer: StandInAnswer, by: StandInBy) -> StoodIn {
        let basis = Basis::StandInTable(StandInBasis { cause: self.cause, by, table: self.table });
        StoodIn { answer, basis }
    }
}

/// What stand-in says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoodIn {
    /// What to tell the platform.
    pub answer: StandInAnswer,
    /// Why, with cause, row or cap, and table.
    pub basis: Basis,
}
