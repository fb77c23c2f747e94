//! The projection as the ledger's cold store: holds that memory has let go of, by name, and messages told long ago.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};

use super::rows::HoldKept;
use super::{schema, words};
use crate::journal::JournalError;
use crate::ledger::embedded::cold::{Cold, Found, Need};
use crate::ledger::embedded::state::{Fingerprint, NameKey};

/// The projection, open for looking things up.
#[derive(Debug)]
pub struct Finder {
    path: PathBuf,
    connection: Connection,
}

impl Finder {
    /// Opens the projection of a data directory, which is there.
    ///
    /// # Errors
    /// The disk, or what is there.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        let path = schema::path_in(directory);
        match schema::open_to_read(directory).map_err(JournalError::disk(&path))? {
            Some(connection) => Ok(Finder { path, connection }),
            None => Err(JournalError::Foreign(path)),
        }
    }

    fn look(&self, need: &Need) -> rusqlite::Result<Found> {
        let hold = hold(&self.connection, need.payment.iter().copied())?;
        let told = match need.told {
            Some(name) if was_told(&self.connection, name)? => Some(name),
            Some(_) | None => None,
        };
        Ok(Found { hold: hold.map(|kept| (kept.row, kept.changed_at, kept.changed_by)), told })
    }
}

impl Cold for Finder {
    fn find(&self, need: &Need) -> Result<Found, JournalError> {
        self.look(need).map_err(JournalError::disk(&self.path))
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
