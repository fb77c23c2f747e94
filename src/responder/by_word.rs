//! Answering by what the platform recorded itself, which the ledger has yet to hear.

use holdfast_core::hold::ToldAnswer;
use holdfast_core::{AccountId, Basis, Decision, DeclineReason, StandInCause};

use super::ahead::{Foresight, HeardBy, Itself};
use super::deadline::Deadline;
use super::mount::Mount;
use super::question::Question;
use super::telling::{GivenUp, Telling};
use super::told::{Claim, Told};
use super::{Decided, Responder};
use crate::ledger::sight::Seen;
use crate::ledger::{Adopt, Glimpse};
use crate::server::Call;
use crate::spool::Entry;

/// What a question that was not answered yet hears by the platform's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByWord {
    /// What the ledger will say.
    Decided(Decision),
    /// That is not known: nothing is approved.
    NotKnown,
    /// Nothing is said of it: whoever decides decides.
    Open,
}

impl Responder {
    /// What a question that was not answered yet hears by the platform's word, as it was seen, or is foreseen.
    pub(super) fn by_word(&self, question: &Question<'_>, seen: &Seen, foresight: Option<&Foresight>) -> ByWord {
        let by_word = match foresight.and_then(Foresight::whole) {
            Some(ahead) => ahead.by_word,
            None if self.unheard.recorded.waits_for(&question.origin, &question.request) => return ByWord::NotKnown,
            None => seen.by_word,
        };
        by_word.map_or(ByWord::Open, ByWord::Decided)
    }

    /// What was told to a question, or what the platform's word makes of that which the ledger has yet to hear.
    pub(super) async fn as_recorded(&self, mount: &Mount, question: &Question<'_>, told: Told, deadline: Deadline) -> Told {
        if !self.unheard.recorded.waits_for(&question.origin, &question.request) {
            return told;
        }
        let heard_by = self.heard_by();
        let seen = match self.look(question, deadline).await {
            Glimpse::Seen(seen) => seen,
            Glimpse::Nothing | Glimpse::Busy => Seen::default(),
        };
        self.again(mount, question, told, (&seen, heard_by), deadline).await
    }

    /// The same of what the ledger answered before it went away, of which this was seen.
    pub(super) async fn again(
        &self,
        mount: &Mount,
        question: &Question<'_>,
        told: Told,
        seen: (&Seen, HeardBy),
        deadline: Deadline,
    ) -> Told {
        let recorded = &self.unheard.recorded;
        let is_anothers = told.decision == Decision::Decline { reason: DeclineReason::ConflictingDuplicate };
        if is_anothers || !recorded.waits_for(&question.origin, &question.request) {
            return told;
        }
        let foresight = self.foresee((mount, question), seen, Itself::Counts, deadline).await;
        let again = match (foresight.as_ref().and_then(Foresight::whole), told.decision) {
            (Some(ahead), _) => ahead.again,
            // Nothing will be held for what is not approved any more.
            (None, Decision::Approve { .. }) if recorded.is_declined(&question.origin, &question.request) => {
                Some(Decision::Decline { reason: DeclineReason::TransactionNotPermitted })
            }
            (None, Decision::Approve { .. } | Decision::Decline { .. }) => None,
        };
        match again.map(|decision| decision.at_most(question.request.amount)) {
            Some(decision) if decision != told.decision => Told { decision, asked_at: None, ..told },
            Some(_) | None => told,
        }
    }

    /// Tells what the platform recorded itself: held, if at all, by its word, and so no part of the exposure.
    pub(super) async fn tell_recorded(
        &self,
        call: &Call<'_>,
        claim: Claim<'_>,
        told: Told,
        (adopt, account): (Adopt, Option<AccountId>),
        (cause, deadline): (StandInCause, Deadline),
    ) -> Decided {
        let spool = (&*self.spool, self.mailbox_of(call));
        let entry = Entry::Told(Box::new(adopt.clone()), account);
        match Telling::begin(claim, told, spool, entry, None, &self.unheard.waiting).tell(deadline).await {
            Ok(told) => Decided { told, balance: None, intent: None },
            Err(GivenUp(claim)) => {
                let (reason, basis) = (DeclineReason::NotDurable, Basis::StandIn(cause));
                let told = Told { decision: Decision::Decline { reason }, basis, ..told };
                let adopt = Adopt { told: ToldAnswer::Declined { reason }, basis, ..adopt };
                self.tell_decline(call, claim, told, Entry::Told(Box::new(adopt), account), deadline).await
            }
        }
    }
}

/// Nobody here approved what the platform had approved already; that it was not approved was said without the ledger.
pub(super) const fn basis_by_word(decision: &Decision, cause: StandInCause) -> Basis {
    match decision {
        Decision::Approve { .. } => Basis::Replay,
        Decision::Decline { .. } => Basis::StandIn(cause),
    }
}
