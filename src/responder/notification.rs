//! Notifications: recorded by the ledger, then acknowledged. They are never refused for what they say; what cannot be made
//! durable is not acknowledged, so that the platform sends it again.

use std::sync::Arc;
use std::time::Duration;

use holdfast_adapters::{Notice, Unrecognized};
use holdfast_core::hold::{Finding, ToldEvent};
use sha2::{Digest, Sha256};

use super::Responder;
use super::mount::Mount;
use crate::ledger::{Act, Answer, LedgerError, Ticket, Wait};
use crate::metrics::NotificationResult;

/// How long a platform is kept waiting for an acknowledgement. Marqeta's ping allows five seconds.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(4);

/// Whether every element of a notification is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// Acknowledge it.
    Durable,
    /// Answer 503.
    NotDurable,
}

impl Responder {
    /// Brings every element to the ledger, in order; one that fails blocks no other.
    pub(super) async fn take_note(&self, mount: &Mount, notices: Vec<Notice>) -> Noted {
        let all = async {
            self.until_open().await;
            let mut noted = Noted::Durable;
            for notice in notices {
                let result = self.take_one(mount, notice).await;
                mount.metrics.notification(result);
                if result == NotificationResult::NotDurable {
                    noted = Noted::NotDurable;
                }
            }
            noted
        };
        tokio::time::timeout(ACKNOWLEDGE_WITHIN, all).await.unwrap_or(Noted::NotDurable)
    }

    async fn take_one(&self, mount: &Mount, notice: Notice) -> NotificationResult {
        match notice {
            Notice::Nothing => NotificationResult::Nothing,
            Notice::Unrecognized(unrecognized) => match self.keep(mount, unrecognized).await {
                Ok(_) => NotificationResult::Unrecognized,
                Err(_) => NotificationResult::NotDurable,
            },
            Notice::Told(events) => {
                let submitted: Vec<_> = events
                    .into_iter()
                    .map(|event| {
                        let ticket = Ticket::new(Act::Tell(mount.origin(), event));
                        self.ledger.submit(Arc::clone(&ticket));
                        (event, Wait::on(ticket))
                    })
                    .collect();
                self.ledger.nudge();
                let mut result = NotificationResult::Duplicate;
                for (event, wait) in submitted {
                    result = worse(result, self.settle(mount, &event, wait.await).await);
                }
                result
            }
        }
    }

    /// What became of one fact. A fact that the engine trips over is kept instead: it must not block the platform's queue.
    async fn settle(&self, mount: &Mount, event: &ToldEvent, answer: Result<Answer, LedgerError>) -> NotificationResult {
        match answer {
            Ok(Answer::Recorded(Some(Finding::HeardBefore))) => NotificationResult::Duplicate,
            Ok(Answer::Recorded(Some(finding))) if finding.is_not_booked() => NotificationResult::NotBooked,
            Ok(_) => NotificationResult::Applied,
            Err(LedgerError::Panicked | LedgerError::Refused) => {
                let digest = Sha256::digest(event.key.as_str()).into();
                let problem = "the ledger could not apply it".to_owned();
                match self.keep(mount, Unrecognized { digest, problem, redacted: event.key.to_string() }).await {
                    Ok(_) => NotificationResult::Unrecognized,
                    Err(_) => NotificationResult::NotDurable,
                }
            }
            Err(LedgerError::Starting | LedgerError::Unavailable | LedgerError::Late) => NotificationResult::NotDurable,
        }
    }

    async fn keep(&self, mount: &Mount, unrecognized: Unrecognized) -> Result<Answer, LedgerError> {
        crate::ledger::ask(self.ledger.as_ref(), Act::Keep(mount.origin(), unrecognized)).await
    }
}

/// Of two elements' results, the one that somebody should look at.
fn worse(one: NotificationResult, other: NotificationResult) -> NotificationResult {
    let weight = |result| match result {
        NotificationResult::Duplicate => 0,
        NotificationResult::Nothing => 1,
        NotificationResult::Applied => 2,
        NotificationResult::NotBooked => 3,
        NotificationResult::Unrecognized => 4,
        NotificationResult::NotDurable => 5,
    };
    if weight(other) > weight(one) { other } else { one }
}
