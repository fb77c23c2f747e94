//! Stories of a real ledger's journal: found by every name, told to the end, and never mixed up.

use std::sync::Arc;

use arrayvec::ArrayVec;
use holdfast_adapters::DecisionReference;
use holdfast_core::hold::*;
use holdfast_core::rules::{HoldPolicy, Proceed, Verdict, Ways};
use holdfast_core::*;

use super::*;
use crate::config::ruleset::read_kept;
use crate::fixture::{House, origin, payment, program, purchase, usd};
use crate::journal::{KeptKind, KeptRuleset, Operation, Reader};
use crate::ledger::{Act, Adopt, Answer, Noted};

fn sought(name: &str) -> Sought {
    Sought { name: name.to_owned(), program: None, platform: None, hold: None }
}

fn story(reader: &Reader, name: &str) -> Story {
    let payment = find(reader, &sought(name), &mut |_, _, _| {}).unwrap();
    tell(reader, payment, &mut |_, _, _| {}).unwrap()
}

fn captured(name: &str, minor: i64) -> Fact {
    Fact::Captured { payment: Some(payment(name)), amount: usd(minor), finality: Finality::Final }
}

/// A payment that was asked, reversed in part, cleared late and refunded, between others; with another name.
fn told_to_the_end() -> (House, Reader) {
    let mut house = House::with(100_000);
    house.ask(purchase("before", 5000));
    let alias = AuthorizationId::new("the-alias").unwrap();
    let named = AuthorizationRequest { payment: payment("tx-one").with_alias(alias), ..purchase("one", 2735) };
    house.ask(named);
    house.tell("reversal", Fact::Reduced { payment: payment("tx-one"), by: usd(735), original: None });
    house.tell("other", captured("tx-before", 5000));
    let by_alias = Some(PaymentRef::by_alias(alias));
    house.tell("clearing", Fact::Captured { payment: by_alias, amount: usd(2500), finality: Finality::Final });
    let cause = MovementCause::NetworkSettlement;
    house.tell("refund", Fact::Credited { payment: Some(payment("tx-one")), amount: usd(500), cause });
    let reader = house.stop();
    (house, reader)
}

#[test]
fn a_payment_is_found_by_each_of_its_names() {
    let (_house, reader) = told_to_the_end();
    let platform = PlatformName::new("marqeta").unwrap();
    let reference = DecisionReference::of(&program(), &platform, &IdempotencyKey::new("one").unwrap()).to_string();
    for name in ["tx-one", "the-alias", "one", "reversal", "refund", &reference] {
        let story = story(&reader, name);
        assert_eq!(story.moments.iter().map(|moment| moment.number).collect::<Vec<_>>(), [5, 6, 8, 9], "{name}");
    }
    let unknown = find(&reader, &sought("tx-two"), &mut |_, _, _| {}).unwrap_err().to_string();
    assert!(unknown.starts_with("no record of the journal knows `tx-two`"), "{unknown}");
    let elsewhere = Sought { program: ProgramId::new("other").ok(), ..sought("tx-one") };
    let elsewhere = find(&reader, &elsewhere, &mut |_, _, _| {}).unwrap_err().to_string();
    assert_eq!(elsewhere, "--program: nothing in the journal is of a program `other`");
}

#[test]
fn a_story_says_who_what_why_and_what_became_of_it() {
    let (_house, reader) = told_to_the_end();
    let story = story(&reader, "tx-one");
    let words = words::of(&story);
    for line in [
        "a purchase of 27.35 USD with card c of cardholder h, at a merchant of category 5411 in USA (acceptor mid-1), by chip, \
         over VISA.",
        "had nothing against it, up to 27.35 USD.",
        "  Limit card-daily (What a card spends in a day; at most 500.00 USD and 20 transactions per card and day in \
         America/New_York): 50.00 USD of 500.00 USD were used before, 450.00 USD remained; 1 of 20 transactions were counted \
         before, 19 remained.",
        "  The card was active.",
        "  Account a was active and had 1000.00 USD posted, 50.00 USD held, 950.00 USD available.",
        "  Answered: approved for 27.35 USD, by the ledger, on standing and funds.",
        "  It is held until ",
        "  Posted 0.00 USD, held +27.35 USD; after it 1000.00 USD posted, 77.35 USD held, 922.65 USD available.",
        "  marqeta reversed 7.35 USD of it.",
        "  Posted 0.00 USD, held -7.35 USD; after it 1000.00 USD posted, 70.00 USD held, 930.00 USD available.",
        "  marqeta cleared 25.00 USD, the last time.",
        "  It is more than was authorized and tolerated; it posts in full all the same.",
        "  Posted -25.00 USD, held -20.00 USD; after it 925.00 USD posted, 0.00 USD held, 925.00 USD available.",
        "  marqeta refunded 5.00 USD.",
        "  The payment is captured: 20.00 USD authorized, 0.00 USD held, 25.00 USD captured, 5.00 USD refunded.",
        "  Account a is active and has 930.00 USD posted, 0.00 USD held, 930.00 USD available.",
    ] {
        assert!(words.contains(line), "{line}\n---\n{words}");
    }
    assert!(!words.to_lowercase().contains("grocery"));
    let object = json::of(&story);
    assert_eq!(object["moments"].as_array().unwrap().len(), 4);
    assert_eq!(object["moments"][0]["before"]["account"]["available"], 95_000);
    assert_eq!(object["moments"][0]["verdict"]["limits"][0]["amount_used"], 5000);
    assert_eq!(object["now"]["payment"]["captured"], 2500);
}

#[test]
fn what_was_posted_without_a_hold_or_at_once_is_told() {
    let mut house = House::with(100_000);
    house.tell("forced", Fact::Captured { payment: None, amount: usd(321), finality: Finality::Final });
    house.ask(AuthorizationRequest { posting: Posting::Immediate, ..purchase("pin", 700) });
    let cause = MovementCause::NetworkSettlement;
    house.tell("back", Fact::Credited { payment: Some(payment("tx-none")), amount: usd(100), cause });
    let reader = house.stop();
    let (forced, pin) = (story(&reader, "forced"), story(&reader, "tx-pin"));
    let (told, line) = (words::of(&forced), "  Nothing is held for it; -3.21 USD was posted in all.");
    assert!(told.contains(line), "{told}");
    assert_eq!(json::of(&forced)["now"]["posted"], -321);
    let (told, line) =
        (words::of(&pin), "0.00 USD held, 7.00 USD debited at its decision and not completed yet, 0.00 USD captured");
    assert!(told.contains(line), "{told}");
    assert_eq!(json::of(&pin)["now"]["payment"]["debited"], 700);
    // Of what nobody authorized only what was posted says what was moved.
    let told = words::of(&story(&reader, "tx-none"));
    assert!(told.contains("1.00 USD refunded. +1.00 USD was posted in all."), "{told}");
}

#[test]
fn what_nobody_asked_us_about_differs_from_nothing_of_ours() {
    let mut house = House::with(100_000);
    let stood_in = |tx: &str, minor| Fact::Recorded {
        payment: payment(tx),
        asked: IdempotencyKey::new(tx).unwrap(),
        increments: None,
        outcome: RecordedOutcome::ApprovedByStandIn { amount: usd(minor), posting: Posting::Hold },
    };
    house.tell("alone", stood_in("tx-alone", 700));
    let betting = Merchant { mcc: MerchantCategoryCode::from_number(7995), ..Merchant::default() };
    house.ask(AuthorizationRequest { merchant: betting, ..purchase("declined", 500) });
    house.tell("after", stood_in("tx-declined", 500));
    let reader = house.stop();
    let (ours, nobodys) = (
        "The platform's word differs from ours, and counts.",
        "No question about it had reached us before: the platform's word counts.",
    );
    for (name, line, not) in [("tx-alone", nobodys, ours), ("tx-declined", ours, nobodys)] {
        let words = words::of(&story(&reader, name));
        assert!(words.contains(line) && !words.contains(not), "{name}: {line}\n---\n{words}");
    }
}

#[test]
fn an_increment_differs_from_no_other_one() {
    let own = |name: &str, transaction: &str| payment(name).with_alias(AuthorizationId::new(transaction).unwrap());
    let recorded = |asked: &str, transaction: &str| Fact::Recorded {
        payment: own(asked, transaction),
        asked: IdempotencyKey::new(asked).unwrap(),
        increments: Some(payment("tx-opening")),
        outcome: RecordedOutcome::Approved { amount: usd(150) },
    };
    let (ours, nobodys) = (
        "The platform's word differs from ours, and counts.",
        "No question about it had reached us before: the platform's word counts.",
    );
    for (asked, transaction, line, not) in
        [("first", "one", ours, nobodys), ("first again", "one", ours, nobodys), ("second", "two", nobodys, ours)]
    {
        let mut house = House::with(100_000);
        house.ask(purchase("opening", 500));
        house.ask(AuthorizationRequest {
            kind: AuthorizationKind::Incremental,
            payment: own("first", "one"),
            increments: Some(payment("tx-opening")),
            ..purchase("first", 100)
        });
        house.tell("word", recorded(asked, transaction));
        let words = words::of(&story(&house.stop(), "tx-opening"));
        assert!(words.contains(line) && !words.contains(not), "{asked}: {line}\n---\n{words}");
    }
}

#[test]
fn declines_name_their_rule_limit_or_standing() {
    let mut house = House::with(1_000_000);
    let betting = Merchant { mcc: MerchantCategoryCode::from_number(7995), ..Merchant::default() };
    house.ask(AuthorizationRequest { merchant: betting, ..purchase("betting", 500) });
    house.ask(purchase("beyond", 60_000));
    house.tell("freeze", Fact::Card { card: CardToken::new("c").unwrap(), status: CardStatus::Frozen });
    house.ask(purchase("frozen", 100));
    house.ask(AuthorizationRequest { card: CardToken::new("unknown").ok(), ..purchase("unknown", 5) });
    let reader = house.stop();
    for (name, lines) in [
        ("tx-betting", vec!["said no: merchant category not allowed, by rule no-gambling (No betting; declines MCC 7995)."]),
        ("tx-beyond", vec!["Answered: declined: amount limit reached, by limit card-daily (What a card spends in a day;"]),
        ("tx-frozen", vec!["The card was frozen.", "Answered: declined: card frozen, by the ledger", "No money moved."]),
        (
            "tx-unknown",
            vec![
                "The card was not known, or not as one of whom was named.",
                "There was no account behind it.",
                "declined: card unknown",
            ],
        ),
    ] {
        let words = words::of(&story(&reader, name));
        for line in lines {
            assert!(words.contains(line), "{name}: {line}\n---\n{words}");
        }
        assert!(words.contains("Nothing is held or was posted for it."), "{words}");
    }
}

/// Rules in an order in which one on trial stands before those that decline, and one behind them.
const ON_TRIAL: &str = r#"
currency = "USD"
[[rule]]
id = "chip-trial"
description = "Would we miss chips?"
enforcement = "observe"
entry_mode = { deny = ["chip"] }
reason = "suspected_fraud"
[[rule]]
id = "no-gambling"
mcc = { deny = ["7995"] }
[[rule]]
id = "little"
amount = { max = "10.00" }
[[rule]]
id = "large-trial"
enforcement = "observe"
amount = { max = "20.00" }
"#;

#[test]
fn rules_on_trial_and_those_behind_the_one_that_declined_are_named() {
    let mut house = House::with(100_000);
    house.ruleset = Arc::new(read_kept("rules", ON_TRIAL, program()).unwrap());
    let kept = KeptRuleset {
        kind: KeptKind::Rules,
        hash: *house.ruleset.hash().as_bytes(),
        program: program().to_string(),
        source: ON_TRIAL.to_owned(),
        published_at: crate::clock::utc(),
        published_by: "ann".to_owned(),
        why: "to see".to_owned(),
    };
    house.act(Act::Publish(Box::new(kept), None));
    let betting = Merchant { mcc: MerchantCategoryCode::from_number(7995), ..Merchant::default() };
    house.ask(AuthorizationRequest { merchant: betting, ..purchase("betting", 5000) });
    house.ask(purchase("fine", 500));
    house.ask(AuthorizationRequest { entry_mode: EntryMode::Keyed, ..purchase("keyed", 500) });
    let reader = house.stop();
    let chips = "  On trial, and would have said no: suspected fraud, by rule chip-trial (Would we miss chips?; on trial, would decline \
                 entry mode chip, as suspected_fraud).\n";
    let told = words::of(&story(&reader, "tx-betting"));
    let besides = "  Would have said no, too: amount above maximum, by rule little (declines amounts above 10.00 USD).\n  On trial, and \
                   would have said no: amount above maximum, by rule large-trial (on trial, would decline amounts above 20.00 USD).\n";
    assert!(told.contains(&format!("by rule no-gambling (declines MCC 7995).\n{chips}{besides}")), "{told}");
    let object = json::of(&story(&reader, "tx-betting"));
    let matched = object["moments"][0]["matched"].as_array().unwrap();
    let listed: Vec<_> =
        matched.iter().map(|found| (found["rule"].as_str().unwrap(), found["enforcement"].as_str().unwrap())).collect();
    let all = [("chip-trial", "Observe"), ("no-gambling", "Enforce"), ("little", "Enforce"), ("large-trial", "Observe")];
    assert_eq!(listed, all);
    assert_eq!((&matched[0]["reason"], &matched[0]["description"]), (&"suspected_fraud".into(), &"Would we miss chips?".into()));

    let told = words::of(&story(&reader, "tx-fine"));
    assert!(told.contains(&format!("had nothing against it, up to 5.00 USD.\n{chips}")) && !told.contains(", too:"), "{told}");
    assert_eq!(json::of(&story(&reader, "tx-fine"))["moments"][0]["matched"].as_array().unwrap().len(), 1);
    let keyed = story(&reader, "tx-keyed");
    assert!(!words::of(&keyed).contains("On trial"));
    assert_eq!(json::of(&keyed)["moments"][0]["matched"], serde_json::Value::Array(vec![]));
}

#[test]
fn what_was_told_without_the_ledger_and_by_an_operator_says_so() {
    let mut house = House::with(100_000);
    let request = purchase("stood", 1234);
    house.act(Act::Adopt(Adopt {
        origin: origin(),
        digest: request.content_digest(),
        request,
        verdict: None,
        told: ToldAnswer::Approved { amount: usd(1234) },
        basis: Basis::StandIn(StandInCause::DeadlinePassed),
        governed: None,
        received_at: crate::clock::utc(),
        slip: None,
    }));
    let operation = Operation {
        program: program().to_string(),
        key: "ticket-812".to_owned(),
        request: [1; 32],
        who: "ann".to_owned(),
        why: "the shop closed".to_owned(),
        at: crate::clock::utc(),
    };
    let id = operation.id();
    assert_eq!(house.act(Act::Note(Box::new(operation))), Answer::Noted(Noted::New));
    let release = Fact::Released { payment: payment("tx-stood"), cause: ReleaseCause::Operator };
    let by_ann = crate::ledger::Origin { operator: Some(id), ..origin() };
    house.act(Act::Tell(by_ann, crate::fixture::told("release", release)));
    let words = words::of(&story(&house.stop(), "stood"));
    for line in [
        "The rules were not asked.",
        "The platform had heard: approved for 12.34 USD, by stand-in, because the ledger had not answered in time.",
        "Operator ann released it.",
        "Done by ann: the shop closed.",
        "The payment is released",
    ] {
        assert!(words.contains(line), "{line}\n---\n{words}");
    }
}

/// Only the way that it took is kept with it, so that nothing is said of others.
#[test]
fn an_answer_that_was_told_says_which_way_it_took_and_of_no_other_whether_it_was_open() {
    let mut house = House::with(100_000);
    let request = purchase("stood", 1234);
    let ways = Ways::first_of(2).iter().nth(1).map(Ways::from);
    let proceed = Proceed { ceiling: usd(1234), limits: ArrayVec::new(), hold: HoldPolicy::PLAIN, ways };
    house.act(Act::Adopt(Adopt {
        origin: origin(),
        digest: request.content_digest(),
        request,
        verdict: Some((Verdict::Proceed(proceed), [0; 32])),
        told: ToldAnswer::Approved { amount: usd(1234) },
        basis: Basis::StandIn(StandInCause::DeadlinePassed),
        governed: None,
        received_at: crate::clock::utc(),
        slip: None,
    }));
    let story = story(&house.stop(), "stood");
    let (words, object) = (words::of(&story), json::of(&story));
    assert!(words.contains("  It took way 2.\n") && !words.contains("left open"), "{words}");
    let adopted = &object["moments"][0];
    assert_eq!((&adopted["way"], &adopted["verdict"]["open_ways"]), (&2.into(), &serde_json::Value::Null), "{adopted}");
}

#[test]
fn a_message_that_names_another_card_says_so() {
    let mut house = House::with(100_000);
    house.ask(purchase("one", 5000));
    let fact = captured("tx-one", 5000);
    let of = |card: &str| Subject { card: CardToken::new(card).ok(), ..Subject::default() };
    house.act(Act::Tell(origin(), ToldEvent { subject: of("d"), ..crate::fixture::told("clearing", fact) }));
    let back = Fact::Credited { payment: Some(payment("tx-one")), amount: usd(100), cause: MovementCause::NetworkSettlement };
    house.tell("refund", back);
    let story = story(&house.stop(), "tx-one");
    let words = words::of(&story);
    let line = "It names card d, and card c had asked: it counts for the payment, whoever's card it names.";
    assert_eq!(words.matches(line).count(), 1, "{words}");
    let json = json::of(&story);
    assert_eq!((&json["moments"][1]["card"], &json["moments"][2]["card"]), (&"d".into(), &"c".into()), "{json}");
}

#[test]
fn payments_that_turned_out_to_be_one_are_one_story() {
    let mut house = House::with(100_000);
    let alias = |name: &str| PaymentRef::by_alias(AuthorizationId::new(name).unwrap());
    let before = |name: &str| Fact::Captured { payment: Some(alias(name)), amount: usd(2500), finality: Finality::Final };
    house.ask(AuthorizationRequest { payment: payment("tx-one").with_alias(alias("tx").authorization), ..purchase("one", 2735) });
    house.tell("clearing/authorization.clearing/COMPLETION", before("advice"));
    house.tell("advice/authorization.advice/PENDING", Fact::Replaced { payment: alias("tx"), total: usd(2500) });
    let reader = house.stop();
    for name in ["tx-one", "tx", "one", "advice", "clearing"] {
        let story = story(&reader, name);
        assert_eq!(story.moments.iter().map(|moment| moment.number).collect::<Vec<_>>(), [4, 5, 6, 7], "{name}");
        assert_eq!(story.hold.unwrap().held, 0, "{name}");
    }
    let story = story(&reader, "tx-one");
    let words = words::of(&story);
    for line in [
        "two payments turned out to be one",
        "What was told under advice belongs to payment tx: the next message says so. From here on it counts there.",
        "Posted 0.00 USD, held -27.35 USD; after it 975.00 USD posted, 0.00 USD held, 975.00 USD available.",
    ] {
        assert!(words.contains(line), "{line}\n{words}");
    }
    let json = json::of(&story);
    assert_eq!(json["moments"][2]["kind"], "joined", "{json}");
}

#[test]
fn what_was_told_of_one_payment_and_asked_of_another_is_said_in_both_stories() {
    let mut house = House::with(100_000);
    for name in ["one", "two"] {
        house.ask(purchase(name, 1000));
    }
    let own = payment("more").with_alias(AuthorizationId::new("tx-more").unwrap());
    let asked = IdempotencyKey::new("more").unwrap();
    let outcome = RecordedOutcome::Approved { amount: usd(300) };
    house.tell("word", Fact::Recorded { payment: own, asked, increments: Some(payment("tx-one")), outcome });
    let (kind, increments) = (AuthorizationKind::Incremental, Some(payment("tx-two")));
    house.ask(AuthorizationRequest { kind, payment: own, increments, ..purchase("more", 300) });
    let reader = house.stop();
    for (name, line, effect, kind) in [
        (
            "tx-one",
            "Payment tx-one: what was told of increment more does not count here any more: the platform says it, or asks it, of \
             another payment.",
            "held -3.00 USD",
            "reassigned",
        ),
        (
            "tx-two",
            "Payment tx-two: what was told of increment more counts here from now on: the platform says it, or asks it, of this \
             payment.",
            "held +3.00 USD",
            "reassigned",
        ),
    ] {
        let story = story(&reader, name);
        let words = words::of(&story);
        assert!(words.contains(line) && words.contains(effect), "{name}: {words}");
        let moments = json::of(&story)["moments"].as_array().unwrap().clone();
        assert!(moments.iter().any(|moment| moment["kind"] == kind), "{moments:?}");
    }
    // Whose the increment is now is asked for by its own name.
    for name in ["more", "tx-more"] {
        assert_eq!(find(&reader, &sought(name), &mut |_, _, _| {}).unwrap().hold, Some(2), "{name}");
    }
}

#[test]
fn why_another_amount_is_held_than_was_said_yes_to_is_told() {
    let recorded = |name: &str, asked: &str, minor| Fact::Recorded {
        payment: payment(name),
        asked: IdempotencyKey::new(asked).unwrap(),
        increments: None,
        outcome: RecordedOutcome::Approved { amount: usd(minor) },
    };
    let mut house = House::with(100_000);
    for name in ["more", "less", "same", "other-more", "other-less"] {
        house.ask(purchase(name, 1_500));
    }
    house.tell("1", recorded("tx-more", "more", 1_800));
    house.tell("2", recorded("tx-less", "less", 900));
    house.tell("3", recorded("tx-same", "same", 1_500));
    house.tell("4", recorded("tx-other-more", "another", 1_800));
    house.tell("5", recorded("tx-other-less", "one more", 900));
    house.tell("6", recorded("tx-first", "first", 1_800));
    house.ask(purchase("first", 1_500));
    house.tell("7", recorded("tx-under", "under another", 1_800));
    house.ask(purchase("under", 1_500));
    let reader = house.stop();
    for (name, line) in [
        (
            "more",
            "We had said yes to 15.00 USD, and the platform recorded 18.00 USD: what the platform recorded is what is held. Asked \
             again, we say 15.00 USD again.",
        ),
        ("less", "We had said yes to 15.00 USD, and the platform recorded 9.00 USD: what the platform recorded is what is held."),
        (
            "other-more",
            "We had approved 15.00 USD, and the platform recorded 18.00 USD under a name that we were not asked by: the larger of \
             the two counts.",
        ),
        (
            "other-less",
            "The platform recorded 9.00 USD under a name that we were not asked by, and we had approved 15.00 USD: that stays. Only \
             a reversal, a lower total or a decline takes from what we approved.",
        ),
        ("first", "The platform had recorded 18.00 USD for it before: that is what is held, and 15.00 USD is what is said."),
        (
            "under",
            "The platform had recorded 18.00 USD of this payment before, under another name than this question's: that is what is \
             held, and 15.00 USD is what is said.",
        ),
    ] {
        let words = words::of(&story(&reader, name));
        assert!(words.contains(line), "{line}\n---\n{words}");
    }
    let words = words::of(&story(&reader, "same"));
    assert!(!words.contains("We had") && !words.contains("had recorded"), "{words}");
}

#[test]
fn a_name_of_two_payments_asks_which() {
    let mut house = House::with(100_000);
    house.ask(purchase("one", 100));
    // What is the id of one payment is the key of another.
    house.ask(purchase("tx-one", 200));
    let reader = house.stop();
    let problem = find(&reader, &sought("tx-one"), &mut |_, _, _| {}).unwrap_err().to_string();
    assert!(problem.starts_with("`tx-one` names several payments; say which:\n  --program demo --platform marqeta --hold 1"));
    let second = find(&reader, &Sought { hold: Some(2), ..sought("tx-one") }, &mut |_, _, _| {}).unwrap();
    assert_eq!(tell(&reader, second, &mut |_, _, _| {}).unwrap().moments.len(), 1);
}

#[test]
fn a_payment_that_another_one_is_said_to_add_to_is_found_alone() {
    let mut house = House::with(100_000);
    for name in ["one", "two"] {
        house.ask(purchase(name, 100));
    }
    let own = payment("more").with_alias(AuthorizationId::new("tx-more").unwrap());
    let adds = || AuthorizationRequest {
        kind: AuthorizationKind::Incremental,
        payment: own,
        increments: Some(payment("tx-one")),
        ..purchase("more", 40)
    };
    house.ask(adds());
    let outcome = RecordedOutcome::Approved { amount: usd(40) };
    let asked = IdempotencyKey::new("more").unwrap();
    house.tell("word", Fact::Recorded { payment: own, asked, increments: Some(payment("tx-two")), outcome });
    let reader = house.stop();
    for (name, hold) in [("tx-one", 1), ("tx-two", 2), ("more", 1), ("tx-more", 1)] {
        assert_eq!(find(&reader, &sought(name), &mut |_, _, _| {}).unwrap().hold, Some(hold), "{name}");
    }
}

#[test]
fn a_payment_that_is_older_than_its_journal_is_told_from_there_on_and_said_so() {
    let (mut house, reader) = told_to_the_end();
    let whole = story(&reader, "tx-one");
    house.start();
    // Behind its question and its reversal, before its clearing.
    house.trim(8);
    let reader = house.stop();
    let rest = story(&reader, "tx-one");
    assert_eq!(rest.moments.iter().map(|moment| moment.number).collect::<Vec<_>>(), [8, 9]);
    assert_eq!((rest.now, rest.hold), (whole.now, whole.hold), "accounts are what they were");
    assert_eq!(rest.moments[0].before, whole.moments[2].before);
    let told = words::of(&rest);
    assert!(
        told.contains("It is older than what is told here: the journal begins with record 8; what was recorded up to"),
        "{told}"
    );
    assert_eq!(json::of(&rest)["begins"]["record"], 8);
    assert!(!words::of(&whole).contains("It is older"));
    let unknown = find(&reader, &sought("tx-gone"), &mut |_, _, _| {}).unwrap_err().to_string();
    assert!(unknown.ends_with("was dropped"), "{unknown}");
}

#[test]
fn a_name_that_only_dropped_records_told_leads_to_what_is_left_of_its_payment() {
    let (mut house, _) = told_to_the_end();
    house.start();
    // Only the refund is left, and that calls the payment by its other name.
    house.trim(9);
    let reader = house.stop();
    for name in ["tx-one", "the-alias"] {
        let rest = story(&reader, name);
        assert_eq!(rest.moments.iter().map(|moment| moment.number).collect::<Vec<_>>(), [9], "{name}");
    }
}

#[test]
fn a_payment_that_is_younger_than_the_dropped_records_is_told_whole() {
    let (mut house, reader) = told_to_the_end();
    let whole = story(&reader, "tx-one");
    house.start();
    house.trim(5);
    let reader = house.stop();
    let rest = story(&reader, "tx-one");
    assert_eq!((rest.moments.len(), rest.begins), (whole.moments.len(), None));
    assert_eq!(words::of(&rest), words::of(&whole));
}
