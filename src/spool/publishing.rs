//! Brings stand-in tables to the ledger that were put in force while it was away: one after the other, each once, and none over a
//! version that somebody published since.

use super::Entry;
use super::reconcile::{Bringing, NotHeard, Reconciler, not_answered};
use crate::ledger::{Act, Answer, LedgerError};

impl Reconciler {
    /// Publishes the tables of a wave. Gives what else is in it, and the tables that have to be brought again.
    pub(super) async fn publish(&self, wave: Vec<Bringing>) -> (Vec<Bringing>, Vec<Bringing>) {
        let is_table = |bringing: &Bringing| matches!(bringing.entry, Entry::Published(..));
        // Nearly always.
        if !wave.iter().any(is_table) {
            return (wave, Vec::new());
        }
        let (tables, rest): (Vec<_>, Vec<_>) = wave.into_iter().partition(is_table);
        let (mut tables, mut back) = (tables.into_iter(), Vec::new());
        while let Some(bringing) = tables.next() {
            match self.publish_one(&bringing.entry).await {
                Ok(()) => {
                    self.heard.heard(&bringing.entry);
                    self.spool.forget(vec![bringing.number]);
                }
                Err(why) => {
                    if let Some(again) = self.not_heard(bringing, why) {
                        back.push(again);
                        // In their order, or not yet.
                        back.extend(tables);
                        break;
                    }
                }
            }
        }
        (rest, back)
    }

    /// Publishes one, unless the ledger has it already: from a crash before the spool forgot it, or from a ledger that was silent.
    async fn publish_one(&self, entry: &Entry) -> Result<(), NotHeard> {
        let Entry::Published(origin, kept) = entry else { return Ok(()) };
        let known = self.asked(Act::Rulesets(origin.program)).await.map_err(not_answered)?;
        let known = known.into_rulesets().ok_or_else(|| NotHeard::Tripped("the ledger told no versions".to_owned()))?;
        let mut of_kind = known.iter().filter(|version| version.kind == kept.kind);
        if of_kind.clone().any(|version| version.is_same_publication(kept)) {
            return Ok(());
        }
        if let Some(newer) = of_kind.find(|version| version.published_at > kept.published_at) {
            let by = newer.published_by.escape_debug();
            return Err(NotHeard::Refused(format!("a version that {by} published at {} is in force", newer.published_at)));
        }
        self.asked(Act::Publish(kept.clone(), None)).await.map(drop).map_err(not_answered)
    }

    async fn asked(&self, act: Act) -> Result<Answer, LedgerError> {
        let wait = self.submit(act);
        self.ledger.nudge();
        wait.await
    }
}
