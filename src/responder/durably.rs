//! Where an approval of stand-in is made durable before it may leave. This is the one point at which it could be told too early.

use std::future::Future;
use std::pin::Pin;

use holdfast_core::stand_in::Snapshot;
use holdfast_core::{AuthorizationRequest, ProgramId};

use crate::clock::Instant;
use crate::ledger::Adopt;

/// Keeps what was told without the ledger.
pub trait DurablyTold: Send + Sync {
    /// Makes an answer durable, or says that it could not until then. Only what was kept may be told as an approval.
    fn keep<'a>(&'a self, adopt: &'a Adopt, until: Instant) -> Keeping<'a>;
}

/// Whether an answer is durable.
pub type Keeping<'a> = Pin<Box<dyn Future<Output = Result<(), NotDurable>> + Send + 'a>>;

/// It is not, and will not be in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotDurable;

/// There is no place: nothing is kept, and so nothing is approved.
#[derive(Debug, Clone, Copy)]
pub struct Nowhere;

impl DurablyTold for Nowhere {
    fn keep<'a>(&'a self, _adopt: &'a Adopt, _until: Instant) -> Keeping<'a> {
        Box::pin(std::future::ready(Err(NotDurable)))
    }
}

/// Knows how cards and accounts stood when the ledger was last heard of. It answers from memory and waits for nobody.
pub trait LastKnown: Send + Sync {
    /// What is known around a question.
    fn snapshot(&self, program: &ProgramId, request: &AuthorizationRequest) -> Snapshot;
}

/// Nobody looked: stand-in then declines.
#[derive(Debug, Clone, Copy)]
pub struct NothingKnown;

impl LastKnown for NothingKnown {
    fn snapshot(&self, _program: &ProgramId, _request: &AuthorizationRequest) -> Snapshot {
        Snapshot::default()
    }
}
