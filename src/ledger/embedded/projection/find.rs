//! The projection as the ledger's cold store: holds that memory has let go of, by name, and what was answered or told long ago.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_core::Timestamp;
use holdfast_core::hold::Answered;
use rusqlite::{Connection, OptionalExtension as _};

use super::rows::HoldKept;
use super::whole::{Making, Wholeness};
use super::{schema, words};
use crate::journal::JournalError;
use crate::ledger::embedded::cold::{Cold, Found, Left, Need, Reading};
use crate::ledger::embedded::state::{Fingerprint, NameKey};

/// Names that are read at a time: whoever looks something up meanwhile waits no longer than that takes.
const PAGE_NAMES: usize = 1_024;

/// Tables that have names which memory may let go of.
const NAMED: [&str; 3] = ["hold_name", "answered", "told_for_ever"];

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
        let read = read(&open.1).map_err(JournalError::disk(&schema::path_in(&self.directory)))?;
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

/// Reads a page; the tables end one after the other.
fn read_page(connection: &Connection, reading: &mut Reading) -> rusqlite::Result<()> {
    let Some(table) = NAMED.get(reading.table) else {
        reading.left = Left::Nothing;
        return Ok(());
    };
    let sql = format!("SELECT name FROM {table} WHERE name > ?1 ORDER BY name LIMIT {PAGE_NAMES}");
    let mut statement = connection.prepare_cached(&sql)?;
    // Nothing sorts before the empty name.
    let after = reading.after.take().map_or_else(Vec::new, |name| words::bytes_of(name).to_vec());
    let mut rows = statement.query([after])?;
    while let Some(row) = rows.next()? {
        let name = words::fingerprint(row, 0)?;
        reading.names.add(name);
        reading.after = Some(name);
    }
    if reading.after.is_none() {
        reading.table = reading.table.saturating_add(1);
    }
    Ok(())
}

fn look(connection: &Connection, need: &Need) -> rusqlite::Result<Found> {
    let hold = hold(connection, need.payment.iter().copied())?;
    let told = match need.told {
        Some(name) if was_told(connection, name)? => Some(name),
        Some(_) | None => None,
    };
    let asked = match need.asked {
        Some(name) => answered(connection, name)?.map(|(_, answered)| (name, answered)),
        None => None,
    };
    Ok(Found { asked, hold: hold.map(|kept| (kept.row, kept.changed_at, kept.changed_by)), told })
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
pub(super) fn named(connection: &Connection, name: Fingerprint) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached("SELECT hold FROM hold_name WHERE name = ?1")?;
    statement.query_row([&words::bytes_of(name)[..]], |row| row.get(0).map(i64::cast_unsigned)).optional()
}

/// What was answered to a key, and since when memory remembers it.
pub(super) fn answered(connection: &Connection, name: Fingerprint) -> rusqlite::Result<Option<(Timestamp, Answered)>> {
    let mut statement = connection.prepare_cached("SELECT at, answer FROM answered WHERE name = ?1")?;
    let read = |row: &rusqlite::Row<'_>| Ok((words::moment(row, 0)?, words::unpacked(row, 1)?));
    statement.query_row([&words::bytes_of(name)[..]], read).optional()
}

fn was_told(connection: &Connection, name: Fingerprint) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM told_for_ever WHERE name = ?1")?.exists([&words::bytes_of(name)[..]])
}
