//! What operators bring in: accounts, cards, rulesets; and the record that each leaves.

use holdfast_core::hold::{Account, AccountStatus, CardStatus};
use holdfast_core::{DeclineReason, ProgramId, Timestamp};

use super::acts::once_durable;
use super::engine::{Engine, Performed};
use super::rebuild::{entered_account, entered_at};
use super::state::{CardRow, Entered, Merchants};
use crate::journal::{BodyRef, Place};
use crate::ledger::{Answer, Entry, KeptRuleset, LedgerError, Origin, RowsEntered};

impl Engine {
    /// Enters rows all together or not at all. What is there already as it is entered leaves no record.
    pub(super) fn enter(&mut self, origin: &Origin, entries: &[Entry], now: Timestamp) -> Performed {
        let mut rows = RowsEntered::default();
        for entry in entries {
            if self.keeps_bar(&origin.program, entry) {
                rows.bars_kept = rows.bars_kept.saturating_add(1);
            }
            match self.enter_one(origin, entry, now) {
                Ok(New::Account) => rows.accounts = rows.accounts.saturating_add(1),
                Ok(New::Card) => rows.cards = rows.cards.saturating_add(1),
                Ok(New::AccountOfCard) => rows.cards_moved = rows.cards_moved.saturating_add(1),
                Ok(New::Nothing) => {}
                Err(error) => return Performed::Now(Err(error)),
            }
        }
        Performed::OnceDurable(Answer::Entered(rows))
    }

    /// Whether a row says that something may be used which is barred, and stays so.
    fn keeps_bar(&self, program: &ProgramId, entry: &Entry) -> bool {
        match entry {
            Entry::Account { account, status, .. } => {
                let known = self.state.account_named(program, account).and_then(|index| self.state.account(index));
                known.is_some_and(|row| row.account.status.bar().is_some()) && status.bar().is_none()
            }
            Entry::Card { card, status, .. } => {
                let known = self.state.card_named(program, card).and_then(|index| self.state.card(index));
                known.is_some_and(|row| row.status.bar().is_some()) && status.bar().is_none()
            }
        }
    }

    fn enter_one(&mut self, origin: &Origin, entry: &Entry, now: Timestamp) -> Result<New, LedgerError> {
        let program = &origin.program;
        match entry {
            Entry::Account { account, balance, credit_line, status } => {
                let known = self.state.account_named(program, account).and_then(|index| self.state.account(index));
                if known.is_some_and(|row| row.account.currency != balance.currency()) {
                    return Err(LedgerError::Refused);
                }
                let status = known.map_or(*status, |row| kept_status(row.account.status, *status, AccountStatus::bar));
                let told = entered_at(now, known.map(|row| (row.account.status, row.told)), status, AccountStatus::bar);
                if known.is_some_and(|row| (row.account.status, row.account.credit_line) == (status, *credit_line)) {
                    return Ok(New::Nothing);
                }
                let posted = known.map_or(balance.minor(), |row| row.account.posted);
                if Account::spendable_max(posted, *credit_line).is_none() {
                    return Err(LedgerError::BeyondCounting);
                }
                let entered = entered_account(balance.currency(), balance.minor(), *credit_line, status);
                let (index, new) = self.state.enter_account(program, account, entered, told, &mut self.undo);
                let body = BodyRef::AccountEntered { account, balance: *balance, credit_line: *credit_line, status };
                let place = Place { account: Some(index.0), ..Place::default() };
                self.record(origin, now, None, None, place, body)?;
                Ok(if new == Entered::New { New::Account } else { New::Nothing })
            }
            Entry::Card { card, account, cardholder, status } => {
                let index = self.state.account_named(program, account).ok_or(LedgerError::Refused)?;
                let known = self.state.card_named(program, card).and_then(|index| self.state.card(index));
                let moves = known.is_some_and(|row| row.account.is_some_and(|before| before != index));
                let status = known.map_or(*status, |row| kept_status(row.status, *status, CardStatus::bar));
                let same_owner = |row: &CardRow| match cardholder {
                    Some(owner) => row.cardholder.is_some() && row.cardholder == self.state.cardholder_named(program, owner),
                    // An owner that is not named stays who it is.
                    None => true,
                };
                if known.is_some_and(|row| (row.status, row.account) == (status, Some(index)) && same_owner(row)) {
                    return Ok(New::Nothing);
                }
                let told = entered_at(now, known.map(|row| (row.status, row.told)), status, CardStatus::bar);
                let row = CardRow {
                    status,
                    told,
                    account: Some(index),
                    cardholder: None,
                    since: now,
                    used: None,
                    merchants: Merchants::default(),
                };
                let (index, new) = self.state.enter_card(program, card, row, cardholder.as_ref(), &mut self.undo);
                let body = BodyRef::CardEntered { card, account, cardholder: cardholder.as_ref(), status };
                self.record(origin, now, None, None, self.state.place_of_card(index), body)?;
                Ok(match new {
                    Entered::New => New::Card,
                    Entered::Again if moves => New::AccountOfCard,
                    Entered::Again => New::Nothing,
                })
            }
        }
    }

    /// Several responders may start on an empty ledger at once: the first of them publishes.
    pub(super) fn publish_first(&mut self, ruleset: &KeptRuleset, now: Timestamp) -> Performed {
        let is_of_kind = |known: &KeptRuleset| known.program == ruleset.program && known.kind == ruleset.kind;
        self.publish_unless(is_of_kind, ruleset, now)
    }

    /// Whoever waited in vain publishes again, or has the spool do so: it is published once.
    pub(super) fn publish(&mut self, ruleset: &KeptRuleset, now: Timestamp) -> Performed {
        self.publish_unless(|known: &KeptRuleset| known.is_same_publication(ruleset), ruleset, now)
    }

    /// Publishes, unless something that was published before, in this group too, makes that needless.
    fn publish_unless(
        &mut self,
        is_needless_after: impl Fn(&KeptRuleset) -> bool,
        ruleset: &KeptRuleset,
        now: Timestamp,
    ) -> Performed {
        let in_this_group = self.published.iter().any(&is_needless_after);
        let known = self.with_log(now, |log| log.rulesets(&ruleset.program));
        match known.map(|known| in_this_group || known.iter().any(&is_needless_after)) {
            // Nothing to record; the first one's group is durable, or is this one.
            Ok(true) => Performed::OnceDurable(Answer::Recorded(None)),
            Ok(false) => self.publish_anew(ruleset, now),
            Err(error) => Performed::Now(Err(error)),
        }
    }

    fn publish_anew(&mut self, ruleset: &KeptRuleset, now: Timestamp) -> Performed {
        let Ok(program) = ProgramId::new(&ruleset.program) else {
            return Performed::Now(Err(LedgerError::Refused));
        };
        // Gathered first: what fails here leaves no ruleset behind.
        let recorded =
            self.record(&Origin::of(program), now, Some(&ruleset.hash), None, Place::default(), BodyRef::RulesPublished);
        if recorded.is_ok() {
            self.log.keep_ruleset(ruleset.clone());
            self.published.push(ruleset.clone());
        }
        once_durable(recorded, Answer::Recorded(None))
    }
}

/// The status of something that is entered again: a file may bar it, and never lifts a bar that came since.
fn kept_status<S: Copy>(known: S, entered: S, bar: impl Fn(S) -> Option<DeclineReason>) -> S {
    if bar(known).is_some() && bar(entered).is_none() { known } else { entered }
}

/// What an entry brought.
enum New {
    Account,
    Card,
    /// A card that was there leads to another account now.
    AccountOfCard,
    Nothing,
}
