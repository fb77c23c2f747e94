//! What organizations and operators do: checked, sealed, written to the store as one commit, and shown.
//!
//! Every way in (HTTP, commands, the import of an empty store) goes through here, so that each change is durable before it is
//! acknowledged, has its record of who did what, and comes into force for the path in the same order. Nothing here decides about money.

pub mod change;
pub mod credentials;
pub mod import;
mod old_names;
pub mod organizations;
pub mod people;

use std::fmt;
use std::sync::Arc;

use holdfast_adapters::agent_spend::correlation_of;
use holdfast_adapters::token::Caller;
use holdfast_core::Timestamp;
use holdfast_core::agent::{Environment, OrganizationId, Template};
use serde_json::{Map, Value, json};

use self::change::Change;
use super::bodies::{self, Body, Credential, Moment, Unreadable};
use super::mirror::Mirror;
use super::policy_names;
use super::post::Post;
use super::registry::Registry;
use super::seal::{NoRandomness, Sealer};
use super::store::{Committed, Guard, Kind, Row, Shared, StoreError};
use super::texts::{self, Whose, Words};
use crate::api::problem::{Code, Problem};
use crate::clock;

/// The status of what is in force.
pub const ACTIVE: &str = "active";
/// The status that a credential is shown in once its time is over; the store has it as active.
pub const EXPIRED: &str = "expired";

/// The desk that all changes go over.
pub struct Office {
    /// Where objects are durable.
    pub store: Shared,
    /// Where they come into force.
    pub mirror: Arc<Mirror>,
    /// What seals.
    pub sealer: Arc<Sealer>,
    /// How mail is sent; `None`: operators hand invitations over.
    pub post: Option<Post>,
    /// Where an invitation leads; its token follows.
    pub invitation_link: Option<String>,
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Whose an object must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The organization.
    pub organization: OrganizationId,
    /// Where.
    pub environment: Environment,
}

impl From<&Caller> for Owner {
    fn from(caller: &Caller) -> Self {
        Owner { organization: caller.organization, environment: caller.environment }
    }
}

impl Office {
    /// What the path sees.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        self.mirror.registry()
    }

    /// The program that decides in an environment, as texts are kept by it; empty for what an organization has as a whole.
    #[must_use]
    pub fn program_of(&self, environment: Option<Environment>) -> String {
        let program = environment.and_then(|environment| self.registry().programs().of(environment));
        program.map(|program| program.to_string()).unwrap_or_default()
    }

    /// An object of an owner's, with its body.
    ///
    /// # Errors
    /// 404 for what is not there, another organization's, or in the other environment; the store.
    pub async fn own<B: Body>(&self, owner: Owner, id: &str) -> Result<(Row, B), Problem> {
        let row = self.get(B::KIND, id).await?;
        let is_own = |row: &Row| {
            let there = row.environment.is_none_or(|environment| environment == owner.environment);
            row.organization == owner.organization.as_str() && there
        };
        let row = row.filter(is_own).ok_or_else(|| unknown(B::KIND))?;
        let body = read(&row)?;
        Ok((row, body))
    }

    /// An object, whosever it is.
    ///
    /// # Errors
    /// The store.
    pub async fn get(&self, kind: Kind, id: &str) -> Result<Option<Row>, Problem> {
        self.store.get(kind, id).await.map_err(unavailable)
    }

    /// Whether a change was made before under its key: then the object that it was about, as it is now.
    ///
    /// # Errors
    /// The key came with another request; the store.
    pub async fn made_before(&self, change: &Change) -> Result<Option<Row>, Problem> {
        let Some(once) = change.once() else { return Ok(None) };
        match self.store.once(&once.space, &once.key).await.map_err(unavailable)? {
            None => Ok(None),
            Some(outcome) if once.is_of(&outcome) => self.get(outcome.kind, &outcome.id).await,
            Some(_) => Err(Problem::conflict()),
        }
    }

    /// Makes a change durable and puts it in force; the object that it is about. Of two that come with one key, one is made.
    ///
    /// # Errors
    /// It cannot be made now, or at all.
    pub async fn make(&self, change: Change) -> Result<Row, Problem> {
        let commit = change.into_commit();
        let first = commit.puts.first().map(|put| put.row.clone());
        let made = match self.store.commit(commit).await.map_err(unavailable)? {
            Committed::Done => first,
            Committed::Again(outcome) => self.get(outcome.kind, &outcome.id).await?,
            Committed::KeyTaken => return Err(Problem::conflict()),
            Committed::Changed(kind, _) => return Err(changed(kind)),
            Committed::Taken(name) => return Err(taken(&name)),
            Committed::Unmet(guard) => return Err(unmet(&guard)),
        };
        made.ok_or_else(|| Problem::of(Code::Internal, "a change about nothing"))
    }

    /// A text for a body; goes into the change.
    ///
    /// # Errors
    /// No random bytes.
    pub fn words(&self, change: &mut Change, whose: &Whose, text: &str) -> Result<Words, Problem> {
        let (words, text) = texts::keep(&self.sealer, text, whose, change.at()).map_err(no_randomness)?;
        change.add_text(text);
        Ok(words)
    }

    /// The same for a text that may be absent.
    ///
    /// # Errors
    /// No random bytes.
    pub fn some_words(&self, change: &mut Change, whose: &Whose, text: Option<&str>) -> Result<Option<Words>, Problem> {
        text.map(|text| self.words(change, whose, text)).transpose()
    }

    /// A policy for a body; its merchants' names go into the change as texts.
    ///
    /// # Errors
    /// No random bytes.
    pub fn policy(&self, change: &mut Change, owner: Owner, template: &Template) -> Result<Value, Problem> {
        let kept = policy_names::keep(&self.sealer, template, &self.whose(owner), change.at());
        let (policy, texts) = kept.map_err(no_randomness)?;
        texts.into_iter().for_each(|text| change.add_text(text));
        Ok(policy)
    }

    /// Whose texts of an owner's objects are.
    #[must_use]
    pub fn whose(&self, owner: Owner) -> Whose {
        Whose {
            organization: owner.organization.to_string(),
            program: self.program_of(Some(owner.environment)),
            person: String::new(),
        }
    }

    /// Objects as they are shown, with their texts.
    ///
    /// # Errors
    /// The store.
    pub async fn show_all(&self, rows: Vec<Row>) -> Result<Vec<Value>, Problem> {
        let now = clock::utc();
        let mut shown: Vec<Value> = rows.into_iter().map(|row| shown(&row, now)).collect::<Result<_, _>>()?;
        texts::open_all(&self.store, &self.sealer, &mut shown).await.map_err(unavailable)?;
        Ok(shown)
    }

    /// What decisions have that were asked for with a correlation id; nothing for an empty one.
    #[must_use]
    pub fn correlation(&self, text: &str) -> Option<String> {
        Some(self.sealer.correlation(&correlation_of(text)?).to_string())
    }

    /// An object as it is shown.
    ///
    /// # Errors
    /// The store.
    pub async fn show(&self, row: Row) -> Result<Value, Problem> {
        self.show_all(vec![row]).await.map(|mut shown| shown.pop().unwrap_or_default())
    }
}

/// The status that an object is shown in. A credential whose time is over proves nothing, whatever the store has.
///
/// # Errors
/// A body that cannot be read.
pub fn status_of(row: &Row, now: Timestamp) -> Result<&str, Problem> {
    if row.kind != Kind::Credential || row.status != ACTIVE {
        return Ok(&row.status);
    }
    let is_over = read::<Credential>(row)?.expires_at.is_some_and(|Moment(end)| end <= now);
    Ok(if is_over { EXPIRED } else { ACTIVE })
}

/// A row as JSON: what all objects have, and its body without what is ours alone.
fn shown(row: &Row, now: Timestamp) -> Result<Value, Problem> {
    let body: Value = serde_json::from_str(&row.body).map_err(|_| unreadable(Unreadable(row.id.clone())))?;
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!(row.id));
    fields.insert("organization_id".to_owned(), json!(row.organization));
    if let Some(environment) = row.environment {
        fields.insert("environment".to_owned(), json!(environment.name()));
    }
    fields.insert("status".to_owned(), json!(status_of(row, now)?));
    fields.insert("version".to_owned(), json!(row.version));
    fields.insert("created_at".to_owned(), json!(row.created_at.to_string()));
    fields.insert("updated_at".to_owned(), json!(row.updated_at.to_string()));
    if row.kind == Kind::Credential {
        // Of one that was made before it was recorded who did.
        fields.insert("created_by".to_owned(), Value::Null);
    }
    if let Value::Object(body) = without_hidden(row.kind, body) {
        fields.extend(body);
    }
    Ok(Value::Object(fields))
}

/// A body without what is ours alone.
pub(in crate::agent) fn without_hidden(kind: Kind, mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|name, _| !bodies::hidden(kind).contains(&name.as_str()));
    }
    if matches!(kind, Kind::Policy | Kind::PolicyVersion) {
        policy_names::hide(&mut body);
    }
    body
}

/// Reads a row's body.
///
/// # Errors
/// A bug, or damage.
pub fn read<B: Body>(row: &Row) -> Result<B, Problem> {
    bodies::read(row).map_err(unreadable)
}

fn unreadable(Unreadable(what): Unreadable) -> Problem {
    Problem::of(Code::Internal, what)
}

/// There is no such thing, or it is another organization's: the two look the same.
#[must_use]
pub fn unknown(kind: Kind) -> Problem {
    Problem::of(Code::NotFound, format!("there is no such {}", kind.name()))
}

/// Somebody else changed it.
#[must_use]
pub fn changed(kind: Kind) -> Problem {
    let detail = format!("the {} was changed since you read it: read it again, and send its `version`", kind.name());
    Problem::of(Code::VersionConflict, detail)
}

/// It is archived.
#[must_use]
pub fn archived(kind: Kind) -> Problem {
    Problem::of(Code::Archived, format!("the {} is archived, and does not change any more", kind.name()))
}

/// It cannot be done in that state.
#[must_use]
pub fn wrong_state(detail: impl Into<String>) -> Problem {
    Problem::of(Code::StateConflict, detail)
}

fn taken(claim: &str) -> Problem {
    let detail = match claim.split('/').next() {
        Some("instrument") => "this instrument has a binding already: archive that first",
        Some("grant") => "the processor has this grant already",
        Some("address") => "somebody with this address is a member already",
        Some("key") => "another credential has this API key",
        Some(_) | None => "something else holds it",
    };
    Problem::of(Code::Taken, detail)
}

/// What a change needs of other objects is not so, or not any more.
fn unmet(guard: &Guard) -> Problem {
    match guard {
        Guard::Live(kind, _) => archived(*kind),
        Guard::NoneHas(kind, ..) => wrong_state(format!("a {} has it: give that one another, or archive it first", kind.name())),
        Guard::SomeActiveHas(_, _, _, what) => wrong_state(format!("this is the only {what}: make another one first")),
    }
}

/// The store did not do it, or it is not known.
#[must_use]
pub fn unavailable(StoreError(problem): StoreError) -> Problem {
    let _ = problem;
    let detail = "nothing was changed, or it is not known: send it again with the same Idempotency-Key, and it is done once";
    Problem::of(Code::StoreUnavailable, detail).retry_after(1)
}

/// The operating system gives no random bytes.
#[must_use]
pub fn no_randomness(problem: NoRandomness) -> Problem {
    Problem::of(Code::StoreUnavailable, problem.to_string()).retry_after(1)
}

/// The moment so many seconds later.
#[must_use]
pub fn seconds_after(at: Timestamp, seconds: u32) -> Timestamp {
    at.saturating_add(std::time::Duration::from_secs(u64::from(seconds)))
}
