//! Of whose money messages wait that the ledger has yet to hear: what they take, give back or end is in no balance yet, so the ledger decides
//! nothing past them. What cards and accounts are like is `standings.rs`; decides nothing else.

use std::hash::{BuildHasher as _, Hash as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry::{Occupied, Vacant};
use holdfast_core::hold::ToldEvent;
use holdfast_core::{AccountId, ProgramId};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::ledger::{Covered, MoneyOf, Origin};

/// Messages that wait, by a hash of their keys under a key of this process, 128 bits wide, so that no two are one.
#[derive(Debug)]
pub struct Messages {
    key: (u64, u64),
    waiting: DashMap<u128, Waiting, foldhash::fast::RandomState>,
    /// Those of each account; of which it was not seen whose they are, they may be about any of the program's.
    of: DashMap<(ProgramId, Option<AccountId>), Together, foldhash::fast::RandomState>,
    count: AtomicUsize,
}

/// One message, which may have come more than once.
#[derive(Debug)]
struct Waiting {
    account: Option<AccountId>,
    times: u32,
    takes: i64,
}

/// Several messages.
#[derive(Debug, Default)]
struct Together {
    count: usize,
    /// How much they may take of what the ledger shows, in minor units.
    takes: i128,
}

impl Default for Messages {
    fn default() -> Self {
        let secret = std::hash::RandomState::new();
        let key = (secret.hash_one(0_u8), secret.hash_one(1_u8));
        Messages { key, waiting: DashMap::default(), of: DashMap::default(), count: AtomicUsize::new(0) }
    }
}

impl Messages {
    /// A message waits for the ledger. `money`: whose it is about, where that is seen.
    pub fn waits(&self, origin: &Origin, event: &ToldEvent, money: MoneyOf) {
        if !event.fact.is_about_money() {
            return;
        }
        let (account, takes) = match money {
            MoneyOf::Busy | MoneyOf::NotSeen => (None, event.fact.takes_at_most(0, 0)),
            MoneyOf::Account(account, Covered { held, authorized }) => {
                (Some(account), event.fact.takes_at_most(held, authorized))
            }
        };
        match self.waiting.entry(self.hashed(origin, event)) {
            Occupied(mut known) => known.get_mut().times = known.get().times.saturating_add(1),
            Vacant(new) => {
                // Before anybody can find it gone.
                let mut of = self.of.entry((origin.program, account)).or_default();
                (of.count, of.takes) = (of.count.saturating_add(1), of.takes.saturating_add(takes.into()));
                self.count.fetch_add(1, Ordering::AcqRel);
                new.insert(Waiting { account, times: 1, takes });
            }
        }
    }

    /// One that was set aside is brought to the ledger once more, if it is not on its way there already.
    pub fn is_brought(&self, origin: &Origin, event: &ToldEvent) {
        if !self.waiting.contains_key(&self.hashed(origin, event)) {
            self.waits(origin, event, MoneyOf::NotSeen);
        }
    }

    /// One time that it came it was not acknowledged, or is waited for no more.
    pub fn never_kept(&self, origin: &Origin, event: &ToldEvent) {
        let is_last = |_: &u128, known: &mut Waiting| {
            known.times = known.times.saturating_sub(1);
            known.times == 0
        };
        let last = self.waiting.remove_if_mut(&self.hashed(origin, event), is_last);
        self.leaves(origin, last.map(|(_, known)| known));
    }

    /// The ledger has heard it, and so every time that it came.
    pub fn gone(&self, origin: &Origin, event: &ToldEvent) {
        let known = self.waiting.remove(&self.hashed(origin, event));
        self.leaves(origin, known.map(|(_, known)| known));
    }

    fn leaves(&self, origin: &Origin, known: Option<Waiting>) {
        let Some(Waiting { account, takes, .. }) = known else { return };
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.of.remove_if_mut(&(origin.program, account), |_, of| {
            (of.count, of.takes) = (of.count.saturating_sub(1), of.takes.saturating_sub(takes.into()));
            of.count == 0
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

    /// Whether one waits that is, or may be, about the account behind a question; where that is not seen, it may be any of the program's.
    #[must_use]
    pub fn concern(&self, program: ProgramId, account: Option<AccountId>) -> bool {
        self.any()
            && match account {
                None => self.any_of(program),
                Some(_) => self.of.contains_key(&(program, None)) || self.of.contains_key(&(program, account)),
            }
    }

    /// How much of what the ledger shows of an account those that wait may take, in minor units: of which it is not seen whose they are, all of it.
    #[must_use]
    pub fn taken_of(&self, program: ProgramId, account: AccountId) -> i64 {
        if !self.any() {
            return 0;
        }
        let takes = |account| self.of.get(&(program, account)).map_or(0, |of| of.takes);
        i64::try_from(takes(Some(account)).saturating_add(takes(None))).unwrap_or(i64::MAX).max(0)
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
        let of = |name: &str| MoneyOf::Account(AccountId::new(name).unwrap(), Covered::default());
        let concerned = || (messages.concern(program(), account("a")), messages.concern(program(), account("b")));
        messages.waits(&origin(), &debit("1"), of("a"));
        messages.waits(&origin(), &debit("2"), of("a"));
        assert_eq!((concerned(), messages.any_of(program())), ((true, false), true));
        assert!(messages.concern(program(), None), "whose account is not seen may be this one's");
        // It came twice, and one time was not acknowledged: the other one counts.
        messages.waits(&origin(), &debit("1"), MoneyOf::NotSeen);
        messages.never_kept(&origin(), &debit("1"));
        messages.gone(&origin(), &debit("2"));
        messages.gone(&origin(), &debit("2"));
        assert_eq!(concerned(), (true, false));
        messages.waits(&origin(), &debit("1"), of("a"));
        messages.is_brought(&origin(), &debit("1"));
        messages.never_kept(&origin(), &debit("1"));
        assert_eq!(concerned(), (true, false), "set aside once, and once it waits");
        messages.gone(&origin(), &debit("1"));
        assert_eq!((concerned(), messages.any()), ((false, false), false));
        assert!(messages.waiting.is_empty() && messages.of.is_empty());
    }

    #[test]
    fn a_message_of_nobody_knows_whose_money_may_be_about_any_account() {
        let (messages, account) = (Messages::default(), AccountId::new("a").ok());
        messages.waits(&origin(), &debit("1"), MoneyOf::NotSeen);
        assert!(messages.concern(program(), account) && messages.concern(program(), None));
        assert_eq!(messages.taken_of(program(), account.unwrap()), 5);
        messages.never_kept(&origin(), &debit("1"));
        // What is told of a card is about nobody's money.
        let card = purchase("k", 1).card.unwrap();
        messages.waits(&origin(), &told("frozen", Fact::Card { card, status: CardStatus::Frozen }), MoneyOf::NotSeen);
        assert!(!messages.any() && !messages.concern(program(), account));
    }

    #[test]
    fn what_messages_may_take_is_not_there_any_more_unless_it_is_held() {
        let (messages, account) = (Messages::default(), AccountId::new("a").unwrap());
        let of = |held, authorized| MoneyOf::Account(account, Covered { held, authorized });
        let captured = |key: &str| {
            let payment = Some(purchase("p", 1).payment);
            told(key, Fact::Captured { payment, amount: usd(8), finality: holdfast_core::hold::Finality::Final })
        };
        messages.waits(&origin(), &debit("1"), of(0, 0));
        messages.waits(&origin(), &debit("1"), of(0, 0));
        // What is linked to a payment and is not its capture comes on top of what is held.
        messages.waits(&origin(), &debit("2"), of(9, 9));
        messages.waits(&origin(), &debit("3"), MoneyOf::Busy);
        // Of a capture what is still held is gone already; of one that is over, nothing.
        messages.waits(&origin(), &captured("4"), of(5, 9));
        messages.waits(&origin(), &captured("5"), of(0, 9));
        messages.waits(&origin(), &captured("6"), MoneyOf::Account(account, Covered::WHOLLY));
        let taken = || messages.taken_of(program(), account);
        assert_eq!((taken(), messages.taken_of(program(), AccountId::new("b").unwrap())), (15 + 3 + 8, 5));
        messages.gone(&origin(), &debit("3"));
        messages.gone(&origin(), &debit("1"));
        assert_eq!(taken(), 5 + 3 + 8);
        ["4", "5", "6"].iter().for_each(|key| messages.gone(&origin(), &captured(key)));
        messages.gone(&origin(), &debit("2"));
        assert_eq!((taken(), messages.any()), (0, false));
    }
}
