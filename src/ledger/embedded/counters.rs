//! What limits have counted, by window. Nothing here decides.

use std::collections::VecDeque;

use holdfast_core::Timestamp;
use holdfast_core::hold::LimitUse;
use holdfast_core::rules::Window;
use serde::{Deserialize, Serialize};

/// What one limit has counted for one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counter {
    /// In the calendar window that began then. An older window is closed: nothing counts there any more.
    Since(Timestamp, LimitUse),
    /// By bucket, oldest first, gaps left out.
    Rolling(VecDeque<(i64, LimitUse)>),
    /// For ever.
    Lifetime(LimitUse),
}

impl Counter {
    /// A counter for a kind of window, with nothing counted.
    pub fn new(window: Window) -> Self {
        match window {
            Window::Since(since) => Counter::Since(since, LimitUse::default()),
            Window::Rolling { .. } => Counter::Rolling(VecDeque::new()),
            Window::Lifetime => Counter::Lifetime(LimitUse::default()),
        }
    }

    /// The window that is open, for a question that names the one which was open when it came. Another question may have opened the
    /// next one since, and a calendar may have been moved to another zone: what was closed is not opened again, or a limit that is
    /// reached would allow everything until its window ends.
    pub fn open_window(&self, asked: Window) -> Window {
        match (self, asked) {
            (Counter::Since(since, _), Window::Since(asked)) => Window::Since((*since).max(asked)),
            (Counter::Rolling(counted), Window::Rolling { bucket, buckets }) => {
                Window::Rolling { bucket: counted.back().map_or(bucket, |(newest, _)| bucket.max(*newest)), buckets }
            }
            (Counter::Since(..) | Counter::Rolling(_) | Counter::Lifetime(_), _) => asked,
        }
    }

    /// What counts in a window that is open now.
    pub fn used(&self, window: Window) -> LimitUse {
        match (self, self.open_window(window)) {
            (Counter::Since(since, used), Window::Since(asked)) if *since == asked => *used,
            (Counter::Lifetime(used), Window::Lifetime) => *used,
            (Counter::Rolling(buckets), Window::Rolling { bucket, buckets: length }) => {
                let oldest = bucket.saturating_sub(i64::from(length)).saturating_add(1);
                let open = buckets.iter().filter(|(number, _)| *number >= oldest && *number <= bucket);
                open.fold(LimitUse::default(), |sum, (_, used)| LimitUse {
                    amount: sum.amount.saturating_add(used.amount),
                    count: sum.count.saturating_add(used.count),
                })
            }
            (Counter::Since(..) | Counter::Rolling(_) | Counter::Lifetime(_), _) => LimitUse::default(),
        }
    }

    /// Counts more (or less) in the window where it belongs. What belongs to a window that is closed is forgotten.
    pub fn count(&mut self, window: Window, amount: i64, count: i32) {
        let add = |used: &mut LimitUse| {
            used.amount = used.amount.saturating_add(amount);
            used.count = used.count.saturating_add_signed(count);
        };
        match (&mut *self, window) {
            (Counter::Since(since, used), Window::Since(counted)) if *since == counted => add(used),
            (Counter::Since(since, used), Window::Since(counted)) if *since < counted => {
                *since = counted;
                *used = LimitUse::default();
                add(used);
            }
            (Counter::Since(..), Window::Since(_)) => {}
            (Counter::Lifetime(used), Window::Lifetime) => add(used),
            (Counter::Rolling(buckets), Window::Rolling { bucket, buckets: length }) => {
                match buckets.binary_search_by_key(&bucket, |(number, _)| *number) {
                    Ok(place) => {
                        if let Some((_, used)) = buckets.get_mut(place) {
                            add(used);
                        }
                    }
                    Err(place) => {
                        let mut used = LimitUse::default();
                        add(&mut used);
                        buckets.insert(place, (bucket, used));
                    }
                }
                let newest = buckets.back().map_or(bucket, |(number, _)| *number);
                let oldest = newest.saturating_sub(i64::from(length)).saturating_add(1);
                while buckets.front().is_some_and(|(number, _)| *number < oldest) {
                    buckets.pop_front();
                }
            }
            // The limit's kind of window changed: its key changes with it, so this counter is another limit's.
            (Counter::Since(..) | Counter::Rolling(_) | Counter::Lifetime(_), _) => {
                *self = Counter::new(window);
                self.count(window, amount, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rolling(bucket: i64) -> Window {
        Window::Rolling { bucket, buckets: 3 }
    }

    #[test]
    fn a_rolling_window_forgets_its_oldest_bucket() {
        let mut counter = Counter::new(rolling(10));
        for bucket in [10, 11, 12, 13] {
            counter.count(rolling(bucket), 100, 1);
        }
        assert_eq!(counter.used(rolling(13)), LimitUse { amount: 300, count: 3 });
        assert_eq!(counter.used(rolling(14)), LimitUse { amount: 200, count: 2 });
        counter.count(rolling(12), -100, -1);
        assert_eq!(counter.used(rolling(13)), LimitUse { amount: 200, count: 2 });
    }

    #[test]
    fn what_was_closed_is_not_opened_again_by_a_question_that_came_before() {
        let [monday, tuesday] = [0, 86_400].map(Timestamp::from_unix_seconds).map(Window::Since);
        let mut counter = Counter::new(tuesday);
        counter.count(tuesday, 500, 1);
        assert_eq!(counter.used(monday), LimitUse { amount: 500, count: 1 }, "it counts where the others do");
        assert_eq!((counter.open_window(monday), counter.open_window(tuesday)), (tuesday, tuesday));

        let mut counter = Counter::new(rolling(10));
        counter.count(rolling(10), 100, 1);
        counter.count(rolling(12), 100, 1);
        assert_eq!(counter.used(rolling(11)), LimitUse { amount: 200, count: 2 }, "what came later counts as well");
        assert_eq!(counter.open_window(rolling(9)), rolling(12));
    }

    #[test]
    fn money_returned_to_a_closed_day_does_not_open_the_next() {
        let (monday, tuesday) = (Timestamp::from_unix_seconds(0), Timestamp::from_unix_seconds(86_400));
        let mut counter = Counter::new(Window::Since(monday));
        counter.count(Window::Since(monday), 700, 1);
        counter.count(Window::Since(tuesday), 500, 1);
        counter.count(Window::Since(monday), -700, -1);
        assert_eq!(counter.used(Window::Since(tuesday)), LimitUse { amount: 500, count: 1 });
        assert_eq!(counter, Counter::Since(tuesday, LimitUse { amount: 500, count: 1 }));
    }
}
