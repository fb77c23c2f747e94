//! What makes a call a payment of its own where its caller names none.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering as Memory};

use crate::clock;

/// Something that no other call has: what a process drew, and a count.
pub(super) struct Unique {
    process: u64,
    next: AtomicU64,
}

impl Default for Unique {
    fn default() -> Self {
        Unique { process: RandomState::new().build_hasher().finish(), next: AtomicU64::new(0) }
    }
}

impl Unique {
    pub(super) fn draw(&self) -> Vec<u8> {
        let count = self.next.fetch_add(1, Memory::Relaxed);
        let now = clock::utc().unix_micros();
        [self.process.to_le_bytes(), count.to_le_bytes(), now.to_le_bytes()].concat()
    }
}
