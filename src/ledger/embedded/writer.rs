//! The one writer: takes tickets in the order in which they came, applies them to memory, makes their records durable as a
//! group, then completes the approvals. Declines are complete as soon as they are applied: their record follows unawaited.
//!
//! A commit that fails undoes its whole group, and the ledger is Unavailable until the log has been opened again and
//! compared with what was written. A panic inside an act is caught, undone and answered. What an act does is in
//! [`acts`](super::acts).

use std::hash::BuildHasher as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::Decision;
use holdfast_core::hold::Answered;
use tokio::sync::oneshot;

use super::queue::Taken;
use super::state::{Fingerprint, State};
use super::undo::UndoLog;
use super::{Observer, Shared, rebuild};
use crate::clock::{self, Moment};
use crate::journal::{Body, BodyRef, Group, GroupWriter, JournalError, Log, Record, RecordRef};
use crate::ledger::{Act, Answer, Completions, LedgerError, Readiness, Ticket};

/// How often an unavailable journal is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// How often, under load, the workers are given a turn before a group is committed.
const GATHERING_TURNS: u32 = 3;

/// What became of an act in memory, and when its waiter may know.
pub enum Performed {
    /// At once: nothing depends on the disk.
    Now(Result<Answer, LedgerError>),
    /// When the group is durable.
    OnceDurable(Answer),
}

/// The writer thread's own.
pub struct Writer {
    shared: Arc<Shared>,
    pub(super) journal: Box<dyn Log>,
    /// The most records in one commit group.
    commit_records_max: u32,
    observer: Box<dyn Observer>,
    pub(super) state: State,
    pub(super) group: GroupWriter,
    /// A group whose commit failed: whether it reached the disk all the same, only reopening tells.
    in_doubt: GroupWriter,
    pub(super) undo: UndoLog,
    /// Tickets that are complete once the group is durable.
    awaiting: Vec<(Arc<Ticket>, Answer)>,
    /// Declines of this group that were told already: they keep their keys whatever becomes of the group.
    pub(super) told_declines: Vec<(Fingerprint, Answered)>,
    completions: Completions,
}

impl Writer {
    /// A writer that remembers nothing yet.
    pub fn new(shared: Arc<Shared>, journal: Box<dyn Log>, commit_records_max: u32, observer: Box<dyn Observer>) -> Self {
        let secret = std::hash::RandomState::new();
        Writer {
            shared,
            journal,
            commit_records_max,
            observer,
            state: State::new((secret.hash_one(0_u8), secret.hash_one(1_u8))),
            group: GroupWriter::default(),
            in_doubt: GroupWriter::default(),
            undo: UndoLog::new(),
            awaiting: Vec::new(),
            told_declines: Vec::new(),
            completions: Completions::default(),
        }
    }

    /// Rebuilds the state, then works until the queue is closed and empty.
    pub fn run(mut self, opened: oneshot::Sender<Result<(), JournalError>>) {
        let result = self.rebuild();
        self.pass_remarks_on();
        let rebuilt = result.is_ok();
        self.become_ready(if rebuilt { Readiness::Ready } else { Readiness::Unavailable });
        // Whoever started the ledger may have gone away: then nobody wants to know.
        let _ = opened.send(result);
        let mut batch = Vec::new();
        if !rebuilt {
            return self.refuse_everything(&mut batch);
        }
        loop {
            let patience = (self.shared.readiness() != Readiness::Ready).then_some(RETRY_EVERY);
            match self.shared.queue.take(&mut batch, patience) {
                Taken::Nothing => return,
                Taken::Some => {}
            }
            if self.shared.readiness() == Readiness::Unavailable {
                self.try_to_come_back();
            }
            self.work_off(&mut batch);
        }
    }

    /// What was read of a log that cannot be read whole is nobody's balance.
    fn refuse_everything(&mut self, batch: &mut Vec<Arc<Ticket>>) {
        while self.shared.queue.take(batch, None) == Taken::Some {
            for ticket in batch.drain(..) {
                self.completions.complete(&ticket, Err(LedgerError::Unavailable));
            }
            self.completions.announce();
        }
    }

    fn tell_head(&self) {
        self.observer.head(self.journal.next().saturating_sub(1), self.journal.chain());
    }

    fn become_ready(&self, readiness: Readiness) {
        self.tell_head();
        self.shared.set_readiness(readiness);
        self.observer.readiness(readiness);
    }

    fn pass_remarks_on(&mut self) {
        for remark in self.journal.remarks() {
            self.observer.say(&remark);
        }
    }

    fn rebuild(&mut self) -> Result<(), JournalError> {
        let Writer { journal, state, undo, .. } = self;
        let mut next = 1;
        journal.read(1, &mut |first, bytes| {
            if first != next {
                return Err(journal.broken(first));
            }
            for record in Group::open(bytes).map_err(|error| journal.unreadable(first, error))? {
                let record = record.map_err(|error| journal.unreadable(first, error))?;
                rebuild::write_record(state, &record, undo);
                undo.clear();
                next = next.saturating_add(1);
            }
            Ok(())
        })?;
        if next != journal.next() {
            return Err(journal.broken(next));
        }
        self.state.forget_old_keys(clock::utc());
        Ok(())
    }

    fn work_off(&mut self, batch: &mut Vec<Arc<Ticket>>) {
        let busy = batch.len() > 1;
        let mut now = self.apply(batch);
        if busy {
            for _ in 0..GATHERING_TURNS {
                // A sync costs more than a turn of the workers: let them bring what they have, so that it serves them all.
                std::thread::yield_now();
                if self.shared.queue.take_ready(batch) == Taken::Nothing {
                    break;
                }
                now = self.apply(batch);
            }
        }
        self.completions.announce();
        self.commit();
        self.journal.tidy();
        self.pass_remarks_on();
        self.state.forget_old_keys(now.utc);
    }

    /// Applies a batch; a group that is full is committed on the way.
    fn apply(&mut self, batch: &mut Vec<Arc<Ticket>>) -> Moment {
        let mut now = clock::now();
        for ticket in batch.drain(..) {
            self.attend(ticket, &now);
            if self.group.records() >= self.commit_records_max {
                self.commit();
                // A sync takes its time: what was in time when the batch was taken may not be any more.
                now = clock::now();
            }
        }
        now
    }

    /// Performs one act; whatever it does wrong costs only its own answer.
    fn attend(&mut self, ticket: Arc<Ticket>, now: &Moment) {
        let available = self.shared.readiness() == Readiness::Ready;
        let (undo_before, group_before, declines_before) = (self.undo.len(), self.group.end(), self.told_declines.len());
        let performed = catch_unwind(AssertUnwindSafe(|| {
            ticket.with_act(|act| match act {
                Act::Balances(..) | Act::Rulesets(_) | Act::Rest => self.perform(act, now),
                Act::Decide(decide) if !available => self.say_again(decide),
                Act::Decide(_) | Act::Adopt(_) | Act::Tell(..) | Act::Keep(..) | Act::Enter(..) | Act::Publish(_) => {
                    if available { self.perform(act, now) } else { Performed::Now(Err(LedgerError::Unavailable)) }
                }
            })
        }))
        .unwrap_or(Performed::Now(Err(LedgerError::Panicked)));
        if let Performed::Now(Err(_)) = performed {
            // An error means that nothing was applied.
            self.state.undo_to(&mut self.undo, undo_before);
            self.group.cut_back(group_before);
            self.told_declines.truncate(declines_before);
        }
        match performed {
            Performed::Now(answer) => self.completions.complete(&ticket, answer),
            Performed::OnceDurable(answer) => self.awaiting.push((ticket, answer)),
        }
    }

    /// Makes the group durable and completes what waited for it.
    fn commit(&mut self) {
        let records = self.group.records();
        let committed = if records == 0 {
            Ok(())
        } else {
            let began = clock::instant();
            let appended = self.journal.append(records, self.group.bytes());
            self.observer.committed(records, clock::instant().saturating_duration_since(began));
            appended
        };
        match committed {
            Ok(()) => {
                self.tell_head();
                self.undo.clear();
                for (ticket, answer) in self.awaiting.drain(..) {
                    self.completions.complete(&ticket, Ok(answer));
                }
                self.group.clear();
            }
            Err(error) => self.give_up_group(&error),
        }
        self.told_declines.clear();
        self.completions.announce();
    }

    /// Leaves the memory as it was before the group; only declines that were told keep their keys.
    fn give_up_group(&mut self, error: &JournalError) {
        self.observer.say(&format!("the journal cannot be written, the ledger is unavailable: {error}"));
        self.state.undo(&mut self.undo);
        for (key, answered) in self.told_declines.drain(..) {
            self.state.remember_decline(key, answered, clock::utc());
        }
        for (ticket, _) in self.awaiting.drain(..) {
            self.completions.complete(&ticket, Err(LedgerError::Unavailable));
        }
        std::mem::swap(&mut self.group, &mut self.in_doubt);
        self.group.clear();
        self.become_ready(Readiness::Unavailable);
    }

    /// Opens the log again, compares where it ends with what was written, and proves that it can be written.
    fn try_to_come_back(&mut self) {
        let expected = self.journal.next();
        if self.journal.reopen().is_err() {
            return;
        }
        let in_doubt: Vec<Record> = Group::open(self.in_doubt.bytes()).into_iter().flatten().flatten().collect();
        self.in_doubt.clear();
        let opened = RecordRef { at: clock::utc(), program: None, platform: None, body: BodyRef::Opened };
        let mut gathered = self.in_doubt.push(&opened).is_ok();
        if self.journal.next() > expected {
            // The group that was given up is durable after all: it counts.
            for record in &in_doubt {
                rebuild::write_record(&mut self.state, record, &mut self.undo);
            }
            self.undo.clear();
        } else {
            // Its declines were told all the same: they are recorded now, so that a restart remembers them too.
            let owed = in_doubt.iter().filter(|record| declines(&record.body));
            gathered &= owed.map(Record::as_written).all(|record| self.in_doubt.push(&record).is_ok());
        }
        // If this fails, it is in doubt in its turn.
        if gathered && self.journal.append(self.in_doubt.records(), self.in_doubt.bytes()).is_ok() {
            self.in_doubt.clear();
            self.observer.say("the journal can be written again, the ledger is ready");
            self.become_ready(Readiness::Ready);
        }
    }
}

/// Whether a record is of a decline that was told before it was durable.
fn declines(body: &Body) -> bool {
    match body {
        Body::Decided { outcome, .. } => matches!(outcome.decision, Some((Decision::Decline { .. }, _))),
        Body::Adopted { .. }
        | Body::Told { .. }
        | Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished { .. }
        | Body::Opened => false,
    }
}
