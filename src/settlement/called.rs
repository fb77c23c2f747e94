//! What a day's payments are called by all of their messages: a movement's own often names only the one before it. A second reading of the
//! journal, for the payments of the day alone. Sums nothing.

use std::collections::{BTreeMap, HashSet};

use holdfast_core::ProgramId;
use holdfast_core::hold::{MovementCause, Outcome};

use super::day::Day;
use super::names::{Named, named};
use crate::journal::{JournalError, Record};
use crate::ledger::embedded::projection::checkpoint::Beginning;

/// The names of payments, by the number of their hold.
#[derive(Debug)]
pub struct Called {
    program: ProgramId,
    /// Which hold took over another.
    joined: BTreeMap<u64, u64>,
    payments: BTreeMap<u64, Names>,
}

/// What is known of one payment.
#[derive(Debug, Default)]
struct Names {
    /// By which a question, or its first message, called it.
    first: Vec<String>,
    /// By which later ones did.
    later: Vec<String>,
    /// Messages' own, of those that moved what is due: such a name is its movement's.
    own: HashSet<String>,
}

impl Called {
    /// Nothing yet, of the payments that moved on a day.
    #[must_use]
    pub fn of(program: ProgramId, day: &Day) -> Self {
        let joined = day.joined.clone();
        let mut called = Called { program, joined, payments: BTreeMap::new() };
        for hold in day.movements.iter().filter_map(|movement| movement.hold) {
            called.payments.entry(called.payment_of(hold)).or_default();
        }
        called
    }

    /// Whether there is nothing to be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payments.is_empty()
    }

    /// What payments were called before the first record that a trimmed journal keeps: their first names.
    ///
    /// # Errors
    /// The disk.
    pub fn begin(&mut self, beginning: &Beginning) -> Result<(), JournalError> {
        for (hold, names) in &mut self.payments {
            names.first.extend(beginning.payment(*hold)?.map(|name| name.to_string()));
        }
        Ok(())
    }

    /// Takes the next record in, from the first one on.
    pub fn take(&mut self, record: &Record) {
        let Some(hold) = record.place.hold.filter(|_| record.program == Some(self.program)) else { return };
        let payment = self.payment_of(hold);
        if let Some(names) = self.payments.get_mut(&payment) {
            names.take(record);
        }
    }

    /// The hold that has all of a payment by now.
    fn payment_of(&self, hold: u64) -> u64 {
        std::iter::successors(Some(hold), |hold| self.joined.get(hold).copied()).last().unwrap_or(hold)
    }

    /// Tells a day's movements what their payments are called.
    pub fn tell(mut self, day: &mut Day) {
        let payments: BTreeMap<u64, Vec<String>> =
            std::mem::take(&mut self.payments).into_iter().map(|(hold, names)| (hold, names.all())).collect();
        for movement in &mut day.movements {
            let names = movement.hold.and_then(|hold| payments.get(&self.payment_of(hold)));
            movement.payment = names.cloned().unwrap_or_default();
        }
    }
}

impl Names {
    fn take(&mut self, record: &Record) {
        let Named { payment, own, asked } = named(record);
        let is_first = self.first.is_empty() || !asked.is_empty();
        let names = if is_first { &mut self.first } else { &mut self.later };
        names.extend(payment.into_iter().chain(asked));
        if record.body.outcome().is_some_and(is_due) {
            self.own.extend(own);
        }
    }

    /// All of them, the first one first, each once.
    fn all(self) -> Vec<String> {
        let Names { first, later, own } = self;
        let mut known = HashSet::new();
        let later = later.into_iter().filter(|name| !own.contains(name));
        first.into_iter().chain(later).filter(|name| known.insert(name.clone())).collect()
    }
}

/// Whether a message moved what is due to a network.
fn is_due(outcome: &Outcome) -> bool {
    outcome.posted != 0 && outcome.cause == Some(MovementCause::NetworkSettlement)
}
