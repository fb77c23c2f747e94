//! The management API: accounts, cards, holds, movements and settlement, as JSON over HTTP, on a listener of its own.
//!
//! One file a resource: [`accounts`], [`cards`], [`holds`], [`instruments`], [`merchants`], [`movements`], [`settlement`], [`stand_in`]. Below them: [`caller`] says who
//! asks, for which program; [`input`] reads what they ask, with every error at once; [`mod@write`] takes down who does what and
//! why before it is done; [`problem`] is the one shape of every refusal; [`page`] cuts lists. [`router`] knows every route,
//! and [`openapi`] describes them from the code. [`listener`] runs on the background thread, never on a worker's.
//!
//! Whatever is written goes through the ledger as an act, but for the switch of stand-in, and for a freeze while the ledger is away
//! ([`meanwhile`]). Accounts are read from the ledger; what it does not keep at hand
//! comes through [`reads`], so that each engine can answer in its own way. Nothing here decides about money.

#![allow(unused_qualifications, reason = "what utoipa's macros write of their parameters")]

pub mod accounts;
pub mod caller;
pub mod cards;
pub mod holds;
pub mod input;
pub mod instruments;
pub mod listener;
pub mod meanwhile;
pub mod merchants;
pub mod movements;
pub mod openapi;
pub mod page;
pub mod problem;
pub mod reads;
pub mod router;
pub mod settlement;
pub mod stand_in;
#[cfg(test)]
mod tests;
pub mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use holdfast_core::{Currency, ProgramId};
use tokio::sync::MutexGuard;
use tokio::time::timeout;

use crate::config::ApiToken;
use crate::ledger::{self, Act, Answer, Ledger, LedgerError};
use crate::metrics::ApiMetrics;
use crate::profiles::Profiles;
use crate::responder::Recalled;
use crate::switchboard::Switchboard;
use meanwhile::Meanwhile;
use problem::{Code, Problem};
use reads::Reads;

/// How long the ledger may take over an act. A request has four of them at the most, and one wait for others that create: all
/// that ends before the listener gives it up.
pub const ANSWER_MAX: Duration = Duration::from_secs(3);

/// A program, as far as the API has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiProgram {
    /// Its name.
    pub id: ProgramId,
    /// What its accounts are in.
    pub currency: Currency,
}

/// Everything that answering needs.
pub struct Api {
    /// The configured programs.
    pub programs: Vec<ApiProgram>,
    /// Who may ask; replaced on SIGHUP.
    pub tokens: ArcSwap<Vec<ApiToken>>,
    /// Where the money is.
    pub ledger: Arc<dyn Ledger>,
    /// What it does not keep at hand.
    pub reads: Arc<dyn Reads>,
    /// Stand-in, switched by hand: the one thing here that needs no ledger.
    pub switchboard: Arc<Switchboard>,
    /// Merchants and instruments of payment doors: they need no ledger either.
    pub profiles: Arc<Profiles>,
    /// What holds here while the ledger is away.
    pub meanwhile: Arc<dyn Meanwhile>,
    /// Whether everything that waits here for the ledger is known.
    pub recalled: Recalled,
    /// What is counted.
    pub metrics: ApiMetrics,
    /// Creating looks first and enters then: one at a time, so that nobody enters in between.
    pub creating: tokio::sync::Mutex<()>,
    /// How long the ledger may take over an act: [`ANSWER_MAX`].
    pub answer_max: Duration,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("programs", &self.programs).finish_non_exhaustive()
    }
}

impl Api {
    /// Has the ledger do something.
    ///
    /// # Errors
    /// The ledger is away, or met a bug: nothing was applied. Or it is silent, and may yet do it.
    pub async fn ask(&self, act: Act) -> Result<Answer, Problem> {
        let answered = timeout(self.answer_max, ledger::ask(self.ledger.as_ref(), act)).await.map_err(|_| silent())?;
        answered.map_err(|error| match error {
            LedgerError::Starting | LedgerError::Unavailable | LedgerError::Late => {
                Problem::of(Code::LedgerUnavailable, error.to_string()).retry_after(1)
            }
            LedgerError::Panicked => Problem::of(Code::Internal, "the ledger met a bug; nothing was applied"),
            LedgerError::Refused | LedgerError::BeyondCounting => Problem::of(Code::EntryRefused, error.to_string()),
        })
    }

    /// Until it is dropped, nobody else creates anything.
    ///
    /// # Errors
    /// Somebody else does, and the ledger is silent.
    async fn create_alone(&self) -> Result<MutexGuard<'_, ()>, Problem> {
        timeout(self.answer_max, self.creating.lock()).await.map_err(|_| silent())
    }
}

/// The ledger does not answer, and nobody knows whether it will.
fn silent() -> Problem {
    let detail = "the ledger is silent, and may yet do what was asked: send it again with the same Idempotency-Key, and it is \
                  done once";
    Problem::of(Code::LedgerUnavailable, detail).retry_after(1)
}

/// The ledger answered something else than was asked: a bug, and nothing that a caller could do about.
pub(crate) fn other_answer() -> Problem {
    Problem::of(Code::Internal, "the ledger answered something else than was asked")
}
