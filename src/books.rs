//! Accounts' money and everybody's standing as records go by: the plain sums of what they say, for whoever tells of it.
//!
//! Nothing here decides, and nothing here is needed to decide: the ledger keeps its own.

use std::collections::BTreeMap;

use holdfast_core::hold::{Account, AccountStatus, CardStatus, CardholderStatus, Outcome, Standing};
use holdfast_core::{AccountId, ProgramId};

use crate::journal::{Body, Place, Record};

/// An account with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Book {
    /// Whose it is.
    pub program: ProgramId,
    /// Its name.
    pub id: AccountId,
    /// What is on it, and its standing.
    pub account: Account,
}

/// What the records so far amount to.
#[derive(Debug, Clone, Default)]
pub struct Books {
    accounts: BTreeMap<u32, Book>,
    cards: BTreeMap<u32, CardStatus>,
    cardholders: BTreeMap<u32, CardholderStatus>,
}

/// What stands where a record is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standings {
    /// The account, if there is one.
    pub book: Option<Book>,
    /// The card's status, if it is known.
    pub card: Option<CardStatus>,
    /// Its owner's, if anybody ever told.
    pub cardholder: Option<CardholderStatus>,
}

impl Books {
    /// What stands at a place now.
    #[must_use]
    pub fn at(&self, place: &Place) -> Standings {
        Standings {
            book: place.account.and_then(|index| self.accounts.get(&index)).copied(),
            card: place.card.and_then(|index| self.cards.get(&index)).copied(),
            cardholder: place.cardholder.and_then(|index| self.cardholders.get(&index)).copied(),
        }
    }

    /// An account as it was before the first record.
    pub fn put_account(&mut self, number: u32, book: Book) {
        self.accounts.insert(number, book);
    }

    /// A card as it was before the first record.
    pub fn put_card(&mut self, number: u32, status: CardStatus) {
        self.cards.insert(number, status);
    }

    /// A cardholder as they were before the first record.
    pub fn put_cardholder(&mut self, number: u32, status: CardholderStatus) {
        self.cardholders.insert(number, status);
    }

    /// All accounts, each with its number.
    pub fn numbered(&self) -> impl Iterator<Item = (u32, &Book)> {
        self.accounts.iter().map(|(number, book)| (*number, book))
    }

    /// The account of that number.
    #[must_use]
    pub fn account(&self, number: u32) -> Option<&Book> {
        self.accounts.get(&number)
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Book> {
        self.accounts.values()
    }

    /// Takes in what a record says. Whether it entered an account that was not there.
    pub fn follow(&mut self, record: &Record) -> Entered {
        let place = &record.place;
        match &record.body {
            Body::AccountEntered { account, balance, credit_line, status } => {
                let (Some(program), Some(index)) = (record.program, place.account) else { return Entered::Nothing };
                if let Some(book) = self.accounts.get_mut(&index) {
                    (book.account.credit_line, book.account.status) = (*credit_line, *status);
                    return Entered::Nothing;
                }
                let (currency, posted) = (balance.currency(), balance.minor());
                let entered = Account { currency, posted, held: 0, credit_line: *credit_line, status: *status };
                self.accounts.insert(index, Book { program, id: *account, account: entered });
                return Entered::Account;
            }
            Body::CardEntered { status, .. } => {
                place.card.and_then(|index| self.cards.insert(index, *status));
            }
            Body::Decided { outcome, .. }
            | Body::Adopted { outcome, .. }
            | Body::Told { outcome, .. }
            | Body::Ordered { outcome, .. }
            | Body::Joined { outcome, .. }
            | Body::Reassigned { outcome, .. } => self.take(place, outcome),
            Body::Kept { .. } | Body::RulesPublished | Body::Opened | Body::Trimmed { .. } => {}
        }
        Entered::Nothing
    }

    fn take(&mut self, place: &Place, outcome: &Outcome) {
        let book = place.account.and_then(|index| self.accounts.get_mut(&index));
        match outcome.standing {
            Some((Standing::Card(status), _)) => {
                place.card.and_then(|index| self.cards.insert(index, status));
            }
            Some((Standing::Cardholder(status), _)) => {
                place.cardholder.and_then(|index| self.cardholders.insert(index, status));
            }
            Some((Standing::Account(status), _)) => set_status(book, status),
            None => {
                if let Some(book) = book {
                    book.account.posted = book.account.posted.saturating_add(outcome.posted);
                    book.account.held = book.account.held.saturating_add(outcome.held);
                }
            }
        }
    }
}

fn set_status(book: Option<&mut Book>, status: AccountStatus) {
    if let Some(book) = book {
        book.account.status = status;
    }
}

/// Whether a record entered an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// A new one, with its balance.
    Account,
    /// None, or one that was there.
    Nothing,
}
