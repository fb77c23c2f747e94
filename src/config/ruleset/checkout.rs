//! What is told of a payment at a door of ours, as rules check it and `when` asks for it: amounts and shares, counts, words, networks.

use holdfast_core::rules::{Check, CheckoutCondition, CountRange, Listed, NetworkList, PartRange, Percent, WordSet};
use holdfast_core::{AddressVerification, SecurityCodeVerification, ThreeDSecure};

use super::conditions::{each, noted};
use super::rule::listed;
use super::words::one_of;
use super::{Head, read_amount};
use crate::config::read::{Section, Value};

/// Reads what one key says.
type Read = fn(&Value<'_>, &Head) -> Option<CheckoutCondition>;

/// Every key that asks for a range: as a check what lies outside is declined.
const RANGES: [(&str, Read); 4] = [
    ("surcharge", |value, head| part(value, head).map(CheckoutCondition::Surcharge)),
    ("gratuity", |value, head| part(value, head).map(CheckoutCondition::Gratuity)),
    ("fees", |value, head| part(value, head).map(CheckoutCondition::Fees)),
    ("items", |value, _| count(value).map(CheckoutCondition::Items)),
];

/// Every key that asks for one of a list: as a check with `allow` or `deny`.
const LISTS: [(&str, Read); 4] = [
    ("three_d_secure", |value, _| words(value, ThreeDSecure::ALL, ThreeDSecure::name).map(CheckoutCondition::ThreeDSecure)),
    ("address_verification", |value, _| {
        words(value, AddressVerification::ALL, AddressVerification::name).map(CheckoutCondition::AddressVerification)
    }),
    ("security_code", |value, _| {
        words(value, SecurityCodeVerification::ALL, SecurityCodeVerification::name).map(CheckoutCondition::SecurityCode)
    }),
    ("ip_address", |value, _| {
        noted(value, NetworkList::new(each(value, |text| text.parse(NetworkList::parse))?)).map(CheckoutCondition::IpAddress)
    }),
];

/// The check that a key is, for the list of all of them.
pub(super) fn check(key: &'static str, value: &Value<'_>, head: &Head) -> Option<Check> {
    if let Some((_, read)) = RANGES.iter().find(|(known, _)| *known == key) {
        return read(value, head).map(|condition| Check::Checkout(Listed::Allow(condition)));
    }
    let (_, read) = LISTS.iter().find(|(known, _)| *known == key)?;
    listed(value, |list| read(list, head)).map(Check::Checkout)
}

/// The conditions of a `when`.
pub(super) fn conditions(when: &Section<'_>, head: &Head) -> Vec<CheckoutCondition> {
    let all = RANGES.iter().chain(&LISTS);
    all.filter_map(|(key, read)| read(&when.optional(key)?, head)).collect()
}

/// `{ min = "…", max = "…", percent_min = "…", percent_max = "…" }`.
fn part(value: &Value<'_>, head: &Head) -> Option<PartRange> {
    let section = value.section()?;
    let amounts = [section.optional("min"), section.optional("max")];
    let shares = [section.optional("percent_min"), section.optional("percent_max")];
    section.finish();
    // An end that is wrong must not become an end that is open.
    let [min, max] = amounts.map(|end| end.map_or(Some(None), |value| read_amount(&value.text()?, head).map(Some)));
    let [percent_min, percent_max] =
        shares.map(|end| end.map_or(Some(None), |value| value.text()?.parse(Percent::parse).map(Some)));
    let range = PartRange { min: min?, max: max?, percent_min: percent_min?, percent_max: percent_max? };
    noted(value, range.checked())
}

/// `{ min = 1, max = 20 }`.
fn count(value: &Value<'_>) -> Option<CountRange> {
    let section = value.section()?;
    let ends = [section.optional("min"), section.optional("max")];
    section.finish();
    let [min, max] = ends.map(|end| {
        let number = |value: Value<'_>| value.integer(0..=i64::from(u16::MAX)).and_then(|count| u16::try_from(count).ok());
        end.map_or(Some(None), |value| number(value).map(Some))
    });
    noted(value, CountRange::new(min?, max?))
}

fn words<T: Copy + PartialEq>(value: &Value<'_>, all: &[T], name: fn(T) -> &'static str) -> Option<WordSet<T>> {
    noted(value, WordSet::new(each(value, |text| one_of(text, all, name))?))
}
