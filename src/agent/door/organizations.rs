//! `/v1/organization`: the caller's own, and its way to production.

use axum::response::Response;
use holdfast_core::agent::Scope;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::asking::{KeyParameter, Read, Versioned, Write};
use super::openapi::{ReadProblems, WriteProblems};
use super::shown::{Shown, State};
use crate::agent::bodies::Organization;
use crate::api::input::Need;
use crate::api::problem::Problem;

/// A request for production.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct GoLiveRequest {
    /// What the operator should know.
    #[schema(max_length = 500)]
    note: Option<String>,
}

/// Shows the caller's organization.
#[utoipa::path(get, operation_id = "get_organization", path = "/v1/organization", tag = "organization",
    responses((status = 200, body = Shown<Organization>), ReadProblems))]
pub(super) async fn get(house: State, read: Read) -> Result<Response, Problem> {
    read.query.finish(|_| Some(()))?;
    let (row, _) = house.office.organization(read.asker.caller.organization.as_str()).await?;
    house.answer(StatusCode::OK, row).await
}

/// Asks for production: an operator of the server has to approve it. Then production credentials can be made.
#[utoipa::path(post, operation_id = "request_go_live", path = "/v1/organization/go-live", tag = "organization",
    params(KeyParameter), request_body = GoLiveRequest,
    responses((status = 200, body = Shown<Organization>), WriteProblems))]
pub(super) async fn go_live(house: State, write: Write) -> Result<Response, Problem> {
    let wanted = write.read(Scope::Members, Versioned::New, |fields| Some(fields.words("note", Need::Optional, 500)))?;
    let row = match house.office.made_before(&wanted.change).await? {
        Some(row) => row,
        None => {
            let organization = wanted.asker.caller.organization;
            house.office.request_go_live(wanted.change, organization, wanted.what.as_deref()).await?
        }
    };
    house.answer(StatusCode::OK, row).await
}
