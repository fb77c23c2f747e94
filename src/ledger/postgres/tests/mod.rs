//! The shared ledger on a PostgreSQL of the tests' own.

mod migrations;
mod server;
