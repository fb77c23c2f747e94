//! What an intent keeps for its payment: a hold of its own in the ledger, under a name made of the intent's, with the policy's limits
//! counted. The payment takes it over in the act that decides it; if none comes, it expires with the intent. An intent that is taken back is
//! used up in the same way: by a hold of the smallest amount, of no money, under another name made of the intent's.

use crate::authorization::{AuthorizationRequest, PaymentRef};
use crate::ids::IdempotencyKey;
use crate::money::Money;
use crate::rules::{HoldPolicy, LimitScope, Proceed, Verdict};

use super::govern::limit_of;
use super::governed::Governed;
use super::ids::IntentReference;

/// The name of what is reserved for an intent.
#[must_use]
pub fn reservation_of(intent: &IntentReference) -> Option<PaymentRef> {
    Some(PaymentRef::of(format!("reserved-{intent}").as_str().try_into().ok()?))
}

/// The name of what uses an intent up that is taken back: to the ledger it is one more payment with it, so that of the two one wins.
#[must_use]
pub fn cancellation_of(intent: &IntentReference) -> Option<PaymentRef> {
    Some(PaymentRef::of(format!("cancelled-{intent}").as_str().try_into().ok()?))
}

/// Whether a payment is none, by its name: what an intent keeps, or what takes one back.
#[must_use]
pub fn is_of_intent(payment: &PaymentRef) -> bool {
    let name = payment.authorization.as_str();
    let intent = name.strip_prefix("reserved-").or_else(|| name.strip_prefix("cancelled-"));
    intent.is_some_and(|intent| intent.starts_with(IntentReference::PREFIX))
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
    Proceed { ceiling: proceed.ceiling, limits, hold, ways: proceed.ways }
}

/// What an intent is taken back under: nothing but its own limit, for as long as a payment could be for it.
#[must_use]
pub fn cancelling(intent: &IntentReference, amount: Money, lifetime_seconds: u32) -> Proceed {
    let limits = std::iter::once(limit_of(intent)).collect();
    Proceed { ceiling: amount, limits, hold: HoldPolicy { lifetime_seconds, ..HoldPolicy::PLAIN }, ways: None }
}

/// Whether a question is no payment, and only reserves for an intent or takes it back.
#[must_use]
pub fn is_no_payment(governed: &Governed, request: &AuthorizationRequest) -> bool {
    governed.intent.as_ref().and_then(reservation_of) == Some(request.payment) || is_cancellation(governed, request)
}

/// Whether a question only takes an intent back: no rules were asked.
#[must_use]
pub fn is_cancellation(governed: &Governed, request: &AuthorizationRequest) -> bool {
    governed.intent.as_ref().and_then(cancellation_of) == Some(request.payment)
}
