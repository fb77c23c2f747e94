//! A platform that does not exist, for tests only: it needs of the trait what the real ones here do not need. The trait,
//! nothing else; what it exercises is in this folder's README.
//!
//! Reading order: [`wire`], [`understand`], [`answer`], [`reasons`].

mod answer;
mod reasons;
mod sample;
mod scalar;
#[cfg(test)]
mod tests;
mod understand;
mod wire;

use std::time::Duration;

use holdfast_core::{Money, PaymentRef, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::adapter::{Adapter, Budget, BudgetStart, Credentials, InFlightDuplicate, Platform, Route, RouteMethod, Use};
use crate::answer::{Answer, DecisionReference, Echo, Refused, Reply};
use crate::inbound::{Callback, Inbound, Malformed};
use crate::proof::{Authentic, Keyring, Refusal, Secret, custom_headers, prove_custom_headers, standard_webhooks};
use crate::settings::{SettingError, Settings};

/// The proving platform as the registry knows it.
pub const PLATFORM: Platform = Platform {
    name: "proving",
    routes: &[
        Route { id: AUTHORIZE, method: RouteMethod::Post, path: "/authorize" },
        Route { id: EVENTS, method: RouteMethod::Post, path: "/events" },
        Route { id: BALANCES, method: RouteMethod::Get, path: "/balances/{cardholder}" },
    ],
    budget: Budget {
        default: Duration::from_secs(3),
        min: Duration::from_millis(200),
        max: Duration::from_secs(6),
        start: BudgetStart::SentAt,
    },
    in_flight_duplicate: InFlightDuplicate::TooEarly,
    credentials: Credentials {
        basic: Use::Never,
        headers: Use::Possible,
        signing: Use::Needed,
        answering: Use::Possible,
        bypass: Use::Never,
    },
    message_name: |key| key,
    payment_of_message: |_| None,
    payment_of_token: PaymentRef::of,
    texts: Use::Never,
    card_number_routes: &[],
    decision_event: None,
    build,
};

/// A whole question, answered in the response.
const AUTHORIZE: u8 = 0;
/// Thin events: a question to be fetched and answered by a call back, and notifications.
const EVENTS: u8 = 1;
/// A balance read.
const BALANCES: u8 = 2;

fn build(settings: &Settings) -> Result<Box<dyn Adapter>, Vec<SettingError>> {
    let mut errors = Vec::new();
    settings.refuse_unknown(&[], &mut errors);
    if errors.is_empty() { Ok(Box::new(Proving)) } else { Err(errors) }
}

/// One mount's adapter: it has no settings.
struct Proving;

impl Adapter for Proving {
    fn verify<'a>(&self, callback: Callback<'a>, keyring: &Keyring, now: Timestamp) -> Result<Authentic<'a>, Refusal> {
        standard_webhooks::verify(callback, keyring, now)
    }

    fn verify_head(&self, callback: &Callback<'_>, keyring: &Keyring, _: Timestamp) -> Result<(), Refusal> {
        // The rest is signed with the body.
        custom_headers(callback, keyring)
    }

    fn decode<'a>(&self, authentic: &Authentic<'a>) -> Result<Inbound<'a>, Malformed> {
        let callback = authentic.callback();
        match callback.route {
            AUTHORIZE => understand::authorize(callback),
            EVENTS => understand::event(callback),
            BALANCES => understand::balance_read(callback),
            _ => Err(Malformed::field("", "came to a route that this platform does not have")),
        }
    }

    fn decode_fetched<'a>(&self, thin: &Authentic<'a>, fetched: &'a [u8]) -> Result<Inbound<'a>, Malformed> {
        understand::fetched(thin.callback(), fetched)
    }

    fn encode(&self, echo: &Echo<'_>, answer: &Answer<'_>, keyring: &Keyring, now: Timestamp, body: &mut Vec<u8>) -> Reply {
        let start = body.len();
        let mut reply = answer::write(echo, answer, body);
        let answer = body.get(start..).unwrap_or_default();
        if let Some(key) = keyring.answering.first() {
            // The id is made of what is said, so that a retry hears the same one; only time stamp and signature differ.
            let id = message_id(answer);
            for (name, value) in signed(&id, answer, key, now) {
                reply.headers.push((name, value));
            }
        }
        reply
    }

    fn refuse(&self, refused: &Refused, body: &mut Vec<u8>) -> Reply {
        answer::write_refused(refused, body)
    }

    /// Keeps a `webhook-id` that is there already: a retry has its first attempt's.
    fn prove(&self, _: u8, headers: &mut HeaderMap, body: &mut Vec<u8>, keyring: &Keyring, now: Timestamp) {
        let told = headers.get(standard_webhooks::ID).and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
        let id = told.unwrap_or_else(|| message_id(body));
        if let Some(key) = keyring.signing.first() {
            for (name, value) in signed(&id, body, key, now) {
                headers.insert(name, value);
            }
        }
        prove_custom_headers(headers, keyring);
    }

    fn sample_authorization(&self, variation: u64, card: &str, cardholder: &str, amount: Money, body: &mut Vec<u8>) -> u8 {
        sample::write(variation, card, cardholder, amount, body);
        AUTHORIZE
    }
}

/// The three headers of Standard Webhooks; none if the id is no header's value or the key is no key.
fn signed(id: &str, body: &[u8], key: &Secret, now: Timestamp) -> Vec<(HeaderName, HeaderValue)> {
    let values = [
        (standard_webhooks::ID, Some(id.to_owned())),
        (standard_webhooks::TIMESTAMP, Some(now.unix_seconds().to_string())),
        (standard_webhooks::SIGNATURE, standard_webhooks::sign(key, id, now, body)),
    ];
    let headers: Option<Vec<_>> = values
        .into_iter()
        .map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::try_from(value?).ok()?)))
        .collect();
    headers.unwrap_or_default()
}

/// A name for these bytes.
fn message_id(body: &[u8]) -> String {
    let mut half = [0_u8; 16];
    for (to, from) in half.iter_mut().zip(Sha256::digest(body)) {
        *to = from;
    }
    DecisionReference::from_digest(half).to_string()
}
