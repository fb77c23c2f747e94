//! What a policy thinks of a question: its rules, whether a person has to look first, and which limits apply. Where it leaves several ways
//! open, each part of one is asked like a policy of its own; a way is open where all of its parts pass.
//!
//! Why none is open is what all of them say, or else that there are several reasons. Where a person's yes would open one, that is the
//! reason, for somebody can do something about it.

use arrayvec::ArrayVec;

use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::decision::DeclineReason;
use crate::rules::{
    CounterKey, Enforcement, LIMITS_MAX, LimitCheck, LimitScope, NoTrace, StillOpen, Verdict, WAYS_MAX, Way, Ways, Window,
    common_reason, evaluate,
};
use crate::time::Timestamp;

use super::govern::{opens, rule};
use super::policy::{CompiledPolicy, Part};

/// A question, as a policy sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) request: &'a AuthorizationRequest,
    pub(super) looked_at: LookedAt,
    pub(super) now: Timestamp,
}

/// Whether a person said yes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookedAt {
    /// One did.
    ByPerson,
    /// Nobody was asked, or has answered.
    ByNobody,
}

/// What a policy thinks.
#[derive(Debug)]
pub(super) struct Opinion {
    /// What it has against it.
    pub(super) objection: Option<DeclineReason>,
    /// What the ledger has to look at: what the payment may come to, and what counts, first of what always holds.
    pub(super) limits: ArrayVec<LimitCheck, LIMITS_MAX>,
    /// The ways that are open, where there are several.
    pub(super) ways: Option<Ways>,
}

/// What a part of a policy has against a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Objection {
    /// A rule.
    Rule(DeclineReason),
    /// That no person has looked at it.
    Review,
}

impl Opinion {
    /// Asks a policy.
    pub(super) fn of(policy: &CompiledPolicy, question: &Question<'_>) -> Self {
        let mut opinion = Opinion { objection: None, limits: ArrayVec::new(), ways: None };
        let always = opinion.ask(&policy.always, question);
        let of_ways = match (policy.ways, always) {
            // What never passes is asked no further: as ever, nothing counts then.
            (None, _) | (Some(_), Some(Objection::Rule(_))) => None,
            (Some(all), None | Some(Objection::Review)) => opinion.ask_ways(policy, all, question),
        };
        opinion.objection = match (always, of_ways) {
            (Some(Objection::Rule(reason)), _) | (_, Some(Objection::Rule(reason))) => Some(reason),
            (Some(Objection::Review), _) | (_, Some(Objection::Review)) => Some(DeclineReason::ReviewRequired),
            (None, None) => None,
        };
        opinion
    }

    /// Why no way is open; nothing if one is.
    fn ask_ways(&mut self, policy: &CompiledPolicy, all: Ways, question: &Question<'_>) -> Option<Objection> {
        let mut closed: ArrayVec<(Way, DeclineReason), { WAYS_MAX as usize }> = ArrayVec::new();
        let mut unreviewed = Ways::NONE;
        for part in &policy.by_way {
            let on = part.ways.unwrap_or_default();
            match self.ask(part, question) {
                None => {}
                Some(Objection::Review) => unreviewed = unreviewed.with(on),
                // The first reason of each stands.
                Some(Objection::Rule(reason)) => {
                    let passed_so_far = all.without(closed.iter().map(|(way, _)| *way).collect());
                    closed.extend(passed_so_far.iter().filter(|way| on.has(*way)).map(|way| (way, reason)));
                }
            }
        }
        let pass = all.without(closed.iter().map(|(way, _)| *way).collect());
        let open = pass.without(unreviewed);
        self.limits.retain(|check| check.ways.is_none_or(|ways| ways.meets(open)));
        self.ways = Some(open).filter(|open| !open.is_empty());
        match (self.ways, pass.is_empty()) {
            (Some(_), _) => None,
            (None, false) => Some(Objection::Review),
            (None, true) => {
                let reasons = closed.iter().map(|(_, reason)| *reason);
                Some(Objection::Rule(common_reason(reasons, DeclineReason::PolicyOther).unwrap_or(DeclineReason::PolicyOther)))
            }
        }
    }

    /// Asks one part, and takes down its limits.
    fn ask(&mut self, part: &Part, question: &Question<'_>) -> Option<Objection> {
        let Question { request, looked_at, now } = *question;
        of_payment(part, question).for_each(|check| self.add(check));
        let limits = match evaluate(&part.ruleset, request, now, &mut NoTrace) {
            Verdict::Decline { reason, .. } => return Some(Objection::Rule(policy_reason(reason))),
            Verdict::Proceed(proceed) => proceed.limits,
        };
        limits.into_iter().for_each(|check| self.add(LimitCheck { ways: part.ways, ..check }));
        let unreviewed = part.unreviewed.filter(|_| looked_at == LookedAt::ByNobody && opens(request));
        unreviewed.and_then(|range| range.refusal(request.amount)).map(|_| Objection::Review)
    }

    fn add(&mut self, check: LimitCheck) {
        // There is room: a policy that needs more does not compile.
        let _ = self.limits.try_push(check);
    }
}

/// What a payment may come to with all that is added to it: as much as a part of its policy allows of one, and what needs no person. The
/// ledger knows what there is of it.
fn of_payment(part: &Part, question: &Question<'_>) -> impl Iterator<Item = LimitCheck> {
    let Question { request, looked_at, now } = *question;
    let takes = request.amount.minor() > 0 && (request.kind.takes_money() || request.kind == AuthorizationKind::Incremental);
    let most = part.most(request, now).filter(|_| takes).map(|most| total("max-amount", LimitScope::Payment, most));
    let unreviewed = part.unreviewed.filter(|_| takes && looked_at == LookedAt::ByNobody).and_then(|range| range.max());
    let unreviewed = unreviewed.map(|most| total("human-review", LimitScope::Unreviewed, most.minor()));
    most.into_iter().chain(unreviewed).map(|check| LimitCheck { ways: part.ways, ..check })
}

fn total(name: &'static str, scope: LimitScope, most: i64) -> LimitCheck {
    LimitCheck {
        limit: rule(name),
        // Nothing counts there.
        counter: CounterKey(0),
        scope,
        window: Window::Lifetime,
        amount_max: Some(most),
        count_max: None,
        enforcement: Enforcement::Enforce,
        still: StillOpen::default(),
        ways: None,
    }
}

/// What a policy's own rule says, in the words for policies.
const fn policy_reason(reason: DeclineReason) -> DeclineReason {
    match reason {
        DeclineReason::AmountAboveMaximum | DeclineReason::AmountBelowMinimum => DeclineReason::PolicyAmount,
        DeclineReason::MerchantCategoryNotAllowed => DeclineReason::PolicyMerchantCategory,
        DeclineReason::MerchantNotAllowed => DeclineReason::PolicyMerchant,
        // A policy's rules give no others but for a country, a time, a currency, and several ways that are closed for several reasons.
        DeclineReason::MerchantCountryNotAllowed
        | DeclineReason::OutsideAllowedHours
        | DeclineReason::CurrencyNotAllowed
        | DeclineReason::TransactionNotPermitted
        | DeclineReason::CrossBorderNotAllowed
        | DeclineReason::EntryModeNotAllowed
        | DeclineReason::CashNotAllowed
        | DeclineReason::QuasiCashNotAllowed
        | DeclineReason::WalletNotAllowed
        | DeclineReason::SuspectedFraud
        | DeclineReason::InsufficientFunds
        | DeclineReason::AmountLimitReached
        | DeclineReason::CountLimitReached
        | DeclineReason::CardUnknown
        | DeclineReason::CardNotActive
        | DeclineReason::CardFrozen
        | DeclineReason::CardLost
        | DeclineReason::CardStolen
        | DeclineReason::CardExpired
        | DeclineReason::CardClosed
        | DeclineReason::CardholderNotActive
        | DeclineReason::AccountUnknown
        | DeclineReason::AccountFrozen
        | DeclineReason::AccountClosed
        | DeclineReason::AuthorizationUnknown
        | DeclineReason::AuthorizationOver
        | DeclineReason::CaptureAboveAuthorized
        | DeclineReason::RefundAboveCaptured
        | DeclineReason::ConflictingDuplicate
        | DeclineReason::AmountTooLarge
        | DeclineReason::LedgerUnavailable
        | DeclineReason::NotDurable
        | DeclineReason::LeftToPlatform
        | DeclineReason::LeftUnanswered
        | DeclineReason::AnswerUnknown
        | DeclineReason::PolicyAmount
        | DeclineReason::PolicyMerchantCategory
        | DeclineReason::PolicyMerchant
        | DeclineReason::PolicyOther
        | DeclineReason::PolicyLimitReached
        | DeclineReason::PolicyMissing
        | DeclineReason::AuthoritySuspended
        | DeclineReason::BindingUnknown
        | DeclineReason::IntentUnknown
        | DeclineReason::IntentExpired
        | DeclineReason::IntentUsed
        | DeclineReason::IntentMismatched
        | DeclineReason::IntentRequired
        | DeclineReason::ReviewRequired => DeclineReason::PolicyOther,
    }
}

#[cfg(test)]
mod tests;
