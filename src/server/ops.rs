//! The operators' listener: `/metrics`, `/healthz`, `/status`, on a thread of its own so that a scrape costs the workers
//! nothing.
//!
//! It is for a private network: it asks nobody who they are, and shows nothing that must not be seen there.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Bound, runtime};

/// How long one connection may live; scrapers open a new one without being asked.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// How long the rest after an accept that failed is.
const EXHAUSTED_REST: Duration = Duration::from_millis(100);
/// How often [`Pages::upkeep`] runs.
const UPKEEP_INTERVAL: Duration = Duration::from_millis(500);

/// What operators are shown. Each is called on the listener's own thread and may take a few milliseconds.
pub struct Pages {
    /// `/metrics`, in the Prometheus text format.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// `/status`, JSON; nothing is 404.
    pub status: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// Runs every second.
    pub upkeep: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}

/// The operators' listener at work. Dropped, it stops.
#[derive(Debug)]
#[must_use = "the listener stops when this is dropped"]
pub struct Operators {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Operators {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts to show the pages to so many connections at once, on a thread of its own.
///
/// # Errors
/// The operating system has no threads or no file descriptors left.
pub fn serve(bound: Bound, pages: Pages, connections_max: usize) -> io::Result<Operators> {
    let runtime = runtime()?;
    let listener = {
        let _context = runtime.enter();
        TcpListener::from_std(bound.listener)?
    };
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let run = move || {
        LocalSet::new().block_on(&runtime, async {
            let pages = Rc::new(pages);
            tokio::select! {
                () = stopped.notified() => {}
                () = accept(listener, Rc::clone(&pages), connections_max) => {}
                () = keep_up(&pages) => {}
            }
        });
    };
    let thread = thread::Builder::new().name("operators".to_owned()).spawn(run)?;
    Ok(Operators { stop, thread: Some(thread) })
}

async fn keep_up(pages: &Pages) {
    let mut ticks = interval(UPKEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        (pages.upkeep)();
    }
}

async fn accept(listener: TcpListener, pages: Rc<Pages>, connections_max: usize) {
    let places = Arc::new(Semaphore::new(connections_max));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return pending().await };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(EXHAUSTED_REST).await;
            continue;
        };
        let pages = Rc::clone(&pages);
        spawn_local(async move {
            let _ = tokio::time::timeout(CONNECTION_MAX, connection(stream, pages)).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, pages: Rc<Pages>) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = show(&pages, request.method(), request.uri().path());
        async { Ok::<_, Infallible>(response) }
    });
    // Whatever goes wrong is the operator's connection.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

fn show(pages: &Pages, method: &Method, path: &str) -> Response<Full<Bytes>> {
    let (content_type, text) = match path {
        "/metrics" => ("text/plain; version=0.0.4; charset=utf-8", Some((pages.metrics)())),
        "/healthz" => ("text/plain; charset=utf-8", Some("ok\n".to_owned())),
        "/status" => ("application/json", (pages.status)()),
        _ => ("", None),
    };
    let Some(text) = text else { return bare(StatusCode::NOT_FOUND) };
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn bare(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
