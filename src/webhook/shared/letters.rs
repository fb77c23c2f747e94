//! Letters in the database: written, found and sent again. Whatever changes an endpoint's place is refused to whoever has lost its lease.

use std::collections::HashMap;

use holdfast_core::Timestamp;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client as Plain, Row, Transaction};

use super::super::circuit::ATTEMPTS_MAX;
use super::super::event::EventKind;
use super::super::letter::{Changes, Cursor, Letter, NewLetter, Replay, Retried, Source, Spot, Standing};
use super::super::store::Trouble;
use super::{Shared, limit};
use crate::ledger::postgres::connect::{ANSWER_MAX, within};
use crate::ledger::postgres::trouble::{Trouble as DatabaseTrouble, Whereabouts};
use crate::ledger::postgres::values::At;

const LETTER: &str = "SELECT id, endpoint, place, record, signal, event, kind, sequence, attempts, next_at, since, problem, dead
    FROM holdfast.webhook_letter";

impl Shared {
    pub(in super::super) async fn due(&self, now: Timestamp, most: usize) -> Result<Vec<Letter>, Trouble> {
        let sql = format!(
            "{LETTER} AS letter WHERE endpoint = $1 AND NOT dead AND next_at <= $2
             AND id = (SELECT min(id) FROM holdfast.webhook_letter AS first WHERE first.endpoint = letter.endpoint
                AND first.sequence = letter.sequence AND NOT first.dead) ORDER BY next_at, id LIMIT $3"
        );
        let client = self.desk.client().await?;
        let rows = self.desk.query(&client, &sql, &[&self.endpoint, &At(now), &limit(most)]).await?;
        Ok(read_letters(&rows, &self.desk.at)?)
    }

    pub(in super::super) async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Trouble> {
        let client = self.desk.client().await?;
        let sql = "SELECT min(next_at) FROM holdfast.webhook_letter WHERE endpoint = $1 AND NOT dead AND next_at > $2";
        let rows = self.desk.query(&client, sql, &[&self.endpoint, &At(now)]).await?;
        let at: Option<At> = rows.first().and_then(|row| row.try_get(0).ok()).flatten();
        Ok(at.map(|At(at)| at))
    }

    pub(in super::super) async fn counts(&self) -> Result<(u32, u32), Trouble> {
        let client = self.desk.client().await?;
        let sql = "SELECT count(*) FILTER (WHERE NOT dead), count(*) FILTER (WHERE dead) FROM holdfast.webhook_letter
            WHERE endpoint = $1";
        let rows = self.desk.query(&client, sql, &[&self.endpoint]).await?;
        let count = |place: usize| rows.first().and_then(|row| row.try_get::<_, i64>(place).ok());
        let [waiting, dead] = [count(0), count(1)].map(|count| u32::try_from(count.unwrap_or(0)).unwrap_or(u32::MAX));
        Ok((waiting, dead))
    }

    pub(in super::super) async fn replay(&self) -> Result<Option<Replay>, Trouble> {
        let client = self.desk.client().await?;
        let sql = "SELECT id, next, last FROM holdfast.webhook_replay WHERE endpoint = $1 ORDER BY id LIMIT 1";
        let rows = self.desk.query(&client, sql, &[&self.endpoint]).await?;
        let read = |row: &Row| Some(Replay { id: row.try_get(0).ok()?, next: row.try_get(1).ok()?, last: row.try_get(2).ok()? });
        Ok(rows.first().and_then(read))
    }

    pub(in super::super) async fn word(&self) -> Result<bool, Trouble> {
        let client = self.desk.client().await?;
        let sql = "DELETE FROM holdfast.webhook_replay WHERE endpoint = $1 AND next > last RETURNING id";
        Ok(!self.desk.query(&client, sql, &[&self.endpoint]).await?.is_empty())
    }

    pub(super) async fn sequences(&self, client: &deadpool_postgres::Client) -> Result<HashMap<u64, u32>, Trouble> {
        let sql = "SELECT sequence, count(*) FROM holdfast.webhook_letter WHERE endpoint = $1 AND NOT dead GROUP BY sequence";
        let rows = self.desk.query(client, sql, &[&self.endpoint]).await?;
        let read = |row: &Row| {
            let (sequence, count): (i64, i64) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
            Some((sequence.cast_unsigned(), u32::try_from(count).ok()?))
        };
        let all: Option<_> = rows.iter().map(read).collect();
        Ok(all.ok_or_else(|| self.desk.damaged("webhook_letter"))?)
    }

    pub(in super::super) async fn change(&self, now: Timestamp, changes: &Changes) -> Result<(), Trouble> {
        let at = &self.desk.at;
        let mut client = self.desk.client().await?;
        let changed = within(ANSWER_MAX, at, async {
            let said = |error: tokio_postgres::Error| DatabaseTrouble::of(&error, at);
            let transaction = client.build_transaction().start().await.map_err(said)?;
            let ours = self.apply(&transaction, now, changes).await.map_err(said)?;
            if ours {
                transaction.commit().await.map_err(said)?;
            }
            Ok(ours)
        });
        if changed.await? { Ok(()) } else { Err(Trouble::NotOurs) }
    }

    /// Whether the endpoint was ours to change.
    async fn apply(
        &self,
        transaction: &deadpool_postgres::Transaction<'_>,
        now: Timestamp,
        changes: &Changes,
    ) -> Result<bool, tokio_postgres::Error> {
        // The row stays locked until the commit: nobody takes the lease meanwhile.
        let (next, signal) = changes.cursor.map(|Cursor { next, signal }| (next, signal)).unzip();
        let sql = "UPDATE holdfast.webhook_endpoint SET upto = coalesce($3, upto), signals_upto = coalesce($4, signals_upto)
            WHERE name = $1 AND process = $2";
        if transaction.execute(sql, &[&self.endpoint, &self.desk.process, &next, &signal]).await? == 0 {
            return Ok(false);
        }
        if !changes.written.is_empty() {
            Columns::of(&changes.written).write(transaction, &self.endpoint, now).await?;
        }
        if !changes.delivered.is_empty() {
            transaction.execute("DELETE FROM holdfast.webhook_letter WHERE id = ANY($1)", &[&changes.delivered]).await?;
        }
        refuse(transaction, &changes.refused).await?;
        match changes.replayed {
            Some(Replay { id, next, last }) if next > last => {
                transaction.execute("DELETE FROM holdfast.webhook_replay WHERE id = $1", &[&id]).await?;
            }
            Some(Replay { id, next, .. }) => {
                transaction.execute("UPDATE holdfast.webhook_replay SET next = $2 WHERE id = $1", &[&id, &next]).await?;
            }
            None => {}
        }
        Ok(true)
    }
}

/// Letters that were refused once more.
async fn refuse(transaction: &Transaction<'_>, refused: &[(i64, u32, Timestamp, String)]) -> Result<(), tokio_postgres::Error> {
    if refused.is_empty() {
        return Ok(());
    }
    let (mut ids, mut attempts, mut next_at) = (Vec::new(), Vec::new(), Vec::new());
    let (mut problems, mut dead) = (Vec::new(), Vec::new());
    for (id, tried, again, problem) in refused {
        ids.push(*id);
        attempts.push(i32::try_from(*tried).unwrap_or(i32::MAX));
        next_at.push(At(*again));
        problems.push(problem.as_str());
        dead.push(*tried >= ATTEMPTS_MAX);
    }
    let sql =
        "UPDATE holdfast.webhook_letter l SET attempts = u.attempts, next_at = u.next_at, problem = u.problem, dead = u.dead
        FROM unnest($1::bigint[], $2::integer[], $3::timestamptz[], $4::text[], $5::boolean[])
            AS u (id, attempts, next_at, problem, dead) WHERE l.id = u.id";
    transaction.execute(sql, &[&ids, &attempts, &next_at, &problems, &dead]).await.map(drop)
}

/// Letters to be written: a list a column.
#[derive(Default)]
struct Columns<'l> {
    places: Vec<Option<i64>>,
    records: Vec<Option<i64>>,
    signals: Vec<Option<i64>>,
    events: Vec<&'l str>,
    kinds: Vec<&'static str>,
    sequences: Vec<i64>,
    attempts: Vec<i32>,
    next_at: Vec<At>,
    problems: Vec<&'l str>,
    dead: Vec<bool>,
}

impl<'l> Columns<'l> {
    fn of(letters: &'l [NewLetter]) -> Self {
        let mut columns = Columns::default();
        for letter in letters {
            let (spot, signal) = match letter.source {
                Source::Record(spot) => (Some(spot), None),
                Source::Signal(signal) => (None, Some(signal)),
            };
            columns.places.push(spot.map(|spot| spot.place));
            columns.records.push(spot.map(|spot| spot.record));
            columns.signals.push(signal);
            columns.events.push(&letter.event);
            columns.kinds.push(letter.kind.name());
            columns.sequences.push(letter.sequence.cast_signed());
            columns.attempts.push(i32::try_from(letter.attempts).unwrap_or(i32::MAX));
            columns.next_at.push(At(letter.next_at));
            columns.problems.push(&letter.problem);
            columns.dead.push(letter.attempts >= ATTEMPTS_MAX);
        }
        columns
    }

    /// Their ids grow in their order: letters of one sequence go by them.
    async fn write(&self, transaction: &Transaction<'_>, endpoint: &str, now: Timestamp) -> Result<(), tokio_postgres::Error> {
        let sql = "INSERT INTO holdfast.webhook_letter (endpoint, since, place, record, signal, event, kind, sequence, attempts,
                next_at, problem, dead)
            SELECT $1, $2, u.place, u.record, u.signal, u.event, u.kind, u.sequence, u.attempts, u.next_at, u.problem, u.dead
            FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[], $9::integer[],
                $10::timestamptz[], $11::text[], $12::boolean[]) WITH ORDINALITY
                AS u (place, record, signal, event, kind, sequence, attempts, next_at, problem, dead, row) ORDER BY u.row";
        let since = At(now);
        let values: [&(dyn ToSql + Sync); 12] = [
            &endpoint,
            &since,
            &self.places,
            &self.records,
            &self.signals,
            &self.events,
            &self.kinds,
            &self.sequences,
            &self.attempts,
            &self.next_at,
            &self.problems,
            &self.dead,
        ];
        transaction.execute(sql, &values).await.map(drop)
    }
}

fn read_letters(rows: &[Row], at: &Whereabouts) -> Result<Vec<Letter>, DatabaseTrouble> {
    rows.iter().map(|row| letter(row).ok_or_else(|| DatabaseTrouble::Damaged("webhook_letter", at.clone()))).collect()
}

fn letter(row: &Row) -> Option<Letter> {
    let number = |column: &str| row.try_get::<_, Option<i64>>(column).ok();
    let spot = number("place")?.zip(number("record")?).map(|(place, record)| Source::Record(Spot { place, record }));
    let moment = |column: &str| row.try_get::<_, At>(column).ok().map(|At(at)| at);
    let dead: bool = row.try_get("dead").ok()?;
    Some(Letter {
        id: row.try_get("id").ok()?,
        endpoint: row.try_get("endpoint").ok()?,
        source: spot.or(number("signal")?.map(Source::Signal))?,
        event: row.try_get("event").ok()?,
        kind: EventKind::from_name(row.try_get("kind").ok()?)?,
        sequence: row.try_get::<_, i64>("sequence").ok()?.cast_unsigned(),
        attempts: u32::try_from(row.try_get::<_, i32>("attempts").ok()?).ok()?,
        next_at: moment("next_at")?,
        since: moment("since")?,
        problem: row.try_get("problem").ok()?,
        standing: if dead { Standing::Dead } else { Standing::Waiting },
    })
}

/// How far each endpoint was told, with its letters that wait and those that are dead.
pub type Endpoints = Vec<(String, i64, u32, u32)>;

/// All endpoints: for whoever lists them. How far is how many durable records they were not told.
///
/// # Errors
/// The database.
pub async fn endpoints(client: &Plain, at: &Whereabouts) -> Result<Endpoints, DatabaseTrouble> {
    let sql = "SELECT e.name, (SELECT count(*) FROM holdfast.record r WHERE r.transaction >= e.upto::text::xid8) AS behind,
            count(l.id) FILTER (WHERE NOT l.dead) AS waiting, count(l.id) FILTER (WHERE l.dead) AS dead
        FROM holdfast.webhook_endpoint e LEFT JOIN holdfast.webhook_letter l ON l.endpoint = e.name
        GROUP BY e.name, e.upto ORDER BY e.name";
    let said = |error: tokio_postgres::Error| DatabaseTrouble::of(&error, at);
    let rows = within(ANSWER_MAX, at, async { client.query(sql, &[]).await.map_err(said) }).await?;
    let read = |row: &Row| {
        let count = |column: &str| row.try_get::<_, i64>(column).ok().and_then(|count| u32::try_from(count).ok());
        Some((row.try_get("name").ok()?, row.try_get("behind").ok()?, count("waiting")?, count("dead")?))
    };
    rows.iter().map(|row| read(row).ok_or_else(|| DatabaseTrouble::Damaged("webhook_endpoint", at.clone()))).collect()
}

/// Every letter, the oldest first.
///
/// # Errors
/// The database.
pub async fn letters(client: &Plain, at: &Whereabouts) -> Result<Vec<Letter>, DatabaseTrouble> {
    let said = |error: tokio_postgres::Error| DatabaseTrouble::of(&error, at);
    let sql = format!("{LETTER} ORDER BY id");
    read_letters(&within(ANSWER_MAX, at, async { client.query(&sql, &[]).await.map_err(said) }).await?, at)
}

/// A letter is due at once, with all its attempts before it.
///
/// # Errors
/// The database.
pub async fn retry(client: &Plain, at: &Whereabouts, id: i64) -> Result<Retried, DatabaseTrouble> {
    let said = |error: tokio_postgres::Error| DatabaseTrouble::of(&error, at);
    let sql = "WITH retried AS (
            UPDATE holdfast.webhook_letter SET dead = false, attempts = 0, next_at = $2 WHERE id = $1 RETURNING endpoint, sequence
        ) SELECT (SELECT min(first.id) FROM holdfast.webhook_letter first WHERE first.endpoint = retried.endpoint
            AND first.sequence = retried.sequence AND NOT first.dead AND first.id < $1) FROM retried";
    let asked_for = At(Letter::ASKED_FOR);
    let row = within(ANSWER_MAX, at, async { client.query_opt(sql, &[&id, &asked_for]).await.map_err(said) }).await?;
    let Some(row) = row else { return Ok(Retried::Unknown) };
    let first: Option<i64> = row.try_get(0).map_err(said)?;
    Ok(first.map_or(Retried::Due, Retried::Behind))
}

/// An endpoint's records from one id to another are sent once more.
///
/// # Errors
/// The database.
pub async fn ask_for_replay(
    client: &Plain,
    at: &Whereabouts,
    endpoint: &str,
    (next, last): (i64, i64),
) -> Result<(), DatabaseTrouble> {
    let said = |error: tokio_postgres::Error| DatabaseTrouble::of(&error, at);
    let sql = "INSERT INTO holdfast.webhook_replay (endpoint, next, last) VALUES ($1, $2, $3)";
    within(ANSWER_MAX, at, async { client.execute(sql, &[&endpoint, &next, &last]).await.map_err(said) }).await.map(drop)
}
