//! One run: names in their order, with what each leads to, on numbered pages. Written once, then only read.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::words;

/// Bytes a page: what one page of the file has room for.
const PAGE_BYTES: usize = 4_000;

/// Bytes of a name.
const NAME_BYTES: usize = 16;

/// A name, as pages have it.
pub(super) type Name = [u8; NAME_BYTES];

/// A run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub number: i64,
    /// How many of its kind its like are merged into.
    pub level: u32,
    pub pages: u32,
    pub names: u64,
}

/// The key of a page.
fn key(run: i64, page: u32) -> i64 {
    run.checked_shl(32).unwrap_or(i64::MAX) | i64::from(page)
}

/// Every run, the latest first.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Run>> {
    let sql = "SELECT run, level, pages, names FROM name_run ORDER BY run DESC";
    let mut statement = connection.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        let names: i64 = row.get(3)?;
        Ok(Run { number: row.get(0)?, level: row.get(1)?, pages: row.get(2)?, names: names.cast_unsigned() })
    };
    statement.query_map([], read)?.collect()
}

/// The number of the next run: later ones have higher numbers, also while an unfinished one has one already.
pub(super) fn next(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT max((SELECT ifnull(max(run), 0) FROM name_run), (SELECT ifnull(merging, 0) FROM meta)) + 1";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// Throws a run away, finished or not.
pub(super) fn throw_away(connection: &Connection, run: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM name_run WHERE run = ?1")?.execute([run])?;
    connection
        .prepare_cached("DELETE FROM name_page WHERE page BETWEEN ?1 AND ?2")?
        .execute([key(run, 0), key(run, u32::MAX)])?;
    Ok(())
}

/// A page's bytes.
pub(super) fn load(connection: &Connection, run: i64, page: u32) -> rusqlite::Result<Vec<u8>> {
    let mut statement = connection.prepare_cached("SELECT body FROM name_page WHERE page = ?1")?;
    statement.query_row([key(run, page)], |row| row.get(0)).optional()?.ok_or_else(|| words::damaged(0))
}

/// A name, what it leads to, and the rest of its page.
type Split<'a> = (&'a Name, &'a [u8], &'a [u8]);

/// The next name of a page, what it leads to, and the rest; `None` at its end.
pub(super) fn split(body: &[u8]) -> rusqlite::Result<Option<Split<'_>>> {
    if body.is_empty() {
        return Ok(None);
    }
    let entry = || {
        let (name, rest) = body.split_first_chunk::<NAME_BYTES>()?;
        let (length, rest) = rest.split_first()?;
        let (leads, rest) = rest.split_at_checked(usize::from(*length))?;
        Some((name, leads, rest))
    };
    entry().map(Some).ok_or_else(|| words::damaged(0))
}

/// Where a name is among all that there could be.
fn place(name: &Name) -> u64 {
    name.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

impl Run {
    /// What a name leads to here.
    pub fn find(&self, connection: &Connection, name: &Name) -> rusqlite::Result<Option<Vec<u8>>> {
        let Some((_, body)) = self.seek(connection, name)? else { return Ok(None) };
        let mut rest = body.as_slice();
        while let Some((found, leads, behind)) = split(rest)? {
            if found >= name {
                return Ok((found == name).then(|| leads.to_vec()));
            }
            rest = behind;
        }
        Ok(None)
    }

    /// Every name whose first half is from `from` to `to`, in order.
    pub fn range(
        &self,
        connection: &Connection,
        from: u64,
        to: u64,
        mut take: impl FnMut(&Name, &[u8]) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut first = [0; NAME_BYTES];
        if let Some(half) = first.first_chunk_mut() {
            *half = from.to_be_bytes();
        }
        let (mut page, mut body) = match self.seek(connection, &first)? {
            Some(found) => found,
            None => (0, load(connection, self.number, 0)?),
        };
        loop {
            let mut rest = body.as_slice();
            while let Some((name, leads, behind)) = split(rest)? {
                if place(name) > to {
                    return Ok(());
                }
                if place(name) >= from {
                    take(name, leads)?;
                }
                rest = behind;
            }
            page = page.saturating_add(1);
            if page >= self.pages {
                return Ok(());
            }
            body = load(connection, self.number, page)?;
        }
    }

    /// The last page that begins with no later name; `None` if all do. Where it should be is looked at first, and each look says
    /// how far off it was.
    fn seek(&self, connection: &Connection, name: &Name) -> rusqlite::Result<Option<(u32, Vec<u8>)>> {
        // It is not before `low`, and before `high`.
        let (mut low, mut high, mut best) = (0, self.pages, None);
        let mut guess = self.pages_between(0, place(name));
        while low < high {
            let page = guess.clamp(low, high.saturating_sub(1));
            let body = load(connection, self.number, page)?;
            let first = *split(&body)?.ok_or_else(|| words::damaged(0))?.0;
            if first > *name {
                high = page;
                guess = page.saturating_sub(self.pages_between(place(name), place(&first)).max(1));
            } else {
                low = page.saturating_add(1);
                guess = page.saturating_add(self.pages_between(place(&first), place(name)).max(1));
                best = Some((page, body));
            }
        }
        Ok(best)
    }

    /// How many pages there should be from one place to a later one.
    fn pages_between(&self, from: u64, to: u64) -> u32 {
        let pages = u128::from(to.saturating_sub(from)).saturating_mul(u128::from(self.pages)) >> 64_u32;
        u32::try_from(pages).unwrap_or(u32::MAX)
    }
}

/// Writes a run, page by page. Whoever reads knows nothing of it until it is finished.
#[derive(Debug)]
pub(super) struct RunWriter {
    pub number: i64,
    pages: u32,
    names: u64,
    body: Vec<u8>,
}

impl RunWriter {
    pub fn new(number: i64) -> Self {
        RunWriter { number, pages: 0, names: 0, body: Vec::with_capacity(PAGE_BYTES) }
    }

    /// Adds a name that lies behind all before it.
    pub fn push(&mut self, connection: &Connection, name: Name, leads: &[u8]) -> rusqlite::Result<()> {
        let length = u8::try_from(leads.len()).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let more = NAME_BYTES.saturating_add(1).saturating_add(leads.len());
        if self.body.len().saturating_add(more) > PAGE_BYTES {
            self.write(connection)?;
        }
        self.body.extend_from_slice(&name);
        self.body.push(length);
        self.body.extend_from_slice(leads);
        self.names = self.names.saturating_add(1);
        Ok(())
    }

    fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached("INSERT INTO name_page VALUES (?1, ?2)")?;
        insert.execute(params![key(self.number, self.pages), self.body])?;
        self.pages = self.pages.saturating_add(1);
        self.body.clear();
        Ok(())
    }

    /// Writes the rest, and that the run is there.
    pub fn finish(mut self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.body.is_empty() {
            self.write(connection)?;
        }
        let level = super::merge::level_of(self.names);
        let mut insert = connection.prepare_cached("INSERT INTO name_run VALUES (?1, ?2, ?3, ?4)")?;
        insert.execute(params![self.number, level, self.pages, self.names.cast_signed()]).map(drop)
    }
}
