//! Software agents that spend: their objects as the path of a callback sees them.
//!
//! [`lead`] finds the authority behind a question; [`registry`] is the memory that it looks in: written by the
//! store alone, once a change is durable.

pub mod lead;
pub mod registry;
pub mod shards;
