//! What is kept of a notification that was not understood: field names, identifiers, amounts and enumerated words. Never
//! a value that a person wrote, never anything that could be a card number.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::signature::hex;
use super::wire::text_of;
use crate::inbound::{Malformed, Notice, Unrecognized};
use crate::json::Members;

/// Deeper objects are left out.
const DEPTH_MAX: usize = 6;
/// About this much is kept of one element; what comes after is left out.
const BYTES_MAX: usize = 4096;
/// More digits may be a card number or a bank account. The last part of a UUID has twelve characters.
const DIGITS_MAX: usize = 12;

/// Keeps an element, or a whole body, that is not understood.
pub(super) fn unrecognized(bytes: &[u8], why: &Malformed) -> Notice {
    let mut redacted = String::new();
    if let Ok(value) = serde_json::from_slice::<&RawValue>(bytes) {
        write(value, "", DEPTH_MAX, &mut redacted);
    }
    Notice::Unrecognized(Unrecognized { digest: Sha256::digest(bytes).into(), problem: why.to_string(), redacted })
}

/// A short digest of a text, in hexadecimal: for keys that would be too long.
pub(super) fn short_digest(text: &str) -> String {
    let mut digest = hex(&Sha256::digest(text));
    digest.truncate(16);
    digest
}

fn write(value: &RawValue, name: &str, depth: usize, out: &mut String) {
    let raw = value.get();
    let deeper = depth.checked_sub(1);
    match (raw.as_bytes().first(), deeper) {
        (Some(b'{'), Some(depth)) if name != "metadata" => write_object(value, depth, out),
        (Some(b'['), Some(depth)) => write_list(value, name, depth, out),
        _ if is_kept(name, value) => out.push_str(raw),
        _ => out.push_str("null"),
    }
}

fn write_object(value: &RawValue, depth: usize, out: &mut String) {
    let members = serde_json::from_str::<Members<'_>>(value.get()).map(|Members(members)| members).unwrap_or_default();
    out.push('{');
    let mut separator = "";
    for (name, member) in &members {
        if out.len() > BYTES_MAX {
            break;
        }
        if !is_word(name, 48) {
            continue;
        }
        out.push_str(separator);
        out.push('"');
        out.push_str(name);
        out.push_str("\":");
        write(member, name, depth, out);
        separator = ",";
    }
    out.push('}');
}

fn write_list(value: &RawValue, name: &str, depth: usize, out: &mut String) {
    let elements = serde_json::from_str::<Vec<&RawValue>>(value.get()).unwrap_or_default();
    out.push('[');
    let mut separator = "";
    for element in elements {
        if out.len() > BYTES_MAX {
            break;
        }
        out.push_str(separator);
        write(element, name, depth, out);
        separator = ",";
    }
    out.push(']');
}

/// Whether a value is an amount, an identifier, or a word of the platform's.
fn is_kept(name: &str, value: &RawValue) -> bool {
    let raw = value.get();
    if matches!(raw, "true" | "false") {
        return true;
    }
    let Some(text) = text_of(value) else {
        // A number that is not whole, or negative.
        let is_number = raw.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
        return is_number && names_amount(name) && !is_long_number(raw);
    };
    if names_amount(name) {
        return is_word(&text, 24) && text.bytes().all(|byte| !byte.is_ascii_alphabetic());
    }
    let names_identifier = name == "token" || name.ends_with("_token") || name.ends_with("_tokens");
    let names_word = matches!(
        name,
        "type" | "state" | "status" | "method" | "code" | "reason_code" | "currency_code" | "network" | "subnetwork" | "channel"
    );
    (names_identifier || names_word) && is_word(&text, 64)
}

fn names_amount(name: &str) -> bool {
    name == "amount" || name.ends_with("_amount") || name.ends_with("_balance")
}

/// Letters, digits and joints only, and nothing that could be a number of a card or of an account.
pub(super) fn is_word(text: &str, bytes_max: usize) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    plain && !text.is_empty() && text.len() <= bytes_max && !is_long_number(text)
}

/// Whether a text has a long run of digits, or is made of many digits and no letter.
fn is_long_number(text: &str) -> bool {
    let mut run = 0_usize;
    let mut digits = 0_usize;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            run = run.saturating_add(1);
            digits = digits.saturating_add(1);
        } else {
            run = 0;
        }
        if run > DIGITS_MAX {
            return true;
        }
    }
    digits > DIGITS_MAX && !text.bytes().any(|byte| byte.is_ascii_alphabetic())
}
