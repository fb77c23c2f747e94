//! Answers as processors read them: 200 with the decision, or a problem of RFC 9457 in the shape that all of `/v1` has.

use holdfast_core::agent::ReasonCode;
use holdfast_core::{Decision, DeclineReason, StandInCause};
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde::Serialize;
use serde_json::value::RawValue;

use super::understand::CORRELATION_ID;
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::payment::NotDone;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    stand_in: Option<&'static str>,
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
        Answer::Decided { decision: Decision::Decline { reason: DeclineReason::ConflictingDuplicate }, .. } => {
            let detail =
                "the Idempotency-Key came before with another request; nothing was decided, and that request's answer stands";
            let title = "The key came before with another request";
            return problem(409, "idempotency_conflict", title, detail.to_owned(), Vec::new(), body);
        }
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
                    stand_in: said.and_then(|said| said.stand_in).map(StandInCause::name),
                    correlation_id,
                },
                body,
            );
        }
        Answer::Balances(_) | Answer::Acknowledged => append(&Recorded { recorded: true, correlation_id }, body),
        Answer::NotDone(NotDone { reason: DeclineReason::ConflictingDuplicate, .. }) => {
            let detail = "the event_id came before with another event of this payment; that one stands, and nothing was recorded";
            return problem(
                409,
                "event_conflict",
                "The event came before with other content",
                detail.to_owned(),
                Vec::new(),
                body,
            );
        }
        Answer::NotDone(NotDone { reason: DeclineReason::CurrencyNotAllowed, .. }) => {
            let detail = "the payment is in another currency than the event; nothing was recorded";
            return problem(409, "currency_mismatch", "The currency is not the payment's", detail.to_owned(), Vec::new(), body);
        }
        Answer::NotDone(NotDone { reason: DeclineReason::CaptureAboveAuthorized, .. }) => {
            let detail = "the clearing is for more than is left of what was approved; nothing was recorded";
            let title = "More than was approved";
            return problem(409, "clearing_above_authorized", title, detail.to_owned(), Vec::new(), body);
        }
        Answer::NotDone(NotDone { reason: DeclineReason::LeftToPlatform, .. }) => {
            let detail = "the payment was asked about with platform_transaction_token: its platform tells what becomes of it; nothing was recorded";
            return problem(409, "told_by_platform", "The platform tells of this payment", detail.to_owned(), Vec::new(), body);
        }
        Answer::NotDone(_) => {
            let detail = "nothing is held or taken under that request_id: it is not known, was declined or only checked, or is told of by \
                          its platform; nothing was recorded";
            return problem(404, "not_found", "There is no such payment", detail.to_owned(), Vec::new(), body);
        }
        // Nothing of the kind is asked here.
        Answer::Payment(_) | Answer::Payments(_) | Answer::Checked(_) => return Reply::json(500),
    }
    Reply::json(200)
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
        Refused::Forbidden(_) => ("forbidden", "The credential may not do this", "nothing was done".to_owned()),
        Refused::NoRoute => ("not_found", "There is nothing at this path", "nothing was done".to_owned()),
        Refused::NotThisWay => ("method_not_allowed", "This path is not called with this method", "nothing was done".to_owned()),
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
        | Refused::Forbidden(_)
        | Refused::NoRoute
        | Refused::NotThisWay
        | Refused::TooSlow
        | Refused::TooLarge
        | Refused::TooEarly
        | Refused::NotDurable
        | Refused::Unavailable => Vec::new(),
    };
    let mut reply = problem(refused.status(), code, title, detail, errors, body);
    if reply.status == 401 {
        reply.headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"holdfast\"")));
    }
    reply
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
