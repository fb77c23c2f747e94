//! Holds in memory: those that are under way, and those that ended a while ago and are not yet safe elsewhere.
//!
//! Holds that may still be released by time lie in buckets by the minute; one that ends leaves its bucket, so that memory
//! has as many entries as there are open holds. Nothing here decides when a hold ends.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use holdfast_core::hold::life::put;
use holdfast_core::hold::{Counted, Hold, HoldStatus, Step};
use holdfast_core::{AuthorizationId, Expiry, PlatformName, Timestamp};
use smallvec::SmallVec;

use super::rows::Rows;
use super::{AccountIndex, CardIndex, Fingerprint};

/// How long a hold that ended stays in memory: its question, or its retry, may still be on the way.
pub const CLOSED_KEPT: Duration = Duration::from_secs(600);

/// A hold's place in memory. It may be given to another hold once this one has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HoldIndex(pub u32);

/// A hold's number: lasting, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HoldNumber(pub u64);

/// A hold and what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    pub number: HoldNumber,
    pub account: AccountIndex,
    pub card: Option<CardIndex>,
    pub platform: Option<PlatformName>,
    /// The platform's first name for it.
    pub payment: AuthorizationId,
    /// Who ends it if nobody captures it.
    pub expiry: Expiry,
    pub hold: Hold,
    pub steps: SmallVec<[Step; 1]>,
    pub counted: SmallVec<[Counted; 3]>,
    /// Every name that leads to it.
    pub names: SmallVec<[Fingerprint; 2]>,
}

impl HoldRow {
    /// Adds what an event did to it.
    pub fn take(&mut self, hold: Hold, step: Option<Step>, changes: &[Counted]) {
        self.hold = hold;
        if let Some(step) = step {
            put(&mut self.steps, step);
        }
        remember(&mut self.counted, changes);
    }

    /// The bucket in which it waits for its time.
    fn due_minute(&self) -> Option<i64> {
        match (self.hold.status, self.hold.expires_at) {
            (HoldStatus::Open, Some(at)) => Some(minute(at)),
            (HoldStatus::Open, None)
            | (HoldStatus::Unplaced | HoldStatus::Captured | HoldStatus::Released | HoldStatus::Expired, _) => None,
        }
    }
}

/// Adds changes to what a hold has counted, place by place. A place that is empty again stays: its limit may count there anew.
fn remember(counted: &mut SmallVec<[Counted; 3]>, changes: &[Counted]) {
    for change in changes {
        match counted.iter_mut().find(|known| known.same_place(change)) {
            Some(known) => {
                known.amount = known.amount.saturating_add(change.amount);
                known.count = known.count.saturating_add(change.count);
            }
            None => counted.push(*change),
        }
    }
}

fn minute(at: Timestamp) -> i64 {
    at.unix_seconds().div_euclid(60)
}

/// Where a hold lies in its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    minute: i64,
    place: u32,
}

#[derive(Debug)]
enum Slot {
    Taken(Box<HoldRow>, Option<Waiting>, EndedBy),
    Free,
}

/// The record that ended a hold, or changed it after its end: once that is safe elsewhere, all of the hold is.
type EndedBy = i64;

/// The holds in memory.
#[derive(Debug, Default)]
pub struct Holds {
    slots: Rows<Slot>,
    free: Vec<u32>,
    due: BTreeMap<i64, Vec<u32>>,
    /// Those that ended, the longest ago first: when, by which record, which.
    closed: VecDeque<(Timestamp, i64, HoldNumber, HoldIndex)>,
}

impl Holds {
    /// The hold there.
    pub fn get(&self, index: HoldIndex) -> Option<&HoldRow> {
        match self.slots.get(index.0)? {
            Slot::Taken(row, ..) => Some(row),
            Slot::Free => None,
        }
    }

    /// Takes a hold in.
    pub fn insert(&mut self, row: HoldRow) -> HoldIndex {
        let slot = Slot::Taken(Box::new(row), None, 0);
        let index = match self.free.pop() {
            Some(place) => {
                if let Some(free) = self.slots.get_mut(place) {
                    *free = slot;
                }
                HoldIndex(place)
            }
            None => {
                let place = self.slots.next();
                self.slots.push(slot);
                HoldIndex(place)
            }
        };
        self.wait_anew(index);
        index
    }

    /// Changes a hold; what it was.
    pub fn change(&mut self, index: HoldIndex, change: impl FnOnce(&mut HoldRow)) {
        if let Some(Slot::Taken(row, ..)) = self.slots.get_mut(index.0) {
            change(row);
            self.wait_anew(index);
        }
    }

    /// Lets a hold go.
    pub fn remove(&mut self, index: HoldIndex) -> Option<HoldRow> {
        self.stop_waiting(index);
        let slot = self.slots.get_mut(index.0)?;
        let Slot::Taken(row, ..) = std::mem::replace(slot, Slot::Free) else { return None };
        self.free.push(index.0);
        Some(*row)
    }

    /// A hold ended, by this record: it may go when it is safe elsewhere.
    pub fn ended(&mut self, at: Timestamp, record: i64, index: HoldIndex) {
        if let Some(Slot::Taken(row, _, ended_by)) = self.slots.get_mut(index.0) {
            *ended_by = record;
            self.closed.push_back((at, record, row.number, index));
        }
    }

    /// Lets go of one hold that ended before `before` and by a record up to `record`; none if there is none.
    pub fn let_one_go(&mut self, before: Timestamp, record: i64) -> Option<HoldRow> {
        loop {
            let (_, by, number, index) = self.closed.pop_front_if(|(at, by, ..)| *at < before && *by <= record)?;
            // It may have been opened again or changed since, or its place may be another's by now.
            if let Some(Slot::Taken(row, _, ended_by)) = self.slots.get(index.0)
                && (row.number, *ended_by) == (number, by)
                && row.hold.status != HoldStatus::Open
            {
                return self.remove(index);
            }
        }
    }

    /// Holds whose time has come, a few at a time. In a minute that has passed all of them are due; in this one some are, and
    /// only as many are looked at: a million may wait for the same minute, and those that are not found in it are found after.
    pub fn due(&self, now: Timestamp, most: usize) -> Vec<HoldIndex> {
        let passed = self.due.range(..minute(now)).flat_map(|(_, waiting)| waiting);
        let current = self.due.get(&minute(now)).into_iter().flatten().take(most);
        let is_due = |index: &HoldIndex| self.get(*index).is_some_and(|row| row.hold.expires_at.is_some_and(|at| at <= now));
        passed.chain(current).map(|place| HoldIndex(*place)).filter(is_due).take(most).collect()
    }

    /// Where the hold of that number is.
    pub fn numbered(&self, number: HoldNumber) -> Option<HoldIndex> {
        let is_it = |slot: &Slot| matches!(slot, Slot::Taken(row, ..) if row.number == number);
        let place = self.slots.iter().position(is_it)?;
        u32::try_from(place).ok().map(HoldIndex)
    }

    /// How many there are.
    #[cfg(test)]
    pub fn live(&self) -> u64 {
        u64::try_from(self.iter().count()).unwrap_or(u64::MAX)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &HoldRow> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Taken(row, ..) => Some(row.as_ref()),
            Slot::Free => None,
        })
    }

    /// The numbers of those that wait for their time, by the minute.
    pub fn waiting(&self) -> BTreeMap<i64, Vec<u64>> {
        let numbers = |places: &Vec<u32>| {
            let mut numbers: Vec<_> =
                places.iter().filter_map(|place| self.get(HoldIndex(*place))).map(|row| row.number.0).collect();
            numbers.sort_unstable();
            numbers
        };
        self.due.iter().map(|(minute, places)| (*minute, numbers(places))).collect()
    }

    fn wait_anew(&mut self, index: HoldIndex) {
        let Some(Slot::Taken(row, waiting, _)) = self.slots.get(index.0) else { return };
        let (wanted, now) = (row.due_minute(), *waiting);
        if wanted == now.map(|waiting| waiting.minute) {
            return;
        }
        self.stop_waiting(index);
        let Some(minute) = wanted else { return };
        let bucket = self.due.entry(minute).or_default();
        let place = u32::try_from(bucket.len()).unwrap_or(u32::MAX);
        bucket.push(index.0);
        self.set_waiting(index.0, Some(Waiting { minute, place }));
    }

    fn stop_waiting(&mut self, index: HoldIndex) {
        let Some(Slot::Taken(_, Some(waiting), _)) = self.slots.get(index.0) else { return };
        let waiting = *waiting;
        self.set_waiting(index.0, None);
        let Some(bucket) = self.due.get_mut(&waiting.minute) else { return };
        let place = usize::try_from(waiting.place).unwrap_or(usize::MAX);
        if place < bucket.len() {
            bucket.swap_remove(place);
        }
        let moved = bucket.get(place).copied();
        if bucket.is_empty() {
            self.due.remove(&waiting.minute);
        }
        if let Some(moved) = moved {
            self.set_waiting(moved, Some(waiting));
        }
    }

    fn set_waiting(&mut self, place: u32, to: Option<Waiting>) {
        if let Some(Slot::Taken(_, waiting, _)) = self.slots.get_mut(place) {
            *waiting = to;
        }
    }
}
