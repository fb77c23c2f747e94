//! Programs, their mounts and their routes, made of what the configuration says of them.

use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use holdfast_core::stand_in::Share;
use holdfast_core::{PlatformName, ProgramId};

use crate::config::{self, Config, MountConfig, ProgramConfig, ruleset};
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::operations::{Counter, Desk};
use crate::responder::{Mount, Patience, Program, StandIn, StandInTable};
use crate::retention::{Keep, Retention};
use crate::server::{RouteEntry, RouteError, RouteTable};
use crate::start_error::StartError;

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
    all_mounts(config).filter_map(|(_, program, mount)| Some((program.id, platform_name(mount)?))).collect()
}

pub(super) fn routes(config: &Config) -> Result<RouteTable, Vec<RouteError>> {
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

pub(super) fn programs(
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
            stand_in: stand_in(program, share(config), config.responder.told_max)?,
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

pub(super) fn mounts(config: &Config, programs: &[Arc<Program>], metrics: &Metrics) -> Vec<Mount> {
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
