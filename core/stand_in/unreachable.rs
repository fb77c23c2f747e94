//! Rows that no request can come to, because one row before them takes all that they are about.

use crate::ids::RuleId;
use crate::rules::{AmountRange, KindSet, When};

use super::conditions::{AgeRange, Conditions};
use super::policy::{Row, StandInPolicy};

/// A row that decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable {
    /// Which.
    pub row: RuleId,
    /// The row before it that takes everything.
    pub behind: RuleId,
}

/// Every row of which one earlier row takes everything. Rows that only several earlier ones take together are not found.
#[must_use]
pub fn unreachable_rows(policy: &StandInPolicy) -> Vec<Unreachable> {
    let behind = |(index, row): (usize, &Row)| {
        let earlier = policy.rows().iter().take(index).find(|earlier| takes_all_of(earlier, row))?;
        Some(Unreachable { row: row.id(), behind: earlier.id() })
    };
    policy.rows().iter().enumerate().filter_map(behind).collect()
}

fn takes_all_of(earlier: &Row, row: &Row) -> bool {
    // A row that declines applies to what is not known; one that approves then lets it pass.
    let lets_pass = earlier.approves() && !row.approves() && !earlier.conditions().asks_only_what_is_told();
    !lets_pass && follows(row.conditions(), earlier.conditions())
}

/// Whether everything that the first conditions let through, the second ones do too.
fn follows(narrow: &Conditions, wide: &Conditions) -> bool {
    when_follows(&narrow.when, &wide.when)
        && implied(narrow.amount.as_ref(), wide.amount.as_ref(), amounts_within)
        && implied(narrow.balance_age_seconds_max, wide.balance_age_seconds_max, |narrow, wide| narrow <= wide)
        && implied(narrow.status_age_seconds_max, wide.status_age_seconds_max, |narrow, wide| narrow <= wide)
        && implied(narrow.card_age, wide.card_age, ages_within)
        && implied(narrow.merchant_known, wide.merchant_known, |narrow, wide| narrow == wide)
        && implied(narrow.card_used, wide.card_used, |narrow, wide| narrow == wide)
        && implied(narrow.hours.as_ref(), wide.hours.as_ref(), |narrow, wide| narrow == wide)
}

fn when_follows(narrow: &When, wide: &When) -> bool {
    let When { kinds, posting, entry_modes, wallet, border, mcc, countries, networks, checkout } = wide;
    let kinds = kinds.unwrap_or(KindSet::ALL).covers(narrow.kinds.unwrap_or(KindSet::ALL));
    kinds
        && implied(narrow.posting, *posting, |narrow, wide| narrow == wide)
        && implied(narrow.entry_modes, *entry_modes, |narrow, wide| wide.covers(narrow))
        && implied(narrow.wallet, *wallet, |narrow, wide| narrow == wide)
        && implied(narrow.border, *border, |narrow, wide| narrow == wide)
        && implied(narrow.mcc.as_ref(), mcc.as_ref(), |narrow, wide| wide.covers(narrow))
        && implied(narrow.countries.as_ref(), countries.as_ref(), |narrow, wide| {
            narrow.iter().all(|country| wide.contains(country))
        })
        && implied(narrow.networks.as_ref(), networks.as_ref(), |narrow, wide| {
            narrow.iter().all(|network| wide.contains(network))
        })
        && checkout.iter().all(|condition| narrow.checkout.contains(condition))
}

/// A condition that is not written holds always.
fn implied<T>(narrow: Option<T>, wide: Option<T>, within: impl FnOnce(T, T) -> bool) -> bool {
    match (narrow, wide) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(narrow), Some(wide)) => within(narrow, wide),
    }
}

fn amounts_within(narrow: &AmountRange, wide: &AmountRange) -> bool {
    let minor = |end: Option<crate::money::Money>| end.map(crate::money::Money::minor);
    implied(minor(narrow.min()), minor(wide.min()), |narrow, wide| narrow >= wide)
        && implied(minor(narrow.max()), minor(wide.max()), |narrow, wide| narrow <= wide)
}

fn ages_within(narrow: AgeRange, wide: AgeRange) -> bool {
    implied(narrow.seconds_min, wide.seconds_min, |narrow, wide| narrow >= wide)
        && implied(narrow.seconds_max, wide.seconds_max, |narrow, wide| narrow <= wide)
}
