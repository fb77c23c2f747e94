//! End to end: the real server, real sockets, port 0. One binary, because linking is what costs.
//!
//! [`support`] starts servers and speaks HTTP; the other modules are named for what they prove. Not here: what a table can
//! prove beside the code.

mod answers;
mod bad_input;
mod faults;
mod lifecycle;
mod money;
mod notifications;
mod retries;
mod support;
