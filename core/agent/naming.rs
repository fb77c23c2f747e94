//! Which intent a processor named for a payment of which its platform asks, too. Where nothing moves at the processor's door there is no
//! hold that could say so: the payment's name has a counter, kept as every limit's is, and what it counts is the intent's number. So
//! whoever decides the platform's question knows it, at any responder and after a restart.

use crate::authorization::{Alias, PaymentRef};
use crate::ids::{AuthorizationId, RuleId};
use crate::rules::{CounterKey, Enforcement, LimitCheck, LimitScope, StillOpen, Window};
use crate::time::Timestamp;

use super::ids::IntentReference;
use super::objects::Binding;

const DAY_SECONDS: i64 = 86_400;
/// How many days a name is kept for, today's included: platform and processor ask about one payment at nearly the same time, and what is
/// added to it later finds its hold.
const DAYS: u8 = 3;

/// The name by which both doors know a payment.
#[must_use]
pub const fn shared_name(payment: &PaymentRef) -> AuthorizationId {
    match payment.alias {
        Alias::Also(alias) => alias,
        Alias::Alone | Alias::NotTold => payment.authorization,
    }
}

/// What names an intent for a payment: a limit that forbids nothing.
#[must_use]
pub fn naming(binding: &Binding, payment: &AuthorizationId, intent: &IntentReference, now: Timestamp) -> Option<LimitCheck> {
    Some(LimitCheck { limit: RuleId::new(intent.as_str()).ok()?, ..named_by(binding, payment, now) })
}

/// The same to look at, before it is known which intent it names.
#[must_use]
pub fn named_by(binding: &Binding, payment: &AuthorizationId, now: Timestamp) -> LimitCheck {
    let platform = binding.instrument.platform;
    LimitCheck {
        limit: RuleId::unknown_method(),
        counter: CounterKey::of(&["intent of", binding.environment.name(), platform.as_str(), payment.as_str()]),
        scope: LimitScope::Intent,
        window: Window::Rolling { bucket: now.unix_seconds().div_euclid(DAY_SECONDS), buckets: DAYS },
        amount_max: None,
        count_max: None,
        enforcement: Enforcement::Observe,
        still: StillOpen::default(),
        ways: None,
    }
}

/// The number that a naming limit counts; nothing if a limit is none.
#[must_use]
pub fn named_number(check: &LimitCheck) -> Option<i64> {
    let names = check.scope == LimitScope::Intent && check.count_max.is_none() && check.amount_max.is_none();
    names.then(|| number_of(check.limit.as_str()))
}

/// An intent's number: nobody finds two of one authority's with the same.
#[must_use]
pub fn number_of(reference: &str) -> i64 {
    let CounterKey(number) = CounterKey::of(&["intent", reference, "named"]);
    i64::try_from(number >> 2).unwrap_or(i64::MAX)
}
