//! What is wrong with a body: gathered while it is read, so that whoever sent it hears all of it at once. No value is ever repeated.

use super::wire::Sent;
use crate::inbound::Malformed;

/// Whether a field may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: Vec<Malformed>,
}

impl Faults {
    /// Notes what is wrong with a field.
    pub(super) fn wrong(&mut self, path: &'static str, problem: &'static str) {
        self.found.push(Malformed::field(path, problem));
    }

    /// What was read; what was wrong with it is noted.
    pub(super) fn taken<T>(&mut self, read: Result<T, Malformed>) -> Option<T> {
        read.map_err(|malformed| self.found.push(malformed)).ok()
    }

    /// A field's value, if it is there and of its type.
    pub(super) fn value<'s, T>(&mut self, path: &'static str, sent: &'s Sent<T>, need: Need) -> Option<&'s T> {
        match (sent, need) {
            (Sent::Nothing, Need::Required) => self.wrong(path, "is missing"),
            (Sent::Wrong, _) => self.wrong(path, "has a value of the wrong type"),
            (Sent::Nothing, Need::Optional) | (Sent::Value(_), _) => {}
        }
        sent.value()
    }

    /// What was read of the whole body, if nothing is wrong with any of it.
    ///
    /// # Errors
    /// The first fault, with all others.
    pub(super) fn ended<T>(self, read: Option<T>) -> Result<T, Malformed> {
        let mut found = self.found.into_iter();
        match (found.next(), read) {
            (None, Some(read)) => Ok(read),
            (Some(first), _) => Err(Malformed { others: found.collect(), ..first }),
            (None, None) => Err(Malformed::field("", "has no name")),
        }
    }
}
