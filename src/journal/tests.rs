//! The journal against damage: what is written is read back, and what is not whole, not ours or not in order is refused
//! with its place.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use holdfast_core::hold::*;
use holdfast_core::rules::*;
use holdfast_core::*;
use proptest::prelude::*;
use rusqlite::Connection;

use super::store::{FILE, KeptRuleset};
use super::*;

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new("key").unwrap(),
        payment: PaymentRef {
            authorization: AuthorizationId::new("payment").unwrap(),
            alias: Some(AuthorizationId::new("alias").unwrap()),
        },
        increments: Some(PaymentRef::of(AuthorizationId::new("earlier").unwrap())),
        kind: AuthorizationKind::Incremental,
        posting: Posting::Immediate,
        card: Some(CardToken::new("card").unwrap()),
        cardholder: Some(CardholderToken::new("owner").unwrap()),
        amount: usd(i64::MAX),
        merchant: Merchant {
            id: Some(MerchantId::new("mid").unwrap()),
            name: MerchantName::of("Acme"),
            mcc: MerchantCategoryCode::from_number(5411),
            country: Country::new("USA"),
        },
        entry_mode: EntryMode::Recurring,
        wallet: Wallet::Token,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::Supported,
        network: Some(NetworkName::new("VISA").unwrap()),
        occurred_at: Some(Timestamp::from_unix_micros(-1)),
    }
}

fn verdict() -> Verdict {
    let limits = [Window::Since(Timestamp::EPOCH), Window::Rolling { bucket: -7, buckets: 60 }, Window::Lifetime];
    let limits = limits.map(|window| LimitCheck {
        limit: RuleId::new("limit").unwrap(),
        counter: CounterKey(u64::MAX),
        scope: LimitScope::Program,
        window,
        amount_max: Some(i64::MIN),
        count_max: None,
        enforcement: Enforcement::Observe,
    });
    Verdict::Proceed(Proceed { ceiling: usd(1), limits: limits.into_iter().collect() })
}

fn outcome() -> Outcome {
    let decision = Decision::Decline { reason: DeclineReason::AnswerUnknown };
    let hold = Hold {
        posting: Posting::Hold,
        origin: HoldOrigin::Told,
        status: HoldStatus::Expired,
        authorized: 1,
        held: 2,
        ahead: 3,
        captured: i64::MAX,
    };
    let counted =
        Counted { counter: CounterKey(1), scope: LimitScope::Card, window: Window::Lifetime, amount: i64::MIN, count: -1 };
    Outcome {
        decision: Some((decision, Basis::StandIn(StandInCause::Switched))),
        answered: Some(Answered {
            digest: request().content_digest(),
            asked_at: Timestamp::from_unix_micros(5),
            decision,
            placed: 4,
        }),
        posted: i64::MIN,
        held: -1,
        cause: Some(MovementCause::StandInLoss),
        hold: Some(hold),
        counted: [counted; LIMITS_MAX].into_iter().collect(),
        standing: Some(Standing::Account(AccountStatus::Closed)),
        finding: Some(Finding::AmountTooLarge),
    }
}

fn told(fact: Fact) -> ToldEvent {
    ToldEvent {
        key: IdempotencyKey::new("told").unwrap(),
        occurred_at: Some(Timestamp::EPOCH),
        network: None,
        settlement_day: Some(-1),
        subject: Subject { account: Some(AccountId::new("account").unwrap()), card: None, cardholder: None },
        fact,
    }
}

fn facts() -> Vec<Fact> {
    let (payment, asked) = (request().payment, IdempotencyKey::new("key").unwrap());
    let amount = usd(-1);
    vec![
        Fact::Recorded { payment, asked, outcome: RecordedOutcome::Approved { amount } },
        Fact::Recorded { payment, asked, outcome: RecordedOutcome::ApprovedByStandIn { amount, posting: Posting::Hold } },
        Fact::Recorded { payment, asked, outcome: RecordedOutcome::Declined },
        Fact::Reduced { payment, by: amount },
        Fact::Replaced { payment, total: amount },
        Fact::Released { payment, cause: ReleaseCause::Operator },
        Fact::Captured { payment: None, amount, finality: Finality::More },
        Fact::Completed { payment, amount },
        Fact::Credited { payment: Some(payment), amount, cause: MovementCause::Dispute },
        Fact::Debited { payment: None, amount, cause: MovementCause::Fee },
        Fact::Card { card: CardToken::new("card").unwrap(), status: CardStatus::Lost },
        Fact::Cardholder { cardholder: CardholderToken::new("owner").unwrap(), status: CardholderStatus::Suspended },
        Fact::Account { account: AccountId::new("account").unwrap(), status: AccountStatus::Frozen },
        Fact::SettlementAnnounced { total: amount },
    ]
}

/// One of each, in the order of their numbers in the file.
fn bodies() -> Vec<Body> {
    let received_at = Timestamp::from_unix_micros(i64::MIN);
    let basis = Basis::Limit(RuleId::new("limit").unwrap());
    let account = AccountId::new("account").unwrap();
    vec![
        Body::Decided { received_at, ruleset: [9; 32], request: request(), verdict: verdict(), outcome: outcome() },
        Body::Adopted {
            received_at,
            request: request(),
            told: ToldAnswer::Approved { amount: usd(5) },
            basis,
            outcome: Outcome::default(),
        },
        Body::Told { event: told(facts()[0]), outcome: outcome() },
        Body::Kept { digest: [8; 32], problem: "`type` is unknown".to_owned(), redacted: String::new() },
        Body::AccountEntered { account, balance: usd(-5), credit_line: i64::MAX, status: AccountStatus::Active },
        Body::CardEntered { card: CardToken::new("card").unwrap(), account, cardholder: None, status: CardStatus::Stolen },
        Body::RulesPublished { ruleset: [7; 32] },
        Body::Opened,
    ]
}

fn record(body: Body) -> Record {
    let program = Some(ProgramId::new("demo").unwrap());
    Record { at: Timestamp::from_unix_micros(1), program, platform: Some(PlatformName::new("marqeta").unwrap()), body }
}

fn group(records: &[Record]) -> GroupWriter {
    let mut group = GroupWriter::default();
    for record in records {
        group.push(&record.as_written()).unwrap();
    }
    group
}

// --- records ---------------------------------------------------------------------------------------------------------

#[test]
fn every_record_reads_back() {
    let told = facts().into_iter().map(|fact| Body::Told { event: told(fact), outcome: Outcome::default() });
    let mut records: Vec<Record> = bodies().into_iter().chain(told).map(record).collect();
    records.push(Record { program: None, platform: None, ..record(Body::Opened) });
    let group = group(&records);
    assert_eq!(usize::try_from(group.records()).unwrap(), records.len());
    let read = Group::open(group.bytes()).unwrap();
    assert_eq!(read.engine, env!("CARGO_PKG_VERSION"));
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), records);
}

#[test]
fn a_kind_of_record_keeps_its_number() {
    for (number, body) in (0_u8..).zip(bodies()) {
        let record = Record { at: Timestamp::EPOCH, program: None, platform: None, body };
        let bytes = postcard::to_allocvec(&record.as_written()).unwrap();
        assert_eq!(bytes[..4], [0, 0, 0, number], "{:?}", record.body);
    }
}

#[test]
fn a_newer_format_is_refused() {
    let mut bytes = group(&[record(Body::Opened)]).bytes().to_vec();
    bytes[0] += 1;
    assert_eq!(Group::open(&bytes).unwrap_err(), RecordError::Newer(2));
}

#[test]
fn a_cut_group_says_where() {
    let records: Vec<Record> = bodies().into_iter().map(record).collect();
    let whole = group(&records);
    for length in 0..whole.bytes().len() {
        let cut = &whole.bytes()[..length];
        let Ok(group) = Group::open(cut) else {
            assert!(length < 8, "the head is short");
            continue;
        };
        let mut read: Vec<_> = group.collect();
        let damaged = read.pop_if(|last| last.is_err());
        if let Some(damaged) = damaged {
            assert_eq!(damaged, Err(RecordError::Damaged(read.len())), "cut at {length}");
        }
        assert_eq!(read.into_iter().map(Result::unwrap).collect::<Vec<_>>(), records[..read_len(cut)], "cut at {length}");
    }
}

/// How many whole records a cut group has, by their lengths.
fn read_len(cut: &[u8]) -> usize {
    let mut grown = GroupWriter::default();
    let records: Vec<Record> = bodies().into_iter().map(record).collect();
    records
        .iter()
        .take_while(|record| {
            grown.push(&record.as_written()).unwrap();
            grown.bytes().len() <= cut.len()
        })
        .count()
}

#[test]
fn a_group_that_is_cut_back_goes_on_as_if_nothing_had_been() {
    let [first, second, third] = [record(Body::Opened), record(bodies().remove(0)), record(bodies().remove(3))];
    let mut group = GroupWriter::default();
    let empty = group.end();
    group.push(&second.as_written()).unwrap();
    group.cut_back(empty);
    assert_eq!(group.records(), 0);
    group.push(&first.as_written()).unwrap();
    let end = group.end();
    group.push(&second.as_written()).unwrap();
    group.cut_back(end);
    group.push(&third.as_written()).unwrap();
    let read: Vec<_> = Group::open(group.bytes()).unwrap().map(Result::unwrap).collect();
    assert_eq!((read, group.records()), (vec![first, third], 2));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(group) = Group::open(&bytes) {
            group.for_each(drop);
        }
    }

    #[test]
    fn no_flipped_byte_panics(place in any::<prop::sample::Index>(), flip in 1_u8..) {
        let records: Vec<Record> = bodies().into_iter().map(record).collect();
        let mut bytes = group(&records).bytes().to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(group) = Group::open(&bytes) {
            group.for_each(drop);
        }
    }
}

// --- the store -------------------------------------------------------------------------------------------------------

/// A journal of three groups: records 1 to 3, 4, and 5 to 6.
fn three_groups(directory: &Path) -> Journal {
    let mut journal = Journal::open(directory, Sync::None).unwrap();
    for records in [3, 1, 2] {
        let group = group(&vec![record(Body::Opened); records]);
        journal.append(group.records(), group.bytes()).unwrap();
    }
    journal
}

fn read_from(journal: &Journal, from: i64) -> Result<Vec<i64>, JournalError> {
    let mut firsts = Vec::new();
    journal.read(from, |first, _| {
        firsts.push(first);
        Ok::<(), JournalError>(())
    })?;
    Ok(firsts)
}

#[test]
fn reading_begins_with_the_group_that_holds_the_record() {
    let directory = tempfile::tempdir().unwrap();
    let journal = three_groups(directory.path());
    for (from, firsts) in [
        (1, vec![1, 4, 5]),
        (2, vec![1, 4, 5]),
        (3, vec![1, 4, 5]),
        (4, vec![4, 5]),
        (5, vec![5]),
        (6, vec![5]),
        (0, vec![1, 4, 5]),
    ] {
        assert_eq!(read_from(&journal, from).unwrap(), firsts, "from {from}");
    }
}

#[test]
fn the_end_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let journal = three_groups(directory.path());
    let (next, chain) = (journal.next(), *journal.chain());
    assert_eq!(next, 7);
    drop(journal);
    let journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert_eq!((journal.next(), *journal.chain()), (next, chain));
}

#[test]
fn a_changed_row_breaks_the_chain_there() {
    for (change, place) in [
        ("UPDATE journal SET body = x'0100' WHERE first = 1", 1),
        ("UPDATE journal SET body = CAST(body || x'00' AS BLOB) WHERE first = 4", 4),
        ("UPDATE journal SET chain = zeroblob(32) WHERE first = 4", 4),
        ("UPDATE journal SET chain = x'00' WHERE first = 5", 5),
        ("DELETE FROM journal WHERE first = 1", 4),
        ("DELETE FROM journal WHERE first = 4", 5),
        ("UPDATE journal SET first = 50 WHERE first = 5", 50),
        ("UPDATE journal SET records = 2 WHERE first = 4", 5),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let journal = three_groups(directory.path());
        let operator = Connection::open(directory.path().join(FILE)).unwrap();
        assert_eq!(operator.execute(change, []).unwrap(), 1);
        let error = read_from(&journal, 1).unwrap_err();
        assert!(matches!(error, JournalError::Broken(_, first) if first == place), "{change}: {error}");
    }
}

#[test]
fn files_that_are_not_ours_are_refused_and_left_as_they_are() {
    for (sql, expected) in [
        ("CREATE TABLE theirs (x); PRAGMA journal_mode = DELETE", "is not a Holdfast journal"),
        ("PRAGMA application_id = 7; PRAGMA user_version = 1", "is not a Holdfast journal"),
        ("PRAGMA user_version = 1", "is not a Holdfast journal"),
        ("PRAGMA application_id = 1212566065; PRAGMA user_version = 2", "newer Holdfast (schema 2"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = Journal::open(directory.path(), Sync::Full).unwrap_err().to_string();
        assert!(error.contains(expected), "{sql}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{sql}");
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE), "a letter to the operator, and no database at all, of some length".repeat(20))
        .unwrap();
    let error = Journal::open(directory.path(), Sync::Full).unwrap_err();
    assert!(matches!(error, JournalError::Foreign(_)), "{error}");
}

#[test]
fn one_writer_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path(), Sync::Full).unwrap();
    assert!(matches!(Journal::open(directory.path(), Sync::Full), Err(JournalError::InUse(_))));
    drop(journal);
    Journal::open(directory.path(), Sync::Full).unwrap();
}

#[test]
fn directory_and_files_are_their_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("deep/data");
    let mut journal = Journal::open(&directory, Sync::Full).unwrap();
    journal.append(1, group(&[record(Body::Opened)]).bytes()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in [FILE, "journal.sqlite-wal", "journal.sqlite-shm"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_journal_that_was_taken_away_is_not_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = three_groups(directory.path());
    for file in [FILE, "journal.sqlite-wal", "journal.sqlite-shm"] {
        std::fs::remove_file(directory.path().join(file)).unwrap();
    }
    assert!(journal.reopen(Sync::Full).is_err());
    assert_eq!(journal.next(), 7);
}

#[test]
fn rulesets_are_kept_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path(), Sync::Full).unwrap();
    let ruleset = |program: &str, hash| KeptRuleset {
        hash: [hash; 32],
        program: program.to_owned(),
        source: format!("# {hash}"),
        published_at: Timestamp::from_unix_micros(1_773_500_966_535_897),
        published_by: "operator".to_owned(),
        why: "trial".to_owned(),
    };
    // The same one may be published again: a rollback.
    for (program, hash) in [("a", 1), ("b", 9), ("a", 2), ("a", 1)] {
        journal.keep_ruleset(&ruleset(program, hash)).unwrap();
    }
    assert_eq!(journal.rulesets("a").unwrap(), [1, 2, 1].map(|hash| ruleset("a", hash)));
    assert_eq!(journal.rulesets("c").unwrap(), []);
}
