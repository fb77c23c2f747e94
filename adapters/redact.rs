//! What is kept of a notification that was not understood: field names, identifiers, amounts and enumerated words. Never a
//! name, an address, a free text, or anything that could be the number of a card or of a bank account.
//!
//! An allow-list twice over: the platform says which of its field names hold what may be kept, and the value has to look like
//! it besides. What is not plainly harmless is dropped.

use holdfast_core::{Currency, card_number};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::inbound::{Notice, Unrecognized};
use crate::json::Members;

/// Which values a platform's fields may hold, by their names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// Whether a field of this name holds an amount.
    pub amount: fn(&str) -> bool,
    /// Whether a field of this name holds an identifier.
    pub id: fn(&str) -> bool,
    /// Whether a field of this name holds a time.
    pub time: fn(&str) -> bool,
    /// Whether a field of this name holds a word of the platform's.
    pub word: fn(&str) -> bool,
    /// What the platform's words are made of, in lower case. A word with any other part may be somebody's name.
    pub parts: &'static [&'static str],
}

/// Nothing that platforms send is nested deeper; what is, is dropped.
const DEPTH_MAX: u8 = 8;
/// About this much is kept of one element; what comes after is left out.
const BYTES_MAX: usize = 4096;
/// The longest field name that is taken for the platform's.
const NAME_BYTES_MAX: usize = 48;
/// The longest identifier or word.
const WORD_BYTES_MAX: usize = 64;
/// The longest code, in digits.
const CODE_DIGITS_MAX: usize = 4;
/// As many digits may be a card's number: the shortest has twelve.
const NUMBER_DIGITS: usize = 12;
/// What stands for a dropped value, and for a name that is none of the platform's.
const DROPPED: &str = "\"…\"";

/// Keeps an element, or a whole body, that is not understood.
pub(crate) fn unrecognized(bytes: &[u8], problem: String, kept: Kept) -> Notice {
    Notice::Unrecognized(Unrecognized::new(problem, redact(bytes, kept)))
}

/// The JSON with its harmless values only; empty if it is not JSON.
fn redact(json: &[u8], kept: Kept) -> String {
    let mut redaction = Redaction { kept, out: String::new() };
    if let Ok(value) = serde_json::from_slice::<&RawValue>(json) {
        redaction.value(value.get(), "", DEPTH_MAX);
    }
    redaction.out
}

/// The JSON without the values that have a card's number in them, for who knows content by its digest, which has no key; `None` where there
/// is nothing to leave out.
pub(crate) fn without_card_numbers(json: &str) -> Option<String> {
    let mut value = serde_json::from_str(json).ok()?;
    leave_out_numbers(&mut value).then(|| value.to_string())
}

/// Whether anything was left out.
fn leave_out_numbers(value: &mut Value) -> bool {
    let is_left_out = match value {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) => card_number::stands_in_text(text),
        Value::Number(number) => card_number::stands_in_text(&number.to_string()),
        // Each is looked at, whatever was left out before it.
        Value::Array(items) => return items.iter_mut().map(leave_out_numbers).filter(|any| *any).count() > 0,
        Value::Object(members) => {
            let before = members.len();
            members.retain(|name, _| !card_number::stands_in_text(name));
            let within = members.values_mut().map(leave_out_numbers).filter(|any| *any).count();
            return members.len() < before || within > 0;
        }
    };
    if is_left_out {
        *value = Value::Null;
    }
    is_left_out
}

struct Redaction {
    kept: Kept,
    out: String,
}

impl Redaction {
    fn value(&mut self, raw: &str, field: &str, depth_left: u8) {
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return self.out.push_str(DROPPED);
        };
        match raw.as_bytes().first() {
            // What programs hang on their objects is theirs to choose, names and all.
            Some(b'{') if field != "metadata" => self.object(raw, depth_left),
            Some(b'[') => self.list(raw, field, depth_left),
            Some(b't' | b'f' | b'n') => self.out.push_str(raw),
            Some(_) if (self.kept.amount)(field) && is_amount(raw) => self.out.push_str(raw),
            Some(b'"' | b'0'..=b'9') if self.is_kept(field, raw.trim_matches('"')) => self.out.push_str(raw),
            Some(_) | None => self.out.push_str(DROPPED),
        }
    }

    fn is_kept(&self, field: &str, text: &str) -> bool {
        let as_its_field = ((self.kept.id)(field))
            || ((self.kept.time)(field) && is_time(text))
            || ((self.kept.word)(field) && is_made_of(text, self.kept.parts));
        as_its_field && is_word(text, WORD_BYTES_MAX)
    }

    fn object(&mut self, raw: &str, depth_left: u8) {
        let Ok(Members(members)) = serde_json::from_str(raw) else {
            return self.out.push_str(DROPPED);
        };
        self.out.push('{');
        let mut separator = "";
        for (name, value) in members {
            if self.out.len() > BYTES_MAX {
                break;
            }
            self.out.push_str(separator);
            if is_word(&name, NAME_BYTES_MAX) {
                self.out.extend(["\"", &name, "\":"]);
            } else {
                self.out.extend([DROPPED, ":"]);
            }
            self.value(value.get(), &name, depth_left);
            separator = ",";
        }
        self.out.push('}');
    }

    fn list(&mut self, raw: &str, field: &str, depth_left: u8) {
        let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
            return self.out.push_str(DROPPED);
        };
        self.out.push('[');
        let mut separator = "";
        for value in values {
            if self.out.len() > BYTES_MAX {
                break;
            }
            self.out.push_str(separator);
            self.value(value.get(), field, depth_left);
            separator = ",";
        }
        self.out.push(']');
    }
}

/// A number, or a text with one, too short to be a card's.
fn is_amount(raw: &str) -> bool {
    let text = raw.trim_matches('"');
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    plain && (1..NUMBER_DIGITS).contains(&digits)
}

/// A date, or a moment: digits and what stands between them.
fn is_time(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'+' | b'T' | b'Z'))
}

/// Whether a word has only parts that the platform's words are made of: those, codes of a few digits, and currencies.
fn is_made_of(text: &str, parts: &[&str]) -> bool {
    let is_code = |part: &str| part.len() <= CODE_DIGITS_MAX && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_part = |part: &str| is_code(part) || parts.iter().any(|known| known.eq_ignore_ascii_case(part));
    Currency::from_alpha(text).is_some() || text.split(['.', '_', '-']).all(is_part)
}

/// One word: letters, digits and joints, and nothing that could be the number of a card or of an account.
pub(crate) fn is_word(text: &str, bytes_max: usize) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'+'));
    plain && !text.is_empty() && text.len() <= bytes_max && !is_long_number(text) && !card_number::stands_in(text)
}

/// Whether a text has a longer run of digits than the last part of a UUID, or as many as a card's number and no letter.
fn is_long_number(text: &str) -> bool {
    let longest_run = text.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let has_letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    longest_run > NUMBER_DIGITS || (digits >= NUMBER_DIGITS && !has_letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Kept = Kept {
        amount: |name| name == "amount" || name.ends_with("_amount"),
        id: |name| matches!(name, "id" | "card_id"),
        time: |name| name.ends_with("_at"),
        word: |name| matches!(name, "type" | "currency_code"),
        parts: &["purchase", "pin", "pending"],
    };

    fn redacted(json: &str) -> String {
        redact(json.as_bytes(), KEPT)
    }

    #[test]
    fn keeps_names_identifiers_and_amounts_only() {
        let cases = [
            (
                r#"{"id":"txn_1","cardholder_email":"ann@example.com","billing_amount":{"currency":"USD","amount":-18.40}}"#,
                r#"{"id":"txn_1","cardholder_email":"…","billing_amount":{"currency":"…","amount":-18.40}}"#,
            ),
            (r#"{"created_at":"2021-06-01T12:00:00+00:00"}"#, r#"{"created_at":"2021-06-01T12:00:00+00:00"}"#),
            (r#"{"id":501,"livemode":false,"note":null,"mcc":5411}"#, r#"{"id":501,"livemode":false,"note":null,"mcc":"…"}"#),
            // Words are the platform's own, whole; a name is none, whatever the field.
            (r#"{"type":"pin_purchase","currency_code":"USD"}"#, r#"{"type":"pin_purchase","currency_code":"USD"}"#),
            (r#"{"type":"PENDING"}"#, r#"{"type":"PENDING"}"#),
            (
                r#"{"type":"JANE","currency_code":"ANN","created_at":"JaneRoe"}"#,
                r#"{"type":"…","currency_code":"…","created_at":"…"}"#,
            ),
            (r#"{"type":"pin_jane"}"#, r#"{"type":"…"}"#),
            // Not under these names, whatever the platform puts there.
            (r#"{"id":"ann@example.com","type":"Ann Example","amount":"Ann"}"#, r#"{"id":"…","type":"…","amount":"…"}"#),
            (r#"{"hold_amount":"-1e2","amount":" "}"#, r#"{"hold_amount":"-1e2","amount":"…"}"#),
            (r#"{"ann@example.com":{"id":"x"}}"#, r#"{"…":{"id":"x"}}"#),
            (r#"{"metadata":{"id":"x"}}"#, r#"{"metadata":"…"}"#),
            (r#"[{"id":"a"},"Ann",3]"#, r#"[{"id":"a"},"…","…"]"#),
            (r#"{"id":["a","b c"]}"#, r#"{"id":["a","…"]}"#),
            ("not JSON", ""),
            ("", ""),
        ];
        for (json, expected) in cases {
            assert_eq!(redacted(json), expected, "{json}");
        }
    }

    #[test]
    fn nothing_that_could_be_a_card_number_is_kept() {
        let numbers = [
            "411111111111",
            "4111111111111111",
            "4111-1111-1111-1111",
            "4111.1111.1111.1111",
            "tok-4111-1111-1111-1111",
            "x4111111111111111",
            "+411111111111",
        ];
        for number in numbers {
            let json = format!(
                r#"{{"id":"{number}","card_id":"{number}","amount":"{number}","type":["{number}"],"{number}":true,"card":{{"id":"{number}"}}}}"#
            );
            assert!(!redacted(&json).contains("1111"), "{}", redacted(&json));
        }
        assert_eq!(redacted(r#"{"amount":4111111111111111,"id":4111111111111111}"#), r#"{"amount":"…","id":"…"}"#);
        let uuid = r#"{"id":"9c01b2e7-3f18-4d95-8a60-123456789012"}"#;
        assert_eq!(redacted(uuid), uuid);
    }

    #[test]
    fn the_digest_is_of_what_is_kept_and_of_nothing_else() {
        let kept = |number: &str| {
            let json = format!(r#"{{"id":"txn_1","pan":"{number}"}}"#);
            let notice = unrecognized(json.as_bytes(), "`type` is missing".to_owned(), KEPT);
            let Notice::Unrecognized(unrecognized) = notice else { panic!("{notice:?}") };
            unrecognized
        };
        // Whoever has the journal tries numbers in vain: all of them have the same digest.
        assert_eq!(kept("4111111111111111"), kept("4242424242424242"));
        assert_eq!(kept("4111111111111111").redacted, r#"{"id":"txn_1","pan":"…"}"#);
    }

    #[test]
    fn content_is_known_without_the_card_numbers_in_it() {
        let known =
            |number: &str| without_card_numbers(&format!(r#"{{"id":"a","{number}":1,"list":[{number},"pan {number}",7]}}"#));
        assert_eq!(known("4111111111111111").as_deref(), Some(r#"{"id":"a","list":[null,null,7]}"#));
        assert_eq!(known("4111111111111111"), known("4242424242424242"));
        assert_eq!(known("4111111111111112"), None, "as it came, then");
        assert_eq!(without_card_numbers("not JSON"), None);
    }

    #[test]
    fn deep_nesting_and_length_are_cut() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(redacted(&deep), format!("{}{DROPPED}{}", "[".repeat(8), "]".repeat(8)));
        let long = format!("[{}]", vec![r#"{"id":"x"}"#; 5000].join(","));
        assert!(redacted(&long).len() < 4200);
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(&redacted(&long)).is_ok());
    }
}
