//! Notifications: recorded by the ledger, then acknowledged. They are never refused for what they say; what cannot be made
//! durable is not acknowledged, so that the platform sends it again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use holdfast_adapters::{Notice, Unrecognized};
use holdfast_core::hold::{Finding, ToldEvent};
use holdfast_core::{AccountId, Decision, DeclineReason, Timestamp};
use tokio::time::timeout_at;

use super::Responder;
use super::mount::Mount;
use super::without_ledger::LOOK_AGAIN;
use crate::clock::{self, Instant, Moment};
use crate::ledger::{self, Act, Answer, LedgerError, MoneyOf, Ticket, Wait};
use crate::metrics::{LedgerStanding, NotificationResult};
use crate::spool::{Entry, Kept};

/// How long a platform is kept waiting for an acknowledgement. Marqeta's ping allows five seconds.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(4);

/// How long the ledger may take to hear one; then the spool keeps it, whether the ledger hears it after all or not.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// How long after a notification came it is looked whose money it is about, before nobody can tell.
const LOOKED_FOR: Duration = Duration::from_millis(100);

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
    /// It is about a payment of ours which does not allow it, or is not there, and was not recorded.
    Refused(DeclineReason),
}

/// By when what arrived then is to be acknowledged.
pub(super) fn acknowledged_by(received: &Moment) -> Instant {
    received.instant.checked_add(ACKNOWLEDGE_WITHIN).unwrap_or(received.instant)
}

impl Responder {
    /// Brings every element to the ledger, or into the spool while the ledger does not hear, in order; one that fails blocks no
    /// other.
    pub(super) async fn take_note(&self, mount: &Mount, notices: Vec<Notice>, by: Instant) -> Taken {
        let mut noted = Taken::Durable;
        for notice in notices {
            let notice = match notice {
                Notice::OfOurs(event) => {
                    match self.take_ours(mount, event, by).await {
                        Taken::Durable => {}
                        Taken::NotDurable => noted = Taken::NotDurable,
                        Taken::Refused(reason) => return Taken::Refused(reason),
                    }
                    continue;
                }
                Notice::Told(_) | Notice::Nothing | Notice::Unrecognized(_) => notice,
            };
            let notice = none_from_the_future(notice, clock::utc());
            let result = self.take_one(mount, notice, by).await;
            mount.metrics.notification(result);
            if result == NotificationResult::NotDurable {
                noted = Taken::NotDurable;
            }
        }
        noted
    }

    async fn take_one(&self, mount: &Mount, notice: Notice, by: Instant) -> NotificationResult {
        match notice {
            // Facts about payments of ours go a way of their own.
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

    /// Brings a fact about a payment of ours to the ledger, which may refuse it. While it cannot be asked, everything is recorded.
    async fn take_ours(&self, mount: &Mount, event: ToldEvent, by: Instant) -> Taken {
        let stamp = event.occurred_at.map(|stamp| stamp.unless_far_ahead_of(clock::utc()));
        let event = ToldEvent { occurred_at: stamp, ..event };
        let result = if self.hears() {
            let heard_by = clock::instant().checked_add(HEARD_WITHIN).unwrap_or(by).min(by);
            let told = ledger::ask(self.ledger.as_ref(), Act::TellOurs(mount.origin(), event));
            let answer = timeout_at(heard_by, told).await.unwrap_or(Err(LedgerError::Late));
            match answer {
                // Under our own name nothing is held of what has its platform's.
                Ok(Answer::Decided { decision: Decision::Decline { reason: DeclineReason::AuthorizationUnknown }, .. })
                    if self.is_told_by_platform(&event) =>
                {
                    return Taken::Refused(DeclineReason::LeftToPlatform);
                }
                Ok(Answer::Decided { decision: Decision::Decline { reason }, .. }) => return Taken::Refused(reason),
                Ok(Answer::Recorded(Some(Finding::Conflict))) => {
                    mount.metrics.notification(NotificationResult::NotBooked);
                    return Taken::Refused(DeclineReason::ConflictingDuplicate);
                }
                answer => self.settle(mount, &event, answer, by).await,
            }
        } else if self.is_told_by_platform(&event) {
            return Taken::Refused(DeclineReason::LeftToPlatform);
        } else {
            self.spool_fact(mount, &event, by).await
        };
        mount.metrics.notification(result);
        if result == NotificationResult::NotDurable { Taken::NotDurable } else { Taken::Durable }
    }

    /// Whether a fact is about a payment that was approved here under its platform's name: what becomes of it that platform tells.
    fn is_told_by_platform(&self, event: &ToldEvent) -> bool {
        let (payment, _) = event.fact.payments();
        let agents = self.agents.as_ref().zip(payment);
        agents.is_some_and(|(agents, payment)| agents.tells_platform_of(&payment.authorization))
    }

    /// Whether the ledger hears now, and has everything that a start puts there, and that came before.
    fn hears(&self) -> bool {
        self.is_open() && self.ledger_stands() == LedgerStanding::Up && self.spool.fill().held.waiting == 0
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
            // What contradicts what was told before is kept, and moves nothing.
            Ok(Answer::Recorded(Some(Finding::Conflict))) => NotificationResult::NotBooked,
            Ok(Answer::Recorded(Some(finding))) if finding.is_not_booked() => NotificationResult::NotBooked,
            Ok(_) => NotificationResult::Applied,
            Err(LedgerError::Panicked | LedgerError::Refused | LedgerError::BeyondCounting) => {
                let problem = "the ledger could not apply it".to_owned();
                self.keep(mount, Unrecognized::new(problem, event.key.to_string()), by).await
            }
            // It may have been applied all the same: the ledger knows it by its key.
            Err(LedgerError::Starting | LedgerError::Unavailable | LedgerError::Late) => self.spool_fact(mount, event, by).await,
        }
    }

    /// A fact that the ledger has yet to hear. What it says of a card holds from now on.
    async fn spool_fact(&self, mount: &Mount, event: &ToldEvent, by: Instant) -> NotificationResult {
        let account = self.money_of(mount, event, by).await;
        self.unheard.standings.told(mount.program.id, event);
        self.unheard.waiting.waits(&mount.origin(), event, account);
        self.unheard.recorded.waits(&mount.origin(), event);
        let entry = Entry::Fact(mount.origin(), Box::new(*event));
        match self.spool_entry(entry, by).await {
            Noted::Durable => {
                self.unheard.keeps(&mount.origin(), event);
                NotificationResult::Spooled
            }
            Noted::NotDurable => {
                self.unheard.waiting.never_kept(&mount.origin(), event);
                self.unheard.recorded.never_kept(&mount.origin(), event);
                self.unheard.standings.never_told(mount.program.id, event);
                self.unheard.heard.notify_waiters();
                NotificationResult::NotDurable
            }
        }
    }

    /// Whose money a message is about. Whoever works on what is looked at has it for less than a millisecond at a time: it is looked at
    /// again for a moment, one for all that came together.
    async fn money_of(&self, mount: &Mount, event: &ToldEvent, by: Instant) -> Option<AccountId> {
        let origin = &mount.origin();
        if !event.fact.is_about_money() {
            return None;
        }
        let until = by.checked_sub(ACKNOWLEDGE_WITHIN.saturating_sub(LOOKED_FOR)).unwrap_or(by);
        let money = loop {
            // A bug in looking must not keep the message out.
            let money = catch_unwind(AssertUnwindSafe(|| self.ledger.account_of(origin, event))).unwrap_or_else(|_| {
                self.metrics.server.panicked();
                MoneyOf::NotSeen
            });
            if money != MoneyOf::Busy || clock::instant() >= until {
                break money;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        self.unheard.account_of(origin, event, money)
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

/// Networks settle within days. What is said to be settled later than this from now would be due on no day that anybody looks at.
const SETTLED_WITHIN_DAYS: i64 = 31;

/// Of events that are stamped far ahead, their time is the one at which they came; and none is settled on a day that is further ahead than
/// networks settle: it is due by the program's cut-off.
fn none_from_the_future(mut notice: Notice, now: Timestamp) -> Notice {
    let last_day = now.unix_seconds().div_euclid(86_400).saturating_add(SETTLED_WITHIN_DAYS);
    if let Notice::Told(events) = &mut notice {
        for event in events.iter_mut() {
            event.occurred_at = event.occurred_at.map(|stamp| stamp.unless_far_ahead_of(now));
            event.settlement_day = event.settlement_day.filter(|day| i64::from(*day) <= last_day);
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
    use holdfast_core::hold::Fact;

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

    #[test]
    fn what_is_to_be_settled_beyond_all_networks_is_due_by_the_cut_off() {
        let now = Timestamp::from_unix_seconds(20_000 * 86_400 + 86_399);
        let due = |settlement_day: Option<i32>| {
            let (key, amount) = ("k".parse().unwrap(), holdfast_core::Money::from_minor(1, holdfast_core::Currency::USD));
            let fact = Fact::Captured { payment: None, amount, finality: holdfast_core::hold::Finality::Final };
            let (occurred_at, network, subject) = (None, None, Subject::default());
            let event = ToldEvent { key, occurred_at, network, settlement_day, subject, fact };
            match none_from_the_future(Notice::Told([event].into_iter().collect()), now) {
                Notice::Told(events) => events[0].settlement_day,
                Notice::OfOurs(_) | Notice::Nothing | Notice::Unrecognized(_) => panic!("it was told"),
            }
        };
        let days = [None, Some(-1), Some(20_031), Some(20_032), Some(i32::MAX)];
        assert_eq!(days.map(due), [None, Some(-1), Some(20_031), None, None]);
    }
}
