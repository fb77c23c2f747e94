//! Merchants and instruments of responders that share a ledger: a row each in its database. Whoever changes one writes it there first,
//! one at a time; every responder follows what is there, in the order in which it was written, into its snapshot and its own file, from
//! which a start without the database knows them. While the database is away nothing is changed, and what was last known stays.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, GenericClient};

use super::row::{Kept, Row};
use super::snapshot::{Snapshot, Whose};
use super::{Profiles, StoreError, Unless};
use crate::app::runtime;
use crate::ledger::postgres::connect::{ANSWER_MAX, Database, within};
use crate::ledger::postgres::trouble::Trouble;
use crate::seal::{Form, Sealed, Sealer};

/// How often the database is asked, if it says nothing; and after how long again, if it did not answer.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// A transaction whose process went away must not hold everybody up, and nobody waits for ever.
const BOUNDS: &str = "SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL lock_timeout = '4s'";

/// Places for so many rows. From here on other responders wait, and what they wrote before is there to be read.
const TAKE_PLACES: &str = "UPDATE holdfast.profile_numbering SET last = last + $1 RETURNING last";

const BEHIND: &str = "SELECT place, program, kind, name, form, body FROM holdfast.profile WHERE place > $1 ORDER BY place";

const PUT: &str = "INSERT INTO holdfast.profile (place, program, kind, name, form, body) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (program, kind, name) DO UPDATE SET place = excluded.place, form = excluded.form, body = excluded.body";

/// The profiles of a shared ledger.
pub struct Shared {
    database: Database,
    say: fn(&str),
}

/// What was written there behind a place, in the order of the places.
type Written = Vec<(i64, Kept)>;

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// In that database; `say` tells the operator.
    #[must_use]
    pub const fn new(database: Database, say: fn(&str)) -> Self {
        Shared { database, say }
    }

    /// Keeps changes for all responders. Blocks.
    pub(super) fn keep(&self, profiles: &Profiles, wanted: Vec<Kept>, unless: Unless) -> Result<(), StoreError> {
        let no_runtime =
            |error: std::io::Error| StoreError::Database(Trouble::Other(error.to_string(), self.database.whereabouts()));
        let written = runtime().map_err(no_runtime)?.block_on(self.try_to_keep(profiles, wanted, unless))?;
        profiles.take_over(&written);
        Ok(())
    }

    async fn try_to_keep(&self, profiles: &Profiles, wanted: Vec<Kept>, unless: Unless) -> Result<Written, StoreError> {
        let keeping = async {
            let (mut client, _driving) = self.database.open(|_| {}).await.map_err(StoreError::Database)?;
            self.write(&mut client, profiles, wanted, unless).await
        };
        let hung = |_| Trouble::Unreachable("it does not answer".to_owned(), self.database.whereabouts());
        timeout(ANSWER_MAX, keeping).await.map_err(hung).map_err(StoreError::Database)?
    }

    /// Writes what is wanted behind what others wrote, and answers both.
    async fn write(
        &self,
        client: &mut Client,
        profiles: &Profiles,
        wanted: Vec<Kept>,
        unless: Unless,
    ) -> Result<Written, StoreError> {
        let at = self.database.whereabouts();
        let said = |error: tokio_postgres::Error| StoreError::Database(Trouble::of(&error, &at));
        let mut next = Snapshot::clone(&profiles.seen.load());
        let transaction = client.transaction().await.map_err(said)?;
        transaction.batch_execute(BOUNDS).await.map_err(said)?;
        let count = i64::try_from(wanted.len()).unwrap_or(i64::MAX);
        let last: i64 = transaction.query_one(TAKE_PLACES, &[&count]).await.and_then(|row| row.try_get(0)).map_err(said)?;
        let mut written = self.behind(&transaction, next.place, profiles.store.sealer()).await?;
        next.take_over(&written);
        let wanted = next.change(wanted, unless, Whose::Shared)?;
        if wanted.is_empty() {
            return Ok(written);
        }
        let mut place = last.saturating_sub(count);
        let put = transaction.prepare(PUT).await.map_err(said)?;
        for kept in wanted {
            place = place.saturating_add(1);
            let unreadable = || StoreError::Unreadable(at.to_string(), kept.profile.kind_and_name().1);
            let Row { program, kind, name, sealed } = kept.to_row(profiles.store.sealer()).ok_or_else(unreadable)?;
            let form = i16::try_from(sealed.form.number()).unwrap_or(i16::MAX);
            let row: [&(dyn ToSql + Sync); 6] = [&place, &program, &kind, &name, &form, &sealed.bytes];
            transaction.execute(&put, &row).await.map_err(said)?;
            written.push((place, kept));
        }
        transaction.batch_execute("SELECT pg_notify('holdfast_profiles', '')").await.map_err(said)?;
        transaction.commit().await.map_err(said)?;
        Ok(written)
    }

    async fn behind(&self, client: &impl GenericClient, place: i64, sealer: &Sealer) -> Result<Written, StoreError> {
        let at = self.database.whereabouts();
        let said = |error: tokio_postgres::Error| StoreError::Database(Trouble::of(&error, &at));
        let mut written = Written::new();
        for row in client.query(BEHIND, &[&place]).await.map_err(said)? {
            let (place, row) = read(&row).map_err(said)?;
            let kept = row.open(sealer).ok_or_else(|| StoreError::Unreadable(at.to_string(), row.called()))?;
            written.push((place, kept));
        }
        Ok(written)
    }

    /// Follows until something is in the way; what was said of that is forgotten once it is not.
    async fn follow_on(&self, profiles: &Arc<Profiles>, told: &mut Option<String>) -> Result<(), StoreError> {
        let at = self.database.whereabouts();
        let said = |error: tokio_postgres::Error| Trouble::of(&error, &at);
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        let hear = move |message| {
            if matches!(message, AsyncMessage::Notification(_)) {
                ring.notify_one();
            }
        };
        let (client, _driving) = self.database.open(hear).await.map_err(StoreError::Database)?;
        let listening = async { client.batch_execute("LISTEN holdfast_profiles").await.map_err(said) };
        within(ANSWER_MAX, &at, listening).await.map_err(StoreError::Database)?;
        loop {
            self.hear(&client, profiles).await?;
            *told = None;
            // Whichever comes first.
            let _ = timeout(POLL_EVERY, bell.notified()).await;
        }
    }

    /// Takes over what was written since.
    async fn hear(&self, client: &Client, profiles: &Arc<Profiles>) -> Result<(), StoreError> {
        let place = profiles.seen.load().place;
        let hung = |_| Trouble::Unreachable("it does not answer".to_owned(), self.database.whereabouts());
        let asking = timeout(ANSWER_MAX, self.behind(client, place, profiles.store.sealer()));
        let written = asking.await.map_err(hung).map_err(StoreError::Database)??;
        let profiles = Arc::clone(profiles);
        // A disk may take its time.
        let _ = tokio::task::spawn_blocking(move || profiles.take_over(&written)).await;
        Ok(())
    }
}

impl Profiles {
    /// Has what all responders of a shared ledger have by now, and all of them what only this data directory had.
    ///
    /// # Errors
    /// The database, or a row that does not open.
    pub async fn catch_up(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let (client, _driving) = shared.database.open(|_| {}).await.map_err(StoreError::Database)?;
        shared.hear(&client, self).await?;
        let profiles = Arc::clone(self);
        tokio::task::spawn_blocking(move || profiles.bring_own()).await.unwrap_or(Ok(()))
    }

    /// Follows what is changed anywhere, for ever: the database notifies, and a poll stands behind that. What stands in the way is told
    /// once for as long as it does: a right that is missing here may be in nobody else's way.
    pub async fn follow(self: &Arc<Self>) {
        let Some(shared) = &self.shared else { return };
        let mut said = None;
        loop {
            if let Err(error) = shared.follow_on(self, &mut said).await {
                let problem = error.to_string();
                if said.as_ref() != Some(&problem) {
                    self.tell(&format!("what others change of merchants and instruments is not known here: {problem}"));
                }
                said = Some(problem);
            }
            sleep(POLL_EVERY).await;
        }
    }

    /// What is durable in the database is seen from now on. That this data directory cannot keep it is told, and no more: it is for a start
    /// without the database.
    fn take_over(&self, written: &[(i64, Kept)]) {
        let mut writing = self.store.begin();
        let mut next = Snapshot::clone(&self.seen.load());
        let news = next.take_over(written);
        if news.is_empty() {
            return;
        }
        if let Err(error) = writing.put(&news) {
            self.tell(&format!("merchants and instruments: a start without the database will not know what is new: {error}"));
        }
        self.seen.store(Arc::new(next));
    }

    /// What an older version kept for this responder alone becomes everybody's, unless they have one of its name.
    fn bring_own(&self) -> Result<(), StoreError> {
        let own = self.seen.load().own();
        if own.is_empty() {
            return Ok(());
        }
        self.keep(own, Unless::There)?;
        for kept in self.seen.load().own() {
            let (kind, name) = kept.profile.kind_and_name();
            self.tell(&format!("{kind} {name} stays this responder's own: its `number_token` is another card's at all others"));
        }
        Ok(())
    }

    fn tell(&self, what: &str) {
        if let Some(shared) = &self.shared {
            (shared.say)(what);
        }
    }
}

impl Snapshot {
    /// With what is new of rows that are in the order of their places; answers it.
    fn take_over<'r>(&mut self, rows: &'r [(i64, Kept)]) -> Vec<&'r Kept> {
        let mut news = Vec::new();
        for (place, kept) in rows {
            if *place > self.place {
                self.place = *place;
                self.put(kept, Whose::Shared);
                news.push(kept);
            }
        }
        news
    }
}

fn read(row: &tokio_postgres::Row) -> Result<(i64, Row), tokio_postgres::Error> {
    let form = Form::of_number(i64::from(row.try_get::<_, i16>("form")?));
    let sealed = Sealed { form, bytes: row.try_get("body")? };
    let kept = Row { program: row.try_get("program")?, kind: row.try_get("kind")?, name: row.try_get("name")?, sealed };
    Ok((row.try_get("place")?, kept))
}
