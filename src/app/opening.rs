//! Opens what keeps the money and what keeps what was told: the ledger that the configuration names, and the spool. Nothing here
//! serves anybody.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{oneshot, watch};

use super::mounts::mount_names;
use crate::clock;
use crate::config::{Config, LedgerSync, PostgresConfig};
use crate::journal::{KeptRuleset, Sync};
use crate::ledger::Ledger;
use crate::ledger::embedded::{self, Embedded};
use crate::ledger::postgres::connect::Database;
use crate::ledger::postgres::{self, Patience, Postgres, SnapshotPlace};
use crate::metrics::Metrics;
use crate::operations::Desk;
use crate::reporter::{Reporter, SpoolReporter, say};
use crate::responder::{Breaker, Earlier, Program, Publications, Stage, ToldBook, Unheard};
use crate::second_place::take_second_place;
use crate::spool::{self, Bond, LedgerWas, Left, Spool, SpoolError};
use crate::start_error::StartError;
use crate::switchboard::Switchboard;
use crate::switchboard::shared::Shared;

/// A ledger that begins to open.
pub(super) struct Opened {
    pub ledger: Arc<dyn Ledger>,
    pub opening: Opening,
    /// What can be seen of it before it is ready.
    pub early: Option<Early>,
    /// Changes whenever any responder publishes a ruleset; nothing where there are no others.
    pub publications: Option<watch::Receiver<i64>>,
    /// The last record that is durable; of a database's journal nothing is told.
    pub recorded: watch::Receiver<i64>,
}

/// What can be seen of a ledger before it is ready.
pub(super) enum Early {
    Embedded(embedded::Early),
    Postgres(postgres::Early),
}

/// What tells that a ledger is open.
pub(super) enum Opening {
    Embedded(embedded::Opening),
    Postgres(postgres::Opening),
}

impl Opening {
    pub async fn until_open(self) -> Result<(), StartError> {
        match self {
            Opening::Embedded(opening) => opening.await.map_err(|_| StartError::LedgerGone)?.map_err(StartError::Journal),
            Opening::Postgres(opening) => opening.await.map_err(|_| StartError::LedgerGone)?.map_err(StartError::Database),
        }
    }
}

pub(super) fn open_ledger(config: &Config, metrics: Arc<Metrics>, patience: Patience) -> Result<Opened, StartError> {
    if let Some(shared) = &config.ledger.postgres {
        return open_shared(config, shared, metrics, patience);
    }
    let reporter = Reporter::new(metrics);
    let recorded = reporter.recorded();
    let settings = embedded::Settings {
        data: config.ledger.data.clone(),
        sync: match config.ledger.sync {
            LedgerSync::Full => Sync::Full,
            LedgerSync::None => Sync::None,
        },
        commit_records_max: config.ledger.commit_records_max,
        observer: Box::new(reporter),
    };
    let (ledger, opening) = Embedded::start(settings).map_err(StartError::Journal)?;
    let early = ledger.early().map(Early::Embedded);
    Ok(Opened { ledger: Arc::new(ledger), opening: Opening::Embedded(opening), early, publications: None, recorded })
}

pub(super) fn open_shared(
    config: &Config,
    shared: &PostgresConfig,
    metrics: Arc<Metrics>,
    patience: Patience,
) -> Result<Opened, StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    // For the command socket; the money is elsewhere.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.ledger.data)?;
    let database = Database::new(shared.connection.clone(), &shared.roots).map_err(StartError::Database)?;
    let reporter = Reporter::new(metrics);
    let recorded = reporter.recorded();
    let place = || SnapshotPlace::beside(&config.spool.path, database.whereabouts().to_string());
    let snapshot = match patience {
        Patience::Endless => Some(place()),
        // A command has no next start.
        Patience::None => None,
    };
    let (ledger, opening) = Postgres::start(postgres::Settings {
        database,
        connections_max: usize::try_from(shared.connections_max).unwrap_or(usize::MAX),
        node: shared.node.clone(),
        journal_keep_days: shared.journal_keep_days,
        patience,
        snapshot,
        observer: Arc::new(reporter),
    })?;
    let publications = Some(ledger.publications());
    // With agent spend, too: what was answered is heard again, and a question that may be under an authority is not decided before
    // its objects are read (`Led::NotYet`).
    let early = ledger.early().map(Early::Postgres);
    Ok(Opened { ledger: Arc::new(ledger), opening: Opening::Postgres(opening), early, publications, recorded })
}

/// Puts rules in force that other responders publish, and whatever is to be instead of a table that the ledger refused; for ever.
pub(super) async fn follow_rules(desk: Desk, of_others: Option<watch::Receiver<i64>>, own: Arc<Publications>) {
    let published = async {
        let Some(mut of_others) = of_others else { return std::future::pending().await };
        loop {
            if of_others.changed().await.is_err() {
                // The ledger is gone, and with it whoever publishes.
                return std::future::pending().await;
            }
            restore_rules(&desk).await;
        }
    };
    let refused = async {
        loop {
            own.refused.notified().await;
            restore_rules(&desk).await;
        }
    };
    tokio::join!(published, refused);
}

async fn restore_rules(desk: &Desk) {
    if let Err(error) = desk.restore_rules().await {
        say(&format!("rules that another responder published are not in force here: {}", StartError::Operation(error)));
    }
}

pub(super) fn spool_settings(config: &Config) -> spool::Settings {
    spool::Settings {
        path: config.spool.path.clone(),
        sync: match config.ledger.sync {
            LedgerSync::Full => spool::Sync::Full,
            LedgerSync::None => spool::Sync::None,
        },
        entries_max: config.spool.entries_max,
    }
}

/// The switches of stand-in, of all responders where there are several.
pub(super) fn switchboard_of(config: &Config) -> Result<Switchboard, StartError> {
    let shared = config.ledger.postgres.as_ref().map(|shared| Database::new(shared.connection.clone(), &shared.roots));
    let shared = shared.transpose().map_err(StartError::Database)?.map(|database| Arc::new(Shared::new(database)));
    Ok(Switchboard::new(spool_settings(config), mount_names(config)).with_shared(shared))
}

/// Has it follow what other responders switch, for ever.
pub(super) async fn follow_switches(switchboard: Arc<Switchboard>) {
    if let Some(shared) = switchboard.shared() {
        shared.follow(&switchboard, say).await;
    }
}

/// The spool, and who remembers what is in it.
pub(super) fn open_spool(
    config: &Config,
    programs: &[Arc<Program>],
    metrics: &Arc<Metrics>,
    bond: &Bond,
) -> Result<(Arc<Unheard>, Arc<Spool>), StartError> {
    let book = ToldBook::new(config.responder.told_max);
    let breaker = Arc::new(Breaker::new(config.breaker));
    let unheard = Arc::new(Unheard::new(book, mount_names(config), programs.to_vec(), breaker));
    let observer = Arc::new(SpoolReporter(Arc::clone(metrics)));
    let spool = Spool::open(spool_settings(config), observer).map_err(StartError::Spool)?;
    bond.must_be(&spool.reader().map_err(StartError::Spool)?).map_err(StartError::Spool)?;
    Ok((unheard, Arc::new(spool)))
}

/// What earlier processes told without the ledger, and were told, is remembered when this returns.
fn recall(unheard: &Unheard, left: Left) -> Result<Earlier, SpoolError> {
    let mut earlier = Earlier::default();
    left.recall(|entry, at, standing| unheard.remember(entry, at, standing, &mut earlier)).map(|()| earlier)
}

/// Which spool the data directory had, before anything is opened.
pub(super) fn bond_of(config: &Config) -> Result<Bond, StartError> {
    let (data, is_shared) = (&config.ledger.data, config.ledger.postgres.is_some());
    let is_there = data.join(crate::journal::store::FILE).exists();
    let ledger = match (is_shared, is_there) {
        (true, _) => LedgerWas::Elsewhere,
        (false, true) => LedgerWas::There,
        (false, false) => LedgerWas::New,
    };
    Bond::of(data, &config.spool.path, ledger).map_err(StartError::Spool)
}

/// The desk at which rules are put in force before the ledger says which ones are. Only until then: what is known early may be older.
#[derive(Clone)]
pub(super) struct EarlyDesk(Arc<Mutex<Option<Desk>>>);

impl EarlyDesk {
    pub fn new(desk: Desk) -> Self {
        EarlyDesk(Arc::new(Mutex::new(Some(desk))))
    }

    /// From here on nobody puts anything in force early, nor has the ledger for it.
    pub fn close(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Puts rules and tables in force, unless it is too late for that.
    fn foresee(&self, kept: &[KeptRuleset]) -> Result<(), String> {
        let desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(desk) = desk.as_ref() else { return Ok(()) };
        desk.foresee_rules(kept).map_err(|error| StartError::Operation(error).to_string())
    }
}

/// What a start knows before the ledger does: what earlier processes told without it, what caps have counted, and where it can be read,
/// the rules and tables in force and memory. On a thread of its own, as a disk may hang, and whoever waits has to be answered meanwhile; so
/// has whoever tells the start to stop.
pub(super) struct Foresight {
    pub desk: EarlyDesk,
    pub unheard: Arc<Unheard>,
    /// Gone if the start is told to stop while what was left is read.
    pub spool: Weak<Spool>,
    pub left: Left,
    pub early: Option<Early>,
    pub stage: Arc<watch::Sender<Stage>>,
}

/// Tells that something of it is known, or why not.
pub(super) type Told = oneshot::Receiver<Result<(), SpoolError>>;

/// What a start has to know before it is over.
pub(super) struct Known {
    /// What earlier processes told without the ledger.
    pub recalled: Told,
    /// What caps have counted.
    pub counted: Told,
}

impl Foresight {
    pub fn begin(self) -> std::io::Result<Known> {
        let (tell_recalled, recalled) = oneshot::channel();
        let (tell, counted) = oneshot::channel();
        let look = move || {
            take_second_place();
            let Foresight { desk, unheard, spool, left, early, stage } = self;
            let earlier = match recall(&unheard, left) {
                Ok(earlier) => earlier,
                Err(error) => {
                    // Whoever waits for it may have been told to stop: here as below.
                    let _ = tell_recalled.send(Err(error));
                    return;
                }
            };
            stage.send_replace(Stage::Starting);
            let _ = tell_recalled.send(Ok(()));
            let Some(spool) = spool.upgrade() else { return };
            let count = unheard.count(&spool, earlier, clock::utc());
            let may_approve = count.is_ok();
            let _ = tell.send(count);
            let Some(early) = early.filter(|_| may_approve) else { return };
            // The spool is not kept open by who only reads it.
            let waiting = match &early {
                Early::Embedded(_) => None,
                Early::Postgres(_) => Some(spool.reader()),
            };
            drop(spool);
            if let Err(problem) = foresee(&desk, &early, &stage) {
                say(&format!("stand-in declines until the ledger is ready: {problem}"));
            }
            if let (Early::Postgres(early), Some(waiting)) = (&early, waiting) {
                let seen = |origin: &_, key: &_| early.answered(origin, key);
                if let Err(problem) = waiting.and_then(|file| unheard.was_taken_over(&file, seen)) {
                    say(&format!(
                        "what the ledger took over just before counts against its account once more until it is ready: {problem}"
                    ));
                }
            }
        };
        std::thread::Builder::new().name("foresight".to_owned()).spawn(look)?;
        Ok(Known { recalled, counted })
    }
}

fn foresee(desk: &EarlyDesk, early: &Early, stage: &watch::Sender<Stage>) -> Result<(), String> {
    let foreseen = || {
        stage.send_if_modified(|stage| {
            let starting = *stage == Stage::Starting;
            if starting {
                *stage = Stage::Foreseen;
            }
            starting
        });
    };
    match early {
        Early::Embedded(early) => {
            desk.foresee(&early.rulesets().map_err(|error| error.to_string())?)?;
            early.show(foreseen).map(drop).map_err(|error| error.to_string())
        }
        Early::Postgres(early) => {
            let Some(kept) = early.read()? else { return Ok(()) };
            desk.foresee(kept.rulesets())?;
            early.show(kept);
            foreseen();
            Ok(())
        }
    }
}
