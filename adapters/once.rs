//! JSON in which every member of an object comes once: of two with one name a reader would take one, and whoever sent them may have
//! meant the other.

use std::cell::Cell;
use std::fmt;

use holdfast_core::card_number;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::de::Read;
use serde_json::{Map, Number, Value};

use crate::inbound::Malformed;

/// Reads one JSON value.
///
/// # Errors
/// Where it ceases to be JSON, or which member comes twice.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Malformed> {
    // What is UTF-8 as a whole need not be looked at text by text; what is not ceases to be JSON somewhere.
    match std::str::from_utf8(body) {
        Ok(text) => read(serde_json::Deserializer::from_str(text)),
        Err(_) => read(serde_json::Deserializer::from_slice(body)),
    }
}

fn read<'b>(mut deserializer: serde_json::Deserializer<impl Read<'b>>) -> Result<Value, Malformed> {
    let wrong = Cell::new(None);
    let read = Once { path: Path::Body, wrong: &wrong }.deserialize(&mut deserializer);
    let read = read.and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| wrong.take().unwrap_or_else(|| Malformed::not_json(&error)))
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Path<'p> {
    Body,
    Member(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Body => Ok(()),
            Path::Member(Path::Body, name) => f.write_str(name),
            Path::Member(above, name) => write!(f, "{above}.{name}"),
            Path::Item(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}

/// Reads what stands there.
#[derive(Clone, Copy)]
struct Once<'p, 't> {
    path: Path<'p>,
    wrong: &'t Cell<Option<Malformed>>,
}

impl Once<'_, '_> {
    /// Says what is wrong with a member, or an item, unless it is known of one within it.
    fn tell(&self, path: &Path<'_>, problem: &'static str) {
        let path = path.to_string();
        // A name may be anything: one with a card's number in it is not told.
        let told = match card_number::stands_in_text(&path) {
            true => Malformed::field("", "has a card number in a field's name"),
            false => Malformed::field(path, problem),
        };
        self.wrong.set(self.wrong.take().or(Some(told)));
    }
}

impl<'de> DeserializeSeed<'de> for Once<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Once { path, wrong } = self;
        deserializer.deserialize_any(self).inspect_err(|error| {
            // It is JSON, and beyond what anybody can carry. Its kind has no other name than what it says.
            if error.to_string().starts_with("number out of range") {
                Once { path, wrong }.tell(&path, "is a number that is too large");
            }
        })
    }
}

impl<'de> Visitor<'de> for Once<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Once { path: Path::Item(&self.path, list.len()), ..self })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                self.tell(&Path::Member(&self.path, &name), "is given twice");
                return Err(A::Error::custom("a member comes twice"));
            }
            let value = members.next_value_seed(Once { path: Path::Member(&self.path, &name), ..self })?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> String {
        parse(body.as_bytes()).map_or_else(|malformed| malformed.to_string(), |value| value.to_string())
    }

    #[test]
    fn a_member_that_comes_twice_is_refused_by_its_path() {
        assert_eq!(told(r#"{"amount": 1, "amount": 2}"#), "`amount` is given twice");
        assert_eq!(told(r#"{"a": {"b": [1, {"c": 1, "d": 2, "c": null}]}}"#), "`a.b[1].c` is given twice");
        assert_eq!(told(r#"[{"x": 1}, {"x": 1, "x": 1}]"#), "`[1].x` is given twice");
        assert_eq!(told(r#"{"a": {"n": 1}, "b": {"n": 1}}"#), r#"{"a":{"n":1},"b":{"n":1}}"#);
    }

    #[test]
    fn a_name_with_a_card_number_in_it_is_not_told() {
        for body in [
            r#"{"4111111111111111": 1, "4111111111111111": 2}"#,
            r#"{"4111 1111 1111 1111": {"a": 1, "a": 2}}"#,
            // What stands in texts alone: with its expiry, in groups of any kind, glued, parted by tags, in another script.
            r#"{"tags": {"41111111111111111227": 1, "41111111111111111227": 2}}"#,
            r#"{"4111:1111:1111:1111": 1, "4111:1111:1111:1111": 2}"#,
            r#"{"41111111111111114242424242424242": 1, "41111111111111114242424242424242": 2}"#,
            r#"{"4111<b>1111</b>11111111": 1, "4111<b>1111</b>11111111": 2}"#,
            r#"{"٤١١١١١١١١١١١١١١١": 1, "٤١١١١١١١١١١١١١١١": 2}"#,
        ] {
            assert_eq!(told(body), "the body has a card number in a field's name");
        }
    }

    #[test]
    fn everything_else_reads_as_ever() {
        for body in [
            "null",
            "true",
            r#"[0, -1, 9223372036854775808, 18446744073709551616, 1.5, 1e3, "\u00e9\n", {}, []]"#,
            r#"{"z": 1, "a": {"z": [null, false]}}"#,
        ] {
            assert_eq!(parse(body.as_bytes()).unwrap(), serde_json::from_str::<Value>(body).unwrap(), "{body}");
        }
        for body in ["", "{", "{\"a\": 1} x", "{\"a\": 1,}", "nul", "\"\\ud800\""] {
            let theirs = serde_json::from_str::<Value>(body).unwrap_err();
            assert_eq!(told(body), Malformed::not_json(&theirs).to_string(), "{body}");
        }
    }
}
