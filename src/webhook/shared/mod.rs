//! An endpoint's events and letters in the shared ledger's database: the journal's table is the outbox there, too. One responder tells an
//! endpoint for as long as it has the endpoint's lease; where that ends, any other goes on from what is in the database. Nothing here
//! is on the path of a decision, and no act waits for it.

mod letters;
mod reading;
mod reviews;

use std::collections::HashMap;
use std::time::Duration;

use deadpool_postgres::{Client, Pool, PoolError};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

pub use self::letters::{Endpoints, ask_for_replay, endpoints, letters, retry};
use super::body::OfDoor;
use super::event::Event;
use super::letter::Cursor;
use super::store::Trouble;
use crate::agent::registry::Programs;
use crate::clock::{self, Instant};
use crate::ledger::postgres::chaining::FINISHED;
use crate::ledger::postgres::connect::{ANSWER_MAX, Database, within};
use crate::ledger::postgres::slips;
use crate::ledger::postgres::trouble::{Trouble as DatabaseTrouble, Whereabouts};
use crate::ledger::postgres::values::Name;
use crate::remnant::Reader;

/// Connections of all couriers of a responder together.
pub const CONNECTIONS_MAX: usize = 2;

/// How long a lease lasts by our clock: two seconds less than by the database's, so that nobody else has it before we have let go of it.
const LEASED_FOR: Duration = Duration::from_secs(8);

/// How old it gets before it is asked for again.
const RENEWED_AFTER: Duration = Duration::from_secs(2);

/// How often it is counted how far the endpoint is behind.
const LAG_EVERY: Duration = Duration::from_secs(5);

/// An endpoint that is new is told what becomes durable from here on.
fn entering() -> String {
    format!(
        "INSERT INTO holdfast.webhook_endpoint (name, upto, signals_upto) SELECT $1, now_at, now_at
         FROM (SELECT {FINISHED} AS now_at) AS s ON CONFLICT (name) DO NOTHING"
    )
}

const LEASE: &str = "UPDATE holdfast.webhook_endpoint SET process = $2, until = now() + interval '10 seconds'
    WHERE name = $1 AND (process = $2 OR until IS NULL OR until < now())";

const LEAVE: &str = "UPDATE holdfast.webhook_endpoint SET until = NULL WHERE name = $1 AND process = $2";

/// What all couriers of a responder have in common.
#[derive(Debug, Clone)]
pub struct Desk {
    pool: Pool,
    at: Whereabouts,
    /// Which process it is.
    process: Name,
    /// Which program decides where, if there is agent spend.
    spend: Option<Programs>,
}

impl Desk {
    /// Of a database, which need not be there now.
    ///
    /// # Errors
    /// See [`Database::pool`].
    pub fn new(database: &Database, spend: Option<Programs>) -> Result<Self, DatabaseTrouble> {
        let process = Name(fastrand::u128(..).to_be_bytes());
        Ok(Desk { pool: database.pool(CONNECTIONS_MAX)?, at: database.whereabouts(), process, spend })
    }

    async fn client(&self) -> Result<Client, DatabaseTrouble> {
        let said = |error: PoolError| DatabaseTrouble::Unreachable(error.to_string(), self.at.clone());
        within(ANSWER_MAX, &self.at, async { self.pool.get().await.map_err(said) }).await
    }

    async fn query(&self, client: &Client, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, DatabaseTrouble> {
        let said = |error: tokio_postgres::Error| DatabaseTrouble::of(&error, &self.at);
        let queried = within(ANSWER_MAX, &self.at, async {
            let statement = client.prepare_cached(sql).await.map_err(said)?;
            client.query(&statement, values).await.map_err(said)
        });
        queried.await
    }

    async fn execute(&self, client: &Client, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, DatabaseTrouble> {
        let said = |error: tokio_postgres::Error| DatabaseTrouble::of(&error, &self.at);
        within(ANSWER_MAX, &self.at, async { client.execute(sql, values).await.map_err(said) }).await
    }

    fn damaged(&self, table: &'static str) -> DatabaseTrouble {
        DatabaseTrouble::Damaged(table, self.at.clone())
    }
}

/// Notes where endpoints begin that are new, and from where on reviews are told.
///
/// # Errors
/// The database.
pub async fn enter(database: &Database, endpoints: &[String]) -> Result<(), DatabaseTrouble> {
    let at = database.whereabouts();
    let said = |error: tokio_postgres::Error| DatabaseTrouble::of(&error, &at);
    let (client, _driving) = database.open(|_| {}).await?;
    within(ANSWER_MAX, &at, async {
        client.execute(reviews::ENTER, &[]).await.map_err(said)?;
        for endpoint in endpoints {
            client.execute(&entering(), &[endpoint]).await.map_err(said)?;
        }
        Ok(())
    })
    .await
}

/// One endpoint, as its courier has it.
pub struct Shared {
    desk: Desk,
    endpoint: String,
    /// Until when it is ours to tell.
    leased_until: Option<Instant>,
    renew_at: Option<Instant>,
    /// When it is worth while to look for something new.
    read_at: Option<Instant>,
    lag_at: Option<Instant>,
    /// Records of transactions below this one were dropped, and that was told.
    dropped_to: i64,
}

impl Shared {
    /// How often it is looked for something new.
    pub const LOOK_EVERY: Duration = Duration::from_millis(200);

    /// One that nobody here tells yet.
    #[must_use]
    pub const fn new(desk: Desk, endpoint: String) -> Self {
        Shared { desk, endpoint, leased_until: None, renew_at: None, read_at: None, lag_at: None, dropped_to: 0 }
    }

    /// Takes the endpoint's lease, or renews it; whether it is ours now.
    ///
    /// # Errors
    /// The database.
    pub async fn lease(&mut self) -> Result<bool, DatabaseTrouble> {
        let asked_at = clock::instant();
        let client = self.desk.client().await?;
        if self.leased_until.is_none() {
            self.desk.execute(&client, &entering(), &[&self.endpoint]).await?;
        }
        let leased = self.desk.execute(&client, LEASE, &[&self.endpoint, &self.desk.process]).await? == 1;
        self.leased_until = asked_at.checked_add(LEASED_FOR).filter(|_| leased);
        self.renew_at = asked_at.checked_add(RENEWED_AFTER).filter(|_| leased);
        Ok(leased)
    }

    /// Gives the lease back, so that another responder goes on at once.
    pub async fn leave(&self) {
        // If it cannot be given back now, it is over in ten seconds.
        if let Ok(client) = self.desk.client().await {
            let _ = self.desk.execute(&client, LEAVE, &[&self.endpoint, &self.desk.process]).await;
        }
    }

    pub(super) async fn keep(&mut self) -> Result<(), Trouble> {
        if self.renew_at.is_some_and(|at| clock::instant() < at) || self.lease().await? {
            return Ok(());
        }
        Err(Trouble::NotOurs)
    }

    pub(super) fn is_ours(&self) -> bool {
        self.leased_until.is_some_and(|until| clock::instant() < until)
    }

    pub(super) async fn begin(&self) -> Result<(Cursor, HashMap<u64, u32>), Trouble> {
        let client = self.desk.client().await?;
        let sql = "SELECT upto, signals_upto FROM holdfast.webhook_endpoint WHERE name = $1";
        let rows = self.desk.query(&client, sql, &[&self.endpoint]).await?;
        let cursor = |row: &Row| Some(Cursor { next: row.try_get("upto").ok()?, signal: row.try_get("signals_upto").ok()? });
        let cursor = rows.first().and_then(cursor).ok_or_else(|| self.desk.damaged("webhook_endpoint"))?;
        Ok((cursor, self.sequences(&client).await?))
    }

    pub(super) async fn body(&self, event: &Event, reader: &Reader) -> Result<Vec<u8>, Trouble> {
        let Some(of_door) = OfDoor::of(event) else { return Ok(event.body()) };
        let client = self.desk.client().await?;
        let found = within(ANSWER_MAX, &self.desk.at, slips::find(&client, &self.desk.at, &of_door.wanted())).await?;
        let slip = found.into_slips().and_then(|mut found| found.slips.pop()).map(|(_, slip)| slip);
        Ok(of_door.body(slip.as_ref(), reader))
    }

    pub(super) async fn lag(&mut self, place: i64) -> Result<Option<i64>, Trouble> {
        let now = clock::instant();
        if self.lag_at.is_some_and(|at| now < at) {
            return Ok(None);
        }
        self.lag_at = now.checked_add(LAG_EVERY);
        let client = self.desk.client().await?;
        let sql =
            "SELECT count(*) FROM (SELECT FROM holdfast.record WHERE transaction >= $1::text::xid8 LIMIT 1000000) AS behind";
        let rows = self.desk.query(&client, sql, &[&place.to_string()]).await?;
        Ok(rows.first().and_then(|row| row.try_get(0).ok()))
    }
}

/// As many as are asked for, for a statement.
fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}
