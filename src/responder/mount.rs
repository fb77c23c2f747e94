//! A mount as the path needs it: whose callbacks, how they are understood, by which rules and secrets they are judged now.

use std::sync::Arc;

use arc_swap::ArcSwap;
use holdfast_adapters::{Adapter, DecisionReference, InFlightDuplicate, Keyring};
use holdfast_core::agent::Environment;
use holdfast_core::rules::Ruleset;
use holdfast_core::{ContentDigest, IdempotencyKey, PlatformName, ProgramId};

use super::deadline::Patience;
use super::stand_in::StandIn;
use crate::ledger::Origin;
use crate::metrics::MountMetrics;

/// A program as its mounts share it.
pub struct Program {
    /// Its name.
    pub id: ProgramId,
    /// The rules that are live now; swapped whole.
    pub rules: ArcSwap<Ruleset>,
    /// The text of the configured ruleset, which an empty ledger starts with.
    pub configured_rules: Box<str>,
    /// What it wants answered without its ledger.
    pub stand_in: StandIn,
}

/// One platform's way into one program.
pub struct Mount {
    /// The program.
    pub program: Arc<Program>,
    /// The platform.
    pub platform: PlatformName,
    /// Which program and platform, as a number: mounts of the same pair share their keys.
    pub principal: u16,
    /// How the platform speaks.
    pub adapter: Arc<dyn Adapter>,
    /// What the platform expects when it asks again too early.
    pub in_flight_duplicate: InFlightDuplicate,
    /// What is accepted as proof now; swapped whole.
    pub keyring: ArcSwap<Keyring>,
    /// How long the platform waits.
    pub patience: Patience,
    /// Where its callbacks are counted.
    pub metrics: Arc<MountMetrics>,
    /// Where a caller's proof says which program decides, and not the path: the mounts of both environments, by their places.
    pub by_environment: Option<ByEnvironment>,
}

/// The mounts of a platform that calls in one place for several programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByEnvironment {
    /// For those who try things out.
    pub sandbox: Option<usize>,
    /// For real.
    pub production: Option<usize>,
}

impl ByEnvironment {
    /// The mount of an environment.
    #[must_use]
    pub const fn of(&self, environment: Environment) -> Option<usize> {
        match environment {
            Environment::Sandbox => self.sandbox,
            Environment::Production => self.production,
        }
    }
}

impl Mount {
    /// Whose acts its callbacks become.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { program: self.program.id, platform: Some(self.platform), operator: None }
    }

    /// Our name for the decision on a key: made of program, platform and key, so that a retry hears the same one.
    #[must_use]
    pub fn reference(&self, key: &IdempotencyKey) -> DecisionReference {
        DecisionReference::of(&self.program.id, &self.platform, key)
    }

    /// Our name for the refusal of another question under a key that was answered.
    #[must_use]
    pub fn reference_of_conflict(&self, key: &IdempotencyKey, asked: &ContentDigest) -> DecisionReference {
        DecisionReference::of_conflict(&self.program.id, &self.platform, key, asked)
    }
}
