//! The projection: what the journal says, as tables that can be asked. A SQLite file of its own that follows the journal.
//!
//! Nothing in it is decided here: records carry what became of them and which rows they are about. It follows behind and
//! never stops the writer. A start reads memory from it, an event finds here what memory has let go of ([`find`]), lists and
//! pages are read from it ([`read`]). Whatever happens to it, the journal makes it anew.

mod find;
pub mod read;
mod rows;
mod schema;
mod words;

pub use self::find::Finder;
