//! Objects as they are kept and shown: one struct a kind, with [`Words`] where a text stands. What only we may see is marked, and left
//! out when a body is shown. Fields are only ever added, with a default.

mod spend;

use holdfast_core::Timestamp;
use holdfast_core::agent::{OrganizationKind, Scope};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

pub use self::spend::{Agent, Authority, Binding, Intent, Policy, PolicyTemplate, PolicyVersion, Remaining};
use super::store::{Kind, Row};
use super::texts::Words;

/// A moment as JSON has it: RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(Moment(Timestamp::from_unix_micros(moment.as_microsecond())))
    }
}

/// What a body is of, and what of it nobody is shown.
pub trait Body: Serialize + DeserializeOwned {
    /// What kind of object.
    const KIND: Kind;
    /// Fields that are ours alone.
    const HIDDEN: &'static [&'static str] = &[];
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Enterprise or processor.
    #[schema(value_type = String, example = "enterprise")]
    pub kind: OrganizationKind,
    /// What it is called; `null` once it was erased.
    #[schema(value_type = Option<String>, example = "Example Inc.")]
    pub name: Words,
    /// How far it is on its way to production.
    pub go_live: GoLive,
}

impl Body for Organization {
    const KIND: Kind = Kind::Organization;
}

/// How far an organization is on its way to production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GoLive {
    /// `sandbox`, `requested`, `approved` or `refused`.
    pub state: GoLiveState,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub requested_at: Option<Moment>,
    /// When an operator decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Moment>,
    /// What the operator had to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub note: Option<Words>,
}

impl GoLive {
    /// Nobody has asked yet.
    pub const SANDBOX: GoLive =
        GoLive { state: GoLiveState::Sandbox, requested_by: None, requested_at: None, decided_at: None, note: None };
}

/// One word for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoLiveState {
    /// Nobody has asked.
    Sandbox,
    /// An owner has asked, and an operator has to look.
    Requested,
    /// Production credentials can be made.
    Approved,
    /// An operator said no; an owner may ask again.
    Refused,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Objects, intents and credentials.
    Developer,
    /// To look, and to approve and deny intents.
    Reviewer,
    /// To look.
    ReadOnly,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Owner, Role::Developer, Role::Reviewer, Role::ReadOnly];

    /// As JSON and commands write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Developer => "developer",
            Role::Reviewer => "reviewer",
            Role::ReadOnly => "read_only",
        }
    }

    /// By that name.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Role::ALL.into_iter().find(|role| role.name() == text)
    }

    /// What a credential of such a member may be used for.
    #[must_use]
    pub const fn scopes(self, kind: OrganizationKind) -> &'static [Scope] {
        match (self, kind) {
            (Role::Owner, OrganizationKind::Enterprise) => {
                &[Scope::Setup, Scope::Intents, Scope::Review, Scope::Read, Scope::Credentials, Scope::Members]
            }
            (Role::Owner, OrganizationKind::Processor) => &[Scope::Authorize, Scope::Read, Scope::Credentials, Scope::Members],
            (Role::Developer, OrganizationKind::Enterprise) => &[Scope::Setup, Scope::Intents, Scope::Read, Scope::Credentials],
            (Role::Developer, OrganizationKind::Processor) => &[Scope::Authorize, Scope::Read, Scope::Credentials],
            (Role::Reviewer, OrganizationKind::Enterprise) => &[Scope::Review, Scope::Read],
            (Role::Reviewer, OrganizationKind::Processor) | (Role::ReadOnly, _) => &[Scope::Read],
        }
    }
}

/// Somebody who works for an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The address; `null` once it was erased.
    #[schema(value_type = Option<String>, format = Email)]
    pub email: Words,
    /// The name, once the member has told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Words>,
    /// What the member may do.
    pub role: Role,
    /// When the member showed that the address is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub verified_at: Option<Moment>,
    /// Until when the invitation can be accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub invited_until: Option<Moment>,
    /// What the invitation's token is known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub invitation: Option<String>,
    /// What the address is known by, to find it without reading it.
    #[schema(ignore)]
    pub address: String,
}

impl Body for Member {
    const KIND: Kind = Kind::Member;
    const HIDDEN: &'static [&'static str] = &["invitation", "address"];
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    /// The API key: what a token names as `key_id`.
    pub api_key: String,
    /// What it may be used for.
    #[schema(value_type = Vec<String>, example = json!(["read", "setup"]))]
    pub scopes: Vec<Scope>,
    /// The member whose own it is; a backend's without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_id: Option<String>,
    /// Who made it: the member, also where that was by a backend's credential which the member had made; otherwise the backend's credential,
    /// or an operator. `null` of one that was made before that was recorded.
    #[serde(default)]
    pub created_by: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Words>,
    /// From when on it is worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Moment>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Moment>,
    /// What its organization is.
    #[schema(ignore)]
    pub of: OrganizationKind,
    /// The shared secret, sealed.
    #[schema(ignore)]
    pub secret: String,
}

impl Credential {
    /// Whose hand it is used by: its member's, or that of the member who made it. One that no member made is its own.
    #[must_use]
    pub fn hand(&self, id: &str) -> String {
        let made_by_member = self.created_by.as_ref().filter(|who| who.starts_with(MEMBER_PREFIX));
        self.member_id.as_ref().or(made_by_member).map_or_else(|| id.to_owned(), Clone::clone)
    }
}

/// What members' names begin with.
pub const MEMBER_PREFIX: &str = "mem_";

impl Body for Credential {
    const KIND: Kind = Kind::Credential;
    const HIDDEN: &'static [&'static str] = &["of", "secret"];
}

/// An enterprise's leave for a processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// Who may ask.
    pub processor_id: String,
    /// For which issuing platform, in upper case.
    #[schema(example = "MARQETA")]
    pub issuing_platform: String,
}

impl Body for Grant {
    const KIND: Kind = Kind::Grant;
}

/// A row whose body cannot be read: damage, or a newer program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub String);

/// Reads a row's body.
///
/// # Errors
/// It is none of that kind.
pub fn read<B: Body>(row: &Row) -> Result<B, Unreadable> {
    let unreadable = || Unreadable(format!("{} {} cannot be read", row.kind.name(), row.id));
    if row.kind != B::KIND {
        return Err(unreadable());
    }
    serde_json::from_str(&row.body).map_err(|_| unreadable())
}

/// Writes a body.
#[must_use]
pub fn write<B: Body>(body: &B) -> String {
    // Texts, numbers and lists: nothing that JSON could not say.
    serde_json::to_string(body).unwrap_or_default()
}

/// What of a kind's body nobody is shown.
#[must_use]
pub const fn hidden(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Member => Member::HIDDEN,
        Kind::Credential => Credential::HIDDEN,
        Kind::Intent => Intent::HIDDEN,
        Kind::Organization | Kind::Grant | Kind::Agent | Kind::Authority | Kind::Policy | Kind::PolicyVersion | Kind::Binding => {
            &[]
        }
    }
}
