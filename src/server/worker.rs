//! One worker: a thread, its runtime, and the connections that live and die on it.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use hyper::server::conn::http1;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::accept::Admitted;
use super::answer::Respond;
use super::bridge::Bridge;
use super::connection;
use super::drain::Drain;
use super::route::RouteTable;
use super::tls::Tls;
use super::{Limits, Serving};
use crate::clock::Moment;
use crate::metrics::{ConnectionRefusal, ServerMetrics};

/// What a connection's read buffer may grow to for large bodies, in bytes, where the head's limit is lower.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// What a worker's connections share.
pub(super) struct Worker<R> {
    pub(super) index: usize,
    pub(super) responder: Arc<R>,
    pub(super) routes: Arc<RouteTable>,
    pub(super) bridge: Option<Bridge>,
    pub(super) limits: Limits,
    pub(super) metrics: ServerMetrics,
    pub(super) drain: Arc<Drain>,
    pub(super) http: http1::Builder,
    tls: Option<Arc<Tls>>,
    live: Cell<usize>,
    emptied: Notify,
}

impl<R> fmt::Debug for Worker<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("index", &self.index).field("live", &self.live.get()).finish_non_exhaustive()
    }
}

/// A connection that is alive; dropped, however it ended, it is not.
struct Alive<R>(Rc<Worker<R>>);

impl<R> Alive<R> {
    fn new(worker: Rc<Worker<R>>) -> Self {
        worker.live.set(worker.live.get().saturating_add(1));
        Alive(worker)
    }
}

impl<R> Drop for Alive<R> {
    fn drop(&mut self) {
        self.0.live.set(self.0.live.get().saturating_sub(1));
        if self.0.live.get() == 0 {
            self.0.emptied.notify_one();
        }
    }
}

impl<R: Respond> Worker<R> {
    pub(super) fn new(index: usize, serving: &Serving<R>, drain: Arc<Drain>) -> Self {
        Worker {
            index,
            responder: Arc::clone(&serving.responder),
            routes: Arc::clone(&serving.routes),
            bridge: serving.bridge.clone(),
            limits: serving.limits.clone(),
            metrics: serving.metrics.clone(),
            drain,
            http: http(&serving.limits),
            tls: serving.tls.clone(),
            live: Cell::new(0),
            emptied: Notify::new(),
        }
    }

    /// Serves the connections that come until no more will come and all have ended, or the drain's time is up. Returns how
    /// many it then had to abandon.
    pub(super) fn run(self, runtime: &Runtime, mut sockets: UnboundedReceiver<Admitted>) -> usize {
        let worker = Rc::new(self);
        let local = LocalSet::new();
        let attending = Rc::clone(&worker);
        let attendant = local.spawn_local(async move { attending.responder.attend(attending.index).await });
        let abandoned = local.block_on(runtime, async {
            while let Some(admitted) = sockets.recv().await {
                let alive = Alive::new(Rc::clone(&worker));
                spawn_local(async move { alive.0.open(admitted).await });
            }
            let emptied = async {
                while worker.live.get() > 0 {
                    worker.emptied.notified().await;
                }
            };
            if timeout_at(worker.drain.until(), emptied).await.is_ok() { 0 } else { worker.live.get() }
        });
        attendant.abort();
        abandoned
    }

    async fn open(self: &Rc<Self>, admitted: Admitted) {
        let Admitted { socket, since, admission } = admitted;
        if let Err(_gone) = self.open_socket(socket, since).await {
            self.metrics.connection_refused(ConnectionRefusal::AcceptFailed);
        }
        drop(admission);
    }

    async fn open_socket(self: &Rc<Self>, socket: std::net::TcpStream, since: Moment) -> io::Result<()> {
        let waits_since = has_asked(&socket).then_some(since);
        let stream = TcpStream::from_std(socket)?;
        let Some(tls) = &self.tls else {
            connection::serve(stream, Rc::clone(self), waits_since).await;
            return Ok(());
        };
        // Five times the size of a connection without it, which need not have the room.
        Box::pin(self.open_tls(stream, tls.current())).await;
        Ok(())
    }

    async fn open_tls(self: &Rc<Self>, stream: TcpStream, tls: Arc<ServerConfig>) {
        match timeout(self.limits.tls_handshake_max, TlsAcceptor::from(tls).accept(stream)).await {
            // What it asks comes after the handshake.
            Ok(Ok(stream)) => connection::serve(stream, Rc::clone(self), None).await,
            Ok(Err(_)) => self.metrics.connection_refused(ConnectionRefusal::TlsFailed),
            Err(_) => self.metrics.connection_refused(ConnectionRefusal::TlsTooSlow),
        }
    }
}

/// Whether a caller has begun to ask before anybody listened to it.
fn has_asked(socket: &std::net::TcpStream) -> bool {
    // An error is met again by whoever reads.
    matches!(socket.peek(&mut [0]), Ok(1..))
}

/// How HTTP is spoken.
fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http
        // One write an answer, from one buffer. `pipeline_flush` would do the same, but holds an answer back while the
        // next request is still arriving: an answer has a deadline.
        .writev(false)
        // A caller that has said all it has to say still gets its answer, and none that goes away cancels a decision; the
        // read buffer is not replaced while a decision is waited for, either.
        .half_close(true)
        .max_header_size(limits.head_bytes_max)
        .max_buf_size(limits.head_bytes_max.max(READ_BUFFER_BYTES_MAX))
        // The connection keeps its own, see `connection.rs`.
        .header_read_timeout(None);
    http
}
