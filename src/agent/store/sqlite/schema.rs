//! The tables of `agents.sqlite`, and how SQLite is set up on it. Nothing here knows a row.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// The number of these tables and of what bodies look like, in SQLite's `user_version`.
pub(super) const FORMAT: i32 = 2;
/// The same tables, with merchants' names in bodies of policies.
pub(super) const FORMAT_WITH_NAMES: i32 = 1;

/// "HFA1", in SQLite's `application_id`: the file is ours.
const APPLICATION: i32 = 0x4846_4131;

const TABLES: &str = "
-- Objects: each as it is now.
CREATE TABLE object (
    number INTEGER PRIMARY KEY,     -- its place in lists
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    organization TEXT NOT NULL,
    environment INTEGER NOT NULL,   -- 0 sandbox, 1 production, -1 the organization as a whole
    parent TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,    -- microseconds since 1970-01-01T00:00:00Z
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL,             -- JSON; names texts, has none
    UNIQUE (kind, id)
) STRICT;
CREATE INDEX object_of_organization ON object (kind, organization, environment, number);
CREATE INDEX object_of_parent ON object (kind, parent, number) WHERE parent <> '';
-- What one object holds and no other may.
CREATE TABLE claim (
    name TEXT PRIMARY KEY,
    kind INTEGER NOT NULL,
    id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Names, addresses and free text, sealed; rows go when they are erased.
CREATE TABLE text (
    id TEXT PRIMARY KEY,
    organization TEXT NOT NULL,
    program TEXT NOT NULL,
    person TEXT NOT NULL,
    at INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX text_of_organization ON text (organization);
CREATE INDEX text_of_program ON text (program) WHERE program <> '';
CREATE INDEX text_of_person ON text (person) WHERE person <> '';
CREATE INDEX text_at ON text (at);
-- What was done under a request's key.
CREATE TABLE once (
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (space, key)
) STRICT, WITHOUT ROWID;
-- Who did what, with the body before and after.
CREATE TABLE deed (
    number INTEGER PRIMARY KEY,
    organization TEXT NOT NULL,
    environment INTEGER NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    before TEXT,
    after TEXT
) STRICT;
CREATE INDEX deed_of_organization ON deed (organization, number);
CREATE INDEX deed_of_object ON deed (id, number);
-- When credentials were used last.
CREATE TABLE used (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- One row: what the key that seals is known by.
CREATE TABLE seal (one INTEGER PRIMARY KEY CHECK (one = 1), sealed BLOB NOT NULL) STRICT;
";

/// Why a file is not opened.
#[derive(Debug)]
pub(super) enum Unfit {
    /// SQLite or the disk.
    Disk(rusqlite::Error),
    /// It is another program's.
    Foreign,
    /// A newer program of ours wrote it.
    Newer(i32),
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Self {
        Unfit::Disk(error)
    }
}

/// Opens the file, and makes its tables if it has none.
pub(super) fn open(path: &Path) -> Result<Connection, Unfit> {
    let connection = connect(path)?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?, tables) {
        (APPLICATION, FORMAT | FORMAT_WITH_NAMES, _) => {}
        (0, 0, 0) => {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute_batch(TABLES)?;
            transaction.execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}"))?;
            transaction.commit()?;
        }
        (APPLICATION, format, _) => return Err(Unfit::Newer(format)),
        (_, _, _) => return Err(Unfit::Foreign),
    }
    Ok(connection)
}

/// A connection. What is deleted is overwritten: an erased text is not to be found in the file's free pages.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA busy_timeout = 5000")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
