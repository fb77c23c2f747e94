//! Of rulesets and stand-in tables: publishing them, their versions, and taking one back.

use holdfast_core::{ProgramId, Timestamp};
use serde::{Deserialize, Serialize};

use super::from_text;
use crate::journal::KeptKind;

/// A ruleset, or a stand-in table, to put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesPublish {
    /// Which of the two, and for which platform.
    pub kind: KeptKind,
    /// For which program.
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
    /// What its author calls the file, for error messages.
    pub file: String,
    /// The file's text.
    pub text: String,
    /// Who publishes.
    pub by: String,
    /// Why.
    pub why: String,
}

/// Whose versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesHistory {
    /// Of what.
    pub kind: KeptKind,
    /// The program.
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
}

/// Which version to put in force again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesRollback {
    /// Of what.
    pub kind: KeptKind,
    /// For which program.
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
    /// The version's hash, or a beginning of it that no other version has; if absent, the one that was in force before the
    /// one in force now came for the first time.
    pub to: Option<String>,
    /// Who rolls back.
    pub by: String,
    /// Why.
    pub why: String,
}

/// One version of a ruleset or stand-in table, each time it came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesVersion {
    /// Of what.
    pub kind: KeptKind,
    /// The program.
    #[serde(deserialize_with = "from_text")]
    pub program: ProgramId,
    /// The content's hash, in hexadecimal.
    pub hash: String,
    /// When it came into force.
    pub at: Timestamp,
    /// Who put it there.
    pub by: String,
    /// Why.
    pub why: String,
    /// Whether it is the one that decides now.
    pub in_force: bool,
    /// Whether the ledger, which was away, has yet to hear of it.
    #[serde(default)]
    pub waits_for_ledger: bool,
    /// The hashes of what came into force since the version that a rollback takes back came for the first time, and that it goes back
    /// behind.
    #[serde(default)]
    pub passed_over: Vec<String>,
}
