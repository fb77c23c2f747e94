//! Several responders on one database, and a database that fails: what was acknowledged stays, nothing is held twice, and
//! everybody gets an answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdfast_core::hold::{Fact, Finding};
use holdfast_core::stand_in::Snapshot;
use holdfast_core::{Basis, Decision, DeclineReason};

use super::conforming::{Nobody, start};
use super::server::{Server, shared};
use crate::clock;
use crate::journal::KeptKind;
use crate::ledger::conformance::*;
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::{Patience, Postgres, Settings, migrate};
use crate::ledger::{Act, Answer, Decide, Glimpse, KeptRuleset, Ledger, LedgerError, Readiness};

/// Whoever asks one responder.
struct Desk<'l>(&'l Postgres);

impl Client for Desk<'_> {
    fn ledger(&self) -> &dyn Ledger {
        self.0
    }
}

fn plain(key: &str, minor: i64) -> Decide {
    asked(purchase(key, minor))
}

fn furnish(ledger: &Postgres, balance: i64) {
    Desk(ledger).enter(vec![account("a", balance), card("c", "a", Some("h"))]).unwrap();
}

#[test]
fn two_responders_hold_no_more_than_is_there_and_say_the_same() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let responders = [start(server, &name, 4), start(server, &name, 4)];
    furnish(&responders[0], 5_000);
    let answers: Mutex<BTreeMap<String, Vec<Decision>>> = Mutex::default();
    std::thread::scope(|scope| {
        for (place, responder) in responders.iter().enumerate() {
            for worker in 0..3 {
                let answers = &answers;
                // Both responders are asked every question, in opposite orders.
                scope.spawn(move || {
                    let keys = (0..60).map(|number| if place == 0 { number } else { 59 - number });
                    let ask = |number: i64| (format!("{worker}-{number}"), 40 + number % 7);
                    let asked: Vec<_> = keys.map(ask).collect();
                    let tickets: Vec<_> =
                        asked.iter().map(|(key, minor)| submit(responder, Act::Decide(plain(key, *minor)))).collect();
                    for ((key, _), ticket) in asked.into_iter().zip(tickets) {
                        answers.lock().unwrap().entry(key).or_default().push(said(wait(ticket)).0);
                    }
                });
            }
        }
    });
    let answers = answers.into_inner().unwrap();
    assert_eq!(answers.len(), 180);
    let mut held = 0;
    for (key, answers) in &answers {
        assert!(answers.len() == 2 && answers[0] == answers[1], "{key}: {answers:?}");
        if let Decision::Approve { amount } = answers[0] {
            held += amount.minor();
        }
    }
    assert!(held <= 5_000 && held > 5_000 - 47, "{held}");
    for responder in &responders {
        assert_eq!(Desk(responder).balance(), (5_000, held));
    }
}

#[test]
fn what_one_responder_publishes_or_freezes_counts_at_the_other() {
    use holdfast_core::hold::CardStatus;
    let Some(server) = shared() else { return };
    let name = server.database();
    let (here, there) = (start(server, &name, 2), start(server, &name, 2));
    furnish(&here, 1_000);
    assert_eq!(Desk(&there).decide(purchase("1", 10)), approved(10));
    Desk(&here).tell("freeze", card_is("c", CardStatus::Frozen));
    assert_eq!(Desk(&there).decide(purchase("2", 10)), declined(DeclineReason::CardFrozen), "at once");
    let mut heard = there.publications();
    heard.mark_unchanged();
    let (published_at, text) = (now(), String::new);
    let (program, source, published_by, why) = ("demo".to_owned(), text(), text(), text());
    let ruleset = KeptRuleset { hash: [1; 32], kind: KeptKind::Rules, program, source, published_at, published_by, why };
    Desk(&here).act(Act::Publish(Box::new(ruleset), None)).unwrap();
    super::server::run(async { heard.changed().await.unwrap() });
}

/// What was asked, and what was said.
type Spoken = Arc<Mutex<Vec<(String, Result<Answer, LedgerError>)>>>;

/// Asks one question after the other until it is told to stop.
fn keep_asking(ledger: &Postgres, worker: usize, stop: &AtomicBool, spoken: &Spoken) {
    let mut number = 0;
    while !stop.load(Ordering::Acquire) {
        let key = format!("{worker}-{number}");
        let answer = Desk(ledger).act(Act::Decide(asked(purchase(&key, 1))));
        if answer.is_err() {
            // Nobody asks a million times while the database is away.
            until(|| stop.load(Ordering::Acquire) || ledger.readiness() == Readiness::Ready);
        }
        spoken.lock().unwrap().push((key, answer));
        number += 1;
    }
}

fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}

fn is_approved(answer: &Result<Answer, LedgerError>) -> bool {
    matches!(answer, Ok(Answer::Decided { decision: Decision::Approve { .. }, .. }))
}

#[test]
fn a_primary_that_dies_takes_nothing_along() {
    let Some(primary) = Server::start(&[]) else { return };
    let standby = primary.standby();
    primary.run_sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.run_sql("postgres", "SELECT pg_reload_conf()");
    primary.run_sql("postgres", "CREATE DATABASE ledger");
    let mut config = primary.config("ledger");
    config.host("127.0.0.1").port(standby.port()).target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
    let database = Database::new(config, &[]).unwrap();
    super::server::run(migrate::bring(&database)).unwrap();
    let (node, patience) = ("test".to_owned(), Patience::None);
    let settings = Settings {
        database,
        connections_max: 6,
        node,
        journal_keep_days: None,
        patience,
        snapshot: None,
        observer: Arc::new(Nobody),
    };
    let (ledger, opening) = Postgres::start(settings).unwrap();
    opening.blocking_recv().unwrap().unwrap();
    furnish(&ledger, 1_000_000);

    let (stop, spoken) = (AtomicBool::new(false), Spoken::default());
    let approved_so_far = || spoken.lock().unwrap().iter().filter(|(_, answer)| is_approved(answer)).count();
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let (ledger, stop, spoken) = (&ledger, &stop, &spoken);
            scope.spawn(move || keep_asking(ledger, worker, stop, spoken));
        }
        until(|| approved_so_far() >= 300);
        primary.kill();
        until(|| ledger.readiness() == Readiness::Unavailable);
        standby.run_sql("postgres", "SELECT pg_promote()");
        let before = approved_so_far();
        until(|| approved_so_far() >= before + 300);
        stop.store(true, Ordering::Release);
    });

    let spoken = std::mem::take(&mut *spoken.lock().unwrap());
    let (yes, no): (Vec<_>, Vec<_>) = spoken.into_iter().partition(|(_, answer)| is_approved(answer));
    for (key, answer) in &no {
        assert_eq!(*answer, Err(LedgerError::Unavailable), "{key}");
        // Stand-in said no: the ledger agrees, also where it had said yes and nobody heard it.
        let finding = Desk(&ledger).adopt(purchase(key, 1), NO);
        assert!(matches!(finding, None | Some(Finding::AdoptedOverOurs)), "{key}: {finding:?}");
    }
    for (key, _) in &yes {
        let again = said(Desk(&ledger).act(Act::Decide(asked(purchase(key, 1)))));
        assert_eq!(again, (Decision::Approve { amount: usd(1) }, Basis::Replay), "{key} was acknowledged, and is gone");
    }
    let held = i64::try_from(yes.len()).unwrap();
    assert_eq!(Desk(&ledger).balance(), (1_000_000, held), "each is held once");
    println!("{held} acknowledged, {} stood in for, none lost, none doubled", no.len());
}

#[test]
fn what_a_stopped_server_answers_too_late_is_not_applied() {
    let Some(server) = Server::start(&[]) else { return };
    server.run_sql("postgres", "CREATE DATABASE ledger");
    super::server::run(migrate::bring(&server.reach("ledger"))).unwrap();
    let ledger = start(&server, "ledger", 4);
    furnish(&ledger, 1_000);
    assert_eq!(Desk(&ledger).decide(purchase("before", 1)), approved(1));
    server.signal(rustix::process::Signal::STOP);
    let not_after = clock::instant() + Duration::from_millis(50);
    let late = |number: i64| Act::Decide(Decide { not_after, ..asked(purchase(&format!("late-{number}"), 1)) });
    let tickets: Vec<_> = (0..20).map(|number| submit(&ledger, late(number))).collect();
    until(|| clock::instant() > not_after + Duration::from_millis(50));
    server.signal(rustix::process::Signal::CONT);
    for ticket in tickets {
        let became = wait(ticket);
        assert!(matches!(became, Err(LedgerError::Late | LedgerError::Unavailable)), "{became:?}");
    }
    until(|| ledger.readiness() == Readiness::Ready);
    assert_eq!(Desk(&ledger).balance(), (1_000, 1));
    assert_eq!(Desk(&ledger).decide(purchase("late-1", 1)), approved(1), "it was never answered");
}

#[test]
fn what_one_responder_changes_the_others_see_without_asking() {
    use holdfast_core::hold::{CardStatus, CardholderStatus};
    use holdfast_core::stand_in::{Acquaintance, Sight};
    let Some(server) = shared() else { return };
    let name = server.database();
    let here = start(server, &name, 2);
    furnish(&here, 1_000);
    // It reads all that is there; the first one hears of it later.
    let there = start(server, &name, 2);
    let seen = |ledger: &Postgres, card: &str| match ledger.look(&origin(), &with_card(card, purchase("k", 1))) {
        Glimpse::Seen(seen) => Some(seen.snapshot),
        Glimpse::Busy | Glimpse::Nothing => None,
    };
    let both_see = |card: &str, wanted: &dyn Fn(&Snapshot) -> bool| {
        for ledger in [&here, &there] {
            until(|| seen(ledger, card).is_some_and(|snapshot| wanted(&snapshot)));
        }
    };
    let has = |minor: i64| move |snapshot: &Snapshot| matches!(snapshot.account, Sight::Seen(account) if account.available == usd(minor));
    let is = |status: CardStatus| move |snapshot: &Snapshot| matches!(snapshot.card, Sight::Seen(card) if card.status == status);
    both_see("c", &has(1_000));
    both_see("c", &|snapshot| matches!(snapshot.card, Sight::Seen(card) if card.used == Acquaintance::New));
    assert_eq!(Desk(&there).decide(purchase("1", 10)), approved(10));
    both_see("c", &has(990));
    let answered = |ledger: &Postgres, key: &str| match ledger.look(&origin(), &purchase(key, 10)) {
        Glimpse::Seen(seen) => seen.answered.map(|answered| answered.decision),
        Glimpse::Busy | Glimpse::Nothing => None,
    };
    let until_both_know = |key: &str, wanted: Decision| {
        for ledger in [&here, &there] {
            until(|| answered(ledger, key) == Some(wanted));
        }
    };
    until_both_know("1", Decision::Approve { amount: usd(10) });
    assert_eq!(Desk(&there).decide(purchase("2", 10)), approved(10));
    until_both_know("2", Decision::Approve { amount: usd(10) });
    // Who tells it again knows it from then on; whoever brings something else under its key changes nothing of that.
    assert_eq!(Desk(&there).decide(purchase("3", 10)), approved(10));
    assert_eq!(Desk(&here).decide(purchase("3", 10)), (Decision::Approve { amount: usd(10) }, Basis::Replay));
    assert_eq!(answered(&here, "3"), Some(Decision::Approve { amount: usd(10) }));
    assert_eq!(Desk(&there).decide(purchase("3", 11)), declined(DeclineReason::ConflictingDuplicate));
    assert_eq!(answered(&there, "3"), Some(Decision::Approve { amount: usd(10) }));
    // Somebody was told otherwise, and that is what a retry hears.
    assert_eq!(Desk(&here).adopt(purchase("2", 10), NO), Some(Finding::AdoptedOverOurs));
    until_both_know("2", Decision::Decline { reason: DeclineReason::LedgerUnavailable });
    both_see("c", &|snapshot| matches!(snapshot.card, Sight::Seen(card) if card.used == Acquaintance::Known));
    Desk(&here).tell("freeze", card_is("c", CardStatus::Frozen));
    both_see("c", &is(CardStatus::Frozen));
    Desk(&here).enter(vec![card("new", "a", Some("h"))]).unwrap();
    both_see("new", &is(CardStatus::Active));
    Desk(&here).tell("suspend", Fact::Cardholder { cardholder: id("h"), status: CardholderStatus::Suspended });
    both_see("new", &|snapshot| matches!(snapshot.card, Sight::Seen(card) if card.cardholder == CardholderStatus::Suspended));
    let before = seen(&here, "new").unwrap();
    let as_of = |snapshot: &Snapshot| match snapshot.card {
        Sight::Seen(card) => card.as_of,
        Sight::NotSeen | Sight::Absent => panic!("{snapshot:?}"),
    };
    until(|| seen(&here, "new").is_some_and(|snapshot| as_of(&snapshot) > as_of(&before)));
}

#[test]
fn what_a_responder_did_it_sees_at_once() {
    use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus};
    use holdfast_core::stand_in::Sight;
    let Some(server) = shared() else { return };
    let name = server.database();
    let ledger = start(server, &name, 2);
    furnish(&ledger, 10_000);
    let look = |key: &str| loop {
        match ledger.look(&origin(), &purchase(key, 10)) {
            Glimpse::Seen(seen) => return seen,
            Glimpse::Busy | Glimpse::Nothing => std::thread::yield_now(),
        }
    };
    let available = || match look("k").snapshot.account {
        Sight::Seen(account) => Some((account.available.minor(), account.status)),
        Sight::NotSeen | Sight::Absent => None,
    };
    let card = || match look("k").snapshot.card {
        Sight::Seen(card) => Some((card.status, card.cardholder)),
        Sight::NotSeen | Sight::Absent => None,
    };
    until(|| available().is_some() && card().is_some());
    let mut left = 10_000;
    for number in 0..5 {
        let (decided, told, corrected) = (format!("decided-{number}"), format!("told-{number}"), format!("corrected-{number}"));
        assert_eq!(Desk(&ledger).decide(purchase(&decided, 10)), approved(10));
        left -= 10;
        // Once, whether somebody reads meanwhile or not.
        assert_eq!(available().unwrap().0, left, "{number}");
        assert_eq!(Desk(&ledger).adopt(purchase(&told, 10), yes(10)), None);
        left -= 10;
        assert_eq!(available().unwrap().0, left, "{number}");
        assert_eq!(look(&told).answered.unwrap().decision, Decision::Approve { amount: usd(10) });
        // Another question under a key that was told changes nothing of what a retry hears.
        assert_eq!(Desk(&ledger).adopt(purchase(&told, 11), yes(11)), Some(Finding::Conflict));
        assert_eq!(look(&told).answered.unwrap().decision, Decision::Approve { amount: usd(10) });
        assert_eq!(Desk(&ledger).decide(purchase(&corrected, 10)), approved(10));
        assert_eq!(Desk(&ledger).adopt(purchase(&corrected, 10), NO), Some(Finding::AdoptedOverOurs));
        assert_eq!(look(&corrected).answered.unwrap().decision, Decision::Decline { reason: DeclineReason::LedgerUnavailable });
    }
    for number in 0..3 {
        let tell = |what: &str, fact| Desk(&ledger).tell(&format!("{what}-{number}"), fact);
        let owner = |status| Fact::Cardholder { cardholder: id("h"), status };
        let account = |status| Fact::Account { account: id("a"), status };
        tell("freeze", card_is("c", CardStatus::Frozen));
        tell("suspend", owner(CardholderStatus::Suspended));
        tell("close for now", account(AccountStatus::Frozen));
        assert_eq!(card(), Some((CardStatus::Frozen, CardholderStatus::Suspended)));
        assert_eq!(available().unwrap().1, AccountStatus::Frozen);
        tell("unfreeze", card_is("c", CardStatus::Active));
        tell("resume", owner(CardholderStatus::Active));
        tell("open again", account(AccountStatus::Active));
        until(|| card() == Some((CardStatus::Active, CardholderStatus::Active)));
        until(|| available() == Some((left, AccountStatus::Active)));
    }
}

#[test]
fn several_that_start_at_once_begin_the_ledger_once() {
    let Some(server) = shared() else { return };
    let name = server.database();
    let responders = [(); 4].map(|()| start(server, &name, 4));
    std::thread::scope(|scope| {
        for responder in &responders {
            scope.spawn(move || {
                let (program, published_at, text) = ("demo".to_owned(), now(), String::new);
                let (source, published_by, why) = (text(), text(), text());
                let ruleset =
                    KeptRuleset { hash: [1; 32], kind: KeptKind::Rules, program, source, published_at, published_by, why };
                Desk(responder).act(Act::PublishFirst(Box::new(ruleset))).unwrap();
                furnish(responder, 1_000);
            });
        }
    });
    furnish(&responders[0], 1_000);
    let counted = "SELECT string_agg(kind || ' ' || many, ', ' ORDER BY kind) FROM (
        SELECT kind, count(*) AS many FROM holdfast.record GROUP BY kind
        UNION ALL SELECT 'ruleset', count(*) FROM holdfast.ruleset) AS counted";
    let counted: String = super::server::run(async {
        let (client, connection) = server.config(&name).connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one(counted, &[]).await.unwrap().get(0)
    });
    assert_eq!(counted, "account_entered 1, card_entered 1, rules_published 1, ruleset 1");
}
