//! What stays of an approval when the ledger has confirmed it: how caps of time count it on, and nothing else of what was told. A start
//! reads all of them before it approves anything. A form once written is never changed.

use holdfast_core::stand_in::ToldApproval;
use holdfast_core::{ProgramId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, digest_of};
use super::rows::Confirmed;

/// A confirmed approval, as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counting {
    /// Its entry's number.
    pub number: i64,
    /// Whose it is.
    pub program: ProgramId,
    /// What counts.
    pub approval: ToldApproval,
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
enum Written {
    Approval { program: ProgramId, approval: ToldApproval },
}

impl Counting {
    /// How an entry that came then counts; `None` if it counts nowhere.
    #[must_use]
    pub fn of(number: i64, entry: &Entry, at: Timestamp) -> Option<Self> {
        Some(Counting { number, program: entry.origin().program, approval: entry.approval(at)? })
    }

    /// As bytes.
    ///
    /// # Errors
    /// There is no memory for them.
    pub(super) fn to_bytes(self) -> Result<Vec<u8>, postcard::Error> {
        let Counting { program, approval, .. } = self;
        postcard::to_allocvec(&Written::Approval { program, approval })
    }
}

/// Whose approval was kept, and how it counts. Nothing of one that was damaged, or that counts nowhere.
pub(super) fn read(kept: &Confirmed<'_>) -> Option<(ProgramId, ToldApproval)> {
    match kept {
        Confirmed::Entry(row) => {
            let entry = row.entry().ok()?;
            Some((entry.origin().program, entry.approval(row.at)?))
        }
        Confirmed::Counted { body, digest } => {
            if digest_of(body) != *digest {
                return None;
            }
            let (Written::Approval { program, approval }, rest) = postcard::take_from_bytes(body).ok()?;
            rest.is_empty().then_some((program, approval))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{Silent, approval, durable, settings};
    use super::*;
    use crate::clock;
    use crate::spool::{Held, Kept, Spool};

    #[tokio::test]
    async fn a_confirmed_approval_counts_as_its_entry_did_whichever_version_kept_it() {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(&directory);
        let spool = Spool::open(settings.clone(), Arc::new(Silent)).unwrap();
        let (mut came, mut counts) = (Vec::new(), Vec::new());
        for (number, name) in [(1, "one"), (2, "two")] {
            let (entry, at) = (approval(name), clock::utc());
            came.push(Counting::of(number, &entry, at).unwrap());
            counts.push((entry.origin().program, entry.approval(at).unwrap()));
            assert_eq!(durable(&spool.put(entry, at)).await, Kept::Durable);
        }
        // As an earlier version kept it.
        let older = rusqlite::Connection::open(&settings.path).unwrap();
        older
            .execute_batch("INSERT INTO confirmed SELECT * FROM entry WHERE number = 1; DELETE FROM entry WHERE number = 1")
            .unwrap();
        drop(older);
        spool.confirm(came.split_off(1));
        drop(spool);
        let spool = Spool::open(settings.clone(), Arc::new(Silent)).unwrap();
        spool.recall(|_, _, _| panic!("nothing waits")).unwrap();
        assert_eq!(spool.fill().held, Held::default());
        let mut kept = Vec::new();
        spool.confirmed(|program, approval| kept.push((program, approval))).unwrap();
        assert_eq!(kept, counts);
        assert!(spool.reader().unwrap().has_told().unwrap() && spool.reader().unwrap().knew_a_ledger().unwrap());
        // What was damaged counts nowhere, and stops nothing.
        let damage = rusqlite::Connection::open(&settings.path).unwrap();
        damage.execute_batch("UPDATE counted SET body = x'00'").unwrap();
        kept.clear();
        spool.confirmed(|program, approval| kept.push((program, approval))).unwrap();
        assert_eq!(kept, counts[..1]);
    }
}
