//! What the ledger has yet to hear of each account's money, in the order in which it came: what stand-in told, and what platforms did. Whoever
//! looks at an account has the ledger's own rules applied to it first ([`Ledger::look_ahead`](crate::ledger::Ledger::look_ahead)). What
//! cards and accounts are like is `standings.rs`; decides nothing, and applies nothing.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry::{Occupied, Vacant};
use holdfast_core::hold::{ToldAnswer, ToldEvent};
use holdfast_core::stand_in::ToldName;
use holdfast_core::{AccountId, Money, ProgramId, StandInCause};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::opened::OpenedPayments;
use crate::ledger::{Adopt, LeftOut, Origin, ToHear};
use crate::spool::{Entry, Kept};

/// How much of one account is looked at: of one of which more waits, no balance is known.
const LISTED_MAX: usize = 256;

/// The same of a program's messages of which it was not seen whose they are: they may be about any account.
const NOBODYS_MAX: usize = 64;

/// What waits. Its parts are known by hashes of their keys under a key of this process, 128 bits wide, so that no two are one.
#[derive(Debug)]
pub struct Waiting {
    key: (u64, u64),
    places: DashMap<u128, Place, foldhash::fast::RandomState>,
    /// Of each account; of which it was not seen whose they are, messages may be about any of the program's.
    of: DashMap<Whose, List, foldhash::fast::RandomState>,
    opened: OpenedPayments,
    next: AtomicU64,
    messages: AtomicUsize,
    /// How many of them are of each program that has any.
    messages_of: DashMap<ProgramId, usize, foldhash::fast::RandomState>,
}

type Whose = (ProgramId, Option<AccountId>);

/// Where one is, which may have come more than once.
#[derive(Debug)]
struct Place {
    whose: Whose,
    number: u64,
    times: u32,
}

/// What waits of one account.
#[derive(Debug, Default)]
struct List {
    by_number: BTreeMap<u64, Listed>,
    messages: usize,
    /// How many declines may take back what the ledger approved too late.
    take_back: usize,
    /// How much the messages may take at most, in minor units.
    takes: i128,
}

/// One answer or message.
#[derive(Debug, Clone)]
struct Listed {
    written: Arc<[u8]>,
    what: What,
    /// What may still be answered 503 takes what it may, and decides and gives nothing.
    kept: Kept,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// An answer; if it is an approval of stand-in's own: the name that caps count it under, and how much of the money it takes.
    Answer(Option<(ToldName, i64)>),
    /// A decline of a question that the ledger was asked: it may have approved it after its time.
    TakesBack,
    /// A message that may take so much at most.
    Message(i64),
}

/// What of an account the ledger has yet to hear.
#[derive(Debug, Default)]
pub struct OfAccount {
    /// In its order.
    pub to_hear: Vec<ToHear>,
    /// Of that, stand-in's own approvals.
    pub approved: Vec<(ToldName, i64)>,
    /// What there is besides, and is not looked at.
    pub left_out: LeftOut,
}

/// An answer that was put here, to be taken away again.
#[derive(Debug)]
pub struct Said {
    name: u128,
    /// Its bytes, where they are the entry's own: nobody needs to make them twice.
    pub written: Option<Arc<[u8]>>,
}

impl Default for Waiting {
    fn default() -> Self {
        let secret = std::hash::RandomState::new();
        Waiting {
            key: (secret.hash_one(0_u8), secret.hash_one(1_u8)),
            places: DashMap::default(),
            of: DashMap::default(),
            opened: OpenedPayments::default(),
            next: AtomicU64::new(0),
            messages: AtomicUsize::new(0),
            messages_of: DashMap::default(),
        }
    }
}

impl Waiting {
    /// An answer waits for the ledger; nothing where it is about nobody's money.
    pub fn says(&self, entry: &Entry) -> Option<Said> {
        let Entry::Told(adopt, Some(account)) = entry else { return None };
        let name = self.name_of(adopt);
        let approved = entry.approved().zip(adopt.origin.platform.as_ref());
        let approved = approved.map(|((_, minor), platform)| (ToldName::of(platform, &adopt.request.key), minor));
        let written = match adopt.slip {
            None => entry.to_bytes(),
            // What its caller wrote is looked at by nobody.
            Some(_) => Entry::Told(Box::new(Adopt { slip: None, ..Adopt::clone(adopt) }), Some(*account)).to_bytes(),
        };
        let what = if may_take_back(adopt) { What::TakesBack } else { What::Answer(approved) };
        let listed = Listed { written: written.clone().unwrap_or_default(), what, kept: Kept::Durable };
        if self.put(name, (adopt.origin.program, Some(*account)), listed) == Times::First {
            self.opened.waits(adopt, *account);
        }
        Some(Said { name, written: written.ok().filter(|_| adopt.slip.is_none()) })
    }

    /// Nobody stands by an answer any more.
    pub fn unsays(&self, said: &Said, entry: &Entry) {
        if let Entry::Told(adopt, _) = entry {
            self.answer_leaves(said.name, adopt, Leaves::Once);
        }
    }

    /// A message is brought to the spool, to wait there for the ledger: of whose money it is, where that is seen.
    pub fn waits(&self, origin: &Origin, event: &ToldEvent, account: Option<AccountId>) {
        if !event.fact.is_about_money() {
            return;
        }
        let takes = event.fact.takes_at_most().map_or(0, Money::minor).max(0);
        let written = Entry::Fact(*origin, Box::new(*event)).to_bytes().unwrap_or_default();
        let listed = Listed { written, what: What::Message(takes), kept: Kept::NotDurable };
        let _ = self.put(self.message(origin, event), (origin.program, account), listed);
    }

    /// A message is durable there.
    pub fn is_durable(&self, origin: &Origin, event: &ToldEvent) {
        let Some(place) = self.places.get(&self.message(origin, event)) else { return };
        if let Some(mut of) = self.of.get_mut(&place.whose)
            && let Some(listed) = of.by_number.get_mut(&place.number)
        {
            listed.kept = Kept::Durable;
        }
    }

    /// The account of a payment that was opened meanwhile, and by which answer.
    pub(super) fn opened(&self) -> &OpenedPayments {
        &self.opened
    }

    /// One that was set aside is brought to the ledger once more, if it is not on its way there already.
    pub fn is_brought(&self, entry: &Entry) {
        match entry {
            Entry::Told(adopt, _) if !self.places.contains_key(&self.name_of(adopt)) => drop(self.says(entry)),
            Entry::Fact(origin, event) if !self.places.contains_key(&self.message(origin, event)) => {
                self.waits(origin, event, None);
                self.is_durable(origin, event);
            }
            Entry::Told(..) | Entry::Fact(..) | Entry::Kept(..) | Entry::Ordered(..) | Entry::Published(..) => {}
        }
    }

    /// One time that a message came it was not acknowledged.
    pub fn never_kept(&self, origin: &Origin, event: &ToldEvent) {
        let _ = self.leaves(self.message(origin, event), Leaves::Once);
    }

    /// The ledger has heard it, and so every time that it came; or refused it for good.
    pub fn gone(&self, entry: &Entry) {
        match entry {
            Entry::Told(adopt, _) => self.answer_leaves(self.name_of(adopt), adopt, Leaves::Wholly),
            Entry::Fact(origin, event) => drop(self.leaves(self.message(origin, event), Leaves::Wholly)),
            Entry::Kept(..) | Entry::Ordered(..) | Entry::Published(..) => {}
        }
    }

    /// Whether any message waits at all. Nearly never.
    #[must_use]
    pub fn any(&self) -> bool {
        self.messages.load(Ordering::Acquire) > 0
    }

    /// Whether any of a program's does.
    #[must_use]
    pub fn any_of(&self, program: ProgramId) -> bool {
        self.any() && self.messages_of.contains_key(&program)
    }

    /// Whether a message waits that is, or may be, about the account behind a question; where that is not seen, it may be any of the program's.
    #[must_use]
    pub fn concern(&self, program: ProgramId, account: Option<AccountId>) -> bool {
        let has_messages = |account| self.of.get(&(program, account)).is_some_and(|of| of.messages > 0);
        self.any()
            && match account {
                None => self.any_of(program),
                Some(_) => has_messages(None) || has_messages(account),
            }
    }

    /// Whether the ledger may have approved of an account what was told to be declined.
    #[must_use]
    pub fn may_take_back(&self, program: ProgramId, account: Option<AccountId>) -> bool {
        self.of.get(&(program, account)).is_some_and(|of| of.take_back > 0)
    }

    /// What waits of an account, with the messages that may be about it.
    #[must_use]
    pub fn of(&self, program: ProgramId, account: AccountId) -> OfAccount {
        // In this order: what is found to be the account's is put there before it leaves those of nobody, and so may be in both.
        let (nobodys, nobodys_left) = self.listed((program, None), NOBODYS_MAX);
        let (own, own_left) = self.listed((program, Some(account)), LISTED_MAX);
        let mut all: Vec<_> = own.into_iter().chain(nobodys).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all.dedup_by_key(|(number, _)| *number);
        let mut of_account = OfAccount { left_out: own_left.and(nobodys_left), ..OfAccount::default() };
        all.into_iter().for_each(|(_, listed)| of_account.add(&listed));
        of_account
    }

    /// A list, or what it comes to at most if it is too long to be looked at.
    fn listed(&self, whose: Whose, most: usize) -> (Vec<(u64, Listed)>, LeftOut) {
        match self.of.get(&whose) {
            None => (Vec::new(), LeftOut::default()),
            Some(of) if of.by_number.len() <= most => {
                (of.by_number.iter().map(|(number, listed)| (*number, listed.clone())).collect(), LeftOut::default())
            }
            Some(of) => {
                let takes = i64::try_from(of.takes).unwrap_or(i64::MAX);
                (Vec::new(), LeftOut { count: of.by_number.len(), takes })
            }
        }
    }

    /// A program's first messages of which it was not seen whose they are, for whoever looks again.
    pub fn nobodys(&self, program: ProgramId) -> Vec<(Origin, Box<ToldEvent>)> {
        let Some(first) = self.of.get(&(program, None)).map(|of| of.first(NOBODYS_MAX)) else { return Vec::new() };
        first.iter().filter_map(Listed::read).filter_map(ToHear::into_fact).collect()
    }

    /// Now it is seen whose a message is.
    pub fn belongs(&self, origin: &Origin, event: &ToldEvent, account: AccountId) {
        let Some(mut place) = self.places.get_mut(&self.message(origin, event)) else { return };
        let (before, now) = (place.whose, (origin.program, Some(account)));
        let listed = self.of.get(&before).and_then(|of| of.by_number.get(&place.number).cloned());
        let Some(listed) = listed.filter(|_| before != now) else { return };
        // Whoever looks at nobody's first finds it in the one or the other.
        self.of.entry(now).or_default().put(place.number, listed);
        self.take(before, place.number);
        place.whose = now;
    }

    fn put(&self, name: u128, whose: Whose, listed: Listed) -> Times {
        match self.places.entry(name) {
            Occupied(mut known) => {
                let known = known.get_mut();
                known.times = known.times.saturating_add(1);
                Times::Again
            }
            Vacant(new) => {
                let number = self.next.fetch_add(1, Ordering::AcqRel);
                if let What::Message(_) = listed.what {
                    let mut of_program = self.messages_of.entry(whose.0).or_default();
                    *of_program = of_program.saturating_add(1);
                    self.messages.fetch_add(1, Ordering::AcqRel);
                }
                // Before anybody can find it gone.
                self.of.entry(whose).or_default().put(number, listed);
                new.insert(Place { whose, number, times: 1 });
                Times::First
            }
        }
    }

    fn answer_leaves(&self, name: u128, adopt: &Adopt, how: Leaves) {
        if self.leaves(name, how).is_some() {
            self.opened.gone(adopt);
        }
    }

    /// What left, if it is here no more.
    fn leaves(&self, name: u128, how: Leaves) -> Option<What> {
        let is_last = |_: &u128, known: &mut Place| {
            known.times = match how {
                Leaves::Once => known.times.saturating_sub(1),
                Leaves::Wholly => 0,
            };
            known.times == 0
        };
        let (_, place) = self.places.remove_if_mut(&name, is_last)?;
        let what = self.take(place.whose, place.number)?;
        if let What::Message(_) = what {
            self.messages_of.remove_if_mut(&place.whose.0, |_, of_program| {
                *of_program = of_program.saturating_sub(1);
                *of_program == 0
            });
            self.messages.fetch_sub(1, Ordering::AcqRel);
        }
        Some(what)
    }

    fn take(&self, whose: Whose, number: u64) -> Option<What> {
        let mut taken = None;
        self.of.remove_if_mut(&whose, |_, of| {
            taken = of.take(number);
            of.by_number.is_empty()
        });
        taken
    }

    fn message(&self, origin: &Origin, event: &ToldEvent) -> u128 {
        self.hashed((0_u8, origin.program, origin.platform, event.key))
    }

    /// One key may have had several answers.
    fn name_of(&self, adopt: &Adopt) -> u128 {
        let Origin { program, platform, .. } = adopt.origin;
        let approved = match adopt.told {
            ToldAnswer::Approved { amount } => Some(amount.minor()),
            ToldAnswer::Declined { .. } => None,
        };
        self.hashed((1_u8, program, platform, adopt.request.key, approved, adopt.received_at))
    }

    fn hashed(&self, name: impl std::hash::Hash) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        name.hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}

/// Whether something waited before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    First,
    Again,
}

/// How something waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// One of the times that it came.
    Once,
    Wholly,
}

impl List {
    fn first(&self, most: usize) -> Vec<Listed> {
        self.by_number.values().take(most).cloned().collect()
    }

    fn put(&mut self, number: u64, listed: Listed) {
        match listed.what {
            What::Message(takes) => {
                self.messages = self.messages.saturating_add(1);
                self.takes = self.takes.saturating_add(takes.into());
            }
            What::TakesBack => self.take_back = self.take_back.saturating_add(1),
            What::Answer(_) => {}
        }
        self.by_number.insert(number, listed);
    }

    fn take(&mut self, number: u64) -> Option<What> {
        let what = self.by_number.remove(&number)?.what;
        match what {
            What::Message(takes) => {
                self.messages = self.messages.saturating_sub(1);
                self.takes = self.takes.saturating_sub(takes.into());
            }
            What::TakesBack => self.take_back = self.take_back.saturating_sub(1),
            What::Answer(_) => {}
        }
        Some(what)
    }
}

/// Whether a decline is of a question that the ledger was asked and did not answer in time.
const fn may_take_back(adopt: &Adopt) -> bool {
    let was_asked = matches!(adopt.basis.stand_in_cause(), Some(StandInCause::DeadlinePassed | StandInCause::Panicked));
    was_asked && matches!(adopt.told, ToldAnswer::Declined { .. })
}

impl Listed {
    /// What the ledger is to hear by it.
    fn read(&self) -> Option<ToHear> {
        match Entry::read(&self.written).ok()? {
            Entry::Told(adopt, _) => Some(ToHear::Answer(adopt)),
            Entry::Fact(origin, event) => Some(ToHear::Fact(origin, event)),
            Entry::Kept(..) | Entry::Ordered(..) | Entry::Published(..) => None,
        }
    }
}

impl OfAccount {
    fn add(&mut self, listed: &Listed) {
        let to_hear = match listed.kept {
            Kept::Durable => listed.read(),
            Kept::NotDurable => None,
        };
        match (to_hear, listed.what) {
            (Some(to_hear), what) => {
                self.to_hear.push(to_hear);
                if let What::Answer(Some(approved)) = what {
                    self.approved.push(approved);
                }
            }
            // What may not stay, or cannot be read back, counts as much as it may take; of an answer whoever counts approvals knows that.
            (None, What::Message(takes)) => self.left_out = self.left_out.and(LeftOut { count: 1, takes }),
            (None, What::Answer(_) | What::TakesBack) => self.left_out = self.left_out.and(LeftOut { count: 1, takes: 0 }),
        }
    }
}

#[cfg(test)]
mod tests;
