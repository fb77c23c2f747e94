//! JSON as a door of ours reads it: what a caller wrote wrongly is refused by its field, optional or not, for it is the caller who can
//! mend it. (Platforms' messages are read leniently, see [`crate::json`].) Fields that nobody knows are let be.
//!
//! Before anything is read, no text and no number in it may have a card's number, and no field may be a security code. Errors name a
//! field's path, never its value.

mod codes;
mod unwanted;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::card_number::{self, CardNumber};
use holdfast_core::{Currency, IdError, Money};
use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use self::codes::never_taken;
use self::unwanted::look_through;
use crate::inbound::{Callback, Malformed};
use crate::once;

/// 2^63, from which on a number is none that we can carry; only compared with.
const BEYOND_WHOLE: f64 = 9_223_372_036_854_775_808.0;

/// How many bytes a cardholder authentication value has.
const AUTHENTICATION_VALUE_BYTES: usize = 20;

/// Something as JSON. (The `Display` of a value writes the same, checking each piece once more.)
#[must_use]
pub fn written(value: &impl Serialize) -> String {
    /// Most bodies are no longer: growing to their length piece by piece costs more than writing them.
    const USUAL: usize = 2048;
    let mut bytes = Vec::with_capacity(USUAL);
    // Into memory, of names that are texts: nothing can fail.
    let _ = serde_json::to_writer(&mut bytes, value);
    String::from_utf8(bytes).unwrap_or_default()
}

/// A whole body as one JSON value, each member of an object once.
///
/// # Errors
/// Where it ceases to be JSON, or which member comes twice.
pub fn value(body: &[u8]) -> Result<Value, Malformed> {
    once::parse(body)
}

/// A whole body, which must be one JSON object without a card's number in it.
///
/// # Errors
/// Where it ceases to be JSON, which member comes twice, or which field has a number.
pub fn document(body: &[u8]) -> Result<Map<String, Value>, Malformed> {
    let value = value(body)?;
    look_through(&value)?;
    object(value)
}

/// The same where a card's number may be sent, and security codes come with it: the number in one field of one object is taken out,
/// and codes beside it go no further.
///
/// # Errors
/// As [`document`], or what stands in that field is no card's number.
pub fn document_and_number(body: &[u8], within: &str, name: &str) -> Result<(Map<String, Value>, Option<CardNumber>), Malformed> {
    let mut value = value(body)?;
    let members = value.get_mut(within).and_then(Value::as_object_mut);
    let number = members.and_then(|members| {
        members.retain(|name, value| never_taken(within, name, value).is_none());
        members.remove(name)
    });
    look_through(&value)?;
    let number = match number {
        None | Some(Value::Null) => None,
        Some(Value::String(mut digits)) => {
            let number = CardNumber::new(&digits);
            digits.zeroize();
            Some(number.ok_or_else(|| Malformed::field(below(within, name), "is no card number"))?)
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(Malformed::field(below(within, name), "is not a text"));
        }
    };
    Ok((object(value)?, number))
}

/// Whatever comes with a body: no card's number in the path, the query or a header. What proves the caller is not looked into.
///
/// # Errors
/// Where one is.
pub fn no_number_around(callback: &Callback<'_>) -> Result<(), Malformed> {
    const FOUND: &str = "has a card number in it";
    if stands_encoded_in(callback.segment) {
        return Err(Malformed::field("path", FOUND));
    }
    if stands_encoded_in(callback.query) {
        let name_of = |pair: &str| pair.split_once('=').map_or(pair, |(name, _)| name).to_owned();
        let found = callback.query.split('&').find(|pair| stands_encoded_in(pair)).map(name_of);
        let name = found.filter(|name| !stands_encoded_in(name)).unwrap_or_else(|| "query".to_owned());
        return Err(Malformed::field(name, FOUND));
    }
    for (name, value) in callback.headers {
        if card_number::stands_in_text(name.as_str()) {
            return Err(Malformed::field("headers", "have a card number in a name"));
        }
        if name != AUTHORIZATION && card_number::stands_in_text(&String::from_utf8_lossy(value.as_bytes())) {
            return Err(Malformed::field(name.as_str(), FOUND));
        }
    }
    Ok(())
}

/// Whether a number stands in what may be percent-encoded.
fn stands_encoded_in(text: &str) -> bool {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    card_number::stands_in_text(text)
        || card_number::stands_in_text(&decoded)
        || card_number::stands_in_text(&decoded.replace('+', " "))
}

fn object(value: Value) -> Result<Map<String, Value>, Malformed> {
    match value {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Malformed::field("", "is not a JSON object"))
        }
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The members of an object, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'v> {
    place: Place<'v>,
    members: &'v Map<String, Value>,
}

/// Where an object stands. It is put into words only where something is wrong.
#[derive(Debug, Clone, Copy)]
enum Place<'v> {
    At(&'v str),
    /// In a list, so far from its begin.
    InList(&'v str, usize),
}

impl Place<'_> {
    fn path(self) -> String {
        match self {
            Place::At(path) => path.to_owned(),
            Place::InList(list, index) => format!("{list}[{index}]"),
        }
    }
}

impl<'v> Fields<'v> {
    /// Those of the body itself, or of an object at a path.
    #[must_use]
    pub const fn of(members: &'v Map<String, Value>, path: &'v str) -> Self {
        Fields { place: Place::At(path), members }
    }

    /// Those of an item of a list.
    ///
    /// # Errors
    /// It is no object.
    pub fn of_item(item: &'v Value, list: &'v str, index: usize) -> Result<Self, Malformed> {
        let place = Place::InList(list, index);
        let members = item.as_object().ok_or_else(|| Malformed::field(place.path(), "is not an object"))?;
        Ok(Fields { place, members })
    }

    /// The path of a field.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        below(&self.place.path(), name)
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn wrong(&self, name: &str, problem: &'static str) -> Malformed {
        Malformed::field(self.path(name), problem)
    }

    /// A value, if it is there; `null` is as good as not.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A value that must be there.
    ///
    /// # Errors
    /// It is not.
    pub fn required<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Self, &str) -> Result<Option<T>, Malformed>,
    ) -> Result<T, Malformed> {
        read(self, name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// A text of at most so many characters, without control characters but for line ends. An empty one is as good as none.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, name: &str, most: usize) -> Result<Option<&'v str>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong(name, "is not a text"))?;
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > most && text.chars().count() > most {
            return Err(self.wrong(name, "is too long"));
        }
        let is_odd = |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
        if text.chars().any(is_odd) {
            return Err(self.wrong(name, "has a control character"));
        }
        Ok(Some(text))
    }

    /// An identifier.
    ///
    /// # Errors
    /// It is none.
    pub fn identifier<T>(&self, name: &str, make: fn(&str) -> Result<T, IdError>) -> Result<Option<T>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong(name, "is not a text"))?;
        make(text).map(Some).map_err(|error| Malformed::identifier(self.path(name), error))
    }

    /// A whole number of at least `least`.
    ///
    /// # Errors
    /// It is something else.
    pub fn whole(&self, name: &str, least: i64) -> Result<Option<i64>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let Some(number) = value.as_i64() else {
            let beyond = value.is_u64() || value.as_f64().is_some_and(|number| number >= BEYOND_WHOLE);
            return Err(self.wrong(name, if beyond { "is more than 9223372036854775807" } else { "is not a whole number" }));
        };
        match (number < least, least) {
            (false, _) => Ok(Some(number)),
            (true, 0) => Err(self.wrong(name, "is negative")),
            (true, _) => Err(self.wrong(name, "is less than 1")),
        }
    }

    /// What a card's issuer says of whoever it authenticated: 20 bytes in base64. It is looked at, and goes no further.
    ///
    /// # Errors
    /// It is something else.
    pub fn authentication_value(&self, name: &str) -> Result<Option<()>, Malformed> {
        let Some(text) = self.text(name, 64)? else { return Ok(None) };
        if STANDARD.decode(text).map(|bytes| bytes.len()) != Ok(AUTHENTICATION_VALUE_BYTES) {
            return Err(self.wrong(name, "is not 20 bytes in base64"));
        }
        Ok(Some(()))
    }

    /// A switch.
    ///
    /// # Errors
    /// It is something else.
    pub fn switch(&self, name: &str) -> Result<Option<bool>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(name, "is neither true nor false"))
    }

    /// A currency by its ISO 4217 code.
    ///
    /// # Errors
    /// It is none.
    pub fn currency(&self, name: &str) -> Result<Option<Currency>, Malformed> {
        let Some(value) = self.value(name).filter(|value| value.as_str() != Some("")) else { return Ok(None) };
        let code = value.as_str().and_then(Currency::from_alpha);
        code.map(Some).ok_or_else(|| self.wrong(name, "is not a currency of ISO 4217"))
    }

    /// An amount in whole minor units.
    ///
    /// # Errors
    /// It is none, or negative.
    pub fn minor(&self, name: &str, currency: Currency) -> Result<Option<Money>, Malformed> {
        Ok(self.whole(name, 0)?.map(|minor| Money::from_minor(minor, currency)))
    }

    /// An object.
    ///
    /// # Errors
    /// It is something else.
    pub fn object(&self, name: &str) -> Result<Option<&'v Map<String, Value>>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| self.wrong(name, "is not an object"))
    }

    /// A list of at most so many items.
    ///
    /// # Errors
    /// It is something else, or longer.
    pub fn list(&self, name: &str, most: usize) -> Result<&'v [Value], Malformed> {
        let Some(value) = self.value(name) else { return Ok(&[]) };
        let items = value.as_array().ok_or_else(|| self.wrong(name, "is not a list"))?;
        if items.len() > most { Err(self.wrong(name, "has too many items")) } else { Ok(items) }
    }

    /// A table of texts or numbers, as callers' own tags are: at most `most` of them.
    ///
    /// # Errors
    /// It is something else, or too large.
    pub fn tags(&self, name: &str, most: usize, key_most: usize, value_most: usize) -> Result<(), Malformed> {
        let Some(members) = self.object(name)? else { return Ok(()) };
        if members.len() > most {
            return Err(self.wrong(name, "has too many members"));
        }
        let path = self.path(name);
        for (key, value) in members {
            if key.is_empty() || key.chars().count() > key_most {
                return Err(Malformed::field(&path, "has a member whose name is empty or too long"));
            }
            match value {
                Value::String(text) if text.chars().count() > value_most => {
                    return Err(Malformed::field(below(&path, key), "is too long"));
                }
                // Numbers and switches are kept as they came.
                Value::String(_) | Value::Number(_) | Value::Bool(_) => {}
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    return Err(Malformed::field(below(&path, key), "is neither a text nor a number"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
