//! Marqeta's JSON, as far as it is read: the transaction object of both routes, and the transitions of cards and users.
//!
//! Everything is borrowed and optional here: what is required, and in which currency an amount is, is said where it is
//! used ([`super::jit`], [`super::webhook`]). Unknown fields are ignored, values of another type count as absent. An
//! ordinary request is read with one allocation, the parser's own for the nested values that it skips.
//!
//! Field names: Marqeta OpenAPI, CoreAPI 3.0.40, schemas `transaction_model`, `jit_funding_api`, `pos`,
//! `card_transition_response`, `user_transition_response`.

use std::borrow::Cow;
use std::fmt;

use holdfast_core::{AmountError, Currency, Money};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use crate::inbound::Malformed;
use crate::json::{self, Amount, Lenient, Nested, Text};

/// A card transaction, before the decision (a request) or after it (a notification).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Transaction<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub state: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub user_token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub acting_user_token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub card_token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub preceding_related_transaction_token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub original_transaction_token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub amount: Option<Amount<'a>>,
    #[serde(borrow)]
    pub request_amount: Option<Amount<'a>>,
    #[serde(borrow)]
    pub cash_back_amount: Option<Amount<'a>>,
    #[serde(borrow)]
    pub currency_conversion: Nested<CurrencyConversion<'a>>,
    #[serde(borrow)]
    pub currency_code: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub network: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub user_transaction_time: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub created_time: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub settlement_date: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub issuer_received_time: Lenient<Text<'a>>,
    /// Model v1 only; v2 has it in `pos`.
    pub is_recurring: Lenient<bool>,
    pub is_final_clearing: Lenient<bool>,
    #[serde(borrow)]
    pub multi_clearing_sequence_number: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub multi_clearing_sequence_count: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub standin_approved_by: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub standin_by: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub standin_reason: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub response: Nested<Response<'a>>,
    #[serde(borrow)]
    pub gpa: Nested<Gpa<'a>>,
    #[serde(borrow)]
    pub gpa_order: Nested<Order<'a>>,
    #[serde(borrow)]
    pub gpa_order_unload: Nested<Order<'a>>,
    #[serde(borrow)]
    pub card_acceptor: Nested<CardAcceptor<'a>>,
    #[serde(borrow)]
    pub pos: Nested<Pos<'a>>,
    #[serde(borrow)]
    pub transaction_metadata: Nested<TransactionMetadata<'a>>,
    pub digital_wallet_token: Presence,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CurrencyConversion<'a> {
    #[serde(borrow)]
    pub network: Nested<NetworkConversion<'a>>,
}

/// What the merchant asked, in its own currency, which is told by its ISO 4217 number.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NetworkConversion<'a> {
    #[serde(borrow)]
    pub original_amount: Option<Amount<'a>>,
    #[serde(borrow)]
    pub original_currency_code: Lenient<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub code: Lenient<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Gpa<'a> {
    #[serde(borrow)]
    pub currency_code: Lenient<Text<'a>>,
    /// Only after the decision; negative when money left.
    #[serde(borrow)]
    pub impacted_amount: Option<Amount<'a>>,
}

/// `gpa_order` (the purchase is funded: our account pays) or `gpa_order_unload` (funds come back to us).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Order<'a> {
    #[serde(borrow)]
    pub currency_code: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub funding: Nested<Funding<'a>>,
    #[serde(borrow)]
    pub jit_funding: Nested<JitFunding<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Funding<'a> {
    #[serde(borrow)]
    pub gateway_log: Nested<GatewayLog<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GatewayLog<'a> {
    /// The `jit_funding.token` of our conversation.
    #[serde(borrow)]
    pub transaction_id: Lenient<Text<'a>>,
    pub timed_out: Lenient<bool>,
}

/// What must be funded, or is given back. Raw, because an answer repeats it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct JitFunding<'a> {
    #[serde(borrow)]
    pub token: Option<&'a RawValue>,
    #[serde(borrow)]
    pub method: Option<&'a RawValue>,
    #[serde(borrow)]
    pub user_token: Option<&'a RawValue>,
    #[serde(borrow)]
    pub acting_user_token: Option<&'a RawValue>,
    #[serde(borrow)]
    pub business_token: Option<&'a RawValue>,
    #[serde(borrow)]
    pub amount: Option<Amount<'a>>,
    #[serde(borrow)]
    pub original_jit_funding_token: Option<&'a RawValue>,
}

/// The merchant; `country` and `poi` are model v1's, `country_code` is v2's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CardAcceptor<'a> {
    #[serde(borrow)]
    pub mid: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub mcc: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub name: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub country_code: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub country: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub poi: Nested<Poi<'a>>,
}

/// The terminal, model v1: every value is a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Poi<'a> {
    pub partial_approval_capable: Lenient<bool>,
    #[serde(borrow)]
    pub special_condition_indicator: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub transaction_initiated_category: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub channel: Lenient<Text<'a>>,
}

/// The terminal, model v2.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pos<'a> {
    #[serde(borrow)]
    pub pan_entry_mode: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub terminal_type: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub country_code: Lenient<Text<'a>>,
    pub partial_approval_capable: Lenient<bool>,
    pub is_recurring: Lenient<bool>,
    pub is_installment: Lenient<bool>,
    #[serde(borrow)]
    pub special_condition_indicator: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub transaction_initiated_category: Lenient<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TransactionMetadata<'a> {
    #[serde(borrow)]
    pub payment_channel: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub moto_indicator: Lenient<Text<'a>>,
    pub cross_border_transaction: Lenient<bool>,
}

/// A card's change of state, in the groups `cardtransitions` and `cards`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CardTransition<'a> {
    #[serde(borrow)]
    pub token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub card_token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub user_token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub state: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub reason_code: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub created_time: Lenient<Text<'a>>,
}

/// A user's change of status, in the group `usertransitions`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UserTransition<'a> {
    #[serde(borrow)]
    pub token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub user_token: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub status: Lenient<Text<'a>>,
    #[serde(borrow)]
    pub created_time: Lenient<Text<'a>>,
}

impl<'a> Transaction<'a> {
    /// The order that carries `jit_funding`, with its name: `gpa_order` first, then `gpa_order_unload`.
    pub fn order(&self) -> (&'static str, Option<&Order<'a>>) {
        let has_funding = |order: &&Order<'a>| order.jit_funding.0.is_some();
        let load = self.gpa_order.0.as_ref();
        let unload = self.gpa_order_unload.0.as_ref();
        match (load.filter(has_funding), unload.filter(has_funding)) {
            (Some(order), _) => ("gpa_order", Some(order)),
            (None, Some(order)) => ("gpa_order_unload", Some(order)),
            (None, None) if load.is_none() && unload.is_some() => ("gpa_order_unload", unload),
            (None, None) => ("gpa_order", load),
        }
    }

    /// The currency of the amounts: the order's, else the transaction's, else the program's.
    ///
    /// # Errors
    /// The path of the first one that is there and that ISO 4217 does not list.
    pub fn currency(&self, program: Currency) -> Result<Currency, Malformed> {
        let load = self.gpa_order.0.as_ref().and_then(|order| order.currency_code.text());
        let unload = self.gpa_order_unload.0.as_ref().and_then(|order| order.currency_code.text());
        let (path, code) = match (load, unload, self.currency_code.text()) {
            (Some(code), _, _) => ("gpa_order.currency_code", code),
            (None, Some(code), _) => ("gpa_order_unload.currency_code", code),
            (None, None, Some(code)) => ("currency_code", code),
            (None, None, None) => return Ok(program),
        };
        if code == program.code() {
            return Ok(program);
        }
        Currency::from_alpha(code).ok_or_else(|| Malformed::amount(path, AmountError::UnknownCurrency))
    }
}

/// Parses an object of Marqeta's.
///
/// # Errors
/// Not JSON, not an object, or a field that comes twice.
pub(super) fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Malformed> {
    let Nested(object) = json::parse(bytes)?;
    object.ok_or_else(|| Malformed::field("", "is not an object"))
}

/// A raw value as text: a string without its quotes and blanks, or a number's digits; anything else is none.
pub(super) fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let json = raw.get();
    let text = match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain.trim()),
        Some(_) => Cow::Owned(serde_json::from_str::<String>(json).ok()?.trim().to_owned()),
        None if json.bytes().all(|byte| byte.is_ascii_digit()) => Cow::Borrowed(json),
        None => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// An amount in a currency, never negative: of the places that use this, none may be.
pub(super) fn money(amount: Amount<'_>, currency: Currency) -> Result<Money, AmountError> {
    let money = amount.money(currency)?;
    if money.is_negative() { Err(AmountError::Negative) } else { Ok(money) }
}

/// Whether an object is there and has members. What it holds is not read: here it is personal data.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    #[default]
    Absent,
    Present,
}

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PresenceVisitor)
    }
}

struct PresenceVisitor;

impl<'de> Visitor<'de> for PresenceVisitor {
    type Value = Presence;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Presence, A::Error> {
        let mut presence = Presence::Absent;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            presence = Presence::Present;
        }
        Ok(presence)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Presence, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Presence::Absent)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Presence, E> {
        Ok(Presence::Absent)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Presence, E> {
        Ok(Presence::Absent)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Presence, E> {
        Ok(Presence::Absent)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Presence, E> {
        Ok(Presence::Absent)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Presence, E> {
        Ok(Presence::Absent)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Presence, E> {
        Ok(Presence::Absent)
    }
}
