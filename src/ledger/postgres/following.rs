//! Keeps what this responder last saw right ([`super::last_seen`]): reads cards and accounts in pages at the start, and from then
//! on, twice a second, the rows of those that new records are about, and which keys were answered. A notification a payment would have all commits wait for
//! each other, so that nobody is notified. All of it is noted for a start without the database ([`super::snapshot`]). Nothing here
//! decides.

use std::collections::BTreeSet;
use std::time::Duration;

use holdfast_core::hold::{Account, AccountStatus, CardStatus, CardholderStatus};
use holdfast_core::stand_in::Acquaintance;
use holdfast_core::{Currency, PlatformName};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, GenericClient, IsolationLevel, Row, Transaction};

use super::chaining::SINCE_SNAPSHOT;
use super::connect::{ANSWER_MAX, within};
use super::fresh::AccountNow;
use super::last_seen::{AccountSeen, CardSeen, number_of};
use super::office::{Office, WAIT_MIN, longer};
use super::rows::{read_answered as read_answered_row, read_ruleset};
use super::snapshot::{Note, Snapshots};
use super::trouble::{Trouble, Whereabouts};
use super::values::{At, Name, merchants, named, named_or_none, word};
use crate::clock;
use crate::journal::Group;
use crate::ledger::embedded::state::Fingerprint;

/// How often new records are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// And how long after the end of the one before at the latest.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(1);

/// Rows that are read at once.
const PAGE: i64 = 2_048;

/// If more changed than so much, everything is read anew.
const CHANGES_MAX: i64 = 50_000;

/// How long looking for them may take.
const CHANGES_TAKE_MAX: Duration = Duration::from_secs(20);

/// Cards, with their owners' status.
const CARDS: &str = "SELECT c.number, c.program, c.token, c.account, c.status, c.known_since, c.used_since IS NOT NULL AS used,
    c.merchants, c.merchants_others,
    p.status AS owner, p.token AS owner_token FROM holdfast.card c LEFT JOIN holdfast.cardholder p ON p.number = c.cardholder";

const ACCOUNTS: &str = "SELECT number, name, currency, status, posted, held, credit_line, changes FROM holdfast.account";

/// Records of transactions that were not finished when it was last looked, behind [`SINCE_SNAPSHOT`]. Who owns cards is only in the body.
const CHANGED: &str = "SELECT DISTINCT account, card, CASE WHEN card IS NULL AND kind = 'told' THEN body END AS body,
    program, platform, CASE WHEN decision IS NOT NULL OR kind = 'adopted' THEN key END AS answered, kind
    FROM holdfast.record";

/// The latest keys that were answered before a moment: a page of them, newest first.
const ANSWERED: &str = "SELECT at, id, program, platform, key AS answered, kind FROM holdfast.record
    WHERE (decision IS NOT NULL OR kind = 'adopted') AND (at, id) < ($1, $2) AND at > $3 ORDER BY at DESC, id DESC LIMIT $4";

/// What was answered.
const ANSWERS: &str = "SELECT key, digest, asked_at, amount, currency, reason FROM holdfast.asked WHERE key = ANY($1)";

/// The rulesets and tables that were last published.
const RULESETS: &str = "SELECT DISTINCT ON (program, kind) hash, kind, program, source, published_at, published_by, why
    FROM holdfast.ruleset ORDER BY program, kind, number DESC";

/// How far back keys are read at the start: platforms ask again within minutes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(48 * 3600);

/// How often everything is read again because a snapshot could not be written, at most.
const ALL_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What the database had finished at some moment, in its own words.
type Finished = String;

/// Does it, for ever.
pub async fn follow(office: &Office) {
    let (mut wait, mut finished, mut said) = (WAIT_MIN, None, None);
    loop {
        let began = clock::instant();
        if let Err(trouble) = follow_on(office, &mut finished).await {
            // When the database is away, the lanes say so.
            if trouble.is_of_one_act() && said.as_ref() != Some(&trouble) {
                office.observer.say(&format!("what stand-in knows of cards and accounts is not kept up: {trouble}"));
                said = Some(trouble);
            }
        }
        let lasted = clock::instant().saturating_duration_since(began) > ANSWER_MAX;
        wait = longer(if lasted { WAIT_MIN } else { wait }).await;
    }
}

/// Follows until the connection ends; the next one goes on from what was finished.
async fn follow_on(office: &Office, finished: &mut Option<Finished>) -> Result<(), Trouble> {
    let at = &office.performing.at;
    let (mut client, _driving) = office.database.open(|_| {}).await?;
    let mut all_read_at = clock::instant();
    loop {
        let now = clock::utc();
        let long_ago = clock::instant().saturating_duration_since(all_read_at) >= ALL_AGAIN_AFTER;
        if long_ago && office.snapshots.as_ref().is_some_and(Snapshots::wants_all) {
            (*finished, all_read_at) = (None, clock::instant());
        }
        let look = office.last_seen().kept().begin_look();
        match finished {
            None => *finished = Some(read_all(office, &client).await?),
            Some(before) => match catch_up(office, &mut client, before).await? {
                Some(later) => *before = later,
                None => {
                    office.last_seen().kept().forget();
                    *finished = None;
                    continue;
                }
            },
        }
        office.last_seen().has_read(look, now, office.performing.key);
        office.note(Note::Right(now, office.performing.key));
        office.note(Note::Read(look));
        tokio::time::sleep(pause_after(clock::utc().saturating_since(now))).await;
        if client.is_closed() {
            return Err(Trouble::Unreachable("the connection is gone".to_owned(), at.clone()));
        }
    }
}

/// How long nobody looks after a look that took that long: whoever has a lot to read leaves the database more time for others, and whoever
/// was only held up, or the database with it, must not be behind for long because of that.
fn pause_after(took: Duration) -> Duration {
    took.saturating_mul(4).clamp(LOOK_EVERY, LOOK_EVERY_MAX)
}

/// Reads everything, as far as it fits; what was finished before.
async fn read_all(office: &Office, client: &Client) -> Result<Finished, Trouble> {
    let at = &office.performing.at;
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let finished = within(ANSWER_MAX, at, async {
        let row = client.query_one("SELECT pg_current_snapshot()::text", &[]).await.map_err(said)?;
        row.try_get(0).map_err(said)
    });
    let finished = finished.await?;
    office.last_seen().kept().begin_anew();
    office.note(Note::Anew);
    let accounts = format!("{ACCOUNTS} WHERE number > $1 ORDER BY number LIMIT $2");
    let cards = format!("{CARDS} WHERE c.number > $1 ORDER BY c.number LIMIT $2");
    let mut last = Some(-1_i64);
    while let Some(after) = last.filter(|_| !office.last_seen().kept().is_full_of_accounts()) {
        let rows = within(ANSWER_MAX, at, async { client.query(&accounts, &[&after, &PAGE]).await.map_err(said) }).await?;
        put_accounts(office, &rows);
        last = rows.last().and_then(|row| row.try_get("number").ok());
    }
    let mut last = Some(-1_i64);
    while let Some(after) = last.filter(|_| !office.last_seen().kept().is_full_of_cards()) {
        let rows = within(ANSWER_MAX, at, async { client.query(&cards, &[&after, &PAGE]).await.map_err(said) }).await?;
        put_cards(office, &rows);
        last = rows.last().and_then(|row| row.try_get("number").ok());
    }
    read_answered(office, client).await?;
    let rulesets = within(ANSWER_MAX, at, async { client.query(RULESETS, &[]).await.map_err(said) }).await?;
    note_rulesets(office, &rulesets);
    Ok(finished)
}

/// Reads which keys were answered of late, newest first, as far as they fit.
async fn read_answered(office: &Office, client: &Client) -> Result<(), Trouble> {
    let at = &office.performing.at;
    let now = clock::utc();
    let since = At(now.saturating_sub(ANSWERED_WITHIN));
    let mut before = Some((At(now.saturating_add(ANSWERED_WITHIN)), i64::MAX));
    while let Some((moment, id)) = before.filter(|_| !office.last_seen().kept().is_full_of_keys()) {
        let values: [&(dyn ToSql + Sync); 4] = [&moment, &id, &since, &PAGE];
        let page = async { client.query(ANSWERED, &values).await.map_err(|error| Trouble::of(&error, at)) };
        let rows = within(ANSWER_MAX, at, page).await?;
        let names = put_answered(office, &rows);
        if !office.last_seen().answers.is_full() {
            within(ANSWER_MAX, at, read_answers(office, client, &names)).await?;
        }
        before = rows.last().and_then(|row| Some((row.try_get("at").ok()?, row.try_get("id").ok()?)));
    }
    Ok(())
}

/// Puts the keys in that were answered; the names of those of which it is not known here what was.
fn put_answered(office: &Office, rows: &[Row]) -> Vec<Name> {
    let (key, last_seen) = (office.performing.key, office.last_seen());
    let (mut answered, mut known, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let platform: Option<PlatformName> = named(row, "platform");
        let Some((program, asked)) = named(row, "program").zip(named(row, "answered")) else { continue };
        let (number, name) =
            (number_of(key, &program, platform.as_ref(), &asked), key.asked(&program, platform.as_ref(), &asked));
        answered.push(number);
        // What a decision answered is put in as soon as it is made here. Whatever else answers may correct that.
        let is_decision = row.try_get("kind").is_ok_and(|kind: &str| kind == "decided");
        match last_seen.answers.of(number).filter(|_| is_decision) {
            Some(answer) => known.push((number, answer)),
            None => unknown.push(Name::from(name)),
        }
    }
    let mut kept = last_seen.kept();
    answered.iter().for_each(|number| kept.put_answered(*number));
    drop(kept);
    office.note(Note::Answered(answered));
    office.note(Note::Answers(known));
    unknown
}

/// Reads what was answered to keys.
async fn read_answers(office: &Office, client: &impl GenericClient, names: &[Name]) -> Result<(), Trouble> {
    for some in names.chunks(usize::try_from(PAGE).unwrap_or(1)) {
        let rows = client.query(ANSWERS, &[&some]).await.map_err(|error| Trouble::of(&error, &office.performing.at))?;
        let answers = rows.iter().filter_map(read_answered_row);
        let answers: Vec<_> = answers.map(|(Fingerprint([number, _]), answered)| (number, answered)).collect();
        answers.iter().for_each(|(number, answered)| office.last_seen().answers.put(*number, *answered));
        office.note(Note::Answers(answers));
    }
    Ok(())
}

/// What cannot be read is in force nowhere.
fn note_rulesets(office: &Office, rows: &[Row]) {
    office.note(Note::Rulesets(rows.iter().filter_map(read_ruleset).collect()));
}

/// Reads whatever changed, as of one moment; what is finished by then, or nothing if too much changed.
async fn catch_up(office: &Office, client: &mut Client, before: &Finished) -> Result<Option<Finished>, Trouble> {
    let at = &office.performing.at;
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    within(CHANGES_TAKE_MAX, at, async {
        let building = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let transaction = building.start().await.map_err(said)?;
        let row = transaction.query_one("SELECT pg_current_snapshot()::text", &[]).await.map_err(said)?;
        let finished: Finished = row.try_get(0).map_err(said)?;
        if finished == *before {
            return Ok(Some(finished));
        }
        let changed = format!("{CHANGED} WHERE {SINCE_SNAPSHOT} LIMIT $2");
        let rows = transaction.query(&changed, &[before, &CHANGES_MAX]).await.map_err(said)?;
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) >= CHANGES_MAX {
            return Ok(None);
        }
        read_changes(office, &transaction, &rows, at).await?;
        if office.snapshots.is_some() {
            note_rulesets(office, &transaction.query(RULESETS, &[]).await.map_err(said)?);
        }
        transaction.commit().await.map_err(said)?;
        Ok(Some(finished))
    })
    .await
}

/// Reads the rows that records are about.
async fn read_changes(office: &Office, transaction: &Transaction<'_>, records: &[Row], at: &Whereabouts) -> Result<(), Trouble> {
    let numbers = |column: &str| -> Vec<i64> {
        let all: BTreeSet<i64> = records.iter().filter_map(|row| row.try_get(column).ok().flatten()).collect();
        all.into_iter().collect()
    };
    read_answers(office, transaction, &put_answered(office, records)).await?;
    let owners: BTreeSet<i64> = records.iter().filter_map(owner_of).collect();
    let owners: Vec<i64> = owners.into_iter().collect();
    let (accounts, cards) = (numbers("account"), numbers("card"));
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    // Cards first: whoever sees what an account has left sees what its cards did for it.
    for some in cards.chunks(usize::try_from(PAGE).unwrap_or(1)) {
        let sql = format!("{CARDS} WHERE c.number = ANY($1)");
        put_cards(office, &transaction.query(&sql, &[&some]).await.map_err(said)?);
    }
    if !owners.is_empty() {
        let values: [&(dyn ToSql + Sync); 1] = [&owners];
        let sql = format!("{CARDS} WHERE c.cardholder = ANY($1)");
        put_cards(office, &transaction.query(&sql, &values).await.map_err(said)?);
    }
    for some in accounts.chunks(usize::try_from(PAGE).unwrap_or(1)) {
        let sql = format!("{ACCOUNTS} WHERE number = ANY($1)");
        put_accounts(office, &transaction.query(&sql, &[&some]).await.map_err(said)?);
    }
    Ok(())
}

/// The cardholder that a record's body is about.
fn owner_of(row: &Row) -> Option<i64> {
    let body: &[u8] = row.try_get::<_, Option<&[u8]>>("body").ok()??;
    let record = Group::open(body).ok()?.next()?.ok()?;
    record.place.cardholder.map(i64::from)
}

/// What cannot be read is not known, and stand-in approves nothing on it.
fn put_accounts(office: &Office, rows: &[Row]) {
    let accounts: Vec<_> = rows.iter().filter_map(account_seen).collect();
    let mut kept = office.last_seen().kept();
    accounts.iter().for_each(|(number, account)| kept.put_account(*number, *account));
    drop(kept);
    office.note(Note::Accounts(accounts));
}

fn account_seen(row: &Row) -> Option<(i64, AccountSeen)> {
    let account = Account {
        currency: word(row, "currency", Currency::from_alpha)?,
        status: word(row, "status", AccountStatus::from_name)?,
        posted: row.try_get("posted").ok()?,
        held: row.try_get("held").ok()?,
        credit_line: row.try_get("credit_line").ok()?,
    };
    let now = AccountNow { account, changes: row.try_get("changes").ok()? };
    Some((row.try_get("number").ok()?, AccountSeen { id: named(row, "name")?, now }))
}

fn put_cards(office: &Office, rows: &[Row]) {
    let read = |row| Some((named(row, "program")?, named(row, "token")?, card_seen(row)?));
    let cards: Vec<_> = rows.iter().filter_map(read).collect();
    let mut kept = office.last_seen().kept();
    cards.iter().for_each(|(program, token, card)| kept.put_card(*program, *token, *card));
    drop(kept);
    office.note(Note::Cards(cards));
}

fn card_seen(row: &Row) -> Option<CardSeen> {
    let cardholder = match row.try_get::<_, Option<&str>>("owner").ok()? {
        Some(name) => CardholderStatus::from_name(name)?,
        None => CardholderStatus::Active,
    };
    Some(CardSeen {
        account: row.try_get("account").ok()?,
        status: word(row, "status", CardStatus::from_name)?,
        cardholder,
        owner: named_or_none(row, "owner_token")?,
        since: row.try_get::<_, At>("known_since").ok()?.0,
        used: if row.try_get("used").ok()? { Acquaintance::Known } else { Acquaintance::New },
        merchants: merchants(row)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_was_held_up_keeps_the_next_one_from_nobody() {
        let ms = Duration::from_millis;
        for (took, pause) in [(0, 500), (100, 500), (200, 800), (4_000, 1_000), (u64::MAX, 1_000)] {
            assert_eq!(pause_after(ms(took)), ms(pause), "{took}");
        }
    }
}
