//! From what an event names to the rows in memory that it is about. Nothing here changes one.

use holdfast_core::hold::{FoundBy, Subject};
use holdfast_core::{PaymentRef, PlatformName, ProgramId};

use super::{AccountIndex, CardholderIndex, HoldIndex, HoldNumber, Located, PaymentNames, State};

impl State {
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
        self.locate_by(program, subject, payment, hold)
    }

    fn locate_by(
        &self,
        program: &ProgramId,
        subject: &Subject,
        payment: Option<PaymentNames>,
        hold: Option<HoldIndex>,
    ) -> Located {
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
        Located { payment, account, card, cardholder, hold, found_by: FoundBy::ItsNames }
    }

    /// Finds what a told event names. A platform's word counts for a card that nobody told us of, too: then its owner's only account
    /// is meant.
    pub fn locate_told(
        &self,
        program: &ProgramId,
        platform: Option<&PlatformName>,
        subject: &Subject,
        (payment, own): (Option<&PaymentRef>, Option<&PaymentRef>),
    ) -> Located {
        let located = self.locate_heard(program, platform, subject, (payment, own));
        let owners = located.cardholder.and_then(|owner| self.only_account(owner));
        Located { account: located.account.or(owners), ..located }
    }

    /// Finds what somebody was told, or tells: the payment, or else what was told before under the event's own name.
    pub fn locate_heard(
        &self,
        program: &ProgramId,
        platform: Option<&PlatformName>,
        subject: &Subject,
        (payment, own): (Option<&PaymentRef>, Option<&PaymentRef>),
    ) -> Located {
        let names = |payment: &PaymentRef| self.payment_names(program, platform, payment);
        let payment = payment.map(names);
        let by_its_own = || self.hold_named(&names(own?)).filter(|_| payment.is_some());
        let hold = payment.as_ref().and_then(|names| self.hold_named(names)).or_else(by_its_own);
        self.locate_by(program, subject, payment, hold)
    }

    /// The one account of a cardholder; with several, the platform has to name a card.
    pub(super) fn only_account(&self, cardholder: CardholderIndex) -> Option<AccountIndex> {
        match self.cardholder(cardholder)?.accounts.as_slice() {
            [(only, _)] => Some(*only),
            _ => None,
        }
    }

    /// The hold of that number, if it is in memory. Looks at all of them: for the few that no name leads to.
    pub fn hold_numbered(&self, number: HoldNumber) -> Option<HoldIndex> {
        if !self.has_placed(number) {
            return None;
        }
        self.holds.numbered(number)
    }

    /// What was found by a payment's name, if the hold that the name leads to has this number; else the hold that has it, if
    /// that is in memory.
    pub fn of_number(&self, number: HoldNumber, located: Located) -> Located {
        let by_name = located.hold.and_then(|index| self.hold(index)).map(|row| row.number);
        if by_name == Some(number) {
            return located;
        }
        match (self.hold_numbered(number), located.payment) {
            (Some(index), Some(payment)) => self.locate_hold(index, payment),
            // What no name leads to is looked for outside memory; what leads to another hold is not meant.
            (_, _) if by_name.is_none() => located,
            (_, payment) => Located { payment, ..Located::default() },
        }
    }

    /// What a hold is about that is known by its place: its names may be another's, and are not asked.
    pub fn locate_hold(&self, index: HoldIndex, payment: PaymentNames) -> Located {
        let row = self.hold(index);
        let (account, card) = (row.map(|row| row.account), row.and_then(|row| row.card));
        let cardholder = card.and_then(|card| self.card(card)).and_then(|row| row.cardholder);
        Located { payment: Some(payment), account, card, cardholder, hold: Some(index), found_by: FoundBy::ItsNames }
    }
}
