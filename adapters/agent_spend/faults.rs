//! Everything that is wrong with a body that was refused: whoever integrates mends it in one go. Nothing here understands a body; what
//! is right is [`understand`](super::understand)'s to say, and each field is looked at with its own checks.

use std::borrow::Cow;

use holdfast_core::agent::{BindingId, InstrumentId, IntentReference};
use holdfast_core::{AuthorizationId, Country, Currency, IdError, MerchantCategoryCode, MerchantId, NetworkName};
use serde_json::{Map, Value};

use super::understand::{self, MERCHANT_BYTES_MAX, NAME_BYTES_MAX};
use crate::inbound::Malformed;
use crate::json::Text;

/// What a field must be beside a text; why it is not.
type Look = fn(&'static str, &Text<'_>) -> Result<(), Malformed>;

/// Whether a field may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

const QUESTION: &[(&str, Need, Look)] = &[
    ("issuing_platform", Need::Required, |path, text| understand::platform_of(path, text).map(drop)),
    ("currency", Need::Required, currency),
    ("intent_reference", Need::Optional, |path, text| name(path, text, IntentReference::new)),
    ("binding_id", Need::Optional, |path, text| name(path, text, BindingId::new)),
    ("instrument_id", Need::Optional, |path, text| name(path, text, InstrumentId::new)),
    ("mcc", Need::Optional, |path, text| {
        MerchantCategoryCode::new(text.trimmed())
            .map(drop)
            .ok_or_else(|| Malformed::field(path, "is not a merchant category of four digits"))
    }),
    ("merchant", Need::Optional, |path, text| match text.0.len() {
        0..=MERCHANT_BYTES_MAX => Ok(()),
        _ => Err(Malformed::field(path, "is longer than 128 bytes")),
    }),
    ("merchant_id", Need::Optional, |path, text| name(path, text, MerchantId::new)),
    ("merchant_country", Need::Optional, |path, text| {
        Country::new(text.trimmed()).map(drop).ok_or_else(|| Malformed::field(path, "is not a country of ISO 3166-1"))
    }),
    ("platform_transaction_token", Need::Optional, |path, text| name(path, text, AuthorizationId::new)),
    ("network", Need::Optional, |path, text| name(path, text, NetworkName::new)),
    ("occurred_at", Need::Optional, moment),
];

const EVENT: &[(&str, Need, Look)] = &[
    ("type", Need::Required, |path, text| match text.trimmed() {
        "reversal" | "clearing" | "expiry" => Ok(()),
        _ => Err(Malformed::field(path, "must be `reversal`, `clearing` or `expiry`")),
    }),
    ("event_id", Need::Required, |path, text| match text.trimmed().len() {
        1..=NAME_BYTES_MAX => Ok(()),
        _ => Err(Malformed::field(path, "must be a text of 1 to 128 bytes")),
    }),
    ("currency", Need::Optional, currency),
    ("occurred_at", Need::Optional, moment),
];

/// Whose body it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Question,
    Event,
}

/// What was found first, with all the rest.
pub(super) fn all(of: Of, body: &[u8], first: Malformed) -> Malformed {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return first };
    let (fields, amount) = match of {
        Of::Question => (QUESTION, amount(&body, Need::Required, 0)),
        Of::Event => (EVENT, amount(&body, Need::Optional, 1)),
    };
    let texts = fields.iter().filter_map(|(path, need, look)| text(&body, path, *need, *look).err());
    let found: Vec<Malformed> = amount.err().into_iter().chain(texts).collect();
    let more = found.into_iter().filter(|other| other.path != first.path).collect();
    Malformed { more, ..first }
}

/// What is there; null is nothing.
fn there<'a>(body: &'a Map<String, Value>, path: &'static str, need: Need) -> Result<Option<&'a Value>, Malformed> {
    match body.get(path).filter(|value| !value.is_null()) {
        None if need == Need::Required => Err(Malformed::field(path, "is missing")),
        found => Ok(found),
    }
}

fn text(body: &Map<String, Value>, path: &'static str, need: Need, look: Look) -> Result<(), Malformed> {
    match there(body, path, need)? {
        None => Ok(()),
        Some(Value::String(text)) => look(path, &Text(Cow::Borrowed(text))),
        Some(_) => Err(Malformed::field(path, "must be a text")),
    }
}

fn amount(body: &Map<String, Value>, need: Need, least: i64) -> Result<(), Malformed> {
    match there(body, "amount", need)?.map(Value::as_i64) {
        None => Ok(()),
        Some(Some(minor)) if minor >= least => Ok(()),
        Some(Some(_)) if least == 0 => Err(Malformed::field("amount", "is negative")),
        Some(Some(_)) => Err(Malformed::field("amount", "must be more than zero")),
        Some(None) => Err(Malformed::field("amount", "must be a whole number of minor units")),
    }
}

fn name<T>(path: &'static str, text: &Text<'_>, make: fn(&str) -> Result<T, IdError>) -> Result<(), Malformed> {
    understand::identifier(path, text, make).map(drop)
}

fn currency(path: &'static str, text: &Text<'_>) -> Result<(), Malformed> {
    Currency::from_alpha(text.trimmed()).map(drop).ok_or_else(|| Malformed::field(path, "is not a currency of ISO 4217"))
}

fn moment(_: &'static str, text: &Text<'_>) -> Result<(), Malformed> {
    understand::moment(Some(text)).map(drop)
}
