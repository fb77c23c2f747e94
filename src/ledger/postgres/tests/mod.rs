//! The shared ledger on a PostgreSQL of the tests' own.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

mod chained;
pub(super) mod conforming;
mod copied;
mod differential;
mod encrypted;
mod failing;
mod migrations;
mod nodes;
mod reading;
pub mod server;
mod simulated;
mod troubles;
mod upkeep;
