//! What one callback leaves behind in metrics and telemetry: from a guard that cannot be skipped, never awaited.

use std::time::Duration;

use holdfast_adapters::Inbound;
use holdfast_core::IdempotencyKey;

use super::deadline::Deadline;
use super::mount::Mount;
use super::told::Told;
use crate::clock::{self, Instant, Moment};
use crate::metrics::{CallbackRecord, Phases, Punctuality};
use crate::telemetry::{Kind, Record, Said, Telemetry};

/// Watches one callback from its receipt to its answer, and records it when dropped.
pub struct Watch<'a> {
    mount: &'a Mount,
    telemetry: Option<&'a Telemetry>,
    received: Moment,
    last: Instant,
    phases: Phases,
    /// As far as is known by now; a stranger's is nothing.
    kind: Option<Kind>,
    key: Option<IdempotencyKey>,
    deadline: Option<Deadline>,
    told: Option<Told>,
    /// Status and body of the answer.
    answer: Option<(u16, &'a [u8])>,
}

/// A phase that has just ended.
#[derive(Debug, Clone, Copy)]
pub enum Phase {
    /// Proving the caller.
    Verify,
    /// Understanding the callback.
    Decode,
    /// Evaluating the rules.
    Rules,
    /// Waiting for the ledger.
    Ledger,
    /// Writing the answer.
    Encode,
}

impl<'a> Watch<'a> {
    /// Begins when the path begins; the time before that was the body's.
    #[must_use]
    pub fn begin(mount: &'a Mount, telemetry: Option<&'a Telemetry>, received: Moment) -> Self {
        Watch {
            mount,
            telemetry,
            received,
            last: clock::instant(),
            phases: Phases::default(),
            kind: None,
            key: None,
            deadline: None,
            told: None,
            answer: None,
        }
    }

    /// A phase has ended now.
    pub fn ended(&mut self, phase: Phase) {
        let now = clock::instant();
        let took = now.saturating_duration_since(self.last);
        self.last = now;
        let total: &mut Duration = match phase {
            Phase::Verify => &mut self.phases.verify,
            Phase::Decode => &mut self.phases.decode,
            Phase::Rules => &mut self.phases.rules,
            Phase::Ledger => &mut self.phases.ledger,
            Phase::Encode => &mut self.phases.encode,
        };
        *total = total.saturating_add(took);
    }

    /// It was not known before which of several programs the callback is for.
    pub fn turned_to(&mut self, mount: &'a Mount) {
        self.mount = mount;
    }

    /// The caller is who it says; whether it can be understood is still open.
    pub fn verified(&mut self) {
        self.ended(Phase::Verify);
        self.kind = Some(Kind::Malformed);
    }

    /// This is what the callback is.
    pub fn understood(&mut self, inbound: &Inbound<'_>) {
        self.ended(Phase::Decode);
        self.kind = Some(match inbound {
            Inbound::Authorization(_) | Inbound::Payment(_) | Inbound::Authenticated(_) => Kind::Authorization,
            Inbound::Order(_) => Kind::Order,
            Inbound::Look(_) | Inbound::List(_) | Inbound::Check(_) => Kind::PaymentRead,
            Inbound::Balance(_) => Kind::BalanceRead,
            Inbound::Notification { .. } => Kind::Notification,
            Inbound::Handshake { .. } => Kind::Handshake,
            // There is nowhere to fetch from.
            Inbound::Fetch(_) => Kind::Malformed,
        });
    }

    /// From here on an answer to the question of that key is owed.
    pub fn owed(&mut self, key: IdempotencyKey, deadline: Deadline) {
        self.key = Some(key);
        self.deadline = Some(deadline);
    }

    /// This is the decision.
    pub fn told(&mut self, told: Told) {
        self.told = Some(told);
    }

    /// This is the answer, whole.
    pub fn answered(mut self, status: u16, body: &'a [u8]) {
        self.answer = Some((status, body));
    }

    fn record(&self, telemetry: &Telemetry) {
        // A stranger leaves no line: whoever can reach the listener could wash out all the others.
        let Some(kind) = self.kind else { return };
        // The answer to a question was ready when it was encoded; what else there is has no last phase.
        let ready = if self.told.is_some() { self.last } else { clock::instant() };
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let slack_us = self.deadline.map(|deadline| match deadline.answer_by.checked_duration_since(ready) {
            Some(slack) => micros(slack),
            None => micros(ready.saturating_duration_since(deadline.answer_by)).saturating_neg(),
        });
        telemetry.leave(Record {
            received_at: self.received.utc,
            program: self.mount.program.id,
            platform: self.mount.platform,
            kind,
            key: self.key,
            said: self.answer.map(|(status, body)| Said::of(status, body)),
            decided: self.told.map(|told| (told.decision, told.basis)),
            latency: ready.saturating_duration_since(self.received.instant),
            phases: self.phases,
            slack_us,
        });
    }

    fn count(&self, told: &Told, deadline: Deadline) {
        let punctuality = match deadline.answer_by.checked_duration_since(self.last) {
            Some(slack) => Punctuality::InTime { slack },
            None => Punctuality::Late,
        };
        self.mount.metrics.record(&CallbackRecord {
            decision: told.decision,
            basis: &told.basis,
            latency: self.last.saturating_duration_since(self.received.instant),
            phases: self.phases,
            punctuality,
        });
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let (Some(told), Some(deadline)) = (&self.told, self.deadline) {
            self.count(told, deadline);
        }
        if let Some(telemetry) = self.telemetry {
            self.record(telemetry);
        }
    }
}
