//! `/v1/policies` and `/v1/policy-templates`: what an authority's payments must keep to.

use axum::Json;
use axum::response::Response;
use holdfast_core::agent::{AuthorityId, CompiledPolicy, FieldError, PolicyId, Scope, TEMPLATES, Template};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::House;
use super::asking::{KeyParameter, Read, VersionParameter, Versioned, Write};
use super::openapi::{OpenReadProblems, ReadProblems, WriteProblems};
use super::shown::{Listed, Shown, State, StatusParameter, page_and_status};
use crate::agent::bodies::{Policy, PolicyTemplate, PolicyVersion};
use crate::agent::mirror::room_beside;
use crate::agent::office::change::{Change, New};
use crate::agent::office::{Office, Owner, no_randomness};
use crate::agent::policy_names;
use crate::agent::store::{Guard, Kind, List};
use crate::api::input::{Fields, Need};
use crate::api::page::PageParameters;
use crate::api::problem::Problem;
use crate::api::router::Target;
use crate::config::ruleset::zone;

/// A policy to make.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct NewPolicy {
    /// What it is called.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// The template with its parameters. Merchants' names are kept apart from the policy, sealed: once they were erased (`holdfast erase`)
    /// each is shown as `null`, and the policy decides as before.
    policy: PolicyTemplate,
}

/// What changes of a policy; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct PolicyChange {
    /// What it is called.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// The template with its parameters: a new version, in force at once for every authority that has the policy. What a budget or count has
    /// counted stays with it while its maximum, and whatever is around it, changes; over another window it begins anew. (Once, after an update
    /// from a version in which limits were named by their place, so do rolling windows, zones but UTC, and weeks that do not begin on Monday.)
    policy: Option<PolicyTemplate>,
    /// The version of the object that you read; `If-Match` says the same.
    version: Option<u32>,
}

/// The templates.
#[derive(Debug, Serialize, ToSchema)]
pub struct Templates {
    /// The templates.
    items: Vec<TemplateShown>,
}

/// A template.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateShown {
    /// As policies write it.
    #[schema(example = "max_amount")]
    template: String,
    /// For people, a few words.
    title: String,
    /// What it does.
    description: String,
    /// The JSON Schema (draft 2020-12) of its parameters.
    parameters_schema: Value,
    /// Parameters that pass.
    example: Value,
}

/// Lists policy templates with the schemas of their parameters. Needs no token.
#[utoipa::path(get, operation_id = "list_policy_templates", path = "/v1/policy-templates", tag = "policies", security(()),
    responses((status = 200, body = Templates), OpenReadProblems))]
pub(super) async fn templates() -> Json<Value> {
    let json_of = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let items: Vec<_> = TEMPLATES
        .iter()
        .map(|facts| {
            json!({
                "template": facts.name,
                "title": facts.title,
                "description": facts.description,
                "parameters_schema": json_of(facts.schema),
                "example": json_of(facts.example),
            })
        })
        .collect();
    Json(json!({ "items": items }))
}

/// Reads a template from the field `policy`; what is wrong with it is told by its path.
pub(super) fn template(house: &House, owner: Owner, fields: &Fields, need: Need) -> Option<Template> {
    let value = fields.json("policy", need)?;
    let wrong = |errors: Vec<FieldError>| {
        for FieldError { path, problem } in errors {
            let path = if path.is_empty() { "policy".to_owned() } else { format!("policy.{path}") };
            fields.wrong(&path, &problem);
        }
    };
    let template = Template::read(value, &zone).map_err(wrong).ok()?;
    // Compiled for nobody, to know that it can be.
    let nobody = house.office.mirror.owner(AuthorityId::of_random([0; 10]), PolicyId::of_random([0; 10]), owner.environment)?;
    // At the till a payment under more than there is room for is declined: whoever writes the policy should hear of it.
    let room = room_beside(house.limits_of_program(owner.environment));
    CompiledPolicy::within(&template, &nobody, room).map_err(wrong).ok()?;
    Some(template)
}

/// Adds a policy with its first version to a change; its name.
pub(super) fn put_policy(
    office: &Office,
    change: &mut Change,
    owner: Owner,
    name: Option<&str>,
    template: &Template,
) -> Result<PolicyId, Problem> {
    let id = PolicyId::of_random(office.sealer.random().map_err(no_randomness)?);
    let policy = office.policy(change, owner, template)?;
    let name = office.some_words(change, &office.whose(owner), name)?;
    let body = Policy { name, policy: policy.clone(), policy_version: 1 };
    let place = New {
        id: id.as_str(),
        organization: owner.organization.as_str(),
        environment: Some(owner.environment),
        parent: "",
        status: "active",
    };
    change.create(&place, &body, Vec::new(), "policy.created");
    put_version(change, owner, id.as_str(), 1, policy);
    Ok(id)
}

fn put_version(change: &mut Change, owner: Owner, policy_id: &str, number: u32, policy: Value) {
    let id = format!("{policy_id}@{number}");
    let place = New {
        id: &id,
        organization: owner.organization.as_str(),
        environment: Some(owner.environment),
        parent: policy_id,
        status: "kept",
    };
    let body = PolicyVersion { policy_id: policy_id.to_owned(), policy_version: number, policy };
    change.create(&place, &body, Vec::new(), "policy.version_kept");
}

/// Lists policies.
#[utoipa::path(get, operation_id = "list_policies", path = "/v1/policies", tag = "policies", params(PageParameters, StatusParameter),
    responses((status = 200, body = Listed<Shown<Policy>>), ReadProblems))]
pub(super) async fn list(house: State, read: Read) -> Result<Response, Problem> {
    let (page, status) = read.query.finish(|fields| page_and_status(fields, "policies"))?;
    house.list(&read.asker, List { status, ..List::of(Kind::Policy, 0) }, page, "policies").await
}

/// Shows a policy.
#[utoipa::path(get, operation_id = "get_policy", path = "/v1/policies/{policy_id}", tag = "policies",
    params(("policy_id" = String, Path)), responses((status = 200, body = Shown<Policy>), ReadProblems))]
pub(super) async fn get(house: State, target: Target, read: Read) -> Result<Response, Problem> {
    read.query.finish(|_| Some(()))?;
    let id: String = target.parse("policy")?;
    let (row, _) = house.office.own::<Policy>(read.asker.owner(), &id).await?;
    house.answer(StatusCode::OK, row).await
}

/// Lists the versions that a policy's template had.
#[utoipa::path(get, operation_id = "list_policy_versions", path = "/v1/policies/{policy_id}/versions", tag = "policies",
    params(("policy_id" = String, Path), PageParameters), responses((status = 200, body = Listed<Shown<PolicyVersion>>), ReadProblems))]
pub(super) async fn versions(house: State, target: Target, read: Read) -> Result<Response, Problem> {
    let page = read.query.finish(|fields| crate::api::page::Page::read(fields, "policy_versions"))?;
    let id: String = target.parse("policy")?;
    let (row, _) = house.office.own::<Policy>(read.asker.owner(), &id).await?;
    let list = List { parent: Some(row.id), ..List::of(Kind::PolicyVersion, 0) };
    house.list(&read.asker, list, page, "policy_versions").await
}

/// Makes a policy from a template.
#[utoipa::path(post, operation_id = "create_policy", path = "/v1/policies", tag = "policies", params(KeyParameter),
    request_body = NewPolicy, responses((status = 201, body = Shown<Policy>), WriteProblems))]
pub(super) async fn create(house: State, write: Write) -> Result<Response, Problem> {
    let owner = write.asker.owner();
    let mut wanted = write.read(Scope::Setup, Versioned::New, |fields| {
        let name = fields.words("name", Need::Optional, 200);
        Some((name, template(&house, owner, fields, Need::Required)?))
    })?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::CREATED, row).await;
    }
    let (name, template) = &wanted.what;
    put_policy(&house.office, &mut wanted.change, owner, name.as_deref(), template)?;
    let row = house.office.make(wanted.change).await?;
    house.answer(StatusCode::CREATED, row).await
}

/// Changes a policy. A changed template is a new version; what was decided by an earlier one stays told by that.
#[utoipa::path(patch, operation_id = "update_policy", path = "/v1/policies/{policy_id}", tag = "policies",
    params(("policy_id" = String, Path), KeyParameter, VersionParameter), request_body = PolicyChange,
    responses((status = 200, body = Shown<Policy>), WriteProblems))]
pub(super) async fn update(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let owner = write.asker.owner();
    let mut wanted = write.read(Scope::Setup, Versioned::Required, |fields| {
        Some((fields.words("name", Need::Optional, 200), template(&house, owner, fields, Need::Optional)))
    })?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let id: String = target.parse("policy")?;
    let (row, mut body) = house.office.own::<Policy>(owner, &id).await?;
    wanted.must_fit(&row)?;
    let (name, template) = wanted.what.clone();
    if let Some(name) = name {
        body.name = Some(house.office.words(&mut wanted.change, &house.office.whose(owner), &name)?);
    }
    let mut version = None;
    if let Some(template) = template {
        let known = policy_names::read(&house.office.sealer, &row.organization, &body.policy);
        // What says the same is no new version; names that were erased are there again.
        body.policy = house.office.policy(&mut wanted.change, owner, &template)?;
        if known.map(|known| known.canonical()) != Ok(template.canonical()) {
            body.policy_version = body.policy_version.saturating_add(1);
            version = Some(body.policy.clone());
        }
    }
    wanted.change.update(&row, &row.status, &body, Vec::new(), "policy.updated");
    if let Some(policy) = version {
        put_version(&mut wanted.change, owner, &id, body.policy_version, policy);
    }
    let row = house.office.make(wanted.change).await?;
    house.answer(StatusCode::OK, row).await
}

/// Archives a policy that no live authority has.
#[utoipa::path(post, operation_id = "archive_policy", path = "/v1/policies/{policy_id}/archive", tag = "policies",
    params(("policy_id" = String, Path), KeyParameter, VersionParameter),
    responses((status = 200, body = Shown<Policy>), WriteProblems))]
pub(super) async fn archive(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let mut wanted = write.read(Scope::Setup, Versioned::Optional, |_| Some(()))?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let id: String = target.parse("policy")?;
    let (row, body) = house.office.own::<Policy>(wanted.asker.owner(), &id).await?;
    wanted.must_fit(&row)?;
    wanted.change.only_if(Guard::NoneHas(Kind::Authority, "policy_id", id.clone()));
    wanted.change.update(&row, "archived", &body, Vec::new(), "policy.archived");
    let row = house.office.make(wanted.change).await?;
    house.answer(StatusCode::OK, row).await
}
