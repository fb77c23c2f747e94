//! The chain that ties every group to the one before it, and the walk along it.
//!
//! Each link is SHA-256, and covers all that a row says. There is no CRC beside it: SHA-256 finds whatever a CRC would
//! find, it is computed anyway, and it also tells a group that is whole but in the wrong place. Nothing here writes, and
//! nothing here understands a record.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest, Sha256};

use super::error::JournalError;
use super::log::EachGroup;

/// The hash that ties a group to the one before it, and to its place.
pub(super) fn link(before: &[u8; 32], first: i64, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(first.to_le_bytes());
    digest.update(body);
    digest.finalize().into()
}

/// Where the log ends: the counter of the next record, and the hash of the last group.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<(i64, [u8; 32])> {
    let last: Option<(i64, i64, [u8; 32])> = connection
        .query_row("SELECT first, records, chain FROM journal ORDER BY first DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(last.map_or((1, [0; 32]), |(first, records, chain)| (first.saturating_add(records), chain)))
}

/// Reads every group from the one that holds record `from` on, in order, checking the chain.
pub(super) fn walk(connection: &Connection, path: &Path, from: i64, each: &mut EachGroup<'_>) -> Result<(), JournalError> {
    let disk = JournalError::disk(path);
    let broken = |first| JournalError::Broken(path.to_owned(), first);
    let from = group_with(connection, from).map_err(disk)?;
    let mut chain = chain_before(connection, from).map_err(disk)?;
    let mut statement =
        connection.prepare("SELECT first, records, chain, body FROM journal WHERE first >= ?1 ORDER BY first").map_err(disk)?;
    let mut rows = statement.query(params![from]).map_err(disk)?;
    let mut expected = None;
    while let Some(row) = rows.next().map_err(disk)? {
        let first: i64 = row.get(0).map_err(disk)?;
        let records: i64 = row.get(1).map_err(disk)?;
        let linked: [u8; 32] = row.get(2).map_err(|_| broken(first))?;
        let body = row.get_ref(3).and_then(|body| body.as_blob().map_err(Into::into)).map_err(disk)?;
        if link(&chain, first, body) != linked || expected.is_some_and(|expected: i64| expected != first) {
            return Err(broken(first));
        }
        chain = linked;
        expected = Some(first.saturating_add(records));
        each(first, body)?;
    }
    Ok(())
}

/// Where the group begins that holds a record; the record itself if there is none.
fn group_with(connection: &Connection, record: i64) -> rusqlite::Result<i64> {
    connection
        .query_row("SELECT max(first) FROM journal WHERE first <= ?1", params![record], |row| row.get::<_, Option<i64>>(0))
        .map(|first| first.unwrap_or(record))
}

fn chain_before(connection: &Connection, first: i64) -> rusqlite::Result<[u8; 32]> {
    connection
        .query_row("SELECT chain FROM journal WHERE first < ?1 ORDER BY first DESC LIMIT 1", params![first], |row| row.get(0))
        .optional()
        .map(|chain| chain.unwrap_or([0; 32]))
}
