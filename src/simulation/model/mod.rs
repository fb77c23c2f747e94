//! The independent model: what an accountant would say of the same events.
//!
//! It is written apart from the hold engine and calls none of it: a payment is the list of its entries ([`payment`]), filed by the
//! names that were told of it ([`filing`]), an account and a limit are sums over them. It knows which events are acknowledged, and forgets those whose group was given up.

pub mod asking;
mod contrary;
pub mod filing;
pub mod payment;
pub mod sheet;
mod telling;
mod ways;

use std::collections::HashMap;

use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, HoldStatus, StepId};
use holdfast_core::rules::{LimitScope, Window};
use holdfast_core::{DeclineReason, Timestamp};

use self::filing::{File, Place};
use self::payment::{Ending, Entry, Line, Source};
use super::deed::{Command, Question};
use super::limits::LIMITS;

/// When something was told, and by which message: the latest counts, of one time what is graver, then the one whose name is greater.
pub type Told = (Timestamp, StepId);

/// Whether a standing that was told counts over one that is known.
pub fn counts_over(told: Told, gravity: usize, known: Told, known_gravity: usize) -> bool {
    (told.0, gravity, told.1) >= (known.0, known_gravity, known.1)
}

/// How grave it is that a card stands there, as the contract has it.
pub fn gravity_of_card(status: CardStatus) -> usize {
    use CardStatus::{Active, Closed, Expired, Frozen, Lost, Stolen, Unactivated};
    let by_gravity = [Unactivated, Active, Frozen, Expired, Lost, Stolen, Closed];
    by_gravity.iter().position(|known| *known == status).unwrap_or(0)
}

/// An account, by plain sums.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub program: usize,
    pub posted: i64,
    pub held: i64,
    pub credit_line: i64,
    pub status: (Told, AccountStatus),
    pub owner: (Told, CardholderStatus),
}

/// A card.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    pub account: usize,
    pub status: (Told, CardStatus),
}

/// A payment: what was said of it, in one file as soon as it is known to be one.
#[derive(Debug, Clone)]
pub struct Payment {
    pub program: usize,
    pub account: usize,
    pub files: Vec<File>,
    /// What is filed under a name that nobody used.
    blank: File,
}

/// What was counted in one window of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub question: u32,
    pub program: usize,
    pub limit: usize,
    /// The card, the account, or nothing.
    pub whose: usize,
    pub window: Window,
    pub amount: i64,
    pub count: i32,
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Yes(i64),
    /// Yes, but not in the account's currency: somebody else said so.
    YesAbroad(i64),
    No(DeclineReason),
}

impl Answer {
    /// What may be taken.
    fn amount(self) -> Option<i64> {
        match self {
            Answer::Yes(amount) | Answer::YesAbroad(amount) => Some(amount),
            Answer::No(_) => None,
        }
    }
}

/// What a key means, and what was answered to it.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub meaning: Meaning,
    pub answer: Answer,
    /// When its callback arrived.
    pub asked_at: Timestamp,
}

/// A question or an order.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    Question(Question),
    Order(Command),
}

/// What the engine should say to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Decided(Answer),
    /// Recorded, or heard before.
    Recorded {
        again: bool,
    },
    Late,
    Unavailable,
}

/// A key: which kind, of which program, and its number.
pub type Key = (Keyed, usize, u32);

/// What kinds of keys there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keyed {
    Question,
    Order,
    Message,
}

/// What there was before a change; swapped in, it gives what there was after it.
enum Change {
    Payment(usize, Box<Payment>),
    Account(usize, Account),
    Card(usize, Card),
    Answer(Key, Option<Box<Known>>),
    Told(Key, Option<Timestamp>),
    /// So many were counted without a payment.
    Counted(usize),
    /// And these more.
    CountedMore(Vec<Tally>),
}

/// What a group that was given up had changed, in the order in which it did.
pub struct GivenUp(Vec<Change>);

/// Everything that was acknowledged, and what the open group adds to it.
#[derive(Default)]
pub struct Model {
    pub accounts: Vec<Account>,
    pub cards: Vec<Card>,
    pub payments: Vec<Payment>,
    answers: HashMap<Key, Known, foldhash::fast::RandomState>,
    told: HashMap<Key, Timestamp, foldhash::fast::RandomState>,
    /// What counts without being a payment's.
    counted: Vec<Tally>,
    changes: Vec<Change>,
    /// Declines of the open group: they were told, and stay whatever becomes of it.
    declines: Vec<(Key, Known)>,
    /// Declines of a group that was given up: only a crash takes them.
    owed: Vec<Key>,
    /// Whether the last event changed money, a hold, a limit or a standing.
    pub changed: bool,
    /// How often two files were put together.
    pub joined: u64,
    /// How often something was about an increment that is in another payment's books than it names.
    pub contrary: u64,
}

impl Model {
    /// A new payment of an account, that nobody has said anything about.
    pub fn add_payment(&mut self, program: usize, account: usize) -> usize {
        self.payments.push(Payment::new(program, account));
        self.payments.len() - 1
    }

    /// What was answered to a key.
    pub fn known(&self, key: Key) -> Option<Known> {
        self.answers.get(&key).copied()
    }

    fn was_told(&self, key: Key) -> bool {
        self.told.contains_key(&key)
    }

    fn remember(&mut self, key: Key, known: Known) {
        let before = self.answers.insert(key, known);
        self.changes.push(Change::Answer(key, before.map(Box::new)));
    }

    fn remember_told(&mut self, key: Key, now: Timestamp) {
        let before = self.told.insert(key, now);
        self.changes.push(Change::Told(key, before));
    }

    /// An account before it changes.
    fn account_to_change(&mut self, account: usize) -> &mut Account {
        self.changes.push(Change::Account(account, self.accounts[account]));
        &mut self.accounts[account]
    }

    /// A payment before it changes.
    fn payment_to_change(&mut self, payment: usize) -> &mut Payment {
        self.changes.push(Change::Payment(payment, Box::new(self.payments[payment].clone())));
        &mut self.payments[payment]
    }

    /// What every limit of a card, its account and its program has counted in the window that is open at a time, summed up
    /// over everything that counts.
    pub fn used(&self, program: usize, card: usize, account: usize, at: Timestamp) -> [(i64, i64); LIMITS.len()] {
        let mut used = [(0, 0); LIMITS.len()];
        let places = LIMITS.each_ref().map(|limit| limit.window(at));
        let mut count = |tally: &Tally| {
            let here = tally.whose == Model::whose(tally.limit, card, account);
            if here && tally.program == program && is_within(tally.window, places[tally.limit]) {
                let (amount, count) = &mut used[tally.limit];
                *amount += tally.amount;
                *count += i64::from(tally.count);
            }
        };
        for payment in self.payments.iter().filter(|payment| payment.program == program) {
            payment.files.iter().flat_map(|file| &file.places).for_each(&mut count);
        }
        self.counted.iter().for_each(count);
        used
    }

    /// Whose a limit counts together, for a card of an account.
    pub fn whose(limit: usize, card: usize, account: usize) -> usize {
        match LIMITS[limit].scope {
            LimitScope::Card => card,
            LimitScope::Account => account,
            // Whom those count for is in their counters' names.
            LimitScope::Program
            | LimitScope::Merchant
            | LimitScope::Cardholder
            | LimitScope::Authority
            | LimitScope::Intent
            | LimitScope::IpAddress
            | LimitScope::Payment
            | LimitScope::Unreviewed => 0,
        }
    }

    /// Releases what nobody captured in time; which payments those are.
    pub fn expire(&mut self, now: Timestamp) -> Vec<usize> {
        let is_due = |file: &File| file.sheet.status == HoldStatus::Open && file.sheet.expires_at.is_some_and(|at| at <= now);
        let mut due = Vec::new();
        for (payment, known) in self.payments.iter().enumerate() {
            let files = known.files.iter().enumerate().filter(|(_, known)| is_due(known));
            due.extend(files.map(|(file, _)| Place { payment, file }));
        }
        for place in &due {
            let file = &self.payments[place.payment].files[place.file];
            let Some(at) = file.sheet.expires_at else { continue };
            let at = payment::below(&file.entries, at);
            self.enter(*place, Entry { source: Source::Timer(at), at, line: Line::Ended(Ending::TimedOut) }, &[]);
        }
        due.into_iter().map(|place| place.payment).collect()
    }

    /// The group is durable.
    pub fn acknowledge(&mut self) {
        self.changes.clear();
        self.declines.clear();
    }

    /// The group is given up: only declines that were told stay.
    pub fn give_up(&mut self) -> GivenUp {
        let mut changes = std::mem::take(&mut self.changes);
        changes.reverse();
        let mut given_up: Vec<Change> = changes.into_iter().map(|change| self.swap(change)).collect();
        given_up.reverse();
        for (key, known) in std::mem::take(&mut self.declines) {
            self.answers.insert(key, known);
            self.owed.push(key);
        }
        GivenUp(given_up)
    }

    /// The group that was given up is durable after all.
    pub fn take_in(&mut self, given_up: GivenUp) {
        given_up.0.into_iter().for_each(|change| drop(self.swap(change)));
        self.owed.clear();
    }

    /// The declines of a group that was given up are durable.
    pub fn owe_nothing(&mut self) {
        self.owed.clear();
    }

    /// The process is gone: what it had told without recording it is forgotten.
    pub fn crash(&mut self) {
        self.declines.clear();
        drop(self.give_up());
        for key in std::mem::take(&mut self.owed) {
            self.answers.remove(&key);
        }
    }

    /// Makes a change, and says how to undo it.
    fn swap(&mut self, change: Change) -> Change {
        match change {
            Change::Payment(number, mut payment) => {
                std::mem::swap(&mut self.payments[number], &mut payment);
                Change::Payment(number, payment)
            }
            Change::Account(number, account) => Change::Account(number, std::mem::replace(&mut self.accounts[number], account)),
            Change::Card(number, card) => Change::Card(number, std::mem::replace(&mut self.cards[number], card)),
            Change::Answer(key, Some(known)) => Change::Answer(key, self.answers.insert(key, *known).map(Box::new)),
            Change::Answer(key, None) => Change::Answer(key, self.answers.remove(&key).map(Box::new)),
            Change::Told(key, Some(at)) => Change::Told(key, self.told.insert(key, at)),
            Change::Told(key, None) => Change::Told(key, self.told.remove(&key)),
            Change::Counted(length) => Change::CountedMore(self.counted.split_off(length)),
            Change::CountedMore(more) => {
                let length = self.counted.len();
                self.counted.extend(more);
                Change::Counted(length)
            }
        }
    }
}

/// Whether what was counted in one window counts in another one.
fn is_within(counted: Window, open: Window) -> bool {
    match (counted, open) {
        (Window::Rolling { bucket: counted, .. }, Window::Rolling { bucket, buckets }) => {
            counted <= bucket && counted > bucket - i64::from(buckets)
        }
        (Window::Since(_) | Window::Lifetime | Window::Rolling { .. }, _) => counted == open,
    }
}
