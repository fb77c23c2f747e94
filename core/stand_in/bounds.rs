//! How much of what one limit counts the caps of a table let through, while the ledger is away. For people, not for the request path.

use crate::authorization::AuthorizationKind;
use crate::money::Money;
use crate::rules::{KindSet, LimitScope, LimitWindow};

use super::caps::{Cap, CapWindow, Caps};

const DAY_SECONDS: u64 = 86_400;

/// The most that caps let through of one subject of a limit, in one of the limit's windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Most {
    /// Minor units; `None` where no cap stops it.
    pub amount: Option<i64>,
    /// Transactions; `None` where no cap stops them.
    pub count: Option<u64>,
}

/// What caps let through of a kind of question. `amount_min` is the least that one of them asks for.
pub(super) fn most_within(
    caps: &Caps,
    kind: AuthorizationKind,
    amount_min: i64,
    scope: LimitScope,
    window: &LimitWindow,
) -> Most {
    if !KindSet::TAKING_MONEY.contains(kind) {
        // Counts in no cap.
        return Most { amount: Some(0), count: None };
    }
    let times = |cap: &Cap| bounds(cap.scope, scope).then(|| windows(&cap.window, window)).flatten();
    let exposure = caps.exposure_max.map(Money::minor);
    let amounts = caps.caps.iter().filter_map(|cap| {
        let times = i64::try_from(times(cap)?).unwrap_or(i64::MAX);
        Some(cap.amount_max?.minor().saturating_mul(times))
    });
    let amount = amounts.chain(exposure).min();
    let counts = caps.caps.iter().filter_map(|cap| Some(u64::from(cap.count_max?).saturating_mul(times(cap)?)));
    // Each takes at least so much of what there is.
    let by_amount = amount.and_then(|amount| amount.checked_div(amount_min)).and_then(|times| u64::try_from(times).ok());
    Most { amount, count: counts.chain(by_amount).min() }
}

/// Whether this kind is a transaction to a limit on their number.
pub(super) const fn is_transaction(kind: AuthorizationKind) -> bool {
    match kind {
        AuthorizationKind::Incremental
        | AuthorizationKind::Credit
        | AuthorizationKind::BalanceInquiry
        | AuthorizationKind::Unknown => false,
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::AccountVerification => true,
    }
}

/// Whether all that a limit counts for one subject counts together in a cap: one card's is its account's, and everybody's the program's.
const fn bounds(cap: LimitScope, limit: LimitScope) -> bool {
    match cap {
        LimitScope::Program => true,
        LimitScope::Account => matches!(limit, LimitScope::Account | LimitScope::Card | LimitScope::Payment),
        LimitScope::Card => matches!(limit, LimitScope::Card | LimitScope::Payment),
        LimitScope::Merchant
        | LimitScope::Cardholder
        | LimitScope::Authority
        | LimitScope::Intent
        | LimitScope::IpAddress
        | LimitScope::Payment
        | LimitScope::Unreviewed => false,
    }
}

/// How often a cap can be filled in one window of a limit; `None` if without end. What nobody confirms is never given back.
fn windows(cap: &CapWindow, limit: &LimitWindow) -> Option<u64> {
    let seconds = match limit {
        LimitWindow::Day(_) => DAY_SECONDS,
        LimitWindow::Week(..) => DAY_SECONDS.saturating_mul(7),
        LimitWindow::Month(_) => DAY_SECONDS.saturating_mul(31),
        LimitWindow::Rolling(rolling) => u64::from(rolling.length_seconds()),
        LimitWindow::Lifetime => {
            return match cap {
                CapWindow::Unconfirmed => Some(1),
                CapWindow::Day(_) | CapWindow::Last(_) => None,
            };
        }
    };
    match (cap, limit) {
        (CapWindow::Unconfirmed, _) => Some(1),
        (CapWindow::Last(length), _) => Some(seconds.div_ceil(u64::from(*length).max(1))),
        (CapWindow::Day(ours), LimitWindow::Day(theirs)) if ours == theirs => Some(1),
        // It begins and ends within days.
        (CapWindow::Day(ours), LimitWindow::Week(theirs, _) | LimitWindow::Month(theirs)) if ours == theirs => {
            Some(seconds.div_ceil(DAY_SECONDS))
        }
        (CapWindow::Day(_), _) => Some(seconds.div_ceil(DAY_SECONDS).saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ids::RuleId;
    use crate::money::Currency;
    use crate::rules::{Rolling, Zone};

    fn cap(scope: LimitScope, window: CapWindow, amount: Option<i64>, count_max: Option<u32>) -> Cap {
        let amount_max = amount.map(|minor| Money::from_minor(minor, Currency::USD));
        Cap { id: RuleId::new("cap").unwrap(), description: None, scope, window, amount_max, count_max }
    }

    #[test]
    fn a_cap_bounds_a_limit_by_its_scope_and_as_often_as_its_window_fits() {
        let (zone, other) = (Arc::new(Zone::utc()), CapWindow::Last(3600));
        let day = || LimitWindow::Day(Arc::clone(&zone));
        let week = LimitWindow::Week(Arc::clone(&zone), crate::rules::Weekday::Monday);
        let rolling = LimitWindow::Rolling(Rolling::new(7200, 2).unwrap());
        let most = |caps: Vec<Cap>, scope, window: &LimitWindow| {
            let caps = Caps { exposure_max: Some(Money::from_minor(10_000, Currency::USD)), caps };
            most_within(&caps, AuthorizationKind::Purchase, 0, scope, window)
        };
        let of = |amount, count| Most { amount: Some(amount), count };
        let (card, account, program) = (LimitScope::Card, LimitScope::Account, LimitScope::Program);
        let hour = |scope| vec![cap(scope, CapWindow::Last(3600), Some(10), Some(2))];
        assert_eq!(most(hour(card), card, &day()), of(240, Some(48)));
        assert_eq!(most(hour(card), card, &rolling), of(20, Some(4)));
        assert_eq!(most(hour(card), account, &day()), of(10_000, None), "an account has many cards");
        assert_eq!(most(hour(account), card, &day()), of(240, Some(48)));
        assert_eq!(most(hour(program), LimitScope::Merchant, &rolling), of(20, Some(4)));
        assert_eq!(most(hour(card), card, &LimitWindow::Lifetime), of(10_000, None), "there is another hour");
        let unconfirmed = vec![cap(card, CapWindow::Unconfirmed, Some(50), Some(3)), cap(card, other, Some(1), None)];
        assert_eq!(most(unconfirmed, card, &LimitWindow::Lifetime), of(50, Some(3)));
        let daily = || vec![cap(card, CapWindow::Day(Arc::clone(&zone)), None, Some(2))];
        assert_eq!(most(daily(), card, &day()).count, Some(2));
        assert_eq!((most(daily(), card, &week).count, most(daily(), card, &rolling).count), (Some(14), Some(4)));
        let caps = Caps { exposure_max: Some(Money::from_minor(100, Currency::USD)), caps: vec![] };
        let at_least = most_within(&caps, AuthorizationKind::Purchase, 30, card, &day());
        assert_eq!(at_least, of(100, Some(3)), "each asks for so much");
        let free = most_within(&caps, AuthorizationKind::AccountVerification, 0, card, &day());
        assert_eq!(free, of(0, None), "what takes no money counts in no cap");
    }
}
