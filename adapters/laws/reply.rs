//! The answers that fixtures ask for, by the words after `--- reply`, and what an adapter writes for them.
//!
//! | words | answer |
//! |---|---|
//! | `approve`, `approve 12.34` | yes, for the amount asked, or for less |
//! | `decline insufficient_funds` | no, for any reason's name |
//! | `balance`, `balances`, `no balances` | one account's balance, those of two, of none |
//! | `awaiting`, `unauthenticated` | a payment that waits for its payer to be authenticated, or did so in vain |
//! | `payment`, `captured`, `voided`, `expired`, `payments` | a payment of ours as it stands, or a page with it |
//! | `not done authorization_over` | what was asked of a payment of ours is not done, for any reason's name; of none that is unknown |
//! | `acknowledged` | recorded, or nothing to do |
//! | `refused` | what a malformed callback hears |
//! | `refused not_authentic`, `too_large`, `too_early`, `not_durable`, `unavailable` | what others hear |

use std::fmt::Write as _;

use holdfast_core::{AccountId, Currency, Decision, DeclineReason, Money};

use super::{Case, NOW, keyring, payments};
use crate::answer::{AccountBalance, Answer, DecisionReference, Echo, Refused, Reply};
use crate::inbound::{Inbound, Malformed};
use crate::payment::{AuthenticatedCall, ListCall, LookCall, OrderCall, PaymentTurn};

/// Our name for every fixture's decision.
pub(super) const REFERENCE: DecisionReference = DecisionReference::from_digest(*b"holdfast-fixture");

/// The answers that a fixture shows where it does not say which.
pub(super) fn usual(inbound: &Result<Inbound<'_>, Malformed>) -> &'static [&'static str] {
    match inbound {
        Ok(Inbound::Authorization(_)) => &["approve", "decline insufficient_funds"],
        Ok(Inbound::Payment(call)) if call.turn == PaymentTurn::OnceAuthenticated => &["awaiting", "unauthenticated"],
        Ok(Inbound::Payment(_)) => &["approve", "decline insufficient_funds", "decline card_unknown"],
        Ok(Inbound::Authenticated(_)) => &["payment", "not done authorization_over", "not done authorization_unknown"],
        Ok(Inbound::Order(_)) => &["payment", "not done authorization_over", "not done authorization_unknown"],
        Ok(Inbound::Look(_)) => &["payment", "not done authorization_unknown"],
        Ok(Inbound::List(_)) => &["payments"],
        Ok(Inbound::Check(_)) => &["allowed", "not allowed"],
        Ok(Inbound::Balance(_)) => &["balance"],
        Ok(Inbound::Notification { .. } | Inbound::Handshake { .. }) => &["acknowledged"],
        Ok(Inbound::Fetch(_)) => &[],
        Err(_) => &["refused"],
    }
}

/// What the adapter writes for the answer of these words.
///
/// # Errors
/// No such answer, or not to this callback.
pub(super) fn reply(case: &Case, inbound: &Result<Inbound<'_>, Malformed>, words: &str) -> Result<String, String> {
    if let Some(cause) = words.strip_prefix("refused") {
        let refused = match (cause.trim(), inbound) {
            ("", Err(malformed)) => Refused::Malformed(malformed.clone()),
            ("", Ok(_)) => return Err("is understood, so nothing is refused".to_owned()),
            ("not_authentic", _) => Refused::NotAuthentic,
            ("too_slow", _) => Refused::TooSlow,
            ("too_large", _) => Refused::TooLarge,
            ("too_early", _) => Refused::TooEarly,
            ("not_durable", _) => Refused::NotDurable,
            ("unavailable", _) => Refused::Unavailable,
            (other, _) => return Err(format!("`refused {other}` is no answer")),
        };
        let mut body = Vec::new();
        let reply = case.adapter.refuse(&refused, &mut body);
        return Ok(render(&reply, &body));
    }
    match inbound {
        Err(malformed) => Err(format!("is not understood ({malformed}), so `{words}` cannot be answered")),
        Ok(Inbound::Fetch(_)) => Err("asks for a fetch; what was fetched goes under `--- fetched`".to_owned()),
        Ok(Inbound::Authorization(call)) => decided(case, &call.echo, call.request.amount, words),
        Ok(Inbound::Payment(call)) => payments::asked(case, call, words),
        Ok(Inbound::Check(call)) => payments::checked(case, call, words),
        Ok(
            Inbound::Authenticated(AuthenticatedCall { echo, .. })
            | Inbound::Order(OrderCall { echo, .. })
            | Inbound::Look(LookCall { echo, .. })
            | Inbound::List(ListCall { echo, .. }),
        ) => payments::later(case, echo, words),
        Ok(Inbound::Balance(call)) => {
            let answer = match words {
                "balance" => &balances(case.fixture.currency)[..1],
                "balances" => &balances(case.fixture.currency)[..],
                "no balances" => &[],
                other => return Err(format!("`{other}` does not answer a balance read")),
            };
            Ok(encoded(case, &call.echo, &Answer::Balances(answer)))
        }
        Ok(Inbound::Notification { echo, .. } | Inbound::Handshake { echo }) => match words {
            "acknowledged" => Ok(encoded(case, echo, &Answer::Acknowledged)),
            other => Err(format!("`{other}` does not answer what is only acknowledged")),
        },
    }
}

fn decided(case: &Case, echo: &Echo<'_>, asked: Money, words: &str) -> Result<String, String> {
    let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
    let (decision, balance) = match (verb, rest) {
        ("approve", "") => (Decision::Approve { amount: asked }, None),
        ("approve", less) => {
            let amount = Money::from_decimal(less, asked.currency()).map_err(|error| format!("`{less}` {error}"))?;
            (Decision::Approve { amount }, None)
        }
        ("decline", name) => {
            let reason = DeclineReason::ALL.iter().find(|reason| reason.name() == name);
            (Decision::Decline { reason: *reason.ok_or_else(|| format!("`{name}` is no reason"))? }, None)
        }
        ("balance", "") => (Decision::Approve { amount: asked }, Some(balances(asked.currency())[0])),
        _ => return Err(format!("`{words}` does not answer an authorization")),
    };
    Ok(encoded(case, echo, &Answer::Decided { decision, reference: REFERENCE, balance: balance.as_ref(), said: None }))
}

/// 440.00 posted, 27.45 held, 412.55 available (in minor units for currencies with other exponents); and a frozen account.
pub(super) fn balances(currency: Currency) -> [AccountBalance; 2] {
    let money = |minor| Money::from_minor(minor, currency);
    let account = |name| AccountId::new(name).unwrap();
    let first = AccountBalance {
        account: account("acct-fixture"),
        posted: money(44_000),
        held: money(2_745),
        available: money(41_255),
        usable: true,
    };
    let second = AccountBalance {
        account: account("acct-fixture-2"),
        posted: money(1_000),
        held: money(0),
        available: money(1_000),
        usable: false,
    };
    [first, second]
}

pub(super) fn encoded(case: &Case, echo: &Echo<'_>, answer: &Answer<'_>) -> String {
    let mut body = Vec::new();
    let reply = case.adapter.encode(echo, answer, &keyring(), NOW, &mut body);
    render(&reply, &body)
}

/// The call back first, where there is one, for so it goes; then status, headers and body. A media type is only named if it
/// is not JSON's.
fn render(reply: &Reply, body: &[u8]) -> String {
    let mut text = String::new();
    if let Some(call) = &reply.call_back {
        writeln!(text, "call back {}\n{}", call.path, String::from_utf8_lossy(&call.body)).unwrap();
    }
    write!(text, "{}", reply.status).unwrap();
    if reply.content_type != "application/json" {
        write!(text, "\nContent-Type: {}", reply.content_type).unwrap();
    }
    for (name, value) in &reply.headers {
        write!(text, "\n{name}: {}", value.to_str().unwrap_or("(not text)")).unwrap();
    }
    if !body.is_empty() {
        write!(text, "\n{}", String::from_utf8_lossy(body)).unwrap();
    }
    text
}
