//! What every task of the ledger's thread shares: the pool, what transactions have in common, and whether the database is
//! there. The first task that finds it gone says so; [`Office::keep_watch`] brings it back.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Client, Pool, PoolError};
use holdfast_core::ProgramId;
use tokio::sync::Notify;

use super::Common;
use super::chaining;
use super::connect::{ANSWER_MAX, Database, within, within_act};
use super::fresh::News;
use super::last_seen::LastSeen;
use super::migrate;
use super::needs;
use super::node::Node;
use super::performing::Performing;
use super::snapshot::{Keep, Note, Snapshots};
use super::trial;
use super::trouble::Trouble;
use crate::clock;
use crate::ledger::Readiness;
use crate::ledger::embedded::Observer;

/// How long after a failure the database is tried again, at first and at most.
pub const WAIT_MIN: Duration = Duration::from_millis(20);
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Whoever fails again within so long after it came back has not come back for good: the next try waits longer.
const STEADY_AFTER: Duration = Duration::from_secs(30);

/// How long an act that is done waits for a disk of this machine at most.
const KEPT_WITHIN: Duration = Duration::from_millis(250);

/// Waits so long, by chance a little more or less, so that many responders do not come all together; how long to wait next.
pub async fn longer(wait: Duration) -> Duration {
    let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
    tokio::time::sleep(Duration::from_micros(fastrand::u64(micros / 2..=micros))).await;
    wait.saturating_mul(2).min(WAIT_MAX)
}

/// The ledger's thread's own.
pub struct Office {
    pub common: Arc<Common>,
    pub database: Database,
    pub pool: Pool,
    pub performing: Performing,
    pub node: Node,
    pub observer: Arc<dyn Observer>,
    /// Who keeps what was last seen for the next start, if anybody does.
    pub snapshots: Option<Snapshots>,
    /// Rung when the database is gone.
    gone: Notify,
    /// Holds that somebody has to look at, and was told so.
    damaged: RefCell<BTreeSet<i64>>,
}

impl Office {
    /// With everything that it needs.
    pub fn new(
        common: Arc<Common>,
        database: Database,
        pool: Pool,
        performing: Performing,
        node: Node,
        observer: Arc<dyn Observer>,
        snapshots: Option<Snapshots>,
    ) -> Self {
        let (gone, damaged) = (Notify::new(), RefCell::default());
        Office { common, database, pool, performing, node, observer, snapshots, gone, damaged }
    }

    /// Has something that was seen kept for the next start.
    pub fn note(&self, note: Note) {
        if let Some(snapshots) = &self.snapshots {
            snapshots.note(note);
        }
    }

    /// What acts of this program left behind is known from now on, and soon to the next process, too; done when they may be acknowledged.
    pub async fn hear(&self, program: ProgramId, news: News, keep: Keep) {
        let look = self.last_seen().hear(program, &news);
        let own = self.snapshots.as_ref().map(|snapshots| &snapshots.own).filter(|_| !news.is_empty());
        if let Some(kept) = own.and_then(|own| own.note(look, (program, news), keep)) {
            // It is in the database whether it is kept here or not.
            let _ = tokio::time::timeout(KEPT_WITHIN, kept).await;
        }
    }

    /// What stand-in knows while the database is away.
    pub fn last_seen(&self) -> &LastSeen {
        &self.common.last_seen
    }

    /// A connection for an act.
    ///
    /// # Errors
    /// None can be had.
    pub async fn connection(&self) -> Result<Client, Trouble> {
        let at = &self.performing.at;
        self.pool.get().await.map_err(|error| {
            if let PoolError::Backend(error) = &error {
                return Trouble::of(error, at);
            }
            Trouble::Unreachable(error.to_string(), at.clone())
        })
    }

    /// Performs something on a connection, and no longer than that. A connection on which it did not end is not lent again: whoever had it
    /// next would wait for what is still under way on it.
    ///
    /// # Errors
    /// As `act`; or it did not end, or there is no connection.
    pub async fn act<T>(&self, most: Duration, act: impl AsyncFnOnce(&mut Client) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let mut lent = None;
        let done = within_act(most, &self.performing.at, async {
            let client = lent.insert(self.connection().await?);
            act(client).await
        });
        let done = done.await;
        if let (Err(Trouble::TookTooLong(_)), Some(client)) = (&done, lent) {
            drop(Client::take(client));
        }
        done
    }

    /// Something went wrong with the database: if it is gone, everybody hears so at once.
    pub fn report(&self, trouble: &Trouble) {
        if trouble.is_of_one_act() {
            self.observer.say(&format!("the ledger: {trouble}"));
            return;
        }
        if self.common.readiness() == Readiness::Ready {
            self.observer.say(&format!("the ledger is unavailable: {trouble}"));
            self.become_ready(Readiness::Unavailable);
        }
        self.gone.notify_one();
    }

    /// Something is wrong with a hold, and it is not released; says so once.
    pub fn say_damaged(&self, hold: i64, what: impl std::fmt::Display) {
        if self.damaged.borrow_mut().insert(hold) {
            let words = "is past its time and is not released; all others are. Look at its row in holdfast.hold";
            self.observer.say(&format!("the ledger: hold {hold} {words}: {what}"));
        }
    }

    /// Tells everybody whether the ledger answers.
    pub fn become_ready(&self, readiness: Readiness) {
        self.common.stands.become_now(readiness);
        self.observer.readiness(readiness);
    }

    /// Brings the database back whenever it is gone: at once, and then with waits that grow, also from one time to the next if it does
    /// not stay.
    pub async fn keep_watch(&self) {
        let (mut wait, mut back_since) = (WAIT_MIN, None);
        loop {
            self.gone.notified().await;
            if self.common.readiness() == Readiness::Ready {
                continue;
            }
            let stayed = |since| clock::instant().saturating_duration_since(since) >= STEADY_AFTER;
            wait = if back_since.is_none_or(stayed) { WAIT_MIN } else { longer(wait).await };
            let mut said = None;
            while let Err(trouble) = self.try_to_come_back().await {
                if trouble.waits_for_people() && said.as_ref() != Some(&trouble) {
                    self.observer.say(&format!("the ledger stays unavailable: {trouble}"));
                    said = Some(trouble);
                }
                wait = longer(wait).await;
            }
            self.observer.say("the database takes writes again, the ledger is ready");
            self.become_ready(Readiness::Ready);
            back_since = Some(clock::instant());
        }
    }

    /// Proves, on a connection of its own, that the database is the one that it should be, allows what a responder does, and takes
    /// what a responder writes.
    async fn try_to_come_back(&self) -> Result<(), Trouble> {
        // Connections that were open may lead to a primary that is one no more.
        self.pool.retain(|_, _| false);
        let at = &self.performing.at;
        let (mut client, _driving) = self.database.open(|_| {}).await?;
        let began = clock::instant();
        within(ANSWER_MAX, at, async {
            migrate::must_be_ours(&client, at).await?;
            // Another machine may be the primary now, and its settings are its own.
            migrate::must_be_durable(&client, at).await?;
            needs::must_be_met(&client, at).await?;
            chaining::go_on_counting(&client, at).await?;
            trial::write(&mut client, at).await?;
            self.node.say_that_it_runs(&client, &self.performing.numbers, at).await
        })
        .await?;
        self.common.proved(began);
        Ok(())
    }

    /// Gives back what others may have when this responder is gone; if the database is gone too, it is free in a minute.
    pub async fn leave(&self) {
        let left = async {
            let client = self.connection().await?;
            self.node.leave(&client).await;
            Ok(())
        };
        let _ = within(ANSWER_MAX, &self.performing.at, left).await;
    }
}
