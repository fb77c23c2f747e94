//! Whether the projection has everything that memory may have let go of, for whoever looks things up in it beside its
//! follower: while it is made anew it has not, and what is not found says nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts how often the projection was made anew: odd while it is.
#[derive(Debug, Default)]
pub struct Wholeness(AtomicU64);

/// Which making of the projection is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Making(u64);

impl Wholeness {
    /// The making that can be looked into; `None` while the projection is made anew.
    pub fn making(&self) -> Option<Making> {
        let number = self.0.load(Ordering::Acquire);
        number.is_multiple_of(2).then_some(Making(number))
    }

    /// It is thrown away.
    pub fn lost(&self) {
        self.0.fetch_or(1, Ordering::AcqRel);
    }

    /// It has everything again.
    pub fn made(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
