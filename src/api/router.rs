//! Every route of the API, each with its description: there is no way to add one without the other.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, MatchedPath, Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::openapi::{self, Description};
use super::problem::{Code, Problem};
use super::reads::{AsOf, Unreadable};
use super::{Api, accounts, cards, holds, instruments, merchants, movements, settlement, stand_in};

/// The routes, and what they say of themselves.
pub fn described() -> (Router<Arc<Api>>, OpenApi) {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::get))
        .routes(routes!(accounts::credit))
        .routes(routes!(accounts::debit))
        .routes(routes!(accounts::set_status))
        .routes(routes!(movements::list))
        .routes(routes!(cards::list, cards::create))
        .routes(routes!(cards::get))
        .routes(routes!(cards::freeze))
        .routes(routes!(cards::unfreeze))
        .routes(routes!(cards::close))
        .routes(routes!(holds::list))
        .routes(routes!(holds::get))
        .routes(routes!(holds::release))
        .routes(routes!(merchants::list))
        .routes(routes!(merchants::get, merchants::put))
        .routes(routes!(instruments::list))
        .routes(routes!(instruments::get, instruments::put))
        .routes(routes!(settlement::sums))
        .routes(routes!(stand_in::list))
        .routes(routes!(stand_in::on))
        .routes(routes!(stand_in::off))
        .routes(routes!(openapi::show))
        .split_for_parts();
    (router, description)
}

/// The whole service.
pub fn service(api: &Arc<Api>) -> Router {
    let (router, description) = described();
    // Made once: it does not change while the server runs.
    let text = openapi::Text::of(&description);
    router
        .layer(axum::Extension(text))
        .fallback(|| async { Problem::of(Code::NotFound, "there is no such route; GET /v1/openapi.json shows all") })
        .method_not_allowed_fallback(|| async { Problem::of(Code::MethodNotAllowed, "see `Allow` for those that are") })
        .layer(middleware::from_fn_with_state(Arc::clone(api), once_recalled))
        .layer(middleware::from_fn_with_state(Arc::clone(api), count))
        .with_state(Arc::clone(api))
}

/// Has nobody go by what waits for the ledger before a start has read all of it: a key may have come before, and what is shown be less than
/// what holds. The description is the same whatever waits.
async fn once_recalled(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if request.uri().path() == openapi::PATH || api.recalled.soon().await {
        return next.run(request).await;
    }
    let detail = "the server is starting, and still reads what waits for the ledger: nothing was done; send it again";
    Problem::of(Code::LedgerUnavailable, detail).retry_after(1).into_response()
}

/// Counts every answer by its route and the class of its status.
async fn count(State(api): State<Arc<Api>>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    // What a caller wrote is no label.
    let route = path.as_ref().map_or("none", MatchedPath::as_str);
    api.metrics.answered(route, response.status().as_u16());
    response
}

/// What the last part of a path names.
#[derive(Debug)]
pub struct Target(Option<String>);

impl Target {
    /// The name as what it should be. What cannot be a name is none that is known; no name has a control character, which no database takes.
    ///
    /// # Errors
    /// 404.
    pub fn parse<T: std::str::FromStr>(&self, what: &str) -> Result<T, Problem> {
        let name = self.0.as_deref().filter(|text| !text.contains(char::is_control));
        name.and_then(|text| text.parse().ok()).ok_or_else(|| Problem::unknown(what))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        Ok(Target(path.ok().map(|Path(text)| text)))
    }
}

/// What was read, or why it could not be.
pub(super) fn from_reads<T>(read: Result<AsOf<T>, Unreadable>) -> Result<AsOf<T>, Problem> {
    read.map_err(|Unreadable(problem)| Problem::of(Code::ReadsUnavailable, problem).retry_after(1))
}

/// What was found. What is not there while what follows the ledger is behind is not said to be nowhere.
pub(super) fn found<T>(read: AsOf<Option<T>>, what: &str) -> Result<AsOf<T>, Problem> {
    match read {
        AsOf { record, fresh, found: Some(found) } => Ok(AsOf { record, fresh, found }),
        AsOf { fresh: true, found: None, .. } => Err(Problem::unknown(what)),
        AsOf { fresh: false, found: None, .. } => Err(behind()),
    }
}

/// What follows the ledger has not come as far as the question.
pub(super) fn behind() -> Problem {
    Problem::of(Code::ReadsUnavailable, "what follows the ledger is behind; ask again").retry_after(1)
}

/// The answer to a change that was made; 202 while it cannot be read yet.
pub(super) fn written(fresh: bool, object: impl Serialize) -> Response {
    if fresh {
        return Json(object).into_response();
    }
    let mut response = (StatusCode::ACCEPTED, Json(object)).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// JSON that is ready.
pub fn json_text(text: String) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
