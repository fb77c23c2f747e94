//! The rulesets that were ever published, kept beside the groups that name them by hash. Rows are only ever added.

use holdfast_core::Timestamp;
use rusqlite::{Connection, params};

/// A ruleset as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRuleset {
    /// SHA-256 of its source.
    pub hash: [u8; 32],
    /// Whose it is.
    pub program: String,
    /// The file's text.
    pub source: String,
    /// When.
    pub published_at: Timestamp,
    /// By whom, as they said.
    pub published_by: String,
    /// Why, as they said.
    pub why: String,
}

pub(super) fn keep(connection: &Connection, ruleset: &KeptRuleset) -> rusqlite::Result<()> {
    let published_at = ruleset.published_at.to_string();
    connection
        .execute(
            "INSERT INTO ruleset (hash, program, source, published_at, published_by, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![&ruleset.hash[..], ruleset.program, ruleset.source, published_at, ruleset.published_by, ruleset.why],
        )
        .map(|_| ())
}

const COLUMNS: &str = "SELECT hash, program, source, published_at, published_by, why FROM ruleset";

/// A program's, oldest first.
pub(super) fn of(connection: &Connection, program: &str) -> rusqlite::Result<Vec<KeptRuleset>> {
    let mut statement = connection.prepare(&format!("{COLUMNS} WHERE program = ?1 ORDER BY number"))?;
    statement.query_map(params![program], read)?.collect()
}

/// All programs', oldest first.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<KeptRuleset>> {
    let mut statement = connection.prepare(&format!("{COLUMNS} ORDER BY number"))?;
    statement.query_map([], read)?.collect()
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeptRuleset> {
    let published_at: String = row.get(3)?;
    Ok(KeptRuleset {
        hash: row.get(0)?,
        program: row.get(1)?,
        source: row.get(2)?,
        published_at: published_at
            .parse::<jiff::Timestamp>()
            .map_or(Timestamp::EPOCH, |at| Timestamp::from_unix_micros(at.as_microsecond())),
        published_by: row.get(4)?,
        why: row.get(5)?,
    })
}
