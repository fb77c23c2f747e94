//! `/v1/credentials`: API keys and their shared secrets.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use holdfast_core::agent::{Environment, Scope};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::House;
use super::asking::{Asker, KeyParameter, Read, Versioned, Write, bad};
use super::openapi::{ReadProblems, WriteProblems};
use super::shown::{Listed, Shown, State, StatusParameter, listed, page_and_status};
use crate::agent::bodies::Credential;
use crate::agent::office::credentials::NewCredential;
use crate::agent::office::{self, ACTIVE, EXPIRED, Owner, unavailable, unknown};
use crate::agent::store::{Kind, List, Row};
use crate::api::input::{Fields, Need};
use crate::api::page::{Page, PageParameters};
use crate::api::problem::{Code, Problem};
use crate::api::router::Target;
use crate::clock;

/// How many credentials are looked at for one page at most.
const LOOKED_AT_MAX: u32 = 512;

/// A credential, and when it was used.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsedCredential {
    #[serde(flatten)]
    credential: Shown<Credential>,
    /// When it was used last, to the minute; not there if it never was.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// A credential to make.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct NewKey {
    /// What it is called.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// What it may be used for, of what yours may: `setup`, `intents`, `review`, `authorize`, `read`, `credentials`, `members`.
    #[schema(example = json!(["setup", "intents", "read"]))]
    scopes: Vec<String>,
    /// `sandbox`, or `production` once that is approved; the token's own if left out.
    #[schema(example = "sandbox")]
    environment: Option<String>,
    /// From when on it is worth nothing.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Whether it is your own, as a member: what it does is done by you. A backend's if left out.
    own: Option<bool>,
}

/// A credential that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuedCredential {
    #[serde(flatten)]
    credential: Shown<Credential>,
    /// The shared secret: shown now, and never again; not there if the request was sent before with the same key.
    shared_secret: Option<String>,
}

/// Lists credentials of the token's environment. Secrets are not shown. One whose `expires_at` is past is `expired`, unless it was
/// revoked.
#[utoipa::path(get, operation_id = "list_credentials", path = "/v1/credentials", tag = "credentials",
    params(PageParameters, StatusParameter), responses((status = 200, body = Listed<UsedCredential>), ReadProblems))]
pub(super) async fn list(house: State, read: Read) -> Result<Response, Problem> {
    let (page, status) = read.query.finish(|fields| page_and_status(fields, "credentials"))?;
    let (found, cursor) = house.credentials_in(read.asker.owner(), status.as_deref(), page).await?;
    let items = house.with_use(found).await?;
    Ok(Json(listed(items, cursor)).into_response())
}

/// Shows a credential. Its secret is not shown.
#[utoipa::path(get, operation_id = "get_credential", path = "/v1/credentials/{credential_id}", tag = "credentials",
    params(("credential_id" = String, Path)), responses((status = 200, body = UsedCredential), ReadProblems))]
pub(super) async fn get(house: State, target: Target, read: Read) -> Result<Response, Problem> {
    read.query.finish(|_| Some(()))?;
    let id: String = target.parse("credential")?;
    let (row, _) = house.office.own::<Credential>(read.asker.owner(), &id).await?;
    let shown = house.with_use(vec![row]).await?.pop().unwrap_or_default();
    Ok(Json(shown).into_response())
}

impl House {
    /// A page of credentials in the status that they are shown in: of those that the store has as active, the time of some is over.
    async fn credentials_in(
        &self,
        owner: Owner,
        status: Option<&str>,
        page: Page,
    ) -> Result<(Vec<Row>, Option<String>), Problem> {
        let (now, most) = (clock::utc(), page.limit.saturating_add(1));
        let kept = status.map(|status| if status == EXPIRED { ACTIVE } else { status });
        let mut list = List {
            organization: Some(owner.organization.to_string()),
            environment: Some(owner.environment),
            status: kept.map(str::to_owned),
            after: page.last.unwrap_or(0),
            ..List::of(Kind::Credential, most)
        };
        let (mut items, mut looked_at, room) = (Vec::new(), 0_u32, usize::try_from(page.limit).unwrap_or(usize::MAX));
        let more = 'page: loop {
            let rows = self.office.store.list(list.clone()).await.map_err(unavailable)?;
            let found = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            for (place, row) in rows {
                let shown = office::status_of(&row, now)?;
                if status.is_none_or(|status| status == shown) {
                    if items.len() == room {
                        break 'page true;
                    }
                    items.push(row);
                }
                list.after = place;
            }
            looked_at = looked_at.saturating_add(found);
            if found < most || looked_at >= LOOKED_AT_MAX {
                break found >= most;
            }
        };
        Ok((items, more.then(|| Page::cursor("credentials", list.after))))
    }

    /// Credentials as they are shown, with when they were used last: as this process knows it, or as it was written down.
    async fn with_use(&self, rows: Vec<Row>) -> Result<Vec<Value>, Problem> {
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let written = self.office.store.last_use(ids.clone()).await.map_err(unavailable)?;
        let mut shown = self.office.show_all(rows).await?;
        for (id, shown) in ids.iter().zip(&mut shown) {
            let here = id.parse().ok().and_then(|id| self.office.registry().last_used(&id));
            if let (Some(fields), Some(last)) = (shown.as_object_mut(), here.max(written.get(id).copied())) {
                fields.insert("last_used_at".to_owned(), json!(last.to_string()));
            }
        }
        Ok(shown)
    }
}

/// What a request for a credential says.
struct Asked {
    name: Option<String>,
    scopes: Vec<Scope>,
    environment: Option<Environment>,
    expires_at: Option<holdfast_core::Timestamp>,
    own: bool,
}

fn read_new(fields: &Fields) -> Option<Asked> {
    let scopes = fields.list("scopes", Need::Required, |text| Scope::named(text).ok_or("is not a scope"));
    let name = fields.words("name", Need::Optional, 200);
    let environment = fields
        .parsed("environment", Need::Optional, |text| Environment::named(text).ok_or("must be \"sandbox\" or \"production\""));
    let expires_at = fields.moment("expires_at", Need::Optional);
    let own = fields.switch("own", Need::Optional).unwrap_or(false);
    Some(Asked { name, scopes: scopes?, environment, expires_at, own })
}

/// Makes a credential. Several may be live at once, so that one can take another's place without a gap.
#[utoipa::path(post, operation_id = "create_credential", path = "/v1/credentials", tag = "credentials",
    params(KeyParameter), request_body = NewKey, responses((status = 201, body = IssuedCredential), WriteProblems))]
pub(super) async fn create(house: State, write: Write) -> Result<Response, Problem> {
    let wanted = write.read(Scope::Credentials, Versioned::New, read_new)?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::CREATED, row).await;
    }
    let new = of_asker(&wanted.asker, wanted.what, wanted.change.at())?;
    let (row, issued) = house.office.make_credential(wanted.change, &new).await?;
    let mut shown = house.office.show(row).await?;
    if let (Some(fields), Some(issued)) = (shown.as_object_mut(), issued) {
        let secret = String::from_utf8_lossy(issued.shared_secret.expose());
        fields.insert("shared_secret".to_owned(), json!(secret));
    }
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// Nobody gives what they do not have.
fn of_asker(asker: &Asker, asked: Asked, now: holdfast_core::Timestamp) -> Result<NewCredential, Problem> {
    if let Some(scope) = asked.scopes.iter().find(|scope| !asker.caller.scopes.contains(**scope)) {
        let detail = format!("your own credential has no scope `{}`, so that you cannot give it", scope.name());
        return Err(Problem::coded(Code::Forbidden, "scope_missing", detail));
    }
    if asked.expires_at.is_some_and(|moment| moment <= now) {
        return Err(bad("expires_at", "is past"));
    }
    let environment = asked.environment.unwrap_or(asker.caller.environment);
    if environment != asker.caller.environment && (asker.member.is_none() || !asker.caller.scopes.contains(Scope::Members)) {
        let detail = "only an owner's own credential makes one for the other environment";
        return Err(Problem::coded(Code::Forbidden, "owner_needed", detail));
    }
    let member = match (asked.own, &asker.member) {
        (false, _) => None,
        (true, Some(member)) => Some(member.clone()),
        (true, None) => return Err(bad("own", "must be false: a backend's credential is nobody's own")),
    };
    Ok(NewCredential {
        organization: asker.caller.organization,
        of: asker.caller.kind,
        environment,
        scopes: asked.scopes,
        member,
        made_by: Some(asker.hand.clone()),
        name: asked.name,
        expires_at: asked.expires_at,
        given: None,
    })
}

/// What is another member's own is theirs, and an owner's, to revoke.
fn must_be_theirs(asker: &Asker, row: &Row) -> Result<(), Problem> {
    let credential = office::read::<Credential>(row)?;
    let is_another_ones = credential.member_id.is_some() && credential.member_id != asker.member;
    if is_another_ones && !asker.caller.scopes.contains(Scope::Members) {
        let detail = "it is another member's own: that member revokes it, or an owner";
        return Err(Problem::coded(Code::Forbidden, "owner_needed", detail));
    }
    Ok(())
}

/// Revokes a credential: from now on it proves nothing. Another member's own is revoked by an owner (403 `owner_needed`).
#[utoipa::path(post, operation_id = "revoke_credential", path = "/v1/credentials/{credential_id}/revoke", tag = "credentials",
    params(("credential_id" = String, Path), KeyParameter), responses((status = 200, body = Shown<Credential>), WriteProblems))]
pub(super) async fn revoke(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let wanted = write.read(Scope::Credentials, Versioned::Optional, |_| Some(()))?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let id: String = target.parse("credential")?;
    let owner: Owner = wanted.asker.owner();
    let row = house.office.get(Kind::Credential, &id).await?;
    let row = row.filter(|row| row.organization == owner.organization.as_str() && row.environment == Some(owner.environment));
    let row = row.ok_or_else(|| unknown(Kind::Credential))?;
    wanted.must_fit(&row)?;
    must_be_theirs(&wanted.asker, &row)?;
    let row = house.office.revoke_credential(wanted.change, &row).await?;
    house.answer(StatusCode::OK, row).await
}
