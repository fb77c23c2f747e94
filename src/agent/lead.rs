//! From a question to the spending authority that it leads to: by its card at the card's own platform, by names at `/v1/authorize`.
//!
//! Everything is looked up in the registry's memory. What is thought of the question then is core's ([`govern`](holdfast_core::agent::govern)); nothing here decides.

mod found;
mod remembered;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holdfast_adapters::token::{Grant, KeyStore as _};
use holdfast_adapters::{DecisionReference, Lookup, Said};
use holdfast_core::agent::{
    Asking, Binding, BindingStatus, Door, InstrumentId, InstrumentKind, Intent, IntentReference, OrganizationId,
};
use holdfast_core::{
    AccountId, AuthorizationId, AuthorizationRequest, CardToken, DeclineReason, IdempotencyKey, Merchant, PaymentRef,
    PlatformName, ProgramId,
};

pub use self::found::Lead;
use self::found::{Shown, To};
pub use self::remembered::REMEMBERED_MAX;
use self::remembered::{FreshKeys, Lately};
use super::registry::Registry;
use super::seal::Sealer;
use super::shards::Shards;

/// Agent spend, as the path of a callback knows it.
pub struct Agents {
    /// The objects.
    pub registry: Arc<Registry>,
    /// Whether all of them are there: before that, what a question leads to is not known.
    filled: AtomicBool,
    /// The cards that stand in the ledger for instruments which are none of ours, as far as this process has entered them.
    pub entered: Shards<CardToken, ()>,
    words: Lately<DecisionReference, Said>,
    /// The intents that processors named for payments of which the platform asks, too, by every name of the payment. The ledger knows them as
    /// well; here they are known also where it could not be asked.
    named: Lately<AuthorizationId, IntentReference>,
    /// What our own names would be of payments that are their platforms' to tell of.
    elsewhere: Lately<AuthorizationId, ()>,
    keys: FreshKeys,
    /// The enterprises that the operator lets bind what is of platforms that call this server; nothing where none are listed.
    listed: Option<Vec<OrganizationId>>,
    /// What makes of callers' texts what they are found by; without it they are not.
    sealer: Option<Sealer>,
}

impl Agents {
    /// With these objects, the enterprises that may bind what is of platforms that call this server, and the operator's key.
    #[must_use]
    pub fn new(registry: Arc<Registry>, listed: Option<Vec<OrganizationId>>, sealer: Option<Sealer>) -> Self {
        let (words, named, elsewhere) = (Lately::new(), Lately::new(), Lately::new());
        let (filled, entered, keys) = (AtomicBool::new(false), Shards::default(), FreshKeys::new());
        Agents { registry, filled, entered, words, named, elsewhere, keys, listed, sealer }
    }

    /// The enterprises that may bind what is of platforms that call this server, if the operator lists any.
    #[must_use]
    pub fn listed(&self) -> Option<&[OrganizationId]> {
        self.listed.as_deref()
    }

    /// Whether everything that the store has is in memory.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// From now on it is.
    pub fn become_filled(&self) {
        self.filled.store(true, Ordering::Release);
    }

    /// The authority behind the card of a platform's own question; nothing if none is bound to it.
    #[must_use]
    pub fn of_card<'p>(
        &self,
        of: OneOfOurs<'p, impl Iterator<Item = &'p PlatformName>>,
        asked: &AuthorizationRequest,
    ) -> Option<Lead> {
        let card = asked.card.as_ref()?.as_str().try_into().ok()?;
        let binding = self.first_of(of, card, Money::OfCard)?;
        Some(self.at_platform(binding, &asked.payment))
    }

    /// The binding of an account that a card pays from.
    #[must_use]
    pub fn binding_of_account<'p>(
        &self,
        of: OneOfOurs<'p, impl Iterator<Item = &'p PlatformName>>,
        account: &AccountId,
    ) -> Option<Arc<Binding>> {
        self.first_of(of, account.as_str().try_into().ok()?, Money::OfAccount)
    }

    /// Whether a binding is the one by which its money is paid. What is of no account of this server has no other.
    #[must_use]
    pub fn is_in_force<'p>(&self, of: OneOfOurs<'p, impl Iterator<Item = &'p PlatformName>>, binding: &Binding) -> bool {
        let money = Money::of(binding.instrument.kind);
        let first = money.and_then(|money| self.first_of(of, binding.instrument.id, money));
        first.is_none_or(|first| first.id == binding.id)
    }

    /// Whether a binding leads rather than another one of the same money: one of an enterprise that may bind it comes before one of somebody
    /// who may not (it was made while its platform did not call), and of two alike the one that was made first.
    #[must_use]
    pub fn precedes(&self, one: &Binding, other: &Binding) -> bool {
        let may = |binding: &Binding| self.listed().is_none_or(|listed| listed.contains(&binding.organization));
        match (may(one), may(other)) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => one.is_before(other),
        }
    }

    /// In the ledger a card is one, whatever platform asks about it: of several bindings one leads.
    fn first_of<'p>(
        &self,
        OneOfOurs { program, platforms }: OneOfOurs<'p, impl Iterator<Item = &'p PlatformName>>,
        instrument: InstrumentId,
        money: Money,
    ) -> Option<Arc<Binding>> {
        let environment = self.registry.programs().environment_of(program)?;
        let bound = platforms.filter_map(|platform| self.registry.binding_of(&(environment, *platform, instrument)));
        let bound = bound.filter(|binding| Money::of(binding.instrument.kind) == Some(money));
        bound.reduce(|first, other| if self.precedes(&other, &first) { other } else { first })
    }

    /// What a binding leads a platform's own question to.
    #[must_use]
    pub fn at_platform(&self, binding: Arc<Binding>, payment: &PaymentRef) -> Lead {
        let asking = Asking::AT_PLATFORM;
        match self.registry.authority(&binding.authority) {
            None => Lead::nobody(DeclineReason::AuthoritySuspended, Some(binding.id), None, asking),
            Some(authority) => {
                let named = payment.names().find_map(|name| self.named.of(&name)).and_then(|named| self.registry.intent(&named));
                let named = named.filter(|intent| intent.authority == authority.id);
                // Its merchant was compared at our door: the network's name of it is another one.
                let named = named.map(|intent| Shown::Known(Arc::new(Intent { merchant: Merchant::default(), ..*intent })));
                let intent = named.unwrap_or_else(|| Shown::Any(self.registry.intents_of(&authority.id)));
                Lead { to: To::Authority { authority, binding, intent }, asking }
            }
        }
    }

    /// The authority that a processor's question names; `payment` is what it and its platform call the same payment.
    #[must_use]
    pub fn of_lookup(&self, lookup: &Lookup, calls: Calls, payment: Option<AuthorizationId>) -> Lead {
        let correlation = lookup.correlation.zip(self.sealer.as_ref()).map(|(text, sealer)| sealer.correlation(&text));
        let asking = Asking { door: Door::Authorize, by: Some(lookup.caller.organization), payment, correlation };
        if let Some(stranger) = lookup.stranger {
            return Lead::nobody(stranger.reason, lookup.binding, lookup.intent, asking);
        }
        let named = lookup.intent.map(|reference| (reference, self.intent_for(lookup, &reference)));
        let binding = match self.binding_for(lookup, named.as_ref().and_then(|(_, known)| known.as_ref())) {
            Ok(binding) => binding,
            Err(reason) => return Lead::nobody(reason, lookup.binding, lookup.intent, asking),
        };
        let Some(authority) = self.registry.authority(&binding.authority) else {
            return Lead::nobody(DeclineReason::BindingUnknown, Some(binding.id), lookup.intent, asking);
        };
        let intent = match named {
            Some((_, Some(known))) => Shown::Known(known),
            Some((reference, None)) => Shown::Unknown(reference),
            None => Shown::Any(self.registry.intents_of(&authority.id)),
        };
        let binding = at_a_door_that_opens(binding, calls);
        Lead { to: To::Authority { authority, binding, intent }, asking }
    }

    /// An intent that the processor may hear of.
    fn intent_for(&self, lookup: &Lookup, reference: &IntentReference) -> Option<Arc<Intent>> {
        let known = self.registry.intent(reference)?;
        let Intent { organization, environment, .. } = *known;
        (environment == lookup.caller.environment && self.may_ask(lookup, organization)).then_some(known)
    }

    fn may_ask(&self, lookup: &Lookup, enterprise: OrganizationId) -> bool {
        let Lookup { caller, platform, .. } = lookup;
        let (environment, processor) = (caller.environment, caller.organization);
        self.registry.grants(&Grant { environment, processor, enterprise, platform: *platform })
    }

    /// The one binding that everything named leads to.
    fn binding_for(&self, lookup: &Lookup, intent: Option<&Arc<Intent>>) -> Result<Arc<Binding>, DeclineReason> {
        let may_see = |binding: &Arc<Binding>| {
            let here = binding.environment == lookup.caller.environment && binding.instrument.platform == lookup.platform;
            here && self.may_ask(lookup, binding.organization)
        };
        let unknown = || DeclineReason::BindingUnknown;
        let named = lookup.binding.map(|id| self.registry.binding(&id).filter(may_see).ok_or_else(unknown)).transpose()?;
        let of_instrument = lookup.instrument.map(|instrument| {
            let key = (lookup.caller.environment, lookup.platform, instrument);
            self.registry.binding_of(&key).filter(may_see).ok_or_else(unknown)
        });
        match (named, of_instrument.transpose()?) {
            (Some(one), Some(other)) if one.id != other.id => Err(DeclineReason::IntentMismatched),
            (Some(binding), _) | (None, Some(binding)) => Ok(binding),
            (None, None) => {
                let known = intent.ok_or(DeclineReason::IntentUnknown)?;
                self.binding_of_intent(known, &lookup.platform).filter(may_see).ok_or_else(unknown)
            }
        }
    }

    /// The binding that an intent names, or its authority's only active one of that platform. Where none is active, the only one says why
    /// it is not paid by.
    fn binding_of_intent(&self, intent: &Intent, platform: &PlatformName) -> Option<Arc<Binding>> {
        if let Some(id) = intent.binding {
            return self.registry.binding(&id);
        }
        let bound = self.registry.bindings_of(&intent.authority);
        let there = || bound.iter().filter(|binding| binding.instrument.platform == *platform);
        let mut active = there().filter(|binding| binding.status == BindingStatus::Active);
        let mut either = there();
        let only = match (active.next(), active.next()) {
            (Some(only), None) => Some(only),
            (None, _) => either.next().filter(|_| either.next().is_none()),
            (Some(_), Some(_)) => None,
        };
        only.cloned()
    }

    /// A name for a question that its caller did not name.
    #[must_use]
    pub fn fresh_key(&self) -> Option<IdempotencyKey> {
        self.keys.next()
    }

    /// A processor was told yes to a payment of which its platform asks, too, and named its intent: it is for that one at both doors.
    pub fn is_for(&self, payment: &PaymentRef, intent: IntentReference) {
        payment.names().for_each(|name| self.named.keep(name, intent));
    }

    /// A processor was told yes to a payment that has its platform's name: under our own for it nothing is ever held.
    pub fn is_told_by_platform(&self, own: AuthorizationId) {
        self.elsewhere.keep(own, ());
    }

    /// Whether a name of ours is that of a payment which its platform tells of, as far as this process remembers.
    #[must_use]
    pub fn tells_platform_of(&self, own: &AuthorizationId) -> bool {
        self.elsewhere.of(own).is_some()
    }

    /// Keeps what was said, for whoever asks again.
    pub fn remember(&self, reference: DecisionReference, said: Said) {
        self.words.keep(reference, said);
    }

    /// What stand-in said, and the ledger took over, is what was heard, whatever that had decided. Why stand-in was asked, lists do not
    /// know: whoever said just that, and remembers why, goes on to say it.
    pub fn was_said(&self, reference: DecisionReference, said: Said) {
        let known = self.words.of(&reference);
        if known.is_none_or(|known| Said { stand_in: said.stand_in, ..known } != said) {
            self.words.put(reference, said);
        }
    }

    /// What was said to the same question before, as far as this process remembers.
    #[must_use]
    pub fn remembered(&self, reference: &DecisionReference) -> Option<Said> {
        self.words.of(reference)
    }
}

/// Where a card or an account is one thing: a program, and the platforms that call for it.
#[derive(Debug, Clone)]
pub struct OneOfOurs<'p, P> {
    /// The program.
    pub program: &'p ProgramId,
    /// Its platforms.
    pub platforms: P,
}

/// What a binding can be of in our ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Money {
    OfCard,
    OfAccount,
}

impl Money {
    const fn of(kind: InstrumentKind) -> Option<Self> {
        match kind {
            InstrumentKind::Card | InstrumentKind::Token => Some(Money::OfCard),
            InstrumentKind::Account => Some(Money::OfAccount),
            InstrumentKind::Instrument => None,
        }
    }
}

/// Whether a platform calls this server for a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// It does.
    Yes,
    /// Nobody does.
    No,
}

impl Calls {
    /// The doors at which money, budgets and intents of an instrument can move, the usual one first. Where no callback could ever name it,
    /// one that waited for that would move nothing for ever; and what pays out of our accounts does so where its platform asks.
    #[must_use]
    pub const fn doors(self, kind: InstrumentKind) -> &'static [Door] {
        match (self, kind) {
            (Calls::Yes, InstrumentKind::Card | InstrumentKind::Token) => &[Door::Platform, Door::Authorize],
            (Calls::Yes, InstrumentKind::Account) => &[Door::Platform],
            (Calls::Yes, InstrumentKind::Instrument) | (Calls::No, _) => &[Door::Authorize],
        }
    }
}

/// A binding that was made while its platform called, or before doors were looked at, moves at the door that there is.
fn at_a_door_that_opens(binding: Arc<Binding>, calls: Calls) -> Arc<Binding> {
    let doors = calls.doors(binding.instrument.kind);
    match doors.first() {
        Some(usual) if !doors.contains(&binding.door) => Arc::new(Binding { door: *usual, ..*binding }),
        Some(_) | None => binding,
    }
}

#[cfg(test)]
mod tests;
