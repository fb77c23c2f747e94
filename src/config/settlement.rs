//! What a program's settlement needs: when its day ends, and what the columns of the platform's file are called.

use super::read::Section;
use crate::settlement::{FileColumns, Sign};
use crate::settlement_day::TimeOfDay;

/// `settlement_cutoff`; absent, the default. `None` if it is wrong.
pub(super) fn cutoff(program: &Section<'_>) -> Option<TimeOfDay> {
    match program.optional_text("settlement_cutoff") {
        None => Some(TimeOfDay::DEFAULT),
        Some(text) => text.parse(str::parse),
    }
}

/// `[program.settlement_file]`; an outer `None` if it is wrong.
#[expect(clippy::option_option, reason = "absent is right, wrong is noted and goes no further")]
pub(super) fn file(program: &Section<'_>) -> Option<Option<FileColumns>> {
    let Some(section) = program.optional_section("settlement_file") else { return Some(None) };
    let column = |text: super::read::Text<'_>| {
        text.parse(|name| if name.is_empty() { Err("is empty; name a column") } else { Ok(name.to_owned()) })
    };
    let (payment, amount) = (section.text("payment").and_then(column), section.text("amount").and_then(column));
    let (currency, network) = (section.optional_text("currency"), section.optional_text("network"));
    let (currency, network) = (currency.map(column), network.map(column));
    let sign = section.optional_text("sign").map_or(Some(Sign::Due), |text| text.parse(str::parse));
    section.finish();
    let columns = FileColumns {
        payment: payment?,
        amount: amount?,
        currency: currency.map_or(Some(None), |column| column.map(Some))?,
        network: network.map_or(Some(None), |column| column.map(Some))?,
        sign: sign?,
    };
    Some(Some(columns))
}
