//! Moments and days as platforms write them. What is none is nothing, and whoever reads it says what that means.

use holdfast_core::Timestamp;

/// A moment as platforms write it (RFC 3339, any offset); nothing else is one.
#[must_use]
pub fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let moment: jiff::Timestamp = text.parse().ok()?;
    if !is_of_a_days_offset(text) {
        return None;
    }
    // What many programs write where they know no moment, the year 1 for one, is none.
    Some(Timestamp::from_unix_micros(moment.as_microsecond())).filter(|moment| *moment >= Timestamp::EPOCH)
}

/// Whether a moment's offset is less than a day, as RFC 3339 has it.
#[must_use]
pub fn is_of_a_days_offset(moment: &str) -> bool {
    // As nearly all are written.
    if moment.ends_with('Z') {
        return true;
    }
    let offset = jiff::fmt::temporal::Pieces::parse(moment).ok().and_then(|pieces| pieces.to_numeric_offset());
    offset.is_some_and(|offset| offset.seconds().unsigned_abs() < 86_400)
}

/// The calendar day with which a date or a moment begins, in days since 1970-01-01.
#[must_use]
pub fn day(text: &str) -> Option<i32> {
    let date: jiff::civil::Date = text.trim().get(..10)?.parse().ok()?;
    let hours = date.duration_since(jiff::civil::Date::constant(1970, 1, 1)).as_hours();
    i32::try_from(hours.div_euclid(24)).ok().filter(|day| *day >= 0)
}
