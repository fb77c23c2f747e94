//! A body's JSON, in which each member of an object may come once: parsers differ in which of two they believe, and whoever checked the
//! request before us may have read the other one. Nothing here says what a member means, or tells its value.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::input::printable;

/// How many are told.
const TOLD_MAX: usize = 20;

/// Reads a body, and the paths of members that come again.
///
/// # Errors
/// Where it ceases to be JSON.
pub(super) fn read(bytes: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    let again = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Below { path: String::new(), again: &again }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, again.into_inner()))
}

/// A value at a path.
struct Below<'a> {
    path: String,
    again: &'a RefCell<Vec<String>>,
}

impl Below<'_> {
    fn member(&self, name: &str) -> String {
        let name = printable(name);
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }
}

impl<'de> DeserializeSeed<'de> for Below<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Below<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
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

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) =
            access.next_element_seed(Below { path: format!("{}[{}]", self.path, items.len()), again: self.again })?
        {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let path = self.member(&name);
            if members.contains_key(&name) && self.again.borrow().len() < TOLD_MAX {
                self.again.borrow_mut().push(path.clone());
            }
            let value = access.next_value_seed(Below { path, again: self.again })?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_comes_again_is_named_by_its_path() {
        let cases: [(&str, &[&str]); 6] = [
            (r#"{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}"#, &[]),
            (r#"{"a": 1, "a": 1}"#, &["a"]),
            (r#"{"a": 1, "\u0061": 2}"#, &["a"]),
            (r#"{"b": {"a": 1, "c": 2, "a": null}, "b": 1}"#, &["b.a", "b"]),
            (r#"{"c": [{}, {"a": [], "a": {}}]}"#, &["c[1].a"]),
            (r#"[{"a": true, "a": false, "a": "x"}]"#, &["[0].a", "[0].a"]),
        ];
        for (body, paths) in cases {
            assert_eq!(read(body.as_bytes()).unwrap().1, paths, "{body}");
        }
    }

    proptest! {
        /// Otherwise it is what the parser reads.
        #[test]
        fn everything_else_is_read_as_ever(text in "[\\[\\]{}:,\"a-c0-9.e+ \\-]{0,40}") {
            let (ours, theirs) = (read(text.as_bytes()), serde_json::from_slice::<Value>(text.as_bytes()));
            match (ours, theirs) {
                (Ok((ours, _)), Ok(theirs)) => prop_assert_eq!(ours, theirs),
                (Err(ours), Err(theirs)) => prop_assert_eq!((ours.line(), ours.column()), (theirs.line(), theirs.column())),
                (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?}"),
            }
        }
    }
}
