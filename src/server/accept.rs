//! The accept loop: takes connections, refuses those beyond the limit, hands the others to the workers in turn.

use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use super::drain::Drain;
use super::early::Waiting;
use crate::clock::{self, Moment};
use crate::metrics::{ConnectionRefusal, ServerMetrics};

/// How long the loop rests when the operating system has nothing left to accept with.
pub(super) const EXHAUSTED_REST: Duration = Duration::from_millis(100);

/// A connection that was let in.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) socket: TcpStream,
    /// Since when it may have waited for a worker.
    pub(super) since: Moment,
    pub(super) admission: Admission,
}

/// One of the connections that may be open; dropped, another one may.
#[derive(Debug)]
pub(super) struct Admission {
    open: Arc<AtomicUsize>,
    metrics: ServerMetrics,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.metrics.connection_closed();
    }
}

/// What lets connections in.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) connections_max: usize,
    pub(super) open: Arc<AtomicUsize>,
    pub(super) metrics: ServerMetrics,
    pub(super) workers: Vec<UnboundedSender<Admitted>>,
    pub(super) say: fn(&str),
}

impl Door {
    /// Lets those in that came before there was anybody to answer.
    pub(super) fn admit_early(&self, waiting: Vec<Waiting>) {
        let mut workers = self.workers.iter().cycle();
        waiting.into_iter().for_each(|(socket, since)| self.admit(socket, since, &mut workers));
    }

    /// Accepts until the drain begins; what the operating system had accepted for us by then is still let in.
    pub(super) async fn run(self, listener: TcpListener, drain: &Drain) {
        let mut workers = self.workers.iter().cycle();
        let mut told = false;
        loop {
            let drained = drain.notified();
            if drain.begun() {
                break;
            }
            let accepted = tokio::select! {
                biased;
                () = drained => break,
                accepted = listener.accept() => accepted.map(|(socket, _)| socket.into_std()),
            };
            match accepted {
                Ok(socket) => self.admit(socket, clock::now(), &mut workers),
                // The caller went away while it waited.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Once: what lasts shows in the metric.
                    if !std::mem::replace(&mut told, true) {
                        (self.say)(&format!(
                            "no connection can be accepted ({error}); holdfast_connections_refused_total counts on"
                        ));
                    }
                    self.metrics.connection_refused(ConnectionRefusal::AcceptFailed);
                    sleep(EXHAUSTED_REST).await;
                }
            }
        }
        while let Some(socket) = waiting(&listener).await {
            self.admit(socket.into_std(), clock::now(), &mut workers);
        }
    }

    fn admit<'a>(
        &self,
        socket: io::Result<TcpStream>,
        since: Moment,
        workers: &mut impl Iterator<Item = &'a UnboundedSender<Admitted>>,
    ) {
        let more = |open: usize| (open < self.connections_max).then(|| open.saturating_add(1));
        if self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            self.metrics.connection_refused(ConnectionRefusal::Limit);
            return;
        }
        self.metrics.connection_opened();
        let admission = Admission { open: Arc::clone(&self.open), metrics: self.metrics.clone() };
        // An answer is one small write: never to be held back.
        let handed = socket.and_then(|socket| socket.set_nodelay(true).map(|()| socket));
        if let (Ok(socket), Some(worker)) = (handed, workers.next()) {
            // A worker that is gone closes the connection by dropping it.
            drop(worker.send(Admitted { socket, since, admission }));
        }
    }
}

/// A connection that waits to be accepted, if there is one.
async fn waiting(listener: &TcpListener) -> Option<tokio::net::TcpStream> {
    poll_fn(|cx| {
        Poll::Ready(match listener.poll_accept(cx) {
            Poll::Ready(Ok((socket, _))) => Some(socket),
            Poll::Ready(Err(_)) | Poll::Pending => None,
        })
    })
    .await
}
