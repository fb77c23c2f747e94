//! Which entries are brought to the ledger side by side: none that may be about a payment of which an earlier one has yet to be heard.
//!
//! A platform calls one payment by several names, and not every message by all of them: which ones are one is the ledger's to know. So a
//! message, and what adds to a payment, also waits for whatever came before it of its card and of its cardholder. Nothing here brings anything.

use std::collections::{HashMap, HashSet, VecDeque};

use holdfast_core::{AuthorizationId, AuthorizationKind, CardToken, CardholderToken, ProgramId};

use super::Entry;
use super::reconcile::Bringing;
use crate::ledger::embedded::naming::{payments_of, subject_of};

/// Whose payment it is, as far as that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Of this card.
    Card(CardToken),
    /// Of this cardholder.
    Cardholder(CardholderToken),
}

/// What an entry does to payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    /// It opens the one that it names.
    Opens,
    /// It may be about any of its card's.
    Touches,
}

/// Everything that was met on the way through what waits.
#[derive(Default)]
struct Met {
    names: HashSet<(ProgramId, AuthorizationId)>,
    whose: HashMap<(ProgramId, Whose), Does>,
}

/// The next entries, at most so many, in their order; the others stay, in theirs.
pub(super) fn next_wave(left: &mut VecDeque<Bringing>, most: usize) -> Vec<Bringing> {
    let mut met = Met::default();
    let (mut wave, mut stay) = (Vec::with_capacity(left.len().min(most)), VecDeque::new());
    while wave.len() < most
        && let Some(bringing) = left.pop_front()
    {
        if met.meets(&bringing.entry) {
            stay.push_back(bringing);
        } else {
            wave.push(bringing);
        }
    }
    stay.append(left);
    *left = stay;
    wave
}

impl Met {
    /// Whether an entry may be about a payment that an earlier one is about. From now on it is an earlier one.
    fn meets(&mut self, entry: &Entry) -> bool {
        let program = entry.origin().program;
        let mut meets = false;
        for name in entry.names() {
            meets |= !self.names.insert((program, name));
        }
        let does = entry.does();
        for whose in entry.whose().into_iter().flatten() {
            let before = self.whose.get(&(program, whose)).copied();
            meets |= before.is_some_and(|before| before == Does::Touches || does == Does::Touches);
            if before != Some(Does::Touches) {
                self.whose.insert((program, whose), does);
            }
        }
        meets
    }
}

impl Entry {
    /// Every name of the payment that it is about, and those by which it is known itself. Of which kind a name is matters to nobody here.
    fn names(&self) -> impl Iterator<Item = AuthorizationId> {
        let (payment, own) = match self {
            Entry::Told(adopt, _) => {
                let (payment, own) = adopt.request.payments();
                (Some(*payment), own.copied())
            }
            Entry::Fact(origin, event) | Entry::Ordered(origin, _, event) => payments_of(origin.platform.as_ref(), event),
            Entry::Kept(..) | Entry::Published(..) => (None, None),
        };
        payment.into_iter().chain(own).flat_map(|payment| payment.names())
    }

    /// The card and the cardholder, as far as they are told: a message may name the one or the other, or a card that came after.
    pub fn whose(&self) -> [Option<Whose>; 2] {
        let (card, cardholder) = match self {
            Entry::Told(adopt, _) => (adopt.request.card, adopt.request.cardholder),
            Entry::Fact(_, event) | Entry::Ordered(_, _, event) => {
                let subject = subject_of(event);
                (subject.card, subject.cardholder)
            }
            Entry::Kept(..) | Entry::Published(..) => (None, None),
        };
        [card.map(Whose::Card), cardholder.map(Whose::Cardholder)]
    }

    fn does(&self) -> Does {
        match self {
            Entry::Told(adopt, _) if adopt.request.kind != AuthorizationKind::Incremental => Does::Opens,
            Entry::Told(..) | Entry::Fact(..) | Entry::Ordered(..) | Entry::Kept(..) | Entry::Published(..) => Does::Touches,
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::{Fact, ReleaseCause, ToldAnswer};
    use holdfast_core::{AuthorizationRequest, Basis, IdError, PaymentRef, StandInCause, Timestamp};

    use super::*;
    use crate::fixture::{origin, payment, purchase, told, usd};
    use crate::ledger::Adopt;

    fn id<T: for<'a> TryFrom<&'a str, Error = IdError>>(text: &str) -> T {
        T::try_from(text).unwrap()
    }

    fn answer(request: AuthorizationRequest) -> Entry {
        let adopt = Adopt {
            origin: origin(),
            digest: request.content_digest(),
            request,
            verdict: None,
            told: ToldAnswer::Approved { amount: usd(10) },
            basis: Basis::StandIn(StandInCause::LedgerUnavailable),
            governed: None,
            received_at: Timestamp::EPOCH,
            slip: None,
        };
        Entry::Told(Box::new(adopt), None)
    }

    /// The payment of a transaction, under the key that its question came with.
    fn of(transaction: &str) -> PaymentRef {
        payment(&format!("jit-{transaction}")).with_alias(id(transaction))
    }

    fn asks(transaction: &str, card: &str) -> AuthorizationRequest {
        let request = purchase(&format!("jit-{transaction}"), 10);
        AuthorizationRequest {
            payment: of(transaction),
            card: Some(id(card)),
            cardholder: Some(id(&format!("of-{card}"))),
            ..request
        }
    }

    fn adds(transaction: &str, to: &str, card: &str) -> Entry {
        let kind = AuthorizationKind::Incremental;
        answer(AuthorizationRequest { kind, increments: Some(of(to)), ..asks(transaction, card) })
    }

    /// The platform says that a payment ended, by the second of its names alone.
    fn ended(transaction: &str, card: Option<&str>) -> Entry {
        let payment = PaymentRef::by_alias(id(transaction));
        let mut event = told(&format!("end-{transaction}"), Fact::Released { payment, cause: ReleaseCause::Expired });
        (event.subject.card, event.subject.cardholder) = (card.map(id), None);
        Entry::Fact(origin(), Box::new(event))
    }

    /// Which of these are brought together, one wave after the other.
    fn waves(entries: Vec<Entry>, most: usize) -> Vec<Vec<i64>> {
        let bringing = |(number, entry)| Bringing { number, at: Timestamp::EPOCH, entry, tries: 0 };
        let mut left: VecDeque<_> = (1..).zip(entries).map(bringing).collect();
        let mut waves = Vec::new();
        while !left.is_empty() {
            waves.push(next_wave(&mut left, most).into_iter().map(|bringing| bringing.number).collect());
        }
        waves
    }

    #[test]
    fn payments_of_many_cards_are_brought_together_and_so_are_several_of_one() {
        let entries = vec![answer(asks("t", "c")), answer(asks("u", "c")), answer(asks("v", "d"))];
        assert_eq!(waves(entries.clone(), 10), [vec![1, 2, 3]]);
        assert_eq!(waves(entries, 2), [vec![1, 2], vec![3]]);
    }

    #[test]
    fn what_ends_a_payment_waits_for_what_was_added_to_it_whatever_name_it_uses() {
        let entries = vec![answer(asks("t", "c")), adds("s", "t", "c"), ended("t", Some("c"))];
        assert_eq!(waves(entries, 10), [[1], [2], [3]]);
        // By its names alone.
        let entries = vec![answer(asks("t", "c")), adds("s", "t", "d"), ended("t", None), ended("v", None)];
        assert_eq!(waves(entries, 10), [vec![1, 4], vec![2], vec![3]]);
    }

    #[test]
    fn a_message_waits_for_all_that_came_before_it_of_its_card_as_only_the_ledger_knows_what_is_one() {
        let entries = vec![answer(asks("t", "c")), ended("s", Some("c")), answer(asks("u", "c")), ended("v", Some("d"))];
        assert_eq!(waves(entries, 10), [vec![1, 4], vec![2], vec![3]]);
    }

    #[test]
    fn a_message_that_names_no_card_waits_for_what_is_its_cardholders() {
        let mut by_holder = ended("s", None);
        let Entry::Fact(_, event) = &mut by_holder else { panic!() };
        event.subject.cardholder = Some(id("of-c"));
        let entries = vec![answer(asks("t", "c")), adds("u", "t", "c"), by_holder, answer(asks("v", "d"))];
        assert_eq!(waves(entries, 10), [vec![1, 4], vec![2], vec![3]]);
    }
}
