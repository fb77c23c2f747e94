//! A day's settlement as a table for people and as JSON for machines.

use std::fmt::Write as _;

use holdfast_core::card_number::stands_in_text;
use holdfast_core::hold::MovementCause;
use holdfast_core::{Currency, NetworkName, PlatformName, ProgramId};
use serde_json::{Value, json};

use super::day::{Day, Float, Movement};
use super::reconcile::{Difference, Elsewhere, Reconciled};
use crate::settlement_day::date_of;

/// What a report is of.
#[derive(Debug, Clone)]
pub struct Title {
    /// Whose day.
    pub program: ProgramId,
    /// The day, as a date.
    pub date: String,
}

/// What a platform announced for a currency, and what we say is due in it of what came from that platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The platform.
    pub platform: Option<PlatformName>,
    /// The currency.
    pub currency: Currency,
    /// What was announced, in minor units.
    pub announced: i128,
    /// What is due by our records.
    pub due: i128,
}

/// Compares what each platform announced for the day with what is due of it.
#[must_use]
pub fn announced(day: &Day) -> Vec<Comparison> {
    let compare = |announced: &super::day::Announced| {
        let (currency, platform) = (announced.total.currency(), announced.platform);
        let due = due_of(day, platform.as_ref(), currency);
        Comparison { platform, currency, announced: announced.total.minor().into(), due }
    };
    day.announced.iter().map(compare).collect()
}

/// What is due in a currency, over all networks.
#[must_use]
pub fn total_due(day: &Day, currency: Currency) -> i128 {
    let of_currency = day.due.iter().filter(|((_, of), _)| *of == currency);
    of_currency.fold(0_i128, |sum, (_, due)| sum.saturating_add(*due))
}

/// What of it came from one platform.
fn due_of(day: &Day, platform: Option<&PlatformName>, currency: Currency) -> i128 {
    let due = day.movements.iter().filter(|movement| {
        let is_its = movement.platform.as_ref() == platform && movement.posted.currency() == currency;
        is_its && movement.cause == MovementCause::NetworkSettlement
    });
    due.fold(0_i128, |sum, movement| sum.saturating_sub(movement.posted.minor().into()))
}

/// What a day's accounts amount to, where there were any by then.
fn wallet(day: &Day) -> impl Iterator<Item = (&Currency, &Float)> {
    day.float.iter().filter(|(_, float)| float.accounts > 0)
}

/// What has to be in the program's wallet at the day's end: all that is on accounts, and what leaves it for the day.
const fn needed(float: &Float, due: i128) -> i128 {
    float.posted.saturating_add(due)
}

/// Tables.
#[must_use]
pub fn as_text(title: &Title, day: &Day, reconciled: Option<&Reconciled>) -> String {
    let mut text = format!("Settlement of program {}, {}\n", title.program, title.date);
    // Writing to a text cannot fail.
    let _ = sums(&mut text, day);
    let _ = movements(&mut text, &day.movements);
    let _ = reconciled.map_or(Ok(()), |reconciled| differences(&mut text, reconciled));
    text
}

fn sums(text: &mut String, day: &Day) -> std::fmt::Result {
    writeln!(text, "\nDue to networks (negative: due to us)")?;
    if day.due.is_empty() {
        writeln!(text, "  nothing")?;
    }
    for ((network, currency), due) in &day.due {
        writeln!(text, "  {:<24} {:>20}", name(network.as_ref()), amount(*due, *currency))?;
    }
    writeln!(text, "\nCounter-entries of the day by cause")?;
    for ((cause, currency), sum) in &day.counter_entries {
        writeln!(text, "  {:<24} {:>20}", cause.name(), amount(*sum, *currency))?;
    }
    writeln!(text, "\nWallet at the day's end")?;
    if wallet(day).next().is_none() {
        writeln!(text, "  no account had been recorded by then")?;
    }
    for (currency, float) in wallet(day) {
        let due = total_due(day, *currency);
        for (what, minor) in [
            ("posted on all accounts", float.posted),
            ("of it held", float.held),
            ("due for the day", due),
            ("needed in the wallet", needed(float, due)),
        ] {
            writeln!(text, "  {what:<24} {:>20}", amount(minor, *currency))?;
        }
        writeln!(text, "  {:<24} {:>16}", "accounts", float.accounts)?;
    }
    for Comparison { platform, currency, announced, due } in announced(day) {
        let by = platform.as_ref().map_or("the platform", PlatformName::as_str);
        write!(text, "\nAnnounced by {by}: {}, ", amount(announced, currency))?;
        if announced == due {
            writeln!(text, "the same as due")?;
        } else {
            writeln!(text, "NOT what is due of it: {}", amount(due, currency))?;
        }
    }
    Ok(())
}

fn movements(text: &mut String, movements: &[Movement]) -> std::fmt::Result {
    writeln!(text, "\nMovements")?;
    writeln!(
        text,
        "  {:>8}  {:<27}  {:<20} {:<18} {:<12} {:<24} {:>18}",
        "record", "at", "cause", "what", "network", "payment", "on the account"
    )?;
    for movement in movements {
        let cause = super::day::Cause::from(movement.cause).name();
        writeln!(
            text,
            "  {:>8}  {:<27}  {cause:<20} {:<18} {:<12} {:<24} {:>18}",
            movement.record,
            movement.at.to_string(),
            movement.what,
            name(movement.network.as_ref()),
            movement.payment_name().unwrap_or("-"),
            movement.posted.to_string(),
        )?;
    }
    Ok(())
}

fn differences(text: &mut String, reconciled: &Reconciled) -> std::fmt::Result {
    writeln!(text, "\nThe platform's file: {} payments match, {} do not", reconciled.matching, reconciled.differences.len())?;
    for difference in &reconciled.differences {
        let side = |sum: Option<i128>| sum.map_or_else(|| "nothing".to_owned(), |sum| amount(sum, difference.currency));
        let elsewhere = match &difference.elsewhere {
            Some(Elsewhere::OfDay(day, record)) => format!("; our record {record} of it counts to {}", date_of(*day)),
            Some(Elsewhere::Under(name, record)) => format!("; our record {record} of it is compared under {name}"),
            None => String::new(),
        };
        writeln!(
            text,
            "  {:<16} {:<24} ours {} (records {}), file {} (lines {}){elsewhere}",
            difference.verdict.name(),
            payment(difference),
            side(difference.ours),
            list(&difference.records),
            side(difference.file),
            list(&difference.lines),
        )?;
    }
    Ok(())
}

/// The payment's name, unless the platform's file has a card's number there.
fn payment(difference: &Difference) -> &str {
    if stands_in_text(&difference.payment) { "(a card's number)" } else { &difference.payment }
}

fn list<T: ToString>(numbers: &[T]) -> String {
    if numbers.is_empty() {
        return "none".to_owned();
    }
    numbers.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn name(network: Option<&NetworkName>) -> &str {
    network.map_or("(not told)", NetworkName::as_str)
}

/// A sum of many amounts, which may be larger than one can be.
fn amount(minor: i128, currency: Currency) -> String {
    let scale = 10_u128.saturating_pow(currency.exponent());
    let (sign, unsigned) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    let (major, rest) = (unsigned.checked_div(scale).unwrap_or(0), unsigned.checked_rem(scale).unwrap_or(0));
    match usize::try_from(currency.exponent()).unwrap_or(0) {
        0 => format!("{sign}{major} {currency}"),
        width => format!("{sign}{major}.{rest:0width$} {currency}"),
    }
}

/// One object; amounts in minor units beside their currency.
#[must_use]
pub fn as_json(title: &Title, day: &Day, reconciled: Option<&Reconciled>) -> Value {
    let sum = |minor: i128| i64::try_from(minor).map_or_else(|_| json!(minor.to_string()), |minor| json!(minor));
    let network = |network: Option<&NetworkName>| network.map(NetworkName::to_string);
    let due = day
        .due
        .iter()
        .map(|((over, currency), due)| json!({"network": network(over.as_ref()), "currency": currency.code(), "due": sum(*due)}));
    let entries = day
        .counter_entries
        .iter()
        .map(|((cause, currency), minor)| json!({"cause": cause.name(), "currency": currency.code(), "amount": sum(*minor)}));
    let wallet = wallet(day).map(|(currency, float)| {
        let due = total_due(day, *currency);
        json!({
            "currency": currency.code(),
            "posted": sum(float.posted),
            "held": sum(float.held),
            "due": sum(due),
            "needed": sum(needed(float, due)),
            "accounts": float.accounts,
        })
    });
    let compared = announced(day).into_iter().map(|Comparison { platform, currency, announced, due }| {
        json!({
            "platform": platform.map(|platform| platform.to_string()),
            "currency": currency.code(),
            "announced": sum(announced),
            "due": sum(due),
            "matches": announced == due,
        })
    });
    json!({
        "program": title.program.as_str(),
        "day": title.date,
        "due": due.collect::<Vec<_>>(),
        "counter_entries": entries.collect::<Vec<_>>(),
        "wallet": wallet.collect::<Vec<_>>(),
        "announced": compared.collect::<Vec<_>>(),
        "movements": day.movements.iter().map(movement).collect::<Vec<_>>(),
        "file": reconciled.map(|reconciled| json!({
            "matching": reconciled.matching,
            "differences": reconciled.differences.iter().map(|each| difference(each, sum)).collect::<Vec<_>>(),
        })),
    })
}

/// Every name once: the payment's first one first, the message's own last, unless that is the first.
fn names(movement: &Movement) -> Vec<&str> {
    let own = movement.names.last().filter(|own| Some(own.as_str()) != movement.payment_name());
    let mut names: Vec<&str> = Vec::new();
    for name in movement.payment.iter().chain(&movement.names).filter(|name| Some(*name) != own) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.extend(own.map(String::as_str));
    names
}

fn movement(movement: &Movement) -> Value {
    json!({
        "record": movement.record,
        "at": movement.at.to_string(),
        "names": names(movement),
        "platform": movement.platform.map(|platform| platform.to_string()),
        "account_id": movement.account.as_str(),
        "network": movement.network.map(|network| network.to_string()),
        "cause": super::day::Cause::from(movement.cause).name(),
        "what": movement.what,
        "posted": movement.posted.minor(),
        "currency": movement.posted.currency().code(),
    })
}

fn difference(difference: &Difference, sum: impl Fn(i128) -> Value) -> Value {
    let elsewhere = difference.elsewhere.as_ref().map(|elsewhere| match elsewhere {
        Elsewhere::OfDay(day, record) => json!({"record": record, "day": date_of(*day).to_string()}),
        Elsewhere::Under(name, record) => json!({"record": record, "payment": name}),
    });
    json!({
        "payment": payment(difference),
        "currency": difference.currency.code(),
        "verdict": difference.verdict.name(),
        "ours": difference.ours.map(&sum),
        "file": difference.file.map(&sum),
        "records": difference.records,
        "lines": difference.lines,
        "elsewhere": elsewhere,
    })
}
