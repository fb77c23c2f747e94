//! `/v1/spending-authorities`: what an agent may spend.

use axum::response::Response;
use holdfast_core::agent::{AuthorityId, Mode, Scope, Template};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::House;
use super::agents::status;
use super::asking::{KeyParameter, Read, VersionParameter, Versioned, Write};
use super::openapi::{ReadProblems, WriteProblems};
use super::policies::{put_policy, template};
use super::shown::{Listed, Shown, State, StatusParameter, page_and_status};
use crate::agent::bodies::{Agent, Authority, Policy, PolicyTemplate};
use crate::agent::office::change::{Change, New};
use crate::agent::office::{Office, Owner, archived, no_randomness};
use crate::agent::store::{Guard, Kind, List};
use crate::api::input::{Fields, Need};
use crate::api::page::PageParameters;
use crate::api::problem::{Code, Problem};
use crate::api::router::Target;

/// A spending authority to make.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct NewAuthority {
    /// Whose spending it is about.
    agent_id: String,
    /// What it is called.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// `observe` or `enforce`; `observe` if left out: test before you enforce.
    #[schema(example = "enforce")]
    mode: Option<String>,
    /// Whether a payment without a matching intent is declined; `false` if left out.
    require_intent: Option<bool>,
    /// A policy to make for it. Not together with `policy_id`.
    policy: Option<PolicyTemplate>,
    /// A policy that there is. Without either there is none, and `enforce` declines (`NO_POLICY`).
    policy_id: Option<String>,
}

/// What changes of an authority; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct AuthorityChange {
    /// What it is called.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// `observe` or `enforce`.
    mode: Option<String>,
    /// Whether a payment without a matching intent is declined.
    require_intent: Option<bool>,
    /// `active` or `suspended`.
    status: Option<String>,
    /// A new policy, made for it. Not together with `policy_id`.
    policy: Option<PolicyTemplate>,
    /// Another policy that there is; `null` for none.
    policy_id: Option<String>,
    /// The version that you read; `If-Match` says the same.
    version: Option<u32>,
}

/// Of which agent.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct AgentParameter {
    /// Only that agent's.
    agent_id: Option<String>,
}

/// Which policy an authority gets.
enum Chosen {
    /// It stays as it is.
    Same,
    /// None.
    None,
    /// One that there is.
    Known(String),
    /// A new one.
    New(Box<Template>),
}

struct Asked {
    agent: Option<String>,
    name: Option<String>,
    mode: Option<Mode>,
    require_intent: Option<bool>,
    status: Option<&'static str>,
    policy: Chosen,
}

fn read(house: &House, owner: Owner, fields: &Fields) -> Option<Asked> {
    let name = fields.words("name", Need::Optional, 200);
    let mode = fields.parsed("mode", Need::Optional, |text| Mode::named(text).ok_or("must be \"observe\" or \"enforce\""));
    let require_intent = fields.switch("require_intent", Need::Optional);
    let new = template(house, owner, fields, Need::Optional);
    let known = fields.text("policy_id", Need::Optional).map(str::to_owned);
    let policy = match (new, known) {
        (Some(_), Some(_)) => {
            fields.wrong("policy_id", "must not be there together with `policy`");
            Chosen::Same
        }
        (Some(template), None) => Chosen::New(Box::new(template)),
        (None, Some(id)) => Chosen::Known(id),
        (None, None) if fields.mentions("policy_id") => Chosen::None,
        (None, None) => Chosen::Same,
    };
    Some(Asked { agent: None, name, mode, require_intent, status: None, policy })
}

/// The policy that was chosen, once it is known to be the caller's own.
async fn settle(
    office: &Office,
    change: &mut Change,
    owner: Owner,
    chosen: &Chosen,
    same: Option<String>,
) -> Result<Option<String>, Problem> {
    match chosen {
        Chosen::Same => Ok(same),
        Chosen::None => Ok(None),
        Chosen::New(template) => put_policy(office, change, owner, None, template).map(|id| Some(id.to_string())),
        Chosen::Known(id) => {
            let (row, _) = office.own::<Policy>(owner, id).await.map_err(|problem| of_field("policy_id", problem))?;
            if row.status == "archived" {
                return Err(archived(Kind::Policy));
            }
            change.only_if(Guard::Live(Kind::Policy, row.id.clone()));
            Ok(Some(row.id))
        }
    }
}

/// What a field names is not there, or is another organization's, which is told alike: with the field, beside what the path names.
pub(super) fn of_field(path: &str, problem: Problem) -> Problem {
    if problem.is(Code::NotFound) { problem.at(path, "names nothing of yours") } else { problem }
}

/// Lists spending authorities.
#[utoipa::path(get, operation_id = "list_spending_authorities", path = "/v1/spending-authorities", tag = "authorities",
    params(PageParameters, StatusParameter, AgentParameter),
    responses((status = 200, body = Listed<Shown<Authority>>), ReadProblems))]
pub(super) async fn list(house: State, read: Read) -> Result<Response, Problem> {
    let ((page, status), parent) = read.query.finish(|fields| {
        let parent = fields.text("agent_id", Need::Optional).map(str::to_owned);
        page_and_status(fields, "authorities").map(|which| (which, parent))
    })?;
    house.list(&read.asker, List { status, parent, ..List::of(Kind::Authority, 0) }, page, "authorities").await
}

/// Shows a spending authority.
#[utoipa::path(get, operation_id = "get_spending_authority", path = "/v1/spending-authorities/{spending_authority_id}",
    tag = "authorities", params(("spending_authority_id" = String, Path)),
    responses((status = 200, body = Shown<Authority>), ReadProblems))]
pub(super) async fn get(house: State, target: Target, read: Read) -> Result<Response, Problem> {
    read.query.finish(|_| Some(()))?;
    let id: String = target.parse("spending_authority")?;
    let (row, _) = house.office.own::<Authority>(read.asker.owner(), &id).await?;
    house.answer(StatusCode::OK, row).await
}

/// Makes a spending authority, with a policy that there is or one of its own.
#[utoipa::path(post, operation_id = "create_spending_authority", path = "/v1/spending-authorities", tag = "authorities",
    params(KeyParameter), request_body = NewAuthority, responses((status = 201, body = Shown<Authority>), WriteProblems))]
pub(super) async fn create(house: State, write: Write) -> Result<Response, Problem> {
    let (owner, office) = (write.asker.owner(), &house.office);
    let wanted = write.read(Scope::Setup, Versioned::New, |fields| {
        let agent = fields.text("agent_id", Need::Required).map(str::to_owned);
        let asked = read(&house, owner, fields)?;
        Some(Asked { agent: Some(agent?), ..asked })
    })?;
    if let Some(row) = office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::CREATED, row).await;
    }
    let agent = wanted.what.agent.clone().unwrap_or_default();
    let (agent, _) = office.own::<Agent>(owner, &agent).await.map_err(|problem| of_field("agent_id", problem))?;
    if agent.status == "archived" {
        return Err(archived(Kind::Agent));
    }
    let id = AuthorityId::of_random(office.sealer.random().map_err(no_randomness)?);
    let place = New {
        id: id.as_str(),
        organization: owner.organization.as_str(),
        environment: Some(owner.environment),
        parent: &agent.id,
        status: "active",
    };
    // The authority goes first: it is what the request is about. Its policy comes into force before it does anything.
    let mut others = Change::new(wanted.change.who(), wanted.change.at(), None);
    others.only_if(Guard::Live(Kind::Agent, agent.id.clone()));
    let policy_id = settle(office, &mut others, owner, &wanted.what.policy, None).await?;
    let mut change = wanted.change;
    let body = Authority {
        agent_id: agent.id.clone(),
        name: office.some_words(&mut change, &office.whose(owner), wanted.what.name.as_deref())?,
        mode: wanted.what.mode.unwrap_or(Mode::Observe),
        require_intent: wanted.what.require_intent.unwrap_or(false),
        policy_id,
    };
    change.create(&place, &body, Vec::new(), "spending_authority.created");
    change.append(others);
    let row = office.make(change).await?;
    house.answer(StatusCode::CREATED, row).await
}

/// Changes a spending authority: in force for the next question.
#[utoipa::path(patch, operation_id = "update_spending_authority", path = "/v1/spending-authorities/{spending_authority_id}",
    tag = "authorities", params(("spending_authority_id" = String, Path), KeyParameter, VersionParameter),
    request_body = AuthorityChange, responses((status = 200, body = Shown<Authority>), WriteProblems))]
pub(super) async fn update(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let (owner, office) = (write.asker.owner(), &house.office);
    let wanted = write.read(Scope::Setup, Versioned::Required, |fields| {
        let status = status(fields);
        read(&house, owner, fields).map(|asked| Asked { status, ..asked })
    })?;
    if let Some(row) = office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let id: String = target.parse("spending_authority")?;
    let (row, mut body) = office.own::<Authority>(owner, &id).await?;
    wanted.must_fit(&row)?;
    let mut others = Change::new(wanted.change.who(), wanted.change.at(), None);
    body.policy_id = settle(office, &mut others, owner, &wanted.what.policy, body.policy_id).await?;
    let mut change = wanted.change;
    if let Some(name) = &wanted.what.name {
        body.name = Some(office.words(&mut change, &office.whose(owner), name)?);
    }
    body.mode = wanted.what.mode.unwrap_or(body.mode);
    body.require_intent = wanted.what.require_intent.unwrap_or(body.require_intent);
    let status = wanted.what.status.unwrap_or(&row.status);
    change.update(&row, status, &body, Vec::new(), "spending_authority.updated");
    change.append(others);
    let row = office.make(change).await?;
    house.answer(StatusCode::OK, row).await
}

/// Archives a spending authority for good: whatever leads to it is declined.
#[utoipa::path(post, operation_id = "archive_spending_authority",
    path = "/v1/spending-authorities/{spending_authority_id}/archive", tag = "authorities",
    params(("spending_authority_id" = String, Path), KeyParameter, VersionParameter),
    responses((status = 200, body = Shown<Authority>), WriteProblems))]
pub(super) async fn archive(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let mut wanted = write.read(Scope::Setup, Versioned::Optional, |_| Some(()))?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let id: String = target.parse("spending_authority")?;
    let (row, body) = house.office.own::<Authority>(wanted.asker.owner(), &id).await?;
    wanted.must_fit(&row)?;
    wanted.change.update(&row, "archived", &body, Vec::new(), "spending_authority.archived");
    let row = house.office.make(wanted.change).await?;
    house.answer(StatusCode::OK, row).await
}
