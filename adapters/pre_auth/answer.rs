//! What callers are shown: whether the rules allow it, and which of them matched.

use std::io::Write;

use holdfast_core::rules::Enforcement;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::answer::{Answer, Refused, Reply};
use crate::payment::{Checked, CheckedRule, LimitsAre};

/// Writes an answer.
pub(super) fn encode(answer: &Answer<'_>, body: &mut Vec<u8>) -> Reply {
    let Answer::Checked(checked) = answer else {
        // Nothing here asks for anything else.
        append(&json!({ "processing_status": "decline", "error": "this cannot be answered" }), body);
        return Reply::json(500);
    };
    append(&object(checked), body);
    Reply::json(200)
}

fn object(checked: &Checked) -> Value {
    let (processing, transaction) = if checked.allowed { ("allow", "preauth") } else { ("decline", "failed") };
    let rules: Vec<Value> = checked.rules.iter().map(rule).collect();
    json!({
        "processing_status": processing,
        "transaction_status": transaction,
        "roc_text_data": checked.roc,
        "transaction_id": checked.id.as_str(),
        "triggered_rules": rules,
        "limits_checked": checked.limits == LimitsAre::Asked,
    })
}

/// A rule that matched: what it decides, and why. One on trial decides nothing.
fn rule(rule: &CheckedRule) -> Value {
    let decision = match rule.enforcement {
        Enforcement::Enforce => "decline",
        Enforcement::Observe => "observe",
    };
    json!({ "rule": rule.id.as_str(), "decision": decision, "reason": rule.reason.name(), "description": rule.description })
}

/// Writes an error, with the field that is wrong.
pub(super) fn refuse(refused: &Refused, body: &mut Vec<u8>) -> Reply {
    let mut reply = Reply::json(refused.status());
    let mut told = match refused {
        Refused::NotAuthentic | Refused::Token(_) => {
            reply.headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"payments\"")));
            json!({ "error": "the login is missing or wrong" })
        }
        Refused::Malformed(malformed) if malformed.path.is_empty() => json!({ "error": malformed.to_string() }),
        Refused::Malformed(malformed) => json!({ "error": malformed.to_string(), "field": malformed.path }),
        Refused::Forbidden(permission) => {
            json!({ "error": format!("the credential has no permission to {}", permission.name()) })
        }
        Refused::NoRoute => json!({ "error": "there is nothing at this path" }),
        Refused::NotThisWay => json!({ "error": "this path is not called with this method" }),
        Refused::TooSlow => json!({ "error": "the body did not arrive in time" }),
        Refused::TooLarge => json!({ "error": "the body is too large" }),
        Refused::TooEarly => json!({ "error": "the same request is being answered" }),
        Refused::NotDurable | Refused::Unavailable => json!({ "error": "this cannot be answered now; ask again" }),
    };
    if let Value::Object(members) = &mut told {
        members.insert("processing_status".to_owned(), json!("decline"));
    }
    append(&told, body);
    reply
}

fn append(value: &Value, body: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = write!(body, "{value}");
}
