//! Starting servers, speaking HTTP, making callbacks.

pub mod back_office;
pub mod callbacks;
pub mod http;
pub mod postgres;
pub mod server;

pub use back_office::BackOffice;
pub use callbacks::{Apto, Marqeta};
pub use http::{Client, Response};
pub use server::Workplace;
