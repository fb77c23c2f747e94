//! The shared ledger: any number of responders on one PostgreSQL.
//!
//! The money is in the database's tables. An act locks the rows of the account that it concerns, and they are made the memory
//! of an engine for that one transaction ([`load`]); the embedded ledger's own code performs the act on it; what it wrote is
//! written back ([`save`]), with the same journal records. So there is one truth about what an act does, and it has nothing of
//! a database in it. Acts that wait for the same account share a transaction ([`lanes`]).
//!
//! One thread drives it all. It never decides without the database: when that is gone, everybody hears so at once
//! ([`office`]). Stand-in then looks at what was last seen of cards and accounts ([`last_seen`]).

mod answers;
pub(in crate::ledger) mod beside;
mod catalogue;
pub mod chaining;
mod columns;
mod concerned;
pub mod connect;
pub mod copying;
mod counting;
mod deciding;
mod early;
mod following;
mod fresh;
mod generations;
mod lanes;
mod last_seen;
mod listening;
mod load;
pub mod migrate;
mod named;
mod needs;
mod node;
pub(crate) mod numbers;
mod office;
mod performing;
mod recording;
mod rows;
mod save;
mod save_people;
pub(crate) mod slips;
mod snapshot;
pub mod standings;
mod trial;
pub mod trouble;
mod upkeep;
pub(crate) mod values;
mod working;

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use holdfast_core::AuthorizationRequest;
use holdfast_core::hold::ToldEvent;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::LocalSet;

use self::connect::{ANSWER_MAX, Database, within};
use self::deciding::Ahead;
pub use self::early::Early;
use self::following::follow;
use self::lanes::Lanes;
use self::last_seen::LastSeen;
use self::listening::listen;
pub(crate) use self::load::Life;
use self::node::Node;
use self::numbers::Numbers;
use self::office::{Office, WAIT_MIN, longer};
use self::performing::Performing;
use self::snapshot::Snapshots;
pub use self::snapshot::{Place as SnapshotPlace, seen_standings};
use self::trouble::{Trouble, Whereabouts};
use self::upkeep::keep_up;
use super::embedded::Observer;
use super::embedded::state::NameKey;
use super::sight::{self, ToHear};
use super::standing::{Standing, Stands, Writes};
use super::{Glimpse, Ledger, MoneyOf, Origin, Readiness, Ticket};
use crate::clock::{self, Instant};

/// How a responder uses the shared ledger.
pub struct Settings {
    /// The database, and how to reach it.
    pub database: Database,
    /// The most connections for acts.
    pub connections_max: usize,
    /// What people call this responder.
    pub node: String,
    /// For how many days the journal keeps its records; `None` for ever.
    pub journal_keep_days: Option<u32>,
    /// What to do while the database is not there yet.
    pub patience: Patience,
    /// Where to keep what was last seen for the next start, if anywhere.
    pub snapshot: Option<SnapshotPlace>,
    /// Told of every commit.
    pub observer: Arc<dyn Observer>,
}

/// What to do at the start while the database cannot be used, and that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Try again until it can: a server answers from stand-in meanwhile.
    Endless,
    /// Give up.
    None,
}

/// The shared ledger, as this responder has it.
pub struct Postgres {
    common: Arc<Common>,
    node: String,
    snapshot: Option<SnapshotPlace>,
    publications: watch::Receiver<i64>,
    thread: Option<JoinHandle<()>>,
}

/// What workers and the ledger's thread share.
struct Common {
    waiting: Mutex<Vec<Arc<Ticket>>>,
    bell: Notify,
    stands: Stands,
    /// When the last sign of life began that is durable.
    proved: Mutex<Option<Instant>>,
    open: AtomicBool,
    /// Rung when everything is to be left as it is.
    abandoned: Notify,
    /// What stand-in knows while the database is away.
    last_seen: LastSeen,
}

impl Common {
    fn new() -> Self {
        Common {
            waiting: Mutex::default(),
            bell: Notify::new(),
            stands: Stands::starting(),
            proved: Mutex::default(),
            open: AtomicBool::new(true),
            abandoned: Notify::new(),
            last_seen: LastSeen::new(),
        }
    }

    fn take(&self) -> Vec<Arc<Ticket>> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    fn readiness(&self) -> Readiness {
        self.stands.now().0
    }

    /// A write that began then is durable.
    fn proved(&self, began: Instant) {
        *self.proved.lock().unwrap_or_else(PoisonError::into_inner) = Some(began);
    }
}

/// Resolves when the database is there and is the one that it should be, or with why it is not.
pub type Opening = oneshot::Receiver<Result<(), Trouble>>;

impl Postgres {
    /// Begins to reach for the database behind the caller's back.
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn start(settings: Settings) -> std::io::Result<(Self, Opening)> {
        let common = Arc::new(Common::new());
        let (opened, opening) = oneshot::channel();
        let (publish, publications) = watch::channel(0);
        let (working, node, snapshot) = (Arc::clone(&common), settings.node.clone(), settings.snapshot.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = move || {
            let tasks = LocalSet::new();
            runtime.block_on(async {
                let abandoned = Arc::clone(&working);
                tokio::select! {
                    () = tasks.run_until(run(working, settings, opened, publish)) => {}
                    () = abandoned.abandoned.notified() => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(work)?;
        Ok((Postgres { common, node, snapshot, publications, thread: Some(thread) }, opening))
    }

    /// Changes whenever any responder publishes a ruleset.
    #[must_use]
    pub fn publications(&self) -> watch::Receiver<i64> {
        self.publications.clone()
    }

    /// What an earlier process kept of what it saw, to be looked at until the database is there.
    #[must_use]
    pub fn early(&self) -> Option<Early> {
        let place = self.snapshot.clone()?;
        Some(Early { place, common: Arc::clone(&self.common), followed_at: clock::utc() })
    }

    /// Leaves everything as it is, as a process does that is killed.
    #[cfg(test)]
    fn abandon(&self) {
        self.common.abandoned.notify_one();
    }
}

impl Ledger for Postgres {
    fn submit(&self, ticket: Arc<Ticket>) {
        self.common.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(ticket);
    }

    fn nudge(&self) {
        self.common.bell.notify_one();
    }

    fn readiness(&self) -> Readiness {
        self.common.readiness()
    }

    fn standing(&self) -> Standing {
        let (readiness, since) = self.common.stands.now();
        Standing { readiness, since: Some(since) }
    }

    fn writes(&self) -> Writes {
        Writes::Proved(*self.common.proved.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn node(&self) -> Option<&str> {
        Some(&self.node)
    }

    fn look(&self, origin: &Origin, request: &AuthorizationRequest) -> Glimpse {
        self.common.last_seen.look(origin, request)
    }

    fn look_ahead(&self, origin: &Origin, request: &AuthorizationRequest, to_hear: &[ToHear]) -> Glimpse<sight::Ahead> {
        self.common.last_seen.look_ahead(origin, request, to_hear)
    }

    fn account_of(&self, origin: &Origin, event: &ToldEvent) -> MoneyOf {
        self.common.last_seen.account_of(origin, event)
    }
}

impl Drop for Postgres {
    /// Finishes what was submitted.
    fn drop(&mut self) {
        self.common.open.store(false, Ordering::Release);
        self.common.bell.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

/// The ledger's thread: reaches for the database, then works until nothing comes any more.
async fn run(common: Arc<Common>, settings: Settings, opened: oneshot::Sender<Result<(), Trouble>>, publish: watch::Sender<i64>) {
    let (connections_max, journal_keep_days) = (settings.connections_max, settings.journal_keep_days);
    let office = match get_ready(&common, settings).await {
        Ok(office) => Rc::new(office),
        Err(trouble) => {
            common.stands.become_now(Readiness::Unavailable);
            // Whoever started the ledger may have gone away: then nobody wants to know.
            let _ = opened.send(Err(trouble));
            return refuse_everything(&common).await;
        }
    };
    office.become_ready(Readiness::Ready);
    let _ = opened.send(Ok(()));
    tokio::select! {
        () = Lanes::new(Rc::clone(&office), connections_max).run() => {}
        () = office.keep_watch() => {}
        () = keep_up(&office, journal_keep_days) => {}
        () = listen(&office, &publish) => {}
        () = follow(&office) => {}
    }
    office.leave().await;
}

/// Everything that acts need, once the database is there; tries again where that is wanted.
async fn get_ready(common: &Arc<Common>, settings: Settings) -> Result<Office, Trouble> {
    let (mut wait, mut said) = (WAIT_MIN, None);
    loop {
        match try_to_get_ready(Arc::clone(common), &settings).await {
            Err(trouble) if settings.patience == Patience::Endless && trouble.may_pass() && common.is_open() => {
                if said.as_ref() != Some(&trouble) {
                    settings.observer.say(&format!("the ledger waits: {trouble}"));
                    said = Some(trouble);
                }
                wait = longer(wait).await;
            }
            done => return done,
        }
    }
}

async fn try_to_get_ready(common: Arc<Common>, settings: &Settings) -> Result<Office, Trouble> {
    let Settings { database, connections_max, node, snapshot, observer, .. } = settings;
    let at = database.whereabouts();
    let (client, _driving) = database.open(|_| {}).await?;
    let entered = within(ANSWER_MAX, &at, async {
        migrate::must_be_ours(&client, &at).await?;
        let lack = needs::must_be_met(&client, &at).await?;
        if let Some(words) = lack.slight(&at) {
            observer.say(&words);
        }
        migrate::must_be_durable(&client, &at).await?;
        chaining::go_on_counting(&client, &at).await?;
        let key = name_key(&client, &at).await?;
        let node = Node::new(node);
        let numbers = Numbers::of(node.take_number(&client, &at).await?);
        let performing = Performing { key, numbers, ahead: Ahead::default(), at: at.clone() };
        performing.compare_clocks(&client).await?;
        Ok((performing, node))
    });
    let (performing, node) = entered.await?;
    let pool = database.pool(*connections_max)?;
    let start = |place: &SnapshotPlace| Snapshots::start(place.clone(), Arc::clone(observer));
    let snapshots = snapshot.as_ref().map(start).transpose();
    let snapshots = snapshots.map_err(|error| Trouble::Other(error.to_string(), at))?;
    Ok(Office::new(common, database.clone(), pool, performing, node, Arc::clone(observer), snapshots))
}

/// The key of this database's fingerprints.
async fn name_key(client: &tokio_postgres::Client, at: &Whereabouts) -> Result<NameKey, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let row = client.query_one("SELECT name_key FROM holdfast.setting", &[]).await.map_err(said)?;
    let key: &[u8] = row.try_get(0).map_err(said)?;
    match (key.first_chunk(), key.last_chunk()) {
        (Some(one), Some(two)) => Ok(NameKey(u64::from_be_bytes(*one), u64::from_be_bytes(*two))),
        (_, _) => Err(Trouble::Damaged("setting", at.clone())),
    }
}

/// A database that is not ours keeps nobody's money.
async fn refuse_everything(common: &Common) {
    loop {
        for ticket in common.take() {
            drop(working::Owed::one(ticket, super::LedgerError::Unavailable));
        }
        if !common.is_open() {
            return;
        }
        common.bell.notified().await;
    }
}

#[cfg(test)]
pub(crate) mod tests;
