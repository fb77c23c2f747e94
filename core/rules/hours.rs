//! Days and hours of a week, as the clock on a wall in a named zone shows them.

use std::sync::Arc;

use crate::time::Timestamp;

use super::problem::RulesetProblem;
use super::sets::{Listed, bit_of};
use super::zone::Zone;

const DAY_MINUTES: u16 = 1440;
const WEEK_MINUTES: u16 = 7 * DAY_MINUTES;
const WEEK_WORDS: usize = (WEEK_MINUTES as usize).div_ceil(64);

/// A day of the week. Weeks are counted from Monday, as ISO 8601 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "days of the week")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// All days, from Monday.
    pub const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    /// The day as rulesets write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Weekday::Monday => "monday",
            Weekday::Tuesday => "tuesday",
            Weekday::Wednesday => "wednesday",
            Weekday::Thursday => "thursday",
            Weekday::Friday => "friday",
            Weekday::Saturday => "saturday",
            Weekday::Sunday => "sunday",
        }
    }

    /// The day of the week of a day counted from 1970-01-01, a Thursday.
    pub(super) fn of_day(day: i64) -> Weekday {
        let from_monday = day.rem_euclid(7).saturating_add(3).rem_euclid(7);
        let index = usize::try_from(from_monday).unwrap_or(0);
        Weekday::ALL.get(index).copied().unwrap_or(Weekday::Monday)
    }

    /// The minute of the week at which it begins.
    pub(super) const fn first_minute(self) -> u16 {
        (self as u16).saturating_mul(DAY_MINUTES)
    }

    /// How many days after this one `later` comes, 0 to 6.
    pub(super) const fn days_until(self, later: Weekday) -> i64 {
        (later as i64).saturating_sub(self as i64).rem_euclid(7)
    }
}

/// A time of day, to the minute; 24:00 is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Reads `08:30`; the last one is `24:00`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, RulesetProblem> {
        let two_digits = |digits: &str| {
            let only_digits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            only_digits.then(|| digits.parse::<u16>().ok()).flatten()
        };
        let (hour, minute) = text.split_once(':').ok_or(RulesetProblem::NotATime)?;
        match (two_digits(hour), two_digits(minute)) {
            (Some(hour), Some(minute)) if minute < 60 && hour.saturating_mul(60).saturating_add(minute) <= DAY_MINUTES => {
                Ok(TimeOfDay(hour.saturating_mul(60).saturating_add(minute)))
            }
            _ => Err(RulesetProblem::NotATime),
        }
    }

    /// Minutes since midnight.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

/// A span of time on some days. One that ends before it begins runs over midnight into the next day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    days: Box<[Weekday]>,
    from: TimeOfDay,
    to: TimeOfDay,
}

impl Span {
    /// From a time to a time (not included), beginning on each of the days.
    ///
    /// # Errors
    /// No days, or no time.
    pub fn new(mut days: Vec<Weekday>, from: TimeOfDay, to: TimeOfDay) -> Result<Self, RulesetProblem> {
        days.sort_unstable();
        days.dedup();
        if days.is_empty() {
            return Err(RulesetProblem::EmptyList);
        }
        if from == to || from.0 == DAY_MINUTES {
            return Err(RulesetProblem::EmptySpan);
        }
        Ok(Span { days: days.into_boxed_slice(), from, to })
    }

    /// The days on which it begins, from Monday.
    #[must_use]
    pub fn days(&self) -> &[Weekday] {
        &self.days
    }

    /// Its first minute.
    #[must_use]
    pub const fn from(&self) -> TimeOfDay {
        self.from
    }

    /// The minute after its last.
    #[must_use]
    pub const fn to(&self) -> TimeOfDay {
        self.to
    }

    fn minutes(&self) -> u16 {
        let midnights = if self.to > self.from { 0 } else { DAY_MINUTES };
        self.to.0.saturating_add(midnights).saturating_sub(self.from.0)
    }
}

/// Spans of a week in a zone, allowed or denied: a bitmap of its 10,080 minutes, and what was written to describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    spans: Listed<Box<[Span]>>,
    zone: Arc<Zone>,
    minutes: Box<[u64; WEEK_WORDS]>,
}

impl Hours {
    /// The hours listed, in a zone.
    ///
    /// # Errors
    /// None listed.
    pub fn new(spans: Listed<Vec<Span>>, zone: Arc<Zone>) -> Result<Self, RulesetProblem> {
        let spans = match spans {
            Listed::Allow(spans) => Listed::Allow(spans.into_boxed_slice()),
            Listed::Deny(spans) => Listed::Deny(spans.into_boxed_slice()),
        };
        let (Listed::Allow(list) | Listed::Deny(list)) = &spans;
        if list.is_empty() {
            return Err(RulesetProblem::EmptyList);
        }
        let mut minutes = Box::new([0; WEEK_WORDS]);
        for span in list {
            for day in &span.days {
                let first = day.first_minute().saturating_add(span.from.0);
                // Sunday's night ends on Monday.
                let minutes_of_span = (0..span.minutes()).map(|minute| first.saturating_add(minute).rem_euclid(WEEK_MINUTES));
                minutes_of_span.for_each(|minute| set_bit(&mut *minutes, minute));
            }
        }
        Ok(Hours { spans, zone, minutes })
    }

    /// What was listed.
    #[must_use]
    pub const fn spans(&self) -> &Listed<Box<[Span]>> {
        &self.spans
    }

    /// Where the clock hangs.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Whether a moment is outside what is allowed, or inside what is denied.
    pub(crate) fn refuse(&self, now: Timestamp) -> bool {
        let minute = self.zone.minute_of_week(now);
        self.spans.refuses(Some(minute), |_, minute| {
            self.minutes.get(usize::from(minute >> 6)).is_some_and(|word| word & bit_of(minute) != 0)
        })
    }
}

fn set_bit(words: &mut [u64], minute: u16) {
    if let Some(word) = words.get_mut(usize::from(minute >> 6)) {
        *word |= bit_of(minute);
    }
}
