//! What a decision has to do with an agent's authority: goes with the act into the journal, so that whoever reads it sees it.

use serde::{Deserialize, Serialize};

use crate::decision::DeclineReason;
use crate::rules::RulesetHash;

use super::ids::{AuthorityId, BindingId, IntentReference, OrganizationId, PolicyId};
use super::words::{Mode, Weight};

/// Under whose authority a question was decided. Fields are only ever added at the end, with a new format of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Governed {
    /// The authority; `None` if nothing leads to one.
    pub authority: Option<AuthorityId>,
    /// The policy that was asked, if there is one.
    pub policy: Option<PolicyVersion>,
    /// The binding that led there.
    pub binding: Option<BindingId>,
    /// The intent that it was for.
    pub intent: Option<IntentReference>,
    /// The processor that asked at `/v1/authorize`; `None` where the card's own platform did.
    pub asked_by: Option<OrganizationId>,
    /// Whether the policy decides.
    pub mode: Mode,
    /// Whether anything moves here.
    pub weight: Weight,
    /// What the policy, or an intent, would have said in enforce, where the authority only observes.
    pub would: Option<DeclineReason>,
}

/// A policy in one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Which policy.
    pub policy: PolicyId,
    /// Which version: of its template's canonical JSON and its authority.
    pub hash: RulesetHash,
}
