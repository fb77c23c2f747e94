//! Several ways to pass: a question that one of them lets pass is let pass. Which limits count depends on the way that is taken, so that
//! whoever counts takes it: the first one, in the order in which they are written, that has room.

use serde::{Deserialize, Serialize};

use crate::decision::DeclineReason;

/// The most ways that there can be.
pub const WAYS_MAX: u8 = 8;

/// One of several ways, by its place in the order in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Way(u8);

impl Way {
    /// As people count them, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0.saturating_add(1)
    }

    /// Its bit in a set; none where there is no such way.
    const fn bit(self) -> u8 {
        if self.0 < WAYS_MAX { 1 << self.0 } else { 0 }
    }
}

/// Some of several ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ways(u8);

impl Ways {
    /// None of them.
    pub const NONE: Ways = Ways(0);

    /// The first so many; no more than there can be.
    #[must_use]
    pub fn first_of(count: usize) -> Self {
        (0..WAYS_MAX).map(Way).take(count).collect()
    }

    /// These and others.
    #[must_use]
    pub const fn with(self, others: Ways) -> Self {
        Ways(self.0 | others.0)
    }

    /// Those of these that are not among others.
    #[must_use]
    pub const fn without(self, others: Ways) -> Self {
        Ways(self.0 & !others.0)
    }

    /// Whether a way is one of them.
    #[must_use]
    pub const fn has(self, way: Way) -> bool {
        self.0 & way.bit() != 0
    }

    /// Whether one of them is among others.
    #[must_use]
    pub const fn meets(self, others: Ways) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The first one.
    #[must_use]
    pub fn first(self) -> Option<Way> {
        self.iter().next()
    }

    /// Each of them, in their order.
    pub fn iter(self) -> impl Iterator<Item = Way> {
        (0..WAYS_MAX).map(Way).filter(move |way| self.has(*way))
    }
}

impl FromIterator<Way> for Ways {
    fn from_iter<I: IntoIterator<Item = Way>>(ways: I) -> Self {
        Ways(ways.into_iter().fold(0, |bits, way| bits | way.bit()))
    }
}

impl From<Way> for Ways {
    fn from(way: Way) -> Self {
        Ways(way.bit())
    }
}

/// Why none of several ways is open: their reason where all give the same, and else another one.
#[must_use]
pub fn common_reason(reasons: impl IntoIterator<Item = DeclineReason>, several: DeclineReason) -> Option<DeclineReason> {
    let mut reasons = reasons.into_iter();
    let first = reasons.next()?;
    Some(if reasons.all(|reason| reason == first) { first } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_counted_in_their_order_and_there_are_at_most_eight() {
        let numbers = |ways: Ways| ways.iter().map(Way::number).collect::<Vec<_>>();
        let all = Ways::first_of(99);
        assert_eq!(numbers(all), [1, 2, 3, 4, 5, 6, 7, 8]);
        let (one, three) = (Ways::first_of(1), Ways::first_of(3));
        assert_eq!(numbers(three.without(one)), [2, 3]);
        assert_eq!(three.without(one).first().map(Way::number), Some(2));
        assert_eq!(numbers(one.with(three.without(one))), [1, 2, 3]);
        assert!(three.meets(one) && !three.without(one).meets(one) && Ways::NONE.first().is_none());
        // What a damaged record may say is none of them.
        assert!(!all.has(Way(8)) && !all.has(Way(255)));
    }

    #[test]
    fn two_reasons_are_none_in_particular() {
        use DeclineReason::{PolicyAmount, PolicyLimitReached, PolicyOther};
        let common = |reasons: &[DeclineReason]| common_reason(reasons.iter().copied(), PolicyOther);
        assert_eq!(common(&[]), None);
        assert_eq!(common(&[PolicyAmount, PolicyAmount]), Some(PolicyAmount));
        assert_eq!(common(&[PolicyAmount, PolicyLimitReached]), Some(PolicyOther));
    }
}
