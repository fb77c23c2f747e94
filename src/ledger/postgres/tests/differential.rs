//! The database's function and the engine decide alike: on random slices and questions both are asked, each in a transaction
//! that is rolled back, and everything that they wrote and said is compared, the journal's bytes included.

use std::time::Duration;

use deadpool_postgres::Transaction;
use fastrand::Rng;
use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus};
use holdfast_core::rules::*;
use holdfast_core::*;

use super::server::{Server, run, shared};
use crate::clock::{self, Moment};
use crate::ledger::conformance::*;
use crate::ledger::embedded::state::NameKey;
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::deciding::{Ahead, Plain, Said};
use crate::ledger::postgres::numbers::Numbers;
use crate::ledger::postgres::performing::Performing;
use crate::ledger::postgres::tests::conforming::start;
use crate::ledger::{Act, Answer, Decide};

/// How many connections compare at once.
const THREADS: u64 = 3;

/// Cases in all: a few each time, more where nothing may be skipped, and as many as `HOLDFAST_DIFFERENTIAL_CASES` says; the
/// promise is made for 100000, which a test of its own runs.
fn cases() -> u64 {
    let wanted = std::env::var("HOLDFAST_DIFFERENTIAL_CASES").ok().and_then(|cases| cases.parse().ok());
    wanted.unwrap_or(if std::env::var_os("HOLDFAST_TEST_ALL").is_some() { 15_000 } else { 1_500 })
}

/// All that a decision may write.
const WRITTEN: &str = "SELECT jsonb_build_object(
    'account', (SELECT jsonb_agg(to_jsonb(a) ORDER BY a.number) FROM holdfast.account a),
    'card', (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.number) FROM holdfast.card c),
    'hold', (SELECT jsonb_agg(to_jsonb(h) ORDER BY h.number) FROM holdfast.hold h),
    'hold_name', (SELECT jsonb_agg(to_jsonb(n) ORDER BY n.name) FROM holdfast.hold_name n),
    'asked', (SELECT jsonb_agg(to_jsonb(k) ORDER BY k.key) FROM holdfast.asked k),
    'counter', (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.counter, c.scope, c.subject) FROM holdfast.counter c),
    'record', (SELECT jsonb_agg(to_jsonb(r) - 'transaction' ORDER BY r.id) FROM holdfast.record r
        WHERE r.kind = 'decided'))::text";

async fn written(transaction: &Transaction<'_>) -> String {
    let statement = transaction.prepare_cached(WRITTEN).await.unwrap();
    transaction.query_one(&statement, &[]).await.unwrap().get(0)
}

fn status(rng: &mut Rng, all: &[&'static str]) -> &'static str {
    if rng.u8(0..6) == 0 { all[rng.usize(..all.len())] } else { all[0] }
}

/// Statements, in round amounts so that edges are met often, that make what is known of the account `a`, its card `c` and its owner `h` anything at all.
fn slice(rng: &mut Rng) -> String {
    let account = status(rng, &AccountStatus::ALL.iter().map(|status| status.name()).collect::<Vec<_>>());
    let card = status(rng, &CardStatus::ALL.iter().map(|status| status.name()).collect::<Vec<_>>());
    let owner = status(rng, &CardholderStatus::ALL.iter().map(|status| status.name()).collect::<Vec<_>>());
    let currency = if rng.u8(0..20) == 0 { "EUR" } else { "USD" };
    let (posted, held, line) = (rng.i64(-4..40) * 50, rng.i64(0..6) * 50, rng.i64(0..3) * 200);
    let mut sql = format!(
        "UPDATE holdfast.account SET status = '{account}', currency = '{currency}', posted = {posted}, held = {held},
            credit_line = {line}, changes = {} WHERE name = 'a';
         UPDATE holdfast.cardholder SET status = {};
         UPDATE holdfast.card SET status = '{card}' WHERE token = 'c';",
        rng.i64(0..9),
        if rng.bool() { format!("'{owner}'") } else { "NULL".to_owned() },
    );
    match rng.u8(0..25) {
        0 => sql.push_str("UPDATE holdfast.card SET account = NULL, place = '\\x0001000100' WHERE token = 'c';"),
        1 => sql.push_str("UPDATE holdfast.card SET cardholder = NULL, place = '\\x0100010000' WHERE token = 'c';"),
        _ => {}
    }
    let paid: Vec<String> = (0..rng.usize(0..9)).map(|_| rng.u32(1..).to_string()).collect();
    sql.push_str(&format!(
        "UPDATE holdfast.card SET used_since = {}, merchants = '{{{}}}', merchants_others = {} WHERE token = 'c';",
        if paid.is_empty() && rng.bool() { "NULL" } else { "now()" },
        paid.join(","),
        !paid.is_empty() && rng.bool(),
    ));
    for counter in 1..=3 {
        for (scope, subject) in [("card", 0), ("account", 0), ("program", 0)] {
            if rng.bool() {
                sql.push_str(&counter_of(rng, counter, scope, subject));
            }
        }
    }
    sql
}

fn counter_of(rng: &mut Rng, counter: i64, scope: &str, subject: i64) -> String {
    let many = if counter == 2 { rng.i64(1..6) } else { 1 };
    let kind = ["", "since", "rolling", "lifetime"][usize::try_from(counter).unwrap()];
    let first = match kind {
        "since" => rng.i64(0..3) * 86_400_000_000,
        "rolling" => rng.i64(95..103),
        _ => 0,
    };
    let list = |of: Vec<i64>| of.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let slots = list((first..first + many).collect());
    let amounts = list((0..many).map(|_| rng.i64(0..8) * 50).collect());
    let counts = list((0..many).map(|_| rng.i64(0..3)).collect());
    format!(
        "INSERT INTO holdfast.counter VALUES ({counter}, '{scope}', {subject}, '{kind}', '{{{slots}}}', '{{{amounts}}}',
            '{{{counts}}}');"
    )
}

fn check(rng: &mut Rng, number: u64) -> LimitCheck {
    let window = match number {
        1 => Window::Since(Timestamp::from_unix_seconds(86_400)),
        2 => Window::Rolling { bucket: 101, buckets: 4 },
        _ => Window::Lifetime,
    };
    let amount_max = rng.bool().then(|| rng.i64(1..24) * 50);
    LimitCheck {
        limit: id(&format!("limit-{number}")),
        counter: CounterKey(number),
        // The function decides what no authority stands behind.
        scope: LimitScope::OF_PROGRAMS[rng.usize(..LimitScope::OF_PROGRAMS.len())],
        window,
        amount_max,
        count_max: (amount_max.is_none() || rng.bool()).then(|| rng.u32(1..8)),
        enforcement: if rng.u8(0..4) == 0 { Enforcement::Observe } else { Enforcement::Enforce },
        // A calendar that was not moved, one that was, and one that was so long ago.
        still: match rng.u8(0..4) {
            0 => StillOpen::after(Timestamp::from_unix_seconds(-1)),
            1 => StillOpen::after(Timestamp::from_unix_seconds(43_200)),
            _ => StillOpen::NOTHING,
        },
        ways: None,
    }
}

fn question(rng: &mut Rng, key: &str, now: Timestamp) -> Decide {
    let kind = match rng.u8(0..12) {
        0 => AuthorizationKind::ALL[rng.usize(..AuthorizationKind::ALL.len())],
        1 => AuthorizationKind::AccountVerification,
        2 => AuthorizationKind::Credit,
        3 => AuthorizationKind::CashWithdrawal,
        _ => AuthorizationKind::Purchase,
    };
    let amount = if rng.u8(0..15) == 0 { 0 } else { rng.i64(1..20) * 50 };
    let payment = if rng.bool() { payment(key).with_alias(id(&format!("alias-{key}"))) } else { payment(key) };
    let request = AuthorizationRequest {
        posting: if rng.u8(0..4) == 0 { Posting::Immediate } else { Posting::Hold },
        card: match rng.u8(0..20) {
            0 => Some(id("nobody's")),
            1 => None,
            _ => Some(id("c")),
        },
        payment,
        original: rng.bool().then(|| eur(amount)),
        expiry: if rng.bool() { Expiry::Ours } else { Expiry::Told },
        cardholder: match rng.u8(0..12) {
            0 => Some(id("nobody")),
            1..6 => Some(id("h")),
            _ => None,
        },
        merchant: Merchant { id: rng.bool().then(|| id(&format!("m{}", rng.u8(0..12)))), ..Merchant::default() },
        padding: if rng.bool() { Padding::None } else { Padding::ByPlatform },
        partial_approval: if rng.u8(0..3) == 0 { PartialApproval::Supported } else { PartialApproval::NotSupported },
        occurred_at: rng.bool().then(|| now.saturating_sub(Duration::from_secs(rng.u64(0..90)))),
        ..of_kind(kind, key, amount)
    };
    let mut limits: Vec<u64> = (1..=3).filter(|_| rng.bool()).collect();
    rng.shuffle(&mut limits);
    let limits: Vec<LimitCheck> = limits.into_iter().map(|number| check(rng, number)).collect();
    let policy = HoldPolicy {
        extra: if rng.u8(0..3) == 0 { rng.i64(1..4) * 50 } else { 0 },
        tolerance: rng.i64(0..50),
        partial_min: rng.bool().then(|| rng.i64(1..300)),
        ..HoldPolicy::PLAIN
    };
    let verdict = match rng.u8(0..15) {
        0 => Verdict::Decline { reason: DeclineReason::SuspectedFraud, rule: id("a-rule") },
        _ => proceed(&request, &limits, policy),
    };
    let platform = if rng.u8(0..5) == 0 { None } else { origin().platform };
    let operator = (rng.u8(0..9) == 0).then_some([7; 16]);
    let origin = crate::ledger::Origin { platform, operator, ..origin() };
    Decide { origin, verdict, digest: request.content_digest(), ruleset: [rng.u8(..); 32], received_at: now, ..asked(request) }
}

fn performing(database: &Database, key: NameKey) -> Performing {
    Performing { key, numbers: Numbers::of(3), ahead: Ahead::default(), at: database.whereabouts() }
}

/// What was compared.
#[derive(Debug, Default)]
struct Compared {
    decided: u64,
    left_to_the_engine: u64,
    approved: u64,
    told_what_is_left: u64,
}

/// Asks both; what they said and wrote is the same.
async fn compare(transaction: &mut Transaction<'_>, database: &Database, key: NameKey, seed: u64, sum: &mut Compared) {
    let mut rng = Rng::with_seed(seed);
    let now =
        Moment { instant: clock::instant(), utc: Timestamp::from_unix_micros(1_700_000_000_000_000 + rng.i64(0..1_000_000_000)) };
    transaction.batch_execute(&slice(&mut rng)).await.unwrap();
    let name = format!("key-{seed}");
    let mut decide = question(&mut rng, &name, now.utc);
    decide.not_after = now.instant + LONG;
    if rng.u8(0..12) == 0 {
        // It was asked before, perhaps with other content.
        let before = if rng.bool() { decide.request } else { question(&mut rng, &name, now.utc).request };
        let before = Decide { digest: before.content_digest(), request: before, ..asked(before) };
        let before = Act::Decide(Decide { origin: decide.origin, verdict: decide.verdict.clone(), ..before });
        performing(database, key).perform_in(transaction, program(), &[&before], || now).await.unwrap();
    }
    let nothing = written(transaction).await;
    let Some(plain) = Plain::of(&decide) else {
        sum.left_to_the_engine += 1;
        return;
    };
    let by_function = transaction.savepoint("f").await.unwrap();
    let one = performing(database, key);
    // The statement's moment is now; the question's was long ago.
    let ahead = Ahead::default();
    ahead.learn(Timestamp::from_unix_seconds(4_000_000_000), now.utc);
    let said = plain.ask(&by_function, key, &one.numbers, &ahead, &now, &one.at).await.unwrap();
    let wrote = written(&by_function).await;
    by_function.rollback().await.unwrap();
    let Said::Decided(answer, account, left) = said else {
        assert_eq!(wrote, nothing, "seed {seed}: the engine was to decide, and something is written");
        sum.left_to_the_engine += 1;
        return;
    };
    let by_engine = transaction.savepoint("e").await.unwrap();
    let two = performing(database, key);
    let act = Act::Decide(decide);
    let done = two.perform_in(&by_engine, program(), &[&act], || now).await.unwrap();
    let engine_wrote = written(&by_engine).await;
    by_engine.rollback().await.unwrap();
    assert_eq!(vec![answer.clone()], done.answers, "seed {seed}: {act:?}");
    assert_eq!(wrote, engine_wrote, "seed {seed}: {act:?}");
    if let Some(left) = account.zip(left) {
        assert_eq!(vec![left], done.news.accounts, "seed {seed}: {act:?}");
        sum.told_what_is_left += 1;
    }
    sum.decided += 1;
    sum.approved += u64::from(matches!(answer, Ok(Answer::Decided { decision: Decision::Approve { .. }, .. })));
}

fn compare_many(server: &'static Server, seeds: std::ops::Range<u64>) -> Compared {
    let name = server.database();
    let ledger = start(server, &name, 1);
    let house = wait(submit(&ledger, Act::Enter(origin(), vec![account("a", 0), card("c", "a", Some("h"))])));
    assert!(house.is_ok());
    drop(ledger);
    let database = server.reach(&name);
    run(async {
        let pool = database.pool(1).unwrap();
        let mut client = pool.get().await.unwrap();
        let key = crate::ledger::postgres::name_key(&client, &database.whereabouts()).await.unwrap();
        let mut sum = Compared::default();
        for seed in seeds {
            let mut transaction = client.transaction().await.unwrap();
            compare(&mut transaction, &database, key, seed, &mut sum).await;
            transaction.rollback().await.unwrap();
        }
        sum
    })
}

#[test]
fn the_function_and_the_engine_decide_alike() {
    compare_in_all(cases());
}

#[test]
#[ignore = "a quarter of an hour on a machine that does nothing else"]
fn the_function_and_the_engine_decide_alike_a_hundred_thousand_times() {
    compare_in_all(100_000);
}

fn compare_in_all(cases: u64) {
    let Some(server) = shared() else { return };
    let each = cases.div_ceil(THREADS);
    let sums: Vec<Compared> = std::thread::scope(|scope| {
        let compare = |thread| scope.spawn(move || compare_many(server, thread * each..(thread + 1) * each));
        let threads: Vec<_> = (0..THREADS).map(compare).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let total = |of: fn(&Compared) -> u64| sums.iter().map(of).sum::<u64>();
    let (decided, engine, approved) = (total(|sum| sum.decided), total(|sum| sum.left_to_the_engine), total(|sum| sum.approved));
    println!("{decided} decided by both ({approved} approved), {engine} left to the engine");
    assert!(decided * 10 > (decided + engine) * 5 && approved * 10 > decided * 2, "{decided} {engine} {approved}");
    let left = total(|sum| sum.told_what_is_left);
    assert!(left <= approved && left * 10 > approved * 2, "{left} {approved}");
}
