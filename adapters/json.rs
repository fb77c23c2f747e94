//! The one door for JSON: borrowed values for the shapes that platforms really send.
//!
//! Amounts never pass through a float: they stay raw text until [`Money`] reads them. Optional fields are lenient: a value
//! of another type than the contract says counts as absent. Nothing here knows a platform.

use std::borrow::Cow;
use std::fmt;

use holdfast_core::{AmountError, Currency, Money};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use self::object::Member;
use self::objects::Objects;
use crate::inbound::Malformed;

pub mod category;
mod moments;
mod nested;
pub mod object;
mod objects;
#[cfg(test)]
mod tests;

pub use self::moments::{day, is_of_a_days_offset, moment};
pub use self::nested::{Nested, Told};

/// Parses a body. On an error the body is read a second time, to find the field's path.
///
/// # Errors
/// The path of the first field that is missing or wrong, and what is wrong with it, never its value.
pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    let mut deserializer = serde_json::Deserializer::from_str(utf8(body)?);
    let read = T::deserialize(Objects(&mut deserializer)).and_then(|read| deserializer.end().map(|()| read));
    read.map_err(|_| locate::<T>(body))
}

/// Parses an object that has optional members only, in place.
///
/// # Errors
/// Not JSON, or a member that comes twice.
pub fn parse_into<'a, T: Member<'a>>(body: &'a [u8], place: &mut T) -> Result<(), Malformed> {
    let text = utf8(body)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = T::deserialize_in_place(&mut deserializer, place).and_then(|()| deserializer.end());
    read.or_else(|_| {
        *place = member_by_member(text)?;
        Ok(())
    })
}

/// Reads an object whose reader gave up: half a character in a text where an object is expected, or a number that no type can
/// carry, is as good as nothing.
#[cold]
fn member_by_member<'a, T: Member<'a>>(text: &'a str) -> Result<T, Malformed> {
    let malformed = locate::<T>(text.as_bytes());
    match serde_json::from_str(text) {
        Ok(raw) if malformed.problem == WRONG_TYPE => T::read(raw),
        Ok(_) | Err(_) => Err(malformed),
    }
}

/// What is wrong with a value that no type of ours can be read from.
const WRONG_TYPE: &str = "has a value of the wrong type";

/// Checked once as a whole, the bytes need not be checked again string by string.
fn utf8(body: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(body).map_err(|_| Malformed::field("", "is not UTF-8"))
}

/// Half a character, twice: with nothing that may stand around it does it become a whole one.
const GAP: &str = r"\ud800\ud800";

/// A body that is not UTF-8, with a gap in the place of each part that is not, as platforms cut texts in the middle of a character:
/// the text around it counts as absent where it is optional, is no identifier where one is required, and everything else can
/// be read. `None` for a body that needs none, or that is not JSON even so.
#[must_use]
pub fn mended(body: &[u8]) -> Option<String> {
    if std::str::from_utf8(body).is_ok() {
        return None;
    }
    let mut mended = String::with_capacity(body.len().saturating_add(GAP.len()));
    for chunk in body.utf8_chunks() {
        mended.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            // Behind a backslash it would be a text of its own.
            if mended.ends_with('\\') {
                return None;
            }
            mended.push_str(GAP);
        }
    }
    serde_json::from_str::<IgnoredAny>(&mended).is_ok().then_some(mended)
}

#[cold]
fn locate<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Malformed {
    if serde_json::from_slice::<IgnoredAny>(body).is_err() {
        return Malformed::field("", "is not JSON");
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    match T::deserialize(Objects(tracked)) {
        Ok(_) => Malformed::field("", "is not one JSON value"),
        Err(error) => {
            let path = track.path().to_string();
            let message = error.to_string();
            let path = if path == "." { String::new() } else { path };
            let named = |before| message.strip_prefix(before).and_then(|rest: &str| rest.split_once('`')).map(|(field, _)| field);
            let inside = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
            match (named("missing field `"), named("duplicate field `")) {
                (Some(field), _) => Malformed::field(inside(field), "is missing"),
                (None, Some(field)) => Malformed::field(inside(field), "is given twice"),
                (None, None) => Malformed::field(path, WRONG_TYPE),
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
        trimmed(&self.0)
    }
}

/// A text without blanks around it.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        // Nothing to take off, as mostly: looking for blanks of every script costs more than the answer.
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
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
pub(crate) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Switch(bool),
    Whole(i64),
    /// A whole number in another writing: `7995.0`, `7.995e3`.
    WholeFraction(i64),
    Null,
    Other,
}

impl<'a> Scalar<'a> {
    /// Reads a raw value, one that no reader of texts would let pass too: half a character (`"\ud800"`) is what a platform that cuts
    /// a name after so many units leaves of it.
    fn of(raw: &'a str) -> Self {
        match raw.as_bytes() {
            [b'"', ..] => text_in(raw).map_or(Scalar::Other, Scalar::Text),
            b"null" => Scalar::Null,
            b"true" => Scalar::Switch(true),
            b"false" => Scalar::Switch(false),
            [b'-' | b'0'..=b'9', ..] => raw.parse().map_or_else(|_| Scalar::of_fraction(raw), Scalar::Whole),
            _ => Scalar::Other,
        }
    }

    fn of_fraction(raw: &str) -> Self {
        raw.parse().map_or(Scalar::Other, Scalar::of_float)
    }

    /// Amounts do not come here.
    pub(crate) fn of_float(number: f64) -> Self {
        /// More digits than these a float does not keep.
        const EXACT_DIGITS: usize = 15;
        let digits = number.to_string();
        let whole = digits.parse().ok().filter(|_| digits.len() <= EXACT_DIGITS);
        whole.map_or(Scalar::Other, Scalar::WholeFraction)
    }
}

/// What a raw string says; nothing if an escape in it stands for no character.
pub(crate) fn text_in(raw: &str) -> Option<Cow<'_, str>> {
    let plain = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))?;
    if plain.contains('\\') { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(plain)) }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Scalar::of(raw.get()))
    }
}

impl<'a> Text<'a> {
    /// The text that a scalar is.
    pub(crate) fn of(scalar: Scalar<'a>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => Some(Text(text)),
            Scalar::Whole(number) => Some(Text(Cow::Owned(number.to_string()))),
            // What is required, an id, is what was sent, not what a number's other writing prints as.
            Scalar::WholeFraction(_) | Scalar::Switch(_) | Scalar::Null | Scalar::Other => None,
        }
    }
}

impl<'a> Lenient<Text<'a>> {
    /// The text that a scalar is, or may be taken for.
    pub(crate) fn of(scalar: Scalar<'a>) -> Self {
        Lenient(match scalar {
            // Absent, a merchant's identifier would slip past what denies it.
            Scalar::WholeFraction(number) => Text::of(Scalar::Whole(number)),
            scalar @ (Scalar::Text(_) | Scalar::Switch(_) | Scalar::Whole(_) | Scalar::Null | Scalar::Other) => Text::of(scalar),
        })
    }
}

impl Lenient<bool> {
    /// `true`, `"true"`, `"1"`, `1` and their opposites.
    pub(crate) fn of(scalar: Scalar<'_>) -> Self {
        Lenient(match scalar {
            Scalar::Switch(switch) => Some(switch),
            Scalar::Whole(1) => Some(true),
            Scalar::Whole(0) => Some(false),
            Scalar::Text(text) => match text.trim() {
                "1" | "true" | "TRUE" | "True" => Some(true),
                "0" | "false" | "FALSE" | "False" => Some(false),
                _ => None,
            },
            Scalar::Whole(_) | Scalar::WholeFraction(_) | Scalar::Null | Scalar::Other => None,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::of(Scalar::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("not a text"))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Lenient<Text<'a>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::deserialize(deserializer).map(Lenient::<Text<'a>>::of)
    }
}

impl<'de> Deserialize<'de> for Lenient<bool> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::deserialize(deserializer).map(Lenient::<bool>::of)
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
        while let Some((Lenient(name), value)) = map.next_entry::<Lenient<Text<'de>>, &'de RawValue>()? {
            // What is no text is no name that anybody knows.
            members.push((name.map_or(Cow::Borrowed(""), |Text(name)| name), value));
        }
        Ok(Members(members))
    }
}
