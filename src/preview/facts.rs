//! What would have been known without the ledger when a recorded question was asked: the journal's records, added up as they go
//! by, with balances as they were an outage before.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use holdfast_core::hold::{CardStatus, CardholderStatus};
use holdfast_core::stand_in::{AccountSight, Acquaintance, AddsTo, CardSight, Sight, Snapshot};
use holdfast_core::{AuthorizationRequest, Decision, DeclineReason, Merchant, MerchantId, MerchantName, Timestamp};

use crate::books::Books;
use crate::journal::{Body, JournalError, Record};
use crate::ledger::embedded::projection::checkpoint::Beginning;
use crate::ledger::embedded::state::{CardAct, Merchants};

/// The facts so far.
#[derive(Debug)]
pub(super) struct Facts {
    outage: Duration,
    books: Books,
    /// What is available on each account now, and as it was an outage ago.
    now: BTreeMap<u32, i64>,
    before: BTreeMap<u32, i64>,
    /// Changes that are younger than an outage, oldest first.
    young: VecDeque<(Timestamp, u32, i64)>,
    cards: BTreeMap<u32, Timestamp>,
    used: BTreeMap<u32, Used>,
    /// Merchants by the numbers under which cards remember them here.
    acceptors: BTreeMap<Acceptor, u32>,
}

/// Since when a card is used, and whom it paid of late: as many as the server remembers.
#[derive(Debug, Default)]
struct Used {
    since: Option<Timestamp>,
    merchants: Merchants,
}

/// A merchant as cards know it: by the acquirer's identifier, or by name where none is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Acceptor {
    Id(MerchantId),
    Name(MerchantName),
}

impl Acceptor {
    fn of(merchant: &Merchant) -> Option<Self> {
        merchant.id.map(Acceptor::Id).or_else(|| merchant.name.map(Acceptor::Name))
    }
}

impl Facts {
    pub fn new(outage: Duration) -> Self {
        Facts {
            outage,
            books: Books::default(),
            now: BTreeMap::new(),
            before: BTreeMap::new(),
            young: VecDeque::new(),
            cards: BTreeMap::new(),
            used: BTreeMap::new(),
            acceptors: BTreeMap::new(),
        }
    }

    /// Begins with what the records came to that were dropped; which merchants a card had met is not kept.
    pub fn beginning_with(mut self, beginning: &Beginning) -> Result<Self, JournalError> {
        self.books = beginning.books()?;
        for (number, book) in self.books.numbered() {
            let available = book.account.available();
            self.now.insert(number, available);
            self.before.insert(number, available);
        }
        for (card, since, used) in beginning.cards()? {
            self.cards.insert(card, since);
            let merchants = Merchants::restored([], used);
            self.used.extend(used.then_some((card, Used { since: Some(since), merchants })));
        }
        Ok(self)
    }

    /// What would have been known when a record's question was asked.
    pub fn snapshot(&mut self, record: &Record, request: &AuthorizationRequest, now: Timestamp) -> Snapshot {
        let as_of = now.saturating_sub(self.outage);
        while let Some((_, account, change)) = self.young.pop_front_if(|(at, ..)| *at <= as_of) {
            let available = self.before.entry(account).or_default();
            *available = available.saturating_add(change);
        }
        let (standings, card) = (self.books.at(&record.place), record.place.card);
        let cardholder = standings.cardholder.unwrap_or(CardholderStatus::Active);
        // Where the platform names only the owner, there is no card's standing to look at.
        let status = match (standings.card, request.card, record.place.cardholder) {
            (Some(status), _, _) => Some(status),
            (None, None, Some(_)) => Some(CardStatus::Active),
            (None, Some(_), _) | (None, None, None) => None,
        };
        let card_sight = status.map_or(Sight::Absent, |status| {
            let since = card.and_then(|card| self.cards.get(&card)).copied();
            let used = |card| acquainted(self.used.get(&card).is_some_and(|used| used.since.is_some()));
            let used = card.map_or(Acquaintance::NotKnown, used);
            Sight::Seen(CardSight { status, cardholder, as_of, since, used })
        });
        let account = standings.book.map_or(Sight::Absent, |book| {
            let known = record.place.account.and_then(|index| self.before.get(&index)).copied().unwrap_or(0);
            let (id, status, available) = (book.id, book.account.status, book.account.money(known));
            Sight::Seen(AccountSight { id, status, available, as_of, let_go: None })
        });
        let merchant = self.number_of(&request.merchant).zip(card).map_or(Acquaintance::NotKnown, |(merchant, card)| {
            self.used.get(&card).map_or(Acquaintance::New, |used| used.merchants.acquaintance(merchant))
        });
        // An increment that the ledger had a payment for added to one that was known.
        let adds_to = if adds_to_nothing(record) { AddsTo::NotKnown } else { AddsTo::Open };
        Snapshot { card: card_sight, account, merchant, adds_to }
    }

    /// Takes in what a record says.
    pub fn follow(&mut self, record: &Record) {
        self.books.follow(record);
        if let Some(index) = record.place.account {
            let available = self.books.at(&record.place).book.map_or(0, |book| book.account.available());
            let change = available.saturating_sub(self.now.insert(index, available).unwrap_or(0));
            if matches!(record.body, Body::AccountEntered { .. }) {
                // Whoever looks back an outage must not find that nothing was entered yet.
                let known = self.before.entry(index).or_default();
                *known = known.saturating_add(change);
            } else if change != 0 {
                self.young.push_back((record.at, index, change));
            }
        }
        let Some(card) = record.place.card else { return };
        self.cards.entry(card).or_insert(record.at);
        if let Some((act, merchant)) = acted(record) {
            let merchant = merchant.and_then(|merchant| self.number_of(merchant));
            let Used { since, merchants } = self.used.entry(card).or_default();
            merchants.acted(act, since, merchant, record.at);
        }
    }

    /// The number of a merchant, if it can be told from others; none is 0.
    fn number_of(&mut self, merchant: &Merchant) -> Option<u32> {
        let acceptor = Acceptor::of(merchant)?;
        let next = u32::try_from(self.acceptors.len()).unwrap_or(u32::MAX).saturating_add(1);
        Some(*self.acceptors.entry(acceptor).or_insert(next))
    }
}

/// What the record is to a card, and whom its payment pays; nobody where it is no question that tells it.
fn acted(record: &Record) -> Option<(CardAct, Option<&Merchant>)> {
    match &record.body {
        Body::Decided { request, outcome, .. } | Body::Adopted { request, outcome, .. } => {
            Some((CardAct::as_recorded(outcome), Some(&request.merchant)))
        }
        Body::Told { outcome, .. } | Body::Ordered { outcome, .. } => Some((CardAct::as_recorded(outcome), None)),
        Body::Kept { .. }
        | Body::AccountEntered { .. }
        | Body::CardEntered { .. }
        | Body::RulesPublished
        | Body::Trimmed { .. }
        | Body::Joined { .. }
        | Body::Reassigned { .. }
        | Body::Opened => None,
    }
}

fn acquainted(known: bool) -> Acquaintance {
    if known { Acquaintance::Known } else { Acquaintance::New }
}

/// Whether the ledger had no payment that the record's question could have added to.
fn adds_to_nothing(record: &Record) -> bool {
    let Body::Decided { outcome, .. } = &record.body else { return false };
    let Some((Decision::Decline { reason }, _)) = outcome.decision else { return false };
    matches!(reason, DeclineReason::AuthorizationUnknown | DeclineReason::AuthorizationOver)
}
