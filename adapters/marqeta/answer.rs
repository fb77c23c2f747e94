//! What goes back: status 200 or 402 carries the decision, the body repeats `jit_funding`.
//!
//! Field order is fixed, so that the same answer is the same bytes.

use std::io::Write as _;

use holdfast_core::{Decision, Money};

use super::reasons::Vocabulary;
use crate::answer::{AccountBalance, Answer, DecisionReference, Echo, Refused, Reply};

/// What an echo is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `{"jit_funding": {…}}`.
    Jit,
    /// The same, for a question about the balance.
    BalanceInquiry,
    /// The fields alone: `{}` for a notification, a ping's own members for a ping.
    Flat,
}

impl Dialect {
    const ALL: [Dialect; 3] = [Dialect::Jit, Dialect::BalanceInquiry, Dialect::Flat];

    /// As [`Echo::dialect`] carries it.
    pub const fn number(self) -> u8 {
        match self {
            Dialect::Jit => 0,
            Dialect::BalanceInquiry => 1,
            Dialect::Flat => 2,
        }
    }

    fn of(number: u8) -> Dialect {
        Dialect::ALL.into_iter().find(|dialect| dialect.number() == number).unwrap_or(Dialect::Flat)
    }
}

/// What `amount` says in the answer to a balance inquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InquiryAmount {
    /// What it said in the question.
    AsAsked,
    /// What is available.
    Available,
}

/// How a program wants its answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub vocabulary: Vocabulary,
    pub inquiry_amount: InquiryAmount,
}

/// Writes an answer.
pub(super) fn write(echo: &Echo<'_>, answer: &Answer<'_>, style: Style, body: &mut Vec<u8>) -> Reply {
    match *answer {
        // Payments of ours are asked for at doors of ours.
        Answer::Payment(_) | Answer::Payments(_) | Answer::NotDone(_) | Answer::Checked(_) => Reply::json(500),
        Answer::Acknowledged => {
            write_echo(echo, None, |_| {}, body);
            Reply::json(200)
        }
        Answer::Balances(balances) => {
            write_echo(echo, None, |body| write_balances(balances, body), body);
            Reply::json(200)
        }
        Answer::Decided { decision: Decision::Approve { amount }, reference, balance, said: _ } => {
            let inquired = match (Dialect::of(echo.dialect), style.inquiry_amount, balance) {
                (Dialect::BalanceInquiry, InquiryAmount::Available, Some(balance)) => balance.available,
                (Dialect::BalanceInquiry | Dialect::Jit | Dialect::Flat, _, _) => amount,
            };
            let tail = |body: &mut Vec<u8>| {
                write_reference(reference, body);
                if let Some(balance) = balance {
                    write_balances(std::slice::from_ref(balance), body);
                }
            };
            write_echo(echo, Some(inquired), tail, body);
            Reply::json(200)
        }
        Answer::Decided { decision: Decision::Decline { reason }, reference, .. } => {
            let reason = style.vocabulary.decline_reason(reason);
            let tail = |body: &mut Vec<u8>| {
                append(body, format_args!(",\"decline_reason\":\"{reason}\""));
                write_reference(reference, body);
            };
            write_echo(echo, None, tail, body);
            Reply::json(402)
        }
    }
}

/// The repeated fields, with another amount where the answer has its own, then `tail`.
fn write_echo(echo: &Echo<'_>, amount: Option<Money>, tail: impl Fn(&mut Vec<u8>), body: &mut Vec<u8>) {
    let (head, foot) = match Dialect::of(echo.dialect) {
        Dialect::Jit | Dialect::BalanceInquiry => ("{\"jit_funding\":{", "}}"),
        Dialect::Flat => ("{", "}"),
    };
    body.extend_from_slice(head.as_bytes());
    for (index, (name, raw)) in echo.fields.iter().enumerate() {
        // Piece by piece: this is every answer's, and a format of plain texts costs several times its texts.
        body.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\":");
        match amount.filter(|amount| *name == "amount" && !says(raw, *amount)) {
            Some(amount) => append(body, format_args!("{}", amount.decimal())),
            None => body.extend_from_slice(raw.as_bytes()),
        }
    }
    tail(body);
    body.extend_from_slice(foot.as_bytes());
}

/// `,"tags":"dec=…"`: our name for the decision.
fn write_reference(reference: DecisionReference, body: &mut Vec<u8>) {
    body.extend_from_slice(b",\"tags\":\"dec=");
    body.extend_from_slice(reference.text().as_bytes());
    body.push(b'"');
}

/// Whether a raw amount is this one, however it is written.
fn says(raw: &str, amount: Money) -> bool {
    let text = raw.trim_matches('"').trim();
    Money::from_decimal(text, amount.currency()) == Ok(amount)
}

/// `,"balances":{"USD":{…}}`: where the answer to an inquiry puts them is the most consistent reading of the vendor's texts.
fn write_balances(balances: &[AccountBalance], body: &mut Vec<u8>) {
    body.extend_from_slice(b",\"balances\":{");
    for (index, balance) in balances.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let currency = balance.available.currency();
        append(body, format_args!("{comma}\"{currency}\":{{\"currency_code\":\"{currency}\""));
        append(body, format_args!(",\"ledger_balance\":{}", balance.posted.decimal()));
        append(body, format_args!(",\"available_balance\":{}", balance.available.decimal()));
        body.extend_from_slice(b",\"credit_balance\":0,\"pending_credits\":0}");
    }
    body.push(b'}');
}

/// Writes an error in Marqeta's own shape. A stranger learns nothing.
pub(super) fn refuse(refused: &Refused, body: &mut Vec<u8>) -> Reply {
    let message = match refused {
        Refused::NotAuthentic | Refused::Token(_) => {
            body.extend_from_slice(b"{}");
            return Reply::json(refused.status());
        }
        Refused::Malformed(malformed) => malformed.to_string(),
        Refused::Forbidden(_) => "the credential does not allow this".to_owned(),
        Refused::NoRoute => "there is nothing at this path".to_owned(),
        Refused::NotThisWay => "this path is not called with this method".to_owned(),
        Refused::TooSlow => "the body did not arrive in time".to_owned(),
        Refused::TooLarge => "the body is too large".to_owned(),
        Refused::TooEarly => "the same question is being decided".to_owned(),
        Refused::NotDurable => "not recorded: send it again".to_owned(),
        Refused::Unavailable => "no answer can be given now".to_owned(),
    };
    let message = serde_json::Value::String(message);
    append(body, format_args!("{{\"error_code\":\"{}\",\"error_message\":{message}}}", refused.status()));
    Reply::json(refused.status())
}

fn append(body: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector does not fail.
    let _ = body.write_fmt(text);
}
