//! When requests are due: a fixed arrival rate, computed from the request's number so that no error adds up. No clock here.

use std::num::NonZeroU32;
use std::time::Duration;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// The intended send times of one open-loop run, from its start.
#[derive(Debug, Clone)]
pub struct Schedule {
    rate: NonZeroU32,
    next: u64,
    count: u64,
}

impl Schedule {
    /// So many requests a second for so many whole seconds; the first one is due at once.
    pub fn new(rate: NonZeroU32, seconds: NonZeroU32) -> Self {
        Schedule { rate, next: 0, count: u64::from(rate.get()).saturating_mul(u64::from(seconds.get())) }
    }

    /// So many requests a second until there were `count`.
    pub const fn of_count(rate: NonZeroU32, count: u64) -> Self {
        Schedule { rate, next: 0, count }
    }

    /// When the request of that number is due, whether or not the schedule has so many.
    fn due(&self, number: u64) -> Duration {
        let nanos = u128::from(number).saturating_mul(NANOS_PER_SECOND).checked_div(u128::from(self.rate.get()));
        Duration::from_nanos(nanos.and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(u64::MAX))
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.next >= self.count {
            return None;
        }
        let due = self.due(self.next);
        self.next = self.next.saturating_add(1);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: u32, seconds: u32) -> Schedule {
        Schedule::new(NonZeroU32::new(rate).unwrap(), NonZeroU32::new(seconds).unwrap())
    }

    #[test]
    fn every_rate_has_its_count_and_its_due_times() {
        // rate, seconds, how many, when the second, the last of the first second and the last of all are due (ns)
        let cases = [
            (1, 1, 1, None, 0, 0),
            (1, 3, 3, Some(1_000_000_000), 0, 2_000_000_000),
            (3, 2, 6, Some(333_333_333), 666_666_666, 1_666_666_666),
            (64, 1, 64, Some(15_625_000), 984_375_000, 984_375_000),
            (70_000, 2, 140_000, Some(14_285), 999_985_714, 1_999_985_714),
            (1_000_000_007, 1, 1_000_000_007, Some(0), 999_999_999, 999_999_999),
        ];
        for (rate, seconds, count, second, last_of_first_second, last) in cases {
            let plan = schedule(rate, seconds);
            assert_eq!(plan.count, count, "{rate}/s for {seconds} s");
            assert_eq!(plan.clone().take(2).nth(1), second.map(Duration::from_nanos), "{rate}/s for {seconds} s");
            assert_eq!(plan.due(u64::from(rate) - 1), Duration::from_nanos(last_of_first_second), "{rate}/s for {seconds} s");
            assert_eq!(plan.due(count - 1), Duration::from_nanos(last), "{rate}/s for {seconds} s");
        }
    }

    #[test]
    fn nothing_adds_up_over_a_day() {
        let plan = schedule(7, 86_400);
        assert_eq!(plan.due(7 * 86_400), Duration::from_secs(86_400));
    }

    #[test]
    fn it_ends_after_its_count_and_never_goes_back() {
        let times: Vec<Duration> = schedule(997, 2).collect();
        assert_eq!(times.len(), 1994);
        assert!(times.is_sorted());
        assert!(times.last().unwrap() < &Duration::from_secs(2));
    }
}
