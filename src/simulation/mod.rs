//! The deterministic simulation: the ledger's engine on a simulated disk against an independent [`model`], from one seed.
//!
//! One thread, and no clock: time is a number of the [`world`] like everything else, so that a seed replays its run to the
//! step. Worlds follow one another, each small and full of coincidence: platforms ask, tell, tell again, late and in the wrong
//! order ([`chance`]); groups fail, are torn or in doubt, and the process dies between two records or inside one
//! ([`faults`]); memory lets go of holds and keys, and finds them again ([`attic`]). After every step the touched account, payment and limits are compared, after every restart everything.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a self-test serves nobody: where its own sums are wrong it should fail loudly, and its amounts are small"
)]

mod attic;
mod calling;
pub(crate) mod chance;
pub(crate) mod compare;
pub(crate) mod deed;
mod faults;
mod habit;
pub(crate) mod limits;
pub(crate) mod model;
pub(crate) mod naming;
#[cfg(test)]
mod tests;
pub(crate) mod world;

use std::collections::BTreeMap;
use std::fmt;

use fastrand::Rng;

use self::world::World;

/// So many steps a world has at most: its log is read again at every restart.
const WORLD_STEPS: u64 = 400;

/// What a run found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many events there were.
    pub steps: u64,
    /// How many of them changed money, a hold, a limit or a standing.
    pub changed: u64,
    /// How many worlds.
    pub worlds: u64,
    /// How often the process died and began again.
    pub restarts: u64,
    /// How many groups failed to be written, or were in doubt.
    pub faults: u64,
    /// How often what was being written was torn, by a failure or by the end of the process.
    pub torn: u64,
    /// How many messages were of the very time of another one about the same payment.
    pub same_time: u64,
    /// How often what was told of a payment under two names was found to be of one.
    pub joined: u64,
    /// How many questions and messages were about an increment that was told, or approved, of another payment.
    pub contrary: u64,
    /// How many holds were released by time.
    pub expired: u64,
    /// How often something was looked for that memory had let go of, or might have.
    pub looked_for: u64,
    /// How often it was found.
    pub found: u64,
    /// How many events of each kind.
    pub kinds: BTreeMap<&'static str, u64>,
}

impl Report {
    fn add(&mut self, other: &Report) {
        self.steps += other.steps;
        self.changed += other.changed;
        self.worlds += other.worlds;
        self.restarts += other.restarts;
        self.faults += other.faults;
        self.torn += other.torn;
        self.same_time += other.same_time;
        self.joined += other.joined;
        self.contrary += other.contrary;
        self.expired += other.expired;
        self.looked_for += other.looked_for;
        self.found += other.found;
        for (kind, count) in &other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
    }
}

/// Where the engine and the model say different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// At which step of the run.
    pub step: u64,
    /// In which world.
    pub world: u64,
    /// About what.
    pub what: String,
    /// What the model says.
    pub expected: String,
    /// What the engine says.
    pub got: String,
    /// The latest events of the same payment or account.
    pub events: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "step {} (world {}): {}", self.step, self.world, self.what)?;
        writeln!(f, "  expected {}", self.expected)?;
        writeln!(f, "  got      {}", self.got)?;
        self.events.iter().try_for_each(|event| writeln!(f, "  {event}"))
    }
}

/// Runs so many steps from a seed; `progress` hears after each world how many were done.
///
/// # Errors
/// The first difference.
pub fn run(seed: u64, steps: u64, mut progress: impl FnMut(u64)) -> Result<Report, Box<Difference>> {
    let mut report = Report::default();
    let mut seeds = Rng::with_seed(seed);
    while report.steps < steps {
        let world = World::new(Rng::with_seed(seeds.u64(..)));
        let many = WORLD_STEPS.min(steps - report.steps);
        let found = world.and_then(|world| world.run(many));
        report.add(&found.map_err(|difference| {
            let (step, world) = (report.steps + difference.step, report.worlds + 1);
            Box::new(Difference { step, world, ..*difference })
        })?);
        progress(report.steps);
    }
    Ok(report)
}
