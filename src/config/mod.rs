//! What the operator wrote, read into types with every error at once.

pub mod read;
pub mod ruleset;
