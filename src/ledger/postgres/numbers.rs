//! Numbers of holds and records: made by each responder without asking, never twice, and growing with time.
//!
//! 41 bits of milliseconds, 10 of the responder's own number, 12 of a count within the millisecond. Nothing here reads a
//! clock.

use std::sync::atomic::{AtomicI64, Ordering};

use holdfast_core::Timestamp;

/// 2025-01-01, from which milliseconds are counted: 41 bits reach into 2094.
const BEGINS_MS: i64 = 1_735_689_600_000;

/// Bits of the count within a millisecond.
const COUNT_BITS: u32 = 12;

/// How many numbers a millisecond has.
const COUNT: i64 = 1 << COUNT_BITS;

/// Bits of the responder's number.
const NODE_BITS: u32 = 10;

/// The most numbers that are taken at once.
pub const TAKEN_MAX: u16 = 1 << 10;

/// When a number was made, to the millisecond.
#[must_use]
pub const fn made_at(number: i64) -> Timestamp {
    let ms = BEGINS_MS.saturating_add(number >> (COUNT_BITS + NODE_BITS));
    Timestamp::from_unix_micros(ms.saturating_mul(1_000))
}

/// One responder's numbers.
#[derive(Debug)]
pub struct Numbers {
    node: AtomicI64,
    /// The next one's milliseconds and count, without the responder between them.
    next: AtomicI64,
}

impl Numbers {
    /// Of the responder with this number.
    pub fn of(node: i16) -> Self {
        let numbers = Numbers { node: AtomicI64::new(0), next: AtomicI64::new(0) };
        numbers.become_of(node);
        numbers
    }

    /// From now on of the responder with this number.
    pub fn become_of(&self, node: i16) {
        self.node.store(i64::from(node) & ((1 << NODE_BITS) - 1), Ordering::Relaxed);
    }

    /// The responder's number.
    pub fn node(&self) -> i16 {
        i16::try_from(self.node.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// So many numbers, one after the other; the first of them. More than [`TAKEN_MAX`] are not to be had.
    pub fn take(&self, many: u16, now: Timestamp) -> i64 {
        let many = i64::from(many.clamp(1, TAKEN_MAX));
        let ms = now.unix_micros().div_euclid(1_000).saturating_sub(BEGINS_MS).max(0);
        let first = |next: i64| {
            let next = next.max(ms << COUNT_BITS);
            // All of them are within one millisecond: the bits above are the responder's.
            let left = COUNT.saturating_sub(next & (COUNT - 1));
            if left < many { next.saturating_add(left) } else { next }
        };
        let moved = |next| Some(first(next).saturating_add(many));
        let before = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved).unwrap_or_else(|next| next);
        let first = first(before);
        (first >> COUNT_BITS) << (COUNT_BITS + NODE_BITS) | i64::from(self.node()) << COUNT_BITS | (first & (COUNT - 1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_number_is_made_twice() {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let (one, other) = (Numbers::of(1), Numbers::of(1023));
        let mut made = BTreeSet::new();
        for round in 0..3_000_u16 {
            let many = round % 7 + 1;
            for numbers in [&one, &other] {
                let first = numbers.take(many, now);
                assert!(first > 0);
                assert!((first..).take(many.into()).all(|number| made.insert(number)), "{first} again");
            }
        }
    }

    #[test]
    fn numbers_grow_also_when_the_clock_is_set_back() {
        let numbers = Numbers::of(7);
        let at = |seconds| numbers.take(1, Timestamp::from_unix_seconds(seconds));
        let made = [at(1_800_000_000), at(1_800_000_000), at(1_700_000_000), at(1_800_000_001)];
        assert!(made.is_sorted() && made[0] < made[1], "{made:?}");
    }
}
