//! What no body of a door of ours may have in it, wherever it stands: a card's number, in a value, in a name, or in a list of its parts; and a
//! security code ([`super::codes`]). Where one is found its path is told, and never what is there.

use arrayvec::ArrayString;
use holdfast_core::card_number;
use serde_json::{Map, Value};

use super::codes::{Never, never_taken, pair_in_list, pair_in_object};
use crate::inbound::Malformed;

/// How deep bodies may be nested; the parser has a bound of its own, which is wider.
const DEPTH_MAX: u8 = 16;

/// The digits of the longest card's number.
const DIGITS_MAX: usize = 19;

/// Where an authentication value belongs, and what it is called there: at both doors' results of 3-D Secure.
const TAKES_AUTHENTICATION: [&str; 2] = ["three_d_secure", "3d_secure_authentication"];
const AUTHENTICATION: &str = "cardholder_authentication";

/// No number of a card and no security code is anywhere in a body.
///
/// # Errors
/// Which field has one, unless its path is one; or the body is nested too deep.
pub(super) fn look_through(value: &Value) -> Result<(), Malformed> {
    nothing_unwanted(value, "", DEPTH_MAX).map_err(|found| {
        // Each name alone is none, and all of them may be one.
        let is_told = !card_number::stands_in_text(&found.path);
        Malformed { path: if is_told { found.path } else { String::new() }, ..found }
    })
}

/// Nothing of the kind is anywhere in it; `name` is what it is called itself. Where one is, the path is put together on the way back:
/// nearly always there is none.
fn nothing_unwanted(value: &Value, name: &str, depth: u8) -> Result<(), Malformed> {
    const FOUND: &str = "has a card number in it";
    let Some(deeper) = depth.checked_sub(1) else { return Err(Malformed::field("", "is nested too deep")) };
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) if is_short(number) => Ok(()),
        Value::Number(number) if card_number::stands_in_text(&number.to_string()) => Err(Malformed::field("", FOUND)),
        Value::Number(number) if number.as_f64().is_some_and(|number| card_number::stands_in_text(&format!("{number:.0}"))) => {
            Err(Malformed::field("", FOUND))
        }
        Value::String(text) if card_number::stands_in_text(text) => Err(Malformed::field("", FOUND)),
        Value::Number(_) | Value::String(_) => Ok(()),
        Value::Array(items) if is_one_in_parts(items) => Err(Malformed::field("", FOUND)),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| {
                nothing_unwanted(item, name, deeper).map_err(|found| found_below(&format!("[{index}]"), found))
            })?;
            match pair_in_list(items) {
                Some(never) => Err(Malformed::field("", never.problem())),
                None if stands_in_items(items) => Err(Malformed::field("", FOUND)),
                None => Ok(()),
            }
        }
        Value::Object(members) => nothing_unwanted_in(members, name, deeper),
    }
}

fn nothing_unwanted_in(members: &Map<String, Value>, within: &str, depth: u8) -> Result<(), Malformed> {
    /// Of what stands in a member of the body itself.
    const OF_A_MEMBER: u8 = DEPTH_MAX - 2;
    if let Some((name, never)) = pair_in_object(members) {
        return Err(Malformed::field(name, never.problem()));
    }
    let takes_authentication = depth == OF_A_MEMBER && TAKES_AUTHENTICATION.contains(&within);
    members.iter().try_for_each(|(name, member)| {
        if card_number::stands_in_text(name) {
            // Its name is not told either.
            return Err(Malformed::field("", "has a card number in a field's name"));
        }
        match never_taken(within, name, member) {
            Some(Never::AuthenticationValue) if takes_authentication && name == AUTHENTICATION => {}
            Some(never) => return Err(Malformed::field(name.as_str(), never.problem())),
            None => {}
        }
        nothing_unwanted(member, name, depth).map_err(|found| found_below(name, found))
    })
}

/// Whether a list is a number's digits and nothing else, piece by piece, of whatever lengths: `["4111", "1111", "1111", "1111"]`.
fn is_one_in_parts(items: &[Value]) -> bool {
    let mut digits = ArrayString::<DIGITS_MAX>::new();
    let are_digits = items.iter().all(|item| match item {
        Value::String(part) => is_all_digits(part.trim()) && digits.try_push_str(part.trim()).is_ok(),
        Value::Number(part) => {
            let part = part.to_string();
            is_all_digits(&part) && digits.try_push_str(&part).is_ok()
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    });
    items.len() > 1 && are_digits && card_number::stands_in_text(&digits)
}

/// Whether a number stands in a list's items, those of lists in it too, read one behind the other as a text with blanks between:
/// `["pan", "4111-", "1111-", ["1111-", "1111"]]`.
fn stands_in_items(items: &[Value]) -> bool {
    let mut text = String::new();
    read_items(items, &mut text);
    card_number::stands_in_text(&text)
}

fn read_items(items: &[Value], text: &mut String) {
    /// What no number goes on behind.
    const END: &str = " x";
    for item in items {
        text.push(' ');
        match item {
            Value::String(part) => text.push_str(part),
            Value::Number(part) => text.push_str(&part.to_string()),
            Value::Array(items) => read_items(items, text),
            Value::Null | Value::Bool(_) | Value::Object(_) => text.push_str(END),
        }
    }
}

fn is_all_digits(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

/// The least number of thirteen digits: no card has fewer.
const SHORTEST: u64 = 1_000_000_000_000;

/// Whether a whole number has fewer digits than any card's.
fn is_short(number: &serde_json::Number) -> bool {
    number.as_i64().is_some_and(|number| number.unsigned_abs() < SHORTEST)
}

fn found_below(name: &str, found: Malformed) -> Malformed {
    let dot = if found.path.is_empty() || found.path.starts_with('[') { "" } else { "." };
    Malformed { path: format!("{name}{dot}{}", found.path), ..found }
}
