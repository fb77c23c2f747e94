//! `[[cap]]`: scope, window and maxima.

use holdfast_core::rules::RulesetProblem;
use holdfast_core::stand_in::{CAP_SECONDS_MAX, Cap, CapWindow, EXPOSURE, StandInProblem};

use crate::config::read::{Section, Spot};
use crate::config::ruleset::{Head, limit, words};
use crate::config::stand_in::row::{Names, above_zero};

/// Reads a cap; `None` if anything of it is wrong, for a maximum that is wrong must not become no maximum.
pub fn read<'d>(section: Section<'d>, head: &Head, names: &mut Names) -> Option<(Cap, Spot<'d>)> {
    let (id, section) = names.take(section, "cap");
    let id = id.filter(|id| {
        let is_exposures = id.as_str() == EXPOSURE;
        if let Some(text) = section.optional_text("id").filter(|_| is_exposures) {
            text.spot.wrong(StandInProblem::NameOfExposure);
        }
        !is_exposures
    });
    let description = section.optional_text("description");
    let scope = section.text("scope").and_then(|text| words::cap_scope(&text));
    let window = read_window(&section, head);
    let (amount, count) = (section.optional("amount_max"), section.optional("count_max"));
    let spot = section.spot.clone();
    if amount.is_none() && count.is_none() {
        spot.wrong(StandInProblem::Shared(RulesetProblem::NoMaximum));
    }
    section.finish();

    let amount_max = match amount {
        Some(value) => above_zero(&value, head, StandInProblem::ZeroMaximum).map(Some),
        None => Some(None),
    };
    let count_max = match count {
        Some(value) => value.integer(1..=i64::from(u32::MAX)).and_then(|count| u32::try_from(count).ok()).map(Some),
        None => Some(None),
    };
    let description = description.map(|text| text.text.into());
    if amount_max == Some(None) && count_max == Some(None) {
        return None;
    }
    let cap = Cap { id: id?, description, scope: scope?, window: window?, amount_max: amount_max?, count_max: count_max? };
    Some((cap, spot))
}

fn read_window(section: &Section<'_>, head: &Head) -> Option<CapWindow> {
    let word = section.text("window")?;
    match word.text {
        "day" => head.zones.of(section).map(CapWindow::Day),
        "last" => {
            let length = section.text("length")?;
            let seconds = length.parse(limit::seconds)?;
            if seconds == 0 || seconds > CAP_SECONDS_MAX {
                length.spot.wrong(StandInProblem::WindowTooLong);
                return None;
            }
            Some(CapWindow::Last(seconds))
        }
        "unconfirmed" => Some(CapWindow::Unconfirmed),
        _ => {
            // Whatever window is meant, its keys are no second error.
            for key in ["time_zone", "length"] {
                let _ = section.optional(key);
            }
            word.spot.wrong("is none of day, last, unconfirmed");
            None
        }
    }
}
