//! The journal's chain: records of finished transactions are tied together in groups, behind the decisions, by the one responder
//! that has the lease. The hash is that of the embedded journal's chain; a walk along it proves that no record was changed, lost
//! or put elsewhere. Nothing here writes a record.

use tokio_postgres::{Client, GenericClient, Row};

use super::connect::{ANSWER_MAX, within};
use super::copying;
use super::recording::Columns;
use super::trouble::{Trouble, Whereabouts};
use super::values::At;
use crate::journal::{Group, link};

/// The most records of one group, but for a transaction that has more.
const GROUP_MAX: i64 = 4_096;

/// Records of transactions from one on and below another one, in the order of the chain: what is hashed.
const HASHED: &str =
    "SELECT id, at, body FROM holdfast.record WHERE transaction >= $1::text::xid8 AND transaction < $2::text::xid8
    ORDER BY transaction, at, id";

/// The same with the columns that people query.
const RECORDS: &str =
    "SELECT id, at, body, program, platform, kind, key, account, account_change, card, hold, decision, reason, posted, held, cause,
    finding FROM holdfast.record WHERE transaction >= $1::text::xid8 AND transaction < $2::text::xid8
    ORDER BY transaction, at, id";

/// Where the transaction after the last one that fits begins.
const CUT: &str = "SELECT transaction::text::bigint FROM holdfast.record WHERE transaction >= $1::text::xid8
    AND transaction < $2::text::xid8 ORDER BY transaction OFFSET $3 LIMIT 1";

/// How far the chain goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    number: i64,
    /// Transactions below this one are chained.
    upto: i64,
    /// The count of the next record.
    next: i64,
    hash: [u8; 32],
}

impl Head {
    const NONE: Head = Head { number: 0, upto: 0, next: 1, hash: [0; 32] };

    fn of(row: &Row) -> Option<(Head, i64)> {
        let (first, records): (i64, i64) = (row.try_get("first").ok()?, row.try_get("records").ok()?);
        let hash: &[u8] = row.try_get("hash").ok()?;
        let head = Head {
            number: row.try_get("number").ok()?,
            upto: row.try_get("upto").ok()?,
            next: first.checked_add(records)?,
            hash: hash.try_into().ok()?,
        };
        Some((head, records))
    }
}

/// Whatever is below it is finished, as records count transactions: behind those of another cluster if this database came from there.
pub const FINISHED: &str =
    "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint + (SELECT counted_before FROM holdfast.setting))";

/// Records that were not finished, or not there, at the snapshot `$1`, which is this cluster's.
pub const SINCE_SNAPSHOT: &str = "transaction >= (pg_snapshot_xmin($1::text::pg_snapshot)::text::bigint
        + (SELECT counted_before FROM holdfast.setting))::text::xid8
    AND NOT pg_visible_in_snapshot(greatest(transaction::text::bigint - (SELECT counted_before FROM holdfast.setting), 3)::text::xid8,
        $1::text::pg_snapshot)";

/// Has transactions counted on behind those of another cluster, if a dump of that was loaded here: the chain, and whoever follows the
/// journal, go by their order.
///
/// # Errors
/// The database.
pub async fn go_on_counting(client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
    let done = client.execute("SELECT holdfast.go_on_counting()", &[]).await;
    done.map(drop).map_err(|error| Trouble::of(&error, at))
}

/// Chains the next group; how many records it has, 0 if there was nothing to chain.
///
/// # Errors
/// The database; or another responder chained at the same moment.
pub async fn chain_next(client: &mut Client, at: &Whereabouts) -> Result<i64, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let transaction = client.transaction().await.map_err(said)?;
    let last = transaction.query_opt("SELECT * FROM holdfast.chain ORDER BY number DESC LIMIT 1", &[]).await.map_err(said)?;
    let head = match last {
        Some(row) => Head::of(&row).ok_or_else(|| Trouble::Damaged("chain", at.clone()))?.0,
        None => Head::NONE,
    };
    // Whatever began before this one is finished, and all of its records can be seen.
    let finished = format!("SELECT {FINISHED}");
    let finished: i64 = transaction.query_one(&finished, &[]).await.map_err(said)?.try_get(0).map_err(said)?;
    let (from, to) = (head.upto.to_string(), finished.to_string());
    let cut = transaction.query_opt(CUT, &[&from, &to, &GROUP_MAX]).await.map_err(said)?;
    let cut: Option<i64> = cut.map(|row| row.try_get(0)).transpose().map_err(said)?;
    let upto = cut.map_or(finished, |cut| cut.max(head.upto.saturating_add(1)));
    let (records, body) = as_hashed(&read_rows(&transaction, HASHED, head.upto, upto, at).await?, at)?;
    if records > 0 {
        let (number, hash) = (head.number.saturating_add(1), link(&head.hash, head.next, records, &body));
        let sql = "INSERT INTO holdfast.chain (number, upto, records, first, hash) VALUES ($1, $2, $3, $4, $5)";
        transaction.execute(sql, &[&number, &upto, &records, &head.next, &hash.as_slice()]).await.map_err(said)?;
    }
    transaction.commit().await.map_err(said)?;
    Ok(records)
}

async fn read_rows(client: &impl GenericClient, sql: &str, from: i64, upto: i64, at: &Whereabouts) -> Result<Vec<Row>, Trouble> {
    client.query(sql, &[&from.to_string(), &upto.to_string()]).await.map_err(|error| Trouble::of(&error, at))
}

/// Some records as they are hashed: how many, and their bytes.
fn as_hashed(rows: &[Row], at: &Whereabouts) -> Result<(i64, Vec<u8>), Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let mut body = Vec::new();
    for row in rows {
        let (id, At(when), record): (i64, At, &[u8]) =
            (row.try_get("id").map_err(said)?, row.try_get("at").map_err(said)?, row.try_get("body").map_err(said)?);
        body.extend_from_slice(&id.to_le_bytes());
        body.extend_from_slice(&when.unix_micros().to_le_bytes());
        body.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend_from_slice(record);
    }
    Ok((i64::try_from(rows.len()).unwrap_or(i64::MAX), body))
}

/// What a walk along the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Records that were proven.
    pub records: i64,
    /// Groups, those before them included whose records were dropped.
    pub groups: i64,
    /// Groups of which records were dropped.
    pub dropped_groups: i64,
    /// Records that are too young to be chained.
    pub not_chained: i64,
    /// The hash of the last group.
    pub head: [u8; 32],
}

/// Where a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unproven {
    /// The database.
    Trouble(Trouble),
    /// A group is missing before this one.
    Missing(i64),
    /// The records of this group are not those that were chained.
    Changed(i64),
    /// The column of this record is not what its body says.
    ColumnChanged(i64, &'static str),
    /// What puts this record in its account's order is another record's, or none of the account's.
    OrderChanged(i64),
    /// The text of this published ruleset or stand-in table is not what its hash says.
    RulesetChanged(String),
}

impl From<Trouble> for Unproven {
    fn from(trouble: Trouble) -> Self {
        Unproven::Trouble(trouble)
    }
}

impl std::fmt::Display for Unproven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unproven::Trouble(trouble) => write!(f, "{trouble}"),
            Unproven::Missing(number) => write!(f, "holdfast.chain: group {number} is missing: somebody took it away"),
            Unproven::RulesetChanged(ruleset) => write!(
                f,
                "holdfast.ruleset: the text of {ruleset} is not what its hash says: it was changed; put it back from a backup"
            ),
            Unproven::ColumnChanged(record, column) => write!(
                f,
                "holdfast.record: column {column} of record {record} is not what its body says, which is what was chained: it was \
                 changed; put it back from a backup"
            ),
            Unproven::OrderChanged(record) => write!(
                f,
                "holdfast.record: column account_change of record {record} is not what puts it in its account's order: it was \
                 changed; put it back from a backup"
            ),
            Unproven::Changed(number) => write!(
                f,
                "holdfast.record: the records of group {number} are not those that were chained: one was changed, lost, added or put \
                 elsewhere; compare them with a backup (SELECT * FROM holdfast.record WHERE transaction::text::bigint < (SELECT upto \
                 FROM holdfast.chain WHERE number = {number}) ORDER BY transaction DESC)"
            ),
        }
    }
}

/// What people query is what was chained.
fn compare_columns(rows: &[Row]) -> Result<(), Unproven> {
    for row in rows {
        let read = || -> Option<(i64, Columns)> {
            let record = Group::open(row.try_get("body").ok()?).ok()?.next()?.ok()?;
            Some((row.try_get("id").ok()?, Columns::of(&record, row.try_get("account_change").ok()?)))
        };
        match read() {
            // A newer program's record is proven by its hash alone.
            None => {}
            Some((record, columns)) => {
                if let Some(column) = columns.differs(row) {
                    return Err(Unproven::ColumnChanged(record, column));
                }
            }
        }
    }
    Ok(())
}

/// No body has what puts an account's records in their order. Of those that move something each has its own, up to the account's last.
const OUT_OF_ORDER: &str = "SELECT min(record) FROM (
        SELECT max(id) AS record FROM holdfast.record
        WHERE account IS NOT NULL AND (posted <> 0 OR held <> 0 OR kind IN ('account_entered', 'card_entered'))
        GROUP BY account, account_change HAVING count(*) > 1
        UNION ALL
        SELECT r.id FROM holdfast.record r JOIN holdfast.account a ON a.number = r.account
        WHERE r.account_change > a.changes OR r.account_change < CASE WHEN r.posted <> 0 OR r.held <> 0 THEN 1 ELSE 0 END
    ) AS out_of_order";

/// Accounts whose balances are not what their records come to, by name, of how many.
///
/// # Errors
/// The database.
pub async fn compare_balances(client: &Client, at: &Whereabouts) -> Result<(i64, Vec<String>), Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    // One statement sees one moment.
    let sql = "SELECT program, name, posted, held, posted_by_records, held_by_records,
            (posted, held) IS DISTINCT FROM (posted_by_records, held_by_records) AS differs FROM (
        SELECT a.program, a.name, a.posted::numeric, a.held::numeric, coalesce(sum(r.posted), 0) AS posted_by_records,
            coalesce(sum(r.held), 0) AS held_by_records
        FROM holdfast.account a LEFT JOIN holdfast.record r ON r.account = a.number GROUP BY a.number) AS both_sides";
    let sql = format!(
        "WITH compared AS ({sql}) SELECT (SELECT count(*) FROM compared) AS accounts,
         ARRAY(SELECT format('%s (%s): posted %s, held %s; by its records %s and %s', name, program, posted, held, posted_by_records,
            held_by_records) FROM compared WHERE differs ORDER BY program, name LIMIT 100) AS differing"
    );
    let row = client.query_one(&sql, &[]).await.map_err(said)?;
    Ok((row.try_get("accounts").map_err(said)?, row.try_get("differing").map_err(said)?))
}

/// Walks the whole chain, and proves the rulesets that records name; `progress` hears of each group and of how many there are.
///
/// # Errors
/// See [`Unproven`].
pub async fn verify(client: &Client, at: &Whereabouts, mut progress: impl FnMut(i64, i64)) -> Result<Proven, Unproven> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let facts = "SELECT coalesce((SELECT max(number) FROM holdfast.chain), 0) AS groups,
        coalesce((SELECT max(upto_group) FROM holdfast.dropped), 0) AS dropped";
    let row = within(ANSWER_MAX, at, async { client.query_one(facts, &[]).await.map_err(said) }).await?;
    if let Some(changed) = copying::rulesets(client, at).await?.iter().find(|ruleset| !ruleset.is_whole()) {
        return Err(Unproven::RulesetChanged(changed.named()));
    }
    let groups: i64 = row.try_get("groups").map_err(said)?;
    let dropped_groups: i64 = row.try_get("dropped").map_err(said)?;
    let (mut head, mut proven) = (Head::NONE, 0_i64);
    while head.number < groups {
        let number = head.number.saturating_add(1);
        let row = client.query_opt("SELECT * FROM holdfast.chain WHERE number = $1", &[&number]).await.map_err(said)?;
        let Some(row) = row else { return Err(Unproven::Missing(number)) };
        let (group, records) = Head::of(&row).ok_or_else(|| Trouble::Damaged("chain", at.clone()))?;
        if number > dropped_groups {
            let rows = read_rows(client, RECORDS, head.upto, group.upto, at).await?;
            let (there, body) = as_hashed(&rows, at)?;
            if there != records || link(&head.hash, head.next, records, &body) != group.hash {
                return Err(Unproven::Changed(number));
            }
            compare_columns(&rows)?;
            proven = proven.saturating_add(records);
        }
        head = group;
        progress(number, groups);
    }
    let out_of_order = client.query_one(OUT_OF_ORDER, &[]).await.map_err(said)?;
    if let Some(record) = out_of_order.try_get(0).map_err(said)? {
        return Err(Unproven::OrderChanged(record));
    }
    let rest = "SELECT count(*) FROM holdfast.record WHERE transaction >= $1::text::xid8";
    let not_chained = client.query_one(rest, &[&head.upto.to_string()]).await.map_err(said)?.try_get(0).map_err(said)?;
    Ok(Proven { records: proven, groups, dropped_groups, not_chained, head: head.hash })
}
