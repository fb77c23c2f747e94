//! Answers as processors read them: 200 with the decision, or a problem of RFC 9457 in the shape that all of `/v1` has.

use holdfast_core::agent::ReasonCode;
use holdfast_core::{Decision, DeclineReason};
use serde::Serialize;
use serde_json::value::RawValue;

use super::understand::CORRELATION_ID;
use crate::answer::{Answer, Echo, Refused, Reply};

/// A decision; the amount in minor units.
#[derive(Serialize)]
struct Decided<'a> {
    decision: &'static str,
    reason_code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    policy_id: Option<&'a str>,
    binding_id: Option<&'a str>,
    intent_reference: Option<&'a str>,
    correlation_id: Option<Correlation<'a>>,
}

#[derive(Serialize)]
struct Recorded<'a> {
    recorded: bool,
    correlation_id: Option<Correlation<'a>>,
}

/// As it came: JSON from a body, text from a header.
#[derive(Serialize)]
#[serde(untagged)]
enum Correlation<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    code: &'a str,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem<'a>>,
}

#[derive(Serialize)]
struct FieldProblem<'a> {
    path: &'a str,
    problem: &'a str,
}

/// Appends the answer to `body`.
pub(super) fn write(echo: &Echo<'_>, answer: &Answer<'_>, body: &mut Vec<u8>) -> Reply {
    let correlation_id = correlation(echo);
    match answer {
        Answer::Decided { decision, reference, balance: _, said } => {
            let (word, amount, usual) = match decision {
                Decision::Approve { amount } => ("APPROVE", Some(*amount), ReasonCode::Approved),
                Decision::Decline { reason } => ("DECLINE", None, ReasonCode::of_decline(*reason)),
            };
            let request_id = reference.text();
            append(
                &Decided {
                    decision: word,
                    reason_code: said.map_or(usual, |said| said.code).code(),
                    request_id: &request_id,
                    approved_amount: amount.map(|amount| amount.minor()),
                    currency: amount.map(|amount| amount.currency().code()),
                    policy_id: said.and_then(|said| said.policy.as_ref()).map(|policy| policy.as_str()),
                    binding_id: said.and_then(|said| said.binding.as_ref()).map(|binding| binding.as_str()),
                    intent_reference: said.and_then(|said| said.intent.as_ref()).map(|intent| intent.as_str()),
                    correlation_id,
                },
                body,
            );
        }
        Answer::Balances(_) | Answer::Acknowledged => append(&Recorded { recorded: true, correlation_id }, body),
        Answer::NotDone(not_done) => {
            let (status, code, title, detail) = not_recorded(not_done.reason);
            return problem(status, code, title, detail.to_owned(), Vec::new(), body);
        }
        // Nothing of the kind is asked here.
        Answer::Payment(_) | Answer::Payments(_) | Answer::Checked(_) => return Reply::json(500),
    }
    Reply::json(200)
}

/// Why an event was not recorded.
const fn not_recorded(reason: DeclineReason) -> (u16, &'static str, &'static str, &'static str) {
    match reason {
        DeclineReason::ConflictingDuplicate => {
            let detail = "this event_id told something else of the payment before; nothing was recorded";
            (409, "event_conflict", "The event_id came before with another event", detail)
        }
        DeclineReason::CurrencyNotAllowed => {
            let detail = "the payment was authorized in another currency: tell the event in that one; nothing was recorded";
            (409, "currency_mismatch", "The event is in another currency", detail)
        }
        DeclineReason::CaptureAboveAuthorized => {
            let detail = "with it more would be cleared than was authorized, tolerance included; nothing was recorded";
            (409, "clearing_above_authorized", "More is cleared than was authorized", detail)
        }
        // No other is ever the reason.
        _ => {
            let detail = "nothing is held or taken under that request_id: it is not known, was declined or only checked, or is told of by \
                          its platform; nothing was recorded";
            (404, "not_found", "There is no such payment", detail)
        }
    }
}

fn correlation<'a>(echo: &Echo<'a>) -> Option<Correlation<'a>> {
    let (name, text) = echo.fields.first()?;
    if *name == CORRELATION_ID {
        return Some(Correlation::Text(text));
    }
    serde_json::from_str(text).ok().map(Correlation::Json)
}

/// Appends a refusal.
pub(super) fn write_refused(refused: &Refused, body: &mut Vec<u8>) -> Reply {
    let (code, title, detail) = match refused {
        Refused::NotAuthentic => ("unauthorized", "A valid token is needed", "send a valid token".to_owned()),
        Refused::Token(fault) if fault.status() == 403 => (fault.code(), "The credential may not do this", fault.to_string()),
        Refused::Token(fault) => (fault.code(), "A valid token is needed", fault.to_string()),
        Refused::Malformed(_) => ("bad_request", "The request is not as it must be", "see `errors`; nothing was done".to_owned()),
        Refused::TooSlow => ("request_timeout", "The request took too long", "the body did not arrive in time".to_owned()),
        Refused::TooLarge => ("body_too_large", "The body is too long", "nothing was done".to_owned()),
        Refused::TooEarly => ("too_early", "The same question is being decided", "send it again later".to_owned()),
        Refused::NotDurable => {
            ("ledger_unavailable", "The ledger does not answer", "nothing was recorded: send it again".to_owned())
        }
        Refused::Unavailable => ("ledger_unavailable", "The ledger does not answer", "no decision was made".to_owned()),
    };
    let errors = match refused {
        Refused::Malformed(malformed) => {
            let all = std::iter::once(malformed).chain(&malformed.others);
            all.map(|malformed| FieldProblem { path: &malformed.path, problem: malformed.problem }).collect()
        }
        Refused::NotAuthentic
        | Refused::Token(_)
        | Refused::TooSlow
        | Refused::TooLarge
        | Refused::TooEarly
        | Refused::NotDurable
        | Refused::Unavailable => Vec::new(),
    };
    problem(refused.status(), code, title, detail, errors, body)
}

fn problem(
    status: u16,
    code: &str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldProblem<'_>>,
    body: &mut Vec<u8>,
) -> Reply {
    append(&Problem { kind: format!("urn:holdfast:problem:{code}"), title, status, code, detail, errors }, body);
    Reply { content_type: "application/problem+json", ..Reply::json(status) }
}

/// Writing these shapes into memory cannot fail: no map with odd keys, no disk.
fn append(value: &impl Serialize, body: &mut Vec<u8>) {
    let written = serde_json::to_writer(body, value);
    debug_assert!(written.is_ok(), "a plain struct is JSON");
}
