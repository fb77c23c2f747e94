//! What a backup proves those of its tables by that no chain covers: a digest of all rows of each, in its mark. Whatever has it was made
//! with stores beside it, too, if only to say that there are none.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

use super::error::JournalError;
use super::reader::BACKUP_TABLE;

/// The column of the mark that has them. Older backups have none.
pub(super) const COLUMN: &str = "proofs";

/// What operators did, what they published and why, and what callers of payment doors wrote. Each is in the order of its first column.
const TABLES: [&str; 4] = ["operation", "ruleset", "slip", "wait"];

/// A line a table, in their order.
pub(super) fn of(connection: &Connection) -> rusqlite::Result<String> {
    let mut proofs = String::new();
    for table in TABLES {
        if connection.table_exists(None, table)? {
            proofs.push_str(&line_of(connection, table)?);
        }
    }
    Ok(proofs)
}

/// Whether this is a backup that has them.
///
/// # Errors
/// The disk.
pub(super) fn are_there(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(connection.table_exists(None, BACKUP_TABLE)? && connection.column_exists(None, BACKUP_TABLE, COLUMN)?)
}

/// Makes sure that these tables of a backup are what was backed up; nothing is said of what is none, or is older.
///
/// # Errors
/// The disk, or the first table that is not.
pub(super) fn prove(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let disk = JournalError::disk(path);
    if !are_there(connection).map_err(disk)? {
        return Ok(());
    }
    let sql = format!("SELECT {COLUMN} FROM {BACKUP_TABLE}");
    let proofs: String = connection.query_row(&sql, [], |row| row.get(0)).map_err(disk)?;
    let damaged = |table: &str| JournalError::PieceDamaged { path: path.to_owned(), name: format!("the table `{table}`") };
    for table in TABLES {
        let proof = proofs.split_inclusive('\n').find(|line| line.split(' ').next() == Some(table));
        let is_there = connection.table_exists(None, table).map_err(disk)?;
        let found = if is_there { Some(line_of(connection, table).map_err(disk)?) } else { None };
        if proof != found.as_deref() {
            return Err(damaged(table));
        }
    }
    Ok(())
}

fn line_of(connection: &Connection, table: &str) -> rusqlite::Result<String> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1"))?;
    let columns = statement.column_count();
    let (mut rows, mut digest) = (statement.query([])?, Sha256::new());
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            let (kind, bytes): (u8, &[u8]) = match row.get_ref(column)? {
                ValueRef::Null => (0, &[]),
                ValueRef::Integer(number) => {
                    digest.update([1]);
                    digest.update(number.to_le_bytes());
                    continue;
                }
                // No table has any.
                ValueRef::Real(number) => {
                    digest.update([2]);
                    digest.update(number.to_le_bytes());
                    continue;
                }
                ValueRef::Text(bytes) => (3, bytes),
                ValueRef::Blob(bytes) => (4, bytes),
            };
            digest.update([kind]);
            digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
            digest.update(bytes);
        }
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{table} {digest}\n"))
}
