//! [`Reads`] on the shared ledger's own tables: what is durable is in them, so that nothing is ever waited for.

mod movements;

use std::collections::BTreeMap;
use std::sync::Arc;

use deadpool_postgres::{Client, Pool, PoolError};
use holdfast_core::hold::{AccountStatus, CardStatus};
use holdfast_core::{AccountId, CardToken, Currency, Money, ProgramId, Timestamp};
use jiff::tz::TimeZone;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{
    AccountLine, AsOf, CardLine, HoldLine, Lines, MovementLine, Reading, Reads, SumLine, Unreadable, Wanted, Whose, is_confirmed,
};
use crate::agent::outside::IS_OUTSIDE_SQL;
use crate::api::page::Page;
use crate::clock;
use crate::ledger::postgres::Life;
use crate::ledger::postgres::connect::{ANSWER_MAX, Database, within};
use crate::ledger::postgres::trouble::{Trouble, Whereabouts};
use crate::ledger::postgres::values::{At, hold, named, named_or_none, word};
use crate::settlement_day::{Cutoff, TimeOfDay};

/// Lists need few connections of their own: payments must not wait for them.
const CONNECTIONS_MAX: usize = 2;

/// How many times the length of a page is looked at for those that are wanted.
const LOOKS_MAX: usize = 16;

/// The tables of a database.
#[derive(Debug, Clone)]
pub struct SharedReads {
    pool: Pool,
    at: Whereabouts,
    /// When each program's settlement days end.
    cutoffs: Arc<BTreeMap<ProgramId, Cutoff>>,
}

const CARD: &str = "SELECT c.number, c.token, c.status, a.name AS account, p.token AS cardholder FROM holdfast.card c
    LEFT JOIN holdfast.account a ON a.number = c.account LEFT JOIN holdfast.cardholder p ON p.number = c.cardholder";

const HOLD: &str = "SELECT h.number, h.platform, h.payment, a.name AS account, a.currency, c.token AS card, h.status, h.posting,
    h.authorized, h.held, h.ahead, h.captured, h.refunded, h.moved, h.tolerance, h.expires_at, h.opened_at, h.changed_at, h.life
    FROM holdfast.hold h JOIN holdfast.account a ON a.number = h.account LEFT JOIN holdfast.card c ON c.number = h.card";

impl SharedReads {
    /// Of a database, which need not be there yet.
    ///
    /// # Errors
    /// See [`Database::pool`].
    pub fn new(database: &Database, cutoffs: BTreeMap<ProgramId, Cutoff>) -> Result<Self, Trouble> {
        Ok(SharedReads { pool: database.pool(CONNECTIONS_MAX)?, at: database.whereabouts(), cutoffs: Arc::new(cutoffs) })
    }

    /// When a program's settlement days end.
    fn cutoff(&self, program: ProgramId) -> Cutoff {
        self.cutoffs.get(&program).cloned().unwrap_or_else(|| Cutoff::new(TimeZone::UTC, TimeOfDay::Midnight))
    }

    fn damaged(&self) -> Unreadable {
        Unreadable(format!("{} has something that this program does not write", self.at))
    }

    async fn connection(&self) -> Result<Client, Unreadable> {
        let connected = within(ANSWER_MAX, &self.at, async {
            let said = |error: PoolError| Trouble::Unreachable(error.to_string(), self.at.clone());
            self.pool.get().await.map_err(said)
        });
        connected.await.map_err(|trouble| Unreadable(trouble.to_string()))
    }

    async fn query(&self, client: &Client, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Unreadable> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, &self.at);
        let queried = within(ANSWER_MAX, &self.at, async {
            let statement = client.prepare_cached(sql).await.map_err(said)?;
            client.query(&statement, values).await.map_err(said)
        });
        queried.await.map_err(|trouble| Unreadable(trouble.to_string()))
    }

    fn read<T>(&self, rows: &[Row], read: impl Fn(&Row) -> Option<T>) -> Result<Vec<T>, Unreadable> {
        rows.iter().map(|row| read(row).ok_or_else(|| self.damaged())).collect()
    }

    async fn number_of(&self, client: &Client, table: &str, program: ProgramId, name: &str) -> Result<Option<i64>, Unreadable> {
        let column = if table == "card" { "token" } else { "name" };
        let sql = format!("SELECT number FROM holdfast.{table} WHERE program = $1 AND {column} = $2");
        let rows = self.query(client, &sql, &[&program.as_str(), &name]).await?;
        Ok(rows.first().and_then(|row| row.try_get("number").ok()))
    }
}

/// Everything that was durable when it was asked for is in it: as of now, in the count of microseconds.
fn as_of<T>(found: T) -> AsOf<T> {
    AsOf { record: clock::utc().unix_micros(), fresh: true, found }
}

/// The number of the last row, if there may be more behind it.
fn more_behind(rows: &[Row], page: Page) -> Option<i64> {
    let full = rows.len() >= usize::try_from(page.limit).unwrap_or(usize::MAX);
    rows.last().filter(|_| full).and_then(|row| row.try_get("number").ok())
}

impl Reads for SharedReads {
    fn accounts(&self, program: ProgramId, page: Page) -> Reading<'_, Lines<AccountLine>> {
        Box::pin(async move {
            let client = self.connection().await?;
            let sql = format!(
                "SELECT number, name, currency, status, posted, held, credit_line FROM holdfast.account
                WHERE program = $1 AND number > $2 AND NOT {IS_OUTSIDE_SQL} ORDER BY number LIMIT $3"
            );
            let (after, most) = (page.last.unwrap_or(-1), i64::from(page.limit));
            let rows = self.query(&client, &sql, &[&program.as_str(), &after, &most]).await?;
            Ok(as_of(Lines { lines: self.read(&rows, account_line)?, more_behind: more_behind(&rows, page) }))
        })
    }

    fn card(&self, program: ProgramId, card: CardToken) -> Reading<'_, Option<CardLine>> {
        Box::pin(async move {
            let client = self.connection().await?;
            let sql = format!("{CARD} WHERE c.program = $1 AND c.token = $2");
            let rows = self.query(&client, &sql, &[&program.as_str(), &card.as_str()]).await?;
            Ok(as_of(self.read(&rows, card_line)?.pop()))
        })
    }

    fn cards(&self, program: ProgramId, account: AccountId, page: Page) -> Reading<'_, Option<Lines<CardLine>>> {
        Box::pin(async move {
            let client = self.connection().await?;
            let Some(account) = self.number_of(&client, "account", program, account.as_str()).await? else {
                return Ok(as_of(None));
            };
            let sql = format!("{CARD} WHERE c.account = $1 AND c.number > $2 ORDER BY c.number LIMIT $3");
            let (after, most) = (page.last.unwrap_or(-1), i64::from(page.limit));
            let rows = self.query(&client, &sql, &[&account, &after, &most]).await?;
            Ok(as_of(Some(Lines { lines: self.read(&rows, card_line)?, more_behind: more_behind(&rows, page) })))
        })
    }

    fn hold(&self, program: ProgramId, number: i64) -> Reading<'_, Option<HoldLine>> {
        Box::pin(async move {
            let client = self.connection().await?;
            let sql = format!("{HOLD} WHERE h.number = $1 AND h.program = $2");
            let rows = self.query(&client, &sql, &[&number, &program.as_str()]).await?;
            let mut found = self.read(&rows, hold_line)?;
            self.add_who_changed(&**client, &mut found).await?;
            Ok(as_of(found.pop()))
        })
    }

    fn holds(&self, program: ProgramId, whose: Whose, wanted: Wanted, page: Page) -> Reading<'_, Option<Lines<HoldLine>>> {
        Box::pin(async move {
            let client = self.connection().await?;
            let Some(mut lines) = self.page_of_holds(&client, program, whose, wanted, page).await? else {
                return Ok(as_of(None));
            };
            self.add_who_changed(&**client, &mut lines.lines).await?;
            Ok(as_of(Some(lines)))
        })
    }

    fn movements(
        &self,
        program: ProgramId,
        account: AccountId,
        since: Option<Timestamp>,
        page: Page,
    ) -> Reading<'_, Option<Lines<MovementLine>>> {
        Box::pin(self.page_of_movements(program, account, since, page))
    }

    fn sums(&self, program: ProgramId, days: (i32, i32)) -> Reading<'_, Vec<SumLine>> {
        Box::pin(self.sums_of_days(program, days))
    }
}

impl SharedReads {
    async fn page_of_holds(
        &self,
        client: &Client,
        program: ProgramId,
        whose: Whose,
        wanted: Wanted,
        page: Page,
    ) -> Result<Option<Lines<HoldLine>>, Unreadable> {
        let (number, of) = match whose {
            Whose::OpenOnes => (Some(0), "$1::bigint = 0 AND h.status = 'open'"),
            Whose::Account(account) => (self.number_of(client, "account", program, account.as_str()).await?, "h.account = $1"),
            Whose::Card(card) => (
                self.number_of(client, "card", program, card.as_str()).await?,
                "h.account IN (SELECT account FROM holdfast.card WHERE number = $1) AND h.card = $1",
            ),
        };
        let Some(number) = number else { return Ok(None) };
        let sql = format!(
            "{HOLD} WHERE {of} AND h.program = $6 AND h.number < $2 AND ($3::text IS NULL OR h.status = $3)
                 AND ($4::timestamptz IS NULL OR h.opened_at >= $4) ORDER BY h.number DESC LIMIT $5"
        );
        let (status, since) = (wanted.status.map(holdfast_core::hold::HoldStatus::name), wanted.since.map(At));
        let (mut before, mut lines) = (page.last.unwrap_or(i64::MAX), Vec::new());
        // Whether a hold is confirmed is in its steps, which the database cannot read: it is asked for more until the page
        // is full, or enough was looked at.
        for _ in 0..LOOKS_MAX {
            let rows =
                self.query(client, &sql, &[&number, &before, &status, &since, &i64::from(page.limit), &program.as_str()]).await?;
            let more = more_behind(&rows, page);
            for line in self.read(&rows, hold_line)? {
                if wanted.confirmed.is_none_or(|confirmed| line.confirmed == confirmed) {
                    before = line.number;
                    lines.push(line);
                }
                if lines.len() >= usize::try_from(page.limit).unwrap_or(usize::MAX) {
                    return Ok(Some(Lines { lines, more_behind: Some(before) }));
                }
            }
            match more {
                Some(last) => before = last,
                None => return Ok(Some(Lines { lines, more_behind: None })),
            }
        }
        Ok(Some(Lines { lines, more_behind: Some(before) }))
    }
}

fn account_line(row: &Row) -> Option<AccountLine> {
    let currency = word(row, "currency", Currency::from_alpha)?;
    Some(AccountLine {
        account: named(row, "name")?,
        status: word(row, "status", AccountStatus::from_name)?,
        posted: Money::from_minor(row.try_get("posted").ok()?, currency),
        held: row.try_get("held").ok()?,
        credit_line: row.try_get("credit_line").ok()?,
    })
}

fn card_line(row: &Row) -> Option<CardLine> {
    Some(CardLine {
        card: named(row, "token")?,
        account: named_or_none(row, "account")?,
        cardholder: named_or_none(row, "cardholder")?,
        status: word(row, "status", CardStatus::from_name)?,
    })
}

fn hold_line(row: &Row) -> Option<HoldLine> {
    let life: Life = postcard::from_bytes(row.try_get("life").ok()?).ok()?;
    Some(HoldLine {
        number: row.try_get("number").ok()?,
        platform: named_or_none(row, "platform")?,
        payment: named(row, "payment")?,
        account: named(row, "account")?,
        currency: word(row, "currency", Currency::from_alpha)?,
        card: named_or_none(row, "card")?,
        hold: hold(row)?,
        confirmed: is_confirmed(&life.steps),
        opened_at: row.try_get::<_, At>("opened_at").ok()?.0,
        changed_at: row.try_get::<_, At>("changed_at").ok()?.0,
        changed: None,
    })
}
