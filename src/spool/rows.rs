//! What is read of the spool's file: rows in the order in which they came, all of them or a page at a time. Nothing here changes one.

use holdfast_core::Timestamp;
use rusqlite::params;

use super::error::SpoolError;
use super::file::{Aside, BringBack, File, Refused, Row, Standing};

/// What is kept of an approval that the ledger has confirmed.
#[derive(Debug)]
pub enum Confirmed<'a> {
    /// All of its entry: an earlier version kept it.
    Entry(Row),
    /// How it counts.
    Counted {
        /// Its bytes,
        body: &'a [u8],
        /// and their digest, as written.
        digest: &'a [u8],
    },
}

/// Rows that are read at once.
const PAGE: u32 = 1_000;

impl File {
    /// The rows behind `after` up to `to`, at most so many.
    ///
    /// # Errors
    /// The disk.
    pub fn page(&self, after: i64, to: i64, most: u32) -> Result<Vec<Row>, SpoolError> {
        let sql = "SELECT number, at, body, digest FROM entry WHERE number > ?1 AND number <= ?2 ORDER BY number LIMIT ?3";
        self.rows(sql, params![after, to, most], row)
    }

    /// Every row that waits for the ledger, in order.
    pub fn waiting(&self) -> impl Iterator<Item = Result<Row, SpoolError>> + '_ {
        let mut after = 0;
        let pages = std::iter::from_fn(move || match self.page(after, i64::MAX, PAGE) {
            Ok(page) => {
                after = page.last()?.number;
                Some(page.into_iter().map(Ok).collect::<Vec<_>>())
            }
            // Read again from there it would fail again: the last that is told.
            Err(error) => (std::mem::replace(&mut after, i64::MAX) != i64::MAX).then(|| vec![Err(error)]),
        });
        pages.flatten()
    }

    /// Every row that waits or was set aside and has a number below this one, in the order in which they came.
    ///
    /// # Errors
    /// The disk.
    pub fn remembered(&self, before: i64, mut each: impl FnMut(Row, Standing)) -> Result<(), SpoolError> {
        let disk = SpoolError::disk(self.path());
        let sql = "SELECT number, at, body, digest, NULL FROM entry WHERE number < ?1
            UNION ALL SELECT number, at, body, digest, reason FROM aside WHERE number < ?1 ORDER BY number";
        let mut statement = self.connection().prepare(sql).map_err(disk)?;
        let mut rows = statement.query([before]).map_err(disk)?;
        while let Some(columns) = rows.next().map_err(disk)? {
            let standing = match columns.get::<_, Option<String>>(4).map_err(disk)? {
                None => Standing::Waiting,
                Some(reason) => Standing::Aside(Refused::for_reason(&reason)),
            };
            each(row(columns).map_err(disk)?, standing);
        }
        Ok(())
    }

    /// Every row that was confirmed, of those that came from then on: those of earlier versions first, each in the order in which they came.
    ///
    /// # Errors
    /// The disk.
    pub fn confirmed(&self, since: Timestamp, mut each: impl FnMut(Confirmed<'_>)) -> Result<(), SpoolError> {
        let disk = SpoolError::disk(self.path());
        self.each_since(since, "SELECT number, at, body, digest FROM confirmed WHERE at >= ?1 ORDER BY number", |columns| {
            each(Confirmed::Entry(row(columns)?));
            Ok(())
        })
        .map_err(disk)?;
        self.each_since(since, "SELECT body, digest FROM counted WHERE at >= ?1 ORDER BY number", |columns| {
            let bytes = |column| Ok::<_, rusqlite::Error>(columns.get_ref(column)?.as_blob()?);
            each(Confirmed::Counted { body: bytes(0)?, digest: bytes(1)? });
            Ok(())
        })
        .map_err(disk)
    }

    fn each_since(
        &self,
        since: Timestamp,
        sql: &str,
        mut each: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection().prepare(sql)?;
        let mut rows = statement.query([since.unix_micros()])?;
        while let Some(columns) = rows.next()? {
            each(columns)?;
        }
        Ok(())
    }

    /// What was set aside, the oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn set_aside(&self) -> Result<Vec<Aside>, SpoolError> {
        self.rows("SELECT number, at, body, digest, set_aside_at, reason FROM aside ORDER BY number", [], |columns| {
            let since = Timestamp::from_unix_micros(columns.get(4)?);
            Ok(Aside { row: row(columns)?, since, reason: columns.get(5)? })
        })
    }

    /// What was brought back, by its number now.
    ///
    /// # Errors
    /// The disk.
    pub fn brought_back(&self) -> Result<Vec<BringBack>, SpoolError> {
        self.rows("SELECT was, number, at, by, why FROM brought_back ORDER BY number", [], |columns| {
            let at = Timestamp::from_unix_micros(columns.get(2)?);
            let (was, number) = (columns.get(0)?, columns.get(1)?);
            Ok(BringBack { was, number, at, by: columns.get(3)?, why: columns.get(4)? })
        })
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, SpoolError> {
        let read = || self.connection().prepare_cached(sql)?.query_map(values, read)?.collect::<rusqlite::Result<_>>();
        read().map_err(SpoolError::disk(self.path()))
    }
}

pub(super) fn row(columns: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let at = Timestamp::from_unix_micros(columns.get(1)?);
    Ok(Row { number: columns.get(0)?, at, body: columns.get(2)?, digest: columns.get(3)? })
}
