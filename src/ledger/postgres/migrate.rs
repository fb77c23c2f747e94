//! From any older schema, or none, to this program's: numbered steps, each whole or not at all, by one at a time. Whoever
//! comes second waits, and finds the work done.

use tokio_postgres::Client;

use super::catalogue;
use super::connect::{ANSWER_MAX, Database, within};
use super::needs;
use super::trouble::{Trouble, Whereabouts};

/// The steps, in their order. A step that was ever released is never changed; the function that decides is made anew by a step
/// of its own, from the same text, whenever that did.
const STEPS: [(&str, &str); 19] = [
    ("the ledger's tables", include_str!("migrations/0001_ledger.sql")),
    ("the roles of those who use them", include_str!("migrations/0002_roles.sql")),
    ("deciding in one round trip", include_str!("migrations/0003_decide.sql")),
    ("the journal's partitions and its chain", include_str!("migrations/0004_journal.sql")),
    ("deciding by whose card it is", include_str!("migrations/0003_decide.sql")),
    ("what callers of payment doors wrote", include_str!("migrations/0005_slips.sql")),
    ("whom cards paid", concat!(include_str!("migrations/0006_merchants.sql"), include_str!("migrations/0003_decide.sql"))),
    ("what software agents may spend", include_str!("migrations/0007_agents.sql")),
    ("cardholders who are not verified yet", include_str!("migrations/0008_unverified.sql")),
    ("webhooks, and payments that wait", include_str!("migrations/0009_webhooks.sql")),
    ("what messages said", include_str!("migrations/0010_told.sql")),
    ("merchants' names in agents' policies", include_str!("migrations/0011_agent_names.sql")),
    (
        "what limits have counted, for as long as it counts",
        concat!(include_str!("migrations/0012_counters.sql"), include_str!("migrations/0003_decide.sql")),
    ),
    ("movements that add up, counting on after a dump, what readers may", include_str!("migrations/0013_truth.sql")),
    ("stand-in switched for all responders", include_str!("migrations/0014_switch.sql")),
    ("merchants and instruments of payment doors", include_str!("migrations/0015_profiles.sql")),
    ("what lasts of what callers of payment doors wrote", include_str!("migrations/0016_lasting.sql")),
    ("deciding tells what is left", include_str!("migrations/0003_decide.sql")),
    ("limits count on when their calendar is moved", include_str!("migrations/0003_decide.sql")),
];

/// Where the steps that were taken are noted.
const NOTES: &str = "
CREATE SCHEMA IF NOT EXISTS holdfast;
CREATE TABLE IF NOT EXISTS holdfast.migration (
    number integer PRIMARY KEY,
    what text NOT NULL,
    program text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON SCHEMA holdfast IS 'The ledger of Holdfast';
COMMENT ON TABLE holdfast.migration IS 'The steps that brought the schema where it is';
COMMENT ON COLUMN holdfast.migration.number IS 'The schema that the step leads to';
COMMENT ON COLUMN holdfast.migration.what IS 'What it brought';
COMMENT ON COLUMN holdfast.migration.program IS 'The version of the program that took it';
COMMENT ON COLUMN holdfast.migration.taken_at IS 'When';
";

/// Everybody else who migrates waits here; whoever only reads does not.
const WAIT_FOR_OTHERS: &str = "LOCK TABLE holdfast.migration IN SHARE ROW EXCLUSIVE MODE";

/// The number of this program's schema.
#[must_use]
pub fn ours() -> i32 {
    i32::try_from(STEPS.len()).unwrap_or(i32::MAX)
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// The schema that was there; 0 for none.
    pub from: i32,
    /// The steps that were taken: number and what it brought.
    pub steps: Vec<(i32, &'static str)>,
}

/// Brings a database to this program's schema.
///
/// # Errors
/// It cannot be reached, is a newer program's, or does not allow it. Nothing of a step that failed is there.
pub async fn bring(database: &Database) -> Result<Brought, Trouble> {
    match try_to_bring(database).await {
        Err(Trouble::NotAllowed(words, at)) => Err(Trouble::MayNotMigrate(words, at)),
        done => done,
    }
}

async fn try_to_bring(database: &Database) -> Result<Brought, Trouble> {
    let at = database.whereabouts();
    let (mut client, _driving) = database.open(|_| {}).await?;
    make_notes(&client, &at).await?;
    let said = |error: tokio_postgres::Error| Trouble::of(&error, &at);
    let transaction = client.transaction().await.map_err(said)?;
    transaction.batch_execute(WAIT_FOR_OTHERS).await.map_err(said)?;
    let from = schema(transaction.client(), &at).await?;
    if from > ours() {
        return Err(Trouble::Newer { has: from, ours: ours(), at });
    }
    let to_take = (1..).zip(STEPS).filter(|(number, _)| *number > from);
    let mut steps = Vec::new();
    for (number, (what, sql)) in to_take {
        transaction.batch_execute(sql).await.map_err(|error| Trouble::of_step(&error, number, &at))?;
        let note = "INSERT INTO holdfast.migration (number, what, program) VALUES ($1, $2, $3)";
        transaction.execute(note, &[&number, &what, &env!("CARGO_PKG_VERSION")]).await.map_err(said)?;
        steps.push((number, what));
    }
    transaction.commit().await.map_err(said)?;
    Ok(Brought { from, steps })
}

/// Makes the schema and the table of notes, if they are not there, and nothing is that they should be about.
async fn make_notes(client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
    match schema(client, at).await {
        Ok(_) => return Ok(()),
        Err(gone @ Trouble::NotesGone(_)) => return Err(gone),
        Err(_) => {}
    }
    loop {
        match client.batch_execute(NOTES).await.map_err(|error| Trouble::of(&error, at)) {
            // Somebody else made them at the same moment.
            Err(trouble) if trouble.is_collision() => {}
            done => return done,
        }
    }
}

/// The number of the schema that is there.
///
/// # Errors
/// There is none, or it cannot be read.
pub async fn schema(client: &Client, at: &Whereabouts) -> Result<i32, Trouble> {
    let sql = "SELECT coalesce(max(number), 0) FROM holdfast.migration";
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    match client.query_one(sql, &[]).await.map_err(said) {
        Ok(row) => row.try_get(0).map_err(said),
        Err(Trouble::NotMigrated(at)) if are_notes_gone(client, &at).await? => Err(Trouble::NotesGone(at)),
        Err(trouble) => Err(trouble),
    }
}

/// Whether the ledger's tables are there without the notes of how they came to be. One look at both: somebody may be making them.
async fn are_notes_gone(client: &Client, at: &Whereabouts) -> Result<bool, Trouble> {
    let sql = "SELECT count(*) > 0 AND NOT coalesce(bool_or(c.relname = 'migration'), false) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'holdfast' AND c.relkind IN ('r', 'p')";
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    client.query_one(sql, &[]).await.map_err(said)?.try_get(0).map_err(said)
}

/// Makes sure that the schema is this program's.
///
/// # Errors
/// It is not there, or another one.
pub async fn must_be_ours(client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
    let (has, ours, at_there) = (schema(client, at).await?, ours(), at.clone());
    match has.cmp(&ours) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less if has == 0 => Err(Trouble::NotMigrated(at_there)),
        std::cmp::Ordering::Less => Err(Trouble::Behind { has, ours, at: at_there }),
        std::cmp::Ordering::Greater => Err(Trouble::Newer { has, ours, at: at_there }),
    }
}

/// Looks at a database as a responder will use it, and changes nothing.
///
/// # Errors
/// It cannot be used: why.
pub async fn look(database: &Database) -> Result<(), Trouble> {
    let at = database.whereabouts();
    let (client, _driving) = database.open(|_| {}).await?;
    within(ANSWER_MAX, &at, look_with(&client, &at)).await?;
    must_have_a_session(database, &client, &at).await
}

/// Makes sure that a connection is one process's of the server as long as it lasts.
///
/// # Errors
/// It is not.
async fn must_have_a_session(database: &Database, client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let process = async |client: &Client| -> Result<i32, Trouble> {
        client.query_one("SELECT pg_backend_pid()", &[]).await.map_err(said)?.try_get(0).map_err(said)
    };
    let first = process(client).await?;
    // Who pools by session, and has no other to lend, makes this one wait: that says nothing against it.
    let Ok((second, _driving)) = database.open(|_| {}).await else { return Ok(()) };
    match within(ANSWER_MAX, at, process(&second)).await {
        Ok(process) if process == first => Err(Trouble::PooledByTransaction(at.clone())),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Makes sure that all is there that the steps make: whoever took some last took them from what others left.
///
/// # Errors
/// Something is not, or that cannot be told.
pub async fn must_be_whole(database: &Database) -> Result<(), Trouble> {
    let at = database.whereabouts();
    let (client, _driving) = database.open(|_| {}).await?;
    within(ANSWER_MAX, &at, async { catalogue::compare(&client, &at).await?.any(&at) }).await
}

async fn look_with(client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
    must_be_ours(client, at).await?;
    // Whoever only looks hears of what a responder does without for now, too.
    needs::must_be_met(client, at).await?.any(at)?;
    must_be_durable(client, at).await?;
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let takes_writes = "SELECT current_setting('transaction_read_only') = 'off'";
    let takes_writes: bool = client.query_one(takes_writes, &[]).await.map_err(said)?.try_get(0).map_err(said)?;
    if takes_writes { Ok(()) } else { Err(Trouble::ReadOnly(at.clone())) }
}

/// Makes sure that a commit that is acknowledged is on a disk.
///
/// # Errors
/// It is not.
pub async fn must_be_durable(client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let off = "SELECT current_setting('synchronous_commit') = 'off' OR current_setting('fsync') = 'off'";
    let off: bool = client.query_one(off, &[]).await.map_err(said)?.try_get(0).map_err(said)?;
    if off { Err(Trouble::NotDurable(at.clone())) } else { Ok(()) }
}
