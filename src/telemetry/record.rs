//! What one callback leaves behind, and its line of JSON.

use std::time::Duration;

use holdfast_adapters::proof::hex;
use holdfast_core::{Basis, Decision, IdempotencyKey, PlatformName, ProgramId, StandInBasis, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::metrics::Phases;

/// What one callback leaves behind: plain values, copied out of the path.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// When its head had been received.
    pub received_at: Timestamp,
    /// For whom the platform called.
    pub program: ProgramId,
    /// Who called.
    pub platform: PlatformName,
    /// What it was.
    pub kind: Kind,
    /// The platform's key of an authorization; only its digest is written.
    pub key: Option<IdempotencyKey>,
    /// What was answered; nothing if a bug got in the way.
    pub said: Option<Said>,
    /// What was decided about an authorization, and on what grounds.
    pub decided: Option<(Decision, Basis)>,
    /// From the head received to the answer ready.
    pub latency: Duration,
    /// Where the time went.
    pub phases: Phases,
    /// What was left of the platform's budget, in microseconds; negative if the answer was late.
    pub slack_us: Option<i64>,
}

/// What an authentic callback turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It was authentic and not understood.
    Malformed,
    /// A question.
    Authorization,
    /// A read of balances.
    BalanceRead,
    /// What the platform tells.
    Notification,
    /// A handshake.
    Handshake,
    /// An order about a payment of ours.
    Order,
    /// A read of payments of ours.
    PaymentRead,
}

/// An answer, as far as it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Its HTTP status.
    pub status: u16,
    /// SHA-256 of its body.
    pub sha256: [u8; 32],
}

impl Said {
    /// The record of an answer.
    #[must_use]
    pub fn of(status: u16, body: &[u8]) -> Self {
        Said { status, sha256: Sha256::digest(body).into() }
    }
}

/// A record as it is written. Durations are whole microseconds.
#[derive(Serialize)]
struct Line<'a> {
    received_at: String,
    program: &'a str,
    platform: &'a str,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_sha256: Option<String>,
    #[serde(flatten)]
    decided: Option<Decided<'a>>,
    latency_us: u64,
    verify_us: u64,
    decode_us: u64,
    rules_us: u64,
    ledger_us: u64,
    encode_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    slack_us: Option<i64>,
}

#[derive(Serialize)]
struct Decided<'a> {
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    basis: &'static str,
    /// The rule, the limit or the cause of a stand-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    because_of: Option<&'a str>,
}

impl Record {
    /// Appends the record's line.
    pub(super) fn write_line(&self, lines: &mut Vec<u8>) {
        let phases = &self.phases;
        let line = Line {
            received_at: self.received_at.to_string(),
            program: self.program.as_str(),
            platform: self.platform.as_str(),
            kind: self.kind,
            key_sha256: self.key.map(|key| hex(&Sha256::digest(key.as_str()))),
            status: self.said.map(|said| said.status),
            answer_sha256: self.said.map(|said| hex(&said.sha256)),
            decided: self.decided.as_ref().map(|(decision, basis)| Decided::new(decision, basis)),
            latency_us: micros(self.latency),
            verify_us: micros(phases.verify),
            decode_us: micros(phases.decode),
            rules_us: micros(phases.rules),
            ledger_us: micros(phases.ledger),
            encode_us: micros(phases.encode),
            slack_us: self.slack_us,
        };
        // Neither a type of ours nor a vector can refuse.
        if serde_json::to_writer(&mut *lines, &line).is_ok() {
            lines.push(b'\n');
        }
    }
}

impl<'a> Decided<'a> {
    fn new(decision: &Decision, basis: &'a Basis) -> Self {
        let (decision, reason) = match decision {
            Decision::Approve { .. } => ("approve", None),
            Decision::Decline { reason } => ("decline", Some(reason.name())),
        };
        let because_of = match basis {
            Basis::Rule(id) | Basis::Limit(id) => Some(id.as_str()),
            Basis::StandIn(cause) | Basis::StandInTable(StandInBasis { cause, .. }) => Some(cause.name()),
            Basis::Ledger | Basis::Replay => None,
        };
        Decided { decision, reason, basis: basis.name(), because_of }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
