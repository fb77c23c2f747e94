//! What a responder has to be allowed: the one list of it, which `check`, a start and a return of the database look at. Nothing here
//! grants anything.

use tokio_postgres::Client;

use super::catalogue::{self, Lack};
use super::trouble::{Trouble, Whereabouts};

/// Every table that a responder uses, and what it does to it besides reading.
pub(super) const TABLES: &[(&str, &[&str])] = &[
    ("account", &["INSERT", "UPDATE"]),
    ("agent_claim", &["INSERT", "UPDATE", "DELETE"]),
    ("agent_deed", &["INSERT"]),
    ("agent_numbering", &["UPDATE"]),
    ("agent_object", &["INSERT", "UPDATE"]),
    ("agent_once", &["INSERT"]),
    ("agent_seal", &["INSERT"]),
    ("agent_text", &["INSERT", "DELETE"]),
    ("agent_use", &["INSERT", "UPDATE"]),
    ("asked", &["INSERT", "UPDATE"]),
    ("card", &["INSERT", "UPDATE"]),
    ("cardholder", &["INSERT", "UPDATE"]),
    ("chain", &["INSERT"]),
    ("counter", &["INSERT", "UPDATE"]),
    ("dropped", &[]),
    ("hold", &["INSERT", "UPDATE"]),
    ("hold_name", &["INSERT", "UPDATE"]),
    ("lease", &["UPDATE"]),
    ("migration", &[]),
    ("node", &["INSERT", "UPDATE", "DELETE"]),
    ("numbering", &["UPDATE"]),
    ("operation", &["INSERT"]),
    ("ownership", &["INSERT", "UPDATE"]),
    ("profile", &["INSERT", "UPDATE"]),
    ("profile_numbering", &["UPDATE"]),
    ("record", &["INSERT"]),
    ("ruleset", &["INSERT"]),
    ("setting", &[]),
    ("signal", &["INSERT"]),
    ("slip", &["INSERT", "UPDATE"]),
    ("switch", &["INSERT", "UPDATE"]),
    ("told", &["INSERT"]),
    ("webhook_endpoint", &["INSERT", "UPDATE"]),
    ("webhook_letter", &["INSERT", "UPDATE", "DELETE"]),
    ("webhook_place", &["INSERT", "UPDATE"]),
    ("webhook_replay", &["INSERT", "UPDATE", "DELETE"]),
];

/// Columns that a responder changes, of tables that it otherwise only adds to.
pub(super) const COLUMNS: &[(&str, &str)] =
    &[("agent_deed", "before"), ("agent_deed", "after"), ("agent_seal", "names_are_texts")];

/// Every function that a responder calls.
pub(super) const FUNCTIONS: &[&str] =
    &["counter_over", "decide", "drop_counters", "drop_partitions", "go_on_counting", "make_partitions", "varint"];

/// Which of them the database does not allow. What is not there at all, the catalogue says.
const FORBIDDEN: &str = "
    SELECT w.what || ' on holdfast.' || w.name AS wanted
    FROM unnest($1::text[], $2::text[]) AS w (name, what)
    JOIN pg_class c ON c.relname = w.name AND c.relnamespace = 'holdfast'::regnamespace
    WHERE NOT has_table_privilege(c.oid, w.what)
    UNION ALL
    SELECT 'UPDATE of ' || w.name || ' on holdfast.' || w.of_table
    FROM unnest($4::text[], $5::text[]) AS w (of_table, name)
    JOIN pg_class c ON c.relname = w.of_table AND c.relnamespace = 'holdfast'::regnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.name AND NOT a.attisdropped
    WHERE NOT has_column_privilege(c.oid, a.attnum, 'UPDATE')
    UNION ALL
    SELECT 'EXECUTE on function holdfast.' || w.name
    FROM unnest($3::text[]) AS w (name)
    JOIN pg_proc p ON p.proname = w.name AND p.pronamespace = 'holdfast'::regnamespace
    WHERE NOT has_function_privilege(p.oid, 'EXECUTE')";

/// The most that is listed: whoever has none of the role's rights lacks all of it.
const LISTED_MAX: usize = 8;

/// Makes sure that the schema has what this program's steps make, as far as nobody can work without it, and that a responder may do
/// what it does; what else is missing.
///
/// # Errors
/// It is not: what.
pub async fn must_be_met(client: &Client, at: &Whereabouts) -> Result<Lack, Trouble> {
    let lack = catalogue::compare(client, at).await?;
    lack.grave(at)?;
    must_be_allowed(client, at).await?;
    Ok(lack)
}

async fn must_be_allowed(client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let (mut names, mut wanted) = (Vec::new(), Vec::new());
    for (name, written) in TABLES {
        for what in std::iter::once(&"SELECT").chain(*written) {
            names.push(*name);
            wanted.push(*what);
        }
    }
    let (tables, columns): (Vec<&str>, Vec<&str>) = COLUMNS.iter().copied().unzip();
    let rows = client.query(FORBIDDEN, &[&names, &wanted, &FUNCTIONS, &tables, &columns]).await.map_err(said)?;
    let forbidden: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    let forbidden = forbidden.map_err(said)?;
    if forbidden.is_empty() { Ok(()) } else { Err(Trouble::NotAllowed(listed(&forbidden), at.clone())) }
}

/// So many of them, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    let some: Vec<&str> = names.iter().take(LISTED_MAX).map(String::as_str).collect();
    match names.len().saturating_sub(LISTED_MAX) {
        0 => some.join(", "),
        more => format!("{}, and {more} more", some.join(", ")),
    }
}
