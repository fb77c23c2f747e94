//! What the schema has when all steps were taken, and whether a database has it: `migrations/catalogue.txt` lists it, a test makes
//! that list from the migrations themselves. What functions say inside is a digest there. What else is in a schema is its owner's business.

use std::collections::BTreeMap;
use std::fmt;

use tokio_postgres::Client;

use super::needs::listed;
use super::trouble::{Trouble, Whereabouts};

/// The list: `kind name: form` a line.
const WANTED: &str = include_str!("migrations/catalogue.txt");

/// What is there, in the list's words. What servers of other versions spell differently is left out: the texts of constraints, views
/// and defaults, and constraints that only say NOT NULL, which the column says.
const THERE: &str = "
    SELECT 'table' AS kind, c.relname::text AS name, concat_ws(', ',
        CASE WHEN c.relispartition THEN 'default partition of ' || (SELECT p.relname FROM pg_inherits JOIN pg_class p ON p.oid = inhparent WHERE inhrelid = c.oid) END,
        CASE c.relkind WHEN 'p' THEN 'partitioned' END, CASE c.relpersistence WHEN 'u' THEN 'unlogged' END) AS form
    FROM pg_class c WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind IN ('r', 'p')
        AND (NOT c.relispartition OR pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')
    UNION ALL
    SELECT 'view', c.relname, 'of ' || (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid)
    FROM pg_class c WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind = 'v'
    UNION ALL
    SELECT 'column', c.relname || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN 'NOT NULL' END, CASE WHEN a.attidentity <> '' THEN 'IDENTITY' WHEN a.atthasdef THEN 'DEFAULT' END)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    UNION ALL
    SELECT 'constraint', c.relname || '.' || o.conname, concat_ws(' ',
        CASE o.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' WHEN 'c' THEN 'CHECK' WHEN 'f' THEN 'FOREIGN KEY' ELSE o.contype::text END,
        (SELECT '(' || string_agg(a.attname, ', ' ORDER BY k.place) || ')' FROM unnest(o.conkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number),
        CASE WHEN NOT o.convalidated THEN 'NOT VALID' END)
    FROM pg_class c JOIN pg_constraint o ON o.conrelid = c.oid
    WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND o.contype <> 'n'
    UNION ALL
    SELECT 'index', x.relname, concat_ws(' ', 'of', c.relname || ' (' || (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true), ', '
            ORDER BY k) FROM generate_series(1, i.indnkeyatts) AS k) || ')',
        CASE WHEN i.indpred IS NOT NULL THEN 'WHERE' END, CASE WHEN NOT i.indisvalid THEN 'INVALID' END)
    FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE c.relnamespace = 'holdfast'::regnamespace AND NOT c.relispartition
        AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid)
    UNION ALL
    SELECT 'function', p.proname, concat_ws(' ', '(' || pg_get_function_identity_arguments(p.oid) || ')',
        (SELECT l.lanname FROM pg_language l WHERE l.oid = p.prolang),
        CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
        CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END, 'AS ' || left(encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex'), 12))
    FROM pg_proc p WHERE p.pronamespace = 'holdfast'::regnamespace";

/// Before the digest of a function's body, in its form.
const BODY: &str = " AS ";

/// Kinds of things, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Table,
    Column,
    Constraint,
    Function,
    Index,
    View,
}

const KINDS: [(&str, Kind); 6] = [
    ("table", Kind::Table),
    ("column", Kind::Column),
    ("constraint", Kind::Constraint),
    ("function", Kind::Function),
    ("index", Kind::Index),
    ("view", Kind::View),
];

impl Kind {
    fn of(word: &str) -> Option<Self> {
        KINDS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
    }

    const fn word(self) -> &'static str {
        match self {
            Kind::Table => "table",
            Kind::Column => "column",
            Kind::Constraint => "constraint",
            Kind::Function => "function",
            Kind::Index => "index",
            Kind::View => "view",
        }
    }
}

/// One thing of the schema, by its name within it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Thing {
    kind: Kind,
    name: String,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} holdfast.{}", self.kind.word(), self.name)
    }
}

/// What is listed, or there: a function has a form for each of its argument lists.
type Things = BTreeMap<Thing, Vec<String>>;

fn add(things: &mut Things, kind: &str, name: &str, form: &str) {
    if let Some(kind) = Kind::of(kind) {
        things.entry(Thing { kind, name: name.to_owned() }).or_default().push(form.to_owned());
    }
}

fn wanted() -> Things {
    let mut things = Things::new();
    for line in WANTED.lines() {
        if let Some(((kind, name), form)) = line.split_once(':').and_then(|(thing, form)| Some((thing.split_once(' ')?, form))) {
            add(&mut things, kind, name, form.trim_start());
        }
    }
    things
}

async fn there(client: &Client, at: &Whereabouts) -> Result<Things, Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let mut things = Things::new();
    for row in client.query(THERE, &[]).await.map_err(said)? {
        add(&mut things, row.try_get(0).map_err(said)?, row.try_get(1).map_err(said)?, row.try_get(2).map_err(said)?);
    }
    Ok(things)
}

/// What a database lacks, by name: of what is there in another form, both forms.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lack {
    /// Without it a responder decides wrongly, or not at all.
    grave: Vec<String>,
    /// Without it all is decided as ever, more slowly or less safely.
    slight: Vec<String>,
}

impl Lack {
    fn of(wanted: &Things, there: &Things) -> Self {
        let mut lack = Lack::default();
        for (thing, forms) in wanted {
            let found = there.get(thing);
            let Some(form) = forms.iter().find(|form| found.is_none_or(|found| !found.contains(form))) else { continue };
            let said = match found.map(|found| found.join(" and ")) {
                // Whoever has no table lacks all of it.
                None if is_within_any(thing, &lack.grave) => continue,
                None => thing.to_string(),
                Some(found) if thing.kind == Kind::Function && without_body(&found) == without_body(form) => {
                    format!("{thing} (its body is not the one that `holdfast migrate` makes)")
                }
                Some(found) => {
                    let (found, form) = (without_body(&found), without_body(form));
                    format!("{thing} (it is {}, and should be {})", or_plain(found), or_plain(form))
                }
            };
            match thing.kind {
                // One that keys are unique by is what writing counts on; the others only look after whoever writes by hand.
                Kind::Constraint if form.starts_with("CHECK") || form.starts_with("FOREIGN KEY") => lack.slight.push(said),
                Kind::Table | Kind::Column | Kind::Constraint | Kind::Function => lack.grave.push(said),
                Kind::Index | Kind::View => lack.slight.push(said),
            }
        }
        lack
    }

    /// Without what nobody can work.
    ///
    /// # Errors
    /// Something of it is missing.
    pub(super) fn grave(&self, at: &Whereabouts) -> Result<(), Trouble> {
        if self.grave.is_empty() { Ok(()) } else { Err(Trouble::Incomplete(listed(&self.grave), at.clone())) }
    }

    /// All that is missing.
    ///
    /// # Errors
    /// Something is.
    pub(super) fn any(&self, at: &Whereabouts) -> Result<(), Trouble> {
        let all: Vec<String> = self.grave.iter().chain(&self.slight).cloned().collect();
        if all.is_empty() { Ok(()) } else { Err(Trouble::Incomplete(listed(&all), at.clone())) }
    }

    /// What can be done without for now, for people.
    pub(super) fn slight(&self, at: &Whereabouts) -> Option<String> {
        let trouble = Trouble::Incomplete(listed(&self.slight), at.clone());
        (!self.slight.is_empty()).then(|| format!("the ledger works meanwhile, and yet: {trouble}"))
    }
}

/// Whether it is of a table that is told as missing already.
fn is_within_any(thing: &Thing, told: &[String]) -> bool {
    let Some((of, _)) = thing.name.split_once('.') else { return false };
    told.contains(&Thing { kind: Kind::Table, name: of.to_owned() }.to_string())
}

/// A function's form without the digest, which tells nobody anything; any other's as it is.
fn without_body(form: &str) -> &str {
    form.rsplit_once(BODY).map_or(form, |(head, _)| head)
}

fn or_plain(form: &str) -> &str {
    if form.is_empty() { "plain" } else { form }
}

/// Compares what is there with what should be.
///
/// # Errors
/// The database does not tell.
pub(super) async fn compare(client: &Client, at: &Whereabouts) -> Result<Lack, Trouble> {
    Ok(Lack::of(&wanted(), &there(client, at).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::postgres::tests::server::{run, shared};

    /// Where the list is, for whoever renews it.
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ledger/postgres/migrations/catalogue.txt");

    fn written(things: &Things) -> String {
        let lines = things.iter().flat_map(|(thing, forms)| {
            forms.iter().map(move |form| format!("{} {}: {form}", thing.kind.word(), thing.name).trim_end().to_owned() + "\n")
        });
        lines.collect()
    }

    /// After a new step: `HOLDFAST_RENEW_CATALOGUE=1 cargo test --lib -- the_list_is_what_the_migrations_make`.
    #[test]
    fn the_list_is_what_the_migrations_make() {
        let Some(server) = shared() else { return };
        let database = server.reach(&server.database());
        let made = run(async {
            let (client, _driving) = database.open(|_| {}).await.unwrap();
            there(&client, &database.whereabouts()).await.unwrap()
        });
        if std::env::var_os("HOLDFAST_RENEW_CATALOGUE").is_some() {
            std::fs::write(FILE, written(&made)).unwrap();
        }
        let listed = std::fs::read_to_string(FILE).unwrap();
        assert_eq!(written(&made), listed, "the list is stale: run this test with HOLDFAST_RENEW_CATALOGUE=1");
        if std::env::var_os("HOLDFAST_RENEW_CATALOGUE").is_none() {
            assert_eq!(wanted(), made);
        }
    }
}
