//! What a caller asks, read so that everything that is wrong is told at once and no value is ever told back.
//!
//! Ask [`Fields`] for each field that there may be, then [`Fields::finish`]: fields that nobody asked for are errors too.

use std::cell::RefCell;

use holdfast_adapters::inbound::{Malformed, Position};
use holdfast_adapters::json::is_of_a_days_offset;
use holdfast_adapters::strict;
use holdfast_core::{Currency, Money, Timestamp, card_number};
use serde_json::{Map, Value};

use super::problem::{FieldError, Problem};

/// The longest reason, in characters.
pub const REASON_MAX: usize = 500;

/// 2^63, from which on a number is none that we can count; only compared with.
const BEYOND_WHOLE: f64 = 9_223_372_036_854_775_808.0;

/// The most items of a list.
const LIST_MAX: usize = 64;

/// Where fields come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Body,
    Query,
}

/// Whether a field may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must be there.
    Required,
    /// It may be left out.
    Optional,
}

/// Whose currency is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// That of an account that is there.
    Account,
    /// That of the program.
    Program,
}

/// The fields of a body or a query, and what turned out to be wrong with them.
#[derive(Debug)]
pub struct Fields {
    source: Source,
    values: Map<String, Value>,
    /// A body that could not be read misses everything: why is told once.
    unreadable: bool,
    known: RefCell<Vec<&'static str>>,
    errors: RefCell<Vec<FieldError>>,
}

impl Fields {
    /// A body, which must be one JSON object, each member of which comes once.
    #[must_use]
    pub fn of_body(bytes: &[u8]) -> Self {
        match strict::value(bytes) {
            Ok(Value::Object(values)) => Fields::new(Source::Body, values),
            Ok(_) => Fields::broken("", "must be a JSON object"),
            Err(Malformed { position: Some(Position { line, column }), .. }) => {
                // Where it ceases to be JSON is a place, and tells nothing of what is there.
                Fields::broken("", &format!("is not JSON from line {line}, column {column} on"))
            }
            Err(Malformed { path, problem, position: None, .. }) => Fields::broken(&printable_path(&path), problem),
        }
    }

    /// A query's parameters, each at most once.
    #[must_use]
    pub fn of_query(pairs: Vec<(String, String)>) -> Self {
        let fields = Fields::new(Source::Query, Map::new());
        pairs.into_iter().fold(fields, |mut fields, (name, value)| {
            if fields.values.contains_key(&name) {
                fields.wrong(&name, "is there twice");
            }
            fields.values.insert(name, Value::String(value));
            fields
        })
    }

    fn new(source: Source, values: Map<String, Value>) -> Self {
        Fields { source, values, unreadable: false, known: RefCell::default(), errors: RefCell::default() }
    }

    fn broken(path: &str, problem: &str) -> Self {
        let fields = Fields { unreadable: true, ..Fields::new(Source::Body, Map::new()) };
        fields.wrong(path, problem);
        fields
    }

    /// Notes that something is wrong. The problem continues the path: `is missing`, `must be …`.
    pub fn wrong(&self, path: &str, problem: &str) {
        self.errors.borrow_mut().push(FieldError { path: path.to_owned(), problem: problem.to_owned() });
    }

    /// The body in one order of keys, whatever order it came in: what an idempotency key stands for.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut fields: Vec<_> = self.values.iter().collect();
        fields.sort_by_key(|(name, _)| *name);
        // Tables within are maps that are kept in order.
        fields.iter().map(|(name, value)| format!("{}:{value}\n", Value::String((*name).clone()))).collect()
    }

    fn value(&self, name: &'static str, need: Need) -> Option<&Value> {
        self.known.borrow_mut().push(name);
        let value = self.values.get(name).filter(|value| !value.is_null());
        if value.is_none() && need == Need::Required && !self.unreadable {
            self.wrong(name, "is missing");
        }
        value
    }

    /// A value of any shape, for whoever reads it in their own way.
    pub fn json(&self, name: &'static str, need: Need) -> Option<&Value> {
        self.value(name, need)
    }

    /// A list of at least one text, each of which means something.
    pub fn list<T, E: ToString>(&self, name: &'static str, need: Need, parse: impl Fn(&str) -> Result<T, E>) -> Option<Vec<T>> {
        let value = self.value(name, need)?;
        let items = value.as_array().filter(|items| !items.is_empty() && items.len() <= LIST_MAX);
        let Some(items) = items else {
            self.wrong(name, &format!("must be a list of 1 to {LIST_MAX} texts"));
            return None;
        };
        let read = items.iter().enumerate().map(|(index, item)| {
            let parsed = item
                .as_str()
                .ok_or_else(|| "must be a text".to_owned())
                .and_then(|text| parse(text).map_err(|problem| problem.to_string()));
            parsed.map_err(|problem| self.wrong(&format!("{name}[{index}]"), &problem)).ok()
        });
        let read: Vec<_> = read.collect();
        read.into_iter().collect()
    }

    /// Whether a field is there, if only as `null`.
    pub fn mentions(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Text for people, on one line, of at most so many characters.
    pub fn words(&self, name: &'static str, need: Need, characters_max: usize) -> Option<String> {
        self.parsed(name, need, |text| {
            let fits = !text.trim().is_empty() && text.chars().count() <= characters_max && !text.chars().any(char::is_control);
            if !fits {
                return Err(format!("must be 1 to {characters_max} characters on one line"));
            }
            to_keep(text).map_err(str::to_owned)
        })
    }

    /// A text. None of ours has a control character, and no database takes all of them.
    pub fn text(&self, name: &'static str, need: Need) -> Option<&str> {
        let value = self.value(name, need)?;
        let text = value.as_str();
        if text.is_none() {
            self.wrong(name, "must be a text");
        }
        let clean = text.filter(|text| !text.contains(char::is_control));
        if text.is_some() && clean.is_none() {
            self.wrong(name, "must have no control character");
        }
        clean
    }

    /// A text that means something.
    pub fn parsed<T, E: ToString>(&self, name: &'static str, need: Need, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        parse(self.text(name, need)?).map_err(|problem| self.wrong(name, &problem.to_string())).ok()
    }

    /// A whole number of at least `least`.
    pub fn whole(&self, name: &'static str, need: Need, least: i64) -> Option<i64> {
        self.number(name, need, least, "")
    }

    /// How many of something, at least one.
    pub fn count(&self, name: &'static str, need: Need) -> Option<u32> {
        let number = self.whole(name, need, 1)?;
        u32::try_from(number)
            .map_err(|_| self.wrong(name, &format!("must be a whole number of at least 1 and at most {}", u32::MAX)))
            .ok()
    }

    fn number(&self, name: &'static str, need: Need, least: i64, unit: &str) -> Option<i64> {
        let value = self.value(name, need)?;
        let number = match self.source {
            Source::Body => value.as_i64(),
            Source::Query => value.as_str().and_then(|text| text.parse().ok()),
        };
        number.filter(|number| *number >= least).or_else(|| {
            let too_large = is_beyond(value);
            let most = if too_large { format!(" and at most {}", i64::MAX) } else { String::new() };
            self.wrong(name, &format!("must be a whole number of at least {least}{most}{unit}"));
            None
        })
    }

    /// Money in minor units, of at least `least`.
    pub fn minor(&self, name: &'static str, need: Need, least: i64) -> Option<i64> {
        self.number(name, need, least, ", in minor units")
    }

    /// A switch.
    pub fn switch(&self, name: &'static str, need: Need) -> Option<bool> {
        let value = self.value(name, need)?;
        value.as_bool().or_else(|| {
            self.wrong(name, "must be true or false");
            None
        })
    }

    /// A list of texts that mean something.
    pub fn texts<T>(&self, name: &'static str, most: usize, parse: impl Fn(&str) -> Result<T, &'static str>) -> Option<Vec<T>> {
        let Some(value) = self.value(name, Need::Optional) else { return Some(Vec::new()) };
        let items = value.as_array().filter(|items| items.len() <= most);
        let texts = items.and_then(|items| items.iter().map(serde_json::Value::as_str).collect::<Option<Vec<_>>>());
        let Some(texts) = texts else {
            self.wrong(name, &format!("must be a list of at most {most} texts"));
            return None;
        };
        let read: Result<Vec<T>, _> = texts.into_iter().map(parse).collect();
        read.map_err(|problem| self.wrong(name, problem)).ok()
    }

    /// `currency`, which must be that of the account, or of the program where there is no account yet.
    pub fn currency(&self, wanted: Currency, whose: Whose) -> Option<Currency> {
        let whose = match whose {
            Whose::Account => "account",
            Whose::Program => "program",
        };
        self.parsed("currency", Need::Required, |code| match Currency::from_alpha(code) {
            Some(currency) if currency == wanted => Ok(currency),
            Some(_) | None => Err(format!("must be {}, the {whose}'s currency", wanted.code())),
        })
    }

    /// `amount` and `currency`: money that moves, so more than nothing.
    pub fn money(&self, of_account: Currency) -> Option<Money> {
        let (amount, currency) = (self.minor("amount", Need::Required, 1), self.currency(of_account, Whose::Account));
        Some(Money::from_minor(amount?, currency?))
    }

    /// `reason`: why, for whoever reads it later.
    pub fn reason(&self, need: Need) -> Option<String> {
        let reason = self.words("reason", need, REASON_MAX);
        // Nothing said is nothing; something wrong is noted.
        reason.or_else(|| (need == Need::Optional).then(String::new))
    }

    /// A moment.
    pub fn moment(&self, name: &'static str, need: Need) -> Option<Timestamp> {
        self.parsed(name, need, |text| {
            let moment: jiff::Timestamp = text.parse().map_err(|_| not_a_moment(text))?;
            if !is_of_a_days_offset(text) {
                return Err(NOT_A_MOMENT);
            }
            Ok::<_, &str>(Timestamp::from_unix_micros(moment.as_microsecond()))
        })
    }

    /// What all fields together mean, if nothing is wrong with any of them.
    ///
    /// # Errors
    /// 400, with everything that is wrong.
    pub fn finish<T>(self, read: impl FnOnce(&Fields) -> Option<T>) -> Result<T, Problem> {
        let meaning = read(&self);
        let known = self.known.take();
        for name in self.values.keys().filter(|name| !known.contains(&name.as_str())) {
            // A name that nobody knows may be a value in the wrong place: it is cut to what a name can be.
            let name = if card_number::stands_in_text(name) { "(a card's number)".to_owned() } else { printable(name) };
            self.wrong(&name, &format!("is not a field of this request; its fields are {}", known.join(", ")));
        }
        let errors = self.errors.into_inner();
        match meaning {
            Some(meaning) if errors.is_empty() => Ok(meaning),
            // Whoever gives up on a field notes why; nothing without an error does not happen.
            Some(_) | None => Err(Problem::bad_request(errors)),
        }
    }
}

/// Whether a number, or a query's text of digits, is more than can be counted: none of those is a whole number of ours.
fn is_beyond(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_none() && number.as_f64().is_none_or(|number| number >= BEYOND_WHOLE),
        Value::String(digits) => {
            digits.parse::<i64>().is_err() && !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Why a text is no moment: RFC 3339 goes on to the end of the year 9999 in every offset, and what is counted here ends before it.
pub fn not_a_moment(text: &str) -> &'static str {
    let is_late = |pieces: jiff::fmt::temporal::Pieces<'_>| {
        pieces.date().year() > 0 && pieces.time().is_some() && pieces.offset().is_some()
    };
    if jiff::fmt::temporal::Pieces::parse(text).is_ok_and(is_late) {
        "must be a moment before 9999-12-30T22:00:01Z"
    } else {
        NOT_A_MOMENT
    }
}

/// What no moment is told.
const NOT_A_MOMENT: &str = "must be a moment as RFC 3339 has it, with its offset";

/// A text that is kept for good.
///
/// # Errors
/// A card's number stands in it.
pub fn to_keep(text: &str) -> Result<String, &'static str> {
    if card_number::stands_in(text) { Err("has a card number in it, which is kept nowhere here") } else { Ok(text.to_owned()) }
}

/// A path of such names.
fn printable_path(path: &str) -> String {
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']');
    path.chars().take(80).map(|c| if is_path(c) { c } else { '?' }).collect()
}

/// A field's name as far as it looks like one: `a value` becomes `a?value`, and long ones end.
fn printable(name: &str) -> String {
    name.chars().take(40).map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(fields: &Fields) -> Option<(Money, String)> {
        let money = fields.money(Currency::USD);
        let reason = fields.reason(Need::Required);
        let _ = (fields.moment("since", Need::Optional), fields.whole("limit", Need::Optional, 0));
        Some((money?, reason?))
    }

    #[test]
    fn a_number_beyond_what_can_be_counted_is_told_so() {
        let most = "must be a whole number of at least 0 and at most 9223372036854775807";
        for digits in ["9223372036854775808", "18446744073709551616", "123456789012345678901234567890", "1e30"] {
            let fields = Fields::of_body(format!("{{\"limit\": {digits}}}").as_bytes());
            fields.whole("limit", Need::Optional, 0);
            assert_eq!(fields.errors.borrow()[0].problem, most, "{digits}");
        }
        let fields = Fields::of_query(vec![("limit".to_owned(), "18446744073709551616".to_owned())]);
        fields.whole("limit", Need::Optional, 0);
        assert_eq!(fields.errors.borrow()[0].problem, most);
        let fields = Fields::of_body(br#"{"limit": 1.5}"#);
        fields.whole("limit", Need::Optional, 0);
        assert_eq!(fields.errors.borrow()[0].problem, "must be a whole number of at least 0");
    }

    #[test]
    fn no_text_has_a_control_character() {
        for (sent, wrong) in [("ag_demo", false), ("ag\\u0000", true), ("ag\\n", true), ("\\u009f", true)] {
            let fields = Fields::of_body(format!("{{\"agent_id\": \"{sent}\"}}").as_bytes());
            assert_eq!(fields.text("agent_id", Need::Optional).is_none(), wrong, "{sent}");
            assert_eq!(fields.errors.borrow().len(), usize::from(wrong), "{sent}");
        }
    }

    #[test]
    fn a_moment_that_is_too_late_is_told_so() {
        let told = |moment: &str| {
            let fields = Fields::of_query(vec![("until".to_owned(), moment.to_owned())]);
            let read = fields.moment("until", Need::Optional);
            (read.is_some(), fields.errors.borrow().first().map(|error| error.problem.clone()))
        };
        assert_eq!(told("9999-12-30T22:00:00Z"), (true, None));
        for late in ["9999-12-31T23:59:59Z", "9999-12-31T00:00:00+01:00"] {
            assert_eq!(told(late), (false, Some("must be a moment before 9999-12-30T22:00:01Z".to_owned())), "{late}");
        }
        assert_eq!(told("2026-01-01T00:00:00+23:59"), (true, None));
        for other in [
            "2026-01-01T00:00:00+25:00",
            "2026-01-01T00:00:00-24:00",
            "9999-12-31",
            "9999-12-31T23:59:59",
            "10000-01-01T00:00:00Z",
            "tomorrow",
        ] {
            let problem = "must be a moment as RFC 3339 has it, with its offset".to_owned();
            assert_eq!(told(other), (false, Some(problem)), "{other}");
        }
    }

    #[test]
    fn a_card_number_in_an_unknown_fields_name_is_not_repeated() {
        let fields = Fields::of_body(br#"{"4111111111111111": 1, "otherwise": 2}"#);
        let problem = fields.finish(|_| Some(())).unwrap_err();
        let told = format!("{problem:?}");
        assert!(!told.contains("4111") && told.contains("(a card's number)") && told.contains("otherwise"), "{told}");
    }

    #[test]
    fn a_count_beyond_what_is_kept_is_refused() {
        for (digits, count) in [("1", Some(1)), ("4294967295", Some(u32::MAX)), ("4294967296", None), ("0", None)] {
            let fields = Fields::of_body(format!("{{\"day_count_max\": {digits}}}").as_bytes());
            assert_eq!(fields.count("day_count_max", Need::Optional), count, "{digits}");
            assert_eq!(fields.errors.borrow().is_empty(), count.is_some(), "{digits}");
        }
    }

    #[test]
    fn what_is_canonical_has_one_order() {
        let one = Fields::of_body(br#"{"b": 1, "a": {"d": 2, "c": [3]}}"#);
        let other = Fields::of_body(br#" {"a":{"c":[3],"d":2},"b":1} "#);
        assert_eq!(one.canonical(), other.canonical());
        assert_ne!(one.canonical(), Fields::of_body(br#"{"b": 1, "a": {"d": 2, "c": [4]}}"#).canonical());
    }

    proptest! {
        #[test]
        fn no_body_panics_and_what_is_refused_says_why(body in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC*") {
            for bytes in [body.as_slice(), text.as_bytes(), format!("{{{text:?}: {text:?}}}").as_bytes()] {
                prop_assert!(Fields::of_body(bytes).finish(read).is_err());
            }
        }
    }
}
