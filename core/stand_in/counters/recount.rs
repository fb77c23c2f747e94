//! What was told, counted under other tables beside the counters that others go on asking: they are only held for as long as it takes
//! to copy a list, and to put other sums in the place of theirs. Nothing here answers.

use std::collections::VecDeque;

use crate::stand_in::caps::Caps;
use crate::time::Timestamp;

use super::counter::{Counter, roomy, subjects_max};
use super::{CapCounters, ToldApproval, exposure_cap};

/// What was told, as it was at one moment.
#[derive(Debug)]
pub struct Remembered {
    told: VecDeque<ToldApproval>,
    overdue: Vec<ToldApproval>,
    first: u64,
    told_max: usize,
    now: Timestamp,
    changes: u64,
}

/// The same, counted under tables.
#[derive(Debug)]
pub struct Recounted {
    counters: Vec<Counter>,
    /// How many of those that were told are in it.
    told: usize,
    changes: u64,
}

/// What was counted beside is not how it is any more: count again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outdated;

impl Remembered {
    /// Counts it under these tables.
    #[must_use]
    pub fn recounted(&self, tables: &[&Caps]) -> Recounted {
        let mut counters = Vec::new();
        for (table, caps) in tables.iter().enumerate() {
            let exposure = caps.exposure_max.and_then(exposure_cap);
            for cap in exposure.into_iter().chain(caps.caps.iter().cloned()) {
                let sums = roomy(subjects_max(cap.scope, self.told_max));
                let mut counter = Counter { table, cap, from: self.first, sums };
                self.count_in(&mut counter);
                counters.push(counter);
            }
        }
        Recounted { counters, told: self.told.len(), changes: self.changes }
    }

    fn count_in(&self, counter: &mut Counter) {
        let over = match counter.cap.window.since(self.now) {
            Some(since) => self.told.partition_point(|told| told.at < since),
            None => {
                self.overdue.iter().for_each(|told| counter.count(told));
                0
            }
        };
        counter.from = counter.from.saturating_add(u64::try_from(over).unwrap_or(u64::MAX));
        self.told.iter().skip(over).for_each(|told| counter.count(told));
    }
}

impl CapCounters {
    /// What is remembered, to be counted under other tables.
    #[must_use]
    pub fn remembered(&mut self) -> Remembered {
        self.put_back();
        Remembered {
            told: self.told.clone(),
            overdue: self.overdue.values().copied().collect(),
            first: self.first,
            told_max: self.told_max,
            now: self.now,
            changes: self.changes,
        }
    }

    /// Puts what was counted beside in the place of these counters, which it is left with; what was told since is counted too.
    ///
    /// # Errors
    /// What was remembered has become something else in the meantime.
    pub fn take_over(&mut self, recounted: &mut Recounted) -> Result<(), Outdated> {
        if recounted.changes != self.changes {
            return Err(Outdated);
        }
        std::mem::swap(&mut self.counters, &mut recounted.counters);
        for counter in &mut self.counters {
            self.told.iter().skip(recounted.told).for_each(|told| counter.count(told));
        }
        self.changes = self.changes.wrapping_add(1);
        self.forget(self.now);
        Ok(())
    }
}
