//! One connection, from its first byte to its last, and the limits that end it.
//!
//! A connection has one timer, which is touched only when a stage outlasts what was expected: an ordinary request sets
//! none. hyper's own head timeout is not used: it runs while a connection is idle, too, and would close the connections
//! that platforms keep warm. Before its first request a connection is kept warm by nobody: that has a head's time from when
//! it was opened, and not a moment longer, so that who never says anything takes no place for long.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1::Connection;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Sleep, sleep_until, timeout};

use super::answer::Respond;
use super::request;
use super::watched::{ConnectionState, Stage, Watched};
use super::worker::Worker;
use super::{Limits, drain::Drain};
use crate::clock::{self, Instant, Moment};
use crate::metrics::HttpRefusal;

/// How long a caller has to say its last word after ours.
const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// How long a drain waits for a request that is under way to an idle connection.
const DRAIN_GRACE: Duration = Duration::from_millis(100);

const HEAD_TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How a connection ends.
enum End {
    /// HTTP is done with it.
    Finished(hyper::Result<()>),
    /// A head did not arrive in time; or the first one did not even begin to.
    HeadTooSlow(Begun),
    /// The caller did not say its last word in time.
    CutOff,
}

/// Whether something of a head was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    Yes,
    No,
}

/// Serves a connection until it ends; one whose first request waited for a worker, perhaps since then.
pub(super) async fn serve<R: Respond, S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    worker: Rc<Worker<R>>,
    waits_since: Option<Moment>,
) {
    let state = Rc::new(ConnectionState::new(clock::instant(), waits_since));
    let io = TokioIo::new(Watched::new(stream, Rc::clone(&state)));
    let service = service_fn(|request| request::answer(Rc::clone(&worker), Rc::clone(&state), request));
    let mut http = worker.http.serve_connection(io, service);

    let end = {
        let drained = pin!(worker.drain.notified());
        let first_by = worker.limits.head_read_max.min(worker.limits.idle_max);
        let timer = pin!(sleep_until(later(state.last_head.get(), first_by)));
        let mut watch = Watch {
            state: &state,
            limits: &worker.limits,
            drain: &worker.drain,
            drained,
            timer,
            waker_known: false,
            grace_given: false,
        };
        poll_fn(|cx| watch.poll(&mut http, cx)).await
    };
    match end {
        End::Finished(Ok(())) | End::CutOff => {}
        End::Finished(Err(error)) if error.is_parse_too_large() => worker.metrics.http_refused(HttpRefusal::HeadTooLarge),
        End::Finished(Err(error)) if error.is_parse() => worker.metrics.http_refused(HttpRefusal::HeadUnreadable),
        // Cut by the caller, or by an answer of silence.
        End::Finished(Err(_)) => {}
        End::HeadTooSlow(begun) => {
            worker.metrics.http_refused(HttpRefusal::HeadTooSlow);
            let mut stream = http.into_parts().io.into_inner();
            let farewell = async {
                // Who has asked nothing is told nothing: it would take that for the answer to what it is about to ask.
                if begun == Begun::Yes {
                    stream.write_all(HEAD_TOO_SLOW).await?;
                }
                stream.shutdown().await
            };
            // Whether the caller hears it is its own affair.
            drop(timeout(FAREWELL_MAX, farewell).await);
        }
    }
}

/// What decides, each time the connection has been driven as far as it goes, whether it may go on.
struct Watch<'a, D> {
    state: &'a ConnectionState,
    limits: &'a Limits,
    drain: &'a Drain,
    drained: Pin<&'a mut D>,
    timer: Pin<&'a mut Sleep>,
    /// Whether the timer and the drain know whom to wake. It is always the same task, so once is enough.
    waker_known: bool,
    grace_given: bool,
}

impl<D: Future> Watch<'_, D> {
    fn poll<I, S, B>(&mut self, http: &mut Connection<I, S>, cx: &mut Context<'_>) -> Poll<End>
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin,
        S: HttpService<Incoming, ResBody = B>,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: Body + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        loop {
            if let Poll::Ready(result) = Pin::new(&mut *http).poll(cx) {
                return Poll::Ready(End::Finished(result));
            }
            self.set_limits(cx);
            if !self.timer.is_elapsed() {
                return Poll::Pending;
            }
            match self.state.stage.get() {
                Stage::HeadBegun | Stage::HeadTimed => return Poll::Ready(End::HeadTooSlow(Begun::Yes)),
                Stage::ClosingBegun | Stage::ClosingTimed => return Poll::Ready(End::CutOff),
                // The responder keeps its own deadlines, the body has its own limit, the drain has an end.
                Stage::Answering => self.set_timer(self.limits.idle_max, cx),
                Stage::Idle if !self.state.asked.get() && !self.grace_given => {
                    return Poll::Ready(End::HeadTooSlow(Begun::No));
                }
                Stage::Idle => {
                    let idle_until = later(self.state.last_head.get(), self.limits.idle_max);
                    let now = clock::instant();
                    if self.grace_given || now >= idle_until {
                        // If something is still unsent, hyper goes on until it is: not for long.
                        Pin::new(&mut *http).graceful_shutdown();
                        self.state.stage.set(Stage::ClosingBegun);
                    } else {
                        self.set_timer(idle_until.saturating_duration_since(now), cx);
                    }
                }
            }
        }
    }

    /// Sets the limit of a stage that has none yet.
    fn set_limits(&mut self, cx: &mut Context<'_>) {
        if !self.waker_known {
            self.waker_known = true;
            let _ = self.drained.as_mut().poll(cx);
            let _ = self.timer.as_mut().poll(cx);
        }
        match self.state.stage.get() {
            Stage::HeadBegun => {
                self.state.stage.set(Stage::HeadTimed);
                // The first head's time began when the connection did.
                let from = if self.state.asked.get() { clock::instant() } else { self.state.last_head.get() };
                self.set_timer_at(later(from, self.limits.head_read_max), cx);
            }
            Stage::ClosingBegun => {
                self.state.stage.set(Stage::ClosingTimed);
                self.set_timer(FAREWELL_MAX, cx);
            }
            Stage::Idle if self.drain.begun() && !self.grace_given => {
                self.grace_given = true;
                self.set_timer(DRAIN_GRACE, cx);
            }
            Stage::Idle | Stage::HeadTimed | Stage::Answering | Stage::ClosingTimed => {}
        }
    }

    fn set_timer(&mut self, after: Duration, cx: &mut Context<'_>) {
        self.set_timer_at(later(clock::instant(), after), cx);
    }

    fn set_timer_at(&mut self, at: Instant, cx: &mut Context<'_>) {
        self.timer.as_mut().reset(at);
        let _ = self.timer.as_mut().poll(cx);
    }
}

/// A moment so much later; a limit too long for the clock is none.
fn later(from: Instant, by: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(86_400 * 365);
    from.checked_add(by.min(NEVER)).unwrap_or(from)
}
