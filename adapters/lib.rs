//! How each card-issuing platform speaks: a callback's bytes to core values, and a decision back to bytes.
//!
//! One folder a platform. To add one: add its folder, its `mod` line, and its entry in [`PLATFORMS`]; a second touch
//! outside the folder means that the trait is wrong. Like `core`, this crate does no I/O and reads no clock.
//!
//! Suggested reading order: [`adapter`] (the trait), [`inbound`], [`answer`], [`proof`], [`json`], then a platform.

pub mod adapter;
pub mod agent_spend;
pub mod answer;
pub mod apto;
pub mod authorizations;
mod exact;
mod idempotency;
pub mod inbound;
pub mod json;
#[cfg(test)]
mod laws;
pub mod marqeta;
mod once;
mod parameters;
pub mod payment;
pub mod payment_gateway;
pub mod pre_auth;
pub mod proof;
#[cfg(feature = "proving")]
pub mod proving;
mod redact;
pub mod settings;
pub mod strict;
pub mod written;

pub use adapter::{
    Adapter, Budget, BudgetStart, Credentials, DecisionEvent, InFlightDuplicate, Platform, Route, RouteMethod, Use,
};
pub use answer::{AccountBalance, Answer, CallBack, DecisionReference, Echo, Refused, Reply, Said};
pub use inbound::{
    AuthorizationCall, BalanceCall, Callback, Fetch, Inbound, Lookup, Malformed, Named, Notice, Stranger, Unrecognized,
};
pub use payment::{ListCall, LookCall, NotDone, OrderCall, Payment, PaymentCall, Slip};
pub use proof::token;
pub use proof::{Authentic, BasicCredential, Bearer, Keyring, Refusal, RuleBypass, Secret};
pub use settings::{SettingError, SettingValue, Settings};

/// Every platform that a configuration can name.
pub const PLATFORMS: &[Platform] = &[
    marqeta::PLATFORM,
    apto::PLATFORM,
    authorizations::PLATFORM,
    payment_gateway::PLATFORM,
    pre_auth::PLATFORM,
    agent_spend::PLATFORM,
    #[cfg(feature = "proving")]
    proving::PLATFORM,
];

/// The platform of that name.
#[must_use]
pub fn platform(name: &str) -> Option<&'static Platform> {
    PLATFORMS.iter().find(|platform| platform.name == name)
}
