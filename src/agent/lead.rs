//! From a question to the spending authority that it leads to: by its card at the card's own platform, by names at `/v1/authorize`.
//!
//! Everything is looked up in the registry's memory. What is thought of the question then is core's ([`govern`]); nothing here decides.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hash};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use holdfast_adapters::token::{Grant, KeyStore as _};
use holdfast_adapters::{DecisionReference, Lookup, Said};
use holdfast_core::agent::{
    Asking, Authority, Binding, BindingId, Door, Found, Governed, Intent, IntentReference, Presented, ReasonCode, govern, matches,
};
use holdfast_core::rules::Verdict;
use holdfast_core::{
    AuthorizationId, AuthorizationRequest, Basis, CardToken, Decision, DeclineReason, IdempotencyKey, PaymentRef, PlatformName,
    ProgramId, Timestamp,
};

use super::registry::{KnownIntent, Registry};
use super::shards::Shards;

/// Answers whose words are remembered for a retry.
pub const REMEMBERED_MAX: usize = 65_536;

/// Agent spend, as the path of a callback knows it.
pub struct Agents {
    /// The objects.
    pub registry: Arc<Registry>,
    /// The cards that stand in the ledger for instruments which are none of ours, as far as this process has entered them.
    pub entered: Shards<CardToken, ()>,
    words: Lately<DecisionReference, Said>,
    /// Which intents payments used, by every name of theirs.
    uses: Lately<AuthorizationId, Arc<KnownIntent>>,
    keys: FreshKeys,
}

impl Agents {
    /// With these objects.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        let (words, uses) = (Lately::new(), Lately::new());
        Agents { registry, entered: Shards::default(), words, uses, keys: FreshKeys::new() }
    }

    /// The authority behind the card of a platform's own question; nothing if none is bound to it.
    #[must_use]
    pub fn of_card(
        &self,
        program: &ProgramId,
        platform: &PlatformName,
        request: &AuthorizationRequest,
        now: Timestamp,
    ) -> Option<Lead> {
        let environment = self.registry.programs().environment_of(program)?;
        let card = request.card.as_ref()?.as_str().try_into().ok()?;
        let binding = self.registry.binding_of(&(environment, *platform, card))?;
        binding.instrument.card()?;
        let asking = Asking { door: Door::Platform, by: None };
        let Some(authority) = self.registry.authority(&binding.authority) else {
            return Some(Lead::nobody(DeclineReason::AuthoritySuspended, Some(binding.id), None, asking));
        };
        let intent = self.only_fitting(&binding, request, now);
        Some(Lead { to: To::Authority { authority, binding, intent }, asking })
    }

    /// The authority that a processor's question names.
    #[must_use]
    pub fn of_lookup(&self, lookup: &Lookup, request: &AuthorizationRequest, now: Timestamp) -> Lead {
        let asking = Asking { door: Door::Authorize, by: Some(lookup.caller.organization) };
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
            None => self.only_fitting(&binding, request, now),
        };
        Lead { to: To::Authority { authority, binding, intent }, asking }
    }

    /// An intent that the processor may hear of.
    fn intent_for(&self, lookup: &Lookup, reference: &IntentReference) -> Option<Arc<KnownIntent>> {
        let known = self.registry.intent(reference)?;
        let Intent { organization, environment, .. } = known.intent;
        (environment == lookup.caller.environment && self.may_ask(lookup, organization)).then_some(known)
    }

    fn may_ask(&self, lookup: &Lookup, enterprise: holdfast_core::agent::OrganizationId) -> bool {
        let Lookup { caller, platform, .. } = lookup;
        let (environment, processor) = (caller.environment, caller.organization);
        self.registry.grants(&Grant { environment, processor, enterprise, platform: *platform })
    }

    /// The one binding that everything named leads to.
    fn binding_for(&self, lookup: &Lookup, intent: Option<&Arc<KnownIntent>>) -> Result<Arc<Binding>, DeclineReason> {
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
                self.binding_of_intent(&known.intent).filter(may_see).ok_or_else(unknown)
            }
        }
    }

    /// The binding that an intent names, or the only one of its authority.
    fn binding_of_intent(&self, intent: &Intent) -> Option<Arc<Binding>> {
        match intent.binding {
            Some(id) => self.registry.binding(&id),
            None => match &*self.registry.bindings_of(&intent.authority) {
                [only] => Some(Arc::clone(only)),
                _ => None,
            },
        }
    }

    /// The intent that a payment without a reference is for: none, where several would do.
    fn only_fitting(&self, binding: &Binding, request: &AuthorizationRequest, now: Timestamp) -> Shown {
        let intents = self.registry.intents_of(&binding.authority);
        let mut fitting = intents.iter().filter(|known| !known.is_used() && matches(&known.intent, binding, request, now));
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Shown::Known(Arc::clone(only)),
            (None, _) | (Some(_), Some(_)) => Shown::None,
        }
    }

    /// A name for a question that its caller did not name.
    #[must_use]
    pub fn fresh_key(&self) -> Option<IdempotencyKey> {
        self.keys.next()
    }

    /// A payment that takes money was approved: its intent, if it has one, does not stand in the way of others that fit any more.
    pub fn used(&self, lead: &Lead, payment: &PaymentRef) {
        if let Some(known) = lead.spends() {
            known.set_used(true);
            payment.names().for_each(|name| self.uses.keep(name, Arc::clone(known)));
        }
    }

    /// A payment came back as a whole: so does its intent, as far as this process remembers. The ledger counts it in any case.
    pub fn came_back(&self, payment: &PaymentRef) {
        if let Some(known) = payment.names().find_map(|name| self.uses.of(&name)) {
            known.set_used(false);
        }
    }

    /// Keeps what was said, for whoever asks again.
    pub fn remember(&self, reference: DecisionReference, said: Said) {
        self.words.keep(reference, said);
    }

    /// What was said to the same question before, as far as this process remembers.
    #[must_use]
    pub fn remembered(&self, reference: &DecisionReference) -> Option<Said> {
        self.words.of(reference)
    }
}

/// What a question leads to. It holds on to what it found, so that everything about one answer is of one moment.
pub struct Lead {
    to: To,
    asking: Asking,
}

enum To {
    Nobody { reason: DeclineReason, binding: Option<BindingId>, intent: Option<IntentReference> },
    Authority { authority: Arc<Authority>, binding: Arc<Binding>, intent: Shown },
}

enum Shown {
    None,
    Unknown(IntentReference),
    Known(Arc<KnownIntent>),
}

impl Lead {
    const fn nobody(reason: DeclineReason, binding: Option<BindingId>, intent: Option<IntentReference>, asking: Asking) -> Self {
        Lead { to: To::Nobody { reason, binding, intent }, asking }
    }

    /// The binding that led to the authority.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        match &self.to {
            To::Nobody { .. } => None,
            To::Authority { binding, .. } => Some(binding),
        }
    }

    /// What is thought of a question in the end.
    #[must_use]
    pub fn govern(&self, program: Verdict, request: &AuthorizationRequest, now: Timestamp) -> (Verdict, Governed) {
        govern(program, &self.found(), request, self.asking, now)
    }

    /// What an answer says of it.
    #[must_use]
    pub fn said(&self, decision: &Decision, basis: &Basis) -> Said {
        match &self.to {
            To::Nobody { binding, intent, .. } => {
                Said { code: ReasonCode::under(decision, basis, None), policy: None, binding: *binding, intent: *intent }
            }
            To::Authority { authority, binding, intent } => Said {
                code: ReasonCode::under(decision, basis, Some(authority.mode)),
                policy: authority.policy.as_ref().map(|policy| policy.version.policy),
                binding: Some(binding.id),
                intent: match intent {
                    Shown::None => None,
                    Shown::Unknown(reference) => Some(*reference),
                    Shown::Known(known) => Some(known.intent.reference),
                },
            },
        }
    }

    /// The intent that an approval here uses up.
    fn spends(&self) -> Option<&Arc<KnownIntent>> {
        match &self.to {
            To::Authority { intent: Shown::Known(known), binding, .. } if binding.door == self.asking.door => Some(known),
            To::Authority { .. } | To::Nobody { .. } => None,
        }
    }

    fn found(&self) -> Found<'_> {
        match &self.to {
            To::Nobody { reason, binding, intent } => Found::Nobody { reason: *reason, binding: *binding, intent: *intent },
            To::Authority { authority, binding, intent } => Found::Authority {
                authority,
                binding,
                intent: match intent {
                    Shown::None => Presented::None,
                    Shown::Unknown(reference) => Presented::Unknown(*reference),
                    Shown::Known(known) => Presented::Known(&known.intent),
                },
            },
        }
    }
}

/// What is remembered of the latest few, by name.
struct Lately<K, V> {
    known: DashMap<K, V, foldhash::fast::RandomState>,
    by_age: Mutex<VecDeque<K>>,
}

impl<K: Copy + Eq + Hash, V: Clone> Lately<K, V> {
    fn new() -> Self {
        Lately { known: DashMap::default(), by_age: Mutex::default() }
    }

    fn keep(&self, name: K, value: V) {
        if self.known.insert(name, value).is_some() {
            return;
        }
        let mut by_age = self.by_age.lock().unwrap_or_else(PoisonError::into_inner);
        by_age.push_back(name);
        let oldest = if by_age.len() > REMEMBERED_MAX { by_age.pop_front() } else { None };
        drop(by_age);
        if let Some(oldest) = oldest {
            self.known.remove(&oldest);
        }
    }

    fn of(&self, name: &K) -> Option<V> {
        self.known.get(name).map(|known| known.clone())
    }
}

/// Keys that nobody else has: of this process, and counted.
struct FreshKeys {
    process: (u64, u64),
    count: AtomicU64,
}

impl FreshKeys {
    /// The operating system's random numbers tell processes apart.
    fn new() -> Self {
        let random = || std::hash::RandomState::new().hash_one(0_u8);
        FreshKeys { process: (random(), random()), count: AtomicU64::new(0) }
    }

    fn next(&self) -> Option<IdempotencyKey> {
        let (high, low) = self.process;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        // Made here: digits of a random number are no card's number, whatever they look like.
        IdempotencyKey::try_from(format!("own-{high:016x}{low:016x}-{number:x}").as_str()).ok()
    }
}

#[cfg(test)]
mod tests;
