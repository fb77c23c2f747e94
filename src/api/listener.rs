//! The API's listener: accepts within limits, answers on the background thread, and drains when it is told to stop.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Api;
use super::problem::{Code, Problem};
use super::router;
use crate::server::Bound;

/// The longest request line and headers, in bytes; 431 beyond it.
const HEAD_BYTES_MAX: usize = 16_384;
/// How long a head may take to arrive, and how long a connection may wait for its next one.
const HEAD_READ_MAX: Duration = Duration::from_secs(30);
/// From a request's head to its answer, its body's arrival included.
const REQUEST_MAX: Duration = Duration::from_secs(20);
/// How long the rest after an accept that failed is.
const EXHAUSTED_REST: Duration = Duration::from_millis(100);
/// How long a stop waits for answers that are owed.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// The listener, with what it answers.
#[derive(Debug)]
pub struct ApiListener {
    listener: TcpListener,
    service: Router,
    connections_max: usize,
}

impl ApiListener {
    /// Takes over an address that is bound. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn new(bound: Bound, api: &Arc<Api>, connections_max: usize) -> io::Result<Self> {
        Ok(ApiListener { listener: bound.listener()?, service: router::service(api), connections_max })
    }

    /// Answers until `stopped` closes, then what is owed.
    pub async fn serve(self, mut stopped: watch::Receiver<()>) {
        let places = Arc::new(Semaphore::new(self.connections_max));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                _ = stopped.changed() => break,
                // One that panicked has closed its socket, which its caller sees.
                Some(_) = connections.join_next() => continue,
                accepted = async {
                    let place = Arc::clone(&places).acquire_owned().await;
                    (place, self.listener.accept().await)
                } => accepted,
            };
            let (Ok(place), Ok((stream, _))) = accepted else {
                sleep(EXHAUSTED_REST).await;
                continue;
            };
            let (service, stopped) = (self.service.clone(), stopped.clone());
            connections.spawn(async move {
                converse(stream, service, stopped).await;
                drop(place);
            });
        }
        drop(self.listener);
        let all = async { while connections.join_next().await.is_some() {} };
        // Whoever is slower than this has had its chance.
        let _ = timeout(DRAIN_MAX, all).await;
    }
}

async fn converse(stream: TcpStream, service: Router, mut stopped: watch::Receiver<()>) {
    let service = TowerToHyperService::new(service);
    let answer = service_fn(|request: Request<Incoming>| {
        let answering = hyper::service::Service::call(&service, request.map(Body::new));
        async { Ok::<_, Infallible>(in_time(answering).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_READ_MAX).max_buf_size(HEAD_BYTES_MAX);
    let connection = builder.serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(connection);
    // Whatever goes wrong with a connection is its caller's to see.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn in_time(answering: impl Future<Output = Result<Response, Infallible>>) -> Response {
    match timeout(REQUEST_MAX, answering).await {
        Ok(Ok(response)) => response,
        Err(_) => Problem::of(Code::RequestTimeout, "send it again with the same key").into_response(),
    }
}
