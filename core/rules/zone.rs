//! A time zone as a table of moments and offsets, made at load by whoever has a time zone database.
//!
//! The table covers what its maker put in (the ruleset loader: 2020 to 2060); before the first transition the first offset
//! holds, after the last one the last. Nothing here allocates after a zone is made, reads a clock, or knows a zone's laws.
//!
//! A day begins at the first moment at which the clock on the wall shows its date, whatever the clock did at midnight: where
//! a change skips midnight, that is the moment of the change; where a change brings back an hour of the day before, that
//! hour belongs to the day that had begun. So windows follow each other without gap or overlap.

use std::fmt;

use crate::time::{Timestamp, civil_from_days};

use super::hours::Weekday;

const DAY_SECONDS: i64 = 86_400;

/// No clock on Earth was ever further from UTC.
const OFFSET_SECONDS_MAX: i32 = 26 * 3600 - 1;

/// A moment from which an offset holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Transition {
    at_unix_seconds: i64,
    offset_seconds: i32,
}

/// A time zone: which offset from UTC holds when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: Box<str>,
    /// The first entry holds from the beginning of time; so there is always one.
    first_offset_seconds: i32,
    transitions: Box<[Transition]>,
}

/// Why a table is not a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransitionError {
    /// A transition is not after the one before it.
    NotAscending,
    /// An offset of 26 hours or more.
    OffsetTooLarge,
}

impl fmt::Display for TransitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TransitionError::NotAscending => "has transitions that do not ascend",
            TransitionError::OffsetTooLarge => "has an offset of 26 hours or more",
        })
    }
}

impl std::error::Error for TransitionError {}

impl Zone {
    /// A zone by its name, its first offset (seconds east of UTC) and its transitions: the Unix second of each, and the
    /// offset that holds from then on.
    ///
    /// # Errors
    /// Transitions that do not ascend, or an offset of 26 hours or more.
    pub fn new(name: &str, first_offset_seconds: i32, transitions: &[(i64, i32)]) -> Result<Self, TransitionError> {
        let offsets = transitions.iter().map(|(_, offset)| *offset);
        if offsets.chain([first_offset_seconds]).any(|offset| !(-OFFSET_SECONDS_MAX..=OFFSET_SECONDS_MAX).contains(&offset)) {
            return Err(TransitionError::OffsetTooLarge);
        }
        if !transitions.is_sorted_by(|(one, _), (next, _)| one < next) {
            return Err(TransitionError::NotAscending);
        }
        let transition = |&(at_unix_seconds, offset_seconds)| Transition { at_unix_seconds, offset_seconds };
        Ok(Zone { name: name.into(), first_offset_seconds, transitions: transitions.iter().map(transition).collect() })
    }

    /// UTC, which has no transitions.
    #[must_use]
    pub fn utc() -> Self {
        Zone { name: "UTC".into(), first_offset_seconds: 0, transitions: Box::default() }
    }

    /// The name in the IANA database: `America/New_York`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds east of UTC at a moment.
    #[must_use]
    pub fn offset_seconds(&self, at: Timestamp) -> i32 {
        self.offset_at(at.unix_seconds())
    }

    fn offset_at(&self, unix_seconds: i64) -> i32 {
        let passed = self.transitions.partition_point(|transition| transition.at_unix_seconds <= unix_seconds);
        self.offset_after(passed)
    }

    /// The offset that holds after so many transitions.
    fn offset_after(&self, passed: usize) -> i32 {
        let last = passed.checked_sub(1).and_then(|index| self.transitions.get(index));
        last.map_or(self.first_offset_seconds, |transition| transition.offset_seconds)
    }

    /// Seconds since 1970-01-01T00:00:00 as the clock on the wall counts them.
    fn wall_seconds(&self, at: Timestamp) -> i64 {
        at.unix_seconds().saturating_add(i64::from(self.offset_seconds(at)))
    }

    /// Minutes since Monday 00:00 on the wall, 0 to 10,079.
    #[must_use]
    pub fn minute_of_week(&self, at: Timestamp) -> u16 {
        let wall = self.wall_seconds(at);
        let weekday = Weekday::of_day(wall.div_euclid(DAY_SECONDS));
        let minute_of_day = wall.rem_euclid(DAY_SECONDS).div_euclid(60);
        u16::try_from(minute_of_day).unwrap_or(0).saturating_add(weekday.first_minute())
    }

    /// When the day began that is open at a moment.
    #[must_use]
    pub fn day_start(&self, at: Timestamp) -> Timestamp {
        self.start_of(self.day_at(at))
    }

    /// When the week began that is open at a moment.
    #[must_use]
    pub fn week_start(&self, at: Timestamp, first_day: Weekday) -> Timestamp {
        let day = self.day_at(at);
        self.start_of(day.saturating_sub(first_day.days_until(Weekday::of_day(day))))
    }

    /// When the month began that is open at a moment.
    #[must_use]
    pub fn month_start(&self, at: Timestamp) -> Timestamp {
        let day = self.day_at(at);
        let (_, _, day_of_month) = civil_from_days(day);
        self.start_of(day.saturating_sub(day_of_month).saturating_add(1))
    }

    /// The day that is open at a moment, counted from 1970-01-01.
    fn day_at(&self, at: Timestamp) -> i64 {
        let mut day = self.wall_seconds(at).div_euclid(DAY_SECONDS);
        // After a change that set the clock back over midnight, a later day than the wall's has begun already. Two clocks are
        // never more than 52 hours apart.
        for _ in 0..3 {
            let next = day.saturating_add(1);
            if self.unix_start_of(next) > at.unix_seconds() {
                break;
            }
            day = next;
        }
        day
    }

    fn start_of(&self, day: i64) -> Timestamp {
        Timestamp::from_unix_seconds(self.unix_start_of(day))
    }

    /// The first second at which the wall shows this day, or a later one.
    fn unix_start_of(&self, day: i64) -> i64 {
        let midnight = day.saturating_mul(DAY_SECONDS);
        // No offset reaches two days: before this moment the day cannot have begun.
        let earliest = midnight.saturating_sub(DAY_SECONDS.saturating_mul(2));
        let mut passed = self.transitions.partition_point(|transition| transition.at_unix_seconds <= earliest);
        let mut from = earliest;
        loop {
            let start = midnight.saturating_sub(i64::from(self.offset_after(passed))).max(from);
            match self.transitions.get(passed) {
                Some(next) if start >= next.at_unix_seconds => from = next.at_unix_seconds,
                Some(_) | None => return start,
            }
            passed = passed.saturating_add(1);
        }
    }
}
