//! What callers of payment doors wrote, in the database's table of it: kept in the transaction that decides, read without a lock.

use deadpool_postgres::Client;
use holdfast_adapters::payment::Wanted;
use holdfast_core::{AuthorizationId, CardToken, MerchantId, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::numbers::Numbers;
use super::save::Saving;
use super::trouble::{Trouble, Whereabouts};
use super::values::{At, named};
use crate::clock;
use crate::journal::slips::{Bounds, Numbered};
use crate::journal::waits::ENDED_MAX;
use crate::journal::{Erase, SLIPS_LOOKED_AT_MAX, Slip, SlipsFound, SlipsWanted, Waiting, Which};
use crate::ledger::Answer;
use crate::seal::{Form, Sealed};

/// The kind of the signals that tell of payments that wait.
const WAITING: &str = "PAYMENT_AUTH";

const COLUMNS: &str = "number, program, platform, payment, kind, merchant, source, at, form, body, lasting, waits";

/// Keeps one under a number.
///
/// # Errors
/// The database.
pub async fn keep(saving: &Saving<'_>, slip: &Slip, number: i64) -> Result<(), Trouble> {
    let sql = "INSERT INTO holdfast.slip (number, program, platform, payment, kind, merchant, source, at, form, body, lasting)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (program, platform, payment) DO UPDATE SET kind = $5, merchant = $6, source = $7, at = $8, form = $9, body = $10,
            lasting = $11, waits = false";
    let (kind, form) = (i16::from(slip.kind), form_of(slip));
    let body = slip.body.as_ref().map(|sealed| sealed.bytes.as_slice());
    let values: [&(dyn ToSql + Sync); 11] = [
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
        &slip.lasting,
    ];
    saving.execute(sql, &values).await.map(drop)
}

fn form_of(slip: &Slip) -> i16 {
    let form = slip.body.as_ref().map_or(Form::Clear, |sealed| sealed.form);
    i16::try_from(form.number()).unwrap_or(i16::MAX)
}

/// Keeps one of a payment that is to be decided later, unless the payment has one. Finds the one that it has.
///
/// # Errors
/// The database.
pub async fn begin(client: &Client, at: &Whereabouts, slip: &Slip, number: i64) -> Result<Answer, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    // What is to be told of it comes with the row, or not at all.
    let sql = "WITH kept AS (
            INSERT INTO holdfast.slip (number, program, platform, payment, kind, merchant, source, at, form, body, lasting, waits)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, true) ON CONFLICT (program, platform, payment) DO NOTHING
            RETURNING number, program, at
        ) INSERT INTO holdfast.signal (number, program, at, kind, data) SELECT number, program, at, $12, $13 FROM kept";
    let (kind, form) = (i16::from(slip.kind), form_of(slip));
    let body = slip.body.as_ref().map(|sealed| sealed.bytes.as_slice());
    let told = Waiting::Begins.told(slip).to_string();
    let values: [&(dyn ToSql + Sync); 13] = [
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
        &slip.lasting,
        &WAITING,
        &told,
    ];
    let statement = client.prepare_cached(sql).await.map_err(said)?;
    client.execute(&statement, &values).await.map_err(said)?;
    let wanted = SlipsWanted { program: slip.program, platform: slip.platform, which: Which::Named(slip.payment) };
    find(client, at, &wanted).await
}

/// Notes some of the payments that were asked for until then and that nobody decided. Several responders may do so at once: each
/// payment is one's.
///
/// # Errors
/// The database.
pub async fn end_waits(
    client: &mut Client,
    at: &Whereabouts,
    numbers: &Numbers,
    asked_until: Timestamp,
) -> Result<Answer, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let transaction = client.transaction().await.map_err(said)?;
    let ending = format!(
        "UPDATE holdfast.slip SET waits = false WHERE number IN (SELECT number FROM holdfast.slip WHERE waits AND at <= $1
         ORDER BY at LIMIT {ENDED_MAX} FOR UPDATE SKIP LOCKED) RETURNING {COLUMNS}"
    );
    let rows = transaction.query(&ending, &[&At(asked_until)]).await.map_err(said)?;
    let sql = "INSERT INTO holdfast.signal (number, program, at, kind, data) VALUES ($1, $2, $3, $4, $5)";
    let now = clock::utc();
    for row in &rows {
        let (_, slip) = read_sound(row, at)?;
        let (told, happened) = (Waiting::InVain.told(&slip).to_string(), At(Waiting::InVain.at(slip.at)));
        let number = numbers.take(1, now);
        transaction.execute(sql, &[&number, &slip.program.as_str(), &happened, &WAITING, &told]).await.map_err(said)?;
    }
    transaction.commit().await.map_err(said)?;
    Ok(Answer::WaitsEnded(u64::try_from(rows.len()).unwrap_or(u64::MAX)))
}

/// Those that are wanted, the newest first.
///
/// # Errors
/// The database.
pub async fn find(client: &Client, at: &Whereabouts, wanted: &SlipsWanted) -> Result<Answer, Trouble> {
    let (program, platform) = (wanted.program.as_str(), wanted.platform.as_str());
    match wanted.which {
        Which::Named(payment) => {
            let sql = format!("SELECT {COLUMNS} FROM holdfast.slip WHERE program = $1 AND platform = $2 AND payment = $3");
            let rows = query(client, at, &sql, &[&program, &platform, &payment.as_str()]).await?;
            let slips = rows.iter().map(|row| read_sound(row, at)).collect::<Result<_, _>>()?;
            Ok(Answer::Slips(SlipsFound { slips, looked_to: None }))
        }
        Which::Page(page) => find_page(client, at, (program, platform), &page).await,
    }
}

async fn find_page(
    client: &Client,
    at: &Whereabouts,
    (program, platform): (&str, &str),
    page: &Wanted,
) -> Result<Answer, Trouble> {
    let sql = format!(
        "SELECT {COLUMNS}, ($5::text IS NULL OR merchant = $5) AND ($6::text IS NULL OR source = $6)
         AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at <= $8) AS wanted
         FROM holdfast.slip WHERE program = $1 AND platform = $2 AND kind = $3 AND number < $4
         ORDER BY number DESC LIMIT {SLIPS_LOOKED_AT_MAX}"
    );
    let Bounds { before, merchant, source, .. } = Bounds::of(page);
    let (kind, since, until) = (i16::from(page.kind), page.since.map(At), page.until.map(At));
    let rows = query(client, at, &sql, &[&program, &platform, &kind, &before, &merchant, &source, &since, &until]).await?;
    let (mut found, mut looked_at) = (SlipsFound::default(), 0_u32);
    for row in &rows {
        let damaged = || Trouble::Damaged("slip", at.clone());
        looked_at = looked_at.saturating_add(1);
        if row.try_get("wanted").map_err(|_| damaged())? {
            found.slips.push(read_sound(row, at)?);
        }
        if found.is_full(page) || looked_at >= SLIPS_LOOKED_AT_MAX {
            found.looked_to = Some(row.try_get("number").map_err(|_| damaged())?);
            break;
        }
    }
    Ok(Answer::Slips(found))
}

fn read_sound(row: &Row, at: &Whereabouts) -> Result<Numbered, Trouble> {
    read(row).ok_or_else(|| Trouble::Damaged("slip", at.clone()))
}

/// Erases texts.
///
/// # Errors
/// The database.
pub async fn erase(client: &Client, at: &Whereabouts, which: &Erase) -> Result<Answer, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let sql =
        "UPDATE holdfast.slip SET body = NULL WHERE program = $1 AND body IS NOT NULL AND ($2::text IS NULL OR payment = $2)
        AND ($3::text IS NULL OR source = $3) AND ($4::timestamptz IS NULL OR at < $4) AND ($5::text IS NULL OR merchant = $5)";
    let payment = which.payment.as_ref().map(AuthorizationId::as_str);
    let source = which.source.as_ref().map(CardToken::as_str);
    let statement = client.prepare_cached(sql).await.map_err(said)?;
    let merchant = which.merchant.as_ref().map(MerchantId::as_str);
    let values: [&(dyn ToSql + Sync); 5] = [&which.program.as_str(), &payment, &source, &which.before.map(At), &merchant];
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
        lasting: row.try_get("lasting").ok()?,
        waits: row.try_get("waits").ok()?,
    };
    Some((row.try_get("number").ok()?, slip))
}
