//! One request: route, body, answer.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use holdfast_adapters::{Refused, Reply};
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, EXPECT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::body::Incoming;
use hyper::{Request, Response};

use super::answer::{Answered, BodyFault, Call, Respond};
use super::body::{self, AnswerBody, Rest};
use super::bridge::{Bridge, NotCrossed};
use super::route::Found;
use super::watched::{ConnectionState, Stage};
use super::worker::Worker;
use crate::clock::{self, Moment};
use crate::metrics::HttpRefusal;

/// An answer of silence, as the connection is told to end without a word.
#[derive(Debug)]
pub(super) struct Silence;

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("answered with silence")
    }
}

impl std::error::Error for Silence {}

/// What may happen to the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// It waits for the next request, unless the server is draining.
    Keep,
    /// It is closed.
    Close,
}

/// Answers one request.
///
/// # Errors
/// The answer is silence.
pub(super) async fn answer<R: Respond>(
    worker: Rc<Worker<R>>,
    connection: Rc<ConnectionState>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Silence> {
    // A platform counts from when it asked, not from when a worker came to its connection.
    let received = connection.waits_since.take().unwrap_or_else(clock::now);
    connection.stage.set(Stage::Answering);
    connection.last_head.set(received.instant);
    connection.asked.set(true);
    let response = pin!(dispatch(&worker, &connection, request, received)).await;
    connection.stage.set(Stage::Idle);
    response
}

async fn dispatch<R: Respond>(
    worker: &Worker<R>,
    connection: &Rc<ConnectionState>,
    request: Request<Incoming>,
    received: Moment,
) -> Result<Response<AnswerBody>, Silence> {
    let (head, incoming) = request.into_parts();
    let found = worker.routes.find(&head.method, head.uri.path());
    if let (Found::Nothing { .. }, Some(bridge)) = (found, beside(worker, head.uri.path())) {
        return Ok(pin!(cross(worker, connection, bridge, Request::from_parts(head, incoming), received)).await);
    }
    let (mount, route, segment) = match found {
        Found::Callback { mount, route, segment } => (mount, route, segment),
        Found::Health => {
            let after = passed_over(&head.headers, incoming).await;
            return Ok(bare(worker, StatusCode::OK, after, head.headers));
        }
        Found::MethodNotAllowed { allow, mount } => {
            return not_this_way(worker, connection, (head, incoming), (allow, mount)).await;
        }
        Found::Nothing { mount } => {
            worker.metrics.http_refused(HttpRefusal::PathUnknown);
            let after = passed_over(&head.headers, incoming).await;
            return match mount {
                Some(mount) => {
                    in_its_words(worker, connection, (mount, &Refused::NoRoute), after, connection.buffer.take(), head.headers)
                }
                None => Ok(in_a_line(worker, connection, (StatusCode::NOT_FOUND, after), NOT_HERE, head.headers)),
            };
        }
    };
    let buffer = connection.buffer.take();
    let until = received.instant.checked_add(worker.limits.body_read_max).unwrap_or(received.instant);
    let query = head.uri.query().unwrap_or("");
    let of_head = Call { mount, route, segment, query, headers: &head.headers, body: &[], received, worker: worker.index };
    let may_send = || stranger(worker, of_head).map_or(Ok(()), |answered| Err(Unread::Stranger(Box::new(answered))));
    let body = match body::read(incoming, worker.limits.body_bytes_max, until, may_send).await {
        Ok(body) => body,
        Err(Unread::Fault(fault)) => return refuse(worker, connection, mount, fault, buffer, head.headers),
        Err(Unread::Stranger(answered)) => return say(worker, connection, *answered, After::Close, head.headers),
    };
    let call = Call { body: &body, ..of_head };
    let answered = {
        // In a block of its own, so that a panic before the future exists is caught as well; pinned, because it is large.
        let responding = pin!(async { pin!(worker.responder.respond(call, buffer)).await });
        AssertUnwindSafe(responding).catch_unwind().await
    };
    let Ok(answered) = answered else {
        worker.metrics.panicked();
        return Ok(bare(worker, StatusCode::INTERNAL_SERVER_ERROR, After::Keep, head.headers));
    };
    // Given back to the connection's read buffer before that is needed again.
    drop(body);
    say(worker, connection, answered, After::Keep, head.headers)
}

/// What becomes of a connection whose request's body nobody wants: as long as that was not read, no other request can be.
async fn passed_over(headers: &HeaderMap, incoming: Incoming) -> After {
    // Who waits to be asked for it is not asked.
    if headers.contains_key(EXPECT) {
        return After::Close;
    }
    match body::pass_over(incoming).await {
        Rest::Nothing => After::Keep,
        Rest::Unread => After::Close,
    }
}

/// What a caller hears whose path is called otherwise: in the shape of what is beside the workers, or of the mount, if the path is among theirs.
async fn not_this_way<R: Respond>(
    worker: &Worker<R>,
    connection: &Rc<ConnectionState>,
    (head, incoming): (Parts, Incoming),
    (allow, mount): (&'static str, Option<usize>),
) -> Result<Response<AnswerBody>, Silence> {
    worker.metrics.http_refused(HttpRefusal::MethodNotAllowed);
    let after = passed_over(&head.headers, incoming).await;
    let mut response = match beside(worker, head.uri.path()) {
        Some(bridge) => {
            let (mut head, body) = bridge.refuse(NotCrossed::NotThisWay).into_parts();
            close_if_due(worker, after, &mut head.headers);
            Response::from_parts(head, AnswerBody::new(body.into(), Rc::clone(connection)))
        }
        None => match mount {
            Some(mount) => {
                in_its_words(worker, connection, (mount, &Refused::NotThisWay), after, connection.buffer.take(), head.headers)?
            }
            None => in_a_line(worker, connection, (StatusCode::METHOD_NOT_ALLOWED, after), NOT_THIS_WAY, head.headers),
        },
    };
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    Ok(response)
}

/// Why a body is not there.
enum Unread<A> {
    Fault(BodyFault),
    /// Nobody waits for a stranger's, who hears this.
    Stranger(Box<A>),
}

impl<A> From<BodyFault> for Unread<A> {
    fn from(fault: BodyFault) -> Self {
        Unread::Fault(fault)
    }
}

/// What a caller hears who is a stranger by the head alone.
fn stranger<R: Respond>(worker: &Worker<R>, of_head: Call<'_>) -> Option<Answered> {
    std::panic::catch_unwind(AssertUnwindSafe(|| worker.responder.refuse_stranger(of_head))).unwrap_or_else(|_| {
        worker.metrics.panicked();
        Some(Answered::Said { reply: Reply::json(500), body: Vec::new() })
    })
}

/// What a caller hears who is a stranger by the head alone of a request that is to cross.
fn stranger_beside<R: Respond>(worker: &Worker<R>, bridge: &Bridge, head: &Parts) -> Result<(), Unread<Response<Bytes>>> {
    let refused = std::panic::catch_unwind(AssertUnwindSafe(|| bridge.refuse_stranger(head))).unwrap_or_else(|_| {
        worker.metrics.panicked();
        let mut broken = Response::new(Bytes::new());
        *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Some(broken)
    });
    refused.map_or(Ok(()), |refused| Err(Unread::Stranger(Box::new(refused))))
}

/// The bridge, if a path is not the workers' own.
fn beside<'w, R: Respond>(worker: &'w Worker<R>, path: &str) -> Option<&'w Bridge> {
    worker.bridge.as_ref().filter(|bridge| bridge.covers(path))
}

/// Has a request answered beside the workers.
async fn cross<R: Respond>(
    worker: &Worker<R>,
    connection: &Rc<ConnectionState>,
    bridge: &Bridge,
    request: Request<Incoming>,
    received: Moment,
) -> Response<AnswerBody> {
    let (head, incoming) = request.into_parts();
    let until = received.instant.checked_add(worker.limits.body_read_max).unwrap_or(received.instant);
    let may_send = || stranger_beside(worker, bridge, &head);
    let (crossed, mut after) = match body::read(incoming, bridge.body_bytes_max, until, may_send).await {
        Ok(body) => (bridge.cross(Request::from_parts(head, body)).await, After::Keep),
        Err(Unread::Stranger(refused)) => (Ok(*refused), After::Close),
        Err(Unread::Fault(fault)) => {
            worker.metrics.http_refused(fault.refusal());
            (Err(NotCrossed::Body(fault)), After::Close)
        }
    };
    let response = crossed.unwrap_or_else(|why| {
        match why {
            NotCrossed::Full => worker.metrics.http_refused(HttpRefusal::TooMany),
            NotCrossed::Stopping => after = After::Close,
            NotCrossed::Body(_) | NotCrossed::TooLate | NotCrossed::NotThisWay => {}
        }
        bridge.refuse(why)
    });
    if response.status() == StatusCode::UNAUTHORIZED {
        worker.metrics.stranger_beside();
    }
    let (mut head, body) = response.into_parts();
    close_if_due(worker, after, &mut head.headers);
    Response::from_parts(head, AnswerBody::new(body.into(), Rc::clone(connection)))
}

fn refuse<R: Respond>(
    worker: &Worker<R>,
    connection: &Rc<ConnectionState>,
    mount: usize,
    fault: BodyFault,
    buffer: Vec<u8>,
    headers: HeaderMap,
) -> Result<Response<AnswerBody>, Silence> {
    worker.metrics.http_refused(fault.refusal());
    in_its_words(worker, connection, (mount, &fault.refused()), After::Close, buffer, headers)
}

/// A refusal in the shape of a mount's platform.
fn in_its_words<R: Respond>(
    worker: &Worker<R>,
    connection: &Rc<ConnectionState>,
    (mount, refused): (usize, &Refused),
    after: After,
    buffer: Vec<u8>,
    headers: HeaderMap,
) -> Result<Response<AnswerBody>, Silence> {
    let answered = std::panic::catch_unwind(AssertUnwindSafe(|| worker.responder.refuse(mount, refused, buffer)));
    let answered = answered.unwrap_or_else(|_| {
        worker.metrics.panicked();
        Answered::Said { reply: Reply::json(refused.status()), body: Vec::new() }
    });
    say(worker, connection, answered, after, headers)
}

/// Puts an answer on the wire. The request's header map becomes the answer's: its memory serves the next request's again.
fn say<R: Respond>(
    worker: &Worker<R>,
    connection: &Rc<ConnectionState>,
    answered: Answered,
    after: After,
    mut headers: HeaderMap,
) -> Result<Response<AnswerBody>, Silence> {
    let Answered::Said { reply, body } = answered else { return Err(Silence) };
    headers.clear();
    if !body.is_empty()
        && let Some(value) = content_type(reply.content_type)
    {
        headers.insert(CONTENT_TYPE, value);
    }
    for (name, value) in reply.headers {
        headers.insert(name, value);
    }
    close_if_due(worker, after, &mut headers);
    let mut response = Response::new(AnswerBody::new(body, Rc::clone(connection)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    Ok(response)
}

/// What a caller reads whose path leads nowhere: whose it is meant to be, nobody knows.
const NOT_HERE: &str = "no platform calls at this path: see [[program.mount]] in the configuration\n";
/// The same, of a path that is called otherwise.
const NOT_THIS_WAY: &str = "this path is not called with this method: see the header Allow\n";

/// An answer of a status and a line for people: there is no platform whose shape it could have.
fn in_a_line<R: Respond>(
    worker: &Worker<R>,
    connection: &Rc<ConnectionState>,
    (status, after): (StatusCode, After),
    line: &str,
    headers: HeaderMap,
) -> Response<AnswerBody> {
    let mut response = bare(worker, status, after, headers);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    let mut buffer = connection.buffer.take();
    buffer.extend_from_slice(line.as_bytes());
    *response.body_mut() = AnswerBody::new(buffer, Rc::clone(connection));
    response
}

/// An answer of a status only.
fn bare<R: Respond>(worker: &Worker<R>, status: StatusCode, after: After, mut headers: HeaderMap) -> Response<AnswerBody> {
    headers.clear();
    close_if_due(worker, after, &mut headers);
    let mut response = Response::new(AnswerBody::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn close_if_due<R: Respond>(worker: &Worker<R>, after: After, headers: &mut HeaderMap) {
    const CLOSE: (HeaderName, HeaderValue) = (CONNECTION, HeaderValue::from_static("close"));
    if after == After::Close || worker.drain.begun() {
        let (name, value) = CLOSE;
        headers.insert(name, value);
    }
}

/// Without allocating for what adapters really say.
fn content_type(text: &'static str) -> Option<HeaderValue> {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    if text == "application/json" { Some(JSON) } else { HeaderValue::try_from(text).ok() }
}
