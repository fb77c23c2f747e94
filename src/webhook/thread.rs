//! The couriers' thread: one for all endpoints, with less right to the processor than those who answer.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};

use super::courier::Courier;
use super::feed::{Feed, Subscription};
use super::outbox::Outbox;
use super::post::{Address, Post};
use super::signal::Signal;
use crate::agent::registry::Programs;
use crate::app::runtime;
use crate::clock;
use crate::journal::Tail;
use crate::ledger::embedded::projection::take_second_place;
use crate::metrics::Metrics;
use crate::seal::Sealer;
use crate::spool::told_to_stop;

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

/// What the couriers need.
pub struct Setup {
    /// The data directory; the journal is open.
    pub directory: PathBuf,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// The last record that is durable.
    pub recorded: watch::Receiver<i64>,
    /// What is told and is no record.
    pub signals: mpsc::UnboundedReceiver<Signal>,
    /// Which program decides where, if there is agent spend: people's reviews of intents are told, too.
    pub spend: Option<Programs>,
    /// Opens what callers wrote, for bodies that have it.
    pub sealer: Sealer,
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
    pub fn start(setup: Setup) -> Result<Self, String> {
        enter(&setup)?;
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
fn enter(setup: &Setup) -> Result<(), String> {
    let outbox = Outbox::open(&setup.directory).map_err(|error| error.to_string())?;
    let end = Tail::open(&setup.directory).and_then(|journal| journal.end()).map_err(|error| error.to_string())?;
    for endpoint in &setup.endpoints {
        outbox.enter(&endpoint.name, end.next).map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn run(setup: Setup, stop: watch::Receiver<()>) -> Result<(), String> {
    let Setup { directory, endpoints, recorded, signals, spend, sealer, metrics, say } = setup;
    let outbox = Rc::new(Outbox::open(&directory).map_err(|error| error.to_string())?);
    let (signalled, signals_seen) = watch::channel(0);
    let couriers = endpoints.into_iter().map(|endpoint| courier(endpoint, &directory, &outbox, (&metrics, &sealer), say));
    let couriers = couriers.collect::<Result<Vec<_>, String>>()?;
    let couriers =
        join_all(couriers.into_iter().map(|courier| courier.run(recorded.clone(), signals_seen.clone(), stop.clone())));
    tokio::join!(couriers, keep_signals(&outbox, (signals, spend), &signalled, stop.clone(), say));
    Ok(())
}

fn courier(
    endpoint: Endpoint,
    directory: &Path,
    outbox: &Rc<Outbox>,
    (metrics, sealer): (&Metrics, &Sealer),
    say: fn(&str),
) -> Result<Courier, String> {
    let Endpoint { name, subscription, address, in_flight_max } = endpoint;
    let cursor = outbox.enter(&name, 1).map_err(|error| error.to_string())?;
    let feed = Feed::open(directory, cursor.next).map_err(|error| error.to_string())?;
    let post = Rc::new(Post::new(address)?);
    let (metrics, sealer) = (metrics.endpoint(&name), sealer.clone());
    Ok(Courier { name, subscription, post, in_flight_max, outbox: Rc::clone(outbox), feed, sealer, cursor, metrics, say })
}

/// Keeps what is left until the server stops. What an earlier process told to be in stand-in is not any more.
async fn keep_signals(
    outbox: &Outbox,
    (mut signals, spend): (mpsc::UnboundedReceiver<Signal>, Option<Programs>),
    signalled: &watch::Sender<i64>,
    stop: watch::Receiver<()>,
    say: fn(&str),
) {
    let keep = |signal: &Signal| {
        let kept = match (signal, &spend) {
            (Signal::Entered { .. } | Signal::Left { .. }, _) => outbox.keep(signal),
            (Signal::Reviewed, Some(programs)) => outbox.follow_reviews(programs),
            (Signal::Reviewed, None) => Ok(()),
        };
        if let Err(error) = kept {
            say(&format!("stand-in, or a review, cannot be told to webhooks: {error}"));
        }
        signalled.send_modify(|kept| *kept = kept.saturating_add(1));
    };
    for program in outbox.standing().unwrap_or_default() {
        keep(&Signal::Left { program, at: clock::utc(), exposure_minor: 0 });
    }
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
