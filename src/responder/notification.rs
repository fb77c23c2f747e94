//! Notifications: recorded by the ledger, then acknowledged. They are never refused for what they say; what cannot be made
//! durable is not acknowledged, so that the platform sends it again.

use std::sync::Arc;
use std::time::Duration;

use holdfast_adapters::{Notice, Unrecognized};
use holdfast_core::hold::{Fact, Finding, ToldEvent, contradicts};
use holdfast_core::{DeclineReason, Timestamp};
use sha2::{Digest, Sha256};
use tokio::time::timeout_at;

use super::Responder;
use super::mount::Mount;
use crate::clock::{self, Instant};
use crate::ledger::{self, Act, Answer, LedgerError, Looked, Ticket, Wait};
use crate::metrics::{LedgerStanding, NotificationResult};
use crate::spool::{Entry, Kept};

/// How long a platform is kept waiting for an acknowledgement. Marqeta's ping allows five seconds.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(4);

/// How long the ledger may take to hear one; then the spool keeps it, whether the ledger hears it after all or not.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// How far a platform's clock may be ahead of ours. What is stamped later than that happened when it arrived: else nothing that is told
/// afterwards would ever count.
const AHEAD_MAX: Duration = Duration::from_secs(300);

/// Whether every element of a notification is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// Acknowledge it.
    Durable,
    /// Answer 503.
    NotDurable,
}

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Every element of it is durable: acknowledge it.
    Durable,
    /// Answer 503.
    NotDurable,
    /// It is about a payment of ours, which is not there or does not allow it, and was not recorded.
    Refused(DeclineReason),
}

impl Responder {
    /// Brings every element to the ledger, or into the spool while the ledger does not hear, in order; one that fails blocks no
    /// other.
    pub(super) async fn take_note(&self, mount: &Mount, notices: Vec<Notice>) -> Taken {
        let by = clock::instant().checked_add(ACKNOWLEDGE_WITHIN).unwrap_or_else(clock::instant);
        let mut noted = Taken::Durable;
        for notice in notices {
            let notice = match notice {
                Notice::OfOurs(event) => match self.objection_to(mount, &event, by).await {
                    Some(reason) => return Taken::Refused(reason),
                    None => Notice::Told(std::iter::once(event).collect()),
                },
                Notice::Told(_) | Notice::Nothing | Notice::Unrecognized(_) => notice,
            };
            let notice = none_from_the_future(notice, clock::utc());
            self.give_intents_back(&notice);
            let result = self.take_one(mount, notice, by).await;
            mount.metrics.notification(result);
            if result == NotificationResult::NotDurable {
                noted = Taken::NotDurable;
            }
        }
        noted
    }

    /// An intent whose payment came back as a whole can be found again by a payment that names none.
    fn give_intents_back(&self, notice: &Notice) {
        let (Some(agents), Notice::Told(events)) = (&self.agents, notice) else { return };
        for event in events {
            if let Fact::Released { payment, .. } = &event.fact {
                agents.came_back(payment);
            }
        }
    }

    async fn take_one(&self, mount: &Mount, notice: Notice, by: Instant) -> NotificationResult {
        match notice {
            // Facts about payments of ours are told by now.
            Notice::Nothing | Notice::OfOurs(_) => NotificationResult::Nothing,
            Notice::Unrecognized(unrecognized) => self.keep(mount, unrecognized, by).await,
            Notice::Told(events) if self.hears() => {
                let submitted: Vec<_> = events
                    .into_iter()
                    .map(|event| {
                        let ticket = Ticket::new(Act::Tell(mount.origin(), event));
                        self.ledger.submit(Arc::clone(&ticket));
                        (event, Wait::on(ticket))
                    })
                    .collect();
                self.ledger.nudge();
                let heard_by = clock::instant().checked_add(HEARD_WITHIN).unwrap_or(by).min(by);
                let mut result = NotificationResult::Duplicate;
                for (event, wait) in submitted {
                    let answer = timeout_at(heard_by, wait).await.unwrap_or(Err(LedgerError::Late));
                    result = worse(result, self.settle(mount, &event, answer, by).await);
                }
                result
            }
            Notice::Told(events) => {
                let mut result = NotificationResult::Duplicate;
                for event in events {
                    result = worse(result, self.spool_fact(mount, &event, by).await);
                }
                result
            }
        }
    }

    /// Why a fact about a payment of ours is not recorded, as far as the ledger knows. While that cannot be asked, nothing speaks against it:
    /// what happened at the network happened, and is kept.
    async fn objection_to(&self, mount: &Mount, event: &ToldEvent, by: Instant) -> Option<DeclineReason> {
        let payment = event.fact.payments().0.filter(|_| self.hears()).copied()?;
        let look = Act::Look(mount.origin(), payment, event.key);
        let looked = timeout_at(by, ledger::ask(self.ledger.as_ref(), look)).await;
        objection(&looked.ok()?.ok()?.into_looked()?, event)
    }

    /// Whether the ledger hears now, and has heard everything that came before.
    fn hears(&self) -> bool {
        self.ledger_stands() == LedgerStanding::Up && self.spool.fill().held.waiting == 0
    }

    /// What became of one fact. A fact that the engine trips over is kept instead: it must not block the platform's queue.
    async fn settle(
        &self,
        mount: &Mount,
        event: &ToldEvent,
        answer: Result<Answer, LedgerError>,
        by: Instant,
    ) -> NotificationResult {
        if answer.is_ok() {
            self.unheard.standings.heard(mount.program.id, event);
            self.unheard.heard.notify_waiters();
        }
        match answer {
            Ok(Answer::Recorded(Some(Finding::HeardBefore))) => NotificationResult::Duplicate,
            Ok(Answer::Recorded(Some(finding))) if finding.is_not_booked() => NotificationResult::NotBooked,
            Ok(_) => NotificationResult::Applied,
            Err(LedgerError::Panicked | LedgerError::Refused) => {
                let digest = Sha256::digest(event.key.as_str()).into();
                let problem = "the ledger could not apply it".to_owned();
                self.keep(mount, Unrecognized { digest, problem, redacted: event.key.to_string() }, by).await
            }
            // It may have been applied all the same: the ledger knows it by its key.
            Err(LedgerError::Starting | LedgerError::Unavailable | LedgerError::Late) => self.spool_fact(mount, event, by).await,
        }
    }

    /// A fact that the ledger has yet to hear. What it says of a card holds from now on.
    async fn spool_fact(&self, mount: &Mount, event: &ToldEvent, by: Instant) -> NotificationResult {
        self.unheard.standings.told(mount.program.id, event);
        match self.spool_entry(Entry::Fact(mount.origin(), Box::new(*event)), by).await {
            Noted::Durable => NotificationResult::Spooled,
            Noted::NotDurable => {
                self.unheard.standings.never_told(mount.program.id, event);
                self.unheard.heard.notify_waiters();
                NotificationResult::NotDurable
            }
        }
    }

    async fn spool_entry(&self, entry: Entry, by: Instant) -> Noted {
        let put = self.spool.put(entry, clock::utc());
        put.durable_by(by).await;
        match put.give_up() {
            Kept::Durable => Noted::Durable,
            Kept::NotDurable => Noted::NotDurable,
        }
    }

    async fn keep(&self, mount: &Mount, unrecognized: Unrecognized, by: Instant) -> NotificationResult {
        if self.hears() {
            let kept = ledger::ask(self.ledger.as_ref(), Act::Keep(mount.origin(), unrecognized.clone()));
            let heard_by = clock::instant().checked_add(HEARD_WITHIN).unwrap_or(by).min(by);
            if let Ok(Ok(_)) = timeout_at(heard_by, kept).await {
                return NotificationResult::Unrecognized;
            }
        }
        match self.spool_entry(Entry::Kept(mount.origin(), unrecognized), by).await {
            Noted::Durable => NotificationResult::Unrecognized,
            Noted::NotDurable => NotificationResult::NotDurable,
        }
    }
}

/// What speaks against a fact about a payment of ours: there is none, the same message said something else before, it is in another currency,
/// or more is cleared than was authorized, tolerance included.
fn objection(looked: &Looked, event: &ToldEvent) -> Option<DeclineReason> {
    let (Some(hold), Some(currency)) = (looked.hold, looked.currency) else { return Some(DeclineReason::AuthorizationUnknown) };
    if let Some(step) = looked.told {
        return contradicts(&[step], currency, event).then_some(DeclineReason::ConflictingDuplicate);
    }
    match event.fact {
        Fact::Captured { amount, .. } | Fact::Reduced { by: amount, .. } if amount.currency() != currency => {
            Some(DeclineReason::CurrencyNotAllowed)
        }
        Fact::Captured { amount, .. } => {
            let most = hold.authorized.saturating_add(hold.tolerance);
            (hold.captured.saturating_add(amount.minor()) > most).then_some(DeclineReason::CaptureAboveAuthorized)
        }
        Fact::Reduced { .. }
        | Fact::Released { .. }
        | Fact::Recorded { .. }
        | Fact::Replaced { .. }
        | Fact::Completed { .. }
        | Fact::Credited { .. }
        | Fact::Debited { .. }
        | Fact::Card { .. }
        | Fact::Cardholder { .. }
        | Fact::Account { .. }
        | Fact::SettlementAnnounced { .. } => None,
    }
}

/// Of events that are stamped far ahead, their time is the one at which they came.
fn none_from_the_future(mut notice: Notice, now: Timestamp) -> Notice {
    if let Notice::Told(events) = &mut notice {
        let latest = now.saturating_add(AHEAD_MAX);
        for event in events.iter_mut() {
            event.occurred_at = event.occurred_at.map(|stamp| if stamp > latest { now } else { stamp });
        }
    }
    notice
}

/// Of two elements' results, the one that somebody should look at.
fn worse(one: NotificationResult, other: NotificationResult) -> NotificationResult {
    let weight = |result| match result {
        NotificationResult::Duplicate => 0,
        NotificationResult::Nothing => 1,
        NotificationResult::Applied | NotificationResult::Spooled => 2,
        NotificationResult::NotBooked => 3,
        NotificationResult::Unrecognized => 4,
        NotificationResult::NotDurable => 5,
    };
    if weight(other) > weight(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::{CardStatus, Subject};

    use super::*;

    #[test]
    fn what_is_stamped_far_ahead_happened_when_it_came() {
        let at = Timestamp::from_unix_seconds;
        let stamped = |occurred_at: Option<i64>| {
            let fact = Fact::Card { card: "c".parse().unwrap(), status: CardStatus::Frozen };
            let key = "k".parse().unwrap();
            let (network, settlement_day, subject) = (None, None, Subject::default());
            let event = ToldEvent { key, occurred_at: occurred_at.map(at), network, settlement_day, subject, fact };
            match none_from_the_future(Notice::Told([event].into_iter().collect()), at(1_000)) {
                Notice::Told(events) => events[0].occurred_at.map(Timestamp::unix_seconds),
                Notice::OfOurs(_) | Notice::Nothing | Notice::Unrecognized(_) => panic!("it was told"),
            }
        };
        assert_eq!([None, Some(1), Some(1_300), Some(1_301)].map(stamped), [None, Some(1), Some(1_300), Some(1_000)]);
    }
}
