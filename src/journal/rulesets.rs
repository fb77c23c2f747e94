//! The rulesets and stand-in tables that were ever published, kept beside the groups that name them by hash. Rows are only ever
//! added.

use std::fmt;
use std::str::FromStr;

use holdfast_core::rules::RulesetHash;
use holdfast_core::{PlatformName, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, params};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a kept text is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeptKind {
    /// A program's rules, limits and hold policy.
    #[default]
    Rules,
    /// A program's stand-in table.
    StandIn,
    /// The stand-in table for one of its platforms.
    StandInOf(PlatformName),
}

const RULES: &str = "rules";
const STAND_IN: &str = "stand_in";

impl fmt::Display for KeptKind {
    /// `rules`, `stand_in`, `stand_in:marqeta`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeptKind::Rules => f.write_str(RULES),
            KeptKind::StandIn => f.write_str(STAND_IN),
            KeptKind::StandInOf(platform) => write!(f, "{STAND_IN}:{platform}"),
        }
    }
}

impl FromStr for KeptKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == RULES => Ok(KeptKind::Rules),
            None if text == STAND_IN => Ok(KeptKind::StandIn),
            Some((STAND_IN, platform)) => {
                PlatformName::new(platform).map(KeptKind::StandInOf).map_err(|_| "is of no platform that can be")
            }
            Some(_) | None => Err("is no kind of text that is kept"),
        }
    }
}

impl Serialize for KeptKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeptKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The schema since which stand-in tables are kept.
pub(super) const WITH_KINDS: i32 = 4;

/// A ruleset, or a stand-in table, as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRuleset {
    /// What it is.
    pub kind: KeptKind,
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

impl KeptRuleset {
    /// Whether its text is the one that was published: records name it by its hash, and nothing else proves it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *RulesetHash::of(&self.source).as_bytes() == self.hash
    }

    /// Whether both are one publication: the same text, put in force by the same person in the same moment.
    #[must_use]
    pub fn is_same_publication(&self, other: &KeptRuleset) -> bool {
        (self.kind, self.hash, self.published_at) == (other.kind, other.hash, other.published_at)
            && (&self.program, &self.published_by) == (&other.program, &other.published_by)
    }

    /// What errors call it.
    #[must_use]
    pub fn named(&self) -> String {
        let (kind, hash) = (self.kind, RulesetHash::from_bytes(self.hash));
        format!("{kind} {hash:.12} of program `{}`, published {}", self.program, self.published_at)
    }
}

pub(super) fn keep(connection: &Connection, ruleset: &KeptRuleset) -> rusqlite::Result<()> {
    let published_at = ruleset.published_at.to_string();
    connection
        .execute(
            "INSERT INTO ruleset (hash, program, source, published_at, published_by, why, kind)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                &ruleset.hash[..],
                ruleset.program,
                ruleset.source,
                published_at,
                ruleset.published_by,
                ruleset.why,
                ruleset.kind.to_string()
            ],
        )
        .map(|_| ())
}

const COLUMNS: &str = "SELECT hash, program, source, published_at, published_by, why";

/// A program's, oldest first.
pub(super) fn of(connection: &Connection, program: &str) -> rusqlite::Result<Vec<KeptRuleset>> {
    let mut statement = connection.prepare(&format!("{COLUMNS}, kind FROM ruleset WHERE program = ?1 ORDER BY number"))?;
    statement.query_map(params![program], read)?.collect()
}

/// All programs', oldest first, in a file of some schema.
pub(super) fn all(connection: &Connection, schema: i32) -> rusqlite::Result<Vec<KeptRuleset>> {
    let kind = if schema < WITH_KINDS { "'rules'" } else { "kind" };
    let mut statement = connection.prepare(&format!("{COLUMNS}, {kind} FROM ruleset ORDER BY number"))?;
    statement.query_map([], read)?.collect()
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeptRuleset> {
    let published_at: String = row.get(3)?;
    let kind: String = row.get(6)?;
    let kind = kind.parse().map_err(|problem: &str| rusqlite::Error::FromSqlConversionFailure(6, Type::Text, problem.into()))?;
    Ok(KeptRuleset {
        kind,
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
