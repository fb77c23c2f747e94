//! `/v1/bindings`: what leads from a card, token, account or other instrument to a spending authority.

use std::sync::Arc;

use axum::response::Response;
use holdfast_core::agent::{Binding as KnownBinding, BindingId, Door, Environment, InstrumentId, InstrumentKind, Scope};
use holdfast_core::{CardToken, PlatformName, ProgramId};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::agents::status;
use super::asking::{KeyParameter, Read, VersionParameter, Versioned, Write};
use super::authorities::of_field;
use super::openapi::{ReadProblems, WriteProblems};
use super::shown::{Listed, Shown, State, StatusParameter, page_and_status};
use crate::agent::bodies::{Authority, Binding};
use crate::agent::lead::{Calls, OneOfOurs};
use crate::agent::mirror::platform;
use crate::agent::office::change::{Change, New};
use crate::agent::office::{Office, Owner, archived, no_randomness};
use crate::agent::store::{Guard, Kind, List, Row};
use crate::api::input::{Fields, Need};
use crate::api::page::PageParameters;
use crate::api::problem::{Code, Problem};
use crate::api::router::Target;
use crate::ledger::{Act, Origin, Whose};

/// A binding to make.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct NewBinding {
    /// Where it leads.
    spending_authority_id: String,
    /// Who issued the instrument.
    #[schema(example = "MARQETA")]
    issuing_platform: String,
    /// `card`, `token`, `account` or `instrument`; `card` if left out.
    #[schema(example = "card")]
    instrument_kind: Option<String>,
    /// The platform's own name for it. A card number is refused.
    #[schema(max_length = 64, example = "card-demo-2")]
    instrument_id: String,
    /// Where its money, budgets and intents move: `platform`, at the issuing platform's callback, or `authorize`, at `/v1/authorize`.
    /// With `platform`, `/v1/authorize` evaluates and records alike, and moves nothing. With `authorize`, a callback of a card's platform
    /// is the payment that `/v1/authorize` was asked about with the same `platform_transaction_token`, and otherwise a payment of its own:
    /// it never approves without holding the money. If left out: `platform` for what pays from accounts of this server, otherwise
    /// `authorize`. A door at which nothing of this kind could ever move is refused (409 `door_not_possible`): `platform` for a platform that
    /// does not call this server and for the kind `instrument`, `authorize` for an `account` of a platform that does.
    #[schema(example = "platform")]
    authoritative_door: Option<String>,
}

/// What changes of a binding; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct BindingChange {
    /// Where it leads.
    spending_authority_id: Option<String>,
    /// `platform` or `authorize`.
    authoritative_door: Option<String>,
    /// `active` or `suspended`: what comes by a suspended binding is declined.
    status: Option<String>,
    /// The version that you read; `If-Match` says the same.
    version: Option<u32>,
}

/// Of which authority.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct AuthorityParameter {
    /// Only that authority's.
    spending_authority_id: Option<String>,
}

struct Asked {
    authority: String,
    platform: String,
    kind: InstrumentKind,
    instrument: InstrumentId,
    door: Option<Door>,
}

fn door(fields: &Fields) -> Option<Door> {
    fields.parsed("authoritative_door", Need::Optional, |text| Door::named(text).ok_or("must be \"platform\" or \"authorize\""))
}

/// A platform, in lower case.
pub(super) fn issuing_platform(fields: &Fields, need: Need) -> Option<String> {
    fields.parsed("issuing_platform", need, |text| {
        let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        platform(text)
            .filter(|_| fits)
            .map(|name| name.to_string())
            .ok_or("must be a platform's name of at most 16 letters, such as \"MARQETA\"")
    })
}

fn read(fields: &Fields) -> Option<Asked> {
    let authority = fields.text("spending_authority_id", Need::Required).map(str::to_owned);
    let platform = issuing_platform(fields, Need::Required);
    let kind = fields.parsed("instrument_kind", Need::Optional, |text| {
        InstrumentKind::named(text).ok_or("must be \"card\", \"token\", \"account\" or \"instrument\"")
    });
    let instrument = fields.parsed("instrument_id", Need::Required, InstrumentId::new);
    let door = door(fields);
    Some(Asked {
        authority: authority?,
        platform: platform?,
        kind: kind.unwrap_or(InstrumentKind::Card),
        instrument: instrument?,
        door,
    })
}

/// An instrument has one binding, whoever asks: a callback that names it leads to one authority.
pub(in crate::agent) fn instrument_claim(environment: &str, platform: &str, instrument: &str) -> String {
    format!("instrument/{environment}/{}/{instrument}", platform.to_ascii_lowercase())
}

/// What a binding may hold: its instrument at its own platform, and at every one that could ever call this server.
fn all_claims(owner: Owner, body: &Binding) -> Vec<String> {
    let own = (body.issuing_platform.to_ascii_lowercase(), owner.environment.name());
    let callers = holdfast_adapters::PLATFORMS.iter().map(|platform| platform.name).filter(|name| *name != own.0);
    std::iter::once(own.0.as_str()).chain(callers).map(|name| instrument_claim(own.1, name, &body.instrument_id)).collect()
}

/// Lists bindings.
#[utoipa::path(get, operation_id = "list_bindings", path = "/v1/bindings", tag = "bindings",
    params(PageParameters, StatusParameter, AuthorityParameter), responses((status = 200, body = Listed<Shown<Binding>>), ReadProblems))]
pub(super) async fn list(house: State, read: Read) -> Result<Response, Problem> {
    let ((page, status), parent) = read.query.finish(|fields| {
        let parent = fields.text("spending_authority_id", Need::Optional).map(str::to_owned);
        page_and_status(fields, "bindings").map(|which| (which, parent))
    })?;
    house.list(&read.asker, List { status, parent, ..List::of(Kind::Binding, 0) }, page, "bindings").await
}

/// Shows a binding.
#[utoipa::path(get, operation_id = "get_binding", path = "/v1/bindings/{binding_id}", tag = "bindings",
    params(("binding_id" = String, Path)), responses((status = 200, body = Shown<Binding>), ReadProblems))]
pub(super) async fn get(house: State, target: Target, read: Read) -> Result<Response, Problem> {
    read.query.finish(|_| Some(()))?;
    let id: String = target.parse("binding")?;
    let (row, _) = house.office.own::<Binding>(read.asker.owner(), &id).await?;
    house.answer(StatusCode::OK, row).await
}

async fn live_authority(office: &Office, owner: Owner, id: &str) -> Result<Row, Problem> {
    let found = office.own::<Authority>(owner, id).await;
    let (row, _) = found.map_err(|problem| of_field("spending_authority_id", problem))?;
    if row.status == "archived" { Err(archived(Kind::Authority)) } else { Ok(row) }
}

/// What is bound to an authority is bound to something that lives: the authority, and its agent.
fn only_if_live(change: &mut Change, authority: &Row) {
    change.only_if(Guard::Live(Kind::Authority, authority.id.clone()));
    change.only_if(Guard::Live(Kind::Agent, authority.parent.clone()));
}

/// Binds an instrument to a spending authority: from then on its payments are that authority's. An `account` is bound with every card that
/// pays from it, but for cards that have a binding of their own. An instrument has one binding, whoever made
/// it: what is of platforms that call this server is one at all of them, as it is in the ledger (409 `taken`). A card whose account another
/// enterprise has bound is bound with it (409 `taken`), where the ledger knows the card. Of two bindings of the same money that are there all
/// the same, one of an account and one of its card by two enterprises, or older ones, one decides payments: that of an enterprise
/// which may bind it comes before another one, and of two such the one that was made first; by
/// another one `/v1/authorize` answers `BINDING_NOT_FOUND`. What is of a platform that calls this server can be bound by the enterprises that the operator lists only (403 `card_not_yours`);
/// without a list, by any in the sandbox and by none in production.
#[utoipa::path(post, operation_id = "create_binding", path = "/v1/bindings", tag = "bindings", params(KeyParameter),
    request_body = NewBinding, responses((status = 201, body = Shown<Binding>), WriteProblems))]
pub(super) async fn create(house: State, write: Write) -> Result<Response, Problem> {
    let (owner, office) = (write.asker.owner(), &house.office);
    let mut wanted = write.read(Scope::Setup, Versioned::New, read)?;
    if let Some(row) = office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::CREATED, row).await;
    }
    let Asked { authority, platform, kind, instrument, door } = &wanted.what;
    house.may_bind(owner, platform)?;
    house.must_be_of_no_ones_account(owner, platform, *kind, instrument).await?;
    let authority = live_authority(office, owner, authority).await?;
    let id = BindingId::of_random(office.sealer.random().map_err(no_randomness)?);
    let place = New {
        id: id.as_str(),
        organization: owner.organization.as_str(),
        environment: Some(owner.environment),
        parent: &authority.id,
        status: "active",
    };
    let body = Binding {
        spending_authority_id: authority.id.clone(),
        issuing_platform: platform.to_ascii_uppercase(),
        instrument_kind: *kind,
        instrument_id: instrument.to_string(),
        authoritative_door: house.door_of(owner, platform, *kind, *door)?,
    };
    only_if_live(&mut wanted.change, &authority);
    wanted.change.create(&place, &body, house.claims(owner, &body), "binding.created");
    let row = office.make(wanted.change).await?;
    house.answer(StatusCode::CREATED, row).await
}

impl super::House {
    /// Whether a platform calls this server for the program of an environment: then its cards' money is here.
    pub(super) fn is_called_by(&self, owner: Owner, platform: &str) -> bool {
        let program = self.office.registry().programs().of(owner.environment);
        program.is_some_and(|program| self.callers(program).any(|name| name.as_str() == platform))
    }

    /// The platforms that call this server for the program of an environment.
    pub(super) fn callers(&self, program: ProgramId) -> impl Iterator<Item = &PlatformName> {
        self.mounts.iter().filter(move |(of, _)| *of == program).map(|(_, name)| name)
    }

    /// What nothing else may hold beside a binding. What is of a platform that calls is one card of our ledger at all that do.
    fn claims(&self, owner: Owner, body: &Binding) -> Vec<String> {
        let own = body.issuing_platform.to_ascii_lowercase();
        let program = self.office.registry().programs().of(owner.environment).filter(|_| self.is_called_by(owner, &own));
        let others = program.into_iter().flat_map(|program| self.callers(program)).map(PlatformName::as_str);
        let platforms = std::iter::once(own.as_str()).chain(others.filter(|other| *other != own));
        platforms.map(|platform| instrument_claim(owner.environment.name(), platform, &body.instrument_id)).collect()
    }

    /// A card is not taken out of the policy that another enterprise has for its account, as far as the ledger knows the card.
    async fn must_be_of_no_ones_account(
        &self,
        owner: Owner,
        platform: &str,
        kind: InstrumentKind,
        instrument: &InstrumentId,
    ) -> Result<(), Problem> {
        let registry = self.office.registry();
        let card = match kind {
            InstrumentKind::Card | InstrumentKind::Token => CardToken::try_from(instrument.as_str()).ok(),
            InstrumentKind::Account | InstrumentKind::Instrument => None,
        };
        let program = registry.programs().of(owner.environment).filter(|_| self.is_called_by(owner, platform));
        let Some((card, program)) = card.zip(program).filter(|_| registry.binds_accounts()) else { return Ok(()) };
        let bound = self.binding_of_its_account(program, card).await?;
        match bound.filter(|bound| bound.organization != owner.organization) {
            None => Ok(()),
            Some(_) => Err(Problem::of(Code::Taken, "the account that this card pays from is bound by another enterprise")),
        }
    }

    /// The binding of the account that a card pays from, as far as the ledger knows the card.
    pub(super) async fn binding_of_its_account(
        &self,
        program: ProgramId,
        card: CardToken,
    ) -> Result<Option<Arc<KnownBinding>>, Problem> {
        let balances = self.done(Act::Balances(Origin::of(program), Whose::Card(card))).await?.into_balances();
        let account = balances.and_then(|standings| standings.first().map(|standing| standing.balance.account));
        let ours = OneOfOurs { program: &program, platforms: self.callers(program) };
        Ok(account.and_then(|account| self.agents.binding_of_account(ours, &account)))
    }

    /// Whether an enterprise may bind what is of a platform. What nobody calls about is not ours to give, and its issuer's processor asks
    /// with a grant. What is ours is given by the operator's list; without one by nobody where money is real.
    fn may_bind(&self, owner: Owner, platform: &str) -> Result<(), Problem> {
        let listed = match (self.agents.listed(), owner.environment) {
            (Some(listed), _) => listed.contains(&owner.organization),
            (None, Environment::Sandbox) => true,
            (None, Environment::Production) => false,
        };
        if listed || !self.is_called_by(owner, platform) {
            return Ok(());
        }
        let detail = "this server's operator has not let this enterprise bind instruments of this platform; ask for it";
        Err(Problem::coded(Code::Forbidden, "card_not_yours", detail))
    }

    /// Where an instrument's money moves: where its owner says, if that is a door at which it can; the usual one if nobody says.
    fn door_of(&self, owner: Owner, platform: &str, kind: InstrumentKind, wanted: Option<Door>) -> Result<Door, Problem> {
        let calls = if self.is_called_by(owner, &platform.to_ascii_lowercase()) { Calls::Yes } else { Calls::No };
        let doors = calls.doors(kind);
        let door = wanted.or_else(|| doors.first().copied()).filter(|door| doors.contains(door));
        door.ok_or_else(|| {
            let detail = match calls {
                Calls::Yes => {
                    "nothing of this kind could ever move at that door: what pays out of an account of this server does so where \
                               its platform asks, and no callback names a kind `instrument`; leave `authoritative_door` out"
                }
                Calls::No => {
                    "this platform does not call this server, so that nothing would ever move at its door: leave \
                              `authoritative_door` out, or say \"authorize\""
                }
            };
            Problem::coded(Code::StateConflict, "door_not_possible", detail)
        })
    }
}

/// Changes a binding.
#[utoipa::path(patch, operation_id = "update_binding", path = "/v1/bindings/{binding_id}", tag = "bindings",
    params(("binding_id" = String, Path), KeyParameter, VersionParameter), request_body = BindingChange,
    responses((status = 200, body = Shown<Binding>), WriteProblems))]
pub(super) async fn update(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let (owner, office) = (write.asker.owner(), &house.office);
    let mut wanted = write.read(Scope::Setup, Versioned::Required, |fields| {
        let authority = fields.text("spending_authority_id", Need::Optional).map(str::to_owned);
        Some((authority, door(fields), status(fields)))
    })?;
    if let Some(row) = office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let id: String = target.parse("binding")?;
    let (mut row, mut body) = office.own::<Binding>(owner, &id).await?;
    wanted.must_fit(&row)?;
    let (authority, door, status) = wanted.what.clone();
    if let Some(authority) = authority {
        let authority = live_authority(office, owner, &authority).await?;
        only_if_live(&mut wanted.change, &authority);
        row.parent.clone_from(&authority.id);
        body.spending_authority_id = authority.id;
    }
    if door.is_some() {
        body.authoritative_door = house.door_of(owner, &body.issuing_platform, body.instrument_kind, door)?;
    }
    let status = status.unwrap_or(&row.status);
    wanted.change.update(&row, status, &body, Vec::new(), "binding.updated");
    let row = office.make(wanted.change).await?;
    house.answer(StatusCode::OK, row).await
}

/// Archives a binding for good: its instrument can be bound again.
#[utoipa::path(post, operation_id = "archive_binding", path = "/v1/bindings/{binding_id}/archive", tag = "bindings",
    params(("binding_id" = String, Path), KeyParameter, VersionParameter),
    responses((status = 200, body = Shown<Binding>), WriteProblems))]
pub(super) async fn archive(house: State, target: Target, write: Write) -> Result<Response, Problem> {
    let mut wanted = write.read(Scope::Setup, Versioned::Optional, |_| Some(()))?;
    if let Some(row) = house.office.made_before(&wanted.change).await? {
        return house.answer(StatusCode::OK, row).await;
    }
    let id: String = target.parse("binding")?;
    let owner = wanted.asker.owner();
    let (row, body) = house.office.own::<Binding>(owner, &id).await?;
    wanted.must_fit(&row)?;
    wanted.change.update(&row, "archived", &body, all_claims(owner, &body), "binding.archived");
    let row = house.office.make(wanted.change).await?;
    house.answer(StatusCode::OK, row).await
}
