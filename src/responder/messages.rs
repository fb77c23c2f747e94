//! Of whose money messages wait that the ledger has yet to hear: what they take, give back or end is in no balance yet, so nobody decides past
//! them. What cards and accounts are like is `standings.rs`; decides nothing else.

use std::hash::{BuildHasher as _, Hash as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry::{Occupied, Vacant};
use holdfast_core::hold::ToldEvent;
use holdfast_core::{AccountId, ProgramId};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::ledger::Origin;

/// Messages that wait, by a hash of their keys under a key of this process, 128 bits wide, so that no two are one.
#[derive(Debug)]
pub struct Messages {
    key: (u64, u64),
    waiting: DashMap<u128, Waiting, foldhash::fast::RandomState>,
    /// How many of them are about each account; of which it was not seen whose they are, they may be about any of the program's.
    of: DashMap<(ProgramId, Option<AccountId>), usize, foldhash::fast::RandomState>,
    count: AtomicUsize,
}

/// One message, which may have come more than once.
#[derive(Debug)]
struct Waiting {
    account: Option<AccountId>,
    times: u32,
}

impl Default for Messages {
    fn default() -> Self {
        let secret = std::hash::RandomState::new();
        let key = (secret.hash_one(0_u8), secret.hash_one(1_u8));
        Messages { key, waiting: DashMap::default(), of: DashMap::default(), count: AtomicUsize::new(0) }
    }
}

impl Messages {
    /// A message waits for the ledger. `account`: whose money it is about, where that is seen.
    pub fn waits(&self, origin: &Origin, event: &ToldEvent, account: Option<AccountId>) {
        if !event.fact.is_about_money() {
            return;
        }
        match self.waiting.entry(self.hashed(origin, event)) {
            Occupied(mut known) => known.get_mut().times = known.get().times.saturating_add(1),
            Vacant(new) => {
                // Before anybody can find it gone.
                let mut of = self.of.entry((origin.program, account)).or_default();
                *of = of.saturating_add(1);
                self.count.fetch_add(1, Ordering::AcqRel);
                new.insert(Waiting { account, times: 1 });
            }
        }
    }

    /// One time that it came it was not acknowledged.
    pub fn never_kept(&self, origin: &Origin, event: &ToldEvent) {
        let is_last = |_: &u128, known: &mut Waiting| {
            known.times = known.times.saturating_sub(1);
            known.times == 0
        };
        let last = self.waiting.remove_if_mut(&self.hashed(origin, event), is_last);
        self.leaves(origin, last.map(|(_, known)| known));
    }

    /// The ledger has heard it, and so every time that it came, or refused it for good: nobody waits for it.
    pub fn gone(&self, origin: &Origin, event: &ToldEvent) {
        let known = self.waiting.remove(&self.hashed(origin, event));
        self.leaves(origin, known.map(|(_, known)| known));
    }

    fn leaves(&self, origin: &Origin, known: Option<Waiting>) {
        let Some(Waiting { account, .. }) = known else { return };
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.of.remove_if_mut(&(origin.program, account), |_, of| {
            *of = of.saturating_sub(1);
            *of == 0
        });
    }

    /// Whether any waits at all. Nearly never.
    #[must_use]
    pub fn any(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Whether any of a program's does.
    #[must_use]
    pub fn any_of(&self, program: ProgramId) -> bool {
        self.any() && self.of.iter().any(|of| of.key().0 == program)
    }

    /// Whether one waits that is, or may be, about the account behind a question.
    #[must_use]
    pub fn concern(&self, program: ProgramId, account: Option<AccountId>) -> bool {
        self.any() && (self.of.contains_key(&(program, None)) || (account.is_some() && self.of.contains_key(&(program, account))))
    }

    fn hashed(&self, origin: &Origin, event: &ToldEvent) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        (origin.program, origin.platform, event.key).hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::{CardStatus, Fact};

    use super::*;
    use crate::fixture::{origin, program, purchase, told, usd};

    fn debit(key: &str) -> ToldEvent {
        told(key, Fact::Debited { payment: None, amount: usd(5), cause: holdfast_core::hold::MovementCause::NetworkSettlement })
    }

    #[test]
    fn an_account_is_waited_for_until_every_message_about_it_is_heard_or_was_never_acknowledged() {
        let (messages, account) = (Messages::default(), |name: &str| AccountId::new(name).ok());
        let concerned = || (messages.concern(program(), account("a")), messages.concern(program(), account("b")));
        messages.waits(&origin(), &debit("1"), account("a"));
        messages.waits(&origin(), &debit("2"), account("a"));
        assert_eq!((concerned(), messages.any_of(program())), ((true, false), true));
        // It came twice, and one time was not acknowledged: the other one counts.
        messages.waits(&origin(), &debit("1"), None);
        messages.never_kept(&origin(), &debit("1"));
        messages.gone(&origin(), &debit("2"));
        messages.gone(&origin(), &debit("2"));
        assert_eq!(concerned(), (true, false));
        messages.waits(&origin(), &debit("1"), account("a"));
        messages.gone(&origin(), &debit("1"));
        assert_eq!((concerned(), messages.any()), ((false, false), false));
        assert!(messages.waiting.is_empty() && messages.of.is_empty());
    }

    #[test]
    fn a_message_of_nobody_knows_whose_money_may_be_about_any_account() {
        let (messages, account) = (Messages::default(), AccountId::new("a").ok());
        messages.waits(&origin(), &debit("1"), None);
        assert!(messages.concern(program(), account) && messages.concern(program(), None));
        messages.never_kept(&origin(), &debit("1"));
        // What is told of a card is about nobody's money.
        let card = purchase("k", 1).card.unwrap();
        messages.waits(&origin(), &told("frozen", Fact::Card { card, status: CardStatus::Frozen }), None);
        assert!(!messages.any() && !messages.concern(program(), account));
    }
}
