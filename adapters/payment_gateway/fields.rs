//! Fields as this interface writes them: amounts are texts of at most twelve digits and one dot.

use std::borrow::Cow;
use std::net::IpAddr;

use arrayvec::ArrayString;
use holdfast_core::{Currency, Money};
use serde_json::Value;

use crate::inbound::Malformed;
use crate::strict::Fields;

/// The longest amount.
const AMOUNT_MAX: usize = 12;

/// An amount: digits and at most one dot; `1.00` and `1` are the same.
///
/// # Errors
/// It is something else, too precise for its currency, or too large.
pub(crate) fn amount(fields: &Fields<'_>, name: &str, currency: Currency) -> Result<Option<Money>, Malformed> {
    let Some(text) = decimal_text(fields, name)? else { return Ok(None) };
    Money::from_decimal(&text, currency).map(Some).map_err(|error| Malformed::amount(fields.path(name), error))
}

/// The same of which the currency is not known yet: a decimal number as [`Money::from_decimal`] reads it.
pub(super) fn decimal_text(fields: &Fields<'_>, name: &str) -> Result<Option<ArrayString<16>>, Malformed> {
    let Some(value) = fields.value(name) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| fields.wrong(name, "is not a text"))?;
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > AMOUNT_MAX {
        return Err(fields.wrong(name, "is longer than 12 characters"));
    }
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    if !only_digits || dots > 1 || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(fields.wrong(name, "is not made of digits and at most one dot"));
    }
    // `.50` and `5.` are digits and a dot, too.
    let zero = if text.starts_with('.') { "0" } else { "" };
    let mut whole = ArrayString::new();
    let fits = whole.try_push_str(zero).and_then(|()| whole.try_push_str(text.trim_end_matches('.')));
    fits.map(|()| Some(whole)).map_err(|_| fields.wrong(name, "is longer than 12 characters"))
}

/// An amount that is a part of another one.
pub(super) fn part(fields: &Fields<'_>, name: &str, of: Money) -> Result<Option<Money>, Malformed> {
    let part = amount(fields, name, of.currency())?;
    match part {
        Some(part) if part.minor() > of.minor() => Err(fields.wrong(name, "is more than the amount of the transaction")),
        Some(part) => Ok(Some(part)),
        None => Ok(None),
    }
}

/// A switch, as itself or as a text.
pub(super) fn switch(fields: &Fields<'_>, name: &str) -> Result<Option<bool>, Malformed> {
    match fields.value(name) {
        None => Ok(None),
        Some(Value::Bool(on)) => Ok(Some(*on)),
        Some(Value::String(text)) if text == "true" => Ok(Some(true)),
        Some(Value::String(text)) if text == "false" => Ok(Some(false)),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(_) => Err(fields.wrong(name, "is neither true nor false")),
    }
}

/// A number above nothing of at most twelve digits, with or without decimals, as itself or as a text.
pub(super) fn number(fields: &Fields<'_>, name: &str) -> Result<(), Malformed> {
    let text = match fields.value(name) {
        None => return Ok(()),
        Some(Value::Number(number)) => Cow::Owned(number.to_string()),
        Some(Value::String(text)) => Cow::Borrowed(text.as_str()),
        Some(_) => return Err(fields.wrong(name, "is neither a number nor a text with one")),
    };
    if text.is_empty() {
        return Ok(());
    }
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    let is_plain = dots <= 1 && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_above_nothing = text.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if is_plain && is_above_nothing { Ok(()) } else { Err(fields.wrong(name, "is not a number above nothing, such as 2 or 1.5")) }
}

/// An address of the Internet.
pub(super) fn ip_address(fields: &Fields<'_>, name: &str) -> Result<Option<IpAddr>, Malformed> {
    let Some(value) = fields.value(name).filter(|value| value.as_str() != Some("")) else { return Ok(None) };
    let address = value.as_str().and_then(|text| text.parse().ok());
    address.map(Some).ok_or_else(|| fields.wrong(name, "is not an IP address"))
}

/// As amounts are answered: with the decimals of their currency.
pub(super) fn decimal(minor: i64, currency: Currency) -> String {
    Money::from_minor(minor, currency).decimal().to_string()
}
