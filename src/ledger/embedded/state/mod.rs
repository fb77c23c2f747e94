//! What the embedded ledger remembers: accounts, cards, holds under way, counters and recent keys, in memory, with one writer.
//!
//! Three ways lead here and share every write: an event that is applied now, a record that is read from the journal at
//! start, and a row that comes back from the projection. Names of holds and keys are remembered as 128-bit fingerprints under
//! a key of this data directory, so that they cost no allocation and cannot be made to collide. Nothing here knows a disk.

mod few;
mod forget;
mod gone;
mod handing_over;
mod holds;
mod join;
mod locate;
mod merchants;
mod names;
mod one_question;
mod picture;
mod restore;
mod rows;
mod seen;
mod subjects;
mod take_back;
mod write;

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU64;
use std::time::Duration;

use holdfast_adapters::AccountBalance;
use holdfast_core::hold::{Answered, Card, CardStatus, CardholderStatus, FoundBy, LimitUse, Mark, StepId};
use holdfast_core::rules::{CounterKey, LimitScope, StillOpen, Window};
use holdfast_core::{
    AccountId, AuthorizationRequest, CardToken, CardholderToken, IdempotencyKey, PaymentRef, PlatformName, ProgramId, Timestamp,
};

pub use self::few::{Few, Knows, Naming};
use self::gone::Gone;
pub use self::gone::GoneNames;
use self::holds::Holds;
pub use self::holds::{CLOSED_KEPT, HoldIndex, HoldNumber, HoldRow};
pub use self::merchants::{CardAct, MERCHANTS_MAX, Merchants};
pub use self::names::{NameKey, PaymentNames};
#[cfg(test)]
pub use self::picture::Picture;
pub use self::restore::Restoring;
pub use self::rows::Fingerprint;
use self::rows::{ByName, Rows, SHARDS};
pub use self::subjects::{AccountIndex, AccountRow, CardIndex, CardRow, CardholderIndex, CardholderRow, Counting, ProgramIndex};
pub use self::write::{Entered, Names, Takes};
use super::counters::Counter;
use crate::ledger::AccountStanding;

/// How long the key of an asked event is remembered in memory: platforms retry within minutes, some within a day. The projection
/// keeps it for ever.
pub const ASKED_KEYS_KEPT: Duration = Duration::from_secs(48 * 3600);

/// How long the key of a told event is remembered in memory. After that one that became a payment's step is known by that; others, and
/// those that called their payment by another name than its own, the projection keeps for ever.
pub const TOLD_KEYS_KEPT: Duration = Duration::from_secs(48 * 3600);

/// Everything an event names, found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Located {
    pub payment: Option<PaymentNames>,
    pub account: Option<AccountIndex>,
    pub card: Option<CardIndex>,
    pub cardholder: Option<CardholderIndex>,
    pub hold: Option<HoldIndex>,
    /// How that was found.
    pub found_by: FoundBy,
}

/// What a standing is marked by that nobody has told of yet.
pub const UNTOLD: Mark = Mark { at: Timestamp::from_unix_micros(i64::MIN), id: StepId(0) };

/// A key on its way out of memory.
#[derive(Debug, Clone, Copy)]
struct Aging {
    at: Timestamp,
    /// Once the record that brought it is safe elsewhere, the key may go.
    record: i64,
    name: Fingerprint,
    last: Last,
}

/// A counter that is looked at now and then, whether it is over.
#[derive(Debug, Clone, Copy)]
struct Watched {
    /// When it was last looked at.
    at: Timestamp,
    key: (CounterKey, Counting),
}

/// Whether somebody may look for a key that memory has let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    Yes,
    No,
}

/// A digest of what a told message said: a message of the same key that says something else has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldContent(pub NonZeroU64);

impl ToldContent {
    /// As a column has it.
    pub const fn to_column(self) -> i64 {
        self.0.get().cast_signed()
    }

    /// From what [`ToldContent::to_column`] wrote.
    pub fn from_column(column: i64) -> Self {
        ToldContent(NonZeroU64::new(column.cast_unsigned()).unwrap_or(NonZeroU64::MIN))
    }
}

/// What was found of what memory had let go of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recalled {
    pub asked: Option<(Fingerprint, Answered)>,
    pub told: Option<(Fingerprint, Option<ToldContent>)>,
}

/// The embedded ledger's memory.
#[derive(Debug)]
pub struct State {
    key: NameKey,
    programs: Vec<ProgramId>,
    accounts: Rows<AccountRow>,
    accounts_by_name: ByName<AccountIndex>,
    cards: Rows<CardRow>,
    cards_by_name: ByName<CardIndex>,
    cardholders: Rows<CardholderRow>,
    cardholders_by_name: ByName<CardholderIndex>,
    holds: Holds,
    holds_by_name: ByName<HoldIndex>,
    /// Names of holds, and keys, that are not here any more.
    gone: Gone,
    /// What was found of them for the act that is performed.
    recalled: Recalled,
    /// The number that the next hold gets.
    next_hold: u64,
    counters: HashMap<(CounterKey, Counting), Counter, foldhash::fast::RandomState>,
    /// Each of them once, those that were not looked at for the longest time first.
    counters_watched: VecDeque<Watched>,
    asked: ByName<Answered>,
    asked_by_age: VecDeque<Aging>,
    /// Which record last changed an answer that an earlier one had brought.
    corrected_by: ByName<i64>,
    told: ByName<Option<ToldContent>>,
    told_by_age: VecDeque<Aging>,
}

impl State {
    /// Remembers nothing; `secret` keys the fingerprints.
    pub fn new(secret: (u64, u64)) -> Self {
        State::in_pieces(NameKey(secret.0, secret.1), SHARDS, Gone::default())
    }

    /// Remembers nothing, and is made for a few rows of a ledger that is kept elsewhere.
    pub fn of_few(key: NameKey) -> Self {
        State::in_pieces(key, 1, Gone::nothing())
    }

    /// The same as [`State::new`], made for a few rows only: for worlds that come and go.
    pub fn small(secret: (u64, u64)) -> Self {
        State::in_pieces(NameKey(secret.0, secret.1), 1, Gone::default())
    }

    /// Remembers nothing; maps that grow with the ledger are of so many pieces.
    fn in_pieces(key: NameKey, pieces: usize, gone: Gone) -> Self {
        State {
            key,
            programs: Vec::new(),
            accounts: Rows::default(),
            accounts_by_name: ByName::in_pieces(pieces),
            cards: Rows::default(),
            cards_by_name: ByName::in_pieces(pieces),
            cardholders: Rows::default(),
            cardholders_by_name: ByName::in_pieces(pieces),
            holds: Holds::default(),
            holds_by_name: ByName::in_pieces(pieces),
            gone,
            recalled: Recalled::default(),
            next_hold: 1,
            counters: HashMap::default(),
            counters_watched: VecDeque::new(),
            asked: ByName::in_pieces(pieces),
            asked_by_age: VecDeque::new(),
            corrected_by: ByName::in_pieces(pieces),
            told: ByName::in_pieces(pieces),
            told_by_age: VecDeque::new(),
        }
    }

    /// The number of a program; a new one is taken in.
    fn program_index(&mut self, program: &ProgramId) -> ProgramIndex {
        let place = self.programs.iter().position(|known| known == program).unwrap_or_else(|| {
            self.programs.push(*program);
            self.programs.len().saturating_sub(1)
        });
        ProgramIndex(u16::try_from(place).unwrap_or(u16::MAX))
    }

    /// Whose an account is.
    pub fn program_of(&self, account: AccountIndex) -> Option<ProgramId> {
        self.account(account).and_then(|row| self.program(row.program)).copied()
    }

    fn program(&self, index: ProgramIndex) -> Option<&ProgramId> {
        self.programs.get(usize::from(index.0))
    }

    /// Whom a question is to pay, as cards remember it.
    pub fn merchant(&self, program: &ProgramId, request: &AuthorizationRequest) -> Option<u32> {
        self.key.merchant(program, &request.merchant)
    }

    /// The fingerprint of an asked key.
    pub fn asked_name(&self, program: &ProgramId, platform: Option<&PlatformName>, key: &IdempotencyKey) -> Fingerprint {
        self.key.asked(program, platform, key)
    }

    /// The fingerprint of a told key.
    pub fn told_name(&self, program: &ProgramId, platform: Option<&PlatformName>, key: &IdempotencyKey) -> Fingerprint {
        self.key.told(program, platform, key)
    }

    /// The account of that name.
    pub fn account_named(&self, program: &ProgramId, account: &AccountId) -> Option<AccountIndex> {
        self.accounts_by_name.get(&self.key.account(program, account)).copied()
    }

    /// The card of that token.
    pub fn card_named(&self, program: &ProgramId, card: &CardToken) -> Option<CardIndex> {
        self.cards_by_name.get(&self.key.card(program, card)).copied()
    }

    /// The cardholder of that token.
    pub fn cardholder_named(&self, program: &ProgramId, cardholder: &CardholderToken) -> Option<CardholderIndex> {
        self.cardholders_by_name.get(&self.key.cardholder(program, cardholder)).copied()
    }

    /// The fingerprints of a payment's names.
    pub fn payment_names(&self, program: &ProgramId, platform: Option<&PlatformName>, payment: &PaymentRef) -> PaymentNames {
        self.key.payment(program, platform, payment)
    }

    /// The account there.
    pub fn account(&self, index: AccountIndex) -> Option<&AccountRow> {
        self.accounts.get(index.0)
    }

    /// The card there.
    pub fn card(&self, index: CardIndex) -> Option<&CardRow> {
        self.cards.get(index.0)
    }

    /// The cardholder there.
    pub fn cardholder(&self, index: CardholderIndex) -> Option<&CardholderRow> {
        self.cardholders.get(index.0)
    }

    /// The hold there.
    pub fn hold(&self, index: HoldIndex) -> Option<&HoldRow> {
        self.holds.get(index)
    }

    /// Whether a name may be one that memory has let go of; if not, it certainly is none.
    pub fn may_be_gone(&self, name: Fingerprint) -> bool {
        self.gone.may_have(&name)
    }

    /// What was let go of before this process began.
    pub fn gone_before(&mut self, names: GoneNames) {
        self.gone.before(names);
    }

    /// What was found for the act that is performed now.
    pub fn recall(&mut self, recalled: Recalled) {
        self.recalled = recalled;
    }

    /// What was answered to a key.
    pub fn answered(&self, key: Fingerprint) -> Option<Answered> {
        let recalled = self.recalled.asked.filter(|(name, _)| *name == key).map(|(_, answered)| answered);
        self.asked.get(&key).copied().or(recalled)
    }

    /// Whether a told key was applied before.
    pub fn was_told(&self, key: Fingerprint) -> bool {
        self.told.get(&key).is_some() || self.recalled.told.is_some_and(|(name, _)| name == key)
    }

    /// What the message said that was applied under a told key, where that is known.
    pub fn told_content(&self, key: Fingerprint) -> Option<ToldContent> {
        let recalled = self.recalled.told.filter(|(name, _)| *name == key).and_then(|(_, content)| content);
        self.told.get(&key).copied().flatten().or(recalled)
    }

    /// What a limit has counted, whatever the window.
    pub fn counter(&self, counter: CounterKey, counting: Counting) -> Option<&Counter> {
        self.counters.get(&(counter, counting))
    }

    /// The hold that a name leads to.
    pub fn hold_by(&self, name: &Fingerprint) -> Option<HoldIndex> {
        self.holds_by_name.get(name).copied()
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

    /// What a limit has counted for whom it concerns, and the window in which it counts now: see [`Counter::open_window`].
    pub fn used(
        &self,
        counter: CounterKey,
        scope: LimitScope,
        (window, still): (Window, StillOpen),
        located: &Located,
    ) -> (LimitUse, Window) {
        counting(scope, located)
            .and_then(|counting| self.counters.get(&(counter, counting)))
            .map_or((LimitUse::default(), window), |counter| (counter.used(window, still), counter.open_window(window, still)))
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
            program: *self.program(row.program)?,
            balance: self.balance(index)?,
            credit_line: row.account.money(row.account.credit_line),
            status: row.account.status,
            holds_open: u64::from(row.holds_open),
            owner: None,
        })
    }

    /// Whose a card is, as far as anybody told.
    pub fn owner_of(&self, card: Option<CardIndex>) -> Option<CardholderToken> {
        self.cardholder(self.card(card?)?.cardholder?)?.token
    }

    /// A program's accounts among so many from that one on, and where the next ones begin.
    pub fn standings_of(&self, program: &ProgramId, from: u32, most: u32) -> (Vec<AccountStanding>, Option<u32>) {
        let end = from.saturating_add(most.max(1)).min(self.accounts.next());
        let of_program = (from..end).filter_map(|index| self.standing(AccountIndex(index)));
        let standings = of_program.filter(|standing| standing.program == *program).collect();
        (standings, (end < self.accounts.next()).then_some(end))
    }

    /// How many accounts, cards and holds are in memory.
    #[cfg(test)]
    pub fn sizes(&self) -> Sizes {
        Sizes { accounts: self.accounts.next(), cards: self.cards.next(), holds: self.holds.live() }
    }

    /// Whether a hold of that number was ever placed.
    pub fn has_placed(&self, number: HoldNumber) -> bool {
        number.0 < self.next_hold
    }

    /// Holds whose time has come, a few at a time.
    pub fn due(&self, now: Timestamp, most: usize) -> Vec<HoldIndex> {
        self.holds.due(now, most)
    }
}

/// How much is in memory.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    pub accounts: u32,
    pub cards: u32,
    pub holds: u64,
}

fn counting(scope: LimitScope, located: &Located) -> Option<Counting> {
    match scope {
        LimitScope::Card => located.card.map(Counting::Card),
        LimitScope::Account => located.account.map(Counting::Account),
        LimitScope::Program
        | LimitScope::Merchant
        | LimitScope::Cardholder
        | LimitScope::Authority
        | LimitScope::Intent
        | LimitScope::IpAddress
        | LimitScope::Payment
        | LimitScope::Unreviewed => Some(Counting::Program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_and_its_name_have_room_in_what_an_account_may_take() {
        // A map is between 7/16 and 7/8 full, and has a byte of its own for each place.
        let name = (size_of::<Fingerprint>() + size_of::<AccountIndex>()).next_multiple_of(8) + 1;
        let most = size_of::<AccountRow>() + name * 16 / 7;
        assert!(most <= 250, "{} and {name}: {most} bytes an account", size_of::<AccountRow>());
    }
}
