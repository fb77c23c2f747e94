//! A trial of what acts write: whether the database takes it again, before anybody is told so. All of it is taken back.

use tokio_postgres::Client;

use super::trouble::{Trouble, Whereabouts};

/// A row of each table that a decision writes, and a change of an account that nobody is at.
const TRIAL: &str = "
SET LOCAL lock_timeout = '1s';
INSERT INTO holdfast.asked (key, digest, asked_at, reason, at) VALUES (gen_random_uuid(), gen_random_uuid(), now(), 'trial', now());
INSERT INTO holdfast.told (key, at) VALUES (gen_random_uuid(), now());
INSERT INTO holdfast.hold (number, program, payment, account, status, posting, authorized, held, ahead, captured, refunded, moved,
    tolerance, expiry, opened_at, changed_at, names, life)
    VALUES (-1 - floor(random() * 1e15)::bigint, 'trial', 'trial', -1, 'unplaced', 'hold', 0, 0, 0, 0, 0, 0, 0, 'told', now(), now(),
    '{}', '');
INSERT INTO holdfast.hold_name (name, hold) VALUES (gen_random_uuid(), -1);
INSERT INTO holdfast.counter (counter, scope, subject, kind, slots, amounts, counts)
    VALUES (floor(random() * 1e15)::bigint, 'program', -1, 'lifetime', '{}', '{}', '{}');
INSERT INTO holdfast.record (at, id, kind, body) VALUES (now(), -1 - floor(random() * 1e15)::bigint, 'trial', '');
UPDATE holdfast.account SET held = held WHERE number = (SELECT number FROM holdfast.account LIMIT 1 FOR UPDATE SKIP LOCKED);
";

/// Writes it, and takes it back.
///
/// # Errors
/// The database does not take it.
pub async fn write(client: &mut Client, at: &Whereabouts) -> Result<(), Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let transaction = client.transaction().await.map_err(said)?;
    transaction.batch_execute(TRIAL).await.map_err(said)?;
    transaction.rollback().await.map_err(said)
}
