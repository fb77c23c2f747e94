//! The description of `/v1` on the callbacks' listener (OpenAPI 3.1), made from the code that answers.

use std::collections::BTreeMap;

use axum::Extension;
use axum::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as Described, ResponseBuilder, Schema};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::codes::of_refusals;
use crate::api::openapi::{Text, of_listener};
use crate::api::problem::{Code, FieldError, ProblemBody};
use crate::api::router::json_text;

/// What all routes have in common.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Holdfast agent spend",
        description = "What software agents may spend: agents, spending authorities, policies, bindings and intents, and who may ask.\n\n\
            Every request carries `Authorization: Bearer <JWT>`, signed with HS256 by a credential's shared secret; its payload has \
            `key_id` (the API key), `iat` and `exp` (whole seconds since 1970, at most an hour apart). A clock may differ by 60 seconds. \
            What a credential asks is about its organization and its environment alone: anything else's id is unknown (404), in \
            a path and in a body, where `errors` names its field. (`/v1/authorize` declines instead.)\n\n\
            Amounts are whole numbers in minor units (cents of USD) with their ISO 4217 currency beside them; moments are RFC 3339 in UTC. \
            A change is durable, and in force, when it is answered. With an `Idempotency-Key` it is made once however often it is sent. \
            Changes of an object name the `version` that they are of. What is archived stays readable and does not change any more (410).\n\n\
            What is no HTTP, or has a head that is too long or too slow, is answered before anybody looks at what is asked, without a body: 400, \
            408 and 431, and 414 where the server reads heads of more than 64 KiB.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(super::deciding::authorize, super::deciding::tell_event),
    components(schemas(ProblemBody, FieldError)),
    modifiers(&Bearer, &Codes),
    security(("token" = [])),
    tags(
        (name = "organization", description = "Who you are, and who works for you."),
        (name = "credentials", description = "API keys and shared secrets."),
        (name = "agents", description = "Programs that may spend."),
        (name = "authorities", description = "What they may spend."),
        (name = "policies", description = "What payments must keep to."),
        (name = "bindings", description = "From instruments to authorities."),
        (name = "intents", description = "What agents are about to buy."),
        (name = "grants", description = "Which processors may ask."),
        (name = "decisions", description = "Payments of agents, decided for processors."),
        (name = "insight", description = "What was decided and done."),
        (name = "description", description = "This document.")
    )
)]
pub struct Description;

/// Signed tokens.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        let scheme = scheme.description(Some("A JWT, signed with HS256 by your credential's shared secret."));
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

/// Every code that a refusal can have.
struct Codes;

impl Modify for Codes {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let components = description.components.get_or_insert_default();
        components.schemas.insert("ProblemCode".to_owned(), of_refusals());
        if let Some(RefOr::T(Schema::Object(problem))) = components.schemas.get_mut("Problem") {
            problem.properties.insert("code".to_owned(), RefOr::Ref(Ref::from_schema_name("ProblemCode")));
        }
    }
}

/// How a read can be refused.
pub struct ReadProblems;

/// How a change can be refused.
pub struct WriteProblems;

/// How a read that needs no token can be refused.
pub struct OpenReadProblems;

/// How a change that needs no token can be refused.
pub struct UnprovenProblems;

/// How a processor's question can be refused.
pub struct QuestionProblems;

/// How a processor's event can be refused.
pub struct EventProblems;

impl IntoResponses for QuestionProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[400, 401, 403, 408, 409, 413, 503])
    }
}

impl IntoResponses for EventProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[400, 401, 403, 404, 408, 409, 413, 503])
    }
}

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[400, 401, 403, 404, 408, 413, 500, 503])
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[400, 401, 403, 404, 408, 409, 410, 413, 415, 500, 503])
    }
}

impl IntoResponses for OpenReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[400, 408, 413, 503])
    }
}

impl IntoResponses for UnprovenProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[400, 404, 408, 413, 415, 500, 503])
    }
}

/// One response for each status, with the codes that it can have; and what the listener answers to whatever is asked.
fn problems(statuses: &[u16]) -> BTreeMap<String, RefOr<Described>> {
    let own = statuses.iter().map(|status| (*status, of_codes(*status)));
    own.chain(of_listener(of_codes(405))).map(|(status, response)| (status.to_string(), RefOr::T(response.build()))).collect()
}

fn of_codes(status: u16) -> ResponseBuilder {
    let codes = Code::ALL.iter().filter(|code| code.status().as_u16() == status);
    let codes: Vec<_> = codes.map(|code| format!("`{}`: {}", code.name(), code.title())).collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(codes.join("; ")).content("application/problem+json", content)
}

/// Shows this document. Needs no token.
#[utoipa::path(get, operation_id = "get_openapi", path = "/v1/openapi.json", tag = "description", security(()),
    responses((status = 200, description = "This document", body = serde_json::Value), OpenReadProblems))]
pub(super) async fn show(Extension(text): Extension<Text>) -> Response {
    json_text(text.as_str().to_owned())
}
