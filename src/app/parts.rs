//! The server's parts, each as the configuration asks for it. Nothing here starts anything by itself, or knows in which order that is done.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::sleep;

use super::meanwhile::Here;
use super::mounts::card_number_routes;
use crate::agent::registry::Programs as SpendPrograms;
use crate::api::reads::Reads;
use crate::api::reads::embedded::EmbeddedReads;
use crate::api::reads::shared::SharedReads;
use crate::api::{self, Api, ApiProgram};
use crate::config::{CardNumbersConfig, Config, ProgramConfig};
use crate::descriptors::{self, Needs, Room};
use crate::ledger::Ledger;
use crate::ledger::postgres::Patience;
use crate::ledger::postgres::connect::Database;
use crate::metrics::Metrics;
use crate::profiles::{self, Profiles, StoreError as ProfilesError};
use crate::remnant::Reader;
use crate::reporter::say;
use crate::responder::{Recalled, Responder};
use crate::server::{Bound, Limits, Running, Serving, Tls};
use crate::settlement_day::Cutoff;
use crate::start_error::StartError;
use crate::switchboard::Switchboard;
use crate::telemetry::{self, Telemetry, Writing};
use crate::webhook::{self, Signals, Webhooks};

/// The most connections of the listener for card numbers: callers are few, with pools of connections.
const CARD_NUMBER_CONNECTIONS_MAX: usize = 256;

/// Connections to a shared ledger's database besides those of acts: lists, upkeep, agent spend, webhooks, and what hears of other
/// responders.
const DATABASE_CONNECTIONS_BESIDE_ACTS: usize = 18 + webhook::shared::CONNECTIONS_MAX;

/// How long after a failure a database is asked again for what it keeps.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Serves what takes card numbers: by one thread, whose number is behind those of all others.
pub(super) fn serve_card_numbers(
    config: &Config,
    bound: Bound,
    numbers: &CardNumbersConfig,
    responder: &Arc<Responder>,
    metrics: &Metrics,
) -> Result<(Running, Arc<Tls>), StartError> {
    let tls = Arc::new(Tls::new(Arc::clone(&numbers.tls)));
    let running = bound.serve(Serving {
        responder: Arc::clone(responder),
        routes: Arc::new(card_number_routes(config).map_err(StartError::Routes)?),
        bridge: None,
        limits: Limits { connections_max: CARD_NUMBER_CONNECTIONS_MAX, ..limits(config) },
        tls: Some(Arc::clone(&tls)),
        metrics: metrics.server.clone(),
        workers: NonZeroUsize::MIN,
        first_worker: workers(config).get(),
        say,
    })?;
    Ok((running, tls))
}

/// The merchants and instruments of a data directory; of all responders of a shared ledger, as this one knew them last.
pub(super) fn open_profiles(config: &Config) -> Result<Arc<Profiles>, StartError> {
    let shared = config.ledger.postgres.as_ref().map(|shared| Database::new(shared.connection.clone(), &shared.roots));
    let shared = shared.transpose().map_err(StartError::Database)?.map(|database| profiles::Shared::new(database, say));
    let open = if shared.is_some() { profiles::Store::open_copy } else { profiles::Store::open };
    let store = open(&config.ledger.data, config.texts.sealer.clone()).map_err(StartError::Profiles)?;
    Profiles::open(store, shared).map(Arc::new).map_err(StartError::Profiles)
}

/// Waits until they are known as all responders have them now.
///
/// # Errors
/// A row does not open; or, without patience, the database.
pub(super) async fn until_profiles_are_there(profiles: &Arc<Profiles>, patience: Patience) -> Result<(), StartError> {
    let mut said = false;
    loop {
        match profiles.catch_up().await {
            Err(ProfilesError::Database(trouble)) if patience == Patience::Endless => {
                if !std::mem::replace(&mut said, true) {
                    say(&format!("merchants and instruments wait: {trouble}"));
                }
                sleep(AGAIN_AFTER).await;
            }
            there => return there.map_err(StartError::Profiles),
        }
    }
}

/// The telemetry that the configuration asks for, in a data directory that is there by now.
pub(super) fn start_telemetry(config: &Config, metrics: &Arc<Metrics>) -> Result<Option<(Telemetry, Writing)>, StartError> {
    let Some(wanted) = &config.telemetry else { return Ok(None) };
    let started = telemetry::start(&wanted.file, wanted.file_bytes_max, Arc::clone(metrics), say);
    started.map(Some).map_err(|error| StartError::Telemetry(wanted.file.clone(), error))
}

/// Where stand-in's signals are left, and what the webhooks need, if any are configured.
pub(super) fn webhooks_of(
    config: &Config,
    recorded: watch::Receiver<i64>,
    profiles: &Arc<Profiles>,
    metrics: &Arc<Metrics>,
) -> Result<Option<(Signals, webhook::Setup)>, StartError> {
    if config.webhooks.is_empty() {
        return Ok(None);
    }
    let told = match &config.ledger.postgres {
        None => webhook::Told::Here,
        Some(shared) => {
            let database = Database::new(shared.connection.clone(), &shared.roots).map_err(StartError::Database)?;
            webhook::Told::Shared { database: Box::new(database), node: shared.node.clone() }
        }
    };
    let (signals, taken) = Signals::new();
    let setup = webhook::Setup {
        directory: config.ledger.data.clone(),
        told,
        endpoints: config.webhooks.clone(),
        recorded,
        signals: taken,
        spend: config.agents.as_ref().map(|agents| SpendPrograms { sandbox: agents.sandbox, production: agents.production }),
        reader: Reader { sealer: config.texts.sealer.clone(), profiles: Arc::clone(profiles) },
        metrics: Arc::clone(metrics),
        say,
    };
    Ok(Some((signals, setup)))
}

/// Nobody is declined because an endpoint cannot be told.
pub(super) async fn start_webhooks(setup: webhook::Setup) -> Option<Webhooks> {
    let started = Webhooks::start(setup).await;
    started.inspect_err(|problem| say(&format!("no webhook is sent until the next start: {problem}"))).ok()
}

/// What the management API answers with.
pub(super) fn management_api(
    config: &Config,
    here: Here,
    ledger: &Arc<dyn Ledger>,
    switchboard: Arc<Switchboard>,
    profiles: &Arc<Profiles>,
    metrics: &Metrics,
    recalled: Recalled,
) -> Result<Api, StartError> {
    let programs = config.programs.iter().map(|program| ApiProgram { id: program.id, currency: program.currency });
    Ok(Api {
        programs: programs.collect(),
        tokens: ArcSwap::from_pointee(config.api.tokens.clone()),
        ledger: Arc::clone(ledger),
        reads: reads(config)?,
        switchboard,
        profiles: Arc::clone(profiles),
        meanwhile: Arc::new(here),
        recalled,
        metrics: metrics.api.clone(),
        creating: tokio::sync::Mutex::default(),
        answer_max: api::ANSWER_MAX,
    })
}

/// What the management API's lists come from.
pub(super) fn reads(config: &Config) -> Result<Arc<dyn Reads>, StartError> {
    let cutoff = |program: &ProgramConfig| Cutoff::new(program.time_zone.clone(), program.settlement_cutoff);
    let cutoffs = config.programs.iter().map(|program| (program.id, cutoff(program))).collect();
    let Some(shared) = &config.ledger.postgres else {
        return Ok(Arc::new(EmbeddedReads::new(&config.ledger.data, cutoffs)));
    };
    let database = Database::new(shared.connection.clone(), &shared.roots).map_err(StartError::Database)?;
    Ok(Arc::new(SharedReads::new(&database, cutoffs).map_err(StartError::Database)?))
}

pub(crate) fn workers(config: &Config) -> NonZeroUsize {
    NonZeroUsize::new(config.server.workers).or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// How many connections there is room for, once the limit of open files is as high as it may be; says so if callers' are fewer
/// than configured.
pub(super) fn room(config: &Config, workers: NonZeroUsize) -> Room {
    let room = Room::within(descriptors::raise_limit(), config.server.connections_max, needs(config, workers));
    if let Some(warning) = room.warning() {
        say(&warning);
    }
    room
}

/// Who needs descriptors besides callers.
pub(crate) fn needs(config: &Config, workers: NonZeroUsize) -> Needs {
    let of_acts = config.ledger.postgres.as_ref().map(|shared| usize::try_from(shared.connections_max).unwrap_or(usize::MAX));
    let database = of_acts.map_or(0, |acts| acts.saturating_add(DATABASE_CONNECTIONS_BESIDE_ACTS));
    let card_numbers = config.card_numbers.as_ref().map_or(0, |_| CARD_NUMBER_CONNECTIONS_MAX);
    Needs { workers: workers.get(), database, card_numbers }
}

pub(super) fn limits(config: &Config) -> Limits {
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
