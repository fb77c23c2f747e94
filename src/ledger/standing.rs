//! Whether a ledger can answer, and since when: noted where that changes, so that nobody has to have looked at that moment.

use std::sync::atomic::{AtomicI64, Ordering};

use holdfast_core::Timestamp;

use super::Readiness;
use crate::clock::{self, Instant};

/// Whether a ledger can answer, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether it can.
    pub readiness: Readiness,
    /// Since when; nothing where it does not note that.
    pub since: Option<Timestamp>,
}

/// What it says of whether a ledger takes writes that it answers a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// Whoever answers takes them, too, or says that it cannot.
    AsItReads,
    /// Nothing: it reads where its writes wait, too. This is when the last write of its own began that is durable.
    Proved(Option<Instant>),
}

/// Where a ledger stands, as its thread notes it and anybody reads it: one number, so that both are of one moment. Its lowest two bits
/// say which; the others are the moment's microseconds.
#[derive(Debug)]
pub struct Stands(AtomicI64);

const STARTING: i64 = 0;
const READY: i64 = 1;
const UNAVAILABLE: i64 = 2;

impl Stands {
    /// It begins now.
    pub fn starting() -> Self {
        Stands(AtomicI64::new(number_of(Readiness::Starting, clock::utc())))
    }

    /// Where it stands, and since when.
    pub fn now(&self) -> (Readiness, Timestamp) {
        let number = self.0.load(Ordering::Acquire);
        let readiness = match number & 3 {
            STARTING => Readiness::Starting,
            READY => Readiness::Ready,
            _ => Readiness::Unavailable,
        };
        (readiness, Timestamp::from_unix_micros(number >> 2))
    }

    /// It stands there from now on. Said again, it stands there since it was said first. Only one thread says it.
    pub fn become_now(&self, readiness: Readiness) {
        if self.now().0 != readiness {
            self.0.store(number_of(readiness, clock::utc()), Ordering::Release);
        }
    }
}

const fn number_of(readiness: Readiness, since: Timestamp) -> i64 {
    let which = match readiness {
        Readiness::Starting => STARTING,
        Readiness::Ready => READY,
        Readiness::Unavailable => UNAVAILABLE,
    };
    (since.unix_micros() << 2) | which
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_there_since_it_was_said_first() {
        let began = clock::utc();
        let stands = Stands::starting();
        assert_eq!(stands.now().0, Readiness::Starting);
        for readiness in [Readiness::Ready, Readiness::Unavailable, Readiness::Ready] {
            stands.become_now(readiness);
            let (said, since) = stands.now();
            assert_eq!(said, readiness);
            assert!(began <= since && since <= clock::utc(), "{since}");
            while clock::utc() <= since {
                std::thread::yield_now();
            }
            stands.become_now(readiness);
            assert_eq!(stands.now(), (readiness, since));
        }
    }
}
