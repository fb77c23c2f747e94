//! JSON as a door of ours reads it: what a caller wrote wrongly is refused by its field, optional or not, for it is the caller who can
//! mend it. (Platforms' messages are read leniently, see [`crate::json`].) Fields that nobody knows are let be.
//!
//! Before anything is read, no text and no number in it may have a card's number, and no field may be a security code. Errors name a
//! field's path, never its value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::card_number::{self, CardNumber};
use holdfast_core::{Currency, IdError, Money};
use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use crate::inbound::{Callback, Malformed};
use crate::once;

/// 2^63, from which on a number is none that we can carry; only compared with.
const BEYOND_WHOLE: f64 = 9_223_372_036_854_775_808.0;

/// How deep bodies may be nested; the parser has a bound of its own, which is wider.
const DEPTH_MAX: u8 = 16;

/// How many bytes a cardholder authentication value has.
const AUTHENTICATION_VALUE_BYTES: usize = 20;

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
    no_card_number(&value, "", DEPTH_MAX)?;
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
        members.retain(|name, _| !is_security_code(name));
        members.remove(name)
    });
    no_card_number(&value, "", DEPTH_MAX)?;
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
        if card_number::stands_in(name.as_str()) {
            return Err(Malformed::field("headers", "have a card number in a name"));
        }
        if name != AUTHORIZATION && card_number::stands_in(&String::from_utf8_lossy(value.as_bytes())) {
            return Err(Malformed::field(name.as_str(), FOUND));
        }
    }
    Ok(())
}

/// Whether a number stands in what may be percent-encoded.
fn stands_encoded_in(text: &str) -> bool {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    card_number::stands_in(text) || card_number::stands_in(&decoded) || card_number::stands_in(&decoded.replace('+', " "))
}

fn object(value: Value) -> Result<Map<String, Value>, Malformed> {
    match value {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Malformed::field("", "is not a JSON object"))
        }
    }
}

/// What security codes are called, without case, blanks, dashes and underscores.
const SECURITY_CODES: [&str; 12] = [
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "csc",
    "cvn",
    "cav2",
    "securitycode",
    "cardsecuritycode",
    "cardverificationvalue",
    "cardverificationcode",
    "verificationvalue",
];

fn is_security_code(name: &str) -> bool {
    // Longer ones are none: most names are not looked at any further.
    name.len() <= 28 && {
        let bare = name.chars().filter(|letter| !matches!(letter, ' ' | '-' | '_')).map(|letter| letter.to_ascii_lowercase());
        let bare: String = bare.collect();
        SECURITY_CODES.contains(&bare.as_str())
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
            if is_security_code(name) && !member.is_null() {
                return Err(Malformed::field(below(path, name), "is a card's security code, which is never taken"));
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
    fn a_number_that_is_too_large_is_told_so_with_its_limit() {
        let told = |number: &str| {
            let members = document(format!("{{\"amount\": {number}}}").as_bytes()).unwrap();
            let read = Fields::of(&members, "").whole("amount", 0);
            read.map(|number| number.unwrap_or_default().to_string()).unwrap_or_else(|malformed| malformed.to_string())
        };
        let (most, more) = ("9223372036854775807", "`amount` is more than 9223372036854775807");
        assert_eq!(told(most), most);
        for number in ["9223372036854775808", "18446744073709551615", "18446744073709551616", "1e30"] {
            assert_eq!(told(number), more, "{number}");
        }
        assert_eq!(told("1.5"), "`amount` is not a whole number");
        assert_eq!(told("-1"), "`amount` is negative");
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
    fn a_security_code_is_refused_by_its_name() {
        for body in
            [r#"{"data": {"cvv": "123"}}"#, r#"{"data": {"Security-Code": 123}}"#, r#"{"data": {"card_verification_value": ""}}"#]
        {
            let told = error_of(body);
            assert!(told.ends_with("is a card's security code, which is never taken") && !told.contains("123"), "{body}: {told}");
        }
        assert_eq!(error_of(r#"{"cvv": null, "security_code_verification": "MATCHED", "code": "123"}"#), "");
    }

    #[test]
    fn a_number_is_taken_from_its_field_and_from_no_other() {
        let taken = |body: &str| {
            let read = document_and_number(body.as_bytes(), "data", "card_number");
            let told = |(members, number): (Map<String, Value>, Option<CardNumber>)| {
                (Value::Object(members).to_string(), number.map(|number| String::from_utf8(number.digits().to_vec()).unwrap()))
            };
            read.map(told).map_err(|malformed| malformed.to_string())
        };
        let sound = r#"{"data":{"card_number":"4111111111111111","cvv":"123","note":"x"}}"#;
        assert_eq!(taken(sound), Ok((r#"{"data":{"note":"x"}}"#.to_owned(), Some("4111111111111111".to_owned()))));
        assert_eq!(taken(r#"{"data":{}}"#), Ok((r#"{"data":{}}"#.to_owned(), None)));
        for (body, told) in [
            (r#"{"data":{"card_number":"4111111111111112"}}"#, "`data.card_number` is no card number"),
            (r#"{"data":{"card_number":4111111111111111}}"#, "`data.card_number` is not a text"),
            (r#"{"data":{"note":"4111 1111 1111 1111"}}"#, "`data.note` has a card number in it"),
            (r#"{"card_number":"4111111111111111"}"#, "`card_number` has a card number in it"),
            (r#"{"cvv":"123"}"#, "`cvv` is a card's security code, which is never taken"),
        ] {
            assert_eq!(taken(body), Err(told.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_number_is_refused_in_paths_queries_and_headers() {
        let told = |segment: &str, query: &str, header: Option<(&'static str, &'static str)>| {
            let headers = header.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            let callback = Callback { route: 0, segment, query, headers: &headers, body: b"" };
            no_number_around(&callback).map_err(|malformed| malformed.path)
        };
        let at = |path: &str| Err(path.to_owned());
        assert_eq!(told("4111111111111111", "", None), at("path"));
        assert_eq!(told("%34111111111111111", "", None), at("path"));
        assert_eq!(told("", "source=4111%201111%201111%201111", None), at("source"));
        assert_eq!(told("", "limit=1&source=4111+1111+1111+1111", None), at("source"));
        assert_eq!(told("", "4111111111111111=x", None), at("query"));
        assert_eq!(told("", "", Some(("x-request-id", "4111-1111-1111-1111"))), at("x-request-id"));
        assert_eq!(told("", "", Some(("4111111111111111", "x"))), at("headers"));
        assert_eq!(told("AU123", "created_at.gte=2026-03-14T15:09:26Z", Some(("x-sent", "1773500966123"))), Ok(()));
    }

    #[test]
    fn no_depth_is_too_much() {
        let deep = format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60));
        assert!(error_of(&deep).contains("is nested too deep"), "{}", error_of(&deep));
        let deeper = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(error_of(&deeper).starts_with("the body is not JSON"), "{}", error_of(&deeper));
    }
}
