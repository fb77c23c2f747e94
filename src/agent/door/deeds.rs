//! `/v1/audit` and `/v1/activity`: who did what.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::House;
use super::asking::Read;
use super::openapi::ReadProblems;
use super::shown::{Listed, State, listed};
use crate::agent::office::{Office, unavailable, without_hidden};
use crate::agent::store::{Deed, Deeds, Kind};
use crate::agent::texts;
use crate::api::input::{Fields, Need};
use crate::api::page::{Page, PageParameters};
use crate::api::problem::Problem;

/// What somebody did.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activity {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who: a member (`mem_…`), a backend's credential (`cred_…`), or an operator of the server (`operator:…`).
    who: String,
    /// What.
    #[schema(example = "binding.created")]
    action: String,
    /// To what kind of object.
    #[schema(example = "binding")]
    object: String,
    /// Which.
    #[schema(example = "bind_demo")]
    id: String,
}

/// What somebody did, with the object before and after.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditRecord {
    #[serde(flatten)]
    activity: Activity,
    /// The object before; not there if it was made.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// The object after. Texts that were erased are `null`.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

/// Which deeds.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct DeedParameters {
    /// Only those about this object.
    id: Option<String>,
    /// Only those of this kind, such as `binding.created`.
    action: Option<String>,
    /// Only those of this member (`mem_…`), credential (`cred_…`) or operator (`operator:…`), as `who` has it.
    who: Option<String>,
    /// Only those about objects of this kind: `organization`, `member`, `credential`, `grant`, `agent`, `spending_authority`, `policy`,
    /// `policy_version`, `binding` or `intent`.
    object: Option<String>,
    /// Only from then on.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Only before then.
    #[param(format = DateTime)]
    until: Option<String>,
}

fn which(fields: &Fields, list: &'static str, all: Deeds) -> Option<(Page, Deeds)> {
    let object = |name: &str| Kind::named(name).ok_or_else(|| format!("must be one of {}", Kind::ALL.map(Kind::name).join(", ")));
    let deeds = Deeds {
        id: fields.words("id", Need::Optional, 128),
        action: fields.words("action", Need::Optional, 64),
        who: fields.words("who", Need::Optional, 200),
        kind: fields.parsed("object", Need::Optional, object),
        since: fields.moment("since", Need::Optional),
        until: fields.moment("until", Need::Optional),
        ..all
    };
    let page = Page::read(fields, list)?;
    Some((page, Deeds { before: page.last, most: page.limit.saturating_add(1), ..deeds }))
}

/// Lists who did what to the organization and to the objects of the token's environment, with the object before and after; the latest
/// first.
#[utoipa::path(get, operation_id = "list_audit_records", path = "/v1/audit", tag = "insight", params(PageParameters, DeedParameters),
    responses((status = 200, body = Listed<AuditRecord>), ReadProblems))]
pub(super) async fn audit(house: State, read: Read) -> Result<Response, Problem> {
    let (found, cursor) = house.deeds(read, "audit").await?;
    let items = house.office.audited(&found).await?;
    Ok(Json(listed(items, cursor)).into_response())
}

/// Lists who did what, in a line each; the latest first.
#[utoipa::path(get, operation_id = "list_activity", path = "/v1/activity", tag = "insight", params(PageParameters, DeedParameters),
    responses((status = 200, body = Listed<Activity>), ReadProblems))]
pub(super) async fn activity(house: State, read: Read) -> Result<Response, Problem> {
    let (found, cursor) = house.deeds(read, "activity").await?;
    Ok(Json(listed(found.iter().map(in_a_line).collect(), cursor)).into_response())
}

impl Office {
    /// Deeds as the audit trail shows them, with the objects before and after.
    ///
    /// # Errors
    /// The store.
    pub async fn audited(&self, deeds: &[Deed]) -> Result<Vec<Value>, Problem> {
        let mut items: Vec<Value> = deeds.iter().map(with_objects).collect();
        texts::open_all(&self.store, &self.sealer, &mut items).await.map_err(unavailable)?;
        Ok(items)
    }
}

impl House {
    async fn deeds(&self, read: Read, list: &'static str) -> Result<(Vec<Deed>, Option<String>), Problem> {
        let owner = read.asker.owner();
        let all = Deeds::of(owner.organization.to_string(), Some(owner.environment), 0);
        let (page, deeds) = read.query.finish(|fields| which(fields, list, all))?;
        let mut found = self.office.store.deeds(deeds).await.map_err(unavailable)?;
        let more = found.len() > usize::try_from(page.limit).unwrap_or(usize::MAX);
        if more {
            found.pop();
        }
        let cursor = found.last().filter(|_| more).map(|(last, _)| Page::cursor(list, *last));
        Ok((found.into_iter().map(|(_, deed)| deed).collect(), cursor))
    }
}

fn in_a_line(deed: &Deed) -> Value {
    json!({ "at": deed.at.to_string(), "who": deed.who, "action": deed.action, "object": deed.kind.name(), "id": deed.id })
}

fn with_objects(deed: &Deed) -> Value {
    let mut line = in_a_line(deed);
    if let Some(fields) = line.as_object_mut() {
        for (name, body) in [("before", &deed.before), ("after", &deed.after)] {
            if let Some(body) = body {
                let body = serde_json::from_str(body).unwrap_or_default();
                fields.insert(name.to_owned(), without_hidden(deed.kind, body));
            }
        }
    }
    line
}
