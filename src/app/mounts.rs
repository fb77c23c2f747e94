//! Programs, their mounts and their routes, made of what the configuration says of them.

use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use holdfast_adapters::token::KeyStore;
use holdfast_adapters::{Bearer, Keyring, Platform, Route, Settings, agent_spend};
use holdfast_core::agent::Environment;
use holdfast_core::stand_in::Share;
use holdfast_core::{PlatformName, ProgramId};

use crate::agent::lead::Agents;
use crate::agent::registry::{Programs, Registry};
use crate::agent::seal::Sealer;
use crate::config::mount::default_reserve;
use crate::config::{self, Config, MountConfig, ProgramConfig, ruleset};
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::operations::{Counter, Desk};
use crate::responder::{ByEnvironment, Mount, Patience, Program, StandIn, StandInTable};
use crate::retention::{Keep, Retention};
use crate::server::{RouteEntry, RouteError, RouteTable};
use crate::start_error::StartError;

/// Where agents' processors ask.
const AGENTS_PATH: &str = "/v1";

/// Every configured mount with its program, in the order of the route table.
pub(super) fn all_mounts(config: &Config) -> impl Iterator<Item = (usize, &ProgramConfig, &MountConfig)> {
    config
        .programs
        .iter()
        .enumerate()
        .flat_map(|(place, program)| program.mounts.iter().map(move |mount| (place, program, mount)))
}

/// The platform's name as an identifier. Adapters' laws hold every platform's name to the type.
pub(super) fn platform_name(mount: &MountConfig) -> Option<PlatformName> {
    PlatformName::new(mount.platform.name).ok()
}

pub(super) fn mount_names(config: &Config) -> Vec<(ProgramId, PlatformName)> {
    let configured = all_mounts(config).filter_map(|(_, program, mount)| Some((program.id, platform_name(mount)?)));
    let of_agents = agent_mounts(config).filter_map(|(_, program)| Some((program.id, agents_name()?)));
    configured.chain(of_agents).collect()
}

/// The programs that decide what agents' processors ask, each in its environment: mounts behind all configured ones.
fn agent_mounts(config: &Config) -> impl Iterator<Item = (Environment, &ProgramConfig)> {
    let program_of = |environment| {
        let id = config.agents.as_ref()?.program(environment)?;
        config.programs.iter().find(|program| program.id == id).map(|program| (environment, program))
    };
    [Environment::Sandbox, Environment::Production].into_iter().filter_map(program_of)
}

fn agents_name() -> Option<PlatformName> {
    PlatformName::new(agent_spend::NAME).ok()
}

/// What agents may spend, as the path sees it; nothing where none are configured.
pub(super) fn agents(config: &Config) -> Option<Arc<Agents>> {
    let configured = config.agents.as_ref()?;
    let (sandbox, production) = (configured.program(Environment::Sandbox), configured.program(Environment::Production));
    let registry = Arc::new(Registry::new(Programs { sandbox, production }));
    let sealer = Sealer::new(&configured.key, &configured.old_keys);
    Some(Arc::new(Agents::new(registry, configured.card_enterprises.clone(), sealer)))
}

pub(super) fn routes(config: &Config) -> Result<RouteTable, Vec<RouteError>> {
    let entries: Vec<_> = mounted(config, |platform| platform.routes).chain(agent_routes(config)).collect();
    Ok(RouteTable::new(&entries)?.with_mounts(places(config)))
}

/// Where platforms are mounted: what is below and no route of theirs they refuse in their own words.
fn places(config: &Config) -> impl Iterator<Item = (String, usize)> {
    all_mounts(config).enumerate().map(|(index, (_, _, mount))| (mount.path.clone(), index))
}

/// What the listener for card numbers serves: the same mounts, at the same paths.
pub(super) fn card_number_routes(config: &Config) -> Result<RouteTable, Vec<RouteError>> {
    let entries: Vec<_> = mounted(config, |platform| platform.card_number_routes).collect();
    Ok(RouteTable::new(&entries)?.with_mounts(places(config)))
}

/// Those routes of every mount's platform.
fn mounted(config: &Config, of: fn(&Platform) -> &'static [Route]) -> impl Iterator<Item = RouteEntry> {
    all_mounts(config).enumerate().flat_map(move |(index, (_, _, mount))| {
        of(mount.platform).iter().map(move |route| RouteEntry {
            method: route.method,
            path: format!("{}{}", mount.path.trim_end_matches('/'), route.path),
            mount: index,
            route: route.id,
        })
    })
}

/// Both environments' questions come to one place, and to the first of their mounts: the credential says whose they are.
fn agent_routes(config: &Config) -> impl Iterator<Item = RouteEntry> {
    let mount = agent_mounts(config).next().map(|_| all_mounts(config).count());
    mount.into_iter().flat_map(|mount| {
        let entry = move |route: &Route| RouteEntry {
            method: route.method,
            path: format!("{AGENTS_PATH}{}", route.path),
            mount,
            route: route.id,
        };
        agent_spend::PLATFORM.routes.iter().map(entry)
    })
}

/// Every program with the rules and tables that its configuration names.
pub(super) fn programs(config: &Config) -> Result<Vec<Arc<Program>>, StartError> {
    let live = |program: &ProgramConfig| {
        let source = std::fs::read_to_string(&program.rules_path)?;
        let home = program.home();
        let rules = ruleset::read(&program.rules_path.display().to_string(), &source, &home).map_err(StartError::Config)?;
        Ok(Arc::new(Program {
            id: program.id,
            rules: ArcSwap::from_pointee(rules),
            configured_rules: source.into(),
            stand_in: stand_in(program, share(config), config.responder.told_max)?,
        }))
    };
    config.programs.iter().map(live).collect()
}

/// Where operators have things done: on these programs, by this ledger.
pub(super) fn desk(config: &Config, programs: &[Arc<Program>], ledger: &Arc<dyn Ledger>, metrics: Option<Arc<Metrics>>) -> Desk {
    let counters = config.programs.iter().zip(programs).map(|(program, live)| Counter::new(program, Arc::clone(live))).collect();
    let keeps = config.programs.iter().map(|program| Keep { program: program.id, days: program.journal_keep_days });
    let retention = Retention { data: config.ledger.data.clone(), keeps: keeps.collect(), alone: tokio::sync::Mutex::default() };
    let desk = Desk::new(Arc::clone(ledger), counters, metrics);
    // A database's old records are partitions, and the database's.
    if config.ledger.postgres.is_some() { desk } else { desk.with_retention(retention) }
}

/// What of each cap is this responder's: stand-in decides alone.
fn share(config: &Config) -> Share {
    config.ledger.postgres.as_ref().map_or(Share::WHOLE, |shared| Share::one_of(shared.responders))
}

/// A program's stand-in with its configured tables; without any it declines.
pub(super) fn stand_in(program: &ProgramConfig, share: Share, told_max: u32) -> Result<StandIn, StartError> {
    let table = |(platform, path): (Option<PlatformName>, &Path)| {
        let source = std::fs::read_to_string(path)?;
        let policy = config::stand_in::read(&path.display().to_string(), &source, &program.home()).map_err(StartError::Config)?;
        Ok(StandInTable { platform, in_force: ArcSwapOption::from_pointee(policy), configured: Some(source.into()) })
    };
    let mut tables = program.stand_in.all().map(table).collect::<Result<Vec<_>, StartError>>()?;
    if program.stand_in.table.is_none() {
        tables.insert(0, StandInTable { platform: None, in_force: ArcSwapOption::empty(), configured: None });
    }
    Ok(StandIn::new(tables, share, usize::try_from(told_max).unwrap_or(usize::MAX)))
}

pub(super) fn mounts(config: &Config, programs: &[Arc<Program>], metrics: &Metrics, agents: Option<&Arc<Agents>>) -> Vec<Mount> {
    let mut mounts = configured_mounts(config, programs, metrics);
    mounts.extend(agents.map(|agents| mounts_of_agents(config, programs, metrics, agents)).unwrap_or_default());
    mounts
}

fn configured_mounts(config: &Config, programs: &[Arc<Program>], metrics: &Metrics) -> Vec<Mount> {
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
                by_environment: None,
            })
        })
        .collect()
}

fn mounts_of_agents(config: &Config, programs: &[Arc<Program>], metrics: &Metrics, agents: &Agents) -> Vec<Mount> {
    let (first, platform) = (all_mounts(config).count(), &agent_spend::PLATFORM);
    let place = |wanted: Environment| {
        let place = agent_mounts(config).position(|(environment, _)| environment == wanted)?;
        first.checked_add(place)
    };
    let by_environment = Some(ByEnvironment { sandbox: place(Environment::Sandbox), production: place(Environment::Production) });
    let keys: Arc<dyn KeyStore> = Arc::clone(&agents.registry) as Arc<dyn KeyStore>;
    let budget = platform.budget.default;
    let mount = |(place, (_, program)): (usize, (Environment, &ProgramConfig))| {
        // It has no settings that could be wrong.
        let adapter = (platform.build)(&Settings::defaults(program.currency)).ok()?;
        let keyring = Keyring { bearer: Some(Bearer { keys: Arc::clone(&keys), own: None }), ..Keyring::default() };
        Some(Mount {
            program: Arc::clone(programs.iter().find(|live| live.id == program.id)?),
            platform: agents_name()?,
            principal: u16::try_from(first.checked_add(place)?).ok()?,
            adapter: adapter.into(),
            in_flight_duplicate: platform.in_flight_duplicate,
            keyring: ArcSwap::from_pointee(keyring),
            patience: Patience { budget, reserve: default_reserve(budget), start: platform.budget.start },
            metrics: metrics.mount(first.checked_add(place)?)?,
            by_environment,
        })
    };
    agent_mounts(config).enumerate().filter_map(mount).collect()
}
