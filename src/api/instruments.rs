//! `/v1/instruments`: what is known of a card beside what the ledger knows: its brand, its last four digits, and what verifications
//! of it once came to. Never what was verified: no address, no security code, no card number.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use holdfast_adapters::payment::{AddressVerification, CardBrand, SecurityCodeVerification};
use holdfast_core::{CardToken, CardholderToken};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::caller::{Caller, ProgramParameter};
use super::input::{Fields, Need};
use super::merchants::{NamePage, cut, name_page};
use super::openapi::{ReadProblems, WriteProblems};
use super::problem::Problem;
use super::router::Target;
use super::write::{KeyParameter, Write};
use crate::card_numbers::NumberToken;
use crate::profiles::{Instrument as Kept, Profile, last_four, one_of_two};

/// An instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Instrument {
    /// The card, by its token; callers of payment doors name it by that.
    #[schema(example = "PIdemo1")]
    pub card: String,
    /// `visa`, `mastercard`, `american express`, `discover`, `dinersclub` or `ebt`.
    #[schema(value_type = String, example = "visa")]
    pub brand: &'static str,
    /// The last four digits of its number.
    #[schema(example = "1111")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_four: Option<String>,
    /// The token of its number, where it is found by that: such an instrument has no last four digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_token: Option<String>,
    /// `POSTAL_CODE_AND_STREET_MATCH`, `POSTAL_CODE_MATCH`, `STREET_MATCH`, `NO_MATCH` or `UNAVAILABLE`.
    #[schema(value_type = String, example = "POSTAL_CODE_AND_STREET_MATCH")]
    pub address_verification: &'static str,
    /// `MATCHED`, `NOT_MATCHED` or `UNAVAILABLE`.
    #[schema(value_type = String, example = "MATCHED")]
    pub security_code_verification: &'static str,
    /// Its owner, as limits on cardholders count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cardholder: Option<String>,
}

/// A page of instruments.
#[derive(Debug, Serialize, ToSchema)]
pub struct Instruments {
    /// The instruments, in the order of their names.
    pub instruments: Vec<Instrument>,
    /// What to send as `behind` for the next page; not there on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_behind: Option<String>,
}

/// An instrument to put, in whole.
#[derive(Debug, Clone, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct InstrumentToPut {
    /// `visa`, `mastercard`, `american express`, `discover`, `dinersclub` or `ebt`.
    brand: String,
    /// The last four digits of its number, and no others. Either these or `number_token`.
    #[schema(example = "1111")]
    last_four: Option<String>,
    /// The token of its number, as `holdfast card-token` prints it: payment doors that take card numbers find the card by it.
    number_token: Option<String>,
    /// `POSTAL_CODE_AND_STREET_MATCH`, `POSTAL_CODE_MATCH`, `STREET_MATCH`, `NO_MATCH` or `UNAVAILABLE` (if left out).
    address_verification: Option<String>,
    /// `MATCHED`, `NOT_MATCHED` or `UNAVAILABLE` (if left out).
    security_code_verification: Option<String>,
    /// Its owner, by the token that the ledger's card has.
    cardholder: Option<String>,
    /// Why, for whoever reads it later.
    reason: Option<String>,
}

/// Lists instruments.
#[utoipa::path(get, operation_id = "list_instruments", path = "/v1/instruments", tag = "instruments",
    params(ProgramParameter, NamePage), responses((status = 200, body = Instruments), ReadProblems))]
pub(super) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<Instruments>, Problem> {
    let (most, behind) = caller.query.finish(name_page)?;
    let mut found = api.profiles.instruments(caller.program.id, behind.as_deref(), most.saturating_add(1));
    let next_behind = cut(&mut found, most, |instrument| instrument.card.to_string());
    Ok(Json(Instruments { instruments: found.iter().map(|instrument| Instrument::of(instrument)).collect(), next_behind }))
}

/// Gets an instrument.
#[utoipa::path(get, operation_id = "get_instrument", path = "/v1/instruments/{card}", tag = "instruments",
    params(("card" = String, Path, description = "The token of the card."), ProgramParameter),
    responses((status = 200, body = Instrument), ReadProblems))]
pub(super) async fn get(State(api): State<Arc<Api>>, target: Target, caller: Caller) -> Result<Json<Instrument>, Problem> {
    caller.query.finish(|_| Some(()))?;
    let found = api.profiles.instrument(caller.program.id, target.parse("instrument")?);
    Ok(Json(Instrument::of(&*found.ok_or_else(|| Problem::unknown("instrument"))?)))
}

/// Puts what is known of a card: new, or in place of what was known.
#[utoipa::path(put, operation_id = "put_instrument", path = "/v1/instruments/{card}", tag = "instruments",
    params(("card" = String, Path, description = "The token of the card."), ProgramParameter, KeyParameter),
    request_body = InstrumentToPut, responses((status = 200, body = Instrument), WriteProblems))]
pub(super) async fn put(State(api): State<Arc<Api>>, target: Target, write: Write) -> Result<Json<Instrument>, Problem> {
    let card: CardToken = target.parse("instrument")?;
    let ((instrument, reason), change) = write.read(|fields| {
        // Both before either is looked at: a field that is not asked for is told to be unknown.
        let (instrument, reason) = (read(card, fields), fields.reason(Need::Optional));
        Some((instrument?, reason?))
    })?;
    let shown = Instrument::of(&instrument);
    let taken = api.take_down(&change, reason).await?;
    api.put_profile(change.program.id, Profile::Instrument(instrument), &taken).await?;
    let found = api.profiles.instrument(change.program.id, card);
    Ok(Json(found.map_or(shown, |found| Instrument::of(&found))))
}

fn read(card: CardToken, fields: &Fields) -> Option<Kept> {
    let brand = fields.parsed("brand", Need::Required, |word| {
        CardBrand::from_name(word).ok_or("must be visa, mastercard, american express, discover, dinersclub or ebt")
    });
    let four = fields.parsed("last_four", Need::Optional, last_four);
    let token = fields.parsed("number_token", Need::Optional, str::parse::<NumberToken>);
    let is_known = |name, read: bool| !fields.mentions(name) || read;
    let both = is_known("last_four", four.is_some()) && is_known("number_token", token.is_some());
    let named = if both { one_of_two(four.as_ref(), token.as_ref()) } else { Ok(()) };
    let named = named.map_err(|problem| fields.wrong("last_four", problem)).ok();
    let address = fields.parsed("address_verification", Need::Optional, |word| {
        AddressVerification::from_name(word)
            .ok_or("must be POSTAL_CODE_AND_STREET_MATCH, POSTAL_CODE_MATCH, STREET_MATCH, NO_MATCH or UNAVAILABLE")
    });
    let code = fields.parsed("security_code_verification", Need::Optional, |word| {
        SecurityCodeVerification::from_name(word).ok_or("must be MATCHED, NOT_MATCHED or UNAVAILABLE")
    });
    let owner = fields.parsed("cardholder", Need::Optional, CardholderToken::new);
    named?;
    Some(Kept {
        card,
        brand: brand?,
        last_four: four,
        number_token: token,
        address_verification: address.unwrap_or(AddressVerification::Unavailable),
        security_code_verification: code.unwrap_or(SecurityCodeVerification::Unavailable),
        owner,
    })
}

impl Instrument {
    fn of(kept: &Kept) -> Self {
        Instrument {
            card: kept.card.to_string(),
            brand: kept.brand.name(),
            last_four: kept.last_four.clone(),
            number_token: kept.number_token.map(|token| token.to_string()),
            address_verification: kept.address_verification.name(),
            security_code_verification: kept.security_code_verification.name(),
            cardholder: kept.owner.map(|owner| owner.to_string()),
        }
    }
}
