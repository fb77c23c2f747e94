//! The embedded ledger through its seam, on a real SQLite file: what it answers, what it keeps over a restart, and what
//! it does when the journal cannot be written.
//!
//! Nothing here waits for time: tests wait for answers, and for what the ledger tells its [`Observer`].

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};

use holdfast_adapters::{AccountBalance, Unrecognized};
use holdfast_core::hold::*;
use holdfast_core::rules::*;
use holdfast_core::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::clock::{self, Instant};
use crate::journal::store::FILE;
use crate::journal::{Body, Group};
use crate::ledger::{Act, Adopt, Answer, Decide, Entry, KeptRuleset, LedgerError, Origin, Wait, Whose, ask};

/// A bug waits for acts of this program: nothing else in here can be made to panic.
pub const PROGRAM_THAT_PANICS: &str = "panics";

/// Far beyond any test.
const LONG: Duration = Duration::from_secs(3600);

// --- a ledger with its surroundings ----------------------------------------------------------------------------------

/// What the next commit of the ledger does before it goes on.
type Interruption = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

struct Watcher {
    commits: Sender<u32>,
    readiness: Sender<Readiness>,
    on_commit: Interruption,
    on_say: Interruption,
}

fn take(interruption: &Interruption) -> Option<Box<dyn FnOnce() + Send>> {
    interruption.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Observer for Watcher {
    fn committed(&self, records: u32, _took: Duration) {
        // Taken before the commit is told, so that a test can set the next one as soon as it knows.
        let interruption = take(&self.on_commit);
        let _ = self.commits.send(records);
        interruption.into_iter().for_each(|run| run());
    }

    fn readiness(&self, readiness: Readiness) {
        let _ = self.readiness.send(readiness);
    }

    fn say(&self, _message: &str) {
        take(&self.on_say).into_iter().for_each(|run| run());
    }
}

struct House {
    directory: TempDir,
    ledger: Option<Embedded>,
    commits: Receiver<u32>,
    readiness: Receiver<Readiness>,
    on_commit: Interruption,
    on_say: Interruption,
    commit_records_max: u32,
}

impl House {
    /// An empty ledger.
    fn empty() -> Self {
        House::with_groups_of(256)
    }

    fn with_groups_of(commit_records_max: u32) -> Self {
        let (_, commits) = mpsc::channel();
        let (_, readiness) = mpsc::channel();
        let mut house = House {
            directory: tempfile::tempdir().unwrap(),
            ledger: None,
            commits,
            readiness,
            on_commit: Interruption::default(),
            on_say: Interruption::default(),
            commit_records_max,
        };
        house.start().unwrap();
        house
    }

    /// A ledger with an account `a` of so much, and its card `c` of the cardholder `h`.
    fn with(balance: i64) -> Self {
        House::with_groups_of(256).furnished(balance)
    }

    fn furnished(self, balance: i64) -> Self {
        let entered = self.enter(vec![account("a", balance), card("c", "a", Some("h"))]);
        assert_eq!(entered, Ok(Answer::Entered { accounts: 1, cards: 1 }));
        assert_eq!(self.commits.recv().unwrap(), 2);
        self
    }

    fn settings(&mut self) -> Settings {
        let (commits, readiness);
        (commits, self.commits) = mpsc::channel();
        (readiness, self.readiness) = mpsc::channel();
        let (on_commit, on_say) = (Arc::clone(&self.on_commit), Arc::clone(&self.on_say));
        Settings {
            data: self.directory.path().to_owned(),
            sync: Sync::Full,
            commit_records_max: self.commit_records_max,
            observer: Box::new(Watcher { commits, readiness, on_commit, on_say }),
        }
    }

    fn start(&mut self) -> Result<(), JournalError> {
        let (ledger, opening) = Embedded::start(self.settings())?;
        self.ledger = Some(ledger);
        let opened = opening.blocking_recv().unwrap();
        let expected = if opened.is_ok() { Readiness::Ready } else { Readiness::Unavailable };
        assert_eq!(self.readiness.recv().unwrap(), expected);
        opened
    }

    fn restart(&mut self) {
        self.ledger = None;
        self.start().unwrap();
    }

    fn ledger(&self) -> &Embedded {
        self.ledger.as_ref().unwrap()
    }

    fn act(&self, act: Act) -> Result<Answer, LedgerError> {
        runtime().block_on(ask(self.ledger(), act))
    }

    fn enter(&self, entries: Vec<Entry>) -> Result<Answer, LedgerError> {
        self.act(Act::Enter(Origin::of(program()), entries))
    }

    fn decide(&self, request: AuthorizationRequest) -> (Decision, Basis) {
        decided(self.act(decide(request)))
    }

    fn tell(&self, key: &str, fact: Fact) -> Option<Finding> {
        match self.act(tell(key, fact)) {
            Ok(Answer::Recorded(finding)) => finding,
            other => panic!("{other:?}"),
        }
    }

    fn adopt(&self, request: AuthorizationRequest, told: ToldAnswer) -> Result<Answer, LedgerError> {
        let digest = request.content_digest();
        let basis = Basis::StandIn(StandInCause::DeadlinePassed);
        self.act(Act::Adopt(Adopt { origin: origin(), request, digest, told, basis, received_at: Timestamp::EPOCH }))
    }

    fn balances(&self, whose: Whose) -> Vec<(String, i64, i64)> {
        match self.act(Act::Balances(origin(), whose)) {
            Ok(Answer::Balances(balances)) => balances.iter().map(|standing| figures(&standing.balance)).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// What is posted to, and held on, the account `a`.
    fn balance(&self) -> (i64, i64) {
        let (_, posted, held) = self.balances(Whose::Account(id("a")))[0].clone();
        (posted, held)
    }

    /// The same file, as an operator opens it.
    fn operator(&self) -> Connection {
        Connection::open(self.directory.path().join(FILE)).unwrap()
    }

    /// The number of the next record.
    fn next(&self) -> i64 {
        self.operator().query_row("SELECT max(first + records) FROM journal", [], |row| row.get(0)).unwrap()
    }

    /// Submits acts that the ledger takes as one batch, having done `before` while it could not take them. Returns their
    /// answers.
    fn batch(&self, before: impl FnOnce(), acts: impl FnOnce() -> Vec<Act>) -> Vec<Result<Answer, LedgerError>> {
        self.commits.try_iter().for_each(drop);
        let (release, released) = mpsc::channel::<()>();
        *self.on_commit.lock().unwrap() = Some(Box::new(move || released.recv().unwrap_or_default()));
        let first = Ticket::new(Act::Keep(origin(), kept("something to commit")));
        self.ledger().submit(Arc::clone(&first));
        self.ledger().nudge();
        assert_eq!(self.commits.recv().unwrap(), 1);
        before();
        let tickets: Vec<_> = acts().into_iter().map(Ticket::new).collect();
        tickets.iter().for_each(|ticket| self.ledger().submit(Arc::clone(ticket)));
        drop(release);
        assert_eq!(wait(first), Ok(Answer::Recorded(None)));
        tickets.into_iter().map(wait).collect()
    }

    fn becomes(&self, readiness: Readiness) {
        assert_eq!(self.readiness.recv().unwrap(), readiness);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn wait(ticket: Arc<Ticket>) -> Result<Answer, LedgerError> {
    runtime().block_on(Wait::on(ticket))
}

fn figures(balance: &AccountBalance) -> (String, i64, i64) {
    (balance.account.to_string(), balance.posted.minor(), balance.held.minor())
}

fn decided(answer: Result<Answer, LedgerError>) -> (Decision, Basis) {
    match answer {
        Ok(Answer::Decided { decision, basis, .. }) => (decision, basis),
        other => panic!("{other:?}"),
    }
}

fn id<T: for<'a> TryFrom<&'a str, Error = IdError>>(text: &str) -> T {
    T::try_from(text).unwrap()
}

fn program() -> ProgramId {
    id("demo")
}

fn origin() -> Origin {
    Origin { program: program(), platform: Some(id("marqeta")) }
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn account(name: &str, balance: i64) -> Entry {
    Entry::Account { account: id(name), balance: usd(balance), credit_line: 0, status: AccountStatus::Active }
}

fn card(name: &str, account: &str, cardholder: Option<&str>) -> Entry {
    Entry::Card { card: id(name), account: id(account), cardholder: cardholder.map(id), status: CardStatus::Active }
}

fn kept(problem: &str) -> Unrecognized {
    Unrecognized { digest: [1; 32], problem: problem.to_owned(), redacted: String::new() }
}

/// A purchase under a key, of a payment of the same name, with the card `c`.
fn purchase(key: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: id(key),
        payment: payment(key),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: Some(id("c")),
        cardholder: None,
        amount: usd(minor),
        merchant: Merchant::default(),
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::No,
        partial_approval: PartialApproval::NotSupported,
        network: None,
        occurred_at: None,
    }
}

fn payment(name: &str) -> PaymentRef {
    PaymentRef::of(id(name))
}

fn decide_with(request: AuthorizationRequest, limits: &[LimitCheck], not_after: Instant) -> Act {
    let verdict = Verdict::Proceed(Proceed { ceiling: request.amount, limits: limits.iter().copied().collect() });
    let (digest, received_at) = (request.content_digest(), Timestamp::EPOCH);
    Act::Decide(Decide { origin: origin(), request, digest, verdict, ruleset: [0; 32], received_at, not_after })
}

fn decide(request: AuthorizationRequest) -> Act {
    decide_with(request, &[], clock::instant() + LONG)
}

fn tell(key: &str, fact: Fact) -> Act {
    tell_about(key, Subject { card: Some(id("c")), ..Subject::default() }, fact)
}

fn tell_about(key: &str, subject: Subject, fact: Fact) -> Act {
    let event = ToldEvent { key: id(key), occurred_at: None, network: None, settlement_day: None, subject, fact };
    Act::Tell(origin(), event)
}

fn load(minor: i64) -> Fact {
    Fact::Credited { payment: None, amount: usd(minor), cause: MovementCause::Funding }
}

fn approved(minor: i64) -> (Decision, Basis) {
    (Decision::Approve { amount: usd(minor) }, Basis::Ledger)
}

fn declined(reason: DeclineReason) -> (Decision, Basis) {
    (Decision::Decline { reason }, Basis::Ledger)
}

fn again(answer: (Decision, Basis)) -> (Decision, Basis) {
    (answer.0, Basis::Replay)
}

const NO_FUNDS: DeclineReason = DeclineReason::InsufficientFunds;

// --- deciding --------------------------------------------------------------------------------------------------------

#[test]
fn an_approval_holds_and_a_retry_hears_the_same_over_a_restart() {
    let mut house = House::with(1_000);
    assert_eq!(house.decide(purchase("yes", 600)), approved(600));
    assert_eq!(house.decide(purchase("no", 401)), declined(NO_FUNDS));
    for _ in 0..2 {
        assert_eq!(house.balance(), (1_000, 600));
        assert_eq!(house.decide(purchase("yes", 600)), again(approved(600)));
        assert_eq!(house.decide(purchase("no", 401)), again(declined(NO_FUNDS)));
        assert_eq!(house.decide(purchase("yes", 601)), declined(DeclineReason::ConflictingDuplicate));
        house.restart();
    }
    assert_eq!(house.tell("load", load(1_000)), None);
    assert_eq!(house.decide(purchase("no", 401)), again(declined(NO_FUNDS)), "whatever came since");
}

#[test]
fn a_restart_agrees_about_everything() {
    let mut house = House::with(10_000);
    house.enter(vec![account("b", 500), card("d", "b", Some("h"))]).unwrap();
    house.decide(AuthorizationRequest { posting: Posting::Immediate, ..purchase("single", 100) });
    for name in ["p", "q", "r", "s"] {
        house.decide(purchase(name, 1_000));
    }
    let amount = usd(400);
    house.tell("1", Fact::Captured { payment: Some(payment("p")), amount, finality: Finality::More });
    house.tell("2", Fact::Released { payment: payment("q"), cause: ReleaseCause::Reversed });
    house.tell("3", Fact::Reduced { payment: payment("r"), by: amount });
    house.tell("4", Fact::Captured { payment: None, amount, finality: Finality::Final });
    house.adopt(purchase("s", 1_000), ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable }).unwrap();
    house.adopt(purchase("t", 50), ToldAnswer::Approved { amount: usd(50) }).unwrap();
    let before = house.balances(Whose::Everyone);
    assert_eq!(before, [("a".to_owned(), 10_000 - 100 - 400 - 400, 600 + 600 + 50), ("b".to_owned(), 500, 0)]);
    house.restart();
    assert_eq!(house.balances(Whose::Everyone), before);
    // And the holds are still found.
    house.tell("5", Fact::Captured { payment: Some(payment("p")), amount: usd(600), finality: Finality::Final });
    house.tell("6", Fact::Completed { payment: payment("single"), amount: usd(100) });
    assert_eq!(house.balance(), (10_000 - 100 - 400 - 400 - 600, 600 + 50));
}

#[test]
fn concurrent_authorizations_never_hold_more_than_is_there() {
    const THREADS: i64 = 8;
    const EACH: i64 = 60;
    let house = House::with(10_000);
    let approvals: i64 = std::thread::scope(|scope| {
        let ledger = house.ledger();
        let worker = move |thread: i64| {
            let requests = (0..EACH).map(move |number| purchase(&format!("{thread}-{number}"), 30 + thread));
            let tickets: Vec<_> = requests.map(|request| Ticket::new(decide(request))).collect();
            for ticket in &tickets {
                ledger.submit(Arc::clone(ticket));
                ledger.nudge();
            }
            let answers = tickets.into_iter().map(|ticket| decided(wait(ticket)).0);
            answers.filter(|decision| matches!(decision, Decision::Approve { .. })).map(|_| 30 + thread).sum::<i64>()
        };
        let workers: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || worker(thread))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert!(approvals <= 10_000, "{approvals}");
    assert!(approvals > 10_000 - 38, "nothing that fits was refused: {approvals}");
    assert_eq!(house.balance(), (10_000, approvals));
}

#[test]
fn what_comes_too_late_is_not_applied() {
    let house = House::with(1_000);
    let past = clock::instant();
    let answers = house.batch(
        || {
            while clock::instant() <= past {
                std::hint::spin_loop()
            }
        },
        || vec![decide_with(purchase("late", 100), &[], past)],
    );
    assert_eq!(answers, [Err(LedgerError::Late)]);
    assert_eq!(house.balance(), (1_000, 0));
    assert_eq!(house.decide(purchase("late", 100)), approved(100), "it was never answered");
}

#[test]
fn what_becomes_late_while_its_batch_is_written_is_not_applied() {
    let house = House::with_groups_of(1).furnished(1_000);
    let not_after = std::cell::Cell::new(clock::instant());
    let answers = house.batch(
        || {
            let moment = clock::instant() + Duration::from_millis(300);
            not_after.set(moment);
            *house.on_commit.lock().unwrap() = Some(Box::new(move || {
                while clock::instant() <= moment {
                    std::hint::spin_loop()
                }
            }));
        },
        || vec![decide(purchase("first", 100)), decide_with(purchase("second", 100), &[], not_after.get())],
    );
    assert_eq!(answers[1], Err(LedgerError::Late));
    assert_eq!(house.balance(), (1_000, 100));
}

#[test]
fn a_group_has_no_more_records_than_it_may() {
    let house = House::with_groups_of(4).furnished(1_000);
    let answers = house.batch(|| (), || (0..10).map(|number| decide(purchase(&format!("k{number}"), 1))).collect());
    assert!(answers.iter().all(|answer| decided(answer.clone()) == approved(1)));
    assert_eq!(house.commits.try_iter().collect::<Vec<_>>(), [4, 4, 2]);
}

// --- who and whose ---------------------------------------------------------------------------------------------------

#[test]
fn who_is_not_known_is_declined() {
    let house = House::with(1_000);
    house.enter(vec![account("b", 500), card("d", "b", Some("two")), card("e", "a", Some("two"))]).unwrap();
    let of = |card: Option<&str>, cardholder: Option<&str>| {
        let key = format!("{card:?}{cardholder:?}");
        let request = AuthorizationRequest { card: card.map(id), cardholder: cardholder.map(id), ..purchase("x", 10) };
        house.decide(AuthorizationRequest { key: id(&key), payment: payment(&key), ..request })
    };
    assert_eq!(of(Some("nobody's"), None), declined(DeclineReason::CardUnknown));
    assert_eq!(of(Some("nobody's"), Some("h")), declined(DeclineReason::CardUnknown));
    assert_eq!(of(None, None), declined(DeclineReason::CardUnknown));
    assert_eq!(of(None, Some("nobody")), declined(DeclineReason::CardUnknown));
    assert_eq!(of(None, Some("h")), approved(10), "one account: no doubt which");
    assert_eq!(of(None, Some("two")), declined(DeclineReason::AccountUnknown), "two accounts: which?");
    assert_eq!(of(Some("d"), Some("two")), approved(10));
}

#[test]
fn an_unknown_card_adds_nothing_to_a_known_payment() {
    let house = House::with(1_000);
    house.decide(purchase("p", 100));
    let request = AuthorizationRequest {
        increments: Some(payment("p")),
        kind: AuthorizationKind::Incremental,
        card: Some(id("nobody's")),
        cardholder: Some(id("h")),
        ..purchase("more", 50)
    };
    assert_eq!(house.decide(request), declined(DeclineReason::CardUnknown));
}

#[test]
fn balances_are_told_by_account_card_and_cardholder() {
    let house = House::with(1_000);
    house.enter(vec![account("b", 500), card("d", "b", Some("h"))]).unwrap();
    let (a, b) = (("a".to_owned(), 1_000, 0), ("b".to_owned(), 500, 0));
    for (whose, expected) in [
        (Whose::Account(id("a")), vec![a.clone()]),
        (Whose::Account(id("z")), vec![]),
        (Whose::Card(id("d")), vec![b.clone()]),
        (Whose::Card(id("z")), vec![]),
        (Whose::Cardholder(id("h")), vec![a.clone(), b.clone()]),
        (Whose::Cardholder(id("z")), vec![]),
        (Whose::Everyone, vec![a, b]),
    ] {
        assert_eq!(house.balances(whose), expected, "{whose:?}");
    }
    let inquiry = AuthorizationRequest { kind: AuthorizationKind::BalanceInquiry, ..purchase("inquiry", 0) };
    match house.act(decide(inquiry)) {
        Ok(Answer::Decided { balance: Some(balance), .. }) => assert_eq!(figures(&balance), ("a".to_owned(), 1_000, 0)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_card_that_changes_hands_takes_its_account_along() {
    let mut house = House::with(1_000);
    house.enter(vec![card("c", "a", Some("new"))]).unwrap();
    for _ in 0..2 {
        assert_eq!(house.balances(Whose::Cardholder(id("h"))), []);
        assert_eq!(house.balances(Whose::Cardholder(id("new"))).len(), 1);
        let request = AuthorizationRequest { card: None, cardholder: Some(id("h")), ..purchase("former owner", 10) };
        assert_eq!(house.decide(request).0, declined(DeclineReason::AccountUnknown).0);
        house.restart();
    }
}

#[test]
fn events_make_cards_and_set_their_standing() {
    let mut house = House::with(1_000);
    let by_owner = Subject { cardholder: Some(id("h")), ..Subject::default() };
    let fact = |status| Fact::Card { card: id("new"), status };
    let with_new = |key: &str| AuthorizationRequest { card: Some(id("new")), ..purchase(key, 10) };
    house.act(tell_about("1", by_owner, fact(CardStatus::Unactivated))).unwrap();
    assert_eq!(house.decide(with_new("1")), declined(DeclineReason::CardNotActive));
    // The fact says which card: the subject need not say it again.
    house.act(tell_about("2", Subject::default(), fact(CardStatus::Active))).unwrap();
    assert_eq!(house.decide(with_new("2")), approved(10));
    let suspended = Fact::Cardholder { cardholder: id("h"), status: CardholderStatus::Suspended };
    house.act(tell_about("3", Subject::default(), suspended)).unwrap();
    assert_eq!(house.decide(with_new("3")), declined(DeclineReason::CardholderNotActive));
    let active = Fact::Cardholder { cardholder: id("h"), status: CardholderStatus::Active };
    house.act(tell_about("4", Subject::default(), active)).unwrap();
    let frozen = Fact::Account { account: id("a"), status: AccountStatus::Frozen };
    house.act(tell_about("5", Subject::default(), frozen)).unwrap();
    for key in ["5", "6"] {
        assert_eq!(house.decide(with_new(key)), declined(DeclineReason::AccountFrozen));
        house.restart();
    }
}

#[test]
fn entering_twice_changes_no_balance_and_a_refused_batch_leaves_nothing() {
    let mut house = House::with(1_000);
    house.decide(purchase("k", 100));
    let entered = house.enter(vec![account("a", 77), card("c", "a", Some("h"))]);
    assert_eq!(entered, Ok(Answer::Entered { accounts: 0, cards: 0 }));
    let euros = Entry::Account {
        account: id("a"),
        balance: Money::from_minor(1, Currency::from_alpha("EUR").unwrap()),
        credit_line: 0,
        status: AccountStatus::Closed,
    };
    for refused in [euros, card("x", "no such account", Some("new"))] {
        let batch = vec![account("b", 5), card("d", "b", Some("new")), card("c", "b", None), refused];
        assert_eq!(house.enter(batch), Err(LedgerError::Refused));
    }
    for key in ["k1", "k2"] {
        assert_eq!(house.balances(Whose::Everyone).len(), 1);
        assert_eq!(house.balance().0, 1_000);
        let with_new_card = AuthorizationRequest { card: Some(id("d")), ..purchase(&format!("d{key}"), 1) };
        assert_eq!(house.decide(with_new_card), declined(DeclineReason::CardUnknown));
        assert_eq!(house.decide(purchase(key, 1)), approved(1), "the card leads where it led");
        house.restart();
    }
}

// --- told ------------------------------------------------------------------------------------------------------------

#[test]
fn a_told_message_is_applied_once_also_after_a_restart() {
    let mut house = House::with(1_000);
    assert_eq!(house.tell("m", load(50)), None);
    for _ in 0..2 {
        assert_eq!(house.tell("m", load(50)), Some(Finding::HeardBefore));
        assert_eq!(house.balance(), (1_050, 0));
        house.restart();
    }
}

#[test]
fn a_payment_is_found_by_either_of_its_names_also_an_increment() {
    for (number, by) in ["p", "p-alias", "more", "more-alias"].into_iter().enumerate() {
        let mut house = House::with(1_000);
        let named = |name: &str| PaymentRef { alias: Some(id(&format!("{name}-alias"))), ..payment(name) };
        house.decide(AuthorizationRequest { payment: named("p"), ..purchase("p", 100) });
        let by_alias = payment("p-alias");
        let increment = AuthorizationRequest {
            payment: named("more"),
            increments: Some(by_alias),
            kind: AuthorizationKind::Incremental,
            ..purchase("more", 50)
        };
        assert_eq!(house.decide(increment), approved(50));
        if number % 2 == 0 {
            house.restart();
        }
        assert_eq!(house.balance(), (1_000, 150));
        assert_eq!(house.tell("1", Fact::Released { payment: payment(by), cause: ReleaseCause::Reversed }), None, "{by}");
        assert_eq!(house.balance(), (1_000, 0), "{by}");
    }
}

#[test]
fn an_overtaken_approval_is_undone_and_says_so_after_a_restart() {
    let mut house = House::with(1_000);
    house.decide(purchase("k", 600));
    let no = ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable };
    assert_eq!(house.adopt(purchase("k", 600), no), Ok(Answer::Recorded(Some(Finding::AdoptedOverOurs))));
    for _ in 0..2 {
        assert_eq!(house.balance(), (1_000, 0));
        assert_eq!(house.decide(purchase("k", 600)), again(declined(DeclineReason::LedgerUnavailable)));
        house.restart();
    }
}

#[test]
fn what_is_not_understood_is_kept() {
    let mut house = House::with(1_000);
    let kept = kept("`type` is unknown");
    assert_eq!(house.act(Act::Keep(origin(), kept)), Ok(Answer::Recorded(None)));
    house.ledger = None;
    let mut problems = Vec::new();
    Journal::open(house.directory.path(), Sync::Full)
        .unwrap()
        .read(1, &mut |_, bytes| {
            for record in Group::open(bytes).unwrap() {
                if let Body::Kept { problem, .. } = record.unwrap().body {
                    problems.push(problem);
                }
            }
            Ok::<(), JournalError>(())
        })
        .unwrap();
    assert_eq!(problems, ["`type` is unknown"]);
}

#[test]
fn rulesets_are_told_oldest_first() {
    let mut house = House::empty();
    let ruleset = |hash| KeptRuleset {
        hash: [hash; 32],
        program: "demo".to_owned(),
        source: String::new(),
        published_at: Timestamp::EPOCH,
        published_by: "operator".to_owned(),
        why: String::new(),
    };
    for hash in [3, 1, 2] {
        house.act(Act::Publish(Box::new(ruleset(hash)))).unwrap();
    }
    house.restart();
    assert_eq!(house.act(Act::Rulesets(program())), Ok(Answer::Rulesets(vec![ruleset(3), ruleset(1), ruleset(2)])));
}

// --- limits ----------------------------------------------------------------------------------------------------------

fn limit(window: Window) -> LimitCheck {
    LimitCheck {
        limit: id("limit"),
        counter: CounterKey(7),
        scope: LimitScope::Card,
        window,
        amount_max: Some(100),
        count_max: None,
        enforcement: Enforcement::Enforce,
    }
}

#[test]
fn limits_go_on_counting_after_a_restart() {
    let reached = (Decision::Decline { reason: DeclineReason::AmountLimitReached }, Basis::Limit(id("limit")));
    let day = |number: i64| Window::Since(Timestamp::from_unix_seconds(number * 86_400));
    let rolling = |bucket| Window::Rolling { bucket, buckets: 3 };
    for (then, now, later) in [
        (day(1), day(1), Some(day(2))),
        (rolling(10), rolling(12), Some(rolling(13))),
        (Window::Lifetime, Window::Lifetime, None),
    ] {
        let mut house = House::with(1_000);
        let ask = |house: &House, key: &str, minor, window| {
            decided(house.act(decide_with(purchase(key, minor), &[limit(window)], clock::instant() + LONG)))
        };
        assert_eq!(ask(&house, "first", 60, then), approved(60));
        for key in ["second", "third"] {
            assert_eq!(ask(&house, key, 41, now), reached, "{now:?}");
            house.restart();
        }
        assert_eq!(ask(&house, "fourth", 40, now), approved(40), "{now:?}");
        if let Some(later) = later {
            assert_eq!(ask(&house, "fifth", 60, later), approved(60), "{later:?}");
        }
    }
}

#[test]
fn what_comes_back_comes_back_to_the_card_that_counted_it() {
    let house = House::with(1_000);
    house.enter(vec![card("reissued", "a", Some("h"))]).unwrap();
    let lifetime = limit(Window::Lifetime);
    let ask = |key: &str, card: &str, minor| {
        let request = AuthorizationRequest { card: Some(id(card)), ..purchase(key, minor) };
        decided(house.act(decide_with(request, &[lifetime], clock::instant() + LONG))).0
    };
    assert_eq!(ask("p", "c", 100), approved(100).0);
    let reissued = Subject { card: Some(id("reissued")), ..Subject::default() };
    house.act(tell_about("1", reissued, Fact::Released { payment: payment("p"), cause: ReleaseCause::Reversed })).unwrap();
    assert_eq!(ask("q", "c", 100), approved(100).0, "it was returned");
    assert_eq!(ask("r", "reissued", 101), Decision::Decline { reason: DeclineReason::AmountLimitReached }, "and nowhere else");
}

// --- trouble ---------------------------------------------------------------------------------------------------------

#[test]
fn a_directory_in_use_is_refused() {
    let mut house = House::with(1_000);
    let settings = house.settings();
    assert!(matches!(Embedded::start(settings), Err(JournalError::InUse(_))));
}

#[test]
fn a_damaged_log_is_nobodys_balance() {
    for damage in ["UPDATE journal SET body = x'01' WHERE first = 1", "UPDATE journal SET records = 5 WHERE first = 1"] {
        let mut house = House::with(1_000);
        house.decide(purchase("k", 100));
        house.ledger = None;
        assert_eq!(house.operator().execute(damage, []).unwrap(), 1);
        assert!(matches!(house.start(), Err(JournalError::Broken(..))), "{damage}");
        assert_eq!(house.ledger().readiness(), Readiness::Unavailable);
        assert_eq!(house.act(Act::Balances(origin(), Whose::Everyone)), Err(LedgerError::Unavailable));
        assert_eq!(house.act(decide(purchase("k", 100))), Err(LedgerError::Unavailable));
    }
}

#[test]
fn a_bug_costs_only_its_own_answer() {
    let mut house = House::with(1_000);
    let buggy = Origin { program: id(PROGRAM_THAT_PANICS), ..origin() };
    let bug = || Act::Enter(buggy, vec![account("lost", 5)]);
    let answers = house.batch(|| (), || vec![decide(purchase("before", 100)), bug(), decide(purchase("after", 100))]);
    assert_eq!(decided(answers[0].clone()), approved(100));
    assert_eq!(answers[1], Err(LedgerError::Panicked));
    assert_eq!(decided(answers[2].clone()), approved(100));
    for _ in 0..2 {
        assert_eq!(house.balance(), (1_000, 200));
        assert_eq!(house.act(Act::Balances(buggy, Whose::Everyone)), Ok(Answer::Balances(vec![])), "what it wrote is undone");
        assert_eq!(house.decide(purchase("before", 100)), again(approved(100)));
        house.restart();
    }
}

/// Makes every write fail, as a full disk does.
const OBSTACLE: &str = "CREATE TRIGGER obstacle BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END";
const REMOVAL: &str = "DROP TRIGGER obstacle";

#[test]
fn a_failed_commit_undoes_its_group_and_the_ledger_comes_back() {
    let mut house = House::with(1_000);
    house.decide(purchase("kept", 300));
    let operator = house.operator();
    let lifetime = limit(Window::Lifetime);
    let answers = house.batch(
        || operator.execute_batch(OBSTACLE).unwrap(),
        || {
            vec![
                decide_with(purchase("yes", 100), &[lifetime], clock::instant() + LONG),
                decide(purchase("no", 5_000)),
                tell("load", load(50)),
                tell("card", Fact::Card { card: id("c"), status: CardStatus::Frozen }),
                Act::Enter(Origin::of(program()), vec![account("b", 5), card("d", "b", Some("h"))]),
                decide(purchase("no", 5_000)),
            ]
        },
    );
    let unavailable = Err(LedgerError::Unavailable);
    assert_eq!(answers[0], unavailable);
    // The card is frozen a moment later, in the same group that fails: the answers are those of their moment.
    assert_eq!(decided(answers[1].clone()), declined(NO_FUNDS));
    assert_eq!(answers[2..5], [unavailable.clone(), unavailable.clone(), unavailable.clone()]);
    assert_eq!(decided(answers[5].clone()), again(declined(NO_FUNDS)));
    house.becomes(Readiness::Unavailable);
    assert_eq!(house.ledger().readiness(), Readiness::Unavailable);
    assert_eq!(house.balances(Whose::Everyone), [("a".to_owned(), 1_000, 300)], "as before");
    assert_eq!(house.act(decide(purchase("meanwhile", 1))), unavailable);
    // What was answered before is said again, though nothing can be written.
    assert_eq!(house.decide(purchase("kept", 300)), again(approved(300)));
    assert_eq!(house.act(decide(purchase("kept", 301))), unavailable);
    assert_eq!(house.act(tell("load", load(50))), unavailable);

    operator.execute_batch(REMOVAL).unwrap();
    house.becomes(Readiness::Ready);
    assert_eq!(house.ledger().readiness(), Readiness::Ready);
    let limited = |key: &str| decide_with(purchase(key, 100), &[lifetime], clock::instant() + LONG);
    assert_eq!(decided(house.act(limited("other"))), approved(100), "the limit has forgotten the undone one");
    assert_eq!(house.tell("load", load(10_000)), None, "it had not been heard");
    for _ in 0..2 {
        assert_eq!(house.balances(Whose::Everyone), [("a".to_owned(), 11_000, 400)]);
        assert_eq!(house.decide(purchase("no", 5_000)), again(declined(NO_FUNDS)), "it was told");
        assert_eq!(house.decide(purchase("kept", 300)), again(approved(300)));
        house.restart();
    }
    assert_eq!(house.decide(purchase("yes", 100)), approved(100), "it was never answered");
}

#[test]
fn a_group_in_doubt_that_is_durable_counts() {
    let mut house = House::with(1_000);
    let operator = house.operator();
    // FAIL keeps the row and reports a failure: what a disk does that syncs and loses the acknowledgement.
    let number = house.next() + 1;
    let once = format!(
        "CREATE TRIGGER doubt AFTER INSERT ON journal WHEN NEW.first = {number} BEGIN SELECT RAISE(FAIL, 'in doubt'); END"
    );
    let answers = house.batch(
        || operator.execute_batch(&once).unwrap(),
        || vec![decide(purchase("yes", 100)), decide(purchase("no", 5_000)), tell("load", load(50))],
    );
    assert_eq!((&answers[0], &answers[2]), (&Err(LedgerError::Unavailable), &Err(LedgerError::Unavailable)));
    house.becomes(Readiness::Unavailable);
    house.becomes(Readiness::Ready);
    for _ in 0..2 {
        assert_eq!(house.balance(), (1_050, 100));
        assert_eq!(house.decide(purchase("yes", 100)), again(approved(100)));
        assert_eq!(house.decide(purchase("no", 5_000)), again(declined(NO_FUNDS)));
        assert_eq!(house.tell("load", load(50)), Some(Finding::HeardBefore));
        house.restart();
    }
}

#[test]
fn a_group_that_was_given_up_is_never_written_later() {
    let mut house = House::with_groups_of(1).furnished(1_000);
    let operator = house.operator();
    // The obstacle is gone by the time the rest of the batch is dealt with.
    let path = house.directory.path().join(FILE);
    *house.on_say.lock().unwrap() = Some(Box::new(move || remove_obstacle(&path)));
    let answers = house.batch(
        || operator.execute_batch(OBSTACLE).unwrap(),
        || vec![decide(purchase("given up", 100)), decide(purchase("refused", 100))],
    );
    assert_eq!(answers, [Err(LedgerError::Unavailable), Err(LedgerError::Unavailable)]);
    house.becomes(Readiness::Unavailable);
    house.becomes(Readiness::Ready);
    for _ in 0..2 {
        assert_eq!(house.balance(), (1_000, 0));
        house.restart();
    }
}

fn remove_obstacle(path: &Path) {
    Connection::open(path).unwrap().execute_batch(REMOVAL).unwrap();
}

#[test]
fn what_a_platform_tells_of_an_unknown_card_goes_to_its_owners_only_account() {
    let house = House::with(10_000);
    let told = |key: &str, card: &str, cardholder: &str| {
        let subject = Subject { account: None, card: Some(id(card)), cardholder: Some(id(cardholder)) };
        let fact = Fact::Captured { payment: None, amount: usd(700), finality: Finality::Final };
        match house.act(tell_about(key, subject, fact)) {
            Ok(Answer::Recorded(finding)) => finding,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told("post-1", "a-new-card", "h"), Some(Finding::ForcePosted));
    assert_eq!(house.balances(Whose::Account(id("a"))), [("a".to_owned(), 9300, 0)]);

    // Nobody's: kept, and not forgotten as heard; sent again when its account is there, it counts.
    assert_eq!(told("post-2", "nobodys", "nobody"), Some(Finding::AccountUnknown));
    assert_eq!(house.enter(vec![card("nobodys", "a", None)]), Ok(Answer::Entered { accounts: 0, cards: 1 }));
    assert_eq!(told("post-2", "nobodys", "nobody"), Some(Finding::ForcePosted));
    assert_eq!(told("post-2", "nobodys", "nobody"), Some(Finding::HeardBefore));
    assert_eq!(house.balances(Whose::Account(id("a"))), [("a".to_owned(), 8600, 0)]);
}

#[test]
fn a_retry_that_stand_in_declined_does_not_release_what_the_first_was_told() {
    let house = House::with(1_000);
    assert_eq!(house.decide(purchase("key", 300)), approved(300));
    // The retry came while the ledger was away: another callback, told no.
    let request = purchase("key", 300);
    let adopt = Adopt {
        origin: origin(),
        request,
        digest: request.content_digest(),
        told: ToldAnswer::Declined { reason: DeclineReason::LedgerUnavailable },
        basis: Basis::StandIn(StandInCause::Starting),
        received_at: Timestamp::from_unix_seconds(60),
    };
    assert_eq!(house.act(Act::Adopt(adopt.clone())), Ok(Answer::Recorded(Some(Finding::ApprovedBefore))));
    assert_eq!(house.balances(Whose::Everyone), [("a".to_owned(), 1_000, 300)]);
    assert_eq!(house.decide(purchase("key", 300)), again(approved(300)));

    // The same callback's approval was overtaken by its own stand-in: nobody heard it.
    assert_eq!(
        house.act(Act::Adopt(Adopt { received_at: Timestamp::EPOCH, ..adopt })),
        Ok(Answer::Recorded(Some(Finding::AdoptedOverOurs)))
    );
    assert_eq!(house.balances(Whose::Everyone), [("a".to_owned(), 1_000, 0)]);
}

#[test]
fn a_card_never_spends_the_money_of_another_accounts_payment() {
    let house = House::with(1_000);
    assert!(house.enter(vec![account("b", 1_000), card("d", "b", Some("i"))]).is_ok());
    assert_eq!(house.decide(purchase("first", 700)), approved(700));
    let first = purchase("first", 700);
    let other = AuthorizationRequest { card: Some(id("d")), payment: first.payment, ..purchase("second", 200) };
    assert_eq!(house.decide(other), approved(200));
    assert_eq!(house.balances(Whose::Account(id("a"))), [("a".to_owned(), 1_000, 700)]);
    assert_eq!(house.balances(Whose::Account(id("b"))), [("b".to_owned(), 1_000, 200)]);
}

#[test]
fn importing_again_never_lifts_a_bar() {
    let house = House::with(1_000);
    let frozen = Fact::Card { card: id("c"), status: CardStatus::Frozen };
    // Without a time of its own a status is told anew each time: freeze, thaw, freeze.
    for status in [frozen, Fact::Card { card: id("c"), status: CardStatus::Active }, frozen] {
        let key = if status == frozen { "freeze" } else { "thaw" };
        assert_eq!(house.tell(key, status), None);
    }
    assert_eq!(house.decide(purchase("1", 1)), declined(DeclineReason::CardFrozen));
    assert_eq!(house.enter(vec![card("c", "a", Some("h"))]), Ok(Answer::Entered { accounts: 0, cards: 0 }));
    assert_eq!(house.decide(purchase("2", 1)), declined(DeclineReason::CardFrozen));
}
