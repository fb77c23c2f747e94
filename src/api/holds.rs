//! `/v1/holds`: money reserved for payments, and what became of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use holdfast_adapters::payment::KeyIs;
use holdfast_core::hold::{HoldStatus, Order};
use holdfast_core::{AccountId, AuthorizationId, CardToken, Decision, PaymentRef, PlatformName, ProgramId};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::caller::{Caller, ProgramParameter};
use super::cards::Reason;
use super::input::{Fields, Need};
use super::openapi::{ReadProblems, WriteProblems};
use super::page::{Page, PageParameters};
use super::problem::{Code, Problem};
use super::reads::{AsOf, HoldLine, Wanted, Whose};
use super::router::{Target, found, from_reads, written};
use super::write::{KeyParameter, Write};
use super::{Api, other_answer};
use crate::ledger::{Act, Ordering, Origin};

/// A hold. Amounts are whole numbers in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hold {
    /// Its number in the ledger.
    #[schema(example = 1)]
    pub hold_id: i64,
    /// The platform whose payment it belongs to; not there for a payment of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "marqeta")]
    pub platform: Option<PlatformName>,
    /// The platform's name of the payment.
    #[schema(value_type = String, example = "jit-1001")]
    pub payment: AuthorizationId,
    /// The account.
    #[schema(value_type = String, example = "acct-demo-1")]
    pub account_id: AccountId,
    /// The card that it counts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "card-demo-1")]
    pub card: Option<CardToken>,
    /// ISO 4217.
    #[schema(value_type = String, example = "USD")]
    pub currency: &'static str,
    /// `open`, `captured`, `released`, `expired`, or `unplaced` (told of, never placed).
    #[schema(value_type = String, example = "open")]
    pub status: &'static str,
    /// What is authorized in total, in minor units: captures included, reversals taken off.
    #[schema(example = 2735)]
    pub authorized: i64,
    /// What is held now, in minor units.
    #[schema(example = 2735)]
    pub held: i64,
    /// What was debited at the decision and is not captured yet, in minor units: of payments that are never held.
    #[schema(example = 0)]
    pub debited: i64,
    /// What was captured, in minor units.
    #[schema(example = 0)]
    pub captured: i64,
    /// What of it came back by refunds, in minor units.
    #[schema(example = 0)]
    pub refunded: i64,
    /// Whether anybody but us has said anything about the payment. An open hold without it, from before a crash, may belong to
    /// an approval that the platform never heard.
    #[schema(example = false)]
    pub confirmed: bool,
    /// When the ledger first heard of it (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: String,
    /// When it was last changed (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: String,
    /// When it is released if nobody says anything (RFC 3339, UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<String>,
    /// The operator who changed it last by this API, whatever platforms told since: the name of their credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "demo-operator")]
    pub by: Option<String>,
    /// Why, as they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the merchant asked by phone")]
    pub why: Option<String>,
    /// Everything up to this record of the journal is in it.
    pub as_of: i64,
}

/// What helps whoever wants to give back what was debited.
const DEBITED_AT_ONCE: &str = "the payment was debited when it was decided and holds nothing; nothing was changed. To give its money back, \
    void or refund it where it was made, or credit the account";

/// A page of holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Holds {
    /// The holds, the newest first. A page with a filter may have fewer than `limit`, or none, and still not be the last.
    pub holds: Vec<Hold>,
    /// What to send as `cursor` for the next page; not there on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Everything up to this record of the journal is in it.
    pub as_of: i64,
}

/// Which holds: those of an account, those of a card, or open ones of the whole program.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub(super) struct HoldFilter {
    /// Those of this account. Either this or `card` is needed, but for `status=open`, which lists the whole program's alone.
    #[param(example = "acct-demo-1")]
    account_id: Option<String>,
    /// Those that count for this card.
    card: Option<String>,
    /// Those with this status: `open`, `captured`, `released`, `expired` or `unplaced`.
    status: Option<String>,
    /// Those opened at this moment or later (RFC 3339).
    since: Option<String>,
    /// `false`: those of which nobody but us has said anything. With `status=open`, what to look through after a crash.
    confirmed: Option<bool>,
}

/// Lists holds of an account or a card; with `status=open`, of the whole program too.
#[utoipa::path(get, operation_id = "list_holds", path = "/v1/holds", tag = "holds", params(ProgramParameter, HoldFilter, PageParameters),
    responses((status = 200, body = Holds), ReadProblems))]
pub(super) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<Holds>, Problem> {
    let (whose, wanted, page) = caller.query.finish(asked)?;
    let read = found(from_reads(api.reads.holds(caller.program.id, whose, wanted, page).await)?, "account or card")?;
    let lines = read.found;
    Ok(Json(Holds {
        holds: lines.lines.iter().map(|line| Hold::of(line, read.record)).collect(),
        next_cursor: lines.more_behind.map(|last| Page::cursor("holds", last)),
        as_of: read.record,
    }))
}

/// Gets a hold.
#[utoipa::path(get, operation_id = "get_hold", path = "/v1/holds/{hold_id}", tag = "holds",
    params(("hold_id" = i64, Path, description = "The hold's number."), ProgramParameter),
    responses((status = 200, body = Hold), ReadProblems))]
pub(super) async fn get(State(api): State<Arc<Api>>, target: Target, caller: Caller) -> Result<Json<Hold>, Problem> {
    caller.query.finish(|_| Some(()))?;
    let read = api.hold(caller.program.id, &target).await?;
    Ok(Json(Hold::of(&read.found, read.record)))
}

/// Releases a hold: what is still held is available again. A later clearing by the platform posts all the same. A payment that was
/// debited at its decision holds nothing, and is refused with `debited_at_once`: a release would post its money back.
#[utoipa::path(post, operation_id = "release_hold", path = "/v1/holds/{hold_id}/release", tag = "holds",
    params(("hold_id" = i64, Path, description = "The hold's number."), ProgramParameter, KeyParameter),
    request_body = Reason,
    responses((status = 200, body = Hold), (status = 202, description = "Done; not to be read yet", body = Hold), WriteProblems))]
pub(super) async fn release(State(api): State<Arc<Api>>, target: Target, write: Write) -> Result<Response, Problem> {
    let known = api.hold(write.program().id, &target).await?.found;
    let (reason, change) = write.read(|fields| fields.reason(Need::Required))?;
    if known.hold.ahead > 0 {
        return Err(Problem::coded(Code::Declined, "debited_at_once", DEBITED_AT_ONCE));
    }
    let taken = api.take_down(&change, reason).await?;
    let (payment, hold) = (PaymentRef::of(known.payment), u64::try_from(known.number).ok());
    let ordering =
        Ordering { key: taken.key, key_is: KeyIs::Callers, digest: taken.digest, payment, hold, order: Order::Release };
    // The payment's name is the platform's.
    let origin = Origin { platform: known.platform, ..taken.origin };
    match api.ask(Act::Order(origin, ordering)).await?.into_decision().ok_or_else(other_answer)? {
        Decision::Approve { .. } => {}
        Decision::Decline { reason } => return Err(Problem::declined(reason)),
    }
    let read = api.hold(change.program.id, &target).await?;
    Ok(written(read.fresh, Hold::of(&read.found, read.record)))
}

impl Api {
    async fn hold(&self, program: ProgramId, target: &Target) -> Result<AsOf<HoldLine>, Problem> {
        let number: i64 = target.parse("hold")?;
        found(from_reads(self.reads.hold(program, number).await)?, "hold")
    }
}

/// What a list of holds is asked for.
fn asked(fields: &Fields) -> Option<(Whose, Wanted, Page)> {
    let account = fields.parsed("account_id", Need::Optional, AccountId::new);
    let card = fields.parsed("card", Need::Optional, CardToken::new);
    let status = fields.parsed("status", Need::Optional, |name| {
        let found = HoldStatus::ALL.into_iter().find(|status| status.name() == name);
        found.ok_or("must be open, captured, released, expired or unplaced")
    });
    let since = fields.moment("since", Need::Optional);
    let confirmed = fields.parsed("confirmed", Need::Optional, |text| text.parse().map_err(|_| "must be true or false"));
    let page = Page::read(fields, "holds");
    let whose = match (account, card, status) {
        (Some(account), None, _) => Some(Whose::Account(account)),
        (None, Some(card), _) => Some(Whose::Card(card)),
        (None, None, Some(HoldStatus::Open)) => Some(Whose::OpenOnes),
        (Some(_), Some(_), _) | (None, None, _) => {
            fields.wrong("account_id", "must be there, or else card; not both; neither only with status=open");
            None
        }
    };
    Some((whose?, Wanted { status, since, confirmed }, page?))
}

impl Hold {
    fn of(line: &HoldLine, as_of: i64) -> Self {
        Hold {
            hold_id: line.number,
            platform: line.platform,
            payment: line.payment,
            account_id: line.account,
            card: line.card,
            currency: line.currency.code(),
            status: line.hold.status.name(),
            authorized: line.hold.authorized,
            held: line.hold.held,
            debited: line.hold.ahead,
            captured: line.hold.captured,
            refunded: line.hold.refunded,
            confirmed: line.confirmed,
            opened_at: line.opened_at.to_string(),
            changed_at: line.changed_at.to_string(),
            expires_at: line.hold.expires_at.map(|at| at.to_string()),
            by: line.changed.as_ref().map(|done| done.by.clone()),
            why: line.changed.as_ref().map(|done| done.why.clone()),
            as_of,
        }
    }
}
