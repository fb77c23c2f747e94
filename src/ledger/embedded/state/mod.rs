//! What the embedded ledger remembers: accounts, cards, holds, counters and keys, in memory, with one writer.
//!
//! Two ways lead here and share every write: an event that is applied now, and a record that is read from the journal at
//! start. Names of holds and keys are remembered as 128-bit fingerprints under a key of this process, so that they cost no
//! allocation and cannot be made to collide. Nothing here knows a disk.

mod take_back;
mod write;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use holdfast_adapters::AccountBalance;
use holdfast_core::hold::{Account, Answered, Card, CardStatus, CardholderStatus, Counted, Hold, LimitUse, Subject};
use holdfast_core::rules::{CounterKey, LimitScope, Window};
use holdfast_core::{
    AccountId, AuthorizationId, CardToken, CardholderToken, IdempotencyKey, PaymentRef, PlatformName, ProgramId, Timestamp,
};
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use smallvec::SmallVec;

pub use self::write::Names;
use super::counters::Counter;
use crate::ledger::AccountStanding;

/// How long the key of an asked event is remembered: platforms retry within minutes, some within a day.
const ASKED_KEYS_KEPT: Duration = Duration::from_secs(48 * 3600);

/// How long the key of a told event is remembered. Marqeta resends for twelve days.
const TOLD_KEYS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// A name, hashed under a key of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u64; 2]);

impl std::hash::Hash for Fingerprint {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0[0]);
    }
}

/// Fingerprints are hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

type ByName<T> = HashMap<Fingerprint, T, BuildHasherDefault<AsIs>>;

/// Which kind of name a fingerprint is of; the same text may be several.
#[derive(Debug, Clone, Copy)]
enum Naming {
    Account = 1,
    Card = 2,
    Cardholder = 3,
    Payment = 4,
    Asked = 5,
    Told = 6,
}

/// An account's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountIndex(pub u32);

/// A card's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CardIndex(pub u32);

/// A cardholder's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CardholderIndex(pub u32);

/// A hold's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HoldIndex(pub u32);

/// An account with its name.
#[derive(Debug)]
pub struct AccountRow {
    pub program: ProgramId,
    pub id: AccountId,
    pub account: Account,
    pub holds_open: u64,
}

/// A card and what it leads to.
#[derive(Debug, Clone, Copy)]
pub struct CardRow {
    pub status: CardStatus,
    pub account: Option<AccountIndex>,
    pub cardholder: Option<CardholderIndex>,
}

/// A cardholder and what they own.
#[derive(Debug, Clone, Default)]
pub struct CardholderRow {
    pub status: Option<CardholderStatus>,
    /// The accounts behind their cards, in the order in which they were entered.
    pub accounts: SmallVec<[AccountIndex; 2]>,
}

/// A hold and what it belongs to.
#[derive(Debug, Clone)]
pub struct HoldRow {
    pub hold: Hold,
    pub account: AccountIndex,
    pub card: Option<CardIndex>,
    pub counted: SmallVec<[Counted; 3]>,
}

/// Whose counter: a card, an account, or the program as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counting {
    Card(CardIndex),
    Account(AccountIndex),
    Program,
}

/// A payment's names, as holds are found by them.
#[derive(Debug, Clone, Copy)]
pub struct PaymentNames {
    authorization: Fingerprint,
    alias: Option<Fingerprint>,
}

/// Everything an event names, found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Located {
    pub payment: Option<PaymentNames>,
    pub account: Option<AccountIndex>,
    pub card: Option<CardIndex>,
    pub cardholder: Option<CardholderIndex>,
    pub hold: Option<HoldIndex>,
}

/// The embedded ledger's memory.
#[derive(Debug)]
pub struct State {
    secret: (u64, u64),
    accounts: Vec<AccountRow>,
    accounts_by_name: ByName<AccountIndex>,
    cards: Vec<CardRow>,
    cards_by_name: ByName<CardIndex>,
    cardholders: Vec<CardholderRow>,
    cardholders_by_name: ByName<CardholderIndex>,
    holds: Vec<HoldRow>,
    holds_by_name: ByName<HoldIndex>,
    counters: HashMap<(CounterKey, Counting), Counter, foldhash::fast::RandomState>,
    asked: ByName<Answered>,
    asked_by_age: VecDeque<(Timestamp, Fingerprint)>,
    told: HashSet<Fingerprint, BuildHasherDefault<AsIs>>,
    told_by_age: VecDeque<(Timestamp, Fingerprint)>,
}

impl State {
    /// Remembers nothing; `secret` keys the fingerprints.
    pub fn new(secret: (u64, u64)) -> Self {
        State {
            secret,
            accounts: Vec::new(),
            accounts_by_name: ByName::default(),
            cards: Vec::new(),
            cards_by_name: ByName::default(),
            cardholders: Vec::new(),
            cardholders_by_name: ByName::default(),
            holds: Vec::new(),
            holds_by_name: ByName::default(),
            counters: HashMap::default(),
            asked: ByName::default(),
            asked_by_age: VecDeque::new(),
            told: HashSet::default(),
            told_by_age: VecDeque::new(),
        }
    }

    fn fingerprint(&self, naming: Naming, program: &ProgramId, platform: &str, name: &str) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_keys(self.secret.0, self.secret.1);
        hasher.write_u8(naming as u8);
        hasher.write(program.as_str().as_bytes());
        hasher.write_u8(0);
        hasher.write(platform.as_bytes());
        hasher.write_u8(0);
        hasher.write(name.as_bytes());
        let hash = hasher.finish128();
        Fingerprint([hash.h1, hash.h2])
    }

    /// The fingerprint of an asked key.
    pub fn asked_name(&self, program: &ProgramId, platform: Option<&PlatformName>, key: &IdempotencyKey) -> Fingerprint {
        self.fingerprint(Naming::Asked, program, platform.map_or("", PlatformName::as_str), key.as_str())
    }

    /// The fingerprint of a told key.
    pub fn told_name(&self, program: &ProgramId, platform: Option<&PlatformName>, key: &IdempotencyKey) -> Fingerprint {
        self.fingerprint(Naming::Told, program, platform.map_or("", PlatformName::as_str), key.as_str())
    }

    /// The account of that name.
    pub fn account_named(&self, program: &ProgramId, account: &AccountId) -> Option<AccountIndex> {
        self.accounts_by_name.get(&self.fingerprint(Naming::Account, program, "", account.as_str())).copied()
    }

    /// The card of that token.
    pub fn card_named(&self, program: &ProgramId, card: &CardToken) -> Option<CardIndex> {
        self.cards_by_name.get(&self.fingerprint(Naming::Card, program, "", card.as_str())).copied()
    }

    /// The cardholder of that token.
    pub fn cardholder_named(&self, program: &ProgramId, cardholder: &CardholderToken) -> Option<CardholderIndex> {
        self.cardholders_by_name.get(&self.fingerprint(Naming::Cardholder, program, "", cardholder.as_str())).copied()
    }

    fn payment_names(&self, program: &ProgramId, platform: Option<&PlatformName>, payment: &PaymentRef) -> PaymentNames {
        let platform = platform.map_or("", PlatformName::as_str);
        let name = |id: &AuthorizationId| self.fingerprint(Naming::Payment, program, platform, id.as_str());
        PaymentNames { authorization: name(&payment.authorization), alias: payment.alias.as_ref().map(name) }
    }

    /// The hold of a payment, by either of its names.
    fn hold_named(&self, names: &PaymentNames) -> Option<HoldIndex> {
        let by = |name: &Fingerprint| self.holds_by_name.get(name).copied();
        by(&names.authorization).or_else(|| names.alias.as_ref().and_then(by))
    }

    /// Finds what an event names. A payment that is known says whose money it is, whatever the event's subject says; the
    /// card is the one that is named, and the payment's where none is.
    pub fn locate(
        &self,
        program: &ProgramId,
        platform: Option<&PlatformName>,
        subject: &Subject,
        payment: Option<&PaymentRef>,
    ) -> Located {
        let payment = payment.map(|payment| self.payment_names(program, platform, payment));
        let hold = payment.as_ref().and_then(|names| self.hold_named(names));
        let hold_row = hold.and_then(|hold| self.hold(hold));
        let card = match &subject.card {
            Some(card) => self.card_named(program, card),
            None => hold_row.and_then(|row| row.card),
        };
        let card_row = card.and_then(|card| self.card(card));
        let cardholder = card_row
            .and_then(|row| row.cardholder)
            .or_else(|| subject.cardholder.as_ref().and_then(|cardholder| self.cardholder_named(program, cardholder)));
        let account = hold_row
            .map(|row| row.account)
            .or_else(|| card_row.and_then(|row| row.account))
            .or_else(|| subject.account.as_ref().and_then(|account| self.account_named(program, account)))
            .or_else(
                || if subject.card.is_none() { cardholder.and_then(|cardholder| self.only_account(cardholder)) } else { None },
            );
        Located { payment, account, card, cardholder, hold }
    }

    /// Finds what a told event names. A platform's word counts for a card that nobody told us of, too: then its owner's only
    /// account is meant.
    pub fn locate_told(
        &self,
        program: &ProgramId,
        platform: Option<&PlatformName>,
        subject: &Subject,
        payment: Option<&PaymentRef>,
    ) -> Located {
        let located = self.locate(program, platform, subject, payment);
        let owners = located.cardholder.and_then(|owner| self.only_account(owner));
        Located { account: located.account.or(owners), ..located }
    }

    /// The one account of a cardholder; with several, the platform has to name a card.
    fn only_account(&self, cardholder: CardholderIndex) -> Option<AccountIndex> {
        match self.cardholder(cardholder)?.accounts.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The account there.
    pub fn account(&self, index: AccountIndex) -> Option<&AccountRow> {
        self.accounts.get(place(index.0))
    }

    /// The card there.
    pub fn card(&self, index: CardIndex) -> Option<&CardRow> {
        self.cards.get(place(index.0))
    }

    /// The cardholder there.
    pub fn cardholder(&self, index: CardholderIndex) -> Option<&CardholderRow> {
        self.cardholders.get(place(index.0))
    }

    /// The hold there.
    pub fn hold(&self, index: HoldIndex) -> Option<&HoldRow> {
        self.holds.get(place(index.0))
    }

    /// What was answered to a key.
    pub fn answered(&self, key: Fingerprint) -> Option<Answered> {
        self.asked.get(&key).copied()
    }

    /// Whether a told key was applied before.
    pub fn was_told(&self, key: Fingerprint) -> bool {
        self.told.contains(&key)
    }

    /// The standing of a located card (or of a cardholder who is named alone).
    pub fn card_standing(&self, located: &Located) -> Option<Card> {
        let cardholder = located.cardholder.and_then(|index| self.cardholder(index)).and_then(|row| row.status);
        let cardholder = cardholder.unwrap_or(CardholderStatus::Active);
        match located.card.and_then(|index| self.card(index)) {
            Some(row) => Some(Card { status: row.status, cardholder }),
            // The platform names only the cardholder (Apto V1 and V2): no card's standing to look at.
            None => located.cardholder.map(|_| Card { status: CardStatus::Active, cardholder }),
        }
    }

    /// What a limit has counted for whom it concerns.
    pub fn used(&self, counter: CounterKey, scope: LimitScope, window: Window, located: &Located) -> LimitUse {
        counting(scope, located)
            .and_then(|counting| self.counters.get(&(counter, counting)))
            .map_or_else(LimitUse::default, |counter| counter.used(window))
    }

    /// An account's balance as it is told.
    pub fn balance(&self, index: AccountIndex) -> Option<AccountBalance> {
        self.account(index).map(|row| AccountBalance {
            account: row.id,
            posted: row.account.money(row.account.posted),
            held: row.account.money(row.account.held),
            available: row.account.money(row.account.available()),
            usable: row.account.status.bar().is_none(),
        })
    }

    /// An account as operators see it.
    pub fn standing(&self, index: AccountIndex) -> Option<AccountStanding> {
        let row = self.account(index)?;
        Some(AccountStanding {
            program: row.program,
            balance: self.balance(index)?,
            credit_line: row.account.money(row.account.credit_line),
            status: row.account.status,
            holds_open: row.holds_open,
        })
    }

    /// All accounts of a program.
    pub fn standings_of(&self, program: &ProgramId) -> Vec<AccountStanding> {
        let of_program = self.accounts.iter().zip(0_u32..).filter(|(row, _)| row.program == *program);
        of_program.filter_map(|(_, index)| self.standing(AccountIndex(index))).collect()
    }
}

fn counting(scope: LimitScope, located: &Located) -> Option<Counting> {
    match scope {
        LimitScope::Card => located.card.map(Counting::Card),
        LimitScope::Account => located.account.map(Counting::Account),
        LimitScope::Program => Some(Counting::Program),
    }
}

/// A place as a vector wants it; 32 bits always fit.
fn place(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
