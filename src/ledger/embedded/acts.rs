//! What each act does to memory, and the record it leaves. Loads the slice, applies [`hold::apply`], writes the outcome;
//! no decision is made here.

use arrayvec::ArrayVec;
use holdfast_core::hold::{
    self, AccountStatus, Adoption, Asked, CardStatus, Event, Heard, LimitUse, Outcome, Slice, Subject, ToldEvent,
};
use holdfast_core::rules::{LIMITS_MAX, Verdict};
use holdfast_core::{AuthorizationKind, Basis, Decision, DeclineReason, ProgramId};

use super::rebuild::{asked_of, entered_account, heard, locate_request, payment_of, payments_of, subject_of};
use super::state::{Located, Names};
use super::writer::{Performed, Writer};
use crate::clock::Moment;
use crate::journal::{BodyRef, RecordRef};
use crate::ledger::{AccountStanding, Act, Adopt, Answer, Decide, Entry, KeptRuleset, LedgerError, Origin, Whose};

impl Writer {
    /// Performs one act on memory.
    pub(super) fn perform(&mut self, act: &Act, now: &Moment) -> Performed {
        match act {
            Act::Rest => Performed::Now(Ok(Answer::Recorded(None))),
            Act::Decide(decide) => self.decide(decide, now),
            Act::Adopt(adopt) => self.adopt(adopt, now),
            Act::Tell(origin, event) => self.tell(origin, event, now),
            Act::Keep(origin, kept) => {
                let body = BodyRef::Kept { digest: &kept.digest, problem: &kept.problem, redacted: &kept.redacted };
                self.record(origin, now, body)
                    .map_or_else(|error| Performed::Now(Err(error)), |()| Performed::OnceDurable(Answer::Recorded(None)))
            }
            Act::Balances(origin, whose) => Performed::Now(Ok(Answer::Balances(self.balances(origin, whose)))),
            Act::Enter(program, entries) => self.enter(program, entries, now),
            Act::Publish(ruleset) => self.publish(ruleset, now),
            Act::Rulesets(program) => {
                let rulesets = self.journal.rulesets(program.as_str());
                Performed::Now(rulesets.map(Answer::Rulesets).map_err(|_| LedgerError::Unavailable))
            }
        }
    }

    fn decide(&mut self, decide: &Decide, now: &Moment) -> Performed {
        if now.instant > decide.not_after {
            return Performed::Now(Err(LedgerError::Late));
        }
        let Origin { program, platform } = &decide.origin;
        let request = &decide.request;
        let key = self.state.asked_name(program, platform.as_ref(), &request.key);
        let located = locate_request(&self.state, program, platform.as_ref(), request);
        let uses = self.uses(&located, &decide.verdict);
        let outcome = {
            let row = located.hold.and_then(|index| self.state.hold(index));
            let slice = Slice {
                account: located.account.and_then(|index| self.state.account(index)).map(|row| row.account),
                card: self.state.card_standing(&located),
                hold: row.map(|row| row.hold),
                counted: row.map_or(&[], |row| &row.counted),
                answered: self.state.answered(key),
                heard: Heard::First,
                uses: &uses,
            };
            let (digest, asked_at) = (decide.digest, decide.received_at);
            hold::apply(&slice, &Event::Asked(Asked { request, digest, asked_at, verdict: &decide.verdict }))
        };
        let Some((decision, basis)) = outcome.decision else {
            return Performed::Now(Err(LedgerError::Panicked));
        };
        if basis != Basis::Replay {
            let (_, increment) = payments_of(request);
            let names = Names { program, platform: platform.as_ref(), at: now.utc, increment, asked: Some(key), told: None };
            self.state.write(&located, &names, &outcome, &mut self.undo);
            let body = BodyRef::Decided {
                received_at: decide.received_at,
                ruleset: &decide.ruleset,
                request,
                verdict: &decide.verdict,
                outcome: &outcome,
            };
            if let Err(error) = self.record(&decide.origin, now, body) {
                return Performed::Now(Err(error));
            }
        }
        let balance = match request.kind {
            AuthorizationKind::BalanceInquiry => located.account.and_then(|index| self.state.balance(index)),
            AuthorizationKind::Purchase
            | AuthorizationKind::PurchaseWithCashback
            | AuthorizationKind::CashWithdrawal
            | AuthorizationKind::QuasiCash
            | AuthorizationKind::BillPayment
            | AuthorizationKind::AccountVerification
            | AuthorizationKind::Incremental
            | AuthorizationKind::Credit => None,
        };
        let answer = Answer::Decided { decision, basis, balance };
        match decision {
            Decision::Approve { .. } => Performed::OnceDurable(answer),
            Decision::Decline { .. } => {
                self.told_declines.extend(outcome.answered.map(|answered| (key, answered)));
                Performed::Now(Ok(answer))
            }
        }
    }

    /// What is left of deciding while nothing can be written: a question that was answered before hears the same again.
    pub(super) fn say_again(&self, decide: &Decide) -> Performed {
        let Origin { program, platform } = &decide.origin;
        let key = self.state.asked_name(program, platform.as_ref(), &decide.request.key);
        let known = self.state.answered(key).filter(|answered| answered.digest == decide.digest);
        Performed::Now(known.ok_or(LedgerError::Unavailable).map(|answered| Answer::Decided {
            decision: answered.decision,
            basis: Basis::Replay,
            balance: None,
        }))
    }

    fn adopt(&mut self, adopt: &Adopt, now: &Moment) -> Performed {
        let Origin { program, platform } = &adopt.origin;
        let request = &adopt.request;
        let key = self.state.asked_name(program, platform.as_ref(), &request.key);
        let located = locate_request(&self.state, program, platform.as_ref(), request);
        let adoption = Adoption { request, digest: adopt.digest, asked_at: adopt.received_at, told: adopt.told };
        let outcome = self.apply_located(&located, Some(key), Heard::First, &Event::Adopt(adoption));
        let (_, increment) = payments_of(request);
        let names = Names { program, platform: platform.as_ref(), at: now.utc, increment, asked: Some(key), told: None };
        self.state.write(&located, &names, &outcome, &mut self.undo);
        let finding = outcome.finding;
        let body = BodyRef::Adopted {
            received_at: adopt.received_at,
            request,
            told: &adopt.told,
            basis: &adopt.basis,
            outcome: &outcome,
        };
        match self.record(&adopt.origin, now, body) {
            Ok(()) => Performed::OnceDurable(Answer::Recorded(finding)),
            Err(error) => Performed::Now(Err(error)),
        }
    }

    fn tell(&mut self, origin: &Origin, event: &ToldEvent, now: &Moment) -> Performed {
        let Origin { program, platform } = origin;
        let told = self.state.told_name(program, platform.as_ref(), &event.key);
        if self.state.was_told(told) {
            // Nothing to record; the first one's group is durable, or is this one.
            return Performed::OnceDurable(Answer::Recorded(Some(hold::Finding::HeardBefore)));
        }
        let payment = payment_of(&event.fact);
        let subject = subject_of(event);
        let located = self.state.locate_told(program, platform.as_ref(), &subject, payment);
        let asked = asked_of(&event.fact).map(|key| self.state.asked_name(program, platform.as_ref(), &key));
        let outcome = self.apply_located(&located, asked, Heard::First, &Event::Told(event));
        let told = heard(told, event, &outcome);
        let names = Names { program, platform: platform.as_ref(), at: now.utc, increment: None, asked, told };
        self.state.write(&located, &names, &outcome, &mut self.undo);
        if let Some(standing) = outcome.standing {
            self.state.write_standing(program, &subject, &located, standing, &mut self.undo);
        }
        let finding = outcome.finding;
        match self.record(origin, now, BodyRef::Told { event, outcome: &outcome }) {
            Ok(()) => Performed::OnceDurable(Answer::Recorded(finding)),
            Err(error) => Performed::Now(Err(error)),
        }
    }

    fn apply_located(
        &self,
        located: &Located,
        asked: Option<super::state::Fingerprint>,
        heard: Heard,
        event: &Event<'_>,
    ) -> Outcome {
        let row = located.hold.and_then(|index| self.state.hold(index));
        let slice = Slice {
            account: located.account.and_then(|index| self.state.account(index)).map(|row| row.account),
            card: self.state.card_standing(located),
            hold: row.map(|row| row.hold),
            counted: row.map_or(&[], |row| &row.counted),
            answered: asked.and_then(|key| self.state.answered(key)),
            heard,
            uses: &[],
        };
        hold::apply(&slice, event)
    }

    fn uses(&self, located: &Located, verdict: &Verdict) -> ArrayVec<LimitUse, LIMITS_MAX> {
        match verdict {
            Verdict::Decline { .. } => ArrayVec::new(),
            Verdict::Proceed(proceed) => {
                let checks = proceed.limits.iter();
                checks.map(|check| self.state.used(check.counter, check.scope, check.window, located)).collect()
            }
        }
    }

    fn balances(&self, origin: &Origin, whose: &Whose) -> Vec<AccountStanding> {
        let program = &origin.program;
        let indexes: Vec<_> = match whose {
            Whose::Account(account) => self.state.account_named(program, account).into_iter().collect(),
            Whose::Card(card) => {
                let subject = Subject { card: Some(*card), ..Subject::default() };
                self.state.locate(program, None, &subject, None).account.into_iter().collect()
            }
            Whose::Cardholder(cardholder) => {
                let cardholder = self.state.cardholder_named(program, cardholder);
                let row = cardholder.and_then(|index| self.state.cardholder(index));
                row.map(|row| row.accounts.to_vec()).unwrap_or_default()
            }
            Whose::Everyone => return self.state.standings_of(program),
        };
        indexes.into_iter().filter_map(|index| self.state.standing(index)).collect()
    }

    /// Enters rows all together or not at all.
    fn enter(&mut self, program: &ProgramId, entries: &[Entry], now: &Moment) -> Performed {
        let (mut accounts, mut cards) = (0_u64, 0_u64);
        for entry in entries {
            match self.enter_one(program, entry, now) {
                Ok(New::Account) => accounts = accounts.saturating_add(1),
                Ok(New::Card) => cards = cards.saturating_add(1),
                Ok(New::Nothing) => {}
                Err(error) => return Performed::Now(Err(error)),
            }
        }
        Performed::OnceDurable(Answer::Entered { accounts, cards })
    }

    fn enter_one(&mut self, program: &ProgramId, entry: &Entry, now: &Moment) -> Result<New, LedgerError> {
        let origin = Origin { program: *program, platform: None };
        match entry {
            Entry::Account { account, balance, credit_line, status } => {
                let known = self.state.account_named(program, account).and_then(|index| self.state.account(index));
                if known.is_some_and(|row| row.account.currency != balance.currency()) {
                    return Err(LedgerError::Refused);
                }
                let status = known.map_or(*status, |row| kept_status(row.account.status, *status, AccountStatus::bar));
                let entered = entered_account(balance.currency(), balance.minor(), *credit_line, status);
                let new = self.state.enter_account(program, account, entered, &mut self.undo);
                let body = BodyRef::AccountEntered { account, balance: *balance, credit_line: *credit_line, status };
                self.record(&origin, now, body)?;
                Ok(if new { New::Account } else { New::Nothing })
            }
            Entry::Card { card, account, cardholder, status } => {
                let index = self.state.account_named(program, account).ok_or(LedgerError::Refused)?;
                let known = self.state.card_named(program, card).and_then(|index| self.state.card(index));
                let status = known.map_or(*status, |row| kept_status(row.status, *status, CardStatus::bar));
                let new = self.state.enter_card(program, card, Some(index), cardholder.as_ref(), status, &mut self.undo);
                let body = BodyRef::CardEntered { card, account, cardholder: cardholder.as_ref(), status };
                self.record(&origin, now, body)?;
                Ok(if new { New::Card } else { New::Nothing })
            }
        }
    }

    fn publish(&mut self, ruleset: &KeptRuleset, now: &Moment) -> Performed {
        let Ok(program) = ProgramId::new(&ruleset.program) else {
            return Performed::Now(Err(LedgerError::Refused));
        };
        if self.journal.keep_ruleset(ruleset).is_err() {
            return Performed::Now(Err(LedgerError::Unavailable));
        }
        let origin = Origin { program, platform: None };
        match self.record(&origin, now, BodyRef::RulesPublished { ruleset: &ruleset.hash }) {
            Ok(()) => Performed::OnceDurable(Answer::Recorded(None)),
            Err(error) => Performed::Now(Err(error)),
        }
    }

    fn record(&mut self, origin: &Origin, now: &Moment, body: BodyRef<'_>) -> Result<(), LedgerError> {
        let record = RecordRef { at: now.utc, program: Some(&origin.program), platform: origin.platform.as_ref(), body };
        // The only way to a bug on purpose: everything of the act is written when it comes.
        #[cfg(test)]
        assert!(origin.program.as_str() != super::tests::PROGRAM_THAT_PANICS, "a bug, made for a test");
        self.group.push(&record).map_err(|_| LedgerError::Panicked)
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
    Nothing,
}
