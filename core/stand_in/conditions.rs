//! Under which conditions a row applies. They hold, fail, or cannot be told because a datum is not known.

use crate::authorization::{CrossBorder, EntryMode};
use crate::money::Money;
use crate::rules::{AmountRange, Facts, Hours, When};
use crate::time::Timestamp;

use super::snapshot::{Acquaintance, Sight, Snapshot};

/// Conditions of a row: every one that is written has to hold. Without any, a row is about everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Those that rules have too: kind, posting, entry mode, wallet, border, merchant category and country, network.
    pub when: When,
    /// Only amounts from one to another, both included.
    pub amount: Option<AmountRange>,
    /// Only what the last known balance covers, less what stand-in has approved for the account and the ledger has not
    /// confirmed; a balance older than so many seconds counts as none.
    pub balance_age_seconds_max: Option<u32>,
    /// Only cards that have been known for so long.
    pub card_age: Option<AgeRange>,
    /// Only cards whose status was known at most so many seconds ago.
    pub status_age_seconds_max: Option<u32>,
    /// Only merchants that the card has paid before, or only others.
    pub merchant_known: Option<bool>,
    /// Only cards for which something was approved before, or only others.
    pub card_used: Option<bool>,
    /// Only at these hours.
    pub hours: Option<Hours>,
}

/// An age in seconds, both ends included; one of them may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgeRange {
    /// At least so old.
    pub seconds_min: Option<u32>,
    /// At most so old.
    pub seconds_max: Option<u32>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It does not.
    Fails,
    /// What it asks about is not known.
    NotKnown,
    /// It does.
    Holds,
}

impl From<bool> for Fit {
    fn from(holds: bool) -> Self {
        if holds { Fit::Holds } else { Fit::Fails }
    }
}

impl Conditions {
    /// Whether all of them hold. One that fails decides; one that is not known leaves it open.
    pub(super) fn fit(&self, facts: &Facts<'_>, snapshot: &Snapshot) -> Fit {
        if !self.of_what_is_told(facts) {
            return Fit::Fails;
        }
        // What fails most often first: most rows are about something else.
        let may_be_told = self.of_what_may_be_told(facts);
        if may_be_told == Fit::Fails { Fit::Fails } else { may_be_told.min(self.of_snapshot(facts, snapshot)) }
    }

    /// What every request tells.
    fn of_what_is_told(&self, facts: &Facts<'_>) -> bool {
        let (request, when) = (facts.request, &self.when);
        when.kinds.is_none_or(|kinds| kinds.contains(request.kind))
            && self.amount.is_none_or(|range| range.refusal(request.amount).is_none())
            && when.posting.is_none_or(|posting| posting == request.posting)
            && when.wallet.is_none_or(|wallet| wallet == request.wallet)
            && self.hours.as_ref().is_none_or(|hours| !hours.refuse(facts.now))
    }

    /// What a request may tell.
    fn of_what_may_be_told(&self, facts: &Facts<'_>) -> Fit {
        let (request, merchant, when) = (facts.request, &facts.request.merchant, &self.when);
        let mut fit = when.mcc.as_ref().map_or(Fit::Holds, |set| listed(merchant.mcc, |mcc| set.contains(mcc)));
        if let Some(modes) = when.entry_modes {
            // Listed, it is what the row asks for.
            fit = fit.min(match (modes.contains(request.entry_mode), request.entry_mode) {
                (false, EntryMode::Unknown) => Fit::NotKnown,
                (listed, _) => Fit::from(listed),
            });
        }
        if let Some(border) = when.border {
            fit = fit.min(match facts.border {
                CrossBorder::NotTold => Fit::NotKnown,
                known @ (CrossBorder::No | CrossBorder::Yes) => Fit::from(known == border),
            });
        }
        if let Some(set) = &when.countries {
            fit = fit.min(listed(merchant.country, |country| set.contains(&country)));
        }
        if let Some(set) = &when.networks {
            fit = fit.min(listed(request.network, |network| set.contains(&network)));
        }
        for condition in &when.checkout {
            fit = fit.min(condition.holds(request).map_or(Fit::NotKnown, Fit::from));
        }
        fit
    }

    /// What has to be known around it.
    fn of_snapshot(&self, facts: &Facts<'_>, snapshot: &Snapshot) -> Fit {
        let card = match &snapshot.card {
            Sight::Seen(card) => Some(card),
            Sight::NotSeen | Sight::Absent => None,
        };
        let mut fit = Fit::Holds;
        if let Some(range) = self.card_age {
            fit = fit.min(card.and_then(|card| card.since).map_or(Fit::NotKnown, |since| range.fit(since, facts.now)));
        }
        if let Some(max) = self.status_age_seconds_max {
            // An old word on the status is no word.
            let is_known = card.is_some_and(|card| is_younger(card.as_of, facts.now, max));
            fit = fit.min(if is_known { Fit::Holds } else { Fit::NotKnown });
        }
        if let Some(known) = self.merchant_known {
            fit = fit.min(acquainted(snapshot.merchant, known));
        }
        if let Some(used) = self.card_used {
            fit = fit.min(acquainted(card.map_or(Acquaintance::NotKnown, |card| card.used), used));
        }
        if let Some(max) = self.balance_age_seconds_max {
            fit = fit.min(match &snapshot.account {
                Sight::Seen(account) if is_younger(account.as_of, facts.now, max) => {
                    Fit::from(covers(account.available, facts.request.amount))
                }
                Sight::Seen(_) | Sight::NotSeen | Sight::Absent => Fit::NotKnown,
            });
        }
        fit
    }

    /// Whether everything that it asks about is always known.
    pub(super) fn asks_only_what_is_told(&self) -> bool {
        let When { kinds: _, posting: _, entry_modes, wallet: _, border, mcc, countries, networks, checkout } = &self.when;
        border.is_none()
            && entry_modes.is_none_or(|modes| modes.contains(EntryMode::Unknown))
            && mcc.is_none()
            && countries.is_none()
            && networks.is_none()
            && checkout.is_empty()
            && self.balance_age_seconds_max.is_none()
            && self.card_age.is_none()
            && self.status_age_seconds_max.is_none()
            && self.merchant_known.is_none()
            && self.card_used.is_none()
    }
}

impl AgeRange {
    fn fit(self, since: Timestamp, now: Timestamp) -> Fit {
        let seconds = now.saturating_since(since).as_secs();
        let from = self.seconds_min.is_none_or(|min| seconds >= u64::from(min));
        let to = self.seconds_max.is_none_or(|max| seconds <= u64::from(max));
        Fit::from(from && to)
    }
}

/// Whether a moment is at most so many seconds ago; one that is to come is.
fn is_younger(moment: Timestamp, now: Timestamp, seconds_max: u32) -> bool {
    now.saturating_since(moment) <= std::time::Duration::from_secs(u64::from(seconds_max))
}

fn covers(available: Money, amount: Money) -> bool {
    available.currency() == amount.currency() && available.minor() >= amount.minor()
}

fn listed<T>(datum: Option<T>, contains: impl FnOnce(T) -> bool) -> Fit {
    datum.map_or(Fit::NotKnown, |datum| Fit::from(contains(datum)))
}

fn acquainted(acquaintance: Acquaintance, wanted: bool) -> Fit {
    match acquaintance {
        Acquaintance::Known => Fit::from(wanted),
        Acquaintance::New => Fit::from(!wanted),
        Acquaintance::NotKnown => Fit::NotKnown,
    }
}
