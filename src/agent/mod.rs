//! Software agents that spend: their objects as the path of a callback sees them.
//!
//! [`registry`] is that memory: looked at by every callback where agents are configured, written by the store alone, once a change is
//! durable.

pub mod registry;
pub mod shards;
