//! The one writer: takes tickets in the order in which they came, has the engine perform and commit them in groups, and
//! completes them. Declines are complete as soon as they are performed, their record follows unawaited; but for those of payments that
//! are shown later by a name of ours, which wait for it as approvals do.
//!
//! An act that needs what memory has let go of goes to the finder, a thread of its own ([`seek`]), and comes back with it; nobody
//! else waits for that.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::cold::{Cold, Need};
use super::engine::{Engine, Performed, Warmth, Writable};
use super::queue::Taken;
use super::seek::{Asking, Finding, Names, seek};
use super::{Observer, Shared};
use crate::clock::{self, Moment};
use crate::journal::JournalError;
use crate::ledger::{Answer, Completions, LedgerError, Readiness, Ticket};

/// How often an unavailable journal is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// How often the writer looks for holds whose time has come, if nothing else wakes it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long nobody may want anything before a piece of the log's room is given back, where there is some.
const IDLE: Duration = Duration::from_millis(20);

/// How many holds expire in one group at most.
const EXPIRE_MAX: usize = 256;

/// How often, under load, the workers are given a turn before a group is committed.
const GATHERING_TURNS: u32 = 3;

/// The writer thread's own.
pub struct Writer {
    shared: Arc<Shared>,
    engine: Engine,
    /// The most records in one commit group.
    commit_records_max: u32,
    /// Tickets that are complete once the group is durable.
    awaiting: Vec<(Arc<Ticket>, Answer)>,
    completions: Completions,
    to_find: Sender<Asking>,
    found: Receiver<Finding>,
    finding: usize,
    /// Whether what was let go of could not be looked up the last time: it is said once.
    unreadable: bool,
    /// Whether more holds may be due than one group took.
    more_due: bool,
}

impl Writer {
    /// A writer for an engine that is ready. `cold` is asked on a thread of its own.
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn new(shared: Arc<Shared>, engine: Engine, cold: Box<dyn Cold>, commit_records_max: u32) -> std::io::Result<Self> {
        let (to_find, asked) = channel::<Asking>();
        let (find, found) = channel();
        let waking = Arc::clone(&shared);
        let found_this = move |finding| {
            let heard = find.send(finding).is_ok();
            waking.queue.interrupt();
            if heard { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let mut engine = engine.with_window(Arc::clone(&shared.window));
        let names = match Names::begin(cold.as_ref()) {
            Names::Read(names) => {
                engine.gone_before(names);
                None
            }
            Names::Unread(reading) => Some(reading),
        };
        let seek = move || {
            // Nobody asks any more.
            let _ = seek(&asked, cold.as_ref(), names, &found_this);
        };
        std::thread::Builder::new().name("finder".to_owned()).spawn(seek)?;
        let (awaiting, completions) = (Vec::new(), Completions::default());
        Ok(Writer {
            shared,
            engine,
            commit_records_max,
            awaiting,
            completions,
            to_find,
            found,
            finding: 0,
            unreadable: false,
            more_due: false,
        })
    }

    /// Works until the queue is closed and empty.
    pub fn run(&mut self, observer: &dyn Observer) {
        let mut batch = Vec::new();
        loop {
            let patience = match self.engine.writable() {
                // A million holds may be due at once: an idle server does not take them a group a second.
                Writable::Yes if self.more_due => Duration::ZERO,
                Writable::Yes if self.engine.has_room() => IDLE,
                Writable::Yes => LOOK_EVERY,
                Writable::No => RETRY_EVERY,
            };
            let shown = self.engine.show(self.shared.now().utc);
            let taken = self.shared.queue.take(&mut batch, Some(patience));
            drop(shown);
            if taken == Taken::Nothing {
                if self.finding == 0 {
                    if let Err(error) = self.keep_what_waits() {
                        observer.say(&format!("what was checked last is not recorded: {error}"));
                    }
                    return;
                }
                // Nothing new comes any more; what is still looked for does.
                std::thread::yield_now();
            }
            if self.engine.writable() == Writable::No {
                self.try_to_come_back(observer);
            }
            let idle = batch.is_empty() && self.finding == 0 && !self.more_due;
            self.work_off(&mut batch, observer);
            if idle {
                // What cannot be kept now waits on; the next group says if the disk is at fault.
                let _ = self.keep_what_waits();
            }
            if idle && self.engine.has_room() {
                self.engine.give_room_back(self.shared.now().utc);
            }
        }
    }

    /// Keeps what was written beside no record, where no group may follow: checks decide nothing.
    fn keep_what_waits(&mut self) -> Result<(), JournalError> {
        match self.engine.writable() {
            Writable::Yes if self.engine.group.records() == 0 => self.engine.log.keep_slips_now(),
            Writable::Yes | Writable::No => Ok(()),
        }
    }

    fn work_off(&mut self, batch: &mut Vec<Arc<Ticket>>, observer: &dyn Observer) {
        let projected = self.shared.projected.load(Ordering::Acquire);
        if projected > 0 {
            self.engine.projected_to(projected);
        }
        let busy = batch.len() > 1;
        let mut now = self.apply(batch, observer);
        self.go_on_with_found(observer);
        if busy {
            for _ in 0..GATHERING_TURNS {
                // A sync costs more than a turn of the workers: let them bring what they have, so that it serves them all.
                std::thread::yield_now();
                if self.shared.queue.take_ready(batch) == Taken::Nothing {
                    break;
                }
                now = self.apply(batch, observer);
            }
        }
        if self.engine.writable() == Writable::Yes {
            let expired = self.engine.expire(now.utc, EXPIRE_MAX);
            self.more_due = expired >= EXPIRE_MAX;
            if expired > 0 {
                observer.expired(expired);
            }
            match std::mem::take(&mut self.engine.never_ended) {
                0 => {}
                holds => observer.never_ended(holds),
            }
        }
        self.completions.announce();
        self.commit(observer);
        self.engine.tidy(now.utc);
        self.pass_remarks_on(observer);
    }

    /// Applies a batch; a group that is full is committed on the way.
    fn apply(&mut self, batch: &mut Vec<Arc<Ticket>>, observer: &dyn Observer) -> Moment {
        let mut now = self.shared.now();
        for ticket in batch.drain(..) {
            self.attend(ticket, &now, None);
            if self.engine.group.records() >= self.commit_records_max {
                self.commit(observer);
                // A sync takes its time: what was in time when the batch was taken may not be any more.
                now = self.shared.now();
            }
        }
        now
    }

    /// Performs an act, for which that was looked for, if anything was.
    fn attend(&mut self, ticket: Arc<Ticket>, now: &Moment, looked_for: Option<Need>) {
        let warmth = looked_for.as_ref().map_or(Warmth::Unknown, Warmth::FoundOf);
        match ticket.with_act(|act| self.engine.attend(act, now, warmth)) {
            Performed::Now(answer) => self.completions.complete(&ticket, answer),
            Performed::OnceDurable(answer) => self.awaiting.push((ticket, answer)),
            Performed::Cold(need) => {
                // Of what was found before, memory has the rest.
                let need = looked_for.unwrap_or_default().and(need);
                match self.to_find.send((Arc::clone(&ticket), need)) {
                    Ok(()) => self.finding = self.finding.saturating_add(1),
                    // The finder is gone: whatever it met, nothing was applied.
                    Err(_) => self.completions.complete(&ticket, Err(LedgerError::Unavailable)),
                }
            }
        }
    }

    /// Performs what waited for something that was found, or is nowhere.
    fn go_on_with_found(&mut self, observer: &dyn Observer) {
        while let Ok(finding) = self.found.try_recv() {
            let ((ticket, need), found) = match finding {
                Finding::ForAct(asking, found) => (*asking, found),
                Finding::Names(names) => {
                    self.engine.gone_before(names);
                    continue;
                }
            };
            self.finding = self.finding.saturating_sub(1);
            let now = self.shared.now();
            match found {
                Ok(found) => {
                    self.unreadable = false;
                    self.engine.warm(*found, now.utc);
                    self.attend(ticket, &now, Some(need));
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.unreadable, true) {
                        observer.say(&format!("the projection cannot be read: {error}"));
                    }
                    self.completions.complete(&ticket, Err(LedgerError::Unavailable));
                }
            }
        }
    }

    /// Makes the group durable and completes what waited for it.
    fn commit(&mut self, observer: &dyn Observer) {
        let (records, began) = (self.engine.group.records(), clock::instant());
        let committed = self.engine.commit();
        if records > 0 {
            // Before anybody hears of it: who waits for an answer finds its commit counted.
            observer.committed(records, clock::instant().saturating_duration_since(began));
            self.publish_recorded();
            observer.head(self.engine.log.next().saturating_sub(1), self.engine.log.chain());
        }
        match committed {
            Ok(_) => {
                for (ticket, answer) in self.awaiting.drain(..) {
                    self.completions.complete(&ticket, Ok(answer));
                }
            }
            Err(error) => {
                observer.say(&format!("the journal cannot be written, the ledger is unavailable: {error}"));
                for (ticket, _) in self.awaiting.drain(..) {
                    self.completions.complete(&ticket, Err(LedgerError::Unavailable));
                }
                self.become_ready(Readiness::Unavailable, observer);
            }
        }
        self.completions.announce();
    }

    /// Tells the projection how far it may follow.
    fn publish_recorded(&self) {
        self.shared.recorded.store(self.engine.next_record().saturating_sub(1), Ordering::Release);
        self.shared.bell.ring();
    }

    fn try_to_come_back(&mut self, observer: &dyn Observer) {
        if self.engine.come_back(self.shared.now().utc) == Writable::Yes {
            observer.say("the journal can be written again, the ledger is ready");
            self.publish_recorded();
            self.become_ready(Readiness::Ready, observer);
        }
    }

    fn become_ready(&self, readiness: Readiness, observer: &dyn Observer) {
        self.shared.stands.become_now(readiness);
        observer.readiness(readiness);
    }

    fn pass_remarks_on(&mut self, observer: &dyn Observer) {
        for remark in self.engine.log.remarks() {
            observer.say(&remark);
        }
    }
}
