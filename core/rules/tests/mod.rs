//! Tests of the rules: one ordinary request to vary, and small makers of rules.
#![expect(clippy::arithmetic_side_effects, reason = "a test may fail loudly")]

mod checkout;
mod checks;
mod holds;
mod limits;
mod precedence;
mod properties;
mod rulesets;
mod zones;

use super::*;
use crate::authorization::{
    AuthorizationKind, AuthorizationRequest, CrossBorder, EntryMode, Expiry, Padding, PartialApproval, PaymentRef, Posting,
    Wallet,
};
use crate::decision::DeclineReason;
use crate::ids::{AuthorizationId, CardToken, CardholderToken, IdempotencyKey, MerchantId, NetworkName, ProgramId, RuleId};
use crate::merchant::{Country, Merchant, MerchantCategoryCode, MerchantName};
use crate::money::{Currency, Money};
use crate::time::Timestamp;

/// Groceries for 20.00 USD with a chip, at home, on an ordinary Saturday.
fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new("key-1").unwrap(),
        payment: PaymentRef::of(AuthorizationId::new("payment-1").unwrap()),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: Some(CardToken::new("card-1").unwrap()),
        cardholder: None,
        amount: usd("20.00"),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant {
            id: Some(MerchantId::new("mid-1").unwrap()),
            name: MerchantName::of("Corner Store"),
            mcc: Some(mcc("5411")),
            country: Some(country("USA")),
        },
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
        checkout: None,
    }
}

fn now() -> Timestamp {
    at("2026-03-14 15:09:26")
}

fn usd(decimal: &str) -> Money {
    Money::from_decimal(decimal, Currency::USD).unwrap()
}

fn euro(decimal: &str) -> Money {
    Money::from_decimal(decimal, Currency::from_alpha("EUR").unwrap()).unwrap()
}

fn mcc(digits: &str) -> MerchantCategoryCode {
    MerchantCategoryCode::new(digits).unwrap()
}

fn country(code: &str) -> Country {
    Country::new(code).unwrap()
}

fn id(name: &str) -> RuleId {
    RuleId::new(name).unwrap()
}

fn rule(name: &str, check: Check) -> Rule {
    Rule::new(id(name), check)
}

fn mccs(entries: &[&str]) -> MccSet {
    MccSet::new(entries.iter().map(|entry| MccEntry::parse(entry).unwrap()).collect()).unwrap()
}

fn parts(rules: Vec<Rule>, limits: Vec<Limit>) -> RulesetParts {
    RulesetParts {
        hash: RulesetHash::of("a test"),
        program: ProgramId::new("demo").unwrap(),
        currency: Currency::USD,
        country: Some(country("USA")),
        rules,
        limits,
        holds: vec![],
        partial_approval: None,
    }
}

fn ruleset(rules: Vec<Rule>, limits: Vec<Limit>) -> Ruleset {
    Ruleset::new(parts(rules, limits)).unwrap()
}

/// The reason of the one rule given, if it declines.
fn reason(rule: Rule, request: &AuthorizationRequest) -> Option<DeclineReason> {
    match evaluate(&ruleset(vec![rule], vec![]), request, now(), &mut NoTrace) {
        Verdict::Decline { reason, .. } => Some(reason),
        Verdict::Proceed(_) => None,
    }
}

/// A moment in UTC: `2026-03-14 15:09:26`.
fn at(text: &str) -> Timestamp {
    let numbers: Vec<i64> = text.split(['-', ' ', ':']).map(|number| number.parse().unwrap()).collect();
    let [year, month, day, hour, minute, second] = numbers[..] else { panic!("{text}") };
    Timestamp::from_unix_seconds(days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01, counted month by month: slow, and nothing like the code under test.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_years: i64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days_of_months: i64 = lengths.iter().take(usize::try_from(month - 1).unwrap()).sum();
    days_of_years + days_of_months + day - 1
}
