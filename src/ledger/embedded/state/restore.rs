//! Rows that come back from the projection: at a start, and when an event names a payment that memory has let go of.
//!
//! Rows come in the order of their numbers, so that a row's place is its number again. Nothing here leaves an undo: what
//! comes back was true before.

use holdfast_core::hold::{Account, Answered, HoldStatus, Mark};
use holdfast_core::rules::CounterKey;
use holdfast_core::{AccountId, CardToken, CardholderToken, ProgramId, Timestamp};

use super::{
    AccountIndex, AccountRow, Aging, CardIndex, CardRow, CardholderIndex, CardholderRow, Counting, Fingerprint, HoldRow, Last,
    Merchants, State, ToldContent, Watched,
};
use crate::ledger::embedded::counters::Counter;

/// By what whoever restores a hold may mean it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KnownBy {
    Names,
    Number,
}

/// How many rows of a kind are to be restored, about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Restoring {
    pub accounts: usize,
    pub cards: usize,
    pub cardholders: usize,
    pub holds: usize,
}

impl State {
    /// Makes room for what a start restores, by the numbers of its rows.
    pub fn restore_many(&mut self, rows: &Restoring) {
        self.accounts_by_name.reserve(rows.accounts);
        self.cards_by_name.reserve(rows.cards);
        self.cardholders_by_name.reserve(rows.cardholders);
        self.holds_by_name.reserve(rows.holds);
    }

    /// The next account.
    pub fn restore_account(&mut self, program: &ProgramId, id: &AccountId, account: Account, told: Mark) -> AccountIndex {
        let index = AccountIndex(self.accounts.next());
        let name = self.key.account(program, id);
        let program = self.program_index(program);
        self.accounts.push(AccountRow { program, holds_open: 0, id: *id, account, told });
        self.accounts_by_name.insert(name, index);
        index
    }

    /// What is on an account by now.
    pub fn restore_money(&mut self, account: AccountIndex, posted: i64, held: i64) {
        if let Some(row) = self.accounts.get_mut(account.0) {
            (row.account.posted, row.account.held) = (posted, held);
        }
    }

    /// When a payment was placed with a card for the first time.
    pub fn restore_use(&mut self, card: CardIndex, used: Option<Timestamp>) {
        if let Some(row) = self.cards.get_mut(card.0) {
            row.used = used;
        }
    }

    /// Whom a card paid.
    pub fn restore_merchants(&mut self, card: CardIndex, merchants: Merchants) {
        if let Some(row) = self.cards.get_mut(card.0) {
            row.merchants = merchants;
        }
    }

    /// The next cardholder; what they own comes with their cards.
    pub fn restore_cardholder(
        &mut self,
        program: &ProgramId,
        cardholder: &CardholderToken,
        row: CardholderRow,
    ) -> CardholderIndex {
        let index = CardholderIndex(self.cardholders.next());
        let name = self.key.cardholder(program, cardholder);
        self.cardholders.push(CardholderRow { token: Some(*cardholder), ..row });
        self.cardholders_by_name.insert(name, index);
        index
    }

    /// The next card, of which its owner's row knows already.
    pub fn restore_card_of_owner(&mut self, program: &ProgramId, card: &CardToken, row: CardRow) -> CardIndex {
        let index = CardIndex(self.cards.next());
        let name = self.key.card(program, card);
        self.cards.push(row);
        self.cards_by_name.insert(name, index);
        index
    }

    /// The next card.
    pub fn restore_card(&mut self, program: &ProgramId, card: &CardToken, row: CardRow) -> CardIndex {
        let index = self.restore_card_of_owner(program, card, row);
        if let Some((owner, account)) = row.cardholder.zip(row.account)
            && let Some(owner) = self.cardholders.get_mut(owner.0)
        {
            owner.has_cards(account, 1);
        }
        index
    }

    /// A hold, unless it is there already. One that ended may go again when its time is up. A name of its that another hold
    /// has by now stays with that; if none is left, nobody could mean this one, unless by its number.
    pub fn restore_hold(&mut self, row: HoldRow, at: Timestamp, record: i64) {
        self.restore_hold_known_by(row, KnownBy::Names, (at, record));
    }

    /// The same for one that is known by its number, and is not there.
    pub fn restore_hold_numbered(&mut self, row: HoldRow, at: Timestamp, record: i64) {
        self.restore_hold_known_by(row, KnownBy::Number, (at, record));
    }

    fn restore_hold_known_by(&mut self, mut row: HoldRow, known_by: KnownBy, (at, record): (Timestamp, i64)) {
        let known = |name: &Fingerprint| self.holds_by_name.get(name).is_some();
        if row.names.iter().any(known) {
            // Seldom: at a start nearly every name comes once.
            let holder = |name: &Fingerprint| self.holds_by_name.get(name).and_then(|index| self.hold(*index));
            let number = row.number;
            if row.names.iter().any(|name| holder(name).is_some_and(|known| known.number == number)) {
                return;
            }
            row.names.retain(|name| holder(name).is_none());
            if row.names.is_empty() && known_by == KnownBy::Names {
                return;
            }
        }
        let (names, account, status) = (row.names.clone(), row.account, row.hold.status);
        self.next_hold = self.next_hold.max(row.number.0.saturating_add(1));
        let index = self.holds.insert(row);
        for name in names {
            self.holds_by_name.insert(name, index);
        }
        self.count_open(account, HoldStatus::Released, status);
        if status != HoldStatus::Open {
            self.holds.ended(at, record, index);
        }
    }

    /// How many holds of an account are open, also where not all of them were restored.
    pub fn restore_holds_open(&mut self, account: AccountIndex, holds_open: u32) {
        if let Some(row) = self.accounts.get_mut(account.0) {
            row.holds_open = holds_open;
        }
    }

    /// Holds up to here have been numbered.
    pub fn restore_next_hold(&mut self, next: u64) {
        self.next_hold = self.next_hold.max(next);
    }

    /// The next hold gets this number, whatever those have that were restored: other responders number theirs.
    pub fn number_holds_from(&mut self, next: u64) {
        self.next_hold = next;
    }

    /// What a limit has counted.
    pub fn restore_counter(&mut self, key: CounterKey, counting: Counting, counter: Counter) {
        let key = (key, counting);
        if self.counters.insert(key, counter).is_none() {
            self.counters_watched.push_back(Watched { at: Timestamp::EPOCH, key });
        }
    }

    /// What was answered to a key. Keys come in the order of their age.
    pub fn restore_asked(&mut self, at: Timestamp, key: Fingerprint, answered: Answered) {
        if self.asked.insert(key, answered).is_none() {
            self.asked_by_age.push_back(Aging { at, record: 0, name: key, last: Last::Yes });
        }
    }

    /// A message that was told. Keys come in the order of their age.
    pub fn restore_told(&mut self, at: Timestamp, key: Fingerprint, content: Option<ToldContent>) {
        if self.told.insert(key, content).is_none() {
            // Whoever restores it has the names of those that last.
            self.told_by_age.push_back(Aging { at, record: 0, name: key, last: Last::No });
        }
    }
}
