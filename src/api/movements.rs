//! `/v1/accounts/{account_id}/movements`: what changed an account's money, record by record.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use holdfast_core::hold::MovementCause;
use holdfast_core::{NetworkName, Timestamp};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::caller::{Caller, ProgramParameter};
use super::input::Need;
use super::openapi::ReadProblems;
use super::page::{Page, PageParameters};
use super::problem::Problem;
use super::reads::MovementLine;
use super::router::{Target, found, from_reads};
use super::settlement::date;

/// What one record changed on an account. Amounts are whole numbers in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Movement {
    /// The journal's record.
    #[schema(example = 7)]
    pub record: i64,
    /// When the ledger applied it (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub at: String,
    /// The hold that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<i64>,
    /// ISO 4217.
    #[schema(value_type = String, example = "USD")]
    pub currency: &'static str,
    /// What was added to what is posted, in minor units; negative if it left the account.
    #[schema(example = 2500)]
    pub posted: i64,
    /// What was added to what is held, in minor units.
    #[schema(example = 0)]
    pub held: i64,
    /// What was posted after it, in minor units.
    #[schema(example = 102_500)]
    pub posted_after: i64,
    /// What was held after it, in minor units.
    #[schema(example = 0)]
    pub held_after: i64,
    /// What `posted` is balanced against: `network_settlement`, `funding`, `fee`, `dispute` or `stand_in_loss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "funding")]
    pub cause: Option<&'static str>,
    /// The card network of the payment, where told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "VISA")]
    pub network: Option<NetworkName>,
    /// The day that settlement sums it under: as the platform told it, or else the one that ends at the program's
    /// `settlement_cutoff`, by when it happened.
    #[schema(value_type = String, format = Date)]
    pub day: String,
    /// What somebody should know about it, such as `captured_above_authorized`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// Who did it, where that was an operator by this API: the name of their credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "demo-operator")]
    pub by: Option<String>,
    /// Why, as they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "welcome credit")]
    pub why: Option<String>,
}

/// A page of movements.
#[derive(Debug, Serialize, ToSchema)]
pub struct Movements {
    /// The movements, the newest first.
    pub movements: Vec<Movement>,
    /// What to send as `cursor` for the next page; not there on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Everything up to this record of the journal is in it.
    pub as_of: i64,
}

/// Which movements.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub(super) struct MovementFilter {
    /// Those at this moment or later (RFC 3339).
    since: Option<String>,
}

/// Lists an account's movements.
#[utoipa::path(get, operation_id = "list_movements", path = "/v1/accounts/{account_id}/movements", tag = "accounts",
    params(("account_id" = String, Path, description = "The account's name."), ProgramParameter, MovementFilter, PageParameters),
    responses((status = 200, body = Movements), ReadProblems))]
pub(super) async fn list(State(api): State<Arc<Api>>, target: Target, caller: Caller) -> Result<Json<Movements>, Problem> {
    let account = target.parse("account")?;
    let (since, page): (Option<Timestamp>, Page) = caller.query.finish(|fields| {
        let since = fields.moment("since", Need::Optional);
        Some((since, Page::read(fields, "movements")?))
    })?;
    let read = found(from_reads(api.reads.movements(caller.program.id, account, since, page).await)?, "account")?;
    let lines = read.found;
    Ok(Json(Movements {
        movements: lines.lines.into_iter().map(Movement::of).collect(),
        next_cursor: lines.more_behind.map(|last| Page::cursor("movements", last)),
        as_of: read.record,
    }))
}

impl Movement {
    fn of(line: MovementLine) -> Self {
        let (by, why) = line.done.map(|done| (done.by, done.why)).unzip();
        Movement {
            record: line.record,
            at: line.at.to_string(),
            hold_id: line.hold,
            currency: line.posted.currency().code(),
            posted: line.posted.minor(),
            held: line.held.minor(),
            posted_after: line.posted_after.minor(),
            held_after: line.held_after.minor(),
            cause: line.cause.map(cause_name),
            network: line.network,
            day: date(line.day),
            finding: line.finding,
            by,
            why: why.filter(|why| !why.is_empty()),
        }
    }
}

/// What a movement is balanced against, in words.
pub(super) const fn cause_name(cause: MovementCause) -> &'static str {
    match cause {
        MovementCause::NetworkSettlement => "network_settlement",
        MovementCause::Funding => "funding",
        MovementCause::Fee => "fee",
        MovementCause::Dispute => "dispute",
        MovementCause::StandInLoss => "stand_in_loss",
    }
}
