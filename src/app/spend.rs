//! Agent spend as the configuration asks for it: its store opened, its objects in memory, its desk.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::agent::Environment;
use holdfast_core::{Currency, ProgramId};
use tokio::time::sleep;

use super::mounts::mount_names;
use super::runtime;
use crate::agent::door::House;
use crate::agent::door::insight::{Insights, JournalAt};
use crate::agent::lead::Agents;
use crate::agent::mirror::{Currencies, LimitsOfProgram, Mirror};
use crate::agent::office::Office;
use crate::agent::post::Post;
use crate::agent::seal::Sealer;
use crate::agent::store::postgres::PostgresStore;
use crate::agent::store::sqlite::SqliteStore;
use crate::agent::store::{Kind, List, Shared, StoreError};
use crate::clock;
use crate::config::agents::import::AgentsImport;
use crate::config::{AgentsConfig, Config};
use crate::ledger::Ledger;
use crate::ledger::postgres::Patience;
use crate::ledger::postgres::connect::Database;
use crate::reporter::say;
use crate::responder::Program;
use crate::start_error::StartError;
use crate::webhook::Signals;

/// What a store's key is known by is sealed for this place.
const SEAL_PLACE: &str = "seal";

/// How long after a failure a database is asked again for what it keeps.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Opens agent spend, if it is configured. On the embedded ledger everything that is in force is in memory when this returns: no callback
/// is answered without the policies of its card. What a database keeps is there when [`until_filled`] is over, before which stand-in
/// decides nothing afresh and declines.
///
/// # Errors
/// The store cannot be opened, or was made with another key.
pub(super) fn open(
    config: &Config,
    (programs, ledger): (&[Arc<Program>], &Arc<dyn Ledger>),
    known: Option<&Arc<Agents>>,
    signals: Option<Signals>,
) -> Result<Option<Arc<House>>, StartError> {
    let (Some(agents), Some(known)) = (&config.agents, known) else { return Ok(None) };
    let sealer = Sealer::new(&agents.key, &agents.old_keys).ok_or_else(|| wrong("agents.key cannot be used"))?;
    let sealer = Arc::new(sealer);
    let (registry, limits) = (Arc::clone(&known.registry), limits(programs, agents));
    let mirror = Arc::new(Mirror::new(registry, Arc::clone(&sealer), currencies(config, agents), limits, say));
    let store = store(config, &mirror)?;
    let post = agents.smtp.as_ref().map(|smtp| Post::new(smtp, say)).transpose().map_err(|problem| wrong(&problem))?;
    let office = Office { store, mirror, sealer, post, invitation_link: agents.invitation_link.clone() };
    let house = House {
        office,
        mounts: mount_names(config),
        programs: programs.to_vec(),
        insights: insights(config)?,
        agents: Arc::clone(known),
        ledger: Arc::clone(ledger),
        signals,
        turns: crate::agent::door::Turns::default(),
    };
    if config.ledger.postgres.is_none() {
        // On a thread of its own: the caller may be within a runtime, which cannot be waited for from inside.
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| runtime()?.block_on(fill(&house, agents)).map_err(StartError::from));
            opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
    }
    Ok(Some(Arc::new(house)))
}

fn store(config: &Config, mirror: &Arc<Mirror>) -> Result<Shared, StartError> {
    let follow = Arc::<Mirror>::clone(mirror);
    let Some(shared) = &config.ledger.postgres else {
        return Ok(Arc::new(SqliteStore::open(&config.ledger.data, follow, say).map_err(of_store)?));
    };
    let database = Database::new(shared.connection.clone(), &shared.roots).map_err(StartError::Database)?;
    Ok(Arc::new(PostgresStore::start(database, follow, say).map_err(of_store)?))
}

/// Waits until everything that a database keeps is in memory.
///
/// # Errors
/// It was made with another key, or what it is to start with is wrong; where there is no patience, the database.
pub(super) async fn until_filled(config: &Config, house: Option<&Arc<House>>, patience: Patience) -> Result<(), StartError> {
    let (Some(agents), Some(house)) = (&config.agents, house) else { return Ok(()) };
    if house.is_filled() {
        return Ok(());
    }
    let mut said = false;
    loop {
        match fill(house, agents).await {
            Err(NotFilled::NotNow(StoreError(problem))) if patience == Patience::Endless => {
                if !std::mem::replace(&mut said, true) {
                    say(&format!("agent spend waits: {problem}"));
                }
                sleep(AGAIN_AFTER).await;
            }
            filled => return filled.map_err(StartError::from),
        }
    }
}

/// Why a house is not filled.
enum NotFilled {
    /// The store does not answer.
    NotNow(StoreError),
    /// Something is wrong that stays wrong.
    Never(StartError),
}

impl From<NotFilled> for StartError {
    fn from(why: NotFilled) -> Self {
        match why {
            NotFilled::NotNow(error) => of_store(error),
            NotFilled::Never(error) => error,
        }
    }
}

impl From<std::io::Error> for NotFilled {
    fn from(error: std::io::Error) -> Self {
        NotFilled::Never(error.into())
    }
}

async fn fill(house: &House, agents: &AgentsConfig) -> Result<(), NotFilled> {
    let office = &house.office;
    let never = |problem: &str| NotFilled::Never(wrong(problem));
    let known_by = office.sealer.seal(SEAL_PLACE, b"").map_err(|problem| never(&problem.to_string()))?;
    let kept = office.store.seal_of(known_by).await.map_err(NotFilled::NotNow)?;
    if office.sealer.open(SEAL_PLACE, &kept).is_err() {
        return Err(never(
            "neither agents.key nor one of agents.old_keys is the key that the store of agent spend was made with: nothing in it could be read",
        ));
    }
    office.take_names_out().await.map_err(NotFilled::NotNow)?;
    let mut place = restored(office).await?;
    if let Some(path) = &agents.import
        && is_empty(office).await?
    {
        let import = AgentsImport::read(path, agents.reach, &|name| std::env::var(name).ok());
        let import = import.map_err(|errors| NotFilled::Never(StartError::Config(errors)))?;
        if let Err(problem) = office.enter(&import, clock::utc()).await {
            // Of several responders on an empty database one enters it, and the others find it done.
            place = restored(office).await?;
            if is_empty(office).await? {
                return Err(never(&format!("{}: {}", path.display(), problem.lines().join("; "))));
            }
        }
    }
    office.store.follow_from(place);
    house.become_filled();
    Ok(())
}

/// Whether nobody was ever entered.
async fn is_empty(office: &Office) -> Result<bool, NotFilled> {
    let found = office.store.list(List::of(Kind::Organization, 1)).await;
    found.map(|found| found.is_empty()).map_err(NotFilled::NotNow)
}

/// Everything that the store has, in memory; what comes later lies behind the place.
async fn restored(office: &Office) -> Result<i64, NotFilled> {
    let place = office.store.place().await.map_err(NotFilled::NotNow)?;
    office.mirror.restore(&office.store).await.map_err(NotFilled::NotNow)?;
    Ok(place)
}

fn currencies(config: &Config, agents: &AgentsConfig) -> Currencies {
    let of = |id: Option<ProgramId>| -> Option<Currency> {
        let program = config.programs.iter().find(|program| Some(program.id) == id);
        program.map(|program| program.currency)
    };
    Currencies { sandbox: of(agents.sandbox), production: of(agents.production) }
}

/// How many limits the rules of an environment's program have in force, whenever that is asked.
fn limits(programs: &[Arc<Program>], agents: &AgentsConfig) -> LimitsOfProgram {
    let of = |id: Option<ProgramId>| programs.iter().find(|program| Some(program.id) == id).cloned();
    let (sandbox, production) = (of(agents.sandbox), of(agents.production));
    Box::new(move |environment| {
        let program = match environment {
            Environment::Sandbox => &sandbox,
            Environment::Production => &production,
        };
        program.as_ref().map_or(0, |program| program.rules.load().limits().len())
    })
}

/// The embedded ledger's journal is a file, which can be followed.
fn insights(config: &Config) -> Result<Insights, StartError> {
    let data = &config.ledger.data;
    let journal = match &config.ledger.postgres {
        None => JournalAt::File(data.clone()),
        Some(shared) => {
            let database = Database::new(shared.connection.clone(), &shared.roots).map_err(StartError::Database)?;
            JournalAt::Database(Box::new(database))
        }
    };
    Insights::open(data, journal).map_err(|error| wrong(&error.to_string()))
}

fn wrong(problem: &str) -> StartError {
    StartError::Spend(problem.to_owned())
}

fn of_store(StoreError(problem): StoreError) -> StartError {
    StartError::Spend(problem)
}
