//! The API's description (OpenAPI 3.1), made from the code that answers. [`show`] serves it to anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::problem::{Code, FieldError, ProblemBody};
use super::router::json_text;

/// What all routes have in common.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Holdfast management API",
        description = "Accounts, cards, holds, movements and settlement of card programs.\n\n\
            Amounts are whole numbers in minor units (cents of USD) with their ISO 4217 currency beside them; moments are RFC 3339 \
            in UTC. Every change needs an `Idempotency-Key`: sent again, the same change is not made again, and the answer is the \
            object as it is now. Every change is kept with who made it (the token's name) and why (`reason`). While the ledger is away stand-in can be \
            switched, and cards and accounts can be frozen and closed: that holds at once and waits for the ledger (202, `waits_for`). \
            Everything else that changes something needs the ledger.\n\n\
            An account by its name is read from the ledger itself. Everything else follows the ledger a moment behind: an answer \
            waits up to 2 seconds until it has all that was durable when it was asked for, and `as_of` says up to which record \
            of the journal everything is in it. A change that cannot be read by then is answered with 202 and `Retry-After`: it is \
            made, and only the object beside it is older.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ProblemBody, FieldError)),
    modifiers(&Bearer),
    security(("token" = [])),
    tags(
        (name = "accounts", description = "Where the money is."),
        (name = "cards", description = "What is presented."),
        (name = "holds", description = "Money reserved for payments."),
        (name = "merchants", description = "Who is paid through payment doors."),
        (name = "instruments", description = "What is known of a card beside what the ledger knows: brand and results of verifications."),
        (name = "settlement", description = "What is due to whom."),
        (name = "stand-in", description = "Answering without the ledger, by an operator's hand."),
        (name = "description", description = "This document.")
    )
)]
pub struct Description;

/// Tokens of the configuration.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of `[[api.token]]`."));
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

/// How a read can be refused.
pub struct ReadProblems;

/// How a change can be refused.
pub struct WriteProblems;

/// What whoever needs no token is answered by the listener.
pub struct ListenerProblems;

impl IntoResponses for ListenerProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[])
    }
}

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[400, 401, 404, 408, 500, 503])
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        problems(&[400, 401, 404, 408, 409, 413, 415, 500, 503])
    }
}

/// One response for each status, with the codes that it can have; and what the listener answers to whatever is asked.
fn problems(statuses: &[u16]) -> BTreeMap<String, RefOr<Described>> {
    let own = statuses.iter().map(|status| (*status, of_codes(*status)));
    own.chain(of_listener(of_codes(405))).map(|(status, response)| (status.to_string(), RefOr::T(response.build()))).collect()
}

/// What is answered to a method that a path has not, told so, and to a request that is too long to be read.
pub fn of_listener(other_method: ResponseBuilder) -> [(u16, ResponseBuilder); 2] {
    let allow = HeaderBuilder::new().description(Some("The methods that the path has"));
    let long_head =
        ResponseBuilder::new().description("The request line and headers are too long, or too many. There is no body");
    [(405, other_method.header("Allow", allow.build())), (431, long_head)]
}

fn of_codes(status: u16) -> ResponseBuilder {
    let codes = Code::ALL.iter().filter(|code| code.status().as_u16() == status && !code.is_of_spend());
    let codes: Vec<_> = codes.map(|code| format!("`{}`: {}", code.name(), code.title())).collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(codes.join("; ")).content("application/problem+json", content)
}

/// The description as it is served.
#[derive(Debug, Clone)]
pub struct Text(Arc<str>);

impl Text {
    /// Writes a description once and for all.
    pub fn of(description: &utoipa::openapi::OpenApi) -> Self {
        // Texts, numbers and lists: nothing that JSON could not say.
        Text(description.to_pretty_json().unwrap_or_default().into())
    }

    /// The description.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where it is.
pub const PATH: &str = "/v1/openapi.json";

/// Shows this document. Needs no token.
#[utoipa::path(get, operation_id = "get_openapi", path = "/v1/openapi.json", tag = "description", security(()),
    responses((status = 200, description = "This document", body = serde_json::Value), ListenerProblems))]
pub(super) async fn show(Extension(Text(text)): Extension<Text>) -> Response {
    json_text(text.to_string())
}
