//! Writing what an event did, live or read from the journal: the same writes for both. Each leaves its undo.

use std::collections::hash_map::Entry;

use holdfast_core::hold::{Account, Answered, CardStatus, Counted, Hold, HoldStatus, Outcome, Standing, Subject};
use holdfast_core::{AccountId, CardToken, CardholderToken, PaymentRef, PlatformName, ProgramId, Timestamp};
use smallvec::SmallVec;

use super::{
    ASKED_KEYS_KEPT, AccountIndex, AccountRow, CardIndex, CardRow, CardholderIndex, CardholderRow, Fingerprint, HoldIndex,
    HoldRow, Located, Naming, State, TOLD_KEYS_KEPT, counting, place,
};
use crate::ledger::embedded::counters::Counter;
use crate::ledger::embedded::undo::{Undo, UndoLog};

impl State {
    /// Writes what an event did. The outcome was made from this very state, so nothing here can refuse it.
    pub fn write(&mut self, located: &Located, names: &Names<'_>, outcome: &Outcome, undo: &mut UndoLog) {
        if (outcome.posted != 0 || outcome.held != 0)
            && let Some(index) = located.account
            && let Some(row) = self.accounts.get_mut(place(index.0))
        {
            undo.push(Undo::Account(index, row.account));
            row.account.posted = row.account.posted.saturating_add(outcome.posted);
            row.account.held = row.account.held.saturating_add(outcome.held);
        }
        // A payment counts, and gets back, where it was placed, whatever card a later message names.
        let counts_for = located.hold.and_then(|index| self.hold(index)).map_or(located.card, |row| row.card);
        let counts_for = Located { card: counts_for, ..*located };
        if let Some(hold) = outcome.hold {
            self.write_hold(located, names, hold, outcome, undo);
        }
        for counted in &outcome.counted {
            self.count(&counts_for, counted, undo);
        }
        if let Some(answered) = outcome.answered
            && let Some(key) = names.asked
        {
            let before = self.asked.insert(key, answered);
            if before.is_none() {
                self.asked_by_age.push_back((names.at, key));
            }
            undo.push(Undo::Asked(key, before));
        }
        if let Some(key) = names.told
            && self.told.insert(key)
        {
            self.told_by_age.push_back((names.at, key));
            undo.push(Undo::Told(key));
        }
    }

    fn write_hold(&mut self, located: &Located, names: &Names<'_>, hold: Hold, outcome: &Outcome, undo: &mut UndoLog) {
        let existing = located.hold.and_then(|index| self.holds.get_mut(place(index.0)).map(|row| (index, row)));
        let index = if let Some((index, row)) = existing {
            undo.push(Undo::Hold(index, Box::new(row.clone())));
            let (account, before) = (row.account, row.hold.status);
            row.hold = hold;
            remember_counted(&mut row.counted, &outcome.counted);
            self.count_open(account, before, hold.status);
            index
        } else {
            let Some(account) = located.account else {
                return;
            };
            let index = HoldIndex(u32::try_from(self.holds.len()).unwrap_or(u32::MAX));
            let mut counted = SmallVec::new();
            remember_counted(&mut counted, &outcome.counted);
            self.holds.push(HoldRow { hold, account, card: located.card, counted });
            undo.push(Undo::HoldPlaced);
            self.count_open(account, HoldStatus::Released, hold.status);
            index
        };
        let increment = names.increment.map(|payment| self.payment_names(names.program, names.platform, payment));
        for names in located.payment.into_iter().chain(increment) {
            for name in std::iter::once(names.authorization).chain(names.alias) {
                if let Entry::Vacant(vacant) = self.holds_by_name.entry(name) {
                    vacant.insert(index);
                    undo.push(Undo::HoldName(name));
                }
            }
        }
    }

    pub(super) fn count_open(&mut self, account: AccountIndex, before: HoldStatus, after: HoldStatus) {
        if let Some(row) = self.accounts.get_mut(place(account.0)) {
            let open = |status| u64::from(status == HoldStatus::Open);
            row.holds_open = row.holds_open.saturating_sub(open(before)).saturating_add(open(after));
        }
    }

    fn count(&mut self, located: &Located, counted: &Counted, undo: &mut UndoLog) {
        let Some(counting) = counting(counted.scope, located) else {
            return;
        };
        let key = (counted.counter, counting);
        let counter = self.counters.entry(key);
        let before = match &counter {
            Entry::Occupied(occupied) => Some(occupied.get().clone()),
            Entry::Vacant(_) => None,
        };
        undo.push(Undo::Counter(key, before));
        counter.or_insert_with(|| Counter::new(counted.window)).count(counted.window, counted.amount, counted.count);
    }

    /// Writes a change of standing; a card or cardholder that was unknown is known from now on.
    pub fn write_standing(
        &mut self,
        program: &ProgramId,
        subject: &Subject,
        located: &Located,
        standing: Standing,
        undo: &mut UndoLog,
    ) {
        match standing {
            Standing::Account(status) => {
                if let Some(index) = located.account
                    && let Some(row) = self.accounts.get_mut(place(index.0))
                {
                    undo.push(Undo::Account(index, row.account));
                    row.account.status = status;
                }
            }
            Standing::Cardholder(status) => {
                if let Some(cardholder) = &subject.cardholder {
                    let index = self.cardholder_entered(program, cardholder, undo);
                    if let Some(row) = self.cardholders.get_mut(place(index.0)) {
                        undo.push(Undo::Cardholder(index, row.clone()));
                        row.status = Some(status);
                    }
                }
            }
            Standing::Card(status) => {
                if let Some(card) = &subject.card {
                    let account = located.account.or_else(|| located.cardholder.and_then(|owner| self.only_account(owner)));
                    self.enter_card(program, card, account, subject.cardholder.as_ref(), status, undo);
                }
            }
        }
    }

    /// Enters an account, or changes the standing and credit line of one that is there. `true`: it is new.
    pub fn enter_account(&mut self, program: &ProgramId, id: &AccountId, account: Account, undo: &mut UndoLog) -> bool {
        if let Some(index) = self.account_named(program, id) {
            if let Some(row) = self.accounts.get_mut(place(index.0)) {
                undo.push(Undo::Account(index, row.account));
                row.account.credit_line = account.credit_line;
                row.account.status = account.status;
            }
            return false;
        }
        let index = AccountIndex(u32::try_from(self.accounts.len()).unwrap_or(u32::MAX));
        let name = self.fingerprint(Naming::Account, program, "", id.as_str());
        self.accounts.push(AccountRow { program: *program, id: *id, account, holds_open: 0 });
        self.accounts_by_name.insert(name, index);
        undo.push(Undo::AccountEntered(name));
        true
    }

    /// Enters a card, or changes what it leads to. An account or owner that is not named stays as it is. `true`: it is new.
    pub fn enter_card(
        &mut self,
        program: &ProgramId,
        card: &CardToken,
        account: Option<AccountIndex>,
        cardholder: Option<&CardholderToken>,
        status: CardStatus,
        undo: &mut UndoLog,
    ) -> bool {
        let cardholder = cardholder.map(|cardholder| self.cardholder_entered(program, cardholder, undo));
        let existing = self.card_named(program, card);
        let mut former_owner = None;
        let row = match existing.and_then(|index| self.cards.get_mut(place(index.0)).map(|row| (index, row))) {
            Some((index, row)) => {
                let before = *row;
                undo.push(Undo::Card(index, before));
                row.status = status;
                row.account = account.or(row.account);
                row.cardholder = cardholder.or(row.cardholder);
                if (row.account, row.cardholder) != (before.account, before.cardholder) {
                    former_owner = before.cardholder;
                }
                *row
            }
            None => {
                let index = CardIndex(u32::try_from(self.cards.len()).unwrap_or(u32::MAX));
                let name = self.fingerprint(Naming::Card, program, "", card.as_str());
                let row = CardRow { status, account, cardholder };
                self.cards.push(row);
                self.cards_by_name.insert(name, index);
                undo.push(Undo::CardEntered(name));
                row
            }
        };
        if let (Some(owner), Some(account)) = (row.cardholder, row.account)
            && let Some(cardholder) = self.cardholders.get_mut(place(owner.0))
            && !cardholder.accounts.contains(&account)
        {
            undo.push(Undo::Cardholder(owner, cardholder.clone()));
            cardholder.accounts.push(account);
        }
        if let Some(owner) = former_owner {
            self.forget_accounts_without_card(owner, undo);
        }
        existing.is_none()
    }

    /// A card that leads elsewhere now must not leave its former owner with the account behind it.
    fn forget_accounts_without_card(&mut self, owner: CardholderIndex, undo: &mut UndoLog) {
        let of_owner = self.cards.iter().filter(|card| card.cardholder == Some(owner));
        let accounts: Vec<AccountIndex> = of_owner.filter_map(|card| card.account).collect();
        if let Some(row) = self.cardholders.get_mut(place(owner.0)) {
            undo.push(Undo::Cardholder(owner, row.clone()));
            row.accounts.retain(|account| accounts.contains(account));
        }
    }

    fn cardholder_entered(&mut self, program: &ProgramId, cardholder: &CardholderToken, undo: &mut UndoLog) -> CardholderIndex {
        if let Some(index) = self.cardholder_named(program, cardholder) {
            return index;
        }
        let index = CardholderIndex(u32::try_from(self.cardholders.len()).unwrap_or(u32::MAX));
        let name = self.fingerprint(Naming::Cardholder, program, "", cardholder.as_str());
        self.cardholders.push(CardholderRow::default());
        self.cardholders_by_name.insert(name, index);
        undo.push(Undo::CardholderEntered(name));
        index
    }

    /// Keeps the key of a decline that was told although its group was given up.
    pub fn remember_decline(&mut self, key: Fingerprint, answered: Answered, now: Timestamp) {
        if self.asked.insert(key, answered).is_none() {
            self.asked_by_age.push_back((now, key));
        }
    }

    /// Forgets keys that nobody will send again.
    pub fn forget_old_keys(&mut self, now: Timestamp) {
        let asked_before = now.saturating_sub(ASKED_KEYS_KEPT);
        while let Some((_, key)) = self.asked_by_age.pop_front_if(|(at, _)| *at < asked_before) {
            self.asked.remove(&key);
        }
        let told_before = now.saturating_sub(TOLD_KEYS_KEPT);
        while let Some((_, key)) = self.told_by_age.pop_front_if(|(at, _)| *at < told_before) {
            self.told.remove(&key);
        }
    }
}

/// The names that an event leaves behind.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    pub program: &'a ProgramId,
    pub platform: Option<&'a PlatformName>,
    /// When the event is applied.
    pub at: Timestamp,
    /// For an increment: its own name, which leads to the same hold.
    pub increment: Option<&'a PaymentRef>,
    /// The asked key that its answer is remembered under.
    pub asked: Option<Fingerprint>,
    /// The told key that makes it apply once.
    pub told: Option<Fingerprint>,
}

/// Adds changes to what a hold has counted, window by window; what has come back altogether is forgotten.
fn remember_counted(counted: &mut SmallVec<[Counted; 3]>, changes: &[Counted]) {
    for change in changes {
        let same = |known: &&mut Counted| {
            known.counter == change.counter && known.scope == change.scope && known.window == change.window
        };
        match counted.iter_mut().find(same) {
            Some(known) => {
                known.amount = known.amount.saturating_add(change.amount);
                known.count = known.count.saturating_add(change.count);
            }
            None => counted.push(*change),
        }
    }
    counted.retain(|known| known.amount != 0 || known.count != 0);
}
