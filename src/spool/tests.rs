//! The spool: what is durable, what is taken back, and what a disk that says no leaves behind. The disk of these tests fails,
//! or stands still, when it is told to.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};

use holdfast_adapters::Unrecognized;
use holdfast_core::agent::{CorrelationDigest, Governed, Mode, OrganizationId, Weight};
use holdfast_core::hold::{CardStatus, Fact, Finding, ReleaseCause, ToldAnswer};
use holdfast_core::rules::{
    CounterKey, Enforcement, HoldPolicy, LimitCheck, LimitScope, Margin, OfLess, Percent, Proceed, StillOpen, Verdict, Way, Ways,
    Window,
};
use holdfast_core::{
    AccountId, Basis, CardToken, Checkout, DeclineReason, MerchantId, PlatformName, RuleId, StandInCause, Timestamp,
};

use super::gate::Say;
use super::*;
use crate::clock;
use crate::fixture::{origin, payment, program, purchase, told, usd};
use crate::ledger::{Act, Adopt, Answer, Completions, KeptKind, KeptRuleset, Ledger, Noted, Operation, Readiness, Ticket};

pub(super) struct Silent;

impl Observer for Silent {}

fn answer(key: &str, told: ToldAnswer) -> Entry {
    let request = purchase(key, 1_000);
    let basis = Basis::StandIn(StandInCause::LedgerUnavailable);
    let digest = request.content_digest();
    let adopt = Adopt {
        origin: origin(),
        request,
        digest,
        verdict: None,
        told,
        basis,
        governed: None,
        received_at: clock::utc(),
        slip: None,
    };
    Entry::Told(Box::new(adopt), AccountId::new("acct").ok())
}

pub(super) fn approval(key: &str) -> Entry {
    answer(key, ToldAnswer::Approved { amount: usd(1_000) })
}

fn decline(key: &str) -> Entry {
    answer(key, ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable })
}

/// An answer whose digest has neither the merchant's name nor its country.
fn kept_by_an_earlier_version(key: &str) -> Entry {
    let Entry::Told(mut adopt, account) = approval(key) else { panic!("no answer") };
    adopt.digest = (*adopt.request.content_digest().without_names()).into();
    Entry::Told(adopt, account)
}

pub(super) fn settings(directory: &tempfile::TempDir) -> Settings {
    Settings { path: directory.path().join(FILE), sync: Sync::Full, entries_max: 100 }
}

/// Keys of the entries that the file has, by number.
fn kept(spool: &Spool) -> Vec<(i64, String)> {
    let rows = spool.reader().unwrap().page(0, i64::MAX, 1_000).unwrap();
    rows.iter().map(|row| (row.number, key_of(&row.entry().unwrap()))).collect()
}

fn key_of(entry: &Entry) -> String {
    match entry {
        Entry::Told(adopt, _) => adopt.request.key.to_string(),
        Entry::Fact(_, event) => event.key.to_string(),
        Entry::Kept(_, unrecognized) => unrecognized.problem.clone(),
        Entry::Ordered(_, operation, _) => operation.key.clone(),
        Entry::Published(_, kept) => kept.why.clone(),
    }
}

fn names(kept: &[(i64, String)]) -> Vec<&str> {
    kept.iter().map(|(_, key)| key.as_str()).collect()
}

pub(super) async fn durable(put: &Put) -> Kept {
    put.durable_by(clock::instant().checked_add(Duration::from_secs(20)).unwrap()).await
}

/// A spool whose disk asks before each transaction.
fn gated(directory: &tempfile::TempDir) -> (Spool, Receiver<usize>, Sender<Say>) {
    gate::gated(settings(directory), Arc::new(Silent))
}

/// What an operator asked while the ledger was away.
fn freeze(key: &str) -> Entry {
    let card = "c".parse().unwrap();
    let operation = Operation {
        program: program().to_string(),
        key: key.to_owned(),
        request: [3; 32],
        who: "ann".to_owned(),
        why: "reported".to_owned(),
        at: Timestamp::EPOCH,
    };
    let event = told(&format!("operation-{key}"), Fact::Card { card, status: CardStatus::Frozen });
    Entry::ordered(program(), operation, event)
}

/// A table that was published while the ledger was away.
fn table(second: i64, why: &str) -> Entry {
    let published_at = Timestamp::from_unix_seconds(second);
    let (source, published_by, why) = ("currency = 'USD'".to_owned(), "ann".to_owned(), why.to_owned());
    let of = program().to_string();
    Entry::published(
        program(),
        KeptRuleset { kind: KeptKind::StandIn, hash: [9; 32], program: of, source, published_at, published_by, why },
    )
}

/// A partial approval, of terms that depend on how much was approved.
fn of_less(key: &str) -> Entry {
    let Entry::Told(mut adopt, account) = approval(key) else { panic!("an answer is told") };
    let fifth = Margin { percent: Some(Percent::whole(20)), ..Margin::default() };
    let of_less = Some(OfLess::new(Some(fifth), None, None));
    let hold = HoldPolicy { extra: 200, partial_min: Some(1), of_less, ..HoldPolicy::PLAIN };
    let proceed = Proceed { ceiling: usd(1_000), limits: [].into_iter().collect(), hold, ways: None };
    adopt.verdict = Some((Verdict::Proceed(proceed), [4; 32]));
    adopt.told = ToldAnswer::Approved { amount: usd(500) };
    Entry::Told(adopt, account)
}

/// Of a question at the processors' door.
fn correlated(entry: Entry) -> Entry {
    let Entry::Told(mut adopt, account) = entry else { panic!("an answer is told") };
    let (authority, policy, binding, intent, would) = (None, None, None, None, None);
    let (asked_by, correlation) = (OrganizationId::new("proc_1").ok(), Some(CorrelationDigest([7; 16])));
    let (mode, weight) = (Mode::Enforce, Weight::Moves);
    adopt.governed = Some(Governed { authority, policy, binding, intent, asked_by, mode, weight, would, correlation });
    Entry::Told(adopt, account)
}

/// An approval that took the second of two ways, of which each has a limit.
fn by_way(key: &str) -> Entry {
    let Entry::Told(mut adopt, account) = of_less(key) else { panic!("an answer is told") };
    let Some((Verdict::Proceed(proceed), _)) = &mut adopt.verdict else { panic!("it has an opinion") };
    let both = Ways::first_of(2);
    let on = |way: Way| LimitCheck {
        limit: RuleId::new("budget").unwrap(),
        counter: CounterKey(u64::from(way.number())),
        scope: LimitScope::Authority,
        window: Window::Lifetime,
        amount_max: Some(1_000),
        count_max: None,
        enforcement: Enforcement::Enforce,
        still: StillOpen::default(),
        ways: Some(way.into()),
    };
    proceed.limits = both.iter().map(on).collect();
    proceed.ways = Some(both);
    *proceed = proceed.clone().by(both.iter().nth(1));
    Entry::Told(adopt, account)
}

#[test]
fn every_entry_reads_as_it_was_written() {
    let fact = told("told-1", Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed });
    let unrecognized = Unrecognized { digest: [7; 32], problem: "type".to_owned(), redacted: "{}".to_owned() };
    let Entry::Told(mut at_checkout, account) = approval("c") else { panic!("an answer is told") };
    at_checkout.request.checkout = Some(Checkout { surcharge: 350, ..Checkout::NOTHING_TOLD });
    let mut with_slip = at_checkout.clone();
    with_slip.slip = Some(Arc::new(crate::ledger::Slip {
        program: with_slip.origin.program,
        platform: PlatformName::new("door").unwrap(),
        payment: with_slip.request.payment.authorization,
        kind: 1,
        merchant: MerchantId::new("m").unwrap(),
        source: CardToken::new("s").unwrap(),
        at: Timestamp::EPOCH,
        body: None,
        lasting: None,
        waits: false,
    }));
    let mut past_rules = with_slip.clone();
    past_rules.slip.as_mut().map(Arc::make_mut).unwrap().lasting = Some("{}".to_owned());
    past_rules.request.checkout =
        Some(Checkout { surcharge: 350, monitoring: holdfast_core::Monitoring::Bypassed, ..Checkout::NOTHING_TOLD });
    let past_rules = Entry::Told(past_rules, account);
    let of_both = correlated(of_less("g"));
    let (of_less, mut less_past_rules) = (of_less("l"), of_less("p"));
    if let (Entry::Told(adopt, _), Entry::Told(other, _)) = (&mut less_past_rules, &past_rules) {
        (adopt.request, adopt.digest, adopt.slip) = (other.request, other.digest, other.slip.clone());
    }
    let (at_checkout, with_slip) = (Entry::Told(at_checkout, account), Entry::Told(with_slip, account));
    for entry in [
        correlated(approval("f")),
        of_both,
        at_checkout,
        past_rules,
        with_slip,
        of_less,
        by_way("w"),
        less_past_rules,
        approval("a"),
        decline("d"),
        kept_by_an_earlier_version("e"),
        Entry::Fact(origin(), Box::new(fact)),
        Entry::Kept(origin(), unrecognized),
        freeze("order-1"),
        table(1, "a table"),
        table(2, &"a long table ".repeat(1_000)),
    ] {
        let bytes = entry.to_bytes().unwrap();
        let digest = entry::digest_of(&bytes);
        let read = Entry::from_bytes(&bytes, &digest).unwrap();
        assert_eq!(format!("{read:?}"), format!("{entry:?}"));
        assert_eq!(Entry::from_bytes(&bytes, &[0; 8]).unwrap_err(), Unreadable::Digest);
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Entry::from_bytes(&longer, &entry::digest_of(&longer)).unwrap_err(), Unreadable::Content);
    }
}

/// What an earlier version wrote has no such terms, and reads on.
#[test]
fn the_ledger_hears_the_terms_of_a_partial_approval() {
    let entry = of_less("part");
    let bytes = entry.to_bytes().unwrap();
    let read = Entry::from_bytes(&bytes, &entry::digest_of(&bytes)).unwrap();
    let Act::Adopt(Adopt { verdict: Some((Verdict::Proceed(proceed), _)), .. }) = read.act() else { panic!("{read:?}") };
    assert_eq!(proceed.hold.for_approved(500, 1_000).extra, 100, "a fifth of what was approved");
}

/// Where nobody chose a way, it is the first that was open.
#[test]
fn the_ledger_hears_of_the_way_that_was_taken_and_of_its_limits_alone() {
    let heard = |entry: &Entry| {
        let bytes = entry.to_bytes().unwrap();
        let read = Entry::from_bytes(&bytes, &entry::digest_of(&bytes)).unwrap();
        let Act::Adopt(Adopt { verdict: Some((Verdict::Proceed(proceed), _)), .. }) = read.act() else { panic!("{read:?}") };
        (proceed.first_way().map(Way::number), proceed.limits.len())
    };
    let taken = by_way("w");
    assert_eq!(heard(&taken), (Some(2), 1));
    let Entry::Told(mut adopt, account) = taken else { panic!("an answer is told") };
    if let Some((Verdict::Proceed(proceed), _)) = &mut adopt.verdict {
        proceed.ways = Some(Ways::first_of(2));
    }
    assert_eq!(heard(&Entry::Told(adopt, account)), (Some(1), 1));
}

#[test]
fn a_spool_is_one_servers() {
    let directory = tempfile::tempdir().unwrap();
    let settings = |directory: &tempfile::TempDir| Settings {
        path: directory.path().join("not/there yet").join(FILE),
        ..settings(directory)
    };
    let spool = Spool::open(settings(&directory), Arc::new(Silent)).unwrap();
    let another = Spool::open(settings(&directory), Arc::new(Silent));
    assert!(matches!(another, Err(SpoolError::InUse(_))));
    drop(spool);
    assert!(Spool::open(settings(&directory), Arc::new(Silent)).is_ok());
}

#[tokio::test]
async fn what_is_durable_is_there_after_a_restart_and_numbers_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(settings(&directory), Arc::new(Silent)).unwrap();
    for key in ["one", "two", "three"] {
        assert_eq!(durable(&spool.put(approval(key), clock::utc())).await, Kept::Durable);
    }
    spool.grown_beyond(2).await;
    spool.forget(vec![1, 2, 3]);
    drop(spool);
    let spool = Spool::open(settings(&directory), Arc::new(Silent)).unwrap();
    assert!(kept(&spool).is_empty());
    assert_eq!(durable(&spool.put(decline("four"), clock::utc())).await, Kept::Durable);
    assert_eq!(kept(&spool), [(4, "four".to_owned())]);
    assert_eq!(spool.fill().held, Held { waiting: 1, aside: 0 });
}

#[tokio::test]
async fn an_approval_that_is_given_up_before_its_transaction_is_never_written() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, asking, tell) = gated(&directory);
    let first = spool.put(decline("first"), clock::utc());
    assert_eq!(asking.recv().unwrap(), 1);
    let second = spool.put(approval("second"), clock::utc());
    assert_eq!(second.durable_by(clock::instant()).await, Kept::NotDurable);
    assert_eq!(second.give_up(), Kept::NotDurable);
    let third = spool.put(decline("second"), clock::utc());
    tell.send(Say::Write).unwrap();
    assert_eq!(durable(&first).await, Kept::Durable);
    assert_eq!(asking.recv().unwrap(), 1);
    tell.send(Say::Write).unwrap();
    assert_eq!(durable(&third).await, Kept::Durable);
    assert_eq!(names(&kept(&spool)), ["first", "second"]);
}

#[tokio::test]
async fn an_approval_that_is_given_up_while_it_is_written_is_taken_back_before_anybody_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, asking, tell) = gated(&directory);
    let put = spool.put(approval("overtaken"), clock::utc());
    assert_eq!(asking.recv().unwrap(), 1);
    assert_eq!(put.give_up(), Kept::NotDurable);
    tell.send(Say::Write).unwrap();
    // The transaction that takes it back.
    assert_eq!(asking.recv().unwrap(), 0);
    assert_eq!(names(&kept(&spool)), ["overtaken"]);
    assert_eq!(spool.ready(), 0);
    tell.send(Say::Write).unwrap();
    spool.grown_beyond(0).await;
    assert!(kept(&spool).is_empty());
    assert_eq!(put.durable_by(clock::instant()).await, Kept::NotDurable);
    assert_eq!(spool.fill().held, Held::default());
}

#[tokio::test]
async fn a_decline_waits_for_its_disk_and_an_approval_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, asking, tell) = gated(&directory);
    let no = spool.put(decline("no"), clock::utc());
    assert_eq!(asking.recv().unwrap(), 1);
    tell.send(Say::Fail).unwrap();
    assert_eq!(durable(&no).await, Kept::NotDurable);
    let yes = spool.put(approval("yes"), clock::utc());
    // Both are tried; the disk has them, and says that it has not.
    while asking.recv().unwrap() != 2 {
        tell.send(Say::Fail).unwrap();
    }
    tell.send(Say::WriteAndFail).unwrap();
    assert_eq!(durable(&yes).await, Kept::NotDurable);
    assert_eq!(yes.give_up(), Kept::NotDurable);
    // The approval is taken back, the decline is there once.
    while asking.recv().unwrap() != 1 {
        tell.send(Say::Fail).unwrap();
    }
    tell.send(Say::Write).unwrap();
    spool.grown_beyond(0).await;
    assert_eq!(names(&kept(&spool)), ["no"]);
    assert_eq!(no.durable_by(clock::instant()).await, Kept::Durable);
}

#[tokio::test]
async fn a_disk_that_said_no_is_asked_with_a_few_of_those_that_wait() {
    let directory = tempfile::tempdir().unwrap();
    let many = Settings { entries_max: 10_000, ..settings(&directory) };
    let (spool, asking, tell) = gate::gated(many, Arc::new(Silent));
    let first = spool.put(decline("first"), clock::utc());
    assert_eq!(asking.recv().unwrap(), 1);
    let others: Vec<_> = (0..600).map(|number| spool.put(decline(&format!("no-{number}")), clock::utc())).collect();
    tell.send(Say::Fail).unwrap();
    assert_eq!(durable(&first).await, Kept::NotDurable);
    // All the others came while it was asked. Some may be tried before all are there, and none more than a few at a time.
    for other in &others {
        assert_eq!(durable(other).await, Kept::NotDurable);
    }
    let mut tried = asking.recv().unwrap();
    while tried < 256 {
        tell.send(Say::Fail).unwrap();
        tried = asking.recv().unwrap();
    }
    assert_eq!(tried, 256);
    tell.send(Say::Write).unwrap();
    // It takes them again: all the rest at once, behind them.
    assert_eq!(asking.recv().unwrap(), 345);
    assert_eq!((spool.ready(), kept(&spool).len()), (256, 256));
    tell.send(Say::Write).unwrap();
    spool.grown_beyond(600).await;
    let all = kept(&spool);
    assert_eq!((all.len(), names(&all[..2]), names(&all[600..])), (601, vec!["first", "no-0"], vec!["no-599"]));
}

/// Else a process that is killed between the two transactions gives numbers again.
#[tokio::test]
async fn numbers_are_given_once_though_a_disk_has_what_it_refused() {
    let directory = tempfile::tempdir().unwrap();
    let many = Settings { entries_max: 10_000, ..settings(&directory) };
    let (spool, asking, tell) = gate::gated(many, Arc::new(Silent));
    let mut told = vec![spool.put(decline("first"), clock::utc())];
    assert_eq!(asking.recv().unwrap(), 1);
    told.extend((0..300).map(|number| spool.put(decline(&format!("no-{number}")), clock::utc())));
    tell.send(Say::Write).unwrap();
    assert_eq!(asking.recv().unwrap(), 300);
    tell.send(Say::WriteAndFail).unwrap();
    assert_eq!(asking.recv().unwrap(), 256);
    tell.send(Say::Write).unwrap();
    assert_eq!(asking.recv().unwrap(), 44);
    assert_eq!(spool.reader().unwrap().next().unwrap(), 302);
    tell.send(Say::Write).unwrap();
    spool.grown_beyond(300).await;
    assert_eq!((spool.fill().held.waiting, kept(&spool).len()), (301, 301));
}

/// Each was refused, and its caller heard so: none of them is on the disk, and none makes room for declines.
#[tokio::test]
async fn what_a_disk_refused_makes_no_room() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, asking, tell) = gated(&directory);
    let (is_well, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let disk = std::thread::spawn({
        let (is_well, asked) = (Arc::clone(&is_well), Arc::clone(&asked));
        move || {
            while asking.recv().is_ok() {
                asked.fetch_add(1, Ordering::SeqCst);
                let says = if is_well.load(Ordering::SeqCst) { Say::Write } else { Say::Fail };
                if tell.send(says).is_err() {
                    return;
                }
            }
        }
    });
    // The disk is asked again a few times a second, as long as something waits for it.
    let until_asked_again = async || {
        let before = asked.load(Ordering::SeqCst);
        while asked.load(Ordering::SeqCst) < before + 2 {
            tokio::task::yield_now().await;
        }
    };
    let waits = spool.put(decline("no"), clock::utc());
    assert_eq!(durable(&waits).await, Kept::NotDurable);
    for number in 0..60 {
        let refused = spool.put(approval(&format!("yes-{number}")), clock::utc());
        assert_eq!(durable(&refused).await, Kept::NotDurable);
        assert_eq!(refused.give_up(), Kept::NotDurable);
    }
    until_asked_again().await;
    for number in 0..150 {
        assert_eq!(durable(&spool.put(decline(&format!("no-{number}")), clock::utc())).await, Kept::NotDurable);
    }
    until_asked_again().await;
    is_well.store(true, Ordering::SeqCst);
    spool.grown_beyond(1).await;
    while spool.fill().held.waiting < 94 {
        tokio::task::yield_now().await;
    }
    // Of a hundred the last ones are for bars.
    assert_eq!(durable(&spool.put(freeze("bar"), clock::utc())).await, Kept::Durable);
    assert_eq!(spool.fill().held.waiting, 95);
    drop(spool);
    disk.join().unwrap();
}

#[tokio::test]
async fn a_full_spool_takes_nothing_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let full = Settings { entries_max: 2, ..settings(&directory) };
    let spool = Spool::open(full, Arc::new(Silent)).unwrap();
    for key in ["one", "two"] {
        assert_eq!(durable(&spool.put(approval(key), clock::utc())).await, Kept::Durable);
    }
    let crowded_out = spool.put(decline("three"), clock::utc());
    assert_eq!(durable(&crowded_out).await, Kept::NotDurable);
    spool.set_aside(1, clock::utc(), "the ledger trips over it".to_owned());
    assert_eq!(durable(&spool.put(decline("four"), clock::utc())).await, Kept::NotDurable);
    spool.forget(vec![2]);
    spool.grown_beyond(2).await;
    assert_eq!(names(&kept(&spool)), ["three"]);
    let aside = spool.reader().unwrap().set_aside().unwrap();
    assert_eq!(aside.len(), 1);
    assert_eq!((aside[0].row.number, aside[0].reason.as_str()), (1, "the ledger trips over it"));
}

#[test]
fn files_that_are_not_ours_are_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let Settings { path, sync, .. } = settings(&directory);
    drop(File::open(&path, sync).unwrap());
    let change = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 99");
    assert!(matches!(File::open(&path, sync), Err(SpoolError::Newer { format: 99, ours: 5, .. })));
    change("PRAGMA user_version = 1; PRAGMA application_id = 5");
    assert!(matches!(File::open(&path, sync), Err(SpoolError::Foreign(_))));
    std::fs::write(&path, "not a database, but long enough to be looked at as if it were one").unwrap();
    assert!(matches!(File::open(&path, sync), Err(SpoolError::Foreign(_))));
}

#[tokio::test]
async fn what_was_set_aside_waits_again_under_a_new_number_once() {
    let directory = tempfile::tempdir().unwrap();
    let (spool, asking, tell) = gated(&directory);
    let put = spool.put(approval("one"), clock::utc());
    tell.send(Say::Write).unwrap();
    assert_eq!(durable(&put).await, Kept::Durable);
    tell.send(Say::Write).unwrap();
    spool.set_aside(1, clock::utc(), "no".to_owned());
    while spool.fill().held.aside == 0 {
        tokio::task::yield_now().await;
    }
    // The disk has it, and says that it has not: it is there once.
    for say in [Say::WriteAndFail, Say::Write] {
        tell.send(say).unwrap();
    }
    let back = spool.bring_back(1, clock::utc(), "ann".to_owned(), "the account is there now".to_owned());
    assert_eq!(back.await, Some(2));
    assert_eq!(names(&kept(&spool)), ["one"]);
    assert_eq!(spool.fill().held, Held { waiting: 1, aside: 0 });
    assert_eq!(spool.ready(), 2);
    tell.send(Say::Write).unwrap();
    assert_eq!(spool.bring_back(1, clock::utc(), "ann".to_owned(), "again".to_owned()).await, None);
    let told: Vec<_> = spool.reader().unwrap().brought_back().unwrap();
    assert_eq!(told.iter().map(|back| (back.was, back.number, back.by.as_str())).collect::<Vec<_>>(), [(1, 2, "ann")]);
    drop((asking, tell));
}

#[test]
fn a_file_of_format_1_is_brought_to_this_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = settings(&directory).path;
    drop(File::open(&path, Sync::Full).unwrap());
    let older = rusqlite::Connection::open(&path).unwrap();
    older
        .execute_batch(
            "DROP TABLE brought_back; DROP TABLE switch; DROP TABLE switch_key; DROP TABLE name; DROP TABLE away; DROP TABLE counted; PRAGMA user_version = 1",
        )
        .unwrap();
    drop(older);
    let file = File::open(&path, Sync::Full).unwrap();
    assert_eq!((file.brought_back().unwrap(), file.switches().unwrap()), (vec![], vec![]));
}

/// A ledger that hears everything at once.
struct Hears;

impl Ledger for Hears {
    fn submit(&self, ticket: Arc<Ticket>) {
        let mut completions = Completions::default();
        completions.complete(&ticket, Ok(Answer::Recorded(None)));
        completions.announce();
    }

    fn nudge(&self) {}

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

/// Counts entries and the ends of waves.
#[derive(Default)]
struct Counts {
    heard: AtomicI64,
    waves: AtomicI64,
}

impl Heard for Counts {
    fn heard(&self, _: &Entry) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    fn refused(&self, _: &Entry, _: Refused) {}

    fn wave_ended(&self, _: Wave) {
        self.waves.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn whoever_waits_is_woken_once_for_all_that_the_ledger_heard() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Arc::new(Spool::open(settings(&directory), Arc::new(Silent)).unwrap());
    for number in 0..5 {
        assert_eq!(durable(&spool.put(approval(&format!("key-{number}")), clock::utc())).await, Kept::Durable);
    }
    // Whoever waits for an entry hears of it before the reconciler does: without this, the last one may be a wave of its own.
    spool.grown_beyond(4).await;
    let counts = Arc::new(Counts::default());
    let (stop, stopped) = tokio::sync::watch::channel(());
    let (_, begin) = oneshot::channel();
    let reconciler = Reconciler {
        begin,
        spool: Arc::clone(&spool),
        ledger: Arc::new(Hears),
        heard: Arc::clone(&counts) as Arc<dyn Heard>,
        observer: Arc::new(Silent),
    };
    drop(stop);
    reconciler.run(stopped).await;
    assert_eq!((counts.heard.load(Ordering::Relaxed), counts.waves.load(Ordering::Relaxed)), (5, 1));
}

/// A ledger that remembers what it was asked, and has each operation's key answered as that says.
#[derive(Default)]
struct Remembers {
    acts: Mutex<Vec<String>>,
    published: Mutex<Vec<KeptRuleset>>,
}

impl Ledger for Remembers {
    fn submit(&self, ticket: Arc<Ticket>) {
        let (says, answer) = ticket.with_act(|act| match act {
            Act::Note(operation) if operation.key == "taken" => ("note taken".to_owned(), Answer::Noted(Noted::Conflict)),
            Act::Note(operation) => (format!("note {} by {}", operation.key, operation.who), Answer::Noted(Noted::New)),
            Act::Tell(origin, event) if event.key.as_str() == "operation-nobodys" => {
                (format!("tell {}", origin.operator.is_some()), Answer::Recorded(Some(Finding::AccountUnknown)))
            }
            Act::Tell(origin, event) => (format!("tell {} {}", event.key, origin.operator.is_some()), Answer::Recorded(None)),
            Act::Rulesets(_) => ("versions".to_owned(), Answer::Rulesets(self.published.lock().unwrap().clone())),
            Act::Publish(kept, _) => {
                self.published.lock().unwrap().push(KeptRuleset::clone(kept));
                (format!("publish {}", kept.why), Answer::Recorded(None))
            }
            Act::Rest
            | Act::Prove
            | Act::Decide(_)
            | Act::Preview(_)
            | Act::Adopt(_)
            | Act::TellOurs(..)
            | Act::Order(..)
            | Act::Keep(..)
            | Act::Balances(..)
            | Act::Accounts { .. }
            | Act::Enter(..)
            | Act::WasNoted(_)
            | Act::Announce(_)
            | Act::BeginAt(_)
            | Act::TakeAway
            | Act::Look(..)
            | Act::Slips(_)
            | Act::BeginSlip(..)
            | Act::EndWaits(_)
            | Act::EraseSlips(_)
            | Act::PublishFirst(_)
            | Act::KeepSlip(_) => unasked(act),
        });
        self.acts.lock().unwrap().push(says);
        let mut completions = Completions::default();
        completions.complete(&ticket, Ok(answer));
        completions.announce();
    }

    fn nudge(&self) {}

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

/// Nothing else is in these spools.
fn unasked(act: &Act) -> (String, Answer) {
    panic!("nobody asked for {act:?}")
}

#[tokio::test]
async fn what_an_operator_said_is_taken_down_before_it_is_done_and_set_aside_where_it_cannot_be() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Arc::new(Spool::open(settings(&directory), Arc::new(Silent)).unwrap());
    for key in ["fine", "taken", "nobodys"] {
        assert_eq!(durable(&spool.put(freeze(key), clock::utc())).await, Kept::Durable);
    }
    spool.grown_beyond(2).await;
    let ledger = Arc::new(Remembers::default());
    let counts = bring(&spool, &ledger).await;
    let acts = ledger.acts.lock().unwrap().clone();
    // All of one card, and so one after the other.
    assert_eq!(acts, ["note fine by ann", "tell operation-fine true", "note taken", "note nobodys by ann", "tell true"]);
    assert_eq!(counts.heard.load(Ordering::Relaxed), 1);
    until_held(&spool, Held { waiting: 0, aside: 2 }).await;
    let aside = spool.reader().unwrap().set_aside().unwrap();
    let reasons: Vec<_> = aside.iter().map(|aside| aside.reason.as_str()).collect();
    assert_eq!(reasons, ["the ledger knows its key with another request", "the ledger cannot do it: account_unknown"]);
}

/// Waits until the file has no more and no less.
async fn until_held(spool: &Spool, expected: Held) {
    while spool.fill().held != expected {
        tokio::task::yield_now().await;
    }
}

/// Brings everything that waits to that ledger.
async fn bring(spool: &Arc<Spool>, ledger: &Arc<Remembers>) -> Arc<Counts> {
    let counts = Arc::new(Counts::default());
    let (stop, stopped) = tokio::sync::watch::channel(());
    let (_, begin) = oneshot::channel();
    let reconciler = Reconciler {
        begin,
        spool: Arc::clone(spool),
        ledger: Arc::clone(ledger) as Arc<dyn Ledger>,
        heard: Arc::clone(&counts) as Arc<dyn Heard>,
        observer: Arc::new(Silent),
    };
    drop(stop);
    reconciler.run(stopped).await;
    counts
}

#[tokio::test]
async fn tables_are_published_in_their_order_once_and_never_over_a_newer_one() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Arc::new(Spool::open(settings(&directory), Arc::new(Silent)).unwrap());
    for entry in [table(1, "known"), table(2, "one"), table(3, "two")] {
        assert_eq!(durable(&spool.put(entry, clock::utc())).await, Kept::Durable);
    }
    spool.grown_beyond(2).await;
    let ledger = Arc::new(Remembers::default());
    let kept = |entry: Entry| {
        let Entry::Published(_, kept) = entry else { panic!("a table is published") };
        *kept
    };
    // From before a crash.
    ledger.published.lock().unwrap().push(kept(table(1, "known")));
    assert_eq!(bring(&spool, &ledger).await.heard.load(Ordering::Relaxed), 3);
    let published = |ledger: &Remembers| ledger.published.lock().unwrap().iter().map(|kept| kept.why.clone()).collect::<Vec<_>>();
    assert_eq!(published(&ledger), ["known", "one", "two"]);
    until_held(&spool, Held { waiting: 0, aside: 0 }).await;
    // Another responder was faster.
    ledger.published.lock().unwrap().push(KeptRuleset { published_by: "bob".to_owned(), ..kept(table(9, "newer")) });
    assert_eq!(durable(&spool.put(table(8, "late"), clock::utc())).await, Kept::Durable);
    spool.grown_beyond(3).await;
    bring(&spool, &ledger).await;
    until_held(&spool, Held { waiting: 0, aside: 1 }).await;
    assert_eq!(published(&ledger), ["known", "one", "two", "newer"]);
    let reason = spool.reader().unwrap().set_aside().unwrap().pop().unwrap().reason;
    assert!(reason.starts_with("a version that bob published at 1970-01-01T00:00:09"), "{reason}");
}

#[tokio::test]
async fn when_there_is_no_room_for_approvals_there_is_some_for_declines_and_bars() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { entries_max: 16, ..settings(&directory) };
    let spool = Spool::open(settings.clone(), Arc::new(Silent)).unwrap();
    for number in 0..14 {
        assert_eq!(durable(&spool.put(approval(&format!("approval-{number}")), clock::utc())).await, Kept::Durable);
    }
    let active = Fact::Card { card: "c".parse().unwrap(), status: CardStatus::Active };
    let active = told("activated", active);
    let cleared = told("cleared", Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed });
    // What loosens something bars nothing.
    for entry in [approval("one too many"), Entry::Fact(origin(), Box::new(cleared)), Entry::Fact(origin(), Box::new(active))] {
        let put = spool.put(entry, clock::utc());
        assert_eq!((durable(&put).await, put.give_up()), (Kept::NotDurable, Kept::NotDurable));
    }
    assert_eq!(durable(&spool.put(decline("told"), clock::utc())).await, Kept::Durable);
    assert_eq!(durable(&spool.put(decline("beyond all"), clock::utc())).await, Kept::NotDurable);
    // A flood of declines leaves room for what bars.
    assert_eq!(durable(&spool.put(freeze("barred"), clock::utc())).await, Kept::Durable);
    let no_room = spool.put(freeze("one too many to bar"), clock::utc());
    assert_eq!((durable(&no_room).await, no_room.give_up()), (Kept::NotDurable, Kept::NotDurable));
    spool.grown_beyond(15).await;
    // What a platform has heard becomes durable when there is room again, and no approval overtakes it.
    spool.forget(vec![1, 2]);
    while !names(&kept(&spool)).contains(&"beyond all") {
        tokio::task::yield_now().await;
    }
    assert!(!names(&kept(&spool)).contains(&"one too many"));
}

#[test]
fn what_is_written_to_a_file_that_was_taken_away_is_not_durable() {
    let directory = tempfile::tempdir().unwrap();
    let (path, log) = (directory.path().join(FILE), directory.path().join("spool.sqlite-wal"));
    let mut file = File::open(&path, Sync::Full).unwrap();
    let mut next = 0;
    let mut write = || {
        next += 1;
        let changes = file::Changes {
            add: vec![(next, Timestamp::EPOCH, Arc::from([1_u8]))],
            forget: Vec::new(),
            confirm: Vec::new(),
            confirmed_since: Timestamp::EPOCH,
            set_aside: Vec::new(),
            bring_back: Vec::new(),
            erase: Vec::new(),
            next: next + 1,
        };
        file.change(&changes).map(|changed| changed.held.waiting)
    };
    // Also before anything was written.
    for taken in [&path, &log, &path, &log] {
        let elsewhere = directory.path().join("elsewhere");
        std::fs::rename(taken, &elsewhere).unwrap();
        assert!(matches!(write(), Err(SpoolError::TakenAway(_))));
        std::fs::copy(&elsewhere, taken).unwrap();
        assert!(matches!(write(), Err(SpoolError::TakenAway(_))), "a copy is another file");
        std::fs::rename(&elsewhere, taken).unwrap();
        write().unwrap();
    }
}
