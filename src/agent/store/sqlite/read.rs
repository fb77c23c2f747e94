//! What is read of the tables.

use std::collections::HashMap;

use holdfast_core::Timestamp;
use holdfast_core::agent::Environment;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row as Columns, params, params_from_iter};

use super::write::kind_of;
use crate::agent::store::{Deed, Deeds, Kind, List, Outcome, Row};

/// The most names that one statement asks for.
const NAMES_AT_ONCE: usize = 500;

const COLUMNS: &str = "kind, id, organization, environment, parent, status, version, created_at, updated_at, body";

/// As an environment is kept.
pub(super) const fn environment_number(environment: Option<Environment>) -> i64 {
    match environment {
        None => -1,
        Some(Environment::Sandbox) => 0,
        Some(Environment::Production) => 1,
    }
}

pub(super) const fn environment_of(number: i64) -> Option<Environment> {
    match number {
        0 => Some(Environment::Sandbox),
        1 => Some(Environment::Production),
        _ => None,
    }
}

pub(super) fn moment(columns: &Columns<'_>, place: usize) -> rusqlite::Result<Timestamp> {
    columns.get(place).map(Timestamp::from_unix_micros)
}

fn row(columns: &Columns<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        kind: kind_of(columns.get(0)?)?,
        id: columns.get(1)?,
        organization: columns.get(2)?,
        environment: environment_of(columns.get(3)?),
        parent: columns.get(4)?,
        status: columns.get(5)?,
        version: columns.get(6)?,
        created_at: moment(columns, 7)?,
        updated_at: moment(columns, 8)?,
        body: columns.get(9)?,
    })
}

pub(super) fn get(connection: &Connection, kind: Kind, id: &str) -> rusqlite::Result<Option<Row>> {
    let sql = format!("SELECT {COLUMNS} FROM object WHERE kind = ?1 AND id = ?2");
    connection.prepare_cached(&sql)?.query_row(params![kind.number(), id], row).optional()
}

pub(super) fn list(connection: &Connection, list: &List) -> rusqlite::Result<Vec<(i64, Row)>> {
    let List { kind, organization, environment, parent, status, after, most } = list;
    let mut sql = format!("SELECT {COLUMNS}, number FROM object WHERE kind = ?1 AND number > ?2");
    let mut values = vec![Value::from(kind.number()), Value::from(*after)];
    let mut only = |column: &str, value: Value| {
        values.push(value);
        sql.push_str(&format!(" AND {column} = ?{}", values.len()));
    };
    if let Some(organization) = organization {
        only("organization", Value::from(organization.clone()));
    }
    if environment.is_some() {
        only("environment", Value::from(environment_number(*environment)));
    }
    if let Some(parent) = parent {
        only("parent", Value::from(parent.clone()));
    }
    if let Some(status) = status {
        only("status", Value::from(status.clone()));
    }
    sql.push_str(&format!(" ORDER BY number LIMIT {most}"));
    let read = |columns: &Columns<'_>| Ok((columns.get(10)?, row(columns)?));
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), read)?.collect()
}

pub(super) fn holder(connection: &Connection, claim: &str) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached("SELECT id FROM claim WHERE name = ?1")?.query_row([claim], |row| row.get(0)).optional()
}

pub(super) fn once(connection: &Connection, space: &str, key: &str) -> rusqlite::Result<Option<Outcome>> {
    let sql = "SELECT request, kind, id FROM once WHERE space = ?1 AND key = ?2";
    let read = |columns: &Columns<'_>| {
        let request: Vec<u8> = columns.get(0)?;
        let request = request.first_chunk().copied().unwrap_or_default();
        Ok(Outcome { request, kind: kind_of(columns.get(1)?)?, id: columns.get(2)? })
    };
    connection.prepare_cached(sql)?.query_row([space, key], read).optional()
}

pub(super) fn texts(connection: &Connection, ids: &[String]) -> rusqlite::Result<HashMap<String, Vec<u8>>> {
    by_names(connection, "SELECT id, sealed FROM text", ids, |columns| columns.get(1))
}

pub(super) fn last_use(connection: &Connection, ids: &[String]) -> rusqlite::Result<HashMap<String, Timestamp>> {
    by_names(connection, "SELECT id, at FROM used", ids, |columns| moment(columns, 1))
}

fn by_names<T>(
    connection: &Connection,
    select: &str,
    ids: &[String],
    read: impl Fn(&Columns<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<HashMap<String, T>> {
    let mut found = HashMap::new();
    for some in ids.chunks(NAMES_AT_ONCE) {
        let marks = vec!["?"; some.len()].join(", ");
        let mut statement = connection.prepare(&format!("{select} WHERE id IN ({marks})"))?;
        for line in statement.query_map(params_from_iter(some), |columns| Ok((columns.get(0)?, read(columns)?)))? {
            let (id, value) = line?;
            found.insert(id, value);
        }
    }
    Ok(found)
}

pub(super) fn deeds(connection: &Connection, deeds: &Deeds) -> rusqlite::Result<Vec<(i64, Deed)>> {
    let Deeds { organization, environment, id, action, who, kind, since, until, before, most } = deeds;
    let mut sql = String::from(
        "SELECT organization, environment, at, who, action, kind, id, before, after, number FROM deed
         WHERE organization = ?1 AND environment IN (-1, ?2) AND number < ?3",
    );
    let mut values = vec![
        Value::from(organization.clone()),
        Value::from(environment_number(*environment)),
        Value::from(before.unwrap_or(i64::MAX)),
    ];
    let micros = |moment: &Timestamp| Value::from(moment.unix_micros());
    let only = [
        ("id =", id.clone().map(Value::from)),
        ("action =", action.clone().map(Value::from)),
        ("who =", who.clone().map(Value::from)),
        ("kind =", kind.map(|kind| Value::from(kind.number()))),
        ("at >=", since.as_ref().map(micros)),
        ("at <", until.as_ref().map(micros)),
    ];
    for (compare, value) in only.into_iter().filter_map(|(compare, value)| Some((compare, value?))) {
        values.push(value);
        sql.push_str(&format!(" AND {compare} ?{}", values.len()));
    }
    sql.push_str(&format!(" ORDER BY number DESC LIMIT {most}"));
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), deed)?.collect()
}

/// Deeds about a kind of object, the oldest first.
pub(super) fn told_of(connection: &Connection, kind: Kind, after: i64, most: u32) -> rusqlite::Result<Vec<(i64, Deed)>> {
    let sql = "SELECT organization, environment, at, who, action, kind, id, before, after, number FROM deed
         WHERE kind = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
    connection.prepare_cached(sql)?.query_map(params![kind.number(), after, most], deed)?.collect()
}

fn deed(columns: &Columns<'_>) -> rusqlite::Result<(i64, Deed)> {
    let deed = Deed {
        organization: columns.get(0)?,
        environment: environment_of(columns.get(1)?),
        at: moment(columns, 2)?,
        who: columns.get(3)?,
        action: columns.get(4)?,
        kind: kind_of(columns.get(5)?)?,
        id: columns.get(6)?,
        before: columns.get(7)?,
        after: columns.get(8)?,
    };
    Ok((columns.get(9)?, deed))
}

pub(super) fn seal(connection: &Connection) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.query_row("SELECT sealed FROM seal", [], |row| row.get(0)).optional()
}
