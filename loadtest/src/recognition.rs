//! Tells an approval from a decline in any platform's answers, without knowing one.
//!
//! It asks the adapter: one callback is decoded, an approval and a decline of every reason are encoded for it, and what
//! sets them apart is kept. Where the status code carries the decision, that is the status (Marqeta: 200 and 402);
//! otherwise it is a constant of the body that every approval has and no decline (Apto: `approved` is `true`).

use holdfast_adapters::payment::{CheckCall, Checked, CheckedRule, LimitsAre, Standing};
use holdfast_adapters::{Answer, Callback, DecisionReference, Echo, Inbound, Payment, PaymentCall};
use holdfast_core::rules::Enforcement;
use holdfast_core::{Decision, DeclineReason, Money, RuleId, Timestamp};
use serde_json::Value;

use crate::callbacks::Callbacks;
use crate::clock;
use crate::problem::Problem;

/// What sets approvals apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognition {
    /// The status code carries the decision.
    ByStatus {
        /// The status of approvals.
        approve: u16,
        /// The statuses of declines.
        declines: Vec<u16>,
    },
    /// The body does.
    ByBody {
        /// The status of every decision.
        status: u16,
        /// Where to look: a JSON pointer.
        pointer: String,
        /// What stands there in approvals, and in no decline.
        approve: Value,
    },
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Yes.
    Approved,
    /// No.
    Declined,
    /// Neither: an error, or bytes that are no decision.
    Refused,
}

/// An answer as an adapter encodes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Recognition {
    /// Learns from the adapter itself what its answers look like.
    ///
    /// # Errors
    /// The adapter does not take its own sample, or its answers cannot be told apart.
    pub fn learn(callbacks: &Callbacks) -> Result<Self, Problem> {
        let (mut approvals, mut declines) = (Vec::new(), Vec::new());
        // Two callbacks with other keys and amounts: what differs between their approvals is no sign of approval.
        for number in [0, 1] {
            let (approval, some_declines) = encode_all(callbacks, number)?;
            approvals.push(approval);
            declines.extend(some_declines);
        }
        Self::between(&approvals, &declines)
    }

    /// Finds what sets approvals apart from declines.
    fn between(approvals: &[Encoded], declines: &[Encoded]) -> Result<Self, Problem> {
        let approve = approvals.first().ok_or_else(|| Problem::new("no approval to learn from"))?;
        if declines.iter().all(|decline| decline.status != approve.status) {
            let mut statuses: Vec<u16> = declines.iter().map(|decline| decline.status).collect();
            statuses.sort_unstable();
            statuses.dedup();
            return Ok(Recognition::ByStatus { approve: approve.status, declines: statuses });
        }
        let bodies = |answers: &[Encoded]| -> Vec<Value> {
            answers.iter().map(|answer| serde_json::from_slice(&answer.body).unwrap_or(Value::Null)).collect()
        };
        let (approvals, declines) = (bodies(approvals), bodies(declines));
        let mut leaves = Vec::new();
        constants(approvals.first().unwrap_or(&Value::Null), String::new(), &mut leaves);
        // A switch says it more plainly than a number or a text that happens to be there.
        leaves.sort_by_key(|(_, value)| !value.is_boolean());
        let found = leaves.into_iter().find(|(pointer, value)| {
            approvals.iter().all(|approval| approval.pointer(pointer) == Some(value))
                && declines.iter().all(|decline| decline.pointer(pointer) != Some(value))
        });
        match found {
            Some((pointer, value)) => Ok(Recognition::ByBody { status: approve.status, pointer, approve: value }),
            None => Err(Problem::new("this platform's approvals and declines cannot be told apart by status or body")),
        }
    }

    /// What an answer says.
    pub fn read(&self, status: u16, body: &[u8]) -> Told {
        match self {
            Recognition::ByStatus { approve, .. } if status == *approve => Told::Approved,
            Recognition::ByStatus { declines, .. } if declines.contains(&status) => Told::Declined,
            Recognition::ByStatus { .. } => Told::Refused,
            Recognition::ByBody { status: expected, .. } if status != *expected => Told::Refused,
            Recognition::ByBody { pointer, approve, .. } => match serde_json::from_slice::<Value>(body) {
                Ok(body) if body.pointer(pointer) == Some(approve) => Told::Approved,
                Ok(body) if body.is_object() => Told::Declined,
                Ok(_) | Err(_) => Told::Refused,
            },
        }
    }
}

/// Encodes the approval and every decline of one callback.
fn encode_all(callbacks: &Callbacks, number: u64) -> Result<(Encoded, Vec<Encoded>), Problem> {
    let (caller, now) = (callbacks.caller(), clock::utc());
    // The numbers are 0 and 1, and there are at least two amounts: one to approve, one to decline.
    let amount = usize::try_from(number).ok().and_then(|place| callbacks.amounts().get(place)).copied();
    let amount = amount.ok_or_else(|| Problem::new("there are not enough amounts to learn from"))?;
    let rendered = callbacks.unsent(number, amount, now);
    let callback = Callback { route: rendered.route, segment: "", query: "", headers: &rendered.headers, body: &rendered.body };
    let authentic = caller.adapter.verify(callback, &caller.keyring, now).map_err(|refusal| {
        Problem::new(format!("the adapter refuses its own proof ({}); is a credential missing?", refusal.name()))
    })?;
    let asked = caller.adapter.decode(&authentic).map_err(Problem::doing("decoding the adapter's own sample"))?;
    let encode = |echo: &Echo<'_>, answer: &Answer<'_>| {
        let mut body = Vec::new();
        let reply = caller.adapter.encode(echo, answer, &caller.keyring, now, &mut body);
        Encoded { status: reply.status, body }
    };
    match asked {
        Inbound::Authorization(call) => {
            let reference = DecisionReference::from_digest([0; 16]);
            let said = |decision| encode(&call.echo, &Answer::Decided { decision, reference, balance: None, said: None });
            Ok(every_answer(call.request.amount, said))
        }
        Inbound::Payment(asked) => {
            let said = |decision| encode(&asked.call.echo, &Answer::Payment(&payment(&asked, number, decision, now)));
            Ok(every_answer(asked.call.request.amount, said))
        }
        Inbound::Check(check) => {
            let said = |decision| encode(&check.echo, &Answer::Checked(&checked(&check, decision)));
            Ok(every_answer(check.request.amount, said))
        }
        Inbound::Balance(_)
        | Inbound::Notification { .. }
        | Inbound::Handshake { .. }
        | Inbound::Authenticated(_)
        | Inbound::Order(_)
        | Inbound::Look(_)
        | Inbound::List(_)
        | Inbound::Fetch(_) => Err(Problem::new("the adapter's sample is no authorization that is answered at once")),
    }
}

/// The approval of an amount, and the decline of every reason.
fn every_answer(amount: Money, said: impl Fn(Decision) -> Encoded) -> (Encoded, Vec<Encoded>) {
    let declines = DeclineReason::ALL.iter().map(|reason| said(Decision::Decline { reason: *reason }));
    (said(Decision::Approve { amount }), declines.collect())
}

/// A payment as its door shows it when it was just asked for.
fn payment(asked: &PaymentCall<'_>, number: u64, decision: Decision, now: Timestamp) -> Payment {
    // What answers make of a name must not look like a sign of approval.
    let named = asked.unnamed.and_then(|make| make(&number.to_be_bytes()).ok());
    Payment {
        id: named.map_or(asked.call.request.payment, |(_, payment)| payment).authorization,
        reference: DecisionReference::from_digest([0; 16]),
        merchant: asked.slip.merchant,
        source: asked.slip.source,
        asked_at: now,
        changed_at: now,
        standing: Standing::Decided(decision),
        hold: None,
        expires_at: None,
        written: None,
        released_by: None,
        ordered: None,
    }
}

/// What a check comes to.
fn checked(check: &CheckCall<'_>, decision: Decision) -> Checked {
    let rules = match decision {
        Decision::Approve { .. } => Vec::new(),
        Decision::Decline { reason } => {
            let rule = RuleId::new("a-rule").ok();
            let found = |id| CheckedRule { id, description: None, reason, enforcement: Enforcement::Enforce };
            rule.map(found).into_iter().collect()
        }
    };
    let allowed = matches!(decision, Decision::Approve { .. });
    Checked { id: check.request.payment.authorization, roc: String::new(), allowed, rules, limits: LimitsAre::NotAsked }
}

/// Every scalar of a JSON value, with its pointer.
fn constants(value: &Value, pointer: String, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                constants(field, format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                constants(element, format!("{pointer}/{index}"), found);
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push((pointer, value.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(status: u16, body: &str) -> Encoded {
        Encoded { status, body: body.into() }
    }

    #[test]
    fn a_status_that_carries_the_decision_is_enough() {
        let approvals = [encoded(200, r#"{"jit_funding":{"amount":1.00}}"#), encoded(200, r#"{"jit_funding":{"amount":2.00}}"#)];
        let declines = [encoded(402, "{}"), encoded(402, "{}"), encoded(409, "{}")];
        let recognition = Recognition::between(&approvals, &declines).unwrap();
        for (status, told) in
            [(200, Told::Approved), (402, Told::Declined), (409, Told::Declined), (401, Told::Refused), (500, Told::Refused)]
        {
            assert_eq!(recognition.read(status, b"anything"), told, "{status}");
        }
    }

    #[test]
    fn a_body_that_carries_the_decision_is_read_where_approvals_are_constant() {
        // The amount and the id are only in approvals, and differ: no sign of approval. `kind` is in both.
        let approvals = [
            encoded(200, r#"{"amount":100,"id":"a","kind":"decision","text":"ok","result":{"approved":true}}"#),
            encoded(200, r#"{"amount":200,"id":"b","kind":"decision","text":"ok","result":{"approved":true}}"#),
        ];
        let declines = [
            encoded(200, r#"{"kind":"decision","result":{"approved":false,"why":"funds"}}"#),
            encoded(200, r#"{"kind":"decision","result":{"approved":false}}"#),
        ];
        let recognition = Recognition::between(&approvals, &declines).unwrap();
        assert_eq!(
            recognition,
            Recognition::ByBody { status: 200, pointer: "/result/approved".into(), approve: Value::Bool(true) }
        );
        for (status, body, told) in [
            (200, r#"{"result": {"approved": true}}"#, Told::Approved),
            (200, r#"{"result": {"approved": false}}"#, Told::Declined),
            (200, "{}", Told::Declined),
            (200, "approved", Told::Refused),
            (401, r#"{"result": {"approved": true}}"#, Told::Refused),
        ] {
            assert_eq!(recognition.read(status, body.as_bytes()), told, "{status} {body}");
        }
    }

    #[test]
    fn answers_that_cannot_be_told_apart_are_an_error() {
        let approvals = [encoded(200, r#"{"amount":100}"#), encoded(200, r#"{"amount":200}"#)];
        let declines = [encoded(200, r#"{"amount":100}"#)];
        assert!(Recognition::between(&approvals, &declines).is_err());
    }
}
