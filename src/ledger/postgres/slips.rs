//! What callers of payment doors wrote, in the database's table of it: kept in the transaction that decides, read without a lock.

use deadpool_postgres::Client;
use holdfast_core::{AuthorizationId, CardToken};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::save::Saving;
use super::trouble::{Trouble, Whereabouts};
use super::values::{At, named};
use crate::journal::slips::{Bounds, Numbered};
use crate::journal::{Erase, Slip, SlipsWanted, Which};
use crate::ledger::Answer;
use crate::seal::{Form, Sealed};

const COLUMNS: &str = "number, program, platform, payment, kind, merchant, source, at, form, body";

/// Keeps one under a number.
///
/// # Errors
/// The database.
pub async fn keep(saving: &Saving<'_>, slip: &Slip, number: i64) -> Result<(), Trouble> {
    let sql = "INSERT INTO holdfast.slip (number, program, platform, payment, kind, merchant, source, at, form, body)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (program, platform, payment) DO UPDATE SET kind = $5, merchant = $6, source = $7, at = $8, form = $9, body = $10";
    let (kind, form) = (i16::from(slip.kind), form_of(slip));
    let body = slip.body.as_ref().map(|sealed| sealed.bytes.as_slice());
    let values: [&(dyn ToSql + Sync); 10] = [
        &number,
        &slip.program.as_str(),
        &slip.platform.as_str(),
        &slip.payment.as_str(),
        &kind,
        &slip.merchant.as_str(),
        &slip.source.as_str(),
        &At(slip.at),
        &form,
        &body,
    ];
    saving.execute(sql, &values).await.map(drop)
}

fn form_of(slip: &Slip) -> i16 {
    let form = slip.body.as_ref().map_or(Form::Clear, |sealed| sealed.form);
    i16::try_from(form.number()).unwrap_or(i16::MAX)
}

/// Those that are wanted, the newest first.
///
/// # Errors
/// The database.
pub async fn find(client: &Client, at: &Whereabouts, wanted: &SlipsWanted) -> Result<Answer, Trouble> {
    let (program, platform) = (wanted.program.as_str(), wanted.platform.as_str());
    let rows = match wanted.which {
        Which::Named(payment) => {
            let sql = format!("SELECT {COLUMNS} FROM holdfast.slip WHERE program = $1 AND platform = $2 AND payment = $3");
            query(client, at, &sql, &[&program, &platform, &payment.as_str()]).await?
        }
        Which::Page(page) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM holdfast.slip WHERE program = $1 AND platform = $2 AND kind = $3 AND number < $4
                 AND ($5::text IS NULL OR merchant = $5) AND ($6::text IS NULL OR source = $6)
                 AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at <= $8)
                 ORDER BY number DESC LIMIT $9"
            );
            let Bounds { before, merchant, source, .. } = Bounds::of(&page);
            let (kind, most) = (i16::from(page.kind), i64::from(page.most));
            let (since, until) = (page.since.map(At), page.until.map(At));
            query(client, at, &sql, &[&program, &platform, &kind, &before, &merchant, &source, &since, &until, &most]).await?
        }
    };
    let read = |row: &Row| read(row).ok_or_else(|| Trouble::Damaged("slip", at.clone()));
    rows.iter().map(read).collect::<Result<_, _>>().map(Answer::Slips)
}

/// Erases texts.
///
/// # Errors
/// The database.
pub async fn erase(client: &Client, at: &Whereabouts, which: &Erase) -> Result<Answer, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let sql =
        "UPDATE holdfast.slip SET body = NULL WHERE program = $1 AND body IS NOT NULL AND ($2::text IS NULL OR payment = $2)
        AND ($3::text IS NULL OR source = $3) AND ($4::timestamptz IS NULL OR at < $4)";
    let payment = which.payment.as_ref().map(AuthorizationId::as_str);
    let source = which.source.as_ref().map(CardToken::as_str);
    let statement = client.prepare_cached(sql).await.map_err(said)?;
    let values: [&(dyn ToSql + Sync); 4] = [&which.program.as_str(), &payment, &source, &which.before.map(At)];
    client.execute(&statement, &values).await.map(Answer::Erased).map_err(said)
}

async fn query(client: &Client, at: &Whereabouts, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let statement = client.prepare_cached(sql).await.map_err(said)?;
    client.query(&statement, values).await.map_err(said)
}

fn read(row: &Row) -> Option<Numbered> {
    let At(at) = row.try_get("at").ok()?;
    let form = Form::of_number(i64::from(row.try_get::<_, i16>("form").ok()?));
    let body: Option<Vec<u8>> = row.try_get("body").ok()?;
    let slip = Slip {
        program: named(row, "program")?,
        platform: named(row, "platform")?,
        payment: named(row, "payment")?,
        kind: u8::try_from(row.try_get::<_, i16>("kind").ok()?).ok()?,
        merchant: named(row, "merchant")?,
        source: named(row, "source")?,
        at,
        body: body.map(|bytes| Sealed { bytes, form }),
    };
    Some((row.try_get("number").ok()?, slip))
}
