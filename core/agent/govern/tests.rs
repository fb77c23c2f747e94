//! The table of cases: policy, mode, what the question leads to and its intent, and what comes of it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::agent::ReasonCode;
use crate::agent::template::tests::read;
use crate::agent::{
    AgentId, AuthorityId, CompiledPolicy, Environment, Instrument, InstrumentId, InstrumentKind, Owner, PolicyId,
};
use crate::authorization::{CrossBorder, EntryMode, Expiry, Padding, PartialApproval, PaymentRef, Posting, Wallet};
use crate::decision::{Basis, Decision};
use crate::hold::{
    Account, AccountStatus, Asked, Card, CardStatus, CardholderStatus, Event, FoundBy, Heard, LimitUse, Slice, apply, would_pass,
};
use crate::ids::CardToken;
use crate::ids::{AuthorizationId, IdempotencyKey, MerchantId, PlatformName, ProgramId};
use crate::merchant::{MerchantCategoryCode, MerchantName};
use crate::money::{Currency, Money};
use crate::rules::{HoldPolicy, LIMITS_MAX};

pub(in crate::agent) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_694_400);

pub(in crate::agent) fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

pub(in crate::agent) fn purchase(minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new("key-1").unwrap(),
        payment: PaymentRef::of(AuthorizationId::new("payment-1").unwrap()),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: None,
        cardholder: None,
        amount: usd(minor),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant {
            id: None,
            name: MerchantName::of("Software Store"),
            mcc: MerchantCategoryCode::new("5734"),
            country: None,
        },
        entry_mode: EntryMode::Ecommerce,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    }
}

pub(in crate::agent) fn policy(template: &Value) -> Option<Arc<CompiledPolicy>> {
    let owner = Owner {
        authority: AuthorityId::new("sa_1").unwrap(),
        policy: PolicyId::new("pol_1").unwrap(),
        program: ProgramId::new("demo").unwrap(),
        currency: Currency::USD,
    };
    Some(Arc::new(CompiledPolicy::new(&read(template).unwrap(), &owner).unwrap()))
}

/// At most 100.00 USD, at 5734 and 5411, and ten payments a day.
fn demo_policy() -> Option<Arc<CompiledPolicy>> {
    policy(&json!({ "template": "all_of", "parameters": { "policies": [
        { "template": "max_amount", "parameters": { "amount": 10_000, "currency": "USD" } },
        { "template": "mcc_allowlist", "parameters": { "mccs": ["5734", "5411"] } },
        { "template": "count", "parameters": { "count": 10, "window": "day" } },
        { "template": "human_review", "parameters": { "amount": 5_000, "currency": "USD" } },
    ] } }))
}

pub(in crate::agent) fn authority() -> Authority {
    Authority {
        id: AuthorityId::new("sa_1").unwrap(),
        organization: OrganizationId::new("ent_1").unwrap(),
        environment: Environment::Sandbox,
        agent: AgentId::new("ag_1").unwrap(),
        mode: Mode::Enforce,
        status: Status::Active,
        intent_need: IntentNeed::NotRequired,
        policy: demo_policy(),
    }
}

pub(in crate::agent) fn binding() -> Binding {
    let platform = PlatformName::new("marqeta").unwrap();
    Binding {
        id: BindingId::new("bind_1").unwrap(),
        organization: OrganizationId::new("ent_1").unwrap(),
        environment: Environment::Sandbox,
        authority: AuthorityId::new("sa_1").unwrap(),
        instrument: Instrument { platform, kind: InstrumentKind::Card, id: InstrumentId::new("card-1").unwrap() },
        status: BindingStatus::Active,
        door: Door::Platform,
        made_at: Timestamp::from_unix_seconds(1),
    }
}

pub(in crate::agent) fn intent() -> Intent {
    Intent {
        reference: IntentReference::new("intent_1").unwrap(),
        organization: OrganizationId::new("ent_1").unwrap(),
        environment: Environment::Sandbox,
        authority: AuthorityId::new("sa_1").unwrap(),
        binding: None,
        amount: usd(4_999),
        merchant: Merchant { name: MerchantName::of("software store"), ..Merchant::default() },
        status: IntentStatus::Open,
        expires_at: Timestamp::from_unix_seconds(1_795_694_401),
    }
}

pub(in crate::agent) fn nothing_against(request: &AuthorizationRequest) -> Verdict {
    Verdict::Proceed(Proceed { ceiling: request.amount, limits: [].into_iter().collect(), hold: HoldPolicy::PLAIN, ways: None })
}

pub(in crate::agent) fn at_platform() -> Asking {
    Asking::AT_PLATFORM
}

fn said(
    authority: &Authority,
    intent: Presented<'_>,
    request: &AuthorizationRequest,
) -> (Result<usize, DeclineReason>, Governed) {
    let binding = binding();
    let found = Found::Authority { authority, binding: &binding, intent };
    let (verdict, governed) = govern(nothing_against(request), &found, request, at_platform(), NOW);
    match verdict {
        Verdict::Decline { reason, .. } => (Err(reason), governed),
        // What a payment may come to is beside them, and tried below.
        Verdict::Proceed(proceed) => (Ok(proceed.limits.iter().filter(|check| !check.scope.is_of_payment()).count()), governed),
    }
}

/// The same case in both modes: what enforce says, and that observe lets it pass and records just that.
fn both(
    authority: &Authority,
    intent: Presented<'_>,
    request: &AuthorizationRequest,
    expected: Result<usize, DeclineReason>,
    case: &str,
) {
    let enforce = Authority { mode: Mode::Enforce, ..authority.clone() };
    assert_eq!(said(&enforce, intent, request).0, expected, "{case}, enforce");
    let observe = Authority { mode: Mode::Observe, ..authority.clone() };
    let (passes, governed) = said(&observe, intent, request);
    assert!(passes.is_ok(), "{case}, observe: {passes:?}");
    assert_eq!(governed.would, expected.err(), "{case}, observe");
}

/// What happens, to which authority, with which intent, to which question, and what is said: so many limits, or why not.
type Case<'a> = (&'static str, &'a Authority, Presented<'a>, AuthorizationRequest, Result<usize, DeclineReason>);

#[test]
fn policy_by_mode_by_intent() {
    use DeclineReason::{
        IntentExpired, IntentMismatched, IntentRequired, IntentUnknown, PolicyAmount, PolicyMerchantCategory, PolicyMissing,
        ReviewRequired,
    };
    let plain = authority();
    let needs_intent = Authority { intent_need: IntentNeed::Required, ..authority() };
    let without_policy = Authority { policy: None, ..authority() };
    let elsewhere = |minor| {
        let mut request = purchase(minor);
        request.merchant.mcc = MerchantCategoryCode::new("7995");
        request
    };
    let open = intent();
    let approved = Intent { status: IntentStatus::Approved, amount: usd(20_000), ..intent() };
    let pending = Intent { status: IntentStatus::PendingReview, ..intent() };
    let denied = Intent { status: IntentStatus::Denied, ..intent() };
    let cancelled = Intent { status: IntentStatus::Cancelled, ..intent() };
    let expired = Intent { expires_at: NOW, ..intent() };
    let other_shop = Intent { merchant: Merchant { name: MerchantName::of("Hardware"), ..Merchant::default() }, ..intent() };
    let other_binding = Intent { binding: BindingId::new("bind_2").ok(), ..intent() };
    let other_currency = Intent { amount: Money::from_minor(9_999, Currency::from_alpha("EUR").unwrap()), ..intent() };
    let none = Presented::None;
    let unknown = Presented::Unknown(IntentReference::new("intent_0").unwrap());
    let known = Presented::Known;
    let cases: &[Case<'_>] = &[
        ("within the policy", &plain, none, purchase(4_999), Ok(1)),
        ("at what needs no review", &plain, none, purchase(5_000), Ok(1)),
        ("above it", &plain, none, purchase(5_001), Err(ReviewRequired)),
        ("above the maximum", &plain, none, purchase(10_001), Err(PolicyAmount)),
        ("at a shop of another kind", &plain, none, elsewhere(100), Err(PolicyMerchantCategory)),
        ("without a policy", &without_policy, none, purchase(1), Err(PolicyMissing)),
        ("without a policy, with an intent", &without_policy, known(&open), purchase(1), Err(PolicyMissing)),
        ("an intent that fits", &plain, known(&open), purchase(4_999), Ok(2)),
        ("an intent for more", &plain, known(&open), purchase(4_998), Ok(2)),
        ("an intent for less", &plain, known(&open), purchase(5_000), Err(IntentMismatched)),
        ("an intent and the policy's limits", &plain, known(&approved), purchase(10_001), Err(PolicyAmount)),
        ("a reviewed intent", &plain, known(&approved), purchase(9_000), Ok(2)),
        ("an intent that waits for a review", &plain, known(&pending), purchase(100), Err(ReviewRequired)),
        ("an intent that was denied", &plain, known(&denied), purchase(100), Err(IntentUnknown)),
        ("an intent that was taken back", &plain, known(&cancelled), purchase(100), Err(IntentUnknown)),
        ("an intent whose time is over", &plain, known(&expired), purchase(100), Err(IntentExpired)),
        ("an intent for another shop", &plain, known(&other_shop), purchase(100), Err(IntentMismatched)),
        ("an intent of another binding", &plain, known(&other_binding), purchase(100), Err(IntentMismatched)),
        ("an intent in another currency", &plain, known(&other_currency), purchase(100), Err(IntentMismatched)),
        ("an intent that is not there", &plain, unknown, purchase(100), Err(IntentUnknown)),
        ("no intent where one is needed", &needs_intent, none, purchase(100), Err(IntentRequired)),
        ("the intent that is needed", &needs_intent, known(&open), purchase(100), Ok(2)),
        ("an intent does not help against the policy", &plain, known(&open), elsewhere(100), Err(PolicyMerchantCategory)),
    ];
    for (case, authority, intent, request, expected) in cases {
        both(authority, *intent, request, *expected, case);
    }
}

#[test]
fn checks_and_increments_need_no_intent_and_use_none_up() {
    let needs_intent = Authority { intent_need: IntentNeed::Required, ..authority() };
    let check = AuthorizationRequest { kind: AuthorizationKind::AccountVerification, amount: usd(0), ..purchase(0) };
    let increment = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..purchase(100) };
    for request in [check, increment] {
        let (with, _) = said(&needs_intent, Presented::Known(&intent()), &request);
        let (without, _) = said(&needs_intent, Presented::None, &request);
        assert_eq!((with, without), (Ok(0), Ok(0)), "{:?}", request.kind);
    }
    // It stays with its payment's, whatever time that has, and together they are for as much.
    let over = Intent { expires_at: NOW, ..intent() };
    let limits = limits_of(&needs_intent, Presented::Opened(&over), &increment);
    assert!(limits.contains(&("intent".to_owned(), Some(4_999), None)), "{limits:?}");
    assert_eq!(said(&needs_intent, Presented::Gone, &increment).0, Err(DeclineReason::IntentUnknown));
    let refund = AuthorizationRequest { kind: AuthorizationKind::Credit, ..purchase(99_999) };
    let suspended = Authority { status: Status::Suspended, ..authority() };
    assert_eq!(said(&suspended, Presented::None, &refund).0, Ok(0), "money that comes back is nobody's to refuse");
}

/// The limits of a question: name, amount, count.
fn limits_of(
    authority: &Authority,
    intent: Presented<'_>,
    request: &AuthorizationRequest,
) -> Vec<(String, Option<i64>, Option<u32>)> {
    let binding = binding();
    let found = Found::Authority { authority, binding: &binding, intent };
    let (verdict, _) = govern(nothing_against(request), &found, request, at_platform(), NOW);
    let Verdict::Proceed(proceed) = verdict else { panic!("{verdict:?}") };
    proceed.limits.iter().map(|check| (check.limit.to_string(), check.amount_max, check.count_max)).collect()
}

/// The most that a payment may come to is the policy's, and of several ways that of the one which its merchant leaves open.
#[test]
fn what_is_added_to_a_payment_is_bounded_with_it() {
    let increment = AuthorizationRequest { kind: AuthorizationKind::Incremental, ..purchase(100) };
    let bounds = |authority: &Authority, intent: Presented<'_>, request: &AuthorizationRequest| {
        let mut limits = limits_of(authority, intent, request);
        limits.retain(|(name, ..)| name == "max-amount" || name == "human-review");
        limits.into_iter().map(|(name, most, _)| (name, most.unwrap())).collect::<Vec<_>>()
    };
    let both = [("max-amount".to_owned(), 10_000), ("human-review".to_owned(), 5_000)];
    assert_eq!(bounds(&authority(), Presented::None, &increment), both);
    assert_eq!(bounds(&authority(), Presented::None, &purchase(100)), both, "another question of the payment may add to it, too");
    let approved = Intent { status: IntentStatus::Approved, ..intent() };
    assert_eq!(bounds(&authority(), Presented::Opened(&approved), &increment), both[..1], "a person said yes");
    let ways = policy(&json!({ "template": "any_of", "parameters": { "policies": [
        { "template": "all_of", "parameters": { "policies": [
            { "template": "mcc_allowlist", "parameters": { "mccs": ["5734"] } },
            { "template": "max_amount", "parameters": { "amount": 9_000, "currency": "USD" } } ] } },
        { "template": "max_amount", "parameters": { "amount": 2_000, "currency": "USD" } },
        { "template": "mcc_allowlist", "parameters": { "mccs": ["5411"] } },
    ] } }));
    let ways = Authority { policy: ways, ..authority() };
    let at = |mcc: &str| {
        let merchant = Merchant { mcc: MerchantCategoryCode::new(mcc), ..increment.merchant };
        bounds(&ways, Presented::None, &AuthorizationRequest { merchant, ..increment })
    };
    assert_eq!(at("5734"), [("max-amount".to_owned(), 9_000)]);
    assert_eq!(at("7995"), [("max-amount".to_owned(), 2_000)]);
    assert_eq!(at("5411"), [], "there nothing bounds it");
}

#[test]
fn the_first_guard_that_objects_is_the_reason() {
    let (authority, binding, request) = (authority(), binding(), purchase(99_999));
    let suspended = Authority { status: Status::Suspended, mode: Mode::Observe, ..authority.clone() };
    let ours = Verdict::Decline { reason: DeclineReason::CashNotAllowed, rule: RuleId::new("no-cash").unwrap() };
    let found = Found::Authority { authority: &suspended, binding: &binding, intent: Presented::None };
    let reason = |verdict: &Verdict| match verdict {
        Verdict::Decline { reason, .. } => Some(*reason),
        Verdict::Proceed(_) => None,
    };
    let (verdict, governed) = govern(ours.clone(), &found, &request, at_platform(), NOW);
    assert_eq!(reason(&verdict), Some(DeclineReason::CashNotAllowed), "the program's rules come before its authority's status");
    assert_eq!(governed.authority, Some(authority.id));

    let (verdict, _) = govern(nothing_against(&request), &found, &request, at_platform(), NOW);
    assert_eq!(reason(&verdict), Some(DeclineReason::AuthoritySuspended), "observe suspends the policy, not the status");
    for status in [BindingStatus::Suspended, BindingStatus::Archived] {
        let binding = Binding { status, ..binding };
        let found = Found::Authority { authority: &authority, binding: &binding, intent: Presented::None };
        let (verdict, _) = govern(nothing_against(&request), &found, &request, at_platform(), NOW);
        assert_eq!(reason(&verdict), Some(DeclineReason::AuthoritySuspended), "{status:?}");
    }
    let nobody = Found::Nobody { reason: DeclineReason::BindingUnknown, binding: None, intent: None };
    let (verdict, governed) = govern(ours, &nobody, &request, at_platform(), NOW);
    assert_eq!((reason(&verdict), governed.authority), (Some(DeclineReason::BindingUnknown), None));
}

#[test]
fn money_moves_at_the_bindings_own_door_only() {
    let (authority, request) = (authority(), purchase(100));
    for (door, asked_at, expected) in [
        (Door::Platform, Door::Platform, Weight::Moves),
        (Door::Platform, Door::Authorize, Weight::Preview),
        // Whoever is told yes takes the money: it is held, unless our door's question has it held.
        (Door::Authorize, Door::Platform, Weight::Joins),
        (Door::Authorize, Door::Authorize, Weight::Joins),
    ] {
        let binding = Binding { door, ..binding() };
        let found = Found::Authority { authority: &authority, binding: &binding, intent: Presented::None };
        let by = OrganizationId::new("proc_1").ok();
        let (_, governed) =
            govern(nothing_against(&request), &found, &request, Asking { door: asked_at, by, ..Asking::AT_PLATFORM }, NOW);
        assert_eq!((governed.weight, governed.asked_by), (expected, by));
    }
}

#[test]
fn in_observe_limits_count_and_decline_nothing() {
    let observe = Authority { mode: Mode::Observe, ..authority() };
    let (request, binding, intent) = (purchase(100), binding(), intent());
    let found = Found::Authority { authority: &observe, binding: &binding, intent: Presented::Known(&intent) };
    let (Verdict::Proceed(proceed), _) = govern(nothing_against(&request), &found, &request, at_platform(), NOW) else {
        panic!()
    };
    let limits: Vec<_> = proceed.limits.iter().map(|check| (check.limit.as_str(), check.enforcement)).collect();
    assert_eq!(limits, ["intent", "max-amount", "human-review", "count-day"].map(|limit| (limit, Enforcement::Observe)));
}

#[test]
fn a_limit_for_which_there_is_no_room_declines() {
    let (authority, binding, request) = (authority(), binding(), purchase(100));
    let full = Proceed {
        ceiling: request.amount,
        limits: [limit_of(&intent().reference); LIMITS_MAX].into_iter().collect(),
        hold: HoldPolicy::PLAIN,
        ways: None,
    };
    let found = Found::Authority { authority: &authority, binding: &binding, intent: Presented::None };
    let (verdict, _) = govern(Verdict::Proceed(full), &found, &request, at_platform(), NOW);
    assert!(matches!(verdict, Verdict::Decline { reason: DeclineReason::PolicyOther, .. }));
}

#[test]
fn a_payment_without_a_reference_is_for_the_intent_that_names_its_shop() {
    let (binding, request) = (binding(), purchase(4_999));
    assert!(matches(&intent(), &binding, &request, NOW));
    let anywhere = Intent { merchant: Merchant::default(), ..intent() };
    assert!(!matches(&anywhere, &binding, &request, NOW), "what may be spent anywhere would be used up by anything");
    let by_id =
        |id: &str| Merchant { id: MerchantId::new(id).ok(), name: MerchantName::of("Software Store"), ..Merchant::default() };
    let asked = AuthorizationRequest { merchant: by_id("mid-1"), ..purchase(4_999) };
    assert!(matches(
        &Intent { merchant: Merchant { name: MerchantName::of("x"), ..by_id("mid-1") }, ..intent() },
        &binding,
        &asked,
        NOW
    ));
    assert!(!matches(&Intent { merchant: by_id("mid-2"), ..intent() }, &binding, &asked, NOW));
    let of_category =
        |mcc| Intent { merchant: Merchant { mcc: MerchantCategoryCode::new(mcc), ..intent().merchant }, ..intent() };
    assert!(matches(&of_category("5734"), &binding, &request, NOW));
    assert!(!matches(&of_category("5411"), &binding, &request, NOW));
    let check = AuthorizationRequest { kind: AuthorizationKind::AccountVerification, amount: usd(0), ..purchase(0) };
    assert!(!matches(&intent(), &binding, &check, NOW));
}

/// A case of the table that the sockets are tried with, too.
fn cases() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let mut lines = include_str!("cases.txt").lines().filter(|line| !line.starts_with('#'));
    let states: Vec<_> = lines.next().unwrap().split_whitespace().skip(1).collect();
    lines.flat_map(move |line| {
        let mut cells = line.split_whitespace();
        let policy = cells.next().unwrap();
        let cells: Vec<_> = cells.collect();
        assert_eq!(cells.len(), states.len(), "{line}");
        states.clone().into_iter().zip(cells).map(move |(state, code)| (policy, state, code))
    })
}

/// An intent in a state; `None` where none is named.
fn intent_in(state: &str) -> Option<Intent> {
    let anywhere = Intent { merchant: Merchant::default(), ..intent() };
    Some(match state {
        "none" => return None,
        "open" | "used" | "unknown" => anywhere,
        "approved" => Intent { status: IntentStatus::Approved, ..anywhere },
        "pending" => Intent { status: IntentStatus::PendingReview, ..anywhere },
        "denied" => Intent { status: IntentStatus::Denied, ..anywhere },
        "cancelled" => Intent { status: IntentStatus::Cancelled, ..anywhere },
        "expired" => Intent { expires_at: NOW, ..anywhere },
        "mismatched" => Intent { amount: usd(100), ..anywhere },
        other => panic!("no state: {other}"),
    })
}

/// What the ledger makes of an opinion, on an account with plenty: the intent is used up if it is, and 0.02 of the budget are.
fn decided(verdict: &Verdict, request: &AuthorizationRequest, used: bool) -> (Decision, LimitUses) {
    let Verdict::Proceed(proceed) = verdict else { return (decision_of(verdict), LimitUses::new()) };
    let of = |check: &LimitCheck| {
        if check.scope == LimitScope::Intent {
            LimitUse { amount: 0, count: u32::from(used) }
        } else if check.scope.is_of_payment() {
            LimitUse::default()
        } else {
            LimitUse { amount: 2, count: 1 }
        }
    };
    let uses: LimitUses = proceed.limits.iter().map(of).collect();
    let account = Account { currency: Currency::USD, status: AccountStatus::Active, posted: 1_000_000, held: 0, credit_line: 0 };
    let slice = Slice {
        account: Some(account),
        card: Some(Card { status: CardStatus::Active, cardholder: CardholderStatus::Active }),
        hold: None,
        found_by: FoundBy::ItsNames,
        steps: &[],
        counted: &[],
        answered: None,
        heard: Heard::First,
        uses: &uses,
        standing: None,
    };
    let digest = request.content_digest();
    let asked = Asked { request, digest, asked_at: NOW, verdict, weight: Weight::Moves };
    let (decision, _) = apply(&slice, &Event::Asked(asked), NOW).decision.unwrap();
    (decision, uses)
}

fn decision_of(verdict: &Verdict) -> Decision {
    match verdict {
        Verdict::Decline { reason, .. } => Decision::Decline { reason: *reason },
        Verdict::Proceed(proceed) => Decision::Approve { amount: proceed.ceiling },
    }
}

type LimitUses = arrayvec::ArrayVec<LimitUse, LIMITS_MAX>;

#[test]
fn every_policy_by_every_mode_by_every_state_of_an_intent() {
    let policies: Value = serde_json::from_str(include_str!("policies.json")).unwrap();
    let (binding, basis) = (binding(), Basis::Ledger);
    let mut tried = 0;
    for (name, state, expected) in cases() {
        let template = &policies[name];
        let policy = if template.is_null() { None } else { policy(template) };
        let request = AuthorizationRequest { card: CardToken::new("card-1").ok(), ..purchase(4_999) };
        let intent = intent_in(state);
        let presented = match (&intent, state) {
            (Some(intent), "unknown") => Presented::Unknown(intent.reference),
            (Some(intent), _) => Presented::Known(intent),
            (None, _) => Presented::None,
        };
        for mode in Mode::ALL.iter().copied() {
            let authority = Authority { mode, policy: policy.clone(), ..authority() };
            let found = Found::Authority { authority: &authority, binding: &binding, intent: presented };
            let (verdict, governed) = govern(nothing_against(&request), &found, &request, at_platform(), NOW);
            let (decision, uses) = decided(&verdict, &request, state == "used");
            let code = ReasonCode::of(&decision, &basis, Some(&governed)).code();
            let would = governed.would.or_else(|| would_pass(&request, &verdict, (&uses, &[])));
            let would = would.map_or("POLICY_MATCH", |reason| ReasonCode::of_decline(reason).code());
            match mode {
                Mode::Enforce => assert_eq!(code, expected, "{name}, {state}, enforce"),
                Mode::Observe => assert_eq!((code, would), ("OBSERVE_ONLY", expected), "{name}, {state}, observe"),
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 13 * 10 * 2);
}
