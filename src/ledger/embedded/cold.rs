//! What memory has let go of: holds that ended a while ago, what was answered or told long ago. The projection keeps them.
//!
//! Whoever needs one of them asks by [`Need`], and goes on when it is [`Found`]. Memory has all their names in a filter, so that
//! nobody asks for what was never there. Nothing here says how they are kept.

use holdfast_core::Timestamp;
use holdfast_core::hold::Answered;
use smallvec::SmallVec;

use super::state::{Fingerprint, GoneNames, HoldNumber, HoldRow, ToldContent};
use crate::journal::JournalError;

/// What an event needs to know that is not in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// The payment, by its names.
    pub payment: SmallVec<[Fingerprint; 2]>,
    /// What may be the same payment, by other names of it.
    pub others: SmallVec<[Fingerprint; 2]>,
    /// The hold of this number, whatever leads to it: one more of the others.
    pub number: Option<HoldNumber>,
    /// What was answered to this key.
    pub asked: Option<Fingerprint>,
    /// Whether this message was told before.
    pub told: Option<Fingerprint>,
}

impl Need {
    /// Whether nothing is needed.
    pub fn is_nothing(&self) -> bool {
        let names_none = self.payment.is_empty() && self.others.is_empty();
        names_none && self.number.is_none() && self.asked.is_none() && self.told.is_none()
    }

    /// What of it was not looked for yet.
    #[must_use]
    pub fn beyond(mut self, looked_for: &Need) -> Need {
        let is_new = |name: &mut Fingerprint| !looked_for.payment.contains(name) && !looked_for.others.contains(name);
        self.payment.retain(is_new);
        self.others.retain(is_new);
        self.number = self.number.filter(|_| self.number != looked_for.number);
        self.asked = self.asked.filter(|_| self.asked != looked_for.asked);
        self.told = self.told.filter(|_| self.told != looked_for.told);
        self
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, more: Need) -> Need {
        self.payment.extend(more.payment);
        self.others.extend(more.others);
        self.number = more.number.or(self.number);
        self.asked = more.asked.or(self.asked);
        self.told = more.told.or(self.told);
        self
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The payment's hold, with when and by which record it was last changed.
    pub hold: Option<(HoldRow, Timestamp, i64)>,
    /// The holds that its other names lead to, likewise.
    pub others: Vec<(HoldRow, Timestamp, i64)>,
    /// What was answered to the key.
    pub asked: Option<(Fingerprint, Answered)>,
    /// The message, if it was told before, and what it said, where that is known.
    pub told: Option<(Fingerprint, Option<ToldContent>)>,
}

/// How far the names that are kept were read.
#[derive(Debug, Default)]
pub struct Reading {
    /// Those that were read.
    pub names: GoneNames,
    /// Which table is being read.
    pub table: usize,
    /// The last name that was read of it.
    pub after: Option<Fingerprint>,
    /// What is read, where it may be thrown away and made again: nothing yet, or its number.
    pub of: Option<u64>,
    /// Whether there is more.
    pub left: Left,
}

/// Whether something is left to be read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    #[default]
    Some,
    Nothing,
}

/// Whoever keeps what memory has let go of.
pub trait Cold: Send {
    /// Looks for what is needed. May read a disk.
    ///
    /// # Errors
    /// The disk, or what is kept there.
    fn find(&self, need: &Need) -> Result<Found, JournalError>;

    /// Reads on in the names that are kept, a page at most.
    ///
    /// # Errors
    /// The disk, or that what was read so far is not kept any more: it is read again from the beginning.
    fn read_names(&self, reading: &mut Reading) -> Result<(), JournalError>;
}

/// Nobody: what memory has let go of is gone. For ledgers whose memory lets go of nothing.
#[derive(Debug, Clone, Copy)]
pub struct Nowhere;

impl Cold for Nowhere {
    fn find(&self, _need: &Need) -> Result<Found, JournalError> {
        Ok(Found::default())
    }

    fn read_names(&self, reading: &mut Reading) -> Result<(), JournalError> {
        reading.left = Left::Nothing;
        Ok(())
    }
}
