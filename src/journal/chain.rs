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
use super::mark::Synced;

/// What a link covers today: place, number of records, and body. 1 was without the number of records.
pub(super) const LINK: i64 = 2;

/// So many groups are read at once. Between two readings SQLite's log is free to be used again from its beginning, however
/// long the whole walk takes.
const READ_GROUPS: i64 = 256;

/// The hash that ties a group to the one before it, and to its place.
pub(crate) fn link(before: &[u8; 32], first: i64, records: i64, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(first.to_le_bytes());
    digest.update(records.to_le_bytes());
    digest.update(body);
    digest.finalize().into()
}

/// As groups were linked in schema 1.
fn link_without_records(before: &[u8; 32], first: i64, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(first.to_le_bytes());
    digest.update(body);
    digest.finalize().into()
}

/// The first 48 bits of a hash: a number that a gauge holds without loss, and the first twelve digits of its hexadecimal.
#[must_use]
pub fn head_number(chain: &[u8; 32]) -> u64 {
    chain.iter().take(6).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A place between two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joint {
    /// The counter of the next record.
    pub next: i64,
    /// The hash of the group before it.
    pub chain: [u8; 32],
}

/// Before the first group that ever was.
const ORIGIN: Joint = Joint { next: 1, chain: [0; 32] };

/// The groups of an open file.
pub(super) struct Groups<'a> {
    pub connection: &'a Connection,
    pub path: &'a Path,
    /// The schema that the file has.
    pub schema: i32,
}

/// One row, as far as it can be read.
struct Row<'a> {
    first: i64,
    records: i64,
    chain: [u8; 32],
    link: i64,
    body: &'a [u8],
}

impl Groups<'_> {
    /// Where the log begins: at record 1, or where its oldest groups were dropped.
    pub fn start(&self) -> Result<Joint, JournalError> {
        if self.schema < 2 {
            return Ok(ORIGIN);
        }
        self.connection
            .query_row("SELECT record, chain FROM checkpoint ORDER BY record DESC LIMIT 1", [], joint)
            .optional()
            .map(|joint| joint.unwrap_or(ORIGIN))
            .map_err(|error| JournalError::damage(self.path, 1, error))
    }

    /// Where the log ends.
    pub fn end(&self) -> Result<Joint, JournalError> {
        match self.last_before(i64::MAX) {
            Ok(Some(joint)) => Ok(joint),
            Ok(None) => self.start(),
            // The last row is there, and cannot be read: its own counter says where.
            Err(error) if error.sqlite_error_code().is_none() => {
                let first = self.connection.query_row("SELECT max(first) FROM journal", [], |row| row.get(0));
                Err(JournalError::damage(self.path, first.map_err(JournalError::disk(self.path))?, error))
            }
            Err(error) => Err(JournalError::disk(self.path)(error)),
        }
    }

    /// Where the log was synced to, at the least: it must reach that far, and by the same groups.
    pub fn must_reach(&self, synced: &Synced) -> Result<(), JournalError> {
        let end = self.end()?;
        if end.next.saturating_sub(1) < synced.last {
            let last = end.next.saturating_sub(1);
            return Err(JournalError::EndsEarly { path: self.path.to_owned(), last, synced: synced.last, torn: None });
        }
        let next = synced.last.saturating_add(1);
        let there = self.before(next)?;
        // Nothing is left to compare with if the group was dropped since.
        let dropped = self.start()?.next > next;
        if dropped || there == (Joint { next, chain: synced.chain }) {
            return Ok(());
        }
        // A damaged row is the likelier cause, and says more.
        self.walk(synced.last, &mut |_, _| Ok(()))?;
        Err(JournalError::Replaced { path: self.path.to_owned(), record: synced.last })
    }

    /// Reads every group from the one that holds record `from` on, in order, checking the chain.
    pub fn walk(&self, from: i64, each: &mut EachGroup<'_>) -> Result<(), JournalError> {
        self.walk_from(self.before_group_of(from)?, each)
    }

    /// Reads every group behind a joint, in order, checking the chain.
    pub fn walk_from(&self, from: Joint, each: &mut EachGroup<'_>) -> Result<(), JournalError> {
        let mut joint = from;
        loop {
            let end = self.portion(joint, i64::MAX, i64::MAX, each)?;
            if end == joint {
                return Ok(());
            }
            joint = end;
        }
    }

    /// Reads the next groups behind a joint, in order, checking the chain: none that begins behind record `last`, none once
    /// there are `enough` records, and never too many at once. Gives where they end; the joint itself if there is nothing.
    pub fn portion(&self, from: Joint, last: i64, enough: i64, each: &mut EachGroup<'_>) -> Result<Joint, JournalError> {
        let link = if self.schema < 2 { "1" } else { "link" };
        let sql = format!(
            "SELECT first, records, chain, {link}, body FROM journal WHERE first BETWEEN ?1 AND ?2 ORDER BY first LIMIT {READ_GROUPS}"
        );
        let damage = |expected| move |error| JournalError::damage(self.path, expected, error);
        let mut statement = self.connection.prepare_cached(&sql).map_err(damage(from.next))?;
        let mut rows = statement.query(params![from.next, last]).map_err(damage(from.next))?;
        let mut joint = from;
        while joint.next.saturating_sub(from.next) < enough
            && let Some(row) = rows.next().map_err(damage(joint.next))?
        {
            let row = Row::read(row).map_err(damage(joint.next))?;
            let Some(end) = row.check(&joint) else { return Err(self.does_not_follow(&joint, row.first)) };
            joint = end;
            each(row.first, row.body)?;
        }
        Ok(joint)
    }

    /// A group does not follow: it was damaged, or what was before it was dropped while somebody read it.
    fn does_not_follow(&self, before: &Joint, first: i64) -> JournalError {
        match self.start() {
            Ok(start) if start.next > before.next => {
                JournalError::DroppedMeanwhile { path: self.path.to_owned(), record: start.next }
            }
            Ok(_) | Err(_) => JournalError::Broken(self.path.to_owned(), first),
        }
    }

    /// The end of the last group before the one that holds a record.
    pub fn before_group_of(&self, record: i64) -> Result<Joint, JournalError> {
        self.before(self.group_with(record)?)
    }

    /// Where the group begins that holds a record; the record itself if there is none.
    fn group_with(&self, record: i64) -> Result<i64, JournalError> {
        self.connection
            .query_row("SELECT max(first) FROM journal WHERE first <= ?1 AND first + records > ?1", params![record], |row| {
                row.get::<_, Option<i64>>(0)
            })
            .map(|first| first.unwrap_or(record))
            .map_err(|error| JournalError::damage(self.path, record, error))
    }

    /// The end of the last group that begins before this record. What lies before the beginning is not of the log any more, even
    /// where it is not yet taken away.
    pub fn before(&self, record: i64) -> Result<Joint, JournalError> {
        let start = self.start()?;
        if record <= start.next {
            return Ok(start);
        }
        match self.last_before(record).map_err(|error| JournalError::damage(self.path, record, error))? {
            Some(joint) => Ok(joint),
            None => Ok(start),
        }
    }

    fn last_before(&self, record: i64) -> rusqlite::Result<Option<Joint>> {
        let sql = "SELECT first + records, chain FROM journal WHERE first < ?1 ORDER BY first DESC LIMIT 1";
        self.connection.query_row(sql, params![record], joint).optional()
    }
}

fn joint(row: &rusqlite::Row<'_>) -> rusqlite::Result<Joint> {
    Ok(Joint { next: row.get(0)?, chain: row.get(1)? })
}

impl<'a> Row<'a> {
    fn read(row: &'a rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let body = row.get_ref(4)?.as_blob()?;
        Ok(Row { first: row.get(0)?, records: row.get(1)?, chain: row.get(2)?, link: row.get(3)?, body })
    }

    /// Where this group ends, if it follows from where the one before it ended.
    fn check(&self, before: &Joint) -> Option<Joint> {
        let chain = match self.link {
            1 => link_without_records(&before.chain, self.first, self.body),
            LINK => link(&before.chain, self.first, self.records, self.body),
            _ => return None,
        };
        let follows = self.first == before.next && chain == self.chain && self.records > 0;
        follows.then_some(Joint { next: self.first.saturating_add(self.records), chain })
    }
}
