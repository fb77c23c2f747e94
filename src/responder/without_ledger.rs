//! Answering without the ledger: stand-in, and what becomes of an answer that the ledger has yet to hear.

use std::panic::{AssertUnwindSafe, catch_unwind};

use holdfast_core::hold::ToldAnswer;
use holdfast_core::rules::{NoTrace, Verdict, evaluate};
use holdfast_core::stand_in::{StandInAnswer, StoodIn, ToldName};
use holdfast_core::{AuthorizationRequest, Basis, Decision, DeclineReason, RuleId, StandInCause};

use super::adoption::Adoption;
use super::deadline::Deadline;
use super::durably::NotDurable;
use super::mount::Mount;
use super::told::{Claim, Kept, Told};
use super::{Decided, Responder, declined};
use crate::clock;
use crate::ledger::Adopt;
use crate::server::Call;

impl Responder {
    /// Stand-in, entered here only: the program's table within its caps, on what was last known. What it approves leaves only
    /// once it is durable.
    pub(super) async fn stand_in(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        request: &AuthorizationRequest,
        claim: Claim<'_>,
        deadline: Deadline,
        cause: StandInCause,
    ) -> Decided {
        let verdict = self.opinion(call, mount, request);
        let decline = |reason, basis| Told { decision: Decision::Decline { reason }, basis };
        let (stood_in, counted) = match self.table_says(mount, request, verdict.as_ref().map(|(verdict, _)| verdict), cause) {
            Some(said) => said,
            None => {
                let told = decline(DeclineReason::LedgerUnavailable, Basis::StandIn(cause));
                return self.tell_without_ledger(call, mount, request, claim, told, verdict);
            }
        };
        let told = match stood_in.answer {
            StandInAnswer::Decline { reason } => decline(reason, stood_in.basis),
            StandInAnswer::Abstain(silence) => {
                // The claim frees the key: a platform that asks again hears nothing again, or what the ledger says by then.
                return Decided { abstained: Some(silence), ..declined(DeclineReason::LedgerUnavailable, stood_in.basis) };
            }
            StandInAnswer::Approve { amount } => {
                let told = Told { decision: Decision::Approve { amount }, basis: stood_in.basis };
                let adopt = adoption_of(call, mount, request, &claim, told, verdict.clone());
                match self.durably.keep(&adopt, deadline.answer_by).await {
                    Ok(()) => told,
                    Err(NotDurable) => {
                        counted.iter().for_each(|name| mount.program.stand_in.give_back(name));
                        decline(DeclineReason::NotDurable, stood_in.basis)
                    }
                }
            }
        };
        self.tell_without_ledger(call, mount, request, claim, told, verdict)
    }

    /// What the table in force says; `None` without one, while it is not known which one is, and where it met a bug.
    fn table_says(
        &self,
        mount: &Mount,
        request: &AuthorizationRequest,
        verdict: Option<&Verdict>,
        cause: StandInCause,
    ) -> Option<(StoodIn, Option<ToldName>)> {
        if self.is_starting() {
            return None;
        }
        let said = catch_unwind(AssertUnwindSafe(|| {
            let snapshot = self.last_known.snapshot(&mount.program.id, request);
            mount.program.stand_in.decide(&mount.platform, request, verdict, &snapshot, cause, clock::utc())
        }));
        said.unwrap_or_else(|_| {
            self.metrics.server.panicked();
            None
        })
    }

    /// What the rules think of a question that the ledger did not answer, and which rules those are: limits count the answer by
    /// it. They are asked once more, since carrying their verdict along would cost every answer. Nothing while it is not known
    /// which rules are in force, or where thinking is what failed.
    fn opinion(&self, call: &Call<'_>, mount: &Mount, request: &AuthorizationRequest) -> Option<(Verdict, [u8; 32])> {
        if self.is_starting() {
            return None;
        }
        let rules = mount.program.rules.load();
        let verdict = catch_unwind(AssertUnwindSafe(|| evaluate(&rules, request, call.received.utc, &mut NoTrace)));
        Some((verdict.ok()?, *rules.hash().as_bytes()))
    }

    /// Remembers an answer that the ledger does not know, and sends it there.
    fn tell_without_ledger(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        request: &AuthorizationRequest,
        claim: Claim<'_>,
        told: Told,
        verdict: Option<(Verdict, [u8; 32])>,
    ) -> Decided {
        let adopt = adoption_of(call, mount, request, &claim, told, verdict);
        let name = claim.name();
        match claim.stood_in(told) {
            // Sending fails only while the process ends; the decline goes out all the same.
            Kept::Yes => drop(self.adoptions.send(Adoption { adopt, name })),
            Kept::Full => {}
        }
        Decided { told, balance: None, abstained: None }
    }

    /// The platform asks for something that this version does not know: no, and recorded.
    pub(super) fn decline_unknown_method(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        request: &AuthorizationRequest,
        claim: Claim<'_>,
    ) -> Decided {
        mount.metrics.unknown_method();
        let basis = RuleId::new("unknown-method").map_or(Basis::Ledger, Basis::Rule);
        let told = Told { decision: Decision::Decline { reason: DeclineReason::TransactionNotPermitted }, basis };
        // No rule was asked.
        self.tell_without_ledger(call, mount, request, claim, told, None)
    }
}

/// What the ledger has to agree with.
fn adoption_of(
    call: &Call<'_>,
    mount: &Mount,
    request: &AuthorizationRequest,
    claim: &Claim<'_>,
    told: Told,
    verdict: Option<(Verdict, [u8; 32])>,
) -> Adopt {
    let answer = match told.decision {
        Decision::Approve { amount } => ToldAnswer::Approved { amount },
        Decision::Decline { reason } => ToldAnswer::Declined { reason },
    };
    Adopt {
        origin: mount.origin(),
        request: *request,
        digest: claim.digest(),
        verdict,
        told: answer,
        basis: told.basis,
        received_at: call.received.utc,
    }
}
