//! The ledger's own log: one record per decision and event, approvals durable before they are told.
//!
//! A record says what was asked or told, what was known of it, and what became of it, so that the state can be rebuilt by
//! writing outcomes again, and any decision can be made again from its facts. No card number, secret or name is in it: what
//! people write is digested before it comes here.
//!
//! [`record`] is what is written, [`log`] what the ledger needs of whoever keeps it, [`store`] how it is kept on a disk, and
//! [`memory`] how a simulation keeps it. [`reader`] proves one beside its writer,
//! [`records`] reads it, [`backup`] copies one. [`retention`] moves its beginning, and [`state_file`] keeps what the records
//! before that amount to.

pub mod backup;
mod beside;
mod by_ways;
mod chain;
mod checkpoint;
mod checks;
pub mod error;
mod fault;
pub mod group;
pub mod log;
pub mod mark;
pub mod memory;
pub mod operations;
mod pages;
mod place;
mod proofs;
mod question;
pub mod reader;
pub mod record;
pub mod records;
mod remarks;
pub mod retention;
pub mod room;
mod rulesets;
mod schema;
pub mod slips;
pub mod state_file;
pub mod store;
mod tail;
mod torn;
pub mod waits;
pub(crate) mod wal;

pub(crate) use chain::link;
pub use chain::{Joint, head_number};
pub use error::JournalError;
pub use group::{Draft, Group, GroupWriter, RecordError};
pub use log::{EachGroup, Log};
pub use memory::{Crash, Fault, MemoryDisk, MemoryLog};
pub use operations::{Noted, Operation};
pub use place::{Naming, Place};
pub use reader::{Reader, Stage, Verified};
pub use record::{Body, BodyRef, Record, RecordRef, Side, Uses};
pub use records::Numbered;
pub use retention::{Begins, Checkpoint};
pub use rulesets::{KeptKind, KeptRuleset};
pub(crate) use slips::LOOKED_AT_MAX as SLIPS_LOOKED_AT_MAX;
pub use slips::{Erase, Slip, SlipsFound, SlipsWanted, Which};
pub use state_file::State as CheckpointState;
pub use store::{Claim, Journal, Sync};
pub use tail::Tail;
pub use torn::{Rest, Tear};
pub use waits::{WAITS_MAX, WaitLine, Waiting};
pub use wal::TornEnd;

#[cfg(test)]
mod tests;
