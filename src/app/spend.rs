//! Agent spend as the configuration asks for it: its store opened, its objects in memory, its desk.

use std::sync::Arc;

use holdfast_core::{Currency, ProgramId};

use super::mounts::mount_names;
use super::runtime;
use crate::agent::door::House;
use crate::agent::door::insight::Insights;
use crate::agent::lead::Agents;
use crate::agent::mirror::{Currencies, Mirror};
use crate::agent::office::Office;
use crate::agent::post::Post;
use crate::agent::seal::Sealer;
use crate::agent::store::sqlite::SqliteStore;
use crate::agent::store::{Shared, StoreError};
use crate::api::problem::Problem;
use crate::clock;
use crate::config::agents::import::AgentsImport;
use crate::config::{AgentsConfig, Config};
use crate::ledger::Ledger;
use crate::reporter::say;
use crate::responder::Program;
use crate::start_error::StartError;

/// What a store's key is known by is sealed for this place.
const SEAL_PLACE: &str = "seal";

/// Opens agent spend, if it is configured. Everything that is in force is in memory when this returns: no callback is answered without
/// the policies of its card.
///
/// # Errors
/// The store cannot be opened, or was made with another key.
pub(super) fn open(
    config: &Config,
    programs: &[Arc<Program>],
    ledger: &Arc<dyn Ledger>,
    known: Option<&Agents>,
) -> Result<Option<Arc<House>>, StartError> {
    let (Some(agents), Some(known)) = (&config.agents, known) else { return Ok(None) };
    let sealer = Sealer::new(&agents.key).ok_or_else(|| wrong("agents.key cannot be used"))?;
    let sealer = Arc::new(sealer);
    let mirror = Arc::new(Mirror::new(Arc::clone(&known.registry), Arc::clone(&sealer), currencies(config, agents), say));
    let store: Shared = Arc::new(SqliteStore::open(&config.ledger.data, Arc::<Mirror>::clone(&mirror), say).map_err(of_store)?);
    let post = agents.smtp.as_ref().map(|smtp| Post::new(smtp, say)).transpose().map_err(|problem| wrong(&problem))?;
    let office = Office { store, mirror, sealer, post, invitation_link: agents.invitation_link.clone() };
    let house = House {
        office,
        mounts: mount_names(config),
        programs: programs.to_vec(),
        insights: insights(config)?,
        ledger: Arc::clone(ledger),
    };
    // On a thread of its own: the caller may be within a runtime, which cannot be waited for from inside.
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| runtime()?.block_on(fill(&house.office, agents)));
        opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    Ok(Some(Arc::new(house)))
}

async fn fill(office: &Office, agents: &AgentsConfig) -> Result<(), StartError> {
    let known_by = office.sealer.seal(SEAL_PLACE, b"").map_err(|problem| wrong(&problem.to_string()))?;
    let kept = office.store.seal_of(known_by).await.map_err(of_store)?;
    if office.sealer.open(SEAL_PLACE, &kept).is_err() {
        return Err(wrong("agents.key is not the key that the store of agent spend was made with: nothing in it could be read"));
    }
    office.mirror.restore(&office.store).await.map_err(of_store)?;
    let Some(path) = &agents.import else { return Ok(()) };
    let of_problem = |problem: Problem| wrong(&format!("{}: {}", path.display(), problem.lines().join("; ")));
    if !office.is_empty().await.map_err(of_problem)? {
        return Ok(());
    }
    let import = AgentsImport::read(path, agents.reach, &|name| std::env::var(name).ok()).map_err(StartError::Config)?;
    office.enter(&import, clock::utc()).await.map_err(of_problem)
}

fn currencies(config: &Config, agents: &AgentsConfig) -> Currencies {
    let of = |id: Option<ProgramId>| -> Option<Currency> {
        let program = config.programs.iter().find(|program| Some(program.id) == id);
        program.map(|program| program.currency)
    };
    Currencies { sandbox: of(agents.sandbox), production: of(agents.production) }
}

/// The embedded ledger's journal is a file, which can be followed.
fn insights(config: &Config) -> Result<Option<Insights>, StartError> {
    if config.ledger.postgres.is_some() {
        return Ok(None);
    }
    Insights::open(config.ledger.data.clone()).map(Some).map_err(|error| wrong(&error.to_string()))
}

fn wrong(problem: &str) -> StartError {
    StartError::Spend(problem.to_owned())
}

fn of_store(StoreError(problem): StoreError) -> StartError {
    StartError::Spend(problem)
}
