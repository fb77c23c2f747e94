//! When the ledger is slow, gone, full or broken: an answer in time all the same, the same answer for a retry, and a ledger
//! that agrees afterwards. The server runs in this process, so that its ledger can be made to fail; the sockets are real.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use holdfast::app::App;
use holdfast::config::{Config, Overrides};
use holdfast::ledger::sight::{Lasts, LongerAgo, Seen};
use holdfast::ledger::{
    self, Act, Ahead, Answer, Completions, Counted, Glimpse, Ledger, LedgerError, MoneyOf, Origin, Readiness, Standing, Ticket,
    ToHear, Wait, Whose, Writes,
};
use holdfast_core::hold::ToldEvent;
use holdfast_core::rules::{LimitCheck, Verdict};
use holdfast_core::stand_in::{Acquaintance, Sight};
use holdfast_core::{AccountId, AuthorizationRequest, ProgramId};

use crate::support::{BackOffice, Client, Marqeta, Workplace};

/// What is wrong with the ledger at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Decisions are kept from the ledger until the fault ends.
    Withheld,
    /// Everything is, as by a disk that hangs.
    Hung,
    /// Decisions are applied, and their answers kept back until the fault ends.
    AnswersWithheld,
    /// It says that it is unavailable.
    Unavailable,
    /// It hears no question, no answer and no message, but starts.
    Deaf,
    /// It says that it is unavailable, and shows no answer that it gave before: as if that were long ago.
    Forgetful,
    /// It says that it is unavailable, and that the approvals it shows are on their way to a disk that hangs.
    Unsynced,
    /// It answers questions, hears nothing of what was told without it, and lets nobody look at its memory.
    Veiled,
    /// It panics when it is asked.
    Panics,
}

/// A real ledger behind a fault.
pub struct Faulty {
    inner: Arc<dyn Ledger>,
    fault: Mutex<Fault>,
    ended: Condvar,
    withheld: Mutex<Vec<Arc<Ticket>>>,
    pub asked: AtomicBool,
    /// Whether anybody asked for balances.
    pub balances_asked: AtomicBool,
    /// The last question.
    question: Mutex<Option<(Origin, AuthorizationRequest)>>,
    /// What the rules thought of each question whose answer is to be adopted.
    verdicts: Mutex<Vec<Option<Verdict>>>,
}

impl Faulty {
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        if fault == Fault::None {
            for ticket in self.withheld.lock().unwrap().drain(..) {
                self.inner.submit(ticket);
            }
            self.inner.nudge();
            self.ended.notify_all();
        }
    }

    /// Has the real ledger do something, whatever is wrong.
    pub fn act(&self, act: Act) -> Answer {
        futures_executor::block_on(ledger::ask(self.inner.as_ref(), act)).unwrap()
    }

    /// Hands the act to the real ledger under another ticket, and completes the caller's only when the fault has ended.
    fn apply_and_keep_quiet(self: &Arc<Self>, ticket: Arc<Ticket>) {
        let act = ticket.with_act(|act| std::mem::replace(act, Act::Rest));
        let twin = Ticket::new(act);
        self.inner.submit(Arc::clone(&twin));
        self.inner.nudge();
        let this = Arc::clone(self);
        std::thread::spawn(move || {
            let answer = futures_executor::block_on(Wait::on(twin));
            let mut fault = this.fault.lock().unwrap();
            while *fault == Fault::AnswersWithheld {
                fault = this.ended.wait(fault).unwrap();
            }
            let mut completions = Completions::default();
            completions.complete(&ticket, answer);
            completions.announce();
        });
    }
}

/// Whether an act is a question, an answer or a message.
fn is_heard(act: &Act) -> bool {
    matches!(act, Act::Decide(_) | Act::Adopt(_) | Act::Tell(..) | Act::TellOurs(..) | Act::Keep(..))
}

/// The same, shared with the test.
struct Shared(Arc<Faulty>);

impl Ledger for Shared {
    fn submit(&self, ticket: Arc<Ticket>) {
        let question = ticket.with_act(|act| match act {
            Act::Decide(decide) => Some((decide.origin, decide.request)),
            _ => None,
        });
        let decision = question.is_some();
        if ticket.with_act(|act| matches!(act, Act::Balances(..))) {
            self.0.balances_asked.store(true, Ordering::SeqCst);
        }
        let fault = *self.0.fault.lock().unwrap();
        let adopting = |act: &mut Act| {
            let Act::Adopt(adopt) = act else { return None };
            Some(adopt.verdict.as_ref().map(|(verdict, _)| verdict.clone()))
        };
        self.0.verdicts.lock().unwrap().extend(ticket.with_act(adopting));
        if decision {
            *self.0.question.lock().unwrap() = question;
            self.0.asked.store(true, Ordering::SeqCst);
        }
        match fault {
            Fault::Hung => self.0.withheld.lock().unwrap().push(ticket),
            Fault::Withheld if decision => self.0.withheld.lock().unwrap().push(ticket),
            Fault::AnswersWithheld if decision => self.0.apply_and_keep_quiet(ticket),
            Fault::Panics if decision => panic!("the ledger was told to"),
            Fault::Unavailable | Fault::Forgetful | Fault::Unsynced | Fault::Deaf
                if fault != Fault::Deaf || ticket.with_act(|act| is_heard(act)) =>
            {
                let mut completions = Completions::default();
                completions.complete(&ticket, Err(LedgerError::Unavailable));
                completions.announce();
            }
            Fault::Veiled if ticket.with_act(|act| matches!(act, Act::Adopt(_))) => {
                let mut completions = Completions::default();
                completions.complete(&ticket, Err(LedgerError::Unavailable));
                completions.announce();
            }
            Fault::None
            | Fault::Withheld
            | Fault::AnswersWithheld
            | Fault::Unavailable
            | Fault::Deaf
            | Fault::Forgetful
            | Fault::Unsynced
            | Fault::Veiled
            | Fault::Panics => {
                self.0.inner.submit(ticket);
            }
        }
    }

    fn nudge(&self) {
        self.0.inner.nudge();
    }

    fn readiness(&self) -> Readiness {
        match *self.0.fault.lock().unwrap() {
            Fault::Unavailable | Fault::Forgetful | Fault::Unsynced | Fault::Deaf => Readiness::Unavailable,
            Fault::None | Fault::Withheld | Fault::Hung | Fault::AnswersWithheld | Fault::Veiled | Fault::Panics => {
                self.0.inner.readiness()
            }
        }
    }

    fn standing(&self) -> Standing {
        let (says, inner) = (self.readiness(), self.0.inner.standing());
        if says == inner.readiness { inner } else { Standing { readiness: says, since: None } }
    }

    fn writes(&self) -> Writes {
        self.0.inner.writes()
    }

    fn account_of(&self, origin: &Origin, event: &ToldEvent) -> MoneyOf {
        match *self.0.fault.lock().unwrap() {
            Fault::Veiled => MoneyOf::Busy,
            Fault::Forgetful => MoneyOf::NotSeen,
            Fault::None
            | Fault::Withheld
            | Fault::Hung
            | Fault::AnswersWithheld
            | Fault::Unavailable
            | Fault::Unsynced
            | Fault::Deaf
            | Fault::Panics => self.0.inner.account_of(origin, event),
        }
    }

    fn look(&self, origin: &Origin, request: &AuthorizationRequest) -> Glimpse {
        match *self.0.fault.lock().unwrap() {
            Fault::Veiled => Glimpse::Busy,
            Fault::Forgetful => match self.0.inner.look(origin, request) {
                Glimpse::Seen(seen) => Glimpse::Seen(Seen { answered: None, longer_ago: LongerAgo::Perhaps, ..seen }),
                glimpse @ (Glimpse::Nothing | Glimpse::Busy) => glimpse,
            },
            Fault::Unsynced => match self.0.inner.look(origin, request) {
                Glimpse::Seen(seen) => Glimpse::Seen(Seen { lasts: Lasts::NotYet, ..seen }),
                glimpse @ (Glimpse::Nothing | Glimpse::Busy) => glimpse,
            },
            _ => self.0.inner.look(origin, request),
        }
    }

    fn look_ahead(&self, origin: &Origin, request: &AuthorizationRequest, to_hear: &[ToHear]) -> Glimpse<Ahead> {
        let veiled = *self.0.fault.lock().unwrap() == Fault::Veiled;
        if veiled { Glimpse::Busy } else { self.0.inner.look_ahead(origin, request, to_hear) }
    }

    fn counted(&self, origin: &Origin, request: &AuthorizationRequest, limits: &[LimitCheck]) -> Counted {
        let veiled = *self.0.fault.lock().unwrap() == Fault::Veiled;
        if veiled { Counted::Never } else { self.0.inner.counted(origin, request, limits) }
    }
}

/// A server in this process, its ledger, and where they live.
pub struct Bench {
    pub app: App,
    pub faulty: Arc<Faulty>,
    pub workplace: Workplace,
}

impl Bench {
    /// A demo server whose configuration this edits.
    pub fn new(edit: impl FnOnce(String) -> String) -> Self {
        let workplace = Workplace::demo();
        workplace.edit("holdfast.toml", |text| edit(text) + "\n");
        Bench::on(workplace, Fault::None)
    }

    /// A server where one was before, whose ledger begins with this fault.
    pub fn on(workplace: Workplace, fault: Fault) -> Self {
        let mut bench = Bench::begun_on(workplace, fault);
        bench.until_ready();
        bench
    }

    /// The same, whose ledger is not ready yet.
    pub fn begun_on(workplace: Workplace, fault: Fault) -> Self {
        let overrides = Overrides {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            ops_listen: Some("127.0.0.1:0".parse().unwrap()),
            api_listen: Some("127.0.0.1:0".parse().unwrap()),
            data: Some(workplace.data()),
        };
        let config = Config::load(&workplace.config(), overrides).unwrap_or_else(|errors| panic!("{errors}"));
        let mut handle = None;
        let app = App::start(config, |inner| {
            let faulty = Arc::new(Faulty {
                inner,
                fault: Mutex::new(fault),
                ended: Condvar::new(),
                withheld: Mutex::default(),
                balances_asked: AtomicBool::new(false),
                asked: AtomicBool::new(false),
                question: Mutex::default(),
                verdicts: Mutex::default(),
            });
            handle = Some(Arc::clone(&faulty));
            Arc::new(Shared(faulty))
        })
        .unwrap_or_else(|error| panic!("{error}"));
        Bench { app, faulty: handle.unwrap(), workplace }
    }

    /// Waits until it is.
    pub fn until_ready(&mut self) {
        let starting = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        starting.block_on(self.app.until_ready()).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Stops the server; its place stays.
    pub fn stop(self) -> Workplace {
        self.app.drain();
        self.workplace
    }

    pub fn client(&self) -> Client {
        Client::connect(self.app.listen)
    }

    pub fn held(&self) -> i64 {
        let origin = Origin::of(ProgramId::new("demo").unwrap());
        let whose = Whose::Account(AccountId::new("acct-demo-1").unwrap());
        match futures_executor::block_on(ledger::ask(self.faulty.inner.as_ref(), Act::Balances(origin, whose))) {
            Ok(Answer::Balances(standings)) => standings[0].balance.held.minor(),
            other => panic!("{other:?}"),
        }
    }

    /// What was asked last, and by whom.
    pub fn last_question(&self) -> Option<(Origin, AuthorizationRequest)> {
        *self.faulty.question.lock().unwrap()
    }

    /// What can be seen to be available to whoever asked last.
    pub fn available_seen(&self) -> Option<i64> {
        let (origin, request) = self.last_question()?;
        match self.faulty.inner.look(&origin, &request) {
            Glimpse::Seen(seen) => match (seen.snapshot.account, seen.snapshot.card) {
                // A responder of a shared ledger knows at once what it took, and with the next look that the card was used.
                (Sight::Seen(account), Sight::Seen(card)) if card.used == Acquaintance::Known => Some(account.available.minor()),
                (Sight::Seen(_) | Sight::NotSeen | Sight::Absent, _) => None,
            },
            Glimpse::Busy | Glimpse::Nothing => None,
        }
    }

    pub fn metric(&self, name: &str, part: &str) -> f64 {
        let page = Client::connect_as(self.app.ops_listen, None).get("/metrics").body;
        let lines = page.lines().filter(|line| line.starts_with(name) && line.contains(part));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until the spool has nothing that the ledger has not heard.
    pub fn until_heard(&self) {
        while self.metric("holdfast_spool_entries ", "") != 0.0 {
            std::thread::yield_now();
        }
    }

    /// Waits until every told answer has been adopted.
    pub fn until_adopted(&self) {
        let pending = || Client::connect_as(self.app.ops_listen, None).get("/status").json()["told_pending"].as_u64();
        while pending() != Some(0) {
            std::thread::yield_now();
        }
    }
}

/// The platform's own budget, for a test that makes nobody wait: what is slow about its machine changes no answer.
pub const fn ample_budget(text: String) -> String {
    text
}

/// So little that a test which waits for a deadline takes a moment only.
pub fn short_budget(text: String) -> String {
    text.replacen("#body_read_ms_max = 500", "body_read_ms_max = 100", 1).replacen(
        "platform = \"marqeta\"",
        "platform = \"marqeta\"\nbudget_ms = 1000\nreserve_ms = 700",
        1,
    )
}

#[test]
fn a_slow_ledger_is_not_waited_for_and_its_late_answer_changes_nothing() {
    let bench = Bench::new(short_budget);
    for fault in [Fault::Withheld, Fault::AnswersWithheld] {
        let request = Marqeta::purchase(&format!("{fault:?}"), "10.00");
        bench.faulty.set(fault);
        let declined = bench.client().post("/marqeta/jit", &request.body());
        assert_eq!(declined.status, 402, "{fault:?} {declined:?}");
        // While the ledger does not know, the retry hears it from the book; afterwards from the ledger.
        assert_eq!(bench.client().post("/marqeta/jit", &request.body()).body, declined.body);
        bench.faulty.set(Fault::None);
        bench.until_adopted();
        assert_eq!(bench.held(), 0, "{fault:?}: the overtaken decision is undone");
        assert_eq!(bench.client().post("/marqeta/jit", &request.body()).body, declined.body);
    }
    // A retry that the ledger could not look up in time is one more.
    assert!((2.0..=4.0).contains(&bench.metric("holdfast_stand_ins_total", "deadline_passed")));
    assert_eq!(bench.metric("holdfast_late_answers_total", ""), 0.0);
    assert_eq!(bench.client().post("/marqeta/jit", &Marqeta::purchase("fine", "10.00").body()).status, 200);
    bench.app.drain();
}

#[test]
fn a_ledger_that_says_it_is_ready_and_hangs_is_not_up() {
    let bench = Bench::new(short_budget);
    let up_after = |questions: std::ops::Range<u32>, wanted: f64| {
        questions.into_iter().any(|number| {
            bench.ask(&Marqeta::purchase(&format!("q-{number}"), "0.01"));
            bench.metric("holdfast_ledger_up", "") == wanted
        })
    };
    let ledger = || bench.status()["ledger"].clone();
    let began = bench.status()["ledger_since"].clone();
    assert_eq!(ledger(), "ready");
    bench.faulty.set(Fault::Withheld);
    assert!(up_after(0..10, 0.0));
    let (during, since) = (bench.status(), |status: &serde_json::Value| status["ledger_since"].as_str().unwrap().to_owned());
    assert_eq!(during["ledger"], "not_answering");
    assert!(
        since(&during).as_str() > began.as_str().unwrap() && since(&during) <= holdfast::clock::utc().to_string(),
        "{during}"
    );
    assert_eq!(during["stand_in"]["demo"]["cause"], "ledger_unavailable");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    assert!(up_after(10..200, 1.0));
    assert_eq!(ledger(), "ready");
    assert!(since(&bench.status()) > since(&during));
    bench.app.drain();
}

#[test]
fn an_answer_without_the_ledger_carries_what_the_rules_thought() {
    let bench = Bench::new(short_budget);
    for fault in [Fault::Withheld, Fault::Unavailable, Fault::Panics] {
        bench.faulty.set(fault);
        let request = Marqeta::purchase(&format!("{fault:?}"), "10.00");
        assert_eq!(bench.client().post("/marqeta/jit", &request.body()).status, 402, "{fault:?}");
        bench.faulty.set(Fault::None);
        bench.until_adopted();
        let verdicts = std::mem::take(&mut *bench.faulty.verdicts.lock().unwrap());
        assert!(!verdicts.is_empty(), "{fault:?}");
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Some(Verdict::Proceed(_)))), "{fault:?} {verdicts:?}");
    }
    bench.app.drain();
}

#[test]
fn a_dead_ledger_declines_at_once_and_notifications_wait_for_it_in_the_spool() {
    let bench = Bench::new(short_budget);
    let clearing = crate::support::callbacks::transactions(&[Marqeta::purchase("x", "1.00").recorded("DECLINED", true)]);
    bench.faulty.set(Fault::Unavailable);
    let request = Marqeta::purchase("dead", "10.00");
    let declined = bench.client().post("/marqeta/jit", &request.body());
    assert_eq!(declined.status, 402, "{declined:?}");
    assert_eq!(bench.client().post("/marqeta/webhook", &clearing).status, 200);
    assert_eq!(bench.metric("holdfast_notifications_total", "spooled"), 1.0);
    assert_eq!(bench.client().get("/healthz").status, 200);
    bench.faulty.set(Fault::None);
    bench.until_heard();
    assert_eq!(bench.client().post("/marqeta/webhook", &clearing).status, 200);
    assert_eq!(bench.metric("holdfast_notifications_total", "duplicate"), 1.0);
    assert_eq!(bench.client().post("/marqeta/jit", &request.body()).body, declined.body);
    assert_eq!(bench.metric("holdfast_stand_ins_total", "ledger_unavailable"), 1.0);
    bench.app.drain();
}

#[test]
fn a_panic_on_the_path_costs_one_stand_in() {
    let bench = Bench::new(short_budget);
    bench.faulty.set(Fault::Panics);
    let request = Marqeta::purchase("panic", "10.00");
    let mut client = bench.client();
    let declined = client.post("/marqeta/jit", &request.body());
    assert_eq!(declined.status, 402, "{declined:?}");
    bench.faulty.set(Fault::None);
    bench.until_adopted();
    assert_eq!(client.post("/marqeta/jit", &request.body()).body, declined.body);
    assert_eq!(client.post("/marqeta/jit", &Marqeta::purchase("after", "10.00").body()).status, 200);
    assert_eq!(bench.metric("holdfast_stand_ins_total", "panicked"), 1.0);
    assert_eq!(bench.metric("holdfast_panics_total", ""), 1.0);
    bench.app.drain();
}

#[test]
fn more_than_can_be_taken_on_is_declined_at_once() {
    let bench = Bench::new(|text| {
        // A long budget: who is shed must not wait for it.
        let text = text.replacen("platform = \"marqeta\"", "platform = \"marqeta\"\nbudget_ms = 7000\nreserve_ms = 500", 1);
        text.replacen("#in_flight_max = 1024", "in_flight_max = 1", 1)
    });
    bench.faulty.set(Fault::Withheld);
    let mut waiting = bench.client();
    waiting.send("POST", "/marqeta/jit", Marqeta::purchase("first", "10.00").body().as_bytes());
    while !bench.faulty.asked.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let shed = bench.client().post("/marqeta/jit", &Marqeta::purchase("second", "10.00").body());
    assert_eq!(shed.status, 402, "{shed:?}");
    assert_eq!(bench.metric("holdfast_stand_ins_total", "overloaded"), 1.0);
    bench.faulty.set(Fault::None);
    assert_eq!(waiting.receive().unwrap().status, 200, "the one that was taken on is decided");
    bench.until_adopted();
    assert_eq!(bench.held(), 1000);
    bench.app.drain();
}

#[test]
fn a_duplicate_in_flight_joins_and_another_content_conflicts() {
    let bench = Bench::new(|text| text.replacen("platform = \"marqeta\"", "platform = \"marqeta\"\nbudget_ms = 7000", 1));
    bench.faulty.set(Fault::Withheld);
    let request = Marqeta::purchase("twice", "10.00");
    let mut first = bench.client();
    first.send("POST", "/marqeta/jit", request.body().as_bytes());
    while !bench.faulty.asked.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let mut second = bench.client();
    second.send("POST", "/marqeta/jit", request.body().as_bytes());
    while bench.metric("holdfast_joins_total", "") < 1.0 {
        std::thread::yield_now();
    }
    let mut other = bench.client();
    other.send("POST", "/marqeta/jit", Marqeta { amount: "11.00".into(), ..request }.body().as_bytes());
    bench.faulty.set(Fault::None);
    let (first, second) = (first.receive().unwrap(), second.receive().unwrap());
    assert_eq!((first.status, &first.body), (200, &second.body));
    let conflict = other.receive().unwrap();
    assert_eq!(conflict.json()["jit_funding"]["decline_reason"], "DUPLICATE_TRANSACTION");
    assert_eq!(bench.held(), 1000);
    bench.app.drain();
}

/// Somebody else's question with a key that is answered must not have an honest retry declined while it is being decided.
#[test]
fn a_retry_hears_its_approval_while_another_question_has_its_key() {
    let bench = Bench::new(|text| text.replacen("platform = \"marqeta\"", "platform = \"marqeta\"\nbudget_ms = 7000", 1));
    let request = Marqeta::purchase("mine", "10.00");
    let approved = bench.client().post("/marqeta/jit", &request.body());
    assert_eq!(approved.status, 200);
    bench.faulty.asked.store(false, Ordering::SeqCst);
    bench.faulty.set(Fault::Withheld);
    let mut other = bench.client();
    other.send("POST", "/marqeta/jit", Marqeta { amount: "11.00".into(), ..request.clone() }.body().as_bytes());
    while !bench.faulty.asked.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let mut retry = bench.client();
    retry.send("POST", "/marqeta/jit", request.body().as_bytes());
    bench.faulty.set(Fault::None);
    assert_eq!(retry.receive().unwrap().body, approved.body);
    assert_eq!(other.receive().unwrap().json()["jit_funding"]["decline_reason"], "DUPLICATE_TRANSACTION");
    assert_eq!(bench.held(), 1000);
    bench.app.drain();
}

#[test]
fn nothing_is_decided_before_the_published_rules_are_in_force() {
    let workplace = Workplace::demo();
    {
        let server = workplace.serve();
        let rules = std::fs::read_to_string(workplace.path("config/rules/demo.toml")).unwrap();
        std::fs::write(workplace.path("no-groceries.toml"), rules.replace("\"7995\"", "\"5411\"")).unwrap();
        workplace.publish("no-groceries.toml");
        assert!(server.terminate().success());
    }
    let overrides = Overrides {
        listen: Some("127.0.0.1:0".parse().unwrap()),
        ops_listen: Some("127.0.0.1:0".parse().unwrap()),
        api_listen: Some("127.0.0.1:0".parse().unwrap()),
        data: Some(workplace.data()),
    };
    let config = Config::load(&workplace.config(), overrides).unwrap_or_else(|errors| panic!("{errors}"));
    let mut inner = None;
    let mut app = App::start(config, |ledger| {
        inner = Some(Arc::clone(&ledger));
        ledger
    })
    .unwrap_or_else(|error| panic!("{error}"));
    // The ledger has its state, and the rules that were published are not in force yet: the configured ones would approve.
    while inner.as_ref().unwrap().readiness() != Readiness::Ready {
        std::thread::yield_now();
    }
    let mut asking = Client::connect(app.listen);
    asking.send("POST", "/marqeta/jit", Marqeta::purchase("early", "1.00").body().as_bytes());
    for _ in 0..50 {
        assert_eq!(Client::connect(app.listen).get("/healthz").status, 200);
    }
    let starting = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    starting.block_on(app.until_ready()).unwrap_or_else(|error| panic!("{error}"));
    let answer = asking.receive().unwrap();
    assert_eq!(answer.json()["jit_funding"]["decline_reason"], "INVALID_MERCHANT", "{answer:?}");
    drop(inner);
    app.drain();
}

#[test]
fn a_ruleset_that_was_changed_on_the_disk_decides_nothing() {
    let workplace = Workplace::demo();
    assert!(workplace.serve().terminate().success());
    let journal = rusqlite::Connection::open(workplace.data().join("journal.sqlite")).unwrap();
    let change = |from: &str, to: &str| {
        let sql = "UPDATE ruleset SET source = replace(source, ?1, ?2) WHERE kind = 'rules' AND instr(source, ?1) > 0";
        assert_eq!(journal.execute(sql, [from, to]).unwrap(), 1);
    };
    change("750.00", "9750.00");
    let data = workplace.data();
    let data = ["--data", data.to_str().unwrap()];
    let listen = ["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"];
    for command in [[&["serve"][..], &listen[..]].concat(), vec!["journal", "verify"]] {
        let refused = workplace.run(&[command.as_slice(), &data[..]].concat());
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains("program `demo`") && told.contains("is not what its hash says"), "{told}");
        assert!(told.contains("table `ruleset`") && told.contains("restore the "), "{told}");
    }
    change("9750.00", "750.00");
    assert!(workplace.serve().terminate().success());
}

#[test]
fn a_change_that_met_no_ledger_is_made_once_when_it_is_sent_again() {
    let bench = Bench::new(short_budget);
    let mut office = BackOffice::demo(bench.app.api_listen);
    let load = serde_json::json!({"amount": 2_500, "currency": "USD", "cause": "funding"});
    bench.faulty.set(Fault::Unavailable);
    let away = office.change("/v1/accounts/acct-demo-1/credits", "load", &load);
    assert_eq!((away.status, away.header("retry-after")), (503, Some("1")), "{away:?}");
    assert_eq!(away.json()["code"], "ledger_unavailable");
    assert_eq!(office.get("/v1/accounts/acct-demo-1").status, 503);
    bench.faulty.set(Fault::None);
    for _ in 0..2 {
        assert_eq!(office.made("/v1/accounts/acct-demo-1/credits", "load", &load)["posted"], 102_500);
    }
}
