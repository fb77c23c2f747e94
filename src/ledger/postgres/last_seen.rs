//! What this responder last saw of cards, accounts and answered keys in the database, and as of when: all that stand-in may rely
//! on while the database is away. Bounded: what did not pass by for long is forgotten first. Nothing here reads the database.
//!
//! One moment counts for all of it. Whoever keeps it right ([`super::following`]) reads whatever changed: what it did not read
//! again was still so when it last had everything.

use std::sync::{PoisonError, RwLock, RwLockWriteGuard, TryLockError};
use std::time::Duration;

use holdfast_core::hold::{Account, CardStatus, CardholderStatus};
use holdfast_core::stand_in::{AccountSight, Acquaintance, AddsTo, CardSight, Sight, Snapshot};
use holdfast_core::{
    AccountId, AuthorizationRequest, CardToken, CardholderToken, IdempotencyKey, PlatformName, ProgramId, Timestamp,
};

use super::answers::Answers;
use super::fresh::{Fresh, Look, News};
use super::generations::Generations;
use super::snapshot;
use crate::ledger::embedded::state::{Fingerprint, Merchants, NameKey};
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

/// How far a platform's clock may be before ours.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(5);

/// What was seen.
#[derive(Debug)]
pub struct LastSeen {
    kept: RwLock<Kept>,
    /// What was answered to the latest of the keys.
    pub answers: Answers,
}

/// What is behind the lock.
#[derive(Debug)]
pub struct Kept {
    people: People,
    /// Those that are read anew, until all of them are.
    anew: Option<People>,
    /// What acts of this responder left behind since all of it was right.
    fresh: Fresh,
    /// Keys that were answered, as numbers.
    answered: Generations<u64, ()>,
    /// When all of it was so, at the latest, and what keys its numbers; `None` before anything was read.
    right: Option<Right>,
    each_max: usize,
}

/// Cards by program and token, and the accounts behind them by number.
#[derive(Debug)]
struct People {
    cards: Generations<(ProgramId, CardToken), CardSeen>,
    accounts: Generations<i64, AccountSeen>,
}

impl People {
    fn none(each_max: usize) -> Self {
        People { cards: Generations::new(each_max), accounts: Generations::new(each_max) }
    }
}

/// What was seen is right.
#[derive(Debug, Clone, Copy)]
struct Right {
    as_of: Timestamp,
    /// What keys the numbers of merchants and of answered keys.
    key: NameKey,
    by: By,
}

/// Who saw it.
#[derive(Debug, Clone, Copy)]
enum By {
    ThisProcess,
    /// One before it, which this one followed at that moment. What others answered in between is not known.
    Earlier(Timestamp),
}

/// The number of an answered key.
pub fn number_of(key: NameKey, program: &ProgramId, platform: Option<&PlatformName>, asked: &IdempotencyKey) -> u64 {
    let Fingerprint([half, _]) = key.asked(program, platform, asked);
    half
}

impl LastSeen {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::of_at_most(GENERATION_MAX)
    }

    /// Nothing yet, and never more than twice so many cards or accounts.
    fn of_at_most(each_max: usize) -> Self {
        let (people, fresh, answered) = (People::none(each_max), Fresh::of_at_most(each_max), Generations::new(KEYS_MAX));
        let kept = RwLock::new(Kept { people, anew: None, fresh, answered, right: None, each_max });
        LastSeen { kept, answers: Answers::new() }
    }

    /// To put something in; not for long: somebody may want to look.
    pub fn kept(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acts of this program left that behind: it is known from now on, whenever it is read in the database.
    pub fn hear(&self, program: ProgramId, news: &News) {
        let mut kept = self.kept();
        kept.fresh.hear(program, news);
        news.answers.iter().for_each(|(number, _)| kept.put_answered(*number));
        drop(kept);
        news.answers.iter().for_each(|(number, answered)| self.answers.put(*number, *answered));
    }

    /// Whatever was in the database when that look began was put in, and all of it was so at that moment.
    pub fn has_read(&self, look: Look, as_of: Timestamp, key: NameKey) {
        let mut kept = self.kept();
        kept.fresh.has_read(look);
        kept.is_right_at(as_of, key);
    }

    /// What an earlier process saw, for a process that follows since that moment; not over what this one has seen.
    pub fn restore(&self, mut snapshot: snapshot::Snapshot, followed_at: Timestamp) {
        let mut kept = self.kept();
        if kept.right.is_some() {
            return;
        }
        std::mem::take(&mut snapshot.answers).into_iter().for_each(|(number, answered)| self.answers.put(number, answered));
        kept.restore(snapshot, followed_at);
    }

    /// What is to be seen around a question.
    pub fn look(&self, Origin { program, platform, .. }: &Origin, request: &AuthorizationRequest) -> Glimpse {
        let kept = match self.kept.try_read() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Glimpse::Busy,
        };
        let Some(Right { as_of, key, by }) = kept.right else { return Glimpse::Nothing };
        // What an owner's other cards are like is not known here: without a card nothing is.
        let card = request.card.and_then(|card| kept.people.cards.get(&(*program, card)));
        let paid = key.merchant(program, &request.merchant).zip(card);
        let merchant = paid.map_or(Acquaintance::NotKnown, |(merchant, card)| card.merchants.acquaintance(merchant));
        let account = card.and_then(|card| card.account);
        let account = account.and_then(|number| Some((number, kept.people.accounts.get(&number)?)));
        let owner = card.and_then(|card| card.owner);
        // Not to know something does not mean that it is not there: there may be more than fits.
        let card = card.zip(request.card).map_or(Sight::NotSeen, |(card, token)| {
            let CardSeen { status, cardholder, owner, used, since, .. } = *card;
            if owner.is_some() && request.cardholder.is_some_and(|named| owner != Some(named)) {
                // As the ledger reads it: there is no such card of whoever is named.
                return Sight::Absent;
            }
            let (status, cardholder) =
                (kept.fresh.card(*program, token, status), kept.fresh.cardholder(*program, owner, cardholder));
            Sight::Seen(CardSight { status, cardholder, as_of, since: Some(since), used })
        });
        let account = account.map_or(Sight::NotSeen, |(number, AccountSeen { id, account })| {
            let (status, available) = kept.fresh.account(number, account);
            Sight::Seen(AccountSight { id: *id, status, available: account.money(available), as_of })
        });
        // Of payments nothing is kept here: only what this responder told itself is known of them.
        let snapshot = Snapshot { card, account, merchant, adds_to: AddsTo::NotKnown };
        let asked = number_of(key, program, platform.as_ref(), &request.key);
        // A retry hears what was answered, and where that is not known here, nothing else is decided.
        let answered = self.answers.of(asked);
        let perhaps = answered.is_none() && (kept.answered.get(&asked).is_some() || by.may_have_missed(request));
        let longer_ago = if perhaps { LongerAgo::Perhaps } else { LongerAgo::No };
        Glimpse::Seen(Seen { snapshot, answered, longer_ago, owner, ..Seen::default() })
    }
}

impl By {
    /// Whether another responder may have answered the question before this process followed: unless it was asked later.
    fn may_have_missed(self, request: &AuthorizationRequest) -> bool {
        match self {
            By::ThisProcess => false,
            By::Earlier(followed_at) => {
                let surely_later = followed_at.saturating_add(CLOCKS_APART_MAX);
                request.occurred_at.is_none_or(|occurred_at| occurred_at <= surely_later)
            }
        }
    }
}

impl Kept {
    fn people(&mut self) -> &mut People {
        self.anew.as_mut().unwrap_or(&mut self.people)
    }

    /// All cards and accounts are read anew: what is there counts until they are.
    pub fn begin_anew(&mut self) {
        self.anew = Some(People::none(self.each_max));
    }

    /// A card's row.
    pub fn put_card(&mut self, program: ProgramId, token: CardToken, card: CardSeen) {
        self.people().cards.put((program, token), card);
    }

    /// An account's row.
    pub fn put_account(&mut self, number: i64, account: AccountSeen) {
        self.people().accounts.put(number, account);
    }

    /// A key that was answered, by its number.
    pub fn put_answered(&mut self, number: u64) {
        self.answered.put(number, ());
    }

    /// Whether more keys would have others forgotten.
    pub fn is_full_of_keys(&self) -> bool {
        self.answered.is_full()
    }

    /// Whether more cards would have others forgotten.
    pub fn is_full_of_cards(&mut self) -> bool {
        self.people().cards.is_full()
    }

    /// The same of accounts.
    pub fn is_full_of_accounts(&mut self) -> bool {
        self.people().accounts.is_full()
    }

    /// Somebody begins to read what changed.
    pub fn begin_look(&mut self) -> Look {
        self.fresh.begin_look()
    }

    /// Everything that changed until then was put in; numbers are made with this key.
    pub fn is_right_at(&mut self, as_of: Timestamp, key: NameKey) {
        if let Some(anew) = self.anew.take() {
            self.people = anew;
        }
        self.right = Some(Right { as_of, key, by: By::ThisProcess });
    }

    /// What an earlier process saw of people and keys.
    fn restore(&mut self, snapshot: snapshot::Snapshot, followed_at: Timestamp) {
        for (program, token, card) in snapshot.cards.into_iter().rev() {
            self.people.cards.put((program, token), card);
        }
        for (number, account) in snapshot.accounts.into_iter().rev() {
            self.people.accounts.put(number, account);
        }
        snapshot.answered.into_iter().for_each(|number| self.put_answered(number));
        self.right = Some(Right { as_of: snapshot.as_of, key: snapshot.key, by: By::Earlier(followed_at) });
    }

    /// Nothing of it is known to be right. What was answered stays answered.
    pub fn forget(&mut self) {
        self.people = People::none(self.each_max);
        self.right = None;
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::{AccountStatus, Answered};
    use holdfast_core::{ContentDigest, Decision, Merchant};

    use super::*;
    use crate::ledger::conformance::{id, origin, program, purchase, usd, with_card};
    use crate::ledger::postgres::fresh::AccountNow;

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
        let (accounts, cards) = (vec![(7, AccountNow::Less(5))], vec![(id("c"), CardStatus::Lost)]);
        last_seen.hear(program(), &News { accounts, cards, ..News::default() });
        let Glimpse::Seen(heard) = last_seen.look(&origin(), &purchase("k", 1)) else { panic!("nothing is seen") };
        let Snapshot { card: Sight::Seen(lost), account: Sight::Seen(less), .. } = heard.snapshot else { panic!("{heard:?}") };
        assert_eq!(
            (lost.status, less.available, less.as_of),
            (CardStatus::Lost, usd(70), as_of),
            "it is heard before it is read"
        );
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
        let answered = |platform, key| last_seen.kept().put_answered(number_of(KEY, &program, platform, &purchase(key, 1).key));
        answered(platform.as_ref(), "k");
        answered(None, "operator's");
        let sees = |key: &str| {
            let Glimpse::Seen(seen) = last_seen.look(&origin(), &purchase(key, 1)) else { panic!() };
            seen.longer_ago
        };
        assert_eq!(["k", "other", "operator's"].map(sees), [LongerAgo::Perhaps, LongerAgo::No, LongerAgo::No]);
    }

    fn number(key: &str) -> u64 {
        let Origin { program, platform, .. } = origin();
        number_of(KEY, &program, platform.as_ref(), &purchase(key, 1).key)
    }

    fn approved() -> Answered {
        let asked_at = Timestamp::from_unix_seconds(8);
        Answered { digest: ContentDigest::from_bytes([6; 16]), asked_at, decision: Decision::Approve { amount: usd(1) } }
    }

    fn seen_earlier() -> snapshot::Snapshot {
        let Origin { program, .. } = origin();
        snapshot::Snapshot {
            as_of: Timestamp::from_unix_seconds(9),
            key: KEY,
            cards: vec![(program, id("c"), card_seen(7))],
            accounts: vec![(7, account_seen())],
            answered: ["answered", "approved"].map(number).to_vec(),
            answers: vec![(number("approved"), approved())],
            rulesets: Vec::new(),
        }
    }

    #[test]
    fn what_an_earlier_process_saw_is_as_old_as_it_is_and_rules_out_only_what_was_asked_since() {
        let last_seen = LastSeen::new();
        last_seen.restore(seen_earlier(), Timestamp::from_unix_seconds(100));
        let sees = |key: &str, occurred_at: Option<i64>| {
            let occurred_at = occurred_at.map(Timestamp::from_unix_seconds);
            let request = AuthorizationRequest { occurred_at, ..purchase(key, 1) };
            let Glimpse::Seen(seen) = last_seen.look(&origin(), &request) else { panic!() };
            seen
        };
        let Sight::Seen(card) = sees("k", None).snapshot.card else { panic!("no card") };
        assert_eq!((card.status, card.as_of), (CardStatus::Frozen, Timestamp::from_unix_seconds(9)));
        let longer_ago = |key, at| sees(key, at).longer_ago;
        assert_eq!(longer_ago("k", None), LongerAgo::Perhaps, "nobody says when it was asked");
        assert_eq!(longer_ago("k", Some(105)), LongerAgo::Perhaps, "clocks may be apart");
        assert_eq!(longer_ago("k", Some(106)), LongerAgo::No);
        assert_eq!(longer_ago("answered", Some(106)), LongerAgo::Perhaps);
        let again = sees("approved", None);
        assert_eq!((again.answered, again.longer_ago), (Some(approved()), LongerAgo::No), "it is heard again");
        // The database is there.
        last_seen.kept().begin_anew();
        assert_eq!(longer_ago("k", Some(106)), LongerAgo::No, "until everything was read");
        last_seen.kept().is_right_at(Timestamp::from_unix_seconds(110), KEY);
        assert_eq!(sees("k", None).snapshot.card, Sight::NotSeen, "it is not there any more");
        assert_eq!(longer_ago("k", None), LongerAgo::No);
        assert_eq!(longer_ago("answered", None), LongerAgo::Perhaps);
        last_seen.restore(seen_earlier(), Timestamp::from_unix_seconds(100));
        assert_eq!(sees("k", None).snapshot.card, Sight::NotSeen, "what this process saw is newer");
    }
}
