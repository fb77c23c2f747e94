//! The projection as the ledger's cold store: holds that memory has let go of, by name, and messages told long ago.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};

use super::rows::HoldKept;
use super::whole::{Making, Wholeness};
use super::{schema, words};
use crate::journal::JournalError;
use crate::ledger::embedded::cold::{Cold, Found, Need};
use crate::ledger::embedded::state::{Fingerprint, NameKey};

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

fn look(connection: &Connection, need: &Need) -> rusqlite::Result<Found> {
    let hold = hold(connection, need.payment.iter().copied())?;
    let told = match need.told {
        Some(name) if was_told(connection, name)? => Some(name),
        Some(_) | None => None,
    };
    Ok(Found { hold: hold.map(|kept| (kept.row, kept.changed_at, kept.changed_by)), told })
}

impl Cold for Finder {
    fn find(&self, need: &Need) -> Result<Found, JournalError> {
        let Some(making) = self.whole.making() else { return Err(self.made_anew()) };
        if need.told.is_some() && !self.whole.has_keys() {
            return Err(self.made_anew());
        }
        let mut open = self.open.borrow_mut();
        if open.0 != Some(making) {
            *open = (Some(making), connect(&self.directory)?);
        }
        let found = look(&open.1, need).map_err(JournalError::disk(&schema::path_in(&self.directory)))?;
        // It may have been found damaged meanwhile.
        if self.whole.making() == Some(making) { Ok(found) } else { Err(self.made_anew()) }
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

fn was_told(connection: &Connection, name: Fingerprint) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM told WHERE name = ?1 LIMIT 1")?.exists([&words::bytes_of(name)[..]])
}
