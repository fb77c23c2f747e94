//! `when = { … }`: under which conditions a rule, a limit or a hold row applies; and the lists that rules have too.

use holdfast_core::rules::{EntryModeSet, KindSet, MccEntry, MccSet, NetworkSet, RulesetProblem, SortedSet, When};
use holdfast_core::{Country, CrossBorder, NetworkName, Wallet};

use super::{Head, checkout, words};
use crate::config::read::{Section, Text, Value};

/// Turns a list of texts into a set; `None` if one of them is wrong.
pub fn each<T>(value: &Value<'_>, parse: impl Fn(&Text<'_>) -> Option<T>) -> Option<Vec<T>> {
    let listed = value.list()?;
    let items: Vec<T> = listed.iter().filter_map(|item| parse(&item.text()?)).collect();
    (items.len() == listed.len()).then_some(items)
}

/// Notes a problem of the core's where the value stands.
pub fn noted<T>(value: &Value<'_>, made: Result<T, RulesetProblem>) -> Option<T> {
    made.map_err(|problem| value.spot.wrong(problem)).ok()
}

pub fn mcc_set(value: &Value<'_>) -> Option<MccSet> {
    let entries = each(value, |text| text.parse(MccEntry::parse))?;
    noted(value, MccSet::new(entries))
}

pub fn country_set(value: &Value<'_>) -> Option<SortedSet<Country>> {
    let country = |code: &str| Country::new(code).ok_or("is not a country of ISO 3166-1; write for example \"USA\"");
    noted(value, SortedSet::new(each(value, |text| text.parse(country))?))
}

pub fn entry_mode_set(value: &Value<'_>) -> Option<EntryModeSet> {
    noted(value, EntryModeSet::new(&words::entry_modes(value)?))
}

pub fn kind_set(value: &Value<'_>) -> Option<KindSet> {
    noted(value, KindSet::new(&words::kinds(value)?))
}

fn network_set(value: &Value<'_>) -> Option<NetworkSet> {
    noted(value, NetworkSet::new(each(value, |text| text.parse(NetworkName::new))?))
}

/// The key `when` of a rule, a limit or a hold row.
pub fn read(section: &Section<'_>, head: &Head) -> When {
    let Some(when) = section.optional_section("when") else { return When::default() };
    let read = read_in(&when, head);
    when.finish();
    read
}

/// The conditions that rulesets and stand-in tables have in common.
pub fn read_in(when: &Section<'_>, head: &Head) -> When {
    When {
        kinds: when.optional("kinds").and_then(|value| kind_set(&value)),
        posting: when.optional_text("posting").and_then(|text| words::posting(&text)),
        entry_modes: when.optional("entry_modes").and_then(|value| entry_mode_set(&value)),
        wallet: when.optional_switch("wallet").map(|token| if token { Wallet::Token } else { Wallet::None }),
        border: when.optional_switch("cross_border").map(|crossed| if crossed { CrossBorder::Yes } else { CrossBorder::No }),
        mcc: when.optional("mcc").and_then(|value| mcc_set(&value)),
        countries: when.optional("merchant_countries").and_then(|value| country_set(&value)),
        networks: when.optional("networks").and_then(|value| network_set(&value)),
        checkout: checkout::conditions(when, head),
    }
}
