//! Where the ledger is, as operators see it: one that says that it is ready, and does not answer, is not ready.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use holdfast_core::Timestamp;

use crate::ledger::{Readiness, Standing};
use crate::spool::Away;

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
    /// Whether the ledger itself notes since when it is there: it may have gone and come back between two looks.
    const fn is_noted(self) -> bool {
        match self {
            LedgerState::Ready | LedgerState::Unavailable => true,
            LedgerState::Starting | LedgerState::NotAnswering => false,
        }
    }

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
    pub says: Standing,
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
        let Standing { readiness, since: says_so } = self.says;
        match (readiness, stalls.into_iter().chain(self.breaker_open).min()) {
            (Readiness::Starting, _) => (LedgerState::Starting, says_so),
            (Readiness::Unavailable, _) => (LedgerState::Unavailable, says_so),
            (Readiness::Ready, None) => (LedgerState::Ready, says_so),
            // The breaker may have opened while it said that it cannot.
            (Readiness::Ready, since @ Some(_)) => (LedgerState::NotAnswering, since.max(says_so)),
        }
    }
}

/// Since when the ledger is where it is, as it notes that itself, or as far as anybody looked.
#[derive(Debug, Default)]
pub struct SinceWhen {
    there: Mutex<Option<(LedgerState, Timestamp)>>,
    away: Mutex<Option<Timestamp>>,
    /// Since when it was away before this process, which has not seen it back.
    found: Mutex<Option<Timestamp>>,
}

impl SinceWhen {
    /// An earlier process may have left it away: then it is so until something is known to have become durable. That it says that it is
    /// ready says nothing: it has written nothing yet.
    #[must_use]
    pub fn found(last: Option<&Away>) -> Self {
        let since = last.filter(|away| away.until.is_none()).map(|away| away.since);
        SinceWhen { found: Mutex::new(since), ..SinceWhen::default() }
    }

    /// Since when it was away before, if it was not seen back.
    pub(super) fn found_away(&self) -> Option<Timestamp> {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something became durable in it.
    pub(super) fn is_back(&self) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// It was seen there: since then, if that is known, or since it was seen there first.
    pub(super) fn seen(&self, state: LedgerState, since: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let mut last = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match (*last, since) {
            (None, since) => since.unwrap_or(now),
            (Some((before, first)), Some(since)) if before == state && state.is_noted() => first.max(since),
            (Some((before, first)), _) if before == state => first,
            // That a start is over, or a breaker closed, is not noted: its ledger may have said all the while that it is ready.
            (Some((LedgerState::Starting | LedgerState::NotAnswering, _)), _) if state == LedgerState::Ready => now,
            (Some((_, first)), Some(since)) if first <= since => since,
            (Some(_), _) => now,
        };
        *last = Some((state, since));
        since
    }

    /// Since when it is away without having been back, as far as anybody looked: by what it says or by the breaker, and one may follow the
    /// other.
    pub(super) fn away(&self, since: Option<Timestamp>) -> Option<Timestamp> {
        let mut first = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        *first = since.map(|since| first.unwrap_or(since));
        *first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_micros(60_000_000);
    const STALL: Duration = Duration::from_millis(500);

    fn says(readiness: Readiness) -> Standing {
        Standing { readiness, since: None }
    }

    fn signs() -> Signs {
        Signs { says: says(Readiness::Ready), breaker_open: None, at_it_for: None, stall: STALL }
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
            (Signs { says: says(Readiness::Starting), at_it_for: at_it(900), ..signs() }, (LedgerState::Starting, None)),
            (Signs { says: says(Readiness::Unavailable), breaker_open: Some(NOW), ..signs() }, (LedgerState::Unavailable, None)),
            (
                Signs { says: Standing { since: Some(ago(2)), ..says(Readiness::Ready) }, breaker_open: Some(ago(3)), ..signs() },
                (LedgerState::NotAnswering, Some(ago(2))),
            ),
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

    #[test]
    fn what_the_ledger_notes_counts_and_what_ends_unnoted_counts_as_seen() {
        let since = SinceWhen::default();
        let at = Timestamp::from_unix_seconds;
        for (state, noted, now, expected) in [
            (LedgerState::Starting, Some(1), 1, 1),
            // It was ready before questions reached it.
            (LedgerState::Ready, Some(2), 5, 5),
            (LedgerState::Ready, Some(2), 6, 5),
            (LedgerState::Unavailable, Some(7), 9, 7),
            (LedgerState::Ready, Some(10), 12, 10),
            // It went and came back, and nobody looked.
            (LedgerState::Ready, Some(20), 22, 20),
            (LedgerState::NotAnswering, Some(23), 24, 23),
            (LedgerState::Ready, Some(20), 26, 26),
            (LedgerState::NotAnswering, Some(27), 28, 27),
            (LedgerState::Unavailable, Some(29), 31, 29),
        ] {
            assert_eq!(since.seen(state, noted.map(at), at(now)), at(expected), "{state:?} at {now}");
        }
    }

    #[test]
    fn an_outage_that_goes_over_from_one_sign_to_another_is_one() {
        let (since, at) = (SinceWhen::default(), |second| Some(Timestamp::from_unix_seconds(second)));
        for (sign, expected) in [(None, None), (at(3), at(3)), (at(5), at(3)), (None, None), (at(7), at(7))] {
            assert_eq!(since.away(sign), expected);
        }
    }
}
