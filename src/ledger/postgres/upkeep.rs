//! What one responder does for all: releases holds whose time has come, chains the journal, makes its partitions ahead, drops
//! those that are old enough, and what limits have counted in windows that are over. What is due, and what is old, the database's
//! clock says: a responder whose own is wrong must not release everybody's holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_core::{Expiry, ProgramId, Timestamp};

use super::chaining::chain_next;
use super::connect::{ANSWER_MAX, within};
use super::migrate::{must_be_durable, must_be_ours};
use super::office::Office;
use super::trouble::Trouble;
use super::values::{self, At, named};
use crate::clock;
use crate::ledger::Readiness;

/// How often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many holds are looked for at once.
const LOOK_MAX: i64 = 512;

/// How many of them one transaction releases: their accounts wait for it.
const RELEASE_MAX: usize = 16;

/// How long one transaction may wait for those accounts.
const RELEASE_TAKES_MAX: Duration = Duration::from_secs(10);

/// How often partitions are looked after.
const PARTITIONS_EVERY: Duration = Duration::from_secs(60);

/// How often counters are looked at, whether they are over: all of them are read.
const COUNTERS_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// How many of them one transaction drops.
const COUNTERS_MAX: i32 = 10_000;

/// How many groups are chained before holds are looked for again.
const GROUPS_MAX: u32 = 8;

/// How long looking after partitions may take: what is dropped is counted first.
const PARTITIONS_TAKE_MAX: Duration = Duration::from_secs(120);

/// How far this machine's clock and the database's may be from each other before somebody should hear of it.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(5);

const DAY: Duration = Duration::from_secs(86_400);

/// Does it, for ever.
pub async fn keep_up(office: &Office, journal_keep_days: Option<u32>) {
    let mut looked = Looked::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if office.common.readiness() != Readiness::Ready {
            continue;
        }
        if let Err(trouble) = keep_up_once(office, journal_keep_days, &mut looked).await {
            office.report(&trouble);
        }
    }
}

/// When what is seldom looked after was.
#[derive(Debug, Default)]
struct Looked {
    partitions_at: Option<clock::Instant>,
    counters_at: Option<clock::Instant>,
    clocks: Clocks,
}

/// Whether this machine's clock and the database's were near each other.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Clocks {
    #[default]
    Near,
    Apart,
}

impl Looked {
    /// Says once that they went apart, and once that they are near again.
    fn say_of_clocks(&mut self, office: &Office) {
        let (ours, theirs) = (clock::utc(), office.performing.now_there());
        let apart = ours.saturating_since(theirs).max(theirs.saturating_since(ours));
        let clocks = if apart > CLOCKS_APART_MAX { Clocks::Apart } else { Clocks::Near };
        match (self.clocks, clocks) {
            (Clocks::Near, Clocks::Apart) => office.observer.say(&format!(
                "this machine's clock shows {ours}, {}'s {theirs}: have both kept by NTP; limits' days and hours go by this machine's, what \
                 is due or old by the database's",
                office.performing.at
            )),
            (Clocks::Apart, Clocks::Near) => office.observer.say("this machine's clock and the database's are near each other again"),
            (Clocks::Near, Clocks::Near) | (Clocks::Apart, Clocks::Apart) => {}
        }
        self.clocks = clocks;
    }
}

async fn keep_up_once(office: &Office, journal_keep_days: Option<u32>, looked: &mut Looked) -> Result<(), Trouble> {
    let at = &office.performing.at;
    let leased = within(ANSWER_MAX, at, async {
        let client = office.connection().await?;
        // A reload is enough to turn syncs off.
        must_be_durable(&client, at).await?;
        // A newer program may have brought its schema there meanwhile.
        must_be_ours(&client, at).await?;
        let began = clock::instant();
        office.node.say_that_it_runs(&client, &office.performing.numbers, at).await?;
        // Where commits wait for a standby that is gone, this one waits, too.
        office.common.proved(began);
        office.performing.compare_clocks(&client).await?;
        looked.say_of_clocks(office);
        office.node.has_lease(&client, at).await
    });
    if !leased.await? {
        return Ok(());
    }
    release_what_is_due(office, office.performing.now_there()).await?;
    chain(office).await?;
    let now = clock::instant();
    let due = |at: Option<clock::Instant>, every| at.is_none_or(|at| now.saturating_duration_since(at) >= every);
    if due(looked.partitions_at, PARTITIONS_EVERY) {
        looked.partitions_at = Some(now);
        look_after_partitions(office, journal_keep_days).await?;
    }
    if due(looked.counters_at, COUNTERS_EVERY) {
        looked.counters_at = Some(now);
        if drop_old_counters(office, office.performing.now_there()).await? == Dropped::Some {
            // Holds are released before the rest goes.
            looked.counters_at = None;
        }
    }
    Ok(())
}

/// How much of what is to be dropped is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    All,
    Some,
}

/// Drops what limits have counted in windows that were over by then, as much as goes at once. That takes as long as it takes: it says
/// nothing of whether the database is there.
///
/// # Errors
/// The database.
pub async fn drop_old_counters(office: &Office, now: Timestamp) -> Result<Dropped, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, &office.performing.at);
    let dropped = office.act(PARTITIONS_TAKE_MAX, async |client| {
        let dropped = client.query_one("SELECT holdfast.drop_counters($1, $2)", &[&At(now), &COUNTERS_MAX]).await;
        dropped.and_then(|row| row.try_get::<_, i64>(0)).map_err(said)
    });
    Ok(if dropped.await? < i64::from(COUNTERS_MAX) { Dropped::All } else { Dropped::Some })
}

/// Chains what can be chained by now.
async fn chain(office: &Office) -> Result<(), Trouble> {
    for _ in 0..GROUPS_MAX {
        let chained = office.act(RELEASE_TAKES_MAX, async |client| chain_next(client, &office.performing.at).await);
        match chained.await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // The lease went over at this moment: the other one does it.
            Err(Trouble::Collided) => return Ok(()),
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(())
}

/// Makes partitions ahead, and drops what is old enough.
pub async fn look_after_partitions(office: &Office, journal_keep_days: Option<u32>) -> Result<(), Trouble> {
    let at = &office.performing.at;
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let looked = office.act(PARTITIONS_TAKE_MAX, async |client| {
        client.execute("SELECT holdfast.make_partitions()", &[]).await.map_err(said)?;
        let Some(days) = journal_keep_days else { return Ok(0) };
        let before = office.performing.now_there().saturating_sub(DAY.saturating_mul(days));
        let dropped = client.query_one("SELECT holdfast.drop_partitions($1)", &[&At(before)]).await.map_err(said)?;
        dropped.try_get::<_, i64>(0).map_err(said)
    });
    let dropped = looked.await?;
    if dropped > 0 {
        office.observer.say(&format!(
            "the ledger: {dropped} records of the journal were older than ledger.postgres.journal_keep_days and are dropped"
        ));
    }
    Ok(())
}

/// Some holds whose time has come, in the order of their times.
struct Due {
    of_programs: BTreeMap<ProgramId, Vec<DueHold>>,
    /// How many of them their platform should have ended.
    never_ended: usize,
    rows: i64,
    last: Option<(At, i64)>,
}

/// A hold whose time has come.
#[derive(Debug, Clone, Copy)]
struct DueHold {
    number: i64,
    account: i64,
}

/// Releases every hold whose time has come. One that cannot be read stands in nobody's way.
///
/// # Errors
/// The database.
pub async fn release_what_is_due(office: &Office, now: Timestamp) -> Result<(), Trouble> {
    let at = &office.performing.at;
    let (mut last, mut in_use) = (None, BTreeSet::new());
    loop {
        let due = within(ANSWER_MAX, at, find_due(office, now, last)).await?;
        let mut released = 0_usize;
        for (program, holds) in &due.of_programs {
            for some in holds.chunks(RELEASE_MAX) {
                let free: Vec<DueHold> = some.iter().filter(|hold| !in_use.contains(&hold.account)).copied().collect();
                released = released.saturating_add(release(office, *program, &free, now, &mut in_use).await?);
            }
        }
        if released > 0 {
            office.observer.expired(released);
            if due.never_ended > 0 {
                office.observer.never_ended(due.never_ended.min(released));
            }
        }
        if due.rows < LOOK_MAX {
            return Ok(());
        }
        last = due.last;
    }
}

/// The next ones, behind the last one that was looked at.
async fn find_due(office: &Office, now: Timestamp, last: Option<(At, i64)>) -> Result<Due, Trouble> {
    let sql = "SELECT number, account, program, expires_at, expiry FROM holdfast.hold WHERE status = 'open' AND expires_at <= $1
        AND ($2::timestamptz IS NULL OR (expires_at, number) > ($2, $3)) ORDER BY expires_at, number LIMIT $4";
    let client = office.connection().await?;
    let said = |error: tokio_postgres::Error| Trouble::of(&error, &office.performing.at);
    let statement = client.prepare_cached(sql).await.map_err(said)?;
    let (after, number) = last.map_or((None, 0), |(after, number)| (Some(after), number));
    let rows = client.query(&statement, &[&At(now), &after, &number, &LOOK_MAX]).await.map_err(said)?;
    let rows_looked_at = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let mut due = Due { of_programs: BTreeMap::new(), never_ended: 0, rows: rows_looked_at, last };
    for row in &rows {
        let number = row.try_get("number").map_err(said)?;
        let account = row.try_get("account").map_err(said)?;
        due.last = Some((row.try_get("expires_at").map_err(said)?, number));
        let expiry: &str = row.try_get("expiry").map_err(said)?;
        due.never_ended = due.never_ended.saturating_add(usize::from(values::expiry(expiry) == Some(Expiry::Told)));
        match named(row, "program") {
            Some(program) => due.of_programs.entry(program).or_default().push(DueHold { number, account }),
            None => office.say_damaged(number, "it is of no program"),
        }
    }
    Ok(due)
}

/// Releases some together; one by one if something is wrong with one of them, so that the others go. How many went. An account that
/// somebody else holds on to is `in_use`: a later look takes its holds up again.
async fn release(
    office: &Office,
    program: ProgramId,
    holds: &[DueHold],
    now: Timestamp,
    in_use: &mut BTreeSet<i64>,
) -> Result<usize, Trouble> {
    let numbers: Vec<i64> = holds.iter().map(|hold| hold.number).collect();
    if numbers.is_empty() {
        return Ok(0);
    }
    match release_together(office, program, &numbers, now).await {
        Err(trouble) if trouble.is_of_one_act() => {}
        done => return done,
    }
    let mut released = 0_usize;
    for hold in holds {
        if in_use.contains(&hold.account) {
            continue;
        }
        match release_together(office, program, std::slice::from_ref(&hold.number), now).await {
            Ok(records) => released = released.saturating_add(records),
            // The next look takes it up again.
            Err(Trouble::Collided) => {}
            Err(Trouble::TookTooLong(_)) => drop(in_use.insert(hold.account)),
            Err(trouble) if trouble.is_of_one_act() => office.say_damaged(hold.number, &trouble),
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(released)
}

async fn release_together(office: &Office, program: ProgramId, holds: &[i64], now: Timestamp) -> Result<usize, Trouble> {
    let released = office.act(RELEASE_TAKES_MAX, async |client| office.performing.expire(client, program, holds, now).await);
    released.await.map(|records| usize::try_from(records).unwrap_or(usize::MAX))
}
