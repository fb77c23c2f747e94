//! What this responder last saw of cards, accounts and answered keys in the database, and as of when: all that stand-in may rely
//! on while the database is away. Bounded: what did not pass by for long is forgotten first. Nothing here reads the database.
//!
//! One moment counts for all of it. Whoever keeps it right ([`super::following`]) reads whatever changed: what it did not read
//! again was still so when it last had everything.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::Duration;

use holdfast_core::hold::{Answered, CardStatus, CardholderStatus, Subject, ToldEvent};
use holdfast_core::stand_in::{AccountSight, Acquaintance, AddsTo, CardSight, Sight, Snapshot};
use holdfast_core::{
    AccountId, AuthorizationRequest, CardToken, CardholderToken, IdempotencyKey, PlatformName, ProgramId, Timestamp,
};

use super::answers::Answers;
use super::fresh::{AccountNow, Fresh, Look, News};
use super::generations::Generations;
use super::snapshot::{self, OwnAct};
use crate::ledger::embedded::naming::subject_of;
use crate::ledger::embedded::state::{Fingerprint, Merchants, NameKey};
use crate::ledger::sight::{LongerAgo, Seen};
use crate::ledger::{Glimpse, MoneyOf, Origin};

mod ahead;

/// The most cards, and the most accounts, of each of the two generations.
pub const GENERATION_MAX: usize = 1 << 18;

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
    pub now: AccountNow,
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

    /// Acts of this program left that behind: it is known from now on, whenever it is read in the database. Which look at it was the last one
    /// that had begun.
    pub fn hear(&self, program: ProgramId, news: &News) -> Look {
        let mut kept = self.kept();
        let look = kept.fresh.hear(program, news);
        news.answers.iter().for_each(|(number, _)| kept.put_answered(*number));
        drop(kept);
        news.answers.iter().for_each(|(number, answered)| self.answers.put(*number, *answered));
        look
    }

    /// Whatever was in the database when that look began was put in, and all of it was so at that moment.
    pub fn has_read(&self, look: Look, as_of: Timestamp, key: NameKey) {
        let mut kept = self.kept();
        kept.fresh.has_read(look);
        kept.is_right_at(as_of, key);
    }

    /// What an earlier process saw, and did since, for a process that follows since that moment; not over what this one has seen.
    pub fn restore(&self, mut snapshot: snapshot::Snapshot, acts: &[OwnAct], followed_at: Timestamp) {
        let mut kept = self.kept();
        if kept.right.is_some() {
            return;
        }
        let told = acts.iter().flat_map(|(_, news)| &news.answers).copied();
        snapshot.answered.extend(told.clone().map(|(number, _)| number));
        std::mem::take(&mut snapshot.answers)
            .into_iter()
            .chain(told)
            .for_each(|(number, answered)| self.answers.put(number, answered));
        kept.fresh.hear_earlier(acts);
        kept.restore(snapshot, followed_at);
    }

    /// What was answered to a key, as far as that is kept.
    pub fn answered(&self, Origin { program, platform, .. }: &Origin, asked: &IdempotencyKey) -> Option<Answered> {
        let right = self.kept.read().unwrap_or_else(PoisonError::into_inner).right;
        self.answers.of(number_of(right?.key, program, platform.as_ref(), asked))
    }

    /// Whose money an event is about: of its card, as no payment is known here.
    pub fn account_of(&self, origin: &Origin, event: &ToldEvent) -> MoneyOf {
        let Subject { account, card, .. } = subject_of(event);
        let Some(kept) = self.glance() else { return MoneyOf::Busy };
        let of_card = || kept.people.accounts.get(&kept.people.cards.get(&(origin.program, card?))?.account?).map(|seen| seen.id);
        account.or_else(of_card).map_or(MoneyOf::NotSeen, MoneyOf::Account)
    }

    /// What was seen, if nobody puts something in just now.
    fn glance(&self) -> Option<RwLockReadGuard<'_, Kept>> {
        match self.kept.try_read() {
            Ok(kept) => Some(kept),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// What is to be seen around a question.
    pub fn look(&self, Origin { program, platform, .. }: &Origin, request: &AuthorizationRequest) -> Glimpse {
        let Some(kept) = self.glance() else { return Glimpse::Busy };
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
        let account = account.map_or(Sight::NotSeen, |(number, AccountSeen { id, now })| {
            let account = kept.fresh.account(number, *now);
            let available = account.money(account.available());
            Sight::Seen(AccountSight { id: *id, status: account.status, available, as_of, let_go: None })
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
mod tests;
