//! From a worker to whoever answers beside the workers: requests below one prefix that are no callbacks.
//!
//! A worker reads the body within its limits, hands the request over, and goes on with its callbacks until the answer is there: it
//! never does the work itself. What waits is bounded, and so is how long.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::answer::BodyFault;

/// How many requests may wait at once, whatever the callers.
const WAITING_MAX: usize = 256;

/// The near end, shared by the workers.
#[derive(Debug, Clone)]
pub struct Bridge {
    prefix: &'static str,
    over: mpsc::Sender<Crossing>,
    /// The largest body, in bytes.
    pub(super) body_bytes_max: usize,
    answer_max: Duration,
    near: Arc<dyn NearSide>,
}

/// What is answered without crossing.
pub trait NearSide: fmt::Debug + Send + Sync {
    /// To what could not cross.
    fn refuse(&self, why: NotCrossed) -> Response<Bytes>;

    /// To a caller who is a stranger by the head of its request alone, whose body is not there yet; nothing if it may be none.
    fn refuse_stranger(&self, head: &Parts) -> Option<Response<Bytes>>;
}

/// Why a request did not get an answer from the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCrossed {
    /// Its body could not be read.
    Body(BodyFault),
    /// Too many wait already; nothing was done.
    Full,
    /// The other side took too long, and may yet do it.
    TooLate,
    /// The server is stopping; nothing was done, or it is not known.
    Stopping,
    /// A path of the workers' own that is covered, and is called otherwise; nothing was done.
    NotThisWay,
}

/// A request on its way.
#[derive(Debug)]
pub struct Crossing {
    /// The request, whole.
    pub request: Request<Bytes>,
    /// Where its answer goes.
    pub answer: oneshot::Sender<Response<Bytes>>,
}

/// The far end.
pub type Crossings = mpsc::Receiver<Crossing>;

impl Bridge {
    /// A bridge for everything below `prefix`, which ends with a slash. `near` writes the answers that are given on the near side.
    #[must_use]
    pub fn new(prefix: &'static str, body_bytes_max: usize, answer_max: Duration, near: Arc<dyn NearSide>) -> (Self, Crossings) {
        let (over, crossings) = mpsc::channel(WAITING_MAX);
        (Bridge { prefix, over, body_bytes_max, answer_max, near }, crossings)
    }

    /// Whether a path is the other side's.
    pub(super) fn covers(&self, path: &str) -> bool {
        path.starts_with(self.prefix)
    }

    /// The answer to what could not cross.
    pub(super) fn refuse(&self, why: NotCrossed) -> Response<Bytes> {
        self.near.refuse(why)
    }

    /// The answer to a stranger, if the head alone shows one.
    pub(super) fn refuse_stranger(&self, head: &Parts) -> Option<Response<Bytes>> {
        self.near.refuse_stranger(head)
    }

    /// Brings a request over, and its answer back.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn cross(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NotCrossed> {
        let (answer, answered) = oneshot::channel();
        self.over.try_send(Crossing { request, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotCrossed::Full,
            mpsc::error::TrySendError::Closed(_) => NotCrossed::Stopping,
        })?;
        match timeout(self.answer_max, answered).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) => Err(NotCrossed::Stopping),
            Err(_) => Err(NotCrossed::TooLate),
        }
    }
}
