//! Answers, on the background thread, what the workers hand over; and says what is answered where nothing crosses.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response as Answer};
use bytes::Bytes;
use holdfast_adapters::token::verify_caller;
use holdfast_core::Timestamp;
use holdfast_core::agent::CredentialId;
use http::Response;
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::asking::refused;
use super::router::{self, service};
use super::{Shared, insight};
use crate::agent::lead::Agents;
use crate::agent::store::{Kind, List};
use crate::api::problem::{Code, Problem};
use crate::clock;
use crate::responder::Recalled;
use crate::server::{Bridge, Crossing, Crossings, NearSide, NotCrossed};
use crate::spool::told_to_stop;

/// The prefix of what crosses.
pub const PREFIX: &str = "/v1/";
/// The longest body.
const BODY_BYTES_MAX: usize = 65_536;
/// From a request's arrival on the other side to its answer there.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// What is said of a method that a path does not have, wherever the path is answered.
pub(super) const NOT_THIS_WAY: &str = "see `Allow` for those that are";
/// How many are answered at once.
const TOGETHER_MAX: usize = 64;
/// How often it is written down when credentials were used.
const NOTE_EVERY: Duration = Duration::from_secs(60);
/// How long a stop waits for answers that are owed.
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(5);

/// The bridge of `/v1`, and its far end.
#[must_use]
pub fn bridge(agents: Arc<Agents>) -> (Bridge, Crossings) {
    Bridge::new(PREFIX, BODY_BYTES_MAX, ANSWER_MAX, Arc::new(Gate { agents, for_everybody: router::for_everybody() }))
}

/// What is answered by those who read requests and do not answer them.
struct Gate {
    agents: Arc<Agents>,
    /// The paths that need no token.
    for_everybody: Vec<String>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl NearSide for Gate {
    fn refuse(&self, why: NotCrossed) -> Response<Bytes> {
        refusal(why)
    }

    fn refuse_stranger(&self, head: &Parts) -> Option<Response<Bytes>> {
        if self.for_everybody.iter().any(|path| path == head.uri.path()) {
            return None;
        }
        if !self.agents.is_filled() {
            // Nobody is known yet: who is a stranger and who is none hear the same.
            return Some(not_yet());
        }
        let fault = verify_caller(&head.headers, self.agents.registry.as_ref(), clock::utc()).err()?;
        Some(at_once(refused(fault)))
    }
}

/// What is answered where nothing crosses.
fn refusal(why: NotCrossed) -> Response<Bytes> {
    let problem = match why {
        NotCrossed::Body(fault) => match fault.status() {
            413 => Problem::of(Code::BodyTooLarge, format!("at most {BODY_BYTES_MAX} bytes are read")),
            408 => Problem::of(Code::RequestTimeout, "the body did not arrive in time"),
            _ => Problem::of(Code::BadRequest, "the body ended early"),
        },
        NotCrossed::NotThisWay => Problem::of(Code::MethodNotAllowed, NOT_THIS_WAY),
        NotCrossed::Full => Problem::of(Code::Busy, "nothing was done; send it again").retry_after(1),
        NotCrossed::TooLate => Problem::of(Code::RequestTimeout, "it may yet be done: send it again with the same key"),
        NotCrossed::Stopping => Problem::of(Code::Busy, "the server is stopping; send it again with the same key").retry_after(1),
    };
    at_once(problem)
}

/// What is answered until it is known who may ask.
fn not_yet() -> Response<Bytes> {
    at_once(Problem::of(Code::StoreUnavailable, "the server is starting; nothing was done, send it again").retry_after(1))
}

fn at_once(problem: Problem) -> Response<Bytes> {
    let (head, body) = problem.into_response().into_parts();
    // The body of a problem is there at once.
    let bytes = futures_util::FutureExt::now_or_never(body.collect()).and_then(Result::ok);
    Response::from_parts(head, bytes.map(http_body_util::Collected::to_bytes).unwrap_or_default())
}

/// Answers until `stopped` closes, then what is owed. Until everything that waits for the ledger is `recalled`, that the server starts.
pub async fn serve(house: Shared, mut crossings: Crossings, recalled: Recalled, stopped: watch::Receiver<()>) {
    let router = service(&house);
    let places = Arc::new(Semaphore::new(TOGETHER_MAX));
    let mut answering = JoinSet::new();
    let noting = tokio::spawn(keep_noting(Shared::clone(&house), stopped.clone()));
    let (of_insight, waiting) = (insight::follow(Shared::clone(&house), stopped.clone()), recalled.clone());
    let following = tokio::spawn(async move {
        waiting.until().await;
        of_insight.await;
    });
    let mut stop = std::pin::pin!(told_to_stop(stopped));
    loop {
        let crossing = tokio::select! {
            () = &mut stop => break,
            Some(_) = answering.join_next() => continue,
            crossing = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, crossings.recv().await)
            } => crossing,
        };
        let (Ok(place), Some(Crossing { request, answer })) = crossing else { break };
        let (router, is_filled, recalled) = (router.clone(), house.is_filled(), recalled.clone());
        answering.spawn(async move {
            let answered = if is_filled && recalled.soon().await { answered(router, request).await } else { not_yet() };
            // Who has gone needs no answer, but what was asked is done.
            let _ = answer.send(answered);
            drop(place);
        });
    }
    drop(crossings);
    let all = async { while answering.join_next().await.is_some() {} };
    // Whoever is slower than this has had its chance.
    let _ = timeout(LAST_ANSWERS_MAX, all).await;
    noting.abort();
    following.abort();
    house.note_use(&mut HashMap::new()).await;
}

async fn answered(router: Router, request: http::Request<Bytes>) -> Response<Bytes> {
    let service = TowerToHyperService::new(router);
    let Ok::<Answer, _>(answer) = service.call(request.map(Body::from)).await;
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Response::from_parts(head, bytes)
}

async fn keep_noting(house: Shared, stopped: watch::Receiver<()>) {
    let noting = async {
        let mut noted = HashMap::new();
        loop {
            sleep(NOTE_EVERY).await;
            house.note_use(&mut noted).await;
        }
    };
    tokio::select! {
        () = noting => {}
        () = told_to_stop(stopped) => {}
    }
}

impl super::House {
    /// Writes down when credentials were used, as far as that is news.
    async fn note_use(&self, noted: &mut HashMap<CredentialId, Timestamp>) {
        let office = &self.office;
        let live = List { status: Some("active".to_owned()), ..List::of(Kind::Credential, u32::MAX) };
        // What cannot be written now is written the next time.
        let Ok(rows) = office.store.list(live).await else { return };
        let ids = rows.iter().filter_map(|(_, row)| row.id.parse::<CredentialId>().ok());
        let used = ids.filter_map(|id| office.registry().last_used(&id).map(|at| (id, at)));
        let news: Vec<_> = used.filter(|(id, at)| noted.get(id) != Some(at)).collect();
        if news.is_empty() {
            return;
        }
        let uses = news.iter().map(|(id, at)| (id.to_string(), *at)).collect();
        if office.store.note_use(uses).await.is_ok() {
            noted.extend(news);
        }
    }
}
