//! `[[cap]]`: scope, window and maxima.

use holdfast_core::stand_in::{Cap, CapWindow};

use crate::config::read::{Section, Spot};
use crate::config::ruleset::{Head, limit, read_amount, read_id, words};

/// Reads a cap; `None` if anything of it is wrong, for a maximum that is wrong must not become no maximum.
pub fn read<'d>(section: Section<'d>, head: &Head) -> Option<(Cap, Spot<'d>)> {
    let id = read_id(&section);
    let section = match id {
        Some(id) => section.named(format!("cap.{id}")),
        None => section,
    };
    let description = section.optional_text("description");
    let scope = section.text("scope").and_then(|text| words::cap_scope(&text));
    let window = read_window(&section, head);
    let (amount, count) = (section.optional("amount_max"), section.optional("count_max"));
    let spot = section.spot.clone();
    section.finish();

    let amount_max = match amount {
        Some(value) => value.text().and_then(|text| read_amount(&text, head)).map(Some),
        None => Some(None),
    };
    let count_max = match count {
        Some(value) => value.integer(1..=i64::from(u32::MAX)).and_then(|count| u32::try_from(count).ok()).map(Some),
        None => Some(None),
    };
    let description = description.map(|text| text.text.into());
    let cap = Cap { id: id?, description, scope: scope?, window: window?, amount_max: amount_max?, count_max: count_max? };
    Some((cap, spot))
}

fn read_window(section: &Section<'_>, head: &Head) -> Option<CapWindow> {
    let word = section.text("window")?;
    match word.text {
        "day" => head.zones.of(section).map(CapWindow::Day),
        "last" => section.text("length")?.parse(limit::seconds).map(CapWindow::Last),
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
