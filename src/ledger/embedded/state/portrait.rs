//! Everything that is remembered, in an order of its own, so that two memories can be compared: the one that lived, and the
//! one that was made of its log.

use holdfast_core::hold::Answered;
use holdfast_core::rules::CounterKey;

use super::{AccountRow, CardRow, CardholderRow, Counting, Fingerprint, HoldRow, State};
use crate::ledger::embedded::counters::Counter;

/// A memory, row by row.
#[derive(Debug, PartialEq, Eq)]
pub struct Portrait<'a> {
    accounts: Vec<&'a AccountRow>,
    cards: Vec<&'a CardRow>,
    cardholders: Vec<&'a CardholderRow>,
    holds: Vec<&'a HoldRow>,
    counters: Vec<(&'a (CounterKey, Counting), &'a Counter)>,
    asked: Vec<(&'a Fingerprint, &'a Answered)>,
    told: Vec<&'a Fingerprint>,
}

impl State {
    /// Everything that is remembered; numbers that are yet to be given are not.
    pub fn portrait(&self) -> Portrait<'_> {
        let mut portrait = Portrait {
            accounts: self.accounts.iter().collect(),
            cards: self.cards.iter().collect(),
            cardholders: self.cardholders.iter().collect(),
            holds: self.holds.iter().collect(),
            counters: self.counters.iter().collect(),
            asked: self.asked.iter().collect(),
            told: self.told.iter().map(|(name, ())| name).collect(),
        };
        portrait.holds.sort_unstable_by_key(|row| row.number);
        portrait.counters.sort_unstable_by_key(|(key, _)| **key);
        portrait.asked.sort_unstable_by_key(|(name, _)| name.0);
        portrait.told.sort_unstable_by_key(|name| name.0);
        portrait
    }
}

impl Portrait<'_> {
    /// The first row in which another one differs: here, and there. Nothing if they are the same.
    pub fn differs_from(&self, other: &Portrait<'_>) -> Option<(String, String)> {
        if self == other {
            return None;
        }
        let (mut here, mut there) = (self.lines().into_iter(), other.lines().into_iter());
        loop {
            match (here.next(), there.next()) {
                (None, None) => return None,
                (here, there) if here == there => {}
                (here, there) => return Some((here.unwrap_or_default(), there.unwrap_or_default())),
            }
        }
    }

    fn lines(&self) -> Vec<String> {
        let Portrait { accounts, cards, cardholders, holds, counters, asked, told } = self;
        let mut lines: Vec<String> = accounts.iter().map(|row| format!("{row:?}")).collect();
        lines.extend(cards.iter().map(|row| format!("{row:?}")));
        lines.extend(cardholders.iter().map(|row| format!("{row:?}")));
        lines.extend(holds.iter().map(|row| format!("{row:?}")));
        lines.extend(counters.iter().map(|row| format!("{row:?}")));
        lines.extend(asked.iter().map(|row| format!("{row:?}")));
        lines.extend(told.iter().map(|row| format!("told {row:?}")));
        lines
    }
}
