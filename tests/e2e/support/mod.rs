//! Starting servers, speaking HTTP, making callbacks.

pub mod callbacks;
pub mod http;
pub mod server;

pub use callbacks::{Apto, Marqeta};
pub use http::Client;
pub use server::Workplace;
