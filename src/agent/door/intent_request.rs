//! What is asked of `POST /v1/authorize-intent`, and what is answered: their words, and how they are read. Nothing here is evaluated.

use holdfast_adapters::agent_spend::AMOUNT_MAX;
use holdfast_core::{Country, Currency, Merchant, MerchantCategoryCode, MerchantId, MerchantName, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::agent::bodies::Remaining;
use crate::api::input::{Fields, Need};

/// How long an intent lives if nobody says.
const TTL_SECONDS: u32 = 86_400;
/// The longest that it may live.
const TTL_SECONDS_MAX: u32 = 31 * 86_400;

/// What an agent is about to buy.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "described here, read by hand")]
pub struct IntentRequest {
    /// On what it would be spent.
    #[schema(example = "sa_demo")]
    spending_authority_id: String,
    /// How much at most, in minor units; more than nothing.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 4999)]
    amount: i64,
    /// ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// What the merchant sells: four digits.
    #[schema(pattern = "^[0-9]{4}$", example = "5734")]
    mcc: Option<String>,
    /// The merchant's name. It is kept sealed; payments are compared by its letters and digits.
    #[schema(max_length = 128, example = "Software Store")]
    merchant: Option<String>,
    /// The acquirer's identifier of the merchant.
    #[schema(max_length = 40)]
    merchant_id: Option<String>,
    /// Where the merchant is, as ISO 3166-1.
    #[schema(example = "USA")]
    merchant_country: Option<String>,
    /// The one binding that may pay for it; any of the authority's if left out.
    binding_id: Option<String>,
    /// How long it is worth anything; a day if left out, 31 days at most.
    #[schema(minimum = 60, maximum = 2_678_400, example = 86_400)]
    intent_ttl_seconds: Option<u32>,
    /// Whether the amount is kept for the payment; it is not if left out. What is kept counts in the policy's limits as a payment does, now,
    /// and where a card of this server's ledger would pay (the binding that is named, or the authority's only one) its money is held,
    /// too. The payment takes it over; expired or cancelled, it is given back. An intent that waits for a reviewer keeps nothing; approving it keeps it then.
    reserve: Option<bool>,
    /// What it is for, in words. Kept sealed.
    #[schema(max_length = 500)]
    description: Option<String>,
}

/// What would become of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct IntentAnswer {
    /// What to send as `intent_reference` with the payment.
    #[schema(example = "intent_bcdfghjklmnpqrstbcdf")]
    pub(super) intent_reference: String,
    /// Whether the agent may go on: now, or once a reviewer has approved it. What could not be paid then either waits for no reviewer.
    pub(super) eligible: bool,
    /// `open`, `pending_review`, or `not_eligible`; to a retry what has become of the intent, as `GET /v1/intents` says it.
    #[schema(example = "open")]
    pub(super) status: String,
    /// Why, in the words of `/v1/authorize`.
    #[schema(value_type = super::codes::ReasonCodes, example = "POLICY_MATCH")]
    pub(super) reason_code: String,
    /// The same in a sentence.
    pub(super) reason: String,
    /// The authority.
    pub(super) spending_authority_id: String,
    /// The policy that was asked.
    pub(super) policy_id: Option<String>,
    /// Whether the amount is kept for the payment now.
    pub(super) reserved: bool,
    /// What the policy's limits have left, this intent not counted; also where it is not eligible, unless the ledger does not answer then.
    /// Of several ways (`any_of`) those of the way that would be taken, or of the first that is open where none has room, with what counts
    /// whatever way is taken; that alone where none is open.
    pub(super) remaining_limits: Vec<Remaining>,
    /// From when on it is worth nothing.
    #[schema(format = DateTime)]
    pub(super) expires_at: String,
}

/// What is asked to be validated.
pub(super) struct Asked {
    pub authority: String,
    pub binding: Option<String>,
    pub amount: Money,
    pub merchant: Merchant,
    pub merchant_name: Option<String>,
    pub description: Option<String>,
    pub ttl_seconds: u32,
    pub reserve: bool,
}

pub(super) fn read(fields: &Fields) -> Option<Asked> {
    let authority = fields.text("spending_authority_id", Need::Required).map(str::to_owned);
    let amount = fields.minor("amount", Need::Required, 1);
    if amount.is_some_and(|amount| amount > AMOUNT_MAX) {
        fields.wrong("amount", "must be at most 999999999999");
    }
    let currency = fields.parsed("currency", Need::Required, |code| {
        Currency::from_alpha(code).ok_or("must be a code of ISO 4217, such as \"USD\"")
    });
    let mcc = fields.parsed("mcc", Need::Optional, |code| {
        let digits = (code.len() == 4).then_some(code);
        digits.and_then(MerchantCategoryCode::new).ok_or("must be a merchant category code, such as \"5734\"")
    });
    let merchant_name = fields.words("merchant", Need::Optional, 128);
    let id = fields.parsed("merchant_id", Need::Optional, MerchantId::new);
    let country = fields.parsed("merchant_country", Need::Optional, |code| {
        Country::new(code).ok_or("must be a code of ISO 3166-1, such as \"USA\"")
    });
    let binding = fields.text("binding_id", Need::Optional).map(str::to_owned);
    // What is too long for its type is too long all the more.
    let ttl = fields.whole("intent_ttl_seconds", Need::Optional, 60).map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
    if ttl.is_some_and(|ttl| ttl > TTL_SECONDS_MAX) {
        fields.wrong("intent_ttl_seconds", "must be at most 2678400, which is 31 days");
    }
    let reserve = fields.switch("reserve", Need::Optional).unwrap_or(false);
    let description = fields.words("description", Need::Optional, 500);
    let name = merchant_name.as_deref().and_then(MerchantName::presented);
    if name.is_none()
        && let Some(told) = &merchant_name
    {
        // Of nothing that it could be known by, every merchant would be it.
        let has_number = MerchantName::of(told).is_some();
        fields.wrong("merchant", if has_number { "has a card number in it" } else { "has no letter or digit to be known by" });
    }
    Some(Asked {
        authority: authority?,
        binding,
        amount: Money::from_minor(amount?, currency?),
        merchant: Merchant { id, name, mcc, country },
        merchant_name,
        description,
        ttl_seconds: ttl.unwrap_or(TTL_SECONDS),
        reserve,
    })
}
