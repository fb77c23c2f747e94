//! The shared ledger: any number of responders on one PostgreSQL.

pub mod connect;
pub mod migrate;
pub mod trouble;

#[cfg(test)]
mod tests;
