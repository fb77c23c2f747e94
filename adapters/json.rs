//! The one door for JSON: borrowed values for the shapes that platforms really send.
//!
//! Amounts never pass through a float: they stay raw text until [`Money`] reads them. Optional fields are lenient: a value
//! of another type than the contract says counts as absent. Nothing here knows a platform.

use std::borrow::Cow;
use std::fmt;

use holdfast_core::{AmountError, Currency, Money, Timestamp};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use self::object::Object;
use crate::inbound::Malformed;

pub mod object;
#[cfg(test)]
mod tests;

/// Parses a body. On an error the body is read a second time, to find the field's path.
///
/// # Errors
/// The path of the first field that is missing or wrong, and what is wrong with it, never its value.
pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_str(utf8(body)?).map_err(|_| locate::<T>(body))
}

/// Parses a body in place.
///
/// # Errors
/// As [`parse`].
pub fn parse_into<'a, T: Deserialize<'a>>(body: &'a [u8], place: &mut T) -> Result<(), Malformed> {
    let mut deserializer = serde_json::Deserializer::from_str(utf8(body)?);
    T::deserialize_in_place(&mut deserializer, place).and_then(|()| deserializer.end()).map_err(|_| locate::<T>(body))
}

/// Checked once as a whole, the bytes need not be checked again string by string.
fn utf8(body: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(body).map_err(|_| Malformed::field("", "is not UTF-8"))
}

#[cold]
fn locate<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Malformed {
    if serde_json::from_slice::<IgnoredAny>(body).is_err() {
        return Malformed::field("", "is not JSON");
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Ok(_) => Malformed::field("", "is not one JSON value"),
        Err(error) => {
            let path = error.path().to_string();
            let message = error.inner().to_string();
            let path = if path == "." { String::new() } else { path };
            let named = |before| message.strip_prefix(before).and_then(|rest: &str| rest.split_once('`')).map(|(field, _)| field);
            let inside = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
            match (named("missing field `"), named("duplicate field `")) {
                (Some(field), _) => Malformed::field(inside(field), "is missing"),
                (None, Some(field)) => Malformed::field(inside(field), "is given twice"),
                (None, None) => Malformed::field(path, "has a value of the wrong type"),
            }
        }
    }
}

/// A text, borrowed where JSON has no escape in it; a number counts as its digits (`"mcc": 5411`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// The text without blanks around it: platforms pad.
    #[must_use]
    pub fn trimmed(&self) -> &str {
        match self.0.as_bytes() {
            // Nothing to take off, as mostly: looking for blanks of every script costs more than the answer.
            [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => &self.0,
            _ => self.0.trim(),
        }
    }
}

/// An optional scalar, leniently: present and of the right type, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lenient<T>(pub Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Lenient(None)
    }
}

impl Lenient<Text<'_>> {
    /// The text without blanks around it; an empty one counts as absent.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.0.as_ref().map(Text::trimmed).filter(|text| !text.is_empty())
    }
}

/// What a scalar position can hold, whatever its contract says.
enum Scalar<'a> {
    Text(Cow<'a, str>),
    Switch(bool),
    Whole(i64),
    /// A whole number in another writing: `7995.0`, `7.995e3`.
    WholeFraction(i64),
    Other,
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, switch: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Switch(switch))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(number).map_or(Scalar::Other, Scalar::Whole))
    }

    /// Amounts do not come here.
    fn visit_f64<E>(self, number: f64) -> Result<Scalar<'de>, E> {
        /// More digits than these a float does not keep.
        const EXACT_DIGITS: usize = 15;
        let digits = number.to_string();
        let whole = digits.parse().ok().filter(|_| digits.len() <= EXACT_DIGITS);
        Ok(whole.map_or(Scalar::Other, Scalar::WholeFraction))
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Scalar<'de>, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

fn text_of(scalar: Scalar<'_>) -> Option<Text<'_>> {
    match scalar {
        Scalar::Text(text) => Some(Text(text)),
        Scalar::Whole(number) => Some(Text(Cow::Owned(number.to_string()))),
        // What is required, an id, is what was sent, not what a number's other writing prints as.
        Scalar::WholeFraction(_) | Scalar::Switch(_) | Scalar::Other => None,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_of(Scalar::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("not a text"))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Lenient<Text<'a>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Lenient(match Scalar::deserialize(deserializer)? {
            // Absent, a merchant's category would slip past what denies it.
            Scalar::WholeFraction(number) => text_of(Scalar::Whole(number)),
            scalar @ (Scalar::Text(_) | Scalar::Switch(_) | Scalar::Whole(_) | Scalar::Other) => text_of(scalar),
        }))
    }
}

impl<'de> Deserialize<'de> for Lenient<bool> {
    /// `true`, `"true"`, `"1"`, `1` and their opposites.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Lenient(match Scalar::deserialize(deserializer)? {
            Scalar::Switch(switch) => Some(switch),
            Scalar::Whole(1) => Some(true),
            Scalar::Whole(0) => Some(false),
            Scalar::Text(text) => match text.trim() {
                "1" | "true" | "TRUE" | "True" => Some(true),
                "0" | "false" | "FALSE" | "False" => Some(false),
                _ => None,
            },
            Scalar::Whole(_) | Scalar::WholeFraction(_) | Scalar::Other => None,
        }))
    }
}

/// A decimal number or a text with one, still raw: exact, whatever its size.
#[derive(Debug, Clone, Copy)]
pub struct Amount<'a>(pub &'a RawValue);

impl<'de: 'a, 'a> Deserialize<'de> for Amount<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Amount)
    }
}

impl<'a> Amount<'a> {
    /// The raw JSON, as an echo repeats it.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.0.get()
    }

    /// The amount in a currency; its sign is the platform's.
    ///
    /// # Errors
    /// Not a number (nor a text with one), too precise for the currency, or too large.
    pub fn money(&self, currency: Currency) -> Result<Money, AmountError> {
        let raw = self.raw();
        let text = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
        Money::from_decimal(text.trim(), currency)
    }
}

/// An optional object, leniently: present and an object, or nothing.
#[derive(Debug, Clone, Copy)]
pub struct Nested<T>(pub Option<T>);

impl<T> Default for Nested<T> {
    fn default() -> Self {
        Nested(None)
    }
}

impl<'de, T: Object<'de>> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut nested = Nested(None);
        Self::deserialize_in_place(deserializer, &mut nested)?;
        Ok(nested)
    }

    fn deserialize_in_place<D: Deserializer<'de>>(deserializer: D, nested: &mut Self) -> Result<(), D::Error> {
        deserializer.deserialize_any(NestedVisitor(&mut nested.0))
    }
}

struct NestedVisitor<'p, T>(&'p mut Option<T>);

impl<T> NestedVisitor<'_, T> {
    fn nothing<E>(self) -> Result<(), E> {
        *self.0 = None;
        Ok(())
    }
}

impl<'de, T: Object<'de>> Visitor<'de> for NestedVisitor<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.insert(T::default()).read_members(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        self.nothing()
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.nothing()
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.nothing()
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.nothing()
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.nothing()
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.nothing()
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.nothing()
    }
}

/// An object's members in their order, values still raw: for what has no fixed shape.
#[derive(Debug)]
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// A moment as platforms write it (RFC 3339, any offset); nothing else is one.
#[must_use]
pub fn moment(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.trim().parse().ok()?;
    Some(Timestamp::from_unix_micros(moment.as_microsecond()))
}

/// The calendar day with which a date or a moment begins, in days since 1970-01-01.
#[must_use]
pub fn day(text: &str) -> Option<i32> {
    let date: jiff::civil::Date = text.trim().get(..10)?.parse().ok()?;
    let hours = date.duration_since(jiff::civil::Date::constant(1970, 1, 1)).as_hours();
    i32::try_from(hours.div_euclid(24)).ok()
}
