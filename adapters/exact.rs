//! What callers are given back digit by digit: what a number would lose on its way through a float is kept as it was written.

use std::collections::BTreeMap;

use holdfast_core::card_number::stands_in_text;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::inbound::Malformed;

/// An object of a body as it was written, without the blanks; nothing where its value says the same.
///
/// # Errors
/// A card's number stands in it.
pub(crate) fn as_written(body: &[u8], path: &[&str], value: Option<&Value>) -> Result<Option<String>, Malformed> {
    if !value.is_some_and(has_float) {
        return Ok(None);
    }
    let Some(written) = raw_at(body, path).map(|raw| without_blanks(raw.get())) else { return Ok(None) };
    if stands_in_text(&written) {
        return Err(Malformed::field(path.join("."), "has a card number in it"));
    }
    Ok(Some(written))
}

fn raw_at<'a>(body: &'a [u8], path: &[&str]) -> Option<&'a RawValue> {
    let whole: &RawValue = serde_json::from_slice(body).ok()?;
    path.iter().try_fold(whole, |above, name| {
        let mut members: BTreeMap<String, &'a RawValue> = serde_json::from_str(above.get()).ok()?;
        members.remove(*name)
    })
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => false,
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(members) => members.values().any(has_float),
    }
}

fn without_blanks(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    json.chars()
        .filter(|letter| {
            let keep = in_text || !letter.is_ascii_whitespace();
            if *letter == '"' && !escaped {
                in_text = !in_text;
            }
            escaped = *letter == '\\' && !escaped;
            keep
        })
        .collect()
}

/// Writes an object as JSON, with further members as they were written. Nothing that is written here is without members of its own.
pub(crate) fn write(object: &impl Serialize, members: &[(&str, Option<&str>)], body: &mut Vec<u8>) {
    // Into memory, of names that are texts: nothing can fail.
    let _ = serde_json::to_writer(&mut *body, object);
    let mut written = members.iter().filter_map(|(name, written)| Some((name, (*written)?))).peekable();
    if written.peek().is_none() || body.pop_if(|last| *last == b'}').is_none() {
        return;
    }
    for (name, value) in written {
        for part in [",\"", name, "\":", value] {
            body.extend_from_slice(part.as_bytes());
        }
    }
    body.push(b'}');
}
