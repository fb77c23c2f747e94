//! Metadata that is given back digit by digit: what a number would lose on its way through a float is kept as it was written.

use holdfast_core::card_number::stands_in_text;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::inbound::Malformed;
use crate::strict;

/// The member of a slip with the metadata as it was written, where that is not what its value would be written as.
pub(super) const WRITTEN: &str = "metadata_as_written";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

/// The metadata of a body as it was written, without the blanks; nothing where its value says the same.
///
/// # Errors
/// A card's number stands in it.
pub(super) fn metadata(body: &[u8], value: Option<&Value>) -> Result<Option<String>, Malformed> {
    if !value.is_some_and(has_float) {
        return Ok(None);
    }
    let written = serde_json::from_slice::<Document<'_>>(body).ok().and_then(|document| document.data.metadata);
    let Some(written) = written.map(|raw| without_blanks(raw.get())) else { return Ok(None) };
    if stands_in_text(&written) {
        return Err(Malformed::field("data.metadata", "has a card number in it"));
    }
    Ok(Some(written))
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

/// An object as JSON, with the metadata as it was written.
pub(super) fn text_of(object: &Value, metadata: Option<&str>) -> String {
    let text = strict::written(object);
    match (metadata, text.strip_suffix('}')) {
        (Some(metadata), Some(open)) => format!("{open},\"metadata\":{metadata}}}"),
        (Some(_) | None, _) => text,
    }
}
