//! Writing what an event did, live or read from the journal: the same writes for both. Each leaves its undo.

use std::collections::hash_map::Entry;

use holdfast_core::hold::{Account, Counted, Hold, HoldStatus, Mark, Outcome, Standing, Subject};
use holdfast_core::{AccountId, CardToken, CardholderToken, Expiry, PaymentRef, PlatformName, ProgramId, Timestamp};
use smallvec::SmallVec;

use super::{
    AccountIndex, AccountRow, Aging, CardAct, CardIndex, CardRow, CardholderIndex, CardholderRow, Fingerprint, HoldIndex,
    HoldNumber, HoldRow, Located, Merchants, PaymentNames, State, ToldContent, Watched, counting,
};
use crate::journal::{Naming, Place};
use crate::ledger::embedded::counters::Counter;
use crate::ledger::embedded::naming::how_long;
use crate::ledger::embedded::undo::{Undo, UndoLog};

/// The names that an event leaves behind.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    pub program: &'a ProgramId,
    pub platform: Option<&'a PlatformName>,
    /// When the event is applied.
    pub at: Timestamp,
    /// By which record.
    pub record: i64,
    /// The payment, by its own names.
    pub payment: Option<&'a PaymentRef>,
    /// For an increment: its own name, which leads to the same hold. So does that of a message that others may name instead of the payment.
    pub increment: Option<&'a PaymentRef>,
    /// Who ends the hold if nobody captures it.
    pub expiry: Expiry,
    /// The number that a new hold has; `None` gives it the next one.
    pub number: Option<HoldNumber>,
    /// The asked key that its answer is remembered under.
    pub asked: Option<Fingerprint>,
    /// The told key that makes it apply once.
    pub told: Option<(Fingerprint, ToldContent)>,
    /// Whom its question is to pay.
    pub merchant: Option<u32>,
}

/// Which names a hold takes that others may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Also those of holds that ended: it is a new one.
    OfWhatEnded,
    /// None that another hold has.
    WhatIsFree,
}

impl State {
    /// Writes what an event did, and says to which rows. The outcome was made from this very state, so nothing here can
    /// refuse it.
    pub fn write(&mut self, located: &Located, names: &Names<'_>, outcome: &Outcome, undo: &mut UndoLog) -> Place {
        if let Some(index) = located.account {
            self.move_money(index, outcome, undo);
        }
        let before = located.hold.and_then(|index| self.hold(index));
        let act = CardAct::of(before, outcome);
        let before = before.filter(|_| !outcome.counted.is_empty());
        let known = before.map(|row| row.counted.clone()).unwrap_or_default();
        let (mut index, mut naming) = (located.hold, Naming::Perhaps);
        if let Some(hold) = outcome.hold {
            let written = self.write_hold(located, names, hold, outcome, undo);
            (index, naming) = written.map_or((None, naming), |(index, naming)| (Some(index), naming));
        }
        // A payment counts, and gets back, where it was placed, whatever card a later message names.
        let placed_with = index.and_then(|index| self.hold(index)).and_then(|row| row.card);
        self.use_card(placed_with, act, names, undo);
        let counts_for = Located { card: placed_with.or(located.card), ..*located };
        for counted in &outcome.counted {
            self.count(&counts_for, counted, &known, names.at, undo);
        }
        self.write_keys(names, index, outcome, undo);
        Place {
            account: located.account.map(|index| index.0),
            card: counts_for.card.map(|index| index.0),
            cardholder: located.cardholder.map(|index| index.0),
            hold: index.and_then(|index| self.hold(index)).map(|row| row.number.0),
            naming,
        }
    }

    /// Adds to an account what moved.
    pub(super) fn move_money(&mut self, account: AccountIndex, outcome: &Outcome, undo: &mut UndoLog) {
        if (outcome.posted != 0 || outcome.held != 0)
            && let Some(row) = self.accounts.get_mut(account.0)
        {
            undo.push(Undo::Account(account, row.account, row.told));
            row.account.posted = row.account.posted.saturating_add(outcome.posted);
            row.account.held = row.account.held.saturating_add(outcome.held);
        }
    }

    fn use_card(&mut self, card: Option<CardIndex>, act: CardAct, names: &Names<'_>, undo: &mut UndoLog) {
        if let Some(index) = card
            && let Some(row) = self.cards.get_mut(index.0)
        {
            let before = *row;
            row.merchants.acted(act, &mut row.used, names.merchant, names.at);
            if *row != before {
                undo.push(Undo::Card(index, before));
            }
        }
    }

    fn write_keys(&mut self, names: &Names<'_>, index: Option<HoldIndex>, outcome: &Outcome, undo: &mut UndoLog) {
        if let Some(answered) = outcome.answered
            && let Some(key) = names.asked
        {
            let before = self.remember_answer(key, answered, names.at, names.record);
            undo.push(Undo::Asked(key, before));
        }
        if let Some((key, content)) = names.told
            && self.told.insert(key, Some(content)).is_none()
        {
            let last = how_long(outcome, names.payment, index.and_then(|index| self.hold(index)));
            self.told_by_age.push_back(Aging { at: names.at, record: names.record, name: key, last });
            undo.push(Undo::Told(key));
        }
    }

    fn write_hold(
        &mut self,
        located: &Located,
        names: &Names<'_>,
        hold: Hold,
        outcome: &Outcome,
        undo: &mut UndoLog,
    ) -> Option<(HoldIndex, Naming)> {
        let takes = if located.hold.is_none() { Takes::OfWhatEnded } else { Takes::WhatIsFree };
        let index = match located.hold {
            Some(index) => {
                let before = self.hold(index)?.clone();
                let (account, status) = (before.account, before.hold.status);
                undo.push(Undo::Hold(index, Box::new(before)));
                self.holds.change(index, |row| {
                    // One that was told of first, by its account alone, is placed with the card that asks.
                    row.card = row.card.or(located.card);
                    row.take(hold, outcome.step, &outcome.counted);
                });
                self.count_open(account, status, hold.status);
                index
            }
            None => self.place_hold(located, names, hold, outcome, undo)?,
        };
        if hold.status != HoldStatus::Open {
            self.holds.ended(names.at, names.record, index);
        }
        let increment = names.increment.map(|payment| self.payment_names(names.program, names.platform, payment));
        let mut naming = Naming::Free;
        for name in located.payment.into_iter().chain(increment).flat_map(PaymentNames::iter) {
            if self.name_hold(name, index, takes, undo) == Naming::Perhaps {
                naming = Naming::Perhaps;
            }
        }
        Some((index, naming))
    }

    fn place_hold(
        &mut self,
        located: &Located,
        names: &Names<'_>,
        hold: Hold,
        outcome: &Outcome,
        undo: &mut UndoLog,
    ) -> Option<HoldIndex> {
        let account = located.account?;
        let payment = names.payment?.authorization;
        let number = names.number.unwrap_or(HoldNumber(self.next_hold));
        self.next_hold = self.next_hold.max(number.0.saturating_add(1));
        let mut row = HoldRow {
            number,
            account,
            card: located.card,
            platform: names.platform.copied(),
            payment,
            expiry: names.expiry,
            hold,
            steps: SmallVec::new(),
            counted: SmallVec::new(),
            names: SmallVec::new(),
        };
        row.take(hold, outcome.step, &outcome.counted);
        let index = self.holds.insert(row);
        undo.push(Undo::HoldPlaced(index));
        self.count_open(account, HoldStatus::Released, hold.status);
        Some(index)
    }

    /// A name leads to the hold that had it first; one that ended gives it up to a new payment, whether memory still has it or not. What
    /// follows on a payment that is there takes no other one's name: whoever calls it by two names may be wrong about the second.
    fn name_hold(&mut self, name: Fingerprint, index: HoldIndex, takes: Takes, undo: &mut UndoLog) -> Naming {
        let known = self.holds_by_name.get(&name).copied();
        if known == Some(index) {
            return Naming::Free;
        }
        if let Some(known) = known {
            match self.hold(known) {
                Some(row) if row.hold.status == HoldStatus::Open || takes == Takes::WhatIsFree => return Naming::Perhaps,
                Some(row) => undo.push(Undo::Hold(known, Box::new(row.clone()))),
                None => {}
            }
            self.holds.change(known, |row| row.names.retain(|other| *other != name));
        }
        self.holds_by_name.insert(name, index);
        self.holds.change(index, |row| row.names.push(name));
        undo.push(Undo::HoldName(name, known));
        // What memory has let go of may have had it.
        if known.is_none() && !self.may_be_gone(name) { Naming::Free } else { Naming::Perhaps }
    }

    pub(super) fn count_open(&mut self, account: AccountIndex, before: HoldStatus, after: HoldStatus) {
        if let Some(row) = self.accounts.get_mut(account.0) {
            let open = |status| u32::from(status == HoldStatus::Open);
            row.holds_open = row.holds_open.saturating_sub(open(before)).saturating_add(open(after));
        }
    }

    /// Counts in a limit; `known` is where the payment counted before.
    pub(super) fn count(&mut self, located: &Located, counted: &Counted, known: &[Counted], at: Timestamp, undo: &mut UndoLog) {
        let Some(counting) = counting(counted.scope, located) else {
            return;
        };
        let key = (counted.counter, counting);
        let counter = match self.counters.entry(key) {
            Entry::Occupied(occupied) => {
                undo.push(Undo::Counter(key, Some(occupied.get().before(counted.window))));
                occupied.into_mut()
            }
            // It counted there, and what it counted is forgotten: the window is long over.
            Entry::Vacant(_) if known.iter().any(|place| place.same_place(counted)) => return,
            Entry::Vacant(vacant) => {
                undo.push(Undo::Counter(key, None));
                self.counters_watched.push_back(Watched { at, key });
                vacant.insert(Counter::new(counted.window))
            }
        };
        counter.count(counted.window, counted.amount, counted.count, at);
    }

    /// Writes a change of standing, and says to which rows; a card or cardholder that was unknown is known from now on.
    pub fn write_standing(
        &mut self,
        program: &ProgramId,
        subject: &Subject,
        located: &Located,
        (standing, mark): (Standing, Mark),
        undo: &mut UndoLog,
    ) -> Place {
        let mut place = Place { account: located.account.map(|index| index.0), ..Place::default() };
        match standing {
            Standing::Account(status) => {
                if let Some(index) = located.account
                    && let Some(row) = self.accounts.get_mut(index.0)
                {
                    undo.push(Undo::Account(index, row.account, row.told));
                    row.account.status = status;
                    row.told = mark;
                }
            }
            Standing::Cardholder(status) => {
                if let Some(cardholder) = &subject.cardholder {
                    let index = self.cardholder_entered(program, cardholder, undo);
                    place.cardholder = Some(index.0);
                    if let Some(row) = self.cardholders.get_mut(index.0) {
                        undo.push(Undo::Cardholder(index, Box::new(row.clone())));
                        row.status = Some(status);
                        row.told = Some(mark);
                    }
                }
            }
            Standing::Card(status) => {
                if let Some(card) = &subject.card {
                    let account = located.account.or_else(|| located.cardholder.and_then(|owner| self.only_account(owner)));
                    let row = CardRow {
                        status,
                        told: mark,
                        account,
                        cardholder: None,
                        since: mark.at,
                        used: None,
                        merchants: Merchants::default(),
                    };
                    let (index, _) = self.enter_card(program, card, row, subject.cardholder.as_ref(), undo);
                    place = self.place_of_card(index);
                }
            }
        }
        place
    }

    /// A card's rows, as a record names them.
    pub fn place_of_card(&self, index: CardIndex) -> Place {
        let row = self.card(index);
        Place {
            account: row.and_then(|row| row.account).map(|index| index.0),
            card: Some(index.0),
            cardholder: row.and_then(|row| row.cardholder).map(|index| index.0),
            ..Place::default()
        }
    }

    /// Enters an account, or changes the standing and credit line of one that is there.
    pub fn enter_account(
        &mut self,
        program: &ProgramId,
        id: &AccountId,
        account: Account,
        told: Mark,
        undo: &mut UndoLog,
    ) -> (AccountIndex, Entered) {
        if let Some(index) = self.account_named(program, id) {
            if let Some(row) = self.accounts.get_mut(index.0) {
                undo.push(Undo::Account(index, row.account, row.told));
                row.account.credit_line = account.credit_line;
                row.account.status = account.status;
                row.told = told;
            }
            return (index, Entered::Again);
        }
        let index = AccountIndex(self.accounts.next());
        let name = self.key.account(program, id);
        let program = self.program_index(program);
        self.accounts.push(AccountRow { program, holds_open: 0, id: *id, account, told });
        self.accounts_by_name.insert(name, index);
        undo.push(Undo::AccountEntered(name));
        (index, Entered::New)
    }

    /// Enters a card, or changes what it leads to. An account or owner that is not named stays as it is.
    pub fn enter_card(
        &mut self,
        program: &ProgramId,
        card: &CardToken,
        entered: CardRow,
        cardholder: Option<&CardholderToken>,
        undo: &mut UndoLog,
    ) -> (CardIndex, Entered) {
        let cardholder = cardholder.map(|cardholder| self.cardholder_entered(program, cardholder, undo));
        let known = self.card_named(program, card).and_then(|index| Some((index, *self.card(index)?)));
        let (index, before) = match known {
            Some((index, before)) => (index, Some(before)),
            None => (CardIndex(self.cards.next()), None),
        };
        let row = CardRow {
            account: entered.account.or(before.and_then(|row| row.account)),
            cardholder: cardholder.or(before.and_then(|row| row.cardholder)),
            since: before.map_or(entered.since, |row| row.since),
            used: before.and_then(|row| row.used),
            merchants: before.map_or(entered.merchants, |row| row.merchants),
            ..entered
        };
        match before {
            Some(before) => {
                undo.push(Undo::Card(index, before));
                if let Some(known) = self.cards.get_mut(index.0) {
                    *known = row;
                }
            }
            None => {
                let name = self.key.card(program, card);
                self.cards.push(row);
                self.cards_by_name.insert(name, index);
                undo.push(Undo::CardEntered(name));
            }
        }
        let leads_to = |row: CardRow| row.cardholder.zip(row.account);
        let (led, leads) = (before.and_then(leads_to), leads_to(row));
        if led != leads {
            // A card that leads elsewhere now must not leave its former owner with the account behind it.
            led.into_iter().for_each(|(owner, account)| self.own(owner, account, -1, undo));
            leads.into_iter().for_each(|(owner, account)| self.own(owner, account, 1, undo));
        }
        (index, if before.is_some() { Entered::Again } else { Entered::New })
    }

    /// A cardholder has so many more, or fewer, cards on an account.
    fn own(&mut self, owner: CardholderIndex, account: AccountIndex, more: i32, undo: &mut UndoLog) {
        let Some(row) = self.cardholders.get_mut(owner.0) else { return };
        undo.push(Undo::Cardholder(owner, Box::new(row.clone())));
        row.has_cards(account, more);
    }

    fn cardholder_entered(&mut self, program: &ProgramId, cardholder: &CardholderToken, undo: &mut UndoLog) -> CardholderIndex {
        if let Some(index) = self.cardholder_named(program, cardholder) {
            return index;
        }
        let index = CardholderIndex(self.cardholders.next());
        let name = self.key.cardholder(program, cardholder);
        self.cardholders.push(CardholderRow { token: Some(*cardholder), ..CardholderRow::default() });
        self.cardholders_by_name.insert(name, index);
        undo.push(Undo::CardholderEntered(name));
        index
    }
}

/// Whether something that was entered is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    New,
    Again,
}
