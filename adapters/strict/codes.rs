//! What is never taken by its name: security codes, PINs, what a magnetic stripe has, and authentication values where none belongs. Names
//! are compared by their words, whatever parts these (`cvv_number`, `cvvNumber`, `CVV-Number`, `ＣＶＶ`).

use arrayvec::ArrayVec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::card_number::narrow;
use serde_json::{Map, Value};

/// What is never taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Never {
    SecurityCode,
    PinOrTrack,
    /// But in the field for it.
    AuthenticationValue,
}

impl Never {
    pub(super) const fn problem(self) -> &'static str {
        match self {
            Never::SecurityCode => "is a card's security code, which is never taken",
            Never::PinOrTrack => "is a card's PIN or track, which is never taken",
            Never::AuthenticationValue => "is an authentication value, which is taken in the field for it only",
        }
    }
}

/// What is a code wherever it is a word of a name.
const CODE_WORDS: [&str; 13] =
    ["ccv", "ccv2", "cv2", "cvc", "cvc1", "cvc2", "cvc3", "cav2", "cvn2", "cvd2", "csc2", "cvx2", "dcvc3"];
/// What is one wherever it stands: no other word has it.
const CODE_PARTS: [&str; 3] = ["cvv", "securitycode", "verificationvalue"];
/// What is one alone, and with nothing but [`BEFORE`] and [`BEHIND`] around it.
const CODES: [&str; 5] = ["csc", "cvc", "cvd", "cvn", "ccv"];
/// The same, and may be anything besides: a code if it has as many digits. (`pincode` is what postal codes are called in India,
/// with six; `card_holder_verification_code` is a result of ours.)
const BY_VALUE: [&str; 7] =
    ["cid", "pincode", "cardcode", "cardsecurity", "cardverification", "verificationcode", "verificationnumber"];
const PINS: [&str; 2] = ["pin", "pinblock"];
/// What a magnetic stripe has.
const TRACKS: [&str; 4] = ["track1", "track2", "track3", "trackdata"];
const STRIPES: [&str; 2] = ["magstripe", "magneticstripe"];
const AUTHENTICATION_WORDS: [&str; 2] = ["aav", "ucaf"];
const AUTHENTICATIONS: [&str; 4] = ["cavv", "tavv", "cardholderauthentication", "authenticationvalue"];
const BEFORE: [&str; 12] =
    ["credit", "debit", "cardholder", "card", "payment", "customer", "encrypted", "user", "emv", "my", "atm", "cc"];
const BEHIND: [&str; 10] = ["code", "number", "value", "equivalent", "data", "digits", "field", "encrypted", "num", "no"];
/// In a name with one of these what was found out about a code is told, and by a value that may be a code the code.
const RESULTS: [&str; 16] = [
    "result",
    "match",
    "check",
    "verified",
    "status",
    "present",
    "provided",
    "response",
    "required",
    "indicator",
    "outcome",
    "policy",
    "attempt",
    "enabled",
    "supported",
    "method",
];

/// Of three letters or digits each: a name without any of them is none of the above, and most have none.
fn has_trigger(letters: &[u8]) -> bool {
    letters.windows(3).any(|three| {
        let is_of_a_code = matches!(
            three,
            b"cvv" | b"cvc" | b"ccv" | b"cv2" | b"cav" | b"cvn" | b"cvd" | b"csc" | b"cvx" | b"cid" | b"dco" | b"dse" | b"dve"
        );
        let is_of_words = matches!(three, b"tyc" | b"onv" | b"onc" | b"onn" | b"avv" | b"aav" | b"uca" | b"rau");
        is_of_a_code || is_of_words || matches!(three, b"pin" | b"ck1" | b"ck2" | b"ck3" | b"ckd" | b"ags" | b"ics")
    })
}

/// The longest name whose letters are looked at where they stand.
const USUAL_NAME: usize = 64;

/// Whether a name may be one of those that are looked for.
fn may_be_meant(name: &str) -> bool {
    if !name.is_ascii() || name.len() > USUAL_NAME {
        return true;
    }
    let letters = name.bytes().filter(u8::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
    has_trigger(&letters.collect::<ArrayVec<u8, USUAL_NAME>>())
}

/// Whether a member is never taken, by its name and, where that may mean something else, by its value. `within` is the name of what it
/// stands in.
pub(super) fn never_taken(within: &str, name: &str, value: &Value) -> Option<Never> {
    let alone = if may_be_meant(name) { named(name, value) } else { None };
    alone.or_else(|| if completes(within) { named(&format!("{within} {name}"), value) } else { None })
}

/// Whether what a member is called is only the rest of its name: `{"card": {"verification": …}}`.
fn completes(within: &str) -> bool {
    let ends = |end: &str| {
        let begin = within.len().checked_sub(end.len());
        begin.and_then(|begin| within.get(begin..)).is_some_and(|last| last.eq_ignore_ascii_case(end))
    };
    ["card", "security", "verification"].into_iter().any(ends)
}

/// Whether a code's name and a code stand in a list one behind the other.
pub(super) fn pair_in_list(items: &[Value]) -> Option<Never> {
    items.windows(2).find_map(|pair| match pair {
        [Value::String(name), value] if is_told_beside(value) => named_by_a_value(name, value),
        _ => None,
    })
}

/// Which member of an object is never taken, as another one says what it is called (`{"name": "cvv", "value": "737"}`).
pub(super) fn pair_in_object(members: &Map<String, Value>) -> Option<(&str, Never)> {
    let names = members.iter().filter(|(called, _)| says_a_name(called)).filter_map(|(_, name)| name.as_str());
    names.filter(|name| may_be_meant(name)).find_map(|name| {
        let mut values = members.iter().filter(|(called, _)| says_a_value(called));
        values.find_map(|(called, value)| named_by_a_value(name, value).map(|never| (called.as_str(), never)))
    })
}

fn named_by_a_value(name: &str, value: &Value) -> Option<Never> {
    if name.len() > USUAL_NAME { None } else { named(name, value) }
}

fn says_a_name(called: &str) -> bool {
    ["name", "key", "field", "label", "type", "id", "attribute", "property", "k", "n"]
        .into_iter()
        .any(|one| called.eq_ignore_ascii_case(one))
}

fn says_a_value(called: &str) -> bool {
    ["value", "val", "data", "content", "text", "code", "input", "v"].into_iter().any(|one| called.eq_ignore_ascii_case(one))
}

/// A name in lower case: its words with a blank between, and without.
struct Name {
    words: String,
    joined: String,
}

impl Name {
    fn read(name: &str) -> Self {
        let mut words = String::with_capacity(name.len().saturating_add(8));
        let mut letters = name.chars().map(narrow).peekable();
        let mut before = ' ';
        while let Some(letter) = letters.next() {
            // `cvvNumber` and `CVVNumber` are two words.
            let begins = letter.is_uppercase()
                && (before.is_lowercase() || (before.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase())));
            if !letter.is_alphanumeric() || begins {
                words.push(' ');
            }
            if letter.is_alphanumeric() {
                words.extend(letter.to_lowercase());
            }
            before = letter;
        }
        let joined = words.split(' ').collect();
        Name { words, joined }
    }

    fn has_word(&self, words: &[&str]) -> bool {
        self.words.split(' ').any(|word| words.contains(&word))
    }

    fn has_part(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.joined.contains(part))
    }

    /// Whether it is one of these, with what may stand around them taken away.
    fn is(&self, names: &[&str]) -> bool {
        let mut core = self.joined.as_str();
        loop {
            if names.contains(&core) {
                return true;
            }
            let stripped = BEFORE.iter().find_map(|before| core.strip_prefix(before));
            match stripped.or_else(|| BEHIND.iter().find_map(|behind| core.strip_suffix(behind))) {
                Some(rest) => core = rest,
                None => return false,
            }
        }
    }
}

fn named(name: &str, value: &Value) -> Option<Never> {
    if matches!(value, Value::Null | Value::Bool(_)) {
        return None;
    }
    let name = Name::read(name);
    let never = if name.has_part(&CODE_PARTS) || name.has_word(&CODE_WORDS) || name.is(&CODES) {
        Never::SecurityCode
    } else if name.is(&BY_VALUE) {
        return may_be_a_code(value).then_some(Never::SecurityCode);
    } else if name.is(&PINS) || name.is(&TRACKS) || name.has_part(&STRIPES) {
        Never::PinOrTrack
    } else if name.has_part(&AUTHENTICATIONS) || name.has_word(&AUTHENTICATION_WORDS) {
        Never::AuthenticationValue
    } else {
        return None;
    };
    let is_result = name.has_part(&RESULTS) || name.joined.ends_with("codeverification");
    (!is_result || is_told_beside(value)).then_some(never)
}

/// Whether a value may be a code, or an authentication value, where only the value tells it from a result or a count.
fn is_told_beside(value: &Value) -> bool {
    /// Of a cardholder authentication value.
    const BYTES: usize = 20;
    let is_authentication = |text: &str| STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == BYTES);
    match value {
        Value::String(text) => may_be_a_code(value) || is_authentication(text),
        Value::Number(number) => number.as_u64().is_some_and(|number| (100..10_000).contains(&number)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Three or four digits, and nothing else but blanks and dashes.
fn may_be_a_code(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            let letters = || text.chars().map(narrow);
            let is_plain = letters().all(|letter| letter.is_ascii_digit() || letter == '-' || letter.is_whitespace());
            is_plain && (3..=4).contains(&letters().filter(char::is_ascii_digit).count())
        }
        Value::Number(number) => number.as_u64().is_some_and(|number| number < 10_000),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}
