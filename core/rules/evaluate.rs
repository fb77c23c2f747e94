//! Asks a ruleset about a request. The first rule that declines decides.

use arrayvec::ArrayVec;

use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::checkout::Monitoring;
use crate::decision::DeclineReason;
use crate::ids::RuleId;
use crate::time::Timestamp;

use super::hold_policy::HoldPolicy;
use super::rule::Rule;
use super::ruleset::Ruleset;
use super::verdict::{Enforcement, Proceed, Verdict};
use super::when::Facts;

/// Hears of every rule that matched: that declined, or would have.
pub trait Trace {
    /// Whether evaluation goes on after the first rule that declines, to list the rest. The verdict stays the first one's.
    const LISTS_ALL: bool;

    /// A rule matched, and gives this reason.
    fn matched(&mut self, rule: &Rule, reason: DeclineReason);
}

/// Listens to nothing, and costs nothing: for the request path.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    const LISTS_ALL: bool = false;

    fn matched(&mut self, _rule: &Rule, _reason: DeclineReason) {}
}

/// One rule that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Which.
    pub rule: RuleId,
    /// The reason that it gives.
    pub reason: DeclineReason,
    /// Whether it declines, or is on trial.
    pub enforcement: Enforcement,
}

/// Lists every rule that matched, in the ruleset's order: for explaining, never for the request path. It allocates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatchList {
    /// The rules that matched; the first one with [`Enforcement::Enforce`] decided.
    pub matches: Vec<Match>,
}

impl Trace for MatchList {
    const LISTS_ALL: bool = true;

    fn matched(&mut self, rule: &Rule, reason: DeclineReason) {
        self.matches.push(Match { rule: rule.id(), reason, enforcement: rule.enforcement() });
    }
}

/// What a ruleset thinks of a request that is decided `now`.
///
/// It never fails and never allocates (but the trace may), and takes time in proportion to the number of rules.
#[must_use]
pub fn evaluate(ruleset: &Ruleset, request: &AuthorizationRequest, now: Timestamp, trace: &mut impl Trace) -> Verdict {
    if request.kind == AuthorizationKind::Unknown {
        // No rule is about it, so none could be asked.
        return Verdict::Decline { reason: DeclineReason::TransactionNotPermitted, rule: RuleId::unknown_method() };
    }
    let facts = Facts::of(request, ruleset.country(), now);
    let refused = match monitoring(request) {
        Monitoring::Asked | Monitoring::BypassRefused => first_refusal(ruleset, &facts, trace),
        Monitoring::Bypassed => None,
    };
    match refused {
        Some(decline) => decline,
        None => proceed(ruleset, &facts),
    }
}

/// What a ruleset's limits alone are to a request: no rule is asked. What is in another currency than theirs counts in none of them.
#[must_use]
pub fn limits_alone(ruleset: &Ruleset, request: &AuthorizationRequest, now: Timestamp) -> Verdict {
    if request.kind == AuthorizationKind::Unknown {
        return Verdict::Decline { reason: DeclineReason::TransactionNotPermitted, rule: RuleId::unknown_method() };
    }
    let mut alone = proceed(ruleset, &Facts::of(request, ruleset.country(), now));
    if let Verdict::Proceed(proceed) = &mut alone
        && request.amount.currency() != ruleset.currency()
    {
        proceed.limits.clear();
    }
    alone
}

fn monitoring(request: &AuthorizationRequest) -> Monitoring {
    request.checkout.map_or(Monitoring::Asked, |checkout| checkout.monitoring)
}

fn first_refusal<T: Trace>(ruleset: &Ruleset, facts: &Facts<'_>, trace: &mut T) -> Option<Verdict> {
    let mut first = None;
    for rule in ruleset.rules() {
        // A rule on trial is worth its time only if somebody listens.
        if !T::LISTS_ALL && rule.enforcement() == Enforcement::Observe {
            continue;
        }
        let Some(reason) = rule.refusal(facts) else { continue };
        trace.matched(rule, reason);
        if first.is_none() && rule.enforcement() == Enforcement::Enforce {
            first = Some(Verdict::Decline { reason, rule: rule.id() });
            if !T::LISTS_ALL {
                break;
            }
        }
    }
    first
}

fn proceed(ruleset: &Ruleset, facts: &Facts<'_>) -> Verdict {
    let mut limits = ArrayVec::new();
    for check in ruleset.limits().iter().filter_map(|limit| limit.check(facts)) {
        // There is room: a ruleset with more than LIMITS_MAX limits does not load.
        let _ = limits.try_push(check);
    }
    Verdict::Proceed(Proceed { ceiling: facts.request.amount, limits, hold: HoldPolicy::of(ruleset, facts), ways: None })
}
