//! Hears of rulesets that other responders publish: the database notifies, and a poll stands behind that for whatever it did
//! not tell. Says only that there is something new.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_postgres::AsyncMessage;

use super::connect::{ANSWER_MAX, within};
use super::office::{Office, WAIT_MIN, longer};
use super::trouble::Trouble;

/// How often the database is asked, if it says nothing.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// Listens, for ever: tells the number of the last publication whenever it changes.
pub async fn listen(office: &Office, publish: &watch::Sender<i64>) {
    let (mut wait, mut told) = (WAIT_MIN, None);
    loop {
        let began = publish.borrow().to_owned();
        if let Err(trouble) = listen_once(office, publish, &mut told).await {
            // When the database is away, the lanes say so; a right that is missing here may be in nobody else's way.
            if trouble.waits_for_people() && told.as_ref() != Some(&trouble) {
                office.observer.say(&format!("which rules and tables others publish is not known here: {trouble}"));
                told = Some(trouble);
            }
        }
        wait = if *publish.borrow() == began { longer(wait).await } else { WAIT_MIN };
    }
}

/// Listens until something is in the way; what was told of that is forgotten once it is not.
async fn listen_once(office: &Office, publish: &watch::Sender<i64>, told: &mut Option<Trouble>) -> Result<(), Trouble> {
    let at = office.database.whereabouts();
    let bell = Arc::new(Notify::new());
    let ring = Arc::clone(&bell);
    let hear = move |message| {
        if matches!(message, AsyncMessage::Notification(_)) {
            ring.notify_one();
        }
    };
    let (client, _driving) = office.database.open(hear).await?;
    let said = |error: tokio_postgres::Error| Trouble::of(&error, &at);
    let last = within(ANSWER_MAX, &at, async {
        client.batch_execute("LISTEN holdfast_ruleset").await.map_err(said)?;
        client.prepare("SELECT coalesce(max(number), 0) FROM holdfast.ruleset").await.map_err(said)
    });
    let last = last.await?;
    loop {
        let row = within(ANSWER_MAX, &at, async { client.query_one(&last, &[]).await.map_err(said) }).await?;
        let number: i64 = row.try_get(0).map_err(said)?;
        *told = None;
        publish.send_if_modified(|known| {
            let is_new = *known != number;
            *known = number;
            is_new
        });
        // Whichever comes first.
        let _ = tokio::time::timeout(POLL_EVERY, bell.notified()).await;
    }
}
