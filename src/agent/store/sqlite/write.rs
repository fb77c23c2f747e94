//! What a commit does to the tables. Each in a savepoint of its own: one that cannot be done takes no other with it.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::read::{environment_number, once};
use crate::agent::store::{Commit, Committed, Deed, Erase, Expect, Guard, Kind, Outcome, Put, Rewrite, Text};

/// Does a commit, or finds why not and leaves everything as it was.
pub(super) fn commit(connection: &Connection, commit: &Commit) -> rusqlite::Result<Committed> {
    connection.execute_batch("SAVEPOINT one")?;
    let committed = try_to_commit(connection, commit);
    let end = if matches!(committed, Ok(Committed::Done)) { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" };
    connection.execute_batch(end)?;
    committed
}

fn try_to_commit(connection: &Connection, commit: &Commit) -> rusqlite::Result<Committed> {
    if let Some(wanted) = &commit.once
        && let Some(before) = once(connection, &wanted.space, &wanted.key)?
    {
        return Ok(if wanted.is_of(&before) { Committed::Again(before) } else { Committed::KeyTaken });
    }
    for put in &commit.puts {
        for name in &put.releases {
            connection.prepare_cached("DELETE FROM claim WHERE name = ?1 AND id = ?2")?.execute(params![name, put.row.id])?;
        }
    }
    for put in &commit.puts {
        if let Some(why_not) = place(connection, put)? {
            return Ok(why_not);
        }
    }
    for guard in &commit.guards {
        if !holds(connection, guard)? {
            return Ok(Committed::Unmet(guard.clone()));
        }
    }
    for text in &commit.texts {
        add_text(connection, text)?;
    }
    for deed in &commit.deeds {
        add_deed(connection, deed)?;
    }
    if let (Some(wanted), Some(put)) = (&commit.once, commit.puts.first()) {
        let about = Outcome { request: wanted.request, kind: put.row.kind, id: put.row.id.clone() };
        connection.prepare_cached("INSERT INTO once VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            wanted.space,
            wanted.key,
            &about.request[..],
            about.kind.number(),
            about.id
        ])?;
    }
    Ok(Committed::Done)
}

fn holds(connection: &Connection, guard: &Guard) -> rusqlite::Result<bool> {
    let exists = |condition: &str, values: &[&dyn rusqlite::ToSql]| {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM object WHERE {condition})");
        connection.prepare_cached(&sql)?.query_row(values, |row| row.get::<_, bool>(0))
    };
    match guard {
        Guard::Live(kind, id) => exists("kind = ?1 AND id = ?2 AND status NOT IN ('archived', 'removed')", &[&kind.number(), id]),
        Guard::NoneHas(kind, field, value) => {
            let condition = "kind = ?1 AND status <> 'archived' AND json_extract(body, '$.' || ?2) = ?3";
            exists(condition, &[&kind.number(), field, value]).map(|found| !found)
        }
        Guard::SomeActiveHas(kind, organization, field, value) => {
            let condition = "kind = ?1 AND organization = ?2 AND status = 'active' AND json_extract(body, '$.' || ?3) = ?4";
            exists(condition, &[&kind.number(), organization, field, value])
        }
    }
}

/// Writes an object; says why not if it cannot be.
fn place(connection: &Connection, put: &Put) -> rusqlite::Result<Option<Committed>> {
    let Put { row, expect, claims, .. } = put;
    let found = connection
        .prepare_cached("SELECT version FROM object WHERE kind = ?1 AND id = ?2")?
        .query_row(params![row.kind.number(), row.id], |found| found.get::<_, u32>(0))
        .optional()?;
    let as_expected = match expect {
        Expect::New => found.is_none(),
        Expect::Version(version) => found == Some(*version),
    };
    if !as_expected {
        return Ok(Some(Committed::Changed(row.kind, row.id.clone())));
    }
    for name in claims {
        let held = connection
            .prepare_cached("INSERT INTO claim VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET id = id WHERE id = ?3")?
            .execute(params![name, row.kind.number(), row.id])?;
        if held == 0 {
            return Ok(Some(Committed::Taken(name.clone())));
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO object (kind, id, organization, environment, parent, status, version, created_at, updated_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (kind, id) DO UPDATE SET parent = ?5, status = ?6, version = ?7, updated_at = ?9, body = ?10",
        )?
        .execute(params![
            row.kind.number(),
            row.id,
            row.organization,
            environment_number(row.environment),
            row.parent,
            row.status,
            row.version,
            row.created_at.unix_micros(),
            row.updated_at.unix_micros(),
            row.body
        ])?;
    Ok(None)
}

fn add_text(connection: &Connection, text: &Text) -> rusqlite::Result<()> {
    let Text { id, organization, program, person, at, sealed } = text;
    connection.prepare_cached("INSERT INTO text VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        id,
        organization,
        program,
        person,
        at.unix_micros(),
        sealed
    ])?;
    Ok(())
}

fn add_deed(connection: &Connection, deed: &Deed) -> rusqlite::Result<()> {
    let Deed { organization, environment, at, who, action, kind, id, before, after } = deed;
    connection
        .prepare_cached(
            "INSERT INTO deed (organization, environment, at, who, action, kind, id, before, after)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            organization,
            environment_number(*environment),
            at.unix_micros(),
            who,
            action,
            kind.number(),
            id,
            before,
            after
        ])?;
    Ok(())
}

/// Writes bodies anew, or nothing if one is not what it was.
pub(super) fn rewrite(connection: &Connection, rewrite: &Rewrite) -> rusqlite::Result<bool> {
    for (kind, id, was, body) in &rewrite.bodies {
        let sql = "UPDATE object SET body = ?4 WHERE kind = ?1 AND id = ?2 AND body = ?3";
        if connection.prepare_cached(sql)?.execute(params![kind.number(), id, was, body])? == 0 {
            return Ok(false);
        }
    }
    for (number, before, after) in &rewrite.deeds {
        let sql = "UPDATE deed SET before = ?2, after = ?3 WHERE number = ?1";
        connection.prepare_cached(sql)?.execute(params![number, before, after])?;
    }
    for text in &rewrite.texts {
        add_text(connection, text)?;
    }
    Ok(true)
}

/// Erases texts.
pub(super) fn erase(connection: &Connection, erase: &Erase) -> rusqlite::Result<u64> {
    let gone = match erase {
        Erase::Program(program) => connection.execute("DELETE FROM text WHERE program = ?1", [program]),
        Erase::Organization(organization) => connection.execute("DELETE FROM text WHERE organization = ?1", [organization]),
        Erase::Person(person) => connection.execute("DELETE FROM text WHERE person = ?1", [person]),
        Erase::Before(moment) => connection.execute("DELETE FROM text WHERE at < ?1", [moment.unix_micros()]),
    }?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}

/// When credentials were used last; never back.
pub(super) fn note_use(connection: &Connection, id: &str, at: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO used VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = max(at, ?2)";
    connection.prepare_cached(sql)?.execute(params![id, at]).map(drop)
}

/// The kind that a number stands for; a row of a newer program's cannot be there.
pub(super) fn kind_of(number: i64) -> rusqlite::Result<Kind> {
    Kind::numbered(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number))
}
