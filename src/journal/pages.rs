//! Whether SQLite's own pages are whole. The chain proves what is in records; what is appended goes to where a page says that it has
//! room, and a page that is wrong about that would have it written over records that were proven.

use std::path::Path;

use rusqlite::Connection;

use super::error::JournalError;

/// Makes sure that every page is what it should be.
///
/// # Errors
/// The disk, or the first page that is not.
pub(super) fn prove(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(JournalError::disk(path))?;
    if found == "ok" {
        return Ok(());
    }
    // It names tables and pages, and nothing that is in them; a heading stands on a line of its own.
    Err(JournalError::Pages(path.to_owned(), found.lines().last().unwrap_or_default().to_owned()))
}
