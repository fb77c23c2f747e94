//! A ledger on a real journal, for tests of whatever reads one.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::hold::{AccountStatus, CardStatus, Fact, Subject, ToldEvent};
use holdfast_core::rules::{NoTrace, Ruleset, evaluate};
use holdfast_core::*;
use tempfile::TempDir;

use crate::clock;
use crate::config::ruleset::read_kept;
use crate::journal::{JournalError, KeptRuleset, Reader, Sync, Tail};
use crate::ledger::embedded::projection::checkpoint::draw;
use crate::ledger::embedded::projection::read as projection;
use crate::ledger::embedded::{Embedded, Observer, Settings};
use crate::ledger::{Act, Answer, Decide, Entry, LedgerError, Origin, Readiness, ask};
use crate::retention::Survey;

/// Rules with something of everything: a rule that declines, a rolling limit, a calendar limit and a hold row.
pub const RULES: &str = r#"
currency = "USD"
country = "USA"
time_zone = "America/New_York"
[[rule]]
id = "no-gambling"
description = "No betting"
mcc = { deny = ["7995"] }
[[rule]]
id = "not-at-night"
enforcement = "observe"
hours = { deny = [{ from = "00:00", to = "05:00" }] }
[[rule]]
id = "surcharge-max"
surcharge = { percent_max = "4" }
[[limit]]
id = "card-daily"
description = "What a card spends in a day"
scope = "card"
window = "day"
amount_max = "500.00"
count_max = 20
[[limit]]
id = "account-hour"
scope = "account"
window = "rolling"
length = "1h"
buckets = 60
count_max = 30
"#;

pub struct Silent;

impl Observer for Silent {
    fn committed(&self, _records: u32, _took: Duration) {}
    fn readiness(&self, _readiness: Readiness) {}
    fn expired(&self, _holds: usize) {}
    fn say(&self, _message: &str) {}
}

/// Opens what was closed a moment ago: a process that another test begins holds on to its lock between its fork and its exec.
pub fn once_free<T>(open: impl Fn() -> Result<T, JournalError>) -> T {
    loop {
        match open() {
            Err(JournalError::InUse(_)) => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

/// A program `demo` called by `marqeta`, with an account `a` and its card `c` of `h`.
pub struct House {
    pub directory: TempDir,
    pub ruleset: Arc<Ruleset>,
    ledger: Option<Embedded>,
}

pub fn program() -> ProgramId {
    ProgramId::new("demo").unwrap()
}

pub fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

pub fn origin() -> Origin {
    Origin { program: program(), platform: Some(PlatformName::new("marqeta").unwrap()), operator: None }
}

pub fn payment(name: &str) -> PaymentRef {
    PaymentRef::of(AuthorizationId::new(name).unwrap())
}

/// A purchase of groceries, named by its key.
pub fn purchase(key: &str, minor: i64) -> AuthorizationRequest {
    AuthorizationRequest {
        key: IdempotencyKey::new(key).unwrap(),
        payment: payment(&format!("tx-{key}")),
        increments: None,
        kind: AuthorizationKind::Purchase,
        posting: Posting::Hold,
        card: CardToken::new("c").ok(),
        cardholder: CardholderToken::new("h").ok(),
        amount: usd(minor),
        original: None,
        padding: Padding::None,
        expiry: Expiry::Told,
        merchant: Merchant {
            id: MerchantId::new("mid-1").ok(),
            name: MerchantName::of("Corner Grocery"),
            mcc: MerchantCategoryCode::from_number(5411),
            country: Country::new("USA"),
        },
        entry_mode: EntryMode::Chip,
        wallet: Wallet::None,
        cross_border: CrossBorder::NotTold,
        partial_approval: PartialApproval::NotSupported,
        network: NetworkName::new("VISA").ok(),
        occurred_at: None,
        checkout: None,
    }
}

pub fn told(key: &str, fact: Fact) -> ToldEvent {
    ToldEvent {
        key: IdempotencyKey::new(key).unwrap(),
        occurred_at: None,
        network: None,
        settlement_day: None,
        subject: Subject { card: CardToken::new("c").ok(), ..Subject::default() },
        fact,
    }
}

impl House {
    pub fn with(balance: i64) -> Self {
        let ruleset = Arc::new(read_kept("rules", RULES, program()).unwrap());
        let mut house = House { directory: tempfile::tempdir().unwrap(), ruleset, ledger: None };
        house.start();
        house.publish(RULES);
        let (account, card) = (AccountId::new("a").unwrap(), CardToken::new("c").unwrap());
        let cardholder = CardholderToken::new("h").ok();
        house.act(Act::Enter(
            Origin::of(program()),
            vec![
                Entry::Account { account, balance: usd(balance), credit_line: 0, status: AccountStatus::Active },
                Entry::Card { card, account, cardholder, status: CardStatus::Active },
            ],
        ));
        house
    }

    /// Has these rules from now on.
    pub fn publish(&mut self, source: &str) {
        self.ruleset = Arc::new(read_kept("rules", source, program()).unwrap());
        let kept = KeptRuleset {
            kind: crate::journal::KeptKind::Rules,
            hash: *self.ruleset.hash().as_bytes(),
            program: program().to_string(),
            source: source.to_owned(),
            published_at: clock::utc(),
            published_by: "ann".to_owned(),
            why: "to begin".to_owned(),
        };
        self.act(Act::Publish(Box::new(kept), None));
    }

    pub fn start(&mut self) {
        let settings = || Settings {
            data: self.directory.path().to_owned(),
            sync: Sync::None,
            commit_records_max: 64,
            observer: Box::new(Silent),
        };
        let (ledger, opening) = once_free(|| Embedded::start(settings()));
        opening.blocking_recv().unwrap().unwrap();
        self.ledger = Some(ledger);
    }

    /// Closes the ledger; what it wrote can be read.
    pub fn stop(&mut self) -> Reader {
        self.ledger = None;
        Reader::open(self.directory.path()).unwrap()
    }

    pub fn ledger(&self) -> &Embedded {
        self.ledger.as_ref().unwrap()
    }

    pub fn act(&self, act: Act) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(ask(self.ledger(), act)).unwrap()
    }

    pub fn ask(&self, request: AuthorizationRequest) -> Decision {
        self.ask_at(request, clock::utc())
    }

    /// Asks what came then.
    pub fn ask_at(&self, request: AuthorizationRequest, received_at: Timestamp) -> Decision {
        let verdict = evaluate(&self.ruleset, &request, received_at, &mut NoTrace);
        let answer = self.act(Act::Decide(Decide {
            origin: origin(),
            digest: request.content_digest(),
            request,
            verdict,
            ruleset: *self.ruleset.hash().as_bytes(),
            governed: None,
            received_at,
            not_after: clock::instant() + Duration::from_secs(3600),
            choice: None,
            slip: None,
        }));
        let Answer::Decided { decision, .. } = answer else { panic!("{answer:?}") };
        decision
    }

    /// Looks again until the projection has followed everything.
    pub fn until_projected(&self, look: impl Fn() -> Survey) -> Survey {
        let last = Tail::open(self.directory.path()).unwrap().end().unwrap().next - 1;
        while projection::Reader::open(self.directory.path()).unwrap().projected().unwrap() < last {
            std::thread::yield_now();
        }
        look()
    }

    /// Drops everything before a record that a group begins with.
    pub fn trim(&self, record: i64) {
        let directory = self.directory.path();
        while projection::Reader::open(directory).unwrap().projected().unwrap() < record - 1 {
            std::thread::yield_now();
        }
        let to = Tail::open(directory).unwrap().joint_before(record).unwrap();
        let checkpoint = draw(directory, to, clock::utc(), &|| true).unwrap();
        self.act(Act::Announce(Box::new(checkpoint.clone())));
        // Rows of a batch can be read before the follower says that it has followed them: its pages' sums come in between.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let begin = || runtime.block_on(ask(self.ledger(), Act::BeginAt(Box::new(checkpoint.clone()))));
        while begin() == Err(LedgerError::Unavailable) {
            std::thread::yield_now();
        }
        while self.act(Act::TakeAway) != Answer::TakenAway(0) {}
    }

    pub fn tell(&self, key: &str, fact: Fact) {
        self.act(Act::Tell(origin(), told(key, fact)));
    }
}
