//! Payments of our doors, as fixtures show the answers about them.

use holdfast_core::hold::{Hold, HoldStatus};
use holdfast_core::rules::Enforcement;
use holdfast_core::{
    AuthorizationId, CardToken, Currency, Decision, DeclineReason, MerchantId, Money, Posting, RuleId, Timestamp,
};

use super::reply::{REFERENCE, encoded};
use super::{Case, NOW};
use crate::answer::{Answer, Echo};
use crate::payment::{
    AddressVerification, CardBrand, CheckCall, Checked, CheckedRule, NotDone, Page, Payment, PaymentCall,
    SecurityCodeVerification, Seen, Standing, Written,
};

/// What was known of the fixtures' merchant and instrument.
pub(super) fn seen() -> Seen {
    Seen {
        application: Some("APfixture".to_owned()),
        merchant_name: "Fixture Store".to_owned(),
        address: vec!["1 Main Street".to_owned(), "Springfield, IL 62701".to_owned()],
        phone: Some("217-555-0100".to_owned()),
        time_zone: "America/New_York".to_owned(),
        brand: Some(CardBrand::Visa),
        last_four: Some("1111".to_owned()),
        address_verification: AddressVerification::PostalCodeMatch,
        security_code_verification: SecurityCodeVerification::Matched,
    }
}

/// A payment as it was asked for, with this decision.
pub(super) fn payment(call: &PaymentCall<'_>, standing: Standing) -> Payment {
    let request = &call.call.request;
    Payment {
        id: request.payment.authorization,
        reference: REFERENCE,
        merchant: call.slip.merchant,
        source: call.slip.source,
        asked_at: NOW,
        changed_at: NOW,
        standing,
        hold: None,
        expires_at: match standing {
            Standing::Decided(Decision::Approve { .. }) => Some(NOW.saturating_add(std::time::Duration::from_secs(7 * 86_400))),
            Standing::Decided(Decision::Decline { .. }) | Standing::Awaiting { .. } | Standing::Unauthenticated => None,
        },
        written: Some(Written { text: call.slip.text.clone(), seen: seen(), awaited: None }),
        released_by: None,
        ordered: None,
    }
}

/// What the adapter writes to a new payment.
pub(super) fn asked(case: &Case, call: &PaymentCall<'_>, words: &str) -> Result<String, String> {
    let standing = match words.split_once(' ').unwrap_or((words, "")) {
        ("approve", "") => Standing::Decided(Decision::Approve { amount: call.call.request.amount }),
        ("awaiting", "") => Standing::Awaiting { until: NOW.saturating_add(std::time::Duration::from_secs(900)) },
        ("unauthenticated", "") => Standing::Unauthenticated,
        ("decline", name) => Standing::Decided(Decision::Decline { reason: reason(name)? }),
        ("not", rest) => return not_done(case, &call.call.echo, rest, None),
        _ => return Err(format!("`{words}` does not answer a payment")),
    };
    Ok(encoded(case, &call.call.echo, &Answer::Payment(&payment(call, standing))))
}

/// What it writes to anything later.
pub(super) fn later(case: &Case, echo: &Echo<'_>, words: &str) -> Result<String, String> {
    let of = |status, captured| of_status(case.fixture.currency, status, captured);
    let payment = match words {
        "payment" => of(HoldStatus::Open, 0),
        "captured" => of(HoldStatus::Captured, 1_000),
        "voided" => of(HoldStatus::Released, 0),
        "expired" => of(HoldStatus::Expired, 0),
        "payments" => {
            let page = Page { payments: vec![of(HoldStatus::Open, 0), of(HoldStatus::Captured, 1_000)], next: Some(0x2a) };
            return Ok(encoded(case, echo, &Answer::Payments(&page)));
        }
        _ => {
            let rest = words.strip_prefix("not ").ok_or_else(|| format!("`{words}` does not answer this"))?;
            let (_, name) = rest.split_once(' ').unwrap_or(("", rest));
            let known = (name != "authorization_unknown").then(|| of(HoldStatus::Captured, 1_000));
            return not_done(case, echo, rest, known.as_ref());
        }
    };
    Ok(encoded(case, echo, &Answer::Payment(&payment)))
}

/// What it writes to a check.
pub(super) fn checked(case: &Case, call: &CheckCall<'_>, words: &str) -> Result<String, String> {
    let rule = |id: &str, reason, enforcement, description: Option<&str>| CheckedRule {
        id: RuleId::new(id).unwrap(),
        description: description.map(str::to_owned),
        reason,
        enforcement,
    };
    let on_trial = rule("small", DeclineReason::AmountBelowMinimum, Enforcement::Observe, None);
    let rules = match words {
        "allowed" => vec![on_trial],
        "not allowed" => {
            let denied =
                rule("no-gambling", DeclineReason::MerchantCategoryNotAllowed, Enforcement::Enforce, Some("No \"betting\""));
            vec![on_trial, denied]
        }
        _ => return Err(format!("`{words}` does not answer a check")),
    };
    let id = call.request.payment.authorization;
    let checked = Checked {
        id,
        roc: "000000012345".to_owned(),
        allowed: words == "allowed",
        rules,
        limits: crate::payment::LimitsAre::Asked,
    };
    Ok(encoded(case, &call.echo, &Answer::Checked(&checked)))
}

fn not_done(case: &Case, echo: &Echo<'_>, words: &str, payment: Option<&Payment>) -> Result<String, String> {
    let name = words.strip_prefix("done ").ok_or_else(|| format!("`not {words}` is no answer"))?;
    Ok(encoded(case, echo, &Answer::NotDone(NotDone { reason: reason(name)?, payment })))
}

fn reason(name: &str) -> Result<DeclineReason, String> {
    DeclineReason::ALL.iter().copied().find(|reason| reason.name() == name).ok_or_else(|| format!("`{name}` is no reason"))
}

fn of_status(currency: Currency, status: HoldStatus, captured: i64) -> Payment {
    let expires_at = Some(NOW.saturating_add(std::time::Duration::from_secs(7 * 86_400)));
    let held = if status == HoldStatus::Open { 1_000 } else { 0 };
    let text = format!(r#"{{"amount":1000,"currency":"{}","tags":{{"order":"7"}}}}"#, currency.code());
    Payment {
        id: AuthorizationId::new("AU0123456789abcdefABCDEF").unwrap(),
        reference: REFERENCE,
        merchant: MerchantId::new("merchant-fixture").unwrap(),
        source: CardToken::new("PIfixture").unwrap(),
        asked_at: NOW,
        changed_at: Timestamp::from_unix_seconds(NOW.unix_seconds() + 60),
        standing: Standing::Decided(Decision::Approve { amount: Money::from_minor(1_000, currency) }),
        hold: Some(Hold { posting: Posting::Hold, status, authorized: 1_000, held, captured, expires_at, ..Hold::NONE }),
        expires_at,
        written: Some(Written { text, seen: seen(), awaited: None }),
        released_by: None,
        ordered: None,
    }
}
