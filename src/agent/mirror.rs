//! Rows as the path sees them: whatever is durable is put into the [`Registry`], compiled and opened, in the version that is latest.
//!
//! Rows may come twice and, from other nodes, late: an older version never takes a newer one's place. A row that cannot be read, as one that
//! a newer version wrote, is told, and leaves what was there out of force rather than in it. A binding stays what it was: without one, a card
//! would be under no policy at all.

mod rows;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_adapters::Secret;
use holdfast_adapters::token::{Caller, Grant as KnownGrant, SharedKey};
use holdfast_core::Currency;
use holdfast_core::agent::{
    Authority as KnownAuthority, AuthorityId, Binding as KnownBinding, CompiledPolicy, Environment, Intent as KnownIntent,
    IntentNeed, IntentReference, KeyId, Owner, POLICY_ROOM_MAX, PolicyId, ScopeSet, Status, Template,
};

pub use self::rows::platform;
use self::rows::{binding_of, grant_of, intent_of, unreadable};
use super::bodies::{self, Authority, Credential, Policy, Unreadable};
use super::policy_names::{self, CannotBeRead};
use super::registry::{Objects, Registry};
use super::seal::Sealer;
use super::store::{Follow, Kind, List, Row, Shared, StoreError};
use super::texts::open_secret;

/// Rows that are read at once at a start.
const PAGE: u32 = 5_000;

/// How many limits of a policy there is room for beside so many of its program's rules.
#[must_use]
pub const fn room_beside(program: usize) -> usize {
    POLICY_ROOM_MAX.saturating_sub(program)
}

/// How many limits the rules have that the program of an environment has in force.
pub type LimitsOfProgram = Box<dyn Fn(Environment) -> usize + Send + Sync>;

/// What is known of rows, and where it is shown.
pub struct Mirror {
    registry: Arc<Registry>,
    sealer: Arc<Sealer>,
    currencies: Currencies,
    known: Mutex<Known>,
    limits: LimitsOfProgram,
    say: fn(&str),
}

/// The currency of the program of each environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Currencies {
    /// Of the sandbox program.
    pub sandbox: Option<Currency>,
    /// Of the production program.
    pub production: Option<Currency>,
}

impl Currencies {
    /// Of an environment.
    #[must_use]
    pub const fn of(&self, environment: Environment) -> Option<Currency> {
        match environment {
            Environment::Sandbox => self.sandbox,
            Environment::Production => self.production,
        }
    }
}

/// What a change of one object means for others.
#[derive(Default)]
struct Known {
    versions: HashMap<(Kind, String), u32>,
    /// Templates of live policies.
    policies: HashMap<String, Arc<Template>>,
    /// Agents that are not active, and how.
    idle_agents: HashMap<String, Status>,
    authorities: HashMap<String, Row>,
    of_policy: HashMap<String, HashSet<String>>,
    of_agent: HashMap<String, HashSet<String>>,
    /// What credentials and grants are in force by, whose later rows may not tell it.
    keys: HashMap<String, KeyId>,
    grants: HashMap<String, KnownGrant>,
}

/// What a row changes for the path.
enum Change {
    Credential(KeyId, Option<Arc<SharedKey>>),
    Grant(KnownGrant),
    NoGrant(KnownGrant),
    Authority(Arc<KnownAuthority>),
    NoAuthority(AuthorityId),
    Binding(Arc<KnownBinding>),
    Intent(Arc<KnownIntent>),
    NoIntent(IntentReference),
}

impl Mirror {
    /// Shows rows in that registry.
    #[must_use]
    pub fn new(
        registry: Arc<Registry>,
        sealer: Arc<Sealer>,
        currencies: Currencies,
        limits: LimitsOfProgram,
        say: fn(&str),
    ) -> Self {
        Mirror { registry, sealer, currencies, known: Mutex::default(), limits, say }
    }

    /// Where they are shown.
    #[must_use]
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Shows everything that a store has, in an order in which nothing names what is not there yet.
    ///
    /// # Errors
    /// The store.
    pub async fn restore(&self, store: &Shared) -> Result<(), StoreError> {
        let mut objects = Objects::default();
        // It may have been tried before, and come half the way.
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Known::default();
        for kind in [Kind::Policy, Kind::Agent, Kind::Authority, Kind::Binding, Kind::Grant, Kind::Intent, Kind::Credential] {
            let mut list = List::of(kind, PAGE);
            loop {
                let page = store.list(list.clone()).await?;
                let Some((last, _)) = page.last() else { break };
                list.after = *last;
                let rows: Vec<Row> = page.into_iter().map(|(_, row)| row).collect();
                self.all_changes(&rows).into_iter().for_each(|change| gather(&mut objects, change));
            }
        }
        // Each part of the registry is made once, however many objects there are.
        self.registry.fill(objects);
        Ok(())
    }

    /// What a row changes for the path; an older version than the one that is known changes nothing.
    fn changes_of(&self, known: &mut Known, row: &Row, changes: &mut Vec<Change>) -> Result<(), Unreadable> {
        let key = (row.kind, row.id.clone());
        if known.versions.get(&key).is_some_and(|version| *version >= row.version) {
            return Ok(());
        }
        known.versions.insert(key, row.version);
        let read = match row.kind {
            Kind::Credential => self.of_credential(known, row, changes),
            Kind::Grant => of_grant(known, row, changes),
            Kind::Agent => self.of_agent(known, row, changes),
            Kind::Authority => self.of_authority(known, row, changes),
            Kind::Policy => self.of_policy(known, row, changes),
            Kind::Binding => binding_of(row).map(|binding| changes.push(Change::Binding(Arc::new(binding)))),
            Kind::Intent => self.of_intent(row, changes),
            Kind::Organization | Kind::Member | Kind::PolicyVersion => Ok(()),
        };
        if read.is_err() {
            self.out_of_force(known, row, changes);
        }
        read
    }

    /// What was there of a row that cannot be read now.
    fn out_of_force(&self, known: &mut Known, row: &Row, changes: &mut Vec<Change>) {
        match row.kind {
            Kind::Credential => changes.extend(known.keys.get(&row.id).map(|key| Change::Credential(*key, None))),
            Kind::Grant => changes.extend(known.grants.get(&row.id).map(|grant| Change::NoGrant(*grant))),
            Kind::Agent => {
                known.idle_agents.insert(row.id.clone(), Status::Suspended);
                self.again(known, known.of_agent.get(&row.id), changes);
            }
            Kind::Authority => changes.extend(row.id.parse().ok().map(Change::NoAuthority)),
            Kind::Policy => {
                known.policies.remove(&row.id);
                self.again(known, known.of_policy.get(&row.id), changes);
            }
            Kind::Intent => changes.extend(row.id.parse().ok().map(Change::NoIntent)),
            Kind::Binding | Kind::Organization | Kind::Member | Kind::PolicyVersion => {}
        }
    }

    fn all_changes(&self, rows: &[Row]) -> Vec<Change> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes = Vec::new();
        for row in rows {
            if let Err(Unreadable(problem)) = self.changes_of(&mut known, row, &mut changes) {
                (self.say)(&format!("agent spend: {problem}"));
            }
        }
        changes
    }

    fn apply(&self, change: Change) {
        match change {
            Change::Credential(key, Some(shared)) => self.registry.put_credential(key, shared),
            Change::Credential(key, None) => self.registry.remove_credential(&key),
            Change::Grant(grant) => self.registry.put_grant(grant),
            Change::NoGrant(grant) => self.registry.remove_grant(&grant),
            Change::Authority(authority) => self.registry.put_authority(authority),
            Change::NoAuthority(id) => self.registry.remove_authority(&id),
            Change::Binding(binding) => self.registry.put_binding(binding),
            Change::Intent(intent) => self.registry.put_intent(intent),
            Change::NoIntent(reference) => self.registry.remove_intent(&reference),
        }
    }

    fn of_credential(&self, known: &mut Known, row: &Row, changes: &mut Vec<Change>) -> Result<(), Unreadable> {
        let body: Credential = bodies::read(row)?;
        let unreadable = || unreadable(row);
        let key = KeyId::new(&body.api_key).map_err(|_| unreadable())?;
        known.keys.insert(row.id.clone(), key);
        let secret = if row.status == "active" { open_secret(&self.sealer, &row.id, &body.secret).ok() } else { None };
        let Some(secret) = secret else {
            if row.status == "active" {
                return Err(unreadable());
            }
            changes.push(Change::Credential(key, None));
            return Ok(());
        };
        let caller = Caller {
            credential: row.id.parse().map_err(|_| unreadable())?,
            organization: row.organization.parse().map_err(|_| unreadable())?,
            kind: body.of,
            environment: row.environment.ok_or_else(unreadable)?,
            scopes: ScopeSet::of(&body.scopes),
        };
        let expires_at = body.expires_at.map(|moment| moment.0);
        let shared = Arc::new(SharedKey { secret: Secret::new(secret), caller, expires_at });
        changes.push(Change::Credential(key, Some(shared)));
        Ok(())
    }

    fn of_agent(&self, known: &mut Known, row: &Row, changes: &mut Vec<Change>) -> Result<(), Unreadable> {
        let status = Status::named(&row.status).ok_or_else(|| unreadable(row))?;
        match status {
            Status::Active => drop(known.idle_agents.remove(&row.id)),
            Status::Suspended | Status::Archived => drop(known.idle_agents.insert(row.id.clone(), status)),
        }
        self.again(known, known.of_agent.get(&row.id), changes);
        Ok(())
    }

    fn of_policy(&self, known: &mut Known, row: &Row, changes: &mut Vec<Change>) -> Result<(), Unreadable> {
        let body: Policy = bodies::read(row)?;
        match policy_names::read(&self.sealer, &row.organization, &body.policy) {
            Ok(template) if row.status == "active" => drop(known.policies.insert(row.id.clone(), Arc::new(template))),
            Ok(_) => drop(known.policies.remove(&row.id)),
            Err(CannotBeRead) => {
                drop(known.policies.remove(&row.id));
                (self.say)(&format!("agent spend: policy {} cannot be read: who has it has no policy", row.id));
            }
        }
        self.again(known, known.of_policy.get(&row.id), changes);
        Ok(())
    }

    /// Compiles authorities anew; one that cannot be read keeps no other from it.
    fn again(&self, known: &Known, authorities: Option<&HashSet<String>>, changes: &mut Vec<Change>) {
        for row in authorities.into_iter().flatten().filter_map(|id| known.authorities.get(id)) {
            match self.compiled(known, row) {
                Ok(change) => changes.push(change),
                Err(Unreadable(problem)) => {
                    (self.say)(&format!("agent spend: {problem}"));
                    changes.extend(row.id.parse().ok().map(Change::NoAuthority));
                }
            }
        }
    }

    fn of_intent(&self, row: &Row, changes: &mut Vec<Change>) -> Result<(), Unreadable> {
        changes.extend(match intent_of(&self.sealer, row)? {
            Some(intent) => Some(Change::Intent(Arc::new(intent))),
            None => row.id.parse().ok().map(Change::NoIntent),
        });
        Ok(())
    }

    fn of_authority(&self, known: &mut Known, row: &Row, changes: &mut Vec<Change>) -> Result<(), Unreadable> {
        let body: Authority = bodies::read(row)?;
        if let Some(before) = known.authorities.insert(row.id.clone(), row.clone()) {
            let before = bodies::read::<Authority>(&before).ok();
            if let Some(sharing) = before.and_then(|before| before.policy_id).and_then(|policy| known.of_policy.get_mut(&policy))
            {
                sharing.remove(&row.id);
            }
        }
        known.of_agent.entry(body.agent_id).or_default().insert(row.id.clone());
        if let Some(policy) = body.policy_id {
            known.of_policy.entry(policy).or_default().insert(row.id.clone());
        }
        changes.push(self.compiled(known, row)?);
        Ok(())
    }

    fn compiled(&self, known: &Known, row: &Row) -> Result<Change, Unreadable> {
        let body: Authority = bodies::read(row)?;
        let unreadable = || unreadable(row);
        let id: AuthorityId = row.id.parse().map_err(|_| unreadable())?;
        let environment = row.environment.ok_or_else(unreadable)?;
        let own = Status::named(&row.status).ok_or_else(unreadable)?;
        let policy = match &body.policy_id {
            None => None,
            Some(policy) => known.policies.get(policy).map(|template| self.compile(id, policy, template, environment)),
        };
        let policy = policy.transpose().unwrap_or_else(|Unreadable(problem)| {
            (self.say)(&format!("spending authority {}: {problem}; it has no policy", row.id));
            None
        });
        Ok(Change::Authority(Arc::new(KnownAuthority {
            id,
            organization: row.organization.parse().map_err(|_| unreadable())?,
            environment,
            agent: body.agent_id.parse().map_err(|_| unreadable())?,
            mode: body.mode,
            // Whichever is the stricter.
            status: known.idle_agents.get(&body.agent_id).copied().map_or(own, |agent| own.max(agent)),
            intent_need: if body.require_intent { IntentNeed::Required } else { IntentNeed::NotRequired },
            policy,
        })))
    }

    fn compile(
        &self,
        authority: AuthorityId,
        policy: &str,
        template: &Template,
        environment: Environment,
    ) -> Result<Arc<CompiledPolicy>, Unreadable> {
        let cannot = |problem: &str| Unreadable(format!("policy {policy} {problem}"));
        let owner = self.owner(authority, policy.parse().map_err(|_| cannot("has no name"))?, environment);
        let owner = owner.ok_or_else(|| cannot("belongs to an environment that has no program"))?;
        let compiled = CompiledPolicy::new(template, &owner).map_err(|errors| {
            let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
            cannot(&format!("cannot be asked: {}", lines.join("; ")))
        })?;
        let (own, beside) = (compiled.limits(), (self.limits)(environment));
        let room = room_beside(beside);
        if own > room {
            let what = if compiled.ways.is_some() { "limits of its budgets, counts and ways" } else { "budgets and counts" };
            (self.say)(&format!(
                "spending authority {authority}: policy {policy} has {own} {what}, and beside the {beside} limits of program \
                 {} there is room for {room}: every payment under it is declined (POLICY_VIOLATION) until one of the two has fewer",
                owner.program
            ));
        }
        Ok(Arc::new(compiled))
    }

    /// How many limits the rules have that the program of an environment has in force.
    #[must_use]
    pub fn limits_of_program(&self, environment: Environment) -> usize {
        (self.limits)(environment)
    }

    /// Whose policy it would be.
    #[must_use]
    pub fn owner(&self, authority: AuthorityId, policy: PolicyId, environment: Environment) -> Option<Owner> {
        let program = self.registry.programs().of(environment)?;
        Some(Owner { authority, policy, program, currency: self.currencies.of(environment)? })
    }
}

fn of_grant(known: &mut Known, row: &Row, changes: &mut Vec<Change>) -> Result<(), Unreadable> {
    let grant = grant_of(row)?;
    known.grants.insert(row.id.clone(), grant);
    changes.push(if row.status == "active" { Change::Grant(grant) } else { Change::NoGrant(grant) });
    Ok(())
}

/// Puts a change among what a start puts in force.
fn gather(objects: &mut Objects, change: Change) {
    match change {
        Change::Credential(key, Some(shared)) => objects.credentials.push((key, shared)),
        // At a start there is nothing to take out of force.
        Change::Credential(_, None) | Change::NoGrant(_) | Change::NoAuthority(_) | Change::NoIntent(_) => {}
        Change::Grant(grant) => objects.grants.push(grant),
        Change::Authority(authority) => objects.authorities.push(authority),
        Change::Binding(binding) => objects.bindings.push(binding),
        Change::Intent(intent) => objects.intents.push(intent),
    }
}

impl Follow for Mirror {
    fn committed(&self, rows: &[Row]) {
        for change in self.all_changes(rows) {
            self.apply(change);
        }
    }
}

#[cfg(test)]
mod tests;
