//! What this process remembers of answers and messages that the ledger has yet to hear: taken from the spool at the start, and let
//! go of when the ledger has heard them.

use std::sync::Arc;

use holdfast_core::hold::ToldAnswer;
use holdfast_core::stand_in::{Taken, ToldApproval, ToldName};
use holdfast_core::{Decision, PlatformName, ProgramId, Timestamp};
use tokio::sync::Notify;

use super::mount::Program;
use super::standings::Standings;
use super::told::{Name, Told, ToldBook};
use crate::ledger::Adopt;
use crate::spool::{Entry, Heard, Standing};

/// What is remembered until the ledger has heard it.
pub struct Unheard {
    /// What was told, by key.
    pub book: ToldBook,
    /// What was told of cards, owners and accounts.
    pub standings: Standings,
    /// Rung when the ledger has heard something.
    pub heard: Notify,
    /// Which program and platform, by number.
    principals: Vec<(ProgramId, PlatformName)>,
    programs: Vec<Arc<Program>>,
}

impl Unheard {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(book: ToldBook, principals: Vec<(ProgramId, PlatformName)>, programs: Vec<Arc<Program>>) -> Self {
        Unheard { book, standings: Standings::default(), heard: Notify::new(), principals, programs }
    }

    /// The name of what was told.
    fn name_of(&self, adopt: &Adopt) -> Option<Name> {
        let whose = (adopt.origin.program, adopt.origin.platform?);
        // As mounts are numbered: the first mount of the same program and platform gives the pair its number.
        let principal = self.principals.iter().position(|known| *known == whose)?;
        Some(Name { principal: u16::try_from(principal).ok()?, key: adopt.request.key })
    }

    fn program(&self, id: ProgramId) -> Option<&Program> {
        self.programs.iter().find(|program| program.id == id).map(AsRef::as_ref)
    }
}

/// What the spool says at the start, in the order in which it came.
#[derive(Default)]
pub struct Remembered {
    approvals: Vec<(ProgramId, ToldApproval)>,
}

impl Remembered {
    /// One entry of the spool.
    pub fn remember(&mut self, unheard: &Unheard, entry: &Entry, at: Timestamp, standing: Standing) {
        if let Some(approval) = entry.approval(at) {
            let taken = match standing {
                Standing::Waiting | Standing::Aside => Taken::Unconfirmed,
                Standing::Confirmed => Taken::Confirmed,
            };
            self.approvals.push((entry.origin().program, approval.taken(taken)));
        }
        match (entry, standing) {
            (Entry::Told(adopt, _), Standing::Waiting | Standing::Aside) => {
                if let Some(name) = unheard.name_of(adopt) {
                    unheard.book.restore(name, adopt.digest, told(adopt));
                }
            }
            (Entry::Fact(origin, event), Standing::Waiting | Standing::Aside) => {
                unheard.standings.told(origin.program, event);
            }
            (Entry::Told(..) | Entry::Fact(..), Standing::Confirmed) | (Entry::Kept(..), _) => {}
        }
    }

    /// Everything was read: caps count what was approved.
    pub fn restore(self, unheard: &Unheard, now: Timestamp) {
        for program in &unheard.programs {
            let own = self.approvals.iter().filter(|(whose, _)| *whose == program.id).map(|(_, approval)| *approval);
            program.stand_in.restore(own, now);
        }
    }
}

/// What a platform heard.
fn told(adopt: &Adopt) -> Told {
    let decision = match adopt.told {
        ToldAnswer::Approved { amount } => Decision::Approve { amount },
        ToldAnswer::Declined { reason } => Decision::Decline { reason },
    };
    Told { decision, basis: adopt.basis }
}

impl Heard for Unheard {
    fn heard(&self, entry: &Entry) {
        match entry {
            Entry::Told(adopt, _) => {
                if let Some(name) = self.name_of(adopt) {
                    self.book.adopted(&name);
                }
                if let (Some(program), Some(platform)) = (self.program(adopt.origin.program), &adopt.origin.platform) {
                    program.stand_in.settle(&ToldName::of(platform, &adopt.request.key));
                }
            }
            Entry::Fact(origin, event) => self.standings.heard(origin.program, event),
            Entry::Kept(..) => {}
        }
    }

    fn wave_ended(&self) {
        self.heard.notify_waiters();
    }

    // What was told stays told, and what was approved stays at risk, until somebody has looked at it.
    fn refused(&self, _entry: &Entry) {}
}
