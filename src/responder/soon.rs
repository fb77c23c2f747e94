//! What a question waits for before it is answered without the ledger: a start that is about to end, and a ledger that is being told of its
//! account's money. Nothing is decided here.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_core::{StandInCause, Timestamp};
use tokio::time::error::Elapsed;
use tokio::time::timeout_at;

use super::Responder;
use super::breaker::{BreakerIs, Response};
use super::deadline::Deadline;
use super::mount::Mount;
use super::question::Question;
use super::turns::TooMany;
use super::without_ledger::{account_of, with_its_owner};
use crate::clock::{self, Instant};
use crate::ledger::sight::{LongerAgo, Seen};
use crate::ledger::{Glimpse, Readiness};

/// How long a question waits at most for what is about to come: a ledger that starts, or one that is being told of its account's
/// money. Whatever takes longer may take for ever, and its cardholder stands at a till.
const SOON: Duration = Duration::from_millis(100);

/// How many entries of the spool the ledger hears of that soon.
const HEARD_SOON_MAX: i64 = 512;

impl Responder {
    /// Whether there is anything that the ledger has yet to hear. Nearly never.
    pub(super) fn may_have_to_be_heard(&self, mount: &Mount) -> bool {
        let unheard = &*self.unheard;
        mount.program.stand_in.in_transit() != 0
            || unheard.standings.any_on_the_way()
            || unheard.waiting.any()
            || !unheard.recorded.is_empty()
    }

    /// While the ledger has yet to hear of money of an account that was approved without it, or taken, given back or let go of by a message,
    /// or of what was told of a card, it does not decide on them: else more is held than is there, and a freeze that was acknowledged does not
    /// hold.
    ///
    /// # Errors
    /// It has not heard of it soon, and by `decide_by`, or does not show whose money it is.
    pub(super) async fn wait_until_heard(
        &self,
        mount: &Mount,
        question: &Question<'_>,
        deadline: Deadline,
    ) -> Result<(), StandInCause> {
        let (stand_in, standings) = (&mount.program.stand_in, &self.unheard.standings);
        let (by, answered) = (deadline.decide_by.min(soon()), self.unheard.entries_heard.load(Ordering::Acquire));
        let (account, request) = match self.look(question, deadline).await {
            Glimpse::Seen(seen) => (account_of(&seen.snapshot), with_its_owner(&question.request, &seen)),
            Glimpse::Nothing => (None, Cow::Borrowed(&*question.request)),
            // Whose money it is about is not known: it may be what is at risk.
            Glimpse::Busy => return Err(StandInCause::LedgerUnavailable),
        };
        loop {
            let heard = self.unheard.heard.notified();
            let money = account.is_some_and(|account| stand_in.in_transit_of(&account) > 0);
            let word = standings.on_the_way(mount.program.id, &request, account);
            let message = self.unheard.waiting.concern(mount.program.id, account);
            let recorded = self.unheard.recorded.waits_for(&question.origin, &request);
            if !money && !word && !message && !recorded {
                return Ok(());
            }
            if !self.hears_soon() {
                return Err(StandInCause::LedgerUnavailable);
            }
            if timeout_at(by, heard).await.is_err() {
                // There may be many, one after the other, while the ledger takes each: then it did not fail. Nor did it where the spool's
                // disk keeps from it what it is to hear.
                let is_asked = self.unheard.is_asked.load(Ordering::Acquire);
                if is_asked && self.unheard.entries_heard.load(Ordering::Acquire) == answered {
                    self.breaker.heard_of(Response::Failed, clock::instant());
                }
                return Err(StandInCause::LedgerUnavailable);
            }
        }
    }

    /// Whether the ledger answers, and there is so little to tell it that waiting makes sense.
    pub(super) fn hears_soon(&self) -> bool {
        self.ledger.readiness() == Readiness::Ready
            && self.breaker.is() == BreakerIs::Closed
            && self.spool.fill().held.waiting <= HEARD_SOON_MAX
    }

    /// A start is waited for as long as it may have answered this question before. Where that is ruled out, or seen, it is waited for
    /// only if it is about to end.
    ///
    /// # Errors
    /// It has not ended by then, so many wait that the others would find no connection, or an operator wants no question to wait for
    /// the ledger.
    pub(super) async fn wait_for_start(
        &self,
        mount: &Mount,
        question: &Question<'_>,
        received_at: Timestamp,
        deadline: Deadline,
    ) -> Result<(), StandInCause> {
        let has_come = |turn: Result<Result<(), TooMany>, Elapsed>| match turn {
            Ok(Ok(())) => Ok(()),
            Ok(Err(TooMany)) | Err(_) => Err(StandInCause::Starting),
        };
        let (foreseen, opened) = (self.foreseen.by(deadline.decide_by), self.opened.by(deadline.decide_by));
        has_come(timeout_at(deadline.decide_by, foreseen).await)?;
        if !self.is_open() && self.switchboard.is_on(&mount.program.id, &mount.platform, received_at) {
            return Err(StandInCause::Switched);
        }
        let by = match self.look(question, deadline).await {
            Glimpse::Seen(Seen { answered: Some(_), .. } | Seen { longer_ago: LongerAgo::No, .. }) => {
                deadline.decide_by.min(soon())
            }
            Glimpse::Seen(Seen { longer_ago: LongerAgo::Perhaps, .. }) | Glimpse::Nothing | Glimpse::Busy => deadline.decide_by,
        };
        has_come(timeout_at(by, opened).await)
    }
}

/// What is soon, from now on.
pub(super) fn soon() -> Instant {
    let now = clock::instant();
    now.checked_add(SOON).unwrap_or(now)
}
