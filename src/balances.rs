//! What accounts have by the journal, compared with what they have in the projection, which a start reads memory from.
//!
//! The journal's side is the plain sum of its records' outcomes ([`Books`]), to the record that the projection
//! has come to. Nothing here writes, and nobody who serves waits for it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use holdfast_core::hold::Account;
use holdfast_core::{AccountId, ProgramId};

use crate::books::{Book, Books};
use crate::journal::reader::Progress;
use crate::journal::{JournalError, Reader};
use crate::ledger::embedded::projection::checkpoint::Beginning;
use crate::ledger::embedded::projection::read::{self, ReadError};

/// Both sides compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The last record that both have.
    pub record: i64,
    /// How many accounts were compared.
    pub accounts: u64,
    /// Those that are not the same.
    pub differing: Vec<Differing>,
}

/// An account that the two sides do not agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// Whose it is.
    pub program: ProgramId,
    /// Its name.
    pub account: AccountId,
    /// What the journal's records come to; nothing if they know no such account.
    pub journal: Option<Account>,
    /// What the projection has; nothing if it has no such account.
    pub projection: Option<Account>,
}

/// Why nothing was compared.
#[derive(Debug)]
pub enum CompareError {
    /// The journal cannot be read.
    Journal(JournalError),
    /// The projection cannot.
    Projection(ReadError),
    /// The projection has what the journal does not: records are missing at its end.
    EndsBefore {
        /// The last record that is there.
        journal: i64,
        /// The last one that the projection has.
        projection: i64,
    },
}

impl fmt::Display for CompareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompareError::Journal(error) => error.fmt(f),
            CompareError::Projection(error) => write!(f, "the projection: {error}"),
            CompareError::EndsBefore { journal, projection } => write!(
                f,
                "the journal ends at record {journal}, and the projection has what was recorded up to {projection}: records that were \
                 acknowledged are missing; no server starts here. Restore a backup, or the journal's files as they were"
            ),
        }
    }
}

impl std::error::Error for CompareError {}

impl From<JournalError> for CompareError {
    fn from(error: JournalError) -> Self {
        CompareError::Journal(error)
    }
}

impl From<ReadError> for CompareError {
    fn from(error: ReadError) -> Self {
        CompareError::Projection(error)
    }
}

/// How often, and for how long without any progress, a projection that is behind is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS_WITHOUT_PROGRESS_MAX: u32 = 40;

/// Compares every account of a data directory, up to this record at the least: a projection that is behind is waited for as long as
/// it comes on.
///
/// # Errors
/// See [`CompareError`].
pub fn compare(directory: &Path, reach: i64, progress: &mut Progress<'_>) -> Result<Compared, CompareError> {
    let mut kept = Books::default();
    let projection = read::Reader::open(directory)?;
    wait_for(reach, || projection.projected(), || std::thread::sleep(LOOK_EVERY))?;
    let record = projection.every_account(|number, program, id, account| {
        kept.put_account(number, Book { program, id, account });
    })?;
    // Opened after the projection was read: it has come at least as far.
    let journal = Reader::open(directory)?;
    let last = journal.last()?;
    if last < record {
        return Err(CompareError::EndsBefore { journal: last, projection: record });
    }
    let mut books = Beginning::of(&journal)?.map_or_else(|| Ok(Books::default()), |beginning| beginning.books())?;
    journal.records(record, progress, &mut |numbered| {
        books.follow(numbered.record);
        Ok(())
    })?;
    Ok(Compared {
        record,
        accounts: u64::try_from(kept.accounts().count()).unwrap_or(u64::MAX),
        differing: differing(&books, &kept),
    })
}

/// Waits until the projection has come to a record, or comes on no more: nobody follows where no server runs.
fn wait_for<E>(reach: i64, mut followed: impl FnMut() -> Result<i64, E>, mut pause: impl FnMut()) -> Result<(), E> {
    let (mut last, mut looks) = (followed()?, 0_u32);
    while last < reach && looks < LOOKS_WITHOUT_PROGRESS_MAX {
        pause();
        let now = followed()?;
        looks = if now > last { 0 } else { looks.saturating_add(1) };
        last = now;
    }
    Ok(())
}

fn differing(journal: &Books, projection: &Books) -> Vec<Differing> {
    let both = journal.numbered().chain(projection.numbered().filter(|(number, _)| journal.account(*number).is_none()));
    let differs = both.filter_map(|(number, book)| {
        let [journal, projection] = [journal, projection].map(|books| books.account(number).map(|book| book.account));
        let Book { program, id: account, .. } = *book;
        (journal != projection).then_some(Differing { program, account, journal, projection })
    });
    differs.collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use rusqlite::Connection;

    use super::*;
    use crate::fixture::{House, purchase};

    #[test]
    fn a_projection_that_is_behind_is_waited_for_as_long_as_it_comes_on() {
        let paused_until = |reach: i64, stands_at: i64| {
            let (followed, pauses) = (Cell::new(5), Cell::new(0_u32));
            let comes_on = || {
                pauses.set(pauses.get() + 1);
                followed.set((followed.get() + i64::from(pauses.get() % 3 == 0)).min(stands_at));
            };
            wait_for(reach, || Ok::<_, ReadError>(followed.get()), comes_on).unwrap();
            (followed.get(), pauses.get())
        };
        assert_eq!(paused_until(5, 9), (5, 0));
        assert_eq!(paused_until(9, 9), (9, 12));
        assert_eq!(paused_until(9, 7), (7, 6 + LOOKS_WITHOUT_PROGRESS_MAX));
    }

    #[test]
    fn what_the_projection_has_wrong_is_told_with_what_it_should_be() {
        let mut house = House::with(1_000_000);
        house.ask(purchase("a purchase", 700));
        house.stop();
        let directory = house.directory.path();
        let compared = compare(directory, 0, &mut |_, _, _| {}).unwrap();
        assert_eq!((compared.accounts, compared.differing), (1, vec![]));
        let projection = Connection::open(directory.join("projection.sqlite")).unwrap();
        projection.execute_batch("DELETE FROM lately; UPDATE account SET posted = 999999, held = 700").unwrap();
        let [wrong] = compare(directory, 0, &mut |_, _, _| {}).unwrap().differing.try_into().unwrap();
        let posted = [wrong.journal, wrong.projection].map(|account| account.map(|account| (account.posted, account.held)));
        assert_eq!(posted, [Some((1_000_000, 700)), Some((999_999, 700))]);
    }

    #[test]
    fn a_journal_that_ends_before_its_projection_is_no_proof_of_it() {
        let mut house = House::with(1_000_000);
        house.ask(purchase("a purchase", 700));
        house.stop();
        let directory = house.directory.path();
        let whole = compare(directory, 0, &mut |_, _, _| {}).unwrap().record;
        let journal = Connection::open(directory.join("journal.sqlite")).unwrap();
        journal.execute_batch("DELETE FROM journal WHERE first = (SELECT max(first) FROM journal)").unwrap();
        std::fs::remove_file(directory.join("journal.mark")).unwrap();
        let refused = compare(directory, 0, &mut |_, _, _| {}).unwrap_err().to_string();
        assert!(refused.contains(&format!("the projection has what was recorded up to {whole}")), "{refused}");
    }
}
