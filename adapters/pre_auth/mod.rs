//! A door of ours at which a payment is checked against the program's rules, and nothing moves: `POST …/pre-auth`. What the interface
//! says, and what of it is our own choice, is in this folder's README.

mod answer;
mod ask;
#[cfg(test)]
mod tests;

use std::time::Duration;

use holdfast_core::{Money, PaymentRef, Timestamp};
use http::HeaderMap;
use serde_json::json;

use crate::adapter::{Adapter, Budget, BudgetStart, Credentials, InFlightDuplicate, Platform, Route, RouteMethod, Use};
use crate::answer::{Answer, Echo, Refused, Reply};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::payment::LimitsAre;
use crate::proof::{Authentic, Keyring, Refusal, prove_basic, verify_basic, verify_basic_for};
use crate::settings::{SettingError, Settings};
use crate::strict::{document, document_and_number, no_number_around};

/// The door as the registry knows it.
pub const PLATFORM: Platform = Platform {
    name: "pre_auth",
    routes: &[Route { id: CHECK, method: RouteMethod::Post, path: "/pre-auth" }],
    budget: Budget {
        default: Duration::from_millis(5_000),
        min: Duration::from_millis(500),
        max: Duration::from_secs(30),
        start: BudgetStart::Receipt,
    },
    in_flight_duplicate: InFlightDuplicate::Join,
    credentials: Credentials {
        basic: Use::Needed,
        headers: Use::Possible,
        signing: Use::Never,
        answering: Use::Never,
        bypass: Use::Never,
    },
    message_name: |key| key,
    payment_of_message: |_| None,
    payment_of_token: PaymentRef::of,
    texts: Use::Needed,
    card_number_routes: &[Route { id: CHECK_BY_NUMBER, method: RouteMethod::Post, path: "/pre-auth" }],
    decision_event: None,
    build,
};

const CHECK: u8 = 0;
const CHECK_BY_NUMBER: u8 = 1;

fn build(settings: &Settings) -> Result<Box<dyn Adapter>, Vec<SettingError>> {
    let mut errors = Vec::new();
    let limits = if settings.switch("limits", true, &mut errors) { LimitsAre::Asked } else { LimitsAre::NotAsked };
    settings.refuse_unknown(&["limits"], &mut errors);
    if errors.is_empty() { Ok(Box::new(PreAuth { limits })) } else { Err(errors) }
}

/// One mount's adapter.
struct PreAuth {
    /// Whether limits are asked.
    limits: LimitsAre,
}

impl Adapter for PreAuth {
    fn verify<'a>(&self, callback: Callback<'a>, keyring: &Keyring, _: Timestamp) -> Result<Authentic<'a>, Refusal> {
        let granted = verify_basic_for(&callback, keyring)?;
        Ok(Authentic::accept(callback).granted(granted))
    }

    fn verify_head(&self, callback: &Callback<'_>, keyring: &Keyring, _: Timestamp) -> Result<(), Refusal> {
        verify_basic(callback, keyring)
    }

    fn decode<'a>(&self, authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
        let callback = authentic.callback();
        no_number_around(callback)?;
        match callback.route {
            CHECK => ask::decode(document(callback.body)?, None, self.limits),
            CHECK_BY_NUMBER => {
                let (members, number) = document_and_number(callback.body, "data", "card_number")?;
                ask::decode(members, number, self.limits)
            }
            _ => Err(Malformed::field("", "came to a route that this door does not have")),
        }
    }

    fn decode_fetched<'a>(&self, _: &Authentic<'a>, _: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        Err(Malformed::field("", "was fetched, and nothing was asked for"))
    }

    fn encode(&self, _: &Echo<'_>, answer: &Answer<'_>, _: &Keyring, _: Timestamp, body: &mut Vec<u8>) -> Reply {
        answer::encode(answer, body)
    }

    fn refuse(&self, refused: &Refused, body: &mut Vec<u8>) -> Reply {
        answer::refuse(refused, body)
    }

    fn prove(&self, _: u8, headers: &mut HeaderMap, _: &mut Vec<u8>, keyring: &Keyring, _: Timestamp) {
        prove_basic(headers, keyring);
    }

    fn sample_authorization(&self, variation: u64, card: &str, _: &str, amount: Money, body: &mut Vec<u8>) -> u8 {
        let sample = json!({
            "transaction_type": "sale",
            "merchant_id": "merchant-demo",
            "note": "what a check carries besides, in the size of a shop's ".repeat(18),
            "data": {
                "card_token": card, "transaction_amount": amount.decimal().to_string(), "currency": amount.currency().code(),
                "cardholder_name": "A Customer", "ip_address": "203.0.113.7", "reference": format!("{variation:032x}")
            }
        });
        body.extend_from_slice(sample.to_string().as_bytes());
        CHECK
    }
}
