//! The seam to whoever answers: what the server hands over, and what it gets back.
//!
//! Nothing here boxes, and nothing here has to be `Send`: a callback is answered on the thread that read it.

use std::future::Future;

use holdfast_adapters::{Malformed, Refused, Reply};
use http::HeaderMap;

use crate::clock::Moment;
use crate::metrics::HttpRefusal;

/// What answers callbacks whose body is complete. One value a process, shared by the workers.
pub trait Respond: Send + Sync + 'static {
    /// Answers a callback.
    ///
    /// `body` is empty and comes back in [`Answered::Said`]: it is the connection's own, used again for its next answer.
    /// The future is dropped only when the drain's time is up: a caller that goes away does not cancel it. It should
    /// catch its own panics; one that gets through is counted and answered 500.
    fn respond(&self, call: Call<'_>, body: Vec<u8>) -> impl Future<Output = Answered>;

    /// Runs beside a worker's connections, on its thread, as long as the worker does.
    fn attend(&self, worker: usize) -> impl Future<Output = ()>;

    /// A worker has done what there was to do and is about to wait: the moment to hand over what its turn has gathered.
    /// Called from within the runtime; must not wait.
    fn turn_ended(&self);

    /// What a caller hears who is a stranger by the head of its callback alone, whose body is not there yet; nothing if it may be none.
    fn refuse_stranger(&self, of_head: Call<'_>) -> Option<Answered>;

    /// The platform's error shape for a request whose body could not be read, or that is below its mount and comes to none of its routes.
    fn refuse(&self, mount: usize, refused: &Refused, body: Vec<u8>) -> Answered;
}

/// A callback, complete, from whoever sent it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The index of the mount that its path belongs to.
    pub mount: usize,
    /// The adapter's own number for its route.
    pub route: u8,
    /// What stood for the route's `{name}` segment, empty if it has none. Percent-encoding is not undone.
    pub segment: &'a str,
    /// What followed the `?`, empty if nothing did.
    pub query: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, whole.
    pub body: &'a [u8],
    /// When its head had been received.
    pub received: Moment,
    /// Which worker reads it, counted from 0: for state that each worker has for itself.
    pub worker: usize,
}

/// What goes back.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives in place on the request path; boxing would allocate there")]
pub enum Answered {
    /// This answer. [`Reply::call_back`] has been dealt with.
    Said {
        /// Its status and headers.
        reply: Reply,
        /// Its body.
        body: Vec<u8>,
    },
    /// Not a word: the connection is closed.
    Silence,
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// It is larger than allowed.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// It, or its framing, ended early.
    Truncated,
}

impl BodyFault {
    /// The HTTP status for it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            BodyFault::TooLarge => 413,
            BodyFault::TooSlow => 408,
            BodyFault::Truncated => 400,
        }
    }

    /// What a platform's error is about.
    #[must_use]
    pub fn refused(self) -> Refused {
        match self {
            BodyFault::TooLarge => Refused::TooLarge,
            BodyFault::TooSlow => Refused::TooSlow,
            BodyFault::Truncated => Refused::Malformed(Malformed::field("", "ended early")),
        }
    }

    /// What it is counted as.
    #[must_use]
    pub const fn refusal(self) -> HttpRefusal {
        match self {
            BodyFault::TooLarge => HttpRefusal::BodyTooLarge,
            BodyFault::TooSlow => HttpRefusal::BodyTooSlow,
            BodyFault::Truncated => HttpRefusal::BodyTruncated,
        }
    }
}
