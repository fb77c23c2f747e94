//! Software agents that spend: who may, how much, where, and what an agent said that it was about to buy.
//!
//! A [`Template`] with parameters becomes an ordinary [`Ruleset`](crate::rules::Ruleset) of its authority ([`CompiledPolicy`]), or several
//! where what counts depends on the way that is taken, asked by the ordinary [`evaluate`](crate::rules::evaluate()). Nothing here keeps an object, verifies a token or knows a disk: `src/agent` does.
//!
//! Reading order: `words`, `ids`, `objects`, `governed`, `reason`, `opinion`, `govern`, `naming`, `choice`, `reservation`, then `template` and `policy`.

mod choice;
mod govern;
mod governed;
mod ids;
mod naming;
mod objects;
mod opinion;
mod policy;
mod reason;
mod reservation;
mod template;
mod words;

pub use choice::{Choice, Chosen};
pub use govern::{Asking, Found, Presented, govern, limit_of as limit_of_intent, matches, objection_of};
pub use governed::{CorrelationDigest, Governed, PolicyVersion};
pub use ids::{AgentId, AuthorityId, BindingId, CredentialId, InstrumentId, IntentReference, KeyId, OrganizationId, PolicyId};
pub use naming::{named_number, shared_name};
pub use objects::{Authority, Binding, Instrument, Intent};
pub use policy::{CompiledPolicy, Owner, POLICY_LIMITS_MAX, POLICY_ROOM_MAX, Part};
pub use reason::ReasonCode;
pub use reservation::{
    cancellation_of, cancelling, is_cancellation, is_no_payment, is_of_intent, reservation_of, reserving, taken_over_key,
    takes_over,
};
pub use template::{FieldError, Lock, LockedName, TEMPLATES, Template, TemplateFacts, TemplateWindow, Zones};
pub use words::{
    BindingStatus, Door, Environment, InstrumentKind, IntentNeed, IntentStatus, Mode, OrganizationKind, Scope, ScopeSet, Status,
    Weight,
};
