//! The latest runs made into one, a piece at a time: no batch does much more than it brings.

use rusqlite::{Connection, params};

use super::Run;
use super::run::{self, RunWriter};

/// As many runs of a size are left beside each other as are less than this.
const RUNS_MAX: usize = 8;

/// Names of the smallest runs.
const SMALLEST_NAMES: u64 = 64;

/// Names that a piece has at least.
const PIECE_NAMES: u64 = 65_536;

/// How often a name of a batch is paid back with one that is merged: in all its life it is merged less often.
const PIECE_FACTOR: u64 = 8;

/// A run's size: each is eight times the one before.
pub(super) fn level_of(names: u64) -> u32 {
    names.checked_div(SMALLEST_NAMES).unwrap_or(0).max(1).ilog2().checked_div(3).unwrap_or(0)
}

/// A merger that is under way. What is on the disk of it is nothing to whoever reads.
#[derive(Debug)]
pub(in super::super) struct Merging {
    /// The latest first.
    from: Vec<Source>,
    to: RunWriter,
}

/// A run that goes into another.
#[derive(Debug)]
struct Source {
    run: Run,
    page: u32,
    body: Vec<u8>,
    at: usize,
    /// The name that comes next, as a number: those are compared faster.
    head: Option<u128>,
}

impl Source {
    fn open(connection: &Connection, run: Run) -> rusqlite::Result<Self> {
        let mut source = Source { run, page: 0, body: run::load(connection, run.number, 0)?, at: 0, head: None };
        source.look(connection)?;
        Ok(source)
    }

    fn rest(&self) -> &[u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    /// Finds the name that comes next, on the next page if this one is read.
    fn look(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.rest().is_empty() {
            self.page = self.page.saturating_add(1);
            if self.page >= self.run.pages {
                self.head = None;
                return Ok(());
            }
            (self.body, self.at) = (run::load(connection, self.run.number, self.page)?, 0);
        }
        self.head = run::split(self.rest())?.map(|(name, ..)| u128::from_be_bytes(*name));
        Ok(())
    }

    /// Passes the name that comes next.
    fn pass(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let left = run::split(self.rest())?.map_or(0, |(.., rest)| rest.len());
        self.at = self.body.len().saturating_sub(left);
        self.look(connection)
    }
}

impl Merging {
    /// Begins one, if there are enough runs.
    fn begin(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        let runs = run::all(connection)?;
        let Some(count) = wanted(&runs) else { return Ok(None) };
        let from = runs.into_iter().take(count).map(|run| Source::open(connection, run)).collect::<Result<_, _>>()?;
        let to = RunWriter::new(run::next(connection)?);
        connection.execute("UPDATE meta SET merging = ?1", params![to.number])?;
        Ok(Some(Merging { from, to }))
    }

    /// Goes on by so many names, at most; whether more are left.
    fn go_on(&mut self, connection: &Connection, names: u64) -> rusqlite::Result<bool> {
        for _ in 0..names {
            let Some(next) = self.from.iter().filter_map(|source| source.head).min() else { return Ok(false) };
            let mut latest = true;
            for source in self.from.iter_mut().filter(|source| source.head == Some(next)) {
                // Of several words on a name the latest counts.
                if std::mem::take(&mut latest)
                    && let Some((_, leads, _)) = run::split(source.rest())?
                {
                    self.to.push(connection, next.to_be_bytes(), leads)?;
                }
                source.pass(connection)?;
            }
        }
        Ok(true)
    }

    fn finish(self, connection: &Connection) -> rusqlite::Result<()> {
        self.from.iter().try_for_each(|source| run::throw_away(connection, source.run.number))?;
        self.to.finish(connection)?;
        connection.execute("UPDATE meta SET merging = NULL", [])?;
        Ok(())
    }
}

/// How many of the latest runs are to be made one: all that are no larger than a size of which there are too many.
fn wanted(runs: &[Run]) -> Option<usize> {
    let largest = runs.iter().map(|run| run.level).max()?;
    (0..=largest).find_map(|level| {
        let count = runs.iter().take_while(|run| run.level <= level).count();
        (count >= RUNS_MAX).then_some(count)
    })
}

/// Merges a piece, for a batch that brought so many names. What is under way is given back.
pub(in super::super) fn go_on(
    connection: &Connection,
    under_way: Option<Merging>,
    brought: u64,
) -> rusqlite::Result<Option<Merging>> {
    let merging = match under_way {
        Some(merging) => Some(merging),
        None => Merging::begin(connection)?,
    };
    let Some(mut merging) = merging else { return Ok(None) };
    if merging.go_on(connection, brought.saturating_mul(PIECE_FACTOR).max(PIECE_NAMES))? {
        return Ok(Some(merging));
    }
    merging.finish(connection)?;
    Ok(None)
}
