//! What spends, and how much: agents, authorities, policies, bindings and intents, as they are kept and shown.

use holdfast_core::agent::{Door, InstrumentKind, Mode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Body, Moment};
use crate::agent::store::Kind;
use crate::agent::texts::Words;

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// What it is called.
    #[schema(value_type = Option<String>, example = "procurement-bot")]
    pub name: Words,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Words>,
}

impl Body for Agent {
    const KIND: Kind = Kind::Agent;
}

/// A spending authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Authority {
    /// Whose spending it is about.
    pub agent_id: String,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Words>,
    /// `observe` records what its policy would have said, and declines nothing for it; `enforce` does.
    #[schema(value_type = String, example = "enforce")]
    pub mode: Mode,
    /// Whether a payment without a matching intent is declined.
    pub require_intent: bool,
    /// Its policy. Without one, `enforce` declines (`NO_POLICY`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<String>,
}

impl Body for Authority {
    const KIND: Kind = Kind::Authority;
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Words>,
    /// The template with its parameters, in one form. A merchant's name that was erased is `null`, and still decides.
    #[schema(value_type = PolicyTemplate)]
    pub policy: Value,
    /// Counts the versions of the template, from 1.
    pub policy_version: u32,
}

impl Body for Policy {
    const KIND: Kind = Kind::Policy;
}

/// A version that a policy had, kept for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyVersion {
    /// The policy.
    pub policy_id: String,
    /// Which version of it.
    pub policy_version: u32,
    /// The template with its parameters.
    #[schema(value_type = PolicyTemplate)]
    pub policy: Value,
}

impl Body for PolicyVersion {
    const KIND: Kind = Kind::PolicyVersion;
}

/// A template with its parameters, as `GET /v1/policy-templates` describes them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PolicyTemplate {
    /// The template's name.
    #[schema(example = "max_amount")]
    pub template: String,
    /// Its parameters.
    #[schema(value_type = Object, example = json!({"amount": 10000, "currency": "USD"}))]
    pub parameters: Value,
}

/// A binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Binding {
    /// Where it leads.
    pub spending_authority_id: String,
    /// Who issued the instrument, in upper case.
    #[schema(example = "MARQETA")]
    pub issuing_platform: String,
    /// What kind of instrument it is.
    #[schema(value_type = String, example = "card")]
    pub instrument_kind: InstrumentKind,
    /// The platform's own name for it; never a card number.
    #[schema(example = "card-demo-2")]
    pub instrument_id: String,
    /// Where its money, budgets and intents move: `platform`, at the issuing platform's own callback, or `authorize`, at `/v1/authorize`.
    #[schema(value_type = String, example = "platform")]
    pub authoritative_door: Door,
}

impl Body for Binding {
    const KIND: Kind = Kind::Binding;
}

/// An intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Intent {
    /// On what it would be spent.
    pub spending_authority_id: String,
    /// The one binding that may pay for it, if only one may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_id: Option<String>,
    /// The most that it is about, in minor units.
    pub amount: i64,
    /// ISO 4217.
    #[schema(example = "USD")]
    pub currency: String,
    /// What the merchant sells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcc: Option<String>,
    /// The merchant's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub merchant: Option<Words>,
    /// The acquirer's identifier of the merchant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_id: Option<String>,
    /// Where the merchant is, as ISO 3166-1 alpha-3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_country: Option<String>,
    /// What it is for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Words>,
    /// From when on it is worth nothing.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Moment,
    /// Whether it kept to everything when it was validated.
    pub eligible: bool,
    /// Whether its amount was asked to be kept for the payment.
    #[serde(default)]
    pub reserve: bool,
    /// Whether it is kept now: no longer once a payment took it over, the intent was taken back, or its time is over.
    #[serde(default)]
    pub reserved: bool,
    /// Why, in the words of the reason codes.
    #[schema(value_type = crate::agent::door::ReasonCodes, example = "POLICY_MATCH")]
    pub reason_code: String,
    /// The policy that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<String>,
    /// What its limits had left then, this intent not counted.
    pub remaining_limits: Vec<Remaining>,
    /// Who asked: a member, or a backend's credential.
    pub requested_by: String,
    /// Who approved or denied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reviewed_at: Option<Moment>,
    /// What the reviewer had to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub review_note: Option<Words>,
    /// What the merchant's name is known by: its digest, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub merchant_token: Option<String>,
    /// The same in hexadecimal, as older programs wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub merchant_digest: Option<holdfast_core::MerchantName>,
    /// The credential that asked.
    #[schema(ignore)]
    pub credential: String,
}

impl Body for Intent {
    const KIND: Kind = Kind::Intent;
    const HIDDEN: &'static [&'static str] = &["merchant_token", "merchant_digest", "credential"];
}

/// What a limit had left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remaining {
    /// Which limit of the policy: what it counts, and over which time.
    #[schema(example = "budget-month")]
    pub limit: String,
    /// Over which time it counts: `calendar` (a day, a week or a month), `rolling` or `lifetime`.
    #[schema(example = "calendar")]
    pub window: String,
    /// Money left, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Of what currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Payments left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}
