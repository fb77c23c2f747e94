//! The shared ledger on a PostgreSQL of the tests' own.

mod conforming;
mod migrations;
mod server;
