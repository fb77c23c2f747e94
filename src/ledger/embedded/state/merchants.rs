//! Which merchants a card has paid, the latest few: for stand-in, to which a merchant is known to a card or new to it.
//!
//! A merchant is remembered as a number of 32 bits that its identifier, or else its name, comes to under the data directory's
//! key: two of them are taken for one once in four thousand million times. What was forgotten is said to be: then a merchant that is
//! not here may still have been paid.

use holdfast_core::Timestamp;
use holdfast_core::stand_in::Acquaintance;
use serde::{Deserialize, Serialize};

/// Merchants that are remembered of a card.
pub const MERCHANTS_MAX: usize = 8;

/// The merchants that a card paid last; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchants {
    latest: [u32; MERCHANTS_MAX],
    /// Whether there were others.
    others: bool,
}

impl Merchants {
    /// What was kept elsewhere: the latest first.
    pub fn restored(kept: impl IntoIterator<Item = u32>, others: bool) -> Self {
        let mut merchants = Merchants { others, ..Merchants::default() };
        merchants.latest.iter_mut().zip(kept).for_each(|(place, kept)| *place = kept);
        merchants
    }

    /// The latest first, to be kept elsewhere.
    pub fn latest(&self) -> impl Iterator<Item = u32> {
        self.latest.into_iter().filter(|merchant| *merchant != 0)
    }

    /// Whether there were others.
    pub const fn others(&self) -> bool {
        self.others
    }

    /// Whether none was ever told.
    fn is_empty(&self) -> bool {
        self.latest == [0; MERCHANTS_MAX] && !self.others
    }

    /// A payment is placed with the card, or changes; when its first one was, and whom this one pays, where its question tells.
    pub fn used(&mut self, since: &mut Option<Timestamp>, merchant: Option<u32>, at: Timestamp) {
        // Whom it paid before is kept nowhere, or nobody names whom it pays first.
        self.others |= if since.is_some() { merchant.is_some() && self.is_empty() } else { merchant.is_none() };
        since.get_or_insert(at);
        if let Some(merchant) = merchant {
            self.met(merchant);
        }
    }

    /// It paid this one. One that is here stays where it is.
    fn met(&mut self, merchant: u32) {
        if self.latest.contains(&merchant) {
            return;
        }
        self.latest.rotate_right(1);
        let [first, ..] = &mut self.latest;
        self.others |= std::mem::replace(first, merchant) != 0;
    }

    /// What it is to this one.
    pub fn acquaintance(&self, merchant: u32) -> Acquaintance {
        match (self.latest.contains(&merchant), self.others) {
            (true, _) => Acquaintance::Known,
            (false, true) => Acquaintance::NotKnown,
            (false, false) => Acquaintance::New,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_known_and_of_the_rest_nothing_is_said() {
        let mut merchants = Merchants::default();
        assert!(merchants.is_empty());
        for merchant in 1..=8 {
            assert_eq!(merchants.acquaintance(merchant), Acquaintance::New);
            merchants.met(merchant);
            merchants.met(merchant);
            assert_eq!(merchants.acquaintance(merchant), Acquaintance::Known);
        }
        assert_eq!((merchants.acquaintance(9), merchants.others()), (Acquaintance::New, false));
        merchants.met(9);
        assert_eq!([1, 2, 9, 10].map(|merchant| merchants.acquaintance(merchant)), {
            use Acquaintance::*;
            [NotKnown, Known, Known, NotKnown]
        });
        assert_eq!(Merchants::restored(merchants.latest(), merchants.others()), merchants);
    }

    #[test]
    fn whom_a_card_paid_before_anybody_remembered_may_be_anybody() {
        let at = Timestamp::from_unix_seconds(1);
        for (used_before, first, expected) in
            [(false, Some(1), Acquaintance::New), (false, None, Acquaintance::NotKnown), (true, Some(1), Acquaintance::NotKnown)]
        {
            let (mut merchants, mut since) = (Merchants::default(), used_before.then_some(at));
            merchants.used(&mut since, first, at);
            merchants.used(&mut since, None, at);
            assert_eq!((merchants.acquaintance(2), since), (expected, Some(at)), "{used_before} {first:?}");
        }
    }
}
