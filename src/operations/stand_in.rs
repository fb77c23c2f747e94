//! Stand-in tables as operators publish them: as rulesets are, for a program or for one of its platforms.

use std::sync::Arc;

use holdfast_core::rules::RulesetHash;
use holdfast_core::stand_in::StandInPolicy;

use super::in_turn::Turn;
use super::meanwhile::Where;
use super::{Counter, Desk, InForce, kept_now, refused, version, whole};
use crate::config::stand_in;
use crate::control::protocol::RulesPublish;
use crate::control::{OperationError, RulesVersion};
use crate::ledger::{KeptKind, KeptRuleset};

impl Desk {
    /// Puts a program's last published tables in force; a table that was never published is published as it is configured.
    pub(super) async fn restore_stand_in(&self, counter: &Counter, remarks: &mut Vec<String>) -> Result<(), OperationError> {
        let program = counter.home.program;
        for table in counter.live.stand_in.tables() {
            let (kind, configured) = (table.kind(), table.in_force.load_full());
            let before = *self.in_turn.tables_published();
            if let Some(waits) = self.waiting(program, kind).pop() {
                // It came into force while the ledger was away, and stays so: the ledger is about to hear of it.
                self.put_table_in_force_since(before, counter, kind, &waits)?;
                continue;
            }
            let mut last = self.versions(program, kind).await?.pop();
            if let (None, Some(source), Some(configured)) = (&last, &table.configured, &configured) {
                let why = "the stand-in table that an empty ledger starts with";
                self.keep_first(counter, (kind, configured.hash()), source, why).await?;
                last = self.versions(program, kind).await?.pop();
            }
            match last {
                None => {}
                Some(last) => {
                    if configured.is_some_and(|configured| last.hash != *configured.hash().as_bytes()) {
                        remarks.push(format!(
                            "program {program}: {} {} is in force, published by {}; the configured file is another one: publish \
                             it with `holdfast stand-in publish`",
                            what(kind),
                            RulesetHash::from_bytes(last.hash),
                            last.published_by
                        ));
                    }
                    self.put_table_in_force_since(before, counter, kind, &last)?;
                }
            }
            self.show_table(counter, kind);
        }
        Ok(())
    }

    /// The same, unless one was published here since: that one is later than what was read.
    fn put_table_in_force_since(
        &self,
        before: u64,
        counter: &Counter,
        kind: KeptKind,
        kept: &KeptRuleset,
    ) -> Result<(), OperationError> {
        let published = self.in_turn.tables_published();
        if *published == before { self.put_table_in_force(counter, kind, kept) } else { Ok(()) }
    }

    /// From now on this version, which was published, decides.
    pub(super) fn put_table_in_force(&self, counter: &Counter, kind: KeptKind, kept: &KeptRuleset) -> Result<(), OperationError> {
        let loaded = stand_in::read_in_force("the stand-in table in force", whole(kept)?, &counter.home).map_err(refused)?;
        counter.live.stand_in.put_in_force(kind, Arc::new(loaded));
        self.show_table(counter, kind);
        Ok(())
    }

    /// Keeps a table and puts it in force, in its turn.
    pub(super) async fn publish_table(
        &self,
        counter: &Counter,
        publish: &RulesPublish,
        loaded: StandInPolicy,
        _turn: &Turn<'_>,
    ) -> Result<RulesVersion, OperationError> {
        let named = (publish.kind, loaded.hash());
        let kept = kept_now(counter, named, &publish.text, &publish.by, &publish.why);
        let waits_for_ledger = match self.keep_table(counter.home.program, &kept).await? {
            Where::Ledger => false,
            Where::Spool => true,
        };
        {
            let mut published = self.in_turn.tables_published();
            *published = published.wrapping_add(1);
            counter.live.stand_in.put_in_force(publish.kind, Arc::new(loaded));
        }
        self.show_table(counter, publish.kind);
        Ok(RulesVersion { waits_for_ledger, ..version(counter.home.program, &kept, InForce::Yes) })
    }

    fn show_table(&self, counter: &Counter, kind: KeptKind) {
        let Some(table) = counter.live.stand_in.table(kind) else { return };
        if let (Some(metrics), Some(policy)) = (&self.metrics, table.in_force.load().as_ref()) {
            metrics.stand_in_table(counter.home.program, table.platform, &policy.hash().to_string());
        }
    }
}

/// A platform has a table of its own only where the configuration gives it one.
pub(super) fn must_have(counter: &Counter, kind: KeptKind) -> Result<(), OperationError> {
    let KeptKind::StandInOf(platform) = kind else { return Ok(()) };
    if counter.live.stand_in.table(kind).is_some() {
        return Ok(());
    }
    Err(OperationError::Refused(vec![format!(
        "platform `{platform}` has no stand-in table of its own in program `{}`; [program.stand_in.platforms] of the configuration \
         names those that have one",
        counter.home.program
    )]))
}

/// What a kept text is, in messages.
pub(super) const fn what(kind: KeptKind) -> &'static str {
    match kind {
        KeptKind::Rules => "ruleset",
        KeptKind::StandIn | KeptKind::StandInOf(_) => "stand-in table",
    }
}
