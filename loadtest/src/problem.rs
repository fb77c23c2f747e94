//! Why a command ends without its figures: one sentence for the person who typed it.

use std::fmt;

/// What went wrong, in a sentence that says what to do where there is something to do.
#[derive(Debug)]
pub struct Problem(String);

impl Problem {
    /// A problem in one sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Problem(sentence.into())
    }

    /// Says of an error what was being done: `what: error`.
    pub fn doing<E: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Problem(format!("{what}: {error}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}
