//! The projection as the ledger's cold store: holds that memory has let go of, by name, and what was answered or told long ago.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_core::hold::Answered;
use rusqlite::{Connection, OptionalExtension as _};

use super::names::{self, Leads};
use super::rows::HoldKept;
use super::whole::{Making, Wholeness};
use super::{schema, words};
use crate::journal::JournalError;
use crate::ledger::embedded::cold::{Cold, Found, Left, Need, Reading};
use crate::ledger::embedded::state::{Fingerprint, NameKey, ToldContent};

/// Names that are read at a time: whoever looks something up meanwhile waits no longer than that takes.
const PAGE_NAMES: usize = 1_024;

/// The same, of those that lie in runs: about.
const RUN_NAMES: u64 = 1_024;

/// Where names are that memory may let go of: in runs, then in a table.
const IN_RUNS: usize = 0;
const TOLD: usize = 1;

/// The projection, open for looking things up; opened again when it was made anew.
#[derive(Debug)]
pub struct Finder {
    directory: PathBuf,
    whole: Arc<Wholeness>,
    open: RefCell<(Option<Making>, Connection)>,
}

impl Finder {
    /// Opens the projection of a data directory, which is there.
    ///
    /// # Errors
    /// The disk, or what is there.
    pub fn open(directory: &Path, whole: Arc<Wholeness>) -> Result<Self, JournalError> {
        let open = RefCell::new((whole.making(), connect(directory)?));
        Ok(Finder { directory: directory.to_owned(), whole, open })
    }

    /// Reads from a projection that is whole; and which making of it that was.
    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<(T, Making), JournalError> {
        let Some(making) = self.whole.making() else { return Err(self.made_anew()) };
        let mut open = self.open.borrow_mut();
        if open.0 != Some(making) {
            *open = (Some(making), connect(&self.directory)?);
        }
        let path = schema::path_in(&self.directory);
        // As it is at one moment, however many looks it takes.
        let read = open.1.unchecked_transaction().and_then(|at_once| read(&at_once)).map_err(JournalError::disk(&path))?;
        // It may have been found damaged meanwhile.
        if self.whole.making() == Some(making) { Ok((read, making)) } else { Err(self.made_anew()) }
    }

    /// Nothing that is not found says anything now.
    fn made_anew(&self) -> JournalError {
        let why = "it is made anew from the journal, and nothing can be looked up in it until it has everything again";
        JournalError::Directory(schema::path_in(&self.directory), std::io::Error::other(why))
    }
}

fn connect(directory: &Path) -> Result<Connection, JournalError> {
    let path = schema::path_in(directory);
    let connection = schema::open_to_read(directory).map_err(JournalError::disk(&path))?;
    connection.ok_or(JournalError::Foreign(path))
}

/// Reads a page; one kind ends after the other.
fn read_page(connection: &Connection, reading: &mut Reading) -> rusqlite::Result<()> {
    let Reading { names, table, after, left, .. } = reading;
    *after = match *table {
        IN_RUNS => names::some_behind(connection, *after, RUN_NAMES, |name| names.add(name))?,
        TOLD => told_behind(connection, *after, |name| names.add(name))?,
        _ => {
            *left = Left::Nothing;
            return Ok(());
        }
    };
    if after.is_none() {
        *table = table.saturating_add(1);
    }
    Ok(())
}

/// Some more messages, behind `after`; which was the last. Nothing if there are none left.
fn told_behind(
    connection: &Connection,
    after: Option<Fingerprint>,
    mut take: impl FnMut(Fingerprint),
) -> rusqlite::Result<Option<Fingerprint>> {
    let sql = format!("SELECT name FROM told_for_ever WHERE name > ?1 ORDER BY name LIMIT {PAGE_NAMES}");
    let mut statement = connection.prepare_cached(&sql)?;
    // Nothing sorts before the empty name.
    let after = after.map_or_else(Vec::new, |name| words::bytes_of(name).to_vec());
    let (mut rows, mut last) = (statement.query([after])?, None);
    while let Some(row) = rows.next()? {
        let name = words::fingerprint(row, 0)?;
        take(name);
        last = Some(name);
    }
    Ok(last)
}

fn look(connection: &Connection, need: &Need) -> rusqlite::Result<Found> {
    let hold = hold(connection, need.payment.iter().copied())?;
    let told = match need.told {
        Some(name) => told(connection, name)?.map(|content| (name, content)),
        None => None,
    };
    let asked = match need.asked {
        Some(name) => answered(connection, name)?.map(|answered| (name, answered)),
        None => None,
    };
    let row = |kept: HoldKept| (kept.row, kept.changed_at, kept.changed_by);
    let mut others = Vec::new();
    for name in &need.others {
        others.extend(self::hold(connection, [*name])?.map(row));
    }
    if let Some(number) = need.number {
        others.extend(HoldKept::load(connection, number.0)?.map(row));
    }
    Ok(Found { asked, hold: hold.map(row), others, told })
}

impl Cold for Finder {
    fn find(&self, need: &Need) -> Result<Found, JournalError> {
        self.with(|connection| look(connection, need)).map(|(found, _)| found)
    }

    fn read_names(&self, reading: &mut Reading) -> Result<(), JournalError> {
        let ((), Making(number)) = self.with(|connection| read_page(connection, reading))?;
        if *reading.of.get_or_insert(number) == number { Ok(()) } else { Err(self.made_anew()) }
    }
}

/// What keys the fingerprints in this file.
pub(super) fn key(connection: &Connection) -> rusqlite::Result<NameKey> {
    connection.query_row("SELECT secret FROM meta", [], |row| {
        let Fingerprint([one, two]) = words::fingerprint(row, 0)?;
        Ok(NameKey(one, two))
    })
}

/// The hold that the first of these names leads to that leads to any.
pub(super) fn hold(connection: &Connection, names: impl IntoIterator<Item = Fingerprint>) -> rusqlite::Result<Option<HoldKept>> {
    for name in names {
        if let Some(number) = named(connection, name)? {
            return HoldKept::load(connection, number);
        }
    }
    Ok(None)
}

/// The number of the hold that a name leads to.
fn named(connection: &Connection, name: Fingerprint) -> rusqlite::Result<Option<u64>> {
    Ok(names::find(connection, name)?.and_then(|leads| match leads {
        Leads::ToHold(number) => Some(number),
        Leads::ToAnswer(..) => None,
    }))
}

/// What was answered to a key.
fn answered(connection: &Connection, name: Fingerprint) -> rusqlite::Result<Option<Answered>> {
    Ok(names::find(connection, name)?.and_then(|leads| match leads {
        Leads::ToAnswer(_, answered) => Some(answered),
        Leads::ToHold(_) => None,
    }))
}

/// Whether a message was told, and what it said, where that is known.
fn told(connection: &Connection, name: Fingerprint) -> rusqlite::Result<Option<Option<ToldContent>>> {
    let sql = "SELECT c.content FROM told_for_ever t LEFT JOIN told_content c ON c.name = t.name WHERE t.name = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let content = |row: &rusqlite::Row<'_>| row.get::<_, Option<i64>>(0);
    let told = statement.query_row([&words::bytes_of(name)[..]], content).optional()?;
    Ok(told.map(|content| content.map(ToldContent::from_column)))
}
