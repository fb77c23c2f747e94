//! Where the ledger is, as operators see it: one that says that it is ready, and does not answer, is not ready.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use holdfast_core::Timestamp;

use crate::ledger::Readiness;

/// Where a ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LedgerState {
    /// It reads its log, or looks for its database.
    Starting,
    /// It answers.
    Ready,
    /// It says that it can, and does not: its disk hangs, or questions came to nothing.
    NotAnswering,
    /// It says that it cannot.
    Unavailable,
}

impl LedgerState {
    /// As `/status` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            LedgerState::Starting => Readiness::Starting.name(),
            LedgerState::Ready => Readiness::Ready.name(),
            LedgerState::NotAnswering => "not_answering",
            LedgerState::Unavailable => Readiness::Unavailable.name(),
        }
    }
}

/// What is known of a ledger from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    /// What it says of itself.
    pub says: Readiness,
    /// Since when nobody asks it, as it did not answer.
    pub breaker_open: Option<Timestamp>,
    /// For how long it has been at one thing.
    pub at_it_for: Option<Duration>,
    /// For how long it may be.
    pub stall: Duration,
}

impl Signs {
    /// Where it is, and since when if the signs say so.
    pub fn state(&self, now: Timestamp) -> (LedgerState, Option<Timestamp>) {
        let stalls = self.at_it_for.filter(|at_it_for| *at_it_for >= self.stall).map(|at_it_for| now.saturating_sub(at_it_for));
        match (self.says, stalls.into_iter().chain(self.breaker_open).min()) {
            (Readiness::Starting, _) => (LedgerState::Starting, None),
            (Readiness::Unavailable, _) => (LedgerState::Unavailable, None),
            (Readiness::Ready, None) => (LedgerState::Ready, None),
            (Readiness::Ready, since @ Some(_)) => (LedgerState::NotAnswering, since),
        }
    }
}

/// Since when the ledger is where it is, as far as anybody looked.
#[derive(Debug, Default)]
pub struct SinceWhen(Mutex<Option<(LedgerState, Timestamp)>>);

impl SinceWhen {
    /// It was seen there: since then, if that is known, or since it was seen there first.
    pub(super) fn seen(&self, state: LedgerState, since: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match *last {
            Some((before, first)) if before == state => first,
            Some(_) | None => since.unwrap_or(now),
        };
        *last = Some((state, since));
        since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_micros(60_000_000);
    const STALL: Duration = Duration::from_millis(500);

    fn signs() -> Signs {
        Signs { says: Readiness::Ready, breaker_open: None, at_it_for: None, stall: STALL }
    }

    #[test]
    fn one_that_says_it_is_ready_is_so_only_if_it_answers() {
        let ago = |ms| NOW.saturating_sub(Duration::from_millis(ms));
        let at_it = |ms| Some(Duration::from_millis(ms));
        for (signs, expected) in [
            (signs(), (LedgerState::Ready, None)),
            (Signs { at_it_for: at_it(499), ..signs() }, (LedgerState::Ready, None)),
            (Signs { at_it_for: at_it(500), ..signs() }, (LedgerState::NotAnswering, Some(ago(500)))),
            (Signs { breaker_open: Some(ago(3)), ..signs() }, (LedgerState::NotAnswering, Some(ago(3)))),
            (Signs { breaker_open: Some(ago(3)), at_it_for: at_it(900), ..signs() }, (LedgerState::NotAnswering, Some(ago(900)))),
            (Signs { says: Readiness::Starting, at_it_for: at_it(900), ..signs() }, (LedgerState::Starting, None)),
            (Signs { says: Readiness::Unavailable, breaker_open: Some(NOW), ..signs() }, (LedgerState::Unavailable, None)),
        ] {
            assert_eq!(signs.state(NOW), expected, "{signs:?}");
        }
    }

    #[test]
    fn it_is_there_since_it_was_first_seen_there() {
        let (since, later) = (SinceWhen::default(), NOW.saturating_add(STALL));
        assert_eq!(since.seen(LedgerState::Ready, None, NOW), NOW);
        assert_eq!(since.seen(LedgerState::Ready, None, later), NOW);
        assert_eq!(since.seen(LedgerState::NotAnswering, Some(NOW), later), NOW);
        assert_eq!(since.seen(LedgerState::NotAnswering, Some(later), later), NOW, "a breaker that opens later changes nothing");
        assert_eq!(since.seen(LedgerState::Ready, None, later), later);
    }
}
