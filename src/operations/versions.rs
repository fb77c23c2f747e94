//! What is published, listed and taken back of rulesets and stand-in tables, by whoever may.

use std::sync::Arc;

use holdfast_core::ProgramId;
use holdfast_core::card_number::stands_in_text;
use holdfast_core::rules::{Ruleset, RulesetHash};
use holdfast_core::stand_in::StandInPolicy;

use super::in_turn::Turn;
use super::{Counter, Desk, InForce, refused, stand_in, version, whole};
use crate::clock;
use crate::config::{ruleset, stand_in as table};
use crate::control::protocol::{RulesHistory, RulesPublish, RulesRollback};
use crate::control::{OperationError, RulesVersion};
use crate::ledger::{KeptKind, KeptRuleset};

/// What somebody publishes, once it is read.
enum Loaded {
    Rules(Ruleset),
    Table(StandInPolicy),
}

impl Desk {
    /// Puts in force what somebody publishes.
    pub(super) async fn publish_version(&self, publish: &RulesPublish) -> Result<RulesVersion, OperationError> {
        let counter = self.counter(publish.program)?;
        // What is wrong in it is told without waiting for anybody.
        let loaded = load(counter, publish)?;
        let turn = self.in_turn.of(publish.kind).await;
        self.publish_in_turn(counter, publish, loaded, &turn).await
    }

    async fn publish_in_turn(
        &self,
        counter: &Counter,
        publish: &RulesPublish,
        loaded: Loaded,
        turn: &Turn<'_>,
    ) -> Result<RulesVersion, OperationError> {
        match loaded {
            Loaded::Rules(loaded) => {
                let named = (KeptKind::Rules, loaded.hash());
                let kept = self.keep(counter, named, &publish.text, &publish.by, &publish.why).await?;
                self.put_in_force(counter, Arc::new(loaded));
                Ok(version(counter.home.program, &kept, InForce::Yes))
            }
            Loaded::Table(loaded) => self.publish_table(counter, publish, loaded, turn).await,
        }
    }

    /// The versions, the latest first.
    pub(super) async fn versions_told(&self, asked: RulesHistory) -> Result<Vec<RulesVersion>, OperationError> {
        let RulesHistory { kind, program } = asked;
        stand_in::must_have(self.counter(program)?, kind)?;
        let versions = self.versions_so_far(program, kind).await?;
        let last = versions.len().saturating_sub(1);
        let waiting = self.waiting(program, kind);
        let told = versions.iter().enumerate().map(|(place, kept)| RulesVersion {
            waits_for_ledger: waiting.contains(kept),
            ..version(program, kept, if place == last { InForce::Yes } else { InForce::No })
        });
        Ok(told.rev().collect())
    }

    /// Puts an earlier version in force again.
    pub(super) async fn roll_back(&self, rollback: RulesRollback) -> Result<RulesVersion, OperationError> {
        let (kind, program) = (rollback.kind, rollback.program);
        let counter = self.counter(program)?;
        stand_in::must_have(counter, kind)?;
        // Its turn begins before it looks what is in force: else it would go back from one that is not, once it is done.
        let turn = self.in_turn.of(kind).await;
        let versions = self.versions_so_far(program, kind).await?;
        let target = target(&versions, &rollback)?;
        let (file, text) =
            (format!("{} {}", stand_in::what(kind), RulesetHash::from_bytes(target.hash)), whole(target)?.to_owned());
        let publish = RulesPublish { kind, program, file, text, by: rollback.by.clone(), why: rollback.why.clone() };
        let loaded = load_again(counter, &publish)?;
        let told = self.publish_in_turn(counter, &publish, loaded, &turn).await?;
        let passed_over = if rollback.to.is_none() { passed_over(&versions, target) } else { Vec::new() };
        Ok(RulesVersion { passed_over, ..told })
    }
}

/// Reads what somebody goes back to: rules that were in force may be again, whatever is asked of new ones since.
fn load_again(counter: &Counter, publish: &RulesPublish) -> Result<Loaded, OperationError> {
    match publish.kind {
        KeptKind::Rules => {
            ruleset::read_in_force(&publish.file, &publish.text, &counter.home).map(Loaded::Rules).map_err(refused)
        }
        KeptKind::StandIn | KeptKind::StandInOf(_) => load(counter, publish),
    }
}

/// Reads what somebody publishes now.
fn load(counter: &Counter, publish: &RulesPublish) -> Result<Loaded, OperationError> {
    let RulesPublish { kind, file, text, .. } = publish;
    match kind {
        KeptKind::Rules => ruleset::read(file, text, &counter.home).map(Loaded::Rules).map_err(refused),
        KeptKind::StandIn | KeptKind::StandInOf(_) => {
            stand_in::must_have(counter, *kind)?;
            // One that approved until a moment that is past would come back as another one.
            table::read_to_publish(file, text, &counter.home, clock::utc()).map(Loaded::Table).map_err(refused)
        }
    }
}

/// The version to go back to.
fn target<'a>(versions: &'a [KeptRuleset], rollback: &RulesRollback) -> Result<&'a KeptRuleset, OperationError> {
    let (program, what) = (rollback.program, stand_in::what(rollback.kind));
    let Some(in_force) = versions.last() else {
        return Err(OperationError::Refused(vec![format!("program `{program}` has published no {what}")]));
    };
    match &rollback.to {
        // Before the one in force came for the first time: a second rollback goes further back, not forth again.
        None => {
            let target = versions.iter().take_while(|kept| kept.hash != in_force.hash).last();
            target.ok_or_else(|| OperationError::Refused(vec![nothing_before(versions, in_force, program, what)]))
        }
        Some(prefix) => unique_by_prefix(versions, prefix),
    }
}

/// Why there is nothing to go back to: there is one version, or the one in force is the first one again.
fn nothing_before(versions: &[KeptRuleset], in_force: &KeptRuleset, program: ProgramId, what: &str) -> String {
    if versions.iter().all(|kept| kept.hash == in_force.hash) {
        return format!("program `{program}` has no earlier {what} to go back to");
    }
    let hash = RulesetHash::from_bytes(in_force.hash);
    format!(
        "the {what} in force in program `{program}`, {hash:.12}, is the one that came first, and nothing came before it; to go to one that \
         came since, name it with `--to`: `history` lists them"
    )
}

/// What came into force since the last version came for the first time, but for it and the target. No version says whether it was published
/// or gone back to: where the last one was published again, these are what somebody may have meant.
fn passed_over(versions: &[KeptRuleset], target: &KeptRuleset) -> Vec<String> {
    let Some(in_force) = versions.last() else { return Vec::new() };
    let since = versions.iter().skip_while(|kept| kept.hash != in_force.hash);
    let mut hashes = Vec::new();
    for kept in since.filter(|kept| ![in_force.hash, target.hash].contains(&kept.hash)) {
        let hash = RulesetHash::from_bytes(kept.hash).to_string();
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    hashes
}

fn unique_by_prefix<'a>(versions: &'a [KeptRuleset], prefix: &str) -> Result<&'a KeptRuleset, OperationError> {
    let mut matching: Vec<&KeptRuleset> =
        versions.iter().filter(|kept| RulesetHash::from_bytes(kept.hash).to_string().starts_with(prefix)).collect();
    matching.sort_by_key(|kept| kept.hash);
    matching.dedup_by_key(|kept| kept.hash);
    // What was typed may be a card's number.
    let prefix = if stands_in_text(prefix) { "(a card's number)" } else { prefix };
    match matching.as_slice() {
        [only] => Ok(*only),
        [] => Err(OperationError::Refused(vec![format!("no version's hash begins with `{prefix}`; `history` lists them")])),
        [_, ..] => {
            Err(OperationError::Refused(vec![format!("several versions' hashes begin with `{prefix}`: write more of it")]))
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::Timestamp;

    use super::*;

    fn kept(number: u8) -> KeptRuleset {
        KeptRuleset {
            kind: KeptKind::Rules,
            hash: [number; 32],
            program: "demo".to_owned(),
            source: String::new(),
            published_at: Timestamp::EPOCH,
            published_by: "ann".to_owned(),
            why: "to see".to_owned(),
        }
    }

    /// The number of the version that a rollback goes to, and of those that it passes over.
    fn rolled_back(numbers: &[u8]) -> (u8, Vec<u8>) {
        let (by, why) = ("bob".to_owned(), "too loose".to_owned());
        let program = ProgramId::new("demo").unwrap();
        let rollback = RulesRollback { kind: KeptKind::Rules, program, to: None, by, why };
        let versions: Vec<_> = numbers.iter().copied().map(kept).collect();
        let target = target(&versions, &rollback).unwrap();
        let passed = passed_over(&versions, target);
        (target.hash[0], passed.iter().map(|hash| u8::from_str_radix(hash.get(..2).unwrap(), 16).unwrap()).collect())
    }

    #[test]
    fn where_the_first_version_is_in_force_again_it_is_said_why_there_is_no_way_back() {
        let refused = |numbers: &[u8]| {
            let program = ProgramId::new("demo").unwrap();
            let rollback = RulesRollback { kind: KeptKind::Rules, program, to: None, by: "bob".to_owned(), why: "w".to_owned() };
            let versions: Vec<_> = numbers.iter().copied().map(kept).collect();
            let Err(OperationError::Refused(told)) = target(&versions, &rollback) else { panic!("it goes back") };
            told.concat()
        };
        let told = refused(&[1, 2, 1]);
        assert!(told.contains("010101010101, is the one that came first") && told.contains("`--to`"), "{told}");
        assert!(refused(&[1, 1]).ends_with("has no earlier ruleset to go back to"));
    }

    #[test]
    fn a_rollback_goes_behind_the_first_time_of_what_is_in_force_and_names_what_it_passes_over() {
        assert_eq!(rolled_back(&[0, 1, 2]), (1, vec![]));
        // A second rollback; or 1 was published again, and nobody can tell.
        assert_eq!(rolled_back(&[0, 1, 2, 1]), (0, vec![2]));
        assert_eq!(rolled_back(&[0, 1, 2, 3, 2, 1, 1]), (0, vec![2, 3]));
        assert_eq!(rolled_back(&[0, 1, 0, 2, 1, 2]), (0, vec![1]));
        // What it goes to is not passed over, however often it came.
        assert_eq!(rolled_back(&[0, 1, 0, 1]), (0, vec![]));
    }

    #[test]
    fn a_cards_number_that_was_typed_for_a_hash_is_not_repeated() {
        let refused = |prefix| match unique_by_prefix(&[], prefix) {
            Err(OperationError::Refused(problems)) => problems.join("\n"),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused("4111111111111111"), "no version's hash begins with `(a card's number)`; `history` lists them");
        assert!(refused("abc").contains("`abc`"));
    }
}
