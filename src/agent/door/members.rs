//! `/v1/members` and `/v1/invitations`: who works for the caller's organization.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use holdfast_core::agent::Scope;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::House;
use super::asking::{KeyParameter, Read, Unproven, Versioned, Write};
use super::openapi::{ReadProblems, UnprovenProblems, WriteProblems};
use super::shown::{Listed, Shown, State, StatusParameter, page_and_status};
use crate::agent::bodies::{Member, Role};
use crate::agent::office::people::Invitation;
use crate::agent::office::unknown;
use crate::agent::post::is_address;
use crate::agent::store::{Kind, List, Row};
use crate::api::input::Need;
use crate::api::page::PageParameters;
use crate::api::problem::Problem;
use crate::api::router::Target;
use crate::clock;

/// Somebody to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct NewMember {
    /// The address. Whoever accepts shows that it is theirs.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// What they may do: nothing that your credential may not.
    role: Role,
}

/// Somebody who was invited.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invited {
    #[serde(flatten)]
    member: Shown<Member>,
    /// Who brings the invitation to the address; not there once it was accepted, or the member removed.
    invitation_by: Option<Bearer>,
}

/// Who brings an invitation to its address. It is in no answer: whoever has it is taken for the owner of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bearer {
    /// The mail server took it.
    Mail,
    /// This server sends no mail: an operator makes it (`holdfast organization invitation`), and hands it over.
    Operator,
}

/// An invitation, brought back.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct Acceptance {
    /// What was sent or handed over; of a link, what follows its fixed part.
    #[schema(max_length = 128)]
    token: String,
    /// What you are called.
    #[schema(max_length = 200)]
    name: Option<String>,
}

/// A new member with a credential of their own.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// The member.
    member: Shown<Member>,
    /// The API key of the member's own sandbox credential: it may do what the role allows.
    api_key: String,
    /// Its shared secret: shown now, and never again.
    shared_secret: String,
}

/// Lists members.
#[utoipa::path(get, operation_id = "list_members", path = "/v1/members", tag = "organization",
    params(PageParameters, StatusParameter), responses((status = 200, body = Listed<Shown<Member>>), ReadProblems))]
pub(super) async fn list(house: State, read: Read) -> Result<Response, Problem> {
    let (page, status) = read.query.finish(|fields| page_and_status(fields, "members"))?;
    let organization = Some(read.asker.caller.organization.to_string());
    house.list_of(List { organization, status, ..List::of(Kind::Member, 0) }, page, "members").await
}

/// Shows a member.
#[utoipa::path(get, operation_id = "get_member", path = "/v1/members/{member_id}", tag = "organization",
    params(("member_id" = String, Path)), responses((status = 200, body = Shown<Member>), ReadProblems))]
pub(super) async fn get(house: State, target: Target, read: Read) -> Result<Response, Problem> {
    read.query.finish(|_| Some(()))?;
    let id: String = target.parse("member")?;
    let (row, _) = house.office.own::<Member>(read.asker.owner(), &id).await?;
    house.answer(StatusCode::OK, row).await
}

/// Invites somebody by mail; where this server sends none, an operator hands the invitation over. No answer has it: whoever asks cannot
/// accept for another. Where the mail server does not take the letter (503 `mail_unavailable`), nobody is invited. A role that may do what your
/// credential may not is refused (403 `scope_missing`). Sent again with its key, nothing is sent again, and the answer is the member as it is now.
#[utoipa::path(post, operation_id = "invite_member", path = "/v1/members", tag = "organization",
    params(KeyParameter), request_body = NewMember, responses((status = 201, body = Invited), WriteProblems))]
pub(super) async fn invite(house: State, write: Write) -> Result<Response, Problem> {
    let wanted = write.read(Scope::Members, Versioned::New, |fields| {
        let email = fields.parsed("email", Need::Required, |text| {
            if is_address(text) { Ok(text.to_owned()) } else { Err("must be an e-mail address") }
        });
        let role = fields.parsed("role", Need::Required, |text| {
            Role::named(text).ok_or("must be \"owner\", \"developer\", \"reviewer\" or \"read_only\"")
        });
        email.zip(role)
    })?;
    // One key is one letter.
    let _turn = match wanted.change.once() {
        Some(once) => Some(house.turns.of(once).await),
        None => None,
    };
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return invited(&house, row).await;
    }
    let (email, role) = wanted.what;
    let organization = wanted.asker.caller.organization;
    let (_, known) = house.office.organization(organization.as_str()).await?;
    // Whoever may invite has no more by whom they invite than they have.
    role.scopes(known.kind).iter().try_for_each(|scope| wanted.asker.must(*scope))?;
    let row = house.office.invite_unseen(wanted.change, &Invitation { organization, email, role }).await?;
    invited(&house, row).await
}

async fn invited(house: &House, row: Row) -> Result<Response, Problem> {
    let waits = row.status == "invited";
    let mut shown = house.office.show(row).await?;
    if let Some(fields) = shown.as_object_mut().filter(|_| waits) {
        let by = if house.office.post.is_some() { Bearer::Mail } else { Bearer::Operator };
        fields.insert("invitation_by".to_owned(), json!(by));
    }
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// Takes a member out, and revokes the credentials that are their own or that they made: make those that backends need anew first. The only
/// owner stays (409 `state_conflict`).
#[utoipa::path(post, operation_id = "remove_member", path = "/v1/members/{member_id}/remove", tag = "organization",
    params(("member_id" = String, Path), KeyParameter), responses((status = 200, body = Shown<Member>), WriteProblems))]
pub(super) async fn remove(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let wanted = write.read(Scope::Members, Versioned::Optional, |_| Some(()))?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let id: String = target.parse("member")?;
    let (row, _) = house.office.own::<Member>(wanted.asker.owner(), &id).await.map_err(|_| unknown(Kind::Member))?;
    wanted.must_fit(&row)?;
    let row = house.office.remove_member(wanted.change, wanted.asker.caller.organization, &id).await?;
    house.answer(StatusCode::OK, row).await
}

/// Accepts an invitation: the address is verified by it. Needs no token. It is done once: an `Idempotency-Key` means nothing here, and sent again it is
/// 404. The secret is in this one answer. Where that is lost, the member is there, and nobody can use the credential: an owner removes the member,
/// and invites the same address anew; where it is the only owner, an operator invites another owner first (`holdfast organization invite`).
#[utoipa::path(post, operation_id = "accept_invitation", path = "/v1/invitations/accept", tag = "organization", security(()),
    request_body = Acceptance, responses((status = 201, body = Accepted), UnprovenProblems))]
pub(super) async fn accept(house: State, Unproven(fields): Unproven) -> Result<Response, Problem> {
    let (token, name) = fields.finish(|fields| {
        let token = fields.words("token", Need::Required, 128);
        let name = fields.words("name", Need::Optional, 200);
        Some((token?, name))
    })?;
    let (row, issued) = house.office.accept(&token, name.as_deref(), clock::utc()).await?;
    let member = house.office.show(row).await?;
    let secret = String::from_utf8_lossy(issued.shared_secret.expose());
    let accepted = json!({ "member": member, "api_key": issued.api_key, "shared_secret": secret });
    Ok((StatusCode::CREATED, Json(accepted)).into_response())
}
