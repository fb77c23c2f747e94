//! What platforms told of cards, owners and accounts while the ledger could not hear it: a freeze holds from the moment at which
//! it is durable, also without the ledger.

use dashmap::DashMap;
use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, Fact, ToldEvent};
use holdfast_core::stand_in::{Sight, Snapshot};
use holdfast_core::{AccountId, AuthorizationRequest, CardToken, CardholderToken, IdempotencyKey, ProgramId, Timestamp};

/// A status, and by which message it was told.
#[derive(Debug, Clone, Copy)]
struct Told<S> {
    status: S,
    key: IdempotencyKey,
    at: Option<Timestamp>,
}

/// Statuses that the ledger has yet to hear.
#[derive(Debug, Default)]
pub struct Standings {
    cards: DashMap<(ProgramId, CardToken), Told<CardStatus>, foldhash::fast::RandomState>,
    cardholders: DashMap<(ProgramId, CardholderToken), Told<CardholderStatus>, foldhash::fast::RandomState>,
    accounts: DashMap<(ProgramId, AccountId), Told<AccountStatus>, foldhash::fast::RandomState>,
}

impl Standings {
    /// A message waits for the ledger. An older one does not take back what a newer one told.
    pub fn told(&self, program: ProgramId, event: &ToldEvent) {
        let (key, at) = (event.key, event.occurred_at);
        match event.fact {
            Fact::Card { card, status } => put(&self.cards, (program, card), Told { status, key, at }),
            Fact::Cardholder { cardholder, status } => {
                put(&self.cardholders, (program, cardholder), Told { status, key, at });
            }
            Fact::Account { account, status } => put(&self.accounts, (program, account), Told { status, key, at }),
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

    /// The ledger has heard a message: what it says is in the ledger's own memory.
    pub fn heard(&self, program: ProgramId, event: &ToldEvent) {
        match event.fact {
            Fact::Card { card, .. } => forget(&self.cards, &(program, card), &event.key),
            Fact::Cardholder { cardholder, .. } => forget(&self.cardholders, &(program, cardholder), &event.key),
            Fact::Account { account, .. } => forget(&self.accounts, &(program, account), &event.key),
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
            if let Some(told) = request.card.and_then(|token| self.cards.get(&(program, token))) {
                card.status = told.status;
            }
            if let Some(told) = request.cardholder.and_then(|token| self.cardholders.get(&(program, token))) {
                card.cardholder = told.status;
            }
        }
        if let Sight::Seen(account) = &mut snapshot.account
            && let Some(told) = self.accounts.get(&(program, account.id))
        {
            account.status = told.status;
        }
        snapshot
    }
}

fn put<K: Eq + std::hash::Hash, S>(map: &DashMap<K, Told<S>, foldhash::fast::RandomState>, key: K, told: Told<S>) {
    match map.entry(key) {
        dashmap::Entry::Vacant(vacant) => {
            vacant.insert(told);
        }
        // Without a time of its own, a message is as new as its arrival.
        dashmap::Entry::Occupied(mut known) => {
            let is_older = told.at.zip(known.get().at).is_some_and(|(at, known)| at < known);
            if !is_older {
                known.insert(told);
            }
        }
    }
}

fn forget<K: Eq + std::hash::Hash, S>(map: &DashMap<K, Told<S>, foldhash::fast::RandomState>, name: &K, key: &IdempotencyKey) {
    map.remove_if(name, |_, told| told.key == *key);
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
    }
}
