//! The switch of responders that share a database: a row there each time it is switched on. Whoever turns it writes there first; every
//! responder follows what is there into its own spool's file, by which alone it answers. While the database is away, what was last known
//! stays, and whoever turns the switch turns it here only.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::PlatformName;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Row};

use super::Switchboard;
use crate::app::runtime;
use crate::clock;
use crate::ledger::postgres::connect::{ANSWER_MAX, Database, within};
use crate::ledger::postgres::trouble::{Trouble, Whereabouts};
use crate::ledger::postgres::values::{At, named, named_or_none};
use crate::spool::{Off, Scope, Switched, Turn, Turned};

/// How long a turn waits for the database: whoever turns it wants it turned.
const TURN_MAX: Duration = Duration::from_secs(2);

/// How often the database is asked, if it says nothing; and after how long again, if it did not answer.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// One turns it at a time, of all responders.
const ALONE: &str = "SET LOCAL lock_timeout = '1s'; LOCK TABLE holdfast.switch IN SHARE ROW EXCLUSIVE MODE";

const COLUMNS: &str = "id, program, platform, since, until, by, why, off_at, off_by, off_why";

/// The switches of a shared ledger.
pub struct Shared {
    database: Database,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// In that database.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Shared { database }
    }

    /// Turns it for all; nothing if the database does not say soon that it is turned. Blocks.
    #[must_use]
    pub fn turn(&self, turn: &Turn) -> Option<Turned> {
        let turned = async { timeout(TURN_MAX, self.try_to_turn(turn)).await.ok()?.ok() };
        runtime().ok()?.block_on(turned)
    }

    async fn try_to_turn(&self, turn: &Turn) -> Result<Turned, Trouble> {
        let (at, now) = (self.database.whereabouts(), At(clock::utc()));
        let said = |error: tokio_postgres::Error| Trouble::of(&error, &at);
        let (mut client, _driving) = self.database.open(|_| {}).await?;
        let transaction = client.transaction().await.map_err(said)?;
        transaction.batch_execute(ALONE).await.map_err(said)?;
        let (program, platform) = (turn.scope.program.as_str(), turn.scope.platform.as_ref().map(PlatformName::as_str));
        let sql = format!(
            "SELECT {COLUMNS} FROM holdfast.switch WHERE program = $1 AND platform IS NOT DISTINCT FROM $2 AND off_at IS NULL AND until > $3"
        );
        let on = transaction.query_opt(&sql, &[&program, &platform, &now]).await.map_err(said)?;
        let on = on.map(|row| switched(&row, &at)).transpose()?;
        let row = match (turn.on_until, on) {
            (Some(_), Some(on)) => return Ok(Turned::AlreadyOn(on)),
            (None, None) => return Ok(Turned::NotOn),
            (Some(until), None) if until <= now.0 => return Ok(Turned::Past(until)),
            (Some(until), None) => {
                let (id, until) = (format!("{:032x}", fastrand::u128(..)), At(until));
                let sql = "INSERT INTO holdfast.switch (id, program, platform, since, until, by, why) VALUES ($1, $2, $3, $4, $5, $6, $7)";
                let row: [&(dyn ToSql + Sync); 7] = [&id, &program, &platform, &now, &until, &turn.by, &turn.why];
                transaction.query_one(&format!("{sql} RETURNING {COLUMNS}"), &row).await
            }
            (None, Some(on)) => {
                let sql = "UPDATE holdfast.switch SET off_at = $2, off_by = $3, off_why = $4 WHERE id = $1";
                transaction.query_one(&format!("{sql} RETURNING {COLUMNS}"), &[&on.shared, &now, &turn.by, &turn.why]).await
            }
        };
        let row = row.map_err(said)?;
        transaction.execute("SELECT pg_notify('holdfast_switch', '')", &[]).await.map_err(said)?;
        transaction.commit().await.map_err(said)?;
        switched(&row, &at).map(Turned::Done)
    }

    /// Has a switchboard follow what is turned anywhere, for ever: the database notifies, and a poll stands behind that. What stands in the
    /// way is told once for as long as it does; where the database is away, the ledger says so.
    pub async fn follow(&self, board: &Arc<Switchboard>, tell: fn(&str)) {
        let mut told = None;
        loop {
            if let Err(trouble) = self.follow_on(board, &mut told).await
                && trouble.waits_for_people()
                && told.as_ref() != Some(&trouble)
            {
                tell(&format!("what others switch of stand-in is not known here: {trouble}"));
                told = Some(trouble);
            }
            sleep(POLL_EVERY).await;
        }
    }

    async fn follow_on(&self, board: &Arc<Switchboard>, told: &mut Option<Trouble>) -> Result<(), Trouble> {
        let at = self.database.whereabouts();
        let said = |error: tokio_postgres::Error| Trouble::of(&error, &at);
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        let hear = move |message| {
            if matches!(message, AsyncMessage::Notification(_)) {
                ring.notify_one();
            }
        };
        let (client, _driving) = self.database.open(hear).await?;
        let all = format!("SELECT {COLUMNS} FROM holdfast.switch WHERE until > now() - interval '8 days' ORDER BY since, id");
        let ready = async {
            client.batch_execute("LISTEN holdfast_switch").await.map_err(said)?;
            client.prepare(&all).await.map_err(said)
        };
        let all = within(ANSWER_MAX, &at, ready).await?;
        let mut known = None;
        loop {
            let rows = within(ANSWER_MAX, &at, async { client.query(&all, &[]).await.map_err(said) }).await?;
            let rows = rows.iter().map(|row| switched(row, &at)).collect::<Result<Vec<_>, _>>()?;
            *told = None;
            if known.as_ref() != Some(&rows) {
                let (board, taken) = (Arc::clone(board), rows.clone());
                let taking = tokio::task::spawn_blocking(move || board.take_over(&taken));
                // What the spool's disk does not take now it may take the next time.
                if let Ok(Ok(())) = taking.await {
                    known = Some(rows);
                }
            }
            // Whichever comes first.
            let _ = timeout(POLL_EVERY, bell.notified()).await;
        }
    }
}

fn switched(row: &Row, at: &Whereabouts) -> Result<Switched, Trouble> {
    read(row).ok_or_else(|| Trouble::Damaged("switch", at.clone()))
}

fn read(row: &Row) -> Option<Switched> {
    let moment = |column| row.try_get(column).ok().map(|At(moment)| moment);
    let off = match row.try_get::<_, Option<At>>("off_at").ok()? {
        None => None,
        Some(At(at)) => Some(Off { at, by: row.try_get("off_by").ok()?, why: row.try_get("off_why").ok()? }),
    };
    Some(Switched {
        number: 0,
        scope: Scope { program: named(row, "program")?, platform: named_or_none(row, "platform")? },
        since: moment("since")?,
        until: moment("until")?,
        by: row.try_get("by").ok()?,
        why: row.try_get("why").ok()?,
        off,
        shared: Some(row.try_get("id").ok()?),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::fixture::program;
    use crate::ledger::postgres::tests::server::{run, shared};
    use crate::spool;

    #[test]
    fn what_keeps_a_responder_from_hearing_of_switches_is_told_once_each_time() {
        static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let Some(server) = shared() else { return };
        let (name, directory) = (server.database(), tempfile::tempdir().unwrap());
        let sql = |sql: &str| server.run_sql(&name, sql);
        let mounts = vec![(program(), PlatformName::new("marqeta").unwrap())];
        let spool = spool::Settings { path: directory.path().join(spool::FILE), sync: spool::Sync::None, entries_max: 10 };
        let board = Arc::new(Switchboard::new(spool, mounts));
        let here = Shared::new(server.reach(&name));
        std::thread::scope(|scope| {
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            scope.spawn(|| {
                run(async {
                    tokio::select! { () = here.follow(&board, |what| TOLD.lock().unwrap().push(what.to_owned())) => {}, _ = stopped => {} }
                })
            });
            for round in 1..=2 {
                sql("ALTER TABLE holdfast.switch RENAME TO switch_away");
                while TOLD.lock().unwrap().len() < round {
                    std::thread::yield_now();
                }
                sql("ALTER TABLE holdfast.switch_away RENAME TO switch");
                sql(&format!(
                    "INSERT INTO holdfast.switch (id, program, platform, since, until, by, why) VALUES
                     ('{round}', '{}', NULL, now(), now() + interval '1 hour', 'ann', 'round {round}')",
                    program()
                ));
                let why = format!("round {round}");
                while !board.on_for(&program(), clock::utc()).iter().any(|on| on.why == why) {
                    std::thread::yield_now();
                }
                sql("UPDATE holdfast.switch SET off_at = now(), off_by = 'ann', off_why = 'over'");
                while !board.on_for(&program(), clock::utc()).is_empty() {
                    std::thread::yield_now();
                }
            }
            drop(stop);
        });
        let told = TOLD.lock().unwrap();
        assert!(told.iter().all(|told| told.starts_with("what others switch of stand-in is not known here: ")), "{told:?}");
        assert_eq!(told.len(), 2, "{told:?}");
    }
}
