//! Of what question a record is, for whoever reads it: nothing here writes one.

use holdfast_core::rules::Verdict;
use holdfast_core::{AuthorizationRequest, Timestamp};

use super::record::Body;

impl Body {
    /// The question that it decides, or adopts an answer to; nothing of what is about none.
    #[must_use]
    pub const fn question(&self) -> Option<&AuthorizationRequest> {
        match self {
            Body::Decided { request, .. } | Body::Adopted { request, .. } => Some(request),
            Body::Told { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. } => None,
        }
    }

    /// What the rules were asked, when, and what they thought; nothing where they were not asked.
    #[must_use]
    pub const fn asked(&self) -> Option<(Timestamp, &AuthorizationRequest, &Verdict)> {
        match self {
            Body::Decided { received_at, request, verdict, .. }
            | Body::Adopted { received_at, request, verdict: Some(verdict), .. } => Some((*received_at, request, verdict)),
            Body::Adopted { verdict: None, .. }
            | Body::Told { .. }
            | Body::Ordered { .. }
            | Body::Kept { .. }
            | Body::AccountEntered { .. }
            | Body::CardEntered { .. }
            | Body::RulesPublished
            | Body::Opened
            | Body::Trimmed { .. }
            | Body::Joined { .. }
            | Body::Reassigned { .. } => None,
        }
    }
}
