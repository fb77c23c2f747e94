//! What one authorization leaves behind in the metrics: from a guard that cannot be skipped, never awaited.

use std::time::Duration;

use super::deadline::Deadline;
use super::told::Told;
use crate::clock::{self, Instant, Moment};
use crate::metrics::{CallbackRecord, MountMetrics, Phases, Punctuality};

/// Watches one authorization from its receipt to its answer, and records it when dropped.
pub struct Watch<'a> {
    metrics: &'a MountMetrics,
    received: Moment,
    last: Instant,
    phases: Phases,
    deadline: Option<Deadline>,
    told: Option<Told>,
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
    pub fn begin(metrics: &'a MountMetrics, received: Moment) -> Self {
        Watch { metrics, received, last: clock::instant(), phases: Phases::default(), deadline: None, told: None }
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

    /// From here on an answer is owed.
    pub fn owed(&mut self, deadline: Deadline) {
        self.deadline = Some(deadline);
    }

    /// This is the answer.
    pub fn told(&mut self, told: Told) {
        self.told = Some(told);
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let (Some(told), Some(deadline)) = (self.told, self.deadline) else {
            return;
        };
        let punctuality = match deadline.answer_by.checked_duration_since(self.last) {
            Some(slack) => Punctuality::InTime { slack },
            None => Punctuality::Late,
        };
        self.metrics.record(&CallbackRecord {
            decision: told.decision,
            basis: &told.basis,
            latency: self.last.saturating_duration_since(self.received.instant),
            phases: self.phases,
            punctuality,
        });
    }
}
