//! Explain: one authorization's whole story, from the records of the journal, in words that can be read out.
//!
//! [`mod@find`] looks for the payment under whatever name somebody has of it, [`story`] gathers what happened to it and what was
//! known at the time, [`words`] tells it to people and [`json`] to machines. No record has a merchant's name, so no story has.

pub mod check;
pub mod find;
pub mod json;
mod matched;
pub mod phrases;
mod recorded;
pub mod story;
pub mod words;

#[cfg(test)]
mod tests;

pub use find::{NotOne, Payment, Sought, find};
pub use story::{Moment, Story, tell};
