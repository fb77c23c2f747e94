//! What was told beside what is held, hold by hold, and what caps allowed beside what stand-in approved. Nothing here asks
//! anybody.

use std::collections::HashMap;

use crate::outage::grounds::Grounds;
use crate::outage::holds::Holds;
use crate::recognition::Told;

/// One question with its answer, and where to look for what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The platform's name of the payment.
    pub payment: String,
    /// The card's number.
    pub card: u64,
    /// What was asked for, in minor units.
    pub asked_minor: i64,
    /// What was told, in the end.
    pub told: Option<Told>,
    /// Who decided.
    pub grounds: Grounds,
}

/// What the comparison counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Payments that were approved.
    pub approved: u64,
    /// How much that was, in minor units.
    pub approved_minor: i64,
    /// How much the ledger holds.
    pub held_minor: i64,
    /// Approvals of which the ledger knows nothing.
    pub without_record: u64,
    /// Approvals that are held with another amount.
    pub other_amount: u64,
    /// Holds of payments that were not approved, or that nobody asked for, and odd ones.
    pub not_told: u64,
    /// Answers that stand-in gave.
    pub stand_in: u64,
    /// Of these, approvals.
    pub stand_in_approved: u64,
    /// How much these are, in minor units.
    pub stand_in_approved_minor: i64,
    /// Cards that stand-in approved as often as the cap allows.
    pub cards_at_cap: u64,
    /// Cards that it approved more often.
    pub cards_beyond_cap: u64,
}

impl Compared {
    /// Compares.
    pub fn of(answered: &[Answered], holds: &Holds, card_count_max: u32) -> Self {
        let mut compared = Compared { not_told: holds.odd, ..Compared::default() };
        let mut cards: HashMap<u64, u32> = HashMap::new();
        let mut matched = 0_u64;
        for answer in answered {
            let held = holds.by_payment.get(&answer.payment);
            matched = matched.saturating_add(u64::from(held.is_some()));
            compared.count_hold(answer, held.copied());
            if answer.grounds == Grounds::StandIn && answer.told.is_some() {
                compared.stand_in = compared.stand_in.saturating_add(1);
                if answer.told == Some(Told::Approved) {
                    compared.stand_in_approved = compared.stand_in_approved.saturating_add(1);
                    compared.stand_in_approved_minor = compared.stand_in_approved_minor.saturating_add(answer.asked_minor);
                    let count = cards.entry(answer.card).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
        let all = u64::try_from(holds.by_payment.len()).unwrap_or(u64::MAX);
        compared.not_told = compared.not_told.saturating_add(all.saturating_sub(matched));
        compared.held_minor = holds.by_payment.values().fold(0, |sum: i64, held| sum.saturating_add(*held));
        for count in cards.into_values() {
            compared.cards_at_cap = compared.cards_at_cap.saturating_add(u64::from(count == card_count_max));
            compared.cards_beyond_cap = compared.cards_beyond_cap.saturating_add(u64::from(count > card_count_max));
        }
        compared
    }

    fn count_hold(&mut self, answer: &Answered, held: Option<i64>) {
        match (answer.told, held) {
            (Some(Told::Approved), held) => {
                self.approved = self.approved.saturating_add(1);
                self.approved_minor = self.approved_minor.saturating_add(answer.asked_minor);
                self.without_record = self.without_record.saturating_add(u64::from(held.is_none()));
                let is_other = held.is_some_and(|held| held != answer.asked_minor);
                self.other_amount = self.other_amount.saturating_add(u64::from(is_other));
            }
            (Some(Told::Declined | Told::Refused) | None, Some(_)) => self.not_told = self.not_told.saturating_add(1),
            (Some(Told::Declined | Told::Refused) | None, None) => {}
        }
    }

    /// Whether the ledger holds what was told, and nothing else.
    pub const fn is_equal(&self) -> bool {
        self.without_record == 0 && self.other_amount == 0 && self.not_told == 0 && self.approved_minor == self.held_minor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(payment: &str, told: Option<Told>, grounds: Grounds) -> Answered {
        Answered { payment: payment.to_owned(), card: 7, asked_minor: 420, told, grounds }
    }

    fn holds(list: &[(&str, i64)]) -> Holds {
        Holds { by_payment: list.iter().map(|(payment, held)| ((*payment).to_owned(), *held)).collect(), odd: 0 }
    }

    type Case<'a> = (&'a [Answered], &'a [(&'a str, i64)], [u64; 3]);

    #[test]
    fn what_was_told_is_held_and_nothing_else() {
        let yes = |payment| answered(payment, Some(Told::Approved), Grounds::Ledger);
        let no = |payment| answered(payment, Some(Told::Declined), Grounds::StandIn);
        let silence = |payment| answered(payment, None, Grounds::Ledger);
        // answers, holds, without record, other amount, not told
        let cases: [Case<'_>; 7] = [
            (&[yes("a"), no("b"), silence("c")], &[("a", 420)], [0, 0, 0]),
            (&[yes("a"), yes("b")], &[("a", 420)], [1, 0, 0]),
            (&[yes("a")], &[("a", 421)], [0, 1, 0]),
            (&[no("a")], &[("a", 420)], [0, 0, 1]),
            (&[silence("a")], &[("a", 420)], [0, 0, 1]),
            (&[yes("a")], &[("a", 420), ("stranger", 1)], [0, 0, 1]),
            (&[], &[], [0, 0, 0]),
        ];
        for (answers, held, [without_record, other_amount, not_told]) in cases {
            let compared = Compared::of(answers, &holds(held), 3);
            let found = [compared.without_record, compared.other_amount, compared.not_told];
            assert_eq!(found, [without_record, other_amount, not_told], "{answers:?} {held:?}");
            assert_eq!(compared.is_equal(), found == [0, 0, 0], "{answers:?} {held:?}");
        }
    }

    #[test]
    fn only_what_stand_in_approved_counts_for_a_cap() {
        let of = |stand_in: usize, ledger: usize, declined: usize| {
            let mut answers = vec![answered("a", Some(Told::Approved), Grounds::StandIn); stand_in];
            answers.extend(vec![answered("a", Some(Told::Approved), Grounds::Ledger); ledger]);
            answers.extend(vec![answered("a", Some(Told::Declined), Grounds::StandIn); declined]);
            let compared = Compared::of(&answers, &holds(&[("a", 420)]), 3);
            (compared.cards_at_cap, compared.cards_beyond_cap, compared.stand_in, compared.stand_in_approved_minor)
        };
        assert_eq!(of(2, 9, 1), (0, 0, 3, 840));
        assert_eq!(of(3, 9, 0), (1, 0, 3, 1260));
        assert_eq!(of(4, 0, 0), (0, 1, 4, 1680));
    }
}
