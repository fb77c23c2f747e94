//! The projection: what the journal says, as tables that can be asked. A SQLite file of its own that follows the journal.
//!
//! Nothing in it is decided here: records carry what became of them and which rows they are about. It follows behind and
//! never stops the writer. A start reads memory from it, an event finds here what memory has let go of ([`find`]), lists and
//! pages are read from it ([`read`]). A start proves every page of it by its sum ([`sums`]) first. Whatever happens to it, the
//! journal makes it anew: from its first record, or from the state that stands for the records that were dropped ([`checkpoint`]).

mod apply;
mod batch;
mod bell;
pub mod checkpoint;
mod find;
mod follow;
mod handing_over;
mod joining;
mod lately;
mod lines;
mod names;
pub mod read;
mod restore;
mod rows;
mod schema;
mod sums;
mod thread;
mod whole;
mod words;

pub(super) use self::bell::Bell;
pub(super) use self::find::Finder;
pub(super) use self::follow::{Follower, HasBeenRead};
pub(super) use self::restore::{Mark, peek};
pub(super) use self::thread::start;

#[cfg(test)]
mod tests;
