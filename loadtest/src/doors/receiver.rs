//! An endpoint for webhooks: it answers 200 to everything at once and counts the events by their kind, each id once. What it counts
//! is what is compared with what callers were told; it verifies no signature.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::problem::Problem;

/// What came so far.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Received {
    /// Events by kind, each once.
    pub events: BTreeMap<String, u64>,
    /// What came again.
    pub again: u64,
    /// What was no event.
    pub unreadable: u64,
}

impl Received {
    /// How many events of a kind there were.
    pub fn of(&self, kind: &str) -> u64 {
        self.events.get(kind).copied().unwrap_or(0)
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.events.values().copied().fold(0, u64::saturating_add)
    }
}

#[derive(Debug, Default)]
struct Book {
    received: Received,
    ids: HashSet<u128>,
}

/// The part of an event that is looked at.
#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

impl Book {
    fn write(&mut self, id: Option<&str>, body: &[u8]) {
        let id = id.and_then(|id| u128::from_str_radix(id.strip_prefix("evt_")?, 16).ok());
        let (Some(id), Ok(Event { kind })) = (id, serde_json::from_slice(body)) else {
            self.received.unreadable = self.received.unreadable.saturating_add(1);
            return;
        };
        if !self.ids.insert(id) {
            self.received.again = self.received.again.saturating_add(1);
            return;
        }
        match self.received.events.get_mut(kind) {
            Some(count) => *count = count.saturating_add(1),
            None => drop(self.received.events.insert(kind.to_owned(), 1)),
        }
    }
}

/// The endpoint; it ends when it is dropped.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    book: Rc<RefCell<Book>>,
    serving: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Receiver {
    /// Listens at a free port of the loopback. Must be polled inside a [`LocalSet`](tokio::task::LocalSet).
    ///
    /// # Errors
    /// There is no port.
    pub async fn start() -> Result<Self, Problem> {
        let what = "listening for webhooks";
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(Problem::doing(what))?;
        let address = listener.local_addr().map_err(Problem::doing(what))?;
        let book = Rc::default();
        let serving = tokio::task::spawn_local(serve(listener, Rc::clone(&book)));
        Ok(Receiver { address, book, serving })
    }

    /// What came so far.
    pub fn received(&self) -> Received {
        self.book.borrow().received.clone()
    }
}

async fn serve(listener: TcpListener, book: Rc<RefCell<Book>>) {
    loop {
        // What cannot be accepted is sent again.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let book = Rc::clone(&book);
        let service = service_fn(move |request| take(request, Rc::clone(&book)));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::task::spawn_local(async move {
            // How a connection ends says nothing about what came over it.
            let _ = connection.await;
        });
    }
}

async fn take(request: Request<Incoming>, book: Rc<RefCell<Book>>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let id = head.headers.get("webhook-id").and_then(|id| id.to_str().ok());
    // What was cut off on its way will come again.
    if let Ok(body) = body.collect().await {
        book.borrow_mut().write(id, &body.to_bytes());
    }
    Ok(Response::new(Empty::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_counts_once_however_often_it_comes() {
        let mut book = Book::default();
        let approved = br#"{"data":{"amount":1},"timestamp":"t","type":"authorization.approved"}"#;
        let declined = br#"{"type":"authorization.declined"}"#;
        book.write(Some("evt_8c86941166b5be1fcfc77332902d0d90"), approved);
        book.write(Some("evt_8c86941166b5be1fcfc77332902d0d90"), approved);
        book.write(Some("evt_8c86941166b5be1fcfc77332902d0d91"), approved);
        book.write(Some("evt_00000000000000000000000000000001"), declined);
        book.write(None, declined);
        book.write(Some("evt_00000000000000000000000000000002"), b"{}");
        let Received { again, unreadable, .. } = book.received;
        let counts = [book.received.of("authorization.approved"), book.received.of("authorization.declined")];
        assert_eq!((counts, book.received.all(), again, unreadable), ([2, 1], 3, 1, 2));
        assert_eq!(book.received.of("hold.captured"), 0);
    }
}
