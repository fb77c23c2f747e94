//! Answering without the ledger: stand-in, and what becomes of an answer that the ledger has yet to hear.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::agent::Governed;
use holdfast_core::hold::{Answered, ToldAnswer};
use holdfast_core::rules::{Verdict, Way};
use holdfast_core::stand_in::{AddsTo, Sight, Snapshot, StandInAnswer};
use holdfast_core::{
    AccountId, AuthorizationKind, AuthorizationRequest, Basis, Decision, DeclineReason, Money, QuestionDigest, StandInCause,
};

use super::ahead::{Foresight, HeardBy, Itself};
use super::budgets::{Spending, is_own};
use super::by_word::{ByWord, basis_by_word};
use super::deadline::Deadline;
use super::mount::Mount;
use super::payments::Own;
use super::question::{Led, Question};
use super::stand_in::Said;
use super::telling::{GivenUp, Telling};
use super::told::{Begun, Claim, Told};
use super::{Decided, Responder};
use crate::clock;
use crate::ledger::sight::{Lasts, LongerAgo, Seen};
use crate::ledger::{Adopt, Counted, Glimpse, Mailbox, Origin, weight_of};
use crate::server::Call;
use crate::spool::Entry;

/// How long to wait before the ledger's memory is looked at again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Which part of the time that is left may be spent on looking: one of so many.
const LOOKING_SHARE: u32 = 4;

impl Responder {
    /// Stand-in, entered here only: the program's table within its caps, on what was last known. What it approves leaves only
    /// once it is durable.
    pub(super) async fn stand_in(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        question: &Question<'_>,
        claim: Claim<'_>,
        deadline: Deadline,
        cause: StandInCause,
    ) -> Decided {
        let request = &*question.request;
        let heard_by = self.heard_by();
        let seen = match self.look(question, deadline).await {
            Glimpse::Seen(seen) => seen,
            Glimpse::Nothing | Glimpse::Busy => Seen::default(),
        };
        let before = before(call, request, &claim.digest(), &seen);
        if let Before::Told(told) = before {
            let told = self.again(mount, question, told, (&seen, heard_by), deadline).await;
            claim.answered(told);
            return Decided { told, balance: None, intent: None };
        }
        let opinion = self.opinion(call, mount, question);
        let asked_at = Some(call.received.utc);
        let decline = |reason, basis| Told { decision: Decision::Decline { reason }, basis, asked_at };
        let verdict = opinion.as_ref().map(|opinion| &opinion.verdict);
        let mut foresight = self.foresee_if_needed((mount, question), (&seen, heard_by), deadline).await;
        let mut counted = self.counted_now(question, verdict);
        if counted == Counted::Busy {
            // Nothing is waited for after the balance was looked at.
            counted = self.counted(question, verdict, deadline).await;
            foresight = self.foresee_if_needed((mount, question), (&seen, heard_by), deadline).await;
        }
        let snapshot = self.with_what_waits(mount, question, &seen, foresight.as_ref());
        let account = account_of(&snapshot);
        let said = match (before, self.by_word(question, &seen, foresight.as_ref())) {
            // The platform's own word goes before every row.
            (Before::Nothing, ByWord::Decided(decision)) => {
                let told = Told { decision, basis: basis_by_word(&decision, cause), asked_at };
                let adopt = adoption_of(call, question, &claim, told, opinion);
                return self.tell_recorded(call, claim, told, (adopt, account), (cause, deadline)).await;
            }
            // Nothing is decided past an authority that was not known.
            (Before::Nothing, ByWord::Open) if question.led == Led::NotYet => None,
            (Before::Nothing, ByWord::Open) => {
                let stands = foresight.as_ref().map_or(seen.stands, Foresight::stands);
                self.table_says(mount, question, opinion.as_ref(), (&snapshot, &counted, stands), cause)
            }
            // Nothing is decided afresh, nor past what the platform recorded.
            (Before::Perhaps | Before::Told(_), _) | (Before::Nothing, ByWord::NotKnown) => None,
        };
        let Some(Said { stood_in, counted, way }) = said else {
            let is_known = request.kind != AuthorizationKind::Unknown;
            let reason = if is_known { DeclineReason::LedgerUnavailable } else { DeclineReason::TransactionNotPermitted };
            let told = decline(reason, Basis::StandIn(cause));
            let adopt = adoption_of(call, question, &claim, told, opinion);
            return self.tell_decline(call, claim, told, Entry::Told(Box::new(adopt), account), deadline).await;
        };
        let (claim, told) = match stood_in.answer {
            StandInAnswer::Decline { reason } => (claim, decline(reason, stood_in.basis)),
            // Told to nobody, and remembered as what was told: whoever asks again hears nothing again, and the ledger holds nothing.
            StandInAnswer::Abstain(silence) => (claim, decline(silence.reason(), stood_in.basis)),
            StandInAnswer::Approve { amount } => {
                let told = Told { decision: Decision::Approve { amount }, basis: stood_in.basis, asked_at };
                let adopt = adoption_of(call, question, &claim, told, opinion.clone().map(|opinion| opinion.by(way)));
                let counted = counted.map(|name| (&mount.program.stand_in, name));
                let entry = Entry::Told(Box::new(adopt), account);
                let spool = (&*self.spool, self.mailbox_of(call));
                let telling = Telling::begin(claim, told, spool, entry, counted, &self.unheard.waiting);
                // A message that came since may be before it in the spool, and end what it adds to.
                let given_up = if self.still_adds((mount, question), (&seen, heard_by), snapshot.adds_to, deadline).await {
                    telling.tell(deadline).await.err().map(|GivenUp(claim)| (claim, DeclineReason::NotDurable))
                } else {
                    telling.give_up().map(|claim| (claim, DeclineReason::LedgerUnavailable))
                };
                match given_up {
                    None => return Decided { told, balance: None, intent: None },
                    Some((claim, reason)) => (claim, decline(reason, stood_in.basis)),
                }
            }
        };
        let adopt = adoption_of(call, question, &claim, told, opinion);
        self.tell_decline(call, claim, told, Entry::Told(Box::new(adopt), account), deadline).await
    }

    /// Of a question whose time is over before it is known what was told to its key: a decline, which is kept. Nothing that is read by then
    /// decides, as what is not may say otherwise.
    pub(super) async fn decline_unrecalled(&self, call: &Call<'_>, question: &Question<'_>, deadline: Deadline) -> Decided {
        let basis = Basis::StandIn(StandInCause::Starting);
        let decline = |reason, asked_at| Told { decision: Decision::Decline { reason }, basis, asked_at };
        let claim = match self.unheard.book.begin(question.name, question.digest) {
            Begun::First(claim) => claim,
            Begun::Told(told) if matches!(told.decision, Decision::Decline { .. }) => {
                return Decided { told, balance: None, intent: None };
            }
            Begun::Told(_) | Begun::Conflict | Begun::InFlight(_) | Begun::OtherInFlight(_) => {
                let told = decline(DeclineReason::AnswerUnknown, None);
                return Decided { told, balance: None, intent: None };
            }
        };
        let told = decline(DeclineReason::LedgerUnavailable, Some(call.received.utc));
        let adopt = adoption_of(call, question, &claim, told, None);
        self.tell_decline(call, claim, told, Entry::Told(Box::new(adopt), None), deadline).await
    }

    /// What the ledger shows of the question. Whoever works on its memory has it for less than a millisecond at a time: it is
    /// looked at again, for a part of the time that is left.
    pub(super) async fn look(&self, question: &Question<'_>, deadline: Deadline) -> Glimpse {
        self.look_around(&question.origin, &question.request, deadline).await
    }

    pub(super) async fn look_around(&self, origin: &Origin, request: &AuthorizationRequest, deadline: Deadline) -> Glimpse {
        let look = || {
            let looked = catch_unwind(AssertUnwindSafe(|| self.ledger.look(origin, request))).unwrap_or_else(|_| {
                self.metrics.server.panicked();
                Glimpse::Busy
            });
            Some(looked).filter(|glimpse| *glimpse != Glimpse::Busy)
        };
        looked_for(look, deadline).await.unwrap_or(Glimpse::Busy)
    }

    /// What will be seen around a question, where what waits can matter to it.
    async fn foresee_if_needed(
        &self,
        (mount, question): (&Mount, &Question<'_>),
        seen: (&Seen, HeardBy),
        deadline: Deadline,
    ) -> Option<Foresight> {
        if self.has_to_look_ahead(mount, question, seen) {
            self.foresee((mount, question), seen, Itself::Counts, deadline).await
        } else {
            Some(Foresight::as_seen(seen.0))
        }
    }

    /// What the limits of a question have counted, looked for in the same way.
    async fn counted(&self, question: &Question<'_>, verdict: Option<&Verdict>, deadline: Deadline) -> Counted {
        let look = || Some(self.counted_now(question, verdict)).filter(|counted| *counted != Counted::Busy);
        looked_for(look, deadline).await.unwrap_or(Counted::Busy)
    }

    /// The same, at this moment.
    fn counted_now(&self, question: &Question<'_>, verdict: Option<&Verdict>) -> Counted {
        let limits = match verdict {
            Some(Verdict::Proceed(proceed)) if proceed.limits.iter().any(is_own) => proceed.limits.as_slice(),
            // Nothing is asked of what was counted.
            Some(Verdict::Proceed(_) | Verdict::Decline { .. }) | None => return Counted::Never,
        };
        let counted = || self.ledger.counted(&question.origin, &question.request, limits);
        catch_unwind(AssertUnwindSafe(counted)).unwrap_or_else(|_| {
            self.metrics.server.panicked();
            Counted::Busy
        })
    }

    /// Where the worker that has a callback is woken.
    pub(super) fn mailbox_of(&self, call: &Call<'_>) -> Option<Arc<Mailbox>> {
        self.workers.get(call.worker).map(|worker| Arc::clone(&worker.mailbox))
    }

    /// What is seen of a question, with what the ledger has yet to hear.
    fn with_what_waits(&self, mount: &Mount, question: &Question<'_>, seen: &Seen, foresight: Option<&Foresight>) -> Snapshot {
        let request = with_its_owner(&question.request, seen);
        let mut snapshot = self.unheard.standings.over(mount.program.id, &request, seen.snapshot);
        if question.outside.is_some() && snapshot.card == Sight::Absent {
            // What stands there for an instrument which is none of ours is entered with its first payment: no card is unknown.
            snapshot.card = Sight::NotSeen;
        }
        match foresight {
            Some(foresight) => foresight.of(snapshot),
            // Nor is it known what a question would add to.
            None => Snapshot { adds_to: AddsTo::NotKnown, ..without_balance(snapshot) },
        }
    }

    /// Whether what a question adds to is still as much there as it was when that was approved: a message that came since may be before the
    /// answer in the spool, and end it.
    async fn still_adds(
        &self,
        (mount, question): (&Mount, &Question<'_>),
        seen: (&Seen, HeardBy),
        before: AddsTo,
        deadline: Deadline,
    ) -> bool {
        if question.request.kind != AuthorizationKind::Incremental {
            return true;
        }
        let foresight = self.foresee((mount, question), seen, Itself::IsLeftOut, deadline).await;
        foresight.is_some_and(|foresight| foresight.adds_to() == before)
    }

    /// What the table in force says; `None` without one, while it is not known which one is, and where it met a bug.
    fn table_says(
        &self,
        mount: &Mount,
        question: &Question<'_>,
        opinion: Option<&Opinion>,
        (snapshot, counted, stands): (&Snapshot, &Counted, i64),
        cause: StandInCause,
    ) -> Option<Said> {
        if !self.may_stand_in() {
            return None;
        }
        let request = &*question.request;
        let verdict = opinion.map(|opinion| &opinion.verdict);
        let said = catch_unwind(AssertUnwindSafe(|| {
            let weight = weight_of(opinion.and_then(|opinion| opinion.governed.as_ref()));
            let spending = Spending::of(verdict, counted, weight).of_one_that_stands(stands);
            let asked = (&question.origin, request);
            mount.program.stand_in.decide(&mount.platform, asked, verdict, (snapshot, &spending), cause, clock::utc())
        }));
        said.unwrap_or_else(|_| {
            self.metrics.server.panicked();
            None
        })
    }

    /// What the rules think of a question that the ledger did not answer, and which rules those are: limits count the answer by
    /// it. They are asked once more, since carrying their verdict along would cost every answer. Nothing while it is not known
    /// which rules are in force, or where thinking is what failed.
    fn opinion(&self, call: &Call<'_>, mount: &Mount, question: &Question<'_>) -> Option<Opinion> {
        if !self.may_stand_in() || question.led == Led::NotYet {
            return None;
        }
        let rules = mount.program.rules.load();
        let thought = catch_unwind(AssertUnwindSafe(|| question.opinion_unheard(&rules, mount, call)));
        let (verdict, governed) = thought.map_err(|_| self.metrics.server.panicked()).ok()?;
        Some(Opinion { verdict, ruleset: *rules.hash().as_bytes(), governed })
    }

    /// Tells a decline that the ledger does not know: durable first, if the disk lets it be so in time.
    pub(super) async fn tell_decline(
        &self,
        call: &Call<'_>,
        claim: Claim<'_>,
        told: Told,
        entry: Entry,
        deadline: Deadline,
    ) -> Decided {
        let spool = (&*self.spool, self.mailbox_of(call));
        // A decline is never given up.
        let _ = Telling::begin(claim, told, spool, entry, None, &self.unheard.waiting).tell(deadline).await;
        Decided { told, balance: None, intent: None }
    }
}

/// What a look comes to, once nobody works on what is looked at; nothing if that takes more than a part of the time that is left.
pub(super) async fn looked_for<T>(look: impl Fn() -> Option<T>, deadline: Deadline) -> Option<T> {
    let began = clock::instant();
    let patience = deadline.answer_by.saturating_duration_since(began).checked_div(LOOKING_SHARE).unwrap_or_default();
    loop {
        match look() {
            None if clock::instant().saturating_duration_since(began) < patience => tokio::time::sleep(LOOK_AGAIN).await,
            looked => return looked,
        }
    }
}

/// A question whose card's owner is known, though it does not name them: those of the payment doors do not.
pub(super) fn with_its_owner<'a>(request: &'a AuthorizationRequest, seen: &Seen) -> Cow<'a, AuthorizationRequest> {
    match (request.cardholder, seen.owner) {
        (None, Some(owner)) => Cow::Owned(AuthorizationRequest { cardholder: Some(owner), ..*request }),
        (Some(_), _) | (None, None) => Cow::Borrowed(request),
    }
}

/// The same, and nothing is left of the account, as far as that may be told.
fn without_balance(mut snapshot: Snapshot) -> Snapshot {
    if let Sight::Seen(account) = &mut snapshot.account {
        account.available = Money::from_minor(i64::MIN, account.available.currency());
    }
    snapshot
}

pub(super) fn account_of(snapshot: &Snapshot) -> Option<AccountId> {
    match &snapshot.account {
        Sight::Seen(account) => Some(account.id),
        Sight::NotSeen | Sight::Absent => None,
    }
}

/// What the platform heard to a key before.
#[derive(Debug, Clone, Copy)]
enum Before {
    Nothing,
    Told(Told),
    /// Something, perhaps, and what is not certain.
    Perhaps,
}

/// What the ledger's memory shows of that. What it has to this very callback, nobody has heard.
fn before(call: &Call<'_>, question: &AuthorizationRequest, digest: &QuestionDigest, seen: &Seen) -> Before {
    let Some(Answered { digest: known, asked_at, decision }) = seen.answered else {
        return match seen.longer_ago {
            LongerAgo::No => Before::Nothing,
            LongerAgo::Perhaps => Before::Perhaps,
        };
    };
    match seen.lasts {
        Lasts::Yes | Lasts::NotYet if asked_at == call.received.utc => Before::Nothing,
        Lasts::NotYet => Before::Perhaps,
        // The platform may have recorded more than it asks for.
        Lasts::Yes if digest.is_of(&known) => {
            let decision = seen.again.unwrap_or(decision).at_most(question.amount);
            // Nothing becomes of a decline; what was held may have been taken or let go of since, which is not looked at.
            let asked_at = Some(asked_at).filter(|_| matches!(decision, Decision::Decline { .. }));
            Before::Told(Told { decision, basis: Basis::Replay, asked_at })
        }
        Lasts::Yes => {
            let decision = Decision::Decline { reason: DeclineReason::ConflictingDuplicate };
            Before::Told(Told { decision, basis: Basis::Ledger, asked_at: None })
        }
    }
}

/// What is thought of a question, and by which rules.
#[derive(Clone)]
struct Opinion {
    verdict: Verdict,
    ruleset: [u8; 32],
    governed: Option<Governed>,
}

impl Opinion {
    /// The same once a way is taken: what the ledger counts is what counts there.
    fn by(self, way: Option<Way>) -> Self {
        let verdict = match self.verdict {
            Verdict::Proceed(proceed) => Verdict::Proceed(proceed.by(way)),
            declines @ Verdict::Decline { .. } => declines,
        };
        Opinion { verdict, ..self }
    }
}

/// What the ledger has to agree with.
fn adoption_of(call: &Call<'_>, question: &Question<'_>, claim: &Claim<'_>, told: Told, opinion: Option<Opinion>) -> Adopt {
    let answer = match told.decision {
        Decision::Approve { amount } => ToldAnswer::Approved { amount },
        Decision::Decline { reason } => ToldAnswer::Declined { reason },
    };
    let governed = opinion.as_ref().and_then(|opinion| opinion.governed);
    Adopt {
        origin: question.origin,
        request: *question.request,
        digest: claim.digest(),
        verdict: opinion.map(|opinion| (opinion.verdict, opinion.ruleset)),
        told: answer,
        basis: told.basis,
        governed,
        received_at: call.received.utc,
        slip: question.own.map(Own::slip),
    }
}
