//! Webhooks: what happened to payments and in stand-in, told to the endpoints that the configuration names.
//!
//! The journal is the outbox: an event is sent because its record is there, and only once that record is durable, so that none
//! can be lost and none comes before its movement. An endpoint's place in the journal, and what could not be delivered at once,
//! are kept in `webhooks.sqlite` ([`outbox`]). With the shared ledger the journal is a table and so is the outbox ([`shared`]): one responder
//! tells an endpoint, by a lease, and another goes on where it ends; each tells of its own stand-in itself. Bodies are made from the record when they are sent ([`event`]); nothing of them is
//! kept, and nothing of what an endpoint answers but its status.
//!
//! Everything here is on a thread of its own ([`thread`]), which gives way to those that answer: delivery never touches the path
//! of a callback, and nobody waits for an endpoint.
//!
//! ```text
//! journal ──► feed ──► courier ──► endpoint          in order for each payment, many payments at once
//!                        │  ▲
//!                        ▼  │ when due
//!                      outbox (what was refused, what waits behind it, dead letters)
//! ```

pub mod answered;
pub mod beside;
mod body;
pub mod circuit;
pub mod courier;
pub mod event;
pub mod feed;
pub mod letter;
pub mod outbox;
pub mod post;
pub mod shared;
pub mod signal;
pub mod store;
pub mod target;
pub mod thread;
pub mod window;

pub use self::circuit::{ATTEMPTS_MAX, Circuit};
pub use self::event::{Event, EventKind};
pub use self::letter::Letter;
pub use self::outbox::{Outbox, OutboxError};
pub use self::post::Post;
pub use self::signal::{Signal, Signals};
pub use self::thread::{Endpoint, Setup, Told, Webhooks};
