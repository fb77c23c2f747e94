//! What platforms and operators told of cards, owners and accounts while the ledger could not hear it: a freeze holds from the moment at which
//! it is durable, also without the ledger.

use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, StandingOf, ToldEvent};
use holdfast_core::stand_in::{Sight, Snapshot};
use holdfast_core::{AccountId, AuthorizationRequest, CardToken, CardholderToken, IdempotencyKey, ProgramId, Timestamp};
use smallvec::SmallVec;

/// A status, and by which message it was told.
#[derive(Debug, Clone, Copy)]
struct Told<S> {
    status: S,
    key: IdempotencyKey,
    at: Option<Timestamp>,
    way: Way,
    /// How many times its message came that may yet be acknowledged, or waits; none of those that were set aside.
    times: u32,
    /// What becomes of it if none is.
    otherwise: Otherwise,
}

/// What becomes of a word that is not on its way any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    Gone,
    Aside,
}

/// Whether a word is on its way to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToLedger,
    /// The ledger refused it for good: it holds here until somebody has looked at it.
    Aside,
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
    /// How many words are on their way to the ledger.
    on_the_way: AtomicUsize,
    /// How many of those are about an owner.
    owners_on_the_way: AtomicUsize,
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

    /// The ledger refused a message for good: nobody waits for it to be heard.
    pub fn set_aside(&self, program: ProgramId, event: &ToldEvent) {
        self.changed(program, event, Change::Aside);
    }

    /// A message was not acknowledged after all: it comes again.
    pub fn never_told(&self, program: ProgramId, event: &ToldEvent) {
        self.changed(program, event, Change::NeverTold);
    }

    fn changed(&self, program: ProgramId, event: &ToldEvent, change: Change) {
        let Changed { came, went } = match event.fact.standing() {
            Some(StandingOf::Card(card, status)) => change.apply(&self.cards, (program, card), status, event),
            Some(StandingOf::Cardholder(owner, status)) => change.apply(&self.cardholders, (program, owner), status, event),
            Some(StandingOf::Account(account, status)) => change.apply(&self.accounts, (program, account), status, event),
            None => Changed::default(),
        };
        self.on_the_way.fetch_add(came, Ordering::AcqRel);
        self.on_the_way.fetch_sub(went, Ordering::AcqRel);
        if matches!(event.fact.standing(), Some(StandingOf::Cardholder(..))) {
            self.owners_on_the_way.fetch_add(came, Ordering::AcqRel);
            self.owners_on_the_way.fetch_sub(went, Ordering::AcqRel);
        }
    }

    /// Whether any word is on its way to the ledger. Nearly always none is.
    #[must_use]
    pub fn any_on_the_way(&self) -> bool {
        self.on_the_way.load(Ordering::Acquire) > 0
    }

    /// Whether one is that is about a question: its card, its owner, or the account behind it. Where nobody names the owner, it may be
    /// anybody's card.
    #[must_use]
    pub fn on_the_way(&self, program: ProgramId, request: &AuthorizationRequest, account: Option<AccountId>) -> bool {
        self.any_on_the_way()
            && (request.card.is_some_and(|token| is_on_the_way(&self.cards, (program, token)))
                || match request.cardholder {
                    Some(token) => is_on_the_way(&self.cardholders, (program, token)),
                    None => self.owners_on_the_way.load(Ordering::Acquire) > 0,
                }
                || account.is_some_and(|id| is_on_the_way(&self.accounts, (program, id))))
    }

    /// What waits of a card.
    #[must_use]
    pub fn of_card(&self, program: ProgramId, card: CardToken) -> Option<CardStatus> {
        newest(&self.cards, (program, card))
    }

    /// What waits of an account.
    #[must_use]
    pub fn of_account(&self, program: ProgramId, account: AccountId) -> Option<AccountStatus> {
        newest(&self.accounts, (program, account))
    }

    /// What is known of a question, with what the ledger has yet to hear: the graver of the two. When what the ledger knows was told is not
    /// to be seen here, and a word that waits may be an old one that is delivered again: it lifts nothing that the ledger was told.
    #[must_use]
    pub fn over(&self, program: ProgramId, request: &AuthorizationRequest, mut snapshot: Snapshot) -> Snapshot {
        if let Sight::Seen(card) = &mut snapshot.card {
            card.status = graver(card.status, request.card.and_then(|token| newest(&self.cards, (program, token))));
            let owner = request.cardholder.and_then(|token| newest(&self.cardholders, (program, token)));
            card.cardholder = graver(card.cardholder, owner);
        }
        if let Sight::Seen(account) = &mut snapshot.account {
            account.status = graver(account.status, newest(&self.accounts, (program, account.id)));
        }
        snapshot
    }
}

/// What becomes of a word.
#[derive(Debug, Clone, Copy)]
enum Change {
    Waits,
    Heard,
    Aside,
    NeverTold,
}

/// How many words came to be on their way to the ledger, and how many are so no more.
#[derive(Debug, Clone, Copy, Default)]
struct Changed {
    came: usize,
    went: usize,
}

impl Change {
    fn apply<K: Eq + Hash, S: Graded>(self, map: &Map<K, S>, subject: (ProgramId, K), status: S, event: &ToldEvent) -> Changed {
        let (key, at) = (event.key, event.occurred_at);
        if let Change::Waits = self {
            let mut words = map.entry(subject).or_default();
            let went = on_the_way(&words);
            // The same message again says the same, whichever of them is kept, and as late as the first of them.
            let place = words.iter().position(|known| known.key == key && known.way == Way::ToLedger);
            if let Some(known) = place.and_then(|place| words.get_mut(place)) {
                known.times = known.times.saturating_add(1);
            } else {
                let aside = words.iter().find(|known| known.key == key);
                let (times, otherwise) = aside.map_or((0, Otherwise::Gone), |known| (known.times, known.otherwise));
                words.retain(|known| known.key != key);
                words.push(Told { status, key, at, way: Way::ToLedger, times: times.saturating_add(1), otherwise });
            }
            return Changed { came: on_the_way(&words), went };
        }
        let Some(mut words) = map.get_mut(&subject) else { return Changed::default() };
        let went = on_the_way(&words);
        let place = words.iter().position(|known| known.key == key).unwrap_or(words.len());
        let mut places = 0_usize..;
        words.retain(|known| {
            let came_later = places.next().is_some_and(|of_word| of_word > place);
            match self {
                Change::Heard => known.key != key && is_newer((known.at, known.status), (at, status), came_later),
                Change::Aside => {
                    if known.key == key {
                        (known.way, known.times, known.otherwise) = (Way::Aside, 0, Otherwise::Aside);
                    }
                    true
                }
                Change::NeverTold if known.key == key => {
                    known.times = known.times.saturating_sub(1);
                    if known.times == 0 {
                        known.way = Way::Aside;
                    }
                    known.times > 0 || known.otherwise == Otherwise::Aside
                }
                Change::Waits | Change::NeverTold => true,
            }
        });
        let came = on_the_way(&words);
        drop(words);
        map.remove_if(&subject, |_, words| words.is_empty());
        Changed { came, went }
    }
}

fn on_the_way<S>(words: &Words<S>) -> usize {
    words.iter().filter(|word| word.way == Way::ToLedger).count()
}

fn is_on_the_way<K: Eq + Hash, S>(map: &Map<K, S>, subject: (ProgramId, K)) -> bool {
    map.get(&subject).is_some_and(|words| on_the_way(&words) > 0)
}

/// The newest word: the one that no other is newer than.
fn newest<K: Eq + Hash, S: Graded>(map: &Map<K, S>, subject: (ProgramId, K)) -> Option<S> {
    let words = map.get(&subject)?;
    let said = |word: &Told<S>| (word.at, word.status);
    let newest = words.iter().copied().reduce(|one, next| if is_newer(said(&next), said(&one), true) { next } else { one })?;
    Some(newest.status)
}

fn graver<S: Graded>(known: S, waits: Option<S>) -> S {
    waits.filter(|waits| waits.grade() > known.grade()).unwrap_or(known)
}

/// A word: when it was told, by whoever tells it, and what it says.
type Word<S> = (Option<Timestamp>, S);

/// Whether a word is newer than another one, as the ledger has it: of one moment, the one that weighs more. Without a time of its own, one
/// is as new as its arrival. What is closed for good is closed, whenever that was told.
fn is_newer<S: Graded>((at, says): Word<S>, (than, said): Word<S>, came_later: bool) -> bool {
    if says.is_final() != said.is_final() {
        return says.is_final();
    }
    at.zip(than).map_or(came_later, |(at, than)| (at, says.grade(), came_later) > (than, said.grade(), false))
}

/// A status that weighs more or less than another.
trait Graded: Copy {
    fn grade(self) -> u8;

    /// Whether no other word lifts it.
    fn is_final(self) -> bool;
}

impl Graded for CardStatus {
    fn grade(self) -> u8 {
        self.severity()
    }

    fn is_final(self) -> bool {
        CardStatus::is_final(self)
    }
}

impl Graded for CardholderStatus {
    fn grade(self) -> u8 {
        self.severity()
    }

    fn is_final(self) -> bool {
        false
    }
}

impl Graded for AccountStatus {
    fn grade(self) -> u8 {
        self.severity()
    }

    fn is_final(self) -> bool {
        AccountStatus::is_final(self)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::hold::Fact;
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
        assert!(standings.on_the_way(program(), &request, None));
        let others = AuthorizationRequest { card: CardToken::new("other").ok(), ..request };
        assert!(!standings.on_the_way(program(), &others, None));
        standings.set_aside(program(), &freeze);
        assert_eq!((now(), standings.any_on_the_way()), (CardStatus::Frozen, false), "it holds, and nobody waits for it");
        standings.told(program(), &freeze);
        standings.heard(program(), &freeze);
        assert_eq!((now(), standings.any_on_the_way()), (CardStatus::Active, false));
        assert!(standings.cards.is_empty());
    }

    #[test]
    fn a_freeze_that_came_twice_holds_although_one_of_them_was_not_kept() {
        let (standings, request) = (Standings::default(), purchase("k", 1));
        let freeze = told("freeze", Fact::Card { card: request.card.unwrap(), status: CardStatus::Frozen });
        let frozen = || standings.of_card(program(), request.card.unwrap()) == Some(CardStatus::Frozen);
        standings.told(program(), &freeze);
        standings.told(program(), &freeze);
        standings.never_told(program(), &freeze);
        assert!(frozen() && standings.any_on_the_way());
        standings.never_told(program(), &freeze);
        assert!(!frozen() && !standings.any_on_the_way() && standings.cards.is_empty());
        // What was set aside holds on, and nobody waits for it, if it comes again and is not kept.
        standings.told(program(), &freeze);
        standings.set_aside(program(), &freeze);
        standings.told(program(), &freeze);
        assert!(frozen() && standings.any_on_the_way());
        standings.never_told(program(), &freeze);
        assert!(frozen() && !standings.any_on_the_way());
        // Heard once, it is heard.
        standings.told(program(), &freeze);
        standings.told(program(), &freeze);
        standings.heard(program(), &freeze);
        assert!(standings.cards.is_empty() && !standings.any_on_the_way());
    }

    /// Whose card it is that a question names no owner of, nobody knows here: it waits for a word about any owner.
    #[test]
    fn a_question_that_names_no_owner_may_be_of_any_owners_card() {
        let (standings, named) = (Standings::default(), purchase("k", 1));
        let unnamed = AuthorizationRequest { cardholder: None, ..named };
        let owner = |name: &str| CardholderToken::new(name).unwrap();
        let says = |key: &str, name: &str, status| told(key, Fact::Cardholder { cardholder: owner(name), status });
        standings.told(program(), &says("suspended", "one", CardholderStatus::Suspended));
        standings.told(program(), &says("fine", "two", CardholderStatus::Active));
        let on_the_way = |request| standings.on_the_way(program(), request, None);
        assert_eq!((on_the_way(&unnamed), on_the_way(&named)), (true, false));
        standings.heard(program(), &says("suspended", "one", CardholderStatus::Suspended));
        standings.heard(program(), &says("fine", "two", CardholderStatus::Active));
        standings
            .told(program(), &told("card", Fact::Card { card: CardToken::new("other").unwrap(), status: CardStatus::Frozen }));
        assert!(!on_the_way(&unnamed));
    }

    /// What the ledger was told may be newer than a word that waits: one that is delivered again lifts nothing.
    #[test]
    fn a_word_that_waits_lifts_nothing_that_the_ledger_was_told() {
        let (standings, request) = (Standings::default(), purchase("k", 1));
        let active = Fact::Card { card: request.card.unwrap(), status: CardStatus::Active };
        standings.told(program(), &told("resent", active));
        let over = |status| {
            let (cardholder, as_of, used) = (CardholderStatus::Active, Timestamp::EPOCH, Acquaintance::NotKnown);
            let card = CardSight { status, cardholder, as_of, since: None, used };
            card_of(standings.over(program(), &request, Snapshot { card: Sight::Seen(card), ..Snapshot::default() }))
        };
        for status in [CardStatus::Frozen, CardStatus::Lost, CardStatus::Closed] {
            assert_eq!(over(status), status);
        }
        assert_eq!(over(CardStatus::Unactivated), CardStatus::Active, "it is activated");
    }

    #[test]
    fn what_is_closed_is_not_lifted_by_a_newer_word_that_waits_too() {
        let (standings, request) = (Standings::default(), purchase("k", 1));
        let (status, cardholder) = (CardStatus::Active, CardholderStatus::Active);
        let card = CardSight { status, cardholder, as_of: Timestamp::EPOCH, since: None, used: Acquaintance::NotKnown };
        let seen = Snapshot { card: Sight::Seen(card), ..Snapshot::default() };
        for (key, second, status) in [("close", 10, CardStatus::Closed), ("active", 20, CardStatus::Active)] {
            let at = Some(Timestamp::from_unix_micros(second * 1_000_000));
            let says = Fact::Card { card: request.card.unwrap(), status };
            standings.told(program(), &ToldEvent { occurred_at: at, ..told(key, says) });
        }
        assert_eq!(card_of(standings.over(program(), &request, seen)), CardStatus::Closed);
    }

    #[test]
    fn what_the_ledger_never_heard_does_not_outlive_what_it_heard_since() {
        let (standings, request) = (Standings::default(), purchase("k", 1));
        let unactivated = CardSight {
            status: CardStatus::Unactivated,
            cardholder: CardholderStatus::Active,
            as_of: Timestamp::EPOCH,
            since: None,
            used: Acquaintance::NotKnown,
        };
        let seen = Snapshot { card: Sight::Seen(unactivated), ..Snapshot::default() };
        let card = request.card.unwrap();
        let now = || card_of(standings.over(program(), &request, seen));
        // An activation that was set aside, or answered 503.
        standings.told(program(), &told("activation", Fact::Card { card, status: CardStatus::Active }));
        assert_eq!(now(), CardStatus::Active);
        standings.heard(program(), &told("made", Fact::Card { card, status: CardStatus::Unactivated }));
        assert_eq!(now(), CardStatus::Unactivated);
        // What came after the word that was heard still waits.
        for (key, status) in [("one", CardStatus::Frozen), ("two", CardStatus::Active)] {
            standings.told(program(), &told(key, Fact::Card { card, status }));
        }
        standings.heard(program(), &told("one", Fact::Card { card, status: CardStatus::Frozen }));
        assert_eq!(now(), CardStatus::Active);
    }
}
