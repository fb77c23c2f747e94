//! What a decision has to do with an agent's authority: goes with the act into the journal, so that whoever reads it sees it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::decision::DeclineReason;
use crate::rules::RulesetHash;

use super::ids::{AuthorityId, BindingId, IntentReference, OrganizationId, PolicyId};
use super::words::{Mode, Weight};

/// Under whose authority a question was decided. Fields are only ever added at the end, with a new format of the journal.
///
/// What is not written with the rest stands in journal and spool on a line of its own, if there is something to write.
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
    /// What is kept of the text by which the processor follows its request.
    #[serde(skip)]
    pub correlation: Option<CorrelationDigest>,
}

/// What a text of a caller's is found by again: a digest that nobody makes without the operator's key, so that texts cannot be tried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelationDigest(pub [u8; 16]);

impl fmt::Display for CorrelationDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A policy in one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Which policy.
    pub policy: PolicyId,
    /// Which version: of its template's canonical JSON and its authority.
    pub hash: RulesetHash,
}
