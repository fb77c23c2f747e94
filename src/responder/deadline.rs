//! When an answer is owed: four absolute moments, made once. Nothing here waits.

use std::time::Duration;

use holdfast_adapters::BudgetStart;
use holdfast_core::Timestamp;

use crate::clock::{Instant, Moment};

/// The part of the reserve that is the wire's: one of so many.
const WRITING_SHARE: u32 = 2;

/// And the part of that which is left to whoever repeats what another one was told.
const REPEATING_SHARE: u32 = 2;

/// How much time a mount has, and how much of it is kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long the platform waits.
    pub budget: Duration,
    /// What stand-in, its record and the write are given of it. Start-up checks that it is less than the budget.
    pub reserve: Duration,
    /// From when the platform counts.
    pub start: BudgetStart,
}

/// The moments of one callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The ledger's last moment.
    pub decide_by: Instant,
    /// The spool's: what is not durable by then is told as if it never would be.
    pub keep_by: Instant,
    /// That of whoever asks again meanwhile: by then the first one has its answer, which is ready at its own `keep_by` at the latest.
    pub hear_by: Instant,
    /// The wire's: an answer that is ready later is late.
    pub answer_by: Instant,
}

impl Deadline {
    /// The deadline of a callback that was received then. A time stamp of the platform's moves it forward only: a clock
    /// that is ahead of ours gives no extra time.
    #[must_use]
    pub fn new(received: &Moment, sent_at: Option<Timestamp>, patience: &Patience) -> Self {
        let on_the_way = match (patience.start, sent_at) {
            (BudgetStart::SentAt, Some(sent_at)) => received.utc.saturating_since(sent_at),
            (BudgetStart::SentAt, None) | (BudgetStart::Receipt, _) => Duration::ZERO,
        };
        let left = patience.budget.saturating_sub(on_the_way);
        let to_decide = left.saturating_sub(patience.reserve);
        let after = |duration| received.instant.checked_add(duration).unwrap_or(received.instant);
        let to_write = patience.reserve.checked_div(WRITING_SHARE).unwrap_or_default();
        let to_repeat = to_write.checked_div(REPEATING_SHARE).unwrap_or_default();
        Deadline {
            decide_by: after(to_decide),
            keep_by: after(left.saturating_sub(to_write)),
            hear_by: after(left.saturating_sub(to_repeat)),
            answer_by: after(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn the_reserve_is_kept_back_and_the_way_is_counted() {
        let received = clock::now();
        let ms = Duration::from_millis;
        let patience = Patience { budget: ms(3000), reserve: ms(500), start: BudgetStart::Receipt };
        let late_stamp = received.utc.saturating_sub(ms(400));
        let early_stamp = received.utc.saturating_add(ms(400));
        let sent = Patience { start: BudgetStart::SentAt, ..patience };
        let cases = [
            (patience, None, 2500, 3000),
            (patience, Some(late_stamp), 2500, 3000),
            (sent, None, 2500, 3000),
            (sent, Some(late_stamp), 2100, 2600),
            (sent, Some(early_stamp), 2500, 3000),
            (sent, Some(received.utc.saturating_sub(ms(2800))), 0, 200),
            (sent, Some(received.utc.saturating_sub(ms(9000))), 0, 0),
        ];
        for (patience, sent_at, decide_ms, answer_ms) in cases {
            let deadline = Deadline::new(&received, sent_at, &patience);
            assert_eq!(deadline.decide_by - received.instant, ms(decide_ms), "{patience:?} {sent_at:?}");
            assert_eq!(deadline.answer_by - received.instant, ms(answer_ms), "{patience:?} {sent_at:?}");
            // Half of the reserve is the wire's.
            let keep_ms = u64::saturating_sub(answer_ms, 250);
            assert_eq!(deadline.keep_by - received.instant, ms(keep_ms), "{patience:?} {sent_at:?}");
            let hear = Duration::from_micros((answer_ms * 1_000).saturating_sub(125_000));
            assert_eq!(deadline.hear_by - received.instant, hear, "{patience:?} {sent_at:?}");
        }
    }
}
