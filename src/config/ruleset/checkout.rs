//! What is told of a payment at a door of ours, as rules check it and `when` asks for it: amounts and shares, counts, words, networks.

use holdfast_core::rules::{CheckoutCondition, CountRange, NetworkList, PartRange, Percent, WordSet};
use holdfast_core::{AddressVerification, SecurityCodeVerification, ThreeDSecure};

use super::conditions::{each, noted};
use super::rule::{CHECKS, ReadCheck};
use super::words::one_of;
use super::{Head, read_amount};
use crate::config::read::{Section, Value};

/// Reads what one key says.
pub(super) type Read = fn(&Value<'_>, &Head) -> Option<CheckoutCondition>;

/// The conditions of a `when`: every key of theirs that is a check, too.
pub(super) fn conditions(when: &Section<'_>, head: &Head) -> Vec<CheckoutCondition> {
    let read = |(key, read): &(&'static str, ReadCheck)| match read {
        ReadCheck::Holds(read) | ReadCheck::Listed(read) => read(&when.optional(key)?, head),
        ReadCheck::Check(_) => None,
    };
    CHECKS.iter().filter_map(read).collect()
}

pub(super) fn surcharge(value: &Value<'_>, head: &Head) -> Option<CheckoutCondition> {
    part(value, head).map(CheckoutCondition::Surcharge)
}

pub(super) fn gratuity(value: &Value<'_>, head: &Head) -> Option<CheckoutCondition> {
    part(value, head).map(CheckoutCondition::Gratuity)
}

pub(super) fn fees(value: &Value<'_>, head: &Head) -> Option<CheckoutCondition> {
    part(value, head).map(CheckoutCondition::Fees)
}

pub(super) fn items(value: &Value<'_>, _head: &Head) -> Option<CheckoutCondition> {
    count(value).map(CheckoutCondition::Items)
}

pub(super) fn three_d_secure(value: &Value<'_>, _head: &Head) -> Option<CheckoutCondition> {
    words(value, ThreeDSecure::ALL, ThreeDSecure::name).map(CheckoutCondition::ThreeDSecure)
}

pub(super) fn address_verification(value: &Value<'_>, _head: &Head) -> Option<CheckoutCondition> {
    words(value, AddressVerification::ALL, AddressVerification::name).map(CheckoutCondition::AddressVerification)
}

pub(super) fn security_code(value: &Value<'_>, _head: &Head) -> Option<CheckoutCondition> {
    words(value, SecurityCodeVerification::ALL, SecurityCodeVerification::name).map(CheckoutCondition::SecurityCode)
}

pub(super) fn ip_address(value: &Value<'_>, _head: &Head) -> Option<CheckoutCondition> {
    let networks = each(value, |text| text.parse(NetworkList::parse))?;
    noted(value, NetworkList::new(networks)).map(CheckoutCondition::IpAddress)
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
