//! The couriers' thread: one for all endpoints, with less right to the processor than those who answer.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};

use super::beside::{Beside, Records};
use super::courier::{Courier, Ended};
use super::feed::Subscription;
use super::outbox::Outbox;
use super::post::{Address, Post};
use super::shared::{self, Shared};
use super::signal::Signal;
use super::store::Store;
use crate::agent::registry::Programs;
use crate::app::runtime;
use crate::journal::Tail;
use crate::ledger::postgres::connect::Database;
use crate::metrics::Metrics;
use crate::remnant::Reader;
use crate::second_place::take_second_place;
use crate::spool::told_to_stop;

/// How often it is looked whether it is this responder's turn.
const TURN_EVERY: Duration = Duration::from_secs(1);

/// One endpoint, as it is configured.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// What it wants.
    pub subscription: Subscription,
    /// Where it is.
    pub address: Address,
    /// How many events are sent to it at once.
    pub in_flight_max: usize,
}

/// Where the journal is.
#[derive(Clone)]
pub enum Told {
    /// In the data directory's file.
    Here,
    /// In the shared ledger's database.
    Shared {
        /// The database.
        database: Box<Database>,
        /// What people call this responder.
        node: String,
    },
}

/// What the couriers need.
pub struct Setup {
    /// The data directory; a journal that is there is open.
    pub directory: PathBuf,
    /// Where the journal is.
    pub told: Told,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// The last record that is durable.
    pub recorded: watch::Receiver<i64>,
    /// What is told and is no record.
    pub signals: mpsc::UnboundedReceiver<Signal>,
    /// Which program decides where, if there is agent spend: people's reviews of intents are told, too.
    pub spend: Option<Programs>,
    /// Opens what callers wrote, for bodies that have it.
    pub reader: Reader,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Tells an operator.
    pub say: fn(&str),
}

/// The thread, running.
pub struct Webhooks {
    stop: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Webhooks {
    /// Starts it. An endpoint that was never told anything is told whatever becomes durable from now on.
    ///
    /// # Errors
    /// The outbox cannot be used, the journal cannot be read, or the operating system refuses.
    pub async fn start(setup: Setup) -> Result<Self, String> {
        enter(&setup).await?;
        let runtime = runtime().map_err(|error| error.to_string())?;
        let (stop, stopped) = watch::channel(());
        let run = move || {
            take_second_place();
            let say = setup.say;
            if let Err(problem) = runtime.block_on(run(setup, stopped)) {
                say(&format!("no webhook is sent until the next start: {problem}"));
            }
        };
        let thread = std::thread::Builder::new().name("webhooks".to_owned()).spawn(run);
        let thread = thread.map_err(|error| error.to_string())?;
        Ok(Webhooks { stop, thread })
    }

    /// Waits for what is being sent, for a while. Blocks.
    pub fn stop(self) {
        let Webhooks { stop, thread } = self;
        drop(stop);
        // A thread that panicked has nothing left to send.
        let _ = thread.join();
    }
}

/// Notes where endpoints begin that are new.
async fn enter(setup: &Setup) -> Result<(), String> {
    let outbox = Outbox::open(&setup.directory).map_err(|error| error.to_string())?;
    let next = match &setup.told {
        Told::Here => {
            let journal = Tail::open(&setup.directory).map_err(|error| error.to_string())?;
            outbox.begin_waits(&journal).map_err(|error| error.to_string())?;
            journal.end().map_err(|error| error.to_string())?.next
        }
        Told::Shared { database, .. } => {
            let names: Vec<_> = setup.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect();
            if let Err(trouble) = shared::enter(database, &names).await {
                (setup.say)(&format!("webhooks wait for the database: {trouble}"));
            }
            1
        }
    };
    for endpoint in &setup.endpoints {
        outbox.enter(&endpoint.name, next).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What all couriers hear of.
#[derive(Clone)]
struct Heard {
    recorded: watch::Receiver<i64>,
    signalled: watch::Receiver<i64>,
    stop: watch::Receiver<()>,
}

async fn run(setup: Setup, stop: watch::Receiver<()>) -> Result<(), String> {
    let Setup { directory, told, endpoints, recorded, signals, spend, reader, metrics, say } = setup;
    let outbox = Rc::new(Outbox::open(&directory).map_err(|error| error.to_string())?);
    let (signalled, signals_seen) = watch::channel(0);
    let heard = Heard { recorded, signalled: signals_seen, stop: stop.clone() };
    let (records, desk, reviewed, node) = match &told {
        Told::Here => (Records::Of(directory), None, spend, None),
        // What people review is in the database, too.
        Told::Shared { database, node } => {
            let desk = shared::Desk::new(database, spend).map_err(|trouble| trouble.to_string())?;
            (Records::Elsewhere, Some(desk), None, Some(node.as_str()))
        }
    };
    let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
    for endpoint in endpoints {
        let post = Rc::new(Post::new(endpoint.address.clone())?);
        let (of_files, of_database) = metrics.endpoint(&endpoint.name);
        let courier = |store, metrics| Courier {
            name: endpoint.name.clone(),
            subscription: endpoint.subscription.clone(),
            post: Rc::clone(&post),
            in_flight_max: endpoint.in_flight_max,
            store,
            reader: reader.clone(),
            metrics,
            say,
        };
        let (name, outbox) = (endpoint.name.clone(), Rc::clone(&outbox));
        let beside = Store::Beside(Beside { endpoint: name.clone(), outbox, records: records.clone(), feed: None });
        here.push(tell(courier(beside, of_files), heard.clone()));
        if let Some(desk) = &desk {
            let shared = Store::Shared(Shared::new(desk.clone(), name));
            elsewhere.push(tell_by_turns(courier(shared, of_database), heard.clone()));
        }
    }
    let keeping = keep_signals((&outbox, node), (signals, reviewed), &signalled, stop, say);
    tokio::join!(join_all(here), join_all(elsewhere), keeping);
    Ok(())
}

/// Tells an endpoint from this responder's files. A file that cannot be read when it begins is not told from before the next start.
async fn tell(mut courier: Courier, Heard { recorded, signalled, stop }: Heard) {
    courier.run(recorded, signalled, stop).await;
}

/// Tells an endpoint from the database, as long as it is this responder's turn; anew after whatever went wrong.
async fn tell_by_turns(mut courier: Courier, Heard { recorded, signalled, stop }: Heard) {
    loop {
        let ours = match &mut courier.store {
            Store::Shared(shared) => shared.lease().await.unwrap_or(false),
            Store::Beside(_) => return,
        };
        if ours {
            let ended = courier.run(recorded.clone(), signalled.clone(), stop.clone()).await;
            courier.metrics.is_told_elsewhere();
            if ended == Ended::Stopped {
                if let Store::Shared(shared) = &courier.store {
                    shared.leave().await;
                }
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(TURN_EVERY) => {}
            () = told_to_stop(stop.clone()) => return,
        }
    }
}

/// Keeps what is left until the server stops. What an earlier process told to be in stand-in stands until this one knows better.
async fn keep_signals(
    (outbox, node): (&Outbox, Option<&str>),
    (mut signals, spend): (mpsc::UnboundedReceiver<Signal>, Option<Programs>),
    signalled: &watch::Sender<i64>,
    stop: watch::Receiver<()>,
    say: fn(&str),
) {
    let keep = |signal: &Signal| {
        let kept = match (signal, &spend) {
            (Signal::Entered { .. } | Signal::Left { .. }, _) => outbox.keep(signal, node),
            (Signal::Reviewed, Some(programs)) => outbox.follow_reviews(programs),
            (Signal::Reviewed, None) => Ok(()),
        };
        if let Err(error) = kept {
            say(&format!("stand-in, or a review, cannot be told to webhooks: {error}"));
        }
        signalled.send_modify(|kept| *kept = kept.saturating_add(1));
    };
    // What was reviewed just before an earlier process ended.
    keep(&Signal::Reviewed);
    loop {
        tokio::select! {
            signal = signals.recv() => match signal {
                Some(signal) => keep(&signal),
                None => return,
            },
            () = told_to_stop(stop.clone()) => return,
        }
    }
}
