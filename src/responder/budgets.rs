//! What stand-in approved under agents' authorities and the ledger has yet to hear: it counts in their budgets, counts and intents, on top
//! of what the ledger was last seen to have counted. Caps bound what an outage puts at risk; a budget is bounded here.
//!
//! Where what was spent is not to be seen (a shared ledger's counters while its database is away; a ledger that starts), no budget is taken
//! as unspent: nothing is approved under one.
//!
//! Where a policy leaves several ways open, the first of them that has room is taken, as by the ledger, and what is approved counts on that
//! way alone.
//!
//! A payment about which a processor and its platform ask, each at its own door, is one, and counts once where both
//! name the same card, as in the ledger.

use std::collections::HashMap;

use holdfast_core::agent::Weight;
use holdfast_core::hold::LimitUse;
use holdfast_core::rules::{CounterKey, Enforcement, LimitCheck, LimitScope, Verdict, Way, Ways, Window, common_reason};
use holdfast_core::stand_in::ToldName;
use holdfast_core::{AuthorizationKind, AuthorizationRequest, CardToken, DeclineReason};
use smallvec::SmallVec;

use super::opened::{Name, names};
use crate::ledger::{Counted, Origin};

/// What stand-in approved and the ledger has not heard, in the limits where it counts.
#[derive(Debug, Default)]
pub struct Budgets {
    told: HashMap<ToldName, PaymentId>,
    payments: HashMap<PaymentId, Payment>,
    /// Those by every name that they have, and the card that pays: the other door asks about the same one. Whose account a card pays from may
    /// not be known here, so that another card of the same account, which is the same payment in the ledger, counts once more.
    opened: HashMap<Opened, PaymentId>,
    next: PaymentId,
    /// The same by counter, a sum for each window: a question is asked about a counter, and an outage may be long.
    sums: HashMap<CounterKey, Vec<(Window, LimitUse)>>,
}

/// A payment's name, and the card that pays it.
type Opened = (Name, Option<CardToken>);

/// A payment's number, of this process.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
struct PaymentId(u64);

/// What was approved of one payment, however many doors were told so.
#[derive(Debug)]
struct Payment {
    places: SmallVec<[Place; 4]>,
    amount: i64,
    names: SmallVec<[Opened; 2]>,
    /// How many answers about it the ledger has yet to hear.
    answers: u32,
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
    /// Which of several ways are open to it; none where there are not several.
    pub ways: Option<Ways>,
    /// What the ledger was last seen to have counted in them.
    pub seen: &'a Counted,
    /// Whether an approval moves anything.
    pub weight: Weight,
    /// For how much the ledger was last seen to have the payment already, in minor units.
    pub stands: i64,
}

impl<'a> Spending<'a> {
    /// Of an opinion; one that declines counts nowhere.
    #[must_use]
    pub fn of(verdict: Option<&'a Verdict>, seen: &'a Counted, weight: Weight) -> Self {
        let (limits, ways): (&[LimitCheck], _) = match verdict {
            Some(Verdict::Proceed(proceed)) => (proceed.limits.as_slice(), proceed.ways),
            Some(Verdict::Decline { .. }) | None => (&[], None),
        };
        Spending { limits, ways, seen, weight, stands: 0 }
    }

    /// The same of a payment that the ledger was last seen to have for so much.
    #[must_use]
    pub const fn of_one_that_stands(self, stands: i64) -> Self {
        Spending { stands, ..self }
    }

    /// The ways that are open, in their order; where there are not several, the one that there is.
    fn each_way(&self) -> impl Iterator<Item = Option<Way>> + use<> {
        let only = self.ways.is_none().then_some(None);
        only.into_iter().chain(self.ways.into_iter().flat_map(|ways| ways.iter().map(Some)))
    }

    /// The limits of a way that are an authority's own, with what was seen of them.
    fn own(&self, way: Option<Way>) -> impl Iterator<Item = (&'a LimitCheck, LimitUse)> {
        let (limits, seen) = (self.limits, self.seen);
        let seen = move |place: usize| match seen {
            Counted::Seen(uses) => uses.get(place).copied().unwrap_or_default(),
            Counted::Never | Counted::Busy => LimitUse::default(),
        };
        let own = limits.iter().enumerate().filter(move |(_, check)| is_own(check) && check.counts_on(way));
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
    /// The way that an approval takes: the first that has room for it; none where there are not several.
    ///
    /// # Errors
    /// Why it may not be, on any way: a limit that it would pass, or one of which it is not known what was spent.
    pub fn way(
        &self,
        name: &ToldName,
        (origin, request): (&Origin, &AuthorizationRequest),
        amount: i64,
        spending: &Spending<'_>,
    ) -> Result<Option<Way>, DeclineReason> {
        if self.told.contains_key(name)
            || self.joins(origin, request, amount, spending) != Joins::Nothing
            || !request.kind.takes_money() && request.kind != AuthorizationKind::Incremental
        {
            return Ok(spending.ways.and_then(Ways::first));
        }
        let counts = counts(request, amount);
        match spending.each_way().find(|way| self.objection(counts, spending, *way).is_none()) {
            Some(way) => Ok(way),
            None => {
                let objections = spending.each_way().filter_map(|way| self.objection(counts, spending, way));
                Err(common_reason(objections, DeclineReason::PolicyOther).unwrap_or(DeclineReason::PolicyOther))
            }
        }
    }

    /// What a way's limits have against an approval that counts so much.
    fn objection(&self, counts: LimitUse, spending: &Spending<'_>, way: Option<Way>) -> Option<DeclineReason> {
        match spending.seen {
            Counted::Seen(_) => {}
            Counted::Busy | Counted::Never => return spending.own(way).next().map(|_| DeclineReason::LedgerUnavailable),
        }
        spending.own(way).find_map(|(check, seen)| {
            let told = self.told_in(check);
            let used = LimitUse { amount: seen.amount.saturating_add(told.amount), count: seen.count.saturating_add(told.count) };
            let passes = used.passes(check, counts.amount, counts.count);
            // What is added to a payment counts none, and where its payment was counted is not known here.
            let may_be_elsewhere = counts.count == 0 && check.is_for_its_own_payments();
            passes.or(may_be_elsewhere.then(|| check.scope.count_reason()))
        })
    }

    /// What is there already of the payment that a question would open: the other door asked first, for as much.
    fn joins(&self, origin: &Origin, request: &AuthorizationRequest, amount: i64, spending: &Spending<'_>) -> Joins {
        if spending.weight == Weight::Moves || !opens(request, amount) {
            return Joins::Nothing;
        }
        let known = names(origin, &request.payment).filter_map(|name| self.opened.get(&(name, request.card)));
        let mut known = known.filter(|id| self.payments.get(id).is_some_and(|payment| payment.amount >= amount));
        match known.next() {
            Some(id) => Joins::Told(*id),
            None if spending.stands >= amount => Joins::Counted,
            None => Joins::Nothing,
        }
    }

    fn told_in(&self, check: &LimitCheck) -> LimitUse {
        let of_counter = self.sums.get(&check.counter).into_iter().flatten();
        let same = of_counter.filter(|(window, _)| counts_in(*window, check));
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

    /// An approval is told, on the way that it takes.
    pub fn take(
        &mut self,
        name: ToldName,
        (origin, request): (&Origin, &AuthorizationRequest),
        amount: i64,
        (spending, way): (&Spending<'_>, Option<Way>),
    ) {
        if spending.weight == Weight::Preview {
            return;
        }
        // Told once more, it is the same.
        self.is_heard(&name);
        match self.joins(origin, request, amount, spending) {
            Joins::Nothing => {}
            Joins::Counted => return,
            Joins::Told(id) => {
                if let Some(payment) = self.payments.get_mut(&id) {
                    payment.answers = payment.answers.saturating_add(1);
                }
                self.told.insert(name, id);
                return;
            }
        }
        let used = counts(request, amount);
        let place = |(check, _): (&LimitCheck, LimitUse)| Place { counter: check.counter, window: check.window, used };
        let places: SmallVec<[Place; 4]> = spending.own(way).map(place).collect();
        if places.is_empty() {
            return;
        }
        places.iter().for_each(|place| self.add(place));
        let id = self.next;
        self.next = PaymentId(id.0.wrapping_add(1));
        let opened = names(origin, &request.payment).filter(|_| opens(request, amount));
        let names: SmallVec<[Opened; 2]> = opened.map(|name| (name, request.card)).collect();
        // What was opened for less under the same name counts on, and is looked for no more.
        self.opened.extend(names.iter().map(|name| (*name, id)));
        self.payments.insert(id, Payment { places, amount, names, answers: 1 });
        self.told.insert(name, id);
    }

    /// The ledger has heard it, or it was not told after all.
    pub fn is_heard(&mut self, name: &ToldName) {
        let Some(id) = self.told.remove(name) else { return };
        let Some(payment) = self.payments.get_mut(&id) else { return };
        payment.answers = payment.answers.saturating_sub(1);
        if payment.answers > 0 {
            // The other door's answer is about the same money.
            return;
        }
        let Some(payment) = self.payments.remove(&id) else { return };
        payment.places.iter().for_each(|place| self.take_away(place));
        for name in &payment.names {
            if self.opened.get(name) == Some(&id) {
                self.opened.remove(name);
            }
        }
    }
}

/// What a question is about that two doors may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joins {
    /// A payment of its own, or one that was opened for less.
    Nothing,
    /// One that stand-in approved.
    Told(PaymentId),
    /// One that the ledger has counted.
    Counted,
}

/// Whether a question opens a payment, about which the other door may ask as well.
fn opens(request: &AuthorizationRequest, amount: i64) -> bool {
    request.kind.takes_money() && amount > 0
}

/// Whether what was counted in a window counts in the one that is open.
fn counts_in(counted: Window, check: &LimitCheck) -> bool {
    match (counted, check.window) {
        (Window::Rolling { bucket: counted, .. }, Window::Rolling { bucket, buckets }) => {
            counted > bucket.saturating_sub(i64::from(buckets))
        }
        // A window that began earlier is closed, unless the calendar was moved.
        (Window::Since(counted), Window::Since(open)) => counted >= open || check.still.has(counted),
        (Window::Lifetime, Window::Lifetime) => true,
        (Window::Since(_) | Window::Rolling { .. } | Window::Lifetime, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::rules::StillOpen;
    use holdfast_core::{IdempotencyKey, PaymentRef, PlatformName, RuleId};

    use super::*;
    use crate::fixture::{origin, purchase};

    fn budget() -> LimitCheck {
        LimitCheck {
            limit: RuleId::new("budget").unwrap(),
            counter: CounterKey(7),
            scope: LimitScope::Authority,
            window: Window::Lifetime,
            amount_max: Some(100),
            count_max: Some(3),
            enforcement: Enforcement::Enforce,
            still: StillOpen::default(),
            ways: None,
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
        let spending = Spending { limits: &limits, ways: None, seen: &seen, weight: Weight::Moves, stands: 0 };
        let ask = |budgets: &Budgets, key: &str, amount: i64, spending: &Spending<'_>| {
            budgets.way(&name(key), (&origin(), &purchase(key, amount)), amount, spending).err()
        };
        assert_eq!(ask(&budgets, "1", 51, &spending), Some(DeclineReason::PolicyLimitReached));
        assert_eq!(ask(&budgets, "1", 30, &spending), None);
        budgets.take(name("1"), (&origin(), &purchase("1", 30)), 30, (&spending, None));
        assert_eq!(ask(&budgets, "1", 30, &spending), None, "told again");
        assert_eq!(ask(&budgets, "2", 21, &spending), Some(DeclineReason::PolicyLimitReached));
        budgets.take(name("2"), (&origin(), &purchase("2", 10)), 10, (&spending, None));
        assert_eq!(
            ask(&budgets, "3", 1, &spending),
            Some(DeclineReason::PolicyLimitReached),
            "the third payment was the last one"
        );
        budgets.is_heard(&name("1"));
        budgets.is_heard(&name("2"));
        assert_eq!(ask(&budgets, "3", 50, &spending), None);
        let preview = Spending { weight: Weight::Preview, ..spending };
        budgets.take(name("4"), (&origin(), &purchase("4", 50)), 50, (&preview, None));
        assert_eq!(ask(&budgets, "5", 50, &spending), None, "what moves nothing counts nothing");
        // Told twice it counts once, and nothing stays of what was heard.
        (0..2).for_each(|_| budgets.take(name("6"), (&origin(), &purchase("6", 40)), 40, (&spending, None)));
        assert_eq!(ask(&budgets, "7", 11, &spending), Some(DeclineReason::PolicyLimitReached));
        assert_eq!(ask(&budgets, "7", 10, &spending), None);
        budgets.is_heard(&name("6"));
        assert!(budgets.told.is_empty() && budgets.payments.is_empty() && budgets.sums.is_empty());
    }

    #[test]
    fn what_cannot_be_seen_is_not_taken_as_unspent() {
        let limits = [budget()];
        let ask = |limits: &[LimitCheck], seen: &Counted| {
            let spending = Spending { limits, ways: None, seen, weight: Weight::Moves, stands: 0 };
            Budgets::default().way(&name("1"), (&origin(), &purchase("1", 1)), 1, &spending).err()
        };
        for seen in [Counted::Busy, Counted::Never] {
            assert_eq!(ask(&limits, &seen), Some(DeclineReason::LedgerUnavailable));
            let of_card = [LimitCheck { scope: LimitScope::Card, ..budget() }];
            assert_eq!(ask(&of_card, &seen), None, "caps bound what is no authority's");
        }
    }

    /// A processor asked about it, and its platform does: it is one payment, at either door.
    #[test]
    fn what_two_doors_ask_about_counts_once_until_both_answers_are_heard() {
        let (mut budgets, limits) = (Budgets::default(), [budget()]);
        let of_payment = |key: &str, amount: i64| {
            let payment = PaymentRef::of("shared".parse().unwrap());
            AuthorizationRequest { payment, ..purchase(key, amount) }
        };
        let seen = Counted::Seen(vec![LimitUse { amount: 30, count: 2 }]);
        let spending = Spending { limits: &limits, ways: None, seen: &seen, weight: Weight::Joins, stands: 0 };
        let ask = |budgets: &Budgets, request: &AuthorizationRequest, spending: &Spending<'_>| {
            budgets.way(&name(request.key.as_str()), (&origin(), request), request.amount.minor(), spending).err()
        };
        let (ours, theirs, more) = (of_payment("ours", 60), of_payment("theirs", 60), of_payment("more", 61));
        assert_eq!(ask(&budgets, &ours, &spending), None);
        budgets.take(name("ours"), (&origin(), &ours), 60, (&spending, None));
        assert_eq!(ask(&budgets, &theirs, &spending), None, "the third payment was the last one, and this is the same");
        let reached = Some(DeclineReason::PolicyLimitReached);
        assert_eq!((ask(&budgets, &more, &spending), ask(&budgets, &purchase("other", 1), &spending)), (reached, reached));
        let moves = Spending { weight: Weight::Moves, ..spending };
        assert_eq!(ask(&budgets, &theirs, &moves), reached, "where one door moves, the other one only looks");
        budgets.take(name("theirs"), (&origin(), &theirs), 60, (&spending, None));
        budgets.is_heard(&name("ours"));
        assert_eq!(ask(&budgets, &purchase("other", 1), &spending), reached, "of the other answer nothing was heard");
        budgets.is_heard(&name("theirs"));
        assert!(budgets.told.is_empty() && budgets.payments.is_empty() && budgets.opened.is_empty() && budgets.sums.is_empty());
        // Of another card it counts, whatever it is called: that may be another account's.
        budgets.take(name("ours"), (&origin(), &ours), 60, (&spending, None));
        let of_another_card = AuthorizationRequest { card: "another-card".parse().ok(), ..theirs };
        assert_eq!(ask(&budgets, &of_another_card, &spending), reached);
        budgets.is_heard(&name("ours"));
        // Of what the ledger has of it, nothing counts again either.
        let full = Counted::Seen(vec![LimitUse { amount: 100, count: 3 }]);
        let there = Spending { seen: &full, stands: 60, ..spending };
        assert_eq!((ask(&budgets, &theirs, &there), ask(&budgets, &more, &there)), (None, reached));
        budgets.take(name("theirs"), (&origin(), &theirs), 60, (&there, None));
        assert!(budgets.told.is_empty() && budgets.sums.is_empty());
    }

    /// The first way with room, as in the ledger; what it takes is no other one's.
    #[test]
    fn the_first_way_that_has_room_is_taken_and_counts_alone() {
        let mut budgets = Budgets::default();
        let all = Ways::first_of(2);
        let (first, second) = (all.iter().next(), all.iter().nth(1));
        let of = |counter, most, way: Option<Way>| LimitCheck {
            counter: CounterKey(counter),
            amount_max: Some(most),
            ways: way.map(Ways::from),
            ..budget()
        };
        let limits = [of(1, 50, first), of(2, 100, second)];
        let seen = Counted::Seen(vec![LimitUse { amount: 20, count: 1 }, LimitUse::default()]);
        let spending = Spending { limits: &limits, ways: Some(all), seen: &seen, weight: Weight::Moves, stands: 0 };
        for (key, minor, taken) in [
            ("1", 30, Ok(first)),
            ("2", 30, Ok(second)),
            ("3", 71, Err(DeclineReason::PolicyLimitReached)),
            ("3", 70, Ok(second)),
            ("4", 1, Err(DeclineReason::PolicyLimitReached)),
        ] {
            let request = purchase(key, minor);
            let asked = (&origin(), &request);
            assert_eq!(budgets.way(&name(key), asked, minor, &spending), taken, "{key}");
            if let Ok(way) = taken {
                budgets.take(name(key), asked, minor, (&spending, way));
            }
        }
        budgets.is_heard(&name("1"));
        assert_eq!(budgets.way(&name("5"), (&origin(), &purchase("5", 30)), 30, &spending), Ok(first));
        // Nothing is approved under a budget that cannot be seen; on a way without one it is.
        let unseen = Spending { seen: &Counted::Busy, ..spending };
        let ask = |spending: &Spending<'_>| Budgets::default().way(&name("1"), (&origin(), &purchase("1", 1)), 1, spending);
        assert_eq!(ask(&unseen), Err(DeclineReason::LedgerUnavailable));
        assert_eq!(ask(&Spending { limits: &limits[..1], ..unseen }), Ok(second));
        // Where the payment of an increment was counted is not known: a way that counts payments is not its own.
        let once =
            [LimitCheck { amount_max: None, count_max: Some(1), ..limits[0] }, LimitCheck { count_max: None, ..limits[1] }];
        let spending = Spending { limits: &once, seen: &Counted::Seen(vec![LimitUse::default(); 2]), ..spending };
        let add = |minor| {
            let request = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..purchase("1", minor) };
            Budgets::default().way(&name("1"), (&origin(), &request), minor, &spending)
        };
        assert_eq!((add(100), add(101)), (Ok(second), Err(DeclineReason::PolicyLimitReached)));
    }
}
