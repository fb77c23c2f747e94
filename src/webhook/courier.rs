//! One endpoint's courier: reads what it is to be told, sends it, and writes down what was not taken. At least once, in order for
//! each payment. Decides nothing about money, and holds nobody up but itself.

use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use holdfast_core::Timestamp;
use tokio::sync::watch;
use tokio::time::timeout;

use super::circuit::{Circuit, Passage};
use super::feed::Subscription;
use super::letter::{Cursor, Letter, Replay, Source};
use super::post::{Post, Refused};
use super::store::{AfterTrouble, Store, Trouble};
use super::window::{Item, Window};
use crate::clock;
use crate::metrics::EndpointMetrics;
use crate::remnant::Reader;
use crate::spool::told_to_stop;

/// As many events are read ahead.
const QUEUED_MAX: usize = 512;

/// How long an endpoint's place may lag behind what it was told: so much may be told twice after a crash.
const PLACE_EVERY: Duration = Duration::from_secs(1);

/// How long a disk that says no is left alone.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How long a stop waits for what is being sent.
const LAST_ONES_MAX: Duration = Duration::from_secs(3);

/// The courier of one endpoint.
pub struct Courier {
    /// The endpoint's name.
    pub name: String,
    /// What it wants.
    pub subscription: Subscription,
    /// The way to it.
    pub post: Rc<Post>,
    /// How many events are sent at once.
    pub in_flight_max: usize,
    /// Where its events come from, and where its place and its letters are.
    pub store: Store,
    /// Opens what callers wrote, for bodies that have it.
    pub reader: Reader,
    /// What is counted.
    pub metrics: EndpointMetrics,
    /// Tells an operator.
    pub say: fn(&str),
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// It has to begin anew.
    Anew,
}

/// What changes while it runs.
struct Round {
    /// How far the endpoint was told, as it is kept.
    cursor: Cursor,
    /// From where on it is read.
    next: i64,
    window: Window,
    circuit: Circuit,
    /// Events that are being sent.
    out: usize,
    /// When it is looked for letters again.
    look_at: Timestamp,
    /// The outbox's version at the last look.
    version: i64,
    /// When the endpoint's place was written.
    placed_at: Timestamp,
    /// While a disk says no: when it is asked again.
    ask_again: Option<Timestamp>,
}

impl Courier {
    /// Tells the endpoint what becomes durable, until it is told to stop or has to begin anew. `recorded` is the last record that is
    /// durable, of a journal's file.
    pub async fn run(
        &mut self,
        mut recorded: watch::Receiver<i64>,
        mut signalled: watch::Receiver<i64>,
        stop: watch::Receiver<()>,
    ) -> Ended {
        let mut round = match self.begin().await {
            Ok(round) => round,
            Err(trouble) => {
                (self.say)(&format!("webhook {}: nothing is sent: {trouble}", self.name));
                return Ended::Anew;
            }
        };
        let mut sending = FuturesUnordered::new();
        loop {
            let now = clock::utc();
            let last = *recorded.borrow_and_update();
            signalled.borrow_and_update();
            if let Err(trouble) = self.prepare(&mut round, last, now).await {
                match self.store.after_trouble() {
                    AfterTrouble::GoOn => self.troubled(&mut round, &trouble, now),
                    AfterTrouble::BeginAnew => {
                        (self.say)(&format!("webhook {}: {trouble}; nothing is lost", self.name));
                        return Ended::Anew;
                    }
                }
            }
            while let Some(item) = self.next(&mut round, now) {
                let post = Rc::clone(&self.post);
                let body = self.store.body(item.event(), &self.reader).await;
                round.out = round.out.saturating_add(1);
                let began = clock::utc();
                sending.push(async move {
                    let how = match body {
                        Ok(body) => post.send(item.event(), body, clock::utc()).await,
                        Err(_) => Err(Refused::Unreadable),
                    };
                    (item, (began, how))
                });
            }
            let until = self.wake_at(&round, now).saturating_since(now);
            let idle = round.window.queued() < QUEUED_MAX;
            tokio::select! {
                Some((item, how)) = sending.next(), if !sending.is_empty() => self.came_back(&mut round, item, &how, clock::utc()),
                Ok(()) = recorded.changed(), if idle => {}
                Ok(()) = signalled.changed(), if idle => {}
                () = tokio::time::sleep(until) => {}
                () = told_to_stop(stop.clone()) => break,
            }
        }
        // What is being sent may be taken yet; what is not will be sent again.
        let last_ones = async {
            while let Some((item, how)) = sending.next().await {
                self.came_back(&mut round, item, &how, clock::utc());
            }
        };
        let _ = timeout(LAST_ONES_MAX, last_ones).await;
        if let Err(trouble) = self.write(&mut round, clock::utc(), Duration::ZERO).await {
            (self.say)(&format!("webhook {}: {trouble}; some events are sent again after the next start", self.name));
        }
        Ended::Stopped
    }

    async fn begin(&mut self) -> Result<Round, Trouble> {
        let (cursor, waiting) = self.store.begin().await?;
        Ok(Round {
            cursor,
            next: cursor.next,
            window: Window::new(waiting),
            circuit: Circuit::default(),
            out: 0,
            look_at: Timestamp::EPOCH,
            version: 0,
            placed_at: clock::utc(),
            ask_again: None,
        })
    }

    /// Writes what has to be, and reads what may be sent next.
    async fn prepare(&mut self, round: &mut Round, last: i64, now: Timestamp) -> Result<(), Trouble> {
        if round.ask_again.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.store.keep().await?;
        self.write(round, now, PLACE_EVERY).await?;
        let version = self.store.version(now)?;
        if version != std::mem::replace(&mut round.version, version) {
            round.look_at = now;
            self.heed_operators(round).await?;
        }
        let room = QUEUED_MAX.saturating_sub(round.window.queued());
        let wanted = match round.circuit.passage(now) {
            Passage::Free => room,
            Passage::Probe => room.min(1),
            Passage::Shut(_) => 0,
        };
        self.look_for_letters(round, wanted, now).await?;
        if wanted > 0 && round.window.queued() < QUEUED_MAX / 2 {
            self.read_on(round, last, now).await?;
        }
        if let Some(lag) = self.store.lag(round.window.place(round.next), last).await? {
            self.metrics.lag(lag);
        }
        if round.ask_again.take().is_some() {
            (self.say)(&format!("webhook {}: goes on", self.name));
        }
        Ok(())
    }

    /// What operators want of an endpoint that is spared: it is told again, because it took a test; or a letter is tried whatever the
    /// circuit says.
    async fn heed_operators(&self, round: &mut Round) -> Result<(), Trouble> {
        if self.store.word().await? {
            self.takes_again(round);
        }
        if !round.circuit.is_open() {
            return Ok(());
        }
        for letter in self.store.due(Letter::ASKED_FOR, self.in_flight_max).await? {
            if !round.window.hurry(&letter) && !round.window.has(&letter) {
                self.take_due(round, letter).await?;
            }
        }
        Ok(())
    }

    /// The circuit is closed.
    fn takes_again(&self, round: &mut Round) {
        if round.circuit.is_open() {
            (self.say)(&format!("webhook {}: the endpoint takes events again", self.name));
        }
        round.circuit.succeeded();
        self.metrics.circuit(false);
    }

    async fn take_due(&self, round: &mut Round, letter: Letter) -> Result<(), Trouble> {
        match self.store.event_of(&letter).await? {
            Some(event) => round.window.take_due(letter, event),
            None => {
                (self.say)(&format!("webhook {}: letter {} is lost: its record was dropped", self.name, letter.id));
                round.window.give_up(&letter);
            }
        }
        Ok(())
    }

    /// Letters that are due, as far as there is room.
    async fn look_for_letters(&self, round: &mut Round, room: usize, now: Timestamp) -> Result<(), Trouble> {
        if room == 0 || now < round.look_at {
            return Ok(());
        }
        let mut found = false;
        // Some of them may be here already.
        for letter in self.store.due(now, room.saturating_add(round.out)).await? {
            if round.window.has(&letter) {
                continue;
            }
            found = true;
            self.take_due(round, letter).await?;
        }
        if !found {
            let never = now.saturating_add(Duration::from_secs(3600));
            round.look_at = self.store.next_due(now).await?.unwrap_or(never).min(never);
        }
        let (waiting, dead) = self.store.counts().await?;
        self.metrics.letters(waiting, dead);
        Ok(())
    }

    /// Signals, and then what comes next of records; once there is nothing, what somebody wants once more.
    async fn read_on(&mut self, round: &mut Round, last: i64, now: Timestamp) -> Result<(), Trouble> {
        let from = Cursor { next: round.next, ..round.cursor };
        let portion = self.store.read(from, last, &self.subscription).await?;
        if let Some(dropped) = portion.dropped {
            self.metrics.lost(dropped);
            (self.say)(&format!("webhook {}: {dropped} records were dropped before they were told", self.name));
        }
        for (number, event) in &portion.signals {
            round.window.write(Source::Signal(*number), event, now);
        }
        if portion.signals_to != from.signal {
            round.cursor.signal = portion.signals_to;
            // Where records are read from a database, it moves with everything that is written there.
            if !portion.signals.is_empty() {
                round.window.changes().cursor = Some(round.cursor);
            }
        }
        round.window.take_read(portion.events);
        let moved = std::mem::replace(&mut round.next, portion.next) != portion.next;
        if !moved
            && round.window.changes().is_empty()
            && let Some(replay) = self.store.replay().await?
        {
            self.replay(round, replay, last, now).await?;
        }
        self.write(round, now, PLACE_EVERY).await
    }

    /// Writes letters for some of the records of a replay.
    async fn replay(&self, round: &mut Round, replay: Replay, last: i64, now: Timestamp) -> Result<(), Trouble> {
        let (events, next) = self.store.read_again(replay, last, &self.subscription).await?;
        for (spot, event) in events {
            round.window.write(Source::Record(spot), &event, now);
        }
        round.window.changes().replayed = Some(Replay { next, ..replay });
        Ok(())
    }

    /// Writes down what was refused, what was taken, and how far the endpoint has been told; the last one no more often than
    /// `place_every`, unless something else is written.
    async fn write(&mut self, round: &mut Round, now: Timestamp, place_every: Duration) -> Result<(), Trouble> {
        let place = round.window.place(round.next);
        let moved = place != round.cursor.next && now.saturating_since(round.placed_at) >= place_every;
        if round.window.changes().is_empty() && !moved {
            return Ok(());
        }
        let cursor = Cursor { next: place, ..round.cursor };
        round.window.changes().cursor = Some(cursor);
        self.store.change(now, round.window.changes()).await?;
        let changes = round.window.changes();
        if !(changes.written.is_empty() && changes.delivered.is_empty() && changes.refused.is_empty()) {
            round.look_at = now;
        }
        round.window.written();
        (round.cursor, round.placed_at) = (cursor, now);
        Ok(())
    }

    /// The next event that may be sent.
    fn next(&self, round: &mut Round, now: Timestamp) -> Option<Item> {
        if !self.store.is_ours() {
            return None;
        }
        match round.circuit.passage(now) {
            Passage::Free if round.out < self.in_flight_max => round.window.next(now),
            Passage::Probe if round.out == 0 => round.window.next(now),
            Passage::Shut(_) if round.out == 0 => round.window.next_asked_for(),
            Passage::Free | Passage::Probe | Passage::Shut(_) => None,
        }
    }

    fn came_back(&self, round: &mut Round, item: Item, (began, how): &(Timestamp, Result<(), Refused>), now: Timestamp) {
        let luck = fastrand::u8(..);
        round.out = round.out.saturating_sub(1);
        match how {
            Ok(()) => {
                self.takes_again(round);
                self.metrics.delivered();
            }
            Err(refused) => {
                let was_open = round.circuit.is_open();
                round.circuit.failed(*began, now, luck);
                self.metrics.failed();
                if !was_open && round.circuit.is_open() {
                    let name = &self.name;
                    (self.say)(&format!(
                        "webhook {name}: the endpoint {refused}; it is tried from time to time, and nothing is lost"
                    ));
                }
            }
        }
        self.metrics.circuit(round.circuit.is_open());
        round.window.came_back(item, how, now, luck);
    }

    /// When something is to be done even if nothing happens.
    fn wake_at(&self, round: &Round, now: Timestamp) -> Timestamp {
        let look = now.saturating_add(self.store.look_every());
        let due = round.look_at.max(now);
        let probe = match round.circuit.passage(now) {
            Passage::Shut(at) => at,
            Passage::Free | Passage::Probe => look,
        };
        let next = if round.circuit.is_open() { probe } else { due };
        round.ask_again.unwrap_or(next).min(look)
    }

    fn troubled(&self, round: &mut Round, trouble: &Trouble, now: Timestamp) {
        if round.ask_again.replace(now.saturating_add(RETRY_EVERY)).is_none() {
            (self.say)(&format!("webhook {}: {trouble}; it is tried again, and nothing is lost", self.name));
        }
    }
}

#[cfg(test)]
mod tests;
