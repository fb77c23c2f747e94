//! Accounts, cards and cardholders as rows in memory, and the places that they are found by. Rows know nothing of each other but
//! those places.

use holdfast_core::hold::{Account, CardStatus, CardholderStatus, Mark};
use holdfast_core::{AccountId, CardholderToken, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Merchants;

/// An account's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountIndex(pub u32);

/// A card's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CardIndex(pub u32);

/// A cardholder's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CardholderIndex(pub u32);

/// A program's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProgramIndex(pub u16);

/// An account with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub program: ProgramIndex,
    pub holds_open: u32,
    pub id: AccountId,
    pub account: Account,
    /// What its status was told by.
    pub told: Mark,
}

/// A card and what it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardRow {
    pub status: CardStatus,
    /// What its status was told by.
    pub told: Mark,
    pub account: Option<AccountIndex>,
    pub cardholder: Option<CardholderIndex>,
    /// When it was first heard of.
    pub since: Timestamp,
    /// When a payment was placed with it for the first time.
    pub used: Option<Timestamp>,
    /// Whom it paid.
    pub merchants: Merchants,
}

/// A cardholder and what they own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardholderRow {
    pub status: Option<CardholderStatus>,
    /// What the status was told by.
    pub told: Option<Mark>,
    /// Their name.
    pub token: Option<CardholderToken>,
    /// The accounts behind their cards, in the order in which they were entered, each with the number of those cards.
    pub accounts: SmallVec<[(AccountIndex, u32); 1]>,
}

impl CardholderRow {
    /// They have so many more, or fewer, cards on an account.
    pub(super) fn has_cards(&mut self, account: AccountIndex, more: i32) {
        match self.accounts.binary_search_by_key(&account, |(known, _)| *known) {
            Ok(place) => {
                if let Some((_, cards)) = self.accounts.get_mut(place) {
                    *cards = cards.saturating_add_signed(more);
                }
            }
            Err(place) => self.accounts.insert(place, (account, u32::try_from(more).unwrap_or(0))),
        }
        self.accounts.retain(|(_, cards)| *cards > 0);
    }
}

/// Whose counter: a card, an account, or the program as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Counting {
    Card(CardIndex),
    Account(AccountIndex),
    Program,
}
