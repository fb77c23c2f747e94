//! `shared`: what the shared ledger costs beside its database alone. PostgreSQL runs on this machine; `pgbench` calls the bare
//! function, Holdfast answers callbacks over as many connections, and the bare hyper floor answers too; they take turns. Nobody is
//! kept on a core: the database needs what the others leave.

mod table;

use std::cell::Cell;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use tokio::process::Command;

use crate::callbacks::{Callbacks, Population};
use crate::clock::Clock;
use crate::drive::{self, Load, Patience, Run, Tally};
use crate::figures::bench::{self, Bench, People};
use crate::figures::contender;
use crate::figures::rounds::median;
use crate::figures::setup::{self, beside_this_program};
use crate::postgres::{Bare, Postgres};
use crate::problem::Problem;
use crate::process::{Cores, Server, Starting};
use crate::recognition::Recognition;
use crate::report;
use crate::schedule::Schedule;
use crate::shared::table::Figures;

/// How long a server may take to get ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// How many times it is asked until it approves, and how long between two of these.
const ASKED_MAX: u32 = 1_200;
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// How long everybody runs before anything counts.
const WARM_UP: u32 = 2;

/// Where nobody is kept.
const ANYWHERE: Cores = Cores { server: None, load: None };

/// Arguments of `shared`.
#[derive(Debug, Args)]
pub struct SharedArguments {
    /// The `holdfast` to measure; if not said, the one beside this program.
    #[arg(long, value_name = "PATH")]
    holdfast: Option<PathBuf>,
    /// How many times they take turns.
    #[arg(long, default_value = "3")]
    rounds: NonZeroU32,
    /// How long each turn takes.
    #[arg(long, default_value = "5")]
    seconds: NonZeroU32,
    /// How many connections to the database, of `pgbench` and of Holdfast alike.
    #[arg(long, default_value = "32")]
    connections: NonZeroUsize,
    /// How many callbacks are out at once.
    #[arg(long, default_value = "64")]
    callers: NonZeroUsize,
    /// How many accounts there are, each with one card.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    accounts: u64,
    /// Where to make the directories for the database, configuration and logs; if not said, beside this program.
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
}

/// The first number of what is asked of one card: far from those of all, or one's payments have the other's names.
const FIRST_OF_ONE: u64 = 1 << 40;

/// A server with two loads: of all cards, and of one only.
struct Contender {
    server: Server,
    all: Rc<Load>,
    one: Rc<Load>,
}

/// What the turns came to.
#[derive(Debug, Default)]
pub struct Measured {
    bare: Vec<u64>,
    bare_hot: Vec<u64>,
    bare_open: Vec<u64>,
    ours: Vec<u64>,
    ours_hot: Vec<u64>,
    ours_open: Vec<u64>,
    /// Nanoseconds of CPU a request, and the floor's.
    cpu: Vec<u64>,
    cpu_floor: Vec<u64>,
    missing: u64,
    late: u64,
    refused: u64,
    /// The rates of the open turns.
    rates: (u64, u64),
}

/// Measures, prints, and stops everything that it started, also when it is interrupted.
///
/// # Errors
/// What could not be started or measured.
pub async fn run(arguments: &SharedArguments) -> Result<(), Problem> {
    setup::unless_interrupted(measure(arguments)).await
}

async fn measure(arguments: &SharedArguments) -> Result<(), Problem> {
    let work_dir = arguments.work_dir.clone().map_or_else(|| beside_this_program(""), Ok)?;
    let holdfast = arguments.holdfast.clone().map_or_else(|| beside_this_program("holdfast"), Ok)?;
    let people = People { accounts: arguments.accounts, cards: arguments.accounts };
    let (postgres, bench) = (Postgres::start(&work_dir).await?, Bench::write(&work_dir, people)?);
    bench.write_shared(&postgres.connection(), arguments.connections)?;
    Postgres::migrate(&holdfast, &bench.path("shared.toml")).await?;
    let ours = Contender::start(bench.serve_shared(&holdfast), "holdfast.log", &bench, arguments).await?;
    ours.wait_until_it_approves().await?;
    let mut floor = Command::new(beside_this_program("holdfast-loadtest")?);
    floor.args(["floor", "--listen", "127.0.0.1:0"]);
    let floor = Contender::start(floor, "floor.log", &bench, arguments).await?;
    let mut measured = Measured::default();
    take_turns(arguments, &postgres, &ours, &floor, &mut measured).await?;
    Figures::of(&measured, arguments).print()?;
    ours.server.stop().await?;
    floor.server.stop().await?;
    postgres.stop().await
}

async fn take_turns(
    arguments: &SharedArguments,
    postgres: &Postgres,
    ours: &Contender,
    floor: &Contender,
    measured: &mut Measured,
) -> Result<(), Problem> {
    let (seconds, connections, accounts) = (arguments.seconds.get(), arguments.connections.get(), arguments.accounts);
    postgres.call_bare(accounts, connections, WARM_UP, None).await?;
    ours.closed(&ours.all, WARM_UP, measured).await?;
    for _ in 0..arguments.rounds.get() {
        measured.bare.push(postgres.call_bare(accounts, connections, seconds, None).await?.per_second);
        let (per_second, cpu) = ours.closed(&ours.all, seconds, measured).await?;
        measured.ours.push(per_second);
        measured.cpu.push(cpu);
        measured.cpu_floor.push(floor.closed(&floor.all, seconds, &mut Measured::default()).await?.1);
        measured.bare_hot.push(postgres.call_bare(1, connections, seconds, None).await?.per_second);
        let (per_second, _) = ours.closed(&ours.one, seconds, measured).await?;
        measured.ours_hot.push(per_second);
    }
    let half = |all: &[u64]| median(all.iter().copied()).checked_div(2).unwrap_or(0).max(1);
    measured.rates = (half(&measured.bare), half(&measured.ours));
    for _ in 0..arguments.rounds.get() {
        let Bare { latencies_us, .. } = postgres.call_bare(accounts, connections, seconds, Some(measured.rates.0)).await?;
        measured.bare_open.push(p99(latencies_us));
        let rate = u32::try_from(measured.rates.1).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let tally = drive::open(&Run::start(&ours.all)?, Schedule::new(rate, arguments.seconds)).await;
        measured.count(&tally);
        measured.ours_open.push(tally.latency.value_at_quantile(0.99));
    }
    Ok(())
}

/// The 99th of a hundred, in nanoseconds.
fn p99(mut latencies: Vec<u64>) -> u64 {
    latencies.sort_unstable();
    let place = latencies.len().saturating_mul(99).checked_div(100).unwrap_or(0);
    latencies.get(place).copied().unwrap_or(0).saturating_mul(1_000)
}

impl Measured {
    fn count(&mut self, tally: &Tally) {
        self.missing = self.missing.saturating_add(tally.missing);
        self.late = self.late.saturating_add(tally.late);
        self.refused = self.refused.saturating_add(tally.refused);
    }
}

impl Contender {
    async fn start(command: Command, log: &str, bench: &Bench, arguments: &SharedArguments) -> Result<Self, Problem> {
        let server = Starting::start(command, &bench.path(log), ANYWHERE)?.ready(READY_MAX).await?;
        let one = Population { cards: 1, ..bench.population() };
        let one =
            Population { card: bench.population().card_token(0), cardholder: bench.population().cardholder_token(0), ..one };
        let load = |population, first| load(&server, population, arguments.callers, first);
        let (all, one) = (load(bench.population(), 0)?, load(one, FIRST_OF_ONE)?);
        Ok(Contender { server, all, one })
    }

    async fn wait_until_it_approves(&self) -> Result<(), Problem> {
        for _ in 0..ASKED_MAX {
            if drive::once(&Run::start(&self.all)?).await.approved > 0 {
                return Ok(());
            }
            tokio::time::sleep(ASKED_EVERY).await;
        }
        Err(Problem::new("holdfast serves but approves nothing"))
    }

    /// A turn in closed loop: answers a second, and nanoseconds of the server's CPU for each.
    async fn closed(&self, load: &Rc<Load>, seconds: u32, measured: &mut Measured) -> Result<(u64, u64), Problem> {
        let before = self.server.cpu_time()?;
        let tally = drive::closed(&Run::start(load)?, Duration::from_secs(u64::from(seconds))).await;
        let cpu = self.server.cpu_time()?.saturating_sub(before);
        measured.count(&tally);
        let nanos = u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        Ok((report::per_second(tally.answered(), tally.took), nanos.checked_div(tally.answered()).unwrap_or(0)))
    }
}

/// A load of these cards.
fn load(server: &Server, population: Population, callers: NonZeroUsize, first: u64) -> Result<Rc<Load>, Problem> {
    let address = server.ready.listen;
    let callbacks: Callbacks = contender::callbacks(address, (bench::PLATFORM, bench::MOUNT), 1_000, population)?;
    let recognition = Recognition::learn(&callbacks)?;
    Ok(Rc::new(Load {
        clock: Clock::start(),
        address,
        patience: Patience { deadline: callbacks.caller().platform.budget.default, give_up: Duration::from_secs(10) },
        callbacks,
        recognition,
        connections: callers,
        next: Cell::new(first),
        stopping: Cell::new(false),
    }))
}
