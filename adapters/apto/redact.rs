//! What is kept of a notification that was not understood: field names, identifiers, amounts, times and kinds. Never a name,
//! an address, a free text or anything that could be a card number.
//!
//! An allow-list by field name and by the value's own shape: what is not plainly harmless is dropped.

use serde_json::value::RawValue;

use crate::json::Members;

/// Nothing that platforms send is nested deeper; what is, is dropped.
const DEPTH_MAX: u8 = 8;
/// What stands for a dropped value.
const DROPPED: &str = "\"…\"";

/// The JSON with its harmless values only; empty if it is not JSON.
pub(super) fn redact(json: &[u8]) -> String {
    let mut redacted = String::new();
    if let Ok(value) = serde_json::from_slice::<&RawValue>(json) {
        write_value(value.get(), "", DEPTH_MAX, &mut redacted);
    }
    redacted
}

fn write_value(raw: &str, field: &str, depth_left: u8, out: &mut String) {
    let Some(depth_left) = depth_left.checked_sub(1) else {
        return out.push_str(DROPPED);
    };
    match raw.as_bytes().first() {
        Some(b'{') => write_object(raw, depth_left, out),
        Some(b'[') => write_array(raw, field, depth_left, out),
        Some(b't' | b'f' | b'n') => out.push_str(raw),
        Some(_) if is_amount(field) && harmless_amount(raw) => out.push_str(raw),
        Some(b'"') if is_identifier(field) && harmless_identifier(raw) => out.push_str(raw),
        Some(_) | None => out.push_str(DROPPED),
    }
}

fn write_object(raw: &str, depth_left: u8, out: &mut String) {
    let Ok(Members(entries)) = serde_json::from_str(raw) else {
        return out.push_str(DROPPED);
    };
    out.push('{');
    for (index, (name, value)) in entries.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        // A field's name is the platform's as long as it looks like one.
        let plain = name.len() <= 48 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        out.push('"');
        out.push_str(if plain { name } else { "…" });
        out.push_str("\":");
        write_value(value.get(), name, depth_left, out);
    }
    out.push('}');
}

fn write_array(raw: &str, field: &str, depth_left: u8, out: &mut String) {
    let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
        return out.push_str(DROPPED);
    };
    out.push('[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_value(value.get(), field, depth_left, out);
    }
    out.push(']');
}

fn is_amount(field: &str) -> bool {
    field == "amount" || field.ends_with("_amount") || field.ends_with("_due")
}

fn is_identifier(field: &str) -> bool {
    matches!(field, "id" | "idempotency_key" | "currency" | "state" | "status" | "type" | "date" | "network")
        || ["_id", "_at", "_type", "_code", "_status"].iter().any(|end| field.ends_with(end))
}

/// A number, or a text with one, too short to be a card's.
fn harmless_amount(raw: &str) -> bool {
    let text = raw.trim_matches('"');
    harmless(text, b"0123456789+-.eE") && digits(text) < 12
}

/// An identifier, a code or a time: one word, and not so many digits in a row that it could be a card number.
fn harmless_identifier(raw: &str) -> bool {
    let text = raw.trim_matches('"');
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let marks = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.:+";
    harmless(text, marks) && (digits(text) < 12 || letters > 0)
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

fn harmless(text: &str, allowed: &[u8]) -> bool {
    text.len() <= 64 && !text.is_empty() && text.bytes().all(|byte| allowed.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_names_identifiers_and_amounts_only() {
        let cases = [
            (
                r#"{"id":"txn_1","cardholder_email":"ann@example.com","billing_amount":{"currency":"USD","amount":-18.40}}"#,
                r#"{"id":"txn_1","cardholder_email":"…","billing_amount":{"currency":"USD","amount":-18.40}}"#,
            ),
            (r#"{"created_at":"2021-06-01T12:00:00+00:00"}"#, r#"{"created_at":"2021-06-01T12:00:00+00:00"}"#),
            (r#"{"livemode":false,"dispute_id":null,"mcc":5411}"#, r#"{"livemode":false,"dispute_id":null,"mcc":"…"}"#),
            // Not under these names, whatever the platform puts there.
            (r#"{"id":"4111111111111111","type":"Ann Example","amount":"Ann"}"#, r#"{"id":"…","type":"…","amount":"…"}"#),
            (r#"{"amount":4111111111111111,"hold_amount":"-1e2"}"#, r#"{"amount":"…","hold_amount":"-1e2"}"#),
            (r#"{"ann@example.com":{"id":"x"}}"#, r#"{"…":{"id":"x"}}"#),
            (r#"[{"id":"a"},"Ann",3]"#, r#"[{"id":"a"},"…","…"]"#),
            ("not JSON", ""),
            ("", ""),
        ];
        for (json, expected) in cases {
            assert_eq!(redact(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn deep_nesting_is_cut() {
        let json = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(redact(json.as_bytes()), format!("{}{DROPPED}{}", "[".repeat(8), "]".repeat(8)));
    }
}
