//! `[[rule]]`: one check, conditions, and how it declines.

use holdfast_core::rules::{AmountRange, Check, Hours, Listed, Rule, SortedSet, Span, TimeOfDay, is_for_rules};
use holdfast_core::{Currency, MerchantId, MerchantName};

use super::conditions::{self, country_set, each, entry_mode_set, kind_set, mcc_set, noted};
use super::{Head, checkout, read_amount, read_id, words};
use crate::config::read::{Section, Spot, Value};

/// How a check is read.
#[derive(Clone, Copy)]
pub(super) enum ReadCheck {
    /// As only a check is.
    Check(fn(&Value<'_>, &Head) -> Option<Check>),
    /// A condition of payment doors: what it does not hold of is declined.
    Holds(checkout::Read),
    /// One with a list, after `allow` or `deny`.
    Listed(checkout::Read),
}

impl ReadCheck {
    fn read(self, value: &Value<'_>, head: &Head) -> Option<Check> {
        match self {
            ReadCheck::Check(read) => read(value, head),
            ReadCheck::Holds(read) => read(value, head).map(|condition| Check::Checkout(Listed::Allow(condition))),
            ReadCheck::Listed(read) => listed(value, |list| read(list, head)).map(Check::Checkout),
        }
    }
}

/// Every key that is a check. A rule has exactly one of them.
pub(super) const CHECKS: [(&str, ReadCheck); 21] = [
    ("amount", ReadCheck::Check(amount)),
    ("kind", ReadCheck::Check(|value, _| listed(value, kind_set).map(Check::Kind))),
    ("mcc", ReadCheck::Check(|value, _| listed(value, mcc_set).map(Check::Mcc))),
    ("merchant_id", ReadCheck::Check(|value, _| listed(value, merchant_ids).map(Check::MerchantId))),
    ("merchant_name", ReadCheck::Check(|value, _| listed(value, merchant_names).map(Check::MerchantName))),
    ("merchant_country", ReadCheck::Check(|value, _| listed(value, country_set).map(Check::MerchantCountry))),
    ("cross_border", ReadCheck::Check(|value, _| words::requirement(&value.text()?).map(Check::CrossBorder))),
    ("entry_mode", ReadCheck::Check(|value, _| listed(value, entry_mode_set).map(Check::EntryMode))),
    ("cash", ReadCheck::Check(|value, _| deny(value, Check::Cash))),
    ("quasi_cash", ReadCheck::Check(|value, _| deny(value, Check::QuasiCash))),
    ("wallet", ReadCheck::Check(|value, _| words::requirement(&value.text()?).map(Check::Wallet))),
    ("hours", ReadCheck::Check(hours)),
    ("currency", ReadCheck::Check(|value, _| listed(value, currencies).map(Check::Currency))),
    ("surcharge", ReadCheck::Holds(checkout::surcharge)),
    ("gratuity", ReadCheck::Holds(checkout::gratuity)),
    ("fees", ReadCheck::Holds(checkout::fees)),
    ("items", ReadCheck::Holds(checkout::items)),
    ("three_d_secure", ReadCheck::Listed(checkout::three_d_secure)),
    ("address_verification", ReadCheck::Listed(checkout::address_verification)),
    ("security_code", ReadCheck::Listed(checkout::security_code)),
    ("ip_address", ReadCheck::Listed(checkout::ip_address)),
];

/// Reads a rule; `None` if what makes it a rule is wrong.
pub fn read<'d>(section: Section<'d>, head: &Head) -> Option<(Rule, Spot<'d>)> {
    let id = read_id(&section);
    let section = match id {
        Some(id) => section.named(format!("rule.{id}")),
        None => section,
    };
    let check = read_check(&section, head);
    let description = section.optional_text("description");
    let when = conditions::read(&section, head);
    let enforcement = words::enforcement(&section);
    let reason = section.optional_text("reason").and_then(|text| words::reason(&text, is_for_rules));
    let spot = section.spot.clone();
    section.finish();

    let mut rule = Rule::new(id?, check?).when(when).enforced(enforcement);
    if let Some(description) = description {
        rule = rule.described(description.text);
    }
    if let Some(reason) = reason {
        rule = rule.declining_with(reason);
    }
    Some((rule, spot))
}

fn read_check(section: &Section<'_>, head: &Head) -> Option<Check> {
    let present: Vec<_> = CHECKS.iter().filter_map(|(key, read)| Some((section.optional(key)?, read))).collect();
    for (second, _) in present.iter().skip(1) {
        second.spot.wrong("is one check too many: a rule has one, so write another rule");
    }
    let Some((value, read)) = present.first() else {
        let keys = CHECKS.map(|(key, _)| key);
        section.spot.wrong(format_args!("checks nothing; a rule has one of {}", keys.join(", ")));
        return None;
    };
    read.read(value, head)
}

/// `{ allow = … }` or `{ deny = … }`.
fn listed<S>(value: &Value<'_>, read: impl Fn(&Value<'_>) -> Option<S>) -> Option<Listed<S>> {
    let section = value.section()?;
    let list = listed_in(&section, read);
    section.finish();
    list
}

fn listed_in<S>(section: &Section<'_>, read: impl Fn(&Value<'_>) -> Option<S>) -> Option<Listed<S>> {
    match (section.optional("allow"), section.optional("deny")) {
        (Some(allow), None) => read(&allow).map(Listed::Allow),
        (None, Some(deny)) => read(&deny).map(Listed::Deny),
        (Some(_), Some(deny)) => {
            deny.spot.wrong("stands beside `allow`: a rule has one of the two, so write another rule");
            None
        }
        (None, None) => {
            section.spot.wrong("needs `allow` or `deny`");
            None
        }
    }
}

fn deny(value: &Value<'_>, check: Check) -> Option<Check> {
    value.text()?.parse(|word| if word == "deny" { Ok(check) } else { Err("must be \"deny\"") })
}

fn amount(value: &Value<'_>, head: &Head) -> Option<Check> {
    amount_range(value, head).map(Check::Amount)
}

/// `{ min = "…", max = "…" }`.
pub(in crate::config) fn amount_range(value: &Value<'_>, head: &Head) -> Option<AmountRange> {
    let section = value.section()?;
    let ends = [section.optional("min"), section.optional("max")];
    section.finish();
    // An end that is wrong must not become an end that is open.
    let [min, max] = ends.map(|written| match written {
        None => Some(None),
        Some(value) => value.text().and_then(|text| read_amount(&text, head)).map(Some),
    });
    noted(value, AmountRange::new(min?, max?))
}

fn merchant_ids(value: &Value<'_>) -> Option<SortedSet<MerchantId>> {
    noted(value, SortedSet::new(each(value, |text| text.parse(MerchantId::new))?))
}

fn merchant_names(value: &Value<'_>) -> Option<SortedSet<MerchantName>> {
    let name = |name: &str| MerchantName::of(name).ok_or("has no letter or digit to compare");
    noted(value, SortedSet::new(each(value, |text| text.parse(name))?))
}

fn currencies(value: &Value<'_>) -> Option<Box<[Currency]>> {
    let currency = |code: &str| Currency::from_alpha(code).ok_or("is not a currency of ISO 4217; write for example \"USD\"");
    each(value, |text| text.parse(currency)).map(Vec::into_boxed_slice)
}

fn hours(value: &Value<'_>, head: &Head) -> Option<Check> {
    hours_of(value, head).map(Check::Hours)
}

/// `{ allow = [ … ] }` or `{ deny = [ … ] }`, each a span of time on some days.
pub(in crate::config) fn hours_of(value: &Value<'_>, head: &Head) -> Option<Hours> {
    let section = value.section()?;
    let spans = listed_in(&section, |list| {
        let items = list.list()?;
        let spans: Vec<Span> = items.iter().filter_map(span).collect();
        (spans.len() == items.len()).then_some(spans)
    });
    let zone = head.zones.of(&section);
    section.finish();
    noted(value, Hours::new(spans?, zone?))
}

/// `{ days = […], from = "22:00", to = "06:00" }`; every day if none is named.
fn span(value: &Value<'_>) -> Option<Span> {
    let section = value.section()?;
    let days = match section.optional("days") {
        Some(days) => words::weekdays(&days),
        None => Some(holdfast_core::rules::Weekday::ALL.to_vec()),
    };
    let from = section.text("from").and_then(|text| text.parse(TimeOfDay::parse));
    let to = section.text("to").and_then(|text| text.parse(TimeOfDay::parse));
    section.finish();
    noted(value, Span::new(days?, from?, to?))
}
