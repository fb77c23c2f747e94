//! A question as it is asked of the ledger: the platform's own, with the agent's authority behind its card, or a processor's, which names
//! an authority and gets its card and its payment's name here.

use std::borrow::Cow;

use holdfast_adapters::agent_spend::payment_of;
use holdfast_adapters::{AuthorizationCall, Lookup, Named};
use holdfast_core::agent::{BindingId, Governed, InstrumentId, IntentReference};
use holdfast_core::rules::{NoTrace, Ruleset, Verdict, evaluate};
use holdfast_core::{
    AuthorizationId, AuthorizationRequest, Basis, CardToken, ContentDigest, Decision, MerchantName, PaymentRef, StandInCause,
    Timestamp,
};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout_at;

use super::deadline::Deadline;
use super::mount::Mount;
use super::payments::Own;
use super::{Responder, told};
use crate::agent::lead::{Agents, Lead};
use crate::agent::outside;
use crate::ledger::{self, Act, Origin};
use crate::server::Call;

/// A question, and on whose behalf it is asked.
pub(super) struct Question<'a> {
    pub request: Cow<'a, AuthorizationRequest>,
    /// Whose act it becomes.
    pub origin: Origin,
    /// Whose key it has.
    pub name: told::Name,
    /// The authority that it leads to, if to any.
    pub lead: Option<Lead>,
    /// The card that stands in the ledger for an instrument which is none of ours.
    pub outside: Option<CardToken>,
    /// What it has besides, if it came to a payment door.
    pub own: Option<&'a Own>,
    /// The same key with another one is another question.
    pub digest: ContentDigest,
    /// When the platform says that it asked.
    pub sent_at: Option<Timestamp>,
}

impl Question<'_> {
    /// What is thought of it: by the program's rules, by the merchant's profile where one of ours asks, and by the authority that it
    /// leads to.
    pub fn opinion(&self, rules: &Ruleset, mount: &Mount, call: &Call<'_>) -> (Verdict, Option<Governed>) {
        let now = call.received.utc;
        let verdict = evaluate(rules, &self.request, now, &mut NoTrace);
        let verdict = match self.own {
            None => verdict,
            Some(own) => own.opinion(mount, call, &self.request, verdict),
        };
        match &self.lead {
            None => (verdict, None),
            Some(lead) => {
                let (verdict, governed) = lead.govern(verdict, &self.request, now);
                (verdict, Some(governed))
            }
        }
    }

    /// It was answered: the intent behind a payment that moves money is used up.
    pub fn told(&self, agents: &Agents, told: &told::Told) {
        let is_first = told.basis != Basis::Replay;
        let approved = matches!(told.decision, Decision::Approve { .. });
        if let Some(lead) = self.lead.as_ref().filter(|_| is_first && approved && self.request.kind.takes_money()) {
            agents.used(lead, &self.request.payment);
        }
    }
}

impl Responder {
    /// The question of a callback; nothing of agents is looked at where none are configured.
    pub(super) fn question<'a>(&self, mount: &Mount, asked: &'a AuthorizationCall<'_>, now: Timestamp) -> Question<'a> {
        let request = &asked.request;
        let lead = match (&self.agents, &asked.lookup) {
            (Some(agents), Some(lookup)) => {
                let named = self.named(agents, mount, request, lookup, now);
                return Question { sent_at: asked.sent_at, ..named };
            }
            (Some(agents), None) => agents.of_card(&mount.program.id, &mount.platform, request, now),
            (None, _) => None,
        };
        Question {
            request: Cow::Borrowed(request),
            origin: mount.origin(),
            name: told::Name { principal: mount.principal, key: request.key },
            lead,
            outside: None,
            own: None,
            digest: request.content_digest(),
            sent_at: asked.sent_at,
        }
    }

    /// The question of a payment door, which has a digest of its own.
    pub(super) fn question_of<'a>(
        &self,
        mount: &Mount,
        (request, own): (&'a AuthorizationRequest, &'a Own),
        digest: ContentDigest,
        sent_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Question<'a> {
        let lead = self.agents.as_ref();
        let lead = lead.and_then(|agents| agents.of_card(&mount.program.id, &mount.platform, request, now));
        Question {
            request: Cow::Borrowed(request),
            origin: mount.origin(),
            name: told::Name { principal: mount.principal, key: request.key },
            lead,
            outside: None,
            own: Some(own),
            digest,
            sent_at,
        }
    }

    /// A processor's question: its card is the binding's, and its payment the platform's own where it names that.
    fn named(
        &self,
        agents: &Agents,
        mount: &Mount,
        request: &AuthorizationRequest,
        lookup: &Lookup,
        now: Timestamp,
    ) -> Question<'static> {
        let (mut request, digest) = (*request, digest_of(request, lookup));
        if let (Named::ByNobody, Some(key)) = (lookup.named, agents.fresh_key()) {
            request.key = key;
        }
        let lead = agents.of_lookup(lookup, &request, now);
        let of_platform =
            self.mounts.iter().find(|other| other.program.id == mount.program.id && other.platform == lookup.platform);
        let joined = lookup.transaction.zip(of_platform);
        let ours = payment_of(&lookup.caller.organization, &mount.reference(&request.key).text()).map(PaymentRef::of);
        let theirs = joined.and_then(|(transaction, other)| {
            holdfast_adapters::platform(other.platform.as_str()).map(|platform| (platform.payment_of_token)(transaction))
        });
        request.payment = theirs.or(ours).unwrap_or(request.payment);
        let asks = joined.map_or(mount, |(_, platform)| platform);
        let inside = lead.binding().and_then(|binding| binding.instrument.card()).filter(|_| of_platform.is_some());
        let outside = if inside.is_none() {
            lead.binding().and_then(|binding| outside::card_for(binding.id.as_str(), request.amount.currency()))
        } else {
            None
        };
        request.card = inside.or(outside);
        Question {
            request: Cow::Owned(request),
            origin: asks.origin(),
            name: told::Name { principal: asks.principal, key: request.key },
            lead: Some(lead),
            outside,
            own: None,
            digest,
            sent_at: None,
        }
    }

    /// Sees to it that an instrument which is none of ours has an account that remembers what it paid: its budgets count like all
    /// others, and what it reverses comes back. No money is behind it.
    ///
    /// # Errors
    /// The ledger has not entered it in time.
    pub(super) async fn enter_outside(&self, question: &Question<'_>, deadline: Deadline) -> Result<(), StandInCause> {
        let (Some(agents), Some(card)) = (&self.agents, question.outside) else { return Ok(()) };
        let Some(entries) = outside::entries(card, question.request.amount.currency()) else { return Ok(()) };
        if agents.entered.get(&card).is_some() {
            return Ok(());
        }
        let enter = ledger::ask(self.ledger.as_ref(), Act::Enter(Origin::of(question.origin.program), entries));
        match timeout_at(deadline.decide_by, enter).await {
            Ok(Ok(_)) => {
                agents.entered.put(card, ());
                Ok(())
            }
            Ok(Err(_)) => Err(StandInCause::LedgerUnavailable),
            Err(_) => Err(StandInCause::DeadlinePassed),
        }
    }
}

/// What a processor's question is told apart by: what it asked, and not what that led to, which may be another authority, or none, by the time
/// that it is sent again.
fn digest_of(request: &AuthorizationRequest, lookup: &Lookup) -> ContentDigest {
    let mut digest = Sha256::new();
    digest.update(request.content_digest().as_bytes());
    digest.update(lookup.stranger.map_or([0; 16], |stranger| stranger.digest));
    digest.update(request.merchant.name.as_ref().map_or(&[0; 16], MerchantName::as_bytes));
    let country = request.merchant.country.map(|country| country.to_string());
    for text in [
        country.as_deref(),
        Some(lookup.platform.as_str()),
        lookup.intent.as_ref().map(IntentReference::as_str),
        lookup.binding.as_ref().map(BindingId::as_str),
        lookup.instrument.as_ref().map(InstrumentId::as_str),
        lookup.transaction.as_ref().map(AuthorizationId::as_str),
    ] {
        // No name has a zero byte, so that the parts cannot run into each other.
        digest.update(text.unwrap_or_default());
        digest.update([0]);
    }
    ContentDigest::from_bytes(digest.finalize().first_chunk().copied().unwrap_or_default())
}
