//! Drives load over a fixed number of connections and counts what comes back. No platform and no printing here.
//!
//! [`open`] keeps a fixed arrival rate: each request is due at its intended time whether or not the server keeps up, and its
//! latency counts from then, so that a stall is seen by every request that it delays (no coordinated omission). [`closed`]
//! sends the next request when the last one is answered: it finds the capacity, and its latencies say little.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::callbacks::Callbacks;
use crate::client::Connection;
use crate::clock::Clock;
use crate::problem::Problem;
use crate::recognition::{Recognition, Told};
use crate::schedule::Schedule;

/// The longest latency that is told apart from longer ones.
const LATENCY_NANOS_MAX: u64 = 600_000_000_000;

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// An answer after this is late.
    pub deadline: Duration,
    /// After this it is missing, and its connection is given up. Counts from the sending, not from the intended time.
    pub give_up: Duration,
}

/// What a run loads, and with what. Request numbers go on from run to run, so that no key comes twice.
pub struct Load {
    /// What time it is.
    pub clock: Clock,
    /// The server.
    pub address: SocketAddr,
    /// The requests.
    pub callbacks: Callbacks,
    /// What the answers say.
    pub recognition: Recognition,
    /// How long they are waited for.
    pub patience: Patience,
    /// How many connections there are.
    pub connections: NonZeroUsize,
    /// The number of the next request.
    pub next: Cell<u64>,
    /// Set by whoever wants runs to end early; requests that are out are still waited for.
    pub stopping: Cell<bool>,
}

/// What came back in one run. Latencies are in nanoseconds.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Requests whose time came.
    pub due: u64,
    /// Answers that say yes.
    pub approved: u64,
    /// How much those requests asked for, in minor units of the mix's currency.
    pub approved_minor: i64,
    /// Answers that say no.
    pub declined: u64,
    /// Answers that say neither.
    pub refused: u64,
    /// Requests without an answer: not connected, cut off, given up.
    pub missing: u64,
    /// Answers of whatever kind that came after the deadline.
    pub late: u64,
    /// From the intended time (open) or the sending (closed) to the last byte of the answer; missing answers are not in it.
    pub latency: Histogram<u64>,
    /// The longest time between two answers, from the start of the run on.
    pub longest_gap: Duration,
    /// From the start of the run to its last answer.
    pub took: Duration,
    /// Why the first missing answer is missing.
    pub first_missing: Option<String>,
}

impl Tally {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// Never, as the histogram's bounds are constants; but the library cannot know.
    pub fn new() -> Result<Self, Problem> {
        let latency = Histogram::new_with_bounds(1, LATENCY_NANOS_MAX, 3).map_err(Problem::doing("making a histogram"))?;
        Ok(Tally {
            due: 0,
            approved: 0,
            approved_minor: 0,
            declined: 0,
            refused: 0,
            missing: 0,
            late: 0,
            latency,
            longest_gap: Duration::ZERO,
            took: Duration::ZERO,
            first_missing: None,
        })
    }

    /// Answers of whatever kind.
    pub const fn answered(&self) -> u64 {
        self.approved.saturating_add(self.declined).saturating_add(self.refused)
    }

    fn count_missing(&mut self, why: impl FnOnce() -> String) {
        self.missing = self.missing.saturating_add(1);
        self.first_missing.get_or_insert_with(why);
    }

    fn count_answer(&mut self, told: Told, asked_minor: i64, latency: Duration, deadline: Duration) {
        match told {
            Told::Approved => {
                self.approved = self.approved.saturating_add(1);
                self.approved_minor = self.approved_minor.saturating_add(asked_minor);
            }
            Told::Declined => self.declined = self.declined.saturating_add(1),
            Told::Refused => self.refused = self.refused.saturating_add(1),
        }
        self.late = self.late.saturating_add(u64::from(latency > deadline));
        self.latency.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// One run under way. Its tally can be read meanwhile, for a progress bar.
pub struct Run {
    load: Rc<Load>,
    start: Duration,
    tally: RefCell<Tally>,
    /// When the last answer came; the start, before the first one.
    answered_at: Cell<Duration>,
}

/// Whether a connection is of further use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchange {
    Answered,
    Missing,
    NotConnected,
}

impl Run {
    /// A run of a load that starts now.
    ///
    /// # Errors
    /// As [`Tally::new`].
    pub fn start(load: &Rc<Load>) -> Result<Rc<Self>, Problem> {
        let (start, tally) = (load.clock.elapsed(), RefCell::new(Tally::new()?));
        Ok(Rc::new(Run { load: Rc::clone(load), start, tally, answered_at: Cell::new(start) }))
    }

    /// A look at what has been counted so far: due, missing, late.
    pub fn so_far(&self) -> (u64, u64, u64) {
        let tally = self.tally.borrow();
        (tally.due, tally.missing, tally.late)
    }

    /// How long it has been running.
    pub fn elapsed(&self) -> Duration {
        self.load.clock.elapsed().saturating_sub(self.start)
    }

    /// Sends the next request, which is due since `due` on the load's clock, and counts what comes back.
    async fn exchange(&self, connection: &mut Option<Connection>, request: &mut Vec<u8>, due: Duration) -> Exchange {
        let load = &*self.load;
        let number = load.next.replace(load.next.get().saturating_add(1));
        {
            let mut tally = self.tally.borrow_mut();
            tally.due = tally.due.saturating_add(1);
        }
        let open = match connection.as_mut() {
            Some(open) => open,
            None => match Connection::open(load.address).await {
                Ok(opened) => connection.insert(opened),
                Err(error) => {
                    self.tally.borrow_mut().count_missing(|| format!("connecting to {}: {error}", load.address));
                    return Exchange::NotConnected;
                }
            },
        };
        let asked = load.callbacks.write(number, request);
        let closes = match tokio::time::timeout(load.patience.give_up, open.exchange(request)).await {
            Ok(Ok(answer)) => {
                let now = load.clock.elapsed();
                let told = load.recognition.read(answer.status, answer.body);
                let gap = now.saturating_sub(self.answered_at.replace(now));
                let mut tally = self.tally.borrow_mut();
                tally.longest_gap = tally.longest_gap.max(gap);
                tally.count_answer(told, asked.minor(), now.saturating_sub(due), load.patience.deadline);
                answer.closes
            }
            Ok(Err(missing)) => {
                self.tally.borrow_mut().count_missing(|| missing.to_string());
                *connection = None;
                return Exchange::Missing;
            }
            Err(_) => {
                self.tally.borrow_mut().count_missing(|| format!("no answer within {:?}", load.patience.give_up));
                *connection = None;
                return Exchange::Missing;
            }
        };
        if closes {
            *connection = None;
        }
        Exchange::Answered
    }

    /// One connection of an open loop. Whoever holds the schedule waits for the next due time; the others wait for an answer
    /// or for their turn, so a request that is due never waits for another one's answer while a connection is free.
    async fn serve_schedule(self: Rc<Self>, schedule: Rc<Mutex<Schedule>>) {
        let (mut connection, mut request) = (None, Vec::new());
        loop {
            let due = {
                let mut schedule = schedule.lock().await;
                let Some(after_start) = schedule.next() else { break };
                let due = self.start.saturating_add(after_start);
                self.load.clock.wait_until(due).await;
                due
            };
            if self.load.stopping.get() {
                break;
            }
            self.exchange(&mut connection, &mut request, due).await;
        }
    }

    /// One connection of a closed loop. It ends early when the server takes no connection any more.
    async fn repeat(self: Rc<Self>, until: Duration) {
        let (mut connection, mut request) = (None, Vec::new());
        loop {
            let now = self.load.clock.elapsed();
            if now >= until || self.load.stopping.get() {
                break;
            }
            match self.exchange(&mut connection, &mut request, now).await {
                Exchange::Answered | Exchange::Missing => {}
                Exchange::NotConnected => break,
            }
        }
    }

    fn finish(&self) -> Tally {
        let mut tally = self.tally.borrow().clone();
        tally.took = self.elapsed();
        tally
    }
}

/// Runs a schedule over the load's connections. Must be polled inside a [`LocalSet`](tokio::task::LocalSet).
pub async fn open(run: &Rc<Run>, schedule: Schedule) -> Tally {
    let schedule = Rc::new(Mutex::new(schedule));
    let mut connections = JoinSet::new();
    for _ in 0..run.load.connections.get() {
        connections.spawn_local(Rc::clone(run).serve_schedule(Rc::clone(&schedule)));
    }
    while connections.join_next().await.is_some() {}
    run.finish()
}

/// Keeps every connection of the load busy for so long. Must be polled inside a [`LocalSet`](tokio::task::LocalSet).
pub async fn closed(run: &Rc<Run>, length: Duration) -> Tally {
    let until = run.start.saturating_add(length);
    let mut connections = JoinSet::new();
    for _ in 0..run.load.connections.get() {
        connections.spawn_local(Rc::clone(run).repeat(until));
    }
    while connections.join_next().await.is_some() {}
    run.finish()
}

/// Sends one request on a connection of its own.
pub async fn once(run: &Rc<Run>) -> Tally {
    run.exchange(&mut None, &mut Vec::new(), run.load.clock.elapsed()).await;
    run.finish()
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
