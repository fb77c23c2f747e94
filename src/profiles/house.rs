//! What a merchant's profile says of a payment, over what the program's rules say: whether payments to it are processed, and how much.
//!
//! Its limits are limits like the program's, counted by the ledger in the same act. They are named apart (`merchant:…`, as no rule of
//! a ruleset can be), so that a replay, which knows rulesets and no profiles, takes them from the record.

use arrayvec::ArrayVec;
use holdfast_core::rules::{CounterKey, Enforcement, LimitCheck, LimitScope, StillOpen, Verdict, Window, moved_from};
use holdfast_core::{AuthorizationRequest, DeclineReason, ProgramId, RuleId, Timestamp};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};

use super::{Merchant, MerchantLimits, MerchantStanding, Surcharges};

/// With what the names of a profile's limits begin.
const HOUSE: &str = "merchant:";

/// What rules and profile say together: the first to object is the reason.
#[must_use]
pub fn opinion(
    program: ProgramId,
    merchant: &Merchant,
    request: &AuthorizationRequest,
    now: Timestamp,
    of_rules: Verdict,
) -> Verdict {
    let decline = |reason, name: &str| named(name).map(|rule| Verdict::Decline { reason, rule });
    let surcharge = request.checkout.map_or(0, |checkout| checkout.surcharge);
    let is_prohibited = surcharge > 0 && merchant.surcharges == Surcharges::Prohibited;
    let refusal = match (merchant.standing, merchant.limits.amount_max) {
        (MerchantStanding::Disabled, _) => decline(DeclineReason::MerchantNotAllowed, "merchant:disabled"),
        (MerchantStanding::Enabled, Some(amount_max)) if request.amount.minor() > amount_max => {
            decline(DeclineReason::AmountAboveMaximum, "merchant:amount")
        }
        // Who asks for one is refused before; this is a payment that waited while it was prohibited.
        (MerchantStanding::Enabled, _) if is_prohibited => decline(DeclineReason::TransactionNotPermitted, "merchant:surcharge"),
        (MerchantStanding::Enabled, _) => None,
    };
    match (refusal, of_rules) {
        (Some(refusal), _) => refusal,
        (None, Verdict::Proceed(mut proceed)) => {
            for check in limits(program, merchant, now) {
                if proceed.limits.try_push(check).is_err() {
                    // The ruleset has all the limits that there is room for. What cannot be counted is not let pass.
                    return Verdict::Decline { reason: DeclineReason::AmountLimitReached, rule: check.limit };
                }
            }
            Verdict::Proceed(proceed)
        }
        (None, declined @ Verdict::Decline { .. }) => declined,
    }
}

/// Whether a rule or limit of a verdict is a profile's.
#[must_use]
pub fn is_of_house(rule: &RuleId) -> bool {
    rule.as_str().starts_with(HOUSE)
}

fn named(name: &str) -> Option<RuleId> {
    RuleId::new(name).ok()
}

/// The merchant's own limits, each with the window that is open now.
fn limits(program: ProgramId, merchant: &Merchant, now: Timestamp) -> ArrayVec<LimitCheck, 2> {
    let MerchantLimits { day_amount_max, day_count_max, month_amount_max, .. } = merchant.limits;
    let mut checks = ArrayVec::new();
    if day_amount_max.is_none() && day_count_max.is_none() && month_amount_max.is_none() {
        return checks;
    }
    let Some(local) = local(merchant, now) else { return checks };
    let check = |name: &str, amount_max, count_max, begins: Begins| {
        let (window, still) = open(&local, now, begins)?;
        let subject = [program.as_str(), merchant.id.as_str(), name].join("\0");
        let counter = CounterKey(0).of_subject(subject.as_bytes());
        let (scope, enforcement) = (LimitScope::Merchant, Enforcement::Enforce);
        Some(LimitCheck { limit: named(name)?, counter, scope, window, amount_max, count_max, enforcement, still, ways: None })
    };
    if day_amount_max.is_some() || day_count_max.is_some() {
        checks.extend(check("merchant:day", day_amount_max, day_count_max, Zoned::start_of_day));
    }
    if month_amount_max.is_some() {
        checks.extend(check("merchant:month", month_amount_max, None, |at| at.first_of_month()?.start_of_day()));
    }
    checks
}

/// When a window began that is open at a moment.
type Begins = fn(&Zoned) -> Result<Zoned, jiff::Error>;

/// The window that is open now by the merchant's clock, and what else may be where that was moved to another zone.
fn open(local: &Zoned, now: Timestamp, begins: Begins) -> Option<(Window, StillOpen)> {
    let open = begins(local).ok()?;
    let before = begins(&open.checked_sub(SignedDuration::from_secs(1)).ok()?).ok()?;
    let [before, open] = [before, open].map(|at| Timestamp::from_unix_micros(at.timestamp().as_microsecond()));
    Some((Window::Since(open), moved_from(before, open, now)))
}

/// The moment by the merchant's clock.
fn local(merchant: &Merchant, now: Timestamp) -> Option<Zoned> {
    let zone = TimeZone::get(&merchant.time_zone).ok()?;
    Some(jiff::Timestamp::from_microsecond(now.unix_micros()).ok()?.to_zoned(zone))
}

#[cfg(test)]
mod tests {
    use holdfast_core::Checkout;
    use holdfast_core::rules::{HoldPolicy, LIMITS_MAX, Proceed};

    use super::*;
    use crate::fixture::{program, purchase};
    use crate::profiles::tests::merchant;

    fn proceed() -> Verdict {
        let request = purchase("key", 500);
        Verdict::Proceed(Proceed { ceiling: request.amount, limits: ArrayVec::new(), hold: HoldPolicy::PLAIN, ways: None })
    }

    fn of(merchant: &Merchant, minor: i64, at: &str) -> Verdict {
        let at: jiff::Timestamp = at.parse().unwrap();
        let now = Timestamp::from_unix_micros(at.as_microsecond());
        opinion(program(), merchant, &purchase("key", minor), now, proceed())
    }

    fn declined(verdict: &Verdict) -> Option<(DeclineReason, &str)> {
        match verdict {
            Verdict::Decline { reason, rule } => Some((*reason, rule.as_str())),
            Verdict::Proceed(_) => None,
        }
    }

    #[test]
    fn a_disabled_merchant_is_paid_nothing_and_one_with_a_maximum_no_more() {
        let noon = "2026-03-14T16:00:00Z";
        assert_eq!(of(&merchant(), 1_000_000, noon), proceed());
        let disabled = Merchant { standing: MerchantStanding::Disabled, ..merchant() };
        assert_eq!(declined(&of(&disabled, 1, noon)), Some((DeclineReason::MerchantNotAllowed, "merchant:disabled")));
        let most = Merchant { limits: MerchantLimits { amount_max: Some(500), ..MerchantLimits::default() }, ..merchant() };
        assert_eq!(declined(&of(&most, 500, noon)), None);
        assert_eq!(declined(&of(&most, 501, noon)), Some((DeclineReason::AmountAboveMaximum, "merchant:amount")));
    }

    #[test]
    fn a_prohibited_surcharge_does_not_pass_whenever_it_was_asked_for() {
        let strict = Merchant { surcharges: Surcharges::Prohibited, ..merchant() };
        let of = |merchant: &Merchant, surcharge| {
            let mut request = purchase("key", 500);
            request.checkout = Some(Checkout { surcharge, ..Checkout::NOTHING_TOLD });
            opinion(program(), merchant, &request, Timestamp::from_unix_seconds(0), proceed())
        };
        assert_eq!(declined(&of(&strict, 1)), Some((DeclineReason::TransactionNotPermitted, "merchant:surcharge")));
        assert_eq!((of(&strict, 0), of(&merchant(), 1)), (proceed(), proceed()));
    }

    #[test]
    fn days_and_months_are_those_of_the_merchant() {
        let limits = MerchantLimits {
            day_amount_max: Some(100),
            day_count_max: Some(3),
            month_amount_max: Some(1_000),
            ..MerchantLimits::default()
        };
        let limited = Merchant { limits, ..merchant() };
        // 23:30 of the last day of February in New York.
        let Verdict::Proceed(proceed) = of(&limited, 1, "2026-03-01T04:30:00Z") else { panic!("is declined") };
        let windows: Vec<_> = proceed.limits.iter().map(|check| (check.limit.to_string(), check.window)).collect();
        let since = |text: &str| {
            let at: jiff::Timestamp = text.parse().unwrap();
            Window::Since(Timestamp::from_unix_micros(at.as_microsecond()))
        };
        assert_eq!(
            windows,
            [
                ("merchant:day".to_owned(), since("2026-02-28T05:00:00Z")),
                ("merchant:month".to_owned(), since("2026-02-01T05:00:00Z")),
            ]
        );
        assert!(proceed.limits.iter().all(|check| is_of_house(&check.limit) && check.scope == LimitScope::Merchant));
        assert_ne!(proceed.limits[0].counter, proceed.limits[1].counter);
        let other = Merchant { id: "other".parse().unwrap(), ..limited };
        let Verdict::Proceed(of_other) = of(&other, 1, "2026-03-01T04:30:00Z") else { panic!("is declined") };
        assert_ne!(of_other.limits[0].counter, proceed.limits[0].counter);
    }

    #[test]
    fn what_cannot_be_counted_is_not_let_pass() {
        let limits = MerchantLimits { day_amount_max: Some(100), month_amount_max: Some(1_000), ..MerchantLimits::default() };
        let limited = Merchant { limits, ..merchant() };
        let Verdict::Proceed(with_two) = of(&limited, 1, "2026-03-14T16:00:00Z") else { panic!("is declined") };
        let full = (0..LIMITS_MAX).map(|_| with_two.limits[0]).collect();
        let full = Verdict::Proceed(Proceed { limits: full, ..with_two });
        let verdict = opinion(program(), &limited, &purchase("key", 1), Timestamp::from_unix_seconds(0), full);
        assert_eq!(declined(&verdict), Some((DeclineReason::AmountLimitReached, "merchant:day")));
    }
}
