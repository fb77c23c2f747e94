//! The spool's one writer: makes what waits durable in one transaction, tells whoever waits for it, and takes back what
//! nobody stands by any more. What a disk does not take is tried again until it does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_core::Timestamp;

use super::entry::Part;
use super::file::{BringBack, Changes, Disk, Held};
use super::queue::{Back, Erasing, Flow, Job, Put, Settled, Taking};
use super::{CONFIRMED_KEPT, Counting, Observer, Shared, SpoolError};
use crate::clock::{self, Instant};
use crate::ledger::Completions;

/// How often a disk that said no is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// One of so many entries is kept for what makes nothing looser: declines, which a platform hears whether they are durable or not, what
/// bars a card or an account, and tables.
const RESERVE_SHARE: i64 = 8;

/// And one of so many of those is kept for bars and tables alone: a decline goes out without a record, too, and they do not.
const BARS_SHARE: i64 = 16;

/// How often the workers are given a turn before a transaction.
const GATHERING_TURNS: u32 = 3;

/// How long the writer sleeps if nobody wakes it.
const IDLE: Duration = Duration::from_secs(3600);

/// How long a disk that says no is tried when the spool closes.
const CLOSING_MAX: Duration = Duration::from_secs(25);

/// With how many entries a disk that said no is tried again: what it does not take is written anew for each try.
const TRIED_AGAIN: usize = 256;

/// The writer thread's own.
pub(super) struct Writer {
    shared: Arc<Shared>,
    disk: Box<dyn Disk>,
    next: i64,
    /// Entries of this transaction, and those that a disk did not take yet, by their number.
    taken: Vec<(i64, Arc<Put>)>,
    /// Entries for which there is no room.
    crowded_out: Vec<Arc<Put>>,
    forget: Vec<i64>,
    /// What was given up while the disk said no: it may have them all the same, and need not make room for them.
    unsure: Vec<i64>,
    confirm: Vec<(i64, Vec<u8>)>,
    set_aside: Vec<(i64, Timestamp, String)>,
    /// Entries that shall wait again, with the numbers that they get.
    bring_back: Vec<(i64, Back)>,
    /// Texts that shall go.
    erase: Vec<Erasing>,
    /// Of which entries something became that nobody has heard yet.
    completions: Completions,
    /// While the disk says no: when it is asked again.
    ask_again: Option<Instant>,
    /// How long it is asked when the spool closes.
    closing_max: Duration,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, disk: Box<dyn Disk>, next: i64) -> Self {
        let (taken, crowded_out, set_aside) = (Vec::new(), Vec::new(), Vec::new());
        let (forget, unsure, confirm) = (Vec::new(), Vec::new(), Vec::new());
        let (bring_back, erase, completions) = (Vec::new(), Vec::new(), Completions::default());
        Writer {
            shared,
            disk,
            next,
            taken,
            crowded_out,
            forget,
            unsure,
            confirm,
            set_aside,
            bring_back,
            erase,
            completions,
            ask_again: None,
            closing_max: CLOSING_MAX,
        }
    }

    /// Works until the queue is closed and everything is durable, or the disk has said no often enough by then.
    pub fn run(mut self, observer: &dyn Observer) {
        let (mut jobs, mut closing) = (Vec::new(), None);
        loop {
            let flow = self.shared.queue.take(&mut jobs, self.patience());
            self.gather(&mut jobs);
            let new = self.sort(&mut jobs);
            // Those for which there is no room wait for no disk.
            self.completions.announce();
            let writes = self.has_something_to_write();
            if self.ask_again.is_some_and(|moment| clock::instant() < moment) {
                // Whoever waits for a disk that says no hears so at once; the others have heard it.
                self.refuse_since(new);
            } else if self.has_work() {
                self.write(new, observer);
            }
            self.completions.announce();
            if flow == Flow::Closed {
                let now = clock::instant();
                let closes_at = closing.get_or_insert(now).checked_add(self.closing_max).unwrap_or(now);
                if self.ask_again.is_some() && now < closes_at {
                    // Nothing wakes a queue that is closed: what was told waits for its disk as long as a drain may take.
                    std::thread::sleep(RETRY_EVERY);
                    continue;
                }
                // Nobody makes room any more for what found none.
                if !writes || now >= closes_at {
                    self.say_what_is_lost(observer);
                    return;
                }
            }
        }
    }

    /// A sync costs more than a turn of the workers: they bring what they have, as long as they have something, so that it serves
    /// them all. The first entry alone would have one of its own, and all others wait for that.
    fn gather(&self, jobs: &mut Vec<Job>) {
        for _ in 0..GATHERING_TURNS {
            if jobs.is_empty() {
                return;
            }
            std::thread::yield_now();
            if self.shared.queue.take_ready(jobs) == 0 {
                return;
            }
        }
    }

    /// How long the writer sleeps if nothing comes.
    fn patience(&self) -> Duration {
        match self.ask_again {
            Some(moment) => moment.saturating_duration_since(clock::instant()),
            // What nobody stands by is taken back at once: until then the ledger does not hear what comes after it.
            None if !self.forget.is_empty() => Duration::ZERO,
            None if self.has_work() => RETRY_EVERY,
            None => IDLE,
        }
    }

    /// What was told and cannot be kept, whatever is tried, is said at least.
    fn say_what_is_lost(&self, observer: &dyn Observer) {
        let stood_by = |put: &&Arc<Put>| put.take() == Taking::Taken;
        let lost = self.taken.iter().map(|(_, put)| put).chain(&self.crowded_out).filter(stood_by).count();
        if lost > 0 {
            observer.say(&format!(
                "{lost} declines that platforms heard could not be written to the spool: asked again, they may be decided afresh"
            ));
        }
    }

    fn has_work(&self) -> bool {
        self.has_something_to_write() || !self.crowded_out.is_empty()
    }

    fn has_something_to_write(&self) -> bool {
        !(self.taken.is_empty() && self.has_nothing_leaving())
    }

    fn has_nothing_leaving(&self) -> bool {
        self.forget.is_empty()
            && self.unsure.is_empty()
            && self.confirm.is_empty()
            && self.set_aside.is_empty()
            && self.bring_back.is_empty()
            && self.erase.is_empty()
    }

    /// What cannot be written of an approval leaves all the same: the ledger has it.
    fn confirm(&mut self, confirmed: &[Counting]) {
        for counting in confirmed {
            match counting.to_bytes() {
                Ok(body) => self.confirm.push((counting.number, body)),
                Err(_) => self.forget.push(counting.number),
            }
        }
    }

    /// Gives new entries their numbers, in the order in which they came; behind how many others they stand.
    fn sort(&mut self, jobs: &mut Vec<Job>) -> usize {
        let before = self.taken.len();
        // Those for which there was no room are looked at again when something left, or after a while.
        let looked_at = self.crowded_out.len();
        let had_room = jobs.iter().any(|job| !matches!(job, Job::Put(_))) || jobs.is_empty();
        let mut puts = if had_room { std::mem::take(&mut self.crowded_out) } else { Vec::new() };
        for job in jobs.drain(..) {
            match job {
                Job::Put(put) => puts.push(put),
                Job::Forget(numbers) => self.forget.extend(numbers),
                Job::Confirm(confirmed) => self.confirm(&confirmed),
                Job::SetAside(number, at, reason) => self.set_aside.push((number, at, reason)),
                Job::Erase(erasing) => self.erase.push(erasing),
                Job::BringBack(back) => {
                    self.bring_back.push((self.next, back));
                    self.next = self.next.saturating_add(1);
                }
            }
        }
        let leaving = i64::try_from(self.forget.len().saturating_add(self.confirm.len())).unwrap_or(i64::MAX);
        let full = |part| room(self.shared.entries_max, part).saturating_add(leaving);
        for put in puts {
            let (filled, part) = (self.filled(), put.entry.part());
            match put.take() {
                Taking::GivenUp => {}
                // Nobody overtakes those that wait for room, but for what has room of its own.
                Taking::Taken if filled >= full(part) || (!had_room && looked_at > 0 && part != Part::Whole) => {
                    put.settled(Settled::Refused, &mut self.completions);
                    // Whatever else there is no room for is given up by whoever brought it.
                    if put.entry.is_decline() {
                        self.crowded_out.push(put);
                    }
                }
                Taking::Taken => {
                    self.taken.push((self.next, put));
                    self.next = self.next.saturating_add(1);
                }
            }
        }
        before
    }

    /// What is there, and what is about to be.
    fn filled(&self) -> i64 {
        self.shared.filled().saturating_add(i64::try_from(self.taken.len()).unwrap_or(i64::MAX))
    }

    /// Writes everything. A disk that said no is asked with a few of those that wait for it: it may have said no to a hundred thousand.
    fn write(&mut self, new: usize, observer: &dyn Observer) {
        let tried = if self.ask_again.is_some() && self.bring_back.is_empty() { TRIED_AGAIN } else { usize::MAX };
        let later = self.taken.split_off(self.taken.len().min(tried));
        let Some(next) = later.first().map(|(number, _)| *number) else { return self.write_up_to(self.next, observer) };
        let (heard, many) = (new.saturating_sub(self.taken.len()), later.len());
        self.write_up_to(next, observer);
        let takes = self.ask_again.is_none();
        self.taken.extend(later);
        if takes {
            self.write_up_to(self.next, observer);
        } else {
            self.refuse_since(self.taken.len().saturating_sub(many).saturating_add(heard));
            self.keep_those(Put::is_stood_by);
        }
    }

    /// What was given up is neither written nor, if a disk that failed has it all the same, left there.
    fn keep_those(&mut self, stood_by: impl Fn(&Put) -> bool) {
        let (kept, given_up): (Vec<_>, Vec<_>) = self.taken.drain(..).partition(|(_, put)| stood_by(put));
        self.taken = kept;
        self.unsure.extend(given_up.into_iter().map(|(number, _)| number));
    }

    /// Writes what is taken, all of it from before that number.
    fn write_up_to(&mut self, next: i64, observer: &dyn Observer) {
        self.keep_those(|put| put.take() == Taking::Taken);
        let Some(changes) = self.changes(next) else { return };
        let (began, mut back) = (clock::instant(), None);
        match self.disk.change(&changes) {
            Ok(changed) => {
                observer.committed(changes.add.len(), clock::instant().saturating_duration_since(began));
                self.durable(changed.held, next);
                back = Some(changed.back);
                for (Erasing { gone, .. }, erased) in self.erase.drain(..).zip(changed.erased) {
                    // Whoever asked may be gone; the texts are all the same.
                    let _ = gone.send(erased);
                }
                self.closing_max = CLOSING_MAX;
                if self.ask_again.take().is_some() {
                    observer.say("the spool can be written again");
                }
            }
            Err(error) => {
                self.refuse_since(0);
                observer.failed();
                // Nobody who moves a file away waits for this process to end.
                self.closing_max = if matches!(error, SpoolError::TakenAway(_)) { Duration::ZERO } else { CLOSING_MAX };
                let again = clock::instant().checked_add(RETRY_EVERY).unwrap_or_else(clock::instant);
                if self.ask_again.replace(again).is_none() {
                    observer.say(&error.to_string());
                }
            }
        }
        observer.filled(self.shared.fill());
        if let Some(back) = back {
            self.tell_back(&back);
        }
    }

    fn refuse_since(&mut self, new: usize) {
        for (_, put) in self.taken.iter().skip(new) {
            put.settled(Settled::Refused, &mut self.completions);
        }
    }

    /// What waits again is told last: whoever asked for it finds it so. Of what was not set aside nobody hears.
    fn tell_back(&mut self, back: &[i64]) {
        for (number, Back { waits, .. }) in self.bring_back.drain(..).filter(|(number, _)| back.contains(number)) {
            // Whoever asked may be gone; it waits all the same.
            let _ = waits.send(number);
        }
    }

    /// What one transaction changes; nothing if there is nothing to do.
    fn changes(&mut self, next: i64) -> Option<Changes> {
        let mut add = Vec::with_capacity(self.taken.len());
        let completions = &mut self.completions;
        self.taken.retain(|(number, put)| match put.bytes() {
            Ok(body) => {
                add.push((*number, put.at, body));
                true
            }
            // No memory for it: whoever waits hears no.
            Err(_) => {
                put.settled(Settled::Refused, completions);
                false
            }
        });
        if add.is_empty() && self.has_nothing_leaving() {
            return None;
        }
        Some(Changes {
            add,
            forget: self.forget.iter().chain(&self.unsure).copied().collect(),
            confirm: self.confirm.clone(),
            confirmed_since: clock::utc().saturating_sub(CONFIRMED_KEPT),
            set_aside: self.set_aside.clone(),
            bring_back: self.bring_back.iter().map(bring_back).collect(),
            erase: self.erase.iter().map(|erasing| erasing.which).collect(),
            next,
        })
    }

    fn durable(&mut self, held: Held, next: i64) {
        self.forget.clear();
        self.unsure.clear();
        self.confirm.clear();
        self.set_aside.clear();
        self.shared.waiting.store(held.waiting, Ordering::Release);
        self.shared.aside.store(held.aside, Ordering::Release);
        for (number, put) in self.taken.drain(..) {
            if put.settled(Settled::Durable, &mut self.completions) == Taking::GivenUp {
                self.forget.push(number);
            }
        }
        // Platforms wait: nothing else is done before.
        self.completions.announce();
        let ready = self.forget.iter().min().map_or(next, |first| *first).saturating_sub(1);
        if self.shared.ready.fetch_max(ready, Ordering::AcqRel) < ready {
            self.shared.grows.notify_waiters();
        }
    }
}

fn bring_back((number, back): &(i64, Back)) -> BringBack {
    let Back { was, at, by, why, .. } = back;
    BringBack { was: *was, number: *number, at: *at, by: by.clone(), why: why.clone() }
}

/// How much of a spool may be full before it takes nothing of that part.
const fn room(entries_max: i64, part: Part) -> i64 {
    match part {
        Part::Common => entries_max.saturating_sub(entries_max / RESERVE_SHARE),
        Part::Reserve => entries_max.saturating_sub(entries_max / BARS_SHARE),
        Part::Whole => entries_max,
    }
}
