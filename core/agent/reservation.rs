//! What an intent keeps for its payment: a hold of its own in the ledger, under a name made of the intent's, with the policy's limits
//! counted. The payment takes it over in the act that decides it; if none comes, it expires with the intent.

use crate::authorization::{AuthorizationRequest, PaymentRef};
use crate::ids::IdempotencyKey;
use crate::rules::{HoldPolicy, LimitScope, Proceed, Verdict};

use super::governed::Governed;
use super::ids::IntentReference;

/// The name of what is reserved for an intent.
#[must_use]
pub fn reservation_of(intent: &IntentReference) -> Option<PaymentRef> {
    Some(PaymentRef::of(format!("reserved-{intent}").as_str().try_into().ok()?))
}

/// The name under which it is given back to the payment that takes it over.
#[must_use]
pub fn taken_over_key(intent: &IntentReference) -> Option<IdempotencyKey> {
    IdempotencyKey::new(&format!("taken-over-{intent}")).ok()
}

/// The intent whose reservation a question takes over: the one that it uses up, and no other that it only names.
#[must_use]
pub fn takes_over(governed: Option<&Governed>, verdict: &Verdict) -> Option<IntentReference> {
    let intent = governed?.intent?;
    match verdict {
        Verdict::Decline { .. } => None,
        Verdict::Proceed(proceed) => proceed.limits.iter().any(|check| check.scope == LimitScope::Intent).then_some(intent),
    }
}

/// What a reservation is asked under, of what its payment would be: it uses no intent up, and lives for so long.
#[must_use]
pub fn reserving(proceed: &Proceed, lifetime_seconds: u32) -> Proceed {
    let limits = proceed.limits.iter().filter(|check| check.scope != LimitScope::Intent).copied().collect();
    let hold = HoldPolicy { lifetime_seconds, extra: 0, tolerance: 0, partial_min: None, of_less: None, ..proceed.hold };
    Proceed { ceiling: proceed.ceiling, limits, hold }
}

/// Whether a question is no payment, and only reserves.
#[must_use]
pub fn is_reservation(governed: &Governed, request: &AuthorizationRequest) -> bool {
    governed.intent.and_then(|intent| reservation_of(&intent)) == Some(request.payment)
}
