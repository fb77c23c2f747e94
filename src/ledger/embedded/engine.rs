//! The engine: memory, and the log that makes its changes durable, group by group. One owner, no thread, no clock.
//!
//! An act is performed on memory at once ([`acts`](super::acts)); its record joins the group that [`Engine::commit`] makes
//! durable. A commit that fails undoes its whole group, and nothing may be performed until [`Engine::come_back`] has opened the
//! log again and compared it with what was written. A panic inside an act is caught, undone and answered. Whoever drives the
//! engine (the writer thread, the simulation) tells it what time it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::hold::Answered;
use holdfast_core::hold::mutant::{self, Mutant};
use holdfast_core::{Decision, Timestamp};

use super::cold::{Cold, Found, Need};
use super::rebuild::{self, Rebuilding};
use super::state::{CLOSED_KEPT, Fingerprint, GoneNames, Recalled, State};
use super::undo::UndoLog;
use super::window::{AsOf, Shown, Window};
use crate::clock::Moment;
use crate::journal::{Body, BodyRef, EachGroup, Group, GroupWriter, JournalError, KeptRuleset, Log, Place, Record, RecordRef};
use crate::ledger::{Act, Answer, LedgerError};

/// Entries of the undo log for which there is room from group to group: more than those of a busy server are.
const UNDO_KEPT: usize = 8_192;

/// Keys of a kind that memory forgets at most before an act and between two groups: more than an act brings, and few enough not to
/// hold an answer back where many may go at once.
const FORGET_MAX: usize = 256;

/// Holds that memory lets go of at most between two groups: a long list must not hold an answer back.
const LET_GO_MAX: usize = 256;

/// Counters that are looked at at most between two groups, whether they are over.
const LOOK_AT_COUNTERS_MAX: usize = 64;

/// What became of an act in memory, and when its waiter may know.
#[derive(Debug)]
pub enum Performed {
    /// At once: nothing depends on the disk.
    Now(Result<Answer, LedgerError>),
    /// When the group is durable.
    OnceDurable(Answer),
    /// Nothing yet: first this has to be found, then it is performed with [`Warmth::FoundOf`] that.
    Cold(Need),
}

/// Whether what memory has let go of was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmth<'n> {
    /// Not yet.
    Unknown,
    /// This was, and taken in if it was there. Memory may have let go of more meanwhile.
    FoundOf(&'n Need),
    /// All was, and taken in if it was there.
    Found,
}

/// Whether the log takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    Yes,
    No,
}

/// The embedded ledger's memory and log.
pub struct Engine {
    pub(super) log: Box<dyn Log>,
    /// Holds that the safety timer released since somebody last asked.
    pub(super) never_ended: usize,
    pub(super) state: Box<State>,
    /// Where others may look at memory while the log is written.
    window: Option<Arc<Window>>,
    /// The latest moment at which something was attended to.
    latest: Timestamp,
    /// The earliest callback that this group approves.
    pub(super) approves_from: Option<Timestamp>,
    pub(super) group: GroupWriter,
    /// What this group publishes: the log does not tell of it before it is durable.
    pub(super) published: Vec<KeptRuleset>,
    /// A group whose commit failed: whether it reached the disk all the same, only reopening tells.
    in_doubt: GroupWriter,
    /// The record that it would begin with.
    doubtful_from: i64,
    pub(super) undo: UndoLog,
    /// Declines of this group that were told already, and when: they keep their keys whatever becomes of the group.
    pub(super) told_declines: Vec<(Timestamp, Fingerprint, Answered)>,
    /// Up to which record the projection keeps everything; nothing if there is none.
    pub(super) projected: Option<i64>,
    /// How long a hold that ended stays in memory.
    closed_kept: Duration,
    writable: Writable,
    /// When the group was made that could not be written last: what is seen of memory is as old as that until it can be again.
    failed_at: Timestamp,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("next", &self.log.next()).field("writable", &self.writable).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine on a log, that remembers what `state` says.
    pub fn new(log: Box<dyn Log>, state: Box<State>) -> Self {
        Engine {
            log,
            never_ended: 0,
            state,
            window: None,
            latest: Timestamp::EPOCH,
            approves_from: None,
            group: GroupWriter::default(),
            published: Vec::new(),
            in_doubt: GroupWriter::default(),
            doubtful_from: 0,
            undo: UndoLog::new(),
            told_declines: Vec::new(),
            projected: None,
            closed_kept: CLOSED_KEPT,
            writable: Writable::Yes,
            failed_at: Timestamp::EPOCH,
        }
    }

    /// Writes what the log says from record `from` on, and takes in what it needs of what memory had let go of.
    ///
    /// # Errors
    /// The log or the projection cannot be read, or the log is damaged.
    pub fn rebuild(&mut self, from: i64, cold: &dyn Cold, mut progress: impl FnMut(i64)) -> Result<(), JournalError> {
        let Engine { log, state, undo, projected, .. } = self;
        let mut rebuilding = Rebuilding { state, undo, cold, projected: *projected, next: from };
        log.read(from, &mut |first, bytes| {
            if first > rebuilding.next {
                return Err(log.broken(first));
            }
            rebuilding.write_group(first, bytes, |first, error| log.unreadable(first, error), |_, _| {})?;
            progress(rebuilding.next);
            Ok(())
        })?;
        let next = rebuilding.next;
        if next != self.log.next() {
            return Err(self.log.broken(next));
        }
        Ok(())
    }

    /// The counter that the next record gets.
    pub fn next_record(&self) -> i64 {
        self.log.next().saturating_add(i64::from(self.group.records()))
    }

    /// Reads the durable records from this one on, group by group.
    ///
    /// # Errors
    /// The log cannot be read, or what `each` says.
    pub fn read(&self, from: i64, each: &mut EachGroup<'_>) -> Result<(), JournalError> {
        self.log.read(from, each)
    }

    /// How many records wait for their commit.
    pub fn gathered(&self) -> u32 {
        self.group.records()
    }

    /// What is remembered.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What was performed since the last commit: for whoever keeps it elsewhere than in this engine's log.
    pub fn performed(&self) -> (&State, &UndoLog, &GroupWriter) {
        (&self.state, &self.undo, &self.group)
    }

    /// Whether the log takes records.
    pub fn writable(&self) -> Writable {
        self.writable
    }

    /// Up to which record the projection keeps everything.
    pub fn projected_to(&mut self, record: i64) {
        self.projected = Some(record);
    }

    /// Keeps holds that ended in memory for so long instead of [`CLOSED_KEPT`].
    pub fn keep_closed(&mut self, closed_kept: Duration) {
        self.closed_kept = closed_kept;
    }

    /// What memory let go of before this process began was read.
    pub fn gone_before(&mut self, names: GoneNames) {
        self.state.gone_before(names);
    }

    /// Takes in what was found of what memory had let go of, for the act that is attended to next.
    pub fn warm(&mut self, found: Found, now: Timestamp) {
        for (row, _, record) in found.hold.into_iter().chain(found.others) {
            self.state.restore_hold(row, now, record);
        }
        self.state.recall(Recalled { asked: found.asked, told: found.told });
    }

    /// Performs one act; whatever it does wrong costs only its own answer.
    pub fn attend(&mut self, act: &Act, now: &Moment, warmth: Warmth<'_>) -> Performed {
        self.forget_old_keys(now.utc);
        self.latest = now.utc;
        let (undo_before, group_before, declines_before) = (self.undo.len(), self.group.end(), self.told_declines.len());
        let performed = catch_unwind(AssertUnwindSafe(|| match (act, self.writable) {
            (Act::Preview(_) | Act::Balances(..) | Act::Accounts { .. } | Act::WasNoted(_) | Act::Rulesets(_) | Act::Rest, _)
            | (Act::Look(..) | Act::Slips(_), _)
            | (_, Writable::Yes) => self.perform(act, now, warmth),
            (Act::Decide(decide), Writable::No) => self.say_again(decide, now.utc, warmth),
            (
                Act::Prove
                | Act::Adopt(_)
                | Act::Tell(..)
                | Act::TellOurs(..)
                | Act::Order(..)
                | Act::Keep(..)
                | Act::Enter(..)
                | Act::Note(_)
                | Act::Publish(..)
                | Act::PublishFirst(_)
                | Act::Announce(_)
                | Act::BeginAt(_)
                | Act::TakeAway
                | Act::BeginSlip(..)
                | Act::EndWaits(_)
                | Act::EraseSlips(_)
                | Act::KeepSlip(_),
                Writable::No,
            ) => Performed::Now(Err(LedgerError::Unavailable)),
        }))
        .unwrap_or(Performed::Now(Err(LedgerError::Panicked)));
        match performed {
            Performed::Now(Err(_)) | Performed::Cold(_) => {
                // An error means that nothing was applied.
                self.state.undo_to(&mut self.undo, undo_before);
                self.group.cut_back(group_before);
                self.told_declines.truncate(declines_before);
            }
            Performed::Now(Ok(_)) | Performed::OnceDurable(_) => {}
        }
        self.state.recall(Recalled::default());
        performed
    }

    /// Makes the group durable; how many records that were.
    ///
    /// # Errors
    /// The log cannot be written: memory is as it was before the group, but for declines that were told.
    pub fn commit(&mut self) -> Result<u32, JournalError> {
        let records = self.group.records();
        if records > 0 {
            let Engine { log, state, window, latest, approves_from, group, .. } = self;
            let as_of = AsOf { at: *latest, approvals_until: *approves_from };
            let shown = window.as_ref().map(|window| window.show(state, as_of));
            let visit = window.as_ref().map(|window| window.disk.visit());
            let appended = log.append(records, group.bytes());
            drop((visit, shown));
            self.approves_from = None;
            if let Err(error) = appended {
                self.give_up_group();
                return Err(error);
            }
        }
        self.undo.clear();
        self.undo.shrink_to(UNDO_KEPT);
        self.group.clear();
        self.published.clear();
        self.told_declines.clear();
        Ok(records)
    }

    /// Lets others look at memory through a window, whenever nobody works on it.
    pub fn with_window(self, window: Arc<Window>) -> Self {
        Engine { window: Some(window), ..self }
    }

    /// Leaves memory where others may look at it, for as long as what is returned is kept.
    pub fn show(&mut self, at: Timestamp) -> Option<Shown<'_>> {
        let as_of = AsOf { at: self.seen_at(at), approvals_until: self.approves_from };
        self.window.as_ref().map(|window| window.show(&mut self.state, as_of))
    }

    /// How old what is seen of memory is: a ledger that cannot write knows nothing newer than what it could not write.
    const fn seen_at(&self, now: Timestamp) -> Timestamp {
        match self.writable {
            Writable::Yes => now,
            Writable::No => self.failed_at,
        }
    }

    /// Has the log do something by itself, which may take as long as its disk does: memory is left where others may look at it.
    pub fn with_log<T>(
        &mut self,
        now: Timestamp,
        work: impl FnOnce(&mut dyn Log) -> Result<T, JournalError>,
    ) -> Result<T, LedgerError> {
        let at = self.seen_at(now);
        let Engine { log, state, window, approves_from, .. } = self;
        let shown = window.as_ref().map(|window| window.show(state, AsOf { at, approvals_until: *approves_from }));
        let visit = window.as_ref().map(|window| window.disk.visit());
        let done = work(log.as_mut());
        drop((visit, shown));
        done.map_err(|_| LedgerError::Unavailable)
    }

    /// What is to be done between two groups, when nobody waits.
    pub fn tidy(&mut self, now: Timestamp) {
        self.log.tidy();
        self.forget_old_keys(now);
        if self.undo.is_empty() {
            self.state.forget_old_counters(now, LOOK_AT_COUNTERS_MAX);
        }
        if let Some(projected) = self.projected {
            self.state.forget_closed_holds(now.saturating_sub(self.closed_kept), projected, LET_GO_MAX);
        }
    }

    /// Whether the log may have room to give back to its disk.
    pub fn has_room(&self) -> bool {
        self.writable == Writable::Yes && self.log.has_room()
    }

    /// Gives a small piece of it back, while nobody waits.
    pub fn give_room_back(&mut self, now: Timestamp) {
        // It has no answer that could fail.
        let _ = self.with_log(now, |log| {
            log.give_room_back();
            Ok(())
        });
    }

    /// Where nobody keeps them, nothing is forgotten.
    fn forget_old_keys(&mut self, now: Timestamp) {
        if let Some(projected) = self.projected {
            self.state.forget_old_keys(now, projected, FORGET_MAX);
        }
    }

    /// Leaves the memory as it was before the group; only declines that were told keep their keys.
    fn give_up_group(&mut self) {
        self.state.undo(&mut self.undo);
        // Besides them the group that tells of them has the proof that it can be written.
        let owed_by = self.next_record();
        for (at, key, answered) in self.told_declines.drain(..).filter(|_| !mutant::is(Mutant::ToldDeclineForgotten)) {
            self.state.remember_decline(key, answered, at, owed_by);
        }
        std::mem::swap(&mut self.group, &mut self.in_doubt);
        self.group.clear();
        self.published.clear();
        self.doubtful_from = self.log.next();
        self.writable = Writable::No;
        self.failed_at = self.latest;
    }

    /// Opens the log again, compares where it ends with what was written, and proves that it can be written.
    pub fn come_back(&mut self, now: Timestamp) -> Writable {
        let seen_at = self.seen_at(now);
        let Engine { log, state, window, .. } = self;
        let shown = window.as_ref().map(|window| window.show(state, AsOf::durable(seen_at)));
        let reopened = log.reopen();
        drop(shown);
        if reopened.is_err() {
            return Writable::No;
        }
        let in_doubt: Vec<Record> = Group::open(self.in_doubt.bytes()).into_iter().flatten().flatten().collect();
        let is_there = self.log.next() > self.doubtful_from;
        let (place, body) = (Place::default(), BodyRef::Opened);
        let opened =
            RecordRef { at: now, program: None, platform: None, ruleset: None, operator: None, governed: None, place, body };
        let mut proof = GroupWriter::default();
        let mut gathered = proof.push(&opened).is_ok();
        if !is_there {
            // Its declines were told all the same: they are recorded now, so that a restart remembers them too.
            let owed = in_doubt.iter().filter(|record| declines(&record.body));
            gathered &= owed.map(Record::as_written).all(|record| proof.push(&record).is_ok());
        }
        let Engine { log, state, window, .. } = self;
        let shown = window.as_ref().map(|window| window.show(state, AsOf::durable(seen_at)));
        let proven = gathered && log.append(proof.records(), proof.bytes()).is_ok();
        drop(shown);
        if proven && is_there {
            // The group that was given up counts, now that what was written after it is durable, and it with that. What it
            // needed of old was taken in before.
            for (number, record) in (self.doubtful_from..).zip(&in_doubt) {
                // Nothing is looked for, so nothing fails.
                let _ = rebuild::write_record(&mut self.state, record, number, &super::cold::Nowhere, &mut self.undo);
            }
            self.undo.clear();
        }
        if proven {
            self.in_doubt.clear();
            self.writable = Writable::Yes;
        } else if !is_there && gathered {
            // It is in doubt in its turn.
            self.in_doubt = proof;
        }
        self.writable
    }
}

/// Whether a record is of a decline that was told before it was durable.
fn declines(body: &Body) -> bool {
    match body {
        Body::Decided { outcome, .. } => matches!(outcome.decision, Some((Decision::Decline { .. }, _))),
        Body::Adopted { .. }
        | Body::Told { .. }
        | Body::Ordered { .. }
        | Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Opened
        | Body::Trimmed { .. }
        | Body::Joined { .. }
        | Body::Reassigned { .. } => false,
    }
}
