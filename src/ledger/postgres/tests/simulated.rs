//! The simulation's events on the shared ledger, against the same independent model: from one seed, in the simulation's time.
//! After every event what it touched is read from the database and compared, and at the end everything. Questions go to the
//! database's function first, as they do behind the lanes; now and then a transaction is lost on its way, and nothing of it
//! is there.

use std::time::Duration;

use deadpool_postgres::Client;
use fastrand::Rng;
use holdfast_core::hold::{AccountStatus, CardStatus, CardholderStatus, Hold, StepId};
use holdfast_core::{AccountId, CardToken, Currency, Money, ProgramId, Timestamp};

use super::server::{run, shared};
use crate::books::Books;
use crate::clock::{self, Moment};
use crate::journal::{Numbered, Reader};
use crate::ledger::embedded::state::{Located, NameKey};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::copying::copy;
use crate::ledger::postgres::deciding::{Ahead, Plain, Said};
use crate::ledger::postgres::load::{Loaded, Loading};
use crate::ledger::postgres::name_key;
use crate::ledger::postgres::named::{Named, program_of};
use crate::ledger::postgres::numbers::Numbers;
use crate::ledger::postgres::performing::Performing;
use crate::ledger::postgres::values::{At, named};
use crate::ledger::{Act, Answer, Entry, LedgerError, Origin};
use crate::simulation::chance::Chance;
use crate::simulation::compare::{plain, says};
use crate::simulation::deed::{self, BEGINNING, Deed, id};
use crate::simulation::limits::{LIMITS, counter};
use crate::simulation::model::{Account, Card, Expected, Model};
use crate::simulation::naming::Named as Called;
use crate::simulation::world::{about, kind};

/// Steps that a world has.
const WORLD_STEPS: u64 = 400;

/// How many worlds are simulated at once.
const THREADS: u64 = 3;

/// Steps in all: 10,000 where nothing may be skipped, and as many as `HOLDFAST_SIMULATED_STEPS` says.
fn steps() -> u64 {
    let wanted = std::env::var("HOLDFAST_SIMULATED_STEPS").ok().and_then(|steps| steps.parse().ok());
    wanted.unwrap_or(if std::env::var_os("HOLDFAST_TEST_ALL").is_some() { 10_000 } else { 1_200 })
}

/// A moment at which no question of a simulated past is late.
const FAR_AHEAD: Timestamp = Timestamp::from_unix_seconds(4_000_000_000);

struct World {
    rng: Rng,
    chance: Chance,
    model: Model,
    performing: Performing,
    client: Client,
    now: Moment,
    origins: Vec<Origin>,
    accounts: Vec<AccountId>,
    cards: Vec<CardToken>,
    step: i64,
    /// How many questions the function decided.
    by_the_function: u64,
}

impl World {
    async fn new(database: Database, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let client = database.pool(1).unwrap().get().await.unwrap();
        // A simulated world may lose its end in a crash of the machine.
        client.batch_execute("SET synchronous_commit = off").await.unwrap();
        let at = database.whereabouts();
        let key = name_key(&client, &at).await.unwrap();
        let performing = Performing { key, numbers: Numbers::of(1), ahead: Ahead::default(), at };
        let (programs, accounts, cards) = (rng.usize(1..=2), rng.usize(1..=4), rng.usize(1..=6));
        let mut world = World {
            chance: Chance::new(rng.fork()),
            rng,
            model: Model::default(),
            performing,
            client,
            now: Moment { instant: clock::instant(), utc: BEGINNING },
            origins: (0..programs).map(|number| deed::origin(number).unwrap()).collect(),
            accounts: (0..accounts).map(|number| id("account", number).unwrap()).collect(),
            cards: (0..cards.max(accounts)).map(|number| id("card", number).unwrap()).collect(),
            step: 0,
            by_the_function: 0,
        };
        world.furnish().await;
        world
    }

    async fn furnish(&mut self) {
        let never = (Timestamp::from_unix_micros(i64::MIN), StepId(0));
        for number in 0..self.accounts.len() {
            let (program, posted) = (number % self.origins.len(), self.rng.i64(0..=400_000));
            let credit_line = if self.rng.bool() { 0 } else { self.rng.i64(0..=100_000) };
            let (status, owner) = ((never, AccountStatus::Active), (never, CardholderStatus::Active));
            self.model.accounts.push(Account { program, posted, held: 0, credit_line, status, owner });
            let (account, balance) = (self.accounts[number], Money::from_minor(posted, Currency::USD));
            self.enter(program, Entry::Account { account, balance, credit_line, status: status.1 }).await;
        }
        for number in 0..self.cards.len() {
            let account = number % self.accounts.len();
            self.model.cards.push(Card { account, status: (never, CardStatus::Active) });
            let (card, cardholder) = (self.cards[number], Some(id("owner", account).unwrap()));
            let (program, status) = (self.model.accounts[account].program, CardStatus::Active);
            self.enter(program, Entry::Card { card, account: self.accounts[account], cardholder, status }).await;
        }
    }

    async fn enter(&mut self, program: usize, entry: Entry) {
        let act = Act::Enter(Origin::of(self.origins[program].program), vec![entry]);
        self.through_the_engine(&act).await.unwrap();
    }

    /// Time passes, something happens, and what it touched is compared.
    async fn step(&mut self) {
        self.step += 1;
        self.pass_time();
        self.expire().await;
        let deed = self.chance.next(&mut self.model, self.now.utc);
        self.model.changed = false;
        let late = matches!(&deed, Deed::Ask(question) if question.late);
        let not_after = if late { self.now.instant - Duration::from_millis(1) } else { self.now.instant };
        let act = deed.act(not_after).unwrap();
        if self.rng.u32(0..40) == 0 {
            self.lose(&act).await;
        }
        let expected = self.expected(&deed);
        let answer = self.perform(&act).await;
        assert!(
            says(&expected, answer.as_ref().map_err(|error| *error)),
            "{}: {expected:?}, and not {answer:?}\n{deed:?}",
            self.step
        );
        self.model.acknowledge();
        let (account, payment) = about(&deed, &self.model);
        let card = match &deed {
            Deed::Ask(question) | Deed::Adopt(question, _) => Some(question.card),
            Deed::Tell(message) => Some(message.card),
            Deed::Order(_) => None,
        };
        self.compare(account, payment, card, &format!("after {} {deed:?}", kind(&deed))).await;
    }

    fn pass_time(&mut self) {
        let seconds = match self.rng.u32(0..200) {
            0 => self.rng.u64(86_400..40 * 86_400),
            1..4 => self.rng.u64(3600..100_000),
            4..20 => self.rng.u64(0..600),
            _ => 0,
        };
        let passed = Duration::from_secs(seconds) + Duration::from_millis(self.rng.u64(1..2_000));
        self.now.instant += passed;
        // The last digits number the steps: no two things happen at the same microsecond.
        let millis = self.now.utc.saturating_add(passed).unix_micros() / 1000;
        self.now.utc = Timestamp::from_unix_micros(millis * 1000 + self.step % 1000);
        self.performing.ahead.learn(FAR_AHEAD, self.now.utc);
    }

    async fn expire(&mut self) {
        let due = self.model.expire(self.now.utc);
        let sql =
            "SELECT number, program FROM holdfast.hold WHERE status = 'open' AND expires_at <= $1 ORDER BY expires_at, number";
        let rows = self.client.query(sql, &[&At(self.now.utc)]).await.unwrap();
        assert_eq!(rows.len(), due.len(), "{}: holds whose time has come", self.step);
        for row in &rows {
            let program: ProgramId = named(row, "program").unwrap();
            let records = self.performing.expire(&mut self.client, program, &[row.get("number")], self.now.utc).await.unwrap();
            assert_eq!(records, 1);
        }
        self.model.acknowledge();
        for payment in due {
            self.compare(self.model.payments[payment].account, Some(payment), None, "after its time").await;
        }
    }

    fn expected(&mut self, deed: &Deed) -> Expected {
        let now = self.now.utc;
        match deed {
            Deed::Ask(question) => self.model.ask(question),
            Deed::Adopt(question, heard) => self.model.adopt(question, *heard),
            Deed::Tell(message) => self.model.tell(message, now),
            Deed::Order(command) => self.model.order(command, now),
        }
    }

    /// As behind the lanes: a plain question by the function, all else by the engine.
    async fn perform(&mut self, act: &Act) -> Result<Answer, LedgerError> {
        if let Act::Decide(decide) = act
            && let Some(plain) = Plain::of(decide)
        {
            let Performing { key, numbers, ahead, at } = &self.performing;
            match plain.ask(&self.client, *key, numbers, ahead, &self.now, at).await.unwrap() {
                Said::Decided(answer, ..) => {
                    self.by_the_function += 1;
                    return answer;
                }
                Said::Engine => {}
            }
        }
        self.through_the_engine(act).await
    }

    async fn through_the_engine(&mut self, act: &Act) -> Result<Answer, LedgerError> {
        let now = self.now;
        let transaction = self.client.transaction().await.unwrap();
        let done = self.performing.perform_in(&transaction, program_of(act).unwrap(), &[act], || now).await.unwrap();
        transaction.commit().await.unwrap();
        done.answers.into_iter().next().unwrap()
    }

    /// The same, and its transaction never ends well.
    async fn lose(&mut self, act: &Act) {
        let now = self.now;
        let transaction = self.client.transaction().await.unwrap();
        self.performing.perform_in(&transaction, program_of(act).unwrap(), &[act], || now).await.unwrap();
        transaction.rollback().await.unwrap();
    }

    /// Reads an account, with a payment and a card.
    async fn read(&mut self, account: usize, payment: Option<usize>, card: Option<usize>) -> Loaded {
        let program = self.model.accounts[account].program;
        let origin = self.origins[program];
        let key: NameKey = self.performing.key;
        let mut named = Named::nothing(key, origin.program);
        named.accounts.push(self.accounts[account]);
        for label in payment.into_iter().flat_map(|number| self.model.payments[number].labels()) {
            let number = payment.unwrap();
            let of = Called { payment: number, number: self.chance.number_of(number), name: label.alone() };
            named.payments.extend(key.payment(&origin.program, origin.platform.as_ref(), &of.reference().unwrap()).iter());
        }
        if let Some(card) = card.map(|number| self.cards[number]) {
            named.cards.insert(key.card(&origin.program, &card), card);
        }
        named.limits = LIMITS.iter().enumerate().map(|(number, limit)| (counter(program, number), limit.scope)).collect();
        let transaction = self.client.transaction().await.unwrap();
        let loading = Loading { transaction: &transaction, key, named: &named, now: self.now.utc, at: &self.performing.at };
        let loaded = loading.load(1).await.unwrap();
        transaction.rollback().await.unwrap();
        loaded
    }

    /// Compares an account, and a payment and what a card's limits have counted.
    async fn compare(&mut self, account: usize, payment: Option<usize>, card: Option<usize>, when: &str) {
        let loaded = self.read(account, payment, card).await;
        let (state, ..) = loaded.engine.performed();
        let of = &self.model.accounts[account];
        let origin = self.origins[of.program];
        let index = state.account_named(&origin.program, &self.accounts[account]);
        let row = &state.account(index.unwrap()).unwrap().account;
        let got = (row.posted, row.held, row.credit_line, row.status);
        assert_eq!(got, (of.posted, of.held, of.credit_line, of.status.1), "{}: account {account} {when}", self.step);
        if let Some(number) = payment {
            let payment = &self.model.payments[number];
            for file in &payment.files {
                for label in &file.labels {
                    let of = Called { payment: number, number: self.chance.number_of(number), name: label.alone() };
                    let names = state.payment_names(&origin.program, origin.platform.as_ref(), &of.reference().unwrap());
                    let got = state.hold_named(&names).and_then(|index| state.hold(index)).map(|row| row.hold);
                    let expected = plain(&file.sheet);
                    let expected = Hold { posting: got.map_or(expected.posting, |got| got.posting), ..expected };
                    assert_eq!(got, Some(expected), "{}: payment {number} by its name {label:?} {when}", self.step);
                }
            }
        }
        if let Some(card) = card {
            let of_card = state.card_named(&origin.program, &self.cards[card]);
            let located = Located { account: index, card: of_card, ..Located::default() };
            let expected = self.model.used(self.model.accounts[account].program, card, account, self.now.utc);
            for ((number, limit), expected) in LIMITS.iter().enumerate().zip(expected) {
                let program = self.model.accounts[account].program;
                let (used, _) = state.used(
                    counter(program, number),
                    limit.scope,
                    (limit.window(self.now.utc), holdfast_core::rules::StillOpen::NOTHING),
                    &located,
                );
                let got = (used.amount, i64::from(used.count));
                assert_eq!(got, expected, "{}: limit {number} of card {card} {when}", self.step);
            }
        }
    }

    async fn compare_everything(&mut self) {
        for card in 0..self.cards.len() {
            self.compare(self.model.cards[card].account, None, Some(card), "at the end").await;
        }
        for payment in 0..self.model.payments.len() {
            self.compare(self.model.payments[payment].account, Some(payment), None, "at the end").await;
        }
    }
}

/// A copy of its journal, added up from the first record on, comes to what the database has.
async fn compare_copy(database: &Database) {
    let at = database.whereabouts();
    let (mut client, _driving) = database.open(|_| {}).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let copied = copy(&mut client, &at, directory.path(), |_, _| {}).await.unwrap();
    let (mut books, mut read) = (Books::default(), 0);
    let each = &mut |numbered: Numbered<'_>| {
        books.follow(numbered.record);
        read += 1;
        Ok(())
    };
    Reader::open(directory.path()).unwrap().records(i64::MAX, &mut |_, _, _| {}, each).unwrap();
    assert_eq!((read, copied.months_dropped), (copied.records, 0));
    let rows = client.query("SELECT number, posted, held, credit_line, status FROM holdfast.account", &[]).await.unwrap();
    assert_eq!(rows.len(), books.accounts().count());
    for row in &rows {
        let number = u32::try_from(row.get::<_, i64>("number")).unwrap();
        let account = books.account(number).unwrap().account;
        let kept: (i64, i64, i64, String) = (row.get("posted"), row.get("held"), row.get("credit_line"), row.get("status"));
        assert_eq!((account.posted, account.held, account.credit_line, account.status.name().to_owned()), kept, "{number}");
    }
}

#[test]
fn the_simulations_events_come_to_the_same_on_the_shared_ledger() {
    let Some(server) = shared() else { return };
    let worlds = steps().div_ceil(WORLD_STEPS);
    let decided = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let decided = &decided;
            let simulate = move || {
                for seed in (1..=worlds).filter(|seed| seed % THREADS == thread) {
                    println!("world {seed}");
                    let database = server.reach(&server.database());
                    run(async {
                        let mut world = World::new(database.clone(), seed).await;
                        for _ in 0..WORLD_STEPS {
                            world.step().await;
                        }
                        world.compare_everything().await;
                        compare_copy(&database).await;
                        decided.fetch_add(world.by_the_function, std::sync::atomic::Ordering::Relaxed);
                    });
                }
            };
            let builder = std::thread::Builder::new().stack_size(16 << 20);
            builder.spawn_scoped(scope, simulate).unwrap();
        }
    });
    let decided = decided.into_inner();
    assert!(decided * 6 > worlds * WORLD_STEPS, "the function decided only {decided} of {}", worlds * WORLD_STEPS);
}
