//! Of whose money messages wait that the ledger has yet to hear: what they take, give back or end is in no balance yet, so the ledger decides
//! nothing past them. What cards and accounts are like is `standings.rs`; decides nothing else.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry::{Occupied, Vacant};
use holdfast_core::hold::{Takes, ToldEvent};
use holdfast_core::{AccountId, Money, ProgramId};
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
    takes: Taking,
}

/// What a message may take of what the ledger shows, in minor units.
#[derive(Debug, Clone, Copy)]
enum Taking {
    /// So much.
    More(i64),
    /// So much, but first what is held of its payment: that was taken before, and once.
    Held { amount: i64, payment: u128, held: i64 },
}

/// Several messages.
#[derive(Debug, Default)]
struct Together {
    count: usize,
    /// How much those may take that draw on no hold.
    more: i128,
    drawn: HashMap<u128, Drawn, foldhash::fast::RandomState>,
}

/// What those of one payment draw on what is held of it.
#[derive(Debug, Default)]
struct Drawn {
    count: usize,
    held: i64,
    amount: i128,
}

/// Why a message waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    Heard,
    NeverKept,
}

impl Taking {
    fn of(event: &ToldEvent, covered: Covered) -> Self {
        let beyond = |amount: Money, there: i64| Taking::More(amount.minor().saturating_sub(there).max(0));
        match (event.fact.takes(), covered.payment) {
            (None, _) => Taking::More(0),
            (Some(Takes::More(amount)), _) => beyond(amount, 0),
            (Some(Takes::Authorized(total)), _) => beyond(total, covered.authorized),
            (Some(Takes::Asked(amount)), _) => beyond(amount, covered.asked),
            (Some(Takes::Held(amount)), None) => beyond(amount, covered.held),
            (Some(Takes::Held(amount)), Some(payment)) => {
                Taking::Held { amount: amount.minor().max(0), payment, held: covered.held }
            }
        }
    }
}

impl Together {
    fn enters(&mut self, takes: Taking) {
        self.count = self.count.saturating_add(1);
        match takes {
            Taking::More(amount) => self.more = self.more.saturating_add(amount.into()),
            Taking::Held { amount, payment, held } => {
                let drawn = self.drawn.entry(payment).or_default();
                (drawn.count, drawn.held) = (drawn.count.saturating_add(1), held);
                drawn.amount = drawn.amount.saturating_add(amount.into());
            }
        }
    }

    fn leaves(&mut self, takes: Taking, why: Gone) {
        self.count = self.count.saturating_sub(1);
        match takes {
            Taking::More(amount) => self.more = self.more.saturating_sub(amount.into()),
            Taking::Held { amount, payment, .. } => {
                let Some(drawn) = self.drawn.get_mut(&payment) else { return };
                drawn.count = drawn.count.saturating_sub(1);
                drawn.amount = drawn.amount.saturating_sub(amount.into());
                if why == Gone::Heard {
                    // The ledger has taken it from what it held.
                    drawn.held = drawn.held.saturating_sub(amount).max(0);
                }
                if drawn.count == 0 {
                    self.drawn.remove(&payment);
                }
            }
        }
    }

    fn takes(&self) -> i128 {
        let beyond = self.drawn.values().map(|drawn| drawn.amount.saturating_sub(drawn.held.into()).max(0));
        beyond.fold(self.more, i128::saturating_add)
    }
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
        let (account, covered) = match money {
            MoneyOf::Busy | MoneyOf::NotSeen => (None, Covered::default()),
            MoneyOf::Account(account, covered) => (Some(account), covered),
        };
        match self.waiting.entry(self.hashed(origin, event)) {
            Occupied(mut known) => {
                let known = known.get_mut();
                known.times = known.times.saturating_add(1);
                if known.account.is_none() && account.is_some() {
                    // Now it is seen whose it is. It is found under the one or the other all the while.
                    let (before, takes) = (known.takes, Taking::of(event, covered));
                    (known.account, known.takes) = (account, takes);
                    self.of.entry((origin.program, account)).or_default().enters(takes);
                    self.leaves_those(origin, None, (before, Gone::NeverKept));
                }
            }
            Vacant(new) => {
                // Before anybody can find it gone.
                let takes = Taking::of(event, covered);
                self.of.entry((origin.program, account)).or_default().enters(takes);
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
        self.leaves(origin, last.map(|(_, known)| known), Gone::NeverKept);
    }

    /// The ledger has heard it, and so every time that it came.
    pub fn gone(&self, origin: &Origin, event: &ToldEvent) {
        let known = self.waiting.remove(&self.hashed(origin, event));
        self.leaves(origin, known.map(|(_, known)| known), Gone::Heard);
    }

    fn leaves(&self, origin: &Origin, known: Option<Waiting>, why: Gone) {
        let Some(Waiting { account, takes, .. }) = known else { return };
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.leaves_those(origin, account, (takes, why));
    }

    fn leaves_those(&self, origin: &Origin, account: Option<AccountId>, (takes, why): (Taking, Gone)) {
        self.of.remove_if_mut(&(origin.program, account), |_, of| {
            of.leaves(takes, why);
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
        let takes = |account| self.of.get(&(program, account)).map_or(0, |of| of.takes());
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
        let of =
            |payment, held, authorized| MoneyOf::Account(account, Covered { payment: Some(payment), held, authorized, asked: 0 });
        let captured = |key: &str| {
            let payment = Some(purchase("p", 1).payment);
            told(key, Fact::Captured { payment, amount: usd(8), finality: holdfast_core::hold::Finality::Final })
        };
        messages.waits(&origin(), &debit("1"), MoneyOf::Account(account, Covered::default()));
        messages.waits(&origin(), &debit("1"), MoneyOf::Account(account, Covered::default()));
        // What is linked to a payment and is not its capture comes on top of what is held.
        messages.waits(&origin(), &debit("2"), of(1, 9, 9));
        messages.waits(&origin(), &debit("3"), MoneyOf::Busy);
        // Of a capture what is still held is gone already, once for all of a payment; of one that is over, nothing.
        messages.waits(&origin(), &captured("4"), of(1, 10, 10));
        messages.waits(&origin(), &captured("5"), of(2, 0, 9));
        let taken = || messages.taken_of(program(), account);
        assert_eq!((taken(), messages.taken_of(program(), AccountId::new("b").unwrap())), (15 + 8, 5));
        messages.waits(&origin(), &captured("6"), of(1, 10, 10));
        assert_eq!(taken(), 15 + 8 + 6);
        // One that is heard was taken from what is held; one that nobody keeps was not.
        messages.gone(&origin(), &captured("4"));
        assert_eq!(taken(), 15 + 8 + 6);
        messages.never_kept(&origin(), &captured("6"));
        messages.gone(&origin(), &debit("3"));
        messages.gone(&origin(), &debit("1"));
        assert_eq!(taken(), 5 + 8);
        // Of a total only what is beyond what was authorized.
        let total = told("7", Fact::Replaced { payment: purchase("p", 1).payment, total: usd(12) });
        messages.waits(&origin(), &total, of(1, 2, 10));
        assert_eq!(taken(), 5 + 8 + 2);
        messages.gone(&origin(), &total);
        messages.gone(&origin(), &captured("5"));
        messages.gone(&origin(), &debit("2"));
        assert_eq!((taken(), messages.any()), (0, false));
    }

    #[test]
    fn a_message_of_which_it_is_seen_later_whose_it_is_is_that_ones_alone() {
        let (messages, account) = (Messages::default(), |name: &str| AccountId::new(name).unwrap());
        messages.waits(&origin(), &debit("1"), MoneyOf::NotSeen);
        messages.waits(&origin(), &debit("1"), MoneyOf::Account(account("a"), Covered::default()));
        messages.waits(&origin(), &debit("1"), MoneyOf::Account(account("b"), Covered::default()));
        let taken = |name| messages.taken_of(program(), account(name));
        assert_eq!((taken("a"), taken("b")), (5, 0));
        messages.gone(&origin(), &debit("1"));
        assert_eq!((taken("a"), messages.any(), messages.of.is_empty()), (0, false, true));
    }
}
