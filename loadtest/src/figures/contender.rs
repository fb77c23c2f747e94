//! One server under measurement with its load, and everything that was measured of it. It prints nothing.

use std::cell::Cell;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use holdfast_adapters::{Settings, platform};
use holdfast_core::Currency;
use tokio::process::Command;

use crate::callbacks::{Callbacks, Caller, Mix, Population};
use crate::clock::{self, Clock};
use crate::drive::{self, Load, Patience, Run, Tally};
use crate::figures::bench::{self, Bench, Places, Sync};
use crate::figures::metrics::Journal;
use crate::figures::setup::Setting;
use crate::figures::{ledger, metrics};
use crate::problem::Problem;
use crate::process::{self, Memory, Server, Starting};
use crate::recognition::Recognition;
use crate::report::nanos;
use crate::schedule::Schedule;

/// How many times a server is asked until it approves.
const ASKED_MAX: u32 = 1200;
/// How long between two of these.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// What a contender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The bare server.
    Floor,
    /// Holdfast.
    Holdfast(Sync),
}

/// What one turn in closed loop cost.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The server's CPU time until the last answer.
    pub server_cpu: Duration,
    /// The same, with what it then did later: until its projection had everything.
    pub server_cpu_in_all: Duration,
    /// The load's CPU time.
    pub load_cpu: Duration,
    /// What came back.
    pub tally: Tally,
    /// What the journal wrote meanwhile.
    pub journal: Journal,
}

impl Turn {
    /// The server's CPU time a request, with what it did for it later.
    pub fn cpu_ns_per_request(&self) -> u64 {
        nanos(self.server_cpu_in_all).checked_div(self.tally.answered()).unwrap_or(0)
    }
}

/// A server with its load.
pub struct Contender {
    /// What it is.
    pub kind: Kind,
    server: Server,
    load: Rc<Load>,
    /// Its turns in closed loop.
    pub turns: Vec<Turn>,
    /// Its latencies in open loop, all turns together.
    pub open: Option<Tally>,
    /// The arrival rate of these.
    pub open_rate: u32,
    /// How much was approved in all, from the first request on, in minor units.
    pub approved_minor: i64,
    /// How many answers said yes in all, from the first request on;
    pub approved: u64,
    /// no;
    pub declined: u64,
    /// or neither.
    pub refused: u64,
    /// How many requests had no answer in all.
    pub missing: u64,
    /// How much the ledger holds; `None` for the floor, and until it was asked.
    pub held_minor: Option<i64>,
}

impl Contender {
    /// Starts the floor.
    ///
    /// # Errors
    /// It does not start.
    pub async fn floor(setting: &Setting, bench: &Bench) -> Result<Self, Problem> {
        let mut command = Command::new(&setting.floor);
        command.args(["floor", "--listen", "127.0.0.1:0"]);
        let starting = Starting::start(command, &bench.path("floor.log"), setting.cores)?;
        Self::with_load(Kind::Floor, starting.ready(setting.ready_max).await?, setting, bench)
    }

    /// Starts Holdfast, and waits until it approves: accounts and cards are imported, the ledger is ready.
    ///
    /// # Errors
    /// It does not start, or never approves.
    pub async fn holdfast(setting: &Setting, bench: &Bench, sync: Sync) -> Result<Self, Problem> {
        let command = bench.serve(&setting.holdfast, sync);
        let log = bench.path(&format!("holdfast-{}.log", sync.name()));
        let server = Starting::start(command, &log, setting.cores)?.ready(setting.ready_max).await?;
        let mut contender = Self::with_load(Kind::Holdfast(sync), server, setting, bench)?;
        contender.wait_until_it_approves().await?;
        Ok(contender)
    }

    fn with_load(kind: Kind, server: Server, setting: &Setting, bench: &Bench) -> Result<Self, Problem> {
        let load = load(server.ready.listen, setting, bench)?;
        Ok(Contender {
            kind,
            server,
            load,
            turns: Vec::new(),
            open: None,
            open_rate: 0,
            approved_minor: 0,
            approved: 0,
            declined: 0,
            refused: 0,
            missing: 0,
            held_minor: None,
        })
    }

    /// Whether its requests are copies of prepared ones.
    pub fn requests_are_copied(&self) -> bool {
        self.load.callbacks.are_copied()
    }

    /// How long its first request is, head and body.
    pub fn request_bytes(&self) -> usize {
        let mut request = Vec::new();
        self.load.callbacks.write(0, &mut request);
        request.len()
    }

    async fn wait_until_it_approves(&mut self) -> Result<(), Problem> {
        for _ in 0..ASKED_MAX {
            let run = Run::start(&self.load)?;
            let tally = drive::once(&run).await;
            let approved = tally.approved > 0;
            self.add_up(&tally);
            if approved {
                return Ok(());
            }
            tokio::time::sleep(ASKED_EVERY).await;
        }
        Err(Problem::new("holdfast serves but approves nothing; run with --keep and look at its log and its configuration"))
    }

    /// One turn in closed loop whose cost does not count: connections, caches and the disk come to their pace. How many were
    /// approved.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn warm_up(&mut self, length: Duration) -> Result<u64, Problem> {
        let tally = drive::closed(&Run::start(&self.load)?, length).await;
        self.add_up(&tally);
        match tally.first_missing {
            Some(why) if tally.answered() == 0 => Err(Problem::new(format!("a server answers nothing: {why}"))),
            Some(_) | None => Ok(tally.approved),
        }
    }

    /// One turn in closed loop.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn turn_closed(&mut self, length: Duration) -> Result<(), Problem> {
        let journal_before = self.journal().await?;
        let (server_before, load_before) = (self.server.cpu_time()?, process::own_cpu_time()?);
        let tally = drive::closed(&Run::start(&self.load)?, length).await;
        let (server_after, load_after) = (self.server.cpu_time()?, process::own_cpu_time()?);
        let journal = self.journal().await?.since(journal_before);
        self.until_nothing_is_left().await?;
        let server_at_last = self.server.cpu_time()?;
        self.add_up(&tally);
        self.turns.push(Turn {
            server_cpu: server_after.saturating_sub(server_before),
            server_cpu_in_all: server_at_last.saturating_sub(server_before),
            load_cpu: load_after.saturating_sub(load_before),
            tally,
            journal,
        });
        Ok(())
    }

    /// One turn in open loop.
    ///
    /// # Errors
    /// Histograms that do not fit each other, which they do.
    pub async fn turn_open(&mut self, schedule: Schedule) -> Result<(), Problem> {
        let tally = drive::open(&Run::start(&self.load)?, schedule).await;
        self.add_up(&tally);
        self.until_nothing_is_left().await?;
        match &mut self.open {
            None => self.open = Some(tally),
            Some(all) => {
                all.latency.add(&tally.latency).map_err(Problem::doing("adding up latencies"))?;
                all.due = all.due.saturating_add(tally.due);
                all.late = all.late.saturating_add(tally.late);
                all.missing = all.missing.saturating_add(tally.missing);
                all.longest_gap = all.longest_gap.max(tally.longest_gap);
            }
        }
        Ok(())
    }

    /// Waits until the server has done all that the load gave it to do: what it does later, it does for these requests.
    ///
    /// # Errors
    /// The server is gone.
    pub async fn until_nothing_is_left(&self) -> Result<(), Problem> {
        match (self.kind, self.server.ready.ops_listen) {
            (Kind::Floor, _) | (Kind::Holdfast(_), None) => Ok(()),
            (Kind::Holdfast(_), Some(operators)) => metrics::until_projected(operators).await,
        }
    }

    /// A run in open loop by itself, whose latencies are told apart from the turns'.
    ///
    /// # Errors
    /// As [`Run::start`].
    pub async fn open_once(&mut self, schedule: Schedule) -> Result<Tally, Problem> {
        let tally = drive::open(&Run::start(&self.load)?, schedule).await;
        self.add_up(&tally);
        Ok(tally)
    }

    /// One question of another load, on a connection of its own; counted like the others.
    ///
    /// # Errors
    /// As [`Run::start`].
    pub async fn ask_once(&mut self, load: &Rc<Load>) -> Result<Tally, Problem> {
        let tally = drive::once(&Run::start(load)?).await;
        self.add_up(&tally);
        Ok(tally)
    }

    fn add_up(&mut self, tally: &Tally) {
        self.approved_minor = self.approved_minor.saturating_add(tally.approved_minor);
        self.approved = self.approved.saturating_add(tally.approved);
        self.declined = self.declined.saturating_add(tally.declined);
        self.refused = self.refused.saturating_add(tally.refused);
        self.missing = self.missing.saturating_add(tally.missing);
    }

    async fn journal(&self) -> Result<Journal, Problem> {
        match (self.kind, self.server.ready.ops_listen) {
            (Kind::Floor, _) | (Kind::Holdfast(_), None) => Ok(Journal::default()),
            (Kind::Holdfast(_), Some(operators)) => Journal::read(operators).await,
        }
    }

    /// Where its counters are: the operators' listener, or the server itself.
    pub fn counters(&self) -> SocketAddr {
        self.server.ready.ops_listen.unwrap_or(self.server.ready.listen)
    }

    /// The server's memory.
    ///
    /// # Errors
    /// It is gone.
    pub fn memory(&self) -> Result<Memory, Problem> {
        self.server.memory()
    }

    /// Where it listens.
    ///
    /// # Errors
    /// It has not all three listeners.
    pub fn places(&self) -> Result<Places, Problem> {
        let ready = &self.server.ready;
        let (Some(ops_listen), Some(api_listen)) = (ready.ops_listen, ready.api_listen) else {
            return Err(Problem::new("the server's ready line does not tell all of its listeners"));
        };
        Ok(Places { listen: ready.listen, ops_listen, api_listen })
    }

    /// Kills the server as a power cut would.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn kill(self) -> Result<(), Problem> {
        self.server.kill().await
    }

    /// Asks the ledger, if there is one, what it holds.
    ///
    /// # Errors
    /// It does not tell.
    pub async fn read_holds(&mut self, setting: &Setting, bench: &Bench) -> Result<(), Problem> {
        match self.kind {
            Kind::Floor => {}
            Kind::Holdfast(sync) => self.held_minor = Some(ledger::held_total(bench, &setting.holdfast, sync).await?),
        }
        Ok(())
    }

    /// Stops the server.
    ///
    /// # Errors
    /// It ended badly.
    pub async fn stop(self) -> Result<(), Problem> {
        self.server.stop().await
    }
}

/// The load of a server at this address.
///
/// # Errors
/// The platform's callbacks cannot be prepared.
pub fn load(address: SocketAddr, setting: &Setting, bench: &Bench) -> Result<Rc<Load>, Problem> {
    load_of((address, setting.connections), bench, setting.approve_per_mille, bench.population(), 0)
}

/// A load about these cards, whose questions are numbered from `first` on.
///
/// # Errors
/// As [`load`].
pub fn load_of(
    (address, connections): (SocketAddr, NonZeroUsize),
    bench: &Bench,
    approve_per_mille: u16,
    population: Population,
    first: u64,
) -> Result<Rc<Load>, Problem> {
    let callbacks = callbacks(address, bench.speaks().place(), approve_per_mille, population)?;
    let recognition = Recognition::learn(&callbacks)?;
    Ok(Rc::new(Load {
        clock: Clock::start(),
        address,
        patience: Patience { deadline: callbacks.caller().platform.budget.default, give_up: Duration::from_secs(10) },
        callbacks,
        recognition,
        connections,
        next: Cell::new(first),
        stopping: Cell::new(false),
    }))
}

/// The callbacks for a server at this address, of a platform, at a mount.
///
/// # Errors
/// They cannot be prepared.
pub fn callbacks(
    address: SocketAddr,
    (name, mount): (&str, &str),
    approve_per_mille: u16,
    population: Population,
) -> Result<Callbacks, Problem> {
    let platform = platform(name).ok_or_else(|| Problem::new(format!("there is no adapter for {name}")))?;
    let adapter = (platform.build)(&Settings::defaults(Currency::USD))
        .map_err(|_| Problem::new("the benchmark's platform does not work with default settings"))?;
    let (host, mount) = (address.to_string(), mount.to_owned());
    let caller = Caller { platform, adapter, keyring: Bench::keyring(), host, mount, route: None };
    let mix = Mix {
        currency: Currency::USD,
        approved_minor: bench::APPROVED_MINOR.to_vec(),
        declined_minor: bench::DECLINED_MINOR,
        approve_per_mille,
    };
    Callbacks::prepare(caller, population, mix, clock::utc())
}
