//! A process that answers: started on what is durable, played with, and ended by a crash.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use holdfast_adapters::{Adapter, BasicCredential, BudgetStart, InFlightDuplicate, Keyring, PLATFORMS, Secret, Settings};
use holdfast_core::hold::{AccountStatus, CardStatus};
use holdfast_core::stand_in::Share;
use holdfast_core::{AccountId, AuthorizationRequest, CardToken, CardholderToken, Country, Currency, PlatformName};
use http::HeaderMap;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};

use super::scripted::Scripted;
use crate::clock::{self, Instant, Moment};
use crate::config::BreakerConfig;
use crate::config::ruleset::Home;
use crate::config::{ruleset, stand_in};
use crate::fixture::{program, usd};
use crate::journal::MemoryDisk;
use crate::ledger::permit::InFlight;
use crate::ledger::{self, Act, Ledger, Origin};
use crate::metrics::Metrics;
use crate::profiles::{Profiles, Store};
use crate::responder::*;
use crate::seal::Sealer;
use crate::server::{Answered, Call, Respond as _};
use crate::spool::gate::{Say, gated};
use crate::spool::{Entry, FILE, File, Observer, Reconciler, Settings as SpoolSettings, Sync};
use crate::switchboard::Switchboard;

/// How long the platform waits, and what is kept back of it: 600 ms to decide, 900 to be durable, 1,000 to answer.
pub const PATIENCE: Patience =
    Patience { budget: Duration::from_millis(1_000), reserve: Duration::from_millis(400), start: BudgetStart::Receipt };

/// What one question asks for, in minor units.
pub const AMOUNT: i64 = 1_000;

/// From here on numbers are of messages of how the question of that much less was recorded.
pub const RECORDS: u64 = 1_000;

/// Three questions are at risk at most.
pub const EXPOSURE_MAX: i64 = 3_000;

const RULES: &str = "currency = 'USD'\ncountry = 'USA'\n";

const TABLE: &str = "currency = 'USD'\ncountry = 'USA'\nexposure_max = '30.00'\n[[row]]\nid = 'all'\nanswer = 'approve'\n";

pub struct Silent;

impl Observer for Silent {}

pub fn platform() -> PlatformName {
    PlatformName::new("marqeta").unwrap()
}

/// A callback as the platform sends it.
#[derive(Clone)]
pub struct Letter {
    route: u8,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// How a platform recorded a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Approved,
    Declined,
}

/// The platform: what it sends, and how.
pub struct Caller {
    adapter: Arc<dyn Adapter>,
    keyring: Keyring,
}

impl Caller {
    pub fn new() -> Self {
        let platform = PLATFORMS.iter().find(|platform| platform.name == "marqeta").unwrap();
        let settings = Settings { currency: Currency::USD, values: BTreeMap::new() };
        let Ok(adapter) = (platform.build)(&settings) else { panic!("marqeta needs no settings") };
        let secret = Secret::new(*b"a-Password-of-24-letters");
        let keyring = Keyring { basic: vec![BasicCredential::new("u", &secret)], ..Keyring::default() };
        Caller { adapter: adapter.into(), keyring }
    }

    fn proven(&self, route: u8, mut body: Vec<u8>) -> Letter {
        let mut headers = HeaderMap::new();
        self.adapter.prove(route, &mut headers, &mut body, &self.keyring, clock::utc());
        Letter { route, headers, body }
    }

    /// A question; the same number is the same question.
    pub fn question(&self, number: u64) -> Letter {
        let mut body = Vec::new();
        let route = self.adapter.sample_authorization(number, "c", "h", usd(AMOUNT), &mut body);
        self.proven(route, body)
    }

    /// A message that the card is frozen.
    pub fn freeze(&self) -> Letter {
        let body = json!({"cardtransitions": [{"token": "ct-1", "card_token": "c", "user_token": "h", "state": "SUSPENDED",
            "created_time": "2026-03-14T16:00:00Z"}]});
        self.proven(1, body.to_string().into_bytes())
    }

    /// A message of how the platform recorded a question that it did not wait for us with.
    pub fn recorded(&self, number: u64, ended: Ended) -> Letter {
        let Letter { body, .. } = self.question(number);
        let mut transaction: serde_json::Value = serde_json::from_slice(&body).unwrap();
        // What is held by its word is not so old that its time is over.
        let now = clock::utc().to_string();
        (transaction["created_time"], transaction["user_transaction_time"]) = (now.clone().into(), now.into());
        transaction["gpa_order"]["gateway_log"] = json!({ "timed_out": true });
        match ended {
            Ended::Declined => transaction["state"] = "DECLINED".into(),
            Ended::Approved => transaction["standin_approved_by"] = "NETWORK".into(),
        }
        self.proven(1, json!({ "transactions": [transaction] }).to_string().into_bytes())
    }

    /// A question in our words.
    pub fn request(&self, number: u64) -> AuthorizationRequest {
        let Letter { route, headers, body } = self.question(number);
        let callback = Callback { route, segment: "", query: "", headers: &headers, body: &body };
        let authentic = self.adapter.verify(callback, &self.keyring, clock::utc()).unwrap();
        match self.adapter.decode(&authentic) {
            Ok(Inbound::Authorization(call)) => call.request,
            other => panic!("{other:?}"),
        }
    }
}

/// What the platform heard; nothing where nothing was said.
#[derive(Debug)]
pub struct Heard {
    /// The question's number; 0 for a message, and past [`RECORDS`] for one of how a question was recorded.
    pub number: u64,
    pub received: Moment,
    pub at: Instant,
    pub said: Option<(u16, String)>,
}

type Task<T> = Pin<Box<dyn Future<Output = T>>>;

pub struct Process {
    pub responder: Arc<Responder>,
    /// How far its start has come.
    pub stage: watch::Sender<Stage>,
    pub ledger: Arc<Scripted>,
    pub disk: MemoryDisk,
    directory: TempDir,
    /// The spool's, once more.
    file: File,
    asking: Receiver<usize>,
    say: Option<Sender<Say>>,
    /// Whether the spool's disk has asked, and was not told yet.
    asked: bool,
    attending: Task<()>,
    callbacks: FuturesUnordered<Task<Heard>>,
    reconciling: Option<Task<()>>,
    /// Whether it waits for nothing but time.
    pauses: bool,
}

/// Nobody calls a payment door here.
fn no_profiles() -> Arc<Profiles> {
    let store = Store::open("nowhere".as_ref(), Sealer::default()).unwrap();
    Arc::new(Profiles::open(store, None).unwrap())
}

fn metrics() -> Arc<Metrics> {
    static METRICS: OnceLock<Arc<Metrics>> = OnceLock::new();
    Arc::clone(METRICS.get_or_init(|| Metrics::new(&[(program(), platform())]).unwrap()))
}

pub fn live(caller: &Caller) -> (Arc<Program>, Mount) {
    let home = Home { program: program(), currency: Currency::USD, country: Country::new("USA").unwrap() };
    let table = stand_in::read("table.toml", TABLE, &home).unwrap_or_else(|errors| panic!("{errors}"));
    let table = StandInTable { platform: None, in_force: ArcSwapOption::from_pointee(table), configured: None };
    let rules = ruleset::read("rules.toml", RULES, &home).unwrap_or_else(|errors| panic!("{errors}"));
    let live = Arc::new(Program {
        id: program(),
        rules: ArcSwap::from_pointee(rules),
        configured_rules: RULES.into(),
        stand_in: StandIn::new(vec![table], Share::WHOLE, 64),
    });
    let mount = Mount {
        program: Arc::clone(&live),
        platform: platform(),
        principal: 0,
        adapter: Arc::clone(&caller.adapter),
        in_flight_duplicate: InFlightDuplicate::Join,
        keyring: ArcSwap::from_pointee(caller.keyring.clone()),
        patience: PATIENCE,
        metrics: metrics().mount(0).unwrap(),
        by_environment: None,
    };
    (live, mount)
}

impl Process {
    /// Starts on what is durable, as a server does.
    pub async fn start(caller: &Caller, directory: TempDir, disk: MemoryDisk) -> Self {
        let ledger = Scripted::on(&disk).await;
        let (live, mount) = live(caller);
        let ms = Duration::from_millis;
        let breaker = BreakerConfig { failures: 3, stall: ms(700), probe_every: ms(250), probe_max: ms(100) };
        let breaker = Arc::new(Breaker::new(breaker));
        let unheard = Unheard::new(ToldBook::new(64), vec![(program(), platform())], vec![live], Arc::clone(&breaker));
        let unheard = Arc::new(unheard);
        let settings = SpoolSettings { path: directory.path().join(FILE), sync: Sync::None, entries_max: 64 };
        let mut earlier = Earlier::default();
        let remember = |entry: &_, at, standing| unheard.remember(entry, at, standing, &mut earlier);
        let (spool, asking, say) = gated(settings.clone(), Arc::new(Silent));
        spool.recall(remember).unwrap();
        unheard.count(&spool, earlier, clock::utc()).unwrap();
        let away = spool.reader().unwrap().away().unwrap();
        let switchboard = Switchboard::new(settings, vec![(program(), platform())]);
        switchboard.restore().unwrap();
        let (stage, how_far) = watch::channel(Stage::Open);
        let responder = Arc::new(Responder {
            mounts: vec![mount],
            ledger: Arc::clone(&ledger) as Arc<dyn Ledger>,
            unheard,
            spool: Arc::new(spool),
            breaker,
            switchboard: Arc::new(switchboard),
            in_flight: InFlight::new(16),
            till: Till::new(no_profiles(), Sealer::default()),
            metrics: metrics(),
            telemetry: None,
            workers: vec![Worker::new(4)],
            agents: None,
            recalled: Turns::of_at_most(1000),
            foreseen: Turns::of_at_most(1000),
            keys_of_callers: ToldBook::new(0),
            opened: Turns::of_at_most(1000),
            ledger_since: SinceWhen::found(away.last()),
            began: clock::utc(),
            stage: how_far,
        });
        let attending = Arc::clone(&responder);
        let file = responder.spool.reader().unwrap();
        Process {
            responder,
            stage,
            ledger,
            disk,
            directory,
            file,
            asking,
            say: Some(say),
            asked: false,
            attending: Box::pin(async move { attending.attend(0).await }),
            callbacks: FuturesUnordered::new(),
            reconciling: None,
            pauses: false,
        }
    }

    /// The ledger has an account with more than anybody asks for, and its card.
    pub async fn enter_card(&self) {
        let account = AccountId::new("a").unwrap();
        let (status, cardholder) = (CardStatus::Active, CardholderToken::new("h").ok());
        let entries = vec![
            ledger::Entry::Account { account, balance: usd(1_000_000), credit_line: 0, status: AccountStatus::Active },
            ledger::Entry::Card { card: CardToken::new("c").unwrap(), account, cardholder, status },
        ];
        self.ledger.ask(Act::Enter(Origin::of(program()), entries)).await;
    }

    /// The platform sends something.
    pub fn send(&self, number: u64, letter: Letter, received: Moment) {
        let responder = Arc::clone(&self.responder);
        self.callbacks.push(Box::pin(async move {
            let Letter { route, headers, body } = letter;
            let call = Call { mount: 0, route, segment: "", query: "", headers: &headers, body: &body, received, worker: 0 };
            let said = match responder.respond(call, Vec::new()).await {
                Answered::Said { reply, body } => Some((reply.status, String::from_utf8(body).unwrap())),
                Answered::Silence => None,
            };
            Heard { number, received, at: clock::instant(), said }
        }));
    }

    /// Whether nobody waits for anything any more.
    pub fn is_done(&self) -> bool {
        let Responder { unheard, spool, .. } = self.responder.as_ref();
        let nothing_waits = unheard.book.waiting() == 0 && spool.fill().held.waiting == 0 && spool.is_at_rest();
        self.callbacks.is_empty() && self.reconciling.is_none() && self.ledger.out() == 0 && nothing_waits
    }

    /// Lets every callback go as far as it can; what was answered.
    pub async fn turn(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        for _ in 0..8 {
            // A timer that is due wakes whoever waits for it here.
            tokio::task::yield_now().await;
            std::future::poll_fn(|context| {
                assert!(self.attending.as_mut().poll(context).is_pending());
                while let Poll::Ready(Some(one)) = self.callbacks.poll_next_unpin(context) {
                    heard.push(one);
                }
                Poll::Ready(())
            })
            .await;
        }
        heard
    }

    /// The spool's disk takes its next transaction, or does not; nothing where there is none.
    pub fn disk_says(&mut self, say: Say) {
        if !self.asks() {
            return;
        }
        self.asked = false;
        self.say.as_ref().unwrap().send(say).unwrap();
        // What it leads to is done when the disk asks again, or has nothing to ask for.
        self.asks();
    }

    /// Whether a transaction waits for the disk to say what becomes of it.
    pub fn asks(&mut self) -> bool {
        while !self.asked && self.say.is_some() && !self.responder.spool.is_at_rest() {
            self.asked = self.asking.recv_timeout(Duration::from_millis(1)).is_ok();
        }
        self.asked |= self.say.is_some() && self.asking.try_recv().is_ok();
        self.asked
    }

    /// From now on the spool's disk takes everything.
    pub fn open_disk(&mut self) {
        self.say = None;
        self.asked = false;
    }

    /// What is in the spool is brought to the ledger, as far as that lets it.
    pub async fn reconcile(&mut self) {
        let mut reconciling = match self.reconciling.take() {
            // Nobody else comes to it: it reads on, or has nothing left to bring.
            None => self.begin_to_reconcile(),
            Some(reconciling) => reconciling,
        };
        let refused = self.ledger.refused();
        loop {
            tokio::task::yield_now().await;
            if std::future::poll_fn(|context| Poll::Ready(reconciling.as_mut().poll(context))).await.is_ready() {
                self.pauses = false;
                return;
            }
            if self.ledger.out() > 0 || self.pauses {
                break;
            }
            // Whoever was refused pauses, which takes time.
            self.pauses = self.ledger.refused() > refused;
        }
        self.pauses &= self.ledger.out() == 0;
        self.reconciling = Some(reconciling);
    }

    fn begin_to_reconcile(&self) -> Task<()> {
        let Responder { spool, unheard, .. } = self.responder.as_ref();
        let reconciler = Reconciler {
            begin: oneshot::channel().1,
            spool: Arc::clone(spool),
            ledger: Arc::clone(&self.ledger) as Arc<dyn Ledger>,
            heard: Arc::clone(unheard) as Arc<dyn crate::spool::Heard>,
            observer: Arc::new(Silent),
        };
        Box::pin(reconciler.run(watch::channel(()).1))
    }

    /// What the spool's file has, and what of it was set aside.
    pub fn spooled(&self) -> Vec<Entry> {
        let file = &self.file;
        let aside = file.set_aside().unwrap().into_iter().map(|aside| aside.row);
        let rows = file.page(0, i64::MAX, 1_000).unwrap().into_iter().chain(aside);
        rows.map(|row| Entry::from_bytes(&row.body, &row.digest).unwrap()).collect()
    }

    /// The process is gone at this moment. What is durable stays.
    pub fn crash(self) -> (TempDir, MemoryDisk) {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.directory.path()).unwrap() {
            let file = file.unwrap();
            // The index of the write-ahead log is memory.
            if !file.file_name().to_str().unwrap().ends_with("-shm") {
                std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
            }
        }
        self.disk.crash(crate::journal::Crash::LosesUnsynced);
        let disk = self.disk.clone();
        (copy, disk)
    }
}
