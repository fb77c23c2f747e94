//! What people said to intents of agent spend, made signals: each review once, whichever responder looks.

use deadpool_postgres::Client;
use holdfast_core::ProgramId;
use tokio_postgres::Row;

use super::super::event::EventKind;
use super::Desk;
use crate::agent::registry::Programs;
use crate::agent::store::postgres::read::environment_of;
use crate::agent::store::sqlite::reviews::Review;
use crate::ledger::postgres::connect::{ANSWER_MAX, within};
use crate::ledger::postgres::trouble::Trouble;
use crate::ledger::postgres::values::At;

/// So many deeds are looked at at once.
const PORTION: i64 = 1_000;

/// Nothing is told that was before.
pub(super) const ENTER: &str = "INSERT INTO holdfast.webhook_place (what, last)
    SELECT 'reviews', coalesce(max(number), 0) FROM holdfast.agent_deed ON CONFLICT (what) DO NOTHING";

const DEEDS: &str = "SELECT number, environment, at, organization, who, action, id, coalesce(after, '{}') AS body
    FROM holdfast.agent_deed WHERE number > (SELECT last FROM holdfast.webhook_place WHERE what = 'reviews')
    ORDER BY number LIMIT $1";

/// Makes signals of what was reviewed since the last time.
pub(super) async fn follow(desk: &Desk, client: &Client, programs: &Programs) -> Result<(), Trouble> {
    loop {
        let rows = desk.query(client, DEEDS, &[&PORTION]).await?;
        let deeds = rows.iter().map(|row| read(row).ok_or_else(|| desk.damaged("agent_deed")));
        let deeds = deeds.collect::<Result<Vec<_>, _>>()?;
        let Some(last) = deeds.last().map(|deed| deed.number) else { return Ok(()) };
        let reviews = deeds.iter().filter(|deed| deed.is_review());
        let of_programs = reviews.filter_map(|review| Some((programs.of(review.environment?)?, review)));
        let told: Vec<_> = of_programs.collect();
        keep(desk, client, last, &told).await?;
        if i64::try_from(deeds.len()).unwrap_or(i64::MAX) < PORTION {
            return Ok(());
        }
    }
}

/// Together with how far it was looked, and only if nobody else came there meanwhile.
async fn keep(desk: &Desk, client: &Client, last: i64, told: &[(ProgramId, &Review)]) -> Result<(), Trouble> {
    let (mut numbers, mut programs, mut ats, mut data) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (program, review) in told {
        numbers.push(review.number);
        programs.push(program.as_str().to_owned());
        ats.push(At(review.at));
        data.push(review.told(program).to_string());
    }
    // Reviews are counted from 1, by their place in the trail; what responders number is far above.
    let sql = "WITH moved AS (UPDATE holdfast.webhook_place SET last = $1 WHERE what = 'reviews' AND last < $1 RETURNING last)
        INSERT INTO holdfast.signal (number, program, at, kind, data)
        SELECT u.number, u.program, u.at, $6, u.data FROM moved,
            unnest($2::bigint[], $3::text[], $4::timestamptz[], $5::text[]) AS u (number, program, at, data)
        ON CONFLICT (number) DO NOTHING";
    let said = |error: tokio_postgres::Error| Trouble::of(&error, &desk.at);
    let kind = EventKind::IntentReviewed.name();
    let kept = async { client.execute(sql, &[&last, &numbers, &programs, &ats, &data, &kind]).await.map_err(said) };
    within(ANSWER_MAX, &desk.at, kept).await.map(drop)
}

fn read(row: &Row) -> Option<Review> {
    let At(at) = row.try_get("at").ok()?;
    Some(Review {
        number: row.try_get("number").ok()?,
        environment: environment_of(row.try_get("environment").ok()?),
        at,
        organization: row.try_get("organization").ok()?,
        who: row.try_get("who").ok()?,
        action: row.try_get("action").ok()?,
        intent: row.try_get("id").ok()?,
        body: row.try_get("body").ok()?,
    })
}
