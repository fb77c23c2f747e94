//! The engine beside the model: every account, payment and counter, and what was answered. Changes neither.

use holdfast_core::hold::{Finding, Hold};
use holdfast_core::{Basis, Currency, Decision};

use super::Difference;
use super::limits::{LIMITS, counter};
use super::model::filing::File;
use super::model::sheet::Sheet;
use super::model::{Answer, Expected};
use super::naming::{Label, Named};
use super::world::{Checked, World, broken};
use crate::ledger::embedded::engine::Performed;
use crate::ledger::embedded::state::{AccountIndex, CardIndex, HoldRow, Located, State};
use crate::ledger::{self, LedgerError};

impl World {
    /// Compares everything, one account, payment and card after the other.
    pub(super) fn check_everything(&self, when: &str) -> Checked<()> {
        let accounts = (0..self.accounts.len()).try_for_each(|number| self.check_account(number));
        let payments = (0..self.model.payments.len()).map(|number| self.check_payment(number));
        let cards = (0..self.cards.len()).map(|number| self.check_limits(number));
        let mut found = std::iter::once(accounts).chain(payments).chain(cards);
        found
            .try_for_each(|found| found)
            .map_err(|found| Box::new(Difference { what: format!("{when}: {}", found.what), ..*found }))
    }

    fn account_index(&self, number: usize) -> Option<AccountIndex> {
        let program = &self.origins[self.model.accounts[number].program].program;
        self.engine.state().account_named(program, &self.accounts[number])
    }

    fn card_index(&self, number: usize) -> Option<CardIndex> {
        let account = self.model.cards[number].account;
        let program = &self.origins[self.model.accounts[account].program].program;
        self.engine.state().card_named(program, &self.cards[number])
    }

    pub(super) fn check_account(&self, number: usize) -> Checked<()> {
        let expected = &self.model.accounts[number];
        let expected = (expected.posted, expected.held, expected.credit_line, expected.status.1);
        let row = self.account_index(number).and_then(|index| self.engine.state().account(index));
        let got = row.map(|row| (row.account.posted, row.account.held, row.account.credit_line, row.account.status));
        if got == Some(expected) {
            return Ok(());
        }
        Err(self.differs(format!("account {number}: posted, held, credit line, status"), expected, got, self.history_end()))
    }

    /// Compares what each of a payment's names leads to; nothing may be under its first one before it was used.
    pub(super) fn check_payment(&self, number: usize) -> Checked<()> {
        let payment = &self.model.payments[number];
        let names = payment.files.iter().flat_map(|file| file.labels.iter().map(move |label| (*label, Some(file))));
        let used = payment.files.iter().any(|file| file.labels.contains(&Label::First));
        names.chain((!used).then_some((Label::First, None))).try_for_each(|(label, file)| self.check_file(number, label, file))
    }

    fn check_file(&self, number: usize, label: Label, file: Option<&File>) -> Checked<()> {
        let got = self.hold_of(number, label)?.map(|row| row.hold);
        let expected = file.map(|file| plain(&file.sheet));
        let same = match (&expected, &got) {
            (None, None) => true,
            (Some(expected), Some(got)) => Hold { posting: got.posting, ..*expected } == *got,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same {
            return Ok(());
        }
        Err(self.differs(format!("payment {number} by its name {label:?}"), expected, got, self.history_end()))
    }

    fn hold_of(&self, number: usize, label: Label) -> Checked<Option<&HoldRow>> {
        let payment = &self.model.payments[number];
        let origin = &self.origins[payment.program];
        let of = Named { payment: number, number: self.chance.number_of(number), name: label.alone() };
        let reference = of.reference().map_err(broken)?;
        let names = self.engine.state().payment_names(&origin.program, origin.platform.as_ref(), &reference);
        let kept_by = |state: &State| state.hold_named(&names).is_some();
        // What memory has let go of is where it can be found.
        let state = Some(self.engine.state()).filter(|state| kept_by(state)).unwrap_or(self.attic.state());
        Ok(state.hold_named(&names).and_then(|index| state.hold(index)))
    }

    /// Compares what the limits of a card, its account and its program have counted in the windows that are open now.
    pub(super) fn check_limits(&self, card: usize) -> Checked<()> {
        let account = self.model.cards[card].account;
        let program = self.model.accounts[account].program;
        let located = Located { account: self.account_index(account), card: self.card_index(card), ..Located::default() };
        let expected = self.model.used(program, card, account, self.now.utc);
        for ((number, limit), expected) in LIMITS.iter().enumerate().zip(expected) {
            let window = limit.window(self.now.utc);
            let (used, _) = self.engine.state().used(
                counter(program, number),
                limit.scope,
                (window, holdfast_core::rules::StillOpen::NOTHING),
                &located,
            );
            let got = (used.amount, i64::from(used.count));
            if got != expected {
                let what = format!("limit {number} for card {card}: amount and count");
                return Err(self.differs(what, expected, got, self.history_end()));
            }
        }
        Ok(())
    }
}

/// A sheet in the words of a hold, but for how it is posted.
pub fn plain(sheet: &Sheet) -> Hold {
    Hold {
        status: sheet.status,
        authorized: sheet.authorized,
        held: sheet.held,
        ahead: sheet.ahead,
        captured: sheet.captured,
        refunded: sheet.refunded,
        moved: sheet.moved,
        tolerance: sheet.tolerance,
        expires_at: sheet.expires_at,
        ..Hold::NONE
    }
}

/// Whether the engine said what the model expects, and when it should.
pub(super) fn agrees(expected: &Expected, performed: &Performed) -> bool {
    let answer = match performed {
        Performed::Now(Ok(answer)) | Performed::OnceDurable(answer) => Ok(answer),
        Performed::Now(Err(error)) => Err(*error),
        Performed::Cold(_) => return false,
    };
    let is_yes = matches!(answer, Ok(ledger::Answer::Decided { decision: Decision::Approve { .. }, .. }));
    // Who is told yes waits until that is durable, unless it was durable before.
    let waits = matches!(performed, Performed::OnceDurable(_)) || answer.is_ok_and(is_replay);
    says(expected, answer) && (waits || !is_yes)
}

/// Whether a ledger said what the model expects.
pub fn says(expected: &Expected, answer: Result<&ledger::Answer, LedgerError>) -> bool {
    let answer = match answer {
        Ok(answer) => answer,
        Err(LedgerError::Late) => return *expected == Expected::Late,
        Err(LedgerError::Unavailable) => return *expected == Expected::Unavailable,
        Err(LedgerError::Starting | LedgerError::Panicked | LedgerError::Refused | LedgerError::BeyondCounting) => {
            return false;
        }
    };
    match (expected, answer) {
        (
            Expected::Decided(told @ (Answer::Yes(amount) | Answer::YesAbroad(amount))),
            ledger::Answer::Decided { decision: Decision::Approve { amount: got }, .. },
        ) => {
            let at_home = matches!(told, Answer::Yes(_)) == (got.currency() == Currency::USD);
            at_home && got.minor() == *amount
        }
        (Expected::Decided(Answer::No(reason)), ledger::Answer::Decided { decision: Decision::Decline { reason: got }, .. }) => {
            got == reason
        }
        (Expected::Recorded { again }, ledger::Answer::Recorded(finding)) => *again == (*finding == Some(Finding::HeardBefore)),
        (Expected::Decided(_) | Expected::Recorded { .. } | Expected::Late | Expected::Unavailable, _) => false,
    }
}

fn is_replay(answer: &ledger::Answer) -> bool {
    matches!(answer, ledger::Answer::Decided { basis: Basis::Replay, .. })
}
