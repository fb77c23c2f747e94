//! What an authority makes of a question, beside what the program's rules think of it.
//!
//! [`govern`] is a column of guards; their order is the order of precedence and is tested: nothing leads to an authority, the program's
//! rules, the authority's status, its intent, its policy, a review. In observe the last three decline nothing: what the first of them
//! would have said is recorded. Funds, status of cards, and limits are the ledger's, as always: what a payment may come to, with all that
//! is added to it, is such a limit.

use crate::authorization::{AuthorizationKind, AuthorizationRequest};
use crate::decision::DeclineReason;
use crate::ids::{AuthorizationId, RuleId};
use crate::merchant::Merchant;
use crate::rules::{CounterKey, Enforcement, LimitCheck, LimitScope, Proceed, StillOpen, Verdict, Window};
use crate::time::Timestamp;

use super::governed::{CorrelationDigest, Governed};
use super::ids::{BindingId, IntentReference, OrganizationId};
use super::naming::naming;
use super::objects::{Authority, Binding, Intent};
use super::opinion::{LookedAt, Opinion, Question};
use super::words::{BindingStatus, Door, IntentNeed, IntentStatus, Mode, Status, Weight};

/// What a question leads to.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// To no authority that the caller may ask about.
    Nobody {
        /// Why.
        reason: DeclineReason,
        /// The binding that was named, where there is one.
        binding: Option<BindingId>,
        /// The intent that was named.
        intent: Option<IntentReference>,
    },
    /// To this one.
    Authority {
        /// Whose policy decides.
        authority: &'a Authority,
        /// What led there.
        binding: &'a Binding,
        /// What the payment is for.
        intent: Presented<'a>,
    },
}

/// The intent of a question.
#[derive(Debug, Clone, Copy)]
pub enum Presented<'a> {
    /// None was named, and none fits.
    None,
    /// One was named that is not there.
    Unknown(IntentReference),
    /// This one was named, or is the only one that fits.
    Known(&'a Intent),
    /// The payment is there, and was opened for this one.
    Opened(&'a Intent),
    /// The payment is there, and was opened for one that is not in force any more.
    Gone,
}

/// Who asks, and where.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// At which door.
    pub door: Door,
    /// The processor, at ours.
    pub by: Option<OrganizationId>,
    /// The name of the platform's own payment, which the processor told.
    pub payment: Option<AuthorizationId>,
    /// By what the processor finds its question again.
    pub correlation: Option<CorrelationDigest>,
}

impl Asking {
    /// The card's own platform.
    pub const AT_PLATFORM: Asking = Asking { door: Door::Platform, by: None, payment: None, correlation: None };
}

/// What is thought of a question in the end: by the program's rules, and by the authority that it leads to.
#[must_use]
pub fn govern(
    program: Verdict,
    found: &Found<'_>,
    request: &AuthorizationRequest,
    asking: Asking,
    now: Timestamp,
) -> (Verdict, Governed) {
    let (authority, binding, intent) = match *found {
        Found::Nobody { reason, binding, intent } => {
            return (declined(reason), nobodys(binding, intent, asking));
        }
        Found::Authority { authority, binding, intent } => (authority, binding, intent),
    };
    let mut governed = governed_by(authority, binding, &intent, asking);
    if !is_governed(request.kind) {
        return (program, governed);
    }
    let proceed = match program {
        Verdict::Decline { .. } => return (program, governed),
        Verdict::Proceed(proceed) => proceed,
    };
    if authority.status != Status::Active || binding.status != BindingStatus::Active {
        return (declined(DeclineReason::AuthoritySuspended), governed);
    }
    let opinion = authority.policy.as_ref().map(|policy| {
        let looked_at = if is_reviewed(&intent) { LookedAt::ByPerson } else { LookedAt::ByNobody };
        Opinion::of(policy, &Question { request, looked_at, now })
    });
    let of_policy = opinion.as_ref().map_or(Some(DeclineReason::PolicyMissing), |opinion| opinion.objection);
    let objection = of_intent(authority, binding, &intent, request, now).or(of_policy);
    match (authority.mode, objection) {
        (Mode::Enforce, Some(reason)) => return (declined(reason), governed),
        (Mode::Observe, would) => governed.would = would,
        (Mode::Enforce, None) => {}
    }
    let used = used_up(&intent, binding, request, now);
    let naming = match (asking.payment, governed.weight, &used) {
        (Some(payment), Weight::Preview, Some(_)) => governed.intent.and_then(|intent| naming(binding, &payment, &intent, now)),
        (_, _, _) => None,
    };
    let mut verdict = counted(proceed, used, opinion.as_ref(), authority.mode);
    if let (Verdict::Proceed(proceed), Some(naming)) = (&mut verdict, naming) {
        // It forbids nothing: where there is no room for it, the platform's question finds its intent as one that names none does.
        let _ = proceed.limits.try_push(naming);
    }
    (verdict, governed)
}

/// Whether an authority has a say: not on money that comes back, and not on what only asks for a balance.
const fn is_governed(kind: AuthorizationKind) -> bool {
    match kind {
        AuthorizationKind::Purchase
        | AuthorizationKind::PurchaseWithCashback
        | AuthorizationKind::CashWithdrawal
        | AuthorizationKind::QuasiCash
        | AuthorizationKind::BillPayment
        | AuthorizationKind::AccountVerification
        | AuthorizationKind::Incremental
        | AuthorizationKind::Unknown => true,
        AuthorizationKind::Credit | AuthorizationKind::BalanceInquiry => false,
    }
}

/// Whether a question opens a payment: only those need an intent, and use one up.
pub(super) fn opens(request: &AuthorizationRequest) -> bool {
    request.kind.takes_money() && request.amount.minor() > 0
}

/// What is against a payment's intent, or its having none.
fn of_intent(
    authority: &Authority,
    binding: &Binding,
    intent: &Presented<'_>,
    request: &AuthorizationRequest,
    now: Timestamp,
) -> Option<DeclineReason> {
    match intent {
        Presented::None if authority.intent_need == IntentNeed::Required && opens(request) => Some(DeclineReason::IntentRequired),
        // What its payment may come to with it is a limit.
        Presented::None | Presented::Opened(_) => None,
        Presented::Unknown(_) | Presented::Gone => Some(DeclineReason::IntentUnknown),
        Presented::Known(intent) => objection_of(intent, binding, request, now),
    }
}

/// Whether a person said yes to it.
const fn is_reviewed(intent: &Presented<'_>) -> bool {
    matches!(
        intent,
        Presented::Known(Intent { status: IntentStatus::Approved, .. })
            | Presented::Opened(Intent { status: IntentStatus::Approved, .. })
    )
}

/// Why a payment cannot be for an intent.
#[must_use]
pub fn objection_of(intent: &Intent, binding: &Binding, request: &AuthorizationRequest, now: Timestamp) -> Option<DeclineReason> {
    let is_over = intent.expires_at <= now;
    match intent.status {
        IntentStatus::Denied | IntentStatus::Cancelled => Some(DeclineReason::IntentUnknown),
        // Nobody can review it any more.
        IntentStatus::PendingReview | IntentStatus::Open | IntentStatus::Approved if is_over => {
            Some(DeclineReason::IntentExpired)
        }
        IntentStatus::PendingReview => Some(DeclineReason::ReviewRequired),
        IntentStatus::Open | IntentStatus::Approved => {
            (!fits(intent, binding, request)).then_some(DeclineReason::IntentMismatched)
        }
    }
}

/// Whether a payment that names no intent is for this one: it says where it will be spent, and everything about it fits.
#[must_use]
pub fn matches(intent: &Intent, binding: &Binding, request: &AuthorizationRequest, now: Timestamp) -> bool {
    let names_merchant = intent.merchant.id.is_some() || intent.merchant.name.is_some();
    names_merchant && opens(request) && objection_of(intent, binding, request, now).is_none()
}

fn fits(intent: &Intent, binding: &Binding, request: &AuthorizationRequest) -> bool {
    let same_authority = intent.authority == binding.authority && intent.environment == binding.environment;
    let same_binding = intent.binding.is_none_or(|only| only == binding.id);
    // An intent is for so much at most: what is less is not more than was said.
    let amount = request.amount.currency() == intent.amount.currency() && request.amount.minor() <= intent.amount.minor();
    same_authority && same_binding && (amount || request.amount.is_zero()) && merchant_fits(&intent.merchant, &request.merchant)
}

/// What an intent tells of its merchant must not be contradicted; of identifier and name, one that both tell must agree. What the network
/// tells of a merchant's name differs from time to time, so that an identifier that agrees is enough.
fn merchant_fits(told: &Merchant, asked: &Merchant) -> bool {
    let same_merchant = match (told.id, asked.id, told.name, asked.name) {
        (Some(told), Some(asked), _, _) => told == asked,
        (_, _, Some(told), Some(asked)) => told == asked,
        (None, _, None, _) => true,
        (_, _, _, _) => false,
    };
    let contradicts = |told: Option<u16>, asked: Option<u16>| told.zip(asked).is_some_and(|(told, asked)| told != asked);
    let same_country = told.country.zip(asked.country).is_none_or(|(told, asked)| told == asked);
    same_merchant && same_country && !contradicts(told.mcc.map(|mcc| mcc.number()), asked.mcc.map(|mcc| mcc.number()))
}

/// The limit that a payment's intent is: of one that the payment cannot be for, which is let pass in observe, nothing is used up.
fn used_up(intent: &Presented<'_>, binding: &Binding, request: &AuthorizationRequest, now: Timestamp) -> Option<LimitCheck> {
    match intent {
        Presented::Known(intent) if opens(request) && objection_of(intent, binding, request, now).is_none() => {
            Some(limit_of(&intent.reference))
        }
        // It is no second payment, and together they are for so much at most.
        Presented::Opened(intent) if request.amount.minor() > 0 => {
            Some(LimitCheck { amount_max: Some(intent.amount.minor()), count_max: None, ..limit_of(&intent.reference) })
        }
        Presented::Known(_) | Presented::None | Presented::Unknown(_) | Presented::Opened(_) | Presented::Gone => None,
    }
}

/// The program's opinion, with the authority's limits behind its own: an intent is used up by a limit like any other, so that of payments
/// at once the ledger lets one win.
fn counted(proceed: Proceed, used: Option<LimitCheck>, opinion: Option<&Opinion>, mode: Mode) -> Verdict {
    let enforcement = match mode {
        Mode::Observe => Enforcement::Observe,
        Mode::Enforce => Enforcement::Enforce,
    };
    let of_policy = opinion.iter().flat_map(|opinion| opinion.limits.iter().copied());
    let mut proceed = Proceed { ways: opinion.and_then(|opinion| opinion.ways), ..proceed };
    for check in used.into_iter().chain(of_policy) {
        if proceed.limits.try_push(LimitCheck { enforcement, ..check }).is_err() {
            // A limit that is left out would let pass what somebody forbade.
            return declined(DeclineReason::PolicyOther);
        }
    }
    Verdict::Proceed(proceed)
}

/// The limit that an intent is: one payment, ever.
#[must_use]
pub fn limit_of(reference: &IntentReference) -> LimitCheck {
    LimitCheck {
        limit: rule("intent"),
        counter: CounterKey::of(&["intent", reference.as_str()]),
        scope: LimitScope::Intent,
        window: Window::Lifetime,
        amount_max: None,
        count_max: Some(1),
        enforcement: Enforcement::Enforce,
        still: StillOpen::default(),
        ways: None,
    }
}

pub(super) fn declined(reason: DeclineReason) -> Verdict {
    Verdict::Decline { reason, rule: rule("spending-authority") }
}

/// The name of what decides here, in records and metrics.
pub(super) fn rule(name: &'static str) -> RuleId {
    RuleId::new(name).unwrap_or_else(|_| RuleId::unknown_method())
}

fn nobodys(binding: Option<BindingId>, intent: Option<IntentReference>, asking: Asking) -> Governed {
    let (authority, policy, would) = (None, None, None);
    let Asking { by: asked_by, correlation, .. } = asking;
    Governed { authority, policy, binding, intent, asked_by, mode: Mode::Enforce, weight: Weight::Moves, would, correlation }
}

fn governed_by(authority: &Authority, binding: &Binding, intent: &Presented<'_>, asking: Asking) -> Governed {
    Governed {
        authority: Some(authority.id),
        policy: authority.policy.as_ref().map(|policy| policy.version),
        binding: Some(binding.id),
        intent: match intent {
            Presented::None | Presented::Gone => None,
            Presented::Unknown(reference) => Some(*reference),
            Presented::Known(intent) | Presented::Opened(intent) => Some(intent.reference),
        },
        asked_by: asking.by,
        mode: authority.mode,
        weight: weight(asking.door, binding.door),
        would: None,
        correlation: asking.correlation,
    }
}

/// What is decided at a door moves, for a binding whose own door is that one or another. A platform that was told yes takes the money: its
/// questions always move, unless their payment came by our door before.
const fn weight(at: Door, own: Door) -> Weight {
    match (at, own) {
        (Door::Platform, Door::Platform) => Weight::Moves,
        (Door::Authorize, Door::Platform) => Weight::Preview,
        (Door::Platform | Door::Authorize, Door::Authorize) => Weight::Joins,
    }
}

#[cfg(test)]
pub(super) mod tests;
