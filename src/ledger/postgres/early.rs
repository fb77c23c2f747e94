//! What can be seen before the database is there: what an earlier process of this responder kept of what it saw.
//!
//! Nothing here reads a database, and nothing is shown over what this process has seen itself.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::Timestamp;

use super::Common;
use super::snapshot::{Place, Snapshot};
use crate::clock;
use crate::journal::KeptRuleset;

/// Nothing is shown that is older: too much may have happened at other responders.
const SHOWN_WITHIN: Duration = Duration::from_secs(3600);

/// A shared ledger that is yet to be ready, to be looked at.
pub struct Early {
    pub(super) place: Place,
    pub(super) common: Arc<Common>,
    /// Since when this process would have followed.
    pub(super) followed_at: Timestamp,
}

/// What an earlier process saw.
pub struct Kept(Snapshot);

impl Early {
    /// Reads what was kept; nothing if there is nothing, of another database, or of longer ago than an hour. Blocks.
    ///
    /// # Errors
    /// The disk, or what is there, for people.
    pub fn read(&self) -> Result<Option<Kept>, String> {
        let kept = Snapshot::read(&self.place).map_err(|error| error.to_string())?;
        let since = self.followed_at.saturating_sub(SHOWN_WITHIN);
        Ok(kept.filter(|kept| kept.as_of >= since && kept.as_of <= clock::utc()).map(Kept))
    }

    /// Shows it until this process has seen the database.
    pub fn show(self, Kept(snapshot): Kept) {
        self.common.last_seen.restore(snapshot, self.followed_at);
    }
}

impl Kept {
    /// The rulesets and tables that were last published.
    #[must_use]
    pub fn rulesets(&self) -> &[KeptRuleset] {
        &self.0.rulesets
    }
}
