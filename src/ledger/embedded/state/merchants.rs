//! What a card was used for, and which merchants it has paid, the latest few: for stand-in, to which a card's first use is another thing
//! than the next one, and a merchant is known to a card or new to it.
//!
//! A merchant is remembered as a number of 32 bits that its identifier, or else its name, comes to under the data directory's
//! key: two of them are taken for one once in four thousand million times. What was forgotten is said to be: then a merchant that is
//! not here may still have been paid.
//!
//! An approval that nobody heard is taken back, and what it was for its card with it: so the first few acts are counted.

use holdfast_core::Timestamp;
use holdfast_core::hold::{Outcome, Step, StepId, What};
use holdfast_core::stand_in::Acquaintance;
use serde::{Deserialize, Serialize};

use super::HoldRow;

/// Merchants that are remembered of a card.
pub const MERCHANTS_MAX: usize = 8;

/// Acts that are counted of a card, and of it at a merchant: after more than that it has been there, whatever is taken back.
const COUNTED_MAX: u8 = 15;

/// What an event is to the card of its payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardAct {
    /// The card is used.
    Uses,
    /// What it was used for was heard by nobody.
    TakesBack,
    /// Nothing new.
    Nothing,
}

impl CardAct {
    /// What an outcome is to the card of a payment that was like this, if it was there. What leaves nothing of it, as a decline does, is no
    /// use of a card.
    pub fn of(before: Option<&HoldRow>, outcome: &Outcome) -> Self {
        let is_placed =
            |step: &Step, question| step.id == question && matches!(step.what, What::Placed(placement) if placement.amount > 0);
        CardAct::given(outcome, |question, _| before.is_some_and(|row| row.steps.iter().any(|step| is_placed(step, question))))
    }

    /// The same for whoever has no payments: what is undone is taken to have been there.
    pub fn as_recorded(outcome: &Outcome) -> Self {
        CardAct::given(outcome, |_, amount| amount == 0)
    }

    fn given(outcome: &Outcome, was_placed: impl FnOnce(StepId, i64) -> bool) -> Self {
        let Some(hold) = outcome.hold else { return CardAct::Nothing };
        let placed = outcome.step.and_then(|step| match step.what {
            What::Placed(placement) => Some((step.id, placement.amount)),
            What::Recorded { .. } | What::Reduced { .. } | What::Totalled { .. } => None,
            What::Released { .. } | What::Captured { .. } | What::Moved { .. } => None,
        });
        let Some((question, amount)) = placed else {
            let stands = hold.authorized != 0 || hold.captured != 0 || hold.moved != 0;
            return if stands { CardAct::Uses } else { CardAct::Nothing };
        };
        match (was_placed(question, amount), amount > 0) {
            (false, true) => CardAct::Uses,
            (true, false) => CardAct::TakesBack,
            (true, true) | (false, false) => CardAct::Nothing,
        }
    }
}

/// The merchants that a card paid last; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchants {
    latest: [u32; MERCHANTS_MAX],
    /// How often each was met; 0 where that is not counted: it stays.
    met: [u8; MERCHANTS_MAX],
    /// Whether there were others.
    others: bool,
    /// How often the card was used; 0 where it was not, or that is not counted: then it stays used.
    uses: u8,
}

impl Merchants {
    /// What was kept elsewhere, where nobody counts: the latest first.
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

    /// Something happened with the card; since when it is used, and whom this pays, where its question tells.
    pub fn acted(&mut self, act: CardAct, since: &mut Option<Timestamp>, merchant: Option<u32>, at: Timestamp) {
        match act {
            CardAct::Uses => self.used(since, merchant, at),
            CardAct::TakesBack => self.taken_back(since, merchant),
            CardAct::Nothing => {}
        }
    }

    fn used(&mut self, since: &mut Option<Timestamp>, merchant: Option<u32>, at: Timestamp) {
        // Whom it paid before is kept nowhere, or nobody names whom it pays first.
        self.others |= if since.is_some() { merchant.is_some() && self.is_empty() } else { merchant.is_none() };
        self.uses = if since.is_some() { once_more(self.uses) } else { 1 };
        since.get_or_insert(at);
        if let Some(merchant) = merchant {
            self.met(merchant);
        }
    }

    /// It paid this one. One that is here stays where it is.
    fn met(&mut self, merchant: u32) {
        if let Some(met) = self.place_of(merchant).and_then(|place| self.met.get_mut(place)) {
            *met = once_more(*met);
            return;
        }
        self.latest.rotate_right(1);
        self.met.rotate_right(1);
        let ([first, ..], [met, ..]) = (&mut self.latest, &mut self.met);
        *met = 1;
        self.others |= std::mem::replace(first, merchant) != 0;
    }

    fn place_of(&self, merchant: u32) -> Option<usize> {
        self.latest.iter().position(|known| *known == merchant)
    }

    /// An act that was counted was none. A merchant that had to make room for it stays forgotten.
    pub fn taken_back(&mut self, since: &mut Option<Timestamp>, merchant: Option<u32>) {
        match self.uses {
            0 => {}
            1 => (*self, *since) = (Merchants::default(), None),
            uses => self.uses = uses.saturating_sub(1),
        }
        let Some(place) = merchant.and_then(|merchant| self.place_of(merchant)) else { return };
        match self.met.get_mut(place) {
            Some(1) => self.forget(place),
            Some(met) => *met = met.saturating_sub(1),
            None => {}
        }
    }

    fn forget(&mut self, place: usize) {
        if let (Some(latest), Some(met)) = (self.latest.get_mut(place..), self.met.get_mut(place..)) {
            latest.rotate_left(1);
            met.rotate_left(1);
        }
        let ([.., latest], [.., met]) = (&mut self.latest, &mut self.met);
        (*latest, *met) = (0, 0);
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

/// One more than was counted; nothing once those are too many.
const fn once_more(counted: u8) -> u8 {
    match counted {
        0 | COUNTED_MAX.. => 0,
        counted => counted.saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_unix_seconds(1);

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
        let restored = Merchants::restored(merchants.latest(), merchants.others());
        assert_eq!((restored.latest, restored.others), (merchants.latest, merchants.others));
    }

    #[test]
    fn whom_a_card_paid_before_anybody_remembered_may_be_anybody() {
        for (used_before, first, expected) in
            [(false, Some(1), Acquaintance::New), (false, None, Acquaintance::NotKnown), (true, Some(1), Acquaintance::NotKnown)]
        {
            let (mut merchants, mut since) = (Merchants::default(), used_before.then_some(AT));
            merchants.used(&mut since, first, AT);
            merchants.used(&mut since, None, AT);
            assert_eq!((merchants.acquaintance(2), since), (expected, Some(AT)), "{used_before} {first:?}");
        }
    }

    #[test]
    fn what_nobody_heard_leaves_a_card_as_it_was_without_it() {
        // What was used, whom it paid (0 is not told), whether that is taken back, and what is left: used, and what 1, 2 and 3 are.
        use Acquaintance::{Known, New, NotKnown};
        type Act = (CardAct, u32);
        let (uses, takes_back) = (CardAct::Uses, CardAct::TakesBack);
        let table: [(&[Act], bool, [Acquaintance; 3]); 9] = [
            (&[], false, [New; 3]),
            (&[(uses, 1)], true, [Known, New, New]),
            (&[(uses, 1), (takes_back, 1)], false, [New; 3]),
            (&[(uses, 0), (takes_back, 0)], false, [New; 3]),
            (&[(uses, 1), (uses, 1), (takes_back, 1)], true, [Known, New, New]),
            (&[(uses, 1), (uses, 2), (takes_back, 1)], true, [New, Known, New]),
            (&[(uses, 1), (uses, 2), (uses, 3), (takes_back, 2), (takes_back, 1)], true, [New, New, Known]),
            (&[(uses, 1), (uses, 2), (takes_back, 2), (takes_back, 1)], false, [New; 3]),
            (&[(uses, 0), (uses, 1), (takes_back, 1)], true, [NotKnown; 3]),
        ];
        for (acts, is_used, known) in table {
            let (mut merchants, mut since) = (Merchants::default(), None);
            for (act, merchant) in acts {
                merchants.acted(*act, &mut since, Some(*merchant).filter(|merchant| *merchant != 0), AT);
            }
            assert_eq!(
                (since.is_some(), [1, 2, 3].map(|merchant| merchants.acquaintance(merchant))),
                (is_used, known),
                "{acts:?}"
            );
        }
    }

    #[test]
    fn what_was_not_counted_stays() {
        let (mut merchants, mut since) = (Merchants::restored([1], false), Some(AT));
        merchants.used(&mut since, Some(1), AT);
        (0..3).for_each(|_| merchants.taken_back(&mut since, Some(1)));
        assert_eq!((since, merchants.acquaintance(1)), (Some(AT), Acquaintance::Known), "counted by nobody before");
        let (mut merchants, mut since) = (Merchants::default(), None);
        (0..=COUNTED_MAX).for_each(|_| merchants.used(&mut since, Some(1), AT));
        (0..=COUNTED_MAX).for_each(|_| merchants.taken_back(&mut since, Some(1)));
        assert_eq!((since, merchants.acquaintance(1)), (Some(AT), Acquaintance::Known), "too many to be counted");
    }
}
