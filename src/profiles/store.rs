//! Where profiles are durable: a SQLite file of the data directory, a row a profile, synced before it counts. Rows are sealed if
//! there is a key: names and addresses may be persons'. Where responders share a ledger, its database has them ([`super::shared`]), and
//! this file is what a start without the database knows of them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, params};

use super::row::{Kept, Row};
use crate::begun::is_lost;
use crate::ledger::postgres::trouble::Trouble;
use crate::private_file;
use crate::seal::{Form, Sealed, Sealer};

/// The file's name in the data directory.
pub const FILE: &str = "profiles.sqlite";

/// The file that says that the data directory has had profiles: those that are lost are not begun anew as if there had been none.
const BEGUN: &str = "profiles.begun";

/// "HFP1", in SQLite's `application_id`: the file is ours.
const APPLICATION: i32 = 0x4846_5031;
/// The number of the schema.
const SCHEMA: i32 = 1;

const TABLES: &str = "
    -- Merchants and instruments of payment doors.
    CREATE TABLE profile (
        program TEXT NOT NULL,
        kind TEXT NOT NULL,      -- merchant or instrument
        name TEXT NOT NULL,      -- the merchant's id, or the card's token
        form INTEGER NOT NULL,   -- 0: the body is JSON; 1: it is sealed
        body BLOB NOT NULL,
        PRIMARY KEY (program, kind, name)
    ) STRICT, WITHOUT ROWID;";

/// Why profiles cannot be read or written.
#[derive(Debug)]
pub enum StoreError {
    /// The file, or its directory.
    File(PathBuf, std::io::Error),
    /// SQLite.
    Disk(PathBuf, rusqlite::Error),
    /// The file is another program's.
    Foreign(PathBuf),
    /// It is a newer version's, of this format.
    Newer(PathBuf, i32),
    /// The data directory had the file, by what this other one says.
    Lost(PathBuf, PathBuf),
    /// A card's number would be another card's already.
    NumberTaken {
        /// The card,
        card: String,
        /// and the one that has it.
        other: String,
    },
    /// A row does not open: where, and which one.
    Unreadable(String, String),
    /// The database of the shared ledger.
    Database(Trouble),
}

/// Whether the fault lies with what is in the file, and not with the disk.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt))
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::File(path, error) => write!(f, "{}: {error}", path.display()),
            StoreError::Disk(path, error) if is_damage(error) => write!(
                f,
                "{}: is damaged ({error}): merchants, their limits, and instruments of payment doors are in it. Restore the data directory \
                 from a backup (`holdfast restore`); without one, move it away with its `-wal` and `-shm`, and see what the next start says",
                path.display()
            ),
            StoreError::Disk(path, error) => write!(f, "{}: {error}; is its disk full, or not writable?", path.display()),
            StoreError::Newer(path, format) => write!(
                f,
                "{}: was written by a newer Holdfast (format {format}, this one reads up to {SCHEMA}); start that one",
                path.display()
            ),
            StoreError::Foreign(path) => {
                write!(f, "{}: is not a file of merchants and instruments that this version reads", path.display())
            }
            StoreError::Lost(path, begun) => write!(
                f,
                "{}: is missing or empty, and this data directory had one: merchants, their limits, and instruments of payment doors were in \
                 it. Bring it back with its `-wal`, or restore the data directory from a backup (`holdfast restore`); if it is lost, remove {} to begin \
                 without any of them, and import them again",
                path.display(),
                begun.display()
            ),
            StoreError::NumberTaken { card, other } => {
                write!(f, "the `number_token` of card {card} is card {other}'s: take it from that one first")
            }
            StoreError::Unreadable(place, row) => {
                write!(f, "{place}: {row} cannot be read: `texts.key` is another one than it was kept with, or it is damaged")
            }
            StoreError::Database(trouble) => trouble.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {}

/// The file, open if it is there.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    sealer: Sealer,
    /// Made when something is kept for the first time: whoever has no payment door has no such file.
    connection: Mutex<Option<Connection>>,
}

/// The file, while one writes.
pub struct Writing<'s> {
    store: &'s Store,
    connection: MutexGuard<'s, Option<Connection>>,
}

impl Store {
    /// Opens the file of a data directory, if there is one.
    ///
    /// # Errors
    /// See [`StoreError`]. A file that is refused is left as it is.
    pub fn open(directory: &Path, sealer: Sealer) -> Result<Self, StoreError> {
        let (path, begun) = (directory.join(FILE), directory.join(BEGUN));
        if is_lost(&begun, &path) {
            return Err(StoreError::Lost(path, begun));
        }
        Store::open_copy(directory, sealer)
    }

    /// Opens the file of a data directory, if there is one, where a shared ledger has what is in it: it may be lost.
    ///
    /// # Errors
    /// See [`StoreError`]. A file that is refused is left as it is.
    pub fn open_copy(directory: &Path, sealer: Sealer) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let connection = if path.exists() { Some(connect(&path)?) } else { None };
        Ok(Store { path, sealer, connection: Mutex::new(connection) })
    }

    /// Everything that is kept.
    ///
    /// # Errors
    /// The disk, or a row that does not open.
    pub fn all(&self) -> Result<Vec<Kept>, StoreError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = connection.as_ref() else { return Ok(Vec::new()) };
        let mut statement = connection.prepare("SELECT program, kind, name, form, body FROM profile").map_err(self.disk())?;
        let mut rows = statement.query([]).map_err(self.disk())?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(self.disk())? {
            let text = |column| row.get::<_, String>(column).map_err(self.disk());
            let form = Form::of_number(row.get(3).map_err(self.disk())?);
            let sealed = Sealed { form, bytes: row.get(4).map_err(self.disk())? };
            let row = Row { program: text(0)?, kind: text(1)?, name: text(2)?, sealed };
            let unreadable = || StoreError::Unreadable(self.path.display().to_string(), row.called());
            all.push(row.open(&self.sealer).ok_or_else(unreadable)?);
        }
        Ok(all)
    }

    /// What seals its rows.
    #[must_use]
    pub const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Waits until nobody else writes.
    #[must_use]
    pub fn begin(&self) -> Writing<'_> {
        Writing { store: self, connection: self.connection.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    fn disk(&self) -> impl Fn(rusqlite::Error) -> StoreError {
        |error| StoreError::Disk(self.path.clone(), error)
    }
}

impl Writing<'_> {
    /// Keeps profiles: all of them are durable, or none.
    ///
    /// # Errors
    /// The disk.
    pub fn put(&mut self, profiles: &[&Kept]) -> Result<(), StoreError> {
        let Store { path, sealer, .. } = self.store;
        let disk = |error| StoreError::Disk(path.clone(), error);
        let connection = match self.connection.as_mut() {
            Some(connection) => connection,
            None => self.connection.insert(make(path)?),
        };
        let transaction = connection.transaction().map_err(disk)?;
        for kept in profiles {
            let unreadable = || StoreError::Unreadable(path.display().to_string(), kept.profile.kind_and_name().1);
            let Row { program, kind, name, sealed } = kept.to_row(sealer).ok_or_else(unreadable)?;
            transaction
                .execute(
                    "INSERT OR REPLACE INTO profile (program, kind, name, form, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![program, kind, name, sealed.form.number(), sealed.bytes],
                )
                .map_err(disk)?;
        }
        transaction.commit().map_err(disk)
    }
}

fn make(path: &Path) -> Result<Connection, StoreError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let file = |error| StoreError::File(path.to_owned(), error);
    if let Some(directory) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(file)?;
    }
    private_file::make(path).map_err(file)?;
    connect(path)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let disk = |error| StoreError::Disk(path.to_owned(), error);
    let connection = Connection::open(path).map_err(disk)?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(disk);
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?, number("SELECT count(*) FROM sqlite_schema")?) {
        (APPLICATION, SCHEMA, _) => {}
        (0, 0, 0) => {
            let ours = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA}");
            connection.execute_batch(&format!("PRAGMA journal_mode = WAL; BEGIN; {TABLES} {ours}; COMMIT")).map_err(disk)?;
        }
        (APPLICATION, newer, _) if newer > SCHEMA => return Err(StoreError::Newer(path.to_owned(), newer)),
        (_, _, _) => return Err(StoreError::Foreign(path.to_owned())),
    }
    // What is overwritten or taken out leaves nothing to be read.
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON").map_err(disk)?;
    let begun = path.with_file_name(BEGUN);
    private_file::make(&begun).map_err(|error| StoreError::File(begun, error))?;
    Ok(connection)
}
