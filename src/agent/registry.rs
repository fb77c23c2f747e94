//! Every live object of agent spend, in memory: immutable parts that the path reads without waiting for anybody.
//!
//! Only the store writes it, and only what is durable. What is not here does not exist for the path. It knows nothing of names, texts or
//! of who changed what.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use holdfast_adapters::token::{Grant, KeyStore, SharedKey};
use holdfast_core::agent::{
    Authority, AuthorityId, Binding, BindingId, BindingStatus, CredentialId, Environment, InstrumentId, InstrumentKind, Intent,
    IntentReference, IntentStatus, KeyId, OrganizationId,
};
use holdfast_core::{PlatformName, ProgramId, Timestamp};

use super::shards::Shards;
use crate::clock;

/// For how long an intent is looked through when its time is over: longer than any payment that it was for can be added to.
const KEPT_AFTER_ITS_TIME: Duration = Duration::from_secs(90 * 86_400);

/// An instrument as it is looked up: one that platforms call by the same name is one thing, of whatever kind.
pub type InstrumentKey = (Environment, PlatformName, InstrumentId);

/// The objects.
#[derive(Default)]
pub struct Registry {
    programs: Programs,
    credentials: Shards<KeyId, Arc<SharedKey>>,
    last_used: Shards<CredentialId, Arc<AtomicI64>>,
    grants: Shards<Grant, ()>,
    authorities: Shards<AuthorityId, Arc<Authority>>,
    bindings: Shards<BindingId, Arc<Binding>>,
    instruments: Shards<InstrumentKey, Arc<Binding>>,
    intents: Shards<IntentReference, Arc<Intent>>,
    of_authority: Shards<AuthorityId, Arc<[Arc<Intent>]>>,
    bound_to: Shards<AuthorityId, Arc<[Arc<Binding>]>>,
    account_binders: ArcSwap<Vec<AccountBinder>>,
}

/// Who has ever bound an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AccountBinder {
    environment: Environment,
    organization: OrganizationId,
    /// First.
    at: Timestamp,
}

/// Which program decides where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Programs {
    /// For sandbox organizations.
    pub sandbox: Option<ProgramId>,
    /// For production ones.
    pub production: Option<ProgramId>,
}

impl Programs {
    /// The program that decides in an environment.
    #[must_use]
    pub const fn of(&self, environment: Environment) -> Option<ProgramId> {
        match environment {
            Environment::Sandbox => self.sandbox,
            Environment::Production => self.production,
        }
    }

    /// The environment whose objects a program decides about.
    #[must_use]
    pub fn environment_of(&self, program: &ProgramId) -> Option<Environment> {
        Environment::ALL.iter().copied().find(|environment| self.of(*environment).as_ref() == Some(program))
    }
}

impl Registry {
    /// Nothing yet, with the programs that decide.
    #[must_use]
    pub fn new(programs: Programs) -> Self {
        Registry { programs, ..Registry::default() }
    }

    /// Which program decides where.
    #[must_use]
    pub const fn programs(&self) -> &Programs {
        &self.programs
    }

    /// An authority.
    #[must_use]
    pub fn authority(&self, id: &AuthorityId) -> Option<Arc<Authority>> {
        self.authorities.get(id)
    }

    /// A binding.
    #[must_use]
    pub fn binding(&self, id: &BindingId) -> Option<Arc<Binding>> {
        self.bindings.get(id)
    }

    /// The binding of an instrument that is not archived.
    #[must_use]
    pub fn binding_of(&self, instrument: &InstrumentKey) -> Option<Arc<Binding>> {
        self.instruments.get(instrument)
    }

    /// Whether any account was ever bound: only then is it worth knowing from which one a card pays.
    #[must_use]
    pub fn binds_accounts(&self) -> bool {
        !self.account_binders.load().is_empty()
    }

    /// Whether the account behind a card can be one that another organization bound before this binding of the card was made.
    #[must_use]
    pub fn may_be_of_anothers_account(&self, card: &Binding) -> bool {
        let is_anothers = |binder: &AccountBinder| {
            binder.environment == card.environment && binder.organization != card.organization && binder.at <= card.made_at
        };
        self.account_binders.load().iter().any(is_anothers)
    }

    fn note_accounts<'b>(&self, bindings: impl Iterator<Item = &'b Arc<Binding>> + Clone) {
        let accounts = bindings.filter(|binding| binding.instrument.kind == InstrumentKind::Account);
        if accounts.clone().next().is_some() {
            self.account_binders.rcu(|known| {
                let mut known = Vec::clone(known);
                accounts.clone().for_each(|binding| note_binder(&mut known, binding));
                known
            });
        }
    }

    /// An intent.
    #[must_use]
    pub fn intent(&self, reference: &IntentReference) -> Option<Arc<Intent>> {
        self.intents.get(reference)
    }

    /// The intents of an authority that a payment may still be for, oldest first.
    #[must_use]
    pub fn intents_of(&self, authority: &AuthorityId) -> Arc<[Arc<Intent>]> {
        self.of_authority.get(authority).unwrap_or_default()
    }

    /// When a credential was last used, as far as this process knows.
    #[must_use]
    pub fn last_used(&self, credential: &CredentialId) -> Option<Timestamp> {
        let micros = self.last_used.get(credential)?.load(Ordering::Relaxed);
        (micros != 0).then(|| Timestamp::from_unix_micros(micros))
    }

    /// The bindings of an authority that are not archived.
    #[must_use]
    pub fn bindings_of(&self, authority: &AuthorityId) -> Arc<[Arc<Binding>]> {
        self.bound_to.get(authority).unwrap_or_default()
    }

    /// Puts a credential in force, or changes it.
    pub fn put_credential(&self, key: KeyId, shared: Arc<SharedKey>) {
        self.last_used.update(&shared.caller.credential, |known| Some(known.cloned().unwrap_or_default()));
        self.credentials.put(key, shared);
    }

    /// Takes a credential out of force.
    pub fn remove_credential(&self, key: &KeyId) {
        self.credentials.remove(key);
    }

    /// Lets a processor ask.
    pub fn put_grant(&self, grant: Grant) {
        self.grants.put(grant, ());
    }

    /// Does not let it ask any more.
    pub fn remove_grant(&self, grant: &Grant) {
        self.grants.remove(grant);
    }

    /// Puts an authority in force, or changes it.
    pub fn put_authority(&self, authority: Arc<Authority>) {
        self.authorities.put(authority.id, authority);
    }

    /// Takes an authority out of force: whoever is bound to it is declined.
    pub fn remove_authority(&self, id: &AuthorityId) {
        self.authorities.remove(id);
    }

    /// Puts a binding in force, or changes it. One that is archived is still known by its name, and no longer by its instrument.
    pub fn put_binding(&self, binding: Arc<Binding>) {
        let before = self.bindings.get(&binding.id);
        if let Some(before) = before.filter(|before| before.instrument != binding.instrument) {
            self.forget_instrument(&before);
        }
        self.note_accounts(std::iter::once(&binding));
        match binding.status {
            BindingStatus::Active | BindingStatus::Suspended => self.instruments.put(key_of(&binding), Arc::clone(&binding)),
            BindingStatus::Archived => self.forget_instrument(&binding),
        }
        if let Some(before) = self.bindings.get(&binding.id).filter(|before| before.authority != binding.authority) {
            self.bind(&before.authority, before.id, None);
        }
        let live = (binding.status != BindingStatus::Archived).then_some(&binding);
        self.bind(&binding.authority, binding.id, live);
        self.bindings.put(binding.id, binding);
    }

    /// Has an authority know its binding, or not any more.
    fn bind(&self, authority: &AuthorityId, id: BindingId, live: Option<&Arc<Binding>>) {
        self.bound_to.update(authority, |others| {
            let others = others.into_iter().flat_map(|others| others.iter()).filter(|other| other.id != id);
            let all: Arc<[_]> = others.chain(live).cloned().collect();
            (!all.is_empty()).then_some(all)
        });
    }

    /// Puts an intent in force, or changes it. Those of its authority whose time has long been over are looked through no more: no payment
    /// that they were for can still be added to.
    pub fn put_intent(&self, known: Arc<Intent>) {
        self.put_among_others(&known, may_be_used(&known).then_some(&known));
        self.intents.put(known.reference, known);
    }

    /// Takes an intent out of force: no payment is for it any more.
    pub fn remove_intent(&self, reference: &IntentReference) {
        if let Some(known) = self.intents.get(reference) {
            self.put_among_others(&known, None);
            self.intents.remove(reference);
        }
    }

    fn put_among_others(&self, Intent { authority, reference, .. }: &Intent, open: Option<&Arc<Intent>>) {
        let long_ago = clock::utc().saturating_sub(KEPT_AFTER_ITS_TIME);
        self.of_authority.update(authority, |others| {
            let others = others.into_iter().flat_map(|others| others.iter());
            let others = others.filter(|other| other.reference != *reference && other.expires_at >= long_ago);
            let all: Arc<[_]> = others.chain(open).cloned().collect();
            (!all.is_empty()).then_some(all)
        });
    }

    /// Fills it at a start, each part once.
    pub fn fill(&self, objects: Objects) {
        let Objects { credentials, grants, authorities, bindings, intents } = objects;
        self.last_used.fill(credentials.iter().map(|(_, shared)| (shared.caller.credential, Arc::default())));
        self.credentials.fill(credentials);
        self.grants.fill(grants.into_iter().map(|grant| (grant, ())));
        self.authorities.fill(authorities.into_iter().map(|authority| (authority.id, authority)));
        self.note_accounts(bindings.iter());
        let live = bindings.iter().filter(|binding| binding.status != BindingStatus::Archived);
        self.instruments.fill(live.clone().map(|binding| (key_of(binding), Arc::clone(binding))));
        let mut bound_to: HashMap<AuthorityId, Vec<Arc<Binding>>> = HashMap::new();
        for binding in live {
            bound_to.entry(binding.authority).or_default().push(Arc::clone(binding));
        }
        self.bound_to.fill(bound_to.into_iter().map(|(authority, bindings)| (authority, bindings.into())));
        self.bindings.fill(bindings.into_iter().map(|binding| (binding.id, binding)));
        let long_ago = clock::utc().saturating_sub(KEPT_AFTER_ITS_TIME);
        let mut of_authority: HashMap<AuthorityId, Vec<Arc<Intent>>> = HashMap::new();
        for intent in intents.iter().filter(|intent| may_be_used(intent) && intent.expires_at >= long_ago) {
            of_authority.entry(intent.authority).or_default().push(Arc::clone(intent));
        }
        self.of_authority.fill(of_authority.into_iter().map(|(authority, intents)| (authority, intents.into())));
        self.intents.fill(intents.into_iter().map(|intent| (intent.reference, intent)));
    }

    /// How many authorities, bindings and intents there are.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.authorities.len(), self.bindings.len(), self.intents.len())
    }

    /// Unless it leads to another binding by now.
    fn forget_instrument(&self, binding: &Binding) {
        self.instruments.update(&key_of(binding), |known| known.filter(|known| known.id != binding.id).cloned());
    }
}

/// What a start puts in force.
#[derive(Default)]
pub struct Objects {
    /// Credentials by their API keys.
    pub credentials: Vec<(KeyId, Arc<SharedKey>)>,
    /// What processors may ask about.
    pub grants: Vec<Grant>,
    /// Authorities.
    pub authorities: Vec<Arc<Authority>>,
    /// Bindings, archived ones too.
    pub bindings: Vec<Arc<Binding>>,
    /// Intents.
    pub intents: Vec<Arc<Intent>>,
}

impl KeyStore for Registry {
    fn find(&self, key: &KeyId) -> Option<Arc<SharedKey>> {
        self.credentials.get(key)
    }

    fn used(&self, credential: &CredentialId, now: Timestamp) {
        if let Some(last) = self.last_used.get(credential) {
            last.fetch_max(now.unix_micros(), Ordering::Relaxed);
        }
    }

    fn grants(&self, grant: &Grant) -> bool {
        self.grants.get(grant).is_some()
    }
}

fn note_binder(known: &mut Vec<AccountBinder>, binding: &Binding) {
    let Binding { environment, organization, made_at: at, .. } = *binding;
    match known.iter_mut().find(|binder| binder.environment == environment && binder.organization == organization) {
        Some(binder) => binder.at = binder.at.min(at),
        None => known.push(AccountBinder { environment, organization, at }),
    }
}

fn key_of(binding: &Binding) -> InstrumentKey {
    (binding.environment, binding.instrument.platform, binding.instrument.id)
}

/// Whether a payment can be for it, its time aside.
const fn may_be_used(intent: &Intent) -> bool {
    match intent.status {
        IntentStatus::Open | IntentStatus::Approved => true,
        IntentStatus::PendingReview | IntentStatus::Denied | IntentStatus::Cancelled => false,
    }
}

#[cfg(test)]
mod tests;
