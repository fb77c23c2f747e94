//! What memory has let go of: holds that ended a while ago, keys of messages told long ago. The projection keeps them.
//!
//! Whoever needs one of them asks by [`Need`], and goes on when it is [`Found`]. Nothing here says how they are kept.

use holdfast_core::Timestamp;
use smallvec::SmallVec;

use super::state::{Fingerprint, HoldRow};
use crate::journal::JournalError;

/// What an event needs to know that is not in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// The payment, by its names.
    pub payment: SmallVec<[Fingerprint; 2]>,
    /// Whether this message was told before.
    pub told: Option<Fingerprint>,
}

impl Need {
    /// Whether nothing is needed.
    pub fn is_nothing(&self) -> bool {
        self.payment.is_empty() && self.told.is_none()
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The payment's hold, with when and by which record it was last changed.
    pub hold: Option<(HoldRow, Timestamp, i64)>,
    /// Whether the message was told before.
    pub told: Option<Fingerprint>,
}

/// Whoever keeps what memory has let go of.
pub trait Cold: Send {
    /// Looks for what is needed. May read a disk.
    ///
    /// # Errors
    /// The disk, or what is kept there.
    fn find(&self, need: &Need) -> Result<Found, JournalError>;
}

/// Nobody: what memory has let go of is gone. For ledgers whose memory lets go of nothing.
#[derive(Debug, Clone, Copy)]
pub struct Nowhere;

impl Cold for Nowhere {
    fn find(&self, _need: &Need) -> Result<Found, JournalError> {
        Ok(Found::default())
    }
}
