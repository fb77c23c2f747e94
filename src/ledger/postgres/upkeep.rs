//! What one responder does for all: releases holds whose time has come.

use std::collections::BTreeMap;
use std::time::Duration;

use holdfast_core::{ProgramId, Timestamp};

use super::office::Office;
use super::trouble::Trouble;
use super::values::{At, named};
use crate::clock;
use crate::ledger::Readiness;

/// How often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many holds are looked for at once.
const LOOK_MAX: i64 = 512;

/// How many of them one transaction releases: their accounts wait for it.
const RELEASE_MAX: usize = 16;

/// Does it, for ever.
pub async fn keep_up(office: &Office) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if office.common.readiness() != Readiness::Ready {
            continue;
        }
        if let Err(trouble) = keep_up_once(office).await {
            office.report(&trouble);
        }
    }
}

async fn keep_up_once(office: &Office) -> Result<(), Trouble> {
    let (client, at) = (office.connection().await?, &office.performing.at);
    office.node.say_that_it_runs(&client, at).await?;
    office.performing.compare_clocks(&client).await?;
    let leased = office.node.has_lease(&client, at).await?;
    drop(client);
    if leased {
        release_what_is_due(office, clock::utc()).await?;
    }
    Ok(())
}

/// Releases every hold whose time has come.
///
/// # Errors
/// The database.
pub async fn release_what_is_due(office: &Office, now: Timestamp) -> Result<(), Trouble> {
    let sql = "SELECT number, program FROM holdfast.hold WHERE status = 'open' AND expires_at <= $1 ORDER BY expires_at LIMIT $2";
    loop {
        let mut client = office.connection().await?;
        let said = |error: tokio_postgres::Error| Trouble::of(&error, &office.performing.at);
        let statement = client.prepare_cached(sql).await.map_err(said)?;
        let rows = client.query(&statement, &[&At(now), &LOOK_MAX]).await.map_err(said)?;
        let mut due: BTreeMap<ProgramId, Vec<i64>> = BTreeMap::new();
        for row in &rows {
            if let (Some(program), Ok(number)) = (named(row, "program"), row.try_get("number")) {
                due.entry(program).or_default().push(number);
            }
        }
        let mut released = 0_usize;
        for (program, numbers) in &due {
            for some in numbers.chunks(RELEASE_MAX) {
                let records = office.performing.expire(&mut client, *program, some, now).await?;
                released = released.saturating_add(usize::try_from(records).unwrap_or(0));
            }
        }
        if released > 0 {
            office.observer.expired(released);
        }
        if released == 0 || i64::try_from(rows.len()).unwrap_or(0) < LOOK_MAX {
            return Ok(());
        }
    }
}
