//! The embedded ledger through its seam, on a real SQLite file: what it answers, what it keeps over a restart, and what
//! it does when the journal cannot be written.
//!
//! Nothing here waits for time: tests wait for answers, and for what the ledger tells its [`Observer`].

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

mod deciding;
mod limits;
mod told;
mod trouble;
mod who;

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{LazyLock, Mutex, PoisonError};

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

    fn expired(&self, _holds: usize) {}

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
        let (origin, verdict, received_at) = (origin(), None, asked_at());
        self.act(Act::Adopt(Adopt { origin, request, digest, verdict, told, basis, received_at }))
    }

    fn balances(&self, whose: Whose) -> Vec<(String, i64, i64)> {
        match self.act(Act::Balances(origin(), whose)) {
            Ok(Answer::Balances(balances)) => balances.iter().map(|standing| figures(&standing.balance)).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// All accounts, in pages of two.
    fn everyone(&self) -> Vec<(String, i64, i64)> {
        let (mut all, mut from) = (Vec::new(), Some(0));
        while let Some(place) = from {
            match self.act(Act::Accounts { program: program(), from: place, most: 2 }) {
                Ok(Answer::Accounts { standings, next }) => {
                    assert!(standings.len() <= 2);
                    all.extend(standings.iter().map(|standing| figures(&standing.balance)));
                    from = next;
                }
                other => panic!("{other:?}"),
            }
        }
        all
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
    Origin { program: program(), platform: Some(id("marqeta")), operator: None }
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

/// When every callback arrives, unless a test says otherwise: lately, so that no hold's time has come.
fn asked_at() -> Timestamp {
    static ONCE: LazyLock<Timestamp> = LazyLock::new(clock::utc);
    *ONCE
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
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
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

fn decide_with(request: AuthorizationRequest, limits: &[LimitCheck], not_after: Instant) -> Act {
    let (limits, hold) = (limits.iter().copied().collect(), HoldPolicy::PLAIN);
    let verdict = Verdict::Proceed(Proceed { ceiling: request.amount, limits, hold });
    let (digest, received_at) = (request.content_digest(), asked_at());
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
