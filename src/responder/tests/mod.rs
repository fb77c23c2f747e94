//! The path as a whole, on paused time: [`race`] plays it in every order in which the ledger, the spool's disk, the platform and a
//! crash can come.
//!
//! A [`process`] is a responder with a real ledger on a simulated disk behind a gate ([`scripted`]), and a real spool behind
//! another one. Its callbacks are polled by whoever plays, and time is moved by hand: nothing happens but what a script says.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow here fails the test")]

mod beside;
mod looking;
mod play;
mod process;
mod race;
mod scripted;
mod starting;
mod undurable;
