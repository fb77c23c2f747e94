//! The embedded ledger: one process, no other service.
//!
//! What is under way lives in memory ([`state`]) and is changed by the [`engine`] alone, which makes each group of records
//! durable in the journal before their acts are answered. One thread drives it ([`writer`]); workers hand tickets over
//! through [`queue`] and never wait for anything here. The [`projection`] follows the journal into tables; at start the state
//! is read from it, and what it has not followed yet is rebuilt from the journal.

mod about;
mod acts;
pub mod again;
pub(crate) mod ahead;
mod at_disk;
pub(crate) mod cold;
mod contradiction;
pub(crate) mod counters;
mod early;
pub(crate) mod engine;
mod entering;
mod handing_over;
mod joining;
pub(crate) mod naming;
mod needing;
mod ordering;
mod ours;
pub mod projection;
mod queue;
pub(crate) mod rebuild;
mod reserved;
mod seek;
pub(crate) mod state;
pub(crate) mod undo;
mod weigh;
pub(crate) mod window;
mod writer;

use std::hash::BuildHasher as _;
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use holdfast_core::AuthorizationRequest;
use holdfast_core::hold::ToldEvent;
use holdfast_core::rules::LimitCheck;
use tokio::sync::oneshot;

use self::cold::{Cold, Nowhere};
pub use self::early::{Early, EarlySight};
use self::engine::Engine;
use self::projection::{Bell, Follower, HasBeenRead};
use self::queue::{Queue, Taken};
use self::state::State;
use self::window::Window;
use self::writer::Writer;
use super::sight::{Ahead, ToHear};
use super::standing::{Standing, Stands};
use super::{Completions, Counted, Glimpse, Ledger, LedgerError, MoneyOf, Origin, Readiness, Ticket};
use crate::clock::{self, Instant, Moment};
use crate::journal::store::FILE;
use crate::journal::{Claim, Journal, JournalError, Log, Sync, Tail};
use crate::second_place::take_last_place;

/// How the embedded ledger is set up.
pub struct Settings {
    /// The directory of the journal; made if it is not there.
    pub data: PathBuf,
    /// Whether groups are synced before they are acknowledged.
    pub sync: Sync,
    /// The most records in one commit group.
    pub commit_records_max: u32,
    /// Told of every commit.
    pub observer: Box<dyn Observer>,
}

/// Who is told what the ledger does.
pub trait Observer: Send + std::marker::Sync {
    /// A group was committed.
    fn committed(&self, records: u32, took: Duration);
    /// The journal ends with this record now, and its last group has this hash.
    fn head(&self, _last: i64, _chain: &[u8; 32]) {}
    /// The ledger became, or ceased to be, able to answer.
    fn readiness(&self, readiness: Readiness);
    /// So many holds were released because their time had come.
    fn expired(&self, holds: usize);
    /// So many of them were platforms', which never told how their payments ended.
    fn never_ended(&self, _holds: usize) {}
    /// The projection has everything up to a record; so many more are durable.
    fn projected(&self, _record: i64, _lag: i64) {}
    /// The projection was found damaged, and is made anew.
    fn projection_anew(&self) {}
    /// Something that an operator should read.
    fn say(&self, message: &str);
}

/// The embedded ledger, running.
pub struct Embedded {
    shared: Arc<Shared>,
    /// Where it is kept, and how; nothing if it is new, or its log was open already.
    kept: Option<(PathBuf, Sync)>,
    thread: Option<JoinHandle<()>>,
}

/// What the workers and the writer share.
struct Shared {
    queue: Queue,
    stands: Stands,
    /// Up to which record the journal is durable.
    recorded: AtomicI64,
    /// Up to which record the projection keeps everything.
    projected: AtomicI64,
    /// Rung when there is something to project.
    bell: Bell,
    /// Where memory can be looked at.
    window: Arc<Window>,
    /// By how many seconds this ledger's clock is ahead, for what has to be old.
    #[cfg(test)]
    ahead_seconds: AtomicU64,
}

impl Shared {
    fn new() -> Self {
        Shared {
            queue: Queue::new(),
            stands: Stands::starting(),
            recorded: AtomicI64::new(0),
            projected: AtomicI64::new(0),
            bell: Bell::new(),
            window: Arc::new(Window::new()),
            #[cfg(test)]
            ahead_seconds: AtomicU64::new(0),
        }
    }

    /// What this ledger's clock shows.
    fn now(&self) -> Moment {
        let now = clock::now();
        #[cfg(test)]
        let ahead = Duration::from_secs(self.ahead_seconds.load(Ordering::Acquire));
        #[cfg(test)]
        let now = Moment { utc: now.utc.saturating_add(ahead), ..now };
        now
    }

    fn readiness(&self) -> Readiness {
        self.stands.now().0
    }
}

/// Resolves when the state is rebuilt, or with why it cannot be.
pub type Opening = oneshot::Receiver<Result<(), JournalError>>;

impl Embedded {
    /// Claims the data directory, and begins to open the journal and to rebuild the state behind the caller's back: a disk
    /// that hangs keeps nobody from listening.
    ///
    /// # Errors
    /// The data directory cannot be used or is in use. What is wrong in it, the opening tells.
    pub fn start(settings: Settings) -> Result<(Self, Opening), JournalError> {
        let Settings { data, sync, commit_records_max, observer } = settings;
        let claim = Claim::on(&data)?;
        // One that is made now has nothing to be seen.
        let kept = data.join(FILE).exists().then(|| (data.clone(), sync));
        let open = move |observer: &dyn Observer| {
            let journal = Journal::open_claimed(claim, sync)?;
            let (follower, thrown_away) = Follower::open(&data)?;
            if let Some(thrown_away) = thrown_away {
                observer.say(&thrown_away);
            }
            Ok((Box::new(journal) as Box<dyn Log>, Some(follower)))
        };
        let (mut ledger, opening) = Embedded::spawn(open, commit_records_max, observer)?;
        ledger.kept = kept;
        Ok((ledger, opening))
    }

    /// What can be seen of it before it is ready, for whoever has a thread to read it on. The ledger waits for what is read there,
    /// or for its being dropped, and reads memory itself only if nothing came of it.
    #[must_use]
    pub fn early(&self) -> Option<Early> {
        let (data, sync) = self.kept.clone()?;
        self.shared.window.expect();
        Some(Early { data, sync, window: Arc::clone(&self.shared.window) })
    }

    /// Begins to rebuild the state from a log that is open already; without a projection.
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn start_on(
        log: Box<dyn Log>,
        commit_records_max: u32,
        observer: Box<dyn Observer>,
    ) -> Result<(Self, Opening), JournalError> {
        Embedded::spawn(|_| Ok((log, None)), commit_records_max, observer)
    }

    fn spawn(
        open: impl FnOnce(&dyn Observer) -> Result<Logs, JournalError> + Send + 'static,
        commit_records_max: u32,
        observer: Box<dyn Observer>,
    ) -> Result<(Self, Opening), JournalError> {
        let shared = Arc::new(Shared::new());
        let (opened, opening) = oneshot::channel();
        let working = Arc::clone(&shared);
        let work = move || work(working, open, commit_records_max, Arc::from(observer), opened);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(work)
            .map_err(|error| JournalError::Directory(PathBuf::from("ledger thread"), error))?;
        Ok((Embedded { shared, kept: None, thread: Some(thread) }, opening))
    }
}

#[cfg(test)]
impl Embedded {
    /// Sets this ledger's clock ahead by so much.
    fn set_ahead(&self, by: Duration) {
        self.shared.ahead_seconds.store(by.as_secs(), Ordering::Release);
    }
}

/// What the ledger writes to, and what follows that, if anything does.
type Logs = (Box<dyn Log>, Option<Follower>);

/// The ledger's thread: opens what it writes to, rebuilds the state, then works until the queue is closed and empty.
fn work(
    shared: Arc<Shared>,
    open: impl FnOnce(&dyn Observer) -> Result<Logs, JournalError>,
    commit_records_max: u32,
    observer: Arc<dyn Observer>,
    opened: oneshot::Sender<Result<(), JournalError>>,
) {
    let ready =
        open(observer.as_ref()).and_then(|(log, follower)| get_ready(&shared, log, follower, commit_records_max, &observer));
    let readiness = if ready.is_ok() { Readiness::Ready } else { Readiness::Unavailable };
    shared.stands.become_now(readiness);
    observer.readiness(readiness);
    match ready {
        Ok((mut writer, following)) => {
            // Whoever started the ledger may have gone away: then nobody wants to know.
            let _ = opened.send(Ok(()));
            writer.run(observer.as_ref());
            shared.bell.close();
            if let Some(following) = following {
                // Before the journal closes, so that it is closed by whoever writes it. One that panicked has said so already.
                let _ = following.join();
            }
        }
        Err(error) => {
            let _ = opened.send(Err(error));
            refuse_everything(&shared);
        }
    }
}

/// A writer whose memory is as the journal says, and the thread that projects what it writes.
fn get_ready(
    shared: &Arc<Shared>,
    log: Box<dyn Log>,
    follower: Option<Follower>,
    commit_records_max: u32,
    observer: &Arc<dyn Observer>,
) -> Result<(Writer, Option<JoinHandle<()>>), JournalError> {
    let thread = |error| JournalError::Directory(PathBuf::from("thread of the ledger"), error);
    let Remembered { mut engine, cold, follower } = remember(shared, log, follower, observer.as_ref())?;
    engine.tidy(shared.now().utc);
    let last = engine.log.next().saturating_sub(1);
    shared.recorded.store(last, Ordering::Release);
    observer.head(last, engine.log.chain());
    let following = match follower {
        Some(follower) => {
            shared.projected.store(follower.projected(), Ordering::Release);
            Some(projection::start(follower, Arc::clone(shared), Arc::clone(observer)).map_err(thread)?)
        }
        None => None,
    };
    let writer = Writer::new(Arc::clone(shared), engine, cold, commit_records_max).map_err(thread)?;
    Ok((writer, following))
}

/// An engine whose memory is as the journal says, and whoever keeps what it has let go of.
struct Remembered {
    engine: Engine,
    cold: Box<dyn Cold>,
    follower: Option<Follower>,
}

/// Goes on with the memory that somebody read early; or reads it from the projection, where there is one, and the rest from the log.
fn remember(
    shared: &Shared,
    log: Box<dyn Log>,
    follower: Option<Follower>,
    observer: &dyn Observer,
) -> Result<Remembered, JournalError> {
    let Some(mut follower) = follower else {
        let secret = std::hash::RandomState::new();
        let mut engine = Engine::new(log, Box::new(State::new((secret.hash_one(0_u8), secret.hash_one(1_u8)))));
        let rebuilt = engine.rebuild(1, &Nowhere, |_| {});
        say_remarks(&mut engine, observer);
        return rebuilt.map(|()| Remembered { engine, cold: Box::new(Nowhere), follower: None });
    };
    // What memory does not read again is proven all the same, beside it: nobody begins behind damage.
    let behind = Tail::open(follower.directory())?;
    let last = follower.projected();
    std::thread::scope(|threads| {
        let proof = threads.spawn(move || {
            // Stand-in waits for whoever reads memory; for the proof only the ledger does.
            take_last_place();
            behind.prove(last).and_then(|()| behind.prove_pages()).and_then(|()| behind.prove_state())
        });
        let proven = || proof.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let early = shared.window.await_early().map(|early| Ok((follower.has_been_read(&early.span)?, early))).transpose()?;
        let (from, state) = match early {
            Some((HasBeenRead::Yes, early)) => {
                // It is shown as long as others have to wait.
                proven()?;
                (early.span.end.next, early.take())
            }
            Some((HasBeenRead::No, _)) | None => {
                let (state, thrown_away) = follower.restore()?;
                if let Some(thrown_away) = thrown_away {
                    observer.say(&thrown_away);
                }
                proven()?;
                (follower.projected().saturating_add(1), Box::new(state))
            }
        };
        let finder = follower.finder()?;
        let mut engine = Engine::new(log, state);
        engine.projected_to(follower.projected());
        let rebuilt = engine.rebuild(from, &finder, |_| {});
        say_remarks(&mut engine, observer);
        rebuilt.map(|()| Remembered { engine, cold: Box::new(finder), follower: Some(follower) })
    })
}

fn say_remarks(engine: &mut Engine, observer: &dyn Observer) {
    for remark in engine.log.remarks() {
        observer.say(&remark);
    }
}

/// What was read of a log that cannot be read whole is nobody's balance.
fn refuse_everything(shared: &Shared) {
    let (mut batch, mut completions) = (Vec::new(), Completions::default());
    while shared.queue.take(&mut batch, None) == Taken::Some {
        for ticket in batch.drain(..) {
            completions.complete(&ticket, Err(LedgerError::Unavailable));
        }
        completions.announce();
    }
}

impl Drop for Embedded {
    /// Finishes what was submitted, then closes the journal.
    fn drop(&mut self) {
        self.shared.queue.close();
        // Whoever is to read memory early may live as long as whoever drops this.
        self.shared.window.expect_no_more();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Ledger for Embedded {
    fn submit(&self, ticket: Arc<Ticket>) {
        self.shared.queue.push(ticket);
    }

    fn nudge(&self) {
        self.shared.queue.nudge();
    }

    fn readiness(&self) -> Readiness {
        self.shared.readiness()
    }

    fn standing(&self) -> Standing {
        let (readiness, since) = self.shared.stands.now();
        Standing { readiness, since: Some(since) }
    }

    fn at_it_since(&self) -> Option<Instant> {
        self.shared.window.disk.since()
    }

    fn look(&self, origin: &Origin, request: &AuthorizationRequest) -> Glimpse {
        self.shared.window.look(origin, request)
    }

    fn look_ahead(&self, origin: &Origin, request: &AuthorizationRequest, to_hear: &[ToHear]) -> Glimpse<Ahead> {
        self.shared.window.look_ahead(origin, request, to_hear)
    }

    fn account_of(&self, origin: &Origin, event: &ToldEvent) -> MoneyOf {
        self.shared.window.account_of(origin, event)
    }

    fn counted(&self, origin: &Origin, request: &AuthorizationRequest, limits: &[LimitCheck]) -> Counted {
        self.shared.window.counted(origin, request, limits)
    }
}

#[cfg(test)]
mod tests;
