//! Acts on their way to the database: a lane for each account, as far as it is known, and a connection for each lane that
//! moves. What waits in one lane while it moves goes together, in the order in which it came: an account's acts wait for one
//! row lock anyway, and so they wait for it once.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use holdfast_core::{CardToken, ProgramId};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::named::program_of;
use super::office::Office;
use super::working::{Owed, work};
use crate::ledger::embedded::naming::subject_of;
use crate::ledger::{Act, LedgerError, Readiness, Ticket};

/// The most acts that one transaction performs.
const TOGETHER_MAX: usize = 64;

/// The most cards whose account is remembered.
const CARDS_MAX: usize = 1 << 20;

/// An act with its ticket.
pub struct Job {
    pub ticket: Arc<Ticket>,
    pub act: Act,
}

/// What waits for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// An account, by its number.
    Account(i64),
    /// A card whose account is not known yet.
    Card(ProgramId, CardToken),
    /// Nothing else.
    Alone(u64),
}

/// A lane's journey is over.
pub struct Arrived {
    pub lane: Lane,
    /// Which account cards led to.
    pub cards: Vec<(ProgramId, CardToken, i64)>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    moving: bool,
}

/// All lanes.
pub struct Lanes {
    office: Rc<Office>,
    lanes: HashMap<Lane, Waiting>,
    /// Lanes that wait for a connection, in the order in which they began to.
    ready: VecDeque<Lane>,
    moving: usize,
    moving_max: usize,
    accounts_of: HashMap<(ProgramId, CardToken), i64>,
    alone: u64,
    arrive: UnboundedSender<Arrived>,
    arrived: UnboundedReceiver<Arrived>,
}

impl Lanes {
    /// Nothing waits; at most so many lanes move at once.
    pub fn new(office: Rc<Office>, moving_max: usize) -> Self {
        let (arrive, arrived) = unbounded_channel();
        Lanes {
            office,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            moving: 0,
            moving_max,
            accounts_of: HashMap::new(),
            alone: 0,
            arrive,
            arrived,
        }
    }

    /// Works until nothing comes any more and everything is done.
    pub async fn run(mut self) {
        loop {
            let open = self.office.common.is_open();
            for ticket in self.office.common.take() {
                self.accept(ticket);
            }
            self.start_what_can();
            if !open && self.lanes.is_empty() {
                return;
            }
            tokio::select! {
                () = self.office.common.bell.notified() => {}
                arrived = self.arrived.recv() => self.finish(arrived),
            }
        }
    }

    fn accept(&mut self, ticket: Arc<Ticket>) {
        let refused = match self.office.common.readiness() {
            Readiness::Ready => None,
            Readiness::Starting => Some(LedgerError::Starting),
            Readiness::Unavailable => Some(LedgerError::Unavailable),
        };
        if let Some(error) = refused {
            drop(Owed::one(ticket, error));
            return;
        }
        let act = ticket.with_act(|act| std::mem::replace(act, Act::Rest));
        let lane = self.lane_of(&act);
        let waiting = self.lanes.entry(lane).or_default();
        waiting.jobs.push_back(Job { ticket, act });
        if !waiting.moving && waiting.jobs.len() == 1 {
            self.ready.push_back(lane);
        }
    }

    fn lane_of(&mut self, act: &Act) -> Lane {
        let card = match act {
            Act::Decide(decide) => decide.request.card.map(|card| (decide.origin.program, card)),
            Act::Adopt(adopt) => adopt.request.card.map(|card| (adopt.origin.program, card)),
            Act::Tell(origin, event) | Act::TellOurs(origin, event) => subject_of(event).card.map(|card| (origin.program, card)),
            Act::Rest
            | Act::Prove
            | Act::Preview(_)
            | Act::Order(..)
            | Act::Keep(..)
            | Act::Balances(..)
            | Act::Accounts { .. }
            | Act::Enter(..)
            | Act::Note(_)
            | Act::WasNoted(_)
            | Act::Publish(..)
            | Act::PublishFirst(_)
            | Act::Rulesets(_)
            | Act::Announce(_)
            | Act::BeginAt(_)
            | Act::TakeAway
            | Act::Look(..)
            | Act::Slips(_)
            | Act::BeginSlip(..)
            | Act::EndWaits(_)
            | Act::EraseSlips(_)
            | Act::KeepSlip(_) => None,
        };
        match card {
            Some((program, card)) => {
                self.accounts_of.get(&(program, card)).map_or(Lane::Card(program, card), |account| Lane::Account(*account))
            }
            None => {
                self.alone = self.alone.wrapping_add(1);
                Lane::Alone(self.alone)
            }
        }
    }

    fn start_what_can(&mut self) {
        while self.moving < self.moving_max
            && let Some(lane) = self.ready.pop_front()
        {
            let Some(waiting) = self.lanes.get_mut(&lane) else { continue };
            let jobs = together(&mut waiting.jobs);
            if jobs.is_empty() {
                continue;
            }
            waiting.moving = true;
            self.moving = self.moving.saturating_add(1);
            let arriving = Arriving { lane, cards: Vec::new(), arrive: self.arrive.clone() };
            tokio::task::spawn_local(work(Rc::clone(&self.office), jobs, arriving));
        }
    }

    fn finish(&mut self, arrived: Option<Arrived>) {
        let Some(Arrived { lane, cards }) = arrived else { return };
        self.moving = self.moving.saturating_sub(1);
        if self.accounts_of.len() >= CARDS_MAX {
            // What is forgotten is learned anew.
            self.accounts_of.clear();
        }
        self.accounts_of.extend(cards.into_iter().map(|(program, card, account)| ((program, card), account)));
        let Some(waiting) = self.lanes.get_mut(&lane) else { return };
        waiting.moving = false;
        if waiting.jobs.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.ready.push_back(lane);
        }
    }
}

/// Whatever becomes of a journey, its end is told.
pub struct Arriving {
    lane: Lane,
    pub cards: Vec<(ProgramId, CardToken, i64)>,
    arrive: UnboundedSender<Arrived>,
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let arrived = Arrived { lane: self.lane, cards: std::mem::take(&mut self.cards) };
        // Nobody hears it when the lanes are gone.
        let _ = self.arrive.send(arrived);
    }
}

/// The acts at the head of a lane that may be one transaction's.
fn together(waiting: &mut VecDeque<Job>) -> Vec<Job> {
    let mut jobs: Vec<Job> = waiting.pop_front().into_iter().collect();
    let Some(first) = jobs.first().filter(|job| may_go_together(&job.act)) else { return jobs };
    let program = program_of(&first.act);
    let fits = |job: &mut Job| may_go_together(&job.act) && program_of(&job.act) == program;
    while jobs.len() < TOGETHER_MAX
        && let Some(job) = waiting.pop_front_if(fits)
    {
        jobs.push(job);
    }
    jobs
}

/// Whether an act may share a transaction with others of its lane.
const fn may_go_together(act: &Act) -> bool {
    match act {
        Act::Decide(_) | Act::Adopt(_) | Act::Tell(..) | Act::TellOurs(..) => true,
        Act::Rest
        | Act::Prove
        | Act::Preview(_)
        | Act::Order(..)
        | Act::Keep(..)
        | Act::Balances(..)
        | Act::Accounts { .. }
        | Act::Enter(..)
        | Act::Note(_)
        | Act::WasNoted(_)
        | Act::Publish(..)
        | Act::PublishFirst(_)
        | Act::Rulesets(_)
        | Act::Announce(_)
        | Act::BeginAt(_)
        | Act::TakeAway
        | Act::Look(..)
        | Act::Slips(_)
        | Act::BeginSlip(..)
        | Act::EndWaits(_)
        | Act::EraseSlips(_)
        | Act::KeepSlip(_) => false,
    }
}
