//! Every route below `/v1` that does not decide, each with its description: there is no way to add one without the other.

use axum::Router;
use serde_json::{Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::crossing::NOT_THIS_WAY;
use super::openapi::{self, Description};
use super::{
    Shared, agents, authorities, authorize_intent, bindings, credentials, deeds, grants, insight, intents, members,
    organizations, policies,
};
use crate::api::openapi::Text;
use crate::api::problem::{Code, Problem};

/// The paths that need no token, as their descriptions say: everything else below `/v1` does.
pub fn for_everybody() -> Vec<String> {
    let needs_none = |operation: &Value| operation.get("security") == Some(&json!([{}]));
    let description = serde_json::to_value(described().1).unwrap_or_default();
    let paths = description.get("paths").and_then(Value::as_object).into_iter().flatten();
    let open =
        paths.filter(|(_, operations)| operations.as_object().is_some_and(|operations| operations.values().any(needs_none)));
    open.map(|(path, _)| path.clone()).collect()
}

/// The routes, and what they say of themselves.
pub fn described() -> (Router<Shared>, OpenApi) {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(organizations::get))
        .routes(routes!(organizations::go_live))
        .routes(routes!(members::list, members::invite))
        .routes(routes!(members::get))
        .routes(routes!(members::remove))
        .routes(routes!(members::accept))
        .routes(routes!(credentials::list, credentials::create))
        .routes(routes!(credentials::get))
        .routes(routes!(credentials::revoke))
        .routes(routes!(agents::list, agents::create))
        .routes(routes!(agents::get, agents::update))
        .routes(routes!(agents::archive))
        .routes(routes!(authorities::list, authorities::create))
        .routes(routes!(authorities::get, authorities::update))
        .routes(routes!(authorities::archive))
        .routes(routes!(policies::templates))
        .routes(routes!(policies::list, policies::create))
        .routes(routes!(policies::get, policies::update))
        .routes(routes!(policies::versions))
        .routes(routes!(policies::archive))
        .routes(routes!(bindings::list, bindings::create))
        .routes(routes!(bindings::get, bindings::update))
        .routes(routes!(bindings::archive))
        .routes(routes!(grants::list, grants::create))
        .routes(routes!(grants::get))
        .routes(routes!(grants::revoke))
        .routes(routes!(authorize_intent::authorize_intent))
        .routes(routes!(intents::list))
        .routes(routes!(intents::get))
        .routes(routes!(intents::cancel))
        .routes(routes!(intents::approve))
        .routes(routes!(intents::deny))
        .routes(routes!(insight::list))
        .routes(routes!(insight::get))
        .routes(routes!(insight::metrics))
        .routes(routes!(insight::usage))
        .routes(routes!(deeds::audit))
        .routes(routes!(deeds::activity))
        .routes(routes!(openapi::show))
        .split_for_parts()
}

/// The whole service.
pub fn service(house: &Shared) -> Router {
    let (router, description) = described();
    // Made once: it does not change while the server runs.
    let text = Text::of(&description);
    router
        .layer(axum::Extension(text))
        .fallback(|| async { Problem::of(Code::NotFound, "there is no such route; GET /v1/openapi.json shows all") })
        .method_not_allowed_fallback(|| async { Problem::of(Code::MethodNotAllowed, NOT_THIS_WAY) })
        .with_state(Shared::clone(house))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_token_says_so() {
        let mut paths = for_everybody();
        paths.sort();
        assert_eq!(paths, ["/v1/invitations/accept", "/v1/openapi.json", "/v1/policy-templates"]);
    }

    #[test]
    fn what_the_listener_answers_by_itself_is_in_the_description() {
        let (_, description) = described();
        let described = serde_json::to_value(&description).unwrap();
        let paths = described["paths"].as_object().unwrap();
        let is_operation = |(method, _): &(&String, &serde_json::Value)| method.as_str() != "parameters";
        let operations = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter().filter(is_operation);
            methods.map(move |(method, operation)| (format!("{method} {path}"), &operation["responses"]))
        });
        let mut count = 0;
        for (name, responses) in operations {
            assert!(responses["405"]["headers"]["Allow"].is_object(), "{name}");
            assert!(responses["431"]["content"].is_null() && responses["431"].is_object(), "{name}");
            count += 1;
        }
        assert!(count > 40, "{count}");
    }
}
