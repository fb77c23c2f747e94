//! Credentials: an API key, and a shared secret that is told once.

use holdfast_adapters::Secret;
use holdfast_core::Timestamp;
use holdfast_core::agent::{CredentialId, Environment, OrganizationId, OrganizationKind, Scope};

use super::change::{Change, New};
use super::organizations::whose;
use super::{Office, archived, no_randomness, read, unavailable, wrong_state};
use crate::agent::bodies::{Credential, GoLiveState, Moment, Role};
use crate::agent::names::{fresh, fresh_secret};
use crate::agent::store::{Guard, Kind, List, Row};
use crate::agent::texts::keep_secret;
use crate::api::problem::Problem;

/// How many live credentials an organization may have in an environment.
const LIVE_MAX: usize = 100;

/// A credential to make.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// Whose.
    pub organization: OrganizationId,
    /// What that is.
    pub of: OrganizationKind,
    /// Where it works.
    pub environment: Environment,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The member whose own it is.
    pub member: Option<String>,
    /// Who makes it, where that is another one than who makes the change.
    pub made_by: Option<String>,
    /// What it is called.
    pub name: Option<String>,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// Key and secret that were made elsewhere: the demo's.
    pub given: Option<(String, String)>,
}

/// A credential that was made.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Its name.
    pub id: String,
    /// The API key.
    pub api_key: String,
    /// The shared secret: told now, and never again.
    pub shared_secret: Secret,
}

impl Office {
    /// Adds a credential to a change.
    ///
    /// # Errors
    /// No random bytes.
    pub(super) fn put_credential(&self, change: &mut Change, new: &NewCredential) -> Result<Issued, Problem> {
        let NewCredential { organization, of, environment, scopes, member, made_by, name, expires_at, given } = new;
        let id = CredentialId::of_random(self.sealer.random().map_err(no_randomness)?).to_string();
        let (api_key, secret) = match given {
            Some(given) => given.clone(),
            None => {
                let prefix = format!("key_{}_", environment.name());
                (fresh(&self.sealer, &prefix).map_err(no_randomness)?, fresh_secret(&self.sealer, "").map_err(no_randomness)?)
            }
        };
        let mut texts_of = whose(organization.as_str());
        texts_of.program = self.program_of(Some(*environment));
        let body = Credential {
            api_key: api_key.clone(),
            scopes: scopes.clone(),
            member_id: member.clone(),
            created_by: Some(made_by.clone().unwrap_or_else(|| change.who().to_owned())),
            name: self.some_words(change, &texts_of, name.as_deref())?,
            expires_at: expires_at.map(Moment),
            revoked_at: None,
            of: *of,
            secret: keep_secret(&self.sealer, &id, &secret).map_err(no_randomness)?,
        };
        let hand = body.hand(&id);
        if hand != id {
            // Who is being removed meanwhile leaves none behind.
            change.only_if(Guard::Live(Kind::Member, hand));
        }
        let place = New {
            id: &id,
            organization: organization.as_str(),
            environment: Some(*environment),
            parent: member.as_deref().unwrap_or_default(),
            status: "active",
        };
        change.create(&place, &body, vec![format!("key/{api_key}")], "credential.created");
        Ok(Issued { id, api_key, shared_secret: Secret::new(secret.into_bytes()) })
    }

    /// Makes a credential; nothing but its row if its key came before, for a secret is told once.
    ///
    /// # Errors
    /// Production that is not approved, a scope that is not for what the organization is, or too many live ones.
    pub async fn make_credential(&self, mut change: Change, new: &NewCredential) -> Result<(Row, Option<Issued>), Problem> {
        if self.registry().programs().of(new.environment).is_none() {
            let environment = new.environment.name();
            return Err(wrong_state(format!(
                "this server decides nothing in {environment}: agents.{environment} names no program"
            )));
        }
        let (_, organization) = self.organization(new.organization.as_str()).await?;
        if new.environment == Environment::Production && organization.go_live.state != GoLiveState::Approved {
            return Err(wrong_state(
                "production is not approved for this organization: an owner asks for it, an operator approves it",
            ));
        }
        let theirs = Role::Owner.scopes(organization.kind);
        if let Some(other) = new.scopes.iter().find(|scope| !theirs.contains(scope)) {
            // Who spends and who asks are kept apart, whoever makes their credentials.
            let theirs: Vec<_> = theirs.iter().map(|scope| scope.name()).collect();
            return Err(wrong_state(format!(
                "`{}` is no scope for credentials of {}, which is of kind {}: {} are",
                other.name(),
                new.organization,
                organization.kind.name(),
                theirs.join(", ")
            )));
        }
        let live = self.credentials_of(new.organization).await?;
        let now = change.at();
        let proves_something = |row: &&Row| {
            let expires_at = read::<Credential>(row).ok().and_then(|credential| credential.expires_at);
            row.environment == Some(new.environment) && expires_at.is_none_or(|Moment(at)| at > now)
        };
        if live.iter().filter(proves_something).count() >= LIVE_MAX {
            return Err(wrong_state(format!("there are {LIVE_MAX} live credentials already: revoke one first")));
        }
        let issued = self.put_credential(&mut change, new)?;
        let row = self.make(change).await?;
        let issued = (row.id == issued.id).then_some(issued);
        Ok((row, issued))
    }

    /// Revokes a credential: from now on it proves nothing.
    ///
    /// # Errors
    /// It is revoked already; the store.
    pub async fn revoke_credential(&self, mut change: Change, row: &Row) -> Result<Row, Problem> {
        if row.status != "active" {
            return Err(archived(Kind::Credential));
        }
        put_revocation(&mut change, row)?;
        self.make(change).await
    }

    /// Adds the revocation of everything that a member has, or made. How much that is.
    pub(super) async fn put_revocations_of(
        &self,
        change: &mut Change,
        organization: OrganizationId,
        member: &str,
    ) -> Result<usize, Problem> {
        let mut revoked: usize = 0;
        for row in &self.credentials_of(organization).await? {
            if read::<Credential>(row)?.hand(&row.id) == member {
                put_revocation(change, row)?;
                revoked = revoked.saturating_add(1);
            }
        }
        Ok(revoked)
    }

    async fn credentials_of(&self, organization: OrganizationId) -> Result<Vec<Row>, Problem> {
        let list = List {
            organization: Some(organization.to_string()),
            status: Some("active".to_owned()),
            ..List::of(Kind::Credential, u32::MAX)
        };
        Ok(self.store.list(list).await.map_err(unavailable)?.into_iter().map(|(_, row)| row).collect())
    }
}

fn put_revocation(change: &mut Change, row: &Row) -> Result<(), Problem> {
    let body = Credential { revoked_at: Some(Moment(change.at())), ..read(row)? };
    change.update(row, "revoked", &body, Vec::new(), "credential.revoked");
    Ok(())
}
