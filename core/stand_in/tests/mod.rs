//! Tests of stand-in: one ordinary request and snapshot to vary, and small makers of rows and caps.
#![expect(clippy::arithmetic_side_effects, reason = "a test may fail loudly")]

mod caps;
mod conditions;
mod people;
mod precedence;
mod properties;

use super::*;
use crate::authorization::{
    AuthorizationKind, AuthorizationRequest, CrossBorder, EntryMode, Expiry, Padding, PartialApproval, PaymentRef, Posting,
    Wallet,
};
use crate::decision::{Basis, DeclineReason, StandInBasis, StandInBy, StandInCause};
use crate::hold::{AccountStatus, CardStatus, CardholderStatus};
use crate::ids::{AccountId, AuthorizationId, CardToken, IdempotencyKey, PlatformName, ProgramId, RuleId};
use crate::merchant::{Country, Merchant, MerchantCategoryCode};
use crate::money::{Currency, Money};
use crate::rules::{
    KindSet, Limit, LimitScope, MccEntry, MccSet, NoTrace, Rule, Ruleset, RulesetHash, RulesetParts, Verdict, When, evaluate,
};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_500_966);
const CAUSE: StandInCause = StandInCause::LedgerUnavailable;

fn seconds_ago(seconds: u64) -> Timestamp {
    NOW.saturating_sub(std::time::Duration::from_secs(seconds))
}

fn seconds_later(seconds: u64) -> Timestamp {
    NOW.saturating_add(std::time::Duration::from_secs(seconds))
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn id(name: &str) -> RuleId {
    RuleId::new(name).unwrap()
}

fn platform() -> PlatformName {
    PlatformName::new("marqeta").unwrap()
}

/// Groceries for 20.00 USD with a chip, at home.
fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new("key-1").unwrap(),
        payment: PaymentRef::of(AuthorizationId::new("payment-1").unwrap()),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: Some(CardToken::new("card-1").unwrap()),
        cardholder: None,
        amount: usd(2000),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant { id: None, name: None, mcc: MerchantCategoryCode::new("5411"), country: Country::new("USA") },
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    }
}

fn card() -> CardSight {
    CardSight {
        status: CardStatus::Active,
        cardholder: CardholderStatus::Active,
        as_of: seconds_ago(60),
        since: Some(seconds_ago(86_400)),
        used: Acquaintance::Known,
    }
}

fn account() -> AccountSight {
    AccountSight {
        id: AccountId::new("account-1").unwrap(),
        status: AccountStatus::Active,
        available: usd(10_000),
        as_of: seconds_ago(60),
        let_go: None,
    }
}

fn snapshot() -> Snapshot {
    Snapshot { card: Sight::Seen(card()), account: Sight::Seen(account()), merchant: Acquaintance::Known, adds_to: AddsTo::Open }
}

fn ruleset(rules: Vec<Rule>, limits: Vec<Limit>) -> Ruleset {
    Ruleset::new(RulesetParts {
        hash: RulesetHash::of("rules"),
        program: ProgramId::new("demo").unwrap(),
        currency: Currency::USD,
        country: Country::new("USA"),
        rules,
        limits,
        holds: vec![],
        partial_approval: None,
    })
    .unwrap()
}

/// What rules that object to nothing think.
fn proceed(request: &AuthorizationRequest) -> Verdict {
    evaluate(&ruleset(vec![], vec![]), request, NOW, &mut NoTrace)
}

fn when(when: When) -> Conditions {
    Conditions { when, ..Conditions::default() }
}

fn mcc(entries: &[&str]) -> Option<MccSet> {
    Some(MccSet::new(entries.iter().map(|entry| MccEntry::parse(entry).unwrap()).collect()).unwrap())
}

fn kinds(kinds: &[AuthorizationKind]) -> Option<KindSet> {
    Some(KindSet::new(kinds).unwrap())
}

fn cap(name: &str, scope: LimitScope, window: CapWindow) -> Cap {
    Cap { id: id(name), description: None, scope, window, amount_max: None, count_max: None }
}

fn parts(rows: Vec<Row>) -> StandInParts {
    StandInParts {
        hash: RulesetHash::of("a table"),
        currency: Currency::USD,
        country: Country::new("USA"),
        mode: Mode::Rules,
        rows,
        caps: Caps { exposure_max: Some(usd(1_000_000)), caps: vec![] },
    }
}

fn policy(rows: Vec<Row>) -> StandInPolicy {
    StandInPolicy::new(parts(rows)).unwrap()
}

fn asked(policy: &StandInPolicy, request: &AuthorizationRequest, snapshot: &Snapshot) -> Proposal {
    stand_in(policy, &platform(), request, Some(&proceed(request)), snapshot, CAUSE, NOW)
}

/// What one row comes to: its own answer, or that no row applied.
fn by(row: Row, request: &AuthorizationRequest, snapshot: &Snapshot) -> StandInBy {
    asked(&policy(vec![row]), request, snapshot).uncapped().1
}

fn basis(by: StandInBy) -> Basis {
    Basis::StandInTable(StandInBasis { cause: CAUSE, by, table: RulesetHash::of("a table") })
}
