//! Whether the projection has everything that memory may have let go of, for whoever looks things up in it beside its
//! follower: while it is made anew it has not, and what is not found says nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// What can be looked up.
#[derive(Debug, Default)]
pub struct Wholeness {
    /// Counts how often the projection was made anew: odd while it is.
    makings: AtomicU64,
}

/// Which making of the projection is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Making(pub u64);

impl Wholeness {
    /// The making that can be looked into; `None` while the projection is made anew.
    pub fn making(&self) -> Option<Making> {
        let number = self.makings.load(Ordering::Acquire);
        number.is_multiple_of(2).then_some(Making(number))
    }

    /// It is thrown away.
    pub fn lost(&self) {
        self.makings.fetch_or(1, Ordering::AcqRel);
    }

    /// It has everything again.
    pub fn made(&self) {
        self.makings.fetch_add(1, Ordering::AcqRel);
    }
}
