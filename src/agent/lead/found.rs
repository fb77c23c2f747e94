//! What a question led to, and what is said of it: all of one moment. It looks nothing up.

use std::sync::Arc;

use holdfast_adapters::Said;
use holdfast_core::agent::{
    Asking, Authority, Binding, BindingId, Choice, Door, Found, Governed, Intent, IntentReference, Presented, ReasonCode, govern,
};
use holdfast_core::rules::Verdict;
use holdfast_core::{AuthorizationRequest, Basis, Decision, DeclineReason, Timestamp};

/// What a question leads to. It holds on to what it found, so that everything about one answer is of one moment.
pub struct Lead {
    pub(super) to: To,
    pub(super) asking: Asking,
}

pub(super) enum To {
    Nobody { reason: DeclineReason, binding: Option<BindingId>, intent: Option<IntentReference> },
    Authority { authority: Arc<Authority>, binding: Arc<Binding>, intent: Shown },
}

pub(super) enum Shown {
    /// None was named: which of these it is for depends on which are used.
    Any(Arc<[Arc<Intent>]>),
    Unknown(IntentReference),
    Known(Arc<Intent>),
}

impl Lead {
    pub(super) const fn nobody(
        reason: DeclineReason,
        binding: Option<BindingId>,
        intent: Option<IntentReference>,
        asking: Asking,
    ) -> Self {
        Lead { to: To::Nobody { reason, binding, intent }, asking }
    }

    /// The same question, where its binding leads to nothing because the money was bound before.
    #[must_use]
    pub fn bound_before(&self) -> Lead {
        let intent = match &self.to {
            To::Nobody { intent, .. } => *intent,
            To::Authority { intent: Shown::Known(known), .. } => Some(known.reference),
            To::Authority { intent: Shown::Unknown(reference), .. } => Some(*reference),
            To::Authority { intent: Shown::Any(_), .. } => None,
        };
        Lead::nobody(DeclineReason::BindingUnknown, self.binding().map(|binding| binding.id), intent, self.asking)
    }

    /// At which door the question came.
    #[must_use]
    pub const fn door(&self) -> Door {
        self.asking.door
    }

    /// The binding that led to the authority.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        match &self.to {
            To::Nobody { .. } => None,
            To::Authority { binding, .. } => Some(binding),
        }
    }

    /// What is thought of a question in the end; and, where that depends on which intents are used, what has to be known to say.
    #[must_use]
    pub fn govern(
        &self,
        program: Verdict,
        request: &AuthorizationRequest,
        now: Timestamp,
    ) -> (Verdict, Governed, Option<Box<Choice>>) {
        let choice = self.choice(&program, request, now);
        let (verdict, governed) = govern(program, &self.found(), request, self.asking, now);
        (verdict, governed, choice)
    }

    /// What is thought of it where the ledger cannot be asked.
    #[must_use]
    pub fn govern_unheard(&self, program: Verdict, request: &AuthorizationRequest, now: Timestamp) -> (Verdict, Governed) {
        match self.whole_choice(&program, now) {
            None => govern(program, &self.found(), request, self.asking, now),
            Some(choice) => {
                let chosen = choice.unheard(request);
                (chosen.verdict, chosen.governed)
            }
        }
    }

    fn choice(&self, program: &Verdict, request: &AuthorizationRequest, now: Timestamp) -> Option<Box<Choice>> {
        self.whole_choice(program, now).filter(|choice| choice.is_one(request)).map(Box::new)
    }

    fn whole_choice(&self, program: &Verdict, at: Timestamp) -> Option<Choice> {
        match &self.to {
            To::Authority { authority, binding, intent: Shown::Any(intents) } => Some(Choice {
                authority: Arc::clone(authority),
                binding: Arc::clone(binding),
                intents: Arc::clone(intents),
                asking: self.asking,
                program: program.clone(),
                at,
            }),
            To::Authority { .. } | To::Nobody { .. } => None,
        }
    }

    /// What an answer says of it.
    #[must_use]
    pub fn said(&self, decision: &Decision, basis: &Basis, chosen: Option<IntentReference>) -> Said {
        let stand_in = match basis {
            Basis::StandIn(cause) => Some(*cause),
            Basis::StandInTable(by) => Some(by.cause),
            Basis::Rule(_) | Basis::Limit(_) | Basis::Ledger | Basis::Replay => None,
        };
        match &self.to {
            To::Nobody { binding, intent, .. } => Said {
                code: ReasonCode::under(decision, basis, None),
                policy: None,
                binding: *binding,
                intent: *intent,
                stand_in,
            },
            To::Authority { authority, binding, intent } => Said {
                code: ReasonCode::under(decision, basis, Some(authority.mode)),
                policy: authority.policy.as_ref().map(|policy| policy.version.policy),
                binding: Some(binding.id),
                intent: match intent {
                    Shown::Any(_) => chosen,
                    Shown::Unknown(reference) => Some(*reference),
                    Shown::Known(known) => Some(known.reference),
                },
                stand_in,
            },
        }
    }

    /// The intent that was named.
    #[must_use]
    pub fn named(&self) -> Option<IntentReference> {
        match &self.to {
            To::Authority { intent: Shown::Known(known), .. } => Some(known.reference),
            To::Authority { .. } | To::Nobody { .. } => None,
        }
    }

    fn found(&self) -> Found<'_> {
        match &self.to {
            To::Nobody { reason, binding, intent } => Found::Nobody { reason: *reason, binding: *binding, intent: *intent },
            To::Authority { authority, binding, intent } => Found::Authority {
                authority,
                binding,
                intent: match intent {
                    Shown::Any(_) => Presented::None,
                    Shown::Unknown(reference) => Presented::Unknown(*reference),
                    Shown::Known(known) => Presented::Known(known),
                },
            },
        }
    }
}
