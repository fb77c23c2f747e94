//! Agent spend: what software agents may spend, who says so, and who asks.
//!
//! [`lead`] finds the authority behind a question. [`registry`] is the memory that it looks in: looked at by every callback where agents are
//! configured, filled by [`mirror`] from what is durable in the [`store`], and from nowhere else. [`office`] is the desk that every change
//! goes over; [`bodies`] are the objects as they are kept and shown; [`door`] is `/v1`, but for what decides. Names, addresses and free
//! text are sealed ([`seal`], [`texts`], [`policy_names`]) and can be erased; [`post`] sends mail. [`outside`] are accounts without money, for what
//! others pay. [`insight`] lists what was decided, and follows
//! the journal for that.

pub mod bodies;
pub mod door;
pub mod insight;
pub mod lead;
pub mod mirror;
pub mod names;
pub mod office;
pub mod outside;
pub mod policy_names;
pub mod post;
pub mod registry;
pub mod seal;
pub mod shards;
pub mod store;
pub mod texts;
