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
use super::event::{Event, EventKind};
use super::feed::{Feed, Subscription};
use super::outbox::{Cursor, Letter, Outbox, OutboxError, Replay, Source};
use super::post::{Post, Refused};
use super::window::{Item, Window};
use crate::clock;
use crate::journal::JournalError;
use crate::metrics::EndpointMetrics;
use crate::seal::Sealer;
use crate::spool::told_to_stop;

/// As many events are read ahead.
const QUEUED_MAX: usize = 512;

/// How long an endpoint's place may lag behind what it was told: so much may be told twice after a crash.
const PLACE_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether somebody at the command line wants a letter sent.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
    /// Where its place and its letters are.
    pub outbox: Rc<Outbox>,
    /// Where its events come from.
    pub feed: Feed,
    /// Opens what callers wrote, for bodies that have it.
    pub sealer: Sealer,
    /// Its place.
    pub cursor: Cursor,
    /// What is counted.
    pub metrics: EndpointMetrics,
    /// Tells an operator.
    pub say: fn(&str),
}

/// Why a turn could not be done.
#[derive(Debug)]
enum Trouble {
    Journal(JournalError),
    Outbox(OutboxError),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Journal(error) => error.fmt(f),
            Trouble::Outbox(error) => error.fmt(f),
        }
    }
}

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        Trouble::Journal(error)
    }
}

impl From<OutboxError> for Trouble {
    fn from(error: OutboxError) -> Self {
        Trouble::Outbox(error)
    }
}

/// What changes while it runs.
struct Round {
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
    /// Tells the endpoint what becomes durable, until it is told to stop. `recorded` is the last record that is.
    pub async fn run(
        mut self,
        mut recorded: watch::Receiver<i64>,
        mut signalled: watch::Receiver<i64>,
        stop: watch::Receiver<()>,
    ) {
        let Some(mut round) = self.begin() else { return };
        let mut sending = FuturesUnordered::new();
        loop {
            let now = clock::utc();
            let last = *recorded.borrow_and_update();
            signalled.borrow_and_update();
            if let Err(trouble) = self.prepare(&mut round, last, now) {
                self.troubled(&mut round, &trouble, now);
            }
            while let Some(item) = self.next(&mut round, now) {
                let post = Rc::clone(&self.post);
                let body = self.feed.body(item.event(), &self.sealer);
                round.out = round.out.saturating_add(1);
                sending.push(async move {
                    let how = match body {
                        Ok(body) => post.send(item.event(), body, clock::utc()).await,
                        Err(_) => Err(Refused::Unreadable),
                    };
                    (item, how)
                });
            }
            let until = self.wake_at(&round, now).saturating_since(now);
            let idle = round.window.queued() < QUEUED_MAX;
            tokio::select! {
                Some((item, how)) = sending.next(), if !sending.is_empty() => self.came_back(&mut round, item, &how),
                Ok(()) = recorded.changed(), if idle => {}
                Ok(()) = signalled.changed(), if idle => {}
                () = tokio::time::sleep(until) => {}
                () = told_to_stop(stop.clone()) => break,
            }
        }
        // What is being sent may be taken yet; what is not will be sent again.
        let last_ones = async {
            while let Some((item, how)) = sending.next().await {
                self.came_back(&mut round, item, &how);
            }
        };
        let _ = timeout(LAST_ONES_MAX, last_ones).await;
        if let Err(trouble) = self.write(&mut round, clock::utc(), Duration::ZERO) {
            (self.say)(&format!("webhook {}: {trouble}; some events are sent again after the next start", self.name));
        }
    }

    fn begin(&self) -> Option<Round> {
        match self.outbox.sequences(&self.name) {
            Ok(waiting) => Some(Round {
                window: Window::new(waiting),
                circuit: Circuit::default(),
                out: 0,
                look_at: Timestamp::EPOCH,
                version: 0,
                placed_at: clock::utc(),
                ask_again: None,
            }),
            Err(error) => {
                (self.say)(&format!("webhook {}: nothing is sent: {error}", self.name));
                None
            }
        }
    }

    /// Writes what has to be, and reads what may be sent next.
    fn prepare(&mut self, round: &mut Round, last: i64, now: Timestamp) -> Result<(), Trouble> {
        if round.ask_again.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.write(round, now, PLACE_EVERY)?;
        let room = QUEUED_MAX.saturating_sub(round.window.queued());
        let wanted = match round.circuit.passage(now) {
            Passage::Free => room,
            Passage::Probe => room.min(1),
            Passage::Shut(_) => 0,
        };
        self.look_for_letters(round, wanted, now)?;
        if wanted > 0 && round.window.queued() < QUEUED_MAX / 2 {
            self.read_on(round, last, now)?;
        }
        self.metrics.lag(last.saturating_sub(round.window.place(self.feed.next()).saturating_sub(1)));
        if round.ask_again.take().is_some() {
            (self.say)(&format!("webhook {}: goes on", self.name));
        }
        Ok(())
    }

    /// Letters that are due, as far as there is room.
    fn look_for_letters(&self, round: &mut Round, room: usize, now: Timestamp) -> Result<(), Trouble> {
        let version = self.outbox.version()?;
        if version != std::mem::replace(&mut round.version, version) {
            round.look_at = now;
        }
        if room == 0 || now < round.look_at {
            return Ok(());
        }
        let mut found = false;
        // Some of them may be here already.
        for letter in self.outbox.due(&self.name, now, room.saturating_add(round.out))? {
            if round.window.has(&letter) {
                continue;
            }
            found = true;
            match self.event_of(&letter)? {
                Some(event) => round.window.take_due(letter, event),
                None => {
                    (self.say)(&format!("webhook {}: letter {} is lost: its record was dropped", self.name, letter.id));
                    round.window.give_up(&letter);
                }
            }
        }
        if !found {
            let never = now.saturating_add(Duration::from_secs(3600));
            round.look_at = self.outbox.next_due(&self.name, now)?.unwrap_or(never).min(never);
        }
        let (waiting, dead) = self.outbox.counts(&self.name)?;
        self.metrics.letters(waiting, dead);
        Ok(())
    }

    fn event_of(&self, letter: &Letter) -> Result<Option<Event>, Trouble> {
        match letter.source {
            Source::Record(record) => {
                let event = self.feed.event(record)?;
                let in_its_words = letter.kind == EventKind::PaymentAuth;
                Ok(event.map(|event| if in_its_words { event.in_words_of_its_door() } else { event }))
            }
            Source::Signal(number) => Ok(self.outbox.signal(number)?),
        }
    }

    /// What comes next in the journal; once there is nothing, signals, and what somebody wants once more.
    fn read_on(&mut self, round: &mut Round, last: i64, now: Timestamp) -> Result<(), Trouble> {
        let (before, portion) = (self.feed.next(), self.feed.read(last, &self.subscription)?);
        if let Some(dropped) = portion.dropped {
            self.metrics.lost(dropped);
            (self.say)(&format!("webhook {}: {dropped} records were dropped before they were told", self.name));
        }
        round.window.take_read(portion.events);
        if self.feed.next() != before {
            return Ok(());
        }
        for (number, event) in self.outbox.signals(self.cursor.signal, 64)? {
            self.cursor.signal = number;
            if self.subscription.wants(&event) {
                round.window.write(Source::Signal(number), &event, now);
            }
            round.window.changes().cursor = Some(self.cursor);
        }
        if round.window.changes().is_empty()
            && let Some(replay) = self.outbox.replay(&self.name)?
        {
            self.replay(round, replay, last, now)?;
        }
        self.write(round, now, PLACE_EVERY)
    }

    /// Writes letters for some of the records of a replay.
    fn replay(&self, round: &mut Round, replay: Replay, last: i64, now: Timestamp) -> Result<(), Trouble> {
        let mut feed = self.feed.again_from(replay.next)?;
        let portion = feed.read(replay.last.min(last), &self.subscription)?;
        for (record, event) in portion.events {
            round.window.write(Source::Record(record), &event, now);
        }
        let next = if feed.next() == replay.next { replay.last.saturating_add(1) } else { feed.next() };
        round.window.changes().replayed = Some(Replay { next, ..replay });
        Ok(())
    }

    /// Writes down what was refused, what was taken, and how far the endpoint has been told; the last one no more often than
    /// `place_every`, unless something else is written.
    fn write(&mut self, round: &mut Round, now: Timestamp, place_every: Duration) -> Result<(), Trouble> {
        let place = round.window.place(self.feed.next());
        let moved = place != self.cursor.next && now.saturating_since(round.placed_at) >= place_every;
        if round.window.changes().is_empty() && !moved {
            return Ok(());
        }
        let cursor = Cursor { next: place, ..self.cursor };
        round.window.changes().cursor = Some(cursor);
        let written = self.outbox.change(&self.name, now, round.window.changes());
        if let Err(error) = written {
            return Err(Trouble::Outbox(error));
        }
        let changes = round.window.changes();
        if !(changes.written.is_empty() && changes.delivered.is_empty() && changes.refused.is_empty()) {
            round.look_at = now;
        }
        round.window.written();
        (self.cursor, round.placed_at) = (cursor, now);
        Ok(())
    }

    /// The next event that may be sent.
    fn next(&self, round: &mut Round, now: Timestamp) -> Option<Item> {
        let most = match round.circuit.passage(now) {
            Passage::Free => self.in_flight_max,
            Passage::Probe => 1,
            Passage::Shut(_) => 0,
        };
        if round.out < most { round.window.next(now) } else { None }
    }

    fn came_back(&self, round: &mut Round, item: Item, how: &Result<(), Refused>) {
        let (now, luck) = (clock::utc(), fastrand::u8(..));
        round.out = round.out.saturating_sub(1);
        let was_open = round.circuit.is_open();
        match how {
            Ok(()) => {
                round.circuit.succeeded();
                self.metrics.delivered();
                if was_open {
                    (self.say)(&format!("webhook {}: the endpoint takes events again", self.name));
                }
            }
            Err(refused) => {
                round.circuit.failed(now, luck);
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
        let look = now.saturating_add(LOOK_EVERY);
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
