//! What can be seen before the database is there: what an earlier process of this responder kept of what it saw.
//!
//! Nothing here reads a database, and nothing is shown over what this process has seen itself.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::hold::Answered;
use holdfast_core::{IdempotencyKey, Timestamp};

use super::Common;
use super::snapshot::{OwnAct, Place, Snapshot};
use crate::clock;
use crate::journal::KeptRuleset;
use crate::ledger::Origin;

/// Nothing is shown that is older: too much may have happened at other responders.
const SHOWN_WITHIN: Duration = Duration::from_secs(3600);

/// A shared ledger that is yet to be ready, to be looked at.
pub struct Early {
    pub(super) place: Place,
    pub(super) common: Arc<Common>,
    /// Since when this process would have followed.
    pub(super) followed_at: Timestamp,
}

/// What an earlier process saw, and did since.
pub struct Kept(Snapshot, Vec<OwnAct>);

impl Early {
    /// Reads what was kept; nothing if there is nothing, of another database, or of longer ago than an hour, or if it is not known what the
    /// earlier process did since. Blocks.
    ///
    /// # Errors
    /// The disk, or what is there, for people.
    pub fn read(&self) -> Result<Option<Kept>, String> {
        let kept = Snapshot::read_with_own(&self.place).map_err(|error| error.to_string())?;
        let since = self.followed_at.saturating_sub(SHOWN_WITHIN);
        let kept = kept.filter(|(kept, _)| kept.as_of >= since && kept.as_of <= clock::utc());
        Ok(kept.map(|(seen, acts)| Kept(seen, acts)))
    }

    /// Shows it until this process has seen the database.
    pub fn show(&self, Kept(snapshot, acts): Kept) {
        self.common.last_seen.restore(snapshot, &acts, self.followed_at);
    }

    /// What is seen to have been answered to a key, by whichever process.
    #[must_use]
    pub fn answered(&self, origin: &Origin, key: &IdempotencyKey) -> Option<Answered> {
        self.common.last_seen.answered(origin, key)
    }
}

impl Kept {
    /// The rulesets and tables that were last published.
    #[must_use]
    pub fn rulesets(&self) -> &[KeptRuleset] {
        &self.0.rulesets
    }
}
