//! THE PATH of a callback: [`Responder::answer`] reads top to bottom as the list of its steps.
//!
//! Invariants: nothing is decoded before its caller is verified; from the moment an authorization is understood an answer
//! is owed, and leaves; stand-in is entered in one place only ([`Responder::decide`]); the ledger is waited for until `decide_by`, the
//! spool until `keep_by`, whoever asked first until `hear_by`, and nothing else.
//!
//! Steps are pinned where they are awaited: awaited by value, a step's future, which is as large as all that it may wait
//! for, would be moved once more on every callback.

mod ahead;
mod asking;
mod authentication;
mod balances;
mod breaker;
mod budgets;
mod by_word;
mod check;
mod deadline;
mod heard;
mod leaving;
mod ledger_state;
mod looking;
mod mount;
mod notification;
mod one_key;
mod opened;
mod ordering;
mod orders;
mod owner;
mod payments;
mod permission;
mod publications;
mod question;
mod recorded;
mod saying;
mod showing;
mod soon;
mod stand_in;
mod standings;
mod start;
mod status;
mod telling;
#[cfg(test)]
mod tests;
mod told;
mod turns;
mod unique;
mod waiting;
mod watch;
mod without_ledger;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use holdfast_adapters::token::TokenFault;
use holdfast_adapters::{
    AccountBalance, Answer, Authentic, AuthorizationCall, Callback, Echo, InFlightDuplicate, Inbound, Malformed, Named, NotDone,
    Refusal, Refused, Reply,
};
use holdfast_core::agent::IntentReference;
use holdfast_core::stand_in::Silence;
use holdfast_core::{AuthorizationKind, Basis, Decision, DeclineReason, StandInCause, Timestamp};
use tokio::sync::watch::Receiver;
use tokio::time::timeout_at;

pub use self::authentication::end_waits;
pub use self::breaker::{Breaker, BreakerIs};
pub use self::deadline::{Deadline, Patience};
pub use self::heard::{Earlier, Unheard};
pub use self::leaving::Leaving;
pub use self::ledger_state::SinceWhen;
pub use self::looking::{ended, keep_looking};
pub use self::mount::{ByEnvironment, Mount, Program};
use self::notification::{Taken, acknowledged_by};
pub use self::payments::Till;
pub use self::publications::Publications;
use self::question::Question;
pub use self::stand_in::{StandIn, StandInTable};
pub use self::start::{Recalled, Stage};
pub use self::status::InStandIn;
use self::told::{Begun, Claim};
pub use self::told::{Told, ToldBook};
pub use self::turns::Turns;
use self::watch::{Phase, Watch};
use crate::agent::lead::Agents;
use crate::card_numbers::wipe_stack;
use crate::clock;
use crate::ledger::permit::InFlight;
use crate::ledger::{Ledger, Mailbox, Pool};
use crate::metrics::Metrics;
use crate::server::{Answered, Call, Respond};
use crate::spool::Spool;
use crate::switchboard::Switchboard;
use crate::telemetry::Telemetry;

/// Answers callbacks. One value a process, shared by the workers.
pub struct Responder {
    /// In the order of the route table.
    pub mounts: Vec<Mount>,
    /// What keeps the money.
    pub ledger: Arc<dyn Ledger>,
    /// What this process told and heard, and the ledger has yet to hear.
    pub unheard: Arc<Unheard>,
    /// Which keys of processors are being decided, under whatever names.
    pub keys_of_callers: ToldBook,
    /// Where that is durable.
    pub spool: Arc<Spool>,
    /// Whether the ledger is asked at all.
    pub breaker: Arc<Breaker>,
    /// Whether an operator wants it not to be.
    pub switchboard: Arc<Switchboard>,
    /// How much may be with the ledger at once.
    pub in_flight: Arc<InFlight>,
    /// What payment doors need besides.
    pub till: Till,
    /// Everybody's counters.
    pub metrics: Arc<Metrics>,
    /// Where one record a callback is left, if the operator wants that.
    pub telemetry: Option<Telemetry>,
    /// Each worker's own.
    pub workers: Vec<Worker>,
    /// What software agents may spend, if any are configured.
    pub agents: Option<Arc<Agents>>,
    /// In which questions go on that wait until what was told before is known.
    pub recalled: Turns,
    /// In which questions go on that wait until a start knows what stand-in needs.
    pub foreseen: Turns,
    /// And those that wait until it is over.
    pub opened: Turns,
    /// Since when the ledger is where it is.
    pub ledger_since: SinceWhen,
    /// When this process began.
    pub began: Timestamp,
    /// How far the start has come: nothing is decided by rules that are not in force, or on accounts that are not there.
    pub stage: Receiver<Stage>,
}

/// What belongs to one worker: its tickets, and where the ledger wakes it.
#[derive(Debug)]
pub struct Worker {
    pool: Mutex<Pool>,
    /// The worker pumps it beside its connections.
    pub mailbox: Arc<Mailbox>,
}

impl Worker {
    /// A worker that keeps at most so many tickets at rest.
    #[must_use]
    pub fn new(resting_max: usize) -> Self {
        let mailbox = Arc::new(Mailbox::default());
        Worker { pool: Mutex::new(Pool::new(Arc::clone(&mailbox), resting_max)), mailbox }
    }
}

/// What the ledger, or stand-in, says to a question.
#[derive(Debug, Clone, Copy)]
struct Decided {
    told: Told,
    balance: Option<AccountBalance>,
    /// The intent that was chosen for it, where the ledger chose.
    intent: Option<IntentReference>,
}

/// Whether a question was decided for whoever asks now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It was.
    First,
    /// It was for somebody who asked the same before.
    Later,
}

impl Responder {
    /// The path of one callback; `None` is not a word, as a stand-in table may want it.
    async fn answer<'s>(&'s self, call: &Call<'_>, mount: &'s Mount, watch: &mut Watch<'s>, body: &mut Vec<u8>) -> Option<Reply> {
        let callback =
            Callback { route: call.route, segment: call.segment, query: call.query, headers: call.headers, body: call.body };
        let keyring = mount.keyring.load();
        let authentic = match mount.adapter.verify(callback, &keyring, call.received.utc) {
            Ok(authentic) => authentic,
            Err(refusal) => return self.refuse_by(mount, refusal, body).into(),
        };
        let Some(mount) = self.mount_of(mount, &authentic) else {
            // Credentials are made for environments that have a program, and this one's is gone.
            return mount.adapter.refuse(&Refused::Unavailable, body).into();
        };
        watch.turned_to(mount);
        watch.verified();
        // Matched where it lies: what was understood is large, and stays here until the answer is written.
        let decoded = mount.adapter.decode(&authentic);
        if let Ok(inbound) = &decoded {
            watch.understood(inbound);
            if let Some(missing) = permission::missing(inbound, authentic.permissions()) {
                return mount.adapter.refuse(&Refused::Forbidden(missing), body).into();
            }
        }
        match decoded {
            Ok(Inbound::Authorization(ref asked)) => pin!(self.authorize(call, mount, asked, watch, body)).await,
            // What an earlier process was told comes before what this one is.
            Ok(ref inbound) if !self.has_recalled() && !Box::pin(self.recalls_for(call, mount, inbound)).await => {
                mount.adapter.refuse(&Refused::Unavailable, body).into()
            }
            // Apart from the answer's own future, which is an authorization's in size: it is moved on every callback.
            Ok(Inbound::Balance(ref question)) => Box::pin(self.tell_balances(mount, question, body)).await.into(),
            Ok(Inbound::Notification { notices, ref echo }) => {
                match Box::pin(self.take_note(mount, notices, acknowledged_by(&call.received))).await {
                    Taken::Durable => encode(mount, echo, &Answer::Acknowledged, body).into(),
                    Taken::NotDurable => mount.adapter.refuse(&Refused::NotDurable, body).into(),
                    Taken::Refused(reason) => {
                        encode(mount, echo, &Answer::NotDone(NotDone { reason, payment: None }), body).into()
                    }
                }
            }
            Ok(Inbound::Handshake { ref echo }) => encode(mount, echo, &Answer::Acknowledged, body).into(),
            Ok(Inbound::Payment(ref asked)) => Box::pin(self.pay(call, mount, asked, watch, body)).await,
            Ok(Inbound::Authenticated(ref asked)) => {
                Box::pin(self.authenticated(call, mount, (asked, authentic.permissions()), watch, body)).await
            }
            Ok(Inbound::Order(ref asked)) => Box::pin(self.order(mount, asked, body)).await.into(),
            Ok(Inbound::Look(ref asked)) => Box::pin(self.look_up(mount, asked, body)).await.into(),
            Ok(Inbound::Check(ref asked)) => Box::pin(self.check(call, mount, asked, body)).await.into(),
            Ok(Inbound::List(ref asked)) => Box::pin(self.list(mount, asked, body)).await.into(),
            Ok(Inbound::Fetch(_)) => {
                mount.metrics.malformed();
                let problem =
                    "names something to be fetched, and this version fetches nothing: no platform that it ships with needs that";
                mount.adapter.refuse(&Refused::Malformed(Malformed::field("", problem)), body).into()
            }
            Err(malformed) => {
                mount.metrics.malformed();
                mount.adapter.refuse(&Refused::Malformed(malformed), body).into()
            }
        }
    }

    /// What a stranger hears, counted.
    fn refuse_by(&self, mount: &Mount, refusal: Refusal, body: &mut Vec<u8>) -> Reply {
        if refusal == Refusal::Token(TokenFault::KeyUnknown) && !self.is_open() {
            // Nobody is known before a shared store was read.
            return mount.adapter.refuse(&Refused::Unavailable, body);
        }
        mount.metrics.refused(refusal);
        mount.adapter.refuse(&refused_for(refusal), body)
    }

    /// From here an answer is owed.
    async fn authorize(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        asked: &AuthorizationCall<'_>,
        watch: &mut Watch<'_>,
        body: &mut Vec<u8>,
    ) -> Option<Reply> {
        let deadline = || Deadline::new(&call.received, asked.sent_at, &mount.patience);
        // Looked at once more: whoever queues behind others may run out of time after it is over.
        let is_recalled = self.has_recalled() || Box::pin(self.recalls_by(deadline().decide_by)).await || self.has_recalled();
        let mut question = self.question(mount, asked);
        if is_recalled {
            self.lead_by_account(call, mount, &mut question).await;
        }
        let answered = match asked.lookup.as_ref().map(|lookup| lookup.named) {
            _ if !is_recalled => {
                watch.owed(question.request.key, deadline());
                Some((Box::pin(self.decline_unrecalled(call, &question, deadline())).await, Turn::First))
            }
            None | Some(Named::ByNobody) => pin!(self.hear_or_decide(call, mount, &question, watch)).await,
            // Apart, as whatever not every callback waits for.
            Some(Named::ByCaller) => Box::pin(self.hear_or_decide_named(call, mount, &question, watch)).await,
        };
        let Some((decided, _)) = answered else {
            return mount.adapter.refuse(&Refused::TooEarly, body).into();
        };
        if let Some(silence) = Silence::of(&decided.told.decision) {
            return silent(mount, silence, body);
        }
        let mut reference = mount.reference(&question.request.key);
        if decided.told.decision == (Decision::Decline { reason: DeclineReason::ConflictingDuplicate }) {
            mount.metrics.conflict();
            // The key's own name is that of the answer which the other question heard.
            reference = mount.reference_of_conflict(&question.request.key, &question.digest.kept());
        }
        let said = self.said(asked, &question, reference, &decided);
        let answer = Answer::Decided {
            decision: decided.told.decision,
            reference,
            balance: decided.balance.as_ref(),
            said: said.as_ref(),
        };
        let reply = encode(mount, &asked.echo, &answer, body);
        watch.ended(Phase::Encode);
        watch.told(decided.told);
        reply.into()
    }

    /// The key first: what was told is told again, what is being decided is waited for, and whoever is first has it decided.
    /// Nothing where the platform wants to hear that it asked too early.
    async fn hear_or_decide(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        question: &Question<'_>,
        watch: &mut Watch<'_>,
    ) -> Option<(Decided, Turn)> {
        let deadline = Deadline::new(&call.received, question.sent_at, &mount.patience);
        watch.owed(question.request.key, deadline);
        if question.request.kind == AuthorizationKind::Unknown {
            mount.metrics.unknown_method();
        }
        loop {
            match self.unheard.book.begin(question.name, question.digest) {
                Begun::First(claim) => {
                    return Some((pin!(self.decide(call, mount, question, claim, deadline, watch)).await, Turn::First));
                }
                Begun::Told(told) => {
                    mount.metrics.duplicate();
                    let told = if self.unheard.recorded.is_empty() {
                        told
                    } else {
                        Box::pin(self.as_recorded(mount, question, told, deadline)).await
                    };
                    let told = Told { basis: Basis::Replay, ..told };
                    return Some((Decided { told, balance: None, intent: None }, Turn::Later));
                }
                Begun::Conflict => return Some((declined(DeclineReason::ConflictingDuplicate, Basis::Ledger), Turn::Later)),
                Begun::InFlight(_) | Begun::OtherInFlight(_) if mount.in_flight_duplicate == InFlightDuplicate::TooEarly => {
                    return None;
                }
                Begun::OtherInFlight(other) => {
                    // It may be the other one that has somebody else's key, and this one a retry: the ledger knows.
                    if timeout_at(deadline.hear_by, other).await.is_err() {
                        let cause = Basis::StandIn(StandInCause::DeadlinePassed);
                        return Some((declined(DeclineReason::AnswerUnknown, cause), Turn::Later));
                    }
                }
                Begun::InFlight(first) => {
                    mount.metrics.joined();
                    match timeout_at(deadline.hear_by, first).await {
                        Ok(Ok(told)) => {
                            return Some((Decided { told, balance: None, intent: None }, Turn::Later));
                        }
                        // Whoever was deciding went away: this one decides.
                        Ok(Err(_)) => {}
                        Err(_) => {
                            let cause = Basis::StandIn(StandInCause::DeadlinePassed);
                            return Some((declined(DeclineReason::AnswerUnknown, cause), Turn::Later));
                        }
                    }
                }
            }
        }
    }

    /// The rules' opinion, the ledger's decision in time, or stand-in.
    async fn decide(
        &self,
        call: &Call<'_>,
        mount: &Mount,
        question: &Question<'_>,
        claim: Claim<'_>,
        deadline: Deadline,
        watch: &mut Watch<'_>,
    ) -> Decided {
        let asked = {
            let asking = pin!(self.ask_ledger(call, mount, question, deadline, watch));
            AssertUnwindSafe(asking).catch_unwind().await
        };
        watch.ended(Phase::Ledger);
        let cause = match asked {
            Ok(Ok(decided)) => {
                if decided.told.basis == Basis::Replay {
                    mount.metrics.duplicate();
                }
                claim.answered(decided.told);
                return decided;
            }
            Ok(Err(cause)) => cause,
            Err(_) => {
                self.metrics.server.panicked();
                StandInCause::Panicked
            }
        };
        // Twice as large as what asks the ledger, and apart for the same reason.
        Box::pin(self.stand_in(call, mount, question, claim, deadline, cause)).await
    }

    /// The mount whose program decides: of a caller that its proof names, that of its environment.
    fn mount_of<'s>(&'s self, mount: &'s Mount, authentic: &Authentic<'_>) -> Option<&'s Mount> {
        match (&mount.by_environment, authentic.caller()) {
            (None, _) => Some(mount),
            (Some(mounts), Some(caller)) => self.mounts.get(mounts.of(caller.environment)?),
            (Some(_), None) => None,
        }
    }
}

impl Respond for Responder {
    async fn attend(&self, worker: usize) {
        let opening = async {
            // One of them does.
            if worker == 0 {
                self.open_with_the_start().await;
            }
        };
        if let Some(worker) = self.workers.get(worker) {
            tokio::join!(worker.mailbox.pump(), opening);
        }
    }

    fn turn_ended(&self) {
        self.ledger.nudge();
        if self.till.takes_numbers() {
            wipe_stack();
        }
    }

    async fn respond(&self, call: Call<'_>, mut body: Vec<u8>) -> Answered {
        let Some(mount) = self.mounts.get(call.mount) else {
            return Answered::Said { reply: Reply::json(404), body };
        };
        let mut watch = Watch::begin(mount, self.telemetry.as_ref(), call.received);
        let outgoing = pin!(self.answer(&call, mount, &mut watch, &mut body)).await;
        let Some(reply) = outgoing else { return Answered::Silence };
        watch.answered(reply.status, &body);
        Answered::Said { reply, body }
    }

    fn refuse_stranger(&self, of_head: Call<'_>) -> Option<Answered> {
        let mount = self.mounts.get(of_head.mount)?;
        let Call { route, segment, query, headers, body, received, .. } = of_head;
        let callback = Callback { route, segment, query, headers, body };
        let refusal = mount.adapter.verify_head(&callback, &mount.keyring.load(), received.utc).err()?;
        let mut body = Vec::new();
        let reply = self.refuse_by(mount, refusal, &mut body);
        Some(Answered::Said { reply, body })
    }

    fn refuse(&self, mount: usize, refused: &Refused, mut body: Vec<u8>) -> Answered {
        let Some(mount) = self.mounts.get(mount) else {
            return Answered::Said { reply: Reply::json(404), body };
        };
        let reply = Reply { status: refused.status(), ..mount.adapter.refuse(refused, &mut body) };
        Answered::Said { reply, body }
    }
}

/// A stranger learns nothing of why, unless its platform's contract says so.
const fn refused_for(refusal: Refusal) -> Refused {
    match refusal {
        Refusal::Token(fault) => Refused::Token(fault),
        Refusal::Missing | Refusal::Unreadable | Refusal::Wrong | Refusal::WrongSignature | Refusal::Stale => {
            Refused::NotAuthentic
        }
    }
}

fn declined(reason: DeclineReason, basis: Basis) -> Decided {
    Decided { told: Told { decision: Decision::Decline { reason }, basis, asked_at: None }, balance: None, intent: None }
}

/// What a stand-in table wants in place of an answer; `None` is not a word.
fn silent(mount: &Mount, silence: Silence, body: &mut Vec<u8>) -> Option<Reply> {
    mount.metrics.abstained();
    match silence {
        Silence::Unavailable => mount.adapter.refuse(&Refused::Unavailable, body).into(),
        Silence::NoAnswer => None,
    }
}

fn encode(mount: &Mount, echo: &Echo<'_>, answer: &Answer<'_>, body: &mut Vec<u8>) -> Reply {
    mount.adapter.encode(echo, answer, &mount.keyring.load(), clock::utc(), body)
}
