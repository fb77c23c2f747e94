//! The composition root: the only file that knows everyone. It turns a configuration into a running server, and a running
//! server into a stopped one.
//!
//! Order of starting: sockets first (they answer from stand-in, cause Starting), then the ledger's state, the rules in
//! force and the demo's import; only then is the server ready. Order of stopping: answers that are owed, then what was
//! told without the ledger, then the ledger.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use holdfast_core::{PlatformName, ProgramId};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::api::reads::Reads;
use crate::api::reads::embedded::EmbeddedReads;
use crate::api::reads::shared::SharedReads;
use crate::api::{Api, ApiProgram};
use crate::background::Background;
use crate::config::ruleset;
use crate::config::{self, Config, LedgerSync, MountConfig, PostgresConfig, ProgramConfig};
use crate::descriptors::{self, Room};
use crate::first_start::make_ready;
use crate::journal::Sync;
use crate::ledger::Ledger;
use crate::ledger::embedded::{self, Embedded};
use crate::ledger::permit::InFlight;
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::{self, Patience as DatabasePatience, Postgres};
use crate::metrics::Metrics;
use crate::operations::{Counter, Desk, Outage, SpoolOf};
use crate::reporter::{Reporter, SpoolReporter, StandInReporter, say};
use crate::responder::{
    Breaker, Mount, Patience, Program, Remembered, Responder, Stage, StandIn, StandInTable, ToldBook, Unheard, Worker,
};
use crate::retention::{Keep, Retention};
use crate::server::ops::{self, Operators, Pages};
use crate::server::{self, Drained, Limits, RouteEntry, RouteError, RouteTable, Running, Serving, Tls};
use crate::settlement::Cutoff;
use crate::spool::{self, Reconciler, Spool};
use crate::start_error::StartError;
use crate::switchboard::Switchboard;
use crate::telemetry::{self, Telemetry, Writing};

/// Tickets that a worker keeps for its next questions.
const RESTING_TICKETS_MAX: usize = 1024;

/// A running server.
pub struct App {
    /// Where platforms call.
    pub listen: SocketAddr,
    /// Where operators look.
    pub ops_listen: SocketAddr,
    /// Where the management API is.
    pub api_listen: SocketAddr,
    config: Config,
    responder: Arc<Responder>,
    api: Arc<Api>,
    tls: Option<Arc<Tls>>,
    desk: Desk,
    opening: Option<Opening>,
    stage: watch::Sender<Stage>,
    running: Running,
    operators: Operators,
    background: Background,
    writing: Option<Writing>,
}

impl App {
    /// Takes the sockets and answers on them, from stand-in until [`App::until_ready`]. `wrap` may put something in front of
    /// the ledger.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(config: Config, wrap: impl FnOnce(Arc<dyn Ledger>) -> Arc<dyn Ledger>) -> Result<Self, StartError> {
        let bind = |address| server::bind(address).map_err(|error| StartError::Listen(address, error));
        let (callbacks, operators) = (bind(config.server.listen)?, bind(config.server.ops_listen)?);
        let management = bind(config.api.listen)?;
        let (listen, ops_listen, api_listen) = (callbacks.addr, operators.addr, management.addr);
        let metrics = Metrics::new(&mount_names(&config)).map_err(StartError::Metrics)?;
        let Opened { ledger, opening, publications } = open_ledger(&config, Arc::clone(&metrics), DatabasePatience::Endless)?;
        let ledger = wrap(ledger);
        let (stage, to_be_open) = watch::channel(Stage::Starting);
        let (programs, desk) = programs(&config, &ledger, Some(Arc::clone(&metrics)))?;
        let workers = workers(&config);
        let (unheard, spool) = open_spool(&config, &programs, &metrics)?;
        let switchboard = Arc::new(Switchboard::new(spool_settings(&config), mount_names(&config)));
        switchboard.restore().map_err(StartError::Spool)?;
        let running = SpoolOf::Running(Arc::clone(&spool));
        let desk = desk.with_outage(Outage { switchboard: Arc::clone(&switchboard), spool: running });
        let (telemetry, writing) = start_telemetry(&config, &metrics)?.unzip();
        let responder = Arc::new(Responder {
            mounts: mounts(&config, &programs, &metrics),
            ledger: Arc::clone(&ledger),
            unheard: Arc::clone(&unheard),
            spool: Arc::clone(&spool),
            breaker: Breaker::new(config.breaker),
            switchboard: Arc::clone(&switchboard),
            in_flight: InFlight::new(config.responder.in_flight_max),
            metrics: Arc::clone(&metrics),
            telemetry,
            workers: (0..workers.get()).map(|_| Worker::new(RESTING_TICKETS_MAX)).collect(),
            stage: to_be_open,
        });
        let tls = config.tls.clone().map(|tls| Arc::new(Tls::new(tls)));
        let api = Arc::new(management_api(&config, &ledger, switchboard, &metrics)?);
        let following = follow_rules(desk.clone(), publications);
        let reconciling = Reconciler { spool, ledger, heard: unheard, observer: Arc::new(SpoolReporter(Arc::clone(&metrics))) };
        let background = Background::start(&config.ledger.data, desk.clone(), (management, &api), reconciling, following, say)?;
        let running = callbacks.serve(Serving {
            responder: Arc::clone(&responder),
            routes: Arc::new(routes(&config).map_err(StartError::Routes)?),
            limits: Limits { connections_max: connections(&config, workers), ..limits(&config) },
            tls: tls.clone(),
            metrics: metrics.server.clone(),
            workers,
            say,
        })?;
        let operators = ops::serve(operators, pages(&responder, &metrics))?;
        let opening = Some(opening);
        Ok(App {
            listen,
            ops_listen,
            api_listen,
            config,
            responder,
            api,
            tls,
            desk,
            opening,
            stage,
            running,
            operators,
            background,
            writing,
        })
    }

    /// Waits until the ledger has its state, puts the rules in force, and imports what an empty ledger starts with.
    ///
    /// # Errors
    /// The log is damaged, the rules do not load, or the import's rows are wrong.
    pub async fn until_ready(&mut self) -> Result<(), StartError> {
        if let Some(opening) = self.opening.take() {
            opening.until_open().await?;
            make_ready(&self.desk, &self.config, say).await?;
            self.stage.send_replace(Stage::Open);
        }
        Ok(())
    }

    /// Reads credentials and TLS files again; what is wrong leaves the running ones.
    pub fn reload(&self) {
        match self.config.reload() {
            Ok(reloaded) => {
                let paths =
                    self.config.programs.iter().flat_map(|program| program.mounts.iter().map(|mount| (program.id, &mount.path)));
                for ((program, path), mount) in paths.zip(&self.responder.mounts) {
                    let fresh = reloaded.keyrings.iter().find(|fresh| fresh.program == program && fresh.path == *path);
                    if let Some(fresh) = fresh {
                        mount.keyring.store(Arc::new(fresh.keyring.clone()));
                    }
                }
                self.api.tokens.store(Arc::new(reloaded.tokens));
                if let (Some(tls), Some(fresh)) = (&self.tls, reloaded.tls) {
                    tls.replace(fresh);
                }
                say("credentials and certificate are read again");
                for waiting in &reloaded.waiting {
                    say(&format!("changed in the configuration, and waits for a restart: {waiting}"));
                }
            }
            Err(errors) => say(&format!("credentials and certificate stay as they are:\n{errors}")),
        }
    }

    /// Stops: answers what is owed, brings what was told to the ledger, closes the ledger. Blocks.
    pub fn drain(self) -> Drained {
        let App { responder, api, running, operators, background, writing, desk, .. } = self;
        let drained = running.drain();
        drop(operators);
        // The last sender of told answers and of telemetry goes with the responder: then both end by themselves.
        drop(responder);
        background.stop();
        if let Some(writing) = writing {
            writing.finish();
        }
        // The last ones that know the ledger: it closes now.
        drop((desk, api));
        drained
    }
}

/// Where a server can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// By platforms.
    pub callbacks: SocketAddr,
    /// By operators who look.
    pub operators: SocketAddr,
    /// By callers of the management API.
    pub api: SocketAddr,
}

/// Runs a server until it is told to stop: SIGTERM or SIGINT drain it, SIGHUP makes it read its credentials again.
///
/// # Errors
/// It did not start.
pub fn serve(config: Config, ready: impl FnOnce(&Listening)) -> Result<(), StartError> {
    let runtime = runtime()?;
    let app = runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        // Before anything can be reached: a signal that comes while starting must not end the process by default.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut app = App::start(config, |ledger| ledger)?;
        tokio::select! {
            started = app.until_ready() => started?,
            _ = terminate.recv() => return Ok(app),
            _ = interrupt.recv() => return Ok(app),
        }
        ready(&Listening { callbacks: app.listen, operators: app.ops_listen, api: app.api_listen });
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok::<App, StartError>(app),
                _ = interrupt.recv() => return Ok(app),
                _ = hang_up.recv() => app.reload(),
            }
        }
    })?;
    let drained = app.drain();
    if drained.abandoned > 0 {
        say(&format!("{} connections were cut off at the end of the drain", drained.abandoned));
    }
    Ok(())
}

/// Opens the ledger of a configuration for a command, while no server runs.
///
/// # Errors
/// See [`StartError`].
pub async fn open_desk(config: &Config) -> Result<Desk, StartError> {
    let metrics = Metrics::new(&mount_names(config)).map_err(StartError::Metrics)?;
    let Opened { ledger, opening, .. } = open_ledger(config, metrics, DatabasePatience::None)?;
    let (_, desk) = programs(config, &ledger, None)?;
    let settings = spool_settings(config);
    let switchboard = Arc::new(Switchboard::new(settings.clone(), mount_names(config)));
    let desk = desk.with_outage(Outage { switchboard, spool: SpoolOf::Closed(settings) });
    opening.until_open().await?;
    make_ready(&desk, config, say).await?;
    Ok(desk)
}

/// A ledger that begins to open.
struct Opened {
    ledger: Arc<dyn Ledger>,
    opening: Opening,
    /// Changes whenever any responder publishes a ruleset; nothing where there are no others.
    publications: Option<watch::Receiver<i64>>,
}

/// What tells that a ledger is open.
enum Opening {
    Embedded(embedded::Opening),
    Postgres(postgres::Opening),
}

impl Opening {
    async fn until_open(self) -> Result<(), StartError> {
        match self {
            Opening::Embedded(opening) => opening.await.map_err(|_| StartError::LedgerGone)?.map_err(StartError::Journal),
            Opening::Postgres(opening) => opening.await.map_err(|_| StartError::LedgerGone)?.map_err(StartError::Database),
        }
    }
}

fn open_ledger(config: &Config, metrics: Arc<Metrics>, patience: DatabasePatience) -> Result<Opened, StartError> {
    if let Some(shared) = &config.ledger.postgres {
        return open_shared(config, shared, metrics, patience);
    }
    let settings = embedded::Settings {
        data: config.ledger.data.clone(),
        sync: match config.ledger.sync {
            LedgerSync::Full => Sync::Full,
            LedgerSync::None => Sync::None,
        },
        commit_records_max: config.ledger.commit_records_max,
        observer: Box::new(Reporter(metrics)),
    };
    let (ledger, opening) = Embedded::start(settings).map_err(StartError::Journal)?;
    Ok(Opened { ledger: Arc::new(ledger), opening: Opening::Embedded(opening), publications: None })
}

fn open_shared(
    config: &Config,
    shared: &PostgresConfig,
    metrics: Arc<Metrics>,
    patience: DatabasePatience,
) -> Result<Opened, StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    // For the command socket; the money is elsewhere.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.ledger.data)?;
    let database = Database::new(shared.connection.clone(), &shared.roots).map_err(StartError::Database)?;
    let (ledger, opening) = Postgres::start(postgres::Settings {
        database,
        connections_max: usize::try_from(shared.connections_max).unwrap_or(usize::MAX),
        node: shared.node.clone(),
        patience,
        observer: Arc::new(Reporter(metrics)),
    })?;
    let publications = Some(ledger.publications());
    Ok(Opened { ledger: Arc::new(ledger), opening: Opening::Postgres(opening), publications })
}

/// Puts rules in force that other responders publish, for ever.
async fn follow_rules(desk: Desk, publications: Option<watch::Receiver<i64>>) {
    let Some(mut publications) = publications else { return std::future::pending().await };
    loop {
        if publications.changed().await.is_err() {
            // The ledger is gone, and with it whoever publishes.
            return std::future::pending().await;
        }
        if let Err(error) = desk.restore_rules().await {
            say(&format!("rules that another responder published are not in force here: {}", StartError::Operation(error)));
        }
    }
}

fn spool_settings(config: &Config) -> spool::Settings {
    spool::Settings {
        path: config.spool.path.clone(),
        sync: match config.ledger.sync {
            LedgerSync::Full => spool::Sync::Full,
            LedgerSync::None => spool::Sync::None,
        },
        entries_max: config.spool.entries_max,
    }
}

/// The spool, and everything that is in it, remembered: before the first question.
fn open_spool(
    config: &Config,
    programs: &[Arc<Program>],
    metrics: &Arc<Metrics>,
) -> Result<(Arc<Unheard>, Arc<Spool>), StartError> {
    let book = ToldBook::new(config.responder.told_max);
    let unheard = Arc::new(Unheard::new(book, mount_names(config), programs.to_vec()));
    let settings = spool_settings(config);
    let (mut remembered, observer) = (Remembered::default(), Arc::new(SpoolReporter(Arc::clone(metrics))));
    let remember = |entry: &spool::Entry, at, standing| remembered.remember(&unheard, entry, at, standing);
    let spool = Spool::open(settings, observer, remember).map_err(StartError::Spool)?;
    remembered.restore(&unheard, crate::clock::utc());
    Ok((unheard, Arc::new(spool)))
}

/// The telemetry that the configuration asks for, in a data directory that is there by now.
fn start_telemetry(config: &Config, metrics: &Arc<Metrics>) -> Result<Option<(Telemetry, Writing)>, StartError> {
    let Some(wanted) = &config.telemetry else { return Ok(None) };
    let started = telemetry::start(&wanted.file, wanted.file_bytes_max, Arc::clone(metrics), say);
    started.map(Some).map_err(|error| StartError::Telemetry(wanted.file.clone(), error))
}

/// A runtime for the thread that runs it.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// What the management API answers with.
fn management_api(
    config: &Config,
    ledger: &Arc<dyn Ledger>,
    switchboard: Arc<Switchboard>,
    metrics: &Metrics,
) -> Result<Api, StartError> {
    let programs = config.programs.iter().map(|program| ApiProgram { id: program.id, currency: program.currency });
    Ok(Api {
        programs: programs.collect(),
        tokens: ArcSwap::from_pointee(config.api.tokens.clone()),
        ledger: Arc::clone(ledger),
        reads: reads(config)?,
        switchboard,
        metrics: metrics.api.clone(),
        creating: tokio::sync::Mutex::default(),
    })
}

/// What the management API's lists come from.
fn reads(config: &Config) -> Result<Arc<dyn Reads>, StartError> {
    let cutoff = |program: &ProgramConfig| Cutoff::new(program.time_zone.clone(), program.settlement_cutoff);
    let Some(shared) = &config.ledger.postgres else {
        let cutoffs = config.programs.iter().map(|program| (program.id, cutoff(program))).collect();
        return Ok(Arc::new(EmbeddedReads::new(&config.ledger.data, cutoffs)));
    };
    let database = Database::new(shared.connection.clone(), &shared.roots).map_err(StartError::Database)?;
    Ok(Arc::new(SharedReads::new(&database).map_err(StartError::Database)?))
}

fn workers(config: &Config) -> NonZeroUsize {
    NonZeroUsize::new(config.server.workers).or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// How many callers there is room for, once the limit of open files is as high as it may be; says so if they are fewer than
/// configured.
fn connections(config: &Config, workers: NonZeroUsize) -> usize {
    let room = Room::within(descriptors::raise_limit(), config.server.connections_max, workers.get());
    if let Some(warning) = room.warning() {
        say(&warning);
    }
    room.connections
}

fn limits(config: &Config) -> Limits {
    let server = &config.server;
    Limits {
        head_bytes_max: server.head_bytes_max,
        body_bytes_max: server.body_bytes_max,
        head_read_max: server.head_read_max,
        body_read_max: server.body_read_max,
        idle_max: server.idle_max,
        tls_handshake_max: server.tls_handshake_max,
        connections_max: server.connections_max,
        drain_max: server.drain_max,
    }
}

/// Every configured mount with its program, in the order of the route table.
fn all_mounts(config: &Config) -> impl Iterator<Item = (usize, &ProgramConfig, &MountConfig)> {
    config
        .programs
        .iter()
        .enumerate()
        .flat_map(|(place, program)| program.mounts.iter().map(move |mount| (place, program, mount)))
}

/// The platform's name as an identifier. Adapters' laws hold every platform's name to the type.
fn platform_name(mount: &MountConfig) -> Option<PlatformName> {
    PlatformName::new(mount.platform.name).ok()
}

fn mount_names(config: &Config) -> Vec<(ProgramId, PlatformName)> {
    all_mounts(config).filter_map(|(_, program, mount)| Some((program.id, platform_name(mount)?))).collect()
}

fn routes(config: &Config) -> Result<RouteTable, Vec<RouteError>> {
    let entries: Vec<_> = all_mounts(config)
        .enumerate()
        .flat_map(|(index, (_, _, mount))| {
            mount.platform.routes.iter().map(move |route| RouteEntry {
                method: route.method,
                path: format!("{}{}", mount.path.trim_end_matches('/'), route.path),
                mount: index,
                route: route.id,
            })
        })
        .collect();
    RouteTable::new(&entries)
}

fn programs(
    config: &Config,
    ledger: &Arc<dyn Ledger>,
    metrics: Option<Arc<Metrics>>,
) -> Result<(Vec<Arc<Program>>, Desk), StartError> {
    let (mut live, mut counters) = (Vec::new(), Vec::new());
    for program in &config.programs {
        let source = std::fs::read_to_string(&program.rules_path)?;
        let home = program.home();
        let rules = ruleset::read(&program.rules_path.display().to_string(), &source, &home).map_err(StartError::Config)?;
        let shared = Arc::new(Program {
            id: program.id,
            rules: ArcSwap::from_pointee(rules),
            configured_rules: source.into(),
            stand_in: stand_in(program, config.responder.told_max)?,
        });
        counters.push(Counter::new(program, Arc::clone(&shared)));
        live.push(shared);
    }
    let keeps = config.programs.iter().map(|program| Keep { program: program.id, days: program.journal_keep_days });
    let retention = Retention { data: config.ledger.data.clone(), keeps: keeps.collect(), alone: tokio::sync::Mutex::default() };
    let desk = Desk::new(Arc::clone(ledger), counters, metrics);
    // A database's old records are partitions, and the database's.
    let desk = if config.ledger.postgres.is_some() { desk } else { desk.with_retention(retention) };
    Ok((live, desk))
}

/// A program's stand-in with its configured tables; without any it declines.
fn stand_in(program: &ProgramConfig, told_max: u32) -> Result<StandIn, StartError> {
    let table = |(platform, path): (Option<PlatformName>, &Path)| {
        let source = std::fs::read_to_string(path)?;
        let policy = config::stand_in::read(&path.display().to_string(), &source, &program.home()).map_err(StartError::Config)?;
        Ok(StandInTable { platform, in_force: ArcSwapOption::from_pointee(policy), configured: Some(source.into()) })
    };
    let mut tables = program.stand_in.all().map(table).collect::<Result<Vec<_>, StartError>>()?;
    if program.stand_in.table.is_none() {
        tables.insert(0, StandInTable { platform: None, in_force: ArcSwapOption::empty(), configured: None });
    }
    Ok(StandIn::new(tables, usize::try_from(told_max).unwrap_or(usize::MAX)))
}

fn mounts(config: &Config, programs: &[Arc<Program>], metrics: &Metrics) -> Vec<Mount> {
    let names = mount_names(config);
    all_mounts(config)
        .enumerate()
        .filter_map(|(index, (place, program, mount))| {
            // The first mount of the same program and platform gives the pair its number.
            let platform = platform_name(mount)?;
            let principal = names.iter().position(|name| *name == (program.id, platform))?;
            Some(Mount {
                program: Arc::clone(programs.get(place)?),
                platform,
                principal: u16::try_from(principal).ok()?,
                adapter: Arc::clone(&mount.adapter),
                in_flight_duplicate: mount.platform.in_flight_duplicate,
                keyring: ArcSwap::from_pointee(mount.keyring.clone()),
                patience: Patience { budget: mount.budget, reserve: mount.reserve, start: mount.platform.budget.start },
                metrics: metrics.mount(index)?,
            })
        })
        .collect()
}

fn pages(responder: &Arc<Responder>, metrics: &Arc<Metrics>) -> Pages {
    let (shown, kept) = (Arc::clone(metrics), Arc::clone(metrics));
    let outages = StandInReporter::default();
    let (watched, status, kept_up) = (Arc::downgrade(responder), Arc::downgrade(responder), Arc::downgrade(responder));
    Pages {
        metrics: Box::new(move || {
            if let Some(responder) = watched.upgrade() {
                shown.server.in_flight(responder.in_flight.now());
                shown.ledger.told_pending(responder.unheard.book.waiting());
                responder.show_stand_in();
                for program in responder.programs() {
                    shown.exposure(program.id, program.stand_in.exposure());
                }
            }
            let mut page = shown.render();
            page.push_str(&heap_allocations());
            page
        }),
        status: Box::new(move || status.upgrade().map(|responder| responder.status())),
        upkeep: Box::new(move || {
            kept.run_upkeep();
            if let Some(responder) = kept_up.upgrade() {
                responder.programs().for_each(|program| program.stand_in.forget(crate::clock::utc()));
                outages.look(&responder);
            }
        }),
    }
}

/// The benchmark build's own metric; nothing in any other build.
#[cfg(feature = "count-allocations")]
fn heap_allocations() -> String {
    let counted = stats_alloc::INSTRUMENTED_SYSTEM.stats();
    let total = counted.allocations.saturating_add(counted.reallocations);
    format!("# TYPE holdfast_heap_allocations_total counter\nholdfast_heap_allocations_total {total}\n")
}

#[cfg(not(feature = "count-allocations"))]
fn heap_allocations() -> String {
    String::new()
}
