//! `/v1/intents`: what agents said that they were about to buy, and what people say to it.

use axum::response::Response;
use holdfast_core::agent::{IntentStatus, Scope};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::House;
use super::asking::{Asker, KeyParameter, Read, VersionParameter, Versioned, Wanted, Write};
use super::bindings::AuthorityParameter;
use super::openapi::{ReadProblems, WriteProblems};
use super::shown::{Listed, Shown, State, StatusParameter, page_and_status};
use crate::agent::bodies::{Credential, Intent, Moment};
use crate::agent::office::{Owner, read, wrong_state};
use crate::agent::store::{Kind, Row};
use crate::api::input::Need;
use crate::api::page::PageParameters;
use crate::api::problem::{Code, Problem};
use crate::api::router::Target;
use crate::webhook::Signal;

/// A reviewer's word.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct Review {
    /// What the reviewer has to say.
    #[schema(max_length = 500)]
    note: Option<String>,
    /// The version that you read; `If-Match` says the same.
    version: Option<u32>,
}

/// Lists intents. By `status` a page can have fewer than `limit`, or none, and more behind it: go on as long as there is a `next_cursor`.
#[utoipa::path(get, operation_id = "list_intents", path = "/v1/intents", tag = "intents",
    params(PageParameters, StatusParameter, AuthorityParameter), responses((status = 200, body = Listed<Shown<Intent>>), ReadProblems))]
pub(super) async fn list(house: State, read: Read) -> Result<Response, Problem> {
    let ((page, status), parent) = read.query.finish(|fields| {
        let parent = fields.text("spending_authority_id", Need::Optional).map(str::to_owned);
        page_and_status(fields, "intents").map(|which| (which, parent))
    })?;
    house.list_intents(read.asker.owner(), (status, parent), page).await
}

/// Shows an intent. Its `status` is `used` as long as a payment has it, and `expired` once it can be had no more; where the ledger cannot be
/// asked (503), which of them it is is not known.
#[utoipa::path(get, operation_id = "get_intent", path = "/v1/intents/{intent_reference}", tag = "intents",
    params(("intent_reference" = String, Path)), responses((status = 200, body = Shown<Intent>), ReadProblems))]
pub(super) async fn get(house: State, target: Target, read: Read) -> Result<Response, Problem> {
    read.query.finish(|_| Some(()))?;
    let id: String = target.parse("intent")?;
    let owner = read.asker.owner();
    let (row, _) = house.office.own::<Intent>(owner, &id).await?;
    house.answer(StatusCode::OK, house.as_it_stands(owner, row).await?).await
}

/// Takes an intent back: no payment can be for it any more, and what it reserved is free. Of this and a payment at the same time one wins: where this is
/// answered 200, no payment has it. One that a payment has used (409 `intent_used`), or whose time is
/// over (409 `intent_expired`), stays what it is. Where the ledger cannot be told (503), no payment can be for it from now on, and the same
/// request under the same `Idempotency-Key` tells the ledger, and whether a payment had it before (409 `intent_used`); what it reserved is in any
/// case free once the intent's time is over.
#[utoipa::path(post, operation_id = "cancel_intent", path = "/v1/intents/{intent_reference}/cancel", tag = "intents",
    params(("intent_reference" = String, Path), KeyParameter, VersionParameter),
    responses((status = 200, body = Shown<Intent>), WriteProblems))]
pub(super) async fn cancel(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let wanted = write.read(Scope::Intents, Versioned::Optional, |_| Some(()))?;
    let id: String = target.parse("intent")?;
    let owner = wanted.asker.owner();
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        house.take_back_again(owner, &row).await?;
        return house.answer(StatusCode::OK, house.as_it_stands(owner, row).await?).await;
    }
    let (row, _) = house.office.own::<Intent>(owner, &id).await?;
    wanted.must_fit(&row)?;
    let row = house.take_back(owner, row, wanted.change).await?;
    house.answer(StatusCode::OK, house.as_it_stands(owner, row).await?).await
}

/// Approves an intent that waits for a person. The reviewer must not be who asked for it. Where its amount was asked to be kept for the
/// payment, it is from then on; if it cannot be (409 `not_reserved`), the intent waits on.
#[utoipa::path(post, operation_id = "approve_intent", path = "/v1/intents/{intent_reference}/approve", tag = "intents",
    params(("intent_reference" = String, Path), KeyParameter, VersionParameter), request_body = Review,
    responses((status = 200, body = Shown<Intent>), WriteProblems))]
pub(super) async fn approve(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    house.review(&target, write, IntentStatus::Approved, "intent.approved").await
}

/// Denies an intent that waits for a person. The reviewer must not be who asked for it.
#[utoipa::path(post, operation_id = "deny_intent", path = "/v1/intents/{intent_reference}/deny", tag = "intents",
    params(("intent_reference" = String, Path), KeyParameter, VersionParameter), request_body = Review,
    responses((status = 200, body = Shown<Intent>), WriteProblems))]
pub(super) async fn deny(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    house.review(&target, write, IntentStatus::Denied, "intent.denied").await
}

impl House {
    async fn review(&self, target: &Target, write: Write, word: IntentStatus, action: &str) -> Result<Response, Problem> {
        let mut wanted =
            write.read(Scope::Review, Versioned::Optional, |fields| Some(fields.words("note", Need::Optional, 500)))?;
        let owner = wanted.asker.owner();
        if let Some(row) = self.office.made_before(&wanted.change).await? {
            return self.answer(StatusCode::OK, self.as_it_stands(owner, row).await?).await;
        }
        let id: String = target.parse("intent")?;
        let (row, mut body) = self.office.own::<Intent>(owner, &id).await?;
        let requester = self.office.get(Kind::Credential, &body.credential).await?;
        let requester = requester.and_then(|row| Some(read::<Credential>(&row).ok()?.hand(&row.id)));
        must_be_reviewable(&wanted, &row, &body, requester.as_deref())?;
        let note = wanted.what.clone();
        body.reviewed_by = Some(wanted.asker.who());
        body.reviewed_at = Some(Moment(wanted.change.at()));
        body.review_note = self.office.some_words(&mut wanted.change, &self.office.whose(owner), note.as_deref())?;
        if word == IntentStatus::Approved && body.reserve {
            self.reserve_reviewed(owner, &row, &body, wanted.change.at()).await?;
            body.reserved = true;
        }
        wanted.change.update(&row, word.name(), &body, Vec::new(), action);
        let made = self.office.make(wanted.change).await;
        if made.is_err() && body.reserved {
            self.give_back_unless_kept(owner, &row.id).await;
        }
        let row = made?;
        if let Some(signals) = &self.signals {
            signals.leave(Signal::Reviewed);
        }
        self.answer(StatusCode::OK, row).await
    }
}

impl House {
    /// Gives back what an approval reserved that could not be written, where the intent came to another end meanwhile. All reviewers of an
    /// intent reserve the same: where another one's approval was written, it is that one's; where the intent still waits, the next
    /// approval finds it; and where that cannot be known, it is held until the intent's time is over.
    async fn give_back_unless_kept(&self, owner: Owner, intent: &str) {
        let status = self.office.own::<Intent>(owner, intent).await.ok().and_then(|(row, _)| IntentStatus::named(&row.status));
        match status {
            Some(IntentStatus::Denied | IntentStatus::Cancelled) => drop(self.give_back(owner, intent).await),
            Some(IntentStatus::Open | IntentStatus::Approved | IntentStatus::PendingReview) | None => {}
        }
    }
}

fn must_be_reviewable<T>(wanted: &Wanted<T>, row: &Row, body: &Intent, requester: Option<&str>) -> Result<(), Problem> {
    wanted.must_fit(row)?;
    if row.status != IntentStatus::PendingReview.name() {
        return Err(wrong_state("the intent does not wait for a review"));
    }
    if body.expires_at.0 <= wanted.change.at() {
        return Err(wrong_state("the intent's time is over"));
    }
    if is_requester(&wanted.asker, body, requester) {
        let detail =
            "whoever asked for an intent does not review it, by no credential of theirs or that they made: another person does";
        return Err(Problem::coded(Code::Forbidden, "own_intent", detail));
    }
    Ok(())
}

/// By the person, by the credential, and by whoever's hand it was: none may be the same.
fn is_requester(asker: &Asker, body: &Intent, requester: Option<&str>) -> bool {
    let same_credential = body.credential == asker.caller.credential.as_str();
    body.requested_by == asker.who() || same_credential || requester == Some(asker.hand.as_str())
}
