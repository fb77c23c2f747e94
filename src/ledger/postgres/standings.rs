//! Accounts and cards as operators see them: read in one statement, without a lock.

use deadpool_postgres::Client;
use holdfast_adapters::AccountBalance;
use holdfast_core::hold::{Account, AccountStatus, CardStatus, CardholderStatus};
use holdfast_core::{Currency, ProgramId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::trouble::{Trouble, Whereabouts};
use super::values::{At, Name, counted, named, named_or_none, word};
use crate::ledger::embedded::projection::read::CardStanding;
use crate::ledger::{AccountStanding, Answer, Noted, Whose};

/// Accounts that one page looks at: whoever lists them all must not hold a connection for long.
const LOOKED_AT_MAX: u32 = 1_024;

const COLUMNS: &str = "program, name, currency, status, posted, held, credit_line, holds_open, number";

/// The accounts that are meant.
///
/// # Errors
/// The database.
pub async fn balances(client: &Client, at: &Whereabouts, program: ProgramId, whose: &Whose) -> Result<Answer, Trouble> {
    let (which, name) = match whose {
        Whose::Account(account) => {
            ("number IN (SELECT number FROM holdfast.account WHERE program = $1 AND name = $2)", account.as_str())
        }
        Whose::Card(card) => ("number IN (SELECT account FROM holdfast.card WHERE program = $1 AND token = $2)", card.as_str()),
        Whose::Cardholder(cardholder) => (
            "number IN (SELECT o.account FROM holdfast.cardholder p JOIN holdfast.ownership o ON o.cardholder = p.number
             WHERE p.program = $1 AND p.token = $2 AND o.cards > 0)",
            cardholder.as_str(),
        ),
    };
    let sql = format!("SELECT {COLUMNS} FROM holdfast.account WHERE {which} ORDER BY number");
    let rows = query(client, at, &sql, &[&program.as_str(), &name]).await?;
    let mut found = standings(&rows, at)?;
    if let (Whose::Card(_), Some(first)) = (whose, found.first_mut()) {
        let sql = "SELECT p.token FROM holdfast.card c JOIN holdfast.cardholder p ON p.number = c.cardholder
            WHERE c.program = $1 AND c.token = $2";
        let owners = query(client, at, sql, &[&program.as_str(), &name]).await?;
        first.owner = owners.first().and_then(|row| named(row, "token"));
    }
    Ok(Answer::Balances(found))
}

/// A program's accounts among so many from that number on.
///
/// # Errors
/// The database.
pub async fn page(client: &Client, at: &Whereabouts, program: ProgramId, from: u32, most: u32) -> Result<Answer, Trouble> {
    let end = from.saturating_add(most.clamp(1, LOOKED_AT_MAX));
    let (from, to) = (i64::from(from), i64::from(end));
    let sql =
        format!("SELECT {COLUMNS} FROM holdfast.account WHERE number >= $1 AND number < $2 AND program = $3 ORDER BY number");
    let rows = query(client, at, &sql, &[&from, &to, &program.as_str()]).await?;
    let more = query(client, at, "SELECT 1 FROM holdfast.account WHERE number >= $1 LIMIT 1", &[&to]).await?;
    Ok(Answer::Accounts { standings: standings(&rows, at)?, next: (!more.is_empty()).then_some(end) })
}

/// A program's cards behind that number, with all that can bar them.
///
/// # Errors
/// The database.
pub async fn card_standings(
    client: &tokio_postgres::Client,
    at: &Whereabouts,
    program: ProgramId,
    after: Option<u32>,
    most: u32,
) -> Result<Vec<CardStanding>, Trouble> {
    let sql = "SELECT c.number, c.token, c.status, p.token AS owner, p.status AS owner_status, a.name, a.status AS account_status
        FROM holdfast.card c LEFT JOIN holdfast.cardholder p ON p.number = c.cardholder
        LEFT JOIN holdfast.account a ON a.number = c.account
        WHERE c.program = $1 AND c.number > $2 ORDER BY c.number LIMIT $3";
    let (after, most) = (after.map_or(-1, i64::from), i64::from(most));
    let rows = client.query(sql, &[&program.as_str(), &after, &most]).await.map_err(|error| Trouble::of(&error, at))?;
    rows.iter().map(|row| card_standing(row).ok_or_else(|| Trouble::Damaged("card", at.clone()))).collect()
}

fn card_standing(row: &Row) -> Option<CardStanding> {
    let status_or_none = |column| row.try_get::<_, Option<&str>>(column).ok();
    let owner_status = match status_or_none("owner_status")? {
        Some(name) => Some(CardholderStatus::from_name(name)?),
        None => None,
    };
    let account = match status_or_none("account_status")? {
        Some(name) => Some((named(row, "name")?, AccountStatus::from_name(name)?)),
        None => None,
    };
    Some(CardStanding {
        number: counted(row, "number")?,
        card: named(row, "token")?,
        status: word(row, "status", CardStatus::from_name)?,
        cardholder: named_or_none(row, "owner")?.map(|owner| (owner, owner_status)),
        account,
    })
}

/// Whether the operation of that id was noted.
///
/// # Errors
/// The database.
pub async fn was_noted(client: &Client, at: &Whereabouts, id: [u8; 16]) -> Result<Answer, Trouble> {
    let rows = query(client, at, "SELECT at FROM holdfast.operation WHERE id = $1", &[&Name(id)]).await?;
    let noted = rows.first().map(|row| row.try_get::<_, At>("at").map_err(|error| Trouble::of(&error, at))).transpose()?;
    Ok(Answer::Noted(noted.map_or(Noted::New, |At(at)| Noted::Again(at))))
}

async fn query(client: &Client, at: &Whereabouts, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let statement = client.prepare_cached(sql).await.map_err(said)?;
    client.query(&statement, values).await.map_err(said)
}

fn standings(rows: &[Row], at: &Whereabouts) -> Result<Vec<AccountStanding>, Trouble> {
    rows.iter().map(|row| standing(row).ok_or_else(|| Trouble::Damaged("account", at.clone()))).collect()
}

fn standing(row: &Row) -> Option<AccountStanding> {
    let account = Account {
        currency: word(row, "currency", Currency::from_alpha)?,
        status: word(row, "status", AccountStatus::from_name)?,
        posted: row.try_get("posted").ok()?,
        held: row.try_get("held").ok()?,
        credit_line: row.try_get("credit_line").ok()?,
    };
    let balance = AccountBalance {
        account: named(row, "name")?,
        posted: account.money(account.posted),
        held: account.money(account.held),
        available: account.money(account.available()),
        usable: account.status.bar().is_none(),
    };
    Some(AccountStanding {
        program: named(row, "program")?,
        balance,
        credit_line: account.money(account.credit_line),
        status: account.status,
        holds_open: counted(row, "holds_open")?,
        owner: None,
    })
}
