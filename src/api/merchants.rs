//! `/v1/merchants`: who is paid through payment doors. They are not the ledger's: what is put here is durable beside it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use holdfast_core::{Country, MerchantCategoryCode, MerchantId};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::caller::{Caller, ProgramParameter};
use super::input::{Fields, Need};
use super::openapi::{ReadProblems, WriteProblems};
use super::problem::{Code, Problem};
use super::router::Target;
use super::write::{KeyParameter, Taken, Write};
use crate::profiles::{
    self, ADDRESS_LINES_MAX, Merchant as Kept, MerchantLimits, MerchantStanding, NetworkTokenization, Profile, StoreError,
    Surcharges, text, time_zone,
};

/// How many lines a page has if nobody says, and at most.
const LINES: (i64, i64) = (50, 200);

/// A merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Merchant {
    /// What callers of payment doors name it by.
    #[schema(example = "merchant-demo")]
    pub merchant: String,
    /// Its name, as receipts print it.
    #[schema(example = "Demo Store")]
    pub name: String,
    /// The lines of its address, at most three.
    pub address: Vec<String>,
    /// Its telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// What it sells, as ISO 18245 numbers it.
    #[schema(example = "5734")]
    pub mcc: String,
    /// Where it is (ISO 3166-1).
    #[schema(example = "USA")]
    pub country: String,
    /// Its time zone, by its IANA name.
    #[schema(example = "America/New_York")]
    pub time_zone: String,
    /// The application that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Whether payments to it are processed; if not, they are declined.
    pub enabled: bool,
    /// `allowed`, or `prohibited` where its state or its contract prohibits a surcharge for cards.
    #[schema(value_type = String, example = "allowed")]
    pub surcharges: &'static str,
    /// `automatic` where its account has card brands' own tokens, else `off`. Recorded and shown; it decides nothing.
    #[schema(value_type = String, example = "off")]
    pub network_tokenization: &'static str,
    /// The most that one payment may be, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_max: Option<i64>,
    /// The most that may be paid to it in a day of its time zone, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_amount_max: Option<i64>,
    /// The most payments in a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_count_max: Option<u32>,
    /// The most that may be paid to it in a month, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month_amount_max: Option<i64>,
}

/// A page of merchants.
#[derive(Debug, Serialize, ToSchema)]
pub struct Merchants {
    /// The merchants, in the order of their names.
    pub merchants: Vec<Merchant>,
    /// What to send as `behind` for the next page; not there on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_behind: Option<String>,
}

/// A merchant to put, in whole: what is left out is as if it had never been said.
#[derive(Debug, Clone, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct MerchantToPut {
    /// Its name, as receipts print it: 1 to 100 characters.
    name: String,
    /// The lines of its address, at most three.
    address: Option<Vec<String>>,
    /// Its telephone number.
    phone: Option<String>,
    /// What it sells, as ISO 18245 numbers it.
    #[schema(example = "5734")]
    mcc: String,
    /// Where it is (ISO 3166-1).
    #[schema(example = "USA")]
    country: String,
    /// Its time zone, by its IANA name.
    #[schema(example = "America/New_York")]
    time_zone: String,
    /// The application that it belongs to.
    application: Option<String>,
    /// `true` if left out.
    enabled: Option<bool>,
    /// `allowed` (if left out) or `prohibited`.
    surcharges: Option<String>,
    /// `off` (if left out) or `automatic`.
    network_tokenization: Option<String>,
    /// The most that one payment may be, in minor units.
    amount_max: Option<i64>,
    /// The most that may be paid to it in a day of its time zone, in minor units.
    day_amount_max: Option<i64>,
    /// The most payments in a day.
    day_count_max: Option<u32>,
    /// The most that may be paid to it in a month, in minor units.
    month_amount_max: Option<i64>,
    /// Why, for whoever reads it later.
    reason: Option<String>,
}

/// Which page of names.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by hand")]
pub(super) struct NamePage {
    /// The most lines to answer with.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The last name of the page before.
    behind: Option<String>,
}

/// Lists merchants.
#[utoipa::path(get, operation_id = "list_merchants", path = "/v1/merchants", tag = "merchants", params(ProgramParameter, NamePage),
    responses((status = 200, body = Merchants), ReadProblems))]
pub(super) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Json<Merchants>, Problem> {
    let (most, behind) = caller.query.finish(name_page)?;
    let mut found = api.profiles.merchants(caller.program.id, behind.as_deref(), most.saturating_add(1));
    let next_behind = cut(&mut found, most, |merchant| merchant.id.to_string());
    Ok(Json(Merchants { merchants: found.iter().map(|merchant| Merchant::of(merchant)).collect(), next_behind }))
}

/// Gets a merchant.
#[utoipa::path(get, operation_id = "get_merchant", path = "/v1/merchants/{merchant}", tag = "merchants",
    params(("merchant" = String, Path, description = "What callers name it by."), ProgramParameter),
    responses((status = 200, body = Merchant), ReadProblems))]
pub(super) async fn get(State(api): State<Arc<Api>>, target: Target, caller: Caller) -> Result<Json<Merchant>, Problem> {
    caller.query.finish(|_| Some(()))?;
    let found = api.profiles.merchant(caller.program.id, target.parse("merchant")?);
    Ok(Json(Merchant::of(&*found.ok_or_else(|| Problem::unknown("merchant"))?)))
}

/// Puts a merchant: a new one, or in place of the one of that name.
#[utoipa::path(put, operation_id = "put_merchant", path = "/v1/merchants/{merchant}", tag = "merchants",
    params(("merchant" = String, Path, description = "What callers name it by."), ProgramParameter, KeyParameter),
    request_body = MerchantToPut, responses((status = 200, body = Merchant), WriteProblems))]
pub(super) async fn put(State(api): State<Arc<Api>>, target: Target, write: Write) -> Result<Json<Merchant>, Problem> {
    let id: MerchantId = target.parse("merchant")?;
    let ((merchant, reason), change) = write.read(|fields| {
        // Both before either is looked at: a field that is not asked for is told to be unknown.
        let (merchant, reason) = (read(id, fields), fields.reason(Need::Optional));
        Some((merchant?, reason?))
    })?;
    let shown = Merchant::of(&merchant);
    let taken = api.take_down(&change, reason).await?;
    api.put_profile(change.program.id, Profile::Merchant(merchant), &taken).await?;
    let found = api.profiles.merchant(change.program.id, id);
    Ok(Json(found.map_or(shown, |found| Merchant::of(&found))))
}

impl Api {
    /// Keeps a profile. The same change again is made if it was not, after a crash or a full disk, and leaves what later ones made of it.
    ///
    /// # Errors
    /// The disk.
    pub(super) async fn put_profile(
        &self,
        program: holdfast_core::ProgramId,
        profile: Profile,
        taken: &Taken,
    ) -> Result<(), Problem> {
        let (profiles, Taken { first, at, .. }) = (Arc::clone(&self.profiles), *taken);
        let put = move || if first { profiles.put(program, &[profile], at) } else { profiles.put_again(program, profile, at) };
        let put = tokio::task::spawn_blocking(put).await;
        let put = put.map_err(|_| Problem::of(Code::Internal, "keeping it met a bug"))?;
        put.map_err(|error| match error {
            StoreError::NumberTaken { .. } => Problem::of(Code::AlreadyExists, error.to_string()),
            StoreError::File(..)
            | StoreError::Disk(..)
            | StoreError::Foreign(_)
            | StoreError::Newer(..)
            | StoreError::Lost(..)
            | StoreError::Unreadable(..)
            | StoreError::Database(_) => Problem::of(Code::LedgerUnavailable, error.to_string()).retry_after(1),
        })
    }
}

fn read(id: MerchantId, fields: &Fields) -> Option<Kept> {
    let name = fields.parsed("name", Need::Required, text);
    let address = fields.texts("address", ADDRESS_LINES_MAX, text);
    let phone = fields.parsed("phone", Need::Optional, text);
    let mcc = fields.parsed("mcc", Need::Required, |digits| {
        let code = MerchantCategoryCode::new(digits).filter(|_| digits.len() == 4);
        code.ok_or("must be a category of four digits, such as 5734")
    });
    let country = fields.parsed("country", Need::Required, |code| {
        Country::new(code).map(|_| code.to_owned()).ok_or("must be a code of ISO 3166-1, such as USA")
    });
    let zone = fields.parsed("time_zone", Need::Required, time_zone);
    let application = fields.parsed("application", Need::Optional, text);
    let enabled = fields.switch("enabled", Need::Optional).unwrap_or(true);
    let surcharges = fields.parsed("surcharges", Need::Optional, |word| match word {
        "allowed" => Ok(Surcharges::Allowed),
        "prohibited" => Ok(Surcharges::Prohibited),
        _ => Err("must be allowed or prohibited"),
    });
    let network_tokenization = fields.parsed("network_tokenization", Need::Optional, |word| match word {
        "off" => Ok(NetworkTokenization::Off),
        "automatic" => Ok(NetworkTokenization::Automatic),
        _ => Err("must be off or automatic"),
    });
    let limits = MerchantLimits {
        amount_max: fields.minor("amount_max", Need::Optional, 1),
        day_amount_max: fields.minor("day_amount_max", Need::Optional, 1),
        day_count_max: fields.count("day_count_max", Need::Optional),
        month_amount_max: fields.minor("month_amount_max", Need::Optional, 1),
    };
    Some(Kept {
        id,
        name: name?,
        address: address?,
        phone,
        mcc: mcc?.number(),
        country: country?,
        time_zone: zone?,
        application,
        standing: if enabled { MerchantStanding::Enabled } else { MerchantStanding::Disabled },
        surcharges: surcharges.unwrap_or(Surcharges::Allowed),
        limits,
        network_tokenization: network_tokenization.unwrap_or_default(),
    })
}

/// How many lines, and behind which name.
pub(super) fn name_page(fields: &Fields) -> Option<(usize, Option<String>)> {
    let limit = fields.parsed("limit", Need::Optional, |text| {
        let number = text.parse::<i64>().ok().filter(|number| (1..=LINES.1).contains(number));
        number.ok_or("must be a whole number from 1 to 200")
    });
    let behind = fields.parsed("behind", Need::Optional, |text| Ok::<_, &str>(text.to_owned()));
    Some((usize::try_from(limit.unwrap_or(LINES.0)).ok()?, behind))
}

/// Takes off what is more than a page, and says where the next one begins.
pub(super) fn cut<T>(found: &mut Vec<Arc<T>>, most: usize, name: impl Fn(&T) -> String) -> Option<String> {
    let more = found.len() > most;
    found.truncate(most);
    found.last().filter(|_| more).map(|last| name(last))
}

impl Merchant {
    fn of(kept: &Kept) -> Self {
        let profiles::MerchantLimits { amount_max, day_amount_max, day_count_max, month_amount_max } = kept.limits;
        Merchant {
            merchant: kept.id.to_string(),
            name: kept.name.clone(),
            address: kept.address.clone(),
            phone: kept.phone.clone(),
            mcc: format!("{:04}", kept.mcc),
            country: kept.country.clone(),
            time_zone: kept.time_zone.clone(),
            application: kept.application.clone(),
            enabled: kept.standing == MerchantStanding::Enabled,
            surcharges: match kept.surcharges {
                Surcharges::Allowed => "allowed",
                Surcharges::Prohibited => "prohibited",
            },
            network_tokenization: match kept.network_tokenization {
                NetworkTokenization::Off => "off",
                NetworkTokenization::Automatic => "automatic",
            },
            amount_max,
            day_amount_max,
            day_count_max,
            month_amount_max,
        }
    }
}
