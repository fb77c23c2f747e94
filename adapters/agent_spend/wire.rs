//! The bodies that processors send. Amounts are integers of minor units. Nothing here interprets a value.
//!
//! This contract is ours, so that it is strict: a field of the wrong type is an error with its path, and only fields that are not known
//! are passed over.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::Text;

/// `POST /v1/authorize`.
#[derive(Debug, Deserialize)]
pub(super) struct Authorize<'a> {
    #[serde(borrow)]
    pub(super) issuing_platform: Text<'a>,
    /// Minor units; nothing at all is a check whether the payment could be made.
    pub(super) amount: i64,
    #[serde(borrow)]
    pub(super) currency: Text<'a>,
    #[serde(borrow, default)]
    pub(super) intent_reference: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) binding_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) instrument_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) mcc: Option<Text<'a>>,
    /// The merchant's name.
    #[serde(borrow, default)]
    pub(super) merchant: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) merchant_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) merchant_country: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) platform_transaction_token: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) network: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) occurred_at: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) correlation_id: Option<&'a RawValue>,
}

/// `POST /v1/authorizations/{request_id}/events`.
#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    /// `reversal`, `clearing` or `expiry`.
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    /// The caller's name for it: the same one is applied once.
    #[serde(borrow)]
    pub(super) event_id: Text<'a>,
    /// Minor units.
    #[serde(default)]
    pub(super) amount: Option<i64>,
    #[serde(borrow, default)]
    pub(super) currency: Option<Text<'a>>,
    /// Of a clearing: whether nothing more comes; it is unless told.
    #[serde(default, rename = "final")]
    pub(super) is_final: Option<bool>,
    #[serde(borrow, default)]
    pub(super) occurred_at: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) correlation_id: Option<&'a RawValue>,
}
