//! Preview of a stand-in table: what it would have answered to the authorizations of a journal, held against what the ledger really
//! said, and what an outage would have put at risk.
//!
//! Each question is judged as if the ledger had been away for a given time by then: balances are those of before, and what stand-in
//! approved is confirmed that much later. What an outage puts at risk is found apart from that, as one begins with nothing
//! unconfirmed. Nothing here writes.

mod facts;
mod tally;
mod worst;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use holdfast_core::rules::Verdict;
use holdfast_core::stand_in::{CapCounters, Caps, Proposal, Share, StandInAnswer, StandInPolicy, ToldName, stand_in};
use holdfast_core::{AuthorizationRequest, Basis, Decision, DeclineReason, PlatformName, ProgramId, StandInCause, Timestamp};

use self::facts::Facts;
pub use self::tally::{Sum, Tally};
use self::worst::TRIED_MAX;
pub use self::worst::Worst;
use crate::journal::reader::Progress;
use crate::journal::{Body, JournalError, Reader, Record};
use crate::ledger::embedded::projection::checkpoint::Beginning;

/// After so many questions counters let go of what is over.
const FORGET_EVERY: usize = 1_000;

/// Whose questions are judged, and as if the ledger had been away for how long.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The program.
    pub program: ProgramId,
    /// One of its platforms; `None` for all.
    pub platform: Option<PlatformName>,
    /// How long the ledger is away.
    pub outage: Duration,
}

/// The questions of a journal, each with what the table's rows think of it and what the ledger said.
#[derive(Debug, Default)]
pub struct Questions {
    asked: Vec<Asked>,
    /// How many records were read.
    pub read: u64,
    /// How many questions are not judged: the ledger gave no decision of its own.
    pub not_judged: u64,
}

#[derive(Debug)]
struct Asked {
    at: Timestamp,
    proposal: Box<Proposal>,
    /// What the ledger approved, or that it declined, and how much was asked.
    approved: Option<i64>,
    asked: i64,
}

impl Questions {
    /// Reads a journal, and asks the table's rows.
    ///
    /// # Errors
    /// The journal, or the state that it begins with, cannot be read.
    pub fn of(
        reader: &Reader,
        policy: &StandInPolicy,
        wanted: &Wanted,
        progress: &mut Progress<'_>,
    ) -> Result<Self, JournalError> {
        let facts = Facts::new(wanted.outage);
        let mut facts = match Beginning::of(reader)? {
            Some(beginning) => facts.beginning_with(&beginning)?,
            None => facts,
        };
        let (_, next) = reader.bounds()?;
        let mut questions = Questions::default();
        reader.records(next.saturating_sub(1), progress, &mut |numbered| {
            questions.read = questions.read.saturating_add(1);
            if numbered.record.program == Some(wanted.program) {
                questions.ask(numbered.record, policy, wanted, &mut facts);
            }
            facts.follow(numbered.record);
            Ok(())
        })?;
        Ok(questions)
    }

    /// How many are judged.
    #[must_use]
    pub fn judged(&self) -> usize {
        self.asked.len()
    }

    fn ask(&mut self, record: &Record, policy: &StandInPolicy, wanted: &Wanted, facts: &mut Facts) {
        let Some(question) = question(record) else { return };
        let Some(platform) = record.platform.filter(|platform| wanted.platform.is_none_or(|wanted| wanted == *platform)) else {
            return;
        };
        let Some(ledger) = question.ledger else {
            self.not_judged = self.not_judged.saturating_add(1);
            return;
        };
        let (request, now) = (question.request, question.at);
        let snapshot = facts.snapshot(record, request, now);
        let cause = StandInCause::LedgerUnavailable;
        let proposal = stand_in(policy, &platform, request, question.verdict, &snapshot, cause, now);
        let approved = match ledger {
            Decision::Approve { amount } => Some(amount.minor()),
            Decision::Decline { .. } => None,
        };
        self.asked.push(Asked { at: now, proposal: Box::new(proposal), approved, asked: request.amount.minor() });
    }

    /// What the table would have come to under these caps.
    #[must_use]
    pub fn under(&self, caps: &Caps, outage: Duration) -> Tally {
        let approving = self.asked.iter().filter(|asked| asked.proposal.name().is_some()).count();
        let mut counters = CapCounters::new(&[caps], Share::WHOLE, approving.saturating_add(1));
        let mut unconfirmed: VecDeque<(Timestamp, ToldName)> = VecDeque::new();
        let mut tally = Tally::default();
        for (number, asked) in self.asked.iter().enumerate() {
            let confirmed_before = asked.at.saturating_sub(outage);
            while let Some((_, name)) = unconfirmed.pop_front_if(|(at, _)| *at <= confirmed_before) {
                counters.settle(&name);
            }
            if number.checked_rem(FORGET_EVERY) == Some(0) {
                counters.forget(asked.at);
            }
            let said = counters.try_take(0, &asked.proposal);
            if let (StandInAnswer::Approve { .. }, Some(name)) = (said.answer, asked.proposal.name()) {
                unconfirmed.push_back((asked.at, name));
            }
            tally.count(&said, asked.asked, asked.approved);
        }
        Tally { worst: self.worst(caps, outage, TRIED_MAX), ..tally }
    }
}

/// A question that a record tells of.
struct Question<'a> {
    at: Timestamp,
    request: &'a AuthorizationRequest,
    verdict: Option<&'a Verdict>,
    /// The ledger's own decision; `None` where it only repeated or agreed.
    ledger: Option<Decision>,
}

fn question(record: &Record) -> Option<Question<'_>> {
    match &record.body {
        Body::Decided { received_at, request, verdict, outcome, .. } => {
            let ledger = match outcome.decision {
                // That the key was another question's says nothing of this one's money, and stand-in would have said so, too.
                Some((Decision::Decline { reason: DeclineReason::ConflictingDuplicate }, _)) => None,
                Some((decision, Basis::Rule(_) | Basis::Limit(_) | Basis::Ledger)) => Some(decision),
                Some((_, Basis::Replay | Basis::StandIn(_) | Basis::StandInTable(_))) | None => None,
            };
            Some(Question { at: *received_at, request, verdict: Some(verdict), ledger })
        }
        Body::Adopted { received_at, request, verdict, .. } => {
            Some(Question { at: *received_at, request, verdict: verdict.as_ref(), ledger: None })
        }
        Body::Told { .. }
        | Body::Ordered { .. }
        | Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Trimmed { .. }
        | Body::Joined { .. }
        | Body::Reassigned { .. }
        | Body::Opened => None,
    }
}
