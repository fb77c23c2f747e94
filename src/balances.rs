//! What accounts have by the journal, compared with what they have in the projection, which a start reads memory from.
//!
//! The journal's side is the plain sum of its records' outcomes ([`Books`]), to the record that the projection
//! has come to. Nothing here writes, and nobody who serves waits for it.

use std::fmt;
use std::path::Path;

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
}

impl fmt::Display for CompareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompareError::Journal(error) => error.fmt(f),
            CompareError::Projection(error) => write!(f, "the projection: {error}"),
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

/// Compares every account of a data directory.
///
/// # Errors
/// See [`CompareError`].
pub fn compare(directory: &Path, progress: &mut Progress<'_>) -> Result<Compared, CompareError> {
    let mut kept = Books::default();
    let record = read::Reader::open(directory)?.every_account(|number, program, id, account| {
        kept.put_account(number, Book { program, id, account });
    })?;
    // Opened after the projection was read: it has come at least as far.
    let journal = Reader::open(directory)?;
    let mut books = Beginning::of(&journal)?.map_or_else(|| Ok(Books::default()), |beginning| beginning.books())?;
    journal.records(record, progress, &mut |numbered| {
        books.follow(&numbered.record);
        Ok(())
    })?;
    Ok(Compared {
        record,
        accounts: u64::try_from(kept.accounts().count()).unwrap_or(u64::MAX),
        differing: differing(&books, &kept),
    })
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
    use rusqlite::Connection;

    use super::*;
    use crate::fixture::{House, purchase};

    #[test]
    fn what_the_projection_has_wrong_is_told_with_what_it_should_be() {
        let mut house = House::with(1_000_000);
        house.ask(purchase("a purchase", 700));
        house.stop();
        let directory = house.directory.path();
        let compared = compare(directory, &mut |_, _, _| {}).unwrap();
        assert_eq!((compared.accounts, compared.differing), (1, vec![]));
        let projection = Connection::open(directory.join("projection.sqlite")).unwrap();
        projection.execute_batch("DELETE FROM lately; UPDATE account SET posted = 999999, held = 700").unwrap();
        let [wrong] = compare(directory, &mut |_, _, _| {}).unwrap().differing.try_into().unwrap();
        let posted = [wrong.journal, wrong.projection].map(|account| account.map(|account| (account.posted, account.held)));
        assert_eq!(posted, [Some((1_000_000, 700)), Some((999_999, 700))]);
    }
}
