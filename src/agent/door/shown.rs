//! Objects and lists as they are answered, and described.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::asking::Asker;
use super::{House, Shared};
use crate::agent::office::unavailable;
use crate::agent::store::{List, Row};
use crate::api::input::{Fields, Need};
use crate::api::page::Page;
use crate::api::problem::Problem;

/// What every object has, around what is its own.
#[derive(Debug, Serialize, ToSchema)]
pub struct Shown<T> {
    /// Its name.
    id: String,
    /// Whose it is.
    organization_id: String,
    /// Where it lives; absent of what an organization has as a whole.
    #[schema(example = "sandbox")]
    environment: Option<String>,
    /// In one word.
    #[schema(example = "active")]
    status: String,
    /// How often it was written. A change says which version it is of.
    #[schema(example = 1)]
    version: u32,
    /// When it was written first.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was written last.
    #[schema(format = DateTime)]
    updated_at: String,
    #[serde(flatten)]
    object: T,
}

/// A page of a list, in the order in which the objects were made.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The objects.
    items: Vec<T>,
    /// What to send as `cursor` for the next page; not there on the last one.
    next_cursor: Option<String>,
}

/// Which objects of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct StatusParameter {
    /// Only those in this status, such as `active` or `archived`; of intents `open`, `pending_review`, `approved`, `denied`, `cancelled`,
    /// `not_eligible`, `used` or `expired`; of credentials `active`, `expired` or `revoked`. A status that there is none of in the list is refused.
    status: Option<String>,
}

/// In which statuses the objects of a list can be.
const STATUSES: [(&str, &[&str]); 8] = [
    ("agents", &["active", "suspended", "archived"]),
    ("authorities", &["active", "suspended", "archived"]),
    ("bindings", &["active", "suspended", "archived"]),
    ("policies", &["active", "archived"]),
    ("grants", &["active", "revoked"]),
    ("credentials", &["active", "revoked", "expired"]),
    ("members", &["invited", "active", "removed"]),
    ("intents", &["open", "pending_review", "approved", "denied", "cancelled", "not_eligible", "used", "expired"]),
];

/// Reads `limit`, `cursor` and `status`.
pub fn page_and_status(fields: &Fields, list: &'static str) -> Option<(Page, Option<String>)> {
    let page = Page::read(fields, list);
    let status = fields.parsed("status", Need::Optional, |text| {
        let of_list = STATUSES.iter().find(|(name, _)| *name == list).map_or(&[][..], |(_, statuses)| statuses);
        if of_list.contains(&text) { Ok(text.to_owned()) } else { Err(format!("must be one of {}", of_list.join(", "))) }
    });
    Some((page?, status))
}

impl House {
    /// A page of the objects that an asker may see.
    ///
    /// # Errors
    /// The store.
    pub async fn list(&self, asker: &Asker, list: List, page: Page, name: &str) -> Result<Response, Problem> {
        let owner = asker.owner();
        let list = List {
            organization: list.organization.or_else(|| Some(owner.organization.to_string())),
            environment: Some(owner.environment),
            ..list
        };
        self.list_of(list, page, name).await
    }

    /// A page of objects.
    ///
    /// # Errors
    /// The store.
    pub async fn list_of(&self, list: List, page: Page, name: &str) -> Result<Response, Problem> {
        let most = page.limit.saturating_add(1);
        let list = List { after: page.last.unwrap_or(0), most, ..list };
        let mut found = self.office.store.list(list).await.map_err(unavailable)?;
        let more = found.len() > usize::try_from(page.limit).unwrap_or(usize::MAX);
        if more {
            found.pop();
        }
        let cursor = found.last().filter(|_| more).map(|(last, _)| Page::cursor(name, *last));
        let items = self.office.show_all(found.into_iter().map(|(_, row)| row).collect()).await?;
        Ok(Json(listed(items, cursor)).into_response())
    }

    /// An object as an answer.
    ///
    /// # Errors
    /// The store.
    pub async fn answer(&self, status: StatusCode, row: Row) -> Result<Response, Problem> {
        let shown = self.office.show(row).await?;
        Ok((status, Json(shown)).into_response())
    }
}

/// A page as JSON.
#[must_use]
pub fn listed(items: Vec<Value>, cursor: Option<String>) -> Value {
    match cursor {
        None => json!({ "items": items }),
        Some(cursor) => json!({ "items": items, "next_cursor": cursor }),
    }
}

/// The house behind a handler's state.
pub type State = axum::extract::State<Shared>;
