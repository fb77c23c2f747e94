//! `/v1/cards`: what is presented. A card is named by the platform's token, never by its number.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use holdfast_core::hold::{AccountStatus, CardStatus, Fact, Subject};
use holdfast_core::stand_in::Sight;
use holdfast_core::{AccountId, CardToken, CardholderToken, ProgramId};
use http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::caller::{Caller, ProgramParameter};
use super::input::{Fields, Need};
use super::meanwhile::{BAR_WITHIN, Barred, LEDGER, NOT_LOOKED_UP, holds_here};
use super::openapi::{ReadProblems, WriteProblems};
use super::page::{Page, PageParameters};
use super::problem::{Code, FieldError, Problem};
use super::reads::{AsOf, CardLine};
use super::router::{Target, behind, found, from_reads, written};
use super::write::{KeyParameter, Write};
use crate::ledger::{Act, Entry};

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Card {
    /// The platform's token, unique in the program.
    #[schema(value_type = String, max_length = 64, example = "card-demo-1")]
    pub card: CardToken,
    /// The account behind it; not there for a card that only the platform told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "acct-demo-1")]
    pub account_id: Option<AccountId>,
    /// Its owner, by the platform's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "user-demo-1")]
    pub cardholder: Option<CardholderToken>,
    /// `active`, `unactivated`, `frozen`, `lost`, `stolen`, `expired` or `closed`.
    #[schema(value_type = String, example = "active")]
    pub status: &'static str,
    /// `ledger` while the status was told to this server and the ledger has yet to hear of it: stand-in goes by it already, and no
    /// payment of the card goes to the ledger before it has heard. Not there otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "ledger")]
    pub waits_for: Option<&'static str>,
    /// What to look at later, where a card is barred that nobody could look up. Not there otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub note: Option<&'static str>,
    /// Everything up to this record of the journal is in it; 0 where nothing was read.
    pub as_of: i64,
}

/// A page of cards.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cards {
    /// The cards, in the order in which they came.
    pub cards: Vec<Card>,
    /// What to send as `cursor` for the next page; not there on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Everything up to this record of the journal is in it.
    pub as_of: i64,
}

/// A card to create.
#[derive(Debug, Clone, ToSchema)]
pub struct NewCard {
    /// The platform's token, unique in the program. What has a card number in it is refused.
    #[schema(value_type = String, max_length = 64, example = "card-1001")]
    pub card: CardToken,
    /// The account behind it.
    #[schema(value_type = String, example = "acct-1001")]
    pub account_id: AccountId,
    /// Its owner, by the platform's token.
    #[schema(value_type = Option<String>, example = "user-1001")]
    pub cardholder: Option<CardholderToken>,
    /// `active` (if left out) or `unactivated`. A card that is there already keeps its own.
    #[schema(value_type = Option<String>, example = "active")]
    pub status: CardStatus,
    /// Why, for whoever reads it later.
    #[schema(value_type = Option<String>, max_length = 500)]
    pub reason: String,
}

/// Why something is done.
#[derive(Debug, Clone, ToSchema)]
pub struct Reason {
    /// Why, for whoever reads it later.
    #[schema(max_length = 500, example = "reported by the cardholder")]
    pub reason: String,
}

/// Whose cards.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub(super) struct CardFilter {
    /// The account.
    #[param(example = "acct-demo-1")]
    account_id: String,
}

/// Lists the cards of an account.
#[utoipa::path(get, operation_id = "list_cards", path = "/v1/cards", tag = "cards", params(ProgramParameter, CardFilter, PageParameters),
    responses((status = 200, body = Cards), ReadProblems))]
pub(super) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<Cards>, Problem> {
    let (account, page) = caller.query.finish(|fields| {
        let account = fields.parsed("account_id", Need::Required, AccountId::new);
        let page = Page::read(fields, "cards");
        Some((account?, page?))
    })?;
    let program = caller.program.id;
    let read = found(from_reads(api.reads.cards(program, account, page).await)?, "account")?;
    let lines = read.found;
    Ok(Json(Cards {
        cards: lines.lines.iter().map(|line| api.shown(program, line, read.record)).collect(),
        next_cursor: lines.more_behind.map(|last| Page::cursor("cards", last)),
        as_of: read.record,
    }))
}

/// Gets a card.
#[utoipa::path(get, operation_id = "get_card", path = "/v1/cards/{card}", tag = "cards",
    params(("card" = String, Path, description = "The platform's token of the card."), ProgramParameter),
    responses((status = 200, body = Card), ReadProblems))]
pub(super) async fn get(State(api): State<Arc<Api>>, target: Target, caller: Caller) -> Result<Json<Card>, Problem> {
    caller.query.finish(|_| Some(()))?;
    let program = caller.program.id;
    let read = api.card(program, target.parse("card")?).await?;
    Ok(Json(api.shown(program, &read.found, read.record)))
}

/// Creates a card. One that is there already with the same account and cardholder is answered with 200, with the status that it has.
#[utoipa::path(post, operation_id = "create_card", path = "/v1/cards", tag = "cards", params(ProgramParameter, KeyParameter), request_body = NewCard,
    responses((status = 201, body = Card), (status = 200, description = "It was there", body = Card), WriteProblems))]
pub(super) async fn create(State(api): State<Arc<Api>>, write: Write) -> Result<Response, Problem> {
    let (new, change) = write.read(NewCard::read)?;
    let program = change.program.id;
    let _one_at_a_time = api.create_alone().await?;
    let known = from_reads(api.reads.card(program, new.card).await)?;
    if known.found.is_none() && !known.fresh {
        // It may be there, with another account.
        return Err(behind());
    }
    if known.found.as_ref().is_none_or(|card| card.account.is_none()) {
        let account = api.account(program, new.account_id).await;
        let account = account.map_err(|problem| if problem.is(Code::NotFound) { no_account() } else { problem })?;
        if account.status == AccountStatus::Closed {
            return Err(Problem::of(Code::StatusFinal, "the account is closed for good, and gets no card; nothing was changed"));
        }
    }
    // A card that only the platform told of has no account yet: creating it gives it one.
    if let Some(card) = known.found.filter(|card| card.account.is_some()) {
        if new.is(&card) {
            api.take_down(&change, new.reason.clone()).await?;
        } else {
            let detail = "a card of this token has another account or cardholder; nothing was changed";
            api.made_before(&change, new.reason.clone(), Problem::of(Code::AlreadyExists, detail)).await?;
        }
        return Ok(Json(Card::of(&card, known.record)).into_response());
    }
    let taken = api.take_down(&change, new.reason.clone()).await?;
    let NewCard { card, account_id, cardholder, status, .. } = new;
    api.ask(Act::Enter(taken.origin, vec![Entry::Card { card, account: account_id, cardholder, status }])).await?;
    let read = from_reads(api.reads.card(program, card).await)?;
    let shown = read.found.unwrap_or(CardLine { card, account: Some(account_id), cardholder, status });
    Ok((StatusCode::CREATED, Json(Card::of(&shown, read.record))).into_response())
}

/// Freezes a card: nothing is approved on it until it is unfrozen. While the ledger is away it holds at this server at once, is durable in the
/// spool, and is brought to the ledger once, with who and why: answered 202, with `waits_for`. A card that nobody can look up then is frozen
/// as well, and the answer has a `note`: look at it when the ledger is back.
#[utoipa::path(post, operation_id = "freeze_card", path = "/v1/cards/{card}/freeze", tag = "cards",
    params(("card" = String, Path, description = "The platform's token of the card."), ProgramParameter, KeyParameter),
    request_body = Reason,
    responses((status = 200, body = Card), (status = 202, description = "Done; not to be read yet, or `waits_for` the ledger", body = Card), WriteProblems))]
pub(super) async fn freeze(State(api): State<Arc<Api>>, target: Target, write: Write) -> Result<Response, Problem> {
    api.set_card(&target, write, CardStatus::Frozen).await
}

/// Unfreezes a card. A card that is lost, stolen, expired or closed stays so. It needs the ledger.
#[utoipa::path(post, operation_id = "unfreeze_card", path = "/v1/cards/{card}/unfreeze", tag = "cards",
    params(("card" = String, Path, description = "The platform's token of the card."), ProgramParameter, KeyParameter),
    request_body = Reason,
    responses((status = 200, body = Card), (status = 202, description = "Done; not to be read yet", body = Card), WriteProblems))]
pub(super) async fn unfreeze(State(api): State<Arc<Api>>, target: Target, write: Write) -> Result<Response, Problem> {
    api.set_card(&target, write, CardStatus::Active).await
}

/// Closes a card for good. While the ledger is away as a freeze is.
#[utoipa::path(post, operation_id = "close_card", path = "/v1/cards/{card}/close", tag = "cards",
    params(("card" = String, Path, description = "The platform's token of the card."), ProgramParameter, KeyParameter),
    request_body = Reason,
    responses((status = 200, body = Card), (status = 202, description = "Done; not to be read yet, or `waits_for` the ledger", body = Card), WriteProblems))]
pub(super) async fn close(State(api): State<Arc<Api>>, target: Target, write: Write) -> Result<Response, Problem> {
    api.set_card(&target, write, CardStatus::Closed).await
}

impl Api {
    async fn card(&self, program: ProgramId, card: CardToken) -> Result<AsOf<CardLine>, Problem> {
        found(from_reads(self.reads.card(program, card).await)?, "card")
    }

    async fn set_card(&self, target: &Target, write: Write, status: CardStatus) -> Result<Response, Problem> {
        let card = target.parse("card")?;
        let (known, note) = self.known_card(write.program().id, card, status).await?;
        let (reason, change) = write.read(|fields| fields.reason(Need::Required))?;
        if let Some(known) = known.filter(|known| !known.status.may_become(status)) {
            let detail = format!("the card is {}; nothing was changed", known.status.name());
            self.made_before(&change, reason, Problem::of(Code::StatusFinal, detail)).await?;
            let AsOf { record, fresh, found } = self.card(change.program.id, card).await?;
            return Ok(written(fresh, Card::of(&found, record)));
        }
        let fact = Fact::Card { card, status };
        let barred = if status.bar().is_some() {
            self.bar(&change, reason, fact).await?
        } else {
            let taken = self.take_down(&change, reason).await?;
            self.tell(&taken, Subject::default(), fact).await?;
            Barred::ByLedger
        };
        match barred {
            Barred::ByLedger => {
                let AsOf { record, fresh, found } = self.card(change.program.id, card).await?;
                Ok(written(fresh, self.shown(change.program.id, &found, record)))
            }
            Barred::Here => {
                let known = known.unwrap_or(CardLine { card, account: None, cardholder: None, status });
                Ok(holds_here(Card { status: status.name(), waits_for: Some(LEDGER), note, ..Card::of(&known, 0) }))
            }
        }
    }

    /// What is known of a card whose status is to be set. While it is to be barred and nobody can look it up, what waits for the ledger, if
    /// anything, and what to say then: again to whoever asks again.
    async fn known_card(
        &self,
        program: ProgramId,
        card: CardToken,
        status: CardStatus,
    ) -> Result<(Option<CardLine>, Option<&'static str>), Problem> {
        if status.bar().is_none() {
            return self.card(program, card).await.map(|read| (Some(read.found), None));
        }
        let line = match timeout(BAR_WITHIN, self.card(program, card)).await {
            Ok(Err(problem)) if !problem.is(Code::ReadsUnavailable) => return Err(problem),
            Ok(read) => read.ok().map(|read| read.found),
            Err(_) => None,
        };
        let of_status = |status| CardLine { card, account: None, cardholder: None, status };
        match (line, self.meanwhile.card(program, card)) {
            // What follows the ledger is behind what this server was told.
            (Some(line), Sight::Seen(seen)) if seen.severity() > line.status.severity() => {
                Ok((Some(CardLine { status: seen, ..line }), None))
            }
            (Some(line), Sight::Seen(_) | Sight::NotSeen | Sight::Absent) => Ok((Some(line), None)),
            (None, Sight::Seen(seen)) => Ok((Some(of_status(seen)), None)),
            (None, Sight::Absent) => Err(Problem::unknown("card")),
            (None, Sight::NotSeen) => Ok((self.meanwhile.waiting_of_card(program, card).map(of_status), Some(NOT_LOOKED_UP))),
        }
    }

    /// A card as it is shown: with what this server was told and the ledger has yet to hear.
    fn shown(&self, program: ProgramId, line: &CardLine, as_of: i64) -> Card {
        let (status, waits_for) = self.with_what_waits(program, line.card, line.status);
        Card { waits_for, ..Card::of(&CardLine { status, ..*line }, as_of) }
    }
}

fn no_account() -> Problem {
    let problem = "is no account of this program".to_owned();
    Problem::bad_request(vec![FieldError { path: "account_id".to_owned(), problem }])
}

impl NewCard {
    fn read(fields: &Fields) -> Option<Self> {
        let card = fields.parsed("card", Need::Required, CardToken::new);
        let account_id = fields.parsed("account_id", Need::Required, AccountId::new);
        let cardholder = fields.parsed("cardholder", Need::Optional, CardholderToken::new);
        let status = fields.parsed("status", Need::Optional, |name| match name {
            "active" => Ok(CardStatus::Active),
            "unactivated" => Ok(CardStatus::Unactivated),
            _ => Err("must be active or unactivated"),
        });
        let reason = fields.reason(Need::Optional);
        let status = status.unwrap_or(CardStatus::Active);
        Some(NewCard { card: card?, account_id: account_id?, cardholder, status, reason: reason? })
    }

    /// Whether what is there is what was to be created. Its status is what became of it since.
    fn is(&self, known: &CardLine) -> bool {
        known.account == Some(self.account_id) && known.cardholder == self.cardholder
    }
}

impl Card {
    fn of(line: &CardLine, as_of: i64) -> Self {
        let CardLine { card, account, cardholder, status } = *line;
        Card { card, account_id: account, cardholder, status: status.name(), waits_for: None, note: None, as_of }
    }
}
