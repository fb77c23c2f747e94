//! The composition root: the only place that knows everyone. It turns a configuration into a running server, and a running
//! server into a stopped one.
//!
//! Order of starting: sockets first (they answer from stand-in, cause Starting), then what is known without the ledger (what earlier
//! processes told, what caps have counted, the rules in force, memory as it can be read), then the ledger's state, the rules that it says
//! are in force and the first import; only then is the server ready. Order of stopping: answers that are owed, then what was
//! told without the ledger, then the ledger.

mod meanwhile;
mod mounts;
mod opening;
mod pages;
mod parts;
mod reload;
mod serving;
mod signals;
mod spend;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};

use self::meanwhile::Here;
use self::mounts::{agents, desk, mount_names, mounts, programs, routes};
use self::opening::{
    EarlyDesk, Foresight, Known, Opened, Opening, bond_of, follow_rules, follow_switches, open_ledger, open_spool,
    spool_settings, switchboard_of,
};
use self::pages::pages;
use self::parts::{
    limits, management_api, open_profiles, room, serve_card_numbers, start_telemetry, start_webhooks, until_profiles_are_there,
    webhooks_of,
};
pub(crate) use self::parts::{needs, workers};
pub use self::reload::Reload;
pub use self::serving::{Listening, Stopped, serve};
pub use self::signals::Signals;
use crate::agent::door::{House, crossing};
use crate::agent::lead::Agents;
use crate::api::Api;
use crate::background::{Background, Doors};
use crate::config::Config;
use crate::first_start::make_ready;
use crate::ledger::Ledger;
use crate::ledger::permit::InFlight;
use crate::ledger::postgres::Patience as DatabasePatience;
use crate::metrics::Metrics;
use crate::operations::{Desk, Outage, SpoolOf};
use crate::reporter::{SpoolReporter, say};
use crate::responder::{Leaving, Recalled, Responder, SinceWhen, Stage, Till, ToldBook, Turns, Worker, end_waits, keep_looking};
use crate::server::ops::{self, Operators};
use crate::server::{self, Drained, Limits, Running, Serving, Tls};
use crate::spool::{Bringing, Reconciler, Spool, SpoolError};
use crate::start_error::StartError;
use crate::telemetry::Writing;
use crate::webhook::{self, Webhooks};

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
    /// Where card numbers are taken, if they are.
    pub card_numbers_listen: Option<SocketAddr>,
    config: Arc<Config>,
    responder: Arc<Responder>,
    api: Arc<Api>,
    tls: Option<Arc<Tls>>,
    desk: Desk,
    house: Option<Arc<House>>,
    opening: Option<(Opening, Known)>,
    early_desk: EarlyDesk,
    stage: Arc<watch::Sender<Stage>>,
    /// Until it is dropped, the ledger hears nothing of the spool.
    hold_back: Option<oneshot::Sender<Infallible>>,
    running: Running,
    card_numbers: Option<(Running, Arc<Tls>)>,
    operators: Operators,
    background: Background,
    bringing: Bringing,
    writing: Option<Writing>,
    /// What the webhooks need, until the ledger is ready,
    to_be_told: Option<webhook::Setup>,
    /// and then they themselves.
    webhooks: Option<Webhooks>,
}

impl App {
    /// Takes the sockets and answers on them, from stand-in until [`App::until_ready`]. `wrap` may put something in front of
    /// the ledger.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(config: Config, wrap: impl FnOnce(Arc<dyn Ledger>) -> Arc<dyn Ledger>) -> Result<Self, StartError> {
        let bind = |address| server::bind(address).map_err(|error| StartError::Listen(address, error));
        let (listen, workers) = (config.server.listen, workers(&config));
        // Whoever comes at once leaves room for what a start opens.
        let room = room(&config, workers);
        let callbacks = bind(listen)?.taking_early(room.connections).map_err(|error| StartError::Listen(listen, error))?;
        let operators = bind(config.server.ops_listen)?;
        let management = bind(config.api.listen)?;
        let by_number = config.card_numbers.as_ref().map(|numbers| bind(numbers.listen)).transpose()?;
        let card_numbers_listen = by_number.as_ref().map(|bound| bound.addr);
        let (listen, ops_listen, api_listen) = (callbacks.addr, operators.addr, management.addr);
        let metrics = Metrics::new(&mount_names(&config)).map_err(StartError::Metrics)?;
        let bond = bond_of(&config)?;
        bond.must_be_there().map_err(StartError::Spool)?;
        bond.remark().iter().for_each(|remark| say(remark));
        let programs = programs(&config)?;
        let (unheard, spool) = open_spool(&config, &programs, &metrics, &bond)?;
        let Opened { ledger, opening, early, publications: publications_of_others, recorded } =
            open_ledger(&config, Arc::clone(&metrics), DatabasePatience::Endless)?;
        let ledger = wrap(ledger);
        let (stage, to_be_open) = watch::channel(Stage::Recalling);
        let stage = Arc::new(stage);
        let recalled = Recalled::new(to_be_open.clone());
        let profiles = open_profiles(&config)?;
        let desk = desk(&config, &programs, &ledger, Some(Arc::clone(&metrics))).with_profiles(Arc::clone(&profiles));
        let switchboard = Arc::new(switchboard_of(&config)?.in_file(spool.identities()));
        switchboard.restore().map_err(StartError::Spool)?;
        let running = SpoolOf::Running(Arc::clone(&spool));
        let publications = Arc::clone(&unheard.publications);
        let desk = desk.with_outage(Outage { switchboard: Arc::clone(&switchboard), spool: running, publications });
        let agents = agents(&config);
        let (signals, to_be_told) = webhooks_of(&config, recorded, &profiles, &metrics)?.unzip();
        let house = spend::open(&config, (&programs, &ledger), agents.as_ref(), signals.clone())?;
        let desk = desk.with_spend(house.clone());
        let (bridge, crossings) = agents.clone().map(crossing::bridge).unzip();
        // The other half is for those who come meanwhile.
        let waiting_max = room.connections.div_ceil(2);
        let (telemetry, writing) = start_telemetry(&config, &metrics)?.unzip();
        let responder = Arc::new(Responder {
            mounts: mounts(&config, &programs, &metrics, agents.as_ref()),
            ledger: Arc::clone(&ledger),
            unheard: Arc::clone(&unheard),
            keys_of_callers: ToldBook::new(0),
            spool: Arc::clone(&spool),
            breaker: Arc::clone(&unheard.breaker),
            switchboard: Arc::clone(&switchboard),
            in_flight: InFlight::new(config.responder.in_flight_max),
            till: Till::new(Arc::clone(&profiles), config.texts.sealer.clone())
                .with_number_key(config.card_numbers.as_ref().map(|numbers| numbers.key.clone())),
            metrics: Arc::clone(&metrics),
            telemetry,
            workers: (0..=workers.get()).map(|_| Worker::new(RESTING_TICKETS_MAX)).collect(),
            agents,
            recalled: Turns::of_at_most(waiting_max),
            foreseen: Turns::of_at_most(waiting_max),
            opened: Turns::of_at_most(waiting_max),
            ledger_since: left_away(&spool).map_err(StartError::Spool)?,
            began: crate::clock::utc(),
            stage: to_be_open,
        });
        let tls = config.tls.clone().map(|tls| Arc::new(Tls::new(tls)));
        let here = Here::new(&unheard, &spool, &ledger);
        let switching = follow_switches(Arc::clone(&switchboard));
        let api = Arc::new(management_api(&config, here, &ledger, switchboard, &profiles, &metrics, recalled.clone())?);
        // Whoever asks is let in before what was told is read, which takes the longer the more that is: they wait for it inside, each to its
        // own deadline.
        let running = callbacks.serve(Serving {
            responder: Arc::clone(&responder),
            routes: Arc::new(routes(&config).map_err(StartError::Routes)?),
            bridge,
            limits: Limits { connections_max: room.connections, ..limits(&config) },
            tls: tls.clone(),
            metrics: metrics.server.clone(),
            workers,
            first_worker: 0,
            say,
        })?;
        let card_numbers = match by_number.zip(config.card_numbers.as_ref()) {
            None => None,
            Some((bound, numbers)) => Some(serve_card_numbers(&config, bound, numbers, &responder, &metrics)?),
        };
        let operators = ops::serve(operators, pages(&responder, &metrics, signals), room.operators)?;
        let early_desk = EarlyDesk::new(desk.clone());
        let foresight = Foresight {
            desk: early_desk.clone(),
            unheard: Arc::clone(&unheard),
            spool: Arc::downgrade(&spool),
            left: spool.left().map_err(StartError::Spool)?,
            early,
            stage: Arc::clone(&stage),
        };
        let known = foresight.begin()?;
        let following = follow_rules(desk.clone(), publications_of_others, Arc::clone(&unheard.publications));
        let tables_that_wait = recalled.clone();
        let following = async move {
            // A table that waits for the ledger is in force before one that the ledger has.
            tables_that_wait.until().await;
            following.await;
        };
        let ending = end_waits(Arc::downgrade(&responder));
        let looking = keep_looking(Arc::downgrade(&responder));
        let followed = Arc::clone(&profiles);
        let knowing = async move { followed.follow().await };
        let following = async { tokio::join!(following, ending, looking, switching, knowing).0 };
        let (hold_back, begin) = oneshot::channel();
        let reconciler =
            Reconciler { begin, spool, ledger, heard: unheard, observer: Arc::new(SpoolReporter(Arc::clone(&metrics))) };
        let spend = house.clone().zip(crossings);
        let doors = Doors { bound: management, api: &api, spend, recalled };
        let background = Background::start(&config.ledger.data, desk.clone(), doors, room, following, say)?;
        let bringing = Bringing::start(reconciler)?;
        let opening = Some((opening, known));
        Ok(App {
            listen,
            ops_listen,
            api_listen,
            card_numbers_listen,
            config: Arc::new(config),
            responder,
            api,
            tls,
            desk,
            house,
            opening,
            early_desk,
            stage,
            hold_back: Some(hold_back),
            running,
            card_numbers,
            operators,
            background,
            bringing,
            writing,
            to_be_told,
            webhooks: None,
        })
    }

    /// Waits until it is known what earlier processes told, and the ledger has its state, puts the rules in force, and imports what an empty
    /// ledger starts with.
    ///
    /// # Errors
    /// The spool cannot be read, the log is damaged, the rules do not load, or the import's rows are wrong.
    pub async fn until_ready(&mut self) -> Result<(), StartError> {
        if let Some((opening, Known { recalled, counted })) = self.opening.take() {
            recalled.await.map_err(|_| StartError::LedgerGone)?.map_err(StartError::Spool)?;
            opening.until_open().await?;
            counted.await.map_err(|_| StartError::LedgerGone)?.map_err(StartError::Spool)?;
            self.early_desk.close();
            until_profiles_are_there(&self.responder.till.reader.profiles, DatabasePatience::Endless).await?;
            make_ready(&self.desk, &self.config, say).await?;
            // From here on the ledger hears what waits: what was counted as not confirmed is confirmed then, and whose money it is about is
            // there, also where an empty ledger was to start with it.
            drop(self.hold_back.take());
            spend::until_filled(&self.config, self.house.as_ref(), DatabasePatience::Endless).await?;
            if let Some(house) = &self.house {
                house.insights.until_followed().await;
            }
            // Before the first decision: an endpoint that is new is told from here on.
            self.webhooks = match self.to_be_told.take() {
                Some(setup) => start_webhooks(setup).await,
                None => None,
            };
            self.stage.send_replace(Stage::Open);
        }
        Ok(())
    }

    /// The objects of agent spend, as the path sees them; nothing where none are configured.
    #[must_use]
    pub fn agents(&self) -> Option<&Arc<Agents>> {
        self.responder.agents.as_ref()
    }

    /// What reads credentials and TLS files again; to be dropped before [`App::drain`].
    #[must_use]
    pub fn reload(&self) -> Reload {
        Reload {
            config: Arc::clone(&self.config),
            responder: Arc::clone(&self.responder),
            api: Arc::clone(&self.api),
            tls: self.tls.clone(),
            card_numbers_tls: self.card_numbers.as_ref().map(|(_, tls)| Arc::clone(tls)),
        }
    }

    /// Stops: answers what is owed, brings what was told to the ledger, closes the ledger. Blocks.
    pub fn drain(self) -> Drained {
        let App { responder, api, running, card_numbers, operators, background, bringing, writing, .. } = self;
        let (desk, early_desk, house, webhooks) = (self.desk, self.early_desk, self.house, self.webhooks);
        running.begin_drain();
        let by_number = card_numbers.map_or(0, |(running, _)| running.drain().abandoned);
        let Drained { abandoned } = running.drain();
        let drained = Drained { abandoned: abandoned.saturating_add(by_number) };
        early_desk.close();
        drop(operators);
        let leaving = Leaving::look(&responder, crate::clock::utc());
        // The last sender of told answers and of telemetry goes with the responder: then both end by themselves.
        drop(responder);
        background.stop();
        // After the last command, whose orders it may have to bring.
        bringing.stop();
        match leaving.and_then(|leaving| leaving.map_or_else(|| Ok(Vec::new()), |leaving| leaving.close(crate::clock::utc()))) {
            Ok(ended) => ended.iter().for_each(|ended| say(ended)),
            Err(error) => say(&format!("whether stand-in ended is not noted for the report: {error}")),
        }
        if let Some(writing) = writing {
            writing.finish();
        }
        // The last ones that know the ledger: it closes now.
        drop((desk, house, api));
        // What it wrote last is told now, or after the next start.
        if let Some(webhooks) = webhooks {
            webhooks.stop();
        }
        drained
    }
}

/// Opens the ledger of a configuration for a command, while no server runs.
///
/// # Errors
/// See [`StartError`].
pub async fn open_desk(config: &Config) -> Result<Desk, StartError> {
    let metrics = Metrics::new(&mount_names(config)).map_err(StartError::Metrics)?;
    let Opened { ledger, opening, .. } = open_ledger(config, metrics, DatabasePatience::None)?;
    let programs = programs(config)?;
    let settings = spool_settings(config);
    let (switchboard, profiles) = (Arc::new(switchboard_of(config)?), open_profiles(config)?);
    let desk = desk(config, &programs, &ledger, None)
        .with_outage(Outage { switchboard, spool: SpoolOf::Closed(settings), publications: Arc::default() })
        .with_profiles(Arc::clone(&profiles));
    let house = spend::open(config, (&programs, &ledger), agents(config).as_ref(), None)?;
    let desk = desk.with_spend(house.clone());
    opening.until_open().await?;
    until_profiles_are_there(&profiles, DatabasePatience::None).await?;
    make_ready(&desk, config, say).await?;
    spend::until_filled(config, house.as_ref(), DatabasePatience::None).await?;
    Ok(desk)
}

/// Since when an earlier process left the ledger away, if it did.
fn left_away(spool: &Spool) -> Result<SinceWhen, SpoolError> {
    Ok(SinceWhen::found(spool.reader()?.away()?.last()))
}

/// A runtime for the thread that runs it.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
