//! The rulesets that a journal keeps, by hash: compiled as they were when they were published, for whoever reads its records.

use std::collections::BTreeMap;

use holdfast_core::rules::{Ruleset, RulesetHash};
use holdfast_core::{ProgramId, RuleId};

use crate::config::ruleset::read_kept;
use crate::journal::{JournalError, KeptKind, KeptRuleset, Reader};

/// A journal's rulesets.
#[derive(Debug, Default)]
pub struct KeptRules {
    by_hash: BTreeMap<([u8; 32], ProgramId), Result<Ruleset, String>>,
}

/// A rule or limit as its ruleset describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What its author says about it.
    pub description: Option<String>,
    /// What it does, in one line.
    pub does: String,
}

impl KeptRules {
    /// Compiles all that a journal keeps.
    ///
    /// # Errors
    /// The disk. A ruleset that this program does not read is remembered as such.
    pub fn of(reader: &Reader) -> Result<Self, JournalError> {
        let rules = reader.rulesets()?.into_iter().filter(|kept| kept.kind == KeptKind::Rules);
        let by_hash = rules.filter_map(|kept| Some(((kept.hash, ProgramId::new(&kept.program).ok()?), compile(&kept)))).collect();
        Ok(KeptRules { by_hash })
    }

    /// The ruleset of a program by its hash.
    ///
    /// # Errors
    /// It is not kept, or this program does not read it.
    pub fn get(&self, program: &ProgramId, hash: &[u8; 32]) -> Result<&Ruleset, String> {
        match self.by_hash.get(&(*hash, *program)) {
            Some(Ok(ruleset)) => Ok(ruleset),
            Some(Err(problem)) => Err(problem.clone()),
            None => Err(format!("ruleset {:.12} is not kept", RulesetHash::from_bytes(*hash))),
        }
    }

    /// What a ruleset says of one of its rules or limits.
    #[must_use]
    pub fn describe(&self, program: &ProgramId, hash: &[u8; 32], id: &RuleId) -> Option<Described> {
        let ruleset = self.get(program, hash).ok()?;
        let owned = |description: Option<&str>| description.map(str::to_owned);
        let rule = ruleset.rules().iter().find(|rule| rule.id() == *id);
        let limit = ruleset.limits().iter().find(|limit| limit.id() == *id);
        rule.map(|rule| Described { description: owned(rule.description()), does: rule.to_string() })
            .or_else(|| limit.map(|limit| Described { description: owned(limit.description()), does: limit.to_string() }))
    }
}

fn compile(kept: &KeptRuleset) -> Result<Ruleset, String> {
    let program = ProgramId::new(&kept.program).map_err(|error| error.to_string())?;
    let name = format!("ruleset {:.12}", RulesetHash::from_bytes(kept.hash));
    let ruleset = read_kept(&name, &kept.source, program).map_err(|errors| errors.to_string())?;
    if *ruleset.hash().as_bytes() == kept.hash { Ok(ruleset) } else { Err(format!("{name} is not what its hash says")) }
}
