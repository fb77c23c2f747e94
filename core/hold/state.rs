//! What an engine keeps, and the one slice of it that an event concerns. Plain values; how they are stored is the
//! engine's business.

use serde::{Deserialize, Serialize};

use super::account::{AccountStatus, CardStatus, CardholderStatus};
use crate::authorization::{ContentDigest, Posting};
use crate::decision::Decision;
use crate::money::{Currency, Money};
use crate::rules::{CounterKey, LimitScope, Window};
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
        let sum = i128::from(self.posted).saturating_sub(i128::from(self.held)).saturating_add(i128::from(self.credit_line));
        i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
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

/// Money reserved for one payment, and what became of it. Amounts in minor units of the account's currency, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// How approved amounts leave the account.
    pub posting: Posting,
    /// Who placed it.
    pub origin: HoldOrigin,
    /// Whether more may be captured.
    pub status: HoldStatus,
    /// What has been authorized in total, reversals taken off.
    pub authorized: i64,
    /// What of it is held now.
    pub held: i64,
    /// What of it was debited at the decision and waits for its completion ([`Posting::Immediate`]).
    pub ahead: i64,
    /// What was captured.
    pub captured: i64,
}

/// Who placed a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldOrigin {
    /// We were asked, and approved.
    Asked,
    /// The platform told us; the question may still be on its way.
    Told,
}

/// Where a hold is in its one life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldStatus {
    /// More may be captured.
    Open,
    /// Captured to the end.
    Captured,
    /// Reversed, declined after all, or released by an operator.
    Released,
    /// Let expire by the platform.
    Expired,
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
    /// What of the payment's hold this key placed, in minor units: what an undo takes back.
    pub placed: i64,
}

/// What a limit has counted in the window of a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitUse {
    /// Minor units.
    pub amount: i64,
    /// Transactions.
    pub count: u32,
}

/// What one payment has counted in one window of one limit, or a change of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
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

/// Everything that one event concerns.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// The account; `None` if the subject leads to none.
    pub account: Option<Account>,
    /// The card; `None` if the subject names none that is known.
    pub card: Option<Card>,
    /// The payment's hold; for an increment, the one it adds to.
    pub hold: Option<Hold>,
    /// What that payment has counted in limits so far.
    pub counted: &'a [Counted],
    /// For asked events, adoptions and recorded outcomes: what was answered to the key before.
    pub answered: Option<Answered>,
    /// For told events: whether this very message was applied before.
    pub heard: Heard,
    /// For asked events: what the verdict's limits have counted so far, in the verdict's order.
    pub uses: &'a [LimitUse],
}

/// Whether a told message came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// For the first time.
    First,
    /// Before: it is not applied again.
    Again,
}
