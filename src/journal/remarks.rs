//! What an operator should read of the journal, each thing once: it is told from here, and nothing is decided by it.

use std::io;
use std::path::Path;

use super::error::JournalError;
use super::mark::{self, Found};
use super::schema::SCHEMA;
use super::wal::{self, TornEnd};

/// What is to be told, and what was.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    waiting: Vec<String>,
    mark_is_stuck: bool,
    /// Why it could not be reopened, the last time.
    closed: Option<String>,
}

impl Remarks {
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.waiting)
    }

    /// The journal was opened, and this was found.
    pub fn on_opening(&mut self, path: &Path, torn: Option<TornEnd>, schema: i32, found: &Found, next: i64) {
        if let Some(torn) = torn {
            let log = wal::path_of(path);
            self.waiting.push(format!(
                "{}: {torn} at the end are not whole and were cut off: a group that was being written when the process or the \
                 machine stopped; nothing in it was acknowledged",
                log.display()
            ));
        }
        if (1..SCHEMA).contains(&schema) {
            self.waiting.push(format!("{}: brought from schema {schema} to {SCHEMA}", path.display()));
        }
        let mark = path.with_file_name(mark::FILE);
        match found {
            // Schema 1 had none.
            Found::Nothing if schema > 1 && next > 1 => {
                self.waiting.push(format!(
                    "{}: is not there and is begun anew: a loss at the journal's end would not show",
                    mark.display()
                ));
            }
            Found::Damaged => {
                self.waiting.push(format!(
                    "{}: is damaged and is begun anew: a loss at the journal's end would not show",
                    mark.display()
                ));
            }
            Found::Nothing | Found::Synced(_) => {}
        }
    }

    /// The journal was reopened, or why it was not.
    pub fn on_reopening(&mut self, error: Option<&JournalError>) {
        let closed = error.map(ToString::to_string);
        if let Some(reason) = closed.as_ref().filter(|_| closed != self.closed) {
            self.waiting.push(format!("the journal cannot be opened again: {reason}"));
        }
        self.closed = closed;
    }

    pub fn mark_moved(&mut self) {
        self.mark_is_stuck = false;
    }

    pub fn mark_stuck(&mut self, error: &io::Error) {
        if !self.mark_is_stuck {
            self.waiting.push(format!("{} cannot be written: {error}; a loss at the journal's end would not show", mark::FILE));
        }
        self.mark_is_stuck = true;
    }
}
