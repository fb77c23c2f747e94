//! `/v1` on the callbacks' listener, but for what decides: organizations, credentials, agents and what they may spend, as JSON over HTTP.
//!
//! One file a resource. Below them: [`asking`] says who asks, by the token, and what; [`router`] knows every route and describes it;
//! [`crossing`] answers, on the background thread, what the workers hand over. Refusals have the shape of the management API's
//! ([`problem`](crate::api::problem)). Nothing here decides about money, and nothing here writes but through the office.

#![allow(unused_qualifications, reason = "what utoipa's macros write of their parameters")]

pub mod agents;
pub mod asking;
pub mod authorities;
pub mod authorize_intent;
pub mod bindings;
mod codes;
pub mod credentials;
pub mod crossing;
mod deciding;
pub mod deeds;
pub mod grants;
pub mod insight;
pub mod intent_request;
mod intent_standing;
pub mod intents;
pub mod members;
pub mod openapi;
pub mod organizations;
pub mod policies;
mod reserving;
pub mod router;
pub mod shown;
mod taking_back;
mod turns;

use std::fmt;
use std::sync::Arc;

use holdfast_core::agent::Environment;
use holdfast_core::{PlatformName, ProgramId};

pub use self::codes::ReasonCodes;
use self::insight::Insights;
pub use self::turns::Turns;
use crate::agent::lead::Agents;
use crate::agent::office::Office;
use crate::ledger::Ledger;
use crate::responder::Program;
use crate::webhook::Signals;

/// Everything that answering needs.
pub struct House {
    /// The desk that changes go over.
    pub office: Office,
    /// Which platforms call for which program.
    pub mounts: Vec<(ProgramId, PlatformName)>,
    /// The programs, with the rules that are live.
    pub programs: Vec<Arc<Program>>,
    /// What was decided.
    pub insights: Insights,
    /// Who remembers what was said, for a retry.
    pub agents: Arc<Agents>,
    /// Where money and limits are looked at, and reserved for intents that ask for it; nothing else here moves any.
    pub ledger: Arc<dyn Ledger>,
    /// Where webhooks hear that something was reviewed, if there are any.
    pub signals: Option<Signals>,
    /// Who reserves under a key at the moment.
    pub turns: Turns,
}

impl House {
    /// Whether everything that the store has is in memory: before that, nobody is known and nothing is answered.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.agents.is_filled()
    }

    /// How many limits the rules have that the program of an environment has in force.
    #[must_use]
    pub fn limits_of_program(&self, environment: Environment) -> usize {
        self.office.mirror.limits_of_program(environment)
    }

    /// From now on it is.
    pub fn become_filled(&self) {
        self.agents.become_filled();
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").field("office", &self.office).finish()
    }
}

/// The house, as handlers share it.
pub type Shared = Arc<House>;
