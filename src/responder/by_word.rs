//! Answering by what the platform recorded itself, which the ledger has yet to hear.

use holdfast_core::hold::ToldAnswer;
use holdfast_core::stand_in::{Sight, Snapshot};
use holdfast_core::{AccountId, Basis, Currency, Decision, DeclineReason, StandInCause};

use super::deadline::Deadline;
use super::question::Question;
use super::recorded::{Asker, ByWord};
use super::telling::{GivenUp, Telling};
use super::told::{Claim, Told};
use super::{Decided, Responder};
use crate::ledger::sight::Seen;
use crate::ledger::{Adopt, Glimpse};
use crate::server::Call;
use crate::spool::Entry;

impl Responder {
    /// What a question that was not answered yet hears by the platform's word: that which the ledger has yet to hear, and `by_ledger` what it
    /// had heard before.
    pub(super) fn by_word(&self, question: &Question<'_>, snapshot: &Snapshot, by_ledger: Option<Decision>) -> ByWord {
        let request = &*question.request;
        let waiting = self.unheard.recorded.of(&question.origin, request);
        let waiting =
            waiting.map(|said| said.answers(&Asker { request, account_currency: currency_of(snapshot) }, snapshot.adds_to));
        of_both(waiting.unwrap_or(ByWord::Open), by_ledger)
    }

    /// What was told to a question, or what the platform's word makes of that which the ledger has yet to hear.
    pub(super) async fn as_recorded(&self, question: &Question<'_>, told: Told, deadline: Deadline) -> Told {
        if !self.unheard.recorded.waits_for(&question.origin, &question.request) {
            return told;
        }
        let seen = match self.look(question, deadline).await {
            Glimpse::Seen(seen) => seen,
            Glimpse::Nothing | Glimpse::Busy => Seen::default(),
        };
        self.corrected(question, told, &seen)
    }

    /// The same of what the ledger answered before it went away.
    pub(super) fn again(&self, question: &Question<'_>, told: Told, seen: &Seen) -> Told {
        // A decline of a payment that it does not remember may be a word's that is newer than one that waits.
        let may_be_newer = told.decision == Decision::Decline { reason: DeclineReason::TransactionNotPermitted };
        if seen.retold.is_none() && may_be_newer { told } else { self.corrected(question, told, seen) }
    }

    /// The same of what is seen: the later of what waits and of what the ledger heard counts.
    fn corrected(&self, question: &Question<'_>, told: Told, seen: &Seen) -> Told {
        let request = &*question.request;
        let Some(said) = self.unheard.recorded.of(&question.origin, request) else { return told };
        let asker = Asker { request, account_currency: currency_of(&seen.snapshot) };
        match said.corrects(told.decision, &asker, seen.retold.as_ref()) {
            decision if decision == told.decision => told,
            decision => Told { decision, asked_at: None, ..told },
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
        match Telling::begin(claim, told, spool, entry, None, &self.unheard.adding).tell(deadline).await {
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

/// What one hears of whom both are said. Which of two that differ is the later one only the ledger knows: nothing is approved.
const fn of_both(waiting: ByWord, by_ledger: Option<Decision>) -> ByWord {
    match (waiting, by_ledger) {
        (waiting, None) => waiting,
        (ByWord::Open, Some(by_ledger)) => ByWord::Decided(by_ledger),
        (ByWord::Decided(Decision::Approve { .. }), Some(Decision::Decline { .. })) => ByWord::NotKnown,
        (waiting @ (ByWord::Decided(_) | ByWord::NotKnown), Some(_)) => waiting,
    }
}

fn currency_of(snapshot: &Snapshot) -> Option<Currency> {
    match &snapshot.account {
        Sight::Seen(account) => Some(account.available.currency()),
        Sight::NotSeen | Sight::Absent => None,
    }
}

/// Nobody here approved what the platform had approved already; that it was not approved was said without the ledger.
pub(super) const fn basis_by_word(decision: &Decision, cause: StandInCause) -> Basis {
    match decision {
        Decision::Approve { .. } => Basis::Replay,
        Decision::Decline { .. } => Basis::StandIn(cause),
    }
}
