//! Answers as the platform reads them: in the response, or by a call back to its API. Signing is the caller's.

use serde::Serialize;

use super::reasons;
use crate::answer::{AccountBalance, Answer, CallBack, Echo, Refused, Reply};
use holdfast_core::Decision;

/// Which way of answering a callback is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// In the response's body.
    Response,
    /// By a call to the platform's API, and then a 200.
    CallBack,
}

impl Dialect {
    /// As an echo carries it.
    pub(super) const fn number(self) -> u8 {
        match self {
            Dialect::Response => 0,
            Dialect::CallBack => 1,
        }
    }
}

/// A decision; amounts in minor units.
#[derive(Serialize)]
struct Decided {
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<i64>,
    reference: String,
}

/// An account's balance; amounts in minor units.
#[derive(Serialize)]
struct Balance<'a> {
    account: &'a str,
    currency: &'static str,
    posted: i64,
    held: i64,
    available: i64,
    usable: bool,
}

/// What is wrong with a callback: a path, never a value.
#[derive(Serialize)]
struct Error<'a> {
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

/// Appends the answer to `body`, or puts it into a call back.
pub(super) fn write(echo: &Echo<'_>, answer: &Answer<'_>, body: &mut Vec<u8>) -> Reply {
    let mut reply = Reply::json(200);
    match answer {
        Answer::Decided { decision, reference, balance, said: _ } => {
            let (amount, reason) = match decision {
                Decision::Approve { amount } => (Some(*amount), None),
                Decision::Decline { reason } => (None, Some(reasons::code(*reason))),
            };
            let decided = Decided {
                decision: decision.name(),
                amount: amount.map(|amount| amount.minor()),
                currency: amount.map(|amount| amount.currency().code()),
                reason,
                available: balance.map(|balance| balance.available.minor()),
                reference: reference.to_string(),
            };
            if echo.dialect == Dialect::CallBack.number() {
                reply.call_back = Some(Box::new(call_back(echo, &decided)));
                append(&serde_json::json!({ "received": true }), body);
            } else {
                append(&decided, body);
            }
        }
        Answer::Balances(balances) => {
            let balances: Vec<Balance<'_>> = balances.iter().map(balance).collect();
            append(&serde_json::json!({ "balances": balances }), body);
        }
        // Payments of ours are asked for at doors of ours.
        Answer::Payment(_) | Answer::Payments(_) | Answer::NotDone(_) | Answer::Checked(_) => return Reply::json(500),
        Answer::Acknowledged => append(&serde_json::json!({ "received": true }), body),
    }
    reply
}

fn call_back(echo: &Echo<'_>, decided: &Decided) -> CallBack {
    // The id has been found fit for a path; its raw JSON has quotes around it.
    let id = echo.fields.first().map_or("", |(_, raw)| raw.trim_matches('"'));
    let mut body = Vec::new();
    append(decided, &mut body);
    CallBack { path: format!("/decisions/{id}/action"), body }
}

fn balance(balance: &AccountBalance) -> Balance<'_> {
    Balance {
        account: balance.account.as_str(),
        currency: balance.posted.currency().code(),
        posted: balance.posted.minor(),
        held: balance.held.minor(),
        available: balance.available.minor(),
        usable: balance.usable,
    }
}

/// Appends a refusal in the platform's error shape.
pub(super) fn write_refused(refused: &Refused, body: &mut Vec<u8>) -> Reply {
    let (error, malformed) = match refused {
        Refused::NotAuthentic | Refused::Token(_) => ("not_authentic", None),
        Refused::Malformed(malformed) => ("malformed", Some(malformed)),
        Refused::Forbidden(_) => ("forbidden", None),
        Refused::NoRoute => ("no_route", None),
        Refused::NotThisWay => ("not_this_way", None),
        Refused::TooSlow => ("too_slow", None),
        Refused::TooLarge => ("too_large", None),
        Refused::TooEarly => ("too_early", None),
        Refused::NotDurable => ("not_durable", None),
        Refused::Unavailable => ("unavailable", None),
    };
    let field = malformed.map(|malformed| malformed.path.as_str());
    append(&Error { error, field, problem: malformed.map(|malformed| malformed.problem) }, body);
    Reply::json(refused.status())
}

/// Writing these shapes into memory cannot fail: no map with odd keys, no disk.
fn append(value: &impl Serialize, body: &mut Vec<u8>) {
    let written = serde_json::to_writer(body, value);
    debug_assert!(written.is_ok(), "a plain struct is JSON");
}
