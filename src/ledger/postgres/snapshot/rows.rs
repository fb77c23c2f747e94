//! The snapshot's rows, written and read. What cannot be understood is left out: stand-in approves nothing on what it does not know.

use holdfast_core::hold::{Account, AccountStatus, Answered, CardStatus, CardholderStatus};
use holdfast_core::stand_in::Acquaintance;
use holdfast_core::{CardToken, CardholderToken, Currency, ProgramId, Timestamp};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row, params};

use super::file::ROWS_MAX;
use crate::journal::KeptRuleset;
use crate::ledger::embedded::state::Merchants;
use crate::ledger::postgres::fresh::AccountNow;
use crate::ledger::postgres::last_seen::{AccountSeen, CardSeen};

type CardRow = (ProgramId, CardToken, CardSeen);

pub(super) fn put_cards(connection: &Connection, cards: &[CardRow]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO card (program, token, account, status, cardholder, owner, since, used, merchants, others)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (program, token, card) in cards {
        let merchants: Vec<u8> = card.merchants.latest().flat_map(u32::to_be_bytes).collect();
        statement.execute(params![
            program.as_str(),
            token.as_str(),
            card.account,
            card.status.name(),
            card.cardholder.name(),
            card.owner.as_ref().map(CardholderToken::as_str),
            card.since.unix_micros(),
            card.used == Acquaintance::Known,
            merchants,
            card.merchants.others(),
        ])?;
    }
    Ok(())
}

pub(super) fn read_cards(connection: &Connection) -> rusqlite::Result<Vec<CardRow>> {
    let sql = "SELECT program, token, account, status, cardholder, owner, since, used, merchants, others FROM card
        ORDER BY number DESC LIMIT ?1";
    understood(connection, sql, |row| {
        let merchants: Vec<u8> = value(row, 8)?;
        let merchants = merchants.as_chunks().0.iter().map(|bytes| u32::from_be_bytes(*bytes));
        let owner: Option<String> = value(row, 5)?;
        let card = CardSeen {
            account: value(row, 2)?,
            status: CardStatus::from_name(&text(row, 3)?)?,
            cardholder: CardholderStatus::from_name(&text(row, 4)?)?,
            owner: owner.map(|owner| CardholderToken::new(&owner)).transpose().ok()?,
            since: Timestamp::from_unix_micros(value(row, 6)?),
            used: if value(row, 7)? { Acquaintance::Known } else { Acquaintance::New },
            merchants: Merchants::restored(merchants, value(row, 9)?),
        };
        Some((ProgramId::new(&text(row, 0)?).ok()?, CardToken::new(&text(row, 1)?).ok()?, card))
    })
}

pub(super) fn put_accounts(connection: &Connection, accounts: &[(i64, AccountSeen)]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO account (id, name, currency, status, posted, held, credit_line, changes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (number, AccountSeen { id, now: AccountNow { account, changes } }) in accounts {
        let Account { currency, posted, held, credit_line, status } = account;
        statement.execute(params![number, id.as_str(), currency.code(), status.name(), posted, held, credit_line, changes])?;
    }
    Ok(())
}

pub(super) fn read_accounts(connection: &Connection) -> rusqlite::Result<Vec<(i64, AccountSeen)>> {
    let sql = "SELECT id, name, currency, status, posted, held, credit_line, changes FROM account ORDER BY number DESC LIMIT ?1";
    understood(connection, sql, |row| {
        let account = Account {
            currency: Currency::from_alpha(&text(row, 2)?)?,
            status: AccountStatus::from_name(&text(row, 3)?)?,
            posted: value(row, 4)?,
            held: value(row, 5)?,
            credit_line: value(row, 6)?,
        };
        let now = AccountNow { account, changes: value(row, 7)? };
        Some((value(row, 0)?, AccountSeen { id: text(row, 1)?.parse().ok()?, now }))
    })
}

pub(super) fn put_answered(connection: &Connection, keys: &[u64]) -> rusqlite::Result<()> {
    let keys: Vec<u8> = keys.iter().copied().flat_map(u64::to_be_bytes).collect();
    if keys.is_empty() {
        return Ok(());
    }
    // They get their time with the moment at which they are right.
    connection.prepare_cached("INSERT INTO answered (seen_at, keys) VALUES (0, ?1)")?.execute([keys]).map(drop)
}

pub(super) fn read_answered(connection: &Connection) -> rusqlite::Result<Vec<u64>> {
    let mut statement = connection.prepare("SELECT keys FROM answered ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().unwrap_or_default();
        keys.extend(bytes.as_chunks().0.iter().map(|bytes| u64::from_be_bytes(*bytes)));
    }
    Ok(keys)
}

pub(super) fn put_answers(connection: &Connection, answers: &[(u64, Answered)]) -> rusqlite::Result<()> {
    if answers.is_empty() {
        return Ok(());
    }
    let packed = postcard::to_allocvec(answers).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection.prepare_cached("INSERT INTO answer (seen_at, answers) VALUES (0, ?1)")?.execute([packed]).map(drop)
}

pub(super) fn read_answers(connection: &Connection) -> rusqlite::Result<Vec<(u64, Answered)>> {
    let mut statement = connection.prepare("SELECT answers FROM answer ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut answers = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().unwrap_or_default();
        answers.extend(postcard::from_bytes::<Vec<(u64, Answered)>>(bytes).unwrap_or_default());
    }
    Ok(answers)
}

pub(super) fn put_rulesets(connection: &Connection, rulesets: &[KeptRuleset]) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM ruleset", [])?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO ruleset (hash, kind, program, source, published_at, published_by, why)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for kept in rulesets {
        let KeptRuleset { kind, hash, program, source, published_at, published_by, why } = kept;
        let published_at = published_at.unix_micros();
        statement.execute(params![hash, kind.to_string(), program, source, published_at, published_by, why])?;
    }
    Ok(())
}

pub(super) fn read_rulesets(connection: &Connection) -> rusqlite::Result<Vec<KeptRuleset>> {
    let sql = "SELECT hash, kind, program, source, published_at, published_by, why FROM ruleset ORDER BY number LIMIT ?1";
    understood(connection, sql, |row| {
        Some(KeptRuleset {
            hash: value(row, 0)?,
            kind: text(row, 1)?.parse().ok()?,
            program: text(row, 2)?,
            source: text(row, 3)?,
            published_at: Timestamp::from_unix_micros(value(row, 4)?),
            published_by: text(row, 5)?,
            why: text(row, 6)?,
        })
    })
}

fn understood<T>(connection: &Connection, sql: &str, read: impl Fn(&Row<'_>) -> Option<T>) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([ROWS_MAX])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.extend(read(row));
    }
    Ok(all)
}

fn value<T: FromSql>(row: &Row<'_>, column: usize) -> Option<T> {
    row.get(column).ok()
}

fn text(row: &Row<'_>, column: usize) -> Option<String> {
    value(row, column)
}
