//! Asks and writes down what was heard, callback by callback: what a platform would know after an outage. It judges nothing.
//!
//! Unlike the benchmark's loops it opens connections as they are needed, as platforms do: a question that is due never waits for
//! another one's answer.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::callbacks::Callbacks;
use crate::client::Connection;
use crate::clock::Clock;
use crate::problem::Problem;
use crate::recognition::{Recognition, Told};
use crate::schedule::Schedule;

/// After this there is no answer. Longer than any deadline.
const GIVE_UP: Duration = Duration::from_secs(10);

/// One question, and what was heard. Moments are those of the run's clock.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// Which callback.
    pub number: u64,
    /// When it was to be sent.
    pub due: Duration,
    /// When it was sent.
    pub sent: Duration,
    /// When the answer was there, or was no longer to come.
    pub ended: Duration,
    /// What was asked for, in minor units.
    pub asked_minor: i64,
    /// What was heard; nothing if there was no answer.
    pub told: Option<Told>,
}

/// One mount's questions.
pub struct Asker {
    /// What time it is; all mounts have the same.
    pub clock: Clock,
    /// The server.
    pub address: SocketAddr,
    /// The questions.
    pub callbacks: Callbacks,
    /// What answers say.
    pub recognition: Recognition,
    /// The next question's number.
    pub next: Cell<u64>,
    /// Connections that wait for a question.
    idle: RefCell<Vec<Connection>>,
    /// Grows when connections are not to be used any more: those of a server that is gone.
    generation: Cell<u64>,
    heard: RefCell<Vec<Heard>>,
    first_missing: RefCell<Option<String>>,
}

impl Asker {
    /// Asks nothing yet.
    pub fn new(clock: &Clock, address: SocketAddr, callbacks: Callbacks, first: u64) -> Result<Rc<Self>, Problem> {
        let recognition = Recognition::learn(&callbacks)?;
        Ok(Rc::new(Asker {
            clock: clock.clone(),
            address,
            callbacks,
            recognition,
            next: Cell::new(first),
            idle: RefCell::default(),
            generation: Cell::new(0),
            heard: RefCell::default(),
            first_missing: RefCell::default(),
        }))
    }

    /// Everything that was heard so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.borrow().clone()
    }

    /// Why the first missing answer was missing.
    pub fn first_missing(&self) -> Option<String> {
        self.first_missing.borrow().clone()
    }

    /// The server is gone: its connections are of no use.
    pub fn forget_connections(&self) {
        self.generation.set(self.generation.get().saturating_add(1));
        self.idle.borrow_mut().clear();
    }

    fn take_number(&self) -> u64 {
        self.next.replace(self.next.get().saturating_add(1))
    }

    /// Asks one question, and writes down what was heard.
    pub async fn ask(&self, number: u64, due: Duration) -> Heard {
        let (mut request, sent) = (Vec::new(), self.clock.elapsed());
        let asked_minor = self.callbacks.write(number, &mut request).minor();
        let told = match tokio::time::timeout(GIVE_UP, self.exchange(&request)).await {
            Ok(Ok(told)) => Some(told),
            Ok(Err(why)) => self.no_answer(why),
            Err(_) => self.no_answer(format!("no answer within {GIVE_UP:?}")),
        };
        let heard = Heard { number, due, sent, ended: self.clock.elapsed(), asked_minor, told };
        self.heard.borrow_mut().push(heard);
        heard
    }

    fn no_answer(&self, why: String) -> Option<Told> {
        self.first_missing.borrow_mut().get_or_insert(why);
        None
    }

    async fn exchange(&self, request: &[u8]) -> Result<Told, String> {
        let generation = self.generation.get();
        let idle = self.idle.borrow_mut().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(self.address).await.map_err(|error| format!("connecting to {}: {error}", self.address))?,
        };
        let (told, closes) = {
            let answer = connection.exchange(request).await.map_err(|missing| missing.to_string())?;
            (self.recognition.read(answer.status, answer.body), answer.closes)
        };
        if !closes && generation == self.generation.get() {
            self.idle.borrow_mut().push(connection);
        }
        Ok(told)
    }

    /// Keeps so many connections busy for so long; how many answers there were a second.
    pub async fn closed(self: &Rc<Self>, connections: usize, length: Duration) -> u64 {
        let (began, before) = (self.clock.elapsed(), self.heard.borrow().len());
        let until = began.saturating_add(length);
        let mut busy = JoinSet::new();
        for _ in 0..connections {
            let asker = Rc::clone(self);
            busy.spawn_local(async move {
                while asker.clock.elapsed() < until {
                    let (number, now) = (asker.take_number(), asker.clock.elapsed());
                    asker.ask(number, now).await;
                }
            });
        }
        while busy.join_next().await.is_some() {}
        let answers = u64::try_from(self.heard.borrow().len().saturating_sub(before)).unwrap_or(u64::MAX);
        crate::report::per_second(answers, self.clock.elapsed().saturating_sub(began))
    }

    /// Asks at a fixed rate, whatever comes back; returns when everything is answered or given up.
    pub async fn open(self: Rc<Self>, start: Duration, rate: NonZeroU32, count: u64) {
        let mut out = JoinSet::new();
        for after_start in Schedule::of_count(rate, count) {
            let due = start.saturating_add(after_start);
            self.clock.wait_until(due).await;
            let (asker, number) = (Rc::clone(&self), self.take_number());
            out.spawn_local(async move { asker.ask(number, due).await });
            while out.try_join_next().is_some() {}
        }
        while out.join_next().await.is_some() {}
    }
}
