//! The shared engine: the database that responders share, with what each of them wrote in one order.
//!
//! One task writes: it takes whatever commits have gathered, and makes them durable in one transaction, whose first act takes the
//! numbers of all of its rows and so waits for other responders' ([`mod@write`]). What becomes visible therefore becomes so in
//! the order of its numbers, and whoever follows ([`mod@follow`]) asks for what is greater than the last one that it saw. Reads have
//! connections of their own. Nothing is cached here, and without the database nothing is answered.

mod follow;
pub(crate) mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use deadpool_postgres::{Client, Pool, PoolError};
use holdfast_core::Timestamp;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::{Asked, Commit, Committed, Deed, Deeds, Erase, Follow, Kind, List, Names, Outcome, Rewrite, Row, Store, StoreError};
use crate::ledger::postgres::connect::{ANSWER_MAX, Database, within};
use crate::ledger::postgres::trouble::{Trouble, Whereabouts};

/// Connections of one responder's, besides the one that listens.
pub const CONNECTIONS_MAX: usize = 4;

/// The most that one transaction takes.
const TOGETHER_MAX: usize = 256;

/// A commit, and who waits for it.
type Waiting = (Box<Commit>, oneshot::Sender<Result<Committed, StoreError>>);

/// The store, as one responder has it.
pub struct PostgresStore {
    reach: Reach,
    database: Database,
    follow: Arc<dyn Follow>,
    commits: UnboundedSender<Waiting>,
    thread: Thread,
}

/// Where all of it runs: connections live there.
struct Thread {
    handle: Handle,
    /// Dropped, it ends the thread.
    stop: Option<oneshot::Sender<Infallible>>,
    joining: Option<JoinHandle<()>>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("at", &self.reach.at).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Makes ready to reach for the database; nobody is called yet. `follow` hears of every commit of this responder's.
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn start(database: Database, follow: Arc<dyn Follow>, say: fn(&str)) -> Result<Self, StoreError> {
        let broken = |problem: String| StoreError(format!("agent spend's store cannot be reached: {problem}"));
        let thread = Thread::start().map_err(|error| broken(error.to_string()))?;
        let pool = database.pool(CONNECTIONS_MAX).map_err(|trouble| broken(trouble.to_string()))?;
        let reach = Reach { pool, at: database.whereabouts() };
        let (commits, waiting) = unbounded_channel();
        let writer = Writer { reach: reach.clone(), follow: Arc::clone(&follow), say };
        thread.handle.spawn(writer.run(waiting));
        Ok(PostgresStore { reach, database, follow, commits, thread })
    }

    /// Does something with a connection, on the store's own thread.
    fn on_thread<T, F>(&self, work: impl FnOnce(Reach) -> F) -> Asked<'_, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Trouble>> + Send + 'static,
    {
        let (at, work) = (self.reach.at.clone(), work(self.reach.clone()));
        let limited = async move { within(ANSWER_MAX, &at, work).await.map_err(|trouble| StoreError(trouble.to_string())) };
        let working = self.thread.handle.spawn(limited);
        Box::pin(async move {
            let gone = |_| StoreError("agent spend's store is closed; restart the server".to_owned());
            working.await.map_err(gone)?
        })
    }
}

impl Thread {
    /// One thread: what a commit tells never runs beside what is followed.
    fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let run = move || {
            // Nothing is ever sent: it ends with the sender.
            let _ = runtime.block_on(stopped);
        };
        let joining = std::thread::Builder::new().name("agents".to_owned()).spawn(run)?;
        Ok(Thread { handle, stop: Some(stop), joining: Some(joining) })
    }
}

impl Drop for Thread {
    /// Whoever waited for an answer is gone by now.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(joining) = self.joining.take() {
            // One that panicked has nothing left to do.
            let _ = joining.join();
        }
    }
}

/// How the database is reached.
#[derive(Clone)]
struct Reach {
    pool: Pool,
    at: Whereabouts,
}

impl Reach {
    async fn client(&self) -> Result<Client, Trouble> {
        self.pool.get().await.map_err(|error| {
            if let PoolError::Backend(error) = &error {
                return Trouble::of(error, &self.at);
            }
            Trouble::Unreachable(error.to_string(), self.at.clone())
        })
    }
}

struct Writer {
    reach: Reach,
    follow: Arc<dyn Follow>,
    say: fn(&str),
}

impl Writer {
    async fn run(self, mut waiting: UnboundedReceiver<Waiting>) {
        let mut commits = Vec::new();
        while waiting.recv_many(&mut commits, TOGETHER_MAX).await > 0 {
            self.commit(std::mem::take(&mut commits)).await;
        }
    }

    async fn commit(&self, commits: Vec<Waiting>) {
        let all = async {
            let mut client = self.reach.client().await?;
            write::commit_all(&mut client, &self.reach.at, commits.iter().map(|(commit, _)| commit.as_ref())).await
        };
        match within(ANSWER_MAX, &self.reach.at, all).await {
            Ok(outcomes) => {
                for ((commit, answer), outcome) in commits.into_iter().zip(outcomes) {
                    if outcome == Committed::Done {
                        let rows: Vec<Row> = commit.puts.into_iter().map(|put| put.row).collect();
                        self.follow.committed(&rows);
                    }
                    // Who has gone needs no answer.
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(trouble) => {
                (self.say)(&format!("agent spend: {trouble}"));
                for (_, answer) in commits {
                    let _ = answer.send(Err(StoreError(trouble.to_string())));
                }
            }
        }
    }
}

impl Store for PostgresStore {
    fn commit(&self, commit: Commit) -> Asked<'_, Committed> {
        let (sender, answer) = oneshot::channel();
        let sent = self.commits.send((Box::new(commit), sender)).is_ok();
        Box::pin(async move {
            let gone = StoreError("agent spend's store is closed; restart the server".to_owned());
            if !sent {
                return Err(gone);
            }
            answer.await.unwrap_or(Err(gone))
        })
    }

    fn once(&self, space: &str, key: &str) -> Asked<'_, Option<Outcome>> {
        let (space, key) = (space.to_owned(), key.to_owned());
        self.on_thread(|reach| async move { read::once(&reach.client().await?, &reach.at, &space, &key).await })
    }

    fn get(&self, kind: Kind, id: &str) -> Asked<'_, Option<Row>> {
        let id = id.to_owned();
        self.on_thread(move |reach| async move { read::get(&reach.client().await?, &reach.at, kind, &id).await })
    }

    fn list(&self, list: List) -> Asked<'_, Vec<(i64, Row)>> {
        self.on_thread(|reach| async move { read::list(&reach.client().await?, &reach.at, &list).await })
    }

    fn holder(&self, claim: &str) -> Asked<'_, Option<String>> {
        let claim = claim.to_owned();
        self.on_thread(|reach| async move { read::holder(&reach.client().await?, &reach.at, &claim).await })
    }

    fn texts(&self, ids: Vec<String>) -> Asked<'_, HashMap<String, Vec<u8>>> {
        self.on_thread(|reach| async move { read::texts(&reach.client().await?, &reach.at, &ids).await })
    }

    fn deeds(&self, deeds: Deeds) -> Asked<'_, Vec<(i64, Deed)>> {
        self.on_thread(|reach| async move { read::deeds(&reach.client().await?, &reach.at, &deeds).await })
    }

    fn erase(&self, erase: Erase) -> Asked<'_, u64> {
        self.on_thread(|reach| async move { write::erase(&reach.client().await?, &reach.at, &erase).await })
    }

    fn note_use(&self, uses: Vec<(String, Timestamp)>) -> Asked<'_, ()> {
        self.on_thread(|reach| async move { write::note_use(&reach.client().await?, &reach.at, &uses).await })
    }

    fn last_use(&self, ids: Vec<String>) -> Asked<'_, HashMap<String, Timestamp>> {
        self.on_thread(|reach| async move { read::last_use(&reach.client().await?, &reach.at, &ids).await })
    }

    fn seal_of(&self, sealed: Vec<u8>) -> Asked<'_, Vec<u8>> {
        self.on_thread(|reach| async move { write::seal_of(&reach.client().await?, &reach.at, &sealed).await })
    }

    fn names(&self) -> Asked<'_, Names> {
        self.on_thread(|reach| async move { read::names(&reach.client().await?, &reach.at).await })
    }

    fn names_are_texts(&self) -> Asked<'_, ()> {
        self.on_thread(|reach| async move { write::names_are_texts(&reach.client().await?, &reach.at).await })
    }

    fn told_of(&self, kind: Kind, after: i64, most: u32) -> Asked<'_, Vec<(i64, Deed)>> {
        self.on_thread(move |reach| async move { read::told_of(&reach.client().await?, &reach.at, kind, after, most).await })
    }

    fn rewrite(&self, rewrite: Rewrite) -> Asked<'_, bool> {
        self.on_thread(|reach| async move { write::rewrite(&mut reach.client().await?, &reach.at, &rewrite).await })
    }

    fn place(&self) -> Asked<'_, i64> {
        self.on_thread(|reach| async move { read::place(&reach.client().await?, &reach.at).await })
    }

    fn follow_from(&self, place: i64) {
        let (database, follow) = (self.database.clone(), Arc::clone(&self.follow));
        self.thread.handle.spawn(follow::follow(database, follow, place));
    }
}
