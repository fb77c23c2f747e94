//! What happens next, by chance: from one seed, and from what the model knows, so that most events concern what is there.

use std::time::Duration;

use fastrand::Rng;
use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, Finality, MovementCause, ReleaseCause};
use holdfast_core::{AuthorizationKind, PartialApproval, Timestamp};

use super::deed::{BEGINNING, Command, Deed, Heard, Message, Outcome, Question, Says, Wants};
use super::habit::{Habit, one_in};
use super::model::Model;
use super::model::payment::Source;
use super::naming::{Name, Named};

/// So many of the latest payments are what most events are about.
pub(super) const LATELY: usize = 10;

/// Draws events.
pub struct Chance {
    pub rng: Rng,
    pub(super) habits: Vec<Habit>,
    pub(super) asked: Vec<Question>,
    /// Questions that contradict what was told of them, and were not asked yet.
    pub(super) contrary: Vec<Question>,
    told: Vec<Message>,
    /// Messages that name one another, and are under way.
    pub(super) waiting: Vec<Message>,
    ordered: Vec<Command>,
    serial: u32,
}

impl Chance {
    /// Chances of a world that is empty yet.
    pub fn new(rng: Rng) -> Self {
        let (habits, asked, ordered) = (Vec::new(), Vec::new(), Vec::new());
        let (told, waiting, contrary) = (Vec::new(), Vec::new(), Vec::new());
        Chance { rng, habits, asked, contrary, told, waiting, ordered, serial: 0 }
    }

    pub(super) fn one_in(&mut self, of: u32) -> bool {
        one_in(&mut self.rng, of)
    }

    fn amount(&mut self) -> i64 {
        self.rng.i64(1..=9_000)
    }

    /// A number that no key of this world has yet.
    pub(super) fn key(&mut self) -> u32 {
        self.serial += 1;
        self.serial
    }

    /// What happens next. Of two payments of which nobody approved anything no paper says that they are one.
    pub fn next(&mut self, model: &mut Model, now: Timestamp) -> Deed {
        for _ in 0..4 {
            let deed = self.draw(model, now);
            if deed.names().is_none_or(|(of, own)| model.is_straight(&of, own)) {
                return deed;
            }
        }
        self.opening(model, now)
    }

    fn draw(&mut self, model: &mut Model, now: Timestamp) -> Deed {
        if self.habits.is_empty() {
            return self.opening(model, now);
        }
        match self.rng.u32(0..100) {
            0..31 => self.opening(model, now),
            31..36 => self.increment(model, now),
            36..38 => self.without_money(model, now),
            38..41 => self.retry(model, now),
            41..45 => self.stand_in(model, now),
            45..49 => self.order(model),
            49..52 => self.told_again(model, now),
            52..57 => self.unlinked(model, now),
            57..59 => self.standing(model, now),
            _ => self.about_a_payment(model, now),
        }
    }

    fn new_habit(&mut self, model: &mut Model) -> Habit {
        let card = self.rng.usize(0..model.cards.len());
        let account = model.cards[card].account;
        let program = model.accounts[account].program;
        let payment = model.add_payment(program, account);
        let number = self.number_in(program);
        let habit = Habit::draw(&mut self.rng, Habit { payment, program, account, card, number, ..Habit::PLAIN });
        self.habits.push(habit);
        habit
    }

    /// Payments are numbered by program: the same names in each, which must not meet.
    fn number_in(&self, program: usize) -> u32 {
        let count = self.habits.iter().filter(|habit| habit.program == program).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// A payment's number in its program.
    pub fn number_of(&self, payment: usize) -> u32 {
        self.habits.get(payment).map_or(u32::MAX, |habit| habit.number)
    }

    fn some_habit(&mut self) -> Habit {
        let lately = self.habits.len().saturating_sub(LATELY);
        let from = if self.one_in(10) { 0 } else { lately };
        self.habits[self.rng.usize(from..self.habits.len())]
    }

    /// A payment that is under way, if one is found at the second try.
    fn lively_habit(&mut self, model: &Model) -> Habit {
        let habit = self.some_habit();
        if model.file(&habit.named()).sheet.is_under_way() { habit } else { self.some_habit() }
    }

    /// A payment's card, or now and then another one of its account.
    fn some_card(&mut self, habit: &Habit, model: &Model) -> usize {
        if !self.one_in(12) {
            return habit.card;
        }
        let of_account = (0..model.cards.len()).filter(|card| model.cards[*card].account == habit.account);
        let cards: Vec<usize> = of_account.collect();
        cards[self.rng.usize(0..cards.len())]
    }

    /// A time of the platform's clock, lately, which may be ahead of ours; the last digits are its own.
    fn lately(&mut self, now: Timestamp) -> Timestamp {
        if self.one_in(12) {
            return now.saturating_add(Duration::from_millis(self.rng.u64(0..200_000)));
        }
        let millis = match self.rng.u32(0..10) {
            0..6 => self.rng.u64(0..2_000),
            6..9 => self.rng.u64(0..200_000),
            _ => self.rng.u64(0..90_000_000),
        };
        now.saturating_sub(Duration::from_millis(millis))
    }

    fn question(&mut self, habit: &Habit, now: Timestamp) -> Question {
        let (key, occurred_at) = (self.key(), self.one_in(2).then(|| self.lately(now)));
        habit.question(&mut self.rng, key, now, occurred_at)
    }

    fn opening(&mut self, model: &mut Model, now: Timestamp) -> Deed {
        let habit = self.new_habit(model);
        if self.one_in(12) {
            // The platform tells of it before it asks, or without asking.
            return self.tell_of(&habit, model, now);
        }
        let question = self.question(&habit, now);
        self.asked.push(question);
        Deed::Ask(question)
    }

    fn increment(&mut self, model: &Model, now: Timestamp) -> Deed {
        // Soon, while what was told is held.
        if let Some(question) = self.contrary_question(now) {
            return Deed::Ask(question);
        }
        let habit = self.lively_habit(model);
        let (card, question) = (self.some_card(&habit, model), self.question(&habit, now));
        let question = Question { kind: AuthorizationKind::Incremental, card, ..question };
        self.asked.push(question);
        Deed::Ask(question)
    }

    /// A payment that was told of is asked for after all; or a question that needs no money.
    fn without_money(&mut self, model: &mut Model, now: Timestamp) -> Deed {
        let habit = if self.one_in(3) { self.some_habit() } else { self.new_habit(model) };
        let question = self.question(&habit, now);
        let question = match self.rng.u32(0..6) {
            0 => Question { kind: AuthorizationKind::Credit, ..question },
            1 => Question { kind: AuthorizationKind::BalanceInquiry, amount: 0, original: None, ..question },
            2..5 => Question { kind: AuthorizationKind::AccountVerification, amount: 0, original: None, ..question },
            _ => question,
        };
        self.asked.push(question);
        Deed::Ask(question)
    }

    fn some_question(&mut self) -> Question {
        let lately = if self.one_in(6) { 0 } else { self.asked.len().saturating_sub(LATELY) };
        self.asked[self.rng.usize(lately..self.asked.len().max(lately + 1)).min(self.asked.len() - 1)]
    }

    fn retry(&mut self, model: &Model, now: Timestamp) -> Deed {
        let known = if self.asked.is_empty() { None } else { Some(self.some_question()) };
        let Some(before) = known else { return self.increment(model, now) };
        let amount = if self.one_in(6) { before.amount + 1 } else { before.amount };
        let question = Question { amount, received_at: now, late: false, ..before };
        Deed::Ask(question)
    }

    fn stand_in(&mut self, model: &mut Model, now: Timestamp) -> Deed {
        let known = if self.asked.is_empty() || self.one_in(3) { None } else { Some(self.some_question()) };
        let question = match known {
            // The same callback's answer, or that to a retry of it.
            Some(before) if self.rng.bool() => before,
            Some(before) => Question { received_at: now, ..before },
            None => {
                let habit = self.new_habit(model);
                let question = self.question(&habit, now);
                self.asked.push(question);
                question
            }
        };
        let less = if question.partial == PartialApproval::Supported { question.amount / 2 } else { question.amount };
        let least = i64::from(question.wants_money());
        let heard = if self.one_in(3) { Heard::No } else { Heard::Yes(less.max(least)) };
        Deed::Adopt(question, heard)
    }

    /// When the platform says that something happened, if it does: now and then at the very time of something else.
    fn moment(&mut self, model: &Model, habit: &Habit, now: Timestamp, says: &Says) -> Option<Timestamp> {
        if self.one_in(5) {
            return None;
        }
        let at = self.lately(now);
        if !self.one_in(6) {
            return Some(at);
        }
        Some(match says {
            Says::Card(_) => model.cards[habit.card].status.0.0.max(BEGINNING),
            Says::Owner(_) => model.accounts[habit.account].owner.0.0.max(BEGINNING),
            Says::Account(_) => model.accounts[habit.account].status.0.0.max(BEGINNING),
            Says::Recorded { .. }
            | Says::Less { .. }
            | Says::Total(_)
            | Says::Released(_)
            | Says::Captured(..)
            | Says::Completed(_)
            | Says::Credited(..)
            | Says::Debited(..) => {
                let entries = model.payments[habit.payment].entries();
                let told: Vec<_> = entries.filter(|entry| !matches!(entry.source, Source::Timer(_))).collect();
                if told.is_empty() { at } else { told[self.rng.usize(0..told.len())].at }
            }
        })
    }

    fn message(&mut self, model: &Model, habit: &Habit, of: Option<Named>, now: Timestamp, says: Says) -> Deed {
        let key = self.key();
        Deed::Tell(self.message_called(key, model, habit, of, now, says))
    }

    pub(super) fn message_called(
        &mut self,
        key: u32,
        model: &Model,
        habit: &Habit,
        of: Option<Named>,
        now: Timestamp,
        says: Says,
    ) -> Message {
        let message = Message {
            program: habit.program,
            card: if of.is_some() { self.some_card(habit, model) } else { habit.card },
            account: habit.account,
            key,
            at: self.moment(model, habit, now, &says),
            of,
            foreign: self.one_in(100),
            by_account: self.one_in(8),
            says,
        };
        self.told.push(message);
        message
    }

    fn about_a_payment(&mut self, model: &mut Model, now: Timestamp) -> Deed {
        if let Some(message) = self.one_of_a_chain() {
            return Deed::Tell(message);
        }
        if let Some(message) = self.refused_after_all(model, now) {
            return Deed::Tell(message);
        }
        let habit = self.lively_habit(model);
        if self.one_in(25) {
            return Deed::Tell(self.chain(&habit, model, now));
        }
        self.tell_of(&habit, model, now)
    }

    fn tell_of(&mut self, habit: &Habit, model: &Model, now: Timestamp) -> Deed {
        let says = self.says_of(habit, model, now);
        let of = Some(self.some_name(habit, model, &says));
        self.message(model, habit, of, now, says)
    }

    pub(super) fn says_of(&mut self, habit: &Habit, model: &Model, now: Timestamp) -> Says {
        let sheet = &model.file(&habit.named()).sheet;
        let (open, captured) = ((sheet.held + sheet.ahead).max(1), sheet.captured.max(1));
        let part = self.rng.i64(1..=open);
        let original = habit.foreign_merchant.then(|| part * 9 / 10 + 1);
        match self.rng.u32(0..100) {
            0..14 => self.recorded(habit, now),
            14..25 => Says::Less { by: if self.one_in(3) { open } else { part }, original: original.filter(|_| self.rng.bool()) },
            25..31 => Says::Total(self.rng.i64(0..=open * 2)),
            31..44 => Says::Released(self.some_cause()),
            44..64 => Says::Captured(part, Finality::More),
            64..76 => Says::Captured(if self.rng.bool() { open } else { part }, Finality::Final),
            76..80 => Says::Captured(open + self.rng.i64(0..=2_000), Finality::Final),
            80..85 => Says::Completed(open),
            85..95 => Says::Credited(self.rng.i64(1..=captured), self.some_movement()),
            _ => Says::Debited(self.rng.i64(1..=captured), self.some_movement()),
        }
    }

    fn some_cause(&mut self) -> ReleaseCause {
        match self.rng.u32(0..10) {
            0..6 => ReleaseCause::Reversed,
            6..9 => ReleaseCause::Expired,
            _ => ReleaseCause::Operator,
        }
    }

    fn some_movement(&mut self) -> MovementCause {
        match self.rng.u32(0..10) {
            0..5 => MovementCause::NetworkSettlement,
            5..8 => MovementCause::Dispute,
            _ => MovementCause::Fee,
        }
    }

    /// The platform's word on one of the payment's questions, or on one that we were never asked.
    fn recorded(&mut self, habit: &Habit, now: Timestamp) -> Says {
        let fit = |question: &&Question| question.of.payment == habit.payment && question.wants_money();
        let asked: Vec<Question> = self.asked.iter().filter(fit).copied().collect();
        let known = if asked.is_empty() || self.one_in(4) { None } else { Some(asked[self.rng.usize(0..asked.len())]) };
        let amount = known.map_or_else(|| self.amount(), |question| question.amount);
        let (key, adds) = match known {
            Some(question) => (question.key, question.is_said_to_add()),
            None => (self.key(), self.rng.bool()),
        };
        if known.is_none() {
            // It may be asked later.
            let kind = if adds { AuthorizationKind::Incremental } else { AuthorizationKind::Purchase };
            let question = Question { key, kind, amount, late: false, ..self.question(habit, now) };
            let question = self.contrary(habit, question);
            self.asked.push(question);
        }
        let outcome = match self.rng.u32(0..10) {
            0..4 => Outcome::Approved(amount),
            4 => Outcome::Approved(self.amount()),
            5..8 => Outcome::StoodIn(amount, habit.posting),
            _ => Outcome::Declined,
        };
        Says::Recorded { asked: key, increment: adds.then_some(key), outcome }
    }

    /// Money that belongs to no payment.
    fn unlinked(&mut self, model: &Model, now: Timestamp) -> Deed {
        let habit = self.some_habit();
        let owing = model.accounts[habit.account].posted < 100_000;
        let amount = self.amount();
        let says = match self.rng.u32(0..10) {
            0..6 if owing => Says::Credited(amount * 30, MovementCause::Funding),
            0..4 => Says::Credited(amount, MovementCause::NetworkSettlement),
            4..8 => Says::Captured(amount, Finality::Final),
            _ => Says::Debited(amount, MovementCause::Fee),
        };
        self.message(model, &habit, None, now, says)
    }

    fn standing(&mut self, model: &Model, now: Timestamp) -> Deed {
        let habit = self.some_habit();
        let account = &model.accounts[habit.account];
        let says = match self.rng.u32(0..6) {
            _ if model.cards[habit.card].status.1 != CardStatus::Active => Says::Card(CardStatus::Active),
            _ if account.status.1 != AccountStatus::Active => Says::Account(AccountStatus::Active),
            0 => Says::Card(CardStatus::Lost),
            1..3 => Says::Card(CardStatus::Frozen),
            _ if account.owner.1 != CardholderStatus::Active => Says::Owner(CardholderStatus::Active),
            3 => Says::Owner(CardholderStatus::Suspended),
            _ => Says::Account(AccountStatus::Frozen),
        };
        self.message(model, &habit, None, now, says)
    }

    fn told_again(&mut self, model: &mut Model, now: Timestamp) -> Deed {
        if self.told.is_empty() {
            return self.about_a_payment(model, now);
        }
        let from = if self.one_in(4) { 0 } else { self.told.len().saturating_sub(2 * LATELY) };
        let message = self.told[self.rng.usize(from..self.told.len())];
        Deed::Tell(message)
    }

    fn order(&mut self, model: &Model) -> Deed {
        let before = self.ordered.last().copied();
        if let Some(before) = before
            && self.one_in(6)
        {
            let wants = if self.one_in(4) { Wants::Refund(7) } else { before.wants };
            return Deed::Order(Command { wants, of: Named { name: Name::Full { alias: false }, ..before.of }, ..before });
        }
        let habit = self.lively_habit(model);
        let sheet = &model.file(&habit.named()).sheet;
        let (open, captured) = ((sheet.held + sheet.ahead).max(1), (sheet.captured + sheet.ahead - sheet.refunded).max(1));
        let finality = if self.rng.bool() { Finality::Final } else { Finality::More };
        let wants = match self.rng.u32(0..10) {
            0..4 => Wants::Capture(self.rng.i64(1..=open), finality),
            4 => Wants::Capture(open + self.rng.i64(0..=900), finality),
            5 => Wants::Capture(0, finality),
            6 => Wants::Release,
            7..9 => Wants::Refund(self.rng.i64(1..=captured)),
            _ => Wants::Refund(captured + 1),
        };
        let command = Command { program: habit.program, key: self.key(), of: habit.named(), wants };
        self.ordered.push(command);
        Deed::Order(command)
    }
}
