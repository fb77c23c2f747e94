//! Holdfast answers card-issuing platforms' real-time authorization callbacks.

pub mod app;
pub mod clock;
pub mod command;
pub mod config;
pub mod control;
pub mod journal;
pub mod ledger;
pub mod metrics;
pub mod operations;
pub mod responder;
pub mod server;
