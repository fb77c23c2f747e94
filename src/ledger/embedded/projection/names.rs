//! What names lead to, for ever: payments' names to their holds, asked keys to their answers. Found by a name, added a batch at
//! a time.
//!
//! Names are fingerprints, so each new one belongs to another place: in a B-tree each would touch a page of its own. Here the
//! names of a batch are written in their order, as pages of a run of their own; when there are many runs, the latest ones are
//! merged into one, a piece with each batch, so that a name is copied a few times in all and never looked for when it is
//! added. Within a run a name lies where its value says, give or take a few pages. Nothing here knows what a value means to
//! whom.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use holdfast_core::Timestamp;
use holdfast_core::hold::Answered;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::words;
use crate::ledger::embedded::state::Fingerprint;

mod merge;
mod run;

pub(super) use self::merge::{Merging, go_on};
use self::run::{Run, RunWriter};

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Leads {
    /// To the hold of that number.
    ToHold(u64),
    /// To what was answered, and since when memory remembers it.
    ToAnswer(Timestamp, Answered),
}

/// The names of one batch.
pub(super) type New = HashMap<Fingerprint, Leads, RandomState>;

/// Writes the names of a batch, as a run of their own.
pub(super) fn add(connection: &Connection, new: &New) -> rusqlite::Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let mut writer = RunWriter::new(run::next(connection)?);
    let mut leads_to = Vec::new();
    let mut in_order: Vec<(&Fingerprint, &Leads)> = new.iter().collect();
    in_order.sort_unstable_by_key(|(name, _)| **name);
    for (name, leads) in in_order {
        leads_to.clear();
        leads_to = postcard::to_extend(leads, leads_to).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        writer.push(connection, words::bytes_of(*name), &leads_to)?;
    }
    writer.finish(connection)
}

/// What a name leads to. Looked for within a transaction, in which no run goes.
pub(super) fn find(connection: &Connection, name: Fingerprint) -> rusqlite::Result<Option<Leads>> {
    let name = words::bytes_of(name);
    for run in run::all(connection)? {
        if let Some(leads) = run.find(connection, &name)? {
            return read(&leads).map(Some);
        }
    }
    Ok(None)
}

/// Some more names, in their order: behind `after`, about as many as that. Nothing if there are none left.
pub(super) fn some_behind(
    connection: &Connection,
    after: Option<Fingerprint>,
    about: u64,
    mut take: impl FnMut(Fingerprint),
) -> rusqlite::Result<Option<Fingerprint>> {
    let runs = run::all(connection)?;
    let names = runs.iter().fold(0_u64, |sum, run| sum.saturating_add(run.names)).max(1);
    // Names are spread evenly: so much of what there could be has about so many of them.
    let width = u64::MAX.checked_div(names).unwrap_or(u64::MAX).saturating_mul(about);
    let from = match after {
        Some(Fingerprint([u64::MAX, _])) => return Ok(None),
        Some(Fingerprint([first, _])) => first.saturating_add(1),
        None => 0,
    };
    let to = from.saturating_add(width);
    for run in &runs {
        run.range(connection, from, to, |name, _| {
            take(words::fingerprint_of(name));
            Ok(())
        })?;
    }
    Ok(Some(Fingerprint([to, u64::MAX])))
}

/// All names and what they lead to, the latest word on each first.
pub(super) fn each(
    connection: &Connection,
    mut take: impl FnMut(Fingerprint, Leads) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    for run in run::all(connection)? {
        run.range(connection, 0, u64::MAX, |name, leads| take(words::fingerprint_of(name), read(leads)?))?;
    }
    Ok(())
}

fn read(leads: &[u8]) -> rusqlite::Result<Leads> {
    postcard::from_bytes(leads).map_err(|_| words::damaged(0))
}

/// Throws away what was begun of a merger and never finished.
pub(super) fn forget_unfinished(connection: &Connection) -> rusqlite::Result<()> {
    let begun: Option<i64> = connection.query_row("SELECT merging FROM meta", [], |row| row.get(0)).optional()?.flatten();
    if let Some(run) = begun {
        run::throw_away(connection, run)?;
        connection.execute("UPDATE meta SET merging = NULL", params![])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
