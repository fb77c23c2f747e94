//! What is read of the database's tables.

use std::collections::HashMap;

use deadpool_postgres::Client;
use holdfast_core::Timestamp;
use holdfast_core::agent::Environment;
use tokio_postgres::types::ToSql;
use tokio_postgres::{GenericClient, Row as Columns};

use crate::agent::store::{Deed, Deeds, Kind, List, Names, Outcome, Row};
use crate::ledger::postgres::trouble::{Trouble, Whereabouts};
use crate::ledger::postgres::values::At;

const COLUMNS: &str =
    "kind, id, organization, environment, parent, status, version, created_at, updated_at, body, number, changed";

type Value<'v> = &'v (dyn ToSql + Sync);

/// As a kind is kept.
pub(super) fn kind_number(kind: Kind) -> i16 {
    i16::try_from(kind.number()).unwrap_or(i16::MAX)
}

/// As an environment is kept.
pub(super) const fn environment_number(environment: Option<Environment>) -> i16 {
    match environment {
        None => -1,
        Some(Environment::Sandbox) => 0,
        Some(Environment::Production) => 1,
    }
}

pub(crate) const fn environment_of(number: i16) -> Option<Environment> {
    match number {
        0 => Some(Environment::Sandbox),
        1 => Some(Environment::Production),
        _ => None,
    }
}

/// Rows of a statement that is prepared once a connection.
async fn query(client: &Client, at: &Whereabouts, sql: &str, values: &[Value<'_>]) -> Result<Vec<Columns>, Trouble> {
    let said = |error| Trouble::of(&error, at);
    let statement = client.prepare_cached(sql).await.map_err(said)?;
    client.query(&statement, values).await.map_err(said)
}

/// A column's value; what is none is damage.
fn column<'r, T: tokio_postgres::types::FromSql<'r>>(
    row: &'r Columns,
    place: usize,
    damaged: &Damaged<'_>,
) -> Result<T, Trouble> {
    row.try_get(place).map_err(|_| damaged.trouble())
}

struct Damaged<'a> {
    table: &'static str,
    at: &'a Whereabouts,
}

impl Damaged<'_> {
    fn trouble(&self) -> Trouble {
        Trouble::Damaged(self.table, self.at.clone())
    }

    fn kind(&self, number: i16) -> Result<Kind, Trouble> {
        Kind::numbered(i64::from(number)).ok_or_else(|| self.trouble())
    }
}

fn object(row: &Columns, at: &Whereabouts) -> Result<Row, Trouble> {
    let damaged = Damaged { table: "agent_object", at };
    let version: i32 = column(row, 6, &damaged)?;
    let moment = |place| column::<At>(row, place, &damaged).map(|At(moment)| moment);
    Ok(Row {
        kind: damaged.kind(column(row, 0, &damaged)?)?,
        id: column(row, 1, &damaged)?,
        organization: column(row, 2, &damaged)?,
        environment: environment_of(column(row, 3, &damaged)?),
        parent: column(row, 4, &damaged)?,
        status: column(row, 5, &damaged)?,
        version: u32::try_from(version).map_err(|_| damaged.trouble())?,
        created_at: moment(7)?,
        updated_at: moment(8)?,
        body: column(row, 9, &damaged)?,
    })
}

/// An object with one of its numbers: its place in lists, or that of its last change.
fn numbered(row: &Columns, place: usize, at: &Whereabouts) -> Result<(i64, Row), Trouble> {
    Ok((column(row, place, &Damaged { table: "agent_object", at })?, object(row, at)?))
}

pub(super) async fn get(client: &Client, at: &Whereabouts, kind: Kind, id: &str) -> Result<Option<Row>, Trouble> {
    let sql = format!("SELECT {COLUMNS} FROM holdfast.agent_object WHERE kind = $1 AND id = $2");
    query(client, at, &sql, &[&kind_number(kind), &id]).await?.first().map(|row| object(row, at)).transpose()
}

pub(super) async fn list(client: &Client, at: &Whereabouts, list: &List) -> Result<Vec<(i64, Row)>, Trouble> {
    let List { kind, organization, environment, parent, status, after, most } = list;
    let (kind, most) = (kind_number(*kind), i64::from(*most));
    let place = environment.map(|environment| environment_number(Some(environment)));
    let filters: [(&str, Option<Value<'_>>); 4] = [
        ("organization", organization.as_ref().map(|value| value as Value<'_>)),
        ("environment", place.as_ref().map(|value| value as Value<'_>)),
        ("parent", parent.as_ref().map(|value| value as Value<'_>)),
        ("status", status.as_ref().map(|value| value as Value<'_>)),
    ];
    let mut sql = format!("SELECT {COLUMNS} FROM holdfast.agent_object WHERE kind = $1 AND number > $2");
    let mut values: Vec<Value<'_>> = vec![&kind, after];
    for (column, value) in filters.into_iter().filter_map(|(column, value)| Some((column, value?))) {
        values.push(value);
        sql.push_str(&format!(" AND {column} = ${}", values.len()));
    }
    values.push(&most);
    sql.push_str(&format!(" ORDER BY number LIMIT ${}", values.len()));
    query(client, at, &sql, &values).await?.iter().map(|row| numbered(row, 10, at)).collect()
}

/// Objects that changed behind that number, in the order in which they did, each with its change's.
pub(super) async fn changed(
    client: &impl GenericClient,
    at: &Whereabouts,
    after: i64,
    most: i64,
) -> Result<Vec<(i64, Row)>, Trouble> {
    let sql = format!("SELECT {COLUMNS} FROM holdfast.agent_object WHERE changed > $1 ORDER BY changed LIMIT $2");
    let rows = client.query(&sql, &[&after, &most]).await.map_err(|error| Trouble::of(&error, at))?;
    rows.iter().map(|row| numbered(row, 11, at)).collect()
}

/// The last number that was taken.
pub(super) async fn place(client: &Client, at: &Whereabouts) -> Result<i64, Trouble> {
    let rows = query(client, at, "SELECT last FROM holdfast.agent_numbering", &[]).await?;
    let damaged = Damaged { table: "agent_numbering", at };
    column(rows.first().ok_or_else(|| damaged.trouble())?, 0, &damaged)
}

pub(super) async fn holder(client: &Client, at: &Whereabouts, claim: &str) -> Result<Option<String>, Trouble> {
    let rows = query(client, at, "SELECT id FROM holdfast.agent_claim WHERE name = $1", &[&claim]).await?;
    rows.first().map(|row| column(row, 0, &Damaged { table: "agent_claim", at })).transpose()
}

/// The statement for what was done under a key.
pub(super) const ONCE: &str = "SELECT request, kind, id FROM holdfast.agent_once WHERE space = $1 AND key = $2";

pub(super) fn outcome(row: &Columns, at: &Whereabouts) -> Result<Outcome, Trouble> {
    let damaged = Damaged { table: "agent_once", at };
    let request: Vec<u8> = column(row, 0, &damaged)?;
    let request = request.first_chunk().copied().ok_or_else(|| damaged.trouble())?;
    Ok(Outcome { request, kind: damaged.kind(column(row, 1, &damaged)?)?, id: column(row, 2, &damaged)? })
}

pub(super) async fn once(client: &Client, at: &Whereabouts, space: &str, key: &str) -> Result<Option<Outcome>, Trouble> {
    query(client, at, ONCE, &[&space, &key]).await?.first().map(|row| outcome(row, at)).transpose()
}

pub(super) async fn texts(client: &Client, at: &Whereabouts, ids: &[String]) -> Result<HashMap<String, Vec<u8>>, Trouble> {
    let damaged = Damaged { table: "agent_text", at };
    let rows = query(client, at, "SELECT id, sealed FROM holdfast.agent_text WHERE id = ANY($1)", &[&ids]).await?;
    rows.iter().map(|row| Ok((column(row, 0, &damaged)?, column(row, 1, &damaged)?))).collect()
}

pub(super) async fn last_use(client: &Client, at: &Whereabouts, ids: &[String]) -> Result<HashMap<String, Timestamp>, Trouble> {
    let damaged = Damaged { table: "agent_use", at };
    let rows = query(client, at, "SELECT id, at FROM holdfast.agent_use WHERE id = ANY($1)", &[&ids]).await?;
    rows.iter().map(|row| Ok((column(row, 0, &damaged)?, column::<At>(row, 1, &damaged)?.0))).collect()
}

pub(super) async fn deeds(client: &Client, at: &Whereabouts, deeds: &Deeds) -> Result<Vec<(i64, Deed)>, Trouble> {
    let Deeds { organization, environment, id, action, who, kind, since, until, before, most } = deeds;
    let sql = "SELECT organization, environment, at, who, action, kind, id, before, after, number FROM holdfast.agent_deed
        WHERE organization = $1 AND environment IN ((-1)::smallint, $2::smallint) AND number < $3
        AND ($4::text IS NULL OR id = $4) AND ($5::text IS NULL OR action = $5) AND ($6::text IS NULL OR who = $6)
        AND ($7::smallint IS NULL OR kind = $7) AND ($8::timestamptz IS NULL OR at >= $8) AND ($9::timestamptz IS NULL OR at < $9)
        ORDER BY number DESC LIMIT $10";
    let (environment, before, most) = (environment_number(*environment), before.unwrap_or(i64::MAX), i64::from(*most));
    let (kind, since, until) = (kind.map(kind_number), since.map(At), until.map(At));
    let values: [Value<'_>; 10] = [organization, &environment, &before, id, action, who, &kind, &since, &until, &most];
    let rows = query(client, at, sql, &values).await?;
    rows.iter().map(|row| deed(row, at)).collect()
}

/// Deeds about a kind of object, the oldest first.
pub(super) async fn told_of(
    client: &Client,
    at: &Whereabouts,
    kind: Kind,
    after: i64,
    most: u32,
) -> Result<Vec<(i64, Deed)>, Trouble> {
    let sql = "SELECT organization, environment, at, who, action, kind, id, before, after, number FROM holdfast.agent_deed
        WHERE kind = $1 AND number > $2 ORDER BY number LIMIT $3";
    let rows = query(client, at, sql, &[&kind_number(kind), &after, &i64::from(most)]).await?;
    rows.iter().map(|row| deed(row, at)).collect()
}

/// Whether names may still stand in bodies: an empty database has none, and says so once somebody has looked.
pub(super) async fn names(client: &Client, at: &Whereabouts) -> Result<Names, Trouble> {
    let rows = query(client, at, "SELECT names_are_texts FROM holdfast.agent_seal", &[]).await?;
    let damaged = Damaged { table: "agent_seal", at };
    let are_texts = rows.first().map(|row| column(row, 0, &damaged)).transpose()?;
    Ok(if are_texts == Some(true) { Names::Texts } else { Names::InBodies })
}

fn deed(row: &Columns, at: &Whereabouts) -> Result<(i64, Deed), Trouble> {
    let damaged = Damaged { table: "agent_deed", at };
    let deed = Deed {
        organization: column(row, 0, &damaged)?,
        environment: environment_of(column(row, 1, &damaged)?),
        at: column::<At>(row, 2, &damaged)?.0,
        who: column(row, 3, &damaged)?,
        action: column(row, 4, &damaged)?,
        kind: damaged.kind(column(row, 5, &damaged)?)?,
        id: column(row, 6, &damaged)?,
        before: column(row, 7, &damaged)?,
        after: column(row, 8, &damaged)?,
    };
    Ok((column(row, 9, &damaged)?, deed))
}
