//! The same table behind a shared ledger: every responder keeps its own, from the records that its database has, whoever wrote them.
//! And what the table knows of what was said, for a process that begins.

use holdfast_adapters::{DecisionReference, Said, agent_spend};
use holdfast_core::agent::ReasonCode;
use rusqlite::types::Value;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, IsolationLevel, Row as Columns};

use super::follow::{CaughtUp, SaidBefore, row, said_of};
use super::{Earlier, Insight, InsightError, REQUEST, Row};
use crate::agent::registry::Registry;
use crate::journal::{Group, Record};
use crate::ledger::postgres::chaining::SINCE_SNAPSHOT;
use crate::ledger::postgres::connect::{ANSWER_MAX, within};
use crate::ledger::postgres::trouble::{Trouble, Whereabouts};

/// Every decision, and what was told without the ledger and adopted: only its body says how that was decided.
const ALL: &str = "SELECT id, body FROM holdfast.record WHERE (decision IS NOT NULL OR kind = 'adopted')";

/// Records that are read at once.
const PORTION: i32 = 2_000;

/// Records that a database had, and how far they reach if those were the last ones.
#[derive(Debug)]
pub struct Portion {
    records: Vec<(i64, Record)>,
    finished: Option<String>,
}

/// Reads what was decided since, in portions; `take` keeps each.
///
/// # Errors
/// The database, or what `take` says.
pub async fn read_since<E: From<Trouble>, T: Future<Output = Result<(), E>>>(
    client: &mut Client,
    at: &Whereabouts,
    since: Option<String>,
    mut take: impl FnMut(Portion) -> T,
) -> Result<(), E> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let building = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let begun = within(ANSWER_MAX, at, async {
        let transaction = building.start().await.map_err(said)?;
        let finished = transaction.query_one("SELECT pg_current_snapshot()::text", &[]).await.map_err(said)?;
        Ok((transaction, finished.try_get::<_, String>(0).map_err(said)?))
    });
    let (transaction, finished) = begun.await?;
    let portal = match &since {
        None => transaction.bind(ALL, &[]).await,
        Some(since) if *since == finished => return Ok(()),
        Some(since) => {
            let values: [&(dyn ToSql + Sync); 1] = [since];
            // Decisions of transactions that were not finished then.
            transaction.bind(&format!("{ALL} AND {SINCE_SNAPSHOT}"), &values).await
        }
    };
    let portal = portal.map_err(said)?;
    loop {
        let rows = within(ANSWER_MAX, at, async { transaction.query_portal(&portal, PORTION).await.map_err(said) }).await?;
        let last = rows.len() < usize::try_from(PORTION).unwrap_or(usize::MAX);
        let records = rows.iter().filter_map(record).collect();
        take(Portion { records, finished: last.then(|| finished.clone()) }).await?;
        if last {
            return Ok(());
        }
    }
}

/// What cannot be read is in no list.
fn record(columns: &Columns) -> Option<(i64, Record)> {
    let body: &[u8] = columns.try_get("body").ok()?;
    Some((columns.try_get("id").ok()?, Group::open(body).ok()?.next()?.ok()?))
}

impl Insight {
    /// Up to where a database was followed, in its own words.
    ///
    /// # Errors
    /// The disk.
    pub fn finished(&self) -> Result<Option<String>, InsightError> {
        self.done(self.connection.query_row("SELECT finished FROM followed", [], |row| row.get(0)))
    }

    /// Keeps a portion.
    ///
    /// # Errors
    /// The disk.
    pub fn take_portion(&mut self, portion: &Portion, registry: &Registry) -> Result<CaughtUp, InsightError> {
        let rows = portion.records.iter().filter_map(|(number, record)| row(*number, record, registry));
        let (replacing, mut rows): (Vec<_>, Vec<_>) = rows.partition(|row| row.earlier == Earlier::Replaced);
        for row in std::mem::take(&mut rows) {
            if !self.is_replaced(&row)? {
                rows.push(row);
            }
        }
        rows.extend(replacing);
        let finished = portion.finished.clone().map_or(Value::Null, Value::from);
        self.take(&rows, "UPDATE followed SET finished = coalesce(?1, finished)", finished)?;
        let said = portion.records.iter().filter_map(|(_, record)| said_of(record)).collect();
        Ok(CaughtUp { read: i64::try_from(portion.records.len()).unwrap_or(i64::MAX), said })
    }

    /// Whether what replaces a row is there before it: a database gives its records in no order.
    fn is_replaced(&self, row: &Row) -> Result<bool, InsightError> {
        let Some(request) = row.names.get(REQUEST).filter(|request| !request.is_empty()) else { return Ok(false) };
        let sql = "SELECT EXISTS (SELECT 1 FROM decided WHERE request = ?1 AND took IS NULL)";
        self.done(self.connection.prepare_cached(sql).and_then(|mut asked| asked.query_row([request], |found| found.get(0))))
    }

    /// What was said last at `/v1/authorize`, oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn said_last(&self, most: usize) -> Result<Vec<SaidBefore>, InsightError> {
        let sql =
            "SELECT request, reason, policy, binding, intent, processor, platform, approved FROM decided WHERE processor <> ''
             ORDER BY record DESC LIMIT ?1";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let read = || {
            let mut statement = self.connection.prepare(sql)?;
            let rows = statement.query_map([most], |row| {
                let text = |column| row.get::<_, String>(column);
                let said = said(&text(0)?, &text(1)?, &[text(2)?, text(3)?, text(4)?]);
                let (processor, platform, approved) = (text(5)?, text(6)?, row.get::<_, i64>(7)?);
                let of_platform = platform != agent_spend::NAME && approved > 0;
                let elsewhere = |reference: &DecisionReference| {
                    let processor = processor.parse().ok().filter(|_| of_platform)?;
                    agent_spend::payment_of(&processor, &reference.text())
                };
                Ok(said.map(|(reference, said)| SaidBefore {
                    reference,
                    said,
                    elsewhere: elsewhere(&reference),
                    earlier: Earlier::None,
                }))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut found: Vec<_> = self.done(read())?.into_iter().flatten().collect();
        found.reverse();
        Ok(found)
    }
}

fn said(request: &str, reason: &str, [policy, binding, intent]: &[String; 3]) -> Option<(DecisionReference, Said)> {
    let code = ReasonCode::named(reason)?;
    let said =
        Said { code, policy: policy.parse().ok(), binding: binding.parse().ok(), intent: intent.parse().ok(), stand_in: None };
    Some((DecisionReference::from_text(request)?, said))
}
