//! An answer of stand-in on its way out: from the moment at which it is handed to the spool it is told or given up, once, also
//! where a drain that has no time left, or a bug, takes the callback away while the disk is waited for.

use std::sync::Arc;

use holdfast_core::Decision;
use holdfast_core::stand_in::ToldName;

use super::deadline::Deadline;
use super::stand_in::StandIn;
use super::told::{Booked, Claim, Told};
use super::waiting::{Said, Waiting};
use crate::clock;
use crate::ledger::Mailbox;
use crate::spool::{Entry, Kept, Put, Spool};

/// One answer, and what has to become of it.
pub struct Telling<'a> {
    claim: Option<Claim<'a>>,
    told: Told,
    put: Arc<Put>,
    /// What an approval was counted under, where it was.
    counted: Option<(&'a StandIn, ToldName)>,
    /// What is known of its account's money from now on.
    said: Option<(&'a Waiting, Said)>,
}

/// An approval that is not durable in time is none: the key is still to be answered.
pub struct GivenUp<'a>(pub Claim<'a>);

impl<'a> Telling<'a> {
    /// Hands the answer to the spool, for a worker.
    pub fn begin(
        claim: Claim<'a>,
        told: Told,
        (spool, worker): (&Spool, Option<Arc<Mailbox>>),
        entry: Entry,
        counted: Option<(&'a StandIn, ToldName)>,
        waiting: &'a Waiting,
    ) -> Self {
        // Before the ledger can hear of it.
        let mut said = waiting.says(&entry);
        let written = said.as_mut().and_then(|said| said.written.take());
        let put = spool.put_of(worker, entry, clock::utc(), written);
        Telling { claim: Some(claim), told, put, counted, said: said.map(|said| (waiting, said)) }
    }

    /// Waits until the answer is durable, as long as the deadline lets it.
    ///
    /// # Errors
    /// An approval that is not. A decline is told all the same, and becomes durable when its disk lets it.
    pub async fn tell(mut self, deadline: Deadline) -> Result<Told, GivenUp<'a>> {
        self.put.durable_by(deadline.keep_by).await;
        let told = self.told;
        match self.settle() {
            Some(claim) => Err(GivenUp(claim)),
            None => Ok(told),
        }
    }

    /// Gives an approval up that was doubted meanwhile: its key is to be answered still. Nothing where it is durable, and so counts as told.
    pub fn give_up(mut self) -> Option<Claim<'a>> {
        self.settle()
    }

    /// The answer counts as told, or is given up: then its key comes back. Once.
    fn settle(&mut self) -> Option<Claim<'a>> {
        let claim = self.claim.take()?;
        let stands = match self.told.decision {
            Decision::Decline { .. } => true,
            Decision::Approve { .. } => self.put.give_up() == Kept::Durable,
        };
        if stands {
            if claim.stood_in(self.told) == Booked::CrowdedOut {
                // Nobody remembers it: it must not wait for its disk in memory either. If that has it, the ledger hears of it.
                if self.put.give_up() != Kept::Durable {
                    self.unsay();
                }
            }
            return None;
        }
        self.unsay();
        if let Some((stand_in, name)) = self.counted.take() {
            stand_in.give_back(&name);
        }
        Some(claim)
    }

    fn unsay(&mut self) {
        if let Some((waiting, said)) = self.said.take() {
            waiting.unsays(&said, &self.put.entry);
        }
    }
}

impl Drop for Telling<'_> {
    /// Nobody writes it any more: what is durable counts as told, and a retry hears it.
    fn drop(&mut self) {
        drop(self.settle());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_core::hold::ToldAnswer;
    use holdfast_core::{AccountId, Basis, DeclineReason, IdempotencyKey, StandInCause};

    use super::*;
    use crate::fixture::{origin, program, purchase, usd};
    use crate::ledger::Adopt;
    use crate::responder::told::{Begun, Name, ToldBook};
    use crate::spool::{FILE, Observer, Settings, Sync};

    struct Silent;

    impl Observer for Silent {}

    fn approve() -> Decision {
        Decision::Approve { amount: usd(100) }
    }

    const DECLINE: Decision = Decision::Decline { reason: DeclineReason::LedgerUnavailable };

    fn entry(decision: Decision) -> Entry {
        let request = purchase("key", 100);
        let (digest, basis) = (request.content_digest(), Basis::StandIn(StandInCause::Overloaded));
        let told = match decision {
            Decision::Approve { amount } => ToldAnswer::Approved { amount },
            Decision::Decline { reason } => ToldAnswer::Declined { reason },
        };
        let adopt = Adopt {
            origin: origin(),
            request,
            digest,
            verdict: None,
            told,
            basis,
            governed: None,
            received_at: clock::utc(),
            slip: None,
        };
        Entry::Told(Box::new(adopt), Some(AccountId::new("a").unwrap()))
    }

    fn spool(directory: &tempfile::TempDir, entries_max: i64) -> Spool {
        let settings = Settings { path: directory.path().join(FILE), sync: Sync::Full, entries_max };
        Spool::open(settings, Arc::new(Silent)).unwrap()
    }

    /// Begins to tell, and goes away when it is durable or so much time is over. Whether a retry hears it then, and how many entries there are.
    async fn hears_after(decision: Decision, entries_max: i64, until_durable: Duration) -> (bool, usize) {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(&directory, entries_max);
        let (book, digest) = (ToldBook::new(10), purchase("key", 100).content_digest());
        let name = Name { principal: 0, key: IdempotencyKey::new("key").unwrap() };
        let Begun::First(claim) = book.begin(name, digest) else { panic!("the key is not free") };
        let told = Told { decision, basis: Basis::StandIn(StandInCause::Overloaded), asked_at: Some(clock::utc()) };
        let (waiting, account) = (Waiting::default(), AccountId::new("a").unwrap());
        let telling = Telling::begin(claim, told, (&spool, None), entry(decision), None, &waiting);
        telling.put.durable_by(clock::instant().checked_add(until_durable).unwrap()).await;
        drop(telling);
        let hears = matches!(book.begin(name, digest), Begun::Told(heard) if heard == told);
        let counts = !waiting.of(program(), account).to_hear.is_empty();
        assert_eq!(counts, hears, "what is told is looked at as long as the ledger has yet to hear it");
        let reader = spool.reader().unwrap();
        drop(spool);
        (hears, reader.page(0, i64::MAX, 9).unwrap().len())
    }

    #[tokio::test]
    async fn what_is_taken_away_leaves_an_answer_that_a_retry_hears_or_nothing() {
        let long = Duration::from_secs(20);
        assert_eq!(hears_after(approve(), 9, long).await, (true, 1), "it is durable");
        assert_eq!(hears_after(DECLINE, 9, long).await, (true, 1));
        assert_eq!(hears_after(approve(), 0, long).await, (false, 0), "there is no room for it");
        let (hears, entries) = hears_after(approve(), 9, Duration::ZERO).await;
        assert_eq!(usize::from(hears), entries, "one or the other");
    }
}
