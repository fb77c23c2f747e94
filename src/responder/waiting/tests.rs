//! What waits of whom, in its order, and for how long.

use holdfast_core::hold::{CardStatus, Fact, MovementCause};
use holdfast_core::{Basis, DeclineReason, StandInCause, Timestamp};

use super::*;
use crate::fixture::{origin, program, purchase, told, usd};

fn account(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn debit(key: &str) -> ToldEvent {
    told(key, Fact::Debited { payment: None, amount: usd(5), cause: MovementCause::NetworkSettlement })
}

fn fact(event: ToldEvent) -> Entry {
    Entry::Fact(origin(), Box::new(event))
}

fn answer(key: &str, told: ToldAnswer) -> Entry {
    let request = purchase(key, 100);
    let adopt = Adopt {
        origin: origin(),
        request,
        digest: request.content_digest(),
        verdict: None,
        told,
        basis: Basis::StandIn(StandInCause::LedgerUnavailable),
        governed: None,
        received_at: Timestamp::EPOCH,
        slip: None,
    };
    Entry::Told(Box::new(adopt), Some(account("a")))
}

const NO: ToldAnswer = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };

impl Waiting {
    /// A message that is durable.
    fn has(&self, event: &ToldEvent, account: Option<AccountId>) {
        self.waits(&origin(), event, account);
        self.is_durable(&origin(), event);
    }
}

/// The keys of what waits of an account, in their order.
fn keys(waiting: &Waiting, name: &str) -> Vec<String> {
    let key = |one: &ToHear| match one {
        ToHear::Answer(adopt) => adopt.request.key.to_string(),
        ToHear::Fact(_, event) => event.key.to_string(),
    };
    waiting.of(program(), account(name)).to_hear.iter().map(key).collect()
}

#[test]
fn an_account_is_waited_for_until_every_message_about_it_is_heard_or_was_never_acknowledged() {
    let (waiting, of) = (Waiting::default(), |name: &str| Some(account(name)));
    let concerned = || (waiting.concern(program(), of("a")), waiting.concern(program(), of("b")));
    waiting.has(&debit("1"), of("a"));
    waiting.has(&debit("2"), of("a"));
    assert_eq!((concerned(), waiting.any_of(program())), ((true, false), true));
    assert!(waiting.concern(program(), None), "whose account is not seen may be this one's");
    // It came twice, and one time was not acknowledged: the other one counts.
    waiting.waits(&origin(), &debit("1"), None);
    waiting.never_kept(&origin(), &debit("1"));
    waiting.gone(&fact(debit("2")));
    waiting.gone(&fact(debit("2")));
    assert_eq!((concerned(), keys(&waiting, "a")), ((true, false), vec!["1".to_owned()]));
    waiting.waits(&origin(), &debit("1"), of("a"));
    waiting.is_brought(&fact(debit("1")));
    waiting.never_kept(&origin(), &debit("1"));
    assert_eq!(concerned(), (true, false), "set aside once, and once it waits");
    waiting.gone(&fact(debit("1")));
    assert_eq!((concerned(), waiting.any()), ((false, false), false));
    // What is told of a card is about nobody's money.
    let card = purchase("k", 1).card.unwrap();
    waiting.waits(&origin(), &told("frozen", Fact::Card { card, status: CardStatus::Frozen }), None);
    assert!(waiting.places.is_empty() && waiting.of.is_empty());
}

#[test]
fn what_waits_of_an_account_is_in_the_order_in_which_it_came() {
    let waiting = Waiting::default();
    let yes = answer("yes", ToldAnswer::Approved { amount: usd(100) });
    waiting.has(&debit("1"), Some(account("a")));
    let said = waiting.says(&yes).unwrap();
    waiting.has(&debit("2"), None);
    waiting.has(&debit("3"), Some(account("b")));
    let _ = waiting.says(&answer("no", NO));
    assert_eq!(keys(&waiting, "a"), ["1", "yes", "2", "no"]);
    assert_eq!(keys(&waiting, "b"), ["2", "3"], "a message of nobody knows whose money may be about any account");
    let approved = |waiting: &Waiting| waiting.of(program(), account("a")).approved;
    assert_eq!(approved(&waiting).iter().map(|(_, minor)| *minor).collect::<Vec<_>>(), [100]);
    assert_eq!(waiting.opened().of(&origin(), &purchase("yes", 1).payment).map(|opened| opened.account), Some(account("a")));
    assert!(waiting.opened().of(&origin(), &purchase("no", 1).payment).is_none());
    waiting.belongs(&origin(), &debit("2"), account("a"));
    assert_eq!((keys(&waiting, "a").len(), keys(&waiting, "b")), (4, vec!["3".to_owned()]));
    waiting.unsays(&said, &yes);
    assert_eq!((approved(&waiting), keys(&waiting, "a")), (vec![], ["1", "2", "no"].map(str::to_owned).to_vec()));
    assert!(waiting.opened().of(&origin(), &purchase("yes", 1).payment).is_none());
    [fact(debit("1")), fact(debit("2")), fact(debit("3")), answer("no", NO)].iter().for_each(|entry| waiting.gone(entry));
    assert!(waiting.places.is_empty() && waiting.of.is_empty() && !waiting.any());
}

/// What may be answered 503 yet takes what it may, and nobody goes by what it says; once it is durable it stays so, also if it comes once more.
#[test]
fn a_message_that_is_not_durable_takes_and_decides_nothing() {
    let (waiting, a) = (Waiting::default(), Some(account("a")));
    let of_a = || {
        let of = waiting.of(program(), account("a"));
        (of.to_hear.len(), of.left_out.count, of.left_out.takes)
    };
    for _ in 0..2 {
        waiting.waits(&origin(), &debit("1"), a);
        assert_eq!(of_a(), (0, 1, 5));
        waiting.never_kept(&origin(), &debit("1"));
        assert_eq!(of_a(), (0, 0, 0));
    }
    waiting.waits(&origin(), &debit("1"), None);
    waiting.belongs(&origin(), &debit("1"), account("a"));
    assert_eq!(of_a(), (0, 1, 5), "whosever it is");
    waiting.is_durable(&origin(), &debit("1"));
    waiting.waits(&origin(), &debit("1"), a);
    waiting.never_kept(&origin(), &debit("1"));
    assert_eq!(of_a(), (1, 0, 0));
}

/// Nobody looks at more than is looked at in a moment: what it may come to is told instead.
#[test]
fn of_more_than_can_be_looked_at_it_is_told_how_much_it_may_take() {
    let waiting = Waiting::default();
    for number in 0..=LISTED_MAX {
        waiting.has(&debit(&format!("a-{number}")), Some(account("a")));
    }
    for number in 0..=NOBODYS_MAX {
        waiting.has(&debit(&format!("nobody's-{number}")), None);
    }
    let (of_a, of_b) = (waiting.of(program(), account("a")), waiting.of(program(), account("b")));
    let nobodys = LeftOut { count: NOBODYS_MAX + 1, takes: 5 * 65 };
    assert_eq!((of_b.to_hear.len(), of_b.left_out), (0, nobodys));
    assert_eq!((of_a.to_hear.len(), of_a.left_out), (0, nobodys.and(LeftOut { count: LISTED_MAX + 1, takes: 5 * 257 })));
    // A few at a time it is seen whose they are.
    assert_eq!(waiting.nobodys(program()).len(), NOBODYS_MAX);
    waiting.gone(&fact(debit("a-0")));
    assert_eq!(waiting.of(program(), account("a")).to_hear.len(), LISTED_MAX);
}
