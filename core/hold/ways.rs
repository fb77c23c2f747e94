//! Which of several ways a question takes: the first that is open and has room for all that is asked. What counts on other ways does not
//! count. Where there are not several, there is one, and it has no name.

use super::asked::{counted_amount, transactions, within};
use super::state::{Counted, LimitUse, Slice};
use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::decision::{Basis, DeclineReason};
use crate::ids::RuleId;
use crate::rules::{Enforcement, LimitCheck, Proceed, Verdict, Way, common_reason};

/// A way, and how much of a question its limits leave room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// None where there are not several.
    pub(super) way: Option<Way>,
    pub(super) amount: i64,
}

/// Takes a way: the first that has room for all of it; where none has, the first that has room for a part. Of ways whose limits only
/// observe, one whose own would have let it pass goes before: what it counts is what it would have.
pub(super) fn take(
    slice: &Slice<'_>,
    request: &AuthorizationRequest,
    proceed: &Proceed,
) -> Result<Taken, (DeclineReason, Basis)> {
    let asked = request.amount.minor();
    let (mut whole, mut part, mut objections) = (None, None, Objections::default());
    for way in each(proceed) {
        match room(slice, request, proceed, way) {
            Ok(amount) => {
                let taken = Taken { way, amount };
                if amount < asked {
                    part = part.or(Some(taken));
                } else if objection_in_observe(slice, request, proceed, way).is_none() {
                    return Ok(taken);
                } else {
                    whole = whole.or(Some(taken));
                }
            }
            Err(objection) => objections.hear(objection),
        }
    }
    // Where there is no way at all, nothing was asked of any.
    whole.or(part).ok_or(objections.common.unwrap_or((DeclineReason::PolicyOther, Basis::Ledger)))
}

/// The ways that are open, in their order; where there are not several, the one that there is.
fn each(proceed: &Proceed) -> impl Iterator<Item = Option<Way>> {
    let only = proceed.ways.is_none().then_some(None);
    only.into_iter().chain(proceed.ways.into_iter().flat_map(|ways| ways.iter().map(Some)))
}

/// Why no way has room: what all of them say, or that there are several reasons.
#[derive(Debug, Default)]
struct Objections {
    common: Option<(DeclineReason, Basis)>,
}

impl Objections {
    fn hear(&mut self, (reason, basis): (DeclineReason, Basis)) {
        self.common = match self.common {
            None => Some((reason, basis)),
            Some((same, _)) if same == reason => self.common,
            Some(_) => {
                let rule = RuleId::new("spending-authority").unwrap_or_else(|_| RuleId::unknown_method());
                Some((DeclineReason::PolicyOther, Basis::Rule(rule)))
            }
        };
    }
}

/// How much of a question the limits of a way leave room for.
fn room(
    slice: &Slice<'_>,
    request: &AuthorizationRequest,
    proceed: &Proceed,
    way: Option<Way>,
) -> Result<i64, (DeclineReason, Basis)> {
    let mut most = request.amount.minor();
    for (place, check) in proceed.limits.iter().enumerate() {
        if check.enforcement == Enforcement::Observe || !check.counts_on(way) {
            continue;
        }
        let used = slice.uses.get(place).copied().unwrap_or_default();
        // A limit that is passed already (it may have been lowered) refuses only what would add to it.
        let (amount, count) = (counted_amount(request), u32::from(transactions(request.kind)));
        if amount > 0
            && let Some(amount_max) = check.amount_max
        {
            let left = amount_max.saturating_sub(used.amount);
            most = within(slice, most, left, request, proceed).ok_or((check.scope.amount_reason(), Basis::Limit(check.limit)))?;
        }
        if count > 0 && check.count_max.is_some_and(|count_max| used.count.saturating_add(count) > count_max) {
            return Err((check.scope.count_reason(), Basis::Limit(check.limit)));
        }
        if adds_to_another_ways(request, check, slice.counted) {
            return Err((check.scope.count_reason(), Basis::Limit(check.limit)));
        }
    }
    Ok(most)
}

/// Whether something is added to a payment that a limit of a way's own has not counted: it counts payments, and this one counts elsewhere.
/// `counted` is what the payment has counted.
fn adds_to_another_ways(request: &AuthorizationRequest, check: &LimitCheck, counted: &[Counted]) -> bool {
    let adds = request.kind == AuthorizationKind::Incremental && check.is_for_its_own_payments();
    adds && !counted.iter().any(|place| place.counter == check.counter && place.count > 0)
}

/// What the limits of a way's own that only observe would have said. Those that count whatever way is taken say the same of each.
fn objection_in_observe(
    slice: &Slice<'_>,
    request: &AuthorizationRequest,
    proceed: &Proceed,
    way: Option<Way>,
) -> Option<DeclineReason> {
    passed(request, proceed, (slice.uses, slice.counted), |check| {
        check.enforcement == Enforcement::Observe && check.ways.is_some() && check.counts_on(way)
    })
}

/// The first of some limits that all of a question would pass, by what they have counted, and what of that its payment has.
fn passed(
    request: &AuthorizationRequest,
    proceed: &Proceed,
    (uses, counted): (&[LimitUse], &[Counted]),
    counts: impl Fn(&LimitCheck) -> bool,
) -> Option<DeclineReason> {
    let (amount, count) = (counted_amount(request), u32::from(transactions(request.kind)));
    let mut checks = proceed.limits.iter().enumerate().filter(|(_, check)| counts(check));
    checks.find_map(|(place, check)| {
        let passed = uses.get(place).copied().unwrap_or_default().passes(check, amount, count);
        passed.or(adds_to_another_ways(request, check, counted).then(|| check.scope.count_reason()))
    })
}

/// The first way that is open and has room for all of a question that opens a payment, as far as its limits go; none where there are not
/// several.
///
/// # Errors
/// Why there is no room: what all ways say, or that there are several reasons.
pub fn way_with_room(request: &AuthorizationRequest, proceed: &Proceed, uses: &[LimitUse]) -> Result<Option<Way>, DeclineReason> {
    let objection = |way: Option<Way>| {
        passed(request, proceed, (uses, &[]), |check| check.enforcement == Enforcement::Enforce && check.counts_on(way))
    };
    match each(proceed).find(|way| objection(*way).is_none()) {
        Some(way) => Ok(way),
        None => {
            Err(common_reason(each(proceed).filter_map(objection), DeclineReason::PolicyOther)
                .unwrap_or(DeclineReason::PolicyOther))
        }
    }
}

/// Why an authority that only observes would have declined what is approved here: the first of its limits that is passed, where one is on
/// every way. `counted` is what its payment has counted.
#[must_use]
pub fn would_pass(
    request: &AuthorizationRequest,
    verdict: &Verdict,
    (uses, counted): (&[LimitUse], &[Counted]),
) -> Option<DeclineReason> {
    let Verdict::Proceed(proceed) = verdict else { return None };
    let objection = |way: Option<Way>| {
        passed(request, proceed, (uses, counted), |check| {
            check.scope.is_of_authority() && check.enforcement == Enforcement::Observe && check.counts_on(way)
        })
    };
    if each(proceed).any(|way| objection(way).is_none()) {
        return None;
    }
    common_reason(each(proceed).filter_map(objection), DeclineReason::PolicyOther)
}
