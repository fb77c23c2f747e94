//! What this responder last saw of cards, accounts and answered keys in the database, and as of when: all that stand-in may rely
//! on while the database is away. Bounded: what did not pass by for long is forgotten first. Nothing here reads the database.
//!
//! One moment counts for all of it. Whoever keeps it right ([`super::following`]) reads whatever changed: what it did not read
//! again was still so when it last had everything.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard, TryLockError};

use holdfast_core::hold::{Account, CardStatus, CardholderStatus};
use holdfast_core::stand_in::{AccountSight, Acquaintance, CardSight, Sight, Snapshot};
use holdfast_core::{
    AccountId, AuthorizationRequest, CardToken, CardholderToken, IdempotencyKey, PlatformName, ProgramId, Timestamp,
};

use crate::ledger::embedded::state::{Merchants, NameKey};
use crate::ledger::sight::{LongerAgo, Seen};
use crate::ledger::{Glimpse, Origin};

/// The most cards, and the most accounts, of each of the two generations.
const GENERATION_MAX: usize = 1 << 18;

/// The most keys of each of the two generations: those of a day of a busy program. What is older than they reach is not known
/// to have been answered.
const KEYS_MAX: usize = 1 << 20;

/// A card, as its row was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardSeen {
    /// The number of the account behind it.
    pub account: Option<i64>,
    pub status: CardStatus,
    pub cardholder: CardholderStatus,
    /// Whose it is, if anybody ever told.
    pub owner: Option<CardholderToken>,
    pub since: Timestamp,
    /// Whether a payment was ever placed with it.
    pub used: Acquaintance,
    /// Whom it paid.
    pub merchants: Merchants,
}

/// An account, as its row was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountSeen {
    pub id: AccountId,
    pub account: Account,
}

/// Two generations: when the young one is full it is the old one, and what was old is forgotten.
#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    each_max: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    fn new(each_max: usize) -> Self {
        Generations { young: HashMap::new(), old: HashMap::new(), each_max }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.each_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// What was seen.
#[derive(Debug)]
pub struct LastSeen(RwLock<Kept>);

/// What is behind the lock.
#[derive(Debug)]
pub struct Kept {
    cards: Generations<(ProgramId, CardToken), CardSeen>,
    accounts: Generations<i64, AccountSeen>,
    /// Keys that were answered, as numbers.
    answered: Generations<u64, ()>,
    hasher: RandomState,
    /// What keys the numbers of merchants.
    key: Option<NameKey>,
    /// When all of it was so, at the latest; `None` before anything was read.
    as_of: Option<Timestamp>,
    each_max: usize,
}

impl LastSeen {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::of_at_most(GENERATION_MAX)
    }

    /// Nothing yet, and never more than twice so many cards or accounts.
    fn of_at_most(each_max: usize) -> Self {
        let (cards, accounts) = (Generations::new(each_max), Generations::new(each_max));
        let (answered, hasher) = (Generations::new(KEYS_MAX), RandomState::new());
        LastSeen(RwLock::new(Kept { cards, accounts, answered, hasher, key: None, as_of: None, each_max }))
    }

    /// To put something in; not for long: somebody may want to look.
    pub fn kept(&self) -> RwLockWriteGuard<'_, Kept> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be seen around a question.
    pub fn look(&self, Origin { program, platform, .. }: &Origin, request: &AuthorizationRequest) -> Glimpse {
        let kept = match self.0.try_read() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Glimpse::Busy,
        };
        let Some(as_of) = kept.as_of else { return Glimpse::Nothing };
        // What an owner's other cards are like is not known here: without a card nothing is.
        let card = request.card.and_then(|card| kept.cards.get(&(*program, card)));
        let paid = kept.key.and_then(|key| key.merchant(program, &request.merchant)).zip(card);
        let merchant = paid.map_or(Acquaintance::NotKnown, |(merchant, card)| card.merchants.acquaintance(merchant));
        let account = card.and_then(|card| kept.accounts.get(&card.account?));
        // Not to know something does not mean that it is not there: there may be more than fits.
        let card = card.map_or(Sight::NotSeen, |card| {
            let CardSeen { status, cardholder, owner, used, since, .. } = *card;
            if owner.is_some() && request.cardholder.is_some_and(|named| owner != Some(named)) {
                // As the ledger reads it: there is no such card of whoever is named.
                return Sight::Absent;
            }
            Sight::Seen(CardSight { status, cardholder, as_of, since: Some(since), used })
        });
        let account = account.map_or(Sight::NotSeen, |AccountSeen { id, account }| {
            let available = account.money(account.available());
            Sight::Seen(AccountSight { id: *id, status: account.status, available, as_of })
        });
        let snapshot = Snapshot { card, account, merchant };
        let asked = kept.number_of(program, platform.as_ref(), &request.key);
        // What was answered is in the database: a retry hears no other answer than that.
        let longer_ago = if kept.answered.get(&asked).is_some() { LongerAgo::Perhaps } else { LongerAgo::No };
        Glimpse::Seen(Seen { snapshot, longer_ago, ..Seen::default() })
    }
}

impl Kept {
    /// A card's row.
    pub fn put_card(&mut self, program: ProgramId, token: CardToken, card: CardSeen) {
        self.cards.put((program, token), card);
    }

    /// A key that was answered.
    pub fn put_answered(&mut self, program: &ProgramId, platform: Option<&PlatformName>, key: &IdempotencyKey) {
        let number = self.number_of(program, platform, key);
        self.answered.put(number, ());
    }

    fn number_of(&self, program: &ProgramId, platform: Option<&PlatformName>, key: &IdempotencyKey) -> u64 {
        self.hasher.hash_one((program, platform, key))
    }

    /// Whether more keys would have others forgotten.
    pub fn is_full_of_keys(&self) -> bool {
        self.answered.young.len() >= KEYS_MAX
    }

    /// An account's row.
    pub fn put_account(&mut self, number: i64, account: AccountSeen) {
        self.accounts.put(number, account);
    }

    /// Whether more cards would have others forgotten.
    pub fn is_full_of_cards(&self) -> bool {
        self.cards.young.len() >= self.each_max
    }

    /// The same of accounts.
    pub fn is_full_of_accounts(&self) -> bool {
        self.accounts.young.len() >= self.each_max
    }

    /// Everything that changed until then was put in; merchants are numbered under this key.
    pub fn is_right_at(&mut self, at: Timestamp, key: NameKey) {
        (self.as_of, self.key) = (Some(at), Some(key));
    }

    /// Nothing of it is known to be right. What was answered stays answered.
    pub fn forget(&mut self) {
        self.cards = Generations::new(self.each_max);
        self.accounts = Generations::new(self.each_max);
        self.as_of = None;
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::Merchant;
    use holdfast_core::hold::AccountStatus;

    use super::*;
    use crate::ledger::conformance::{id, origin, program, purchase, usd, with_card};

    const KEY: NameKey = NameKey(1, 2);

    fn paying(merchant: &str) -> AuthorizationRequest {
        let merchant = Merchant { id: Some(id(merchant)), ..Merchant::default() };
        AuthorizationRequest { merchant, ..purchase("k", 1) }
    }

    fn card_seen(account: i64) -> CardSeen {
        CardSeen {
            account: Some(account),
            status: CardStatus::Frozen,
            cardholder: CardholderStatus::Active,
            owner: Some(id("h")),
            since: Timestamp::from_unix_seconds(1),
            used: Acquaintance::New,
            merchants: Merchants::restored(KEY.merchant(&program(), &paying("met").merchant), false),
        }
    }

    fn account_seen() -> AccountSeen {
        let account =
            Account { currency: usd(0).currency(), posted: 100, held: 30, credit_line: 5, status: AccountStatus::Active };
        AccountSeen { id: id("a"), account }
    }

    #[test]
    fn what_was_put_in_is_seen_as_of_the_moment_when_all_of_it_was_right() {
        let last_seen = LastSeen::new();
        last_seen.kept().put_card(program(), id("c"), card_seen(7));
        last_seen.kept().put_account(7, account_seen());
        assert_eq!(last_seen.look(&origin(), &purchase("k", 1)), Glimpse::Nothing, "nobody says as of when");
        let as_of = Timestamp::from_unix_seconds(9);
        last_seen.kept().is_right_at(as_of, KEY);
        let Glimpse::Seen(seen) = last_seen.look(&origin(), &purchase("k", 1)) else { panic!("nothing is seen") };
        let Snapshot { card: Sight::Seen(card), account: Sight::Seen(account), .. } = seen.snapshot else { panic!("{seen:?}") };
        assert_eq!((card.status, card.as_of, card.used), (CardStatus::Frozen, as_of, Acquaintance::New));
        assert_eq!((account.available, account.as_of), (usd(75), as_of));
        let merchant = |request: &AuthorizationRequest| {
            let Glimpse::Seen(seen) = last_seen.look(&origin(), request) else { panic!("nothing is seen") };
            seen.snapshot.merchant
        };
        assert_eq!(merchant(&paying("met")), Acquaintance::Known);
        assert_eq!((merchant(&paying("new")), merchant(&purchase("k", 1))), (Acquaintance::New, Acquaintance::NotKnown));
        let in_the_name_of = |name: &str| {
            let request = AuthorizationRequest { cardholder: Some(id(name)), ..purchase("k", 1) };
            let Glimpse::Seen(seen) = last_seen.look(&origin(), &request) else { panic!("nothing is seen") };
            seen.snapshot.card
        };
        assert_eq!((in_the_name_of("h"), in_the_name_of("i")), (Sight::Seen(card), Sight::Absent));
        let Glimpse::Seen(other) = last_seen.look(&origin(), &with_card("other", purchase("k", 1))) else { panic!() };
        assert_eq!((other.snapshot.card, other.snapshot.account), (Sight::NotSeen, Sight::NotSeen));
        let kept = last_seen.kept();
        assert_eq!(last_seen.look(&origin(), &purchase("k", 1)), Glimpse::Busy, "nobody waits");
        drop(kept);
        last_seen.kept().forget();
        assert_eq!(last_seen.look(&origin(), &purchase("k", 1)), Glimpse::Nothing);
    }

    #[test]
    fn what_did_not_pass_by_for_long_is_forgotten_first() {
        let last_seen = LastSeen::of_at_most(2);
        last_seen.kept().is_right_at(Timestamp::from_unix_seconds(9), KEY);
        let sees = |name: &str| {
            let Glimpse::Seen(seen) = last_seen.look(&origin(), &with_card(name, purchase("k", 1))) else { panic!() };
            matches!(seen.snapshot.card, Sight::Seen(_))
        };
        for name in ["one", "two", "three", "one", "four"] {
            last_seen.kept().put_card(program(), id(name), card_seen(7));
        }
        assert_eq!(["one", "two", "three", "four"].map(sees), [true, false, true, true]);
    }
    #[test]
    fn what_was_answered_is_known_to_have_been_for_its_program_and_platform() {
        let last_seen = LastSeen::new();
        last_seen.kept().is_right_at(Timestamp::from_unix_seconds(9), KEY);
        let Origin { program, platform, .. } = origin();
        last_seen.kept().put_answered(&program, platform.as_ref(), &purchase("k", 1).key);
        last_seen.kept().put_answered(&program, None, &purchase("operator's", 1).key);
        let sees = |key: &str| {
            let Glimpse::Seen(seen) = last_seen.look(&origin(), &purchase(key, 1)) else { panic!() };
            seen.longer_ago
        };
        assert_eq!(["k", "other", "operator's"].map(sees), [LongerAgo::Perhaps, LongerAgo::No, LongerAgo::No]);
    }
}
