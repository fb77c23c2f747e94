//! The ledger's own log: one record per decision and event, approvals durable before they are told.
//!
//! A record says what was asked or told, what was known of it, and what became of it, so that the state can be rebuilt by
//! writing outcomes again, and any decision can be made again from its facts. No card number, secret or name is in it: what
//! people write is digested before it comes here.
//!
//! [`record`] is what is written, [`store`] how it is kept.

mod checkpoint;
pub mod record;
pub mod store;

pub use record::{Body, BodyRef, Group, GroupWriter, Record, RecordError, RecordRef};
pub use store::{Journal, JournalError, Sync};

#[cfg(test)]
mod tests;
