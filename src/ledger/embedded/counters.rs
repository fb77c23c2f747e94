//! What limits have counted, by window, and when nothing of it can count any more. Nothing here decides.

use std::collections::VecDeque;
use std::time::Duration;

use holdfast_core::Timestamp;
use holdfast_core::hold::LimitUse;
use holdfast_core::rules::{StillOpen, Window};
use serde::{Deserialize, Serialize, Serializer};

/// The longest that a question may name a window after it ended: one that came before and waited, a calendar that was moved to another
/// zone, a clock that was put back.
const NAMED_AFTER_MAX: Duration = Duration::from_secs(2 * 86_400);

/// No calendar window is longer than 31 days and the hour that clocks are put back. Which one it is, only its limit knows.
const CALENDAR_MAX: Duration = Duration::from_secs(32 * 86_400);

/// What one limit has counted for one subject.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Kept")]
pub enum Counter {
    /// In the calendar window that began then. An older window is closed: nothing counts there any more.
    Since(Timestamp, LimitUse),
    /// By bucket, oldest first, gaps left out; and when nothing of it can count any more, where that is known.
    Rolling(VecDeque<(i64, LimitUse)>, Option<Timestamp>),
    /// For ever.
    Lifetime(LimitUse),
}

/// A counter as files have it: a new kind is added at the end.
#[derive(Deserialize)]
enum Kept {
    Since(Timestamp, LimitUse),
    Rolling(VecDeque<(i64, LimitUse)>),
    Lifetime(LimitUse),
    RollingUntil(VecDeque<(i64, LimitUse)>, Timestamp),
}

impl From<Kept> for Counter {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Since(since, used) => Counter::Since(since, used),
            Kept::Rolling(buckets) => Counter::Rolling(buckets, None),
            Kept::Lifetime(used) => Counter::Lifetime(used),
            Kept::RollingUntil(buckets, over) => Counter::Rolling(buckets, Some(over)),
        }
    }
}

/// What [`Kept`] is read from, of a counter that stays where it is.
#[derive(Serialize)]
enum KeptRef<'a> {
    Since(Timestamp, LimitUse),
    Rolling(&'a VecDeque<(i64, LimitUse)>),
    Lifetime(LimitUse),
    RollingUntil(&'a VecDeque<(i64, LimitUse)>, Timestamp),
}

impl Serialize for Counter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = match self {
            Counter::Since(since, used) => KeptRef::Since(*since, *used),
            Counter::Rolling(buckets, None) => KeptRef::Rolling(buckets),
            Counter::Lifetime(used) => KeptRef::Lifetime(*used),
            Counter::Rolling(buckets, Some(over)) => KeptRef::RollingUntil(buckets, *over),
        };
        kept.serialize(serializer)
    }
}

/// What [`Counter::count`] changes, as it was.
#[derive(Debug)]
pub enum Before {
    /// All of it.
    Whole(Counter),
    /// In a rolling window: the bucket that counted, those that were dropped with it, and when it was over. So a counter of many buckets is
    /// not copied for each payment.
    Bucket {
        /// The number of the bucket.
        number: i64,
        /// What it had; nothing where it was not there, or was dropped itself.
        used: Option<LimitUse>,
        /// Those that were too old beside it, oldest first.
        dropped: Vec<(i64, LimitUse)>,
        /// When nothing of the counter could count any more.
        over: Option<Timestamp>,
    },
}

/// From when on nothing that was counted in a window, at that time, can count any more; `None` for ever.
///
/// How long a bucket is, only the limit knows; but bucket number `n` is the `n`-th since 1970, so that at that time none was longer
/// than the time since 1970 divided by `n`.
fn over_from(window: Window, at: Timestamp) -> Option<Timestamp> {
    let end = match window {
        Window::Since(since) => since.saturating_add(CALENDAR_MAX),
        Window::Rolling { bucket, buckets } if bucket > 0 => {
            let open = i128::from(buckets).saturating_add(1).saturating_mul(i128::from(at.unix_micros()));
            let open = open.checked_div(i128::from(bucket)).and_then(|micros| i64::try_from(micros).ok()).unwrap_or(i64::MAX);
            Timestamp::from_unix_micros(at.unix_micros().saturating_add(open))
        }
        Window::Rolling { .. } | Window::Lifetime => return None,
    };
    Some(end.saturating_add(NAMED_AFTER_MAX))
}

/// The oldest bucket that stays once one of that number has counted.
fn oldest_kept(buckets: &VecDeque<(i64, LimitUse)>, counts: i64, length: u8) -> i64 {
    let newest = buckets.back().map_or(counts, |(newest, _)| counts.max(*newest));
    newest.saturating_sub(i64::from(length)).saturating_add(1)
}

impl Counter {
    /// A counter for a kind of window, with nothing counted.
    pub fn new(window: Window) -> Self {
        match window {
            Window::Since(since) => Counter::Since(since, LimitUse::default()),
            Window::Rolling { .. } => Counter::Rolling(VecDeque::new(), None),
            Window::Lifetime => Counter::Lifetime(LimitUse::default()),
        }
    }

    /// Whether nothing of it can count any more: whoever finds none finds the same.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.over().is_some_and(|over| over < now)
    }

    /// From when on nothing of it can count any more, where that is known.
    pub fn over(&self) -> Option<Timestamp> {
        match self {
            Counter::Since(since, _) => over_from(Window::Since(*since), *since),
            Counter::Rolling(_, over) => *over,
            Counter::Lifetime(_) => None,
        }
    }

    /// The window that is open, for a question that names the one which was open when it came, by a calendar that may have been moved.
    /// Another question may have opened the next one since: what was closed is not opened again, and what an earlier calendar opened
    /// is not closed before its time, or a limit that is reached would allow everything until its window ends.
    pub fn open_window(&self, asked: Window, still: StillOpen) -> Window {
        match (self, asked) {
            (Counter::Since(since, _), Window::Since(_)) if still.has(*since) => Window::Since(*since),
            (Counter::Since(since, _), Window::Since(asked)) => Window::Since((*since).max(asked)),
            (Counter::Rolling(counted, _), Window::Rolling { bucket, buckets }) => {
                Window::Rolling { bucket: counted.back().map_or(bucket, |(newest, _)| bucket.max(*newest)), buckets }
            }
            (Counter::Since(..) | Counter::Rolling(..) | Counter::Lifetime(_), _) => asked,
        }
    }

    /// What counts in a window that is open now.
    pub fn used(&self, window: Window, still: StillOpen) -> LimitUse {
        match (self, self.open_window(window, still)) {
            (Counter::Since(since, used), Window::Since(asked)) if *since == asked => *used,
            (Counter::Lifetime(used), Window::Lifetime) => *used,
            (Counter::Rolling(buckets, _), Window::Rolling { bucket, buckets: length }) => {
                let oldest = bucket.saturating_sub(i64::from(length)).saturating_add(1);
                let open = buckets.iter().filter(|(number, _)| *number >= oldest && *number <= bucket);
                open.fold(LimitUse::default(), |sum, (_, used)| LimitUse {
                    amount: sum.amount.saturating_add(used.amount),
                    count: sum.count.saturating_add(used.count),
                })
            }
            (Counter::Since(..) | Counter::Rolling(..) | Counter::Lifetime(_), _) => LimitUse::default(),
        }
    }

    /// What [`count`](Self::count) in a window will change.
    pub fn before(&self, window: Window) -> Before {
        match (self, window) {
            (Counter::Rolling(buckets, over), Window::Rolling { bucket, buckets: length }) => {
                let oldest = oldest_kept(buckets, bucket, length);
                let known = buckets.binary_search_by_key(&bucket, |(number, _)| *number).ok().filter(|_| bucket >= oldest);
                let used = known.and_then(|place| buckets.get(place)).map(|(_, used)| *used);
                let dropped = buckets.iter().take_while(|(number, _)| *number < oldest).copied().collect();
                Before::Bucket { number: bucket, used, dropped, over: *over }
            }
            (Counter::Since(..) | Counter::Rolling(..) | Counter::Lifetime(_), _) => Before::Whole(self.clone()),
        }
    }

    /// Is again as it was before it counted.
    pub fn take_back(&mut self, before: Before) {
        match (&mut *self, before) {
            (Counter::Rolling(buckets, until), Before::Bucket { number, used, dropped, over }) => {
                *until = over;
                if let Ok(place) = buckets.binary_search_by_key(&number, |(number, _)| *number) {
                    match (used, buckets.get_mut(place)) {
                        (Some(before), Some((_, used))) => *used = before,
                        (Some(_) | None, _) => drop(buckets.remove(place)),
                    }
                }
                dropped.into_iter().rev().for_each(|bucket| buckets.push_front(bucket));
            }
            (counter, Before::Whole(before)) => *counter = before,
            // What counted in buckets has them still.
            (Counter::Since(..) | Counter::Lifetime(_), Before::Bucket { .. }) => {}
        }
    }

    /// Counts more (or less), at that time, in the window where it belongs. What belongs to a window that is closed is forgotten.
    pub fn count(&mut self, window: Window, amount: i64, count: i32, at: Timestamp) {
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
            (Counter::Rolling(buckets, over), Window::Rolling { bucket, buckets: length }) => {
                if buckets.back().is_none_or(|(newest, _)| *newest < bucket) {
                    *over = over_from(window, at);
                }
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
                let oldest = oldest_kept(buckets, bucket, length);
                while buckets.front().is_some_and(|(number, _)| *number < oldest) {
                    buckets.pop_front();
                }
            }
            // The limit's kind of window changed: its key changes with it, so this counter is another limit's.
            (Counter::Since(..) | Counter::Rolling(..) | Counter::Lifetime(_), _) => {
                *self = Counter::new(window);
                self.count(window, amount, count, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNMOVED: StillOpen = StillOpen::NOTHING;
    const AT: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    fn rolling(bucket: i64) -> Window {
        Window::Rolling { bucket, buckets: 3 }
    }

    #[test]
    fn a_rolling_window_forgets_its_oldest_bucket() {
        let mut counter = Counter::new(rolling(10));
        for bucket in [10, 11, 12, 13] {
            counter.count(rolling(bucket), 100, 1, AT);
        }
        assert_eq!(counter.used(rolling(13), UNMOVED), LimitUse { amount: 300, count: 3 });
        assert_eq!(counter.used(rolling(14), UNMOVED), LimitUse { amount: 200, count: 2 });
        counter.count(rolling(12), -100, -1, AT);
        assert_eq!(counter.used(rolling(13), UNMOVED), LimitUse { amount: 200, count: 2 });
    }

    #[test]
    fn what_was_closed_is_not_opened_again_by_a_question_that_came_before() {
        let [monday, tuesday] = [0, 86_400].map(Timestamp::from_unix_seconds).map(Window::Since);
        let mut counter = Counter::new(tuesday);
        counter.count(tuesday, 500, 1, AT);
        assert_eq!(counter.used(monday, UNMOVED), LimitUse { amount: 500, count: 1 }, "it counts where the others do");
        assert_eq!((counter.open_window(monday, UNMOVED), counter.open_window(tuesday, UNMOVED)), (tuesday, tuesday));

        let mut counter = Counter::new(rolling(10));
        counter.count(rolling(10), 100, 1, AT);
        counter.count(rolling(12), 100, 1, AT);
        assert_eq!(counter.used(rolling(11), UNMOVED), LimitUse { amount: 200, count: 2 }, "what came later counts as well");
        assert_eq!(counter.open_window(rolling(9), UNMOVED), rolling(12));
    }

    #[test]
    fn what_an_earlier_calendar_opened_is_not_closed_before_its_time() {
        let [one, six, noon] = [3_600, 6 * 3_600, 12 * 3_600].map(Timestamp::from_unix_seconds);
        let mut counter = Counter::new(Window::Since(six));
        counter.count(Window::Since(six), 500, 1, AT);
        // A window that begins later, and the moment after which the open one must have begun.
        for (asked, after, open, amount) in [
            (noon, StillOpen::after(one), six, 500),
            (noon, StillOpen::after(six), noon, 0),
            (noon, UNMOVED, noon, 0),
            // One that begins earlier was closed.
            (one, StillOpen::after(noon), six, 500),
        ] {
            let asked = Window::Since(asked);
            assert_eq!(counter.open_window(asked, after), Window::Since(open), "{asked:?} {after:?}");
            assert_eq!(counter.used(asked, after).amount, amount, "{asked:?} {after:?}");
        }
    }

    #[test]
    fn what_was_counted_is_taken_back_wherever_it_counted() {
        // Buckets that are new, known, in a gap, too old, so new that others are dropped; and another kind of window.
        let windows =
            [rolling(8), rolling(10), rolling(11), rolling(12), rolling(14), rolling(40), Window::Lifetime, Window::Since(AT)];
        let later = AT.saturating_add(Duration::from_secs(9));
        let mut counters =
            vec![Counter::new(Window::Lifetime), Counter::new(Window::Since(Timestamp::EPOCH)), Counter::new(rolling(0))];
        for numbers in [&[10_i64][..], &[10, 12], &[10, 11, 12], &[7, 12]] {
            let mut counter = Counter::new(Window::Rolling { bucket: 0, buckets: 9 });
            numbers.iter().for_each(|bucket| counter.count(Window::Rolling { bucket: *bucket, buckets: 9 }, 100, 1, AT));
            counters.push(counter);
        }
        for counter in &counters {
            for window in windows {
                let mut counted = counter.clone();
                let before = counted.before(window);
                counted.count(window, 50, 1, later);
                counted.take_back(before);
                assert_eq!(&counted, counter, "{window:?}");
            }
        }
    }

    #[test]
    fn a_counter_is_over_when_no_question_can_name_its_window_any_more() {
        let day = 86_400;
        let at = Timestamp::from_unix_seconds(20_000 * day);
        let days_later = |days: i64| Timestamp::from_unix_seconds((20_000 + days) * day);
        let over_after = |window: Window, late: &[i64]| {
            let mut counter = Counter::new(window);
            counter.count(window, 100, 1, at);
            late.iter().for_each(|days| counter.count(window, -10, 0, days_later(*days)));
            (0..).find(|days| *days > 1_000 || counter.is_over(days_later(*days))).unwrap()
        };
        assert_eq!(over_after(Window::Since(at), &[]), 35);
        assert_eq!(over_after(Window::Since(at), &[20]), 35, "what comes back keeps no window open");
        assert_eq!(over_after(Window::Lifetime, &[]), 1_001);
        // Buckets of an hour, a day, thirty days.
        assert_eq!(over_after(Window::Rolling { bucket: 20_000 * 24, buckets: 24 }, &[]), 4);
        assert_eq!(over_after(Window::Rolling { bucket: 20_000, buckets: 7 }, &[1, 5]), 11);
        assert_eq!(over_after(Window::Rolling { bucket: 666, buckets: 1 }, &[]), 63);
    }

    #[test]
    fn a_counter_of_an_older_file_is_read_and_one_of_ours_is_as_it_was() {
        let used = LimitUse { amount: 7, count: 1 };
        let older = postcard::to_allocvec(&(1_u32, vec![(5_i64, used)])).unwrap();
        let read: Counter = postcard::from_bytes(&older).unwrap();
        assert_eq!(read, Counter::Rolling([(5, used)].into(), None));
        for counter in [read, Counter::Rolling([(5, used)].into(), Some(AT)), Counter::Since(AT, used), Counter::Lifetime(used)] {
            let bytes = postcard::to_allocvec(&counter).unwrap();
            assert_eq!(postcard::from_bytes::<Counter>(&bytes).unwrap(), counter);
        }
    }

    #[test]
    fn money_returned_to_a_closed_day_does_not_open_the_next() {
        let (monday, tuesday) = (Timestamp::from_unix_seconds(0), Timestamp::from_unix_seconds(86_400));
        let mut counter = Counter::new(Window::Since(monday));
        counter.count(Window::Since(monday), 700, 1, AT);
        counter.count(Window::Since(tuesday), 500, 1, AT);
        counter.count(Window::Since(monday), -700, -1, AT);
        assert_eq!(counter.used(Window::Since(tuesday), UNMOVED), LimitUse { amount: 500, count: 1 });
        assert_eq!(counter, Counter::Since(tuesday, LimitUse { amount: 500, count: 1 }));
    }
}
