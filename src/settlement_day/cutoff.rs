//! When a program's settlement day ends. Reads no clock.

use std::str::FromStr;

use holdfast_core::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// The moment at which a program's settlement day ends: what happens from then on belongs to the next day.
#[derive(Debug, Clone)]
pub struct Cutoff {
    zone: TimeZone,
    time: TimeOfDay,
}

/// A time of day that ends one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOfDay {
    /// At this time.
    At(Time),
    /// At midnight: the calendar day.
    Midnight,
}

impl FromStr for TimeOfDay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "must be a time of day from \"00:01\" to \"24:00\", such as \"17:00\"";
        if text == "24:00" {
            return Ok(TimeOfDay::Midnight);
        }
        let (hours, minutes) = text.split_once(':').filter(|_| text.len() == 5).ok_or(WANTED)?;
        let (hour, minute) = (hours.parse().map_err(|_| WANTED)?, minutes.parse().map_err(|_| WANTED)?);
        match Time::new(hour, minute, 0, 0) {
            // The day that ends as it begins is the one before: that is "24:00".
            Ok(time) if time != Time::midnight() => Ok(TimeOfDay::At(time)),
            Ok(_) | Err(_) => Err(WANTED),
        }
    }
}

impl TimeOfDay {
    /// What holds unless the configuration says otherwise: 17:00.
    pub const DEFAULT: TimeOfDay = TimeOfDay::At(Time::constant(17, 0, 0, 0));
}

impl Cutoff {
    /// At this time of every day in this zone.
    #[must_use]
    pub const fn new(zone: TimeZone, time: TimeOfDay) -> Self {
        Cutoff { zone, time }
    }

    /// The day that a moment belongs to, as a count of days since 1970-01-01.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> i32 {
        let moment = jiff::Timestamp::from_microsecond(at.unix_micros()).unwrap_or_else(|_| farthest(at));
        let today = days(self.zone.to_datetime(moment).date());
        // Where clocks are set, a day may end a little before or behind the time that they show.
        let near = (-1..=1).map(|offset| today.saturating_add(offset));
        near.into_iter().find(|day| at < self.end_of(*day)).unwrap_or_else(|| today.saturating_add(2))
    }

    /// The first moment that does not belong to a day any more. Each day ends once: where the clock shows that time twice, the
    /// first counts; where it leaps over it, what is behind.
    #[must_use]
    pub fn end_of(&self, day: i32) -> Timestamp {
        let date = date_of(day);
        let ends = match self.time {
            TimeOfDay::At(time) => date.to_datetime(time),
            TimeOfDay::Midnight => date.saturating_add(jiff::Span::new().days(1)).to_datetime(Time::midnight()),
        };
        let moment = self.zone.to_ambiguous_timestamp(ends).compatible();
        moment.map_or(if day < 0 { Timestamp::from_unix_micros(i64::MIN) } else { Timestamp::from_unix_micros(i64::MAX) }, |at| {
            Timestamp::from_unix_micros(at.as_microsecond())
        })
    }
}

/// What stands for a moment that no calendar has.
fn farthest(at: Timestamp) -> jiff::Timestamp {
    if at < Timestamp::EPOCH { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX }
}

/// The date of a count of days since 1970-01-01.
#[must_use]
pub fn date_of(days: i32) -> Date {
    Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(days.clamp(-2_000_000, 2_000_000)))
}

/// A date as a count of days since 1970-01-01.
#[must_use]
pub fn days(date: Date) -> i32 {
    let hours = date.duration_since(Date::constant(1970, 1, 1)).as_hours();
    i32::try_from(hours.div_euclid(24)).unwrap_or(i32::MAX)
}
