//! `[[limit]]`: scope, window, maxima and conditions.

use holdfast_core::rules::{BUCKETS_MAX, Limit, LimitWindow, Rolling, Weekday};

use super::{Head, conditions, read_amount, read_id, words};
use crate::config::read::{Section, Spot};

/// Reads a limit; `None` if what makes it a limit is wrong.
pub fn read<'d>(section: Section<'d>, head: &Head) -> Option<(Limit, Spot<'d>)> {
    let id = read_id(&section);
    let section = match id {
        Some(id) => section.named(format!("limit.{id}")),
        None => section,
    };
    let scope = section.text("scope").and_then(|text| words::scope(&text));
    let window = read_window(&section, head);
    let amount_max = section.optional("amount_max");
    let count_max = section.optional("count_max");
    let description = section.optional_text("description");
    let enforcement = words::enforcement(&section);
    let when = conditions::read(&section, head);
    let spot = section.spot.clone();
    section.finish();

    // A maximum that is wrong must not become no maximum.
    let amount_max = match amount_max {
        Some(value) => value.text().and_then(|text| read_amount(&text, head)).map(Some),
        None => Some(None),
    };
    let count_max = match count_max {
        Some(value) => value.integer(1..=i64::from(u32::MAX)).and_then(|count| u32::try_from(count).ok()).map(Some),
        None => Some(None),
    };
    let (amount_max, count_max) = (amount_max?, count_max?);
    let mut limit = Limit::new(id?, scope?, window?).enforced(enforcement).when(when);
    if let Some(amount_max) = amount_max {
        limit = limit.amount_max(amount_max);
    }
    if let Some(count_max) = count_max {
        limit = limit.count_max(count_max);
    }
    if let Some(description) = description {
        limit = limit.described(description.text);
    }
    Some((limit, spot))
}

fn read_window(section: &Section<'_>, head: &Head) -> Option<LimitWindow> {
    let word = section.text("window")?;
    match word.text {
        "day" => head.zones.of(section).map(LimitWindow::Day),
        "week" => {
            let first_day = match section.optional_text("week_start") {
                Some(text) => words::weekday(&text),
                None => Some(Weekday::Monday),
            };
            let zone = head.zones.of(section);
            Some(LimitWindow::Week(zone?, first_day?))
        }
        "month" => head.zones.of(section).map(LimitWindow::Month),
        "rolling" => {
            let length = section.required("length");
            let buckets = section.integer("buckets", 1..=i64::from(BUCKETS_MAX));
            let length = length?;
            let seconds = length.text()?.parse(seconds)?;
            conditions::noted(&length, Rolling::new(seconds, u8::try_from(buckets?).ok()?)).map(LimitWindow::Rolling)
        }
        "lifetime" => Some(LimitWindow::Lifetime),
        _ => {
            // Whatever window is meant, its keys are no second error.
            for key in ["week_start", "time_zone", "length", "buckets"] {
                let _ = section.optional(key);
            }
            word.spot.wrong("is none of day, week, month, rolling, lifetime");
            None
        }
    }
}

const WRONG: &str = "is not a length of time; write for example \"90m\", \"24h\" or \"7d\"";

/// A length of time as one number and one unit: `30s`, `90m`, `24h`, `7d`.
pub(crate) fn seconds(text: &str) -> Result<u32, &'static str> {
    seconds_or_none(text).and_then(|seconds| if seconds > 0 { Ok(seconds) } else { Err(WRONG) })
}

/// The same, or `0s`, which is no length.
pub(crate) fn seconds_or_none(text: &str) -> Result<u32, &'static str> {
    let mut digits = text.chars();
    let unit_seconds = match digits.next_back() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        Some(_) | None => return Err(WRONG),
    };
    let digits = digits.as_str();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WRONG);
    }
    let count: u32 = digits.parse().map_err(|_| WRONG)?;
    count.checked_mul(unit_seconds).ok_or(WRONG)
}
