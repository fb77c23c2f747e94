//! Where agent spend's objects are durable: the seam to the engines, and what goes over it.
//!
//! A store keeps rows and knows nothing of what they mean: an object is its body, in JSON, and the few columns that lists ask for. A
//! [`Commit`] happens as a whole or not at all, and only if every object in it is still in the version that was read; it is durable when
//! it is answered. Names, addresses and free text are never in a body: a body names a [`Text`], sealed and erasable. Engines:
//! [`sqlite`], [`postgres`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use holdfast_core::Timestamp;
use holdfast_core::agent::Environment;

#[cfg(test)]
pub mod conformance;
pub mod postgres;
pub mod sqlite;

/// What kind of object a row is. The numbers are kept: new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An enterprise or a processor.
    Organization,
    /// Somebody who works for one.
    Member,
    /// An API key with its shared secret.
    Credential,
    /// An enterprise's leave for a processor to ask, for one issuing platform.
    Grant,
    /// A program that may spend.
    Agent,
    /// What it may spend.
    Authority,
    /// A policy, in the version that is in force.
    Policy,
    /// A version that a policy had.
    PolicyVersion,
    /// What leads from an instrument to an authority.
    Binding,
    /// What an agent said that it was about to buy.
    Intent,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Kind; 10] = [
        Kind::Organization,
        Kind::Member,
        Kind::Credential,
        Kind::Grant,
        Kind::Agent,
        Kind::Authority,
        Kind::Policy,
        Kind::PolicyVersion,
        Kind::Binding,
        Kind::Intent,
    ];

    /// As audit records and messages write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Organization => "organization",
            Kind::Member => "member",
            Kind::Credential => "credential",
            Kind::Grant => "grant",
            Kind::Agent => "agent",
            Kind::Authority => "spending_authority",
            Kind::Policy => "policy",
            Kind::PolicyVersion => "policy_version",
            Kind::Binding => "binding",
            Kind::Intent => "intent",
        }
    }

    /// By that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// As it is kept.
    #[must_use]
    pub fn number(self) -> i64 {
        let place = Kind::ALL.iter().position(|kind| *kind == self).unwrap_or_default();
        i64::try_from(place).unwrap_or_default().saturating_add(1)
    }

    /// By the number that it is kept under.
    #[must_use]
    pub fn numbered(number: i64) -> Option<Self> {
        Kind::ALL.iter().copied().find(|kind| kind.number() == number)
    }
}

/// An object, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub kind: Kind,
    /// Its name, unique in its kind.
    pub id: String,
    /// Whose it is.
    pub organization: String,
    /// Where it lives; `None` for what an organization has as a whole.
    pub environment: Option<Environment>,
    /// What it belongs to, if lists ask for that; otherwise empty.
    pub parent: String,
    /// In one word, as lists ask for it.
    pub status: String,
    /// How often it was written, from 1.
    pub version: u32,
    /// When it was written first.
    pub created_at: Timestamp,
    /// When it was written last.
    pub updated_at: Timestamp,
    /// The rest of it, in JSON.
    pub body: String,
}

/// In which version an object must be for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It must not be there.
    New,
    /// It must be in this one.
    Version(u32),
}

/// An object that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// As it is from now on.
    pub row: Row,
    /// As it must have been.
    pub expect: Expect,
    /// What it, and nothing else, holds from now on, such as the instrument of a binding.
    pub claims: Vec<String>,
    /// What it held, and gives back.
    pub releases: Vec<String>,
}

/// A name, an address or free text: sealed, and erasable by whom it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its name; a body has it in the text's place.
    pub id: String,
    /// Whose it is.
    pub organization: String,
    /// The program that decides where it lives; empty for what an organization has as a whole.
    pub program: String,
    /// Whom it is about, by a name of ours; empty for nobody.
    pub person: String,
    /// When it came.
    pub at: Timestamp,
    /// The text, sealed for its name.
    pub sealed: Vec<u8>,
}

/// What somebody did: kept for good, with the object before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// In whose records.
    pub organization: String,
    /// Of which environment; `None` for the organization as a whole.
    pub environment: Option<Environment>,
    /// When.
    pub at: Timestamp,
    /// Who: a credential, a member, or an operator.
    pub who: String,
    /// What, such as `binding.created`.
    pub action: String,
    /// To what kind of object.
    pub kind: Kind,
    /// Which.
    pub id: String,
    /// The body before.
    pub before: Option<String>,
    /// The body after.
    pub after: Option<String>,
}

/// A request that must not be done twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Whose key, such as a credential's organization and environment.
    pub space: String,
    /// The key.
    pub key: String,
    /// What stands for the request.
    pub request: [u8; 32],
    /// What stood for it before that had a key: keys are kept for good.
    pub formerly: [u8; 32],
}

impl Once {
    /// Whether something was done for this very request.
    #[must_use]
    pub fn is_of(&self, before: &Outcome) -> bool {
        [self.request, self.formerly].contains(&before.request)
    }
}

/// What is done under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What stands for the request.
    pub request: [u8; 32],
    /// The object that it was about.
    pub kind: Kind,
    /// Its name.
    pub id: String,
}

/// What is written at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Objects; the first one is what the request was about.
    pub puts: Vec<Put>,
    /// Texts that they name.
    pub texts: Vec<Text>,
    /// What is told of it.
    pub deeds: Vec<Deed>,
    /// The request's key, if it has one.
    pub once: Option<Once>,
    /// What must hold of other objects once it is written, for it to be.
    pub guards: Vec<Guard>,
}

/// What must hold of objects beside those that a commit writes. It is looked at together with the writing: whoever only read it before may
/// have read what another commit changes at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// An object is there, and neither archived nor, as a member is, removed.
    Live(Kind, String),
    /// No object of a kind that is not archived has this in a field of its body.
    NoneHas(Kind, &'static str, String),
    /// An active object of an organization's has this in a field of its body.
    SomeActiveHas(Kind, String, &'static str, &'static str),
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It is durable.
    Done,
    /// It was, under the same key: nothing was done.
    Again(Outcome),
    /// The key came before with another request.
    KeyTaken,
    /// An object is in another version by now.
    Changed(Kind, String),
    /// Something else holds what it claims.
    Taken(String),
    /// What must hold besides does not.
    Unmet(Guard),
}

/// Which objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Of what kind.
    pub kind: Kind,
    /// Whose; anybody's if absent.
    pub organization: Option<String>,
    /// Where they live; anywhere if absent.
    pub environment: Option<Environment>,
    /// What they belong to.
    pub parent: Option<String>,
    /// In what status.
    pub status: Option<String>,
    /// Behind that one.
    pub after: i64,
    /// At most so many.
    pub most: u32,
}

impl List {
    /// Every object of a kind, from the first one on.
    #[must_use]
    pub const fn of(kind: Kind, most: u32) -> Self {
        List { kind, organization: None, environment: None, parent: None, status: None, after: 0, most }
    }
}

/// Which deeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deeds {
    /// In whose records.
    pub organization: String,
    /// Of which environment, besides what concerns the organization as a whole.
    pub environment: Option<Environment>,
    /// About which object.
    pub id: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// By whom: a member, a credential, or an operator.
    pub who: Option<String>,
    /// To what kind of object.
    pub kind: Option<Kind>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// Before that one; the latest ones if absent.
    pub before: Option<i64>,
    /// At most so many.
    pub most: u32,
}

impl Deeds {
    /// The latest ones in an organization's records.
    #[must_use]
    pub const fn of(organization: String, environment: Option<Environment>, most: u32) -> Self {
        let (id, action, who, kind, since, until, before) = (None, None, None, None, None, None, None);
        Deeds { organization, environment, id, action, who, kind, since, until, before, most }
    }
}

/// Bodies that are written anew because texts are taken out of them: what they say stays the same, and so do their versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// Objects' bodies: the kind, the name, what is there, what is to be.
    pub bodies: Vec<(Kind, String, String, String)>,
    /// What deeds tell, by their places: before and after.
    pub deeds: Vec<(i64, Option<String>, Option<String>)>,
    /// Texts that they name from now on.
    pub texts: Vec<Text>,
}

/// Whether names may still stand in bodies of policies, as older programs wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// They may.
    InBodies,
    /// They are texts.
    Texts,
}

/// Whose texts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erase {
    /// All of a program's.
    Program(String),
    /// All of an organization's.
    Organization(String),
    /// All about a person.
    Person(String),
    /// All that came before then.
    Before(Timestamp),
}

/// Why a store did not do what was asked: nothing was changed, or it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

/// What hears of rows that are durable, in the order in which they became so, before whoever wrote them is answered.
pub trait Follow: Send + Sync {
    /// These rows are durable.
    fn committed(&self, rows: &[Row]);
}

/// What comes of asking a store.
pub type Asked<'s, T> = BoxFuture<'s, Result<T, StoreError>>;

/// An engine.
pub trait Store: Send + Sync + fmt::Debug {
    /// Writes a commit.
    fn commit(&self, commit: Commit) -> Asked<'_, Committed>;
    /// What was done under a key.
    fn once(&self, space: &str, key: &str) -> Asked<'_, Option<Outcome>>;
    /// An object.
    fn get(&self, kind: Kind, id: &str) -> Asked<'_, Option<Row>>;
    /// Objects, each with its place in lists.
    fn list(&self, list: List) -> Asked<'_, Vec<(i64, Row)>>;
    /// What holds a claim.
    fn holder(&self, claim: &str) -> Asked<'_, Option<String>>;
    /// Texts, sealed, by their names; what was erased is not there.
    fn texts(&self, ids: Vec<String>) -> Asked<'_, HashMap<String, Vec<u8>>>;
    /// Deeds, the latest first, each with its place.
    fn deeds(&self, deeds: Deeds) -> Asked<'_, Vec<(i64, Deed)>>;
    /// Erases texts, and says how many.
    fn erase(&self, erase: Erase) -> Asked<'_, u64>;
    /// When credentials were used last.
    fn note_use(&self, uses: Vec<(String, Timestamp)>) -> Asked<'_, ()>;
    /// When a credential was used last.
    fn last_use(&self, ids: Vec<String>) -> Asked<'_, HashMap<String, Timestamp>>;
    /// What was sealed by whoever made the store, to know its key by; kept now if there was none.
    fn seal_of(&self, sealed: Vec<u8>) -> Asked<'_, Vec<u8>>;
    /// Whether names may still stand in bodies.
    fn names(&self) -> Asked<'_, Names>;
    /// From now on they do not.
    fn names_are_texts(&self) -> Asked<'_, ()>;
    /// Deeds about objects of a kind, whosever, the oldest first, behind that place.
    fn told_of(&self, kind: Kind, after: i64, most: u32) -> Asked<'_, Vec<(i64, Deed)>>;
    /// Writes bodies anew, all or none; `false` if one is not what it was. Who follows does not hear of it.
    fn rewrite(&self, rewrite: Rewrite) -> Asked<'_, bool>;
    /// How far everything has come, to be followed from there: whatever is committed later lies behind it.
    fn place(&self) -> Asked<'_, i64>;
    /// From now on whoever follows hears of what other processes commit, too, from behind that place.
    fn follow_from(&self, place: i64);
}

/// A store, shared.
pub type Shared = Arc<dyn Store>;
