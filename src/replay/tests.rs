//! What a real ledger wrote comes out the same; what was not decided so is found, with its place.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

use holdfast_adapters::Unrecognized;
use holdfast_adapters::payment::KeyIs;
use holdfast_core::hold::*;
use holdfast_core::*;

use super::*;
use crate::fixture::{House, origin, payment, program, purchase, usd};
use crate::journal::{Group, GroupWriter, Journal, KeptRuleset, Log as _, Sync};
use crate::ledger::{Act, Adopt, Ordering, Origin};

/// Something of everything that a ledger records.
fn lived_in() -> House {
    let house = House::with(100_000);
    for number in 0..15 {
        house.ask(purchase(&format!("k{number}"), 1000 + number));
    }
    house.ask(purchase("beyond-daily", 49_000));
    house.ask(AuthorizationRequest { card: CardToken::new("unknown").ok(), ..purchase("unknown", 5) });
    let betting = Merchant { mcc: MerchantCategoryCode::from_number(7995), ..Merchant::default() };
    house.ask(AuthorizationRequest { merchant: betting, ..purchase("betting", 500) });
    // What a door of ours tells besides decides, too: the surcharge is a tenth of the rest.
    let checkout = Some(Checkout { surcharge: 100, ip_address: "203.0.113.7".parse().ok(), ..Checkout::NOTHING_TOLD });
    let reason = DeclineReason::TransactionNotPermitted;
    assert_eq!(house.ask(AuthorizationRequest { checkout, ..purchase("dear", 1100) }), Decision::Decline { reason });
    // The same key with another amount is a conflict, and recorded as one.
    house.ask(purchase("k1", 4242));
    let increments = Some(payment("tx-k2"));
    house.ask(AuthorizationRequest { kind: AuthorizationKind::Incremental, increments, ..purchase("more", 300) });
    house.ask(AuthorizationRequest { posting: Posting::Immediate, ..purchase("pin", 700) });
    let captured =
        |name: &str, minor| Fact::Captured { payment: Some(payment(name)), amount: usd(minor), finality: Finality::Final };
    house.tell("reversal", Fact::Reduced { payment: payment("tx-k3"), by: usd(400), original: None });
    house.tell("clearing", captured("tx-k3", 603));
    house.tell("forced", captured("nobody-knows", 250));
    house.tell("above", captured("tx-k4", 5000));
    house.tell("load", Fact::Credited { payment: None, amount: usd(5000), cause: MovementCause::Funding });
    house.tell("back", Fact::Credited { payment: Some(payment("tx-k3")), amount: usd(100), cause: MovementCause::Dispute });
    let recorded = RecordedOutcome::ApprovedByStandIn { amount: usd(900), posting: Posting::Hold };
    let asked = IdempotencyKey::new("elsewhere").unwrap();
    house.tell("word", Fact::Recorded { payment: payment("tx-elsewhere"), asked, increments: None, outcome: recorded });
    let request = purchase("stood-in", 1234);
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
    for (key, digest) in [("order", 1), ("order", 2), ("order", 1)] {
        house.act(Act::Order(
            Origin { operator: Some([9; 16]), ..origin() },
            Ordering {
                key: IdempotencyKey::new(key).unwrap(),
                key_is: KeyIs::Callers,
                digest: ContentDigest::from_bytes([digest; 16]),
                payment: payment("tx-k5"),
                hold: None,
                order: Order::Release,
            },
        ));
    }
    house.act(Act::Order(
        origin(),
        Ordering {
            key: IdempotencyKey::new("refused").unwrap(),
            // Refused, recorded, and not remembered.
            key_is: KeyIs::OfContent,
            digest: ContentDigest::from_bytes([7; 16]),
            payment: payment("tx-k5"),
            hold: None,
            order: Order::Capture { amount: usd(1), finality: Finality::More },
        },
    ));
    let card = CardToken::new("c").unwrap();
    house.tell("freeze", Fact::Card { card, status: CardStatus::Frozen });
    house.ask(purchase("frozen", 100));
    let (problem, redacted) = ("`type` is unknown".to_owned(), String::new());
    house.act(Act::Keep(origin(), Unrecognized { digest: [7; 32], problem, redacted }));
    house
}

fn replay_all(reader: &Reader) -> (Replayed, Vec<Difference>) {
    let mut differences = Vec::new();
    let mut found = |difference| {
        differences.push(difference);
        Ok(())
    };
    let replayed = replay(reader, &(1..=i64::MAX), &mut found, &mut |_, _, _| {}).unwrap();
    (replayed, differences)
}

#[test]
fn what_a_ledger_wrote_comes_out_the_same() {
    let mut house = lived_in();
    house.stop();
    house.start();
    house.ask(purchase("k1", 1001));
    house.ask(purchase("after", 100));
    let (replayed, differences) = replay_all(&house.stop());
    assert_eq!(differences, []);
    // The publication, the account, the card and what was kept decide nothing.
    assert_eq!((replayed.decided, replayed.differing), (replayed.read - 4, 0));
    assert_eq!(replayed.engines.into_iter().collect::<Vec<_>>(), [env!("CARGO_PKG_VERSION")]);
}

/// It came before midnight, or by rules of another zone, or by a clock that was put back: it counts in the window that is open.
#[test]
fn what_counted_in_a_later_window_than_its_rules_name_is_no_difference() {
    let mut house = House::with(100_000);
    let now = crate::clock::utc();
    house.ask_at(purchase("today", 1000), now);
    house.ask_at(purchase("yesterday", 2000), now.saturating_sub(std::time::Duration::from_secs(86_400)));
    let (replayed, differences) = replay_all(&house.stop());
    assert_eq!((replayed.decided, differences), (2, vec![]));
    // Only the one that was open.
    let directory = forged(&mut house, |_, record| {
        if let Body::Decided { verdict: Verdict::Proceed(proceed), .. } = &mut record.body {
            proceed.limits[0].window = Window::Since(now);
        }
    });
    let (_, differences) = replay_all(&Reader::open(directory.path()).unwrap());
    assert!(differences[0].field.path.starts_with("verdict.Proceed.limits[0].window"), "{differences:?}");
}

/// A publication moved the calendar to a zone where the day begins later, and earlier: the day that counted is open still.
#[test]
fn what_counted_in_the_window_of_an_earlier_calendar_is_no_difference() {
    let mut house = House::with(100_000);
    // In the forenoon of New York and of Auckland, whose day began at eleven the evening before.
    let noon = Timestamp::from_unix_seconds(crate::clock::utc().unix_seconds().div_euclid(86_400) * 86_400 + 15 * 3_600);
    let over = Decision::Decline { reason: DeclineReason::AmountLimitReached };
    house.ask_at(purchase("before", 50_000), noon);
    for zone in ["America/Chicago", "Pacific/Auckland", "America/New_York"] {
        house.publish(&crate::fixture::RULES.replace("America/New_York", zone));
        assert_eq!(house.ask_at(purchase(zone, 100), noon), over, "{zone}");
    }
    house.tell("back", Fact::Reduced { payment: payment("tx-before"), by: usd(700), original: None });
    house.publish(&crate::fixture::RULES.replace("America/New_York", "America/Chicago"));
    assert_eq!(house.ask_at(purchase("after", 701), noon), over);
    assert_eq!(house.ask_at(purchase("left", 700), noon), Decision::Approve { amount: usd(700) });
    house.stop();
    house.start();
    assert_eq!(house.ask_at(purchase("again", 100), noon), over);
    let (replayed, differences) = replay_all(&house.stop());
    assert_eq!((replayed.decided, differences), (8, vec![]));
}

/// The journal of a house, written anew with one record changed.
fn forged(house: &mut House, change: impl Fn(i64, &mut Record)) -> tempfile::TempDir {
    let (reader, directory) = (house.stop(), tempfile::tempdir().unwrap());
    let mut journal = Journal::open(directory.path(), Sync::None).unwrap();
    for kept in reader.rulesets().unwrap() {
        journal.keep_ruleset(kept);
    }
    let mut groups = GroupWriter::default();
    reader
        .records(i64::MAX, &mut |_, _, _| {}, &mut |numbered| {
            let mut record = numbered.record.clone();
            change(numbered.number, &mut record);
            groups.push(&record.as_written()).unwrap();
            Ok(())
        })
        .unwrap();
    assert!(Group::open(groups.bytes()).is_ok());
    journal.append(groups.records(), groups.bytes()).unwrap();
    directory
}

#[test]
fn a_record_that_was_not_decided_so_is_found() {
    let mut house = House::with(100_000);
    house.ask(purchase("one", 1000));
    house.ask(purchase("two", 2000));
    let directory = forged(&mut house, |number, record| {
        if let (5, Body::Decided { outcome, .. }) = (number, &mut record.body) {
            outcome.held += 1;
        }
    });
    let (replayed, differences) = replay_all(&Reader::open(directory.path()).unwrap());
    let found: Vec<_> = differences.iter().map(|found| (found.record, found.field.path.as_str())).collect();
    assert_eq!((replayed.decided, found), (2, vec![(5, "outcome.held")]));
    assert_eq!((&differences[0].field.before, &differences[0].field.after), (&2001.into(), &2000.into()));
}

/// What the platform says of this question: that it added to the first payment.
fn added(key: &str) -> Fact {
    let (payment, first, asked) = (payment(&format!("tx-{key}")), payment("tx-one"), IdempotencyKey::new(key).unwrap());
    Fact::Recorded { payment, asked, increments: Some(first), outcome: RecordedOutcome::Approved { amount: usd(300) } }
}

/// Two payments, the platform's word that a question adds to the first one, and a question that adds to the second one.
fn told_of_one_and_asked_of_two(told: &str, asked: &str) -> House {
    let house = House::with(100_000);
    house.ask(purchase("one", 1000));
    house.ask(purchase("two", 2000));
    house.tell("word", added(told));
    let (kind, increments) = (AuthorizationKind::Incremental, Some(payment("tx-two")));
    let request = AuthorizationRequest { kind, increments, ..purchase(asked, 300) };
    assert_eq!(house.ask(request), Decision::Approve { amount: usd(300) });
    house
}

#[test]
fn what_was_told_of_one_payment_and_asked_of_another_comes_out_the_same() {
    let mut house = told_of_one_and_asked_of_two("more", "more");
    house.tell("again", added("more"));
    house.tell("own", added("own"));
    assert_eq!(house.ask(purchase("own", 300)), Decision::Approve { amount: usd(300) });
    let (replayed, differences) = replay_all(&house.stop());
    // Both records of what went from the one to the other, too.
    assert_eq!((replayed.decided, differences), (9, vec![]));
}

/// Older versions held it once more, where it was asked.
#[test]
fn what_an_earlier_version_held_twice_is_no_difference() {
    let mut house = told_of_one_and_asked_of_two("another", "more");
    let directory = forged(&mut house, |_, record| {
        let Body::Told { event, outcome } = &mut record.body else { return };
        event.fact = added("more");
        let What::Recorded { asked, .. } = &mut outcome.step.as_mut().unwrap().what else { return };
        *asked = StepId::of(&IdempotencyKey::new("more").unwrap());
    });
    let (replayed, differences) = replay_all(&Reader::open(directory.path()).unwrap());
    assert_eq!((replayed.decided, differences), (4, vec![]));
}

#[test]
fn what_an_earlier_version_kept_of_a_key_is_no_difference() {
    let mut house = House::with(100_000);
    house.ask(purchase("one", 1000));
    let directory = forged(&mut house, |_, record| {
        if let Body::Decided { request, outcome, .. } = &mut record.body {
            let answered = outcome.answered.as_mut().unwrap();
            assert_eq!(answered.digest, request.content_digest().kept());
            answered.digest = *request.content_digest().without_names();
        }
    });
    let (replayed, differences) = replay_all(&Reader::open(directory.path()).unwrap());
    assert_eq!((replayed.decided, differences), (1, vec![]));
}

#[test]
fn other_rules_than_those_of_then_are_found() {
    let mut house = House::with(100_000);
    house.ask(purchase("one", 1000));
    let directory = forged(&mut house, |_, record| {
        if let Body::Decided { verdict: Verdict::Proceed(proceed), uses, .. } = &mut record.body {
            proceed.limits[0].amount_max = Some(1);
            uses[1].count = 3;
        }
    });
    let paths = |directory: &tempfile::TempDir| -> Vec<String> {
        replay_all(&Reader::open(directory.path()).unwrap()).1.into_iter().map(|found| found.field.path).collect()
    };
    assert_eq!(paths(&directory), ["verdict.Proceed.limits[0].amount_max", "uses[1].count"]);
    let directory = forged(&mut house, |_, record| {
        if let Body::Decided { .. } = &record.body {
            record.ruleset = Some([1; 32]);
        }
    });
    assert_eq!(paths(&directory), ["ruleset"]);
}

#[test]
fn a_ruleset_that_is_not_its_hash_is_not_used() {
    let house = House::with(100);
    let kept = KeptRuleset {
        kind: crate::journal::KeptKind::Rules,
        hash: [3; 32],
        program: program().to_string(),
        source: crate::fixture::RULES.to_owned(),
        published_at: Timestamp::EPOCH,
        published_by: String::new(),
        why: String::new(),
    };
    house.act(Act::Publish(Box::new(kept), None));
    let rules = KeptRules::of(&Reader::open(house.directory.path()).unwrap()).unwrap();
    assert!(rules.get(&program(), &[3; 32]).is_err_and(|problem| problem.contains("is not what its hash says")));
    assert!(rules.get(&program(), &[4; 32]).is_err_and(|problem| problem.contains("is not kept")));
}

/// What was told while the journal failed rests on a memory that is nowhere any more.
#[test]
fn a_decline_that_was_owed_is_asked_of_the_rules_only() {
    let mut house = House::with(1000);
    house.ask(purchase("one", 2000));
    let (reader, directory) = (house.stop(), tempfile::tempdir().unwrap());
    let mut journal = Journal::open(directory.path(), Sync::None).unwrap();
    for kept in reader.rulesets().unwrap() {
        journal.keep_ruleset(kept);
    }
    let mut records = Vec::new();
    reader
        .records(i64::MAX, &mut |_, _, _| {}, &mut |numbered| {
            records.push(numbered.record.clone());
            Ok(())
        })
        .unwrap();
    let mut owed = records.pop().unwrap();
    if let Body::Decided { request, .. } = &mut owed.body {
        // There is money enough for this: the decline came of something that was taken back.
        request.amount = usd(10);
    }
    let opened = Record { body: Body::Opened, program: None, platform: None, ruleset: None, ..records[0].clone() };
    for group in [&records[..], &[opened, owed]] {
        let mut writer = GroupWriter::default();
        group.iter().for_each(|record| writer.push(&record.as_written()).unwrap());
        journal.append(writer.records(), writer.bytes()).unwrap();
    }
    let (replayed, differences) = replay_all(&Reader::open(directory.path()).unwrap());
    assert_eq!((replayed.owed, replayed.decided), (1, 1));
    // The rules were asked another amount.
    assert!(differences.iter().all(|found| found.field.path.starts_with("verdict.")), "{differences:?}");
}

#[test]
fn a_trimmed_journal_is_decided_again_from_its_checkpoint_on() {
    let mut house = lived_in();
    let last = house.stop().last().unwrap();
    house.start();
    // The records of later messages about payments whose questions go.
    house.trim(last - 8);
    house.ask(purchase("after", 100));
    house.ask(purchase("k7", 1007));
    let captured = Fact::Captured { payment: Some(payment("tx-k6")), amount: usd(1006), finality: Finality::Final };
    house.tell("late", captured);
    let back = Fact::Credited { payment: Some(payment("tx-k3")), amount: usd(50), cause: MovementCause::NetworkSettlement };
    house.tell("refund", back);
    let reader = house.stop();
    assert_eq!(reader.bounds().unwrap().0, last - 8);
    let (replayed, differences) = replay_all(&reader);
    assert_eq!(differences, []);
    assert!(replayed.decided > 8 && replayed.differing == 0, "{replayed:?}");
    // Decided on nothing, everything would be otherwise: what the checkpoint says counts.
    let state = crate::journal::state_file::path_of(house.directory.path(), last - 8);
    std::fs::remove_file(state).unwrap();
    let refused = replay(&reader, &(1..=i64::MAX), &mut |_| Ok(()), &mut |_, _, _| {}).unwrap_err();
    assert!(matches!(refused, JournalError::StateMissing { .. }), "{refused}");
}

/// A journal to measure `holdfast replay` on: half a million purchases of ten thousand cards, most of them cleared.
///
/// `HOLDFAST_FIGURE=DIR cargo test -p holdfast --lib a_million_records -- --ignored`, then
/// `time target/release/holdfast replay --data DIR`.
#[test]
#[ignore = "a minute or two, for a figure"]
fn a_million_records_to_measure_on() {
    use crate::ledger::{Decide, Entry, Ledger as _, Ticket, Wait};
    let mut house = House::with(100);
    let cards: Vec<_> = (0..10_000).map(|number| CardToken::new(&format!("card-{number}")).unwrap()).collect();
    for chunk in cards.chunks(1000) {
        let entries = chunk.iter().flat_map(|card| {
            let (account, status) = (AccountId::new(&format!("of-{card}")).unwrap(), AccountStatus::Active);
            let account_entry = Entry::Account { account, balance: usd(1_000_000_000), credit_line: 0, status };
            [account_entry, Entry::Card { card: *card, account, cardholder: None, status: CardStatus::Active }]
        });
        house.act(Act::Enter(Origin::of(program()), entries.collect()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (hash, ruleset) = (*house.ruleset.hash().as_bytes(), std::sync::Arc::clone(&house.ruleset));
    for batch in 0..1000 {
        let mut waits = Vec::new();
        let mut submit = |act| {
            let ticket = Ticket::new(act);
            house.ledger().submit(std::sync::Arc::clone(&ticket));
            waits.push(Wait::on(ticket));
        };
        for number in 0..500_usize {
            let number = batch * 500 + number;
            let card = Some(cards[number % cards.len()]);
            let request = AuthorizationRequest { card, cardholder: None, ..purchase(&format!("p{number}"), 100) };
            let received_at = crate::clock::utc();
            let not_after = crate::clock::instant() + std::time::Duration::from_secs(3600);
            let (verdict, digest) = (evaluate(&ruleset, &request, received_at, &mut NoTrace), request.content_digest());
            submit(Act::Decide(Decide {
                origin: origin(),
                request,
                digest,
                verdict,
                ruleset: hash,
                governed: None,
                received_at,
                not_after,
                choice: None,
                slip: None,
            }));
            let (payment, amount) = (Some(request.payment), usd(100));
            let fact = Fact::Captured { payment, amount, finality: Finality::Final };
            let subject = Subject { card, ..Subject::default() };
            submit(Act::Tell(origin(), ToldEvent { subject, ..crate::fixture::told(&format!("c{number}"), fact) }));
        }
        house.ledger().nudge();
        for wait in waits {
            runtime.block_on(wait).unwrap();
        }
    }
    house.stop();
    std::fs::rename(house.directory.path(), std::env::var("HOLDFAST_FIGURE").unwrap()).unwrap();
}

#[test]
fn what_is_dropped_while_it_is_decided_again_is_no_difference() {
    let mut house = lived_in();
    let last = house.stop().last().unwrap();
    house.start();
    house.trim(last - 12);
    let reader = Reader::open(house.directory.path()).unwrap();
    house.trim(last - 8);
    let refused = replay(&reader, &(1..=i64::MAX), &mut |_| Ok(()), &mut |_, _, _| {}).unwrap_err();
    assert!(matches!(refused, JournalError::DroppedMeanwhile { .. }), "{refused}");
    let refused = reader.records(i64::MAX, &mut |_, _, _| {}, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(refused, JournalError::DroppedMeanwhile { .. }), "{refused}");
    let (replayed, differences) = replay_all(&house.stop());
    assert!(replayed.decided > 0 && differences.is_empty(), "{differences:?}");
}
