//! What an empty store starts with, entered as one change.

use holdfast_core::Timestamp;
use holdfast_core::agent::{CompiledPolicy, PolicyId};

use super::change::{Change, New};
use super::credentials::NewCredential;
use super::{Office, Owner, no_randomness, organizations, wrong_state};
use crate::agent::bodies::{Agent, Authority, Binding, GoLive, Grant, Organization, Policy, PolicyVersion};
use crate::agent::door::bindings::instrument_claim;
use crate::agent::door::grants::grant_claim;
use crate::agent::mirror::room_beside;
use crate::agent::names::fresh;
use crate::api::problem::Problem;
use crate::config::agents::import::{AgentsImport, Home};

/// Who enters what an empty store starts with.
const BY: &str = "operator:configuration";

impl Office {
    /// Enters a file: all of it, or nothing.
    ///
    /// # Errors
    /// Something in it names what is not in it; the store.
    pub async fn enter(&self, import: &AgentsImport, at: Timestamp) -> Result<(), Problem> {
        let mut change = Change::new(BY, at, None);
        for row in &import.organizations {
            let whose = organizations::whose(row.id.as_str());
            let name = self.words(&mut change, &whose, &row.name)?;
            let body = Organization { kind: row.kind, name, go_live: GoLive::SANDBOX };
            let id = row.id.as_str();
            let place = New { id, organization: id, environment: None, parent: "", status: "active" };
            change.create(&place, &body, Vec::new(), "organization.created");
        }
        for row in &import.credentials {
            let known = import.organizations.iter().find(|organization| organization.id == row.organization);
            let of = known.ok_or_else(|| missing("credential", row.organization.as_str()))?.kind;
            let secret = String::from_utf8_lossy(row.shared_secret.expose()).into_owned();
            let new = NewCredential {
                organization: row.organization,
                of,
                environment: row.environment,
                scopes: row.scopes.clone(),
                member: None,
                made_by: None,
                name: None,
                expires_at: None,
                given: Some((row.api_key.to_string(), secret)),
            };
            self.put_credential(&mut change, &new)?;
        }
        self.put_objects(&mut change, import)?;
        if !import.organizations.is_empty() {
            self.make(change).await?;
        }
        Ok(())
    }

    fn put_objects(&self, change: &mut Change, import: &AgentsImport) -> Result<(), Problem> {
        for row in &import.grants {
            let id = fresh(&self.sealer, "grant_").map_err(no_randomness)?;
            let platform = row.platform.as_str();
            let body = Grant { processor_id: row.processor.to_string(), issuing_platform: platform.to_ascii_uppercase() };
            let claim = grant_claim(owner(row.home), row.processor.as_str(), platform);
            change.create(&place(&id, &row.home, row.processor.as_str()), &body, vec![claim], "grant.created");
        }
        for row in &import.agents {
            let name = self.words(change, &self.whose(owner(row.home)), &row.name)?;
            let body = Agent { name, description: None };
            change.create(&place(row.id.as_str(), &row.home, ""), &body, Vec::new(), "agent.created");
        }
        for row in &import.policies {
            let (id, policy) = (row.id.as_str(), self.policy(change, owner(row.home), &row.template)?);
            let body = Policy { name: None, policy: policy.clone(), policy_version: 1 };
            change.create(&place(id, &row.home, ""), &body, Vec::new(), "policy.created");
            let version = PolicyVersion { policy_id: id.to_owned(), policy_version: 1, policy };
            let first = format!("{id}@1");
            let kept = New { status: "kept", ..place(&first, &row.home, id) };
            change.create(&kept, &version, Vec::new(), "policy.version_kept");
        }
        for row in &import.authorities {
            self.must_compile(import, row.id, row.policy, row.home)?;
            let body = Authority {
                agent_id: row.agent.to_string(),
                name: None,
                mode: row.mode,
                require_intent: false,
                policy_id: Some(row.policy.to_string()),
            };
            let place = place(row.id.as_str(), &row.home, row.agent.as_str());
            change.create(&place, &body, Vec::new(), "spending_authority.created");
        }
        for row in &import.bindings {
            let (platform, instrument) = (row.platform.as_str(), row.instrument.as_str());
            let body = Binding {
                spending_authority_id: row.authority.to_string(),
                issuing_platform: platform.to_ascii_uppercase(),
                instrument_kind: row.kind,
                instrument_id: instrument.to_owned(),
                authoritative_door: row.door,
            };
            let claim = instrument_claim(row.home.environment.name(), platform, instrument);
            let place = place(row.id.as_str(), &row.home, row.authority.as_str());
            change.create(&place, &body, vec![claim], "binding.created");
        }
        Ok(())
    }

    fn must_compile(
        &self,
        import: &AgentsImport,
        authority: holdfast_core::agent::AuthorityId,
        policy: PolicyId,
        home: Home,
    ) -> Result<(), Problem> {
        let row = import.policies.iter().find(|row| row.id == policy);
        let row = row.ok_or_else(|| missing("spending authority", policy.as_str()))?;
        let owner = self.mirror.owner(authority, policy, home.environment);
        let owner = owner.ok_or_else(|| wrong_state(format!("[agents] names no program of {}", home.environment.name())))?;
        let room = room_beside(self.mirror.limits_of_program(home.environment));
        let compiled = CompiledPolicy::within(&row.template, &owner, room);
        compiled.map(drop).map_err(|errors| {
            let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
            wrong_state(format!("policy {policy}: {}", lines.join("; ")))
        })
    }
}

fn missing(what: &str, names: &str) -> Problem {
    wrong_state(format!("a {what} names {names}, which is not in the file"))
}

const fn owner(home: Home) -> Owner {
    Owner { organization: home.organization, environment: home.environment }
}

fn place<'a>(id: &'a str, home: &'a Home, parent: &'a str) -> New<'a> {
    New { id, organization: home.organization.as_str(), environment: Some(home.environment), parent, status: "active" }
}
