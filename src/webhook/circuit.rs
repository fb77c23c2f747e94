//! When an endpoint is asked again: the wait after each failure of an event, and the circuit that spares an endpoint which does not
//! answer at all. Pure: moments come in, moments come out.

use std::time::Duration;

use holdfast_core::Timestamp;

/// After so many failures an event is a dead letter: somebody has to look at it.
pub const ATTEMPTS_MAX: u32 = 12;

/// The wait after the first failure, the second, and so on; the last one for all that follow. In all, a little over three days.
const WAITS_SECONDS: [u64; 11] = [5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// So many failures in a row open the circuit.
const FAILURES_TO_OPEN: u32 = 5;

/// How long it stays open: at first, and at the longest.
const OPEN_SECONDS_MIN: u64 = 5;
const OPEN_SECONDS_MAX: u64 = 300;

/// How long to wait after so many failures of an event; `luck`, from 0 to 255, spreads what failed together by a fifth.
#[must_use]
pub fn wait_after(failures: u32, luck: u8) -> Duration {
    let place = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = WAITS_SECONDS.get(place).or(WAITS_SECONDS.last()).copied().unwrap_or(OPEN_SECONDS_MIN);
    spread(seconds, luck)
}

/// So many seconds, and up to a fifth more.
fn spread(seconds: u64, luck: u8) -> Duration {
    let base = seconds.saturating_mul(1_000);
    let more = (base / 5).saturating_mul(u64::from(luck)) / 255;
    Duration::from_millis(base.saturating_add(more))
}

/// Whether an endpoint is sent anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circuit {
    failures: u32,
    /// When the last one was counted.
    counted_at: Option<Timestamp>,
    /// While it is open: when one event may try whether the endpoint is back.
    probe_at: Option<Timestamp>,
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Everything.
    Free,
    /// One event, to try.
    Probe,
    /// Nothing before that moment.
    Shut(Timestamp),
}

impl Circuit {
    /// What may be sent now.
    #[must_use]
    pub fn passage(&self, now: Timestamp) -> Passage {
        match self.probe_at {
            None => Passage::Free,
            Some(at) if at <= now => Passage::Probe,
            Some(at) => Passage::Shut(at),
        }
    }

    /// Whether it is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.probe_at.is_some()
    }

    /// The endpoint took something.
    pub fn succeeded(&mut self) {
        *self = Circuit::default();
    }

    /// It did not take what was sent at `began`. What was on its way together fails together, and is one failure: an endpoint that is
    /// away for a moment is not spared for minutes because it was busy.
    pub fn failed(&mut self, began: Timestamp, now: Timestamp, luck: u8) {
        let before_it_opened = self.counted_at.is_some_and(|counted_at| began < counted_at);
        // An operator's own try, out of turn, is no reason to spare it for longer.
        let out_of_turn = self.probe_at.is_some_and(|probe_at| began < probe_at);
        if before_it_opened || out_of_turn {
            return;
        }
        self.counted_at = Some(now);
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_TO_OPEN {
            let doubled = self.failures.saturating_sub(FAILURES_TO_OPEN).min(16);
            let seconds = OPEN_SECONDS_MIN.saturating_mul(1_u64.wrapping_shl(doubled)).min(OPEN_SECONDS_MAX);
            let wait = spread(seconds, luck).min(Duration::from_secs(OPEN_SECONDS_MAX));
            self.probe_at = Some(now.saturating_add(wait));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_after_each_failure_and_never_less_than_told() {
        let waits: Vec<u64> = (1..=ATTEMPTS_MAX).map(|failures| wait_after(failures, 0).as_secs()).collect();
        assert!(waits.is_sorted(), "{waits:?}");
        assert_eq!(waits.first(), Some(&5));
        assert_eq!(waits.last(), Some(&86_400));
        assert_eq!(wait_after(1, 255), Duration::from_secs(6), "spread by a fifth at the most");
        assert_eq!(wait_after(u32::MAX, 0), Duration::from_secs(86_400));
    }

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_try() {
        let (mut circuit, now) = (Circuit::default(), Timestamp::from_unix_seconds(1_000));
        for _ in 1..FAILURES_TO_OPEN {
            circuit.failed(now, now, 0);
            assert_eq!(circuit.passage(now), Passage::Free);
        }
        circuit.failed(now, now, 0);
        let at = Timestamp::from_unix_seconds(1_005);
        assert_eq!(circuit.passage(now), Passage::Shut(at));
        assert_eq!(circuit.passage(at), Passage::Probe);
        circuit.failed(at, at, 0);
        assert_eq!(circuit.passage(at), Passage::Shut(Timestamp::from_unix_seconds(1_015)), "twice as long");
        let mut at = at;
        for _ in 0..40 {
            // As soon as it may be tried.
            if let Passage::Shut(due) = circuit.passage(at) {
                at = due;
            }
            circuit.failed(at, at, 255);
        }
        let longest = Passage::Shut(at.saturating_add(Duration::from_secs(300)));
        assert_eq!(circuit.passage(at), longest, "never longer than five minutes");
        circuit.succeeded();
        assert_eq!(circuit.passage(at), Passage::Free);
        circuit.failed(at, at, 0);
        assert_eq!(circuit.passage(at), Passage::Free, "counts from the start again");
    }

    #[test]
    fn what_was_on_its_way_together_is_one_failure() {
        let (mut circuit, second) = (Circuit::default(), |second| Timestamp::from_unix_seconds(second));
        for came_back in 10..42 {
            circuit.failed(second(9), second(came_back), 0);
        }
        assert_eq!(circuit.passage(second(42)), Passage::Free);
        for began in 50..54 {
            circuit.failed(second(began), second(began), 0);
        }
        assert_eq!(circuit.passage(second(54)), Passage::Shut(second(58)));
        circuit.failed(second(52), second(57), 0);
        assert_eq!(circuit.passage(second(58)), Passage::Probe, "what was sent before it opened keeps it open no longer");
        circuit.failed(second(57), second(60), 0);
        assert_eq!(circuit.passage(second(58)), Passage::Probe, "nor does what an operator wanted sent out of turn");
    }
}
