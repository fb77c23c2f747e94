//! Reads TOML files so that every error is told at once, each with its file, line, column and key.
//!
//! A [`Document`] is one parsed file. A [`Section`] is one of its tables: ask it for each key that it may have, then call
//! [`Section::finish`], which reports the keys that nobody asked for. Whatever is wrong is noted in the document and the
//! getter returns `None`, so that reading goes on; [`Document::finish`] hands out the errors. Messages name what would be
//! right and never repeat the value that was written: it could be a secret in the wrong place. This file opens no file.

use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::errors::{Error, Errors};

/// A parsed file, and what turned out to be wrong with it.
#[derive(Debug)]
pub struct Document<'a> {
    root: Spanned<DeTable<'a>>,
    source: Source<'a>,
}

/// The text itself, to turn offsets into lines, and the errors so far.
#[derive(Debug)]
struct Source<'a> {
    file_name: String,
    text: &'a str,
    errors: RefCell<Vec<(usize, Error)>>,
}

impl Source<'_> {
    fn note(&self, offset: usize, path: &str, problem: String) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or("").chars().count().saturating_add(1);
        let error = Error { file: self.file_name.clone(), line, column, path: path.to_owned(), problem };
        self.errors.borrow_mut().push((offset, error));
    }

    fn into_errors(self) -> Errors {
        let mut errors = self.errors.into_inner();
        errors.sort_by_key(|(offset, _)| *offset);
        errors.into_iter().map(|(_, error)| error).collect()
    }
}

impl<'a> Document<'a> {
    /// Parses a file's text.
    ///
    /// # Errors
    /// Every place that is not TOML. A file that does not parse is not looked into.
    pub fn parse(file_name: &str, text: &'a str) -> Result<Self, Errors> {
        let (root, broken) = DeTable::parse_recoverable(text);
        let source = Source { file_name: file_name.to_owned(), text, errors: RefCell::default() };
        if broken.is_empty() {
            return Ok(Document { root, source });
        }
        for error in broken {
            let offset = error.span().map_or(0, |span| span.start);
            source.note(offset, "", format!("is not TOML: {}", error.message().replace('\n', ", ")));
        }
        Err(source.into_errors())
    }

    /// The table that the whole file is.
    #[must_use]
    pub fn root(&self) -> Section<'_> {
        let spot = Spot { source: &self.source, offset: 0, path: String::new() };
        Section { spot, table: self.root.get_ref(), known: RefCell::default() }
    }

    /// Every error noted while reading.
    #[must_use]
    pub fn finish(self) -> Errors {
        self.source.into_errors()
    }
}

/// A place in a file, at which something can be wrong.
#[derive(Debug, Clone)]
pub struct Spot<'d> {
    source: &'d Source<'d>,
    offset: usize,
    path: String,
}

impl Spot<'_> {
    /// Notes that something is wrong here. The problem continues the key: `is empty`, `must be …`.
    pub fn wrong(&self, problem: impl fmt::Display) {
        self.source.note(self.offset, &self.path, problem.to_string());
    }

    /// The key from the top of the file.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub struct Text<'d> {
    /// What was written.
    pub text: &'d str,
    /// Where.
    pub spot: Spot<'d>,
}

impl<'d> Text<'d> {
    /// Turns the text into what it means; notes the parser's error here.
    pub fn parse<T, E: fmt::Display>(&self, parse: impl FnOnce(&'d str) -> Result<T, E>) -> Option<T> {
        parse(self.text).map_err(|problem| self.spot.wrong(problem)).ok()
    }
}

/// One value of any type and where it stands.
#[derive(Debug, Clone)]
pub struct Value<'d> {
    /// Where.
    pub spot: Spot<'d>,
    value: &'d DeValue<'d>,
}

impl<'d> Value<'d> {
    fn new(spanned: &'d Spanned<DeValue<'d>>, source: &'d Source<'d>, path: String) -> Self {
        Value { spot: Spot { source, offset: spanned.span().start, path }, value: spanned.get_ref() }
    }

    /// The TOML type: `string`, `integer`, `float`, `boolean`, `datetime`, `array` or `table`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.value.type_str()
    }

    fn must_be<T>(&self, what: &str) -> Option<T> {
        self.spot.wrong(format_args!("must be {what}"));
        None
    }

    /// The value as a text.
    #[must_use]
    pub fn text(&self) -> Option<Text<'d>> {
        match self.value.as_str() {
            Some(text) => Some(Text { text, spot: self.spot.clone() }),
            None => self.must_be("a text in quotes"),
        }
    }

    /// Whether it is this text; nothing is noted.
    #[must_use]
    pub fn is_text(&self, text: &str) -> bool {
        self.value.as_str() == Some(text)
    }

    /// The value as a whole number in a range.
    #[must_use]
    pub fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let digits = self.value.as_integer();
        let integer = digits.and_then(|digits| i64::from_str_radix(digits.as_str(), digits.radix()).ok());
        match integer.filter(|integer| range.contains(integer)) {
            Some(integer) => Some(integer),
            None => self.must_be(&match (*range.start(), *range.end()) {
                (i64::MIN, i64::MAX) => "a whole number".to_owned(),
                (min, i64::MAX) => format!("a whole number of at least {min}"),
                (min, max) => format!("a whole number from {min} to {max}"),
            }),
        }
    }

    /// The nearest whole number in a range; nothing is noted, and what is no number has none.
    #[must_use]
    pub fn nearest(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let digits = self.value.as_integer()?;
        let written = i64::from_str_radix(digits.as_str(), digits.radix()).ok()?;
        Some(written.max(*range.start()).min(*range.end()))
    }

    /// The value as a switch.
    #[must_use]
    pub fn switch(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.must_be("true or false"))
    }

    /// The items of an array, of which there is at least one: an empty list is an error, never "all".
    #[must_use]
    pub fn list(&self) -> Option<Vec<Value<'d>>> {
        let Some(array) = self.value.as_array() else { return self.must_be("a list in [ ]") };
        if array.is_empty() {
            self.spot.wrong("is an empty list, which could mean all or nothing; leave the key out, or list something");
            return None;
        }
        let item = |(index, item): (usize, &'d Spanned<DeValue<'d>>)| {
            Value::new(item, self.spot.source, format!("{}[{index}]", self.spot.path))
        };
        Some(array.iter().enumerate().map(item).collect())
    }

    /// The items of an array of texts, at least one. One that is no text is noted and left out.
    #[must_use]
    pub fn list_of_texts(&self) -> Option<Vec<Text<'d>>> {
        Some(self.list()?.iter().filter_map(Value::text).collect())
    }

    /// The value as a table.
    #[must_use]
    pub fn section(&self) -> Option<Section<'d>> {
        match self.value.as_table() {
            Some(table) => Some(Section { spot: self.spot.clone(), table, known: RefCell::default() }),
            None => self.must_be("a table"),
        }
    }
}

/// One table of a file.
#[derive(Debug)]
pub struct Section<'d> {
    /// Where it begins.
    pub spot: Spot<'d>,
    table: &'d DeTable<'d>,
    known: RefCell<Vec<&'static str>>,
}

impl<'d> Section<'d> {
    /// The same table under a path that tells more, such as `rule.no-gambling` for `rule[3]`.
    #[must_use]
    pub fn named(mut self, path: String) -> Self {
        self.spot.path = path;
        self
    }

    fn path_of(&self, key: &str) -> String {
        if self.spot.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.spot.path) }
    }

    /// The value of a key that may be absent. From now on the key is known.
    #[must_use]
    pub fn optional(&self, key: &'static str) -> Option<Value<'d>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.get(key).map(|value| Value::new(value, self.spot.source, self.path_of(key)))
    }

    /// The value of a key that must be there.
    #[must_use]
    pub fn required(&self, key: &'static str) -> Option<Value<'d>> {
        let value = self.optional(key);
        if value.is_none() {
            let missing = Spot { path: self.path_of(key), ..self.spot.clone() };
            missing.wrong("is missing");
        }
        value
    }

    /// A text that must be there.
    #[must_use]
    pub fn text(&self, key: &'static str) -> Option<Text<'d>> {
        self.required(key)?.text()
    }

    /// A text that may be absent.
    #[must_use]
    pub fn optional_text(&self, key: &'static str) -> Option<Text<'d>> {
        self.optional(key)?.text()
    }

    /// A whole number in a range, which must be there.
    #[must_use]
    pub fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        self.required(key)?.integer(range)
    }

    /// A whole number in a range, which may be absent.
    #[must_use]
    pub fn optional_integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        self.optional(key)?.integer(range)
    }

    /// A switch that must be there.
    #[must_use]
    pub fn switch(&self, key: &'static str) -> Option<bool> {
        self.required(key)?.switch()
    }

    /// A switch that may be absent.
    #[must_use]
    pub fn optional_switch(&self, key: &'static str) -> Option<bool> {
        self.optional(key)?.switch()
    }

    /// A list of texts, at least one, which must be there.
    #[must_use]
    pub fn list_of_texts(&self, key: &'static str) -> Option<Vec<Text<'d>>> {
        self.required(key)?.list_of_texts()
    }

    /// A list of texts, at least one, which may be absent.
    #[must_use]
    pub fn optional_list_of_texts(&self, key: &'static str) -> Option<Vec<Text<'d>>> {
        self.optional(key)?.list_of_texts()
    }

    /// A table that must be there.
    #[must_use]
    pub fn section(&self, key: &'static str) -> Option<Section<'d>> {
        self.required(key)?.section()
    }

    /// A table that may be absent.
    #[must_use]
    pub fn optional_section(&self, key: &'static str) -> Option<Section<'d>> {
        self.optional(key)?.section()
    }

    /// The tables written as `[[key]]`, in their order; none if there are none.
    #[must_use]
    pub fn sections(&self, key: &'static str) -> Vec<Section<'d>> {
        let items = self.optional(key).and_then(|value| value.list());
        items.unwrap_or_default().iter().filter_map(Value::section).collect()
    }

    /// Every key with its value, in alphabetical order: for a table whose keys are names. It has no unknown keys.
    #[must_use]
    pub fn entries(&self) -> Vec<(Text<'d>, Value<'d>)> {
        let source = self.spot.source;
        let entry = |(key, value): (&'d Spanned<_>, &'d Spanned<DeValue<'d>>)| {
            let text: &'d std::borrow::Cow<'d, str> = key.get_ref();
            let spot = Spot { source, offset: key.span().start, path: self.path_of(text) };
            (Text { text, spot }, Value::new(value, source, self.path_of(text)))
        };
        self.table.iter().map(entry).collect()
    }

    /// Reports every key that was not asked for, with those that were.
    pub fn finish(self) {
        let known = self.known.borrow();
        for (key, _) in self.table.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            let spot = Spot { source: self.spot.source, offset: key.span().start, path: self.path_of(key.get_ref()) };
            spot.wrong(format_args!("is not a key of this table; its keys are {}", known.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str, read: impl FnOnce(Section<'_>)) -> String {
        match Document::parse("a.toml", text) {
            Err(errors) => errors.to_string(),
            Ok(document) => {
                read(document.root());
                document.finish().to_string()
            }
        }
    }

    #[test]
    fn every_error_with_its_place() {
        let text = "zeal = 1\n[server]\nlisten = 7\nbacklog = 0\npeers = []\n[[mount]]\nid = 'a'\n[[mount]]\nid = [ 'ä', 3 ]\n";
        let found = errors(text, |root| {
            let server = root.section("server").unwrap();
            assert!(server.text("listen").is_none());
            assert!(server.integer("backlog", 1..=9).is_none());
            assert!(server.list_of_texts("peers").is_none());
            assert!(server.switch("tls").is_none());
            server.finish();
            let mounts = root.sections("mount");
            assert_eq!(mounts[0].text("id").unwrap().text, "a");
            assert_eq!(mounts[1].list_of_texts("id").unwrap().len(), 1);
            root.finish();
        });
        assert_eq!(
            found,
            "a.toml:1:1: zeal: is not a key of this table; its keys are server, mount\n\
             a.toml:2:1: server.tls: is missing\n\
             a.toml:3:10: server.listen: must be a text in quotes\n\
             a.toml:4:11: server.backlog: must be a whole number from 1 to 9\n\
             a.toml:5:9: server.peers: is an empty list, which could mean all or nothing; leave the key out, or list something\n\
             a.toml:9:13: mount[1].id[1]: must be a text in quotes"
        );
    }

    #[test]
    fn all_places_that_are_not_toml() {
        let found = errors("a = \nb = 1\nb = 2\n[c\n", |_| panic!("a broken file is not looked into"));
        assert!(found.lines().count() >= 3, "{found}");
        assert!(found.starts_with("a.toml:1:5: is not TOML: "), "{found}");
        assert!(found.contains("a.toml:3:1: is not TOML: duplicate key"), "{found}");
    }

    #[test]
    fn names_as_keys() {
        let found = errors("[programs.demo]\ncurrency = 'USD'\n[programs.other]\ncurrency = 'US'\n", |root| {
            for (name, value) in root.section("programs").unwrap().entries() {
                let currency = value.section().unwrap().text("currency").unwrap();
                let known = currency.parse(|text| if text == "USD" { Ok(()) } else { Err("is not a currency") });
                assert_eq!(known.is_some(), name.text == "demo");
            }
        });
        assert_eq!(found, "a.toml:4:12: programs.other.currency: is not a currency");
    }
}
