//! A question as it is asked of the ledger: the platform's own, with the agent's authority behind its card, or a processor's, which names
//! an authority and gets its card and its payment's name here.

use std::borrow::Cow;

use holdfast_adapters::agent_spend::payment_of;
use holdfast_adapters::{AuthorizationCall, Lookup, Named};
use holdfast_core::agent::{Binding, BindingId, Choice, Door, Governed, InstrumentId, IntentReference, shared_name};
use holdfast_core::rules::{NoTrace, Ruleset, Verdict, evaluate, limits_alone};
use holdfast_core::stand_in::{Sight, Snapshot};
use holdfast_core::{
    AccountId, Alias, AuthorizationId, AuthorizationRequest, CardToken, ContentDigest, MerchantName, PaymentRef, PlatformName,
    QuestionDigest, StandInCause, Timestamp,
};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout_at;

use super::deadline::Deadline;
use super::mount::Mount;
use super::payments::Own;
use super::{Responder, told};
use crate::agent::lead::{Agents, Calls, Lead, OneOfOurs};
use crate::agent::outside;
use crate::ledger::sight::Seen;
use crate::ledger::{self, Act, Glimpse, Origin, Whose};
use crate::server::Call;

/// Whether it was known to which authority a question leads when that was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Led {
    Yes,
    /// Not all objects of agent spend were there: it may lead to one.
    NotYet,
}

/// A question, and on whose behalf it is asked.
pub(super) struct Question<'a> {
    pub request: Cow<'a, AuthorizationRequest>,
    /// Whose act it becomes.
    pub origin: Origin,
    /// Whose key it has.
    pub name: told::Name,
    /// The authority that it leads to, if to any.
    pub lead: Option<Lead>,
    /// Whether that is certain.
    pub led: Led,
    /// Whether it is known from which account it is paid, where that matters for the authority.
    pub payer: Payer,
    /// The card that stands in the ledger for an instrument which is none of ours.
    pub outside: Option<CardToken>,
    /// What it has besides, if it came to a payment door.
    pub own: Option<&'a Own>,
    /// The same key with another one is another question.
    pub digest: QuestionDigest,
    /// When the platform says that it asked.
    pub sent_at: Option<Timestamp>,
}

impl Question<'_> {
    /// What is thought of it: by the program's rules, by the merchant's profile where one of ours asks, and by the authority that it
    /// leads to.
    pub fn opinion(&self, rules: &Ruleset, mount: &Mount, call: &Call<'_>) -> Opinion {
        let verdict = self.of_program(rules, mount, call);
        match &self.lead {
            None => Opinion { verdict, governed: None, choice: None },
            Some(lead) => {
                let (verdict, governed, choice) = lead.govern(verdict, &self.request, call.received.utc);
                Opinion { verdict, governed: Some(governed), choice }
            }
        }
    }

    /// The same where the ledger cannot be asked.
    pub fn opinion_unheard(&self, rules: &Ruleset, mount: &Mount, call: &Call<'_>) -> (Verdict, Option<Governed>) {
        let verdict = self.of_program(rules, mount, call);
        match &self.lead {
            None => (verdict, None),
            Some(lead) => {
                let (verdict, governed) = lead.govern_unheard(verdict, &self.request, call.received.utc);
                (verdict, Some(governed))
            }
        }
    }

    /// Whether no account of this server pays: the program's rules are about its own money. An account of ours that a processor asks about is
    /// paid from where its cards' platform asks.
    fn is_paid_elsewhere(&self) -> bool {
        let binding = self.outside.and(self.lead.as_ref()).and_then(Lead::binding);
        binding.is_some_and(|binding| binding.door == Door::Authorize)
    }

    fn of_program(&self, rules: &Ruleset, mount: &Mount, call: &Call<'_>) -> Verdict {
        let verdict = if self.is_paid_elsewhere() {
            limits_alone(rules, &self.request, call.received.utc)
        } else {
            evaluate(rules, &self.request, call.received.utc, &mut NoTrace)
        };
        match self.own {
            None => verdict,
            Some(own) => own.opinion(mount, call, &self.request, verdict),
        }
    }
}

/// Whether it is known which account pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payer {
    /// It is, or nothing depends on it.
    Known,
    /// The ledger did not say, and an authority may be bound to it.
    Unknown,
}

/// What is thought of a question.
pub(super) struct Opinion {
    pub verdict: Verdict,
    pub governed: Option<Governed>,
    /// Where both depend on which intents are used.
    pub choice: Option<Box<Choice>>,
}

impl Responder {
    /// The question of a callback; nothing of agents is looked at where none are configured.
    pub(super) fn question<'a>(&self, mount: &Mount, asked: &'a AuthorizationCall<'_>) -> Question<'a> {
        let question = match (&self.agents, &asked.lookup) {
            (Some(agents), Some(lookup)) => self.named(agents, mount, &asked.request, lookup),
            (None, _) | (_, None) => self.question_of_card(mount, &asked.request),
        };
        Question { sent_at: asked.sent_at, ..question }
    }

    /// A question about a card, as far as the authority behind that.
    pub(super) fn question_of_card<'a>(&self, mount: &Mount, request: &'a AuthorizationRequest) -> Question<'a> {
        let (led, lead) = (self.led(), self.lead_of_card(mount, request));
        Question {
            request: Cow::Borrowed(request),
            origin: mount.origin(),
            name: told::Name { principal: mount.principal, key: request.key },
            lead,
            led,
            payer: Payer::Known,
            outside: None,
            own: None,
            digest: request.content_digest(),
            sent_at: None,
        }
    }

    /// Whether everything is there that a question may lead to. Looked at before it is looked up.
    fn led(&self) -> Led {
        if self.agents.as_ref().is_none_or(|agents| agents.is_filled()) { Led::Yes } else { Led::NotYet }
    }

    /// The authority behind a card, by whatever door of its program it pays: in the ledger it is one card.
    fn lead_of_card(&self, mount: &Mount, request: &AuthorizationRequest) -> Option<Lead> {
        let agents = self.agents.as_ref()?;
        agents.of_card(self.ours_at(mount), request)
    }

    fn ours_at<'s>(&'s self, mount: &'s Mount) -> OneOfOurs<'s, impl Iterator<Item = &'s PlatformName>> {
        OneOfOurs { program: &mount.program.id, platforms: self.platforms_at(mount) }
    }

    /// The platforms of a mount's program, its own first.
    fn platforms_at<'s>(&'s self, mount: &'s Mount) -> impl Iterator<Item = &'s PlatformName> {
        let others = self.mounts.iter().filter(|other| other.program.id == mount.program.id).map(|other| &other.platform);
        std::iter::once(&mount.platform).chain(others.filter(|other| **other != mount.platform))
    }

    /// The question of a payment door, which has a digest of its own.
    pub(super) fn question_of<'a>(
        &self,
        mount: &Mount,
        (request, own): (&'a AuthorizationRequest, &'a Own),
        digest: ContentDigest,
        sent_at: Option<Timestamp>,
    ) -> Question<'a> {
        Question { own: Some(own), digest: digest.into(), sent_at, ..self.question_of_card(mount, request) }
    }

    /// A processor's question: its card is the binding's, and its payment the platform's own where it names that.
    fn named(&self, agents: &Agents, mount: &Mount, request: &AuthorizationRequest, lookup: &Lookup) -> Question<'static> {
        let (mut request, digest) = (*request, digest_of(request, lookup));
        if let (Named::ByNobody, Some(key)) = (lookup.named, agents.fresh_key()) {
            request.key = key;
        }
        let of_platform =
            self.mounts.iter().find(|other| other.program.id == mount.program.id && other.platform == lookup.platform);
        let joined = lookup.transaction.zip(of_platform);
        let own = |name: &str| payment_of(&lookup.caller.organization, name);
        let ours = own(&mount.reference(&request.key).text()).map(|first| {
            // A platform that never asks tells of nothing: its token is a second name of the processor's own payment.
            let token = lookup.transaction.filter(|_| joined.is_none());
            let second = token.and_then(|token| own(&token_at(&lookup.platform, &token)));
            PaymentRef { authorization: first, alias: second.map_or(Alias::NotTold, Alias::Also) }
        });
        let theirs = joined.and_then(|(transaction, other)| {
            holdfast_adapters::platform(other.platform.as_str()).map(|platform| (platform.payment_of_token)(transaction))
        });
        let calls = if of_platform.is_some() { Calls::Yes } else { Calls::No };
        let lead = agents.of_lookup(lookup, calls, theirs.as_ref().map(shared_name));
        let first = |binding| of_platform.is_none() || agents.is_in_force(self.ours_at(mount), binding);
        let lead = if lead.binding().is_none_or(first) { lead } else { lead.bound_before() };
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
            // Nobody who may ask is known before.
            led: Led::Yes,
            payer: Payer::Known,
            outside,
            own: None,
            digest: digest.into(),
            sent_at: None,
        }
    }

    /// A card without a binding of its own pays under that of its account, if that has one; so does one whose account another organization
    /// had bound before. Where no such account was ever bound, nothing is looked at.
    pub(super) async fn lead_by_account(&self, call: &Call<'_>, mount: &Mount, question: &mut Question<'_>) {
        let Some(agents) = self.agents.as_ref().filter(|agents| may_be_by_account(agents, question)) else { return };
        let Some(card) = question.request.card else { return };
        match self.account_behind(card, call, mount, question).await {
            Ok(account) => {
                let bound = account.and_then(|account| agents.binding_of_account(self.ours_at(mount), &account));
                let Some(bound) = bound.filter(|bound| goes_before(agents, bound, question.lead.as_ref())) else { return };
                question.lead = Some(match &question.lead {
                    Some(lead) if lead.door() == Door::Authorize => lead.bound_before(),
                    Some(_) | None => agents.at_platform(bound, &question.request.payment),
                });
            }
            Err(payer) => question.payer = payer,
        }
    }

    /// The account that a card pays from; nothing if there is none.
    ///
    /// # Errors
    /// It is not known.
    async fn account_behind(
        &self,
        card: CardToken,
        call: &Call<'_>,
        mount: &Mount,
        question: &Question<'_>,
    ) -> Result<Option<AccountId>, Payer> {
        let deadline = Deadline::new(&call.received, question.sent_at, &mount.patience);
        // Whoever works on memory has it for less than a millisecond: that is waited for, rather than asked beside the question.
        match self.look(question, deadline).await {
            Glimpse::Seen(Seen { snapshot: Snapshot { account: Sight::Seen(account), .. }, .. }) => Ok(Some(account.id)),
            // There is no such card, or none that leads to an account.
            Glimpse::Seen(Seen { snapshot: Snapshot { account: Sight::Absent, .. }, .. }) => Ok(None),
            Glimpse::Seen(_) | Glimpse::Busy | Glimpse::Nothing => {
                let by = self.beside_until(mount, deadline.decide_by);
                let ask = Box::pin(ledger::ask(self.ledger.as_ref(), Act::Balances(question.origin, Whose::Card(card))));
                let told = timeout_at(by, ask).await.ok().and_then(Result::ok).and_then(ledger::Answer::into_balances);
                told.map(|standings| standings.first().map(|standing| standing.balance.account)).ok_or(Payer::Unknown)
            }
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

/// Whether an account's binding may be what a question leads to.
fn may_be_by_account(agents: &Agents, question: &Question<'_>) -> bool {
    match &question.lead {
        None => agents.registry.binds_accounts(),
        Some(lead) => {
            let card = lead.binding().filter(|binding| question.outside.is_none() && binding.instrument.card().is_some());
            card.is_some_and(|card| agents.registry.may_be_of_anothers_account(card))
        }
    }
}

/// Whether an account's binding decides rather than what a question leads to: within one organization a card's own comes first, of two
/// organizations the one that may bind it and was there first.
fn goes_before(agents: &Agents, account: &Binding, lead: Option<&Lead>) -> bool {
    let of_card = lead.and_then(Lead::binding);
    of_card.is_none_or(|card| account.organization != card.organization && agents.precedes(account, card))
}

/// A platform's name of a payment, as no name of ours is written.
fn token_at(platform: &PlatformName, token: &AuthorizationId) -> String {
    format!("token {platform} {token}")
}

/// What a processor's question is told apart by: what it asked, and not what that led to, which may be another authority, or none, by the time
/// that it is sent again.
fn digest_of(request: &AuthorizationRequest, lookup: &Lookup) -> ContentDigest {
    let mut digest = Sha256::new();
    digest.update(request.content_digest().without_names().as_bytes());
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
