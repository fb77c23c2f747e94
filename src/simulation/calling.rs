//! What a message calls its payment, by chance: by any of its names, whether anybody knows yet that they are of one payment or not.
//! And messages that each name the one before them, and come in any order.

use holdfast_core::{AuthorizationKind, Timestamp};

use super::chance::{Chance, LATELY};
use super::deed::{Message, Outcome, Question, Says};
use super::habit::Habit;
use super::model::{Answer, Keyed, Model};
use super::naming::{Label, Name, Named, has_a_name};

/// So many messages are a chain at most.
const CHAIN_MAX: usize = 4;

impl Chance {
    /// One of the names of a payment. Of what opened it platforms tell by names that they used before, or by all of them.
    pub(super) fn some_name(&mut self, habit: &Habit, model: &Model, says: &Says) -> Named {
        let full = habit.named();
        let opens = opens(says);
        // What is not known to be of the payment yet is no name of what opened it.
        let labels: Vec<Label> =
            if opens { model.file(&full).labels.clone() } else { model.payments[habit.payment].labels().collect() };
        let known: Vec<Name> = labels.into_iter().map(Label::alone).collect();
        let increment = |chance: &mut Self| {
            let adds = chance.asked.iter().rev().find(|question| question.of.payment == habit.payment && question.adds())?;
            Some(Name::Increment(adds.key))
        };
        let name = match self.rng.u32(0..12) {
            0..2 if !known.is_empty() => known[self.rng.usize(0..known.len())],
            2..4 if habit.alias && known.contains(&Name::Alias) => Name::Alias,
            2 if habit.alias && !opens => Name::Alias,
            4 if habit.alias && !opens => Name::Full { alias: false },
            5 if !opens => increment(self).unwrap_or(full.name),
            _ => full.name,
        };
        Named { name: may_call(says, name).unwrap_or(full.name), ..full }
    }

    /// A chain about a payment, of which each message names the one before it only; one of them comes now.
    pub(super) fn chain(&mut self, habit: &Habit, model: &Model, now: Timestamp) -> Message {
        let mut of = habit.named();
        for _ in 0..self.rng.usize(2..=CHAIN_MAX) {
            let (key, says) = (self.name_of_a_message(), self.says_of(habit, model, now));
            // Of what opened it the platform tells by the payment's own name.
            let named = Some(of.name).filter(|_| !opens(&says)).and_then(|name| may_call(&says, name));
            let of_it = named.map_or(habit.named(), |name| Named { name, ..of });
            let message = self.message_called(key, model, habit, Some(of_it), now, says);
            // What is told of an increment is found by the increment's name.
            let name = message.own_label().map_or(of.name, |own| own.alone());
            of = Named { name, ..of };
            self.waiting.push(message);
        }
        let any = self.rng.usize(0..self.waiting.len());
        self.waiting.swap_remove(any)
    }

    /// Now and then one of the chains that are under way, whichever.
    pub(super) fn one_of_a_chain(&mut self) -> Option<Message> {
        if self.waiting.is_empty() || !self.one_in(4) {
            return None;
        }
        let any = self.rng.usize(0..self.waiting.len());
        Some(self.waiting.swap_remove(any))
    }

    /// Now and then the platform approves what we refused lately, and not always for what was asked.
    pub(super) fn refused_after_all(&mut self, model: &Model, now: Timestamp) -> Option<Message> {
        if !self.one_in(60) {
            return None;
        }
        let refused = |question: &&Question| {
            let known = model.known((Keyed::Question, question.program, question.key));
            question.wants_money() && known.is_some_and(|known| matches!(known.answer, Answer::No(_)))
        };
        let question = *self.asked.iter().rev().take(LATELY).find(refused)?;
        let habit = *self.habits.iter().find(|habit| habit.payment == question.of.payment)?;
        let amount = question.amount + self.rng.i64(0..=1);
        let outcome = if self.one_in(2) { Outcome::Approved(amount) } else { Outcome::StoodIn(amount, habit.posting) };
        let says = Says::Recorded { asked: question.key, increment: question.is_said_to_add().then_some(question.key), outcome };
        let key = self.key();
        Some(self.message_called(key, model, &habit, Some(habit.named()), now, says))
    }

    /// What the platform tells to add to a payment is now and then asked as what adds to another one of the account, or as a payment of its
    /// own.
    pub(super) fn contrary(&mut self, habit: &Habit, question: Question) -> Question {
        if !question.adds() || !self.one_in(2) {
            return question;
        }
        let others = self.habits.iter().rev().filter(|other| other.account == habit.account && other.payment != habit.payment);
        let others: Vec<Habit> = others.take(3).copied().collect();
        let question = if others.is_empty() || self.one_in(3) {
            let of = Named { name: Name::Increment(question.key), ..habit.named() };
            Question { kind: AuthorizationKind::Purchase, of, ..question }
        } else {
            Question { of: others[self.rng.usize(0..others.len())].named(), ..question }
        };
        self.contrary.push(question);
        question
    }

    /// One of those is asked now.
    pub(super) fn contrary_question(&mut self, now: Timestamp) -> Option<Question> {
        let question = self.contrary.pop()?;
        Some(Question { received_at: now, ..question })
    }

    fn name_of_a_message(&mut self) -> u32 {
        loop {
            let key = self.key();
            if has_a_name(key) {
                return key;
            }
        }
    }
}

/// Whether something opens a payment, by the platform's word.
fn opens(says: &Says) -> bool {
    matches!(says, Says::Recorded { increment: None, .. })
}

/// A name by which something may call its payment: nothing adds to itself.
fn may_call(says: &Says, name: Name) -> Option<Name> {
    let itself = matches!(says, Says::Recorded { increment: Some(own), .. } if name == Name::Increment(*own));
    (!itself).then_some(name)
}
