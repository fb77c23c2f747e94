//! Reads a JSON object field by field, and notes everything that is wrong with it instead of stopping at the first.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::FieldError;

/// An object whose fields are taken one by one.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: String,
    taken: Vec<&'static str>,
    errors: &'a RefCell<Vec<FieldError>>,
}

impl<'a> Fields<'a> {
    /// The object at a path; anything else is noted.
    pub fn of(value: &'a Value, path: &str, errors: &'a RefCell<Vec<FieldError>>) -> Option<Self> {
        let Value::Object(object) = value else {
            errors.borrow_mut().push(FieldError::new(path, "must be an object"));
            return None;
        };
        Some(Fields { object, path: path.to_owned(), taken: Vec::new(), errors })
    }

    /// Where a field of it is.
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Notes that a field is wrong.
    pub fn wrong(&self, name: &str, problem: impl std::fmt::Display) {
        self.wrong_at(self.path_of(name), problem);
    }

    /// Notes that something below it is wrong.
    pub fn wrong_at(&self, path: String, problem: impl std::fmt::Display) {
        self.errors.borrow_mut().push(FieldError::new(path, problem));
    }

    /// A field that may be absent; `null` counts as absent.
    pub fn optional(&mut self, name: &'static str) -> Option<&'a Value> {
        self.taken.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be there.
    pub fn required(&mut self, name: &'static str) -> Option<&'a Value> {
        let value = self.optional(name);
        if value.is_none() {
            self.wrong(name, "is missing");
        }
        value
    }

    /// A text that must be there.
    pub fn text(&mut self, name: &'static str) -> Option<&'a str> {
        let value = self.required(name)?;
        self.as_text(name, value)
    }

    /// A text that may be absent.
    pub fn optional_text(&mut self, name: &'static str) -> Option<&'a str> {
        let value = self.optional(name)?;
        self.as_text(name, value)
    }

    fn as_text(&self, name: &str, value: &'a Value) -> Option<&'a str> {
        if !value.is_string() {
            self.wrong(name, "must be a text");
        }
        value.as_str()
    }

    /// A whole number between two, both included.
    pub fn whole(&mut self, name: &'static str, least: i64, most: i64) -> Option<i64> {
        let value = self.required(name)?;
        let number = value.as_i64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong(name, format_args!("must be a whole number from {least} to {most}"));
        }
        number
    }

    /// A list, whose items are read one by one; `None` if it is absent, empty or too long.
    pub fn list<T>(
        &self,
        name: &str,
        value: &'a Value,
        most: usize,
        mut read: impl FnMut(&'a Value, &str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = match value {
            Value::Array(items) if (1..=most).contains(&items.len()) => items,
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                self.wrong(name, format_args!("must be a list of 1 to {most} items"));
                return None;
            }
        };
        let path = self.path_of(name);
        let read: Vec<_> = items.iter().enumerate().map(|(index, item)| read(item, &format!("{path}[{index}]"))).collect();
        read.into_iter().collect()
    }

    /// A list of texts, each of which means something.
    pub fn texts<T>(
        &self,
        name: &str,
        value: &'a Value,
        most: usize,
        problem: &str,
        mean: impl Fn(&'a str) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.list(name, value, most, |item, path| {
            let meant = item.as_str().and_then(&mean);
            if meant.is_none() {
                self.wrong_at(path.to_owned(), problem);
            }
            meant
        })
    }

    /// Notes every field that nobody took.
    pub fn finish(self) {
        for name in self.object.keys().filter(|name| !self.taken.contains(&name.as_str())) {
            self.wrong(name, "is not a field of this template");
        }
    }
}
