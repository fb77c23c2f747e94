//! What is told: every fact books what it says, once, in whatever order it comes.

use std::collections::BTreeSet;

use holdfast_core::hold::{
    AccountStatus, CardStatus, CardholderStatus, Fact, Finality, Finding, MovementCause, RecordedOutcome, ReleaseCause, Subject,
    ToldEvent,
};
use holdfast_core::rules::Verdict;
use holdfast_core::{AuthorizationRequest, Basis, Decision, DeclineReason, Posting};

use super::*;
use crate::ledger::{Act, Answer, Decide, RowsEntered};

/// What a fact about a purchase of 600 from 1000 does: what is found, and what is posted and held then.
type Case = (Fact, Option<Finding>, (i64, i64));

/// Facts about the payment of that name; whoever adds a fact adds a case.
fn cases(name: &str) -> Vec<Case> {
    let over_ours = Some(Finding::AdoptedOverOurs);
    let stood_in = RecordedOutcome::ApprovedByStandIn { amount: usd(700), posting: Posting::Hold };
    let release = |cause| Fact::Released { payment: payment(name), cause };
    let (of, amount) = (Some(payment(name)), usd(50));
    vec![
        (recorded(name, RecordedOutcome::Approved { amount: usd(600) }), None, (1_000, 600)),
        (recorded(name, RecordedOutcome::Approved { amount: usd(500) }), over_ours, (1_000, 500)),
        (recorded(name, stood_in), over_ours, (1_000, 700)),
        (recorded(name, RecordedOutcome::Declined), over_ours, (1_000, 0)),
        (reduced(name, 200), None, (1_000, 400)),
        (Fact::Replaced { payment: payment(name), total: usd(250) }, None, (1_000, 250)),
        (Fact::Replaced { payment: payment(name), total: usd(900) }, None, (1_000, 900)),
        (release(ReleaseCause::Reversed), None, (1_000, 0)),
        (release(ReleaseCause::Expired), None, (1_000, 0)),
        (release(ReleaseCause::Operator), None, (1_000, 0)),
        (release(ReleaseCause::Declined), None, (1_000, 0)),
        (release(ReleaseCause::SafetyTimer), Some(Finding::NeverEnded), (1_000, 0)),
        (captured(name, 100, Finality::More), None, (900, 500)),
        (captured(name, 100, Finality::Final), None, (900, 0)),
        (captured(name, 700, Finality::Final), Some(Finding::CapturedAboveAuthorized), (300, 0)),
        (Fact::Captured { payment: None, amount, finality: Finality::Final }, Some(Finding::ForcePosted), (950, 600)),
        (Fact::Completed { payment: payment(name), amount: usd(600) }, None, (400, 0)),
        (Fact::Credited { payment: None, amount, cause: MovementCause::Funding }, None, (1_050, 600)),
        (Fact::Credited { payment: of, amount, cause: MovementCause::NetworkSettlement }, None, (1_050, 600)),
        (Fact::Debited { payment: None, amount, cause: MovementCause::Fee }, None, (950, 600)),
        (Fact::Debited { payment: of, amount, cause: MovementCause::Dispute }, None, (950, 600)),
        (Fact::SettlementAnnounced { total: usd(1_000_000) }, None, (1_000, 600)),
        (card_is(name, CardStatus::Frozen), None, (1_000, 600)),
        (Fact::Cardholder { cardholder: id(name), status: CardholderStatus::Suspended }, None, (1_000, 600)),
        (Fact::Account { account: id(name), status: AccountStatus::Frozen }, None, (1_000, 600)),
    ]
}

/// However it was taken back: whoever may be refused clears no more of it. A platform's word counts all the same.
pub fn of_a_payment_of_ours_that_was_taken_back_nothing_is_cleared(engine: &dyn Engine) {
    let mut house = House::with(engine, 10_000);
    let ours = |house: &House, key: &str, fact| match house.act(Act::TellOurs(origin(), told(key, fact))) {
        Ok(Answer::Decided { decision: Decision::Decline { reason }, .. }) => Some(reason),
        Ok(_) => None,
        Err(error) => panic!("{error:?}"),
    };
    let above = Some(DeclineReason::CaptureAboveAuthorized);
    for (name, back) in [
        ("at-once", vec![released("at-once")]),
        ("its-amount", vec![reduced("its-amount", 900)]),
        ("in-parts", vec![reduced("in-parts", 500), reduced("in-parts", 400)]),
        ("part-and-rest", vec![reduced("part-and-rest", 500), released("part-and-rest")]),
        ("cleared", vec![captured("cleared", 100, Finality::Final)]),
        (
            "cleared-in-parts",
            vec![captured("cleared-in-parts", 50, Finality::More), captured("cleared-in-parts", 50, Finality::Final)],
        ),
        ("cleared-and-rest", vec![captured("cleared-and-rest", 100, Finality::More), released("cleared-and-rest")]),
    ] {
        assert_eq!(house.decide(purchase(name, 900)), approved(900));
        for (number, fact) in back.into_iter().enumerate() {
            assert_eq!(ours(&house, &format!("{name}-{number}"), fact), None, "{name}");
        }
        house.always(|house| {
            assert_eq!(ours(house, &format!("{name}-late"), captured(name, 800, Finality::Final)), above, "{name}")
        });
    }
    assert_eq!(house.balance(), (9_700, 0), "what was cleared before");
    assert_eq!(house.tell("platform", captured("at-once", 900, Finality::Final)), Some(Finding::CapturedAfterEnd));

    let expired = Fact::Released { payment: payment("late"), cause: ReleaseCause::Expired };
    assert_eq!(house.decide(purchase("late", 900)), approved(900));
    assert_eq!(ours(&house, "late-expired", expired), None);
    assert_eq!(ours(&house, "late-cleared", captured("late", 900, Finality::Final)), None, "it was never taken back");
}

/// Which fact it is, and whether the same words without a time are news again.
fn which(fact: &Fact) -> u8 {
    match fact {
        Fact::Recorded { .. } => 1,
        Fact::Reduced { .. } => 2,
        Fact::Replaced { .. } => 3,
        Fact::Released { .. } => 4,
        Fact::Captured { .. } => 5,
        Fact::Completed { .. } => 6,
        Fact::Credited { .. } => 7,
        Fact::Debited { .. } => 8,
        Fact::SettlementAnnounced { .. } => 9,
        Fact::Card { .. } => 10,
        Fact::Cardholder { .. } => 11,
        Fact::Account { .. } => 12,
    }
}

/// A house in which every name has an account, a card, a cardholder and a purchase of 600 from 1000 of its own.
fn house_of(engine: &dyn Engine, names: &[String]) -> House {
    let house = House::empty(engine);
    for name in names {
        house.enter(vec![account(name, 1_000), card(name, name, Some(name))]).unwrap();
        assert_eq!(house.decide(with_card(name, purchase(name, 600))), approved(600));
    }
    house
}

fn of_card(name: &str) -> Subject {
    Subject { card: Some(id(name)), ..Subject::default() }
}

pub fn every_fact_books_what_it_says(engine: &dyn Engine) {
    let names: Vec<String> = (0..cases("n").len()).map(|number| format!("n{number}")).collect();
    let mut house = house_of(engine, &names);
    let of = |number: usize| (names[number].as_str(), cases(&names[number])[number]);
    let tell = |house: &House, number| {
        let (name, (fact, ..)) = of(number);
        found(house.act(Act::Tell(origin(), told_of(of_card(name), name, fact))))
    };
    for number in 0..names.len() {
        let (_, (fact, finding, _)) = of(number);
        assert_eq!(tell(&house, number), finding, "{fact:?}");
    }
    house.always(|house| {
        for number in 0..names.len() {
            let (name, (fact, _, after)) = of(number);
            assert_eq!(tell(house, number), Some(Finding::HeardBefore), "{fact:?}");
            assert_eq!(house.balance_of(name), after, "{fact:?}");
        }
    });
    let facts: BTreeSet<_> = (0..names.len()).map(|number| which(&of(number).1.0)).collect();
    assert_eq!(facts, (1..=12).collect(), "every fact has a case");
}

pub fn what_is_told_of_no_payment_is_said_so(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let unknown = Some(Finding::PaymentUnknown);
    assert_eq!(house.tell("1", reduced("p", 100)), unknown);
    assert_eq!(house.tell("2", Fact::Replaced { payment: payment("q"), total: usd(100) }), unknown);
    assert_eq!(house.tell("3", released("r")), unknown);
    assert_eq!(house.balance(), (1_000, 0));
    assert_eq!(house.tell("4", captured("s", 100, Finality::Final)), Some(Finding::ForcePosted));
    assert_eq!(house.tell("5", Fact::Completed { payment: payment("t"), amount: usd(10) }), Some(Finding::ForcePosted));
    house.always(|house| assert_eq!(house.balance(), (890, 0)));
    assert_eq!(house.decide(purchase("s", 100)), approved(100), "its question comes late");
    house.always(|house| assert_eq!(house.balance(), (890, 0)));
}

pub fn a_message_is_applied_once(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let timed = || Act::Tell(origin(), ToldEvent { occurred_at: Some(ago(30 * 86_400)), ..told("old", load(50)) });
    assert_eq!(house.tell("m", load(50)), None);
    assert_eq!(found(house.act(timed())), None, "however old it is");
    house.always(|house| {
        assert_eq!(house.tell("m", load(50)), Some(Finding::HeardBefore));
        assert_eq!(found(house.act(timed())), Some(Finding::HeardBefore));
        assert_eq!(house.balance(), (1_100, 0));
    });
}

/// Every order of so many things.
fn orders(of: usize) -> Vec<Vec<usize>> {
    let Some(last) = of.checked_sub(1) else { return vec![vec![]] };
    let insert = |order: Vec<usize>, place| {
        let mut order = order;
        order.insert(place, last);
        order
    };
    orders(last).into_iter().flat_map(|order| (0..of).map(move |place| insert(order.clone(), place))).collect()
}

pub fn messages_end_the_same_in_every_order(engine: &dyn Engine) {
    let orders = orders(4);
    let names: Vec<String> = (0..orders.len()).map(|number| format!("n{number}")).collect();
    let mut house = house_of(engine, &names);
    let messages = |name: &str| {
        let advice = Fact::Replaced { payment: payment(name), total: usd(500) };
        [reduced(name, 100), advice, captured(name, 200, Finality::More), released(name)]
    };
    for (name, order) in names.iter().zip(&orders) {
        let message = |number: usize| {
            let event = told_of(of_card(name), &format!("{name}-{number}"), messages(name)[number]);
            Act::Tell(origin(), ToldEvent { occurred_at: Some(later(u64::try_from(number).unwrap())), ..event })
        };
        // All come, and then the first one once more.
        let told: Vec<_> = order.iter().chain(&order[..1]).map(|number| found(house.act(message(*number)))).collect();
        assert_eq!(told.last(), Some(&Some(Finding::HeardBefore)));
    }
    house.always(|house| {
        for (name, order) in names.iter().zip(&orders) {
            assert_eq!(house.balance_of(name), (800, 0), "{order:?}");
        }
        assert_eq!(house.all_of(program()).iter().map(|standing| standing.holds_open).sum::<u64>(), 0);
    });
}

/// A question that is approved, an advice of its payment, and the platform's decline of the question after all: nothing is held, whichever comes
/// first, by arrival or by the platform's time.
pub fn a_total_of_what_was_declined_after_all_holds_nothing(engine: &dyn Engine) {
    let cases: Vec<(Vec<usize>, u64)> = orders(3).into_iter().flat_map(|order| [(order.clone(), 10), (order, 30)]).collect();
    let names: Vec<String> = (0..cases.len()).map(|number| format!("n{number}")).collect();
    let mut house = House::empty(engine);
    for (name, (order, advised)) in names.iter().zip(&cases) {
        house.enter(vec![account(name, 1_000), card(name, name, Some(name))]).unwrap();
        let tells = |house: &House, what: &str, fact, at| {
            let event = told_of(of_card(name), &format!("{name}-{what}"), fact);
            found(house.act(Act::Tell(origin(), ToldEvent { occurred_at: Some(later(at)), ..event })));
        };
        for what in order {
            match what {
                0 => drop(house.decide(with_card(name, purchase(name, 600)))),
                1 => tells(&house, "advice", Fact::Replaced { payment: payment(name), total: usd(700) }, *advised),
                _ => tells(&house, "decline", recorded(name, RecordedOutcome::Declined), 20),
            }
        }
    }
    house.always(|house| {
        for (name, case) in names.iter().zip(&cases) {
            assert_eq!(house.balance_of(name), (1_000, 0), "{case:?}");
            let (heard, _) = house.decide(with_card(name, purchase(name, 600)));
            assert!(matches!(heard, Decision::Decline { .. }), "{case:?}: {heard:?}");
        }
    });
}

pub fn the_platforms_word_changes_what_a_retry_hears(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    assert_eq!(house.decide(purchase("yes", 600)), approved(600));
    assert_eq!(house.decide(purchase("no", 5_000)), declined(NO_FUNDS));
    let stood_in = RecordedOutcome::ApprovedByStandIn { amount: usd(5_000), posting: Posting::Hold };
    house.tell("1", recorded("yes", RecordedOutcome::Declined));
    house.tell("2", recorded("no", stood_in));
    house.always(|house| {
        assert_eq!(house.decide(purchase("yes", 600)), again(declined(DeclineReason::TransactionNotPermitted)));
        assert_eq!(house.decide(purchase("no", 5_000)), again(approved(5_000)));
        assert_eq!(house.balance(), (1_000, 5_000));
    });
}

/// The platform recorded a yes that we did not give, and then another amount: as much is held as it recorded last, and that is said.
pub fn a_retry_of_what_we_declined_hears_what_the_platform_recorded_last(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let stood_in = |minor| RecordedOutcome::ApprovedByStandIn { amount: usd(minor), posting: Posting::Hold };
    assert_eq!(house.decide(purchase("k", 5_000)), declined(NO_FUNDS));
    house.tell("1", recorded("k", stood_in(4_000)));
    assert_eq!(house.decide(purchase("k", 5_000)), again(approved(4_000)));
    house.tell("2", recorded("k", stood_in(4_500)));
    house.always(|house| {
        assert_eq!(house.decide(purchase("k", 5_000)), again(approved(4_500)));
        assert_eq!(house.balance(), (1_000, 4_500), "as much is held as was recorded last");
    });
    // What was taken back is said no more.
    house.tell("3", recorded("k", RecordedOutcome::Declined));
    assert_eq!(house.decide(purchase("k", 5_000)), again(declined(NO_FUNDS)));
}

pub fn the_platforms_word_counts_whichever_came_first(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let refused = |key: &str| {
        let verdict = Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: id("no-casinos") };
        Act::Decide(Decide { verdict, ..asked(purchase(key, 100)) })
    };
    let yes = RecordedOutcome::Approved { amount: usd(100) };
    let no = (Decision::Decline { reason: DeclineReason::MerchantNotAllowed }, Basis::Rule(id("no-casinos")));
    let of_payment =
        |name: &str, outcome| Fact::Recorded { payment: payment(name), asked: id("another-name"), increments: None, outcome };
    // Recorded as approved, of the question and of its payment, before and after it was asked.
    house.tell("1", recorded("q-before", yes));
    house.tell("2", of_payment("p-before", yes));
    for key in ["q-before", "p-before"] {
        assert_eq!(said(house.act(refused(key))), approved(100), "{key}");
    }
    for key in ["q-after", "p-after"] {
        assert_eq!(said(house.act(refused(key))), no, "{key}");
    }
    house.tell("3", recorded("q-after", yes));
    house.tell("4", of_payment("p-after", yes));
    // Approved by us, and declined after all; for the payment's name is all that is told.
    assert_eq!(house.decide(purchase("undone", 100)), approved(100));
    house.tell("5", of_payment("undone", RecordedOutcome::Declined));
    house.always(|house| {
        for key in ["q-before", "p-before", "q-after", "p-after"] {
            assert_eq!(said(house.act(refused(key))), again(approved(100)), "{key}");
        }
        let undone = declined(DeclineReason::TransactionNotPermitted);
        assert_eq!(house.decide(purchase("undone", 100)), again(undone));
        assert_eq!(house.balance(), (1_000, 400));
    });
}

pub fn a_payment_that_was_recorded_under_another_name_holds_what_was_recorded(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    // Each of its names is that of a question; what they share is the transaction.
    let named = |key: &str, transaction: &str| payment(key).with_alias(id(transaction));
    let of =
        |key: &str, transaction: &str, minor| AuthorizationRequest { payment: named(key, transaction), ..purchase(key, minor) };
    let refused = |request: AuthorizationRequest| {
        let verdict = Verdict::Decline { reason: DeclineReason::MerchantNotAllowed, rule: id("no-casinos") };
        Act::Decide(Decide { verdict, ..asked(request) })
    };
    let recorded = |key: &str, transaction: &str| {
        let (payment, outcome) = (named(key, transaction), RecordedOutcome::Approved { amount: usd(18) });
        Fact::Recorded { payment, asked: id(key), increments: None, outcome }
    };
    house.tell("1", recorded("first-1", "approved"));
    assert_eq!(house.decide(of("second-1", "approved", 15)), approved(15));
    house.tell("2", recorded("first-2", "refused"));
    assert_eq!(said(house.act(refused(of("second-2", "refused", 15)))), approved(15));
    assert_eq!(house.decide(of("second-3", "asked", 15)), approved(15));
    house.tell("3", recorded("first-3", "asked"));
    house.always(|house| assert_eq!(house.balance(), (1_000, 54)));
    for (first, transaction) in [("first-1", "approved"), ("first-2", "refused"), ("first-3", "asked")] {
        assert_eq!(house.decide(of(first, transaction, 18)), approved(18), "{transaction}");
    }
    house.always(|house| {
        for (number, transaction) in [(1, "approved"), (2, "refused"), (3, "asked")] {
            let [first, second] = ["first", "second"].map(|which| format!("{which}-{number}"));
            assert_eq!(house.decide(of(&first, transaction, 18)), again(approved(18)), "{transaction}");
            assert_eq!(house.decide(of(&second, transaction, 15)), again(approved(15)), "{transaction}");
        }
        assert_eq!(house.balance(), (1_000, 54));
    });
}

pub fn another_currency_is_kept_and_moves_nothing(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.decide(purchase("p", 100));
    let mismatch = Some(Finding::CurrencyMismatch);
    let (finality, amount) = (Finality::Final, eur(10));
    assert_eq!(house.tell("1", Fact::Captured { payment: Some(payment("p")), amount, finality }), mismatch);
    assert_eq!(house.tell("2", Fact::Captured { payment: None, amount, finality }), mismatch);
    assert_eq!(house.tell("3", Fact::Credited { payment: None, amount, cause: MovementCause::Funding }), mismatch);
    house.always(|house| assert_eq!(house.balance(), (1_000, 100)));
}

/// The key of what moved nothing, because it was in another currency or beyond counting, is left to what can be booked.
pub fn what_could_not_be_booked_counts_when_it_is_sent_again(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.decide(purchase("p", 100));
    let finality = Finality::Final;
    let abroad = Fact::Captured { payment: Some(payment("p")), amount: eur(100), finality };
    house.always(|house| {
        assert_eq!(house.tell("1", abroad), Some(Finding::CurrencyMismatch));
        assert_eq!(house.tell("2", load(i64::MAX)), Some(Finding::AmountTooLarge));
        assert_eq!(house.balance(), (1_000, 100));
    });
    assert_eq!(house.tell("1", captured("p", 100, finality)), None);
    assert_eq!(house.tell("2", load(50)), None);
    house.always(|house| {
        assert_eq!(house.tell("1", captured("p", 100, finality)), Some(Finding::HeardBefore));
        assert_eq!(house.tell("1", abroad), Some(Finding::Conflict));
        assert_eq!(house.tell("2", load(50)), Some(Finding::HeardBefore));
        assert_eq!(house.balance(), (950, 0));
    });
}

pub fn a_known_key_with_another_amount_is_a_conflict_and_moves_nothing(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.decide(purchase("p", 600));
    assert_eq!(house.tell("1", captured("p", 200, Finality::More)), None);
    house.always(|house| {
        assert_eq!(house.tell("1", captured("p", 200, Finality::More)), Some(Finding::HeardBefore));
        assert_eq!(house.tell("1", captured("p", 201, Finality::More)), Some(Finding::Conflict));
        assert_eq!(house.tell("1", released("p")), Some(Finding::Conflict), "it says something else altogether");
        assert_eq!(house.balance(), (800, 400));
    });
}

/// Nothing of it is booked besides: which of the two payments it is of is for somebody to find out.
pub fn a_known_key_of_another_payment_is_a_conflict_and_moves_nothing(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.decide(purchase("p", 300));
    house.decide(purchase("q", 300));
    let capture = |payment: &str| captured(payment, 200, Finality::More);
    assert_eq!(house.tell("1", capture("p")), None);
    house.always(|house| {
        assert_eq!(house.tell("1", capture("q")), Some(Finding::Conflict));
        assert_eq!(house.tell("1", capture("nobody's")), Some(Finding::Conflict));
        assert_eq!(house.tell("1", capture("p")), Some(Finding::HeardBefore));
        assert_eq!(house.balance(), (800, 400));
    });
}

pub fn a_known_key_that_was_no_payments_is_a_conflict_too(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    let (finality, cause) = (Finality::Final, MovementCause::Fee);
    let facts = |minor| {
        [
            ("load", load(minor)),
            ("force post", Fact::Captured { payment: None, amount: usd(minor), finality }),
            ("fee", Fact::Debited { payment: None, amount: usd(minor), cause }),
            ("settlement", Fact::SettlementAnnounced { total: usd(minor) }),
        ]
    };
    for (key, fact) in facts(100) {
        house.tell(key, fact);
    }
    house.tell("card", card_is("c", CardStatus::Frozen));
    house.always(|house| {
        for ((key, same), (_, other)) in facts(100).into_iter().zip(facts(101)) {
            assert_eq!(house.tell(key, same), Some(Finding::HeardBefore), "{key}");
            assert_eq!(house.tell(key, other), Some(Finding::Conflict), "{key}");
        }
        assert_eq!(house.tell("load", Fact::Debited { payment: None, amount: usd(100), cause }), Some(Finding::Conflict));
        // Linked to a payment by now, it is the same money.
        assert_eq!(house.tell("force post", captured("p", 100, finality)), Some(Finding::HeardBefore));
        assert_eq!(house.tell("card", card_is("c", CardStatus::Active)), Some(Finding::Conflict));
        assert_eq!(house.decide(purchase("barred", 1)).0, Decision::Decline { reason: DeclineReason::CardFrozen });
        assert_eq!(house.balance(), (900, 0));
    });
}

pub fn amounts_beyond_counting_are_kept_and_move_nothing(engine: &dyn Engine) {
    let mut house = House::with(engine, 1_000);
    house.decide(purchase("p", 100));
    let too_large = Some(Finding::AmountTooLarge);
    let facts = [load(i64::MAX), load(-1), captured("p", -1, Finality::More), reduced("p", -1)];
    for (key, fact) in ["1", "2", "3", "4"].into_iter().zip(facts) {
        assert_eq!(house.tell(key, fact), too_large, "{fact:?}");
    }
    assert_eq!(house.tell("5", captured("p", i64::MAX, Finality::More)), Some(Finding::CapturedAboveAuthorized));
    assert_eq!(house.tell("6", captured("p", i64::MAX, Finality::More)), too_large);
    house.always(|house| assert_eq!(house.balance(), (1_000 - i64::MAX, 0)));
}

pub fn an_unknown_card_means_its_owners_only_account(engine: &dyn Engine) {
    let house = House::with(engine, 10_000);
    let subject = Subject { account: None, card: Some(id("a-new-card")), cardholder: Some(id("h")) };
    let fact = Fact::Captured { payment: None, amount: usd(700), finality: Finality::Final };
    assert_eq!(found(house.act(Act::Tell(origin(), told_of(subject, "1", fact)))), Some(Finding::ForcePosted));
    assert_eq!(house.balance(), (9_300, 0));
}

pub fn what_led_nowhere_counts_when_it_is_sent_again(engine: &dyn Engine) {
    let mut house = House::with(engine, 10_000);
    let subject = Subject { account: None, card: Some(id("nobodys")), cardholder: Some(id("nobody")) };
    let fact = Fact::Captured { payment: None, amount: usd(700), finality: Finality::Final };
    let tell = |house: &House| found(house.act(Act::Tell(origin(), told_of(subject, "1", fact))));
    house.always(|house| assert_eq!(tell(house), Some(Finding::AccountUnknown)));
    assert_eq!(
        house.enter(vec![card("nobodys", "a", None)]),
        Ok(Answer::Entered(RowsEntered { accounts: 0, cards: 1, cards_moved: 0, bars_kept: 0 }))
    );
    assert_eq!(tell(&house), Some(Finding::ForcePosted));
    house.always(|house| {
        assert_eq!(tell(house), Some(Finding::HeardBefore));
        assert_eq!(house.balance(), (9_300, 0));
    });
}
