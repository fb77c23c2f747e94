//! `/v1/grants`: an enterprise's leave for a processor to ask about its objects, for one issuing platform.

use axum::response::Response;
use holdfast_core::agent::{OrganizationId, OrganizationKind, Scope};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::asking::{KeyParameter, Read, Versioned, Write};
use super::bindings::issuing_platform;
use super::openapi::{ReadProblems, WriteProblems};
use super::shown::{Listed, Shown, State, StatusParameter, page_and_status};
use crate::agent::bodies::{Grant, Organization};
use crate::agent::names::fresh;
use crate::agent::office::change::New;
use crate::agent::office::{Office, Owner, archived, no_randomness, read, unknown};
use crate::agent::store::{Kind, List, Row};
use crate::api::input::Need;
use crate::api::page::PageParameters;
use crate::api::problem::Problem;
use crate::api::router::Target;

/// A grant to make.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct NewGrant {
    /// Who may ask.
    #[schema(example = "proc_demo")]
    processor_id: String,
    /// For which issuing platform.
    #[schema(example = "MARQETA")]
    issuing_platform: String,
}

pub(in crate::agent) fn grant_claim(owner: Owner, processor: &str, platform: &str) -> String {
    format!("grant/{}/{}/{processor}/{}", owner.environment.name(), owner.organization, platform.to_ascii_lowercase())
}

/// A grant is seen by who gave it and by who has it.
async fn seen(office: &Office, owner: Owner, id: &str) -> Result<(Row, Grant), Problem> {
    let row = office.get(Kind::Grant, id).await?.ok_or_else(|| unknown(Kind::Grant))?;
    let organization = owner.organization.as_str();
    let sees = row.environment == Some(owner.environment) && (row.organization == organization || row.parent == organization);
    if !sees {
        return Err(unknown(Kind::Grant));
    }
    let body = read(&row)?;
    Ok((row, body))
}

/// Lists grants: those that an enterprise gave, or those that a processor has.
#[utoipa::path(get, operation_id = "list_grants", path = "/v1/grants", tag = "grants", params(PageParameters, StatusParameter),
    responses((status = 200, body = Listed<Shown<Grant>>), ReadProblems))]
pub(super) async fn list(house: State, read: Read) -> Result<Response, Problem> {
    let (page, status) = read.query.finish(|fields| page_and_status(fields, "grants"))?;
    let owner = read.asker.owner();
    let own = owner.organization.to_string();
    let (organization, parent) = match read.asker.caller.kind {
        OrganizationKind::Enterprise => (Some(own), None),
        OrganizationKind::Processor => (None, Some(own)),
    };
    let environment = Some(owner.environment);
    let list = List { organization, parent, environment, status, ..List::of(Kind::Grant, 0) };
    house.list_of(list, page, "grants").await
}

/// Shows a grant.
#[utoipa::path(get, operation_id = "get_grant", path = "/v1/grants/{grant_id}", tag = "grants",
    params(("grant_id" = String, Path)), responses((status = 200, body = Shown<Grant>), ReadProblems))]
pub(super) async fn get(house: State, target: Target, read: Read) -> Result<Response, Problem> {
    read.query.finish(|_| Some(()))?;
    let id: String = target.parse("grant")?;
    let (row, _) = seen(&house.office, read.asker.owner(), &id).await?;
    house.answer(StatusCode::OK, row).await
}

/// Lets a processor ask for decisions on your objects, for one issuing platform. Without it they are unknown to it.
#[utoipa::path(post, operation_id = "create_grant", path = "/v1/grants", tag = "grants", params(KeyParameter),
    request_body = NewGrant, responses((status = 201, body = Shown<Grant>), WriteProblems))]
pub(super) async fn create(house: State, write: Write) -> Result<Response, Problem> {
    let (owner, office) = (write.asker.owner(), &house.office);
    let mut wanted = write.read(Scope::Setup, Versioned::New, |fields| {
        let processor = fields.parsed("processor_id", Need::Required, OrganizationId::new);
        let platform = issuing_platform(fields, Need::Required);
        processor.zip(platform)
    })?;
    if let Some(row) = office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::CREATED, row).await;
    }
    let (processor, platform) = &wanted.what;
    let no_processor = || unknown(Kind::Organization).at("processor_id", "names no processor");
    let known = office.get(Kind::Organization, processor.as_str()).await?.ok_or_else(no_processor)?;
    if read::<Organization>(&known)?.kind != OrganizationKind::Processor {
        return Err(no_processor());
    }
    let id = fresh(&office.sealer, "grant_").map_err(no_randomness)?;
    let place = New {
        id: &id,
        organization: owner.organization.as_str(),
        environment: Some(owner.environment),
        parent: processor.as_str(),
        status: "active",
    };
    let body = Grant { processor_id: processor.to_string(), issuing_platform: platform.to_ascii_uppercase() };
    let claim = grant_claim(owner, processor.as_str(), platform);
    wanted.change.create(&place, &body, vec![claim], "grant.created");
    let row = office.make(wanted.change).await?;
    house.answer(StatusCode::CREATED, row).await
}

/// Takes a grant back: from now on your objects are unknown to the processor.
#[utoipa::path(post, operation_id = "revoke_grant", path = "/v1/grants/{grant_id}/revoke", tag = "grants",
    params(("grant_id" = String, Path), KeyParameter), responses((status = 200, body = Shown<Grant>), WriteProblems))]
pub(super) async fn revoke(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let mut wanted = write.read(Scope::Setup, Versioned::Optional, |_| Some(()))?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let id: String = target.parse("grant")?;
    let owner = wanted.asker.owner();
    let (row, body) = house.office.own::<Grant>(owner, &id).await?;
    wanted.must_fit(&row)?;
    if row.status != "active" {
        return Err(archived(Kind::Grant));
    }
    let claim = grant_claim(owner, &body.processor_id, &body.issuing_platform);
    wanted.change.update(&row, "revoked", &body, vec![claim], "grant.revoked");
    let row = house.office.make(wanted.change).await?;
    house.answer(StatusCode::OK, row).await
}
