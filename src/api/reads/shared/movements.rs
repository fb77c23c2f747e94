//! Movements, their sums, and who changed a hold, from the shared ledger's journal: a record has what it moved in columns, and the rest in its
//! body. The day and the network of a movement are said by the same code as everywhere.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use holdfast_core::hold::MovementCause;
use holdfast_core::{AccountId, Currency, Money, NetworkName, ProgramId, Timestamp};
use tokio_postgres::types::ToSql;
use tokio_postgres::{GenericClient, IsolationLevel, Row};

use super::super::{AsOf, Done, HoldLine, Lines, MovementLine, SumLine, Unreadable};
use super::{SharedReads, as_of};
use crate::agent::outside::IS_OUTSIDE_SQL;
use crate::api::page::Page;
use crate::journal::{Body, Group, Record};
use crate::ledger::postgres::connect::{ANSWER_MAX, within};
use crate::ledger::postgres::trouble::Trouble;
use crate::ledger::postgres::values::{At, Name, word};
use crate::settlement::Cause;
use crate::settlement_day::{Cutoff, When, completed_on, is_debited_at_once, network_of};

/// How far from a day a record may lie that counts to it: platforms tell of a day's settlement within a few.
const RECORDED_WITHIN: Duration = Duration::from_secs(62 * 86_400);

/// Records that are summed at once.
const PORTION: i64 = 4_096;

/// How long all of them together may take.
const SUMS_TAKE_MAX: Duration = Duration::from_secs(30);

/// Columns of a record that moved something.
const COLUMNS: &str = "r.id, r.at, r.account_change, r.hold, r.posted, r.held, r.finding, r.body";

/// An account comes with its first movement; what is entered again later moves nothing.
const ENTERED: &str = "(r.kind = 'account_entered' AND r.account_change = 1)";

/// What was said of payments besides their movements, in its order.
const SAID_OF: &str = "SELECT r.hold, r.account_change, r.at, r.id, r.body FROM holdfast.record r
        WHERE r.hold = ANY($1) AND r.kind <> 'decided' AND r.hold IS NOT NULL
    UNION ALL SELECT r.hold, r.account_change, r.at, r.id, r.body FROM holdfast.hold h
        JOIN holdfast.record r ON r.at = h.opened_at AND r.hold = h.number AND r.kind = 'decided' WHERE h.number = ANY($1)
    ORDER BY account_change, at, id";

/// What a payment's records say of all of its movements.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    /// The first network that was told.
    network: Option<NetworkName>,
    /// The first day that a completion told.
    completed_on: Option<i32>,
    /// What an operator did last.
    operator: Option<[u8; 16]>,
}

/// A record that moved something, as far as it tells that itself.
struct Moved {
    id: i64,
    at: Timestamp,
    change: i64,
    hold: Option<i64>,
    posted: i64,
    held: i64,
    cause: Option<MovementCause>,
    finding: Option<String>,
    network: Option<NetworkName>,
    when: When,
    debited_at_once: bool,
    operator: Option<[u8; 16]>,
}

impl Moved {
    fn of(row: &Row) -> Option<Self> {
        let record = record(row)?;
        let At(at) = row.try_get("at").ok()?;
        // An entered account's money is in the body only.
        let (posted, cause) = if let Body::AccountEntered { balance, .. } = &record.body {
            (balance.minor(), Some(MovementCause::Funding))
        } else {
            (row.try_get("posted").ok()?, record.body.outcome().and_then(|outcome| outcome.cause))
        };
        Some(Moved {
            id: row.try_get("id").ok()?,
            at,
            change: row.try_get("account_change").ok()?,
            hold: row.try_get("hold").ok()?,
            posted,
            held: row.try_get("held").ok()?,
            cause,
            finding: row.try_get("finding").ok()?,
            network: network_of(&record),
            when: When::of(&record),
            debited_at_once: is_debited_at_once(&record),
            operator: record.operator,
        })
    }

    fn is_something(&self) -> bool {
        self.posted != 0 || self.held != 0
    }

    fn network(&self, said: &HashMap<i64, Said>) -> Option<NetworkName> {
        self.network.or_else(|| said.get(&self.hold?)?.network)
    }

    fn day(&self, said: &HashMap<i64, Said>, cutoff: &Cutoff) -> i32 {
        let completed = self.hold.filter(|_| self.debited_at_once).and_then(|hold| said.get(&hold)?.completed_on);
        completed.unwrap_or_else(|| self.when.day(cutoff))
    }
}

fn record(row: &Row) -> Option<Record> {
    Group::open(row.try_get("body").ok()?).ok()?.next()?.ok()
}

impl SharedReads {
    /// A page of an account's movements, with what was on it after each: all of one moment.
    pub(super) async fn page_of_movements(
        &self,
        program: ProgramId,
        account: AccountId,
        since: Option<Timestamp>,
        page: Page,
    ) -> Result<AsOf<Option<Lines<MovementLine>>>, Unreadable> {
        let mut client = self.connection().await?;
        let said = |error: tokio_postgres::Error| self.unreadable(&error);
        let building = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let transaction = building.start().await.map_err(said)?;
        let purse = "SELECT number, currency, posted, held FROM holdfast.account WHERE program = $1 AND name = $2";
        let rows = self.rows(&*transaction, purse, &[&program.as_str(), &account.as_str()]).await?;
        let Some(purse) = rows.first().map(|row| Purse::of(row).ok_or_else(|| self.damaged())).transpose()? else {
            return Ok(as_of(None));
        };
        let before = page.last.unwrap_or(i64::MAX);
        let later =
            "SELECT coalesce(sum(posted), 0)::bigint AS posted, coalesce(sum(held), 0)::bigint AS held FROM holdfast.record
            WHERE account = $1 AND account_change >= $2";
        let later = self.rows(&*transaction, later, &[&purse.number, &before]).await?;
        let later = |column: &str| later.first().and_then(|row| row.try_get::<_, i64>(column).ok()).unwrap_or(0);
        let sql = format!(
            "SELECT {COLUMNS} FROM holdfast.record r WHERE r.account = $1 AND r.account_change < $2
             AND (r.posted <> 0 OR r.held <> 0 OR {ENTERED}) ORDER BY r.account_change DESC, r.at DESC, r.id DESC LIMIT $3"
        );
        let rows = self.rows(&*transaction, &sql, &[&purse.number, &before, &i64::from(page.limit)]).await?;
        let moved = self.read(&rows, Moved::of)?;
        let full = rows.len() >= usize::try_from(page.limit).unwrap_or(usize::MAX);
        let last = moved.last().map(|moved| moved.change).filter(|_| full);
        let holds: Vec<i64> = moved.iter().filter_map(|moved| moved.hold).collect();
        let said = self.said_of(&*transaction, &holds).await?;
        let operators: Vec<_> = moved.iter().filter_map(|moved| moved.operator).collect();
        let done = self.done(&*transaction, &operators).await?;
        let (mut posted, mut held) = (purse.posted.saturating_sub(later("posted")), purse.held.saturating_sub(later("held")));
        let (cutoff, mut lines, mut over) = (self.cutoff(program), Vec::new(), false);
        for moved in moved {
            // The newest come first: behind one that is too old there are none.
            over = over || since.is_some_and(|since| moved.at < since);
            if over {
                break;
            }
            let money = |minor| Money::from_minor(minor, purse.currency);
            if moved.is_something() {
                lines.push(MovementLine {
                    record: moved.id,
                    at: moved.at,
                    hold: moved.hold,
                    posted: money(moved.posted),
                    held: money(moved.held),
                    posted_after: money(posted),
                    held_after: money(held),
                    cause: moved.cause,
                    network: moved.network(&said),
                    day: moved.day(&said, &cutoff),
                    finding: moved.finding.clone(),
                    done: moved.operator.and_then(|id| done.get(&id).cloned()),
                });
            }
            (posted, held) = (posted.saturating_sub(moved.posted), held.saturating_sub(moved.held));
        }
        Ok(as_of(Some(Lines { lines, more_behind: last.filter(|_| !over) })))
    }

    /// What was posted on some days, by network, currency and cause.
    pub(super) async fn sums_of_days(
        &self,
        program: ProgramId,
        (from, to): (i32, i32),
    ) -> Result<AsOf<Vec<SumLine>>, Unreadable> {
        let summed = within(SUMS_TAKE_MAX, &self.at, async { Ok(self.sum(program, (from, to)).await) });
        summed.await.map_err(|trouble| Unreadable(trouble.to_string()))?.map(as_of)
    }

    async fn sum(&self, program: ProgramId, (from, to): (i32, i32)) -> Result<Vec<SumLine>, Unreadable> {
        let cutoff = self.cutoff(program);
        let mut client = self.connection().await?;
        let building = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let transaction = building.start().await.map_err(|error| self.unreadable(&error))?;
        let sql = format!(
            "SELECT {COLUMNS}, a.currency FROM holdfast.record r JOIN holdfast.account a ON a.number = r.account
             WHERE r.program = $1 AND (r.posted <> 0 OR r.kind = 'account_entered') AND (r.posted <> 0 OR {ENTERED})
             AND NOT {IS_OUTSIDE_SQL} AND (r.at, r.id) > ($2, $3) AND r.at <= $4 ORDER BY r.at, r.id LIMIT $5"
        );
        let first = cutoff.end_of(from.saturating_sub(1)).saturating_sub(RECORDED_WITHIN);
        let last = At(cutoff.end_of(to).saturating_add(RECORDED_WITHIN));
        let (mut behind, mut sums) = ((At(first), 0_i64), BTreeMap::<_, (MovementCause, i128, u64)>::new());
        loop {
            let values: [&(dyn ToSql + Sync); 5] = [&program.as_str(), &behind.0, &behind.1, &last, &PORTION];
            let rows = self.rows(&*transaction, &sql, &values).await?;
            let currency = |row: &Row| word(row, "currency", Currency::from_alpha);
            let moved = self.read(&rows, |row| Some((Moved::of(row)?, currency(row)?)))?;
            let open = moved.iter().filter(|(moved, _)| moved.network.is_none() || moved.debited_at_once);
            let holds: Vec<i64> = open.filter_map(|(moved, _)| moved.hold).collect();
            let said = self.said_of(&*transaction, &holds).await?;
            for (moved, currency) in &moved {
                let day = moved.day(&said, &cutoff);
                let Some(cause) = moved.cause.filter(|_| (from..=to).contains(&day) && moved.posted != 0) else { continue };
                let key = (day, moved.network(&said), *currency, Cause::from(cause));
                let sum = sums.entry(key).or_insert((cause, 0, 0));
                *sum = (cause, sum.1.saturating_add(moved.posted.into()), sum.2.saturating_add(1));
            }
            match moved.last() {
                Some((last, _)) if i64::try_from(rows.len()).unwrap_or(i64::MAX) >= PORTION => behind = (At(last.at), last.id),
                Some(_) | None => break,
            }
        }
        let line = |((day, network, currency, _), (cause, minor, movements))| SumLine {
            day,
            network,
            cause,
            currency,
            minor,
            movements,
        };
        Ok(sums.into_iter().map(line).collect())
    }

    /// Writes down which operator changed holds last.
    pub(super) async fn add_who_changed(&self, client: &impl GenericClient, lines: &mut [HoldLine]) -> Result<(), Unreadable> {
        let holds: Vec<i64> = lines.iter().map(|line| line.number).collect();
        let said = self.said_of(client, &holds).await?;
        let operators: Vec<_> = said.values().filter_map(|said| said.operator).collect();
        let done = self.done(client, &operators).await?;
        for line in lines {
            line.changed = said.get(&line.number).and_then(|said| done.get(&said.operator?).cloned());
        }
        Ok(())
    }

    async fn said_of(&self, client: &impl GenericClient, holds: &[i64]) -> Result<HashMap<i64, Said>, Unreadable> {
        let mut all: HashMap<i64, Said> = HashMap::new();
        if holds.is_empty() {
            return Ok(all);
        }
        let rows = self.rows(client, SAID_OF, &[&holds]).await?;
        for (hold, record) in self.read(&rows, |row| Some((row.try_get::<_, i64>("hold").ok()?, record(row)?)))? {
            let said = all.entry(hold).or_default();
            said.network = said.network.or(network_of(&record));
            said.completed_on = said.completed_on.or(completed_on(&record));
            said.operator = record.operator.or(said.operator);
        }
        Ok(all)
    }

    /// What operators did, by the ids that records have.
    async fn done(&self, client: &impl GenericClient, ids: &[[u8; 16]]) -> Result<HashMap<[u8; 16], Done>, Unreadable> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let names: Vec<Name> = ids.iter().copied().map(Name).collect();
        let sql = "SELECT id, who, why FROM holdfast.operation WHERE id = ANY($1)";
        let rows = self.rows(client, sql, &[&names]).await?;
        let read = |row: &Row| {
            let Name(id) = row.try_get("id").ok()?;
            Some((id, Done { by: row.try_get("who").ok()?, why: row.try_get("why").ok()? }))
        };
        Ok(self.read(&rows, read)?.into_iter().collect())
    }

    async fn rows(&self, client: &impl GenericClient, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Unreadable> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, &self.at);
        let queried = within(ANSWER_MAX, &self.at, async { client.query(sql, values).await.map_err(said) });
        queried.await.map_err(|trouble| Unreadable(trouble.to_string()))
    }

    fn unreadable(&self, error: &tokio_postgres::Error) -> Unreadable {
        Unreadable(Trouble::of(error, &self.at).to_string())
    }
}

/// An account's money as it is now.
struct Purse {
    number: i64,
    currency: Currency,
    posted: i64,
    held: i64,
}

impl Purse {
    fn of(row: &Row) -> Option<Self> {
        Some(Purse {
            number: row.try_get("number").ok()?,
            currency: word(row, "currency", Currency::from_alpha)?,
            posted: row.try_get("posted").ok()?,
            held: row.try_get("held").ok()?,
        })
    }
}
