//! Hears of what other responders write: the database notifies, and a poll stands behind that for whatever it did not tell. It may hear
//! of this one's own rows, too.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;

use super::read;
use crate::agent::store::{Follow, Row};
use crate::ledger::postgres::connect::{ANSWER_MAX, Database, within};
use crate::ledger::postgres::trouble::Trouble;

/// How often the database is asked, if it says nothing.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// How long after a failure the database is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Rows that are read at once.
const PORTION: i64 = 1_000;

/// Follows, for ever, from behind that place.
pub(super) async fn follow(database: Database, follow: Arc<dyn Follow>, mut place: i64) {
    loop {
        // Whoever wants something of the store hears what is wrong; here it is only waited for.
        let _ = follow_once(&database, follow.as_ref(), &mut place).await;
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn follow_once(database: &Database, follow: &dyn Follow, place: &mut i64) -> Result<(), Trouble> {
    let at = database.whereabouts();
    let bell = Arc::new(Notify::new());
    let ring = Arc::clone(&bell);
    let hear = move |message| {
        if matches!(message, AsyncMessage::Notification(_)) {
            ring.notify_one();
        }
    };
    let (client, _driving) = database.open(hear).await?;
    let listening = async { client.batch_execute("LISTEN holdfast_agents").await.map_err(|error| Trouble::of(&error, &at)) };
    within(ANSWER_MAX, &at, listening).await?;
    loop {
        let found = within(ANSWER_MAX, &at, read::changed(&client, &at, *place, PORTION)).await?;
        let Some((last, _)) = found.last() else {
            // Whichever comes first.
            let _ = tokio::time::timeout(POLL_EVERY, bell.notified()).await;
            continue;
        };
        *place = *last;
        let rows: Vec<Row> = found.into_iter().map(|(_, row)| row).collect();
        follow.committed(&rows);
    }
}
