//! Rows that no request can come to, because rows before them take all that they are about: one alone, or several together.

use crate::authorization::{AuthorizationKind, AuthorizationRequest, EntryMode};
use crate::ids::RuleId;
use crate::merchant::MerchantCategoryCode;
use crate::money::Money;
use crate::rules::{AmountRange, KindSet, MccSet, When};

use super::conditions::{AgeRange, Conditions};
use super::examples::example_of;
use super::policy::{Row, StandInPolicy};

/// The highest merchant category code.
const MCC_MAX: u16 = 9_999;

/// A row that decides nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Unreachable {
    /// Which.
    pub row: RuleId,
    /// The rows before it that take everything: one, or several together.
    pub behind: Vec<RuleId>,
    /// An authorization that it is about, which one of those decides.
    pub example: Option<AuthorizationRequest>,
}

/// Every row of which earlier rows take everything. Rows that share it by kind, entry mode, category and amount are looked at
/// together; what they share by anything else is not found.
#[must_use]
pub fn unreachable_rows(policy: &StandInPolicy) -> Vec<Unreachable> {
    let behind = |(index, row): (usize, &Row)| {
        let earlier = || policy.rows().iter().take(index);
        let alone = earlier().find(|earlier| takes_all_of(earlier, row)).map(|earlier| vec![earlier.id()]);
        let behind = alone.or_else(|| together(earlier().filter(|earlier| may_share(earlier, row)).collect(), row))?;
        Some(Unreachable { row: row.id(), behind, example: example_of(policy, row) })
    };
    policy.rows().iter().enumerate().filter_map(behind).collect()
}

fn takes_all_of(earlier: &Row, row: &Row) -> bool {
    !lets_pass(earlier, row, earlier.conditions()) && follows(row.conditions(), earlier.conditions())
}

/// A row that declines applies to what is not known; one that approves then lets it pass.
fn lets_pass(earlier: &Row, row: &Row, asks: &Conditions) -> bool {
    earlier.approves() && !row.approves() && !asks.asks_only_what_is_told()
}

/// Whether an earlier row takes everything of a row that has the right kind, entry mode, category and amount.
fn may_share(earlier: &Row, row: &Row) -> bool {
    let without = |conditions: &Conditions| {
        let when = When { kinds: None, entry_modes: None, mcc: None, ..conditions.when.clone() };
        Conditions { when, amount: None, ..conditions.clone() }
    };
    let (narrow, wide) = (without(row.conditions()), without(earlier.conditions()));
    !lets_pass(earlier, row, &wide) && follows(&narrow, &wide)
}

/// Which rows take a row's kinds, entry modes, categories and amounts between them, if they take all of them.
fn together(earlier: Vec<&Row>, row: &Row) -> Option<Vec<RuleId>> {
    if earlier.len() < 2 {
        return None;
    }
    let when = &row.conditions().when;
    let kinds = AuthorizationKind::ALL.into_iter().filter(|kind| when.kinds.is_none_or(|kinds| kinds.contains(*kind)));
    // One that declines is also about what is not told.
    let untold = |mode: EntryMode| mode == EntryMode::Unknown && !row.approves();
    let has = |mode: EntryMode| when.entry_modes.is_none_or(|modes| modes.contains(mode));
    let modes: Vec<_> = EntryMode::ALL.into_iter().filter(|mode| has(*mode) || untold(*mode)).collect();
    let categories = categories(&earlier, row);
    let mut taking: Vec<RuleId> = Vec::new();
    for kind in kinds {
        for mode in &modes {
            for category in &categories {
                let takes = |earlier: &&&Row| is_about(earlier, kind, *mode, *category);
                covering(earlier.iter().filter(takes).copied(), row, &mut taking)?;
            }
        }
    }
    Some(earlier.into_iter().map(Row::id).filter(|id| taking.contains(id)).collect())
}

fn is_about(row: &Row, kind: AuthorizationKind, mode: EntryMode, category: Option<MerchantCategoryCode>) -> bool {
    let When { kinds, entry_modes, mcc, .. } = &row.conditions().when;
    kinds.is_none_or(|kinds| kinds.contains(kind))
        && entry_modes.is_none_or(|modes| modes.contains(mode))
        && mcc.as_ref().is_none_or(|set| category.is_some_and(|category| set.contains(category)))
}

/// One category of each kind that rows tell apart, and none where the row is also about what is not told.
fn categories(earlier: &[&Row], row: &Row) -> Vec<Option<MerchantCategoryCode>> {
    let own = row.conditions().when.mcc.as_ref();
    let sets: Vec<&MccSet> = earlier.iter().filter_map(|row| row.conditions().when.mcc.as_ref()).collect();
    let (mut chosen, mut seen): (Vec<_>, Vec<Vec<bool>>) = (Vec::new(), Vec::new());
    for code in (0..=MCC_MAX).filter_map(MerchantCategoryCode::from_number) {
        let on = sets.iter().map(|set| set.contains(code)).collect();
        if own.is_none_or(|own| own.contains(code)) && !seen.contains(&on) {
            seen.push(on);
            chosen.push(Some(code));
        }
    }
    if own.is_none() || !row.approves() {
        chosen.push(None);
    }
    chosen
}

/// Goes through a row's amounts from below, each time with the row that reaches highest; nothing if an amount is left.
fn covering<'a>(rows: impl Iterator<Item = &'a Row>, row: &Row, taking: &mut Vec<RuleId>) -> Option<()> {
    let (mut from, to) = ends(row.conditions().amount.as_ref());
    let rows: Vec<_> = rows.map(|row| (ends(row.conditions().amount.as_ref()), row.id())).collect();
    loop {
        let reaching = rows.iter().filter(|((least, most), _)| *least <= from && *most >= from);
        let ((_, most), id) = reaching.max_by_key(|((_, most), _)| *most)?;
        if !taking.contains(id) {
            taking.push(*id);
        }
        if *most >= to {
            return Some(());
        }
        from = most.saturating_add(1);
    }
}

fn ends(range: Option<&AmountRange>) -> (i64, i64) {
    let end = |end: Option<Money>, otherwise| end.map_or(otherwise, Money::minor);
    range.map_or((i64::MIN, i64::MAX), |range| (end(range.min(), i64::MIN), end(range.max(), i64::MAX)))
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
    let minor = |end: Option<Money>| end.map(Money::minor);
    implied(minor(narrow.min()), minor(wide.min()), |narrow, wide| narrow >= wide)
        && implied(minor(narrow.max()), minor(wide.max()), |narrow, wide| narrow <= wide)
}

fn ages_within(narrow: AgeRange, wide: AgeRange) -> bool {
    implied(narrow.seconds_min, wide.seconds_min, |narrow, wide| narrow >= wide)
        && implied(narrow.seconds_max, wide.seconds_max, |narrow, wide| narrow <= wide)
}
