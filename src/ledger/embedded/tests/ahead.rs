//! What is seen ahead is what is seen once it was heard: whatever waits, in whatever order, and however much of it the ledger has heard
//! before.

use holdfast_core::hold::{Fact, Finality, MovementCause, RecordedOutcome, ReleaseCause, Subject, ToldAnswer, ToldEvent};
use holdfast_core::{AuthorizationKind, AuthorizationRequest, DeclineReason, Merchant, PaymentRef, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::journal::MemoryDisk;
use crate::ledger::conformance;
use crate::ledger::embedded::ahead::Copied;
use crate::ledger::embedded::engine::{Engine, Performed, Warmth};
use crate::ledger::embedded::state::GoneNames;
use crate::ledger::embedded::window::AsOf;
use crate::ledger::sight::{Ahead, LeftOut, ToHear};

/// Two accounts, one of which has two cards.
fn house() -> Engine {
    let mut engine = Engine::new(Box::new(MemoryDisk::new().open(Sync::Full).unwrap()), Box::new(State::small((1, 2))));
    engine.gone_before(GoneNames::default());
    let rows = vec![
        account("a", 1_000),
        account("b", 1_000),
        card("c", "a", Some("h")),
        card("d", "a", Some("h")),
        card("e", "b", Some("i")),
    ];
    attend(&mut engine, &Act::Enter(origin(), rows));
    engine
}

fn attend(engine: &mut Engine, act: &Act) {
    match engine.attend(act, &clock::now(), Warmth::Unknown) {
        Performed::Now(_) | Performed::OnceDurable(_) => {}
        Performed::Cold(need) => panic!("{need:?}"),
    }
    engine.commit().unwrap();
}

/// From here on questions are of the second account's card. A name that several accounts' payments have leads to the latest.
const OF_THE_SECOND: u8 = 7;

fn named(question: u8) -> PaymentRef {
    let number = match question {
        0 | 3 | 6 => 0,
        1 | 4 => 1,
        2 | 5 => 2,
        _ => 3,
    };
    // Some have two names, of which a message may say one.
    match number {
        0 => payment("p0"),
        number => PaymentRef::of(id(&format!("p{number}"))).with_alias(id(&format!("alias-{number}"))),
    }
}

fn any_payment() -> impl Strategy<Value = PaymentRef> {
    (0..9_u8, any::<bool>()).prop_map(|(question, by_one)| {
        let named = named(question);
        if by_one { PaymentRef::of(named.authorization) } else { named }
    })
}

/// One of nine questions, of four payments.
fn question() -> impl Strategy<Value = AuthorizationRequest> {
    let kind = prop_oneof![6 => Just(AuthorizationKind::Purchase), 4 => Just(AuthorizationKind::Incremental), 1 => select(&AuthorizationKind::ALL)];
    let merchant = select(vec![None, Some("grocer"), Some("baker")]);
    (0_u8..9, kind, 0_i64..400, select(vec!["c", "c", "d"]), merchant).prop_map(|(number, kind, minor, with, merchant)| {
        let request = AuthorizationRequest {
            kind,
            merchant: Merchant { id: merchant.map(id), ..Merchant::default() },
            payment: named(number),
            increments: (kind == AuthorizationKind::Incremental).then(|| named(number)),
            ..purchase(&format!("k{number}"), minor)
        };
        with_card(if number < OF_THE_SECOND { with } else { "e" }, request)
    })
}

fn fact() -> impl Strategy<Value = Fact> {
    let outcome = prop_oneof![
        2 => (0_i64..400).prop_map(|minor| RecordedOutcome::Approved { amount: usd(minor) }),
        1 => Just(RecordedOutcome::Declined)
    ];
    let word = (0_u8..9, any::<bool>(), outcome).prop_map(|(number, adds, outcome)| Fact::Recorded {
        payment: named(number),
        asked: id(&format!("k{number}")),
        increments: adds.then(|| named(number)),
        outcome,
    });
    let amount = || (0_i64..400).prop_map(usd);
    let finality = select(vec![Finality::Final, Finality::More]);
    let cause = || select(vec![MovementCause::NetworkSettlement, MovementCause::Funding, MovementCause::Fee]);
    let maybe = || prop::option::of(any_payment());
    prop_oneof![
        4 => word,
        2 => (any_payment(), amount()).prop_map(|(payment, by)| Fact::Reduced { payment, by, original: None }),
        2 => (any_payment(), amount()).prop_map(|(payment, total)| Fact::Replaced { payment, total }),
        2 => any_payment().prop_map(|payment| Fact::Released { payment, cause: ReleaseCause::Reversed }),
        4 => (maybe(), amount(), finality)
            .prop_map(|(payment, amount, finality)| Fact::Captured { payment, amount, finality }),
        1 => (maybe(), amount(), cause()).prop_map(|(payment, amount, cause)| Fact::Credited { payment, amount, cause }),
        1 => (maybe(), amount(), cause()).prop_map(|(payment, amount, cause)| Fact::Debited { payment, amount, cause }),
    ]
}

/// Answers and messages; each message has a key of its own, and some come twice.
fn to_hear() -> impl Strategy<Value = Vec<ToHear>> {
    let answered = prop_oneof![
        4 => (0_i64..400).prop_map(|minor| ToldAnswer::Approved { amount: usd(minor) }),
        1 => Just(ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable })
    ];
    let answer = (question(), answered).prop_map(|(request, answered)| ToHear::Answer(Box::new(adoption(request, answered))));
    let whose = select(vec![Some("c"), Some("d"), None]);
    let event = (0_u8..20, fact(), whose, 990_i64..1_010).prop_map(|(number, fact, card, at)| {
        // A message names the payment's own account, if any.
        let is_the_seconds = fact.payments().0.is_some_and(|payment| payment.authorization == named(OF_THE_SECOND).authorization);
        let subject = Subject { card: card.map(|card| id(if is_the_seconds { "e" } else { card })), ..Subject::default() };
        let occurred_at = Some(Timestamp::from_unix_seconds(at));
        let event = ToldEvent { occurred_at, subject, ..told(&format!("m{number}"), fact) };
        ToHear::Fact(origin(), Box::new(event))
    });
    vec(prop_oneof![2 => answer, 5 => event], 0..10)
}

fn seen(engine: &Engine, request: &AuthorizationRequest) -> Ahead {
    let as_of = AsOf::durable(Timestamp::from_unix_seconds(2_000));
    Ahead::of(&engine.state().seen(&origin(), request, as_of), LeftOut::default())
}

fn ahead(engine: &Engine, to_hear: &[ToHear], request: &AuthorizationRequest) -> Ahead {
    let as_of = AsOf::durable(Timestamp::from_unix_seconds(2_000));
    Copied::of(engine.state(), to_hear, &origin(), request).ahead(to_hear, &origin(), request, as_of)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("HOLDFAST_TEST_ALL").is_some() { 20_000 } else { 2_000 }))]

    #[test]
    fn what_is_seen_ahead_is_what_is_seen_once_it_was_heard(
        decided in vec(question(), 0..4), all in to_hear(), heard in 0_usize..10, waits in 0_usize..10, asked in question()
    ) {
        let mut engine = house();
        for request in decided {
            attend(&mut engine, &Act::Decide(conformance::asked(request)));
        }
        let hear = |engine: &mut Engine, some: &[ToHear]| some.iter().for_each(|one| attend(engine, &one.act()));
        let heard = heard.min(all.len());
        hear(&mut engine, &all[..heard]);
        let before = seen(&engine, &asked);
        // What waits may have been heard a moment ago, and is heard once more.
        let to_hear = &all[waits.min(heard)..];
        let foreseen = ahead(&engine, to_hear, &asked);
        prop_assert_eq!(seen(&engine, &asked), before, "a look changes nothing");
        hear(&mut engine, to_hear);
        prop_assert_eq!(foreseen, seen(&engine, &asked));
    }
}
