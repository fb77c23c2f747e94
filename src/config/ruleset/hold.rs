//! `[[hold]]`: conditions and what they decide of the hold policy; `[partial_approval]`: where less may be approved.

use holdfast_core::Money;
use holdfast_core::rules::{EntryModeSet, HoldRow, HoldTerms, KindSet, Margin, PartialRule, Percent};

use super::{Head, conditions, limit, read_amount, read_id};
use crate::config::read::{Section, Spot, Value};

/// Reads a hold row; `None` if what makes it one is wrong.
pub fn read<'d>(section: Section<'d>, head: &Head) -> Option<(HoldRow, Spot<'d>)> {
    let id = read_id(&section);
    let section = match id {
        Some(id) => section.named(format!("hold.{id}")),
        None => section,
    };
    let terms = read_terms(&section, head);
    let description = section.optional_text("description");
    let when = conditions::read(&section, head);
    let spot = section.spot.clone();
    section.finish();

    let mut row = HoldRow::new(id?, terms?).when(when);
    if let Some(description) = description {
        row = row.described(description.text);
    }
    Some((row, spot))
}

/// What the row decides; `None` if any of it is wrong, for a term that is wrong must not become one that is not named.
fn read_terms(section: &Section<'_>, head: &Head) -> Option<HoldTerms> {
    let seconds = |value: &Value<'_>| value.text()?.parse(limit::seconds);
    let lifetime_seconds = optional(section, "lifetime", seconds);
    let safety_timer_seconds = optional(section, "safety_timer", seconds);
    let tolerance = read_margin(section, ["tolerance_percent", "tolerance_amount", "tolerance_up_to"], head);
    let extra = read_margin(section, ["extra_percent", "extra_amount", "extra_up_to"], head);
    let cross_currency = optional(section, "cross_currency_percent", percent);
    Some(HoldTerms {
        lifetime_seconds: lifetime_seconds?,
        safety_timer_seconds: safety_timer_seconds?,
        tolerance: tolerance?,
        extra: extra?,
        cross_currency: cross_currency?,
    })
}

/// The three keys of one margin: one of them names it.
fn read_margin(section: &Section<'_>, keys: [&'static str; 3], head: &Head) -> Option<Option<Margin>> {
    let [by_percent, by_amount, by_total] = keys;
    let amount = |value: &Value<'_>| -> Option<Money> { read_amount(&value.text()?, head) };
    let (percent, amount, up_to) =
        (optional(section, by_percent, percent), optional(section, by_amount, amount), optional(section, by_total, amount));
    let margin = Margin { percent: percent?, amount: amount?, up_to: up_to? };
    Some((margin != Margin::default()).then_some(margin))
}

/// A key that may be left out: an inner `None` where it is, an outer one where what is written is wrong.
fn optional<T>(section: &Section<'_>, key: &'static str, read: impl Fn(&Value<'_>) -> Option<T>) -> Option<Option<T>> {
    match section.optional(key) {
        Some(value) => read(&value).map(Some),
        None => Some(None),
    }
}

fn percent(value: &Value<'_>) -> Option<Percent> {
    value.text()?.parse(Percent::parse)
}

/// Reads `[partial_approval]`; `None` if what makes it one is wrong.
pub fn read_partial<'d>(section: Section<'d>, head: &Head) -> Option<(PartialRule, Spot<'d>)> {
    let minimum = section.text("minimum").and_then(|text| read_amount(&text, head));
    let kinds: Option<Option<KindSet>> = optional(&section, "kinds", conditions::kind_set);
    let entry_modes: Option<Option<EntryModeSet>> = optional(&section, "entry_modes", conditions::entry_mode_set);
    let spot = section.spot.clone();
    section.finish();

    let purchases = PartialRule::of_purchases(minimum?);
    let rule = PartialRule {
        kinds: kinds?.unwrap_or(purchases.kinds),
        entry_modes: entry_modes?.unwrap_or(purchases.entry_modes),
        ..purchases
    };
    Some((rule, spot))
}
