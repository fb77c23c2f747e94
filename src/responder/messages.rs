//! Of whose money messages wait that the ledger has yet to hear: what they take, give back or end is in no balance yet, so the ledger decides
//! nothing past them. What cards and accounts are like is `standings.rs`; decides nothing else.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry::{Occupied, Vacant};
use holdfast_core::hold::{Fact, RecordedOutcome, Takes, ToldEvent};
use holdfast_core::{AccountId, Money, ProgramId};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::adding::doubts;
use crate::ledger::{Covered, MoneyOf, Origin};

/// Messages that wait, by a hash of their keys under a key of this process, 128 bits wide, so that no two are one.
#[derive(Debug)]
pub struct Messages {
    key: (u64, u64),
    waiting: DashMap<u128, Waiting, foldhash::fast::RandomState>,
    /// Those of each account; of which it was not seen whose they are, they may be about any of the program's.
    of: DashMap<(ProgramId, Option<AccountId>), Together, foldhash::fast::RandomState>,
    count: AtomicUsize,
}

/// One message, which may have come more than once.
#[derive(Debug)]
struct Waiting {
    account: Option<AccountId>,
    times: u32,
    takes: Taking,
}

/// What a message may take of what the ledger shows, in minor units.
#[derive(Debug, Clone, Copy)]
struct Taking {
    payment: Option<OfPayment>,
    takes: Beyond,
    leaves: Leaves,
}

/// What is still held of a payment once the ledger has heard a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// What was held, and what it adds to that or takes of it.
    Known,
    /// Less, or nothing: how much is the ledger's to say, and counts as nothing.
    Less,
}

impl Leaves {
    fn of(fact: &Fact) -> Self {
        let is_declined = matches!(fact, Fact::Recorded { outcome: RecordedOutcome::Declined, .. });
        if is_declined || doubts(fact) { Leaves::Less } else { Leaves::Known }
    }
}

/// The payment that it is about.
#[derive(Debug, Clone, Copy)]
struct OfPayment {
    known_as: u128,
    /// By what it is known as one that was approved of without the ledger.
    approved_as: u128,
    /// What the ledger holds of it already.
    held: i64,
}

/// What it takes beyond what was authorized.
#[derive(Debug, Clone, Copy)]
enum Beyond {
    /// So much, whatever is held.
    More(i64),
    /// So much is held besides, from then on: by a total,
    Total(i64),
    /// or as something that was added.
    Added(i64),
    /// So much is taken of what is held, and what that is not enough for.
    Captured(i64),
}

/// Several messages.
#[derive(Debug, Default)]
struct Together {
    count: usize,
    /// How much those may take that draw on no hold.
    more: i128,
    payments: HashMap<u128, Drawn, foldhash::fast::RandomState>,
}

/// What those of one payment hold besides, and draw on what is held of it.
#[derive(Debug, Default)]
struct Drawn {
    count: usize,
    approved_as: u128,
    held: i64,
    totals: Vec<i64>,
    added: i128,
    captured: i128,
}

/// Why a message waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    Heard,
    NeverKept,
}

impl Taking {
    fn of(event: &ToldEvent, covered: Covered) -> Self {
        let beyond = |amount: Money, there: i64| amount.minor().saturating_sub(there).max(0);
        let takes = match event.fact.takes() {
            None => Beyond::More(0),
            Some(Takes::More(amount)) => Beyond::More(beyond(amount, 0)),
            Some(Takes::Authorized(total)) => Beyond::Total(beyond(total, covered.authorized)),
            Some(Takes::Asked(amount)) => Beyond::Added(beyond(amount, covered.asked)),
            Some(Takes::Held(amount)) => Beyond::Captured(beyond(amount, 0)),
        };
        let Covered { payment, besides, held, .. } = covered;
        let of = |known_as| OfPayment { known_as, approved_as: besides.unwrap_or(known_as), held };
        Taking { payment: payment.map(of), takes, leaves: Leaves::of(&event.fact) }
    }

    /// The same, where nobody tells which payment it is of.
    const fn alone(self) -> i64 {
        match self.takes {
            Beyond::More(amount) | Beyond::Total(amount) | Beyond::Added(amount) | Beyond::Captured(amount) => amount,
        }
    }
}

impl Together {
    fn enters(&mut self, taking: Taking) {
        self.count = self.count.saturating_add(1);
        let Some(OfPayment { known_as, approved_as, held }) = taking.payment else {
            self.more = self.more.saturating_add(taking.alone().into());
            return;
        };
        let drawn = self.payments.entry(known_as).or_default();
        (drawn.count, drawn.approved_as, drawn.held) = (drawn.count.saturating_add(1), approved_as, held);
        match taking.takes {
            Beyond::More(amount) => self.more = self.more.saturating_add(amount.into()),
            Beyond::Total(amount) => drawn.totals.push(amount),
            Beyond::Added(amount) => drawn.added = drawn.added.saturating_add(amount.into()),
            Beyond::Captured(amount) => drawn.captured = drawn.captured.saturating_add(amount.into()),
        }
    }

    fn leaves(&mut self, taking: Taking, why: Gone) {
        self.count = self.count.saturating_sub(1);
        let Some(OfPayment { known_as, .. }) = taking.payment else {
            self.more = self.more.saturating_sub(taking.alone().into());
            return;
        };
        let Some(drawn) = self.payments.get_mut(&known_as) else { return };
        drawn.count = drawn.count.saturating_sub(1);
        // What the ledger has heard is in what it holds from now on.
        let heard = |amount: i64| if why == Gone::Heard { amount } else { 0 };
        match taking.takes {
            Beyond::More(amount) => self.more = self.more.saturating_sub(amount.into()),
            Beyond::Total(amount) => {
                drawn.totals.iter().position(|total| *total == amount).map(|place| drawn.totals.swap_remove(place));
                drawn.held = drawn.held.saturating_add(heard(amount));
            }
            Beyond::Added(amount) => {
                drawn.added = drawn.added.saturating_sub(amount.into());
                drawn.held = drawn.held.saturating_add(heard(amount));
            }
            Beyond::Captured(amount) => {
                drawn.captured = drawn.captured.saturating_sub(amount.into());
                drawn.held = drawn.held.saturating_sub(heard(amount)).max(0);
            }
        }
        match (why, taking.leaves) {
            (Gone::Heard, Leaves::Less) => drawn.held = 0,
            (Gone::Heard, Leaves::Known) | (Gone::NeverKept, Leaves::Known | Leaves::Less) => {}
        }
        if drawn.count == 0 {
            self.payments.remove(&known_as);
        }
    }

    fn takes(&self, approved: impl Fn(u128) -> i64) -> i128 {
        let takes = self.payments.values().map(|drawn| drawn.takes(approved(drawn.approved_as)));
        takes.fold(self.more, i128::saturating_add)
    }
}

impl Drawn {
    /// What is held besides, and what is captured of neither that nor what was held, and approved, before.
    fn takes(&self, approved: i64) -> i128 {
        let besides = self.added.saturating_add(self.totals.iter().copied().max().unwrap_or(0).into());
        let beyond = self.captured.saturating_sub(self.held.into()).saturating_sub(approved.into()).saturating_sub(besides);
        besides.saturating_add(beyond.max(0))
    }
}

impl Default for Messages {
    fn default() -> Self {
        let secret = std::hash::RandomState::new();
        let key = (secret.hash_one(0_u8), secret.hash_one(1_u8));
        Messages { key, waiting: DashMap::default(), of: DashMap::default(), count: AtomicUsize::new(0) }
    }
}

impl Messages {
    /// A message waits for the ledger. `money`: whose it is about, where that is seen.
    pub fn waits(&self, origin: &Origin, event: &ToldEvent, money: MoneyOf) {
        if !event.fact.is_about_money() {
            return;
        }
        let (account, covered) = match money {
            MoneyOf::Busy | MoneyOf::NotSeen => (None, Covered::default()),
            MoneyOf::Account(account, covered) => (Some(account), covered),
        };
        match self.waiting.entry(self.hashed(origin, event)) {
            Occupied(mut known) => {
                let known = known.get_mut();
                known.times = known.times.saturating_add(1);
                if known.account.is_none() && account.is_some() {
                    // Now it is seen whose it is. It is found under the one or the other all the while.
                    let (before, takes) = (known.takes, Taking::of(event, covered));
                    (known.account, known.takes) = (account, takes);
                    self.of.entry((origin.program, account)).or_default().enters(takes);
                    self.leaves_those(origin, None, (before, Gone::NeverKept));
                }
            }
            Vacant(new) => {
                // Before anybody can find it gone.
                let takes = Taking::of(event, covered);
                self.of.entry((origin.program, account)).or_default().enters(takes);
                self.count.fetch_add(1, Ordering::AcqRel);
                new.insert(Waiting { account, times: 1, takes });
            }
        }
    }

    /// One that was set aside is brought to the ledger once more, if it is not on its way there already.
    pub fn is_brought(&self, origin: &Origin, event: &ToldEvent) {
        if !self.waiting.contains_key(&self.hashed(origin, event)) {
            self.waits(origin, event, MoneyOf::NotSeen);
        }
    }

    /// One time that it came it was not acknowledged, or is waited for no more.
    pub fn never_kept(&self, origin: &Origin, event: &ToldEvent) {
        let is_last = |_: &u128, known: &mut Waiting| {
            known.times = known.times.saturating_sub(1);
            known.times == 0
        };
        let last = self.waiting.remove_if_mut(&self.hashed(origin, event), is_last);
        self.leaves(origin, last.map(|(_, known)| known), Gone::NeverKept);
    }

    /// The ledger has heard it, and so every time that it came.
    pub fn gone(&self, origin: &Origin, event: &ToldEvent) {
        let known = self.waiting.remove(&self.hashed(origin, event));
        self.leaves(origin, known.map(|(_, known)| known), Gone::Heard);
    }

    fn leaves(&self, origin: &Origin, known: Option<Waiting>, why: Gone) {
        let Some(Waiting { account, takes, .. }) = known else { return };
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.leaves_those(origin, account, (takes, why));
    }

    fn leaves_those(&self, origin: &Origin, account: Option<AccountId>, (takes, why): (Taking, Gone)) {
        self.of.remove_if_mut(&(origin.program, account), |_, of| {
            of.leaves(takes, why);
            of.count == 0
        });
    }

    /// Whether any waits at all. Nearly never.
    #[must_use]
    pub fn any(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Whether any of a program's does.
    #[must_use]
    pub fn any_of(&self, program: ProgramId) -> bool {
        self.any() && self.of.iter().any(|of| of.key().0 == program)
    }

    /// Whether one waits that is, or may be, about the account behind a question; where that is not seen, it may be any of the program's.
    #[must_use]
    pub fn concern(&self, program: ProgramId, account: Option<AccountId>) -> bool {
        self.any()
            && match account {
                None => self.any_of(program),
                Some(_) => self.of.contains_key(&(program, None)) || self.of.contains_key(&(program, account)),
            }
    }

    /// How much of what the ledger shows of an account those that wait may take, in minor units: of which it is not seen whose they are, all
    /// of it. `approved`: how much of a payment is at risk, and gone already.
    #[must_use]
    pub fn taken_of(&self, program: ProgramId, account: AccountId, approved: impl Fn(u128) -> i64) -> i64 {
        if !self.any() {
            return 0;
        }
        let takes = |account| self.of.get(&(program, account)).map_or(0, |of| of.takes(&approved));
        i64::try_from(takes(Some(account)).saturating_add(takes(None))).unwrap_or(i64::MAX).max(0)
    }

    fn hashed(&self, origin: &Origin, event: &ToldEvent) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        (origin.program, origin.platform, event.key).hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}

#[cfg(test)]
mod tests;
