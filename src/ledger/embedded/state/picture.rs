//! All of memory as one value, so that two can be compared: the one that lived, and the one that was made of its log. Places
//! that only memory knows are replaced by numbers that last.

use std::collections::BTreeMap;

use holdfast_core::hold::Answered;
use holdfast_core::hold::HoldStatus;
use holdfast_core::rules::CounterKey;
use holdfast_core::{Decision, DeclineReason, ProgramId, Timestamp};

use super::{
    ASKED_KEYS_KEPT, AccountIndex, AccountRow, CardIndex, CardRow, CardholderIndex, CardholderRow, Counting, Fingerprint,
    HoldRow, State,
};
use crate::ledger::embedded::counters::Counter;

/// Memory, in an order of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub programs: Vec<ProgramId>,
    pub accounts: Vec<AccountRow>,
    pub accounts_by_name: BTreeMap<Fingerprint, AccountIndex>,
    pub cards: Vec<CardRow>,
    pub cards_by_name: BTreeMap<Fingerprint, CardIndex>,
    pub cardholders: Vec<CardholderRow>,
    pub cardholders_by_name: Vec<(Fingerprint, CardholderIndex)>,
    /// By number.
    pub holds: BTreeMap<u64, HoldRow>,
    pub holds_by_name: BTreeMap<Fingerprint, u64>,
    pub next_hold: u64,
    /// Holds that wait for their time, by the minute.
    pub due: BTreeMap<i64, Vec<u64>>,
    pub counters: BTreeMap<(CounterKey, Counting), Counter>,
    pub asked: BTreeMap<Fingerprint, Answered>,
    pub asked_by_age: Vec<(Timestamp, Fingerprint)>,
    pub told: Vec<Fingerprint>,
    pub told_by_age: Vec<(Timestamp, Fingerprint)>,
}

impl Picture {
    /// The first row in which another one differs: here, and there. Nothing if they are the same.
    pub fn differs_from(&self, other: &Picture) -> Option<(String, String)> {
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

    /// Without what is a matter of when memory let go of something, or of a group that failed: holds that ended, messages,
    /// numbers that are yet to be given, counters that are over, buckets before the `oldest` that a question may name, and answers but
    /// the ledger's own refusals since `young`. (An old answer that somebody corrected is as old as it was where memory still had it,
    /// and as its correction where not.)
    #[must_use]
    pub fn whatever_was_let_go(mut self, young: Timestamp, oldest: i64) -> Self {
        self.counters.retain(|_, counter| match counter {
            // One that was forgotten and began again, with what came late to an old bucket, has less there.
            Counter::Rolling(buckets, _) => {
                buckets.retain(|(bucket, _)| *bucket >= oldest);
                !buckets.is_empty()
            }
            // Such a one may go whenever somebody looks at it.
            Counter::Since(..) | Counter::Lifetime(_) => !counter.is_over(young.saturating_add(ASKED_KEYS_KEPT)),
        });
        let (mut asked, asked_by_age) = (self.asked.clone(), Vec::new());
        asked.retain(|_, answered| match answered.decision {
            Decision::Decline { reason } => {
                let corrected = [
                    DeclineReason::LedgerUnavailable,
                    DeclineReason::TransactionNotPermitted,
                    DeclineReason::LeftToPlatform,
                    DeclineReason::LeftUnanswered,
                ]
                .contains(&reason);
                answered.asked_at >= young && !corrected
            }
            Decision::Approve { .. } => false,
        });
        let (told, told_by_age) = (Vec::new(), Vec::new());
        Picture { asked, asked_by_age, told, told_by_age, next_hold: 0, ..self.without_ended() }
    }

    fn lines(&self) -> Vec<String> {
        let Picture { programs, accounts, cards, cardholders, holds, counters, asked, told, due, .. } = self;
        let Picture { accounts_by_name, cards_by_name, cardholders_by_name, holds_by_name, .. } = self;
        let Picture { asked_by_age, told_by_age, next_hold, .. } = self;
        let mut lines = vec![format!("programs {programs:?}")];
        lines.extend(accounts.iter().map(|row| format!("{row:?}")));
        lines.extend(cards.iter().map(|row| format!("{row:?}")));
        lines.extend(cardholders.iter().map(|row| format!("{row:?}")));
        lines.extend(holds.values().map(|row| format!("{row:?}")));
        lines.extend(counters.iter().map(|row| format!("{row:?}")));
        lines.extend(asked.iter().map(|row| format!("asked {row:?}")));
        lines.extend(told.iter().map(|row| format!("told {row:?}")));
        lines.extend(due.iter().map(|row| format!("due {row:?}")));
        lines.extend(holds_by_name.iter().map(|row| format!("hold's name {row:?}")));
        lines.push(format!("names {accounts_by_name:?} {cards_by_name:?} {cardholders_by_name:?}"));
        lines.push(format!("by age {asked_by_age:?} {told_by_age:?}"));
        lines.push(format!("the next hold {next_hold}"));
        lines
    }

    /// Without holds that ended: when memory lets go of them is a matter of chance.
    #[must_use]
    pub fn without_ended(mut self) -> Self {
        self.holds.retain(|_, row| row.hold.status == HoldStatus::Open);
        self.holds_by_name.retain(|_, number| self.holds.contains_key(number));
        self
    }
}

impl State {
    /// Memory as it is now.
    pub fn picture(&self) -> Picture {
        let number = |index| self.hold(index).map_or(0, |row| row.number.0);
        let mut cardholders_by_name: Vec<_> = self.cardholders_by_name.iter().map(|(name, index)| (*name, *index)).collect();
        cardholders_by_name.sort_unstable_by_key(|(name, _)| *name);
        let mut told: Vec<_> = self.told.iter().map(|(name, _)| *name).collect();
        told.sort_unstable();
        Picture {
            programs: self.programs.clone(),
            accounts: self.accounts.iter().cloned().collect(),
            accounts_by_name: self.accounts_by_name.iter().map(|(name, index)| (*name, *index)).collect(),
            cards: self.cards.iter().copied().collect(),
            cards_by_name: self.cards_by_name.iter().map(|(name, index)| (*name, *index)).collect(),
            cardholders: self.cardholders.iter().cloned().collect(),
            cardholders_by_name,
            holds: self.holds.iter().map(|row| (row.number.0, row.clone())).collect(),
            holds_by_name: self.holds_by_name.iter().map(|(name, index)| (*name, number(*index))).collect(),
            next_hold: self.next_hold,
            due: self.holds.waiting(),
            counters: self.counters.iter().map(|(key, counter)| (*key, counter.clone())).collect(),
            asked: self.asked.iter().map(|(name, answered)| (*name, *answered)).collect(),
            asked_by_age: self.asked_by_age.iter().map(|aging| (aging.at, aging.name)).collect(),
            told,
            told_by_age: self.told_by_age.iter().map(|aging| (aging.at, aging.name)).collect(),
        }
    }
}
