//! What stand-in told, counted against the caps. A pure value: whoever shares it guards it, and whoever restarts makes it again
//! from what was told.
//!
//! It remembers every approval for as long as the longest window that a cap may have, in the order of telling, whatever caps there are
//! now, and keeps one sum for each subject of each cap beside it; so a window is exact, and a table that is published, or gone back
//! to, counts from its first moment what was told before. Only where there is no room for all of that, what counts in no cap of now
//! and is no exposure goes earlier, the oldest first.
//!
//! The program's answers count together, whatever platform heard them and whatever table approved them: each table's caps are
//! held against all of them.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::time::Duration;

use crate::decision::{DeclineReason, StandInBy};
use crate::ids::{AccountId, RuleId};
use crate::money::Money;
use crate::rules::LimitScope;
use crate::time::Timestamp;

use super::caps::{CAP_SECONDS_MAX, Cap, CapWindow, Caps, EXPOSURE, Share};
use super::fingerprint::{AsIs, Fingerprint};
use super::proposal::{Proposal, StoodIn};
use super::told::{Taken, ToldApproval, ToldName};

mod counter;
mod recount;

use counter::{Counter, Sums, add, roomy};

pub use recount::{Outdated, Recounted, Remembered};

/// The most approvals that one question makes each counter forget: what is left is forgotten by [`CapCounters::forget`]. Until
/// then it counts, which only ever declines more.
const FORGOTTEN_AT_ONCE: usize = 64;

/// The part of the room that [`CapCounters::forget`] keeps free for what is told next, if what is there is only kept for caps to come.
const KEPT_FREE: usize = 8;

/// The number of the first approval: there are numbers before it for what is put back in front of it.
const FIRST: u64 = 1 << 32;

/// What was let go of is summed up in so many sums, each for some of the accounts: what is added to another account's of the same sum while
/// somebody decides only ever declines more.
const LET_GO_SUMS: usize = 1 << 10;

/// How much of the approvals of an account, and of some others, has ceased to be unconfirmed by some moment, in minor units. Only the
/// difference of two means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetGo(i64);

/// Counts what stand-in told for one program, for one responder.
#[derive(Debug, Clone)]
pub struct CapCounters {
    share: Share,
    told_max: usize,
    told: VecDeque<ToldApproval>,
    /// The number of the first one that is remembered; they are numbered without gaps.
    first: u64,
    by_name: HashMap<ToldName, u64, BuildHasherDefault<AsIs>>,
    /// What is out of every window of time, and unconfirmed all the same.
    overdue: HashMap<ToldName, ToldApproval, BuildHasherDefault<AsIs>>,
    counters: Vec<Counter>,
    /// What is unconfirmed for each account: for rows that want it covered by the last known balance.
    by_account: Sums,
    let_go: Vec<i64>,
    exposure: i64,
    /// The latest moment that was heard of: a clock that is set back forgets nothing and brings nothing back.
    now: Timestamp,
    /// How often what is remembered became something else than more: confirmed, given back, forgotten, held against other caps.
    changes: u64,
}

impl CapCounters {
    /// Counters for the tables of a program (by place: a proposal of the table there is held against its caps), of which nothing
    /// was told yet. At most so many approvals are remembered at a time: one more declines.
    #[must_use]
    pub fn new(tables: &[&Caps], share: Share, told_max: usize) -> Self {
        let mut counters = CapCounters {
            share,
            told_max,
            told: VecDeque::with_capacity(told_max),
            first: FIRST,
            by_name: roomy(told_max),
            overdue: roomy(told_max),
            counters: Vec::new(),
            by_account: roomy(told_max),
            let_go: vec![0; LET_GO_SUMS],
            exposure: 0,
            now: Timestamp::EPOCH,
            changes: 0,
        };
        counters.follow(tables);
        counters
    }

    /// Counters that were told all of this before, in the order of telling: the same list makes the same counters. What does not
    /// fit is counted all the same.
    #[must_use]
    pub fn restored(
        tables: &[&Caps],
        share: Share,
        told_max: usize,
        told: impl IntoIterator<Item = ToldApproval>,
        now: Timestamp,
    ) -> Self {
        let mut counters = CapCounters::new(tables, share, told_max);
        for told in told {
            counters.count(told);
        }
        // Other tables may be about to come into force: only what none of them can count goes.
        counters.now = counters.now.max(now);
        counters.advance(usize::MAX, usize::MAX);
        counters
    }

    /// Puts other tables in the place of these: what was told counts on under their caps. It takes as long as there is to count:
    /// whoever shares the counters has it counted beside them ([`CapCounters::remembered`]).
    pub fn follow(&mut self, tables: &[&Caps]) {
        let mut recounted = self.remembered().recounted(tables);
        // Nothing can have come between.
        let _ = self.take_over(&mut recounted);
    }

    /// Makes an answer of a proposal: an approval that fits into every cap of its table is counted, one that does not becomes a
    /// decline that names the cap. The same name counts once until the ledger has confirmed it: whoever is told yes for it after that is told
    /// something of its own.
    pub fn try_take(&mut self, table: usize, proposal: &Proposal) -> StoodIn {
        let Some(approval) = &proposal.approval else { return proposal.answered() };
        self.now = self.now.max(approval.at);
        self.advance(FORGOTTEN_AT_ONCE, self.told_max);
        if self.is_unconfirmed(&approval.name) {
            return proposal.answered();
        }
        if let Some(covering) = proposal.covered_by
            && !self.is_covered(approval, covering)
        {
            return proposal.declined(DeclineReason::InsufficientFunds, proposal.by);
        }
        let reached = self.counters.iter().filter(|counter| counter.table == table).find_map(|counter| {
            let reason = counter.reached(approval, self.share)?;
            Some((reason, counter.cap.id))
        });
        match reached {
            Some((reason, cap)) => proposal.declined(reason, StandInBy::Cap(cap)),
            None if self.filled() >= self.told_max => proposal.declined(DeclineReason::LedgerUnavailable, StandInBy::Full),
            None => {
                self.count(ToldApproval { at: self.now, ..*approval });
                proposal.answered()
            }
        }
    }

    /// Whether a balance covers an approval together with what else was approved for the account: all that is unconfirmed now, and what was
    /// let go of since the balance was seen.
    fn is_covered(&self, approval: &ToldApproval, (balance, let_go): (i64, Option<LetGo>)) -> bool {
        let unconfirmed = self.by_account.get(&approval.account).map_or(0, |sum| sum.amount);
        let since = let_go.map_or(0, |LetGo(then)| self.let_go_by(approval.account).wrapping_sub(then).max(0));
        approval.amount <= 0 || unconfirmed.saturating_add(since).saturating_add(approval.amount) <= balance
    }

    /// How much was let go of by now: for whoever is about to look at the balance of an account.
    #[must_use]
    pub fn let_go(&self, account: &AccountId) -> LetGo {
        LetGo(self.let_go_by(Fingerprint::of(&["account", account.as_str()])))
    }

    fn let_go_by(&self, account: Fingerprint) -> i64 {
        self.let_go.get(account.place_in(LET_GO_SUMS)).copied().unwrap_or_default()
    }

    /// An approval was not told after all: it counts nowhere any more.
    pub fn give_back(&mut self, name: &ToldName) {
        self.becomes(name, Taken::GivenBack);
    }

    /// The ledger has confirmed an approval: it is no exposure any more, and counts on in windows of time.
    pub fn settle(&mut self, name: &ToldName) {
        self.becomes(name, Taken::Confirmed);
    }

    /// The program's money that was approved and not confirmed, in minor units.
    #[must_use]
    pub const fn exposure(&self) -> i64 {
        self.exposure
    }

    /// The part of it that is of one account.
    #[must_use]
    pub fn exposure_of(&self, account: &AccountId) -> i64 {
        let account = Fingerprint::of(&["account", account.as_str()]);
        self.by_account.get(&account).map_or(0, |sum| sum.amount)
    }

    /// How many approvals are remembered, and how many can be.
    #[must_use]
    pub fn fill(&self) -> (usize, usize) {
        (self.filled(), self.told_max)
    }

    fn filled(&self) -> usize {
        self.told.len().saturating_add(self.overdue.len())
    }

    /// Forgets whatever counts nowhere any more: from time to time, beside the questions.
    pub fn forget(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let kept_free = self.told_max.checked_div(KEPT_FREE).unwrap_or_default();
        self.advance(usize::MAX, self.told_max.saturating_sub(kept_free).max(1));
    }

    /// Counts an approval without asking any cap.
    fn count(&mut self, mut told: ToldApproval) {
        // In the order of telling, which is that of time.
        self.now = self.now.max(told.at);
        told.at = self.now;
        let number = self.first.saturating_add(u64::try_from(self.told.len()).unwrap_or(u64::MAX));
        if told.taken != Taken::GivenBack {
            if self.is_unconfirmed(&told.name) {
                return;
            }
            self.by_name.insert(told.name, number);
        }
        self.count_unconfirmed(&told, 1);
        self.counters.iter_mut().for_each(|counter| counter.count(&told));
        self.told.push_back(told);
    }

    fn count_unconfirmed(&mut self, told: &ToldApproval, sign: i64) {
        if told.taken == Taken::Unconfirmed {
            self.exposure = self.exposure.saturating_add(told.amount.saturating_mul(sign));
            add(&mut self.by_account, told.account, told, sign);
        }
    }

    /// Whether an approval of that name counts as one that the ledger has yet to confirm.
    #[must_use]
    pub fn is_unconfirmed(&self, name: &ToldName) -> bool {
        let of_number = |number: &u64| {
            let place = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
            self.told.get(place).is_some_and(|told| told.taken == Taken::Unconfirmed)
        };
        self.overdue.contains_key(name) || self.by_name.get(name).is_some_and(of_number)
    }

    fn becomes(&mut self, name: &ToldName, taken: Taken) {
        if let Some(before) = self.overdue.remove(name) {
            self.changes = self.changes.wrapping_add(1);
            self.change(u64::MAX, &before, &before.taken(taken));
            return;
        }
        let Some(number) = self.by_name.get(name).copied() else { return };
        let place = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let Some(before) = self.told.get(place).copied() else { return };
        if before.taken != Taken::Unconfirmed {
            return;
        }
        let after = before.taken(taken);
        self.changes = self.changes.wrapping_add(1);
        self.change(number, &before, &after);
        if let Some(told) = self.told.get_mut(place) {
            *told = after;
        }
        if taken == Taken::GivenBack {
            // The same key may be asked again, and is counted then.
            self.by_name.remove(name);
        }
    }

    /// An approval that was unconfirmed is that no more; the number of one that is overdue is in no window of time.
    fn change(&mut self, number: u64, before: &ToldApproval, after: &ToldApproval) {
        self.count_unconfirmed(before, -1);
        if let Some(sum) = self.let_go.get_mut(before.account.place_in(LET_GO_SUMS)) {
            *sum = sum.wrapping_add(before.amount);
        }
        for counter in &mut self.counters {
            let is_of_time = counter.cap.window.is_of_time();
            if !(is_of_time && (number < counter.from || number == u64::MAX)) {
                counter.change(before, after);
            }
        }
    }

    /// Lets go of a name, unless it has become another answer's.
    fn release(&mut self, name: &ToldName, number: u64) {
        if self.by_name.get(name) == Some(&number) {
            self.by_name.remove(name);
        }
    }

    /// Moves every window of time up to now, each by so many approvals at most, and lets go of what no cap can count any more; of what
    /// no cap of now counts, too, where there are so many of them or more.
    fn advance(&mut self, at_most: usize, full: usize) {
        for counter in &mut self.counters {
            let Some(since) = counter.cap.window.since(self.now) else { continue };
            for _ in 0..at_most {
                let place = usize::try_from(counter.from.saturating_sub(self.first)).unwrap_or(usize::MAX);
                let Some(told) = self.told.get(place).filter(|told| told.at < since) else { break };
                counter.leave(told);
            }
        }
        let kept_since = kept_since(self.now);
        for _ in 0..at_most {
            let Some(front) = self.told.front().filter(|_| self.is_left_behind(self.first)).copied() else { break };
            if front.at > kept_since && self.filled() < full {
                break;
            }
            self.release(&front.name, self.first);
            if front.taken == Taken::Unconfirmed {
                self.overdue.insert(front.name, front);
            }
            self.told.pop_front();
            self.first = self.first.saturating_add(1);
            self.changes = self.changes.wrapping_add(1);
        }
    }

    /// Puts what is overdue, and can be in a window of time, back where it was: in front of all others. It is in no window of the caps
    /// of now.
    fn put_back(&mut self) {
        let kept_since = kept_since(self.now);
        let mut back: Vec<_> = self.overdue.values().filter(|told| told.at > kept_since).copied().collect();
        back.sort_by_key(|told| told.at);
        for told in back.into_iter().rev() {
            let Some(number) = self.first.checked_sub(1) else { return };
            self.overdue.remove(&told.name);
            self.by_name.insert(told.name, number);
            self.told.push_front(told);
            self.first = number;
            self.changes = self.changes.wrapping_add(1);
        }
    }

    /// Whether every window of time is past an approval.
    fn is_left_behind(&self, number: u64) -> bool {
        !self.counters.iter().any(|counter| counter.cap.window.is_of_time() && counter.from <= number)
    }
}

impl CapWindow {
    const fn is_of_time(&self) -> bool {
        match self {
            CapWindow::Day(_) | CapWindow::Last(_) => true,
            CapWindow::Unconfirmed => false,
        }
    }
}

/// What is older than this is in no window that a cap may have.
fn kept_since(now: Timestamp) -> Timestamp {
    now.saturating_sub(Duration::from_secs(u64::from(CAP_SECONDS_MAX)))
}

fn exposure_cap(max: Money) -> Option<Cap> {
    let id = RuleId::new(EXPOSURE).ok()?;
    let window = CapWindow::Unconfirmed;
    Some(Cap { id, description: None, scope: LimitScope::Program, window, amount_max: Some(max), count_max: None })
}
