//! What a commit does to the database's tables. Each in a savepoint of its own: one that cannot be done takes no other with it.

use deadpool_postgres::{Client, Transaction};
use holdfast_core::Timestamp;
use tokio_postgres::IsolationLevel;
use tokio_postgres::types::ToSql;

use super::read::{ONCE, environment_number, kind_number, outcome};
use crate::agent::store::{Commit, Committed, Deed, Erase, Expect, Guard, Once, Put, Rewrite, Text};
use crate::ledger::postgres::trouble::{Trouble, Whereabouts};
use crate::ledger::postgres::values::At;

/// A transaction whose process went away must not hold everybody up, and nobody waits for ever.
const BOUNDS: &str = "SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL lock_timeout = '4s'";

/// Does commits in one transaction: each as a whole or not at all.
pub(super) async fn commit_all<'c>(
    client: &mut Client,
    at: &Whereabouts,
    commits: impl Iterator<Item = &'c Commit> + Clone,
) -> Result<Vec<Committed>, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    // Each statement sees what others wrote before the numbers were taken.
    let begin = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let transaction = begin.start().await.map_err(said)?;
    transaction.batch_execute(BOUNDS).await.map_err(said)?;
    let mut writing = Writing { transaction, at, next: 0 };
    writing.take_numbers(commits.clone()).await?;
    let mut outcomes = Vec::new();
    for commit in commits {
        writing.transaction.batch_execute("SAVEPOINT one").await.map_err(said)?;
        let committed = writing.commit(commit).await?;
        let end = if committed == Committed::Done { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" };
        writing.transaction.batch_execute(end).await.map_err(said)?;
        outcomes.push(committed);
    }
    if outcomes.contains(&Committed::Done) {
        writing.transaction.batch_execute("SELECT pg_notify('holdfast_agents', '')").await.map_err(said)?;
    }
    writing.transaction.commit().await.map_err(said)?;
    Ok(outcomes)
}

/// Writes bodies anew, or nothing if one is not what it was. Nobody has to hear of it: they say what they said.
pub(super) async fn rewrite(client: &mut Client, at: &Whereabouts, rewrite: &Rewrite) -> Result<bool, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let transaction = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start().await.map_err(said)?;
    transaction.batch_execute(BOUNDS).await.map_err(said)?;
    let mut writing = Writing { transaction, at, next: 0 };
    // Whoever else writes waits.
    writing.take_numbers(std::iter::empty()).await?;
    let written = writing.rewrite(rewrite).await?;
    if written {
        writing.transaction.commit().await.map_err(said)?
    } else {
        writing.transaction.rollback().await.map_err(said)?
    }
    Ok(written)
}

struct Writing<'a> {
    transaction: Transaction<'a>,
    at: &'a Whereabouts,
    /// The next of the numbers that were taken.
    next: i64,
}

impl Writing<'_> {
    async fn execute(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, Trouble> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, self.at);
        let statement = self.transaction.prepare_cached(sql).await.map_err(said)?;
        self.transaction.execute(&statement, values).await.map_err(said)
    }

    /// A number for each row that lists or followers ask for. From here on other responders wait.
    async fn take_numbers<'c>(&mut self, commits: impl Iterator<Item = &'c Commit>) -> Result<(), Trouble> {
        let rows =
            commits.fold(0_usize, |rows, commit| rows.saturating_add(commit.puts.len()).saturating_add(commit.deeds.len()));
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let said = |error: tokio_postgres::Error| Trouble::of(&error, self.at);
        let sql = "UPDATE holdfast.agent_numbering SET last = last + $1 RETURNING last";
        let row = self.transaction.query_one(sql, &[&rows]).await.map_err(said)?;
        let last: i64 = row.try_get(0).map_err(said)?;
        self.next = last.saturating_sub(rows).saturating_add(1);
        Ok(())
    }

    fn number(&mut self) -> i64 {
        let number = self.next;
        self.next = number.saturating_add(1);
        number
    }

    async fn commit(&mut self, commit: &Commit) -> Result<Committed, Trouble> {
        if let Some(wanted) = &commit.once
            && let Some(why_not) = self.done_before(wanted).await?
        {
            return Ok(why_not);
        }
        for put in &commit.puts {
            for name in &put.releases {
                self.execute("DELETE FROM holdfast.agent_claim WHERE name = $1 AND id = $2", &[name, &put.row.id]).await?;
            }
        }
        for put in &commit.puts {
            if let Some(why_not) = self.place(put).await? {
                return Ok(why_not);
            }
        }
        for guard in &commit.guards {
            if !self.holds(guard).await? {
                return Ok(Committed::Unmet(guard.clone()));
            }
        }
        for text in &commit.texts {
            self.add_text(text).await?;
        }
        for deed in &commit.deeds {
            self.add_deed(deed).await?;
        }
        if let (Some(wanted), Some(put)) = (&commit.once, commit.puts.first()) {
            let sql = "INSERT INTO holdfast.agent_once (space, key, request, kind, id) VALUES ($1, $2, $3, $4, $5)";
            let (request, kind) = (&wanted.request[..], kind_number(put.row.kind));
            self.execute(sql, &[&wanted.space, &wanted.key, &request, &kind, &put.row.id]).await?;
        }
        Ok(Committed::Done)
    }

    async fn done_before(&self, wanted: &Once) -> Result<Option<Committed>, Trouble> {
        let said = |error: tokio_postgres::Error| Trouble::of(&error, self.at);
        let statement = self.transaction.prepare_cached(ONCE).await.map_err(said)?;
        let found = self.transaction.query_opt(&statement, &[&wanted.space, &wanted.key]).await.map_err(said)?;
        let Some(before) = found.map(|row| outcome(&row, self.at)).transpose()? else { return Ok(None) };
        Ok(Some(if wanted.is_of(&before) { Committed::Again(before) } else { Committed::KeyTaken }))
    }

    /// Whoever took numbers has everything to itself: nobody writes between this look and the end.
    async fn holds(&self, guard: &Guard) -> Result<bool, Trouble> {
        let exists = async |condition: &str, values: &[&(dyn ToSql + Sync)]| {
            let sql = format!("SELECT 1 FROM holdfast.agent_object WHERE {condition} LIMIT 1");
            self.execute(&sql, values).await.map(|found| found > 0)
        };
        match guard {
            Guard::Live(kind, id) => {
                exists("kind = $1 AND id = $2 AND status NOT IN ('archived', 'removed')", &[&kind_number(*kind), id]).await
            }
            Guard::NoneHas(kind, field, value) => {
                let condition = "kind = $1 AND status <> 'archived' AND body::json ->> $2 = $3";
                exists(condition, &[&kind_number(*kind), field, value]).await.map(|found| !found)
            }
            Guard::SomeActiveHas(kind, organization, field, value) => {
                let condition = "kind = $1 AND organization = $2 AND status = 'active' AND body::json ->> $3 = $4";
                exists(condition, &[&kind_number(*kind), organization, field, value]).await
            }
        }
    }

    /// Writes an object; says why not if it cannot be.
    async fn place(&mut self, put: &Put) -> Result<Option<Committed>, Trouble> {
        let Put { row, expect, claims, .. } = put;
        let (kind, number, version) = (kind_number(row.kind), self.number(), i32::try_from(row.version).unwrap_or(i32::MAX));
        let (environment, created, updated) = (environment_number(row.environment), At(row.created_at), At(row.updated_at));
        let placed = match expect {
            Expect::New => {
                let sql = "INSERT INTO holdfast.agent_object (kind, id, organization, environment, parent, status, version,
                    created_at, updated_at, body, number, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
                    ON CONFLICT (kind, id) DO NOTHING";
                let values: [&(dyn ToSql + Sync); 11] = [
                    &kind,
                    &row.id,
                    &row.organization,
                    &environment,
                    &row.parent,
                    &row.status,
                    &version,
                    &created,
                    &updated,
                    &row.body,
                    &number,
                ];
                self.execute(sql, &values).await?
            }
            Expect::Version(was) => {
                let was = i32::try_from(*was).unwrap_or(i32::MAX);
                let sql = "UPDATE holdfast.agent_object SET parent = $3, status = $4, version = $5, updated_at = $6, body = $7,
                    changed = $8 WHERE kind = $1 AND id = $2 AND version = $9";
                self.execute(sql, &[&kind, &row.id, &row.parent, &row.status, &version, &updated, &row.body, &number, &was])
                    .await?
            }
        };
        if placed == 0 {
            return Ok(Some(Committed::Changed(row.kind, row.id.clone())));
        }
        for name in claims {
            let sql = "INSERT INTO holdfast.agent_claim AS known (name, kind, id) VALUES ($1, $2, $3)
                ON CONFLICT (name) DO UPDATE SET id = excluded.id WHERE known.id = excluded.id";
            if self.execute(sql, &[name, &kind, &row.id]).await? == 0 {
                return Ok(Some(Committed::Taken(name.clone())));
            }
        }
        Ok(None)
    }

    async fn rewrite(&self, rewrite: &Rewrite) -> Result<bool, Trouble> {
        for (kind, id, was, body) in &rewrite.bodies {
            let sql = "UPDATE holdfast.agent_object SET body = $4 WHERE kind = $1 AND id = $2 AND body = $3";
            if self.execute(sql, &[&kind_number(*kind), id, was, body]).await? == 0 {
                return Ok(false);
            }
        }
        for (number, before, after) in &rewrite.deeds {
            let sql = "UPDATE holdfast.agent_deed SET before = $2, after = $3 WHERE number = $1";
            self.execute(sql, &[number, before, after]).await?;
        }
        for text in &rewrite.texts {
            self.add_text(text).await?;
        }
        Ok(true)
    }

    async fn add_text(&self, text: &Text) -> Result<(), Trouble> {
        let Text { id, organization, program, person, at, sealed } = text;
        let sql =
            "INSERT INTO holdfast.agent_text (id, organization, program, person, at, sealed) VALUES ($1, $2, $3, $4, $5, $6)";
        self.execute(sql, &[id, organization, program, person, &At(*at), sealed]).await.map(drop)
    }

    async fn add_deed(&mut self, deed: &Deed) -> Result<(), Trouble> {
        let Deed { organization, environment, at, who, action, kind, id, before, after } = deed;
        let number = self.number();
        let sql = "INSERT INTO holdfast.agent_deed (number, organization, environment, at, who, action, kind, id, before, after)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let (environment, at, kind) = (environment_number(*environment), At(*at), kind_number(*kind));
        self.execute(sql, &[&number, organization, &environment, &at, who, action, &kind, id, before, after]).await.map(drop)
    }
}

/// Erases texts. What they were made of stays in the table's free space until the database's vacuum has been there.
pub(super) async fn erase(client: &Client, at: &Whereabouts, erase: &Erase) -> Result<u64, Trouble> {
    let delete = |condition: &str| format!("DELETE FROM holdfast.agent_text WHERE {condition}");
    let gone = match erase {
        Erase::Program(program) => client.execute(&delete("program = $1"), &[program]).await,
        Erase::Organization(organization) => client.execute(&delete("organization = $1"), &[organization]).await,
        Erase::Person(person) => client.execute(&delete("person = $1"), &[person]).await,
        Erase::Before(moment) => client.execute(&delete("at < $1"), &[&At(*moment)]).await,
    };
    gone.map_err(|error| Trouble::of(&error, at))
}

/// When credentials were used last; never back.
pub(super) async fn note_use(client: &Client, at: &Whereabouts, uses: &[(String, Timestamp)]) -> Result<(), Trouble> {
    let (mut uses, sql) = (
        uses.to_vec(),
        "INSERT INTO holdfast.agent_use AS known (id, at) SELECT * FROM unnest($1::text[], $2::timestamptz[])
         ON CONFLICT (id) DO UPDATE SET at = greatest(known.at, excluded.at)",
    );
    // In one order, so that two responders do not wait for each other.
    uses.sort();
    let (ids, moments): (Vec<String>, Vec<At>) = uses.into_iter().map(|(id, at)| (id, At(at))).unzip();
    client.execute(sql, &[&ids, &moments]).await.map(drop).map_err(|error| Trouble::of(&error, at))
}

/// Names stand in no body any more.
pub(super) async fn names_are_texts(client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
    let sql = "UPDATE holdfast.agent_seal SET names_are_texts = true";
    client.execute(sql, &[]).await.map(drop).map_err(|error| Trouble::of(&error, at))
}

/// What the key is known by; kept now if there was none.
pub(super) async fn seal_of(client: &Client, at: &Whereabouts, sealed: &[u8]) -> Result<Vec<u8>, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    client
        .execute("INSERT INTO holdfast.agent_seal (sealed) VALUES ($1) ON CONFLICT DO NOTHING", &[&sealed])
        .await
        .map_err(said)?;
    client.query_one("SELECT sealed FROM holdfast.agent_seal", &[]).await.map_err(said)?.try_get(0).map_err(said)
}
