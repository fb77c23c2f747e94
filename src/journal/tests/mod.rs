//! The journal against damage: what is written is read back, and what is not whole, not ours or not in order is refused
//! with its place.

use holdfast_core::agent::{
    AuthorityId, CorrelationDigest, Governed, IntentReference, Mode, OrganizationId, PolicyId, PolicyVersion, Weight,
};
use holdfast_core::hold::life::{Placement, Role, Word};
use holdfast_core::hold::*;
use holdfast_core::rules::*;
use holdfast_core::*;
use proptest::prelude::*;

use super::*;

mod copies;
mod cut;
mod damage;
mod log;
mod memory;
mod retention;
mod schema;
mod slips;
mod store;

/// Drops everything before a record: its state is written and announced, the beginning moved, and the rest taken away.
fn trim(journal: &mut Journal, directory: &std::path::Path, record: i64) -> Result<Checkpoint, JournalError> {
    let checkpoint = announced(journal, directory, record)?;
    journal.begin_at(&checkpoint)?;
    while journal.take_away()? > 0 {}
    Ok(checkpoint)
}

/// Everything before the beginning is moved.
fn announced(journal: &mut Journal, directory: &std::path::Path, record: i64) -> Result<Checkpoint, JournalError> {
    let path = state_file::path_of(directory, record);
    std::fs::write(&path, format!("what is before {record}")).unwrap();
    let (sha256, bytes) = state_file::measure(&path).unwrap();
    let state = CheckpointState { sha256, bytes, at: Timestamp::EPOCH, accounts: 1, cards: 2, holds_open: 3 };
    let joint = Tail::open(directory)?.joint_before(record)?;
    let checkpoint = Checkpoint { record, chain: joint.chain, state: state.written() };
    let body = Body::Trimmed { record, chain: joint.chain, seal: checkpoint.seal() };
    let mut group = GroupWriter::default();
    let record = Record { program: None, platform: None, ruleset: None, ..self::record(body) };
    group.push(&record.as_written()).unwrap();
    journal.append(group.records(), group.bytes())?;
    Ok(checkpoint)
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new("key").unwrap(),
        payment: PaymentRef::of(AuthorizationId::new("payment").unwrap()).with_alias(AuthorizationId::new("alias").unwrap()),
        increments: Some(PaymentRef::of(AuthorizationId::new("earlier").unwrap())),
        kind: AuthorizationKind::Incremental,
        posting: Posting::Immediate,
        card: Some(CardToken::new("card").unwrap()),
        cardholder: Some(CardholderToken::new("owner").unwrap()),
        amount: usd(i64::MAX),
        original: Some(Money::from_minor(7, Currency::from_alpha("EUR").unwrap())),
        padding: Padding::ByPlatform,
        expiry: Expiry::Ours,
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
        checkout: None,
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
        still: StillOpen::default(),
        ways: None,
    });
    let hold = HoldPolicy {
        lifetime_seconds: 1,
        safety_timer_seconds: 2,
        extra: 3,
        tolerance: 4,
        partial_min: Some(5),
        of_less: Some(OfLess::new(Some(Margin { percent: Some(Percent::whole(6)), ..Margin::default() }), None, None)),
    };
    Verdict::Proceed(Proceed { ceiling: usd(1), limits: limits.into_iter().collect(), hold, ways: None })
}

/// One step of each kind.
fn steps() -> Vec<Step> {
    let (asked, role) = (StepId(u64::MAX), Role::Increment);
    let placement = Placement {
        amount: 1,
        extra: 2,
        tolerance: 3,
        posting: Posting::Immediate,
        role: Role::Opening,
        transactions: u8::MAX,
        expires_at: Some(Timestamp::EPOCH),
        original: Some(usd(4)),
    };
    let whats = [
        What::Placed(placement),
        What::Recorded { asked, role, word: Word::Approved { amount: i64::MAX } },
        What::Recorded { asked, role, word: Word::StoodIn { amount: 5, posting: Posting::Hold } },
        What::Recorded { asked, role, word: Word::Declined },
        What::Reduced { by: 6, original: Some(usd(7)) },
        What::Totalled { total: 8 },
        What::Released { cause: ReleaseCause::SafetyTimer },
        What::Captured { amount: 9, finality: Finality::Final },
        What::Moved { amount: i64::MIN, cause: MovementCause::Dispute },
    ];
    (0_u64..).zip(whats).map(|(id, what)| Step { id: StepId(id), at: Timestamp::from_unix_micros(-5), what }).collect()
}

fn outcome() -> Outcome {
    let decision = Decision::Decline { reason: DeclineReason::AnswerUnknown };
    let hold = Hold {
        posting: Posting::Hold,
        status: HoldStatus::Expired,
        authorized: 1,
        held: 2,
        ahead: 3,
        captured: i64::MAX,
        refunded: 4,
        moved: i64::MIN,
        tolerance: 5,
        expires_at: Some(Timestamp::from_unix_micros(i64::MAX)),
    };
    let counted = Counted {
        placement: StepId(9),
        counter: CounterKey(1),
        scope: LimitScope::Card,
        window: Window::Lifetime,
        amount: i64::MIN,
        count: -1,
    };
    let mark = Mark { at: Timestamp::EPOCH, id: StepId(u64::MAX) };
    Outcome {
        decision: Some((decision, Basis::StandIn(StandInCause::Switched))),
        answered: Some(Answered {
            digest: request().content_digest().kept(),
            asked_at: Timestamp::from_unix_micros(5),
            decision,
        }),
        posted: i64::MIN,
        held: -1,
        cause: Some(MovementCause::StandInLoss),
        step: steps().first().copied(),
        hold: Some(hold),
        counted: [counted; LIMITS_MAX].into_iter().collect(),
        standing: Some((Standing::Account(AccountStatus::Closed), mark)),
        way: None,
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
        Fact::Recorded { payment, asked, increments: None, outcome: RecordedOutcome::Approved { amount } },
        Fact::Recorded {
            payment,
            asked,
            increments: Some(payment),
            outcome: RecordedOutcome::ApprovedByStandIn { amount, posting: Posting::Hold },
        },
        Fact::Recorded { payment, asked, increments: None, outcome: RecordedOutcome::Declined },
        Fact::Reduced { payment, by: amount, original: Some(amount) },
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
        Body::Decided {
            received_at,
            request: request(),
            verdict: verdict(),
            uses: [LimitUse { amount: i64::MAX, count: 7 }; LIMITS_MAX].into(),
            outcome: outcome(),
        },
        Body::Adopted {
            received_at,
            request: request(),
            verdict: Some(verdict()),
            told: ToldAnswer::Approved { amount: usd(5) },
            basis,
            outcome: Outcome::default(),
        },
        Body::Told { event: told(facts()[0]), outcome: outcome() },
        Body::Ordered {
            key: IdempotencyKey::new("order").unwrap(),
            payment: request().payment,
            order: Order::Capture { amount: usd(5), finality: Finality::More },
            outcome: outcome(),
        },
        Body::Kept { digest: [8; 32], problem: "`type` is unknown".to_owned(), redacted: String::new() },
        Body::AccountEntered { account, balance: usd(-5), credit_line: i64::MAX, status: AccountStatus::Active },
        Body::CardEntered { card: CardToken::new("card").unwrap(), account, cardholder: None, status: CardStatus::Stolen },
        Body::RulesPublished,
        Body::Opened,
        Body::Trimmed { record: i64::MAX, chain: [5; 32], seal: [6; 32] },
    ]
}

fn record(body: Body) -> Record {
    Record {
        at: Timestamp::from_unix_micros(1),
        program: Some(ProgramId::new("demo").unwrap()),
        platform: Some(PlatformName::new("marqeta").unwrap()),
        ruleset: Some([9; 32]),
        operator: Some([3; 16]),
        governed: None,
        place: super::Place {
            account: Some(1),
            card: Some(u32::MAX),
            cardholder: None,
            hold: Some(u64::MAX),
            naming: Naming::Free,
        },
        body,
    }
}

fn group(records: &[Record]) -> GroupWriter {
    let mut group = GroupWriter::default();
    for record in records {
        group.push(&record.as_written()).unwrap();
    }
    group
}

// --- records ---------------------------------------------------------------------------------------------------------

/// In the first journals the same text twice said that only a payment's second name was told.
#[test]
fn a_payments_names_are_read_as_they_were_kept() {
    let (first, second) = (AuthorizationId::new("first").unwrap(), AuthorizationId::new("second").unwrap());
    let payment = PaymentRef::of(first);
    let cases = [
        (payment, postcard::to_allocvec(&("first", None::<&str>))),
        (payment.with_alias(second), postcard::to_allocvec(&("first", Some("second")))),
        (PaymentRef::by_alias(first), postcard::to_allocvec(&("first", Some("first")))),
        (payment.with_alias(first), Ok(b"\x05first\x02".to_vec())),
    ];
    for (payment, kept) in cases {
        let kept = kept.unwrap();
        assert_eq!(postcard::to_allocvec(&payment).unwrap(), kept, "{payment:?}");
        assert_eq!(postcard::from_bytes::<PaymentRef>(&kept).unwrap(), payment, "{payment:?}");
    }
}

#[test]
fn every_record_reads_back() {
    let of_fact = |fact| Body::Told { event: told(fact), outcome: Outcome::default() };
    let of_step = |step| Body::Told { event: told(facts()[0]), outcome: Outcome { step: Some(step), ..Outcome::default() } };
    let told = facts().into_iter().map(of_fact).chain(steps().into_iter().map(of_step));
    let mut records: Vec<Record> = bodies().into_iter().chain(told).map(record).collect();
    let (place, ruleset, operator) = (super::Place::default(), None, None);
    records.push(Record { program: None, platform: None, ruleset, operator, place, ..record(Body::Opened) });
    records.push(Record { ruleset: Some([7; 32]), ..record(Body::RulesPublished) });
    records.extend(bodies().into_iter().map(|body| Record { governed: Some(governed()), ..record(body) }));
    records.push(record(Body::Opened));
    let group = group(&records);
    assert_eq!(usize::try_from(group.records()).unwrap(), records.len());
    let read = Group::open(group.bytes()).unwrap();
    assert_eq!(read.engine, env!("CARGO_PKG_VERSION"));
    assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), records);
}

#[test]
fn a_kind_of_record_keeps_its_number() {
    for (number, body) in (0_u8..).zip(bodies()) {
        let bytes = postcard::to_allocvec(&body.as_written()).unwrap();
        assert_eq!(bytes.first(), Some(&number), "{body:?}");
    }
}

fn governed() -> Governed {
    let version = PolicyVersion { policy: PolicyId::new("pol_1").unwrap(), hash: RulesetHash::of("policy") };
    Governed {
        authority: AuthorityId::new("sa_1").ok(),
        policy: Some(version),
        binding: None,
        intent: IntentReference::new("intent_1").ok(),
        asked_by: OrganizationId::new("proc_1").ok(),
        mode: Mode::Observe,
        weight: Weight::Preview,
        would: Some(DeclineReason::ReviewRequired),
        correlation: None,
    }
}

#[test]
fn by_what_a_processor_finds_its_question_again_is_on_a_line_of_its_own() {
    let plain: Vec<Record> = bodies().into_iter().map(|body| Record { governed: Some(governed()), ..record(body) }).collect();
    let correlation = Some(CorrelationDigest([0xab; 16]));
    let found = |record: &Record| Record { governed: record.governed.map(|of| Governed { correlation, ..of }), ..record.clone() };
    let told: Vec<Record> = plain.iter().map(found).collect();
    let both = [told.clone(), plain, told].concat();
    let read: Vec<Record> = Group::open(group(&both).bytes()).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, both, "each question has its own, and no other's");
    let [one, other] = [&both[0], &both[bodies().len()]].map(|record| group(std::slice::from_ref(record)).bytes().len());
    assert_eq!(one - other, 17, "a number and the digest, as journals have it; of others nothing is written");
}

#[test]
fn what_older_programs_wrote_reads_as_ever() {
    // What was new since they wrote is a line of its own, which they never wrote.
    let records: Vec<Record> = bodies().into_iter().map(record).collect();
    for format in [2, 3, 4] {
        let mut bytes = group(&records).bytes().to_vec();
        bytes[0] = format;
        assert_eq!(Group::open(&bytes).unwrap().collect::<Result<Vec<_>, _>>().unwrap(), records, "{format}");
    }
    let mut bytes = group(&records).bytes().to_vec();
    bytes[0] = 1;
    assert_eq!(Group::open(&bytes).unwrap_err(), RecordError::Unreleased(1));
}

#[test]
fn under_whose_authority_a_question_was_asked_keeps_its_bytes() {
    let bytes = postcard::to_allocvec(&Governed { policy: None, ..governed() }).unwrap();
    let reason =
        u8::try_from(DeclineReason::ALL.iter().position(|reason| *reason == DeclineReason::ReviewRequired).unwrap()).unwrap();
    let mut expected = b"\x01\x04sa_1\x00\x00\x01\x08intent_1\x01\x06proc_1\x00\x01\x01".to_vec();
    expected.push(reason);
    assert_eq!(bytes, expected);
    assert_eq!(reason, 50, "reasons keep their numbers");
}

/// What is told of a question at a door of ours.
fn checkout() -> Checkout {
    Checkout { surcharge: 350, fees: -1, items: u16::MAX, ip_address: "2001:db8::7".parse().ok(), ..Checkout::NOTHING_TOLD }
}

#[test]
fn what_a_door_of_ours_tells_is_on_a_line_of_its_own() {
    let plain: Vec<Record> = bodies().into_iter().map(record).collect();
    let mut told = plain.clone();
    for record in &mut told {
        record.body.told_besides(Some(checkout()));
    }
    assert_ne!(told, plain);
    let both = [told.clone(), plain.clone(), told].concat();
    let read: Vec<Record> = Group::open(group(&both).bytes()).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, both, "each question has what was told of it, and no other's");
    let bytes = postcard::to_allocvec(&checkout()).unwrap();
    let address = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07";
    let head = b"\xbc\x05\x00\x01\xff\xff\x03\x03\x04\x02\x01\x01";
    assert_eq!(bytes, [&head[..], &address[..]].concat(), "as journals have it");
}

#[test]
fn which_ways_were_open_and_taken_is_on_a_line_of_its_own() {
    let plain: Vec<Record> = bodies().into_iter().map(record).collect();
    let (all, second) = (Ways::first_of(3), Ways::first_of(3).iter().nth(1));
    let mut told = plain.clone();
    for record in &mut told {
        if let Body::Decided { verdict: Verdict::Proceed(proceed), outcome, .. }
        | Body::Adopted { verdict: Some(Verdict::Proceed(proceed)), outcome, .. } = &mut record.body
        {
            proceed.ways = Some(all);
            proceed.limits[1].ways = second.map(Ways::from);
            outcome.way = second;
        }
    }
    assert_ne!(told, plain);
    let both = [told.clone(), plain.clone(), told.clone()].concat();
    let group = group(&both);
    let read: Vec<Record> = Group::open(group.bytes()).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, both, "each question has its own ways, and no other's");
    // Those that were open; of three limits one is on the second way alone; and that was taken.
    let line = b"\x09\x01\x07\x03\x00\x01\x02\x00\x01\x01";
    assert!(group.bytes().windows(line.len()).any(|bytes| bytes == line), "as journals have it");
    let elsewhere = |record: &Record| Draft::of(&RecordRef { governed: None, ..record.as_written() }).is_none();
    assert!(told.iter().all(elsewhere), "it is decided here, where ways are chosen");
}

#[test]
fn a_newer_format_is_refused() {
    let mut bytes = group(&[record(Body::Opened)]).bytes().to_vec();
    bytes[0] += 1;
    assert_eq!(Group::open(&bytes).unwrap_err(), RecordError::Newer(group::FORMAT + 1));
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
