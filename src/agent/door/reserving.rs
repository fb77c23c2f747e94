//! What an intent reserves: a hold of the ledger under a name of the intent's own, asked for and given back here. Its payment takes it
//! over in the ledger's one act; what nobody uses expires with the intent.

use std::time::Duration;

use holdfast_core::agent::{Governed, IntentReference, IntentStatus, Weight, reservation_of, reserving};
use holdfast_core::hold::{Fact, ReleaseCause, Subject, ToldEvent};
use holdfast_core::rules::{Proceed, Verdict};
use holdfast_core::{
    AuthorizationRequest, CardToken, Currency, Decision, DeclineReason, IdempotencyKey, PaymentRef, ProgramId, Timestamp,
};

use super::House;
use super::intent_request::Asked;
use crate::agent::bodies::Intent;
use crate::agent::office::Owner;
use crate::agent::outside;
use crate::agent::store::Row;
use crate::api::problem::{Code, Problem};
use crate::clock;
use crate::ledger::{self, Act, Answer, Decide, Origin};

/// How long the ledger may take.
pub(super) const LEDGER_MAX: Duration = Duration::from_secs(3);

/// What is to be reserved, of a purchase that was just looked at.
pub(super) struct Reservation<'a> {
    pub program: ProgramId,
    pub intent: IntentReference,
    /// The payment as it would come.
    pub request: AuthorizationRequest,
    pub proceed: &'a Proceed,
    pub ruleset: [u8; 32],
    pub governed: Governed,
    pub at: Timestamp,
    /// For as long as the intent lives.
    pub lifetime_seconds: u32,
}

impl Reservation<'_> {
    /// On the card that would pay if it is one of our ledger; otherwise where the authority's budgets are remembered and no money is.
    fn card(&self) -> Option<CardToken> {
        let outside = || outside::card_for(self.governed.authority?.as_str(), self.request.amount.currency());
        self.request.card.or_else(outside)
    }

    fn decide(&self, card: CardToken, payment: PaymentRef) -> Decide {
        let request = AuthorizationRequest { card: Some(card), payment, ..self.request };
        let instant = clock::instant();
        Decide {
            origin: Origin::of(self.program),
            request,
            digest: request.content_digest(),
            verdict: Verdict::Proceed(reserving(self.proceed, self.lifetime_seconds)),
            ruleset: self.ruleset,
            governed: Some(Governed {
                intent: Some(self.intent),
                // Where no card of ours would pay, which binding will is not known.
                binding: self.governed.binding.filter(|_| self.request.card.is_some()),
                weight: Weight::Moves,
                ..self.governed
            }),
            received_at: self.at,
            not_after: instant.checked_add(LEDGER_MAX).unwrap_or(instant),
            choice: None,
            slip: None,
        }
    }
}

impl House {
    /// Reserves; or why not: somebody else was faster than the look before.
    pub(super) async fn reserve(&self, wanted: &Reservation<'_>) -> Result<Option<DeclineReason>, Problem> {
        let no_name = || Problem::of(Code::Internal, "a name that is none");
        let card = wanted.card().ok_or_else(no_name)?;
        let payment = reservation_of(&wanted.intent).ok_or_else(no_name)?;
        if wanted.request.card.is_none() {
            self.enter_outside(wanted.program, card, wanted.request.amount.currency()).await?;
        }
        match self.done(Act::Decide(wanted.decide(card, payment))).await?.into_decision() {
            Some(Decision::Decline { reason }) => Ok(Some(reason)),
            Some(Decision::Approve { .. }) | None => Ok(None),
        }
    }

    /// Enters where an authority's budgets are remembered and no money is, if this process has not yet.
    pub(super) async fn enter_outside(&self, program: ProgramId, card: CardToken, currency: Currency) -> Result<(), Problem> {
        if self.agents.entered.get(&card).is_some() {
            return Ok(());
        }
        let no_name = || Problem::of(Code::Internal, "a name that is none");
        let entries = outside::entries(card, currency).ok_or_else(no_name)?;
        self.done(Act::Enter(Origin::of(program), entries)).await?;
        self.agents.entered.put(card, ());
        Ok(())
    }

    /// Reserves for an intent that a reviewer approves: everything but the review is looked at again.
    pub(super) async fn reserve_reviewed(&self, owner: Owner, row: &Row, body: &Intent, now: Timestamp) -> Result<(), Problem> {
        let registry = self.office.registry();
        let known = row.id.parse().ok().and_then(|id| registry.intent(&id));
        let known = known.and_then(|known| Some((*known, registry.authority(&known.authority)?)));
        let (intent, authority) = known.ok_or_else(|| Problem::of(Code::Internal, "the intent is not in force"))?;
        let binding = self.binding_of(owner, &authority, body.binding_id.as_deref()).await?;
        let left = intent.expires_at.unix_micros().saturating_sub(now.unix_micros());
        let asked = Asked {
            authority: body.spending_authority_id.clone(),
            binding: body.binding_id.clone(),
            amount: intent.amount,
            merchant: intent.merchant,
            merchant_name: None,
            description: None,
            // What is begun of a second counts.
            ttl_seconds: left.checked_div(1_000_000).and_then(|s| u32::try_from(s).ok()).unwrap_or(0).saturating_add(1),
            reserve: true,
        };
        let approved = holdfast_core::agent::Intent { status: IntentStatus::Approved, binding: None, ..intent };
        let tried = self.evaluate(owner, (&authority, &binding), (approved, now), &asked).await?;
        match tried.objection {
            None => Ok(()),
            Some(_) => {
                let detail = format!("its amount cannot be kept for the payment now: {}; it waits on", tried.reason.code());
                Err(Problem::coded(Code::StateConflict, "not_reserved", detail))
            }
        }
    }

    /// Gives back what an intent reserved, unless its payment has it. It is the same release however often it is asked for.
    pub(super) async fn give_back(&self, owner: Owner, intent: &str) -> Result<(), Problem> {
        let program = self.office.registry().programs().of(owner.environment);
        let key = IdempotencyKey::new(&format!("given-back-{intent}")).ok();
        let payment = intent.parse().ok().and_then(|intent| reservation_of(&intent));
        let (Some(program), Some(key), Some(payment)) = (program, key, payment) else { return Ok(()) };
        let fact = Fact::Released { payment, cause: ReleaseCause::Operator };
        let (subject, occurred_at) = (Subject::default(), Some(clock::utc()));
        let event = ToldEvent { key, occurred_at, network: None, settlement_day: None, subject, fact };
        self.done(Act::Tell(Origin::of(program), event)).await.map(drop)
    }

    /// What the ledger does with an act.
    pub(super) async fn done(&self, act: Act) -> Result<Answer, Problem> {
        match tokio::time::timeout(LEDGER_MAX, ledger::ask(self.ledger.as_ref(), act)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => {
                let detail = "the ledger did not answer; send it again";
                Err(Problem::of(Code::LedgerUnavailable, detail).retry_after(1))
            }
        }
    }
}
