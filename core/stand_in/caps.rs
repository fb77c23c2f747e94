//! What stand-in may approve at most: for a card, for an account, and for the program as a whole.
//!
//! Caps count approved amounts of the kinds that take money; an increment counts no transaction of its own. Verifications,
//! credits and balance inquiries count nowhere.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::RuleId;
use crate::money::Money;
use crate::rules::{LimitScope, Zone};
use crate::time::Timestamp;

/// The name under which the exposure cap stands in decisions; no other cap has it.
pub const EXPOSURE: &str = "exposure";

/// The longest window of a cap, in seconds: 31 days. What was told is remembered for that long.
pub const CAP_SECONDS_MAX: u32 = 31 * 86_400;

/// The caps of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caps {
    /// The most money of the program that may be approved and not yet confirmed by the ledger, on all of its platforms together.
    /// Nothing that approves loads without it.
    pub exposure_max: Option<Money>,
    /// Further ones, in the order in which they are asked.
    pub caps: Vec<Cap>,
}

/// One cap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    /// Its name: what decisions, metrics and commands call it.
    pub id: RuleId,
    /// What its author says about it.
    pub description: Option<Box<str>>,
    /// Whose answers it counts together.
    pub scope: LimitScope,
    /// Which of them.
    pub window: CapWindow,
    /// The most money.
    pub amount_max: Option<Money>,
    /// The most transactions.
    pub count_max: Option<u32>,
}

/// Which answers a cap counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapWindow {
    /// Those of the calendar day in a zone, whether the ledger has confirmed them or not.
    Day(Arc<Zone>),
    /// Those of the last so many seconds, whether the ledger has confirmed them or not.
    Last(u32),
    /// Those that the ledger has not confirmed, however old.
    Unconfirmed,
}

impl CapWindow {
    /// The first moment that counts now; `None` where it is not time that decides.
    pub(super) fn since(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            CapWindow::Day(zone) => Some(zone.day_start(now)),
            CapWindow::Last(seconds) => {
                let edge = now.saturating_sub(Duration::from_secs(u64::from(*seconds)));
                // What is exactly as old as the window is long is out of it.
                Some(edge.saturating_add(Duration::from_micros(1)))
            }
            CapWindow::Unconfirmed => None,
        }
    }
}

/// A responder's share of every cap: one of so many equal ones, rounded down, so that all of them together never pass it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(NonZeroU32);

impl Share {
    /// All of it: there is one responder.
    pub const WHOLE: Share = Share(NonZeroU32::MIN);

    /// One of so many equal shares.
    #[must_use]
    pub const fn one_of(responders: NonZeroU32) -> Self {
        Share(responders)
    }

    pub(super) fn of_amount(self, amount: i64) -> i64 {
        amount.checked_div(i64::from(self.0.get())).unwrap_or(0)
    }

    pub(super) const fn of_count(self, count: u32) -> u32 {
        match count.checked_div(self.0.get()) {
            Some(part) => part,
            None => 0,
        }
    }
}
