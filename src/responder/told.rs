//! What this process has answered or is answering, by key: a retry joins, or hears the same.
//!
//! A key is here while its question is being decided, and afterwards only if stand-in answered it and the ledger does not
//! know yet. Everything else that was ever answered, the ledger remembers. Nothing here decides.

use std::sync::atomic::{AtomicU32, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use holdfast_core::{Basis, Decision, IdempotencyKey, QuestionDigest, Timestamp};
use tokio::sync::oneshot;

/// A key, and who uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    /// Which program and platform: two mounts of the same pair share their keys.
    pub principal: u16,
    /// The platform's key.
    pub key: IdempotencyKey,
}

/// What was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Yes or no.
    pub decision: Decision,
    /// Why.
    pub basis: Basis,
    /// When it was asked what this answers, where nothing has become of it since; nothing where more may have than is known here.
    pub asked_at: Option<Timestamp>,
}

/// The keys that this process answers for.
#[derive(Debug)]
pub struct ToldBook {
    entries: DashMap<Name, Known, foldhash::fast::RandomState>,
    waiting: AtomicU32,
    waiting_max: u32,
}

#[derive(Debug)]
enum Known {
    /// Being decided; these want to hear it too. What an earlier process told under the key is read meanwhile.
    InFlight(QuestionDigest, Vec<oneshot::Sender<Told>>, Option<Box<Word>>),
    /// Being told, and the ledger has heard it already.
    Heard(QuestionDigest, Vec<oneshot::Sender<Told>>),
    /// Told without the ledger, which has yet to agree.
    Told(QuestionDigest, Told),
}

/// What was told to which question.
type Word = (QuestionDigest, Told);

/// What is known of a key when its question arrives.
#[derive(Debug)]
pub enum Begun<'a> {
    /// Nothing: decide it.
    First(Claim<'a>),
    /// The same question is being decided: wait for its answer. An error means that whoever decided it went away.
    InFlight(oneshot::Receiver<Told>),
    /// Another question of the same key is being decided: which of the two the key belongs to is known when that is over.
    OtherInFlight(oneshot::Receiver<Told>),
    /// It was told already.
    Told(Told),
    /// The key belongs to another question.
    Conflict,
}

impl ToldBook {
    /// An empty book that keeps at most so many answers for the ledger.
    #[must_use]
    pub fn new(waiting_max: u32) -> Self {
        ToldBook { entries: DashMap::default(), waiting: AtomicU32::new(0), waiting_max }
    }

    /// Looks a key up, and claims it if it is free: one act.
    pub fn begin(&self, name: Name, digest: QuestionDigest) -> Begun<'_> {
        match self.entries.entry(name) {
            Entry::Vacant(vacant) => {
                vacant.insert(Known::InFlight(digest, Vec::new(), None));
                Begun::First(Claim { book: self, name, digest, settled: Settled::NotYet })
            }
            Entry::Occupied(mut occupied) => match occupied.get_mut() {
                Known::InFlight(known, joiners, _) | Known::Heard(known, joiners) => {
                    let (sender, receiver) = oneshot::channel();
                    joiners.push(sender);
                    if *known == digest { Begun::InFlight(receiver) } else { Begun::OtherInFlight(receiver) }
                }
                Known::Told(known, told) if digest.is_of(&known.kept()) => Begun::Told(*told),
                Known::Told(..) => Begun::Conflict,
            },
        }
    }

    /// The right to a key, once nobody else answers it; nothing if it was answered without the ledger, which has yet to hear of that.
    pub async fn alone(&self, name: Name, digest: QuestionDigest) -> Option<Claim<'_>> {
        loop {
            match self.begin(name, digest) {
                Begun::First(claim) => return Some(claim),
                // Whatever becomes of that one, it is looked at again.
                Begun::InFlight(other) | Begun::OtherInFlight(other) => drop(other.await),
                Begun::Told(_) | Begun::Conflict => return None,
            }
        }
    }

    /// Takes up what an earlier process told. The last word on a key is what was told; also where this process answers it by now, for want of
    /// time to wait for the earlier one.
    pub fn restore(&self, name: Name, digest: QuestionDigest, told: Told) {
        match self.entries.entry(name) {
            Entry::Vacant(vacant) => {
                vacant.insert(Known::Told(digest, told));
                self.waiting.fetch_add(1, Ordering::Relaxed);
            }
            Entry::Occupied(mut occupied) => match occupied.get_mut() {
                Known::InFlight(.., earlier) => *earlier = Some(Box::new(counts(earlier.as_deref(), (digest, told)))),
                Known::Heard(..) => {}
                Known::Told(known, said) => (*known, *said) = counts(Some(&(*known, *said)), (digest, told)),
            },
        }
    }

    /// The ledger agrees with what was told: it remembers from now on.
    pub fn adopted(&self, name: &Name) {
        let Entry::Occupied(mut occupied) = self.entries.entry(*name) else { return };
        match occupied.get_mut() {
            Known::Told(..) => {
                occupied.remove();
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            // What it has heard is the earlier word.
            Known::InFlight(.., earlier @ Some(_)) => *earlier = None,
            // The ledger was faster than whoever tells it.
            Known::InFlight(digest, joiners, None) => {
                let heard = Known::Heard(*digest, std::mem::take(joiners));
                occupied.insert(heard);
            }
            Known::Heard(..) => {}
        }
    }

    /// What was told to this question is no answer of its key.
    pub fn forget(&self, name: &Name, digest: &QuestionDigest) {
        let Entry::Occupied(mut occupied) = self.entries.entry(*name) else { return };
        match occupied.get_mut() {
            Known::Told(of, _) if is_same(of, digest) => {
                occupied.remove();
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            Known::InFlight(.., earlier) if earlier.as_ref().is_some_and(|earlier| is_same(&earlier.0, digest)) => {
                *earlier = None
            }
            Known::Told(..) | Known::InFlight(..) | Known::Heard(..) => {}
        }
    }

    /// Ends what is in flight under a key, and says what that was. What was told, now or by an earlier process, stays until the ledger has
    /// heard it.
    fn leave(&self, name: &Name, now_told: Option<Word>) -> Option<Known> {
        let Entry::Occupied(mut occupied) = self.entries.entry(*name) else { return None };
        let stays = match (occupied.get_mut(), now_told) {
            (Known::InFlight(.., earlier), Some(told)) => Some(counts(earlier.take().as_deref(), told)),
            (Known::InFlight(.., earlier), None) => earlier.take().map(|earlier| *earlier),
            (Known::Heard(..) | Known::Told(..), _) => None,
        };
        let Some((digest, told)) = stays else { return Some(occupied.remove()) };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Some(occupied.insert(Known::Told(digest, told)))
    }

    /// Whether a key may have an answer that the ledger does not know yet: a full book knows only of some.
    #[must_use]
    pub fn may_have(&self, name: &Name) -> bool {
        self.waiting() >= self.waiting_max || self.entries.get(name).is_some_and(|known| matches!(*known, Known::Told(..)))
    }

    /// What was told without the ledger, as long as that has not heard it.
    #[must_use]
    pub fn told(&self, name: &Name) -> Option<Told> {
        match *self.entries.get(name)? {
            Known::Told(_, told) => Some(told),
            Known::InFlight(..) | Known::Heard(..) => None,
        }
    }

    /// How many told answers the ledger does not know yet.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// The right, and the duty, to answer one key. Dropped without an answer it frees the key, and whoever joined asks again.
#[derive(Debug)]
pub struct Claim<'a> {
    book: &'a ToldBook,
    name: Name,
    digest: QuestionDigest,
    settled: Settled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    NotYet,
    Yes,
}

impl Claim<'_> {
    /// What the question is.
    #[must_use]
    pub const fn digest(&self) -> QuestionDigest {
        self.digest
    }

    /// The ledger answered, and remembers.
    pub fn answered(mut self, told: Told) {
        self.settled = Settled::Yes;
        if let Some(known) = self.book.leave(&self.name, None) {
            known.tell(told);
        }
    }

    /// Stand-in answered: the book remembers until the ledger does. Declines beyond what the book holds go out all the same, and a
    /// retry may be decided afresh; approvals are as many as the spool holds.
    pub fn stood_in(mut self, told: Told) -> Booked {
        self.settled = Settled::Yes;
        let is_crowded = matches!(told.decision, Decision::Decline { .. }) && self.book.waiting() >= self.book.waiting_max;
        let Some(known) = self.book.leave(&self.name, (!is_crowded).then_some((self.digest, told))) else { return Booked::Yes };
        let is_heard = matches!(known, Known::Heard(..));
        known.tell(told);
        if is_crowded && !is_heard { Booked::CrowdedOut } else { Booked::Yes }
    }
}

/// Whether an answer of stand-in is remembered until the ledger has heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booked {
    /// It is, or the ledger has heard it.
    Yes,
    /// There is no room: asked again, it may be decided afresh.
    CrowdedOut,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.settled == Settled::NotYet {
            self.book.leave(&self.name, None);
        }
    }
}

impl Known {
    /// Tells whoever joined.
    fn tell(self, told: Told) {
        let (Known::InFlight(_, joiners, _) | Known::Heard(_, joiners)) = self else { return };
        for joiner in joiners {
            // A joiner that went away needs no answer.
            let _ = joiner.send(told);
        }
    }
}

/// Which word counts of what is known and another one: the key is the question's that asked first under it, and of that one the last.
fn counts(known: Option<&Word>, other: Word) -> Word {
    let Some(known) = known else { return other };
    let stays =
        if is_same(&known.0, &other.0) { known.1.asked_at > other.1.asked_at } else { known.1.asked_at <= other.1.asked_at };
    if stays { *known } else { other }
}

/// Whether two digests are of one question, whichever of its forms each knows.
fn is_same(one: &QuestionDigest, other: &QuestionDigest) -> bool {
    one.is_of(&other.kept()) || other.is_of(&one.kept())
}

#[cfg(test)]
mod tests {
    use holdfast_core::{ContentDigest, DeclineReason};

    use super::*;

    const TOLD: Told = Told {
        decision: Decision::Decline { reason: DeclineReason::CardFrozen },
        basis: Basis::Ledger,
        asked_at: Some(Timestamp::EPOCH),
    };

    fn digest() -> QuestionDigest {
        ContentDigest::from_bytes([1; 16]).into()
    }

    fn other() -> QuestionDigest {
        ContentDigest::from_bytes([2; 16]).into()
    }

    fn name() -> Name {
        Name { principal: 0, key: IdempotencyKey::new("key-1").unwrap() }
    }

    fn first(book: &ToldBook) -> Claim<'_> {
        let Begun::First(claim) = book.begin(name(), digest()) else { panic!("the key is not free") };
        claim
    }

    #[tokio::test]
    async fn a_duplicate_in_flight_hears_the_first_ones_answer() {
        let book = ToldBook::new(10);
        let claim = first(&book);
        let Begun::InFlight(joined) = book.begin(name(), digest()) else { panic!() };
        claim.answered(TOLD);
        assert_eq!(joined.await, Ok(TOLD));
        first(&book);
    }

    #[tokio::test]
    async fn another_question_of_a_key_waits_until_it_is_known_whose_the_key_is() {
        let book = ToldBook::new(10);
        let claim = first(&book);
        let Begun::OtherInFlight(over) = book.begin(name(), other()) else { panic!() };
        claim.answered(TOLD);
        assert!(over.await.is_ok());
        let Begun::First(claim) = book.begin(name(), other()) else { panic!("whoever has the key is the ledger's to say") };
        drop(claim);
        assert_eq!(first(&book).stood_in(TOLD), Booked::Yes);
        assert!(matches!(book.begin(name(), other()), Begun::Conflict), "it was told");
    }

    #[tokio::test]
    async fn a_claim_that_is_dropped_frees_its_key() {
        let book = ToldBook::new(10);
        let claim = first(&book);
        let Begun::InFlight(joined) = book.begin(name(), digest()) else { panic!() };
        drop(claim);
        assert!(joined.await.is_err());
        first(&book);
    }

    #[test]
    fn a_stand_in_answer_is_kept_until_the_ledger_agrees() {
        let book = ToldBook::new(1);
        assert_eq!(first(&book).stood_in(TOLD), Booked::Yes);
        assert!(matches!(book.begin(name(), digest()), Begun::Told(told) if told == TOLD));
        assert!(matches!(book.begin(name(), other()), Begun::Conflict));
        let second = Name { key: IdempotencyKey::new("key-2").unwrap(), ..name() };
        let Begun::First(claim) = book.begin(second, digest()) else { panic!() };
        assert_eq!(claim.stood_in(TOLD), Booked::CrowdedOut);
        assert_eq!(book.waiting(), 1);
        book.adopted(&name());
        assert_eq!(book.waiting(), 0);
        first(&book);
    }

    #[test]
    fn what_is_read_at_a_start_gives_a_key_to_whoever_asked_first_and_to_that_its_last_word() {
        let at = |seconds, decision| Told { decision, asked_at: Some(Timestamp::from_unix_seconds(seconds)), ..TOLD };
        let approved = Decision::Approve { amount: crate::fixture::usd(1) };
        let (first_yes, then_no) = (at(1, approved), at(2, TOLD.decision));
        let whoever_comes_first = [[(digest(), first_yes), (digest(), then_no)], [(digest(), then_no), (digest(), first_yes)]];
        for read in whoever_comes_first {
            let book = ToldBook::new(10);
            read.into_iter().for_each(|(digest, told)| book.restore(name(), digest, told));
            assert!(matches!(book.begin(name(), digest()), Begun::Told(told) if told == then_no));
            assert_eq!(book.waiting(), 1);
        }
        for read in [[(digest(), first_yes), (other(), then_no)], [(other(), then_no), (digest(), first_yes)]] {
            let book = ToldBook::new(10);
            read.into_iter().for_each(|(digest, told)| book.restore(name(), digest, told));
            assert!(matches!(book.begin(name(), digest()), Begun::Told(told) if told == first_yes));
            assert!(matches!(book.begin(name(), other()), Begun::Conflict));
        }
    }

    #[tokio::test]
    async fn a_ledger_that_hears_it_before_it_is_told_leaves_nothing_behind() {
        let book = ToldBook::new(1);
        let claim = first(&book);
        book.adopted(&name());
        let Begun::InFlight(joined) = book.begin(name(), digest()) else { panic!() };
        assert_eq!(claim.stood_in(TOLD), Booked::Yes);
        assert_eq!(joined.await, Ok(TOLD));
        assert_eq!(book.waiting(), 0);
        first(&book);
    }

    #[test]
    fn what_is_read_of_a_key_that_is_in_flight_counts_when_that_is_over() {
        let at = |seconds, decision| Told { decision, asked_at: Some(Timestamp::from_unix_seconds(seconds)), ..TOLD };
        let yes = at(1, Decision::Approve { amount: crate::fixture::usd(1) });
        let then_no = at(2, TOLD.decision);
        let told_meanwhile = |earlier: QuestionDigest, over: fn(Claim<'_>, Told)| {
            let book = ToldBook::new(10);
            let claim = first(&book);
            book.restore(name(), earlier, yes);
            assert_eq!(book.waiting(), 0, "whoever has it waits for nobody");
            over(claim, then_no);
            assert_eq!(book.waiting(), 1);
            let said = book.told(&name());
            let is_its_own = matches!(book.begin(name(), digest()), Begun::Told(_));
            (said, is_its_own)
        };
        let stood_in = |claim: Claim<'_>, told| {
            claim.stood_in(told);
        };
        assert_eq!(told_meanwhile(digest(), stood_in), (Some(then_no), true));
        assert_eq!(told_meanwhile(other(), stood_in), (Some(yes), false), "the key is the other question's");
        assert_eq!(told_meanwhile(digest(), |claim, _| drop(claim)), (Some(yes), true));
        assert_eq!(
            told_meanwhile(digest(), |claim, told| claim.answered(told)),
            (Some(yes), true),
            "the ledger has yet to hear it"
        );
    }

    #[test]
    fn what_the_ledger_has_heard_of_a_key_that_is_in_flight_is_the_earlier_word() {
        let book = ToldBook::new(10);
        let claim = first(&book);
        book.restore(name(), digest(), TOLD);
        book.adopted(&name());
        assert_eq!(claim.stood_in(TOLD), Booked::Yes);
        assert_eq!((book.waiting(), book.told(&name())), (1, Some(TOLD)), "of this one it has yet to hear");
    }
}
