//! How to take back what was written since the last commit. A commit that fails leaves the memory as it was before it.

use holdfast_core::hold::Account;
use holdfast_core::hold::{Answered, Mark};
use holdfast_core::rules::CounterKey;

use super::counters::Before;
use super::state::{AccountIndex, CardIndex, CardRow, CardholderIndex, CardholderRow, Counting, Fingerprint, HoldIndex, HoldRow};

/// What was written, latest last.
pub type UndoLog = Vec<Undo>;

/// What there was before one write.
#[derive(Debug)]
pub enum Undo {
    /// An account was different.
    Account(AccountIndex, Account, Mark),
    /// The last account was not there.
    AccountEntered(Fingerprint),
    /// A card was different.
    Card(CardIndex, CardRow),
    /// The last card was not there.
    CardEntered(Fingerprint),
    /// A cardholder was different.
    Cardholder(CardholderIndex, Box<CardholderRow>),
    /// The last cardholder was not there.
    CardholderEntered(Fingerprint),
    /// A hold was different.
    Hold(HoldIndex, Box<HoldRow>),
    /// A hold was not there.
    HoldPlaced(HoldIndex),
    /// A name led to another hold, or to none.
    HoldName(Fingerprint, Option<HoldIndex>),
    /// A counter was different, or not there.
    Counter((CounterKey, Counting), Option<Before>),
    /// A key had another answer, or none.
    Asked(Fingerprint, Option<Answered>),
    /// A message had not been told.
    Told(Fingerprint),
}
