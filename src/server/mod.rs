//! The server: HTTP/1.1 with keep-alive, plain or over TLS, for platforms that wait milliseconds.
//!
//! [`bind`] takes the address, [`Bound::serve`] starts the threads, [`Running::drain`] stops them without losing an answer.
//! One thread accepts; each worker thread has a runtime of its own and keeps the connections that it is handed for as long
//! as they live: between a callback's bytes and its answer nothing moves from core to core.
//!
//! What is refused here is refused before anyone looks who sent it; what a callback says is not looked at here at all. The
//! server decides nothing about money, and knows nothing of platforms but paths.
//!
//! Suggested reading order: `early.rs`, `accept.rs`, `worker.rs`, `connection.rs`, `request.rs`, `body.rs`, `bridge.rs`; then `ops.rs`, the
//! operators' own listener.

mod accept;
mod answer;
mod body;
mod bridge;
mod connection;
mod drain;
mod early;
pub mod ops;
mod request;
mod route;
#[cfg(test)]
mod tests;
mod tls;
mod watched;
mod worker;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::unbounded_channel;

use accept::Door;
pub use answer::{Answered, BodyFault, Call, Respond};
pub use bridge::{Bridge, Crossing, Crossings, NearSide, NotCrossed};
use drain::Drain;
use early::Early;
pub use route::{HEALTH_PATH, RouteEntry, RouteError, RouteTable};
pub use tls::Tls;
use worker::Worker;

use crate::metrics::ServerMetrics;

/// How many connections the operating system may hold ready for us, where it allows so many (`net.core.somaxconn`). After a restart
/// all callers come at once, and one that finds no room tries again a second later: that is too late for an answer.
const BACKLOG: i32 = 65_535;

/// What callers may use up. Every one of these has an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest head, in bytes; 431 beyond it. A head has at most 100 headers.
    pub head_bytes_max: usize,
    /// The largest body, in bytes; 413 beyond it.
    pub body_bytes_max: usize,
    /// From a head's first byte to its last; 408 beyond it.
    pub head_read_max: Duration,
    /// From a head's last byte to its body's; 408 beyond it.
    pub body_read_max: Duration,
    /// From one head to the next; the connection is closed beyond it. Platforms keep connections open between callbacks:
    /// far longer than `head_read_max`.
    pub idle_max: Duration,
    /// From a connection to its TLS session.
    pub tls_handshake_max: Duration,
    /// Open connections; those beyond it are closed at once, so that their callers do not wait in vain.
    pub connections_max: usize,
    /// From the begin of a drain to its end, whoever is still waiting.
    pub drain_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes_max: 16 * 1024,
            body_bytes_max: 256 * 1024,
            head_read_max: Duration::from_secs(10),
            body_read_max: Duration::from_secs(5),
            idle_max: Duration::from_secs(75),
            tls_handshake_max: Duration::from_secs(10),
            connections_max: 10_000,
            drain_max: Duration::from_secs(30),
        }
    }
}

/// Everything that serving needs.
pub struct Serving<R> {
    /// What answers.
    pub responder: Arc<R>,
    /// What is served.
    pub routes: Arc<RouteTable>,
    /// Where requests go that are no callbacks, if there are such.
    pub bridge: Option<Bridge>,
    /// What callers may use up.
    pub limits: Limits,
    /// TLS, or plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// What is counted.
    pub metrics: ServerMetrics,
    /// How many threads answer,
    pub workers: NonZeroUsize,
    /// and the number of the first one: whoever answers knows workers of several listeners apart.
    pub first_worker: usize,
    /// Tells the operator.
    pub say: fn(&str),
}

impl<R> fmt::Debug for Serving<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("limits", &self.limits).field("workers", &self.workers).finish_non_exhaustive()
    }
}

/// A listener that callers can connect to; nobody answers them yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    /// Takes them meanwhile.
    early: Option<Early>,
    /// The address, with the real port if 0 was asked for.
    pub addr: SocketAddr,
}

/// Takes an address.
///
/// # Errors
/// As the operating system says: in use, not ours, not allowed.
pub fn bind(addr: SocketAddr) -> io::Result<Bound> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    // A restart must not wait for the last one's connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    let addr = listener.local_addr()?;
    Ok(Bound { listener, early: None, addr })
}

impl Bound {
    /// Takes connections from now on, so many at most, until they are served: their callers count from when they asked.
    ///
    /// # Errors
    /// The operating system has no threads or no file descriptors left.
    pub fn taking_early(self, most: usize) -> io::Result<Self> {
        Ok(Bound { early: Some(Early::begin(&self.listener, most)?), ..self })
    }

    /// The listener itself, for whoever accepts in another way. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// The runtime cannot watch it.
    pub fn listener(self) -> io::Result<tokio::net::TcpListener> {
        tokio::net::TcpListener::from_std(self.listener)
    }

    /// Starts to answer, on threads of its own.
    ///
    /// # Errors
    /// The operating system has no threads or no file descriptors left.
    pub fn serve<R: Respond>(self, serving: Serving<R>) -> io::Result<Running> {
        let drain = Arc::new(Drain::default());
        let serving = Arc::new(serving);
        let (mut senders, mut workers) = (Vec::new(), Vec::new());
        for index in 0..serving.workers.get() {
            let (sender, sockets) = unbounded_channel();
            let (runtime, serving, drain) = (worker_runtime(&serving.responder)?, Arc::clone(&serving), Arc::clone(&drain));
            let index = serving.first_worker.saturating_add(index);
            let run = move || Worker::new(index, &serving, drain).run(&runtime, sockets);
            workers.push(thread::Builder::new().name(format!("worker-{index}")).spawn(run)?);
            senders.push(sender);
        }
        let door = Door {
            connections_max: serving.limits.connections_max,
            open: Arc::new(AtomicUsize::new(0)),
            metrics: serving.metrics.clone(),
            workers: senders,
            say: serving.say,
        };
        door.admit_early(self.early.map(Early::end).unwrap_or_default());
        let accepting = accepting(self.listener, door, Arc::clone(&drain))?;
        Ok(Running { drain, drain_max: serving.limits.drain_max, accepting, workers })
    }
}

fn accepting(listener: TcpListener, door: Door, drain: Arc<Drain>) -> io::Result<JoinHandle<()>> {
    let runtime = runtime()?;
    let listener = {
        let _context = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    thread::Builder::new().name("accept".to_owned()).spawn(move || runtime.block_on(door.run(listener, &drain)))
}

/// A runtime for a worker, which says when a turn has ended.
fn worker_runtime<R: Respond>(responder: &Arc<R>) -> io::Result<Runtime> {
    let responder = Arc::clone(responder);
    Builder::new_current_thread().enable_all().on_thread_park(move || responder.turn_ended()).build()
}

/// A runtime for the thread that runs it.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A server at work.
#[derive(Debug)]
#[must_use = "a server that is not drained is cut off when the process ends"]
pub struct Running {
    drain: Arc<Drain>,
    drain_max: Duration,
    accepting: JoinHandle<()>,
    workers: Vec<JoinHandle<usize>>,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still open when its time was up, and were cut off.
    pub abandoned: usize,
}

impl Running {
    /// Begins to stop: no connection is accepted any more, every answer closes its connection. Returns at once.
    pub fn begin_drain(&self) {
        self.drain.begin(self.drain_max);
    }

    /// Stops: answers every request of which a byte has arrived, closes idle connections, and returns when all is done or
    /// [`Limits::drain_max`] has passed. Blocks the thread.
    pub fn drain(self) -> Drained {
        self.begin_drain();
        let _ = self.accepting.join();
        // A worker that panicked has no connections left to speak of.
        let abandoned = self.workers.into_iter().map(|worker| worker.join().unwrap_or(0)).fold(0, usize::saturating_add);
        Drained { abandoned }
    }
}
