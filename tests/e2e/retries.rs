//! A retry hears the same answer: after a rule change, a frozen card, a restart; in flight it joins; with other content it
//! is a conflict.

use std::sync::Barrier;

use serde_json::json;

use crate::faults::{Bench, Fault, ample_budget, short_budget};
use crate::stand_in::{ALL, NONE};
use crate::support::callbacks::transactions;
use crate::support::{Apto, Marqeta, Workplace, server};

/// How the platform recorded a question, now, at another amount than was asked.
fn recorded_at(question: &Marqeta, amount: &str, timed_out: bool) -> String {
    let mut recorded = Marqeta { amount: amount.to_owned(), ..question.clone() }.recorded("PENDING", timed_out);
    recorded.as_object_mut().unwrap().remove("created_time");
    transactions(&[recorded])
}

#[test]
fn a_retry_hears_what_stand_in_told_whatever_amount_the_platform_recorded() {
    for (amount, held) in [("18.00", 1_800), ("9.00", 900)] {
        for timed_out in [false, true] {
            let bench = Bench::new(ample_budget);
            assert!(bench.publish_table(ALL).status.success());
            bench.faulty.set(Fault::Unavailable);
            let question = Marqeta::purchase("told", "15.00");
            let told = bench.ask(&question);
            assert_eq!((told.status, told.json()["jit_funding"]["amount"].as_f64()), (200, Some(15.0)), "{told:?}");
            assert_eq!(bench.client().post("/marqeta/webhook", &recorded_at(&question, amount, timed_out)).status, 200);
            assert_eq!(bench.ask(&question).body, told.body, "while the outage lasts");
            bench.faulty.set(Fault::None);
            bench.until_adopted();
            bench.until_heard();
            assert_eq!(bench.held(), held, "{amount} {timed_out}");
            assert_eq!(bench.ask(&question).body, told.body, "once the ledger has heard it: {amount} {timed_out}");
            bench.app.drain();
        }
    }
}

/// What the platform told of a payment before its question came, and the ledger had heard before it went away.
#[test]
fn stand_in_sees_the_word_that_the_ledger_had_heard_before_the_question() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    let [declined, more, less] = ["declined", "more", "less"].map(|key| Marqeta::purchase(key, "15.00"));
    let mut word = declined.recorded("DECLINED", false);
    word.as_object_mut().unwrap().remove("created_time");
    for told in [transactions(&[word]), recorded_at(&more, "18.00", false), recorded_at(&less, "9.00", false)] {
        assert_eq!(bench.client().post("/marqeta/webhook", &told).status, 200);
    }
    assert_eq!(bench.held(), 2_700);
    bench.faulty.set(Fault::Unavailable);
    let heard = |question: &Marqeta| {
        let answer = bench.ask(question);
        (answer.status, answer.json()["jit_funding"]["amount"].as_f64())
    };
    let ask_all = || [&declined, &more, &less].map(heard);
    let first = ask_all();
    assert_eq!((first[0].0, first[1], first[2]), (402, (200, Some(15.0)), (200, Some(9.0))), "{first:?}");
    assert_eq!(bench.ask(&Marqeta::purchase("another", "15.00")).status, 200, "the table approves what nobody spoke of");
    assert_eq!(ask_all(), first, "asked again");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(ask_all(), first, "once the ledger has heard it");
    assert_eq!(bench.held(), 2_700 + 1_500);
    bench.app.drain();
}

/// What the platform approved over our decline is a yes while it is there, and no longer; whether the ledger has heard of it or not.
#[test]
fn a_decline_is_no_yes_once_what_the_platform_approved_over_it_is_taken_back() {
    for waits in [false, true] {
        let bench = Bench::new(ample_budget);
        assert!(bench.publish_table(NONE).status.success());
        let question = Marqeta::purchase("taken-back", "15.00");
        let tell = |body: &str| assert_eq!(bench.client().post("/marqeta/webhook", body).status, 200);
        if waits {
            bench.faulty.set(Fault::Unavailable);
        }
        tell(&recorded_at(&question, "15.00", false));
        let mut reversal = question.follower("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "15.00");
        reversal.as_object_mut().unwrap().remove("created_time");
        tell(&transactions(&[reversal]));
        bench.faulty.set(Fault::Unavailable);
        let declined = [bench.ask(&question).status, bench.ask(&question).status];
        assert_eq!(declined, [402, 402], "while the outage lasts; the word waits: {waits}");
        bench.faulty.set(Fault::None);
        bench.until_adopted();
        bench.until_heard();
        assert_eq!(
            (bench.ask(&question).status, bench.held()),
            (402, 0),
            "once the ledger has heard it; the word waited: {waits}"
        );
        bench.app.drain();
    }
}

/// Whatever reason a row gives.
#[test]
fn what_a_row_declined_and_the_platform_approved_after_that_hears_yes_in_the_same_outage() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(NONE).status.success());
    bench.faulty.set(Fault::Unavailable);
    let question = Marqeta::purchase("approved-over", "15.00");
    assert_eq!(bench.ask(&question).status, 402);
    assert_eq!(bench.client().post("/marqeta/webhook", &recorded_at(&question, "15.00", false)).status, 200);
    assert_eq!(bench.ask(&question).status, 200, "while the outage lasts");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!((bench.ask(&question).status, bench.held()), (200, 1_500), "once the ledger has heard it");
    bench.app.drain();
}

/// Approved, declined after all, and approved after that: stand-in says what the ledger says, whoever had heard which word.
#[test]
fn the_last_word_on_what_we_approved_is_what_a_retry_hears_whether_it_waits_or_not() {
    for heard in 0..=2 {
        let bench = Bench::new(ample_budget);
        assert!(bench.publish_table(ALL).status.success());
        let question = Marqeta::purchase("approved", "15.00");
        assert_eq!(bench.ask(&question).status, 200);
        for (number, (state, then)) in [("DECLINED", 402), ("PENDING", 200)].into_iter().enumerate() {
            if number == heard {
                bench.faulty.set(Fault::Unavailable);
            }
            let mut word = question.recorded(state, false);
            word["created_time"] = json!(format!("2026-03-14T15:10:0{number}Z"));
            assert_eq!(bench.client().post("/marqeta/webhook", &transactions(&[word])).status, 200);
            assert_eq!(bench.ask(&question).status, then, "{state}, of two words the ledger had heard {heard}");
        }
        bench.faulty.set(Fault::Unavailable);
        assert_eq!(bench.ask(&question).status, 200, "of two words the ledger had heard {heard}");
        bench.faulty.set(Fault::None);
        bench.until_heard();
        assert_eq!((bench.ask(&question).status, bench.held()), (200, 1_500));
        bench.app.drain();
    }
}

/// Apto's messages do not carry the question's key: what they say of the payment counts for it, in stand-in as in the ledger.
#[test]
fn a_payment_that_apto_declined_after_all_is_declined_in_an_outage_too() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    let question = Apto::purchase("declined", "-15.00");
    let asked = || bench.client().post("/apto/v3/authorize", &question.body()).json()["authorization"]["approved"].clone();
    assert_eq!(asked(), true);
    assert_eq!(bench.client().post("/apto/webhook", &question.snapshot("declined", "decline", -15.0, &[])).status, 200);
    assert_eq!(asked(), false);
    bench.faulty.set(Fault::Unavailable);
    assert_eq!(asked(), false, "while the outage lasts");
    bench.app.drain();
}

#[test]
fn a_transaction_that_is_asked_about_under_two_tokens_in_an_outage_is_held_once() {
    let bench = Bench::new(ample_budget);
    assert!(bench.publish_table(ALL).status.success());
    bench.faulty.set(Fault::Unavailable);
    let question = Marqeta::purchase("twice", "15.00");
    let ask = |token: &str| bench.client().post("/marqeta/jit", &question.body().replace("jit-twice", token));
    let told = ["jit-twice", "jit-again"].map(|token| (token, ask(token)));
    assert!(told.iter().all(|(_, answer)| answer.status == 200), "{told:?}");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    bench.until_heard();
    assert_eq!(bench.held(), 1_500);
    told.iter().for_each(|(token, answer)| assert_eq!(ask(token).body, answer.body, "{token}"));
    bench.app.drain();
}

#[test]
fn no_question_is_approved_for_more_than_it_asks_with_the_ledger_or_without() {
    for (amount, heard, held) in [("18.00", 15.0, 1_800), ("9.00", 9.0, 900)] {
        let bench = Bench::new(short_budget);
        assert!(bench.publish_table(ALL).status.success());
        let question = Marqeta::purchase("denied", "15.00").mcc("7995");
        assert_eq!(bench.ask(&question).status, 402);
        assert_eq!(bench.client().post("/marqeta/webhook", &recorded_at(&question, amount, false)).status, 200);
        for fault in [Fault::Unavailable, Fault::None] {
            bench.faulty.set(fault);
            let again = bench.ask(&question);
            assert_eq!(
                (again.status, again.json()["jit_funding"]["amount"].as_f64()),
                (200, Some(heard)),
                "{fault:?}: {again:?}"
            );
        }
        assert_eq!(bench.held(), held);
        bench.app.drain();
    }
}

#[test]
fn a_key_that_comes_with_a_method_that_nobody_knows_is_a_conflict_and_changes_nothing() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let known = Marqeta::purchase("key", "20.00");
    let approved = server.client().post("/marqeta/jit", &known.body());
    assert_eq!(approved.status, 200);
    let unknown = Marqeta::purchase("key", "20.00").method("pgfs.something.new");
    let refused = server.client().post("/marqeta/jit", &unknown.body());
    assert_eq!((refused.status, &refused.json()["jit_funding"]["decline_reason"]), (402, &"DUPLICATE_TRANSACTION".into()));
    assert_eq!(server.metric("holdfast_conflicts_total", &["marqeta"]), 1.0);
    assert_eq!(server.client().post("/marqeta/jit", &known.body()).body, approved.body);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 2_000, 98_000));

    // The other way round as well, and a retry of it hears it again.
    let unknown = Marqeta::purchase("other", "20.00").method("pgfs.something.new");
    let declined = server.client().post("/marqeta/jit", &unknown.body());
    assert_eq!(declined.json()["jit_funding"]["decline_reason"], "TRANSACTION_NOT_PERMITTED");
    assert_eq!(server.client().post("/marqeta/jit", &Marqeta::purchase("other", "20.00").body()).status, 402);
    assert_eq!(server.client().post("/marqeta/jit", &unknown.body()).body, declined.body);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 2_000, 98_000));
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

#[test]
fn the_same_question_moves_money_once_and_hears_the_same_bytes() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let request = Marqeta::purchase("1", "50.00");
    let first = server.client().post("/marqeta/jit", &request.body());
    for _ in 0..3 {
        assert_eq!(server.client().post("/marqeta/jit", &request.body()).body, first.body);
    }
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 5000, 95_000));
    assert_eq!(server.metric("holdfast_duplicates_total", &["platform=\"marqeta\""]), 3.0);

    let conflict = server.client().post("/marqeta/jit", &Marqeta { amount: "51.00".into(), ..request }.body());
    assert_eq!(conflict.status, 402);
    assert_eq!(conflict.json()["jit_funding"]["decline_reason"], "DUPLICATE_TRANSACTION");
    let reference = |answer: &crate::support::http::Response| answer.json()["jit_funding"]["tags"].clone();
    assert_ne!(reference(&conflict), reference(&first), "it is not the approval's");
    let again = Marqeta { amount: "51.00".into(), ..Marqeta::purchase("1", "50.00") };
    assert_eq!(server.client().post("/marqeta/jit", &again.body()).body, conflict.body);
    assert_eq!(server.metric("holdfast_conflicts_total", &[]), 2.0);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 5000, 95_000));
}

#[test]
fn a_token_that_comes_with_another_transaction_is_a_conflict_and_no_retry() {
    let workplace = Workplace::demo();
    let request = Marqeta::purchase("1", "50.00");
    let other = request.body().replace("tx-1", "tx-other");
    assert_ne!(other, request.body());
    let first = {
        let server = workplace.serve();
        let first = server.client().post("/marqeta/jit", &request.body());
        assert!(server.terminate().success());
        first
    };
    let server = workplace.serve();
    let refused = server.client().post("/marqeta/jit", &other);
    assert_eq!((refused.status, &refused.json()["jit_funding"]["decline_reason"]), (402, &"DUPLICATE_TRANSACTION".into()));
    assert_eq!(server.metric("holdfast_conflicts_total", &[]), 1.0);
    assert_eq!(server.client().post("/marqeta/jit", &request.body()).body, first.body);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 5000, 95_000));
}

#[test]
fn a_transaction_that_is_asked_about_under_another_token_is_held_once() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let request = Marqeta::purchase("1", "50.00");
    assert_eq!(server.client().post("/marqeta/jit", &request.body()).status, 200);
    let under = |token: &str| request.body().replace("jit-1", token);
    let again = server.client().post("/marqeta/jit", &under("jit-2"));
    assert_eq!((again.status, &again.json()["jit_funding"]["token"]), (200, &"jit-2".into()));
    let more = Marqeta { amount: "51.00".into(), ..Marqeta::purchase("1", "50.00") };
    let conflict = server.client().post("/marqeta/jit", &more.body().replace("jit-1", "jit-3"));
    assert_eq!((conflict.status, &conflict.json()["jit_funding"]["decline_reason"]), (402, &"DUPLICATE_TRANSACTION".into()));
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 5000, 95_000));
    // Both answers were given, and are given again, whatever becomes of the payment.
    let reversal = request.follower("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", "50.00");
    assert_eq!(server.client().post("/marqeta/webhook", &transactions(&[reversal])).status, 200);
    assert_eq!(server.client().post("/marqeta/jit", &under("jit-2")).body, again.body);
    assert_eq!(server.client().post("/marqeta/jit", &more.body().replace("jit-1", "jit-3")).body, conflict.body);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 0, 100_000));
    let story = workplace.run(&["explain", "jit-2", "--data", workplace.data().to_str().unwrap()]);
    assert!(story.status.success(), "{}", String::from_utf8_lossy(&story.stderr));
}

#[test]
fn what_follows_may_call_a_payment_by_any_token_that_was_told_yes() {
    let ends = [
        ("authorization.clearing", "COMPLETION", "pgfs.authorization.capture", (94_000, 0, 94_000)),
        ("authorization.reversal", "CLEARED", "pgfs.authorization.reversal", (100_000, 0, 100_000)),
        ("authorization.reversal.issuerexpiration", "CLEARED", "pgfs.authorization.reversal", (100_000, 0, 100_000)),
    ];
    for (kind, state, method, balance) in ends {
        let workplace = Workplace::demo();
        let request = Marqeta::purchase("1", "50.00");
        {
            let server = workplace.serve();
            assert_eq!(server.client().post("/marqeta/jit", &request.body()).status, 200);
            assert_eq!(server.client().post("/marqeta/jit", &request.body().replace("jit-1", "jit-2")).status, 200);
            assert!(server.terminate().success());
        }
        let server = workplace.serve();
        // Neither names the transaction.
        let more = Marqeta::increment("3", "10.00", &Marqeta::purchase("2", "50.00"));
        let more = more.body().replace("preceding_related_transaction_token", "nothing");
        assert_eq!(server.client().post("/marqeta/jit", &more).status, 200);
        assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 6000, 94_000));
        let mut end = Marqeta::purchase("2", "60.00").follower(kind, state, method, "60.00");
        end.as_object_mut().unwrap().remove("preceding_related_transaction_token");
        end["is_final_clearing"] = json!(true);
        assert_eq!(server.client().post("/marqeta/webhook", &transactions(&[end])).status, 200);
        assert_eq!(server::balance(&workplace, "acct-demo-1"), balance, "{kind}");
        let story = workplace.run(&["explain", "jit-1", "--data", workplace.data().to_str().unwrap()]);
        let story = String::from_utf8_lossy(&story.stdout).into_owned();
        assert_eq!(story.matches(" asked at ").count(), 3, "{story}");
        let inbox = workplace.run(&["inbox", "--data", workplace.data().to_str().unwrap()]);
        assert!(!String::from_utf8_lossy(&inbox.stdout).contains("unknown"), "{inbox:?}");
    }
}

#[test]
fn an_increment_that_is_asked_about_under_another_token_is_held_once() {
    let workplace = Workplace::demo();
    let first = Marqeta::purchase("1", "50.00");
    let more = Marqeta::increment("2", "10.00", &first);
    let under = |token: &str| more.body().replace("jit-2", token);
    let (again, conflict);
    {
        let server = workplace.serve();
        assert_eq!(server.client().post("/marqeta/jit", &first.body()).status, 200);
        assert_eq!(server.client().post("/marqeta/jit", &more.body()).status, 200);
        again = server.client().post("/marqeta/jit", &under("jit-3"));
        assert_eq!((again.status, &again.json()["jit_funding"]["token"]), (200, &"jit-3".into()));
        let other = Marqeta { amount: "11.00".into(), ..Marqeta::increment("2", "10.00", &first) };
        conflict = server.client().post("/marqeta/jit", &other.body().replace("jit-2", "jit-4"));
        assert_eq!((conflict.status, &conflict.json()["jit_funding"]["decline_reason"]), (402, &"DUPLICATE_TRANSACTION".into()));
        assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 6000, 94_000));
        assert!(server.terminate().success());
    }
    let server = workplace.serve();
    assert_eq!(server.client().post("/marqeta/jit", &under("jit-3")).body, again.body);
    assert_eq!(server.client().post("/marqeta/jit", &under("jit-5")).status, 200);
    // What its webhook says under the other token is about the same increment.
    let told = transactions(&[more.recorded("PENDING", false)]).replace("jit-2", "jit-3");
    assert_eq!(server.client().post("/marqeta/webhook", &told).status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 6000, 94_000));
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

#[test]
fn what_is_told_of_a_second_token_holds_nothing_more() {
    let workplace = Workplace::demo();
    let server = workplace.serve();
    let request = Marqeta::purchase("1", "50.00");
    assert_eq!(server.client().post("/marqeta/jit", &request.body()).status, 200);
    assert_eq!(server.client().post("/marqeta/jit", &request.body().replace("jit-1", "jit-2")).status, 200);
    let told = transactions(&[request.recorded("PENDING", false)]).replace("jit-1", "jit-2");
    assert_eq!(server.client().post("/marqeta/webhook", &told).status, 200);
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 5000, 95_000));
    let replay = workplace.run(&["replay", "--data", workplace.data().to_str().unwrap()]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
}

#[test]
fn concurrent_duplicates_place_one_hold() {
    const CALLERS: usize = 12;
    let workplace = Workplace::demo();
    let server = workplace.serve();
    for round in 0..5 {
        let body = Marqeta::purchase(&format!("round-{round}"), "3.00").body();
        let start = Barrier::new(CALLERS);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = server.client();
                        start.wait();
                        client.post("/marqeta/jit", &body)
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| answer.body == answers[0].body && answer.status == 200), "{answers:?}");
    }
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 1500, 98_500));
}

#[test]
fn an_answer_outlives_rules_cards_and_restarts() {
    let workplace = Workplace::demo();
    let approved_request = Marqeta::purchase("yes", "50.00").mcc("5732");
    let declined_request = Marqeta::purchase("no", "800.00");
    let (approved, declined);
    {
        let server = workplace.serve();
        let mut client = server.client();
        approved = client.post("/marqeta/jit", &approved_request.body());
        declined = client.post("/marqeta/jit", &declined_request.body());
        assert_eq!((approved.status, declined.status), (200, 402));

        // Now the opposite would be decided: its category is denied, the amount is allowed, the card is frozen.
        let rules = std::fs::read_to_string(workplace.path("config/rules/demo.toml")).unwrap();
        let rules = rules.replace("7995", "5732").replace("750.00", "900.00");
        std::fs::write(workplace.path("changed.toml"), rules).unwrap();
        workplace.publish("changed.toml");
        let fresh = client.post("/marqeta/jit", &Marqeta::purchase("fresh", "5.00").mcc("5732").body());
        assert_eq!(fresh.status, 402, "the new rules are live: {fresh:?}");
        let fresh = client.post("/marqeta/jit", &Marqeta::purchase("fresh-2", "800.00").body());
        assert_eq!(fresh.status, 200, "the new rules are live: {fresh:?}");
        let freeze = json!({"cardtransitions": [{"token": "ct-1", "card_token": "card-demo-1", "user_token": "user-demo-1",
            "state": "SUSPENDED", "created_time": "2026-03-14T16:00:00Z"}]});
        assert_eq!(client.post("/marqeta/webhook", &freeze.to_string()).status, 200);
        let frozen = client.post("/marqeta/jit", &Marqeta::purchase("fresh-3", "5.00").body());
        assert_eq!(frozen.json()["jit_funding"]["decline_reason"], "CARD_NOT_ACTIVE");
        assert_eq!(client.post("/marqeta/jit", &approved_request.body()).body, approved.body);
        assert!(server.terminate().success());
    }
    let server = workplace.serve();
    let mut client = server.client();
    let again = client.post("/marqeta/jit", &approved_request.body());
    assert_eq!((again.status, &again.body), (approved.status, &approved.body));
    let again = client.post("/marqeta/jit", &declined_request.body());
    assert_eq!((again.status, &again.body), (declined.status, &declined.body));
    let still = client.post("/marqeta/jit", &Marqeta::purchase("fresh-4", "5.00").body());
    assert_eq!(still.json()["jit_funding"]["decline_reason"], "CARD_NOT_ACTIVE");
    assert_eq!(server::balance(&workplace, "acct-demo-1"), (100_000, 85_000, 15_000));
}
