//! What a program wrote, parsed and typed at load; and what it says about a request.

mod verdict;

pub use verdict::{CounterKey, Enforcement, LIMITS_MAX, LimitCheck, LimitScope, Proceed, Verdict, Window};
