//! What no body of a door of ours may have in it, wherever it stands: a card's number, in a value, in a name, or in a list of its parts; and a
//! security code. Where one is found its path is told, and never what is there.

use arrayvec::{ArrayString, ArrayVec};
use holdfast_core::card_number;
use serde_json::Value;

use crate::inbound::Malformed;

/// How deep bodies may be nested; the parser has a bound of its own, which is wider.
const DEPTH_MAX: u8 = 16;

/// The digits of the longest card's number.
const DIGITS_MAX: usize = 19;

/// What security codes are called, without case, blanks, dashes and underscores, and without `card` before and `code` behind.
const SECURITY_CODES: [&str; 14] = [
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "csc",
    "cvn",
    "cvn2",
    "cav2",
    "pin",
    "pinblock",
    "security",
    "verification",
    "verificationvalue",
    "verificationnumber",
];
/// What is no code without `card` before it or `code` behind it.
const NEEDS_MORE: [&str; 2] = ["security", "verification"];
/// What is called like this may be anything: it is a code if it has as many digits.
const CALLED_LIKE_OTHERS: &str = "cid";

/// What has a longer name is none.
const NAMED_MAX: usize = 32;

/// Whether a member is a card's security code: by its name, and where that may mean something else, by its value.
pub(super) fn is_security_code(name: &str, value: &Value) -> bool {
    // Most names are not looked at any further: they begin with another letter than any code's name, or are longer.
    let begins = name.bytes().find(u8::is_ascii_alphanumeric).is_some_and(|first| b"cpsvCPSV".contains(&first));
    if !begins || name.len() > NAMED_MAX {
        return false;
    }
    let mut letters = ArrayVec::<u8, NAMED_MAX>::new();
    letters.extend(name.bytes().filter(u8::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()));
    let bare = std::str::from_utf8(&letters).unwrap_or_default();
    let after_card = bare.strip_prefix("card").unwrap_or(bare);
    // `pincode` is what postal codes are called in India.
    let core = if after_card == "pincode" { after_card } else { after_card.strip_suffix("code").unwrap_or(after_card) };
    if core == CALLED_LIKE_OTHERS {
        return has_digits_of_a_code(value);
    }
    SECURITY_CODES.contains(&core) && (core != bare || !NEEDS_MORE.contains(&core))
}

fn has_digits_of_a_code(value: &Value) -> bool {
    match value {
        Value::String(text) => (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
        Value::Number(number) => number.as_u64().is_some_and(|number| number < 10_000),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// No number of a card and no security code is anywhere in a body.
///
/// # Errors
/// Which field has one, unless its path is one; or the body is nested too deep.
pub(super) fn look_through(value: &Value) -> Result<(), Malformed> {
    no_card_number(value, DEPTH_MAX).map_err(|found| {
        // Each name alone is none, and all of them may be one.
        let is_told = !card_number::stands_in_text(&found.path);
        Malformed { path: if is_told { found.path } else { String::new() }, ..found }
    })
}

/// No number of a card is anywhere in it. Where one is, the path is put together on the way back: nearly always there is none.
fn no_card_number(value: &Value, depth: u8) -> Result<(), Malformed> {
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
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            no_card_number(item, deeper).map_err(|found| found_below(&format!("[{index}]"), found))
        }),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            if card_number::stands_in_text(name) {
                // Its name is not told either.
                return Err(Malformed::field("", "has a card number in a field's name"));
            }
            if !member.is_null() && is_security_code(name, member) {
                return Err(Malformed::field(name.as_str(), "is a card's security code, which is never taken"));
            }
            no_card_number(member, deeper).map_err(|found| found_below(name, found))
        }),
    }
}

/// Whether a list is a number's digits, piece by piece: `["4111", "1111", "1111", "1111"]`.
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
