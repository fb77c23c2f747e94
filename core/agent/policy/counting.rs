//! What a policy counts: each thing over each time once. Where a template limits the same twice, both maxima hold, which is to say the lower
//! one; a second counter would begin at nothing, and give back what the first has counted once the two change places.

use crate::money::Money;
use crate::rules::{KindSet, Limit, LimitScope, LimitWindow, Ways, When};

use super::names::{free_id, limit_name};

/// The most that may be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maximum {
    /// Money, all of it of one currency.
    Amount(Money),
    /// Payments.
    Count(u32),
}

impl Maximum {
    /// What two of them leave.
    fn and(self, other: Maximum) -> Maximum {
        match (self, other) {
            (Maximum::Amount(one), Maximum::Amount(other)) if other.minor() < one.minor() => Maximum::Amount(other),
            (Maximum::Count(one), Maximum::Count(other)) => Maximum::Count(one.min(other)),
            (Maximum::Amount(_) | Maximum::Count(_), _) => self,
        }
    }
}

/// Something that is counted over a time.
#[derive(Debug)]
pub(super) struct Counting {
    name: String,
    window: LimitWindow,
    maximum: Maximum,
}

impl Counting {
    pub(super) fn new(what: &str, window: LimitWindow, maximum: Maximum) -> Self {
        Counting { name: limit_name(what, &window), window, maximum }
    }

    /// Takes up another one that counts the same; whether it does.
    pub(super) fn take_up(&mut self, other: &Counting) -> bool {
        let same = self.name == other.name;
        if same {
            self.maximum = self.maximum.and(other.maximum);
        }
        same
    }

    /// Whether it is money that is counted.
    pub(super) const fn is_on_amounts(&self) -> bool {
        matches!(self.maximum, Maximum::Amount(_))
    }

    /// As a limit of one authority, on some of several ways or whatever way is taken. It counts payments only: a check of a card before one
    /// must not use it up.
    pub(super) fn limit(self, authority: &str, ways: Option<Ways>) -> Option<Limit> {
        let payments = When { kinds: Some(KindSet::TAKING_MONEY), ..When::default() };
        let limit = Limit::new(free_id(&self.name, &[])?, LimitScope::Authority, self.window);
        let limit = limit.when(payments).counting_for(authority);
        let limit = if ways.is_some() { limit.on_one_of_several_ways() } else { limit };
        Some(match self.maximum {
            Maximum::Amount(most) => limit.amount_max(most),
            Maximum::Count(most) => limit.count_max(most),
        })
    }
}
