//! What was answered of late, here and at other responders: what a platform that asks again hears while the database is away. Bounded:
//! of what is older only the key is known ([`super::last_seen`]), and it is not decided afresh. Nothing here reads the database.

use std::sync::{Mutex, MutexGuard, PoisonError};

use holdfast_core::hold::Answered;

use super::generations::Generations;

/// The most answers of each of the two generations: those of the minutes in which platforms ask again.
const ANSWERS_MAX: usize = 1 << 17;

/// Answers by the numbers of their keys ([`super::last_seen::number_of`]).
#[derive(Debug)]
pub struct Answers(Mutex<Generations<u64, Answered>>);

impl Answers {
    /// None yet.
    pub fn new() -> Self {
        Answers(Mutex::new(Generations::new(ANSWERS_MAX)))
    }

    /// Held for the time that a map takes: a look may wait for it.
    fn kept(&self) -> MutexGuard<'_, Generations<u64, Answered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was answered, as far as it is known.
    pub fn of(&self, number: u64) -> Option<Answered> {
        self.kept().get(&number).copied()
    }

    /// This is what was answered.
    pub fn put(&self, number: u64, answered: Answered) {
        self.kept().put(number, answered);
    }

    /// Whether more would have others forgotten.
    pub fn is_full(&self) -> bool {
        self.kept().is_full()
    }
}
