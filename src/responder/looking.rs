//! A ledger that nobody asks: that it stalls is seen, whether it is back is found out by a read, which changes nothing, and from when to
//! when it was away, a start that takes long included, is noted beside the spool, for the report. Where it is, is seen again and again, so
//! that whoever asks hears since when. None of that ever keeps an answer waiting.

use std::sync::{Arc, Weak};
use std::time::Duration;

use holdfast_core::{AccountId, Timestamp};
use tokio::time::sleep;

use super::asking::response_of;
use super::breaker::{BreakerIs, Response};
use super::{Program, Responder};
use crate::clock::{self, Instant};
use crate::ledger::{Act, Answer, LedgerError, Origin, Readiness, Ticket, Wait, Whose, Writes};
use crate::spool::{Away, SpoolError};

/// Nobody's account: what is asked is whether anything is answered.
const NOBODYS: &str = "is-anybody-there";

/// How often it is seen where the ledger is.
const SEE_EVERY: Duration = Duration::from_millis(250);

/// Looks at a ledger that is away, and notes when it was, for ever or as long as there is a responder.
pub async fn keep_looking(responder: Weak<Responder>) {
    let of = || Weak::clone(&responder);
    tokio::join!(look(of()), note(of()), prove(of()), see(of()));
}

/// Whatever hangs: this waits for nothing.
async fn see(responder: Weak<Responder>) {
    while let Some(at_it) = responder.upgrade() {
        at_it.see_ledger();
        at_it.see_whose_they_are();
        drop(at_it);
        sleep(SEE_EVERY).await;
    }
}

async fn look(responder: Weak<Responder>) {
    loop {
        let Some(at_it) = responder.upgrade() else { return };
        at_it.breaker.notice_stall(clock::instant());
        let (every, looked) = (at_it.breaker.look_every(), at_it.look_at_ledger());
        // A ledger that hangs keeps one look, and not the responder.
        drop(at_it);
        if let Some(Look { began, answer }) = looked {
            let answer = answer.await;
            let Some(responder) = responder.upgrade() else { return };
            responder.looked(began, answer);
        }
        sleep(every).await;
    }
}

/// Where an earlier process left the ledger away, whether it is back is found out by a write: until then the outage goes on.
async fn prove(responder: Weak<Responder>) {
    loop {
        let Some(at_it) = responder.upgrade() else { return };
        let (every, proof) = (at_it.breaker.look_every(), at_it.begin_proof());
        drop(at_it);
        match proof {
            Proof::Needless => return,
            Proof::NotYet => {}
            Proof::Out(answer) => {
                let answer = answer.await;
                let Some(responder) = responder.upgrade() else { return };
                responder.wrote(&answer);
            }
        }
        sleep(every).await;
    }
}

/// What becomes of a proof that the ledger takes writes.
pub(super) enum Proof {
    /// It was not left away, or has written.
    Needless,
    /// It says itself that it cannot, or shows by itself when it can.
    NotYet,
    /// It was asked to.
    Out(Wait),
}

/// What operators are told when a program is stood in for no more.
#[must_use]
pub fn ended(program: &Program, since: Timestamp, now: Timestamp) -> String {
    let (seconds, exposure) = (now.saturating_since(since).as_secs(), program.stand_in.exposure());
    format!("program {}: stand-in ended after {seconds} s, {exposure} minor units yet to be confirmed by the ledger", program.id)
}

/// A look that is out.
pub(super) struct Look {
    pub began: Instant,
    pub answer: Wait,
}

/// How the last time that the ledger was away ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Somebody saw that.
    Seen,
    /// Nobody did: the process ended before. So it goes on until this one's start is over, however short that is.
    NotSeen,
}

async fn before(responder: &Weak<Responder>) -> Before {
    let Some(spool) = responder.upgrade().map(|responder| Arc::clone(&responder.spool)) else { return Before::Seen };
    let last = tokio::task::spawn_blocking(move || spool.reader()?.away().map(|all| all.last().copied())).await;
    match last {
        Ok(Ok::<_, SpoolError>(Some(Away { until: None, .. }))) => Before::NotSeen,
        Ok(Ok(Some(Away { until: Some(_), .. }) | None) | Err(_)) | Err(_) => Before::Seen,
    }
}

async fn note(responder: Weak<Responder>) {
    let before = before(&responder).await;
    // A start that ends it may be over already.
    let mut open: Option<Timestamp> = match before {
        Before::Seen => None,
        Before::NotSeen => responder.upgrade().map(|responder| responder.began),
    };
    loop {
        let Some(at_it) = responder.upgrade() else { return };
        let (every, now) = (at_it.breaker.look_every(), clock::utc());
        let starting = match before {
            Before::Seen => at_it.starting_since(now),
            Before::NotSeen => (!at_it.is_open()).then_some(at_it.began),
        };
        let since = starting.into_iter().chain(at_it.away_since(now)).min();
        let away = match (open, since) {
            (None, Some(since)) => Some(Away { since, until: None }),
            (Some(since), None) => Some(Away { since, until: Some(now) }),
            (None, None) | (Some(_), Some(_)) => None,
        };
        let spool = Arc::clone(&at_it.spool);
        drop(at_it);
        if let Some(away) = away {
            let noting = tokio::task::spawn_blocking(move || spool.reader()?.note_away(&away));
            // What a disk does not take now it may take the next time.
            if let Ok(Ok::<(), SpoolError>(())) = noting.await {
                open = away.until.is_none().then_some(away.since);
            }
        }
        sleep(every).await;
    }
}

impl Responder {
    /// Asks it something harmless, if that would tell anything.
    pub(super) fn look_at_ledger(&self) -> Option<Look> {
        let may_tell = self.is_open() && self.ledger.readiness() == Readiness::Ready;
        if !may_tell || !self.breaker.wants_a_look(clock::instant()) {
            return None;
        }
        let program = self.programs().next()?.id;
        let whose = Whose::Account(AccountId::new(NOBODYS).ok()?);
        let ticket = Ticket::new(Act::Balances(Origin::of(program), whose));
        let began = clock::instant();
        self.ledger.submit(Arc::clone(&ticket));
        self.ledger.nudge();
        Some(Look { began, answer: Wait::on(ticket) })
    }

    /// That was answered to a look. One that hung with everything else, and is answered by a ledger that cannot write any more, says nothing.
    pub(super) fn looked(&self, began: Instant, answer: Result<Answer, LedgerError>) {
        let in_time = clock::instant().saturating_duration_since(began) <= self.breaker.probe_max();
        let is_ready = self.ledger.readiness() == Readiness::Ready;
        if response_of::<()>(&Ok(answer)) == Response::Answered && in_time && is_ready && self.takes_writes() {
            self.breaker.looked_well(began);
        }
    }

    /// Has the ledger write something that says nothing, if an earlier process left it away.
    pub(super) fn begin_proof(&self) -> Proof {
        if self.ledger_since.found_away().is_none() {
            return Proof::Needless;
        }
        if !self.is_open() || self.ledger.readiness() != Readiness::Ready {
            return Proof::NotYet;
        }
        match self.ledger.writes() {
            Writes::AsItReads => {
                let ticket = Ticket::new(Act::Prove);
                self.ledger.submit(Arc::clone(&ticket));
                self.ledger.nudge();
                Proof::Out(Wait::on(ticket))
            }
            Writes::Proved(None) => Proof::NotYet,
            Writes::Proved(Some(_)) => {
                self.ledger_since.is_back();
                Proof::Needless
            }
        }
    }

    /// What was written to find out is durable, or is not.
    pub(super) fn wrote(&self, answer: &Result<Answer, LedgerError>) {
        if answer.is_ok() {
            self.ledger_since.is_back();
        }
    }

    /// Whether the ledger has shown since the breaker opened that it takes writes, as far as reads do not show that.
    fn takes_writes(&self) -> bool {
        match (self.ledger.writes(), self.breaker.is()) {
            (Writes::AsItReads, _) | (_, BreakerIs::Closed) => true,
            (Writes::Proved(wrote), BreakerIs::Open(since)) => wrote.is_some_and(|wrote| wrote >= since),
        }
    }
}
