//! Since when the writer is at its disk: one that hangs says nothing by itself, and whoever looks from outside has to see it all the same.

use std::sync::{Mutex, PoisonError};

use crate::clock::{self, Instant};

/// Whether the writer is at its disk, and since when.
#[derive(Debug, Default)]
pub struct AtDisk(Mutex<Option<Instant>>);

/// The writer is at its disk until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Visit<'a>(&'a AtDisk);

impl AtDisk {
    /// It goes there now.
    pub fn visit(&self) -> Visit<'_> {
        self.set(Some(clock::instant()));
        Visit(self)
    }

    /// Since when it is there.
    pub fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}
