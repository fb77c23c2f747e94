//! Of agent spend: what is asked about organizations, members, credentials and texts, and what is answered.

use holdfast_core::Timestamp;
use holdfast_core::agent::{Environment, OrganizationKind, Scope};
use serde::{Deserialize, Serialize};

use crate::agent::bodies::Role;

/// Something about agent spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendRequest {
    /// Make an organization.
    MakeOrganization {
        /// Enterprise or processor.
        kind: OrganizationKind,
        /// What it is called.
        name: String,
        /// Its first owner's address.
        owner: Option<String>,
        /// Who makes it.
        by: String,
    },
    /// List organizations.
    Organizations,
    /// Approve, or refuse, a request for production.
    DecideGoLive {
        /// Of which organization.
        organization: String,
        /// What the operator says.
        decision: GoLiveDecision,
        /// Who decides.
        by: String,
        /// Why.
        why: String,
    },
    /// Invite a member.
    Invite {
        /// Where to.
        organization: String,
        /// At what address.
        email: String,
        /// As what.
        role: Role,
        /// Who invites.
        by: String,
    },
    /// Make the invitation of somebody who has not accepted yet anew.
    InviteAgain {
        /// Whose.
        member: String,
        /// Who hands it over.
        by: String,
    },
    /// Make a credential.
    MakeCredential {
        /// Whose.
        organization: String,
        /// Where it works.
        environment: Environment,
        /// What it may be used for.
        scopes: Vec<Scope>,
        /// What it is called.
        name: Option<String>,
        /// From when on it is worth nothing.
        expires_at: Option<Timestamp>,
        /// Who makes it.
        by: String,
    },
    /// List an organization's credentials.
    Credentials {
        /// Whose.
        organization: String,
    },
    /// Revoke a credential.
    RevokeCredential {
        /// Which.
        credential: String,
        /// Who revokes it.
        by: String,
    },
    /// Tell what was decided for an organization.
    Insight {
        /// Whose.
        organization: String,
        /// Where.
        environment: Environment,
        /// What of it.
        view: InsightView,
    },
    /// Erase texts for good.
    Erase(Erasure),
}

/// What is told of decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsightView {
    /// The decisions, the latest first.
    Authorizations(DecisionsWanted),
    /// Their sums.
    Metrics,
    /// How many there were each month.
    Usage,
    /// Who did what to the organization's objects, the latest first.
    Audit(DeedsWanted),
}

/// Which decisions are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionsWanted {
    /// At most so many.
    pub most: u32,
    /// Only those that were asked for with this correlation id.
    pub correlation_id: Option<String>,
    /// Of all, or only of those that enforce would have declined.
    pub would: WouldWanted,
}

/// Whether it matters what enforce would have made of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WouldWanted {
    /// It does not.
    Any,
    /// It would have declined.
    Declined,
}

/// Which deeds are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeedsWanted {
    /// At most so many.
    pub most: u32,
    /// About which object.
    pub id: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// By whom.
    pub who: Option<String>,
    /// To what kind of object, by its name in records.
    pub object: Option<String>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
}

/// An operator's word on a request for production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoLiveDecision {
    /// Yes.
    Approve,
    /// No.
    Refuse,
}

/// Whose texts are erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Erasure {
    /// All of a program's.
    Program(String),
    /// All of an organization's.
    Organization(String),
    /// All about a person: a member's name, or an address.
    Person(String),
    /// All that came before then.
    Before(Timestamp),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendAnswer {
    /// An object, as the API shows it.
    Object(serde_json::Value),
    /// Objects, as the API shows them.
    Objects(Vec<serde_json::Value>),
    /// Somebody was invited.
    Invited {
        /// The organization, or the member.
        object: serde_json::Value,
        /// The invitation, to be handed over; absent if it was sent by mail.
        hand_over: Option<String>,
    },
    /// A credential was made.
    Issued {
        /// The credential.
        object: serde_json::Value,
        /// Its shared secret: told now, and never again.
        shared_secret: String,
    },
    /// So many texts were erased.
    Erased(u64),
}
