//! What platforms told of cards, owners and accounts while the ledger could not hear it: a freeze holds from the moment at which
//! it is durable, also without the ledger.

use std::hash::Hash;

use dashmap::DashMap;
use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, Fact, ToldEvent};
use holdfast_core::stand_in::{Sight, Snapshot};
use holdfast_core::{AccountId, AuthorizationRequest, CardToken, CardholderToken, IdempotencyKey, ProgramId, Timestamp};
use smallvec::SmallVec;

/// A status, and by which message it was told.
#[derive(Debug, Clone, Copy)]
struct Told<S> {
    status: S,
    key: IdempotencyKey,
    at: Option<Timestamp>,
}

/// What was told of one subject, in the order of arrival.
type Words<S> = SmallVec<[Told<S>; 1]>;

/// Words by subject.
type Map<K, S> = DashMap<(ProgramId, K), Words<S>, foldhash::fast::RandomState>;

/// Statuses that the ledger has yet to hear.
#[derive(Debug, Default)]
pub struct Standings {
    cards: Map<CardToken, CardStatus>,
    cardholders: Map<CardholderToken, CardholderStatus>,
    accounts: Map<AccountId, AccountStatus>,
}

impl Standings {
    /// A message waits for the ledger.
    pub fn told(&self, program: ProgramId, event: &ToldEvent) {
        self.changed(program, event, Change::Waits);
    }

    /// The ledger has heard a message: what it says is in the ledger's own memory, over everything older that it never heard.
    pub fn heard(&self, program: ProgramId, event: &ToldEvent) {
        self.changed(program, event, Change::Heard);
    }

    /// A message was not acknowledged after all: it comes again.
    pub fn never_told(&self, program: ProgramId, event: &ToldEvent) {
        self.changed(program, event, Change::NeverTold);
    }

    fn changed(&self, program: ProgramId, event: &ToldEvent, change: Change) {
        match event.fact {
            Fact::Card { card, status } => change.apply(&self.cards, (program, card), status, event),
            Fact::Cardholder { cardholder, status } => change.apply(&self.cardholders, (program, cardholder), status, event),
            Fact::Account { account, status } => change.apply(&self.accounts, (program, account), status, event),
            Fact::Recorded { .. }
            | Fact::Reduced { .. }
            | Fact::Replaced { .. }
            | Fact::Released { .. }
            | Fact::Captured { .. }
            | Fact::Completed { .. }
            | Fact::Credited { .. }
            | Fact::Debited { .. }
            | Fact::SettlementAnnounced { .. } => {}
        }
    }

    /// What is known of a question, with what the ledger has yet to hear.
    #[must_use]
    pub fn over(&self, program: ProgramId, request: &AuthorizationRequest, mut snapshot: Snapshot) -> Snapshot {
        if let Sight::Seen(card) = &mut snapshot.card {
            card.status = request.card.and_then(|token| newest(&self.cards, (program, token))).unwrap_or(card.status);
            let owner = request.cardholder.and_then(|token| newest(&self.cardholders, (program, token)));
            card.cardholder = owner.unwrap_or(card.cardholder);
        }
        if let Sight::Seen(account) = &mut snapshot.account {
            account.status = newest(&self.accounts, (program, account.id)).unwrap_or(account.status);
        }
        snapshot
    }
}

/// What becomes of a word.
#[derive(Debug, Clone, Copy)]
enum Change {
    Waits,
    Heard,
    NeverTold,
}

impl Change {
    fn apply<K: Eq + Hash, S>(self, map: &Map<K, S>, subject: (ProgramId, K), status: S, event: &ToldEvent) {
        let (key, at) = (event.key, event.occurred_at);
        if let Change::Waits = self {
            let mut words = map.entry(subject).or_default();
            // The same message again says the same.
            words.retain(|known| known.key != key);
            words.push(Told { status, key, at });
            return;
        }
        let Some(mut words) = map.get_mut(&subject) else { return };
        let place = words.iter().position(|known| known.key == key).unwrap_or(words.len());
        let mut places = 0_usize..;
        words.retain(|known| {
            let came_later = places.next().is_some_and(|of_word| of_word > place);
            match self {
                Change::Heard => known.key != key && is_newer(known.at, at, came_later),
                Change::Waits | Change::NeverTold => known.key != key,
            }
        });
        drop(words);
        map.remove_if(&subject, |_, words| words.is_empty());
    }
}

/// The newest word: the one that no other is newer than.
fn newest<K: Eq + Hash, S: Copy>(map: &Map<K, S>, subject: (ProgramId, K)) -> Option<S> {
    let words = map.get(&subject)?;
    let newest = words.iter().copied().reduce(|one, next| if is_newer(next.at, one.at, true) { next } else { one })?;
    Some(newest.status)
}

/// Whether a word is newer than another one. Without a time of its own, one is as new as its arrival.
fn is_newer(at: Option<Timestamp>, than: Option<Timestamp>, came_later: bool) -> bool {
    at.zip(than).map_or(came_later, |(at, than)| if at == than { came_later } else { at > than })
}

#[cfg(test)]
mod tests {
    use holdfast_core::stand_in::{Acquaintance, CardSight};

    use super::*;
    use crate::fixture::{program, purchase, told};

    fn card_of(snapshot: Snapshot) -> CardStatus {
        let Sight::Seen(card) = snapshot.card else { panic!("no card") };
        card.status
    }

    #[test]
    fn a_freeze_holds_until_the_ledger_has_heard_it_and_an_older_message_does_not_lift_it() {
        let (standings, request) = (Standings::default(), purchase("k", 1));
        let card = CardSight {
            status: CardStatus::Active,
            cardholder: CardholderStatus::Active,
            as_of: Timestamp::EPOCH,
            since: None,
            used: Acquaintance::NotKnown,
        };
        let seen = Snapshot { card: Sight::Seen(card), ..Snapshot::default() };
        let says = |key: &str, second: i64, status| ToldEvent {
            occurred_at: Some(Timestamp::from_unix_micros(second * 1_000_000)),
            ..told(key, Fact::Card { card: request.card.unwrap(), status })
        };
        let now = || card_of(standings.over(program(), &request, seen));
        let freeze = says("freeze", 20, CardStatus::Frozen);
        standings.told(program(), &freeze);
        standings.told(program(), &says("older", 10, CardStatus::Active));
        assert_eq!(now(), CardStatus::Frozen);
        assert_eq!(card_of(standings.over(program(), &purchase("k", 1), Snapshot { ..seen })), CardStatus::Frozen);
        standings.heard(program(), &says("older", 10, CardStatus::Active));
        assert_eq!(now(), CardStatus::Frozen);
        standings.heard(program(), &freeze);
        assert_eq!(now(), CardStatus::Active);
        assert!(standings.cards.is_empty());
    }

    #[test]
    fn what_the_ledger_never_heard_does_not_outlive_what_it_heard_since() {
        let (standings, request) = (Standings::default(), purchase("k", 1));
        let frozen = CardSight {
            status: CardStatus::Frozen,
            cardholder: CardholderStatus::Active,
            as_of: Timestamp::EPOCH,
            since: None,
            used: Acquaintance::NotKnown,
        };
        let seen = Snapshot { card: Sight::Seen(frozen), ..Snapshot::default() };
        let card = request.card.unwrap();
        let now = || card_of(standings.over(program(), &request, seen));
        // An unfreeze that was set aside, or answered 503.
        standings.told(program(), &told("unfreeze", Fact::Card { card, status: CardStatus::Active }));
        assert_eq!(now(), CardStatus::Active);
        standings.heard(program(), &told("freeze", Fact::Card { card, status: CardStatus::Frozen }));
        assert_eq!(now(), CardStatus::Frozen);
        // What came after the word that was heard still waits.
        for (key, status) in [("one", CardStatus::Frozen), ("two", CardStatus::Active)] {
            standings.told(program(), &told(key, Fact::Card { card, status }));
        }
        standings.heard(program(), &told("one", Fact::Card { card, status: CardStatus::Frozen }));
        assert_eq!(now(), CardStatus::Active);
    }
}
