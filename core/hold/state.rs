//! What an engine keeps, and the one slice of it that an event concerns. Plain values; how they are stored is the
//! engine's business.

use serde::{Deserialize, Serialize};

use super::account::{AccountStatus, CardStatus, CardholderStatus};
use super::life::{Hold, Step, StepId};
use super::mutant::{self, Mutant};
use crate::decision::{Decision, DeclineReason};
use crate::money::{Currency, Money};
use crate::question_digest::ContentDigest;
use crate::rules::{CounterKey, LimitCheck, LimitScope, Window};
use crate::time::Timestamp;

/// An account's money and standing, in minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What all its amounts are in.
    pub currency: Currency,
    /// What is on it.
    pub posted: i64,
    /// What of it is held for payments under way; never negative.
    pub held: i64,
    /// How far below zero `posted − held` may be spent.
    pub credit_line: i64,
    /// Whether it may be used.
    pub status: AccountStatus,
}

impl Account {
    /// What can be spent: posted − held + credit line. Told events may take it below zero.
    #[must_use]
    pub fn available(&self) -> i64 {
        let held = if mutant::is(Mutant::HoldsNotCounted) { 0 } else { self.held };
        let sum = i128::from(self.posted).saturating_sub(i128::from(held)).saturating_add(i128::from(self.credit_line));
        i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
    }

    /// What could be spent if nothing were held; `None` if that is more than can be counted: what is available then would be told as less
    /// than it is.
    #[must_use]
    pub const fn spendable_max(posted: i64, credit_line: i64) -> Option<i64> {
        posted.checked_add(credit_line)
    }

    /// An amount in this account's currency.
    #[must_use]
    pub const fn money(&self, minor: i64) -> Money {
        Money::from_minor(minor, self.currency)
    }
}

/// A card's standing, and its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The card's own.
    pub status: CardStatus,
    /// Its owner's; active where nobody ever told.
    pub cardholder: CardholderStatus,
}

/// What was answered to an asked key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What the question was.
    pub digest: ContentDigest,
    /// When the callback arrived that was answered so: a retry is another one.
    pub asked_at: Timestamp,
    /// What was answered.
    pub decision: Decision,
}

/// What a limit has counted in the window of a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitUse {
    /// Minor units.
    pub amount: i64,
    /// Transactions.
    pub count: u32,
}

impl LimitUse {
    /// Why so much money, and so many transactions, more would pass a limit that has counted this; nothing if they would not.
    #[must_use]
    pub fn passes(self, check: &LimitCheck, amount: i64, count: u32) -> Option<DeclineReason> {
        if amount > 0 && check.amount_max.is_some_and(|most| self.amount.saturating_add(amount) > most) {
            return Some(check.scope.amount_reason());
        }
        let too_many = count > 0 && check.count_max.is_some_and(|most| self.count.saturating_add(count) > most);
        too_many.then(|| check.scope.count_reason())
    }
}

/// What one placement of a payment has counted in one window of one limit, or a change of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The placement that counts.
    pub placement: StepId,
    /// Which counter.
    pub counter: CounterKey,
    /// Whose.
    pub scope: LimitScope,
    /// The window it was counted in, and is returned to.
    pub window: Window,
    /// Minor units; negative where money is returned.
    pub amount: i64,
    /// Transactions; negative where one is returned.
    pub count: i32,
}

impl Counted {
    /// Whether two are of the same placement, in the same window of the same counter.
    #[must_use]
    pub fn same_place(&self, other: &Counted) -> bool {
        (self.placement, self.counter, self.scope, self.window) == (other.placement, other.counter, other.scope, other.window)
    }
}

/// How the payment was found that an event is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FoundBy {
    /// By the names that the event gives to it.
    #[default]
    ItsNames,
    /// By what the platform told of an increment before it asked: that is held there, whatever payment the question names.
    WhatWasTold,
}

/// Everything that one event concerns.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// The account; `None` if the subject leads to none.
    pub account: Option<Account>,
    /// The card; `None` if the subject names none that is known.
    pub card: Option<Card>,
    /// What stands of the payment; `None` if nobody ever told of it. For an increment, of the payment it adds to.
    pub hold: Option<Hold>,
    /// How that was found.
    pub found_by: FoundBy,
    /// That payment's steps, in their order.
    pub steps: &'a [Step],
    /// What that payment has counted in limits so far, in every place that was ever told, also where that is nothing now:
    /// a payment that comes back counts there again. Kept with its hold: what has none (a verification) has nothing here.
    pub counted: &'a [Counted],
    /// For asked events, orders, adoptions and recorded outcomes: what was answered to the key before.
    pub answered: Option<Answered>,
    /// For told events: whether this very message was applied before.
    pub heard: Heard,
    /// For asked events: what the verdict's limits have counted so far, in the verdict's order.
    pub uses: &'a [LimitUse],
    /// For a change of standing: what the present one was told by.
    pub standing: Option<Mark>,
}

/// What a standing was told by: the latest wins, whatever arrives last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// When, by the teller's clock.
    pub at: Timestamp,
    /// The message.
    pub id: StepId,
}

/// Whether a told message came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// For the first time.
    First,
    /// Before: it is not applied again.
    Again,
}
