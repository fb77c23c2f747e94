//! A copy of the few rows that some acts and a question name, to be worked on beside memory: what they come to is seen there, and nothing
//! of it here. It has the rows that names lead to, and all rows that those need; what limits have counted is not among them.

use holdfast_core::hold::Subject;
use holdfast_core::{IdempotencyKey, PaymentRef, PlatformName, ProgramId, Timestamp};
use smallvec::SmallVec;

use super::{AccountIndex, CardIndex, CardRow, CardholderIndex, CardholderRow, Fingerprint, HoldIndex, HoldRow, State};

/// What an act, or a question, names.
#[derive(Debug)]
pub struct Naming<'a> {
    pub program: &'a ProgramId,
    pub platform: Option<&'a PlatformName>,
    pub subject: Subject,
    /// Its payment, and what that is called besides.
    pub payments: [Option<PaymentRef>; 2],
    /// What is reserved for it.
    pub reserved: Option<PaymentRef>,
    pub asked: Option<IdempotencyKey>,
    pub told: Option<IdempotencyKey>,
}

/// Whether memory has everything that somebody names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knows {
    All,
    /// Something of it may be what memory has let go of.
    PerhapsNotAll,
}

/// A copy that grows name by name.
#[derive(Debug)]
pub struct Few<'a> {
    from: &'a State,
    state: State,
    accounts: Vec<(AccountIndex, AccountIndex)>,
    cards: Vec<(CardIndex, CardIndex)>,
    cardholders: Vec<(CardholderIndex, CardholderIndex)>,
    holds: Vec<HoldIndex>,
}

impl<'a> Few<'a> {
    /// A copy of nothing yet.
    pub fn of(from: &'a State) -> Self {
        let mut state = State::of_few(from.key);
        state.number_holds_from(from.next_hold);
        Few { from, state, accounts: Vec::new(), cards: Vec::new(), cardholders: Vec::new(), holds: Vec::new() }
    }

    /// The copy.
    pub fn copied(self) -> State {
        self.state
    }

    /// Copies what somebody names.
    pub fn take(&mut self, naming: &Naming<'_>) -> Knows {
        let Naming { program, platform, subject, payments, reserved, asked, told } = *naming;
        self.take_subject(program, &subject);
        let mut unknown: SmallVec<[Fingerprint; 8]> = SmallVec::new();
        let named = payments.iter().flatten().map(|payment| (platform, payment));
        for (platform, payment) in named.chain(reserved.as_ref().map(|payment| (None, payment))) {
            for name in self.from.key.payment(program, platform, payment).iter() {
                match self.from.hold_by(&name) {
                    Some(index) => self.take_hold(program, index),
                    None => unknown.push(name),
                }
            }
        }
        if let Some(key) = asked {
            let name = self.from.asked_name(program, platform, &key);
            match self.from.answered(name) {
                Some(answered) => self.state.restore_asked(Timestamp::EPOCH, name, answered),
                None => unknown.push(name),
            }
        }
        if let Some(key) = told {
            let name = self.from.told_name(program, platform, &key);
            if self.from.was_told(name) {
                self.state.restore_told(Timestamp::EPOCH, name, self.from.told_content(name));
            } else {
                unknown.push(name);
            }
        }
        if unknown.into_iter().any(|name| self.from.may_be_gone(name)) { Knows::PerhapsNotAll } else { Knows::All }
    }

    fn take_subject(&mut self, program: &ProgramId, subject: &Subject) {
        if let Some(index) = subject.account.and_then(|account| self.from.account_named(program, &account)) {
            self.account(index);
        }
        if let Some((index, card)) = subject.card.and_then(|card| Some((self.from.card_named(program, &card)?, card))) {
            let copied = self.card(program, index);
            let name = self.from.key.card(program, &card);
            copied.map(|copied| self.state.cards_by_name.insert(name, copied));
        }
        if let Some(index) = subject.cardholder.and_then(|owner| self.from.cardholder_named(program, &owner)) {
            self.cardholder(program, index);
        }
    }

    fn account(&mut self, index: AccountIndex) -> Option<AccountIndex> {
        if let Some(copied) = known(&self.accounts, index) {
            return Some(copied);
        }
        let row = self.from.account(index)?;
        let copied = self.state.restore_account(self.from.program(row.program)?, &row.id, row.account, row.told);
        self.accounts.push((index, copied));
        Some(copied)
    }

    fn cardholder(&mut self, program: &ProgramId, index: CardholderIndex) -> Option<CardholderIndex> {
        if let Some(copied) = known(&self.cardholders, index) {
            return Some(copied);
        }
        let row = self.from.cardholder(index)?;
        // Whether there is only one is all that anybody asks of these.
        let first = row.accounts.iter().take(2);
        let mut accounts: SmallVec<_> = first.filter_map(|(account, cards)| Some((self.account(*account)?, *cards))).collect();
        // As rows have them.
        accounts.sort_unstable_by_key(|(account, _)| *account);
        let copied = self.state.restore_cardholder(program, &row.token?, CardholderRow { accounts, ..row.clone() });
        self.cardholders.push((index, copied));
        Some(copied)
    }

    /// A card, without a name: who knows one gives it that.
    fn card(&mut self, program: &ProgramId, index: CardIndex) -> Option<CardIndex> {
        if let Some(copied) = known(&self.cards, index) {
            return Some(copied);
        }
        let row = *self.from.card(index)?;
        let account = row.account.and_then(|account| self.account(account));
        let cardholder = row.cardholder.and_then(|owner| self.cardholder(program, owner));
        let copied = CardIndex(self.state.cards.next());
        self.state.cards.push(CardRow { account, cardholder, ..row });
        self.cards.push((index, copied));
        Some(copied)
    }

    fn take_hold(&mut self, program: &ProgramId, index: HoldIndex) {
        if self.holds.contains(&index) {
            return;
        }
        self.holds.push(index);
        let copied = self.from.hold(index).and_then(|row| {
            let (account, card) = (self.account(row.account)?, row.card.and_then(|card| self.card(program, card)));
            Some(HoldRow { account, card, ..row.clone() })
        });
        if let Some(row) = copied {
            self.state.restore_hold_numbered(row, Timestamp::EPOCH, 0);
        }
    }
}

fn known<I: Copy + PartialEq>(copied: &[(I, I)], index: I) -> Option<I> {
    copied.iter().find(|(known, _)| *known == index).map(|(_, copied)| *copied)
}
