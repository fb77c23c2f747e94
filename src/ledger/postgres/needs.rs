//! What a responder has to be allowed: the one list of it, which `check`, a start and a return of the database look at. Nothing here
//! grants anything.

use tokio_postgres::Client;

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

/// Which of them the database does not allow, or does not have (`null`).
const UNMET: &str = "
    SELECT w.what || ' on holdfast.' || w.name AS wanted,
        CASE WHEN c.oid IS NULL THEN NULL ELSE has_table_privilege(c.oid, w.what) END AS allowed, 'table holdfast.' || w.name AS thing
    FROM unnest($1::text[], $2::text[]) AS w (name, what)
    LEFT JOIN pg_class c ON c.relname = w.name AND c.relnamespace = 'holdfast'::regnamespace
    WHERE c.oid IS NULL OR NOT has_table_privilege(c.oid, w.what)
    UNION ALL
    SELECT 'UPDATE of ' || w.name || ' on holdfast.' || w.of_table, CASE WHEN a.attrelid IS NULL THEN NULL ELSE false END,
        'column holdfast.' || w.of_table || '.' || w.name
    FROM unnest($4::text[], $5::text[]) AS w (of_table, name)
    JOIN pg_class c ON c.relname = w.of_table AND c.relnamespace = 'holdfast'::regnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.name AND NOT a.attisdropped
    WHERE a.attrelid IS NULL OR NOT has_column_privilege(c.oid, a.attnum, 'UPDATE')
    UNION ALL
    SELECT 'EXECUTE on function holdfast.' || w.name,
        CASE WHEN p.oid IS NULL THEN NULL ELSE has_function_privilege(p.oid, 'EXECUTE') END, 'function holdfast.' || w.name
    FROM unnest($3::text[]) AS w (name)
    LEFT JOIN pg_proc p ON p.proname = w.name AND p.pronamespace = 'holdfast'::regnamespace
    WHERE p.oid IS NULL OR NOT has_function_privilege(p.oid, 'EXECUTE')";

/// The most that is listed: whoever has none of the role's rights lacks all of it.
const LISTED_MAX: usize = 8;

/// Makes sure that all of it is there and allowed.
///
/// # Errors
/// It is not: what.
pub async fn must_be_met(client: &Client, at: &Whereabouts) -> Result<(), Trouble> {
    let said = |error: tokio_postgres::Error| Trouble::of(&error, at);
    let (mut names, mut wanted) = (Vec::new(), Vec::new());
    for (name, written) in TABLES {
        for what in std::iter::once(&"SELECT").chain(*written) {
            names.push(*name);
            wanted.push(*what);
        }
    }
    let (tables, columns): (Vec<&str>, Vec<&str>) = COLUMNS.iter().copied().unzip();
    let rows = client.query(UNMET, &[&names, &wanted, &FUNCTIONS, &tables, &columns]).await.map_err(said)?;
    let (mut missing, mut forbidden) = (Vec::new(), Vec::new());
    for row in &rows {
        match row.try_get::<_, Option<bool>>("allowed").map_err(said)? {
            None => missing.push(row.try_get::<_, String>("thing").map_err(said)?),
            Some(_) => forbidden.push(row.try_get::<_, String>("wanted").map_err(said)?),
        }
    }
    missing.dedup();
    if !missing.is_empty() {
        return Err(Trouble::Incomplete(listed(&missing), at.clone()));
    }
    if forbidden.is_empty() { Ok(()) } else { Err(Trouble::NotAllowed(listed(&forbidden), at.clone())) }
}

fn listed(names: &[String]) -> String {
    let some: Vec<&str> = names.iter().take(LISTED_MAX).map(String::as_str).collect();
    match names.len().saturating_sub(LISTED_MAX) {
        0 => some.join(", "),
        more => format!("{}, and {more} more", some.join(", ")),
    }
}
