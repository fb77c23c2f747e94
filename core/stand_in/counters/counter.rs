//! One cap of one table, and the sums that it has counted, one for each subject. Which approvals there are, and when they leave, whoever
//! holds it knows.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::decision::DeclineReason;
use crate::rules::LimitScope;

use super::super::caps::{Cap, Share};
use super::super::fingerprint::{AsIs, Fingerprint};
use super::super::told::{Taken, ToldApproval};

/// One cap of one table, and what it has counted.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    /// Which table.
    pub table: usize,
    pub cap: Cap,
    /// The number of the first approval that a window of time counts.
    pub from: u64,
    pub sums: Sums,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub amount: i64,
    pub count: i64,
}

pub(super) type Sums = HashMap<Fingerprint, Sum, BuildHasherDefault<AsIs>>;

impl Counter {
    /// Counts an approval that comes after all others.
    pub fn count(&mut self, told: &ToldApproval) {
        if self.counts(told) {
            self.add(told, 1);
        }
    }

    /// An approval leaves the window of time.
    pub fn leave(&mut self, told: &ToldApproval) {
        self.from = self.from.saturating_add(1);
        if self.counts(told) {
            self.add(told, -1);
        }
    }

    /// An approval is confirmed, or given back.
    pub fn change(&mut self, before: &ToldApproval, after: &ToldApproval) {
        if self.counts(before) && !self.counts(after) {
            self.add(before, -1);
        }
    }

    fn add(&mut self, told: &ToldApproval, sign: i64) {
        let (own, all) = self.subjects(told);
        add(&mut self.sums, own, told, sign);
        if let Some(all) = all {
            add(&mut self.sums, all, told, sign);
        }
    }

    fn counts(&self, told: &ToldApproval) -> bool {
        match told.taken {
            Taken::Unconfirmed => true,
            Taken::Confirmed => self.cap.window.is_of_time(),
            Taken::GivenBack => false,
        }
    }

    /// Under what an approval counts. Of a cap per card, what a card was approved for, or what was asked without one, counts for
    /// itself, and everything counts for its account: which card it is that is not named, nobody knows.
    fn subjects(&self, told: &ToldApproval) -> (Fingerprint, Option<Fingerprint>) {
        match self.cap.scope {
            LimitScope::Card => (told.card.unwrap_or(told.cardless), Some(told.account)),
            LimitScope::Account => (told.account, None),
            // No table can name the last four.
            LimitScope::Program
            | LimitScope::Merchant
            | LimitScope::Cardholder
            | LimitScope::Authority
            | LimitScope::Intent
            | LimitScope::IpAddress
            | LimitScope::Payment
            | LimitScope::Unreviewed => (Fingerprint::default(), None),
        }
    }

    /// What counts against one more approval. Without a card it may be any of the account's; and with one, what was asked without
    /// may have been this one.
    fn used(&self, approval: &ToldApproval) -> Sum {
        let sum = |subject: &Fingerprint| self.sums.get(subject).copied().unwrap_or_default();
        let (own, all) = self.subjects(approval);
        match (all, approval.card) {
            (None, _) => sum(&own),
            (Some(all), None) => sum(&all),
            (Some(_), Some(_)) => {
                let (with, without) = (sum(&own), sum(&approval.cardless));
                Sum { amount: with.amount.saturating_add(without.amount), count: with.count.saturating_add(without.count) }
            }
        }
    }

    /// Whether one more would pass the cap, and how.
    pub fn reached(&self, approval: &ToldApproval, share: Share) -> Option<DeclineReason> {
        let used = self.used(approval);
        let count = used.count.saturating_add(i64::from(approval.count));
        if self.cap.count_max.is_some_and(|max| count > i64::from(share.of_count(max))) {
            return Some(DeclineReason::CountLimitReached);
        }
        let amount = used.amount.saturating_add(approval.amount);
        let passed = self.cap.amount_max.is_some_and(|max| amount > share.of_amount(max.minor()));
        passed.then_some(DeclineReason::AmountLimitReached)
    }
}

pub(super) fn add(sums: &mut Sums, subject: Fingerprint, told: &ToldApproval, sign: i64) {
    let sum = sums.entry(subject).or_default();
    sum.amount = sum.amount.saturating_add(told.amount.saturating_mul(sign));
    sum.count = sum.count.saturating_add(i64::from(told.count).saturating_mul(sign));
    if *sum == Sum::default() {
        sums.remove(&subject);
    }
}

/// How many subjects a scope can have among so many approvals.
pub(super) const fn subjects_max(scope: LimitScope, told_max: usize) -> usize {
    match scope {
        // Each card and its account.
        LimitScope::Card => told_max.saturating_mul(2),
        LimitScope::Account => told_max,
        LimitScope::Program
        | LimitScope::Merchant
        | LimitScope::Cardholder
        | LimitScope::Authority
        | LimitScope::Intent
        | LimitScope::IpAddress
        | LimitScope::Payment
        | LimitScope::Unreviewed => 1,
    }
}

/// A map that holds so many without growing: with twice the room, what is left behind by removals is cleared in place.
pub(super) fn roomy<K, V>(many: usize) -> HashMap<K, V, BuildHasherDefault<AsIs>> {
    HashMap::with_capacity_and_hasher(many.saturating_mul(2), BuildHasherDefault::default())
}
