//! Where two values differ: the path of each field, and what it was and is. Compared as they are written in JSON, so that no
//! field can be forgotten here.

use holdfast_core::{ProgramId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::journal::Record;

/// One field that came out differently.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The record.
    pub record: i64,
    /// When it was applied.
    pub at: Timestamp,
    /// Whose it is.
    pub program: Option<ProgramId>,
    /// The version that wrote it.
    pub engine: String,
    /// Which field, and its two values.
    pub field: Field,
}

/// A field with two values.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// From the record's body: `outcome.decision`.
    pub path: String,
    /// What the record says.
    pub before: Value,
    /// What comes out now.
    pub after: Value,
}

impl Field {
    /// Something that should be there to be compared with, and is not.
    pub(super) fn missing(path: &str, problem: String) -> Self {
        Field { path: path.to_owned(), before: Value::Null, after: Value::String(problem) }
    }
}

impl Difference {
    pub(super) fn new(number: i64, record: &Record, engine: &str, field: Field) -> Self {
        Difference { record: number, at: record.at, program: record.program, engine: engine.to_owned(), field }
    }

    /// One object, for machines.
    #[must_use]
    pub fn as_json(&self) -> Value {
        json!({
            "record": self.record,
            "at": self.at.to_string(),
            "program": self.program.map(|program| program.to_string()),
            "engine": self.engine,
            "field": self.field.path,
            "before": self.field.before,
            "after": self.field.after,
        })
    }
}

/// Adds every field in which two values of one type differ. Equal values cost one comparison.
pub(super) fn compare<T: PartialEq + Serialize>(path: &str, before: &T, after: &T, differences: &mut Vec<Field>) {
    if before == after {
        return;
    }
    let value = |value: &T| serde_json::to_value(value).unwrap_or(Value::Null);
    let found = differences.len();
    walk(path.to_owned(), value(before), value(after), differences);
    if differences.len() == found {
        // They differ in something that JSON does not show: still a difference.
        differences.push(Field { path: path.to_owned(), before: value(before), after: value(after) });
    }
}

fn walk(path: String, before: Value, after: Value, differences: &mut Vec<Field>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(before), Value::Object(mut after)) => {
            for (key, value) in before {
                let now = after.remove(&key).unwrap_or(Value::Null);
                walk(format!("{path}.{key}"), value, now, differences);
            }
            for (key, value) in after {
                walk(format!("{path}.{key}"), Value::Null, value, differences);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (before, after)) in before.into_iter().zip(after).enumerate() {
                walk(format!("{path}[{index}]"), before, after, differences);
            }
        }
        (before, after) => differences.push(Field { path, before, after }),
    }
}
