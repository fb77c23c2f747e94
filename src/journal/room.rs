//! The room that records took which were taken away: given back to the disk a small piece at a time, but for some that the next
//! records take.
//!
//! Only a file that was made so can (SQLite's incremental auto-vacuum, since schema 6 of this program); an older one keeps its size, and
//! what is free in it is used again.

use rusqlite::Connection;

use super::schema::PAGE_BYTES;

/// Pages of a piece.
const PIECE_PAGES: i64 = 64;

/// Free pages that stay: 16 MiB of records to come.
const KEPT_PAGES: i64 = if cfg!(test) { 4 } else { (16 << 20) / PAGE_BYTES as i64 };

/// SQLite's number for a file that gives pages back when it is told to.
const INCREMENTAL: i64 = 2;

/// Whether there is room to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It was not looked since something was taken away.
    Perhaps,
    /// There is none.
    None,
}

/// Gives a piece back; whether there may be more, and how many pages it was: as many are in the write-ahead log.
pub(super) fn give_a_piece_back(connection: &Connection) -> rusqlite::Result<(Room, i64)> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let spare = number("PRAGMA freelist_count")?.saturating_sub(KEPT_PAGES);
    if spare <= 0 || number("PRAGMA auto_vacuum")? != INCREMENTAL {
        return Ok((Room::None, 0));
    }
    let pages = spare.min(PIECE_PAGES);
    let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok((if spare > PIECE_PAGES { Room::Perhaps } else { Room::None }, pages))
}
