//! What stand-in approved under agents' authorities and the ledger has yet to hear: it counts in their budgets, counts and intents, on top
//! of what the ledger was last seen to have counted. Caps bound what an outage puts at risk; a budget is bounded here.
//!
//! Where what was spent is not to be seen (a shared ledger's counters while its database is away; a ledger that starts), no budget is taken
//! as unspent: nothing is approved under one.

use std::collections::HashMap;

use holdfast_core::agent::Weight;
use holdfast_core::hold::LimitUse;
use holdfast_core::rules::{CounterKey, Enforcement, LimitCheck, LimitScope, Verdict, Window};
use holdfast_core::stand_in::ToldName;
use holdfast_core::{AuthorizationKind, AuthorizationRequest, DeclineReason};
use smallvec::SmallVec;

use crate::ledger::Counted;

/// What stand-in approved and the ledger has not heard, in the limits where it counts.
#[derive(Debug, Default)]
pub struct Budgets {
    told: HashMap<ToldName, SmallVec<[Place; 4]>>,
    /// The same by counter, a sum for each window: a question is asked about a counter, and an outage may be long.
    sums: HashMap<CounterKey, Vec<(Window, LimitUse)>>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    counter: CounterKey,
    window: Window,
    used: LimitUse,
}

/// A question, as budgets see it.
#[derive(Debug, Clone, Copy)]
pub struct Spending<'a> {
    /// The limits that it would count in.
    pub limits: &'a [LimitCheck],
    /// What the ledger was last seen to have counted in them.
    pub seen: &'a Counted,
    /// Whether an approval moves anything.
    pub weight: Weight,
}

impl<'a> Spending<'a> {
    /// Of an opinion; one that declines counts nowhere.
    #[must_use]
    pub fn of(verdict: Option<&'a Verdict>, seen: &'a Counted, weight: Weight) -> Self {
        let limits = match verdict {
            Some(Verdict::Proceed(proceed)) => proceed.limits.as_slice(),
            Some(Verdict::Decline { .. }) | None => &[],
        };
        Spending { limits, seen, weight }
    }

    /// The limits that are an authority's own, with what was seen of them.
    fn own(&self) -> impl Iterator<Item = (&'a LimitCheck, LimitUse)> {
        let (limits, seen) = (self.limits, self.seen);
        let seen = move |place: usize| match seen {
            Counted::Seen(uses) => uses.get(place).copied().unwrap_or_default(),
            Counted::Never | Counted::Busy => LimitUse::default(),
        };
        let own = limits.iter().enumerate().filter(|(_, check)| is_own(check));
        own.map(move |(place, check)| (check, seen(place)))
    }
}

/// Whether a limit is an authority's or an intent's, and declines.
pub(super) fn is_own(check: &LimitCheck) -> bool {
    let decides = check.enforcement == Enforcement::Enforce && (check.amount_max.is_some() || check.count_max.is_some());
    decides && matches!(check.scope, LimitScope::Authority | LimitScope::Intent)
}

/// What an approval of so much counts.
fn counts(request: &AuthorizationRequest, amount: i64) -> LimitUse {
    // What is added to a payment is no other one.
    LimitUse { amount, count: u32::from(request.kind != AuthorizationKind::Incremental) }
}

impl Budgets {
    /// Why an approval may not be: a limit that it would pass, or one of which it is not known what was spent.
    #[must_use]
    pub fn objection(
        &self,
        name: &ToldName,
        request: &AuthorizationRequest,
        amount: i64,
        spending: &Spending<'_>,
    ) -> Option<DeclineReason> {
        if self.told.contains_key(name) || !request.kind.takes_money() && request.kind != AuthorizationKind::Incremental {
            return None;
        }
        let LimitUse { amount, count } = counts(request, amount);
        match spending.seen {
            Counted::Seen(_) => {}
            Counted::Busy | Counted::Never => return spending.own().next().map(|_| DeclineReason::LedgerUnavailable),
        }
        spending.own().find_map(|(check, seen)| {
            let told = self.told_in(check);
            let used = LimitUse { amount: seen.amount.saturating_add(told.amount), count: seen.count.saturating_add(told.count) };
            used.passes(check, amount, count)
        })
    }

    fn told_in(&self, check: &LimitCheck) -> LimitUse {
        let of_counter = self.sums.get(&check.counter).into_iter().flatten();
        let same = of_counter.filter(|(window, _)| counts_in(*window, check.window));
        same.fold(LimitUse::default(), |sum, (_, used)| LimitUse {
            amount: sum.amount.saturating_add(used.amount),
            count: sum.count.saturating_add(used.count),
        })
    }

    fn add(&mut self, place: &Place) {
        let windows = self.sums.entry(place.counter).or_default();
        let Some((_, sum)) = windows.iter_mut().find(|(window, _)| *window == place.window) else {
            windows.push((place.window, place.used));
            return;
        };
        sum.amount = sum.amount.saturating_add(place.used.amount);
        sum.count = sum.count.saturating_add(place.used.count);
    }

    fn take_away(&mut self, place: &Place) {
        let Some(windows) = self.sums.get_mut(&place.counter) else { return };
        if let Some((_, sum)) = windows.iter_mut().find(|(window, _)| *window == place.window) {
            sum.amount = sum.amount.saturating_sub(place.used.amount);
            sum.count = sum.count.saturating_sub(place.used.count);
        }
        windows.retain(|(_, sum)| *sum != LimitUse::default());
        if windows.is_empty() {
            self.sums.remove(&place.counter);
        }
    }

    /// An approval is told.
    pub fn take(&mut self, name: ToldName, request: &AuthorizationRequest, amount: i64, spending: &Spending<'_>) {
        if spending.weight == Weight::Preview {
            return;
        }
        let used = counts(request, amount);
        let place = |(check, _): (&LimitCheck, LimitUse)| Place { counter: check.counter, window: check.window, used };
        let places: SmallVec<[Place; 4]> = spending.own().map(place).collect();
        if places.is_empty() {
            return;
        }
        // Told once more, it is the same.
        self.is_heard(&name);
        places.iter().for_each(|place| self.add(place));
        self.told.insert(name, places);
    }

    /// The ledger has heard it, or it was not told after all.
    pub fn is_heard(&mut self, name: &ToldName) {
        for place in self.told.remove(name).into_iter().flatten() {
            self.take_away(&place);
        }
    }
}

/// Whether what was counted in a window counts in the one that is open.
fn counts_in(counted: Window, open: Window) -> bool {
    match (counted, open) {
        (Window::Rolling { bucket: counted, .. }, Window::Rolling { bucket, buckets }) => {
            counted > bucket.saturating_sub(i64::from(buckets))
        }
        // A window that began earlier is closed.
        (Window::Since(counted), Window::Since(open)) => counted >= open,
        (Window::Lifetime, Window::Lifetime) => true,
        (Window::Since(_) | Window::Rolling { .. } | Window::Lifetime, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::{IdempotencyKey, PlatformName, RuleId};

    use super::*;
    use crate::fixture::purchase;

    fn budget() -> LimitCheck {
        LimitCheck {
            limit: RuleId::new("budget").unwrap(),
            counter: CounterKey(7),
            scope: LimitScope::Authority,
            window: Window::Lifetime,
            amount_max: Some(100),
            count_max: Some(3),
            enforcement: Enforcement::Enforce,
        }
    }

    fn name(key: &str) -> ToldName {
        ToldName::of(&PlatformName::new("marqeta").unwrap(), &IdempotencyKey::new(key).unwrap())
    }

    #[test]
    fn what_was_told_counts_on_top_of_what_was_seen_until_it_is_heard() {
        let mut budgets = Budgets::default();
        let limits = [budget()];
        let seen = Counted::Seen(vec![LimitUse { amount: 50, count: 1 }]);
        let spending = Spending { limits: &limits, seen: &seen, weight: Weight::Moves };
        let ask = |budgets: &Budgets, key: &str, amount: i64, spending: &Spending<'_>| {
            budgets.objection(&name(key), &purchase(key, amount), amount, spending)
        };
        assert_eq!(ask(&budgets, "1", 51, &spending), Some(DeclineReason::PolicyLimitReached));
        assert_eq!(ask(&budgets, "1", 30, &spending), None);
        budgets.take(name("1"), &purchase("1", 30), 30, &spending);
        assert_eq!(ask(&budgets, "1", 30, &spending), None, "told again");
        assert_eq!(ask(&budgets, "2", 21, &spending), Some(DeclineReason::PolicyLimitReached));
        budgets.take(name("2"), &purchase("2", 10), 10, &spending);
        assert_eq!(
            ask(&budgets, "3", 1, &spending),
            Some(DeclineReason::PolicyLimitReached),
            "the third payment was the last one"
        );
        budgets.is_heard(&name("1"));
        budgets.is_heard(&name("2"));
        assert_eq!(ask(&budgets, "3", 50, &spending), None);
        let preview = Spending { weight: Weight::Preview, ..spending };
        budgets.take(name("4"), &purchase("4", 50), 50, &preview);
        assert_eq!(ask(&budgets, "5", 50, &spending), None, "what moves nothing counts nothing");
        // Told twice it counts once, and nothing stays of what was heard.
        (0..2).for_each(|_| budgets.take(name("6"), &purchase("6", 40), 40, &spending));
        assert_eq!(ask(&budgets, "7", 11, &spending), Some(DeclineReason::PolicyLimitReached));
        assert_eq!(ask(&budgets, "7", 10, &spending), None);
        budgets.is_heard(&name("6"));
        assert!(budgets.told.is_empty() && budgets.sums.is_empty());
    }

    #[test]
    fn what_cannot_be_seen_is_not_taken_as_unspent() {
        let limits = [budget()];
        let ask = |limits: &[LimitCheck], seen: &Counted| {
            let spending = Spending { limits, seen, weight: Weight::Moves };
            Budgets::default().objection(&name("1"), &purchase("1", 1), 1, &spending)
        };
        for seen in [Counted::Busy, Counted::Never] {
            assert_eq!(ask(&limits, &seen), Some(DeclineReason::LedgerUnavailable));
            let of_card = [LimitCheck { scope: LimitScope::Card, ..budget() }];
            assert_eq!(ask(&of_card, &seen), None, "caps bound what is no authority's");
        }
    }
}
