//! JSON as a door of ours reads it: what a caller wrote wrongly is refused by its field, optional or not, for it is the caller who can
//! mend it. (Platforms' messages are read leniently, see [`crate::json`].) Fields that nobody knows are let be.
//!
//! Before anything is read, no text and no number in it may have a card's number. Errors name a field's path, never its value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::{Currency, IdError, Money, card_number};
use serde_json::{Map, Value};

use crate::inbound::Malformed;

/// How deep bodies may be nested; the parser has a bound of its own, which is wider.
const DEPTH_MAX: u8 = 16;

/// How many bytes a cardholder authentication value has.
const AUTHENTICATION_VALUE_BYTES: usize = 20;

/// A whole body, which must be one JSON object without a card's number in it.
///
/// # Errors
/// Where it ceases to be JSON, or which field has a number.
pub fn document(body: &[u8]) -> Result<Map<String, Value>, Malformed> {
    let value: Value = serde_json::from_slice(body).map_err(|error| Malformed::not_json(&error))?;
    no_card_number(&value, "", DEPTH_MAX)?;
    match value {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Malformed::field("", "is not a JSON object"))
        }
    }
}

fn no_card_number(value: &Value, path: &str, depth: u8) -> Result<(), Malformed> {
    const FOUND: &str = "has a card number in it";
    let Some(deeper) = depth.checked_sub(1) else { return Err(Malformed::field(path, "is nested too deep")) };
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) if card_number::stands_in(&number.to_string()) => Err(Malformed::field(path, FOUND)),
        Value::Number(number) if number.as_f64().is_some_and(|number| card_number::stands_in(&format!("{number:.0}"))) => {
            Err(Malformed::field(path, FOUND))
        }
        Value::String(text) if card_number::stands_in(text) => Err(Malformed::field(path, FOUND)),
        Value::Number(_) | Value::String(_) => Ok(()),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| no_card_number(item, &format!("{path}[{index}]"), deeper))
        }
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            if card_number::stands_in(name) {
                // Its name is not told either.
                return Err(Malformed::field(path, "has a card number in a field's name"));
            }
            no_card_number(member, &below(path, name), deeper)
        }),
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The members of an object, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'v> {
    path: &'v str,
    members: &'v Map<String, Value>,
}

impl<'v> Fields<'v> {
    /// Those of the body itself, or of an object at a path.
    #[must_use]
    pub const fn of(members: &'v Map<String, Value>, path: &'v str) -> Self {
        Fields { path, members }
    }

    /// The path of a field.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        below(self.path, name)
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

    /// A text of at most so many characters, not empty, without control characters but for line ends.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, name: &str, most: usize) -> Result<Option<&'v str>, Malformed> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong(name, "is not a text"))?;
        if text.is_empty() {
            return Err(self.wrong(name, "is empty"));
        }
        if text.chars().count() > most {
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
        let number = value.as_i64().ok_or_else(|| self.wrong(name, "is not a whole number"))?;
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
        let Some(value) = self.value(name) else { return Ok(None) };
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

    /// A table of texts, as callers' own tags are: at most `most` of them.
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
            match value.as_str() {
                None => return Err(Malformed::field(below(&path, key), "is not a text")),
                Some(text) if text.chars().count() > value_most => {
                    return Err(Malformed::field(below(&path, key), "is too long"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(body: &str) -> String {
        document(body.as_bytes()).map(|_| String::new()).unwrap_or_else(|malformed| malformed.to_string())
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        let commented = "{\n  \"total_amount\": \"190.00\" //included in the transaction amount\n}";
        assert_eq!(error_of(commented), "the body is not JSON from line 2, column 28 on");
        assert_eq!(error_of("[]"), "the body is not a JSON object");
        assert_eq!(error_of(""), "the body is not JSON from line 1, column 0 on");
    }

    #[test]
    fn a_card_number_is_refused_wherever_it_stands_and_never_repeated() {
        for (body, path) in [
            (r#"{"a": "4111111111111111"}"#, "`a` has"),
            (r#"{"a": {"b": ["x", "pay 4111 1111 1111 1111 now"]}}"#, "`a.b[1]` has"),
            (r#"{"a": 4111111111111111}"#, "`a` has"),
            (r#"{"a": 4111111111111111.0}"#, "`a` has"),
            (r#"{"a": {"4111-1111-1111-1111": 1}}"#, "`a` has"),
        ] {
            let told = error_of(body);
            assert!(told.starts_with(path) && !told.contains("1111"), "{body}: {told}");
        }
        assert_eq!(error_of(r#"{"at": "20260314150926", "ms": 1773500966123, "plain": "4111111111111112"}"#), "");
    }

    #[test]
    fn no_depth_is_too_much() {
        let deep = format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60));
        assert!(error_of(&deep).contains("is nested too deep"), "{}", error_of(&deep));
        let deeper = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(error_of(&deeper).starts_with("the body is not JSON"), "{}", error_of(&deeper));
    }
}
