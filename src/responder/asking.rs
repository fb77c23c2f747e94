//! Asking the ledger for its decision, in time: what is waited for before, the one act, and what its answer means. Nothing is answered
//! here, and no rule is thought of twice.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use holdfast_core::{Basis, StandInCause, Timestamp};
use tokio::time::timeout_at;

use super::breaker::{Admission, Response};
use super::deadline::Deadline;
use super::mount::Mount;
use super::payments::Own;
use super::question::{Led, Opinion, Payer, Question};
use super::told::Told;
use super::watch::{Phase, Watch};
use super::{Decided, Responder};
use crate::clock;
use crate::ledger::{self, Act, Decide, LedgerError, Readiness, Wait};
use crate::server::Call;

impl Responder {
    /// One atomic act of the ledger, submitted; waited for until `decide_by`. What is rarely waited for is kept apart: a callback's
    /// future is as large as the largest of them, and is moved, and there for every connection.
    pub(super) async fn ask_ledger(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        question: &Question<'_>,
        deadline: Deadline,
        watch: &mut Watch<'_>,
    ) -> Result<Decided, StandInCause> {
        // Looked at first: even a timeout that never waits costs a timer.
        if !self.is_open() {
            Box::pin(self.wait_for_start(mount, question, call.received.utc, deadline)).await?;
        }
        if question.led == Led::NotYet {
            // Its authority was not known when it came, and nothing is decided past that.
            return Err(StandInCause::Starting);
        }
        if self.switchboard.is_on(&mount.program.id, &mount.platform, call.received.utc) {
            return Err(StandInCause::Switched);
        }
        if question.payer == Payer::Unknown {
            // Whose policy it is under is not known.
            return Err(StandInCause::LedgerUnavailable);
        }
        let rules = mount.program.rules.load();
        let Opinion { verdict, governed, choice } = question.opinion(&rules, mount, call);
        watch.ended(Phase::Rules);
        let permit = self.in_flight.enter().ok_or(StandInCause::Overloaded)?;
        if self.may_have_to_be_heard(mount) {
            Box::pin(self.wait_until_heard(mount, question, deadline)).await?;
        }
        if question.outside.is_some() {
            Box::pin(self.enter_outside(question, deadline)).await?;
        }
        let admission = match self.breaker.admit(clock::instant()) {
            Admission::Wait(at_most) => Box::pin(self.wait_for_proof(at_most, deadline)).await,
            admission @ (Admission::Ask(_) | Admission::Probe(..) | Admission::StandIn) => admission,
        };
        let (out, decide_by) = match admission {
            Admission::Ask(out) => (out, deadline.decide_by),
            Admission::Probe(out, at_most) => {
                (out, deadline.decide_by.min(clock::instant().checked_add(at_most).unwrap_or(deadline.decide_by)))
            }
            Admission::Wait(_) | Admission::StandIn => return Err(StandInCause::LedgerUnavailable),
        };
        let act = Act::Decide(Decide {
            origin: question.origin,
            request: *question.request,
            digest: question.digest,
            verdict,
            ruleset: *rules.hash().as_bytes(),
            governed,
            choice,
            received_at: call.received.utc,
            not_after: decide_by,
            slip: question.own.map(Own::slip),
        });
        let worker = self.workers.get(call.worker).ok_or(StandInCause::Panicked)?;
        let ticket = worker.pool.lock().unwrap_or_else(PoisonError::into_inner).take(act, permit);
        self.ledger.submit(Arc::clone(&ticket));
        let answer = timeout_at(decide_by, Wait::on(Arc::clone(&ticket))).await;
        out.came_back(response_of(&answer), clock::instant());
        worker.pool.lock().unwrap_or_else(PoisonError::into_inner).give_back(ticket);
        self.said_in_time(answer, call.received.utc)
    }

    /// Somebody finds out whether a ledger is back that looks as if it were: that is worth waiting for, not longer than that one does.
    async fn wait_for_proof(&self, at_most: Duration, deadline: Deadline) -> Admission<'_> {
        let by = clock::instant().checked_add(at_most).map_or(deadline.decide_by, |by| by.min(deadline.decide_by));
        loop {
            let found_out = self.breaker.finds_out();
            let admission = self.breaker.admit(clock::instant());
            if !matches!(admission, Admission::Wait(_)) || timeout_at(by, found_out).await.is_err() {
                return admission;
            }
        }
    }

    /// What the ledger said to a question, or why it has to be stood in for.
    fn said_in_time<E>(
        &self,
        answer: Result<Result<ledger::Answer, LedgerError>, E>,
        received_at: Timestamp,
    ) -> Result<Decided, StandInCause> {
        match answer {
            Ok(Ok(ledger::Answer::Decided { decision, basis, balance, intent })) => {
                // What was answered before was asked at another time.
                let asked_at = Some(received_at).filter(|_| basis != Basis::Replay);
                Ok(Decided { told: Told { decision, basis, asked_at }, balance, intent })
            }
            // A ledger that is starting may know this key: it is waited for like any other.
            Err(_) if self.ledger.readiness() == Readiness::Starting => Err(StandInCause::Starting),
            Err(_) | Ok(Err(LedgerError::Late)) => Err(StandInCause::DeadlinePassed),
            Ok(Err(LedgerError::Unavailable)) => Err(StandInCause::LedgerUnavailable),
            Ok(Err(LedgerError::Starting)) => Err(StandInCause::Starting),
            Ok(
                Err(LedgerError::Panicked | LedgerError::Refused | LedgerError::BeyondCounting)
                | Ok(
                    ledger::Answer::Recorded(_)
                    | ledger::Answer::Previewed { .. }
                    | ledger::Answer::Balances(_)
                    | ledger::Answer::Accounts { .. }
                    | ledger::Answer::Entered(_)
                    | ledger::Answer::Rulesets(_)
                    | ledger::Answer::Noted(_)
                    | ledger::Answer::TakenAway(_)
                    | ledger::Answer::Looked(_)
                    | ledger::Answer::Slips(_)
                    | ledger::Answer::Erased(_)
                    | ledger::Answer::WaitsEnded(_),
                ),
            ) => Err(StandInCause::Panicked),
        }
    }
}

/// What an answer, or none, says about the ledger. A bug that an act met is not its fault.
pub(super) const fn response_of<E>(answer: &Result<Result<ledger::Answer, LedgerError>, E>) -> Response {
    match answer {
        Err(_) | Ok(Err(LedgerError::Unavailable | LedgerError::Late | LedgerError::Starting)) => Response::Failed,
        Ok(Ok(_) | Err(LedgerError::Panicked | LedgerError::Refused | LedgerError::BeyondCounting)) => Response::Answered,
    }
}
