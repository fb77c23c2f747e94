//! `/v1/enterprises/{enterprise_id}/agents`: the programs that may spend.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use holdfast_core::agent::{AgentId, Scope, Status};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::asking::{Asker, KeyParameter, Read, VersionParameter, Versioned, Write};
use super::openapi::{ReadProblems, WriteProblems};
use super::shown::{Listed, Shown, State, StatusParameter, page_and_status};
use crate::agent::bodies::Agent;
use crate::agent::office::change::New;
use crate::agent::office::{no_randomness, unknown};
use crate::agent::store::{Kind, List};
use crate::api::input::{Fields, Need};
use crate::api::page::PageParameters;
use crate::api::problem::Problem;

/// An agent to make.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct NewAgent {
    /// What it is called.
    #[schema(max_length = 200, example = "procurement-bot")]
    name: String,
    /// What it does.
    #[schema(max_length = 2000)]
    description: Option<String>,
}

/// What changes of an agent; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct AgentChange {
    /// What it is called.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// What it does.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// `active` or `suspended`: what a suspended agent's authorities are asked is declined.
    #[schema(example = "suspended")]
    status: Option<String>,
    /// The version that you read; `If-Match` says the same.
    version: Option<u32>,
}

/// One path segment or two.
type Names<T> = Result<Path<T>, PathRejection>;

/// The enterprise of the path must be the caller's own.
fn must_be_own(asker: &Asker, enterprise: &str) -> Result<(), Problem> {
    if asker.caller.organization.as_str() == enterprise { Ok(()) } else { Err(unknown(Kind::Organization)) }
}

fn one(names: Names<String>) -> Result<String, Problem> {
    names.map(|Path(name)| name).map_err(|_| unknown(Kind::Organization))
}

fn two(names: Names<(String, String)>) -> Result<(String, String), Problem> {
    names.map(|Path(names)| names).map_err(|_| unknown(Kind::Agent))
}

/// Lists agents.
#[utoipa::path(get, operation_id = "list_agents", path = "/v1/enterprises/{enterprise_id}/agents", tag = "agents",
    params(("enterprise_id" = String, Path), PageParameters, StatusParameter),
    responses((status = 200, body = Listed<Shown<Agent>>), ReadProblems))]
pub(super) async fn list(house: State, names: Names<String>, read: Read) -> Result<Response, Problem> {
    must_be_own(&read.asker, &one(names)?)?;
    let (page, status) = read.query.finish(|fields| page_and_status(fields, "agents"))?;
    house.list(&read.asker, List { status, ..List::of(Kind::Agent, 0) }, page, "agents").await
}

/// Shows an agent.
#[utoipa::path(get, operation_id = "get_agent", path = "/v1/enterprises/{enterprise_id}/agents/{agent_id}", tag = "agents",
    params(("enterprise_id" = String, Path), ("agent_id" = String, Path)),
    responses((status = 200, body = Shown<Agent>), ReadProblems))]
pub(super) async fn get(house: State, names: Names<(String, String)>, read: Read) -> Result<Response, Problem> {
    let (enterprise, id) = two(names)?;
    must_be_own(&read.asker, &enterprise)?;
    read.query.finish(|_| Some(()))?;
    let (row, _) = house.office.own::<Agent>(read.asker.owner(), &id).await?;
    house.answer(StatusCode::OK, row).await
}

/// Makes an agent: one for each automated actor or spending workflow.
#[utoipa::path(post, operation_id = "create_agent", path = "/v1/enterprises/{enterprise_id}/agents", tag = "agents",
    params(("enterprise_id" = String, Path), KeyParameter), request_body = NewAgent,
    responses((status = 201, body = Shown<Agent>), WriteProblems))]
pub(super) async fn create(house: State, names: Names<String>, write: Write) -> Result<Response, Problem> {
    must_be_own(&write.asker, &one(names)?)?;
    let mut wanted = write.read(Scope::Setup, Versioned::New, |fields| {
        let name = fields.words("name", Need::Required, 200);
        let description = description(fields);
        name.map(|name| (name, description))
    })?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::CREATED, row).await;
    }
    let owner = wanted.asker.owner();
    let (whose, change) = (house.office.whose(owner), &mut wanted.change);
    let (name, description) = &wanted.what;
    let body = Agent {
        name: house.office.words(change, &whose, name)?,
        description: house.office.some_words(change, &whose, description.as_deref())?,
    };
    let id = AgentId::of_random(house.office.sealer.random().map_err(no_randomness)?);
    let place = New {
        id: id.as_str(),
        organization: owner.organization.as_str(),
        environment: Some(owner.environment),
        parent: "",
        status: "active",
    };
    change.create(&place, &body, Vec::new(), "agent.created");
    let row = house.office.make(wanted.change).await?;
    house.answer(StatusCode::CREATED, row).await
}

/// Several lines are fine here.
fn description(fields: &Fields) -> Option<String> {
    fields.parsed("description", Need::Optional, |text| {
        if text.chars().count() <= 2000 { Ok(text.to_owned()) } else { Err("must be at most 2000 characters") }
    })
}

/// Active or suspended, as a change may ask for it.
pub(super) fn status(fields: &Fields) -> Option<&'static str> {
    fields.parsed("status", Need::Optional, |text| match Status::named(text) {
        Some(status @ (Status::Active | Status::Suspended)) => Ok(status.name()),
        Some(Status::Archived) | None => Err("must be \"active\" or \"suspended\"; archiving has a route of its own"),
    })
}

/// What a change says of a text.
enum Told {
    /// Not a word: it stays.
    Same,
    /// `null`: there is none any more.
    Nothing,
    /// This one.
    Text(String),
}

/// Changes an agent.
#[utoipa::path(patch, operation_id = "update_agent", path = "/v1/enterprises/{enterprise_id}/agents/{agent_id}", tag = "agents",
    params(("enterprise_id" = String, Path), ("agent_id" = String, Path), KeyParameter, VersionParameter),
    request_body = AgentChange, responses((status = 200, body = Shown<Agent>), WriteProblems))]
pub(super) async fn update(house: State, names: Names<(String, String)>, write: Write) -> Result<Response, Problem> {
    let (enterprise, id) = two(names)?;
    must_be_own(&write.asker, &enterprise)?;
    let mut wanted = write.read(Scope::Setup, Versioned::Required, |fields| {
        let taken_away = fields.mentions("description") && fields.json("description", Need::Optional).is_none();
        let description = if taken_away { Told::Nothing } else { description(fields).map_or(Told::Same, Told::Text) };
        Some((fields.words("name", Need::Optional, 200), description, status(fields)))
    })?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let (row, mut body) = house.office.own::<Agent>(wanted.asker.owner(), &id).await?;
    wanted.must_fit(&row)?;
    let (whose, change) = (house.office.whose(wanted.asker.owner()), &mut wanted.change);
    let (name, description, status) = &wanted.what;
    if let Some(name) = name {
        body.name = house.office.words(change, &whose, name)?;
    }
    match description {
        Told::Same => {}
        Told::Nothing => body.description = None,
        Told::Text(text) => body.description = Some(house.office.words(change, &whose, text)?),
    }
    let status = status.unwrap_or(&row.status);
    change.update(&row, status, &body, Vec::new(), "agent.updated");
    let row = house.office.make(wanted.change).await?;
    house.answer(StatusCode::OK, row).await
}

/// Archives an agent for good: what its authorities are asked is declined.
#[utoipa::path(post, operation_id = "archive_agent", path = "/v1/enterprises/{enterprise_id}/agents/{agent_id}/archive",
    tag = "agents", params(("enterprise_id" = String, Path), ("agent_id" = String, Path), KeyParameter, VersionParameter),
    responses((status = 200, body = Shown<Agent>), WriteProblems))]
pub(super) async fn archive(house: State, names: Names<(String, String)>, write: Write) -> Result<Response, Problem> {
    let (enterprise, id) = two(names)?;
    must_be_own(&write.asker, &enterprise)?;
    let mut wanted = write.read(Scope::Setup, Versioned::Optional, |_| Some(()))?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let (row, body) = house.office.own::<Agent>(wanted.asker.owner(), &id).await?;
    wanted.must_fit(&row)?;
    wanted.change.update(&row, "archived", &body, Vec::new(), "agent.archived");
    let row = house.office.make(wanted.change).await?;
    house.answer(StatusCode::OK, row).await
}
