//! Reads a program's ruleset from TOML into the core's typed rules, limits and hold policy, every error at once with its place.
//!
//! A ruleset means the same wherever and whenever it is read: currency, country and time zone stand in the file, and zones
//! come from the database compiled into this program, never from the machine's. `config/rules/reference.toml` shows every
//! key. This opens no file and publishes nothing.

mod checkout;
pub(in crate::config) mod conditions;
mod hold;
pub(in crate::config) mod limit;
pub(in crate::config) mod rule;
pub(in crate::config) mod words;
mod zones;

#[cfg(test)]
mod tests;

use holdfast_core::rules::{Place, Ruleset, RulesetHash, RulesetParts};
use holdfast_core::{Country, Currency, ProgramId, RuleId};

pub(crate) use limit::{seconds, seconds_or_none};

use super::errors::Errors;
use super::number_free;
use super::read::{Document, Section, Spot, Text};
use zones::Zones;
pub use zones::zone;

/// The program that a ruleset is read for.
#[derive(Debug, Clone, Copy)]
pub struct Home {
    /// Its name: limits of two programs never share a counter.
    pub program: ProgramId,
    /// Its currency, which must be the ruleset's.
    pub currency: Currency,
    /// Its country, which must be the ruleset's if that names one.
    pub country: Country,
}

/// What is known of a program in whose own section something is wrong: enough to look for what is wrong with its ruleset too.
#[derive(Debug, Clone, Copy, Default)]
pub struct HalfKnown {
    /// Its name, if that is right.
    pub program: Option<ProgramId>,
    /// Its currency, if that is right.
    pub currency: Option<Currency>,
    /// Its country, if that is right.
    pub country: Option<Country>,
}

impl From<Home> for HalfKnown {
    fn from(home: Home) -> Self {
        HalfKnown { program: Some(home.program), currency: Some(home.currency), country: Some(home.country) }
    }
}

/// When a ruleset was written: what is looked for since does not stop one that was published before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Now,
    Before,
}

/// What the head of the file says, for what stands below it.
pub(in crate::config) struct Head {
    /// `None` if neither the file nor the program has a currency: told already.
    pub currency: Option<Currency>,
    pub country: Option<Country>,
    pub zones: Zones,
}

impl Head {
    /// What amounts are read in. Where no currency is known the file is refused in any case, and what else is wrong with it is looked for
    /// in one that has as many decimal places as any.
    pub fn amounts_in(&self) -> Currency {
        self.currency.or_else(|| Currency::from_alpha("CLF")).unwrap_or(Currency::USD)
    }
}

/// Reads a ruleset. Its hash is that of `source`, byte for byte, as `sha256sum` prints it for the file.
///
/// # Errors
/// Everything that is wrong with it; of one with a card's number in it, only that.
pub fn read(file_name: &str, source: &str, home: &Home) -> Result<Ruleset, Errors> {
    number_free::check(file_name, source)?;
    read_for(file_name, source, &(*home).into(), Written::Now)
}

/// Reads the ruleset that was published last, whatever an earlier version let in.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_in_force(name: &str, source: &str, home: &Home) -> Result<Ruleset, Errors> {
    read_for(name, source, &(*home).into(), Written::Before)
}

/// Reads a ruleset that a journal kept, as it was read when it was published: all that it means stands in it, whatever the
/// configuration says today.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_kept(name: &str, source: &str, program: ProgramId) -> Result<Ruleset, Errors> {
    read_for(name, source, &HalfKnown { program: Some(program), ..HalfKnown::default() }, Written::Before)
}

fn read_for(file_name: &str, source: &str, home: &HalfKnown, written: Written) -> Result<Ruleset, Errors> {
    let document = Document::parse(file_name, source)?;
    let ruleset = read_root(document.root(), source, home, written);
    let errors = document.finish();
    match ruleset {
        Some(ruleset) if errors.is_empty() => Ok(ruleset),
        Some(_) | None => Err(errors),
    }
}

/// Everything that is wrong with a ruleset, as far as its program is known.
#[must_use]
pub fn check(file_name: &str, source: &str, home: &HalfKnown) -> Errors {
    if let Err(numbers) = number_free::check(file_name, source) {
        return numbers;
    }
    match Document::parse(file_name, source) {
        Err(broken) => broken,
        Ok(document) => {
            // Only what is noted counts here.
            let _ = read_root(document.root(), source, home, Written::Now);
            document.finish()
        }
    }
}

fn read_root(root: Section<'_>, source: &str, home: &HalfKnown, written: Written) -> Option<Ruleset> {
    let head = read_head(&root, home);
    let rules: Vec<_> = root.sections("rule").into_iter().filter_map(|section| rule::read(section, &head)).collect();
    let limits: Vec<_> = root.sections("limit").into_iter().filter_map(|section| limit::read(section, &head)).collect();
    let holds: Vec<_> = root.sections("hold").into_iter().filter_map(|section| hold::read(section, &head)).collect();
    let partial = root.optional_section("partial_approval").map(|section| hold::read_partial(section, &head));
    let whole = root.spot.clone();
    root.finish();

    if written == Written::Now {
        for (limit, spot) in &limits {
            if let Some(problem) = limit.counts_nothing() {
                spot.wrong(problem);
            }
        }
    }
    let (rules, rule_spots): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
    let (limits, limit_spots): (Vec<_>, Vec<_>) = limits.into_iter().unzip();
    let (holds, hold_spots): (Vec<_>, Vec<_>) = holds.into_iter().unzip();
    // One that is wrong is noted, so that the ruleset does not load; whether it is there then does not matter.
    let (partial_approval, partial_spot) = partial.flatten().unzip();
    let (currency, country) = (head.amounts_in(), head.country);
    let hash = RulesetHash::of(source);
    // Nothing that can be wrong with a ruleset depends on its program's name.
    let program = home.program.or_else(|| ProgramId::new("unnamed").ok())?;
    let parts = RulesetParts { hash, program, currency, country, rules, limits, holds, partial_approval };
    match Ruleset::new(parts) {
        Ok(ruleset) => Some(ruleset),
        Err(errors) => {
            for error in errors {
                let spot: Option<&Spot<'_>> = match error.place {
                    Place::Ruleset => None,
                    Place::Rule(index) => rule_spots.get(index),
                    Place::Limit(index) => limit_spots.get(index),
                    Place::Hold(index) => hold_spots.get(index),
                    Place::PartialApproval => partial_spot.as_ref(),
                };
                spot.unwrap_or(&whole).wrong(error.problem);
            }
            None
        }
    }
}

pub(in crate::config) fn read_head(root: &Section<'_>, home: &HalfKnown) -> Head {
    let currency = root.text("currency").and_then(|text| {
        text.parse(|code| match Currency::from_alpha(code) {
            None => Err("is not a currency of ISO 4217; write for example \"USD\"".to_owned()),
            Some(currency) => agree(currency, home.currency),
        })
    });
    let country = root.optional_text("country").map(|text| {
        let country = text.parse(|code| match Country::new(code) {
            None => Err("is not a country of ISO 3166-1; write for example \"USA\"".to_owned()),
            Some(country) => agree(country, home.country),
        });
        // A wrong country is told once, not again by every rule that needs it.
        country.or(home.country)
    });
    Head { currency: currency.or(home.currency), country: country.flatten(), zones: Zones::new(root.optional("time_zone")) }
}

/// What the file says, if it is the program's own.
fn agree<T: PartialEq + std::fmt::Display>(written: T, programs: Option<T>) -> Result<T, String> {
    match programs {
        Some(programs) if programs != written => Err(format!("must be the program's, {programs}")),
        Some(_) | None => Ok(written),
    }
}

/// The name of a rule, a limit, a row or a cap: what decisions, metrics and commands call it.
pub(in crate::config) fn read_id(section: &Section<'_>) -> Option<RuleId> {
    section.text("id")?.parse(|text| {
        if text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')) {
            RuleId::new(text).map_err(|error| error.to_string())
        } else {
            Err("must be made of lower-case letters, digits, - and _".to_owned())
        }
    })
}

/// An amount in the file's currency, as a decimal in quotes: never a float.
pub(in crate::config) fn read_amount(text: &Text<'_>, head: &Head) -> Option<holdfast_core::Money> {
    let currency = head.amounts_in();
    text.parse(|decimal| {
        let example = if currency.exponent() == 0 { "750" } else { "750.00" };
        holdfast_core::Money::from_plain_decimal(decimal, currency).map_err(|error| match head.currency {
            Some(known) => format!("{error}; amounts are in {known}, such as \"{example}\""),
            None => format!("{error}; write for example \"{example}\""),
        })
    })
}
