//! Brings to the ledger what the spool has: in the order in which it came for each payment ([`waves`](super::waves)), until the ledger has heard
//! it. What the ledger refuses for good is set aside with the reason, and never dropped.
//!
//! An entry may reach the ledger twice, when a crash comes between its hearing and the spool's forgetting: the ledger knows it
//! by its key, and does nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::Timestamp;
use holdfast_core::hold::{Finding, ToldAnswer};
use tokio::sync::{oneshot, watch};

use super::waves::next_wave;
use super::{Counting, Entry, File, Observer, Refused, Row, Spool, SpoolError};
use crate::clock;
use crate::ledger::{Act, Answer, Ledger, LedgerError, Noted, Operation, Ticket, Wait};

/// Entries that are with the ledger at once, at most.
const PAGE: u32 = 512;

/// Entries that are looked at, so as to find those that may be brought at once: one card's may have to go one after the other.
const AHEAD_MAX: usize = 4_096;

/// How long a ledger that is away is left alone, at first and at most; a third of it is left to chance, so that several
/// responders do not come back together.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// How often an entry that the ledger trips over is tried.
const TRIES_MAX: u32 = 3;

/// Who wants to know what the ledger has heard.
pub trait Heard: Send + Sync {
    /// The ledger has heard this entry.
    fn heard(&self, entry: &Entry);
    /// This entry is brought to the ledger.
    fn bringing(&self, _entry: &Entry) {}
    /// The ledger refused this entry for good.
    fn refused(&self, entry: &Entry, why: Refused);
    /// What of a wave is heard was told: whoever waits for the ledger to hear may look now. Once a wave, as waking thousands for
    /// each of its entries would cost more than the entries do.
    fn wave_ended(&self, wave: Wave);
}

/// How the ledger took a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wave {
    /// It answered to all of it.
    Answered,
    /// It is away, or went away meanwhile.
    NotAnswered,
}

/// The reconciler of one spool.
pub struct Reconciler {
    /// Nothing is brought before whoever could send here is gone.
    pub begin: oneshot::Receiver<Infallible>,
    /// What has to be heard.
    pub spool: Arc<Spool>,
    /// Who has to hear it.
    pub ledger: Arc<dyn Ledger>,
    /// Who wants to know.
    pub heard: Arc<dyn Heard>,
    /// Who tells operators.
    pub observer: Arc<dyn Observer>,
}

/// One entry on its way.
pub(super) struct Bringing {
    pub number: i64,
    /// When it came.
    pub at: Timestamp,
    pub entry: Entry,
    pub tries: u32,
}

/// Why an entry was not heard.
pub(super) enum NotHeard {
    /// The ledger is away.
    Away,
    /// The ledger trips over it.
    Tripped(String),
    /// It will never be heard.
    Refused(String),
}

impl Reconciler {
    /// Works until it is told to stop and there is nothing left that can be brought.
    pub async fn run(mut self, stop: watch::Receiver<()>) {
        tokio::select! {
            biased;
            _ = &mut self.begin => {}
            () = told_to_stop(stop.clone()) => return,
        }
        let (mut after, mut left, mut pause) = (0, VecDeque::new(), RETRY_FIRST);
        let Some(mut file) = self.open(&stop).await else { return };
        loop {
            let to = self.spool.ready();
            if left.is_empty() && to <= after {
                tokio::select! {
                    () = self.spool.grown_beyond(after) => continue,
                    () = told_to_stop(stop.clone()) => return,
                }
            }
            // What has to wait for an earlier entry keeps nobody from being brought beside that, as far as this looks ahead.
            if left.len() < AHEAD_MAX && after < to {
                let (back, page) = match read(file, after, to).await {
                    Some(read) => read,
                    None => return,
                };
                file = back;
                match page {
                    Ok(rows) => {
                        // What is missing between two numbers was never written, or is forgotten.
                        after = rows.last().filter(|_| rows.len() >= PAGE as usize).map_or(to, |row| row.number);
                        left.extend(self.entries(rows));
                    }
                    Err(error) => {
                        self.observer.say(&error.to_string());
                        tokio::time::sleep(RETRY_MAX).await;
                    }
                }
            }
            pause = self.bring_some(&mut left, pause).await;
        }
    }

    async fn open(&self, stop: &watch::Receiver<()>) -> Option<File> {
        loop {
            match self.spool.reader() {
                Ok(file) => return Some(file),
                Err(error) => self.observer.say(&error.to_string()),
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY_MAX) => {}
                () = told_to_stop(stop.clone()) => return None,
            }
        }
    }

    /// Brings the next wave; how long to leave the ledger alone where it does not hear.
    async fn bring_some(&self, left: &mut VecDeque<Bringing>, pause: Duration) -> Duration {
        let back = self.bring(next_wave(left, PAGE as usize)).await;
        if back.is_empty() {
            return RETRY_FIRST;
        }
        for bringing in back.into_iter().rev() {
            left.push_front(bringing);
        }
        tokio::time::sleep(jittered(pause)).await;
        pause.saturating_mul(2).min(RETRY_MAX)
    }

    fn entries(&self, rows: Vec<Row>) -> VecDeque<Bringing> {
        let mut entries = VecDeque::with_capacity(rows.len());
        for row in rows {
            match row.entry() {
                Ok(entry) => entries.push_back(Bringing { number: row.number, at: row.at, entry, tries: 0 }),
                Err(unreadable) => {
                    self.observer.say(&format!("entry {} of the spool is set aside: {unreadable}", row.number));
                    self.spool.set_aside(row.number, clock::utc(), unreadable.to_string());
                }
            }
        }
        entries
    }

    /// Brings entries of which no two may be about the same payment. Gives back those that have to be brought again.
    async fn bring(&self, wave: Vec<Bringing>) -> Vec<Bringing> {
        let (wave, mut back) = self.publish(wave).await;
        let (wave, not_yet) = self.take_down(wave).await;
        back.extend(not_yet);
        let submitted: Vec<_> = wave
            .into_iter()
            .map(|bringing| {
                self.heard.bringing(&bringing.entry);
                let wait = self.submit(self.spool.act(&bringing.entry));
                (bringing, wait)
            })
            .collect();
        self.ledger.nudge();
        let (mut confirmed, mut heard) = (Vec::new(), Vec::new());
        let mut ended = if submitted.is_empty() { Wave::NotAnswered } else { Wave::Answered };
        for (bringing, wait) in submitted {
            match brought(&bringing.entry, wait.await) {
                Ok(finding) => {
                    self.heard.heard(&bringing.entry);
                    self.say_if_overtaken(&bringing, finding);
                    match Counting::of(bringing.number, &bringing.entry, bringing.at) {
                        Some(counting) => confirmed.push(counting),
                        None => heard.push(bringing.number),
                    }
                }
                Err(why) => {
                    if matches!(why, NotHeard::Away) {
                        ended = Wave::NotAnswered;
                    }
                    back.extend(self.not_heard(bringing, why));
                }
            }
        }
        self.heard.wave_ended(ended);
        if !heard.is_empty() {
            self.spool.forget(heard);
        }
        if !confirmed.is_empty() {
            self.spool.confirm(confirmed);
        }
        back
    }

    pub(super) fn submit(&self, act: Act) -> Wait {
        let ticket = Ticket::new(act);
        self.ledger.submit(Arc::clone(&ticket));
        Wait::on(ticket)
    }

    /// Has the ledger take down who did what operators did, and why, before it is done: nothing is done under a key that came before
    /// with another request. Gives those that may be brought, and those that have to be tried again.
    async fn take_down(&self, wave: Vec<Bringing>) -> (Vec<Bringing>, Vec<Bringing>) {
        // Nearly always.
        if wave.iter().all(|bringing| bringing.entry.note().is_none()) {
            return (wave, Vec::new());
        }
        let asked: Vec<_> = wave
            .into_iter()
            .map(|bringing| {
                let wait = bringing.entry.note().map(|act| self.submit(act));
                (bringing, wait)
            })
            .collect();
        self.ledger.nudge();
        let (mut wave, mut back) = (Vec::new(), Vec::new());
        for (bringing, wait) in asked {
            let taken_down = match wait {
                None => Ok(()),
                Some(wait) => taken_down(wait.await),
            };
            match taken_down {
                Ok(()) => wave.push(bringing),
                Err(why) => back.extend(self.not_heard(bringing, why)),
            }
        }
        (wave, back)
    }

    /// An entry that was not heard is brought again, or set aside.
    pub(super) fn not_heard(&self, mut bringing: Bringing, why: NotHeard) -> Option<Bringing> {
        match why {
            NotHeard::Away => return Some(bringing),
            NotHeard::Tripped(reason) => {
                bringing.tries = bringing.tries.saturating_add(1);
                if bringing.tries < TRIES_MAX {
                    return Some(bringing);
                }
                self.set_aside(&bringing, reason);
            }
            NotHeard::Refused(reason) => self.set_aside(&bringing, reason),
        }
        None
    }

    /// What an operator was promised and the ledger heard too late, somebody should know.
    fn say_if_overtaken(&self, bringing: &Bringing, finding: Option<Finding>) {
        if let (Entry::Ordered(_, operation, _), Some(Finding::Superseded)) = (&bringing.entry, finding) {
            let Operation { program, who, .. } = operation.as_ref();
            self.observer.say(&format!(
                "entry {} of the spool changes nothing any more: what {} of program {program} said was overtaken by a newer or graver word",
                bringing.number,
                who.escape_debug()
            ));
        }
    }

    fn set_aside(&self, bringing: &Bringing, reason: String) {
        self.heard.refused(&bringing.entry, Refused::for_reason(&reason));
        self.observer.say(&format!("entry {} of the spool is set aside: {reason}", bringing.number));
        self.spool.set_aside(bringing.number, clock::utc(), reason);
    }
}

/// What the ledger's answer means for an entry; what it found, of one that it has heard.
fn brought(entry: &Entry, answer: Result<Answer, LedgerError>) -> Result<Option<Finding>, NotHeard> {
    match answer {
        Ok(Answer::Recorded(finding)) => match (entry, finding) {
            (Entry::Told(..), Some(Finding::Conflict)) => Err(NotHeard::Refused(Refused::ANOTHERS_KEY.to_owned())),
            (Entry::Told(adopt, _), Some(finding)) if approved(adopt.told) && finding.is_not_booked() => {
                Err(NotHeard::Refused(format!("it was approved, and the ledger cannot hold it: {}", finding.name())))
            }
            (Entry::Ordered(..), Some(finding)) if finding.is_not_booked() => {
                Err(NotHeard::Refused(format!("the ledger cannot do it: {}", finding.name())))
            }
            (Entry::Told(..) | Entry::Fact(..) | Entry::Kept(..) | Entry::Ordered(..) | Entry::Published(..), finding) => {
                Ok(finding)
            }
        },
        Ok(
            Answer::Decided { .. }
            | Answer::Previewed { .. }
            | Answer::Balances(_)
            | Answer::Accounts { .. }
            | Answer::Entered(_)
            | Answer::Rulesets(_)
            | Answer::TakenAway(_)
            | Answer::Looked(_)
            | Answer::Slips(_)
            | Answer::Erased(_)
            | Answer::WaitsEnded(_)
            | Answer::Noted(_),
        ) => Ok(None),
        Err(error) => Err(not_answered(error)),
    }
}

/// Whether the ledger has who and why.
fn taken_down(answer: Result<Answer, LedgerError>) -> Result<(), NotHeard> {
    match answer.map(Answer::into_noted) {
        Ok(Some(Noted::New | Noted::Again(_))) => Ok(()),
        Ok(Some(Noted::Conflict)) => Err(NotHeard::Refused("the ledger knows its key with another request".to_owned())),
        Ok(None) => Err(NotHeard::Tripped("the ledger answered something else than was asked".to_owned())),
        Err(error) => Err(not_answered(error)),
    }
}

pub(super) fn not_answered(error: LedgerError) -> NotHeard {
    match error {
        LedgerError::Unavailable | LedgerError::Starting | LedgerError::Late => NotHeard::Away,
        LedgerError::Panicked => NotHeard::Tripped("the ledger trips over it".to_owned()),
        LedgerError::Refused | LedgerError::BeyondCounting => NotHeard::Tripped("the ledger refuses it".to_owned()),
    }
}

const fn approved(told: ToldAnswer) -> bool {
    match told {
        ToldAnswer::Approved { .. } => true,
        ToldAnswer::Declined { .. } => false,
    }
}

async fn read(file: File, after: i64, to: i64) -> Option<(File, Result<Vec<Row>, SpoolError>)> {
    let reading = tokio::task::spawn_blocking(move || {
        let page = file.page(after, to, PAGE);
        (file, page)
    });
    // Only a runtime that ends does not read.
    reading.await.ok()
}

fn jittered(pause: Duration) -> Duration {
    let third = pause.checked_div(3).unwrap_or_default();
    let micros = u64::try_from(third.as_micros()).unwrap_or(u64::MAX).max(1);
    pause.saturating_sub(third).saturating_add(Duration::from_micros(fastrand::u64(..micros)))
}

/// Done when whoever can say so is gone.
pub(crate) async fn told_to_stop(mut stop: watch::Receiver<()>) {
    while stop.changed().await.is_ok() {}
}
