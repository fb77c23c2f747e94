//! The bodies that processors send. Amounts are integers of minor units. Nothing here interprets a value.
//!
//! This contract is ours, so that it is strict: a field of the wrong type is an error with its path, and only fields that are not known
//! are passed over. Each field is read by itself, so that all that is wrong can be told at once.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::json;

/// A text, and nothing else: what platforms may write as a number, our contract has as a text.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Text<'_> {
    /// The text without blanks around it.
    pub(super) fn trimmed(&self) -> &str {
        json::trimmed(&self.0)
    }
}

/// A field as it came.
#[derive(Debug, Default)]
pub(super) enum Sent<T> {
    /// It did not, or as `null`.
    #[default]
    Nothing,
    /// With a value of another type.
    Wrong,
    /// With this.
    Value(T),
}

impl<T> Sent<T> {
    /// What came, if it can be read.
    pub(super) const fn value(&self) -> Option<&T> {
        match self {
            Sent::Value(value) => Some(value),
            Sent::Nothing | Sent::Wrong => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sent<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        Ok(if raw == "null" { Sent::Nothing } else { serde_json::from_str(raw).map_or(Sent::Wrong, Sent::Value) })
    }
}

/// `POST /v1/authorize`.
#[derive(Debug, Deserialize)]
pub(super) struct Authorize<'a> {
    #[serde(borrow, default)]
    pub(super) issuing_platform: Sent<Text<'a>>,
    /// Minor units; nothing at all is a check whether the payment could be made.
    #[serde(default)]
    pub(super) amount: Sent<i64>,
    #[serde(borrow, default)]
    pub(super) currency: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) intent_reference: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) binding_id: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) instrument_id: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) mcc: Sent<&'a RawValue>,
    /// The merchant's name.
    #[serde(borrow, default)]
    pub(super) merchant: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) merchant_id: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) merchant_country: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) platform_transaction_token: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) network: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) occurred_at: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) correlation_id: Option<&'a RawValue>,
}

/// `POST /v1/authorizations/{request_id}/events`.
#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    /// `reversal`, `clearing` or `expiry`.
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Sent<Text<'a>>,
    /// The caller's name for it: the same one is applied once.
    #[serde(borrow, default)]
    pub(super) event_id: Sent<Text<'a>>,
    /// Minor units.
    #[serde(default)]
    pub(super) amount: Sent<i64>,
    #[serde(borrow, default)]
    pub(super) currency: Sent<Text<'a>>,
    /// Of a clearing: whether nothing more comes; it is unless told.
    #[serde(default, rename = "final")]
    pub(super) is_final: Sent<bool>,
    #[serde(borrow, default)]
    pub(super) occurred_at: Sent<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) correlation_id: Option<&'a RawValue>,
}
