//! What Apto hears: decisions of each generation, balances, acknowledgements and errors. Nothing here decides.

use std::fmt;
use std::io::Write;

use holdfast_core::{Decision, Money};
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use percent_encoding::percent_decode_str;

use super::{Dialect, Options, reasons};
use crate::answer::{AccountBalance, Answer, DecisionReference, Echo, Refused, Reply};

/// Writes an answer. The dialect of the question is the dialect of its answer.
pub(super) fn encode(echo: &Echo<'_>, answer: &Answer<'_>, options: &Options, body: &mut Vec<u8>) -> Reply {
    match *answer {
        Answer::Decided { decision, reference, balance: _, said: _ } if echo.dialect == Dialect::Legacy.number() => {
            legacy(echo, decision, reference, body)
        }
        Answer::Decided { decision, reference, balance: _, said: _ } => v3(decision, reference, options, body),
        Answer::Balances(accounts) => {
            balances(echo, accounts, body);
            Reply::json(200)
        }
        // Payments of ours are asked for at doors of ours.
        Answer::Payment(_) | Answer::Payments(_) | Answer::NotDone(_) | Answer::Checked(_) => Reply::json(500),
        Answer::Acknowledged => {
            body.extend_from_slice(b"Ok");
            Reply { content_type: "text/plain", ..Reply::json(200) }
        }
    }
}

/// V3: always 200, the decision is `approved`. Apto takes all or nothing.
fn v3(decision: Decision, reference: DecisionReference, options: &Options, body: &mut Vec<u8>) -> Reply {
    match decision {
        Decision::Approve { amount: _ } => {
            append(body, format_args!(r#"{{"authorization":{{"approved":true,"external_authorization_id":"{reference}"}}}}"#));
        }
        Decision::Decline { reason } => {
            let phrase = reasons::phrase(reason);
            let code = options.decline_code(reason);
            append(
                body,
                format_args!(
                    r#"{{"authorization":{{"approved":false,"decline_reason":"{phrase}","decline_reason_code":{code},"external_authorization_id":"{reference}"}}}}"#
                ),
            );
        }
    }
    Reply::json(200)
}

/// V2 and V1: 200 or 403.
fn legacy(echo: &Echo<'_>, decision: Decision, reference: DecisionReference, body: &mut Vec<u8>) -> Reply {
    match decision {
        Decision::Approve { amount: _ } => {
            body.push(b'{');
            for (name, raw) in &echo.fields {
                append(body, format_args!(r#""{name}":{raw},"#));
            }
            append(body, format_args!(r#""id":"{reference}"}}"#));
            Reply::json(200)
        }
        Decision::Decline { reason } => {
            errors(body, reasons::legacy_code(reason), reasons::phrase(reason));
            Reply::json(403)
        }
    }
}

/// Writes an error in the shape of a partner's interface file: `{"errors":[{"code","message"}]}`.
pub(super) fn refuse(refused: &Refused, body: &mut Vec<u8>) -> Reply {
    let mut reply = Reply::json(refused.status());
    match refused {
        Refused::NotAuthentic | Refused::Token(_) => {
            errors(body, "authorization_failed", "the login is missing or wrong");
            // RFC 9110 section 15.5.2 wants it; it tells a stranger nothing.
            reply.headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"callbacks\"")));
        }
        Refused::Malformed(malformed) => errors(body, "malformed_request", &malformed.to_string()),
        Refused::Forbidden(_) => errors(body, "authorization_failed", "the credential does not allow this"),
        Refused::NoRoute => errors(body, "malformed_request", "there is nothing at this path"),
        Refused::NotThisWay => errors(body, "malformed_request", "this path is not called with this method"),
        Refused::TooSlow => errors(body, "malformed_request", "the body did not arrive in time"),
        Refused::TooLarge => errors(body, "malformed_request", "the body is too large"),
        Refused::TooEarly => errors(body, "authorization_failed", "the same request is being decided"),
        Refused::NotDurable => errors(body, "not_recorded", "the notification could not be recorded; send it again"),
        Refused::Unavailable => errors(body, "balance_check_failed", "the balance cannot be looked up now"),
    }
    reply
}

/// Our dialect: the mobile SDKs' funding source, one an account. A cardholder who has none has an empty list.
fn balances(echo: &Echo<'_>, accounts: &[AccountBalance], body: &mut Vec<u8>) {
    let cardholder = echo.fields.first().map_or("", |(_, raw)| raw);
    let cardholder = percent_decode_str(cardholder).decode_utf8_lossy();
    append(body, format_args!(r#"{{"cardholder_id":{},"balances":["#, json_text(&cardholder)));
    for (index, account) in accounts.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let id = json_text(account.account.as_str());
        let state = if account.usable { "valid" } else { "invalid" };
        // Nothing can be spent of what cannot be used.
        let is_spendable = account.usable || account.available.is_negative();
        let spendable = if is_spendable { account.available } else { Money::zero(account.available.currency()) };
        append(
            body,
            format_args!(
                r#"{comma}{{"balance":{{"id":{id},"name":{id},"state":"{state}","balance":{},"amount_spendable":{},"amount_held":{}}}}}"#,
                JsonMoney(account.posted),
                JsonMoney(spendable),
                JsonMoney(account.held),
            ),
        );
    }
    body.extend_from_slice(b"]}");
}

/// `{currency, amount}` with a decimal JSON number: written from minor units, never through a float.
struct JsonMoney(Money);

impl fmt::Display for JsonMoney {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"{{"currency":"{}","amount":{}}}"#, self.0.currency(), self.0.decimal())
    }
}

fn errors(body: &mut Vec<u8>, code: &'static str, message: &str) {
    append(body, format_args!(r#"{{"errors":[{{"code":"{code}","message":{}}}]}}"#, json_text(message)));
}

/// A text as JSON writes it, quotes included.
pub(super) fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(super) fn append(body: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // Writing into memory cannot fail.
    let _ = body.write_fmt(text);
}
