//! Reads a program's stand-in table from TOML into the core's typed rows and caps, every error at once with its place.
//!
//! A table means the same wherever and whenever it is read, as a ruleset does: it shares the ruleset's head, conditions, words and
//! zones. `config/stand-in/cautious.toml` and `config/stand-in/collateral.toml` show them in use, `config/stand-in/reference.toml`
//! has every key. This opens no file and publishes nothing.

mod cap;
mod files;
mod row;

#[cfg(test)]
mod tests;

use holdfast_core::rules::RulesetHash;
use holdfast_core::stand_in::{Caps, Mode, Silence, StandInParts, StandInPlace, StandInPolicy, StandInProblem};
use holdfast_core::{Money, ProgramId, Timestamp};

pub use files::StandInFiles;
pub(super) use files::read as read_files;

use super::errors::Errors;
use super::number_free;
use super::read::{Document, Section, Spot};
use super::ruleset::{self, HalfKnown, Home};

/// Reads a stand-in table. Its hash is that of `source`, byte for byte, as `sha256sum` prints it for the file.
///
/// # Errors
/// Everything that is wrong with it; of one with a card's number in it, only that.
pub fn read(file_name: &str, source: &str, home: &Home) -> Result<StandInPolicy, Errors> {
    number_free::check(file_name, source)?;
    read_for(file_name, source, &(*home).into(), None)
}

/// Reads a table that somebody wants to put in force now: one that approves until a moment that is past is wrong, too.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_to_publish(file_name: &str, source: &str, home: &Home, now: Timestamp) -> Result<StandInPolicy, Errors> {
    number_free::check(file_name, source)?;
    read_for(file_name, source, &(*home).into(), Some(now))
}

/// Reads the table that was published last, whatever an earlier version let in.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_in_force(name: &str, source: &str, home: &Home) -> Result<StandInPolicy, Errors> {
    read_for(name, source, &(*home).into(), None)
}

/// Reads a table that a journal kept, as it was read when it was published.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_kept(name: &str, source: &str, program: ProgramId) -> Result<StandInPolicy, Errors> {
    read_for(name, source, &HalfKnown { program: Some(program), ..HalfKnown::default() }, None)
}

/// Everything that is wrong with a table, as far as its program is known.
#[must_use]
pub fn check(file_name: &str, source: &str, home: &HalfKnown) -> Errors {
    let checked = number_free::check(file_name, source).and_then(|()| read_for(file_name, source, home, None).map(drop));
    checked.err().unwrap_or_default()
}

fn read_for(file_name: &str, source: &str, home: &HalfKnown, now: Option<Timestamp>) -> Result<StandInPolicy, Errors> {
    let document = Document::parse(file_name, source)?;
    let policy = read_root(document.root(), source, home, now);
    let errors = document.finish();
    match policy {
        Some(policy) if errors.is_empty() => Ok(policy),
        // Whoever gives up on a value notes why.
        Some(_) | None => Err(errors),
    }
}

fn read_root(root: Section<'_>, source: &str, home: &HalfKnown, now: Option<Timestamp>) -> Option<StandInPolicy> {
    let head = ruleset::read_head(&root, home);
    let mode = read_mode(&root, now);
    let exposure = root.optional("exposure_max");
    let exposure_spot = exposure.as_ref().map(|value| value.spot.clone());
    let exposure_max = match exposure {
        // One that is wrong must not become none.
        Some(value) => value.text().and_then(|text| ruleset::read_amount(&text, &head)).map(Some),
        None => Some(None),
    };
    let mut names = row::Names::default();
    let rows: Vec<_> = root.sections("row").into_iter().map(|section| row::read(section, &head, &mut names)).collect();
    let caps: Vec<_> = root.sections("cap").into_iter().map(|section| cap::read(section, &head, &mut names)).collect();
    let whole = root.spot.clone();
    // Also of a row with which something else is wrong.
    let no_exposure_cap = exposure_max == Some(None) && (names.approve || matches!(mode, Some(Mode::Approve { .. })));
    if no_exposure_cap {
        whole.wrong(StandInProblem::NoExposureCap);
    }
    root.finish();

    // One that is wrong is noted: what else is wrong is looked for among the others.
    let (rows, row_spots): (Vec<_>, Vec<_>) = rows.into_iter().flatten().unzip();
    let (caps, cap_spots): (Vec<_>, Vec<_>) = caps.into_iter().flatten().unzip();
    let (hash, currency, country) = (RulesetHash::of(source), head.amounts_in(), head.country);
    // What is wrong in the head is told there, and once.
    let exposure_max = exposure_max.unwrap_or_else(|| Some(Money::from_minor(1, currency)));
    let (mode, caps) = (mode.unwrap_or_default(), Caps { exposure_max, caps });
    match StandInPolicy::new(StandInParts { hash, currency, country, mode, rows, caps }) {
        Ok(policy) => Some(policy),
        Err(errors) => {
            for error in errors.into_iter().filter(|error| error.problem != StandInProblem::NoExposureCap) {
                let spot: Option<&Spot<'_>> = match error.place {
                    StandInPlace::Table => None,
                    StandInPlace::Exposure => exposure_spot.as_ref(),
                    StandInPlace::Row(index) => row_spots.get(index),
                    StandInPlace::Cap(index) => cap_spots.get(index),
                };
                spot.unwrap_or(&whole).wrong(error.problem);
            }
            None
        }
    }
}

/// `mode`, with `until` for `approve`, which must lie after `now`, and `drop` for `drop`; by rows unless it says otherwise.
fn read_mode(root: &Section<'_>, now: Option<Timestamp>) -> Option<Mode> {
    let (mode, until, drop) = (root.optional_text("mode"), root.optional("until"), root.optional("drop"));
    let word = mode.as_ref().map_or("rules", |text| text.text);
    if let Some(until) = until.as_ref().filter(|_| word != "approve") {
        until.spot.wrong("goes only with `mode = \"approve\"`");
    }
    if let Some(drop) = drop.as_ref().filter(|_| word != "drop") {
        drop.spot.wrong("goes only with `mode = \"drop\"`");
    }
    let missing = |problem: &str| {
        if let Some(text) = &mode {
            text.spot.wrong(problem);
        }
    };
    match word {
        "rules" => Some(Mode::Rules),
        "decline" => Some(Mode::Decline),
        "approve" => match until {
            Some(until) => Some(Mode::Approve { until: until.text()?.parse(|text| read_end(text, now))? }),
            None => {
                missing("needs its end: write for example until = \"2026-03-14T18:00:00Z\"");
                None
            }
        },
        "drop" => match drop {
            Some(drop) => drop.text()?.parse(read_silence).map(Mode::Drop),
            None => {
                missing("needs to say how: write drop = \"503\" or drop = \"silence\"");
                None
            }
        },
        _ => {
            missing("is none of rules, decline, approve, drop");
            None
        }
    }
}

fn read_end(text: &str, now: Option<Timestamp>) -> Result<Timestamp, &'static str> {
    let until = read_moment(text)?;
    if now.is_some_and(|now| until <= now) {
        return Err("is past: the table would go by its rows at once; write an end that is ahead, or leave out mode and until");
    }
    Ok(until)
}

fn read_moment(text: &str) -> Result<Timestamp, &'static str> {
    let moment: Result<jiff::Timestamp, _> = text.parse();
    moment
        .map(|moment| Timestamp::from_unix_micros(moment.as_microsecond()))
        .map_err(|_| "is not a moment; write for example \"2026-03-14T18:00:00Z\"")
}

fn read_silence(text: &str) -> Result<Silence, &'static str> {
    match text {
        "503" => Ok(Silence::Unavailable),
        "silence" => Ok(Silence::NoAnswer),
        _ => Err("must be \"503\" or \"silence\""),
    }
}
