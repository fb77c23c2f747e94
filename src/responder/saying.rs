//! What an answer at `/v1/authorize` says beside its decision, and what is remembered of that for a retry. Nothing is decided here.

use holdfast_adapters::agent_spend::payment_of;
use holdfast_adapters::{AuthorizationCall, DecisionReference, Named, Said};
use holdfast_core::agent::ReasonCode;
use holdfast_core::{Basis, Decision};

use super::question::Question;
use super::{Decided, Responder};

impl Responder {
    /// What an answer says of the authority that its question named; a retry hears what the first one heard.
    pub(super) fn said(
        &self,
        asked: &AuthorizationCall<'_>,
        question: &Question<'_>,
        reference: DecisionReference,
        Decided { told, intent, .. }: &Decided,
    ) -> Option<Said> {
        let (agents, lead) = (self.agents.as_ref()?, question.lead.as_ref()?);
        let lookup = asked.lookup.as_ref()?;
        let approved = matches!(told.decision, Decision::Approve { .. });
        if let (true, Some(_), Some(intent)) = (approved, lookup.transaction, lead.named()) {
            agents.is_for(&question.request.payment, intent);
        }
        let own = payment_of(&lookup.caller.organization, &reference.text());
        if let Some(own) = own.filter(|own| question.request.payment.authorization != *own && approved)
            && !question.request.amount.is_zero()
        {
            agents.is_told_by_platform(own);
        }
        // A retry hears why stand-in answered, also from a process that did not answer itself.
        let first = if told.basis == Basis::Replay { self.unheard.book.told(&question.name) } else { None };
        let basis = first.map_or(told.basis, |first| first.basis);
        if lookup.named != Named::ByCaller {
            return Some(lead.said(&told.decision, &basis, *intent));
        }
        let before = agents.remembered(&reference);
        if matches!(told.basis, Basis::StandIn(_)) {
            // Nothing was decided: where something else was said before, that is not what is said now, and stays remembered.
            let same = before.filter(|said| said.code == ReasonCode::StandIn);
            return Some(same.unwrap_or_else(|| lead.said(&told.decision, &told.basis, *intent)));
        }
        let said = before.unwrap_or_else(|| lead.said(&told.decision, &basis, *intent));
        if before.is_none() {
            agents.remember(reference, said);
        }
        Some(said)
    }
}
